/*
 * The font of the invisible text: one TrueType program of two empty glyphs, made here, in as many
 * variants as there are heights of words.
 *
 * Codes are two bytes (Identity-H) and given to characters in the order in which they are first
 * seen, from 1; a ToUnicode CMap says which character each is (beyond the BMP as UTF-16 pairs), and
 * a CIDToGIDMap sends all of them to glyph 1, so that none is .notdef.
 *
 * A reader such as poppler takes a word's height from the font's Ascent and Descent, and joins
 * words to lines by font size and baseline. So all words of a line share both, and each is set in
 * the variant whose Ascent and Descent are its own.
 *
 * One for each PDF; one thread.
 */
#ifndef ALTAKT_BATCH_PDF_FONT_H
#define ALTAKT_BATCH_PDF_FONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDF_FONT_WIDTH	  500 /* of every glyph, thousandths of the font size */
#define PDF_FONT_VARIANTS 4096

struct pdf_font;

struct pdf_font *pdf_font_open(void); /* gives; NULL without memory */
void pdf_font_close(struct pdf_font *font);

/*
 * The code of a character; 0 for one that cannot be text (controls, surrogates, U+FEFF,
 * noncharacters): leave it out. Once all codes are taken: that of U+FFFD.
 */
uint16_t pdf_font_code(struct pdf_font *font, uint32_t character);

/*
 * The number of the variant with this height above and depth below the baseline, in thousandths of
 * the font size: resource name "/F<number>". Once all are taken: the nearest of them.
 */
int pdf_font_variant(struct pdf_font *font, int ascent, int descent);

int pdf_font_variants(const struct pdf_font *font); /* how many there are */
void pdf_font_metrics(const struct pdf_font *font, int variant, int *ascent, int *descent);

/* Streams of the PDF, yours to free; NULL without memory. */
uint8_t *pdf_font_program(size_t *n_bytes);				   /* FontFile2 */
char *pdf_font_to_unicode(const struct pdf_font *font, size_t *n_bytes);   /* ToUnicode */
uint8_t *pdf_font_glyph_map(const struct pdf_font *font, size_t *n_bytes); /* CIDToGIDMap */

#endif
