/*
 * ALTO 3 read back (libxml2): lines of words with boxes in pixels of the page. What the PDF's text
 * layer and the checks need.
 */
#ifndef ALTAKT_OCR_ALTO_H
#define ALTAKT_OCR_ALTO_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

struct alto_word {
	char *text; /* UTF-8 */
	double x_px, y_px, w_px, h_px;
	double confidence;  /* 0..1 */
	bool hyphen_follows; /* HYP at the end of the line */
};

struct alto_line {
	struct alto_word *words;
	int n_words;
	double x_px, y_px, w_px, h_px;
	double baseline_px;	   /* y at the left end of the line */
	double baseline_slope;	   /* dy / dx */
	int rotation_deg;	   /* of the text block, 0 where upright */
};

struct alto_page { /* {0} is empty */
	int width_px, height_px;
	struct alto_line *lines; /* reading order */
	int n_lines;
};

/* Parses n_bytes of ALTO text; hostile input is ERROR_INPUT; entities and the network are off. */
bool alto_page_parse(const char *text, size_t n_bytes, struct alto_page *out, struct error *err);
void alto_page_release(struct alto_page *page);

#endif
