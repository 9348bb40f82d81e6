/*
 * A plane of bytes: one channel of a page, row by row, for loops that a compiler turns into vector
 * code. 0 is black. Everything here is plain memory; Leptonica's images go in and come out.
 */
#ifndef ALTAKT_SCAN_PLANE_H
#define ALTAKT_SCAN_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;

struct plane { /* {0} is empty */
	int width_px, height_px;
	size_t stride; /* bytes from row to row, a multiple of 16, at least width_px + 16 */
	uint8_t *px;
};

static inline uint8_t *plane_row(const struct plane *plane, int y)
{
	return plane->px + (size_t)y * plane->stride;
}

/* Zeroed. ERROR_SYSTEM: no memory. */
bool plane_open(struct plane *plane, int width_px, int height_px, struct error *err);
void plane_release(struct plane *plane);	       /* leaves {0} */
void plane_move(struct plane *to, struct plane *from); /* empties the source */

/*
 * The luminance (ITU-R BT.601, in 1/256) of a Pix of depth 1, 8 or 32 as the mean over squares of
 * reduction x reduction pixels (1..32). What does not fill a square at the right and lower edge is
 * left out, but for an image smaller than one.
 */
bool plane_luma(const struct Pix *pix, int reduction, struct plane *out, struct error *err);

/* As plane_luma() for the three channels of depth 32. out[3] must be empty. */
bool plane_rgb(const struct Pix *pix, int reduction, struct plane out[3], struct error *err);

/*
 * The reduction that brings a page of dpi to about wanted_dpi, at least 1; more where the page
 * would still have over PLANE_LIMIT_PX pixels, whatever resolution it claims.
 */
int plane_reduction(double dpi, double wanted_dpi, int width_px, int height_px);

#define PLANE_LIMIT_PX 12000000.0

/* The mean over squares of reduction x reduction. */
bool plane_reduce(const struct plane *in, int reduction, struct plane *out, struct error *err);

/* Mean over the 3 x 3 neighbourhood. */
bool plane_smooth(const struct plane *in, struct plane *out, struct error *err);

/* Enlarges or reduces to a size, bilinear between the middles of pixels. */
bool plane_scale(
    const struct plane *in, int width_px, int height_px, struct plane *out, struct error *err);

/* As Leptonica's: depth 8; and depth 1, where a set bit is a byte below threshold. Gives NULL
 * without memory. */
struct Pix *plane_pix(const struct plane *plane);
struct Pix *plane_pix_below(const struct plane *plane, int threshold);

/* The bits of a Pix of depth 1 as bytes 0 and 255: a set bit is 255. */
bool plane_bits(const struct Pix *pix, struct plane *out, struct error *err);

#endif
