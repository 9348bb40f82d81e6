#include <allheaders.h>
#include <cairo.h>
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zint.h>

#include <cmocka.h>

#include "config/file.h"
#include "scan/cover.h"

static const struct cover sample = {"33/12345-04", 2, "a1b2c3-7", 20};

/* A page under the pen: A4 in points. */
struct drawing {
	cairo_surface_t *surface;
	cairo_t *cr;
};

static struct drawing drawing_open(double dpi)
{
	struct drawing d;
	int w = (int)lround(210 / 25.4 * dpi), h = (int)lround(297 / 25.4 * dpi);

	d.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
	d.cr = cairo_create(d.surface);
	cairo_scale(d.cr, dpi / 72, dpi / 72);
	cairo_set_source_rgb(d.cr, 1, 1, 1);
	cairo_paint(d.cr);
	cairo_set_source_rgb(d.cr, 0, 0, 0);
	return d;
}

static void rectangle_mm(struct drawing *d, double x, double y, double w, double h, double grey)
{
	const double k = 72 / 25.4;

	cairo_set_source_rgb(d->cr, grey, grey, grey);
	cairo_rectangle(d->cr, x * k, y * k, w * k, h * k);
	cairo_fill(d->cr);
}

/* Ends it and gives the page as a 32-bit Pix. */
static PIX *drawing_close(struct drawing *d)
{
	cairo_surface_flush(d->surface);
	int w = cairo_image_surface_get_width(d->surface);
	int h = cairo_image_surface_get_height(d->surface);
	int stride = cairo_image_surface_get_stride(d->surface);
	const unsigned char *data = cairo_image_surface_get_data(d->surface);
	PIX *pix = pixCreate(w, h, 32);

	assert_non_null(pix);
	for (int y = 0; y < h; y++) {
		l_uint32 *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++) {
			uint32_t p;
			memcpy(&p, data + (size_t)y * (size_t)stride + 4 * (size_t)x, 4);
			to[x] = p << 8;
		}
	}
	cairo_destroy(d->cr);
	cairo_surface_destroy(d->surface);
	return pix;
}

static PIX *cover_page(const struct cover *cover, double dpi)
{
	struct drawing d = drawing_open(dpi);
	struct error err = {0};

	assert_true(cover_draw(d.cr, cover, "Stadt Musterhausen, Ausländerbehörde", &err));
	return drawing_close(&d);
}

/* What a scanner makes of a page: noise, skew over a black or white background, depth. */
struct scan {
	int turned_deg;
	double skew_deg;
	bool black;
	int noise;
	int depth;
};

static PIX *scanned(PIX *page, struct scan how)
{
	PIX *now = pixCopy(NULL, page), *next;
	uint32_t random = 12345;

	for (int i = 0; i < how.turned_deg / 90; i++) {
		next = pixRotate90(now, 1);
		pixDestroy(&now);
		now = next;
	}
	if (how.black) { /* the image is larger than the paper */
		next = pixAddBorder(now, pixGetWidth(now) / 40, 0x10101000);
		pixDestroy(&now);
		now = next;
	}
	if (how.skew_deg != 0) {
		next = pixRotateAMColor(
		    now, (float)(how.skew_deg * M_PI / 180), how.black ? 0x10101000 : 0xFFFFFF00);
		pixDestroy(&now);
		now = next;
	}
	for (int y = 0; how.noise && y < pixGetHeight(now); y++) {
		l_uint32 *line = pixGetData(now) + (size_t)y * (size_t)pixGetWpl(now);
		for (int x = 0; x < pixGetWidth(now); x++) {
			int rgb[3];
			for (int c = 0; c < 3; c++) {
				random = random * 1664525 + 1013904223;
				int v = (int)(line[x] >> (24 - 8 * c) & 255) - 20 +
				    (int)(random >> 24) * how.noise / 128 - how.noise;
				rgb[c] = v < 0 ? 0 : v > 255 ? 255 : v;
			}
			line[x] =
			    (l_uint32)rgb[0] << 24 | (l_uint32)rgb[1] << 16 | (l_uint32)rgb[2] << 8;
		}
	}
	if (how.depth != 32) {
		next = pixConvertTo8(now, 0);
		pixDestroy(&now);
		now = next;
	}
	if (how.depth == 1) {
		next = pixThresholdToBinary(now, 128);
		pixDestroy(&now);
		now = next;
	}
	return now;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double slowest_ms, total_ms;
static int reads;

static enum cover_answer timed_read(const PIX *page, double dpi, struct cover *cover)
{
	double from = seconds();
	enum cover_answer answer = cover_read(page, dpi, cover);
	double ms = (seconds() - from) * 1000;

	if (ms > slowest_ms)
		slowest_ms = ms;
	total_ms += ms;
	reads++;
	return answer;
}

static void times_print(const char *what)
{
	print_message("%s: %d pages, mean %.1f ms, slowest %.1f ms of processor time\n", what,
	    reads, reads ? total_ms / reads : 0, slowest_ms);
	slowest_ms = total_ms = 0;
	reads = 0;
}

static void assert_sample(const struct cover *found)
{
	assert_string_equal(found->file_number, sample.file_number);
	assert_int_equal(found->volume, sample.volume);
	assert_string_equal(found->serial, sample.serial);
	assert_int_equal(found->prepared, -1);
}

static void test_cover_text_is_read_again(void **state)
{
	static const char *const numbers[] = {"1", "33/12345-04", "../../etc/passwd", "Az. 17:3 %",
	    "ÄÖÜ ß/4", "a:b:c", "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"};
	char text[COVER_TEXT_SIZE];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct cover cover = {.volume = COVER_VOLUME_MAX, .prepared = 3}, found = {0};
		snprintf(cover.file_number, sizeof cover.file_number, "%s", numbers[i]);
		memset(cover.serial, 'z', sizeof cover.serial - 1);
		cover_text(&cover, text);
		assert_true(cover_parse(text, &found));
		assert_string_equal(found.file_number, numbers[i]);
		assert_int_equal(found.volume, COVER_VOLUME_MAX);
		assert_string_equal(found.serial, cover.serial);
	}
	cover_text(&sample, text);
	assert_int_equal(strncmp(text, "ALTAKT1:33=2F12345-04:2:a1b2c3-7:", 33), 0);
	assert_int_equal(strlen(text), 33 + 8);
}

static void test_cover_parse_refuses_what_is_damaged(void **state)
{
	static const char *const bad[] = {"", "ALTAKT1:", "ALTAKT1:::::", "https://example.org/",
	    "ALTAKT1:1:1:s", "ALTAKT1:1:1:s:", "ALTAKT1:1:1:s:00000000", "altakt1:1:1:s:00000000"};
	char text[COVER_TEXT_SIZE], broken[COVER_TEXT_SIZE + 2];
	struct cover found = {.volume = 77};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(cover_parse(bad[i], &found));
	cover_text(&sample, text);
	for (size_t i = 0; text[i]; i++) { /* every single changed or missing byte */
		memcpy(broken, text, sizeof text);
		broken[i] = (char)(broken[i] == '4' ? '5' : '4');
		assert_false(cover_parse(broken, &found));
		memmove(broken + i, text + i + 1, strlen(text + i));
		assert_false(cover_parse(broken, &found));
	}
	snprintf(broken, sizeof broken, "%s ", text);
	assert_false(cover_parse(broken, &found));
	assert_int_equal(found.volume, 77);
}

static void test_cover_read_under_every_angle(void **state)
{
	static const double skews[] = {0, 1.3, -4, 10, -10};

	PIX *page = cover_page(&sample, 150);
	for (int turned = 0; turned < 360; turned += 90)
		for (size_t i = 0; i < sizeof skews / sizeof *skews; i++) {
			struct scan how = {turned, skews[i], i & 1, 40,
			    i == 2	 ? 8
				: i == 3 ? 1
					 : 32};
			PIX *scan = scanned(page, how);
			struct cover found = {0};
			assert_int_equal(timed_read(scan, 150, &found), COVER_VALID);
			assert_sample(&found);
			pixDestroy(&scan);
		}
	pixDestroy(&page);
	times_print("cover sheets at 150 dpi");
}

static void test_cover_read_at_every_resolution(void **state)
{
	static const int dpis[] = {100, 150, 200, 300, 400, 600};
	static const int depths[] = {1, 8, 32};

	for (size_t i = 0; i < sizeof dpis / sizeof *dpis; i++) {
		PIX *page = cover_page(&sample, dpis[i]);
		for (size_t k = dpis[i] == 300 ? 0 : i % 3; k < (dpis[i] == 300 ? 3 : i % 3 + 1);
		     k++) {
			PIX *scan = scanned(page,
			    (struct scan){
				180, dpis[i] > 300 ? 0 : 2.1, dpis[i] <= 300, 20, depths[k]});
			struct cover found = {0};
			assert_int_equal(timed_read(scan, dpis[i], &found), COVER_VALID);
			assert_sample(&found);
			/* and where nobody knows the resolution */
			assert_int_equal(timed_read(scan, 0, &found), COVER_VALID);
			pixDestroy(&scan);
		}
		pixDestroy(&page);
		char what[32];
		snprintf(what, sizeof what, "cover sheets at %d dpi", dpis[i]);
		times_print(what);
	}
}

static void test_cover_read_longest_number(void **state)
{
	struct cover cover = {.volume = COVER_VOLUME_MAX, .prepared = -1}, found = {0};

	for (int i = 0; i < 32; i++)
		memcpy(cover.file_number + 2 * i, "Ä", 2);
	memset(cover.serial, '9', sizeof cover.serial - 1);
	PIX *page = cover_page(&cover, 300);
	PIX *scan = scanned(page, (struct scan){90, -3, true, 30, 8});
	assert_int_equal(timed_read(scan, 300, &found), COVER_VALID);
	assert_string_equal(found.file_number, cover.file_number);
	pixDestroy(&scan);
	pixDestroy(&page);
	page = cover_page(&cover, 200);
	scan = scanned(page, (struct scan){0, 2, false, 30, 1});
	assert_int_equal(timed_read(scan, 200, &found), COVER_VALID);
	pixDestroy(&scan);
	pixDestroy(&page);
	/* ASCII as long as can be: more than Code 128 holds */
	memset(cover.file_number, 'W', sizeof cover.file_number - 1);
	page = cover_page(&cover, 150);
	assert_int_equal(timed_read(page, 150, &found), COVER_VALID);
	assert_string_equal(found.file_number, cover.file_number);
	pixDestroy(&page);
	times_print("longest number");
}

/* White paper over the codes, as where a corner is torn off or a label sticks on it. */
static PIX *cover_patched(double dpi, bool upper, bool lower, double grey)
{
	struct drawing d = drawing_open(dpi);
	struct error err = {0};

	assert_true(cover_draw(d.cr, &sample, "", &err));
	if (upper)
		rectangle_mm(&d, 25, 40, 55, 38, grey);
	if (lower)
		rectangle_mm(&d, 130, 214, 50, 50, grey);
	return drawing_close(&d);
}

static void test_cover_read_with_torn_codes(void **state)
{
	struct cover found = {0};

	for (int which = 1; which < 4; which++)
		for (int grey = 0; grey < (which == 3 ? 2 : 1); grey++) {
			PIX *page = cover_patched(150, which & 1, which & 2, grey);
			for (int turned = 0; turned < 360;
			     turned += which == 3 && !grey ? 90 : 180) {
				PIX *scan = scanned(page,
				    (struct scan){turned, turned == 90 ? 10 : -9.5, grey, 30,
					turned == 180 ? 1 : 32});
				assert_int_equal(timed_read(scan, 150, &found),
				    which == 3 ? COVER_UNREADABLE : COVER_VALID);
				pixDestroy(&scan);
			}
			pixDestroy(&page);
		}
	times_print("torn cover sheets");
}

static void test_cover_read_half_a_sheet(void **state)
{
	static const struct {
		double x, y, w, h;
	} torn[] = {{0, 150, 210, 147}, {0, 0, 210, 160}, {110, 0, 100, 297}};
	struct error err = {0};
	struct cover found;

	for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
		struct drawing d = drawing_open(150);
		assert_true(cover_draw(d.cr, &sample, "", &err));
		rectangle_mm(&d, 20, 20, 70, 80, 1);
		rectangle_mm(&d, 120, 200, 70, 78, 1);
		rectangle_mm(&d, torn[i].x, torn[i].y, torn[i].w, torn[i].h, 0.05);
		PIX *page = drawing_close(&d);
		PIX *scan = scanned(page, (struct scan){0, 3, true, 30, 8});
		assert_int_equal(timed_read(scan, 150, &found), COVER_UNREADABLE);
		pixDestroy(&scan);
		pixDestroy(&page);
	}
	times_print("half cover sheets");
}

static void test_cover_read_codes_that_contradict(void **state)
{
	struct cover other = sample, found = {0};
	struct error err = {0};
	const double k = 72 / 25.4;

	snprintf(other.serial, sizeof other.serial, "other");
	struct drawing d = drawing_open(300);
	assert_true(cover_draw(d.cr, &sample, "", &err));
	cairo_rectangle(d.cr, 0, 150 * k, 210 * k, 147 * k);
	cairo_clip(d.cr);
	assert_true(cover_draw(d.cr, &other, "", &err));
	PIX *page = drawing_close(&d);
	assert_int_equal(cover_read(page, 300, &found), COVER_UNREADABLE);
	assert_string_equal(found.file_number, "");
	pixDestroy(&page);
}

/* Draws a code of any kind, 50 mm wide. */
static void symbol_draw(struct drawing *d, int symbology, const char *text, double y_mm)
{
	struct zint_symbol *symbol = ZBarcode_Create();

	symbol->symbology = symbology;
	assert_true(ZBarcode_Encode_and_Buffer(
			symbol, (const unsigned char *)text, (int)strlen(text), 0) < ZINT_ERROR);
	double k = 50.0 / symbol->bitmap_width;
	for (int y = 0; y < symbol->bitmap_height; y++)
		for (int x = 0; x < symbol->bitmap_width; x++)
			if (symbol->bitmap[3 * (y * symbol->bitmap_width + x)] < 128)
				rectangle_mm(d, 60 + x * k, y_mm + y * k, k * 1.05, k * 1.05, 0);
	ZBarcode_Delete(symbol);
}

static void test_cover_read_foreign_codes(void **state)
{
	struct drawing d = drawing_open(300);
	struct cover found;
	char text[COVER_TEXT_SIZE];

	symbol_draw(&d, BARCODE_QRCODE, "https://www.example.org/rechnung?nr=ALTAKT1:1:1:1:1", 20);
	symbol_draw(&d, BARCODE_CODE128, "ALTAKT1:1:1:1:1", 90);
	symbol_draw(&d, BARCODE_DATAMATRIX, "DV 11 Beispiel", 150);
	symbol_draw(&d, BARCODE_PDF417, "Fahrkarte", 220);
	PIX *page = drawing_close(&d);
	assert_int_equal(timed_read(page, 300, &found), COVER_NONE);
	PIX *scan = scanned(page, (struct scan){90, 2, true, 30, 8});
	assert_int_equal(timed_read(scan, 300, &found), COVER_NONE);
	pixDestroy(&scan);
	pixDestroy(&page);

	/* our own code is read on a page without a frame, too, beside a foreign one */
	d = drawing_open(300);
	cover_text(&sample, text);
	symbol_draw(&d, BARCODE_QRCODE, "otpauth://totp/Beispiel", 20);
	symbol_draw(&d, BARCODE_QRCODE, text, 120);
	page = drawing_close(&d);
	assert_int_equal(timed_read(page, 300, &found), COVER_VALID);
	assert_sample(&found);
	pixDestroy(&page);

	/* and with our prefix but damaged it is never an ordinary page */
	text[strlen(text) - 1] ^= 1;
	d = drawing_open(300);
	symbol_draw(&d, BARCODE_QRCODE, text, 120);
	page = drawing_close(&d);
	assert_int_equal(timed_read(page, 300, &found), COVER_UNREADABLE);
	pixDestroy(&page);
	times_print("foreign codes");
}

/* Pages that look a little like a frame. */
static void look_alike_draw(struct drawing *d, int which)
{
	switch (which) {
	case 0: /* nothing */ break;
	case 1: /* all black */ rectangle_mm(d, 0, 0, 210, 297, 0); break;
	case 2: /* a mourning border, 6 mm */
		rectangle_mm(d, 8, 8, 194, 281, 0);
		rectangle_mm(d, 14, 14, 182, 269, 1);
		break;
	case 3: /* a form: boxes of the bars' size, not filled */
		for (int i = 0; i < 6; i++)
			for (int k = 0; k < 9; k++) {
				rectangle_mm(d, 18 + 30 * i, 16 + 30 * k, 24, 6, 0);
				rectangle_mm(d, 18.4 + 30 * i, 16.4 + 30 * k, 23.2, 5.2, 1);
			}
		break;
	case 4: /* blackened lines of a file that was given to somebody */
		for (int i = 0; i < 12; i++)
			for (int k = 0; k < 3; k++)
				rectangle_mm(d, 25 + 55 * k + 7 * (i % 3), 30 + 18 * i,
				    30 + 5 * (i % 4), 6, 0);
		break;
	case 5: /* a chart of bars */
		for (int i = 0; i < 12; i++)
			rectangle_mm(d, 30 + 12 * i, 200 - 6 * i - 24, 6, 24 + 6 * i, 0);
		break;
	case 6: /* a ruled border, thick and thin */
		rectangle_mm(d, 10, 10, 190, 277, 0);
		rectangle_mm(d, 12, 12, 186, 273, 1);
		rectangle_mm(d, 13, 13, 184, 271, 0);
		rectangle_mm(d, 13.5, 13.5, 183, 270, 1);
		break;
	case 7: /* one dashed line: the fold of a payment slip, drawn too broad */
		for (int i = 0; i < 6; i++)
			rectangle_mm(d, 18 + 30 * i, 150, 24, 6, 0);
		break;
	default: /* chequered */
		for (int i = 0; i < 14; i++)
			for (int k = 0; k < 20; k++)
				if ((i + k) & 1)
					rectangle_mm(d, 14 * i, 14 * k, 14, 14, 0);
		break;
	}
}

static void test_cover_read_pages_that_look_alike(void **state)
{
	struct cover found;

	for (int which = 0; which < 9; which++) {
		struct drawing d = drawing_open(150);
		look_alike_draw(&d, which);
		PIX *page = drawing_close(&d);
		for (int k = 0; k < 2; k++) {
			PIX *scan = scanned(page, (struct scan){90 * k, 2.0 * k, k, 30, 32});
			assert_int_equal(timed_read(scan, 150, &found), COVER_NONE);
			pixDestroy(&scan);
		}
		pixDestroy(&page);
	}
	times_print("look-alikes");
}

static void test_cover_read_tiny_and_odd_images(void **state)
{
	static const int depths[] = {1, 2, 4, 8, 16, 32};
	struct cover found;

	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
		for (int w = 1; w < 100; w += 33) {
			PIX *page = pixCreate(w, 100 - w, depths[i]);
			assert_int_equal(cover_read(page, w & 2 ? 300 : -1, &found), COVER_NONE);
			pixDestroy(&page);
		}
	PIX *page = pixCreate(1, 60000, 8);
	assert_int_equal(cover_read(page, 300, &found), COVER_NONE);
	pixDestroy(&page);
}

static void *thread_read(void *self)
{
	struct cover found = {0};

	for (int i = 0; i < 4; i++)
		if (cover_read(self, 150, &found) != COVER_VALID ||
		    strcmp(found.serial, sample.serial) != 0)
			return self;
	return NULL;
}

static void test_cover_read_from_many_threads(void **state)
{
	pthread_t threads[4];
	void *failed;
	PIX *page = cover_page(&sample, 150);

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_read, page), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	pixDestroy(&page);
}

static void corpus_read(const char *folder)
{
	DIR *dir = opendir(folder);
	struct cover found;

	if (!dir) {
		print_message("skipped: no pages in %s\n", folder);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		const char *ending = strrchr(e->d_name, '.');
		if (!ending || strlen(ending) != 4 || !strstr(".jpg.tif.png", ending))
			continue;
		char *path = file_path("%s/%s", folder, e->d_name);
		PIX *page = pixRead(path);
		assert_non_null(page);
		double dpi = pixGetXRes(page);
		if (timed_read(page, dpi, &found) != COVER_NONE)
			fail_msg("%s is taken for a cover sheet", path);
		pixDestroy(&page);
		free(path);
	}
	closedir(dir);
	times_print(folder);
}

static void test_cover_read_ordinary_pages(void **state)
{
	corpus_read(ALTAKT_SOURCE_DIR "/../shared/corpus/drawn");
	corpus_read(ALTAKT_SOURCE_DIR "/../shared/corpus/real");
}

static void test_cover_print_front_and_back(void **state)
{
	char folder[] = "/tmp/altakt-cover-XXXXXX";
	struct error err = {0};
	struct cover covers[2] = {sample, sample};

	assert_non_null(mkdtemp(folder));
	char *path = file_path("%s/covers.pdf", folder);
	snprintf(covers[1].file_number, sizeof covers[1].file_number, "Ä-7");
	assert_true(cover_print(covers, 2, "Stadt Musterhausen", path, &err));
	char *command = file_path("pdfinfo %s | grep -q '^Pages: *4$' && pdfinfo %s | "
				  "grep -q 'A4'",
	    path, path);
	assert_int_equal(system(command), 0);
	free(command);
	command = file_path(
	    "pdftotext %s - | tr -s '\\n\\f' ' ' | grep -q '33/12345-04.*33/12345-04.*Ä-7.*Ä-7'",
	    path);
	assert_int_equal(system(command), 0);
	free(command);
	free(path);

	path = file_path("%s/absent/covers.pdf", folder);
	assert_false(cover_print(covers, 2, NULL, path, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "absent/covers.pdf"));
	free(path);
	assert_true(file_remove(folder, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cover_text_is_read_again),
	    cmocka_unit_test(test_cover_parse_refuses_what_is_damaged),
	    cmocka_unit_test(test_cover_read_under_every_angle),
	    cmocka_unit_test(test_cover_read_at_every_resolution),
	    cmocka_unit_test(test_cover_read_longest_number),
	    cmocka_unit_test(test_cover_read_with_torn_codes),
	    cmocka_unit_test(test_cover_read_half_a_sheet),
	    cmocka_unit_test(test_cover_read_codes_that_contradict),
	    cmocka_unit_test(test_cover_read_foreign_codes),
	    cmocka_unit_test(test_cover_read_pages_that_look_alike),
	    cmocka_unit_test(test_cover_read_tiny_and_odd_images),
	    cmocka_unit_test(test_cover_read_from_many_threads),
	    cmocka_unit_test(test_cover_read_ordinary_pages),
	    cmocka_unit_test(test_cover_print_front_and_back),
	};
	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
