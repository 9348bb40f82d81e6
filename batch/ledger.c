#include "batch/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "config/account.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

#define LINE_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(10))

enum { LINE_LIMIT_BYTES = 16 << 20 };

void ledger_now(char at[25])
{
	struct timespec now;
	struct tm tm;
	char seconds[20];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(at, 25, "%.19s.%03uZ", seconds, (unsigned)(now.tv_nsec / 1000000) % 1000u);
}

struct chain_end {
	int64_t n, bytes;
	char head[65], last_at[25];
};

static bool chain_read(
    struct journal *j, const char *chain, struct chain_end *end, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(
		j, "SELECT n, head, bytes, last_at FROM chain WHERE name = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &row, err))
		return false;
	*end = (struct chain_end){0};
	snprintf(end->head, sizeof end->head, "%s", hash_zero);
	if (row) {
		end->n = sqlite3_column_int64(stmt, 0);
		snprintf(
		    end->head, sizeof end->head, "%s", (const char *)sqlite3_column_text(stmt, 1));
		end->bytes = sqlite3_column_int64(stmt, 2);
		snprintf(end->last_at, sizeof end->last_at, "%s",
		    (const char *)sqlite3_column_text(stmt, 3));
	}
	sqlite3_reset(stmt);
	return true;
}

bool ledger_head(struct journal *j, const char *chain, int64_t *n, char head[65], struct error *err)
{
	struct chain_end end;

	if (!chain_read(j, chain, &end, err))
		return false;
	*n = end.n;
	memcpy(head, end.head, sizeof end.head);
	return true;
}

static bool change(struct journal *j, const char *sql, struct error *err, const char *a,
    const char *b, const char *c, int64_t d)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(j, sql, &stmt, err))
		return false;
	const char *texts[] = {a, b, c};
	for (int i = 0; i < 3; i++)
		if (texts[i])
			sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_TRANSIENT);
	if (sqlite3_bind_parameter_count(stmt) >= 4)
		sqlite3_bind_int64(stmt, 4, d);
	return journal_step(j, stmt, &row, err);
}

static int sheet_number(const json_t *event)
{
	const char *sheet = json_string_value(json_object_get(event, "sheet"));
	const char *slash = sheet ? strrchr(sheet, '/') : NULL;

	return slash ? atoi(slash + 1) : 0;
}

static bool derive_sheet(
    struct journal *j, const char *chain, const json_t *event, struct error *err)
{
	const char *serial =
	    json_string_value(json_object_get(json_object_get(event, "cover"), "serial"));
	int n = sheet_number(event);
	json_t *image;
	size_t i;

	if (serial &&
	    !change(
		j, "INSERT OR IGNORE INTO serial VALUES(?1, ?2, ?4)", err, serial, chain, NULL, n))
		return false;
	json_array_foreach(json_object_get(event, "images"), i, image)
	{
		json_t *source = json_object_get(image, "source");
		const char *path = json_string_value(json_object_get(source, "path"));
		const char *sha256 = json_string_value(json_object_get(source, "sha256"));
		sqlite3_stmt *stmt = NULL;
		bool row;
		if (!path || !sha256)
			continue;
		if (!journal_prepare(
			j, "INSERT OR IGNORE INTO source VALUES(?, ?, ?, ?, ?, ?, ?)", &stmt, err))
			return false;
		sqlite3_bind_text(stmt, 1, path, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(stmt, 2, json_integer_value(json_object_get(source, "page")));
		sqlite3_bind_int64(stmt, 3, json_integer_value(json_object_get(source, "bytes")));
		sqlite3_bind_int64(
		    stmt, 4, json_integer_value(json_object_get(source, "mtime_ns")));
		sqlite3_bind_text(stmt, 5, sha256, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(stmt, 6, chain, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(stmt, 7, n);
		if (!journal_step(j, stmt, &row, err))
			return false;
	}
	return true;
}

static bool derive_file(
    struct journal *j, const char *chain, const json_t *event, struct error *err)
{
	const char *number = json_string_value(json_object_get(event, "file_number"));
	char key[FILE_KEY_SIZE];
	sqlite3_stmt *stmt = NULL;
	bool row;

	file_number_key(number ? number : "", key);
	if (!journal_prepare(j, "INSERT OR REPLACE INTO casefile VALUES(?, ?, ?, ?)", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, json_integer_value(json_object_get(event, "file")));
	sqlite3_bind_text(stmt, 3, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 4, json_integer_value(json_object_get(event, "volume")));
	return journal_step(j, stmt, &row, err);
}

/* The tables that answer questions across batches follow the events, in the same transaction. */
static bool derive(
    struct journal *j, const char *chain, const json_t *event, const char *at, struct error *err)
{
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (!chain[0] || !kind)
		return true;
	if (strcmp(kind, "file_opened") == 0 || strcmp(kind, "file_renumbered") == 0)
		return derive_file(j, chain, event, err);
	if (strcmp(kind, "sheet_fed") == 0 || strcmp(kind, "view_fed") == 0 ||
	    strcmp(kind, "image_taken") == 0)
		return derive_sheet(j, chain, event, err);
	if (strcmp(kind, "batch_opened") == 0)
		return change(j,
		    "INSERT INTO batch(name, station, opened, state) VALUES(?1, ?2, ?3, 'open')",
		    err, chain, json_string_value(json_object_get(event, "station")), at, 0);
	if (strcmp(kind, "closed") == 0)
		return change(j,
		    "UPDATE batch SET state = 'closed', closed = ?2, revision = ?4 WHERE name = ?1",
		    err, chain, at, NULL, json_integer_value(json_object_get(event, "revision")));
	if (strcmp(kind, "manifest_written") == 0) {
		char *counts = json_dumps(json_object_get(event, "counts"), JSON_COMPACT);
		bool ok = change(j, "UPDATE batch SET manifest = ?2, counts = ?3 WHERE name = ?1",
			      err, chain, json_string_value(json_object_get(event, "sha256")),
			      counts ? counts : "{}", 0) &&
		    change(j,
			"INSERT OR REPLACE INTO meta SELECT 'manifest ' || station, manifest FROM batch WHERE name = ?1",
			err, chain, NULL, NULL, 0);
		free(counts);
		return ok;
	}
	if (strcmp(kind, "accepted") == 0 || strcmp(kind, "rejected") == 0 ||
	    strcmp(kind, "abandoned") == 0)
		return change(
		    j, "UPDATE batch SET state = ?2 WHERE name = ?1", err, chain, kind, NULL, 0);
	if (strcmp(kind, "reopened") == 0)
		return change(j, "UPDATE batch SET state = 'open' WHERE name = ?1", err, chain,
		    NULL, NULL, 0);
	if (strcmp(kind, "claimed") == 0)
		return change(j, "UPDATE batch SET claim = ?4 WHERE name = ?1", err, chain, NULL,
		    NULL, json_integer_value(json_object_get(event, "claim")));
	if (strcmp(kind, "claim_cancelled") == 0)
		return change(
		    j, "UPDATE batch SET claim = 0 WHERE name = ?1", err, chain, NULL, NULL, 0);
	return true;
}

bool ledger_append(
    struct journal *j, const char *chain, const char *by, json_t *event, struct error *err)
{
	struct chain_end end;
	json_t *full = NULL;
	char *line = NULL, at[25], latest[25], head[HASH_SIZE];
	sqlite3_stmt *stmt = NULL;
	bool ok = false, row;

	if (!chain_read(j, chain, &end, err) ||
	    !journal_meta_get(j, "clock", latest, sizeof latest, err))
		goto done;
	if (!journal_clock_seen(j) && !clock_check(j, err))
		goto done;
	journal_clock_see(j);
	ledger_now(at);
	bool back = clock_between_ms(at, end.last_at) > journal_clock_tolerance_ms(j) ||
	    clock_between_ms(at, latest) > journal_clock_tolerance_ms(j);
	full = json_pack("{sIssssss}", "n", (json_int_t)(end.n + 1), "at", at, "by", by, "account",
	    account_name());
	if (!full || !event || json_object_update(full, event) != 0 ||
	    (back && json_object_set_new(full, "clock_back", json_true()) != 0) ||
	    json_object_set_new(full, "prev", json_string(end.head)) != 0 ||
	    !(line = json_dumps(full, LINE_FLAGS))) {
		error_set(err, ERROR_SYSTEM, NULL,
		    _("cannot write an event: not enough memory, or text that is not UTF-8"));
		goto done;
	}
	size_t n_bytes = strlen(line);
	hash_bytes(HASH_SHA256, line, n_bytes, head);
	if (!journal_prepare(j, "INSERT INTO event VALUES(?, ?, ?, ?)", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, end.n + 1);
	sqlite3_bind_int64(stmt, 3, end.bytes);
	sqlite3_bind_text(stmt, 4, line, (int)n_bytes, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &row, err))
		goto done;
	if (!journal_prepare(j, "INSERT OR REPLACE INTO chain VALUES(?, ?, ?, ?, ?)", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, end.n + 1);
	sqlite3_bind_text(stmt, 3, head, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 4, end.bytes + (int64_t)n_bytes + 1);
	sqlite3_bind_text(
	    stmt, 5, strcmp(at, end.last_at) < 0 ? end.last_at : at, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &row, err))
		goto done;
	if (strcmp(at, latest) > 0 && !journal_meta_set(j, "clock", at, err))
		goto done;
	if (!derive(j, chain, event, at, err))
		goto done;
	journal_touch(j, chain);
	ok = true;
done:
	json_decref(event);
	json_decref(full);
	free(line);
	return ok;
}

bool ledger_read(struct journal *j, const char *chain, int64_t from, int64_t to,
    ledger_visit *visit, void *self, struct error *err)
{
	/* In slices, so that visit may use the journal and no read transaction stays open for long.
	 */
	enum { SLICE = 500 };
	sqlite3_stmt *stmt = NULL;
	struct slice {
		char *line;
		size_t n_bytes;
		int64_t n;
	} *slice = calloc(SLICE, sizeof *slice);
	bool ok = false;
	int got;

	if (!slice)
		return error_errno(err, NULL, _("cannot read the ledger"));
	do {
		bool row = true;
		got = 0;
		if (!journal_prepare(j,
			"SELECT n, line FROM event WHERE chain = ? AND n >= ? AND n <= ? ORDER BY n LIMIT ?",
			&stmt, err))
			goto done;
		sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(stmt, 2, from);
		sqlite3_bind_int64(stmt, 3, to > 0 ? to : INT64_MAX);
		sqlite3_bind_int(stmt, 4, SLICE);
		while (got < SLICE) {
			if (!journal_step(j, stmt, &row, err))
				goto done;
			if (!row)
				break;
			slice[got].n = sqlite3_column_int64(stmt, 0);
			slice[got].n_bytes = (size_t)sqlite3_column_bytes(stmt, 1);
			slice[got].line =
			    file_path("%s", (const char *)sqlite3_column_text(stmt, 1));
			got++;
		}
		sqlite3_reset(stmt);
		for (int i = 0; i < got; i++) {
			if (!visit(self, slice[i].n, slice[i].line, slice[i].n_bytes, err))
				goto done;
			from = slice[i].n + 1;
			free(slice[i].line);
			slice[i].line = NULL;
		}
	} while (got == SLICE);
	ok = true;
done:
	for (int i = 0; i < SLICE; i++)
		free(slice[i].line);
	free(slice);
	return ok;
}

bool ledger_file_read(
    const char *path, ledger_visit *visit, void *self, int64_t *n, char head[65], struct error *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, prev[HASH_SIZE];
	size_t size = 0;
	int64_t count = 0;
	bool ok = false;
	ssize_t len;

	if (!f)
		return error_set(
		    err, ERROR_CHECK, NULL, _("cannot read '%s': %s"), path, strerror(errno));
	snprintf(prev, sizeof prev, "%s", hash_zero);
	while ((len = getline(&line, &size, f)) > 0) {
		count++;
		if (line[len - 1] != '\n' || len > LINE_LIMIT_BYTES) {
			error_set(err, ERROR_CHECK, NULL, _("%s:%lld: the line is cut"), path,
			    (long long)count);
			goto done;
		}
		line[--len] = '\0';
		json_error_t why;
		json_t *event = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, &why);
		json_int_t said = json_integer_value(json_object_get(event, "n"));
		const char *said_prev = json_string_value(json_object_get(event, "prev"));
		bool good = event && said == count && said_prev && strcmp(said_prev, prev) == 0;
		if (!event)
			error_set(err, ERROR_CHECK, NULL, _("%s:%lld: not an event: %s"), path,
			    (long long)count, why.text);
		else if (said != count)
			error_set(err, ERROR_CHECK, NULL,
			    _("%s:%lld: the event has number %lld: lines were removed, added or moved"),
			    path, (long long)count, (long long)said);
		else if (!good)
			error_set(err, ERROR_CHECK, NULL,
			    _("%s:%lld: the chain breaks: line %lld is not the one that this event was written after"),
			    path, (long long)count, (long long)count - 1);
		json_decref(event);
		if (!good)
			goto done;
		if (visit && !visit(self, count, line, (size_t)len, err)) {
			error_where(err, "%s:%lld", path, (long long)count);
			goto done;
		}
		hash_bytes(HASH_SHA256, line, (size_t)len, prev);
	}
	if (ferror(f)) {
		error_set(err, ERROR_CHECK, NULL, _("cannot read '%s': %s"), path, strerror(errno));
		goto done;
	}
	if (n)
		*n = count;
	if (head)
		memcpy(head, prev, 65);
	ok = true;
done:
	free(line);
	fclose(f);
	return ok;
}

char *ledger_path(const char *workspace, const char *chain)
{
	return chain[0] ? file_path("%s/batches/%s/ledger.jsonl", workspace, chain)
			: file_path("%s/ledger.jsonl", workspace);
}

/* The end of the last line that stands whole in the first size bytes of the chain. */
static bool offset_find(struct journal *j, const char *chain, int64_t size, int64_t *n,
    int64_t *offset, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(j,
		"SELECT n, offset FROM event WHERE chain = ? AND offset <= ? ORDER BY n DESC LIMIT 1",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, size);
	if (!journal_step(j, stmt, &row, err))
		return false;
	*n = row ? sqlite3_column_int64(stmt, 0) : 1;
	*offset = row ? sqlite3_column_int64(stmt, 1) : 0;
	sqlite3_reset(stmt);
	return true;
}

static bool line_write(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	FILE *f = self;

	if (fwrite(line, 1, n_bytes, f) != n_bytes || fputc('\n', f) == EOF)
		return error_errno(err, NULL, _("cannot write the ledger"));
	return true;
}

static bool head_write(const char *path, const struct chain_end *end, struct error *err)
{
	char *beside = file_path("%.*s.head", (int)(strlen(path) - strlen(".jsonl")), path);
	char text[128];
	int n = snprintf(text, sizeof text, "%s %lld\n", end->head, (long long)end->n);
	int fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0;

	if (!ok)
		error_errno(err, NULL, _("cannot write '%s'"), beside);
	if (fd >= 0)
		close(fd);
	free(beside);
	return ok;
}

bool ledger_publish(struct journal *j, const char *chain, struct error *err)
{
	char *path = ledger_path(journal_workspace(j), chain);
	FILE *f = NULL;
	struct chain_end end;
	struct stat st;
	bool ok = false;
	int fd = -1;

	if (chain[0]) {
		char *folder = file_path("%s/batches/%s", journal_workspace(j), chain);
		bool made = file_exists(folder) || file_make_folder(folder, err);
		free(folder);
		if (!made)
			goto done;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, &st) != 0) {
		error_errno(err, NULL, _("cannot write '%s'"), path);
		goto done;
	}
	if (!chain_read(j, chain, &end, err))
		goto done;
	if (st.st_size > end.bytes) {
		error_set(err, ERROR_DECIDE,
		    _("the journal is older than its files, or somebody wrote there: compare with 'altakt verify' and the newest backup"),
		    _("'%s' is longer than the journal knows"), path);
		goto done;
	}
	if (st.st_size < end.bytes) {
		int64_t n, offset;
		if (!offset_find(j, chain, st.st_size, &n, &offset, err))
			goto done;
		/* What stands behind the last whole line was cut by a crash. */
		int out = ftruncate(fd, offset) == 0 ? dup(fd) : -1;
		if (out < 0 || !(f = fdopen(out, "w")) || fseeko(f, offset, SEEK_SET) != 0) {
			error_errno(err, NULL, _("cannot write '%s'"), path);
			if (!f && out >= 0)
				close(out);
			goto done;
		}
		if (!ledger_read(j, chain, n, end.n, line_write, f, err))
			goto done;
		int closed = fclose(f);
		f = NULL;
		if (closed != 0) {
			error_errno(err, NULL, _("cannot write '%s'"), path);
			goto done;
		}
	}
	ok = head_write(path, &end, err);
done:
	if (f)
		fclose(f);
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}
