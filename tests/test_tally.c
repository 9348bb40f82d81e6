/* What events add up to: each case is a few lines of a ledger and the counts that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/tally.h"

static struct tally tally;

static int teardown(void **state)
{
	tally_release(&tally);
	return 0;
}

__attribute__((format(printf, 2, 3))) static bool event(struct error *err, const char *fmt, ...)
{
	char body[512], line[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	for (char *p = body; *p; p++)
		if (*p == '\'')
			*p = '"';
	int n = snprintf(line, sizeof line, "{\"n\":%lld,\"at\":\"2026-11-23T08:00:00.000Z\",%s}",
	    (long long)tally.events + 1, body);
	return tally_add(&tally, tally.events + 1, line, (size_t)n, err);
}

#define EVENT(...)                                \
	do {                                      \
		struct error why = {0};           \
		if (!event(&why, __VA_ARGS__))    \
			fail_msg("%s", why.what); \
	} while (0)

static void opened(bool count_blank)
{
	tally_release(&tally);
	EVENT(
	    "'event':'batch_opened','batch':'b','workspace':'w','station':'s','rules':{'name':'r','version':1,'count_blank_sheets':%s},'source':'scan'",
	    count_blank ? "true" : "false");
}

static void file(const char *number)
{
	EVENT(
	    "'event':'file_opened','file':%d,'file_number':'%s','volume':1,'prepared':-1,'from':'cover'",
	    tally.n_files + 1, number);
}

static void cover(int of)
{
	EVENT(
	    "'event':'sheet_fed','sheet':'b/%d','file':%d,'expected':2,'separator':true,'images':[{'side':'f'},{'side':'b'}]",
	    tally.n_sheets + 1, of);
}

static void sheet(int of)
{
	EVENT(
	    "'event':'sheet_fed','sheet':'b/%d','file':%d,'expected':2,'separator':false,'images':[{'side':'f'},{'side':'b'}]",
	    tally.n_sheets + 1, of);
}

static void page(int n, char side, bool blank)
{
	EVENT("'event':'page_done','sheet':'b/%d','side':'%c','blank':%s,'words':1,'flags':[]", n,
	    side, blank ? "true" : "false");
}

static void pages(int n, bool blank_front, bool blank_back)
{
	page(n, 'f', blank_front);
	page(n, 'b', blank_back);
}

static struct tally_counts counts(void)
{
	struct tally_counts c;

	tally_counts(&tally, &c);
	assert_int_equal(
	    c.fed, c.counted + c.blank_uncounted + c.separators + c.superseded + c.voided);
	if (c.pages_todo == 0)
		assert_int_equal(c.pages + c.blank_pages, c.images_counted);
	return c;
}

/* Two files, three sheets; a blank back, a blank front with a written back. */
static void three_sheets(bool count_blank)
{
	opened(count_blank);
	file("33/1");
	cover(1);
	sheet(1);
	sheet(1);
	file("33/2");
	cover(2);
	sheet(2);
	pages(2, false, true);
	pages(3, true, false);
	pages(5, false, false);
}

static void test_counts_plain(void **state)
{
	three_sheets(true);
	struct tally_counts c = counts();
	assert_int_equal(c.files, 2);
	assert_int_equal(c.sheets, 3);
	assert_int_equal(c.pages, 4);
	assert_int_equal(c.blank_pages, 2);
	assert_int_equal(c.images, 10);
	assert_int_equal(c.separators, 2);
	assert_int_equal(c.fed, 5);
}

static void test_counts_blank_sheet_counted_or_not(void **state)
{
	for (int counted = 0; counted < 2; counted++) {
		three_sheets(counted);
		sheet(2);
		pages(6, true, true);
		struct tally_counts c = counts();
		assert_int_equal(c.blank_sheets, 1);
		assert_int_equal(c.sheets, counted ? 4 : 3);
		assert_int_equal(c.blank_uncounted, counted ? 0 : 1);
		assert_int_equal(c.pages, 4);
	}
}

static void test_counts_file_of_blank_sheets_keeps_a_page(void **state)
{
	opened(true);
	file("33/1");
	cover(1);
	sheet(1);
	sheet(1);
	pages(2, true, true);
	pages(3, true, true);
	struct tally_counts c = counts();
	assert_int_equal(c.pages, 1);
	assert_int_equal(c.blank_pages, 3);
	assert_int_equal(c.sheets, 2);
}

static void test_counts_rescan_never_adds(void **state)
{
	three_sheets(true);
	EVENT("'event':'rescan_asked','sheet':'b/2','reason':'dust'");
	assert_int_equal(tally.rescan_next, 2);
	EVENT(
	    "'event':'sheet_fed','sheet':'b/6','file':1,'expected':2,'separator':false,'supersedes':'b/2','images':[{'side':'f'},{'side':'b'}]");
	pages(6, false, false);
	struct tally_counts c = counts();
	assert_int_equal(c.sheets, 3);
	assert_int_equal(c.superseded, 1);
	assert_int_equal(c.pages, 5);
	assert_int_equal(tally.rescan_next, 0);
	/* It stands where the old one stood. */
	assert_int_equal(tally.order[1], 2);
	assert_int_equal(tally.order[2], 6);
}

static void test_counts_void_wins(void **state)
{
	three_sheets(true);
	EVENT(
	    "'event':'sheet_fed','sheet':'b/6','file':1,'expected':2,'separator':false,'supersedes':'b/2','images':[{'side':'f'},{'side':'b'}]");
	pages(6, false, false);
	EVENT("'event':'sheet_voided','sheet':'b/2','reason':'x'");
	EVENT("'event':'sheet_voided','sheet':'b/1','reason':'x'");
	struct tally_counts c = counts();
	assert_int_equal(c.voided, 2);
	assert_int_equal(c.superseded, 0);
	assert_int_equal(c.separators, 1);
}

static void test_counts_decision_changes_nothing(void **state)
{
	three_sheets(true);
	EVENT("'event':'suspect','sheet':'b/2','reason':'double_feed'");
	struct tally_counts before = counts();
	assert_int_equal(before.suspects, 1);
	EVENT("'event':'decided','sheet':'b/2','decision':'keep','reason':'one sheet'");
	struct tally_counts after = counts();
	assert_int_equal(after.suspects, 0);
	assert_int_equal(after.sheets, before.sheets);
	assert_int_equal(after.pages, before.pages);
}

static void test_counts_missing_image_is_named(void **state)
{
	opened(true);
	file("33/1");
	EVENT(
	    "'event':'sheet_fed','sheet':'b/1','file':1,'expected':2,'separator':false,'suspects':['odd_image'],'images':[{'side':'f'}]");
	page(1, 'f', false);
	assert_int_equal(counts().images_undecided, 1);
	EVENT("'event':'decided','sheet':'b/1','decision':'keep','reason':'jam'");
	EVENT("'event':'image_missing','sheet':'b/1','missing':1,'reason':'jam'");
	struct tally_counts c = counts();
	assert_int_equal(c.images_undecided, 0);
	assert_int_equal(c.images_missing, 1);
	assert_int_equal(c.images, c.images_expected - c.images_missing);
}

static void test_imprinter_tells_a_sheet_that_is_missing(void **state)
{
	static const char *const imprints[] = {
	    "A-007", "A-008", "A-010", "A-011", "A-001", "A-002"};

	opened(true);
	file("33/1");
	for (size_t i = 0; i < sizeof imprints / sizeof *imprints; i++)
		EVENT(
		    "'event':'sheet_fed','sheet':'b/%d','file':1,'expected':1,'separator':false,'imprint':'%s','images':[{'side':'f'}]",
		    tally.n_sheets + 1, imprints[i]);
	assert_int_equal(tally.files[0].imprinted, 6);
	assert_int_equal(tally.files[0].imprint_gap, 1); /* 009; then the counter was set back */
}

static void test_hand_count_differs_until_settled(void **state)
{
	opened(true);
	file("33/1");
	sheet(1);
	sheet(1);
	EVENT("'event':'hand_counted','file':1,'sheets':3");
	assert_true(tally_file_hand_differs(&tally.files[0], 2));
	assert_false(tally_file_hand_differs(&tally.files[0], 3));
	EVENT("'event':'hand_counted','file':1,'sheets':2"); /* once the figure was seen */
	assert_int_equal(tally.files[0].hand, 2);
	assert_int_equal(tally.files[0].hand_first, 3);
	EVENT("'event':'hand_counted','file':1,'sheets':3");
	EVENT("'event':'settled','file':1,'by':'l','reason':'r','witness':{'hand':3,'fed':2}");
	assert_false(tally_file_hand_differs(&tally.files[0], 2));
	assert_int_equal(json_array_size(tally.files[0].settlements), 1);
	sheet(1); /* another difference than the one that was settled */
	sheet(1);
	assert_true(tally_file_hand_differs(&tally.files[0], 4));
	assert_int_equal(counts().sheets, 4); /* neither changes a count */
}

static void test_near_equal_is_open_kept_or_gone(void **state)
{
	three_sheets(true);
	EVENT("'event':'near_equal','sheets':['b/3','b/5'],'others':['b/2','b/3'],'likeness':1.0");
	assert_int_equal(tally.sheets[2].near_equal, NEAR_EQUAL_OPEN);
	EVENT("'event':'near_equal_kept','sheets':['b/3'],'reason':'r'");
	assert_int_equal(tally.sheets[2].near_equal, NEAR_EQUAL_KEPT);
	assert_int_equal(tally.sheets[4].near_equal, NEAR_EQUAL_OPEN);
	assert_int_equal(counts().sheets, 3); /* a decision changes no count */
	struct error err = {0};
	assert_false(event(&err, "'event':'near_equal','sheets':['b/9'],'others':['b/2']"));
	assert_int_equal(err.kind, ERROR_CHECK);
}

static void test_rejected_sheet_waits_until_it_is_decided(void **state)
{
	three_sheets(true);
	EVENT("'event':'rejected','lead':'l','reason':'r','sheets':['b/2','b/3']");
	assert_true(tally.sheets[1].rejected);
	EVENT("'event':'decided','sheet':'b/2','decision':'keep','reason':'r'");
	assert_false(tally.sheets[1].rejected);
	assert_true(tally.sheets[2].rejected);
	EVENT("'event':'accepted','lead':'l','takes_back':'by mistake'");
	assert_false(tally.sheets[2].rejected);
}

static void test_move_changes_the_files_and_their_bundles(void **state)
{
	three_sheets(true);
	EVENT(
	    "'event':'bundle_made','file':1,'bundle':'files/a','bytes':1,'pages':2,'sha512':'x','mean_confidence':90.1,'flags':[]");
	EVENT(
	    "'event':'bundle_made','file':2,'bundle':'files/b','bytes':1,'pages':2,'sha512':'x','mean_confidence':90.1,'flags':[]");
	EVENT("'event':'sheet_moved','sheet':'b/3','file':2,'after':'','reason':'x'");
	assert_false(tally.files[0].bundled);
	assert_false(tally.files[1].bundled);
	struct tally_counts c;
	tally_file_counts(&tally, 2, &c);
	assert_int_equal(c.sheets, 2);
	assert_int_equal(counts().sheets, 3);
}

static void test_move_after_orders_pages(void **state)
{
	three_sheets(true);
	EVENT("'event':'sheet_moved','sheet':'b/2','file':1,'after':'b/3','reason':'x'");
	assert_int_equal(tally.order[0], 1);
	assert_int_equal(tally.order[1], 3);
	assert_int_equal(tally.order[2], 2);
	assert_int_equal(tally.order[3], 4);
	EVENT("'event':'sheet_moved','sheet':'b/5','file':2,'after':'b/1','reason':'x'");
	assert_int_equal(tally.order[1], 5);
	assert_int_equal(tally.order[4], 4);
}

static void test_unassigned_sheets_are_told(void **state)
{
	opened(true);
	sheet(0);
	struct tally_counts c = counts();
	assert_int_equal(c.unassigned, 1);
	assert_int_equal(c.files, 0);
}

static void test_file_find_by_key(void **state)
{
	opened(true);
	file("33/ 12345-04 ä");
	assert_non_null(tally_file_find(&tally, "33/12345-04Ä", 1));
	assert_null(tally_file_find(&tally, "33/12345-04Ä", 2));
	assert_null(tally_file_find(&tally, "33/12345-05", 1));
}

static void test_add_refuses_what_cannot_follow(void **state)
{
	static const char *const bad[] = {
	    "'event':'batch_opened','batch':'b','rules':{}",
	    "'event':'sheet_fed','sheet':'b/9','file':1,'expected':1,'images':[]",
	    "'event':'sheet_fed','sheet':'b/6','file':7,'expected':1,'images':[]",
	    "'event':'sheet_fed','sheet':'c/6','file':1,'expected':1,'images':[]",
	    "'event':'page_done','sheet':'b/2','side':'x'",
	    "'event':'page_done','sheet':'b/99','side':'f'",
	    "'event':'sheet_voided','sheet':'b/0'",
	    "'event':'sheet_moved','sheet':'b/2','file':3,'after':''",
	    "'event':'closed','revision':2,'previous':''",
	    "'event':'file_opened','file':9,'file_number':'x'",
	    "'event':'bundle_made','file':0",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct error err = {0};
		three_sheets(true);
		if (event(&err, "%s", bad[i]))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.kind, ERROR_CHECK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_counts_plain, teardown),
	    cmocka_unit_test_teardown(test_counts_blank_sheet_counted_or_not, teardown),
	    cmocka_unit_test_teardown(test_counts_file_of_blank_sheets_keeps_a_page, teardown),
	    cmocka_unit_test_teardown(test_counts_rescan_never_adds, teardown),
	    cmocka_unit_test_teardown(test_counts_void_wins, teardown),
	    cmocka_unit_test_teardown(test_counts_decision_changes_nothing, teardown),
	    cmocka_unit_test_teardown(test_counts_missing_image_is_named, teardown),
	    cmocka_unit_test_teardown(test_imprinter_tells_a_sheet_that_is_missing, teardown),
	    cmocka_unit_test_teardown(test_hand_count_differs_until_settled, teardown),
	    cmocka_unit_test_teardown(test_near_equal_is_open_kept_or_gone, teardown),
	    cmocka_unit_test_teardown(test_rejected_sheet_waits_until_it_is_decided, teardown),
	    cmocka_unit_test_teardown(test_move_changes_the_files_and_their_bundles, teardown),
	    cmocka_unit_test_teardown(test_move_after_orders_pages, teardown),
	    cmocka_unit_test_teardown(test_unassigned_sheets_are_told, teardown),
	    cmocka_unit_test_teardown(test_file_find_by_key, teardown),
	    cmocka_unit_test_teardown(test_add_refuses_what_cannot_follow, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
