#include "tests/bench/layouts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>
#include <leptonica/allheaders.h>

#define PX_PER_MM (300 / 25.4)

enum content { /* what is drawn */
	TABLE,
	COLUMNS,
	LINES,
	PENCIL,
	STAMP,
	SIGNATURE,
	MARKER,
	PHOTO,
	TORN,
};

enum lid { LID_NONE, LID_BLACK, LID_WHITE };

static const struct layout {
	const char *name, *set;
	enum content content;
	double width_mm, height_mm;
	double paper[3];
	enum page_kind kind;
	double skew_deg[2];
	bool quarters; /* lies in all four ways */
	enum lid lid;
	double mark_mm[4]; /* x, y, width, height of what must be seen afterwards; 0: none */
} layouts[] = {
    {"table", "layouts", TABLE, 297, 210, {.97, .97, .97}, PAGE_BITONAL, {0.6, -7}, true, LID_BLACK,
	{0}},
    {"columns", "layouts", COLUMNS, 210, 297, {.97, .97, .97}, PAGE_BITONAL, {14.5, -12}, true,
	LID_BLACK, {0}},
    {"slip-black", "sizes", LINES, 148, 210, {.95, .95, .94}, PAGE_BITONAL, {1.2, -9}, false,
	LID_BLACK, {0}},
    {"slip-white", "sizes", LINES, 148, 210, {.92, .92, .90}, PAGE_BITONAL, {1.2, -9}, false,
	LID_WHITE, {0}},
    {"receipt-black", "sizes", LINES, 80, 200, {.95, .95, .95}, PAGE_BITONAL, {-1.7, 5}, false,
	LID_BLACK, {0}},
    {"receipt-white", "sizes", LINES, 80, 200, {.90, .90, .89}, PAGE_BITONAL, {-1.7, 5}, false,
	LID_WHITE, {0}},
    {"passport-black", "sizes", PHOTO, 88, 125, {.86, .90, .93}, PAGE_COLOUR, {0.8, -4}, false,
	LID_BLACK, {0}},
    {"passport-white", "sizes", PHOTO, 88, 125, {.86, .90, .93}, PAGE_COLOUR, {0.8, -4}, false,
	LID_WHITE, {0}},
    {"a3", "sizes", COLUMNS, 297, 420, {.96, .96, .96}, PAGE_BITONAL, {0.5, -2}, false, LID_BLACK,
	{0}},
    {"torn", "sizes", TORN, 210, 297, {.95, .94, .92}, PAGE_BITONAL, {0.9, -9}, false, LID_BLACK,
	{0}},
    {"pencil-on-text", "marks", PENCIL, 210, 297, {.97, .97, .97}, PAGE_GREY, {0, 0}, false,
	LID_NONE, {120, 228, 60, 16}},
    {"stamp-on-text", "marks", STAMP, 210, 297, {.97, .97, .97}, PAGE_COLOUR, {0, 0}, false,
	LID_NONE, {100, 70, 60, 22}},
    {"signature-blue", "marks", SIGNATURE, 210, 297, {.97, .97, .97}, PAGE_COLOUR, {0, 0}, false,
	LID_NONE, {30, 225, 70, 25}},
    {"marker", "marks", MARKER, 210, 297, {.97, .97, .97}, PAGE_COLOUR, {0, 0}, false, LID_NONE,
	{27, 93, 96, 13}},
    {"photo", "marks", PHOTO, 210, 297, {.97, .97, .97}, PAGE_COLOUR, {0, 0}, false, LID_NONE,
	{12, 12, 35, 45}},
    {"stamp-on-yellow", "marks", STAMP, 210, 297, {.98, .93, .62}, PAGE_COLOUR, {0, 0}, false,
	LID_NONE, {100, 70, 60, 22}},
    {"pencil-on-pink", "marks", PENCIL, 210, 297, {.97, .78, .78}, PAGE_COLOUR, {0, 0}, false,
	LID_NONE, {120, 228, 60, 16}},
    {"text-on-green", "marks", LINES, 210, 297, {.76, .91, .76}, PAGE_COLOUR, {0, 0}, false,
	LID_NONE, {30, 90, 120, 40}},
};
#define N_LAYOUTS ((int)(sizeof layouts / sizeof *layouts))

static const char *const words[] = {"Der", "Antrag", "vom", "zweiten", "Oktober", "wird", "nach",
    "Anhörung", "der", "Beteiligten", "abgelehnt.", "Gegen", "diesen", "Bescheid", "kann",
    "innerhalb", "eines", "Monats", "Widerspruch", "erhoben", "werden;", "die", "Frist", "beginnt",
    "mit", "dem", "Tag", "der", "Zustellung."};
#define N_WORDS ((int)(sizeof words / sizeof *words))

static void font(cairo_t *cr, const char *family, double size_mm)
{
	cairo_select_font_face(cr, family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size_mm);
}

static void text(cairo_t *cr, double x, double y, double width, int n_lines, double size_mm)
{
	int word = 0;
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
	font(cr, "Liberation Serif", size_mm);
	for (int line = 0; line < n_lines; line++)
		for (double at = x;;) {
			cairo_text_extents_t extents;
			cairo_text_extents(cr, words[word % N_WORDS], &extents);
			if (at + extents.x_advance > x + width)
				break;
			cairo_move_to(cr, at, y + line * size_mm * 1.4);
			cairo_show_text(cr, words[word++ % N_WORDS]);
			at += extents.x_advance + size_mm * 0.28;
		}
}

static void table(cairo_t *cr, double w, double h)
{
	text(cr, 20, 22, w - 40, 1, 4.5);
	cairo_set_line_width(cr, 0.25);
	for (int row = 0; row <= 20; row++) {
		cairo_move_to(cr, 20, 30 + row * (h - 50) / 20);
		cairo_rel_line_to(cr, w - 40, 0);
	}
	for (int column = 0; column <= 8; column++) {
		cairo_move_to(cr, 20 + column * (w - 40) / 8, 30);
		cairo_rel_line_to(cr, 0, h - 50);
	}
	cairo_stroke(cr);
	font(cr, "Liberation Sans", 3.2);
	for (int row = 0; row < 20; row++)
		for (int column = 0; column < 8; column++) {
			char cell[64];
			if (column % 3 == 1)
				snprintf(
				    cell, sizeof cell, "%s", words[(row * 5 + column) % N_WORDS]);
			else
				snprintf(cell, sizeof cell, "%d,%02d",
				    (row * 977 + column * 131) % 4000, row * 7 % 100);
			cairo_move_to(
			    cr, 22 + column * (w - 40) / 8, 30 + (row + 0.75) * (h - 50) / 20);
			cairo_show_text(cr, cell);
		}
}

static void photo(cairo_t *cr, double x, double y)
{
	cairo_pattern_t *sky = cairo_pattern_create_linear(x, y, x + 35, y + 45);
	cairo_pattern_add_color_stop_rgb(sky, 0, 0.75, 0.82, 0.9);
	cairo_pattern_add_color_stop_rgb(sky, 1, 0.25, 0.3, 0.42);
	cairo_rectangle(cr, x, y, 35, 45);
	cairo_set_source(cr, sky);
	cairo_fill(cr);
	cairo_pattern_destroy(sky);
	cairo_pattern_t *face =
	    cairo_pattern_create_radial(x + 15, y + 17, 1, x + 17.5, y + 20, 13);
	cairo_pattern_add_color_stop_rgb(face, 0, 0.93, 0.76, 0.64);
	cairo_pattern_add_color_stop_rgb(face, 1, 0.55, 0.36, 0.28);
	cairo_save(cr);
	cairo_translate(cr, x + 17.5, y + 20);
	cairo_scale(cr, 9, 12);
	cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
	cairo_restore(cr);
	cairo_set_source(cr, face);
	cairo_fill(cr);
	cairo_pattern_destroy(face);
	cairo_set_source_rgb(cr, 0.2, 0.13, 0.1);
	cairo_arc(cr, x + 14, y + 18, 1, 0, 2 * M_PI);
	cairo_fill(cr);
	cairo_arc(cr, x + 21, y + 18, 1, 0, 2 * M_PI);
	cairo_fill(cr);
	cairo_rectangle(cr, x + 5, y + 36, 25, 9);
	cairo_fill(cr);
}

static void stamp(cairo_t *cr, double x, double y)
{
	cairo_set_source_rgba(cr, 0.83, 0.12, 0.15, 0.9);
	cairo_set_line_width(cr, 0.8);
	cairo_rectangle(cr, x + 1, y + 1, 58, 20);
	cairo_stroke(cr);
	cairo_select_font_face(
	    cr, "Liberation Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
	cairo_set_font_size(cr, 7);
	cairo_move_to(cr, x + 4, y + 10);
	cairo_show_text(cr, "EINGEGANGEN");
	cairo_set_font_size(cr, 5);
	cairo_move_to(cr, x + 16, y + 18);
	cairo_show_text(cr, "12. MRZ. 1987");
}

static void content_draw(cairo_t *cr, const struct layout *layout)
{
	double w = layout->width_mm, h = layout->height_mm;
	bool small = w < 180;
	switch (layout->content) {
	case TABLE: table(cr, w, h); break;
	case COLUMNS:
		text(cr, 20, 28, (w - 50) / 2, (int)((h - 60) / 5.2), 3.7);
		text(cr, 30 + (w - 50) / 2, 28, (w - 50) / 2, (int)((h - 60) / 5.2), 3.7);
		break;
	case PHOTO:
		photo(cr, small ? 6 : 12, 12);
		text(cr, small ? 45 : 55, 18, w - (small ? 50 : 80), small ? 6 : 12, 3.2);
		text(cr, small ? 6 : 25, small ? 75 : 90, w - (small ? 12 : 50), small ? 9 : 24,
		    3.8);
		break;
	case LINES:
		text(cr, small ? 8 : 25, small ? 18 : 40, w - (small ? 16 : 50),
		    (int)((h - (small ? 40 : 110)) / 5.6), 4);
		break;
	default: text(cr, 25, 40, w - 50, 30, 4.2); break;
	}
	const double *at = layout->mark_mm;
	if (layout->content == STAMP)
		stamp(cr, at[0], at[1]);
	if (layout->content == PENCIL) {
		cairo_set_source_rgba(cr, 0.35, 0.35, 0.36, 0.45);
		cairo_select_font_face(
		    cr, "DejaVu Sans Light", CAIRO_FONT_SLANT_ITALIC, CAIRO_FONT_WEIGHT_NORMAL);
		cairo_set_font_size(cr, 6);
		cairo_set_line_width(cr, 0.3);
		cairo_move_to(cr, at[0] + 2, at[1] + 9);
		cairo_text_path(cr, "s. Blatt 17, erl.");
		cairo_stroke(cr);
	}
	if (layout->content == SIGNATURE) {
		cairo_set_source_rgb(cr, 0.15, 0.2, 0.6);
		cairo_set_line_width(cr, 0.45);
		cairo_move_to(cr, at[0] + 2, at[1] + 15);
		for (int i = 0; i < 8; i++)
			cairo_rel_curve_to(
			    cr, 2, -9 + i % 3 * 3, 4, 8 - i % 2 * 3, 8, (i % 2) - 0.5);
		cairo_stroke(cr);
	}
	if (layout->content == MARKER) {
		cairo_set_operator(cr, CAIRO_OPERATOR_MULTIPLY);
		cairo_set_source_rgb(cr, 1, 0.95, 0.25);
		cairo_rectangle(cr, at[0] + 3, at[1] + 3, at[2] - 6, at[3] - 6);
		cairo_fill(cr);
		cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
	}
	if (layout->content == TORN) { /* the corner is gone, four holes */
		cairo_set_source_rgb(cr, 0.05, 0.05, 0.05);
		cairo_move_to(cr, w, 0);
		cairo_line_to(cr, w - 28, 0);
		cairo_line_to(cr, w - 17, 12);
		cairo_line_to(cr, w - 6, 15);
		cairo_line_to(cr, w, 32);
		cairo_fill(cr);
		for (int i = 0; i < 4; i++) {
			cairo_arc(cr, 12, h / 2 - 120 + 80 * i, 2.9, 0, 2 * M_PI);
			cairo_fill(cr);
		}
	}
}

/* The paper on the scanner's lid, with the sensor's grain. */
static PIX *scan(const struct layout *layout, double skew_deg)
{
	double angle = fabs(skew_deg) * M_PI / 180;
	double w = layout->width_mm, h = layout->height_mm, canvas_w = w, canvas_h = h;
	if (layout->lid != LID_NONE) {
		canvas_w = w * cos(angle) + h * sin(angle) + 12;
		canvas_h = h * cos(angle) + w * sin(angle) + 12;
	}
	int w_px = (int)(canvas_w * PX_PER_MM), h_px = (int)(canvas_h * PX_PER_MM);
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w_px, h_px);
	cairo_t *cr = cairo_create(surface);
	double lid = layout->lid == LID_BLACK ? 0.05 : 0.985;
	cairo_set_source_rgb(cr, lid, lid, lid);
	cairo_paint(cr);
	cairo_scale(cr, PX_PER_MM, PX_PER_MM);
	cairo_translate(cr, canvas_w / 2, canvas_h / 2);
	cairo_rotate(cr, skew_deg * M_PI / 180);
	cairo_translate(cr, -w / 2, -h / 2);
	cairo_rectangle(cr, 0, 0, w, h);
	cairo_set_source_rgb(cr, layout->paper[0], layout->paper[1], layout->paper[2]);
	cairo_fill(cr);
	content_draw(cr, layout);
	cairo_destroy(cr);
	cairo_surface_flush(surface);
	PIX *pix = pixCreate(w_px, h_px, 32);
	uint32_t random = 7;
	for (int y = 0; y < h_px; y++) {
		const unsigned char *from = cairo_image_surface_get_data(surface) +
		    (size_t)y * (size_t)cairo_image_surface_get_stride(surface);
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w_px; x++) {
			uint32_t v, word = 0;
			memcpy(&v, from + 4 * (size_t)x, 4);
			for (int shift = 0; shift < 24; shift += 8) {
				random = random * 1664525u + 1013904223u;
				int level = (int)(v >> shift & 255) + (int)((random >> 20) % 7) - 3;
				level = level < 0 ? 0 : level > 255 ? 255 : level;
				word |= (uint32_t)level << (shift + 8);
			}
			to[x] = word;
		}
	}
	cairo_surface_destroy(surface);
	return pix;
}

/* Which layout, skew and quarter number n is. */
static const struct layout *layout_find(int n, bool quick, int *skew, int *quarter)
{
	for (int i = 0; i < N_LAYOUTS; i++) {
		const struct layout *layout = &layouts[i];
		int skews = layout->lid == LID_NONE || quick ? 1 : 2;
		int quarters = layout->quarters && !quick ? 4 : 1;
		if (n < skews * quarters) {
			*skew = n % skews;
			*quarter = n / skews;
			return layout;
		}
		n -= skews * quarters;
	}
	return NULL;
}

bool layout_name(int n, bool quick, struct fixture *out)
{
	int skew = 0, quarter = 0;
	const struct layout *layout = layout_find(n, quick, &skew, &quarter);
	if (!layout)
		return false;
	snprintf(out->name, sizeof out->name, "%s-%d-%d", layout->name, skew, quarter * 90);
	out->set = layout->set;
	return true;
}

void layout_draw(int n, bool quick, struct fixture *out)
{
	int skew = 0, quarter = 0;
	const struct layout *layout = layout_find(n, quick, &skew, &quarter);
	PIX *pix = scan(layout, layout->skew_deg[skew]);
	out->raw = quarter ? pixRotateOrth(pix, quarter) : pixClone(pix);
	pixDestroy(&pix);
	out->dpi = 300;
	out->skew_known = out->orient_known = out->blank_known = out->kind_known = true;
	out->skew_deg = layout->skew_deg[skew];
	out->rotate_deg = (360 - quarter * 90) % 360;
	out->kind = layout->kind;
	out->size_known = true;
	out->width_mm = layout->width_mm;
	out->height_mm = layout->height_mm;
	for (int i = 0; i < 4; i++)
		out->mark_px[i] = (int)(layout->mark_mm[i] * PX_PER_MM);
}
