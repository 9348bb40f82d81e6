#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/acceptance.h"
#include "batch/closed.h"
#include "batch/review.h"
#include "tests/desk.h"

static const char plain_ini[] = "[station]\nname = st1\n";

static int count_why(const struct review *r, unsigned why)
{
	int n = 0;

	for (int i = 0; i < r->n_items; i++)
		n += (r->items[i].why & why) != 0;
	return n;
}

static void read_review(struct desk *d, const char *batch, struct review *r)
{
	struct error err = {0};

	desk_check(review_read(&d->workspace, batch, r, &err), &err);
}

static void test_review_draw_as_documented(void **state)
{
	struct desk d;
	struct review r = {0};
	bool expected[60] = {false};
	char hashes[60][HASH_SIZE];

	desk_open(&d, plain_ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 50);
	desk_file(&d, "b1", "33/2", 1, 5);
	desk_close_batch(&d, "b1");
	read_review(&d, "b1", &r);
	/* By hand: 4 % of 55 are 3; then one of each file that has none. */
	for (int i = 0; i < 55; i++) {
		char text[160];
		int n = snprintf(text, sizeof text, "%s b1/%d", r.seed, i + 1);
		hash_bytes(HASH_SHA256, text, (size_t)n, hashes[i]);
	}
	bool has[2] = {false, false};
	for (int k = 0; k < 55; k++) {
		int least = -1, rank = 0;
		for (int i = 0; i < 55; i++) {
			rank = 0;
			for (int j = 0; j < 55; j++)
				rank += strcmp(hashes[j], hashes[i]) < 0;
			if (rank == k)
				least = i;
		}
		int file = least >= 50;
		if (k < 3 || !has[file])
			expected[least] = true;
		has[file] = true;
	}
	int n = 0;
	for (int i = 0; i < 55; i++) {
		assert_int_equal(r.drawn[i], expected[i]);
		n += expected[i];
	}
	assert_in_range(n, 3, 4);
	assert_int_equal(r.n_drawn, n);
	assert_int_equal(count_why(&r, REVIEW_SAMPLE), 2 * n);
	/* Every back is blank, and every tenth sheet on both sides. */
	assert_int_equal(count_why(&r, REVIEW_BLANK), 55 + 5);
	assert_int_equal(r.n_unseen, r.n_items);
	review_release(&r);
	desk_close(&d);
}

static void test_review_accept_refused_while_unseen(void **state)
{
	struct desk d;
	struct review r = {0};
	struct error err = {0};
	json_t *pages = json_array();

	desk_open(&d, plain_ini);
	desk_batch(&d, "b1");
	assert_false(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	assert_non_null(strstr(err.what, "not closed"));
	desk_file(&d, "b1", "33/1", 1, 2);
	desk_close_batch(&d, "b1");
	err = (struct error){0};
	assert_false(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	assert_non_null(strstr(err.what, "1b"));
	read_review(&d, "b1", &r);
	for (int i = 0; i < r.n_items; i++) {
		char name[24];
		review_page_name(&r.items[i], name);
		json_array_append_new(pages, json_sprintf("b1/%s", name));
	}
	review_release(&r);
	err = (struct error){0};
	json_t *wrong = json_pack("[s]", "b1/7f");
	assert_false(review_seen(&d.workspace, "b1", "l.lead", wrong, false, &err));
	json_decref(wrong);
	assert_int_equal(err.kind, ERROR_USAGE);
	desk_check(review_seen(&d.workspace, "b1", "l.lead", pages, false, &err), &err);
	desk_check(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err), &err);
	struct closed_batch b = {0};
	desk_check(closed_read(d.workspace.journal, "b1", &b, &err), &err);
	assert_int_equal(b.state, CLOSED_ACCEPTED);
	assert_false(b.not_opened_one_by_one);
	assert_string_equal(b.accepted_by, "l.lead");
	closed_release(&b);
	assert_false(acceptance_accept(&d.workspace, "b1", "o.other", NULL, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "accepted by 'l.lead'"));
	json_decref(pages);
	desk_close(&d);
}

static void test_review_seen_all_is_said(void **state)
{
	struct desk d;
	struct error err = {0};
	struct closed_batch b = {0};

	desk_open(&d, plain_ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 2);
	desk_close_batch(&d, "b1");
	desk_check(review_seen(&d.workspace, "b1", "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err), &err);
	desk_check(closed_read(d.workspace.journal, "b1", &b, &err), &err);
	assert_true(b.not_opened_one_by_one);
	closed_release(&b);
	desk_close(&d);
}

static void test_review_full_and_four_eyes(void **state)
{
	struct desk d;
	struct review r = {0};
	struct error err = {0};

	desk_open(&d, "[review]\nmode = full\nfour_eyes = yes\nleads = l.lead, o.other\n");
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 3);
	desk_close_batch(&d, "b1");
	read_review(&d, "b1", &r);
	assert_int_equal(r.n_items, 6);
	assert_false(review_seen(&d.workspace, "b1", "l.lead", NULL, true, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	json_t *pages = json_pack("[ssssss]", "1f", "1b", "2f", "2b", "3f", "3b");
	desk_check(review_seen(&d.workspace, "b1", "l.lead", pages, false, &err), &err);
	err = (struct error){0};
	assert_false(acceptance_accept(&d.workspace, "b1", "n.nobody", NULL, &err));
	assert_non_null(strstr(err.what, "none of the leads"));
	/* The account that fed is this one, whatever name is given. */
	assert_false(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "fed, corrected or decided"));
	json_decref(pages);
	review_release(&r);
	desk_close(&d);
}

static void test_review_later_draw_adds(void **state)
{
	struct desk d;
	struct review first = {0}, second = {0};
	struct error err = {0};

	desk_open(&d, plain_ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 30);
	desk_close_batch(&d, "b1");
	read_review(&d, "b1", &first);
	desk_check(acceptance_reject(&d.workspace, "b1", "l.lead", "schief", NULL, &err), &err);
	err = (struct error){0};
	desk_check(review_seen(&d.workspace, "b1", "l.lead", NULL, true, &err), &err);
	assert_false(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err));
	assert_non_null(strstr(err.what, "rejected"));
	desk_file(&d, "b1", "33/2", 1, 30);
	desk_close_batch(&d, "b1");
	read_review(&d, "b1", &second);
	assert_string_equal(first.seed, second.seed);
	for (int i = 0; i < 30; i++)
		assert_true(!first.drawn[i] || second.drawn[i]);
	assert_true(second.n_drawn > first.n_drawn);
	assert_true(second.n_unseen > 0);
	review_release(&first);
	review_release(&second);
	desk_close(&d);
}

static void test_review_recover_after_a_crash(void **state)
{
	struct desk d;
	struct error err = {0};
	char *path, *beside;

	desk_open(&d, plain_ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 1);
	desk_close_batch(&d, "b1");
	path = file_path("%s/batches/b1/acceptance.json", d.folder);
	beside = file_path("%s/batches/b1/.acceptance.json", d.folder);
	/* before the commit: nothing knows it */
	assert_true(file_write(beside, "{}", 2, NULL));
	desk_check(acceptance_recover(&d.workspace, "b1", &err), &err);
	assert_false(file_exists(beside));
	assert_false(file_exists(path));
	desk_check(review_seen(&d.workspace, "b1", "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err), &err);
	/* after it: the ledger knows it */
	assert_int_equal(rename(path, beside), 0);
	desk_check(acceptance_recover(&d.workspace, "b1", &err), &err);
	assert_true(file_exists(path));
	assert_false(file_exists(beside));
	/* another lead's word comes before that: the first one is kept all the same */
	assert_int_equal(rename(path, beside), 0);
	desk_check(acceptance_reject(&d.workspace, "b1", "l.lead", "x", NULL, &err), &err);
	char *kept = file_path("%s/batches/b1/acceptance.1.json", d.folder);
	assert_true(file_exists(kept));
	assert_true(file_exists(path));
	assert_false(file_exists(beside));
	free(kept);
	free(path);
	free(beside);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_review_draw_as_documented),
	    cmocka_unit_test(test_review_accept_refused_while_unseen),
	    cmocka_unit_test(test_review_seen_all_is_said),
	    cmocka_unit_test(test_review_full_and_four_eyes),
	    cmocka_unit_test(test_review_later_draw_adds),
	    cmocka_unit_test(test_review_recover_after_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
