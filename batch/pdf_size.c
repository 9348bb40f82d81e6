#include "batch/pdf_size.h"

#include <math.h>
#include <stdlib.h>

#define SIZE_OF_HEIGHT (1 / 0.92) /* em of a word with ascender and descender: usual text faces */
#define SAME_LEAST     0.8	  /* sizes within these shares become the same */
#define SAME_MOST      1.25
#define APART	       1.26 /* between blocks that touch: poppler joins up to 20 %, from either side */
#define TOUCH	       0.75 /* nearer than this share of the size is touching */
#define JUMP	       3.0  /* a column whose edge jumps by so many sizes begins a new block */

enum {
	COLOURS = 4,
	LOOK_AHEAD = 4,	 /* lines that must agree that a column became narrower */
	LOOK_BACK = 256, /* blocks: more lie near each other in noise only */
};

int pdf_line_turns(const struct alto_line *line)
{
	int deg = line->rotation_deg % 360;

	return ((deg < 0 ? deg + 360 : deg) + 45) / 90 % 4;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What a line's words speak for: most lines have ascender and descender; outliers are noise. */
static double measured(const struct alto_line *line, double *heights)
{
	bool turned = pdf_line_turns(line) % 2 == 1;
	int n = 0;

	for (int i = 0; i < line->n_words; i++) {
		double h = turned ? line->words[i].w_px : line->words[i].h_px;
		if (isfinite(h) && h > 0)
			heights[n++] = h;
	}
	if (n == 0)
		return 0;
	qsort(heights, (size_t)n, sizeof *heights, by_value);
	return heights[(int)(0.85 * (n - 1) + 0.5)] * SIZE_OF_HEIGHT;
}

struct line_size {
	double size_px;
	int line, words;
};

static int by_size(const void *a, const void *b)
{
	const struct line_size *x = a, *y = b;

	if (x->size_px != y->size_px)
		return x->size_px < y->size_px ? -1 : 1;
	return x->line - y->line;
}

/* The size of the middle word of n lines. Sorts them by size. */
static double middle_size(struct line_size *sizes, int n)
{
	long long words = 0, so_far = 0;

	qsort(sizes, (size_t)n, sizeof *sizes, by_size);
	for (int i = 0; i < n; i++)
		words += sizes[i].words;
	for (int i = 0; i < n; i++)
		if (2 * (so_far += sizes[i].words) >= words)
			return sizes[i].size_px;
	return 0;
}

/*
 * What was measured differs from line to line (one without descenders looks smaller): lines take
 * the size of their block, and then what is nearly the same on the page becomes the same.
 */
static void settle(const struct alto_page *text, double *size_px, struct line_size *sizes)
{
	int n = text->n_lines, left = 0;

	for (int from = 0, to; from < n; from = to) {
		for (to = from; to < n && text->lines[to].block == text->lines[from].block; to++)
			sizes[to - from] =
			    (struct line_size){size_px[to], to, text->lines[to].n_words};
		double middle = middle_size(sizes, to - from);
		for (int i = from; i < to; i++)
			if (size_px[i] > 0.5 * middle && size_px[i] < 1.5 * middle)
				size_px[i] = middle;
	}
	for (int i = 0; i < n; i++)
		if (size_px[i] > 0)
			sizes[left++] = (struct line_size){size_px[i], i, text->lines[i].n_words};
	while (left > 0) {
		/* Each round takes a range of sizes away: there are few rounds. */
		double middle = middle_size(sizes, left);
		int kept = 0;
		for (int i = 0; i < left; i++) {
			if (sizes[i].size_px < SAME_LEAST * middle ||
			    sizes[i].size_px > SAME_MOST * middle)
				sizes[kept++] = sizes[i];
			else
				size_px[sizes[i].line] = middle;
		}
		left = kept;
	}
}

struct box {
	double x0, y0, x1, y1;
};

static const struct box no_box = {INFINITY, INFINITY, -INFINITY, -INFINITY};

static void box_add(struct box *box, const struct alto_line *line)
{
	for (int i = 0; i < line->n_words; i++) {
		const struct alto_word *w = &line->words[i];
		box->x0 = fmin(box->x0, w->x_px);
		box->y0 = fmin(box->y0, w->y_px);
		box->x1 = fmax(box->x1, w->x_px + w->w_px);
		box->y1 = fmax(box->y1, w->y_px + w->h_px);
	}
}

/* By how much b is wider than a along the lines, at its wider end. */
static double wider(const struct box *a, const struct box *b, bool turned)
{
	return turned ? fmax(a->y0 - b->y0, b->y1 - a->y1) : fmax(a->x0 - b->x0, b->x1 - a->x1);
}

/*
 * The end of the run of lines that begins at from: lines of one block whose edges stay. Text that
 * flows around a picture is several runs, for a box around all of it would hold the caption too.
 */
static int run_end(const struct alto_page *text, int from, double size_px, struct box *box)
{
	const struct alto_line *lines = text->lines;
	bool turned = pdf_line_turns(&lines[from]) % 2 == 1;
	int to = from;

	*box = no_box;
	for (; to < text->n_lines && lines[to].block == lines[from].block; to++) {
		struct box one = no_box, next = no_box;
		int ahead = 0;
		box_add(&one, &lines[to]);
		for (; ahead < LOOK_AHEAD && to + ahead < text->n_lines &&
		     lines[to + ahead].block == lines[from].block;
		     ahead++)
			box_add(&next, &lines[to + ahead]);
		if (to > from &&
		    (wider(box, &one, turned) > JUMP * size_px ||
			(ahead == LOOK_AHEAD && wider(&next, box, turned) > JUMP * size_px)))
			break;
		box_add(box, &lines[to]);
	}
	return to;
}

static bool touching(const struct box *a, const struct box *b, double near_px)
{
	return a->x0 < b->x1 + near_px && b->x0 < a->x1 + near_px && a->y0 < b->y1 + near_px &&
	    b->y0 < a->y1 + near_px;
}

/* Runs of lines that touch are coloured, each colour a size of its own. */
static bool tell_apart(const struct alto_page *text, double *size_px)
{
	struct run {
		struct box box;
		double size_px;
		int colour;
	} *runs = calloc((size_t)text->n_lines + 1, sizeof *runs);
	int n = 0;

	if (!runs)
		return false;
	for (int from = 0, to; from < text->n_lines; from = to, n++) {
		struct run *r = &runs[n];
		bool used[COLOURS] = {false};
		r->size_px = size_px[from];
		to = run_end(text, from, r->size_px, &r->box);
		for (int i = n > LOOK_BACK ? n - LOOK_BACK : 0; i < n; i++)
			if (touching(
				&runs[i].box, &r->box, TOUCH * fmax(runs[i].size_px, r->size_px)))
				used[runs[i].colour] = true;
		while (used[r->colour] && r->colour < COLOURS - 1)
			r->colour++;
		for (int i = from; i < to; i++)
			size_px[i] *= pow(APART, r->colour);
	}
	free(runs);
	return true;
}

bool pdf_sizes_find(const struct alto_page *text, double *size_px)
{
	struct line_size *sizes = calloc((size_t)text->n_lines + 1, sizeof *sizes);
	double *heights = NULL;
	int most = 0;
	bool ok = false;

	for (int i = 0; i < text->n_lines; i++)
		most = text->lines[i].n_words > most ? text->lines[i].n_words : most;
	heights = calloc((size_t)most + 1, sizeof *heights);
	if (!sizes || !heights)
		goto done;
	for (int i = 0; i < text->n_lines; i++)
		size_px[i] = measured(&text->lines[i], heights);
	settle(text, size_px, sizes);
	ok = tell_apart(text, size_px);
done:
	free(sizes);
	free(heights);
	return ok;
}
