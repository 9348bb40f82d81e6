#include <stdlib.h>
#include <string.h>

#include "batch/claim_book.h"
#include "batch/claim_detail.h"
#include "batch/claim_making.h"
#include "batch/collected_findings.h"
#include "batch/command.h"
#include "batch/commands.h"
#include "batch/ledger.h"
#include "batch/vouch.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/settings.h"
#include "config/text.h"

static const struct command claim_list_command, claim_show_command, claim_cancel_command,
    claim_settle_command, claim_annex_command;

static const char *text_at(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t int_at(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void json_print(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENCODE_ANY);
	printf("\n");
}

static const char *shown(const char *plain, const char *currency, char buf[MONEY_SIZE])
{
	int64_t cents;

	buf[0] = '\0';
	if (plain[0] && money_cents_read(plain, &cents, NULL))
		money_show(cents, currency, text_german(), buf);
	return buf;
}

static void amount_line(const char *currency, const char *what, int64_t count, const char *amount)
{
	char n[MONEY_SIZE] = "", money[MONEY_SIZE];

	if (count >= 0)
		money_count(count, text_german(), n);
	shown(amount, currency, money);
	printf("  %-*s %14s %*s\n", text_width(what, 32), what, n, text_width(money, 18), money);
}

/* Days that the grant does not pay for, and an application that comes too late. */
static void period_warn(const json_t *claim)
{
	const json_t *days = json_object_get(claim, "days"),
		     *period = json_object_get(claim, "period");
	const char *from = text_at(period, "from"), *to = text_at(period, "to");
	const char *deadline = text_at(claim, "deadline");

	if ((from[0] && text_at(days, "from")[0] && strcmp(text_at(days, "from"), from) < 0) ||
	    (to[0] && strcmp(text_at(days, "to"), to) > 0))
		fprintf(stderr,
		    _("warning: the claim has days from %s to %s, the period of the grant is %s to %s\n"),
		    text_at(days, "from"), text_at(days, "to"), from, to);
	if (deadline[0] && strncmp(text_at(claim, "made"), deadline, 10) > 0)
		fprintf(stderr, _("warning: the deadline of the application was %s\n"), deadline);
}

/* The rules that the batches were opened with. */
static void rules_print(const json_t *claim)
{
	const json_t *one;
	char n[TEXT_COUNT];
	size_t i;

	json_array_foreach(json_object_get(claim, "counted_by"), i, one)
	    printf(_("  counting rules %s, version %d, of %s (SHA-256 %.16s…)\n"),
		text_at(one, "name"), (int)int_at(one, "version"),
		text_count(TEXT_BATCHES, int_at(one, "batches"), n), text_at(one, "hash"));
}

/* What the grant's notice says and altakt.ini does not: a dash stands there for ever. */
static void grant_warn(const json_t *claim)
{
	const json_t *period = json_object_get(claim, "period");
	const struct {
		const char *key, *value;
	} wanted[] = {{"grant.applicant", text_at(claim, "applicant")},
	    {"grant.reference", text_at(claim, "reference")},
	    {"grant.period_from", text_at(period, "from")},
	    {"grant.period_to", text_at(period, "to")}};
	char keys[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (!wanted[i].value[0])
			n += (size_t)snprintf(
			    keys + n, sizeof keys - n, "%s%s", n ? ", " : "", wanted[i].key);
	if (n > 0)
		fprintf(stderr, _("note: not set in altakt.ini, the claim has a dash there: %s\n"),
		    keys);
}

static void claim_print(const json_t *claim)
{
	const json_t *blank = json_object_get(claim, "blank_sheets"), *line;
	const char *currency = text_at(claim, "currency");
	bool other_rates = false;
	size_t i;

	amount_line(
	    currency, _("case files"), int_at(claim, "files"), text_at(claim, "amount_files"));
	amount_line(
	    currency, _("sheets"), int_at(claim, "sheets"), text_at(claim, "amount_sheets"));
	amount_line(currency, _("of them blank on both sides"), int_at(blank, "sheets"),
	    text_at(blank, "amount"));
	json_array_foreach(json_object_get(claim, "corrections"), i, line)
	{
		char files[MONEY_SIZE], sheets[MONEY_SIZE], money[MONEY_SIZE];
		money_count(int_at(line, "files"), text_german(), files);
		money_count(int_at(line, "sheets"), text_german(), sheets);
		printf(_("  correction of %s (claim %d): %s files, %s sheets, %s\n"),
		    text_at(line, "batch"), (int)int_at(line, "claim"), files, sheets,
		    shown(text_at(line, "amount"), currency, money));
	}
	if (int_at(json_object_get(json_object_get(claim, "unregistered"), "claimed"), "sheets") >
	    0)
		amount_line(currency, _("of them not in the register"),
		    int_at(json_object_get(json_object_get(claim, "unregistered"), "claimed"),
			"files"),
		    "");
	amount_line(currency, _("amount of this claim"), -1, text_at(claim, "amount"));
	amount_line(currency, _("all claims together"), -1, text_at(claim, "total"));
	if (text_at(claim, "ceiling")[0])
		amount_line(currency, _("still available"), -1, text_at(claim, "remaining"));
	if (json_array_size(json_object_get(claim, "payments")) > 0) {
		amount_line(currency, _("paid so far"), -1, text_at(claim, "paid"));
		amount_line(currency, _("claimed and not paid yet"), -1, text_at(claim, "unpaid"));
	}
	rules_print(claim);
	json_array_foreach(json_object_get(claim, "left_out"), i, line)
	{
		int files = (int)int_at(line, "files"), sheets = (int)int_at(line, "sheets");
		fprintf(stderr,
		    PLURAL("left out: %s (%s): %d file, ", "left out: %s (%s): %d files, ", files),
		    text_at(line, "batch"), text_at(line, "reason"), files);
		fprintf(stderr, PLURAL("%d sheet\n", "%d sheets\n", sheets), sheets);
		other_rates = other_rates || strcmp(text_at(line, "reason"), "other_rates") == 0;
	}
	if (other_rates)
		fprintf(stderr, "%s",
		    _("        batches that were opened at other rates get a claim of their own: altakt claim\n"));
	period_warn(claim);
	if (int_at(json_object_get(json_object_get(claim, "unregistered"), "left_out"), "sheets") >
	    0)
		fprintf(stderr, "%s",
		    _("        a lead decides on files that the register does not know: altakt register allow FILE_NUMBER --by NAME --reason TEXT\n"));
	if (text_at(claim, "remaining")[0] == '-')
		fprintf(
		    stderr, "%s", _("warning: the claims are above the ceiling of the grant\n"));
}

/*
 * One line to be filed elsewhere: whoever has it can tell that the claim is still the same, and
 * that the workspace's ledger is the one that it was made in.
 */
static void receipt_print(FILE *to, const struct workspace *w, const json_t *claim)
{
	int number = (int)int_at(claim, "number");
	char *path = file_path("%s/claims/%04d/claim.json", w->path, number), sha256[HASH_SIZE],
	     head[65], files[TEXT_COUNT], sheets[TEXT_COUNT];
	int64_t n;

	if (hash_file(HASH_SHA256, path, sha256, NULL, NULL) &&
	    ledger_head(w->journal, LEDGER_WORKSPACE, &n, head, NULL))
		fprintf(to, _("receipt: claim %d, %s, %s, %s %s, SHA-256 %s, ledger %s\n"), number,
		    text_count(TEXT_FILES, int_at(claim, "files"), files),
		    text_count(TEXT_SHEETS, int_at(claim, "sheets"), sheets),
		    text_at(claim, "amount"), text_at(claim, "currency"), sha256, head);
	free(path);
}

/* A sheet that two stations scanned would be paid twice: it is said, or where review.near_equal is
 * "require", nothing is claimed before somebody has decided. */
static bool findings_look(struct workspace *w, bool dry_run, struct error *err)
{
	json_t *open = collected_findings_open(w, err), *finding;
	bool require = strcmp(settings_text(w->settings, "review.near_equal"), "require") == 0;
	bool ok = open != NULL;
	int n = 0;
	size_t i;

	json_array_foreach(open, i, finding)
	{
		n += (int)json_array_size(json_object_get(finding, "sheets"));
	}
	if (n > 0 && require && !dry_run)
		ok = error_set(err, ERROR_DECIDE,
		    _("'altakt status' names them; altakt decide S keep, or void them at their station"),
		    PLURAL(
			"%d sheet of a collected batch is nearly equal to another one, and nobody has decided",
			"%d sheets of collected batches are nearly equal to others, and nobody has decided",
			n),
		    n);
	else if (n > 0)
		fprintf(stderr,
		    PLURAL(
			"warning: %d sheet of a collected batch is nearly equal to another one, and nobody has decided: 'altakt status' names it\n",
			"warning: %d sheets of collected batches are nearly equal to others, and nobody has decided: 'altakt status' names them\n",
			n),
		    n);
	json_decref(open);
	return ok;
}

static int claim_run(const struct call *call, int argc, char **argv)
{
	static const struct command *const subcommands[] = {&claim_list_command,
	    &claim_show_command, &claim_cancel_command, &claim_settle_command,
	    &claim_annex_command};
	struct workspace workspace = {0};
	struct error err = {0};
	const char **args = NULL, *by = NULL, *until = NULL;
	bool dry_run = false, json = false;
	json_t *claim = NULL;
	int n_args = 0, code = EXIT_FAILED;
	const struct option_spec options[] = {
	    {"until", OPTION_TEXT, &until, "DATE",
		N_("only batches up to this day, inclusive, by claim.cutoff and claim.timezone")},
	    {"dry-run", OPTION_FLAG, &dry_run, NULL, N_("compute it, write nothing")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("who makes it")},
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (argc > 1 && argv[1][0] != '-')
		return command_sub(&command_claim, subcommands, 5, call, argc, argv);
	args = calloc((size_t)argc + 1, sizeof *args);
	if (!args || !options_read(&command_claim, options, argc, argv, args, &n_args, &code))
		goto done;
	if (n_args != 0) {
		code = command_usage(&command_claim, _("'%s' is too much"), args[0]);
		goto done;
	}
	if (!workspace_open(call->workspace, call->sets, &workspace, &err) ||
	    !findings_look(&workspace, dry_run, &err) ||
	    !claim_make(
		&workspace, until, dry_run, command_person(by, workspace.settings), &claim, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct vouch_result vouched = {0};
	if (!dry_run &&
	    !vouch_claims(
		&workspace, command_person(by, workspace.settings), stderr, &vouched, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (json) {
		json_print(claim);
		if (!dry_run)
			receipt_print(stderr, &workspace, claim);
	} else {
		int number = (int)int_at(claim, "number");
		if (dry_run)
			printf(_("Claim %d would be (nothing was written):\n"), number);
		else
			printf(_("Claim %d:\n"), number);
		claim_print(claim);
		grant_warn(claim);
		if (!dry_run) {
			printf(_("  claims/%04d/claim.pdf, claim.csv, claim.json\n"), number);
			receipt_print(stdout, &workspace, claim);
		}
	}
	code = EXIT_DONE;
done:
	json_decref(claim);
	free(args);
	workspace_close(&workspace);
	return code;
}

const struct command command_claim = {
    "claim",
    "[list | show N | annex N | cancel N | settle N]",
    N_("Makes a claim of all accepted batches that none holds yet; or shows claims."),
    claim_run,
};

/* What the four below have in common: options read, workspace open, claims read. */
struct claim_call {
	struct workspace workspace;
	struct claim_book book;
	struct claim_entry *entry; /* that the number names */
	const char **args;
	int n_args, code;
};

static bool claim_call_begin(struct claim_call *c, const struct command *command,
    const struct option_spec *options, bool number, const struct call *call, int argc, char **argv)
{
	struct error err = {0};
	char *end = NULL;
	long n = 0;

	c->code = EXIT_FAILED;
	c->args = calloc((size_t)argc + 1, sizeof *c->args);
	if (!c->args || !options_read(command, options, argc, argv, c->args, &c->n_args, &c->code))
		return false;
	if (c->n_args == 1 && number)
		n = strtol(c->args[0], &end, 10);
	if (c->n_args != (number ? 1 : 0) || (number && (*end || n < 1 || n > 1000000))) {
		c->code = command_usage(command,
		    number ? _("give the number of one claim") : _("nothing more is wanted"));
		return false;
	}
	if (!workspace_open(call->workspace, call->sets, &c->workspace, &err) ||
	    !claim_book_read(&c->workspace, &c->book, &err)) {
		c->code = command_fail(&err);
		return false;
	}
	c->entry = number ? claim_book_find(&c->book, (int)n) : NULL;
	if (number && !c->entry) {
		error_set(&err, ERROR_USAGE, _("'altakt claim list' shows them"),
		    _("there is no claim %ld"), n);
		c->code = command_fail(&err);
		return false;
	}
	return true;
}

static void claim_call_end(struct claim_call *c)
{
	free(c->args);
	claim_book_release(&c->book);
	workspace_close(&c->workspace);
}

static const char *entry_state(const struct claim_entry *c)
{
	return c->cancelled ? N_("cancelled") : c->settled ? N_("settled") : N_("claimed");
}

static int list_run(const struct call *call, int argc, char **argv)
{
	struct claim_call c = {0};
	bool json = false;
	const struct option_spec options[] = {
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!claim_call_begin(&c, &claim_list_command, options, false, call, argc, argv))
		goto done;
	json_t *list = json_array();
	for (int i = 0; i < c.book.n; i++) {
		const struct claim_entry *e = &c.book.claims[i];
		char settled[MONEY_SIZE] = "", money[MONEY_SIZE];
		if (e->settled)
			money_plain(e->settled_cents, settled);
		json_array_append_new(list,
		    json_pack("{si ss ss sI sI ss ss ss}", "number", e->number, "made", e->made,
			"by", e->by, "files", (json_int_t)int_at(e->json, "files"), "sheets",
			(json_int_t)int_at(e->json, "sheets"), "amount", text_at(e->json, "amount"),
			"state", entry_state(e), "granted", settled));
		if (!json) {
			const char *state = _(entry_state(e));
			shown(text_at(e->json, "amount"), text_at(e->json, "currency"), money);
			printf("%4d  %.10s  %-*s %*s  %s\n", e->number, e->made,
			    text_width(state, 11), state, text_width(money, 18), money, e->by);
		}
	}
	if (json)
		json_print(list);
	else if (c.book.n == 0)
		fprintf(stderr, "%s", _("there are no claims yet\n"));
	json_decref(list);
	c.code = EXIT_DONE;
done:
	claim_call_end(&c);
	return c.code;
}

static const struct command claim_list_command = {
    "claim list",
    "",
    N_("Lists the claims."),
    list_run,
};

struct listing {
	json_t *list;
	bool json;
};

/* Each cent drills down to paper. */
static bool sheet_print(void *self, const struct claim_sheet *s, struct error *err)
{
	struct listing *l = self;
	static const char *const signs[] = {"-", "", "+"};

	if (l->json) {
		json_t *one =
		    json_pack("{so ss si sb}", "sheet", json_sprintf("%s/%d", s->batch, s->n),
			"file_number", s->file_number, "volume", s->volume, "blank", s->blank);
		if (s->correction)
			json_object_set_new(one, "correction", json_integer(s->correction));
		json_array_append_new(l->list, one);
	} else {
		printf("%s%s/%d\t%s\t%d%s\n", signs[s->correction + 1], s->batch, s->n,
		    s->file_number, s->volume, s->blank ? _("\tblank") : "");
	}
	return true;
}

static int show_run(const struct call *call, int argc, char **argv)
{
	struct claim_call c = {0};
	struct error err = {0};
	bool json = false, sheets = false;
	json_t *batch, *list = NULL;
	size_t i;
	const struct option_spec options[] = {
	    {"sheets", OPTION_FLAG, &sheets, NULL, N_("every sheet that it counts")},
	    {"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {0},
	};

	if (!claim_call_begin(&c, &claim_show_command, options, true, call, argc, argv))
		goto done;
	if (!sheets) {
		if (json) {
			json_print(c.entry->json);
		} else {
			printf(_("Claim %d, made %s by %s: %s\n"), c.entry->number, c.entry->made,
			    c.entry->by, _(entry_state(c.entry)));
			claim_print(c.entry->json);
			json_array_foreach(json_object_get(c.entry->json, "batches"), i, batch)
			    printf("  %-40s %8d %10d\n", text_at(batch, "batch"),
				(int)int_at(batch, "files"), (int)int_at(batch, "sheets"));
		}
		c.code = EXIT_DONE;
		goto done;
	}
	list = json_array();
	struct listing listing = {list, json};
	if (!claim_sheets(&c.workspace, &c.book, c.entry->number, sheet_print, &listing, &err)) {
		c.code = command_fail(&err);
		goto done;
	}
	if (json)
		json_print(list);
	c.code = EXIT_DONE;
done:
	json_decref(list);
	claim_call_end(&c);
	return c.code;
}

static const struct command claim_show_command = {
    "claim show",
    "N",
    N_("Shows a claim, down to each sheet."),
    show_run,
};

static int annex_run(const struct call *call, int argc, char **argv)
{
	struct claim_call c = {0};
	struct error err = {0};
	const char *output = NULL;
	char *text = NULL;
	const struct option_spec options[] = {
	    {"output", OPTION_TEXT, &output, "FILE.csv",
		N_("write the list there, instead of standard output")},
	    {0},
	};

	if (!claim_call_begin(&c, &claim_annex_command, options, true, call, argc, argv))
		goto done;
	text = claim_annex(&c.workspace, &c.book, c.entry->number, &err);
	if (!text || (output && !file_write(output, text, strlen(text), &err))) {
		c.code = command_fail(&err);
		goto done;
	}
	if (!output)
		fputs(text, stdout);
	c.code = EXIT_DONE;
done:
	free(text);
	claim_call_end(&c);
	return c.code;
}

static const struct command claim_annex_command = {
    "claim annex",
    "N",
    N_("The claim's list by file number, as CSV, for the house alone: PDF and CSV name batches."),
    annex_run,
};

static int cancel_run(const struct call *call, int argc, char **argv)
{
	struct claim_call c = {0};
	struct error err = {0};
	const char *by = NULL, *reason = NULL;
	const struct option_spec options[] = {
	    {"by", OPTION_TEXT, &by, "NAME", N_("who cancels it")},
	    {"reason", OPTION_TEXT, &reason, "TEXT", N_("why")},
	    {0},
	};

	if (!claim_call_begin(&c, &claim_cancel_command, options, true, call, argc, argv))
		goto done;
	if (!reason || !reason[0]) {
		c.code = command_usage(&claim_cancel_command, _("give --reason TEXT"));
		goto done;
	}
	if (!claim_cancel(&c.workspace, c.entry->number, command_person(by, c.workspace.settings),
		reason, &err)) {
		c.code = command_fail(&err);
		goto done;
	}
	printf(_("Claim %d is cancelled: its files and sheets can be claimed again\n"),
	    c.entry->number);
	c.code = EXIT_DONE;
done:
	claim_call_end(&c);
	return c.code;
}

static const struct command claim_cancel_command = {
    "claim cancel",
    "N",
    N_("Frees what the newest claim holds; its number stays used."),
    cancel_run,
};

static int settle_run(const struct call *call, int argc, char **argv)
{
	struct claim_call c = {0};
	struct error err = {0};
	const char *by = NULL, *amount = NULL;
	const struct option_spec options[] = {
	    {"amount", OPTION_TEXT, &amount, "EUR", N_("what was granted")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("who records it")},
	    {0},
	};

	if (!claim_call_begin(&c, &claim_settle_command, options, true, call, argc, argv))
		goto done;
	if (!amount || !amount[0]) {
		c.code = command_usage(&claim_settle_command, _("give --amount EUR"));
		goto done;
	}
	if (!claim_settle(&c.workspace, c.entry->number, amount,
		command_person(by, c.workspace.settings), &err)) {
		c.code = command_fail(&err);
		goto done;
	}
	char money[MONEY_SIZE];
	printf(_("Claim %d: %s were granted\n"), c.entry->number,
	    shown(amount, text_at(c.entry->json, "currency"), money));
	c.code = EXIT_DONE;
done:
	claim_call_end(&c);
	return c.code;
}

static const struct command claim_settle_command = {
    "claim settle",
    "N",
    N_("Records what the authority granted for a claim."),
    settle_run,
};
