/*
 * Sheets of paper drawn in code, and scans of them: a printed form filled in by hand or by
 * typewriter, letters, notes. The same seed is the same sheet; of one sheet each scan has another
 * position, skew, exposure, grain and dust.
 */
#ifndef ALTAKT_TESTS_SCANNED_SHEETS_H
#define ALTAKT_TESTS_SCANNED_SHEETS_H

#include <stdio.h>

#include "tests/drawn.h"

static inline uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static inline double within(uint32_t *seed, double low, double high)
{
	return low + (high - low) * (next_random(seed) % 10001) / 10000.0;
}

/* A word as a hand writes it: loops of two to four letters a centimetre. */
static inline void hand_write(cairo_t *cr, uint32_t *seed, double x, double y, int letters)
{
	cairo_set_line_width(cr, within(seed, 1.8, 2.8));
	cairo_move_to(cr, x, y);
	for (int i = 0; i < letters; i++) {
		double w = within(seed, 9, 17), h = within(seed, -26, 8);
		cairo_rel_curve_to(cr, w * within(seed, -0.4, 1.4), h, w * within(seed, -0.4, 1.4),
		    h * within(seed, -0.3, 1.2), w, within(seed, -3, 3));
	}
	cairo_stroke(cr);
}

enum sheet_kind {
	SHEET_FORM,
	SHEET_TYPED_FORM,
	SHEET_SPARSE_FORM, /* name, date and reference, typed; nothing else */
	SHEET_LETTER,
	SHEET_SHORT,
	SHEET_KINDS,
};

static const char *const names[] = {"Mustermann", "Beispiel", "Probst", "Testa", "Fiktiv", "Nemo",
    "Jedermann", "Platzhalter", "Muster", "Niemand"};

/* What the paper shows: form and content. The same seed is the same sheet. */
static inline PIX *sheet_draw(enum sheet_kind kind, uint32_t seed)
{
	cairo_surface_t *surface = drawn_paper(DRAWN_W, DRAWN_H, 0.97, 0.97, 0.95);
	cairo_t *cr = cairo_create(surface);
	uint32_t r = seed * 2654435761u + 17;

	cairo_select_font_face(
	    cr, "Liberation Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
	cairo_set_font_size(cr, 20);
	if (kind <= SHEET_SPARSE_FORM) {
		cairo_set_font_size(cr, 30);
		cairo_move_to(cr, 130, 130);
		cairo_show_text(cr, "Antrag auf Erteilung eines Aufenthaltstitels");
		drawn_text(surface, 130, 190, 980, 4, 17);
		for (int i = 0; i < 12; i++) {
			double y = 330 + i * 78;
			cairo_set_line_width(cr, 1.5);
			cairo_rectangle(cr, 130, y, 980, 78);
			cairo_move_to(cr, 460, y);
			cairo_line_to(cr, 460, y + 78);
			cairo_stroke(cr);
			cairo_set_font_size(cr, 18);
			cairo_move_to(cr, 142, y + 30);
			cairo_show_text(cr, drawn_words[(size_t)i * 2 % 26]);
			if (kind == SHEET_SPARSE_FORM ? i > 2 : next_random(&r) % 4 == 0)
				continue; /* left empty */
			if (kind == SHEET_FORM) {
				cairo_set_source_rgb(cr, 0.15, 0.15, 0.45);
				hand_write(cr, &r, 480, y + 55, 6 + (int)(next_random(&r) % 18));
				cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
			} else {
				char text[64];
				snprintf(text, sizeof text, "%s %u", names[next_random(&r) % 10],
				    next_random(&r) % 100000);
				cairo_set_font_size(cr, 24);
				cairo_move_to(cr, 480, y + 55);
				cairo_show_text(cr, text);
			}
		}
		drawn_text(surface, 130, 1330, 980, 9, 17);
	} else {
		int n = kind == SHEET_SHORT ? 6 : 34;
		double y = 200 + next_random(&r) % 40;
		for (int i = 0; i < n; i++, y += 40) {
			double x = 130;
			int words = 3 + (int)(next_random(&r) % 9);
			for (int k = 0; k < words && x < 1050; k++) {
				cairo_text_extents_t e;
				const char *word = drawn_words[next_random(&r) % 29];
				cairo_text_extents(cr, word, &e);
				cairo_move_to(cr, x, y);
				cairo_show_text(cr, word);
				x += e.x_advance + 7;
			}
		}
	}
	cairo_destroy(cr);
	return drawn_pix(surface);
}

/* One scan of it: another position, skew, exposure, grain and dust each time. Consumes. */
static inline PIX *sheet_scan(PIX *paper, uint32_t seed)
{
	uint32_t r = seed * 40503u + 977;
	PIX *raw = drawn_bordered(paper, 30 + (int)(next_random(&r) % 60),
	    30 + (int)(next_random(&r) % 60), 30 + (int)(next_random(&r) % 60),
	    30 + (int)(next_random(&r) % 60), 0x0a0a0a00);

	raw = drawn_turned(raw, within(&r, -2, 2), 1);
	pixGammaTRC(raw, raw, (float)within(&r, 0.75, 1.35), 0, (int)within(&r, 245, 255));
	int dust = (int)(next_random(&r) % 60);
	for (int i = 0; i < dust; i++) {
		int size = 1 + (int)(next_random(&r) % 5);
		pixRasterop(raw, 100 + (int)(next_random(&r) % 1000),
		    100 + (int)(next_random(&r) % 1500), size, size, PIX_CLR, NULL, 0, 0);
	}
	drawn_grain(raw, 8, next_random(&r));
	return raw;
}

#endif
