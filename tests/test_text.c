#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/text.h"

static void test_text_utf8_accepts_and_refuses(void **state)
{
	static const struct {
		const char *bytes;
		bool good;
	} table[] = {
	    {"", true},
	    {"abc", true},
	    {"\xC3\xA4", true},		     /* ä */
	    {"\xE2\x82\xAC", true},	     /* € */
	    {"\xF0\x9F\x93\x84", true},	     /* U+1F4C4 */
	    {"\xF4\x8F\xBF\xBF", true},	     /* U+10FFFF */
	    {"\xEF\xBF\xBF", true},	     /* U+FFFF: a noncharacter is still well-formed */
	    {"\xC0\xAF", false},	     /* overlong "/" */
	    {"\xE0\x80\xAF", false},	     /* again */
	    {"\xF0\x80\x80\xAF", false},     /* and again */
	    {"\xED\xA0\x80", false},	     /* a surrogate */
	    {"\xF4\x90\x80\x80", false},     /* beyond U+10FFFF */
	    {"\xF8\x88\x80\x80\x80", false}, /* five bytes */
	    {"\x80", false},		     /* only a continuation */
	    {"\xC3", false},		     /* cut */
	    {"\xE2\x82", false},	     /* cut */
	    {"\xF0\x9F\x93", false},	     /* cut */
	    {"a\xFFz", false},
	    {"\xC3(", false},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (text_utf8(table[i].bytes, strlen(table[i].bytes)) != table[i].good)
			fail_msg("line %zu of the table", i);
	assert_true(text_utf8("a\0b", 3));
	assert_true(text_utf8("\xC3\xA4xx", 2));
	assert_false(text_utf8("\xC3\xA4", 1));
}

static void test_text_cut_at_every_byte(void **state)
{
	static const char whole[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x93\x84z";
	static const size_t starts[] = {0, 1, 3, 6, 10, 11};

	for (size_t n = 0; n < sizeof whole; n++) {
		char text[sizeof whole];
		size_t expected = 0;
		memcpy(text, whole, sizeof whole);
		for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
			if (starts[i] <= n)
				expected = starts[i];
		assert_int_equal(text_cut(text, n), expected);
		assert_int_equal(strlen(text), expected);
		assert_memory_equal(text, whole, expected);
	}
}

/* What is no UTF-8 anyway is cut somewhere at or before the limit, and never before the start. */
static void test_text_cut_of_rubbish(void **state)
{
	for (int round = 0; round < 20000; round++) {
		char text[16];
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)(0x80 + rand() % 0x80);
		size_t n = (size_t)rand() % sizeof text, cut = text_cut(text, n);
		assert_in_range(cut, n < 3 ? 0 : n - 3, n);
		assert_int_equal(text[cut], '\0');
	}
}

static void test_text_escape_of_controls_and_rubbish(void **state)
{
	static const struct {
		const char *text, *escaped;
	} table[] = {
	    {"", ""},
	    {"Jürgen 'x' \\ %s", "Jürgen 'x' \\ %s"},
	    {"a\nb\tc\x1b[2J\x7f", "a\\x0ab\\x09c\\x1b[2J\\x7f"},
	    {"\xC2\x85\xC2\x9B\xC2\xA0", "\\xc2\\x85\\xc2\\x9b\xC2\xA0"},
	    {"\xFF\xC3", "\\xff\\xc3"},
	    {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
	};
	char buf[200];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		assert_int_equal(
		    text_escape(buf, sizeof buf, 0, table[i].text), strlen(table[i].escaped));
		assert_string_equal(buf, table[i].escaped);
	}
}

static void test_text_escape_stays_in_its_room(void **state)
{
	char buf[40];

	for (size_t size = 1; size < sizeof buf; size++) {
		memset(buf, 0x55, sizeof buf);
		size_t n = text_escape(buf, size, 0,
		    "\xC3\xA4\x01\xE2\x82\xAC\xC2\x80"
		    "bcdef");
		assert_true(n < size);
		assert_int_equal(buf[n], '\0');
		assert_int_equal(buf[size], 0x55);
		assert_true(text_utf8(buf, n));
		assert_true(n == 0 || n < 3 || buf[n - 1] != '\\');
	}
}

static void test_text_width_counts_columns(void **state)
{
	static const struct {
		const char *text;
		int columns;
	} table[] = {{"", 0}, {"33/1", 4}, {"33/00815-Ü", 10}, {"33/00815-U\xCC\x88", 10},
	    {"2,39 €", 6}, {"\xE6\xAA\x94", 2}, {"\xFF\xC3", 2}, {"longer than the column", 22}};
	char line[80];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *text = table[i].text;
		int n = snprintf(line, sizeof line, "%-*s|", text_width(text, 16), text);
		int blanks = table[i].columns < 16 ? 16 - table[i].columns : 0;
		assert_int_equal(n, (int)strlen(text) + blanks + 1);
		n = snprintf(line, sizeof line, "%*s|", text_width(text, 16), text);
		assert_int_equal(n, (int)strlen(text) + blanks + 1);
	}
}

static void test_text_open_in_german_and_english(void **state)
{
	setenv("LC_ALL", "C", 1);
	text_open();
	assert_false(text_german());
	assert_string_equal(PLURAL("one sheet", "sheets", 1), "one sheet");
	assert_string_equal(PLURAL("one sheet", "sheets", 0), "sheets");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text_utf8_accepts_and_refuses),
	    cmocka_unit_test(test_text_cut_at_every_byte),
	    cmocka_unit_test(test_text_cut_of_rubbish),
	    cmocka_unit_test(test_text_escape_of_controls_and_rubbish),
	    cmocka_unit_test(test_text_escape_stays_in_its_room),
	    cmocka_unit_test(test_text_width_counts_columns),
	    cmocka_unit_test(test_text_open_in_german_and_english),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
