/*
 * The inks of a page: which colours were written with, and one stencil of full resolution for each.
 *
 * Method: what a place absorbs of the paper's light, summed over its neighbourhood, does not
 * depend on how much of it the stroke covers; its hue tells the ink. The hues that occur are found
 * as peaks of their histogram, so that stamp, signature and print each get their own.
 */
#ifndef ALTAKT_SCAN_STENCIL_H
#define ALTAKT_SCAN_STENCIL_H

#include <stdint.h>

#include "scan/plane.h"

struct Pix;

#define STENCIL_LIMIT 6

struct stencil {
	struct Pix *bits; /* depth 1, full resolution, yours */
	uint8_t rgb[3];
	int n_bits;
};

struct stencil_list { /* {0} is empty */
	struct stencil stencils[STENCIL_LIMIT];
	int n;
};

/*
 * page      depth 8 or 32
 * ink       all ink, depth 1, of the page's size
 * rgb       the page's three planes reduced by `reduction`; NULL for a grey page
 * faint     255 where pencil and the like were found, of rgb's size (or any reduction), may be NULL
 * dpi       of the page
 */
bool stencil_list_find(const struct Pix *page, const struct Pix *ink, const struct plane *rgb,
    int reduction, const struct plane *faint, double dpi, struct stencil_list *out,
    struct error *err);
void stencil_list_release(struct stencil_list *list); /* leaves {0} */

#endif
