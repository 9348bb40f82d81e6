#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

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
	static const char list[] = "file_number;volume\n33/1;1\n33/1;2\n33/1;3\n33/2;1\n33/3;1\n"
				   "33/<b>4;1\n";
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
	desk_batch(&d, "b0");
	desk_file(&d, "b0", "99/9", 1, 1);
	desk_close_batch(&d, "b0");
	desk_batch(&d, "b2"); /* open: it is not done yet */
	desk_file(&d, "b2", "33/3", 1, 9);
	report = report_make(&d.workspace, &err);
	assert_non_null(report);
	assert_int_equal(int_at(report, "files", "registered"), 4);
	assert_int_equal(int_at(report, "files", "done"), 3);
	assert_int_equal(int_at(report, "files", "unregistered"), 1);
	assert_int_equal(int_at(report, "files", "missing"), 2);
	assert_int_equal(json_integer_value(json_object_get(report, "sheets")), 9);
	/* 3 files and 9 sheets, one of them not in the register; in the end 5 files of 3 sheets
	 * each */
	assert_text(report, "money", "closed", "2.34");
	assert_text(report, "money", "accepted", "0.00");
	assert_text(report, "money", "expected", "3.90");
	assert_int_equal(int_at(report, "forecast", "files_per_day_tenths"), 30);
	assert_true(json_is_true(json_object_get(json_object_get(report, "forecast"), "late")));
	char *html = report_html(report, &d.workspace);
	assert_non_null(strstr(html, "Stadt &lt;Musterhausen&gt;"));
	assert_null(strstr(html, "<Musterhausen>"));
	assert_non_null(strstr(html, "<polyline"));
	assert_non_null(strstr(html, "<rect"));
	assert_null(strstr(html, "http")); /* nothing from elsewhere */
	free(html);

	/* A day without work has its place; rates are of all sheets that were fed: one of 15. */
	json_object_set_new(report, "days",
	    json_pack("[{sssisi}{sssisi}]", "day", "2026-03-02", "files", 1, "sheets", 5, "day",
		"2026-03-05", "files", 1, "sheets", 9));
	json_object_set_new(report, "stations",
	    json_pack(
		"[{sssisisi}]", "station", "st1", "sheets", 14, "voided", 1, "superseded", 0));
	html = report_html(report, &d.workspace);
	assert_non_null(strstr(html, "<rect x=\"675\""));
	assert_non_null(strstr(html, "<td>6.6 %</td><td>0.0 %</td>"));
	free(html);
	json_decref(report);
	desk_close(&d);
}

/* Six files at one a day: never on a Saturday or Sunday, whatever today is. */
static void test_report_forecast_in_working_days(void **state)
{
	struct desk d;
	struct error err = {0};
	struct register_import done;

	desk_open(&d, "[grant]\nceiling = 5,00\n");
	char *path = file_path("%s/list.csv", d.folder);
	static const char list[] = "file_number\na\nb\nc\nd\ne\nf\ng\n";
	assert_true(file_write(path, list, strlen(list), NULL));
	desk_check(register_import(d.workspace.journal, d.workspace.settings, path, false,
		       "m.muster", NULL, &done, &err),
	    &err);
	free(path);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "a", 1, 1);
	desk_close_batch(&d, "b1");
	json_t *report = report_make(&d.workspace, &err);
	const char *made = json_string_value(json_object_get(report, "made"));
	const char *on =
	    json_string_value(json_object_get(json_object_get(report, "forecast"), "done_on"));
	struct tm from = {0}, to = {0};
	assert_non_null(strptime(made, "%Y-%m-%d", &from));
	assert_non_null(strptime(on, "%Y-%m-%d", &to));
	int working = 0;
	for (time_t t = timegm(&from) + 86400; t <= timegm(&to); t += 86400) {
		struct tm tm;
		gmtime_r(&t, &tm);
		working += tm.tm_wday % 6 != 0;
	}
	assert_int_equal(working, 6); /* six files are missing */
	gmtime_r(&(time_t){timegm(&to)}, &to);
	assert_true(to.tm_wday % 6 != 0);
	/* 7 files and 7 sheets come to 5.32 */
	assert_true(
	    json_is_true(json_object_get(json_object_get(report, "money"), "over_ceiling")));
	char *html = report_html(report, &d.workspace);
	assert_non_null(strstr(html, "class=\"ahead\""));
	free(html);
	json_decref(report);
	desk_close(&d);
}

/* The operators of a report: one, whose pseudonym is copied to name. */
static void operator_of(struct desk *d, char name[16])
{
	struct error err = {0};
	json_t *report = report_make(&d->workspace, &err);
	const json_t *operators = json_object_get(report, "operators");

	assert_int_equal(json_array_size(operators), 1);
	snprintf(name, 16, "%s",
	    json_string_value(json_object_get(json_array_get(operators, 0), "operator")));
	json_decref(report);
}

/* What manifests print (name and UUID) does not tell whose pseudonym it is. */
static void test_report_pseudonyms_need_the_journal(void **state)
{
	struct desk d, other;
	char hex[HASH_SIZE], first[16], again[16], elsewhere[16];

	struct desk *both[] = {&d, &other};
	for (int i = 0; i < 2; i++) {
		desk_open(both[i], "[report]\nby_operator = yes\n");
		desk_batch(both[i], "b1");
		desk_begin(both[i]);
		desk_event(both[i], "b1",
		    json_pack("{ss ss}", "event", "operator", "operator", "m.muster"));
		desk_event(both[i], "b1",
		    json_pack("{ss ss ss}", "event", "feeding_started", "device", "test:0", "model",
			"Muster"));
		desk_commit(both[i]);
		desk_file(both[i], "b1", "33/1", 1, 2);
		desk_close_batch(both[i], "b1");
	}
	operator_of(&d, first);
	operator_of(&d, again);
	operator_of(&other, elsewhere);
	assert_int_equal(strncmp(first, "P-", 2), 0);
	assert_string_equal(first, again);
	assert_string_not_equal(first, elsewhere);
	char *text = file_path("%s m.muster", d.workspace.uuid);
	hash_bytes(HASH_SHA256, text, strlen(text), hex);
	assert_int_not_equal(strncmp(first + 2, hex, 8), 0);
	free(text);
	desk_close(&d);
	desk_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_report_make_against_the_register),
	    cmocka_unit_test(test_report_forecast_in_working_days),
	    cmocka_unit_test(test_report_pseudonyms_need_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
