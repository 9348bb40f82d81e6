/*
 * The font sizes of the invisible text's lines. Nobody sees them, but readers find columns and
 * paragraphs by them: poppler joins lines of the same size that lie near each other, and keeps
 * those apart whose sizes differ. So lines of one column share a size, and blocks that touch get
 * sizes that differ by a quarter.
 */
#ifndef ALTAKT_BATCH_PDF_SIZE_H
#define ALTAKT_BATCH_PDF_SIZE_H

#include <stdbool.h>

#include "ocr/alto.h"

/* Quarter turns counter-clockwise of a line's text: 0 to 3. */
int pdf_line_turns(const struct alto_line *line);

/*
 * Fills size_px, an array of n_lines: the font size of each line in pixels of the ALTO, 0 for one
 * without a usable word. False without memory.
 */
bool pdf_sizes_find(const struct alto_page *text, double *size_px);

#endif
