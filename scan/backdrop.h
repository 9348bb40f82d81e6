/*
 * The backdrop of a mixed page: its paper, without the ink that stencils paint, reduced. Where ink
 * was, the paper around it is drawn in by averages of ever larger squares ("pull-push", Gortler and
 * others 1996), so that nothing of a letter shines through and JPEG has smooth blocks to code.
 */
#ifndef ALTAKT_SCAN_BACKDROP_H
#define ALTAKT_SCAN_BACKDROP_H

#include "scan/plane.h"

struct Pix;

/*
 * planes      one or three, reduced by `reduction` from the page; changed in place
 * ink         depth 1, full resolution: the stencils' ink
 */
bool backdrop_fill(
    struct plane *planes, int n_channels, int reduction, const struct Pix *ink, struct error *err);

/* 255 where any of the reduction x reduction pixels of a Pix of depth 1 is set; of width_px x
 * height_px squares. */
bool backdrop_covered(const struct Pix *ink, int reduction, int width_px, int height_px,
    struct plane *out, struct error *err);

/* Takes the paper's grain away: values within limit of their neighbourhood's mean become it. */
bool backdrop_calm(struct plane *plane, int limit, struct error *err);

#endif
