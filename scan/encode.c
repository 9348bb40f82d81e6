#include "scan/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/g4.h"
#include "scan/guard.h"
#include "scan/jpeg.h"
#include "scan/mixed.h"
#include "scan/plane.h"
#include "scan/sight.h"

const struct encode_options encode_options_standard = {.keep = KEEP_AUTO,
    .mixed = true,
    .background_dpi = 100,
    .jpeg_quality = 75,
    .ink_loss_limit = 0.005};

#define THUMBNAIL_QUALITY 60

static void layers_clear(struct encoded_page *page)
{
	for (int i = 0; i < page->n_layers; i++)
		free(page->layers[i].data);
	free(page->layers);
	page->layers = NULL;
	page->n_layers = 0;
}

void encoded_page_release(struct encoded_page *page)
{
	layers_clear(page);
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

struct layer *encoded_page_add(struct encoded_page *page, struct error *err)
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

/* One G4 layer of bits. */
static bool bitonal_add(const struct Pix *bits, struct encoded_page *out, struct error *err)
{
	struct layer *layer = encoded_page_add(out, err);
	if (!layer || !g4_encode(bits, &layer->data, &layer->n_bytes, err))
		return false;
	out->kind = PAGE_BITONAL;
	layer->kind = LAYER_G4;
	layer->width_px = out->width_px;
	layer->height_px = out->height_px;
	layer->channels = 1;
	return true;
}

static bool jpeg_add(const struct Pix *page, const struct plane *luma, bool colour, int quality,
    struct encoded_page *out, struct error *err)
{
	struct layer *layer = encoded_page_add(out, err);
	int dpi = (int)lround(out->dpi);
	if (!layer)
		return false;
	bool ok = colour ? jpeg_encode_pix(page, quality, dpi, &layer->data, &layer->n_bytes, err)
			 : jpeg_encode(luma, 1, quality, dpi, &layer->data, &layer->n_bytes, err);
	out->kind = colour ? PAGE_COLOUR : PAGE_GREY;
	layer->kind = LAYER_JPEG;
	layer->width_px = out->width_px;
	layer->height_px = out->height_px;
	layer->channels = colour ? 3 : 1;
	return ok;
}

/* Black and white from the start: what G4 gives back is the page itself. */
static bool encode_bits(const struct Pix *page, struct encoded_page *out, struct error *err)
{
	bool same = false;
	if (!bitonal_add(page, out, err) || !guard_same(out, page, &same, err))
		return false;
	return same ||
	    error_set(
		err, ERROR_SYSTEM, NULL, _("the compressed page differs from what was scanned"));
}

/* From the smallest encoding that fits the page's kind to the safest, until the guard is content.
 */
static bool encode_tones(const struct Pix *page, enum page_kind kind,
    const struct encode_options *options, struct encoded_page *out, struct error *err)
{
	struct sight sight = {0};
	PIX *bits = NULL;
	bool ok = false, sure = false, colour = kind == PAGE_COLOUR;

	if (!sight_open(page, out->dpi, &sight, err))
		return false;
	if (kind == PAGE_BITONAL) {
		if (!sight_bits(&sight, sight.threshold, NULL, 0, &bits, err) ||
		    !bitonal_add(bits, out, err) ||
		    !guard_measure(out, &sight, &out->ink_lost, err))
			goto done;
		if (out->ink_lost <= options->ink_loss_limit || options->keep == KEEP_BITONAL) {
			ok = true;
			goto done;
		}
		layers_clear(out);
		out->fell_back = true;
		colour = pixGetDepth((PIX *)(uintptr_t)page) == 32;
	}
	if (options->mixed && mixed_worthwhile(page, out->dpi, options)) {
		if (!mixed_encode(page, &sight, colour, options, out, &sure, err))
			goto done;
		if (sure) {
			out->kind = PAGE_MIXED;
			if (!guard_measure(out, &sight, &out->ink_lost, err))
				goto done;
			if (out->ink_lost <= options->ink_loss_limit) {
				ok = true;
				goto done;
			}
		}
		layers_clear(out);
		out->fell_back = true;
	}
	ok = jpeg_add(page, &sight.luma, colour, options->jpeg_quality, out, err) &&
	    guard_measure(out, &sight, &out->ink_lost, err);
done:
	pixDestroy(&bits);
	sight_release(&sight);
	return ok;
}

bool encode_page(const struct Pix *page, double dpi, enum page_kind kind,
    const struct encode_options *options, struct encoded_page *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)page;
	struct encoded_page encoded = {.dpi = dpi};

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
	if (depth == 8 && kind != PAGE_BITONAL)
		kind = PAGE_GREY;
	bool ok = depth == 1 ? encode_bits(page, &encoded, err)
			     : encode_tones(page, kind, options, &encoded, err);
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
