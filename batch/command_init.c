#include "batch/commands.h"

#include <stdlib.h>

#include "batch/page.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "config/log.h"
#include "config/text.h"

static int run_init(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv;
	struct error err = {0};
	int n, code;

	if (!options_read(&command_init, NULL, argc, argv, args, &n, &code))
		return code;
	if (n > 1)
		return command_usage(&command_init, _("one folder at most"));
	const char *folder = n == 1 ? args[0] : call->workspace;
	if (!workspace_init(folder, &err))
		return command_fail(&err);
	printf(
	    _("made the workspace '%s'\nNext: look through %s/altakt.ini, then 'altakt -w %s register import LIST.csv'\n"),
	    folder, folder, folder);
	return EXIT_DONE;
}

const struct command command_init = {
    "init", "[DIR]", N_("Makes a workspace: settings, journal, folders."), run_init};

static int run_page_worker(const struct call *call, int argc, char **argv)
{
	char *ini = file_path("%s/altakt.ini", call->workspace);
	char *log = file_path("%s/altakt.log", call->workspace);
	struct settings *settings = NULL;
	struct error err = {0};
	int code;

	if (!log_open(log, &err) || !log_take_stderr(&err) ||
	    !settings_open(file_exists(ini) ? ini : NULL, &settings, &err)) {
		code = command_fail(&err);
		goto done;
	}
	for (size_t i = 0; call->sets[i]; i++) {
		if (!settings_set(settings, call->sets[i], &err)) {
			code = command_fail(&err);
			goto done;
		}
	}
	code = page_serve(settings);
done:
	settings_close(settings);
	log_close();
	free(ini);
	free(log);
	return code;
}

const struct command command_page_worker = {"page-worker", "",
    N_("Page work for a pool; started by 'process' and 'run'."), run_page_worker};
