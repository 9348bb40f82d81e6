#include "scan/raw.h"

#include <allheaders.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/log.h"
#include "config/text.h"
#include "scan/raw_decode.h"

void raw_image_release(struct raw_image *image)
{
	if (!image)
		return;
	free(image->data);
	*image = (struct raw_image){0};
}

void raw_image_move(struct raw_image *to, struct raw_image *from)
{
	assert(!to->data);
	*to = *from;
	*from = (struct raw_image){0};
}

/* Leptonica prints; its words belong into the log. */
static void lept_said(const char *text)
{
	log_put(LOG_NOTE, "leptonica", "%s", text);
}

static void lept_quiet(void)
{
	leptSetStderrHandler(lept_said);
}

static pthread_once_t lept_once = PTHREAD_ONCE_INIT;

bool raw_refuse(struct error *err, const char *path, const char *why)
{
	return error_set(err, ERROR_INPUT,
	    _("scan this page again, or export it again as TIFF, PNG or JPEG"),
	    _("cannot read the image '%s': %s"), path, why);
}

bool raw_size_check(const char *path, uint64_t width_px, uint64_t height_px, uint64_t limit_pixels,
    struct error *err)
{
	enum { SIDE_MOST_PX = 1000000 }; /* Leptonica's own limit */

	if (width_px == 0 || height_px == 0)
		return error_set(err, ERROR_INPUT, _("scan this page again"),
		    _("cannot read the image '%s': it is empty (%llu x %llu pixels)"), path,
		    (unsigned long long)width_px, (unsigned long long)height_px);
	if (width_px > SIDE_MOST_PX || height_px > SIDE_MOST_PX ||
	    width_px > limit_pixels / height_px)
		return error_set(err, ERROR_INPUT,
		    _("scan this page again with a lower resolution"),
		    _("cannot read the image '%s': %llu x %llu pixels are too many, at most %llu "
		      "million are read"),
		    path, (unsigned long long)width_px, (unsigned long long)height_px,
		    (unsigned long long)(limit_pixels / 1000000));
	return true;
}

bool raw_pix_make(int width_px, int height_px, int depth, struct Pix **out, struct error *err)
{
	pthread_once(&lept_once, lept_quiet);
	*out = pixCreate(width_px, height_px, depth);
	if (!*out)
		return error_set(err, ERROR_SYSTEM, _("close other programs or add memory"),
		    _("no memory for an image of %d x %d pixels"), width_px, height_px);
	return true;
}

/* --- looking at a raw image ---------------------------------------------- */

bool raw_image_pix(const struct raw_image *image, struct Pix **out, struct error *err)
{
	int depth = image->channels == 3 ? 32 : image->depth_bits;
	PIX *pix = NULL;

	assert(image->data && (image->channels == 1 || image->channels == 3));
	if (!raw_pix_make(image->width_px, image->height_px, depth, &pix, err))
		return false;
	size_t words = (size_t)pixGetWpl(pix);
	size_t used = ((size_t)image->width_px * (size_t)depth + 7) / 8;
	for (int y = 0; y < image->height_px; y++) {
		const uint8_t *from = image->data + (size_t)y * image->line_bytes;
		l_uint32 *to = pixGetData(pix) + (size_t)y * words;
		if (image->channels == 3 && image->depth_bits == 8) {
			for (int x = 0; x < image->width_px; x++, from += 3)
				to[x] = (l_uint32)from[0] << 24 | (l_uint32)from[1] << 16 |
				    (l_uint32)from[2] << 8;
		} else if (image->channels == 3) {
			for (int x = 0; x < image->width_px; x++)
				composeRGBPixel(raw_sample(from, 3 * (size_t)x, image->depth_bits),
				    raw_sample(from, 3 * (size_t)x + 1, image->depth_bits),
				    raw_sample(from, 3 * (size_t)x + 2, image->depth_bits), to + x);
		} else if (image->depth_bits == 16) {
			for (int x = 0; x < image->width_px; x++)
				SET_DATA_TWO_BYTES(
				    to, x, ((const uint16_t *)(const void *)from)[x]);
		} else {
			memcpy(to, from, used);
		}
	}
	if (depth <= 8) {
		pixEndianByteSwap(pix);
		pixSetPadBits(pix, 0);
	}
	int dpi = image->dpi > 0 && image->dpi < 100000 ? (int)lround(image->dpi) : 0;
	pixSetResolution(pix, dpi, dpi);
	*out = pix;
	return true;
}

bool raw_image_glance(const struct raw_image *image, double dpi_wanted, struct Pix **out,
    double *dpi, struct error *err)
{
	int factor = image->dpi >= 2 * dpi_wanted ? (int)(image->dpi / dpi_wanted) : 1;
	PIX *pix = NULL;

	*dpi = image->dpi;
	if (image->depth_bits == 1)
		return raw_image_pix(image, out, err);
	int w = image->width_px / factor, h = image->height_px / factor;
	if (w < 1 || h < 1)
		return raw_image_pix(image, out, err);
	if (!raw_pix_make(w, h, 8, &pix, err))
		return false;
	uint32_t *sums = calloc((size_t)w, sizeof *sums);
	if (!sums) {
		pixDestroy(&pix);
		return error_errno(err, NULL, _("no memory for an image of %d x %d pixels"), w, h);
	}
	uint32_t parts = (uint32_t)(factor * factor) << 8;
	for (int y = 0; y < h; y++) {
		l_uint32 *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		memset(sums, 0, sizeof *sums * (size_t)w);
		for (int k = 0; k < factor; k++) {
			const uint8_t *line =
			    image->data + (size_t)(y * factor + k) * image->line_bytes;
			for (int x = 0; x < w; x++) {
				uint32_t sum = 0;
				if (image->channels == 3 && image->depth_bits == 8) {
					const uint8_t *p = line + (size_t)x * (size_t)factor * 3;
					for (int i = 0; i < factor; i++, p += 3)
						sum += 77u * p[0] + 150u * p[1] + 29u * p[2];
				} else {
					size_t at =
					    (size_t)x * (size_t)factor * (size_t)image->channels;
					for (int i = 0; i < factor;
					     i++, at += (size_t)image->channels)
						sum +=
						    256u * raw_sample(line, at, image->depth_bits);
				}
				sums[x] += sum;
			}
		}
		for (int x = 0; x < w; x++)
			SET_DATA_BYTE(to, x, sums[x] / parts);
	}
	free(sums);
	*dpi = image->dpi / factor;
	*out = pix;
	return true;
}

bool raw_image_from_pix(
    const struct Pix *from, double dpi, struct raw_image *out, struct error *err)
{
	PIX *pix = (PIX *)(uintptr_t)from; /* Leptonica's readers are not const */
	int depth = pixGetDepth(pix);
	struct raw_image image = {.width_px = pixGetWidth(pix),
	    .height_px = pixGetHeight(pix),
	    .channels = depth == 32 ? 3 : 1,
	    .depth_bits = depth == 32 ? 8 : depth,
	    .dpi = dpi};

	assert(depth == 1 || depth == 8 || depth == 16 || depth == 32);
	image.line_bytes =
	    ((size_t)image.width_px * (size_t)image.channels * (size_t)image.depth_bits + 7) / 8;
	image.data = malloc(image.line_bytes * (size_t)image.height_px);
	if (!image.data)
		return error_errno(err, NULL, _("no memory for an image of %d x %d pixels"),
		    image.width_px, image.height_px);
	for (int y = 0; y < image.height_px; y++) {
		const l_uint32 *line = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		uint8_t *to = image.data + (size_t)y * image.line_bytes;
		if (depth == 32) {
			for (int x = 0; x < image.width_px; x++, to += 3) {
				to[0] = (uint8_t)(line[x] >> 24);
				to[1] = (uint8_t)(line[x] >> 16);
				to[2] = (uint8_t)(line[x] >> 8);
			}
		} else if (depth == 16) {
			for (int x = 0; x < image.width_px; x++)
				((uint16_t *)(void *)to)[x] = (uint16_t)GET_DATA_TWO_BYTES(line, x);
		} else {
			for (size_t i = 0; i < image.line_bytes; i++)
				to[i] = (uint8_t)GET_DATA_BYTE(line, i);
		}
	}
	raw_image_move(out, &image);
	return true;
}

/* --- reading files --------------------------------------------------------- */

static const struct {
	const char *magic;
	size_t n;
	const struct raw_decoder *decoder;
	const char *other; /* what it is where it is none of ours */
} kinds[] = {
    {"II*\0", 4, &raw_decoder_tiff, NULL},
    {"MM\0*", 4, &raw_decoder_tiff, NULL},
    {"II+\0", 4, &raw_decoder_tiff, NULL},
    {"MM\0+", 4, &raw_decoder_tiff, NULL},
    {"\x89PNG\r\n\x1a\n", 8, &raw_decoder_png, NULL},
    {"\xff\xd8\xff", 3, &raw_decoder_jpeg, NULL},
    {"%PDF", 4, NULL, N_("it is a PDF; only TIFF, PNG and JPEG are read")},
    {"GIF8", 4, NULL, N_("it is a GIF; only TIFF, PNG and JPEG are read")},
    {"BM", 2, NULL, N_("it is a Windows bitmap; only TIFF, PNG and JPEG are read")},
    {"\0\0\0\x0cjP  ", 8, NULL, N_("it is JPEG 2000; only TIFF, PNG and JPEG are read")},
};

/* Opens a regular file and finds who can read it. */
static bool file_recognise(
    const char *path, FILE **out, const struct raw_decoder **decoder, struct error *err)
{
	uint8_t head[8] = {0};
	struct stat st;
	FILE *file = NULL;
	bool ok = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */

	pthread_once(&lept_once, lept_quiet);
	*decoder = NULL;
	if (fd < 0 || fstat(fd, &st) != 0) {
		enum error_kind kind = errno == ENOENT ? ERROR_INPUT : ERROR_SYSTEM;
		error_errno(err, NULL, _("cannot read the image '%s'"), path);
		if (err)
			err->kind = kind;
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		raw_refuse(err, path, _("it is not a file"));
		goto done;
	}
	if (st.st_size == 0) {
		raw_refuse(err, path, _("the file is empty"));
		goto done;
	}
	file = fdopen(fd, "rb");
	if (!file) {
		error_errno(err, NULL, _("cannot read the image '%s'"), path);
		goto done;
	}
	fd = -1;
	size_t n = fread(head, 1, sizeof head, file);
	if (ferror(file)) {
		error_errno(err, NULL, _("cannot read the image '%s'"), path);
		goto done;
	}
	rewind(file);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (n < kinds[i].n || memcmp(head, kinds[i].magic, kinds[i].n) != 0)
			continue;
		if (kinds[i].other) {
			raw_refuse(err, path, _(kinds[i].other));
			goto done;
		}
		*decoder = kinds[i].decoder;
		break;
	}
	if (!*decoder) {
		raw_refuse(err, path, _("it is not an image (only TIFF, PNG and JPEG are read)"));
		goto done;
	}
	*out = file;
	file = NULL;
	ok = true;
done:
	if (file)
		fclose(file);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool pix_replace(PIX **pix, PIX *by, struct error *err)
{
	if (!by)
		return error_set(err, ERROR_SYSTEM, _("close other programs or add memory"),
		    _("no memory for turning an image"));
	pixDestroy(pix);
	*pix = by;
	return true;
}

/* Turns and mirrors what the file says is stored turned or mirrored. */
static bool picture_orient(struct raw_picture *picture, struct error *err)
{
	static const struct {
		int quarters, mirror; /* clockwise; then 'h' left-right, 'v' top-bottom */
	} steps[9] = {
	    {0, 0}, {0, 0}, {0, 'h'}, {2, 0}, {0, 'v'}, {1, 'h'}, {1, 0}, {1, 'v'}, {3, 0}};
	int o = picture->orientation;

	if (o < 2 || o > 8)
		return true;
	if (steps[o].quarters &&
	    !pix_replace(&picture->pix, pixRotateOrth(picture->pix, steps[o].quarters), err))
		return false;
	if (steps[o].mirror == 'h' && pixFlipLR(picture->pix, picture->pix) == NULL)
		return pix_replace(&picture->pix, NULL, err);
	if (steps[o].mirror == 'v' && pixFlipTB(picture->pix, picture->pix) == NULL)
		return pix_replace(&picture->pix, NULL, err);
	if (steps[o].quarters % 2) {
		double x_dpi = picture->x_dpi;
		picture->x_dpi = picture->y_dpi;
		picture->y_dpi = x_dpi;
	}
	return true;
}

/* Fax resolutions differ in x and y: the coarser axis is stretched, so that a page has one dpi. */
static bool picture_square(
    struct raw_picture *picture, const char *path, uint64_t limit_pixels, struct error *err)
{
	double x = picture->x_dpi, y = picture->y_dpi;

	if (x <= 0 || y <= 0 || fabs(x - y) <= 0.01 * x)
		return true;
	double most = x > y ? x : y;
	double fx = most / x, fy = most / y;
	if (fx > 8 || fy > 8) { /* a lie rather than a resolution */
		picture->x_dpi = picture->y_dpi = 0;
		return true;
	}
	double w = pixGetWidth(picture->pix) * fx, h = pixGetHeight(picture->pix) * fy;
	if (!raw_size_check(path, (uint64_t)w, (uint64_t)h, limit_pixels, err))
		return false;
	PIX *scaled = pixGetDepth(picture->pix) == 1
	    ? pixScaleBinary(picture->pix, (l_float32)fx, (l_float32)fy)
	    : pixGetDepth(picture->pix) == 16
	    ? pixScaleBySampling(picture->pix, (l_float32)fx, (l_float32)fy)
	    : pixScaleLI(picture->pix, (l_float32)fx, (l_float32)fy);
	picture->x_dpi = picture->y_dpi = most;
	return pix_replace(&picture->pix, scaled, err);
}

bool raw_image_read(const char *path, int page, uint64_t limit_pixels, struct Pix **out,
    double *dpi, struct error *err)
{
	const struct raw_decoder *decoder = NULL;
	struct raw_picture picture = {.orientation = 1};
	FILE *file = NULL;
	bool ok = false;

	if (!file_recognise(path, &file, &decoder, err) ||
	    !decoder->read(file, path, page, limit_pixels, &picture, err) ||
	    !picture_orient(&picture, err) || !picture_square(&picture, path, limit_pixels, err))
		goto done;
	/* 0, and what no scanner delivers: as good as unknown */
	if (!(picture.x_dpi >= 10 && picture.x_dpi <= 20000))
		picture.x_dpi = 0;
	pixSetResolution(
	    picture.pix, (l_int32)lround(picture.x_dpi), (l_int32)lround(picture.x_dpi));
	*dpi = picture.x_dpi;
	*out = picture.pix;
	picture.pix = NULL;
	ok = true;
done:
	pixDestroy(&picture.pix);
	if (file)
		fclose(file);
	return ok;
}

bool raw_image_pages(const char *path, int *n_pages, struct error *err)
{
	const struct raw_decoder *decoder = NULL;
	FILE *file = NULL;

	bool ok =
	    file_recognise(path, &file, &decoder, err) && decoder->pages(file, path, n_pages, err);
	if (file)
		fclose(file);
	return ok;
}

/* --- EXIF ------------------------------------------------------------------- */

struct exif {
	const uint8_t *data;
	size_t n;
	bool big_endian;
};

static uint32_t exif_number(const struct exif *e, size_t at, int bytes)
{
	uint32_t v = 0;

	if (at > e->n || e->n - at < (size_t)bytes)
		return 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | e->data[at + (size_t)(e->big_endian ? i : bytes - 1 - i)];
	return v;
}

static double exif_rational(const struct exif *e, size_t at)
{
	uint32_t over = exif_number(e, at, 4), under = exif_number(e, at + 4, 4);

	return under ? (double)over / under : 0;
}

void raw_exif_read(const uint8_t *data, size_t n_bytes, struct raw_picture *picture)
{
	struct exif e = {.data = data, .n = n_bytes};
	double x = 0, y = 0;
	uint32_t unit = 2;

	if (n_bytes < 8 || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0))
		return;
	e.big_endian = data[0] == 'M';
	size_t at = exif_number(&e, 4, 4);
	uint32_t n = exif_number(&e, at, 2);
	for (uint32_t i = 0; i < n; i++) {
		size_t entry = at + 2 + 12 * (size_t)i;
		if (entry > n_bytes || n_bytes - entry < 12)
			break;
		switch (exif_number(&e, entry, 2)) {
		case 0x0112: {
			uint32_t o = exif_number(&e, entry + 8, 2);
			if (o >= 1 && o <= 8)
				picture->orientation = (int)o;
			break;
		}
		case 0x011A: x = exif_rational(&e, exif_number(&e, entry + 8, 4)); break;
		case 0x011B: y = exif_rational(&e, exif_number(&e, entry + 8, 4)); break;
		case 0x0128: unit = exif_number(&e, entry + 8, 2); break;
		default: break;
		}
	}
	if (picture->x_dpi <= 0 && x > 0 && y > 0 && (unit == 2 || unit == 3)) {
		picture->x_dpi = unit == 3 ? x * 2.54 : x;
		picture->y_dpi = unit == 3 ? y * 2.54 : y;
	}
}
