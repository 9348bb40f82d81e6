/*
 * The index in which a page's likes are looked up: the words of its fingerprint, in the journal.
 *
 *   fingerprint_word  key, page	a word (scan/fingerprint.h) and the pages that have it
 *   fingerprint_page  page, batch, name("12f"), width_mm
 *
 * Both tables can be made again from the events page_done. A word that more than DUPLICATES_COMMON
 * pages have is what is printed on a form: it is not looked at, so that a lookup costs the same
 * however many pages there are. Blank sides have no fingerprint.
 *
 * The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_DUPLICATE_INDEX_H
#define ALTAKT_BATCH_DUPLICATE_INDEX_H

#include <stdbool.h>

#include "config/error.h"
#include "scan/fingerprint.h"

struct journal;

enum { DUPLICATES_COMMON = 64 };

/*
 * Puts a page into the index; inside a transaction of journal.
 *
 * name         "12f"
 * fingerprint  as fingerprint_text() wrote it; "" or not one of ours: nothing is put
 */
bool duplicate_index_note(struct journal *journal, const char *batch, const char *name,
    double width_mm, const char *fingerprint, struct error *err);

struct duplicate_candidate {
	char batch[65], name[24];
	double width_mm;
	double score; /* rare words weigh more */
};

/* The pages that share the most and rarest words, best first; *n of at most n_max. */
bool duplicate_index_look_up(struct journal *journal, const struct fingerprint *fingerprint,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err);

/* Pages that share the most words, common ones too: of a printed form, other copies of it. */
bool duplicate_index_mates(struct journal *journal, const struct fingerprint *fingerprint,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err);

#endif
