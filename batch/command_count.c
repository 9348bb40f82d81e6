/* count: a lead counts the paper of a drawn file by hand, before seeing the program's figure. */
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/review.h"
#include "batch/workspace.h"
#include "config/text.h"

/* Records it; *fed is the program's figure, *drawn whether the file is the drawn one. */
static bool count_record(struct workspace *w, const char *name, const char *number, int volume,
    long sheets, const char *by, int *fed, char file_number[FILE_NUMBER_SIZE], struct error *err)
{
	struct batch b = {0};
	struct review r = {0};
	const struct tally_file *f = NULL;
	struct tally_counts c;
	bool ok = false;

	if (!batch_open(w, name, &b, err) || !batch_begin(&b, err))
		goto done;
	if (!review_read(w, name, &r, err))
		goto rollback;
	if (!r.seed[0]) {
		error_set(err, ERROR_DECIDE, _("close it with 'altakt close' first"),
		    _("the batch '%s' is not closed"), name);
		goto rollback;
	}
	if (number)
		f = tally_file_find(&b.tally, number, volume);
	else if (r.hand_file)
		f = &b.tally.files[r.hand_file - 1];
	if (!f) {
		error_set(err, ERROR_USAGE, _("'altakt review' names the file that is drawn"),
		    _("batch %s has no file '%s' volume %d"), name, number ? number : "-", volume);
		goto rollback;
	}
	tally_file_counts(&b.tally, f->file, &c);
	*fed = c.counted + c.blank_uncounted;
	snprintf(file_number, FILE_NUMBER_SIZE, "%s", f->file_number);
	ok = batch_event(&b, by,
		 json_pack("{ss si si sb}", "event", "hand_counted", "file", f->file, "sheets",
		     (int)sheets, "drawn", f->file == r.hand_file),
		 err) &&
	    batch_commit(&b, err);
rollback:
	if (!ok)
		batch_rollback(&b);
done:
	review_release(&r);
	batch_release(&b);
	return ok;
}

static int count_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL, *file = NULL;
	char number[FILE_NUMBER_SIZE];
	long volume = 1, sheets = -1;
	int n_args = 0, code = EXIT_FAILED, fed = 0;
	const struct option_spec options[] = {
	    {"sheets", OPTION_NUMBER, &sheets, "N",
		N_("the sheets of paper that were counted, cover sheets left out")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who counted")},
	    {"file", OPTION_TEXT, &file, "NO", N_("another file than the one that is drawn")},
	    {"volume", OPTION_NUMBER, &volume, "V", N_("its volume, from 1")},
	    {0},
	};

	if (!args || !options_read(&command_count, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1 || sheets < 0 || sheets > 1000000 || !by || !by[0]) {
		code = command_usage(&command_count, _("name a batch, --sheets N and --by NAME"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !review_lead_check(&workspace, by, &err) ||
	    !count_record(&workspace, args[0], file, (int)volume, sheets, by, &fed, number, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (fed == sheets) {
		printf(PLURAL("%s, file %s: %d sheet by hand and by the ledger\n",
			   "%s, file %s: %d sheets by hand and by the ledger\n", fed),
		    args[0], number, fed);
		code = EXIT_DONE;
	} else {
		printf(
		    PLURAL(
			"%s, file %s: %ld sheet was counted by hand, %d were fed and are valid; the batch is not accepted until this is corrected or settled\n",
			"%s, file %s: %ld sheets were counted by hand, %d were fed and are valid; the batch is not accepted until this is corrected or settled\n",
			sheets),
		    args[0], number, sheets, fed);
		code = EXIT_CHECK;
	}
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_count = {
    "count",
    "BATCH --sheets N --by NAME [--file NO]",
    N_("Enters how many sheets a lead counted by hand in the file that 'review' names."),
    count_run,
};
