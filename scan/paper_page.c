#include "scan/paper_page.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "scan/paper_image.h"

#define ONE 65536u /* the weights of what one pixel covers add up to this */

/* What one pixel of the page covers of the file, along one axis. */
struct cover_span {
	int first, n;
	uint32_t head, body, tail; /* weights; n 1: head alone, n 2: head and tail */
};

struct paper_page {
	struct paper_image image;
	enum paper_mode mode;
	int threshold;
	int left_px, top_px, width_px, height_px; /* of the area, in pixels of the page */
	int n_written;
	uint8_t *source; /* one line of the file */

	bool resampled;
	double y_step;		    /* lines of the file to one of the page */
	struct cover_span *columns; /* width_px */
	uint32_t *row;		    /* the file's line, columns done: value << 8 */
	uint32_t *sum;
	uint8_t *flat; /* a line of the page, before lineart */
};

static struct cover_span span_find(int i, double step, int n_source)
{
	struct cover_span span = {0};
	double from = i * step, to = (i + 1) * step;

	if (to > n_source)
		to = n_source;
	if (from > n_source - 1e-6)
		from = n_source - 1e-6;
	span.first = (int)from;
	int last = (int)ceil(to - 1e-9) - 1;
	if (last < span.first)
		last = span.first;
	if (last > n_source - 1)
		last = n_source - 1;
	span.n = last - span.first + 1;
	if (span.n == 1) {
		span.head = ONE;
		return span;
	}
	double length = to - from;
	span.head = (uint32_t)((span.first + 1 - from) / length * ONE);
	span.body = (uint32_t)(1 / length * ONE);
	span.tail = ONE - span.head - span.body * (uint32_t)(span.n - 2);
	return span;
}

static uint32_t span_weight(const struct cover_span *span, int k)
{
	return k == 0 ? span->head : k == span->n - 1 ? span->tail : span->body;
}

static bool resampling_make(struct paper_page *page, double x_step, struct error *err)
{
	size_t values = (size_t)page->width_px * (size_t)page->image.channels;

	page->columns = calloc((size_t)page->width_px, sizeof *page->columns);
	page->row = malloc(values * sizeof *page->row);
	page->sum = malloc(values * sizeof *page->sum);
	page->flat = malloc(values);
	if (!page->columns || !page->row || !page->sum || !page->flat)
		return error_errno(err, NULL, _("cannot scan the page"));
	for (int x = 0; x < page->width_px; x++)
		page->columns[x] = span_find(page->left_px + x, x_step, page->image.width_px);
	return true;
}

static int dpi_round(double dpi, int assumed)
{
	return dpi >= 20 && dpi <= 9600 ? (int)lround(dpi) : assumed;
}

/* The area in pixels of the page, cut to the paper. */
static bool area_find(struct paper_page *page, const struct paper_settings *settings,
    int64_t paper_w, int64_t paper_h, struct error *err)
{
	double px_per_mm = settings->resolution_dpi / 25.4;
	int64_t left = llround(settings->left_mm * px_per_mm),
		top = llround(settings->top_mm * px_per_mm);
	int64_t right = llround(settings->right_mm * px_per_mm);
	int64_t bottom = llround(settings->bottom_mm * px_per_mm);

	if (right > paper_w)
		right = paper_w;
	if (bottom > paper_h)
		bottom = paper_h;
	if (left >= right || top >= bottom)
		return error_set(err, ERROR_SETUP, _("set tl-x, tl-y, br-x and br-y"),
		    _("the scan area lies beside the paper of %.0f x %.0f mm"),
		    (double)paper_w / px_per_mm, (double)paper_h / px_per_mm);
	if ((uint64_t)(right - left) * (uint64_t)(bottom - top) > PAPER_LIMIT_PIXELS)
		return error_set(err, ERROR_INPUT, NULL,
		    _("the page would have %lld x %lld pixels"), (long long)(right - left),
		    (long long)(bottom - top));
	page->left_px = (int)left;
	page->top_px = (int)top;
	page->width_px = (int)(right - left);
	page->height_px = (int)(bottom - top);
	return true;
}

bool paper_page_open(const char *path, const struct paper_settings *settings,
    struct paper_page **out, struct paper_size *size, struct error *err)
{
	struct paper_page *page = calloc(1, sizeof *page);
	bool ok = false;

	if (!page)
		return error_errno(err, NULL, _("cannot scan the page"));
	page->mode = settings->mode;
	page->threshold = settings->threshold;
	if (!paper_image_open(path, settings->mode == PAPER_COLOR ? 3 : 1, &page->image, err))
		goto done;

	int x_dpi = dpi_round(page->image.x_dpi, settings->assumed_dpi);
	int y_dpi = dpi_round(page->image.y_dpi, x_dpi);
	int64_t w = page->image.width_px, h = page->image.height_px;
	page->resampled = x_dpi != settings->resolution_dpi || y_dpi != settings->resolution_dpi;
	if (page->resampled) {
		w = llround((double)w * settings->resolution_dpi / x_dpi);
		h = llround((double)h * settings->resolution_dpi / y_dpi);
		w = w > 0 ? w : 1;
		h = h > 0 ? h : 1;
	}
	if (!area_find(page, settings, w, h, err))
		goto done;
	page->source = malloc((size_t)page->image.width_px * (size_t)page->image.channels);
	if (!page->source) {
		error_errno(err, NULL, _("cannot scan the page"));
		goto done;
	}
	if (page->resampled) {
		page->y_step = (double)y_dpi / settings->resolution_dpi;
		if (!resampling_make(page, (double)x_dpi / settings->resolution_dpi, err))
			goto done;
	}
	*size = (struct paper_size){
	    .width_px = page->width_px,
	    .height_px = page->height_px,
	    .line_bytes = page->mode == PAPER_LINEART
		? ((size_t)page->width_px + 7) / 8
		: (size_t)page->width_px * (size_t)page->image.channels,
	    .original_dpi = x_dpi,
	    .width_mm = page->image.width_px * 25.4 / x_dpi,
	    .height_mm = page->image.height_px * 25.4 / y_dpi,
	};
	*out = page;
	page = NULL;
	ok = true;
done:
	paper_page_close(page);
	if (!ok && err->kind == ERROR_SETUP)
		error_where(err, "%s", path);
	return ok;
}

/* Reads on until line y of the file is in source. */
static bool source_read(struct paper_page *page, int y, struct error *err)
{
	while (page->image.n_read <= y)
		if (!paper_image_line(&page->image, page->source, err))
			return false;
	return true;
}

static void columns_cover(const struct paper_page *page)
{
	int channels = page->image.channels;

	for (int x = 0; x < page->width_px; x++) {
		const struct cover_span *span = &page->columns[x];
		const uint8_t *from = page->source + (size_t)span->first * (size_t)channels;
		for (int c = 0; c < channels; c++) {
			uint32_t v = span->head * from[c];
			uint32_t body = 0;
			for (int k = 1; k < span->n - 1; k++)
				body += from[k * channels + c];
			v += span->body * body;
			if (span->n > 1)
				v += span->tail * from[(span->n - 1) * channels + c];
			page->row[x * channels + c] = v >> 8;
		}
	}
}

/* One line of the page from all lines of the file that it covers. */
static bool flat_make(struct paper_page *page, struct error *err)
{
	size_t values = (size_t)page->width_px * (size_t)page->image.channels;
	struct cover_span span =
	    span_find(page->top_px + page->n_written, page->y_step, page->image.height_px);

	memset(page->sum, 0, values * sizeof *page->sum);
	for (int k = 0; k < span.n; k++) {
		int y = span.first + k;
		/* The line before may have ended within this very line of the file: it is still
		 * there. */
		if (page->image.n_read <= y || page->n_written == 0) {
			if (!source_read(page, y, err))
				return false;
			columns_cover(page);
		}
		uint32_t weight = span_weight(&span, k);
		for (size_t i = 0; i < values; i++)
			page->sum[i] += page->row[i] * weight;
	}
	for (size_t i = 0; i < values; i++)
		page->flat[i] = (uint8_t)((page->sum[i] + (1u << 23)) >> 24);
	return true;
}

static void lineart_pack(const uint8_t *grey, uint8_t *line, int width_px, int threshold)
{
	memset(line, 0, ((size_t)width_px + 7) / 8);
	for (int x = 0; x < width_px; x++)
		line[x >> 3] |= (uint8_t)((grey[x] < threshold) << (7 - (x & 7)));
}

bool paper_page_line(struct paper_page *page, uint8_t *line, struct error *err)
{
	const uint8_t *flat;

	assert(page->n_written < page->height_px);
	if (page->resampled) {
		if (!flat_make(page, err))
			return false;
		flat = page->flat;
	} else {
		if (!source_read(page, page->top_px + page->n_written, err))
			return false;
		flat = page->source + (size_t)page->left_px * (size_t)page->image.channels;
	}
	if (page->mode == PAPER_LINEART)
		lineart_pack(flat, line, page->width_px, page->threshold);
	else
		memcpy(line, flat, (size_t)page->width_px * (size_t)page->image.channels);
	page->n_written++;
	return true;
}

void paper_page_close(struct paper_page *page)
{
	if (!page)
		return;
	paper_image_close(&page->image);
	free(page->source);
	free(page->columns);
	free(page->row);
	free(page->sum);
	free(page->flat);
	free(page);
}
