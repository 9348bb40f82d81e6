/*
 * Fingerprints and likeness: one sheet scanned twice is found and confirmed, the same printed form
 * with other entries is not. Sheets are drawn, then scanned in code: skew, position, exposure,
 * grain and dust differ with each scan, and page work straightens them as it does any page.
 *
 * By hand, figures over many: ALTAKT_FINGERPRINT_SHEETS=200 test_fingerprint
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scan/clean.h"
#include "scan/fingerprint.h"
#include "scan/look.h"
#include "tests/scanned_sheets.h"

static struct look look_of(enum sheet_kind kind, uint32_t sheet, uint32_t scan)
{
	struct clean_options options = clean_options_standard;
	struct clean_result result = {0};
	struct look look = {0};
	struct error err = {0};
	PIX *raw = sheet_scan(sheet_draw(kind, sheet), scan);

	if (!clean_page(raw, 150, &options, &result, &err) || !result.page ||
	    !look_take(result.page, result.dpi, &look, &err))
		fail_msg("%s", err.what);
	clean_result_release(&result);
	pixDestroy(&raw);
	return look;
}

static int sheets_wanted(void)
{
	const char *text = getenv("ALTAKT_FINGERPRINT_SHEETS");
	int n = text ? atoi(text) : 0;

	return n > 2 ? n : 3;
}

static void test_look_compare_fresh_scans_and_other_sheets(void **state)
{
	int n = sheets_wanted();
	struct look *first = calloc((size_t)n, sizeof *first),
		    *again = calloc((size_t)n, sizeof *again);

	for (int kind = 0; kind < SHEET_KINDS; kind++) {
		double same_least = 1, other_most = 0, same_mm2 = 0, other_mm2 = 1e9;
		int missed = 0, wrong = 0, unfound = 0, others = 0, shared_least = 99,
		    shared_sum = 0;
		for (int i = 0; i < n; i++) {
			first[i] = look_of((enum sheet_kind)kind, (uint32_t)i, 1000u + (uint32_t)i);
			again[i] = look_of((enum sheet_kind)kind, (uint32_t)i, 5000u + (uint32_t)i);
		}
		for (int i = 0; i < n; i++) {
			struct likeness l;
			struct fingerprint a, b;
			fingerprint_take(&first[i], &a);
			fingerprint_take(&again[i], &b);
			int shared = fingerprint_shared(&b, &a);
			shared_least = shared < shared_least ? shared : shared_least;
			shared_sum += shared;
			unfound += shared == 0;
			assert_true(look_compare(&first[i], &again[i], &l, NULL));
			missed += !l.equal;
			same_least = l.likeness < same_least ? l.likeness : same_least;
			same_mm2 = l.differing_mm2 > same_mm2 ? l.differing_mm2 : same_mm2;
			for (int k = 0; k < 8; k++) {
				int other = (i + 1 + k) % n;
				if (other == i)
					continue;
				assert_true(look_compare(&first[i], &again[other], &l, NULL));
				wrong += l.equal;
				others++;
				other_most = l.likeness > other_most ? l.likeness : other_most;
				other_mm2 =
				    l.differing_mm2 < other_mm2 ? l.differing_mm2 : other_mm2;
			}
		}
		print_message(
		    "kind %d: same: %d of %d missed, least likeness %.3f, most differing "
		    "%.1f mm2; others: %d of %d taken for the same, most likeness %.3f, "
		    "least differing %.1f mm2; words shared: least %d, mean %.1f, none %d\n",
		    kind, missed, n, same_least, same_mm2, wrong, others, other_most, other_mm2,
		    shared_least, (double)shared_sum / n, unfound);
		for (int i = 0; i < n; i++) {
			look_release(&first[i]);
			look_release(&again[i]);
		}
		if (kind != SHEET_SPARSE_FORM) /* of these batch/duplicates.h has the last word */
			assert_int_equal(wrong, 0);
		assert_true(missed * 20 <= n);
		assert_true(unfound * 20 <= n);
	}
	free(first);
	free(again);
}

static void test_fingerprint_text_is_read_again(void **state)
{
	struct look look = look_of(SHEET_LETTER, 3, 9);
	struct fingerprint f, again;
	char text[FINGERPRINT_TEXT];
	uint32_t keys[1 << FINGERPRINT_WEAK];

	fingerprint_take(&look, &f);
	assert_true(f.n > 4);
	fingerprint_text(&f, text);
	assert_true(fingerprint_read(text, &again));
	assert_memory_equal(&f, &again, sizeof f);
	assert_int_equal(fingerprint_shared(&f, &again), f.n);
	fingerprint_probes(&f.words[0], keys);
	assert_int_equal(keys[0], fingerprint_key(&f.words[0]));
	assert_int_equal(keys[1] ^ keys[0], 1u << f.words[0].weak[0]);
	static const char *const bad[] = {
	    "A", "A00zz00abc", "Z000000abc", "A000000ab~", "A000000abcB"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(fingerprint_read(bad[i], &again));
	look_release(&look);
}

static void test_look_compare_sizes_and_bad_input(void **state)
{
	struct look letter = look_of(SHEET_LETTER, 3, 9), empty = {0};
	struct plane slip = {0};
	struct likeness l;
	struct error err = {0};
	struct fingerprint f;

	assert_true(plane_open(&slip, 400, 300, &err));
	memset(slip.px, 240, slip.stride * 300);
	assert_false(look_take_plane(&slip, 2000, &empty, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_true(look_take_plane(&slip, 100, &empty, &err));
	assert_true(look_compare(&letter, &empty, &l, &err));
	assert_false(l.equal);
	assert_true(look_compare(&empty, &empty, &l, &err));
	assert_false(l.equal); /* two bare pages are not the same sheet */
	fingerprint_take(&empty, &f);
	assert_int_equal(f.n, 0);
	look_release(&empty);
	look_release(&letter);
	plane_release(&slip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_look_compare_fresh_scans_and_other_sheets),
	    cmocka_unit_test(test_fingerprint_text_is_read_again),
	    cmocka_unit_test(test_look_compare_sizes_and_bad_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
