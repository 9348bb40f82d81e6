/* What a page needs: black and white, grey, or colour, by its content and not by the scanner's
 * mode. */
#ifndef ALTAKT_SCAN_CLASSIFY_H
#define ALTAKT_SCAN_CLASSIFY_H

#include "scan/encode.h"
#include "scan/ground.h"
#include "scan/ink.h"
#include "scan/picture.h"

struct classify {
	enum page_kind kind; /* PAGE_BITONAL, PAGE_GREY, PAGE_COLOUR */
	double confidence;   /* 0..1: how far from the next limit */
	double tint;	     /* of the paper: 0 white or grey, 1 a pure colour */
	double coloured_mm2; /* of stamps, marker, coloured pen */
	double solid_mm2;    /* of pictures and filled areas */
	double faint_mm2;    /* of ink that black and white would lose */
};

/*
 * normal    about 150 dpi, background normalised, of dpi
 * ink       its pieces
 * paper     the ground of its luminance
 * coloured  pieces of chroma at chroma_dpi, and the three grounds of the colour planes; NULL where
 *           the page has no colour
 */
void classify_page(const struct plane *normal, double dpi, const struct ink *ink,
    const struct ground *paper, const struct ink *coloured, double chroma_dpi,
    const struct ground *rgb_paper, const struct picture_list *pictures, struct classify *out);

/*
 * How far each pixel's colour is from its paper's, as GROUND_PAPER - distance, so that
 * ink_find() finds coloured pieces as dark ones. rgb are three planes of one size.
 */
bool classify_chroma(
    const struct plane rgb[3], const struct ground paper[3], struct plane *out, struct error *err);

#define CLASSIFY_CHROMA 26 /* distance from which a pixel is coloured */

#endif
