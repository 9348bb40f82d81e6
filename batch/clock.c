#include "batch/clock.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/review.h"
#include "batch/workspace.h"
#include "config/text.h"

static bool at_read(const char *at, long long *ms)
{
	struct tm tm = {0};
	int year, month, milli, used = 0;

	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &tm.tm_mday, &tm.tm_hour,
		&tm.tm_min, &tm.tm_sec, &milli, &used) != 7 ||
	    used != 24)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*ms = (long long)timegm(&tm) * 1000 + milli;
	return true;
}

long long clock_between_ms(const char *a, const char *b)
{
	long long from, to;

	return at_read(a, &from) && at_read(b, &to) ? to - from : 0;
}

bool clock_read(struct journal *j, struct clock_state *out, struct error *err)
{
	*out = (struct clock_state){0};
	ledger_now(out->now);
	if (!journal_meta_get(j, "clock", out->last, sizeof out->last, err))
		return false;
	out->back = clock_between_ms(out->now, out->last) > journal_clock_tolerance_ms(j);
	return true;
}

bool clock_check(struct journal *j, struct error *err)
{
	struct clock_state c;

	if (!clock_read(j, &c, err))
		return false;
	if (!c.back)
		return true;
	return error_set(err, ERROR_DECIDE,
	    _("set the clock; or, where it is right now, say so: altakt clock accept --by NAME --reason TEXT"),
	    _("the clock went back: it says %.19s UTC, the last event was recorded at %.19s UTC"),
	    c.now, c.last);
}

bool clock_accept(struct workspace *w, const char *by, const char *reason, struct error *err)
{
	struct clock_state c;
	bool ok = false;

	if (!review_lead_check(w, by, err) || !journal_begin(w->journal, err))
		return false;
	if (!clock_read(w->journal, &c, err))
		goto done;
	if (!c.back) {
		error_set(err, ERROR_USAGE, NULL,
		    _("the clock does not stand before the last event: there is nothing to decide"));
		goto done;
	}
	/* From here on the times go on from now: then the event itself can be written. */
	ok = journal_meta_set(w->journal, "clock", c.now, err) &&
	    ledger_append(w->journal, LEDGER_WORKSPACE, by,
		json_pack(
		    "{ss ss ss}", "event", "clock_accepted", "last", c.last, "reason", reason),
		err) &&
	    journal_commit(w->journal, err);
done:
	if (!ok)
		journal_rollback(w->journal);
	return ok;
}
