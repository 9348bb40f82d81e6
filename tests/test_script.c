/* Which script, which models, which layout: pages drawn here, the installed detector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leptonica/allheaders.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

#include "config/error.h"
#include "config/file.h"
#include "ocr/alto.h"
#include "ocr/layout.h"
#include "ocr/recogniser.h"
#include "ocr/script.h"

#define SYSTEM_MODELS "/usr/share/tesseract-ocr/5/tessdata"

enum { PAGE_W_PX = 1654, PAGE_H_PX = 1200, DPI = 200 };

static const char russian[] =
    "Свидетельство о рождении\nГражданин Иванов Иван Иванович родился\nдвенадцатого марта в городе "
    "Примерск\nМать: Иванова Мария Павловна\nОтец: Иванов Пётр Сергеевич\nМесто регистрации: отдел "
    "записи актов\nгражданского состояния города Примерска\nДата выдачи двадцать первого июня";
static const char german[] =
    "Bescheinigung über die Anmeldung\nHerr Max Mustermann hat die Verlängerung\nseiner Erlaubnis "
    "beantragt. Die Behörde\nprüft die eingereichten Unterlagen genau.\nÜber den Antrag wird nach "
    "Vorlage aller\nBescheinigungen entschieden werden.\nGrundstück Hauptstraße vierzehn, Größe\nund "
    "Maß übermittelt der Hausverwalter";
static const char arabic[] =
    "شهادة ميلاد\nالاسم الكامل محمد بن عبد الله النموذجي\nتاريخ الميلاد الثاني عشر من مارس\nمكان "
    "الولادة مدينة المثال في الجمهورية\nاسم الأب عبد الله واسم الأم فاطمة\nصدرت هذه الشهادة من مكتب "
    "السجل المدني";

struct drawing {
	cairo_surface_t *surface;
	cairo_t *cr;
};

static struct drawing drawing_open(void)
{
	struct drawing d = {
	    .surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAGE_W_PX, PAGE_H_PX)};

	d.cr = cairo_create(d.surface);
	cairo_set_source_rgb(d.cr, 1, 1, 1);
	cairo_paint(d.cr);
	cairo_set_source_rgb(d.cr, 0, 0, 0);
	return d;
}

static void drawing_text(struct drawing *d, double x, double y, const char *text)
{
	PangoLayout *layout = pango_cairo_create_layout(d->cr);
	PangoFontDescription *font = pango_font_description_from_string("DejaVu Sans 24");

	cairo_move_to(d->cr, x, y);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_text(layout, text, -1);
	pango_cairo_show_layout(d->cr, layout);
	pango_font_description_free(font);
	g_object_unref(layout);
}

/* Ends the drawing; black is 1, depth 1. */
static PIX *drawing_pix(struct drawing *d)
{
	PIX *grey = pixCreate(PAGE_W_PX, PAGE_H_PX, 8);

	cairo_surface_flush(d->surface);
	const unsigned char *data = cairo_image_surface_get_data(d->surface);
	int stride = cairo_image_surface_get_stride(d->surface);
	for (int y = 0; y < PAGE_H_PX; y++)
		for (int x = 0; x < PAGE_W_PX; x++)
			SET_DATA_BYTE(
			    pixGetData(grey) + y * pixGetWpl(grey), x, data[y * stride + 4 * x]);
	cairo_destroy(d->cr);
	cairo_surface_destroy(d->surface);
	PIX *bits = pixThresholdToBinary(grey, 128);
	pixDestroy(&grey);
	return bits;
}

static PIX *draw(const char *text)
{
	struct drawing d = drawing_open();

	drawing_text(&d, 150, 100, text);
	return drawing_pix(&d);
}

static struct script_detector *detector_there(void)
{
	struct script_detector *detector = NULL;
	struct error err = {0};

	if (!script_detector_open("", &detector, &err))
		print_message("skipped: %s\n", err.what);
	return detector;
}

static void test_detect_scripts(void **state)
{
	static const struct {
		const char *text, *script;
	} cases[] = {
	    {russian, "Cyrillic"}, {german, "Latin"}, {arabic, "Arabic"}, {"", ""}, {"x", ""}};
	struct script_detector *detector = detector_there();
	struct script_found found;

	for (size_t i = 0; detector && i < sizeof cases / sizeof *cases; i++) {
		PIX *page = draw(cases[i].text);
		script_detect(detector, page, DPI, &found);
		assert_string_equal(found.name, cases[i].script);
		assert_int_equal(found.turn_deg, 0);
		pixDestroy(&page);
	}
	script_detector_close(detector);
}

static void test_detect_which_way_up(void **state)
{
	struct script_detector *detector = detector_there();
	struct script_found found;
	PIX *upright = draw(russian);

	for (int turns = 1; detector && turns < 4; turns++) {
		PIX *page = pixRotateOrth(upright, turns);
		script_detect(detector, page, DPI, &found);
		assert_int_equal(found.turn_deg, 360 - 90 * turns);
		assert_true(found.turn_confidence > 8);
		pixDestroy(&page);
	}
	pixDestroy(&upright);
	script_detector_close(detector);
}

static void model_put(const char *folder, const char *language)
{
	struct error err = {0};
	char *path = file_path("%s/%s.traineddata", folder, language);

	assert_true(file_write(path, "", 0, &err)); /* to be there is enough to be chosen */
	free(path);
}

static void test_languages_of_what_is_installed(void **state)
{
	char folder[] = "/tmp/altakt-models-XXXXXX", languages[SCRIPT_LANGUAGES_SIZE],
	     package[SCRIPT_PACKAGE_SIZE];
	struct script_detector *detector = NULL;
	struct error err = {0};

	assert_non_null(mkdtemp(folder));
	assert_false(script_languages(folder, "Latin", languages, package, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_false(script_detector_open(folder, &detector, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.todo, "tesseract-ocr-osd"));
	assert_false(recogniser_check(SCRIPT_AUTO, folder, &err));
	assert_non_null(strstr(err.todo, "tesseract-ocr-osd"));

	model_put(folder, "deu");
	assert_true(script_languages(folder, "Cyrillic", languages, package, &err));
	assert_string_equal(languages, "deu");
	assert_string_equal(package, "tesseract-ocr-rus");
	assert_false(script_further(folder, 0, languages));

	static const char *const more[] = {"eng", "tur", "pol", "rus", "ukr", "bul", "ara"};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		model_put(folder, more[i]);
	static const struct {
		const char *script, *languages, *package;
	} cases[] = {{"Latin", "deu+eng", ""}, {"", "deu+eng", ""}, {"Cherokee", "deu+eng", ""},
	    {"Cyrillic", "rus+ukr+deu", ""}, {"Arabic", "ara+deu", ""},
	    {"Georgian", "deu+eng", "tesseract-ocr-kat"},
	    {"Han", "deu+eng", "tesseract-ocr-chi-sim"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(script_languages(folder, cases[i].script, languages, package, &err));
		assert_string_equal(languages, cases[i].languages);
		assert_string_equal(package, cases[i].package);
	}
	assert_true(script_further(folder, 0, languages));
	assert_string_equal(languages, "pol+deu");
	assert_true(script_further(folder, 1, languages));
	assert_string_equal(languages, "tur+deu");
	assert_false(script_further(folder, 2, languages));

	assert_true(script_installed(folder, "rus+kat+deu+hye", languages, package, &err));
	assert_string_equal(languages, "rus+deu");
	assert_string_equal(package, "tesseract-ocr-kat");
	assert_true(script_installed(folder, "kat", languages, package, &err));
	assert_string_equal(languages, "");
	assert_false(script_installed(folder, "../etc/passwd", languages, package, &err));
	assert_true(file_remove(folder, &err));
}

static void test_detector_model_damaged(void **state)
{
	char folder[] = "/tmp/altakt-models-XXXXXX";
	struct script_detector *detector = NULL;
	struct error err = {0};
	char rubbish[4096];

	assert_non_null(mkdtemp(folder));
	char *path = file_path("%s/osd.traineddata", folder);
	memset(rubbish, 0x77, sizeof rubbish);
	assert_true(file_write(path, rubbish, sizeof rubbish, &err));
	assert_false(script_detector_open(folder, &detector, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.todo, "tesseract-ocr-osd"));
	free(path);
	assert_true(file_remove(folder, &err));
}

/* What is read in each script, with the models that are here. */
static void test_recognise_scripts(void **state)
{
	static const struct {
		const char *model, *text, *word;
	} cases[] = {{"rus", russian, "Примерск"}, {"ara", arabic, "الميلاد"},
	    {"deu", german, "Größe"},
	    {"pol", "Źródło Górne, Święcisław\nŻaneta Łukasz, ulica Długa\nBydgoszcz", "Łukasz"},
	    {"tur", "Örnekoğlu Gülşah İpek\nİstanbul doğum tarihi\nÇağrı Şükriye", "doğum"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct recogniser *recogniser = NULL;
		struct recognition r = {0};
		struct error err = {0};
		if (!recogniser_open(cases[i].model, "", &recogniser, &err)) {
			print_message("skipped: %s: %s\n", err.what, err.todo);
			continue;
		}
		PIX *page = draw(cases[i].text);
		assert_true(recogniser_page(
		    recogniser, page, 1, DPI, PAGE_W_PX, PAGE_H_PX, DPI, "P1", 0, &r, &err));
		if (!strstr(r.alto, cases[i].word))
			fail_msg("no '%s' in %s", cases[i].word, r.alto);
		char language[32];
		snprintf(language, sizeof language, "LANG=\"%s\"", cases[i].model);
		assert_non_null(strstr(r.alto, language));
		recognition_release(&r);
		pixDestroy(&page);
		recogniser_close(recogniser);
	}
}

static void test_layout(void **state)
{
	struct layout_measure m;
	struct drawing d;
	PIX *page = draw(german);

	assert_int_equal(layout_find(page, DPI, &m), LAYOUT_BLOCK);
	assert_true(m.lines >= 6 && m.lines <= 8);		    /* lines may touch */
	assert_int_equal(layout_find(page, 0, NULL), LAYOUT_BLOCK); /* A4 wide, as it happens */
	pixDestroy(&page);

	page = draw("Zwei Zeilen\nsind kein Block");
	assert_int_equal(layout_find(page, DPI, NULL), LAYOUT_ANY);
	pixDestroy(&page);

	d = drawing_open(); /* two columns */
	drawing_text(&d, 60, 100, "links\nlinks\nlinks\nlinks\nlinks\nlinks\nlinks");
	drawing_text(&d, 900, 100, "rechts\nrechts\nrechts\nrechts\nrechts\nrechts");
	page = drawing_pix(&d);
	assert_int_equal(layout_find(page, DPI, &m), LAYOUT_ANY);
	assert_true(m.split > 0.8);
	pixDestroy(&page);

	d = drawing_open(); /* a frame, as of a form or a table */
	drawing_text(&d, 150, 100, german);
	cairo_set_line_width(d.cr, 4);
	cairo_rectangle(d.cr, 60, 60, 1500, 800);
	cairo_stroke(d.cr);
	page = drawing_pix(&d);
	assert_int_equal(layout_find(page, DPI, &m), LAYOUT_ANY);
	assert_true(m.tallest_mm > 90);
	pixDestroy(&page);

	static const int sizes[][2] = {{1, 1}, {1, 30000}, {30000, 1}, {3, 3}};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		page = pixCreate(sizes[i][0], sizes[i][1], 1);
		assert_int_equal(layout_find(page, DPI, NULL), LAYOUT_ANY);
		pixSetAll(page);
		assert_int_equal(layout_find(page, 0, NULL), LAYOUT_ANY);
		pixDestroy(&page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_detect_scripts),
	    cmocka_unit_test(test_detect_which_way_up),
	    cmocka_unit_test(test_languages_of_what_is_installed),
	    cmocka_unit_test(test_detector_model_damaged),
	    cmocka_unit_test(test_recognise_scripts),
	    cmocka_unit_test(test_layout),
	};

	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
