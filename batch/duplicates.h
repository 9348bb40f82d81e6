/*
 * The same paper scanned twice: sheets whose pages look like those of another sheet of the batch or
 * of the workspace. They are found when a batch closes, flag it, and somebody decides.
 *
 *	page_done ──► duplicates_note()	  its fingerprint's words into the index
 *	close	  ──► duplicates_find()	  a lookup for each page, candidates compared by their small
 *					  images, runs of sheets joined: events "near_equal"
 *
 * In the journal (both tables can be made again from the events page_done):
 *
 *   fingerprint_word  key, page	a word (scan/fingerprint.h) and the pages that have it
 *   fingerprint_page  page, batch, name("12f"), width_mm
 *   near_equal_pair   sheet, other	pairs that were found: none comes a second time
 *
 * A word that more than DUPLICATES_COMMON pages have is what is printed on a form: it is not looked
 * at, so that a lookup costs the same however many pages there are. Blank sides have no
 * fingerprint. Two sheets are a pair where each written side of one has its equal on the other; a
 * sheet that is equal to more than DUPLICATES_ALIKE others is a leaf without entries, and no pair.
 * Where other sheets have the same form, a pair differs far less than they do, or is none: copies
 * with no more than a few typed words in them cannot be told from scans of one sheet, and are not
 * reported. A sheet may lie upside down.
 *
 * The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_DUPLICATES_H
#define ALTAKT_BATCH_DUPLICATES_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/batch.h"
#include "config/error.h"
#include "scan/fingerprint.h"

struct journal;

enum {
	DUPLICATES_COMMON = 64,
	DUPLICATES_ALIKE = 3,
	DUPLICATES_CANDIDATES = 5, /* that are compared for a sheet */
};

/*
 * Puts a page into the index; inside a transaction of journal.
 *
 * name         "12f"
 * fingerprint  as fingerprint_text() wrote it; "" or not one of ours: nothing is put
 */
bool duplicates_note(struct journal *journal, const char *batch, const char *name, double width_mm,
    const char *fingerprint, struct error *err);

struct duplicates_candidate {
	char batch[65], name[24];
	double width_mm;
	double score; /* rare words weigh more */
};

/* The pages that share the most and rarest words, best first; *n of at most n_max. */
bool duplicates_look_up(struct journal *journal, const struct fingerprint *fingerprint,
    struct duplicates_candidate *out, int n_max, int *n, struct error *err);

/*
 * The findings of a batch whose pages are done: appends events "near_equal" to events, the longest
 * runs first. Pairs that were found before are left out. Small images that are gone cannot be
 * compared, their sheets are left out.
 */
bool duplicates_find(struct batch *batch, json_t *events, struct error *err);

/* Remembers an event "near_equal", in the transaction that appends it. */
bool duplicates_remember(struct journal *journal, const json_t *event, struct error *err);

/* Sheets of a batch that are nearly equal to another, still valid, and that nobody decided. */
int duplicates_open(const struct tally *tally);

#endif
