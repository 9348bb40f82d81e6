/* sheet, decide, file, abandon: what a person decides about paper that was fed. */
#include "batch/commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "batch/collected_findings.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/register.h"
#include "batch/review.h"
#include "batch/witness.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"

struct range { /* "<batch>/5" or "<batch>/5..<batch>/9" or "<batch>/5..9" */
	char batch[65];
	int from, to;
};

static bool sheet_parse(const char *text, char batch[65], int *n)
{
	const char *slash = strrchr(text, '/');
	char *end;

	if (!slash || slash == text || (size_t)(slash - text) > 64)
		return false;
	snprintf(batch, 65, "%.*s", (int)(slash - text), text);
	long value = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || value < 1 || value > 100000000)
		return false;
	*n = (int)value;
	return *end == '\0' || ((*end == 'f' || *end == 'b') && end[1] == '\0');
}

static bool range_parse(const char *text, struct range *r, struct error *err)
{
	const char *dots = strstr(text, "..");
	char first[256], other[65] = "";
	bool ok;

	/* A batch's name may hold dots, too: the range's are the last ones before a number. */
	for (const char *p = dots; p; p = strstr(p + 1, ".."))
		dots = p;
	const char *slash = strrchr(text, '/');
	if (dots && slash && dots < slash && !strchr(text, '/'))
		dots = NULL;
	snprintf(first, sizeof first, "%.*s", dots ? (int)(dots - text) : (int)strlen(text), text);
	ok = sheet_parse(first, r->batch, &r->from);
	r->to = r->from;
	if (ok && dots) {
		if (strchr(dots + 2, '/')) {
			ok = sheet_parse(dots + 2, other, &r->to) && strcmp(other, r->batch) == 0;
		} else {
			char *end;
			long value = strtol(dots + 2, &end, 10);
			ok = end != dots + 2 && *end == '\0' && value >= 1 && value <= 100000000;
			r->to = (int)value;
		}
	}
	if (ok && r->from <= r->to)
		return true;
	return error_set(err, ERROR_USAGE,
	    _("a sheet is <batch>/<number>, a range <batch>/5..<batch>/9"),
	    _("'%s' names no sheet"), text);
}

struct correction { /* what the commands of this file share */
	struct workspace workspace;
	struct batch batch;
	struct range range;
	const char *by, *reason, *file, *after;
	long volume;
	bool refeed;
};

static void correction_release(struct correction *c)
{
	batch_release(&c->batch);
	workspace_close(&c->workspace);
}

/* Opens the batch and begins the transaction. */
static bool correction_batch(struct correction *c, const char *batch, struct error *err)
{
	if (!batch_open(&c->workspace, batch, &c->batch, err) || !batch_begin(&c->batch, err))
		return false;
	c->by = command_person(c->by, c->workspace.settings);
	if (c->batch.tally.state == BATCH_ABANDONED)
		return error_set(err, ERROR_USAGE, NULL, _("batch %s is abandoned"), batch);
	return true;
}

static bool correction_open(
    const struct call *call, struct correction *c, const char *batch, struct error *err)
{
	return workspace_open(call->workspace, call->sets, &c->workspace, err) &&
	    correction_batch(c, batch, err);
}

/* A closed batch is reopened by an event. */
static bool correction_reopen(struct correction *c, struct error *err)
{
	if (c->batch.tally.state == BATCH_OPEN)
		return true;
	return batch_event(
	    &c->batch, c->by, json_pack("{ssss}", "event", "reopened", "reason", c->reason), err);
}

static bool correction_begin(
    const struct call *call, struct correction *c, const char *batch, struct error *err)
{
	return correction_open(call, c, batch, err) && correction_reopen(c, err);
}

static bool range_check(const struct correction *c, struct error *err)
{
	if (c->range.to <= c->batch.tally.n_sheets)
		return true;
	return error_set(err, ERROR_USAGE, NULL, _("there is no sheet %s/%d: batch %s has %d"),
	    c->batch.name, c->range.to, c->batch.name, c->batch.tally.n_sheets);
}

/* The file of that number in this batch; opened where there is none yet. */
static bool file_need(
    struct correction *c, const char *number, int volume, int *file, struct error *err)
{
	struct tally_file *known;
	struct register_entry entry;
	bool any, found = false;

	if (!file_number_check(number, err)) {
		err->kind = ERROR_USAGE;
		return false;
	}
	known = tally_file_find(&c->batch.tally, number, volume);
	if (known) {
		*file = known->file;
		return true;
	}
	if (!register_any(c->workspace.journal, &any, err) ||
	    (any && !register_find(c->workspace.journal, number, volume, &entry, &found, err)))
		return false;
	if (any && !found)
		fprintf(stderr, _("note: the register does not know file %s\n"), number);
	*file = c->batch.tally.n_files + 1;
	return batch_event(&c->batch, c->by,
	    json_pack("{ss si ss si si ss}", "event", "file_opened", "file", *file, "file_number",
		number, "volume", volume, "prepared",
		witness_slip(&c->batch.tally, number, volume, found ? entry.sheets : -1), "from",
		"move"),
	    err);
}

static bool sheet_event(struct correction *c, int n, json_t *event, struct error *err)
{
	char name[96];

	batch_sheet_name(&c->batch, n, name);
	if (event) {
		json_object_set_new(event, "sheet", json_string(name));
		json_object_set_new(event, "reason", json_string(c->reason));
	}
	return batch_event(&c->batch, c->by, event, err);
}

static bool range_void(struct correction *c, struct error *err)
{
	for (int n = c->range.from; n <= c->range.to; n++) {
		json_t *e = json_pack("{ss}", "event", "sheet_voided");
		if (c->refeed)
			json_object_set_new(e, "refeed", json_true());
		if (!sheet_event(c, n, e, err))
			return false;
	}
	return true;
}

/* What waits for paper that is fed next: a sheet's number, or 0. */
static int sheet_pending(const struct tally *t)
{
	return t->rescan_next ? t->rescan_next : t->insert_next ? t->insert_next : t->refeed;
}

/* All that takes the place of a voided sheet was fed. */
static bool refeed_done(struct correction *c, struct error *err)
{
	const struct tally *t = &c->batch.tally;

	if (t->refeed != c->range.from)
		return error_set(err, ERROR_USAGE, NULL,
		    _("no sheets are fed in the place of %s/%d"), c->batch.name, c->range.from);
	return sheet_event(c, c->range.from, json_pack("{ss}", "event", "refeed_done"), err);
}

static bool range_move(struct correction *c, struct error *err)
{
	char after[96] = "", batch[65];
	int file = 0, n_after = 0;

	if (c->after) {
		if (!sheet_parse(c->after, batch, &n_after) || strcmp(batch, c->batch.name) != 0 ||
		    n_after > c->batch.tally.n_sheets)
			return error_set(err, ERROR_USAGE, NULL,
			    _("'%s' names no sheet of batch %s"), c->after, c->batch.name);
		if (n_after >= c->range.from && n_after <= c->range.to)
			return error_set(
			    err, ERROR_USAGE, NULL, _("a sheet cannot stand after itself"));
	}
	if (c->file) {
		if (!file_need(c, c->file, (int)c->volume, &file, err))
			return false;
	} else {
		file = c->batch.tally.sheets[n_after - 1].file;
	}
	for (int n = c->range.from; n <= c->range.to; n++) {
		const struct tally_sheet *s = &c->batch.tally.sheets[n - 1];
		if (s->separator && c->range.from != c->range.to)
			continue; /* cover sheets within a range stay what they are */
		if (s->separator)
			return error_set(err, ERROR_USAGE,
			    _("void it; its file is changed with 'altakt file renumber'"),
			    _("sheet %s/%d is a cover sheet: it cannot be moved"), c->batch.name,
			    n);
		if (n_after)
			batch_sheet_name(&c->batch, n_after, after);
		if (!sheet_event(c, n,
			json_pack(
			    "{ss si ss}", "event", "sheet_moved", "file", file, "after", after),
			err))
			return false;
		n_after = n_after ? n : 0;
	}
	return true;
}

/* The pages are due again, from the raw images: the settings of the next 'process' hold. */
static bool range_clean(struct correction *c, int *pages, struct error *err)
{
	for (int n = c->range.from; n <= c->range.to; n++) {
		const struct tally_sheet *s = &c->batch.tally.sheets[n - 1];
		if (s->separator || !review_sheet_live(s))
			continue;
		for (int i = 0; i < s->n_sides; i++) {
			char side[2] = {s->sides[i].side, 0};
			char *raw = file_path(
			    "%s/spool/%s/%d%s.tif", c->workspace.path, c->batch.name, n, side);
			bool there = access(raw, R_OK) == 0;
			free(raw);
			if (!there)
				return error_set(err, ERROR_INPUT,
				    _("it was purged after acceptance, or lies at another station: scan the paper again ('altakt sheet rescan')"),
				    _("the raw image of %s/%d%s is not here: the page stays as it is"),
				    c->batch.name, n, side);
			if (!sheet_event(c, n,
				json_pack("{ssss}", "event", "page_retry", "side", side), err))
				return false;
			++*pages;
		}
	}
	if (*pages > 0)
		return true;
	return error_set(err, ERROR_USAGE, NULL,
	    _("no page is made from it: it is a cover sheet, or does not count any more"));
}

static int run_sheet(const struct call *call, int argc, char **argv)
{
	struct correction c = {.volume = 1};
	const char **args = (const char **)argv;
	const struct option_spec options[] = {{"by", OPTION_TEXT, &c.by, "NAME", N_("who decides")},
	    {"reason", OPTION_TEXT, &c.reason, "TEXT", N_("why; stays in the ledger")},
	    {"file", OPTION_TEXT, &c.file, N_("NO"), N_("move: the file that it belongs to")},
	    {"volume", OPTION_NUMBER, &c.volume, "V", N_("its volume, from 1")},
	    {"after", OPTION_TEXT, &c.after, "S", N_("move, insert: behind which sheet")},
	    {"refeed", OPTION_FLAG, &c.refeed, NULL,
		N_("void: the sheets fed next take its place, until 'sheet done S' or a cover sheet")},
	    {0}};
	struct error err = {0};
	int n, code, pages = 0;

	if (argc > 1 && (strcmp(argv[1], "images") == 0 || strcmp(argv[1], "assign") == 0))
		return command_images.run(call, argc - 1, argv + 1);
	if (!options_read(&command_sheet, options, argc, argv, args, &n, &code))
		return code;
	const char *what = n > 0 ? args[0] : "";
	bool insert = strcmp(what, "insert") == 0, done = strcmp(what, "done") == 0;
	bool clean = strcmp(what, "clean") == 0;
	if (strcmp(what, "void") != 0 && strcmp(what, "move") != 0 && strcmp(what, "rescan") != 0 &&
	    !insert && !done && !clean)
		return command_usage(&command_sheet,
		    _("say void, move, rescan, insert, done, clean, images or assign"));
	if (c.refeed && strcmp(what, "void") != 0)
		return command_usage(&command_sheet, _("--refeed goes with void"));
	if (done && !c.reason)
		c.reason = "all fed";
	if (insert && n == 1 && c.after)
		args[n++] = c.after;
	if (n != 2)
		return command_usage(&command_sheet, _("name one sheet or one range"));
	if (!c.reason || !c.reason[0])
		return command_usage(
		    &command_sheet, _("--reason is needed: it stays in the ledger"));
	if (strcmp(what, "move") == 0 && !c.file && !c.after)
		return command_usage(&command_sheet, _("say where to: --file NO or --after S"));
	if (c.volume < 1 || c.volume > 9999)
		return command_usage(&command_sheet, _("--volume is from 1 to 9999"));
	if (!range_parse(args[1], &c.range, &err))
		return command_fail(&err);
	bool ok = correction_begin(call, &c, c.range.batch, &err) && range_check(&c, &err);
	const struct tally_sheet *first = ok ? &c.batch.tally.sheets[c.range.from - 1] : NULL;
	if (ok && c.range.from != c.range.to && (insert || done || c.refeed || what[0] == 'r'))
		ok = error_set(&err, ERROR_USAGE, NULL, _("'sheet %s' takes one sheet"), what);
	else if (ok && done)
		ok = refeed_done(&c, &err);
	else if (ok && c.refeed && (first->separator || first->voided || first->superseded))
		ok = error_set(&err, ERROR_USAGE, NULL,
		    _("%s/%d is a cover sheet or does not count any more: nothing can take its place"),
		    c.batch.name, first->n);
	else if (ok && c.refeed && sheet_pending(&c.batch.tally))
		ok = error_set(&err, ERROR_USAGE,
		    _("feed that sheet first, or take it back with 'altakt decide SHEET keep'"),
		    _("sheet %s/%d waits for the next sheet already"), c.batch.name,
		    sheet_pending(&c.batch.tally));
	else if (ok && strcmp(what, "void") == 0)
		ok = range_void(&c, &err);
	else if (ok && strcmp(what, "move") == 0)
		ok = range_move(&c, &err);
	else if (ok && clean)
		ok = range_clean(&c, &pages, &err);
	else if (ok && sheet_pending(&c.batch.tally))
		ok = error_set(&err, ERROR_USAGE,
		    _("feed that sheet first, or take it back with 'altakt decide SHEET keep'"),
		    _("sheet %s/%d waits for the next sheet already"), c.batch.name,
		    sheet_pending(&c.batch.tally));
	else if (ok && !insert && c.batch.tally.sheets[c.range.from - 1].separator)
		ok = error_set(&err, ERROR_USAGE,
		    _("void it, or feed the cover sheet again as it is"),
		    _("sheet %s/%d is a cover sheet: nothing can take its place"), c.batch.name,
		    c.range.from);
	else if (ok)
		ok = sheet_event(&c, c.range.from,
		    json_pack("{ss}", "event", insert ? "insert_asked" : "rescan_asked"), &err);
	ok = ok && batch_commit(&c.batch, &err);
	code = ok ? EXIT_DONE : command_fail(&err);
	if (ok && strcmp(what, "rescan") == 0)
		printf(_("%s/%d: the next sheet that is fed into batch %s takes its place\n"),
		    c.batch.name, c.range.from, c.batch.name);
	else if (ok && insert)
		printf(_("%s/%d: the next sheet that is fed into batch %s comes behind it\n"),
		    c.batch.name, c.range.from, c.batch.name);
	else if (ok && c.refeed)
		printf(
		    _("%s/%d is void: the sheets that are fed into batch %s now take its place, in order, until 'altakt sheet done %s/%d' or a cover sheet\n"),
		    c.batch.name, c.range.from, c.batch.name, c.batch.name, c.range.from);
	else if (ok && clean)
		printf(
		    PLURAL(
			"%d page is due again: 'altakt process' cleans, encodes and recognises it from its raw image\n",
			"%d pages are due again: 'altakt process' cleans, encodes and recognises them from their raw images\n",
			pages),
		    pages);
	else if (ok && done)
		printf(_("%s/%d: all that takes its place was fed\n"), c.batch.name, c.range.from);
	else if (ok)
		printf(PLURAL("%s: %d sheet\n", "%s: %d sheets\n", c.range.to - c.range.from + 1),
		    c.batch.name, c.range.to - c.range.from + 1);
	if (c.batch.workspace && !ok)
		batch_rollback(&c.batch);
	correction_release(&c);
	return code;
}

const struct command command_sheet = {"sheet",
    "void|move|rescan|insert|done|clean S[..S] --by NAME --reason TEXT [--file NO --volume V] [--after S]",
    N_("Voids, moves, rescans or inserts sheets that were fed."), run_sheet};

/* The sheets behind n that wait for a file because n could not be read: up to the next cover sheet.
 */
static bool followers_move(struct correction *c, int n, int file, struct error *err)
{
	bool to_end = true;

	for (int i = n + 1; i <= c->batch.tally.n_sheets; i++) {
		const struct tally_sheet *s = &c->batch.tally.sheets[i - 1];
		if (s->separator || (s->suspect_kinds & 1 << 2 && s->suspects)) {
			to_end = false;
			break;
		}
		if (s->file != 0)
			continue;
		if (!sheet_event(c, i,
			json_pack("{ss si ss}", "event", "sheet_moved", "file", file, "after", ""),
			err))
			return false;
	}
	if (!to_end || c->batch.tally.files[file - 1].file == c->batch.tally.open_file)
		return true;
	/* Nothing came after it: the next sheet fed joins this file. */
	return batch_event(&c->batch, c->by,
	    json_pack("{ss si ss}", "event", "file_reopened", "file", file, "why", "decided"), err);
}

static bool decide_one(struct correction *c, int n, const char *decision, struct error *err)
{
	const struct tally_sheet s = c->batch.tally.sheets[n - 1];
	bool unreadable = s.suspect_kinds & 1 << 2;
	int file = s.file;

	if (strcmp(decision, "cover") == 0) {
		if (c->file && !file_need(c, c->file, (int)c->volume, &file, err))
			return false;
		if (!c->file && s.file == 0)
			return error_set(err, ERROR_USAGE, NULL,
			    _("say whose cover sheet %s/%d is: --file NO"), c->batch.name, n);
		return sheet_event(c, n,
			   json_pack("{ss ss si}", "event", "decided", "decision", decision, "file",
			       file),
			   err) &&
		    followers_move(c, n, file, err);
	}
	if (!sheet_event(c, n, json_pack("{ss ss}", "event", "decided", "decision", decision), err))
		return false;
	if (strcmp(decision, "void") == 0)
		return true;
	if (s.received < s.expected - s.missing &&
	    !sheet_event(c, n,
		json_pack("{ss si}", "event", "image_missing", "missing", s.expected - s.received),
		err))
		return false;
	if (unreadable && s.file == 0) {
		/* An ordinary page after all: it belongs to the file before it. */
		int before = 0;
		if (c->file && !file_need(c, c->file, (int)c->volume, &before, err))
			return false;
		for (int i = n - 1; i >= 1 && !before; i--)
			before = c->batch.tally.sheets[i - 1].file;
		if (before == 0)
			return true;
		return sheet_event(c, n,
			   json_pack(
			       "{ss si ss}", "event", "sheet_moved", "file", before, "after", ""),
			   err) &&
		    followers_move(c, n, before, err);
	}
	return true;
}

/* Somebody has to decide about it: it is a suspect, belongs to no file, or was asked for again. */
static bool sheet_waits(const struct tally *t, int n)
{
	const struct tally_sheet *s = &t->sheets[n - 1];

	return s->suspects > 0 || (s->rejected && !s->voided && !s->superseded) ||
	    s->expected - s->missing != s->received ||
	    (s->file == 0 && !s->voided && !s->separator) || t->rescan_next == n ||
	    t->insert_next == n || t->refeed == n;
}

static bool sheet_near_equal(const struct tally *t, int n)
{
	const struct tally_sheet *s = &t->sheets[n - 1];

	return s->near_equal == NEAR_EQUAL_OPEN && !s->voided && !s->superseded;
}

/* Those of the range that look like others are sheets of their own: the batch stays closed, since
 * no count changes. */
static bool range_keep_near_equal(struct correction *c, int *decided, struct error *err)
{
	json_t *sheets = json_array();

	for (int n = c->range.from; n <= c->range.to; n++)
		if (sheet_near_equal(&c->batch.tally, n))
			json_array_append_new(sheets, json_sprintf("%s/%d", c->batch.name, n));
	*decided = (int)json_array_size(sheets);
	if (*decided == 0) {
		json_decref(sheets);
		return true;
	}
	return review_lead_check(&c->workspace, c->by, err) &&
	    batch_event(&c->batch, c->by,
		json_pack("{ss so ss}", "event", "near_equal_kept", "sheets", sheets, "reason",
		    c->reason),
		err);
}

/* What was decided already is changed by what changes paper, which is told. */
static bool nothing_waits(const struct correction *c, const char *named, struct error *err)
{
	const struct tally_sheet *s = &c->batch.tally.sheets[c->range.from - 1];
	char todo[256];

	if (c->range.from == c->range.to && s->voided) {
		snprintf(todo, sizeof todo,
		    _("to take that back, feed the paper again: 'altakt sheet insert --after %s/%d' gives it its place"),
		    c->batch.name, s->n);
		return error_set(
		    err, ERROR_USAGE, todo, _("sheet %s waits for no decision: it is void"), named);
	}
	return error_set(err, ERROR_USAGE,
	    _("'altakt status' names those that wait; a sheet that was fed is changed with 'altakt sheet void' or 'move'"),
	    _("sheet %s waits for no decision"), named);
}

/* Another station's batch stays as it is: all that is decided here is that its sheets are none
 * that were scanned twice. */
static bool collected_keep(
    struct correction *c, bool keep, const char *named, int *decided, struct error *err)
{
	c->by = command_person(c->by, c->workspace.settings);
	if (!keep)
		return error_set(err, ERROR_USAGE,
		    _("decide it at its station, then 'altakt collect' it again"),
		    _("the batch %s was collected: here it stays as it is"), c->range.batch);
	if (!review_lead_check(&c->workspace, c->by, err) ||
	    !collected_findings_keep(&c->workspace, c->range.batch, c->range.from, c->range.to,
		c->by, c->reason, decided, err))
		return false;
	return *decided > 0 ||
	    error_set(err, ERROR_USAGE, _("'altakt status' names those that wait"),
		_("sheet %s waits for no decision"), named);
}

static int run_decide(const struct call *call, int argc, char **argv)
{
	struct correction c = {.volume = 1};
	const char **args = (const char **)argv;
	const struct option_spec options[] = {{"by", OPTION_TEXT, &c.by, "NAME", N_("who decides")},
	    {"reason", OPTION_TEXT, &c.reason, "TEXT", N_("why; stays in the ledger")},
	    {"file", OPTION_TEXT, &c.file, N_("NO"),
		N_("the file whose cover sheet it is, or to which it belongs")},
	    {"volume", OPTION_NUMBER, &c.volume, "V", N_("its volume, from 1")}, {0}};
	struct error err = {0};
	int n, code;

	if (!options_read(&command_decide, options, argc, argv, args, &n, &code))
		return code;
	if (n != 2)
		return command_usage(&command_decide, _("name a sheet, then keep, void or cover"));
	if (strcmp(args[1], "keep") != 0 && strcmp(args[1], "void") != 0 &&
	    strcmp(args[1], "cover") != 0)
		return command_usage(
		    &command_decide, _("'%s' is no decision: keep, void or cover"), args[1]);
	if (!c.reason || !c.reason[0])
		return command_usage(
		    &command_decide, _("--reason is needed: it stays in the ledger"));
	if (c.volume < 1 || c.volume > 9999)
		return command_usage(&command_decide, _("--volume is from 1 to 9999"));
	if (!range_parse(args[0], &c.range, &err))
		return command_fail(&err);
	int decided = 0, kept = 0;
	bool keep = strcmp(args[1], "keep") == 0, reopened = false;
	bool collected = false;
	bool ok = workspace_open(call->workspace, call->sets, &c.workspace, &err) &&
	    collected_findings_about(&c.workspace, c.range.batch, &collected, &err);
	if (ok && collected) {
		ok = collected_keep(&c, keep, args[0], &decided, &err);
		goto said;
	}
	ok = ok && correction_batch(&c, c.range.batch, &err) && range_check(&c, &err);
	if (ok && keep)
		ok = range_keep_near_equal(&c, &kept, &err);
	for (int i = c.range.from; ok && i <= c.range.to; i++) {
		if (!sheet_waits(&c.batch.tally, i) &&
		    (keep || !sheet_near_equal(&c.batch.tally, i)))
			continue;
		ok = (reopened || correction_reopen(&c, &err)) && decide_one(&c, i, args[1], &err);
		reopened = true;
		decided++;
	}
	decided = decided > kept ? decided : kept;
	if (ok && decided == 0)
		ok = nothing_waits(&c, args[0], &err);
	ok = ok && batch_commit(&c.batch, &err);
said:
	code = ok ? EXIT_DONE : command_fail(&err);
	if (ok)
		printf(PLURAL("%s: %d sheet decided: %s\n", "%s: %d sheets decided: %s\n", decided),
		    c.range.batch, decided, args[1]);
	if (c.batch.workspace && !ok)
		batch_rollback(&c.batch);
	correction_release(&c);
	return code;
}

const struct command command_decide = {"decide",
    "S[..S] keep|void|cover --by NAME --reason TEXT [--file NO]",
    N_("Decides about a sheet that waits: it stays, it is void, it is a cover sheet."), run_decide};

static int run_file(const struct call *call, int argc, char **argv)
{
	struct correction c = {.volume = 1};
	const char **args = (const char **)argv;
	const struct option_spec options[] = {{"by", OPTION_TEXT, &c.by, "NAME", N_("who decides")},
	    {"reason", OPTION_TEXT, &c.reason, "TEXT", N_("why; stays in the ledger")},
	    {"volume", OPTION_NUMBER, &c.volume, "V", N_("the file's volume, from 1")}, {0}};
	struct register_entry entry;
	struct error err = {0};
	bool any = false, found = false, ok = false;
	int n, code;

	if (!options_read(&command_file, options, argc, argv, args, &n, &code))
		return code;
	if (n != 4 || strcmp(args[0], "renumber") != 0)
		return command_usage(&command_file, _("say renumber BATCH OLD NEW"));
	if (!c.reason || !c.reason[0])
		return command_usage(
		    &command_file, _("--reason is needed: it stays in the ledger"));
	if (!batch_name_check(args[1], &err))
		return command_fail(&err);
	if (!file_number_check(args[3], &err)) {
		err.kind = ERROR_USAGE;
		return command_fail(&err);
	}
	if (!correction_begin(call, &c, args[1], &err))
		goto done;
	struct tally_file *old = tally_file_find(&c.batch.tally, args[2], (int)c.volume);
	struct tally_file *taken = tally_file_find(&c.batch.tally, args[3], (int)c.volume);
	if (!old) {
		error_set(&err, ERROR_USAGE, NULL, _("batch %s has no file '%s' volume %ld"),
		    args[1], args[2], c.volume);
		goto done;
	}
	if (taken && taken != old) {
		error_set(&err, ERROR_USAGE, _("move the sheets with 'altakt sheet move' instead"),
		    _("batch %s has a file '%s' already"), args[1], args[3]);
		goto done;
	}
	if (!register_any(c.workspace.journal, &any, &err) ||
	    (any &&
		!register_find(c.workspace.journal, args[3], (int)c.volume, &entry, &found, &err)))
		goto done;
	if (any && !found)
		fprintf(stderr, _("note: the register does not know file %s\n"), args[3]);
	json_t *event = json_pack("{ss si ss si ss}", "event", "file_renumbered", "file", old->file,
	    "file_number", args[3], "volume", (int)c.volume, "reason", c.reason);
	if (event)
		json_object_set_new(event, "prepared",
		    json_integer(witness_slip(
			&c.batch.tally, args[3], (int)c.volume, found ? entry.sheets : -1)));
	ok = batch_event(&c.batch, c.by, event, &err) && batch_commit(&c.batch, &err);
done:
	code = ok ? EXIT_DONE : command_fail(&err);
	if (ok)
		printf(_("%s: file %s is now %s\n"), args[1], args[2], args[3]);
	else if (c.batch.workspace)
		batch_rollback(&c.batch);
	correction_release(&c);
	return code;
}

const struct command command_file = {"file", "renumber BATCH OLD NEW --by NAME --reason TEXT",
    N_("Gives a file another number: the wrong one was typed."), run_file};

/* The bundles of an abandoned batch count for nothing and go away; the ledger stays. */
static bool bundles_remove(const struct batch *b, struct error *err)
{
	for (int i = 0; i < b->tally.n_files; i++) {
		if (!b->tally.files[i].bundle[0])
			continue;
		char *folder = file_path("%s/%s", b->workspace->path, b->tally.files[i].bundle);
		bool ok = file_remove(folder, err);
		free(folder);
		if (!ok)
			return false;
	}
	return true;
}

static int run_abandon(const struct call *call, int argc, char **argv)
{
	struct correction c = {.volume = 1};
	const char **args = (const char **)argv;
	const struct option_spec options[] = {{"by", OPTION_TEXT, &c.by, "NAME", N_("who decides")},
	    {"reason", OPTION_TEXT, &c.reason, "TEXT", N_("why; stays in the ledger")}, {0}};
	struct lock *lock = NULL;
	struct error err = {0};
	int n, code;

	if (!options_read(&command_abandon, options, argc, argv, args, &n, &code))
		return code;
	if (n != 1)
		return command_usage(&command_abandon, _("name one batch"));
	if (!c.reason || !c.reason[0])
		return command_usage(
		    &command_abandon, _("--reason is needed: it stays in the ledger"));
	bool ok = workspace_open(call->workspace, call->sets, &c.workspace, &err) &&
	    batch_open(&c.workspace, args[0], &c.batch, &err) &&
	    batch_lock(&c.workspace, args[0], "altakt abandon", &lock, &err) &&
	    batch_begin(&c.batch, &err);
	if (ok && c.batch.tally.claim)
		ok = error_set(&err, ERROR_USAGE, _("cancel the claim first, or void its sheets"),
		    _("batch %s is in claim %d"), args[0], c.batch.tally.claim);
	if (ok && c.batch.tally.state == BATCH_ABANDONED)
		ok = error_set(&err, ERROR_USAGE, NULL, _("batch %s is abandoned"), args[0]);
	ok = ok &&
	    batch_event(&c.batch, command_person(c.by, c.workspace.settings),
		json_pack("{ssss}", "event", "abandoned", "reason", c.reason), &err) &&
	    batch_commit(&c.batch, &err) && bundles_remove(&c.batch, &err);
	code = ok ? EXIT_DONE : command_fail(&err);
	if (ok)
		printf(_("%s is abandoned: it counts nothing, its ledger stays\n"), args[0]);
	else if (c.batch.workspace)
		batch_rollback(&c.batch);
	lock_close(lock);
	correction_release(&c);
	return code;
}

const struct command command_abandon = {"abandon", "BATCH --by NAME --reason TEXT",
    N_("Gives a whole batch up: it was a mistake and counts nothing."), run_abandon};
