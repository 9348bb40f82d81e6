/*
 * The frame of a cover sheet, found by its bars:
 *
 *    == == == == == ==      1. every connected piece of ink gives length, breadth and direction
 *   |                  |       by its second moments; what is no solid bar 4 : 1 is dropped
 *                           2. two bars in line with each other, a pitch apart, are linked
 *   |                  |    3. links make sides; two sides or more, of three bars or more, nine
 *    == == == == == ==         bars in all, that lie as sides of a rectangle do: a frame
 *
 * Nothing is asked of the corners, of the paper's edge or of the missing rest, so that a torn
 * sheet is still known; sizes may be off by half, since prints are scaled and resolutions lie.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scan/cover.h"

#define BARS_MAX 256

struct piece { /* of ink: sums over its pixels */
	double n, x, y, xx, yy, xy;
};

struct bar {
	double x, y, length, angle; /* px and radians, angle in -pi/2 .. pi/2 */
	int side;		    /* index of a bar of the same side: a forest */
	int links;
};

struct bars {
	struct bar bar[BARS_MAX];
	int n;
};

/* Takes the piece that holds from away from the image, and sums it up. Row ends are queued. */
static void piece_take(uint8_t *ink, int w, int h, int from, int *stack, struct piece *piece)
{
	int n = 0;

	memset(piece, 0, sizeof *piece);
	stack[n++] = from;
	ink[from] = 0;
	while (n > 0) {
		int at = stack[--n], x = at % w, y = at / w;
		piece->n++;
		piece->x += x;
		piece->y += y;
		piece->xx += (double)x * x;
		piece->yy += (double)y * y;
		piece->xy += (double)x * y;
		for (int dy = -1; dy <= 1; dy++)
			for (int dx = -1; dx <= 1; dx++) {
				int u = x + dx, v = y + dy;
				if (u < 0 || v < 0 || u >= w || v >= h || !ink[v * w + u])
					continue;
				ink[v * w + u] = 0;
				stack[n++] = v * w + u;
			}
	}
}

static bool piece_is_bar(const struct piece *piece, double px_per_mm, struct bar *bar)
{
	double x = piece->x / piece->n, y = piece->y / piece->n;
	double xx = piece->xx / piece->n - x * x + 1.0 / 12;
	double yy = piece->yy / piece->n - y * y + 1.0 / 12;
	double xy = piece->xy / piece->n - x * y;
	double mean = (xx + yy) / 2, spread = sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
	double length = sqrt(12 * (mean + spread));
	double breadth = sqrt(12 * fmax(mean - spread, 0));
	double nominal = COVER_BAR_MM * px_per_mm, ratio = COVER_BAR_MM / COVER_BREADTH_MM;

	if (length < 0.55 * nominal || length > 1.8 * nominal || breadth < 2.5)
		return false;
	if (length < 0.75 * ratio * breadth || length > 1.35 * ratio * breadth)
		return false;
	double filled = piece->n / (length * breadth);
	if (filled < 0.88 || filled > 1.06)
		return false;
	*bar = (struct bar){x, y, length, 0.5 * atan2(2 * xy, xx - yy), -1, 0};
	return true;
}

static bool bars_find(const uint8_t *pixels, int w, int h, double px_per_mm, struct bars *bars)
{
	size_t n = (size_t)w * (size_t)h;
	uint8_t *ink = malloc(n);
	int *stack = malloc(n * sizeof *stack);
	double least = 0.25 * COVER_BAR_MM * COVER_BREADTH_MM * px_per_mm * px_per_mm;
	bool ok = ink && stack;

	bars->n = 0;
	for (size_t i = 0; ok && i < n; i++)
		ink[i] = pixels[i] == 0;
	for (size_t i = 0; ok && i < n && bars->n < BARS_MAX; i++) {
		struct piece piece;
		if (!ink[i])
			continue;
		piece_take(ink, w, h, (int)i, stack, &piece);
		if (piece.n >= least && piece_is_bar(&piece, px_per_mm, &bars->bar[bars->n])) {
			bars->bar[bars->n].side = bars->n;
			bars->n++;
		}
	}
	free(ink);
	free(stack);
	return ok;
}

static int side_root(struct bars *bars, int i)
{
	while (bars->bar[i].side != i)
		i = bars->bar[i].side;
	return i;
}

/* The angle between two directions, 0 .. pi/2. */
static double angle_between(double a, double b)
{
	double d = fmod(fabs(a - b), M_PI);

	return d > M_PI / 2 ? M_PI - d : d;
}

static bool bars_linked(const struct bar *a, const struct bar *b)
{
	const double straight = 5 * M_PI / 180;
	double dx = b->x - a->x, dy = b->y - a->y, length = (a->length + b->length) / 2;
	double pitch = length * COVER_PITCH_MM / COVER_BAR_MM;

	if (fabs(a->length - b->length) > 0.15 * length)
		return false;
	if (fabs(hypot(dx, dy) - pitch) > 0.08 * pitch)
		return false;
	return angle_between(a->angle, b->angle) < straight &&
	    angle_between(atan2(dy, dx), a->angle) < straight;
}

/* Do two sides lie as those of one rectangle: square to each other, or opposite and well apart? */
static bool sides_fit(const struct bar *a, const struct bar *b)
{
	double turned = angle_between(a->angle, b->angle), square = M_PI / 2 - turned;

	if (square < 5 * M_PI / 180)
		return true;
	if (turned > 5 * M_PI / 180)
		return false;
	double apart = fabs((b->y - a->y) * cos(a->angle) - (b->x - a->x) * sin(a->angle));
	return apart > 6 * a->length; /* 188 or 275 mm where a bar has 24 */
}

bool cover_frame_find(const uint8_t *pixels, int width_px, int height_px, double dpi)
{
	struct bars *bars = malloc(sizeof *bars);
	int sides[BARS_MAX], members[BARS_MAX] = {0}, n_sides = 0, n_linked = 0;
	bool found = false;

	if (!bars || !bars_find(pixels, width_px, height_px, dpi / 25.4, bars))
		goto done;
	for (int i = 0; i < bars->n; i++)
		for (int j = i + 1; j < bars->n; j++)
			if (bars_linked(&bars->bar[i], &bars->bar[j]))
				bars->bar[side_root(bars, j)].side = side_root(bars, i);
	for (int i = 0; i < bars->n; i++)
		members[side_root(bars, i)]++;
	for (int i = 0; i < bars->n; i++)
		if (members[i] >= 3 && members[i] <= 10)
			sides[n_sides++] = i;
	for (int i = 0; i < n_sides && !found; i++) {
		n_linked = members[sides[i]];
		int n_fit = 1;
		for (int j = 0; j < n_sides; j++)
			if (j != i && sides_fit(&bars->bar[sides[i]], &bars->bar[sides[j]])) {
				n_linked += members[sides[j]];
				n_fit++;
			}
		found = n_fit >= 2 && n_linked >= 9;
	}
done:
	free(bars);
	return found;
}
