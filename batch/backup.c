#include "batch/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/verify.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"

/* What a workspace is, beside journal and ledgers, which are written from the journal. */
static const char *const parts[] = {
    "altakt.ini", "rules", "files", "batches", "claims", "collected", "spool"};

enum { N_PARTS = sizeof parts / sizeof parts[0] };

struct copying {
	struct backup_result *result;
	bool all; /* ledgers too */
};

static bool ends(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n >= k && strcmp(name + n - k, end) == 0;
}

/* Not of the copy: what is being written, locks, and what is made anew. */
static bool passed_over(const struct copying *c, const char *name)
{
	if (ends(name, ".part") || ends(name, ".lock") || ends(name, "-wal") || ends(name, "-shm"))
		return true;
	return !c->all && (strcmp(name, "ledger.jsonl") == 0 || strcmp(name, "ledger.head") == 0);
}

static bool same(const struct stat *a, const char *to)
{
	struct stat b;

	return lstat(to, &b) == 0 && S_ISREG(b.st_mode) && a->st_size == b.st_size &&
	    a->st_mtim.tv_sec == b.st_mtim.tv_sec && a->st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

static bool file_bring(
    struct copying *c, const char *from, const char *to, const struct stat *st, struct error *err)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (same(st, to))
		return true;
	if (!file_copy(from, to, err))
		return !file_exists(
		    from); /* gone meanwhile: a temporary file, or the next pass finds it */
	if (utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) != 0 ||
	    chmod(to, st->st_mode & 0700) != 0)
		return error_errno(err, NULL, _("cannot set time and rights of '%s'"), to);
	c->result->files++;
	c->result->bytes += st->st_size;
	return true;
}

static bool tree_bring(struct copying *c, const char *from, const char *to, struct error *err);

static bool entry_bring(
    struct copying *c, const char *from, const char *to, const char *name, struct error *err)
{
	char *a = file_path("%s/%s", from, name), *b = file_path("%s/%s", to, name);
	struct stat st;
	bool ok = true;

	if (lstat(a, &st) != 0)
		ok = errno == ENOENT || error_errno(err, NULL, _("cannot read '%s'"), a);
	else if (S_ISDIR(st.st_mode))
		ok = tree_bring(c, a, b, err);
	else if (S_ISREG(st.st_mode))
		ok = file_bring(c, a, b, &st, err);
	free(a);
	free(b);
	return ok;
}

/* What the source does not have any more goes from the copy, too. */
static bool extra_remove(struct copying *c, const char *from, const char *to, struct error *err)
{
	struct file_names names = {0};
	bool ok = file_names_read(to, &names, err);

	for (size_t i = 0; ok && i < names.n; i++) {
		char *a = file_path("%s/%s", from, names.names[i]),
		     *b = file_path("%s/%s", to, names.names[i]);
		if (!passed_over(c, names.names[i]) && !file_exists(a))
			ok = file_remove(b, err);
		free(a);
		free(b);
	}
	file_names_release(&names);
	return ok;
}

static bool tree_bring(struct copying *c, const char *from, const char *to, struct error *err)
{
	struct file_names names = {0};

	if (!file_names_read(from, &names, err))
		return false;
	if (names.n == 0 && !file_exists(from))
		return true;
	bool ok = file_make_folder(to, err);
	for (size_t i = 0; ok && i < names.n; i++)
		if (!passed_over(c, names.names[i]))
			ok = entry_bring(c, from, to, names.names[i], err);
	file_names_release(&names);
	return ok && extra_remove(c, from, to, err);
}

static bool parts_bring(struct copying *c, const char *from, const char *to, struct error *err)
{
	bool ok = true;

	for (int i = 0; ok && i < N_PARTS; i++) {
		/* other stations' ledgers are no chains of this journal: they come as they lie */
		c->all = strcmp(parts[i], "collected") == 0;
		ok = entry_bring(c, from, to, parts[i], err);
	}
	c->all = false;
	return ok;
}

/* A snapshot of the journal by a reader of its own, while this process holds the write lock. */
static bool journal_bring(const char *from, const char *to, struct error *err)
{
	char *part = file_path("%s/journal.sqlite.part", to),
	     *path = file_path("%s/journal.sqlite", to);
	struct journal *reader = NULL;
	sqlite3_stmt *stmt = NULL;
	bool ok = false, row;

	if (!file_remove(part, err) || !journal_open(from, &reader, err) ||
	    !journal_prepare(reader, "VACUUM INTO ?", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, part, -1, SQLITE_TRANSIENT);
	if (!journal_step(reader, stmt, &row, err))
		goto done;
	ok = chmod(part, 0600) == 0 && file_sync(part, err) && file_move(part, path, err);
done:
	journal_close(reader);
	free(part);
	free(path);
	return ok;
}

static bool chain_names(struct journal *j, char ***names, int *n, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(j, "SELECT name FROM chain ORDER BY name", &stmt, err))
		return false;
	while (journal_step(j, stmt, &row, err) && row) {
		char **more = realloc(*names, ((size_t)*n + 1) * sizeof *more);
		if (!more)
			abort(); /* a few bytes for each batch */
		*names = more;
		(*names)[(*n)++] = file_path("%s", (const char *)sqlite3_column_text(stmt, 0));
	}
	return !row;
}

static bool ledgers_write(const char *folder, struct error *err)
{
	struct journal *j = NULL;
	char **names = NULL;
	int n = 0;
	bool ok = journal_open(folder, &j, err) && chain_names(j, &names, &n, err);

	for (int i = 0; i < n; i++) {
		ok = ok && ledger_publish(j, names[i], err);
		free(names[i]);
	}
	free(names);
	journal_close(j);
	return ok;
}

static bool copy_verify(const char *folder, int64_t *events, struct error *err)
{
	struct verify_report report = {0};
	bool ok = verify_path(folder, &report, err);
	const json_t *first = json_array_get(report.findings, 0);

	if (ok && first)
		ok = error_set(err, ERROR_CHECK,
		    _("run 'altakt verify' on both, the workspace and the copy"),
		    _("the copy does not verify: '%s': %s"),
		    json_string_value(json_object_get(first, "path")),
		    json_string_value(json_object_get(first, "what")));
	*events = report.events;
	verify_report_release(&report);
	return ok;
}

static json_t *mark_read(const char *folder)
{
	char *path = file_path("%s/backup.json", folder);
	json_t *mark = json_load_file(path, 0, NULL);

	free(path);
	return mark;
}

static bool mark_write(const struct workspace *w, const char *folder, const char *by,
    const struct backup_result *result, struct error *err)
{
	char at[25], *path = file_path("%s/backup.json", folder);
	ledger_now(at);
	json_t *mark = json_pack("{ss ss ss ss sI}", "format", "altakt-backup/1", "workspace",
	    w->uuid, "made", at, "by", by, "events", (json_int_t)result->events);
	char *text = mark ? json_dumps(mark, JSON_INDENT(1)) : NULL;
	bool ok = text ? file_write(path, text, strlen(text), err)
		       : error_set(err, ERROR_USAGE, NULL, _("the name is not UTF-8"));

	json_decref(mark);
	free(text);
	free(path);
	return ok;
}

static bool folder_empty(const char *folder)
{
	struct file_names names = {0};
	bool empty = !file_names_read(folder, &names, NULL) || names.n == 0;

	file_names_release(&names);
	return empty;
}

/* Where a folder is, or the nearest one above it that is there: links and all. Gives. */
static char *real_above(const char *folder)
{
	char *path = file_path("%s%s", folder[0] == '/' ? "" : "./", folder), *slash, *real;

	while (!(real = realpath(path, NULL)) && (slash = strrchr(path, '/'))) {
		if (slash == path)
			slash++;
		if (!*slash)
			break;
		*slash = '\0';
	}
	free(path);
	return real ? real : file_path("/");
}

/* The mark of a begun backup, held by the one that is at it; a disk without locks does without. */
static bool begun_mark(const char *path, struct lock **lock, struct error *err)
{
	struct error why = {0};

	if (lock_open(path, "altakt backup", lock, &why) ||
	    (why.kind != ERROR_BUSY && file_exists(path)))
		return true;
	*err = why;
	return false;
}

/* Empty, or a backup of this workspace, finished or not; from now on this process is at it. */
static bool folder_begin(
    const struct workspace *w, const char *folder, struct lock **lock, struct error *err)
{
	char *real = real_above(folder), *started = file_path("%s/.backup-of-%s", folder, w->uuid);
	json_t *mark = mark_read(folder);
	size_t n = strlen(w->path);
	bool ok = true;

	if (strncmp(real, w->path, n) == 0 && (real[n] == '/' || !real[n]))
		ok = error_set(err, ERROR_USAGE, _("name a folder on another disk"),
		    _("'%s' lies in the workspace itself"), folder);
	else if (!file_exists(started) && !folder_empty(folder) &&
	    strcmp(json_string_value(json_object_get(mark, "workspace"))
		    ? json_string_value(json_object_get(mark, "workspace"))
		    : "",
		w->uuid) != 0)
		ok = error_set(err, ERROR_USAGE,
		    _("name an empty folder, or the one of the last backup"),
		    _("'%s' holds something else than a backup of this workspace"), folder);
	else
		ok = file_make_folder(folder, err) && begun_mark(started, lock, err);
	json_decref(mark);
	free(started);
	free(real);
	return ok;
}

bool backup_make(struct workspace *w, const char *folder, const char *by, struct backup_result *out,
    struct error *err)
{
	struct copying c = {.result = out};
	char *mark = file_path("%s/backup.json", folder);
	struct lock *lock = NULL;
	char *real = NULL;
	bool ok = false, begun = false;

	*out = (struct backup_result){0};
	if (!folder_begin(w, folder, &lock, err))
		goto done;
	real = realpath(folder, NULL);
	if (!real || !file_remove(mark, err) || !parts_bring(&c, w->path, real, err))
		goto done;
	if (!(begun = journal_begin(w->journal, err)) || !parts_bring(&c, w->path, real, err) ||
	    !journal_bring(w->path, real, err))
		goto done;
	journal_rollback(w->journal);
	begun = false;
	if (!ledgers_write(real, err) || !copy_verify(real, &out->events, err) ||
	    !mark_write(w, real, by, out, err))
		goto done;
	ok = journal_begin(w->journal, err) &&
	    ledger_append(w->journal, LEDGER_WORKSPACE, by,
		json_pack("{ss ss sI}", "event", "backup_made", "folder", real, "events",
		    (json_int_t)out->events),
		err) &&
	    journal_commit(w->journal, err);
done:
	if (begun || !ok)
		journal_rollback(w->journal);
	lock_close(lock);
	free(mark);
	free(real);
	return ok;
}

static bool epoch_begin(
    const char *path, const char *by, const json_t *mark, int *epoch, struct error *err)
{
	struct journal *j = NULL;
	sqlite3_stmt *stmt = NULL;
	bool ok = false, row;
	char text[16];

	if (!journal_open(path, &j, err) || !journal_begin(j, err) ||
	    !journal_prepare(j, "SELECT value FROM meta WHERE key = 'epoch'", &stmt, err) ||
	    !journal_step(j, stmt, &row, err))
		goto done;
	*epoch = (row ? atoi((const char *)sqlite3_column_text(stmt, 0)) : 1) + 1;
	sqlite3_reset(stmt);
	if (!journal_prepare(j, "INSERT OR REPLACE INTO meta VALUES('epoch', ?)", &stmt, err))
		goto done;
	snprintf(text, sizeof text, "%d", *epoch);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_TRANSIENT);
	json_t *made = json_object_get(mark, "made");
	ok = journal_step(j, stmt, &row, err) &&
	    ledger_append(j, LEDGER_WORKSPACE, by,
		json_pack("{ss si sO}", "event", "restored", "epoch", *epoch, "backup", made),
		err) &&
	    journal_commit(j, err);
done:
	journal_close(j);
	return ok;
}

bool backup_restore(
    const char *folder, const char *path, const char *by, int *epoch, struct error *err)
{
	struct backup_result result = {0};
	struct copying c = {.result = &result, .all = true};
	json_t *mark = mark_read(folder);
	char *part = NULL;
	bool ok = false;
	int64_t events;

	if (!json_is_string(json_object_get(mark, "made"))) {
		error_set(err, ERROR_USAGE, _("name the folder that 'altakt backup' was given"),
		    _("'%s' is no finished backup"), folder);
		goto done;
	}
	if (file_exists(path) && !folder_empty(path)) {
		error_set(err, ERROR_USAGE, _("name with -w a folder that is not there yet"),
		    _("there is something at '%s' already"), path);
		goto done;
	}
	if (!copy_verify(folder, &events, err))
		goto done;
	/* Whole or not at all: it gets its name when everything is there. */
	part = file_path("%s.restoring", path);
	if (!file_remove(part, err) || !tree_bring(&c, folder, part, err))
		goto done;
	char *mark_path = file_path("%s/backup.json", part);
	char *started = file_path(
	    "%s/.backup-of-%s", part, json_string_value(json_object_get(mark, "workspace")));
	ok = file_remove(mark_path, err) && file_remove(started, err) &&
	    epoch_begin(part, by, mark, epoch, err);
	free(mark_path);
	free(started);
	if (ok && file_exists(path) && rmdir(path) != 0)
		ok = error_errno(err, NULL, _("cannot replace the empty folder '%s'"), path);
	ok = ok && file_move(part, path, err);
done:
	json_decref(mark);
	free(part);
	return ok;
}
