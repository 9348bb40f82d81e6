/*
 * A claim in the making: which batches and corrections it holds, what it leaves out and why, and
 * what it amounts to, on all that earlier claims hold (batch/claim_book.h).
 */
#ifndef ALTAKT_BATCH_CLAIM_MAKING_H
#define ALTAKT_BATCH_CLAIM_MAKING_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

/*
 * Makes a claim of all accepted batches that none holds, and of corrections to those that one
 * holds.
 *
 * until    "YYYY-MM-DD" or "DD.MM.YYYY", inclusive, or NULL
 * dry_run  true: nothing is written, the claim is only computed
 * by       who makes it
 * out      the claim as JSON, yours
 * err      ERROR_SETUP   claim.authority is not set, rates or time zone are bad
 *          ERROR_USAGE   until is no date
 *          ERROR_DECIDE  there is nothing to claim
 *          ERROR_CHECK   a manifest or an earlier claim is not what the ledger knows
 */
bool claim_make(struct workspace *workspace, const char *until, bool dry_run, const char *by,
    json_t **out, struct error *err);

#endif
