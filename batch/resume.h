/*
 * What the operator is told after a stop, on standard error: the last sheet that is recorded, what
 * lies on top of the paper next, what was asked for.
 */
#ifndef ALTAKT_BATCH_RESUME_H
#define ALTAKT_BATCH_RESUME_H

#include "batch/batch.h"

/*
 * The last sheet recorded: its id, its file, its small image (made where there is none yet), what
 * was imprinted, and which sheet to feed next. Nothing where no sheet is recorded.
 */
void resume_sheet_print(const struct batch *batch);

/* What has been asked of the sheets that are fed next: a rescan, an insert, a place to be taken. */
void resume_asked_print(const struct batch *batch);

/*
 * What the device has fed by its own count since the last sheet that is recorded.
 *
 * device        its name: the count of another one says nothing
 * device_count  now; -1 unknown
 */
void resume_count_print(const struct batch *batch, const char *device, long device_count);

#endif
