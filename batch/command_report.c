/* report: progress, speed, forecast and worth. */
#include <stdlib.h>
#include <string.h>

#include "batch/command.h"
#include "batch/commands.h"
#include "batch/report.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "config/text.h"

static int report_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *output = NULL;
	bool json = false;
	json_t *report = NULL;
	char *html = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"output", OPTION_TEXT, &output, "FILE.html",
		N_("write the page there, instead of standard output")},
	    {"json", OPTION_FLAG, &json, NULL, N_("the figures as JSON")},
	    {0},
	};

	if (!args || !options_read(&command_report, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 0) {
		code = command_usage(&command_report, _("'%s' is too much"), args[0]);
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !(report = report_make(&workspace, &err))) {
		code = command_fail(&err);
		goto done;
	}
	html = json ? json_dumps(report, JSON_INDENT(1)) : report_html(report, &workspace);
	if (output && !file_write(output, html, strlen(html), &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (!output)
		printf("%s\n", html);
	code = EXIT_DONE;
done:
	free(html);
	json_decref(report);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_report = {
    "report",
    "[-o FILE.html]",
    N_("Progress against the register, forecast and worth, as a page with plots or as JSON."),
    report_run,
};
