/*
 * From the raw image of a page to one that is upright, straight and cropped to its paper. The raw
 * image is never changed. Every figure that was measured is given, with a confidence where there
 * is one: "straight" and "unsure" are two answers.
 */
#ifndef ALTAKT_SCAN_CLEAN_H
#define ALTAKT_SCAN_CLEAN_H

#include <stdbool.h>

#include "config/error.h"
#include "scan/encode.h"

struct Pix;

struct clean_options {
	bool orient, deskew, crop, blank;
};
extern const struct clean_options clean_options_standard; /* all true */

struct clean_result {	  /* {0} is empty */
	struct Pix *page; /* depth 1, 8 or 32; yours; NULL only for a blank side */
	double dpi;
	int rotated_deg;	  /* clockwise, 0 90 180 270: what was done */
	double orient_confidence; /* 0: not sure, left as it was */
	bool orient_unsure;
	double skew_deg; /* what was found, clockwise positive; what was corrected where deskewed */
	double skew_confidence;
	bool deskewed;
	int crop_x_px, crop_y_px, crop_w_px, crop_h_px; /* in the raw image */
	double width_mm, height_mm;			/* of the paper */
	bool blank;					/* nothing was written on this side */
	double blank_score;				/* 0 surely written .. 1 surely blank */
	enum page_kind kind; /* PAGE_BITONAL, PAGE_GREY or PAGE_COLOUR, by content */
	double kind_confidence;
};

/*
 * raw    depth 1, 2, 4, 8, 16, 24 or 32, any colour map; borrowed and unchanged
 * dpi    of the raw image; 0 where unknown: then it is guessed from a paper size near A4, and else
 *        300 is taken
 * out    must be empty; filled and yours, release it with clean_result_release()
 * err    ERROR_INPUT: the image cannot be worked on; ERROR_SYSTEM: no memory
 *
 * Worker processes; not from two threads at once.
 */
bool clean_page(const struct Pix *raw, double dpi, const struct clean_options *options,
    struct clean_result *out, struct error *err);

void clean_result_release(struct clean_result *result); /* leaves {0} */

/*
 * What recognition wants of a cleaned page: thresholded over its ground, without specks, at
 * dpi_wanted; 0: by the height of its letters (250 dpi, 300 for small print: Tesseract brings lines
 * to its own height, and more than that costs time only). Gives a Pix of depth 1 or 8 whose
 * coordinates times *scale are the page's. Never enlarged.
 */
bool clean_for_recognition(const struct Pix *page, double dpi, double dpi_wanted, struct Pix **out,
    double *scale, struct error *err);

#endif
