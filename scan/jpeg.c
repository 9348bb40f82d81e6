#include "scan/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <leptonica/allheaders.h>

#include "config/text.h"

struct handler { /* libjpeg's errors come back here instead of ending the program */
	struct jpeg_error_mgr base;
	jmp_buf back;
	char text[JMSG_LENGTH_MAX];
};

static void on_error(j_common_ptr info)
{
	struct handler *handler = (struct handler *)(void *)info->err;
	handler->base.format_message(info, handler->text);
	longjmp(handler->back, 1);
}

static void on_message(j_common_ptr info)
{
}

static void handler_open(struct handler *handler)
{
	jpeg_std_error(&handler->base);
	handler->base.error_exit = on_error;
	handler->base.output_message = on_message;
	handler->text[0] = 0;
}

struct source { /* rows of one of the two kinds of pages */
	const struct plane *planes;
	PIX *pix;
	int n_channels, width_px, height_px;
};

/* Row y as libjpeg wants it: bytes of one or three channels. */
static void source_row(const struct source *source, int y, uint8_t *row)
{
	if (source->pix) {
		const uint32_t *words =
		    pixGetData(source->pix) + (size_t)y * (size_t)pixGetWpl(source->pix);
		if (source->n_channels == 3) {
			for (int x = 0; x < source->width_px; x++) {
				row[3 * x] = (uint8_t)(words[x] >> 24);
				row[3 * x + 1] = (uint8_t)(words[x] >> 16);
				row[3 * x + 2] = (uint8_t)(words[x] >> 8);
			}
		} else {
			for (int x = 0; x < source->width_px; x++)
				row[x] = (uint8_t)(words[x >> 2] >> (24 - 8 * (x & 3)));
		}
	} else if (source->n_channels == 1) {
		memcpy(row, plane_row(&source->planes[0], y), (size_t)source->width_px);
	} else {
		const uint8_t *r = plane_row(&source->planes[0], y),
			      *g = plane_row(&source->planes[1], y);
		const uint8_t *b = plane_row(&source->planes[2], y);
		for (int x = 0; x < source->width_px; x++) {
			row[3 * x] = r[x];
			row[3 * x + 1] = g[x];
			row[3 * x + 2] = b[x];
		}
	}
}

static bool encode(const struct source *source, int quality, int dpi, uint8_t **data,
    size_t *n_bytes, struct error *err)
{
	struct jpeg_compress_struct jpeg;
	struct handler handler;
	unsigned char *volatile_data = NULL;
	unsigned long n = 0;
	uint8_t *volatile row = malloc((size_t)source->width_px * 3 + 16);

	if (!row)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"),
		    source->width_px);
	if (source->width_px > JPEG_MAX_DIMENSION || source->height_px > JPEG_MAX_DIMENSION) {
		free(row);
		return error_set(err, ERROR_INPUT, _("scan the page in parts"),
		    _("the page is longer than 65,500 pixels"));
	}
	handler_open(&handler);
	jpeg.err = &handler.base;
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &volatile_data, &n);
	if (setjmp(handler.back)) {
		jpeg_destroy_compress(&jpeg);
		free(row);
		free(volatile_data);
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot compress a page: %s"), handler.text);
	}
	jpeg.image_width = (JDIMENSION)source->width_px;
	jpeg.image_height = (JDIMENSION)source->height_px;
	jpeg.input_components = source->n_channels;
	jpeg.in_color_space = source->n_channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, quality, TRUE);
	/* the slow changes of colour over old paper are what a coarse table would turn into
	 * blotches */
	static const int slow[] = {0, 1, 8, 16, 9, 2}; /* in rows of eight, zigzag's first */
	for (size_t i = 0; source->n_channels == 3 && i < sizeof slow / sizeof *slow; i++) {
		UINT16 *step = &jpeg.quant_tbl_ptrs[1]->quantval[slow[i]];
		*step = *step > 5 ? 5 : *step;
	}
	jpeg.optimize_coding = TRUE;
	jpeg.dct_method = JDCT_ISLOW;
	jpeg.density_unit = 1;
	jpeg.X_density = jpeg.Y_density = (UINT16)(dpi < 1 ? 1 : dpi > 65535 ? 65535 : dpi);
	jpeg_start_compress(&jpeg, TRUE);
	while (jpeg.next_scanline < jpeg.image_height) {
		source_row(source, (int)jpeg.next_scanline, row);
		JSAMPROW rows[1] = {row};
		jpeg_write_scanlines(&jpeg, rows, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(row);
	*data = volatile_data;
	*n_bytes = n;
	return true;
}

bool jpeg_encode(const struct plane *planes, int n_channels, int quality, int dpi, uint8_t **data,
    size_t *n_bytes, struct error *err)
{
	struct source source = {planes, NULL, n_channels, planes[0].width_px, planes[0].height_px};
	return encode(&source, quality, dpi, data, n_bytes, err);
}

bool jpeg_encode_pix(
    const struct Pix *pix, int quality, int dpi, uint8_t **data, size_t *n_bytes, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	struct source source = {
	    NULL, lent, pixGetDepth(lent) == 32 ? 3 : 1, pixGetWidth(lent), pixGetHeight(lent)};
	return encode(&source, quality, dpi, data, n_bytes, err);
}

bool jpeg_decode(
    const uint8_t *data, size_t n_bytes, struct plane out[3], int *n_channels, struct error *err)
{
	struct jpeg_decompress_struct jpeg;
	struct handler handler;
	struct plane planes[3] = {0};
	uint8_t *volatile row = NULL;

	handler_open(&handler);
	jpeg.err = &handler.base;
	jpeg_create_decompress(&jpeg);
	if (setjmp(handler.back)) {
		jpeg_destroy_decompress(&jpeg);
		free(row);
		for (int c = 0; c < 3; c++)
			plane_release(&planes[c]);
		return error_set(
		    err, ERROR_INPUT, NULL, _("a JPEG image is damaged: %s"), handler.text);
	}
	jpeg_mem_src(&jpeg, data, (unsigned long)n_bytes);
	jpeg_read_header(&jpeg, TRUE);
	jpeg.dct_method = JDCT_ISLOW;
	jpeg_start_decompress(&jpeg);
	int w = (int)jpeg.output_width, h = (int)jpeg.output_height, n = jpeg.output_components;
	row = malloc((size_t)w * (size_t)n + 16);
	bool room = row && (n == 1 || n == 3);
	for (int c = 0; room && c < n; c++)
		room = plane_open(&planes[c], w, h, err);
	while (room && jpeg.output_scanline < jpeg.output_height) {
		int y = (int)jpeg.output_scanline;
		JSAMPROW rows[1] = {row};
		jpeg_read_scanlines(&jpeg, rows, 1);
		if (n == 1) {
			memcpy(plane_row(&planes[0], y), row, (size_t)w);
			continue;
		}
		for (int c = 0; c < 3; c++) {
			uint8_t *to = plane_row(&planes[c], y);
			for (int x = 0; x < w; x++)
				to[x] = row[3 * x + c];
		}
	}
	if (room)
		jpeg_finish_decompress(&jpeg);
	jpeg_destroy_decompress(&jpeg);
	free(row);
	for (int c = 0; c < 3; c++)
		if (room)
			plane_move(&out[c], &planes[c]);
		else
			plane_release(&planes[c]);
	if (!room)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"), w, h);
	*n_channels = n;
	return true;
}
