#include "batch/claim_making.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch/claim_book.h"
#include "batch/claim_pdf.h"
#include "batch/claimable.h"
#include "batch/foreign_claims.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/local_day.h"
#include "batch/rules.h"
#include "batch/sign.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

struct making {
	struct workspace *workspace;
	const char *by;
	char until[11], first_day[11], last_day[11];
	char now[25];
	struct claim_rates rates;
	struct claim_book book;
	struct claim_basis basis;
	struct closed_list list;
	struct claimable claimable;
	struct claimable_count let_in, unregistered;
	json_t *batches, *left_out, *corrections, *earlier;
	json_t *foreign;    /* batches that claims elsewhere hold */
	json_t *rules;	    /* that the first batch was opened with */
	json_t *counted_by; /* those of all of them: [{name version hash batches}] */
	bool rates_own;	    /* altakt.ini says rates, or a batch of an older version says none */
	struct claim_line sum;
	int64_t corrections_cents, earlier_cents;
	int number;
};

static void making_release(struct making *m)
{
	claim_book_release(&m->book);
	claim_basis_release(&m->basis);
	closed_list_release(&m->list);
	claimable_close(&m->claimable);
	json_decref(m->batches);
	json_decref(m->left_out);
	json_decref(m->corrections);
	json_decref(m->earlier);
	json_decref(m->foreign);
	json_decref(m->rules);
	json_decref(m->counted_by);
}

static bool find_manifest(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	struct making *m = self;

	if (!batch_name_check(batch, err))
		return false;
	char *folder = file_path("%s/batches/%s", m->workspace->path, batch);
	if (!file_exists(folder)) {
		free(folder);
		folder = file_path("%s/collected/%s", m->workspace->path, batch);
	}
	bool ok = claim_manifest_find(folder, revision, sha256, out, err);
	free(folder);
	return ok;
}

static void say_nothing(void *self, const char *text)
{
}

/* What all claims so far hold. */
static bool basis_read(struct making *m, struct error *err)
{
	if (!claim_book_read(m->workspace, &m->book, err))
		return false;
	for (int i = 0; i < m->book.n; i++) {
		const struct claim_entry *c = &m->book.claims[i];
		int64_t cents;
		int differences = 0;
		if (!money_cents_read(text_of(c->json, "amount"), &cents, err))
			return false;
		json_t *line = json_pack("{si ss ss ss}", "number", c->number, "made", c->made,
		    "amount", text_of(c->json, "amount"), "state",
		    c->cancelled     ? "cancelled"
			: c->settled ? "settled"
				     : "claimed");
		if (c->settled) {
			char text[MONEY_SIZE];
			money_plain(c->settled_cents, text);
			json_object_set_new(line, "granted", json_string(text));
		}
		json_array_append_new(m->earlier, line);
		if (c->cancelled)
			continue;
		if (strcmp(text_of(c->json, "currency"), m->rates.currency) != 0)
			return error_set(err, ERROR_SETUP,
			    _("the claims of one workspace are in one currency: claim.currency"),
			    _("claim %d is in %s, this one would be in %s"), c->number,
			    text_of(c->json, "currency"), m->rates.currency);
		if (!claim_replay(
			&m->basis, c->json, find_manifest, say_nothing, m, &differences, err))
			return false;
		if (differences > 0)
			return error_set(err, ERROR_CHECK,
			    _("'altakt verify' names the differences"),
			    _("claim %d is at odds with its manifests"), c->number);
		if (!money_add(m->earlier_cents, cents, &m->earlier_cents, err))
			return false;
	}
	m->number = m->book.n + 1;
	return true;
}

/* When the last event of a kind was, among the first `events` of a chain. */
static bool last_at(struct journal *journal, const char *chain, const char *kind, int64_t events,
    char at[25], struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	char pattern[64];
	bool row;

	if (!journal_prepare(journal,
		"SELECT line FROM event WHERE chain = ? AND n <= ? AND line LIKE ? ORDER BY n DESC LIMIT 1",
		&stmt, err))
		return false;
	snprintf(pattern, sizeof pattern, "%%\"event\":\"%s\"%%", kind);
	sqlite3_bind_text(stmt, 1, chain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, events);
	sqlite3_bind_text(stmt, 3, pattern, -1, SQLITE_TRANSIENT);
	if (!journal_step(journal, stmt, &row, err))
		return false;
	if (row) {
		json_t *e = json_loads((const char *)sqlite3_column_text(stmt, 0), 0, NULL);
		snprintf(at, 25, "%s", text_of(e, "at"));
		json_decref(e);
	}
	sqlite3_reset(stmt);
	return true;
}

/* The time that counts for --until. */
static bool cutoff_day(
    struct making *m, const struct closed_batch *b, char day[11], struct error *err)
{
	const struct settings *s = m->workspace->settings;
	const char *cutoff = settings_text(s, "claim.cutoff");
	char at[25];

	snprintf(at, sizeof at, "%s", strcmp(cutoff, "closed") == 0 ? b->closed : b->accepted);
	if (strcmp(cutoff, "fed") == 0 &&
	    !last_at(m->workspace->journal, b->name, "sheet_fed", b->events, at, err))
		return false;
	return local_day(at[0] ? at : b->closed, settings_text(s, "claim.timezone"), day, err);
}

static void leave_out(struct making *m, const struct closed_batch *b, const char *reason)
{
	json_array_append_new(m->left_out,
	    json_pack("{ss ss si si}", "batch", b->name, "reason", reason, "files", b->files,
		"sheets", b->sheets));
}

static void unregistered_leave(
    struct making *m, const struct closed_batch *b, const struct claimable_count *c)
{
	if (c->sheets == 0)
		return;
	m->unregistered.files += c->files;
	m->unregistered.sheets += c->sheets;
	json_array_append_new(m->left_out,
	    json_pack("{ss ss si si}", "batch", b->name, "reason", "unregistered", "files",
		c->files, "sheets", c->sheets));
}

/* Where a batch came from another workspace: which, and how long its chain was. */
static void collected_note(json_t *line, const struct closed_batch *b)
{
	if (b->collected)
		json_object_set_new(line, "collected",
		    json_pack("{ss sI ss}", "workspace", b->workspace, "events",
			(json_int_t)b->chain_events, "head", b->chain_head));
}

/* The files that the register does not know, as an entry of the claim has them. */
static void unregistered_note(json_t *line, const struct closed_batch *b)
{
	json_t *lines = json_array();

	for (int i = 0; i < b->n_lines; i++)
		if (b->lines[i].unregistered)
			json_array_append_new(lines, json_integer(i));
	if (json_array_size(lines) > 0)
		json_object_set_new(line, "unregistered", json_pack("{sO}", "lines", lines));
	json_decref(lines);
}

/* How the batch was looked at and counted by others before it was accepted. */
static void review_note(json_t *line, const struct closed_batch *b)
{
	json_object_set_new(line, "not_opened_one_by_one", json_boolean(b->not_opened_one_by_one));
	json_object_set_new(line, "hand_counted", json_boolean(b->hand_counted));
	json_object_set_new(line, "hand_settled", json_boolean(b->hand_settled));
	json_object_set_new(line, "witnesses", claim_witnesses(b));
}

/* The same manifest, and the same files of it. */
static bool claimed_as_it_is(const struct closed_batch *held, const struct closed_batch *b)
{
	if (strcmp(held->manifest_sha256, b->manifest_sha256) != 0 || held->n_lines != b->n_lines)
		return false;
	for (int i = 0; i < b->n_lines; i++)
		if (held->lines[i].unregistered != b->lines[i].unregistered)
			return false;
	return true;
}

static bool correction_add(struct making *m, struct closed_batch *b, struct error *err)
{
	const struct claim_held *held = claim_basis_find(&m->basis, b->name);
	struct claim_rates rates = held->rates;
	int64_t files_cents, sheets_cents, amount;
	struct claim_line line;
	char text[MONEY_SIZE];
	json_t *c = json_pack("{ss si si si ss ss}", "batch", b->name, "claim", held->claim,
	    "revision_before", held->manifest.revision, "revision", b->revision, "manifest_sha256",
	    b->manifest_sha256, "reason",
	    b->state == CLOSED_ABANDONED					  ? "abandoned"
		: strcmp(held->manifest.manifest_sha256, b->manifest_sha256) == 0 ? "registered"
										  : "corrected");
	struct closed_batch manifest = *b;

	if (c) {
		collected_note(c, b);
		unregistered_note(c, b);
		if (b->state != CLOSED_ABANDONED)
			review_note(c, b);
	}
	*b = (struct closed_batch){0};
	claim_correct(&m->basis, held->name, &manifest, &line);
	if (!claim_amount(&rates, &line, &files_cents, &sheets_cents, err) ||
	    !money_add(files_cents, sheets_cents, &amount, err) ||
	    !money_add(m->corrections_cents, amount, &m->corrections_cents, err)) {
		json_decref(c);
		return false;
	}
	money_plain(amount, text);
	json_object_set_new(c, "files", json_integer(line.files));
	json_object_set_new(c, "sheets", json_integer(line.sheets));
	json_object_set_new(c, "amount", json_string(text));
	json_array_append_new(m->corrections, c);
	return true;
}

/*
 * A claim is made at one set of rates: those that altakt.ini itself says, else those of the rules
 * that its first batch was opened with. Batches that were opened at others wait for the next claim.
 */
static bool rates_fit(struct making *m, const struct closed_batch *b, bool *fit, struct error *err)
{
	json_t *rules = b->frozen ? json_loads(b->frozen, 0, NULL) : NULL;
	bool first = json_array_size(m->batches) == 0, known, ok;
	struct claim_rates rates;

	ok = rules_rates_of(rules, &rates, &known, err);
	json_decref(rules);
	if (!ok) {
		error_where(err, "%s", b->name);
		return false;
	}
	*fit = true;
	if (rules_rates_own(m->workspace->settings))
		return true;
	if (!known && !rules_rates(m->workspace->settings, &rates, err))
		return false;
	if (first)
		m->rates = rates;
	*fit = rules_rates_same(&rates, &m->rates);
	m->rates_own = m->rates_own || (*fit && !known);
	return true;
}

/* Which rules each batch was counted by. */
static bool counted_by_note(struct making *m, const struct closed_batch *b, struct error *err)
{
	json_t *rules = b->frozen ? json_loads(b->frozen, 0, NULL) : NULL, *one, *found = NULL;
	size_t i;

	if (!rules)
		return error_set(err, ERROR_CHECK, NULL,
		    _("the manifest of '%s' names no counting rules"), b->name);
	if (!m->rules && text_of(rules, "hash")[0])
		m->rules = json_incref(rules);
	json_array_foreach(m->counted_by, i, one)
	{
		if (json_equal(json_object_get(one, "name"), json_object_get(rules, "name")) &&
		    json_equal(
			json_object_get(one, "version"), json_object_get(rules, "version")) &&
		    strcmp(text_of(one, "hash"), text_of(rules, "hash")) == 0)
			found = one;
	}
	if (!found) {
		found = json_pack("{sO sO ss si}", "name", json_object_get(rules, "name"),
		    "version", json_object_get(rules, "version"), "hash", text_of(rules, "hash"),
		    "batches", 0);
		json_array_append_new(m->counted_by, found);
	}
	json_object_set_new(found, "batches",
	    json_integer(json_integer_value(json_object_get(found, "batches")) + 1));
	json_decref(rules);
	return true;
}

static bool batch_take(struct making *m, struct closed_batch *b, struct error *err)
{
	struct claim_line line;
	json_t *entry = json_pack("{ss ss ss ss ss si si ss s{sIss} ss}", "batch", b->name,
	    "station", b->station, "closed", b->closed, "accepted", b->accepted, "accepted_by",
	    b->accepted_by, "files", 0, "sheets", 0, "manifest_sha256", b->manifest_sha256,
	    "ledger", "events", (json_int_t)b->events, "head", b->head, "rules", b->rules);

	if (!entry)
		return error_set(
		    err, ERROR_CHECK, NULL, _("a text of batch '%s' is not UTF-8"), b->name);
	json_object_set_new(entry, "revision", json_integer(b->revision));
	collected_note(entry, b);
	unregistered_note(entry, b);
	review_note(entry, b);
	if (!counted_by_note(m, b, err)) {
		json_decref(entry);
		return false;
	}
	claim_take(&m->basis, b, m->number, &m->rates, &line);
	json_object_set_new(entry, "files", json_integer(line.files));
	json_object_set_new(entry, "sheets", json_integer(line.sheets));
	json_object_set_new(entry, "files_again", json_integer(line.files_again));
	json_array_append_new(m->batches, entry);
	m->sum.files += line.files;
	m->sum.sheets += line.sheets;
	m->sum.blank_sheets += line.blank_sheets;
	return true;
}

/* The first and last day of what a claim holds. */
static void day_note(struct making *m, const char day[11])
{
	if (!m->first_day[0] || strcmp(day, m->first_day) < 0)
		memcpy(m->first_day, day, sizeof m->first_day);
	if (strcmp(day, m->last_day) > 0)
		memcpy(m->last_day, day, sizeof m->last_day);
}

/* Corrections come first, so that a file given back can be claimed by the batch that has it now. */
static bool gather(struct making *m, struct error *err)
{
	static const char *const reasons[] = {[CLOSED_OPEN] = "open",
	    [CLOSED_WAITING] = "not_accepted",
	    [CLOSED_REJECTED] = "rejected",
	    [CLOSED_CHANGED] = "changed_since_close",
	    [CLOSED_ABANDONED] = "abandoned"};

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < m->list.n; i++) {
			struct closed_batch *b = &m->list.batches[i];
			const struct claim_held *held =
			    b->name[0] ? claim_basis_find(&m->basis, b->name) : NULL;
			struct claimable_count out, let_in;
			bool fit = true;
			char day[11];
			if (!b->name[0] || (pass == 0) != (held != NULL))
				continue;
			if (pass == 1 && json_object_get(m->foreign, b->name)) {
				leave_out(m, b, "claimed_elsewhere");
				closed_release(b);
				continue;
			}
			if (pass == 0 && b->state == CLOSED_ABANDONED) {
				if (held->manifest.n_lines == 0)
					continue; /* taken back already */
				struct closed_batch nothing = {.state = CLOSED_ABANDONED};
				snprintf(nothing.name, sizeof nothing.name, "%s", b->name);
				closed_release(b);
				if (!correction_add(m, &nothing, err))
					return false;
				continue;
			}
			if (b->state == CLOSED_ACCEPTED &&
			    !claimable_mark(&m->claimable, b, held ? &held->manifest : NULL, &out,
				&let_in, err))
				return false;
			if (pass == 0 && claimed_as_it_is(&held->manifest, b) &&
			    b->state == CLOSED_ACCEPTED) {
				unregistered_leave(m, b, &out);
				closed_release(
				    b); /* claimed as it is: nothing to say in the second pass */
				continue;
			}
			if (b->state != CLOSED_ACCEPTED) {
				leave_out(m, b, reasons[b->state]);
				closed_release(b);
				continue;
			}
			if (!cutoff_day(m, b, day, err))
				return false;
			bool late = m->until[0] && strcmp(day, m->until) > 0;
			if (pass == 1 && !late && !rates_fit(m, b, &fit, err))
				return false;
			if (late || !fit) {
				leave_out(m, b, late ? "after_until" : "other_rates");
				closed_release(b);
				continue;
			}
			day_note(m, day);
			unregistered_leave(m, b, &out);
			m->let_in.files += let_in.files;
			m->let_in.sheets += let_in.sheets;
			if (!(pass == 0 ? correction_add(m, b, err) : batch_take(m, b, err)))
				return false;
			closed_release(b);
		}
	}
	return true;
}

static bool money_put(json_t *claim, const char *key, int64_t cents)
{
	char text[MONEY_SIZE];

	money_plain(cents, text);
	return json_object_set_new(claim, key, json_string(text)) == 0;
}

struct payments {
	json_t *list;
	int64_t cents;
	bool good;
};

static void payment_visit(void *self, const char *day, const char *amount)
{
	struct payments *p = self;
	int64_t cents = 0;
	char text[MONEY_SIZE];

	p->good = p->good && money_cents_read(amount, &cents, NULL) &&
	    money_add(p->cents, cents, &p->cents, NULL);
	money_plain(cents, text);
	json_array_append_new(p->list, json_pack("{ss ss}", "day", day, "amount", text));
}

/* What the authority has paid, and what of all claims it has not. */
static bool payments_put(const struct making *m, json_t *c, int64_t total, struct error *err)
{
	struct payments p = {json_array(), 0, true};
	int64_t open;

	settings_each(m->workspace->settings, "payments", payment_visit, &p);
	json_object_set_new(c, "payments", p.list);
	if (!p.good || !money_add(total, -p.cents, &open, NULL))
		return error_set(err, ERROR_SETUP, _("write 2026-12-31 = 1000.00, a line each"),
		    _("altakt.ini: a line of [payments] is no amount of EUR"));
	return money_put(c, "paid", p.cents) && money_put(c, "unpaid", open);
}

/* Everything but the chains, in the order that the schema has. */
static json_t *claim_json(struct making *m, struct error *err)
{
	const struct settings *s = m->workspace->settings;
	int64_t files_cents, sheets_cents, blank_cents, amount, total;
	char file_text[MONEY_SIZE], sheet_text[MONEY_SIZE], blank_text[MONEY_SIZE];
	json_t *c = NULL;

	if (!claim_amount(&m->rates, &m->sum, &files_cents, &sheets_cents, err) ||
	    !money_times(
		m->rates.sheet, m->sum.blank_sheets, m->rates.rounding, &blank_cents, err) ||
	    !money_add(files_cents, sheets_cents, &amount, err) ||
	    !money_add(amount, m->corrections_cents, &amount, err) ||
	    !money_add(m->earlier_cents, amount, &total, err))
		return NULL;
	money_rate_text(m->rates.file, file_text);
	money_rate_text(m->rates.sheet, sheet_text);
	money_plain(blank_cents, blank_text);
	const char *granting = settings_text(s, "grant.authority");
	const char *from = settings_text(s, "grant.period_from"),
		   *to = settings_text(s, "grant.period_to");
	c = json_pack("{ss si ss ss ss ss s{ssss} s{ssss} ss ss ss ss ss ss ss}", "format",
	    "altakt-claim/1", "number", m->number, "workspace", m->workspace->uuid, "made", m->now,
	    "by", m->by, "until", m->until, "period", "from", from, "to", to, "days", "from",
	    m->first_day, "to", m->last_day, "cutoff", settings_text(s, "claim.cutoff"), "timezone",
	    settings_text(s, "claim.timezone"), "claimant", settings_text(s, "claim.authority"),
	    "authority", granting[0] ? granting : settings_text(s, "claim.authority"), "applicant",
	    settings_text(s, "grant.applicant"), "reference", settings_text(s, "grant.reference"),
	    "notice_date", settings_text(s, "grant.notice_date"));
	if (!c) {
		error_set(
		    err, ERROR_USAGE, _("write the name in UTF-8"), _("cannot write the claim"));
		return NULL;
	}
	json_object_set_new(c, "deadline", json_string(settings_text(s, "grant.deadline")));
	json_t *rules = m->rules ? json_incref(m->rules) : rules_make(s);
	json_object_del(rules, "rates");
	json_object_set_new(c, "rules", rules);
	json_object_set(c, "counted_by", m->counted_by);
	json_object_set_new(c, "rates",
	    json_pack("{ss ss ss ss}", "file", file_text, "sheet", sheet_text, "rounding",
		money_rounding_text(m->rates.rounding), "of",
		m->rates_own || json_array_size(m->batches) == 0 ? "settings" : "rules"));
	json_object_set_new(c, "currency", json_string(m->rates.currency));
	json_object_set_new(c, "files", json_integer(m->sum.files));
	json_object_set_new(c, "sheets", json_integer(m->sum.sheets));
	money_put(c, "amount_files", files_cents);
	money_put(c, "amount_sheets", sheets_cents);
	money_put(c, "amount_corrections", m->corrections_cents);
	money_put(c, "amount", amount);
	json_object_set_new(c, "blank_sheets",
	    json_pack("{sIss}", "sheets", (json_int_t)m->sum.blank_sheets, "amount", blank_text));
	json_object_set_new(c, "unregistered",
	    json_pack("{s{si si} s{si si}}", "claimed", "files", m->let_in.files, "sheets",
		m->let_in.sheets, "left_out", "files", m->unregistered.files, "sheets",
		m->unregistered.sheets));
	json_object_set(c, "batches", m->batches);
	json_object_set(c, "left_out", m->left_out);
	json_object_set(c, "corrections", m->corrections);
	json_object_set(c, "earlier", m->earlier);
	money_put(c, "earlier_amount", m->earlier_cents);
	money_put(c, "total", total);
	const char *ceiling = settings_text(s, "grant.ceiling");
	int64_t ceiling_cents, remaining;
	if (ceiling[0]) {
		if (!money_cents_read(ceiling, &ceiling_cents, err) ||
		    !money_add(ceiling_cents, -total, &remaining, err)) {
			error_where(err, "grant.ceiling");
			json_decref(c);
			return NULL;
		}
		money_put(c, "ceiling", ceiling_cents);
		money_put(c, "remaining", remaining);
	} else {
		json_object_set_new(c, "ceiling", json_null());
		json_object_set_new(c, "remaining", json_null());
	}
	if (!payments_put(m, c, total, err)) {
		json_decref(c);
		return NULL;
	}
	return c;
}

static bool claimed_append(
    struct making *m, json_t *lines, const char *event, json_t *chains, struct error *err)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *batch = text_of(line, "batch");
		int64_t n;
		char head[65];
		json_t *collected = json_object_get(line, "collected");
		if (collected) { /* its chain is another station's: it stays as it was taken */
			json_array_append_new(chains,
			    json_pack("{ss sO sO}", "chain", batch, "events",
				json_object_get(collected, "events"), "head",
				json_object_get(collected, "head")));
			continue;
		}
		if (!ledger_append(m->workspace->journal, batch, m->by,
			json_pack("{sssi}", "event", event, "claim", m->number), err) ||
		    !ledger_head(m->workspace->journal, batch, &n, head, err))
			return false;
		json_array_append_new(chains,
		    json_pack("{ss sI ss}", "chain", batch, "events", (json_int_t)n, "head", head));
	}
	return true;
}

/* The events of the batches, then the heads of all chains that the claim rests on. */
static bool chains_add(struct making *m, json_t *claim, struct error *err)
{
	json_t *chains = json_array();
	int64_t n;
	char head[65];

	json_object_set_new(claim, "chains", chains);
	if (!ledger_head(m->workspace->journal, LEDGER_WORKSPACE, &n, head, err))
		return false;
	json_array_append_new(
	    chains, json_pack("{ss sI ss}", "chain", "", "events", (json_int_t)n, "head", head));
	return claimed_append(m, m->batches, "claimed", chains, err) &&
	    claimed_append(m, m->corrections, "correction_claimed", chains, err);
}

/* Writes the three files and gives their hashes. */
static bool files_write(const struct settings *settings, const char *folder, const json_t *claim,
    char sha256[3][HASH_SIZE], struct error *err)
{
	static const char *const names[] = {"claim.json", "claim.csv", "claim.pdf"};
	char *json = json_dumps(claim, JSON_INDENT(1)), *csv = claim_csv(claim, text_german());
	char *texts[] = {json ? file_path("%s\n", json) : NULL, csv, NULL};
	bool ok = texts[0] != NULL && file_remove(folder, err) && file_make_folder(folder, err);

	for (int i = 0; ok && i < 3; i++) {
		char *path = file_path("%s/%s", folder, names[i]);
		ok = texts[i] ? file_write(path, texts[i], strlen(texts[i]), err)
			      : claim_pdf_write(claim, sha256[0], path, err);
		if (ok && chmod(path, 0400) != 0)
			ok = error_errno(err, NULL, _("cannot set the rights of '%s'"), path);
		ok = ok && hash_file(HASH_SHA256, path, sha256[i], NULL, err) &&
		    (i > 0 || sign_file(settings, path, err));
		free(path);
	}
	ok = ok && file_sync(folder, err);
	free(json);
	free(texts[0]);
	free(csv);
	return ok;
}

static bool making_begin(struct making *m, const char *until, struct error *err)
{
	const struct settings *s = m->workspace->settings;

	if (!settings_text(s, "claim.authority")[0])
		return error_set(err, ERROR_SETUP,
		    _("set claim.authority in altakt.ini, in one workspace only: the one that claims for all"),
		    _("this workspace makes no claims: 'claim.authority' is not set"));
	if (until && !day_read(until, m->until, err))
		return false;
	if (!rules_rates(s, &m->rates, err))
		return false;
	m->rates_own = rules_rates_own(s);
	m->batches = json_array();
	m->counted_by = json_array();
	m->left_out = json_array();
	m->corrections = json_array();
	m->earlier = json_array();
	ledger_now(m->now);
	return true;
}

bool claim_make(struct workspace *w, const char *until, bool dry_run, const char *by, json_t **out,
    struct error *err)
{
	struct making m = {.workspace = w, .by = by};
	char sha256[3][HASH_SIZE], *part = NULL;
	json_t *claim = NULL;
	bool ok = false, begun = false;

	if (!making_begin(&m, until, err) || !(begun = journal_begin(w->journal, err)) ||
	    !basis_read(&m, err) || !claimable_open(w, &m.claimable, err) ||
	    !foreign_claims_read(w->journal, &m.foreign, err) ||
	    !closed_all(w->journal, &m.list, err) || !gather(&m, err) ||
	    !(claim = claim_json(&m, err)))
		goto done;
	if (dry_run) {
		*out = json_incref(claim);
		ok = true;
		goto done;
	}
	if (json_array_size(m.batches) + json_array_size(m.corrections) == 0) {
		error_set(err, ERROR_DECIDE,
		    _("'altakt claim --dry-run' shows what was left out and why"),
		    _("nothing is accepted that no claim holds yet"));
		goto done;
	}
	part = file_path("%s/claims/.%04d.part", w->path, m.number);
	if (!chains_add(&m, claim, err) || !files_write(w->settings, part, claim, sha256, err) ||
	    !ledger_append(w->journal, LEDGER_WORKSPACE, by,
		json_pack("{ss si ss ss ss ss}", "event", "claim_made", "claim", m.number, "amount",
		    text_of(claim, "amount"), "sha256", sha256[0], "csv_sha256", sha256[1],
		    "pdf_sha256", sha256[2]),
		err) ||
	    !journal_commit(w->journal, err))
		goto done;
	begun = false;
	if (!claim_chains_publish(w, claim, err) || !claim_folders_name(w, err))
		goto done;
	*out = json_incref(claim);
	ok = true;
done:
	if (begun && part) /* while it is locked: the next one has the same number */
		file_remove(part, NULL);
	if (begun)
		journal_rollback(w->journal);
	json_decref(claim);
	making_release(&m);
	free(part);
	return ok;
}
