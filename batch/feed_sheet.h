/*
 * A sheet that came through the feeder: what it is (sheet, cover sheet, suspect), and its events.
 * Between feed.h, which waits for sheets, and the journal. The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_FEED_SHEET_H
#define ALTAKT_BATCH_FEED_SHEET_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/batch.h"
#include "batch/feed.h"
#include "config/error.h"

struct fed_sheet;
struct feeder;
struct refed;

enum { FEED_NEIGHBOURS = 4 };

struct feed { /* one call that feeds into a batch */
	struct workspace *workspace;
	const struct feed_options *options;
	struct feed_result *result;
	struct batch_choice choice;
	struct batch batch;
	bool opened;	 /* the batch has its events */
	bool started;	 /* feeding_started is recorded */
	bool file_asked; /* --file is still to be opened */
	int assigned;	 /* images that waited and are sides of this sheet */
	bool unknown;	 /* the register did not know the file named when they were taken */
	bool register_any;
	struct feeder *feeder;
	struct refed *refed; /* after a stop: whether paper is fed a second time */
	struct size_mm {
		double width, length;
	} sizes[FEED_NEIGHBOURS]; /* of the sheets that came last, in a ring */
	int n_sizes;
	bool stopping;
	bool whole_stack; /* the operator's word for it */
};

/*
 * Records a sheet, in a transaction of its own that holds all that follows from it: the batch with
 * the first one, the file that a cover sheet opens. Sets stopping and result->end where a person
 * has to decide before more is fed.
 */
bool feed_sheet_record(struct feed *feed, const struct fed_sheet *sheet, struct error *err);

/* Appends an event of this call; within a transaction. Takes e. */
bool feed_event(struct feed *feed, json_t *e, struct error *err);

/* The open file, where there is one, has all its sheets; why: "cover", "option", "count". */
bool feed_file_complete(struct feed *feed, const char *why, struct error *err);

#endif
