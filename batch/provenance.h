/*
 * What a case file's bundle is made from: the spec for bundle_make(), built from the events alone.
 * It holds the provenance of every sheet and image, the order of the pages, and the transfer note.
 */
#ifndef ALTAKT_BATCH_PROVENANCE_H
#define ALTAKT_BATCH_PROVENANCE_H

#include <stdbool.h>

#include "batch/batch.h"
#include "config/error.h"

/*
 * Writes the spec of a file's bundle, durable.
 *
 * file    from 1; all its pages must be done
 * path    of the spec, in the spool
 * bundle  filled with "files/<name>": the name that its bundle has or gets
 */
bool provenance_spec_write(
    struct batch *batch, int file, const char *path, char bundle[256], struct error *err);

/*
 * The flags of a case file, an array of text, sorted: "blank_file", "encoding_fell_back",
 * "near_equal", "ocr_failed", "orientation_unsure", "images_missing" … Gives.
 */
json_t *provenance_flags(struct batch *batch, int file, struct error *err);

#endif
