/*
 * The cover sheet (Trennblatt): its code, how it is drawn and how it is read again.
 *
 *   ALTAKT1:<escaped number>:<volume>:<serial>:<check>
 *
 * is one ASCII line in a QR code, twice on each side of the paper; <check> is the first 8
 * hexadecimal digits of the SHA-256 of everything before its colon.
 *
 * The broad printed frame is a ring of 30 solid bars, 24 x 6 mm each, one every 30 mm, 8 mm from
 * the edge of the paper: no form, mourning border or scanner background looks like it, and what is
 * left of it after tearing, holes or stains is still known.
 */
#ifndef ALTAKT_SCAN_COVER_H
#define ALTAKT_SCAN_COVER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "config/file_number.h"

struct Pix;
typedef struct _cairo cairo_t;

#define COVER_PREFIX	 "ALTAKT1:"
#define COVER_TEXT_SIZE	 256
#define COVER_VOLUME_MAX 99999

struct cover { /* what a cover sheet says */
	char file_number[FILE_NUMBER_SIZE];
	int volume;	 /* from 1 to COVER_VOLUME_MAX */
	char serial[32]; /* unique for each printed sheet: 1 to 31 of A-Z a-z 0-9 - */
	int prepared; /* sheets by the preparation slip, -1 where unknown; printed, not in the code
		       */
};

enum cover_answer {
	COVER_NONE,	  /* an ordinary page */
	COVER_VALID,	  /* cover is filled */
	COVER_UNREADABLE, /* the frame or the prefix is there, a valid code is not */
};

/* Builds the text of the code. cover must be valid (assert). */
void cover_text(const struct cover *cover, char text[COVER_TEXT_SIZE]);

/* Parses it with every check, prepared becomes -1. False: not one of ours, or damaged; cover
 * untouched. */
bool cover_parse(const char *text, struct cover *cover);

/*
 * Looks for a cover sheet on a raw page, any depth, skewed up to 10 degrees, upside down, with
 * black border. A foreign code is COVER_NONE; two codes of ours that contradict each other are
 * COVER_UNREADABLE.
 *
 * page   borrowed and unchanged
 * dpi    of the page; 0 where unknown: then the longer side is taken for A4's
 * cover  filled for COVER_VALID only
 *
 * Any thread. About 20 ms at A4 300 dpi on ordinary pages; a page with the frame but without a
 * code is looked at again, slower.
 */
enum cover_answer cover_read(const struct Pix *page, double dpi, struct cover *cover);

/* Where the bars of the frame lie, in mm on A4: for drawing and for finding them again. */
#define COVER_BAR_MM	 24.0
#define COVER_BREADTH_MM 6.0
#define COVER_PITCH_MM	 30.0
#define COVER_EDGE_MM	 8.0 /* from the edge of the paper to the bars */

/*
 * Is there a frame, or enough of one, on a thresholded image (1 byte a pixel, 0 is ink)? dpi is
 * the image's. Any thread. False also where there is no memory.
 */
bool cover_frame_find(const uint8_t *pixels, int width_px, int height_px, double dpi);

/*
 * Draws one side on A4 (user units are points, 595.28 x 841.89); both sides are alike.
 *
 * authority  its name, lent; NULL or "" for none
 * err        ERROR_SYSTEM: no memory, or a code that cannot be made
 */
bool cover_draw(cairo_t *cr, const struct cover *cover, const char *authority, struct error *err);

/* Writes covers[0..n) as a PDF of A4 pages, front and back page for each; durable when true. */
bool cover_print(
    const struct cover *covers, int n, const char *authority, const char *path, struct error *err);

#endif
