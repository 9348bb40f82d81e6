/* rules: what is counted and paid, in words; now, or for a batch that was opened before. */
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/rules.h"
#include "batch/workspace.h"
#include "config/settings.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void clause_print(void *self, const char *clause)
{
	printf("  %s\n", clause);
}

static void rules_print(const json_t *rules)
{
	const json_t *rates = json_object_get(rules, "rates");
	char file[MONEY_SIZE], sheet[MONEY_SIZE];
	struct claim_rates r;
	bool known = false;

	printf(_("Counting rules '%s', version %d\n"), text_of(rules, "name"),
	    (int)json_integer_value(json_object_get(rules, "version")));
	printf("  SHA-256 %s\n\n", text_of(rules, "hash"));
	rules_say(rules, clause_print, NULL);
	if (rules_rates_of(rules, &r, &known, NULL) && known) {
		money_rate_show(r.file, r.currency, text_german(), file);
		money_rate_show(r.sheet, r.currency, text_german(), sheet);
		printf(_("\n  %s for each file, %s for each sheet, rounded %s\n"), file, sheet,
		    text_of(rates, "rounding"));
	}
}

static int rules_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct batch batch = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args);
	bool json = false;
	int n_args = 0, code = EXIT_FAILED;
	json_t *rules = NULL;
	const struct option_spec options[] = {
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON, as the manifest has them")},
	    {0},
	};

	if (!args || !options_read(&command_rules, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args > 1) {
		code = command_usage(&command_rules, _("'%s' is too much"), args[1]);
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    (n_args == 1 && !batch_open(&workspace, args[0], &batch, &err))) {
		code = command_fail(&err);
		goto done;
	}
	rules = n_args == 1 ? json_incref(batch.tally.rules) : rules_make(workspace.settings);
	if (json) {
		json_dumpf(rules, stdout, JSON_INDENT(1));
		printf("\n");
	} else {
		rules_print(rules);
		if (n_args == 0 && rules_rates_own(workspace.settings))
			printf("%s\n",
			    _("  altakt.ini itself says rates: each claim is made at these"));
	}
	code = EXIT_DONE;
done:
	json_decref(rules);
	batch_release(&batch);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_rules = {
    "rules",
    "[BATCH]",
    N_("Says what is counted and paid: by the rules in force, or those of a batch."),
    rules_run,
};
