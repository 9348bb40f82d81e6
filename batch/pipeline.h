/*
 * The line behind the feeder: finds the pages and case files that are due, hands them to the pool's
 * workers, and records what comes back. What is due follows from the tally alone, so that it goes
 * on where it stood after any interruption.
 *
 *   due page ──► worker (clean, encode, recognise) ──► page_done
 *   a complete file whose pages are done ──► worker (bundle) ──► bundle_made
 *
 * Several batches are worked on at a time where the first of them cannot fill the pool any more,
 * so that no worker stands still at the end of a batch. Each result goes to its own batch.
 *
 * The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_PIPELINE_H
#define ALTAKT_BATCH_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "config/error.h"

struct pipeline;
struct pollfd;

struct pipeline_options {
	const char *program;	 /* to start workers from */
	const char *const *sets; /* --set of this call, handed on to them */
	int jobs;		 /* workers; 0: as many as cores and memory allow */
	bool idle;		 /* lowest priority: a feeder runs beside */
	const char *by;		 /* who is named in the events */
	const char *command;	 /* "altakt run": for whoever finds the lock taken */
};

/* ERROR_BUSY: another process works in this workspace. ERROR_SETUP: language data is missing. */
bool pipeline_open(struct workspace *workspace, const struct pipeline_options *options,
    struct pipeline **out, struct error *err);
void pipeline_close(
    struct pipeline *pipeline); /* accepts NULL; what is in flight is done again later */

/*
 * One turn: takes what is done, hands out what is due in batch. Never waits.
 *
 * *busy  false: nothing is in flight and nothing is due
 * err    ERROR_SYSTEM, ERROR_SETUP: it cannot go on
 */
bool pipeline_turn(struct pipeline *pipeline, struct batch *batch, bool *busy, struct error *err);

/* For poll(): what wakes it. Returns how many of at most n_max. */
int pipeline_descriptors(const struct pipeline *pipeline, struct pollfd *fds, int n_max);
int pipeline_workers(const struct pipeline *pipeline);

/*
 * Turns until nothing is due in batch, or *stop becomes true. Shows progress on a terminal.
 *
 * err  of a case file whose bundle cannot be made, too: the others are done then
 */
bool pipeline_drain(
    struct pipeline *pipeline, struct batch *batch, const volatile bool *stop, struct error *err);

struct pipeline_source { /* of batches, in the order in which they are worked on */
	void *self;
	/* Gives the next one, opened; NULL: there is none, do not ask again. */
	bool (*next)(void *self, struct batch **out, struct error *err);
	/* Takes it back: its last result is recorded, or the work ends. In any order. */
	void (*done)(void *self, struct batch *batch);
};

/*
 * The same for many batches: the next one begins as soon as the pool has room that those before it
 * cannot fill. No two of the same name. Where next() fails, those before it are ended first.
 */
bool pipeline_drain_each(struct pipeline *pipeline, const struct pipeline_source *source,
    const volatile bool *stop, struct error *err);

/* Pages and bundles done since it was opened, for the word at the end. */
struct pipeline_work {
	int pages, bundles, ocr_failed;
	int failed; /* pages that page work gave up on */
	int64_t began_ms;
};
const struct pipeline_work *pipeline_work(const struct pipeline *pipeline);

#endif
