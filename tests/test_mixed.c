#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/render.h"
#include "drawn.h"
#include "scan/encode.h"
#include "scan/guard.h"
#include "scan/picture.h"
#include "scan/sight.h"

#define W 2480
#define H 1754 /* half of A4 at 300 dpi */

static cairo_surface_t *letter_drawn(double r, double g, double b)
{
	cairo_surface_t *surface = drawn_paper(W, H, r, g, b);
	drawn_text(surface, 240, 200, 1960, 12, 46);
	return surface;
}

static void stamp_drawn(cairo_surface_t *surface, double r, double g, double b)
{
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, r, g, b);
	cairo_set_line_width(cr, 9);
	cairo_rectangle(cr, 1400, 1100, 620, 220);
	cairo_stroke(cr);
	cairo_select_font_face(
	    cr, "Liberation Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
	cairo_set_font_size(cr, 90);
	cairo_move_to(cr, 1440, 1240);
	cairo_show_text(cr, "EINGANG");
	cairo_destroy(cr);
}

static struct encoded_page encoded(PIX *pix, enum page_kind kind)
{
	struct encoded_page page = {0};
	struct error err = {0};
	if (!encode_page(pix, 300, kind, &encode_options_standard, &page, &err))
		fail_msg("%s", err.what);
	return page;
}

static const struct layer *stencil_reddest(const struct encoded_page *page)
{
	const struct layer *best = NULL;
	for (int i = 0; i < page->n_layers; i++) {
		const struct layer *layer = &page->layers[i];
		if (layer->kind == LAYER_STENCIL &&
		    (!best || layer->rgb[0] - layer->rgb[1] > best->rgb[0] - best->rgb[1]))
			best = layer;
	}
	return best;
}

static void test_encode_page_red_stamp_stays_red(void **state)
{
	cairo_surface_t *surface = letter_drawn(0.95, 0.93, 0.85);
	stamp_drawn(surface, 0.72, 0.15, 0.18);
	PIX *pix = drawn_pix(surface);
	drawn_grain(pix, 8, 11);
	struct encoded_page page = encoded(pix, PAGE_COLOUR);
	assert_int_equal(page.kind, PAGE_MIXED);
	assert_false(page.fell_back);
	assert_true(page.ink_lost <= encode_options_standard.ink_loss_limit);
	const struct layer *red = stencil_reddest(&page);
	assert_non_null(red);
	assert_in_range(red->rgb[0], 165, 205);
	assert_in_range(red->rgb[1], 20, 75);
	/* it covers the stamp and not the print */
	assert_in_range((int)red->x_px, 1380, 1402);
	assert_in_range((int)red->y_px, 1080, 1102);
	/* the backdrop lies below everything and covers the page */
	assert_int_equal(page.layers[0].kind, LAYER_JPEG);
	assert_float_equal(page.layers[0].w_px, W, 0.5);
	/* as a reader shows it, the stamp's frame is red and the paper has its colour */
	PIX *shown = render_page(&page);
	uint32_t frame, paper;
	pixGetPixel(shown, 1700, 1100, &frame);
	pixGetPixel(shown, 300, 1600, &paper);
	assert_true((frame >> 24) > (frame >> 16 & 255) + 80);
	assert_in_range(paper >> 24, 236, 248);
	assert_in_range(paper >> 8 & 255, 209, 224);
	pixDestroy(&shown);
	encoded_page_release(&page);
	pixDestroy(&pix);
}

static void test_encode_page_mixed_is_small(void **state)
{
	PIX *pix = drawn_pix(letter_drawn(0.9, 0.9, 0.9)), *grey = pixConvertTo8(pix, 0);
	struct encoded_page page = encoded(grey, PAGE_GREY);
	size_t n = 0;
	for (int i = 0; i < page.n_layers; i++) {
		assert_int_equal(page.layers[i].channels, 1);
		n += page.layers[i].n_bytes;
	}
	assert_int_equal(page.kind, PAGE_MIXED);
	assert_true(n < 40000);
	encoded_page_release(&page);
	pixDestroy(&grey);
	pixDestroy(&pix);
}

static void test_encode_page_photo_keeps_its_resolution(void **state)
{
	cairo_surface_t *surface = letter_drawn(0.96, 0.96, 0.96);
	cairo_t *cr = cairo_create(surface);
	cairo_pattern_t *shade = cairo_pattern_create_linear(1500, 900, 2000, 1500);
	cairo_pattern_add_color_stop_rgb(shade, 0, 0.7, 0.6, 0.5);
	cairo_pattern_add_color_stop_rgb(shade, 1, 0.1, 0.15, 0.25);
	cairo_rectangle(cr, 1500, 1000, 420, 540);
	cairo_set_source(cr, shade);
	cairo_fill(cr);
	cairo_pattern_destroy(shade);
	cairo_destroy(cr);
	PIX *pix = drawn_pix(surface);
	struct encoded_page page = encoded(pix, PAGE_COLOUR);
	assert_int_equal(page.kind, PAGE_MIXED);
	bool kept = false;
	for (int i = 1; i < page.n_layers; i++) {
		const struct layer *layer = &page.layers[i];
		kept |= layer->kind == LAYER_JPEG && layer->width_px == (int)layer->w_px &&
		    layer->x_px <= 1500 && layer->y_px <= 1000 &&
		    layer->x_px + layer->w_px >= 1920 && layer->y_px + layer->h_px >= 1540;
	}
	assert_true(kept);
	encoded_page_release(&page);
	pixDestroy(&pix);
}

static void test_encode_page_faint_pencil_falls_back(void **state)
{
	/* taken for black and white, but there is a pencil note that a threshold would drop */
	cairo_surface_t *surface = letter_drawn(0.97, 0.97, 0.97);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 0.72, 0.72, 0.72);
	cairo_set_line_width(cr, 5);
	for (int i = 0; i < 8; i++) {
		cairo_move_to(cr, 300 + 70 * i, 1400);
		cairo_rel_curve_to(cr, 20, -110, 50, -90, 40, 10);
	}
	cairo_stroke(cr);
	cairo_destroy(cr);
	PIX *pix = drawn_pix(surface);
	struct encoded_page page = encoded(pix, PAGE_BITONAL);
	assert_true(page.fell_back);
	assert_int_equal(page.kind, PAGE_MIXED);
	assert_true(page.ink_lost <= encode_options_standard.ink_loss_limit);
	encoded_page_release(&page);

	/* who insists on black and white gets it, and is told what it cost */
	struct encode_options options = encode_options_standard;
	struct error err = {0};
	options.keep = KEEP_BITONAL;
	assert_true(encode_page(pix, 300, PAGE_BITONAL, &options, &page, &err));
	assert_int_equal(page.kind, PAGE_BITONAL);
	assert_true(page.ink_lost > encode_options_standard.ink_loss_limit);
	encoded_page_release(&page);
	pixDestroy(&pix);
}

static void test_guard_measure_sees_a_lost_line(void **state)
{
	PIX *whole = drawn_pix(letter_drawn(0.96, 0.96, 0.96)), *grey = pixConvertTo8(whole, 0);
	PIX *cut = pixCopy(NULL, grey);
	pixRasterop(cut, 0, 150, W, 70, PIX_SET, NULL, 0, 0); /* the first line of twelve */
	struct sight sight = {0};
	struct error err = {0};
	double lost = 1;
	assert_true(sight_open(grey, 300, &sight, &err));
	struct encoded_page page = encoded(grey, PAGE_GREY);
	assert_true(guard_measure(&page, &sight, &lost, &err));
	assert_true(lost < 0.002);
	encoded_page_release(&page);
	page = encoded(cut, PAGE_GREY);
	assert_true(guard_measure(&page, &sight, &lost, &err));
	assert_in_range((int)(lost * 1000), 50, 130);
	encoded_page_release(&page);
	sight_release(&sight);
	pixDestroy(&whole);
	pixDestroy(&grey);
	pixDestroy(&cut);
}

static void test_guard_measure_damaged_layer(void **state)
{
	PIX *whole = drawn_pix(letter_drawn(0.96, 0.96, 0.96)), *grey = pixConvertTo8(whole, 0);
	struct sight sight = {0};
	struct error err = {0};
	double lost = 0;
	assert_true(sight_open(grey, 300, &sight, &err));
	struct encoded_page page = encoded(grey, PAGE_GREY);
	page.layers[0].n_bytes = 20; /* the backdrop's JPEG is cut off in its header */
	assert_false(guard_measure(&page, &sight, &lost, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "damaged"));
	encoded_page_release(&page);
	sight_release(&sight);
	pixDestroy(&whole);
	pixDestroy(&grey);
}

static void test_picture_list_text_is_none(void **state)
{
	PIX *pix = drawn_pix(letter_drawn(0.96, 0.96, 0.96));
	struct sight sight = {0};
	struct picture_list list = {0};
	struct error err = {0};
	assert_true(sight_open(pix, 300, &sight, &err));
	assert_true(
	    picture_list_find(&sight.reduced, sight.reduced_dpi, &sight.paper, &list, &err));
	assert_int_equal(list.n, 0);
	picture_list_release(&list);
	sight_release(&sight);
	pixDestroy(&pix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encode_page_red_stamp_stays_red),
	    cmocka_unit_test(test_encode_page_mixed_is_small),
	    cmocka_unit_test(test_encode_page_photo_keeps_its_resolution),
	    cmocka_unit_test(test_encode_page_faint_pencil_falls_back),
	    cmocka_unit_test(test_guard_measure_sees_a_lost_line),
	    cmocka_unit_test(test_guard_measure_damaged_layer),
	    cmocka_unit_test(test_picture_list_text_is_none),
	};
	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
