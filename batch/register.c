#include "batch/register.h"

#include <ctype.h>
#include <jansson.h>
#include <regex.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "batch/csv.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/settings.h"
#include "config/text.h"

#define LANGUAGES_KEY "languages" /* in more, however the list calls it */
enum { SAID_MAX = 100, SHEETS_MAX = 100000 };

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS register_file(key TEXT NOT NULL, volume INTEGER NOT NULL,"
    " file_number TEXT NOT NULL, sheets INTEGER NOT NULL, urgent INTEGER NOT NULL,"
    " line INTEGER NOT NULL, more TEXT NOT NULL, PRIMARY KEY(key, volume)) WITHOUT ROWID";

static bool ask(struct journal *journal, const char *sql, sqlite3_stmt **out, struct error *err)
{
	return journal_prepare(journal, sql, out, err);
}

static bool do_sql(struct journal *journal, const char *sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	return journal_prepare(journal, sql, &stmt, err) && journal_step(journal, stmt, &row, err);
}

static bool table_exists(struct journal *journal, bool *exists, struct error *err)
{
	sqlite3_stmt *stmt = NULL;

	if (!ask(journal,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'register_file'",
		&stmt, err) ||
	    !journal_step(journal, stmt, exists, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

bool register_any(struct journal *journal, bool *any, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool exists;

	*any = false;
	if (!table_exists(journal, &exists, err))
		return false;
	if (!exists)
		return true;
	if (!ask(journal, "SELECT 1 FROM register_file LIMIT 1", &stmt, err) ||
	    !journal_step(journal, stmt, any, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

static void entry_fill(sqlite3_stmt *stmt, struct register_entry *entry)
{
	snprintf(entry->file_number, sizeof entry->file_number, "%s",
	    (const char *)sqlite3_column_text(stmt, 1));
	entry->volume = sqlite3_column_int(stmt, 2);
	entry->sheets = sqlite3_column_int(stmt, 3);
	entry->urgent = sqlite3_column_int(stmt, 4) != 0;
	const char *more = (const char *)sqlite3_column_text(stmt, 5);
	entry->languages[0] = '\0';
	if (more && strstr(more, "\"" LANGUAGES_KEY "\":")) {
		json_t *json = json_loads(more, 0, NULL);
		const char *languages = json_string_value(json_object_get(json, LANGUAGES_KEY));
		snprintf(
		    entry->languages, sizeof entry->languages, "%s", languages ? languages : "");
		json_decref(json);
	}
}

bool register_find(struct journal *journal, const char *file_number, int volume,
    struct register_entry *out, bool *found, struct error *err)
{
	char key[FILE_KEY_SIZE];
	sqlite3_stmt *stmt = NULL;
	bool exists, row;

	*found = false;
	if (!table_exists(journal, &exists, err))
		return false;
	if (!exists)
		return true;
	file_number_key(file_number, key);
	if (!ask(journal,
		"SELECT key, file_number, volume, sheets, urgent, more FROM register_file"
		" WHERE key = ?1 AND volume IN (?2, 0) ORDER BY volume DESC LIMIT 1",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 2, volume);
	if (!journal_step(journal, stmt, &row, err))
		return false;
	if (row) {
		entry_fill(stmt, out);
		if (out->volume == 0 && volume != 1)
			out->sheets = -1;
		*found = true;
	}
	sqlite3_reset(stmt);
	return true;
}

bool register_each(struct journal *journal,
    bool (*visit)(
	void *self, const char *key, const struct register_entry *entry, struct error *err),
    void *self, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool exists, row, ok = true;

	if (!table_exists(journal, &exists, err))
		return false;
	if (!exists)
		return true;
	if (!ask(journal,
		"SELECT key, file_number, volume, sheets, urgent, more FROM register_file ORDER BY key, volume",
		&stmt, err))
		return false;
	while (ok && (ok = journal_step(journal, stmt, &row, err)) && row) {
		struct register_entry entry;
		entry_fill(stmt, &entry);
		ok = visit(self, (const char *)sqlite3_column_text(stmt, 0), &entry, err);
	}
	sqlite3_reset(stmt);
	return ok;
}

static bool pattern_open(
    const struct settings *settings, regex_t *regex, bool *set, struct error *err)
{
	const char *pattern = settings_text(settings, "register.pattern");
	char why[128];

	*set = false;
	if (!pattern[0])
		return true;
	int code = regcomp(regex, pattern, REG_EXTENDED);
	if (code != 0) {
		regerror(code, regex, why, sizeof why);
		return error_set(err, ERROR_SETUP,
		    _("'register.pattern' takes a POSIX extended regular expression"),
		    _("'%s' is no pattern: %s"), pattern, why);
	}
	*set = true;
	return true;
}

static bool pattern_matches(const regex_t *regex, const char *number)
{
	regmatch_t match;

	return regexec(regex, number, 1, &match, 0) == 0 && match.rm_so == 0 &&
	    (size_t)match.rm_eo == strlen(number);
}

bool register_pattern_fits(
    const struct settings *settings, const char *number, bool *fits, struct error *err)
{
	regex_t regex;
	bool set;

	if (!pattern_open(settings, &regex, &set, err))
		return false;
	*fits = !set || pattern_matches(&regex, number);
	if (set)
		regfree(&regex);
	return true;
}

/* The columns that the program reads; what they are called elsewhere is in the section [columns].
 */
enum column {
	COLUMN_FILE_NUMBER,
	COLUMN_VOLUME,
	COLUMN_SHEETS,
	COLUMN_URGENT,
	COLUMN_AZR,
	COLUMN_LANGUAGES,
	N_COLUMNS,
};

static const char *const column_names[N_COLUMNS] = {
    "file_number", "volume", "sheets", "urgent", "azr", "languages"};

struct importer {
	struct journal *journal;
	FILE *say;
	struct register_import *out;
	const char *names[N_COLUMNS];
	int columns[N_COLUMNS]; /* -1: the list has none */
	char **header;
	int n_header;
	regex_t regex;
	bool regex_set;
};

static void trim(char *s)
{
	char *from = s;
	size_t n;

	while (isspace((unsigned char)*from))
		from++;
	n = strlen(from);
	while (n > 0 && isspace((unsigned char)from[n - 1]))
		n--;
	memmove(s, from, n);
	s[n] = '\0';
}

static void bad_row(struct importer *in, int64_t line, const char *why)
{
	if (++in->out->bad <= SAID_MAX && in->say) {
		fprintf(in->say, _("line %lld: "), (long long)line);
		for (const char *p = why; *p;
		     p++) /* what a row holds is not for a terminal as it is */
			putc((unsigned char)*p < 0x20 || *p == 0x7F ? '?' : *p, in->say);
		putc('\n', in->say);
	}
}

static bool header_read(struct importer *in, const struct settings *settings,
    const struct csv_row *row, const char *path, struct error *err)
{
	for (int c = 0; c < N_COLUMNS; c++) {
		char key[64];
		snprintf(key, sizeof key, "columns.%s", column_names[c]);
		const char *mapped = settings_free(settings, key);
		in->names[c] = mapped && mapped[0] ? mapped : column_names[c];
		in->columns[c] = -1;
	}
	in->header = calloc((size_t)row->n, sizeof *in->header);
	if (!in->header)
		return error_errno(err, NULL, _("cannot read '%s'"), path);
	for (int i = 0; i < row->n; i++, in->n_header++) {
		trim(row->fields[i]);
		if (!(in->header[i] = strdup(row->fields[i])))
			return error_errno(err, NULL, _("cannot read '%s'"), path);
		for (int c = 0; c < N_COLUMNS; c++) {
			if (strcasecmp(row->fields[i], in->names[c]) != 0)
				continue;
			if (in->columns[c] >= 0)
				return error_set(err, ERROR_INPUT, NULL,
				    _("'%s' has two columns '%s'"), path, in->names[c]);
			in->columns[c] = i;
		}
	}
	if (in->columns[COLUMN_FILE_NUMBER] < 0)
		return error_set(err, ERROR_INPUT,
		    _("say in altakt.ini what it is called there: [columns] file_number = Aktenzeichen"),
		    _("'%s' has no column '%s'"), path, in->names[COLUMN_FILE_NUMBER]);
	return true;
}

static const char *field(const struct importer *in, const struct csv_row *row, enum column column)
{
	int i = in->columns[column];

	return i < 0 || i >= row->n ? "" : row->fields[i];
}

/* A whole number of at least least, or *value stays. */
static bool whole(const char *text, int least, int *value)
{
	int n = 0;

	if (!text[0])
		return true;
	for (const char *p = text; *p; p++) {
		if (!isdigit((unsigned char)*p) || n > SHEETS_MAX)
			return false;
		n = n * 10 + (*p - '0');
	}
	if (n < least || n > SHEETS_MAX)
		return false;
	*value = n;
	return true;
}

static bool yes(const char *text, bool *value)
{
	static const char *const words[] = {
	    "yes", "ja", "j", "y", "x", "1", "true", "wahr", "eilt"};
	static const char *const noes[] = {"", "no", "nein", "n", "0", "false", "falsch", "-"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(text, words[i]) == 0)
			return *value = true;
	*value = false;
	for (size_t i = 0; i < sizeof noes / sizeof noes[0]; i++)
		if (strcasecmp(text, noes[i]) == 0)
			return true;
	return false;
}

/* "deu, rus" and the like become "deu+rus". False where it names no languages of recognition. */
static bool languages_read(const char *text, char languages[REGISTER_LANGUAGES_SIZE])
{
	size_t n = 0;
	bool gap = false;

	for (const char *p = text; *p; p++) {
		if (strchr(" ,;+/&", *p)) {
			gap = n > 0;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_')
			return false;
		if (n + 3 > REGISTER_LANGUAGES_SIZE)
			return false;
		if (gap)
			languages[n++] = '+';
		languages[n++] = (char)tolower((unsigned char)*p);
		gap = false;
	}
	languages[n] = '\0';
	return true;
}

/* why is filled where the row is bad. */
static bool row_read(const struct importer *in, const struct csv_row *row,
    struct register_entry *entry, char *why, size_t size)
{
	const char *number = field(in, row, COLUMN_FILE_NUMBER);
	const char *azr = field(in, row, COLUMN_AZR);
	struct error bad = {0};

	*entry =
	    (struct register_entry){.volume = in->columns[COLUMN_VOLUME] < 0 ? 0 : 1, .sheets = -1};
	if (!file_number_check(number, &bad)) {
		snprintf(why, size, "%s", bad.what);
		return false;
	}
	snprintf(entry->file_number, sizeof entry->file_number, "%s", number);
	if (in->regex_set && !pattern_matches(&in->regex, number))
		snprintf(why, size, _("'%s' does not fit register.pattern"), number);
	else if (!whole(field(in, row, COLUMN_VOLUME), 1, &entry->volume))
		snprintf(why, size, _("'%s' is no volume"), field(in, row, COLUMN_VOLUME));
	else if (!whole(field(in, row, COLUMN_SHEETS), 0, &entry->sheets))
		snprintf(
		    why, size, _("'%s' is no number of sheets"), field(in, row, COLUMN_SHEETS));
	else if (!yes(field(in, row, COLUMN_URGENT), &entry->urgent))
		snprintf(why, size, _("'%s' is neither yes nor no"), field(in, row, COLUMN_URGENT));
	else if (!languages_read(field(in, row, COLUMN_LANGUAGES), entry->languages))
		snprintf(why, size, _("'%s' are no languages of text recognition: deu+rus"),
		    field(in, row, COLUMN_LANGUAGES));
	else if (azr[0] && (strlen(azr) != 12 || strspn(azr, "0123456789") != 12))
		snprintf(why, size, _("'%s' is no AZR number: it has 12 digits"), azr);
	else
		return true;
	return false;
}

static char *more_text(
    const struct importer *in, const struct csv_row *row, const struct register_entry *entry)
{
	json_t *more = json_object();
	char *text;

	for (int i = 0; i < row->n && i < in->n_header; i++) {
		bool known = false;
		for (int c = 0; c < N_COLUMNS; c++)
			known = known || (c != COLUMN_AZR && in->columns[c] == i);
		if (!known && row->fields[i][0] && in->header[i][0])
			json_object_set_new(more, in->header[i], json_string(row->fields[i]));
	}
	if (entry->languages[0])
		json_object_set_new(more, LANGUAGES_KEY, json_string(entry->languages));
	text = json_dumps(more, JSON_COMPACT);
	json_decref(more);
	return text;
}

/* The new list is gathered beside the register, so that two rows with one key are found. */
static bool row_store(struct importer *in, const struct csv_row *row,
    const struct register_entry *entry, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	char key[FILE_KEY_SIZE], why[160];
	char *more = NULL;
	bool found, done, ok = false;

	file_number_key(entry->file_number, key);
	if (!ask(in->journal, "SELECT line FROM temp.register_new WHERE key = ? AND volume = ?",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 2, entry->volume);
	if (!journal_step(in->journal, stmt, &found, err))
		return false;
	if (found) {
		snprintf(why, sizeof why, _("'%s' stands in line %lld already"), entry->file_number,
		    (long long)sqlite3_column_int64(stmt, 0));
		sqlite3_reset(stmt);
		bad_row(in, row->line, why);
		return true;
	}
	more = more_text(in, row, entry);
	if (!ask(in->journal, "INSERT INTO temp.register_new VALUES(?, ?, ?, ?, ?, ?, ?)", &stmt,
		err))
		goto done;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 2, entry->volume);
	sqlite3_bind_text(stmt, 3, entry->file_number, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 4, entry->sheets);
	sqlite3_bind_int(stmt, 5, entry->urgent);
	sqlite3_bind_int64(stmt, 6, row->line);
	sqlite3_bind_text(stmt, 7, more ? more : "{}", -1, SQLITE_TRANSIENT);
	ok = journal_step(in->journal, stmt, &done, err);
done:
	free(more);
	return ok;
}

static bool rows_read(struct importer *in, struct csv *csv, struct error *err)
{
	struct csv_row row = {0};
	bool more = true;

	while (more) {
		struct register_entry entry;
		struct error bad = {0};
		char why[600];
		if (!csv_next(csv, &row, &more, &bad)) {
			if (bad.kind != ERROR_INPUT) {
				*err = bad;
				return false;
			}
			in->out->lines++;
			in->out->bad++;
			if (in->out->bad <= SAID_MAX && in->say)
				fprintf(in->say, "%s\n", bad.what);
			continue;
		}
		if (!more)
			break;
		in->out->lines++;
		bool empty = true;
		for (int i = 0; i < row.n; i++) {
			trim(row.fields[i]);
			empty = empty && !row.fields[i][0];
		}
		if (empty) { /* ";;;" at the end of a spreadsheet's list */
			in->out->lines--;
			continue;
		}
		if (!row_read(in, &row, &entry, why, sizeof why))
			bad_row(in, row.line, why);
		else if (!row_store(in, &row, &entry, err))
			return false;
	}
	return true;
}

static bool count_sql(struct journal *journal, const char *sql, int64_t *n, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!ask(journal, sql, &stmt, err) || !journal_step(journal, stmt, &row, err))
		return false;
	*n = row ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_reset(stmt);
	return true;
}

/* A list without such a column says nothing of it: a file marked as urgent stays so. */
static bool absent_columns_keep(struct importer *in, struct error *err)
{
#define OF_BEFORE \
	" FROM register_file f WHERE f.key = temp.register_new.key AND f.volume = temp.register_new.volume"
	static const struct {
		enum column column;
		const char *sql;
	} keeps[] = {
	    {COLUMN_SHEETS,
		"UPDATE temp.register_new SET sheets = coalesce((SELECT f.sheets" OF_BEFORE
		"), sheets)"},
	    {COLUMN_URGENT,
		"UPDATE temp.register_new SET urgent = coalesce((SELECT f.urgent" OF_BEFORE
		"), urgent)"},
	    {COLUMN_LANGUAGES,
		"UPDATE temp.register_new SET more = json_set(more, '$." LANGUAGES_KEY
		"', (SELECT json_extract(f.more, '$." LANGUAGES_KEY "')" OF_BEFORE
		")) WHERE EXISTS (SELECT 1" OF_BEFORE " AND json_extract(f.more, '$." LANGUAGES_KEY
		"') IS NOT NULL)"},
	};
#undef OF_BEFORE

	for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++)
		if (in->columns[keeps[i].column] < 0 && !do_sql(in->journal, keeps[i].sql, err))
			return false;
	return true;
}

static bool merge(struct importer *in, bool replace, struct error *err)
{
	struct register_import *out = in->out;
	struct journal *j = in->journal;

	if (!absent_columns_keep(in, err) ||
	    !count_sql(j,
		"SELECT count(*) FROM temp.register_new n WHERE NOT EXISTS (SELECT 1 FROM register_file f"
		" WHERE f.key = n.key AND f.volume = n.volume)",
		&out->added, err) ||
	    !count_sql(j,
		"SELECT count(*) FROM temp.register_new n JOIN register_file f ON f.key = n.key AND"
		" f.volume = n.volume WHERE f.file_number <> n.file_number OR f.sheets <> n.sheets OR"
		" f.urgent <> n.urgent OR f.more <> n.more",
		&out->changed, err) ||
	    !count_sql(j,
		"SELECT count(*) FROM register_file f WHERE NOT EXISTS (SELECT 1 FROM temp.register_new n"
		" WHERE f.key = n.key AND f.volume = n.volume)",
		&out->removed, err))
		return false;
	if (replace ? !do_sql(j, "DELETE FROM register_file", err) : false)
		return false;
	if (!replace)
		out->removed = 0;
	return do_sql(
	    j, "INSERT OR REPLACE INTO register_file SELECT * FROM temp.register_new", err);
}

static bool import_event(struct importer *in, const struct csv *csv, const char *path, bool replace,
    const char *by, struct error *err)
{
	const char *slash = strrchr(path, '/');
	int64_t entries = 0;

	if (!count_sql(in->journal, "SELECT count(*) FROM register_file", &entries, err))
		return false;
	json_t *event = json_pack("{ss ss ss sI sI sI sI sI sb}", "event", "register_imported",
	    "file", slash ? slash + 1 : path, "sha256", csv_sha256(csv), "lines",
	    (json_int_t)in->out->lines, "added", (json_int_t)in->out->added, "changed",
	    (json_int_t)in->out->changed, "removed", (json_int_t)in->out->removed, "entries",
	    (json_int_t)entries, "replaced", replace);
	if (!event)
		return error_set(err, ERROR_INPUT, _("give the list a name in UTF-8"),
		    _("the name of the list is not UTF-8"));
	return ledger_append(in->journal, LEDGER_WORKSPACE, by, event, err);
}

bool register_import(struct journal *journal, const struct settings *settings, const char *path,
    bool replace, const char *by, FILE *say, struct register_import *out, struct error *err)
{
	struct importer in = {.journal = journal, .say = say, .out = out};
	struct csv *csv = NULL;
	struct csv_row row = {0};
	bool more = false, ok = false;

	*out = (struct register_import){0};
	if (!pattern_open(settings, &in.regex, &in.regex_set, err))
		return false;
	if (!csv_open(path, &csv, err) || !csv_next(csv, &row, &more, err))
		goto done;
	if (!more) {
		error_set(err, ERROR_INPUT, NULL, _("'%s' is empty"), path);
		goto done;
	}
	out->windows = csv_windows(csv);
	if (!header_read(&in, settings, &row, path, err))
		goto done;
	if (!journal_begin(journal, err))
		goto done;
	if (!do_sql(journal, table_sql, err) ||
	    !do_sql(journal,
		"CREATE TEMP TABLE IF NOT EXISTS register_new(key TEXT, volume INTEGER, file_number TEXT,"
		" sheets INTEGER, urgent INTEGER, line INTEGER, more TEXT, PRIMARY KEY(key, volume))"
		" WITHOUT ROWID",
		err) ||
	    !do_sql(journal, "DELETE FROM temp.register_new", err) || !rows_read(&in, csv, err))
		goto done;
	if (out->bad > 0) {
		if (out->bad > SAID_MAX && say)
			fprintf(
			    say, _("and %lld more bad lines\n"), (long long)(out->bad - SAID_MAX));
		error_set(err, ERROR_INPUT, _("correct these lines and import the list again"),
		    _("%lld of %lld lines of '%s' are bad: nothing was imported"),
		    (long long)out->bad, (long long)out->lines, path);
		goto done;
	}
	if (!merge(&in, replace, err) || !import_event(&in, csv, path, replace, by, err))
		goto done;
	ok = journal_commit(journal, err);
done:
	journal_rollback(journal);
	csv_close(csv);
	for (int i = 0; i < in.n_header; i++)
		free(in.header[i]);
	free(in.header);
	if (in.regex_set)
		regfree(&in.regex);
	return ok;
}

bool register_urgent(struct journal *journal, const char *file_number, bool urgent, const char *by,
    bool *found, struct error *err)
{
	char key[FILE_KEY_SIZE];
	sqlite3_stmt *stmt = NULL;
	bool ok = false, exists, row;

	*found = false;
	file_number_key(file_number, key);
	if (!journal_begin(journal, err))
		return false;
	if (!table_exists(journal, &exists, err))
		goto done;
	if (!exists) {
		ok = true;
		goto done;
	}
	if (!ask(journal, "SELECT 1 FROM register_file WHERE key = ?", &stmt, err))
		goto done;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	if (!journal_step(journal, stmt, found, err))
		goto done;
	sqlite3_reset(stmt);
	if (*found) {
		if (!ask(journal, "UPDATE register_file SET urgent = ? WHERE key = ?", &stmt, err))
			goto done;
		sqlite3_bind_int(stmt, 1, urgent);
		sqlite3_bind_text(stmt, 2, key, -1, SQLITE_TRANSIENT);
		if (!journal_step(journal, stmt, &row, err) ||
		    !ledger_append(journal, LEDGER_WORKSPACE, by,
			json_pack("{ss ss sb}", "event", "register_urgent", "file_number",
			    file_number, "urgent", urgent),
			err))
			goto done;
	}
	ok = journal_commit(journal, err);
done:
	journal_rollback(journal);
	return ok;
}
