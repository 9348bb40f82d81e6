#include "batch/collected_batch.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

static const char *const state_names[] = {"open", "closed", "accepted", "rejected", "abandoned"};

bool collected_batch_note(struct journal *j, const struct tally *t, struct error *err)
{
	json_t *counts = manifest_counts(t);
	char *text = json_dumps(counts, JSON_COMPACT);
	sqlite3_stmt *stmt = NULL;
	bool row, ok = false;

	if (!journal_prepare(j,
		"CREATE TABLE IF NOT EXISTS collected(batch TEXT PRIMARY KEY, station TEXT NOT NULL,"
		" state TEXT NOT NULL, opened TEXT NOT NULL, revision INTEGER NOT NULL,"
		" counts TEXT NOT NULL) WITHOUT ROWID",
		&stmt, err) ||
	    !journal_step(j, stmt, &row, err) ||
	    !journal_prepare(
		j, "INSERT OR REPLACE INTO collected VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, t->batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, t->station, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 3, state_names[t->state], -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, t->opened, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 5, t->revision);
	sqlite3_bind_text(stmt, 6, text ? text : "{}", -1, SQLITE_TRANSIENT);
	ok = journal_step(j, stmt, &row, err);
done:
	json_decref(counts);
	free(text);
	return ok;
}

json_t *collected_batch_list(struct journal *j, struct error *err)
{
	json_t *list = json_array();
	sqlite3_stmt *stmt = NULL;
	bool row, ok;

	ok = journal_prepare(j,
		 "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'collected'", &stmt,
		 err) &&
	    journal_step(j, stmt, &row, err);
	if (ok && row) {
		sqlite3_reset(stmt);
		ok = journal_prepare(j,
		    "SELECT batch, station, state, opened, revision, counts FROM collected"
		    " ORDER BY opened, batch",
		    &stmt, err);
	}
	while (ok && row) {
		ok = journal_step(j, stmt, &row, err);
		if (!ok || !row)
			break;
		json_array_append_new(list,
		    json_pack("{ss ss ss ss si so*}", "batch", sqlite3_column_text(stmt, 0),
			"station", sqlite3_column_text(stmt, 1), "state",
			sqlite3_column_text(stmt, 2), "opened", sqlite3_column_text(stmt, 3),
			"revision", sqlite3_column_int(stmt, 4), "counts",
			json_loads((const char *)sqlite3_column_text(stmt, 5), 0, NULL)));
	}
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

/* --- small images */

struct smalls {
	json_t *hashes;	  /* "12f": SHA-256 of the small image of a written page */
	json_t *released; /* names of sheets */
};

static bool smalls_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct smalls *s = self;
	bool done = strstr(line, "\"event\":\"page_done\"") != NULL;

	if (!done && !strstr(line, "\"event\":\"released\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	const char *sheet = json_string_value(json_object_get(e, "sheet"));
	const char *side = json_string_value(json_object_get(e, "side"));
	const char *slash = sheet ? strrchr(sheet, '/') : NULL;
	json_t *hash = json_object_get(e, "thumb_sha256");
	if (!done) {
		json_array_extend(s->released, json_object_get(e, "sheets"));
	} else if (slash && side && hash && !json_is_true(json_object_get(e, "blank"))) {
		char name[24];
		snprintf(name, sizeof name, "%ld%.1s", strtol(slash + 1, NULL, 10), side);
		json_object_set(s->hashes, name, hash);
	}
	json_decref(e);
	return true;
}

/* Sides are letters: of a released sheet none is left. */
static void released_take_out(struct smalls *s)
{
	json_t *sheet;
	size_t i;

	json_array_foreach(s->released, i, sheet)
	{
		const char *name = json_string_value(sheet), *n = name ? strrchr(name, '/') : NULL;
		for (char side = 'a'; n && side <= 'z'; side++) {
			char key[24];
			snprintf(key, sizeof key, "%.12s%c", n + 1, side);
			json_object_del(s->hashes, key);
		}
	}
}

static bool small_bring(const char *from, const char *folder, const char *name, const char *hash,
    int *without, struct error *err)
{
	char *source = file_path("%s/%s.jpg", from, name);
	char *to = file_path("%s/%s.jpg", folder, name), hex[HASH_SIZE];
	struct error ignored = {0};
	bool ok = true;

	if (file_exists(to))
		goto done;
	if (file_exists(source) && hash_file(HASH_SHA256, source, hex, NULL, &ignored) &&
	    strcmp(hex, hash) == 0)
		ok = file_copy(source, to, err);
	else
		++*without;
done:
	free(source);
	free(to);
	return ok;
}

/* What lies here and is not, or no longer, the small image of a page that the ledger knows. */
static bool small_leave(void *self, const char *relative, const char *path, struct error *err)
{
	const struct smalls *s = self;
	char name[24], hex[HASH_SIZE];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(relative, "."), relative);
	const char *hash = json_string_value(json_object_get(s->hashes, name));
	return (hash && hash_file(HASH_SHA256, path, hex, NULL, err) && strcmp(hex, hash) == 0) ||
	    file_remove(path, err);
}

bool collected_batch_images(
    struct workspace *w, const char *root, const char *batch, int *without, struct error *err)
{
	struct smalls s = {json_object(), json_array()};
	char *ledger = file_path("%s/collected/%s/ledger.jsonl", w->path, batch);
	char *folder = file_path("%s/spool/%s", w->path, batch);
	char *from = file_path("%s/spool/%s", root, batch);
	const char *name;
	json_t *hash;
	bool ok = ledger_file_read(ledger, smalls_visit, &s, NULL, NULL, err) &&
	    file_make_folder(folder, err);

	released_take_out(&s);
	ok = ok && file_walk(folder, small_leave, &s, err);
	json_object_foreach(s.hashes, name, hash)
	{
		ok = ok && small_bring(from, folder, name, json_string_value(hash), without, err);
	}
	json_decref(s.hashes);
	json_decref(s.released);
	free(ledger);
	free(folder);
	free(from);
	return ok;
}
