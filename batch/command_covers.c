#include "batch/commands.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "batch/journal.h"
#include "batch/register.h"
#include "batch/workspace.h"
#include "config/text.h"
#include "scan/cover.h"

enum { COVERS_MAX = 50000 };

struct wanted {
	struct cover *covers;
	int n;
	struct workspace *workspace;
	const char *prefix; /* of the serials: the date and a random part */
};

static bool cover_add(
    struct wanted *w, const char *number, int volume, int prepared, struct error *err)
{
	if (w->n == COVERS_MAX)
		return error_set(err, ERROR_USAGE, _("print them in several parts with --file"),
		    _("more than %d cover sheets in one file"), COVERS_MAX);
	struct cover *more = realloc(w->covers, (size_t)(w->n + 1) * sizeof *more);
	if (!more)
		return error_errno(err, NULL, _("cannot list the cover sheets"));
	w->covers = more;
	struct cover *c = &w->covers[w->n++];
	*c = (struct cover){.volume = volume > 0 ? volume : 1, .prepared = prepared};
	snprintf(c->file_number, sizeof c->file_number, "%s", number);
	snprintf(c->serial, sizeof c->serial, "%s-%d", w->prefix, w->n);
	return true;
}

static bool entry_add(
    void *self, const char *key, const struct register_entry *entry, struct error *err)
{
	return cover_add(self, entry->file_number, entry->volume, entry->sheets, err);
}

struct missing {
	struct wanted *wanted;
	struct journal *journal;
};

static bool entry_missing(
    void *self, const char *key, const struct register_entry *entry, struct error *err)
{
	struct missing *m = self;
	sqlite3_stmt *stmt = NULL;
	bool fed = false;

	/* A list without volumes (0) asks for the file in any of them. */
	if (!journal_prepare(m->journal,
		"SELECT 1 FROM casefile c JOIN batch b ON b.name = c.batch WHERE c.key = ?1 AND (?2 = 0 OR c.volume = ?2) AND b.state <> 'abandoned' LIMIT 1",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 2, entry->volume);
	if (!journal_step(m->journal, stmt, &fed, err))
		return false;
	sqlite3_reset(stmt);
	return fed || cover_add(m->wanted, entry->file_number, entry->volume, entry->sheets, err);
}

static int run_covers(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *output = NULL;
	static struct option_list files;
	bool missing = false;
	long volume = 1;
	const struct option_spec options[] = {
	    {"output", OPTION_TEXT, &output, N_("FILE"), N_("the PDF to write; also -o")},
	    {"file", OPTION_LIST, &files, N_("NO"), N_("a cover sheet for this file")},
	    {"volume", OPTION_NUMBER, &volume, "V", N_("its volume, from 1")},
	    {"missing", OPTION_FLAG, &missing, NULL,
		N_("for every file of the register that was not fed yet")},
	    {0}};
	struct workspace w = {0};
	struct wanted wanted = {.workspace = &w};
	struct error err = {0};
	unsigned char random[5];
	char prefix[20];
	int n, code;

	if (!options_read(&command_covers, options, argc, argv, args, &n, &code))
		return code;
	if (!output)
		return command_usage(&command_covers, _("say where to: -o covers.pdf"));
	if (volume < 1 || volume > 9999)
		return command_usage(&command_covers, _("--volume is from 1 to 9999"));
	/* --file NO NO NO: those that follow are meant, too. */
	for (int i = 0; i < n && files.n > 0 && files.n < 256; i++)
		files.values[files.n++] = args[i];
	if (n > 0 && files.n == 0)
		return command_usage(&command_covers, _("'%s' is too much"), args[0]);
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return EXIT_FAILED;
	snprintf(prefix, sizeof prefix, "%02X%02X%02X%02X%02X", random[0], random[1], random[2],
	    random[3], random[4]);
	wanted.prefix = prefix;
	if (!workspace_open(call->workspace, call->sets, &w, &err))
		return command_fail(&err);
	bool ok = true;
	for (int i = 0; ok && i < files.n; i++) {
		struct register_entry entry;
		bool found = false;
		ok = file_number_check(files.values[i], &err);
		if (!ok)
			err.kind = ERROR_USAGE;
		ok = ok &&
		    register_find(w.journal, files.values[i], (int)volume, &entry, &found, &err) &&
		    cover_add(
			&wanted, files.values[i], (int)volume, found ? entry.sheets : -1, &err);
	}
	struct missing m = {&wanted, w.journal};
	if (ok && files.n == 0)
		ok = missing ? register_each(w.journal, entry_missing, &m, &err)
			     : register_each(w.journal, entry_add, &wanted, &err);
	if (ok && wanted.n == 0)
		ok = error_set(&err, ERROR_USAGE,
		    _("name files with --file, or import a register first"),
		    missing ? _("every file of the register was fed already")
			    : _("there is no file to print a cover sheet for"));
	ok = ok &&
	    cover_print(wanted.covers, wanted.n, settings_text(w.settings, "station.organisation"),
		output, &err);
	if (ok)
		printf(PLURAL("%s: cover sheets for %d file; print on both sides\n",
			   "%s: cover sheets for %d files; print on both sides\n", wanted.n),
		    output, wanted.n);
	code = ok ? EXIT_DONE : command_fail(&err);
	free(wanted.covers);
	workspace_close(&w);
	return code;
}

const struct command command_covers = {"covers", "[--missing | --file NO...] -o covers.pdf",
    N_("Prints cover sheets (Trennblaetter): one sheet of paper for each file."), run_covers};
