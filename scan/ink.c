#include "scan/ink.h"

#include <math.h>
#include <stdlib.h>

#include "config/text.h"
#include "scan/ground.h"

#define CONTRAST_STRONG 60.0 /* of GROUND_PAPER: ordinary ink */
#define CONTRAST_FAINT	26.0 /* pencil; show-through stays below, or is not sharp */
#define SHARP_STEP	0.55 /* of a piece's contrast, over three pixels */
#define LEAST_MM	0.7  /* dust is smaller */

struct run {
	int y, from, to, label;
};

struct moments { /* of a piece's pixels */
	double x, y, xx, yy, xy;
};

struct labels { /* union-find over runs */
	struct run *runs;
	int *parent;
	size_t n, room;
};

void ink_release(struct ink *ink)
{
	free(ink->pieces);
	*ink = (struct ink){0};
}

static int root(int *parent, int i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

static bool run_add(struct labels *labels, struct run run)
{
	if (labels->n == labels->room) {
		size_t room = labels->room ? labels->room * 2 : 4096;
		struct run *runs = realloc(labels->runs, room * sizeof *runs);
		if (runs)
			labels->runs = runs;
		int *parent = realloc(labels->parent, room * sizeof *parent);
		if (parent)
			labels->parent = parent;
		if (!runs || !parent)
			return false;
		labels->room = room;
	}
	run.label = (int)labels->n;
	labels->parent[labels->n] = run.label;
	labels->runs[labels->n++] = run;
	return true;
}

static bool runs_find(const struct plane *normal, int threshold, struct labels *labels)
{
	size_t above = 0, above_end = 0; /* the runs of the row before */
	for (int y = 0; y < normal->height_px; y++) {
		const uint8_t *row = plane_row(normal, y);
		size_t begin = labels->n, k = above;
		int w = normal->width_px;
		for (int x = 0; x < w;) {
			if (row[x] >= threshold) {
				x++;
				continue;
			}
			int from = x;
			while (x < w && row[x] < threshold)
				x++;
			if (!run_add(labels, (struct run){y, from, x, 0}))
				return false;
			int mine = (int)labels->n - 1;
			while (k < above_end && labels->runs[k].to < from)
				k++;
			for (size_t j = k; j < above_end && labels->runs[j].from <= x; j++) {
				int a = root(labels->parent, (int)j),
				    b = root(labels->parent, mine);
				if (a < b)
					labels->parent[b] = a;
				else
					labels->parent[a] = b;
			}
		}
		above = begin;
		above_end = labels->n;
	}
	return true;
}

static void run_measure(const struct run *run, const struct plane *normal,
    const struct plane *other, struct ink_piece *piece, struct moments *moments)
{
	const uint8_t *row = plane_row(normal, run->y);
	int right = run->to - 1, bottom;
	if (!piece->area) {
		*piece = (struct ink_piece){
		    .x = run->from, .y = run->y, .w = run->to - run->from, .h = 1, .darkest = 255};
	} else {
		int x1 = piece->x + piece->w > run->to ? piece->x + piece->w : run->to;
		piece->x = piece->x < run->from ? piece->x : run->from;
		piece->w = x1 - piece->x;
		bottom = run->y + 1;
		piece->h = bottom > piece->y + piece->h ? bottom - piece->y : piece->h;
	}
	int sum = 0;
	for (int x = run->from; x < run->to; x++) {
		sum += GROUND_PAPER - row[x];
		piece->darkest = row[x] < piece->darkest ? row[x] : piece->darkest;
	}
	piece->contrast += sum;
	if (other) {
		const uint8_t *second = plane_row(other, run->y);
		int seen = 0;
		for (int x = run->from; x < run->to; x++)
			seen += GROUND_PAPER - second[x];
		piece->other += seen;
	}
	int before = run->from - 2 < 0 ? 0 : run->from - 2,
	    inner = run->from + 1 < run->to ? run->from + 1 : right;
	int after = right + 2 >= normal->width_px ? normal->width_px - 1 : right + 2;
	int inner_right = right - 1 >= run->from ? right - 1 : right;
	piece->step += (row[before] - row[inner] + row[after] - row[inner_right]) / 2.0;
	double n = run->to - run->from, middle = (run->from + run->to - 1) / 2.0;
	moments->x += n * middle;
	moments->y += n * run->y;
	moments->xx += n * middle * middle + n * (n * n - 1) / 12;
	moments->yy += n * run->y * run->y;
	moments->xy += n * middle * run->y;
	piece->area += run->to - run->from;
	piece->run += 1;
}

bool ink_find(const struct plane *normal, int threshold, const struct plane *other, struct ink *out,
    struct error *err)
{
	struct labels labels = {0};
	struct ink ink = {0};
	struct moments *moments = NULL;
	int *number = NULL;
	bool ok = false;

	if (!runs_find(normal, threshold, &labels))
		goto memory;
	number = malloc((labels.n + 1) * sizeof *number);
	if (!number)
		goto memory;
	for (size_t i = 0; i < labels.n; i++)
		if (labels.parent[i] == (int)i)
			number[i] = ink.n < INK_LIMIT_PIECES ? ink.n++ : -1;
	ink.pieces = calloc((size_t)ink.n + 1, sizeof *ink.pieces);
	moments = calloc((size_t)ink.n + 1, sizeof *moments);
	if (!ink.pieces || !moments)
		goto memory;
	for (size_t i = 0; i < labels.n; i++) {
		int piece = number[root(labels.parent, (int)i)];
		if (piece >= 0)
			run_measure(
			    &labels.runs[i], normal, other, &ink.pieces[piece], &moments[piece]);
	}
	for (int i = 0; i < ink.n; i++) {
		struct ink_piece *p = &ink.pieces[i];
		double runs = p->run, n = p->area;
		const struct moments *m = &moments[i];
		double vx = m->xx / n - m->x / n * (m->x / n),
		       vy = m->yy / n - m->y / n * (m->y / n);
		double cov = m->xy / n - m->x / n * (m->y / n);
		/* the smaller eigenvalue of the second moments */
		double least = (vx + vy - sqrt((vx - vy) * (vx - vy) + 4 * cov * cov)) / 2;
		p->narrow = sqrt(least > 0 ? least : 0);
		p->contrast /= p->area;
		p->other /= p->area;
		p->step /= runs;
		p->run = p->area / runs;
	}
	*out = ink;
	ink = (struct ink){0};
	ok = true;
	goto done;
memory:
	error_set(err, ERROR_SYSTEM, NULL, _("no memory for the pieces of a page"));
done:
	free(labels.runs);
	free(labels.parent);
	free(number);
	free(moments);
	ink_release(&ink);
	return ok;
}

double ink_grain(const struct plane *normal)
{
	uint32_t counts[256] = {0};
	uint64_t n = 0;
	for (int y = 1; y + 1 < normal->height_px; y += 3) {
		const uint8_t *row = plane_row(normal, y);
		for (int x = 2; x < normal->width_px; x += 2) {
			counts[abs(row[x] - row[x - 2])]++;
			n++;
		}
	}
	uint64_t seen = 0;
	for (int v = 0; v < 256; v++) {
		if (seen + counts[v] > n / 2) {
			double part = counts[v] ? (double)(n / 2 - seen) / counts[v] : 0;
			return (v - 0.5 + part) / (0.6745 * 1.4142);
		}
		seen += counts[v];
	}
	return 0;
}

enum ink_kind ink_judge(const struct ink_piece *piece, double dpi, double grain)
{
	double mm = dpi / 25.4, peak = GROUND_PAPER - piece->darkest;
	if ((piece->w > piece->h ? piece->w : piece->h) < LEAST_MM * mm)
		return INK_NOISE;
	if (piece->contrast > CONTRAST_STRONG && peak > 1.3 * CONTRAST_STRONG)
		return INK_STRONG;
	bool sharp = piece->step > SHARP_STEP * piece->contrast;
	return piece->contrast > CONTRAST_FAINT && peak > 6 * grain && sharp ? INK_FAINT
									     : INK_NOISE;
}
