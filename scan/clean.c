#include "scan/clean.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/blank.h"
#include "scan/classify.h"
#include "scan/crop.h"
#include "scan/ground.h"
#include "scan/ink.h"
#include "scan/skew.h"
#include "scan/speck.h"
#include "scan/turn.h"

const struct clean_options clean_options_standard = {true, true, true, true};

#define WORK_DPI       150 /* what is measured is measured here */
#define CHROMA_REDUCE  2   /* further, for colour */
#define TILE_MM	       4.0
#define READ_DPI       250 /* on most pages a tenth to a quarter fewer errors than at 200 */
#define SMALL_TEXT_PX  11  /* at READ_DPI: about 6 point */
#define SMALL_TEXT_DPI 300
#define LEAST_PX       48  /* smaller images are passed through */
#define INK_LEVEL      160 /* of GROUND_PAPER: text for skew and orientation */
#define DARK_PAGE      40  /* paper darker than this is none */

struct view { /* a page, reduced to be measured */
	int reduction, rgb_reduction;
	double dpi, rgb_dpi;
	struct plane luma, normal;
	struct plane rgb[3], chroma;
	struct ground paper, rgb_paper[3];
	struct crop crop;
	struct ink ink, coloured;
	double grain;
	bool has_rgb;
};

static void view_release(struct view *view)
{
	plane_release(&view->luma);
	plane_release(&view->normal);
	plane_release(&view->chroma);
	ground_release(&view->paper);
	for (int c = 0; c < 3; c++) {
		plane_release(&view->rgb[c]);
		ground_release(&view->rgb_paper[c]);
	}
	crop_release(&view->crop);
	ink_release(&view->ink);
	ink_release(&view->coloured);
	*view = (struct view){0};
}

void clean_result_release(struct clean_result *result)
{
	pixDestroy(&result->page);
	*result = (struct clean_result){0};
}

/* The resolution where the image's word is missing or cannot be true. */
static double dpi_trusted(double dpi, int w, int h)
{
	double longer = w > h ? w : h, shorter = w > h ? h : w;
	bool known = dpi >= 50 && dpi <= 2400;
	/* 72 and 96 are what programs write that know nothing; paper of 60 cm and more is not fed
	 */
	bool doubtful = known && dpi <= 100 && longer / dpi * 25.4 > 600;
	if (known && !doubtful)
		return dpi;
	double by_length = longer / (297 / 25.4), by_width = shorter / (210 / 25.4);
	if (fabs(by_length / by_width - 1) < 0.06) {
		static const int usual[] = {75, 100, 150, 200, 240, 300, 400, 600, 1200};
		double guess = (by_length + by_width) / 2;
		for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
			if (fabs(guess / usual[i] - 1) < 0.06)
				return usual[i];
		if (guess >= 50)
			return guess;
	}
	return 300;
}

/* Depth 1 (a set bit is black), 8 or 32 without alpha or colour map. Gives a clone or a new one. */
static bool plain(const struct Pix *raw, PIX **out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)raw, *pix = NULL, *next = NULL;
	int depth = pixGetDepth(lent);
	if (pixGetColormap(lent))
		pix = pixRemoveColormap(lent, REMOVE_CMAP_BASED_ON_SRC);
	else if (depth == 32 && pixGetSpp(lent) == 4)
		pix = pixRemoveAlpha(lent);
	else if (depth == 1 || depth == 8 || depth == 32)
		pix = pixClone(lent);
	else if (depth == 2 || depth == 4 || depth == 16)
		pix = pixConvertTo8(lent, 0);
	else if (depth == 24)
		pix = pixConvert24To32(lent);
	else
		return error_set(err, ERROR_INPUT, NULL,
		    _("the image has a depth of %d bits, which is not known"), depth);
	if (pix && pixGetDepth(pix) != 1 && pixGetDepth(pix) != 8 && pixGetDepth(pix) != 32) {
		next = pixConvertTo8(pix, 0);
		pixDestroy(&pix);
		pix = next;
	}
	if (!pix)
		return error_set(err, ERROR_SYSTEM, NULL,
		    _("no memory for an image of %d x %d pixels"), pixGetWidth(lent),
		    pixGetHeight(lent));
	*out = pix;
	return true;
}

/* by: pixels of plane to one of outside's. */
static void paint_outside(struct plane *plane, const struct plane *outside, int by, uint8_t value)
{
	for (int y = 0; y < plane->height_px; y++) {
		int my = y / by < outside->height_px ? y / by : outside->height_px - 1;
		const uint8_t *mask = plane_row(outside, my);
		uint8_t *row = plane_row(plane, y);
		for (int m = 0; m < outside->width_px; m++) {
			if (!mask[m])
				continue;
			int end = m + 1 == outside->width_px ? plane->width_px : (m + 1) * by;
			for (int x = m * by; x < end && x < plane->width_px; x++)
				row[x] = value;
		}
	}
}

/* How many pixels of a plane of that reduction one of the mask of what is outside covers. */
static int outside_step(const struct view *view, int reduction)
{
	int by = view->crop.reduction / reduction;
	return by < 1 ? 1 : by;
}

static int tile_px(double dpi)
{
	int tile = (int)(TILE_MM / 25.4 * dpi + 0.5);
	return tile < 8 ? 8 : tile;
}

static bool view_open(PIX *raw, double dpi, struct view *view, struct error *err)
{
	int w = pixGetWidth(raw), h = pixGetHeight(raw);
	view->reduction = plane_reduction(dpi, WORK_DPI, w, h);
	if (!plane_luma(raw, view->reduction, &view->luma, err))
		return false;
	view->reduction = w / view->luma.width_px; /* less for an image thinner than that */
	view->dpi = dpi / view->reduction;
	bool bits = pixGetDepth(raw) == 1;
	if (!crop_find(&view->luma, view->dpi, w, h, bits, &view->crop, err))
		return false;
	const struct plane *outside = view->crop.any_outside ? &view->crop.outside : NULL;
	if (!(bits ? ground_white(&view->paper, err)
		   : ground_measure(&view->luma, outside, tile_px(view->dpi), &view->paper, err)) ||
	    !ground_normalise(&view->paper, &view->luma, &view->normal, err))
		return false;
	if (outside)
		paint_outside(
		    &view->normal, outside, outside_step(view, view->reduction), GROUND_PAPER);
	view->grain = ink_grain(&view->normal);
	if (!ink_find(&view->normal, blank_threshold(view->grain), NULL, &view->ink, err))
		return false;
	if (pixGetDepth(raw) != 32)
		return true;
	view->rgb_reduction = view->reduction * CHROMA_REDUCE;
	if (!plane_rgb(raw, view->rgb_reduction, view->rgb, err))
		return false;
	view->has_rgb = true;
	view->rgb_reduction = w / view->rgb[0].width_px;
	view->rgb_dpi = dpi / view->rgb_reduction;
	for (int c = 0; c < 3; c++)
		if (!ground_measure(
			&view->rgb[c], outside, tile_px(view->rgb_dpi), &view->rgb_paper[c], err))
			return false;
	if (!classify_chroma(view->rgb, view->rgb_paper, &view->chroma, err))
		return false;
	if (outside)
		paint_outside(
		    &view->chroma, outside, outside_step(view, view->rgb_reduction), GROUND_PAPER);
	return ink_find(&view->chroma, GROUND_PAPER - CLASSIFY_CHROMA, NULL, &view->coloured, err);
}

/* Widens the box so that no ink outside it is cut off. */
static void box_keep_ink(const struct view *view, double skew_deg, struct crop_box *box)
{
	double scale = view->reduction;
	double sine = sin(skew_deg * M_PI / 180), cosine = cos(skew_deg * M_PI / 180);
	double mid_x = view->crop.raw_width_px / 2.0, mid_y = view->crop.raw_height_px / 2.0;
	double least = 0.8 / 25.4 * view->dpi, air = 1.0 / 25.4 * view->dpi * scale;
	/* beyond an edge of the paper there is no writing; only one that lies askew to it may cut
	 * some */
	bool open[4];
	for (int side = 0; side < 4; side++) {
		const struct edge *edge = &view->crop.edge[side];
		double angle = atan(edge->slope) * 180 / M_PI;
		angle = side == SIDE_LEFT || side == SIDE_RIGHT ? -angle : angle;
		open[side] = !edge->found || fabs(angle - skew_deg) > 0.5;
	}
	for (int i = 0; i < view->ink.n; i++) {
		const struct ink_piece *p = &view->ink.pieces[i];
		if ((p->w > p->h ? p->w : p->h) < least || GROUND_PAPER - p->darkest < 90 ||
		    p->step < 0.4 * p->contrast)
			continue;
		for (int corner = 0; corner < 4; corner++) {
			double x = (p->x + (corner & 1 ? p->w : 0)) * scale - mid_x;
			double y = (p->y + (corner & 2 ? p->h : 0)) * scale - mid_y;
			double u = cosine * x + sine * y, v = -sine * x + cosine * y;
			box->left = open[SIDE_LEFT] ? fmin(box->left, u - air) : box->left;
			box->right = open[SIDE_RIGHT] ? fmax(box->right, u + air) : box->right;
			box->top = open[SIDE_TOP] ? fmin(box->top, v - air) : box->top;
			box->bottom = open[SIDE_BOTTOM] ? fmax(box->bottom, v + air) : box->bottom;
		}
	}
}

/* An image too small to be measured is passed through. */
static void pass_through(PIX *raw, double dpi, struct clean_result *result)
{
	int w = pixGetWidth(raw), h = pixGetHeight(raw), depth = pixGetDepth(raw);
	result->page = pixCopy(NULL, raw);
	result->orient_unsure = true;
	result->crop_w_px = w;
	result->crop_h_px = h;
	result->width_mm = w / dpi * 25.4;
	result->height_mm = h / dpi * 25.4;
	result->kind = depth == 1 ? PAGE_BITONAL : depth == 8 ? PAGE_GREY : PAGE_COLOUR;
}

static void crop_report(const struct crop_box *box, int w, int h, struct clean_result *result)
{
	int left = (int)lround(box->left + w / 2.0), top = (int)lround(box->top + h / 2.0);
	int right = (int)lround(box->right + w / 2.0), bottom = (int)lround(box->bottom + h / 2.0);
	result->crop_x_px = left < 0 ? 0 : left;
	result->crop_y_px = top < 0 ? 0 : top;
	result->crop_w_px = (right > w ? w : right) - result->crop_x_px;
	result->crop_h_px = (bottom > h ? h : bottom) - result->crop_y_px;
}

static bool skew_find(const struct view *view, const struct clean_options *options,
    struct skew *skew, struct error *err)
{
	PIX *bits = plane_pix_below(&view->normal, INK_LEVEL);
	if (!bits)
		return error_set(err, ERROR_SYSTEM, NULL,
		    _("no memory for an image of %d x %d pixels"), view->normal.width_px,
		    view->normal.height_px);
	bool ok = skew_measure(bits, options->orient, skew, err);
	pixDestroy(&bits);
	/* where no lines of text speak, the paper's own edges may */
	if (ok && skew->confidence < SKEW_SURE && view->crop.skew_confidence > 0) {
		skew->angle_deg = view->crop.skew_deg;
		skew->confidence = SKEW_SURE;
	}
	return ok;
}

bool clean_page(const struct Pix *raw, double dpi, const struct clean_options *options,
    struct clean_result *out, struct error *err)
{
	struct clean_result result = {0};
	struct view view = {0};
	struct skew skew = {0};
	struct blank blank = {0};
	struct classify kind = {0};
	struct picture_list pictures = {0};
	PIX *pix = NULL;
	bool ok = false;

	if (!raw || pixGetWidth((PIX *)(uintptr_t)raw) < 1 ||
	    pixGetHeight((PIX *)(uintptr_t)raw) < 1)
		return error_set(
		    err, ERROR_INPUT, _("scan the page again"), _("the image is empty"));
	if (!plain(raw, &pix, err))
		return false;
	int w = pixGetWidth(pix), h = pixGetHeight(pix);
	dpi = dpi_trusted(dpi, w, h);
	result.dpi = dpi;
	if (w < LEAST_PX || h < LEAST_PX) {
		pass_through(pix, dpi, &result);
		ok = result.page ||
		    error_set(err, ERROR_SYSTEM, NULL,
			_("no memory for an image of %d x %d pixels"), w, h);
		goto done;
	}
	if (!view_open(pix, dpi, &view, err))
		goto done;
	blank_decide(&view.ink, &view.normal, view.dpi, view.grain,
	    view.has_rgb ? &view.coloured : NULL, view.rgb_dpi, &blank);
	if (view.paper.mean < DARK_PAGE) /* a black side is not an empty one */
		blank = (struct blank){.score = 0.3};
	result.blank = blank.blank;
	result.blank_score = blank.score;
	if (pixGetDepth(pix) > 1) {
		if (view.crop.any_outside)
			paint_outside(&view.luma, &view.crop.outside,
			    outside_step(&view, view.reduction), view.paper.mean);
		if (!picture_list_find(&view.luma, view.dpi, &view.paper, &pictures, err))
			goto done;
		classify_page(&view.normal, view.dpi, &view.ink, &view.paper,
		    view.has_rgb ? &view.coloured : NULL, view.rgb_dpi,
		    view.has_rgb ? view.rgb_paper : NULL, &pictures, &kind);
	}
	result.kind = pixGetDepth(pix) == 1 ? PAGE_BITONAL : kind.kind;
	result.kind_confidence = pixGetDepth(pix) == 1 ? 1 : kind.confidence;
	if (!skew_find(&view, options, &skew, err))
		goto done;
	result.skew_deg = skew.angle_deg;
	result.skew_confidence = skew.confidence;
	result.orient_unsure =
	    skew.orient_unsure && !blank.blank; /* nothing is upside down on an empty side */
	result.orient_confidence = skew.orient_unsure ? 0 : skew.orient_confidence;
	result.rotated_deg = skew.orient_unsure ? 0 : skew.rotate_deg;
	result.deskewed = options->deskew && skew.confidence >= SKEW_SURE &&
	    fabs(skew.angle_deg) >= SKEW_LEAST_DEG;

	double turned_deg = result.deskewed ? skew.angle_deg : 0;
	struct crop_box box = {-w / 2.0, -h / 2.0, w / 2.0, h / 2.0};
	if (options->crop)
		crop_box_find(&view.crop, turned_deg, &box);
	if (turned_deg != 0 || options->crop)
		box_keep_ink(&view, turned_deg, &box);
	crop_report(&box, w, h, &result);
	result.width_mm = (box.right - box.left) / dpi * 25.4;
	result.height_mm = (box.bottom - box.top) / dpi * 25.4;
	if (result.rotated_deg == 90 || result.rotated_deg == 270) {
		double swap = result.width_mm;
		result.width_mm = result.height_mm;
		result.height_mm = swap;
	}
	if (!(options->blank && result.blank)) {
		struct turn turn = {turned_deg, result.rotated_deg, box,
		    options->crop ? &view.crop : NULL, view.has_rgb ? view.rgb_paper : &view.paper,
		    view.has_rgb ? view.rgb_reduction : view.reduction};
		plane_release(&view.luma);
		plane_release(&view.normal);
		if (!turn_page(pix, &turn, &result.page, err))
			goto done;
		pixSetResolution(result.page, (int)lround(dpi), (int)lround(dpi));
	}
	ok = true;
done:
	pixDestroy(&pix);
	picture_list_release(&pictures);
	view_release(&view);
	if (ok)
		*out = result;
	else
		clean_result_release(&result);
	return ok;
}

/* Thresholded at dpi_wanted and without specks; *text_px is the height of its letters. */
static bool prepare(const struct Pix *page, double dpi, double dpi_wanted, PIX **out,
    double *text_px, struct error *err)
{
	struct plane luma = {0}, reduced = {0}, small = {0}, normal = {0};
	struct ground paper = {0};
	PIX *bits = NULL;
	bool ok = false;

	if (!plane_luma(page, 1, &luma, err))
		goto done;
	double factor = dpi > dpi_wanted * 1.1 ? dpi_wanted / dpi : 1;
	if (factor < 1) {
		int w = (int)lround(luma.width_px * factor),
		    h = (int)lround(luma.height_px * factor);
		int by = (int)(1 / factor);
		if (by >= 2) {
			if (!plane_reduce(&luma, by, &reduced, err))
				goto done;
			plane_release(&luma);
			plane_move(&luma, &reduced);
		}
		if (w < luma.width_px && w > 0 && h > 0) {
			if (!plane_scale(&luma, w, h, &reduced, err))
				goto done;
			plane_release(&luma);
			plane_move(&luma, &reduced);
		}
	}
	double at_dpi = dpi * luma.width_px / pixGetWidth((PIX *)(uintptr_t)page);
	if (!ground_measure(&luma, NULL, tile_px(at_dpi), &paper, err) ||
	    !ground_normalise(&paper, &luma, &normal, err))
		goto done;
	bits = plane_pix_below(&normal, ground_otsu(&normal, 100, 175));
	if (!bits || !speck_remove(bits, text_px)) {
		pixDestroy(&bits);
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		    luma.width_px, luma.height_px);
		goto done;
	}
	pixSetResolution(bits, (int)lround(at_dpi), (int)lround(at_dpi));
	*out = bits;
	ok = true;
done:
	plane_release(&luma);
	plane_release(&reduced);
	plane_release(&small);
	plane_release(&normal);
	ground_release(&paper);
	return ok;
}

bool clean_for_recognition(const struct Pix *page, double dpi, double dpi_wanted, struct Pix **out,
    double *scale, struct error *err)
{
	bool by_text = dpi_wanted <= 0;
	double text_px = 0;
	PIX *bits = NULL;

	if (!prepare(page, dpi, by_text ? READ_DPI : dpi_wanted, &bits, &text_px, err))
		return false;
	if (by_text && text_px > 0 && text_px < SMALL_TEXT_PX && dpi > READ_DPI * 1.1) {
		pixDestroy(&bits);
		if (!prepare(page, dpi, SMALL_TEXT_DPI, &bits, &text_px, err))
			return false;
	}
	*scale = (double)pixGetWidth((PIX *)(uintptr_t)page) / pixGetWidth(bits);
	*out = bits;
	return true;
}
