/*
 * The one resampling at full resolution: turns, crops and fills a raw image in a single pass.
 */
#ifndef ALTAKT_SCAN_TURN_H
#define ALTAKT_SCAN_TURN_H

#include "scan/crop.h"
#include "scan/ground.h"

struct Pix;

struct turn {
	double skew_deg;	 /* turned back by this, clockwise positive as found */
	int rotate_deg;		 /* then turned clockwise: 0 90 180 270 */
	struct crop_box box;	 /* of the straightened, not yet rotated page */
	const struct crop *crop; /* its outside is filled with paper; may be NULL */
	const struct ground
	    *paper;	    /* one (depth 8) or three (32): the fill's colour; NULL: white */
	double paper_scale; /* raw pixels to a pixel of the plane the ground was measured on */
};

/* Bilinear for depth 8 and 32, by shear for depth 1. raw is borrowed; *out is yours. */
bool turn_page(const struct Pix *raw, const struct turn *turn, struct Pix **out, struct error *err);

#endif
