/*
 * A page as its encoders look at it: luminance at full resolution, and reduced to about 150 dpi
 * with ground, ink and pictures. Made once for each page.
 */
#ifndef ALTAKT_SCAN_SIGHT_H
#define ALTAKT_SCAN_SIGHT_H

#include "scan/ground.h"
#include "scan/ink.h"
#include "scan/picture.h"
#include "scan/plane.h"

struct sight { /* {0} is empty */
	double dpi;
	struct plane luma; /* full resolution */
	int reduction;	   /* of what follows */
	double reduced_dpi;
	struct plane reduced, normal;
	struct ground paper;
	double grain;
	struct ink ink;
	int threshold; /* Otsu's, of the normalised page */
};

/* page has depth 8 or 32. */
bool sight_open(const struct Pix *page, double dpi, struct sight *out, struct error *err);
void sight_release(struct sight *sight); /* leaves {0} */

/*
 * The ink as bits at full resolution: below the normalised threshold, and, where faint is not NULL
 * (of normal's size), below faint_threshold at its marked places. Gives.
 */
bool sight_bits(const struct sight *sight, int threshold, const struct plane *faint,
    int faint_threshold, struct Pix **out, struct error *err);

#endif
