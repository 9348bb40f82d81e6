/*
 * A tally put aside in the journal, so that a batch of ten thousand sheets is open in a moment: the
 * events up to it need not be read again. Nothing but a shortcut: it is written by the transaction
 * that adds the events, holds for the program that wrote it alone, and nothing that is proved rests
 * on it (`close` folds every event anew, `verify` knows no journal).
 *
 *	events 1 … 4000 ──► snapshot        batch_open(): snapshot, then events 4001 … alone
 */
#ifndef ALTAKT_BATCH_TALLY_SNAPSHOT_H
#define ALTAKT_BATCH_TALLY_SNAPSHOT_H

#include "batch/journal.h"
#include "batch/tally.h"
#include "config/error.h"

/* Events between two of them. */
enum { TALLY_SNAPSHOT_EVENTS = 2000 };

/*
 * tally  must be empty; filled and yours where there is a snapshot of that batch by this very
 *        program whose last event is the one in the journal, else left empty: no error
 */
bool tally_snapshot_read(
    struct journal *journal, const char *batch, struct tally *tally, struct error *err);

/*
 * Inside a transaction: puts the tally aside where it has grown by TALLY_SNAPSHOT_EVENTS since
 * *kept, and drops what there is of a batch that is not open any more. kept: events of the newest
 * snapshot, 0 for none; updated.
 */
bool tally_snapshot_write(
    struct journal *journal, const struct tally *tally, int64_t *kept, struct error *err);

#endif
