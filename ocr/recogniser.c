#include "ocr/recogniser.h"

#include <assert.h>
#include <ctype.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>
#include <time.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/alto.h"
#include "ocr/ears.h"
#include "ocr/engine.h"
#include "ocr/layout.h"
#include "ocr/model.h"
#include "ocr/script.h"

#define IMAGE_LIMIT_PX 32767 /* Tesseract's own coordinates are 16 bits wide */
#define IMAGE_LEAST_PX 12    /* below this there is nothing to read */

struct recogniser {
	TessBaseAPI *api;
	char *version;
	char software[64];
};

/* What "auto" stands for where no page is asked: the models of Latin script. */
static bool auto_resolve(const char **languages, const char *tessdata,
    char latin[SCRIPT_LANGUAGES_SIZE], struct error *err)
{
	char package[SCRIPT_PACKAGE_SIZE];

	if (strcmp(*languages, SCRIPT_AUTO) != 0)
		return true;
	*languages = latin;
	return script_languages(tessdata, "", latin, package, err);
}

bool recogniser_check(const char *languages, const char *tessdata, struct error *err)
{
	char folder[4096], language[64], latin[SCRIPT_LANGUAGES_SIZE];
	bool by_script = strcmp(languages, SCRIPT_AUTO) == 0, bad, any = false;

	if (!model_folder(tessdata, folder, sizeof folder, err) ||
	    (by_script && !model_there(folder, "osd", err)) ||
	    !auto_resolve(&languages, tessdata, latin, err))
		return false;
	const char *rest = languages;
	while (model_next(&rest, language, sizeof language, &bad, err))
		any = true;
	if (bad)
		return false;
	if (!any)
		return error_set(err, ERROR_SETUP,
		    _("set 'ocr.languages' in altakt.ini, for example deu+eng"),
		    _("no language is set for text recognition"));
	rest = languages;
	while (model_next(&rest, language, sizeof language, &bad, err))
		if (!model_check(folder, language, err))
			return false;
	return true;
}

/* "tesseract 5.3.0; deu sha256:…" */
static char *version_make(const char *languages, const char *folder, struct error *err)
{
	char *version = NULL, language[64], hex[HASH_SIZE];
	const char *rest = languages;
	size_t n_bytes;
	bool bad;
	FILE *f = open_memstream(&version, &n_bytes);

	if (!f) {
		error_errno(err, NULL, _("cannot open text recognition"));
		return NULL;
	}
	fprintf(f, "tesseract %s", TessVersion());
	while (model_next(&rest, language, sizeof language, &bad, NULL)) {
		char *path = file_path("%s/%s.traineddata", folder, language);
		bool read = hash_file(HASH_SHA256, path, hex, NULL, err);

		free(path);
		if (!read) {
			fclose(f);
			free(version);
			return NULL;
		}
		fprintf(f, "; %s sha256:%s", language, hex);
	}
	fclose(f);
	return version;
}

bool recogniser_models(
    const char *languages, const char *tessdata, char **version, struct error *err)
{
	char folder[4096], latin[SCRIPT_LANGUAGES_SIZE];

	if (!recogniser_check(languages, tessdata, err) ||
	    !auto_resolve(&languages, tessdata, latin, err) ||
	    !model_folder(tessdata, folder, sizeof folder, err))
		return false;
	*version = version_make(languages, folder, err);
	return *version != NULL;
}

bool recogniser_open(
    const char *languages, const char *tessdata, struct recogniser **out, struct error *err)
{
	struct recogniser *recogniser = NULL;
	char folder[4096], said[160], latin[SCRIPT_LANGUAGES_SIZE];
	bool ok = false;

	if (!recogniser_check(languages, tessdata, err) ||
	    !auto_resolve(&languages, tessdata, latin, err) ||
	    !model_folder(tessdata, folder, sizeof folder, err))
		return false;
	recogniser = calloc(1, sizeof *recogniser);
	if (!recogniser || !(recogniser->version = version_make(languages, folder, err))) {
		if (!recogniser)
			error_errno(err, NULL, _("cannot open text recognition"));
		goto done;
	}
	snprintf(recogniser->software, sizeof recogniser->software, "tesseract %s", TessVersion());
	struct ears ears = ears_open();
	recogniser->api = TessBaseAPICreate();
	bool usable,
	    loaded = engine_load(recogniser->api, folder, languages, OEM_LSTM_ONLY, &usable);
	ears_close(ears, "tesseract", said, sizeof said);
	if (!usable)
		recogniser->api = NULL;
	if (!loaded) {
		error_set(err, ERROR_SETUP,
		    _("install the language data anew: apt install --reinstall tesseract-ocr-…"),
		    _("Tesseract cannot load the language data '%s' of '%s'%s%s"), languages,
		    folder, *said ? ": " : "", said);
		goto done;
	}
	*out = recogniser;
	recogniser = NULL;
	ok = true;
done:
	recogniser_close(recogniser);
	return ok;
}

void recogniser_close(struct recogniser *recogniser)
{
	if (!recogniser)
		return;
	if (recogniser->api) {
		TessBaseAPIEnd(recogniser->api);
		TessBaseAPIDelete(recogniser->api);
	}
	free(recogniser->version);
	free(recogniser);
}

const char *recogniser_version(struct recogniser *recogniser)
{
	return recogniser->version;
}

/* From Tesseract's iterator to lines of words */

struct collector {
	struct alto_page page;
	double scale;
	int lines_size, words_size;
	int block;
	bool full; /* no memory for more */
};

static void collect_line(struct collector *collector, TessPageIterator *at)
{
	struct alto_page *page = &collector->page;
	struct alto_line line = {.block = collector->block};
	int left, top, right, bottom, x1, y1, x2, y2;
	double scale = collector->scale;
	TessOrientation orientation;
	TessWritingDirection direction;
	TessTextlineOrder order;
	float deskew;

	if (!TessPageIteratorBoundingBox(at, RIL_TEXTLINE, &left, &top, &right, &bottom))
		return;
	if (page->n_lines == collector->lines_size) {
		int size = collector->lines_size ? 2 * collector->lines_size : 64;
		struct alto_line *more = realloc(page->lines, (size_t)size * sizeof *more);

		if (!more) {
			collector->full = true;
			return;
		}
		page->lines = more;
		collector->lines_size = size;
	}
	line.x_px = left * scale;
	line.y_px = top * scale;
	line.w_px = (right - left) * scale;
	line.h_px = (bottom - top) * scale;
	line.baseline_px = bottom * scale;
	TessPageIteratorOrientation(at, &orientation, &direction, &order, &deskew);
	/* Tesseract says which way the top of the text points, ALTO how the text is turned */
	line.rotation_deg = orientation == ORIENTATION_PAGE_RIGHT ? 270
	    : orientation == ORIENTATION_PAGE_DOWN		  ? 180
	    : orientation == ORIENTATION_PAGE_LEFT		  ? 90
								  : 0;
	if (TessPageIteratorBaseline(at, RIL_TEXTLINE, &x1, &y1, &x2, &y2) && x2 > x1) {
		line.baseline_slope = (double)(y2 - y1) / (x2 - x1);
		line.baseline_px = (y1 + line.baseline_slope * (left - x1)) * scale;
	}
	page->lines[page->n_lines++] = line;
	collector->words_size = 0;
}

/*
 * A speck that became a word: far smaller than its line, no letter or digit, and Tesseract itself
 * is not sure. A full stop or a hyphen that stands alone is sure, or larger.
 */
static bool is_speck(const struct alto_word *word, const struct alto_line *line)
{
	double larger_px = word->w_px > word->h_px ? word->w_px : word->h_px;

	for (const unsigned char *p = (const unsigned char *)word->text; *p; p++)
		if (isalnum(*p) || *p >= 0xC3)
			return false;
	return word->confidence < 0.5 && larger_px < 0.2 * line->h_px;
}

static void collect_word(struct collector *collector, TessResultIterator *at)
{
	TessPageIterator *place = TessResultIteratorGetPageIterator(at);
	struct alto_line *line = &collector->page.lines[collector->page.n_lines - 1];
	int left, top, right, bottom;
	double scale = collector->scale;
	char *text = TessResultIteratorGetUTF8Text(at, RIL_WORD);
	const char *language = TessResultIteratorWordRecognitionLanguage(at);
	struct alto_word word = {0};

	if (!text || !text[strspn(text, " \t\n")] || !text_utf8(text, strlen(text)) ||
	    !TessPageIteratorBoundingBox(place, RIL_WORD, &left, &top, &right, &bottom))
		goto done;
	if (line->n_words == collector->words_size) {
		int size = collector->words_size ? 2 * collector->words_size : 16;
		struct alto_word *more = realloc(line->words, (size_t)size * sizeof *more);

		if (!more) {
			collector->full = true;
			goto done;
		}
		line->words = more;
		collector->words_size = size;
	}
	word.text = strdup(text);
	if (!word.text) {
		collector->full = true;
		goto done;
	}
	word.x_px = left * scale;
	word.y_px = top * scale;
	word.w_px = (right - left) * scale;
	word.h_px = (bottom - top) * scale;
	word.confidence = TessResultIteratorConfidence(at, RIL_WORD) / 100.0;
	word.confidence = word.confidence < 0 ? 0 : word.confidence > 1 ? 1 : word.confidence;
	if (language && strlen(language) < sizeof word.language && !strchr(language, '/'))
		strcpy(word.language, language);
	if (is_speck(&word, line)) {
		free(word.text);
		goto done;
	}
	line->words[line->n_words++] = word;
done:
	TessDeleteText(text);
}

static bool collect(struct collector *collector, TessBaseAPI *api, struct error *err)
{
	TessResultIterator *at = TessBaseAPIGetIterator(api);

	if (!at)
		return true; /* no words */
	TessPageIterator *place = TessResultIteratorGetPageIterator(at);
	collector->block = -1;
	TessPageIteratorBegin(place);
	do {
		int n_lines = collector->page.n_lines;

		if (TessPageIteratorIsAtBeginningOf(place, RIL_BLOCK) || collector->block < 0)
			collector->block++;
		if (TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE) || !n_lines)
			collect_line(collector, place);
		if (collector->page.n_lines && !collector->full)
			collect_word(collector, at);
		/* a line that got no words would not be valid */
		if (collector->page.n_lines &&
		    !collector->page.lines[collector->page.n_lines - 1].n_words &&
		    TessPageIteratorIsAtFinalElement(place, RIL_TEXTLINE, RIL_WORD))
			collector->page.n_lines--;
	} while (!collector->full && TessResultIteratorNext(at, RIL_WORD));
	TessResultIteratorDelete(at);
	if (collector->full)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for the page's text"));
	return true;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * Drops what Tesseract read into signatures and the like: lines of a word or two, none of them
 * sure, half as high again as the page's lines are. Text so large is easily read.
 */
static void drop_scrawls(struct alto_page *page)
{
	double *heights_px = calloc((size_t)page->n_lines + 1, sizeof *heights_px);
	int kept = 0;

	for (int i = 0; heights_px && i < page->n_lines; i++)
		heights_px[i] = page->lines[i].h_px;
	if (heights_px)
		qsort(heights_px, (size_t)page->n_lines, sizeof *heights_px, by_value);
	double usual_px = heights_px ? heights_px[page->n_lines / 2] : 0;
	free(heights_px);
	for (int i = 0; i < page->n_lines; i++) {
		struct alto_line *line = &page->lines[i];
		bool sure = page->n_lines < 4 || line->n_words > 3 || line->h_px < 1.5 * usual_px;

		for (int k = 0; k < line->n_words; k++)
			sure |= line->words[k].confidence >= 0.2;
		if (sure) {
			page->lines[kept++] = *line;
			continue;
		}
		for (int k = 0; k < line->n_words; k++)
			free(line->words[k].text);
		free(line->words);
	}
	page->n_lines = kept;
}

static bool in_list(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

/* A lower-case letter of Latin, Greek or Cyrillic script begins text; others have no case. */
static bool lower_begins(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] < 0x80)
		return p[0] >= 'a' && p[0] <= 'z';
	if (p[0] == 0xC3)
		return p[1] >= 0x9F; /* ß à … ÿ */
	if (p[0] == 0xC4)
		return p[1] % 2 == (p[1] <= 0xB7); /* Latin Extended-A: in pairs, capital first */
	if (p[0] == 0xC5)
		return p[1] <= 0x88 || p[1] >= 0xB9 ? p[1] % 2 == 0 : p[1] % 2 == 1;
	if (p[0] == 0xD0)
		return p[1] >= 0xB0; /* а … п */
	return p[0] == 0xD1 || (p[0] == 0xCE && p[1] >= 0xAC) || p[0] == 0xCF;
}

static bool letter_ends(const char *text, size_t n)
{
	unsigned char c = n ? (unsigned char)text[n - 1] : 0;

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/*
 * Finds words that a line's end divides: "Verwal-" and "tung". Where the next line goes on with a
 * capital or a conjunction, the hyphen is the word's own ("Meier-/Schulze", "Haupt-/und …").
 */
static void mark_hyphens(struct alto_page *page)
{
	static const char *const conjunctions[] = {
	    "und", "oder", "bzw.", "sowie", "bis", "als", "noch", "u.", "and", "or"};

	for (int i = 0; i + 1 < page->n_lines; i++) {
		struct alto_line *line = &page->lines[i];
		struct alto_word *last = &line->words[line->n_words - 1];
		const struct alto_word *next = &line[1].words[0];
		size_t n = strlen(last->text);

		if (n < 2 || last->text[n - 1] != '-' || !letter_ends(last->text, n - 1) ||
		    !lower_begins(next->text) || line->rotation_deg != line[1].rotation_deg ||
		    in_list(next->text, conjunctions, sizeof conjunctions / sizeof *conjunctions))
			continue;
		last->text[n - 1] = '\0';
		last->hyphen_follows = true;
	}
}

static int cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* 0: recognised, else Tesseract's failure; *late where it was the deadline's. */
static int recognise(TessBaseAPI *api, int timeout_ms, bool *late)
{
	ETEXT_DESC *monitor = NULL;
	struct timespec start, end;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (timeout_ms > 0) {
		monitor = TessMonitorCreate();
		TessMonitorSetDeadlineMSecs(monitor, timeout_ms);
	}
	rc = TessBaseAPIRecognize(api, monitor);
	if (monitor)
		TessMonitorDelete(monitor);
	clock_gettime(CLOCK_MONOTONIC, &end);
	int64_t took_ms =
	    (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	*late = timeout_ms > 0 && took_ms >= timeout_ms;
	return rc;
}

bool recogniser_page(struct recogniser *recogniser, const struct Pix *image, double scale,
    double image_dpi, int page_width_px, int page_height_px, double page_dpi, const char *page_id,
    int timeout_ms, struct recognition *out, struct error *err)
{
	struct collector collector = {
	    .page = {.width_px = page_width_px, .height_px = page_height_px, .dpi = page_dpi},
	    .scale = scale};
	struct recognition result = {0};
	l_int32 width_px, height_px, depth;
	double confidence = 0;
	int start_ms = cpu_ms();
	bool ok = false, late = false;

	assert(!out->alto);
	pixGetDimensions(image, &width_px, &height_px, &depth);
	if (depth != 1 && depth != 8)
		return error_set(
		    err, ERROR_INPUT, NULL, _("an image of depth %d cannot be recognised"), depth);
	if (width_px > IMAGE_LIMIT_PX || height_px > IMAGE_LIMIT_PX)
		return error_set(err, ERROR_INPUT, NULL,
		    _("an image of %d × %d pixels is too large for text recognition"), width_px,
		    height_px);
	if (width_px >= IMAGE_LEAST_PX && height_px >= IMAGE_LEAST_PX) {
		struct ears ears = ears_open();

		/* nothing learned on other pages may be left, or results would depend on their
		 * order */
		TessBaseAPIClearAdaptiveClassifier(recogniser->api);
		TessBaseAPISetImage2(recogniser->api, (struct Pix *)image);
		if (image_dpi > 0)
			TessBaseAPISetSourceResolution(recogniser->api, (int)lround(image_dpi));
		TessBaseAPISetPageSegMode(recogniser->api,
		    layout_find(image, image_dpi, NULL) == LAYOUT_BLOCK ? PSM_SINGLE_BLOCK
									: PSM_AUTO);
		int rc = recognise(recogniser->api, timeout_ms, &late);
		ears_close(ears, page_id, NULL, 0);
		if (late) {
			error_set(err, ERROR_INPUT,
			    _("raise 'ocr.timeout' in altakt.ini, then run 'altakt process --retry'"),
			    _("text recognition took longer than %g s"), timeout_ms / 1000.0);
			goto done;
		}
		if (rc != 0) {
			error_set(err, ERROR_INPUT, NULL,
			    _("text recognition failed on this image (%d)"), rc);
			goto done;
		}
		if (!collect(&collector, recogniser->api, err))
			goto done;
	}
	drop_scrawls(&collector.page);
	mark_hyphens(&collector.page);
	for (int i = 0; i < collector.page.n_lines; i++) {
		for (int k = 0; k < collector.page.lines[i].n_words; k++)
			confidence += collector.page.lines[i].words[k].confidence;
		result.words += collector.page.lines[i].n_words;
	}
	result.mean_confidence = result.words ? 100 * confidence / result.words : 0;
	result.alto = alto_page_write(
	    &collector.page, page_id, recogniser->software, &result.alto_bytes, err);
	if (!result.alto)
		goto done;
	result.seconds_ms = cpu_ms() - start_ms;
	*out = result;
	ok = true;
done:
	TessBaseAPIClear(recogniser->api);
	alto_page_release(&collector.page);
	return ok;
}

void recognition_release(struct recognition *recognition)
{
	free(recognition->alto);
	*recognition = (struct recognition){0};
}

char *recognition_empty_alto(
    int page_width_px, int page_height_px, double page_dpi, const char *page_id)
{
	struct alto_page page = {
	    .width_px = page_width_px, .height_px = page_height_px, .dpi = page_dpi};
	char software[64];
	size_t n_bytes;

	snprintf(software, sizeof software, "tesseract %s", TessVersion());
	return alto_page_write(&page, page_id, software, &n_bytes, NULL);
}
