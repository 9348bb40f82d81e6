/*
 * Purging: raw images go once a batch is accepted, its retention is over and everything that is
 * kept of it verifies. What was deleted is proved by an event; pages and texts stay in the bundles.
 */
#ifndef ALTAKT_BATCH_PURGE_H
#define ALTAKT_BATCH_PURGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/workspace.h"
#include "config/error.h"

struct purge_result {
	int64_t images, bytes; /* raw images that are gone now */
	bool already;	       /* they were gone before */
};

/*
 * Deletes the raw images of a batch and looks that they are gone; the event "purged" has their
 * number and the SHA-256 over the lines "<sha256>  <path>" of all of them, in the ledger's order.
 *
 * err  ERROR_DECIDE  not accepted, or the retention is not over: what says until when
 *      ERROR_CHECK   the batch does not verify: nothing was deleted
 */
bool purge_batch(struct workspace *workspace, const char *batch, const char *by,
    struct purge_result *out, struct error *err);

/*
 * The paper that may be destroyed: an array of {"batch", "file_number", "volume", "sheets",
 * "accepted", "accepted_by"}, of all batches that are accepted as they are. Gives.
 */
json_t *purge_destruction_list(struct workspace *workspace, struct error *err);

#endif
