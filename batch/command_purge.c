/* purge, destruction: what may go once a batch is accepted. */
#include <stdlib.h>
#include <string.h>

#include "batch/command.h"
#include "batch/commands.h"
#include "batch/csv.h"
#include "batch/purge.h"
#include "batch/workspace.h"
#include "config/text.h"

static int purge_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct purge_result done;
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {0},
	};

	if (!args || !options_read(&command_purge, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1) {
		code = command_usage(&command_purge, _("name one batch"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !purge_batch(
		&workspace, args[0], command_person(by, workspace.settings), &done, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (done.already)
		printf(PLURAL("%s: its %lld raw image was gone already\n",
			   "%s: its %lld raw images were gone already\n", done.images),
		    args[0], (long long)done.images);
	else
		printf(PLURAL("%s: %lld raw image is deleted, %lld MiB; the ledger has the proof\n",
			   "%s: %lld raw images are deleted, %lld MiB; the ledger has the proof\n",
			   done.images),
		    args[0], (long long)done.images, (long long)(done.bytes >> 20));
	code = EXIT_DONE;
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_purge = {
    "purge",
    "BATCH",
    N_("Deletes the raw images of an accepted batch after their retention, with proof."),
    purge_run,
};

static void list_csv(const json_t *list)
{
	static const char *const head[] = {
	    "batch", "file_number", "volume", "sheets", "accepted", "accepted_by", "box"};
	struct csv_writer *csv = csv_writer_open();
	json_t *line;
	char *text;
	size_t i;

	for (size_t k = 0; k < sizeof head / sizeof head[0]; k++)
		csv_text(csv, head[k]);
	csv_end(csv);
	json_array_foreach(list, i, line)
	{
		for (size_t k = 0; k < sizeof head / sizeof head[0]; k++) {
			const json_t *value = json_object_get(line, head[k]);
			if (json_is_integer(value))
				csv_number(csv, json_integer_value(value));
			else
				csv_text(csv, json_string_value(value));
		}
		csv_end(csv);
	}
	text = csv_writer_close(csv);
	fputs(text, stdout);
	free(text);
}

static int destruction_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args);
	bool json = false;
	json_t *list = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!args || !options_read(&command_destruction, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1 || strcmp(args[0], "list") != 0) {
		code = command_usage(&command_destruction, _("say list"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !(list = purge_destruction_list(&workspace, &err))) {
		code = command_fail(&err);
		goto done;
	}
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1));
		printf("\n");
	} else {
		list_csv(list);
	}
	code = EXIT_DONE;
done:
	json_decref(list);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_destruction = {
    "destruction",
    "list",
    N_("Names the paper that may be destroyed: the files of accepted batches, as CSV."),
    destruction_run,
};
