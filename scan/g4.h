/*
 * CCITT T.6 (Group 4) without a TIFF around it, as PDF's /CCITTFaxDecode takes it with /K -1:
 * most significant bit first, a 1 is ink. libtiff does the coding, in memory.
 */
#ifndef ALTAKT_SCAN_G4_H
#define ALTAKT_SCAN_G4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;

/* bits has depth 1. *data is yours (free()). ERROR_SYSTEM: no memory. */
bool g4_encode(const struct Pix *bits, uint8_t **data, size_t *n_bytes, struct error *err);

/* Gives a Pix of depth 1. ERROR_INPUT: the data is damaged. */
bool g4_decode(const uint8_t *data, size_t n_bytes, int width_px, int height_px, struct Pix **out,
    struct error *err);

#endif
