/*
 * The guard: an encoded page is decoded again as a reader would show it, and its ink is held
 * against the page it was made from.
 */
#ifndef ALTAKT_SCAN_GUARD_H
#define ALTAKT_SCAN_GUARD_H

#include "scan/encode.h"
#include "scan/sight.h"

/*
 * Which share of the pieces of writing a reader would not see: of pieces that were judged ink
 * (ink_judge), those that keep less than 40 % of their contrast on more than 30 % of their area.
 * About 150 dpi, by luminance. ERROR_INPUT: a layer cannot be decoded.
 */
bool guard_measure(const struct encoded_page *page, const struct sight *sight, double *ink_lost,
    struct error *err);

/* A page of one G4 layer against the bits it was made from: true where they are the same. */
bool guard_same(
    const struct encoded_page *page, const struct Pix *bits, bool *same, struct error *err);

#endif
