/*
 * Pictures and filled areas on a page: what stays darker than paper over more than a pen's stroke.
 *
 * Method: the brightest pixel of each small square, so that print vanishes between its letters;
 * an opening of 2.5 mm; then by the spread of its values a piece is a picture or a flat filling.
 */
#ifndef ALTAKT_SCAN_PICTURE_H
#define ALTAKT_SCAN_PICTURE_H

#include "scan/ground.h"
#include "scan/plane.h"

struct picture {
	int x, y, w, h; /* in pixels of the plane */
	double mm2;	/* of what is dark in it */
	bool textured;	/* a photograph; else a flat filling */
	int level;	/* mean luminance */
};

struct picture_list { /* {0} is empty */
	struct picture *pictures;
	int n;
	double textured_mm2, flat_mm2; /* flat: only greys; black and nearly white are none */
};

/* luma is not normalised, about 150 dpi; paper its ground. */
bool picture_list_find(const struct plane *luma, double dpi, const struct ground *paper,
    struct picture_list *out, struct error *err);
void picture_list_release(struct picture_list *list); /* leaves {0} */

#endif
