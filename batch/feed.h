/*
 * Feeding a batch: takes sheets from the feeder (scan/feeder.h), decides what each is (cover sheet,
 * sheet of the open file, sheet of no file), records it in one transaction, and lets the pipeline
 * work beside it where one is given.
 *
 *   feeder ──► event ──► cover? file? suspect? ──► file_opened, sheet_fed ──► pipeline_turn()
 */
#ifndef ALTAKT_BATCH_FEED_H
#define ALTAKT_BATCH_FEED_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/batch.h"
#include "config/error.h"

struct feeder_options;
struct import_list;
struct pipeline;

struct feed_options {
	const char *command;	   /* "altakt scan": who holds the lock */
	const char *batch;	   /* --batch, or NULL */
	const char *operator_name; /* --operator */
	const char *file_number;   /* --file, or NULL */
	int volume;		   /* --volume, from 1 */
	int sheets;		   /* --sheets: the operator's own count of --file, -1 none */
	json_t *expect;		   /* --expect, or NULL */
	const char *box;	   /* --box: where the paper is put afterwards, or NULL */
	bool quiet;		   /* one of many calls for a batch: no word on going on */
	bool same_sheet;	   /* --same-sheet: further views of the last sheet recorded */
	const char *profile;
	const char *profile_sha256;
	struct feeder_options
	    *feeder; /* spool_folder, first_n and reserve are filled by feed_run() */
	const struct import_list *imports; /* NULL: scan */
	bool duplex;			   /* of an import */
	bool blanks_dropped;	   /* of an import: images that somebody will assign to sheets */
	struct pipeline *pipeline; /* works beside, or NULL */
	bool closes; /* the batch is closed afterwards: a person, where there is one, says that the
			stack is through */
	const volatile bool *stop; /* set by Ctrl-C */
};

enum feed_end {
	FEED_EMPTY,   /* the feeder is empty, or all files are imported */
	FEED_STOPPED, /* Ctrl-C */
	FEED_DECIDE,  /* a person has to decide: an unreadable cover, sheets of no file */
	FEED_PAPER,   /* jam, open cover: a person has to act */
	FEED_DISK,    /* the spool's disk is down to its reserve */
};

struct feed_result {
	char batch[65]; /* "" where nothing was fed and no batch was opened */
	int sheets;	/* fed in this call, cover sheets with them */
	int images;	/* that wait to be assigned */
	int suspects;
	enum feed_end end;
	struct error why; /* for FEED_PAPER, FEED_DISK, FEED_DECIDE */
};

/* False where it cannot go on at all (device, disk, journal); what was recorded stays. */
bool feed_run(struct workspace *workspace, const struct feed_options *options,
    struct feed_result *out, struct error *err);

#endif
