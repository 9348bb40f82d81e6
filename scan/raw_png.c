/* PNG by libpng. */
#include <allheaders.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/log.h"
#include "config/text.h"
#include "scan/raw_decode.h"

struct png_reader {
	const char *path;
	png_structp png;
	png_infop info;
	char why[200];
	PIX *pix;
	uint8_t *lines; /* one, or all of an interlaced image */
};

static void png_failed(png_structp png, png_const_charp text)
{
	struct png_reader *r = png_get_error_ptr(png);

	snprintf(r->why, sizeof r->why, "%s", text);
	png_longjmp(png, 1);
}

static void png_said(png_structp png, png_const_charp text)
{
	struct png_reader *r = png_get_error_ptr(png);

	log_put(LOG_NOTE, r->path, "libpng: %s", text);
}

static uint8_t over_white(uint8_t v, uint8_t alpha)
{
	return (uint8_t)((v * alpha + 255 * (255 - alpha) + 127) / 255);
}

static void line_put(PIX *pix, const uint8_t *line, int y, int channels, int bits)
{
	l_uint32 *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
	int w = pixGetWidth(pix);

	if (pixGetDepth(pix) == 1) {
		for (int i = 0; i < (w + 7) / 8; i++)
			SET_DATA_BYTE(to, i, line[i] ^ 0xFF); /* PNG: 0 is black */
		return;
	}
	for (int x = 0; x < w; x++) {
		size_t at = (size_t)x * (size_t)channels;
		if (channels == 1 && bits == 16) {
			SET_DATA_TWO_BYTES(to, x, ((const uint16_t *)(const void *)line)[at]);
		} else if (channels <= 2) {
			uint8_t v = raw_sample(line, at, bits);
			if (channels == 2)
				v = over_white(v, raw_sample(line, at + 1, bits));
			SET_DATA_BYTE(to, x, v);
		} else {
			uint8_t a = channels == 4 ? raw_sample(line, at + 3, bits) : 255;
			composeRGBPixel(over_white(raw_sample(line, at, bits), a),
			    over_white(raw_sample(line, at + 1, bits), a),
			    over_white(raw_sample(line, at + 2, bits), a), to + x);
		}
	}
}

static void header_use(struct png_reader *r, struct raw_picture *out)
{
	png_uint_32 x = 0, y = 0, n = 0;
	png_bytep exif = NULL;
	int unit = 0;

	out->orientation = 1;
	if (png_get_pHYs(r->png, r->info, &x, &y, &unit) && unit == PNG_RESOLUTION_METER) {
		out->x_dpi = x * 0.0254;
		out->y_dpi = y * 0.0254;
	}
	if (png_get_eXIf_1(r->png, r->info, &n, &exif) && exif)
		raw_exif_read(exif, n, out);
}

/* Asks for whole bytes, real colours, and a grey of 1, 8 or 16 bits. */
static int transform_choose(struct png_reader *r)
{
	int type = png_get_color_type(r->png, r->info);
	int bits = png_get_bit_depth(r->png, r->info);
	bool clear = png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0;

	if (type == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(r->png);
	if (type == PNG_COLOR_TYPE_GRAY && (bits == 2 || bits == 4 || (bits == 1 && clear)))
		png_set_expand_gray_1_2_4_to_8(r->png);
	if (clear)
		png_set_tRNS_to_alpha(r->png);
	if (bits == 16 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		png_set_swap(r->png);
	return png_set_interlace_handling(r->png);
}

static bool pixels_read(struct png_reader *r, struct error *err)
{
	int passes = transform_choose(r);

	png_read_update_info(r->png, r->info);
	int w = (int)png_get_image_width(r->png, r->info),
	    h = (int)png_get_image_height(r->png, r->info);
	int bits = png_get_bit_depth(r->png, r->info), channels = png_get_channels(r->png, r->info);
	size_t line_bytes = png_get_rowbytes(r->png, r->info);
	int depth = channels >= 3 ? 32 : channels == 1 && (bits == 1 || bits == 16) ? bits : 8;

	r->lines = calloc(passes > 1 ? (size_t)h : 1, line_bytes);
	if (!r->lines)
		return error_errno(err, NULL, _("cannot read the image '%s'"), r->path);
	if (!raw_pix_make(w, h, depth, &r->pix, err))
		return false;
	for (int pass = 0; pass < passes; pass++)
		for (int y = 0; y < h; y++) {
			uint8_t *line = r->lines + (passes > 1 ? (size_t)y * line_bytes : 0);
			png_read_row(r->png, line, NULL);
			if (pass == passes - 1)
				line_put(r->pix, line, y, channels, bits);
		}
	png_read_end(r->png, NULL);
	if (depth == 1)
		pixSetPadBits(r->pix, 0);
	return true;
}

/* The size stands at a fixed place: it is known before any chunk costs memory. */
static bool size_check(FILE *file, const char *path, uint64_t limit_pixels, struct error *err)
{
	uint8_t head[24];

	if (fread(head, 1, sizeof head, file) != sizeof head || memcmp(head + 12, "IHDR", 4) != 0)
		return raw_refuse(err, path, _("the file is damaged or cut short"));
	rewind(file);
	return raw_size_check(
	    path, png_get_uint_32(head + 16), png_get_uint_32(head + 20), limit_pixels, err);
}

static bool png_run(FILE *file, const char *path, uint64_t limit_pixels, bool pixels,
    struct raw_picture *out, struct error *err)
{
	struct png_reader *r = calloc(1, sizeof *r);
	volatile bool ok = false; /* outlives longjmp() */

	if (!r)
		return error_errno(err, NULL, _("cannot read the image '%s'"), path);
	if (!size_check(file, path, limit_pixels, err))
		goto done;
	r->path = path;
	r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, png_failed, png_said);
	r->info = r->png ? png_create_info_struct(r->png) : NULL;
	if (!r->info) {
		error_errno(err, NULL, _("cannot read the image '%s'"), path);
		goto done;
	}
	if (setjmp(png_jmpbuf(r->png))) {
		char why[300];
		snprintf(why, sizeof why, "%s: %s", _("the file is damaged or cut short"), r->why);
		raw_refuse(err, path, why);
		goto done;
	}
	png_set_user_limits(r->png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours are below */
	png_set_chunk_malloc_max(r->png, 16 << 20);
	png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
	png_init_io(r->png, file);
	png_read_info(r->png, r->info);
	header_use(r, out);
	if (pixels) {
		if (!pixels_read(r, err))
			goto done;
		out->pix = r->pix;
		r->pix = NULL;
	}
	ok = true;
done:
	png_destroy_read_struct(&r->png, &r->info, NULL);
	pixDestroy(&r->pix);
	free(r->lines);
	free(r);
	return ok;
}

static bool png_read(FILE *file, const char *path, int page, uint64_t limit_pixels,
    struct raw_picture *out, struct error *err)
{
	if (page != 0)
		return raw_refuse(err, path, _("a PNG has only one page"));
	return png_run(file, path, limit_pixels, true, out, err);
}

static bool png_pages(FILE *file, const char *path, int *n_pages, struct error *err)
{
	struct raw_picture picture = {0};

	if (!png_run(file, path, UINT64_MAX, false, &picture, err))
		return false;
	*n_pages = 1;
	return true;
}

const struct raw_decoder raw_decoder_png = {"PNG", png_read, png_pages};
