/* settle: a lead's word on a difference between witnesses. It changes no count. */
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/review.h"
#include "batch/witness.h"
#include "batch/workspace.h"
#include "config/text.h"

/* Which of the counts from outside are not what was fed; 0: none. */
static int differences(const struct tally *t, const struct tally_file *f, json_t *out)
{
	struct tally_counts c;
	int n = 0;

	tally_file_counts(t, f->file, &c);
	int sheets = c.counted + c.blank_uncounted;
	if (f->prepared >= 0 && f->prepared != sheets) {
		json_object_set_new(out, "slip", json_integer(f->prepared));
		n++;
	}
	if (f->given >= 0 && f->given != sheets) {
		json_object_set_new(out, "operator", json_integer(f->given));
		n++;
	}
	if (f->imprint_gap > 0) {
		json_object_set_new(out, "imprinter", json_integer(sheets + f->imprint_gap));
		n++;
	}
	if (f->hand >= 0 && f->hand != sheets) {
		json_object_set_new(out, "hand", json_integer(f->hand));
		n++;
	}
	if (t->imported && f->prepared < 0 && f->given < 0 && sheets > 0) {
		json_object_set_new(out, "none", json_true());
		n++;
	}
	json_object_set_new(out, "fed", json_integer(sheets));
	return n;
}

/* A file of the batch's list that has no sheet: named as the list names it. */
static bool settle_absent(struct batch *b, const char *number, int volume, const char *by,
    const char *reason, struct error *err)
{
	const json_t *entry = witness_listed(&b->tally, number, volume);

	return batch_event(b, by,
		   json_pack("{ss ss si s{sb si} ss}", "event", "settled", "file_number",
		       json_string_value(json_object_get(entry, "file_number")), "volume", volume,
		       "witness", "listed", true, "fed", 0, "reason", reason),
		   err) &&
	    batch_commit(b, err);
}

static bool settle(struct batch *b, const char *number, int volume, const char *by,
    const char *reason, struct error *err)
{
	const struct tally_file *f;
	json_t *witness = json_object();
	bool ok = false;

	if (!batch_begin(b, err))
		goto done;
	f = tally_file_find(&b->tally, number, volume);
	if (b->tally.state == BATCH_OPEN && witness_absent(&b->tally, number, volume))
		ok = settle_absent(b, number, volume, by, reason, err);
	else if (!f)
		error_set(err, ERROR_USAGE, _("'altakt close' names the files that differ"),
		    _("batch %s has no file '%s' volume %d"), b->name, number, volume);
	else if (b->tally.state != BATCH_OPEN && (b->tally.state == BATCH_ABANDONED || f->hand < 0))
		error_set(err, ERROR_USAGE, NULL, _("batch %s is closed"), b->name);
	else if (differences(&b->tally, f, witness) == 0)
		error_set(err, ERROR_USAGE, NULL,
		    _("file %s: its witnesses agree, there is nothing to settle"), f->file_number);
	else
		ok = batch_event(b, by,
			 json_pack("{ss si sO ss}", "event", "settled", "file", f->file, "witness",
			     witness, "reason", reason),
			 err) &&
		    batch_commit(b, err);
	if (!ok)
		batch_rollback(b);
done:
	json_decref(witness);
	return ok;
}

static int settle_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct batch batch = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL, *reason = NULL;
	const char *file = NULL;
	long volume = 1;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"file", OPTION_TEXT, &file, "NO", N_("the case file whose witnesses differ")},
	    {"volume", OPTION_NUMBER, &volume, "V", N_("its volume")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("why; the manifest shows it for ever")},
	    {0},
	};

	if (!args || !options_read(&command_settle, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1 || !file || !by || !by[0] || !reason || !reason[0]) {
		code = command_usage(
		    &command_settle, _("name a batch, --file NO, --by NAME and --reason TEXT"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !review_lead_check(&workspace, by, &err) ||
	    !batch_open(&workspace, args[0], &batch, &err) ||
	    !settle(&batch, file, (int)volume, by, reason, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(
	    _("%s: the difference of file %s is settled; no count has changed\n"), args[0], file);
	code = EXIT_DONE;
done:
	free(args);
	batch_release(&batch);
	workspace_close(&workspace);
	return code;
}

const struct command command_settle = {
    "settle",
    "BATCH",
    N_("A lead accepts that the witnesses of a file differ; it changes no count."),
    settle_run,
};
