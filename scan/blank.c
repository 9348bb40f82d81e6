#include "scan/blank.h"

#include <math.h>

#include "scan/ground.h"
#include "scan/hole.h"

#define STAPLE_CONTRAST 70.0
#define SMALL_LIMIT	400
#define NOISE_MOST \
	0.005 /* part of the sheet; grain, dust and show-through stay below a third of it */
#define FOLD_CONTRAST 60.0 /* darker lines are ink */

int blank_threshold(double grain)
{
	double below = 5 * grain;
	below = below < 20 ? 20 : below > 60 ? 60 : below;
	return (int)(GROUND_PAPER - below);
}

/* A straight, dark wire of 7 to 15 mm near a corner: a staple. Pencil is never taken for one. */
static bool is_staple(const struct ink_piece *p, const struct plane *normal, double mm)
{
	double length = hypot(p->w, p->h);
	if (p->contrast < STAPLE_CONTRAST || length < 7 * mm || length > 15 * mm ||
	    p->narrow > 0.3 * mm)
		return false;
	double cx = p->x + p->w / 2.0, cy = p->y + p->h / 2.0;
	double dx = fmin(cx, normal->width_px - cx), dy = fmin(cy, normal->height_px - cy);
	return dx < 30 * mm && dy < 30 * mm;
}

/* The rim of the paper or the shadow beside it: long, thin, along an edge and close to it. */
static bool is_rim(const struct ink_piece *p, const struct plane *normal, double mm)
{
	bool upright = p->h > 4 * p->w, flat = p->w > 4 * p->h;
	double right = normal->width_px - (p->x + p->w), low = normal->height_px - (p->y + p->h);
	if (upright && (p->x < 2.5 * mm || right < 2.5 * mm))
		return true;
	if (flat && (p->y < 2.5 * mm || low < 2.5 * mm))
		return true;
	return p->x + p->w < 1.2 * mm || p->y + p->h < 1.2 * mm || right + p->w < 1.2 * mm ||
	    low + p->h < 1.2 * mm;
}

/* A fold: a faint straight line from side to side. */
static bool is_fold(const struct ink_piece *p, const struct plane *normal, double mm)
{
	if (p->contrast > FOLD_CONTRAST)
		return false;
	return (p->w > normal->width_px / 2 && p->h < 2 * mm) ||
	    (p->h > normal->height_px / 2 && p->w < 2 * mm);
}

/* Whether `least` pieces or more lie within reach of piece i: the dots of a line, not of dust. */
static bool has_company(
    const struct ink_piece *pieces, const int *marks, int n_marks, int i, double reach)
{
	const struct ink_piece *p = &pieces[marks[i]];
	int near = 0;
	for (int k = 0; k < n_marks && near < 3; k++) {
		const struct ink_piece *q = &pieces[marks[k]];
		near += fabs(q->x + q->w / 2.0 - p->x - p->w / 2.0) < reach &&
		    fabs(q->y + q->h / 2.0 - p->y - p->h / 2.0) < reach / 3;
	}
	return near >= 3; /* itself and two more */
}

void blank_decide(const struct ink *ink, const struct plane *normal, double dpi, double grain,
    const struct ink *coloured, double chroma_dpi, struct blank *out)
{
	double mm = dpi / 25.4, evidence = 0, hint = 0;
	int small[SMALL_LIMIT], n_small = 0;
	double noise = 0; /* in mm2 of full black */
	struct blank blank = {0};

	for (int i = 0; i < ink->n; i++) {
		if (hole_rim(ink, i, normal->width_px, normal->height_px, dpi))
			continue;
		const struct ink_piece *p = &ink->pieces[i];
		double longest = (p->w > p->h ? p->w : p->h) / mm, mm2 = p->area / (mm * mm);
		if (is_rim(p, normal, mm) || is_fold(p, normal, mm) || is_staple(p, normal, mm))
			continue;
		enum ink_kind kind = ink_judge(p, dpi, grain);
		if (kind == INK_NOISE) {
			noise += mm2 * p->contrast / GROUND_PAPER;
			continue;
		}
		/* one stroke of an initial is 4 mm long and a third of a millimetre wide */
		bool large = kind == INK_STRONG ? longest >= 1.5 && mm2 >= 0.7
						: longest >= 1.8 && mm2 >= 1.1;
		if (large) {
			blank.written++;
			blank.written_mm2 += mm2;
			blank.faint += kind == INK_FAINT;
			blank.faint_mm2 += kind == INK_FAINT ? mm2 : 0;
			evidence += kind == INK_STRONG ? 1 : 0.6;
		} else if (kind == INK_STRONG && n_small < SMALL_LIMIT) {
			small[n_small++] = i;
		}
	}
	/* dust lies alone; three small marks in a row are a line of small print */
	for (int i = 0; i < n_small; i++)
		if (has_company(ink->pieces, small, n_small, i, 6 * mm)) {
			blank.written++;
			evidence += 0.2;
		} else {
			hint += 0.05;
		}
	for (int i = 0; coloured && i < coloured->n; i++) {
		const struct ink_piece *p = &coloured->pieces[i];
		double longest = (p->w > p->h ? p->w : p->h) / chroma_dpi * 25.4;
		if (longest >= 2)
			evidence += 0.6;
	}
	hint += noise * 0.05;
	/* so much darkness is no dust and no show-through: unclear, somebody shall see it */
	if (noise > NOISE_MOST * normal->width_px * normal->height_px / (mm * mm))
		evidence += 0.5;
	blank.blank = evidence < 0.5;
	if (!blank.blank)
		blank.score = 0.5 * exp(-evidence);
	else
		blank.score = 1 - 0.45 * (hint + evidence) / (hint + evidence + 1);
	*out = blank;
}
