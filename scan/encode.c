#include "scan/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/g4.h"
#include "scan/ground.h"
#include "scan/jpeg.h"
#include "scan/plane.h"

const struct encode_options encode_options_standard = {.keep = KEEP_AUTO,
    .mixed = true,
    .background_dpi = 100,
    .jpeg_quality = 75,
    .ink_loss_limit = 0.005};

#define THUMBNAIL_QUALITY 60

void encoded_page_release(struct encoded_page *page)
{
	for (int i = 0; i < page->n_layers; i++)
		free(page->layers[i].data);
	free(page->layers);
	*page = (struct encoded_page){0};
}

const char *page_kind_name(enum page_kind kind)
{
	switch (kind) {
	case PAGE_BITONAL: return "bitonal";
	case PAGE_GREY: return "grey";
	case PAGE_COLOUR: return "colour";
	case PAGE_MIXED: return "mixed";
	}
	return "bitonal";
}

/* Adds an empty layer that covers the whole page. */
static struct layer *layer_add(struct encoded_page *page, struct error *err)
{
	struct layer *layers = realloc(page->layers, ((size_t)page->n_layers + 1) * sizeof *layers);
	if (!layers) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
		return NULL;
	}
	page->layers = layers;
	struct layer *layer = &layers[page->n_layers++];
	*layer = (struct layer){.w_px = page->width_px, .h_px = page->height_px};
	return layer;
}

/* Otsu's threshold over the normalised page; depth 1 as it is. Gives. */
static bool binarise(PIX *page, double dpi, PIX **out, struct error *err)
{
	struct plane luma = {0}, normal = {0};
	struct ground paper = {0};
	bool ok = false;
	if (pixGetDepth(page) == 1) {
		*out = pixClone(page);
		return true;
	}
	int tile = (int)(4.0 / 25.4 * dpi + 0.5);
	if (!plane_luma(page, 1, &luma, err) ||
	    !ground_measure(&luma, NULL, tile < 8 ? 8 : tile, &paper, err) ||
	    !ground_normalise(&paper, &luma, &normal, err))
		goto done;
	*out = plane_pix_below(&normal, ground_otsu(&normal, 100, 175));
	ok = *out ||
	    error_set(err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"),
		luma.width_px, luma.height_px);
done:
	plane_release(&luma);
	plane_release(&normal);
	ground_release(&paper);
	return ok;
}

static bool bitonal_add(PIX *page, double dpi, struct encoded_page *out, struct error *err)
{
	PIX *bits = NULL;
	if (!binarise(page, dpi, &bits, err))
		return false;
	struct layer *layer = layer_add(out, err);
	bool ok = layer && g4_encode(bits, &layer->data, &layer->n_bytes, err);
	if (ok) {
		layer->kind = LAYER_G4;
		layer->width_px = pixGetWidth(bits);
		layer->height_px = pixGetHeight(bits);
		layer->channels = 1;
	}
	pixDestroy(&bits);
	return ok;
}

static bool plain_jpeg_add(
    PIX *page, double dpi, bool colour, int quality, struct encoded_page *out, struct error *err)
{
	struct plane planes[3] = {0};
	bool ok = false;
	struct layer *layer = layer_add(out, err);
	if (!layer)
		return false;
	if (pixGetDepth(page) == 32 && colour) {
		ok = jpeg_encode_pix(
		    page, quality, (int)lround(dpi), &layer->data, &layer->n_bytes, err);
		layer->channels = 3;
	} else {
		ok = plane_luma(page, 1, planes, err) &&
		    jpeg_encode(
			planes, 1, quality, (int)lround(dpi), &layer->data, &layer->n_bytes, err);
		layer->channels = 1;
		plane_release(planes);
	}
	layer->kind = LAYER_JPEG;
	layer->width_px = pixGetWidth(page);
	layer->height_px = pixGetHeight(page);
	return ok;
}

bool encode_page(const struct Pix *page, double dpi, enum page_kind kind,
    const struct encode_options *options, struct encoded_page *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page;
	struct encoded_page encoded = {.dpi = dpi};
	bool ok = false;

	if (!lent || pixGetWidth(lent) < 1 || pixGetHeight(lent) < 1 || !(dpi > 0))
		return error_set(
		    err, ERROR_INPUT, _("scan the page again"), _("the image is empty"));
	int depth = pixGetDepth(lent);
	if (depth != 1 && depth != 8 && depth != 32)
		return error_set(err, ERROR_INPUT, NULL,
		    _("the image has a depth of %d bits, which is not known"), depth);
	encoded.width_px = pixGetWidth(lent);
	encoded.height_px = pixGetHeight(lent);
	switch (options->keep) {
	case KEEP_COLOUR: kind = PAGE_COLOUR; break;
	case KEEP_GREY: kind = PAGE_GREY; break;
	case KEEP_BITONAL: kind = PAGE_BITONAL; break;
	default: break;
	}
	if (depth == 1)
		kind = PAGE_BITONAL;
	else if (depth == 8 && kind != PAGE_BITONAL)
		kind = PAGE_GREY;
	encoded.kind = kind;
	if (kind == PAGE_BITONAL)
		ok = bitonal_add(lent, dpi, &encoded, err);
	else
		ok = plain_jpeg_add(
		    lent, dpi, kind == PAGE_COLOUR, options->jpeg_quality, &encoded, err);
	if (ok)
		*out = encoded;
	else
		encoded_page_release(&encoded);
	return ok;
}

bool encode_thumbnail(
    const struct Pix *page, int side_px, uint8_t **data, size_t *n_bytes, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page, *plain = NULL;
	struct plane planes[3] = {0}, small[3] = {0};
	bool ok = false;

	if (!lent || side_px < 1 || pixGetWidth(lent) < 1 || pixGetHeight(lent) < 1)
		return error_set(err, ERROR_INPUT, NULL, _("the image is empty"));
	int w = pixGetWidth(lent), h = pixGetHeight(lent), longest = w > h ? w : h;
	int depth = pixGetDepth(lent);
	if (pixGetColormap(lent) || (depth != 1 && depth != 8 && depth != 32))
		plain = pixConvertTo32(lent);
	else
		plain = pixClone(lent);
	if (!plain)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"), w, h);
	int n_channels = pixGetDepth(plain) == 32 ? 3 : 1;
	int by = longest / side_px;
	by = by < 1 ? 1 : by > 200 ? 200 : by;
	if (n_channels == 3 ? !plane_rgb(plain, by, planes, err)
			    : !plane_luma(plain, by, planes, err))
		goto done;
	double factor = (double)side_px / longest;
	int sw = (int)lround(w * factor), sh = (int)lround(h * factor);
	sw = sw < 1 ? 1 : sw;
	sh = sh < 1 ? 1 : sh;
	if (longest > side_px)
		for (int c = 0; c < n_channels; c++) {
			if (!plane_scale(&planes[c], sw, sh, &small[c], err))
				goto done;
			plane_release(&planes[c]);
			plane_move(&planes[c], &small[c]);
		}
	ok = jpeg_encode(planes, n_channels, THUMBNAIL_QUALITY, 72, data, n_bytes, err);
done:
	for (int c = 0; c < 3; c++) {
		plane_release(&planes[c]);
		plane_release(&small[c]);
	}
	pixDestroy(&plain);
	return ok;
}
