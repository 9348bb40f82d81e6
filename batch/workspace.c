#include "batch/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/account.h"
#include "config/file.h"
#include "config/log.h"
#include "config/shipped.h"
#include "config/text.h"

static const char *const folders[] = {"spool", "files", "batches", "claims"};

/* A random UUID (RFC 9562, version 4). */
static bool uuid_make(char uuid[37], struct error *err)
{
	unsigned char b[16];

	if (getrandom(b, sizeof b, 0) != sizeof b)
		return error_errno(err, NULL, _("cannot draw a random number"));
	b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	snprintf(uuid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	    b[14], b[15]);
	return true;
}

/* The altakt.ini that is shipped: installed, or in the source tree that the program was built from.
 */
static char *standard_settings(struct error *err)
{
	char *path = shipped_path("altakt.ini", err);
	size_t n;
	char *text = path ? file_read(path, 1 << 20, &n, err) : NULL;

	free(path);
	return text;
}

/* Absent, empty, or what a first init left when it was broken off: a workspace is a folder of its
 * own. */
static bool folder_free(const char *path, struct error *err)
{
	struct file_names names = {0};
	bool ok = true;

	if (!file_names_read(path, &names, NULL)) /* whoever makes it says what is wrong with it */
		return true;
	for (size_t n = 0; ok && n < names.n; n++) {
		const char *name = names.names[n];
		bool ours = name[0] == '.' || strncmp(name, "altakt.ini", 10) == 0 ||
		    strncmp(name, "journal.sqlite", 14) == 0 ||
		    strncmp(name, "altakt.log", 10) == 0 || strcmp(name, "profiles") == 0 ||
		    strcmp(name, "lost+found") == 0;
		for (size_t i = 0; !ours && i < sizeof folders / sizeof folders[0]; i++)
			ours = strcmp(name, folders[i]) == 0;
		if (!ours)
			ok = error_set(err, ERROR_USAGE,
			    _("name an empty folder or a new one: a workspace is a folder of its own"),
			    _("'%s' is not empty: '%s' lies there"), path, name);
	}
	file_names_release(&names);
	return ok;
}

bool workspace_init(const char *path, struct error *err)
{
	char *journal = file_path("%s/journal.sqlite", path), *ini = NULL, *text = NULL;
	char uuid[37];
	struct journal *j = NULL;
	bool ok = false;

	if (file_exists(journal)) {
		error_set(err, ERROR_USAGE, _("use it as it is, or name another folder"),
		    _("'%s' is a workspace already"), path);
		goto done;
	}
	if (!folder_free(path, err))
		goto done;
	bool was_there = file_exists(path);
	if (!file_make_folder(path, err))
		goto done;
	if (!was_there && chmod(path, 0700) != 0) {
		error_errno(err, NULL, _("cannot set the rights of '%s'"), path);
		goto done;
	}
	if (was_there && chmod(path, 0700) != 0 && errno != EPERM) {
		error_errno(err, NULL, _("cannot set the rights of '%s'"), path);
		goto done;
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		char *folder = file_path("%s/%s", path, folders[i]);
		bool made = file_make_folder(folder, err);
		free(folder);
		if (!made)
			goto done;
	}
	ini = file_path("%s/altakt.ini", path);
	if (!file_exists(ini)) {
		text = standard_settings(err);
		if (!text || !file_write(ini, text, strlen(text), err))
			goto done;
	}
	/* The journal comes last and with its first event: a workspace is there whole or not at
	 * all. */
	if (!uuid_make(uuid, err) || !journal_create(path, err) || !journal_open(path, &j, err) ||
	    !journal_begin(j, err) || !journal_meta_set(j, "uuid", uuid, err) ||
	    !ledger_append(j, LEDGER_WORKSPACE, account_name(),
		json_pack("{ssssss}", "event", "workspace_made", "workspace", uuid, "version",
		    ALTAKT_VERSION),
		err) ||
	    !journal_commit(j, err))
		goto done;
	ok = true;
done:
	journal_close(j);
	if (!ok && j)
		file_remove(journal, NULL);
	free(journal);
	free(ini);
	free(text);
	return ok;
}

/* What the settings say now against what they said at the last start. */
static bool settings_note(struct workspace *w, const struct settings *from_file, struct error *err)
{
	char now[129], before[129];

	settings_hash(from_file, now);
	if (!journal_meta_get(w->journal, "settings", before, sizeof before, err))
		return false;
	if (strcmp(now, before) == 0)
		return true;
	/* While the clock stands wrong nothing is recorded, and 'status' still answers. */
	struct clock_state clock;
	if (!clock_read(w->journal, &clock, err))
		return false;
	if (clock.back)
		return true;
	return journal_begin(w->journal, err) &&
	    journal_meta_set(w->journal, "settings", now, err) &&
	    ledger_append(w->journal, LEDGER_WORKSPACE, account_name(),
		json_pack("{ssssss}", "event", "settings_changed", "before", before, "after", now),
		err) &&
	    journal_commit(w->journal, err);
}

/* Every chain's file is as long as the journal says; a crash may have left one short. */
static bool chains_publish(struct journal *j, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	char **names = NULL;
	size_t n = 0;
	bool ok = false, row = true;

	if (!journal_prepare(j, "SELECT name, bytes FROM chain", &stmt, err))
		return false;
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			goto done;
		if (!row)
			break;
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		char *path = ledger_path(journal_workspace(j), name);
		if (file_size_bytes(path) != sqlite3_column_int64(stmt, 1)) {
			char **more = realloc(names, (n + 1) * sizeof *more);
			if (more) {
				names = more;
				names[n++] = file_path("%s", name);
			}
		}
		free(path);
	}
	for (size_t i = 0; i < n; i++)
		if (!ledger_publish(j, names[i], err))
			goto done;
	ok = true;
done:
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return ok;
}

bool workspace_open(
    const char *path, const char *const *sets, struct workspace *out, struct error *err)
{
	struct workspace w = {0};
	char *ini = NULL, *log = NULL, *real = realpath(path, NULL);
	bool ok = false;

	if (!real) {
		error_set(err, ERROR_USAGE,
		    _("give the workspace with -w, or make one with 'altakt init DIR'"),
		    _("there is no workspace '%s': %s"), path, strerror(errno));
		goto done;
	}
	w.path = real;
	if (!journal_open(w.path, &w.journal, err))
		goto done;
	log = file_path("%s/altakt.log", w.path);
	if (!log_open(log, err))
		goto done;
	ini = file_path("%s/altakt.ini", w.path);
	if (!file_exists(ini)) { /* the defaults may count and pay otherwise */
		error_set(err, ERROR_SETUP,
		    _("bring it back from a backup; 'altakt init' in an empty folder writes a new one"),
		    _("the settings '%s' are missing"), ini);
		goto done;
	}
	if (!settings_open(ini, &w.settings, err))
		goto done;
	journal_clock_tolerate(
	    w.journal, settings_int(w.settings, "station.clock_tolerance") * 1000);
	if (!journal_meta_get(w.journal, "uuid", w.uuid, sizeof w.uuid, err) ||
	    !settings_note(&w, w.settings, err) || !chains_publish(w.journal, err))
		goto done;
	for (size_t i = 0; sets && sets[i]; i++)
		if (!settings_set(w.settings, sets[i], err))
			goto done;
	*out = w;
	w = (struct workspace){0};
	ok = true;
done:
	free(ini);
	free(log);
	workspace_close(&w);
	return ok;
}

void workspace_close(struct workspace *w)
{
	journal_close(w->journal);
	settings_close(w->settings);
	free(w->path);
	*w = (struct workspace){0};
}
