#include "scan/turn.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <leptonica/allheaders.h>

#include "config/text.h"

#define ONE (1 << 16)

struct walk { /* through the raw image while the new page is written, in 16.16 */
	int64_t x, y, dx, dy;
};

/* Places [*from, *to) of a row where the four neighbours lie in the image. */
static void walk_inside(const struct walk *walk, int n, int w, int h, int *from, int *to)
{
	int64_t low = 0, high = n;
	const int64_t at[2] = {walk->x, walk->y}, step[2] = {walk->dx, walk->dy};
	const int64_t limit[2] = {(int64_t)(w - 1) * ONE, (int64_t)(h - 1) * ONE}; /* at < limit */
	for (int k = 0; k < 2; k++) {
		if (step[k] == 0) {
			if (at[k] < 0 || at[k] >= limit[k])
				high = 0;
		} else if (step[k] > 0) {
			int64_t first = at[k] >= 0 ? 0 : (-at[k] + step[k] - 1) / step[k];
			int64_t end =
			    at[k] >= limit[k] ? 0 : (limit[k] - at[k] + step[k] - 1) / step[k];
			low = first > low ? first : low;
			high = end < high ? end : high;
		} else {
			int64_t down = -step[k];
			int64_t first = at[k] < limit[k] ? 0 : (at[k] - limit[k]) / down + 1;
			int64_t end = at[k] < 0 ? 0 : at[k] / down + 1;
			low = first > low ? first : low;
			high = end < high ? end : high;
		}
	}
	*from = (int)(low < n ? low : n);
	*to = (int)(high > low ? high : *from);
	if (*to < *from)
		*to = *from;
}

static void colour_row(
    const uint32_t *data, size_t words, const struct walk *walk, int from, int to, uint32_t *out)
{
	int64_t x = walk->x + from * walk->dx, y = walk->y + from * walk->dy;
	for (int i = from; i < to; i++, x += walk->dx, y += walk->dy) {
		const uint32_t *p = data + (size_t)(y >> 16) * words + (size_t)(x >> 16);
		int fx = (int)(x >> 9 & 127), fy = (int)(y >> 9 & 127);
#ifdef __SSE2__
		const __m128i zero = _mm_setzero_si128();
		__m128i top =
		    _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)p), zero);
		__m128i low = _mm_unpacklo_epi8(
		    _mm_loadl_epi64((const __m128i *)(const void *)(p + words)), zero);
		/* top + (low - top) * fy / 128, then left to right */
		__m128i v = _mm_add_epi16(_mm_slli_epi16(top, 7),
		    _mm_mullo_epi16(_mm_sub_epi16(low, top), _mm_set1_epi16((short)fy)));
		v = _mm_srli_epi16(_mm_add_epi16(v, _mm_set1_epi16(8)), 4); /* 11 bits */
		__m128i right = _mm_srli_si128(v, 8);
		__m128i pairs = _mm_unpacklo_epi16(v, right);
		__m128i sum = _mm_madd_epi16(pairs, _mm_set1_epi32(fx << 16 | (128 - fx)));
		sum = _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << 9)), 10);
		sum = _mm_packs_epi32(sum, sum);
		sum = _mm_packus_epi16(sum, sum);
		out[i] = (uint32_t)_mm_cvtsi128_si32(sum);
#else
		uint32_t a = (uint32_t)((128 - fx) * (128 - fy)), b = (uint32_t)(fx * (128 - fy));
		uint32_t c = (uint32_t)((128 - fx) * fy), d = (uint32_t)(fx * fy), word = 0;
		for (int shift = 0; shift < 32; shift += 8) {
			uint32_t v = (p[0] >> shift & 255) * a + (p[1] >> shift & 255) * b +
			    (p[words] >> shift & 255) * c + (p[words + 1] >> shift & 255) * d;
			word |= ((v + 8192) >> 14) << shift;
		}
		out[i] = word;
#endif
	}
}

static void grey_row(
    const uint8_t *data, size_t stride, const struct walk *walk, int from, int to, uint8_t *out)
{
	int64_t x = walk->x + from * walk->dx, y = walk->y + from * walk->dy;
	for (int i = from; i < to; i++, x += walk->dx, y += walk->dy) {
		const uint8_t *p = data + (size_t)(y >> 16) * stride + (size_t)(x >> 16);
		int fx = (int)(x >> 9 & 127), fy = (int)(y >> 9 & 127);
		int top = p[0] * (128 - fx) + p[1] * fx,
		    low = p[stride] * (128 - fx) + p[stride + 1] * fx;
		out[i] = (uint8_t)((top * (128 - fy) + low * fy + 8192) >> 14);
	}
}

static uint32_t paper_colour(const struct turn *turn, int n_channels, double x, double y)
{
	uint32_t rgb[3] = {255, 255, 255};
	for (int c = 0; turn->paper && c < n_channels; c++) {
		const struct ground *g = &turn->paper[c];
		double tile = g->tile_px * turn->paper_scale;
		double tx = x / tile - 0.5, ty = y / tile - 0.5;
		tx = tx < 0 ? 0 : tx > g->columns - 1 ? g->columns - 1 : tx;
		ty = ty < 0 ? 0 : ty > g->rows - 1 ? g->rows - 1 : ty;
		int left = (int)tx, top = (int)ty;
		int right = left + 1 < g->columns ? left + 1 : left,
		    low = top + 1 < g->rows ? top + 1 : top;
		double a = g->level[top * g->columns + left],
		       b = g->level[top * g->columns + right];
		double d = g->level[low * g->columns + left],
		       e = g->level[low * g->columns + right];
		double fx = tx - left, fy = ty - top;
		rgb[c] = (uint32_t)((a * (1 - fx) + b * fx) * (1 - fy) +
		    (d * (1 - fx) + e * fx) * fy + 0.5);
	}
	return n_channels == 1 ? rgb[0] : rgb[0] << 24 | rgb[1] << 16 | rgb[2] << 8;
}

/* True where the raw image's place is not paper. */
static inline bool outside_at(const struct turn *turn, double per, int64_t x, int64_t y)
{
	const struct plane *mask = &turn->crop->outside;
	int mx = (int)((double)(x >> 16) * per), my = (int)((double)(y >> 16) * per);
	mx = mx < 0 ? 0 : mx >= mask->width_px ? mask->width_px - 1 : mx;
	my = my < 0 ? 0 : my >= mask->height_px ? mask->height_px - 1 : my;
	return plane_row(mask, my)[mx] != 0;
}

/* Whether anything outside lies within a square of 16 mask pixels, so that most runs need no look.
 */
static uint8_t *coarse_outside(const struct plane *mask, int *columns, int *rows)
{
	*columns = mask->width_px / 16 + 1;
	*rows = mask->height_px / 16 + 1;
	uint8_t *any = calloc((size_t)*columns * (size_t)*rows, 1);
	for (int y = 0; any && y < mask->height_px; y++)
		for (int x = 0; x < mask->width_px; x++)
			if (plane_row(mask, y)[x])
				any[(y / 16) * *columns + x / 16] = 1;
	return any;
}

static bool turn_bytes(PIX *raw, const struct turn *turn, const struct walk *origin,
    const struct walk *down, int width_px, int height_px, PIX **out, struct error *err)
{
	int w = pixGetWidth(raw), h = pixGetHeight(raw), depth = pixGetDepth(raw);
	int channels = depth == 32 ? 3 : 1;
	const struct plane *mask =
	    turn->crop && turn->crop->any_outside ? &turn->crop->outside : NULL;
	struct plane grey = {0}, page = {0};
	PIX *pix = NULL;
	uint8_t *coarse = NULL;
	int columns = 0, rows = 0;
	bool ok = false;

	if (depth == 32) {
		pix = pixCreateNoInit(width_px, height_px, 32);
		if (!pix) {
			error_set(err, ERROR_SYSTEM, NULL,
			    _("no memory for an image of %d x %d pixels"), width_px, height_px);
			goto done;
		}
		pixSetSpp(pix, 3);
	} else if (!plane_luma(raw, 1, &grey, err) ||
	    !plane_open(&page, width_px, height_px, err)) {
		goto done;
	}
	if (mask && !(coarse = coarse_outside(mask, &columns, &rows))) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		    width_px, height_px);
		goto done;
	}
	double per = mask ? 1.0 / turn->crop->reduction : 0;
	for (int row = 0; row < height_px; row++) {
		struct walk walk = *origin;
		walk.x += row * down->dx;
		walk.y += row * down->dy;
		int from, to;
		walk_inside(&walk, width_px, w, h, &from, &to);
		uint32_t *line =
		    pix ? pixGetData(pix) + (size_t)row * (size_t)pixGetWpl(pix) : NULL;
		uint8_t *bytes = pix ? NULL : plane_row(&page, row);
		if (pix)
			colour_row(pixGetData(raw), (size_t)pixGetWpl(raw), &walk, from, to, line);
		else
			grey_row(grey.px, grey.stride, &walk, from, to, bytes);
		/* the last row and column have no neighbour; beyond the image there is paper */
		for (int i = from > 0 || to == 0 ? 0 : to; i < width_px;
		     i = i + 1 == from ? to : i + 1) {
			int64_t px = (walk.x + i * walk.dx + ONE / 2) >> 16,
				py = (walk.y + i * walk.dy + ONE / 2) >> 16;
			bool in = px >= 0 && py >= 0 && px < w && py < h;
			uint32_t v;
			if (in && pix)
				v = pixGetData(
				    raw)[(size_t)py * (size_t)pixGetWpl(raw) + (size_t)px];
			else if (in)
				v = plane_row(&grey, (int)py)[px];
			else
				v = paper_colour(turn, channels, (double)px, (double)py);
			if (pix)
				line[i] = v;
			else
				bytes[i] = (uint8_t)v;
		}
		/* scanner background and holes become paper */
		for (int i = 0; mask && i < width_px; i += 16) {
			int n = width_px - i < 16 ? width_px - i : 16;
			bool near = false;
			for (int k = 0; k<n; k += n> 1 ? n - 1 : 1) {
				int64_t x = (walk.x + (i + k) * walk.dx) >> 16,
					y = (walk.y + (i + k) * walk.dy) >> 16;
				int cx = (int)((double)x * per) / 16,
				    cy = (int)((double)y * per) / 16;
				if (x >= 0 && y >= 0 && cx < columns && cy < rows)
					near |= coarse[cy * columns + cx];
			}
			uint32_t fill = 0;
			bool known = false;
			for (int k = 0; near && k < n; k++) {
				int64_t x = walk.x + (i + k) * walk.dx,
					y = walk.y + (i + k) * walk.dy;
				if (x < 0 || y < 0 || (x >> 16) >= w || (y >> 16) >= h ||
				    !outside_at(turn, per, x, y))
					continue;
				if (!known) /* over a millimetre it stays the same */
					fill = paper_colour(
					    turn, channels, (double)(x >> 16), (double)(y >> 16));
				known = true;
				if (pix)
					line[i + k] = fill;
				else
					bytes[i + k] = (uint8_t)fill;
			}
		}
	}
	if (!pix && !(pix = plane_pix(&page))) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		    width_px, height_px);
		goto done;
	}
	*out = pix;
	pix = NULL;
	ok = true;
done:
	pixDestroy(&pix);
	plane_release(&grey);
	plane_release(&page);
	free(coarse);
	return ok;
}

static bool turn_bits(PIX *raw, const struct turn *turn, int left_px, int top_px, int width_px,
    int height_px, PIX **out, struct error *err)
{
	int w = pixGetWidth(raw), h = pixGetHeight(raw);
	PIX *work = NULL, *next = NULL;
	bool ok = false;

	if (turn->crop && turn->crop->any_outside) {
		const struct plane *mask = &turn->crop->outside;
		work = pixCopy(NULL, raw);
		if (!work)
			goto done;
		for (int y = 0; y < mask->height_px; y++) {
			const uint8_t *row = plane_row(mask, y);
			int by = turn->crop->reduction, y0 = y * by;
			int y1 = y + 1 == mask->height_px ? h : (y + 1) * by;
			for (int x = 0; x < mask->width_px; x++) {
				if (!row[x])
					continue;
				int end = x;
				while (end < mask->width_px && row[end])
					end++;
				int x0 = x * by;
				int x1 = end == mask->width_px ? w : end * by;
				pixRasterop(work, x0, y0, x1 - x0, y1 - y0, PIX_CLR, NULL, 0, 0);
				x = end;
			}
		}
	} else {
		work = pixClone(raw);
	}
	if (turn->skew_deg != 0) {
		next = pixRotate(work, (float)(-turn->skew_deg * M_PI / 180), L_ROTATE_SHEAR,
		    L_BRING_IN_WHITE, 0, 0);
		if (!next)
			goto done;
		pixDestroy(&work);
		work = next;
	}
	next = pixCreate(width_px, height_px, 1);
	if (!next)
		goto done;
	pixRasterop(next, 0, 0, width_px, height_px, PIX_SRC, work, left_px, top_px);
	pixDestroy(&work);
	work = next;
	next = NULL;
	if (turn->rotate_deg) {
		next = pixRotateOrth(work, turn->rotate_deg / 90);
		if (!next)
			goto done;
		pixDestroy(&work);
		work = next;
	}
	*out = work;
	work = NULL;
	ok = true;
done:
	if (!ok)
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		    width_px, height_px);
	pixDestroy(&work);
	return ok;
}

bool turn_page(const struct Pix *raw, const struct turn *turn, struct Pix **out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)raw;
	int w = pixGetWidth(lent), h = pixGetHeight(lent), depth = pixGetDepth(lent);
	assert(depth == 1 || depth == 8 || depth == 32);
	/* whole pixels, so that a straight page is copied and not blurred */
	int left = (int)lround(turn->box.left + w / 2.0),
	    top = (int)lround(turn->box.top + h / 2.0);
	int width = (int)lround(turn->box.right - turn->box.left),
	    height = (int)lround(turn->box.bottom - turn->box.top);
	width = width < 1 ? 1 : width;
	height = height < 1 ? 1 : height;
	if (depth == 1)
		return turn_bits(lent, turn, left, top, width, height, out, err);

	double sine = sin(turn->skew_deg * M_PI / 180), cosine = cos(turn->skew_deg * M_PI / 180);
	/* of the straightened page: one pixel right, one down, and the middle of its first pixel */
	double right_x = cosine, right_y = sine, down_x = -sine, down_y = cosine;
	double u = left + 0.5 - w / 2.0, v = top + 0.5 - h / 2.0;
	double first_u = u, first_v = v;
	double ax = right_x, ay = right_y, bx = down_x, by = down_y; /* of the rotated page */
	int page_w = width, page_h = height;
	switch (turn->rotate_deg) {
	case 90: /* its first row is the first column, from below */
		first_v = v + height - 1;
		ax = -down_x, ay = -down_y, bx = right_x, by = right_y;
		page_w = height, page_h = width;
		break;
	case 180:
		first_u = u + width - 1, first_v = v + height - 1;
		ax = -right_x, ay = -right_y, bx = -down_x, by = -down_y;
		break;
	case 270:
		first_u = u + width - 1;
		ax = down_x, ay = down_y, bx = -right_x, by = -right_y;
		page_w = height, page_h = width;
		break;
	default: break;
	}
	double x = first_u * right_x + first_v * down_x + w / 2.0 - 0.5;
	double y = first_u * right_y + first_v * down_y + h / 2.0 - 0.5;
	struct walk origin = {
	    llround(x * ONE), llround(y * ONE), llround(ax * ONE), llround(ay * ONE)};
	struct walk down = {0, 0, llround(bx * ONE), llround(by * ONE)};
	return turn_bytes(lent, turn, &origin, &down, page_w, page_h, out, err);
}
