/* status: first what needs a person, then batches, counts, queues. */
#include "batch/commands.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/batch.h"
#include "batch/clock.h"
#include "batch/close.h"
#include "batch/closed.h"
#include "batch/collected_batch.h"
#include "batch/collected_findings.h"
#include "batch/duplicates.h"
#include "batch/file_set.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/register.h"
#include "batch/report.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/settings.h"
#include "config/text.h"

struct state {
	struct workspace workspace;
	json_t *attention, *batches;
	int pages_todo, files_todo;
	bool all;
};

static const char *const state_names[] = {
    N_("open"), N_("closed"), N_("accepted"), N_("rejected"), N_("abandoned")};

static void attention_add(struct state *st, const char *kind, const char *batch, int n, char *text)
{
	json_array_append_new(st->attention,
	    json_pack("{ss ss si ss}", "kind", kind, "batch", batch, "n", n, "text", text));
	free(text);
}

static bool day_old(const char *at)
{
	struct tm tm = {0};

	if (sscanf(at, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		&tm.tm_min, &tm.tm_sec) != 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return difftime(time(NULL), timegm(&tm)) > 86400;
}

/* The first of them by name: nobody reads a thousand lines. */
static void sheets_attention(struct state *st, const struct batch *b)
{
	enum { NAMED = 20 };
	int named = 0;
	char why[256];

	for (int i = 0; i < b->tally.n_sheets && named < NAMED; i++) {
		const struct tally_sheet *s = &b->tally.sheets[i];
		if (s->voided || s->superseded)
			continue;
		if (s->suspects > 0) {
			close_suspects_text(s->suspect_kinds, why);
			attention_add(st, "suspect", b->name, s->n,
			    file_path(_("  sheet %s/%d: %s"), b->name, s->n, why));
			named++;
		} else if (s->file == 0 && !s->separator) {
			attention_add(st, "unassigned_sheet", b->name, s->n,
			    file_path(_("  sheet %s/%d belongs to no file"), b->name, s->n));
			named++;
		}
	}
}

/* The first of them by name. */
static void failed_attention(struct state *st, struct batch *b, const struct tally_counts *c)
{
	enum { NAMED = 20 };
	char page[112], why[256];
	int named = 0;

	if (c->pages_failed > 0)
		attention_add(st, "pages_failed", b->name, c->pages_failed,
		    file_path(
			PLURAL(
			    "batch %s: %d page cannot be worked on: rescan or void its sheet, or mend the cause and run 'altakt process --retry'",
			    "batch %s: %d pages cannot be worked on: rescan or void their sheets, or mend the cause and run 'altakt process --retry'",
			    c->pages_failed),
			b->name, c->pages_failed));
	for (int i = 0; c->pages_failed > 0 && named < NAMED && i < b->tally.n_sheets; i++) {
		const struct tally_sheet *s = &b->tally.sheets[i];
		for (int k = 0; k < s->n_sides && !s->voided && !s->superseded; k++) {
			if (!s->sides[k].failed || s->sides[k].done)
				continue;
			close_failed_page(b, s, k, page, why);
			attention_add(st, "page_failed", b->name, s->n,
			    file_path(_("  page %s: %s"), page, why));
			named++;
		}
	}
}

static void batch_attention(
    struct state *st, struct batch *b, const struct tally_counts *c, bool fed_now)
{
	struct error ignored = {0};
	int decide, differ;

	if (b->tally.clock_back)
		attention_add(st, "clock_back", b->name, 1,
		    file_path(_("batch %s: the clock of the machine went back"), b->name));
	if (c->ocr_failed > 0)
		attention_add(st, "ocr_failed", b->name, c->ocr_failed,
		    file_path(PLURAL("batch %s: %d page has no text",
				  "batch %s: %d pages have no text", c->ocr_failed),
			b->name, c->ocr_failed));
	failed_attention(st, b, c);
	if (c->suspects > 0)
		attention_add(st, "suspects", b->name, c->suspects,
		    file_path(PLURAL("batch %s: %d sheet waits for a decision",
				  "batch %s: %d sheets wait for a decision", c->suspects),
			b->name, c->suspects));
	if (c->unassigned > 0)
		attention_add(st, "unassigned", b->name, c->unassigned,
		    file_path(PLURAL("batch %s: %d sheet belongs to no file",
				  "batch %s: %d sheets belong to no file", c->unassigned),
			b->name, c->unassigned));
	sheets_attention(st, b);
	if (b->tally.images_taken > b->tally.images_assigned)
		attention_add(st, "images", b->name,
		    b->tally.images_taken - b->tally.images_assigned,
		    file_path(
			PLURAL(
			    "batch %s: %d image waits to be assigned to a sheet: 'altakt sheet images %s'",
			    "batch %s: %d images wait to be assigned to sheets: 'altakt sheet images %s'",
			    b->tally.images_taken - b->tally.images_assigned),
			b->name, b->tally.images_taken - b->tally.images_assigned, b->name));
	if (b->tally.rescan_next)
		attention_add(st, "rescan", b->name, b->tally.rescan_next,
		    file_path(_("batch %s: the next sheet fed supersedes %s/%d"), b->name, b->name,
			b->tally.rescan_next));
	if (b->tally.refeed)
		attention_add(st, "refeed", b->name, b->tally.refeed,
		    file_path(
			_("batch %s: sheets are fed in the place of %s/%d; when all are: altakt sheet done %s/%d"),
			b->name, b->name, b->tally.refeed, b->name, b->tally.refeed));
	if (!fed_now && close_check(b, false, &decide, &differ, &ignored) && differ > 0)
		attention_add(st, "differences", b->name, differ,
		    file_path(
			PLURAL(
			    "batch %s: %d difference between witnesses: 'altakt close %s' names it",
			    "batch %s: %d differences between witnesses: 'altakt close %s' names them",
			    differ),
			b->name, differ, b->name));
	if (day_old(b->tally.opened))
		attention_add(st, "open_long", b->name, 1,
		    file_path(_("batch %s is open for more than a day"), b->name));
}

/* A batch that is not open is told from its row: its events are not read again. */
static bool row_visit(struct state *st, sqlite3_stmt *stmt)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 0);
	const char *state = (const char *)sqlite3_column_text(stmt, 1);
	json_t *counts = json_loads((const char *)sqlite3_column_text(stmt, 4), 0, NULL);
	json_t *one = json_pack("{ss ss ss ss so* si si si si sn}", "batch", name, "state", state,
	    "station", (const char *)sqlite3_column_text(stmt, 2), "opened",
	    (const char *)sqlite3_column_text(stmt, 3), "counts", counts, "suspects", 0,
	    "unassigned", 0, "pages_todo", 0, "files_todo", 0, "last_sheet");
	int failed = (int)json_integer_value(json_object_get(counts, "ocr_failed"));

	if (sqlite3_column_int(stmt, 5) > 0)
		json_object_set_new(one, "revision", json_integer(sqlite3_column_int(stmt, 5)));
	if (sqlite3_column_int(stmt, 6) > 0)
		json_object_set_new(one, "claim", json_integer(sqlite3_column_int(stmt, 6)));
	if (strcmp(state, "rejected") == 0)
		attention_add(st, "rejected", name, 1,
		    file_path(_("batch %s was rejected: correct it, then close it again"), name));
	if (strcmp(state, "closed") == 0)
		attention_add(st, "review", name, 1,
		    file_path(_("batch %s waits for its review: altakt review %s"), name, name));
	if (failed > 0 && strcmp(state, "closed") == 0)
		attention_add(st, "ocr_failed", name, failed,
		    file_path(PLURAL("batch %s: %d page has no text",
				  "batch %s: %d pages have no text", failed),
			name, failed));
	return json_array_append_new(st->batches, one) == 0;
}

/* Closed batches in which sheets are nearly equal to others: the table says which may have some. */
static bool near_equal_visit(struct state *st, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	json_t *names = json_array(), *name;
	bool row = true, ok = true;
	size_t i;

	if (!journal_prepare(st->workspace.journal,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'near_equal_pair'",
		&stmt, err) ||
	    !journal_step(st->workspace.journal, stmt, &row, err)) {
		json_decref(names);
		return false;
	}
	sqlite3_reset(stmt);
	if (row)
		ok = journal_prepare(st->workspace.journal,
		    "SELECT b.name FROM batch b WHERE b.state IN ('closed', 'rejected') AND EXISTS (SELECT 1 FROM near_equal_pair p WHERE p.sheet > b.name || '/' AND p.sheet < b.name || '0') ORDER BY b.opened, b.name",
		    &stmt, err);
	while (ok && row) {
		ok = journal_step(st->workspace.journal, stmt, &row, err);
		if (ok && row)
			json_array_append_new(
			    names, json_string((const char *)sqlite3_column_text(stmt, 0)));
	}
	json_array_foreach(names, i, name)
	{
		struct batch b = {0};
		ok = ok && batch_open(&st->workspace, json_string_value(name), &b, err);
		int n = ok ? duplicates_open(&b.tally) : 0;
		if (n > 0)
			attention_add(st, "near_equal", b.name, n,
			    file_path(
				PLURAL(
				    "batch %s: %d sheet is nearly equal to another: altakt review %s",
				    "batch %s: %d sheets are nearly equal to others: altakt review %s",
				    n),
				b.name, n, b.name));
		batch_release(&b);
	}
	json_decref(names);
	return ok;
}

/* Sheets of other stations' batches that are nearly equal to others: the first of them by name. */
static bool collected_findings_visit(struct state *st, struct error *err)
{
	enum { NAMED = 20 };
	json_t *open = collected_findings_open(&st->workspace, err), *finding;
	char run[200], other[200];
	size_t i;

	json_array_foreach(open, i, finding)
	{
		const json_t *sheets = json_object_get(finding, "sheets");
		int n = (int)json_array_size(sheets);
		if (i == NAMED)
			break;
		collected_findings_run(sheets, run);
		collected_findings_run(json_object_get(finding, "others"), other);
		attention_add(st, "near_equal",
		    json_string_value(json_object_get(finding, "batch")), n,
		    file_path(
			PLURAL(
			    "%s is nearly equal to %s: scanned twice, void it at station '%s' and collect again; two sheets: altakt decide %s keep",
			    "%s are nearly equal to %s: scanned twice, void them at station '%s' and collect again; two sheets each: altakt decide %s keep",
			    n),
			run, other, json_string_value(json_object_get(finding, "station")), run));
	}
	json_decref(open);
	return open != NULL;
}

/* Other stations' batches, as they were when they were collected last. */
static bool collected_visit(struct state *st, struct error *err)
{
	json_t *list = collected_batch_list(st->workspace.journal, err), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		static const char *const nothing[] = {
		    "suspects", "unassigned", "pages_todo", "files_todo"};
		for (size_t k = 0; k < sizeof nothing / sizeof nothing[0]; k++)
			json_object_set_new(one, nothing[k], json_integer(0));
		json_object_set_new(one, "last_sheet", json_null());
		json_object_set_new(one, "collected", json_true());
		json_array_append(st->batches, one);
	}
	json_decref(list);
	return list != NULL;
}

static bool rows_visit(struct state *st, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(st->workspace.journal,
		"SELECT name, state, station, opened, counts, revision, claim FROM batch WHERE state <> 'open' ORDER BY opened, name",
		&stmt, err))
		return false;
	while (row) {
		if (!journal_step(st->workspace.journal, stmt, &row, err))
			return false;
		if (row)
			row_visit(st, stmt);
	}
	return true;
}

static bool batch_visit(void *self, const char *name, struct error *err)
{
	struct state *st = self;
	struct batch b = {0};
	struct tally_counts c;
	char who[256] = "";

	if (!batch_open(&st->workspace, name, &b, err))
		return false;
	tally_counts(&b.tally, &c);
	char *lock = file_path("%s/spool/%s/feeder.lock", st->workspace.path, name);
	bool fed_now = lock_held(lock, who);
	free(lock);
	batch_attention(st, &b, &c, fed_now);
	bool open = b.tally.state == BATCH_OPEN;
	json_t *last = json_null();
	if (b.tally.n_sheets > 0) {
		const struct tally_sheet *s = &b.tally.sheets[b.tally.n_sheets - 1];
		char sheet[96];
		batch_sheet_name(&b, s->n, sheet);
		last = json_pack("{ss ss sb}", "sheet", sheet, "file_number",
		    s->file ? b.tally.files[s->file - 1].file_number : "", "separator",
		    s->separator);
	}
	json_t *counts = json_pack("{si si si si si si si si si si si}", "files", c.files, "sheets",
	    c.sheets, "pages", c.pages, "images", c.images, "blank_pages", c.blank_pages,
	    "blank_sheets", c.blank_sheets, "separators", c.separators, "superseded", c.superseded,
	    "voided", c.voided, "ocr_failed", c.ocr_failed, "fed", c.fed);
	json_t *one = json_pack("{ss ss ss ss so si si si si so}", "batch", name, "state",
	    state_names[b.tally.state], "station", b.tally.station, "opened", b.tally.opened,
	    "counts", counts, "suspects", c.suspects, "unassigned", c.unassigned, "pages_todo",
	    open ? c.pages_todo : 0, "files_todo", open ? c.files_todo : 0, "last_sheet", last);
	if (fed_now)
		json_object_set_new(one, "fed_by", json_string(who));
	if (b.tally.revision > 0)
		json_object_set_new(one, "revision", json_integer(b.tally.revision));
	if (b.tally.claim > 0)
		json_object_set_new(one, "claim", json_integer(b.tally.claim));
	json_array_append_new(st->batches, one);
	if (open) {
		st->pages_todo += c.pages_todo;
		st->files_todo += c.files_todo;
	}
	batch_release(&b);
	return true;
}

static void clock_attention(struct state *st)
{
	struct clock_state c;

	if (clock_read(st->workspace.journal, &c, NULL) && c.back)
		attention_add(st, "clock", "", 1,
		    file_path(
			_("the clock says %.19s UTC, before the last event at %.19s UTC: nothing is recorded until somebody decides: altakt clock"),
			c.now, c.last));
}

static void disk_attention(struct state *st)
{
	uint64_t free_bytes, total;
	struct error ignored = {0};

	if (file_disk_free(st->workspace.path, &free_bytes, &total, &ignored) &&
	    (free_bytes < 10ull << 30) && free_bytes < total / 5)
		attention_add(st, "disk", "", 1,
		    file_path(_("the disk has %.1f GiB left"), (double)free_bytes / 1073741824.0));
}

/* Urgent files of the register that no closed batch holds. */
struct urgent {
	struct file_set closed;
	int n;
	char names[200]; /* of the first few */
};

static bool urgent_visit(
    void *self, const char *key, const struct register_entry *entry, struct error *err)
{
	struct urgent *u = self;

	if (!entry->urgent || file_set_count(&u->closed, key) > 0)
		return true;
	file_set_add(&u->closed, key, 1); /* its further volumes: once is enough */
	size_t used = strlen(u->names);
	if (u->n++ < 5)
		snprintf(u->names + used, sizeof u->names - used, "%s%s", used ? ", " : "",
		    entry->file_number);
	else if (u->n == 6)
		snprintf(u->names + used, sizeof u->names - used, " …");
	return true;
}

static bool urgent_attention(struct state *st, struct error *err)
{
	struct closed_list list = {0};
	struct urgent u = {0};
	sqlite3_stmt *stmt = NULL;
	bool any, ok;

	if (!register_any(st->workspace.journal, &any, err) || !any)
		return !any;
	if (!journal_prepare(st->workspace.journal,
		"SELECT 1 FROM register_file WHERE urgent <> 0 LIMIT 1", &stmt, err) ||
	    !journal_step(st->workspace.journal, stmt, &any, err))
		return false;
	sqlite3_reset(stmt);
	if (!any)
		return true;
	ok = closed_all(st->workspace.journal, &list, err);
	for (int i = 0; ok && i < list.n; i++) {
		const struct closed_batch *b = &list.batches[i];
		for (int k = 0; k < b->n_lines; k++)
			if ((b->state == CLOSED_WAITING || b->state == CLOSED_ACCEPTED) &&
			    b->lines[k].sheets > 0)
				file_set_add(&u.closed, b->lines[k].key, 1);
	}
	ok = ok && register_each(st->workspace.journal, urgent_visit, &u, err);
	if (ok && u.n > 0)
		attention_add(st, "urgent", "", u.n,
		    file_path(PLURAL("%d urgent file is not done: %s",
				  "%d urgent files are not done: %s", u.n),
			u.n, u.names));
	file_set_release(&u.closed);
	closed_list_release(&list);
	return ok;
}

/* The last copy, or the workspace itself where there is none, is older than status.backup_days. */
static bool backup_attention(struct state *st, struct error *err)
{
	static const char sql[] =
	    "SELECT line FROM event WHERE chain = ?1 AND (n = 1 OR line LIKE '%\"event\":\"backup_made\"%')"
	    " ORDER BY n DESC LIMIT 1";
	int limit = (int)settings_int(st->workspace.settings, "status.backup_days");
	sqlite3_stmt *stmt = NULL;
	char now[25];
	bool row;

	if (!journal_prepare(st->workspace.journal, sql, &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, LEDGER_WORKSPACE, -1, SQLITE_STATIC);
	if (!journal_step(st->workspace.journal, stmt, &row, err))
		return false;
	json_t *event =
	    row ? json_loads((const char *)sqlite3_column_text(stmt, 0), 0, NULL) : NULL;
	sqlite3_reset(stmt);
	const char *at = json_string_value(json_object_get(event, "at"));
	const char *kind = json_string_value(json_object_get(event, "event"));
	ledger_now(now);
	long long days = at ? clock_between_ms(at, now) / 86400000 : 0;
	if (days >= limit && kind)
		attention_add(st, "backup", "", (int)days,
		    strcmp(kind, "backup_made") == 0
			? file_path(_("the last backup is %lld days old: altakt backup DIR"), days)
			: file_path(
			      _("there is no backup after %lld days: altakt backup DIR"), days));
	json_decref(event);
	return true;
}

static bool deadline_attention(struct state *st, struct error *err)
{
	json_t *forecast = NULL;

	if (!settings_text(st->workspace.settings, "grant.deadline")[0])
		return true;
	if (!report_forecast(&st->workspace, &forecast, err))
		return false;
	if (json_is_true(json_object_get(forecast, "late")))
		attention_add(st, "deadline", "", 1,
		    file_path(
			_("at this rate the register will be done on %s, the deadline is %s: altakt report"),
			json_string_value(json_object_get(forecast, "done_on")),
			json_string_value(json_object_get(forecast, "deadline"))));
	json_decref(forecast);
	return true;
}

static int int_at(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

static void state_print(const struct state *st, const char *processing)
{
	size_t i;
	json_t *one;

	if (json_array_size(st->attention) > 0)
		printf("%s\n", _("Needs a person:"));
	json_array_foreach(st->attention, i, one)
	{
		printf("  %s\n", json_string_value(json_object_get(one, "text")));
	}
	if (json_array_size(st->attention) > 0)
		printf("\n");
	if (json_array_size(st->batches) == 0) {
		printf("%s\n", _("There is no batch yet: 'altakt run' begins one."));
		return;
	}
	const char *state = _("state");
	printf("%-26s %-*s %6s %7s %7s %6s %6s\n", _("batch"), text_width(state, 12), state,
	    _("files"), _("sheets"), _("pages"), _("blank"), _("to do"));
	json_array_foreach(st->batches, i, one)
	{
		const json_t *c = json_object_get(one, "counts");
		state = _(json_string_value(json_object_get(one, "state")));
		printf("%-26s %-*s %6d %7d %7d %6d %6d\n",
		    json_string_value(json_object_get(one, "batch")), text_width(state, 12), state,
		    int_at(c, "files"), int_at(c, "sheets"), int_at(c, "pages"),
		    int_at(c, "blank_pages"), int_at(one, "pages_todo"));
		if (json_is_true(json_object_get(one, "collected")))
			printf(_("    collected from station %s\n"),
			    json_string_value(json_object_get(one, "station")));
		const json_t *last = json_object_get(one, "last_sheet");
		if (strcmp(json_string_value(json_object_get(one, "state")), "open") == 0 &&
		    !json_is_null(last))
			printf(_("    last sheet recorded: %s, file %s\n"),
			    json_string_value(json_object_get(last, "sheet")),
			    json_string_value(json_object_get(last, "file_number"))[0]
				? json_string_value(json_object_get(last, "file_number"))
				: "-");
		if (json_object_get(one, "fed_by"))
			printf(_("    is being fed by pid %s\n"),
			    json_string_value(json_object_get(one, "fed_by")));
	}
	char n[2][TEXT_COUNT];
	printf(_("\n%s and %s to do%s%s\n"), text_count(TEXT_PAGES, st->pages_todo, n[0]),
	    text_count(TEXT_FILES, st->files_todo, n[1]), processing[0] ? _("; at work: pid ") : "",
	    processing);
}

static int run_status(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv;
	struct state st = {0};
	bool json = false;
	const struct option_spec options[] = {
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")}, {0}};
	char who[256] = "";
	struct error err = {0};
	int n, code;

	if (!options_read(&command_status, options, argc, argv, args, &n, &code))
		return code;
	if (n > 0)
		return command_usage(&command_status, _("'%s' is too much"), args[0]);
	if (!workspace_open(call->workspace, call->sets, &st.workspace, &err))
		return command_fail(&err);
	st.attention = json_array();
	st.batches = json_array();
	if (!batch_each(&st.workspace, "open", batch_visit, &st, &err) || !rows_visit(&st, &err) ||
	    !collected_visit(&st, &err) || !near_equal_visit(&st, &err) ||
	    !collected_findings_visit(&st, &err) || !urgent_attention(&st, &err) ||
	    !backup_attention(&st, &err) || !deadline_attention(&st, &err)) {
		code = command_fail(&err);
		goto done;
	}
	clock_attention(&st);
	disk_attention(&st);
	char *lock = file_path("%s/process.lock", st.workspace.path);
	if (!lock_held(lock, who))
		who[0] = '\0';
	free(lock);
	if (json) {
		json_t *all =
		    json_pack("{ss ss sO sO s{si si ss}}", "format", "altakt-status/1", "workspace",
			st.workspace.uuid, "attention", st.attention, "batches", st.batches,
			"queues", "pages", st.pages_todo, "files", st.files_todo, "process", who);
		char *text = json_dumps(all, JSON_INDENT(1));
		printf("%s\n", text ? text : "{}");
		free(text);
		json_decref(all);
	} else {
		state_print(&st, who);
	}
	code = EXIT_DONE;
done:
	json_decref(st.attention);
	json_decref(st.batches);
	workspace_close(&st.workspace);
	return code;
}

const struct command command_status = {"status", "[--json]",
    N_("Says what needs a person, then batches, counts and queues."), run_status};
