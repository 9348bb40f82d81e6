#include "batch/page_file.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/text.h"

enum { HEADER_BYTES_MAX = 256 * 1024 };

static const char format[] = "altakt-page/1";
static const char *const layer_names[] =
    {[LAYER_G4] = "g4", [LAYER_STENCIL] = "stencil", [LAYER_JPEG] = "jpeg"};
static const char *const kind_names[] = {[PAGE_BITONAL] = "bitonal",
    [PAGE_GREY] = "grey",
    [PAGE_COLOUR] = "colour",
    [PAGE_MIXED] = "mixed"};

static int name_find(const char *const *names, int n, const char *name)
{
	for (int i = 0; name && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* What is wrong with a page, or NULL: the same rules for writing and for reading. */
static const char *layer_fault(const struct layer *l)
{
	if (l->width_px < 1 || l->height_px < 1 || l->width_px > PAGE_FILE_SIDE_PX ||
	    l->height_px > PAGE_FILE_SIDE_PX)
		return _("a layer's size is out of range");
	if (l->kind == LAYER_JPEG && l->channels != 1 && l->channels != 3)
		return _("a JPEG layer has neither 1 nor 3 channels");
	if (!isfinite(l->x_px) || !isfinite(l->y_px) || fabs(l->x_px) > PAGE_FILE_SIDE_PX ||
	    fabs(l->y_px) > PAGE_FILE_SIDE_PX || !(l->w_px > 0) || !(l->h_px > 0) ||
	    l->w_px > PAGE_FILE_SIDE_PX || l->h_px > PAGE_FILE_SIDE_PX)
		return _("a layer's place is out of range");
	if (l->n_bytes < 1 || l->n_bytes > PAGE_FILE_BYTES_MAX)
		return _("a layer's length is out of range");
	return NULL;
}

static const char *page_fault(const struct encoded_page *p)
{
	if (p->width_px < 1 || p->height_px < 1 || p->width_px > PAGE_FILE_SIDE_PX ||
	    p->height_px > PAGE_FILE_SIDE_PX)
		return _("the page's size is out of range");
	if (!(p->dpi >= 1 && p->dpi <= 10000))
		return _("the page's resolution is out of range");
	if (p->n_layers < 1 || p->n_layers > PAGE_FILE_LAYERS_MAX)
		return _("the number of layers is out of range");
	return NULL;
}

static json_t *layer_json(const struct layer *l)
{
	json_t *j = json_pack("{s:s, s:i, s:i, s:[f,f,f,f], s:I}", "kind", layer_names[l->kind],
	    "width_px", l->width_px, "height_px", l->height_px, "box_px", l->x_px, l->y_px, l->w_px,
	    l->h_px, "bytes", (json_int_t)l->n_bytes);

	if (j && l->kind == LAYER_JPEG)
		json_object_set_new(j, "channels", json_integer(l->channels));
	if (j && l->kind == LAYER_STENCIL)
		json_object_set_new(
		    j, "rgb", json_pack("[i,i,i]", l->rgb[0], l->rgb[1], l->rgb[2]));
	return j;
}

bool page_file_write(const struct encoded_page *page, const char *path, char sha256[HASH_SIZE],
    uint64_t *n_bytes, struct error *err)
{
	json_t *head = NULL, *layers = NULL;
	char *text = NULL, *data = NULL;
	const char *fault = page_fault(page);
	size_t n, at;
	bool ok = false;

	n = 0;
	for (int i = 0; !fault && i < page->n_layers; i++) {
		fault = page->layers[i].data ? layer_fault(&page->layers[i])
					     : _("a layer has no bytes");
		n += page->layers[i].n_bytes;
	}
	if (!fault && n > PAGE_FILE_BYTES_MAX)
		fault = _("a layer's length is out of range");
	if (fault)
		return error_set(
		    err, ERROR_INPUT, NULL, _("cannot keep the page as '%s': %s"), path, fault);

	layers = json_array();
	for (int i = 0; layers && i < page->n_layers; i++)
		json_array_append_new(layers, layer_json(&page->layers[i]));
	head = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:b, s:O}", "format", format, "kind",
	    kind_names[page->kind], "width_px", page->width_px, "height_px", page->height_px, "dpi",
	    page->dpi, "ink_lost", page->ink_lost, "fell_back", page->fell_back, "layers", layers);
	text = head ? json_dumps(head, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	if (!text || json_array_size(layers) != (size_t)page->n_layers) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot write '%s': out of memory"), path);
		goto done;
	}
	at = strlen(text) + 1;
	data = malloc(at + n);
	if (!data) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot write '%s': out of memory"), path);
		goto done;
	}
	memcpy(data, text, at);
	data[at - 1] = '\n';
	for (int i = 0; i < page->n_layers; i++) {
		memcpy(data + at, page->layers[i].data, page->layers[i].n_bytes);
		at += page->layers[i].n_bytes;
	}
	if (!file_write(path, data, at, err))
		goto done;
	hash_bytes(HASH_SHA256, data, at, sha256);
	*n_bytes = at;
	ok = true;
done:
	free(data);
	free(text);
	json_decref(layers);
	json_decref(head);
	return ok;
}

static bool layer_read(json_t *j, struct layer *l)
{
	const char *kind = NULL;
	json_int_t width = 0, height = 0, bytes = 0, channels = 0, r = 0, g = 0, b = 0;

	if (json_unpack(j, "{s:s, s:I, s:I, s:[F,F,F,F!], s:I, s?I, s?[I,I,I!]}", "kind", &kind,
		"width_px", &width, "height_px", &height, "box_px", &l->x_px, &l->y_px, &l->w_px,
		&l->h_px, "bytes", &bytes, "channels", &channels, "rgb", &r, &g, &b) != 0)
		return false;
	int k = name_find(layer_names, 3, kind);
	if (k < 0 || width < 1 || width > PAGE_FILE_SIDE_PX || height < 1 ||
	    height > PAGE_FILE_SIDE_PX || bytes < 1 || bytes > PAGE_FILE_BYTES_MAX ||
	    channels < 0 || channels > 3 || (r | g | b) < 0 || r > 255 || g > 255 || b > 255)
		return false;
	l->kind = (enum layer_kind)k;
	l->width_px = (int)width;
	l->height_px = (int)height;
	l->n_bytes = (size_t)bytes;
	l->channels = k == LAYER_JPEG ? (int)channels : 1;
	l->rgb[0] = (uint8_t)r;
	l->rgb[1] = (uint8_t)g;
	l->rgb[2] = (uint8_t)b;
	return true;
}

/* Fills page from the header line; the layers have lengths, but no bytes yet. */
static const char *header_read(const char *line, size_t n, struct encoded_page *page, size_t *total)
{
	const char *kind = NULL, *name = NULL, *fault = NULL;
	json_t *head = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL), *layers = NULL;
	json_int_t width = 0, height = 0;
	int fell_back = 0, k;

	if (!head ||
	    json_unpack(head, "{s:s, s:s, s:I, s:I, s:F, s?F, s?b, s:o}", "format", &name, "kind",
		&kind, "width_px", &width, "height_px", &height, "dpi", &page->dpi, "ink_lost",
		&page->ink_lost, "fell_back", &fell_back, "layers", &layers) != 0 ||
	    strcmp(name, format) != 0 || (k = name_find(kind_names, 4, kind)) < 0 ||
	    !json_is_array(layers)) {
		fault = _("its first line does not describe a page");
		goto done;
	}
	page->kind = (enum page_kind)k;
	page->fell_back = fell_back != 0;
	page->width_px = width > 0 && width <= PAGE_FILE_SIDE_PX ? (int)width : 0;
	page->height_px = height > 0 && height <= PAGE_FILE_SIDE_PX ? (int)height : 0;
	size_t n_layers = json_array_size(layers);
	page->n_layers = n_layers <= PAGE_FILE_LAYERS_MAX ? (int)n_layers : 0;
	fault = page_fault(page);
	if (!fault) {
		page->layers = calloc(n_layers, sizeof *page->layers);
		if (!page->layers)
			fault = _("out of memory");
	}
	if (!page->layers)
		page->n_layers = 0;
	*total = 0;
	for (size_t i = 0; !fault && i < n_layers; i++) {
		if (!layer_read(json_array_get(layers, i), &page->layers[i]))
			fault = _("its first line does not describe a layer");
		else
			fault = layer_fault(&page->layers[i]);
		*total += page->layers[i].n_bytes;
	}
done:
	json_decref(head);
	return fault;
}

bool page_file_read(const char *path, struct encoded_page *out, struct error *err)
{
	struct encoded_page page = {0};
	struct stat st;
	const char *fault = NULL;
	char *line = NULL;
	size_t n = 0, total = 0;
	bool ok = false;
	FILE *file = fopen(path, "rbe");

	if (!file || fstat(fileno(file), &st) != 0) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		fault = _("not a file");
		goto done;
	}
	line = malloc(HEADER_BYTES_MAX);
	if (!line) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	for (int c; (c = getc(file)) != '\n'; line[n++] = (char)c)
		if (c == EOF || n == HEADER_BYTES_MAX) {
			fault = _("it has no first line");
			goto done;
		}
	fault = header_read(line, n, &page, &total);
	if (fault)
		goto done;
	if ((uint64_t)st.st_size != n + 1 + total) {
		fault = (uint64_t)st.st_size < n + 1 + total
		    ? _("it is cut off")
		    : _("it has more bytes than it should");
		goto done;
	}
	for (int i = 0; i < page.n_layers; i++) {
		struct layer *l = &page.layers[i];
		l->data = malloc(l->n_bytes);
		if (!l->data || fread(l->data, 1, l->n_bytes, file) != l->n_bytes) {
			error_errno(err, NULL, _("cannot read '%s'"), path);
			goto done;
		}
	}
	*out = page;
	page = (struct encoded_page){0};
	ok = true;
done:
	if (fault)
		error_set(err, ERROR_INPUT, _("process the page again"),
		    _("'%s' is not a page: %s"), path, fault);
	encoded_page_release(&page);
	free(line);
	if (file)
		fclose(file);
	return ok;
}
