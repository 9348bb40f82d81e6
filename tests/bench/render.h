/* An encoded page as a reader shows it, at full resolution: for eyes and for recognition. */
#ifndef ALTAKT_TESTS_BENCH_RENDER_H
#define ALTAKT_TESTS_BENCH_RENDER_H

#include <math.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "scan/encode.h"
#include "scan/g4.h"
#include "scan/jpeg.h"

/* Depth 32, yours; NULL where a layer cannot be decoded. */
static inline PIX *render_page(const struct encoded_page *page)
{
	PIX *canvas = pixCreate(page->width_px, page->height_px, 32);
	struct error err = {0};
	pixSetAllArbitrary(canvas, 0xffffff00);
	for (int i = 0; i < page->n_layers; i++) {
		const struct layer *layer = &page->layers[i];
		int left = (int)lround(layer->x_px), top = (int)lround(layer->y_px);
		int w = (int)lround(layer->w_px), h = (int)lround(layer->h_px);
		if (layer->kind == LAYER_JPEG) {
			struct plane planes[3] = {0}, scaled[3] = {0};
			int n = 0;
			if (!jpeg_decode(layer->data, layer->n_bytes, planes, &n, &err)) {
				pixDestroy(&canvas);
				return NULL;
			}
			for (int c = 0; c < n; c++)
				plane_scale(&planes[c], w, h, &scaled[c], &err);
			for (int y = 0; y < h && y + top < page->height_px; y++) {
				uint32_t *to = pixGetData(canvas) +
				    (size_t)(y + top) * (size_t)pixGetWpl(canvas);
				for (int x = 0; x < w && x + left < page->width_px; x++) {
					uint32_t r = plane_row(&scaled[0], y)[x];
					uint32_t g = n == 3 ? plane_row(&scaled[1], y)[x] : r;
					uint32_t b = n == 3 ? plane_row(&scaled[2], y)[x] : r;
					to[x + left] = r << 24 | g << 16 | b << 8;
				}
			}
			for (int c = 0; c < 3; c++) {
				plane_release(&planes[c]);
				plane_release(&scaled[c]);
			}
		} else {
			PIX *bits = NULL;
			if (!g4_decode(layer->data, layer->n_bytes, layer->width_px,
				layer->height_px, &bits, &err)) {
				pixDestroy(&canvas);
				return NULL;
			}
			uint32_t ink = (uint32_t)layer->rgb[0] << 24 |
			    (uint32_t)layer->rgb[1] << 16 | (uint32_t)layer->rgb[2] << 8;
			pixPaintThroughMask(
			    canvas, bits, left, top, layer->kind == LAYER_G4 ? 0 : ink);
			pixDestroy(&bits);
		}
	}
	return canvas;
}

#endif
