/* seal: asks again for the timestamps and outside seals that are missing. */
#include <stdlib.h>

#include "batch/batch.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/seal.h"
#include "batch/timestamp.h"
#include "batch/vouch.h"
#include "batch/workspace.h"
#include "config/text.h"

struct sealing {
	struct workspace workspace;
	const char *by;
	struct vouch_result result;
};

static bool visit(void *self, const char *name, struct error *err)
{
	struct sealing *s = self;

	return vouch_batch(&s->workspace, name, s->by, stderr, &s->result, err);
}

static bool one(struct sealing *s, const char *name, struct error *err)
{
	struct batch batch = {0}; /* a batch that is not there is said */
	bool ok = batch_open(&s->workspace, name, &batch, err) && visit(s, name, err);

	batch_release(&batch);
	return ok;
}

static int seal_run(const struct call *call, int argc, char **argv)
{
	struct sealing s = {0};
	struct error err = {0};
	const char **args = (const char **)argv, *by = NULL;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who asks")},
	    {0},
	};
	int n_args, code;
	bool ok = true;

	if (!options_read(&command_seal, options, argc, argv, args, &n_args, &code))
		return code;
	if (!workspace_open(call->workspace, call->sets, &s.workspace, &err)) {
		code = command_fail(&err);
		goto done;
	}
	s.by = command_person(by, s.workspace.settings);
	if (!timestamp_wanted(s.workspace.settings) && !seal_wanted(s.workspace.settings)) {
		error_set(&err, ERROR_SETUP, _("set timestamp.url or seal.command in altakt.ini"),
		    _("there is neither a timestamp service nor a seal program"));
		code = command_fail(&err);
		goto done;
	}
	for (int i = 0; ok && i < n_args; i++)
		ok = one(&s, args[i], &err);
	if (ok && n_args == 0)
		ok = batch_each(&s.workspace, NULL, visit, &s, &err) &&
		    vouch_claims(&s.workspace, s.by, stderr, &s.result, &err);
	if (!ok) {
		code = command_fail(&err);
		goto done;
	}
	char n[2][TEXT_COUNT];
	printf(_("new: %s and %s; still missing: %d\n"),
	    text_count(TEXT_TIMESTAMPS, s.result.timestamps, n[0]),
	    text_count(TEXT_SEALS, s.result.seals, n[1]), s.result.failed);
	code = s.result.failed > 0 ? EXIT_FAILED : EXIT_DONE;
done:
	workspace_close(&s.workspace);
	return code;
}

const struct command command_seal = {
    "seal",
    "[BATCH…]",
    N_("Asks for the timestamps of manifests and claims and the outside seals of bundles that are "
       "missing."),
    seal_run,
};
