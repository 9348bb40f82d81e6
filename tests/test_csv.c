#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/csv.h"

static char path[] = "/tmp/altakt-csv-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd) != 0;
}

static int teardown(void **state)
{
	return unlink(path);
}

static void list_write(const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct csv *list_open(const char *text)
{
	struct csv *csv = NULL;
	struct error err = {0};

	list_write(text, strlen(text));
	assert_true(csv_open(path, &csv, &err));
	return csv;
}

/* The rows as text: fields between |, rows between newlines, each begins with its line. */
static void assert_rows(const char *text, const char *expected)
{
	struct csv *csv = list_open(text);
	struct csv_row row = {0};
	struct error err = {0};
	char got[2048] = "";
	bool more = true;

	while (csv_next(csv, &row, &more, &err) && more) {
		size_t n = strlen(got);
		snprintf(got + n, sizeof got - n, "%d", (int)row.line);
		for (int i = 0; i < row.n; i++) {
			n = strlen(got);
			snprintf(got + n, sizeof got - n, "|%s", row.fields[i]);
		}
		n = strlen(got);
		snprintf(got + n, sizeof got - n, "\n");
	}
	assert_int_equal(err.kind, ERROR_NONE);
	assert_string_equal(got, expected);
	csv_close(csv);
}

static void test_csv_next_as_people_write(void **state)
{
	static const char *const table[][2] = {
	    {"a;b\r\n1;2\r\n", "1|a|b\n2|1|2\n"},
	    {"a,b\n1,2", "1|a|b\n2|1|2\n"},
	    {"a\tb\n1\t2\n", "1|a|b\n2|1|2\n"},
	    {"a;b\r1;2\r", "1|a|b\n2|1|2\n"},
	    {"\xEF\xBB\xBF"
	     "a;b\n\n\n1;ü\n",
		"1|a|b\n4|1|ü\n"},
	    {"a;b\n\"x;\"\"y\"\"\";\"two\nlines\"\n3;4\n", "1|a|b\n2|x;\"y\"|two\nlines\n4|3|4\n"},
	    {"a;b,c;d\n1;2,5;3\n", "1|a|b,c|d\n2|1|2,5|3\n"},
	    {"a;b\n;\n1;\n", "1|a|b\n2||\n3|1|\n"},
	    {"a;b\n\"\";x\n", "1|a|b\n2||x\n"},
	    {"\"a;a\",b\n1,2\n", "1|a;a|b\n2|1|2\n"},
	    {"sep=;\r\na,x;b\r\n1;2\r\n", "2|a,x|b\n3|1|2\n"},
	    {"\xEF\xBB\xBF"
	     "SEP=,\na;x,b\n",
		"2|a;x|b\n"},
	    {"sep=", "1|sep=\n"},
	    {"sep=;", "1|sep=|\n"},
	    {"sep=x;y\n1;2\n", "1|sep=x|y\n2|1|2\n"},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_rows(table[i][0], table[i][1]);
	assert_rows("", "");
}

static void test_csv_open_windows_1252(void **state)
{
	struct csv *csv = list_open("a;b\nM\xFC"
				    "ller \x80;\x81\n");
	struct csv_row row = {0};
	struct error err = {0};
	bool more;

	assert_true(csv_windows(csv));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_string_equal(row.fields[0], "Müller €");
	assert_string_equal(row.fields[1], "\xEF\xBF\xBD");
	csv_close(csv);
	csv = list_open("a;b\nMüller;€\n");
	assert_false(csv_windows(csv));
	csv_close(csv);
}

static void test_csv_open_binary(void **state)
{
	struct csv *csv = NULL;
	struct error err = {0};

	list_write("a;b\n\0\1\2", 7);
	assert_false(csv_open(path, &csv, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "binary"));
	assert_null(csv);
	err = (struct error){0};
	assert_false(csv_open("/nonexistent/list.csv", &csv, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void test_csv_open_of_two_gigabytes(void **state)
{
	char large[] = "/tmp/altakt-csv-XXXXXX";
	struct error err = {0};
	struct csv *csv = NULL;
	int fd = mkstemp(large);

	assert_true(fd >= 0 && ftruncate(fd, 2ll << 30) == 0);
	close(fd);
	assert_false(csv_open(large, &csv, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "2048 MiB"));
	unlink(large);
}

static void test_csv_next_bad_rows_and_on(void **state)
{
	struct csv *csv = NULL;
	struct csv_row row = {0};
	struct error err = {0};
	bool more;
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	fputs("a;b\n", f);
	for (int i = 0; i < CSV_COLUMNS + 5; i++)
		putc(';', f);
	fputs("\n1;2\n", f);
	for (int i = 0; i < CSV_ROW_BYTES + 100; i++)
		putc('x', f);
	fputs("\n3;4\n\"never closed\n\n", f);
	fclose(f);
	assert_true(csv_open(path, &csv, &err));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_false(csv_next(csv, &row, &more, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "line 2 has more than"));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_string_equal(row.fields[1], "2");
	assert_false(csv_next(csv, &row, &more, &err));
	assert_non_null(strstr(err.what, "line 4 is longer"));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_string_equal(row.fields[1], "4");
	assert_false(csv_next(csv, &row, &more, &err));
	assert_non_null(strstr(err.what, "line 6 has a quote"));
	assert_true(csv_next(csv, &row, &more, &err));
	assert_false(more);
	csv_close(csv);
}

static void test_csv_sha256_is_the_file(void **state)
{
	struct csv *csv = list_open("abc");

	assert_string_equal(
	    csv_sha256(csv), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	csv_close(csv);
}

static void test_csv_text_is_never_a_formula(void **state)
{
	static const char *const table[][2] = {
	    {"=1+1", "\"'=1+1\""},
	    {"+49", "\"'+49\""},
	    {"-5", "\"'-5\""},
	    {"@SUM(A1)", "\"'@SUM(A1)\""},
	    {"\t=1", "\"'\t=1\""},
	    {"  =1", "\"'  =1\""},
	    {"＝1", "\"'＝1\""},
	    {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
	    {"33/12345-04", "33/12345-04"},
	    {"a;b", "\"a;b\""},
	    {"a\"b", "\"a\"\"b\""},
	    {"two\nlines", "\"two\nlines\""},
	    {"", ""},
	    {NULL, ""},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char expected[128], *text;
		struct csv_writer *out = csv_writer_open();
		csv_text(out, table[i][0]);
		csv_number(out, -12);
		csv_end(out);
		text = csv_writer_close(out);
		snprintf(expected, sizeof expected, "\xEF\xBB\xBF%s;-12\r\n", table[i][1]);
		assert_string_equal(text, expected);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_csv_next_as_people_write),
	    cmocka_unit_test(test_csv_open_windows_1252),
	    cmocka_unit_test(test_csv_open_binary),
	    cmocka_unit_test(test_csv_open_of_two_gigabytes),
	    cmocka_unit_test(test_csv_next_bad_rows_and_on),
	    cmocka_unit_test(test_csv_sha256_is_the_file),
	    cmocka_unit_test(test_csv_text_is_never_a_formula),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
