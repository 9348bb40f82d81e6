/*
 * The transfer note (Transfervermerk) of BSI TR-03138 (TR-RESISCAN), Anlage P, A.NB.4, fields a to
 * f, as the XMP packet of a PDF/A-2u: Dublin Core and xmp for every reader, the note in a namespace
 * of its own whose PDF/A extension schema lies in the same packet (ISO 19005-2, 6.6.2.3).
 */
#ifndef ALTAKT_BATCH_NOTE_H
#define ALTAKT_BATCH_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

#define NOTE_NAMESPACE "http://altakt.example/ns/transfer-note/1/"
#define NOTE_PRODUCER  "altakt " ALTAKT_VERSION /* Producer, in packet and info dictionary alike */

struct note {			  /* all borrowed UTF-8; NULL is left out of the packet */
	const char *creator;	  /* a) who made the product: an identifiable person or pseudonym */
	const char *organisation; /* a) and their organisation */
	const char *environment;  /* b) technical and organisational environment */
	const char *anomalies;	  /* c) what was unusual, "" or NULL: nothing was */
	const char *captured_from; /* d) time of the first image, "2026-11-23T08:00:00Z" */
	const char *captured_to;   /* d) of the last one */
	const char *quality;	   /* e) result of quality control, completeness included */
	const char *statement;	   /* f) that product and original match in image and content */
};

struct note_document { /* what the packet and the info dictionary say of the PDF itself; borrowed */
	const char *title;
	const char *author;	 /* NULL: none */
	const char *file_number; /* NULL: none (a claim) */
	int volume;
	const char *batch;    /* NULL: none */
	const char *created;  /* "2026-11-23T11:30:00Z" */
	const char *language; /* "de-DE" */
	int sheets, pages, images;
};

/*
 * Gives the packet, without a trailing NUL counted in *n_bytes. A time that is not of the form
 * "YYYY-MM-DDThh:mm:ss[.fff]Z", text that is not UTF-8 or holds control characters (other than
 * tab and newline) is ERROR_INPUT.
 *
 * note  NULL: a document that is not a scan (a claim): no transfer note, no extension schema
 */
bool note_packet(const struct note *note, const struct note_document *document, char **packet,
    size_t *n_bytes, struct error *err);

/* True for "YYYY-MM-DDThh:mm:ss[.fff]Z" with every part in its range. */
bool note_time_check(const char *time);

#endif
