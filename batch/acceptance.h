/*
 * A lead's word on a closed batch: accepted or rejected, in batches/<batch>/acceptance.json, signed
 * like the manifest. A newer word takes its place; the older one stays as
 * acceptance.<revision>.json (acceptance.<revision>.2.json, … where several were given on one
 * revision).
 *
 * What is not decided is said: sheets nearly equal to others, a drawn file that nobody counted by
 * hand, pages that were only seen by "all".
 */
#ifndef ALTAKT_BATCH_ACCEPTANCE_H
#define ALTAKT_BATCH_ACCEPTANCE_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

/*
 * A lead accepts. Writes acceptance.json and the event "accepted"; either both are there, or
 * acceptance_recover() finishes it.
 *
 * reason  why a rejection by mistake is taken back; NULL: a rejected batch is not accepted
 * err     ERROR_DECIDE  something is unseen, the hand count differs, or is missing where
 *                       review.hand_count asks for it: what names it
 *         ERROR_USAGE   no lead, or not this account
 */
bool acceptance_accept(struct workspace *workspace, const char *batch, const char *lead,
    const char *reason, struct error *err);

/*
 * A lead rejects, all of it or some sheets. A sheet that was rejected keeps the batch from being
 * closed again until it is scanned anew, voided or decided.
 *
 * sheets  array of names ("b/12", "b/12f" or "12"), may be NULL, borrowed
 * err     ERROR_USAGE: there is no such sheet, or it counts no more
 */
bool acceptance_reject(struct workspace *workspace, const char *batch, const char *lead,
    const char *reason, const json_t *sheets, struct error *err);

/* Finishes what a crash between journal and folder left of a lead's word. */
bool acceptance_recover(struct workspace *workspace, const char *batch, struct error *err);

/* Where the k-th word (from 1) on a revision lies once a newer one came. Gives. */
char *acceptance_kept_path(const char *folder, int revision, int k);

#endif
