#include "batch/batch.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/rules.h"
#include "batch/tally_snapshot.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"

bool batch_refresh(struct batch *b, struct error *err)
{
	if (ledger_read(b->workspace->journal, b->name, b->tally.events + 1, 0, tally_visit,
		&b->tally, err))
		return true;
	return error_where(err, _("batch %s"), b->name);
}

bool batch_not_here(const struct workspace *w, const char *name, struct error *err)
{
	char *folder = file_path("%s/collected/%s", w->path, name);
	bool collected = file_exists(folder);

	free(folder);
	if (collected)
		return error_set(err, ERROR_USAGE,
		    _("do this at its station, where its images are; then 'altakt collect' again"),
		    _("the batch '%s' was collected from another station"), name);
	return error_set(err, ERROR_USAGE, _("'altakt status' lists those that are there"),
	    _("there is no batch '%s'"), name);
}

bool batch_open(struct workspace *workspace, const char *name, struct batch *out, struct error *err)
{
	struct batch b = {.workspace = workspace};

	if (!batch_name_check(name, err))
		return false;
	snprintf(b.name, sizeof b.name, "%s", name);
	if (!tally_snapshot_read(workspace->journal, b.name, &b.tally, err))
		return error_where(err, _("batch %s"), b.name);
	b.snapshot_events = b.tally.events;
	if (!batch_refresh(&b, err)) {
		batch_release(&b);
		return false;
	}
	if (b.tally.events == 0) {
		batch_release(&b);
		return batch_not_here(workspace, name, err);
	}
	*out = b;
	return true;
}

void batch_release(struct batch *b)
{
	tally_release(&b->tally);
	*b = (struct batch){0};
}

bool batch_begin(struct batch *b, struct error *err)
{
	if (!journal_begin(b->workspace->journal, err))
		return false;
	if (batch_refresh(b, err))
		return true;
	batch_rollback(b);
	return false;
}

bool batch_event(struct batch *b, const char *by, json_t *event, struct error *err)
{
	return ledger_append(b->workspace->journal, b->name, by, event, err) &&
	    batch_refresh(b, err);
}

bool batch_recount(struct batch *b, struct error *err)
{
	tally_release(&b->tally);
	return batch_refresh(b, err);
}

bool batch_commit(struct batch *b, struct error *err)
{
	if (tally_snapshot_write(b->workspace->journal, &b->tally, &b->snapshot_events, err) &&
	    journal_commit(b->workspace->journal, err))
		return true;
	batch_rollback(b);
	return false;
}

void batch_rollback(struct batch *b)
{
	journal_rollback(b->workspace->journal);
	/* The tally has folded in what is not there now. */
	struct error ignored = {0};
	b->snapshot_events = 0;
	batch_recount(b, &ignored);
}

struct event_of { /* takes one event out of the chain */
	json_t *event;
};

static bool event_keep(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct event_of *e = self;

	e->event = json_loadb(line, n_bytes, 0, NULL);
	return e->event ||
	    error_set(err, ERROR_SYSTEM, NULL, _("event %lld cannot be read"), (long long)n);
}

json_t *batch_event_read(const struct batch *b, int64_t n, struct error *err)
{
	struct event_of e = {0};

	if (n < 1 || !ledger_read(b->workspace->journal, b->name, n, n, event_keep, &e, err))
		return NULL;
	if (!e.event)
		error_set(err, ERROR_SYSTEM, NULL, _("event %lld is not there"), (long long)n);
	return e.event;
}

void batch_sheet_name(const struct batch *b, int n, char name[96])
{
	snprintf(name, 96, "%s/%d", b->name, n);
}

bool batch_lock(const struct workspace *w, const char *name, const char *command, struct lock **out,
    struct error *err)
{
	char *folder = file_path("%s/spool/%s", w->path, name);
	char *path = file_path("%s/feeder.lock", folder);
	bool ok = (file_exists(folder) || file_make_folder(folder, err)) &&
	    lock_open(path, command, out, err);

	if (!ok)
		error_where(err, _("batch %s"), name);
	free(path);
	free(folder);
	return ok;
}

struct names {
	char (*names)[65];
	int n;
};

static bool names_add(void *self, const char *name, struct error *err)
{
	struct names *list = self;
	void *more = realloc(list->names, (size_t)(list->n + 1) * sizeof *list->names);

	if (!more)
		return error_errno(err, NULL, _("cannot list the batches"));
	list->names = more;
	snprintf(list->names[list->n++], sizeof list->names[0], "%s", name);
	return true;
}

static bool names_read(
    struct workspace *w, const char *sql, const char *a, struct names *list, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(w->journal, sql, &stmt, err))
		return false;
	if (a)
		sqlite3_bind_text(stmt, 1, a, -1, SQLITE_TRANSIENT);
	while (row) {
		if (!journal_step(w->journal, stmt, &row, err))
			return false;
		if (row && !names_add(list, (const char *)sqlite3_column_text(stmt, 0), err)) {
			sqlite3_reset(stmt);
			return false;
		}
	}
	return true;
}

bool batch_each(struct workspace *w, const char *state,
    bool (*visit)(void *self, const char *name, struct error *err), void *self, struct error *err)
{
	struct names list = {0};
	bool ok = names_read(w,
	    state ? "SELECT name FROM batch WHERE state = ? ORDER BY opened, name"
		  : "SELECT name FROM batch ORDER BY opened, name",
	    state, &list, err);

	for (int i = 0; ok && i < list.n; i++)
		ok = visit(self, list.names[i], err);
	free(list.names);
	return ok;
}

bool batch_epoch(const struct workspace *w, int *epoch, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	*epoch = 1;
	if (!journal_prepare(
		w->journal, "SELECT value FROM meta WHERE key = 'epoch'", &stmt, err) ||
	    !journal_step(w->journal, stmt, &row, err))
		return false;
	if (row)
		*epoch = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	return true;
}

/* The first free "<date>-<station>-<NNN>" whose lock is free, too. */
static bool choose_new(
    struct workspace *w, const char *command, struct batch_choice *out, struct error *err)
{
	const char *station = settings_text(w->settings, "station.name");
	time_t now = time(NULL);
	struct tm tm;
	char date[16], apart[16] = "";
	int epoch;

	localtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%d", &tm);
	if (!batch_epoch(w, &epoch, err))
		return false;
	if (epoch > 1) /* apart from those that were lost */
		snprintf(apart, sizeof apart, "r%d-", epoch);
	for (int k = 1; k < 100000; k++) {
		int64_t n;
		char head[65];
		struct error busy = {0};
		int len =
		    snprintf(out->name, sizeof out->name, "%s-%s-%s%03d", date, station, apart, k);
		if (len >= (int)sizeof out->name)
			return error_set(err, ERROR_SETUP, _("choose a shorter station.name"),
			    _("the station's name '%s' is too long for names of batches"), station);
		if (!ledger_head(w->journal, out->name, &n, head, err))
			return false;
		if (n > 0)
			continue;
		if (batch_lock(w, out->name, command, &out->lock, &busy)) {
			out->is_new = true;
			return true;
		}
		if (busy.kind != ERROR_BUSY) {
			*err = busy;
			return false;
		}
	}
	return error_set(err, ERROR_SYSTEM, NULL, _("no name is left for a new batch"));
}

static bool choose_asked(struct workspace *w, const char *asked, const char *command,
    struct batch_choice *out, struct error *err)
{
	struct batch b = {0};
	char head[65];
	int64_t n;

	if (!batch_name_check(asked, err) || !ledger_head(w->journal, asked, &n, head, err))
		return false;
	snprintf(out->name, sizeof out->name, "%s", asked);
	out->is_new = n == 0;
	if (!batch_lock(w, asked, command, &out->lock, err))
		return false;
	if (out->is_new)
		return true;
	bool ok = batch_open(w, asked, &b, err);
	if (ok && b.tally.state != BATCH_OPEN)
		ok = error_set(err, ERROR_USAGE,
		    _("leave --batch out for a new one, or name another; a sheet is corrected with 'altakt sheet'"),
		    _("the batch '%s' is closed"), asked);
	batch_release(&b);
	if (!ok) {
		lock_close(out->lock);
		out->lock = NULL;
	}
	return ok;
}

bool batch_choose(struct workspace *w, const char *asked, const char *command,
    struct batch_choice *out, struct error *err)
{
	struct names open = {0};
	struct lock *lock = NULL;
	int free_ones = 0;
	char list[200] = "";
	bool ok = false;

	*out = (struct batch_choice){0};
	if (asked)
		return choose_asked(w, asked, command, out, err);
	if (!names_read(w,
		"SELECT name FROM batch WHERE state = 'open' AND revision = 0 AND station = ? ORDER BY opened, name",
		settings_text(w->settings, "station.name"), &open, err))
		goto done;
	for (int i = 0; i < open.n; i++) {
		struct error busy = {0};
		struct lock *one = NULL;
		if (!batch_lock(w, open.names[i], command, &one, &busy)) {
			if (busy.kind == ERROR_BUSY)
				continue; /* it is being fed, so it is not interrupted */
			*err = busy;
			goto done;
		}
		size_t used = strlen(list);
		snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", open.names[i]);
		snprintf(out->name, sizeof out->name, "%s", open.names[i]);
		lock_close(lock);
		lock = one;
		free_ones++;
	}
	if (free_ones > 1) {
		char todo[256];
		snprintf(todo, sizeof todo, _("name one with --batch: %s"), list);
		error_set(
		    err, ERROR_USAGE, todo, _("%d batches of this station are open"), free_ones);
		goto done;
	}
	if (free_ones == 1) {
		out->lock = lock;
		lock = NULL;
		ok = true;
	} else {
		ok = choose_new(w, command, out, err);
	}
done:
	lock_close(lock);
	free(open.names);
	return ok;
}

bool batch_create(struct workspace *w, const char *name, const char *operator_name,
    const char *source, json_t *expect, struct batch *out, struct error *err)
{
	const struct settings *s = w->settings;
	json_t *rules = rules_make(s);
	json_t *event = json_pack("{ss ss ss ss ss so ss}", "event", "batch_opened", "batch", name,
	    "workspace", w->uuid, "station", settings_text(s, "station.name"), "organisation",
	    settings_text(s, "station.organisation"), "rules", rules, "source", source);

	if (!event)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot open the batch: not enough memory"));
	if (expect && json_array_size(expect) > 0)
		json_object_set(event, "expect", expect);
	*out = (struct batch){.workspace = w};
	snprintf(out->name, sizeof out->name, "%s", name);
	return batch_event(out, operator_name, event, err) &&
	    batch_event(out, operator_name,
		json_pack("{ssss}", "event", "operator", "operator", operator_name), err) &&
	    ledger_append(w->journal, LEDGER_WORKSPACE, operator_name,
		json_pack("{ssss}", "event", "batch_opened", "batch", name), err);
}
