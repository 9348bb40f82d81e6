#include "scan/skew.h"

#include <math.h>
#include <stdint.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

#define UP_SURE	      5.0 /* of the two counts, in standard deviations */
#define CLEAR_LINES   8.0
#define CLEAR_TEXT    8.0
#define LEAST_LETTERS 10  /* with an ascender or descender: two lines have as many */
#define STEEP_DEG     4.0 /* from here on a shear is no rotation: measured again once it is small */
#define LEAST_INK     400 /* set bits below which nothing is measured */

/* The angle (clockwise as found), its confidence, and the score of the rows at that angle. */
static void sweep(PIX *ink, double *angle_deg, double *confidence, double *score)
{
	float angle = 0, conf = 0, end = 0;
	*angle_deg = *confidence = *score = 0;
	if (pixFindSkewSweepAndSearchScore(
		ink, &angle, &conf, &end, 4, 1, 0.0f, (float)SKEW_LIMIT_DEG, 1.0f, 0.01f))
		return;
	if (fabs(angle) > SKEW_LIMIT_DEG)
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

/* How sure (sign: which way) lines of text that run along the rows stand upright. */
static double upright(PIX *ink, double angle_deg)
{
	PIX *straight = NULL;
	float up = 0;
	if (fabs(angle_deg) >= 0.3)
		straight = pixRotate(
		    ink, (float)(-angle_deg * M_PI / 180), L_ROTATE_SHEAR, L_BRING_IN_WHITE, 0, 0);
	if (pixUpDownDetect(straight ? straight : ink, &up, LEAST_LETTERS, 0, 0))
		up = 0;
	pixDestroy(&straight);
	return (double)up;
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
	if (orient) {
		if (skew.confidence > SKEW_SURE)
			up = upright(lent, skew.angle_deg);
		/* clear lines of clear text need no second look */
		if (skew.confidence < CLEAR_LINES || fabs(up) < CLEAR_TEXT) {
			double side_deg, side_confidence, side_score;
			PIX *turned = pixRotateOrth(lent, 1);
			if (!turned)
				return error_set(
				    err, ERROR_SYSTEM, NULL, _("no memory to turn a page"));
			sweep(turned, &side_deg, &side_confidence, &side_score);
			double side_up =
			    side_confidence > SKEW_SURE ? upright(turned, side_deg) : 0;
			sideways = side_confidence > SKEW_SURE &&
			    (side_score > 1.3 * score ||
				(fabs(side_up) > 2 * fabs(up) && fabs(side_up) > CLEAR_TEXT));
			if (sideways) {
				/* the angle is the same for all four; measured along the lines it
				 * is better */
				skew.angle_deg = side_deg;
				skew.confidence = side_confidence;
				up = side_up;
			}
			pixDestroy(&turned);
		}
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
