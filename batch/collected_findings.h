/*
 * Paper that was scanned twice at two stations: found where the batches of both are, at collect.
 *
 *	collect ──► collected_findings_search()	 each batch that came or has grown is looked through
 *						 as at its close (batch/duplicates.h)
 *
 * A collected batch stays as it is, so what is found about it stands in the workspace's own chain:
 * events "near_equal", and "near_equal_kept" where somebody decided that both are sheets of their
 * own. A sheet that is void is voided at its station, and collected again. No count changes.
 */
#ifndef ALTAKT_BATCH_COLLECTED_FINDINGS_H
#define ALTAKT_BATCH_COLLECTED_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

/* Whether a batch is not this workspace's own, but was collected. */
bool collected_findings_about(
    const struct workspace *workspace, const char *batch, bool *collected, struct error *err);

/*
 * Looks through the collected batches that are new or have grown; outside a transaction. What is
 * found is in the ledger when true, and appended to found (an array, borrowed): events
 * "near_equal", runs of sheets as one, the longest first. A call that was interrupted goes on with
 * the next one.
 */
bool collected_findings_search(
    struct workspace *workspace, const char *by, json_t *found, struct error *err);

/*
 * What nobody has decided yet: an array of {"batch", "station", "sheets", "others", "likeness"},
 * only of sheets that are still valid on both sides. Gives; NULL: err says why.
 */
json_t *collected_findings_open(struct workspace *workspace, struct error *err);

/*
 * Decides that sheets from..to of a collected batch are sheets of their own: an event with the
 * reason. *kept: how many waited for that.
 */
bool collected_findings_keep(struct workspace *workspace, const char *batch, int from, int to,
    const char *by, const char *reason, int *kept, struct error *err);

/* "b/3", or "b/3..b/5": the first and the last of a run. */
void collected_findings_run(const json_t *sheets, char text[200]);

#endif
