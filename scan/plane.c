#include "scan/plane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

/* Adds one row of luminance, in 1/256, to sums. */
static void luma_row_add(const uint32_t *restrict row, int n, uint16_t *restrict out)
{
	for (int x = 0; x < n; x++) {
		uint32_t p = row[x];
		uint32_t r = p >> 24, g = (p >> 16) & 255, b = (p >> 8) & 255;
		out[x] = (uint16_t)((77 * r + 150 * g + 29 * b) >> 8);
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

/* sums[i] += the sum of `by` neighbours of row. */
static void gather(const uint16_t *restrict row, int n, int by, uint32_t *restrict sums)
{
	if (by == 1) {
		for (int i = 0; i < n; i++)
			sums[i] += row[i];
	} else if (by == 2) {
		for (int i = 0; i < n; i++)
			sums[i] += (uint32_t)row[2 * i] + row[2 * i + 1];
	} else if (by == 4) {
		for (int i = 0; i < n; i++)
			sums[i] +=
			    (uint32_t)row[4 * i] + row[4 * i + 1] + row[4 * i + 2] + row[4 * i + 3];
	} else {
		for (int i = 0; i < n; i++)
			for (int k = 0; k < by; k++)
				sums[i] += row[i * by + k];
	}
}

static void spread(const uint32_t *restrict sums, int n, uint32_t area, uint8_t *restrict out)
{
	uint32_t factor = ((1u << 16) + area - 1) / area; /* sums stay below 2^16 * area / 256 */
	for (int i = 0; i < n; i++)
		out[i] = (uint8_t)(((uint64_t)sums[i] * factor) >> 16 > 255
			? 255
			: ((uint64_t)sums[i] * factor) >> 16);
}

static void widen(const uint8_t *restrict in, int n, uint16_t *restrict out)
{
	for (int i = 0; i < n; i++)
		out[i] = in[i];
}

bool plane_luma(const struct Pix *pix, int reduction, struct plane *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	int w, h, depth, words = pixGetWpl(lent);
	pixGetDimensions(lent, &w, &h, &depth);
	assert(depth == 1 || depth == 8 || depth == 32);
	int by_x = reduction < w ? reduction : w, by_y = reduction < h ? reduction : h;
	int by = by_x < by_y ? by_x : by_y;
	int nw = w / by, nh = h / by;
	struct plane plane = {0};
	uint16_t *line = NULL;
	uint32_t *sums = NULL;
	uint8_t *bytes = NULL;
	bool ok = false;

	if (!plane_open(&plane, nw, nh, err))
		return false;
	line = malloc(((size_t)w + 64) * sizeof *line);
	sums = malloc(((size_t)nw + 16) * sizeof *sums);
	bytes = malloc((size_t)words * 32 + 64);
	if (!line || !sums || !bytes) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
		goto done;
	}
	for (int y = 0; y < nh; y++) {
		memset(sums, 0, (size_t)nw * sizeof *sums);
		for (int k = 0; k < by; k++) {
			const uint32_t *row =
			    pixGetData(lent) + ((size_t)y * (size_t)by + (size_t)k) * (size_t)words;
			if (depth == 32) {
				luma_row_add(row, w, line);
			} else {
				if (depth == 8)
					grey_row(row, words, bytes);
				else
					bit_row(row, w, bytes);
				if (by == 1) {
					memcpy(plane_row(&plane, y), bytes, (size_t)nw);
					continue;
				}
				widen(bytes, w, line);
			}
			gather(line, nw, by, sums);
		}
		if (depth == 32 || by > 1)
			spread(sums, nw, (uint32_t)(by * by), plane_row(&plane, y));
	}
	plane_move(out, &plane);
	ok = true;
done:
	free(line);
	free(sums);
	free(bytes);
	plane_release(&plane);
	return ok;
}

bool plane_rgb(const struct Pix *pix, int reduction, struct plane out[3], struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix;
	int w = pixGetWidth(lent), h = pixGetHeight(lent), words = pixGetWpl(lent);
	assert(pixGetDepth(lent) == 32);
	int by_x = reduction < w ? reduction : w, by_y = reduction < h ? reduction : h;
	int by = by_x < by_y ? by_x : by_y;
	int nw = w / by, nh = h / by;
	struct plane planes[3] = {0};
	uint32_t *sums = NULL;
	uint16_t *line = NULL;
	bool ok = false;

	for (int c = 0; c < 3; c++)
		if (!plane_open(&planes[c], nw, nh, err))
			goto done;
	sums = malloc(((size_t)nw + 16) * 3 * sizeof *sums);
	line = malloc(((size_t)w + 64) * sizeof *line);
	if (!sums || !line) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
		goto done;
	}
	for (int y = 0; y < nh; y++) {
		memset(sums, 0, (size_t)nw * 3 * sizeof *sums);
		for (int k = 0; k < by; k++) {
			const uint32_t *row =
			    pixGetData(lent) + ((size_t)y * (size_t)by + (size_t)k) * (size_t)words;
			for (int c = 0; c < 3; c++) {
				int shift = 24 - 8 * c;
				for (int x = 0; x < w; x++)
					line[x] = (uint16_t)(row[x] >> shift & 255);
				gather(line, nw, by, sums + (size_t)c * (size_t)nw);
			}
		}
		for (int c = 0; c < 3; c++)
			spread(sums + (size_t)c * (size_t)nw, nw, (uint32_t)(by * by),
			    plane_row(&planes[c], y));
	}
	for (int c = 0; c < 3; c++)
		plane_move(&out[c], &planes[c]);
	ok = true;
done:
	free(sums);
	free(line);
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
	uint16_t *line = NULL;
	uint32_t *sums = NULL;
	bool ok = false;

	if (!plane_open(&plane, nw, nh, err))
		return false;
	line = malloc(((size_t)in->width_px + 64) * sizeof *line);
	sums = malloc(((size_t)nw + 16) * sizeof *sums);
	if (!line || !sums) {
		error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), in->width_px);
		goto done;
	}
	for (int y = 0; y < nh; y++) {
		memset(sums, 0, (size_t)nw * sizeof *sums);
		for (int k = 0; k < by; k++) {
			widen(plane_row(in, y * by + k), in->width_px, line);
			gather(line, nw, by, sums);
		}
		spread(sums, nw, (uint32_t)(by * by), plane_row(&plane, y));
	}
	plane_move(out, &plane);
	ok = true;
done:
	free(line);
	free(sums);
	plane_release(&plane);
	return ok;
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
			for (int k = 0; k < n; k++)
				word |= (uint32_t)(from[x + k] < threshold) << (31 - k);
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
