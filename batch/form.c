#include "batch/form.h"

#include <cairo-pdf.h>
#include <cairo.h>
#include <errno.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/text.h"

#define MM(x)	  ((x)*72.0 / 25.4)
#define PAGE_W	  MM(210)
#define PAGE_H	  MM(297)
#define LEFT	  MM(22)
#define WIDTH	  MM(FORM_WIDTH_MM)
#define TOP	  MM(20)
#define BOTTOM	  MM(274)
#define CELL_GAP  MM(1.2)
#define CODE_LINE 32 /* digits of a hash on a line */

enum { FONT_PLAIN, FONT_BOLD, FONT_SMALL, FONT_CODE, FONT_TITLE, FONT_HEADING, FONTS };

static const char *const font_names[FONTS] = {"Liberation Sans 9.5", "Liberation Sans Bold 9.5",
    "Liberation Sans 7.5", "Liberation Mono 6.2", "Liberation Sans Bold 16",
    "Liberation Sans Bold 11.5"};

struct form {
	struct form_options options;
	FILE *file;
	int write_errno; /* of the first write that failed */
	cairo_surface_t *surface;
	cairo_t *cr;
	PangoLayout *layouts[FONTS];
	double y; /* where the next thing goes, points from the top */
	int page;
	const struct form_column *columns; /* of the open table, or NULL */
	int n_columns;
};

static cairo_status_t form_put(void *self, const unsigned char *data, unsigned int n)
{
	struct form *form = self;

	if (!form->file)
		return CAIRO_STATUS_SUCCESS;
	if (fwrite(data, 1, n, form->file) == n)
		return CAIRO_STATUS_SUCCESS;
	if (form->write_errno == 0)
		form->write_errno = errno;
	return CAIRO_STATUS_WRITE_ERROR;
}

static PangoLayout *layout_open(cairo_t *cr, const char *font_name)
{
	PangoLayout *layout = pango_cairo_create_layout(cr);
	PangoFontDescription *font = pango_font_description_from_string(font_name);
	cairo_font_options_t *options = cairo_font_options_create();

	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	PangoContext *context = pango_layout_get_context(layout);
	pango_cairo_context_set_font_options(context, options);
	pango_cairo_context_set_resolution(context, 72);
	pango_context_set_round_glyph_positions(context, FALSE);
	pango_layout_context_changed(layout);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	cairo_font_options_destroy(options);
	pango_font_description_free(font);
	return layout;
}

/*
 * Sets text in a column and returns its height in points. ellipsis: one line, cut where it is
 * too wide; else lines break.
 */
static double words_put(struct form *form, int font, const char *text, double x, double y,
    double width, bool right, bool ellipsis, bool draw)
{
	PangoLayout *layout = form->layouts[font];
	int h;

	pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
	pango_layout_set_alignment(layout, right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
	pango_layout_set_ellipsize(layout, ellipsis ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
	pango_layout_set_text(layout, text, -1);
	pango_layout_get_size(layout, NULL, &h);
	if (draw && form->options.path) {
		cairo_move_to(form->cr, x, y);
		pango_cairo_show_layout(form->cr, layout);
	}
	return (double)h / PANGO_SCALE;
}

static void line_put(struct form *form, double x1, double y1, double x2, double y2, double width)
{
	cairo_set_line_width(form->cr, width);
	cairo_move_to(form->cr, x1, y1);
	cairo_line_to(form->cr, x2, y2);
	cairo_stroke(form->cr);
}

static void page_foot(struct form *form)
{
	char number[64];
	double y = BOTTOM + MM(5);

	snprintf(number, sizeof number, _("page %d of %d"), form->page, form->options.n_pages);
	line_put(form, LEFT, y, LEFT + WIDTH, y, 0.4);
	words_put(form, FONT_SMALL, form->options.foot, LEFT, y + MM(1), WIDTH - MM(28), false,
	    false, true);
	words_put(
	    form, FONT_SMALL, number, LEFT + WIDTH - MM(28), y + MM(1), MM(28), true, true, true);
}

static void page_next(struct form *form)
{
	page_foot(form);
	cairo_show_page(form->cr);
	form->page++;
	words_put(form, FONT_SMALL, form->options.head, LEFT, MM(12), WIDTH, false, true, true);
	line_put(form, LEFT, MM(16.5), LEFT + WIDTH, MM(16.5), 0.4);
	form->y = TOP;
}

bool form_open(const struct form_options *options, struct form **out, struct error *err)
{
	struct form *form = calloc(1, sizeof *form);

	if (!form)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a form"));
	form->options = *options;
	if (options->path) {
		form->file = fopen(options->path, "wbe");
		if (!form->file) {
			error_errno(err, _("check the folder and the free space of the disk"),
			    _("cannot write '%s'"), options->path);
			free(form);
			return false;
		}
	}
	form->surface = cairo_pdf_surface_create_for_stream(form_put, form, PAGE_W, PAGE_H);
	cairo_pdf_surface_set_metadata(form->surface, CAIRO_PDF_METADATA_TITLE, options->title);
	form->cr = cairo_create(form->surface);
	for (int i = 0; i < FONTS; i++)
		form->layouts[i] = layout_open(form->cr, font_names[i]);
	form->page = 1;
	form->y = TOP;
	*out = form;
	return true;
}

bool form_close(struct form *form, int *n_pages, struct error *err)
{
	const char *todo = _("check the folder and the free space of the disk");
	bool ok = true;

	page_foot(form);
	cairo_show_page(form->cr);
	if (n_pages)
		*n_pages = form->page;
	for (int i = 0; i < FONTS; i++)
		g_object_unref(form->layouts[i]);
	cairo_surface_finish(form->surface);
	cairo_status_t status = cairo_surface_status(form->surface);
	cairo_destroy(form->cr);
	cairo_surface_destroy(form->surface);
	if (form->file && fclose(form->file) != 0 && form->write_errno == 0)
		form->write_errno = errno;
	if (form->write_errno != 0) {
		errno = form->write_errno;
		ok = error_errno(err, todo, _("cannot write '%s'"), form->options.path);
	} else if (status != CAIRO_STATUS_SUCCESS) {
		ok = error_set(err, ERROR_SYSTEM, NULL, _("cannot draw '%s': %s"),
		    form->options.title, cairo_status_to_string(status));
	}
	free(form);
	return ok;
}

void form_need(struct form *form, double height_mm)
{
	if (form->y + MM(height_mm) > BOTTOM && form->y > TOP)
		page_next(form);
}

void form_gap(struct form *form, double height_mm)
{
	form->y += MM(height_mm);
}

void form_title(struct form *form, const char *text, const char *below)
{
	form->y += words_put(form, FONT_TITLE, text, LEFT, form->y, WIDTH, false, false, true);
	form->y += MM(1);
	form->y += words_put(form, FONT_HEADING, below, LEFT, form->y, WIDTH, false, false, true);
	form->y += MM(5);
}

void form_heading(struct form *form, const char *text)
{
	form->y += MM(5);
	form_need(form, 32); /* never alone at the foot of a page */
	form->y += words_put(form, FONT_HEADING, text, LEFT, form->y, WIDTH, false, false, true);
	form->y += MM(2);
}

static int style_font(enum form_style style)
{
	switch (style) {
	case FORM_BOLD: return FONT_BOLD;
	case FORM_SMALL: return FONT_SMALL;
	case FORM_CODE: return FONT_CODE;
	case FORM_PLAIN: break;
	}
	return FONT_PLAIN;
}

void form_text(struct form *form, const char *text, enum form_style style)
{
	int font = style_font(style);
	double h = words_put(form, font, text, LEFT, 0, WIDTH, false, false, false);

	form_need(form, h * 25.4 / 72);
	words_put(form, font, text, LEFT, form->y, WIDTH, false, false, true);
	form->y += h + MM(1.5);
}

void form_fact(struct form *form, const char *name, const char *value)
{
	const double names = MM(58);
	const char *shown = value && value[0] ? value : "–";
	double h = words_put(form, FONT_PLAIN, shown, 0, 0, WIDTH - names, false, false, false);

	form_need(form, h * 25.4 / 72);
	double left =
	    words_put(form, FONT_PLAIN, name, LEFT, form->y, names - MM(3), false, false, true);
	words_put(
	    form, FONT_PLAIN, shown, LEFT + names, form->y, WIDTH - names, false, false, true);
	form->y += (h > left ? h : left) + MM(1);
}

static void table_head(struct form *form)
{
	double x = LEFT, tallest = 0;

	for (int i = 0; i < form->n_columns; i++) {
		const struct form_column *c = &form->columns[i];
		double h = words_put(form, FONT_SMALL, c->head, x + CELL_GAP, form->y,
		    MM(c->width_mm) - 2 * CELL_GAP, c->right, false, true);
		if (h > tallest)
			tallest = h;
		x += MM(c->width_mm);
	}
	form->y += tallest + MM(1);
	line_put(form, LEFT, form->y, x, form->y, 0.8);
	form->y += MM(1);
}

void form_table(struct form *form, const struct form_column *columns, int n_columns)
{
	form->columns = columns;
	form->n_columns = n_columns;
	form_need(form, 22);
	table_head(form);
}

void form_table_end(struct form *form)
{
	form->columns = NULL;
	form->y += MM(1);
}

/* A hash in two lines. Gives. */
static char *code_lines(const char *text)
{
	if (strlen(text) <= CODE_LINE)
		return file_path("%s", text);
	return file_path("%.*s\n%s", CODE_LINE, text, text + CODE_LINE);
}

/* Draws, or only measures, one row at the current place. Returns its height. */
static double row_put(struct form *form, const char *const *cells, bool bold, bool draw)
{
	double x = LEFT, tallest = 0;

	for (int i = 0; i < form->n_columns; i++) {
		const struct form_column *c = &form->columns[i];
		double width = MM(c->width_mm);
		int font = bold ? FONT_BOLD : style_font(c->style);
		if (cells[i] && cells[i][0]) {
			char *code = c->style == FORM_CODE ? code_lines(cells[i]) : NULL;
			double h = words_put(form, font, code ? code : cells[i], x + CELL_GAP,
			    form->y, width - 2 * CELL_GAP, c->right, false, draw);
			if (h > tallest)
				tallest = h;
			free(code);
		}
		x += width;
	}
	return tallest;
}

static void row_flow(struct form *form, const char *const *cells, bool bold)
{
	double h = row_put(form, cells, bold, false), width = 0;

	if (form->y + h + MM(2) > BOTTOM && form->y > TOP) {
		page_next(form);
		table_head(form);
	}
	for (int i = 0; i < form->n_columns; i++)
		width += MM(form->columns[i].width_mm);
	if (bold) {
		line_put(form, LEFT, form->y, LEFT + width, form->y, 0.8);
		form->y += MM(1);
	}
	if (form->options.path)
		row_put(form, cells, bold, true);
	form->y += h + MM(0.8);
	if (!bold)
		line_put(form, LEFT, form->y, LEFT + width, form->y, 0.15);
	form->y += MM(0.8);
}

void form_row(struct form *form, const char *const *cells)
{
	row_flow(form, cells, false);
}

void form_row_bold(struct form *form, const char *const *cells)
{
	row_flow(form, cells, true);
}

void form_boxes(struct form *form, const char *const *titles, int n_boxes, const char *const *lines,
    int n_lines)
{
	const double line = MM(14), gap = MM(6);
	double width = (WIDTH - gap * (n_boxes - 1)) / n_boxes, height = MM(11) + line * n_lines;

	form_need(form, height * 25.4 / 72 + 2);
	for (int i = 0; i < n_boxes; i++) {
		double x = LEFT + i * (width + gap);
		cairo_set_line_width(form->cr, 0.6);
		cairo_rectangle(form->cr, x, form->y, width, height);
		cairo_stroke(form->cr);
		words_put(form, FONT_BOLD, titles[i], x + MM(3), form->y + MM(2.5), width - MM(6),
		    false, false, true);
		for (int k = 0; k < n_lines; k++) {
			double y = form->y + MM(5.5) + line * (k + 1);
			line_put(form, x + MM(3), y, x + width - MM(3), y, 0.4);
			words_put(form, FONT_SMALL, lines[k], x + MM(3), y + MM(0.6), width - MM(6),
			    false, true, true);
		}
	}
	form->y += height + MM(4);
}
