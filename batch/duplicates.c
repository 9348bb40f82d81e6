#include "batch/duplicates.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/duplicate_index.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/look_shelf.h"
#include "config/file.h"
#include "config/text.h"
#include "scan/look.h"

enum {
	MATES_LOOKED_AT = 12,
	PAGES_MOST = 3 * DUPLICATES_CANDIDATES,
	BESIDE = 2, /* sheets on each side of a pair that are looked at */
	MATES = 3,  /* as many copies of its form tell how unlike they are */
};

#define MATES_TELL_MM2 15.0 /* less ink of entries does not tell two copies of a form apart */
#define MATES_SHARE    0.2  /* of what differs between copies may differ between scans of one */

static bool pairs_make(struct journal *j, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	return journal_prepare(j,
		   "CREATE TABLE IF NOT EXISTS near_equal_pair(sheet TEXT NOT NULL, other TEXT NOT NULL,"
		   " PRIMARY KEY(sheet, other)) WITHOUT ROWID",
		   &stmt, err) &&
	    journal_step(j, stmt, &row, err);
}

static bool pairs_there(struct journal *j, bool *there, struct error *err)
{
	sqlite3_stmt *stmt = NULL;

	if (!journal_prepare(j,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'near_equal_pair'",
		&stmt, err) ||
	    !journal_step(j, stmt, there, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

struct written { /* a side with its fingerprint */
	bool there;
	double width_mm;
	struct fingerprint fingerprint;
};

struct other_batch { /* one that candidates lie in, kept open while a batch is looked through */
	struct batch batch;
	json_t *pages; /* "12f": width_mm, of written sides */
};

struct pair {
	int sheet; /* of this batch, by its place in the order of bundles */
	struct other_batch *other;
	int other_sheet; /* running number */
	int other_place; /* its place in the order of its batch */
	bool turned;
	double likeness;
};

struct finder {
	struct batch *batch;
	struct written *sides; /* [sheet - 1][side index] */
	struct other_batch **others;
	int n_others;
	struct pair *pairs; /* by the places of their sheets */
	int n_pairs;
	struct look_shelf looks;
	bool *no_entries; /* [place]: a form that nobody has filled in */
};

static struct written *side_of(const struct finder *f, int sheet, int side)
{
	return &f->sides[(size_t)(sheet - 1) * TALLY_SIDES + (size_t)side];
}

static int side_index(const struct tally_sheet *s, char side)
{
	for (int i = 0; i < s->n_sides; i++)
		if (s->sides[i].side == side)
			return i;
	return -1;
}

/* "<batch>/12" of an event, 0 where it is none of t's. */
static int sheet_number(const struct tally *t, const json_t *e)
{
	const char *name = json_string_value(json_object_get(e, "sheet"));
	const char *slash = name ? strrchr(name, '/') : NULL;
	long n = slash ? strtol(slash + 1, NULL, 10) : 0;

	return n >= 1 && n <= t->n_sheets ? (int)n : 0;
}

static bool own_page(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct finder *f = self;

	if (!strstr(line, "\"event\":\"page_done\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	int sheet = sheet_number(&f->batch->tally, e);
	const char *side = json_string_value(json_object_get(e, "side"));
	int at = sheet && side ? side_index(&f->batch->tally.sheets[sheet - 1], side[0]) : -1;
	if (at >= 0) {
		struct written *w = side_of(f, sheet, at);
		w->width_mm = json_number_value(json_object_get(e, "width_mm"));
		w->there = w->width_mm > 0 &&
		    duplicate_index_fingerprint(
			f->batch->workspace, f->batch->name, e, &w->fingerprint);
	}
	json_decref(e);
	return true;
}

static bool other_page(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct other_batch *o = self;

	if (!strstr(line, "\"event\":\"page_done\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	const char *side = json_string_value(json_object_get(e, "side"));
	struct fingerprint f;
	char name[24];
	snprintf(name, sizeof name, "%d%.1s", sheet_number(&o->batch.tally, e), side ? side : "");
	if (duplicate_index_fingerprint(o->batch.workspace, o->batch.name, e, &f))
		json_object_set(o->pages, name, json_object_get(e, "width_mm"));
	else
		json_object_del(o->pages, name);
	json_decref(e);
	return true;
}

bool duplicates_batch_open(
    struct workspace *w, const char *name, struct batch *out, struct error *err)
{
	char head[65];
	int64_t events;

	if (!ledger_head(w->journal, name, &events, head, err))
		return false;
	if (events > 0)
		return batch_open(w, name, out, err);
	*out = (struct batch){.workspace = w};
	snprintf(out->name, sizeof out->name, "%s", name);
	return duplicate_index_chain(w, name, tally_visit, &out->tally, NULL, err);
}

static bool other_open(
    struct finder *f, const char *name, struct other_batch **out, struct error *err)
{
	struct other_batch *o = NULL;

	for (int i = 0; i < f->n_others; i++)
		if (strcmp(f->others[i]->batch.name, name) == 0) {
			*out = f->others[i];
			return true;
		}
	struct other_batch **more =
	    realloc(f->others, ((size_t)f->n_others + 1) * sizeof(struct other_batch *));
	if (more)
		f->others = more;
	o = calloc(1, sizeof *o);
	if (!more || !o) {
		free(o);
		return error_errno(err, NULL, _("cannot look for equal pages"));
	}
	f->others[f->n_others++] = o;
	o->pages = json_object();
	if (!duplicates_batch_open(f->batch->workspace, name, &o->batch, err) ||
	    !duplicate_index_chain(f->batch->workspace, name, other_page, o, NULL, err))
		return false;
	*out = o;
	return true;
}

bool duplicates_sheet_live(const struct tally *t, int n)
{
	const struct tally_sheet *s = &t->sheets[n - 1];

	return t->state != BATCH_ABANDONED && !s->voided && !s->superseded && !s->separator;
}

/* 0 where that side is not written. */
static double other_width_mm(const struct other_batch *o, int sheet, char side)
{
	char name[24];

	snprintf(name, sizeof name, "%d%c", sheet, side);
	return json_number_value(json_object_get(o->pages, name));
}

/*
 * Whether two sheets are the same: each written side has its equal on the other. A sheet of which
 * fewer sides were scanned needs no more than those.
 */
static bool sheets_compare(struct finder *f, int n, const struct other_batch *o, int m, bool turned,
    double *likeness, bool *same, struct error *err)
{
	const struct tally_sheet *s = &f->batch->tally.sheets[n - 1];
	const struct tally_sheet *p = &o->batch.tally.sheets[m - 1];
	const struct look *ours[TALLY_SIDES] = {0}, *theirs[TALLY_SIDES] = {0};
	bool equal_ours[TALLY_SIDES] = {false}, equal_theirs[TALLY_SIDES] = {false};
	bool all_ours = true, all_theirs = true;
	int n_ours = 0, n_theirs = 0;

	*same = false;
	*likeness = 1;
	for (int i = 0; i < s->n_sides; i++)
		if (side_of(f, n, i)->there) {
			n_ours++;
			if (!(ours[i] = look_shelf_lend(&f->looks, f->batch->name, n,
				  s->sides[i].side, turned, side_of(f, n, i)->width_mm)))
				return true;
		}
	for (int k = 0; k < p->n_sides; k++) {
		double width_mm = other_width_mm(o, m, p->sides[k].side);
		if (width_mm > 0) {
			n_theirs++;
			if (!(theirs[k] = look_shelf_lend(
				  &f->looks, o->batch.name, m, p->sides[k].side, false, width_mm)))
				return true;
		}
	}
	for (int i = 0; i < s->n_sides; i++)
		for (int k = 0; k < p->n_sides; k++) {
			struct likeness l;
			if (!ours[i] || !theirs[k] || equal_ours[i] || equal_theirs[k])
				continue;
			if (!look_compare(ours[i], theirs[k], &l, err))
				return false;
			if (!l.equal)
				continue;
			equal_ours[i] = equal_theirs[k] = true;
			*likeness = l.likeness < *likeness ? l.likeness : *likeness;
		}
	for (int i = 0; i < s->n_sides; i++)
		all_ours = all_ours && (!ours[i] || equal_ours[i]);
	for (int k = 0; k < p->n_sides; k++)
		all_theirs = all_theirs && (!theirs[k] || equal_theirs[k]);
	*same = n_ours > 0 && n_theirs > 0 && (all_ours || s->n_sides > p->n_sides) &&
	    (all_theirs || p->n_sides > s->n_sides) && (all_ours || all_theirs);
	return true;
}

static int order_place(const struct tally *t, int sheet)
{
	for (int i = 0; i < t->n_sheets; i++)
		if (t->order[i] == sheet)
			return i;
	return -1;
}

static bool pair_known(
    struct finder *f, int n, const struct other_batch *o, int m, bool *known, struct error *err)
{
	struct journal *j = f->batch->workspace->journal;
	sqlite3_stmt *stmt = NULL;
	char a[96], b[96];
	bool there;

	*known = false;
	if (!pairs_there(j, &there, err))
		return false;
	if (!there)
		return true;
	batch_sheet_name(f->batch, n, a);
	batch_sheet_name(&o->batch, m, b);
	if (!journal_prepare(j,
		"SELECT 1 FROM near_equal_pair WHERE (sheet = ?1 AND other = ?2) OR (sheet = ?2 AND other = ?1)",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, a, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, b, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, known, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

struct sheet_candidate {
	char batch[65];
	int sheet;
	bool turned; /* this sheet lies upside down beside it */
	double score;
};

static int by_score(const void *a, const void *b)
{
	const struct sheet_candidate *m = a, *n = b;

	if (m->turned != n->turned)
		return m->turned - n->turned;
	return m->score > n->score ? -1 : m->score < n->score;
}

/* Adds the sheets on which one page may have been seen. */
static bool page_candidates(struct finder *f, int n, const struct fingerprint *fingerprint,
    bool turned, struct sheet_candidate *out, int *n_out, struct error *err)
{
	struct duplicate_candidate pages[PAGES_MOST];
	int n_pages;

	if (!duplicate_index_look_up(
		f->batch->workspace->journal, fingerprint, pages, PAGES_MOST, &n_pages, err))
		return false;
	for (int k = 0; k < n_pages; k++) {
		int sheet = (int)strtol(pages[k].name, NULL, 10), at = 0;
		bool own = strcmp(pages[k].batch, f->batch->name) == 0;
		if (own && sheet >= n) /* itself; a later one finds this one */
			continue;
		while (at < *n_out &&
		    (out[at].sheet != sheet || out[at].turned != turned ||
			strcmp(out[at].batch, pages[k].batch) != 0))
			at++;
		if (at == *n_out) {
			out[at] = (struct sheet_candidate){.sheet = sheet, .turned = turned};
			memcpy(out[at].batch, pages[k].batch, sizeof out[at].batch);
			++*n_out;
		}
		out[at].score += pages[k].score;
	}
	return true;
}

/*
 * The sheets that a sheet's pages may have been seen on, best first: of each way up, as scores tell
 * nothing between the two (of a form the words are rare that few have upside down).
 */
static bool candidates_find(
    struct finder *f, int n, struct sheet_candidate *out, int *n_out, struct error *err)
{
	const struct tally_sheet *s = &f->batch->tally.sheets[n - 1];

	*n_out = 0;
	for (int i = 0; i < s->n_sides; i++) {
		const struct written *side = side_of(f, n, i);
		struct fingerprint turned;
		if (!side->there)
			continue;
		fingerprint_turned(&side->fingerprint, &turned);
		if (!page_candidates(f, n, &side->fingerprint, false, out, n_out, err) ||
		    !page_candidates(f, n, &turned, true, out, n_out, err))
			return false;
	}
	qsort(out, (size_t)*n_out, sizeof *out, by_score);
	return true;
}

static int by_size(const void *a, const void *b)
{
	const double *m = a, *n = b;

	return (*m > *n) - (*m < *n);
}

/*
 * How much ink differs, in the middle, between a written side and other copies of the same form;
 * *mates of them, which are neither of sheet n nor of the pair's other sheet. Few mates: it is no
 * form that many have filled in.
 */
static bool mates_differ(struct finder *f, int n, int side, const struct look *look,
    const struct other_batch *pair, int pair_sheet, int *mates, double *differ_mm2,
    struct error *err)
{
	struct duplicate_candidate pages[MATES_LOOKED_AT];
	double differ[MATES];
	int n_pages;

	*mates = 0;
	if (!duplicate_index_mates(f->batch->workspace->journal, &side_of(f, n, side)->fingerprint,
		pages, MATES_LOOKED_AT, &n_pages, err))
		return false;
	for (int i = 0; i < n_pages && *mates < MATES; i++) {
		int sheet = (int)strtol(pages[i].name, NULL, 10);
		struct other_batch *o = NULL;
		const struct look *other;
		struct likeness l;
		if (!other_open(f, pages[i].batch, &o, err))
			return false;
		if ((sheet == n && strcmp(pages[i].batch, f->batch->name) == 0) ||
		    (sheet == pair_sheet && o == pair) || sheet < 1 ||
		    sheet > o->batch.tally.n_sheets ||
		    !duplicates_sheet_live(&o->batch.tally, sheet) ||
		    !(other = look_shelf_lend(&f->looks, pages[i].batch, sheet,
			  pages[i].name[strspn(pages[i].name, "0123456789")], false,
			  pages[i].width_mm)))
			continue;
		if (!look_compare(look, other, &l, err))
			return false;
		if (l.likeness >= LOOK_EQUAL)
			differ[(*mates)++] = l.differing_mm2;
	}
	qsort(differ, (size_t)*mates, sizeof *differ, by_size);
	*differ_mm2 = *mates > 0 ? differ[*mates / 2] : 0;
	return true;
}

/*
 * Whether two sheets that look the same can be told from two copies of one printed form: a form
 * with so little entered that its copies look like scans of one sheet tells nothing, and what tells
 * must differ far less than other copies do.
 */
static bool pair_tells(struct finder *f, int n, const struct other_batch *o, int m, bool turned,
    bool *tells, struct error *err)
{
	const struct tally_sheet *s = &f->batch->tally.sheets[n - 1];
	const struct tally_sheet *p = &o->batch.tally.sheets[m - 1];

	*tells = false;
	for (int i = 0; i < s->n_sides; i++) {
		const struct written *side = side_of(f, n, i);
		const struct look *ours = side->there
		    ? look_shelf_lend(
			  &f->looks, f->batch->name, n, s->sides[i].side, false, side->width_mm)
		    : NULL;
		double differ = HUGE_VAL, mates_mm2;
		int mates;
		if (!ours)
			continue;
		if (!mates_differ(f, n, i, ours, o, m, &mates, &mates_mm2, err))
			return false;
		ours = look_shelf_lend(
		    &f->looks, f->batch->name, n, s->sides[i].side, turned, side->width_mm);
		for (int k = 0; ours && mates >= 2 && k < p->n_sides; k++) {
			double width_mm = other_width_mm(o, m, p->sides[k].side);
			const struct look *theirs = width_mm > 0
			    ? look_shelf_lend(
				  &f->looks, o->batch.name, m, p->sides[k].side, false, width_mm)
			    : NULL;
			struct likeness l = {0};
			if (theirs && !look_compare(ours, theirs, &l, err))
				return false;
			if (l.equal && l.differing_mm2 < differ)
				differ = l.differing_mm2;
		}
		if (mates < 2) {
			*tells = true;
		} else if (mates_mm2 >= MATES_TELL_MM2) {
			if (differ > MATES_SHARE * mates_mm2) {
				*tells = false;
				return true;
			}
			*tells = true;
		}
	}
	return true;
}

static bool pair_taken(const struct finder *f, int from, const struct other_batch *o, int sheet)
{
	for (int i = from; i < f->n_pairs; i++)
		if (f->pairs[i].other == o && f->pairs[i].other_sheet == sheet)
			return true;
	return false;
}

/* Compares a sheet with another; a pair of them is put behind the others'. */
static bool pair_try(struct finder *f, int place, struct other_batch *o, int m, bool turned,
    bool *pair, struct error *err)
{
	int n = f->batch->tally.order[place];
	double likeness;

	if (!sheets_compare(f, n, o, m, turned, &likeness, pair, err) ||
	    (*pair && !pair_tells(f, n, o, m, turned, pair, err)))
		return false;
	if (*pair)
		f->pairs[f->n_pairs++] = (struct pair){.sheet = place,
		    .other = o,
		    .other_sheet = m,
		    .other_place = order_place(&o->batch.tally, m),
		    .turned = turned,
		    .likeness = likeness};
	return true;
}

static bool sheet_find(struct finder *f, int place, struct error *err)
{
	struct sheet_candidate candidates[2 * PAGES_MOST * TALLY_SIDES];
	int n = f->batch->tally.order[place], n_candidates, compared[2] = {0}, alike = 0;
	int before = f->n_pairs;

	if (!candidates_find(f, n, candidates, &n_candidates, err))
		return false;
	for (int i = 0; i < n_candidates; i++) {
		const struct sheet_candidate *c = &candidates[i];
		struct other_batch *o = NULL;
		bool known, pair;
		int m = c->sheet;
		if (compared[c->turned] == DUPLICATES_CANDIDATES)
			continue;
		if (!other_open(f, c->batch, &o, err))
			return false;
		if (m < 1 || m > o->batch.tally.n_sheets ||
		    !duplicates_sheet_live(&o->batch.tally, m))
			continue;
		if (!pair_known(f, n, o, m, &known, err))
			return false;
		compared[c->turned]++;
		if (known || pair_taken(f, before, o, m))
			continue;
		if (!pair_try(f, place, o, m, c->turned, &pair, err))
			return false;
		alike += pair;
	}
	if (alike > DUPLICATES_ALIKE) {
		f->n_pairs = before;
		f->no_entries[place] = true;
	}
	return true;
}

/* --- runs: what lies beside a pair in both stacks is a candidate, too, whatever the index says */

/* The next place with a sheet that is neither blank nor a cover sheet, or -1. */
static int written_place(const struct tally *t, int place, int step)
{
	for (int i = place + step; i >= 0 && i < t->n_sheets; i += step) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (duplicates_sheet_live(t, s->n) && !tally_sheet_blank(s))
			return i;
	}
	return -1;
}

static bool pair_at(const struct finder *f, int place, const struct other_batch *o, int other_place)
{
	for (int i = 0; i < f->n_pairs; i++)
		if (f->pairs[i].sheet == place && f->pairs[i].other == o &&
		    f->pairs[i].other_place == other_place)
			return true;
	return false;
}

/*
 * The sheets of this batch that lie beside the pair's, in the direction of step, against those that
 * lie as far from it in the other stack, both ways. One that does not match may lie between.
 */
static bool beside_try(struct finder *f, struct pair p, int step, struct error *err)
{
	const struct tally *t = &f->batch->tally, *other = &p.other->batch.tally;
	bool own = strcmp(p.other->batch.name, f->batch->name) == 0, known, pair = false;
	int place = p.sheet, beside[] = {p.other_place, p.other_place};

	for (int d = 0; d < BESIDE && !pair; d++) {
		place = written_place(t, place, step);
		if (place < 0)
			return true;
		for (int i = 0; i < 2; i++) {
			if (beside[i] >= 0)
				beside[i] = written_place(other, beside[i], i ? -step : step);
			if (pair_at(f, place, p.other, beside[i])) /* it has neighbours, too */
				return true;
		}
		for (int i = 0; i < 2 && !pair && !f->no_entries[place]; i++) {
			if (beside[i] < 0 || (own && other->order[beside[i]] >= t->order[place]))
				continue;
			int m = other->order[beside[i]];
			if (!pair_known(f, t->order[place], p.other, m, &known, err) ||
			    (!known && !pair_try(f, place, p.other, m, p.turned, &pair, err)))
				return false;
		}
	}
	return true;
}

static void pairs_sort(struct finder *f)
{
	for (int i = 1; i < f->n_pairs; i++) { /* few are out of order */
		struct pair p = f->pairs[i];
		int k = i;
		for (; k > 0 && f->pairs[k - 1].sheet > p.sheet; k--)
			f->pairs[k] = f->pairs[k - 1];
		f->pairs[k] = p;
	}
}

static bool runs_lengthen(struct finder *f, int room, struct error *err)
{
	for (int i = 0; i < f->n_pairs && f->n_pairs + 2 <= room; i++)
		if (!beside_try(f, f->pairs[i], 1, err) || !beside_try(f, f->pairs[i], -1, err))
			return false;
	pairs_sort(f);
	return true;
}

/* Whether nothing but blank sheets and cover sheets lies between two places. */
static bool follows(const struct tally *t, int a, int b)
{
	return a != b && written_place(t, a, a < b ? 1 : -1) == b;
}

/* Takes the run that begins at pairs[first] out of the list; direction of the other stack: ±1. */
static json_t *run_take(struct finder *f, int first, int direction, bool *taken)
{
	json_t *sheets = json_array(), *others = json_array();
	const struct pair *last = &f->pairs[first];
	const struct other_batch *o = last->other;
	double likeness = 1;
	char name[96];

	for (int i = first; i < f->n_pairs; i++) {
		const struct pair *p = &f->pairs[i];
		bool way = direction > 0 ? p->other_place > last->other_place
					 : p->other_place < last->other_place;
		if (taken[i] || p->other != o ||
		    (i != first &&
			(!way || p->sheet <= last->sheet ||
			    !follows(&f->batch->tally, last->sheet, p->sheet) ||
			    !follows(&o->batch.tally, last->other_place, p->other_place))))
			continue;
		taken[i] = true;
		last = p;
		likeness = p->likeness < likeness ? p->likeness : likeness;
		batch_sheet_name(f->batch, f->batch->tally.order[p->sheet], name);
		json_array_append_new(sheets, json_string(name));
		batch_sheet_name(&o->batch, p->other_sheet, name);
		json_array_append_new(others, json_string(name));
	}
	return json_pack("{ss so so sf}", "event", "near_equal", "sheets", sheets, "others", others,
	    "likeness", floor(likeness * 1000) / 1000);
}

static size_t event_sheets(const json_t *event)
{
	return json_array_size(json_object_get(event, "sheets"));
}

static void longest_first(json_t *events)
{
	for (size_t i = 1; i < json_array_size(events); i++)
		for (size_t k = i; k > 0 &&
		     event_sheets(json_array_get(events, k)) >
			 event_sheets(json_array_get(events, k - 1));
		     k--) {
			json_t *one = json_incref(json_array_get(events, k));
			json_array_remove(events, k);
			json_array_insert_new(events, k - 1, one);
		}
}

static void runs_join(struct finder *f, json_t *events)
{
	bool *taken = calloc((size_t)f->n_pairs + 1, sizeof *taken);

	for (int i = 0; taken && i < f->n_pairs; i++) {
		if (taken[i])
			continue;
		bool *back = calloc((size_t)f->n_pairs + 1, sizeof *back);
		if (!back)
			break;
		memcpy(back, taken, (size_t)f->n_pairs * sizeof *back);
		json_t *forward = run_take(f, i, 1, taken), *backward = run_take(f, i, -1, back);
		if (event_sheets(backward) > event_sheets(forward)) { /* fed the other way round */
			memcpy(taken, back, (size_t)f->n_pairs * sizeof *back);
			json_array_append(events, backward);
		} else {
			json_array_append(events, forward);
		}
		json_decref(forward);
		json_decref(backward);
		free(back);
	}
	free(taken);
	longest_first(events);
}

bool duplicates_find(struct batch *b, json_t *events, struct error *err)
{
	struct finder f = {.batch = b, .looks.workspace = b->workspace->path};
	const struct tally *t = &b->tally;
	size_t n = (size_t)t->n_sheets, room = 3 * n * DUPLICATES_CANDIDATES + 1;
	bool ok = false;

	f.sides = calloc(n * TALLY_SIDES + 1, sizeof *f.sides);
	f.pairs = calloc(room, sizeof *f.pairs);
	f.no_entries = calloc(n + 1, sizeof *f.no_entries);
	if (!f.sides || !f.pairs || !f.no_entries) {
		error_errno(err, NULL, _("cannot look for equal pages"));
		goto done;
	}
	if (!duplicate_index_chain(b->workspace, b->name, own_page, &f, NULL, err))
		goto done;
	for (int i = 0; i < t->n_sheets; i++)
		if (duplicates_sheet_live(t, t->order[i]) && !sheet_find(&f, i, err))
			goto done;
	if (!runs_lengthen(&f, (int)room, err))
		goto done;
	json_t *found = json_array();
	runs_join(&f, found);
	json_array_extend(events, found);
	json_decref(found);
	ok = true;
done:
	for (int i = 0; i < f.n_others; i++) {
		batch_release(&f.others[i]->batch);
		json_decref(f.others[i]->pages);
		free(f.others[i]);
	}
	free(f.others);
	free(f.sides);
	look_shelf_release(&f.looks);
	free(f.pairs);
	free(f.no_entries);
	return ok;
}

bool duplicates_remember(struct journal *j, const json_t *event, struct error *err)
{
	json_t *sheets = json_object_get(event, "sheets"),
	       *others = json_object_get(event, "others");
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!pairs_make(j, err))
		return false;
	for (size_t i = 0; i < json_array_size(sheets); i++) {
		if (!journal_prepare(
			j, "INSERT OR IGNORE INTO near_equal_pair VALUES(?1, ?2)", &stmt, err))
			return false;
		sqlite3_bind_text(
		    stmt, 1, json_string_value(json_array_get(sheets, i)), -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(
		    stmt, 2, json_string_value(json_array_get(others, i)), -1, SQLITE_TRANSIENT);
		if (!journal_step(j, stmt, &row, err))
			return false;
	}
	return true;
}

int duplicates_open(const struct tally *t)
{
	int n = 0;

	for (int i = 0; i < t->n_sheets; i++)
		n += t->sheets[i].near_equal == NEAR_EQUAL_OPEN && duplicates_sheet_live(t, i + 1);
	return n;
}
