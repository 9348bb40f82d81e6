/* clock: whether this computer's clock stands before the last event, and a person's word on it. */
#include <stdlib.h>

#include "batch/clock.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/workspace.h"
#include "config/text.h"

static const struct command clock_accept_command;

static int clock_run(const struct call *call, int argc, char **argv)
{
	static const struct command *const subcommands[] = {&clock_accept_command};
	struct workspace workspace = {0};
	struct clock_state state;
	struct error err = {0};
	const char **args = (const char **)argv;
	const struct option_spec options[] = {{0}};
	int n_args, code;

	if (argc > 1 && argv[1][0] != '-')
		return command_sub(&command_clock, subcommands, 1, call, argc, argv);
	if (!options_read(&command_clock, options, argc, argv, args, &n_args, &code))
		return code;
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !clock_read(workspace.journal, &state, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(_("clock       %.19s UTC\nlast event  %.19s UTC\n"), state.now,
	    state.last[0] ? state.last : "-");
	code = clock_check(workspace.journal, &err) ? EXIT_DONE : command_fail(&err);
done:
	workspace_close(&workspace);
	return code;
}

const struct command command_clock = {
    "clock",
    "[accept]",
    N_("Says whether the clock stands before the last event; accept decides that it is right."),
    clock_run,
};

static int accept_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = (const char **)argv, *by = NULL, *reason = NULL;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("what happened to the clock")},
	    {0},
	};
	int n_args, code;

	if (!options_read(&clock_accept_command, options, argc, argv, args, &n_args, &code))
		return code;
	if (n_args != 0 || !by || !by[0] || !reason || !reason[0])
		return command_usage(&clock_accept_command, _("give --by NAME and --reason TEXT"));
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !clock_accept(&workspace, by, reason, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf("%s\n", _("The clock is taken as right; work goes on from its time."));
	code = EXIT_DONE;
done:
	workspace_close(&workspace);
	return code;
}

static const struct command clock_accept_command = {
    "clock accept",
    "",
    N_("Decides that the clock is right although it stands before the last event."),
    accept_run,
};
