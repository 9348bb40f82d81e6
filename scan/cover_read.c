/*
 * Cover sheets read again. The raw page is reduced to about 150 dpi grey and thresholded: what
 * ZBar then needs for a page of text is a tenth of what the full page costs, and noise is gone.
 */
#include <allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zbar.h>

#include "scan/cover.h"

#define WORK_DPI	     150.0
#define FRAME_DPI	     37.5
#define WORK_PIXELS_MAX	     9000000ull /* above A3 a page is looked at more coarsely */
#define FINDER_MODULE_MIN_PX 2.5
#define FINDERS_MAX	     32
#define CONTRAST_MIN	     48 /* grey levels between ink and paper, or there is nothing printed */

struct grey { /* 1 byte a pixel, rows without padding */
	uint8_t *pixels;
	int width_px, height_px;
};

/* The mean of factor x factor pixels, of two of them a row where that is enough. */
static void grey_from_colour(const l_uint32 *data, int wpl, int factor, struct grey *out)
{
	int span = factor > 2 ? factor : 2, step = factor > 2 ? factor / 2 : 1;

	for (int y = 0; y < out->height_px; y++) {
		uint8_t *to = out->pixels + (size_t)y * (size_t)out->width_px;
		const l_uint32 *a = data + (size_t)y * (size_t)factor * (size_t)wpl;
		const l_uint32 *b = factor > 1 ? a + (size_t)step * (size_t)wpl : a;
		if (factor == 1) {
			for (int x = 0; x < out->width_px; x++) {
				l_uint32 p = a[x];
				to[x] =
				    (uint8_t)(((p >> 24) + 2 * (p >> 16 & 255) + (p >> 8 & 255)) >>
					2);
			}
			continue;
		}
		for (int x = 0; x < out->width_px; x++, a += span, b += span) {
			/* Two opposite pixels; channels summed side by side, without carries. */
			l_uint32 rb = (a[0] >> 8 & 0x00FF00FF) + (b[step] >> 8 & 0x00FF00FF);
			l_uint32 g = (a[0] >> 16 & 255) + (b[step] >> 16 & 255);
			to[x] = (uint8_t)(((rb >> 16) + (rb & 0xFFFF) + 2 * g) >> 3);
		}
	}
}

static void grey_from_bytes(const l_uint32 *data, int wpl, int factor, struct grey *out)
{
	int step = factor > 2 ? factor / 2 : factor - 1;

	for (int y = 0; y < out->height_px; y++) {
		uint8_t *to = out->pixels + (size_t)y * (size_t)out->width_px;
		const l_uint32 *a = data + (size_t)y * (size_t)factor * (size_t)wpl;
		const l_uint32 *b = a + (size_t)step * (size_t)wpl;
		if (factor == 2) { /* a word holds four pixels, the first in its high byte */
			for (int x = 0; x < out->width_px; x++) {
				int shift = x & 1 ? 8 : 24;
				l_uint32 p = a[x >> 1] >> shift, q = b[x >> 1] >> (shift - 8);
				to[x] = (uint8_t)(((p & 255) + (q & 255)) >> 1);
			}
			continue;
		}
		for (int x = 0; x < out->width_px; x++)
			to[x] = (uint8_t)((GET_DATA_BYTE(a, x * factor) +
					      GET_DATA_BYTE(b, x * factor + step)) >>
			    1);
	}
}

static void grey_from_bits(const l_uint32 *data, int wpl, int factor, struct grey *out)
{
	int area = factor * factor;

	for (int y = 0; y < out->height_px; y++) {
		uint8_t *to = out->pixels + (size_t)y * (size_t)out->width_px;
		const l_uint32 *rows = data + (size_t)y * (size_t)factor * (size_t)wpl;
		if (factor == 2) {
			static const uint8_t level[3] = {0, 1, 2};
			for (int x = 0; x < out->width_px; x++) {
				int shift = 30 - 2 * (x & 15);
				l_uint32 p = rows[x >> 4] >> shift,
					 q = rows[wpl + (x >> 4)] >> shift;
				int n =
				    level[(p & 1) + (p >> 1 & 1)] + level[(q & 1) + (q >> 1 & 1)];
				to[x] = (uint8_t)(255 - n * 255 / 4);
			}
			continue;
		}
		for (int x = 0; x < out->width_px; x++) {
			int n = 0;
			for (int v = 0; v < factor; v++)
				for (int u = 0; u < factor; u++)
					n += (int)GET_DATA_BIT(
					    rows + (size_t)v * (size_t)wpl, x * factor + u);
			to[x] = (uint8_t)(255 - n * 255 / area);
		}
	}
}

/* Gives the page reduced by a whole factor, in grey. False: no memory, or a kind without pixels. */
static bool grey_open(const struct Pix *page, int factor, struct grey *out)
{
	struct Pix *borrowed = (struct Pix *)page; /* Leptonica has no const; nothing is changed */
	struct Pix *plain = NULL;
	int depth = pixGetDepth(borrowed);
	bool ok = false;

	if (pixGetColormap(borrowed) || (depth != 1 && depth != 8 && depth != 32)) {
		plain = pixConvertTo8(borrowed, 0);
		if (!plain)
			return false;
		borrowed = plain;
		depth = 8;
	}
	out->width_px = pixGetWidth(borrowed) / factor;
	out->height_px = pixGetHeight(borrowed) / factor;
	if (out->width_px < 1 || out->height_px < 1)
		goto done;
	out->pixels = malloc((size_t)out->width_px * (size_t)out->height_px);
	if (!out->pixels)
		goto done;
	const l_uint32 *data = pixGetData(borrowed);
	int wpl = pixGetWpl(borrowed);
	if (depth == 32)
		grey_from_colour(data, wpl, factor, out);
	else if (depth == 8)
		grey_from_bytes(data, wpl, factor, out);
	else
		grey_from_bits(data, wpl, factor, out);
	ok = true;
done:
	pixDestroy(&plain);
	return ok;
}

/*
 * Otsu's threshold (Otsu 1979) over a quarter of the pixels. *contrast is the distance of the two
 * means.
 */
static int grey_threshold(const struct grey *grey, int *contrast)
{
	size_t n = (size_t)grey->width_px * (size_t)grey->height_px;
	double count[256] = {0}, all = 0, sum = 0, below = 0, below_sum = 0, best = -1;
	int threshold = 128;

	for (size_t i = 0; i < n; i += 3)
		count[grey->pixels[i]]++;
	for (int i = 0; i < 256; i++) {
		all += count[i];
		sum += i * count[i];
	}
	*contrast = 0;
	for (int i = 0; i < 255; i++) {
		below += count[i];
		below_sum += i * count[i];
		if (below <= 0 || below >= all)
			continue;
		double dark = below_sum / below, light = (sum - below_sum) / (all - below);
		double between = below * (all - below) * (light - dark) * (light - dark);
		if (between > best) {
			best = between;
			threshold = i + 1;
			*contrast = (int)(light - dark);
		}
	}
	return threshold;
}

static void grey_apply(const struct grey *grey, int threshold, uint8_t *out)
{
	size_t n = (size_t)grey->width_px * (size_t)grey->height_px;

	for (size_t i = 0; i < n; i++)
		out[i] = grey->pixels[i] < threshold ? 0 : 255;
}

struct finder { /* where a finder pattern seems to be */
	int x, y;
	double module;
};

/* Are five runs, dark light dark light dark, as 1 : 1 : 3 : 1 : 1? The module in px, or 0. */
static double runs_module(const int run[5])
{
	double module = (run[0] + run[1] + run[2] + run[3] + run[4]) / 7.0;

	if (module < FINDER_MODULE_MIN_PX)
		return 0;
	for (int i = 0; i < 5; i++) {
		double nominal = i == 2 ? 3 * module : module;
		if (fabs(run[i] - nominal) > nominal / 2 + 1)
			return 0;
	}
	return module;
}

/* The same up and down through x, y, which is dark. */
static double column_module(const uint8_t *ink, int w, int h, int x, int y)
{
	int run[5] = {0}, up = y, down = y + 1;
	const uint8_t *column = ink + x;

	for (int i = 2; i >= 0; i--)
		for (; up >= 0 && (column[(size_t)up * (size_t)w] == 0) == (i != 1); up--)
			run[i]++;
	for (int i = 2; i < 5; i++)
		for (; down < h && (column[(size_t)down * (size_t)w] == 0) == (i != 3); down++)
			run[i]++;
	return runs_module(run);
}

/* Does found belong with one that was seen before, as two corners of one code? Else keeps it. */
static bool finder_pairs(struct finder *seen, int *n, struct finder found)
{
	for (int i = 0; i < *n; i++) {
		double apart = hypot(found.x - seen[i].x, found.y - seen[i].y);
		double module = fmin(found.module, seen[i].module);
		if (apart < 7 * module)
			return false; /* the same one, in another row */
		if (fmax(found.module, seen[i].module) < 1.4 * module && apart < 250 * module)
			return true;
	}
	if (*n < FINDERS_MAX)
		seen[(*n)++] = found;
	return *n == FINDERS_MAX;
}

/*
 * Are there two finder patterns, of the three corners of a QR code? Few pages have them, and to
 * ask this first saves most of the time that a page costs. Rows suffice: the proportions are the
 * same under every angle (ISO/IEC 18004, 6.3.3).
 */
static bool finders_seen(const uint8_t *ink, int w, int h)
{
	struct finder seen[FINDERS_MAX];
	int n_seen = 0;

	for (int y = 0; y < h; y += 3) {
		const uint8_t *row = ink + (size_t)y * (size_t)w;
		int run[5] = {0}, n = 0;
		for (int x = 0; x < w; n++) {
			const uint8_t *end = memchr(row + x, n & 1 ? 0 : 255, (size_t)(w - x));
			int next = end ? (int)(end - row) : w;
			memmove(run, run + 1, 4 * sizeof *run);
			run[4] = next - x;
			x = next;
			double module =
			    n & 1 || n < 4 ? 0 : runs_module(run); /* even: a dark run ends */
			if (module == 0)
				continue;
			struct finder found = {next - run[4] - run[3] - run[2] / 2 - 1, y, 0};
			found.module = column_module(ink, w, h, found.x, y);
			if (found.module < module / 1.4 || found.module > module * 1.4)
				continue;
			if (finder_pairs(seen, &n_seen, found))
				return true;
		}
	}
	return false;
}

/*
 * Reads every QR code. COVER_NONE: none that begins with our prefix; COVER_UNREADABLE: one that
 * does and is damaged, or two that contradict each other.
 */
static enum cover_answer codes_read(
    const uint8_t *pixels, int width_px, int height_px, struct cover *cover)
{
	zbar_image_scanner_t *scanner = zbar_image_scanner_create();
	zbar_image_t *image = zbar_image_create();
	enum cover_answer answer = COVER_NONE;

	if (!scanner || !image)
		goto done;
	zbar_image_scanner_set_config(scanner, 0, ZBAR_CFG_ENABLE, 0);
	zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	zbar_image_scanner_set_config(scanner, 0, ZBAR_CFG_X_DENSITY, 1);
	zbar_image_scanner_set_config(scanner, 0, ZBAR_CFG_Y_DENSITY, 1);
	zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
	zbar_image_set_size(image, (unsigned)width_px, (unsigned)height_px);
	zbar_image_set_data(
	    image, pixels, (unsigned long)width_px * (unsigned long)height_px, NULL);
	if (zbar_scan_image(scanner, image) <= 0)
		goto done;
	for (const zbar_symbol_t *symbol = zbar_image_first_symbol(image); symbol;
	     symbol = zbar_symbol_next(symbol)) {
		const char *data = zbar_symbol_get_data(symbol);
		size_t n = zbar_symbol_get_data_length(symbol);
		char text[COVER_TEXT_SIZE] = "";
		struct cover found;
		if (!data || n < strlen(COVER_PREFIX) ||
		    memcmp(data, COVER_PREFIX, strlen(COVER_PREFIX)) != 0)
			continue;
		if (n < sizeof text && !memchr(data, '\0', n))
			memcpy(text, data, n);
		if (!cover_parse(text, &found)) {
			answer = COVER_UNREADABLE;
		} else if (answer == COVER_NONE) {
			answer = COVER_VALID;
			*cover = found;
		} else if (answer == COVER_VALID &&
		    (strcmp(found.file_number, cover->file_number) != 0 ||
			found.volume != cover->volume ||
			strcmp(found.serial, cover->serial) != 0)) {
			answer = COVER_UNREADABLE;
		}
	}
done:
	if (image)
		zbar_image_destroy(image);
	if (scanner)
		zbar_image_scanner_destroy(scanner);
	return answer;
}

/* The frame is looked for on every fourth part or so of a thresholded image. */
static bool frame_seen(const uint8_t *pixels, int width_px, int height_px, double dpi)
{
	int factor = (int)lround(dpi / FRAME_DPI);
	bool seen = false;

	if (factor < 1)
		factor = 1;
	int w = width_px / factor, h = height_px / factor;
	uint8_t *small = w > 0 && h > 0 ? malloc((size_t)w * (size_t)h) : NULL;
	if (!small)
		return false;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			const uint8_t *from = pixels +
			    (size_t)y * (size_t)factor * (size_t)width_px +
			    (size_t)x * (size_t)factor;
			int light = 0;
			for (int v = 0; v < factor; v++)
				for (int u = 0; u < factor; u++)
					light +=
					    from[(size_t)v * (size_t)width_px + (size_t)u] != 0;
			small[(size_t)y * (size_t)w + (size_t)x] =
			    2 * light < factor * factor ? 0 : 255;
		}
	seen = cover_frame_find(small, w, h, dpi / factor);
	free(small);
	return seen;
}

/* One look at the page. *framed (may be NULL) says whether the frame is there. */
static enum cover_answer look(const struct Pix *page, double dpi, int factor, bool thresholded,
    struct cover *cover, bool *framed)
{
	struct grey grey = {0};
	uint8_t *ink = NULL;
	int contrast;
	enum cover_answer answer = COVER_NONE;

	if (!grey_open(page, factor, &grey))
		goto done;
	int threshold = grey_threshold(&grey, &contrast);
	if (contrast < CONTRAST_MIN)
		goto done;
	ink = malloc((size_t)grey.width_px * (size_t)grey.height_px);
	if (!ink)
		goto done;
	grey_apply(&grey, threshold, ink);
	if (!thresholded)
		answer = codes_read(grey.pixels, grey.width_px, grey.height_px, cover);
	else if (!framed || finders_seen(ink, grey.width_px, grey.height_px))
		answer = codes_read(ink, grey.width_px, grey.height_px, cover);
	if (framed && answer == COVER_NONE)
		*framed = frame_seen(ink, grey.width_px, grey.height_px, dpi / factor);
done:
	free(ink);
	free(grey.pixels);
	return answer;
}

enum cover_answer cover_read(const struct Pix *page, double dpi, struct cover *cover)
{
	int w = pixGetWidth(page), h = pixGetHeight(page);
	enum cover_answer answer;
	bool framed = false;
	struct cover found = {0};

	if (w < 16 || h < 16)
		return COVER_NONE;
	if (!(dpi >= 20 && dpi <= 10000))
		dpi = (w > h ? w : h) / 11.7;
	int factor = (int)lround(dpi / WORK_DPI - 0.2);
	if (factor < 1)
		factor = 1;
	while ((uint64_t)(w / factor) * (uint64_t)(h / factor) > WORK_PIXELS_MAX)
		factor++;
	answer = look(page, dpi, factor, true, &found, &framed);
	if (answer == COVER_NONE && framed) {
		/* Surely a cover sheet: worth a second and a third look. */
		answer = look(page, dpi, factor, false, &found, NULL);
		if (answer == COVER_NONE && factor > 1)
			answer = look(page, dpi, (factor + 1) / 2, true, &found, NULL);
		if (answer == COVER_NONE)
			answer = COVER_UNREADABLE;
	}
	if (answer == COVER_VALID)
		*cover = found;
	return answer;
}
