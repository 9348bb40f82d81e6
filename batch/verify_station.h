/*
 * The part of the verifier that takes the manifests of each station: one chain, in which each but
 * the first names the one before. A batch that was left out, or a manifest that was swapped, breaks
 * it.
 */
#ifndef ALTAKT_BATCH_VERIFY_STATION_H
#define ALTAKT_BATCH_VERIFY_STATION_H

#include "batch/verify.h"

struct verify_batch;

/* batches: all that lie below root, as verify_batch_read() left them; borrowed. */
void verify_stations(const char *root, const struct verify_batch *batches, int n_batches,
    struct verify_report *report);

#endif
