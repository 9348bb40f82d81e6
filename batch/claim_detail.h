/*
 * What stands behind the lines of a claim: each sheet that it counts, and the list by file number
 * that stays in the house (PDF and CSV name batches alone). Both are made again from manifests and
 * ledgers, also for batches that were collected and for corrections, whose sheets come and go.
 */
#ifndef ALTAKT_BATCH_CLAIM_DETAIL_H
#define ALTAKT_BATCH_CLAIM_DETAIL_H

#include <stdbool.h>

#include "batch/claim_book.h"
#include "batch/workspace.h"
#include "config/error.h"

struct claim_sheet { /* lent while visit runs */
	const char *batch;
	int n;
	const char *file_number;
	int volume;
	bool blank;
	int correction; /* 0: claimed here; 1: a correction adds it, -1: takes it back */
};

/* Calls visit for each sheet of the claim, batch by batch, corrections last. */
bool claim_sheets(struct workspace *workspace, const struct claim_book *book, int number,
    bool (*visit)(void *self, const struct claim_sheet *sheet, struct error *err), void *self,
    struct error *err);

/*
 * The list by file number as CSV: batch; file_number; volume; sheets; blank_sheets; files, with
 * what a correction changes as signed numbers. Its sums are the claim's. Gives, or NULL.
 */
char *claim_annex(
    struct workspace *workspace, const struct claim_book *book, int number, struct error *err);

#endif
