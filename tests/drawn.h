/*
 * Pages drawn for the tests of page work: text by cairo into a Pix, then turned, bordered and
 * grained by hand. Small and quick; the larger fixtures are drawn in tests/bench.
 */
#ifndef ALTAKT_TESTS_DRAWN_H
#define ALTAKT_TESTS_DRAWN_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>
#include <leptonica/allheaders.h>

#define DRAWN_W 1240 /* A4 at 150 dpi */
#define DRAWN_H 1754

static const char *const drawn_words[] = {"Der", "Antrag", "vom", "zweiten", "Oktober", "wird",
    "nach", "Anhörung", "der", "Beteiligten", "abgelehnt.", "Gegen", "diesen", "Bescheid", "kann",
    "innerhalb", "eines", "Monats", "Widerspruch", "erhoben", "werden;", "die", "Frist", "beginnt",
    "mit", "dem", "Tag", "der", "Zustellung."};

static inline cairo_surface_t *drawn_paper(int w, int h, double r, double g, double b)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgb(cr, r, g, b);
	cairo_paint(cr);
	cairo_destroy(cr);
	return surface;
}

static inline void drawn_text(
    cairo_surface_t *surface, double left, double top, double width, int lines, double size)
{
	cairo_t *cr = cairo_create(surface);
	cairo_select_font_face(
	    cr, "Liberation Serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size);
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
	size_t word = 0;
	for (int line = 0; line < lines; line++) {
		double x = left;
		while (x < left + width) {
			cairo_text_extents_t extents;
			const char *text =
			    drawn_words[word++ % (sizeof drawn_words / sizeof *drawn_words)];
			cairo_text_extents(cr, text, &extents);
			if (x + extents.x_advance > left + width)
				break;
			cairo_move_to(cr, x, top + line * size * 1.4);
			cairo_show_text(cr, text);
			x += extents.x_advance + size * 0.28;
		}
	}
	cairo_destroy(cr);
}

/* Depth 32; the surface is destroyed. */
static inline PIX *drawn_pix(cairo_surface_t *surface)
{
	cairo_surface_flush(surface);
	int w = cairo_image_surface_get_width(surface), h = cairo_image_surface_get_height(surface);
	int stride = cairo_image_surface_get_stride(surface);
	const unsigned char *data = cairo_image_surface_get_data(surface);
	PIX *pix = pixCreate(w, h, 32);
	for (int y = 0; y < h; y++) {
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++) {
			uint32_t v;
			memcpy(&v, data + (size_t)y * (size_t)stride + 4 * (size_t)x, 4);
			to[x] = v << 8;
		}
	}
	cairo_surface_destroy(surface);
	return pix;
}

/* Turns clockwise by angle_deg within the same size; what comes in is black or white. Consumes. */
static inline PIX *drawn_turned(PIX *pix, double angle_deg, int black)
{
	PIX *turned = pixRotate(pix, (float)(angle_deg * M_PI / 180), L_ROTATE_AREA_MAP,
	    black ? L_BRING_IN_BLACK : L_BRING_IN_WHITE, 0, 0);
	pixDestroy(&pix);
	return turned;
}

/* Puts the page on the scanner's background. Consumes. */
static inline PIX *drawn_bordered(
    PIX *pix, int left, int right, int top, int bottom, uint32_t colour)
{
	PIX *bordered = pixAddBorderGeneral(pix, left, right, top, bottom, colour);
	pixDestroy(&pix);
	return bordered;
}

/* Adds grain of the given amplitude to each channel of a 32 bit page. */
static inline void drawn_grain(PIX *pix, int amplitude, uint32_t seed)
{
	int w = pixGetWidth(pix), h = pixGetHeight(pix);
	for (int y = 0; y < h; y++) {
		uint32_t *row = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++) {
			uint32_t word = 0;
			for (int shift = 8; shift < 32; shift += 8) {
				seed = seed * 1664525u + 1013904223u;
				int v = (int)(row[x] >> shift & 255) +
				    (int)(seed >> 16) % (2 * amplitude + 1) - amplitude;
				word |= (uint32_t)(v < 0 ? 0 : v > 255 ? 255 : v) << shift;
			}
			row[x] = word;
		}
	}
}

/* A letter of 30 lines at 150 dpi. */
static inline PIX *drawn_letter(void)
{
	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.96, 0.96, 0.96);
	drawn_text(surface, 120, 160, 980, 30, 24);
	return drawn_pix(surface);
}

#endif
