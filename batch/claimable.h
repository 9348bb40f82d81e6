/*
 * Which case files a claim may hold: those that the register knows, by number, and of the others
 * those that a lead let in. That is decided by `register allow`, or by `decide SHEET keep` of a
 * lead on the very suspicion. An empty register knows nothing: then every file may be claimed.
 */
#ifndef ALTAKT_BATCH_CLAIMABLE_H
#define ALTAKT_BATCH_CLAIMABLE_H

#include <stdbool.h>

#include "batch/closed.h"
#include "batch/file_set.h"
#include "batch/workspace.h"
#include "config/error.h"

struct claimable {
	struct workspace *workspace; /* borrowed */
	bool any;		     /* the register has entries */
	struct file_set known;	     /* by the register */
	struct file_set allowed;     /* by leads, whatever the batch */
};

struct claimable_count {
	int files, sheets; /* files: numbers of the batch that have sheets */
};

bool claimable_open(struct workspace *workspace, struct claimable *out, struct error *err);
void claimable_close(struct claimable *claimable); /* leaves {0} */

/*
 * Marks the lines of a batch that a claim must leave out (closed_file.unregistered).
 *
 * held     the batch as an earlier claim holds it, or NULL: what was claimed once stays claimable
 * out      filled: what is left out
 * let_in   filled: what the register does not know either, but a lead let in
 */
bool claimable_mark(struct claimable *claimable, struct closed_batch *batch,
    const struct closed_batch *held, struct claimable_count *out, struct claimable_count *let_in,
    struct error *err);

/* A lead's decision that a file is claimed although the register does not know it. ERROR_USAGE. */
bool claimable_allow(struct workspace *workspace, const char *file_number, const char *by,
    const char *reason, struct error *err);

#endif
