/* TIFF by libtiff: writing the spool's raw images, reading what others wrote. */
#include <allheaders.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tiffio.h>
#include <unistd.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "scan/raw.h"
#include "scan/raw_decode.h"

/* What libtiff complained about while one file was open. */
struct complaint {
	const char *path;
	char first[200]; /* the first error; "" while there is none */
};

static int tiff_error(TIFF *tif, void *self, const char *module, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));
static int tiff_warning(TIFF *tif, void *self, const char *module, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int tiff_error(TIFF *tif, void *self, const char *module, const char *fmt, va_list ap)
{
	struct complaint *c = self;

	if (!c->first[0])
		vsnprintf(c->first, sizeof c->first, fmt, ap);
	return 1; /* nobody else is told */
}

static int tiff_warning(TIFF *tif, void *self, const char *module, const char *fmt, va_list ap)
{
	struct complaint *c = self;
	char text[200];

	vsnprintf(text, sizeof text, fmt, ap);
	log_put(LOG_NOTE, c->path, "libtiff: %s", text);
	return 1;
}

static TIFFOpenOptions *tiff_options(struct complaint *c)
{
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();

	if (!options)
		return NULL;
	TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_error, c);
	TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_warning, c);
	TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)2 << 30);
	return options;
}

/* --- writing ----------------------------------------------------------------- */

/* A file that grows in memory, so that hash and durable write see the finished bytes once. */
struct memory {
	uint8_t *data;
	size_t n, room, at;
};

static tmsize_t memory_read(thandle_t self, void *buf, tmsize_t n)
{
	struct memory *m = self;
	size_t left = m->at < m->n ? m->n - m->at : 0;
	size_t k = (size_t)n < left ? (size_t)n : left;

	memcpy(buf, m->data + m->at, k);
	m->at += k;
	return (tmsize_t)k;
}

static tmsize_t memory_write(thandle_t self, void *buf, tmsize_t n)
{
	struct memory *m = self;
	size_t end = m->at + (size_t)n;

	if (end > m->room) {
		size_t room = end + end / 2 + 4096;
		uint8_t *data = realloc(m->data, room);
		if (!data)
			return -1;
		m->data = data;
		m->room = room;
	}
	if (m->at > m->n)
		memset(m->data + m->n, 0, m->at - m->n);
	memcpy(m->data + m->at, buf, (size_t)n);
	m->at = end;
	if (end > m->n)
		m->n = end;
	return n;
}

static toff_t memory_seek(thandle_t self, toff_t offset, int whence)
{
	struct memory *m = self;

	if (whence == SEEK_CUR)
		offset += m->at;
	else if (whence == SEEK_END)
		offset += m->n;
	m->at = (size_t)offset;
	return m->at;
}

static int memory_close(thandle_t self)
{
	return 0;
}

static toff_t memory_size(thandle_t self)
{
	return ((struct memory *)self)->n;
}

static int compression_number(const char *name)
{
	return strcmp(name, "zstd") == 0   ? COMPRESSION_ZSTD
	    : strcmp(name, "lzw") == 0	   ? COMPRESSION_LZW
	    : strcmp(name, "deflate") == 0 ? COMPRESSION_ADOBE_DEFLATE
					   : COMPRESSION_NONE;
}

static bool tags_put(TIFF *tif, const struct raw_image *image, int compression)
{
	enum { STRIP_BYTES = 1 << 20 };
	size_t used =
	    ((size_t)image->width_px * (size_t)image->channels * (size_t)image->depth_bits + 7) / 8;
	uint32_t rows = (uint32_t)(STRIP_BYTES / used + 1);
	bool ok = true;

	if (image->depth_bits == 1 || rows > (uint32_t)image->height_px)
		rows = (uint32_t)image->height_px;
	ok = ok && TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, (uint32_t)image->width_px);
	ok = ok && TIFFSetField(tif, TIFFTAG_IMAGELENGTH, (uint32_t)image->height_px);
	ok = ok && TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, image->depth_bits);
	ok = ok && TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, image->channels);
	ok = ok && TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
	ok = ok && TIFFSetField(tif, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
	ok = ok && TIFFSetField(tif, TIFFTAG_COMPRESSION, compression);
	ok = ok &&
	    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC,
		image->channels == 3	     ? PHOTOMETRIC_RGB
		    : image->depth_bits == 1 ? PHOTOMETRIC_MINISWHITE
					     : PHOTOMETRIC_MINISBLACK);
	ok = ok && TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, rows);
	if (image->dpi > 0) {
		ok = ok && TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
		ok = ok && TIFFSetField(tif, TIFFTAG_XRESOLUTION, image->dpi);
		ok = ok && TIFFSetField(tif, TIFFTAG_YRESOLUTION, image->dpi);
	}
	if (compression == COMPRESSION_ZSTD)
		ok = ok && TIFFSetField(tif, TIFFTAG_ZSTD_LEVEL, 1);
	if (compression == COMPRESSION_ADOBE_DEFLATE)
		ok = ok && TIFFSetField(tif, TIFFTAG_ZIPQUALITY, 1);
	if (compression != COMPRESSION_CCITTFAX4 && compression != COMPRESSION_NONE)
		ok = ok && TIFFSetField(tif, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
	return ok;
}

static bool lines_put(TIFF *tif, const struct raw_image *image)
{
	/* libtiff's predictor works in place: it must not see the caller's pixels */
	size_t line_bytes = (size_t)TIFFScanlineSize(tif);
	uint8_t *line = malloc(line_bytes);
	bool ok = line != NULL;

	for (int y = 0; ok && y < image->height_px; y++) {
		memcpy(line, image->data + (size_t)y * image->line_bytes, line_bytes);
		ok = TIFFWriteScanline(tif, line, (uint32_t)y, 0) >= 0;
	}
	free(line);
	return ok;
}

bool raw_image_write(const struct raw_image *image, const char *path, const char *compression,
    char sha256[129], uint64_t *n_bytes, struct error *err)
{
	struct memory memory = {0};
	struct complaint complaint = {.path = path};
	TIFFOpenOptions *options = tiff_options(&complaint);
	TIFF *tif = NULL;
	bool ok = false;

	assert(image->data && image->width_px > 0 && image->height_px > 0);
	assert(image->depth_bits == 1 ? image->channels == 1 : image->depth_bits % 8 == 0);
	if (options)
		tif = TIFFClientOpenExt(path, "w", &memory, memory_read, memory_write, memory_seek,
		    memory_close, memory_size, NULL, NULL, options);
	if (!tif ||
	    !tags_put(tif, image,
		image->depth_bits == 1 ? COMPRESSION_CCITTFAX4 : compression_number(compression)) ||
	    !lines_put(tif, image) || !TIFFFlush(tif)) {
		error_set(err, ERROR_SYSTEM, _("close other programs or add memory"),
		    _("cannot write the image '%s': %s"), path,
		    complaint.first[0] ? complaint.first : _("no memory"));
		goto done;
	}
	TIFFClose(tif);
	tif = NULL;
	if (complaint.first[0]) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot write the image '%s': %s"), path,
		    complaint.first);
		goto done;
	}
	hash_bytes(HASH_SHA256, memory.data, memory.n, sha256);
	if (!file_write(path, memory.data, memory.n, err))
		goto done;
	*n_bytes = memory.n;
	ok = true;
done:
	if (tif)
		TIFFClose(tif);
	if (options)
		TIFFOpenOptionsFree(options);
	free(memory.data);
	return ok;
}

/* --- reading: the file --------------------------------------------------------- */

static tmsize_t stream_read(thandle_t self, void *buf, tmsize_t n)
{
	FILE *file = self;
	size_t k = fread(buf, 1, (size_t)n, file);

	return k == 0 && ferror(file) ? -1 : (tmsize_t)k;
}

static tmsize_t stream_write(thandle_t self, void *buf, tmsize_t n)
{
	return -1;
}

static toff_t stream_seek(thandle_t self, toff_t offset, int whence)
{
	FILE *file = self;

	if (fseeko(file, (off_t)offset, whence) != 0)
		return (toff_t)-1;
	return (toff_t)ftello(file);
}

static toff_t stream_size(thandle_t self)
{
	struct stat st;

	return fstat(fileno(self), &st) == 0 ? (toff_t)st.st_size : 0;
}

static TIFF *stream_open(
    FILE *file, const char *path, struct complaint *complaint, TIFFOpenOptions **options)
{
	*options = tiff_options(complaint);
	if (!*options)
		return NULL;
	return TIFFClientOpenExt(path, "rm", file, stream_read, stream_write, stream_seek,
	    memory_close, stream_size, NULL, NULL, *options);
}

/* --- reading: one page ----------------------------------------------------------- */

struct tiff_page {
	TIFF *tif;
	const char *path;
	struct complaint *complaint;
	uint32_t width_px, height_px;
	uint16_t bits, samples, photometric, planar, compression;
	int colours;	 /* samples that carry colour: 1 or 3 */
	int alpha;	 /* index of the alpha sample, 0 where there is none */
	bool associated; /* colours are already multiplied by alpha */
	bool palette_grey;
	uint16_t *palette[3];
	PIX *pix;
};

static bool page_damaged(const struct tiff_page *t, struct error *err)
{
	char why[300];

	snprintf(why, sizeof why, "%s%s%s", _("the file is damaged or cut short"),
	    t->complaint->first[0] ? ": " : "", t->complaint->first);
	return raw_refuse(err, t->path, why);
}

static bool page_refused(const struct tiff_page *t, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool page_refused(const struct tiff_page *t, struct error *err, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return raw_refuse(err, t->path, why);
}

/* Strips and tiles must lie in the file: a cut file is found before memory is taken for it. */
static bool extents_check(struct tiff_page *t, struct error *err)
{
	uint64_t size = stream_size(TIFFClientdata(t->tif));
	uint32_t n = TIFFIsTiled(t->tif) ? TIFFNumberOfTiles(t->tif) : TIFFNumberOfStrips(t->tif);
	int bad = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = TIFFGetStrileOffsetWithErr(t->tif, i, &bad);
		if (bad)
			return page_damaged(t, err);
		uint64_t bytes = TIFFGetStrileByteCountWithErr(t->tif, i, &bad);
		if (bad || at > size || bytes > size - at || (at == 0 && bytes > 0))
			return page_damaged(t, err);
		if (at == 0 && t->compression != COMPRESSION_OJPEG)
			return page_damaged(t, err); /* a hole: sparse files are not scans */
	}
	return true;
}

static bool header_read(
    struct tiff_page *t, uint64_t limit_pixels, struct raw_picture *picture, struct error *err)
{
	uint16_t format = SAMPLEFORMAT_UINT, unit = RESUNIT_INCH, orientation = 1, n_extra = 0;
	uint16_t *extra = NULL;
	float x = 0, y = 0;
	TIFF *tif = t->tif;

	TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &t->width_px);
	TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &t->height_px);
	if (!raw_size_check(t->path, t->width_px, t->height_px, limit_pixels, err))
		return false;
	TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &t->bits);
	TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &t->samples);
	TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &t->planar);
	TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &t->compression);
	TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &format);
	TIFFGetFieldDefaulted(tif, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
	TIFFGetFieldDefaulted(tif, TIFFTAG_ORIENTATION, &orientation);
	TIFFGetFieldDefaulted(tif, TIFFTAG_RESOLUTIONUNIT, &unit);
	if (TIFFGetField(tif, TIFFTAG_XRESOLUTION, &x) &&
	    TIFFGetField(tif, TIFFTAG_YRESOLUTION, &y) && unit != RESUNIT_NONE && x > 0 && y > 0 &&
	    x < 1e6f && y < 1e6f) {
		picture->x_dpi = unit == RESUNIT_CENTIMETER ? (double)x * 2.54 : (double)x;
		picture->y_dpi = unit == RESUNIT_CENTIMETER ? (double)y * 2.54 : (double)y;
	}
	picture->orientation = orientation;
	if (!TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &t->photometric))
		t->photometric = t->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
	if (!TIFFIsCODECConfigured(t->compression))
		return page_refused(t, err, _("compression %d is not known"), t->compression);
	if (t->photometric == PHOTOMETRIC_SEPARATED)
		return raw_refuse(err, t->path,
		    _("it is CMYK, made for print: its colours on a screen depend on a printing "
		      "profile; export it as RGB or grey"));
	if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
		return raw_refuse(err, t->path, _("its samples are signed or fractional numbers"));
	if (t->bits != 1 && t->bits != 2 && t->bits != 4 && t->bits != 8 && t->bits != 16)
		return page_refused(t, err, _("%d bits for each sample are not read"), t->bits);
	t->colours = t->photometric == PHOTOMETRIC_MINISWHITE ||
		t->photometric == PHOTOMETRIC_MINISBLACK || t->photometric == PHOTOMETRIC_PALETTE
	    ? 1
	    : 3;
	if (t->samples < t->colours || t->samples > 8)
		return page_refused(
		    t, err, _("%d samples for each pixel are not read"), t->samples);
	if (n_extra > 0 &&
	    (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA)) {
		t->alpha = t->colours;
		t->associated = extra[0] == EXTRASAMPLE_ASSOCALPHA;
	}
	return extents_check(t, err);
}

static uint8_t over_white(uint8_t v, uint8_t alpha, bool associated)
{
	int w = associated ? v + 255 - alpha : (v * alpha + 255 * (255 - alpha) + 127) / 255;

	return (uint8_t)(w > 255 ? 255 : w);
}

/* Puts n_px pixels that begin at (x, y); plane is the sample in separate planes, else -1. */
static void line_put(
    struct tiff_page *t, const uint8_t *line, uint32_t x, uint32_t n_px, uint32_t y, int plane)
{
	l_uint32 *to = pixGetData(t->pix) + (size_t)y * (size_t)pixGetWpl(t->pix);
	size_t step = plane < 0 ? t->samples : 1;

	for (uint32_t i = 0; i < n_px; i++, x++) {
		size_t at = i * step;
		if (t->photometric == PHOTOMETRIC_PALETTE) {
			if (plane > 0)
				continue;
			unsigned int v = t->bits == 16 ? ((const uint16_t *)(const void *)line)[at]
			    : t->bits == 8	       ? line[at]
			    : t->bits == 4	       ? raw_sample(line, at, 4) / 17u
			    : t->bits == 2	       ? raw_sample(line, at, 2) / 85u
						       : raw_sample(line, at, 1) / 255u;
			if (t->palette_grey)
				SET_DATA_BYTE(to, x, t->palette[0][v] >> 8);
			else
				composeRGBPixel(t->palette[0][v] >> 8, t->palette[1][v] >> 8,
				    t->palette[2][v] >> 8, to + x);
		} else if (t->colours == 3) {
			int r, g, b;
			if (plane < 0) {
				r = raw_sample(line, at, t->bits);
				g = raw_sample(line, at + 1, t->bits);
				b = raw_sample(line, at + 2, t->bits);
			} else {
				extractRGBValues(to[x], &r, &g, &b);
				uint8_t v = raw_sample(line, at, t->bits);
				if (plane == 0)
					r = v;
				else if (plane == 1)
					g = v;
				else if (plane == 2)
					b = v;
			}
			if (t->alpha && (plane < 0 || plane == t->alpha)) {
				uint8_t a = raw_sample(
				    line, plane < 0 ? at + (size_t)t->alpha : at, t->bits);
				r = over_white((uint8_t)r, a, t->associated);
				g = over_white((uint8_t)g, a, t->associated);
				b = over_white((uint8_t)b, a, t->associated);
			}
			composeRGBPixel(r, g, b, to + x);
		} else if (pixGetDepth(t->pix) == 16) {
			unsigned int v = ((const uint16_t *)(const void *)line)[at];
			if (plane <= 0)
				SET_DATA_TWO_BYTES(to, x,
				    t->photometric == PHOTOMETRIC_MINISWHITE ? 65535 - v : v);
		} else {
			uint8_t v = raw_sample(line, at, t->bits);
			if (t->photometric == PHOTOMETRIC_MINISWHITE)
				v = (uint8_t)(255 - v);
			if (plane > 0) {
				if (plane != t->alpha)
					continue;
				v = over_white((uint8_t)GET_DATA_BYTE(to, x), v, t->associated);
			} else if (plane < 0 && t->alpha) {
				v = over_white(v, raw_sample(line, at + 1, t->bits), t->associated);
			}
			SET_DATA_BYTE(to, x, v);
		}
	}
}

/* One bit a pixel is by far the commonest and goes in whole bytes. */
static void bits_put(
    struct tiff_page *t, const uint8_t *line, uint32_t x, uint32_t n_px, uint32_t y)
{
	l_uint32 *to = pixGetData(t->pix) + (size_t)y * (size_t)pixGetWpl(t->pix);
	uint8_t flip = t->photometric == PHOTOMETRIC_MINISBLACK ? 0xFF : 0;

	for (uint32_t i = 0; i < (n_px + 7) / 8; i++)
		SET_DATA_BYTE(to, x / 8 + i, line[i] ^ flip);
}

static bool strips_read(struct tiff_page *t, struct error *err)
{
	int planes = t->planar == PLANARCONFIG_SEPARATE ? t->samples : 1;
	uint8_t *line = malloc((size_t)TIFFScanlineSize(t->tif) + 8);
	bool ok = line != NULL;

	if (!ok)
		return error_errno(err, NULL, _("cannot read the image '%s'"), t->path);
	for (int plane = 0; ok && plane < planes; plane++) {
		for (uint32_t y = 0; ok && y < t->height_px; y++) {
			if (TIFFReadScanline(t->tif, line, y, (uint16_t)plane) < 0 ||
			    t->complaint->first[0])
				ok = page_damaged(t, err);
			else if (pixGetDepth(t->pix) == 1)
				bits_put(t, line, 0, t->width_px, y);
			else
				line_put(t, line, 0, t->width_px, y, planes > 1 ? plane : -1);
		}
	}
	free(line);
	return ok;
}

/*
 * The size that a JBIG strip's own head gives (ITU-T T.82, 6.2.2: octets 5 to 12): the decoder
 * takes memory for it, and ends the program where there is none.
 */
static bool jbig_head_fits(const struct tiff_page *t, uint32_t strip, uint32_t rows)
{
	uint8_t head[20] = {0};
	uint16_t order = FILLORDER_MSB2LSB;

	if (TIFFReadRawStrip(t->tif, strip, head, sizeof head) != (tmsize_t)sizeof head)
		return false;
	TIFFGetFieldDefaulted(t->tif, TIFFTAG_FILLORDER, &order);
	if (order == FILLORDER_MSB2LSB) /* libtiff turns them all, the head too */
		TIFFReverseBits(head, sizeof head);
	uint32_t w =
	    (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
	uint32_t h =
	    (uint32_t)head[8] << 24 | (uint32_t)head[9] << 16 | (uint32_t)head[10] << 8 | head[11];
	return w == t->width_px && h <= rows && head[2] == 1;
}

/* JBIG is decoded by strips alone; it has one bit a pixel. */
static bool whole_strips_read(struct tiff_page *t, struct error *err)
{
	uint32_t rows = t->height_px;
	uint64_t bytes = TIFFStripSize64(t->tif);
	size_t row_bytes = (size_t)TIFFScanlineSize(t->tif);
	bool ok = true;

	TIFFGetFieldDefaulted(t->tif, TIFFTAG_ROWSPERSTRIP, &rows);
	rows = rows < t->height_px ? rows : t->height_px;
	if (pixGetDepth(t->pix) != 1 || rows == 0 || bytes > (uint64_t)512 << 20 ||
	    bytes < (uint64_t)row_bytes * rows)
		return page_refused(t, err, _("strips of %u lines are not read"), rows);
	uint8_t *strip = calloc(1, (size_t)bytes + 8);
	if (!strip)
		return error_errno(err, NULL, _("cannot read the image '%s'"), t->path);
	for (uint32_t y = 0; ok && y < t->height_px; y++) {
		if (y % rows == 0 &&
		    (!jbig_head_fits(t, y / rows, rows) ||
			TIFFReadEncodedStrip(t->tif, y / rows, strip, (tmsize_t)bytes) < 0 ||
			t->complaint->first[0]))
			ok = page_damaged(t, err);
		else
			bits_put(t, strip + (size_t)(y % rows) * row_bytes, 0, t->width_px, y);
	}
	free(strip);
	return ok;
}

static bool tiles_read(struct tiff_page *t, struct error *err)
{
	int planes = t->planar == PLANARCONFIG_SEPARATE ? t->samples : 1;
	uint32_t tile_w = 0, tile_h = 0;
	uint64_t bytes = TIFFTileSize64(t->tif);
	uint8_t *tile = NULL;
	bool ok = true;

	TIFFGetField(t->tif, TIFFTAG_TILEWIDTH, &tile_w);
	TIFFGetField(t->tif, TIFFTAG_TILELENGTH, &tile_h);
	if (tile_w == 0 || tile_h == 0 || tile_w % 8 != 0 || bytes == 0 ||
	    bytes > (uint64_t)512 << 20)
		return page_refused(
		    t, err, _("tiles of %u x %u pixels are not read"), tile_w, tile_h);
	tile = malloc((size_t)bytes);
	if (!tile)
		return error_errno(err, NULL, _("cannot read the image '%s'"), t->path);
	size_t row_bytes = (size_t)TIFFTileRowSize(t->tif);
	for (int plane = 0; ok && plane < planes; plane++) {
		for (uint64_t y = 0; ok && y < t->height_px; y += tile_h) {
			for (uint64_t x = 0; ok && x < t->width_px; x += tile_w) {
				if (TIFFReadTile(t->tif, tile, (uint32_t)x, (uint32_t)y, 0,
					(uint16_t)plane) < 0 ||
				    t->complaint->first[0]) {
					ok = page_damaged(t, err);
					break;
				}
				uint32_t w =
				    tile_w < t->width_px - x ? tile_w : (uint32_t)(t->width_px - x);
				uint32_t h = tile_h < t->height_px - y
				    ? tile_h
				    : (uint32_t)(t->height_px - y);
				for (uint32_t row = 0; row < h; row++) {
					const uint8_t *line = tile + row * row_bytes;
					if (pixGetDepth(t->pix) == 1)
						bits_put(
						    t, line, (uint32_t)x, w, (uint32_t)y + row);
					else
						line_put(t, line, (uint32_t)x, w, (uint32_t)y + row,
						    planes > 1 ? plane : -1);
				}
			}
		}
	}
	free(tile);
	return ok;
}

/* Rarities (YCbCr without JPEG, CIE L*a*b*, old JPEG) by libtiff's own conversion. */
static bool rarity_read(struct tiff_page *t, uint16_t orientation, struct error *err)
{
	char why[1024] = "";
	uint32_t *raster = NULL;
	bool ok = false;

	if (!TIFFRGBAImageOK(t->tif, why)) {
		raw_refuse(err, t->path, why);
		goto done;
	}
	raster = malloc((size_t)t->width_px * t->height_px * sizeof *raster);
	if (!raster) {
		error_errno(err, NULL, _("cannot read the image '%s'"), t->path);
		goto done;
	}
	if (!TIFFReadRGBAImageOriented(t->tif, t->width_px, t->height_px, raster,
		orientation >= 1 && orientation <= 8 ? orientation : ORIENTATION_TOPLEFT, 1) ||
	    t->complaint->first[0]) {
		page_damaged(t, err);
		goto done;
	}
	if (!raw_pix_make((int)t->width_px, (int)t->height_px, 32, &t->pix, err))
		goto done;
	l_uint32 *to = pixGetData(t->pix);
	for (size_t i = 0; i < (size_t)t->width_px * t->height_px; i++)
		composeRGBPixel((l_int32)TIFFGetR(raster[i]), (l_int32)TIFFGetG(raster[i]),
		    (l_int32)TIFFGetB(raster[i]), to + i);
	ok = true;
done:
	free(raster);
	return ok;
}

static bool palette_read(struct tiff_page *t, struct error *err)
{
	if (!TIFFGetField(t->tif, TIFFTAG_COLORMAP, &t->palette[0], &t->palette[1], &t->palette[2]))
		return raw_refuse(err, t->path, _("its colour table is missing"));
	t->palette_grey = true;
	for (size_t i = 0; i < (size_t)1 << t->bits; i++)
		if (t->palette[0][i] >> 8 != t->palette[1][i] >> 8 ||
		    t->palette[0][i] >> 8 != t->palette[2][i] >> 8)
			t->palette_grey = false;
	return true;
}

static bool page_read(struct tiff_page *t, uint16_t orientation, struct error *err)
{
	int depth = 32;

	if (t->photometric == PHOTOMETRIC_YCBCR && t->compression == COMPRESSION_JPEG &&
	    t->planar == PLANARCONFIG_CONTIG && t->bits == 8) {
		TIFFSetField(t->tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
	} else if (t->photometric == PHOTOMETRIC_PALETTE) {
		if (!palette_read(t, err))
			return false;
		depth = t->palette_grey ? 8 : 32;
	} else if (t->colours == 1) {
		depth = t->bits == 1 && t->samples == 1 ? 1 : t->bits == 16 && !t->alpha ? 16 : 8;
	} else if (t->photometric != PHOTOMETRIC_RGB || t->bits < 8) {
		return rarity_read(t, orientation, err);
	}
	uint64_t expected = ((uint64_t)t->width_px * t->bits *
				    (t->planar == PLANARCONFIG_SEPARATE ? 1u : t->samples) +
				7) /
	    8;
	if (!TIFFIsTiled(t->tif) && TIFFScanlineSize64(t->tif) < expected)
		return page_damaged(t, err);
	if (!raw_pix_make((int)t->width_px, (int)t->height_px, depth, &t->pix, err))
		return false;
	if (!(TIFFIsTiled(t->tif)			 ? tiles_read(t, err)
		    : t->compression == COMPRESSION_JBIG ? whole_strips_read(t, err)
							 : strips_read(t, err)))
		return false;
	if (depth == 1)
		pixSetPadBits(t->pix, 0);
	return true;
}

static bool tiff_read(FILE *file, const char *path, int page, uint64_t limit_pixels,
    struct raw_picture *out, struct error *err)
{
	struct complaint complaint = {.path = path};
	struct tiff_page t = {.path = path, .complaint = &complaint};
	TIFFOpenOptions *options = NULL;
	bool ok = false;

	t.tif = stream_open(file, path, &complaint, &options);
	if (!t.tif) {
		page_damaged(&t, err);
		goto done;
	}
	if (page < 0 || !TIFFSetDirectory(t.tif, (tdir_t)page)) {
		page_refused(&t, err, _("it has no page %d"), page + 1);
		goto done;
	}
	complaint.first[0] = '\0';
	if (!header_read(&t, limit_pixels, out, err) ||
	    !page_read(&t, (uint16_t)out->orientation, err))
		goto done;
	out->pix = t.pix;
	t.pix = NULL;
	ok = true;
done:
	pixDestroy(&t.pix);
	if (t.tif)
		TIFFClose(t.tif);
	if (options)
		TIFFOpenOptionsFree(options);
	return ok;
}

static bool tiff_pages(FILE *file, const char *path, int *n_pages, struct error *err)
{
	enum { PAGES_MOST = 100000 };
	struct complaint complaint = {.path = path};
	struct tiff_page t = {.path = path, .complaint = &complaint};
	TIFFOpenOptions *options = NULL;
	bool ok = false;

	t.tif = stream_open(file, path, &complaint, &options);
	if (!t.tif) {
		page_damaged(&t, err);
		goto done;
	}
	uint32_t n = (uint32_t)TIFFNumberOfDirectories(t.tif);
	if (n == 0 || n > PAGES_MOST || complaint.first[0]) {
		page_damaged(&t, err);
		goto done;
	}
	*n_pages = (int)n;
	ok = true;
done:
	if (t.tif)
		TIFFClose(t.tif);
	if (options)
		TIFFOpenOptionsFree(options);
	return ok;
}

const struct raw_decoder raw_decoder_tiff = {"TIFF", tiff_read, tiff_pages};
