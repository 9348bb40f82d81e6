/*
 * What stands on a sample page, drawn clean and upright: 1 user unit is a millimetre of A4. What
 * forty years and a scanner add comes with sample.c.
 */
#ifndef ALTAKT_SCAN_SAMPLE_DRAW_H
#define ALTAKT_SCAN_SAMPLE_DRAW_H

#include "scan/sample.h"
#include "scan/sample_text.h"

typedef struct _cairo cairo_t;

#define SAMPLE_WIDTH_MM	 210.0
#define SAMPLE_HEIGHT_MM 297.0

/* Draws the page's kind with random; what can be read is added to text in reading order. */
void sample_ink_draw(cairo_t *cr, const struct sample_page *page, struct sample_random *random,
    struct sample_text *text);

#endif
