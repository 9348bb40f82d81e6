#include "batch/journal.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "config/file.h"
#include "config/log.h"
#include "config/text.h"

enum { BUSY_TIMEOUT_MS = 30000, TOUCHED_MAX = 512, JOURNAL_FORMAT = 1 };

static const char schema[] =
    "PRAGMA application_id = 1095521355;" /* "ALAK" */
    "PRAGMA user_version = 1;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE chain(name TEXT PRIMARY KEY, n INTEGER NOT NULL, head TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, last_at TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE event(chain TEXT NOT NULL, n INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " line TEXT NOT NULL, PRIMARY KEY(chain, n)) WITHOUT ROWID;"
    "CREATE TABLE batch(name TEXT PRIMARY KEY, station TEXT NOT NULL, opened TEXT NOT NULL,"
    " state TEXT NOT NULL, closed TEXT NOT NULL DEFAULT '', revision INTEGER NOT NULL DEFAULT 0,"
    " manifest TEXT NOT NULL DEFAULT '', counts TEXT NOT NULL DEFAULT '{}', claim INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE serial(serial TEXT NOT NULL, batch TEXT NOT NULL, sheet INTEGER NOT NULL,"
    " PRIMARY KEY(serial, batch, sheet)) WITHOUT ROWID;"
    "CREATE TABLE casefile(batch TEXT NOT NULL, file INTEGER NOT NULL, key TEXT NOT NULL,"
    " volume INTEGER NOT NULL, PRIMARY KEY(batch, file)) WITHOUT ROWID;"
    "CREATE INDEX casefile_key ON casefile(key, volume);"
    "CREATE TABLE source(path TEXT NOT NULL, page INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, batch TEXT NOT NULL, sheet INTEGER NOT NULL,"
    " PRIMARY KEY(path, page, sha256, batch)) WITHOUT ROWID;"
    "CREATE INDEX source_sha256 ON source(sha256);";

struct journal {
	sqlite3 *db;
	char *workspace;
	bool open; /* a transaction */
	int64_t clock_tolerance_ms;
	bool clock_seen;
	char *touched[TOUCHED_MAX];
	int n_touched;
	struct statement {
		char *sql;
		sqlite3_stmt *stmt;
		struct statement *next;
	} * statements;
};

static bool fail(struct journal *j, struct error *err)
{
	int code = sqlite3_extended_errcode(j->db);
	const char *todo = NULL;

	switch (code & 0xFF) {
	case SQLITE_BUSY:
		todo = _("another command is writing; give the command again in a moment");
		break;
	case SQLITE_FULL:
		todo = _("free space on this disk, then give the same command again");
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		todo =
		    _("make the workspace writable for this account, then give the command again");
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		todo = _("do not work on; restore the newest backup beside it and compare");
		break;
	case SQLITE_IOERR:
		todo =
		    _("check the disk: free space, rights and health; then give the command again");
		break;
	default: todo = _("check the disk and the rights of this account"); break;
	}
	return error_set(err, ERROR_SYSTEM, todo, _("the journal '%s/journal.sqlite' failed: %s"),
	    j->workspace, sqlite3_errmsg(j->db));
}

static bool run(struct journal *j, const char *sql, struct error *err)
{
	return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(j, err);
}

static bool journal_connect(
    const char *workspace, int flags, struct journal **out, struct error *err)
{
	struct journal *j = calloc(1, sizeof *j);
	char *path = file_path("%s/journal.sqlite", workspace);
	bool ok = false;

	if (!j) {
		error_errno(err, NULL, _("cannot open the journal"));
		goto done;
	}
	j->workspace = file_path("%s", workspace);
	if (sqlite3_open_v2(path, &j->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		fail(j, err);
		goto done;
	}
	sqlite3_busy_timeout(j->db, BUSY_TIMEOUT_MS);
	sqlite3_extended_result_codes(j->db, 1);
	if (!run(j,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		"PRAGMA secure_delete = ON;",
		err))
		goto done;
	*out = j;
	j = NULL;
	ok = true;
done:
	free(path);
	journal_close(j);
	return ok;
}

bool journal_create(const char *workspace, struct error *err)
{
	struct journal *j = NULL;
	bool ok = journal_connect(workspace, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &j, err) &&
	    run(j, schema, err);

	journal_close(j);
	return ok;
}

bool journal_open(const char *workspace, struct journal **out, struct error *err)
{
	struct journal *j = NULL;
	sqlite3_stmt *stmt = NULL;
	char *path = file_path("%s/journal.sqlite", workspace);
	bool ok = false, row;

	if (!file_exists(path)) {
		error_set(err, ERROR_SETUP,
		    _("give the workspace with -w, or make one with 'altakt init DIR'"),
		    _("'%s' is no workspace: it has no journal.sqlite"), workspace);
		goto done;
	}
	if (access(path, W_OK) != 0 || access(workspace, W_OK) != 0) {
		error_errno(err,
		    _("make the workspace writable for this account, then give the command again"),
		    _("the workspace '%s' is read-only"), workspace);
		goto done;
	}
	if (!journal_connect(workspace, SQLITE_OPEN_READWRITE, &j, err))
		goto done;
	if (!journal_prepare(j, "PRAGMA user_version", &stmt, err) ||
	    !journal_step(j, stmt, &row, err))
		goto done;
	int format = row ? sqlite3_column_int(stmt, 0) : 0;
	sqlite3_reset(stmt);
	if (format != JOURNAL_FORMAT) {
		error_set(err, ERROR_SETUP, _("use the version of altakt that made this workspace"),
		    _("the journal of '%s' has format %d, this program knows %d"), workspace,
		    format, JOURNAL_FORMAT);
		goto done;
	}
	*out = j;
	j = NULL;
	ok = true;
done:
	free(path);
	journal_close(j);
	return ok;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_rollback(j);
	while (j->statements) {
		struct statement *s = j->statements;
		j->statements = s->next;
		sqlite3_finalize(s->stmt);
		free(s->sql);
		free(s);
	}
	sqlite3_close(j->db);
	free(j->workspace);
	free(j);
}

static void touched_forget(struct journal *j)
{
	while (j->n_touched > 0)
		free(j->touched[--j->n_touched]);
}

void journal_touch(struct journal *j, const char *chain)
{
	for (int i = 0; i < j->n_touched; i++)
		if (strcmp(j->touched[i], chain) == 0)
			return;
	if (j->n_touched < TOUCHED_MAX)
		j->touched[j->n_touched++] = file_path("%s", chain);
}

bool journal_begin(struct journal *j, struct error *err)
{
	if (!run(j, "BEGIN IMMEDIATE", err))
		return false;
	j->open = true;
	return true;
}

bool journal_is_open(const struct journal *j)
{
	return j->open;
}

bool journal_commit(struct journal *j, struct error *err)
{
	if (!run(j, "COMMIT", err)) {
		journal_rollback(j);
		return false;
	}
	j->open = false;
	/* The journal has it: a ledger.jsonl that cannot be brought up to date now is made good at
	 * the next start, and said in the log. */
	for (int i = 0; i < j->n_touched; i++) {
		struct error late = {0};
		char text[1100];
		if (!ledger_publish(j, j->touched[i], &late))
			log_put(
			    LOG_WARNING, j->touched[i], "%s", error_text(&late, text, sizeof text));
	}
	touched_forget(j);
	return true;
}

void journal_rollback(struct journal *j)
{
	if (!j || !j->open)
		return;
	for (struct statement *s = j->statements; s; s = s->next)
		sqlite3_reset(s->stmt);
	sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	j->open = false;
	touched_forget(j);
}

void journal_scrub(struct journal *j)
{
	int code = sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	if (code != SQLITE_OK)
		log_put(LOG_WARNING, "",
		    "the journal's log could not be emptied: another command is reading; "
		    "what was deleted goes with the next one");
}

bool journal_meta_get(
    struct journal *j, const char *key, char *value, size_t size, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	value[0] = '\0';
	if (!journal_prepare(j, "SELECT value FROM meta WHERE key = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &row, err))
		return false;
	if (row)
		snprintf(value, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_reset(stmt);
	return true;
}

bool journal_meta_set(struct journal *j, const char *key, const char *value, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(j, "INSERT OR REPLACE INTO meta VALUES(?, ?)", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, value, -1, SQLITE_TRANSIENT);
	return journal_step(j, stmt, &row, err);
}

void journal_clock_tolerate(struct journal *j, int64_t tolerance_ms)
{
	j->clock_tolerance_ms = tolerance_ms;
}

int64_t journal_clock_tolerance_ms(const struct journal *j)
{
	return j->clock_tolerance_ms;
}

bool journal_clock_seen(const struct journal *j)
{
	return j->clock_seen;
}

void journal_clock_see(struct journal *j)
{
	j->clock_seen = true;
}

const char *journal_workspace(const struct journal *j)
{
	return j->workspace;
}

int64_t journal_version(struct journal *j)
{
	sqlite3_stmt *stmt = NULL;
	bool row = false;
	int64_t version = -1;

	if (journal_prepare(j, "PRAGMA data_version", &stmt, NULL) &&
	    journal_step(j, stmt, &row, NULL) && row)
		version = sqlite3_column_int64(stmt, 0);
	if (stmt)
		sqlite3_reset(stmt);
	return version;
}

bool journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **out, struct error *err)
{
	for (struct statement *s = j->statements; s; s = s->next) {
		if (strcmp(s->sql, sql) == 0) {
			sqlite3_reset(s->stmt);
			sqlite3_clear_bindings(s->stmt);
			*out = s->stmt;
			return true;
		}
	}
	struct statement *s = calloc(1, sizeof *s);
	if (!s)
		return error_errno(err, NULL, _("cannot ask the journal"));
	if (sqlite3_prepare_v3(j->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL) !=
	    SQLITE_OK) {
		free(s);
		return fail(j, err);
	}
	s->sql = file_path("%s", sql);
	s->next = j->statements;
	j->statements = s;
	*out = s->stmt;
	return true;
}

bool journal_step(struct journal *j, sqlite3_stmt *stmt, bool *row, struct error *err)
{
	int code = sqlite3_step(stmt);

	*row = code == SQLITE_ROW;
	if (code == SQLITE_DONE)
		sqlite3_reset(stmt);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return true;
	fail(j, err);
	sqlite3_reset(stmt);
	return false;
}
