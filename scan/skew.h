/* How far a page's lines are turned, and which way is up. */
#ifndef ALTAKT_SCAN_SKEW_H
#define ALTAKT_SCAN_SKEW_H

#include <stdbool.h>

#include "config/error.h"

struct Pix;

struct skew {
	double angle_deg;  /* what was found, clockwise positive; 0 where confidence is 0 */
	double confidence; /* above SKEW_SURE it is one; 0: no lines */
	int rotate_deg;	   /* clockwise, 0 90 180 270: what makes the page upright */
	double orient_confidence;
	bool orient_unsure;
};

#define SKEW_LIMIT_DEG 15.0
#define SKEW_LEAST_DEG 0.1
#define SKEW_SURE      3.0

/*
 * ink   depth 1, about 150 dpi, without the scanner's background; borrowed
 *
 * Skew: Postl's differential square sum of the rows, by shear (Leptonica, skew.c), ±15° in one
 * sweep, then binary search. Orientation: the sum is larger along lines of text than across; up is
 * where ascenders outnumber descenders (Bloomberg, Kopec, Dasari 1995; Leptonica, flipdetect.c);
 * where these are few, where neighbouring letters share their feet rather than their heads.
 */
bool skew_measure(const struct Pix *ink, bool orient, struct skew *out, struct error *err);

#endif
