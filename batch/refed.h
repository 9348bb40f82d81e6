/*
 * Paper fed a second time: after a stop the operator lays back what was not recorded, and easily a
 * sheet too much. The first sheets that come are held against the last ones recorded before.
 *
 *	stop ──► resume ──► the next REFED_WATCHED sheets, each against the REFED_RECENT before the
 *stop
 *
 * Sheets are compared by their ink, place by place (scan/look.h). Blank sides say nothing. What is
 * like several of the sheets before is a form without entries, and no finding.
 *
 * The thread that feeds.
 */
#ifndef ALTAKT_BATCH_REFED_H
#define ALTAKT_BATCH_REFED_H

#include "batch/batch.h"

enum { REFED_WATCHED = 8, REFED_RECENT = 8 };

struct fed_sheet;
struct refed;

/* Watches the sheets that come next against those that the batch has by now. NULL: no memory. */
struct refed *refed_open(const struct batch *batch);
void refed_close(struct refed *refed); /* accepts NULL */

/*
 * The number of the recorded sheet that this one looks like, 0 for none. likeness: 0 to 1, of the
 * worse of its sides. An image that cannot be read is like nothing: page work will say so.
 */
int refed_find(struct refed *refed, const struct fed_sheet *sheet, double *likeness);

#endif
