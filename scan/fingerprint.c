#include "scan/fingerprint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CELL = LOOK_PX_PER_MM, /* 1 mm */
	CELLS_PER_MM = 1,
	COMPANY_PX = 3 * LOOK_PX_PER_MM,
	ALONE_PX = LOOK_PX_PER_MM,
	COMPANY_SHARE = 4,
	WINDOW_MM = 64,
	STEP_MM = 42,
	COLUMNS = 4,
	ROWS = 6,
	FREQUENCIES = FINGERPRINT_BITS / 2,
};

#define STEEP	2.8 /* ink of a third of the usual darkness is there */
#define INK_MM2 5.0 /* weighted, below which a window says nothing */

/* In cycles a window; none so low that the window's own shape is in it. */
static const int frequencies[FREQUENCIES][2] = {{2, 0}, {0, 2}, {2, 1}, {1, 2}, {2, -1}, {1, -2},
    {2, 2}, {2, -2}, {3, 0}, {0, 3}, {3, 1}, {1, 3}};

/* sums[y][x] of what lies above and left of x, y; yours to free. */
static uint32_t *sums_make(const struct plane *ink)
{
	size_t line = (size_t)ink->width_px + 1;
	uint32_t *sums = calloc(line * ((size_t)ink->height_px + 1), sizeof *sums);

	for (int y = 0; sums && y < ink->height_px; y++) {
		const uint8_t *from = plane_row(ink, y);
		uint32_t *above = sums + (size_t)y * line, *to = above + line, row = 0;
		for (int x = 0; x < ink->width_px; x++) {
			row += from[x];
			to[x + 1] = above[x + 1] + row;
		}
	}
	return sums;
}

static uint32_t square_sum(const struct plane *ink, const uint32_t *sums, int x, int y, int reach)
{
	size_t line = (size_t)ink->width_px + 1;
	int x0 = x > reach ? x - reach : 0, y0 = y > reach ? y - reach : 0;
	int x1 = x + reach + 1 < ink->width_px ? x + reach + 1 : ink->width_px;
	int y1 = y + reach + 1 < ink->height_px ? y + reach + 1 : ink->height_px;
	const uint32_t *top = sums + (size_t)y0 * line, *low = sums + (size_t)y1 * line;

	return low[x1] - low[x0] - top[x1] + top[x0];
}

/* Leaves out what lies alone: dust differs from scan to scan, and letters and lines go on. */
static bool company_take(const struct plane *ink, struct plane *out)
{
	uint32_t *sums = sums_make(ink);
	bool ok = sums && plane_open(out, ink->width_px, ink->height_px, NULL);

	for (int y = 0; ok && y < ink->height_px; y++) {
		const uint8_t *from = plane_row(ink, y);
		uint8_t *to = plane_row(out, y);
		for (int x = 0; x < ink->width_px; x++) {
			if (from[x] == 0)
				continue;
			uint32_t around = (square_sum(ink, sums, x, y, COMPANY_PX) -
					      square_sum(ink, sums, x, y, ALONE_PX)) /
			    COMPANY_SHARE;
			to[x] = (uint8_t)(from[x] < around ? from[x] : around);
		}
	}
	free(sums);
	return ok;
}

/*
 * The ink as it is there or not, in cells of 1 mm: how dark it comes out changes with the exposure,
 * and more for thin strokes than for bold ones. Smoothed before, as otherwise a thin line counts
 * twice where it lies on two rows of pixels.
 */
static bool presence_take(const struct plane *ink, struct plane *out)
{
	struct plane company = {0}, once = {0}, smooth = {0}, cells = {0};
	bool ok = company_take(ink, &company) && plane_smooth(&company, &once, NULL) &&
	    plane_smooth(&once, &smooth, NULL);
	double factor = ok ? STEEP * 255 / look_darkness(&smooth) : 0;

	for (int y = 0; ok && y < smooth.height_px; y++) {
		uint8_t *row = plane_row(&smooth, y);
		for (int x = 0; x < smooth.width_px; x++) {
			double v = row[x] * factor;
			row[x] = (uint8_t)(v > 255 ? 255 : v);
		}
	}
	ok = ok && plane_reduce(&smooth, CELL, &cells, NULL) && plane_smooth(&cells, out, NULL);
	plane_release(&company);
	plane_release(&once);
	plane_release(&smooth);
	plane_release(&cells);
	return ok;
}

/* The middle of the ink in mm; false where there is none. */
static bool centre_find(const struct plane *ink, double *cx, double *cy)
{
	double sum = 0, sx = 0, sy = 0;

	for (int y = 0; y < ink->height_px; y++) {
		const uint8_t *row = plane_row(ink, y);
		uint32_t line = 0;
		uint64_t moment = 0;
		for (int x = 0; x < ink->width_px; x++) {
			line += row[x];
			moment += (uint64_t)row[x] * (uint64_t)x;
		}
		sum += line;
		sx += (double)moment;
		sy += (double)line * y;
	}
	if (sum <= 0)
		return false;
	*cx = (sx / sum + 0.5) / CELLS_PER_MM;
	*cy = (sy / sum + 0.5) / CELLS_PER_MM;
	return true;
}

/* Fourier coefficients of one window, the corner of which lies at x0, y0 (mm). False: too little
 * ink. */
static bool window_transform(
    const struct plane *ink, double x0, double y0, double out[FINGERPRINT_BITS])
{
	enum { SIDE = WINDOW_MM * CELLS_PER_MM, HIGHEST = 3 };
	double column[2 * HIGHEST + 2][SIDE + 2]; /* sums over a row: by cos and sin of each u */
	double weight_x[SIDE + 2], cosine[HIGHEST + 1][SIDE + 2], sine[HIGHEST + 1][SIDE + 2];
	int left = (int)ceil(x0 * CELLS_PER_MM - 0.5), top = (int)ceil(y0 * CELLS_PER_MM - 0.5);
	double total = 0;

	memset(column, 0, sizeof column);
	for (int i = 0; i < SIDE; i++) {
		double at = ((left + i + 0.5) / CELLS_PER_MM - x0) / WINDOW_MM;
		weight_x[i] = sin(M_PI * at) * sin(M_PI * at);
		for (int u = 0; u <= HIGHEST; u++) {
			cosine[u][i] = cos(2 * M_PI * u * at) * weight_x[i];
			sine[u][i] = sin(2 * M_PI * u * at) * weight_x[i];
		}
	}
	for (int i = 0; i < FINGERPRINT_BITS; i++)
		out[i] = 0;
	for (int j = 0; j < SIDE; j++) {
		int y = top + j;
		if (y < 0 || y >= ink->height_px)
			continue;
		const uint8_t *row = plane_row(ink, y);
		double c[HIGHEST + 1] = {0}, s[HIGHEST + 1] = {0};
		int from = left < 0 ? -left : 0;
		int to = left + SIDE > ink->width_px ? ink->width_px - left : SIDE;
		for (int i = from; i < to; i++) {
			double v = row[left + i];
			if (v <= 0)
				continue;
			for (int u = 0; u <= HIGHEST; u++) {
				c[u] += v * cosine[u][i];
				s[u] += v * sine[u][i];
			}
		}
		double at = ((y + 0.5) / CELLS_PER_MM - y0) / WINDOW_MM;
		double weight = sin(M_PI * at) * sin(M_PI * at);
		total += weight * c[0];
		for (int f = 0; f < FREQUENCIES; f++) {
			int u = frequencies[f][0];
			double turn = 2 * M_PI * frequencies[f][1] * at;
			double cv = cos(turn) * weight, sv = sin(turn) * weight;
			out[2 * f] += c[u] * cv - s[u] * sv;
			out[2 * f + 1] += s[u] * cv + c[u] * sv;
		}
	}
	return total / 255 / (CELLS_PER_MM * CELLS_PER_MM) >= INK_MM2;
}

static void word_make(const double values[FINGERPRINT_BITS], struct fingerprint_word *word)
{
	bool taken[FINGERPRINT_BITS] = {false};

	word->bits = 0;
	for (int i = 0; i < FINGERPRINT_BITS; i++)
		if (values[i] >= 0)
			word->bits |= 1u << i;
	for (int k = 0; k < FINGERPRINT_WEAK; k++) {
		int weakest = -1;
		for (int i = 0; i < FINGERPRINT_BITS; i++)
			if (!taken[i] && (weakest < 0 || fabs(values[i]) < fabs(values[weakest])))
				weakest = i;
		taken[weakest] = true;
		word->weak[k] = (uint8_t)weakest;
	}
}

void fingerprint_take(const struct look *look, struct fingerprint *out)
{
	double cx, cy, values[FINGERPRINT_BITS];

	struct plane ink = {0};

	*out = (struct fingerprint){0};
	if (!look->ink.px || !presence_take(&look->ink, &ink) || !centre_find(&ink, &cx, &cy)) {
		plane_release(&ink);
		return;
	}
	for (int row = 0; row < ROWS; row++)
		for (int column = 0; column < COLUMNS; column++) {
			/* Two ways to lie right, as on a chess-board: crop or ink may have moved.
			 */
			bool by_ink = (row + column) % 2;
			double mx = by_ink ? cx : ink.width_px / 2.0 / CELLS_PER_MM;
			double my = by_ink ? cy : ink.height_px / 2.0 / CELLS_PER_MM;
			double x0 = mx + (column - (COLUMNS - 1) / 2.0) * STEP_MM - WINDOW_MM / 2.0;
			double y0 = my + (row - (ROWS - 1) / 2.0) * STEP_MM - WINDOW_MM / 2.0;
			if (!window_transform(&ink, x0, y0, values))
				continue;
			struct fingerprint_word *word = &out->words[out->n++];
			word->window = (uint8_t)(row * COLUMNS + column);
			word_make(values, word);
		}
	plane_release(&ink);
}

/*
 * Half a turn takes each window to the one on the other side of the middle, with the same way to
 * lie, and x to -x in it: cosines stay, sines (the odd bits) change their sign.
 */
void fingerprint_turned(const struct fingerprint *f, struct fingerprint *out)
{
	struct fingerprint turned = {.n = f->n};

	for (int i = 0; i < f->n; i++) {
		struct fingerprint_word *word = &turned.words[f->n - 1 - i];
		*word = f->words[i];
		word->window = (uint8_t)(FINGERPRINT_WORDS - 1 - word->window);
		word->bits ^= 0xAAAAAA;
	}
	*out = turned;
}

void fingerprint_text(const struct fingerprint *f, char text[FINGERPRINT_TEXT])
{
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < f->n; i++) {
		const struct fingerprint_word *w = &f->words[i];
		n += (size_t)snprintf(
		    text + n, FINGERPRINT_TEXT - n, "%c%06x", 'A' + w->window, w->bits & 0xFFFFFF);
		for (int k = 0; k < FINGERPRINT_WEAK; k++)
			text[n++] = (char)('a' + w->weak[k]);
		text[n] = '\0';
	}
}

bool fingerprint_read(const char *text, struct fingerprint *out)
{
	*out = (struct fingerprint){0};
	while (*text && out->n < FINGERPRINT_WORDS) {
		struct fingerprint_word *w = &out->words[out->n];
		if (strnlen(text, 10) < 10 || *text < 'A' || *text >= 'A' + FINGERPRINT_WORDS)
			return false;
		char hex[7];
		memcpy(hex, text + 1, 6);
		hex[6] = '\0';
		if (strspn(hex, "0123456789abcdef") != 6)
			return false;
		w->window = (uint8_t)(*text - 'A');
		w->bits = (uint32_t)strtoul(hex, NULL, 16);
		for (int k = 0; k < FINGERPRINT_WEAK; k++) {
			if (text[7 + k] < 'a' || text[7 + k] >= 'a' + FINGERPRINT_BITS)
				return false;
			w->weak[k] = (uint8_t)(text[7 + k] - 'a');
		}
		out->n++;
		text += 10;
	}
	return *text == '\0';
}

uint32_t fingerprint_key(const struct fingerprint_word *w)
{
	return (uint32_t)w->window << FINGERPRINT_BITS | w->bits;
}

void fingerprint_probes(const struct fingerprint_word *w, uint32_t keys[1 << FINGERPRINT_WEAK])
{
	for (int i = 0; i < 1 << FINGERPRINT_WEAK; i++) {
		keys[i] = fingerprint_key(w);
		for (int k = 0; k < FINGERPRINT_WEAK; k++)
			if (i & 1 << k)
				keys[i] ^= 1u << w->weak[k];
	}
}

int fingerprint_shared(const struct fingerprint *a, const struct fingerprint *b)
{
	int n = 0;

	for (int i = 0; i < a->n; i++)
		for (int k = 0; k < b->n; k++) {
			if (a->words[i].window != b->words[k].window)
				continue;
			uint32_t other = a->words[i].bits ^ b->words[k].bits, weak = 0;
			for (int m = 0; m < FINGERPRINT_WEAK; m++)
				weak |= 1u << a->words[i].weak[m];
			n += (other & ~weak) == 0;
		}
	return n;
}
