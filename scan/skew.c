#include "scan/skew.h"

#include <math.h>
#include <stdint.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

#define UP_SURE	  5.0 /* of the two counts, in standard deviations */
#define LEAST_INK 400 /* set bits below which nothing is measured */

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
}

bool skew_measure(const struct Pix *ink, bool orient, struct skew *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)ink, *turned = NULL, *straight = NULL;
	struct skew skew = {.orient_unsure = orient};
	int bits = 0;
	bool ok = false;

	if (pixCountPixels(lent, &bits, NULL) || bits < LEAST_INK || pixGetWidth(lent) < 64 ||
	    pixGetHeight(lent) < 64) {
		*out = skew;
		return true;
	}
	double score;
	sweep(lent, &skew.angle_deg, &skew.confidence, &score);
	if (orient) {
		double side_deg, side_confidence, side_score;
		turned = pixRotateOrth(lent, 1);
		if (!turned) {
			error_set(err, ERROR_SYSTEM, NULL, _("no memory to turn a page"));
			goto done;
		}
		sweep(turned, &side_deg, &side_confidence, &side_score);
		bool sideways = side_confidence > SKEW_SURE && side_score > 1.3 * score;
		PIX *lines = sideways ? turned : lent;
		double angle_deg = sideways ? side_deg : skew.angle_deg;
		float up = 0, left = 0;
		if (fabs(angle_deg) >= 0.3) {
			straight = pixRotate(lines, (float)(-angle_deg * M_PI / 180),
			    L_ROTATE_SHEAR, L_BRING_IN_WHITE, 0, 0);
			lines = straight ? straight : lines;
		}
		(void)left;
		if (!pixUpDownDetect(lines, &up, 0, 0, 0) && fabs((double)up) >= UP_SURE &&
		    (sideways ? side_confidence : skew.confidence) > SKEW_SURE) {
			skew.orient_unsure = false;
			skew.orient_confidence = fabs((double)up);
			skew.rotate_deg = (sideways ? 90 : 0) + (up < 0 ? 180 : 0);
		}
		/* the angle is the same for all four; measured along the lines it is the better one
		 */
		if (sideways) {
			skew.angle_deg = side_deg;
			skew.confidence = side_confidence;
		}
	}
	if (skew.confidence <= 0)
		skew.angle_deg = 0;
	*out = skew;
	ok = true;
done:
	pixDestroy(&turned);
	pixDestroy(&straight);
	return ok;
}
