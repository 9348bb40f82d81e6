/*
 * The part of the verifier that looks at what others say: timestamps of manifests and claims, and
 * the detached seals of bundles, each by the hash that the ledger has of it.
 */
#ifndef ALTAKT_BATCH_VERIFY_VOUCH_H
#define ALTAKT_BATCH_VERIFY_VOUCH_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/verify.h"
#include "config/error.h"

/*
 * The timestamp beside the file at path.
 *
 * event  timestamped or claim_timestamped; with "why" where the service was away, NULL where none
 *        was asked: then a .tsr is a finding
 */
void verify_timestamp(const char *path, const json_t *event, struct verify_report *report);

/* folder: of the batch. seals: {"seals/….seal": "sha256"}, by the events "sealed". */
bool verify_seals(
    const char *folder, const json_t *seals, struct verify_report *report, struct error *err);

#endif
