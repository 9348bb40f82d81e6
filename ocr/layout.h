/*
 * What a page is, as far as Tesseract wants to know before it looks for lines: one block of lines
 * from edge to edge, which it then reads line by line (faster, and no line loses its place), or
 * anything else, for which it analyses the layout itself.
 */
#ifndef ALTAKT_OCR_LAYOUT_H
#define ALTAKT_OCR_LAYOUT_H

struct Pix;

enum layout {
	LAYOUT_ANY,   /* columns, tables, forms, pictures, next to nothing: analyse it */
	LAYOUT_BLOCK, /* lines one below the other */
};

struct layout_measure {	   /* what the decision rests on */
	int lines;	   /* rows of print */
	double split;	   /* share of them with a gap as between columns, 0..1 */
	double tallest_mm; /* piece that is no line: picture, frame, turned text */
};

/*
 * image  depth 1 or 8, upright, straight; dpi its resolution, 0 where unknown (A4's width is taken)
 * filled may be NULL
 *
 * A pure function of the image. LAYOUT_ANY wherever it is not sure, or without memory. Any thread
 * that Leptonica may run in.
 */
enum layout layout_find(const struct Pix *image, double dpi, struct layout_measure *filled);

#endif
