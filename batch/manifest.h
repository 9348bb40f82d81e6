/*
 * The manifest: what a batch contains, counted. A pure function of the ledger up to its newest
 * "closed" event, so that `verify` can make it again and compare byte for byte.
 */
#ifndef ALTAKT_BATCH_MANIFEST_H
#define ALTAKT_BATCH_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/tally.h"
#include "config/error.h"

/* manifest.json as text with a newline at its end; gives. tally must end with a "closed" event. */
char *manifest_text(const struct tally *tally);

/* The same as manifest.csv: semicolons, UTF-8 with BOM, CRLF; a field is never a formula. Gives. */
char *manifest_csv(const struct tally *tally);

/* The manifest's "counts"; gives. */
json_t *manifest_counts(const struct tally *tally);

/* "batches/<batch>/manifest.json" below workspace; revision > 0: that superseded one. Gives. */
char *manifest_path(const char *workspace, const char *batch, int revision);

#endif
