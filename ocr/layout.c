#include "ocr/layout.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define LOOK_DPI       50.0 /* rows and gaps show as well as at full size */
#define GAP_MM	       4.0  /* between words of one line there is less, between columns more */
#define PIECE_LEAST_MM 3.0  /* narrower is a number, a bullet, a speck */
#define LINE_MOST_MM   12.0 /* a line of large print; what is taller is no line */
#define LINES_LEAST    5
#define SPLIT_MOST     0.15
#define A4_WIDTH_INCH  8.27

/* The image at about LOOK_DPI: a pixel is set where anything below it was. */
static PIX *look(const PIX *image, double dpi, double *at_dpi)
{
	PIX *whole = (PIX *)(uintptr_t)image, *bits = NULL, *small = NULL;

	bits = pixGetDepth(whole) == 1 ? pixClone(whole) : pixThresholdToBinary(whole, 128);
	*at_dpi = dpi;
	while (bits && *at_dpi >= 1.5 * LOOK_DPI) {
		small = pixReduceRankBinary2(bits, 1, NULL);
		pixDestroy(&bits);
		bits = small;
		*at_dpi /= 2;
	}
	return bits;
}

/*
 * Rows of pieces: each piece is what a line is when gaps between words are closed. A row is split
 * where another piece stands beside it at the same height.
 */
static void rows_measure(BOXA *pieces, double px_per_mm, struct layout_measure *m)
{
	int n = boxaGetCount(pieces), split = 0;

	for (int i = 0; i < n; i++) {
		l_int32 x, y, w, h;
		bool beside = false;

		boxaGetBoxGeometry(pieces, i, &x, &y, &w, &h);
		if (h > LINE_MOST_MM * px_per_mm && h / px_per_mm > m->tallest_mm)
			m->tallest_mm = h / px_per_mm;
		if (w < PIECE_LEAST_MM * px_per_mm)
			continue;
		for (int k = 0; k < n && !beside; k++) {
			l_int32 x2, y2, w2, h2;

			boxaGetBoxGeometry(pieces, k, &x2, &y2, &w2, &h2);
			beside = k != i && w2 >= PIECE_LEAST_MM * px_per_mm && y2 <= y + h / 2 &&
			    y2 + h2 > y + h / 2;
		}
		m->lines++;
		split += beside;
	}
	m->split = m->lines ? (double)split / m->lines : 0;
}

enum layout layout_find(const PIX *image, double dpi, struct layout_measure *filled)
{
	struct layout_measure m = {0};
	PIX *small = NULL, *closed = NULL;
	BOXA *pieces = NULL;
	double at_dpi;

	if (dpi <= 0)
		dpi = pixGetWidth((PIX *)(uintptr_t)image) / A4_WIDTH_INCH;
	small = look(image, dpi, &at_dpi);
	double px_per_mm = at_dpi / 25.4;
	int gap_px = (int)lround(GAP_MM * px_per_mm) | 1;
	if (small)
		closed = pixCloseSafeBrick(NULL, small, gap_px, 1);
	if (closed)
		pieces = pixConnCompBB(closed, 8);
	if (pieces && boxaGetCount(pieces) < 2000)
		rows_measure(pieces, px_per_mm, &m);
	pixDestroy(&small);
	pixDestroy(&closed);
	boxaDestroy(&pieces);
	if (filled)
		*filled = m;
	return m.lines >= LINES_LEAST && m.split <= SPLIT_MOST && m.tallest_mm == 0 ? LAYOUT_BLOCK
										    : LAYOUT_ANY;
}
