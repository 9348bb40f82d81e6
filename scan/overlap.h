/*
 * Two sheets that went through as one and lap over each other, seen in the image of one side. Told
 * only where nothing else looks alike, so that a stack of ordinary paper never stops for it:
 *
 *	  ┌─────────┐ · notch     The outline: two sheets of one width, shifted against
 *	  │         ├─┐           each other, leave a notch at two opposite corners, both
 *	  │         │ │           of the same size, with straight sides and a square
 *	  │ ─ ─ ─ ─ ┘ │ edge      corner. The edge: one such notch, and a line that goes
 *	  └─┐         │           on from it across the paper to its other side. The
 *	    └─────────┘           length: a sheet as wide as A4 or A5 but longer, with a
 *	· notch                   line across where a sheet of that width would end.
 *
 * All of it wants the paper's outline against a dark background. No sign is a fold or a ruled line
 * alone, a torn corner, a tab, a slip that stands out. Blind to sheets that lie exactly upon each
 * other, to images that the device has cut to the paper or filled up with white, and to edges
 * without a shadow where the outline does not tell.
 */
#ifndef ALTAKT_SCAN_OVERLAP_H
#define ALTAKT_SCAN_OVERLAP_H

#include <stdbool.h>

#include "config/error.h"

struct Pix;

enum overlap {
	OVERLAP_NONE,
	OVERLAP_OUTLINE, /* two notches */
	OVERLAP_NOTCH,	 /* one, and an edge */
	OVERLAP_LENGTH,	 /* too long, and an edge */
};

/*
 * pix  borrowed; depth 1, 8 or 32, as the device delivered it, or reduced to 75 dpi and more
 * dpi  its true resolution; 0 where unknown: then OVERLAP_NONE
 * out  filled
 * err  ERROR_SYSTEM: no memory
 *
 * Grey A4 of 150 dpi: 1 to 3 ms where no background is seen, 10 to 15 where there is. Any thread.
 */
bool overlap_find(const struct Pix *pix, double dpi, enum overlap *out, struct error *err);

#endif
