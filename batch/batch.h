/*
 * A batch under work: its tally, kept up to date with the journal, and the way to add events to it.
 *
 *	batch_begin ─► batch_event … ─► batch_commit	all or nothing, others see it at once
 *
 * One thread.
 */
#ifndef ALTAKT_BATCH_BATCH_H
#define ALTAKT_BATCH_BATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/tally.h"
#include "batch/workspace.h"
#include "config/error.h"

struct lock;

struct batch {			     /* {0} is empty */
	struct workspace *workspace; /* borrowed */
	char name[65];
	struct tally tally;
	int64_t snapshot_events; /* of the newest snapshot of it (batch/tally_snapshot.h), or 0 */
};

/* ERROR_USAGE for a batch that is none of this workspace's own: collected, or not there. Always false. */
bool batch_not_here(const struct workspace *workspace, const char *name, struct error *err);

/* Reads a batch from the journal. ERROR_USAGE: there is no such batch. */
bool batch_open(
    struct workspace *workspace, const char *name, struct batch *out, struct error *err);
void batch_release(struct batch *batch); /* leaves {0} */

/* Folds in what others have recorded since. */
bool batch_refresh(struct batch *batch, struct error *err);

/* Folds every event anew: for what has to stand on the events alone, such as a manifest. */
bool batch_recount(struct batch *batch, struct error *err);

/* Begins a transaction on a refreshed tally. */
bool batch_begin(struct batch *batch, struct error *err);
/* Adds an event and folds it in; takes it. On failure call batch_rollback(). */
bool batch_event(struct batch *batch, const char *by, json_t *event, struct error *err);
bool batch_commit(struct batch *batch, struct error *err);
void batch_rollback(struct batch *batch); /* and reads the tally anew */

/* Reads event n of its chain. Gives; NULL and ERROR_SYSTEM where it is not there. */
json_t *batch_event_read(const struct batch *batch, int64_t n, struct error *err);

/* "<batch>/12" */
void batch_sheet_name(const struct batch *batch, int n, char name[96]);

/* Takes the lock of its one feeder. ERROR_BUSY names who has it. */
bool batch_lock(const struct workspace *workspace, const char *name, const char *command,
    struct lock **out, struct error *err);

struct batch_choice {
	char name[65];
	bool is_new; /* no event yet: the first sheet opens it */
	struct lock *lock;
};

/*
 * Which batch a feeder works on: the one asked for, else the station's only interrupted one, else
 * a new one "<date>-<station>-<NNN>". ERROR_USAGE lists them where there are several, ERROR_BUSY
 * where another feeds it. The lock comes with it and is yours.
 */
bool batch_choose(struct workspace *workspace, const char *asked, const char *command,
    struct batch_choice *out, struct error *err);

/* Which life of the workspace this is: 1, and one more each time that it is restored from a backup.
 */
bool batch_epoch(const struct workspace *workspace, int *epoch, struct error *err);

/*
 * Opens a new batch with its first events (batch_opened, operator); inside a transaction.
 *
 * source  "scan" or "import"
 * expect  array of {file_number, volume}, borrowed, or NULL
 */
bool batch_create(struct workspace *workspace, const char *name, const char *operator_name,
    const char *source, json_t *expect, struct batch *out, struct error *err);

/* Calls visit for each batch in the order of opening; state NULL: all. */
bool batch_each(struct workspace *workspace, const char *state,
    bool (*visit)(void *self, const char *name, struct error *err), void *self, struct error *err);

#endif
