/*
 * Closing a batch: everything due is done, all witnesses are held against each other, and the
 * manifest is written. A difference keeps the batch open and is named.
 */
#ifndef ALTAKT_BATCH_CLOSE_H
#define ALTAKT_BATCH_CLOSE_H

#include <stdbool.h>

#include "batch/batch.h"
#include "config/error.h"

struct pipeline;

enum close_answer {
	CLOSE_DONE,    /* the manifest is written */
	CLOSE_ALREADY, /* it was closed, nothing has changed since */
	CLOSE_DECIDE,  /* somebody has to decide first: exit 3 */
	CLOSE_DIFFERS, /* witnesses disagree: exit 4 */
	CLOSE_STOPPED, /* Ctrl-C: state kept */
};

/*
 * Closes a batch. What stands against it is written to standard error, a line each, with what to
 * do. The caller holds the feeder's lock of the batch.
 *
 * pipeline  does what is still due
 * by        who closes it
 */
bool close_batch(struct batch *batch, struct pipeline *pipeline, const char *by,
    const volatile bool *stop, enum close_answer *answer, struct error *err);

/*
 * Writes manifest.json and .csv of a closed batch from its ledger where they are missing, as after
 * a power cut between the journal's commit and them.
 */
bool close_finish(struct batch *batch, struct error *err);

/* Prints what stands against closing it, a line each; *decide and *differ count them. */
bool close_check(struct batch *batch, bool print, int *decide, int *differ, struct error *err);

/* What is suspected of a sheet (tally's suspect_kinds), for people: "double feed, …". */
void close_suspects_text(int kinds, char text[256]);

/* The page that page work gave up on, "<batch>/12f", and why; fills both. */
void close_failed_page(
    struct batch *b, const struct tally_sheet *s, int side, char page[112], char why[256]);

/*
 * Tells what came of closing a batch: a receipt of one line on standard output (counts and head of
 * the ledger, to be filed elsewhere), the rest on standard error. Gives the exit code.
 */
int close_answer_say(const struct batch *batch, enum close_answer answer);

#endif
