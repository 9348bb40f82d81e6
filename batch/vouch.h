/*
 * What others say of our files: the timestamp of each manifest and claim (batch/timestamp.h) and
 * the outside seal of each bundle (batch/seal.h). Both come after the work itself is recorded, so
 * that a service that is away loses nothing: it is said, recorded (timestamp_missing, seal_failed,
 * claim_timestamp_missing), and asked again by the next close or by `altakt seal`.
 */
#ifndef ALTAKT_BATCH_VOUCH_H
#define ALTAKT_BATCH_VOUCH_H

#include <stdbool.h>
#include <stdio.h>

#include "batch/workspace.h"
#include "config/error.h"

struct vouch_result {
	int timestamps, seals; /* got now */
	int failed;	       /* asked for and not got */
};

/*
 * Asks for what the newest manifest of a closed batch and its bundles still lack; nothing where no
 * service is set. Adds to out. Outside a transaction.
 *
 * say  each failure is written there, a line each
 * err  the journal's alone: a service that fails is in out->failed
 */
bool vouch_batch(struct workspace *workspace, const char *batch, const char *by, FILE *say,
    struct vouch_result *out, struct error *err);

/* The same for every claim. */
bool vouch_claims(struct workspace *workspace, const char *by, FILE *say, struct vouch_result *out,
    struct error *err);

#endif
