/*
 * Where the paper lies on the scanner's background, and what of the image is not paper.
 *
 * Method: what is dark and joined to the image's border in pieces thicker than a stroke is
 * background, and so is what is as bright as a white lid around darker paper, where no ink lies
 * beyond the edges; along each side the places where it ends give a straight edge by consensus
 * (RANSAC, Fischler and Bolles 1981), so that a torn corner does not tilt it. Dark discs of a
 * punch's size near an edge are holes.
 */
#ifndef ALTAKT_SCAN_CROP_H
#define ALTAKT_SCAN_CROP_H

#include "scan/plane.h"

enum side { SIDE_LEFT, SIDE_TOP, SIDE_RIGHT, SIDE_BOTTOM };

struct edge { /* left, right: x = at + slope * y; top, bottom: y = at + slope * x; in raw pixels */
	bool found;
	double at, slope;
	double share; /* of the side's length that agrees */
	double agree; /* of the places where the background ends */
};

struct crop { /* {0} is empty */
	int raw_width_px, raw_height_px;
	struct edge edge[4];
	struct plane
	    outside;   /* 255 where there is background or a hole; smaller than the raw image */
	int reduction; /* raw pixels to one of outside's, exactly; what is left over at the end
			  belongs to the last */
	bool any_outside;
	double seam_px; /* left out along each edge */
	int holes;
	double skew_deg;	/* of the paper's edges, clockwise */
	double skew_confidence; /* 0: no edges; 1: two edges or more that agree */
};

struct crop_box { /* in the straightened frame: raw pixels from the raw image's middle */
	double left, top, right, bottom;
};

/* luma is the raw image reduced to reduced_dpi (about 150). On a bitonal image paper and a white
 * lid look alike: only a dark background is looked for. */
bool crop_find(const struct plane *luma, double reduced_dpi, int raw_width_px, int raw_height_px,
    bool bitonal, struct crop *out, struct error *err);
void crop_release(struct crop *crop); /* leaves {0} */

/* The paper's box once it is turned back by skew_deg; sides without an edge stay where the image
 * ends. */
void crop_box_find(const struct crop *crop, double skew_deg, struct crop_box *box);

#endif
