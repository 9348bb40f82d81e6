#include "tests/bench/fixtures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>
#include <leptonica/allheaders.h>

#include "scan/sample.h"
#include "tests/bench/layouts.h"

#define PX_PER_MM (300 / 25.4)

struct random {
	uint32_t state;
};

static double draw(struct random *random) /* 0..1 */
{
	random->state = random->state * 1664525u + 1013904223u;
	return (random->state >> 8) / 16777216.0;
}

/* ---- sample paper: print of all kinds, straight and skewed, clean and noisy ---- */

static const struct {
	enum sample_kind kind;
	const char *name;
	enum page_kind page;
} samples[] = {
    {SAMPLE_LETTER, "letter", PAGE_BITONAL},
    {SAMPLE_FORM, "form", PAGE_BITONAL},
    {SAMPLE_MINUTES, "minutes", PAGE_BITONAL},
    {SAMPLE_COLOUR, "colour", PAGE_COLOUR},
    {SAMPLE_PHOTO, "photo", PAGE_COLOUR},
    {SAMPLE_FEW_WORDS, "few-words", PAGE_BITONAL},
};
#define N_SAMPLES 6

struct filter {
	const char *only, *name;
};

static bool wanted(const struct filter *filter, const struct fixture *fixture)
{
	return (!filter->only || strstr(fixture->set, filter->only)) &&
	    (!filter->name || strstr(fixture->name, filter->name));
}

static bool sample_fixture(int n, bool quick, const struct filter *filter, struct fixture *out)
{
	/* for each kind: 4 quarters x clean or noisy, each with a skew of its own; then reductions
	 */
	int per_kind = quick ? 2 : 12;
	int which = n / per_kind, variant = n % per_kind;
	if (which >= N_SAMPLES)
		return false;
	static const double skews[12] = {
	    0, 1.3, -2.1, 0.45, -0.7, 3.2, 0.15, -1.1, 6.5, -9, 13.5, 0.05};
	bool noisy = variant % 2;
	struct sample_page page = {.kind = samples[which].kind,
	    .seed = (uint32_t)(n + 100),
	    .skew_deg = skews[variant] * (which % 2 ? -1 : 1),
	    .rotate_deg = quick ? 0 : variant / 2 % 4 * 90,
	    .background_black = variant % 3 == 1,
	    .holes = noisy,
	    .show_through = variant % 4 == 3,
	    .noise = noisy,
	    .dpi = 300};
	struct error err = {0};
	snprintf(out->name, sizeof out->name, "%s-%02d%s", samples[which].name, variant,
	    noisy ? "-noisy" : "");
	out->set = noisy ? "drawn, noisy" : "drawn, clean";
	if (!wanted(filter, out))
		return true;
	if (!sample_draw(&page, &out->raw, &out->text, &err)) {
		fprintf(stderr, "cannot draw: %s\n", err.what);
		return false;
	}
	out->dpi = 300;
	out->skew_known = out->orient_known = out->blank_known = true;
	out->skew_deg = page.skew_deg;
	out->rotate_deg = (360 - page.rotate_deg) % 360;
	out->kind_known = !noisy; /* noise comes with tinted paper, which is colour */
	out->kind = samples[which].page;
	out->size_known = true;
	out->width_mm = 210;
	out->height_mm = 297;
	out->read = out->rival = variant < 2;
	return true;
}

/* ---- sides that are nearly blank, and sides that are ---- */

static void paper(cairo_t *cr, const double rgb[3])
{
	cairo_set_source_rgb(cr, rgb[0], rgb[1], rgb[2]);
	cairo_paint(cr);
}

static void pen(cairo_t *cr, double grey_r, double grey_g, double grey_b, double width_mm)
{
	cairo_set_source_rgb(cr, grey_r, grey_g, grey_b);
	cairo_set_line_width(cr, width_mm * PX_PER_MM);
	cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
}

static void initial(cairo_t *cr, double x_mm, double y_mm, double size_mm)
{
	double s = size_mm * PX_PER_MM;
	cairo_move_to(cr, x_mm * PX_PER_MM, y_mm * PX_PER_MM);
	cairo_rel_curve_to(cr, s * 0.1, -s * 1.3, s * 0.5, -s * 1.2, s * 0.45, -s * 0.1);
	cairo_rel_curve_to(cr, s * 0.05, -s * 0.9, s * 0.4, -s * 0.9, s * 0.5, -s * 0.05);
	cairo_stroke(cr);
}

static void number(
    cairo_t *cr, const char *text, double x_mm, double y_mm, double size_mm, bool thin)
{
	cairo_select_font_face(cr, thin ? "DejaVu Sans Light" : "Liberation Sans",
	    CAIRO_FONT_SLANT_ITALIC, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size_mm * PX_PER_MM);
	cairo_move_to(cr, x_mm * PX_PER_MM, y_mm * PX_PER_MM);
	cairo_text_path(cr, text);
	cairo_set_line_width(cr, 0.25 * PX_PER_MM);
	cairo_stroke(cr);
}

static void signature(cairo_t *cr, double x_mm, double y_mm, struct random *random)
{
	cairo_move_to(cr, x_mm * PX_PER_MM, y_mm * PX_PER_MM);
	for (int i = 0; i < 9; i++)
		cairo_rel_curve_to(cr, 15 + 20 * draw(random), -60 * draw(random),
		    20 + 20 * draw(random), 50 * draw(random), 40, (draw(random) - 0.5) * 20);
	cairo_stroke(cr);
}

static void stamp(cairo_t *cr, double x_mm, double y_mm)
{
	cairo_rectangle(cr, x_mm * PX_PER_MM, y_mm * PX_PER_MM, 45 * PX_PER_MM, 14 * PX_PER_MM);
	cairo_stroke(cr);
	cairo_select_font_face(
	    cr, "Liberation Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
	cairo_set_font_size(cr, 6 * PX_PER_MM);
	cairo_move_to(cr, (x_mm + 4) * PX_PER_MM, (y_mm + 9) * PX_PER_MM);
	cairo_show_text(cr, "ERLEDIGT");
}

static void holes(cairo_t *cr, bool black)
{
	for (int i = 0; i < 2; i++) {
		cairo_arc(
		    cr, 12 * PX_PER_MM, (108.5 + 80 * i) * PX_PER_MM, 2.9 * PX_PER_MM, 0, 2 * M_PI);
		double v = black ? 0.05 : 1;
		cairo_set_source_rgb(cr, v, v, v);
		cairo_fill(cr);
	}
}

static void dust(cairo_t *cr, int n, int w, int h, struct random *random)
{
	for (int i = 0; i < n; i++) {
		double size = 1 + 4 * draw(random), v = 0.1 + 0.5 * draw(random);
		cairo_set_source_rgb(cr, v, v, v);
		cairo_rectangle(
		    cr, floor(w * draw(random)), floor(h * draw(random)), ceil(size), ceil(size));
		cairo_fill(cr);
	}
}

static void mirrored_text(cairo_t *cr, int w, double strength)
{
	static const char *const lines[] = {
	    "Der Antrag wird nach Anhörung der Beteiligten abgelehnt.",
	    "Gegen diesen Bescheid kann innerhalb eines Monats",
	    "Widerspruch erhoben werden; die Frist beginnt mit dem Tag."};
	cairo_save(cr);
	cairo_translate(cr, w, 0);
	cairo_scale(cr, -1, 1);
	cairo_select_font_face(
	    cr, "Liberation Serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, 4.2 * PX_PER_MM);
	/* paper scatters: the print of the other side is soft */
	for (int dy = -2; dy <= 2; dy++)
		for (int dx = -2; dx <= 2; dx++)
			for (int i = 0; i < 36; i++) {
				cairo_set_source_rgba(cr, 0, 0, 0, strength / 25);
				cairo_move_to(
				    cr, 25 * PX_PER_MM + dx, (40 + 6 * i) * PX_PER_MM + dy);
				cairo_show_text(cr, lines[i % 3]);
			}
	cairo_restore(cr);
}

/* Grain, shading, skew and the scanner's background. Consumes. */
static PIX *scanned(
    PIX *pix, double grain, double shade, double skew_deg, bool border, struct random *random)
{
	int w = pixGetWidth(pix), h = pixGetHeight(pix);
	for (int y = 0; y < h; y++) {
		uint32_t *row = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++) {
			double light = 1 - shade * (0.5 + 0.5 * sin(x / 700.0) * cos(y / 900.0));
			uint32_t word = 0;
			double common =
			    (draw(random) + draw(random) + draw(random) - 1.5) * 2 * grain;
			for (int shift = 8; shift < 32; shift += 8) {
				double v = (row[x] >> shift & 255) * light + common;
				word |= (uint32_t)(v < 0 ? 0 : v > 255 ? 255 : v) << shift;
			}
			row[x] = word;
		}
	}
	if (border) {
		PIX *wide = pixAddBorderGeneral(pix, 40, 35, 30, 60, 0x0c0c0c00);
		pixDestroy(&pix);
		pix = wide;
	}
	if (skew_deg != 0) {
		PIX *turned = pixRotate(pix, (float)(skew_deg * M_PI / 180), L_ROTATE_AREA_MAP,
		    border ? L_BRING_IN_BLACK : L_BRING_IN_WHITE, 0, 0);
		pixDestroy(&pix);
		pix = turned;
	}
	return pix;
}

enum {
	MARK_INITIAL,
	MARK_PENCIL,
	MARK_PENCIL_LIGHT,
	MARK_STAMP_RED,
	MARK_STAMP_BLUE,
	MARK_SIGNATURE,
	MARK_PAGE_NUMBER,
	MARK_CORNER_NUMBER,
	MARK_TICK,
	MARK_TYPED_LINE,
	N_MARKS, /* from here on blank */
	BARE = N_MARKS,
	BARE_HOLES,
	BARE_DUST,
	BARE_THROUGH,
	BARE_STAPLE,
	BARE_COLOURED,
	BARE_FOLD,
	BARE_WHITE_HOLES,
	N_SIDES
};

static const char *const side_names[] = {"initial", "pencil", "pencil-light", "stamp-red",
    "stamp-blue", "signature", "page-number", "corner-number", "tick", "typed-line", "bare",
    "bare-holes", "bare-dust", "bare-through", "bare-staple", "bare-coloured", "bare-fold",
    "bare-white-holes"};

static void side_draw(cairo_t *cr, int side, int w, int h, struct random *random)
{
	switch (side) {
	case MARK_INITIAL:
		pen(cr, 0.12, 0.12, 0.35, 0.4);
		initial(cr, 150 + 30 * draw(random), 20 + 250 * draw(random), 4);
		break;
	case MARK_PENCIL:
		pen(cr, 0.55, 0.55, 0.55, 0.35);
		number(cr, "17", 190, 14, 6, true);
		break;
	case MARK_PENCIL_LIGHT:
		pen(cr, 0.7, 0.7, 0.7, 0.35);
		number(cr, "238", 185, 14, 6, true);
		break;
	case MARK_STAMP_RED:
		pen(cr, 0.92, 0.68, 0.68, 0.7);
		stamp(cr, 100, 60 + 100 * draw(random));
		break;
	case MARK_STAMP_BLUE:
		pen(cr, 0.68, 0.72, 0.92, 0.7);
		stamp(cr, 60, 60 + 100 * draw(random));
		break;
	case MARK_SIGNATURE:
		pen(cr, 0.55, 0.58, 0.8, 0.3);
		signature(cr, 40 + 60 * draw(random), 200, random);
		break;
	case MARK_PAGE_NUMBER:
		cairo_set_source_rgb(cr, 0.15, 0.15, 0.15);
		cairo_select_font_face(
		    cr, "Liberation Serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
		cairo_set_font_size(cr, 10 / 72.0 * 300);
		cairo_move_to(cr, 103 * PX_PER_MM, 285 * PX_PER_MM);
		cairo_show_text(cr, "7");
		break;
	case MARK_CORNER_NUMBER:
		pen(cr, 0.5, 0.5, 0.5, 0.3);
		number(cr, "4", 202, 7, 4, true);
		break;
	case MARK_TICK:
		pen(cr, 0.7, 0.15, 0.15, 0.4);
		cairo_move_to(cr, 30 * PX_PER_MM, 120 * PX_PER_MM);
		cairo_rel_line_to(cr, 15, 20);
		cairo_rel_line_to(cr, 25, -60);
		cairo_stroke(cr);
		break;
	case MARK_TYPED_LINE:
		cairo_set_source_rgb(cr, 0.35, 0.35, 0.35);
		cairo_select_font_face(
		    cr, "Liberation Mono", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
		cairo_set_font_size(cr, 9 / 72.0 * 300);
		cairo_move_to(cr, 30 * PX_PER_MM, 30 * PX_PER_MM);
		cairo_show_text(cr, "z.d.A.");
		break;
	case BARE_HOLES: holes(cr, true); break;
	case BARE_WHITE_HOLES: holes(cr, false); break;
	case BARE_DUST: dust(cr, 500, w, h, random); break;
	case BARE_THROUGH: mirrored_text(cr, w, 0.10); break;
	case BARE_STAPLE:
		pen(cr, 0.3, 0.3, 0.3, 0.5);
		cairo_move_to(cr, 12 * PX_PER_MM, 14 * PX_PER_MM);
		cairo_rel_line_to(cr, 9 * PX_PER_MM, -5 * PX_PER_MM);
		cairo_stroke(cr);
		break;
	case BARE_FOLD:
		cairo_set_source_rgba(cr, 0, 0, 0, 0.08);
		cairo_rectangle(cr, 0, 148.5 * PX_PER_MM, w, 0.5 * PX_PER_MM);
		cairo_fill(cr);
		break;
	default: break;
	}
}

static bool side_fixture(int n, bool quick, const struct filter *filter, struct fixture *out)
{
	int variants = quick ? 1 : 6;
	int side = n / variants, variant = n % variants;
	if (side >= N_SIDES)
		return false;
	struct random random = {(uint32_t)n * 104729u + 3u};
	static const double papers[6][3] = {{0.97, 0.97, 0.97}, {0.93, 0.92, 0.88},
	    {0.95, 0.95, 0.95}, {0.86, 0.82, 0.68}, {0.99, 0.99, 0.99}, {0.9, 0.9, 0.91}};
	static const double coloured[6][3] = {{0.98, 0.94, 0.6}, {0.7, 0.85, 0.95},
	    {0.98, 0.75, 0.75}, {0.75, 0.92, 0.75}, {0.95, 0.85, 0.65}, {0.8, 0.8, 0.8}};
	snprintf(out->name, sizeof out->name, "%s-%d", side_names[side], variant);
	out->set = side < N_MARKS ? "nearly blank" : "blank";
	if (!wanted(filter, out))
		return true;
	int w = 2480, h = 3508;
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
	cairo_t *cr = cairo_create(surface);
	paper(cr, side == BARE_COLOURED ? coloured[variant] : papers[variant]);
	if (variant % 3 == 1)
		holes(cr, true);
	if (variant % 2 == 1)
		dust(cr, 120, w, h, &random);
	if (variant == 3)
		mirrored_text(cr, w, 0.08);
	side_draw(cr, side, w, h, &random);
	cairo_destroy(cr);
	cairo_surface_flush(surface);
	PIX *pix = pixCreate(w, h, 32);
	for (int y = 0; y < h; y++) {
		const unsigned char *from = cairo_image_surface_get_data(surface) +
		    (size_t)y * (size_t)cairo_image_surface_get_stride(surface);
		uint32_t *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);
		for (int x = 0; x < w; x++) {
			uint32_t v;
			memcpy(&v, from + 4 * (size_t)x, 4);
			to[x] = v << 8;
		}
	}
	cairo_surface_destroy(surface);
	static const double grains[6] = {2, 6, 3, 5, 0, 9}, skews[6] = {0, 0.8, -1.4, 2.1, 0, -0.3};
	out->raw = scanned(pix, grains[variant], variant % 2 ? 0.06 : 0, skews[variant],
	    variant == 1 || variant == 3, &random);
	if (variant == 2 || variant == 5) { /* a grey scanner */
		PIX *grey = pixConvertTo8(out->raw, 0);
		pixDestroy(&out->raw);
		out->raw = grey;
	}
	out->dpi = 300;
	out->blank_known = true;
	out->blank = side >= N_MARKS;
	return true;
}

/* ---- the corpus ---- */

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	char *text = calloc(1, 200001);
	size_t n = text ? fread(text, 1, 200000, file) : 0;
	(void)n;
	fclose(file);
	return text;
}

static bool drawn_fixture(int n, const char *corpus, struct fixture *out)
{
	/* skew as corpus.tsv has it, there counter-clockwise */
	static const double skews[10] = {
	    -1.25, 1.83, 1.83, 1.12, 2.62, -1.81, 2.30, 1.76, 1.65, 1.46};
	char path[1024];
	if (n >= 16)
		return false;
	if (n < 10)
		snprintf(path, sizeof path, "%s/drawn/p%02d.jpg", corpus, n + 1);
	else
		snprintf(path, sizeof path, "%s/drawn/blank%d.jpg", corpus, n - 9);
	out->raw = pixRead(path);
	if (!out->raw)
		return true;
	out->dpi = 300;
	out->blank_known = true;
	out->blank = n >= 10;
	out->set = n < 10 ? "corpus/drawn" : "blank";
	snprintf(out->name, sizeof out->name, n < 10 ? "p%02d" : "blank%d", n < 10 ? n + 1 : n - 9);
	if (n < 10) {
		out->skew_known = out->orient_known = true;
		out->skew_deg = -skews[n];
		snprintf(path, sizeof path, "%s/drawn/p%02d.txt", corpus, n + 1);
		out->text = file_text(path);
		out->read = true;
		out->rival = n < 5;
	}
	return true;
}

static bool real_fixture(int n, const char *corpus, struct fixture *out)
{
	static const char *const names[] = {"unlv-8087_054.tif", "lept-warped_paper.jpg",
	    "lept-lighttext.jpg", "lept-w91frag.jpg", "lept-pageseg1.tif", "lept-feyn.tif",
	    "lept-rabi.png", "lept-witten.tif", "lept-cat.035.jpg", "lept-1555.007.jpg",
	    "lept-colorpage.030.jpg", "lept-wet-day.jpg"};
	char path[1024];
	if ((size_t)n >= sizeof names / sizeof *names)
		return false;
	snprintf(path, sizeof path, "%s/real/%s", corpus, names[n]);
	out->raw = pixRead(path);
	if (!out->raw)
		return true;
	snprintf(out->name, sizeof out->name, "%.*s", (int)(strrchr(names[n], '.') - names[n]),
	    names[n]);
	out->set = "corpus/real";
	out->dpi = pixGetXRes(out->raw) > 0 ? pixGetXRes(out->raw) : 300;
	out->blank_known = true;
	if (n == 0) {
		out->orient_known = true;
		snprintf(path, sizeof path, "%s/real/unlv-8087_054.txt", corpus);
		out->text = file_text(path);
		out->read = true;
	}
	return true;
}

bool fixture_open(
    int n, bool quick, const char *corpus, const char *only, const char *name, struct fixture *out)
{
	int n_drawn = N_SAMPLES * (quick ? 2 : 12), n_sides = N_SIDES * (quick ? 1 : 6);
	struct filter filter = {only, name};
	*out = (struct fixture){0};
	if (n < n_drawn)
		return sample_fixture(n, quick, &filter, out);
	n -= n_drawn;
	if (n < n_sides)
		return side_fixture(n, quick, &filter, out);
	n -= n_sides;
	for (int i = 0; layout_name(i, quick, out); i++)
		if (n-- == 0) {
			if (wanted(&filter, out))
				layout_draw(i, quick, out);
			return true;
		}
	*out = (struct fixture){0};
	if (n < 16)
		return drawn_fixture(n, corpus, out);
	return real_fixture(n - 16, corpus, out);
}

void fixture_release(struct fixture *fixture)
{
	pixDestroy(&fixture->raw);
	free(fixture->text);
	*fixture = (struct fixture){0};
}
