/*
 * A raw image: what the scanner delivered for one page, and how it lies in the spool: a lossless
 * TIFF with its resolution. Also reads what scan-to-folder devices deliver.
 */
#ifndef ALTAKT_SCAN_RAW_H
#define ALTAKT_SCAN_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct Pix;

struct raw_image { /* {0} is empty */
	int width_px, height_px;
	int channels;	/* 1 or 3 */
	int depth_bits; /* 1 (lineart: a set bit is black, MSB first), 8, or 16 (native order) */
	double dpi;
	size_t line_bytes;
	uint8_t *data; /* height_px lines */
};

void raw_image_release(struct raw_image *image);		   /* leaves {0} */
void raw_image_move(struct raw_image *to, struct raw_image *from); /* empties the source */

/*
 * Writes a TIFF and makes it durable; lineart as G4, the rest by compression ("zstd" "lzw"
 * "deflate" "none"). sha256 is filled with the hash of the file, n_bytes with its size.
 * ERROR_SYSTEM: disk.
 */
bool raw_image_write(const struct raw_image *image, const char *path, const char *compression,
    char sha256[129], uint64_t *n_bytes, struct error *err);

/*
 * Reads page (from 0) of a TIFF, PNG or JPEG as Leptonica's PIX (yours), with EXIF orientation
 * applied. dpi is filled, 0 where the file says none. ERROR_INPUT: not an image, truncated, more
 * than limit_pixels, a kind that is refused (CMYK) with the reason.
 */
bool raw_image_read(const char *path, int page, uint64_t limit_pixels, struct Pix **out,
    double *dpi, struct error *err);

/* Leptonica's view of a raw image (yours), for looking at it before it is in the spool. */
bool raw_image_pix(const struct raw_image *image, struct Pix **out, struct error *err);

/*
 * The same, small: grey of 8 bits at half, a third … of the resolution, not below dpi_wanted; an
 * image of 1 bit as it is. dpi is filled with the small one's.
 */
bool raw_image_glance(const struct raw_image *image, double dpi_wanted, struct Pix **out,
    double *dpi, struct error *err);

/*
 * The reverse of raw_image_pix(): depth 1, 8, 16 or 32 (which becomes 3 channels of 8 bits), no
 * colour map. out must be empty; filled.
 */
bool raw_image_from_pix(
    const struct Pix *pix, double dpi, struct raw_image *out, struct error *err);

/* Number of pages in a file; ERROR_INPUT as above. */
bool raw_image_pages(const char *path, int *n_pages, struct error *err);

#define RAW_LIMIT_PIXELS 400000000ull /* A0 at 300 dpi is 140 million */

#endif
