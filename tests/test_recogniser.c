/* Recognition of pages drawn here, with the installed models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/error.h"
#include "config/file.h"
#include "ocr/alto.h"
#include "ocr/recogniser.h"

#define SYSTEM_MODELS "/usr/share/tesseract-ocr/5/tessdata"

enum { PAGE_W_PX = 1240, PAGE_H_PX = 700 };

/* Black on white, depth 8, at 150 dpi: text is what pango makes of it. */
static PIX *draw(const char *text)
{
	cairo_surface_t *surface =
	    cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAGE_W_PX, PAGE_H_PX);
	cairo_t *cr = cairo_create(surface);
	PangoLayout *layout = pango_cairo_create_layout(cr);
	PangoFontDescription *font = pango_font_description_from_string("Liberation Serif 22");
	PIX *pix = pixCreate(PAGE_W_PX, PAGE_H_PX, 8);

	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_set_source_rgb(cr, 0, 0, 0);
	cairo_move_to(cr, 100, 80);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_text(layout, text, -1);
	pango_cairo_show_layout(cr, layout);
	cairo_surface_flush(surface);
	const unsigned char *data = cairo_image_surface_get_data(surface);
	int stride = cairo_image_surface_get_stride(surface);
	for (int y = 0; y < PAGE_H_PX; y++)
		for (int x = 0; x < PAGE_W_PX; x++)
			SET_DATA_BYTE(
			    pixGetData(pix) + y * pixGetWpl(pix), x, data[y * stride + 4 * x]);
	pango_font_description_free(font);
	g_object_unref(layout);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return pix;
}

static bool models_there(void **state)
{
	if (file_exists(SYSTEM_MODELS "/deu.traineddata"))
		return true;
	print_message("skipped: no German language data here\n");
	return false;
}

static struct recogniser *open_recogniser(void)
{
	struct recogniser *recogniser = NULL;
	struct error err = {0};

	if (!recogniser_open("deu", "", &recogniser, &err))
		fail_msg("%s", err.what);
	return recogniser;
}

static const char letter[] =
    "Sehr geehrte Damen und Herren,\ndie Überprüfung der Größe ergab nach dem Verwal-\n"
    "tungsverfahren keine Mängel. Die Haupt-\nund Nebenräume sind geprüft.";

static void test_page_words_where_they_are(void **state)
{
	struct recognition result = {0};
	struct alto_page page = {0};
	struct error err = {0};
	char text[1000] = "";

	if (!models_there(state))
		return;
	struct recogniser *recogniser = open_recogniser();
	PIX *pix = draw(letter);
	/* delivered at twice the resolution of what is recognised */
	if (!recogniser_page(recogniser, pix, 2.0, 150, 2 * PAGE_W_PX, 2 * PAGE_H_PX, 300, "P1",
		60000, &result, &err))
		fail_msg("%s", err.what);
	assert_true(result.words >= 22 && result.words <= 25);
	assert_true(result.mean_confidence > 80 && result.mean_confidence <= 100);
	assert_int_equal(result.alto_bytes, strlen(result.alto));
	assert_null(strstr(result.alto, "fileName"));
	if (!alto_page_parse(result.alto, result.alto_bytes, &page, &err))
		fail_msg("%s", err.what);
	assert_int_equal(page.width_px, 2 * PAGE_W_PX);
	for (int i = 0; i < page.n_lines; i++) {
		const struct alto_line *line = &page.lines[i];

		assert_true(line->baseline_px > line->y_px &&
		    line->baseline_px <= line->y_px + line->h_px + 2);
		for (int k = 0; k < line->n_words; k++) {
			const struct alto_word *word = &line->words[k];
			size_t n = strlen(text);

			snprintf(text + n, sizeof text - n, "%s%s", word->text,
			    word->hyphen_follows ? "~" : " ");
			assert_string_equal(word->language, "deu");
			/* there is ink in the box, and none just left of the first word */
			BOX *box = boxCreate((l_int32)word->x_px / 2, (l_int32)word->y_px / 2,
			    (l_int32)word->w_px / 2, (l_int32)word->h_px / 2);
			PIX *part = pixClipRectangle(pix, box, NULL);
			PIX *ink = pixThresholdToBinary(part, 128);
			l_int32 black = 0;

			pixCountPixels(ink, &black, NULL);
			assert_true(black > 20);
			pixDestroy(&ink);
			pixDestroy(&part);
			boxDestroy(&box);
		}
	}
	assert_non_null(strstr(text, "Sehr geehrte Damen und Herren, "));
	assert_non_null(strstr(text, "Überprüfung der Größe ergab"));
	assert_non_null(strstr(text, "Verwal~tungsverfahren"));
	assert_non_null(strstr(text, "Haupt- und"));
	alto_page_release(&page);
	recognition_release(&result);
	pixDestroy(&pix);
	recogniser_close(recogniser);
}

static void test_page_does_not_depend_on_those_before(void **state)
{
	static const char *const others[] = {
	    "Übermut tut selten gut", "1234567890 0987654321", "ÄÖÜ äöü ßßß", letter};
	struct recognition first = {0};
	struct error err = {0};

	if (!models_there(state))
		return;
	struct recogniser *recogniser = open_recogniser();
	PIX *pix = draw(letter);
	assert_true(recogniser_page(
	    recogniser, pix, 1, 150, PAGE_W_PX, PAGE_H_PX, 150, "P1", 0, &first, &err));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct recognition other = {0}, again = {0};
		PIX *between = draw(others[i]);

		assert_true(recogniser_page(
		    recogniser, between, 1, 150, PAGE_W_PX, PAGE_H_PX, 150, "P1", 0, &other, &err));
		assert_true(recogniser_page(
		    recogniser, pix, 1, 150, PAGE_W_PX, PAGE_H_PX, 150, "P1", 0, &again, &err));
		assert_string_equal(first.alto, again.alto);
		recognition_release(&other);
		recognition_release(&again);
		pixDestroy(&between);
	}
	recognition_release(&first);
	pixDestroy(&pix);
	recogniser_close(recogniser);
}

static void test_page_bad_images(void **state)
{
	static const struct {
		int w_px, h_px, depth;
		const char *what; /* NULL: recognised, without words */
	} cases[] = {
	    {1, 1, 1, NULL},
	    {1, 30000, 8, NULL},
	    {30000, 1, 1, NULL},
	    {30000, 20, 1, NULL},
	    {300, 300, 1, NULL},
	    {300, 300, 8, NULL},
	    {40000, 20, 1, "too large"},
	    {300, 300, 32, "depth 32"},
	};

	if (!models_there(state))
		return;
	struct recogniser *recogniser = open_recogniser();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct recognition result = {0};
		struct error err = {0};
		PIX *pix = pixCreate(cases[i].w_px, cases[i].h_px, cases[i].depth);
		bool ok = recogniser_page(recogniser, pix, 1, 300, cases[i].w_px, cases[i].h_px,
		    300, "P1", 60000, &result, &err);

		if (cases[i].what) {
			assert_false(ok);
			assert_int_equal(err.kind, ERROR_INPUT);
			assert_non_null(strstr(err.what, cases[i].what));
			assert_null(result.alto);
		} else {
			if (!ok)
				fail_msg("case %zu: %s", i, err.what);
			assert_int_equal(result.words, 0);
			assert_true(result.mean_confidence == 0);
		}
		recognition_release(&result);
		pixDestroy(&pix);
	}
	recogniser_close(recogniser);
}

static void test_page_takes_too_long(void **state)
{
	struct recognition result = {0};
	struct error err = {0};

	if (!models_there(state))
		return;
	struct recogniser *recogniser = open_recogniser();
	PIX *pix = draw(letter);
	assert_false(recogniser_page(
	    recogniser, pix, 1, 150, PAGE_W_PX, PAGE_H_PX, 150, "P1", 1, &result, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "longer than 0.001 s"));
	assert_null(result.alto);
	/* and the next page is recognised as ever */
	assert_true(recogniser_page(
	    recogniser, pix, 1, 150, PAGE_W_PX, PAGE_H_PX, 150, "P1", 60000, &result, &err));
	assert_true(result.words > 20);
	recognition_release(&result);
	pixDestroy(&pix);
	recogniser_close(recogniser);
}

static void test_empty_alto(void **state)
{
	struct alto_page page = {0};
	struct error err = {0};
	char *text = recognition_empty_alto(2480, 3508, 300, "P7");

	assert_non_null(text);
	assert_true(alto_page_parse(text, strlen(text), &page, &err));
	assert_int_equal(page.n_lines, 0);
	assert_int_equal(page.height_px, 3508);
	alto_page_release(&page);
	free(text);
}

static void assert_setup(
    const char *languages, const char *tessdata, const char *what, const char *todo)
{
	struct recogniser *recogniser = NULL;
	struct error err = {0};

	assert_false(recogniser_open(languages, tessdata, &recogniser, &err));
	assert_null(recogniser);
	assert_int_equal(err.kind, ERROR_SETUP);
	if (!strstr(err.what, what))
		fail_msg("'%s' instead of '%s'", err.what, what);
	if (!strstr(err.todo, todo))
		fail_msg("'%s' instead of '%s'", err.todo, todo);
}

static void test_open_language_missing(void **state)
{
	char folder[] = "/tmp/altakt-models-XXXXXX";
	struct error err = {0};

	assert_non_null(mkdtemp(folder));
	assert_setup("deu", folder, "'deu' for text recognition is missing",
	    "apt install tesseract-ocr-deu");
	assert_setup("deu", folder, "there: none", "apt");
	assert_setup("chi_sim", folder, "'chi_sim'", "apt install tesseract-ocr-chi-sim");
	assert_setup("script/Cyrillic", folder, "'script/Cyrillic'",
	    "apt install tesseract-ocr-script-cyrl");
	assert_setup("", folder, "no language is set", "ocr.languages");
	assert_setup("deu+", folder, "no language", "+");
	assert_setup("deu++eng", folder, "no language", "+");
	assert_setup("../../etc/passwd", folder, "no language", "+");
	assert_setup("script/../x", folder, "no language", "+");
	assert_setup("deu", "/no/such/folder", "'/no/such/folder' of 'ocr.tessdata' does not exist",
	    "ocr.tessdata");
	setenv("TESSDATA_PREFIX", "/nowhere", 1);
	assert_setup(
	    "deu", "", "'/nowhere' of the environment's TESSDATA_PREFIX", "unset TESSDATA_PREFIX");
	unsetenv("TESSDATA_PREFIX");
	assert_true(file_remove(folder, &err));
}

static void test_open_model_damaged(void **state)
{
	char folder[] = "/tmp/altakt-models-XXXXXX";
	struct error err = {0};
	size_t n_bytes;

	if (!models_there(state))
		return;
	char *model = file_read(SYSTEM_MODELS "/deu.traineddata", 100 << 20, &n_bytes, &err);
	assert_non_null(model);
	assert_non_null(mkdtemp(folder));
	char *path = file_path("%s/deu.traineddata", folder);
	assert_true(file_write(path, "", 0, &err));
	assert_setup("deu", folder, "damaged", "--reinstall tesseract-ocr-deu");
	assert_true(file_write(path, "rubbish rubbish rubbish", 23, &err));
	assert_setup("deu", folder, "damaged", "--reinstall");
	assert_true(file_write(path, model, n_bytes / 4, &err));
	assert_setup("deu", folder, "damaged", "--reinstall");
	/* a sound table of contents, and nothing of what it promises */
	memset(model + 300, 0, n_bytes - 300);
	assert_true(file_write(path, model, n_bytes, &err));
	/* in a process of its own: what Tesseract held when it gave up is never released */
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct recogniser *recogniser = NULL;
		bool opened = recogniser_open("deu", folder, &recogniser, &err);

		_exit(!opened && err.kind == ERROR_SETUP &&
			    strstr(err.what, "cannot load the language data 'deu'")
			? 0
			: 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(model);
	free(path);
	assert_true(file_remove(folder, &err));
}

static void test_version_names_models(void **state)
{
	if (!models_there(state))
		return;
	struct recogniser *recogniser = open_recogniser();
	const char *version = recogniser_version(recogniser);

	assert_memory_equal(version, "tesseract 5.", 12);
	assert_non_null(strstr(version, "; deu sha256:"));
	assert_null(strchr(version, '/'));
	recogniser_close(recogniser);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_page_words_where_they_are),
	    cmocka_unit_test(test_page_does_not_depend_on_those_before),
	    cmocka_unit_test(test_page_bad_images),
	    cmocka_unit_test(test_page_takes_too_long),
	    cmocka_unit_test(test_empty_alto),
	    cmocka_unit_test(test_open_language_missing),
	    cmocka_unit_test(test_open_model_damaged),
	    cmocka_unit_test(test_version_names_models),
	};

	return cmocka_run_group_tests_name("recogniser", tests, NULL, NULL);
}
