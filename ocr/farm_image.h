/*
 * A page's image on its way through the farm: scanlines from the top, each padded to 32 bits, the
 * most significant bit first, under Zstandard. Group 4 would be a third smaller, but costs ten
 * times the time on both sides: it alone kept two cores from carrying 200 pages a second.
 */
#ifndef ALTAKT_OCR_FARM_IMAGE_H
#define ALTAKT_OCR_FARM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;

/* image has depth 1 or 8. *data is yours (free()). ERROR_SYSTEM: no memory. */
bool farm_image_pack(const struct Pix *image, uint8_t **data, size_t *n_bytes, struct error *err);

/*
 * Takes no more memory than an image of that size needs, whatever data says of itself. ERROR_INPUT:
 * data is not such an image.
 */
bool farm_image_unpack(const void *data, size_t n_bytes, int width_px, int height_px, int depth,
    struct Pix **out, struct error *err);

#endif
