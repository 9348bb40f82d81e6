/*
 * Collecting: other stations' closed batches come into collected/<batch>/ of the workspace that
 * claims, with their bundles in collected/<batch>/files/. They come verified, whole or not at all,
 * and stay as they are; the event "collected" names manifest, length and head of their chain. The
 * small images of their pages come, too, into spool/<batch>/, where they are what page work made:
 * with them is found what two stations have scanned. What a station released goes here as well.
 */
#ifndef ALTAKT_BATCH_COLLECT_H
#define ALTAKT_BATCH_COLLECT_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

struct collect_result {		  /* {0} is empty; calls add to it */
	int taken, renewed, same; /* batches: new ones, grown ones, those that were here already */
	int left;		  /* not closed yet */
	int without_image;	  /* written pages that cannot be compared with others */
	json_t *findings;	  /* events "near_equal" (batch/collected_findings.h); NULL: none */
};

/*
 * Takes all closed batches of another workspace, or a copy of one, at folder.
 *
 * err  ERROR_USAGE  nothing is there, or it is this workspace
 *      ERROR_CHECK  it does not verify; a batch of the same name has other content here; the
 *                   station's batch before is missing; a batch was claimed there
 */
bool collect_folder(struct workspace *workspace, const char *folder, const char *by,
    struct collect_result *out, struct error *err);
void collect_result_release(struct collect_result *result); /* leaves {0} */

#endif
