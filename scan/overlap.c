#include "scan/overlap.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <leptonica/allheaders.h>

#include "scan/crop.h"
#include "scan/plane.h"

#define WORK_DPI     75
#define LEAST_PX     200 /* a smaller image shows no sheet */
#define NOTCH_W_MM   2.0 /* at least: less is a sheet that is not quite straight */
#define NOTCH_H_MM   3.0
#define CLOSE_MM     0.6   /* where the outline is on its edge again */
#define ALIKE	     0.15  /* two notches' difference in size, of the larger */
#define SQUARE	     0.85  /* of a notch's places */
#define VALLEY	     8	   /* levels that a shadow is darker than the paper on both sides of it */
#define STEP	     10	   /* between two sheets of different paper */
#define ACROSS	     0.80  /* of a line's places, and near both its ends */
#define TURNED	     0.015 /* radians, of two sheets against each other */
#define GROUND_SHARE 0.02  /* of the image's rim that is background */
#define GROUND_DARK  80
#define LONGER_MM    5.0 /* than a sheet is that a device measures 1 % too long */
#define EDGE_MM	     3.0 /* off the place where a sheet would end */
#define WIDTH_MM     4.0
#define FORMAT_MM    3.0
#define PLACES_MOST  4096

/* Sheets by their width, and longer ones of the same width that exist (folded to the shorter). */
static const struct {
	double width_mm, length_mm, longer_mm[3];
} formats[] = {
    {210, 297, {330, 340, 356}},
    {148, 210, {297, 0, 0}},
};

struct view {
	struct plane luma;
	struct crop crop;
	double by;    /* of luma's pixels to one of the mask's */
	double raw;   /* pixels of the image to one of luma's */
	double px_mm; /* luma's pixels to a millimetre */
};

struct notch {
	bool found;
	double w, h;	    /* luma's pixels */
	double x, y;	    /* its inner corner */
	double to;	    /* x of the paper's other edge at that height */
	bool right, bottom; /* which corner */
};

/* Where an edge lies, in luma's pixels: x at y of a left or right one, y at x of the others. */
static double edge_at(const struct view *v, enum side side, double along)
{
	const struct edge *edge = &v->crop.edge[side];

	return edge->at / v->raw + edge->slope * along;
}

/* Background that is in the image: of what lies beyond it nothing is known. */
static bool outside(const struct view *v, double x, double y)
{
	const struct plane *mask = &v->crop.outside;
	int mx = (int)floor(x / v->by), my = (int)floor(y / v->by);

	return mx >= 0 && my >= 0 && mx < mask->width_px && my < mask->height_px &&
	    plane_row(mask, my)[mx] != 0;
}

static int by_size(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* How far the background reaches in over the side's edge at height y. */
static int depth_at(const struct view *v, bool right, double y)
{
	double x = edge_at(v, right ? SIDE_RIGHT : SIDE_LEFT, y);
	int d = 0, most = v->luma.width_px / 2;

	while (d < most && outside(v, right ? x - d - 0.5 : x + d + 0.5, y))
		d++;
	return d;
}

/* The rectangle of background between the two edges that would meet at a corner. */
static void notch_find(const struct view *v, bool right, bool bottom, struct notch *out)
{
	const struct crop *crop = &v->crop;
	enum side flank = right ? SIDE_RIGHT : SIDE_LEFT, end = bottom ? SIDE_BOTTOM : SIDE_TOP;
	int depth[PLACES_MOST], sorted[PLACES_MOST];
	int n = 0, most = v->luma.height_px / 2 < PLACES_MOST ? v->luma.height_px / 2 : PLACES_MOST;
	double close = CLOSE_MM * v->px_mm + 1;

	*out = (struct notch){.right = right, .bottom = bottom};
	if (!crop->edge[flank].found || !crop->edge[end].found)
		return;
	double y = edge_at(v, end, edge_at(v, flank, bottom ? v->luma.height_px : 0));
	for (int ended = 0; n < most && ended < 3; n++) {
		depth[n] = depth_at(v, right, bottom ? y - n - 0.5 : y + n + 0.5);
		ended = depth[n] <= close ? ended + 1 : 0;
	}
	n -= 3; /* those that ended it */
	if (n >= most - 3 || n < NOTCH_H_MM * v->px_mm)
		return;
	for (int i = 0; i < n; i++)
		sorted[i] = depth[i];
	qsort(sorted, (size_t)n, sizeof *sorted, by_size);
	int w = sorted[n / 2], square = 0;
	if (w < NOTCH_W_MM * v->px_mm || w >= v->luma.width_px / 2)
		return;
	for (int i = 0; i < n; i++)
		square += abs(depth[i] - w) <= 2 + 0.04 * n;
	if (square < SQUARE * n)
		return;
	out->w = w;
	out->h = n;
	out->y = bottom ? y - n : y + n;
	out->x = edge_at(v, flank, out->y) + (right ? -w : w);
	enum side other = right ? SIDE_LEFT : SIDE_RIGHT;
	/* the upper sheet ends there by as much as the lower one stands out */
	out->to = (crop->edge[other].found ? edge_at(v, other, out->y)
			  : right	   ? 0
					   : v->luma.width_px) +
	    (right ? w : -w);
	out->found = true;
}

static bool alike(double a, double b)
{
	return fabs(a - b) <= 2 + ALIKE * fmax(a, b);
}

static bool notches_match(const struct notch *a, const struct notch *b)
{
	return a->found && b->found && alike(a->w, b->w) && alike(a->h, b->h);
}

static int mean3(const struct plane *p, int x, int y)
{
	return (plane_row(p, y - 1)[x] + plane_row(p, y)[x] + plane_row(p, y + 1)[x]) / 3;
}

/* Whether a shadow or a step runs from x = from to x = to along y + slope * (x - from). */
static bool line_runs(const struct view *v, double from, double to, double y, double slope)
{
	const struct plane *p = &v->luma;
	int a = (int)ceil(fmin(from, to)) + 2, b = (int)floor(fmax(from, to)) - 2;
	int near = (int)(6 * v->px_mm), n = 0, shadow[3] = {0}, up[3] = {0}, down[3] = {0};

	a = a < 0 ? 0 : a;
	b = b > p->width_px ? p->width_px : b;
	if (b - a < 4 * near)
		return false;
	for (int x = a; x < b; x++, n++) {
		int at = (int)lround(y + slope * (x - from));
		int part = x < a + near ? 0 : x >= b - near ? 2 : 1;
		if (x == a + near && fmax(shadow[0], fmax(up[0], down[0])) < ACROSS * near)
			return false; /* as nearly always */
		if (at < 6 || at >= p->height_px - 6)
			return false;
		if (outside(v, x + 0.5, at - 4) || outside(v, x + 0.5, at + 4))
			continue; /* the end of the paper, not of a sheet upon another */
		int above = mean3(p, x, at - 4), below = mean3(p, x, at + 4), dark = 255;
		for (int k = -1; k <= 1; k++)
			dark = plane_row(p, at + k)[x] < dark ? plane_row(p, at + k)[x] : dark;
		bool valley = dark <= above - VALLEY && dark <= below - VALLEY;
		shadow[part] += valley;
		up[part] += valley || above - below >= STEP;
		down[part] += valley || below - above >= STEP;
	}
	const int *rows[3] = {shadow, up, down};
	for (int i = 0; i < 3; i++)
		if (rows[i][0] >= ACROSS * near && rows[i][2] >= ACROSS * near &&
		    rows[i][0] + rows[i][1] + rows[i][2] >= ACROSS * n)
			return true;
	return false;
}

/* How the paper lies. */
static double skew_of(const struct view *v)
{
	const struct edge *top = &v->crop.edge[SIDE_TOP], *bottom = &v->crop.edge[SIDE_BOTTOM];

	if (top->found && (!bottom->found || top->share > bottom->share))
		return top->slope;
	return bottom->found ? bottom->slope : 0;
}

/* The same, its beginning and its slope not quite known. */
static bool line_about(const struct view *v, double from, double to, double y, double off_px)
{
	double skew = skew_of(v), step = 1.5 / fmax(fabs(to - from), 1);

	for (double dy = -off_px; dy <= off_px; dy += 1)
		for (double turned = -TURNED; turned <= TURNED; turned += step)
			if (line_runs(v, from, to, y + dy, skew + turned))
				return true;
	return false;
}

/* Beyond the line's end the lower sheet goes on past it, as wide as it is. */
static bool goes_on(const struct view *v, const struct notch *notch)
{
	double middle = notch->to + (notch->right ? -0.5 : 0.5) * notch->w;
	double y = notch->y + skew_of(v) * (middle - notch->x);

	for (int dy = -6; dy <= 6; dy++)
		if (outside(v, middle, y + dy))
			return false;
	return true;
}

/* An edge across the paper, about y in the paper's middle. */
static bool edge_below(const struct view *v, double y)
{
	double slope = skew_of(v), middle = v->luma.width_px / 2.0;
	double left = edge_at(v, SIDE_LEFT, y), right = edge_at(v, SIDE_RIGHT, y);

	return line_about(v, left, right, y + slope * (left - middle), EDGE_MM * v->px_mm);
}

/* A sheet that is longer than its width's format, with an edge where that one would end. */
static bool too_long(const struct view *v)
{
	const struct edge *edge = v->crop.edge;
	double middle_x = v->luma.width_px / 2.0, middle_y = v->luma.height_px / 2.0;

	for (int side = 0; side < 4; side++)
		if (!edge[side].found || edge[side].share < 0.5)
			return false;
	double left = edge_at(v, SIDE_LEFT, middle_y), right = edge_at(v, SIDE_RIGHT, middle_y);
	double top = edge_at(v, SIDE_TOP, middle_x), bottom = edge_at(v, SIDE_BOTTOM, middle_x);
	double tilt = cos(atan(edge[SIDE_LEFT].slope));
	double width_mm = (right - left) * tilt / v->px_mm,
	       length_mm = (bottom - top) * tilt / v->px_mm;
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		double length = formats[i].length_mm;
		bool known = false;
		for (int k = 0; k < 3; k++)
			known = known || fabs(length_mm - formats[i].longer_mm[k]) <= FORMAT_MM;
		if (known || fabs(width_mm - formats[i].width_mm) > WIDTH_MM ||
		    length_mm < length + LONGER_MM || length_mm > 2 * length)
			continue;
		double end = length * v->px_mm * tilt;
		if (edge_below(v, top + end) || edge_below(v, bottom - end))
			return true;
	}
	return false;
}

static enum overlap judge(const struct view *v)
{
	struct notch corner[2][2]; /* bottom, right */

	for (int bottom = 0; bottom < 2; bottom++)
		for (int right = 0; right < 2; right++)
			notch_find(v, right, bottom, &corner[bottom][right]);
	if (notches_match(&corner[0][0], &corner[1][1]) ||
	    notches_match(&corner[0][1], &corner[1][0]))
		return OVERLAP_OUTLINE;
	for (int i = 0; i < 4; i++) {
		const struct notch *notch = &corner[i / 2][i % 2];
		if (notch->found && goes_on(v, notch) &&
		    line_about(v, notch->x, notch->to, notch->y, 2))
			return OVERLAP_NOTCH;
	}
	return too_long(v) ? OVERLAP_LENGTH : OVERLAP_NONE;
}

/* Whether there is dark background at all: with most scanners there is none, and nothing to see. */
static bool ground_shown(const struct plane *p)
{
	int dark = 0, w = p->width_px, h = p->height_px;

	for (int x = 0; x < w; x++)
		dark += (plane_row(p, 0)[x] < GROUND_DARK) + (plane_row(p, h - 1)[x] < GROUND_DARK);
	for (int y = 0; y < h; y++)
		dark += (plane_row(p, y)[0] < GROUND_DARK) + (plane_row(p, y)[w - 1] < GROUND_DARK);
	return dark >= GROUND_SHARE * 2 * (w + h);
}

bool overlap_find(const struct Pix *pix, double dpi, enum overlap *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)pix, *grey = NULL;
	struct view v = {0};
	bool ok = false;

	*out = OVERLAP_NONE;
	if (dpi < WORK_DPI * 0.6)
		return true;
	int depth = pixGetDepth(lent), w = pixGetWidth(lent), h = pixGetHeight(lent);
	int by = plane_reduction(dpi, WORK_DPI, w, h);
	if (w / by < LEAST_PX || h / by < LEAST_PX || h / by > 2 * PLACES_MOST)
		return true;
	if (pixGetColormap(lent) || (depth != 1 && depth != 8 && depth != 32))
		grey = pixConvertTo8(lent, 0);
	if (!plane_luma(grey ? grey : lent, by, &v.luma, err))
		goto done;
	ok = true;
	if (!ground_shown(&v.luma))
		goto done;
	ok = false;
	if (!crop_find(&v.luma, dpi / by, w, h, depth == 1, &v.crop, err))
		goto done;
	v.raw = by;
	v.by = (double)v.crop.reduction / by;
	v.px_mm = dpi / by / 25.4;
	if (v.crop.any_outside)
		*out = judge(&v);
	ok = true;
done:
	plane_release(&v.luma);
	crop_release(&v.crop);
	pixDestroy(&grey);
	return ok;
}
