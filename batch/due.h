/*
 * What of one batch is due: pages whose work is not recorded, and complete files without a bundle.
 * It follows from the tally and from the register's marks alone; what is under way the caller
 * knows.
 *
 * The thread that owns the journal.
 */
#ifndef ALTAKT_BATCH_DUE_H
#define ALTAKT_BATCH_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "batch/register.h"
#include "config/error.h"

struct due_mark { /* of a case file in the register */
	bool urgent;
	char languages[REGISTER_LANGUAGES_SIZE];
};

struct due {			   /* {.batch = …} is one that was not looked at yet */
	struct batch *batch;	   /* borrowed */
	int cursor;		   /* all sheets before it are done */
	struct due_mark *marks;	   /* by file - 1: what the register says */
	int n_marks, urgent_files; /* how many are told, and how many of them are urgent */
	int64_t marked_ms;
};

void due_release(struct due *due); /* leaves {0}; the batch stays */

/* Asks the register for the files' marks, now and then only: they can change. */
bool due_marks_read(struct due *due, struct error *err);

/* Whether a file that the register marks as urgent has work left. */
bool due_urgent(struct due *due, bool *urgent, struct error *err);

/* The file's languages, "" for the setting's; file 0: none. Lent until the marks are read again. */
const char *due_languages(const struct due *due, int file);

/* Looks at all sheets again: a decision may have made a page of what was a cover sheet. */
void due_rewind(struct due *due);

struct due_page {	 /* {0} is before the first */
	int sheet, side; /* running number, index of its side */
};

/*
 * The next page and the next file that are due, in their order; false (0): none further. What
 * changes in between is seen. urgent: only those of urgent files.
 */
bool due_page_next(struct due *due, bool urgent, struct due_page *page);
int due_bundle_next(const struct due *due, bool urgent, int file); /* file 0: the first */

#endif
