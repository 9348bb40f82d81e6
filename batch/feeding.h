/*
 * How fast paper was fed, from the ledgers: the time between feeding_started and feeding_stopped
 * and the sheets in it, by station and scanner, and where it is allowed by operator under a
 * pseudonym. Cover sheets are not counted.
 */
#ifndef ALTAKT_BATCH_FEEDING_H
#define ALTAKT_BATCH_FEEDING_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/closed.h"
#include "batch/workspace.h"
#include "config/error.h"

/*
 * scanners   given: [{station scanner sheets seconds sheets_per_hour}]
 * operators  given: [{operator sheets seconds sheets_per_hour}]; empty but where
 *            report.by_operator is on. The pseudonym is "P-" and the first eight digits of the
 *            SHA-256 of "<secret> <name>"; the secret is drawn once and stays in the journal, so
 *            only who has that can resolve it.
 */
bool feeding_read(struct workspace *workspace, const struct closed_list *batches, json_t **scanners,
    json_t **operators, struct error *err);

#endif
