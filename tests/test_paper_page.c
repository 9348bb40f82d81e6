#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/file.h"
#include "scan/paper_page.h"

static char folder[64];

static int folder_make(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/altakt-page-XXXXXX");
	setMsgSeverity(L_SEVERITY_NONE);
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	struct error err = {0};
	return file_remove(folder, &err) ? 0 : -1;
}

static const struct paper_settings whole = {
    .mode = PAPER_COLOR,
    .resolution_dpi = 300,
    .right_mm = 5080,
    .bottom_mm = 5080,
    .threshold = 128,
    .assumed_dpi = 300,
};

/* A page of each kind of file; gives the bytes. */
static uint8_t *page_bytes(int kind, size_t *n)
{
	static const struct {
		int depth, format;
	} kinds[] = {{32, IFF_JFIF_JPEG}, {8, IFF_JFIF_JPEG}, {32, IFF_PNG}, {4, IFF_PNG},
	    {1, IFF_TIFF_G4}, {32, IFF_TIFF_LZW}, {8, IFF_TIFF_ZIP}, {32, IFF_TIFF_JPEG},
	    {1, IFF_TIFF_PACKBITS}};
	struct error err = {0};
	char *path = file_path("%s/page", folder);
	PIX *pix = pixCreate(90, 70, kinds[kind].depth);

	for (int y = 0; y < 70; y++)
		for (int x = 0; x < 90; x++)
			pixSetPixel(pix, x, y,
			    (l_uint32)(x * 2654435761u ^ y * 40503u) >> (32 - kinds[kind].depth));
	pixSetResolution(pix, 300, 300);
	assert_int_equal(pixWrite(path, pix, kinds[kind].format), 0);
	pixDestroy(&pix);
	uint8_t *bytes = (uint8_t *)file_read(path, 1u << 20, n, &err);
	assert_non_null(bytes);
	free(path);
	return bytes;
}

#define N_KINDS 9

/* Reads a page to its end or to its error. True when it could be read. */
static bool page_read(const char *path, const struct paper_settings *settings)
{
	struct paper_page *page = NULL;
	struct paper_size size = {0};
	struct error err = {0};
	bool ok = paper_page_open(path, settings, &page, &size, &err);

	if (ok) {
		uint8_t *line = malloc(size.line_bytes);
		assert_non_null(line);
		for (int y = 0; ok && y < size.height_px && y < 20000; y++)
			ok = paper_page_line(page, line, &err);
		free(line);
	}
	paper_page_close(page);
	if (!ok) {
		assert_true(
		    err.kind == ERROR_INPUT || err.kind == ERROR_SYSTEM || err.kind == ERROR_SETUP);
		assert_true(err.what[0]);
	}
	return ok;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void test_paper_page_of_damaged_files_is_a_page_or_an_error(void **state)
{
	char *path = file_path("%s/damaged", folder);
	uint32_t seed = 4711;
	int n_read = 0, n_refused = 0;

	for (int kind = 0; kind < N_KINDS; kind++) {
		size_t n = 0;
		uint8_t *bytes = page_bytes(kind, &n);
		uint8_t *damaged = malloc(n);
		for (int round = 0; round < 150; round++) {
			struct paper_settings settings = whole;
			size_t keep = n;
			memcpy(damaged, bytes, n);
			for (int i = 0; i <= round % 8; i++) {
				seed = seed * 1664525u + 1013904223u;
				/* heads and TIFF's directory at the end are worth more of it */
				size_t span = round % 3 == 0	? n
				    : round % 3 == 1 && n > 400 ? 400
								: n;
				size_t at = round % 5 == 4 && n > 200 ? n - 1 - (seed >> 8) % 200
								      : (seed >> 8) % span;
				damaged[at] = (uint8_t)(seed >> 3);
			}
			if (round % 10 == 9)
				keep = (seed >> 8) % n;
			settings.mode = (enum paper_mode)(round % 3);
			settings.resolution_dpi = round % 4 == 0 ? 150 : 300;
			write_bytes(path, damaged, keep);
			if (page_read(path, &settings))
				n_read++;
			else
				n_refused++;
		}
		free(damaged);
		free(bytes);
	}
	/* else the damage was none, or everything is refused */
	assert_in_range(n_read, 50, N_KINDS * 150);
	assert_in_range(n_refused, 200, N_KINDS * 150);
	free(path);
}

static void test_paper_page_of_a_cut_jpeg_is_an_error_at_the_line(void **state)
{
	size_t n = 0;
	uint8_t *bytes = page_bytes(0, &n), line[90 * 3];
	char *path = file_path("%s/cut.jpg", folder);
	struct paper_page *page = NULL;
	struct paper_size size;
	struct error err = {0};
	int y = 0;

	write_bytes(path, bytes, n * 2 / 3);
	assert_true(paper_page_open(path, &whole, &page, &size, &err));
	while (y < 70 && paper_page_line(page, line, &err))
		y++;
	assert_in_range(y, 20, 60); /* what is there is delivered, what is not is not invented */
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "damaged"));
	paper_page_close(page);
	free(path);
	free(bytes);
}

static void test_paper_page_gives_the_papers_size(void **state)
{
	size_t n = 0;
	uint8_t *bytes = page_bytes(2, &n);
	char *path = file_path("%s/page.png", folder);
	struct paper_settings settings = whole;
	struct paper_page *page = NULL;
	struct paper_size size;
	struct error err = {0};

	write_bytes(path, bytes, n);
	settings.resolution_dpi = 100;
	settings.mode = PAPER_LINEART;
	assert_true(paper_page_open(path, &settings, &page, &size, &err));
	assert_int_equal(size.width_px, 30);
	assert_int_equal(size.height_px, 23);
	assert_int_equal(size.line_bytes, 4);
	assert_int_equal(size.original_dpi, 300);
	assert_true(size.width_mm > 7.61 && size.width_mm < 7.63);
	paper_page_close(page);
	free(path);
	free(bytes);
}

static void test_paper_page_without_resolution_takes_the_assumed_one(void **state)
{
	char *path = file_path("%s/page.png", folder);
	PIX *pix = pixCreate(40, 20, 8);
	struct paper_settings settings = whole;
	struct paper_page *page = NULL;
	struct paper_size size;
	struct error err = {0};

	assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
	pixDestroy(&pix);
	settings.assumed_dpi = 150;
	assert_true(paper_page_open(path, &settings, &page, &size, &err));
	assert_int_equal(size.original_dpi, 150);
	assert_int_equal(size.width_px, 80);
	paper_page_close(page);
	free(path);
}

static void test_paper_page_that_would_grow_too_large_is_refused(void **state)
{
	char *path = file_path("%s/page.png", folder);
	PIX *pix = pixCreate(4000, 4000, 1);
	struct paper_settings settings = whole;
	struct paper_page *page = NULL;
	struct paper_size size;
	struct error err = {0};

	pixSetResolution(pix, 50, 50);
	assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
	pixDestroy(&pix);
	settings.resolution_dpi = 1200; /* 96,000 x 96,000 pixels */
	assert_false(paper_page_open(path, &settings, &page, &size, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "would have"));
	free(path);
}

static void test_paper_page_needs_memory_for_lines_only(void **state)
{
	char *path = file_path("%s/page.png", folder);
	PIX *pix = pixCreate(9000, 9000, 1);
	struct rusage before, after;

	pixSetResolution(pix, 300, 300);
	assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
	pixDestroy(&pix);
	getrusage(RUSAGE_SELF, &before);
	assert_true(page_read(path, &whole)); /* 243 MB of pixels */
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 30000);
	free(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_paper_page_of_damaged_files_is_a_page_or_an_error),
	    TEST(test_paper_page_of_a_cut_jpeg_is_an_error_at_the_line),
	    TEST(test_paper_page_gives_the_papers_size),
	    TEST(test_paper_page_without_resolution_takes_the_assumed_one),
	    TEST(test_paper_page_that_would_grow_too_large_is_refused),
	    TEST(test_paper_page_needs_memory_for_lines_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
