/*
 * PDF/A-2u (ISO 19005-2, level U) by qpdf's C API: page images passed through as they are encoded,
 * the page's text invisible over them, the transfer note in the metadata.
 *
 * Memory stays flat: about 50 pages at a time go to a part file beside the PDF; pdf_finish() joins
 * the parts, whose streams qpdf copies from disk to disk, and sets the shared font.
 *
 *     pdf_open ─► pdf_add … pdf_add ─► pdf_finish ─► pdf_close
 *                    └► .<name>.part001 …  └► the PDF, durable; parts removed
 *
 * The bytes are a pure function of the arguments: no clock, no random number, no locale.
 * One thread for each struct pdf.
 */
#ifndef ALTAKT_BATCH_PDF_H
#define ALTAKT_BATCH_PDF_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/note.h"
#include "config/error.h"
#include "ocr/alto.h"
#include "scan/encode.h"

struct pdf;

/*
 * Starts a PDF at path; the folder must exist, nothing is at path before pdf_finish().
 * ERROR_SYSTEM: disk or memory.
 */
bool pdf_open(const char *path, struct pdf **out, struct error *err);

/*
 * Appends a page.
 *
 * page  borrowed; its layers' bytes are copied to the part file as they are
 * text  borrowed; NULL or without lines: a page without text. Its coordinates are scaled to the
 *       page's where width_px and height_px differ
 * err   ERROR_INPUT: a layer or size that no PDF can hold; ERROR_SYSTEM: disk
 */
bool pdf_add(struct pdf *pdf, const struct encoded_page *page, const struct alto_page *text,
    struct error *err);

/*
 * Writes the PDF with its metadata, durable when true.
 *
 * note      NULL: no transfer note
 * document  title, author, time; borrowed
 */
bool pdf_finish(struct pdf *pdf, const struct note *note, const struct note_document *document,
    struct error *err);

/* Ends it, finished or not, and removes the part files; accepts NULL. */
void pdf_close(struct pdf *pdf);

/*
 * Opens a PDF with qpdf as a reader would, resolves every page and counts them. Damage, warnings
 * included, is ERROR_CHECK and names the file.
 */
bool pdf_pages(const char *path, int *n_pages, struct error *err);

/*
 * Makes a PDF drawn by another library (cairo: claims, with embedded fonts) a PDF/A-2u: output
 * intent, metadata, /ID, language; its own metadata and info dictionary go. from and to may be the
 * same file. Durable when true.
 */
bool pdf_archive(
    const char *from, const char *to, const struct note_document *document, struct error *err);

#endif
