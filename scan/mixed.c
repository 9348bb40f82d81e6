#include "scan/mixed.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/backdrop.h"
#include "scan/blank.h"
#include "scan/g4.h"
#include "scan/jpeg.h"
#include "scan/picture.h"
#include "scan/stencil.h"

#define MOST_PICTURE 0.5  /* of the page: then it is one picture */
#define MOST_INK     0.35 /* of the page: then it is not ink */
#define CALM_GRAIN   3.0
#define SOLID_MM     1.5 /* broader than a stroke: a filling, which the backdrop keeps */

/* 255 at the places of faint writing, one pixel wider; *threshold separates it from the paper
 * there. */
static bool faint_mark(
    const struct sight *sight, struct plane *out, int *threshold, bool *any, struct error *err)
{
	const struct plane *normal = &sight->normal;
	int limit = blank_threshold(sight->grain), w = normal->width_px, h = normal->height_px;
	double contrast = 0, area = 0;
	struct plane mark = {0};

	*any = false;
	if (!plane_open(&mark, w, h, err))
		return false;
	for (int i = 0; i < sight->ink.n; i++) {
		const struct ink_piece *p = &sight->ink.pieces[i];
		/* what the page's threshold misses, and is no grain at full resolution */
		bool solid =
		    p->area * 2 > p->w * p->h && p->run > SOLID_MM / 25.4 * sight->reduced_dpi;
		if (GROUND_PAPER - p->contrast < sight->threshold - 15 ||
		    p->darkest < sight->threshold - 40 || solid ||
		    ink_judge(p, sight->reduced_dpi, sight->grain) == INK_NOISE ||
		    p->contrast < 6 * sight->grain)
			continue;
		contrast += p->contrast * p->area;
		area += p->area;
		for (int y = p->y; y < p->y + p->h; y++)
			for (int x = p->x; x < p->x + p->w; x++) {
				if (plane_row(normal, y)[x] >= limit)
					continue;
				for (int k = 0; k < 9; k++) {
					int mx = x + k % 3 - 1, my = y + k / 3 - 1;
					if (mx >= 0 && my >= 0 && mx < w && my < h)
						plane_row(&mark, my)[mx] = 255;
				}
			}
	}
	if (area > 0) {
		*any = true;
		*threshold = GROUND_PAPER - (int)(0.6 * contrast / area);
	}
	plane_move(out, &mark);
	return true;
}

static BOX *picture_box(
    const struct picture *picture, const struct sight *sight, int page_w, int page_h)
{
	int pad = (int)(1.0 / 25.4 * sight->dpi), by = sight->reduction;
	int left = picture->x * by - pad, top = picture->y * by - pad;
	int right = (picture->x + picture->w) * by + pad,
	    bottom = (picture->y + picture->h) * by + pad;
	left = left < 0 ? 0 : left / by * by;
	top = top < 0 ? 0 : top / by * by;
	right = right > page_w ? page_w : right;
	bottom = bottom > page_h ? page_h : bottom;
	return boxCreate(left, top, right - left, bottom - top);
}

static bool picture_add(PIX *page, BOX *box, bool colour, double dpi, int quality,
    struct encoded_page *out, struct error *err)
{
	PIX *part = pixClipRectangle(page, box, NULL), *grey = NULL;
	int x, y, w, h;
	bool ok = false;
	boxGetGeometry(box, &x, &y, &w, &h);
	if (part && pixGetDepth(part) == 32 && !colour) {
		grey = pixConvertTo8(part, 0);
		pixDestroy(&part);
		part = grey;
	}
	struct layer *layer = part ? encoded_page_add(out, err) : NULL;
	if (!part)
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
	if (layer &&
	    jpeg_encode_pix(part, quality, (int)lround(dpi), &layer->data, &layer->n_bytes, err)) {
		layer->kind = LAYER_JPEG;
		layer->width_px = w;
		layer->height_px = h;
		layer->channels = pixGetDepth(part) == 32 ? 3 : 1;
		layer->x_px = x;
		layer->y_px = y;
		layer->w_px = w;
		layer->h_px = h;
		ok = true;
	}
	pixDestroy(&part);
	return ok;
}

static bool stencil_add(
    const struct stencil *stencil, int step, struct encoded_page *out, struct error *err)
{
	BOX *box = NULL;
	PIX *part = NULL;
	int x = 0, y = 0, w = 0, h = 0, page_w = pixGetWidth(stencil->bits),
	    page_h = pixGetHeight(stencil->bits);
	bool ok = false;

	if (pixClipToForeground(stencil->bits, NULL, &box) || !box)
		return true; /* no ink */
	boxGetGeometry(box, &x, &y, &w, &h);
	w += x % step;
	h += y % step;
	x -= x % step;
	y -= y % step;
	w = (w + step - 1) / step * step;
	h = (h + step - 1) / step * step;
	w = x + w > page_w ? page_w - x : w;
	h = y + h > page_h ? page_h - y : h;
	boxSetGeometry(box, x, y, w, h);
	part = pixClipRectangle(stencil->bits, box, NULL);
	struct layer *layer = part ? encoded_page_add(out, err) : NULL;
	if (!part)
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
	if (layer && g4_encode(part, &layer->data, &layer->n_bytes, err)) {
		layer->kind = LAYER_STENCIL;
		layer->width_px = w;
		layer->height_px = h;
		layer->channels = 1;
		layer->x_px = x;
		layer->y_px = y;
		layer->w_px = w;
		layer->h_px = h;
		memcpy(layer->rgb, stencil->rgb, 3);
		ok = true;
	}
	boxDestroy(&box);
	pixDestroy(&part);
	return ok;
}

static bool backdrop_add(PIX *holes, struct plane *planes, int n_channels, int reduction,
    double grain, int quality, struct encoded_page *out, struct error *err)
{
	if (!backdrop_fill(planes, n_channels, reduction, holes, err))
		return false;
	int limit = (int)(CALM_GRAIN * grain + 2);
	for (int c = 0; c < n_channels; c++)
		if (!backdrop_calm(&planes[c], limit > 14 ? 14 : limit, err))
			return false;
	struct layer *layer = encoded_page_add(out, err);
	if (!layer ||
	    !jpeg_encode(planes, n_channels, quality, (int)lround(out->dpi / reduction),
		&layer->data, &layer->n_bytes, err))
		return false;
	layer->kind = LAYER_JPEG;
	layer->width_px = planes[0].width_px;
	layer->height_px = planes[0].height_px;
	layer->channels = n_channels;
	/* the squares that a page's edge cuts are left out: the backdrop is stretched over the page
	 */
	return true;
}

bool mixed_worthwhile(const struct Pix *page, double dpi, const struct encode_options *options)
{
	PIX *lent = (PIX *)(uintptr_t)page;
	return pixGetWidth(lent) >= 64 && pixGetHeight(lent) >= 64 &&
	    dpi >= options->background_dpi * 1.3;
}

bool mixed_encode(const struct Pix *page, const struct sight *sight, bool colour,
    const struct encode_options *options, struct encoded_page *out, bool *sure, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page, *bits = NULL;
	int w = pixGetWidth(lent), h = pixGetHeight(lent), faint_threshold = 0, ink = 0;
	struct picture_list pictures = {0};
	struct stencil_list stencils = {0};
	struct plane faint = {0}, planes[3] = {0};
	BOXA *boxes = boxaCreate(4);
	bool any_faint = false, ok = false;
	int reduction = (int)(sight->dpi / options->background_dpi + 0.5);

	*sure = false;
	colour = colour && pixGetDepth(lent) == 32;
	reduction = reduction < 1 ? 1 : reduction > 32 ? 32 : reduction;

	if (!picture_list_find(&sight->reduced, sight->reduced_dpi, &sight->paper, &pictures, err))
		goto done;
	double page_mm2 = w / sight->dpi * 25.4 * (h / sight->dpi * 25.4);
	if (pictures.textured_mm2 > MOST_PICTURE * page_mm2) {
		ok = true;
		goto done;
	}
	if (!faint_mark(sight, &faint, &faint_threshold, &any_faint, err) ||
	    !sight_bits(
		sight, sight->threshold, any_faint ? &faint : NULL, faint_threshold, &bits, err))
		goto done;
	for (int i = 0; i < pictures.n; i++)
		if (pictures.pictures[i].textured) {
			BOX *box = picture_box(&pictures.pictures[i], sight, w, h);
			pixClearInRect(bits, box);
			boxaAddBox(boxes, box, L_INSERT);
		}
	pixCountPixels(bits, &ink, NULL);
	if (ink > MOST_INK * w * h) {
		ok = true;
		goto done;
	}
	if (colour ? !plane_rgb(lent, reduction, planes, err)
		   : !plane_reduce(&sight->luma, reduction, planes, err))
		goto done;
	if (!stencil_list_find(lent, bits, colour ? planes : NULL, reduction,
		any_faint ? &faint : NULL, sight->dpi, &stencils, err))
		goto done;
	for (int i = 0; i < boxaGetCount(boxes); i++) {
		BOX *box = boxaGetBox(boxes, i, L_CLONE);
		pixSetInRect(bits, box);
		boxDestroy(&box);
	}
	int quality = options->jpeg_quality * 4 / 5; /* what is left of the paper is smooth */
	if (!backdrop_add(bits, planes, colour ? 3 : 1, reduction, sight->grain,
		quality < 20 ? 20 : quality, out, err))
		goto done;
	for (int i = 0; i < boxaGetCount(boxes); i++) {
		BOX *box = boxaGetBox(boxes, i, L_CLONE);
		bool added =
		    picture_add(lent, box, colour, sight->dpi, options->jpeg_quality, out, err);
		boxDestroy(&box);
		if (!added)
			goto done;
	}
	for (int i = 0; i < stencils.n; i++)
		if (!stencil_add(&stencils.stencils[i], sight->reduction, out, err))
			goto done;
	*sure = true;
	ok = true;
done:
	picture_list_release(&pictures);
	stencil_list_release(&stencils);
	plane_release(&faint);
	for (int c = 0; c < 3; c++)
		plane_release(&planes[c]);
	boxaDestroy(&boxes);
	pixDestroy(&bits);
	return ok;
}
