#include <stdlib.h>
#include <string.h>

#include "batch/acceptance.h"
#include "batch/closed.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/review.h"
#include "batch/workspace.h"
#include "config/text.h"

static json_t *why_json(unsigned why)
{
	json_t *list = json_array();

	if (why & REVIEW_SAMPLE)
		json_array_append_new(list, json_string("sample"));
	if (why & REVIEW_FLAGGED)
		json_array_append_new(list, json_string("flagged"));
	if (why & REVIEW_BLANK)
		json_array_append_new(list, json_string("blank"));
	if (why & REVIEW_NEAR_EQUAL)
		json_array_append_new(list, json_string("near_equal"));
	if (why & REVIEW_FULL)
		json_array_append_new(list, json_string("full"));
	return list;
}

static json_t *findings_json(const struct review *r)
{
	json_t *list = json_array(), *finding;
	size_t i;

	json_array_foreach(r->findings, i, finding)
	{
		json_array_append_new(list,
		    json_pack("{sO sO sO sO? sO?}", "sheets", json_object_get(finding, "sheets"),
			"others", json_object_get(finding, "others"), "likeness",
			json_object_get(finding, "likeness"), "decided",
			json_object_get(finding, "decided"), "reason",
			json_object_get(finding, "reason")));
	}
	return list;
}

/* "b/12", or "b/12..b/20" for several. */
static void run_name(const json_t *names, char text[200])
{
	size_t n = json_array_size(names);
	const char *first = json_string_value(json_array_get(names, 0));
	const char *last = json_string_value(json_array_get(names, n ? n - 1 : 0));

	snprintf(
	    text, 200, "%s%s%s", first ? first : "", n > 1 ? ".." : "", n > 1 && last ? last : "");
}

static void findings_print(const struct review *r)
{
	size_t i;
	json_t *finding;

	json_array_foreach(r->findings, i, finding)
	{
		const json_t *sheets = json_object_get(finding, "sheets");
		const char *decided = json_string_value(json_object_get(finding, "decided"));
		char run[200], other[200];
		run_name(sheets, run);
		run_name(json_object_get(finding, "others"), other);
		printf(
		    PLURAL("%s is nearly equal to %s (likeness %.3f)",
			"%s are nearly equal to %s (likeness %.3f)", (int)json_array_size(sheets)),
		    run, other, json_number_value(json_object_get(finding, "likeness")));
		if (decided)
			printf(_(": kept by %s: %s\n"), decided,
			    json_string_value(json_object_get(finding, "reason")));
		else
			printf(
			    _("\n    scanned twice: altakt decide %s void --by NAME --reason TEXT; two sheets: the same with keep\n"),
			    run);
	}
}

/* The file whose paper is counted by hand; the ledger's figure only once that is entered. */
static json_t *hand_json(const struct review *r)
{
	const struct tally_file *f = r->hand_file ? &r->tally.files[r->hand_file - 1] : NULL;

	if (!f)
		return json_null();
	json_t *hand =
	    json_pack("{ss si sn}", "file_number", f->file_number, "volume", f->volume, "sheets");
	if (f->hand >= 0) {
		json_object_set_new(hand, "sheets", json_integer(f->hand));
		json_object_set_new(hand, "fed", json_integer(r->hand_fed));
		json_object_set_new(hand, "differs", json_boolean(r->hand_differs));
		json_object_set_new(hand, "first", json_integer(f->hand_first));
	}
	return hand;
}

static void hand_print(const struct review *r)
{
	const struct tally_file *f = r->hand_file ? &r->tally.files[r->hand_file - 1] : NULL;

	if (!f)
		return;
	if (f->hand < 0)
		printf(
		    _("By hand: count the paper of file %s volume %d, then 'altakt count %s --sheets N --by NAME'\n"),
		    f->file_number, f->volume, r->tally.batch);
	else
		printf(
		    PLURAL("By hand: file %s volume %d has %d sheet, by the ledger %d%s\n",
			"By hand: file %s volume %d has %d sheets, by the ledger %d%s\n", f->hand),
		    f->file_number, f->volume, f->hand, r->hand_fed,
		    r->hand_differs ? _(": correct or settle it") : "");
	if (f->hand_first != f->hand)
		printf(
		    _("         it was counted more than once; the first count, which the acceptance shows: %d\n"),
		    f->hand_first);
}

static json_t *review_json(const struct review *r, const char *workspace)
{
	json_t *items = json_array(), *findings = findings_json(r);

	for (int i = 0; i < r->n_items; i++) {
		const struct review_item *item = &r->items[i];
		char name[24];
		char *image = review_image(r, workspace, item);
		review_page_name(item, name);
		const struct tally_sheet *s = &r->tally.sheets[item->sheet - 1];
		json_t *flags = json_object_get(r->flags, name);
		json_array_append_new(items,
		    json_pack("{so so so sb ss? ss?}", "page",
			json_sprintf("%s/%s", r->tally.batch, name), "why", why_json(item->why),
			"flags", flags ? json_incref(flags) : json_array(), "seen", item->seen,
			"file_number", s->file > 0 ? r->tally.files[s->file - 1].file_number : NULL,
			"image", image));
		free(image);
	}
	return json_pack("{ss si ss ss ss si si so so so}", "batch", r->tally.batch, "revision",
	    r->tally.revision, "mode", r->full ? "full" : "sample", "sample_percent", r->percent,
	    "seed", r->seed, "sample_sheets", r->n_drawn, "unseen", r->n_unseen, "near_equal",
	    findings, "hand_count", hand_json(r), "items", items);
}

static void review_print(const struct review *r, const char *workspace)
{
	char n[2][TEXT_COUNT];

	printf(_("Batch %s, revision %d: %s to look at, %d of them unseen; drawn: %s\n"),
	    r->tally.batch, r->tally.revision, text_count(TEXT_PAGES, r->n_items, n[0]),
	    r->n_unseen, text_count(TEXT_SHEETS, r->n_drawn, n[1]));
	hand_print(r);
	findings_print(r);
	for (int i = 0; i < r->n_items; i++) {
		const struct review_item *item = &r->items[i];
		char name[24];
		char *image = review_image(r, workspace, item);
		json_t *flag;
		size_t k;
		review_page_name(item, name);
		printf("%s %s/%-8s %s%s%s%s%s", item->seen ? "✓" : "·", r->tally.batch, name,
		    item->why & REVIEW_SAMPLE ? _("sample ") : "",
		    item->why & REVIEW_BLANK ? _("removed as blank ") : "",
		    item->why & REVIEW_FLAGGED ? _("flagged ") : "",
		    item->why & REVIEW_NEAR_EQUAL ? _("nearly equal ") : "",
		    item->why & REVIEW_FULL ? _("full review ") : "");
		json_array_foreach(json_object_get(r->flags, name), k, flag)
		    printf("%s ", json_string_value(flag));
		printf(" %s\n", image ? image : _("(no image kept)"));
		free(image);
	}
	if (r->n_unseen == 0)
		printf(_("Everything is seen: 'altakt accept %s --by NAME' or 'altakt reject'\n"),
		    r->tally.batch);
}

static int review_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct review review = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args);
	bool json = false;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!args || !options_read(&command_review, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1) {
		code = command_usage(&command_review, _("name one batch"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !acceptance_recover(&workspace, args[0], &err) ||
	    !review_read(&workspace, args[0], &review, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (!review.seed[0]) {
		error_set(&err, ERROR_DECIDE, _("close it with 'altakt close' first"),
		    _("the batch '%s' is not closed"), args[0]);
		code = command_fail(&err);
		goto done;
	}
	if (json) {
		json_t *out = review_json(&review, workspace.path);
		json_dumpf(out, stdout, JSON_INDENT(1));
		printf("\n");
		json_decref(out);
	} else {
		review_print(&review, workspace.path);
	}
	code = EXIT_DONE;
done:
	free(args);
	review_release(&review);
	workspace_close(&workspace);
	return code;
}

const struct command command_review = {
    "review",
    "BATCH",
    N_("Lists what a lead has to look at: the drawn sample, flagged pages and removed sides."),
    review_run,
};

static int seen_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL;
	json_t *pages = json_array();
	bool all = false;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who has looked at them")},
	    {"all", OPTION_FLAG, &all, NULL,
		N_("all at once; manifest and claim then say that they were not opened one by one")},
	    {0},
	};

	if (!args || !options_read(&command_seen, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args < 1 || (n_args == 1) != all || !by || !by[0]) {
		code = command_usage(
		    &command_seen, _("name a batch, --by NAME, and either pages or --all"));
		goto done;
	}
	for (int i = 1; i < n_args; i++)
		json_array_append_new(pages, json_string(args[i]));
	if (json_array_size(pages) != (size_t)n_args - 1) {
		code = command_usage(&command_seen, _("the pages are not named in UTF-8"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !review_seen(&workspace, args[0], by, pages, all, &err)) {
		code = command_fail(&err);
		goto done;
	}
	code = EXIT_DONE;
done:
	json_decref(pages);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_seen = {
    "seen",
    "BATCH PAGE…",
    N_("Records that a person has looked at these pages."),
    seen_run,
};

/* What the acceptance leaves to the lead who gave it. */
static bool accepted_note(struct workspace *w, const char *batch, struct error *err)
{
	struct review r = {0};

	if (!review_read(w, batch, &r, err))
		return false;
	if (r.n_near_equal > 0)
		fprintf(stderr,
		    PLURAL(
			"note: nobody decided %d finding of sheets nearly equal to others: it is accepted as sheets of their own, and the acceptance says so\n",
			"note: nobody decided %d findings of sheets nearly equal to others: they are accepted as sheets of their own, and the acceptance says so\n",
			r.n_near_equal),
		    r.n_near_equal);
	if (r.hand_file && r.tally.files[r.hand_file - 1].hand < 0 &&
	    strcmp(settings_text(w->settings, "review.hand_count"), "off") != 0)
		fprintf(stderr,
		    _("note: nobody counted the paper of file %s by hand; acceptance and claim say so\n"),
		    r.tally.files[r.hand_file - 1].file_number);
	review_release(&r);
	return true;
}

static int accept_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL, *reason = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT",
		N_("why a rejection by mistake is taken back; stays in the ledger")},
	    {0},
	};

	if (!args || !options_read(&command_accept, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 1 || !by || !by[0]) {
		code = command_usage(&command_accept, _("name one batch and --by NAME"));
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !acceptance_recover(&workspace, args[0], &err) ||
	    !acceptance_accept(&workspace, args[0], by, reason, &err) ||
	    !accepted_note(&workspace, args[0], &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(_("Batch %s is accepted by %s: batches/%s/acceptance.json\n"), args[0], by, args[0]);
	code = EXIT_DONE;
done:
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_accept = {
    "accept",
    "BATCH",
    N_("A lead accepts a closed batch; refused while sampled or flagged pages are unseen."),
    accept_run,
};

/* The sheets of a file that still count, behind those that were named. */
static bool sheets_of_file(struct workspace *w, const char *batch, const char *number, int volume,
    json_t *sheets, struct error *err)
{
	struct review r = {0};

	if (!review_read(w, batch, &r, err))
		return false;
	const struct tally_file *f = tally_file_find(&r.tally, number, volume);
	size_t before = json_array_size(sheets);
	for (int i = 0; f && i < r.tally.n_sheets; i++)
		if (r.tally.sheets[i].file == f->file && review_sheet_live(&r.tally.sheets[i]))
			json_array_append_new(sheets, json_sprintf("%s/%d", batch, i + 1));
	bool ok = f && json_array_size(sheets) > before;
	if (!ok)
		error_set(err, ERROR_USAGE, NULL, _("batch %s has no file '%s' volume %d"), batch,
		    number, volume);
	review_release(&r);
	return ok;
}

static int reject_run(const struct call *call, int argc, char **argv)
{
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = calloc((size_t)argc + 1, sizeof *args), *by = NULL, *reason = NULL;
	const char *file = NULL;
	long volume = 1;
	json_t *sheets = json_array();
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("the lead who answers for it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("what is wrong")},
	    {"file", OPTION_TEXT, &file, "NO", N_("all sheets of this file")},
	    {"volume", OPTION_NUMBER, &volume, "V", N_("its volume, from 1")},
	    {0},
	};

	if (!args || !options_read(&command_reject, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args < 1 || !by || !by[0] || !reason || !reason[0]) {
		code =
		    command_usage(&command_reject, _("name a batch, --by NAME and --reason TEXT"));
		goto done;
	}
	for (int i = 1; i < n_args; i++)
		json_array_append_new(sheets, json_string(args[i]));
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !acceptance_recover(&workspace, args[0], &err) ||
	    (file && !sheets_of_file(&workspace, args[0], file, (int)volume, sheets, &err)) ||
	    !acceptance_reject(&workspace, args[0], by, reason, sheets, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(_("Batch %s is rejected: correct it, then close it again\n"), args[0]);
	code = EXIT_DONE;
done:
	json_decref(sheets);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_reject = {
    "reject",
    "BATCH [SHEET…] [--file NO]",
    N_("A lead rejects a closed batch, or some of its sheets, with a reason."),
    reject_run,
};
