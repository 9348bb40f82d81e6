/*
 * The claims of a workspace: read from its chain, cancelled, settled (batch/claim_making.h makes
 * them).
 *
 *   claims/NNNN/claim.json  claim.csv  claim.pdf
 *	frozen; their hashes are in the event claim_made
 *
 * A claim is made in one transaction: the three files are written durably to claims/.NNNN.part, the
 * events (claimed in the chain of each batch, then claim_made) are committed, then the folder gets
 * its name. A crash before the commit leaves a folder that nothing knows and that goes, one after
 * it a folder that gets its name: whoever reads the claims next does both.
 */
#ifndef ALTAKT_BATCH_CLAIM_BOOK_H
#define ALTAKT_BATCH_CLAIM_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/claim.h"
#include "batch/workspace.h"
#include "config/error.h"

struct claim_entry {
	int number;
	char made[25], by[128];
	char sha256[65], csv_sha256[65], pdf_sha256[65];
	bool cancelled;
	char reason[256]; /* of the cancellation */
	bool settled;
	int64_t settled_cents;
	char tsr_sha256[65]; /* of claim.json.tsr, "": there is none */
	char tsr_time[25];
	char timestamp_missing[256]; /* why there is none, where it was asked for */
	json_t *json;		     /* claim.json, where it was read */
};

struct claim_book {		    /* {0} is empty */
	struct claim_entry *claims; /* in the order of their numbers */
	int n;
};

/* Folds in an event of the workspace's chain; those that are not about claims are passed over. */
bool claim_book_event(struct claim_book *book, const json_t *event, struct error *err);

/* The claim with this number, or NULL. Lent. */
struct claim_entry *claim_book_find(const struct claim_book *book, int number);

/*
 * All of them, from the journal, each claim.json read and checked by its hash. ERROR_CHECK. Takes
 * the journal's lock, where the caller does not have it, so that no claim is read half made.
 */
bool claim_book_read(struct workspace *workspace, struct claim_book *out, struct error *err);
void claim_book_release(struct claim_book *book); /* leaves {0} */

/* Gives the folders of committed claims their names, takes away those that nothing knows. */
bool claim_folders_name(struct workspace *workspace, struct error *err);

/*
 * Brings the ledger.jsonl of each own chain that a claim names up to date: a usual transaction
 * does so itself, one that touches hundreds of chains does not.
 */
bool claim_chains_publish(struct workspace *workspace, const json_t *claim, struct error *err);

/* Frees the newest claim's files and sheets; its number stays used. ERROR_USAGE says why not. */
bool claim_cancel(
    struct workspace *workspace, int number, const char *by, const char *reason, struct error *err);

/* Records what the authority granted for a claim. */
bool claim_settle(
    struct workspace *workspace, int number, const char *amount, const char *by, struct error *err);

/* The same as claim.csv: for the spreadsheet, numbers the German way where german. Gives. */
char *claim_csv(const json_t *claim, bool german);

#endif
