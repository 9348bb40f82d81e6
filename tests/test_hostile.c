/*
 * The scanner against a device that lies (tests/hostile_backend.c): whatever it announces and
 * delivers, there is an answer in time, with the device's name, in bounded memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "config/file.h"
#include "scan/paper_path.h"
#include "scan/scanner.h"
#include "tests/hostile.h"

static char folder[] = "/tmp/altakt-hostile-XXXXXX";

static int way_set(void **state)
{
	struct error err = {0};

	if (!mkdtemp(folder))
		return -1;
	/* no other backend: asking for devices would load them all, and they leak */
	char *conf = file_path("%s/dll.conf", folder);
	bool ok = file_write(conf, "hostile\n", 8, &err);
	free(conf);
	setenv("SANE_CONFIG_DIR", folder, 1);
	/* the hostile backend lies where the simulator lies */
	return ok && paper_path_set(&err) ? 0 : -1;
}

static int way_clear(void **state)
{
	struct error err = {0};

	paper_path_clear();
	return file_remove(folder, &err) ? 0 : -1;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool device_open(
    const char *device, const char *mode, int timeout_ms, struct scanner **out, struct error *err)
{
	struct scanner_options options = {.device = device,
	    .mode = mode,
	    .resolution_dpi = 300,
	    .source = "ADF Duplex",
	    .timeout_ms = timeout_ms};

	return scanner_open(&options, out, err);
}

/* --- what is allowed, however odd --- */

static void image_check(const char *device, const struct raw_image *image, int side, int width_px)
{
	if (image->width_px != width_px || image->height_px != 40)
		fail_msg("%s: side %d is %d x %d", device, side, image->width_px, image->height_px);
	for (int y = 0; y < 40; y++)
		for (int i = 0; i < width_px * image->channels; i++)
			if (image->data[(size_t)y * image->line_bytes + (size_t)i] !=
			    hostile_byte(side, y, i))
				fail_msg("%s: side %d, line %d, byte %d", device, side, y, i);
}

static void test_scanner_feed_what_is_odd_but_allowed(void **state)
{
	static const struct {
		const char *device, *mode;
		int back_width_px;
	} cases[] = {
	    {"hostile:", "Gray", 60},
	    {"hostile:", "Color", 60},
	    {"hostile:pad=7", "Gray", 60},
	    {"hostile:pad=3", "Color", 60},
	    {"hostile:unknown", "Gray", 60},
	    {"hostile:unknown,step=13", "Color", 60},
	    {"hostile:step=1", "Gray", 60},
	    {"hostile:changing-back", "Gray", 70},
	    {"hostile:options=many", "Gray", 60},
	    {"hostile:slow=1,step=100", "Gray", 60},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scanner *scanner = NULL;
		struct error err = {0};
		bool fed = true;

		if (!device_open(cases[i].device, cases[i].mode, 20000, &scanner, &err))
			fail_msg("%s: %s", cases[i].device, err.what);
		for (int n = 0; n < 2; n++) {
			struct sheet sheet = {0};
			if (!scanner_feed(scanner, &sheet, &fed, &err) || !fed)
				fail_msg("%s, sheet %d: %s", cases[i].device, n, err.what);
			assert_int_equal(sheet.n_images, 2);
			image_check(cases[i].device, &sheet.images[0], 0, 60);
			image_check(cases[i].device, &sheet.images[1], 1, cases[i].back_width_px);
			sheet_release(&sheet);
		}
		struct sheet none = {0};
		assert_true(scanner_feed(scanner, &none, &fed, &err));
		assert_false(fed);
		scanner_close(scanner);
	}
}

static void test_scanner_feed_three_passes(void **state)
{
	struct scanner *scanner = NULL;
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;

	assert_true(device_open("hostile:three-pass", "Color", 20000, &scanner, &err));
	assert_true(scanner_feed(scanner, &sheet, &fed, &err));
	assert_true(fed);
	assert_int_equal(sheet.n_images, 2);
	for (int side = 0; side < 2; side++)
		for (int y = 0; y < 40; y++)
			for (int i = 0; i < 180; i++)
				assert_int_equal(
				    sheet.images[side]
					.data[(size_t)y * sheet.images[side].line_bytes +
					    (size_t)i],
				    hostile_byte(side, y, i / 3));
	sheet_release(&sheet);
	scanner_close(scanner);
}

/* --- lies --- */

static void test_scanner_feed_of_lies_is_an_error_in_time(void **state)
{
	static const struct {
		const char *device, *mode;
		const char *what; /* a piece of the message; all name the device */
	} cases[] = {
	    {"hostile:send=30", "Gray", "announced 40 lines and delivered 30"},
	    {"hostile:send=0", "Gray", "without a line"},
	    {"hostile:send=41", "Gray", "more lines than it announced"},
	    {"hostile:send=1000000", "Gray", "more lines than it announced"},
	    {"hostile:send=39,tail=20", "Gray", "no whole number of lines"},
	    {"hostile:unknown,tail=20", "Gray", "no whole number of lines"},
	    {"hostile:send=-1", "Color", "more lines than it announced"},
	    {"hostile:unknown,send=-1", "Gray", "no end"},
	    {"hostile:zero", "Gray", "" /* no data any more: the timeout's message */},
	    {"hostile:zero,send=0", "Gray", ""},
	    {"hostile:unknown,zero,send=10", "Gray", ""},
	    {"hostile:hang,send=10", "Gray", ""},
	    {"hostile:too-long", "Gray", "more than it was asked for"},
	    {"hostile:negative", "Gray", "more than it was asked for"},
	    {"hostile:changing", "Gray", "changed from"},
	    {"hostile:frames-forever", "Color", "same colour twice"},
	    {"hostile:w=0", "Gray", "announces lines of 0 pixels"},
	    {"hostile:w=-60", "Gray", "announces lines of -60 pixels"},
	    {"hostile:w=2147483647", "Gray", "announces lines of"},
	    {"hostile:w=60000,h=60000", "Color", "announces"},
	    {"hostile:h=2147483647", "Gray", "announces 2147483647 lines"},
	    {"hostile:h=0", "Gray", "announces 0 lines"},
	    {"hostile:h=-7", "Gray", "announces -7 lines"},
	    {"hostile:bpl=10", "Gray", "announces lines of 60 pixels in 10 bytes"},
	    {"hostile:bpl=-1", "Gray", "announces lines of"},
	    {"hostile:bpl=2147483647", "Gray", "announces lines of"},
	    {"hostile:depth=0", "Gray", "0 bits"},
	    {"hostile:depth=-8", "Gray", "-8 bits"},
	    {"hostile:depth=12", "Gray", "12 bits"},
	    {"hostile:depth=2147483647", "Gray", "bits"},
	    {"hostile:format=11", "Gray", "unknown kind (11)"},
	    {"hostile:format=-1", "Gray", "unknown kind"},
	    {"hostile:start=99", "Gray", ""},
	    {"hostile:read=99", "Gray", ""},
	    {"hostile:start=-1", "Gray", ""},
	    {"hostile:read=-1,send=3", "Gray", ""},
	    {"hostile:start=5", "Gray", ""},
	};
	struct rusage usage;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scanner *scanner = NULL;
		struct sheet sheet = {0};
		struct error err = {0};
		bool fed = false;

		double began = now_s();
		if (!device_open(cases[i].device, cases[i].mode, 250, &scanner, &err))
			fail_msg("%s: cannot be opened: %s", cases[i].device, err.what);
		if (scanner_feed(scanner, &sheet, &fed, &err))
			fail_msg("%s: was believed, %d images", cases[i].device, sheet.n_images);
		scanner_close(scanner);
		assert_false(fed);
		assert_null(sheet.images[0].data);
		assert_true(err.kind == ERROR_SETUP || err.kind == ERROR_PAPER);
		if (!strstr(err.what, cases[i].what) || !strstr(err.what, "hostile:"))
			fail_msg("%s: '%s'", cases[i].device, err.what);
		if (now_s() - began > 15)
			fail_msg("%s: took %.1f s", cases[i].device, now_s() - began);
	}
	getrusage(RUSAGE_SELF, &usage);
	assert_true(usage.ru_maxrss < 700 * 1024);
}

static void test_scanner_open_with_rubbish_options(void **state)
{
	static const char *const devices[] = {"hostile:options=empty", "hostile:options=null",
	    "hostile:options=rubbish", "hostile:refuse=mode", "hostile:refuse=resolution",
	    "hostile:refuse=source"};

	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		struct scanner *scanner = NULL;
		struct error err = {0};

		if (device_open(devices[i], "Color", 2000, &scanner, &err)) {
			/* a device without any option may be taken as it is; one that refuses may
			 * not */
			char *text = scanner_abilities(scanner);
			assert_non_null(text);
			free(text);
			assert_null(strstr(devices[i], "refuse"));
			scanner_close(scanner);
		} else {
			assert_int_equal(err.kind, ERROR_SETUP);
			assert_true(err.what[0]);
		}
	}
}

static void test_scanner_cancel_of_a_backend_that_does_not_come_back(void **state)
{
	struct scanner *scanner = NULL;
	struct sheet sheet = {0};
	struct error err = {0};
	bool fed = false;
	double began = now_s();

	assert_true(device_open("hostile:hang-hard,send=2", "Gray", 500, &scanner, &err));
	assert_false(scanner_feed(scanner, &sheet, &fed, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	err = (struct error){0};
	assert_false(scanner_feed(scanner, &sheet, &fed, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	scanner_close(scanner);
	assert_true(now_s() - began < 15); /* it sleeps for 20 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scanner_feed_what_is_odd_but_allowed),
	    cmocka_unit_test(test_scanner_feed_three_passes),
	    cmocka_unit_test(test_scanner_feed_of_lies_is_an_error_in_time),
	    cmocka_unit_test(test_scanner_open_with_rubbish_options),
	    cmocka_unit_test(test_scanner_cancel_of_a_backend_that_does_not_come_back),
	};
	return cmocka_run_group_tests(tests, way_set, way_clear);
}
