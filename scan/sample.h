/*
 * Sample paper, drawn (pangocairo) and degraded as forty years in a cabinet and a scanner would:
 * skew, noise, black background, holes, stamps, show-through. For the demonstration, the tests and
 * the benchmarks. Names and numbers in it are plainly invented. The same seed draws the same
 * pixels.
 */
#ifndef ALTAKT_SCAN_SAMPLE_H
#define ALTAKT_SCAN_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;
struct cover;

enum sample_kind {
	SAMPLE_LETTER,	  /* a German office letter */
	SAMPLE_FORM,	  /* a form with a table */
	SAMPLE_MINUTES,	  /* dense text, two columns */
	SAMPLE_COLOUR,	  /* a letter with a red stamp, a red seal and a blue signature */
	SAMPLE_PHOTO,	  /* a page with a passport photo (drawn) */
	SAMPLE_FEW_WORDS, /* two lines, for quick tests */
	SAMPLE_BLANK,	  /* nothing */
};

struct sample_page {
	enum sample_kind kind;
	uint32_t seed;
	double skew_deg;       /* clockwise */
	int rotate_deg;	       /* 0 90 180 270 clockwise */
	bool background_black; /* the image is 3 mm larger than A4 on each side, black around the
				  paper */
	bool holes, show_through;
	bool noise; /* tinted, mottled paper, specks and the sensor's noise; else pure white */
	int dpi;    /* 0 is 300 */
	const char *words; /* text to write instead of the invented one, or NULL; lent */
};

/*
 * Draws one side as it looks after scanning.
 *
 * out   gives a 32-bit Pix with its resolution set: A4, or 216 x 303 mm with a black background
 * text  gives the words in reading order, a line each paragraph (free()); may be NULL. Stamps,
 *       seals and what shines through are not in it
 * err   ERROR_SYSTEM: no memory
 *
 * Any thread; about 0.2 s at 300 dpi.
 */
bool sample_draw(const struct sample_page *page, struct Pix **out, char **text, struct error *err);

/* The same for a cover sheet: page says how it lies, its kind and words are not used. */
bool sample_cover(
    const struct cover *cover, const struct sample_page *page, struct Pix **out, struct error *err);

struct sample_sheet { /* a sheet of a stack */
	struct sample_page front, back;
	const struct cover
	    *cover; /* lent; not NULL: a cover sheet, front and back say how it lies */
};

/*
 * Writes sheets[0..n) as a stack for the simulator: folder/0001-1.jpg, 0001-2.jpg, ... (quality 85;
 * the simulator feeds in the order of names, so that the front comes first), without the backs
 * where simplex. first is the number of the first one. The folder is made.
 *
 * words_folder  where the words go as 0001-1.txt, ...; NULL: nowhere
 */
bool sample_stack_write(const char *folder, const struct sample_sheet *sheets, int n, int first,
    bool simplex, const char *words_folder, struct error *err);

#endif
