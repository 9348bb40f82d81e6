/*
 * The fingerprint of a page: what of it a fresh scan of the same sheet has, too, in words that an
 * index can look up.
 *
 * The page is covered with overlapping windows of 64 mm, every other one laid out from the middle
 * of the page, the rest from the middle of its ink, so that one crop or some dust does not move
 * all. A window gives one word: the signs of 12 Fourier coefficients of its ink (periods of 20 to
 * 32 mm, under Hann's window): skew of a tenth of a degree, dust and another threshold turn few of
 * them. Ink counts as there or not, whatever the exposure, and what lies alone is left out. The
 * three smallest coefficients are named: they turn first, so whoever looks a word up tries them
 * both ways.
 *
 * Two scans of one sheet share several words, and so do two copies of one printed form: the index
 * leaves out words that many pages have (batch/duplicates.h), and look_compare() has the last word.
 */
#ifndef ALTAKT_SCAN_FINGERPRINT_H
#define ALTAKT_SCAN_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "scan/look.h"

enum {
	FINGERPRINT_WORDS = 24, /* windows: 4 x 6 */
	FINGERPRINT_BITS = 24,
	FINGERPRINT_WEAK = 3,
	FINGERPRINT_TEXT = FINGERPRINT_WORDS * 10 + 1,
};

struct fingerprint_word {
	uint8_t window;
	uint32_t bits;			/* FINGERPRINT_BITS of them */
	uint8_t weak[FINGERPRINT_WEAK]; /* bits that turn first, the weakest first */
};

struct fingerprint { /* {0} is that of a page without ink */
	struct fingerprint_word words[FINGERPRINT_WORDS];
	int n; /* of windows that have ink enough */
};

void fingerprint_take(const struct look *look, struct fingerprint *out);

/* What fingerprint_take() would give for the same page upside down. */
void fingerprint_turned(const struct fingerprint *fingerprint, struct fingerprint *out);

/* As text for the ledger: for each word a letter (its window), the bits and the weak ones. */
void fingerprint_text(const struct fingerprint *fingerprint, char text[FINGERPRINT_TEXT]);
bool fingerprint_read(const char *text, struct fingerprint *out); /* false: not one of ours */

/* How many words two of them share, weak bits tried both ways. */
int fingerprint_shared(const struct fingerprint *a, const struct fingerprint *b);

/* The word as one number, and its 2^FINGERPRINT_WEAK forms with weak bits turned (itself first). */
uint32_t fingerprint_key(const struct fingerprint_word *word);
void fingerprint_probes(const struct fingerprint_word *word, uint32_t keys[1 << FINGERPRINT_WEAK]);

#endif
