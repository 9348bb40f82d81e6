/*
 * Ink: the pieces of a normalised page that are darker than its paper, with what tells writing from
 * show-through, dust and noise. Used where a side may be blank, where a page is classified, and
 * where the guard looks for what an encoding lost.
 */
#ifndef ALTAKT_SCAN_INK_H
#define ALTAKT_SCAN_INK_H

#include "scan/plane.h"

struct ink_piece { /* one 8-connected piece, in pixels of the plane */
	int x, y, w, h;
	int area;
	int darkest;	 /* the lowest value in it */
	double contrast; /* mean of GROUND_PAPER - value */
	double step;	 /* mean fall in value over three pixels at the ends of its rows: high where
			    edges are sharp */
	double other;	 /* mean of GROUND_PAPER - value in the second plane, where one was given */
	double narrow; /* standard deviation across its longer axis: a straight wire's is a third of
			  its width */
	double run;    /* mean length of its rows' runs: the stroke's width, more or less */
};

struct ink { /* {0} is empty */
	struct ink_piece *pieces;
	int n;
};

#define INK_LIMIT_PIECES 400000

/*
 * Every piece below threshold.
 *
 * other   a second normalised plane of the same size to be measured at the same places, or NULL
 * err     ERROR_SYSTEM: no memory. With more than INK_LIMIT_PIECES the rest is left out.
 */
bool ink_find(const struct plane *normal, int threshold, const struct plane *other, struct ink *out,
    struct error *err);
void ink_release(struct ink *ink); /* leaves {0} */

enum ink_kind {
	INK_NOISE,  /* grain, dust, show-through, shadows */
	INK_FAINT,  /* pencil, a light stamp: fainter than print, but with edges */
	INK_STRONG, /* print and pen */
};

/* What a piece is by itself: its contrast, its sharpness and its size; not by where it lies. */
enum ink_kind ink_judge(const struct ink_piece *piece, double dpi, double grain);

/* Standard deviation of the paper's grain in a normalised plane, by the median of differences. */
double ink_grain(const struct plane *normal);

#endif
