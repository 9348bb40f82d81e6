/*
 * The index in which a page's likes are looked up: the words of its fingerprint, in the journal.
 *
 *   fingerprint_word  key, page	a word (scan/fingerprint.h) and the pages that have it
 *   fingerprint_page  page, batch, name("12f"), width_mm
 *   fingerprint_chain batch, events, searched	up to where a batch is in the index, and up to
 *						where a collected one was looked through
 *
 * All of it can be made again from the events page_done. Pages come in as page work does them;
 * batches from before there was an index, and those of other stations, at the next close or
 * collect. What is released goes out again. (The event page_done keeps the fingerprint, as a ledger
 * forgets nothing: like a hash, it tells two pages apart, and no word can be read from it.)
 *
 * A word that more than DUPLICATES_COMMON pages have is what is printed on a form: it tells little,
 * and leads to no more than the newest DUPLICATES_NEWEST of them, so that a lookup costs the same
 * however many pages there are. Blank sides have no fingerprint.
 *
 * The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_DUPLICATE_INDEX_H
#define ALTAKT_BATCH_DUPLICATE_INDEX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/ledger.h"
#include "batch/workspace.h"
#include "config/error.h"
#include "scan/fingerprint.h"

struct journal;

enum { DUPLICATES_COMMON = 64, DUPLICATES_NEWEST = 1024 };

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

/*
 * The fingerprint of an event page_done: its own, or, of a page that was done before there were
 * any, that of its small image. False: it has none, and none can be made.
 */
bool duplicate_index_fingerprint(const struct workspace *workspace, const char *batch,
    const json_t *page_done, struct fingerprint *out);

/*
 * Puts in what is missing: batches of this workspace from before the index, collected ones that are
 * new or have grown; what was released in those goes out. Each batch is a transaction of its own.
 */
bool duplicate_index_catch_up(struct workspace *workspace, struct error *err);

/* The collected batches that have grown since they were looked through: {"b": events}. Gives. */
json_t *duplicate_index_unsearched(struct workspace *workspace, struct error *err);

/* Notes that a collected batch was looked through as far as that; inside a transaction. */
bool duplicate_index_searched(
    struct journal *journal, const char *batch, int64_t events, struct error *err);

/*
 * Takes the pages of sheets ("<batch>/12", borrowed) out of the index; inside a transaction, and
 * before their small images are deleted. journal_scrub() then makes the file forget them, too.
 */
bool duplicate_index_forget(
    struct workspace *workspace, const char *batch, const json_t *sheets, struct error *err);

/* Reads the events of a batch of this workspace, or of a collected one; *n of them (or NULL). */
bool duplicate_index_chain(struct workspace *workspace, const char *batch, ledger_visit *visit,
    void *self, int64_t *n, struct error *err);

#endif
