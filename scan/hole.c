#include "scan/hole.h"

#include <math.h>

#define APART_MM     80.0 /* ISO 838; German four-hole filing too */
#define TOLERANCE_MM 3.0
#define SMALLEST_MM  3.5 /* a hole has 5 to 7 mm; part of its rim may be too pale to be seen */
#define LARGEST_MM   8.0
#define EDGE_MM	     22.0 /* the middle of a hole lies 12 mm from the edge */
#define FILLED_MOST  0.4  /* of its box: a ring has little in it, writing this large has more */

static bool is_ring(const struct ink_piece *p, double mm)
{
	double longest = fmax(p->w, p->h), narrow = fmin(p->w, p->h);

	return longest >= SMALLEST_MM * mm && longest <= LARGEST_MM * mm && narrow >= longest / 4 &&
	    p->area <= FILLED_MOST * p->w * p->h;
}

bool hole_rim(const struct ink *ink, int i, int width_px, int height_px, double dpi)
{
	const struct ink_piece *p = &ink->pieces[i];
	double mm = dpi / 25.4, x = p->x + p->w / 2.0, y = p->y + p->h / 2.0;
	bool beside = fmin(x, width_px - x) < EDGE_MM * mm;
	bool above = fmin(y, height_px - y) < EDGE_MM * mm;

	if (!is_ring(p, mm) || (!beside && !above))
		return false;
	for (int k = 0; k < ink->n; k++) {
		const struct ink_piece *q = &ink->pieces[k];
		if (k == i || !is_ring(q, mm))
			continue;
		double dx = fabs(q->x + q->w / 2.0 - x), dy = fabs(q->y + q->h / 2.0 - y);
		double along = fmax(dx, dy), across = fmin(dx, dy);
		if (fabs(along - APART_MM * mm) > TOLERANCE_MM * mm || across > 0.08 * along)
			continue;
		if (dy > dx ? beside : above)
			return true;
	}
	return false;
}
