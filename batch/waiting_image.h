/*
 * Images of a device that removed blank sides itself (--blanks-dropped): recorded, and of no sheet
 * until somebody assigns them.
 */
#ifndef ALTAKT_BATCH_WAITING_IMAGE_H
#define ALTAKT_BATCH_WAITING_IMAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/feed.h"

/*
 * Makes sheets of images that wait (--blanks-dropped): sides[i] of them, 1 or 2, are the i-th
 * sheet, from the first that waits on; covers, files and suspects as when paper is fed. One
 * transaction a sheet. Stops behind an unreadable cover sheet or one of no file: out->end is
 * FEED_DECIDE.
 */
bool waiting_image_assign(struct workspace *workspace, const struct feed_options *options,
    const int *sides, int n_sheets, struct feed_result *out, struct error *err);

/* The image_taken events of the images that wait, in order. Gives. */
json_t *waiting_images(const struct batch *batch, struct error *err);

#endif
