/* collect: other stations' closed batches. */
#include <stdlib.h>
#include <string.h>

#include "batch/collect.h"
#include "batch/collected_findings.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/workspace.h"
#include "config/text.h"

static void findings_say(const json_t *findings)
{
	char run[200], other[200];
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		collected_findings_run(json_object_get(finding, "sheets"), run);
		collected_findings_run(json_object_get(finding, "others"), other);
		fprintf(stderr, _("warning: nearly equal, scanned twice? %s and %s\n"), run, other);
	}
	if (i > 0)
		fprintf(stderr, "%s\n", _("  'altakt status' says what can be done"));
}

static int collect_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct collect_result done = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {0},
	};

	if (!args || !options_read(&command_collect, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args == 0) {
		code = command_usage(&command_collect, _("name at least one folder"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err)) {
		code = command_fail(&err);
		goto done;
	}
	code = EXIT_DONE;
	for (int i = 0; i < n_args && code == EXIT_DONE; i++)
		if (!collect_folder(
			&workspace, args[i], command_person(by, workspace.settings), &done, &err))
			code = command_fail(&err);
	findings_say(done.findings);
	if (done.without_image > 0)
		fprintf(stderr,
		    PLURAL(
			"note: %d page came without its small image: whether its paper was scanned elsewhere, too, cannot be told\n",
			"note: %d pages came without their small images: whether their paper was scanned elsewhere, too, cannot be told\n",
			done.without_image),
		    done.without_image);
	if (code != EXIT_DONE && done.taken + done.renewed + done.same == 0)
		goto done;
	printf(PLURAL("%d batch taken, ", "%d batches taken, ", done.taken), done.taken);
	printf(_("%d brought up to date, "), done.renewed);
	printf(PLURAL("%d was here already, ", "%d were here already, ", done.same), done.same);
	printf(
	    PLURAL("%d is still open there\n", "%d are still open there\n", done.left), done.left);
done:
	collect_result_release(&done);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_collect = {
    "collect",
    "DIR…",
    N_("Takes other stations' closed batches into this workspace, verified."),
    collect_run,
};
