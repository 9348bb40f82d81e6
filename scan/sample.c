/*
 * Sample paper as it looks after scanning. Skew and rotation are part of the transformation under
 * which everything is drawn, so that nothing is ever resampled:
 *
 *   background, paper, mottling, what shines through, ink, holes, specks  (cairo)  ->  noise  ->
 * Pix
 */
#include "scan/sample.h"

#include <allheaders.h>
#include <assert.h>
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/cover.h"
#include "scan/sample_draw.h"

#define AROUND_MM    3.0 /* of black background */
#define NOISE_SIGMA  3.5 /* grey levels */
#define NOISE_TABLE  4096
#define JPEG_QUALITY 85

static bool no_memory(struct error *err)
{
	return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a sample page"));
}

/* Uneven paper: a few random greys, smoothly enlarged. */
static void mottle_draw(cairo_t *cr, struct sample_random *random)
{
	enum { W = 14, H = 20 };
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, W, H);
	unsigned char *data = cairo_image_surface_get_data(surface);
	int stride = cairo_image_surface_get_stride(surface);

	for (int y = 0; data && y < H; y++)
		for (int x = 0; x < W; x++) {
			uint32_t v = (uint32_t)sample_random_below(random, 256);
			v |= v << 8 | v << 16;
			memcpy(data + y * stride + 4 * x, &v, 4);
		}
	cairo_surface_mark_dirty(surface);
	cairo_save(cr);
	cairo_scale(cr, SAMPLE_WIDTH_MM / W, SAMPLE_HEIGHT_MM / H);
	cairo_set_source_surface(cr, surface, 0, 0);
	cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
	cairo_paint_with_alpha(cr, 0.05);
	cairo_restore(cr);
	cairo_surface_destroy(surface);
}

/*
 * The paper before anything is written on it: tinted, mottled, with the other side's print shining
 * through, mirrored and pale. It has no detail, so it is drawn coarsely and enlarged once, which
 * also blurs what shines through.
 */
static void paper_draw(
    cairo_t *cr, const struct sample_page *page, bool shine, struct sample_random *wear)
{
	const double coarse = 2; /* px per mm: 51 dpi */
	int w = (int)(SAMPLE_WIDTH_MM * coarse), h = (int)(SAMPLE_HEIGHT_MM * coarse);
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
	cairo_t *paper = cairo_create(surface);

	cairo_scale(paper, coarse, coarse);
	if (shine) {
		struct sample_page other = {.kind = SAMPLE_LETTER};
		struct sample_random random = {page->seed ^ 0xBAC4u};
		struct sample_text text = {0};
		cairo_set_source_rgb(paper, 1, 1, 1);
		cairo_paint(paper);
		cairo_save(paper);
		cairo_translate(paper, SAMPLE_WIDTH_MM, 0);
		cairo_scale(paper, -1, 1);
		sample_ink_draw(paper, &other, &random, &text);
		cairo_restore(paper);
		sample_text_release(&text);
	}
	double age = page->noise ? sample_random_between(wear, 0, 0.05) : 0;
	if (page->noise)
		cairo_set_source_rgb(paper, 0.96 - age / 2, 0.95 - age, 0.93 - 2 * age);
	else
		cairo_set_source_rgb(paper, 1, 1, 1);
	cairo_paint_with_alpha(paper, shine ? 0.89 : 1);
	if (page->noise)
		mottle_draw(paper, wear);
	cairo_destroy(paper);

	cairo_save(cr);
	cairo_rectangle(cr, 0, 0, SAMPLE_WIDTH_MM, SAMPLE_HEIGHT_MM);
	cairo_scale(cr, 1 / coarse, 1 / coarse);
	cairo_set_source_surface(cr, surface, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
	cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
	cairo_fill(cr);
	cairo_restore(cr);
	cairo_surface_destroy(surface);
}

static void holes_draw(cairo_t *cr, double background)
{
	for (int i = -1; i <= 1; i += 2) {
		cairo_new_sub_path(cr);
		cairo_arc(cr, 12, SAMPLE_HEIGHT_MM / 2 + 40 * i, 2.75, 0, 2 * M_PI);
		cairo_set_source_rgb(cr, background, background, background);
		cairo_fill_preserve(cr);
		cairo_set_source_rgba(cr, 0, 0, 0, 0.35);
		cairo_set_line_width(cr, 0.15);
		cairo_stroke(cr);
	}
}

static void specks_draw(cairo_t *cr, struct sample_random *random)
{
	for (int i = 0; i < 160; i++) {
		double grey = sample_random_between(random, 0.1, 0.6);
		double x = sample_random_between(random, 0, SAMPLE_WIDTH_MM);
		double y = sample_random_between(random, 0, SAMPLE_HEIGHT_MM);
		cairo_set_source_rgb(cr, grey, grey, grey * 0.9);
		cairo_arc(cr, x, y, sample_random_between(random, 0.03, 0.14), 0, 2 * M_PI);
		cairo_fill(cr);
	}
}

/* The sensor's noise: normally distributed steps, drawn from a table. */
static void noise_fill(int8_t table[NOISE_TABLE], struct sample_random *random)
{
	for (int i = 0; i < NOISE_TABLE; i++) {
		double u = sample_random_between(random, 1e-12, 1);
		double v = sample_random_between(random, 0, 2 * M_PI);
		table[i] = (int8_t)lround(NOISE_SIGMA * sqrt(-2 * log(u)) * cos(v));
	}
}

static uint32_t clamped(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

/* Gives the surface's pixels as Leptonica keeps them, with noise where table is not NULL. */
static PIX *pix_from(cairo_surface_t *surface, const int8_t *table, uint64_t seed)
{
	int w = cairo_image_surface_get_width(surface);
	int h = cairo_image_surface_get_height(surface);
	int stride = cairo_image_surface_get_stride(surface);
	const unsigned char *data = cairo_image_surface_get_data(surface);
	PIX *pix = pixCreateNoInit(w, h, 32);
	uint32_t state = (uint32_t)(seed ^ seed >> 32);

	if (!pix)
		return NULL;
	for (int y = 0; y < h; y++) {
		const unsigned char *from = data + (size_t)y * (size_t)stride;
		l_uint32 *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++, from += 4) {
			uint32_t p;
			memcpy(&p, from, 4);
			if (!table) {
				to[x] = p << 8;
				continue;
			}
			state = state * 1664525u + 1013904223u;
			/* channels share half of the noise, as sensors do */
			int all = table[state >> 20],
			    red = table[state >> 14 & (NOISE_TABLE - 1)] / 2,
			    blue = table[state >> 9 & (NOISE_TABLE - 1)] / 2;
			to[x] = clamped((int)(p >> 16 & 255) + all + red) << 24 |
			    clamped((int)(p >> 8 & 255) + all) << 16 |
			    clamped((int)(p & 255) + all + blue) << 8;
		}
	}
	return pix;
}

/* Everything but the noise. cover NULL: an ordinary page. */
static bool side_draw(cairo_t *cr, const struct sample_page *page, const struct cover *cover,
    double width_mm, double height_mm, double px_per_mm, struct sample_text *text,
    struct error *err)
{
	struct sample_random random = {page->seed}, wear = {page->seed ^ 0x5EA50u};
	double background = page->background_black ? 0.06 : page->noise ? 0.985 : 1;
	bool ok = true;

	cairo_set_source_rgb(cr, background, background, background);
	cairo_paint(cr);
	cairo_scale(cr, px_per_mm, px_per_mm);
	cairo_translate(cr, width_mm / 2, height_mm / 2);
	cairo_rotate(cr, (page->rotate_deg + page->skew_deg) * M_PI / 180);
	cairo_translate(cr, -SAMPLE_WIDTH_MM / 2, -SAMPLE_HEIGHT_MM / 2);
	paper_draw(cr, page, page->show_through && !cover, &wear);
	if (cover) {
		cairo_save(cr);
		cairo_set_operator(cr, CAIRO_OPERATOR_MULTIPLY); /* print on the paper's tint */
		cairo_scale(cr, 25.4 / 72, 25.4 / 72);
		ok = cover_draw(cr, cover, "Stadt Musterhausen, Ausländerbehörde", err);
		cairo_restore(cr);
	} else {
		sample_ink_draw(cr, page, &random, text);
	}
	if (page->holes)
		holes_draw(cr, background);
	if (page->noise)
		specks_draw(cr, &wear);
	return ok;
}

static bool page_draw(const struct sample_page *page, const struct cover *cover, struct Pix **out,
    char **words, struct error *err)
{
	int dpi = page->dpi > 0 ? page->dpi : 300;
	double around = page->background_black ? 2 * AROUND_MM : 0;
	bool lies = page->rotate_deg == 90 || page->rotate_deg == 270;
	double width_mm = (lies ? SAMPLE_HEIGHT_MM : SAMPLE_WIDTH_MM) + around;
	double height_mm = (lies ? SAMPLE_WIDTH_MM : SAMPLE_HEIGHT_MM) + around;
	struct sample_random random = {page->seed ^ 0x0153u};
	struct sample_text text = {0};
	int8_t table[NOISE_TABLE];
	PIX *pix = NULL;

	assert(page->rotate_deg % 90 == 0 && page->rotate_deg >= 0 && page->rotate_deg < 360);
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24,
	    (int)lround(width_mm / 25.4 * dpi), (int)lround(height_mm / 25.4 * dpi));
	cairo_t *cr = cairo_create(surface);
	if (!side_draw(cr, page, cover, width_mm, height_mm, dpi / 25.4, &text, err))
		goto done;
	cairo_surface_flush(surface);
	if (cairo_status(cr) != CAIRO_STATUS_SUCCESS || text.failed) {
		no_memory(err);
		goto done;
	}
	noise_fill(table, &random);
	pix = pix_from(surface, page->noise ? table : NULL, sample_random_next(&random));
	if (!pix) {
		no_memory(err);
		goto done;
	}
	pixSetResolution(pix, dpi, dpi);
	if (words) {
		*words = text.text ? text.text : strdup("");
		text = (struct sample_text){0};
		if (!*words) {
			pixDestroy(&pix);
			no_memory(err);
			goto done;
		}
	}
	*out = pix;
done:
	sample_text_release(&text);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return pix != NULL;
}

bool sample_draw(const struct sample_page *page, struct Pix **out, char **text, struct error *err)
{
	return page_draw(page, NULL, out, text, err);
}

bool sample_cover(
    const struct cover *cover, const struct sample_page *page, struct Pix **out, struct error *err)
{
	return page_draw(page, cover, out, NULL, err);
}

/* Draws one side and writes it, and its words where words_folder is not NULL. */
static bool side_write(const char *folder, const struct sample_page *page,
    const struct cover *cover, int number, char side, const char *words_folder, struct error *err)
{
	char *path = file_path("%s/%04d-%c.jpg", folder, number, side), *words_path = NULL;
	char *words = NULL;
	PIX *pix = NULL;
	bool ok = false;

	if (!page_draw(page, cover, &pix, &words, err))
		goto done;
	if (pixWriteJpeg(path, pix, JPEG_QUALITY, 0) != 0) {
		error_set(err, ERROR_SYSTEM, _("check the folder and the free space of the disk"),
		    _("cannot write '%s'"), path);
		goto done;
	}
	if (words_folder) {
		words_path = file_path("%s/%04d-%c.txt", words_folder, number, side);
		if (!file_write(words_path, words, strlen(words), err))
			goto done;
	}
	ok = true;
done:
	pixDestroy(&pix);
	free(words);
	free(words_path);
	free(path);
	return ok;
}

bool sample_stack_write(const char *folder, const struct sample_sheet *sheets, int n, int first,
    bool simplex, const char *words_folder, struct error *err)
{
	if (!file_make_folder(folder, err))
		return false;
	if (words_folder && !file_make_folder(words_folder, err))
		return false;
	for (int i = 0; i < n; i++) {
		const struct sample_sheet *sheet = &sheets[i];
		if (!side_write(
			folder, &sheet->front, sheet->cover, first + i, '1', words_folder, err))
			return false;
		if (!simplex &&
		    !side_write(
			folder, &sheet->back, sheet->cover, first + i, '2', words_folder, err))
			return false;
	}
	return true;
}
