#include <stdlib.h>
#include <string.h>

#include "batch/command.h"
#include "batch/commands.h"
#include "batch/verify.h"
#include "config/text.h"

/* Findings come from files that may be anybody's: no control characters on a terminal. */
static void line_print(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7F)
			printf("\\x%02x", *p);
		else
			putchar(*p);
}

static void checked_print(const struct verify_report *r)
{
	long long events = (long long)r->events, sheets = (long long)r->sheets;

	printf(PLURAL("checked: %d batch, ", "checked: %d batches, ", r->batches), r->batches);
	printf(PLURAL("%lld event, ", "%lld events, ", events), events);
	printf(PLURAL("%d manifest, ", "%d manifests, ", r->manifests), r->manifests);
	printf(PLURAL("%d bundle, ", "%d bundles, ", r->bundles), r->bundles);
	printf(PLURAL("%d bag, ", "%d bags, ", r->bags), r->bags);
	printf(PLURAL("%d claim, ", "%d claims, ", r->claims), r->claims);
	printf(PLURAL("%lld sheet counted\n", "%lld sheets counted\n", sheets), sheets);
}

static void report_print(const struct verify_report *r)
{
	json_t *one;
	size_t i, n = json_array_size(r->findings);

	json_array_foreach(r->findings, i, one)
	{
		line_print(json_string_value(json_object_get(one, "path")));
		printf(": ");
		line_print(json_string_value(json_object_get(one, "what")));
		printf("\n");
	}
	json_array_foreach(r->notes, i, one)
	{
		fflush(stdout);
		fprintf(stderr, "%s\n", json_string_value(one));
	}
	checked_print(r);
	if (n == 0)
		printf("%s\n", _("everything agrees"));
	else
		printf(PLURAL("%d finding\n", "%d findings\n", n), (int)n);
}

static void report_json(const struct verify_report *r)
{
	json_t *out =
	    json_pack("{sb s{si sI si si si si sI} sO sO}", "ok", json_array_size(r->findings) == 0,
		"checked", "batches", r->batches, "events", (json_int_t)r->events, "manifests",
		r->manifests, "bundles", r->bundles, "bags", r->bags, "claims", r->claims, "sheets",
		(json_int_t)r->sheets, "findings", r->findings, "notes", r->notes);

	json_dumpf(out, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(out);
}

static int verify_run(const struct call *call, int argc, char **argv)
{
	struct verify_report report = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args);
	struct option_list bags = {0};
	bool json = false, ok = true;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"bag", OPTION_LIST, &bags, "DIR", N_("any BagIt bag")},
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!args || !options_read(&command_verify, options, argc, argv, args, &n_args, &code))
		goto done;
	for (int i = 0; ok && i < bags.n; i++)
		ok = verify_bag(bags.values[i], &report, &err);
	for (int i = 0; ok && i < n_args; i++)
		ok = verify_path(args[i], &report, &err);
	if (ok && n_args == 0 && bags.n == 0)
		ok = verify_path(call->workspace, &report, &err);
	if (!ok) {
		code = command_fail(&err);
		goto done;
	}
	if (json)
		report_json(&report);
	else
		report_print(&report);
	code = json_array_size(report.findings) > 0 ? EXIT_CHECK : EXIT_DONE;
done:
	free(args);
	verify_report_release(&report);
	return code;
}

const struct command command_verify = {
    "verify",
    "[PATH…]",
    N_("Makes everything again from bundles, ledgers and manifests, and compares; on any copy."),
    verify_run,
};
