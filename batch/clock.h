/*
 * The clock of this computer against the times that the ledger has. A clock that stands before the
 * last event was set back, or had been ahead: either way a person decides, and until then nothing
 * is recorded (exit 3).
 *
 *	the last event's time ─ station.clock_tolerance ──── now?	earlier: ERROR_DECIDE
 *
 * A process that was at work already when the clock went back finishes what it has in hand: its
 * events say "clock_back":true, which flags the batch, and the next command stops. So does closing
 * and claiming in the same process. After the decision (event clock_accepted of the workspace's
 * chain) the times go on from then; a chain whose own last event is later still says "clock_back".
 */
#ifndef ALTAKT_BATCH_CLOCK_H
#define ALTAKT_BATCH_CLOCK_H

#include <stdbool.h>

#include "config/error.h"

struct journal;
struct workspace;

struct clock_state {
	char now[25], last[25]; /* UTC; last is "" before the first event */
	bool back;		/* now is earlier than last, by more than the tolerance */
};

bool clock_read(struct journal *journal, struct clock_state *out, struct error *err);

/* ERROR_DECIDE where the clock stands before the last event. */
bool clock_check(struct journal *journal, struct error *err);

/* Milliseconds from a to b, both as ledger_now() writes them; 0 where one is none. */
long long clock_between_ms(const char *a, const char *b);

/*
 * A person's word that the clock is right as it is now. ERROR_USAGE: there is nothing to decide, or
 * the name is not one that may (review.leads).
 */
bool clock_accept(
    struct workspace *workspace, const char *by, const char *reason, struct error *err);

#endif
