#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "batch/tally_snapshot.h"
#include "tests/desk.h"

enum { SHEETS = 900 }; /* three events each */

/* A batch large enough to be put aside: through batch_commit(), as the feeder and page work do. */
static void fill(struct desk *d)
{
	struct batch b = {0};
	struct error err = {0};

	desk_open(d, "[station]\nname = st1\n");
	desk_batch(d, "b1");
	desk_begin(d);
	for (int file = 1; file <= 3; file++)
		desk_event(d, "b1",
		    json_pack("{s:s, s:i, s:o, s:i, s:i, s:s}", "event", "file_opened", "file",
			file, "file_number", json_sprintf("33/%d", file), "volume", 1, "prepared",
			9, "from", "cover"));
	for (int n = 1; n <= SHEETS; n++)
		desk_sheet(d, "b1", n, 1 + n % 3, n % 10 == 0);
	desk_commit(d);
	desk_check(batch_open(&d->workspace, "b1", &b, &err), &err);
	assert_int_equal(b.snapshot_events, 0);
	desk_check(batch_begin(&b, &err), &err);
	desk_check(batch_event(&b, "m.muster",
		       json_pack("{s:s, s:s, s:s}", "event", "sheet_voided", "sheet", "b1/7",
			   "reason", "torn"),
		       &err),
	    &err);
	desk_check(batch_commit(&b, &err), &err);
	assert_int_equal(b.snapshot_events, b.tally.events);
	batch_release(&b);
}

static void assert_same(const struct tally *a, const struct tally *b)
{
	struct tally_counts x, y;

	assert_int_equal(a->events, b->events);
	assert_string_equal(a->head, b->head);
	assert_int_equal(a->n_sheets, b->n_sheets);
	assert_memory_equal(a->order, b->order, (size_t)a->n_sheets * sizeof *a->order);
	assert_true(json_equal(a->rules, b->rules));
	assert_true(json_equal(a->operators, b->operators));
	tally_counts(a, &x);
	tally_counts(b, &y);
	assert_memory_equal(&x, &y, sizeof x);
	for (int file = 1; file <= a->n_files; file++) {
		tally_file_counts(a, file, &x);
		tally_file_counts(b, file, &y);
		assert_memory_equal(&x, &y, sizeof x);
		assert_string_equal(a->files[file - 1].file_number, b->files[file - 1].file_number);
	}
}

static void test_batch_open_from_a_snapshot_and_the_events_after_it(void **state)
{
	struct desk d;
	struct batch b = {0};
	struct tally anew;
	struct error err = {0};

	fill(&d);
	desk_begin(&d);
	desk_sheet(&d, "b1", SHEETS + 1, 2, false);
	desk_commit(&d);
	desk_check(batch_open(&d.workspace, "b1", &b, &err), &err);
	assert_true(b.snapshot_events > 0 && b.snapshot_events < b.tally.events);
	desk_tally(&d, "b1", &anew);
	assert_same(&b.tally, &anew);
	desk_check(batch_recount(&b, &err), &err);
	assert_same(&b.tally, &anew);
	tally_release(&anew);
	batch_release(&b);
	desk_close(&d);
}

static void sql(struct desk *d, const char *text)
{
	struct error err = {0};
	sqlite3_stmt *stmt = NULL;
	bool row;

	desk_begin(d);
	desk_check(journal_prepare(d->workspace.journal, text, &stmt, &err), &err);
	desk_check(journal_step(d->workspace.journal, stmt, &row, &err), &err);
	desk_commit(d);
}

/* A snapshot that is not of these events, of another program, or damaged: every event is read. */
static void test_batch_open_without_a_snapshot_that_holds(void **state)
{
	static const char *const harm[] = {
	    "UPDATE snapshot SET tally = x'00'",
	    "UPDATE snapshot SET tally = CAST('0' || substr(tally, 2) AS BLOB)",
	    "UPDATE snapshot SET tally = substr(tally, 1, length(tally) - 1)",
	    "UPDATE event SET line = replace(line, 'torn', 'lost') WHERE line LIKE '%torn%'",
	};

	for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
		struct desk d;
		struct batch b = {0};
		struct tally anew;
		struct error err = {0};

		fill(&d);
		sql(&d, harm[i]);
		desk_check(batch_open(&d.workspace, "b1", &b, &err), &err);
		assert_int_equal(b.snapshot_events, 0);
		desk_tally(&d, "b1", &anew);
		assert_same(&b.tally, &anew);
		tally_release(&anew);
		batch_release(&b);
		desk_close(&d);
	}
}

/* A batch that is not open needs none: it is dropped. */
static void test_batch_commit_drops_the_snapshot_of_an_abandoned_batch(void **state)
{
	struct desk d;
	struct batch b = {0};
	struct error err = {0};
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	fill(&d);
	desk_check(batch_open(&d.workspace, "b1", &b, &err), &err);
	desk_check(batch_begin(&b, &err), &err);
	desk_check(batch_event(&b, "m.muster",
		       json_pack("{s:s, s:s}", "event", "abandoned", "reason", "wrong box"), &err),
	    &err);
	desk_check(batch_commit(&b, &err), &err);
	batch_release(&b);
	desk_check(
	    journal_prepare(d.workspace.journal, "SELECT 1 FROM snapshot", &stmt, &err), &err);
	desk_check(journal_step(d.workspace.journal, stmt, &row, &err), &err);
	assert_false(row);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_batch_open_from_a_snapshot_and_the_events_after_it),
	    cmocka_unit_test(test_batch_open_without_a_snapshot_that_holds),
	    cmocka_unit_test(test_batch_commit_drops_the_snapshot_of_an_abandoned_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
