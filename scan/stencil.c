#include "scan/stencil.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/backdrop.h"
#include "scan/ground.h"

#define HUE_BINS     36
#define HUE_REACH    4	 /* bins to each side of a peak */
#define LEAST_MM2    0.5 /* of an ink's covered area */
#define SATURATED    22	 /* percent of the absorbed light */
#define LEAST_CHROMA 11
#define NEUTRAL	     255 /* classes: 0.. hues, FAINT, NEUTRAL */
#define FAINT	     254
#define NONE	     253

void stencil_list_release(struct stencil_list *list)
{
	for (int i = 0; i < STENCIL_LIMIT; i++)
		pixDestroy(&list->stencils[i].bits);
	*list = (struct stencil_list){0};
}

/* Hue in bins of ten degrees of the ink that absorbs r, g, b. */
static int hue_bin(int r, int g, int b, int most, int least)
{
	int span = most - least;
	/* the ink's colour is what is left: most - absorbed */
	double cr = most - r, cg = most - g, cb = most - b, hue;
	if (cr >= cg && cr >= cb)
		hue = (cg - cb) / span;
	else if (cg >= cb)
		hue = 2 + (cb - cr) / span;
	else
		hue = 4 + (cr - cg) / span;
	hue = hue < 0 ? hue + 6 : hue;
	int bin = (int)(hue * HUE_BINS / 6);
	return bin >= HUE_BINS ? HUE_BINS - 1 : bin;
}

/* For each square the bin of its ink's hue, NEUTRAL or NONE. */
static bool hues_find(
    const struct plane rgb[3], const struct plane *covered, struct plane *out, struct error *err)
{
	struct plane normal[3] = {0}, soft[3] = {0}, hues = {0};
	struct ground paper = {0};
	bool ok = false;

	for (int c = 0; c < 3; c++) {
		bool good = ground_measure(&rgb[c], NULL, 16, &paper, err) &&
		    ground_normalise(&paper, &rgb[c], &normal[c], err);
		ground_release(&paper);
		if (!good || !plane_smooth(&normal[c], &soft[c], err))
			goto done;
		plane_release(&normal[c]);
	}
	if (!plane_open(&hues, rgb[0].width_px, rgb[0].height_px, err))
		goto done;
	for (int y = 0; y < hues.height_px; y++) {
		const uint8_t *r = plane_row(&soft[0], y), *g = plane_row(&soft[1], y),
			      *b = plane_row(&soft[2], y);
		const uint8_t *mark = plane_row(covered, y);
		uint8_t *to = plane_row(&hues, y);
		for (int x = 0; x < hues.width_px; x++) {
			if (!mark[x]) {
				to[x] = NONE;
				continue;
			}
			int ar = GROUND_PAPER - r[x], ag = GROUND_PAPER - g[x],
			    ab = GROUND_PAPER - b[x];
			ar = ar < 0 ? 0 : ar;
			ag = ag < 0 ? 0 : ag;
			ab = ab < 0 ? 0 : ab;
			int most = ar > ag ? ar : ag, least = ar < ag ? ar : ag;
			most = ab > most ? ab : most;
			least = ab < least ? ab : least;
			bool coloured =
			    most - least > LEAST_CHROMA && (most - least) * 100 > most * SATURATED;
			to[x] = (uint8_t)(coloured ? hue_bin(ar, ag, ab, most, least) : NEUTRAL);
		}
	}
	plane_move(out, &hues);
	ok = true;
done:
	for (int c = 0; c < 3; c++) {
		plane_release(&normal[c]);
		plane_release(&soft[c]);
	}
	plane_release(&hues);
	return ok;
}

/* Turns bins into classes 0..n-1, one for each peak; what belongs to none is NEUTRAL. */
static int peaks_find(struct plane *hues, double square_mm2)
{
	int counts[HUE_BINS] = {0}, class_of[HUE_BINS], n = 0;
	for (int i = 0; i < HUE_BINS; i++)
		class_of[i] = NEUTRAL;
	for (int y = 0; y < hues->height_px; y++)
		for (int x = 0; x < hues->width_px; x++)
			if (plane_row(hues, y)[x] < HUE_BINS)
				counts[plane_row(hues, y)[x]]++;
	int left[HUE_BINS];
	memcpy(left, counts, sizeof left);
	while (n < STENCIL_LIMIT - 2) {
		int best = -1, most = 0;
		for (int i = 0; i < HUE_BINS; i++) {
			int sum = 0;
			for (int k = -1; k <= 1; k++)
				sum += left[(i + k + HUE_BINS) % HUE_BINS];
			if (sum > most) {
				most = sum;
				best = i;
			}
		}
		if (best < 0)
			break;
		int all = 0;
		for (int k = -HUE_REACH; k <= HUE_REACH; k++) {
			int i = (best + k + HUE_BINS) % HUE_BINS;
			all += left[i];
			if (class_of[i] == NEUTRAL && left[i])
				class_of[i] = n;
			left[i] = 0;
		}
		if (all * square_mm2 < LEAST_MM2) {
			for (int i = 0; i < HUE_BINS; i++)
				class_of[i] = class_of[i] == n ? NEUTRAL : class_of[i];
			break;
		}
		n++;
	}
	for (int y = 0; y < hues->height_px; y++) {
		uint8_t *row = plane_row(hues, y);
		for (int x = 0; x < hues->width_px; x++)
			row[x] = row[x] < HUE_BINS ? (uint8_t)class_of[row[x]] : row[x];
	}
	return n;
}

/* Each square takes the class that most of the nine around it have, itself twice. */
static bool classes_smooth(struct plane *classes, struct error *err)
{
	struct plane out = {0};
	int w = classes->width_px, h = classes->height_px;
	if (!plane_open(&out, w, h, err))
		return false;
	memcpy(out.px, classes->px, classes->stride * (size_t)h);
	for (int y = 1; y + 1 < h; y++) {
		const uint8_t *a = plane_row(classes, y - 1), *b = plane_row(classes, y),
			      *c = plane_row(classes, y + 1);
		uint8_t *to = plane_row(&out, y);
		for (int x = 1; x + 1 < w; x++) {
			if (b[x] == NONE)
				continue;
			uint8_t near[9] = {b[x], a[x - 1], a[x], a[x + 1], b[x - 1], b[x + 1],
			    c[x - 1], c[x], c[x + 1]};
			int best = 0, winner = b[x];
			for (int i = 0; i < 9; i++) {
				if (near[i] == NONE)
					continue;
				int votes = near[i] == b[x];
				for (int k = 0; k < 9; k++)
					votes += near[k] == near[i];
				if (votes > best) {
					best = votes;
					winner = near[i];
				}
			}
			to[x] = (uint8_t)winner;
		}
	}
	plane_release(classes);
	plane_move(classes, &out);
	return true;
}

/* The ink at squares of one class, as bits of full resolution. */
static PIX *class_bits(PIX *ink, const struct plane *classes, int reduction, int class)
{
	int w = pixGetWidth(ink), h = pixGetHeight(ink), words = pixGetWpl(ink);
	PIX *bits = pixCreate(w, h, 1);
	uint32_t *mask = malloc(((size_t)words + 1) * sizeof *mask);
	if (!bits || !mask) {
		pixDestroy(&bits);
		free(mask);
		return NULL;
	}
	for (int y = 0; y < h; y++) {
		int row = y / reduction;
		row = row < classes->height_px ? row : classes->height_px - 1;
		if (y % reduction == 0) {
			const uint8_t *from = plane_row(classes, row);
			memset(mask, 0, ((size_t)words + 1) * sizeof *mask);
			for (int x = 0; x < classes->width_px; x++) {
				if (from[x] != class)
					continue;
				int end = x + 1 == classes->width_px ? w : (x + 1) * reduction;
				for (int at = x * reduction; at < end && at < w; at++)
					mask[at >> 5] |= 0x80000000u >> (at & 31);
			}
		}
		const uint32_t *from = pixGetData(ink) + (size_t)y * (size_t)words;
		uint32_t *to = pixGetData(bits) + (size_t)y * (size_t)words;
		for (int i = 0; i < words; i++)
			to[i] = from[i] & mask[i];
	}
	free(mask);
	return bits;
}

/*
 * Where print lies under a stamp, the square has the stamp's hue: pixels much nearer to the print's
 * darkness than to the stamp's go over to the print.
 */
static void darkest_move(PIX *page, struct stencil *print, struct stencil *stamp)
{
	int print_luma = (77 * print->rgb[0] + 150 * print->rgb[1] + 29 * print->rgb[2]) >> 8;
	int stamp_luma = (77 * stamp->rgb[0] + 150 * stamp->rgb[1] + 29 * stamp->rgb[2]) >> 8;
	int limit = (print_luma + stamp_luma) / 2, words = pixGetWpl(stamp->bits);
	if (stamp_luma - print_luma < 36)
		return;
	for (int y = 0; y < pixGetHeight(page); y++) {
		const uint32_t *row = pixGetData(page) + (size_t)y * (size_t)pixGetWpl(page);
		uint32_t *from = pixGetData(stamp->bits) + (size_t)y * (size_t)words;
		uint32_t *to = pixGetData(print->bits) + (size_t)y * (size_t)words;
		for (int i = 0; i < words; i++)
			for (uint32_t left = from[i]; left;) {
				uint32_t bit = 0x80000000u >> __builtin_clz(left);
				left &= ~bit;
				uint32_t p = row[i * 32 + __builtin_clz(bit)];
				int luma = (int)((77 * (p >> 24) + 150 * (p >> 16 & 255) +
						     29 * (p >> 8 & 255)) >>
				    8);
				if (luma < limit) {
					from[i] &= ~bit;
					to[i] |= bit;
				}
			}
	}
}

struct tone {
	double rgb[3];
	double n;
};

static void tone_add(struct tone *tone, PIX *page, int x, int y)
{
	const uint32_t *row = pixGetData(page) + (size_t)y * (size_t)pixGetWpl(page);
	if (pixGetDepth(page) == 32) {
		tone->rgb[0] += row[x] >> 24;
		tone->rgb[1] += row[x] >> 16 & 255;
		tone->rgb[2] += row[x] >> 8 & 255;
	} else {
		double v = row[x >> 2] >> (24 - 8 * (x & 3)) & 255;
		tone->rgb[0] += v;
		tone->rgb[1] += v;
		tone->rgb[2] += v;
	}
	tone->n += 1;
}

/* The ink's colour: the mean inside its strokes; where none is broad enough, of its cores. */
static bool ink_colour(PIX *page, PIX *bits, uint8_t rgb[3], int *n_bits)
{
	PIX *inside = pixErodeBrick(NULL, bits, 3, 3);
	struct tone core = {0}, any = {0};
	if (!inside)
		return false;
	pixCountPixels(bits, n_bits, NULL);
	int words = pixGetWpl(bits), h = pixGetHeight(bits), w = pixGetWidth(bits);
	int step = *n_bits > 400000 ? 3 : 1;
	for (int y = 0; y < h; y += step) {
		const uint32_t *all = pixGetData(bits) + (size_t)y * (size_t)words;
		const uint32_t *in = pixGetData(inside) + (size_t)y * (size_t)words;
		for (int i = 0; i < words; i++)
			for (uint32_t left = all[i]; left;) {
				int bit = __builtin_clz(left);
				left &= ~(0x80000000u >> bit);
				int x = i * 32 + bit;
				if (x >= w)
					continue;
				tone_add(&any, page, x, y);
				if (in[i] & (0x80000000u >> bit))
					tone_add(&core, page, x, y);
			}
	}
	pixDestroy(&inside);
	const struct tone *best = core.n >= 40 && core.n * 50 >= any.n ? &core : &any;
	for (int c = 0; c < 3; c++)
		rgb[c] = (uint8_t)(best->n > 0 ? best->rgb[c] / best->n + 0.5 : 0);
	return true;
}

/* Neutral squares of row y that touch a place of faint ink are of that ink. */
static bool faint_take(const struct plane *faint, int y, struct plane *classes)
{
	int w = classes->width_px, h = classes->height_px;
	int top = (int)((int64_t)y * faint->height_px / h),
	    low = (int)((((int64_t)y + 1) * faint->height_px + h - 1) / h);
	uint8_t *row = plane_row(classes, y);
	bool any = false;
	for (int x = 0; x < w; x++) {
		int left = (int)((int64_t)x * faint->width_px / w),
		    right = (int)((((int64_t)x + 1) * faint->width_px + w - 1) / w);
		bool marked = false;
		for (int my = top; row[x] == NEUTRAL && my < (low > top ? low : top + 1); my++)
			for (int mx = left; mx < (right > left ? right : left + 1); mx++)
				marked |= plane_row(faint, my)[mx] != 0;
		if (marked)
			row[x] = FAINT;
		any |= marked;
	}
	return any;
}

bool stencil_list_find(const struct Pix *page, const struct Pix *ink, const struct plane *rgb,
    int reduction, const struct plane *faint, double dpi, struct stencil_list *out,
    struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page, *all = (PIX *)(uintptr_t)ink;
	int w = pixGetWidth(lent) / reduction, h = pixGetHeight(lent) / reduction;
	struct plane covered = {0}, classes = {0};
	struct stencil_list list = {0};
	int n = 0;
	bool ok = false;

	w = w < 1 ? 1 : w;
	h = h < 1 ? 1 : h;
	if (!backdrop_covered(ink, reduction, w, h, &covered, err))
		goto done;
	if (rgb) {
		double square = reduction / dpi * 25.4;
		if (!hues_find(rgb, &covered, &classes, err))
			goto done;
		n = peaks_find(&classes, square * square);
		if (n && !classes_smooth(&classes, err))
			goto done;
	} else {
		if (!plane_open(&classes, w, h, err))
			goto done;
		memset(classes.px, NEUTRAL, classes.stride * (size_t)h);
	}
	bool any_faint = false;
	for (int y = 0; faint && y < h; y++)
		any_faint |= faint_take(faint, y, &classes);
	/* squares without ink of their own may still carry single bits at the seams */
	for (int y = 0; y < h; y++) {
		uint8_t *row = plane_row(&classes, y);
		for (int x = 0; x < w; x++)
			row[x] = row[x] == NONE ? NEUTRAL : row[x];
	}
	for (int class = -2; class < n; class ++) {
		if (class == -1 && !any_faint)
			continue;
		struct stencil *stencil = &list.stencils[list.n];
		if (class == -2 && !n && !any_faint)
			stencil->bits = pixCopy(NULL, all);
		else
			stencil->bits = class_bits(all, &classes, reduction,
			    class == -2	      ? NEUTRAL
				: class == -1 ? FAINT
					      : class);
		if (!stencil->bits ||
		    !ink_colour(lent, stencil->bits, stencil->rgb, &stencil->n_bits)) {
			error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
			goto done;
		}
		if (stencil->n_bits)
			list.n++;
		else
			pixDestroy(&stencil->bits);
	}
	/* the first one is the print, where there is any */
	for (int i = 1; rgb && pixGetDepth(lent) == 32 && i < list.n; i++) {
		struct stencil *stamp = &list.stencils[i];
		darkest_move(lent, &list.stencils[0], stamp);
		if (!ink_colour(lent, stamp->bits, stamp->rgb, &stamp->n_bits)) {
			error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
			goto done;
		}
	}
	*out = list;
	list = (struct stencil_list){0};
	ok = true;
done:
	plane_release(&covered);
	plane_release(&classes);
	stencil_list_release(&list);
	return ok;
}
