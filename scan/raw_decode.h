/*
 * The decoders behind raw_image_read(), one for each kind of file. Each checks the size that the
 * header announces before it takes memory, keeps its library's complaints off standard error, and
 * takes data that is cut short or damaged for an error rather than for a grey area.
 */
#ifndef ALTAKT_SCAN_RAW_DECODE_H
#define ALTAKT_SCAN_RAW_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/error.h"

struct Pix;

struct raw_picture {	     /* {0} is empty */
	struct Pix *pix;     /* depth 1, 8, 16 (grey) or 32, as it is stored; yours */
	double x_dpi, y_dpi; /* 0 where the file says none */
	int orientation;     /* 1..8 as TIFF and EXIF number them */
};

struct raw_decoder {
	const char *name;
	/*
	 * file          open at its start; borrowed. path is for messages
	 * limit_pixels  more are refused before anything is decoded
	 * out           must be empty; filled
	 */
	bool (*read)(FILE *file, const char *path, int page, uint64_t limit_pixels,
	    struct raw_picture *out, struct error *err);
	/* Counts pages and checks the header of the first one. */
	bool (*pages)(FILE *file, const char *path, int *n_pages, struct error *err);
};

extern const struct raw_decoder raw_decoder_tiff, raw_decoder_png, raw_decoder_jpeg;

/* Refuses sizes that are nothing or too much: ERROR_INPUT with the figures. */
bool raw_size_check(const char *path, uint64_t width_px, uint64_t height_px, uint64_t limit_pixels,
    struct error *err);

/* Makes an empty Pix of a size that was checked. ERROR_SYSTEM without memory. */
bool raw_pix_make(int width_px, int height_px, int depth, struct Pix **out, struct error *err);

/* "cannot read the image 'x': <why>", ERROR_INPUT, with the usual advice. Returns false. */
bool raw_refuse(struct error *err, const char *path, const char *why);

/*
 * Orientation and resolution from an EXIF block (a small TIFF, after "Exif\0\0"). Leaves what it
 * does not find. Hostile input is ignored.
 */
void raw_exif_read(const uint8_t *data, size_t n_bytes, struct raw_picture *picture);

/* One sample of 1, 2, 4, 8 or 16 bits (native order) of a packed line, as 8 bits. */
static inline uint8_t raw_sample(const uint8_t *line, size_t i, int bits)
{
	switch (bits) {
	case 8: return line[i];
	case 16: return (uint8_t)(((const uint16_t *)(const void *)line)[i] >> 8);
	case 1: return line[i / 8] & (0x80 >> (i % 8)) ? 255 : 0;
	case 2: return (uint8_t)(((line[i / 4] >> (6 - 2 * (i % 4))) & 3) * 85);
	default: return (uint8_t)(((line[i / 2] >> (4 - 4 * (i % 2))) & 15) * 17);
	}
}

#endif
