#include "scan/crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

#define DARK_BACKGROUND 80  /* of 255; scanners' black is 5 to 40 */
#define DARK_EDGE	120 /* its blurred seam */
#define SEAM		160
#define MASK_DPI	75
#define LID_LEAST	225 /* a white lid, and paper before it */
#define PAPER_LEAST	150
#define LID_STEP	7
#define LID_ALIKE	60 /* percent of what lies before the lid is bare paper; the rest is print */
#define LID_AGREE	0.75 /* of an edge's places; a steep sheet's other edge takes some */
#define LID_BEYOND	4.0  /* square mm of ink beyond the edges: less is dust on the lid */
#define LID_SEAM_MM	2.0  /* the edge's own shadow */
#define INK_DARKER	40
#define SEAM_MM		0.3
#define SLOPE_LIMIT	0.30

void crop_release(struct crop *crop)
{
	plane_release(&crop->outside);
	*crop = (struct crop){0};
}

/* 255 where every pixel around is darker than the background's limit: pieces thicker than a stroke.
 */
static bool thick_dark(const struct plane *luma, struct plane *out, struct error *err)
{
	struct plane plane = {0};
	int w = luma->width_px, h = luma->height_px;
	if (!plane_open(&plane, w, h, err))
		return false;
	for (int y = 0; y < h; y++) {
		const uint8_t *a = plane_row(luma, y ? y - 1 : 0), *b = plane_row(luma, y);
		const uint8_t *c = plane_row(luma, y + 1 < h ? y + 1 : y);
		uint8_t *to = plane_row(&plane, y);
		for (int x = 0; x < w; x++) {
			int l = x ? x - 1 : 0, r = x + 1 < w ? x + 1 : x;
			uint8_t m = a[l];
			uint8_t v[8] = {a[x], a[r], b[l], b[x], b[r], c[l], c[x], c[r]};
			for (int i = 0; i < 8; i++)
				m = v[i] > m ? v[i] : m;
			to[x] = m < DARK_BACKGROUND ? 255 : 0;
		}
	}
	plane_move(out, &plane);
	return true;
}

/* Keeps what is joined to the border (255), clears the rest. */
static bool flood_from_border(struct plane *mask, struct error *err)
{
	int w = mask->width_px, h = mask->height_px;
	int *stack = malloc(((size_t)w * (size_t)h + 4) * sizeof *stack);
	size_t n = 0;
	if (!stack)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"), w, h);
	for (int y = 0; y < h; y++) {
		uint8_t *row = plane_row(mask, y);
		int step = y == 0 || y == h - 1 || w < 2 ? 1 : w - 1;
		for (int x = 0; x < w; x += step)
			if (row[x] == 255) {
				row[x] = 1;
				stack[n++] = y * w + x;
			}
	}
	while (n) {
		int at = stack[--n], x = at % w, y = at / w;
		static const int dx[4] = {1, -1, 0, 0}, dy[4] = {0, 0, 1, -1};
		for (int k = 0; k < 4; k++) {
			int nx = x + dx[k], ny = y + dy[k];
			if (nx < 0 || ny < 0 || nx >= w || ny >= h)
				continue;
			uint8_t *p = plane_row(mask, ny) + nx;
			if (*p == 255) {
				*p = 1;
				stack[n++] = ny * w + nx;
			}
		}
	}
	free(stack);
	for (int y = 0; y < h; y++) {
		uint8_t *row = plane_row(mask, y);
		for (int x = 0; x < w; x++)
			row[x] = row[x] == 1 ? 255 : 0;
	}
	return true;
}

/* Grows the mask by one pixel where the image is darker than limit (256: everywhere). */
static bool mask_grow(struct plane *mask, const struct plane *luma, int limit, struct error *err)
{
	struct plane out = {0};
	int w = mask->width_px, h = mask->height_px;
	if (!plane_open(&out, w, h, err))
		return false;
	for (int y = 0; y < h; y++) {
		const uint8_t *a = plane_row(mask, y ? y - 1 : 0), *b = plane_row(mask, y);
		const uint8_t *c = plane_row(mask, y + 1 < h ? y + 1 : y), *v = plane_row(luma, y);
		uint8_t *to = plane_row(&out, y);
		for (int x = 0; x < w; x++) {
			int l = x ? x - 1 : 0, r = x + 1 < w ? x + 1 : x;
			int near = a[l] | a[x] | a[r] | b[l] | b[r] | c[l] | c[x] | c[r];
			to[x] = b[x] || (near && v[x] < limit) ? 255 : 0;
		}
	}
	plane_release(mask);
	plane_move(mask, &out);
	return true;
}

/* How far the background reaches in from a side at place i, -1 where all of it is background. */
static int reach(const struct plane *mask, enum side side, int i)
{
	int length = side == SIDE_LEFT || side == SIDE_RIGHT ? mask->width_px : mask->height_px;
	for (int d = 0; d < length; d++) {
		int x = side == SIDE_LEFT ? d : side == SIDE_RIGHT ? length - 1 - d : i;
		int y = side == SIDE_TOP ? d : side == SIDE_BOTTOM ? length - 1 - d : i;
		if (!plane_row(mask, y)[x])
			return d;
	}
	return -1;
}

/* The line d = at + slope * i on which most places agree. */
static void edge_fit(const struct plane *mask, enum side side, double scale, struct edge *edge)
{
	int n = side == SIDE_LEFT || side == SIDE_RIGHT ? mask->height_px : mask->width_px;
	int depth = side == SIDE_LEFT || side == SIDE_RIGHT ? mask->width_px : mask->height_px;
	int *where = malloc((size_t)n * sizeof *where), *how = malloc((size_t)n * sizeof *how);
	int points = 0;
	*edge = (struct edge){0};
	if (!where || !how)
		goto done;
	for (int i = 0; i < n; i++) {
		int d = reach(mask, side, i);
		if (d > 0 && d < depth / 2 + depth / 4) {
			where[points] = i;
			how[points++] = d;
		}
	}
	if (points < 12 || points * 12 < n)
		goto done;
	int best = 0;
	double best_at = 0, best_slope = 0;
	uint32_t random = 12345;
	for (int trial = 0; trial < 400; trial++) {
		random = random * 1664525u + 1013904223u;
		int p = (int)((random >> 8) % (uint32_t)points);
		random = random * 1664525u + 1013904223u;
		int q = (int)((random >> 8) % (uint32_t)points);
		if (abs(where[p] - where[q]) < points / 6 + 4)
			continue;
		double slope = (double)(how[p] - how[q]) / (where[p] - where[q]);
		if (fabs(slope) > SLOPE_LIMIT)
			continue;
		double at = how[p] - slope * where[p];
		int agree = 0;
		for (int i = 0; i < points; i++)
			agree += fabs(at + slope * where[i] - how[i]) <= 1.0;
		if (agree > best) {
			best = agree;
			best_at = at;
			best_slope = slope;
		}
	}
	if (best < 12 || best * 12 < n || best * 3 < points)
		goto done;
	/* least squares over those that agree */
	double s = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
	for (int i = 0; i < points; i++)
		if (fabs(best_at + best_slope * where[i] - how[i]) <= 1.5) {
			s += 1;
			sx += where[i];
			sy += how[i];
			sxx += (double)where[i] * where[i];
			sxy += (double)where[i] * how[i];
		}
	double det = s * sxx - sx * sx;
	if (det > 0) {
		best_slope = (s * sxy - sx * sy) / det;
		best_at = (sy - best_slope * sx) / s;
	}
	bool far = side == SIDE_RIGHT || side == SIDE_BOTTOM;
	edge->found = true;
	edge->share = (double)best / n;
	edge->agree = (double)best / points;
	edge->slope = far ? -best_slope : best_slope;
	edge->at = (far ? depth - best_at : best_at) * scale;
done:
	free(where);
	free(how);
}

/*
 * What is dark beyond an edge, or on its seam, is background too: also where it is thinner than the
 * pieces that were looked for at first.
 */
static void beyond_mark(struct crop *crop, const struct plane *luma, double scale)
{
	for (int side = 0; side < 4; side++) {
		const struct edge *edge = &crop->edge[side];
		bool flat = side == SIDE_TOP || side == SIDE_BOTTOM,
		     far = side == SIDE_RIGHT || side == SIDE_BOTTOM;
		int n = flat ? luma->width_px : luma->height_px,
		    depth = flat ? luma->height_px : luma->width_px;
		for (int i = 0; edge->found && i < n; i++) {
			double at = edge->at / scale + edge->slope * i;
			int from = far ? (int)floor(at - 1.5) : 0,
			    to = far ? depth : (int)ceil(at + 1.5);
			from = from < 0 ? 0 : from;
			to = to > depth ? depth : to;
			for (int d = from; d < to; d++) {
				int x = flat ? i : d, y = flat ? d : i;
				if (plane_row(luma, y)[x] < SEAM)
					plane_row(&crop->outside, y)[x] = 255;
			}
		}
	}
}

/* How far place (x, y) of the small image lies within the edge of a side, or the image's own. */
static double edge_within(const struct crop *crop, enum side side, double x, double y)
{
	const struct edge *edge = &crop->edge[side];
	bool flat = side == SIDE_TOP || side == SIDE_BOTTOM,
	     far = side == SIDE_RIGHT || side == SIDE_BOTTOM;
	double end = (flat ? crop->raw_height_px : crop->raw_width_px) / (double)crop->reduction;
	double at = edge->found ? edge->at / crop->reduction + edge->slope * (flat ? x : y)
	    : far		? end
				: 0;
	double place = flat ? y : x;

	return far ? at - place : place - at;
}

/* Marks dark discs of 3.5 to 9 mm that lie 4 to 22 mm from an edge. */
static bool holes_mark(struct crop *crop, const struct plane *luma, double dpi, struct error *err)
{
	PIX *dark = plane_pix_below(luma, 110);
	PIXA *pieces = NULL;
	BOXA *boxes = dark ? pixConnComp(dark, &pieces, 8) : NULL;
	bool ok = boxes && pieces;
	if (!ok)
		error_set(err, ERROR_SYSTEM, NULL, _("no memory to look for punch holes"));
	double mm = dpi / 25.4;
	int w = luma->width_px, h = luma->height_px;
	for (int i = 0; ok && i < boxaGetCount(boxes); i++) {
		int x, y, bw, bh, area;
		boxaGetBoxGeometry(boxes, i, &x, &y, &bw, &bh);
		if (bw < 3.5 * mm || bh < 3.5 * mm || bw > 9 * mm || bh > 9 * mm ||
		    abs(bw - bh) > 1 + bw / 8)
			continue;
		PIX *piece = pixaGetPix(pieces, i, L_CLONE);
		pixCountPixels(piece, &area, NULL);
		pixDestroy(&piece);
		if (area < 0.70 * bw * bh || area > 0.88 * bw * bh)
			continue;
		double cx = x + bw / 2.0, cy = y + bh / 2.0;
		double near = HUGE_VAL;
		for (int side = 0; side < 4; side++)
			near = fmin(near, edge_within(crop, (enum side)side, cx, cy));
		near /= mm;
		if (near < 3 || near > 24)
			continue;
		double radius = (bw + bh) / 4.0 + 1.8;
		for (int yy = (int)(cy - radius); yy <= cy + radius; yy++)
			for (int xx = (int)(cx - radius); xx <= cx + radius; xx++) {
				double dx = xx + 0.5 - cx, dy = yy + 0.5 - cy;
				if (xx >= 0 && yy >= 0 && xx < w && yy < h &&
				    dx * dx + dy * dy <= radius * radius)
					plane_row(&crop->outside, yy)[xx] = 255;
			}
		crop->holes++;
		crop->any_outside = true;
	}
	boxaDestroy(&boxes);
	pixaDestroy(&pieces);
	pixDestroy(&dark);
	return ok;
}

static void edges_agree(struct crop *crop)
{
	/* clockwise: the left edge leans to the left going down, the top edge falls to the right */
	double angles[4], weights = 0, sum = 0;
	int n = 0;
	for (int side = 0; side < 4; side++) {
		const struct edge *edge = &crop->edge[side];
		if (!edge->found || edge->share < 0.2)
			continue;
		double angle = atan(edge->slope) * 180 / M_PI;
		angles[n++] = side == SIDE_LEFT || side == SIDE_RIGHT ? -angle : angle;
		sum += angles[n - 1] * edge->share;
		weights += edge->share;
	}
	if (n < 2)
		return;
	double mean = sum / weights, worst = 0;
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(angles[i] - mean));
	if (worst < 0.4) {
		crop->skew_deg = mean;
		crop->skew_confidence = 1;
	}
}

static int percentile(const uint32_t counts[256], int percent)
{
	uint64_t n = 0, seen = 0;
	for (int v = 0; v < 256; v++)
		n += counts[v];
	for (int v = 0; v < 256; v++) {
		seen += counts[v];
		if (seen * 100 > n * (uint64_t)percent)
			return v;
	}
	return 255;
}

/* Whether there is ink beyond the edges: then they are no edges of paper. */
static bool lid_refuted(const struct crop *crop, const struct plane *soft, int paper, double dpi)
{
	double mm = dpi / 25.4;
	int found = 0;

	for (int y = 0; y < soft->height_px; y++)
		for (int x = 0; x < soft->width_px; x++) {
			bool beyond = false;
			for (int side = 0; side < 4 && plane_row(soft, y)[x] < paper - INK_DARKER;
			     side++)
				beyond |= crop->edge[side].found &&
				    edge_within(crop, (enum side)side, x, y) < -LID_SEAM_MM * mm;
			found += beyond;
		}
	return found > LID_BEYOND * mm * mm;
}

/*
 * A white lid behind paper that is darker: what is as bright as the image's rim and joined to it.
 * Believed only where it leaves paper of one tone with straight edges, since a white margin around
 * a tinted print would look alike.
 */
static bool lid_find(struct crop *crop, const struct plane *small, double dpi, struct error *err)
{
	struct plane soft = {0}, lid = {0}, mask = {0};
	uint32_t rim[256] = {0}, all[256] = {0};
	int w = small->width_px, h = small->height_px;
	bool ok = false;

	if (w < 60 || h < 60)
		return true;
	if (!plane_smooth(small, &soft, err) || !plane_open(&lid, w, h, err))
		goto done;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			uint8_t v = plane_row(&soft, y)[x];
			all[v]++;
			rim[v] += x < 2 || y < 2 || x >= w - 2 || y >= h - 2;
		}
	int bright = percentile(rim, 80);
	for (int v = bright - LID_STEP + 1 > 0 ? bright - LID_STEP + 1 : 0; v < 256; v++)
		all[v] = 0; /* what is left is paper and ink */
	int paper = percentile(all, 60);
	ok = true;
	if (bright < LID_LEAST || paper < PAPER_LEAST || bright - paper < LID_STEP)
		goto done;
	int limit = (bright + paper) / 2;
	uint64_t alike = 0;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			uint8_t v = plane_row(&soft, y)[x];
			plane_row(&lid, y)[x] = v > limit ? 0 : 255;
			alike += v <= limit && v >= paper - 14;
		}
	ok = thick_dark(&lid, &mask, err) && flood_from_border(&mask, err) &&
	    mask_grow(&mask, &lid, DARK_EDGE, err);
	if (!ok)
		goto done;
	uint64_t outside = 0;
	int found = 0;
	struct crop with = {.raw_width_px = crop->raw_width_px,
	    .raw_height_px = crop->raw_height_px,
	    .reduction = crop->reduction};
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
			outside += plane_row(&mask, y)[x] != 0;
	for (int side = 0; side < 4; side++) {
		edge_fit(&mask, (enum side)side, crop->reduction, &with.edge[side]);
		found += with.edge[side].found && with.edge[side].agree > LID_AGREE;
	}
	edges_agree(&with);
	uint64_t inside = (uint64_t)w * (uint64_t)h - outside;
	if (found < 3 || with.skew_confidence <= 0 || outside == 0 ||
	    alike * 100 < inside * LID_ALIKE || lid_refuted(&with, &soft, paper, dpi))
		goto done;
	ok = mask_grow(&mask, small, 256, err);
	if (!ok)
		goto done;
	memcpy(crop->edge, with.edge, sizeof crop->edge);
	crop->skew_deg = with.skew_deg;
	crop->skew_confidence = with.skew_confidence;
	crop->any_outside = true;
	plane_release(&crop->outside);
	plane_move(&crop->outside, &mask);
done:
	plane_release(&soft);
	plane_release(&lid);
	plane_release(&mask);
	return ok;
}

bool crop_find(const struct plane *luma, double reduced_dpi, int raw_width_px, int raw_height_px,
    bool bitonal, struct crop *out, struct error *err)
{
	struct crop crop = {.raw_width_px = raw_width_px, .raw_height_px = raw_height_px};
	crop.seam_px = SEAM_MM / 25.4 * reduced_dpi * raw_width_px / luma->width_px;
	struct plane small = {0};
	int by = (int)(reduced_dpi / MASK_DPI + 0.5);
	bool ok = false;

	by = by < 1 ? 1 : by;
	by = by < luma->width_px ? by : luma->width_px;
	by = by < luma->height_px ? by : luma->height_px;
	crop.reduction = raw_width_px / luma->width_px * by;
	if (!plane_reduce(luma, by, &small, err) || !thick_dark(&small, &crop.outside, err) ||
	    !flood_from_border(&crop.outside, err))
		goto done;
	uint64_t marked = 0;
	for (int y = 0; y < small.height_px; y++)
		for (int x = 0; x < small.width_px; x++)
			marked += plane_row(&crop.outside, y)[x] != 0;
	uint64_t all = (uint64_t)small.width_px * (uint64_t)small.height_px;
	if (marked * 100 >
	    all * 97) { /* black from edge to edge is no sheet on a background: keep it */
		memset(crop.outside.px, 0, crop.outside.stride * (size_t)crop.outside.height_px);
		marked = 0;
	}
	if (marked) {
		crop.any_outside = true;
		if (!mask_grow(&crop.outside, &small, DARK_EDGE, err))
			goto done;
		double scale = crop.reduction;
		for (int side = 0; side < 4; side++)
			edge_fit(&crop.outside, (enum side)side, scale, &crop.edge[side]);
		edges_agree(&crop);
		beyond_mark(&crop, &small, scale);
		if (!mask_grow(&crop.outside, &small, 256, err))
			goto done;
	}
	if (!marked && !bitonal && !lid_find(&crop, &small, reduced_dpi / by, err))
		goto done;
	if (small.width_px > 60 && small.height_px > 60 &&
	    !holes_mark(&crop, &small, reduced_dpi / by, err))
		goto done;
	*out = crop;
	crop = (struct crop){0};
	ok = true;
done:
	plane_release(&small);
	crop_release(&crop);
	return ok;
}

void crop_box_find(const struct crop *crop, double skew_deg, struct crop_box *box)
{
	double w = crop->raw_width_px, h = crop->raw_height_px;
	double sine = sin(skew_deg * M_PI / 180), cosine = cos(skew_deg * M_PI / 180);
	double position[4] = {-w / 2, -h / 2, w / 2, h / 2};
	/* the middle of each edge, turned back; found edges first, then what depends on their
	 * middles */
	for (int side = 0; side < 4; side++) {
		const struct edge *edge = &crop->edge[side];
		if (!edge->found)
			continue;
		double x, y;
		if (side == SIDE_LEFT || side == SIDE_RIGHT) {
			y = h / 2;
			x = edge->at + edge->slope * y;
		} else {
			x = w / 2;
			y = edge->at + edge->slope * x;
		}
		x -= w / 2;
		y -= h / 2;
		position[side] = side == SIDE_LEFT || side == SIDE_RIGHT ? cosine * x + sine * y
									 : -sine * x + cosine * y;
	}
	/* the seam itself is neither paper nor background */
	for (int side = 0; side < 4; side++)
		if (crop->edge[side].found)
			position[side] +=
			    side == SIDE_LEFT || side == SIDE_TOP ? crop->seam_px : -crop->seam_px;
	if (position[SIDE_RIGHT] - position[SIDE_LEFT] < w / 20 ||
	    position[SIDE_BOTTOM] - position[SIDE_TOP] < h / 20) {
		*box = (struct crop_box){-w / 2, -h / 2, w / 2, h / 2};
		return;
	}
	*box = (struct crop_box){
	    position[SIDE_LEFT], position[SIDE_TOP], position[SIDE_RIGHT], position[SIDE_BOTTOM]};
}
