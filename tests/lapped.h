/*
 * Sheets drawn upon a scanner's dark background, for the tests of what two sheets look like that
 * went through as one, and of what must not be taken for it. Grey, 150 dpi, lengths in mm.
 */
#ifndef ALTAKT_TESTS_LAPPED_H
#define ALTAKT_TESTS_LAPPED_H

#include "tests/drawn.h"

#define LAPPED_PX_MM  (150 / 25.4)
#define LAPPED_GROUND 14
#define LAPPED_MARGIN 8 /* mm of background around the paper */
#define LAPPED_PX(mm) ((int)lround((mm)*LAPPED_PX_MM))
#define LAPPED_SHADOW 0.5 /* mm that it reaches */

struct lap {
	double dx_mm, dy_mm; /* of the lower sheet against the upper one */
	double turn_deg;     /* of the lower one */
	double skew_deg;     /* of both */
	double shadow;	     /* share of the light that the upper's edge takes */
};

/* A sheet of so many mm with text, or without (lines 0). */
static inline PIX *lapped_sheet(double w_mm, double h_mm, int lines, double tone)
{
	int w = LAPPED_PX(w_mm), h = LAPPED_PX(h_mm);
	cairo_surface_t *surface = drawn_paper(w, h, tone, tone, tone);
	drawn_text(surface, 0.1 * w, LAPPED_PX(25), 0.8 * w, lines, 24);
	PIX *pix = drawn_pix(surface), *grey = pixConvertTo8(pix, 0);
	pixDestroy(&pix);
	return grey;
}

static inline PIX *lapped_canvas(int w, int h)
{
	PIX *canvas = pixCreate(w, h, 8);
	pixSetAllArbitrary(canvas, LAPPED_GROUND);
	return canvas;
}

static inline uint32_t *lapped_row(PIX *pix, int y)
{
	return pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
}

/* Lays paper on the canvas, turned about its middle; what is not paper is left. Borrows both. */
static inline void lapped_lay(PIX *canvas, PIX *paper, int left, int top, double turn_deg)
{
	int w = pixGetWidth(paper), h = pixGetHeight(paper);
	double s = sin(turn_deg * M_PI / 180), c = cos(turn_deg * M_PI / 180);
	for (int y = -h / 8; y < h + h / 8; y++)
		for (int x = -w / 8; x < w + w / 8; x++) {
			double u = x - w / 2.0, v = y - h / 2.0;
			int px = (int)floor(c * u + s * v + w / 2.0 + 0.5),
			    py = (int)floor(-s * u + c * v + h / 2.0 + 0.5);
			int cx = left + x, cy = top + y;
			if (px >= 0 && py >= 0 && px < w && py < h && cx >= 0 && cy >= 0 &&
			    cx < pixGetWidth(canvas) && cy < pixGetHeight(canvas))
				SET_DATA_BYTE(lapped_row(canvas, cy), cx,
				    GET_DATA_BYTE(lapped_row(paper, py), px));
		}
}

/* Darkens what lies around the rectangle, as its paper's shadow. */
static inline void lapped_shadow(PIX *canvas, int left, int top, int w, int h, double share)
{
	int far = LAPPED_PX(LAPPED_SHADOW);
	for (int y = top - far; y < top + h + far; y++)
		for (int x = left - far; x < left + w + far; x++) {
			int dx = x < left ? left - x : x >= left + w ? x - left - w + 1 : 0;
			int dy = y < top ? top - y : y >= top + h ? y - top - h + 1 : 0;
			int d = dx > dy ? dx : dy;
			uint32_t v;
			if (d == 0 || pixGetPixel(canvas, x, y, &v) != 0)
				continue;
			pixSetPixel(canvas, x, y,
			    (uint32_t)((double)v * (1 - share * (far + 1 - d) / (far + 1))));
		}
}

/* Turned as a whole, with a scanner's grain. Consumes. */
static inline PIX *lapped_scanned(PIX *canvas, double skew_deg, uint32_t seed)
{
	PIX *turned = canvas;
	if (skew_deg != 0) {
		turned = pixRotate(canvas, (float)(skew_deg * M_PI / 180), L_ROTATE_AREA_MAP,
		    L_BRING_IN_BLACK, 0, 0);
		pixDestroy(&canvas);
	}
	int w = pixGetWidth(turned), h = pixGetHeight(turned);
	for (int y = 0; y < h; y++) {
		uint32_t *row = lapped_row(turned, y);
		for (int x = 0; x < w; x++) {
			seed = seed * 1664525u + 1013904223u;
			int v = (int)GET_DATA_BYTE(row, x) + (int)(seed >> 16) % 9 - 4;
			SET_DATA_BYTE(row, x, v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
	return turned;
}

/* One sheet, or two where lower is not NULL. Borrows both. */
static inline PIX *lapped(PIX *upper, PIX *lower, const struct lap *lap, uint32_t seed)
{
	int m = LAPPED_PX(LAPPED_MARGIN), dx = LAPPED_PX(lap->dx_mm), dy = LAPPED_PX(lap->dy_mm);
	int w = pixGetWidth(upper), h = pixGetHeight(upper);
	int left = m + (dx < 0 ? -dx : 0), top = m + (dy < 0 ? -dy : 0);
	int more_w = lower ? pixGetWidth(lower) + dx : 0,
	    more_h = lower ? pixGetHeight(lower) + dy : 0;
	PIX *canvas = lapped_canvas(
	    left + m + (more_w > w ? more_w : w), top + m + (more_h > h ? more_h : h));
	if (lower) {
		lapped_lay(canvas, lower, left + dx, top + dy, lap->turn_deg);
		lapped_shadow(canvas, left, top, w, h, lap->shadow);
	}
	lapped_lay(canvas, upper, left, top, 0);
	return lapped_scanned(canvas, lap->skew_deg, seed);
}

/* What must not be taken for two sheets; false after the last one. */
static inline int lapped_single(int n, const char **name, PIX **out)
{
	static const char *const names[] = {"letter", "letter, skewed", "empty", "torn corner",
	    "two torn corners, opposite", "two corners cut, opposite, unequal", "corners rounded",
	    "tab at the side", "tab at the end", "slip that stands out at the side",
	    "slip that stands out below", "slip across", "folded in three, edge to edge",
	    "Folio, folded at A4", "long paper, folded where A4 ends less 20 mm",
	    "ruled from edge to edge", "table", "bar from edge to edge", "half a page of colour",
	    "picture to the edges", "A3, folded", "A5", "receipt", "torn off below",
	    "envelope, open", "holes torn open", "cut off by the scanner", "bent edge", "dog-ears",
	    "narrow strip over", "slip beneath, that stands out below",
	    "slip beneath, that stands out at the side"};
	static const double skews[] = {0, 1.7, -0.8};
	const int kinds = (int)(sizeof names / sizeof names[0]), each = 2;
	if (n >= kinds * each)
		return 0;
	int kind = n / each;
	double skew = skews[n % 3], w_mm = 210, h_mm = 297, shadow = 0.25;
	int m = LAPPED_PX(LAPPED_MARGIN), lines = kind == 2 ? 0 : 30;
	*name = names[kind];
	if (kind == 13)
		h_mm = 330;
	if (kind == 14)
		h_mm = 318;
	if (kind == 20) {
		w_mm = 297;
		h_mm = 420;
	}
	if (kind == 21) {
		w_mm = 148;
		h_mm = 210;
		lines = 14;
	}
	if (kind == 22) {
		w_mm = 80;
		h_mm = 310;
		lines = 20;
	}
	PIX *sheet = lapped_sheet(w_mm, h_mm, lines, 0.94);
	int w = pixGetWidth(sheet), h = pixGetHeight(sheet), extra = LAPPED_PX(40);
	PIX *canvas = lapped_canvas(w + 2 * m + extra, h + 2 * m + extra);
	int ground = LAPPED_GROUND;
#define LAPPED_BLOCK(X, Y, W, H, V)                      \
	for (int y_ = (Y); y_ < (Y) + (H); y_++)         \
		for (int x_ = (X); x_ < (X) + (W); x_++) \
	pixSetPixel(sheet, x_, y_, (uint32_t)(V))
#define LAPPED_CREASE(Y) LAPPED_BLOCK(0, Y, w, 2, 205)
#define LAPPED_SLIP(X, Y, W, H)                                                              \
	do {                                                                                 \
		PIX *slip = lapped_sheet(W, H, 2, 0.9);                                      \
		lapped_shadow(canvas, m + LAPPED_PX(X), m + LAPPED_PX(Y), pixGetWidth(slip), \
		    pixGetHeight(slip), shadow);                                             \
		lapped_lay(canvas, slip, m + LAPPED_PX(X), m + LAPPED_PX(Y), 0);             \
		pixDestroy(&slip);                                                           \
	} while (0)
#define LAPPED_CORNER(SIZE, WHERE)                                \
	for (int y_ = 0; y_ < LAPPED_PX(SIZE); y_++)              \
		for (int x_ = 0; x_ < LAPPED_PX(SIZE) - y_; x_++) \
	pixSetPixel(                                              \
	    sheet, (WHERE)&1 ? w - 1 - x_ : x_, (WHERE)&2 ? h - 1 - y_ : y_, (uint32_t)ground)
	switch (kind) {
	case 3: LAPPED_CORNER(30, n % 4); break;
	case 4:
	case 28:
		LAPPED_CORNER(kind == 4 ? 25 : 8, 0);
		LAPPED_CORNER(kind == 4 ? 25 : 8, 3);
		break;
	case 5:
		LAPPED_BLOCK(0, 0, LAPPED_PX(20), LAPPED_PX(12), ground);
		LAPPED_BLOCK(
		    w - LAPPED_PX(8), h - LAPPED_PX(30), LAPPED_PX(8), LAPPED_PX(30), ground);
		break;
	case 6:
		for (int corner = 0; corner < 4; corner++)
			LAPPED_CORNER(4, corner);
		break;
	case 12:
		LAPPED_CREASE(h / 3);
		LAPPED_CREASE(2 * h / 3);
		break;
	case 13: LAPPED_CREASE(LAPPED_PX(297)); break;
	case 14: LAPPED_CREASE(LAPPED_PX(277)); break;
	case 15:
		for (int y = LAPPED_PX(10); y < h - 4; y += LAPPED_PX(9))
			LAPPED_BLOCK(0, y, w, 2, 150);
		break;
	case 16:
		for (int y = LAPPED_PX(30); y < LAPPED_PX(260); y += LAPPED_PX(10))
			LAPPED_BLOCK(LAPPED_PX(15), y, w - LAPPED_PX(30), 2, 60);
		break;
	case 17: LAPPED_BLOCK(0, LAPPED_PX(18), w, LAPPED_PX(6), 40); break;
	case 18: LAPPED_BLOCK(0, 0, w, h / 2, 200); break;
	case 19:
		for (int y = 0; y < h; y++)
			for (int x = 0; x < w; x++)
				pixSetPixel(sheet, x, y,
				    (uint32_t)(130 + 80 * sin(x / 90.0) * cos(y / 70.0)));
		break;
	case 20: LAPPED_CREASE(h / 2); break;
	case 23:
		for (int x = 0; x < w; x++)
			LAPPED_BLOCK(x, h - LAPPED_PX(20 + 6 * sin(x / 60.0) + 3 * sin(x / 17.0)),
			    1, LAPPED_PX(30), ground);
		break;
	case 25:
		for (int i = 0; i < 2; i++)
			LAPPED_BLOCK(0, h / 2 + (i ? 1 : -1) * LAPPED_PX(40), LAPPED_PX(15),
			    LAPPED_PX(6), ground);
		break;
	case 27:
		for (int y = 0; y < h; y++)
			LAPPED_BLOCK(0, y, (int)(LAPPED_PX(4) * sin(M_PI * y / h)), 1, ground);
		break;
	default: break;
	}
	if (kind == 30)
		LAPPED_SLIP(50, 250, 105, 74);
	if (kind == 31)
		LAPPED_SLIP(120, 100, 105, 74);
	if (kind >= 30)
		lapped_shadow(canvas, m, m, w, h, shadow);
	lapped_lay(canvas, sheet, m, m, 0);
	switch (kind) {
	case 7: LAPPED_SLIP(205, 60, 20, 25); break;
	case 8: LAPPED_SLIP(30, 290, 30, 20); break;
	case 9: LAPPED_SLIP(120, 100, 105, 74); break;
	case 10: LAPPED_SLIP(50, 250, 105, 74); break;
	case 11: LAPPED_SLIP(15, 120, 170, 60); break;
	case 24: /* the flap: a trapezoid */
		for (int y = 0; y < LAPPED_PX(30); y++)
			for (int x = y; x < w - y; x++)
				pixSetPixel(canvas, m + x, m + h + y, 225);
		break;
	case 26: { /* no background below: the page length was too short */
		BOX *box = boxCreate(0, 0, pixGetWidth(canvas), m + h - LAPPED_PX(15));
		PIX *cut = pixClipRectangle(canvas, box, NULL);
		boxDestroy(&box);
		pixDestroy(&canvas);
		canvas = cut;
		break;
	}
	case 29: LAPPED_SLIP(0, 200, 210, 30); break;
	default: break;
	}
	pixDestroy(&sheet);
	*out = lapped_scanned(canvas, skew, (uint32_t)n + 1);
	return 1;
}

#endif
