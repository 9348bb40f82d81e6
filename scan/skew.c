#include "scan/skew.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

#define UP_SURE		5.0 /* of the two counts, in half standard deviations */
#define UP_LIKELY	2.0 /* enough where the letters' feet say the same */
#define FEET_LIKELY	4.0
#define BOTH_SURE	9.0  /* the two together */
#define FEET_CLEAR	12.0 /* then their word alone */
#define CLEAR_LINES	8.0
#define CLEAR_TEXT	8.0
#define LEAST_LETTERS	10 /* with an ascender or descender: two lines have as many */
#define STEEP_DEG	4.0 /* from here on a shear is no rotation: measured again once it is small */
#define LETTER_PX	7   /* at 150 dpi, as what follows */
#define LETTER_LIMIT_PX 60
#define RULE_PX		60 /* 10 mm: longer than any stroke of a letter */
#define LETTERS_LIMIT	30000
#define SWEEP_DEG	(SKEW_LIMIT_DEG + 2) /* an angle at a sweep's end is not believed */
#define LEAST_INK	400		     /* set bits below which nothing is measured */

struct letter {
	int x, y, w, h;
};

/* The angle (clockwise as found), its confidence, and the score of the rows at that angle. */
static void sweep(PIX *ink, double *angle_deg, double *confidence, double *score)
{
	float angle = 0, conf = 0, end = 0;
	*angle_deg = *confidence = *score = 0;
	if (pixFindSkewSweepAndSearchScore(
		ink, &angle, &conf, &end, 4, 1, 0.0f, (float)SWEEP_DEG, 1.0f, 0.01f))
		return;
	if (fabs(angle) > SKEW_LIMIT_DEG + 0.2)
		return;
	*angle_deg = -(double)angle;
	*confidence = conf;
	*score = end;
	if (fabs(angle) < STEEP_DEG || conf < (float)SKEW_SURE)
		return;
	PIX *turned = pixRotate(
	    ink, (float)(angle * (float)M_PI / 180), L_ROTATE_SHEAR, L_BRING_IN_WHITE, 0, 0);
	if (turned &&
	    !pixFindSkewSweepAndSearchScore(
		turned, &angle, &conf, &end, 2, 1, 0.0f, 1.0f, 0.25f, 0.01f) &&
	    conf >= (float)SKEW_SURE && fabs(angle) < 1) {
		*angle_deg -= (double)angle;
		*score = end;
	}
	pixDestroy(&turned);
}

/*
 * The ink straightened, and without rules: letters that stand on the lines of a table look as if
 * they hung from them. Gives; NULL without memory.
 */
static PIX *letters_straight(PIX *ink, double angle_deg)
{
	PIX *straight;
	if (fabs(angle_deg) >= 0.3)
		straight = pixRotate(
		    ink, (float)(-angle_deg * M_PI / 180), L_ROTATE_SHEAR, L_BRING_IN_WHITE, 0, 0);
	else
		straight = pixCopy(NULL, ink);
	PIX *along = straight ? pixOpenCompBrick(NULL, straight, RULE_PX, 1) : NULL;
	PIX *across = along ? pixOpenCompBrick(NULL, straight, 1, RULE_PX) : NULL;
	if (across) {
		pixSubtract(straight, straight, along);
		pixSubtract(straight, straight, across);
	} else {
		pixDestroy(&straight);
	}
	pixDestroy(&along);
	pixDestroy(&across);
	return straight;
}

/* How sure (sign: which way) lines of text that run along the rows stand upright. */
static double upright(PIX *ink, double angle_deg)
{
	PIX *straight = letters_straight(ink, angle_deg);
	float up = 0;
	if (!straight || pixUpDownDetect(straight, &up, LEAST_LETTERS, 0, 0))
		up = 0;
	pixDestroy(&straight);
	return (double)up;
}

static int by_foot(const void *a, const void *b)
{
	const struct letter *p = a, *q = b;
	return p->y + p->h != q->y + q->h ? p->y + p->h - q->y - q->h : p->x - q->x;
}

/* The nearest letter of the same line to the right of letters[i], -1: none. */
static int neighbour(const struct letter *letters, int n, int i)
{
	const struct letter *p = &letters[i];
	int best = -1;
	for (int step = -1; step <= 1; step += 2)
		for (int k = i + step; k >= 0 && k < n; k += step) {
			const struct letter *q = &letters[k];
			if (abs(q->y + q->h - p->y - p->h) > p->h / 2)
				break;
			int gap = q->x - (p->x + p->w);
			if (gap < 0 || gap > p->h || abs(q->y - p->y) > p->h || 2 * q->h < p->h ||
			    2 * p->h < q->h)
				continue;
			if (best < 0 || q->x < letters[best].x)
				best = k;
		}
	return best;
}

/*
 * How sure (sign: which way) letters stand on their feet: neighbours share their baseline and
 * differ at the top more often than the other way round, since there are many more ascenders and
 * capitals than descenders. Digits say nothing. In the unit of upright().
 */
static bool feet(PIX *ink, double angle_deg, double *up, struct error *err)
{
	PIX *straight = letters_straight(ink, angle_deg);
	BOXA *boxes = straight ? pixConnCompBB(straight, 8) : NULL;
	int n_boxes = boxes ? boxaGetCount(boxes) : 0, n = 0, above = 0, below = 0;
	struct letter *letters =
	    n_boxes < LETTERS_LIMIT ? calloc((size_t)n_boxes + 1, sizeof *letters) : NULL;
	bool ok = straight && (letters || n_boxes >= LETTERS_LIMIT);

	*up = 0;
	for (int i = 0; letters && i < n_boxes; i++) {
		struct letter *p = &letters[n];
		boxaGetBoxGeometry(boxes, i, &p->x, &p->y, &p->w, &p->h);
		n += p->h >= LETTER_PX && p->h <= LETTER_LIMIT_PX && p->w >= 2 && p->w <= 2 * p->h;
	}
	if (letters)
		qsort(letters, (size_t)n, sizeof *letters, by_foot);
	for (int i = 0; i < n; i++) {
		int k = neighbour(letters, n, i);
		if (k < 0)
			continue;
		const struct letter *p = &letters[i], *q = &letters[k];
		int most = p->h > q->h ? p->h : q->h, alike = 1 + most / 20,
		    differ = 1 + most / 6 > alike ? 1 + most / 6 : alike + 1;
		int head = abs(p->y - q->y), foot = abs(p->y + p->h - q->y - q->h);
		above += foot <= alike && head >= differ;
		below += head <= alike && foot >= differ;
	}
	if (above + below >= LEAST_LETTERS)
		*up = 2 * (above - below) / sqrt(above + below);
	free(letters);
	boxaDestroy(&boxes);
	pixDestroy(&straight);
	return ok || error_set(err, ERROR_SYSTEM, NULL, _("no memory to turn a page"));
}

/* The two words together: 0 where they speak against each other. */
static double weigh(double up, double stand)
{
	if (fabs(stand) >= FEET_CLEAR) /* decimal commas look like descenders, feet do not mind */
		return stand;
	if (stand * up < 0)
		return fabs(stand) >= FEET_LIKELY ? 0 : up;
	if (fabs(up) >= UP_LIKELY && fabs(stand) >= FEET_LIKELY &&
	    fabs(up) + fabs(stand) >= BOTH_SURE)
		return copysign(fmax(fabs(up), UP_SURE), up);
	return up;
}

bool skew_measure(const struct Pix *ink, bool orient, struct skew *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)ink;
	struct skew skew = {.orient_unsure = orient};
	int bits = 0;

	if (pixCountPixels(lent, &bits, NULL) || bits < LEAST_INK || pixGetWidth(lent) < 64 ||
	    pixGetHeight(lent) < 64) {
		*out = skew;
		return true;
	}
	double score, up = 0;
	sweep(lent, &skew.angle_deg, &skew.confidence, &score);
	bool sideways = false;
	double stand = 0;
	if (orient) {
		PIX *turned = NULL;
		bool ok = true;
		if (skew.confidence > SKEW_SURE) {
			up = upright(lent, skew.angle_deg);
			ok = feet(lent, skew.angle_deg, &stand, err);
		}
		/* clear lines of clear text need no second look */
		if (ok && (skew.confidence < CLEAR_LINES || fabs(up) < CLEAR_TEXT)) {
			double side_deg, side_confidence, side_score;
			turned = pixRotateOrth(lent, 1);
			if (!turned)
				return error_set(
				    err, ERROR_SYSTEM, NULL, _("no memory to turn a page"));
			sweep(turned, &side_deg, &side_confidence, &side_score);
			double side_up =
			    side_confidence > SKEW_SURE ? upright(turned, side_deg) : 0;
			sideways = side_confidence > SKEW_SURE &&
			    (side_score > 1.3 * score ||
				(2 * side_score > score && fabs(side_up) > 2 * fabs(up) &&
				    fabs(side_up) > CLEAR_TEXT));
			if (sideways) {
				/* the angle is the same for all four; measured along the lines it
				 * is better */
				skew.angle_deg = side_deg;
				skew.confidence = side_confidence;
				up = side_up;
				ok = feet(turned, side_deg, &stand, err);
			}
			pixDestroy(&turned);
		}
		if (!ok)
			return false;
		up = weigh(up, stand);
		if (fabs(up) >= UP_SURE && skew.confidence > SKEW_SURE) {
			skew.orient_unsure = false;
			skew.orient_confidence = fabs(up);
			skew.rotate_deg = (sideways ? 90 : 0) + (up < 0 ? 180 : 0);
		}
	}
	if (skew.confidence <= 0)
		skew.angle_deg = 0;
	*out = skew;
	return true;
}
