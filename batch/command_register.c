#include <stdlib.h>
#include <string.h>

#include "batch/claimable.h"
#include "batch/closed.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/register.h"
#include "batch/workspace.h"
#include "config/text.h"

static const struct command register_import_command, register_list_command, register_urgent_command,
    register_allow_command;

static int import_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct register_import done = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	bool replace = false, json = false;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {"replace", OPTION_FLAG, &replace, NULL,
		N_("remove entries that the list does not have")},
	    {"json", OPTION_FLAG, &json, NULL, N_("the result as JSON")},
	    {0},
	};

	if (!args ||
	    !options_read(&register_import_command, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1) {
		code = command_usage(&register_import_command, _("name one list"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !register_import(workspace.journal, workspace.settings, args[0], replace,
		command_person(by, workspace.settings), stderr, &done, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (json)
		printf("{\"lines\":%lld,\"added\":%lld,\"changed\":%lld,\"removed\":%lld}\n",
		    (long long)done.lines, (long long)done.added, (long long)done.changed,
		    (long long)done.removed);
	else
		printf(_("%lld lines read: %lld entries are new, %lld changed, %lld removed\n"),
		    (long long)done.lines, (long long)done.added, (long long)done.changed,
		    (long long)done.removed);
	code = EXIT_DONE;
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

static const struct command register_import_command = {
    "register import",
    "LIST.csv",
    N_("Takes the list of the files that should exist, all of it or nothing."),
    import_run,
};

/* What batches hold of each file: one line of a manifest each, by key, volume and batch. */
struct held {
	const char *key, *file_number, *batch;
	int volume, sheets;
	bool open;
};

struct lister {
	struct held *held;
	size_t n_held;
	bool missing, duplicates, mismatch;
	json_t *out;
};

static int by_key(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order == 0)
		order = (x->volume > y->volume) - (x->volume < y->volume);
	return order ? order : strcmp(x->batch, y->batch);
}

static bool held_gather(const struct closed_list *list, struct lister *lister, struct error *err)
{
	size_t n = 0;

	for (int i = 0; i < list->n; i++)
		n += (size_t)list->batches[i].n_lines;
	lister->held = calloc(n + 1, sizeof *lister->held);
	if (!lister->held)
		return error_errno(err, NULL, _("cannot read the batches"));
	for (int i = 0; i < list->n; i++) {
		const struct closed_batch *b = &list->batches[i];
		if (b->state == CLOSED_ABANDONED)
			continue;
		for (int k = 0; k < b->n_lines; k++)
			if (b->lines[k].sheets > 0)
				lister->held[lister->n_held++] = (struct held){b->lines[k].key,
				    b->lines[k].file_number, b->name, b->lines[k].volume,
				    b->lines[k].sheets, b->state == CLOSED_OPEN};
	}
	qsort(lister->held, lister->n_held, sizeof *lister->held, by_key);
	return true;
}

/* The first of those with this key. */
static size_t held_find(const struct lister *lister, const char *key)
{
	size_t low = 0, high = lister->n_held;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(lister->held[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool entry_visit(
    void *self, const char *key, const struct register_entry *entry, struct error *err)
{
	struct lister *lister = self;
	int sheets = 0, found = 0;
	json_t *batches = NULL;
	bool open = false;

	for (size_t i = held_find(lister, key);
	     i < lister->n_held && strcmp(lister->held[i].key, key) == 0; i++) {
		const struct held *h = &lister->held[i];
		if (entry->volume != 0 && h->volume != entry->volume)
			continue;
		if (!batches)
			batches = json_array();
		json_array_append_new(batches, json_string(h->batch));
		open = open || h->open;
		sheets += h->sheets;
		found++;
	}
	bool wanted = lister->missing ? found == 0
	    : lister->duplicates      ? false
	    : lister->mismatch	      ? found > 0 && entry->sheets >= 0 && entry->sheets != sheets
				      : true;
	if (wanted) {
		json_t *line = json_pack(
		    "{ss si}", "file_number", entry->file_number, "volume", entry->volume);
		json_object_set_new(line, "sheets_expected",
		    entry->sheets < 0 ? json_null() : json_integer(entry->sheets));
		json_object_set_new(line, "sheets", json_integer(sheets));
		json_object_set_new(line, "urgent", json_boolean(entry->urgent));
		json_object_set_new(line, "state",
		    json_string(!found ? "missing"
			    : open     ? "open"
				       : "closed"));
		json_object_set_new(line, "batches", batches ? json_incref(batches) : json_array());
		json_array_append_new(lister->out, line);
	}
	json_decref(batches);
	return true;
}

/* The same file number and volume in more than one batch; needs no register. */
static void duplicates_gather(struct lister *lister)
{
	for (size_t i = 0; i < lister->n_held;) {
		size_t end = i + 1;
		int sheets = lister->held[i].sheets;
		while (end < lister->n_held &&
		    strcmp(lister->held[end].key, lister->held[i].key) == 0 &&
		    lister->held[end].volume == lister->held[i].volume)
			sheets += lister->held[end++].sheets;
		if (end - i > 1) {
			json_t *batches = json_array();
			for (size_t k = i; k < end; k++)
				json_array_append_new(batches, json_string(lister->held[k].batch));
			json_array_append_new(lister->out,
			    json_pack("{ss si si so}", "file_number", lister->held[i].file_number,
				"volume", lister->held[i].volume, "sheets", sheets, "batches",
				batches));
		}
		i = end;
	}
}

static void list_print(const struct lister *lister)
{
	json_t *line, *batch;
	size_t i, k;

	json_array_foreach(lister->out, i, line)
	{
		json_int_t volume = json_integer_value(json_object_get(line, "volume"));
		const json_t *expected = json_object_get(line, "sheets_expected");
		printf("%s", json_string_value(json_object_get(line, "file_number")));
		if (volume > 1)
			printf(_(", volume %d"), (int)volume);
		if (json_is_integer(expected))
			printf(PLURAL("\t%d of %d sheet", "\t%d of %d sheets",
				   json_integer_value(expected)),
			    (int)json_integer_value(json_object_get(line, "sheets")),
			    (int)json_integer_value(expected));
		else
			printf(PLURAL("\t%d sheet", "\t%d sheets",
				   json_integer_value(json_object_get(line, "sheets"))),
			    (int)json_integer_value(json_object_get(line, "sheets")));
		if (json_is_true(json_object_get(line, "urgent")))
			printf("\t%s", _("urgent"));
		json_array_foreach(json_object_get(line, "batches"), k, batch)
		    printf("%s%s", k ? ", " : "\t", json_string_value(batch));
		printf("\n");
	}
	fprintf(stderr, PLURAL("%d file\n", "%d files\n", json_array_size(lister->out)),
	    (int)json_array_size(lister->out));
}

static int list_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct closed_list list = {0};
	struct lister lister = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args);
	bool json = false;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"missing", OPTION_FLAG, &lister.missing, NULL, N_("only files that no batch holds")},
	    {"duplicates", OPTION_FLAG, &lister.duplicates, NULL,
		N_("file numbers that more than one batch holds, with the register or without")},
	    {"mismatch", OPTION_FLAG, &lister.mismatch, NULL,
		N_("only files whose sheets are not those of the register")},
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!args ||
	    !options_read(&register_list_command, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 0 || lister.missing + lister.duplicates + lister.mismatch > 1) {
		code = command_usage(&register_list_command,
		    _("one of --missing, --duplicates and --mismatch, and nothing else"));
		goto done;
	}
	lister.out = json_array();
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !closed_all(workspace.journal, &list, &err) || !held_gather(&list, &lister, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (lister.duplicates)
		duplicates_gather(&lister);
	else if (!register_each(workspace.journal, entry_visit, &lister, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (json) {
		json_dumpf(lister.out, stdout, JSON_INDENT(1));
		printf("\n");
	} else {
		list_print(&lister);
	}
	code = EXIT_DONE;
done:
	json_decref(lister.out);
	free(lister.held);
	free(args);
	closed_list_release(&list);
	workspace_close(&workspace);
	return code;
}

static const struct command register_list_command = {
    "register list",
    "[--missing|--duplicates|--mismatch]",
    N_("Lists the files that should exist, and what the batches hold of them."),
    list_run,
};

static int urgent_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	bool off = false;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {"off", OPTION_FLAG, &off, NULL, N_("it is urgent no longer")},
	    {0},
	};

	if (!args ||
	    !options_read(&register_urgent_command, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args == 0) {
		code = command_usage(&register_urgent_command, _("name at least one file number"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err)) {
		code = command_fail(&err);
		goto done;
	}
	code = EXIT_DONE;
	for (int i = 0; i < n_args; i++) {
		bool found;
		err = (struct error){0};
		if (!file_number_check(args[i], &err) ||
		    !register_urgent(workspace.journal, args[i], !off,
			command_person(by, workspace.settings), &found, &err)) {
			code = command_fail(&err);
			break;
		}
		if (!found) {
			error_set(&err, ERROR_USAGE, _("'altakt register list' shows what it has"),
			    _("the register does not have '%s'"), args[i]);
			code = command_fail(&err);
		}
	}
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

static const struct command register_urgent_command = {
    "register urgent",
    "FILE_NUMBER…",
    N_("Marks files that somebody waits for: they are bundled first."),
    urgent_run,
};

static int allow_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = (const char **)argv, *by = NULL, *reason = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("why it is claimed all the same")},
	    {0},
	};

	if (!options_read(&register_allow_command, options, argc, argv, args, &n_args, &code))
		return code;
	if (n_args == 0 || !by || !by[0] || !reason || !reason[0])
		return command_usage(&register_allow_command,
		    _("name at least one file number, --by NAME and --reason TEXT"));
	if (!workspace_open(call->workspace, call->sets, &workspace, &err)) {
		code = command_fail(&err);
		goto done;
	}
	code = EXIT_DONE;
	for (int i = 0; i < n_args && code == EXIT_DONE; i++) {
		if (claimable_allow(&workspace, args[i], by, reason, &err))
			printf(_("%s may be claimed\n"), args[i]);
		else
			code = command_fail(&err);
	}
done:
	workspace_close(&workspace);
	return code;
}

static const struct command register_allow_command = {
    "register allow",
    "FILE_NUMBER…",
    N_("A lead decides that a file is claimed although the register does not know it."),
    allow_run,
};

static int register_run(const struct call *call, int argc, char **argv)
{
	static const struct command *const subcommands[] = {&register_import_command,
	    &register_list_command, &register_urgent_command, &register_allow_command};

	return command_sub(&command_register, subcommands, 4, call, argc, argv);
}

const struct command command_register = {
    "register",
    "import LIST.csv | list | urgent FILE_NUMBER… | allow FILE_NUMBER…",
    N_("The files that should exist: takes their list, and shows what is missing."),
    register_run,
};
