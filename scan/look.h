/*
 * The look of a page: its ink, small, by which two pages are compared. Whether two images show the
 * same sheet is asked in two steps:
 *
 *	fingerprint_take()   a few words of 24 bits that a fresh scan has, too (scan/fingerprint.h):
 *			     for an index that finds candidates among millions of pages
 *	look_compare()	     lays two looks over each other, place by place, and tells what ink one
 *			     has that the other has not: the same form with other entries is not
 *			     the same sheet
 *
 * For a page as it lies: upright, straight and cropped (scan/clean.h). A raw image of about 100 dpi
 * (raw_image_glance()) goes through clean_page() first, without orientation and blank.
 */
#ifndef ALTAKT_SCAN_LOOK_H
#define ALTAKT_SCAN_LOOK_H

#include <stdbool.h>

#include "config/error.h"
#include "scan/plane.h"

struct Pix;

#define LOOK_PX_PER_MM 2

struct look {		  /* {0} is empty */
	struct plane ink; /* 0 bare paper .. 255 full ink, LOOK_PX_PER_MM */
	double ink_mm2;	  /* all of it */
};

/*
 * page  depth 1, 8 or 32; borrowed
 * dpi   its true resolution
 * out   must be empty; filled and yours
 * err   ERROR_INPUT: smaller than 10 mm or larger than 1.5 m; ERROR_SYSTEM: no memory
 */
bool look_take(const struct Pix *page, double dpi, struct look *out, struct error *err);

/* The same of a page's luminance, as of a decoded small image. */
bool look_take_plane(const struct plane *luma, double dpi, struct look *out, struct error *err);

/*
 * The same of the small JPEG that page work keeps of each side (encode_thumbnail()). width_mm is
 * the page's. ERROR_INPUT: damaged; ERROR_SYSTEM: cannot be read.
 */
bool look_read(const char *jpeg_path, double width_mm, struct look *out, struct error *err);

/*
 * How dark ink is, as most of it is: 0 .. 255, which changes with the exposure and with the
 * scanner; 1 where there is none.
 */
double look_darkness(const struct plane *ink);

void look_turn(struct look *look);    /* by 180 degrees, in its place */
void look_release(struct look *look); /* leaves {0} */

struct likeness {
	bool equal;	      /* the same sheet, as far as the images tell; never with less ink than
				 LOOK_ENOUGH_MM2: three words look like three others */
	double likeness;      /* share of the ink that both have, 0 .. 1 */
	double differing_mm2; /* ink that only one of them has, dust left out */
	double dx_mm, dy_mm;  /* where b lies on a */
};

/* From which likeness two sheets may be called the same. */
#define LOOK_EQUAL 0.90
/* A paragraph or so. */
#define LOOK_ENOUGH_MM2 50.0

/* How alike two looks are. Pages of different sizes are not. ERROR_SYSTEM: no memory. */
bool look_compare(
    const struct look *a, const struct look *b, struct likeness *out, struct error *err);

#endif
