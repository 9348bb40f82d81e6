#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/hole.h"

#define DPI 150.0
#define MM  (DPI / 25.4)
#define W   ((int)(210 * MM))
#define H   ((int)(297 * MM))

/* A piece by its middle and size in mm, filled to a share of its box. */
static struct ink_piece piece(double x, double y, double w, double h, double filled)
{
	return (struct ink_piece){.x = (int)((x - w / 2) * MM),
	    .y = (int)((y - h / 2) * MM),
	    .w = (int)(w * MM),
	    .h = (int)(h * MM),
	    .area = (int)(filled * w * MM * h * MM)};
}

static void test_hole_rim_of_two_holes(void **state)
{
	static const struct {
		double x1, y1, x2, y2, w, h, filled;
		bool rim;
	} cases[] = {
	    {12, 108, 12, 188, 5.5, 5.5, 0.1, true},	/* as punched */
	    {198, 108, 198, 188, 5.5, 5.5, 0.1, true},	/* the back */
	    {65, 12, 145, 12, 5.5, 5.5, 0.1, true},	/* a page that lies on its side */
	    {12, 108, 15, 188, 5.5, 3, 0.25, true},	/* skewed, crescents */
	    {12, 108, 12, 168, 5.5, 5.5, 0.1, false},	/* 60 mm apart */
	    {100, 108, 100, 188, 5.5, 5.5, 0.1, false}, /* in the middle of the page */
	    {12, 108, 12, 188, 5.5, 5.5, 0.6, false},	/* filled */
	    {12, 108, 12, 188, 12, 12, 0.1, false},	/* too large */
	    {12, 108, 12, 188, 5.5, 0.5, 0.1, false},	/* strokes */
	    {12, 108, 40, 188, 5.5, 5.5, 0.1, false},	/* slanting */
	    {15, 60, 95, 60, 5.5, 5.5, 0.1, false},	/* across, but not at that edge */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ink_piece pieces[2] = {
		    piece(cases[i].x1, cases[i].y1, cases[i].w, cases[i].h, cases[i].filled),
		    piece(cases[i].x2, cases[i].y2, cases[i].w, cases[i].h, cases[i].filled)};
		struct ink ink = {pieces, 2};
		for (int k = 0; k < 2; k++)
			if (hole_rim(&ink, k, W, H, DPI) != cases[i].rim)
				fail_msg("case %zu, piece %d", i, k);
	}
}

static void test_hole_rim_never_alone(void **state)
{
	struct ink_piece one = piece(12, 108, 5.5, 5.5, 0.1);
	struct ink ink = {&one, 1};

	assert_false(hole_rim(&ink, 0, W, H, DPI));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hole_rim_of_two_holes),
	    cmocka_unit_test(test_hole_rim_never_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
