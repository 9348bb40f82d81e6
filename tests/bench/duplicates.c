/*
 * The index of fingerprints at its full size: how long a page takes to be put in and to be looked
 * up among 10 million, and whether a fresh scan is found.
 *
 *	duplicates [PAGES [FORM_SHARE_PERCENT]]		10000000 and 30 without
 *	duplicates forms KIND [SHEETS [AGAIN]]		hand, typed, sparse, letter, short; 1000,
 *100
 *
 * The second way: a batch of one printed form, each sheet filled in differently (hand, typed, or
 * nothing but three typed lines), drawn, scanned in code and cleaned as page work does it, then
 * every tenth of its sheets scanned once more, askew and dusty, half of them upside down, and as
 * many that lie in a row, as when a stack is fed again. Printed are the findings in the first
 * batch, all of them wrong, and what of the others was missed. Needs no recognition; about 0.3 s of
 * processor time a sheet.
 *
 * Fingerprints are generated: 16 words a page. Of a page that is one of 200 printed forms, 10 words
 * are the form's, as thousands of other pages have them. A fresh scan of a page keeps half of its
 * words (of the sheets of the second way two thirds are kept); the others have bits turned. Needs
 * about 4 GB below $TMPDIR for 10 million, and some minutes to make the index (in the order of its
 * keys; the pages measured are put in one by one, as page work does).
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "batch/batch.h"
#include "batch/duplicates.h"
#include "batch/journal.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "tests/scanned_batch.h"

enum { WORDS = 16, FORM_WORDS = 10, FORMS = 200, MEASURED = 2000 };

static long form_percent = 30;

static uint64_t mixed(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* The bits of word w of a page. */
static uint32_t bits_of(uint64_t page, int w)
{
	uint64_t kind = mixed(page ^ 0x5555);
	bool form = (long)(kind % 100) < form_percent && w < FORM_WORDS;
	uint64_t from = form ? 0x1000000000u + kind / 100 % FORMS : page;

	return (uint32_t)mixed(from * 64 + (uint64_t)w) & 0xFFFFFF;
}

static struct fingerprint print_of(uint64_t page, bool fresh)
{
	struct fingerprint f = {.n = WORDS};

	for (int w = 0; w < WORDS; w++) {
		uint64_t r = mixed(page * 977 + (uint64_t)w);
		f.words[w] = (struct fingerprint_word){.window = (uint8_t)w,
		    .bits = bits_of(page, w),
		    .weak = {
			(uint8_t)(r % 8), (uint8_t)(8 + r / 8 % 8), (uint8_t)(16 + r / 64 % 8)}};
		if (!fresh)
			continue;
		if (r >> 32 & 1) /* weak ones turn often */
			f.words[w].bits ^= 1u << f.words[w].weak[0];
		if (r >> 33 & 1)
			f.words[w].bits ^= 1u << f.words[w].weak[1];
		if (r >> 34 & 1) /* and half of the words have more */
			f.words[w].bits ^= 1u << ((f.words[w].weak[0] + 3) % 8);
	}
	return f;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_duplicates: %s\n", what);
	exit(1);
}

struct row {
	uint32_t key;
	uint32_t page;
};

static int by_key(const void *a, const void *b)
{
	const struct row *m = a, *n = b;

	return m->key != n->key ? (m->key < n->key ? -1 : 1)
				: (m->page < n->page ? -1 : m->page > n->page);
}

static void fill(const char *path, long pages)
{
	struct row *rows = malloc((size_t)pages * sizeof *rows);
	sqlite3 *db = NULL;
	sqlite3_stmt *word = NULL, *page = NULL;

	if (!rows || sqlite3_open(path, &db) != SQLITE_OK)
		die("cannot open the journal");
	sqlite3_exec(
	    db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "INSERT INTO fingerprint_word VALUES(?1, ?2)", -1, &word, NULL);
	sqlite3_prepare_v2(
	    db, "INSERT INTO fingerprint_page VALUES(?1, ?2, ?3, 210.0)", -1, &page, NULL);
	if (!word || !page)
		die("the index has no tables");
	for (long p = 1; p <= pages; p++) {
		char batch[65], name[24];
		snprintf(batch, sizeof batch, "2026-01-01-st1-%03ld", p / 1000);
		snprintf(name, sizeof name, "%ld%c", p % 1000 / 2 + 1, p % 2 ? 'f' : 'b');
		sqlite3_bind_int64(page, 1, p);
		sqlite3_bind_text(page, 2, batch, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(page, 3, name, -1, SQLITE_TRANSIENT);
		if (sqlite3_step(page) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(page);
	}
	for (int w = 0; w < WORDS; w++) {
		for (long p = 0; p < pages; p++)
			rows[p] = (struct row){
			    (uint32_t)w << FINGERPRINT_BITS | bits_of((uint64_t)p + 1, w),
			    (uint32_t)p + 1};
		qsort(rows, (size_t)pages, sizeof *rows, by_key);
		for (long p = 0; p < pages; p++) {
			sqlite3_bind_int64(word, 1, rows[p].key);
			sqlite3_bind_int64(word, 2, rows[p].page);
			if (sqlite3_step(word) != SQLITE_DONE)
				die(sqlite3_errmsg(db));
			sqlite3_reset(word);
		}
		fprintf(stderr, "\r%d of %d windows", w + 1, WORDS);
	}
	fprintf(stderr, "\n");
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_finalize(word);
	sqlite3_finalize(page);
	sqlite3_close(db);
	free(rows);
}

static void note(struct journal *j, uint64_t page)
{
	struct fingerprint f = print_of(page, false);
	struct error err = {0};
	char text[FINGERPRINT_TEXT], name[24];

	fingerprint_text(&f, text);
	snprintf(name, sizeof name, "%lluf", (unsigned long long)(page % 1000000));
	if (!journal_begin(j, &err) || !duplicate_index_note(j, "new", name, 210, text, &err) ||
	    !journal_commit(j, &err))
		die(err.what);
}

/* --- one printed form, many sheets */

struct again { /* a batch of sheets that were scanned before */
	const char *name;
	int n, first, step; /* its sheet k is the first batch's first + step * (k - 1) */
	bool turn;	    /* every other one upside down */
};

static int sheet_first(const struct again *batches, int n_batches, const char *sheet)
{
	int k = atoi(strchr(sheet, '/') + 1);

	for (int i = 0; i < n_batches; i++)
		if (strncmp(sheet, batches[i].name, strcspn(sheet, "/")) == 0)
			return batches[i].first + batches[i].step * (k - 1);
	return k;
}

/* Pairs that findings name: right ones by the number of their sheet, the rest is counted. */
static void findings_count(
    const json_t *events, const struct again *batches, int n_batches, bool *right, int *wrong)
{
	json_t *event, *sheet;
	size_t i, k;

	json_array_foreach(events, i, event)
	    json_array_foreach(json_object_get(event, "sheets"), k, sheet)
	{
		const char *a = json_string_value(sheet);
		const char *b =
		    json_string_value(json_array_get(json_object_get(event, "others"), k));
		if (sheet_first(batches, n_batches, a) == sheet_first(batches, n_batches, b))
			right[atoi(strchr(a, '/') + 1)] = true;
		else
			++*wrong;
	}
}

/* Scans sheets of the first batch once more and prints what was found of them. */
static void again_measure(struct workspace *w, enum sheet_kind kind, const char *kind_name,
    const struct again *batches, int k)
{
	const struct again *again = &batches[k];
	struct batch b = {0};
	struct error err = {0};
	json_t *events = json_array();
	bool *right = calloc((size_t)again->n + 1, sizeof *right);
	int wrong = 0, missed = 0;

	if (!right)
		die("no memory");
	scanned_batch_open(w, again->name, &b);
	for (int i = 0; i < again->n; i++)
		scanned_sheet_put(&b, kind, (uint32_t)(again->first - 1 + i * again->step),
		    (uint32_t)(900000 + 10000 * k + i), again->turn && i % 2, i + 1);
	double cpu = cpu_s();
	scanned_must(duplicates_find(&b, events, &err), &err);
	cpu = cpu_s() - cpu;
	findings_count(events, batches, k + 1, right, &wrong);
	for (int i = 1; i <= again->n; i++)
		missed += !right[i];
	printf(
	    "%s: %d scanned again, %s: %d missed, %d wrong pairs, %d findings; %.1f ms of processor "
	    "time a sheet\n",
	    kind_name, again->n, again->name, missed, wrong, (int)json_array_size(events),
	    cpu * 1000 / again->n);
	json_decref(events);
	batch_release(&b);
	free(right);
}

static int forms_main(const char *kind_name, int sheets, int again)
{
	static const char *const kinds[SHEET_KINDS] = {
	    "hand", "typed", "sparse", "letter", "short"};
	struct workspace w = {0};
	struct batch first = {0};
	struct error err = {0};
	const char *tmp = getenv("TMPDIR");
	char *folder = file_path("%s/bench-duplicates-XXXXXX", tmp ? tmp : "/tmp");
	int kind = 0, wrong = 0;

	while (kind < SHEET_KINDS && strcmp(kinds[kind], kind_name) != 0)
		kind++;
	if (kind == SHEET_KINDS || sheets < 10 || again < 1 || again > sheets)
		die("forms hand|typed|sparse|letter|short, 10 sheets or more");
	if (!mkdtemp(folder))
		die("no folder");
	scanned_must(workspace_init(folder, &err) && workspace_open(folder, NULL, &w, &err), &err);
	scanned_batch_open(&w, "first", &first);
	for (int i = 0; i < sheets; i++)
		scanned_sheet_put(
		    &first, (enum sheet_kind)kind, (uint32_t)i, 1000u + (uint32_t)i, false, i + 1);
	json_t *events = json_array();
	double cpu = cpu_s();
	scanned_must(duplicates_find(&first, events, &err), &err);
	findings_count(events, NULL, 0, NULL, &wrong);
	printf("%s: %d sheets filled in differently: %d findings on %d sheets, %.1f for 1,000; "
	       "%.1f ms of processor time a sheet\n",
	    kind_name, sheets, (int)json_array_size(events), wrong,
	    (double)json_array_size(events) * 1000 / sheets, (cpu_s() - cpu) * 1000 / sheets);
	json_decref(events);
	const struct again batches[] = {
	    {"one-by-one", again, 1, sheets / again, true},
	    {"in-a-row", again, (sheets - again) / 2 + 1, 1, false},
	};
	for (int k = 0; k < 2; k++)
		again_measure(&w, (enum sheet_kind)kind, kind_name, batches, k);
	batch_release(&first);
	workspace_close(&w);
	scanned_must(file_remove(folder, &err), &err);
	free(folder);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "forms") == 0)
		return forms_main(
		    argv[2], argc > 3 ? atoi(argv[3]) : 1000, argc > 4 ? atoi(argv[4]) : 100);
	long pages = argc > 1 ? atol(argv[1]) : 10000000;
	const char *tmp = getenv("TMPDIR");
	char *folder = file_path("%s/bench-duplicates-XXXXXX", tmp ? tmp : "/tmp");
	struct journal *j = NULL;
	struct error err = {0};
	struct stat st;

	form_percent = argc > 2 ? atol(argv[2]) : 30;
	if (pages < 10000 || pages > 100000000 || !mkdtemp(folder))
		die("give 10000 to 100000000 pages");
	if (!journal_create(folder, &err) || !journal_open(folder, &j, &err))
		die(err.what);
	note(j, 1ull << 40); /* makes the tables */
	journal_close(j);
	j = NULL;
	char *path = file_path("%s/journal.sqlite", folder);
	sqlite3 *db = NULL;
	sqlite3_open(path, &db);
	sqlite3_exec(
	    db, "DELETE FROM fingerprint_word; DELETE FROM fingerprint_page", NULL, NULL, NULL);
	sqlite3_close(db);
	double began = wall_s();
	fill(path, pages);
	printf("%ld pages, %d words each, %ld %% of them printed forms: made in %.0f s, %.2f GB\n",
	    pages, WORDS, form_percent, wall_s() - began,
	    stat(path, &st) == 0 ? (double)st.st_size / 1e9 : 0);
	if (!journal_open(folder, &j, &err))
		die(err.what);

	double cpu = cpu_s(), wall = wall_s();
	for (int i = 0; i < MEASURED; i++)
		note(j, (1ull << 41) + (uint64_t)i);
	printf("put in, one transaction each:  %.3f ms of processor time a page, %.3f ms elapsed\n",
	    (cpu_s() - cpu) * 1000 / MEASURED, (wall_s() - wall) * 1000 / MEASURED);

	int found = 0, first = 0, candidates = 0;
	cpu = cpu_s();
	wall = wall_s();
	for (int i = 0; i < MEASURED; i++) {
		struct duplicate_candidate c[3 * DUPLICATES_CANDIDATES];
		uint64_t page = mixed((uint64_t)i) % (uint64_t)pages + 1;
		struct fingerprint f = print_of(page, true);
		char batch[65], name[24];
		int n = 0;
		if (!duplicate_index_look_up(j, &f, c, 3 * DUPLICATES_CANDIDATES, &n, &err))
			die(err.what);
		snprintf(batch, sizeof batch, "2026-01-01-st1-%03ld", (long)page / 1000);
		snprintf(
		    name, sizeof name, "%ld%c", (long)page % 1000 / 2 + 1, page % 2 ? 'f' : 'b');
		for (int k = 0; k < n; k++)
			if (strcmp(c[k].batch, batch) == 0 && strcmp(c[k].name, name) == 0) {
				found++;
				first += k == 0;
			}
		candidates += n;
	}
	printf("looked up, a fresh scan:       %.3f ms of processor time a page, %.3f ms elapsed; "
	       "%.2f %% found, %.2f %% as the first of %.1f candidates\n",
	    (cpu_s() - cpu) * 1000 / MEASURED, (wall_s() - wall) * 1000 / MEASURED,
	    found * 100.0 / MEASURED, first * 100.0 / MEASURED, (double)candidates / MEASURED);
	journal_close(j);
	if (!file_remove(folder, &err))
		die(err.what);
	free(path);
	free(folder);
	return 0;
}
