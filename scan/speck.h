/*
 * Specks: dirt of a few pixels in a page that is to be recognised. Only what recognition sees is
 * cleaned; the delivered page keeps every pixel.
 *
 * Method: a component is a speck where it is smaller than a full stop of the text around it and
 * does not stand where such small things belong: on the line right behind a letter, above a letter
 * (i, ä), above its like (colon) or beside its like (leaders). Plain despeckling by size eats full
 * stops.
 */
#ifndef ALTAKT_SCAN_SPECK_H
#define ALTAKT_SCAN_SPECK_H

#include <stdbool.h>

struct Pix;

/*
 * bits             depth 1, changed in place; left as it is where it has so many components that it
 *                  cannot be text
 * text_height_px   filled: the median height of components that may be letters (about the x-height
 *                  of most text), 0 where there are fewer than 20
 *
 * False without memory.
 */
bool speck_remove(struct Pix *bits, double *text_height_px);

#endif
