#include "batch/duplicate_index.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/journal.h"
#include "config/file.h"
#include "config/text.h"
#include "scan/look.h"

enum {
	HITS_MAX = FINGERPRINT_WORDS * DUPLICATES_NEWEST,
	MATES_A_WORD = 12,
	ONE_WORD_TELLS = 3, /* where a page has no more; else one is shared by chance */
};

_Static_assert(DUPLICATES_NEWEST > DUPLICATES_COMMON, "what many pages have gives the most hits");

/* What it says of a page that it has a word that n pages have; found by trying, on forms. */
static double word_weight(int n)
{
	return 1 / sqrt(n);
}

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS fingerprint_word(key INTEGER NOT NULL, page INTEGER NOT NULL,"
    " PRIMARY KEY(key, page)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS fingerprint_page(page INTEGER PRIMARY KEY, batch TEXT NOT NULL,"
    " name TEXT NOT NULL, width_mm REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS fingerprint_page_name ON fingerprint_page(batch, name)",
    "CREATE TABLE IF NOT EXISTS fingerprint_chain(batch TEXT PRIMARY KEY, events INTEGER NOT NULL,"
    " searched INTEGER NOT NULL) WITHOUT ROWID",
};

static bool tables_make(struct journal *j, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (!journal_prepare(j, tables[i], &stmt, err) || !journal_step(j, stmt, &row, err))
			return false;
	return true;
}

/* The newest of the tables: then all are there. */
static bool index_there(struct journal *j, bool *there, struct error *err)
{
	sqlite3_stmt *stmt = NULL;

	if (!journal_prepare(j,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fingerprint_chain'",
		&stmt, err) ||
	    !journal_step(j, stmt, there, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

static bool page_prepare(struct journal *j, const char *sql, const char *batch, const char *name,
    sqlite3_stmt **stmt, struct error *err)
{
	if (!journal_prepare(j, sql, stmt, err))
		return false;
	sqlite3_bind_text(*stmt, 1, batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(*stmt, 2, name, -1, SQLITE_TRANSIENT);
	return true;
}

static bool page_put(struct journal *j, const char *batch, const char *name, double width_mm,
    const struct fingerprint *f, struct error *err)
{
	sqlite3_stmt *stmt = NULL, *number = NULL;
	bool row;

	if (!page_prepare(j,
		"INSERT INTO fingerprint_page(batch, name, width_mm) VALUES(?1, ?2, ?3)", batch,
		name, &stmt, err))
		return false;
	sqlite3_bind_double(stmt, 3, width_mm);
	if (!journal_step(j, stmt, &row, err) ||
	    !journal_prepare(j, "SELECT last_insert_rowid()", &number, err) ||
	    !journal_step(j, number, &row, err))
		return false;
	int64_t page = sqlite3_column_int64(number, 0);
	sqlite3_reset(number);
	for (int i = 0; i < f->n; i++) {
		if (!journal_prepare(j,
			"INSERT OR IGNORE INTO fingerprint_word(key, page) VALUES(?1, ?2)", &stmt,
			err))
			return false;
		sqlite3_bind_int64(stmt, 1, fingerprint_key(&f->words[i]));
		sqlite3_bind_int64(stmt, 2, page);
		if (!journal_step(j, stmt, &row, err))
			return false;
	}
	return true;
}

bool duplicate_index_note(struct journal *j, const char *batch, const char *name, double width_mm,
    const char *text, struct error *err)
{
	struct fingerprint f;

	if (!fingerprint_read(text, &f) || f.n == 0)
		return true;
	return tables_make(j, err) && page_put(j, batch, name, width_mm, &f, err);
}

struct hit {
	int64_t page;
	int words;
	double weight;
};

static int hit_by_page(const void *a, const void *b)
{
	const struct hit *m = a, *n = b;

	return m->page < n->page ? -1 : m->page > n->page;
}

static int hit_by_weight(const void *a, const void *b)
{
	const struct hit *m = a, *n = b;

	return m->weight > n->weight ? -1 : m->weight < n->weight ? 1 : hit_by_page(a, b);
}

/* Up to most of the pages that have a word of this key, the newest ones where so asked. */
static bool key_hits(struct journal *j, uint32_t key, bool newest, int most, struct hit *hits,
    int *n_hits, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(j,
		newest
		    ? "SELECT page FROM fingerprint_word WHERE key = ?1 ORDER BY page DESC LIMIT ?2"
		    : "SELECT page FROM fingerprint_word WHERE key = ?1 LIMIT ?2",
		&stmt, err))
		return false;
	sqlite3_bind_int64(stmt, 1, key);
	sqlite3_bind_int(stmt, 2, most);
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (row)
			hits[(*n_hits)++] = (struct hit){.page = sqlite3_column_int64(stmt, 0)};
	}
	return true;
}

/* The pages that have a word in one of its forms; the newest ones where it is printed on many. */
static bool word_hits(struct journal *j, const struct fingerprint_word *word, struct hit *hits,
    int *n_hits, struct error *err)
{
	uint32_t keys[1 << FINGERPRINT_WEAK];
	struct hit *found = hits + *n_hits;
	int n = 0;

	fingerprint_probes(word, keys);
	for (int k = 0; k < 1 << FINGERPRINT_WEAK && n <= DUPLICATES_COMMON; k++)
		if (!key_hits(j, keys[k], false, DUPLICATES_COMMON + 1 - n, found, &n, err))
			return false;
	double weight = word_weight(n > DUPLICATES_COMMON ? 4 * DUPLICATES_COMMON : n);
	if (n > DUPLICATES_COMMON) {
		n = 0;
		if (!key_hits(j, keys[0], true, DUPLICATES_NEWEST, found, &n, err))
			return false;
	}
	for (int i = 0; i < n; i++)
		found[i].weight = weight;
	*n_hits += n;
	return true;
}

/* Some of the pages that have a word, however many there are: the first ones. */
static bool word_mates(struct journal *j, const struct fingerprint_word *word, struct hit *hits,
    int *n_hits, struct error *err)
{
	int before = *n_hits;
	bool ok = key_hits(j, fingerprint_key(word), false, MATES_A_WORD, hits, n_hits, err);

	for (int i = before; i < *n_hits; i++)
		hits[i].weight = 1;
	return ok;
}

/* The pages that at least so many words name, those with the most weight first. */
static bool hits_pages(struct journal *j, struct hit *hits, int n_hits, int words,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int pages = 0;

	qsort(hits, (size_t)n_hits, sizeof *hits, hit_by_page);
	for (int i = 0; i < n_hits; i++) {
		if (pages > 0 && hits[pages - 1].page == hits[i].page) {
			hits[pages - 1].weight += hits[i].weight;
			hits[pages - 1].words++;
		} else {
			hits[pages] = hits[i];
			hits[pages++].words = 1;
		}
	}
	qsort(hits, (size_t)pages, sizeof *hits, hit_by_weight);
	for (int i = 0; i < pages && *n < n_max; i++) {
		struct duplicate_candidate *c = &out[*n];
		bool row;
		if (hits[i].words < words)
			continue;
		if (!journal_prepare(j,
			"SELECT batch, name, width_mm FROM fingerprint_page WHERE page = ?1", &stmt,
			err))
			return false;
		sqlite3_bind_int64(stmt, 1, hits[i].page);
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (!row)
			continue;
		snprintf(c->batch, sizeof c->batch, "%s", sqlite3_column_text(stmt, 0));
		snprintf(c->name, sizeof c->name, "%s", sqlite3_column_text(stmt, 1));
		c->width_mm = sqlite3_column_double(stmt, 2);
		c->score = hits[i].weight;
		sqlite3_reset(stmt);
		++*n;
	}
	return true;
}

typedef bool word_finder(
    struct journal *, const struct fingerprint_word *, struct hit *, int *, struct error *);

static bool pages_find(struct journal *j, const struct fingerprint *f, word_finder *find,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err)
{
	struct hit *hits = calloc(HITS_MAX + 1, sizeof *hits);
	int n_hits = 0;
	bool there, ok = hits || error_errno(err, NULL, _("cannot look for equal pages"));

	*n = 0;
	ok = ok && index_there(j, &there, err);
	for (int i = 0; ok && there && i < f->n; i++)
		ok = find(j, &f->words[i], hits, &n_hits, err);
	ok = ok && hits_pages(j, hits, n_hits, f->n > ONE_WORD_TELLS ? 2 : 1, out, n_max, n, err);
	free(hits);
	return ok;
}

bool duplicate_index_look_up(struct journal *j, const struct fingerprint *f,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err)
{
	return pages_find(j, f, word_hits, out, n_max, n, err);
}

bool duplicate_index_mates(struct journal *j, const struct fingerprint *f,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err)
{
	return pages_find(j, f, word_mates, out, n_max, n, err);
}

/* --- whole batches */

/* "12f" of an event; false where it names no page. */
static bool page_name(const json_t *e, char name[24])
{
	const char *sheet = json_string_value(json_object_get(e, "sheet"));
	const char *side = json_string_value(json_object_get(e, "side"));
	const char *slash = sheet ? strrchr(sheet, '/') : NULL;

	if (!slash || !side || !side[0])
		return false;
	snprintf(name, 24, "%.12s%.1s", slash + 1, side);
	return true;
}

bool duplicate_index_fingerprint(
    const struct workspace *w, const char *batch, const json_t *e, struct fingerprint *out)
{
	const char *text = json_string_value(json_object_get(e, "fingerprint"));
	double width_mm = json_number_value(json_object_get(e, "width_mm"));
	struct look look = {0};
	struct error gone = {0};
	char name[24];

	*out = (struct fingerprint){0};
	if (text)
		return fingerprint_read(text, out) && out->n > 0;
	if (json_is_true(json_object_get(e, "blank")) || !(width_mm > 0) || !page_name(e, name))
		return false;
	char *path = file_path("%s/spool/%s/%s.jpg", w->path, batch, name);
	if (file_exists(path) && look_read(path, width_mm, &look, &gone) &&
	    look.ink_mm2 >= LOOK_ENOUGH_MM2)
		fingerprint_take(&look, out);
	look_release(&look);
	free(path);
	return out->n > 0;
}

bool duplicate_index_chain(struct workspace *w, const char *batch, ledger_visit *visit, void *self,
    int64_t *n, struct error *err)
{
	char head[65];
	int64_t events;

	if (!ledger_head(w->journal, batch, &events, head, err))
		return false;
	if (events > 0) {
		if (n)
			*n = events;
		return ledger_read(w->journal, batch, 1, events, visit, self, err);
	}
	char *path = file_path("%s/collected/%s/ledger.jsonl", w->path, batch);
	bool ok = ledger_file_read(path, visit, self, n, head, err);
	free(path);
	return ok;
}

struct reading {
	struct workspace *workspace;
	const char *batch;
	json_t *released; /* names of sheets */
};

static bool page_add(struct reading *r, const json_t *e, struct error *err)
{
	struct journal *j = r->workspace->journal;
	struct fingerprint f;
	sqlite3_stmt *stmt = NULL;
	char name[24];
	bool there;

	if (!page_name(e, name))
		return true;
	if (!page_prepare(j, "SELECT 1 FROM fingerprint_page WHERE batch = ?1 AND name = ?2",
		r->batch, name, &stmt, err) ||
	    !journal_step(j, stmt, &there, err))
		return false;
	sqlite3_reset(stmt);
	return there || !duplicate_index_fingerprint(r->workspace, r->batch, e, &f) ||
	    page_put(j, r->batch, name, json_number_value(json_object_get(e, "width_mm")), &f, err);
}

static bool reading_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct reading *r = self;
	bool done = strstr(line, "\"event\":\"page_done\"") != NULL, ok = true;

	if (!done && !strstr(line, "\"event\":\"released\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	if (done)
		ok = page_add(r, e, err);
	else
		json_array_extend(r->released, json_object_get(e, "sheets"));
	json_decref(e);
	return ok;
}

static bool batch_put(struct workspace *w, const char *batch, struct error *err)
{
	struct reading r = {.workspace = w, .batch = batch, .released = json_array()};
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	bool row, ok;

	ok = duplicate_index_chain(w, batch, reading_visit, &r, &n, err) &&
	    (json_array_size(r.released) == 0 ||
		duplicate_index_forget(w, batch, r.released, err)) &&
	    journal_prepare(w->journal,
		"INSERT INTO fingerprint_chain VALUES(?1, ?2, 0)"
		" ON CONFLICT(batch) DO UPDATE SET events = ?2",
		&stmt, err);
	if (ok) {
		sqlite3_bind_text(stmt, 1, batch, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(stmt, 2, n);
		ok = journal_step(w->journal, stmt, &row, err);
	}
	json_decref(r.released);
	return ok;
}

static bool collected_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	if (strstr(line, "\"event\":\"collected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		const char *batch = json_string_value(json_object_get(e, "batch"));
		if (batch)
			json_object_set(self, batch, json_object_get(e, "events"));
		json_decref(e);
	}
	return true;
}

/* Takes those out of batches ({"b": events}) whose row says that they have as many. */
static bool done_take_out(struct journal *j, const char *sql, json_t *batches, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(j, sql, &stmt, err))
		return false;
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (!row)
			break;
		const char *batch = (const char *)sqlite3_column_text(stmt, 0);
		const json_t *events = json_object_get(batches, batch);
		if (events && json_integer_value(events) == sqlite3_column_int64(stmt, 1))
			json_object_del(batches, batch);
	}
	return true;
}

json_t *duplicate_index_unsearched(struct workspace *w, struct error *err)
{
	json_t *batches = json_object();
	bool there;

	if (ledger_read(w->journal, LEDGER_WORKSPACE, 1, 0, collected_visit, batches, err) &&
	    index_there(w->journal, &there, err) &&
	    (!there ||
		done_take_out(
		    w->journal, "SELECT batch, searched FROM fingerprint_chain", batches, err)))
		return batches;
	json_decref(batches);
	return NULL;
}

bool duplicate_index_searched(
    struct journal *j, const char *batch, int64_t events, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(
		j, "UPDATE fingerprint_chain SET searched = ?2 WHERE batch = ?1", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, events);
	return journal_step(j, stmt, &row, err);
}

/* What the index lacks: {"b": events}, 0 for a batch of this workspace. */
static bool missing_find(struct workspace *w, json_t *missing, struct error *err)
{
	struct journal *j = w->journal;
	sqlite3_stmt *stmt = NULL;
	bool there, row = true;

	if (!index_there(j, &there, err))
		return false;
	if (!there) {
		bool ok = journal_begin(j, err) && tables_make(j, err) && journal_commit(j, err);
		journal_rollback(j);
		if (!ok)
			return false;
	}
	if (!ledger_read(j, LEDGER_WORKSPACE, 1, 0, collected_visit, missing, err) ||
	    !done_take_out(j, "SELECT batch, events FROM fingerprint_chain", missing, err) ||
	    !journal_prepare(j,
		"SELECT name FROM chain WHERE name <> ''"
		" AND name NOT IN (SELECT batch FROM fingerprint_chain)",
		&stmt, err))
		return false;
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (row)
			json_object_set_new(
			    missing, (const char *)sqlite3_column_text(stmt, 0), json_integer(0));
	}
	return true;
}

bool duplicate_index_catch_up(struct workspace *w, struct error *err)
{
	json_t *missing = json_object(), *events;
	bool ok = missing_find(w, missing, err);
	const char *batch;

	json_object_foreach(missing, batch, events)
	{
		ok = ok && journal_begin(w->journal, err) && batch_put(w, batch, err) &&
		    journal_commit(w->journal, err);
		journal_rollback(w->journal);
		if (!ok)
			break;
	}
	json_decref(missing);
	return ok;
}

/* --- what was released */

struct forgetting {
	struct workspace *workspace;
	const char *batch;
	json_t *pages; /* "12f": [numbers in the index] */
	json_t *left;  /* the same, of those whose words are not known yet */
};

/* Sides are letters: "12a" to "12z" are the sides of sheet 12 and of no other. */
static bool sheet_pages(struct forgetting *f, const char *sheet, struct error *err)
{
	struct journal *j = f->workspace->journal;
	const char *slash = strrchr(sheet, '/');
	sqlite3_stmt *stmt = NULL;
	char first[24];
	bool row = slash != NULL;

	if (!slash)
		return true;
	snprintf(first, sizeof first, "%.12s", slash + 1);
	if (!page_prepare(j,
		"SELECT name, page FROM fingerprint_page"
		" WHERE batch = ?1 AND name >= ?2 || 'a' AND name <= ?2 || 'z'",
		f->batch, first, &stmt, err))
		return false;
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (!row)
			break;
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		if (!json_object_get(f->pages, name))
			json_object_set_new(f->pages, name, json_array());
		json_array_append_new(
		    json_object_get(f->pages, name), json_integer(sqlite3_column_int64(stmt, 1)));
	}
	return true;
}

static bool word_delete(struct journal *j, uint32_t key, int64_t page, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	if (!journal_prepare(
		j, "DELETE FROM fingerprint_word WHERE key = ?1 AND page = ?2", &stmt, err))
		return false;
	sqlite3_bind_int64(stmt, 1, key);
	sqlite3_bind_int64(stmt, 2, page);
	return journal_step(j, stmt, &row, err);
}

static bool forget_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct forgetting *f = self;
	struct fingerprint print;
	char name[24];
	bool ok = true;
	json_t *page;
	size_t i;

	if (!strstr(line, "\"event\":\"page_done\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	json_t *pages = page_name(e, name) ? json_object_get(f->pages, name) : NULL;
	if (pages && duplicate_index_fingerprint(f->workspace, f->batch, e, &print)) {
		json_object_del(f->left, name);
		json_array_foreach(pages, i, page)
		{
			for (int k = 0; ok && k < print.n; k++)
				ok = word_delete(f->workspace->journal,
				    fingerprint_key(&print.words[k]), json_integer_value(page),
				    err);
		}
	}
	json_decref(e);
	return ok;
}

static bool numbered_delete(
    struct journal *j, const char *sql, const json_t *numbers, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	json_t *number;
	size_t i;
	bool row;

	json_array_foreach(numbers, i, number)
	{
		if (!journal_prepare(j, sql, &stmt, err))
			return false;
		sqlite3_bind_int64(stmt, 1, json_integer_value(number));
		if (!journal_step(j, stmt, &row, err))
			return false;
	}
	return true;
}

bool duplicate_index_forget(
    struct workspace *w, const char *batch, const json_t *sheets, struct error *err)
{
	struct forgetting f = {.workspace = w, .batch = batch, .pages = json_object()};
	const char *name;
	bool ok = false, there;
	json_t *sheet, *numbers;
	size_t i;

	if (!index_there(w->journal, &there, err))
		goto done;
	json_array_foreach(sheets, i, sheet)
	{
		if (there && json_is_string(sheet) &&
		    !sheet_pages(&f, json_string_value(sheet), err))
			goto done;
	}
	f.left = json_copy(f.pages);
	if (json_object_size(f.pages) > 0 &&
	    !duplicate_index_chain(w, batch, forget_visit, &f, NULL, err))
		goto done;
	json_object_foreach(f.left, name, numbers)
	{
		/* Made from a small image that is gone: only a look through all words finds them. */
		if (!numbered_delete(
			w->journal, "DELETE FROM fingerprint_word WHERE page = ?1", numbers, err))
			goto done;
	}
	json_object_foreach(f.pages, name, numbers)
	{
		if (!numbered_delete(
			w->journal, "DELETE FROM fingerprint_page WHERE page = ?1", numbers, err))
			goto done;
	}
	ok = true;
done:
	json_decref(f.pages);
	json_decref(f.left);
	return ok;
}
