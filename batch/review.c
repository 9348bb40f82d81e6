#include "batch/review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/closed.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/money.h"
#include "batch/sign.h"
#include "config/account.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* A sheet that a reviewer may meet: its paper is in the batch and not replaced. */
static bool sheet_live(const struct tally_sheet *s)
{
	return !s->voided && !s->superseded && !s->separator;
}

struct lot {
	char hash[65];
	int n; /* of the sheet */
};

static int by_hash(const void *a, const void *b)
{
	return strcmp(((const struct lot *)a)->hash, ((const struct lot *)b)->hash);
}

static void lot_draw(const struct tally *t, const char *seed, int n, struct lot *lot)
{
	char text[256], hex[HASH_SIZE];
	int k = snprintf(text, sizeof text, "%s %s/%d", seed, t->batch, n);

	hash_bytes(HASH_SHA256, text, (size_t)k, hex);
	snprintf(lot->hash, sizeof lot->hash, "%.64s", hex);
	lot->n = n;
}

/* percent of n, rounded up, in integers. */
static bool share(const char *percent, int n, int *out, struct error *err)
{
	struct money_rate rate;
	int64_t whole = 100;

	if (!money_rate_read(percent, &rate, err))
		return error_where(err, "review.sample_percent");
	for (int i = 0; i < rate.digits && i < 6; i++)
		whole *= 10;
	for (int i = 6; i < rate.digits; i++) /* finer than a millionth of a percent: rounded up */
		rate.units = rate.units / 10 + (rate.units % 10 != 0);
	if (rate.units > whole)
		rate.units = whole;
	*out = (int)((rate.units * n + whole - 1) / whole);
	return true;
}

bool review_draw(
    const struct tally *t, const char *seed, const char *percent, bool *drawn, struct error *err)
{
	struct lot *lots = calloc((size_t)t->n_sheets + 1, sizeof *lots);
	bool *has = calloc((size_t)t->n_files + 1, sizeof *has);
	int n = 0, size = 0;
	bool ok = false;

	if (!lots || !has) {
		error_errno(err, NULL, _("cannot draw the sample"));
		goto done;
	}
	for (int i = 0; i < t->n_sheets; i++)
		if (sheet_live(&t->sheets[i]))
			lot_draw(t, seed, i + 1, &lots[n++]);
	qsort(lots, (size_t)n, sizeof *lots, by_hash);
	if (!share(percent, n, &size, err))
		goto done;
	for (int i = 0; i < n; i++) {
		const struct tally_sheet *s = &t->sheets[lots[i].n - 1];
		if (i >= size && has[s->file])
			continue;
		drawn[s->n - 1] = true;
		has[s->file] = true;
	}
	ok = true;
done:
	free(lots);
	free(has);
	return ok;
}

void review_begin(struct review *r, const char *percent, bool full)
{
	*r = (struct review){.full = full};
	snprintf(r->percent, sizeof r->percent, "%s", percent);
	r->flags = json_object();
	r->evidence = json_object();
	r->accounts = json_object();
	r->seen = json_object();
}

/* "<batch>/12" and "f" as "12f". */
static void page_key(const json_t *e, char key[24])
{
	const char *sheet = strrchr(text_of(e, "sheet"), '/');

	snprintf(key, 24, "%.12s%.1s", sheet ? sheet + 1 : "", text_of(e, "side"));
}

static bool event_is_work(const char *event)
{
	static const char *const names[] = {"sheet_fed", "view_fed", "feeding_started", "operator",
	    "decided", "sheet_voided", "sheet_moved", "rescan_asked", "image_missing",
	    "file_renumbered", "file_reopened", "count_given", "settled"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(event, names[i]) == 0)
			return true;
	return false;
}

static bool drawn_room(struct review *r, struct error *err)
{
	if (r->tally.n_sheets <= r->n_room)
		return true;
	int room = r->tally.n_sheets + 64 + r->n_room;
	bool *more = realloc(r->drawn, (size_t)room * sizeof *more);
	if (!more)
		return error_errno(err, NULL, _("cannot draw the sample"));
	memset(more + r->n_room, 0, (size_t)(room - r->n_room) * sizeof *more);
	r->drawn = more;
	r->n_room = room;
	return true;
}

static void seen_note(struct review *r, const json_t *e, int64_t n)
{
	json_t *page;
	size_t i;

	if (json_is_true(json_object_get(e, "all")))
		r->seen_all = n;
	json_array_foreach(json_object_get(e, "pages"), i, page)
	{
		const char *name = json_string_value(page);
		const char *slash = name ? strrchr(name, '/') : NULL;
		if (name)
			json_object_set_new(r->seen, slash ? slash + 1 : name, json_integer(n));
	}
}

/*
 * False for most lines, which need not be parsed once more: pages without flags, and sheets fed by
 * an account that is known. Inside JSON text a quote has a backslash before it, so what is looked
 * for is what the writer wrote.
 */
static bool line_matters(struct review *r, const char *line)
{
	const char *event = strstr(line, "\"event\":\""), *account;

	if (!event)
		return true;
	event += strlen("\"event\":\"");
	if (strncmp(event, "page_done\"", 10) == 0)
		return !strstr(event, "\"flags\":[]") || json_object_size(r->flags) > 0;
	if (strncmp(event, "sheet_fed\"", 10) == 0) {
		account = strstr(line, "\"account\":\"");
		size_t known = strlen(r->account);
		return !account || account > event || known == 0 ||
		    strncmp(account + 11, r->account, known) != 0 || account[11 + known] != '"';
	}
	return true;
}

bool review_add(struct review *r, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	char key[24];
	bool ok = false;

	if (!tally_add(&r->tally, n, line, n_bytes, err) || !drawn_room(r, err))
		return false;
	if (!line_matters(r, line))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	const char *event = text_of(e, "event");
	if (strcmp(event, "page_done") == 0) {
		page_key(e, key);
		json_t *flags = json_object_get(e, "flags");
		if (json_array_size(flags) > 0)
			json_object_set(r->flags, key, flags);
		else
			json_object_del(r->flags, key);
	} else if (strcmp(event, "evidence_kept") == 0) {
		page_key(e, key);
		json_object_set(r->evidence, key, json_object_get(e, "path"));
	} else if (strcmp(event, "seen") == 0) {
		seen_note(r, e, n);
	} else if (strcmp(event, "closed") == 0) {
		if (!r->seed[0]) {
			char hex[HASH_SIZE];
			hash_bytes(HASH_SHA256, line, n_bytes, hex);
			snprintf(r->seed, sizeof r->seed, "%.64s", hex);
		}
		if (!review_draw(&r->tally, r->seed, r->percent, r->drawn, err))
			goto done;
	}
	if (strcmp(event, "sheet_fed") == 0)
		snprintf(r->account, sizeof r->account, "%.63s",
		    strlen(text_of(e, "account")) < 64 ? text_of(e, "account") : "");
	if (event_is_work(event))
		json_object_set_new(r->accounts, text_of(e, "account"), json_true());
	ok = true;
done:
	json_decref(e);
	return ok;
}

void review_page_name(const struct review_item *item, char name[24])
{
	snprintf(name, 24, "%d%c", item->sheet, item->side);
}

static void item_add(struct review *r, const struct tally_sheet *s, const struct tally_side *side)
{
	struct review_item *item = &r->items[r->n_items];
	char name[24];

	*item = (struct review_item){.sheet = s->n, .side = side->side};
	if (r->drawn[s->n - 1])
		item->why |= REVIEW_SAMPLE;
	if (side->flagged || side->ocr_failed || s->suspect_kinds)
		item->why |= REVIEW_FLAGGED;
	if (side->blank)
		item->why |= REVIEW_BLANK;
	if (r->full)
		item->why |= REVIEW_FULL;
	if (!item->why)
		return;
	review_page_name(item, name);
	/* Work done on the page after somebody looked makes it unseen again. */
	item->one_by_one = json_integer_value(json_object_get(r->seen, name)) > side->done_event;
	item->seen = item->one_by_one || r->seen_all > side->done_event;
	r->n_unseen += !item->seen;
	if (item->seen && !item->one_by_one)
		r->not_opened_one_by_one = true;
	r->n_items++;
}

bool review_end(struct review *r, struct error *err)
{
	const struct tally *t = &r->tally;
	size_t room = 1;

	for (int i = 0; i < t->n_sheets; i++)
		room += (size_t)t->sheets[i].n_sides;
	r->items = calloc(room, sizeof *r->items);
	if (!r->items)
		return error_errno(err, NULL, _("cannot draw the sample"));
	for (int i = 0; i < t->n_sheets; i++) { /* a later sheet supersedes an earlier one */
		int old = t->sheets[i].rescan_of;
		if (old > 0 && old <= t->n_sheets && r->drawn[old - 1])
			r->drawn[i] = true;
	}
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (!sheet_live(s))
			continue;
		r->n_drawn += r->drawn[s->n - 1];
		for (int k = 0; k < s->n_sides; k++)
			item_add(r, s, &s->sides[k]);
	}
	return true;
}

static bool fold(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	return review_add(self, n, line, n_bytes, err);
}

bool review_read(struct workspace *w, const char *batch, struct review *out, struct error *err)
{
	struct review r;
	bool full = strcmp(settings_text(w->settings, "review.mode"), "full") == 0;

	if (!batch_name_check(batch, err))
		return false;
	review_begin(&r, settings_text(w->settings, "review.sample_percent"), full);
	if (!ledger_read(w->journal, batch, 1, 0, fold, &r, err) || !review_end(&r, err)) {
		review_release(&r);
		return false;
	}
	if (r.tally.events == 0) {
		review_release(&r);
		return error_set(err, ERROR_USAGE, _("'altakt status' lists those that are there"),
		    _("there is no batch '%s'"), batch);
	}
	*out = r;
	return true;
}

void review_release(struct review *r)
{
	tally_release(&r->tally);
	free(r->drawn);
	free(r->items);
	json_decref(r->flags);
	json_decref(r->evidence);
	json_decref(r->accounts);
	json_decref(r->seen);
	*r = (struct review){0};
}

char *review_image(const struct review *r, const char *workspace, const struct review_item *item)
{
	char name[24];

	review_page_name(item, name);
	char *relative = file_path("spool/%s/%s.jpg", r->tally.batch, name);
	char *path = file_path("%s/%s", workspace, relative);
	bool there = file_exists(path);
	free(path);
	if (there)
		return relative;
	free(relative);
	const char *proof = json_string_value(json_object_get(r->evidence, name));
	return proof ? file_path("batches/%s/%s", r->tally.batch, proof) : NULL;
}

bool review_lead_check(const struct workspace *w, const char *lead, struct error *err)
{
	const char *leads = settings_text(w->settings, "review.leads");
	size_t n = strlen(lead);

	if (!leads[0])
		return true;
	for (const char *p = leads; *p;) {
		p += strspn(p, " ,;\t");
		size_t k = strcspn(p, " ,;\t");
		if (k == n && n > 0 && strncmp(p, lead, n) == 0)
			return true;
		p += k;
	}
	return error_set(err, ERROR_USAGE, _("altakt.ini names them in review.leads"),
	    _("'%s' is none of the leads who may accept or reject"), lead);
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

static bool state_check(const struct closed_batch *b, const char *verb, struct error *err)
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
		return error_set(err, ERROR_DECIDE,
		    _("correct it (rescan, void, move), then close it again"),
		    _("the batch '%s' was rejected"), b->name);
	case CLOSED_ABANDONED:
		return error_set(
		    err, ERROR_USAGE, NULL, _("the batch '%s' was abandoned"), b->name);
	}
	return error_set(err, ERROR_USAGE, NULL, "%s", verb);
}

static json_t *sample_names(const struct review *r)
{
	json_t *names = json_array();

	for (int i = 0; i < r->tally.n_sheets; i++)
		if (r->drawn[i] && sheet_live(&r->tally.sheets[i]))
			json_array_append_new(names, json_sprintf("%s/%d", r->tally.batch, i + 1));
	return names;
}

static char *acceptance_text(const struct workspace *w, const struct review *r,
    const struct closed_batch *b, const char *lead)
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
	    r->full ? "full" : "sample", "sample", sample_names(r), "pages_seen", r->n_items,
	    "flagged", flagged, "blank_sides", blank, "not_opened_one_by_one",
	    r->not_opened_one_by_one, "four_eyes", settings_bool(w->settings, "review.four_eyes"),
	    "ledger", "events", (json_int_t)r->tally.events, "head", r->tally.head);
	if (!a)
		return NULL;
	json_object_set_new(a, "result", json_string("accepted"));
	char *text = json_dumps(a, JSON_INDENT(1)), *out = NULL;
	if (text)
		out = file_path("%s\n", text);
	free(text);
	json_decref(a);
	return out;
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

/* The acceptance of an older revision is kept under its number. */
static bool old_keep(const char *folder, struct error *err)
{
	char *path = file_path("%s/acceptance.json", folder), *to = NULL, *text = NULL;
	json_t *old = NULL;
	bool ok = true;
	size_t n;

	if (file_exists(path)) {
		ok = (text = file_read(path, 64 << 20, &n, err)) != NULL;
		old = text ? json_loadb(text, n, 0, NULL) : NULL;
		to = file_path("%s/acceptance.%d.json", folder,
		    (int)json_integer_value(json_object_get(old, "revision")));
		ok = ok && (file_exists(to) || file_copy(path, to, err));
		char *signature = file_path("%s.p7s", path), *kept = file_path("%s.p7s", to);
		if (ok && file_exists(signature))
			ok = file_copy(signature, kept, err);
		free(signature);
		free(kept);
	}
	json_decref(old);
	free(text);
	free(path);
	free(to);
	return ok;
}

bool review_accept(struct workspace *w, const char *batch, const char *lead, struct error *err)
{
	struct review r = {0};
	struct closed_batch b = {0};
	char *folder = file_path("%s/batches/%s", w->path, batch), *text = NULL, hex[HASH_SIZE];
	char *beside = file_path("%s/.acceptance.json", folder);
	char *path = file_path("%s/acceptance.json", folder);
	bool ok = false, begun = false;

	if (!review_lead_check(w, lead, err) || !batch_name_check(batch, err) ||
	    !(begun = journal_begin(w->journal, err)))
		goto done;
	if (!review_read(w, batch, &r, err) || !closed_read(w->journal, batch, &b, err) ||
	    !state_check(&b, "accept", err))
		goto done;
	if (r.n_unseen > 0) {
		unseen_error(&r, err);
		goto done;
	}
	if (!eyes_check(w, &r, err) || !sign_ready(w->settings, err))
		goto done;
	text = acceptance_text(w, &r, &b, lead);
	if (!text) {
		error_set(err, ERROR_USAGE, _("write the name in UTF-8"),
		    _("cannot write the acceptance"));
		goto done;
	}
	hash_bytes(HASH_SHA256, text, strlen(text), hex);
	json_t *event = json_pack("{ss ss ss so ss si sb ss}", "event", "accepted", "lead", lead,
	    "seed", r.seed, "sample", sample_names(&r), "manifest", b.manifest_sha256, "revision",
	    b.revision, "not_opened_one_by_one", r.not_opened_one_by_one, "acceptance_sha256", hex);
	if (!ledger_append(w->journal, batch, lead, event, err) || !old_keep(folder, err) ||
	    !file_write(beside, text, strlen(text), err) || !journal_commit(w->journal, err))
		goto done;
	begun = false;
	ok = file_move(beside, path, err) && sign_file(w->settings, path, err);
done:
	if (begun)
		journal_rollback(w->journal);
	review_release(&r);
	closed_release(&b);
	free(text);
	free(folder);
	free(beside);
	free(path);
	return ok;
}

struct last_accepted {
	char sha256[65];
};

static bool accepted_find(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct last_accepted *last = self;

	if (strstr(line, "\"event\":\"accepted\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		snprintf(last->sha256, sizeof last->sha256, "%s", text_of(e, "acceptance_sha256"));
		json_decref(e);
	}
	return true;
}

bool review_recover(struct workspace *w, const char *batch, struct error *err)
{
	char *beside = file_path("%s/batches/%s/.acceptance.json", w->path, batch);
	char *path = file_path("%s/batches/%s/acceptance.json", w->path, batch);
	struct last_accepted last = {""};
	char hex[HASH_SIZE];
	bool ok = true, begun = false;

	if (!file_exists(beside))
		goto done;
	/* Inside a transaction nobody is between writing it and its event. */
	ok = begun = journal_begin(w->journal, err);
	if (!ok || !file_exists(beside))
		goto done;
	ok = ledger_read(w->journal, batch, 1, 0, accepted_find, &last, err) &&
	    hash_file(HASH_SHA256, beside, hex, NULL, err) &&
	    (strcmp(last.sha256, hex) == 0 ? file_move(beside, path, err)
					   : file_remove(beside, err));
done:
	if (begun)
		journal_rollback(w->journal);
	free(beside);
	free(path);
	return ok;
}

bool review_reject(struct workspace *w, const char *batch, const char *lead, const char *reason,
    json_t *sheets, struct error *err)
{
	struct closed_batch b = {0};
	bool ok = false, begun = false;

	if (!review_lead_check(w, lead, err) || !batch_name_check(batch, err) ||
	    !(begun = journal_begin(w->journal, err)))
		goto done;
	int64_t n;
	char head[65];
	if (!ledger_head(w->journal, batch, &n, head, err))
		goto done;
	if (n == 0) {
		error_set(err, ERROR_USAGE, _("'altakt status' lists those that are there"),
		    _("there is no batch '%s'"), batch);
		goto done;
	}
	if (!closed_read(w->journal, batch, &b, err))
		goto done;
	if (b.claim > 0) {
		error_set(err, ERROR_USAGE,
		    _("correct it: the next claim carries the difference; or cancel the claim first"),
		    _("the batch '%s' is in claim %d"), batch, b.claim);
		goto done;
	}
	if (b.state != CLOSED_ACCEPTED && !state_check(&b, "reject", err))
		goto done;
	json_t *event =
	    json_pack("{ss ss ss}", "event", "rejected", "lead", lead, "reason", reason);
	if (event)
		json_object_set_new(event, "sheets", sheets ? json_incref(sheets) : json_array());
	if (!ledger_append(w->journal, batch, lead, event, err) || !journal_commit(w->journal, err))
		goto done;
	begun = false;
	ok = true;
done:
	if (begun)
		journal_rollback(w->journal);
	closed_release(&b);
	return ok;
}

/* "b1/12f" or "12f" names a side that was fed. */
static const char *page_find(const struct tally *t, const char *name)
{
	size_t n = strlen(t->batch);
	const char *page = strncmp(name, t->batch, n) == 0 && name[n] == '/' ? name + n + 1 : name;
	char *end;
	long sheet = strtol(page, &end, 10);

	if (end == page || sheet < 1 || sheet > t->n_sheets || !end[0] || end[1])
		return NULL;
	const struct tally_sheet *s = &t->sheets[sheet - 1];
	for (int i = 0; i < s->n_sides; i++)
		if (s->sides[i].side == end[0])
			return page;
	return NULL;
}

bool review_seen(struct workspace *w, const char *batch, const char *by, json_t *pages, bool all,
    struct error *err)
{
	struct review r = {0};
	json_t *full = json_array(), *page;
	bool ok = false, begun = false;
	size_t i;

	if (!(begun = journal_begin(w->journal, err)) || !review_read(w, batch, &r, err))
		goto done;
	if (!r.seed[0]) {
		error_set(err, ERROR_DECIDE, _("close it with 'altakt close' first"),
		    _("the batch '%s' is not closed"), batch);
		goto done;
	}
	if (all && (r.full || settings_bool(w->settings, "review.four_eyes"))) {
		error_set(err, ERROR_USAGE, _("open the pages one by one and name them"),
		    _("--all is refused: the settings ask for four eyes or full review"));
		goto done;
	}
	json_array_foreach(pages, i, page)
	{
		const char *found = page_find(&r.tally, json_string_value(page));
		if (!found) {
			error_set(err, ERROR_USAGE, _("'altakt review' lists the pages"),
			    _("there is no page '%s' in the batch '%s'"), json_string_value(page),
			    batch);
			goto done;
		}
		json_array_append_new(full, json_sprintf("%s/%s", batch, found));
	}
	json_t *event = json_pack("{ss sO sb}", "event", "seen", "pages", full, "all", all);
	if (!ledger_append(w->journal, batch, by, event, err) || !journal_commit(w->journal, err))
		goto done;
	begun = false;
	ok = true;
done:
	if (begun)
		journal_rollback(w->journal);
	json_decref(full);
	review_release(&r);
	return ok;
}
