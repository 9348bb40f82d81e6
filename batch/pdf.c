#include "batch/pdf.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <qpdf/qpdf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#include "batch/pdf_file.h"
#include "batch/pdf_font.h"
#include "batch/pdf_text.h"
#include "batch/srgb.h"
#include "config/file.h"
#include "config/text.h"

enum {
	SIDE_MIN_PT = 3, /* ISO 19005-2, 6.1.13: limits of a page's sides */
	SIDE_MAX_PT = 14400,
};

struct pdf {
	char *path;
	struct pdf_font *font;
	struct pdf_file *file;
	int catalog, tree, fonts; /* numbers of objects that pages name and pdf_finish() puts */
	int *pages;		  /* numbers of the pages' objects */
	int n_pages, room;
};

static bool no_memory(const char *path, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), path);
}

/* Objects as text */

/* A text string (ISO 32000-1, 7.9.2.2) in hexadecimal: ASCII as it is, all else as UTF-16. */
static void put_text(FILE *out, const char *key, const char *text)
{
	bool ascii = true;

	if (!text)
		return;
	for (const char *p = text; *p; p++)
		ascii = ascii && *p >= ' ' && *p <= '~';
	fprintf(out, " %s <%s", key, ascii ? "" : "FEFF");
	for (const uint8_t *p = (const uint8_t *)text; *p;) {
		int32_t c = *p;
		ptrdiff_t n = ascii ? 1 : utf8proc_iterate(p, -1, &c);
		if (n < 1) {
			c = 0xfffd;
			n = 1;
		}
		p += n;
		if (c > 0xffff)
			fprintf(out, "%04X%04X", 0xd7c0u + ((unsigned)c >> 10),
			    0xdc00u + ((unsigned)c & 0x3ff));
		else
			fprintf(out, ascii ? "%02X" : "%04X", (unsigned)c);
	}
	putc('>', out);
}

/* "2026-11-23T11:30:00Z" as the info dictionary writes it: D:20261123113000Z */
static void put_time(FILE *out, const char *key, const char *time)
{
	int n = 0;

	if (!time)
		return;
	fprintf(out, " %s (D:", key);
	for (const char *p = time; *p && *p != '.' && n < 14; p++)
		if (*p >= '0' && *p <= '9') {
			putc(*p, out);
			n++;
		}
	fputs("Z)", out);
}

/* What was written to a stream of open_memstream(), yours to free; NULL without memory. */
static char *text_end(FILE *out, char **text)
{
	bool written = out && !ferror(out);

	if (out && fclose(out) != 0)
		written = false;
	if (written)
		return *text;
	free(*text);
	return NULL;
}

/* The info dictionary, yours to free; NULL without memory. */
static char *info_text(const struct note_document *document)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		fputs("<<", out);
		put_text(out, "/Title", document->title);
		put_text(out, "/Author", document->author);
		put_text(out, "/Creator", "altakt");
		put_text(out, "/Producer", NOTE_PRODUCER);
		put_time(out, "/CreationDate", document->created);
		put_time(out, "/ModDate", document->created);
		fputs(" >>", out);
	}
	return text_end(out, &text);
}

/* Entries of the output intent, but for the profile. */
#define INTENT                                                                 \
	"/Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) " \
	"/RegistryName (http://www.color.org) /Info (sRGB IEC61966-2.1)"

/* Pages */

bool pdf_open(const char *path, struct pdf **out, struct error *err)
{
	struct pdf *pdf = calloc(1, sizeof *pdf);

	if (pdf) {
		pdf->path = file_path("%s", path);
		pdf->font = pdf_font_open();
	}
	if (!pdf || !pdf->font) {
		pdf_close(pdf);
		return no_memory(path, err);
	}
	if (!pdf_file_open(path, &pdf->file, err) ||
	    !pdf_file_number(pdf->file, &pdf->catalog, err) ||
	    !pdf_file_number(pdf->file, &pdf->tree, err) ||
	    !pdf_file_number(pdf->file, &pdf->fonts, err)) {
		pdf_close(pdf);
		return false;
	}
	*out = pdf;
	return true;
}

void pdf_close(struct pdf *pdf)
{
	if (!pdf)
		return;
	pdf_file_close(pdf->file);
	pdf_font_close(pdf->font);
	free(pdf->pages);
	free(pdf->path);
	free(pdf);
}

/* Puts an object and gives its number. */
static bool object_put(struct pdf *pdf, const char *text, int *number, struct error *err)
{
	return pdf_file_number(pdf->file, number, err) &&
	    pdf_file_object(pdf->file, *number, text, err);
}

/* Puts a stream, compressed, and gives its number. */
static bool stream_put(struct pdf *pdf, const char *entries, const void *data, size_t n_bytes,
    int *number, struct error *err)
{
	return pdf_file_number(pdf->file, number, err) &&
	    pdf_file_stream(pdf->file, *number, entries, data, n_bytes, PDF_STREAM_DEFLATE, err);
}

static bool image_put(struct pdf *pdf, const struct layer *l, int *number, struct error *err)
{
	char filter[128], entries[320];
	bool jpeg = l->kind == LAYER_JPEG;

	/* BlackIs1 stays false: black runs become 0, which is DeviceGray's black and a mask's ink.
	 */
	snprintf(filter, sizeof filter,
	    "/CCITTFaxDecode /DecodeParms << /K -1 /Columns %d /Rows %d >>", l->width_px,
	    l->height_px);
	snprintf(entries, sizeof entries,
	    "/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d %s /Filter %s",
	    l->width_px, l->height_px, jpeg ? 8 : 1,
	    l->kind == LAYER_STENCIL	   ? "/ImageMask true"
		: jpeg && l->channels == 3 ? "/ColorSpace /DeviceRGB"
					   : "/ColorSpace /DeviceGray",
	    jpeg ? "/DCTDecode" : filter);
	return pdf_file_number(pdf->file, number, err) &&
	    pdf_file_stream(
		pdf->file, *number, entries, l->data, l->n_bytes, PDF_STREAM_AS_IS, err);
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

/* The page's content: its images, the text over them. Yours to free; NULL without memory. */
static char *content_text(const struct encoded_page *page, const struct alto_page *text,
    const struct page_size *size, struct pdf_font *font, size_t *n)
{
	char *content = NULL;
	FILE *out = open_memstream(&content, n);

	if (out) {
		for (int i = 0; i < page->n_layers; i++)
			put_image(out, &page->layers[i], i, size);
		if (text && text->width_px > 0 && text->height_px > 0)
			pdf_text_put(out, text, size->width_pt / text->width_px,
			    size->height_pt / text->height_px, size->box_h_pt, font);
	}
	return text_end(out, &content);
}

static bool page_put(struct pdf *pdf, const struct encoded_page *page, const struct alto_page *text,
    const struct page_size *size, struct error *err)
{
	char *content, *dict = NULL;
	size_t n = 0, n_content = 0;
	int number;
	bool ok = false;
	FILE *out = open_memstream(&dict, &n);

	content = content_text(page, text, size, pdf->font, &n_content);
	if (!out || !content) {
		free(text_end(out, &dict));
		no_memory(pdf->path, err);
		goto done;
	}
	fprintf(out, "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 ", pdf->tree);
	pdf_number_put(out, size->box_w_pt);
	putc(' ', out);
	pdf_number_put(out, size->box_h_pt);
	putc(']', out);
	if (size->unit > 1)
		fprintf(out, " /UserUnit %d", (int)size->unit);
	fprintf(out, " /Resources << /Font %d 0 R /XObject <<", pdf->fonts);
	ok = true;
	for (int i = 0; ok && i < page->n_layers; i++) {
		ok = image_put(pdf, &page->layers[i], &number, err);
		fprintf(out, " /L%d %d 0 R", i, number);
	}
	ok = ok && stream_put(pdf, "", content, n_content, &number, err);
	fprintf(out, " >> >> /Contents %d 0 R >>", number);
	dict = text_end(out, &dict);
	if (ok && !dict)
		ok = no_memory(pdf->path, err);
	ok = ok && object_put(pdf, dict, &pdf->pages[pdf->n_pages], err);
	free(dict);
done:
	free(content);
	return ok;
}

bool pdf_add(struct pdf *pdf, const struct encoded_page *page, const struct alto_page *text,
    struct error *err)
{
	struct page_size size = {0};

	if (!page_size_find(page, &size, err))
		return false;
	for (int i = 0; i < page->n_layers; i++)
		if (!page->layers[i].data || page->layers[i].n_bytes == 0 ||
		    page->layers[i].width_px < 1 || page->layers[i].height_px < 1)
			return error_set(err, ERROR_INPUT, NULL, _("a layer of the page is empty"));
	if (pdf->n_pages == pdf->room) {
		int room = pdf->room ? 2 * pdf->room : 64;
		int *more = realloc(pdf->pages, (size_t)room * sizeof *more);
		if (!more)
			return no_memory(pdf->path, err);
		pdf->pages = more;
		pdf->room = room;
	}
	if (!page_put(pdf, page, text, &size, err))
		return false;
	pdf->n_pages++;
	return true;
}

/* The whole */

/* One variant of the font, with what all of them share; gives its number. */
static bool font_put(struct pdf *pdf, int variant, int program, int glyphs, int unicode,
    int *number, struct error *err)
{
	char text[400];
	int ascent, descent, descriptor, cid;

	pdf_font_metrics(pdf->font, variant, &ascent, &descent);
	snprintf(text, sizeof text,
	    "<< /Type /FontDescriptor /FontName /AltaktText /Flags 4 /FontBBox [0 %d %d %d] "
	    "/ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
	    -descent, PDF_FONT_WIDTH, ascent, ascent, -descent, ascent, program);
	if (!object_put(pdf, text, &descriptor, err))
		return false;
	snprintf(text, sizeof text,
	    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AltaktText /DW %d "
	    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
	    "/FontDescriptor %d 0 R /CIDToGIDMap %d 0 R >>",
	    PDF_FONT_WIDTH, descriptor, glyphs);
	if (!object_put(pdf, text, &cid, err))
		return false;
	snprintf(text, sizeof text,
	    "<< /Type /Font /Subtype /Type0 /BaseFont /AltaktText /Encoding /Identity-H "
	    "/DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>",
	    cid, unicode);
	return object_put(pdf, text, number, err);
}

static bool fonts_put(struct pdf *pdf, struct error *err)
{
	size_t n_program = 0, n_unicode = 0, n_map = 0, n = 0;
	uint8_t *program = pdf_font_program(&n_program);
	char *unicode = pdf_font_to_unicode(pdf->font, &n_unicode), *dict = NULL, entries[40];
	uint8_t *map = pdf_font_glyph_map(pdf->font, &n_map);
	int file = 0, to_unicode = 0, glyphs = 0, n_fonts = pdf_font_variants(pdf->font);
	FILE *out = open_memstream(&dict, &n);
	bool ok = program && unicode && map && out;

	if (!ok)
		error_set(err, ERROR_SYSTEM, NULL, _("cannot make the PDF's font: out of memory"));
	snprintf(entries, sizeof entries, "/Length1 %zu", n_program);
	if (ok && n_fonts > 0)
		ok = stream_put(pdf, entries, program, n_program, &file, err) &&
		    stream_put(pdf, "", unicode, n_unicode, &to_unicode, err) &&
		    stream_put(pdf, "", map, n_map, &glyphs, err);
	if (ok)
		fputs("<<", out);
	for (int i = 0, number = 0; ok && i < n_fonts; i++) {
		ok = font_put(pdf, i, file, glyphs, to_unicode, &number, err);
		fprintf(out, " /F%d %d 0 R", i, number);
	}
	if (ok)
		fputs(" >>", out);
	dict = text_end(out, &dict);
	if (ok && !dict)
		ok = no_memory(pdf->path, err);
	ok = ok && pdf_file_object(pdf->file, pdf->fonts, dict, err);
	free(dict);
	free(program);
	free(unicode);
	free(map);
	return ok;
}

/* The root of all pages. */
static bool tree_put(struct pdf *pdf, struct error *err)
{
	char *text = NULL;
	size_t n = 0;
	bool ok;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		fprintf(out, "<< /Type /Pages /Count %d /Kids [", pdf->n_pages);
		for (int i = 0; i < pdf->n_pages; i++)
			fprintf(out, " %d 0 R", pdf->pages[i]);
		fputs(" ] >>", out);
	}
	text = text_end(out, &text);
	ok = text ? pdf_file_object(pdf->file, pdf->tree, text, err) : no_memory(pdf->path, err);
	free(text);
	return ok;
}

/* Catalog and info dictionary: what makes a PDF a PDF/A-2u. */
static bool catalog_put(struct pdf *pdf, const char *packet, size_t n_packet,
    const struct note_document *document, int *info, struct error *err)
{
	char *text = info_text(document), intent[256];
	size_t n = 0;
	int metadata = 0, profile = 0, intent_number = 0;
	bool ok = text ? object_put(pdf, text, info, err) : no_memory(pdf->path, err);

	free(text);
	text = NULL;
	/* The packet stays as it is: it is found by those who cannot read PDF, too (ISO 16684-1). */
	if (!ok || !pdf_file_number(pdf->file, &metadata, err) ||
	    !pdf_file_stream(pdf->file, metadata, "/Type /Metadata /Subtype /XML", packet, n_packet,
		PDF_STREAM_AS_IS, err) ||
	    !stream_put(pdf, "/N 3", srgb_profile, srgb_profile_bytes, &profile, err))
		return false;
	snprintf(intent, sizeof intent, "<< " INTENT " /DestOutputProfile %d 0 R >>", profile);
	if (!object_put(pdf, intent, &intent_number, err))
		return false;
	FILE *out = open_memstream(&text, &n);
	if (out) {
		fprintf(out,
		    "<< /Type /Catalog /Pages %d 0 R /Metadata %d 0 R /OutputIntents [%d 0 R]",
		    pdf->tree, metadata, intent_number);
		put_text(out, "/Lang", document->language);
		fputs(" /ViewerPreferences << /DisplayDocTitle true >> >>", out);
	}
	text = text_end(out, &text);
	ok = text ? pdf_file_object(pdf->file, pdf->catalog, text, err) : no_memory(pdf->path, err);
	free(text);
	return ok;
}

bool pdf_finish(struct pdf *pdf, const struct note *note, const struct note_document *document,
    struct error *err)
{
	char *packet = NULL;
	size_t n = 0;
	int info = 0;
	bool ok;

	if (pdf->n_pages == 0)
		return error_set(err, ERROR_INPUT, NULL, _("the PDF '%s' has no pages"), pdf->path);
	if (!note_packet(note, document, &packet, &n, err))
		return false;
	ok = fonts_put(pdf, err) && tree_put(pdf, err) &&
	    catalog_put(pdf, packet, n, document, &info, err) &&
	    pdf_file_finish(pdf->file, pdf->catalog, info, err);
	free(packet);
	return ok;
}

/* PDFs of others, by qpdf */

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

/* The object, made indirect; takes its handle. */
static qpdf_oh indirect(qpdf_data q, qpdf_oh object)
{
	qpdf_oh i = qpdf_make_indirect_object(q, object);

	qpdf_oh_release(q, object);
	return i;
}

/* A new stream with these bytes, which qpdf compresses. Gives its handle. */
static qpdf_oh stream_new(qpdf_data q, const void *data, size_t n)
{
	qpdf_oh stream = qpdf_oh_new_stream(q), null = qpdf_oh_new_null(q);

	qpdf_oh_replace_stream_data(q, stream, data, n, null, null);
	qpdf_oh_release(q, null);
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

/* What makes a PDF a PDF/A-2u: metadata, output intent, language, info dictionary. */
static bool metadata_set(qpdf_data q, const struct note_document *document, struct error *err)
{
	char *packet = NULL, *info = NULL;
	size_t n = 0;

	if (!note_packet(NULL, document, &packet, &n, err))
		return false;
	info = info_text(document);
	if (!info) {
		free(packet);
		return error_set(err, ERROR_SYSTEM, NULL, _("out of memory"));
	}
	qpdf_oh root = qpdf_get_root(q), trailer = qpdf_get_trailer(q);

	qpdf_oh stream = stream_new(q, packet, n);
	free(packet);
	qpdf_oh dict = qpdf_oh_get_dict(q, stream);
	set_name(q, dict, "/Type", "/Metadata");
	set_name(q, dict, "/Subtype", "/XML");
	qpdf_oh_release(q, dict);
	set(q, root, "/Metadata", stream);

	qpdf_oh profile = stream_new(q, srgb_profile, srgb_profile_bytes);
	dict = qpdf_oh_get_dict(q, profile);
	set(q, dict, "/N", qpdf_oh_new_integer(q, 3));
	qpdf_oh_release(q, dict);
	qpdf_oh intent = qpdf_oh_parse(q, "<< " INTENT " >>");
	set(q, intent, "/DestOutputProfile", profile);
	qpdf_oh intents = qpdf_oh_new_array(q), intent_indirect = indirect(q, intent);
	qpdf_oh_append_item(q, intents, intent_indirect);
	qpdf_oh_release(q, intent_indirect);
	set(q, root, "/OutputIntents", intents);

	if (document->language)
		set(q, root, "/Lang", qpdf_oh_new_unicode_string(q, document->language));
	set(q, root, "/ViewerPreferences", qpdf_oh_parse(q, "<< /DisplayDocTitle true >>"));
	set(q, trailer, "/Info", indirect(q, qpdf_oh_parse(q, info)));
	free(info);
	qpdf_oh_release(q, trailer);
	qpdf_oh_release(q, root);
	return true;
}

/* Writes to path, durable, by way of "<path>.part". */
static bool pdf_put(qpdf_data q, const char *path, struct error *err)
{
	char *part = file_path("%s.part", path);
	bool ok = qpdf_put(q, part, err) && file_sync(part, err);

	ok = ok && file_move(part, path, err);
	if (!ok)
		unlink(part);
	free(part);
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
	ok = metadata_set(q, document, err) && pdf_put(q, to, err);
done:
	qpdf_cleanup(&q);
	return ok;
}
