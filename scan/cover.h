/*
 * The cover sheet (Trennblatt): its code, how it is drawn and how it is read again.
 *
 *   ALTAKT1:<escaped number>:<volume>:<serial>:<check>
 *
 * is one ASCII line in a QR code, twice on each side of the paper; <check> is the first 8
 * hexadecimal digits of the SHA-256 of everything before its colon.
 */
#ifndef ALTAKT_SCAN_COVER_H
#define ALTAKT_SCAN_COVER_H

#include <stdbool.h>

#include "config/error.h"
#include "config/file_number.h"

struct Pix;
typedef struct _cairo cairo_t;

#define COVER_TEXT_SIZE 256

struct cover { /* what a cover sheet says */
	char file_number[FILE_NUMBER_SIZE];
	int volume;	/* from 1 */
	char serial[32]; /* unique for each printed sheet: A-Z a-z 0-9 - */
	int prepared;	/* sheets by the preparation slip, -1 where unknown; printed, not in the code */
};

enum cover_answer {
	COVER_NONE,	  /* an ordinary page */
	COVER_VALID,	  /* cover is filled */
	COVER_UNREADABLE, /* the frame or the prefix is there, a valid code is not */
};

/* Builds, and parses with every check, the text of the code. False: not one of ours, or damaged. */
void cover_text(const struct cover *cover, char text[COVER_TEXT_SIZE]);
bool cover_parse(const char *text, struct cover *cover);

/*
 * Looks for a cover sheet on a raw page, any depth, skewed up to 10 degrees, upside down, with
 * black border. About 40 ms at A4 300 dpi (half resolution, thresholded, density 1). A foreign
 * code is COVER_NONE. Any thread.
 */
enum cover_answer cover_read(const struct Pix *page, double dpi, struct cover *cover);

/* Draws one side on A4 (user units are points, 595.28 x 841.89). heading is lent text. Both sides are alike. */
bool cover_draw(cairo_t *cr, const struct cover *cover, const char *authority, struct error *err);

/* Writes covers[0..n) as a PDF of A4 pages, front and back page for each. */
bool cover_print(const struct cover *covers, int n, const char *authority, const char *path, struct error *err);

#endif
