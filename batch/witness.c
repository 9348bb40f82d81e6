#include "batch/witness.h"

#include <stdarg.h>
#include <string.h>

#include "config/file_number.h"
#include "config/text.h"

static void say(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(FILE *to, const char *fmt, ...)
{
	va_list ap;

	if (!to)
		return;
	va_start(ap, fmt);
	vfprintf(to, fmt, ap);
	va_end(ap);
	fputc('\n', to);
}

static int valid_sheets(const struct tally_counts *c)
{
	return c->counted + c->blank_uncounted;
}

static bool valid(const struct tally_sheet *s)
{
	return !s->voided && !s->superseded && !s->separator;
}

json_t *witness_listed(const struct tally *t, const char *file_number, int volume)
{
	char key[FILE_KEY_SIZE], other[FILE_KEY_SIZE];
	json_t *entry;
	size_t i;

	file_number_key(file_number, key);
	json_array_foreach(t->expect, i, entry)
	{
		const char *number = json_string_value(json_object_get(entry, "file_number"));
		int of = (int)json_integer_value(json_object_get(entry, "volume"));
		file_number_key(number ? number : "", other);
		if (strcmp(key, other) == 0 && (of > 0 ? of : 1) == volume)
			return entry;
	}
	return NULL;
}

int witness_slip(const struct tally *t, const char *file_number, int volume, int of_the_register)
{
	const json_t *entry = witness_listed(t, file_number, volume);
	const json_t *sheets = json_object_get(entry, "sheets");

	if (of_the_register >= 0 || !json_is_integer(sheets))
		return of_the_register;
	return (int)json_integer_value(sheets);
}

bool witness_absent(const struct tally *t, const char *file_number, int volume)
{
	const struct tally_file *f = tally_file_find(t, file_number, volume);
	struct tally_counts c = {0};

	if (f)
		tally_file_counts(t, f->file, &c);
	return valid_sheets(&c) == 0 && witness_listed(t, file_number, volume);
}

/* The one other file of the batch whose own count is off by as many sheets the other way. */
static const struct tally_file *counterpart(
    const struct tally *t, const struct tally_file *f, int surplus)
{
	const struct tally_file *found = NULL;
	struct tally_counts c;

	for (int i = 0; i < t->n_files; i++) {
		const struct tally_file *other = &t->files[i];
		int wanted = other->given >= 0 ? other->given : other->prepared;
		if (other == f || wanted < 0)
			continue;
		tally_file_counts(t, other->file, &c);
		if (valid_sheets(&c) - wanted != -surplus)
			continue;
		if (found)
			return NULL;
		found = other;
	}
	return found;
}

/* A sheet of the file that was suspected of one of these kinds, or is nearly equal to another, and
 * was kept; 0: none. */
static int suspect_kept(const struct tally *t, const struct tally_file *f, int kinds, bool equal)
{
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (s->file == f->file && valid(s) &&
		    ((s->suspect_kinds & kinds) || (equal && s->near_equal != NEAR_EQUAL_NONE)))
			return s->n;
	}
	return 0;
}

enum { /* bits of tally_sheet.suspect_kinds, in the order of the tally's list */
	DOUBLE_FEED = 1 << 0,
	NEAR_EQUAL = 1 << 9,
	DEVICE_COUNT = 1 << 10,
	RECORDED_BEFORE = 1 << 11,
};

/* Why fewer sheets are valid than somebody counted, or more; the likeliest first. */
static void cause_say(const struct tally *t, const struct tally_file *f,
    const struct tally_counts *c, int wanted, FILE *to)
{
	int surplus = valid_sheets(c) - wanted, n;
	const struct tally_file *other = counterpart(t, f, surplus);

	if (!to)
		return;
	if (other && surplus < 0)
		say(to,
		    _("        likely cause: they are in file %s, which has as many too many: a cover sheet lay in the wrong place; altakt sheet move"),
		    other->file_number);
	else if (other)
		say(to,
		    _("        likely cause: they belong to file %s, which lacks as many: a cover sheet lay in the wrong place; altakt sheet move"),
		    other->file_number);
	else if (surplus < 0 && c->voided == -surplus)
		say(to,
		    _("        likely cause: the voided sheets are among those counted, and were not fed again"));
	else if (surplus < 0 && (n = suspect_kept(t, f, DOUBLE_FEED | DEVICE_COUNT, false)))
		say(to,
		    _("        likely cause: at sheet %s/%d two went through at once; it was suspected, and kept"),
		    t->batch, n);
	else if (surplus < 0)
		say(to,
		    _("        likely cause: sheets were forgotten, or two went through at once: look for them and feed them"));
	else if ((n = suspect_kept(t, f, NEAR_EQUAL | RECORDED_BEFORE, true)))
		say(to,
		    _("        likely cause: sheet %s/%d was fed twice; it was suspected, and kept"),
		    t->batch, n);
	else
		say(to,
		    _("        likely cause: sheets were fed twice or belong to another file, or the count is wrong: count the paper, void or move sheets"));
}

static void settle_say(const struct tally *t, const struct tally_file *f, FILE *to)
{
	say(to,
	    _("        where the paper is right: altakt settle %s --file '%s' --volume %d --by NAME --reason TEXT"),
	    t->batch, f->file_number, f->volume);
}

static void file_hold(
    const struct tally *t, const struct tally_file *f, FILE *to, int *decide, int *differ)
{
	struct tally_counts c;

	tally_file_counts(t, f->file, &c);
	int sheets = valid_sheets(&c);
	bool settled = tally_file_settled(f, sheets);
	if (c.fed == 0)
		return;
	if (f->prepared >= 0 && f->prepared != sheets && !settled) {
		say(to,
		    PLURAL(
			"file %s: the preparation slip says %d sheet, %d were fed and are valid (%d voided, %d superseded)",
			"file %s: the preparation slip says %d sheets, %d were fed and are valid (%d voided, %d superseded)",
			f->prepared),
		    f->file_number, f->prepared, sheets, c.voided, c.superseded);
		cause_say(t, f, &c, f->prepared, to);
		settle_say(t, f, to);
		++*differ;
	}
	if (f->given >= 0 && f->given != sheets && !settled) {
		say(to,
		    PLURAL(
			"file %s: the operator counted %d sheet, %d were fed and are valid (%d voided, %d superseded)",
			"file %s: the operator counted %d sheets, %d were fed and are valid (%d voided, %d superseded)",
			f->given),
		    f->file_number, f->given, sheets, c.voided, c.superseded);
		cause_say(t, f, &c, f->given, to);
		settle_say(t, f, to);
		++*differ;
	}
	if (f->imprint_gap > 0 && !settled) {
		say(to,
		    PLURAL(
			"file %s: the imprinter counted %d sheet more than were recorded: a number is missing",
			"file %s: the imprinter counted %d sheets more than were recorded: numbers are missing",
			f->imprint_gap),
		    f->file_number, f->imprint_gap);
		say(to,
		    _("        likely cause: sheets went through without being recorded, as after a jam: look for those before the missing numbers and feed them"));
		settle_say(t, f, to);
		++*differ;
	}
	if (tally_file_hand_differs(f, sheets)) {
		say(to,
		    PLURAL(
			"file %s: %d sheet was counted by hand, %d were fed and are valid (%d voided, %d superseded)",
			"file %s: %d sheets were counted by hand, %d were fed and are valid (%d voided, %d superseded)",
			f->hand),
		    f->file_number, f->hand, sheets, c.voided, c.superseded);
		cause_say(t, f, &c, f->hand, to);
		settle_say(t, f, to);
		++*differ;
	}
	if (t->imported && f->prepared < 0 && f->given < 0 && sheets > 0) {
		say(to,
		    _("file %s: imported images have no feed as witness; its count is needed\n        altakt import --batch %s --file '%s' --sheets N, or a register with the slip's counts"),
		    f->file_number, t->batch, f->file_number);
		++*decide;
	}
	if (f->bundled && f->pages != c.pages && c.counted > 0) {
		say(to,
		    _("file %s: its bundle has %d pages, the ledger %d\n        likely cause: the bundle was changed or copied in part: run 'altakt process'"),
		    f->file_number, f->pages, c.pages);
		++*differ;
	}
}

void witness_hold(const struct tally *t, FILE *to, int *decide, int *differ)
{
	json_t *entry;
	size_t i;

	for (int k = 0; k < t->n_files; k++)
		file_hold(t, &t->files[k], to, decide, differ);
	json_array_foreach(t->expect, i, entry)
	{
		const char *number = json_string_value(json_object_get(entry, "file_number"));
		int of = (int)json_integer_value(json_object_get(entry, "volume"));
		int volume = of > 0 ? of : 1;
		if (!number || json_object_get(entry, "settled") ||
		    !witness_absent(t, number, volume))
			continue;
		say(to,
		    _("file %s is on the batch's list, but no sheet of it was fed\n        likely cause: it was left out of the stack, or its cover sheet was: feed it, or move its sheets"),
		    number);
		say(to,
		    _("        where the paper is right: altakt settle %s --file '%s' --volume %d --by NAME --reason TEXT"),
		    t->batch, number, volume);
		++*differ;
	}
}

json_t *witness_figures(const struct tally *t, const struct tally_file *f)
{
	struct tally_counts c;
	int sides = 0;

	tally_file_counts(t, f->file, &c);
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (s->file == f->file && valid(s))
			sides += s->expected - s->missing;
	}
	json_t *figures = json_object();
	if (!t->imported)
		json_object_set_new(figures, "fed", json_integer(valid_sheets(&c)));
	json_object_set_new(figures, "images", json_integer(c.images_counted));
	json_object_set_new(figures, "sides", json_integer(sides));
	if (f->imprinted > 0)
		json_object_set_new(
		    figures, "imprinter", json_integer(f->imprinted + f->imprint_gap));
	if (f->prepared >= 0)
		json_object_set_new(figures, "slip", json_integer(f->prepared));
	if (f->given >= 0)
		json_object_set_new(figures, "operator", json_integer(f->given));
	if (f->hand >= 0)
		json_object_set_new(figures, "hand", json_integer(f->hand));
	if (f->hand_first != f->hand)
		json_object_set_new(figures, "hand_first", json_integer(f->hand_first));
	if (f->bundled)
		json_object_set_new(figures, "bundle_pages", json_integer(f->pages));
	return figures;
}
