#include "batch/closed.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/tally.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

enum { MANIFEST_LIMIT_BYTES = 256 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int int_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n < 0 || n > 1000000000 ? 0 : (int)n;
}

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from)

static bool line_add(struct closed_batch *b, const char *file_number, int volume, int sheets,
    int blank_sheets, struct error *err)
{
	char key[FILE_KEY_SIZE];

	if (!file_number_check(file_number, err))
		return false;
	if ((b->n_lines & (b->n_lines - 1)) == 0) {
		size_t room = b->n_lines ? (size_t)b->n_lines * 2 : 1;
		struct closed_file *more = realloc(b->lines, room * sizeof *more);
		if (!more)
			return error_errno(err, NULL, _("cannot read a manifest"));
		b->lines = more;
	}
	struct closed_file *f = &b->lines[b->n_lines];
	file_number_key(file_number, key);
	*f = (struct closed_file){strdup(file_number), strdup(key), volume, sheets, blank_sheets};
	b->n_lines++;
	return (f->file_number && f->key) || error_errno(err, NULL, _("cannot read a manifest"));
}

static bool has_word(const json_t *words, const char *wanted)
{
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
	{
		if (json_is_string(word) && strcmp(json_string_value(word), wanted) == 0)
			return true;
	}
	return false;
}

/* What a file's line says of the counts from outside; "feed" is the program's own. */
static void witness_read(struct closed_file *f, const json_t *file)
{
	const json_t *witnesses = json_object_get(file, "witnesses");

	f->settled = has_word(json_object_get(file, "flags"), "difference_settled");
	f->unwitnessed = json_is_array(witnesses) &&
	    json_array_size(witnesses) == (size_t)has_word(witnesses, "feed");
}

bool closed_parse(
    const char *path, const char *text, size_t n_bytes, struct closed_batch *b, struct error *err)
{
	json_error_t why;
	json_t *m = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &why);
	json_t *counts = json_object_get(m, "counts"), *ledger = json_object_get(m, "ledger");
	json_t *rules = json_object_get(m, "rules"), *file;
	int64_t sheets = 0;
	bool ok = false;
	size_t i;

	if (!m || strcmp(text_of(m, "format"), "altakt-manifest/1") != 0 ||
	    !json_is_object(counts) || !json_is_object(ledger)) {
		error_set(err, ERROR_CHECK, NULL, _("'%s' is no manifest: %s"), path,
		    m ? _("its format is not altakt-manifest/1") : why.text);
		goto done;
	}
	COPY(b->name, text_of(m, "batch"));
	COPY(b->station, text_of(m, "station"));
	COPY(b->workspace, text_of(m, "workspace"));
	COPY(b->opened, text_of(m, "opened"));
	COPY(b->closed, text_of(m, "closed"));
	COPY(b->head, text_of(ledger, "head"));
	b->events = json_integer_value(json_object_get(ledger, "events"));
	b->revision = int_of(m, "revision");
	b->files = int_of(counts, "files");
	b->sheets = int_of(counts, "sheets");
	b->pages = int_of(counts, "pages");
	b->voided = int_of(counts, "voided");
	b->superseded = int_of(counts, "superseded");
	b->ocr_failed = int_of(counts, "ocr_failed");
	b->count_blank_sheets = json_is_true(json_object_get(rules, "count_blank_sheets"));
	b->blank_sheets = b->count_blank_sheets ? int_of(counts, "blank_sheets") : 0;
	snprintf(b->rules, sizeof b->rules, "%.80s/%d", text_of(rules, "name"),
	    int_of(rules, "version"));
	if (rules && !(b->frozen = json_dumps(rules, JSON_COMPACT))) {
		error_errno(err, NULL, _("cannot read a manifest"));
		goto done;
	}
	json_array_foreach(json_object_get(m, "files"), i, file)
	{
		if (!line_add(b, text_of(file, "file_number"), int_of(file, "volume"),
			int_of(file, "sheets"), int_of(file, "blank_sheets"), err)) {
			error_where(err, "%s", path);
			goto done;
		}
		witness_read(&b->lines[b->n_lines - 1], file);
		sheets += int_of(file, "sheets");
	}
	if (sheets != b->sheets) {
		error_set(err, ERROR_CHECK, _("run 'altakt verify'"),
		    _("the lines of '%s' have %lld sheets together, its sum says %d"), path,
		    (long long)sheets, b->sheets);
		goto done;
	}
	char hex[HASH_SIZE];
	hash_bytes(HASH_SHA256, text, n_bytes, hex);
	snprintf(b->manifest_sha256, sizeof b->manifest_sha256, "%.64s", hex);
	ok = true;
done:
	json_decref(m);
	return ok;
}

/* Events after the close that change what the batch contains: it has to be closed again. */
static bool event_changes(const char *event)
{
	static const char *const names[] = {"sheet_fed", "view_fed", "image_taken", "suspect",
	    "decided", "sheet_voided", "sheet_moved", "rescan_asked", "image_missing",
	    "file_opened", "file_reopened", "file_renumbered", "bundle_made", "page_done",
	    "reopened"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(event, names[i]) == 0)
			return true;
	return false;
}

void closed_event(struct closed_batch *b, const json_t *e)
{
	const char *event = text_of(e, "event");

	if (strcmp(event, "accepted") == 0) {
		b->state = CLOSED_ACCEPTED;
		COPY(b->accepted, text_of(e, "at"));
		COPY(b->accepted_by, text_of(e, "lead"));
		b->not_opened_one_by_one =
		    json_is_true(json_object_get(e, "not_opened_one_by_one"));
		b->hand_counted = json_is_true(json_object_get(e, "hand_counted"));
		b->hand_settled = json_is_true(json_object_get(e, "hand_settled"));
	} else if (strcmp(event, "rejected") == 0) {
		b->state = CLOSED_REJECTED;
		b->accepted[0] = '\0';
	} else if (strcmp(event, "abandoned") == 0) {
		b->state = CLOSED_ABANDONED;
	} else if (strcmp(event, "claimed") == 0) {
		b->claim = int_of(e, "claim");
	} else if (strcmp(event, "claim_cancelled") == 0) {
		b->claim = 0;
	} else if (b->state != CLOSED_ABANDONED && event_changes(event)) {
		b->state = CLOSED_CHANGED;
	}
}

struct tail {
	struct closed_batch *batch;
	char manifest[65]; /* what the ledger says that manifest.json's hash is */
	int closed_again;
};

static bool tail_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct tail *tail = self;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);

	if (strcmp(text_of(e, "event"), "manifest_written") == 0)
		COPY(tail->manifest, text_of(e, "sha256"));
	if (strcmp(text_of(e, "event"), "closed") == 0)
		tail->closed_again++;
	closed_event(tail->batch, e);
	json_decref(e);
	return true;
}

/* What an open batch has so far. */
static bool open_read(
    struct journal *journal, const char *batch, struct closed_batch *b, struct error *err)
{
	struct tally tally = {0};
	bool ok = false;

	COPY(b->name, batch);
	if (!ledger_read(journal, batch, 1, 0, tally_visit, &tally, err))
		goto done;
	if (tally.revision > 0 && tally.state != BATCH_OPEN && tally.state != BATCH_ABANDONED) {
		error_set(err, ERROR_CHECK, _("'altakt close' writes it again from the ledger"),
		    _("the batch '%s' is closed, but its manifest is missing"), batch);
		goto done;
	}
	COPY(b->station, tally.station);
	COPY(b->workspace, tally.workspace);
	COPY(b->opened, tally.opened);
	b->state = tally.state == BATCH_ABANDONED ? CLOSED_ABANDONED : CLOSED_OPEN;
	for (int i = 0; i < tally.n_files; i++) {
		struct tally_counts c;
		tally_file_counts(&tally, tally.files[i].file, &c);
		if (!line_add(b, tally.files[i].file_number, tally.files[i].volume, c.sheets,
			tally.count_blank_sheets ? c.blank_sheets : 0, err))
			goto done;
		b->sheets += c.sheets;
		b->files += c.files;
	}
	ok = true;
done:
	tally_release(&tally);
	return ok;
}

static bool manifest_file_read(const char *path, struct closed_batch *b, struct error *err)
{
	size_t n_bytes;
	char *text = file_read(path, MANIFEST_LIMIT_BYTES, &n_bytes, err);
	bool ok = text && closed_parse(path, text, n_bytes, b, err);

	b->state = CLOSED_WAITING;
	free(text);
	return ok;
}

/* Nothing that is not in the ledger is believed, least of all how far it is to be read. */
static bool ledger_knows(
    const char *path, const char *batch, const struct tail *tail, struct error *err)
{
	const struct closed_batch *b = tail->batch;

	return (strcmp(b->name, batch) == 0 && b->events >= 1 && !tail->closed_again &&
		   strcmp(tail->manifest, b->manifest_sha256) == 0) ||
	    error_set(err, ERROR_CHECK, _("run 'altakt verify' and look for who changed it"),
		_("'%s' is not the manifest that its ledger knows"), path);
}

bool closed_read(
    struct journal *journal, const char *batch, struct closed_batch *out, struct error *err)
{
	char *path = manifest_path(journal_workspace(journal), batch, 0);
	struct closed_batch b = {0};
	struct tail tail = {.batch = &b};
	bool ok = file_exists(path) ? manifest_file_read(path, &b, err) &&
		ledger_read(journal, batch, b.events + 1, 0, tail_visit, &tail, err) &&
		ledger_knows(path, batch, &tail, err)
				    : open_read(journal, batch, &b, err);

	if (ok)
		*out = b;
	else
		closed_release(&b);
	free(path);
	return ok;
}

void closed_release(struct closed_batch *b)
{
	for (int i = 0; i < b->n_lines; i++) {
		free(b->lines[i].file_number);
		free(b->lines[i].key);
	}
	free(b->lines);
	free(b->frozen);
	*b = (struct closed_batch){0};
}

static bool names_read(struct journal *journal, char ***names, int *n, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(
		journal, "SELECT name FROM chain WHERE name <> '' ORDER BY name", &stmt, err))
		return false;
	while (journal_step(journal, stmt, &row, err) && row) {
		char **more = realloc(*names, ((size_t)*n + 1) * sizeof *more);
		if (!more) {
			sqlite3_reset(stmt);
			return error_errno(err, NULL, _("cannot read the journal"));
		}
		*names = more;
		(*names)[(*n)++] = file_path("%s", (const char *)sqlite3_column_text(stmt, 0));
	}
	return !row;
}

static bool tail_file_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct tail *tail = self;

	return n <= tail->batch->events || tail_visit(self, n, line, n_bytes, err);
}

bool closed_read_collected(
    const char *workspace, const char *batch, struct closed_batch *out, struct error *err)
{
	char *path = file_path("%s/collected/%s/manifest.json", workspace, batch);
	char *ledger = file_path("%s/collected/%s/ledger.jsonl", workspace, batch);
	struct closed_batch b = {0};
	struct tail tail = {.batch = &b};
	bool ok = manifest_file_read(path, &b, err) &&
	    ledger_file_read(ledger, tail_file_visit, &tail, &b.chain_events, b.chain_head, err) &&
	    ledger_knows(path, batch, &tail, err);

	b.collected = true;
	if (ok)
		*out = b;
	else
		closed_release(&b);
	free(path);
	free(ledger);
	return ok;
}

static bool collected_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	if (strstr(line, "\"event\":\"collected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		json_object_set(self, text_of(e, "batch"), e); /* the newest counts */
		json_decref(e);
	}
	return true;
}

/* Behind the journal's own: what the workspace's chain says was collected, as it was then. */
static bool collected_add(struct journal *journal, struct closed_list *list, struct error *err)
{
	json_t *events = json_object(), *e;
	const char *batch;
	bool ok = ledger_read(journal, LEDGER_WORKSPACE, 1, 0, collected_visit, events, err);

	if (ok && json_object_size(events) > 0) {
		struct closed_batch *more = realloc(
		    list->batches, ((size_t)list->n + json_object_size(events) + 1) * sizeof *more);
		if (!more)
			ok = error_errno(err, NULL, _("cannot read the batches"));
		else
			list->batches = more;
	}
	json_object_foreach(events, batch, e)
	{
		struct closed_batch *b = &list->batches[list->n];
		if (!ok)
			break;
		*b = (struct closed_batch){0};
		ok = batch_name_check(batch, err) &&
		    closed_read_collected(journal_workspace(journal), batch, b, err);
		list->n += ok;
		if (ok &&
		    (b->chain_events != json_integer_value(json_object_get(e, "events")) ||
			strcmp(b->chain_head, text_of(e, "head")) != 0))
			ok = error_set(err, ERROR_CHECK,
			    _("run 'altakt verify' and look for who changed it"),
			    _("'collected/%s/ledger.jsonl' is not the one that was collected"),
			    batch);
	}
	json_decref(events);
	return ok;
}

bool closed_all(struct journal *journal, struct closed_list *out, struct error *err)
{
	struct closed_list list = {0};
	char **names = NULL;
	int n = 0;
	bool ok = false;

	if (!names_read(journal, &names, &n, err))
		goto done;
	list.batches = calloc((size_t)n + 1, sizeof *list.batches);
	if (!list.batches) {
		error_errno(err, NULL, _("cannot read the journal"));
		goto done;
	}
	for (; list.n < n; list.n++)
		if (!closed_read(journal, names[list.n], &list.batches[list.n], err))
			goto done;
	if (!collected_add(journal, &list, err))
		goto done;
	*out = list;
	list = (struct closed_list){0};
	ok = true;
done:
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	closed_list_release(&list);
	return ok;
}

void closed_list_release(struct closed_list *list)
{
	for (int i = 0; i < list->n; i++)
		closed_release(&list->batches[i]);
	free(list->batches);
	*list = (struct closed_list){0};
}
