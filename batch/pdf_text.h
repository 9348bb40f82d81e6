/*
 * The invisible text of a page (text rendering mode 3), as operators of a PDF content stream.
 *
 * Words of a line share font size and baseline, so that readers see one line; each word is set in
 * the font variant whose Ascent and Descent give its own height, and scaled to its box's width:
 *
 *          ┌──────┐         ┌─ box of the word, from the ALTO
 *     ┌───┐│      │ ┌───────┴─┐
 *     │   ││      │ │         │   Ascent
 *     └───┘└──────┘ │ ········│   one baseline
 *                   └─────────┘   Descent
 *
 * Between two words of a line stands a space as wide as the gap. A word that is cut at the line's
 * end carries a hyphen, by which poppler joins it. Right-to-left words are set the way they look,
 * last letter first, as PDF has it; readers turn them round again.
 */
#ifndef ALTAKT_BATCH_PDF_TEXT_H
#define ALTAKT_BATCH_PDF_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "batch/pdf_font.h"
#include "ocr/alto.h"

/* A number as PDF has it: three decimals at most, a point whatever the locale. */
void pdf_number_put(FILE *out, double value);

/*
 * Writes the text of a page to out.
 *
 * scale_x, scale_y  points for each pixel of the ALTO
 * height_pt         of the page: PDF counts from the bottom
 * font              learns the characters and variants that are used
 */
void pdf_text_put(FILE *out, const struct alto_page *text, double scale_x, double scale_y,
    double height_pt, struct pdf_font *font);

#endif
