#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/register.h"
#include "batch/report.h"
#include "tests/desk.h"

static int64_t int_at(const json_t *o, const char *a, const char *b)
{
	return json_integer_value(json_object_get(json_object_get(o, a), b));
}

static void assert_text(const json_t *o, const char *a, const char *b, const char *expected)
{
	const char *text = json_string_value(json_object_get(json_object_get(o, a), b));

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void test_report_make_against_the_register(void **state)
{
	static const char list[] = "file_number\n33/1\n33/2\n33/3\n33/<b>4\n";
	struct desk d;
	struct error err = {0};
	struct register_import done;
	json_t *report;

	desk_open(&d, "[grant]\napplicant = Stadt <Musterhausen>\ndeadline = 2020-01-01\n");
	char *path = file_path("%s/list.csv", d.folder);
	assert_true(file_write(path, list, strlen(list), NULL));
	desk_check(register_import(d.workspace.journal, d.workspace.settings, path, false,
		       "m.muster", NULL, &done, &err),
	    &err);
	free(path);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 4);
	desk_file(&d, "b1", "33/1", 2, 2);
	desk_file(&d, "b1", "33/2", 1, 2);
	desk_close_batch(&d, "b1");
	desk_batch(&d, "b2"); /* open: it is not done yet */
	desk_file(&d, "b2", "33/3", 1, 9);
	report = report_make(&d.workspace, &err);
	assert_non_null(report);
	assert_int_equal(int_at(report, "files", "registered"), 4);
	assert_int_equal(int_at(report, "files", "done"), 2);
	assert_int_equal(int_at(report, "files", "missing"), 2);
	assert_int_equal(json_integer_value(json_object_get(report, "sheets")), 8);
	/* 2 files and 8 sheets; in the end 4 files of 4 sheets each */
	assert_text(report, "money", "closed", "1.58");
	assert_text(report, "money", "accepted", "0.00");
	assert_text(report, "money", "expected", "3.16");
	assert_int_equal(int_at(report, "forecast", "files_per_day_tenths"), 20);
	assert_true(json_is_true(json_object_get(json_object_get(report, "forecast"), "late")));
	char *html = report_html(report, &d.workspace);
	assert_non_null(strstr(html, "Stadt &lt;Musterhausen&gt;"));
	assert_null(strstr(html, "<Musterhausen>"));
	assert_non_null(strstr(html, "<polyline"));
	assert_non_null(strstr(html, "<rect"));
	free(html);
	json_decref(report);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_report_make_against_the_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
