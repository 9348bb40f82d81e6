/*
 * Recognition by Tesseract's C API. One handle for each worker process; OpenMP is off
 * (omp_set_max_active_levels(0)), colour never goes in.
 */
#ifndef ALTAKT_OCR_RECOGNISER_H
#define ALTAKT_OCR_RECOGNISER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

struct Pix;
struct recogniser;

/*
 * languages  "deu+eng"; each must be installed. ERROR_SETUP names the Debian package that is
 *            missing ("apt install tesseract-ocr-deu")
 * tessdata   folder of the models, "" for the system's
 */
bool recogniser_open(const char *languages, const char *tessdata, struct recogniser **out, struct error *err);
void recogniser_close(struct recogniser *recogniser);

/* Checks languages and models without loading them, for an early and clear answer. */
bool recogniser_check(const char *languages, const char *tessdata, struct error *err);

struct recognition { /* {0} is empty */
	char *alto;	    /* ALTO 3, one page, UTF-8, no path names; coordinates of the delivered page */
	size_t alto_bytes;
	int words;
	double mean_confidence; /* 0..100 over words, 0 without words */
	int seconds_ms;		/* processor time */
};

/*
 * Recognises a prepared page (depth 1 or 8, upright, straight).
 *
 * scale                 page coordinates = image coordinates * scale
 * page_width/height_px  of the delivered page, at page_dpi: what the ALTO speaks of
 * page_id               a neutral id for the ALTO ("P1"): no names, no numbers of files
 * timeout_ms            ERROR_INPUT "took longer than …"
 */
bool recogniser_page(struct recogniser *recogniser, const struct Pix *image, double scale,
    double image_dpi, int page_width_px, int page_height_px, double page_dpi, const char *page_id,
    int timeout_ms, struct recognition *out, struct error *err);

void recognition_release(struct recognition *recognition);

/* A valid ALTO of a page without words (failed or nothing to read). Gives. */
char *recognition_empty_alto(int page_width_px, int page_height_px, double page_dpi, const char *page_id);

/* "tesseract 5.3.0; deu sha256:…; eng sha256:…": for the provenance. Lent. */
const char *recogniser_version(struct recogniser *recogniser);

#endif
