#include "scan/guard.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/blank.h"
#include "scan/g4.h"
#include "scan/jpeg.h"

#define SEEN	   0.4 /* of a place's contrast */
#define LOST_SHARE 30  /* percent of a piece */
#define LOST_MM2   1.5 /* or so much of it, absolute */
#define FLAG	   100 /* how a lost place is handed to ink_find() */

/* Lays a layer's plane over the page; alpha NULL: opaque. */
static void paint(
    struct plane *canvas, const struct plane *from, int left, int top, bool stencil, int ink)
{
	for (int y = 0; y < from->height_px; y++) {
		if (y + top < 0 || y + top >= canvas->height_px)
			continue;
		uint8_t *to = plane_row(canvas, y + top) + left;
		const uint8_t *in = plane_row(from, y);
		int n = from->width_px < canvas->width_px - left ? from->width_px
								 : canvas->width_px - left;
		if (!stencil) {
			memcpy(to, in, n > 0 ? (size_t)n : 0);
			continue;
		}
		/* in is 0 where ink covers all of a pixel, 255 where none */
		for (int x = 0; x < n; x++)
			to[x] = (uint8_t)((to[x] * in[x] + ink * (255 - in[x]) + 127) / 255);
	}
}

static bool layer_paint(
    const struct layer *layer, int reduction, struct plane *canvas, struct error *err)
{
	struct plane planes[3] = {0}, scaled = {0};
	PIX *bits = NULL;
	int n_channels = 0;
	int left = (int)lround(layer->x_px / reduction), top = (int)lround(layer->y_px / reduction);
	bool ok = false;

	left = left < 0 ? 0 : left >= canvas->width_px ? canvas->width_px - 1 : left;
	if (layer->kind == LAYER_JPEG) {
		if (!jpeg_decode(layer->data, layer->n_bytes, planes, &n_channels, err))
			return false;
		if (n_channels == 3)
			for (int y = 0; y < planes[0].height_px; y++) {
				uint8_t *r = plane_row(&planes[0], y);
				const uint8_t *g = plane_row(&planes[1], y),
					      *b = plane_row(&planes[2], y);
				for (int x = 0; x < planes[0].width_px; x++)
					r[x] = (uint8_t)((77 * r[x] + 150 * g[x] + 29 * b[x]) >> 8);
			}
		int w = (int)lround(layer->w_px / reduction),
		    h = (int)lround(layer->h_px / reduction);
		int by = (int)(layer->width_px / (layer->w_px / reduction) + 0.1);
		if (by > 1) {
			if (!plane_reduce(&planes[0], by, &scaled, err))
				goto done;
			plane_release(&planes[0]);
			plane_move(&planes[0], &scaled);
		}
		if (!plane_scale(&planes[0], w < 1 ? 1 : w, h < 1 ? 1 : h, &scaled, err))
			goto done;
		paint(canvas, &scaled, left, top, false, 0);
	} else {
		if (!g4_decode(layer->data, layer->n_bytes, layer->width_px, layer->height_px,
			&bits, err) ||
		    !plane_luma(bits, reduction, &scaled, err))
			goto done;
		int ink = (77 * layer->rgb[0] + 150 * layer->rgb[1] + 29 * layer->rgb[2]) >> 8;
		paint(canvas, &scaled, left, top, layer->kind == LAYER_STENCIL, ink);
	}
	ok = true;
done:
	for (int c = 0; c < 3; c++)
		plane_release(&planes[c]);
	plane_release(&scaled);
	pixDestroy(&bits);
	return ok;
}

/* Marks the places whose ink the rendering does not show, nor shows beside. */
static bool lost_mark(const struct plane *normal, const struct plane *shown, int threshold,
    struct plane *out, struct error *err)
{
	struct plane lost = {0};
	int w = normal->width_px, h = normal->height_px;
	if (!plane_open(&lost, w, h, err))
		return false;
	for (int y = 0; y < h; y++) {
		const uint8_t *was = plane_row(normal, y),
			      *now[3] = {plane_row(shown, y ? y - 1 : 0), plane_row(shown, y),
				  plane_row(shown, y + 1 < h ? y + 1 : y)};
		uint8_t *to = plane_row(&lost, y);
		memset(to, GROUND_PAPER, (size_t)w);
		for (int x = 0; x < w; x++) {
			if (was[x] >= threshold)
				continue;
			int darkest = 255;
			for (int k = 0; k < 3; k++)
				for (int i = x ? x - 1 : 0; i <= x + 1 && i < w; i++)
					darkest = now[k][i] < darkest ? now[k][i] : darkest;
			if (GROUND_PAPER - darkest < SEEN * (GROUND_PAPER - was[x]))
				to[x] = GROUND_PAPER - FLAG;
		}
	}
	plane_move(out, &lost);
	return true;
}

bool guard_measure(
    const struct encoded_page *page, const struct sight *sight, double *ink_lost, struct error *err)
{
	struct plane canvas = {0}, shown = {0}, lost = {0};
	struct ink ink = {0};
	int threshold = blank_threshold(sight->grain);
	bool ok = false;

	if (!plane_open(&canvas, sight->reduced.width_px, sight->reduced.height_px, err))
		return false;
	memset(canvas.px, 255, canvas.stride * (size_t)canvas.height_px);
	for (int i = 0; i < page->n_layers; i++)
		if (!layer_paint(&page->layers[i], sight->reduction, &canvas, err))
			goto done;
	if (page->kind == PAGE_BITONAL) { /* white stands for the paper */
		plane_move(&shown, &canvas);
		for (int y = 0; y < shown.height_px; y++)
			for (int x = 0; x < shown.width_px; x++)
				plane_row(&shown, y)[x] =
				    (uint8_t)(plane_row(&shown, y)[x] * GROUND_PAPER / 255);
	} else if (!ground_normalise(&sight->paper, &canvas, &shown, err)) {
		goto done;
	}
	if (!lost_mark(&sight->normal, &shown, threshold, &lost, err) ||
	    !ink_find(&sight->normal, threshold, &lost, &ink, err))
		goto done;
	double mm = sight->reduced_dpi / 25.4;
	int all = 0, gone = 0;
	for (int i = 0; i < ink.n; i++) {
		const struct ink_piece *p = &ink.pieces[i];
		if (ink_judge(p, sight->reduced_dpi, sight->grain) == INK_NOISE)
			continue;
		all++;
		double share = p->other / FLAG;
		gone += share * 100 > LOST_SHARE || share * p->area > LOST_MM2 * mm * mm;
	}
	*ink_lost = all ? (double)gone / all : 0;
	ok = true;
done:
	plane_release(&canvas);
	plane_release(&shown);
	plane_release(&lost);
	ink_release(&ink);
	return ok;
}

bool guard_same(
    const struct encoded_page *page, const struct Pix *bits, bool *same, struct error *err)
{
	const struct layer *layer = &page->layers[0];
	PIX *back = NULL;
	int equal = 0;
	if (!g4_decode(layer->data, layer->n_bytes, layer->width_px, layer->height_px, &back, err))
		return false;
	pixEqual((PIX *)(uintptr_t)bits, back, &equal);
	*same = equal != 0;
	pixDestroy(&back);
	return true;
}
