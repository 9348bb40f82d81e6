#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/error.h"
#include "config/file.h"
#include "ocr/alto.h"

#define SCHEMA ALTAKT_SOURCE_DIR "/../shared/standards/alto/alto-3-0.xsd"

static struct alto_word word(
    const char *text, double x_px, double w_px, bool hyphen, const char *language)
{
	struct alto_word word = {
	    .text = strdup(text),
	    .x_px = x_px,
	    .y_px = 100,
	    .w_px = w_px,
	    .h_px = 40,
	    .confidence = 0.93,
	    .hyphen_follows = hyphen,
	};

	snprintf(word.language, sizeof word.language, "%s", language);
	return word;
}

static void page_make(struct alto_page *page)
{
	*page = (struct alto_page){.width_px = 2480, .height_px = 3508, .dpi = 300, .n_lines = 3};
	page->lines = calloc(3, sizeof *page->lines);
	assert_non_null(page->lines);
	for (int i = 0; i < 3; i++) {
		struct alto_line *line = &page->lines[i];

		*line = (struct alto_line){.x_px = 100,
		    .y_px = 100 + 50 * i,
		    .w_px = 900,
		    .h_px = 40,
		    .baseline_px = 135 + 50 * i,
		    .baseline_slope = i < 2 ? 0.002 : 0,
		    .block = i < 2 ? 0 : 1,
		    .rotation_deg = i < 2 ? 0 : 90};
		line->words = calloc(2, sizeof *line->words);
		assert_non_null(line->words);
		line->n_words = i == 1 ? 1 : 2;
	}
	page->lines[0].words[0] = word("\"Größe\" <&> Łódź", 100, 300, false, "deu");
	page->lines[0].words[1] = word("Verwal", 450, 550, true, "deu");
	page->lines[1].words[0] = word("tungsgericht", 100, 300, false, "deu");
	page->lines[2].words[0] = word("Справка", 100, 300, false, "rus");
	page->lines[2].words[1] = word("شهادة", 450, 200, false, "ara");
}

static void test_write_reads_back_the_same(void **state)
{
	struct alto_page page, back = {0};
	struct error err = {0};
	size_t n_bytes;

	page_make(&page);
	char *text = alto_page_write(&page, "P1", "tesseract 5", &n_bytes, &err);
	assert_non_null(text);
	assert_int_equal(n_bytes, strlen(text));
	if (!alto_page_parse(text, n_bytes, &back, &err))
		fail_msg("%s", err.what);
	assert_int_equal(back.width_px, page.width_px);
	assert_int_equal(back.height_px, page.height_px);
	assert_true(back.dpi == 300);
	assert_int_equal(back.n_lines, page.n_lines);
	for (int i = 0; i < page.n_lines; i++) {
		const struct alto_line *a = &page.lines[i], *b = &back.lines[i];

		assert_int_equal(a->n_words, b->n_words);
		assert_int_equal(a->block, b->block);
		assert_int_equal(a->rotation_deg, b->rotation_deg);
		assert_true(a->baseline_px == b->baseline_px);
		assert_float_equal((float)a->baseline_slope, (float)b->baseline_slope, 0.0002f);
		for (int k = 0; k < a->n_words; k++) {
			const struct alto_word *v = &a->words[k], *w = &b->words[k];

			assert_string_equal(v->text, w->text);
			assert_string_equal(v->language, w->language);
			assert_int_equal(v->hyphen_follows, w->hyphen_follows);
			assert_true(v->x_px == w->x_px && v->w_px == w->w_px &&
			    v->y_px == w->y_px && v->h_px == w->h_px);
			assert_true(v->confidence == w->confidence);
		}
	}
	assert_non_null(strstr(text, "SUBS_TYPE=\"HypPart1\" SUBS_CONTENT=\"Verwaltungsgericht\""));
	assert_non_null(strstr(text, "SUBS_TYPE=\"HypPart2\" SUBS_CONTENT=\"Verwaltungsgericht\""));
	free(text);
	alto_page_release(&page);
	alto_page_release(&back);
}

static void test_write_is_the_same_in_every_locale(void **state)
{
	struct alto_page page;
	struct error err = {0};
	size_t n_bytes, n_german;

	page_make(&page);
	char *text = alto_page_write(&page, "P1", "x", &n_bytes, &err);
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		print_message("skipped: no German locale here\n");
	char *german = alto_page_write(&page, "P1", "x", &n_german, &err);
	setlocale(LC_ALL, "C");
	assert_string_equal(text, german);
	free(text);
	free(german);
	alto_page_release(&page);
}

static void test_write_leaves_out_what_xml_cannot_hold(void **state)
{
	struct alto_page page, back = {0};
	struct error err = {0};
	size_t n_bytes;

	page_make(&page);
	free(page.lines[1].words[0].text);
	page.lines[1].words[0].text = strdup("a\x01\x1f\xEF\xBF\xBF"
					     "b");
	char *text = alto_page_write(&page, "P1", "x", &n_bytes, &err);
	assert_true(alto_page_parse(text, n_bytes, &back, &err));
	assert_string_equal(back.lines[1].words[0].text, "ab");
	free(text);
	alto_page_release(&page);
	alto_page_release(&back);
}

static void test_write_valid_by_the_schema(void **state)
{
	char folder[] = "/tmp/altakt-alto-XXXXXX";
	struct alto_page page;
	struct error err = {0};
	char command[1200];
	size_t n_bytes;

	if (!file_exists(SCHEMA) || system("command -v xmllint >/dev/null") != 0) {
		print_message("skipped: no ALTO schema or no xmllint here\n");
		return;
	}
	assert_non_null(mkdtemp(folder));
	for (int empty = 0; empty < 2; empty++) {
		page_make(&page);
		if (empty) {
			alto_page_release(&page);
			page = (struct alto_page){.width_px = 10, .height_px = 20};
		}
		char *text = alto_page_write(&page, "P1", "x", &n_bytes, &err);
		char *path = file_path("%s/page.xml", folder);
		assert_true(file_write(path, text, n_bytes, &err));
		/* the schema names xlink's by its address: the copy beside it is taken instead */
		snprintf(command, sizeof command,
		    "cd %s && cp %s/../shared/standards/alto/*.xsd . && chmod u+w *.xsd && "
		    "sed -i 's|schemaLocation=\"[^\"]*xlink.xsd\"|schemaLocation=\"xlink.xsd\"|' alto-3-0.xsd && "
		    "xmllint --nonet --noout --schema alto-3-0.xsd page.xml 2>&1 | grep -v validates; test ${PIPESTATUS:-0} = 0 && "
		    "xmllint --nonet --noout --schema alto-3-0.xsd page.xml 2>/dev/null",
		    folder, ALTAKT_SOURCE_DIR);
		assert_int_equal(system(command), 0);
		free(path);
		free(text);
		alto_page_release(&page);
	}
	assert_true(file_remove(folder, &err));
}

#define PAGE(inside)                                                                                     \
	"<alto xmlns=\"http://www.loc.gov/standards/alto/ns-v3#\"><Layout><Page ID=\"P\" WIDTH=\"100\" " \
	"HEIGHT=\"100\"><PrintSpace>" inside "</PrintSpace></Page></Layout></alto>"
#define LINE(inside)                                                                       \
	PAGE("<TextBlock><TextLine HPOS=\"1\" VPOS=\"1\" WIDTH=\"9\" HEIGHT=\"9\">" inside \
	     "</TextLine></TextBlock>")

static void test_parse_hostile(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
	    {"", "not well-formed"},
	    {"rubbish", "not well-formed"},
	    {"<alto>", "not well-formed"},
	    {"<alto/>", "no page"},
	    {"<html><body/></html>", "no page"},
	    {"<!DOCTYPE a [<!ENTITY x \"y\">]><alto><Layout>&x;</Layout></alto>", "entities"},
	    {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><alto/>", "entities"},
	    {"<alto><Page WIDTH=\"0\" HEIGHT=\"10\"/></alto>", "size"},
	    {"<alto><Page WIDTH=\"1e9\" HEIGHT=\"10\"/></alto>", "number is none"},
	    {"<alto><Page WIDTH=\"99999999999\" HEIGHT=\"10\"/></alto>", "size"},
	    {"<alto><Page HEIGHT=\"10\"/></alto>", "missing"},
	    {"<alto><Page WIDTH=\"9\" HEIGHT=\"9\"/><Page WIDTH=\"9\" HEIGHT=\"9\"/></alto>",
		"more than one"},
	    {PAGE("<TextLine HPOS=\"nan\" VPOS=\"1\" WIDTH=\"9\" HEIGHT=\"9\"/>"),
		"number is none"},
	    {PAGE("<TextLine HPOS=\"1\" VPOS=\"1\" WIDTH=\"900\" HEIGHT=\"9\"/>"), "outside"},
	    {PAGE("<TextLine HPOS=\"1\" VPOS=\"1\" WIDTH=\"-9\" HEIGHT=\"9\"/>"), "outside"},
	    {LINE("<String CONTENT=\"a\"/>"), "missing"},
	    {LINE(
		 "<String HPOS=\"1\" VPOS=\"1\" WIDTH=\"9\" HEIGHT=\"9\" WC=\"7\" CONTENT=\"a\"/>"),
		"confidence"},
	    {LINE("<String HPOS=\"1\" VPOS=\"1\" WIDTH=\"9\" HEIGHT=\"9\" CONTENT=\"a\x80\"/>"),
		"not well-formed"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct alto_page page = {0};
		struct error err = {0};

		assert_false(alto_page_parse(cases[i].text, strlen(cases[i].text), &page, &err));
		assert_int_equal(err.kind, ERROR_INPUT);
		if (!strstr(err.what, cases[i].what))
			fail_msg("case %zu: '%s' instead of '%s'", i, err.what, cases[i].what);
		assert_null(page.lines);
	}
}

static void test_parse_takes_what_others_write(void **state)
{
	/* without BASELINE, a String and a HYP without anything else, a line without words */
	static const char text[] = LINE(
	    "<HYP CONTENT=\"-\"/><String HPOS=\"1.5\" VPOS=\"1\" WIDTH=\"4\" HEIGHT=\"9\" CONTENT=\"\"/>"
	    "<String HPOS=\"1.5\" VPOS=\"1\" WIDTH=\"4\" HEIGHT=\"9\" CONTENT=\"Wort\"/>");
	struct alto_page page = {0};
	struct error err = {0};

	if (!alto_page_parse(text, strlen(text), &page, &err))
		fail_msg("%s", err.what);
	assert_int_equal(page.n_lines, 1);
	assert_int_equal(page.lines[0].n_words, 1);
	assert_true(page.lines[0].baseline_px == 10);
	assert_true(page.lines[0].words[0].x_px == 1.5);
	alto_page_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_write_reads_back_the_same),
	    cmocka_unit_test(test_write_is_the_same_in_every_locale),
	    cmocka_unit_test(test_write_leaves_out_what_xml_cannot_hold),
	    cmocka_unit_test(test_write_valid_by_the_schema),
	    cmocka_unit_test(test_parse_hostile),
	    cmocka_unit_test(test_parse_takes_what_others_write),
	};

	return cmocka_run_group_tests_name("alto", tests, NULL, NULL);
}
