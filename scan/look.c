#include "scan/look.h"

#include <allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/ground.h"
#include "scan/jpeg.h"

enum {
	MARGIN_PX = 4 * LOOK_PX_PER_MM, /* edges: shadows, holes' rims, remains of the background */
	TILE_MM = 10,
	FLOOR = 30,	  /* fainter than that is the paper's grain, or shines through */
	COARSE = 4,	  /* 2 mm */
	COARSE_REACH = 8, /* 16 mm: how far two crops may lie apart */
	BLOCK_PX = 20,	  /* 10 mm */
	BLOCK_REACH = 4,  /* 2 mm: what skew and paper do within a page */
	LARGEST_MM = 1500,
	JPEG_LIMIT_BYTES = 16 << 20,
};

#define CELL_MM2       (1.0 / (LOOK_PX_PER_MM * LOOK_PX_PER_MM))
#define SIZE_SHARE     0.06 /* widths and heights of two crops of one sheet differ by less */
#define BLOCK_DUST_MM2 0.9  /* ink that only one has: less in a block is dust, or a fold */
#define BLOCK_BOTH_MM2 1.0  /* so much each, to be compared by shapes */
#define BLOCK_SAME \
	0.85 /* correlation: fresh scans of one sheet have above 0.92, other words below 0.9 */
#define DIFFER_MM2   5.0   /* and so much in all is another entry … */
#define DIFFER_SHARE 0.010 /* … or that share of the ink, on dense pages */

void look_release(struct look *look)
{
	plane_release(&look->ink);
	*look = (struct look){0};
}

void look_turn(struct look *look)
{
	struct plane *p = &look->ink;

	for (int y = 0; p->px && y < (p->height_px + 1) / 2; y++) {
		uint8_t *top = plane_row(p, y), *low = plane_row(p, p->height_px - 1 - y);
		int n = top == low ? p->width_px / 2 : p->width_px;
		for (int x = 0; x < n; x++) {
			uint8_t v = top[x];
			top[x] = low[p->width_px - 1 - x];
			low[p->width_px - 1 - x] = v;
		}
	}
}

static bool ink_take(const struct plane *small, struct look *out, struct error *err)
{
	struct plane normal = {0};
	struct ground ground = {0};
	uint64_t sum = 0;
	bool ok = ground_measure(small, NULL, TILE_MM * LOOK_PX_PER_MM, &ground, err) &&
	    ground_normalise(&ground, small, &normal, err) &&
	    plane_open(&out->ink, small->width_px, small->height_px, err);

	for (int y = MARGIN_PX; ok && y < small->height_px - MARGIN_PX; y++) {
		const uint8_t *from = plane_row(&normal, y);
		uint8_t *to = plane_row(&out->ink, y);
		for (int x = MARGIN_PX; x < small->width_px - MARGIN_PX; x++) {
			int v = GROUND_PAPER - FLOOR - from[x];
			v = v <= 0 ? 0 : v * 255 / (GROUND_PAPER - FLOOR);
			to[x] = (uint8_t)v;
			sum += (uint64_t)v;
		}
	}
	out->ink_mm2 = (double)sum / 255 * CELL_MM2;
	ground_release(&ground);
	plane_release(&normal);
	return ok;
}

bool look_take_plane(const struct plane *luma, double dpi, struct look *out, struct error *err)
{
	struct plane reduced = {0}, smooth = {0}, small = {0};
	double px_per_mm = dpi / 25.4;
	bool ok = false;

	if (!(dpi >= 1) || luma->width_px < 1 || luma->height_px < 1)
		return error_set(err, ERROR_INPUT, NULL, _("the image is empty"));
	double w_mm = luma->width_px / px_per_mm, h_mm = luma->height_px / px_per_mm;
	if (w_mm < 10 || h_mm < 10 || w_mm > LARGEST_MM || h_mm > LARGEST_MM)
		return error_set(err, ERROR_INPUT, NULL,
		    _("an image of %.0f x %.0f mm cannot be compared"), w_mm, h_mm);
	int by = (int)(px_per_mm / LOOK_PX_PER_MM + 0.25);
	const struct plane *from = luma;
	if (by > 1) {
		if (!plane_reduce(luma, by, &reduced, err))
			goto done;
		from = &reduced;
	} else if (px_per_mm > LOOK_PX_PER_MM * 1.2) { /* bilinear would leave pixels out */
		if (!plane_smooth(luma, &smooth, err))
			goto done;
		from = &smooth;
	}
	ok = plane_scale(from, (int)lround(w_mm * LOOK_PX_PER_MM),
		 (int)lround(h_mm * LOOK_PX_PER_MM), &small, err) &&
	    ink_take(&small, out, err);
done:
	plane_release(&reduced);
	plane_release(&smooth);
	plane_release(&small);
	return ok;
}

bool look_take(const struct Pix *page, double dpi, struct look *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page;
	struct plane luma = {0};
	int by = (int)(dpi / 25.4 / LOOK_PX_PER_MM / 2); /* the rest is done from twice the size */
	bool ok;

	by = by < 1 ? 1 : by > 32 ? 32 : by;
	ok = plane_luma(lent, by, &luma, err) && look_take_plane(&luma, dpi / by, out, err);
	plane_release(&luma);
	return ok;
}

bool look_read(const char *path, double width_mm, struct look *out, struct error *err)
{
	struct plane planes[3] = {0};
	size_t n_bytes = 0;
	int n_channels = 1;
	uint8_t *data = (uint8_t *)file_read(path, JPEG_LIMIT_BYTES, &n_bytes, err);
	bool ok = data && jpeg_decode(data, n_bytes, planes, &n_channels, err);

	if (ok && !(width_mm > 0))
		ok = error_set(err, ERROR_INPUT, NULL, _("the image is empty"));
	if (ok && n_channels == 3) { /* the luminance into the first one */
		for (int y = 0; y < planes[0].height_px; y++) {
			uint8_t *r = plane_row(&planes[0], y);
			const uint8_t *g = plane_row(&planes[1], y), *b = plane_row(&planes[2], y);
			for (int x = 0; x < planes[0].width_px; x++)
				r[x] = (uint8_t)((77 * r[x] + 150 * g[x] + 29 * b[x]) >> 8);
		}
	}
	ok = ok && look_take_plane(&planes[0], planes[0].width_px * 25.4 / width_mm, out, err);
	if (!ok)
		error_where(err, "%s", path);
	for (int i = 0; i < 3; i++)
		plane_release(&planes[i]);
	free(data);
	return ok;
}

/* Where b's ink lies on a's, in cells of COARSE: the shift whose products are the largest. */
static void coarse_shift(const struct plane *a, const struct plane *b, int *dx, int *dy)
{
	int64_t best = -1;

	*dx = *dy = 0;
	for (int sy = -COARSE_REACH; sy <= COARSE_REACH; sy++)
		for (int sx = -COARSE_REACH; sx <= COARSE_REACH; sx++) {
			int x0 = sx > 0 ? sx : 0, y0 = sy > 0 ? sy : 0;
			int x1 = a->width_px < b->width_px + sx ? a->width_px : b->width_px + sx;
			int y1 =
			    a->height_px < b->height_px + sy ? a->height_px : b->height_px + sy;
			int64_t sum = 0;
			for (int y = y0; y < y1; y++) {
				const uint8_t *p = plane_row(a, y), *q = plane_row(b, y - sy) - sx;
				uint32_t row = 0;
				for (int x = x0; x < x1; x++)
					row += (uint32_t)p[x] * q[x];
				sum += row;
			}
			if (sum > best) {
				best = sum;
				*dx = sx;
				*dy = sy;
			}
		}
}

/* b with a margin of room on each side, so that no search leaves it. */
static bool framed(const struct plane *in, int room, struct plane *out, struct error *err)
{
	if (!plane_open(out, in->width_px + 2 * room, in->height_px + 2 * room, err))
		return false;
	for (int y = 0; y < in->height_px; y++)
		memcpy(plane_row(out, y + room) + room, plane_row(in, y), (size_t)in->width_px);
	return true;
}

/* The largest value of the 3 x 3 neighbourhood. in has a margin. */
static bool spread(const struct plane *in, struct plane *out, struct error *err)
{
	if (!plane_open(out, in->width_px, in->height_px, err))
		return false;
	for (int y = 1; y < in->height_px - 1; y++) {
		const uint8_t *rows[3] = {
		    plane_row(in, y - 1), plane_row(in, y), plane_row(in, y + 1)};
		uint8_t *to = plane_row(out, y);
		for (int k = 0; k < 3; k++)
			for (int x = 1; x < in->width_px - 1; x++) {
				uint8_t l = rows[k][x - 1], m = rows[k][x], r = rows[k][x + 1];
				uint8_t v = l > m ? l : m;
				v = v > r ? v : r;
				to[x] = to[x] > v ? to[x] : v;
			}
	}
	return true;
}

struct pair { /* two looks of one size, framed by room, smoothed and spread */
	struct plane a, b, a_wide, b_wide;
	int room;
};

/* The shift within BLOCK_REACH at which the block's ink lies best. */
static void block_shift(const struct pair *p, int x0, int y0, int dx, int dy, int *bx, int *by)
{
	uint32_t best = UINT32_MAX;

	for (int sy = -BLOCK_REACH; sy <= BLOCK_REACH; sy++)
		for (int sx = -BLOCK_REACH; sx <= BLOCK_REACH; sx++) {
			uint32_t sum =
			    (uint32_t)(abs(sx) + abs(sy)); /* of equal ones the nearest */
			for (int y = y0; y < y0 + BLOCK_PX; y++) {
				const uint8_t *m = plane_row(&p->a, y) + x0;
				const uint8_t *n = plane_row(&p->b, y - dy - sy) + x0 - dx - sx;
				uint32_t row = 0;
				for (int x = 0; x < BLOCK_PX; x++)
					row += (uint32_t)abs(m[x] - n[x]);
				sum += row;
			}
			if (sum < best) {
				best = sum;
				*bx = dx + sx;
				*by = dy + sy;
			}
		}
}

/* In 1/255 cells: ink of the block that only one of both has, all of it, and what the one with less
 * has. */
static void block_differ(const struct pair *p, int x0, int y0, int dx, int dy, uint32_t *differ,
    uint32_t *all, uint32_t *less)
{
	uint32_t ink_a = 0, ink_b = 0;

	*differ = 0;
	for (int y = y0; y < y0 + BLOCK_PX; y++) {
		const uint8_t *a = plane_row(&p->a, y) + x0;
		const uint8_t *aw = plane_row(&p->a_wide, y) + x0;
		const uint8_t *b = plane_row(&p->b, y - dy) + x0 - dx;
		const uint8_t *bw = plane_row(&p->b_wide, y - dy) + x0 - dx;
		for (int x = 0; x < BLOCK_PX; x++) {
			/* A third more, and a grey step, for another exposure. */
			int only_a = a[x] - bw[x] * 4 / 3 - 16, only_b = b[x] - aw[x] * 4 / 3 - 16;
			*differ += (uint32_t)(only_a > 0 ? only_a : 0);
			*differ += (uint32_t)(only_b > 0 ? only_b : 0);
			ink_a += a[x];
			ink_b += b[x];
		}
	}
	*all = ink_a + ink_b;
	*less = ink_a < ink_b ? ink_a : ink_b;
}

/* The correlation of the block's ink, 1 for the same shapes. */
static double block_correlate(const struct pair *p, int x0, int y0, int dx, int dy)
{
	double aa = 0, bb = 0, ab = 0, sa = 0, sb = 0;
	const double n = BLOCK_PX * BLOCK_PX;

	for (int y = y0; y < y0 + BLOCK_PX; y++) {
		const uint8_t *a = plane_row(&p->a, y) + x0;
		const uint8_t *b = plane_row(&p->b, y - dy) + x0 - dx;
		uint32_t raa = 0, rbb = 0, rab = 0, ra = 0, rb = 0;
		for (int x = 0; x < BLOCK_PX; x++) {
			raa += (uint32_t)a[x] * a[x];
			rbb += (uint32_t)b[x] * b[x];
			rab += (uint32_t)a[x] * b[x];
			ra += a[x];
			rb += b[x];
		}
		aa += raa;
		bb += rbb;
		ab += rab;
		sa += ra;
		sb += rb;
	}
	aa -= sa * sa / n;
	bb -= sb * sb / n;
	ab -= sa * sb / n;
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static void blocks_compare(const struct pair *p, int dx, int dy, struct likeness *out)
{
	const double unit = CELL_MM2 / 255;
	double differ_mm2 = 0, all_mm2 = 0, sum_x = 0, sum_y = 0, weight = 0;
	int w = p->a.width_px - 2 * p->room, h = p->a.height_px - 2 * p->room;

	for (int y0 = 0; y0 < h; y0 += BLOCK_PX)
		for (int x0 = 0; x0 < w; x0 += BLOCK_PX) {
			int bx = dx, by = dy;
			uint32_t differ, all, less;
			block_differ(p, x0 + p->room, y0 + p->room, dx, dy, &differ, &all, &less);
			if (all * unit < 0.2)
				continue;
			block_shift(p, x0 + p->room, y0 + p->room, dx, dy, &bx, &by);
			block_differ(p, x0 + p->room, y0 + p->room, bx, by, &differ, &all, &less);
			double other = differ * unit > BLOCK_DUST_MM2 ? differ * unit : 0;
			if (less * unit >
			    BLOCK_BOTH_MM2) { /* where both have ink: the same shapes? */
				double same =
				    block_correlate(p, x0 + p->room, y0 + p->room, bx, by);
				double shapes = same < BLOCK_SAME ? less * unit * (1 - same) : 0;
				other = other > shapes ? other : shapes;
			}
			differ_mm2 += other;
			all_mm2 += all * unit;
			sum_x += (double)bx * all;
			sum_y += (double)by * all;
			weight += all;
		}
	out->differing_mm2 = differ_mm2;
	out->likeness = all_mm2 > 0 ? 1 - differ_mm2 / all_mm2 : 0;
	out->likeness = out->likeness < 0 ? 0 : out->likeness;
	double limit = all_mm2 / 2 * DIFFER_SHARE;
	limit = limit > DIFFER_MM2 ? limit : DIFFER_MM2;
	out->equal =
	    all_mm2 >= 2 * LOOK_ENOUGH_MM2 && differ_mm2 <= limit && out->likeness >= LOOK_EQUAL;
	if (weight > 0) {
		out->dx_mm = sum_x / weight / LOOK_PX_PER_MM;
		out->dy_mm = sum_y / weight / LOOK_PX_PER_MM;
	}
}

static bool sizes_alike(int m, int n)
{
	return abs(m - n) <= (int)((m > n ? m : n) * SIZE_SHARE);
}

double look_darkness(const struct plane *ink)
{
	uint64_t sum = 0, squares = 0;

	for (int y = 0; y < ink->height_px; y++) {
		const uint8_t *row = plane_row(ink, y);
		for (int x = 0; x < ink->width_px; x++) {
			sum += row[x];
			squares += (uint64_t)row[x] * row[x];
		}
	}
	return sum ? (double)squares / (double)sum : 1;
}

/* a and b as dark as the darker of both. */
static void level(struct plane *a, struct plane *b)
{
	double dark_a = look_darkness(a), dark_b = look_darkness(b);
	struct plane *light = dark_a < dark_b ? a : b;
	double factor = dark_a < dark_b ? dark_b / dark_a : dark_a / dark_b;

	for (int y = 0; y < light->height_px; y++) {
		uint8_t *row = plane_row(light, y);
		for (int x = 0; x < light->width_px; x++) {
			double v = row[x] * factor;
			row[x] = (uint8_t)(v > 255 ? 255 : v);
		}
	}
}

bool look_compare(
    const struct look *a, const struct look *b, struct likeness *out, struct error *err)
{
	struct plane small_a = {0}, small_b = {0}, soft = {0};
	struct pair p = {.room = BLOCK_PX + COARSE * (COARSE_REACH + 1) + BLOCK_REACH + 2};
	int dx, dy;
	bool ok = false;

	*out = (struct likeness){0};
	if (!a->ink.px || !b->ink.px || !sizes_alike(a->ink.width_px, b->ink.width_px) ||
	    !sizes_alike(a->ink.height_px, b->ink.height_px))
		return true;
	/* Twice the ink of the other is another page, whatever its shapes. */
	double ink_a = a->ink_mm2 / look_darkness(&a->ink),
	       ink_b = b->ink_mm2 / look_darkness(&b->ink);
	if (ink_a > 2 * ink_b + 0.1 || ink_b > 2 * ink_a + 0.1)
		return true;
	if (!plane_reduce(&a->ink, COARSE, &small_a, err) ||
	    !plane_reduce(&b->ink, COARSE, &small_b, err))
		goto done;
	coarse_shift(&small_a, &small_b, &dx, &dy);
	if (!plane_smooth(&a->ink, &soft, err) || !framed(&soft, p.room, &p.a, err))
		goto done;
	plane_release(&soft);
	if (!plane_smooth(&b->ink, &soft, err) || !framed(&soft, p.room, &p.b, err))
		goto done;
	level(&p.a, &p.b);
	if (!spread(&p.a, &p.a_wide, err) || !spread(&p.b, &p.b_wide, err))
		goto done;
	blocks_compare(&p, dx * COARSE, dy * COARSE, out);
	ok = true;
done:
	plane_release(&small_a);
	plane_release(&small_b);
	plane_release(&soft);
	plane_release(&p.a);
	plane_release(&p.b);
	plane_release(&p.a_wide);
	plane_release(&p.b_wide);
	return ok;
}
