/*
 * A PDF 1.7 file (ISO 32000-1, 7.5) written from its first byte to its last, object by object: what
 * is written is forgotten, but for 16 bytes of the cross-reference table.
 *
 *     pdf_file_open ─► number, stream, object … ─► pdf_file_finish ─► pdf_file_close
 *                       └► <path>.part               └► <path>, durable
 *
 * Objects without a stream of their own travel compressed, up to a hundred together (7.5.7), and
 * the table is a stream too (7.5.8): qpdf's writer does the same, but keeps every object until the
 * end, about 16 KiB a page. The /ID is the SHA-256 of what stands before the table: the bytes are
 * a pure function of what was put.
 *
 * A failure to write stays and is told by the next call. One thread for each.
 */
#ifndef ALTAKT_BATCH_PDF_FILE_H
#define ALTAKT_BATCH_PDF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

struct pdf_file;

/* Begins "<path>.part". ERROR_SYSTEM: disk or memory. */
bool pdf_file_open(const char *path, struct pdf_file **out, struct error *err);

/* The number of an object that will be put later: to be named "<number> 0 R". ERROR_SYSTEM: memory. */
bool pdf_file_number(struct pdf_file *file, int *number, struct error *err);

/*
 * Puts an object, once for each number.
 *
 * number  by pdf_file_number()
 * text    the object in PDF's syntax, such as "<< /Type /Catalog >>"; borrowed
 */
bool pdf_file_object(struct pdf_file *file, int number, const char *text, struct error *err);

enum pdf_stream {
	PDF_STREAM_AS_IS,   /* entries name the filter, if there is one */
	PDF_STREAM_DEFLATE, /* compressed here */
};

/* Puts a stream; entries: those of its dictionary, without /Length; data is borrowed. */
bool pdf_file_stream(struct pdf_file *file, int number, const char *entries, const void *data,
    size_t n_bytes, enum pdf_stream how, struct error *err);

/* Ends the file, durable when true. root and info: the numbers of catalog and info dictionary. */
bool pdf_file_finish(struct pdf_file *file, int root, int info, struct error *err);

/* Removes "<path>.part" where it was not finished; accepts NULL. */
void pdf_file_close(struct pdf_file *file);

#endif
