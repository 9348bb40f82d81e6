#include "scan/blank.h"

#include <math.h>

#include "scan/ground.h"

#define FOLD_CONTRAST 60.0 /* darker lines are ink */

int blank_threshold(double grain)
{
	double below = 5 * grain;
	below = below < 20 ? 20 : below > 60 ? 60 : below;
	return (int)(GROUND_PAPER - below);
}

/* A straight wire of 7 to 15 mm near a corner: a staple or the mark of one. */
static bool is_staple(const struct ink_piece *p, const struct plane *normal, double mm)
{
	double length = hypot(p->w, p->h);
	if (length < 7 * mm || length > 15 * mm || p->area > length * 1.3 * mm)
		return false;
	double cx = p->x + p->w / 2.0, cy = p->y + p->h / 2.0;
	double dx = fmin(cx, normal->width_px - cx), dy = fmin(cy, normal->height_px - cy);
	if (dx > 30 * mm || dy > 30 * mm)
		return false;
	/* straight: no wider across its diagonal than a wire */
	return p->area >= length * 0.8 && fmin(p->w, p->h) < 1.3 * mm;
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

void blank_decide(const struct ink *ink, const struct plane *normal, double dpi, double grain,
    const struct ink *coloured, double chroma_dpi, struct blank *out)
{
	double mm = dpi / 25.4, evidence = 0, hint = 0;
	struct blank blank = {0};

	for (int i = 0; i < ink->n; i++) {
		const struct ink_piece *p = &ink->pieces[i];
		double longest = (p->w > p->h ? p->w : p->h) / mm, mm2 = p->area / (mm * mm);
		if (longest < 0.7 || is_rim(p, normal, mm) || is_fold(p, normal, mm) ||
		    is_staple(p, normal, mm))
			continue;
		enum ink_kind kind = ink_judge(p, dpi, grain);
		if (kind == INK_NOISE) {
			hint += mm2 * p->contrast / GROUND_PAPER * 0.05;
			continue;
		}
		blank.written++;
		blank.written_mm2 += mm2;
		if (kind == INK_FAINT) {
			blank.faint++;
			blank.faint_mm2 += mm2;
		}
		/* a stroke of an initial: 2 mm long, a third of a millimetre wide */
		double weight = kind == INK_STRONG ? 1 : 0.6;
		evidence += longest >= 1.2 || mm2 >= 0.3 ? weight : 0.15 * weight;
	}
	for (int i = 0; coloured && i < coloured->n; i++) {
		const struct ink_piece *p = &coloured->pieces[i];
		double longest = (p->w > p->h ? p->w : p->h) / chroma_dpi * 25.4;
		if (longest >= 2)
			evidence += 0.6;
	}
	double score = evidence > 0 ? 0.5 * exp(-evidence) : 1 - 0.4 * (hint / (hint + 1));
	blank.blank = evidence < 0.35;
	if (blank.blank && evidence > 0)
		score = 0.6 - evidence * 0.25;
	blank.score = score;
	*out = blank;
}
