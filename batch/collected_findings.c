#include "batch/collected_findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/duplicate_index.h"
#include "batch/duplicates.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/text.h"

bool collected_findings_about(
    const struct workspace *w, const char *batch, bool *collected, struct error *err)
{
	char *path = file_path("%s/collected/%s/ledger.jsonl", w->path, batch);
	char head[65];
	int64_t events;
	bool ok = ledger_head(w->journal, batch, &events, head, err);

	*collected = ok && events == 0 && !strchr(batch, '/') && file_exists(path);
	free(path);
	return ok;
}

static bool batch_search(struct workspace *w, const char *name, int64_t n, const char *by,
    json_t *found, struct error *err)
{
	struct batch b = {0};
	json_t *events = json_array(), *event;
	bool ok = duplicates_batch_open(w, name, &b, err) && duplicates_find(&b, events, err) &&
	    journal_begin(w->journal, err);
	size_t i;

	json_array_foreach(events, i, event)
	{
		ok = ok && duplicates_remember(w->journal, event, err) &&
		    ledger_append(w->journal, LEDGER_WORKSPACE, by, json_deep_copy(event), err);
	}
	ok = ok && duplicate_index_searched(w->journal, name, n, err) &&
	    journal_commit(w->journal, err);
	journal_rollback(w->journal);
	if (ok)
		json_array_extend(found, events);
	json_decref(events);
	batch_release(&b);
	return ok;
}

bool collected_findings_search(
    struct workspace *w, const char *by, json_t *found, struct error *err)
{
	json_t *batches = NULL, *events;
	const char *batch;
	bool ok = duplicate_index_catch_up(w, err) &&
	    (batches = duplicate_index_unsearched(w, err)) != NULL;

	json_object_foreach(batches, batch, events)
	{
		ok = ok && batch_search(w, batch, json_integer_value(events), by, found, err);
	}
	json_decref(batches);
	/* What a station has released is out of the index now. */
	journal_scrub(w->journal);
	return ok;
}

void collected_findings_run(const json_t *sheets, char text[200])
{
	size_t n = json_array_size(sheets);
	const char *first = json_string_value(json_array_get(sheets, 0));
	const char *last = json_string_value(json_array_get(sheets, n ? n - 1 : 0));

	snprintf(
	    text, 200, "%s%s%s", first ? first : "", n > 1 ? ".." : "", n > 1 && last ? last : "");
}

/* --- what waits */

struct told {		  /* by the workspace's chain */
	json_t *findings; /* events "near_equal" */
	json_t *kept;	  /* names of sheets */
};

static bool told_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct told *told = self;
	bool kept = strstr(line, "\"event\":\"near_equal_kept\"") != NULL;
	json_t *sheet;
	size_t i;

	if (!kept && !strstr(line, "\"event\":\"near_equal\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	if (!kept)
		json_array_append(told->findings, e);
	json_array_foreach(kept ? json_object_get(e, "sheets") : NULL, i, sheet)
	{
		json_object_set_new(told->kept, json_string_value(sheet), json_true());
	}
	json_decref(e);
	return true;
}

struct opened { /* batches, each read once */
	struct workspace *workspace;
	struct batch *batches;
	int n;
};

static void sheet_split(const char *sheet, char batch[65], int *n)
{
	const char *slash = strrchr(sheet, '/');

	snprintf(batch, 65, "%.*s", slash ? (int)(slash - sheet) : 0, sheet);
	*n = slash ? (int)strtol(slash + 1, NULL, 10) : 0;
}

static bool opened_batch(
    struct opened *o, const char *name, const struct batch **out, struct error *err)
{
	for (int i = 0; i < o->n; i++)
		if (strcmp(o->batches[i].name, name) == 0) {
			*out = &o->batches[i];
			return true;
		}
	struct batch *more = realloc(o->batches, ((size_t)o->n + 1) * sizeof *more);
	if (!more)
		return error_errno(err, NULL, _("cannot look for equal pages"));
	o->batches = more;
	o->batches[o->n] = (struct batch){0};
	if (!duplicates_batch_open(o->workspace, name, &o->batches[o->n], err))
		return false;
	*out = &o->batches[o->n++];
	return true;
}

static bool sheet_live(struct opened *o, const char *sheet, bool *live, struct error *err)
{
	const struct batch *b = NULL;
	char batch[65];
	int n;

	sheet_split(sheet, batch, &n);
	if (!opened_batch(o, batch, &b, err))
		return false;
	*live = n >= 1 && n <= b->tally.n_sheets && duplicates_sheet_live(&b->tally, n);
	return true;
}

/* Of a finding what still waits; appended to out. */
static bool finding_open(
    struct opened *o, const struct told *told, const json_t *event, json_t *out, struct error *err)
{
	const json_t *others = json_object_get(event, "others");
	json_t *sheets_left = json_array(), *others_left = json_array(), *sheet;
	const struct batch *b = NULL;
	bool ok = true;
	char batch[65];
	int n = 0;
	size_t i;

	json_array_foreach(json_object_get(event, "sheets"), i, sheet)
	{
		const char *a = json_string_value(sheet);
		const char *c = json_string_value(json_array_get(others, i));
		bool live = false, other_live = false;
		if (!ok || !a || !c || json_object_get(told->kept, a))
			continue;
		ok = sheet_live(o, a, &live, err) && sheet_live(o, c, &other_live, err);
		if (ok && live && other_live) {
			json_array_append(sheets_left, sheet);
			json_array_append(others_left, json_array_get(others, i));
			sheet_split(a, batch, &n);
		}
	}
	if (ok && n > 0 && (ok = opened_batch(o, batch, &b, err)))
		json_array_append_new(out,
		    json_pack("{ss ss sO sO sO}", "batch", batch, "station", b->tally.station,
			"sheets", sheets_left, "others", others_left, "likeness",
			json_object_get(event, "likeness")));
	json_decref(sheets_left);
	json_decref(others_left);
	return ok;
}

json_t *collected_findings_open(struct workspace *w, struct error *err)
{
	struct told told = {json_array(), json_object()};
	struct opened opened = {.workspace = w};
	json_t *out = json_array(), *event;
	bool ok = ledger_read(w->journal, LEDGER_WORKSPACE, 1, 0, told_visit, &told, err);
	size_t i;

	json_array_foreach(told.findings, i, event)
	{
		ok = ok && finding_open(&opened, &told, event, out, err);
	}
	for (int k = 0; k < opened.n; k++)
		batch_release(&opened.batches[k]);
	free(opened.batches);
	json_decref(told.findings);
	json_decref(told.kept);
	if (ok)
		return out;
	json_decref(out);
	return NULL;
}

bool collected_findings_keep(struct workspace *w, const char *batch, int from, int to,
    const char *by, const char *reason, int *kept, struct error *err)
{
	json_t *open = NULL, *sheets = json_array(), *finding, *sheet;
	size_t i, k;
	bool ok;

	*kept = 0;
	ok = journal_begin(w->journal, err) && (open = collected_findings_open(w, err)) != NULL;
	json_array_foreach(open, i, finding)
	{
		json_array_foreach(json_object_get(finding, "sheets"), k, sheet)
		{
			char of[65];
			int n;
			sheet_split(json_string_value(sheet), of, &n);
			if (strcmp(of, batch) == 0 && n >= from && n <= to) {
				json_array_append(sheets, sheet);
				++*kept;
			}
		}
	}
	ok = ok &&
	    (*kept == 0 ||
		ledger_append(w->journal, LEDGER_WORKSPACE, by,
		    json_pack("{ss sO ss}", "event", "near_equal_kept", "sheets", sheets, "reason",
			reason),
		    err)) &&
	    journal_commit(w->journal, err);
	journal_rollback(w->journal);
	json_decref(open);
	json_decref(sheets);
	return ok;
}
