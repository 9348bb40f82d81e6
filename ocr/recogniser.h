/*
 * Recognition by Tesseract's C API. One handle for each worker process; OpenMP is off, colour
 * never goes in. The result for a page depends on the page alone, not on what the handle
 * recognised before: ALTO is the same byte for byte whichever worker made it.
 *
 * What Tesseract and Leptonica print goes to the log, with the page's id.
 */
#ifndef ALTAKT_OCR_RECOGNISER_H
#define ALTAKT_OCR_RECOGNISER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

struct Pix;
struct recogniser;

/*
 * languages  "deu+eng"; each must be installed. "auto": what script_languages() gives for Latin
 *            (which script a page has is the caller's to find out)
 * tessdata   folder of the models, "" for the system's (or TESSDATA_PREFIX's)
 *
 * ERROR_SETUP: what recogniser_check() says, or a model that Tesseract cannot load. Processes of
 * one thread: while a call lasts, descriptor 2 points elsewhere.
 */
bool recogniser_open(
    const char *languages, const char *tessdata, struct recogniser **out, struct error *err);
void recogniser_close(struct recogniser *recogniser); /* accepts NULL */

/*
 * Checks languages and models without loading them, for an early and clear answer. ERROR_SETUP:
 * the folder is not there, a model is missing (todo names its Debian package), a model is damaged
 * (as far as its table of contents shows it).
 */
bool recogniser_check(const char *languages, const char *tessdata, struct error *err);

struct recognition { /* {0} is empty */
	char *alto;  /* ALTO 3, one page, UTF-8, no path names; coordinates of the delivered page */
	size_t alto_bytes; /* without the NUL behind it */
	int words;
	double mean_confidence; /* 0..100 over words, 0 without words */
	int seconds_ms;		/* processor time */
};

/*
 * Recognises a prepared page (depth 1 or 8, upright, straight).
 *
 * scale                 page coordinates = image coordinates * scale
 * image_dpi             of the image; 0 where unknown
 * page_width/height_px  of the delivered page, at page_dpi: what the ALTO speaks of
 * page_id               a neutral id for the ALTO ("P1"): no names, no numbers of files
 * timeout_ms            0: none. Looked at between words; what hangs before the first word is for
 *                       the pool to end
 * out                   must be empty; filled
 * err                   ERROR_INPUT "took longer than …", or an image that cannot be recognised
 */
bool recogniser_page(struct recogniser *recogniser, const struct Pix *image, double scale,
    double image_dpi, int page_width_px, int page_height_px, double page_dpi, const char *page_id,
    int timeout_ms, struct recognition *out, struct error *err);

void recognition_release(struct recognition *recognition); /* leaves {0} */

/* A valid ALTO of a page without words (failed or nothing to read). Gives; NULL without memory. */
char *recognition_empty_alto(
    int page_width_px, int page_height_px, double page_dpi, const char *page_id);

/* What recogniser_version() would say, without loading the models. Gives. Errors as
 * recogniser_check(). */
bool recogniser_models(
    const char *languages, const char *tessdata, char **version, struct error *err);

/* "tesseract 5.3.0; deu sha256:…; eng sha256:…": for the provenance. Lent. */
const char *recogniser_version(struct recogniser *recogniser);

#endif
