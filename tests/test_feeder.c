/* Feeding, from the simulator's paper and from files, until every fault has had its turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <allheaders.h>
#include <poll.h>
#include <tiffio.h>

#include "config/file.h"
#include "config/hash.h"
#include "scan/feeder.h"
#include "scan/paper_path.h"
#include "scan/sample.h"

/* Backends stay loaded, so that the leak checker can tell whose leaks it found. */
int dlclose(void *handle);
int dlclose(void *handle)
{
	return 0;
}

struct room { /* one test's folders */
	char folder[64];
	char *stack, *spool, *device;
};

static int room_make(void **state)
{
	struct room *room = calloc(1, sizeof *room);
	struct error err = {0};

	strcpy(room->folder, "/tmp/altakt-feeder-XXXXXX");
	assert_non_null(mkdtemp(room->folder));
	room->stack = file_path("%s/stack", room->folder);
	room->spool = file_path("%s/spool", room->folder);
	room->device = file_path("paper:%s", room->stack);
	assert_true(file_make_folder(room->stack, &err) && file_make_folder(room->spool, &err));
	char *conf = file_path("%s/dll.conf", room->folder); /* no other scanner is asked for */
	assert_true(file_write(conf, "", 0, &err));
	setenv("SANE_CONFIG_DIR", room->folder, 1);
	free(conf);
	*state = room;
	return 0;
}

static int room_drop(void **state)
{
	struct room *room = *state;

	file_remove(room->folder, NULL);
	free(room->stack);
	free(room->spool);
	free(room->device);
	free(room);
	return 0;
}

/* A small page whose grey tells which it is. */
static void page_put(const struct room *room, int number)
{
	char *path = file_path("%s/%04d.png", room->stack, number);
	PIX *pix = pixCreate(160, 220, 8);

	pixSetAllArbitrary(pix, 255);
	for (int y = 10; y < 40; y++)
		for (int x = 10; x < 60; x++)
			pixSetPixel(pix, x, y, (l_uint32)number);
	pixSetResolution(pix, 100, 100);
	assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
	pixDestroy(&pix);
	free(path);
}

static void pages_put(const struct room *room, int n)
{
	for (int i = 1; i <= n; i++)
		page_put(room, i);
}

static void faults_put(const struct room *room, const char *text)
{
	char *path = file_path("%s/stack.ini", room->stack);
	struct error err = {0};

	assert_true(file_write(path, text, strlen(text), &err));
	free(path);
}

static struct feeder_options options_for(const struct room *room)
{
	return (struct feeder_options){.scanner = {.device = room->device,
					   .mode = "Gray",
					   .resolution_dpi = 100,
					   .timeout_ms = 20000},
	    .spool_folder = room->spool,
	    .compression = "zstd",
	    .first_n = 1};
}

static struct feeder *opened(const struct feeder_options *options)
{
	struct feeder *feeder = NULL;
	struct error err = {0};

	if (!feeder_open(options, &feeder, &err))
		fail_msg("%s; %s", err.what, err.todo);
	return feeder;
}

/* Waits for the next event, as the owner does. */
static struct feeder_event next(struct feeder *feeder)
{
	struct feeder_event event = {0};
	struct error err = {0};
	bool got = false;

	for (int tries = 0; tries < 2000; tries++) {
		assert_true(feeder_next(feeder, &event, &got, &err));
		if (got)
			return event;
		struct pollfd fd = {.fd = feeder_descriptor(feeder), .events = POLLIN};
		if (poll(&fd, 1, 90000) == 0)
			break;
	}
	fail_msg("no event for 90 seconds");
	return event;
}

/* Takes a sheet and checks its number, its images and their files. */
static void sheet_expect(struct feeder *feeder, long n, int n_images, int first_page)
{
	struct feeder_event e = next(feeder);
	struct error err = {0};

	if (e.kind != FEEDER_SHEET)
		fail_msg("sheet %ld: event %d, %s", n, e.kind, e.error.what);
	assert_int_equal(e.sheet.n, n);
	assert_int_equal(e.sheet.n_images, n_images);
	for (int i = 0; i < n_images; i++) {
		const struct fed_image *image = &e.sheet.images[i];
		char hex[HASH_SIZE];
		uint64_t n_bytes = 0;
		PIX *pix = NULL;
		double dpi = 0;
		l_uint32 v = 0;
		assert_true(hash_file(HASH_SHA256, image->path, hex, &n_bytes, &err));
		assert_string_equal(hex, image->sha256);
		assert_int_equal(n_bytes, image->n_bytes);
		char *name = file_path("/%ld%c.tif", n, i ? 'b' : 'f');
		assert_non_null(strstr(image->path, name));
		free(name);
		if (first_page > 0) {
			assert_true(
			    raw_image_read(image->path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
			assert_int_equal(pixGetWidth(pix), image->width_px);
			assert_int_equal(pixGetHeight(pix), image->height_px);
			pixGetPixel(pix, 30, 20, &v);
			if ((int)v != first_page + i)
				fail_msg("sheet %ld, image %d: page %u", n, i, v);
			assert_int_equal(image->cover_answer, COVER_NONE);
		}
		pixDestroy(&pix);
	}
	feeder_event_release(&e);
}

static void end_expect(
    struct feeder *feeder, enum feeder_event_kind kind, enum error_kind error, const char *piece)
{
	struct feeder_event e = next(feeder);
	struct error err = {0};
	bool got = true;

	if (e.kind != kind)
		fail_msg("event %d (sheet %ld, '%s'), expected %d", e.kind, e.sheet.n, e.error.what,
		    kind);
	assert_int_equal(e.error.kind, error);
	if (!strstr(e.error.what, piece))
		fail_msg("'%s' does not say '%s'", e.error.what, piece);
	feeder_event_release(&e);
	assert_true(feeder_next(feeder, &e, &got, &err)); /* nothing more by itself */
	assert_false(got);
}

static int files_in(const char *folder)
{
	SARRAY *names = getFilenamesInDirectory(folder);
	int n = names ? sarrayGetCount(names) : 0;

	sarrayDestroy(&names);
	return n;
}

#define NEED_PAPER()                                                            \
	do {                                                                    \
		char *there = paper_path_find(NULL);                            \
		if (!there) {                                                   \
			print_message("skipped: the simulator is not built\n"); \
			skip();                                                 \
		}                                                               \
		free(there);                                                    \
	} while (0)

static void test_feeder_duplex_until_empty(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct feeder_figures figures;

	NEED_PAPER();
	pages_put(room, 24);
	options.first_n = 7;
	struct feeder *feeder = opened(&options);
	assert_true(feeder_duplex(feeder));
	assert_false(feeder_is_flatbed(feeder));
	assert_string_equal(feeder_source(feeder), "ADF Duplex");
	assert_string_equal(feeder_device(feeder), room->device);
	assert_null(getenv("LD_LIBRARY_PATH")); /* children inherit nothing */
	for (int i = 0; i < 12; i++)
		sheet_expect(feeder, 7 + i, 2, 1 + 2 * i);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_figures(feeder, &figures);
	assert_int_equal(figures.images, 24);
	/* more paper, the same device */
	page_put(room, 25);
	page_put(room, 26);
	feeder_resume(feeder);
	sheet_expect(feeder, 19, 2, 25);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
	assert_int_equal(files_in(room->spool), 26);
}

/* Sheets in the simulator's output tray. */
static int through(const struct room *room)
{
	char *path = file_path("%s/.fed", room->stack), line[256];
	FILE *fed = fopen(path, "r");
	int sheets = 0, n;

	while (fed && fgets(line, sizeof line, fed))
		if (sscanf(line, "tray %d sheets", &n) == 1)
			sheets += n;
	if (fed)
		fclose(fed);
	free(path);
	return sheets;
}

/* The owner is slow: paper waits in the feeder, and no more is fed than a person lays back. */
static void test_feeder_bounds_what_is_not_recorded(void **state)
{
	enum { SHEETS = 24, AHEAD = FEEDER_UNRECORDED_MOST - 1 };
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 2 * SHEETS);
	struct feeder *feeder = opened(&options);
	for (int held = 1; held <= SHEETS; held++) {
		sheet_expect(feeder, held, 2, 2 * held - 1);
		/* as far as it may go: what follows is fed and written while this one is held */
		int far = held + AHEAD < SHEETS ? held + AHEAD : SHEETS;
		struct feeder_figures figures = {0};
		for (int tries = 0; tries < 60000 && figures.images < 2 * (uint64_t)far; tries++) {
			poll(NULL, 0, 1);
			feeder_figures(feeder, &figures);
		}
		assert_int_equal(figures.images, 2 * far);
		assert_in_range(through(room), far, held - 1 + FEEDER_UNRECORDED_MOST);
	}
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_odd_image(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 3);
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	struct feeder_event e = next(feeder);
	assert_int_equal(e.kind, FEEDER_SHEET);
	assert_int_equal(e.sheet.n_images, 1);
	assert_int_equal(e.sheet.n_expected, 2);
	feeder_event_release(&e);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_simplex(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 3);
	options.scanner.simplex = true;
	struct feeder *feeder = opened(&options);
	assert_false(feeder_duplex(feeder));
	for (int i = 1; i <= 3; i++)
		sheet_expect(feeder, i, 1, i);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_flatbed_waits_for_each(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 2);
	options.scanner.source = "Flatbed";
	struct feeder *feeder = opened(&options);
	assert_true(feeder_is_flatbed(feeder));
	sheet_expect(feeder, 1, 1, 1);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_resume(feeder);
	sheet_expect(feeder, 2, 1, 2);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_faults_and_on(void **state)
{
	static const struct {
		const char *ini;
		enum error_kind kind;
		const char *piece;
		int before; /* sheets before the fault */
	} rows[] = {
	    {"[sheet 3]\nfault = jam\nside = back\nafter_lines = 100\n", ERROR_PAPER, "jam", 2},
	    {"[sheet 1]\nfault = cover-open\n", ERROR_PAPER, "cover", 0},
	    {"[sheet 4]\nfault = io-error\nside = back\n", ERROR_SETUP, "connection", 3},
	    {"[sheet 2]\nfault = disconnect\nafter_lines = 7\n", ERROR_SETUP, "connection", 1},
	    {"[sheet 5]\nfault = cancelled\n", ERROR_PAPER, "stopped", 4},
	    {"[sheet 2]\nfault = no-mem\n", ERROR_SYSTEM, "memory", 1},
	};

	NEED_PAPER();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		void *one = NULL;
		room_make(&one);
		struct room *room = one;
		struct feeder_options options = options_for(room);
		pages_put(room, 10);
		faults_put(room, rows[i].ini);
		struct feeder *feeder = opened(&options);
		int n = 0;
		for (; n < rows[i].before; n++)
			sheet_expect(feeder, n + 1, 2, 1 + 2 * n);
		end_expect(feeder, FEEDER_ERROR, rows[i].kind, rows[i].piece);
		feeder_resume(feeder);
		for (; n < 5; n++)
			sheet_expect(feeder, n + 1, 2, 1 + 2 * n);
		end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
		feeder_close(feeder);
		assert_int_equal(files_in(room->spool), 10);
		room_drop(&one);
	}
}

static void test_feeder_false_empty(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 6);
	faults_put(room, "[sheet 2]\nfault = no-docs\n");
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_resume(feeder);
	sheet_expect(feeder, 2, 2, 3);
	sheet_expect(feeder, 3, 2, 5);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_hang_is_broken_off(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 4);
	faults_put(room, "[sheet 2]\nfault = hang\nafter_lines = 20\n");
	options.scanner.timeout_ms = 500;
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	end_expect(feeder, FEEDER_ERROR, ERROR_SETUP, "does not answer");
	feeder_resume(feeder);
	sheet_expect(feeder, 2, 2, 3);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_double_feed(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 8);
	faults_put(room, "[sheet 2]\nfault = double-feed\n");
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	struct feeder_event e = next(feeder);
	assert_int_equal(e.kind, FEEDER_SHEET);
	assert_true(e.sheet.double_feed);
	feeder_event_release(&e);
	end_expect(feeder, FEEDER_ERROR, ERROR_PAPER, "two sheets");
	feeder_resume(feeder);
	sheet_expect(feeder, 3, 2, 7);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_pause_and_stop(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 200);
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	feeder_pause(feeder);
	long n = 2;
	for (;; n++) {
		struct feeder_event e = next(feeder);
		enum feeder_event_kind kind = e.kind;
		if (kind == FEEDER_SHEET)
			assert_int_equal(e.sheet.n, n);
		feeder_event_release(&e);
		if (kind == FEEDER_PAUSED)
			break;
		assert_int_equal(kind, FEEDER_SHEET);
	}
	feeder_resume(feeder);
	sheet_expect(feeder, n, 2, (int)(2 * n - 1));
	feeder_stop(feeder);
	for (n++;; n++) {
		struct feeder_event e = next(feeder);
		enum feeder_event_kind kind = e.kind;
		feeder_event_release(&e);
		if (kind == FEEDER_STOPPED)
			break;
		assert_int_equal(kind, FEEDER_SHEET);
	}
	feeder_close(feeder);
	assert_int_equal(files_in(room->spool), 2 * (n - 1));
}

/* Sheets that were fed but not delivered leave no file behind. */
static void test_feeder_close_drops_what_was_not_taken(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 60);
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	sheet_expect(feeder, 2, 2, 3);
	feeder_close(feeder);
	assert_int_equal(files_in(room->spool), 4);
}

static void test_feeder_disk_refuses(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct error err = {0};

	NEED_PAPER();
	pages_put(room, 12);
	/* a folder is where the third sheet's back should go */
	char *block = file_path("%s/3b.tif", room->spool), *in = file_path("%s/x", block);
	assert_true(file_make_folder(block, &err) && file_write(in, "x", 1, &err));
	struct feeder *feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	sheet_expect(feeder, 2, 2, 3);
	struct feeder_event e = next(feeder);
	assert_int_equal(e.kind, FEEDER_ERROR);
	assert_int_equal(e.error.kind, ERROR_SYSTEM);
	assert_non_null(strstr(e.error.what, "3b.tif"));
	assert_non_null(strstr(e.error.where, "sheet 3"));
	assert_in_range(e.unrecorded, 1, 4);
	int gone = e.unrecorded;
	feeder_event_release(&e);
	assert_true(file_remove(block, &err));
	assert_int_equal(files_in(room->spool), 4);
	feeder_resume(feeder);
	/* the paper went through; the numbers go on without a gap */
	for (int i = 3; i <= 6 - gone; i++)
		sheet_expect(feeder, i, 2, 1 + 2 * (i - 1 + gone));
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
	free(block);
	free(in);
}

static void test_feeder_reserve_stops_before_a_sheet(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);

	NEED_PAPER();
	pages_put(room, 4);
	options.reserve_bytes = (uint64_t)1 << 60;
	struct feeder *feeder = opened(&options);
	end_expect(feeder, FEEDER_DISK, ERROR_SYSTEM, "MiB");
	feeder_close(feeder);
	/* not a sheet moved */
	options.reserve_bytes = 0;
	feeder = opened(&options);
	sheet_expect(feeder, 1, 2, 1);
	feeder_close(feeder);
}

static void test_feeder_finds_covers(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct cover cover = {
	    .file_number = "33/12345-04", .volume = 2, .serial = "t-0001", .prepared = 7};
	struct sample_page page = {.kind = SAMPLE_FEW_WORDS, .seed = 1, .dpi = 150, .skew_deg = 1};
	struct error err = {0};
	PIX *pix = NULL;

	NEED_PAPER();
	for (int i = 1; i <= 4; i++) {
		char *path = file_path("%s/%04d.png", room->stack, i);
		if (i <= 2)
			assert_true(sample_cover(&cover, &page, &pix, &err));
		else
			assert_true(sample_draw(&page, &pix, NULL, &err));
		pixSetResolution(pix, 150, 150);
		assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
		pixDestroy(&pix);
		free(path);
	}
	options.scanner.resolution_dpi = 300; /* read from a glance at half of it */
	options.scanner.mode = "Color";
	struct feeder *feeder = opened(&options);
	struct feeder_event e = next(feeder);
	assert_int_equal(e.kind, FEEDER_SHEET);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(e.sheet.images[i].cover_answer, COVER_VALID);
		assert_string_equal(e.sheet.images[i].cover.file_number, "33/12345-04");
		assert_int_equal(e.sheet.images[i].cover.volume, 2);
	}
	feeder_event_release(&e);
	e = next(feeder);
	assert_int_equal(e.sheet.images[0].cover_answer, COVER_NONE);
	assert_int_equal(e.sheet.images[1].cover_answer, COVER_NONE);
	feeder_event_release(&e);
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);
}

static void test_feeder_open_refuses(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct feeder *feeder = NULL;
	struct error err = {0};

	options.scanner.device = "paper:/nonexistent/stack";
	assert_false(feeder_open(&options, &feeder, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "/nonexistent/stack"));
	assert_null(feeder);
}

/* --- imports ------------------------------------------------------------------------- */

static void tiff_put(const char *path, int pages, int first)
{
	TIFF *tif = TIFFOpen(path, "w");

	for (int p = 0; p < pages; p++) {
		uint8_t line[64];
		memset(line, first + p, sizeof line);
		TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 64);
		TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 48);
		TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 8);
		TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
		for (uint32_t y = 0; y < 48; y++)
			TIFFWriteScanline(tif, line, y, 0);
		TIFFWriteDirectory(tif);
	}
	TIFFClose(tif);
}

static bool not_first(void *self, const struct import_image *image)
{
	return strstr(image->path, (const char *)self) == NULL;
}

static void test_feeder_import_pairs(void **state)
{
	/* 1.png 2.png | 3.tif (3 pages: 2 + 1) | 4.png | 5.tif (2 pages) */
	static const int images[] = {2, 2, 1, 1, 2};
	static const int pages[] = {1, 11, 13, 4, 21};
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct import_list list = {0};
	struct feeder *feeder = NULL;
	struct error err = {0};
	const char *paths[] = {room->stack};

	page_put(room, 1);
	page_put(room, 2);
	page_put(room, 4);
	char *three = file_path("%s/0003.tif", room->stack),
	     *five = file_path("%s/0005.tif", room->stack);
	tiff_put(three, 3, 11);
	tiff_put(five, 2, 21);
	assert_true(import_list_open(paths, 1, &list, &err));
	assert_int_equal(list.n, 8);
	assert_true(feeder_open_import(&options, &list, true, &feeder, &err));
	assert_string_equal(feeder_device(feeder), "import");
	for (int i = 0; i < 5; i++) {
		struct feeder_event e = next(feeder);
		if (e.kind != FEEDER_SHEET)
			fail_msg("%s: %s", e.error.where, e.error.what);
		assert_int_equal(e.sheet.n, i + 1);
		assert_int_equal(e.sheet.n_images, images[i]);
		assert_int_equal(e.sheet.n_expected, 2);
		for (int k = 0; k < e.sheet.n_images; k++) {
			const struct fed_image *image = &e.sheet.images[k];
			PIX *pix = NULL;
			double dpi = 0;
			l_uint32 v = 0;
			assert_non_null(image->source.path);
			assert_true(
			    raw_image_read(image->path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
			pixGetPixel(pix, 30, 20, &v);
			assert_int_equal(v, pages[i] + k);
			pixDestroy(&pix);
			if (image->source.n_pages == 1) /* byte by byte */
				assert_string_equal(image->sha256, image->source.sha256);
		}
		feeder_event_release(&e);
	}
	end_expect(feeder, FEEDER_EMPTY, ERROR_NONE, "");
	feeder_close(feeder);

	/* what is done is left out, the rest pairs as before */
	char done[] = "0003.tif";
	import_list_filter(&list, not_first, done);
	assert_int_equal(list.n, 5);
	import_list_release(&list);
	free(three);
	free(five);
}

static void test_feeder_import_bad_file(void **state)
{
	struct room *room = *state;
	struct feeder_options options = options_for(room);
	struct import_list list = {0};
	struct feeder *feeder = NULL;
	struct error err = {0};
	const char *paths[] = {room->stack};
	char *bad = file_path("%s/0003.png", room->stack), *data;
	size_t n = 0;

	pages_put(room, 5);
	/* its header is good, its pixels end early */
	data = file_read(bad, 1 << 20, &n, &err);
	assert_true(file_write(bad, data, n - 60, &err));
	free(data);
	assert_true(import_list_open(paths, 1, &list, &err));
	assert_true(feeder_open_import(&options, &list, false, &feeder, &err));
	sheet_expect(feeder, 1, 1, 1);
	sheet_expect(feeder, 2, 1, 2);
	struct feeder_event e = next(feeder);
	assert_int_equal(e.kind, FEEDER_ERROR);
	assert_int_equal(e.error.kind, ERROR_INPUT);
	assert_non_null(strstr(e.error.where, "0003.png"));
	assert_non_null(strstr(e.error.what, "cut short"));
	feeder_event_release(&e);
	assert_int_equal(files_in(room->spool), 2);
	/* put right, but another file than was listed: refused until it is listed anew */
	page_put(room, 3);
	feeder_resume(feeder);
	e = next(feeder);
	assert_int_equal(e.kind, FEEDER_ERROR);
	assert_non_null(strstr(e.error.what, "changed"));
	feeder_event_release(&e);
	feeder_close(feeder);
	import_list_release(&list);
	free(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_feeder_duplex_until_empty, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_feeder_bounds_what_is_not_recorded, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_odd_image, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_simplex, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_feeder_flatbed_waits_for_each, room_make, room_drop),
	    cmocka_unit_test(test_feeder_faults_and_on),
	    cmocka_unit_test_setup_teardown(test_feeder_false_empty, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_hang_is_broken_off, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_double_feed, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_pause_and_stop, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_feeder_close_drops_what_was_not_taken, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_disk_refuses, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_feeder_reserve_stops_before_a_sheet, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_finds_covers, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_open_refuses, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_import_pairs, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_feeder_import_bad_file, room_make, room_drop),
	};

	unsetenv("LD_LIBRARY_PATH");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
