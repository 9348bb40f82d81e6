#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/acceptance.h"
#include "batch/claim_book.h"
#include "batch/claim_making.h"
#include "batch/local_day.h"
#include "batch/review.h"
#include "batch/verify.h"
#include "tests/desk.h"

static const char ini[] = "[station]\nname = st1\n[claim]\nauthority = Amt Musterhausen\n"
			  "[grant]\napplicant = Stadt Musterhausen\nceiling = 100.00\n";

static void accept_batch(struct desk *d, const char *batch)
{
	struct error err = {0};

	desk_check(review_seen(&d->workspace, batch, "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d->workspace, batch, "l.lead", NULL, &err), &err);
}

static void simple_batch(struct desk *d, const char *batch, const char *file, int sheets)
{
	desk_batch(d, batch);
	desk_file(d, batch, file, 1, sheets);
	desk_close_batch(d, batch);
	accept_batch(d, batch);
}

static json_t *claim(struct desk *d, bool dry_run)
{
	struct error err = {0};
	json_t *out = NULL;

	desk_check(claim_make(&d->workspace, NULL, dry_run, "f.finanz", &out, &err), &err);
	return out;
}

static void assert_int_field(const json_t *o, const char *key, int expected)
{
	assert_int_equal(json_integer_value(json_object_get(o, key)), expected);
}

static void assert_text(const json_t *o, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(o, key));

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void test_claim_make_once(void **state)
{
	struct desk d;
	struct error err = {0};
	json_t *c, *none = NULL;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 20);
	desk_batch(&d, "b2");
	desk_file(&d, "b2", "33/2", 1, 3);
	c = claim(&d, true);
	assert_int_field(c, "files", 1);
	json_decref(c);
	c = claim(&d, false);
	assert_int_field(c, "number", 1);
	assert_int_field(c, "files", 1);
	assert_int_field(c, "sheets", 20);
	assert_text(c, "amount_files", "0.75");
	assert_text(c, "amount_sheets", "0.20");
	assert_text(c, "amount", "0.95");
	assert_text(c, "remaining", "99.05");
	assert_int_field(json_object_get(c, "blank_sheets"), "sheets", 2);
	assert_text(json_object_get(c, "blank_sheets"), "amount", "0.02");
	json_t *left = json_array_get(json_object_get(c, "left_out"), 0);
	assert_text(left, "batch", "b2");
	assert_text(left, "reason", "open");
	json_decref(c);
	assert_false(claim_make(&d.workspace, NULL, false, "f.finanz", &none, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	desk_close(&d);
}

static bool find_in_desk(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	struct desk *d = self;
	char *folder = file_path("%s/batches/%s", d->folder, batch);
	bool ok = claim_manifest_find(folder, revision, sha256, out, err);

	free(folder);
	return ok;
}

static char last_said[256];

static void say(void *self, const char *text)
{
	snprintf(last_said, sizeof last_said, "%s", text);
}

/* A claim whose rates were raised together with its amounts: its batch was opened at others. */
static void test_claim_replay_at_other_rates_than_the_rules(void **state)
{
	struct desk d;
	struct error err = {0};

	desk_open(&d, "[station]\nname = st1\n[claim]\nauthority = Stadt\n");
	simple_batch(&d, "b1", "33/1", 20);
	json_t *c = claim(&d, false);
	assert_text(json_object_get(c, "rates"), "of", "rules");
	for (int raised = 0; raised < 2; raised++) {
		struct claim_basis basis = {0};
		int differences = 0;
		if (raised) {
			json_object_set_new(
			    json_object_get(c, "rates"), "file", json_string("0.85"));
			json_object_set_new(c, "amount_files", json_string("0.85"));
			json_object_set_new(c, "amount", json_string("1.05"));
		}
		desk_check(
		    claim_replay(&basis, c, find_in_desk, say, &d, &differences, &err), &err);
		assert_int_equal(differences, raised);
		claim_basis_release(&basis);
	}
	assert_non_null(strstr(last_said, "'b1' was opened at other rates"));
	json_decref(c);
	desk_close(&d);
}

static void test_claim_make_without_authority(void **state)
{
	struct desk d;
	struct error err = {0};
	json_t *none = NULL;

	desk_open(&d, "[station]\nname = st1\n");
	assert_false(claim_make(&d.workspace, NULL, true, "f.finanz", &none, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "claim.authority"));
	desk_close(&d);
}

static void test_claim_same_file_in_batches_and_volumes(void **state)
{
	struct desk d;
	json_t *c;

	desk_open(&d, ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 5);
	desk_file(&d, "b1", "33/1", 2, 6);
	desk_close_batch(&d, "b1");
	accept_batch(&d, "b1");
	c = claim(&d, false);
	assert_int_field(c, "files", 1);
	assert_int_field(c, "sheets", 11);
	json_decref(c);
	/* The number is written another way: the same file, its sheets add. */
	simple_batch(&d, "b2", "33 / 1", 4);
	c = claim(&d, false);
	assert_int_field(c, "files", 0);
	assert_int_field(c, "sheets", 4);
	assert_text(c, "amount", "0.04");
	assert_text(c, "total", "0.90");
	json_decref(c);
	desk_close(&d);
}

static void test_claim_correction_is_a_signed_line(void **state)
{
	struct desk d;
	json_t *c, *line;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	json_decref(claim(&d, false));
	desk_begin(&d);
	desk_event(&d, "b1", json_pack("{s:s, s:s}", "event", "reopened", "reason", "zu viel"));
	desk_event(&d, "b1",
	    json_pack(
		"{s:s, s:s, s:s}", "event", "sheet_voided", "sheet", "b1/2", "reason", "fremd"));
	desk_bundle(&d, "b1", 1);
	desk_commit(&d);
	c = claim(&d, true);
	line = json_array_get(json_object_get(c, "left_out"), 0);
	assert_text(line, "reason", "changed_since_close");
	json_decref(c);
	desk_close_batch(&d, "b1");
	accept_batch(&d, "b1");
	simple_batch(&d, "b2", "33/2", 10);
	c = claim(&d, false);
	line = json_array_get(json_object_get(c, "corrections"), 0);
	assert_text(line, "batch", "b1");
	assert_int_field(line, "claim", 1);
	assert_int_field(line, "files", 0);
	assert_int_field(line, "sheets", -1);
	assert_text(line, "amount", "-0.01");
	assert_text(c, "amount_corrections", "-0.01");
	assert_text(c, "amount", "0.84");
	assert_text(c, "total", "1.64");
	json_decref(c);
	desk_close(&d);
}

static void test_claim_cancel_and_settle(void **state)
{
	struct desk d;
	struct error err = {0};
	json_t *c;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	json_decref(claim(&d, false));
	simple_batch(&d, "b2", "33/2", 5);
	json_decref(claim(&d, false));
	assert_false(claim_cancel(&d.workspace, 1, "f.finanz", "falsch", &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "followed by claim 2"));
	desk_check(claim_cancel(&d.workspace, 2, "f.finanz", "falsch", &err), &err);
	c = claim(&d, false);
	assert_int_field(c, "number", 3);
	assert_int_field(c, "files", 1);
	assert_text(c, "total", "1.60");
	json_decref(c);
	err = (struct error){0};
	assert_false(claim_settle(&d.workspace, 2, "0.80", "f.finanz", &err));
	assert_false(claim_settle(&d.workspace, 3, "abc", "f.finanz", &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	desk_check(claim_settle(&d.workspace, 3, "0,80", "f.finanz", &err), &err);
	err = (struct error){0};
	assert_false(claim_cancel(&d.workspace, 3, "f.finanz", "falsch", &err));
	assert_non_null(strstr(err.what, "settled"));
	desk_close(&d);
}

static void test_claim_refuses_a_changed_manifest(void **state)
{
	struct desk d;
	struct error err = {0};
	json_t *none = NULL;
	char *path;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	path = manifest_path(d.folder, "b1", 0);
	FILE *f = fopen(path, "a");
	fputs(" ", f);
	fclose(f);
	assert_false(claim_make(&d.workspace, NULL, false, "f.finanz", &none, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_non_null(strstr(err.what, "manifest.json"));
	free(path);
	desk_close(&d);
}

static void test_claim_crash_both_sides_of_the_commit(void **state)
{
	struct desk d;
	struct verify_report report = {0};
	struct claim_book book;
	struct error err = {0};
	char *part, *folder;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	part = file_path("%s/claims/.0001.part", d.folder);
	folder = file_path("%s/claims/0001", d.folder);
	assert_true(file_make_folder(part, NULL));
	desk_check(claim_folders_name(&d.workspace, &err), &err);
	assert_false(file_exists(part));
	json_decref(claim(&d, false));
	assert_int_equal(rename(folder, part), 0);
	desk_check(verify_path(d.folder, &report, &err), &err);
	assert_int_equal(json_array_size(report.findings), 1); /* the desk's bundle */
	verify_report_release(&report);
	desk_check(claim_book_read(&d.workspace, &book, &err), &err);
	assert_int_equal(book.n, 1);
	claim_book_release(&book);
	assert_true(file_exists(folder));
	assert_false(file_exists(part));
	free(part);
	free(folder);
	desk_close(&d);
}

static void test_local_day_across_midnight_and_summer(void **state)
{
	static const struct {
		const char *at, *zone, *day;
	} table[] = {
	    {"2026-12-31T22:59:59.999Z", "Europe/Berlin", "2026-12-31"},
	    {"2026-12-31T23:00:00.000Z", "Europe/Berlin", "2027-01-01"},
	    {"2026-06-30T21:59:59.000Z", "Europe/Berlin", "2026-06-30"},
	    {"2026-06-30T22:00:00.000Z", "Europe/Berlin", "2026-07-01"},
	    {"2026-06-30T22:00:00.000Z", "UTC", "2026-06-30"},
	};
	struct error err = {0};
	char day[11];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		desk_check(local_day(table[i].at, table[i].zone, day, &err), &err);
		assert_string_equal(day, table[i].day);
	}
	assert_false(local_day(table[0].at, "Europe/Musterhausen", day, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_true(day_read("31.12.2026", day, &err));
	assert_string_equal(day, "2026-12-31");
	assert_true(day_read("2028-02-29", day, &err));
	static const char *const bad[] = {
	    "2026-02-29", "31.11.2026", "heute", "2026-1", "", "2026-12-31x"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err = (struct error){0};
		assert_false(day_read(bad[i], day, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
	}
}

static void test_claim_until_is_inclusive(void **state)
{
	struct desk d;
	struct error err = {0};
	json_t *c = NULL;
	char today[11], at[25];

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	ledger_now(at);
	desk_check(local_day(at, "Europe/Berlin", today, &err), &err);
	desk_check(claim_make(&d.workspace, "2020-01-01", true, "f.finanz", &c, &err), &err);
	assert_int_field(c, "files", 0);
	assert_text(json_array_get(json_object_get(c, "left_out"), 0), "reason", "after_until");
	json_decref(c);
	desk_check(claim_make(&d.workspace, today, true, "f.finanz", &c, &err), &err);
	assert_int_field(c, "files", 1);
	json_decref(c);
	desk_close(&d);
}

static void test_claim_cutoffs(void **state)
{
	static const char *const cutoffs[] = {"accepted", "closed", "fed"};

	for (size_t i = 0; i < 3; i++) {
		struct desk d;
		char text[300];
		json_t *c;
		snprintf(text, sizeof text,
		    "[claim]\nauthority = Amt\ncutoff = %s\nrate_file = 0,75\n", cutoffs[i]);
		desk_open(&d, text);
		simple_batch(&d, "b1", "33/1", 5);
		c = claim(&d, false);
		assert_text(c, "cutoff", cutoffs[i]);
		assert_text(c, "amount", "0.80");
		/* The day that counted is today's, however it was found. */
		assert_int_equal(
		    strlen(json_string_value(json_object_get(json_object_get(c, "days"), "to"))),
		    10);
		json_decref(c);
		desk_close(&d);
	}
}

static void test_claim_csv_for_the_spreadsheet(void **state)
{
	struct desk d;
	char *csv;
	json_t *c;

	desk_open(&d, ini);
	simple_batch(&d, "b1", "33/1", 5);
	c = claim(&d, false);
	csv = claim_csv(c, true);
	assert_non_null(strstr(csv, "\r\nbatch;b1;st1;"));
	assert_non_null(strstr(csv, ";1;5;0,80;"));
	free(csv);
	csv = claim_csv(c, false);
	assert_non_null(strstr(csv, ";1;5;0.80;"));
	free(csv);
	json_decref(c);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_claim_make_once),
	    cmocka_unit_test(test_claim_replay_at_other_rates_than_the_rules),
	    cmocka_unit_test(test_claim_make_without_authority),
	    cmocka_unit_test(test_claim_same_file_in_batches_and_volumes),
	    cmocka_unit_test(test_claim_correction_is_a_signed_line),
	    cmocka_unit_test(test_claim_cancel_and_settle),
	    cmocka_unit_test(test_claim_refuses_a_changed_manifest),
	    cmocka_unit_test(test_claim_crash_both_sides_of_the_commit),
	    cmocka_unit_test(test_local_day_across_midnight_and_summer),
	    cmocka_unit_test(test_claim_until_is_inclusive),
	    cmocka_unit_test(test_claim_cutoffs),
	    cmocka_unit_test(test_claim_csv_for_the_spreadsheet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
