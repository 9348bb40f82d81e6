/*
 * The same paper scanned twice: sheets whose pages look like those of another sheet of the batch or
 * of the workspace. They are found when a batch closes, flag it, and somebody decides.
 *
 *	page_done ──► duplicate_index_note()  its fingerprint's words into the index
 *	close	  ──► duplicates_find()	      a lookup for each page, candidates compared by their
 *					      small images, then what lies beside each pair in both
 *					      stacks, runs joined: events "near_equal"
 *
 * The journal's table near_equal_pair(sheet, other) has the pairs that were found: none comes a
 * second time.
 *
 * Two sheets are a pair where each written side of one has its equal on the other; a sheet that is
 * equal to more than DUPLICATES_ALIKE others is a leaf without entries, and no pair.
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

struct journal;

enum {
	DUPLICATES_ALIKE = 3,
	DUPLICATES_CANDIDATES = 4, /* that are compared for a sheet, each way up */
};

/*
 * Opens a batch to be read: one of this workspace, or a collected one, whose events lie in
 * collected/<batch>/. out must be empty; yours to release.
 */
bool duplicates_batch_open(
    struct workspace *workspace, const char *name, struct batch *out, struct error *err);

/*
 * The findings of a batch whose pages are done: appends events "near_equal" to events, the longest
 * runs first. Pairs that were found before are left out. Small images that are gone cannot be
 * compared, their sheets are left out.
 */
bool duplicates_find(struct batch *batch, json_t *events, struct error *err);

/* Remembers an event "near_equal", in the transaction that appends it. */
bool duplicates_remember(struct journal *journal, const json_t *event, struct error *err);

/* Whether a sheet is paper that counts: neither void, superseded nor a separator. */
bool duplicates_sheet_live(const struct tally *tally, int n);

/* Sheets of a batch that are nearly equal to another, still valid, and that nobody decided. */
int duplicates_open(const struct tally *tally);

#endif
