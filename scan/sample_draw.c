#include "scan/sample_draw.h"

#include <cairo.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"

#define LEFT_MM	  25.0
#define COLUMN_MM 165.0
#define BOTTOM_MM 282.0
#define FINE	  40.0 /* Pango rounds to user units: a millimetre would be too coarse */

struct pen { /* where the next words go */
	cairo_t *cr;
	struct sample_text *text;
	const char *family;
	double x_mm, y_mm, width_mm, bottom_mm;
};

/* Pt as typographers count, in millimetres. */
static double pt(double points)
{
	return points * 25.4 / 72;
}

static PangoLayout *words_layout(cairo_t *cr, const char *words, const char *family,
    const char *style, double size_mm, double width_mm)
{
	char *name = file_path("%s %s", family, style);
	PangoFontDescription *font = pango_font_description_from_string(name);
	cairo_font_options_t *options = cairo_font_options_create();
	PangoLayout *layout = pango_cairo_create_layout(cr);

	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
	pango_font_description_set_absolute_size(font, size_mm * FINE * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_width(layout, width_mm > 0 ? (int)(width_mm * FINE * PANGO_SCALE) : -1);
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_text(layout, words, -1);
	pango_font_description_free(font);
	cairo_font_options_destroy(options);
	free(name);
	return layout;
}

/*
 * Sets words at the pen and moves it below them. Nothing, and false, where they would go below the
 * bottom of the column.
 */
static bool words_put(
    struct pen *pen, const char *words, const char *style, double size_mm, bool justified)
{
	int h;

	if (!words)
		return false;
	cairo_save(pen->cr);
	cairo_translate(pen->cr, pen->x_mm, pen->y_mm);
	cairo_scale(pen->cr, 1 / FINE, 1 / FINE);
	cairo_move_to(pen->cr, 0, 0);
	PangoLayout *layout =
	    words_layout(pen->cr, words, pen->family, style, size_mm, pen->width_mm);
	pango_layout_set_justify(layout, justified);
	pango_layout_set_line_spacing(layout, 1.08F);
	pango_layout_get_size(layout, NULL, &h);
	double height_mm = h / FINE / PANGO_SCALE;
	bool fits = pen->y_mm + height_mm <= pen->bottom_mm;
	if (fits) {
		pango_cairo_show_layout(pen->cr, layout);
		sample_text_add(pen->text, words);
		pen->y_mm += height_mm;
	}
	g_object_unref(layout);
	cairo_restore(pen->cr);
	return fits;
}

/* As words_put() for text that was made for this call. */
static bool words_give(
    struct pen *pen, char *words, const char *style, double size_mm, bool justified)
{
	bool fits = words_put(pen, words, style, size_mm, justified);

	free(words);
	return fits;
}

static void line_draw(cairo_t *cr, double x1, double y1, double x2, double y2, double width_mm)
{
	cairo_set_line_width(cr, width_mm);
	cairo_move_to(cr, x1, y1);
	cairo_line_to(cr, x2, y2);
	cairo_stroke(cr);
}

static void head_draw(struct pen *pen)
{
	words_put(pen, "Stadt Musterhausen", "Bold", pt(17), false);
	words_put(pen, "Fachdienst Ausländerwesen · Rathausplatz 1 · 00001 Musterhausen", "", pt(9),
	    false);
	line_draw(
	    pen->cr, pen->x_mm, pen->y_mm + 1.5, pen->x_mm + pen->width_mm, pen->y_mm + 1.5, 0.4);
	pen->y_mm += 9;
}

static void letter_draw(struct pen *pen, struct sample_random *random, double body_pt, int n)
{
	char *date = sample_date(random), *reference = sample_reference(random);

	head_draw(pen);
	words_give(pen, sample_address(random), "", pt(body_pt), false);
	pen->y_mm += 12;
	words_give(pen, file_path("Unser Zeichen: %s", reference), "", pt(body_pt), false);
	words_give(pen, file_path("Musterhausen, den %s", date), "", pt(body_pt), false);
	pen->y_mm += 7;
	words_give(pen, sample_subject(random), "Bold", pt(body_pt + 0.5), false);
	pen->y_mm += 4;
	words_put(pen, "Sehr geehrte Damen und Herren,", "", pt(body_pt), false);
	double bottom = pen->bottom_mm;
	pen->bottom_mm -= 42;
	for (int i = 0; i < n; i++) {
		pen->y_mm += 2.6;
		if (!words_give(pen, sample_paragraph(random, 2 + sample_random_below(random, 3)),
			"", pt(body_pt), true))
			break;
	}
	pen->bottom_mm = bottom;
	pen->y_mm += 5;
	words_put(pen, "Mit freundlichen Grüßen", "", pt(body_pt), false);
	words_put(pen, "Im Auftrag", "", pt(body_pt), false);
	pen->y_mm += 16;
	words_give(pen, sample_name(random), "", pt(body_pt), false);
	free(date);
	free(reference);
}

/* A row of the form: what is asked in print, what was answered on a typewriter. */
static void row_draw(struct pen *pen, const char *asked, char *answered)
{
	const char *family = pen->family;
	double y = pen->y_mm;
	struct pen left = *pen, right = *pen;

	left.y_mm = right.y_mm = y + 2.2;
	left.x_mm += 2;
	left.width_mm = 58;
	right.x_mm += 64;
	right.width_mm -= 66;
	right.family = "Liberation Mono";
	words_put(&left, asked, "", pt(10), false);
	words_give(&right, answered, "", pt(11), false);
	pen->family = family;
	pen->y_mm = fmax(left.y_mm, right.y_mm) + 2.2;
	cairo_set_line_width(pen->cr, 0.3);
	cairo_rectangle(pen->cr, pen->x_mm, y, pen->width_mm, pen->y_mm - y);
	cairo_stroke(pen->cr);
	line_draw(pen->cr, pen->x_mm + 62, y, pen->x_mm + 62, pen->y_mm, 0.3);
}

static void form_draw(struct pen *pen, struct sample_random *random)
{
	static const char *const choices[] = {"Erteilung", "Verlängerung", "Übertragung"};
	int chosen = sample_random_below(random, 3);

	head_draw(pen);
	words_put(pen, "Antrag auf Erteilung oder Verlängerung eines Aufenthaltstitels", "Bold",
	    pt(13), false);
	pen->y_mm += 5;
	for (int i = 0; i < 3; i++) {
		struct pen choice = *pen;
		choice.x_mm += 8 + 52 * i;
		cairo_set_line_width(pen->cr, 0.35);
		cairo_rectangle(pen->cr, choice.x_mm - 7, choice.y_mm + 0.4, 4, 4);
		cairo_stroke(pen->cr);
		if (i == chosen) {
			line_draw(pen->cr, choice.x_mm - 7.4, choice.y_mm, choice.x_mm - 2.6,
			    choice.y_mm + 4.8, 0.6);
			line_draw(pen->cr, choice.x_mm - 7.4, choice.y_mm + 4.8, choice.x_mm - 2.6,
			    choice.y_mm, 0.6);
		}
		choice.width_mm = 44;
		words_put(&choice, choices[i], "", pt(10.5), false);
	}
	pen->y_mm += 10;
	row_draw(pen, "Familienname, Vorname", sample_name(random));
	row_draw(pen, "Geboren am", sample_date(random));
	row_draw(pen, "Anschrift", sample_address(random));
	row_draw(pen, "Eingereist am", sample_date(random));
	row_draw(pen, "Aktenzeichen", sample_reference(random));
	row_draw(pen, "Arbeitgeber seit", sample_date(random));
	row_draw(pen, "Verwandte im Inland", sample_name(random));
	row_draw(pen, "Begründung", sample_paragraph(random, 3));
	row_draw(pen, "Vermerke der Behörde", sample_paragraph(random, 2));
	pen->y_mm += 8;
	words_give(pen,
	    file_path("Musterhausen, den %s",
		sample_random_below(random, 2) ? "3. Mai 1994" : "17. Oktober 2001"),
	    "", pt(10.5), false);
	line_draw(pen->cr, pen->x_mm + 95, pen->y_mm, pen->x_mm + pen->width_mm, pen->y_mm, 0.3);
	pen->y_mm += 1;
	words_put(pen, "Ort, Datum und Unterschrift", "", pt(8.5), false);
}

static void minutes_draw(struct pen *pen, struct sample_random *random)
{
	head_draw(pen);
	words_give(pen, file_path("Niederschrift über die Besprechung am %s", "8. Februar 1999"),
	    "Bold", pt(13), false);
	pen->y_mm += 4;
	double top = pen->y_mm;
	for (int column = 0, n = 1; column < 2; column++) {
		pen->x_mm = LEFT_MM + column * (COLUMN_MM / 2 + 4);
		pen->width_mm = COLUMN_MM / 2 - 4;
		pen->y_mm = top;
		for (;; n++) {
			char *head = sample_subject(random);
			char *body = sample_paragraph(random, 4);
			bool room = pen->y_mm < pen->bottom_mm - 55;
			if (room) {
				words_give(pen, file_path("%d. %s", n, head ? head : ""), "Bold",
				    pt(9.5), false);
				pen->y_mm += 1;
				words_put(pen, body, "", pt(9.5), false);
				pen->y_mm += 3;
			}
			free(head);
			free(body);
			if (!room)
				break;
		}
	}
}

/* A stamp of a received letter: red, a little turned, ink uneven. It is not part of the words. */
static void stamp_draw(cairo_t *cr, struct sample_random *random, double x_mm, double y_mm)
{
	static const char *const lines[] = {"EINGEGANGEN", "STADT MUSTERHAUSEN"};

	cairo_save(cr);
	cairo_translate(cr, x_mm, y_mm);
	cairo_rotate(cr, sample_random_between(random, -0.2, 0.2));
	cairo_set_source_rgba(cr, 0.78, 0.08, 0.12, 0.85);
	cairo_set_line_width(cr, 0.9);
	cairo_rectangle(cr, 0, 0, 58, 24);
	cairo_stroke(cr);
	cairo_set_line_width(cr, 0.4);
	cairo_rectangle(cr, 1.5, 1.5, 55, 21);
	cairo_stroke(cr);
	char *date = sample_date(random);
	for (int i = 0; i < 3; i++) {
		const char *line = i == 2 ? (date ? date : "") : lines[i];
		cairo_save(cr);
		cairo_translate(cr, 1.5, 2.6 + 6.2 * i);
		cairo_scale(cr, 1 / FINE, 1 / FINE);
		cairo_move_to(cr, 0, 0);
		PangoLayout *layout = words_layout(
		    cr, line, "Liberation Sans", i == 1 ? "" : "Bold", pt(i == 1 ? 9 : 13), 55);
		pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
		pango_cairo_show_layout(cr, layout);
		g_object_unref(layout);
		cairo_restore(cr);
	}
	free(date);
	cairo_restore(cr);
}

/* A round seal with a wheel instead of a coat of arms. */
static void seal_draw(cairo_t *cr, double x_mm, double y_mm)
{
	cairo_save(cr);
	cairo_translate(cr, x_mm, y_mm);
	cairo_set_source_rgba(cr, 0.72, 0.06, 0.14, 0.8);
	for (int i = 0; i < 2; i++) {
		cairo_set_line_width(cr, i ? 0.4 : 1);
		cairo_new_sub_path(cr);
		cairo_arc(cr, 0, 0, 17 - 5 * i, 0, 2 * M_PI);
		cairo_stroke(cr);
	}
	for (int i = 0; i < 8; i++) {
		double a = i * M_PI / 4;
		line_draw(cr, 3 * cos(a), 3 * sin(a), 10 * cos(a), 10 * sin(a), 0.8);
	}
	cairo_restore(cr);
}

static void signature_draw(cairo_t *cr, struct sample_random *random, double x_mm, double y_mm)
{
	cairo_save(cr);
	cairo_set_source_rgba(cr, 0.08, 0.14, 0.62, 0.9);
	cairo_set_line_width(cr, 0.55);
	cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
	cairo_move_to(cr, x_mm, y_mm);
	for (int i = 0; i < 9; i++) {
		double x = x_mm + 4.6 * (i + 1), swing = i < 2 ? 10 : 4.5;
		cairo_curve_to(cr, x - 4, y_mm - sample_random_between(random, 0, swing), x + 1.5,
		    y_mm - sample_random_between(random, 0, swing), x,
		    y_mm + sample_random_between(random, -1, 2.5));
	}
	cairo_stroke(cr);
	cairo_restore(cr);
}

/* A passport photo of nobody: a head of two ellipses before a shaded wall. */
static void photo_draw(cairo_t *cr, struct sample_random *random, double x, double y)
{
	double skin = sample_random_between(random, 0.45, 0.85);

	cairo_save(cr);
	cairo_rectangle(cr, x, y, 35, 45);
	cairo_clip(cr);
	cairo_pattern_t *wall = cairo_pattern_create_linear(x, y, x + 35, y + 45);
	cairo_pattern_add_color_stop_rgb(wall, 0, 0.86, 0.88, 0.92);
	cairo_pattern_add_color_stop_rgb(wall, 1, 0.52, 0.58, 0.66);
	cairo_set_source(cr, wall);
	cairo_paint(cr);
	cairo_pattern_destroy(wall);
	static const double parts[][4] = {
	    {17.5, 46, 17, 14}, {17.5, 17, 10.5, 12}, {17.5, 21, 9, 12}};
	for (int i = 0; i < 3; i++) {
		cairo_pattern_t *shade = cairo_pattern_create_radial(x + parts[i][0] - 3,
		    y + parts[i][1] - 4, 1, x + parts[i][0], y + parts[i][1], parts[i][3] * 1.2);
		double r = i == 2 ? skin
		    : i == 1	  ? 0.2
				  : 0.15,
		       g = r * (i == 0 ? 1.3 : 0.78), b = r * (i == 0 ? 1.9 : 0.62);
		cairo_pattern_add_color_stop_rgb(shade, 0, fmin(1, r * 1.15), g * 1.1, b * 1.1);
		cairo_pattern_add_color_stop_rgb(shade, 1, r * 0.7, g * 0.65, b * 0.6);
		cairo_save(cr);
		cairo_translate(cr, x + parts[i][0], y + parts[i][1]);
		cairo_scale(cr, parts[i][2], parts[i][3]);
		cairo_new_sub_path(cr);
		cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
		cairo_restore(cr);
		cairo_set_source(cr, shade);
		cairo_fill(cr);
		cairo_pattern_destroy(shade);
	}
	cairo_set_source_rgb(cr, 0.1, 0.08, 0.08);
	for (int i = -1; i <= 1; i += 2) {
		cairo_new_sub_path(cr);
		cairo_arc(cr, x + 17.5 + 3.6 * i, y + 19, 0.9, 0, 2 * M_PI);
		cairo_fill(cr);
	}
	line_draw(cr, x + 14.5, y + 27, x + 20.5, y + 27, 0.7);
	cairo_restore(cr);
	cairo_set_source_rgb(cr, 0, 0, 0);
}

static void photo_page_draw(struct pen *pen, struct sample_random *random)
{
	head_draw(pen);
	words_put(pen, "Lichtbild zum Antrag", "Bold", pt(13), false);
	pen->y_mm += 6;
	photo_draw(pen->cr, random, pen->x_mm, pen->y_mm);
	pen->y_mm += 52;
	words_give(pen, file_path("Name: %s", "Erika Beispiel"), "", pt(11), false);
	words_give(pen, sample_paragraph(random, 2), "", pt(11), false);
}

static void given_draw(struct pen *pen, const char *words)
{
	for (const char *s = words; *s;) {
		size_t n = strcspn(s, "\n");
		if (n > 0)
			words_give(pen, strndup(s, n), "", pt(12), false);
		pen->y_mm += 2.5;
		s += n + (s[n] != '\0');
	}
}

void sample_ink_draw(cairo_t *cr, const struct sample_page *page, struct sample_random *random,
    struct sample_text *text)
{
	static const struct {
		const char *name;
		bool narrow;
	} families[] = {{"Liberation Serif", true}, {"Liberation Sans", true},
	    {"DejaVu Serif", false}, {"DejaVu Sans", false}, {"Liberation Mono", false}};
	int family = sample_random_below(random, 5);
	bool narrow = families[family].narrow;
	struct pen pen = {cr, text, families[family].name, LEFT_MM, 18, COLUMN_MM, BOTTOM_MM};

	cairo_set_source_rgb(cr, 0.07, 0.07, 0.08);
	if (page->words) {
		given_draw(&pen, page->words);
		return;
	}
	switch (page->kind) {
	case SAMPLE_LETTER: letter_draw(&pen, random, narrow ? 11.5 : 10.5, 4); break;
	case SAMPLE_FORM:
		pen.family = "Liberation Sans";
		form_draw(&pen, random);
		break;
	case SAMPLE_MINUTES:
		if (!narrow)
			pen.family = "Liberation Serif";
		minutes_draw(&pen, random);
		break;
	case SAMPLE_COLOUR:
		letter_draw(&pen, random, 11, 2);
		signature_draw(cr, random, LEFT_MM + 4, pen.y_mm - 9);
		stamp_draw(cr, random, 128, 52);
		seal_draw(cr, 160, fmin(pen.y_mm + 4, 262));
		break;
	case SAMPLE_PHOTO: photo_page_draw(&pen, random); break;
	case SAMPLE_FEW_WORDS:
		words_give(&pen, sample_subject(random), "Bold", pt(14), false);
		pen.y_mm += 4;
		words_give(&pen, sample_paragraph(random, 1), "", pt(13), false);
		break;
	case SAMPLE_BLANK: break;
	}
}
