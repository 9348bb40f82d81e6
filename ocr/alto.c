#include "ocr/alto.h"

#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"

#define PI 3.14159265358979323846

void alto_page_release(struct alto_page *page)
{
	for (int i = 0; i < page->n_lines; i++) {
		for (int k = 0; k < page->lines[i].n_words; k++)
			free(page->lines[i].words[k].text);
		free(page->lines[i].words);
	}
	free(page->lines);
	*page = (struct alto_page){0};
}

/* Writing */

struct writer {
	FILE *f;
	const char *page_id;
};

/* As an attribute's value; what XML 1.0 cannot carry is left out. */
static void put_text(FILE *f, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		switch (*p) {
		case '&': fputs("&amp;", f); break;
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '"': fputs("&quot;", f); break;
		default:
			if (p[0] == 0xEF && p[1] == 0xBF && p[2] >= 0xBE)
				p += 2; /* U+FFFE, U+FFFF */
			else if (*p >= 0x20)
				fputc(*p, f);
		}
	}
}

static void put_box(FILE *f, double x_px, double y_px, double w_px, double h_px)
{
	/* Edges are rounded, not sizes: words that touch go on touching. */
	long left = lround(x_px), top = lround(y_px);

	fprintf(f, " HPOS=\"%ld\" VPOS=\"%ld\" WIDTH=\"%ld\" HEIGHT=\"%ld\"", left, top,
	    lround(x_px + w_px) - left, lround(y_px + h_px) - top);
}

/* Hundredths, whatever the locale's decimal point is. */
static void put_hundredths(FILE *f, const char *name, double value)
{
	long n = lround(value * 100);

	fprintf(f, " %s=\"%s%ld.%02ld\"", name, n < 0 ? "-" : "", labs(n) / 100, labs(n) % 100);
}

static void put_language(FILE *f, const char *language)
{
	if (!*language)
		return;
	fputs(" LANG=\"", f);
	for (; *language; language++)
		fputc(*language == '_' ? '-' : *language, f);
	fputc('"', f);
}

/* The language of most words of a line. */
static const char *line_language(const struct alto_line *line)
{
	const char *best = "";
	int most = 0;

	for (int i = 0; i < line->n_words; i++) {
		int n = 0;

		for (int k = 0; k < line->n_words; k++)
			n += strcmp(line->words[i].language, line->words[k].language) == 0;
		if (n > most) {
			most = n;
			best = line->words[i].language;
		}
		if (n == line->n_words)
			break;
	}
	return best;
}

static int characters(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

/* before: the last word of the line before; after: the first of the line after; either may be NULL
 */
static void put_line(const struct writer *writer, const struct alto_page *page, int n)
{
	const struct alto_line *line = &page->lines[n];
	const struct alto_line *before = n ? line - 1 : NULL;
	const struct alto_line *after = n + 1 < page->n_lines ? line + 1 : NULL;
	const char *language = line_language(line);
	FILE *f = writer->f;

	fprintf(f, "<TextLine ID=\"%s_L%d\"", writer->page_id, n + 1);
	put_box(f, line->x_px, line->y_px, line->w_px, line->h_px);
	fprintf(f, " BASELINE=\"%ld\"", lround(line->baseline_px));
	put_language(f, language);
	fputs(">\n", f);
	for (int i = 0; i < line->n_words; i++) {
		const struct alto_word *word = &line->words[i];
		bool hyphen = word->hyphen_follows && i + 1 == line->n_words && after;
		const struct alto_word *cut =
		    i == 0 && before && before->words[before->n_words - 1].hyphen_follows
		    ? &before->words[before->n_words - 1]
		    : NULL;
		/* the hyphen is taken to be as wide as any other character */
		double share = hyphen ? 1.0 / (characters(word->text) + 1) : 0;
		double text_w_px = word->w_px * (1 - share);

		fprintf(f, "<String ID=\"%s_L%d_S%d\"", writer->page_id, n + 1, i + 1);
		put_box(f, word->x_px, word->y_px, text_w_px, word->h_px);
		put_hundredths(f, "WC",
		    word->confidence < 0       ? 0
			: word->confidence > 1 ? 1
					       : word->confidence);
		if (strcmp(word->language, language) != 0)
			put_language(f, word->language);
		if (hyphen || cut) {
			fprintf(f, " SUBS_TYPE=\"HypPart%d\" SUBS_CONTENT=\"", hyphen ? 1 : 2);
			put_text(f, hyphen ? word->text : cut->text);
			put_text(f, hyphen ? after->words[0].text : word->text);
			fputc('"', f);
		}
		fputs(" CONTENT=\"", f);
		put_text(f, word->text);
		fputs("\"/>\n", f);
		if (hyphen) {
			fputs("<HYP", f);
			put_box(f, word->x_px + text_w_px, word->y_px, word->w_px - text_w_px,
			    word->h_px);
			fputs(" CONTENT=\"-\"/>\n", f);
		} else if (i + 1 < line->n_words) {
			const struct alto_word *right = word + 1;
			double gap_px = right->x_px - (word->x_px + word->w_px);

			fputs("<SP", f);
			if (gap_px > 0)
				put_box(f, word->x_px + word->w_px, word->y_px, gap_px, word->h_px);
			fputs("/>\n", f);
		}
	}
	fputs("</TextLine>\n", f);
}

/* One block: lines first to end - 1. */
static void put_block(const struct writer *writer, const struct alto_page *page, int first, int end)
{
	const struct alto_line *lines = page->lines;
	double left = lines[first].x_px, top = lines[first].y_px;
	double right = left, bottom = top, slope = 0;
	FILE *f = writer->f;

	for (int i = first; i < end; i++) {
		left = fmin(left, lines[i].x_px);
		top = fmin(top, lines[i].y_px);
		right = fmax(right, lines[i].x_px + lines[i].w_px);
		bottom = fmax(bottom, lines[i].y_px + lines[i].h_px);
		slope += lines[i].baseline_slope;
	}
	fprintf(f, "<TextBlock ID=\"%s_B%d\"", writer->page_id, lines[first].block + 1);
	put_box(f, left, top, right - left, bottom - top);
	double rotation_deg = lines[first].rotation_deg - atan(slope / (end - first)) * 180 / PI;
	if (fabs(rotation_deg) >= 0.005)
		put_hundredths(f, "ROTATION", rotation_deg);
	fputs(">\n", f);
	for (int i = first; i < end; i++)
		put_line(writer, page, i);
	fputs("</TextBlock>\n", f);
}

char *alto_page_write(const struct alto_page *page, const char *page_id, const char *software,
    size_t *n_bytes, struct error *err)
{
	struct writer writer = {.page_id = page_id};
	char *text = NULL;
	FILE *f = open_memstream(&text, n_bytes);

	if (!f) {
		error_errno(err, NULL, _("cannot write the page's text"));
		return NULL;
	}
	writer.f = f;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<alto xmlns=\"http://www.loc.gov/standards/alto/ns-v3#\""
	      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
	      " xsi:schemaLocation=\"http://www.loc.gov/standards/alto/ns-v3#"
	      " http://www.loc.gov/alto/v3/alto-3-0.xsd\">\n"
	      "<Description>\n<MeasurementUnit>pixel</MeasurementUnit>\n"
	      "<OCRProcessing ID=\"OCR_0\"><ocrProcessingStep>",
	    f);
	if (page->dpi > 0)
		fprintf(f, "<processingStepSettings>dpi=%ld</processingStepSettings>",
		    lround(page->dpi));
	fputs("<processingSoftware><softwareName>", f);
	put_text(f, software);
	fprintf(f,
	    "</softwareName></processingSoftware></ocrProcessingStep></OCRProcessing>\n</Description>\n"
	    "<Layout>\n<Page ID=\"%s\" PHYSICAL_IMG_NR=\"1\" HEIGHT=\"%d\" WIDTH=\"%d\">\n"
	    "<PrintSpace HPOS=\"0\" VPOS=\"0\" WIDTH=\"%d\" HEIGHT=\"%d\">\n",
	    page_id, page->height_px, page->width_px, page->width_px, page->height_px);
	for (int i = 0, end; i < page->n_lines; i = end) {
		for (end = i + 1;
		     end < page->n_lines && page->lines[end].block == page->lines[i].block; end++)
			;
		put_block(&writer, page, i, end);
	}
	fputs("</PrintSpace>\n</Page>\n</Layout>\n</alto>\n", f);
	if (ferror(f) | fclose(f)) {
		free(text);
		error_errno(err, NULL, _("cannot write the page's text"));
		return NULL;
	}
	return text;
}

/* Reading */

struct reader {
	struct alto_page page;
	int lines_size, words_size, n_words_all;
	int n_blocks;
	double rotation_deg, slope; /* of the block that is open */
	bool in_page, pages_seen, line_open;
	const char *wrong; /* NULL while all is well */
};

static double number(struct reader *reader, xmlTextReaderPtr xml, const char *name, bool needed)
{
	xmlChar *value = xmlTextReaderGetAttribute(xml, (const xmlChar *)name);
	double sign = 1, n = 0, place = 1;
	const char *p = (const char *)value;

	if (!value) {
		if (needed)
			reader->wrong = N_("a number is missing");
		return 0;
	}
	if (*p == '-') {
		sign = -1;
		p++;
	}
	const char *digits = p;
	for (; *p >= '0' && *p <= '9' && p - digits < 12; p++)
		n = n * 10 + (*p - '0');
	if (p == digits)
		reader->wrong = N_("a number is none");
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			n += (*p - '0') * (place /= 10);
	if (*p)
		reader->wrong = N_("a number is none");
	xmlFree(value);
	return sign * n;
}

static bool attribute(xmlTextReaderPtr xml, const char *name, char *to, size_t size)
{
	xmlChar *value = xmlTextReaderGetAttribute(xml, (const xmlChar *)name);
	bool fits = value && strlen((const char *)value) < size;

	if (fits)
		strcpy(to, (const char *)value);
	xmlFree(value);
	return fits;
}

static bool box(
    struct reader *reader, xmlTextReaderPtr xml, double *x, double *y, double *w, double *h)
{
	const struct alto_page *page = &reader->page;

	*x = number(reader, xml, "HPOS", true);
	*y = number(reader, xml, "VPOS", true);
	*w = number(reader, xml, "WIDTH", true);
	*h = number(reader, xml, "HEIGHT", true);
	if (*w < 0 || *h < 0 || *x < -page->width_px || *y < -page->height_px ||
	    *x + *w > 2.0 * page->width_px || *y + *h > 2.0 * page->height_px)
		reader->wrong = N_("a box lies outside of the page");
	return !reader->wrong;
}

/* Room for one more in an array that doubles. */
static bool grow(struct reader *reader, void **array, int n, int *size, size_t item)
{
	if (n < *size)
		return true;
	int more = *size ? 2 * *size : 8;
	void *larger = realloc(*array, (size_t)more * item);
	if (!larger) {
		reader->wrong = N_("there is no memory for it");
		return false;
	}
	*array = larger;
	*size = more;
	return true;
}

static void read_line(struct reader *reader, xmlTextReaderPtr xml)
{
	struct alto_page *page = &reader->page;
	struct alto_line line = {.block = reader->n_blocks ? reader->n_blocks - 1 : 0};

	reader->line_open = false;
	if (!box(reader, xml, &line.x_px, &line.y_px, &line.w_px, &line.h_px) ||
	    !grow(reader, (void **)&page->lines, page->n_lines, &reader->lines_size, sizeof line))
		return;
	line.baseline_px = number(reader, xml, "BASELINE", false);
	if (line.baseline_px == 0)
		line.baseline_px = line.y_px + line.h_px;
	line.rotation_deg = (int)reader->rotation_deg;
	line.baseline_slope = reader->slope;
	page->lines[page->n_lines++] = line;
	reader->words_size = 0;
	reader->line_open = true;
}

static void read_block(struct reader *reader, xmlTextReaderPtr xml)
{
	double rotation_deg = number(reader, xml, "ROTATION", false);
	double turns = round(rotation_deg / 90);

	reader->slope = tan((turns * 90 - rotation_deg) * PI / 180);
	reader->rotation_deg = fmod(fmod(turns * 90, 360) + 360, 360);
	reader->n_blocks++;
}

static void read_word(struct reader *reader, xmlTextReaderPtr xml)
{
	struct alto_line *line = &reader->page.lines[reader->page.n_lines - 1];
	struct alto_word word = {0};
	xmlChar *content;

	if (++reader->n_words_all > ALTO_WORDS_LIMIT)
		reader->wrong = N_("it has too many words");
	if (reader->wrong || !box(reader, xml, &word.x_px, &word.y_px, &word.w_px, &word.h_px) ||
	    !grow(reader, (void **)&line->words, line->n_words, &reader->words_size, sizeof word))
		return;
	word.confidence = number(reader, xml, "WC", false);
	if (word.confidence < 0 || word.confidence > 1)
		reader->wrong = N_("a confidence is not between 0 and 1");
	attribute(xml, "LANG", word.language, sizeof word.language);
	content = xmlTextReaderGetAttribute(xml, (const xmlChar *)"CONTENT");
	if (content && *content)
		word.text = strdup((const char *)content);
	xmlFree(content);
	if (word.text)
		line->words[line->n_words++] = word;
}

static void read_hyphen(struct reader *reader, xmlTextReaderPtr xml)
{
	struct alto_line *line = &reader->page.lines[reader->page.n_lines - 1];
	double x, y, w, h;

	if (!line->n_words || !box(reader, xml, &x, &y, &w, &h))
		return;
	struct alto_word *word = &line->words[line->n_words - 1];
	word->hyphen_follows = true;
	word->w_px = fmax(word->w_px, x + w - word->x_px);
}

static void read_element(
    struct reader *reader, xmlTextReaderPtr xml, char line_language_of[ALTO_LANGUAGE_SIZE])
{
	const char *name = (const char *)xmlTextReaderConstLocalName(xml);

	if (strcmp(name, "Page") == 0) {
		if (reader->pages_seen)
			reader->wrong = N_("it has more than one page");
		reader->pages_seen = true;
		double w = number(reader, xml, "WIDTH", true),
		       h = number(reader, xml, "HEIGHT", true);
		if (!(w >= 1 && h >= 1 && w <= 1e6 && h <= 1e6)) {
			if (!reader->wrong)
				reader->wrong = N_("the page's size is none");
			return;
		}
		reader->page.width_px = (int)w;
		reader->page.height_px = (int)h;
	} else if (strcmp(name, "processingStepSettings") == 0) {
		xmlChar *text = xmlTextReaderReadString(xml);
		if (text && strncmp((const char *)text, "dpi=", 4) == 0)
			reader->page.dpi = (double)strtol((const char *)text + 4, NULL, 10);
		xmlFree(text);
	} else if (!reader->pages_seen) {
		return;
	} else if (strcmp(name, "TextBlock") == 0) {
		read_block(reader, xml);
	} else if (strcmp(name, "TextLine") == 0) {
		read_line(reader, xml);
		if (!attribute(xml, "LANG", line_language_of, ALTO_LANGUAGE_SIZE))
			*line_language_of = '\0';
	} else if (reader->line_open && strcmp(name, "String") == 0) {
		struct alto_line *line = &reader->page.lines[reader->page.n_lines - 1];
		int n = line->n_words;
		read_word(reader, xml);
		if (line->n_words > n && !*line->words[n].language)
			strcpy(line->words[n].language, line_language_of);
	} else if (reader->line_open && strcmp(name, "HYP") == 0) {
		read_hyphen(reader, xml);
	}
}

/* Libxml2 would print; what it says is nothing a person could use. */
static void quiet(
    void *arg, const char *text, xmlParserSeverities severity, xmlTextReaderLocatorPtr where)
{
}

/* Lines that lost their words (empty ones) are dropped. */
static void drop_empty_lines(struct alto_page *page)
{
	int kept = 0;

	for (int i = 0; i < page->n_lines; i++) {
		if (page->lines[i].n_words)
			page->lines[kept++] = page->lines[i];
		else
			free(page->lines[i].words);
	}
	page->n_lines = kept;
}

bool alto_page_parse(const char *text, size_t n_bytes, struct alto_page *out, struct error *err)
{
	char line_language_of[ALTO_LANGUAGE_SIZE] = "";
	struct reader reader = {0};
	xmlTextReaderPtr xml = NULL;
	bool ok = false;
	int more = -1;

	if (n_bytes > ALTO_LIMIT_BYTES)
		return error_set(err, ERROR_INPUT, NULL, _("the page's text is no usable ALTO: %s"),
		    _("it is too long"));
	xml =
	    xmlReaderForMemory(text, (int)n_bytes, NULL, NULL, XML_PARSE_NONET | XML_PARSE_COMPACT);
	if (!xml) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot read the page's text: no memory"));
		goto done;
	}
	xmlTextReaderSetErrorHandler(xml, quiet, NULL);
	while (!reader.wrong && (more = xmlTextReaderRead(xml)) == 1) {
		int type = xmlTextReaderNodeType(xml);

		if (type == XML_READER_TYPE_DOCUMENT_TYPE ||
		    type == XML_READER_TYPE_ENTITY_REFERENCE)
			reader.wrong = N_("it declares entities");
		else if (type == XML_READER_TYPE_ELEMENT)
			read_element(&reader, xml, line_language_of);
	}
	if (!reader.wrong && more != 0)
		reader.wrong = N_("it is not well-formed");
	else if (!reader.wrong && !reader.pages_seen)
		reader.wrong = N_("it has no page");
	if (reader.wrong) {
		error_set(err, ERROR_INPUT, NULL, _("the page's text is no usable ALTO: %s"),
		    _(reader.wrong));
		goto done;
	}
	drop_empty_lines(&reader.page);
	*out = reader.page;
	reader.page = (struct alto_page){0};
	ok = true;
done:
	alto_page_release(&reader.page);
	if (xml)
		xmlFreeTextReader(xml);
	return ok;
}
