#include "batch/duplicate_index.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch/journal.h"
#include "config/text.h"

enum {
	HITS_MAX = FINGERPRINT_WORDS * (1 << FINGERPRINT_WEAK) * DUPLICATES_COMMON,
	MATES_A_WORD = 12,
};

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS fingerprint_word(key INTEGER NOT NULL, page INTEGER NOT NULL,"
    " PRIMARY KEY(key, page)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS fingerprint_page(page INTEGER PRIMARY KEY, batch TEXT NOT NULL,"
    " name TEXT NOT NULL, width_mm REAL NOT NULL)",
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

static bool index_there(struct journal *j, bool *there, struct error *err)
{
	sqlite3_stmt *stmt = NULL;

	if (!journal_prepare(j,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fingerprint_page'",
		&stmt, err) ||
	    !journal_step(j, stmt, there, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

bool duplicate_index_note(struct journal *j, const char *batch, const char *name, double width_mm,
    const char *text, struct error *err)
{
	struct fingerprint f;
	sqlite3_stmt *stmt = NULL, *number = NULL;
	bool row;

	if (!fingerprint_read(text, &f) || f.n == 0)
		return true;
	if (!tables_make(j, err) ||
	    !journal_prepare(j,
		"INSERT INTO fingerprint_page(batch, name, width_mm) VALUES(?1, ?2, ?3)", &stmt,
		err))
		return false;
	sqlite3_bind_text(stmt, 1, batch, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_double(stmt, 3, width_mm);
	if (!journal_step(j, stmt, &row, err) ||
	    !journal_prepare(j, "SELECT last_insert_rowid()", &number, err) ||
	    !journal_step(j, number, &row, err))
		return false;
	int64_t page = sqlite3_column_int64(number, 0);
	sqlite3_reset(number);
	for (int i = 0; i < f.n; i++) {
		if (!journal_prepare(j,
			"INSERT OR IGNORE INTO fingerprint_word(key, page) VALUES(?1, ?2)", &stmt,
			err))
			return false;
		sqlite3_bind_int64(stmt, 1, fingerprint_key(&f.words[i]));
		sqlite3_bind_int64(stmt, 2, page);
		if (!journal_step(j, stmt, &row, err))
			return false;
	}
	return true;
}

struct hit {
	int64_t page;
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

/* The pages that have a word in one of its forms; nothing where too many have it. */
static bool word_hits(struct journal *j, const struct fingerprint_word *word, struct hit *hits,
    int *n_hits, struct error *err)
{
	uint32_t keys[1 << FINGERPRINT_WEAK];
	struct hit *found = hits + *n_hits;
	sqlite3_stmt *stmt = NULL;
	int n = 0;

	fingerprint_probes(word, keys);
	for (int k = 0; k < 1 << FINGERPRINT_WEAK; k++) {
		bool row = true;
		if (!journal_prepare(
			j, "SELECT page FROM fingerprint_word WHERE key = ?1 LIMIT ?2", &stmt, err))
			return false;
		sqlite3_bind_int64(stmt, 1, keys[k]);
		sqlite3_bind_int(stmt, 2, DUPLICATES_COMMON + 1 - n);
		while (row) {
			if (!journal_step(j, stmt, &row, err))
				return false;
			if (!row)
				break;
			if (n == DUPLICATES_COMMON) { /* printed on many */
				sqlite3_reset(stmt);
				return true;
			}
			found[n++].page = sqlite3_column_int64(stmt, 0);
		}
	}
	for (int i = 0; i < n; i++)
		found[i].weight = 1.0 / (1 + n);
	*n_hits += n;
	return true;
}

/* Some of the pages that have a word, however many there are: the first ones. */
static bool word_mates(struct journal *j, const struct fingerprint_word *word, struct hit *hits,
    int *n_hits, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row = true;

	if (!journal_prepare(
		j, "SELECT page FROM fingerprint_word WHERE key = ?1 LIMIT ?2", &stmt, err))
		return false;
	sqlite3_bind_int64(stmt, 1, fingerprint_key(word));
	sqlite3_bind_int(stmt, 2, MATES_A_WORD);
	while (row) {
		if (!journal_step(j, stmt, &row, err))
			return false;
		if (row)
			hits[(*n_hits)++] = (struct hit){sqlite3_column_int64(stmt, 0), 1};
	}
	return true;
}

/* The pages that the hits name, those with the most weight first. */
static bool hits_pages(struct journal *j, struct hit *hits, int n_hits,
    struct duplicate_candidate *out, int n_max, int *n, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int pages = 0;

	qsort(hits, (size_t)n_hits, sizeof *hits, hit_by_page);
	for (int i = 0; i < n_hits; i++) {
		if (pages > 0 && hits[pages - 1].page == hits[i].page)
			hits[pages - 1].weight += hits[i].weight;
		else
			hits[pages++] = hits[i];
	}
	qsort(hits, (size_t)pages, sizeof *hits, hit_by_weight);
	for (int i = 0; i < pages && *n < n_max; i++) {
		struct duplicate_candidate *c = &out[*n];
		bool row;
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
	ok = ok && hits_pages(j, hits, n_hits, out, n_max, n, err);
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
