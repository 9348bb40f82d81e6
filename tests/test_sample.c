#include <allheaders.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/cover.h"
#include "scan/sample.h"

static PIX *drawn(const struct sample_page *page, char **text)
{
	struct error err = {0};
	PIX *pix = NULL;

	assert_true(sample_draw(page, &pix, text, &err));
	assert_int_equal(pixGetDepth(pix), 32);
	return pix;
}

/* Share of pixels darker than the limit, in thousandths. */
static double dark_permille(PIX *pix, int limit)
{
	PIX *grey = pixConvertRGBToLuminance(pix), *ink = pixThresholdToBinary(grey, limit);
	l_int32 n = 0;

	pixCountPixels(ink, &n, NULL);
	pixDestroy(&grey);
	pixDestroy(&ink);
	return 1000.0 * n / pixGetWidth(pix) / pixGetHeight(pix);
}

static void test_sample_draw_is_the_same_from_the_same_seed(void **state)
{
	struct sample_page page = {
	    .kind = SAMPLE_COLOUR, .seed = 7, .skew_deg = 1.5, .noise = true, .dpi = 100};
	char *first_text, *second_text;
	PIX *first = drawn(&page, &first_text), *second = drawn(&page, &second_text);
	l_int32 same = 0;

	pixEqual(first, second, &same);
	assert_true(same);
	assert_string_equal(first_text, second_text);
	pixDestroy(&second);
	free(second_text);
	page.seed = 8;
	second = drawn(&page, &second_text);
	pixEqual(first, second, &same);
	assert_false(same);
	assert_string_not_equal(first_text, second_text);
	pixDestroy(&first);
	pixDestroy(&second);
	free(first_text);
	free(second_text);
}

static void test_sample_draw_every_kind_has_its_words(void **state)
{
	static const struct {
		enum sample_kind kind;
		size_t least;
		const char *piece;
	} kinds[] = {{SAMPLE_LETTER, 700, "Mit freundlichen Grüßen"},
	    {SAMPLE_FORM, 500, "Familienname, Vorname"}, {SAMPLE_MINUTES, 2500, "Niederschrift"},
	    {SAMPLE_COLOUR, 400, "Unser Zeichen: 33."}, {SAMPLE_PHOTO, 100, "Lichtbild zum Antrag"},
	    {SAMPLE_FEW_WORDS, 30, " "}, {SAMPLE_BLANK, 0, ""}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (uint32_t seed = 1; seed < 6; seed++) {
			struct sample_page page = {.kind = kinds[i].kind, .seed = seed, .dpi = 60};
			char *text = NULL;
			PIX *pix = drawn(&page, &text);
			assert_true(strlen(text) >= kinds[i].least);
			assert_non_null(strstr(text, kinds[i].piece));
			assert_true(text_utf8(text, strlen(text)));
			assert_null(strchr(text, '%'));
			if (kinds[i].kind == SAMPLE_BLANK)
				assert_true(dark_permille(pix, 250) == 0);
			else
				assert_true(dark_permille(pix, 128) > 1);
			pixDestroy(&pix);
			free(text);
		}
}

static void test_sample_draw_given_words(void **state)
{
	struct sample_page page = {.kind = SAMPLE_LETTER,
	    .seed = 3,
	    .dpi = 60,
	    .words = "Übergröße kostet 12,50 EUR\n\nEnde"};
	char *text = NULL;
	PIX *pix = drawn(&page, &text);

	assert_string_equal(text, "Übergröße kostet 12,50 EUR\nEnde\n");
	pixDestroy(&pix);
	free(text);
}

static void test_sample_draw_size_and_background(void **state)
{
	static const struct {
		bool black;
		int rotate_deg, w, h;
	} cases[] = {{false, 0, 2480, 3508}, {false, 90, 3508, 2480}, {true, 0, 2551, 3579},
	    {true, 270, 3579, 2551}};

	for (size_t i = 0; i < 4; i++) {
		struct sample_page page = {.kind = SAMPLE_BLANK,
		    .seed = 1,
		    .background_black = cases[i].black,
		    .rotate_deg = cases[i].rotate_deg,
		    .skew_deg = 1};
		PIX *pix = drawn(&page, NULL);
		assert_int_equal(pixGetWidth(pix), cases[i].w);
		assert_int_equal(pixGetHeight(pix), cases[i].h);
		assert_int_equal(pixGetXRes(pix), 300);
		double dark = dark_permille(pix, 128);
		assert_true(cases[i].black ? dark > 20 && dark < 80 : dark == 0);
		pixDestroy(&pix);
	}
}

static void test_sample_draw_noise_and_holes_are_there(void **state)
{
	struct sample_page page = {.kind = SAMPLE_BLANK, .seed = 1, .dpi = 150};

	PIX *pix = drawn(&page, NULL);
	l_int32 colours = 0;
	pixNumColors(pix, 1, &colours);
	assert_int_equal(colours, 1);
	pixDestroy(&pix);

	page.show_through = true;
	pix = drawn(&page, NULL);
	assert_true(dark_permille(pix, 253) > 5);
	assert_true(dark_permille(pix, 200) == 0);
	pixDestroy(&pix);

	page.holes = page.background_black = page.noise = true;
	page.show_through = false;
	pix = drawn(&page, NULL);
	/* the middle of the upper hole: 12 mm from the left, 40 mm above the middle */
	l_uint32 hole = 0, paper = 0;
	pixGetPixel(pix, (int)(15 / 25.4 * 150), (int)((3 + 148.5 - 40) / 25.4 * 150), &hole);
	pixGetPixel(pix, (int)(15 / 25.4 * 150), (int)((3 + 148.5) / 25.4 * 150), &paper);
	assert_true((hole >> 24) < 60);
	assert_true((paper >> 24) > 200);
	pixDestroy(&pix);
}

static void test_sample_cover_is_read_again(void **state)
{
	static const struct cover cover = {"33/4711-Ä", 3, "T-0001", 17};
	struct error err = {0};

	for (int turned = 0; turned < 360; turned += 90) {
		struct sample_page page = {.seed = 9,
		    .skew_deg = turned / 90.0 - 1.5,
		    .rotate_deg = turned,
		    .background_black = turned == 90,
		    .holes = true,
		    .noise = true,
		    .dpi = 200};
		struct cover found = {0};
		PIX *pix = NULL;
		assert_true(sample_cover(&cover, &page, &pix, &err));
		assert_int_equal(cover_read(pix, 200, &found), COVER_VALID);
		assert_string_equal(found.file_number, cover.file_number);
		assert_int_equal(found.volume, 3);
		assert_string_equal(found.serial, "T-0001");
		pixDestroy(&pix);
	}
}

static void test_sample_pages_are_no_cover_sheets(void **state)
{
	for (int kind = SAMPLE_LETTER; kind <= SAMPLE_BLANK; kind++) {
		struct sample_page page = {.kind = (enum sample_kind)kind,
		    .seed = 4,
		    .skew_deg = -2,
		    .background_black = kind & 1,
		    .holes = true,
		    .show_through = true,
		    .noise = true,
		    .dpi = 200};
		struct cover found;
		PIX *pix = drawn(&page, NULL);
		assert_int_equal(cover_read(pix, 200, &found), COVER_NONE);
		pixDestroy(&pix);
	}
}

static void test_sample_stack_write_in_name_order(void **state)
{
	static const struct cover cover = {"1/1", 1, "T-1", -1};
	char folder[] = "/tmp/altakt-sample-XXXXXX";
	struct error err = {0};
	struct sample_sheet sheets[2] = {
	    {{.dpi = 60}, {.dpi = 60}, &cover},
	    {{.kind = SAMPLE_FEW_WORDS, .dpi = 60, .words = "Vorderseite"},
		{.kind = SAMPLE_BLANK, .dpi = 60}, NULL},
	};
	static const char *const names[] = {"0007-1.jpg", "0007-2.jpg", "0008-1.jpg", "0008-2.jpg"};
	size_t n_bytes;

	assert_non_null(mkdtemp(folder));
	char *stack = file_path("%s/stack", folder), *words = file_path("%s/words", folder);
	assert_true(sample_stack_write(stack, sheets, 2, 7, false, words, &err));
	for (size_t i = 0; i < 4; i++) {
		char *path = file_path("%s/%s", stack, names[i]);
		/* The simulator feeds by name: front before back, sheet after sheet. */
		assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
		l_int32 w, h;
		PIX *pix = pixRead(path);
		assert_non_null(pix);
		pixGetDimensions(pix, &w, &h, NULL);
		assert_int_equal(w, 496);
		assert_int_equal(pixGetXRes(pix), 60);
		pixDestroy(&pix);
		free(path);
	}
	char *path = file_path("%s/0008-1.txt", words);
	char *text = file_read(path, 1000, &n_bytes, &err);
	assert_string_equal(text, "Vorderseite\n");
	free(text);
	free(path);
	free(words);

	words = file_path("%s/0007-1.jpg/stack", stack); /* a file is in the way */
	assert_false(sample_stack_write(words, sheets, 2, 1, true, NULL, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "0007-1.jpg"));
	free(words);
	free(stack);
	assert_true(file_remove(folder, &err));
}

static void test_sample_draw_time(void **state)
{
	struct timespec from, to;

	for (int kind = SAMPLE_LETTER; kind <= SAMPLE_BLANK; kind++) {
		struct sample_page page = {.kind = (enum sample_kind)kind,
		    .seed = 2,
		    .skew_deg = 1,
		    .background_black = true,
		    .show_through = true,
		    .noise = true};
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		PIX *pix = drawn(&page, NULL);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		print_message("kind %d: %.0f ms of processor time\n", kind,
		    (double)(to.tv_sec - from.tv_sec) * 1e3 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e6);
		pixDestroy(&pix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sample_draw_is_the_same_from_the_same_seed),
	    cmocka_unit_test(test_sample_draw_every_kind_has_its_words),
	    cmocka_unit_test(test_sample_draw_given_words),
	    cmocka_unit_test(test_sample_draw_size_and_background),
	    cmocka_unit_test(test_sample_draw_noise_and_holes_are_there),
	    cmocka_unit_test(test_sample_cover_is_read_again),
	    cmocka_unit_test(test_sample_pages_are_no_cover_sheets),
	    cmocka_unit_test(test_sample_stack_write_in_name_order),
	    cmocka_unit_test(test_sample_draw_time),
	};
	setMsgSeverity(L_SEVERITY_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
