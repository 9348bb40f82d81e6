#include "batch/pdf.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <qpdf/qpdf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/pdf_font.h"
#include "batch/pdf_text.h"
#include "batch/srgb.h"
#include "config/file.h"
#include "config/text.h"

/*
 * qpdf keeps a stream's bytes in memory until it has written them: so a part is written as soon as
 * it is large. A part is an open file of the joining, hence parts grow where there are many.
 */
enum {
	PART_PAGES = 50,
	PART_BYTES = 8 << 20,
	PARTS_BEFORE_DOUBLING = 100,
	SIDE_MIN_PT = 3, /* ISO 19005-2, 6.1.13: limits of a page's sides */
	SIDE_MAX_PT = 14400,
};

struct pdf {
	char *path;
	struct pdf_font *font;
	qpdf_data part; /* the part in the making, or NULL */
	int part_pages;
	size_t part_bytes;
	char **parts; /* files that are written */
	int n_parts, room;
	int n_pages;
};

/* qpdf's idea of success */

static bool qpdf_says(qpdf_data q, enum error_kind kind, const char *path, struct error *err)
{
	qpdf_error e;

	if (!qpdf_has_error(q))
		return true;
	e = qpdf_get_error(q);
	return error_set(err, qpdf_get_error_code(q, e) == qpdf_e_system ? ERROR_SYSTEM : kind,
	    NULL, _("the PDF '%s' failed: %s"), path, qpdf_get_error_message_detail(q, e));
}

static qpdf_data qpdf_new(void)
{
	qpdf_data q = qpdf_init();

	qpdf_silence_errors(q);
	qpdf_set_suppress_warnings(q, QPDF_TRUE);
	return q;
}

/* Puts value under key and lets go of the handle. */
static void set(qpdf_data q, qpdf_oh dict, const char *key, qpdf_oh value)
{
	qpdf_oh_replace_key(q, dict, key, value);
	qpdf_oh_release(q, value);
}

static void set_name(qpdf_data q, qpdf_oh dict, const char *key, const char *name)
{
	set(q, dict, key, qpdf_oh_new_name(q, name));
}

static void set_text(qpdf_data q, qpdf_oh dict, const char *key, const char *text)
{
	if (text)
		set(q, dict, key, qpdf_oh_new_unicode_string(q, text));
}

/* The object, made indirect; takes its handle. */
static qpdf_oh indirect(qpdf_data q, qpdf_oh object)
{
	qpdf_oh i = qpdf_make_indirect_object(q, object);

	qpdf_oh_release(q, object);
	return i;
}

/* A new stream with these bytes; filter NULL: qpdf compresses it. Gives the stream's handle. */
static qpdf_oh stream_new(
    qpdf_data q, const void *data, size_t n, const char *filter, const char *parms)
{
	qpdf_oh stream = qpdf_oh_new_stream(q);
	qpdf_oh f = filter ? qpdf_oh_new_name(q, filter) : qpdf_oh_new_null(q);
	qpdf_oh p = parms ? qpdf_oh_parse(q, parms) : qpdf_oh_new_null(q);

	qpdf_oh_replace_stream_data(q, stream, data, n, f, p);
	qpdf_oh_release(q, f);
	qpdf_oh_release(q, p);
	return stream;
}

static bool qpdf_put(qpdf_data q, const char *path, struct error *err)
{
	if (!qpdf_says(q, ERROR_SYSTEM, path, err))
		return false;
	qpdf_init_write(q, path);
	if (!qpdf_says(q, ERROR_SYSTEM, path, err))
		return false;
	qpdf_set_object_stream_mode(q, qpdf_o_generate);
	qpdf_set_compress_streams(q, QPDF_TRUE);
	qpdf_set_decode_level(q, qpdf_dl_none); /* what is encoded stays as it is */
	qpdf_set_newline_before_endstream(q, QPDF_TRUE);
	qpdf_set_deterministic_ID(q, QPDF_TRUE);
	qpdf_set_minimum_pdf_version(q, "1.7");
	qpdf_write(q);
	return qpdf_says(q, ERROR_SYSTEM, path, err);
}

/* Parts */

bool pdf_open(const char *path, struct pdf **out, struct error *err)
{
	struct pdf *pdf = calloc(1, sizeof *pdf);

	if (pdf) {
		pdf->path = file_path("%s", path);
		pdf->font = pdf_font_open();
	}
	if (!pdf || !pdf->font) {
		pdf_close(pdf);
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), path);
	}
	*out = pdf;
	return true;
}

void pdf_close(struct pdf *pdf)
{
	if (!pdf)
		return;
	if (pdf->part)
		qpdf_cleanup(&pdf->part);
	for (int i = 0; i < pdf->n_parts; i++) {
		unlink(pdf->parts[i]);
		free(pdf->parts[i]);
	}
	free(pdf->parts);
	pdf_font_close(pdf->font);
	free(pdf->path);
	free(pdf);
}

static bool part_end(struct pdf *pdf, struct error *err)
{
	const char *slash = strrchr(pdf->path, '/');
	int folder = slash ? (int)(slash + 1 - pdf->path) : 0;
	bool ok;

	if (!pdf->part)
		return true;
	if (pdf->n_parts == pdf->room) {
		int room = pdf->room ? 2 * pdf->room : 16;
		char **more = realloc(pdf->parts, (size_t)room * sizeof *more);
		if (!more)
			return error_set(err, ERROR_SYSTEM, NULL,
			    _("cannot make '%s': out of memory"), pdf->path);
		pdf->parts = more;
		pdf->room = room;
	}
	char *name =
	    file_path("%.*s.%s.part%03d", folder, pdf->path, pdf->path + folder, pdf->n_parts + 1);
	pdf->parts[pdf->n_parts++] = name;
	ok = qpdf_put(pdf->part, name, err);
	qpdf_cleanup(&pdf->part);
	pdf->part = NULL;
	pdf->part_pages = 0;
	pdf->part_bytes = 0;
	return ok;
}

static qpdf_oh image_new(qpdf_data q, const struct layer *l)
{
	char parms[96];
	qpdf_oh stream, dict;
	bool jpeg = l->kind == LAYER_JPEG;

	/* BlackIs1 stays false: black runs become 0, which is DeviceGray's black and a mask's ink.
	 */
	snprintf(
	    parms, sizeof parms, "<< /K -1 /Columns %d /Rows %d >>", l->width_px, l->height_px);
	stream = stream_new(
	    q, l->data, l->n_bytes, jpeg ? "/DCTDecode" : "/CCITTFaxDecode", jpeg ? NULL : parms);
	dict = qpdf_oh_get_dict(q, stream);
	set_name(q, dict, "/Type", "/XObject");
	set_name(q, dict, "/Subtype", "/Image");
	set(q, dict, "/Width", qpdf_oh_new_integer(q, l->width_px));
	set(q, dict, "/Height", qpdf_oh_new_integer(q, l->height_px));
	set(q, dict, "/BitsPerComponent", qpdf_oh_new_integer(q, jpeg ? 8 : 1));
	if (l->kind == LAYER_STENCIL)
		set(q, dict, "/ImageMask", qpdf_oh_new_bool(q, QPDF_TRUE));
	else
		set_name(q, dict, "/ColorSpace",
		    jpeg && l->channels == 3 ? "/DeviceRGB" : "/DeviceGray");
	qpdf_oh_release(q, dict);
	return stream;
}

struct page_size {
	double scale;		    /* points for a pixel */
	double width_pt, height_pt; /* of the image */
	double box_w_pt, box_h_pt;  /* of the page: not below 3 */
	double unit;		    /* UserUnit: points for a unit, above 1 for very long pages */
};

static bool page_size_find(
    const struct encoded_page *page, struct page_size *size, struct error *err)
{
	if (!(page->dpi > 0) || page->width_px < 1 || page->height_px < 1 || page->n_layers < 1)
		return error_set(err, ERROR_INPUT, NULL, _("the page has no size"));
	double longest = fmax(page->width_px, page->height_px) / page->dpi * 72;
	size->unit = longest > SIDE_MAX_PT ? ceil(longest / SIDE_MAX_PT) : 1;
	size->scale = 72 / page->dpi / size->unit;
	size->width_pt = page->width_px * size->scale;
	size->height_pt = page->height_px * size->scale;
	size->box_w_pt = fmax(size->width_pt, SIDE_MIN_PT);
	size->box_h_pt = fmax(size->height_pt, SIDE_MIN_PT);
	return true;
}

static void put_image(FILE *out, const struct layer *l, int n, const struct page_size *size)
{
	fputs("q ", out);
	if (l->kind == LAYER_STENCIL) {
		for (int i = 0; i < 3; i++) {
			pdf_number_put(out, l->rgb[i] / 255.0);
			putc(' ', out);
		}
		fputs("rg ", out);
	}
	pdf_number_put(out, l->w_px * size->scale);
	fputs(" 0 0 ", out);
	pdf_number_put(out, l->h_px * size->scale);
	putc(' ', out);
	pdf_number_put(out, l->x_px * size->scale);
	putc(' ', out);
	pdf_number_put(out, size->box_h_pt - (l->y_px + l->h_px) * size->scale);
	fprintf(out, " cm /L%d Do Q\n", n);
}

static void set_box(qpdf_data q, qpdf_oh page, const struct page_size *size)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return;
	fputs("[0 0 ", out);
	pdf_number_put(out, size->box_w_pt);
	putc(' ', out);
	pdf_number_put(out, size->box_h_pt);
	putc(']', out);
	fclose(out);
	set(q, page, "/MediaBox", qpdf_oh_parse(q, text));
	if (size->unit > 1)
		set(q, page, "/UserUnit", qpdf_oh_new_integer(q, (long long)size->unit));
	free(text);
}

/* Appends a page to the part in the making. */
static bool page_put(struct pdf *pdf, const struct encoded_page *page, const struct alto_page *text,
    const struct page_size *size, struct error *err)
{
	qpdf_data q = pdf->part;
	qpdf_oh dict = qpdf_oh_new_dictionary(q), resources = qpdf_oh_new_dictionary(q),
		images = qpdf_oh_new_dictionary(q);
	char *content = NULL;
	size_t n = 0;
	bool ok = false;
	FILE *out = open_memstream(&content, &n);

	if (!out) {
		error_errno(err, NULL, _("cannot make a page of '%s'"), pdf->path);
		goto done;
	}
	for (int i = 0; i < page->n_layers; i++) {
		char name[16];
		snprintf(name, sizeof name, "/L%d", i);
		set(q, images, name, image_new(q, &page->layers[i]));
		put_image(out, &page->layers[i], i, size);
		pdf->part_bytes += page->layers[i].n_bytes;
	}
	if (text && text->width_px > 0 && text->height_px > 0)
		pdf_text_put(out, text, size->width_pt / text->width_px,
		    size->height_pt / text->height_px, size->box_h_pt, pdf->font);
	bool written = !ferror(out);
	if (fclose(out) != 0 || !written) {
		error_errno(err, NULL, _("cannot make a page of '%s'"), pdf->path);
		goto done;
	}
	pdf->part_bytes += n;
	set_name(q, dict, "/Type", "/Page");
	set_box(q, dict, size);
	qpdf_oh_replace_key(q, resources, "/XObject", images);
	qpdf_oh_replace_key(q, dict, "/Resources", resources);
	set(q, dict, "/Contents", stream_new(q, content, n, NULL, NULL));
	qpdf_oh own = qpdf_make_indirect_object(q, dict);
	qpdf_add_page(q, q, own, QPDF_FALSE);
	qpdf_oh_release(q, own);
	ok = qpdf_says(q, ERROR_SYSTEM, pdf->path, err);
done:
	qpdf_oh_release(q, images);
	qpdf_oh_release(q, resources);
	qpdf_oh_release(q, dict);
	free(content);
	return ok;
}

bool pdf_add(struct pdf *pdf, const struct encoded_page *page, const struct alto_page *text,
    struct error *err)
{
	struct page_size size = {0};
	int doublings = pdf->n_parts / PARTS_BEFORE_DOUBLING;

	if (!page_size_find(page, &size, err))
		return false;
	for (int i = 0; i < page->n_layers; i++)
		if (!page->layers[i].data || page->layers[i].n_bytes == 0 ||
		    page->layers[i].width_px < 1 || page->layers[i].height_px < 1)
			return error_set(err, ERROR_INPUT, NULL, _("a layer of the page is empty"));
	if (!pdf->part) {
		pdf->part = qpdf_new();
		qpdf_empty_pdf(pdf->part);
	}
	if (!page_put(pdf, page, text, &size, err))
		return false;
	pdf->n_pages++;
	doublings = doublings < 8 ? doublings : 8;
	if (++pdf->part_pages < PART_PAGES << doublings &&
	    pdf->part_bytes < (size_t)PART_BYTES << doublings)
		return true;
	return part_end(pdf, err);
}

/* The whole */

static bool fonts_new(qpdf_data q, const struct pdf_font *font, qpdf_oh *fonts, struct error *err)
{
	size_t n_program = 0, n_unicode = 0, n_map = 0;
	uint8_t *program = pdf_font_program(&n_program);
	char *unicode = pdf_font_to_unicode(font, &n_unicode);
	uint8_t *map = pdf_font_glyph_map(font, &n_map);
	bool ok = program && unicode && map;

	if (!ok) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot make the PDF's font: out of memory"));
		goto done;
	}
	qpdf_oh file = stream_new(q, program, n_program, NULL, NULL);
	qpdf_oh dict = qpdf_oh_get_dict(q, file);
	set(q, dict, "/Length1", qpdf_oh_new_integer(q, (long long)n_program));
	qpdf_oh_release(q, dict);
	qpdf_oh to_unicode = stream_new(q, unicode, n_unicode, NULL, NULL);
	qpdf_oh glyphs = stream_new(q, map, n_map, NULL, NULL);

	qpdf_oh all = qpdf_oh_new_dictionary(q);
	for (int i = 0; i < pdf_font_variants(font); i++) {
		char name[16], text[256];
		int ascent, descent;
		pdf_font_metrics(font, i, &ascent, &descent);
		snprintf(text, sizeof text,
		    "<< /Type /FontDescriptor /FontName /AltaktText /Flags 4 /FontBBox [0 %d %d %d] "
		    "/ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 >>",
		    -descent, PDF_FONT_WIDTH, ascent, ascent, -descent, ascent);
		qpdf_oh descriptor = qpdf_oh_parse(q, text);
		qpdf_oh_replace_key(q, descriptor, "/FontFile2", file);
		snprintf(text, sizeof text,
		    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AltaktText /DW %d "
		    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
		    PDF_FONT_WIDTH);
		qpdf_oh cid = qpdf_oh_parse(q, text);
		set(q, cid, "/FontDescriptor", indirect(q, descriptor));
		qpdf_oh_replace_key(q, cid, "/CIDToGIDMap", glyphs);
		qpdf_oh list = qpdf_oh_new_array(q), cid_indirect = indirect(q, cid);
		qpdf_oh_append_item(q, list, cid_indirect);
		qpdf_oh_release(q, cid_indirect);
		qpdf_oh type0 = qpdf_oh_parse(q,
		    "<< /Type /Font /Subtype /Type0 /BaseFont /AltaktText /Encoding /Identity-H >>");
		set(q, type0, "/DescendantFonts", list);
		qpdf_oh_replace_key(q, type0, "/ToUnicode", to_unicode);
		snprintf(name, sizeof name, "/F%d", i);
		set(q, all, name, indirect(q, type0));
	}
	qpdf_oh_release(q, file);
	qpdf_oh_release(q, to_unicode);
	qpdf_oh_release(q, glyphs);
	*fonts = indirect(q, all);
done:
	free(program);
	free(unicode);
	free(map);
	return ok;
}

/* "2026-11-23T11:30:00Z" as the info dictionary writes it: D:20261123113000Z */
static void set_time(qpdf_data q, qpdf_oh info, const char *key, const char *time)
{
	char text[24] = "D:";
	size_t n = 2;

	if (!time)
		return;
	for (const char *p = time; *p && *p != '.' && n < 16; p++)
		if (*p >= '0' && *p <= '9')
			text[n++] = *p;
	text[n++] = 'Z';
	text[n] = '\0';
	set(q, info, key, qpdf_oh_new_string(q, text));
}

/* What makes a PDF a PDF/A-2u: metadata, output intent, language, info dictionary. */
static bool metadata_set(
    qpdf_data q, const struct note *note, const struct note_document *document, struct error *err)
{
	char *packet = NULL;
	size_t n = 0;

	if (!note_packet(note, document, &packet, &n, err))
		return false;
	qpdf_oh root = qpdf_get_root(q), trailer = qpdf_get_trailer(q);

	qpdf_oh stream = stream_new(q, packet, n, NULL, NULL);
	free(packet);
	qpdf_oh dict = qpdf_oh_get_dict(q, stream);
	set_name(q, dict, "/Type", "/Metadata");
	set_name(q, dict, "/Subtype", "/XML");
	qpdf_oh_release(q, dict);
	set(q, root, "/Metadata", stream);

	qpdf_oh profile = stream_new(q, srgb_profile, srgb_profile_bytes, NULL, NULL);
	dict = qpdf_oh_get_dict(q, profile);
	set(q, dict, "/N", qpdf_oh_new_integer(q, 3));
	qpdf_oh_release(q, dict);
	qpdf_oh intent = qpdf_oh_parse(q,
	    "<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) "
	    "/RegistryName (http://www.color.org) /Info (sRGB IEC61966-2.1) >>");
	set(q, intent, "/DestOutputProfile", profile);
	qpdf_oh intents = qpdf_oh_new_array(q), intent_indirect = indirect(q, intent);
	qpdf_oh_append_item(q, intents, intent_indirect);
	qpdf_oh_release(q, intent_indirect);
	set(q, root, "/OutputIntents", intents);

	set_text(q, root, "/Lang", document->language);
	set(q, root, "/ViewerPreferences", qpdf_oh_parse(q, "<< /DisplayDocTitle true >>"));

	qpdf_oh info = qpdf_oh_new_dictionary(q);
	set_text(q, info, "/Title", document->title);
	set_text(q, info, "/Author", document->author);
	set_text(q, info, "/Creator", "altakt");
	set_text(q, info, "/Producer", NOTE_PRODUCER);
	set_time(q, info, "/CreationDate", document->created);
	set_time(q, info, "/ModDate", document->created);
	set(q, trailer, "/Info", indirect(q, info));
	qpdf_oh_release(q, trailer);
	qpdf_oh_release(q, root);
	return true;
}

/* Writes to path, durable, by way of "<path>.part". */
static bool pdf_put(qpdf_data q, const char *path, struct error *err)
{
	char *part = file_path("%s.part", path);
	bool ok = qpdf_put(q, part, err) && file_sync(part, err);

	if (ok && rename(part, path) != 0)
		ok = error_errno(err, NULL, _("cannot write '%s'"), path);
	ok = ok && file_sync_parent(path, err);
	if (!ok)
		unlink(part);
	free(part);
	return ok;
}

static bool part_join(
    qpdf_data q, qpdf_data part, const char *path, qpdf_oh fonts, int *n_pages, struct error *err)
{
	int n = qpdf_read(part, path, NULL) == QPDF_SUCCESS ? qpdf_get_num_pages(part) : 0;

	if (!qpdf_says(part, ERROR_SYSTEM, path, err))
		return false;
	for (int i = 0; i < n; i++) {
		qpdf_oh page = qpdf_get_page_n(part, (size_t)i);
		qpdf_add_page(q, part, page, QPDF_FALSE);
		qpdf_oh_release(part, page);
		page = qpdf_get_page_n(q, (size_t)(*n_pages)++);
		if (fonts) {
			qpdf_oh resources = qpdf_oh_get_key(q, page, "/Resources");
			qpdf_oh_replace_key(q, resources, "/Font", fonts);
			qpdf_oh_release(q, resources);
		}
		qpdf_oh_release(q, page);
	}
	return qpdf_says(part, ERROR_SYSTEM, path, err) && qpdf_says(q, ERROR_SYSTEM, path, err);
}

bool pdf_finish(struct pdf *pdf, const struct note *note, const struct note_document *document,
    struct error *err)
{
	qpdf_data q = NULL, *parts = NULL;
	qpdf_oh fonts = 0;
	int n_pages = 0;
	bool ok = false;

	if (!part_end(pdf, err))
		return false;
	if (pdf->n_parts == 0)
		return error_set(err, ERROR_INPUT, NULL, _("the PDF '%s' has no pages"), pdf->path);
	q = qpdf_new();
	qpdf_empty_pdf(q);
	parts = calloc((size_t)pdf->n_parts, sizeof *parts);
	if (!parts) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), pdf->path);
		goto done;
	}
	if (pdf_font_variants(pdf->font) > 0 && !fonts_new(q, pdf->font, &fonts, err))
		goto done;
	for (int i = 0; i < pdf->n_parts; i++) {
		parts[i] = qpdf_new();
		if (!part_join(q, parts[i], pdf->parts[i], fonts, &n_pages, err))
			goto done;
	}
	assert(n_pages == pdf->n_pages);
	ok = metadata_set(q, note, document, err) && pdf_put(q, pdf->path, err);
done:
	/* The parts' streams are read when the whole is written, not before. */
	if (q)
		qpdf_cleanup(&q);
	for (int i = 0; parts && i < pdf->n_parts; i++)
		if (parts[i])
			qpdf_cleanup(&parts[i]);
	free(parts);
	return ok;
}

bool pdf_pages(const char *path, int *n_pages, struct error *err)
{
	qpdf_data q = qpdf_new();
	int n = 0;
	bool ok = false;

	qpdf_set_attempt_recovery(q, QPDF_FALSE);
	if (qpdf_read(q, path, NULL) == QPDF_SUCCESS)
		n = qpdf_get_num_pages(q);
	for (int i = 0; i < n && !qpdf_has_error(q); i++) {
		qpdf_oh page = qpdf_get_page_n(q, (size_t)i);
		qpdf_oh content = qpdf_oh_get_key(q, page, "/Contents");
		bool whole = qpdf_oh_is_dictionary(q, page) && qpdf_oh_is_stream(q, content);
		qpdf_oh_release(q, content);
		qpdf_oh_release(q, page);
		if (!whole) {
			error_set(err, ERROR_CHECK, NULL,
			    _("the PDF '%s' is damaged: page %d has no content"), path, i + 1);
			goto done;
		}
	}
	if (!qpdf_says(q, ERROR_CHECK, path, err))
		goto done;
	if (qpdf_more_warnings(q)) {
		error_set(err, ERROR_CHECK, NULL, _("the PDF '%s' is damaged: %s"), path,
		    qpdf_get_error_message_detail(q, qpdf_next_warning(q)));
		goto done;
	}
	*n_pages = n;
	ok = true;
done:
	qpdf_cleanup(&q);
	return ok;
}

bool pdf_archive(
    const char *from, const char *to, const struct note_document *document, struct error *err)
{
	qpdf_data q = qpdf_new();
	bool ok = false;

	qpdf_read(q, from, NULL);
	if (!qpdf_says(q, ERROR_INPUT, from, err))
		goto done;
	qpdf_oh root = qpdf_get_root(q);
	/* Structure that the other library began would have to be complete: level U does without.
	 */
	qpdf_oh_remove_key(q, root, "/StructTreeRoot");
	qpdf_oh_remove_key(q, root, "/MarkInfo");
	qpdf_oh_release(q, root);
	ok = metadata_set(q, NULL, document, err) && pdf_put(q, to, err);
done:
	qpdf_cleanup(&q);
	return ok;
}
