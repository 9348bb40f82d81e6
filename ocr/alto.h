/*
 * ALTO 3, the only form in which text travels: lines of words with boxes in pixels of the page.
 * Written from what the recogniser found, read back (libxml2) by the PDF's text layer, the checks
 * and whoever takes results from a worker that may be hostile. What is written reads back the same.
 *
 *	PrintSpace ─ TextBlock (a run of lines with one block number) ─ TextLine ─ String, SP, HYP
 *
 * Two conventions, both valid ALTO 3, carry what it has no attribute for: BASELINE is y at the left
 * end of the line, and a block's ROTATION (degrees, counter-clockwise) is the quarter turn of its
 * text and, as the rest to the next multiple of 90, the mean slope of its lines.
 */
#ifndef ALTAKT_OCR_ALTO_H
#define ALTAKT_OCR_ALTO_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

#define ALTO_LIMIT_BYTES   (64u << 20) /* a page's text is far below */
#define ALTO_WORDS_LIMIT   200000
#define ALTO_LANGUAGE_SIZE 16

struct alto_word {
	char *text;		       /* UTF-8, never empty, without the hyphen at a line's end */
	double x_px, y_px, w_px, h_px; /* with that hyphen */
	double confidence;	       /* 0..1 */
	bool hyphen_follows; /* last of its line, continued by the next line's first word */
	char language[ALTO_LANGUAGE_SIZE]; /* "deu", "" where unknown */
};

struct alto_line {
	struct alto_word *words;
	int n_words; /* at least one */
	double x_px, y_px, w_px, h_px;
	double baseline_px;    /* y at the left end of the line */
	double baseline_slope; /* dy / dx, the mean of its block when read back */
	int rotation_deg;      /* of the text block, counter-clockwise: 0, 90, 180, 270 */
	int block;	       /* number of its block, ascending from 0 */
};

struct alto_page { /* {0} is empty */
	int width_px, height_px;
	double dpi;
	struct alto_line *lines; /* reading order */
	int n_lines;
};

/*
 * Parses n_bytes of ALTO text: one page. ERROR_INPUT for whatever is not well-formed, has no page,
 * numbers that are none, words outside of the page by more than its size, or more than the limits
 * above; entities and the network are off. out must be empty; filled.
 */
bool alto_page_parse(const char *text, size_t n_bytes, struct alto_page *out, struct error *err);
void alto_page_release(struct alto_page *page); /* leaves {0} */

/*
 * Writes ALTO 3 (valid against its schema). Boxes are rounded to whole pixels.
 *
 * page_id   the page's ID and the beginning of all others: "P1"
 * software  "tesseract 5.3.0"
 * n_bytes   filled, without the NUL behind the text
 *
 * Gives; NULL and ERROR_SYSTEM without memory.
 */
char *alto_page_write(const struct alto_page *page, const char *page_id, const char *software,
    size_t *n_bytes, struct error *err);

#endif
