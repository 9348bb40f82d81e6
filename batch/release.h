/*
 * Releasing: a case file that is deleted by law or handed over. Its bundle, all images of its
 * sheets, and their pages in the index of duplicates, go; a tombstone stays in the ledger (hash,
 * counts, reason), so that what was counted and claimed can still be shown. No count changes.
 */
#ifndef ALTAKT_BATCH_RELEASE_H
#define ALTAKT_BATCH_RELEASE_H

#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

/*
 * Releases a case file wherever a closed batch holds it; volume 0: all volumes. The events come
 * first; called again after a crash, it deletes what is left.
 *
 * bundles  filled: how many tombstones there are now
 * err      ERROR_USAGE   no batch holds it
 *          ERROR_DECIDE  a batch that holds it is not accepted as it is; or a collected one still
 *                        has it, which is released at its station: what lay here is released then
 */
bool release_file(struct workspace *workspace, const char *file_number, int volume, const char *by,
    const char *reason, int *bundles, struct error *err);

#endif
