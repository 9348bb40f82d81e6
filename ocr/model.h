/*
 * Tesseract's models on disk: where they lie, which are there, whether they are whole. Nothing is
 * loaded.
 */
#ifndef ALTAKT_OCR_MODEL_H
#define ALTAKT_OCR_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

/*
 * The folder that models are taken from: the setting, else TESSDATA_PREFIX, else the system's.
 * Fills folder. ERROR_SETUP where it is not there.
 */
bool model_folder(const char *setting, char *folder, size_t size, struct error *err);

/*
 * Takes the next of "deu+eng" from *rest, which moves on; false at the end. A name that could
 * leave the folder, or that is none, is ERROR_SETUP with *bad true.
 */
bool model_next(const char **rest, char *language, size_t size, bool *bad, struct error *err);

/*
 * One model's file is there and its table of contents is sound. ERROR_SETUP: missing, with the
 * Debian package that has it and those that are there; or damaged.
 */
bool model_check(const char *folder, const char *language, struct error *err);

/* Whether a model's file is there; ERROR_SETUP names its Debian package. err may be NULL. */
bool model_there(const char *folder, const char *language, struct error *err);

/* "tesseract-ocr-deu"; fills package. */
void model_package(const char *language, char *package, size_t size);

#endif
