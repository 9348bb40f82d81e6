#include "scan/classify.h"

#include <math.h>
#include <stdlib.h>

#include "config/text.h"

#define TINT_LIMIT   0.075 /* of the paper's brightest channel */
#define COLOURED_MM2 1.5
#define SOLID_MM2    60.0
#define FAINT_MM2    0.8
#define DARK_PAPER   170

bool classify_chroma(
    const struct plane rgb[3], const struct ground paper[3], struct plane *out, struct error *err)
{
	struct plane normal[3] = {0}, chroma = {0};
	bool ok = false;
	for (int c = 0; c < 3; c++)
		if (!ground_normalise(&paper[c], &rgb[c], &normal[c], err))
			goto done;
	if (!plane_open(&chroma, rgb[0].width_px, rgb[0].height_px, err))
		goto done;
	for (int y = 0; y < chroma.height_px; y++) {
		const uint8_t *r = plane_row(&normal[0], y), *g = plane_row(&normal[1], y),
			      *b = plane_row(&normal[2], y);
		uint8_t *to = plane_row(&chroma, y);
		for (int x = 0; x < chroma.width_px; x++) {
			uint8_t most = r[x] > g[x] ? r[x] : g[x], least = r[x] < g[x] ? r[x] : g[x];
			most = b[x] > most ? b[x] : most;
			least = b[x] < least ? b[x] : least;
			most = most > GROUND_PAPER ? GROUND_PAPER : most;
			least = least > GROUND_PAPER ? GROUND_PAPER : least;
			to[x] = (uint8_t)(GROUND_PAPER - (most - least));
		}
	}
	plane_move(out, &chroma);
	ok = true;
done:
	for (int c = 0; c < 3; c++)
		plane_release(&normal[c]);
	plane_release(&chroma);
	return ok;
}

/* Area that stays below the paper's brightness over 2.5 mm both ways: pictures, filled boxes. */
static bool solid_area(const struct plane *normal, double dpi, double *mm2, struct error *err)
{
	struct plane small = {0};
	int by = (int)(dpi / 40 + 0.5);
	if (!plane_reduce(normal, by < 1 ? 1 : by, &small, err))
		return false;
	double mm = dpi / (by < 1 ? 1 : by) / 25.4;
	int size = (int)(2.5 * mm + 0.5);
	int64_t solid = 0;
	size = size < 2 ? 2 : size;
	for (int y = 0; y + size <= small.height_px; y += size)
		for (int x = 0; x + size <= small.width_px; x += size) {
			int most = 0;
			for (int i = 0; i < size; i++)
				for (int k = 0; k < size; k++)
					most = plane_row(&small, y + i)[x + k] > most
					    ? plane_row(&small, y + i)[x + k]
					    : most;
			solid += most < GROUND_PAPER * 85 / 100;
		}
	*mm2 = (double)solid * size * size / (mm * mm);
	plane_release(&small);
	return true;
}

bool classify_page(const struct plane *normal, double dpi, const struct ink *ink,
    const struct ground *paper, const struct ink *coloured, double chroma_dpi,
    const struct ground *rgb_paper, struct classify *out, struct error *err)
{
	struct classify kind = {0};
	double mm = dpi / 25.4, colour_mm = chroma_dpi / 25.4;

	if (rgb_paper) {
		int most = 0, least = 255;
		for (int c = 0; c < 3; c++) {
			most = rgb_paper[c].mean > most ? rgb_paper[c].mean : most;
			least = rgb_paper[c].mean < least ? rgb_paper[c].mean : least;
		}
		kind.tint = most ? (double)(most - least) / most : 0;
	}
	for (int i = 0; coloured && i < coloured->n; i++) {
		const struct ink_piece *p = &coloured->pieces[i];
		if ((p->w > p->h ? p->w : p->h) >= 1.2 * colour_mm)
			kind.coloured_mm2 += p->area / (colour_mm * colour_mm);
	}
	for (int i = 0; i < ink->n; i++) {
		const struct ink_piece *p = &ink->pieces[i];
		if (p->contrast > 26 && GROUND_PAPER - p->darkest < 95 &&
		    p->step > 0.55 * p->contrast && (p->w > p->h ? p->w : p->h) >= 1.2 * mm)
			kind.faint_mm2 += p->area / (mm * mm);
	}
	if (!solid_area(normal, dpi, &kind.solid_mm2, err))
		return false;
	double colour = fmax(kind.tint / TINT_LIMIT, kind.coloured_mm2 / COLOURED_MM2);
	double grey = fmax(fmax(kind.solid_mm2 / SOLID_MM2, kind.faint_mm2 / FAINT_MM2),
	    paper->mean < DARK_PAPER ? 1.5 : 0);
	if (coloured && colour >= 1) {
		kind.kind = PAGE_COLOUR;
		kind.confidence = 1 - 1 / (colour * colour + 0.5);
	} else if (grey >= 1) {
		kind.kind = PAGE_GREY;
		kind.confidence = (1 - 1 / (grey * grey + 0.5)) * (1 - fmin(colour, 1) * 0.5);
	} else {
		kind.kind = PAGE_BITONAL;
		kind.confidence = 1 - fmax(grey, fmin(colour, 1)) * 0.8;
	}
	*out = kind;
	return true;
}
