#include "scan/plane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <leptonica/allheaders.h>

#include "config/text.h"

bool plane_open(struct plane *plane, int width_px, int height_px, struct error *err)
{
	assert(width_px > 0 && height_px > 0);
	size_t stride = ((size_t)width_px + 31) & ~(size_t)15;
	uint8_t *px = calloc((size_t)height_px + 1, stride);
	if (!px)
		return error_set(err, ERROR_SYSTEM,
		    _("give the computer more memory, or scan at a lower resolution"),
		    _("no memory for an image of %d x %d pixels"), width_px, height_px);
	*plane = (struct plane){width_px, height_px, stride, px};
	return true;
}

int plane_reduction(double dpi, double wanted_dpi, int width_px, int height_px)
{
	int by = (int)(dpi / wanted_dpi + 0.5);
	by = by < 1 ? 1 : by > 32 ? 32 : by;
	while (by < 64 && (double)width_px / by * ((double)height_px / by) > PLANE_LIMIT_PX)
		by++;
	return by;
}

void plane_release(struct plane *plane)
{
	free(plane->px);
	*plane = (struct plane){0};
}

void plane_move(struct plane *to, struct plane *from)
{
	*to = *from;
	*from = (struct plane){0};
}

/* One row of luminance, in 1/256 of the channels' weights. */
static void luma_row(const uint32_t *restrict row, int n, uint8_t *restrict out)
{
	int x = 0;
#ifdef __SSE2__
	const __m128i weights = _mm_set_epi16(77, 150, 29, 0, 77, 150, 29, 0),
		      zero = _mm_setzero_si128();
	for (; x + 8 <= n; x += 8) {
		__m128i four[2];
		for (int k = 0; k < 2; k++) {
			__m128i p =
			    _mm_loadu_si128((const __m128i *)(const void *)(row + x + 4 * k));
			__m128i low = _mm_madd_epi16(_mm_unpacklo_epi8(p, zero), weights);
			__m128i high = _mm_madd_epi16(_mm_unpackhi_epi8(p, zero), weights);
			/* blue and alpha lie beside green and red: add the two halves of each pixel
			 */
			__m128i even = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low),
			    _mm_castsi128_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
			__m128i odd = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low),
			    _mm_castsi128_ps(high), _MM_SHUFFLE(3, 1, 3, 1)));
			four[k] = _mm_srli_epi32(_mm_add_epi32(even, odd), 8);
		}
		__m128i eight = _mm_packs_epi32(four[0], four[1]);
		_mm_storel_epi64((__m128i *)(void *)(out + x), _mm_packus_epi16(eight, eight));
	}
#endif
	for (; x < n; x++) {
		uint32_t p = row[x];
		out[x] =
		    (uint8_t)((77 * (p >> 24) + 150 * (p >> 16 & 255) + 29 * (p >> 8 & 255)) >> 8);
	}
}

static void grey_row(const uint32_t *restrict row, int n_words, uint8_t *restrict out)
{
	for (int i = 0; i < n_words; i++) {
		uint32_t swapped = __builtin_bswap32(row[i]);
		memcpy(out + 4 * i, &swapped, 4);
	}
}

static void bit_row(const uint32_t *row, int n, uint8_t *out)
{
	for (int x = 0; x < n; x++)
		out[x] = row[x >> 5] >> (31 - (x & 31)) & 1 ? 0 : 255;
}

/* Columns of bytes, added up. */
static void column_add(const uint8_t *restrict row, size_t n, uint16_t *restrict sums)
{
	for (size_t i = 0; i < n; i++)
		sums[i] = (uint16_t)(sums[i] + row[i]);
}

/* The mean of each `by` neighbours of sums, which are columns of `by` rows. */
static void column_mean(const uint16_t *restrict sums, int n, int by, uint8_t *restrict out)
{
	uint32_t area = (uint32_t)(by * by), factor = ((1u << 16) + area - 1) / area;
	if (by == 2) {
		for (int i = 0; i < n; i++) {
			uint32_t pair; /* two sums in one load: this loop becomes vector code */
			memcpy(&pair, sums + 2 * i, 4);
			out[i] = (uint8_t)(((pair & 0xffff) + (pair >> 16) + 2) >> 2);
		}
		return;
	}
	for (int i = 0; i < n; i++) {
		uint32_t sum = 0;
		for (int k = 0; k < by; k++)
			sum += sums[i * by + k];
		uint64_t mean = ((uint64_t)sum * factor) >> 16;
		out[i] = (uint8_t)(mean > 255 ? 255 : mean);
	}
}

/* Half the size of a bitonal image: four bits become the share of them that is white. */
static void bits_halve(const uint32_t *a, const uint32_t *b, int n, uint8_t *out)
{
	static uint32_t
	    counts[256]; /* of the four pairs in a byte, one in each byte, first pair lowest */
	if (!counts[255])
		for (uint32_t v = 0; v < 256; v++)
			counts[v] = (v >> 7 & 1) + (v >> 6 & 1) +
			    (((v >> 5 & 1) + (v >> 4 & 1)) << 8) +
			    (((v >> 3 & 1) + (v >> 2 & 1)) << 16) +
			    (((v >> 1 & 1) + (v & 1)) << 24);
	for (int i = 0; i < n; i += 4) {
		int shift = 24 - 8 * (i / 4 % 4);
		uint32_t sum = counts[a[i / 16] >> shift & 255] + counts[b[i / 16] >> shift & 255];
		uint32_t ink = sum * 63 + (sum >> 2 & 0x01010101u) * 3, white = ~ink;
		memcpy(out + i, &white, 4);
	}
}

bool plane_luma(const struct Pix *pix, int reduction, struct plane *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	int w, h, depth, words = pixGetWpl(lent);
	pixGetDimensions(lent, &w, &h, &depth);
	assert(depth == 1 || depth == 8 || depth == 32);
	int by = reduction < w ? reduction : w;
	by = by < h ? by : h;
	int nw = w / by, nh = h / by;
	struct plane plane = {0};
	uint8_t *bytes = NULL;
	uint16_t *sums = NULL;

	if (!plane_open(&plane, nw, nh, err))
		return false;
	bytes = malloc((size_t)words * 32 + 64);
	sums = malloc(((size_t)w + 64) * sizeof *sums);
	if (!bytes || !sums) {
		free(bytes);
		free(sums);
		plane_release(&plane);
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
	}
	for (int y = 0; y < nh; y++) {
		const uint32_t *rows = pixGetData(lent) + (size_t)y * (size_t)by * (size_t)words;
		if (depth == 1 && by == 2) {
			bits_halve(rows, rows + words, nw, plane_row(&plane, y));
			continue;
		}
		if (by > 1)
			memset(sums, 0, (size_t)w * sizeof *sums);
		for (int k = 0; k < by; k++) {
			const uint32_t *row = rows + (size_t)k * (size_t)words;
			if (depth == 32)
				luma_row(row, w, bytes);
			else if (depth == 8)
				grey_row(row, words, bytes);
			else
				bit_row(row, w, bytes);
			if (by > 1)
				column_add(bytes, (size_t)w, sums);
			else
				memcpy(plane_row(&plane, y), bytes, (size_t)nw);
		}
		if (by > 1)
			column_mean(sums, nw, by, plane_row(&plane, y));
	}
	free(bytes);
	free(sums);
	plane_move(out, &plane);
	return true;
}

/* As column_mean() for one channel of four that lie side by side. */
static void channel_mean(const uint16_t *sums, int n, int by, int channel, uint8_t *restrict out)
{
	uint32_t area = (uint32_t)(by * by), factor = ((1u << 16) + area - 1) / area;
	for (int i = 0; i < n; i++) {
		const uint16_t *at = sums + 4 * (size_t)i * (size_t)by + channel;
		uint32_t sum = 0;
		for (int k = 0; k < by; k++)
			sum += at[4 * k];
		uint64_t mean = ((uint64_t)sum * factor) >> 16;
		out[i] = (uint8_t)(mean > 255 ? 255 : mean);
	}
}

bool plane_rgb(const struct Pix *pix, int reduction, struct plane out[3], struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	int w = pixGetWidth(lent), h = pixGetHeight(lent), words = pixGetWpl(lent);
	assert(pixGetDepth(lent) == 32);
	int by = reduction < w ? reduction : w;
	by = by < h ? by : h;
	int nw = w / by, nh = h / by;
	struct plane planes[3] = {0};
	uint16_t *sums = NULL;
	bool ok = false;

	for (int c = 0; c < 3; c++)
		if (!plane_open(&planes[c], nw, nh, err))
			goto done;
	sums = malloc(((size_t)w + 16) * 4 * sizeof *sums);
	if (!sums) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
		goto done;
	}
	for (int y = 0; y < nh; y++) {
		memset(sums, 0, (size_t)w * 4 * sizeof *sums);
		for (int k = 0; k < by; k++) {
			const uint32_t *row =
			    pixGetData(lent) + ((size_t)y * (size_t)by + (size_t)k) * (size_t)words;
			column_add((const uint8_t *)row, (size_t)w * 4, sums);
		}
		/* in memory a pixel is alpha, blue, green, red */
		for (int c = 0; c < 3; c++)
			channel_mean(sums, nw, by, 3 - c, plane_row(&planes[c], y));
	}
	for (int c = 0; c < 3; c++)
		plane_move(&out[c], &planes[c]);
	ok = true;
done:
	free(sums);
	for (int c = 0; c < 3; c++)
		plane_release(&planes[c]);
	return ok;
}

bool plane_reduce(const struct plane *in, int reduction, struct plane *out, struct error *err)
{
	int by = reduction;
	by = by < in->width_px ? by : in->width_px;
	by = by < in->height_px ? by : in->height_px;
	int nw = in->width_px / by, nh = in->height_px / by;
	struct plane plane = {0};

	if (!plane_open(&plane, nw, nh, err))
		return false;
	uint16_t *sums = malloc(((size_t)in->width_px + 64) * sizeof *sums);
	if (!sums) {
		plane_release(&plane);
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), in->width_px);
	}
	for (int y = 0; y < nh; y++) {
		memset(sums, 0, (size_t)in->width_px * sizeof *sums);
		for (int k = 0; k < by; k++)
			column_add(plane_row(in, y * by + k), (size_t)in->width_px, sums);
		column_mean(sums, nw, by, plane_row(&plane, y));
	}
	free(sums);
	plane_move(out, &plane);
	return true;
}

bool plane_smooth(const struct plane *in, struct plane *out, struct error *err)
{
	int w = in->width_px, h = in->height_px;
	struct plane plane = {0};
	if (!plane_open(&plane, w, h, err))
		return false;
	uint16_t *sums = malloc(((size_t)w + 32) * sizeof *sums);
	if (!sums) {
		plane_release(&plane);
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
	}
	for (int y = 0; y < h; y++) {
		const uint8_t *a = plane_row(in, y ? y - 1 : 0), *b = plane_row(in, y);
		const uint8_t *c = plane_row(in, y + 1 < h ? y + 1 : y);
		uint8_t *to = plane_row(&plane, y);
		for (int x = 0; x < w; x++)
			sums[x + 1] = (uint16_t)(a[x] + b[x] + c[x]);
		sums[0] = sums[1];
		sums[w + 1] = sums[w];
		for (int x = 0; x < w; x++)
			to[x] = (uint8_t)(((uint32_t)(sums[x] + sums[x + 1] + sums[x + 2]) * 7282u +
					      32768u) >>
			    16);
	}
	free(sums);
	plane_move(out, &plane);
	return true;
}

bool plane_scale(
    const struct plane *in, int width_px, int height_px, struct plane *out, struct error *err)
{
	int w = in->width_px, h = in->height_px;
	struct plane plane = {0};
	if (!plane_open(&plane, width_px, height_px, err))
		return false;
	int *left = malloc(((size_t)width_px + 1) * sizeof *left);
	uint8_t *part = malloc((size_t)width_px + 1);
	uint16_t *line = malloc(((size_t)w + 2) * sizeof *line);
	bool ok = left && part && line;
	if (!ok) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), width_px);
		goto done;
	}
	for (int x = 0; x < width_px; x++) {
		double at = (x + 0.5) * w / width_px - 0.5;
		at = at < 0 ? 0 : at > w - 1 ? w - 1 : at;
		left[x] = (int)at;
		part[x] = (uint8_t)((at - left[x]) * 128);
	}
	for (int y = 0; y < height_px; y++) {
		double at = (y + 0.5) * h / height_px - 0.5;
		at = at < 0 ? 0 : at > h - 1 ? h - 1 : at;
		int top = (int)at;
		uint32_t low = (uint32_t)((at - top) * 128);
		const uint8_t *a = plane_row(in, top),
			      *b = plane_row(in, top + 1 < h ? top + 1 : top);
		uint8_t *to = plane_row(&plane, y);
		for (int x = 0; x < w; x++)
			line[x] = (uint16_t)(a[x] * (128 - low) + b[x] * low);
		line[w] = line[w - 1];
		for (int x = 0; x < width_px; x++) {
			uint32_t right = part[x];
			to[x] = (uint8_t)((line[left[x]] * (128 - right) +
					      line[left[x] + 1] * right + 8192) >>
			    14);
		}
	}
	plane_move(out, &plane);
done:
	free(left);
	free(part);
	free(line);
	plane_release(&plane);
	return ok;
}

struct Pix *plane_pix(const struct plane *plane)
{
	PIX *pix = pixCreateNoInit(plane->width_px, plane->height_px, 8);
	if (!pix)
		return NULL;
	int words = pixGetWpl(pix);
	for (int y = 0; y < plane->height_px; y++) {
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)words;
		const uint8_t *from = plane_row(plane, y);
		for (int i = 0; i < words; i++) {
			uint32_t word;
			memcpy(&word, from + 4 * i, 4);
			to[i] = __builtin_bswap32(word);
		}
	}
	return pix;
}

#ifdef __SSE2__
/* Sixteen bits, lowest first, become the sixteen highest of a word, highest first. */
static inline uint32_t bits_reversed(uint32_t v)
{
	v = (v >> 1 & 0x5555) | (v & 0x5555) << 1;
	v = (v >> 2 & 0x3333) | (v & 0x3333) << 2;
	v = (v >> 4 & 0x0f0f) | (v & 0x0f0f) << 4;
	v = (v >> 8 & 0x00ff) | (v & 0x00ff) << 8;
	return v << 16;
}
#endif

struct Pix *plane_pix_below(const struct plane *plane, int threshold)
{
	PIX *pix = pixCreate(plane->width_px, plane->height_px, 1);
	if (!pix)
		return NULL;
	for (int y = 0; y < plane->height_px; y++) {
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		const uint8_t *from = plane_row(plane, y);
		for (int x = 0; x < plane->width_px; x += 32) {
			uint32_t word = 0;
			int n = plane->width_px - x < 32 ? plane->width_px - x : 32;
#ifdef __SSE2__
			/* the sign of (v - threshold), eight bits at a time, first pixel highest */
			__m128i limit = _mm_set1_epi8((char)(threshold > 0 ? threshold - 1 : 0));
			for (int k = 0; threshold > 0 && k < n; k += 16) {
				__m128i v =
				    _mm_loadu_si128((const __m128i *)(const void *)(from + x + k));
				uint32_t less = (uint32_t)_mm_movemask_epi8(
				    _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v));
				word |= bits_reversed(less) >> k;
			}
			word = n < 32 ? word & ~(0xffffffffu >> n) : word;
#else
			for (int k = 0; k < n; k++)
				word |= (uint32_t)(from[x + k] < threshold) << (31 - k);
#endif
			to[x >> 5] = word;
		}
	}
	return pix;
}

bool plane_bits(const struct Pix *pix, struct plane *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	assert(pixGetDepth(lent) == 1);
	struct plane plane = {0};
	if (!plane_open(&plane, pixGetWidth(lent), pixGetHeight(lent), err))
		return false;
	for (int y = 0; y < plane.height_px; y++) {
		const uint32_t *row = pixGetData(lent) + (size_t)y * (size_t)pixGetWpl(lent);
		uint8_t *to = plane_row(&plane, y);
		for (int x = 0; x < plane.width_px; x++)
			to[x] = (uint8_t) - (int)(row[x >> 5] >> (31 - (x & 31)) & 1);
	}
	plane_move(out, &plane);
	return true;
}
