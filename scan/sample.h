/*
 * Sample paper, drawn (pangocairo) and degraded as forty years in a cabinet and a scanner would:
 * skew, noise, black background, holes, stamps, show-through. For the demonstration, the tests and
 * the benchmarks. Names and numbers in it are plainly invented. The same seed draws the same pixels.
 */
#ifndef ALTAKT_SCAN_SAMPLE_H
#define ALTAKT_SCAN_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;
struct cover;

enum sample_kind {
	SAMPLE_LETTER,	   /* a German office letter */
	SAMPLE_FORM,	   /* a form with a table */
	SAMPLE_MINUTES,	   /* dense text, two columns */
	SAMPLE_COLOUR,	   /* a letter with a red stamp and a blue signature */
	SAMPLE_PHOTO,	   /* a page with a passport photo (drawn) */
	SAMPLE_FEW_WORDS,  /* two lines, for quick tests */
	SAMPLE_BLANK,	   /* nothing */
};

struct sample_page {
	enum sample_kind kind;
	uint32_t seed;
	double skew_deg;      /* clockwise */
	int rotate_deg;	      /* 0 90 180 270 clockwise */
	bool background_black; /* the scanner's background shows at the edges */
	bool holes, show_through, noise;
	int dpi;	      /* 300 */
	const char *words;    /* text to write instead of the invented one, or NULL */
};

/* Gives a 32-bit Pix, and, where text is not NULL, the words that were drawn in reading order (free()). */
bool sample_draw(const struct sample_page *page, struct Pix **out, char **text, struct error *err);

/* The same for a cover sheet as it looks after scanning. */
bool sample_cover(const struct cover *cover, const struct sample_page *page, struct Pix **out, struct error *err);

#endif
