#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairo-pdf.h>
#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/pdf.h"
#include "config/file.h"
#include "tests/encoded_pages.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char folder[] = "/tmp/altakt-pdf-XXXXXX";

static const struct note note = {.creator = "m.muster",
    .organisation = "Amt für Beispiele <A & B>",
    .environment = "Scanner Beispiel 1, altakt",
    .captured_from = "2026-11-23T08:00:00Z",
    .captured_to = "2026-11-23T09:00:00.250Z",
    .quality = "vollständig: 4 von 4 Abbildern",
    .statement = "stimmt in Bild und Inhalt mit dem Original überein"};
static const struct note_document document = {.title = "33/12345-04 — Żółć",
    .author = "m.muster",
    .file_number = "33/12345-04",
    .volume = 1,
    .batch = "b1",
    .created = "2026-11-23T11:30:00Z",
    .language = "de-DE",
    .sheets = 2,
    .pages = 4,
    .images = 4};

static const struct drawn_word letter[] = {
    {"Herr", 300, 300, 90, 36},
    {"aus", 420, 310, 60, 26},
    {"der", 500, 300, 60, 36},
    {"gehört", 585, 300, 130, 46},
    {"und", 725, 300, 60, 36},
    {"–", 800, 322, 30, 4},
    {"Straße,", 850, 300, 130, 44},
    {"eng", 983, 310, 60, 36},
    {"Ver", 1063, 300, 80, 36, true},
    {"waltung", 300, 360, 150, 46},
    {"Łódź", 480, 350, 100, 50},
    {"İstanbul", 600, 350, 160, 46},
    {"Москва", 780, 360, 150, 36},
    {"𝔄𝔅", 960, 360, 80, 36},
    {"السلام", 900, 420, 150, 46},
    {"12.03.2024", 700, 500, 150, 36},
    {"عليكم", 860, 500, 150, 46},
    {"Ende", 480, 560, 100, 36},
};
enum { N_LETTER = sizeof letter / sizeof *letter };

static struct alto_page letter_alto(void)
{
	struct alto_page alto = alto_drawn(2480, 3508, letter, N_LETTER, 70);

	for (int i = 0; i < 2; i++) {
		alto.lines[i].baseline_px = i == 0 ? 336 : 396;
		alto.lines[i].x_px = 300;
	}
	return alto;
}

static char *path_of(const char *name)
{
	return file_path("%s/%s", folder, name);
}

static void make(
    const char *name, const struct encoded_page *pages, int n, const struct alto_page *alto)
{
	struct error err = {0};
	struct pdf *pdf = NULL;
	char *path = path_of(name);

	if (!pdf_open(path, &pdf, &err))
		fail_msg("%s", err.what);
	for (int i = 0; i < n; i++)
		if (!pdf_add(pdf, &pages[i], alto, &err))
			fail_msg("%s", err.what);
	if (!pdf_finish(pdf, &note, &document, &err))
		fail_msg("%s", err.what);
	pdf_close(pdf);
	int n_pages = 0;
	if (!pdf_pages(path, &n_pages, &err))
		fail_msg("%s", err.what);
	assert_int_equal(n_pages, n);
	free(path);
}

static char *run(const char *fmt, const char *name, int *code)
{
	char *path = path_of(name), *command, *text = calloc(1, 1 << 20);
	size_t n = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	command = file_path(fmt, path);
#pragma GCC diagnostic pop
	FILE *out = popen(command, "re");
	assert_non_null(out);
	n = fread(text, 1, (1 << 20) - 1, out);
	text[n] = '\0';
	int status = pclose(out);
	if (code)
		*code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	free(command);
	free(path);
	return text;
}

/* Its characters from the last to the first. */
static void turn_utf8(char *text)
{
	size_t n = strlen(text), k = 0;
	char *turned = calloc(1, n + 1);

	for (size_t end = n; n > 0; n--)
		if ((text[n - 1] & 0xc0) != 0x80) { /* a character begins here */
			memcpy(turned + k, text + n - 1, end - n + 1);
			k += end - n + 1;
			end = n - 1;
		}
	strcpy(text, turned);
	free(turned);
}

/*
 * Whether poppler's word is ours, with the hyphen where it is cut. -bbox tells the characters from
 * left to right, as they are seen, also of Arabic (whose letters begin with D8 to DB here).
 */
static bool same_text(const char *xml, const struct alto_word *w)
{
	static const struct {
		const char *name, *is;
	} entities[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}};
	const char *at = strchr(xml, '>') + 1, *end = strstr(at, "</word>");
	char text[200] = "", wanted[200];
	size_t n = 0;

	while (at < end && n + 1 < sizeof text) {
		size_t k = 0;

		while (k < 4 && strncmp(at, entities[k].name, strlen(entities[k].name)) != 0)
			k++;
		text[n++] = k < 4 ? *entities[k].is : *at;
		at += k < 4 ? strlen(entities[k].name) : 1;
	}
	snprintf(wanted, sizeof wanted, "%s%s", w->text, w->hyphen_follows ? "-" : "");
	if ((uint8_t)*text >= 0xd8 && (uint8_t)*text <= 0xdb)
		turn_utf8(text);
	return strcmp(text, wanted) == 0;
}

/*
 * Every word of the ALTO must be among poppler's words of page 1: its box within 2 px, its letters,
 * and as many words as there are.
 */
static void assert_words_in_boxes(const char *name, const struct alto_page *alto, double dpi)
{
	char *text = run("pdftotext -q -f 1 -l 1 -bbox '%s' -", name, NULL);
	double px = dpi / 72;
	int n_words = 0;

	for (int i = 0; i < alto->n_lines; i++)
		for (int k = 0; k < alto->lines[i].n_words; k++) {
			const struct alto_word *w = &alto->lines[i].words[k];
			const char *other = "";
			bool found = false;
			for (char *p = text; !found && (p = strstr(p, "<word xMin=")); p++) {
				double x0, y0, x1, y1;
				if (sscanf(p,
					"<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\">",
					&x0, &y0, &x1, &y1) != 4)
					continue;
				found = fabs(x0 * px - w->x_px) <= 2 &&
				    fabs(y0 * px - w->y_px) <= 2 &&
				    fabs(x1 * px - w->x_px - w->w_px) <= 2 &&
				    fabs(y1 * px - w->y_px - w->h_px) <= 2;
				if (found && !same_text(p, w)) {
					other = " with its letters";
					found = false;
				}
			}
			if (!found)
				fail_msg(
				    "%s: no word%s where '%s' is:\n%s", name, other, w->text, text);
			n_words++;
		}
	for (const char *p = text; (p = strstr(p, "<word xMin=")); p++)
		n_words--;
	assert_int_equal(n_words, 0);
	free(text);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void test_pdf_finish_words_lie_in_their_boxes(void **state)
{
	static const char *const names[] = {"bitonal.pdf", "grey.pdf", "colour.pdf", "mixed.pdf"};
	struct alto_page alto = letter_alto();

	for (int k = 0; k < 4; k++) {
		struct encoded_page page =
		    page_drawn((enum page_kind)k, 2480, 3508, 300, letter, N_LETTER);
		make(names[k], &page, 1, &alto);
		assert_words_in_boxes(names[k], &alto, 300);
		encoded_page_release(&page);
	}
	alto_page_release(&alto);
}

static void test_pdf_finish_lines_copy_with_single_spaces(void **state)
{
	char *text = run("pdftotext -q '%s' -", "bitonal.pdf", NULL);

	assert_contains(
	    text, "Herr aus der gehört und – Straße, eng Verwaltung Łódź İstanbul Москва 𝔄𝔅\n");
	assert_contains(text, "السلام");
	assert_contains(text, "12.03.2024 \u202bعليكم");
	free(text);
}

/* As readers search: poppler's own search, over a line's end too. */
static void test_pdf_finish_words_are_found(void **state)
{
	int code = 0;
	char *text = run(ALTAKT_SOURCE_DIR
	    "/tests/tools/find '%s' gehört Straße Verwaltung 'eng Verwaltung' waltung Łódź İstanbul "
	    "Москва السلام عليكم 12.03.2024 Herr Fehlt",
	    "bitonal.pdf", &code);

	if (code == 77) {
		fputs(text, stderr);
		free(text);
		skip();
	}
	/* a match over a line's end is marked in two places */
	assert_string_equal(text,
	    "1 gehört\n1 Straße\n2 Verwaltung\n2 eng Verwaltung\n1 waltung\n1 Łódź\n1 İstanbul\n"
	    "1 Москва\n1 السلام\n1 عليكم\n1 12.03.2024\n1 Herr\n0 Fehlt\n");
	free(text);
}

static void test_pdf_finish_images_are_passed_through(void **state)
{
	struct encoded_page page = page_drawn(PAGE_COLOUR, 620, 877, 75, letter, 0);
	size_t n = 0;

	make("pass.pdf", &page, 1, NULL);
	char *path = path_of("pass.pdf"), *data = file_read(path, 1 << 24, &n, NULL);
	assert_non_null(data);
	assert_non_null(memmem(data, n, page.layers[0].data, page.layers[0].n_bytes));
	free(data);
	free(path);
	encoded_page_release(&page);
}

/* "<column><row>a <column><row>b": a word of its own for every place */
static void column_put(struct drawn_word *words, int *n, char names[][8], char column, double x_px,
    double y_px, int rows, double w_px)
{
	for (int row = 0; row < rows; row++)
		for (int k = 0; k < 2; k++, (*n)++) {
			/* every third line is without descender, or ends early */
			snprintf(names[*n], 8, "%c%d%c", column, row % 10000, "ab"[k]);
			words[*n] = (struct drawn_word){names[*n], x_px + k * (w_px / 2 + 10),
			    y_px + 58 * row, row % 3 == 2 && k ? w_px / 4 : w_px / 2 - 10,
			    row % 3 == 1 ? 34 : 44, false};
		}
}

static void assert_in_order(const char *text, char column, int rows)
{
	const char *at = text;

	for (int row = 0; row < rows; row++) {
		char line[32];
		snprintf(line, sizeof line, "%c%da %c%db", column, row, column, row);
		const char *next = strstr(at, line);
		if (!next)
			fail_msg("'%s' is not in its line and order:\n%s", line, text);
		at = next;
	}
}

/* A heading over two narrow columns, whose gap is hardly wider than a letter is high. */
static void test_pdf_finish_columns_stay_apart(void **state)
{
	enum { ROWS = 12 };
	static char names[4 * ROWS + 4][8];
	static struct drawn_word words[4 * ROWS + 4];
	int n = 0;

	words[n++] = (struct drawn_word){"Überschrift", 400, 200, 900, 60, false};
	column_put(words, &n, names, 'L', 300, 290, ROWS, 560);
	column_put(words, &n, names, 'R', 930, 290, ROWS, 560);
	struct encoded_page page = page_drawn(PAGE_BITONAL, 1800, 1200, 300, words, n);
	struct alto_page alto = alto_drawn(1800, 1200, words, n, 29);
	assert_int_equal(alto.n_lines, 2 * ROWS + 1);
	for (int i = 1; i < alto.n_lines; i++)
		alto.lines[i].block = i <= ROWS ? 1 : 2;
	make("columns.pdf", &page, 1, &alto);
	assert_words_in_boxes("columns.pdf", &alto, 300);
	char *text = run("pdftotext -q '%s' -", "columns.pdf", NULL);
	assert_in_order(text, 'L', ROWS);
	assert_in_order(text, 'R', ROWS);
	assert_true(strstr(text, "L11b") < strstr(text, "R0a"));
	free(text);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

/* A table: cells far apart, rows that belong together. -layout keeps them on a line. */
static void test_pdf_finish_table_rows(void **state)
{
	static const struct drawn_word words[] = {{"Name", 200, 300, 150, 40, false},
	    {"Betrag", 900, 300, 180, 50, false}, {"Datum", 1500, 300, 170, 40, false},
	    {"Muster", 200, 380, 180, 40, false}, {"27,00", 980, 384, 100, 42, false},
	    {"01.02.2024", 1500, 380, 260, 40, false}, {"Beispiel", 200, 460, 210, 52, false},
	    {"1.335,50", 920, 460, 160, 44, false}, {"—", 1500, 478, 40, 6, false}};
	struct encoded_page page = page_drawn(PAGE_BITONAL, 2000, 1000, 300, words, 9);
	struct alto_page alto = alto_drawn(2000, 1000, words, 9, 80);

	for (int i = 0; i < alto.n_lines; i++)
		alto.lines[i].baseline_px = 340 + 80 * i;
	make("table.pdf", &page, 1, &alto);
	assert_words_in_boxes("table.pdf", &alto, 300);
	char *text = run("pdftotext -q -layout '%s' - | tr -s ' '", "table.pdf", NULL);
	assert_contains(text, "Name Betrag Datum\n");
	assert_contains(text, "Muster 27,00 01.02.2024\n");
	assert_contains(text, "Beispiel 1.335,50 —\n");
	free(text);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

/* A line that is read from right to left, a number and a Latin word in it. */
static void test_pdf_finish_right_to_left_line(void **state)
{
	static const struct drawn_word words[] = {{"السلام", 900, 100, 150, 46, false},
	    {"عليكم", 720, 100, 160, 46, false}, {"12/2024", 540, 100, 160, 40, false},
	    {"مرحبا", 380, 100, 140, 46, false}};
	struct encoded_page page = page_drawn(PAGE_BITONAL, 1200, 400, 200, words, 4);
	struct alto_page alto = alto_drawn(1200, 400, words, 4, 1000);
	struct alto_line *line = &alto.lines[0];

	/* in the order of reading, all on one line */
	line->words = realloc(line->words, 4 * sizeof *line->words);
	for (int i = 1; i < 4; i++) {
		line->words[i] = alto.lines[i].words[0];
		free(alto.lines[i].words);
	}
	line->n_words = 4;
	line->x_px = 380;
	alto.n_lines = 1;
	make("rtl.pdf", &page, 1, &alto);
	assert_words_in_boxes("rtl.pdf", &alto, 200);
	char *text = run("pdftotext -q '%s' -", "rtl.pdf", NULL);
	assert_contains(text, "السلام عليكم ");
	assert_contains(text, "12/2024");
	assert_contains(text, "مرحبا");
	assert_true(strstr(text, "عليكم") < strstr(text, "12/2024"));
	assert_true(strstr(text, "12/2024") < strstr(text, "مرحبا"));
	free(text);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

/* Each turn of the block, and 20° between, on a square page. */
static void test_pdf_finish_turned_blocks(void **state)
{
	static const struct drawn_word words[] = {
	    {"hoch", 100, 400, 40, 130}, {"Rand", 100, 240, 40, 120}};
	struct encoded_page page = page_drawn(PAGE_BITONAL, 1000, 1000, 200, words, 2);
	struct alto_page alto = alto_drawn(1000, 1000, words, 2, 2000);

	alto.lines[0].words[0].y_px = 400;
	for (int deg = 90; deg < 360; deg += 90) {
		char name[32];
		snprintf(name, sizeof name, "turned%d.pdf", deg);
		for (int i = 0; i < alto.n_lines; i++)
			alto.lines[i].rotation_deg = deg;
		make(name, &page, 1, &alto);
		assert_words_in_boxes(name, &alto, 200);
	}
	char *text = run("pdftotext -q '%s' -", "turned90.pdf", NULL);
	assert_contains(text, "hoch Rand");
	free(text);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

static void test_pdf_finish_odd_sizes(void **state)
{
	static const struct {
		int width_px, height_px;
		double dpi;
		const char *size;
	} sizes[] = {
	    {1, 1, 300, "3 x 3 pts"},
	    {200, 30000, 300, "48 x 7200 pts"},
	    {30000, 200, 75, "14400 x 96 pts"},
	    {1654, 2339, 200, "595.44 x 842.04 pts"},
	    {1748, 2480, 299.72, "419.912 x 595.756 pts"},
	};
	struct alto_page none = {.width_px = 1, .height_px = 1};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct encoded_page page = page_drawn(
		    PAGE_MIXED, sizes[i].width_px, sizes[i].height_px, sizes[i].dpi, NULL, 0);
		char name[32];
		snprintf(name, sizeof name, "odd%zu.pdf", i);
		make(name, &page, 1, i % 2 ? &none : NULL);
		char *text = run("pdfinfo '%s'", name, NULL);
		assert_contains(text, sizes[i].size);
		free(text);
		encoded_page_release(&page);
	}
}

static void test_pdf_finish_is_a_pure_function(void **state)
{
	struct alto_page alto = letter_alto();
	struct encoded_page page = page_drawn(PAGE_BITONAL, 2480, 3508, 300, letter, N_LETTER);
	char *a, *b, *path;
	size_t n_a = 0, n_b = 0;

	make("one.pdf", &page, 1, &alto);
	sleep(1); /* a clock that counts seconds would show */
	setlocale(LC_ALL, "de_DE.UTF-8");
	make("two.pdf", &page, 1, &alto);
	setlocale(LC_ALL, "C");
	path = path_of("one.pdf");
	a = file_read(path, 1 << 24, &n_a, NULL);
	free(path);
	path = path_of("two.pdf");
	b = file_read(path, 1 << 24, &n_b, NULL);
	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, n_a);
	unlink(path);
	free(path);
	free(a);
	free(b);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

static void test_pdf_finish_hostile_text(void **state)
{
	static const struct drawn_word words[] = {
	    {"\xef\xbb\xbf", 10, 10, 20, 20}, /* U+FEFF alone: nothing is left */
	    {"a\xef\xbb\xbf"
	     "b\x01",
		40, 10, 20, 20},       /* and inside of a word */
	    {"flach", 70, 10, 20, 0},  /* no height */
	    {"weg", -500, 10, 20, 20}, /* off the page */
	    {"(\\)<>", 70, 10, 50, 20},
	};
	struct encoded_page page = page_drawn(PAGE_BITONAL, 400, 400, 100, NULL, 0);
	struct alto_page alto = alto_drawn(400, 400, words, 5, 70);
	char *text;

	make("hostile.pdf", &page, 1, &alto);
	text = run("pdftotext -q '%s' -", "hostile.pdf", NULL);
	assert_contains(text, "ab (\\)<>");
	free(text);
	alto_page_release(&alto);
	encoded_page_release(&page);
}

static void test_pdf_finish_metadata(void **state)
{
	char *info = run("pdfinfo '%s'", "bitonal.pdf", NULL),
	     *meta = run("pdfinfo -meta '%s'", "bitonal.pdf", NULL);

	assert_contains(info, "33/12345-04 — Żółć");
	assert_contains(info, "m.muster");
	assert_contains(meta, "<pdfaid:conformance>U</pdfaid:conformance>");
	assert_contains(
	    meta, "<note:organisation>Amt für Beispiele &lt;A &amp; B&gt;</note:organisation>");
	assert_contains(meta, "<note:anomalies>keine</note:anomalies>");
	assert_contains(meta, "<note:capturedTo>2026-11-23T09:00:00.250Z</note:capturedTo>");
	free(info);
	free(meta);
}

/* Peak memory of a child that makes a PDF of n pages of about 150 kB and 288 words. */
static long peak_kib(int n, const char *name)
{
	int status = 0;
	struct rusage usage;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enum { BYTES = 150 * 1024 };
		struct layer layer = {LAYER_JPEG, 800, 1000, 1, 0, 0, 800, 1000};
		struct encoded_page page = {
		    .kind = PAGE_GREY, .width_px = 800, .height_px = 1000, .dpi = 100};
		static struct drawn_word words[16 * N_LETTER];
		struct pdf *pdf = NULL;
		char *path = path_of(name);
		uint32_t seed = 1;
		for (int i = 0; i < 16 * N_LETTER; i++) { /* heights of all kinds, as they are */
			words[i] = letter[i % N_LETTER];
			words[i].y_px += i / N_LETTER * 200;
			words[i].h_px += (i * 7) % 13;
		}
		struct alto_page alto = alto_drawn(2480, 3508, words, 16 * N_LETTER, 70);
		bool ok = pdf_open(path, &pdf, NULL);
		/* qpdf does not look into the image: noise will do. */
		page.layers = &layer;
		page.n_layers = 1;
		layer.n_bytes = BYTES;
		layer.data = malloc(BYTES);
		for (int i = 0; ok && i < n; i++) {
			for (int k = 0; k < BYTES; k++)
				layer.data[k] =
				    (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
			ok = pdf_add(pdf, &page, &alto, NULL);
		}
		ok = ok && pdf_finish(pdf, &note, &document, NULL);
		pdf_close(pdf);
		unlink(path);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return usage.ru_maxrss;
}

static void test_pdf_add_memory_stays_flat(void **state)
{
	const char *asked = getenv("ALTAKT_PDF_PAGES"); /* 2000: by hand, 600 MB of disk */
	int n = asked ? atoi(asked) : 600;
	long few = peak_kib(n / 10, "few.pdf"), many = peak_kib(n, "many.pdf");

	print_message("peak: %ld KiB for %d pages, %ld KiB for %d\n", few, n / 10, many, n);
	if (SANITIZED) /* their own memory is not flat */
		skip();
	/* qpdf holds each page's entries until the end, about 16 KiB, and none of its 150 kB */
	assert_true(many < few + 4 * 1024 + 16l * n);
}

static void test_pdf_add_page_without_layers(void **state)
{
	struct error err = {0};
	struct pdf *pdf = NULL;
	struct encoded_page page = {.width_px = 10, .height_px = 10, .dpi = 300};
	char *path = path_of("none.pdf");

	assert_true(pdf_open(path, &pdf, &err));
	assert_false(pdf_add(pdf, &page, NULL, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "no size"));
	err = (struct error){0};
	assert_false(pdf_finish(pdf, &note, &document, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "no pages"));
	pdf_close(pdf);
	assert_false(file_exists(path));
	free(path);
}

static void test_pdf_finish_bad_note(void **state)
{
	struct encoded_page page = page_drawn(PAGE_BITONAL, 40, 40, 100, NULL, 0);
	struct note bad = note;
	struct note_document late = document;
	struct error err = {0};
	struct pdf *pdf = NULL;
	char *path = path_of("bad.pdf");

	assert_true(pdf_open(path, &pdf, &err));
	assert_true(pdf_add(pdf, &page, NULL, &err));
	bad.quality = "eins\x02zwei";
	assert_false(pdf_finish(pdf, &bad, &document, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "'quality'"));
	pdf_close(pdf);

	err = (struct error){0};
	assert_true(pdf_open(path, &pdf, &err));
	assert_true(pdf_add(pdf, &page, NULL, &err));
	late.created = "2026-13-23T11:30:00Z";
	assert_false(pdf_finish(pdf, &note, &late, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "2026-13-23"));
	pdf_close(pdf);
	assert_false(file_exists(path));
	free(path);
	encoded_page_release(&page);
}

static void test_pdf_finish_folder_is_gone(void **state)
{
	struct encoded_page page = page_drawn(PAGE_BITONAL, 40, 40, 100, NULL, 0);
	struct error err = {0};
	struct pdf *pdf = NULL;
	char *path = path_of("nowhere/x.pdf");

	assert_true(pdf_open(path, &pdf, &err));
	assert_true(pdf_add(pdf, &page, NULL, &err));
	assert_false(pdf_finish(pdf, &note, &document, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "No such file"));
	pdf_close(pdf);
	free(path);
	encoded_page_release(&page);
}

static void test_pdf_pages_cut_off(void **state)
{
	struct error err = {0};
	char *from = path_of("bitonal.pdf"), *to = path_of("cut.pdf"), *data;
	size_t n = 0;
	int n_pages = 0;

	data = file_read(from, 1 << 24, &n, &err);
	assert_true(file_write(to, data, n - 100, &err));
	assert_false(pdf_pages(to, &n_pages, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_non_null(strstr(err.what, "cut.pdf"));
	unlink(to);
	free(data);
	free(from);
	free(to);
}

static void test_pdf_archive_of_a_cairo_page(void **state)
{
	struct note_document claim = {.title = "Abrechnung 1",
	    .author = "f.beispiel",
	    .created = "2026-11-23T12:00:00Z",
	    .language = "de-DE"};
	struct error err = {0};
	char *path = path_of("claim.pdf");
	cairo_surface_t *surface = cairo_pdf_surface_create(path, 595, 842);
	cairo_t *cr = cairo_create(surface);

	cairo_select_font_face(
	    cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_move_to(cr, 72, 72);
	cairo_set_source_rgb(cr, 0.2, 0.1, 0.6);
	cairo_show_text(cr, "27.000,00 € für 36.000 Akten");
	cairo_destroy(cr);
	cairo_surface_finish(surface);
	cairo_surface_destroy(surface);
	if (!pdf_archive(path, path, &claim, &err))
		fail_msg("%s", err.what);
	char *text = run("pdftotext -q '%s' -", "claim.pdf", NULL);
	assert_contains(text, "27.000,00 € für 36.000 Akten");
	free(text);
	free(path);
}

static void test_pdf_finish_leaves_no_parts(void **state)
{
	DIR *dir = opendir(folder);

	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    (e->d_name[0] == '.' || strstr(e->d_name, ".part")))
			fail_msg("'%s' was left", e->d_name);
	closedir(dir);
}

static void test_pdf_finish_qpdf_agrees(void **state)
{
	int code = 0;
	char *text =
	    run("cd \"$(dirname '%s')\" && for f in *.pdf; do qpdf --check $f || exit 1; done 2>&1",
		"x", &code);

	if (code != 0)
		fail_msg("%s", text);
	free(text);
}

static void test_pdf_finish_verapdf_agrees(void **state)
{
	int code = 0;
	char *text =
	    run(ALTAKT_SOURCE_DIR "/tests/tools/verapdf $(dirname '%s')/*.pdf 2>&1", "x", &code);

	if (code == 77) {
		fputs(text, stderr);
		free(text);
		skip();
	}
	if (code != 0)
		fail_msg("%s", text);
	free(text);
}

static int begin(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pdf_finish_words_lie_in_their_boxes),
	    cmocka_unit_test(test_pdf_finish_lines_copy_with_single_spaces),
	    cmocka_unit_test(test_pdf_finish_words_are_found),
	    cmocka_unit_test(test_pdf_finish_images_are_passed_through),
	    cmocka_unit_test(test_pdf_finish_columns_stay_apart),
	    cmocka_unit_test(test_pdf_finish_table_rows),
	    cmocka_unit_test(test_pdf_finish_right_to_left_line),
	    cmocka_unit_test(test_pdf_finish_turned_blocks),
	    cmocka_unit_test(test_pdf_finish_odd_sizes),
	    cmocka_unit_test(test_pdf_finish_is_a_pure_function),
	    cmocka_unit_test(test_pdf_finish_hostile_text),
	    cmocka_unit_test(test_pdf_finish_metadata),
	    cmocka_unit_test(test_pdf_add_memory_stays_flat),
	    cmocka_unit_test(test_pdf_add_page_without_layers),
	    cmocka_unit_test(test_pdf_finish_bad_note),
	    cmocka_unit_test(test_pdf_finish_folder_is_gone),
	    cmocka_unit_test(test_pdf_pages_cut_off),
	    cmocka_unit_test(test_pdf_archive_of_a_cairo_page),
	    cmocka_unit_test(test_pdf_finish_leaves_no_parts),
	    cmocka_unit_test(test_pdf_finish_qpdf_agrees),
	    cmocka_unit_test(test_pdf_finish_verapdf_agrees),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
