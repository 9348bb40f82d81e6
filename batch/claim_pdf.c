#include "batch/claim_pdf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/form.h"
#include "batch/money.h"
#include "batch/pdf.h"
#include "batch/rules.h"
#include "config/file.h"
#include "config/text.h"

#define SHOWN_SIZE 96

struct print { /* of one claim */
	const json_t *claim;
	struct form *form;
	const char *currency;
	bool german;
	bool failed; /* an amount could not be read: err is set */
	struct error *err;
};

/* What lies at "a.b", or NULL. */
static const json_t *at(const json_t *json, const char *path)
{
	char key[64];

	while (json && *path) {
		size_t n = strcspn(path, ".");
		if (n >= sizeof key)
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		json = json_object_get(json, key);
		path += n + (path[n] != '\0');
	}
	return json;
}

static const char *text_at(const json_t *json, const char *path)
{
	const char *text = json_string_value(at(json, path));

	return text ? text : "";
}

static int64_t int_at(const json_t *json, const char *path)
{
	return json_integer_value(at(json, path));
}

/* Each fills buf with what people read, "" where the claim says nothing, and gives it back. */
static const char *count_at(
    const struct print *p, const json_t *json, const char *path, char buf[SHOWN_SIZE])
{
	buf[0] = '\0';
	if (json_is_integer(at(json, path)))
		money_count(int_at(json, path), p->german, buf);
	return buf;
}

static const char *money_at(
    struct print *p, const json_t *json, const char *path, char buf[SHOWN_SIZE])
{
	const char *text = text_at(json, path);
	int64_t cents;

	buf[0] = '\0';
	if (!text[0] || p->failed)
		return buf;
	if (!money_cents_read(text, &cents, p->err)) {
		error_where(p->err, _("claim, '%s'"), path);
		p->failed = true;
		return buf;
	}
	money_show(cents, p->currency, p->german, buf);
	return buf;
}

static const char *rate_at(
    struct print *p, const json_t *json, const char *path, char buf[SHOWN_SIZE])
{
	const char *text = text_at(json, path);
	struct money_rate rate;

	buf[0] = '\0';
	if (!text[0] || p->failed)
		return buf;
	if (!money_rate_read(text, &rate, p->err)) {
		error_where(p->err, _("claim, '%s'"), path);
		p->failed = true;
		return buf;
	}
	money_rate_show(rate, p->currency, p->german, buf);
	return buf;
}

/* "2026-11-23T11:30:00Z" or "2026-11-23", the German way "23.11.2026"; with_time: and "11:30 UTC".
 */
static const char *date_show(
    const struct print *p, const char *text, bool with_time, char buf[SHOWN_SIZE])
{
	int y, m, d, hour, minute, used = 0;
	char day[48];

	if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 || used != 10) {
		snprintf(buf, SHOWN_SIZE, "%s", text);
		return buf;
	}
	if (p->german)
		snprintf(day, sizeof day, "%02d.%02d.%04d", d, m, y);
	else
		snprintf(day, sizeof day, "%.10s", text);
	if (with_time && sscanf(text + 10, "T%2d:%2d:", &hour, &minute) == 2)
		snprintf(buf, SHOWN_SIZE, "%s, %02d:%02d UTC", day, hour, minute);
	else
		snprintf(buf, SHOWN_SIZE, "%s", day);
	return buf;
}

static const char *date_at(
    const struct print *p, const json_t *json, const char *path, char buf[SHOWN_SIZE])
{
	return date_show(p, text_at(json, path), false, buf);
}

/* What is written about a batch or chain that has no entry in the claim: nothing. */
static bool has_lines(const struct print *p, const char *path)
{
	return json_array_size(at(p->claim, path)) > 0;
}

/* Which date of a batch decides whether it is in. */
static const char *cutoff_show(const char *code)
{
	if (strcmp(code, "closed") == 0)
		return _("by the day it was closed");
	if (strcmp(code, "fed") == 0)
		return _("by the day of its last sheet");
	return _("by the day it was accepted");
}

static void facts_print(struct print *p)
{
	const json_t *c = p->claim;
	char a[SHOWN_SIZE], b[SHOWN_SIZE];
	char *line;

	form_fact(p->form, _("Applicant"), text_at(c, "applicant"));
	form_fact(p->form, _("Granting authority"), text_at(c, "authority"));
	form_fact(p->form, _("Reference of the notice"), text_at(c, "reference"));
	if (text_at(c, "notice_date")[0])
		form_fact(p->form, _("Date of the notice"), date_at(p, c, "notice_date", a));
	date_at(p, c, "period.from", a);
	date_at(p, c, "period.to", b);
	line = a[0] || b[0] ? file_path(_("%s to %s"), a, b) : file_path("%s", "");
	form_fact(p->form, _("Period of the grant"), line);
	free(line);
	if (date_at(p, c, "deadline", a)[0])
		form_fact(p->form, _("Deadline of the application"), a);
	date_at(p, c, "days.from", a);
	date_at(p, c, "days.to", b);
	if (a[0] || b[0]) {
		line = file_path(_("%s to %s"), a, b);
		form_fact(p->form, _("Days in this claim"), line);
		free(line);
	}
	if (date_at(p, c, "until", a)[0]) {
		line = file_path(_("%s (%s)"), a, cutoff_show(text_at(c, "cutoff")));
		form_fact(p->form, _("Counted up to and including"), line);
		free(line);
	}
	line =
	    file_path(_("%s by %s"), date_show(p, text_at(c, "made"), true, a), text_at(c, "by"));
	form_fact(p->form, _("Made"), line);
	free(line);
	line = file_path(
	    _("%s, version %" PRId64), text_at(c, "rules.name"), int_at(c, "rules.version"));
	form_fact(p->form, _("Counting rules"), line);
	free(line);
	form_fact(p->form, _("Workspace"), text_at(c, "workspace"));
}

/* Files that the authority's own list does not have: let in by a lead, or left out. */
static void unregistered_print(struct print *p)
{
	char f[SHOWN_SIZE], s[SHOWN_SIZE];

	if (int_at(p->claim, "unregistered.claimed.sheets") > 0) {
		count_at(p, p->claim, "unregistered.claimed.files", f);
		count_at(p, p->claim, "unregistered.claimed.sheets", s);
		char *line = file_path(
		    _("Not in the register, claimed by a lead's decision: case files %s, sheets %s."),
		    f, s);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
	if (int_at(p->claim, "unregistered.left_out.sheets") > 0) {
		count_at(p, p->claim, "unregistered.left_out.files", f);
		count_at(p, p->claim, "unregistered.left_out.sheets", s);
		char *line = file_path(
		    _("Not in the register and not claimed: case files %s, sheets %s."), f, s);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
}

static void summary_print(struct print *p)
{
	const struct form_column columns[] = {{_("Item"), 82, FORM_PLAIN, false},
	    {_("Count"), 30, FORM_PLAIN, true}, {_("Rate"), 24, FORM_PLAIN, true},
	    {_("Amount"), 34, FORM_PLAIN, true}};
	const json_t *c = p->claim;
	char n[SHOWN_SIZE], r[SHOWN_SIZE], m[SHOWN_SIZE];

	form_heading(p->form, _("1. Summary"));
	form_table(p->form, columns, 4);
	form_row(p->form,
	    (const char *[]){_("Case files"), count_at(p, c, "files", n),
		rate_at(p, c, "rates.file", r), money_at(p, c, "amount_files", m)});
	form_row(p->form,
	    (const char *[]){_("Sheets"), count_at(p, c, "sheets", n),
		rate_at(p, c, "rates.sheet", r), money_at(p, c, "amount_sheets", m)});
	if (has_lines(p, "corrections"))
		form_row(p->form,
		    (const char *[]){_("Corrections to earlier claims (section 5)"), NULL, NULL,
			money_at(p, c, "amount_corrections", m)});
	form_row_bold(p->form,
	    (const char *[]){_("Amount of this claim"), NULL, NULL, money_at(p, c, "amount", m)});
	form_table_end(p->form);
	if (json_is_object(at(c, "blank_sheets"))) {
		count_at(p, c, "blank_sheets.sheets", n);
		money_at(p, c, "blank_sheets.amount", m);
		char *line = file_path(
		    _("Of these, sheets that are blank on both sides: %s, worth %s."), n, m);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
	unregistered_print(p);
}

static void standing_print(struct print *p)
{
	const struct form_column columns[] = {
	    {_("Item"), 120, FORM_PLAIN, false}, {_("Amount"), 50, FORM_PLAIN, true}};
	const json_t *c = p->claim, *earlier;
	char m[SHOWN_SIZE];
	size_t i;

	form_heading(p->form, _("2. Standing of the grant"));
	form_table(p->form, columns, 2);
	json_array_foreach(at(c, "earlier"), i, earlier)
	{
		bool cancelled = strcmp(text_at(earlier, "state"), "cancelled") == 0;
		int64_t number = int_at(earlier, "number");
		money_at(p, earlier, "granted", m);
		char *line = cancelled ? file_path(_("Claim no. %" PRId64 " (cancelled)"), number)
		    : m[0] ? file_path(_("Claim no. %" PRId64 " (granted: %s)"), number, m)
			   : file_path(_("Claim no. %" PRId64), number);
		/* a cancelled one amounts to nothing, whatever it said */
		form_row(p->form,
		    (const char *[]){line, cancelled ? "–" : money_at(p, earlier, "amount", m)});
		free(line);
	}
	form_row(p->form, (const char *[]){_("This claim"), money_at(p, c, "amount", m)});
	form_row_bold(
	    p->form, (const char *[]){_("All claims so far"), money_at(p, c, "total", m)});
	if (text_at(c, "ceiling")[0]) {
		form_row(p->form,
		    (const char *[]){_("Ceiling of the grant"), money_at(p, c, "ceiling", m)});
		money_at(p, c, "remaining", m);
		form_row_bold(p->form,
		    m[0] == '-' ? (const char *[]){_("Above the ceiling by"), m + 1}
				: (const char *[]){_("Still available"), m});
	}
	const json_t *payment;
	json_array_foreach(at(c, "payments"), i, payment)
	{
		char day[SHOWN_SIZE];
		char *line =
		    file_path(_("Payment received on %s"), date_at(p, payment, "day", day));
		form_row(p->form, (const char *[]){line, money_at(p, payment, "amount", m)});
		free(line);
	}
	if (has_lines(p, "payments"))
		form_row_bold(p->form,
		    (const char *[]){_("Claimed and not paid yet"), money_at(p, c, "unpaid", m)});
	form_table_end(p->form);
}

struct witness { /* what stands beside the count, over the claim's batches */
	int64_t n, hand, hand_settled, settled_files, settled_sheets, none_files, none_sheets;
	bool not_opened, unlike; /* a batch with such a mark is there */
};

/* Folds a batch in; gives the marks behind its name, which the notes below the table explain. */
static const char *batch_marks(
    const json_t *batch, bool some_by_hand, struct witness *w, char marks[16])
{
	bool not_opened = json_is_true(at(batch, "not_opened_one_by_one")) ||
	    int_at(batch, "not_opened_one_by_one") > 0;
	bool by_hand = json_is_true(at(batch, "hand_counted"));
	bool hand_settled = json_is_true(at(batch, "hand_settled"));
	bool unlike = hand_settled || int_at(batch, "witnesses.settled.files") > 0;

	w->n++;
	w->hand += by_hand;
	w->hand_settled += hand_settled;
	w->settled_files += int_at(batch, "witnesses.settled.files");
	w->settled_sheets += int_at(batch, "witnesses.settled.sheets");
	w->none_files += int_at(batch, "witnesses.none.files");
	w->none_sheets += int_at(batch, "witnesses.none.sheets");
	w->not_opened = w->not_opened || not_opened;
	w->unlike = w->unlike || unlike;
	/* a blank that does not break stands before them */
	snprintf(marks, 16, "%s%s%s%s",
	    not_opened || (some_by_hand && !by_hand) || unlike ? "\u00a0" : "",
	    not_opened ? "*" : "", some_by_hand && !by_hand ? "†" : "", unlike ? "‡" : "");
	return marks;
}

static bool some_by_hand(const struct print *p)
{
	const json_t *batch;
	size_t i;

	json_array_foreach(at(p->claim, "batches"), i, batch)
	{
		if (json_is_true(at(batch, "hand_counted")))
			return true;
	}
	return false;
}

/* Who else counted, and what became of differences. Older claims do not say. */
static void witness_print(struct print *p, const struct witness *w)
{
	char a[SHOWN_SIZE], b[SHOWN_SIZE];
	char *line;

	if (!at(json_array_get(at(p->claim, "batches"), 0), "hand_counted"))
		return;
	form_gap(p->form, 1);
	money_count(w->hand, p->german, a);
	money_count(w->n, p->german, b);
	line = file_path(
	    _("Batches of which a lead counted a drawn case file by hand before accepting: %s of %s."),
	    a, b);
	form_text(p->form, line, FORM_PLAIN);
	free(line);
	if (w->hand_settled > 0) {
		money_count(w->hand_settled, p->german, a);
		line = file_path(
		    _("Of these, batches whose count by hand differed, which a lead settled: %s."),
		    a);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
	if (w->settled_files > 0) {
		money_count(w->settled_files, p->german, a);
		money_count(w->settled_sheets, p->german, b);
		line = file_path(
		    _("Other counts differed, and a lead settled it: case files %s, sheets %s."), a,
		    b);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
	if (w->none_files > 0) {
		money_count(w->none_files, p->german, a);
		money_count(w->none_sheets, p->german, b);
		line = file_path(
		    _("Without a count by slip, operator, imprinter or hand: case files %s, sheets %s."),
		    a, b);
		form_text(p->form, line, FORM_PLAIN);
		free(line);
	}
}

static void batches_print(struct print *p)
{
	const struct form_column columns[] = {{_("Batch"), 51, FORM_PLAIN, false},
	    {_("Closed"), 20, FORM_PLAIN, false}, {_("Accepted"), 20, FORM_PLAIN, false},
	    {_("Files"), 14, FORM_PLAIN, true}, {_("Sheets"), 19, FORM_PLAIN, true},
	    {_("Manifest (SHA-256)"), 46, FORM_CODE, false}};
	const json_t *batch;
	int64_t files = 0, sheets = 0;
	char closed[SHOWN_SIZE], accepted[SHOWN_SIZE], n[SHOWN_SIZE], s[SHOWN_SIZE];
	struct witness w = {0};
	bool by_hand = some_by_hand(p);
	size_t i;

	form_heading(p->form, _("3. Batches"));
	if (!has_lines(p, "batches")) {
		form_text(p->form, _("None."), FORM_PLAIN);
		return;
	}
	form_table(p->form, columns, 6);
	json_array_foreach(at(p->claim, "batches"), i, batch)
	{
		char marks[16];
		batch_marks(batch, by_hand, &w, marks);
		int64_t revision = int_at(batch, "revision");
		char *name = revision > 1 ? file_path(_("%s, revision %" PRId64 "%s"),
						text_at(batch, "batch"), revision, marks)
					  : file_path("%s%s", text_at(batch, "batch"), marks);
		form_row(p->form,
		    (const char *[]){name, date_at(p, batch, "closed", closed),
			date_at(p, batch, "accepted", accepted), count_at(p, batch, "files", n),
			count_at(p, batch, "sheets", s), text_at(batch, "manifest_sha256")});
		free(name);
		files += int_at(batch, "files");
		sheets += int_at(batch, "sheets");
	}
	money_count(files, p->german, n);
	money_count(sheets, p->german, s);
	form_row_bold(p->form, (const char *[]){_("Sum"), NULL, NULL, n, s, NULL});
	form_table_end(p->form);
	form_text(p->form,
	    _("A case file that lies in several batches or volumes counts once, in the first of "
	      "them."),
	    FORM_SMALL);
	if (w.not_opened)
		form_text(p->form,
		    _("* In the review of this batch pages were not opened one by one."),
		    FORM_SMALL);
	if (w.hand > 0 && w.hand < w.n)
		form_text(
		    p->form, _("† No case file of this batch was counted by hand."), FORM_SMALL);
	if (w.unlike)
		form_text(p->form,
		    _("‡ Counts differed in this batch; a lead settled it, with name and reason in its "
		      "ledger, which changed no count."),
		    FORM_SMALL);
	witness_print(p, &w);
}

/* Codes are the same in every locale; people read what they mean. */
static const char *reason_show(const char *code)
{
	static const struct {
		const char *code, *text;
	} reasons[] = {{"open", N_("not closed")}, {"not_closed", N_("not closed")},
	    {"not_accepted", N_("not accepted yet")}, {"rejected", N_("rejected in review")},
	    {"after_cutoff", N_("after the cut-off date")},
	    {"after_until", N_("after the cut-off date")},
	    {"other_rates", N_("opened at other rates: in a claim of its own")},
	    {"changed_since_close", N_("changed since it was closed")},
	    {"corrected", N_("corrected and closed again")},
	    {"unregistered", N_("not in the register")},
	    {"registered", N_("not in the register, let in by a lead")},
	    {"unknown_file", N_("not in the register")}, {"claimed", N_("claimed before")},
	    {"claimed_elsewhere", N_("claimed elsewhere")},
	    {"no_sheets", N_("without a counted sheet")}, {"abandoned", N_("abandoned")},
	    {"changed_since_close", N_("corrected since it was closed")},
	    {"corrected", N_("corrected")}, {"damaged", N_("damaged")}};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(code, reasons[i].code) == 0)
			return _(reasons[i].text);
	return code;
}

static void left_out_print(struct print *p)
{
	const struct form_column columns[] = {{_("Batch"), 60, FORM_PLAIN, false},
	    {_("Reason"), 70, FORM_PLAIN, false}, {_("Files"), 18, FORM_PLAIN, true},
	    {_("Sheets"), 22, FORM_PLAIN, true}};
	const json_t *line;
	char n[SHOWN_SIZE], s[SHOWN_SIZE];
	size_t i;

	form_heading(p->form, _("4. Not claimed"));
	if (!has_lines(p, "left_out")) {
		form_text(p->form, _("Nothing was left out."), FORM_PLAIN);
		return;
	}
	form_table(p->form, columns, 4);
	size_t n_lines = json_array_size(at(p->claim, "left_out"));
	int64_t files = 0, sheets = 0;
	json_array_foreach(at(p->claim, "left_out"), i, line)
	{
		/* Single files of one batch become one line: their numbers are for the annex. */
		const json_t *next =
		    i + 1 < n_lines ? json_array_get(at(p->claim, "left_out"), i + 1) : NULL;
		files += int_at(line, "files");
		sheets += int_at(line, "sheets");
		if (next && strcmp(text_at(next, "batch"), text_at(line, "batch")) == 0 &&
		    strcmp(text_at(next, "reason"), text_at(line, "reason")) == 0)
			continue;
		money_count(files, p->german, n);
		money_count(sheets, p->german, s);
		form_row(p->form,
		    (const char *[]){
			text_at(line, "batch"), reason_show(text_at(line, "reason")), n, s});
		files = sheets = 0;
	}
	form_table_end(p->form);
}

static void corrections_print(struct print *p)
{
	const struct form_column columns[] = {{_("Claim"), 21, FORM_PLAIN, true},
	    {_("Batch"), 50, FORM_PLAIN, false}, {_("Reason"), 37, FORM_PLAIN, false},
	    {_("Files"), 14, FORM_PLAIN, true}, {_("Sheets"), 19, FORM_PLAIN, true},
	    {_("Amount"), 29, FORM_PLAIN, true}};
	const json_t *line;
	char c[SHOWN_SIZE], n[SHOWN_SIZE], s[SHOWN_SIZE], m[SHOWN_SIZE];
	int64_t files = 0, sheets = 0;
	size_t i;

	form_heading(p->form, _("5. Corrections to earlier claims"));
	if (!has_lines(p, "corrections")) {
		form_text(p->form, _("None."), FORM_PLAIN);
		return;
	}
	form_table(p->form, columns, 6);
	json_array_foreach(at(p->claim, "corrections"), i, line)
	{
		form_row(p->form,
		    (const char *[]){count_at(p, line, "claim", c), text_at(line, "batch"),
			reason_show(text_at(line, "reason")), count_at(p, line, "files", n),
			count_at(p, line, "sheets", s), money_at(p, line, "amount", m)});
		files += int_at(line, "files");
		sheets += int_at(line, "sheets");
	}
	money_count(files, p->german, n);
	money_count(sheets, p->german, s);
	form_row_bold(p->form,
	    (const char *[]){
		NULL, _("Sum"), NULL, n, s, money_at(p, p->claim, "amount_corrections", m)});
	form_table_end(p->form);
}

static void clause_print(void *self, const char *clause)
{
	form_text(self, clause, FORM_SMALL);
}

/* What counted, in words, and which rules each batch was opened with. */
static void rules_print(struct print *p)
{
	const json_t *one;
	char *line;
	size_t i;

	if (!text_at(p->claim, "rules.hash")[0])
		return;
	line = file_path(_("How it was counted, by the rules %s, version %" PRId64 ":"),
	    text_at(p->claim, "rules.name"), int_at(p->claim, "rules.version"));
	form_text(p->form, line, FORM_SMALL);
	free(line);
	rules_say(at(p->claim, "rules"), clause_print, p->form);
	if (!has_lines(p, "counted_by")) {
		form_text(p->form, _("Hash of the counting rules (SHA-256):"), FORM_SMALL);
		form_text(p->form, text_at(p->claim, "rules.hash"), FORM_CODE);
		return;
	}
	json_array_foreach(at(p->claim, "counted_by"), i, one)
	{
		line = file_path(
		    _("Counting rules %s, version %" PRId64 ", batches %" PRId64 ", SHA-256:"),
		    text_at(one, "name"), int_at(one, "version"), int_at(one, "batches"));
		form_text(p->form, line, FORM_SMALL);
		form_text(p->form, text_at(one, "hash"), FORM_CODE);
		free(line);
	}
}

static void proof_print(struct print *p)
{
	const struct form_column columns[] = {{_("Chain"), 88, FORM_PLAIN, false},
	    {_("Events"), 30, FORM_PLAIN, true}, {_("Last event (SHA-256)"), 52, FORM_CODE, false}};
	const json_t *chain;
	char n[SHOWN_SIZE];
	size_t i;

	form_heading(p->form, _("6. Evidence"));
	form_text(p->form,
	    _("The counts follow from the ledgers, chained by hashes, of the batches named. Anybody "
	      "can compute them again from bundles and ledgers: 'altakt verify'."),
	    FORM_PLAIN);
	rules_print(p);
	if (!has_lines(p, "chains"))
		return;
	form_gap(p->form, 2);
	form_table(p->form, columns, 3);
	json_array_foreach(at(p->claim, "chains"), i, chain)
	{
		form_row(p->form,
		    (const char *[]){
			text_at(chain, "chain")[0] ? text_at(chain, "chain") : _("workspace"),
			count_at(p, chain, "events", n), text_at(chain, "head")});
	}
	form_table_end(p->form);
}

static void signatures_print(struct print *p)
{
	const char *titles[] = {_("Factually correct"), _("Arithmetically correct")};
	const char *lines[] = {_("Name"), _("Function"), _("Date"), _("Signature")};
	const char *applicant[] = {
	    _("For the applicant: the statements above are complete and agree "
	      "with books and evidence")};
	const char *signs[] = {_("Place, date, legally binding signature")};

	const json_t *c = p->claim;
	char n[SHOWN_SIZE], s[SHOWN_SIZE], m[SHOWN_SIZE];

	form_need(p->form,
	    5 + 14 + 67 + 2 + 34); /* what is signed stands on the page of the signatures */
	form_heading(p->form, _("7. Confirmation"));
	count_at(p, c, "files", n);
	count_at(p, c, "sheets", s);
	money_at(p, c, "amount", m);
	char *line = file_path(_("Claim no. %" PRId64 ": case files %s, sheets %s, amount %s."),
	    int_at(c, "number"), n, s, m);
	form_text(p->form, line, FORM_BOLD);
	free(line);
	form_boxes(p->form, titles, 2, lines, 4);
	form_gap(p->form, 2);
	form_boxes(p->form, applicant, 1, signs, 1);
}

/* Draws the whole of it; path NULL only counts pages. */
static bool claim_print(struct print *p, const char *path, const char *title, const char *head,
    const char *foot, int *n_pages)
{
	struct form_options options = {path, title, head, foot, *n_pages};
	char *below;

	if (!form_open(&options, &p->form, p->err))
		return false;
	below = file_path(
	    _("Digitisation of legacy case files: claim no. %" PRId64), int_at(p->claim, "number"));
	form_title(p->form, _("Statement of expenditure: figures"), below);
	free(below);
	facts_print(p);
	summary_print(p);
	standing_print(p);
	batches_print(p);
	left_out_print(p);
	corrections_print(p);
	proof_print(p);
	signatures_print(p);
	struct error closing = {0};
	bool closed = form_close(p->form, n_pages, &closing);
	p->form = NULL;
	if (p->failed)
		return false;
	if (!closed && p->err)
		*p->err = closing;
	return closed;
}

bool claim_pdf_write(const json_t *claim, const char *sha256, const char *path, struct error *err)
{
	struct print p = {.claim = claim, .german = text_german(), .err = err};
	char *head = NULL, *foot = NULL, *title = NULL, *drawn = file_path("%s.drawn", path);
	bool ok = false;
	int n_pages = 0;

	p.currency = text_at(claim, "currency")[0] ? text_at(claim, "currency") : "EUR";
	title = file_path(_("Claim no. %" PRId64), int_at(claim, "number"));
	head = file_path("%s%s%s", title, text_at(claim, "applicant")[0] ? " · " : "",
	    text_at(claim, "applicant"));
	foot = file_path("%s\nclaim.json SHA-256 %s", title, sha256);
	if (!claim_print(&p, NULL, title, head, foot, &n_pages) ||
	    !claim_print(&p, drawn, title, head, foot, &n_pages))
		goto done;
	const struct note_document document = {
	    .title = title,
	    .author = text_at(claim, "applicant")[0] ? text_at(claim, "applicant") : NULL,
	    .created = text_at(claim, "made"),
	    .language = p.german ? "de-DE" : "en",
	};
	ok = pdf_archive(drawn, path, &document, err);
done:
	remove(drawn);
	free(drawn);
	free(head);
	free(foot);
	free(title);
	return ok;
}
