#include "batch/tally_snapshot.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/hash.h"
#include "config/text.h"

/*
 * The parts of a snapshot, one behind the other: this head, the tally (its pointers mean nothing),
 * sheets, order, files (likewise), and as JSON what hangs on pointers.
 */
struct head {
	char program[64];
	size_t n_sheets, n_files, n_json;
};

/* This very program: another one may count otherwise or lay out its structs in another way. */
static void program_name(char name[64])
{
	struct stat st = {0};

	memset(name, 0, 64);
	if (stat("/proc/self/exe", &st) == 0)
		snprintf(name, 64, "%lld %lld.%09ld %lld", (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ino);
}

static bool table_make(struct journal *j, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	return journal_prepare(j,
		   "CREATE TABLE IF NOT EXISTS snapshot(batch TEXT PRIMARY KEY, tally BLOB NOT NULL)",
		   &stmt, err) &&
	    journal_step(j, stmt, &row, err);
}

static bool table_exists(struct journal *j, bool *exists, struct error *err)
{
	sqlite3_stmt *stmt = NULL;

	if (!journal_prepare(
		j, "SELECT 1 FROM sqlite_master WHERE name = 'snapshot'", &stmt, err) ||
	    !journal_step(j, stmt, exists, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

static json_t *pointers_pack(const struct tally *t)
{
	json_t *flags = json_array(), *settled = json_array();

	for (int i = 0; i < t->n_files; i++) {
		const struct tally_file *f = &t->files[i];
		json_array_append_new(flags, f->flags ? json_incref(f->flags) : json_null());
		json_array_append_new(
		    settled, f->settlements ? json_incref(f->settlements) : json_null());
	}
	return json_pack("{so* so* so* so* so so}", "rules", json_incref(t->rules), "operators",
	    json_incref(t->operators), "expect", json_incref(t->expect), "reviews",
	    json_incref(t->reviews), "flags", flags, "settled", settled);
}

static void pointers_unpack(struct tally *t, json_t *all)
{
	t->rules = json_incref(json_object_get(all, "rules"));
	t->operators = json_incref(json_object_get(all, "operators"));
	t->expect = json_incref(json_object_get(all, "expect"));
	t->reviews = json_incref(json_object_get(all, "reviews"));
	for (int i = 0; i < t->n_files; i++) {
		json_t *flags = json_array_get(json_object_get(all, "flags"), (size_t)i);
		t->files[i].flags = json_is_null(flags) ? NULL : json_incref(flags);
		json_t *settled = json_array_get(json_object_get(all, "settled"), (size_t)i);
		t->files[i].settlements = json_is_null(settled) ? NULL : json_incref(settled);
	}
}

static void *put(char **at, const void *from, size_t n_bytes)
{
	if (n_bytes)
		memcpy(*at, from, n_bytes);
	*at += n_bytes;
	return *at;
}

bool tally_snapshot_write(
    struct journal *j, const struct tally *t, int64_t *kept, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	json_t *pointers = NULL;
	char *json = NULL, *blob = NULL, *at;
	struct head head = {.n_sheets = (size_t)t->n_sheets, .n_files = (size_t)t->n_files};
	bool ok = false, row;

	if (t->state != BATCH_OPEN) {
		bool exists = false;

		if (*kept == 0)
			return true;
		if (!table_exists(j, &exists, err))
			return false;
		*kept = 0;
		if (!exists)
			return true;
		if (!journal_prepare(j, "DELETE FROM snapshot WHERE batch = ?", &stmt, err))
			return false;
		sqlite3_bind_text(stmt, 1, t->batch, -1, SQLITE_TRANSIENT);
		return journal_step(j, stmt, &row, err);
	}
	if (t->events - *kept < TALLY_SNAPSHOT_EVENTS)
		return true;
	pointers = pointers_pack(t);
	json = pointers ? json_dumps(pointers, JSON_COMPACT) : NULL;
	program_name(head.program);
	head.n_json = json ? strlen(json) : 0;
	const size_t sheets = head.n_sheets * sizeof *t->sheets,
		     order = head.n_sheets * sizeof *t->order,
		     files = head.n_files * sizeof *t->files;
	const size_t n = sizeof head + sizeof *t + sheets + order + files + head.n_json;
	blob = json ? malloc(n) : NULL;
	if (!blob) {
		error_errno(err, NULL, _("cannot put the batch's count aside"));
		goto done;
	}
	at = blob;
	put(&at, &head, sizeof head);
	put(&at, t, sizeof *t);
	put(&at, t->sheets, sheets);
	put(&at, t->order, order);
	put(&at, t->files, files);
	put(&at, json, head.n_json);
	if (!table_make(j, err) ||
	    !journal_prepare(
		j, "INSERT OR REPLACE INTO snapshot(batch, tally) VALUES(?, ?)", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, t->batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_blob64(stmt, 2, blob, n, SQLITE_TRANSIENT);
	ok = journal_step(j, stmt, &row, err);
	if (ok)
		*kept = t->events;
done:
	json_decref(pointers);
	free(json);
	free(blob);
	return ok;
}

/* An array of n with room for room, or NULL. */
static void *copied(const char **at, size_t n, size_t room, size_t size)
{
	char *out = calloc(room ? room : 1, size);

	if (out && n)
		memcpy(out, *at, n * size);
	*at += n * size;
	return out;
}

/* False: not ours, or no memory. out is then empty, and every event is read instead. */
static bool blob_read(const char *blob, size_t n, const char *batch, struct tally *out)
{
	char program[64];
	struct head head;
	struct tally t;
	json_t *pointers;
	size_t room = 1;
	const char *at = blob;

	program_name(program);
	if (n < sizeof head + sizeof t)
		return false;
	memcpy(&head, at, sizeof head);
	at += sizeof head;
	if (!*program || memcmp(head.program, program, sizeof program) != 0 || head.n_sheets > n ||
	    head.n_files > n || head.n_json > n ||
	    n !=
		sizeof head + sizeof t + head.n_sheets * (sizeof *t.sheets + sizeof *t.order) +
		    head.n_files * sizeof *t.files + head.n_json)
		return false;
	memcpy(&t, at, sizeof t);
	at += sizeof t;
	if (strcmp(t.batch, batch) != 0 || (size_t)t.n_sheets != head.n_sheets ||
	    (size_t)t.n_files != head.n_files)
		return false;
	t.rules = t.operators = t.expect = t.reviews = NULL;
	while (room < head.n_sheets) /* as tally_add() lets them grow */
		room *= 2;
	t.sheets = copied(&at, head.n_sheets, room, sizeof *t.sheets);
	t.order = copied(&at, head.n_sheets, room, sizeof *t.order);
	t.files = copied(&at, head.n_files, head.n_files, sizeof *t.files);
	for (int i = 0; t.files && i < t.n_files; i++)
		t.files[i].flags = t.files[i].settlements = NULL;
	pointers = json_loadb(at, head.n_json, 0, NULL);
	if (!t.sheets || !t.order || !t.files || !pointers) {
		t.n_files = t.files ? t.n_files : 0;
		tally_release(&t);
		json_decref(pointers);
		return false;
	}
	pointers_unpack(&t, pointers);
	json_decref(pointers);
	*out = t;
	return true;
}

/* Whether the journal's event of that number is the last one that the tally has folded in. */
static bool event_is_head(
    struct journal *j, const struct tally *t, bool *is_head, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	char head[HASH_SIZE] = "";
	bool row = false;

	if (!journal_prepare(j, "SELECT line FROM event WHERE chain = ? AND n = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, t->batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, t->events);
	if (!journal_step(j, stmt, &row, err))
		return false;
	if (row)
		hash_bytes(HASH_SHA256, sqlite3_column_text(stmt, 0),
		    (size_t)sqlite3_column_bytes(stmt, 0), head);
	sqlite3_reset(stmt);
	*is_head = row && strcmp(head, t->head) == 0;
	return true;
}

bool tally_snapshot_read(struct journal *j, const char *batch, struct tally *out, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	struct tally t = {0};
	bool row = false, is_head = false;

	if (!table_exists(j, &row, err))
		return false;
	if (!row)
		return true;
	if (!journal_prepare(j, "SELECT tally FROM snapshot WHERE batch = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, batch, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &row, err))
		return false;
	bool found = row &&
	    blob_read(
		sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0), batch, &t);
	sqlite3_reset(stmt);
	if (!found)
		return true;
	bool ok = event_is_head(j, &t, &is_head, err);
	if (ok && is_head)
		*out = t;
	else
		tally_release(&t);
	return ok;
}
