#include <png.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text.h"
#include "scan/paper_image.h"

struct png {
	png_structp png;
	png_infop info;
	FILE *file;
	int channels;	/* after libpng's conversions: 1 or 3 */
	uint8_t *line;	/* one line of these */
	uint8_t *whole; /* an interlaced file, all lines of it */
	png_bytep *rows;
	char text[128];
};

static void png_fail(png_structp p, png_const_charp message)
{
	struct png *png = png_get_error_ptr(p);

	snprintf(png->text, sizeof png->text, "%s", message);
	png_longjmp(p, 1);
}

static void png_ignore(png_structp p, png_const_charp message)
{
}

static bool png_error_set(const struct png *png, struct error *err)
{
	return error_set(err, ERROR_INPUT, NULL, _("the PNG is damaged: %s"), png->text);
}

static void png_resolution(struct paper_image *image, const struct png *png)
{
	png_uint_32 x, y;
	int unit;

	if (png_get_pHYs(png->png, png->info, &x, &y, &unit) && unit == PNG_RESOLUTION_METER) {
		image->x_dpi = x * 0.0254;
		image->y_dpi = y * 0.0254;
	}
}

/* 8 bits, one channel or three, transparent parts on white. */
static void png_conversions(struct png *png)
{
	png_structp p = png->png;
	png_color_16 white = {.red = 0xff, .green = 0xff, .blue = 0xff, .gray = 0xff};

	png_set_scale_16(p);
	png_set_expand(p);
	if ((png_get_color_type(p, png->info) & PNG_COLOR_MASK_ALPHA) ||
	    png_get_valid(p, png->info, PNG_INFO_tRNS)) {
		if (png_get_bit_depth(p, png->info) == 16)
			white = (png_color_16){0, 0xffff, 0xffff, 0xffff, 0xffff};
		png_set_background(p, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
	}
}

static bool png_start(struct paper_image *image, struct png *png, struct error *err)
{
	if (setjmp(png_jmpbuf(png->png)))
		return png_error_set(png, err);
	png_set_user_limits(png->png, 0x7fffffff, 0x7fffffff);
	png_init_io(png->png, png->file);
	png_read_info(png->png, png->info);
	if (!paper_image_size(image, png_get_image_width(png->png, png->info),
		png_get_image_height(png->png, png->info), err))
		return false;
	png_resolution(image, png);
	png_conversions(png);
	int passes = png_set_interlace_handling(png->png);
	png_read_update_info(png->png, png->info);
	png->channels = png_get_channels(png->png, png->info);
	size_t line_bytes = png_get_rowbytes(png->png, png->info);
	if ((png->channels != 1 && png->channels != 3) ||
	    line_bytes != (size_t)image->width_px * (size_t)png->channels)
		return error_set(
		    err, ERROR_INPUT, NULL, _("the PNG has %d channels"), png->channels);
	if (passes > 1 && line_bytes * (size_t)image->height_px > PAPER_LIMIT_HELD_BYTES)
		return error_set(err, ERROR_INPUT, NULL, _("the interlaced PNG is too large"));
	png->line = malloc(line_bytes);
	if (!png->line)
		return error_errno(err, NULL, _("cannot read the image"));
	if (passes > 1) {
		png->whole = malloc(line_bytes * (size_t)image->height_px);
		png->rows = calloc((size_t)image->height_px, sizeof *png->rows);
		if (!png->whole || !png->rows)
			return error_errno(err, NULL, _("cannot read the image"));
		for (int y = 0; y < image->height_px; y++)
			png->rows[y] = png->whole + (size_t)y * line_bytes;
	}
	return true;
}

static bool png_open(struct paper_image *image, int fd, struct error *err)
{
	struct png *png = calloc(1, sizeof *png);

	if (!png || !(png->file = fdopen(fd, "rb"))) {
		error_errno(err, NULL, _("cannot open the image"));
		close(fd);
		free(png);
		return false;
	}
	image->self = png;
	png->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, png_fail, png_ignore);
	png->info = png->png ? png_create_info_struct(png->png) : NULL;
	if (!png->info)
		return error_errno(err, NULL, _("cannot open the image"));
	return png_start(image, png, err);
}

static void png_grey(const uint8_t *rgb, uint8_t *grey, int width_px)
{
	for (int x = 0; x < width_px; x++, rgb += 3)
		grey[x] = paper_luminance(rgb[0], rgb[1], rgb[2]);
}

static bool png_line(struct paper_image *image, uint8_t *line, struct error *err)
{
	struct png *png = image->self;

	if (setjmp(png_jmpbuf(png->png)))
		return png_error_set(png, err);
	if (png->rows && image->n_read == 0)
		png_read_image(png->png, png->rows);
	const uint8_t *from = png->line;
	if (png->rows)
		from = png->rows[image->n_read];
	else
		png_read_row(png->png, png->line, NULL);

	if (png->channels == image->channels)
		memcpy(line, from, (size_t)image->width_px * (size_t)image->channels);
	else if (image->channels == 1)
		png_grey(from, line, image->width_px);
	else
		for (int x = 0; x < image->width_px; x++)
			line[3 * x] = line[3 * x + 1] = line[3 * x + 2] = from[x];
	return true;
}

static void png_close(struct paper_image *image)
{
	struct png *png = image->self;

	png_destroy_read_struct(&png->png, &png->info, NULL);
	fclose(png->file);
	free(png->line);
	free(png->whole);
	free(png->rows);
	free(png);
}

const struct paper_decoder paper_decoder_png = {"PNG", png_open, png_line, png_close};
