/*
 * The claims of other workspaces, as `collect` takes them along with their batches:
 *
 *   claims/<workspace's UUID>/NNNN/…	as they lie there, by the hashes of the event
 *   claims_collected{workspace claims[{claim sha256 cancelled batches[]}]}
 *
 * A batch that a claim elsewhere holds is claimed there, and never here.
 */
#ifndef ALTAKT_BATCH_FOREIGN_CLAIMS_H
#define ALTAKT_BATCH_FOREIGN_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/verify.h"
#include "batch/workspace.h"
#include "config/error.h"

struct journal;

/*
 * Takes the claims of the workspace at root, which was verified; nothing where it has none, or has
 * none but those that were taken before. Outside a transaction.
 *
 * err  ERROR_CHECK  it is a copy of this very workspace; its claims have gone another way than
 * those that were taken before
 */
bool foreign_claims_take(
    struct workspace *workspace, const char *root, const char *by, struct error *err);

/* Batches that claims elsewhere hold: {"batch": {"workspace": "…", "claim": 1}}. Gives. */
bool foreign_claims_read(struct journal *journal, json_t **batches, struct error *err);

/* The same from one event, over what is there; for whoever reads the chain. */
void foreign_claims_event(json_t *batches, const json_t *event);

/* The files of one event against its hashes; folder is that of the workspace. */
bool foreign_claims_verify(
    const char *folder, const json_t *event, struct verify_report *report, struct error *err);

#endif
