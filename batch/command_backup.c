/* backup, restore: a verified copy, and a workspace made from one. */
#include <stdlib.h>
#include <string.h>

#include "batch/backup.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/workspace.h"
#include "config/account.h"
#include "config/text.h"

static int backup_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct backup_result done;
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {0},
	};

	if (!args || !options_read(&command_backup, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1) {
		code = command_usage(&command_backup, _("name one folder"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !backup_make(
		&workspace, args[0], command_person(by, workspace.settings), &done, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(PLURAL("%lld file copied, %lld MiB; the copy in '%s' verifies: %lld events\n",
		   "%lld files copied, %lld MiB; the copy in '%s' verifies: %lld events\n",
		   done.files),
	    (long long)done.files, (long long)(done.bytes >> 20), args[0], (long long)done.events);
	code = EXIT_DONE;
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_backup = {
    "backup",
    "DIR",
    N_("Makes or renews a consistent, verified copy of the workspace."),
    backup_run,
};

static int restore_run(const struct call *call, int argc, char **argv)
{
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	int n_args = 0, code = EXIT_FAILED, epoch = 0;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who does it")},
	    {0},
	};

	if (!args || !options_read(&command_restore, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1) {
		code = command_usage(&command_restore, _("name one backup"));
		goto done;
	}
	if (!backup_restore(
		args[0], call->workspace, by && by[0] ? by : account_name(), &epoch, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(_("the workspace '%s' is restored; its epoch is %d\n"), call->workspace, epoch);
	code = EXIT_DONE;
done:
	free(args);
	return code;
}

const struct command command_restore = {
    "restore",
    "DIR",
    N_("Makes the workspace that -w names from a backup, verified first."),
    restore_run,
};
