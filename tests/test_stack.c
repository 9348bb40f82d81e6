#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "scan/stack.h"

static char folder[64];

static int folder_make(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/altakt-stack-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	struct error err = {0};
	return file_remove(folder, &err) ? 0 : -1;
}

static void put(const char *name, const char *text)
{
	struct error err = {0};
	char *path = file_path("%s/%s", folder, name);

	assert_true(file_write(path, text, strlen(text), &err));
	free(path);
}

/* n sides "0001.png" …; a stack counts files, it does not look into them */
static void lay(int n)
{
	for (int i = 1; i <= n; i++) {
		char name[32];
		snprintf(name, sizeof name, "%04d.png", i);
		put(name, "");
	}
}

static struct stack *open_good(int n_sides)
{
	struct stack *stack = NULL;
	struct error err = {0};

	if (!stack_open(folder, &stack, &err))
		fail_msg("%s", err.what);
	stack_set_sides(stack, n_sides);
	return stack;
}

static void through(struct stack *stack)
{
	struct error err = {0};

	assert_true(stack_sheet_through(stack, true, &err));
}

static const char *front_name(struct stack *stack)
{
	const char *path = stack_image(stack, STACK_FRONT);

	return path ? strrchr(path, '/') + 1 : NULL;
}

static void test_stack_open_lists_images_in_byte_order(void **state)
{
	static const char *const names[] = {"b.png", "a10.JPG", "a2.jpeg", "Z.TIF", "ä.tiff"};
	static const char *const wanted[] = {"Z.TIF", "a10.JPG", "a2.jpeg", "b.png", "ä.tiff"};

	for (size_t i = 0; i < 5; i++)
		put(names[i], "");
	put(".hidden.png", "");
	put("note.txt", "");
	put("png", "");
	struct stack *stack = open_good(1);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(front_name(stack), wanted[i]);
		assert_int_equal(stack_sheet(stack), (long)i + 1);
		through(stack);
	}
	assert_false(stack_loaded(stack));
	assert_null(front_name(stack));
	stack_close(stack);
}

static void test_stack_open_of_no_folder_is_setup(void **state)
{
	struct stack *stack = NULL;
	struct error err = {0};

	assert_false(stack_open("/tmp/altakt-no-such-stack", &stack, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "there is no stack '/tmp/altakt-no-such-stack'"));
	assert_null(stack);
}

static void test_stack_open_twice_is_busy(void **state)
{
	struct stack *first = open_good(1), *second = NULL;
	struct error err = {0};

	assert_false(stack_open(folder, &second, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	stack_close(first);
	stack_close(open_good(1));
}

static void test_stack_sheet_through_stays_through(void **state)
{
	lay(5);
	struct stack *stack = open_good(2);
	assert_string_equal(strrchr(stack_image(stack, STACK_BACK), '/') + 1, "0002.png");
	through(stack);
	stack_close(stack);

	stack = open_good(2);
	assert_int_equal(stack_sheet(stack), 2);
	assert_int_equal(stack_feed_count(stack), 1);
	assert_string_equal(front_name(stack), "0003.png");
	through(stack);
	/* the odd last one has no back */
	assert_string_equal(front_name(stack), "0005.png");
	assert_null(stack_image(stack, STACK_BACK));
	through(stack);
	assert_false(stack_loaded(stack));
	assert_int_equal(stack_in_tray(stack), 3);
	stack_close(stack);
}

static void test_stack_look_sees_what_was_laid_on(void **state)
{
	struct error err = {0};

	lay(1);
	struct stack *stack = open_good(1);
	through(stack);
	assert_false(stack_loaded(stack));
	put("0002.png", "");
	assert_true(stack_look(stack, &err));
	assert_string_equal(front_name(stack), "0002.png");
	stack_close(stack);
}

static void test_stack_put_back_takes_sheets_as_they_were_fed(void **state)
{
	struct error err = {0};
	long n = 0;

	lay(7);
	struct stack *stack = open_good(2);
	through(stack);
	through(stack);
	stack_set_sides(stack, 1);
	through(stack);
	assert_string_equal(front_name(stack), "0006.png");
	assert_true(stack_put_back(stack, 2, &n, &err));
	assert_int_equal(n, 2);
	assert_string_equal(front_name(stack), "0003.png");
	assert_int_equal(stack_in_tray(stack), 1);
	assert_int_equal(stack_feed_count(stack), 3); /* the device's counter never falls */
	assert_true(stack_put_back(stack, 100, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(front_name(stack), "0001.png");
	stack_close(stack);
	stack = open_good(2);
	assert_string_equal(front_name(stack), "0001.png");
	through(stack);
	assert_int_equal(stack_feed_count(stack), 4);
	stack_close(stack);
}

static void test_stack_fault_fires_as_often_as_said_on_disk(void **state)
{
	struct error err = {0};

	lay(4);
	put("stack.ini", "[sheet 2]\nfault = jam\ntimes = 2\nside = back\nafter_lines = 500\n");
	for (int i = 0; i < 2; i++) {
		struct stack *stack = open_good(2);
		if (i == 0)
			through(stack);
		assert_null(stack_fault_before(stack, STACK_FRONT));
		assert_null(stack_fault_before(stack, STACK_BACK));
		assert_null(stack_fault_within(stack, STACK_FRONT));
		struct stack_fault *fault = stack_fault_within(stack, STACK_BACK);
		assert_non_null(fault);
		assert_int_equal(fault->kind, FAULT_JAM);
		assert_int_equal(fault->after_lines, 500);
		assert_true(stack_fault_fire(stack, fault, &err));
		stack_close(stack);
	}
	struct stack *stack = open_good(2);
	assert_int_equal(stack_sheet(stack), 2);
	assert_null(stack_fault_within(stack, STACK_BACK));
	stack_close(stack);
}

static void test_stack_fault_second_of_a_sheet_comes_after_the_first(void **state)
{
	struct error err = {0};

	lay(1);
	put("stack.ini", "[sheet 1]\nfault = cover-open\nfault = no-docs\ntimes = always\n");
	struct stack *stack = open_good(1);
	struct stack_fault *fault = stack_fault_before(stack, STACK_FRONT);
	assert_int_equal(fault->kind, FAULT_COVER_OPEN);
	assert_true(stack_fault_fire(stack, fault, &err));
	for (int i = 0; i < 3; i++) {
		fault = stack_fault_before(stack, STACK_FRONT);
		assert_int_equal(fault->kind, FAULT_NO_DOCS);
		assert_true(stack_fault_fire(stack, fault, &err));
	}
	stack_close(stack);
}

static void test_stack_double_feed_takes_the_next_along(void **state)
{
	struct error err = {0};
	long n = 0;

	lay(6);
	put("stack.ini", "[sheet 2]\nfault = double-feed\n");
	struct stack *stack = open_good(2);
	through(stack);
	assert_false(stack_double_fed(stack));
	through(stack);
	assert_true(stack_double_fed(stack));
	assert_false(stack_loaded(stack));
	assert_int_equal(stack_feed_count(stack), 2);
	assert_int_equal(stack_in_tray(stack), 3);
	stack_close(stack);

	stack = open_good(2);
	assert_true(stack_double_fed(stack)); /* the device still says so */
	assert_true(stack_double_clear(stack, &err));
	assert_true(stack_put_back(stack, 2, &n, &err));
	assert_string_equal(front_name(stack), "0003.png");
	through(stack); /* once */
	assert_string_equal(front_name(stack), "0005.png");
	stack_close(stack);
}

static void test_stack_double_feed_unseen(void **state)
{
	struct error err = {0};

	lay(6);
	put("stack.ini", "[sheet 1]\nfault=double-feed\ndetect=no\n[sheet 3]\nfault=double-feed\n");
	struct stack *stack = open_good(1);
	assert_true(stack_sheet_through(stack, true, &err));
	assert_false(stack_double_fed(stack));
	assert_int_equal(stack_sheet(stack), 3);
	assert_true(stack_sheet_through(stack, false, &err)); /* switched off */
	assert_false(stack_double_fed(stack));
	assert_int_equal(stack_sheet(stack), 5);
	stack_close(stack);
}

static void test_stack_double_feed_of_the_last_sheet_is_none(void **state)
{
	lay(2);
	put("stack.ini", "[sheet 1]\nfault = double-feed\n");
	struct stack *stack = open_good(2);
	through(stack);
	assert_false(stack_double_fed(stack));
	assert_int_equal(stack_in_tray(stack), 1);
	stack_close(stack);
}

static void test_stack_ini_settings(void **state)
{
	put("stack.ini",
	    "; laid by a test\n[stack]\nspeed = 60\ndpi = 200\n[open]\nfault = busy\n");
	struct stack *stack = open_good(1);
	assert_true(stack_speed(stack) == 60);
	assert_int_equal(stack_dpi(stack), 200);
	struct stack_fault *fault = stack_fault_open(stack);
	assert_non_null(fault);
	assert_int_equal(fault->kind, FAULT_BUSY);
	stack_close(stack);
}

static void test_stack_ini_bad_lines_are_named(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
	    {"[sheet 1]\nfault = jam\nfalt = 2\n", "stack.ini:3: unknown key 'falt'"},
	    {"[sheet 1]\nfault = jamm\n", "stack.ini:2: unknown fault 'jamm'"},
	    {"[sheet 0]\nfault = jam\n", "unknown section '[sheet 0]'"},
	    {"[sheat 1]\nfault = jam\n", "stack.ini:2: unknown section '[sheat 1]'"},
	    {"fault = jam\n", "unknown section '[]'"},
	    {"[sheet 1]\ntimes = 1\n", "stack.ini:2: 'times' comes before any fault"},
	    {"[sheet 1]\nfault = jam\n[sheet 2]\nside = back\n", "'side' comes before any fault"},
	    {"[sheet 1]\nfault = jam\ntimes = 0\n", "times '0'"},
	    {"[sheet 1]\nfault = jam\nside = top\n", "side 'top'"},
	    {"[sheet 1]\nfault = jam\nafter_lines = -4\n", "after_lines '-4'"},
	    {"[sheet 1]\nfault = jam\ndetect = maybe\n", "detect 'maybe'"},
	    {"[open]\nfault = jam\n", "fault 'jam' does not happen at [open]"},
	    {"[stack]\nspeed = fast\n", "speed 'fast'"},
	    {"[stack]\ndpi = 3\n", "dpi '3'"},
	    {"[stack]\nnonsense\n", "stack.ini:2: not a key = value"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct stack *stack = NULL;
		struct error err = {0};

		put("stack.ini", cases[i].text);
		assert_false(stack_open(folder, &stack, &err));
		assert_int_equal(err.kind, ERROR_SETUP);
		if (!strstr(err.what, cases[i].what))
			fail_msg("'%s' is not in '%s'", cases[i].what, err.what);
		assert_string_equal(err.where, folder);
	}
}

static void test_stack_open_with_a_damaged_fed_is_setup(void **state)
{
	static const char *const cases[] = {"", "altakt-fed/2\n", "altakt-fed/1\nimages minus\n",
	    "altakt-fed/1\nimages -3\n", "altakt-fed/1\ntray 1 sheets of 9\n",
	    "altakt-fed/1\nimages 3x\n", "altakt-fed/1\ntray 9223372036854775807 sheets of 2\n",
	    "altakt-fed/1\nfeeds 9223372036854775807\n"};

	lay(2);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct stack *stack = NULL;
		struct error err = {0};

		put(".fed", cases[i]);
		if (stack_open(folder, &stack, &err))
			fail_msg("'%s' was taken", cases[i]);
		assert_int_equal(err.kind, ERROR_SETUP);
		assert_non_null(strstr(err.what, ".fed' is damaged"));
	}
}

static void test_stack_sheet_through_on_a_full_disk_leaves_it(void **state)
{
	struct error err = {0};
	long n = 0;

	lay(4);
	struct stack *stack = open_good(2);
	through(stack);
	char *part = file_path("%s/.fed.part", folder);
	assert_int_equal(mkdir(part, 0700), 0); /* nothing can be written there now */
	assert_false(stack_sheet_through(stack, true, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "cannot write"));
	assert_int_equal(stack_sheet(stack), 2);
	assert_int_equal(stack_feed_count(stack), 1);
	err = (struct error){0};
	assert_false(stack_put_back(stack, 1, &n, &err));
	assert_int_equal(stack_sheet(stack), 2);
	assert_int_equal(stack_in_tray(stack), 1);
	assert_int_equal(rmdir(part), 0);
	through(stack);
	assert_false(stack_loaded(stack));
	stack_close(stack);
	free(part);
}

/* Random feeding and putting back against a model: the tray as a plain array. */
static void test_stack_random_moves_agree_with_a_model(void **state)
{
	int tray[4000], n_tray = 0, position = 0, feeds = 0;
	uint32_t seed = 20260101;
	struct error err = {0};

	lay(60);
	struct stack *stack = open_good(1);
	for (int i = 0; i < 3000; i++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned what = seed >> 24;
		int sides = seed & 0x8000 ? 2 : 1;
		if (what < 180) {
			stack_set_sides(stack, sides);
			if (position < 60) {
				int images = 60 - position < sides ? 60 - position : sides;
				tray[n_tray++] = images;
				position += images;
				feeds++;
			}
			through(stack);
		} else if (what < 230) {
			long n = 0, wanted = seed >> 8 & 7, moved = 0;
			while (moved < wanted && n_tray > 0) {
				position -= tray[--n_tray];
				moved++;
			}
			assert_true(stack_put_back(stack, wanted, &n, &err));
			assert_int_equal(n, moved);
		} else {
			stack_close(stack);
			stack = open_good(1);
		}
		stack_set_sides(stack, 1);
		assert_int_equal(stack_sheet(stack), position + 1);
		assert_int_equal(stack_feed_count(stack), feeds);
		assert_int_equal(stack_in_tray(stack), n_tray);
	}
	stack_close(stack);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_stack_open_lists_images_in_byte_order),
	    TEST(test_stack_open_of_no_folder_is_setup),
	    TEST(test_stack_open_twice_is_busy),
	    TEST(test_stack_sheet_through_stays_through),
	    TEST(test_stack_look_sees_what_was_laid_on),
	    TEST(test_stack_put_back_takes_sheets_as_they_were_fed),
	    TEST(test_stack_fault_fires_as_often_as_said_on_disk),
	    TEST(test_stack_fault_second_of_a_sheet_comes_after_the_first),
	    TEST(test_stack_double_feed_takes_the_next_along),
	    TEST(test_stack_double_feed_unseen),
	    TEST(test_stack_double_feed_of_the_last_sheet_is_none),
	    TEST(test_stack_ini_settings),
	    TEST(test_stack_ini_bad_lines_are_named),
	    TEST(test_stack_open_with_a_damaged_fed_is_setup),
	    TEST(test_stack_sheet_through_on_a_full_disk_leaves_it),
	    TEST(test_stack_random_moves_agree_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
