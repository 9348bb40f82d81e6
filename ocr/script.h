/*
 * The script of a page, for the setting ocr.languages = auto: Tesseract's own detector (the model
 * "osd", Debian's tesseract-ocr-osd) says which script it is and which way up it stands, and the
 * models that are installed say what it can be read with.
 */
#ifndef ALTAKT_OCR_SCRIPT_H
#define ALTAKT_OCR_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

struct Pix;
struct script_detector;

#define SCRIPT_AUTO	      "auto"
#define SCRIPT_NAME_SIZE      32
#define SCRIPT_LANGUAGES_SIZE 128
#define SCRIPT_PACKAGE_SIZE   64

/*
 * tessdata  as recogniser_open() takes it
 * err       ERROR_SETUP: the model is missing (todo names its package) or cannot be loaded
 *
 * Processes of one thread, as recogniser_open().
 */
bool script_detector_open(const char *tessdata, struct script_detector **out, struct error *err);
void script_detector_close(struct script_detector *detector); /* accepts NULL */

struct script_found {
	char name[SCRIPT_NAME_SIZE]; /* "Latin", "Cyrillic", "Arabic" …; "" where unsure */
	double confidence;	     /* Tesseract's: 0 unsure, above 1 rarely wrong */
	int turn_deg;		     /* clockwise, to bring the text upright: 0 90 180 270 */
	double turn_confidence;
};

/*
 * Looks at a prepared page (depth 1 or 8, straight). Too little text is no error: name is "" then.
 * out is filled. A pure function of the image.
 */
void script_detect(struct script_detector *detector, const struct Pix *image, double image_dpi,
    struct script_found *out);

/*
 * What a script is read with among the models that are installed: "rus+ukr+deu". Where none is for
 * it, languages become those of Latin script, and package names what to install; else package is
 * "". Script "" and unknown ones are taken for Latin. Fills both. ERROR_SETUP: no model at all.
 */
bool script_languages(const char *tessdata, const char *script,
    char languages[SCRIPT_LANGUAGES_SIZE], char package[SCRIPT_PACKAGE_SIZE], struct error *err);

/*
 * What else a page of Latin script could be read with, where it was read badly with what
 * script_languages() gave: its n-th (from 0) further model beside the first, "pol+deu". False:
 * there is none. Languages of one script hide each other when all are asked at once.
 */
bool script_further(const char *tessdata, int n, char languages[SCRIPT_LANGUAGES_SIZE]);

/*
 * Leaves of "deu+rus" what is installed, and fills package with that of the first that is not; ""
 * where all are. ERROR_SETUP: a name that is none.
 */
bool script_installed(const char *tessdata, const char *wanted,
    char languages[SCRIPT_LANGUAGES_SIZE], char package[SCRIPT_PACKAGE_SIZE], struct error *err);

#endif
