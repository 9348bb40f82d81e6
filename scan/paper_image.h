/*
 * An image file of the simulator's stack, read line by line from the top: memory for lines, not
 * for pages. JPEG, PNG and TIFF each fill one struct paper_decoder; which of them reads a file is
 * told by its first bytes, never by its name.
 *
 * Pixels come as 8 bits, one channel (0 black .. 255 white) or three (red, green, blue), whatever
 * the file holds: palettes, 1 to 16 bits, what is transparent is white paper. A tag that would
 * turn the image (EXIF, TIFF orientation) is not looked at: the file plays the paper as it lies.
 */
#ifndef ALTAKT_SCAN_PAPER_IMAGE_H
#define ALTAKT_SCAN_PAPER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

#define PAPER_LIMIT_PIXELS     400000000ull   /* A0 at 300 dpi is 140 million */
#define PAPER_LIMIT_HELD_BYTES (512ull << 20) /* where a kind of file must be held whole */

struct paper_decoder;

struct paper_image { /* {0} is empty; read the fields, change none */
	int width_px, height_px;
	int channels;	     /* 1 or 3, as asked for */
	double x_dpi, y_dpi; /* 0: the file says none */
	int n_read;	     /* lines so far */
	const struct paper_decoder *decoder;
	void *self;
};

/*
 * Opens a file and reads its head.
 *
 * channels  1 or 3: what the lines shall be
 * out       must be empty; filled, close it
 * err       ERROR_INPUT: not an image of these kinds, damaged, CMYK, more than PAPER_LIMIT_PIXELS;
 *           ERROR_SYSTEM: cannot be read, no memory
 */
bool paper_image_open(const char *path, int channels, struct paper_image *out, struct error *err);

/* Fills width_px * channels bytes. ERROR_INPUT: the file ends early or is damaged here. */
bool paper_image_line(struct paper_image *image, uint8_t *line, struct error *err);

void paper_image_close(struct paper_image *image); /* leaves {0} */

/* What one kind of file does. fd: at the beginning, taken, also when it fails. */
struct paper_decoder {
	const char *name; /* "JPEG" */
	bool (*open)(struct paper_image *image, int fd, struct error *err);
	bool (*line)(struct paper_image *image, uint8_t *line, struct error *err);
	void (*close)(struct paper_image *image); /* also after a failed open; self may be NULL */
};

extern const struct paper_decoder paper_decoder_jpeg;
extern const struct paper_decoder paper_decoder_png;
extern const struct paper_decoder paper_decoder_tiff;

/* Luminance as JPEG has it (ITU-R BT.601), so that grey of a TIFF and of a JPEG are alike. */
static inline uint8_t paper_luminance(uint8_t r, uint8_t g, uint8_t b)
{
	return (uint8_t)((19595u * r + 38470u * g + 7471u * b + 32768u) >> 16);
}

/* For decoders: false with ERROR_INPUT where the size is none, or more than the limits. */
bool paper_image_size(
    struct paper_image *image, uint64_t width_px, uint64_t height_px, struct error *err);

#endif
