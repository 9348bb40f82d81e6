/*
 * Starting Tesseract's engine with a model, safely: without threads of its own, and so that a
 * damaged model is an answer and not the end of the process.
 */
#ifndef ALTAKT_OCR_ENGINE_H
#define ALTAKT_OCR_ENGINE_H

#include <stdbool.h>

struct TessBaseAPI;

/*
 * engine  a TessOcrEngineMode
 * usable  filled: false where loading ended in the middle; the handle is in an unknown state then
 *         and must be left alone, not even deleted
 *
 * Processes of one thread.
 */
bool engine_load(
    struct TessBaseAPI *api, const char *folder, const char *languages, int engine, bool *usable);

#endif
