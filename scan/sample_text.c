#include "scan/sample_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"

#define PICK(random, list) list[sample_random_below(random, (int)(sizeof list / sizeof *list))]

static const char *const first_names[] = {"Erika", "Max", "Amira", "Jan", "Sofia", "Otto",
    "Lieschen", "Petra", "Kemal", "Nguyen", "Olga", "Hans"};
static const char *const last_names[] = {"Beispiel", "Mustermann", "Musterfrau", "Probe",
    "Testfall", "Vorlage", "Entwurf", "Platzhalter", "Normalverbraucher", "Muster-Schönfließ"};
static const char *const streets[] = {"Musterweg", "Beispielallee", "Probestraße", "Am Testfeld",
    "Vorlagengasse", "Platz der Entwürfe"};
static const char *const towns[] = {
    "Musterhausen", "Beispielstadt", "Neudorf an der Probe", "Bad Testfeld", "Groß Musterow"};
static const char *const months[] = {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
    "August", "September", "Oktober", "November", "Dezember"};
static const char *const subjects[] = {"Verlängerung der Aufenthaltserlaubnis",
    "Antrag auf Niederlassungserlaubnis", "Anforderung fehlender Unterlagen",
    "Einladung zur persönlichen Vorsprache", "Bestätigung über den Eingang Ihres Antrags",
    "Anhörung nach § 28 des Verwaltungsverfahrensgesetzes",
    "Mitteilung über die Änderung der Anschrift", "Zustimmung zur Aufnahme einer Beschäftigung"};

/* %n name, %d date, %r reference, %e amount, %t town, %z a small number */
static const char *const sentences[] = {
    "Ihr Antrag vom %d ist hier eingegangen und wird unter dem Aktenzeichen %r bearbeitet.",
    "Bitte legen Sie bis spätestens %d einen gültigen Reisepass und zwei Lichtbilder vor.",
    "Die Gebühr beträgt %e und ist bei der Vorsprache zu entrichten.",
    "Zur Prüfung Ihres Lebensunterhalts benötigen wir die Lohnabrechnungen der letzten %z Monate.",
    "Frau %n hat am %d persönlich vorgesprochen und die Angaben zur Wohnung bestätigt.",
    "Der Mietvertrag über die Wohnung in %t wurde im Original vorgelegt und in Kopie zur Akte "
    "genommen.",
    "Gegen diesen Bescheid kann innerhalb eines Monats nach Bekanntgabe Widerspruch erhoben werden.",
    "Das Standesamt %t hat die Eheschließung am %d beurkundet.",
    "Die Ausländerbehörde %t hat die Akte mit %z Bänden zuständigkeitshalber übersandt.",
    "Nach Auskunft des Arbeitgebers besteht ein unbefristetes Beschäftigungsverhältnis seit dem %d.",
    "Die Übersetzung der Geburtsurkunde ist durch einen vereidigten Übersetzer anzufertigen.",
    "Wir weisen darauf hin, dass unvollständige Anträge nicht abschließend geprüft werden können.",
    "Herr %n wurde auf seine Mitwirkungspflichten hingewiesen und erhielt ein Merkblatt.",
    "Der Sprachnachweis der Stufe B1 liegt vor; die Teilnahme am Orientierungskurs ist belegt.",
    "Eine Rückfrage beim Einwohnermeldeamt ergab, dass die Anschrift weiterhin zutrifft.",
    "Die Krankenversicherung wurde durch Vorlage der Bescheinigung vom %d nachgewiesen.",
    "Der Vorgang ist am %d zur Wiedervorlage vorgemerkt.",
    "Für die Dauer der Prüfung wird eine Bescheinigung mit einer Gültigkeit von %z Monaten "
    "ausgestellt.",
    "Die Akteneinsicht wurde Rechtsanwalt %n am %d in den Diensträumen gewährt.",
    "Soweit Sie verhindert sind, vereinbaren Sie bitte unter Angabe des Zeichens %r einen neuen "
    "Termin.",
    "Das Einkommen beläuft sich nach den vorgelegten Unterlagen auf monatlich %e netto.",
    "Die Familie bewohnt eine Wohnung mit %z Zimmern in %t, Größe und Ausstattung sind ausreichend.",
    "Einträge im Bundeszentralregister liegen nach der Auskunft vom %d nicht vor.",
    "Die Beteiligung der Agentur für Arbeit ist in diesem Fall nicht erforderlich.",
    "Über den Antrag auf Befreiung von den Gebühren wird gesondert entschieden.",
    "Der Bescheid wurde mit Postzustellungsurkunde am %d zugestellt.",
    "Auf Blatt %z der Akte befindet sich die Erklärung über die gemeinsame Haushaltsführung.",
    "Bei Rückfragen steht Ihnen Frau %n während der Öffnungszeiten gern zur Verfügung.",
};

uint64_t sample_random_next(struct sample_random *random)
{
	uint64_t z = random->state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

int sample_random_below(struct sample_random *random, int n)
{
	return (int)(sample_random_next(random) % (uint64_t)n);
}

double sample_random_between(struct sample_random *random, double from, double to)
{
	return from + (to - from) * (double)(sample_random_next(random) >> 11) / 9007199254740992.0;
}

static void text_put(struct sample_text *text, const char *more, size_t n)
{
	if (text->n_bytes + n + 1 > text->room_bytes) {
		size_t room = 2 * (text->n_bytes + n) + 256;
		char *grown = realloc(text->text, room);
		if (!grown) {
			text->failed = 1;
			return;
		}
		text->text = grown;
		text->room_bytes = room;
	}
	memcpy(text->text + text->n_bytes, more, n);
	text->n_bytes += n;
	text->text[text->n_bytes] = '\0';
}

void sample_text_add(struct sample_text *text, const char *more)
{
	text_put(text, more, strlen(more));
	text_put(text, "\n", 1);
}

void sample_text_release(struct sample_text *text)
{
	free(text->text);
	memset(text, 0, sizeof *text);
}

char *sample_name(struct sample_random *random)
{
	const char *first = PICK(random, first_names), *last = PICK(random, last_names);

	return file_path("%s %s", first, last);
}

char *sample_address(struct sample_random *random)
{
	char *name = sample_name(random);
	const char *street = PICK(random, streets), *town = PICK(random, towns);
	int house = 1 + sample_random_below(random, 99), zip = sample_random_below(random, 1000);
	char *address = file_path("%s\n%s %d\n00%03d %s", name, street, house, zip, town);

	free(name);
	return address;
}

char *sample_date(struct sample_random *random)
{
	int day = 1 + sample_random_below(random, 28),
	    year = 1981 + sample_random_below(random, 38);
	const char *month = PICK(random, months);

	return file_path("%d. %s %d", day, month, year);
}

char *sample_reference(struct sample_random *random)
{
	int part = 1 + sample_random_below(random, 4), n = 1000 + sample_random_below(random, 9000);

	return file_path("33.%d-%d/%02d", part, n, 81 + sample_random_below(random, 18));
}

char *sample_subject(struct sample_random *random)
{
	return strdup(PICK(random, subjects));
}

static char *sample_amount(struct sample_random *random)
{
	int euros = 20 + sample_random_below(random, 2400);

	if (euros >= 1000)
		return file_path("%d.%03d,%02d EUR", euros / 1000, euros % 1000,
		    sample_random_below(random, 100));
	return file_path("%d,%02d EUR", euros, sample_random_below(random, 100));
}

static char *sample_filling(struct sample_random *random, char what)
{
	switch (what) {
	case 'n': return strdup(PICK(random, last_names));
	case 'd': return sample_date(random);
	case 'r': return sample_reference(random);
	case 'e': return sample_amount(random);
	case 't': return strdup(PICK(random, towns));
	default: return file_path("%d", 2 + sample_random_below(random, 7));
	}
}

char *sample_paragraph(struct sample_random *random, int n_sentences)
{
	struct sample_text text = {0};
	int n = (int)(sizeof sentences / sizeof *sentences);
	int at = sample_random_below(random, n);

	for (int i = 0; i < n_sentences; i++) {
		/* 3 has no divisor in common with the number of sentences: none comes twice */
		const char *s = sentences[(at + 3 * i) % n];
		if (i > 0)
			text_put(&text, " ", 1);
		while (*s) {
			size_t plain = strcspn(s, "%");
			text_put(&text, s, plain);
			s += plain;
			if (!*s)
				break;
			char *filling = sample_filling(random, s[1]);
			if (filling)
				text_put(&text, filling, strlen(filling));
			free(filling);
			s += 2;
		}
	}
	return text.text;
}
