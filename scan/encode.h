/*
 * A page as it is delivered: layers that a PDF shows as they are, encoded once and passed through.
 * Page coordinates are pixels of the cleaned page at its dpi, origin at the top left.
 */
#ifndef ALTAKT_SCAN_ENCODE_H
#define ALTAKT_SCAN_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct Pix; /* Leptonica's */

enum page_kind {
	PAGE_BITONAL, /* one G4 layer, black on white */
	PAGE_GREY,    /* one JPEG layer, one channel */
	PAGE_COLOUR,  /* one JPEG layer, three channels */
	PAGE_MIXED,   /* a JPEG background, G4 stencils over it */
};

enum layer_kind {
	LAYER_G4, /* CCITT T.6, MSB first, 1 is ink (BlackIs1), opaque: white where there is none */
	LAYER_STENCIL, /* CCITT T.6, MSB first, 1 is ink: painted in rgb, else transparent */
	LAYER_JPEG,    /* baseline DCT, 1 or 3 channels (RGB by YCbCr) */
};

struct layer {
	enum layer_kind kind;
	int width_px, height_px;       /* of the layer's own raster */
	int channels;		       /* JPEG: 1 or 3 */
	double x_px, y_px, w_px, h_px; /* where it lies on the page */
	uint8_t rgb[3];		       /* STENCIL: the ink's colour, sRGB */
	uint8_t *data;
	size_t n_bytes;
};

struct encoded_page { /* {0} is empty */
	enum page_kind kind;
	int width_px, height_px; /* the page */
	double dpi;		 /* of the page's raster; width_mm = width_px / dpi * 25.4 */
	struct layer *layers;	 /* bottom first */
	int n_layers;
	double
	    ink_lost;	/* the guard's: share of ink components that a reader would not see, 0..1 */
	bool fell_back; /* the guard chose a safer encoding than was classified */
};

struct encode_options { /* from the settings; {0} is not valid: use encode_options_standard */
	enum { KEEP_AUTO, KEEP_COLOUR, KEEP_GREY, KEEP_BITONAL } keep;
	bool mixed;
	int background_dpi;
	int jpeg_quality; /* 20..95 */
	double ink_loss_limit;
};
extern const struct encode_options encode_options_standard;

/*
 * Encodes a cleaned page (Leptonica depths 1, 8, 32; resolution from dpi).
 *
 * kind   what the page was classified as; PAGE_COLOUR and PAGE_GREY become PAGE_MIXED where the
 *        options allow it and segmentation is sure
 * out    must be empty; filled, you release it
 * err    ERROR_INPUT where the page cannot be encoded, ERROR_SYSTEM without memory
 */
bool encode_page(const struct Pix *page, double dpi, enum page_kind kind,
    const struct encode_options *options, struct encoded_page *out, struct error *err);

/* Adds a layer that covers the page, without data. NULL: ERROR_SYSTEM. Lent until the next one is
 * added. */
struct layer *encoded_page_add(struct encoded_page *page, struct error *err);

void encoded_page_release(struct encoded_page *page); /* leaves {0} */

/* A small JPEG of a whole raw or cleaned page for review and evidence, longest side side_px. Gives.
 */
bool encode_thumbnail(
    const struct Pix *page, int side_px, uint8_t **data, size_t *n_bytes, struct error *err);

const char *page_kind_name(enum page_kind kind); /* "bitonal" "grey" "colour" "mixed" */

#endif
