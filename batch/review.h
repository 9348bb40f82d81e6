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
 * that were set aside as blank; in "full" mode every page. Sheets that are nearly equal to another
 * (batch/duplicates.h) come first; whoever accepts a batch without a decision on them accepts them
 * as sheets of their own, which the acceptance says.
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
	REVIEW_NEAR_EQUAL = 16, /* to another sheet, and nobody has decided */
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
	json_t *findings;  /* events "near_equal", and in each "decided": by whom a person's word is
			      there; those of which nothing is left are not in it */
	int n_near_equal;  /* findings that nobody has decided */
	int hand_file;	   /* whose paper is counted by hand: drawn by the seed; 0 none */
	int hand_fed;	   /* its valid sheets; not shown before the count by hand is entered */
	bool hand_differs; /* the count by hand does, and no lead has settled it */
	json_t *flags;	   /* "12f": ["…"] */
	json_t *evidence;  /* "12f": path of its proof image */
	json_t *accounts;  /* who fed, corrected or decided: {"scan1": true} */
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
 * Records that a person has looked: pages (array of "<batch>/<n>f", borrowed), or all.
 * ERROR_USAGE: there is no such page.
 */
bool review_seen(struct workspace *workspace, const char *batch, const char *by, json_t *pages,
    bool all, struct error *err);

/* A sheet that a reviewer may meet: its paper is in the batch, not replaced, and no cover. */
bool review_sheet_live(const struct tally_sheet *sheet);

/* The first sheet of the first finding that nobody has decided; "" where there is none. */
const char *review_finding_first(const struct review *review);

#endif
