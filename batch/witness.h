/*
 * The witnesses of a batch's files: counts of the same paper that do not come from one another. The
 * feed, the images that came of it, the imprinter, the preparation slip (register, or the list that
 * the batch was opened with), the operator, a lead who counts by hand, and the pages in the bundle.
 * They are kept apart, and held against the sheets that were fed and are valid.
 */
#ifndef ALTAKT_BATCH_WITNESS_H
#define ALTAKT_BATCH_WITNESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "batch/tally.h"

/*
 * Holds all of them against each other and says each difference: file, figures, likely cause, and
 * what to do.
 *
 * to       where it is said, in the language of the locale, or NULL: only counted
 * *decide  how often a witness is missing that there has to be; added to
 * *differ  how often two differ and no lead has settled it; added to
 */
void witness_hold(const struct tally *tally, FILE *to, int *decide, int *differ);

/* What each witness of a file counted, for the manifest: {"fed": 3, "slip": 4, …}; those that were
 * not there are left out. The caller frees it with json_decref(). */
json_t *witness_figures(const struct tally *tally, const struct tally_file *file);

/* The entry of a file in the list that the batch was opened with, borrowed; NULL: it has none. */
json_t *witness_listed(const struct tally *tally, const char *file_number, int volume);

/* True where the list has the file and no sheet of it was fed that is valid. */
bool witness_absent(const struct tally *tally, const char *file_number, int volume);

/* The slip's count of a file that is opened: the register's, else that list's, else -1. */
int witness_slip(
    const struct tally *tally, const char *file_number, int volume, int of_the_register);

#endif
