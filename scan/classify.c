#include "scan/classify.h"

#include <math.h>
#include <stdlib.h>

#include "config/text.h"

#define TINT_LIMIT   0.075 /* of the paper's brightest channel */
#define COLOURED_MM2 1.5
#define SOLID_MM2    60.0
#define FAINT_MM2    0.8
#define UNEVEN \
	0.32 /* of the paper's brightness: a shadow that black and white would show as dirt */
#define DARK_PAPER 170

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

/* How dark the darkest twentieth of the paper is against its ordinary level. */
static double unevenness(const struct ground *paper)
{
	int counts[256] = {0}, n = paper->columns * paper->rows, seen = 0, dark = -1, usual = 255;
	for (int i = 0; i < n; i++)
		counts[paper->level[i]]++;
	for (int v = 0; v < 256; v++) {
		seen += counts[v];
		if (dark < 0 && seen * 20 > n)
			dark = v;
		if (seen * 10 > n * 7) {
			usual = v;
			break;
		}
	}
	return usual > 0 ? 1 - (double)dark / usual : 0;
}

void classify_page(const struct plane *normal, double dpi, const struct ink *ink,
    const struct ground *paper, const struct ink *coloured, double chroma_dpi,
    const struct ground *rgb_paper, const struct picture_list *pictures, struct classify *out)
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
	kind.solid_mm2 = pictures->textured_mm2 + pictures->flat_mm2 / 3;
	double colour = fmax(kind.tint / TINT_LIMIT, kind.coloured_mm2 / COLOURED_MM2);
	double grey = fmax(fmax(kind.solid_mm2 / SOLID_MM2, kind.faint_mm2 / FAINT_MM2),
	    unevenness(paper) / UNEVEN);
	grey = fmax(grey, paper->mean < DARK_PAPER ? 1.5 : 0);
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
}
