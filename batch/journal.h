/*
 * The journal: SQLite (WAL, synchronous=FULL), the one source of truth while work goes on. It
 * holds the events of every chain (batch/ledger.h) and a few tables derived from them in the same
 * transaction, for questions that go across batches.
 *
 *   chain      name, n, head, bytes          the end of each chain; '' is the workspace's own
 *   event      chain, n, line                every event, exactly as it stands in ledger.jsonl
 *   batch      name, station, state, ...     one row a batch, derived
 *   casefile   batch, file, key, volume      the files of every batch, by key of the file number
 *   serial     serial, batch, sheet          cover sheets seen
 *   source     key, batch, sheet             imported images, by path, size, time and hash
 *   snapshot   batch, tally                  a shortcut (batch/tally_snapshot.h)
 *   collected  batch, station, state, ...    one row a batch that was collected (batch/collect.h)
 *   register   key, file_number, volume, ... the files that should exist (batch/register.h)
 *
 * A handle belongs to one thread. Any number of processes work beside each other: a transaction
 * waits up to 30 s for another's.
 */
#ifndef ALTAKT_BATCH_JOURNAL_H
#define ALTAKT_BATCH_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct journal;
struct sqlite3;
struct sqlite3_stmt;

/* workspace: its folder. ERROR_SETUP: there is no journal; ERROR_SYSTEM: damaged, or not writable.
 */
bool journal_open(const char *workspace, struct journal **out, struct error *err);
void journal_close(struct journal *journal); /* rolls back what is open; accepts NULL */

/* Makes journal.sqlite with its tables. */
bool journal_create(const char *workspace, struct error *err);

/*
 * A transaction: everything between begin and commit is durable together when commit returns true,
 * and the ledger.jsonl of every chain that grew is brought up to date behind it. Not nested.
 */
bool journal_begin(struct journal *journal, struct error *err);
bool journal_is_open(const struct journal *journal); /* a transaction is */
bool journal_commit(struct journal *journal, struct error *err);
void journal_rollback(struct journal *journal); /* no-op outside a transaction */

/*
 * Makes the file forget what was deleted, outside a transaction: freed places are overwritten as
 * they are freed, and the write-ahead log, which has them as they were, is emptied. While another
 * process reads, that has to wait for the next time; the log file says so.
 */
void journal_scrub(struct journal *journal);

/* Notes that a chain grew, so that commit publishes it; batch/ledger.c calls it. */
void journal_touch(struct journal *journal, const char *chain);

/*
 * A few values that the journal keeps for itself ("uuid", the hash of the "settings", the "clock":
 * the latest time of an event, "manifest <station>": its newest one). "" where there is none.
 */
bool journal_meta_get(
    struct journal *journal, const char *key, char *value, size_t size, struct error *err);
bool journal_meta_set(
    struct journal *journal, const char *key, const char *value, struct error *err);

/* How far the clock may step back before somebody has to decide (batch/clock.h); 0 at first. */
void journal_clock_tolerate(struct journal *journal, int64_t tolerance_ms);
int64_t journal_clock_tolerance_ms(const struct journal *journal);

/* Whether this handle has written an event already: from then on a clock that goes back is noted,
 * not refused. */
bool journal_clock_seen(const struct journal *journal);
void journal_clock_see(struct journal *journal);

const char *journal_workspace(const struct journal *journal); /* its folder, lent */

/* Changes whenever another process (not this handle) has committed. */
int64_t journal_version(struct journal *journal);

/*
 * For the tables that a noun of its own looks after (register, claim, review): prepares a
 * statement, lent until the journal is closed and reset each time it is asked for again.
 */
bool journal_prepare(
    struct journal *journal, const char *sql, struct sqlite3_stmt **out, struct error *err);
/* One step: *row true with a row, false at the end. Translates SQLite's idea of success. */
bool journal_step(
    struct journal *journal, struct sqlite3_stmt *statement, bool *row, struct error *err);

#endif
