#include "ocr/farm_image.h"

#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <zstd.h>

#include "config/text.h"

#define LEVEL	    1 /* higher ones are no smaller on pages */
#define PIXELS_MOST 400000000ll

static size_t pix_bytes(PIX *pix)
{
	return 4 * (size_t)pixGetWpl(pix) * (size_t)pixGetHeight(pix);
}

bool farm_image_pack(const struct Pix *image, uint8_t **data, size_t *n_bytes, struct error *err)
{
	PIX *lines = pixCopy(NULL, (PIX *)(uintptr_t)image);
	size_t most = lines ? ZSTD_compressBound(pix_bytes(lines)) : 0;
	uint8_t *packed = lines ? malloc(most) : NULL;
	bool ok = false;

	if (packed) {
		pixSetPadBits(lines, 0);
		pixEndianByteSwap(lines);
		size_t n = ZSTD_compress(packed, most, pixGetData(lines), pix_bytes(lines), LEVEL);
		if (!ZSTD_isError(n)) {
			*data = packed;
			*n_bytes = n;
			packed = NULL;
			ok = true;
		}
	}
	if (!ok)
		error_set(err, ERROR_SYSTEM, NULL, _("no memory to send the page to the farm"));
	free(packed);
	pixDestroy(&lines);
	return ok;
}

bool farm_image_unpack(const void *data, size_t n_bytes, int width_px, int height_px, int depth,
    struct Pix **out, struct error *err)
{
	PIX *pix = NULL;

	if (width_px < 1 || height_px < 1 || (depth != 1 && depth != 8) ||
	    (int64_t)width_px * height_px > PIXELS_MOST)
		return error_set(
		    err, ERROR_INPUT, NULL, "an image of %d x %d pixels", width_px, height_px);
	/* What it says of itself is looked at before memory is taken. */
	size_t wanted = 4 * (((size_t)width_px * (size_t)depth + 31) / 32) * (size_t)height_px;
	if (ZSTD_getFrameContentSize(data, n_bytes) != wanted)
		return error_set(err, ERROR_INPUT, NULL, "its image has not the size that it says");
	pix = pixCreateNoInit(width_px, height_px, depth);
	if (!pix)
		return error_set(err, ERROR_SYSTEM, NULL, "no memory for a page of the farm");
	if (ZSTD_decompress(pixGetData(pix), wanted, data, n_bytes) != wanted) {
		pixDestroy(&pix);
		return error_set(err, ERROR_INPUT, NULL, "its image is damaged");
	}
	pixEndianByteSwap(pix);
	*out = pix;
	return true;
}
