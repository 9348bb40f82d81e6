#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/error.h"
#include "config/text.h"

/* A text of n bytes that ends in characters of width bytes each. */
static void wide_text(char *text, size_t n, size_t width)
{
	static const char *const wide[] = {"", "x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x93\x84"};
	size_t at = n % width;

	memset(text, 'a', at);
	for (; at < n; at += width)
		memcpy(text + at, wide[width], width);
	text[n] = '\0';
}

static void test_error_set_fills_all(void **state)
{
	struct error err = {.where = "of an earlier error"};

	assert_false(error_set(&err, ERROR_PAPER, "close it", "the cover of '%s' is open", "st1"));
	assert_int_equal(err.kind, ERROR_PAPER);
	assert_string_equal(err.what, "the cover of 'st1' is open");
	assert_string_equal(err.todo, "close it");
	assert_string_equal(err.where, "");
}

static void test_error_set_without_error_or_todo(void **state)
{
	struct error err = {.todo = "of an earlier error"};

	assert_false(error_set(NULL, ERROR_INPUT, NULL, "nobody %s", "listens"));
	assert_false(error_errno(NULL, NULL, "nobody listens"));
	assert_false(error_where(NULL, "nowhere"));
	assert_false(error_set(&err, ERROR_INPUT, NULL, "bad"));
	assert_string_equal(err.todo, "");
}

/* Whatever the length and wherever the cut falls: well-formed, filled to within one character. */
static void test_error_set_cuts_at_whole_characters(void **state)
{
	char text[700];

	for (size_t width = 1; width <= 4; width++) {
		for (size_t n = 240; n < 600; n++) {
			struct error err = {0};
			wide_text(text, n, width);
			error_set(&err, ERROR_INPUT, text, "%s", text);
			assert_true(text_utf8(err.what, strlen(err.what)));
			assert_true(text_utf8(err.todo, strlen(err.todo)));
			if (n < sizeof err.what)
				assert_string_equal(err.what, text);
			else
				assert_in_range(
				    strlen(err.what), sizeof err.what - width, sizeof err.what - 1);
			if (n < sizeof err.todo)
				assert_string_equal(err.todo, text);
			else
				assert_in_range(
				    strlen(err.todo), sizeof err.todo - width, sizeof err.todo - 1);
		}
	}
}

static void test_error_errno_keeps_the_reason(void **state)
{
	char text[700];

	for (size_t n = 1; n < 600; n++) {
		struct error err = {0};
		wide_text(text, n, 2);
		errno = ENOSPC;
		assert_false(error_errno(&err, "free space", "%s", text));
		assert_int_equal(err.kind, ERROR_SYSTEM);
		assert_true(text_utf8(err.what, strlen(err.what)));
		/* The reason is what helps: it is never what gets cut off. */
		assert_non_null(strstr(err.what, ": No space left on device"));
	}
}

static void test_error_where_puts_places_before(void **state)
{
	struct error err = {0};

	error_set(&err, ERROR_INPUT, NULL, "not an image");
	assert_false(error_where(&err, "sheet %d", 12));
	assert_false(error_where(&err, "batch %s", "b1"));
	assert_string_equal(err.where, "batch b1, sheet 12");
	for (int i = 0; i < 100; i++) {
		error_where(&err, "Blättchen %d", i);
		assert_true(text_utf8(err.where, strlen(err.where)));
	}
	assert_int_equal(strncmp(err.where, "Blättchen 99, Blättchen 98, ", 29), 0);
	assert_string_equal(err.what, "not an image");
}

static void test_error_text_puts_it_together(void **state)
{
	struct error err = {0};
	char buf[2048];

	error_set(&err, ERROR_INPUT, "scan it again", "not an image");
	assert_string_equal(error_text(&err, buf, sizeof buf), "not an image\nscan it again");
	error_where(&err, "batch b1");
	assert_string_equal(
	    error_text(&err, buf, sizeof buf), "batch b1: not an image\nscan it again");
	err.todo[0] = '\0';
	assert_string_equal(error_text(&err, buf, sizeof buf), "batch b1: not an image");
}

static void test_error_text_escapes_control_characters(void **state)
{
	struct error err = {0};
	char buf[2048];

	/* C0, DEL, and the C1 controls that some terminals obey (U+009B is a CSI). */
	error_set(&err, ERROR_INPUT, "a\nb", "a file '\x1b[31m\x7f' '\xc2\x9b' 'ä'");
	assert_string_equal(
	    error_text(&err, buf, sizeof buf), "a file '\\x1b[31m\\x7f' '\\xc2\\x9b' 'ä'\na\\x0ab");
}

static void test_error_text_fits_any_buffer(void **state)
{
	struct error err = {0};
	char buf[1400];

	error_set(&err, ERROR_INPUT, "todo \xC3\xBC\xC3\xBC\xC3\xBC",
	    "what \xE2\x82\xAC\x1b\xE2\x82\xAC");
	error_where(&err, "where");
	for (size_t size = 1; size < sizeof buf; size++) {
		memset(buf, 0x55, sizeof buf);
		error_text(&err, buf, size);
		assert_true(memchr(buf, '\0', size));
		assert_true(text_utf8(buf, strlen(buf)));
		assert_int_equal(buf[size], 0x55);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_error_set_fills_all),
	    cmocka_unit_test(test_error_set_without_error_or_todo),
	    cmocka_unit_test(test_error_set_cuts_at_whole_characters),
	    cmocka_unit_test(test_error_errno_keeps_the_reason),
	    cmocka_unit_test(test_error_where_puts_places_before),
	    cmocka_unit_test(test_error_text_puts_it_together),
	    cmocka_unit_test(test_error_text_escapes_control_characters),
	    cmocka_unit_test(test_error_text_fits_any_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
