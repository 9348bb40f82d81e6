/* Raw images: what goes into the spool comes back bit by bit; what is no image is refused clearly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <allheaders.h>
#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>

#include "config/file.h"
#include "config/hash.h"
#include "scan/raw.h"
#include "scan/sheet.h"

static char folder[] = "/tmp/altakt-raw-XXXXXX";

static int folder_make(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

static void assert_near(double got, double wanted, double within)
{
	if (got < wanted - within || got > wanted + within)
		fail_msg("%g is not %g", got, wanted);
}

static uint8_t noise(uint32_t i)
{
	i = (i ^ 61) ^ (i >> 16);
	i *= 9;
	i ^= i >> 4;
	i *= 0x27d4eb2d;
	return (uint8_t)(i >> 15);
}

/* An image of reproducible noise with padding at the ends of its lines. */
static struct raw_image image_draw(int w, int h, int channels, int depth)
{
	size_t used = ((size_t)w * (size_t)channels * (size_t)depth + 7) / 8;
	struct raw_image image = {.width_px = w,
	    .height_px = h,
	    .channels = channels,
	    .depth_bits = depth,
	    .dpi = 300,
	    .line_bytes = used + (depth == 16 ? 6 : 5)};
	image.data = malloc(image.line_bytes * (size_t)h);
	assert_non_null(image.data);
	for (size_t i = 0; i < image.line_bytes * (size_t)h; i++)
		image.data[i] = noise((uint32_t)i);
	return image;
}

static unsigned int sample_of(const struct raw_image *image, int x, int y, int channel)
{
	const uint8_t *line = image->data + (size_t)y * image->line_bytes;
	size_t at = (size_t)x * (size_t)image->channels + (size_t)channel;

	if (image->depth_bits == 1)
		return line[at / 8] >> (7 - at % 8) & 1;
	if (image->depth_bits == 8)
		return line[at];
	return ((const uint16_t *)(const void *)line)[at];
}

static void pix_compare(PIX *pix, const struct raw_image *image)
{
	assert_int_equal(pixGetWidth(pix), image->width_px);
	assert_int_equal(pixGetHeight(pix), image->height_px);
	assert_int_equal(pixGetDepth(pix), image->channels == 3 ? 32 : image->depth_bits);
	for (int y = 0; y < image->height_px; y++)
		for (int x = 0; x < image->width_px; x++) {
			l_uint32 v = 0;
			pixGetPixel(pix, x, y, &v);
			if (image->channels == 1) {
				assert_int_equal(v, sample_of(image, x, y, 0));
				continue;
			}
			int shift = image->depth_bits == 16 ? 8 : 0, r, g, b;
			extractRGBValues(v, &r, &g, &b);
			assert_int_equal(r, sample_of(image, x, y, 0) >> shift);
			assert_int_equal(g, sample_of(image, x, y, 1) >> shift);
			assert_int_equal(b, sample_of(image, x, y, 2) >> shift);
		}
}

static void test_raw_image_write_reads_back(void **state)
{
	static const struct {
		int w, h, channels, depth;
		const char *compression;
		int expected;
	} rows[] = {
	    {37, 23, 1, 1, "zstd", COMPRESSION_CCITTFAX4},
	    {64, 5, 1, 1, "none", COMPRESSION_CCITTFAX4},
	    {1, 1, 1, 1, "zstd", COMPRESSION_CCITTFAX4}, {41, 29, 1, 8, "zstd", COMPRESSION_ZSTD},
	    {41, 29, 3, 8, "zstd", COMPRESSION_ZSTD}, {41, 29, 3, 8, "lzw", COMPRESSION_LZW},
	    {41, 29, 3, 8, "deflate", COMPRESSION_ADOBE_DEFLATE},
	    {41, 29, 3, 8, "none", COMPRESSION_NONE}, {41, 29, 1, 16, "zstd", COMPRESSION_ZSTD},
	    {41, 29, 3, 16, "deflate", COMPRESSION_ADOBE_DEFLATE},
	    {1500, 1100, 3, 8, "zstd", COMPRESSION_ZSTD}, /* several strips */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct raw_image image =
		    image_draw(rows[i].w, rows[i].h, rows[i].channels, rows[i].depth);
		char *path = file_path("%s/a.tif", folder), sha256[HASH_SIZE], again[HASH_SIZE];
		struct error err = {0};
		uint64_t n_bytes = 0, n_again = 0;
		PIX *pix = NULL, *look = NULL;
		uint16_t compression = 0;
		double dpi = 0;
		int pages = 0;

		assert_true(
		    raw_image_write(&image, path, rows[i].compression, sha256, &n_bytes, &err));
		assert_true(hash_file(HASH_SHA256, path, again, &n_again, &err));
		assert_string_equal(sha256, again);
		assert_int_equal(n_bytes, n_again);
		TIFF *tif = TIFFOpen(path, "r");
		TIFFGetField(tif, TIFFTAG_COMPRESSION, &compression);
		TIFFClose(tif);
		assert_int_equal(compression, rows[i].expected);

		assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
		pix_compare(pix, &image);
		assert_near(dpi, 300, 0.01);
		assert_int_equal(pixGetXRes(pix), 300);
		assert_true(raw_image_pix(&image, &look, &err));
		pix_compare(look, &image);
		assert_true(raw_image_pages(path, &pages, &err));
		assert_int_equal(pages, 1);
		pixDestroy(&pix);
		pixDestroy(&look);
		raw_image_release(&image);
		free(path);
	}
}

static void test_raw_image_write_disk_refuses(void **state)
{
	struct raw_image image = image_draw(10, 10, 1, 8);
	char sha256[HASH_SIZE];
	struct error err = {0};
	uint64_t n_bytes = 0;

	assert_false(
	    raw_image_write(&image, "/proc/nothing/a.tif", "zstd", sha256, &n_bytes, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "/proc/nothing/a.tif"));
	raw_image_release(&image);
}

/* --- TIFF as others write it ------------------------------------------------ */

struct tiff_kind {
	const char *name;
	int bits, samples, photometric, planar, compression;
	int tile; /* 0: strips */
	int orientation;
};

/* Pixel (x, y) is a function of its place; the file stores it as kind says. */
static unsigned int drawn(const struct tiff_kind *kind, int x, int y, int sample)
{
	unsigned int v = (unsigned int)(x * 7 + y * 13 + sample * 50) & 0xFF;
	return kind->bits == 1 ? v & 1 : kind->bits == 16 ? v << 8 | v : v >> (8 - kind->bits);
}

/* What libtiff reads but does not write: a literal row of NeXT's, ThunderScan's raw pixels. */
static void rows_code(TIFF *tif, const struct tiff_kind *k, int w, int h)
{
	TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, 1);
	for (int y = 0; y < h; y++) {
		uint8_t code[256] = {0};
		size_t n = 0;
		if (k->compression == COMPRESSION_NEXT)
			n = 1 + ((size_t)w * (size_t)k->bits + 7) / 8;
		for (int x = 0; x < w; x++)
			if (k->compression == COMPRESSION_NEXT)
				code[1 + x / 4] |= (uint8_t)(drawn(k, x, y, 0) << (6 - x % 4 * 2));
			else
				code[n++] = (uint8_t)(0xC0 | drawn(k, x, y, 0));
		assert_true(TIFFWriteRawStrip(tif, (uint32_t)y, code, (tmsize_t)n) >= 0);
	}
}

static void tiff_make(const char *path, const struct tiff_kind *k, int w, int h)
{
	TIFF *tif = TIFFOpen(path, "w");
	uint16_t table[3][256];

	assert_non_null(tif);
	TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, w);
	TIFFSetField(tif, TIFFTAG_IMAGELENGTH, h);
	TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, k->bits);
	TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, k->samples);
	TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, k->photometric);
	TIFFSetField(tif, TIFFTAG_PLANARCONFIG, k->planar);
	TIFFSetField(tif, TIFFTAG_COMPRESSION, k->compression);
	TIFFSetField(tif, TIFFTAG_ORIENTATION, k->orientation ? k->orientation : 1);
	TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
	TIFFSetField(tif, TIFFTAG_XRESOLUTION, 200 / 2.54);
	TIFFSetField(tif, TIFFTAG_YRESOLUTION, 200 / 2.54);
	if (k->photometric == PHOTOMETRIC_PALETTE) {
		for (int i = 0; i < 256; i++) {
			table[0][i] = (uint16_t)(i << 8);
			table[1][i] = (uint16_t)((255 - i) << 8);
			table[2][i] = (uint16_t)(i << 8);
		}
		TIFFSetField(tif, TIFFTAG_COLORMAP, table[0], table[1], table[2]);
	}
	if (k->compression == COMPRESSION_JPEG && k->photometric == PHOTOMETRIC_YCBCR)
		TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
	if (k->tile) {
		TIFFSetField(tif, TIFFTAG_TILEWIDTH, k->tile);
		TIFFSetField(tif, TIFFTAG_TILELENGTH, k->tile);
	} else {
		/* libtiff writes JBIG in one strip alone */
		TIFFSetField(
		    tif, TIFFTAG_ROWSPERSTRIP, k->compression == COMPRESSION_JBIG ? h : 16);
	}
	int planes = k->planar == PLANARCONFIG_SEPARATE ? k->samples : 1;
	int step = planes > 1 ? 1 : k->samples;
	int bw = k->tile ? k->tile : w,
	    bh = k->tile			 ? k->tile
	    : k->compression == COMPRESSION_JBIG ? h
						 : 1;
	size_t row = ((size_t)bw * (size_t)step * (size_t)k->bits + 7) / 8;
	if (k->compression == COMPRESSION_NEXT || k->compression == COMPRESSION_THUNDERSCAN) {
		rows_code(tif, k, w, h);
		TIFFClose(tif);
		return;
	}
	uint8_t *block = malloc(row * (size_t)bh);
	for (int plane = 0; plane < planes; plane++)
		for (int y0 = 0; y0 < h; y0 += bh)
			for (int x0 = 0; x0 < w; x0 += bw) {
				memset(block, 0, row * (size_t)bh);
				for (int y = 0; y < bh; y++)
					for (int x = 0; x < bw; x++)
						for (int s = 0; s < step; s++) {
							unsigned int v = drawn(k, x0 + x, y0 + y,
							    planes > 1 ? plane : s);
							size_t at = (size_t)(x * step + s);
							uint8_t *line = block + row * (size_t)y;
							if (k->bits == 16)
								((uint16_t *)(void *)line)[at] =
								    (uint16_t)v;
							else
								line[at * (size_t)k->bits / 8] |=
								    (uint8_t)(v
									<< (8 - k->bits -
									       (int)(at *
										   (size_t)k->bits %
										   8)));
						}
				if (k->tile)
					assert_true(TIFFWriteTile(tif, block, (uint32_t)x0,
							(uint32_t)y0, 0, (uint16_t)plane) >= 0);
				else if (bh == h)
					assert_true(TIFFWriteEncodedStrip(tif, 0, block,
							(tmsize_t)(row * (size_t)h)) >= 0);
				else
					assert_true(TIFFWriteScanline(tif, block, (uint32_t)y0,
							(uint16_t)plane) >= 0);
			}
	free(block);
	TIFFClose(tif);
}

static const struct tiff_kind kinds[] = {
    {"g3", 1, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_CCITTFAX3, 0, 0},
    {"g4", 1, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_CCITTFAX4, 0, 0},
    {"rle", 1, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_CCITTRLE, 0, 0},
    {"jbig", 1, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_JBIG, 0, 0},
    {"next", 2, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_NEXT, 0, 0},
    {"thunderscan", 4, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_THUNDERSCAN, 0, 0},
    {"pixarlog", 8, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_PIXARLOG, 0, 0},
    {"lerc", 8, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_LERC, 0, 0},
    {"packbits, 0 is black", 1, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_PACKBITS, 0, 0},
    {"one-bit tiles", 1, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_CCITTFAX4, 16, 0},
    {"2 bit", 2, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_NONE, 0, 0},
    {"4 bit", 4, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_LZW, 0, 0},
    {"grey lzma", 8, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_LZMA, 0, 0},
    {"grey, 0 is white", 8, 1, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_DEFLATE, 0, 0},
    {"grey 16 tiles", 16, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_LZW, 32, 0},
    {"rgb tiles", 8, 3, PHOTOMETRIC_RGB, 1, COMPRESSION_ZSTD, 32, 0},
    {"rgb planes", 8, 3, PHOTOMETRIC_RGB, 2, COMPRESSION_LZW, 0, 0},
    {"rgb planes in tiles", 8, 3, PHOTOMETRIC_RGB, 2, COMPRESSION_NONE, 16, 0},
    {"rgb 16", 16, 3, PHOTOMETRIC_RGB, 1, COMPRESSION_ADOBE_DEFLATE, 0, 0},
    {"palette", 8, 1, PHOTOMETRIC_PALETTE, 1, COMPRESSION_LZW, 0, 0},
    {"palette 4", 4, 1, PHOTOMETRIC_PALETTE, 1, COMPRESSION_NONE, 0, 0},
    {"webp", 8, 3, PHOTOMETRIC_RGB, 1, COMPRESSION_WEBP, 0, 0},
    {"jpeg ycbcr", 8, 3, PHOTOMETRIC_YCBCR, 1, COMPRESSION_JPEG, 0, 0},
    {"jpeg grey tiles", 8, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_JPEG, 32, 0},
};

/*
 * None that this libtiff has is left out, but for SGILog (it holds light and no samples, and is
 * refused), the old JPEG (it cannot be written) and RLE in words (libtiff 4.5 does not read what it
 * writes itself).
 */
static void test_every_compression_is_tried(void **state)
{
	TIFFCodec *codecs = TIFFGetConfiguredCODECs();

	for (const TIFFCodec *c = codecs; c->name; c++) {
		bool tried = c->scheme == COMPRESSION_SGILOG || c->scheme == COMPRESSION_SGILOG24 ||
		    c->scheme == COMPRESSION_CCITTRLEW || c->scheme == COMPRESSION_OJPEG;
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			tried = tried || kinds[i].compression == c->scheme;
		if (!tried)
			fail_msg("compression %d (%s)", c->scheme, c->name);
	}
	_TIFFfree(codecs);
}

static void test_raw_image_read_tiff_kinds(void **state)
{
	enum { W = 53, H = 41 };
	char *path = file_path("%s/kind.tif", folder);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct tiff_kind *k = &kinds[i];
		struct error err = {0};
		PIX *pix = NULL;
		double dpi = 0;
		bool lossy = k->compression == COMPRESSION_JPEG ||
		    k->compression == COMPRESSION_WEBP || k->compression == COMPRESSION_PIXARLOG;

		if (!TIFFIsCODECConfigured((uint16_t)k->compression))
			continue;
		tiff_make(path, k, W, H);
		if (!raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err))
			fail_msg("%s: %s", k->name, err.what);
		assert_near(dpi, 200, 0.1);
		assert_int_equal(pixGetWidth(pix), W);
		assert_int_equal(pixGetHeight(pix), H);
		for (int y = 0; y < H; y++)
			for (int x = 0; x < W; x++) {
				l_uint32 got = 0;
				unsigned int v = drawn(k, x, y, 0), g = drawn(k, x, y, 1),
					     b = drawn(k, x, y, 2);
				pixGetPixel(pix, x, y, &got);
				unsigned int expect;
				if (lossy)
					continue;
				if (k->photometric == PHOTOMETRIC_PALETTE)
					expect = v << 24 | (255 - v) << 16 | v << 8;
				else if (k->photometric == PHOTOMETRIC_RGB)
					expect = k->bits == 16
					    ? v >> 8 << 24 | g >> 8 << 16 | b >> 8 << 8
					    : v << 24 | g << 16 | b << 8;
				else if (k->bits == 1)
					expect = k->photometric == PHOTOMETRIC_MINISBLACK ? !v : v;
				else {
					unsigned int most = (1u << k->bits) - 1;
					expect =
					    k->photometric == PHOTOMETRIC_MINISWHITE ? most - v : v;
					if (k->bits < 8)
						expect = expect * 255 / most;
				}
				if (k->samples == 3 || k->photometric == PHOTOMETRIC_PALETTE)
					got &= 0xFFFFFF00;
				if (got != expect)
					fail_msg("%s: pixel %d,%d is %08x, not %08x", k->name, x, y,
					    got, expect);
			}
		pixDestroy(&pix);
	}
	free(path);
}

/* The first pixel of the picture as seen must be where each orientation says. */
static void test_raw_image_read_orientation(void **state)
{
	struct tiff_kind kind = {"o", 8, 1, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_NONE, 0, 0};
	enum { W = 11, H = 6 };
	char *path = file_path("%s/o.tif", folder);

	for (int o = 1; o <= 8; o++) {
		struct error err = {0};
		PIX *pix = NULL;
		double dpi = 0;
		kind.orientation = o;
		tiff_make(path, &kind, W, H);
		assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
		assert_int_equal(pixGetWidth(pix), o >= 5 ? H : W);
		for (int y = 0; y < H; y++)
			for (int x = 0; x < W; x++) {
				/* TIFF 6.0, Orientation: where row 0 and column 0 are seen */
				int sx = x, sy = y;
				l_uint32 got = 0;
				switch (o) {
				case 2: sx = W - 1 - x; break;
				case 3: sx = W - 1 - x, sy = H - 1 - y; break;
				case 4: sy = H - 1 - y; break;
				case 5: sx = y, sy = x; break;
				case 6: sx = H - 1 - y, sy = x; break;
				case 7: sx = H - 1 - y, sy = W - 1 - x; break;
				case 8: sx = y, sy = W - 1 - x; break;
				default: break;
				}
				pixGetPixel(pix, sx, sy, &got);
				assert_int_equal(got, drawn(&kind, x, y, 0));
			}
		pixDestroy(&pix);
	}
	free(path);
}

static void test_raw_image_read_fax_resolution(void **state)
{
	struct raw_image image = image_draw(204, 98, 1, 1);
	char *path = file_path("%s/fax.tif", folder);
	struct error err = {0};
	PIX *pix = NULL;
	double dpi = 0;

	TIFF *tif = TIFFOpen(path, "w");
	TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 204);
	TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 98);
	TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 1);
	TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
	TIFFSetField(tif, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
	TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
	TIFFSetField(tif, TIFFTAG_XRESOLUTION, 204.0);
	TIFFSetField(tif, TIFFTAG_YRESOLUTION, 98.0);
	for (int y = 0; y < 98; y++)
		TIFFWriteScanline(tif, image.data + (size_t)y * image.line_bytes, (uint32_t)y, 0);
	TIFFClose(tif);
	assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
	assert_near(dpi, 204, 0.01);
	assert_int_equal(pixGetWidth(pix), 204);
	assert_in_range(pixGetHeight(pix), 203, 205); /* one inch stays one inch */
	pixDestroy(&pix);
	raw_image_release(&image);
	free(path);
}

/* --- PNG and JPEG ------------------------------------------------------------- */

static void test_raw_image_read_png(void **state)
{
	static const int depths[] = {1, 8, 16, 32};
	char *path = file_path("%s/a.png", folder);

	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
		struct raw_image image =
		    image_draw(45, 33, depths[i] == 32 ? 3 : 1, depths[i] == 32 ? 8 : depths[i]);
		struct error err = {0};
		PIX *pix = NULL, *back = NULL;
		double dpi = 0;
		assert_true(raw_image_pix(&image, &pix, &err));
		assert_int_equal(pixWrite(path, pix, IFF_PNG), 0);
		assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &back, &dpi, &err));
		pix_compare(back, &image);
		assert_near(dpi, 300, 0.1);
		pixDestroy(&pix);
		pixDestroy(&back);
		raw_image_release(&image);
	}
	free(path);
}

/* Interlaced, with alpha: what is transparent is paper, so white. */
static void test_raw_image_read_png_alpha(void **state)
{
	char *path = file_path("%s/alpha.png", folder);
	uint8_t line[4 * 8];
	struct error err = {0};
	PIX *pix = NULL;
	double dpi = -1;

	FILE *f = fopen(path, "wb");
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_init_io(png, f);
	png_set_IHDR(png, info, 8, 8, 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_ADAM7, 0, 0);
	png_write_info(png, info);
	int passes = png_set_interlace_handling(png);
	for (int p = 0; p < passes; p++)
		for (int y = 0; y < 8; y++) {
			for (int x = 0; x < 8; x++) {
				line[4 * x] = (uint8_t)(x * 30);
				line[4 * x + 1] = (uint8_t)(y * 30);
				line[4 * x + 2] = 7;
				line[4 * x + 3] = x < 4 ? 255 : 0;
			}
			png_write_row(png, line);
		}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	fclose(f);
	assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
	assert_true(dpi == 0); /* the file says none */
	for (int y = 0; y < 8; y++)
		for (int x = 0; x < 8; x++) {
			int r, g, b;
			pixGetRGBPixel(pix, x, y, &r, &g, &b);
			assert_int_equal(r, x < 4 ? x * 30 : 255);
			assert_int_equal(g, x < 4 ? y * 30 : 255);
			assert_int_equal(b, x < 4 ? 7 : 255);
		}
	pixDestroy(&pix);
	free(path);
}

/* A JPEG whose left upper quarter is dark, with an EXIF block of the given orientation. */
static void jpeg_make(
    const char *path, int w, int h, int channels, int orientation, J_COLOR_SPACE space)
{
	struct jpeg_compress_struct c = {0};
	struct jpeg_error_mgr errors;
	uint8_t exif[6 + 8 + 2 + 12 + 4] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	c.err = jpeg_std_error(&errors);
	jpeg_create_compress(&c);
	jpeg_stdio_dest(&c, f);
	c.image_width = (JDIMENSION)w;
	c.image_height = (JDIMENSION)h;
	c.input_components = channels;
	c.in_color_space = space;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 95, TRUE);
	c.density_unit = 1;
	c.X_density = c.Y_density = 300;
	jpeg_start_compress(&c, TRUE);
	if (orientation) {
		exif[6 + 8 + 2 + 8] = (uint8_t)orientation;
		jpeg_write_marker(&c, JPEG_APP0 + 1, exif, sizeof exif);
	}
	uint8_t *line = malloc((size_t)w * (size_t)channels);
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w * channels; x++)
			line[x] = y < h / 2 && x / channels < w / 2 ? 20 : 230;
		JSAMPROW row = line;
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(line);
	fclose(f);
}

static void test_raw_image_read_jpeg_orientation(void **state)
{
	/* which corner is dark once turned as EXIF says: 0 left upper, 1 right upper, 2 left lower,
	 * 3 right lower */
	static const int corner[] = {0, 0, 1, 3, 2, 0, 1, 3, 2};
	char *path = file_path("%s/a.jpg", folder);

	for (int channels = 1; channels <= 3; channels += 2)
		for (int o = 0; o <= 8; o++) {
			struct error err = {0};
			PIX *pix = NULL;
			double dpi = 0;
			jpeg_make(
			    path, 64, 32, channels, o, channels == 1 ? JCS_GRAYSCALE : JCS_RGB);
			assert_true(raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
			assert_near(dpi, 300, 0.01);
			assert_int_equal(pixGetDepth(pix), channels == 1 ? 8 : 32);
			int w = pixGetWidth(pix), h = pixGetHeight(pix);
			assert_int_equal(w, o >= 5 ? 32 : 64);
			for (int k = 0; k < 4; k++) {
				l_uint32 v = 0;
				pixGetPixel(pix, k % 2 ? w - 5 : 4, k / 2 ? h - 5 : 4, &v);
				if (channels == 3)
					v >>= 24;
				assert_int_equal(v < 128, k == corner[o]);
			}
			pixDestroy(&pix);
		}
	free(path);
}

/* --- what is refused ------------------------------------------------------------ */

static void refused(const char *path, int page, enum error_kind kind, const char *piece)
{
	struct error err = {0};
	PIX *pix = NULL;
	double dpi = 0;

	if (raw_image_read(path, page, RAW_LIMIT_PIXELS, &pix, &dpi, &err))
		fail_msg("'%s' was read, expected: %s", path, piece);
	assert_int_equal(err.kind, kind);
	if (!strstr(err.what, piece))
		fail_msg("'%s' does not say '%s'", err.what, piece);
	assert_null(pix);
}

static void test_raw_image_read_not_an_image(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *piece;
	} rows[] = {
	    {"", 0, "empty"},
	    {"x", 1, "not an image"},
	    {"hello, I am a letter\n", 21, "not an image"},
	    {"%PDF-1.7\n", 9, "PDF"},
	    {"GIF89a....", 10, "GIF"},
	    {"II*\0", 4, "cut short"},
	    {"II*\0\xff\xff\xff\xff", 8, "cut short"},
	    {"\x89PNG\r\n\x1a\n", 8, "cut short"},
	    {"\xff\xd8\xff\xe0", 4, "cut short"},
	    {"\xff\xd8\xff\xd9", 4, "cut short"},
	};
	char *path = file_path("%s/not", folder);
	struct error err = {0};
	int pages = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(file_write(path, rows[i].bytes, rows[i].n, &err));
		refused(path, 0, ERROR_INPUT, rows[i].piece);
		assert_false(raw_image_pages(path, &pages, &err));
		assert_int_equal(err.kind, ERROR_INPUT);
		err = (struct error){0};
	}
	refused(folder, 0, ERROR_INPUT, "not a file");
	refused("/nonexistent/a.tif", 0, ERROR_INPUT, "/nonexistent/a.tif");
	free(path);
}

/* Every prefix of a good file is refused or, where only trailing data is gone, read; none crashes.
 */
static void test_raw_image_read_truncated(void **state)
{
	char *from = file_path("%s/whole", folder), *path = file_path("%s/cut", folder);

	for (int kind = 0; kind < 4; kind++) {
		struct raw_image image = image_draw(90, 70, kind == 0 ? 1 : 3, kind == 0 ? 1 : 8);
		char sha256[HASH_SIZE];
		struct error err = {0};
		uint64_t n_bytes = 0;
		PIX *pix = NULL;
		size_t n = 0;
		double dpi = 0;
		if (kind <= 1) {
			assert_true(raw_image_write(&image, from, "zstd", sha256, &n_bytes, &err));
		} else {
			assert_true(raw_image_pix(&image, &pix, &err));
			assert_int_equal(
			    pixWrite(from, pix, kind == 2 ? IFF_PNG : IFF_JFIF_JPEG), 0);
			pixDestroy(&pix);
		}
		char *data = file_read(from, 1 << 24, &n, &err);
		assert_non_null(data);
		for (size_t cut = 1; cut < n; cut += cut < 64 || cut + 64 > n ? 1 : 37) {
			assert_true(file_write(path, data, cut, &err));
			bool ok = raw_image_read(path, 0, RAW_LIMIT_PIXELS, &pix, &dpi, &err);
			if (ok && cut + 40 < n) /* the last are the resolution */
				fail_msg("kind %d: %zu of %zu bytes were read", kind, cut, n);
			if (!ok)
				assert_int_equal(err.kind, ERROR_INPUT);
			pixDestroy(&pix);
		}
		free(data);
		raw_image_release(&image);
	}
	free(from);
	free(path);
}

static void header_tiff(const char *path, uint32_t w, uint32_t h)
{
	uint8_t head[] = {'I', 'I', '*', 0, 8, 0, 0, 0, 7, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0, 0, 0,
	    0,					    /* width */
	    1, 1, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0,	    /* height */
	    2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0,	    /* bits */
	    3, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0,	    /* no compression */
	    6, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0,	    /* black is 0 */
	    0x11, 1, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0,  /* offset */
	    0x17, 1, 4, 0, 1, 0, 0, 0, 16, 0, 0, 0, /* bytes */
	    0, 0, 0, 0};
	struct error err = {0};

	memcpy(head + 18, &w, 4);
	memcpy(head + 30, &h, 4);
	assert_true(file_write(path, head, sizeof head, &err));
}

static void header_png(const char *path, uint32_t w, uint32_t h)
{
	FILE *f = fopen(path, "wb");
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);

	png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
	png_init_io(png, f);
	png_set_IHDR(png, info, w, h, 8, PNG_COLOR_TYPE_RGB, 0, 0, 0);
	png_write_info(png, info);
	png_destroy_write_struct(&png, &info);
	fclose(f);
}

static void header_jpeg(const char *path, unsigned int w, unsigned int h)
{
	struct error err = {0};
	size_t n = 0;

	jpeg_make(path, 16, 16, 3, 0, JCS_RGB);
	char *data = file_read(path, 1 << 20, &n, &err);
	for (size_t i = 0; i + 9 < n; i++)
		if ((uint8_t)data[i] == 0xFF && (uint8_t)data[i + 1] == 0xC0) {
			data[i + 5] = (char)(h >> 8);
			data[i + 6] = (char)h;
			data[i + 7] = (char)(w >> 8);
			data[i + 8] = (char)w;
		}
	assert_true(file_write(path, data, n, &err));
	free(data);
}

static void test_raw_image_read_sizes(void **state)
{
	char *path = file_path("%s/size", folder);

	header_tiff(path, 60000, 60000);
	refused(path, 0, ERROR_INPUT, "60000 x 60000");
	header_tiff(path, 0, 0);
	refused(path, 0, ERROR_INPUT, "");
	header_tiff(path, 100, 100); /* 16 bytes are there, 10,000 should be */
	refused(path, 0, ERROR_INPUT, "cut short");
	header_tiff(path, 0xFFFFFFFF, 1);
	refused(path, 0, ERROR_INPUT, "4294967295 x 1");
	header_png(path, 60000, 60000);
	refused(path, 0, ERROR_INPUT, "60000 x 60000");
	header_jpeg(path, 60000, 60000);
	refused(path, 0, ERROR_INPUT, "60000 x 60000");
	header_jpeg(path, 0, 0);
	refused(path, 0, ERROR_INPUT, "cannot read");
	/* a size that is allowed, without the data: memory for it is never touched */
	header_jpeg(path, 16000, 16000);
	refused(path, 0, ERROR_INPUT, "cut short");
	header_png(path, 16000, 16000);
	refused(path, 0, ERROR_INPUT, "cut short");
	free(path);
}

static void test_raw_image_read_cmyk(void **state)
{
	struct tiff_kind cmyk = {"cmyk", 8, 4, PHOTOMETRIC_SEPARATED, 1, COMPRESSION_LZW, 0, 0};
	char *path = file_path("%s/cmyk", folder);

	tiff_make(path, &cmyk, 10, 10);
	refused(path, 0, ERROR_INPUT, "CMYK");
	jpeg_make(path, 16, 16, 4, 0, JCS_CMYK);
	refused(path, 0, ERROR_INPUT, "CMYK");
	free(path);
}

static void test_raw_image_pages_of_many(void **state)
{
	char *path = file_path("%s/many.tif", folder);
	TIFF *tif = TIFFOpen(path, "w");
	struct error err = {0};
	PIX *pix = NULL;
	double dpi = 0;
	int pages = 0;

	for (int p = 0; p < 5; p++) {
		uint8_t line[4] = {(uint8_t)p, 1, 2, 3};
		TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 4);
		TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
		TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 8);
		TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
		TIFFWriteScanline(tif, line, 0, 0);
		TIFFWriteDirectory(tif);
	}
	TIFFClose(tif);
	assert_true(raw_image_pages(path, &pages, &err));
	assert_int_equal(pages, 5);
	for (int p = 0; p < 5; p++) {
		l_uint32 v = 99;
		assert_true(raw_image_read(path, p, RAW_LIMIT_PIXELS, &pix, &dpi, &err));
		pixGetPixel(pix, 0, 0, &v);
		assert_int_equal(v, p);
		pixDestroy(&pix);
	}
	refused(path, 5, ERROR_INPUT, "no page 6");
	free(path);
}

/* Bytes of good files changed at random: any answer but a crash or a leak. */
static void test_raw_image_read_damaged(void **state)
{
	char *from = file_path("%s/good", folder), *path = file_path("%s/bad", folder);

	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0] + 2; k++) {
		struct error err = {0};
		size_t n = 0;
		if (k < sizeof kinds / sizeof kinds[0]) {
			if (!TIFFIsCODECConfigured((uint16_t)kinds[k].compression))
				continue;
			tiff_make(from, &kinds[k], 40, 30);
		} else if (k == sizeof kinds / sizeof kinds[0]) {
			jpeg_make(from, 40, 30, 3, 6, JCS_RGB);
		} else {
			struct raw_image image = image_draw(40, 30, 3, 8);
			PIX *pix = NULL;
			assert_true(raw_image_pix(&image, &pix, &err));
			assert_int_equal(pixWrite(from, pix, IFF_PNG), 0);
			pixDestroy(&pix);
			raw_image_release(&image);
		}
		char *good = file_read(from, 1 << 24, &n, &err), *bad = malloc(n);
		for (uint32_t round = 0; round < 60; round++) {
			PIX *pix = NULL;
			double dpi = 0;
			memcpy(bad, good, n);
			for (uint32_t i = 0; i < 1 + round % 8; i++) {
				uint32_t at =
				    (noise(round * 77 + i) << 16 | noise(round * 31 + i) << 8 |
					noise(i * 5 + round)) %
				    (uint32_t)n;
				bad[at] = (char)noise(at + round);
			}
			FILE *f = fopen(path, "wb");
			assert_int_equal(fwrite(bad, 1, n, f), n);
			fclose(f);
			if (!raw_image_read(path, 0, 10000000, &pix, &dpi, &err))
				assert_true(err.kind == ERROR_INPUT || err.kind == ERROR_SYSTEM);
			pixDestroy(&pix);
		}
		free(good);
		free(bad);
	}
	free(from);
	free(path);
}

static void test_sheet_move_empties_the_source(void **state)
{
	struct sheet a = {.n_images = 2, .n_expected = 2, .device_count = 7}, b = {0};

	a.images[0] = image_draw(3, 3, 1, 8);
	a.images[1] = image_draw(3, 3, 1, 8);
	sheet_move(&b, &a);
	assert_null(a.images[0].data);
	assert_int_equal(a.n_images, 0);
	assert_int_equal(b.device_count, 7);
	sheet_release(&b);
	assert_null(b.images[1].data);
	sheet_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_raw_image_write_reads_back),
	    cmocka_unit_test(test_raw_image_write_disk_refuses),
	    cmocka_unit_test(test_every_compression_is_tried),
	    cmocka_unit_test(test_raw_image_read_tiff_kinds),
	    cmocka_unit_test(test_raw_image_read_orientation),
	    cmocka_unit_test(test_raw_image_read_fax_resolution),
	    cmocka_unit_test(test_raw_image_read_png),
	    cmocka_unit_test(test_raw_image_read_png_alpha),
	    cmocka_unit_test(test_raw_image_read_jpeg_orientation),
	    cmocka_unit_test(test_raw_image_read_not_an_image),
	    cmocka_unit_test(test_raw_image_read_truncated),
	    cmocka_unit_test(test_raw_image_read_sizes),
	    cmocka_unit_test(test_raw_image_read_cmyk),
	    cmocka_unit_test(test_raw_image_pages_of_many),
	    cmocka_unit_test(test_raw_image_read_damaged),
	    cmocka_unit_test(test_sheet_move_empties_the_source),
	};

	TIFFSetWarningHandler(NULL); /* of the files that the tests write themselves */
	return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
