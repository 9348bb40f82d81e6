#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

#include "config/text.h"
#include "scan/paper_image.h"

/*
 * Two ways: lines of 1 or 8 bits, grey or RGB, one after the other, are read as they are; all else
 * (tiles, palettes, 16 bits, planes, YCbCr) band by band through libtiff's RGBA conversion.
 */
struct tiff {
	TIFF *tiff;
	bool simple;
	uint16_t bits, samples, photometric;
	uint8_t *line; /* simple: one line as it lies in the file */

	uint32_t *band; /* else: so many lines, as libtiff's ABGR words, top line first */
	uint32_t *tile;
	uint32_t band_lines, tile_width;
	int band_first, band_end; /* lines of the image that band holds now */
	char text[160];
};

static int tiff_fail(TIFF *t, void *self, const char *module, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int tiff_fail(TIFF *t, void *self, const char *module, const char *fmt, va_list ap)
{
	struct tiff *tiff = self;

	if (!tiff->text[0])
		vsnprintf(tiff->text, sizeof tiff->text, fmt, ap);
	return 1;
}

static int tiff_ignore(TIFF *t, void *self, const char *module, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int tiff_ignore(TIFF *t, void *self, const char *module, const char *fmt, va_list ap)
{
	return 1;
}

static bool tiff_error(const struct tiff *tiff, struct error *err)
{
	return error_set(err, ERROR_INPUT, NULL, _("the TIFF is damaged: %s"),
	    tiff->text[0] ? tiff->text : _("it ends early"));
}

static void tiff_resolution(struct paper_image *image, TIFF *t)
{
	uint16_t unit = RESUNIT_INCH;
	float x = 0, y = 0;

	TIFFGetFieldDefaulted(t, TIFFTAG_RESOLUTIONUNIT, &unit);
	TIFFGetField(t, TIFFTAG_XRESOLUTION, &x);
	TIFFGetField(t, TIFFTAG_YRESOLUTION, &y);
	if (unit != RESUNIT_INCH && unit != RESUNIT_CENTIMETER)
		return;
	double factor = unit == RESUNIT_CENTIMETER ? 2.54 : 1;
	image->x_dpi = x > 0 ? x * factor : 0;
	image->y_dpi = y > 0 ? y * factor : 0;
}

static bool tiff_is_simple(struct tiff *tiff)
{
	TIFF *t = tiff->tiff;
	uint16_t planar = PLANARCONFIG_CONTIG, compression = COMPRESSION_NONE,
		 format = SAMPLEFORMAT_UINT;

	TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &planar);
	TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &compression);
	TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &format);
	if (TIFFIsTiled(t) || planar != PLANARCONFIG_CONTIG || format != SAMPLEFORMAT_UINT)
		return false;
	if (tiff->photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG &&
	    tiff->bits == 8 && tiff->samples == 3) {
		TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
		tiff->photometric = PHOTOMETRIC_RGB;
		return true;
	}
	if (tiff->photometric == PHOTOMETRIC_RGB)
		return tiff->bits == 8 && tiff->samples == 3;
	return (tiff->photometric == PHOTOMETRIC_MINISBLACK ||
		   tiff->photometric == PHOTOMETRIC_MINISWHITE) &&
	    tiff->samples == 1 && (tiff->bits == 1 || tiff->bits == 8);
}

static bool tiff_band_make(struct paper_image *image, struct tiff *tiff, struct error *err)
{
	TIFF *t = tiff->tiff;
	uint32_t lines = 0, width = (uint32_t)image->width_px;
	char why[1024];

	if (!TIFFRGBAImageOK(t, why))
		return error_set(err, ERROR_INPUT, NULL, _("the TIFF cannot be shown: %s"), why);
	if (TIFFIsTiled(t)) {
		TIFFGetField(t, TIFFTAG_TILEWIDTH, &tiff->tile_width);
		TIFFGetField(t, TIFFTAG_TILELENGTH, &lines);
		if (tiff->tile_width == 0)
			return tiff_error(tiff, err);
	} else {
		TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &lines);
		if (lines > (uint32_t)image->height_px)
			lines = (uint32_t)image->height_px;
	}
	if (lines == 0)
		return tiff_error(tiff, err);
	uint64_t held = 4ull * (width + (uint64_t)tiff->tile_width) * lines;
	if (held > PAPER_LIMIT_HELD_BYTES || tiff->tile_width > INT_MAX / 8)
		return error_set(
		    err, ERROR_INPUT, NULL, _("the TIFF's strips or tiles are too large"));
	tiff->band_lines = lines;
	tiff->band = malloc(4 * (size_t)width * lines);
	if (tiff->tile_width)
		tiff->tile = malloc(4 * (size_t)tiff->tile_width * lines);
	if (!tiff->band || (tiff->tile_width && !tiff->tile))
		return error_errno(err, NULL, _("cannot read the image"));
	return true;
}

static bool tiff_open(struct paper_image *image, int fd, struct error *err)
{
	struct tiff *tiff = calloc(1, sizeof *tiff);
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
	uint32_t width = 0, height = 0;
	bool ok = false;

	if (!tiff || !options) {
		error_errno(err, NULL, _("cannot open the image"));
		goto done;
	}
	/* Per file: the handlers and limits of the program that loaded this backend stay its own.
	 */
	TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_fail, tiff);
	TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_ignore, tiff);
	TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)PAPER_LIMIT_HELD_BYTES);
	tiff->tiff = TIFFFdOpenExt(fd, "image", "r", options);
	if (!tiff->tiff) {
		tiff_error(tiff, err);
		goto done;
	}
	fd = -1;
	image->self = tiff;

	TIFF *t = tiff->tiff;
	TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width);
	TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height);
	if (!paper_image_size(image, width, height, err))
		goto done;
	TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &tiff->bits);
	TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &tiff->samples);
	if (!TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &tiff->photometric)) {
		error_set(err, ERROR_INPUT, NULL, _("the TIFF does not say what its pixels mean"));
		goto done;
	}
	tiff_resolution(image, t);
	tiff->simple = tiff_is_simple(tiff);
	if (!tiff->simple) {
		ok = tiff_band_make(image, tiff, err);
		goto done;
	}
	tmsize_t need = ((tmsize_t)image->width_px * tiff->bits * tiff->samples + 7) / 8;
	tmsize_t have = TIFFScanlineSize(t);
	if (have < need) {
		tiff_error(tiff, err);
		goto done;
	}
	tiff->line = malloc((size_t)have);
	if (!tiff->line) {
		error_errno(err, NULL, _("cannot read the image"));
		goto done;
	}
	ok = true;
done:
	TIFFOpenOptionsFree(options);
	if (fd >= 0)
		close(fd);
	if (!ok && !image->self)
		free(tiff);
	return ok;
}

static void pixel_put(uint8_t *line, int x, int channels, uint8_t r, uint8_t g, uint8_t b)
{
	if (channels == 1) {
		line[x] = paper_luminance(r, g, b);
	} else {
		line[3 * x] = r;
		line[3 * x + 1] = g;
		line[3 * x + 2] = b;
	}
}

static void tiff_simple_line(
    const struct paper_image *image, const struct tiff *tiff, uint8_t *line)
{
	uint8_t flip = tiff->photometric == PHOTOMETRIC_MINISWHITE ? 0xff : 0;
	const uint8_t *from = tiff->line;

	if (tiff->samples == image->channels && !flip && tiff->bits == 8) {
		memcpy(line, from, (size_t)image->width_px * tiff->samples);
		return;
	}
	for (int x = 0; x < image->width_px; x++) {
		if (tiff->samples == 3) {
			pixel_put(line, x, image->channels, from[3 * x], from[3 * x + 1],
			    from[3 * x + 2]);
			continue;
		}
		uint8_t v = tiff->bits == 8		  ? from[x]
		    : (from[x >> 3] >> (7 - (x & 7))) & 1 ? 0xff
							  : 0;
		v ^= flip;
		pixel_put(line, x, image->channels, v, v, v);
	}
}

/* Fills band with the strip or the row of tiles that holds line y. */
static bool tiff_band_read(struct paper_image *image, struct tiff *tiff, int y)
{
	uint32_t width = (uint32_t)image->width_px, lines = tiff->band_lines;
	uint32_t first = (uint32_t)y / lines * lines;
	uint32_t n =
	    (uint32_t)image->height_px - first < lines ? (uint32_t)image->height_px - first : lines;

	if (!tiff->tile_width) {
		if (!TIFFReadRGBAStripExt(tiff->tiff, first, tiff->band, 1))
			return false;
		/* libtiff's bottom line comes first */
		for (uint32_t a = 0, b = n - 1; a < b; a++, b--)
			for (uint32_t x = 0; x < width; x++) {
				uint32_t v = tiff->band[a * (size_t)width + x];
				tiff->band[a * (size_t)width + x] =
				    tiff->band[b * (size_t)width + x];
				tiff->band[b * (size_t)width + x] = v;
			}
	} else {
		uint32_t tw = tiff->tile_width;
		for (uint32_t left = 0; left < width; left += tw) {
			uint32_t k = width - left < tw ? width - left : tw;
			if (!TIFFReadRGBATileExt(tiff->tiff, left, first, tiff->tile, 1))
				return false;
			for (uint32_t i = 0; i < n; i++)
				memcpy(tiff->band + i * (size_t)width + left,
				    tiff->tile + (size_t)(lines - 1 - i) * tw, 4 * (size_t)k);
		}
	}
	tiff->band_first = (int)first;
	tiff->band_end = (int)(first + n);
	return true;
}

static bool tiff_line(struct paper_image *image, uint8_t *line, struct error *err)
{
	struct tiff *tiff = image->self;
	int y = image->n_read;

	if (tiff->simple) {
		if (TIFFReadScanline(tiff->tiff, tiff->line, (uint32_t)y, 0) < 0)
			return tiff_error(tiff, err);
		tiff_simple_line(image, tiff, line);
		return true;
	}
	if ((y < tiff->band_first || y >= tiff->band_end) && !tiff_band_read(image, tiff, y))
		return tiff_error(tiff, err);
	const uint32_t *from =
	    tiff->band + (size_t)(y - tiff->band_first) * (size_t)image->width_px;
	for (int x = 0; x < image->width_px; x++) {
		/* Colours are already multiplied by the opacity: what is left of it is white paper.
		 */
		uint8_t white = (uint8_t)(255 - TIFFGetA(from[x]));
		uint32_t r = TIFFGetR(from[x]) + white, g = TIFFGetG(from[x]) + white;
		uint32_t b = TIFFGetB(from[x]) + white;
		pixel_put(line, x, image->channels, r > 255 ? 255 : (uint8_t)r,
		    g > 255 ? 255 : (uint8_t)g, b > 255 ? 255 : (uint8_t)b);
	}
	return true;
}

static void tiff_close(struct paper_image *image)
{
	struct tiff *tiff = image->self;

	TIFFClose(tiff->tiff);
	free(tiff->line);
	free(tiff->band);
	free(tiff->tile);
	free(tiff);
}

const struct paper_decoder paper_decoder_tiff = {"TIFF", tiff_open, tiff_line, tiff_close};
