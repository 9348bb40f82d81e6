#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <leptonica/allheaders.h>

#include "ocr/farm_image.h"

static PIX *noise(int width, int height, int depth)
{
	PIX *pix = pixCreate(width, height, depth);
	uint32_t random = 7;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			random = random * 1664525u + 1013904223u;
			pixSetPixel(pix, x, y, random >> 24 & (depth == 1 ? 1 : 255));
		}
	return pix;
}

static void test_farm_image_comes_back_the_same(void **state)
{
	static const int sizes[][2] = {{1, 1}, {31, 5}, {32, 4}, {33, 7}, {1654, 20}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int depth = 1; depth <= 8; depth += 7) {
			PIX *pix = noise(sizes[i][0], sizes[i][1], depth), *back = NULL;
			struct error err = {0};
			uint8_t *data = NULL;
			size_t n = 0;
			int same = 0;

			assert_true(farm_image_pack(pix, &data, &n, &err));
			assert_true(farm_image_unpack(
			    data, n, sizes[i][0], sizes[i][1], depth, &back, &err));
			pixEqual(pix, back, &same);
			assert_int_equal(same, 1);
			pixDestroy(&back);
			pixDestroy(&pix);
			free(data);
		}
}

static void test_farm_image_that_is_none(void **state)
{
	PIX *pix = noise(200, 100, 1), *back = NULL;
	struct error err = {0};
	uint8_t *data = NULL;
	size_t n = 0;

	assert_true(farm_image_pack(pix, &data, &n, &err));
	static const int lies[][3] = {{200, 101, 1}, {2000, 10, 1}, {200, 100, 8}, {200, 100, 32},
	    {0, 100, 1}, {200, -1, 1}, {1 << 30, 1 << 30, 8}};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		assert_false(
		    farm_image_unpack(data, n, lies[i][0], lies[i][1], lies[i][2], &back, &err));
		assert_int_equal(err.kind, ERROR_INPUT);
	}
	for (size_t cut = 0; cut < n; cut += 1 + n / 50) {
		uint8_t *part = malloc(cut + 1); /* so that reading beyond its end is seen */
		memcpy(part, data, cut);
		assert_false(farm_image_unpack(part, cut, 200, 100, 1, &back, &err));
		free(part);
	}
	for (size_t at = 0; at < n; at += 7) { /* whatever it becomes, it is bounded */
		uint8_t kept = data[at];
		data[at] ^= 0x55;
		if (farm_image_unpack(data, n, 200, 100, 1, &back, &err))
			pixDestroy(&back);
		data[at] = kept;
	}
	assert_null(back);
	free(data);
	pixDestroy(&pix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_farm_image_comes_back_the_same),
	    cmocka_unit_test(test_farm_image_that_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
