/*
 * The rims of punch holes: what is left of a hole before a white background is a thin ring or
 * crescent of shadow. They come in pairs, 80 mm apart along an edge (ISO 838), which no writing
 * does.
 */
#ifndef ALTAKT_SCAN_HOLE_H
#define ALTAKT_SCAN_HOLE_H

#include <stdbool.h>

#include "scan/ink.h"

/* Is piece i of a page the rim of a hole, with its fellow among the other pieces? */
bool hole_rim(const struct ink *ink, int i, int width_px, int height_px, double dpi);

#endif
