/*
 * Review: which pages of a closed batch a lead has to look at, and whether somebody has.
 *
 * The sample is drawn so that an auditor can draw it again with sha256sum and sort:
 *
 *   seed   the SHA-256 of the chain's first "closed" line (it is ledger.head of revision 1)
 *   order  of each sheet that is neither voided, superseded nor a separator, the SHA-256 of the
 * text
 *          "<seed> <batch>/<n>"; sheets are taken in the order of these hashes
 *   size   review.sample_percent of these sheets, rounded up; then the first of each case file that
 *          has none yet
 *
 * It is drawn anew at each later close, from the same seed; a later draw adds, it never takes away.
 * A sheet that supersedes a drawn one is drawn. To the sample come all flagged pages and all sides
 * that were set aside as blank; in "full" mode every page.
 */
#ifndef ALTAKT_BATCH_REVIEW_H
#define ALTAKT_BATCH_REVIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "batch/tally.h"
#include "config/error.h"

enum review_why { /* a bit set */
	REVIEW_SAMPLE = 1,
	REVIEW_FLAGGED = 2,
	REVIEW_BLANK = 4, /* set aside: no PDF shows it */
	REVIEW_FULL = 8,
};

struct review_item {
	int sheet;
	char side;
	unsigned why;
	bool seen;
	bool one_by_one; /* it was named, not covered by "all" */
};

/*
 * Draws the sample of what tally holds.
 *
 * percent  as the setting writes it: "4", "2.5"
 * drawn    one flag for each sheet, by n - 1: set for those drawn, others are left as they are
 * err      ERROR_SETUP: percent is no number
 */
bool review_draw(const struct tally *tally, const char *seed, const char *percent, bool *drawn,
    struct error *err);

struct review { /* {0} is empty */
	struct tally tally;
	char seed[65]; /* "" before the first close */
	char percent[32];
	bool full;
	bool *drawn;		   /* by sheet - 1 */
	int n_drawn;		   /* sheets of the sample that are still there */
	struct review_item *items; /* in the order of the bundles */
	int n_items, n_unseen;
	bool not_opened_one_by_one; /* an item was only seen by "all" */
	json_t *flags;		    /* "12f": ["…"] */
	json_t *evidence;	    /* "12f": path of its proof image */
	json_t *accounts;	    /* who fed, corrected or decided: {"scan1": true} */
	/* While folding: */
	json_t *seen; /* "12f": number of the event */
	int64_t seen_all;
	char account[64]; /* that fed last */
	int n_room;
};

/* Begins with the rules in force. out must be empty. */
void review_begin(struct review *out, const char *percent, bool full);

/* Folds in one event, as tally_add(). */
bool review_add(
    struct review *review, int64_t n, const char *line, size_t n_bytes, struct error *err);

/* After the last event: fills items. */
bool review_end(struct review *review, struct error *err);

/* All of it for a batch of the journal, by the workspace's settings. */
bool review_read(
    struct workspace *workspace, const char *batch, struct review *out, struct error *err);
void review_release(struct review *review); /* leaves {0} */

/* The image of an item, below the workspace: the small one in the spool, else the proof; gives, or
 * NULL. */
char *review_image(
    const struct review *review, const char *workspace, const struct review_item *item);

/* "12f" */
void review_page_name(const struct review_item *item, char name[24]);

/* True for a lead by review.leads, or where it names none. ERROR_USAGE. */
bool review_lead_check(const struct workspace *workspace, const char *lead, struct error *err);

/*
 * A lead accepts: refused while anything is unseen (ERROR_DECIDE names it). Writes acceptance.json
 * and the event "accepted"; either both are there, or review_recover() finishes it.
 */
bool review_accept(
    struct workspace *workspace, const char *batch, const char *lead, struct error *err);

/* A lead rejects, all of it or some sheets (array of names, may be NULL, borrowed). */
bool review_reject(struct workspace *workspace, const char *batch, const char *lead,
    const char *reason, json_t *sheets, struct error *err);

/*
 * Records that a person has looked: pages (array of "<batch>/<n>f", borrowed), or all.
 * ERROR_USAGE: there is no such page.
 */
bool review_seen(struct workspace *workspace, const char *batch, const char *by, json_t *pages,
    bool all, struct error *err);

/* Finishes what a crash between journal and folder left of an acceptance. */
bool review_recover(struct workspace *workspace, const char *batch, struct error *err);

#endif
