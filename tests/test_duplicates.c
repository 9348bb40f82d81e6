#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/scanned_batch.h"

static char folder[] = "/tmp/altakt-duplicates-XXXXXX";
static struct workspace workspace;

static int workspace_make(void **state)
{
	struct error err = {0};

	return mkdtemp(folder) && workspace_init(folder, &err) &&
		workspace_open(folder, NULL, &workspace, &err)
	    ? 0
	    : -1;
}

static int workspace_drop(void **state)
{
	struct error err = {0};

	workspace_close(&workspace);
	return file_remove(folder, &err) ? 0 : -1;
}

/* Sheets of one kind, each other than those before; then the findings of their batch. */
static json_t *findings(struct batch *b, const char *name, enum sheet_kind kind, int n)
{
	struct error err = {0};
	json_t *events = json_array();

	scanned_batch_open(&workspace, name, b);
	for (int i = 0; i < n; i++)
		scanned_sheet_put(b, kind, (uint32_t)(1 + i), 1000u + (uint32_t)i, false, i + 1);
	assert_true(duplicates_find(b, events, &err));
	return events;
}

/* The same sheets as in findings(), some of them scanned once more. */
static json_t *again(struct batch *b, const char *name, enum sheet_kind kind, const int *sheets,
    int n, bool upside_down)
{
	struct error err = {0};
	json_t *events = json_array();

	scanned_batch_open(&workspace, name, b);
	for (int i = 0; i < n; i++)
		scanned_sheet_put(
		    b, kind, (uint32_t)sheets[i], 9000u + (uint32_t)i, upside_down, i + 1);
	assert_true(duplicates_find(b, events, &err));
	return events;
}

static void test_duplicates_find_copies_of_one_form_are_no_pairs(void **state)
{
	static const enum sheet_kind kinds[] = {SHEET_SPARSE_FORM, SHEET_TYPED_FORM, SHEET_FORM};
	static const char *const batches[] = {"sparse", "typed", "hand"};

	for (int i = 0; i < 3; i++) {
		struct batch b = {0};
		json_t *events = findings(&b, batches[i], kinds[i], 12);
		assert_int_equal(json_array_size(events), 0);
		json_decref(events);
		batch_release(&b);
	}
}

static bool found(const json_t *events, const char *wanted)
{
	json_t *event, *sheet;
	size_t i, k;

	json_array_foreach(events, i, event)
	{
		json_array_foreach(json_object_get(event, "others"), k, sheet)
		{
			if (strcmp(json_string_value(sheet), wanted) == 0)
				return true;
		}
	}
	return false;
}

static void test_duplicates_find_fresh_scans_also_upside_down(void **state)
{
	static const int sheets[] = {3, 5};
	struct batch first = {0};
	json_t *events = findings(&first, "letters", SHEET_LETTER, 6);

	assert_int_equal(json_array_size(events), 0);
	json_decref(events);
	for (int turned = 0; turned < 2; turned++) {
		struct batch second = {0};
		events =
		    again(&second, turned ? "turned" : "again", SHEET_LETTER, sheets, 2, turned);
		assert_true(found(events, "letters/3"));
		assert_true(found(events, "letters/5"));
		assert_false(found(events, "letters/4"));
		json_decref(events);
		batch_release(&second);
	}
	batch_release(&first);
}

static void small_remove(const char *side)
{
	struct error err = {0};
	char *path = file_path("%s/spool/%s.jpg", folder, side);

	assert_true(file_remove(path, &err));
	free(path);
}

/* A stack that is fed again: what lies beside a pair is found without a word in the index. */
static void test_duplicates_find_lengthens_runs(void **state)
{
	static const int forward[] = {21, 22, 23, 24, 25}, backward[] = {25, 24, 30, 22, 21};
	struct batch first = {0};
	struct error err = {0};

	scanned_batch_open(&workspace, "stack", &first);
	json_t *unknown = json_array();
	for (int n = 1; n <= 5; n++) {
		char sheet[24];
		snprintf(sheet, sizeof sheet, "stack/%d", n);
		scanned_sheet_put(
		    &first, SHEET_LETTER, (uint32_t)(20 + n), 4000u + (uint32_t)n, false, n);
		if (n != 4)
			json_array_append_new(unknown, json_string(sheet));
	}
	assert_true(journal_begin(workspace.journal, &err) &&
	    duplicate_index_forget(&workspace, "stack", unknown, &err) &&
	    journal_commit(workspace.journal, &err));
	json_decref(unknown);

	struct batch second = {0}, third = {0};
	json_t *events = again(&second, "stack-again", SHEET_LETTER, forward, 5, true);
	assert_int_equal(json_array_size(events), 1);
	assert_int_equal(json_array_size(json_object_get(json_array_get(events, 0), "sheets")), 5);
	for (int n = 1; n <= 5; n++) {
		char sheet[24];
		snprintf(sheet, sizeof sheet, "stack/%d", n);
		assert_true(found(events, sheet));
	}
	json_decref(events);

	/* The other way round, with another sheet between. */
	events = again(&third, "stack-turned", SHEET_LETTER, backward, 5, false);
	for (int n = 1; n <= 5; n++) {
		char sheet[24];
		snprintf(sheet, sizeof sheet, "stack/%d", n);
		assert_int_equal(found(events, sheet), n != 3);
	}
	json_decref(events);
	batch_release(&third);
	batch_release(&second);
	batch_release(&first);
}

/* A figure out of the journal. */
static int asked(const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	struct error err = {0};
	bool row;

	assert_true(journal_prepare(workspace.journal, sql, &stmt, &err) &&
	    journal_step(workspace.journal, stmt, &row, &err) && row);
	int n = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	return n;
}

static void test_duplicate_index_takes_in_old_batches_and_forgets(void **state)
{
	static const char pages[] = "SELECT count(*) FROM fingerprint_page WHERE batch = 'old'";
	static const char words[] =
	    "SELECT count(*) FROM fingerprint_word WHERE page NOT IN (SELECT page FROM fingerprint_page)";
	static const int sheets[] = {12, 13, 14};
	struct batch old = {0}, second = {0};
	struct error err = {0};

	scanned_batch_open(&workspace, "old", &old);
	scanned_long_ago = true;
	for (int n = 1; n <= 3; n++)
		scanned_sheet_put(
		    &old, SHEET_LETTER, (uint32_t)(10 + n), 3000u + (uint32_t)n, false, n);
	scanned_long_ago = false;
	assert_true(duplicate_index_catch_up(&workspace, &err));
	assert_int_equal(asked(pages), 3);
	assert_true(duplicate_index_catch_up(&workspace, &err)); /* nothing twice */
	assert_int_equal(asked(pages), 3);

	/* Sheets 1 and 10 are two: what begins like it stays. */
	json_t *released = json_pack("[s s]", "old/2", "old/10");
	small_remove("old/2f");
	assert_true(journal_begin(workspace.journal, &err) &&
	    duplicate_index_forget(&workspace, "old", released, &err) &&
	    journal_commit(workspace.journal, &err));
	json_decref(released);
	assert_int_equal(asked(pages), 2);
	assert_int_equal(asked(words), 0);
	json_t *events = again(&second, "old-again", SHEET_LETTER, sheets, 2, false);
	assert_false(found(events, "old/2"));
	assert_true(found(events, "old/3"));
	json_decref(events);

	/* Small images that are gone tell no words any more: they are looked for one by one. */
	small_remove("old/1f");
	released = json_pack("[s]", "old/1");
	assert_true(journal_begin(workspace.journal, &err) &&
	    duplicate_index_forget(&workspace, "old", released, &err) &&
	    journal_commit(workspace.journal, &err));
	json_decref(released);
	assert_int_equal(asked(pages), 1);
	assert_int_equal(asked(words), 0);
	batch_release(&second);
	batch_release(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_duplicates_find_copies_of_one_form_are_no_pairs),
	    cmocka_unit_test(test_duplicates_find_fresh_scans_also_upside_down),
	    cmocka_unit_test(test_duplicates_find_lengthens_runs),
	    cmocka_unit_test(test_duplicate_index_takes_in_old_batches_and_forgets),
	};

	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests_name("duplicates", tests, workspace_make, workspace_drop);
}
