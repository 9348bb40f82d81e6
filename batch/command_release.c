/* release: a case file that is deleted by law or handed over. */
#include <stdlib.h>
#include <string.h>

#include "batch/command.h"
#include "batch/commands.h"
#include "batch/release.h"
#include "batch/review.h"
#include "batch/workspace.h"
#include "config/text.h"

static int release_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL, *reason = NULL;
	long volume = 0;
	int n_args = 0, code = EXIT_FAILED, bundles = 0;
	const struct option_spec options[] = {
	    {"volume", OPTION_NUMBER, &volume, "V", N_("only this volume")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("why; stays in the ledger")},
	    {0},
	};

	if (!args || !options_read(&command_release, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1 || !by || !by[0] || !reason || !reason[0] || volume < 0) {
		code = command_usage(
		    &command_release, _("name a file number, --by NAME and --reason TEXT"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !review_lead_check(&workspace, by, &err) ||
	    !release_file(&workspace, args[0], (int)volume, by, reason, &bundles, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(
	    PLURAL(
		"file %s is released: %d bundle and its images are deleted, a tombstone stays in the ledger\n",
		"file %s is released: %d bundles and their images are deleted, tombstones stay in the ledger\n",
		bundles),
	    args[0], bundles);
	code = EXIT_DONE;
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_release = {
    "release",
    "FILE_NUMBER",
    N_("Deletes a case file's bundle and images, by law or after handing it over; a tombstone stays."),
    release_run,
};
