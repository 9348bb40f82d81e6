#include "scan/g4.h"

#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <tiffio.h>

#include "config/text.h"

struct memory_file { /* what libtiff takes for a file */
	uint8_t *data;
	size_t n, room, at;
};

static tmsize_t memory_read(thandle_t handle, void *to, tmsize_t n)
{
	struct memory_file *file = handle;
	size_t left = file->at < file->n ? file->n - file->at : 0;
	size_t take = (size_t)n < left ? (size_t)n : left;
	memcpy(to, file->data + file->at, take);
	file->at += take;
	return (tmsize_t)take;
}

static tmsize_t memory_write(thandle_t handle, void *from, tmsize_t n)
{
	struct memory_file *file = handle;
	size_t end = file->at + (size_t)n;
	if (end > file->room) {
		size_t room = file->room ? file->room : 65536;
		while (room < end)
			room *= 2;
		uint8_t *data = realloc(file->data, room);
		if (!data)
			return -1;
		memset(data + file->room, 0, room - file->room);
		file->data = data;
		file->room = room;
	}
	memcpy(file->data + file->at, from, (size_t)n);
	file->at = end;
	file->n = end > file->n ? end : file->n;
	return n;
}

static toff_t memory_seek(thandle_t handle, toff_t offset, int whence)
{
	struct memory_file *file = handle;
	size_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->at : file->n;
	file->at = base + (size_t)offset;
	return file->at;
}

static int memory_close(thandle_t handle)
{
	return 0;
}

static toff_t memory_size(thandle_t handle)
{
	const struct memory_file *file = handle;
	return file->n;
}

static int memory_map(thandle_t handle, void **base, toff_t *size)
{
	return 0;
}

static void memory_unmap(thandle_t handle, void *base, toff_t size)
{
}

static TIFF *memory_open(struct memory_file *file, const char *mode)
{
	return TIFFClientOpen("page", mode, file, memory_read, memory_write, memory_seek,
	    memory_close, memory_size, memory_map, memory_unmap);
}

/* The rows of a Pix as bytes in their order, bits beyond the width cleared. Gives. */
static uint8_t *rows_packed(PIX *pix, size_t *stride)
{
	int w = pixGetWidth(pix), h = pixGetHeight(pix), words = pixGetWpl(pix);
	*stride = ((size_t)w + 7) / 8;
	uint8_t *bytes = malloc(*stride * (size_t)h + 4);
	uint8_t last = w % 8 ? (uint8_t)(0xff << (8 - w % 8)) : 0xff;
	for (int y = 0; bytes && y < h; y++) {
		const uint32_t *row = pixGetData(pix) + (size_t)y * (size_t)words;
		uint8_t *to = bytes + (size_t)y * *stride;
		for (size_t i = 0; i < *stride; i++)
			to[i] = (uint8_t)(row[i / 4] >> (24 - 8 * (i % 4)));
		to[*stride - 1] &= last;
	}
	return bytes;
}

static bool fields_set(TIFF *tiff, int width_px, int height_px)
{
	return TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)width_px) &&
	    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)height_px) &&
	    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1) &&
	    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1) &&
	    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, (uint32_t)height_px) &&
	    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4) &&
	    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE) &&
	    TIFFSetField(tiff, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB);
}

bool g4_encode(const struct Pix *bits, uint8_t **data, size_t *n_bytes, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)bits;
	int w = pixGetWidth(lent), h = pixGetHeight(lent);
	struct memory_file file = {0};
	size_t stride = 0;
	uint8_t *rows = rows_packed(lent, &stride), *strip = NULL;
	TIFF *tiff = rows ? memory_open(&file, "wm") : NULL;
	bool ok = false;
	uint64_t *offsets = NULL, *counts = NULL;

	/* one strip: what lies in the file between its offset and its end is the T.6 data */
	if (!tiff || !fields_set(tiff, w, h) ||
	    TIFFWriteEncodedStrip(tiff, 0, rows, (tmsize_t)(stride * (size_t)h)) < 0 ||
	    !TIFFFlushData(tiff))
		goto done;
	if (!TIFFGetField(tiff, TIFFTAG_STRIPOFFSETS, &offsets) ||
	    !TIFFGetField(tiff, TIFFTAG_STRIPBYTECOUNTS, &counts) || !counts[0] ||
	    offsets[0] + counts[0] > file.n)
		goto done;
	strip = malloc(counts[0]);
	if (!strip)
		goto done;
	memcpy(strip, file.data + offsets[0], counts[0]);
	*data = strip;
	*n_bytes = counts[0];
	ok = true;
done:
	if (!ok)
		error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot compress a page of %d x %d pixels"), w, h);
	if (tiff)
		TIFFClose(tiff);
	free(rows);
	free(file.data);
	return ok;
}

bool g4_decode(const uint8_t *data, size_t n_bytes, int width_px, int height_px, struct Pix **out,
    struct error *err)
{
	struct memory_file file = {0};
	size_t stride = ((size_t)width_px + 7) / 8;
	uint8_t *rows = NULL, *copy = NULL;
	PIX *pix = NULL;
	TIFF *tiff = NULL;
	bool ok = false;

	if (width_px < 1 || height_px < 1 || n_bytes < 1)
		return error_set(err, ERROR_INPUT, NULL, _("a Group 4 image is empty"));
	copy = malloc(n_bytes); /* libtiff may turn the bits of what it writes */
	rows = calloc((size_t)height_px, stride);
	pix = pixCreate(width_px, height_px, 1);
	if (!copy || !rows || !pix) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		    width_px, height_px);
		goto done;
	}
	memcpy(copy, data, n_bytes);
	tiff = memory_open(&file, "wm");
	if (!tiff || !fields_set(tiff, width_px, height_px) ||
	    TIFFWriteRawStrip(tiff, 0, copy, (tmsize_t)n_bytes) < 0) {
		error_set(err, ERROR_SYSTEM, NULL,
		    _("cannot open a Group 4 image of %d x %d pixels"), width_px, height_px);
		goto done;
	}
	TIFFClose(tiff);
	file.at = 0;
	tiff = memory_open(&file, "rm");
	if (!tiff ||
	    TIFFReadEncodedStrip(tiff, 0, rows, (tmsize_t)(stride * (size_t)height_px)) < 0) {
		error_set(err, ERROR_INPUT, NULL, _("a Group 4 image of %d x %d pixels is damaged"),
		    width_px, height_px);
		goto done;
	}
	for (int y = 0; y < height_px; y++) {
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		const uint8_t *row = rows + (size_t)y * stride;
		for (size_t i = 0; i < stride; i++)
			to[i / 4] |= (uint32_t)row[i] << (24 - 8 * (i % 4));
	}
	*out = pix;
	pix = NULL;
	ok = true;
done:
	if (tiff)
		TIFFClose(tiff);
	free(file.data);
	free(copy);
	free(rows);
	pixDestroy(&pix);
	return ok;
}
