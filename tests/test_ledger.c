/* The journal's transactions and the chain of events, on a real SQLite file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"

struct fixture {
	char folder[64];
	struct journal *journal;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	snprintf(f->folder, sizeof f->folder, "/tmp/altakt-ledger-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_true(journal_create(f->folder, NULL));
	assert_true(journal_open(f->folder, &f->journal, NULL));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	journal_close(f->journal);
	file_remove(f->folder, NULL);
	free(f);
	return 0;
}

static void append(struct journal *j, const char *chain, const char *what)
{
	struct error err = {0};

	assert_true(journal_begin(j, &err));
	assert_true(ledger_append(
	    j, chain, "m.muster", json_pack("{ssss}", "event", "note", "text", what), &err));
	assert_true(journal_commit(j, &err));
}

static void test_append_chain_by_hand(void **state)
{
	struct fixture *f = *state;
	char *path = ledger_path(f->folder, "b1"), prev[HASH_SIZE], *text, *line;
	size_t n;

	append(f->journal, "b1", "one");
	append(f->journal, "b1", "zwei äöü");
	append(f->journal, "b1", "three\nlines");
	text = file_read(path, 1 << 20, &n, NULL);
	assert_non_null(text);
	snprintf(prev, sizeof prev, "%s", hash_zero);
	int lines = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char said[160];
		snprintf(said, sizeof said, "\"prev\":\"%s\"}", prev);
		assert_non_null(strstr(line, said));
		hash_bytes(HASH_SHA256, line, strlen(line), prev);
		lines++;
	}
	assert_int_equal(lines, 3);
	int64_t count;
	char head[65];
	assert_true(ledger_head(f->journal, "b1", &count, head, NULL));
	assert_int_equal(count, 3);
	assert_string_equal(head, prev);
	free(text);
	free(path);
}

static void test_rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	int64_t n;
	char head[65], *path = ledger_path(f->folder, "b1");

	assert_true(journal_begin(f->journal, &err));
	assert_true(ledger_append(f->journal, "b1", "x", json_pack("{ss}", "event", "note"), &err));
	journal_rollback(f->journal);
	assert_true(ledger_head(f->journal, "b1", &n, head, NULL));
	assert_int_equal(n, 0);
	assert_false(file_exists(path));
	free(path);
}

static void test_publish_repairs_cut_file(void **state)
{
	struct fixture *f = *state;
	char *path = ledger_path(f->folder, "b1");
	int64_t n;
	char head[65];
	struct error err = {0};

	for (int i = 0; i < 20; i++)
		append(f->journal, "b1", "event of some length");
	int64_t whole = file_size_bytes(path);
	/* Cut at every kind of place: empty, within a line, at a line's end. */
	const int64_t cuts[] = {0, 1, whole / 3, whole - 1};
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		assert_int_equal(truncate(path, cuts[i]), 0);
		assert_true(ledger_publish(f->journal, "b1", &err));
		assert_int_equal(file_size_bytes(path), whole);
		assert_true(ledger_file_read(path, NULL, NULL, &n, head, &err));
		assert_int_equal(n, 20);
	}
	free(path);
}

static void test_publish_refuses_longer_file(void **state)
{
	struct fixture *f = *state;
	char *path = ledger_path(f->folder, "b1");
	struct error err = {0};

	append(f->journal, "b1", "one");
	FILE *out = fopen(path, "a");
	fputs("{\"n\":2}\n", out);
	fclose(out);
	assert_false(ledger_publish(f->journal, "b1", &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	assert_non_null(strstr(err.what, "longer"));
	free(path);
}

static void spoil(const char *path, const char *from, const char *to)
{
	size_t n;
	char *text = file_read(path, 1 << 20, &n, NULL), *at = strstr(text, from);

	assert_non_null(at);
	memcpy(at, to, strlen(to));
	assert_true(file_write(path, text, n, NULL));
	free(text);
}

static void test_file_read_names_the_line(void **state)
{
	struct fixture *f = *state;
	char *path = ledger_path(f->folder, "b1");
	struct error err = {0};

	append(f->journal, "b1", "alpha");
	append(f->journal, "b1", "beta");
	append(f->journal, "b1", "gamma");
	spoil(path, "beta", "bexa");
	assert_false(ledger_file_read(path, NULL, NULL, NULL, NULL, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_non_null(strstr(err.what, "ledger.jsonl:3"));
	spoil(path, "bexa", "beta");
	assert_true(ledger_file_read(path, NULL, NULL, NULL, NULL, &err));
	spoil(path, "\"n\":2", "\"n\":7");
	assert_false(ledger_file_read(path, NULL, NULL, NULL, NULL, &err));
	assert_non_null(strstr(err.what, ":2"));
	free(path);
}

static void test_append_two_handles_one_chain(void **state)
{
	struct fixture *f = *state;
	struct journal *other = NULL;
	char *path = ledger_path(f->folder, "b1"), head[65];
	int64_t n;
	struct error err = {0};

	assert_true(journal_open(f->folder, &other, &err));
	for (int i = 0; i < 30; i++)
		append(i % 2 ? other : f->journal, "b1", i % 3 ? "a" : "b");
	assert_true(ledger_file_read(path, NULL, NULL, &n, head, &err));
	assert_int_equal(n, 30);
	journal_close(other);
	free(path);
}

static void test_journal_open_no_workspace(void **state)
{
	struct journal *j = NULL;
	struct error err = {0};

	assert_false(journal_open("/nowhere", &j, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "no workspace"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_append_chain_by_hand, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rollback_leaves_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_publish_repairs_cut_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_publish_refuses_longer_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file_read_names_the_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_append_two_handles_one_chain, setup, teardown),
	    cmocka_unit_test(test_journal_open_no_workspace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
