/* Two sheets in one image, and all that looks like them and is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scan/overlap.h"
#include "tests/lapped.h"

static enum overlap found(const PIX *pix, double dpi)
{
	struct error err = {0};
	enum overlap out = OVERLAP_NONE;

	if (!overlap_find(pix, dpi, &out, &err))
		fail_msg("%s", err.what);
	return out;
}

static void test_overlap_find_of_two_sheets(void **state)
{
	static const struct {
		struct lap lap;
		enum overlap by;
	} rows[] = {
	    {{5, 20, 0, 0, 0.25}, OVERLAP_OUTLINE},
	    {{-8, 12, 0, 0, 0.25}, OVERLAP_OUTLINE},
	    {{3, 60, 0, 1.5, 0}, OVERLAP_OUTLINE}, /* not even a shadow */
	    {{15, 6, 0, -1, 0.25}, OVERLAP_OUTLINE},
	    {{-4, -30, 0, 2, 0.1}, OVERLAP_OUTLINE},
	    {{6, 25, 0.5, 0, 0.25}, OVERLAP_NOTCH},
	    {{0, 20, 0, 0, 0.25}, OVERLAP_LENGTH},
	    {{0, -12, 0, 1, 0.25}, OVERLAP_LENGTH},
	    {{0.5, 80, 0, -1.2, 0.2}, OVERLAP_LENGTH},
	};
	PIX *upper = lapped_sheet(210, 297, 30, 0.95), *lower = lapped_sheet(210, 297, 24, 0.92);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		PIX *pix = lapped(upper, lower, &rows[i].lap, (uint32_t)i);
		enum overlap out = found(pix, 150);
		if (out != rows[i].by)
			fail_msg("row %zu: %d", i, (int)out);
		pixDestroy(&pix);
	}
	pixDestroy(&upper);
	pixDestroy(&lower);
}

/* The device's page length is too short: the lower sheet's end is not in the image. */
static void test_overlap_find_of_two_sheets_cut_off(void **state)
{
	static const struct lap lap = {6, 20, 0, 0, 0.25}, under = {6, -20, 0, 0, 0.25};
	PIX *upper = lapped_sheet(210, 297, 30, 0.95), *lower = lapped_sheet(210, 297, 24, 0.92);
	PIX *pix = lapped(upper, lower, &under, 1);
	BOX *box = boxCreate(0, 0, pixGetWidth(pix), LAPPED_PX(297));
	PIX *cut = pixClipRectangle(pix, box, NULL);

	assert_int_equal(found(cut, 150), OVERLAP_NOTCH);
	pixDestroy(&pix);
	pixDestroy(&cut);
	/* The edge lies on the other side of the paper: a single notch alone says nothing. */
	pix = lapped(lower, upper, &lap, 1);
	cut = pixClipRectangle(pix, box, NULL);
	assert_int_equal(found(cut, 150), OVERLAP_NONE);
	boxDestroy(&box);
	pixDestroy(&pix);
	pixDestroy(&cut);
	pixDestroy(&upper);
	pixDestroy(&lower);
}

static void test_overlap_find_of_one_sheet(void **state)
{
	const char *name = NULL;
	PIX *pix = NULL;

	for (int n = 0; lapped_single(n, &name, &pix); n++) {
		enum overlap out = found(pix, 150);
		if (out != OVERLAP_NONE)
			fail_msg("'%s' (%d): %d", name, n, (int)out);
		pixDestroy(&pix);
	}
}

static void test_overlap_find_of_what_is_no_sheet(void **state)
{
	PIX *small = pixCreate(90, 120, 8), *black = pixCreate(1240, 1754, 8),
	    *long_one = pixCreate(240, 60000, 1);

	assert_int_equal(found(small, 75), OVERLAP_NONE);
	assert_int_equal(found(black, 150), OVERLAP_NONE);
	assert_int_equal(found(black, 0), OVERLAP_NONE);
	assert_int_equal(found(black, 20), OVERLAP_NONE);
	assert_int_equal(found(long_one, 75), OVERLAP_NONE);
	pixDestroy(&small);
	pixDestroy(&black);
	pixDestroy(&long_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_overlap_find_of_two_sheets),
	    cmocka_unit_test(test_overlap_find_of_two_sheets_cut_off),
	    cmocka_unit_test(test_overlap_find_of_one_sheet),
	    cmocka_unit_test(test_overlap_find_of_what_is_no_sheet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
