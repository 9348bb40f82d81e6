#include "batch/review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
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

bool review_sheet_live(const struct tally_sheet *s)
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
		if (review_sheet_live(&t->sheets[i]))
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
	r->findings = json_array();
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

/* Whoever did this fed, corrected or decided. A page that a person wants made anew has a reason; one
 * that page work tries again has none. */
static bool event_is_work(const char *event, const json_t *e)
{
	static const char *const names[] = {"sheet_fed", "view_fed", "image_taken",
	    "feeding_started", "operator", "decided", "sheet_voided", "sheet_moved", "rescan_asked",
	    "insert_asked", "refeed_done", "image_missing", "file_renumbered", "file_reopened",
	    "count_given", "settled", "near_equal_kept"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(event, names[i]) == 0)
			return true;
	return strcmp(event, "page_retry") == 0 && json_object_get(e, "reason");
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

static bool array_has(const json_t *array, const char *text)
{
	size_t i;
	json_t *one;

	json_array_foreach(array, i, one)
	{
		if (strcmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

/* A finding is decided with its first sheet; a range is decided as a whole. */
static void findings_decide(struct review *r, const json_t *e)
{
	size_t i;
	json_t *finding;

	json_array_foreach(r->findings, i, finding)
	{
		json_t *first = json_array_get(json_object_get(finding, "sheets"), 0);
		if (first && array_has(json_object_get(e, "sheets"), json_string_value(first))) {
			json_object_set(finding, "decided", json_object_get(e, "by"));
			json_object_set(finding, "reason", json_object_get(e, "reason"));
		}
	}
}

/* Sheets that were voided or scanned again since are no finding any more. */
static void findings_settle(struct review *r)
{
	for (size_t i = json_array_size(r->findings); i-- > 0;) {
		json_t *finding = json_array_get(r->findings, i);
		json_t *sheets = json_object_get(finding, "sheets"), *name;
		bool open = false, left = false;
		size_t k;
		json_array_foreach(sheets, k, name)
		{
			const char *slash = strrchr(json_string_value(name), '/');
			int n = slash ? atoi(slash + 1) : 0;
			const struct tally_sheet *s =
			    n >= 1 && n <= r->tally.n_sheets ? &r->tally.sheets[n - 1] : NULL;
			left = left || (s && review_sheet_live(s));
			open =
			    open || (s && review_sheet_live(s) && s->near_equal == NEAR_EQUAL_OPEN);
		}
		if (!left)
			json_array_remove(r->findings, i);
		else if (open)
			r->n_near_equal++;
	}
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
	} else if (strcmp(event, "near_equal") == 0) {
		json_array_append(r->findings, e);
	} else if (strcmp(event, "near_equal_kept") == 0) {
		findings_decide(r, e);
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
	if (event_is_work(event, e))
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
	if (s->near_equal == NEAR_EQUAL_OPEN && !side->blank)
		item->why |= REVIEW_NEAR_EQUAL;
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

/* The file whose paper is counted by hand: the lowest SHA-256 of "<seed> <batch> file <n>". */
static void hand_draw(struct review *r)
{
	char best[HASH_SIZE] = "", text[256], hex[HASH_SIZE];
	struct tally_counts c;

	r->hand_file = 0;
	for (int i = 1; r->seed[0] && i <= r->tally.n_files; i++) {
		tally_file_counts(&r->tally, i, &c);
		if (c.counted + c.blank_uncounted == 0)
			continue;
		int n = snprintf(text, sizeof text, "%s %s file %d", r->seed, r->tally.batch, i);
		hash_bytes(HASH_SHA256, text, (size_t)n, hex);
		if (r->hand_file && strcmp(hex, best) >= 0)
			continue;
		memcpy(best, hex, sizeof best);
		r->hand_file = i;
		r->hand_fed = c.counted + c.blank_uncounted;
	}
	if (r->hand_file)
		r->hand_differs =
		    tally_file_hand_differs(&r->tally.files[r->hand_file - 1], r->hand_fed);
}

bool review_end(struct review *r, struct error *err)
{
	const struct tally *t = &r->tally;
	size_t room = 1;

	for (int i = 0; i < t->n_sheets; i++)
		room += (size_t)t->sheets[i].n_sides;
	findings_settle(r);
	hand_draw(r);
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
		if (!review_sheet_live(s))
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
		return batch_not_here(w, batch, err);
	}
	*out = r;
	return true;
}

const char *review_finding_first(const struct review *r)
{
	size_t i;
	json_t *finding;

	json_array_foreach(r->findings, i, finding)
	{
		if (!json_object_get(finding, "decided"))
			return json_string_value(
			    json_array_get(json_object_get(finding, "sheets"), 0));
	}
	return "";
}

void review_release(struct review *r)
{
	tally_release(&r->tally);
	free(r->drawn);
	free(r->items);
	json_decref(r->findings);
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
