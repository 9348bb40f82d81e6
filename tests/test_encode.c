#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drawn.h"
#include "scan/encode.h"
#include "scan/g4.h"
#include "scan/jpeg.h"

static void test_g4_encode_comes_back(void **state)
{
	static const int sizes[][2] = {{1, 1}, {7, 3}, {32, 5}, {33, 70}, {1240, 900}};
	uint32_t seed = 5;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		PIX *bits = pixCreate(sizes[i][0], sizes[i][1], 1), *back = NULL;
		for (int y = 0; y < sizes[i][1]; y++)
			for (int x = 0; x < sizes[i][0]; x++) {
				seed = seed * 1664525u + 1013904223u;
				pixSetPixel(bits, x, y, (seed >> 24) < 40);
			}
		uint8_t *data = NULL;
		size_t n = 0;
		int same = 0;
		struct error err = {0};
		assert_true(g4_encode(bits, &data, &n, &err));
		assert_true(n > 0);
		assert_true(g4_decode(data, n, sizes[i][0], sizes[i][1], &back, &err));
		pixEqual(bits, back, &same);
		assert_true(same);
		free(data);
		pixDestroy(&bits);
		pixDestroy(&back);
	}
}

static void test_g4_decode_damaged(void **state)
{
	PIX *back = NULL;
	struct error err = {0};
	assert_false(g4_decode((const uint8_t *)"", 0, 10, 10, &back, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "empty"));
}

static void test_jpeg_decode_damaged(void **state)
{
	struct plane planes[3] = {0};
	struct error err = {0};
	int n = 0;
	assert_false(jpeg_decode((const uint8_t *)"no picture", 10, planes, &n, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "damaged"));
}

static void test_encode_page_bitonal(void **state)
{
	PIX *letter = drawn_letter();
	struct encoded_page page = {0};
	struct error err = {0};
	assert_true(encode_page(letter, 150, PAGE_BITONAL, &encode_options_standard, &page, &err));
	assert_int_equal(page.kind, PAGE_BITONAL);
	assert_int_equal(page.n_layers, 1);
	assert_int_equal(page.layers[0].kind, LAYER_G4);
	assert_int_equal(page.width_px, DRAWN_W);
	assert_float_equal(page.layers[0].h_px, DRAWN_H, 0.001);
	PIX *bits = NULL;
	assert_true(
	    g4_decode(page.layers[0].data, page.layers[0].n_bytes, DRAWN_W, DRAWN_H, &bits, &err));
	int ink = 0;
	pixCountPixels(bits, &ink, NULL);
	assert_true(ink > 20000 && ink < 400000);
	pixDestroy(&bits);
	encoded_page_release(&page);
	pixDestroy(&letter);
}

static void test_encode_page_keep_overrides(void **state)
{
	PIX *letter = drawn_letter();
	struct encode_options options = encode_options_standard;
	struct encoded_page page = {0};
	struct error err = {0};
	options.mixed = false;
	options.keep = KEEP_COLOUR;
	assert_true(encode_page(letter, 150, PAGE_BITONAL, &options, &page, &err));
	assert_int_equal(page.kind, PAGE_COLOUR);
	assert_int_equal(page.layers[0].kind, LAYER_JPEG);
	assert_int_equal(page.layers[0].channels, 3);
	encoded_page_release(&page);
	options.keep = KEEP_GREY;
	assert_true(encode_page(letter, 150, PAGE_COLOUR, &options, &page, &err));
	assert_int_equal(page.layers[0].channels, 1);
	encoded_page_release(&page);
	pixDestroy(&letter);
}

static void test_encode_page_coarse_is_plain_jpeg(void **state)
{
	PIX *letter = drawn_letter();
	struct encoded_page page = {0};
	struct error err = {0};
	assert_true(encode_page(letter, 75, PAGE_COLOUR, &encode_options_standard, &page, &err));
	assert_int_equal(page.kind, PAGE_COLOUR);
	assert_int_equal(page.n_layers, 1);
	assert_false(page.fell_back);
	encoded_page_release(&page);
	pixDestroy(&letter);
}

static void test_encode_page_unknown_depth(void **state)
{
	PIX *pix = pixCreate(40, 40, 4);
	struct encoded_page page = {0};
	struct error err = {0};
	assert_false(encode_page(pix, 150, PAGE_GREY, &encode_options_standard, &page, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "depth of 4"));
	pixDestroy(&pix);
}

static void test_encode_thumbnail_size(void **state)
{
	PIX *letter = drawn_letter();
	uint8_t *data = NULL;
	size_t n = 0;
	struct error err = {0};
	struct plane planes[3] = {0};
	int channels = 0;
	assert_true(encode_thumbnail(letter, 400, &data, &n, &err));
	assert_true(jpeg_decode(data, n, planes, &channels, &err));
	assert_int_equal(planes[0].height_px, 400);
	assert_int_equal(channels, 3);
	for (int c = 0; c < 3; c++)
		plane_release(&planes[c]);
	free(data);
	pixDestroy(&letter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_g4_encode_comes_back),
	    cmocka_unit_test(test_g4_decode_damaged),
	    cmocka_unit_test(test_jpeg_decode_damaged),
	    cmocka_unit_test(test_encode_page_bitonal),
	    cmocka_unit_test(test_encode_page_keep_overrides),
	    cmocka_unit_test(test_encode_page_coarse_is_plain_jpeg),
	    cmocka_unit_test(test_encode_page_unknown_depth),
	    cmocka_unit_test(test_encode_thumbnail_size),
	};
	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
