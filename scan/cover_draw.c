/* Cover sheets on paper: pangocairo for the letters, libzint for the codes. */
#include <assert.h>
#include <cairo-pdf.h>
#include <cairo.h>
#include <errno.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zint.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/cover.h"

#define PT_PER_MM (72.0 / 25.4)
#define A4_W_MM	  210.0
#define A4_H_MM	  297.0
#define QR_MM	  60.0
#define LEFT_MM	  23.0 /* what is written lies between these */
#define RIGHT_MM  (A4_W_MM - LEFT_MM)
#define TOP_MM	  24.0
#define BOTTOM_MM (A4_H_MM - TOP_MM)

static bool code_failed(struct error *err, const char *why)
{
	return error_set(
	    err, ERROR_SYSTEM, NULL, _("cannot draw the code of the cover sheet: %s"), why);
}

/*
 * Fills the symbol's dark modules as rectangles, width_mm wide without quiet zone. height_mm 0:
 * modules are squares. User units are millimetres.
 */
static void symbol_fill(cairo_t *cr, const struct zint_symbol *symbol, double x_mm, double y_mm,
    double width_mm, double height_mm)
{
	double w = width_mm / symbol->width;
	double h = height_mm > 0 ? height_mm / symbol->rows : w;

	for (int y = 0; y < symbol->rows; y++) {
		const unsigned char *row = symbol->encoded_data[y];
		for (int x = 0; x < symbol->width;) {
			int from = x;
			while (x < symbol->width && (row[x >> 3] >> (x & 7) & 1))
				x++;
			if (x > from)
				cairo_rectangle(
				    cr, x_mm + from * w, y_mm + y * h, (x - from) * w, h);
			else
				x++;
		}
	}
	cairo_fill(cr);
}

static bool qr_draw(cairo_t *cr, const char *text, double x_mm, double y_mm, struct error *err)
{
	struct zint_symbol *symbol = ZBarcode_Create();
	bool ok = false;

	if (!symbol) {
		code_failed(err, _("no memory"));
		goto done;
	}
	symbol->symbology = BARCODE_QRCODE;
	/* As much correction as leaves modules of a millimetre. */
	symbol->option_1 = strlen(text) <= 84 ? 4 : strlen(text) <= 150 ? 3 : 2;
	if (ZBarcode_Encode(symbol, (const unsigned char *)text, (int)strlen(text)) >= ZINT_ERROR) {
		code_failed(err, symbol->errtxt);
		goto done;
	}
	symbol_fill(cr, symbol, x_mm, y_mm, QR_MM, 0);
	ok = true;
done:
	ZBarcode_Delete(symbol);
	return ok;
}

/* The number as Code 128, centred, where it can be encoded and its bars are not too fine to print.
 */
static bool bars_draw(cairo_t *cr, const char *number, double y_mm, struct error *err)
{
	struct zint_symbol *symbol = NULL;
	bool ok = false;

	for (const char *p = number; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E)
			return true;
	symbol = ZBarcode_Create();
	if (!symbol) {
		code_failed(err, _("no memory"));
		goto done;
	}
	symbol->symbology = BARCODE_CODE128;
	/* Code 128 ends at 60 characters; the QR codes carry any number. */
	if (ZBarcode_Encode(symbol, (const unsigned char *)number, (int)strlen(number)) >=
	    ZINT_ERROR) {
		ok = true;
		goto done;
	}
	double room = RIGHT_MM - LEFT_MM - 10, width = symbol->width * 0.5;
	if (width > room)
		width = room;
	if (width / symbol->width >= 0.25)
		symbol_fill(cr, symbol, (A4_W_MM - width) / 2, y_mm, width, 18);
	ok = true;
done:
	ZBarcode_Delete(symbol);
	return ok;
}

struct words { /* how a piece of text is set */
	const char *font;
	double size_mm;
	PangoAlignment align;
	double line_mm; /* made smaller down to this to stay on one line; 0: lines break */
};

/*
 * Sets text at x, y in a column width_mm wide; made smaller until it is at most height_mm high.
 * Returns the height.
 */
static double words_draw(cairo_t *cr, const char *text, struct words how, double x_mm, double y_mm,
    double width_mm, double height_mm)
{
	const double fine = 40; /* Pango rounds to user units: a millimetre would be too coarse */
	PangoFontDescription *font = pango_font_description_from_string(how.font);
	cairo_font_options_t *options = cairo_font_options_create();
	PangoLayout *layout;
	bool one_line = how.line_mm > 0;
	int w, h;

	cairo_save(cr);
	cairo_translate(cr, x_mm, y_mm);
	cairo_scale(cr, 1 / fine, 1 / fine);
	cairo_move_to(cr, 0, 0);
	layout = pango_cairo_create_layout(cr);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
	pango_layout_set_width(layout, (int)(width_mm * fine * PANGO_SCALE));
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(layout, how.align);
	pango_layout_set_text(layout, text, -1);
	/* A hyphen at a break would be read as part of the number. */
	PangoAttrList *attributes = pango_attr_list_new();
	pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
	pango_layout_set_attributes(layout, attributes);
	pango_attr_list_unref(attributes);
	for (double size = how.size_mm;; size *= 0.9) {
		pango_font_description_set_absolute_size(font, size * fine * PANGO_SCALE);
		pango_layout_set_font_description(layout, font);
		pango_layout_get_size(layout, &w, &h);
		if (size < 2)
			break;
		if (one_line && size < how.line_mm) { /* too small: rather break the line */
			one_line = false;
			size = how.size_mm * 0.75;
			continue;
		}
		if (h <= height_mm * fine * PANGO_SCALE &&
		    (!one_line || pango_layout_get_line_count(layout) == 1))
			break;
	}
	pango_cairo_show_layout(cr, layout);
	cairo_restore(cr);
	pango_font_description_free(font);
	cairo_font_options_destroy(options);
	g_object_unref(layout);
	return (double)h / PANGO_SCALE / fine;
}

static void frame_draw(cairo_t *cr)
{
	const double side_mm[2] = {A4_W_MM, A4_H_MM};

	for (int upright = 0; upright < 2; upright++) {
		double along_mm = side_mm[upright], across_mm = side_mm[!upright];
		int n = upright ? 9 : 6;
		double from = (along_mm - (n - 1) * COVER_PITCH_MM - COVER_BAR_MM) / 2;
		for (int i = 0; i < 2 * n; i++) {
			double a = from + i % n * COVER_PITCH_MM;
			double b =
			    i < n ? COVER_EDGE_MM : across_mm - COVER_EDGE_MM - COVER_BREADTH_MM;
			if (upright)
				cairo_rectangle(cr, b, a, COVER_BREADTH_MM, COVER_BAR_MM);
			else
				cairo_rectangle(cr, a, b, COVER_BAR_MM, COVER_BREADTH_MM);
		}
	}
	cairo_fill(cr);
	double inside = COVER_EDGE_MM + COVER_BREADTH_MM + 2.5;
	cairo_set_line_width(cr, 0.5);
	cairo_rectangle(cr, inside, inside, A4_W_MM - 2 * inside, A4_H_MM - 2 * inside);
	cairo_stroke(cr);
}

/* Beside the upper code: what this paper is, and the figures. */
static void facts_draw(cairo_t *cr, const struct cover *cover, const char *authority)
{
	const struct words plain = {"Sans", 5.2, PANGO_ALIGN_LEFT};
	const struct words bold = {"Sans Bold", 12, PANGO_ALIGN_LEFT};
	double x = LEFT_MM + QR_MM + 9, width = RIGHT_MM - x, y = TOP_MM - 1;
	char line[128];

	if (authority && authority[0])
		y += words_draw(cr, authority, plain, x, y, width, 14) + 2;
	y += words_draw(cr, _("COVER SHEET"), bold, x, y, width, 15);
	y += words_draw(cr, _("not counted, not filed"), plain, x, y, width, 14) + 6;
	snprintf(line, sizeof line, _("Volume %d"), cover->volume);
	y +=
	    words_draw(cr, line, (struct words){"Sans Bold", 8, PANGO_ALIGN_LEFT}, x, y, width, 10);
	if (cover->prepared >= 0)
		snprintf(line, sizeof line, _("Sheets prepared: %d"), cover->prepared);
	else
		snprintf(line, sizeof line, "%s", _("Sheets prepared: ________"));
	y += words_draw(cr, line, plain, x, y, width, 14) + 1;
	snprintf(line, sizeof line, _("Serial: %s"), cover->serial);
	words_draw(cr, line, (struct words){"Sans", 4, PANGO_ALIGN_LEFT}, x, y, width, 12);
}

bool cover_draw(cairo_t *cr, const struct cover *cover, const char *authority, struct error *err)
{
	char text[COVER_TEXT_SIZE];
	double width = RIGHT_MM - LEFT_MM;
	bool ok = false;

	cover_text(cover, text);
	cairo_save(cr);
	cairo_scale(cr, PT_PER_MM, PT_PER_MM);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_rectangle(cr, 0, 0, A4_W_MM, A4_H_MM);
	cairo_fill(cr);
	cairo_set_source_rgb(cr, 0, 0, 0);
	frame_draw(cr);
	if (!qr_draw(cr, text, LEFT_MM, TOP_MM, err) ||
	    !qr_draw(cr, text, RIGHT_MM - QR_MM, BOTTOM_MM - QR_MM, err))
		goto done;
	facts_draw(cr, cover, authority);

	words_draw(cr, _("File number"), (struct words){"Sans", 5.2, PANGO_ALIGN_CENTER}, LEFT_MM,
	    100, width, 8);
	words_draw(cr, cover->file_number, (struct words){"Sans Bold", 24, PANGO_ALIGN_CENTER, 11},
	    LEFT_MM, 109, width, 58);
	if (!bars_draw(cr, cover->file_number, 178, err))
		goto done;
	words_draw(cr,
	    _("Put this sheet in front of the file it names. Either side may face up. Use it only "
	      "once: each one carries a serial of its own."),
	    (struct words){"Sans", 4.6, PANGO_ALIGN_LEFT}, LEFT_MM, BOTTOM_MM - QR_MM,
	    width - QR_MM - 9, QR_MM);
	if (cairo_status(cr) != CAIRO_STATUS_SUCCESS) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot draw the cover sheet: %s"),
		    cairo_status_to_string(cairo_status(cr)));
		goto done;
	}
	ok = true;
done:
	cairo_restore(cr);
	return ok;
}

static cairo_status_t file_put(void *file, const unsigned char *data, unsigned int n)
{
	return fwrite(data, 1, n, file) == n ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

bool cover_print(
    const struct cover *covers, int n, const char *authority, const char *path, struct error *err)
{
	const char *todo = _("check the folder and the free space of the disk");
	char *part = file_path("%s.part", path);
	cairo_surface_t *surface = NULL;
	cairo_t *cr = NULL;
	bool ok = false;

	assert(n > 0);
	FILE *file = fopen(part, "wbe");
	if (!file) {
		error_errno(err, todo, _("cannot write '%s'"), path);
		goto done;
	}
	surface = cairo_pdf_surface_create_for_stream(
	    file_put, file, A4_W_MM * PT_PER_MM, A4_H_MM * PT_PER_MM);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, _("Cover sheets"));
	cr = cairo_create(surface);
	for (int i = 0; i < n; i++) {
		if (!cover_draw(cr, &covers[i], authority, err))
			goto done;
		cairo_copy_page(cr); /* the front; the back is the same once more */
		cairo_show_page(cr);
	}
	cairo_surface_finish(surface);
	if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS || fflush(file) != 0) {
		error_errno(err, todo, _("cannot write '%s'"), path);
		goto done;
	}
	int closed = fclose(file);
	file = NULL;
	if (closed != 0) {
		error_errno(err, todo, _("cannot write '%s'"), path);
		goto done;
	}
	ok = file_sync(part, err) && file_move(part, path, err);
done:
	if (cr)
		cairo_destroy(cr);
	if (surface)
		cairo_surface_destroy(surface);
	if (file)
		fclose(file);
	if (!ok)
		remove(part);
	free(part);
	return ok;
}
