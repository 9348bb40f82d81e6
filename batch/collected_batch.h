/*
 * A collected batch as this workspace keeps it beside collected/<batch>/: its row in the journal's
 * table "collected", for lists that must not read a ledger, and the small images of its pages.
 */
#ifndef ALTAKT_BATCH_COLLECTED_BATCH_H
#define ALTAKT_BATCH_COLLECTED_BATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/tally.h"
#include "batch/workspace.h"
#include "config/error.h"

struct journal;

/* Writes its row as tally has it; inside a transaction. */
bool collected_batch_note(struct journal *journal, const struct tally *tally, struct error *err);

/*
 * All rows, in the order of opening: an array of {"batch", "station", "state", "opened",
 * "revision", "counts"}. Gives; NULL: err says why.
 */
json_t *collected_batch_list(struct journal *journal, struct error *err);

/*
 * Brings the small images of written pages into spool/<batch>/ from the workspace at root, where
 * it has them as the batch's ledger knows them; the ledger lies in collected/<batch>/ already.
 * Those of sheets that were released are deleted. One that is missing or was changed is no error:
 * its sheet cannot be compared; *without counts them, on top of what it has.
 */
bool collected_batch_images(struct workspace *workspace, const char *root, const char *batch,
    int *without, struct error *err);

#endif
