/*
 * Encoded pages and their ALTO, drawn for the tests of page file, PDF and bundle: black bars where
 * the words are, so that a person who looks sees whether text and image agree.
 */
#ifndef ALTAKT_TESTS_ENCODED_PAGES_H
#define ALTAKT_TESTS_ENCODED_PAGES_H

#include <assert.h>
#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/alto.h"
#include "scan/encode.h"

struct drawn_word {
	const char *text;
	double x_px, y_px, w_px, h_px;
	bool hyphen;
};

/* One layer of a Pix, by Leptonica's own encoders. */
static inline struct layer layer_of(
    PIX *pix, enum layer_kind kind, double x_px, double y_px, double w_px, double h_px)
{
	L_COMP_DATA *cid = NULL;
	struct layer l = {.kind = kind, .x_px = x_px, .y_px = y_px, .w_px = w_px, .h_px = h_px};

	pixGenerateCIData(pix, kind == LAYER_JPEG ? L_JPEG_ENCODE : L_G4_ENCODE, 75, 0, &cid);
	assert(cid);
	l.width_px = cid->w;
	l.height_px = cid->h;
	l.channels = kind == LAYER_JPEG ? cid->spp : 1;
	l.n_bytes = cid->nbytescomp;
	l.data = malloc(l.n_bytes);
	assert(l.data);
	memcpy(l.data, cid->datacomp, l.n_bytes);
	l_CIDataDestroy(&cid);
	return l;
}

static inline PIX *bars(int width_px, int height_px, const struct drawn_word *words, int n)
{
	PIX *pix = pixCreate(width_px, height_px, 1);

	for (int i = 0; i < n; i++) {
		int x = (int)words[i].x_px, y = (int)words[i].y_px, w = (int)words[i].w_px,
		    h = (int)words[i].h_px;
		pixRasterop(pix, x, y, w, h, PIX_SET, NULL, 0, 0);
		pixRasterop(pix, x + 3, y + 3, w - 6, h - 6, PIX_CLR, NULL, 0, 0);
	}
	return pix;
}

static inline struct encoded_page page_drawn(enum page_kind kind, int width_px, int height_px,
    double dpi, const struct drawn_word *words, int n)
{
	struct encoded_page page = {
	    .kind = kind, .width_px = width_px, .height_px = height_px, .dpi = dpi};
	PIX *mask = bars(width_px, height_px, words, n), *pix = NULL;

	page.layers = calloc(3, sizeof *page.layers);
	assert(page.layers);
	if (kind == PAGE_BITONAL) {
		page.layers[page.n_layers++] = layer_of(mask, LAYER_G4, 0, 0, width_px, height_px);
	} else if (kind == PAGE_GREY) {
		pix = pixConvertTo8(mask, 0);
		page.layers[page.n_layers++] = layer_of(pix, LAYER_JPEG, 0, 0, width_px, height_px);
	} else if (kind == PAGE_COLOUR) {
		pix = pixConvert1To32(NULL, mask, 0xf8f0d000, 0x20308000);
		page.layers[page.n_layers++] = layer_of(pix, LAYER_JPEG, 0, 0, width_px, height_px);
	} else {
		int w = width_px / 4 > 0 ? width_px / 4 : 1,
		    h = height_px / 4 > 0 ? height_px / 4 : 1;
		pix = pixCreate(w, h, 32);
		pixSetAllArbitrary(pix, 0xe8f4e800);
		page.layers[page.n_layers++] = layer_of(pix, LAYER_JPEG, 0, 0, width_px, height_px);
		page.layers[page.n_layers] =
		    layer_of(mask, LAYER_STENCIL, 0, 0, width_px, height_px);
		memcpy(page.layers[page.n_layers++].rgb, (uint8_t[]){160, 16, 32}, 3);
		/* A stamp of its own, somewhere on the page. */
		PIX *stamp = pixCreate(40, 40, 1);
		pixSetAll(stamp);
		pixRasterop(stamp, 10, 10, 20, 20, PIX_CLR, NULL, 0, 0);
		page.layers[page.n_layers] = layer_of(stamp, LAYER_STENCIL, width_px * 0.7,
		    height_px * 0.8, width_px / 10.0, width_px / 10.0);
		memcpy(page.layers[page.n_layers++].rgb, (uint8_t[]){16, 32, 200}, 3);
		pixDestroy(&stamp);
	}
	pixDestroy(&pix);
	pixDestroy(&mask);
	return page;
}

/* One line for each run of words with the same integer in y_px / line_px. */
static inline struct alto_page alto_drawn(
    int width_px, int height_px, const struct drawn_word *words, int n, double line_px)
{
	struct alto_page page = {.width_px = width_px, .height_px = height_px};

	page.lines = calloc((size_t)n + 1, sizeof *page.lines);
	assert(page.lines);
	for (int i = 0; i < n;) {
		int k = i;
		while (k < n && (int)(words[k].y_px / line_px) == (int)(words[i].y_px / line_px) &&
		    (k == i || words[k].x_px > words[k - 1].x_px))
			k++;
		struct alto_line *l = &page.lines[page.n_lines++];
		l->words = calloc((size_t)(k - i), sizeof *l->words);
		assert(l->words);
		l->x_px = words[i].x_px;
		l->y_px = words[i].y_px;
		l->h_px = words[i].h_px;
		l->baseline_px = words[i].y_px + words[i].h_px;
		for (; i < k; i++)
			l->words[l->n_words++] = (struct alto_word){.text = strdup(words[i].text),
			    .x_px = words[i].x_px,
			    .y_px = words[i].y_px,
			    .w_px = words[i].w_px,
			    .h_px = words[i].h_px,
			    .confidence = 0.9,
			    .hyphen_follows = words[i].hyphen};
	}
	return page;
}

#endif
