#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leptonica/allheaders.h>
#include <pthread.h>
#include <sane/sane.h>
#include <sane/saneopts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tiffio.h>
#include <time.h>
#include <unistd.h>

#include "config/file.h"
#include "scan/paper_image.h"

static char folder[64];

static int folder_make(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/altakt-paper-XXXXXX");
	setMsgSeverity(L_SEVERITY_NONE);
	return mkdtemp(folder) && sane_init(NULL, NULL) == SANE_STATUS_GOOD ? 0 : -1;
}

static int folder_remove(void **state)
{
	struct error err = {0};
	sane_exit();
	return file_remove(folder, &err) ? 0 : -1;
}

/* --- paper --- */

static void put(const char *name, const void *data, size_t n)
{
	struct error err = {0};
	char *path = file_path("%s/%s", folder, name);

	assert_true(file_write(path, data, n, &err));
	free(path);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

/* Every page differs: no two may be taken for one another. */
static PIX *page_draw(int w, int h, int depth, unsigned seed, int dpi)
{
	PIX *pix = pixCreate(w, h, depth);

	assert_non_null(pix);
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			seed = seed * 1664525u + 1013904223u;
			unsigned v = seed >> 8;
			if (depth == 32)
				v = (v << 8) | (unsigned)((x * 255 / w) & 0xff);
			pixSetPixel(
			    pix, x, y, depth == 32 ? v & 0xffffff00 : v & ((1u << depth) - 1));
		}
	pixSetResolution(pix, dpi, dpi);
	return pix;
}

static void page_lay(const char *name, PIX *pix, int format)
{
	char *path = file_path("%s/%s", folder, name);

	assert_int_equal(pixWrite(path, pix, format), 0);
	free(path);
}

/* n small colour sides "1.png" … */
static void stack_lay(int n)
{
	for (int i = 1; i <= n; i++) {
		char name[32];
		PIX *pix = page_draw(20, 16, 32, (unsigned)i, 300);
		snprintf(name, sizeof name, "%04d.png", i);
		page_lay(name, pix, IFF_PNG);
		pixDestroy(&pix);
	}
}

/* --- scanning --- */

static SANE_Handle device_open(void)
{
	SANE_Handle h = NULL;

	assert_int_equal(sane_open(folder, &h), SANE_STATUS_GOOD);
	return h;
}

static SANE_Int option_find(SANE_Handle h, const char *name)
{
	const SANE_Option_Descriptor *d;

	for (SANE_Int i = 1; (d = sane_get_option_descriptor(h, i)); i++)
		if (d->type != SANE_TYPE_GROUP && strcmp(d->name, name) == 0)
			return i;
	fail_msg("no option '%s'", name);
	return 0;
}

static SANE_Status set_word(SANE_Handle h, const char *name, SANE_Word v, SANE_Int *info)
{
	return sane_control_option(h, option_find(h, name), SANE_ACTION_SET_VALUE, &v, info);
}

static void set_text(SANE_Handle h, const char *name, const char *text)
{
	char value[64];

	snprintf(value, sizeof value, "%s", text);
	assert_int_equal(
	    sane_control_option(h, option_find(h, name), SANE_ACTION_SET_VALUE, value, NULL),
	    SANE_STATUS_GOOD);
}

static SANE_Word get_word(SANE_Handle h, const char *name)
{
	SANE_Word v = -1;

	assert_int_equal(
	    sane_control_option(h, option_find(h, name), SANE_ACTION_GET_VALUE, &v, NULL),
	    SANE_STATUS_GOOD);
	return v;
}

static SANE_Handle duplex_open(void)
{
	SANE_Handle h = device_open();

	set_text(h, "source", "ADF Duplex");
	return h;
}

struct scan {
	SANE_Parameters p;
	uint8_t *data;
	size_t n;
};

/* Reads what sane_start() began, at most step bytes a call, to the status that ends it. */
static SANE_Status scan_read(SANE_Handle h, struct scan *out, SANE_Int step)
{
	uint8_t *piece = malloc((size_t)step + 8);
	SANE_Status status;
	SANE_Int n = 0;

	*out = (struct scan){0};
	assert_int_equal(sane_get_parameters(h, &out->p), SANE_STATUS_GOOD);
	out->data = malloc((size_t)out->p.bytes_per_line * (size_t)out->p.lines + 1);
	while (memset(piece + step, 0xa5, 8),
	    (status = sane_read(h, piece, step, &n)) == SANE_STATUS_GOOD) {
		assert_in_range(n, 1, step);
		for (int i = 0; i < 8; i++)
			assert_int_equal(piece[step + i], 0xa5);
		assert_true(
		    out->n + (size_t)n <= (size_t)out->p.bytes_per_line * (size_t)out->p.lines);
		memcpy(out->data + out->n, piece, (size_t)n);
		out->n += (size_t)n;
	}
	assert_int_equal(n, 0);
	free(piece);
	return status;
}

static SANE_Status side_scan(SANE_Handle h, struct scan *out)
{
	SANE_Status status = sane_start(h);

	*out = (struct scan){0};
	return status == SANE_STATUS_GOOD ? scan_read(h, out, 1000) : status;
}

/* Scans one side to its end and forgets it. */
static SANE_Status side_pass(SANE_Handle h)
{
	struct scan scan;
	SANE_Status status = side_scan(h, &scan);

	free(scan.data);
	return status;
}

static void assert_pixels(const struct scan *scan, PIX *wanted)
{
	PIX *pix = pixConvertTo32(wanted);
	int channels = scan->p.format == SANE_FRAME_RGB ? 3 : 1;

	assert_int_equal(scan->p.depth, 8);
	assert_int_equal(scan->p.pixels_per_line, pixGetWidth(pix));
	assert_int_equal(scan->p.lines, pixGetHeight(pix));
	assert_int_equal(scan->p.bytes_per_line, scan->p.pixels_per_line * channels);
	assert_int_equal(scan->n, (size_t)scan->p.bytes_per_line * (size_t)scan->p.lines);
	for (int y = 0; y < scan->p.lines; y++)
		for (int x = 0; x < scan->p.pixels_per_line; x++) {
			const uint8_t *got =
			    scan->data + (size_t)y * (size_t)scan->p.bytes_per_line + x * channels;
			l_int32 rgb[3];
			pixGetRGBPixel(pix, x, y, &rgb[0], &rgb[1], &rgb[2]);
			uint8_t grey =
			    paper_luminance((uint8_t)rgb[0], (uint8_t)rgb[1], (uint8_t)rgb[2]);
			for (int c = 0; c < channels; c++)
				if (got[c] != (channels == 3 ? rgb[c] : grey))
					fail_msg("pixel %d, %d, channel %d is %d", x, y, c, got[c]);
		}
	pixDestroy(&pix);
}

/* --- pixels --- */

static void test_sane_read_delivers_each_kind_of_file(void **state)
{
	static const struct {
		const char *name;
		int depth, format;
	} cases[] = {{"1.png", 32, IFF_PNG}, {"1.png", 8, IFF_PNG}, {"1.png", 1, IFF_PNG},
	    {"1.png", 2, IFF_PNG}, {"1.png", 4, IFF_PNG}, {"1.jpg", 32, IFF_JFIF_JPEG},
	    {"1.jpg", 8, IFF_JFIF_JPEG}, {"1.tif", 32, IFF_TIFF}, {"1.tif", 32, IFF_TIFF_LZW},
	    {"1.tif", 8, IFF_TIFF_ZIP}, {"1.tif", 1, IFF_TIFF_G4}, {"1.tif", 4, IFF_TIFF_LZW},
	    {"1.tif", 32, IFF_TIFF_JPEG}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		PIX *drawn = page_draw(53, 37, cases[i].depth, (unsigned)i, 300);
		page_lay(cases[i].name, drawn, cases[i].format);
		char *path = file_path("%s/%s", folder, cases[i].name);
		PIX *wanted = pixRead(path); /* Leptonica's reading of the same file */
		assert_non_null(wanted);

		static const char *const modes[] = {"Color", "Gray"};
		for (int m = 0; m < 2; m++) {
			struct scan scan;
			SANE_Handle h = device_open();
			if (m == 1 &&
			    (cases[i].format == IFF_JFIF_JPEG ||
				cases[i].format == IFF_TIFF_JPEG) &&
			    cases[i].depth == 32) {
				sane_close(h); /* its grey is JPEG's own, not that of its colours */
				continue;
			}
			set_text(h, "mode", modes[m]);
			assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
			assert_pixels(&scan, wanted);
			free(scan.data);
			sane_close(h);
			char *fed = file_path("%s/.fed", folder);
			unlink(fed);
			free(fed);
		}
		unlink(path);
		free(path);
		pixDestroy(&wanted);
		pixDestroy(&drawn);
	}
}

static void tiff_write(
    const char *name, int bits, bool tiled, bool planes, int photometric, int orient)
{
	char *path = file_path("%s/%s", folder, name);
	TIFF *t = TIFFOpen(path, "w");
	int w = 40, h = 24, samples = photometric == PHOTOMETRIC_RGB ? 3 : 1;
	uint8_t buffer[40 * 24 * 6 * 2] = {0};

	TIFFSetField(t, TIFFTAG_IMAGEWIDTH, w);
	TIFFSetField(t, TIFFTAG_IMAGELENGTH, h);
	TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, bits);
	TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples);
	TIFFSetField(t, TIFFTAG_PHOTOMETRIC, photometric);
	TIFFSetField(t, TIFFTAG_PLANARCONFIG, planes ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
	TIFFSetField(t, TIFFTAG_ORIENTATION, orient);
	for (size_t i = 0; i < sizeof buffer; i++)
		buffer[i] = (uint8_t)(i * 37 + i / 251);
	if (tiled) {
		TIFFSetField(t, TIFFTAG_TILEWIDTH, 32);
		TIFFSetField(t, TIFFTAG_TILELENGTH, 16);
		for (int i = 0; i < 4; i++)
			TIFFWriteEncodedTile(t, (uint32_t)i, buffer + i * 7, TIFFTileSize(t));
	} else {
		TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 7);
		for (int s = 0; s < (planes ? samples : 1); s++)
			for (int y = 0; y < h; y++)
				TIFFWriteScanline(
				    t, buffer + y * 5 + s * 3, (uint32_t)y, (uint16_t)s);
	}
	TIFFClose(t);
	free(path);
}

/* Whole, as libtiff converts it: our bands must join to the same. */
static void assert_as_libtiff(const char *name, const struct scan *scan)
{
	char *path = file_path("%s/%s", folder, name);
	TIFF *t = TIFFOpen(path, "r");
	uint32_t raster[40 * 24];

	assert_true(TIFFReadRGBAImageOriented(t, 40, 24, raster, ORIENTATION_TOPLEFT, 1));
	TIFFClose(t);
	for (int i = 0; i < 40 * 24; i++) {
		assert_int_equal(scan->data[3 * i], TIFFGetR(raster[i]));
		assert_int_equal(scan->data[3 * i + 1], TIFFGetG(raster[i]));
		assert_int_equal(scan->data[3 * i + 2], TIFFGetB(raster[i]));
	}
	free(path);
}

static void test_sane_read_delivers_odd_tiffs(void **state)
{
	static const struct {
		int bits;
		bool tiled, planes;
		int photometric;
	} cases[] = {{8, true, false, PHOTOMETRIC_RGB}, {8, false, true, PHOTOMETRIC_RGB},
	    {16, false, false, PHOTOMETRIC_RGB}, {16, false, false, PHOTOMETRIC_MINISBLACK},
	    {8, true, false, PHOTOMETRIC_MINISWHITE}, {8, false, false, PHOTOMETRIC_MINISWHITE},
	    {4, false, false, PHOTOMETRIC_MINISBLACK}, {1, true, false, PHOTOMETRIC_MINISWHITE},
	    {1, false, false, PHOTOMETRIC_MINISBLACK}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char name[32];
		snprintf(name, sizeof name, "%zu.tif", i);
		tiff_write(name, cases[i].bits, cases[i].tiled, cases[i].planes,
		    cases[i].photometric, ORIENTATION_TOPLEFT);
	}
	SANE_Handle h = device_open();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char name[32];
		struct scan scan;
		snprintf(name, sizeof name, "%zu.tif", i);
		assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
		assert_int_equal(scan.p.pixels_per_line, 40);
		assert_int_equal(scan.p.lines, 24);
		assert_as_libtiff(name, &scan);
		free(scan.data);
	}
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
}

static void test_sane_read_honours_its_room(void **state)
{
	static const SANE_Int steps[] = {1, 7, 60, 61, 959, 960, 100000};

	stack_lay(1);
	char *path = file_path("%s/0001.png", folder);
	PIX *wanted = pixRead(path);
	SANE_Handle h = device_open();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct scan scan;
		assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
		assert_int_equal(scan_read(h, &scan, steps[i]), SANE_STATUS_EOF);
		assert_pixels(&scan, wanted);
		free(scan.data);
		assert_int_equal(set_word(h, "put-back", 1, NULL), SANE_STATUS_GOOD);
	}
	pixDestroy(&wanted);
	free(path);
}

static void test_sane_read_lineart_packs_what_is_dark(void **state)
{
	PIX *drawn = page_draw(21, 5, 8, 7, 300);
	struct scan scan;

	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	set_text(h, "mode", "Lineart");
	assert_int_equal(set_word(h, "threshold", 100, NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_int_equal(scan.p.depth, 1);
	assert_int_equal(scan.p.format, SANE_FRAME_GRAY);
	assert_int_equal(scan.p.bytes_per_line, 3);
	for (int y = 0; y < 5; y++)
		for (int x = 0; x < 24; x++) {
			l_uint32 v = 255;
			if (x < 21)
				pixGetPixel(drawn, x, y, &v);
			assert_int_equal((scan.data[y * 3 + x / 8] >> (7 - x % 8)) & 1, v < 100);
		}
	free(scan.data);
	pixDestroy(&drawn);
}

static void test_sane_read_at_half_the_resolution_averages(void **state)
{
	PIX *drawn = pixCreate(40, 30, 8);
	struct scan scan;

	/* 2 x 2 squares of 0 100 / 200 40: their mean is 85; the right half is white */
	for (int y = 0; y < 30; y++)
		for (int x = 0; x < 40; x++) {
			static const unsigned square[2][2] = {{0, 100}, {200, 40}};
			pixSetPixel(drawn, x, y, x < 20 ? square[y & 1][x & 1] : 255);
		}
	pixSetResolution(drawn, 300, 300);
	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	set_text(h, "mode", "Gray");
	assert_int_equal(set_word(h, "resolution", 150, NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_int_equal(scan.p.pixels_per_line, 20);
	assert_int_equal(scan.p.lines, 15);
	for (int i = 0; i < 20 * 15; i++)
		assert_int_equal(scan.data[i], i % 20 < 10 ? 85 : 255);
	free(scan.data);
	pixDestroy(&drawn);
}

static void test_sane_read_at_other_resolutions_keeps_size_and_white(void **state)
{
	static const int dpis[] = {50, 75, 100, 149, 200, 299, 301, 400, 600, 1200};
	PIX *drawn = pixCreate(301, 97, 8);

	pixSetAll(drawn);
	pixSetResolution(drawn, 300, 300);
	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	for (size_t i = 0; i < sizeof dpis / sizeof *dpis; i++) {
		struct scan scan;
		assert_int_equal(set_word(h, "resolution", dpis[i], NULL), SANE_STATUS_GOOD);
		assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
		assert_int_equal(scan.p.pixels_per_line, (301 * dpis[i] + 150) / 300);
		assert_int_equal(scan.p.lines, (97 * dpis[i] + 150) / 300);
		for (size_t k = 0; k < scan.n; k++)
			assert_int_equal(scan.data[k], 255);
		free(scan.data);
		assert_int_equal(set_word(h, "put-back", 1, NULL), SANE_STATUS_GOOD);
	}
	pixDestroy(&drawn);
}

static void test_sane_read_at_twice_the_resolution_repeats(void **state)
{
	PIX *drawn = page_draw(13, 9, 8, 3, 200);
	struct scan scan;

	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	assert_int_equal(get_word(h, "resolution"), 200); /* as the paper has it */
	set_text(h, "mode", "Gray");
	assert_int_equal(set_word(h, "resolution", 400, NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	for (int y = 0; y < 18; y++)
		for (int x = 0; x < 26; x++) {
			l_uint32 v;
			pixGetPixel(drawn, x / 2, y / 2, &v);
			assert_int_equal(scan.data[y * 26 + x], v);
		}
	free(scan.data);
	pixDestroy(&drawn);
}

static void test_sane_read_of_an_area_cuts_it_out(void **state)
{
	PIX *drawn = page_draw(300, 300, 32, 5, 254); /* 0.1 mm a pixel, 30 mm */
	struct scan scan;

	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	assert_int_equal(set_word(h, "tl-x", SANE_FIX(5), NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "tl-y", SANE_FIX(2), NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "br-x", SANE_FIX(15), NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "br-y", SANE_FIX(100), NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	BOX *box = boxCreate(50, 20, 100, 280);
	PIX *wanted = pixClipRectangle(drawn, box, NULL);
	assert_pixels(&scan, wanted);
	free(scan.data);

	/* beside the paper: refused, and the sheet stays */
	assert_int_equal(set_word(h, "put-back", 1, NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "br-x", SANE_FIX(90), NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "tl-x", SANE_FIX(40), NULL), SANE_STATUS_GOOD);
	assert_int_equal(sane_start(h), SANE_STATUS_INVAL);
	assert_int_equal(get_word(h, "page-loaded"), SANE_TRUE);
	assert_int_equal(
	    sane_control_option(h, option_find(h, "tl-x"), SANE_ACTION_SET_AUTO, NULL, NULL),
	    SANE_STATUS_GOOD);
	assert_int_equal(get_word(h, "tl-x"), 0);
	boxDestroy(&box);
	pixDestroy(&wanted);
	pixDestroy(&drawn);
}

static void test_sane_read_of_an_area_at_another_resolution(void **state)
{
	PIX *drawn = pixCreate(300, 300, 8);
	struct scan scan;

	for (int y = 0; y < 300; y++)
		for (int x = 0; x < 300; x++)
			pixSetPixel(drawn, x, y, x < 100 || y < 100 ? 255 : 0);
	pixSetResolution(drawn, 254, 254);
	page_lay("1.png", drawn, IFF_PNG);
	SANE_Handle h = device_open();
	set_text(h, "mode", "Gray");
	assert_int_equal(set_word(h, "resolution", 127, NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "tl-x", SANE_FIX(8), NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "tl-y", SANE_FIX(9), NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_int_equal(scan.p.pixels_per_line, 110);
	assert_int_equal(scan.p.lines, 105);
	for (int y = 0; y < 105; y++)
		for (int x = 0; x < 110; x++)
			assert_int_equal(scan.data[y * 110 + x], x < 10 || y < 5 ? 255 : 0);
	free(scan.data);
	pixDestroy(&drawn);
}

/* --- the sheet's way --- */

static void test_sane_start_feeds_front_and_back_then_no_docs(void **state)
{
	stack_lay(5);
	SANE_Handle h = duplex_open();
	assert_int_equal(get_word(h, "page-loaded"), SANE_TRUE);
	for (int i = 1; i <= 5; i++) {
		struct scan scan;
		char *path = file_path("%s/%04d.png", folder, i);
		PIX *wanted = pixRead(path);
		assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
		assert_pixels(&scan, wanted);
		assert_int_equal(get_word(h, "feed-count"), i == 5 ? 3 : i / 2);
		free(scan.data);
		pixDestroy(&wanted);
		free(path);
	}
	SANE_Int n = 7;
	uint8_t byte;
	assert_int_equal(sane_read(h, &byte, 1, &n), SANE_STATUS_EOF);
	assert_int_equal(n, 0);
	assert_int_equal(get_word(h, "page-loaded"), SANE_FALSE);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
	sane_close(h);
	h = duplex_open();
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
}

static void read_some(SANE_Handle h)
{
	uint8_t bytes[100];
	SANE_Int n = 0;

	assert_int_equal(sane_read(h, bytes, sizeof bytes, &n), SANE_STATUS_GOOD);
	assert_int_equal(n, sizeof bytes);
}

static void test_sane_cancel_ejects_the_sheet(void **state)
{
	uint8_t byte;
	SANE_Int n;

	stack_lay(8);
	SANE_Handle h = duplex_open();
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD); /* in the middle of the front */
	read_some(h);
	sane_cancel(h);
	assert_int_equal(sane_read(h, &byte, 1, &n), SANE_STATUS_CANCELLED);
	assert_int_equal(get_word(h, "feed-count"), 1);

	assert_int_equal(side_pass(h), SANE_STATUS_EOF); /* between front and back */
	sane_cancel(h);
	sane_cancel(h);
	assert_int_equal(get_word(h, "feed-count"), 2);

	assert_int_equal(side_pass(h), SANE_STATUS_EOF); /* in the middle of the back */
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
	read_some(h);
	sane_cancel(h);
	assert_int_equal(get_word(h, "feed-count"), 3);

	sane_cancel(h); /* between two sheets: nothing */
	assert_int_equal(get_word(h, "feed-count"), 3);
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
	sane_close(h); /* as cancelling */
	h = duplex_open();
	assert_int_equal(get_word(h, "feed-count"), 4);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
}

static void test_sane_cancel_leaves_the_page_on_the_flatbed(void **state)
{
	stack_lay(2);
	SANE_Handle h = device_open();
	set_text(h, "source", "Flatbed");
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
	read_some(h);
	sane_cancel(h);
	assert_int_equal(get_word(h, "feed-count"), 0);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(get_word(h, "feed-count"), 1);
}

static void test_process_killed_in_a_sheet_leaves_it_at_the_front(void **state)
{
	stack_lay(4);
	pid_t child = fork();
	if (child == 0) {
		SANE_Handle h = duplex_open();
		side_pass(h);
		side_pass(h);
		side_pass(h); /* the second sheet's front, whole */
		kill(getpid(), SIGKILL);
	}
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFSIGNALED(how));
	SANE_Handle h = duplex_open();
	assert_int_equal(get_word(h, "feed-count"), 1);
	char *path = file_path("%s/0003.png", folder);
	PIX *wanted = pixRead(path);
	struct scan scan;
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_pixels(&scan, wanted);
	free(scan.data);
	pixDestroy(&wanted);
	free(path);
}

static void test_put_back_feeds_again(void **state)
{
	SANE_Int info = 0;

	stack_lay(4);
	SANE_Handle h = duplex_open();
	for (int i = 0; i < 4; i++)
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(set_word(h, "put-back", 1, &info), SANE_STATUS_GOOD);
	assert_true(info & SANE_INFO_RELOAD_PARAMS);
	assert_false(info & SANE_INFO_INEXACT);
	assert_int_equal(get_word(h, "put-back"), 0);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(
	    set_word(h, "put-back", 1, NULL), SANE_STATUS_DEVICE_BUSY); /* sheet inside */
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
	assert_int_equal(get_word(h, "feed-count"), 3);
	assert_int_equal(set_word(h, "put-back", 9, &info), SANE_STATUS_GOOD);
	assert_true(info & SANE_INFO_INEXACT);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
}

static void test_endorser_numbers_what_goes_through(void **state)
{
	char text[64];

	stack_lay(8);
	SANE_Handle h = duplex_open();
	SANE_Int imprint = option_find(h, "imprint");
	assert_int_equal(side_pass(h), SANE_STATUS_EOF); /* off: nothing is printed */
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(
	    sane_control_option(h, imprint, SANE_ACTION_GET_VALUE, text, NULL), SANE_STATUS_GOOD);
	assert_string_equal(text, "");
	assert_int_equal(set_word(h, "endorser", SANE_TRUE, NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "endorser-val", 417, NULL), SANE_STATUS_GOOD);
	for (int i = 0; i < 4; i++)
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(
	    sane_control_option(h, imprint, SANE_ACTION_GET_VALUE, text, NULL), SANE_STATUS_GOOD);
	assert_string_equal(text, "00000418");
	sane_close(h);
	h = duplex_open(); /* the counter is the device's, the switch is the program's */
	assert_int_equal(get_word(h, "endorser-val"), 419);
	assert_int_equal(get_word(h, "endorser"), SANE_FALSE);
	assert_int_equal(
	    sane_control_option(h, imprint, SANE_ACTION_GET_VALUE, text, NULL), SANE_STATUS_GOOD);
	assert_string_equal(text, "00000418");
	assert_int_equal(set_word(h, "put-back", 1, NULL), SANE_STATUS_GOOD);
	assert_int_equal(set_word(h, "endorser", SANE_TRUE, NULL), SANE_STATUS_GOOD);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(get_word(h, "endorser-val"), 420);
}

static void test_sane_start_again_while_reading_is_busy(void **state)
{
	uint8_t byte;
	SANE_Int n = 0;

	stack_lay(1);
	SANE_Handle h = device_open(), second = NULL;
	assert_int_equal(sane_read(h, &byte, 1, &n), SANE_STATUS_INVAL);
	assert_int_equal(sane_open(folder, &second), SANE_STATUS_DEVICE_BUSY);
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
	assert_int_equal(sane_start(h), SANE_STATUS_DEVICE_BUSY);
	assert_int_equal(set_word(h, "resolution", 200, NULL), SANE_STATUS_DEVICE_BUSY);
	assert_int_equal(get_word(h, "resolution"), 300);
	assert_int_equal(sane_read(h, &byte, -1, &n), SANE_STATUS_INVAL);
	assert_int_equal(sane_read(h, &byte, 1, &n), SANE_STATUS_GOOD);
	assert_int_equal(n, 1);
}

static void test_sane_start_keeps_the_speed(void **state)
{
	struct timespec a, b;

	stack_lay(3);
	put_text("stack.ini", "[stack]\nspeed = 600\n");
	SANE_Handle h = device_open();
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 3; i++)
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	assert_true(ms >= 200);
}

/* --- faults --- */

static void test_fault_before_and_within_a_side(void **state)
{
	static const struct {
		const char *name;
		SANE_Status status;
	} faults[] = {{"jam", SANE_STATUS_JAMMED}, {"cover-open", SANE_STATUS_COVER_OPEN},
	    {"io-error", SANE_STATUS_IO_ERROR}, {"no-docs", SANE_STATUS_NO_DOCS},
	    {"busy", SANE_STATUS_DEVICE_BUSY}, {"no-mem", SANE_STATUS_NO_MEM},
	    {"access-denied", SANE_STATUS_ACCESS_DENIED}, {"cancelled", SANE_STATUS_CANCELLED},
	    {"inval", SANE_STATUS_INVAL}};
	static const struct {
		const char *more;
		int front, n_good; /* sides before, lines before */
	} places[] = {{"", 0, -1}, {"after_lines = 0\n", 0, 0}, {"after_lines = 7\n", 0, 7},
	    {"side = back\n", 1, -1}, {"side = back\nafter_lines = 16\n", 1, 16}};

	stack_lay(6);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
			char ini[200];
			bool stays = strcmp(faults[i].name, "busy") != 0 &&
			    strcmp(faults[i].name, "no-docs") != 0;
			if (!stays && places[k].front == 1 && places[k].n_good < 0)
				continue; /* these do otherwise: the next test */
			snprintf(ini, sizeof ini, "[sheet 2]\nfault = %s\ntimes = 2\n%s",
			    faults[i].name, places[k].more);
			put_text("stack.ini", ini);
			SANE_Handle h = duplex_open();
			for (int side = 0; side < 2; side++)
				assert_int_equal(side_pass(h), SANE_STATUS_EOF);
			for (int times = 0; times < 2; times++) {
				struct scan scan;
				if (strcmp(faults[i].name, "cover-open") == 0 && k == 0)
					assert_int_equal(get_word(h, "cover-open"), SANE_TRUE);
				for (int side = 0; side < places[k].front; side++)
					assert_int_equal(side_pass(h), SANE_STATUS_EOF);
				assert_int_equal(side_scan(h, &scan), faults[i].status);
				if (places[k].n_good >= 0)
					assert_int_equal(scan.n, (size_t)places[k].n_good * 60);
				free(scan.data);
				assert_int_equal(get_word(h, "feed-count"), 1);
				if (times == 0) {
					sane_cancel(
					    h); /* as programs do: the sheet stays where it is */
					assert_int_equal(get_word(h, "feed-count"), 1);
				}
			}
			for (int side = 0; side < 4; side++)
				assert_int_equal(side_pass(h), SANE_STATUS_EOF);
			assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
			sane_close(h);
			char *fed = file_path("%s/.fed", folder);
			unlink(fed);
			free(fed);
		}
}

static void test_fault_busy_before_a_back_is_that_back_later(void **state)
{
	struct scan scan;

	stack_lay(4);
	put_text("stack.ini", "[sheet 1]\nfault = busy\ntimes = 2\nside = back\n");
	SANE_Handle h = duplex_open();
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(sane_start(h), SANE_STATUS_DEVICE_BUSY);
	assert_int_equal(sane_start(h), SANE_STATUS_DEVICE_BUSY);
	char *path = file_path("%s/0002.png", folder);
	PIX *wanted = pixRead(path);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_pixels(&scan, wanted);
	assert_int_equal(get_word(h, "feed-count"), 1);
	free(scan.data);
	pixDestroy(&wanted);
	free(path);
}

static void test_fault_no_docs_before_a_back_loses_it(void **state)
{
	struct scan scan;

	stack_lay(4);
	put_text("stack.ini", "[sheet 1]\nfault = no-docs\nside = back\n");
	SANE_Handle h = duplex_open();
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(get_word(h, "feed-count"), 0);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
	assert_int_equal(get_word(h, "feed-count"), 1);
	char *path = file_path("%s/0003.png", folder);
	PIX *wanted = pixRead(path);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_pixels(&scan, wanted);
	free(scan.data);
	pixDestroy(&wanted);
	free(path);
}

static void test_fault_disconnect_lasts_until_the_device_is_opened_again(void **state)
{
	SANE_Parameters p;
	SANE_Word v;

	stack_lay(2);
	put_text("stack.ini", "[sheet 1]\nfault = disconnect\nafter_lines = 3\n");
	SANE_Handle h = duplex_open();
	assert_int_equal(side_pass(h), SANE_STATUS_IO_ERROR);
	assert_int_equal(sane_start(h), SANE_STATUS_IO_ERROR);
	assert_int_equal(sane_get_parameters(h, &p), SANE_STATUS_IO_ERROR);
	assert_int_equal(
	    sane_control_option(h, 0, SANE_ACTION_GET_VALUE, &v, NULL), SANE_STATUS_IO_ERROR);
	sane_cancel(h);
	assert_int_equal(sane_start(h), SANE_STATUS_IO_ERROR);
	sane_close(h);
	h = duplex_open();
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(get_word(h, "feed-count"), 1);
}

static void *cancel_soon(void *handle)
{
	struct timespec t = {0, 50000000};

	nanosleep(&t, NULL);
	sane_cancel(handle);
	return NULL;
}

static void test_fault_hang_ends_by_cancelling(void **state)
{
	static const char *const places[] = {"", "after_lines = 3\n"};

	stack_lay(2);
	for (int i = 0; i < 2; i++) {
		char ini[100];
		pthread_t thread;
		snprintf(ini, sizeof ini, "[sheet 1]\nfault = hang\n%s", places[i]);
		put_text("stack.ini", ini);
		SANE_Handle h = duplex_open();
		assert_int_equal(pthread_create(&thread, NULL, cancel_soon, h), 0);
		assert_int_equal(side_pass(h), SANE_STATUS_CANCELLED);
		pthread_join(thread, NULL);
		assert_int_equal(get_word(h, "feed-count"), 0);
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
		sane_close(h);
		char *fed = file_path("%s/.fed", folder);
		unlink(fed);
		free(fed);
	}
}

static void test_fault_hang_without_blocking_gives_nothing(void **state)
{
	uint8_t bytes[400];
	SANE_Int n = 1;

	stack_lay(1);
	put_text("stack.ini", "[sheet 1]\nfault = hang\nafter_lines = 3\n");
	SANE_Handle h = device_open();
	assert_int_equal(
	    sane_set_io_mode(h, SANE_TRUE), SANE_STATUS_INVAL); /* before sane_start() */
	assert_int_equal(sane_get_select_fd(h, &n), SANE_STATUS_INVAL);
	assert_int_equal(sane_start(h), SANE_STATUS_GOOD);
	assert_int_equal(sane_set_io_mode(h, SANE_FALSE), SANE_STATUS_GOOD);
	assert_int_equal(sane_set_io_mode(h, SANE_TRUE), SANE_STATUS_GOOD);
	assert_int_equal(sane_get_select_fd(h, &n), SANE_STATUS_UNSUPPORTED);
	assert_int_equal(sane_read(h, bytes, sizeof bytes, &n), SANE_STATUS_GOOD);
	assert_int_equal(n, 180);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sane_read(h, bytes, sizeof bytes, &n), SANE_STATUS_GOOD);
		assert_int_equal(n, 0);
	}
	sane_cancel(h);
	assert_int_equal(sane_read(h, bytes, sizeof bytes, &n), SANE_STATUS_CANCELLED);
	assert_int_equal(get_word(h, "feed-count"), 0);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
}

static void test_fault_double_feed_jams_after_the_sheet(void **state)
{
	stack_lay(6);
	put_text("stack.ini", "[sheet 1]\nfault = double-feed\n");
	SANE_Handle h = duplex_open();
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(get_word(h, "double-feed"), SANE_TRUE);
	assert_int_equal(get_word(h, "feed-count"), 1);
	assert_int_equal(sane_start(h), SANE_STATUS_JAMMED);
	assert_int_equal(get_word(h, "double-feed"), SANE_TRUE); /* what the jam was */

	struct scan scan;
	char *path = file_path("%s/0005.png", folder); /* sheet 2 went through unread */
	PIX *wanted = pixRead(path);
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_pixels(&scan, wanted);
	assert_int_equal(get_word(h, "double-feed"), SANE_FALSE);
	free(scan.data);
	pixDestroy(&wanted);
	free(path);
}

static void test_fault_double_feed_unseen_without_detection(void **state)
{
	stack_lay(6);
	put_text("stack.ini", "[sheet 1]\nfault = double-feed\n");
	SANE_Handle h = duplex_open();
	assert_int_equal(set_word(h, "double-feed-detection", SANE_FALSE, NULL), SANE_STATUS_GOOD);
	for (int i = 0; i < 4; i++)
		assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(sane_start(h), SANE_STATUS_NO_DOCS);
	assert_int_equal(get_word(h, "feed-count"), 2);
}

static void test_fault_of_open(void **state)
{
	SANE_Handle h = NULL;

	stack_lay(1);
	put_text("stack.ini", "[open]\nfault = busy\nfault = access-denied\n");
	assert_int_equal(sane_open(folder, &h), SANE_STATUS_DEVICE_BUSY);
	assert_int_equal(sane_open(folder, &h), SANE_STATUS_ACCESS_DENIED);
	h = device_open();
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
}

/* --- images that are none --- */

static void cut(const char *name, long keep)
{
	char *path = file_path("%s/%s", folder, name);
	long size = (long)file_size_bytes(path);

	assert_int_equal(truncate(path, keep < 0 ? size + keep : keep), 0);
	free(path);
}

static void put_png_head(const char *name, uint32_t w, uint32_t h)
{
	uint8_t png[33] = {
	    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
	uint32_t crc = 0xffffffffu;

	for (int i = 0; i < 4; i++) {
		png[16 + i] = (uint8_t)(w >> (24 - 8 * i));
		png[20 + i] = (uint8_t)(h >> (24 - 8 * i));
	}
	png[24] = 8;
	png[25] = 2;
	for (int i = 12; i < 29; i++) {
		crc ^= png[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		png[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
	put(name, png, sizeof png);
}

static void bad_truncated_jpeg(void)
{
	PIX *pix = page_draw(200, 150, 32, 1, 300);
	page_lay("1.jpg", pix, IFF_JFIF_JPEG);
	pixDestroy(&pix);
	cut("1.jpg", -2000);
}

static void bad_truncated_png(void)
{
	PIX *pix = page_draw(200, 150, 32, 1, 300);
	page_lay("1.png", pix, IFF_PNG);
	pixDestroy(&pix);
	cut("1.png", -2000);
}

static void bad_truncated_tiff(void)
{
	PIX *pix = page_draw(200, 150, 32, 1, 300);
	page_lay("1.tif", pix, IFF_TIFF_LZW);
	pixDestroy(&pix);
	/* the directory is at the end: cut out of the middle by overwriting with the wrong bytes */
	char *path = file_path("%s/1.tif", folder);
	FILE *f = fopen(path, "r+b");
	assert_int_equal(fseek(f, 3000, SEEK_SET), 0);
	for (int i = 0; i < 5000; i++)
		fputc(0xff, f);
	fclose(f);
	free(path);
}

static void bad_tiff_without_end(void)
{
	PIX *pix = page_draw(200, 150, 8, 1, 300);
	page_lay("1.tif", pix, IFF_TIFF_ZIP);
	pixDestroy(&pix);
	cut("1.tif", 1000);
}

static void bad_header_only_jpeg(void)
{
	PIX *pix = page_draw(200, 150, 8, 1, 300);
	page_lay("1.jpg", pix, IFF_JFIF_JPEG);
	pixDestroy(&pix);
	cut("1.jpg", 30);
}

static void bad_huge_png(void)
{
	put_png_head("1.png", 60000, 60000);
}

static void bad_empty_png(void)
{
	put_png_head("1.png", 0, 0);
}

static void bad_huge_tiff(void)
{
	static const uint8_t tiff[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 5, 0, 0, 1, 4, 0, 1, 0, 0, 0,
	    0x60, 0xea, 0, 0,					/* width 60000 */
	    1, 1, 4, 0, 1, 0, 0, 0, 0x60, 0xea, 0, 0,		/* length 60000 */
	    2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0,			/* bits */
	    6, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0,			/* photometric */
	    0x11, 1, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}; /* strip offset */
	put("1.tif", tiff, sizeof tiff);
}

static void bad_text(void)
{
	put_text("1.jpg", "this is no picture\n");
}

static void bad_empty(void)
{
	put_text("1.tif", "");
}

static void bad_folder(void)
{
	char *path = file_path("%s/1.png", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void bad_pipe(void)
{
	char *path = file_path("%s/1.png", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	free(path);
}

static void bad_dangling(void)
{
	char *path = file_path("%s/1.png", folder);
	assert_int_equal(symlink("/nowhere/at/all.png", path), 0);
	free(path);
}

static void test_bad_images_are_io_errors_and_stay(void **state)
{
	static void (*const lay[])(void) = {bad_truncated_jpeg, bad_truncated_png,
	    bad_truncated_tiff, bad_tiff_without_end, bad_header_only_jpeg, bad_huge_png,
	    bad_empty_png, bad_huge_tiff, bad_text, bad_empty, bad_folder, bad_pipe, bad_dangling};
	static const char *const modes[] = {"Color", "Lineart"};

	for (size_t i = 0; i < sizeof lay / sizeof *lay; i++) {
		struct error err = {0};
		assert_true(file_make_folder(folder, &err));
		lay[i]();
		stack_lay(0);
		for (int m = 0; m < 2; m++) {
			SANE_Handle h = device_open();
			set_text(h, "mode", modes[m]);
			for (int times = 0; times < 2; times++) {
				SANE_Status status = side_pass(h);
				if (status != SANE_STATUS_IO_ERROR)
					fail_msg("bad image %zu: status %d", i, (int)status);
			}
			assert_int_equal(get_word(h, "page-loaded"), SANE_TRUE);
			assert_int_equal(get_word(h, "feed-count"), 0);
			sane_close(h);
		}
		assert_true(file_remove(folder, &err));
	}
	struct error err = {0};
	assert_true(file_make_folder(folder, &err));
}

static void test_till_receipt_is_scanned_whole(void **state)
{
	PIX *pix = page_draw(30000, 20, 8, 9, 300);
	struct scan scan;

	page_lay("1.png", pix, IFF_PNG);
	SANE_Handle h = device_open();
	set_text(h, "mode", "Gray");
	assert_int_equal(side_scan(h, &scan), SANE_STATUS_EOF);
	assert_pixels(&scan, pix);
	free(scan.data);
	pixDestroy(&pix);
}

/* --- options, devices --- */

static void test_option_descriptors_are_whole(void **state)
{
	const SANE_Option_Descriptor *d;
	SANE_Int i;

	stack_lay(1);
	SANE_Handle h = device_open();
	assert_int_equal(sane_get_option_descriptor(h, 0)->type, SANE_TYPE_INT);
	for (i = 0; (d = sane_get_option_descriptor(h, i)); i++) {
		assert_non_null(d->name);
		assert_true(d->title && *d->title);
		assert_non_null(d->desc);
		if (d->type == SANE_TYPE_GROUP)
			continue;
		if (d->cap & SANE_CAP_SOFT_SELECT)
			assert_true(d->cap & SANE_CAP_SOFT_DETECT);
		if (d->type == SANE_TYPE_STRING && d->cap & SANE_CAP_SOFT_SELECT) {
			char value[64];
			assert_int_equal(d->constraint_type, SANE_CONSTRAINT_STRING_LIST);
			assert_int_equal(
			    sane_control_option(h, i, SANE_ACTION_GET_VALUE, value, NULL),
			    SANE_STATUS_GOOD);
			int found = 0;
			for (const SANE_String_Const *s = d->constraint.string_list; *s; s++) {
				assert_true((SANE_Int)strlen(*s) < d->size);
				found += strcmp(*s, value) == 0;
			}
			assert_int_equal(found, 1);
		} else if (d->type != SANE_TYPE_STRING) {
			assert_int_equal(d->size, sizeof(SANE_Word));
		}
	}
	SANE_Word n = 0;
	assert_int_equal(
	    sane_control_option(h, 0, SANE_ACTION_GET_VALUE, &n, NULL), SANE_STATUS_GOOD);
	assert_int_equal(n, i);
	assert_null(sane_get_option_descriptor(h, -1));
}

static void test_control_option_fits_values_and_says_so(void **state)
{
	SANE_Int info = 0;
	char value[64] = "lineart", wrong[64] = "Sepia";
	SANE_Word v = 5;

	stack_lay(1);
	SANE_Handle h = device_open();
	assert_int_equal(set_word(h, "resolution", 10, &info), SANE_STATUS_GOOD);
	assert_true(info & SANE_INFO_INEXACT);
	assert_true(info & SANE_INFO_RELOAD_PARAMS);
	assert_int_equal(get_word(h, "resolution"), 50);
	assert_int_equal(set_word(h, "resolution", 200, &info), SANE_STATUS_GOOD);
	assert_false(info & SANE_INFO_INEXACT);
	assert_int_equal(
	    sane_control_option(h, option_find(h, "resolution"), SANE_ACTION_SET_AUTO, NULL, &info),
	    SANE_STATUS_GOOD);
	assert_int_equal(get_word(h, "resolution"), 300);

	SANE_Int threshold = option_find(h, "threshold"), mode = option_find(h, "mode");
	assert_int_equal(
	    sane_control_option(h, threshold, SANE_ACTION_GET_VALUE, &v, NULL), SANE_STATUS_INVAL);
	assert_int_equal(
	    sane_control_option(h, mode, SANE_ACTION_SET_VALUE, value, &info), SANE_STATUS_GOOD);
	assert_true(info & SANE_INFO_RELOAD_OPTIONS);
	assert_string_equal(value, "Lineart");
	assert_true(SANE_OPTION_IS_ACTIVE(sane_get_option_descriptor(h, threshold)->cap));
	assert_int_equal(get_word(h, "threshold"), 128);
	assert_int_equal(
	    sane_control_option(h, mode, SANE_ACTION_SET_VALUE, wrong, &info), SANE_STATUS_INVAL);
	assert_int_equal(
	    sane_control_option(h, mode, SANE_ACTION_SET_AUTO, NULL, &info), SANE_STATUS_INVAL);

	assert_int_equal(set_word(h, "feed-count", 3, NULL), SANE_STATUS_INVAL); /* read only */
	assert_int_equal(set_word(h, "double-feed-detection", 5, NULL), SANE_STATUS_INVAL);
	assert_int_equal(
	    sane_control_option(h, 1, SANE_ACTION_GET_VALUE, &v, NULL), SANE_STATUS_INVAL);
	assert_int_equal(
	    sane_control_option(h, 999, SANE_ACTION_GET_VALUE, &v, NULL), SANE_STATUS_INVAL);
	assert_int_equal(
	    sane_control_option(h, 0, SANE_ACTION_SET_VALUE, &v, NULL), SANE_STATUS_INVAL);
}

static void test_get_parameters_before_the_start_foretells(void **state)
{
	SANE_Parameters p;

	stack_lay(1);
	SANE_Handle h = device_open();
	assert_int_equal(sane_get_parameters(h, &p), SANE_STATUS_GOOD);
	assert_int_equal(p.pixels_per_line, 20);
	assert_int_equal(p.lines, 16);
	assert_int_equal(p.bytes_per_line, 60);
	assert_int_equal(p.last_frame, SANE_TRUE);
	assert_int_equal(side_pass(h), SANE_STATUS_EOF);
	assert_int_equal(
	    sane_get_parameters(h, &p), SANE_STATUS_GOOD); /* the page's still: saned is late */
	assert_int_equal(p.pixels_per_line, 20);
	set_text(h, "mode", "Lineart");
	assert_int_equal(sane_get_parameters(h, &p), SANE_STATUS_GOOD); /* no paper: A4 */
	assert_int_equal(p.pixels_per_line, 2480);
	assert_int_equal(p.bytes_per_line, 310);
	assert_int_equal(p.depth, 1);
}

static void test_get_devices_lists_environment_config_and_opened(void **state)
{
	const SANE_Device **list = NULL;
	char *conf = file_path("# stacks\n  %s/b  \n\n%s/absent\n", folder, folder);
	char *a = file_path("%s/a", folder), *b = file_path("%s/b", folder),
	     *c = file_path("%s/c", folder);
	SANE_Handle h = NULL;

	assert_true(mkdir(a, 0700) == 0 && mkdir(b, 0700) == 0 && mkdir(c, 0700) == 0);
	put_text("paper.conf", conf);
	sane_exit();
	setenv("ALTAKT_PAPER", a, 1);
	setenv("SANE_CONFIG_DIR", folder, 1);
	assert_int_equal(sane_init(NULL, NULL), SANE_STATUS_GOOD);
	assert_int_equal(sane_open(c, &h), SANE_STATUS_GOOD);
	assert_int_equal(sane_get_devices(&list, SANE_TRUE), SANE_STATUS_GOOD);
	assert_string_equal(list[0]->name, a);
	assert_string_equal(list[1]->name, b);
	assert_string_equal(list[2]->name, c);
	assert_null(list[3]);
	assert_string_equal(list[0]->vendor, "altakt");
	sane_close(h);
	assert_int_equal(sane_open("", &h), SANE_STATUS_GOOD); /* the first one */
	unsetenv("ALTAKT_PAPER");
	unsetenv("SANE_CONFIG_DIR");
	free(conf);
	free(a);
	free(b);
	free(c);
}

static void test_sane_open_of_what_is_no_stack(void **state)
{
	SANE_Handle h = NULL;

	assert_int_equal(sane_open("/tmp/altakt-no-such-stack", &h), SANE_STATUS_INVAL);
	assert_int_equal(sane_open("", &h), SANE_STATUS_INVAL);
	put_text("stack.ini", "[sheet 1]\nfalt = jam\n");
	assert_int_equal(sane_open(folder, &h), SANE_STATUS_INVAL);
	assert_null(h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_sane_read_delivers_each_kind_of_file),
	    TEST(test_sane_read_delivers_odd_tiffs),
	    TEST(test_sane_read_honours_its_room),
	    TEST(test_sane_read_lineart_packs_what_is_dark),
	    TEST(test_sane_read_at_half_the_resolution_averages),
	    TEST(test_sane_read_at_other_resolutions_keeps_size_and_white),
	    TEST(test_sane_read_at_twice_the_resolution_repeats),
	    TEST(test_sane_read_of_an_area_cuts_it_out),
	    TEST(test_sane_read_of_an_area_at_another_resolution),
	    TEST(test_sane_start_feeds_front_and_back_then_no_docs),
	    TEST(test_sane_cancel_ejects_the_sheet),
	    TEST(test_sane_cancel_leaves_the_page_on_the_flatbed),
	    TEST(test_process_killed_in_a_sheet_leaves_it_at_the_front),
	    TEST(test_put_back_feeds_again),
	    TEST(test_endorser_numbers_what_goes_through),
	    TEST(test_sane_start_again_while_reading_is_busy),
	    TEST(test_sane_start_keeps_the_speed),
	    TEST(test_fault_before_and_within_a_side),
	    TEST(test_fault_busy_before_a_back_is_that_back_later),
	    TEST(test_fault_no_docs_before_a_back_loses_it),
	    TEST(test_fault_disconnect_lasts_until_the_device_is_opened_again),
	    TEST(test_fault_hang_ends_by_cancelling),
	    TEST(test_fault_hang_without_blocking_gives_nothing),
	    TEST(test_fault_double_feed_jams_after_the_sheet),
	    TEST(test_fault_double_feed_unseen_without_detection),
	    TEST(test_fault_of_open),
	    TEST(test_bad_images_are_io_errors_and_stay),
	    TEST(test_till_receipt_is_scanned_whole),
	    TEST(test_option_descriptors_are_whole),
	    TEST(test_control_option_fits_values_and_says_so),
	    TEST(test_get_parameters_before_the_start_foretells),
	    TEST(test_get_devices_lists_environment_config_and_opened),
	    TEST(test_sane_open_of_what_is_no_stack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
