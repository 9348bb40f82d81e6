#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drawn.h"
#include "scan/clean.h"

static struct clean_result cleaned(PIX *raw, double dpi, bool blank)
{
	struct clean_options options = clean_options_standard;
	struct clean_result result = {0};
	struct error err = {0};
	options.blank = blank;
	if (!clean_page(raw, dpi, &options, &result, &err))
		fail_msg("%s", err.what);
	return result;
}

static void test_clean_page_skewed_on_black(void **state)
{
	static const double angles[] = {-14, -5.3, -1.25, 0.4, 2.61, 9};
	for (size_t i = 0; i < sizeof angles / sizeof *angles; i++) {
		PIX *raw = drawn_bordered(drawn_letter(), 220, 220, 220, 220, 0x0a0a0a00);
		raw = drawn_turned(raw, angles[i], 1);
		struct clean_result result = cleaned(raw, 150, true);
		assert_false(result.blank);
		assert_true(result.deskewed);
		assert_float_equal(result.skew_deg, angles[i], 0.1);
		assert_false(result.orient_unsure);
		assert_int_equal(result.rotated_deg, 0);
		assert_float_equal(result.width_mm, 210, 2.1);
		assert_float_equal(result.height_mm, 297, 2.97);
		/* no background is left in the corners */
		uint32_t corner;
		pixGetPixel(result.page, 2, 2, &corner);
		assert_true((corner >> 24) > 200);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_turned_by_quarters(void **state)
{
	for (int quarters = 0; quarters < 4; quarters++) {
		PIX *letter = drawn_letter(), *raw = pixRotateOrth(letter, quarters);
		struct clean_result result = cleaned(raw, 150, true);
		assert_false(result.orient_unsure);
		assert_int_equal(result.rotated_deg, (360 - 90 * quarters) % 360);
		assert_float_equal(result.width_mm, 210, 2.1);
		assert_true(pixGetWidth(result.page) < pixGetHeight(result.page));
		clean_result_release(&result);
		pixDestroy(&raw);
		pixDestroy(&letter);
	}
}

static void test_clean_page_turned_table(void **state)
{
	/* mostly digits and rules: the letters' feet say which way is up */
	cairo_surface_t *surface = drawn_paper(DRAWN_H, DRAWN_W, 0.97, 0.97, 0.97);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
	cairo_set_line_width(cr, 1.5);
	cairo_select_font_face(
	    cr, "Liberation Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, 20);
	for (int row = 0; row < 20; row++) {
		cairo_move_to(cr, 120, 180 + row * 48);
		cairo_rel_line_to(cr, DRAWN_H - 240, 0);
		cairo_stroke(cr);
		for (int column = 0; column < 8; column++) {
			char cell[32];
			if (column % 3 == 1)
				snprintf(
				    cell, sizeof cell, "%s", drawn_words[(row * 5 + column) % 29]);
			else
				snprintf(cell, sizeof cell, "%d,%02d",
				    (row * 977 + column * 131) % 4000, row * 7 % 100);
			cairo_move_to(cr, 130 + column * 188, 170 + row * 48);
			cairo_show_text(cr, cell);
		}
	}
	cairo_destroy(cr);
	PIX *upright = drawn_pix(surface);
	for (int quarter = 0; quarter < 4; quarter++) {
		PIX *raw = quarter ? pixRotateOrth(upright, quarter) : pixClone(upright);
		struct clean_result result = cleaned(raw, 150, true);
		assert_false(result.orient_unsure);
		assert_int_equal(result.rotated_deg, (360 - 90 * quarter) % 360);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
	pixDestroy(&upright);
}

static void test_clean_page_skewed_to_the_limit(void **state)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		PIX *raw = drawn_bordered(drawn_letter(), 260, 260, 260, 260, 0x0c0c0c00);
		raw = drawn_turned(raw, sign * 14.6, 1);
		struct clean_result result = cleaned(raw, 150, true);
		assert_float_equal(result.skew_deg, sign * 14.6, 0.1);
		assert_int_equal(result.rotated_deg, 0);
		assert_false(result.orient_unsure);
		assert_float_equal(result.width_mm, 210, 2.1);
		assert_float_equal(result.height_mm, 297, 2.97);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_dense_slip_on_white_lid(void **state)
{
	int w = 874, h = 1240; /* A5, full of text, on a lid hardly brighter */
	cairo_surface_t *surface = drawn_paper(w, h, 0.92, 0.92, 0.9);
	drawn_text(surface, 47, 100, w - 94, 32, 24);
	PIX *raw = drawn_bordered(drawn_pix(surface), 60, 60, 60, 60, 0xfcfcfc00);
	PIX *turned =
	    pixRotate(raw, (float)(1.2 * M_PI / 180), L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0);
	pixDestroy(&raw);
	drawn_grain(turned, 3, 9);
	struct clean_result result = cleaned(turned, 150, true);
	assert_float_equal(result.width_mm, 148, 1.48);
	assert_float_equal(result.height_mm, 210, 2.1);
	clean_result_release(&result);
	pixDestroy(&turned);
}

static void test_clean_page_straight_is_untouched(void **state)
{
	PIX *raw = drawn_letter();
	struct clean_result result = cleaned(raw, 150, true);
	int same = 0;
	assert_false(result.deskewed);
	pixEqual(raw, result.page, &same);
	assert_true(same);
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_slip_on_black_keeps_its_size(void **state)
{
	/* an A6 slip (105 x 148 mm) and a till receipt (80 x 200 mm) on an A4 window, 150 dpi */
	static const double sizes[2][2] = {{105, 148}, {80, 200}};
	for (int i = 0; i < 2; i++) {
		int w = (int)(sizes[i][0] / 25.4 * 150), h = (int)(sizes[i][1] / 25.4 * 150);
		cairo_surface_t *surface = drawn_paper(w, h, 0.94, 0.94, 0.92);
		drawn_text(surface, 50, 80, w - 100, 10, 22);
		PIX *raw = drawn_bordered(
		    drawn_pix(surface), 200, DRAWN_W - w - 200, 150, DRAWN_H - h - 150, 0x0a0a0a00);
		raw = drawn_turned(raw, -2.5, 1);
		struct clean_result result = cleaned(raw, 150, true);
		assert_float_equal(result.width_mm, sizes[i][0], sizes[i][0] / 100);
		assert_float_equal(result.height_mm, sizes[i][1], sizes[i][1] / 100);
		assert_float_equal(result.skew_deg, -2.5, 0.1);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_paper_on_white_lid(void **state)
{
	int w = 874, h = 1240; /* A5 */
	cairo_surface_t *surface = drawn_paper(w, h, 0.84, 0.8, 0.7);
	drawn_text(surface, 60, 100, w - 120, 20, 24);
	PIX *raw = drawn_bordered(
	    drawn_pix(surface), 160, DRAWN_W - w - 160, 200, DRAWN_H - h - 200, 0xfdfdfd00);
	PIX *turned =
	    pixRotate(raw, (float)(1.8 * M_PI / 180), L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0);
	pixDestroy(&raw);
	drawn_grain(turned, 4, 9);
	struct clean_result result = cleaned(turned, 150, true);
	assert_float_equal(result.width_mm, 148, 1.48);
	assert_float_equal(result.height_mm, 210, 2.1);
	uint32_t corner;
	pixGetPixel(result.page, 2, 2, &corner);
	assert_in_range(corner >> 8 & 255, 160, 200); /* paper, not lid */
	clean_result_release(&result);
	pixDestroy(&turned);
}

static void test_clean_page_torn_corner_and_holes_are_filled(void **state)
{
	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.9, 0.86, 0.74);
	drawn_text(surface, 160, 200, 960, 26, 24);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.04, 0.04, 0.04);
	cairo_move_to(cr, DRAWN_W, 0); /* torn: 25 mm of the upper right corner */
	cairo_line_to(cr, DRAWN_W - 150, 0);
	cairo_line_to(cr, DRAWN_W, 130);
	cairo_fill(cr);
	cairo_arc(cr, 70, 641, 17, 0, 2 * M_PI);
	cairo_fill(cr);
	cairo_arc(cr, 70, 1113, 17, 0, 2 * M_PI);
	cairo_fill(cr);
	cairo_destroy(cr);
	PIX *raw = drawn_bordered(drawn_pix(surface), 30, 30, 30, 30, 0x0a0a0a00);
	struct clean_result result = cleaned(raw, 150, true);
	assert_float_equal(result.width_mm, 210, 2.1);
	assert_float_equal(result.height_mm, 297, 2.97);
	static const int places[3][2] = {{DRAWN_W - 30, 20}, {68, 640}, {68, 1111}};
	for (int i = 0; i < 3; i++) {
		uint32_t pixel;
		pixGetPixel(result.page, places[i][0], places[i][1], &pixel);
		assert_in_range(pixel >> 24, 220, 238);
		assert_in_range(pixel >> 8 & 255, 178, 200);
	}
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_holes_of_a_steep_sheet_are_filled(void **state)
{
	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.9, 0.86, 0.74);
	drawn_text(surface, 160, 200, 960, 26, 24);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.04, 0.04, 0.04);
	for (int i = 0; i < 4; i++) { /* for a file of four rings */
		cairo_arc(cr, 70, 168.5 + 472.4 * i, 17, 0, 2 * M_PI);
		cairo_fill(cr);
	}
	cairo_destroy(cr);
	PIX *raw = drawn_bordered(drawn_pix(surface), 260, 260, 260, 260, 0x0a0a0a00);
	raw = drawn_turned(raw, -9, 1);
	struct clean_result result = cleaned(raw, 150, true);
	assert_float_equal(result.skew_deg, -9, 0.1);
	for (int y = 0; y < pixGetHeight(result.page); y++)
		for (int x = 0; x < 140; x++) {
			uint32_t pixel;
			pixGetPixel(result.page, x, y, &pixel);
			assert_true((pixel >> 24) > 150);
		}
	clean_result_release(&result);
	pixDestroy(&raw);
}

/* Reduced as the resolution says that it says, lines of text run together into something grey. */
static void test_clean_page_lying_resolution_cuts_nothing(void **state)
{
	for (int bitonal = 0; bitonal < 2; bitonal++) {
		cairo_surface_t *surface = drawn_paper(2 * DRAWN_W, 2 * DRAWN_H, 1, 1, 1);
		drawn_text(surface, 200, 300, 2 * DRAWN_W - 400, 80, 30);
		PIX *raw = drawn_pix(surface);
		PIX *turned = drawn_turned(pixClone(raw), 0.4, 1);
		PIX *grey = pixConvertTo8(turned, 0);
		PIX *given = bitonal ? pixConvertTo1(grey, 128) : pixClone(grey);
		struct clean_result result = cleaned(given, 1200, true);
		assert_false(result.blank);
		assert_in_range(pixGetWidth(result.page), 2 * DRAWN_W - 4, 2 * DRAWN_W + 80);
		assert_in_range(pixGetHeight(result.page), 2 * DRAWN_H - 4, 2 * DRAWN_H + 80);
		clean_result_release(&result);
		pixDestroy(&given);
		pixDestroy(&grey);
		pixDestroy(&turned);
		pixDestroy(&raw);
	}
}

static void test_clean_page_tinted_print_is_no_paper(void **state)
{
	/* a grey field with a white margin, straight: the margin belongs to the page */
	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 1, 1, 1);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.8, 0.8, 0.8);
	cairo_rectangle(cr, 100, 100, DRAWN_W - 200, 800);
	cairo_fill(cr);
	cairo_destroy(cr);
	drawn_text(surface, 160, 1000, 960, 16, 24);
	PIX *raw = drawn_pix(surface);
	struct clean_result result = cleaned(raw, 150, true);
	assert_float_equal(result.width_mm, 210, 2.1);
	assert_float_equal(result.height_mm, 297, 2.97);
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_blank_with_grain_and_border(void **state)
{
	PIX *raw = drawn_pix(drawn_paper(DRAWN_W, DRAWN_H, 0.85, 0.8, 0.62)); /* coloured paper */
	drawn_grain(raw, 12, 7);
	raw = drawn_turned(drawn_bordered(raw, 60, 60, 60, 60, 0x0a0a0a00), 1.5, 1);
	struct clean_result result = cleaned(raw, 150, true);
	assert_true(result.blank);
	assert_true(result.blank_score > 0.5);
	assert_null(result.page);
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_one_initial_is_written(void **state)
{
	/* a pen's 4 mm initial, a pencil's number, a faint red stamp */
	static const double inks[3][3] = {{0.1, 0.1, 0.4}, {0.62, 0.62, 0.62}, {0.93, 0.72, 0.72}};
	for (int i = 0; i < 3; i++) {
		cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.95, 0.95, 0.95);
		cairo_t *cr = cairo_create(surface);
		cairo_set_source_rgb(cr, inks[i][0], inks[i][1], inks[i][2]);
		cairo_set_line_width(cr, 2);
		if (i == 2) {
			cairo_set_line_width(cr, 5);
			cairo_rectangle(cr, 600, 700, 240, 90);
		} else {
			cairo_move_to(cr, 1100, 150);
			cairo_rel_line_to(cr, 8, -24);
			cairo_rel_line_to(cr, 8, 24);
			cairo_rel_line_to(cr, 8, -24);
		}
		cairo_stroke(cr);
		cairo_destroy(cr);
		PIX *raw = drawn_pix(surface);
		drawn_grain(raw, 8, 3);
		struct clean_result result = cleaned(raw, 150, true);
		assert_false(result.blank);
		assert_non_null(result.page);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_classifies_by_content(void **state)
{
	PIX *plain = drawn_letter();
	struct clean_result result = cleaned(plain, 150, true);
	assert_int_equal(result.kind, PAGE_BITONAL);
	clean_result_release(&result);
	pixDestroy(&plain);

	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.96, 0.96, 0.96);
	drawn_text(surface, 120, 160, 980, 20, 24);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.75, 0.15, 0.15);
	cairo_set_line_width(cr, 5);
	cairo_rectangle(cr, 700, 1200, 300, 120);
	cairo_stroke(cr);
	cairo_destroy(cr);
	PIX *stamped = drawn_pix(surface);
	result = cleaned(stamped, 150, true);
	assert_int_equal(result.kind, PAGE_COLOUR);
	clean_result_release(&result);
	pixDestroy(&stamped);
}

static void test_clean_page_odd_images(void **state)
{
	static const struct {
		int w, h, depth, black;
		double dpi;
	} cases[] = {{1, 1, 8, 0, 300}, {1, 1, 1, 1, 0}, {30000, 200, 8, 0, 300},
	    {200, 30000, 1, 0, 300}, {1240, 1754, 8, 1, 150}, {1240, 1754, 32, 1, 150},
	    {1240, 1754, 1, 1, 150}, {620, 877, 32, 0, 75}, {2480, 3508, 1, 0, 1200},
	    {100, 100, 16, 0, 300}, {100, 100, 2, 0, 300}, {100, 3, 32, 0, -5},
	    {2480, 3508, 1, 0, 0}, {6000, 6000, 8, 0, 50}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		PIX *raw = pixCreate(cases[i].w, cases[i].h, cases[i].depth);
		if ((cases[i].depth == 1) == cases[i].black)
			pixSetAll(raw);
		struct clean_result result = cleaned(raw, cases[i].dpi, false);
		assert_non_null(result.page);
		assert_true(result.dpi > 0);
		struct encoded_page page = {0};
		struct error err = {0};
		assert_true(encode_page(
		    result.page, result.dpi, result.kind, &encode_options_standard, &page, &err));
		assert_true(page.n_layers >= 1);
		encoded_page_release(&page);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_missing_resolution_is_guessed(void **state)
{
	PIX *raw = pixCreate(2480, 3508, 8);
	pixSetAll(raw);
	struct clean_result result = cleaned(raw, 0, false);
	assert_float_equal(result.dpi, 300, 0.1);
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_all_black_is_not_blank(void **state)
{
	PIX *raw = pixCreate(1240, 1754, 8);
	struct clean_result result = cleaned(raw, 150, true);
	assert_false(result.blank);
	assert_non_null(result.page);
	clean_result_release(&result);
	pixDestroy(&raw);
}

static void test_clean_page_full_of_specks_is_not_blank(void **state)
{
	static const int specks[] = {300, 20000}; /* dust; and what nobody can tell */
	for (int i = 0; i < 2; i++) {
		PIX *raw = pixCreate(1240, 1754, 8);
		uint32_t dice = 1;

		pixSetAll(raw);
		for (int k = 0; k < specks[i]; k++) {
			dice = dice * 1664525 + 1013904223;
			int x = (int)(dice >> 16) % 400 * 3;
			dice = dice * 1664525 + 1013904223;
			int y = (int)(dice >> 16) % 570 * 3;
			pixSetPixel(raw, x, y, 0);
			pixSetPixel(raw, x + 1, y, 0);
		}
		struct clean_result result = cleaned(raw, 150, true);
		assert_int_equal(result.blank, i == 0);
		clean_result_release(&result);
		pixDestroy(&raw);
	}
}

static void test_clean_page_palette_and_alpha(void **state)
{
	PIX *letter = drawn_letter();
	PIX *palette = pixOctreeQuantNumColors(letter, 64, 0);
	PIX *alpha = pixCopy(NULL, letter);
	pixSetSpp(alpha, 4);
	pixSetComponentArbitrary(alpha, L_ALPHA_CHANNEL, 255);
	PIX *raws[2] = {palette, alpha};
	for (int i = 0; i < 2; i++) {
		struct clean_result result = cleaned(raws[i], 150, true);
		assert_non_null(result.page);
		assert_false(result.blank);
		assert_true(pixGetDepth(result.page) == 8 || pixGetDepth(result.page) == 32);
		clean_result_release(&result);
		pixDestroy(&raws[i]);
	}
	pixDestroy(&letter);
}

static void test_clean_page_empty_image(void **state)
{
	struct clean_result result = {0};
	struct error err = {0};
	assert_false(clean_page(NULL, 300, &clean_options_standard, &result, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "empty"));
}

static void test_clean_for_recognition_scales(void **state)
{
	PIX *letter = drawn_letter(), *bits = NULL;
	struct error err = {0};
	double scale = 0;
	assert_true(clean_for_recognition(letter, 300, 200, &bits, &scale, &err));
	assert_float_equal(scale, 1.5, 0.01);
	assert_int_equal(pixGetDepth(bits), 1);
	int ink = 0;
	pixCountPixels(bits, &ink, NULL);
	assert_true(ink > 2000 && ink < pixGetWidth(bits) * pixGetHeight(bits) / 5);
	pixDestroy(&bits);
	/* 0 leaves the choice to it: here the page's own resolution */
	assert_true(clean_for_recognition(letter, 150, 0, &bits, &scale, &err));
	assert_float_equal(scale, 1, 0.001);
	assert_int_equal(pixGetWidth(bits), pixGetWidth(letter));
	pixDestroy(&bits);
	/* at 300 dpi by the height of the letters: 300 for these, 250 for the same twice as large
	 */
	assert_true(clean_for_recognition(letter, 300, 0, &bits, &scale, &err));
	assert_float_equal(scale, 1, 0.001);
	pixDestroy(&bits);
	PIX *large = pixScale(letter, 2, 2);
	assert_true(clean_for_recognition(large, 300, 0, &bits, &scale, &err));
	assert_float_equal(scale, 1.2, 0.01);
	pixDestroy(&bits);
	pixDestroy(&large);
	pixDestroy(&letter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clean_page_skewed_on_black),
	    cmocka_unit_test(test_clean_page_turned_by_quarters),
	    cmocka_unit_test(test_clean_page_turned_table),
	    cmocka_unit_test(test_clean_page_skewed_to_the_limit),
	    cmocka_unit_test(test_clean_page_dense_slip_on_white_lid),
	    cmocka_unit_test(test_clean_page_straight_is_untouched),
	    cmocka_unit_test(test_clean_page_slip_on_black_keeps_its_size),
	    cmocka_unit_test(test_clean_page_paper_on_white_lid),
	    cmocka_unit_test(test_clean_page_torn_corner_and_holes_are_filled),
	    cmocka_unit_test(test_clean_page_holes_of_a_steep_sheet_are_filled),
	    cmocka_unit_test(test_clean_page_lying_resolution_cuts_nothing),
	    cmocka_unit_test(test_clean_page_tinted_print_is_no_paper),
	    cmocka_unit_test(test_clean_page_blank_with_grain_and_border),
	    cmocka_unit_test(test_clean_page_one_initial_is_written),
	    cmocka_unit_test(test_clean_page_classifies_by_content),
	    cmocka_unit_test(test_clean_page_odd_images),
	    cmocka_unit_test(test_clean_page_missing_resolution_is_guessed),
	    cmocka_unit_test(test_clean_page_all_black_is_not_blank),
	    cmocka_unit_test(test_clean_page_full_of_specks_is_not_blank),
	    cmocka_unit_test(test_clean_page_palette_and_alpha),
	    cmocka_unit_test(test_clean_page_empty_image),
	    cmocka_unit_test(test_clean_for_recognition_scales),
	};
	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
