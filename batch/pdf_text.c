#include "batch/pdf_text.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "batch/pdf_size.h"

enum {
	WORD_CODES_MAX = 1000, /* longer "words" are ruled lines and noise */
};

#define PLACE_APART_PT	0.06 /* a quarter of a pixel at 300 dpi */
#define PLACE_DIGITS	2
#define STEP_MAX_PX	3.0  /* between the heights of two variants: off by half at most */
#define BASELINE_SHIFT	0.4  /* of the size: what still counts as the same line */
#define SHARE_TOO_SMALL 0.1  /* gaps below this share of the size are no space for poppler */
#define ASCENT_MAX	1800 /* above this readers distrust the font */
#define DESCENT_MAX	1800

/* With up to that many digits behind the point, 3 at most. */
static void number_put(FILE *out, double value, int digits)
{
	long long unit = digits == 1 ? 10 : digits == 2 ? 100 : 1000;
	long long n = llround(value * (double)unit);
	unsigned long long a = n < 0 ? (unsigned long long)-n : (unsigned long long)n;

	if (n < 0)
		putc('-', out);
	fprintf(out, "%llu", a / (unsigned long long)unit);
	a %= (unsigned long long)unit;
	if (a) {
		char behind[8];
		int k = snprintf(behind, sizeof behind, ".%0*llu", digits, a);
		while (k > 0 && behind[k - 1] == '0')
			behind[--k] = '\0';
		fputs(behind, out);
	}
}

void pdf_number_put(FILE *out, double value)
{
	number_put(out, value, 3);
}

/* The next character of UTF-8 text that libxml2 has checked; 0 at the end. */
static uint32_t character_next(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	uint32_t c = *p;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (c == 0)
		return 0;
	c &= more == 3 ? 0x07u : more == 2 ? 0x0fu : more == 1 ? 0x1fu : 0x7fu;
	for (p++; more > 0 && (*p & 0xc0) == 0x80; more--, p++)
		c = c << 6 | (*p & 0x3fu);
	*at = (const char *)p;
	return c;
}

/* Strong right-to-left characters (Unicode 15, Bidi_Class R and AL, by block). */
static bool is_right_to_left(uint32_t c)
{
	return (c >= 0x0590 && c <= 0x08ff && !(c >= 0x0660 && c <= 0x0669) &&
		   !(c >= 0x06f0 && c <= 0x06f9)) ||
	    (c >= 0xfb1d && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfefc) ||
	    (c >= 0x10800 && c <= 0x10fff) || (c >= 0x1e800 && c <= 0x1efff);
}

/* Keeps its direction inside of right-to-left text: letters of other scripts, and digits. */
static bool is_left_to_right(uint32_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 0x0660 && c <= 0x0669) || (c >= 0x06f0 && c <= 0x06f9))
		return true;
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= 0xc0 && c < 0x590 && c != 0xd7 && c != 0xf7) || (c >= 0x900 && c < 0x2000) ||
	    (c >= 0x3040 && c < 0xd800);
}

static void turn(uint32_t *text, int from, int to)
{
	for (to--; from < to; from++, to--) {
		uint32_t c = text[from];
		text[from] = text[to];
		text[to] = c;
	}
}

/* From the order of reading to the order of seeing, left to right, where there is right-to-left. */
static void order_as_seen(uint32_t *text, int n)
{
	bool any = false;

	for (int i = 0; i < n; i++)
		any = any || is_right_to_left(text[i]);
	if (!any)
		return;
	turn(text, 0, n);
	for (int i = 0; i < n; i++) {
		int from = i;
		if (!is_left_to_right(text[i]))
			continue;
		/* A separator between two digits stays with them: 12.03.2024 */
		while (i < n &&
		    (is_left_to_right(text[i]) ||
			(i + 1 < n && strchr(".,:/-", (int)(text[i] < 128 ? text[i] : 1)) &&
			    is_left_to_right(text[i + 1]))))
			i++;
		turn(text, from, i);
	}
}

/* The codes of a word; 0 where nothing of it can be text. */
static int word_codes(const struct alto_word *word, struct pdf_font *font, uint16_t *codes)
{
	uint32_t text[WORD_CODES_MAX + 1];
	const char *at = word->text;
	int n = 0, n_codes = 0;

	for (uint32_t c; n < WORD_CODES_MAX && (c = character_next(&at)) != 0;)
		text[n++] = c;
	if (n > 0 && word->hyphen_follows && text[n - 1] != '-' && text[n - 1] != 0xad &&
	    text[n - 1] != 0x2010)
		text[n++] = '-';
	order_as_seen(text, n);
	for (int i = 0; i < n; i++) {
		codes[n_codes] = pdf_font_code(font, text[i]);
		n_codes += codes[n_codes] != 0;
	}
	return n_codes;
}

/*
 * A word in the line's own directions: u along the reading direction, v down through the letters,
 * both in points. (x, y) = origin + u * along + v * down, y upwards.
 */
struct place {
	double u0, u1, top, bottom; /* box */
	double baseline;	    /* v */
	bool good;
};

struct frame {
	int turns; /* quarter turns counter-clockwise */
	double scale_x, scale_y, height_pt;
};

static struct place word_place(
    const struct alto_line *line, const struct alto_word *w, const struct frame *f)
{
	double x0 = w->x_px * f->scale_x, x1 = (w->x_px + w->w_px) * f->scale_x;
	double y0 = w->y_px * f->scale_y, y1 = (w->y_px + w->h_px) * f->scale_y; /* downwards */
	struct place p = {.good = true};

	switch (f->turns) {
	case 1: p = (struct place){-y1, -y0, x0, x1, 0, true}; break; /* upwards */
	case 2: p = (struct place){-x1, -x0, -y1, -y0, 0, true}; break;
	case 3: p = (struct place){y0, y1, -x1, -x0, 0, true}; break; /* downwards */
	default:
		p = (struct place){x0, x1, y0, y1, 0, true};
		p.baseline = (line->baseline_px + line->baseline_slope * (w->x_px - line->x_px)) *
		    f->scale_y;
	}
	p.good = p.u1 - p.u0 > 1e-3 && p.bottom - p.top > 1e-3 && isfinite(p.u0) &&
	    isfinite(p.u1) && isfinite(p.top) && isfinite(p.bottom) && isfinite(p.baseline);
	return p;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The share-th of n values, 0 for none. Sorts them. */
static double rank(double *values, int n, double share)
{
	if (n == 0)
		return 0;
	qsort(values, (size_t)n, sizeof *values, by_value);
	return values[(int)(share * (n - 1) + 0.5)];
}

static bool has_descender(const char *text)
{
	return strpbrk(text, "gjpqyQ,;()[]{}|/_$") != NULL || (unsigned char)text[0] >= 0x80;
}

/* Turned lines have no baseline in the ALTO: the bottom of words that do not reach below it. */
static void find_baselines(const struct alto_line *line, struct place *places, double *values)
{
	int n = 0;

	for (int i = 0; i < line->n_words; i++)
		if (places[i].good && !has_descender(line->words[i].text))
			values[n++] = places[i].bottom;
	double baseline = rank(values, n, 0.5);
	for (int i = 0; n == 0 && i < line->n_words; i++)
		if (places[i].good)
			baseline = places[i].bottom - 0.22 * (places[i].bottom - places[i].top);
	for (int i = 0; i < line->n_words; i++)
		places[i].baseline = baseline;
}

struct pen { /* what was last set, so that it is not said again */
	int variant, turns;
	double size_pt;
	double u, v; /* where it stands after what it wrote */
	bool placed;
};

static void put_string(FILE *out, struct pen *pen, int variant, double size_pt,
    const struct frame *f, double u, double v, double width_pt, const uint16_t *codes, int n)
{
	static const int along_x[] = {1, 0, -1, 0}, along_y[] = {0, 1, 0, -1};
	/* From (u, v) to the page: u runs along, v to its right hand side. */
	double x = f->turns == 0 ? u : f->turns == 1 ? v : f->turns == 2 ? -u : -v;
	double y = f->turns == 0 ? v : f->turns == 1 ? -u : f->turns == 2 ? -v : u;

	if (pen->variant != variant || pen->size_pt != size_pt) {
		fprintf(out, "/F%d ", variant);
		pdf_number_put(out, size_pt);
		fputs(" Tf\n", out);
		pen->variant = variant;
		pen->size_pt = size_pt;
	}
	/* What stands where the last string ended needs no place; its width makes up for rounding.
	 */
	if (!pen->placed || pen->turns != f->turns || fabs(pen->v - v) > PLACE_APART_PT ||
	    fabs(pen->u - u) > PLACE_APART_PT) {
		fprintf(out, "%d %d %d %d ", along_x[f->turns], along_y[f->turns],
		    -along_y[f->turns], along_x[f->turns]);
		number_put(out, x, PLACE_DIGITS);
		putc(' ', out);
		number_put(out, f->height_pt - y, PLACE_DIGITS);
		fputs(" Tm\n", out);
		*pen = (struct pen){pen->variant, f->turns, size_pt, u, v, true};
	}
	double unit = n * PDF_FONT_WIDTH / 1000.0 * size_pt / 100;
	double percent = fmax(round(10 * (u + width_pt - pen->u) / unit) / 10, 0.1);
	number_put(out, percent, 1);
	fputs(" Tz<", out);
	for (int i = 0; i < n; i++)
		fprintf(out, "%04X", (unsigned)codes[i]);
	fputs(">Tj\n", out);
	pen->u += percent * unit;
}

/* The variant for a word, and where its baseline has to be for that. */
static int word_variant(struct place *p, double size_pt, double step, struct pdf_font *font)
{
	double least = p->top + 0.75 * step * size_pt; /* no variant is flatter than that */

	/* A baseline that has nothing to do with the word is none. */
	if (p->baseline < p->top - size_pt / 2 || p->baseline > p->bottom + size_pt)
		p->baseline = p->bottom;
	/* Quotes and dashes hang above the line: go up to them as far as they stay in the line. */
	if (p->bottom < p->baseline)
		p->baseline = fmax(p->bottom, p->baseline - BASELINE_SHIFT * size_pt);
	/* Commas and underlines lie below. */
	if (p->baseline < least)
		p->baseline = fmin(least, p->baseline + BASELINE_SHIFT * size_pt);
	double ascent = (p->baseline - p->top) / size_pt,
	       descent = (p->bottom - p->baseline) / size_pt;
	long up = lround(ascent / step), down = lround(descent / step);
	up = up < 1 ? 1 : up;
	down = down < 0 ? 0 : down;
	int high = (int)lround(1000 * (double)up * step),
	    low = (int)lround(1000 * (double)down * step);
	return pdf_font_variant(
	    font, high > ASCENT_MAX ? ASCENT_MAX : high, low > DESCENT_MAX ? DESCENT_MAX : low);
}

static void put_line(FILE *out, struct pen *pen, const struct alto_line *line, double size_pt,
    const struct frame *f, struct pdf_font *font)
{
	size_t n = (size_t)(line->n_words > 0 ? line->n_words : 0);
	struct place *places = calloc(n + 1, sizeof *places);
	double *values = calloc(n + 1, sizeof *values);
	uint16_t codes[WORD_CODES_MAX + 1];
	int last = -1;

	if (!places || !values)
		goto done;
	for (int i = 0; i < line->n_words; i++)
		places[i] = word_place(line, &line->words[i], f);
	if (f->turns != 0)
		find_baselines(line, places, values);
	/* As PDF will have it, so that widths are computed from what is written. */
	size_pt = fmax(round(size_pt * 10) / 10, 0.1);
	double step = 1.0 / 8;
	while (step * size_pt > STEP_MAX_PX * f->scale_y && step > 1.0 / 128)
		step /= 2;

	for (int i = 0; i < line->n_words; i++) {
		struct place *p = &places[i];
		int n_codes = p->good ? word_codes(&line->words[i], font, codes) : 0;
		if (n_codes == 0)
			continue;
		if (last >= 0) {
			/* The space before: where the gap is, whichever of the two is on the left.
			 */
			const struct place *q = &places[last];
			uint16_t space = pdf_font_code(font, ' ');
			double from = q->u0 <= p->u0 ? q->u1 : p->u1,
			       to = q->u0 <= p->u0 ? p->u0 : q->u0;
			double width = fmax(to - from, SHARE_TOO_SMALL * size_pt);
			put_string(out, pen, pen->variant, size_pt, f, from, q->baseline, width,
			    &space, 1);
		}
		int variant = word_variant(p, size_pt, step, font);
		put_string(out, pen, variant, size_pt, f, p->u0, p->baseline, p->u1 - p->u0, codes,
		    n_codes);
		last = i;
	}
done:
	free(places);
	free(values);
}

void pdf_text_put(FILE *out, const struct alto_page *text, double scale_x, double scale_y,
    double height_pt, struct pdf_font *font)
{
	struct frame frame = {.scale_x = scale_x, .scale_y = scale_y, .height_pt = height_pt};
	struct pen pen = {.variant = -1};
	double *size_px = calloc((size_t)text->n_lines + 1, sizeof *size_px);

	if (text->n_lines > 0 && size_px && pdf_sizes_find(text, size_px)) {
		fputs("BT\n3 Tr\n", out);
		for (int i = 0; i < text->n_lines; i++) {
			frame.turns = pdf_line_turns(&text->lines[i]);
			put_line(out, &pen, &text->lines[i], size_px[i] * scale_y, &frame, font);
		}
		fputs("ET\n", out);
	}
	free(size_px);
}
