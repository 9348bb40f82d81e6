/* JPEG (baseline DCT, T.81) of planes and pages, by libjpeg, in memory. */
#ifndef ALTAKT_SCAN_JPEG_H
#define ALTAKT_SCAN_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"
#include "scan/plane.h"

/* One plane (grey) or three of one size (RGB, stored as YCbCr 4:2:0). *data is yours (free()). */
bool jpeg_encode(const struct plane *planes, int n_channels, int quality, int dpi, uint8_t **data,
    size_t *n_bytes, struct error *err);

/* A Pix of depth 8 or 32 as it is. */
bool jpeg_encode_pix(const struct Pix *pix, int quality, int dpi, uint8_t **data, size_t *n_bytes,
    struct error *err);

/* Decodes to its luminance, or to as many channels as it has. out[] must be empty. ERROR_INPUT:
 * damaged. */
bool jpeg_decode(
    const uint8_t *data, size_t n_bytes, struct plane out[3], int *n_channels, struct error *err);

#endif
