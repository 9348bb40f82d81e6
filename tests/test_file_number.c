#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/file_number.h"
#include "config/text.h"

#define BYTES_64 "1234567890123456789012345678901234567890123456789012345678901234"

static void test_file_number_check_table(void **state)
{
	static const struct {
		const char *number, *what; /* what NULL: accepted */
	} table[] = {
	    {"33/12345-04", NULL}, {"x", NULL}, {" 33 ", NULL}, {"../../etc/passwd", NULL},
	    {"..", NULL}, {"Ö-12 \xF0\x9F\x93\x84", NULL}, {"'; DROP TABLE event; --", NULL},
	    {BYTES_64, NULL}, {"", "empty"}, {BYTES_64 "5", "65 bytes"},
	    {"a\nb", "control character"}, {"a\tb", "control character"},
	    {"\x1b[31m", "control character"}, {"a\x7f", "control character"},
	    {"a\xC2\x85", "control character"},	    /* NEL */
	    {"a\xE2\x80\xA8", "control character"}, /* line separator */
	    {"a\xE2\x80\xA9", "control character"}, /* paragraph separator */
	    {"a\xC3", "not UTF-8"}, {"\xC0\xAF", "not UTF-8"}, {"\xED\xA0\x80", "not UTF-8"},
	    {"   ", "only blanks"},
	    {"\xC2\xA0\xE2\x80\x83", "only blanks"},		 /* no-break and em space */
	    {"\xE2\x80\x8B\xC2\xAD\xEF\xBB\xBF", "only blanks"}, /* zero-width, soft hyphen, BOM */
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct error err = {0};
		bool ok = file_number_check(table[i].number, &err);
		if (ok != !table[i].what)
			fail_msg("line %zu: '%s': %s", i, table[i].number, err.what);
		if (ok) {
			assert_int_equal(err.kind, ERROR_NONE);
			continue;
		}
		assert_int_equal(err.kind, ERROR_INPUT);
		if (!strstr(err.what, table[i].what))
			fail_msg("line %zu: '%s' lacks '%s'", i, err.what, table[i].what);
		for (const char *p = err.what; *p; p++)
			assert_true((unsigned char)*p >= 0x20);
	}
}

static void test_file_number_check_quotes_long_ones_cut(void **state)
{
	char number[301];
	struct error err = {0};

	memset(number, 'A', 300);
	number[300] = '\0';
	assert_false(file_number_check(number, &err));
	assert_non_null(strstr(err.what, "has 300 bytes"));
	assert_non_null(strstr(err.what, "AAA..."));
	assert_in_range(strlen(err.what), 10, 120);
	memset(number, '\x01', 300);
	assert_false(file_number_check(number, &err));
	assert_non_null(strstr(err.what, "\\x01..."));
}

static void test_file_number_escape_table(void **state)
{
	static const char *const table[][2] = {
	    {"33/12345-04", "33=2F12345-04"},
	    {"../../etc/passwd", "=2E.=2F..=2Fetc=2Fpasswd"},
	    {".", "=2E"},
	    {"..", "=2E."},
	    {"a.b_c-D9", "a.b_c-D9"},
	    {"ä ~+=%", "=C3=A4=20=7E=2B=3D=25"},
	    {"CON", "CON"},
	};
	char escaped[FILE_ESCAPED_SIZE], number[FILE_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		file_number_escape(table[i][0], escaped);
		assert_string_equal(escaped, table[i][1]);
		assert_true(file_number_unescape(escaped, number));
		assert_string_equal(number, table[i][0]);
	}
}

/* One random number that passes the check. */
static void random_number(char number[FILE_NUMBER_SIZE])
{
	static const char *const pieces[] = {"a", "Z", "0", "9", "-", "_", ".", "/", " ", "=", "%",
	    "~", "+", "\\", "\"", "ä", "ß", "ẞ", "İ", "ı", "é", "e\xCC\x81", "\xE2\x82\xAC",
	    "\xF0\x9F\x93\x84", "\xC2\xA0", "\xC2\xAD", "\xCC\x81", "\xE2\x80\x8B", "Ǆ", "ﬁ", "Σ",
	    "ς", "\xCD\x85", "ΐ", "ŉ", "\xF0\x9D\x85\xA0", "가", "\xE1\x84\x80", "\xE1\x85\xA1"};

	do {
		size_t n = 0, wanted = 1 + (size_t)rand() % 64;
		for (;;) {
			const char *piece =
			    pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];
			if (n + strlen(piece) > wanted)
				break;
			memcpy(number + n, piece, strlen(piece));
			n += strlen(piece);
		}
		number[n] = '\0';
	} while (!file_number_check(number, NULL));
}

static void test_file_number_escape_round_trip_of_random(void **state)
{
	char number[FILE_NUMBER_SIZE], escaped[FILE_ESCAPED_SIZE], back[FILE_NUMBER_SIZE];

	for (int i = 0; i < 50000; i++) {
		random_number(number);
		file_number_escape(number, escaped);
		assert_true(escaped[0] != '.' && escaped[0] != '\0');
		assert_int_equal(strspn(escaped,
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-_.="),
		    strlen(escaped));
		assert_true(file_number_unescape(escaped, back));
		assert_string_equal(back, number);
	}
}

/* Every byte string is either refused, or exactly what file_number_escape() writes. */
static void test_file_number_unescape_of_random(void **state)
{
	static const char letters[] = "ABCDEFabcdef0123=======.-_/ \x80\xC3";
	char text[FILE_ESCAPED_SIZE + 8], number[FILE_NUMBER_SIZE], again[FILE_ESCAPED_SIZE];
	int accepted = 0;

	for (int i = 0; i < 200000; i++) {
		size_t n = (size_t)rand() % (i % 2 ? 8 : sizeof text);
		for (size_t k = 0; k < n; k++)
			text[k] = letters[(size_t)rand() % (sizeof letters - 1)];
		text[n] = '\0';
		if (!file_number_unescape(text, number))
			continue;
		accepted++;
		file_number_escape(number, again);
		assert_string_equal(again, text);
	}
	assert_true(accepted > 1000);
}

static void test_file_number_unescape_refuses(void **state)
{
	static const char *const table[] = {
	    "",	    /* empty */
	    "=2f",  /* small letters */
	    "=41",  /* "A" is written as it is */
	    "=00",  /* NUL */
	    "a=0A", /* a control character */
	    ".a",   /* a dot at the start */
	    "a/b",
	    "a b", /* not escaped */
	    "=C3", /* not UTF-8 */
	    "a=",
	    "a=2",
	    "a=2G",
	    "=",
	    BYTES_64 "5",
	};
	char number[FILE_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (file_number_unescape(table[i], number))
			fail_msg("'%s' became '%s'", table[i], number);
}

static void test_file_number_key_same_and_different(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} table[] = {
	    {"33/12345-04", "33/12345-04", true},
	    {"33/12345-04", " 33 / 12345-04\xC2\xA0", true},
	    {"Az. 7", "aZ.7", true},
	    {"STRASSE", "straße", true},
	    {"STRAẞE", "straße", true},
	    {"Ä 1", "a\xCC\x88 1", true}, /* composed and not */
	    {"\xE2\x84\xAB", "å", true},  /* the Ångström sign is the letter */
	    {"Σ", "ς", true},		  /* final sigma */
	    {"12\xE2\x80\x8B"
	     "34",
		"1234", true}, /* a zero-width space hides in it */
	    {"12\xC2\xAD"
	     "34",
		"1234", true}, /* a soft hyphen */
	    {"\xE2\x80\x8E"
	     "1234",
		"1234", true},	       /* a left-to-right mark */
	    {"e \xCC\x81", "é", true}, /* the blank kept them apart */
	    {"İ", "i\xCC\x87", true},
	    {"İ", "i", false}, /* Turkish letters are not folded away */
	    {"ı", "i", false},
	    {"33/1", "33-1", false},
	    {"33/1", "331", false},
	    {"33/1", "33/01", false},
	    {"ä", "a", false},
	    {"ﬁ", "fi", true}, /* default case folding has the ligature */
	    {"½", "1/2", false},
	};
	char a[FILE_KEY_SIZE], b[FILE_KEY_SIZE];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		file_number_key(table[i].a, a);
		file_number_key(table[i].b, b);
		assert_true(a[0] && b[0]);
		if ((strcmp(a, b) == 0) != table[i].same)
			fail_msg("'%s' gives '%s', '%s' gives '%s'", table[i].a, a, table[i].b, b);
	}
}

static void test_file_number_key_of_a_key_is_the_key(void **state)
{
	char number[FILE_NUMBER_SIZE], key[FILE_KEY_SIZE], again[FILE_KEY_SIZE];

	for (int i = 0; i < 50000; i++) {
		random_number(number);
		file_number_key(number, key);
		assert_true(key[0]);
		assert_true(text_utf8(key, strlen(key)));
		file_number_key(key, again);
		assert_string_equal(again, key);
	}
}

static void test_file_number_key_of_the_longest(void **state)
{
	/* What grows most when folded, 64 bytes of it. */
	static const char *const grows[] = {
	    "ŉ", "ΐ", "\xF0\x9D\x85\xA0", "\xEF\xAC\xAC", "\xEF\xAC\x83"};

	for (size_t i = 0; i < sizeof grows / sizeof grows[0]; i++) {
		char number[FILE_NUMBER_SIZE] = "", key[FILE_KEY_SIZE];
		while (strlen(number) + strlen(grows[i]) <= 64)
			strcat(number, grows[i]);
		assert_true(file_number_check(number, NULL));
		file_number_key(number, key);
		assert_in_range(strlen(key), 1, FILE_KEY_SIZE - 1);
	}
}

static void test_batch_name_check_table(void **state)
{
	static const char *const good[] = {"a", "2026-11-23-st1-001", "9", "A.b_c-d", BYTES_64};
	static const char *const bad[] = {
	    "", ".", "..", "-a", "_a", ".a", "a/b", "a b", "ä", "a\n", BYTES_64 "5"};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(batch_name_check(good[i], NULL));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct error err = {0};
		assert_false(batch_name_check(bad[i], &err));
		assert_int_not_equal(err.kind, ERROR_NONE);
		assert_true(err.todo[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file_number_check_table),
	    cmocka_unit_test(test_file_number_check_quotes_long_ones_cut),
	    cmocka_unit_test(test_file_number_escape_table),
	    cmocka_unit_test(test_file_number_escape_round_trip_of_random),
	    cmocka_unit_test(test_file_number_unescape_of_random),
	    cmocka_unit_test(test_file_number_unescape_refuses),
	    cmocka_unit_test(test_file_number_key_same_and_different),
	    cmocka_unit_test(test_file_number_key_of_a_key_is_the_key),
	    cmocka_unit_test(test_file_number_key_of_the_longest),
	    cmocka_unit_test(test_batch_name_check_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
