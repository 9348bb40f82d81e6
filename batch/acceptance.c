#include "batch/acceptance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/closed.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/review.h"
#include "batch/sign.h"
#include "config/account.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { LIMIT_BYTES = 64 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool unseen_error(const struct review *r, struct error *err)
{
	char names[160] = "", todo[256];
	int said = 0;

	for (int i = 0; i < r->n_items && said < 6; i++) {
		char name[24];
		size_t n = strlen(names);
		if (r->items[i].seen)
			continue;
		review_page_name(&r->items[i], name);
		snprintf(names + n, sizeof names - n, "%s%s", said++ ? ", " : "", name);
	}
	if (r->n_unseen > said) {
		size_t n = strlen(names);
		snprintf(names + n, sizeof names - n, ", …");
	}
	snprintf(todo, sizeof todo,
	    _("look at them ('altakt review %s'), then 'altakt seen %s --by NAME PAGE…'"),
	    r->tally.batch, r->tally.batch);
	return error_set(err, ERROR_DECIDE, todo,
	    PLURAL("%d page that has to be looked at is unseen: %s",
		"%d pages that have to be looked at are unseen: %s", r->n_unseen),
	    r->n_unseen, names);
}

/* Whether a word can be given on it. A rejection is taken back with a reason only. */
static bool state_check(const struct closed_batch *b, bool take_back, struct error *err)
{
	switch (b->state) {
	case CLOSED_WAITING: return true;
	case CLOSED_OPEN:
		return error_set(err, ERROR_DECIDE, _("close it with 'altakt close' first"),
		    _("the batch '%s' is not closed"), b->name);
	case CLOSED_CHANGED:
		return error_set(err, ERROR_DECIDE, _("close it again with 'altakt close' first"),
		    _("the batch '%s' was corrected since it was closed"), b->name);
	case CLOSED_ACCEPTED:
		return error_set(err, ERROR_USAGE, NULL,
		    _("the batch '%s' was accepted by '%s' at %s"), b->name, b->accepted_by,
		    b->accepted);
	case CLOSED_REJECTED:
		if (take_back)
			return true;
		return error_set(err, ERROR_DECIDE,
		    _("correct it (rescan, void, move), then close it again; or take the rejection back: accept with --reason"),
		    _("the batch '%s' was rejected"), b->name);
	case CLOSED_ABANDONED:
		return error_set(
		    err, ERROR_USAGE, NULL, _("the batch '%s' was abandoned"), b->name);
	}
	return false;
}

static json_t *sample_names(const struct review *r)
{
	json_t *names = json_array();

	for (int i = 0; i < r->tally.n_sheets; i++)
		if (r->drawn[i] && review_sheet_live(&r->tally.sheets[i]))
			json_array_append_new(names, json_sprintf("%s/%d", r->tally.batch, i + 1));
	return names;
}

static bool eyes_check(const struct workspace *w, const struct review *r, struct error *err)
{
	bool four = settings_bool(w->settings, "review.four_eyes");

	if (four && json_object_get(r->accounts, account_name()))
		return error_set(err, ERROR_USAGE,
		    _("review.four_eyes is on: somebody with another account has to accept"),
		    _("the account '%s' fed, corrected or decided in this batch"), account_name());
	if ((four || r->full) && r->not_opened_one_by_one)
		return error_set(err, ERROR_DECIDE,
		    _("open them one by one and name them with 'altakt seen'"),
		    _("pages were marked as seen with --all, which four eyes and full review refuse"));
	return true;
}

/* The drawn file's count by hand, or null. */
static json_t *hand_json(const struct review *r)
{
	const struct tally_file *f = r->hand_file ? &r->tally.files[r->hand_file - 1] : NULL;

	if (!f || f->hand < 0)
		return json_null();
	json_t *hand = json_pack("{ss si si si sb}", "file_number", f->file_number, "volume",
	    f->volume, "sheets", f->hand, "fed", r->hand_fed, "settled", f->hand != r->hand_fed);
	if (f->hand_first != f->hand)
		json_object_set_new(hand, "first", json_integer(f->hand_first));
	return hand;
}

/* What both words have in common; result "accepted" or "rejected". */
static char *word_text(const struct workspace *w, const struct review *r,
    const struct closed_batch *b, const char *lead, const char *result, const char *reason,
    json_t *sheets)
{
	int flagged = 0, blank = 0;
	char now[25];

	for (int i = 0; i < r->n_items; i++) {
		flagged += (r->items[i].why & REVIEW_FLAGGED) != 0;
		blank += (r->items[i].why & REVIEW_BLANK) != 0;
	}
	ledger_now(now);
	json_t *a = json_pack("{ss ss ss ss ss ss ss si ss ss ss so si si si sb sb s{sIss}}",
	    "format", "altakt-acceptance/1", "batch", b->name, "workspace", w->uuid, "lead", lead,
	    "account", account_name(), "time", now, "manifest", b->manifest_sha256, "revision",
	    b->revision, "seed", r->seed, "sample_percent", r->percent, "mode",
	    r->full ? "full" : "sample", "sample", sample_names(r), "pages_seen",
	    r->n_items - r->n_unseen, "flagged", flagged, "blank_sides", blank,
	    "not_opened_one_by_one", r->not_opened_one_by_one, "four_eyes",
	    settings_bool(w->settings, "review.four_eyes"), "ledger", "events",
	    (json_int_t)r->tally.events, "head", r->tally.head);
	if (!a)
		return NULL;
	json_object_set_new(a, "near_equal_undecided", json_integer(r->n_near_equal));
	json_object_set_new(a, "hand_count", hand_json(r));
	json_object_set_new(a, "result", json_string(result));
	if (reason && json_object_set_new(a, "reason", json_string(reason)) != 0) {
		json_decref(a);
		return NULL;
	}
	if (sheets)
		json_object_set(a, "sheets", sheets);
	char *text = json_dumps(a, JSON_INDENT(1)), *out = NULL;
	if (text)
		out = file_path("%s\n", text);
	free(text);
	json_decref(a);
	return out;
}

char *acceptance_kept_path(const char *folder, int revision, int k)
{
	return k > 1 ? file_path("%s/acceptance.%d.%d.json", folder, revision, k)
		     : file_path("%s/acceptance.%d.json", folder, revision);
}

/* The word before stays, under its revision. */
static bool old_keep(const char *folder, struct error *err)
{
	char *path = file_path("%s/acceptance.json", folder), *to = NULL, *text = NULL;
	char hash[HASH_SIZE], kept_hash[HASH_SIZE];
	json_t *old = NULL;
	bool ok = true, kept = false;
	size_t n;

	if (file_exists(path)) {
		ok = (text = file_read(path, LIMIT_BYTES, &n, err)) != NULL &&
		    hash_file(HASH_SHA256, path, hash, NULL, err);
		old = text ? json_loadb(text, n, 0, NULL) : NULL;
		int revision = (int)json_integer_value(json_object_get(old, "revision"));
		for (int k = 1; ok && !to; k++) {
			to = acceptance_kept_path(folder, revision, k);
			if (!file_exists(to))
				break;
			ok = hash_file(HASH_SHA256, to, kept_hash, NULL, err);
			kept = ok && strcmp(hash, kept_hash) == 0; /* before a crash */
			if (kept)
				break;
			free(to);
			to = NULL;
		}
		ok = ok && (kept || file_copy(path, to, err));
		char *signature = file_path("%s.p7s", path);
		char *kept_signature = file_path("%s.p7s", to ? to : path);
		if (ok && file_exists(signature))
			ok = file_copy(signature, kept_signature, err);
		free(signature);
		free(kept_signature);
	}
	json_decref(old);
	free(text);
	free(path);
	free(to);
	return ok;
}

struct last_word {
	char sha256[65];
};

static bool word_find(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct last_word *last = self;

	if (strstr(line, "\"event\":\"accepted\"") || strstr(line, "\"event\":\"rejected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		snprintf(last->sha256, sizeof last->sha256, "%s", text_of(e, "acceptance_sha256"));
		json_decref(e);
	}
	return true;
}

/* Inside a transaction, so that nobody is between writing a word and its event: the word that lies
 * beside is signed and takes its place where the ledger knows it, and goes where it does not. */
static bool word_settle(struct workspace *w, const char *batch, struct error *err)
{
	char *beside = file_path("%s/batches/%s/.acceptance.json", w->path, batch);
	char *path = file_path("%s/batches/%s/acceptance.json", w->path, batch);
	char *signature_beside = file_path("%s.p7s", beside);
	char *signature = file_path("%s.p7s", path);
	struct last_word last = {""};
	char hex[HASH_SIZE];
	bool ok = true;

	if (!file_exists(beside))
		goto done;
	ok = ledger_read(w->journal, batch, 1, 0, word_find, &last, err) &&
	    hash_file(HASH_SHA256, beside, hex, NULL, err);
	if (ok && strcmp(last.sha256, hex) != 0)
		ok = file_remove(beside, err);
	else
		ok = ok && sign_file(w->settings, beside, err) &&
		    (!file_exists(signature_beside) ||
			file_move(signature_beside, signature, err)) &&
		    file_move(beside, path, err);
done:
	free(beside);
	free(path);
	free(signature_beside);
	free(signature);
	return ok;
}

bool acceptance_recover(struct workspace *w, const char *batch, struct error *err)
{
	char *beside = file_path("%s/batches/%s/.acceptance.json", w->path, batch);
	bool ok = true;

	if (file_exists(beside) && (ok = journal_begin(w->journal, err))) {
		ok = word_settle(w, batch, err);
		journal_rollback(w->journal);
	}
	free(beside);
	return ok;
}

/* Text and event together, inside the transaction, which it ends; takes event. */
static bool word_give(struct workspace *w, const char *batch, const char *lead, const char *text,
    json_t *event, bool *begun, struct error *err)
{
	char *folder = file_path("%s/batches/%s", w->path, batch), hex[HASH_SIZE];
	char *beside = file_path("%s/.acceptance.json", folder);
	bool ok = false;

	if (!text || !event) {
		json_decref(event);
		error_set(err, ERROR_USAGE, _("write names and reasons in UTF-8"),
		    _("cannot write the acceptance"));
		goto done;
	}
	hash_bytes(HASH_SHA256, text, strlen(text), hex);
	json_object_set_new(event, "acceptance_sha256", json_string(hex));
	if (!word_settle(w, batch, err)) { /* the one before: who gave it may not be that far */
		json_decref(event);
		goto done;
	}
	if (!ledger_append(w->journal, batch, lead, event, err) || !old_keep(folder, err) ||
	    !file_write(beside, text, strlen(text), err) || !journal_commit(w->journal, err))
		goto done;
	*begun = false;
	ok = acceptance_recover(w, batch, err);
done:
	free(folder);
	free(beside);
	return ok;
}

/* What a lead has to decide before accepting; what is only asked for is said in the acceptance. */
static bool decisions_check(const struct workspace *w, const struct review *r, struct error *err)
{
	const struct tally_file *f = r->hand_file ? &r->tally.files[r->hand_file - 1] : NULL;
	char todo[256];

	if (r->n_near_equal > 0 &&
	    strcmp(settings_text(w->settings, "review.near_equal"), "require") == 0) {
		const char *first = review_finding_first(r);
		snprintf(todo, sizeof todo, _("altakt decide %s keep|void --by NAME --reason TEXT"),
		    first);
		return error_set(err, ERROR_DECIDE, todo,
		    PLURAL("%d finding of sheets nearly equal to others is not decided: %s",
			"%d findings of sheets nearly equal to others are not decided: %s",
			r->n_near_equal),
		    r->n_near_equal, first);
	}
	if (r->hand_differs) {
		snprintf(todo, sizeof todo,
		    _("count again ('altakt count'), correct the sheets, or settle it: altakt settle %s --file '%s' --by NAME --reason TEXT"),
		    r->tally.batch, f->file_number);
		return error_set(err, ERROR_DECIDE, todo,
		    PLURAL("file %s: %d sheet was counted by hand, %d were fed and are valid",
			"file %s: %d sheets were counted by hand, %d were fed and are valid",
			f->hand),
		    f->file_number, f->hand, r->hand_fed);
	}
	if (f && f->hand < 0 &&
	    strcmp(settings_text(w->settings, "review.hand_count"), "require") == 0) {
		snprintf(todo, sizeof todo,
		    _("count its paper, then 'altakt count %s --sheets N --by NAME'"),
		    r->tally.batch);
		return error_set(err, ERROR_DECIDE, todo,
		    _("nobody has counted the paper of file %s by hand"), f->file_number);
	}
	return true;
}

bool acceptance_accept(
    struct workspace *w, const char *batch, const char *lead, const char *reason, struct error *err)
{
	struct review r = {0};
	struct closed_batch b = {0};
	char *text = NULL;
	bool ok = false, begun = false;

	if (!review_lead_check(w, lead, err) || !batch_name_check(batch, err) ||
	    !(begun = journal_begin(w->journal, err)))
		goto done;
	if (!review_read(w, batch, &r, err) || !closed_read(w->journal, batch, &b, err) ||
	    !state_check(&b, reason && reason[0], err))
		goto done;
	if (r.n_unseen > 0) {
		unseen_error(&r, err);
		goto done;
	}
	if (!eyes_check(w, &r, err) || !decisions_check(w, &r, err) ||
	    !sign_ready(w->settings, err))
		goto done;
	bool takes_back = b.state == CLOSED_REJECTED;
	const struct tally_file *hand = r.hand_file ? &r.tally.files[r.hand_file - 1] : NULL;
	bool counted = hand && hand->hand >= 0;
	text = word_text(w, &r, &b, lead, "accepted", takes_back ? reason : NULL, NULL);
	json_t *event = json_pack("{ss ss ss so ss si sb sb sb si}", "event", "accepted", "lead",
	    lead, "seed", r.seed, "sample", sample_names(&r), "manifest", b.manifest_sha256,
	    "revision", b.revision, "not_opened_one_by_one", r.not_opened_one_by_one,
	    "hand_counted", counted, "hand_settled", counted && hand->hand != r.hand_fed,
	    "near_equal_undecided", r.n_near_equal);
	if (event && takes_back)
		json_object_set_new(event, "takes_back", json_string(reason));
	ok = word_give(w, batch, lead, text, event, &begun, err);
done:
	if (begun)
		journal_rollback(w->journal);
	review_release(&r);
	closed_release(&b);
	free(text);
	return ok;
}

/* Full names of the sheets; NULL and ERROR_USAGE where one is not there, or counts no more. */
static json_t *sheets_named(const struct review *r, const json_t *sheets, struct error *err)
{
	json_t *full = json_array(), *one;
	size_t i, n = strlen(r->tally.batch);

	json_array_foreach(sheets, i, one)
	{
		const char *name = json_string_value(one), *rest = name ? name : "";
		char *end;
		if (strncmp(rest, r->tally.batch, n) == 0 && rest[n] == '/')
			rest += n + 1;
		long sheet = strtol(rest, &end, 10);
		bool page = end[0] && !end[1] && end[0] >= 'a' && end[0] <= 'z';
		if (end == rest || (*end && !page) || sheet < 1 || sheet > r->tally.n_sheets) {
			error_set(err, ERROR_USAGE,
			    _("a sheet is <batch>/<number>; 'altakt review' names them"),
			    _("there is no sheet '%s' in the batch '%s'"), name ? name : "",
			    r->tally.batch);
			json_decref(full);
			return NULL;
		}
		if (!review_sheet_live(&r->tally.sheets[sheet - 1])) {
			error_set(err, ERROR_USAGE, NULL,
			    _("sheet %s/%ld is voided, superseded or a cover sheet: there is nothing to reject"),
			    r->tally.batch, sheet);
			json_decref(full);
			return NULL;
		}
		json_array_append_new(full, json_sprintf("%s/%ld", r->tally.batch, sheet));
	}
	return full;
}

bool acceptance_reject(struct workspace *w, const char *batch, const char *lead, const char *reason,
    const json_t *sheets, struct error *err)
{
	struct review r = {0};
	struct closed_batch b = {0};
	json_t *named = NULL;
	char *text = NULL;
	bool ok = false, begun = false;

	if (!review_lead_check(w, lead, err) || !batch_name_check(batch, err) ||
	    !(begun = journal_begin(w->journal, err)))
		goto done;
	if (!review_read(w, batch, &r, err) || !closed_read(w->journal, batch, &b, err))
		goto done;
	if (b.claim > 0) {
		error_set(err, ERROR_USAGE,
		    _("correct it: the next claim carries the difference; or cancel the claim first"),
		    _("the batch '%s' is in claim %d"), batch, b.claim);
		goto done;
	}
	if (b.state != CLOSED_ACCEPTED && !state_check(&b, true, err))
		goto done;
	named = sheets_named(&r, sheets, err);
	if (!named || !sign_ready(w->settings, err))
		goto done;
	text = word_text(w, &r, &b, lead, "rejected", reason, named);
	ok = word_give(w, batch, lead, text,
	    json_pack("{ss ss ss sO ss so ss si}", "event", "rejected", "lead", lead, "reason",
		reason, "sheets", named, "seed", r.seed, "sample", sample_names(&r), "manifest",
		b.manifest_sha256, "revision", b.revision),
	    &begun, err);
done:
	if (begun)
		journal_rollback(w->journal);
	review_release(&r);
	closed_release(&b);
	json_decref(named);
	free(text);
	return ok;
}
