/*
 * The scanner in front of the simulator, through SANE's dll backend: every side arrives as it was
 * laid, every fault has its answer, and after it the stack goes on with the sheet that comes next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leptonica/allheaders.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/file.h"
#include "scan/scanner.h"

static char folder[64];

static int folder_make(void **state)
{
	struct error err = {0};

	snprintf(folder, sizeof folder, "/tmp/altakt-feed-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	/* no system's backend is asked for devices */
	char *conf = file_path("%s/dll.conf", folder);
	bool ok = file_write(conf, "paper\n", 6, &err);
	free(conf);
	setenv("SANE_CONFIG_DIR", folder, 1);
	return ok ? 0 : -1;
}

static int folder_remove(void **state)
{
	struct error err = {0};
	return file_remove(folder, &err) ? 0 : -1;
}

/* Side n: 31 x 23 pixels that are no other side's. */
static uint8_t side_value(int n, int x, int y, int c)
{
	return (uint8_t)(n * 41 + x * 7 + y * 29 + c * 83);
}

static void lay(int n, const char *ini)
{
	struct error err = {0};

	for (int i = 1; i <= n; i++) {
		char *path = file_path("%s/%04d.png", folder, i);
		PIX *pix = pixCreate(31, 23, 32);
		for (int y = 0; y < 23; y++)
			for (int x = 0; x < 31; x++)
				pixSetRGBPixel(pix, x, y, side_value(i, x, y, 0),
				    side_value(i, x, y, 1), side_value(i, x, y, 2));
		pixSetResolution(pix, 300, 300);
		assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
		pixDestroy(&pix);
		free(path);
	}
	if (ini) {
		char *path = file_path("%s/stack.ini", folder);
		assert_true(file_write(path, ini, strlen(ini), &err));
		free(path);
	}
}

static struct scanner *stack_open(const char *const *extra)
{
	char *device = file_path("paper:%s", folder);
	struct scanner_options options = {.device = device,
	    .mode = "Color",
	    .resolution_dpi = 300,
	    .timeout_ms = 800,
	    .extra = extra};
	struct scanner *scanner = NULL;
	struct error err = {0};

	if (!scanner_open(&options, &scanner, &err))
		fail_msg("%s (%s)", err.what, err.todo);
	assert_string_equal(scanner_source(scanner), "ADF Duplex");
	free(device);
	return scanner;
}

static void side_check(const struct raw_image *image, int n)
{
	assert_int_equal(image->width_px, 31);
	assert_int_equal(image->height_px, 23);
	assert_int_equal(image->channels, 3);
	assert_true(image->dpi == 300);
	for (int y = 0; y < 23; y++)
		for (int x = 0; x < 31; x++)
			for (int c = 0; c < 3; c++) {
				uint8_t v =
				    image
					->data[(size_t)y * image->line_bytes + (size_t)(3 * x + c)];
				if (v != side_value(n, x, y, c))
					fail_msg("this is not side %d", n);
			}
}

/* The next sheet is the one with these sides. */
static void feed_good(struct scanner *scanner, int front, int back, long count)
{
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;

	if (!scanner_feed(scanner, &sheet, &fed, &err))
		fail_msg("sheet with side %d: %s", front, err.what);
	assert_true(fed);
	assert_int_equal(sheet.n_expected, 2);
	assert_int_equal(sheet.n_images, back ? 2 : 1);
	side_check(&sheet.images[0], front);
	if (back)
		side_check(&sheet.images[1], back);
	assert_int_equal(sheet.device_count, count);
	sheet_release(&sheet);
}

static void feed_empty(struct scanner *scanner)
{
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = true;

	if (!scanner_feed(scanner, &sheet, &fed, &err))
		fail_msg("%s", err.what);
	assert_false(fed);
}

static void feed_bad(struct scanner *scanner, enum error_kind kind, const char *what)
{
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;

	assert_false(scanner_feed(scanner, &sheet, &fed, &err));
	assert_false(fed);
	assert_null(sheet.images[0].data);
	if (err.kind != kind || !strstr(err.what, what))
		fail_msg("kind %d, '%s'", (int)err.kind, err.what);
	assert_true(err.todo[0]);
}

static void test_scanner_feed_of_a_stack_to_its_end(void **state)
{
	lay(7, NULL);
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	feed_good(scanner, 3, 4, 2);
	feed_good(scanner, 5, 6, 3);
	feed_good(scanner, 7, 0, 4); /* an odd last side: somebody decides */
	feed_empty(scanner);
	feed_empty(scanner);
	scanner_close(scanner);
	assert_null(getenv("LD_LIBRARY_PATH"));
}

static void test_scanner_feed_after_a_fault_goes_on_with_the_same_sheet(void **state)
{
	static const struct {
		const char *fault;
		enum error_kind kind;
		bool reopen;
	} faults[] = {
	    {"jam", ERROR_PAPER, false},
	    {"cover-open", ERROR_PAPER, false},
	    {"cancelled", ERROR_PAPER, false},
	    {"io-error", ERROR_SETUP, true},
	    {"disconnect", ERROR_SETUP, true},
	    {"inval", ERROR_SETUP, true},
	    {"access-denied", ERROR_SETUP, true},
	    {"no-mem", ERROR_SYSTEM, false},
	    {"hang", ERROR_SETUP, true},
	};
	static const char *const places[] = {
	    "", "after_lines = 9\n", "side = back\n", "side = back\nafter_lines = 23\n"};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
			char ini[128];
			snprintf(ini, sizeof ini, "[sheet 2]\nfault = %s\n%s", faults[i].fault,
			    places[k]);
			lay(6, ini);
			struct scanner *scanner = stack_open(NULL);
			feed_good(scanner, 1, 2, 1);
			feed_bad(scanner, faults[i].kind, "paper:");
			if (faults[i].reopen) {
				scanner_close(scanner);
				scanner = stack_open(NULL);
			}
			feed_good(scanner, 3, 4, 2);
			feed_good(scanner, 5, 6, 3);
			feed_empty(scanner);
			scanner_close(scanner);
			assert_int_equal(folder_remove(NULL), 0);
			assert_int_equal(folder_make(NULL), 0);
		}
}

static void test_scanner_feed_waits_for_a_busy_device(void **state)
{
	lay(4, "[sheet 2]\nfault = busy\nfault = busy\nside = back\n");
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	feed_good(scanner, 3, 4, 2);
	scanner_close(scanner);
}

static void test_scanner_feed_of_a_false_end_says_empty_and_goes_on(void **state)
{
	lay(4, "[sheet 2]\nfault = no-docs\n");
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	feed_empty(scanner);
	feed_good(scanner, 3, 4, 2);
	scanner_close(scanner);
}

static void test_scanner_feed_of_a_false_end_within_a_sheet_misses_its_back(void **state)
{
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;

	lay(6, "[sheet 2]\nfault = no-docs\nside = back\n");
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	assert_true(scanner_feed(scanner, &sheet, &fed, &err));
	assert_true(fed);
	assert_int_equal(sheet.n_images, 1);
	assert_int_equal(sheet.n_expected, 2);
	side_check(&sheet.images[0], 3);
	sheet_release(&sheet);
	feed_empty(scanner);
	feed_good(scanner, 5, 6, 3);
	scanner_close(scanner);
}

static void test_scanner_feed_of_a_double_feed_flags_the_sheet(void **state)
{
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;

	lay(8, "[sheet 2]\nfault = double-feed\n");
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	assert_true(scanner_feed(scanner, &sheet, &fed, &err));
	assert_true(fed);
	assert_true(sheet.double_feed);
	side_check(&sheet.images[0], 3);
	sheet_release(&sheet);
	feed_bad(scanner, ERROR_PAPER, "two sheets");
	feed_good(scanner, 7, 8, 3);
	scanner_close(scanner);
}

static void test_scanner_feed_with_detection_off_sees_no_double_feed(void **state)
{
	static const char *const extra[] = {"double-feed-detection=no", NULL};

	lay(8, "[sheet 2]\nfault = double-feed\n");
	struct scanner *scanner = stack_open(extra);
	feed_good(scanner, 1, 2, 1);
	feed_good(scanner, 3, 4, 2);
	feed_good(scanner, 7, 8, 3); /* the device's count tells nothing either */
	scanner_close(scanner);
}

static void test_scanner_feed_tells_the_imprint(void **state)
{
	static const char *const extra[] = {"endorser=yes", "endorser-val=1000", NULL};

	lay(4, NULL);
	struct scanner *scanner = stack_open(extra);
	for (int i = 0; i < 2; i++) {
		struct sheet sheet = {0};
		struct error err = {0};
		bool fed = false;
		assert_true(scanner_feed(scanner, &sheet, &fed, &err));
		assert_true(fed);
		assert_string_equal(sheet.imprint, i ? "00001001" : "00001000");
		sheet_release(&sheet);
	}
	scanner_close(scanner);
}

static void test_scanner_feed_of_a_bad_image_names_the_device(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/0003.png", folder);

	lay(4, NULL);
	assert_true(file_write(path, "rubbish", 7, &err));
	struct scanner *scanner = stack_open(NULL);
	feed_good(scanner, 1, 2, 1);
	feed_bad(scanner, ERROR_SETUP, "paper:");
	scanner_close(scanner);
	free(path);
}

static void *cancel_soon(void *scanner)
{
	struct timespec t = {.tv_nsec = 60000000};

	nanosleep(&t, NULL);
	scanner_cancel(scanner);
	return NULL;
}

static void test_scanner_cancel_ends_a_feed_that_hangs(void **state)
{
	pthread_t thread;

	lay(4, "[sheet 1]\nfault = hang\nafter_lines = 5\n");
	struct scanner *scanner = stack_open(NULL);
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, scanner), 0);
	feed_bad(scanner, ERROR_PAPER, "stopped");
	pthread_join(thread, NULL);
	feed_good(scanner, 1, 2, 1);
	scanner_close(scanner);
}

static void test_scanner_open_of_a_stack_that_is_in_use(void **state)
{
	char *device = file_path("paper:%s", folder);
	struct scanner_options options = {.device = device, .mode = "Gray", .resolution_dpi = 300};
	struct scanner *second = NULL;
	struct error err = {0};

	lay(2, NULL);
	struct scanner *scanner = stack_open(NULL);
	assert_false(scanner_open(&options, &second, &err));
	assert_null(second);
	assert_non_null(strstr(err.what, device));
	scanner_close(scanner);
	free(device);
}

static void test_scanner_feed_in_each_mode(void **state)
{
	static const struct {
		const char *mode;
		int channels, depth_bits;
	} modes[] = {{"Color", 3, 8}, {"Gray", 1, 8}, {"Lineart", 1, 1}};

	lay(6, NULL);
	for (size_t i = 0; i < 3; i++) {
		char *device = file_path("paper:%s", folder);
		struct scanner_options options = {.device = device,
		    .mode = modes[i].mode,
		    .resolution_dpi = 150,
		    .timeout_ms = 20000};
		struct scanner *scanner = NULL;
		struct sheet sheet = {0};
		struct error err = {0};
		bool fed = false;

		assert_true(scanner_open(&options, &scanner, &err));
		assert_true(scanner_feed(scanner, &sheet, &fed, &err));
		assert_int_equal(sheet.images[1].channels, modes[i].channels);
		assert_int_equal(sheet.images[1].depth_bits, modes[i].depth_bits);
		assert_int_equal(sheet.images[1].width_px, 16);
		assert_int_equal(sheet.images[1].height_px, 12);
		assert_true(sheet.images[1].dpi == 150);
		sheet_release(&sheet);
		scanner_close(scanner);
		free(device);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_scanner_feed_of_a_stack_to_its_end),
	    TEST(test_scanner_feed_after_a_fault_goes_on_with_the_same_sheet),
	    TEST(test_scanner_feed_waits_for_a_busy_device),
	    TEST(test_scanner_feed_of_a_false_end_says_empty_and_goes_on),
	    TEST(test_scanner_feed_of_a_false_end_within_a_sheet_misses_its_back),
	    TEST(test_scanner_feed_of_a_double_feed_flags_the_sheet),
	    TEST(test_scanner_feed_with_detection_off_sees_no_double_feed),
	    TEST(test_scanner_feed_tells_the_imprint),
	    TEST(test_scanner_feed_of_a_bad_image_names_the_device),
	    TEST(test_scanner_cancel_ends_a_feed_that_hangs),
	    TEST(test_scanner_open_of_a_stack_that_is_in_use),
	    TEST(test_scanner_feed_in_each_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
