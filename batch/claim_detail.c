#include "batch/claim_detail.h"

#include <stdlib.h>
#include <string.h>

#include "batch/csv.h"
#include "batch/ledger.h"
#include "batch/tally.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

struct side { /* a batch as a claim had it before, or has it now; n_lines 0: not at all */
	struct closed_file *lines;
	int n_lines;
	int64_t events; /* of the chain that the manifest covers */
};

static void side_release(struct side *s)
{
	for (int i = 0; i < s->n_lines; i++) {
		free(s->lines[i].file_number);
		free(s->lines[i].key);
	}
	free(s->lines);
	*s = (struct side){0};
}

/* A copy of the lines that a claim counts. */
static struct side side_of(const struct closed_batch *m)
{
	struct side s = {.events = m->events};

	s.lines = calloc((size_t)m->n_lines + 1, sizeof *s.lines);
	if (!s.lines)
		abort(); /* a few bytes for each file of a batch */
	for (int i = 0; i < m->n_lines; i++) {
		if (m->lines[i].unregistered || m->lines[i].sheets < 1)
			continue;
		struct closed_file *f = &s.lines[s.n_lines++];
		*f = m->lines[i];
		f->file_number = file_path("%s", m->lines[i].file_number);
		f->key = file_path("%s", m->lines[i].key);
		if (!m->count_blank_sheets)
			f->blank_sheets = 0;
	}
	return s;
}

struct change { /* of one batch by one claim */
	const char *batch;
	bool correction, collected;
	struct side before, after;
	const struct claim_basis *basis; /* as it is then */
	const struct file_set *was;	 /* files counted before it */
};

typedef bool change_visit(void *self, const struct change *change, struct error *err);

static bool find(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	const struct workspace *w = self;

	if (!batch_name_check(batch, err))
		return false;
	char *folder = file_path("%s/batches/%s", w->path, batch);
	if (!file_exists(folder)) {
		free(folder);
		folder = file_path("%s/collected/%s", w->path, batch);
	}
	bool ok = claim_manifest_find(folder, revision, sha256, out, err);
	free(folder);
	return ok;
}

static void say_nothing(void *self, const char *text)
{
}

static bool line_change(struct workspace *w, struct claim_basis *basis, const json_t *claim,
    const json_t *line, bool correction, change_visit *visit, void *self, struct error *err)
{
	const char *batch = text_of(line, "batch");
	int revision = (int)json_integer_value(json_object_get(line, "revision"));
	struct claim_held *held = claim_basis_find(basis, batch);
	struct change c = {.batch = batch,
	    .correction = correction,
	    .collected = json_object_get(line, "collected") != NULL,
	    .basis = basis};
	struct closed_batch manifest = {0};
	struct claim_rates rates;
	struct claim_line ignored;
	bool ok = false;

	if (held)
		c.before = side_of(&held->manifest);
	if (!claim_rates_of(claim, &rates, err) ||
	    (revision > 0 &&
		(!find(w, batch, revision, text_of(line, "manifest_sha256"), &manifest, err) ||
		    !claim_unregistered(line, &manifest, err))))
		goto done;
	c.after = side_of(&manifest);
	struct file_set was = {0}; /* of the keys concerned */
	for (int i = 0; i < c.before.n_lines + c.after.n_lines; i++) {
		const char *key = i < c.before.n_lines ? c.before.lines[i].key
						       : c.after.lines[i - c.before.n_lines].key;
		if (file_set_count(&was, key) == 0)
			file_set_add(&was, key, file_set_count(&basis->files, key) > 0);
	}
	c.was = &was;
	if (correction)
		claim_correct(basis, batch, &manifest, &ignored);
	else
		claim_take(basis, &manifest,
		    (int)json_integer_value(json_object_get(claim, "number")), &rates, &ignored);
	ok = visit(self, &c, err);
	file_set_release(&was);
done:
	closed_release(&manifest);
	side_release(&c.before);
	side_release(&c.after);
	return ok;
}

/* What a claim changes, on what all claims before it hold. */
static bool changes_walk(struct workspace *w, const struct claim_book *book, int number,
    change_visit *visit, void *self, struct error *err)
{
	const json_t *claim = book->claims[number - 1].json, *line;
	struct claim_basis basis = {0};
	int differences = 0;
	bool ok = true;
	size_t i;

	for (int k = 0; ok && k < number - 1; k++)
		ok = book->claims[k].cancelled ||
		    claim_replay(
			&basis, book->claims[k].json, find, say_nothing, w, &differences, err);
	/* Corrections were made first: a file that one gives back may be another batch's now. */
	json_array_foreach(json_object_get(claim, "corrections"), i, line) ok =
	    ok && line_change(w, &basis, claim, line, true, visit, self, err);
	json_array_foreach(json_object_get(claim, "batches"), i, line) ok =
	    ok && line_change(w, &basis, claim, line, false, visit, self, err);
	claim_basis_release(&basis);
	return ok;
}

struct sheets {
	struct workspace *workspace;
	bool (*visit)(void *self, const struct claim_sheet *sheet, struct error *err);
	void *self;
};

struct fold {
	struct tally tally;
	int64_t last;
};

static bool fold_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct fold *f = self;

	return n > f->last || tally_add(&f->tally, n, line, n_bytes, err);
}

static bool fold_read(struct workspace *w, const struct change *c, int64_t events, struct fold *out,
    struct error *err)
{
	*out = (struct fold){.last = events};
	if (events == 0)
		return true;
	if (!c->collected)
		return ledger_read(w->journal, c->batch, 1, events, fold_visit, out, err);
	char *path = file_path("%s/collected/%s/ledger.jsonl", w->path, c->batch);
	bool ok = ledger_file_read(path, fold_visit, out, NULL, NULL, err);
	free(path);
	return ok;
}

/* The case file that a sheet counts for, or NULL where it does not count. */
static const struct tally_file *counts_for(const struct tally *t, int n, const struct side *side)
{
	const struct tally_sheet *s = n <= t->n_sheets ? &t->sheets[n - 1] : NULL;
	char key[FILE_KEY_SIZE];

	if (!s || s->voided || s->superseded || s->separator || s->file < 1 ||
	    (tally_sheet_blank(s) && !t->count_blank_sheets))
		return NULL;
	const struct tally_file *f = &t->files[s->file - 1];
	file_number_key(f->file_number, key);
	for (int i = 0; i < side->n_lines; i++)
		if (side->lines[i].volume == f->volume && strcmp(side->lines[i].key, key) == 0)
			return f;
	return NULL;
}

static bool sheet_say(struct sheets *s, const struct change *c, const struct tally *t, int n,
    const struct tally_file *f, int correction, struct error *err)
{
	const struct claim_sheet sheet = {c->batch, n, f->file_number, f->volume,
	    tally_sheet_blank(&t->sheets[n - 1]), correction};

	return s->visit(s->self, &sheet, err);
}

static bool sheets_visit(void *self, const struct change *c, struct error *err)
{
	struct sheets *s = self;
	struct fold before, after = {0};
	bool ok =
	    fold_read(s->workspace, c, c->before.n_lines ? c->before.events : 0, &before, err) &&
	    fold_read(s->workspace, c, c->after.n_lines ? c->after.events : 0, &after, err);
	const struct tally *longer =
	    after.tally.n_sheets ? &after.tally : &before.tally; /* sheets are never forgotten */

	for (int i = 0; ok && i < longer->n_sheets; i++) {
		int n = longer->order[i];
		const struct tally_file *was = counts_for(&before.tally, n, &c->before);
		const struct tally_file *is = counts_for(&after.tally, n, &c->after);
		bool same = was && is && was->volume == is->volume &&
		    strcmp(was->file_number, is->file_number) == 0;
		if (was && !same)
			ok = sheet_say(s, c, &before.tally, n, was, -1, err);
		if (ok && is && !same)
			ok = sheet_say(s, c, &after.tally, n, is, c->correction, err);
	}
	tally_release(&before.tally);
	tally_release(&after.tally);
	return ok;
}

bool claim_sheets(struct workspace *w, const struct claim_book *book, int number,
    bool (*visit)(void *self, const struct claim_sheet *sheet, struct error *err), void *self,
    struct error *err)
{
	struct sheets s = {w, visit, self};

	return changes_walk(w, book, number, sheets_visit, &s, err);
}

static const struct closed_file *line_find(const struct side *s, const struct closed_file *like)
{
	for (int i = 0; i < s->n_lines; i++)
		if (s->lines[i].volume == like->volume && strcmp(s->lines[i].key, like->key) == 0)
			return &s->lines[i];
	return NULL;
}

static bool annex_visit(void *self, const struct change *c, struct error *err)
{
	struct csv_writer *csv = self;
	struct file_set said = {0}; /* a file counts once, however many volumes */

	for (int i = 0; i < c->after.n_lines + c->before.n_lines; i++) {
		bool now = i < c->after.n_lines;
		const struct closed_file *f =
		    now ? &c->after.lines[i] : &c->before.lines[i - c->after.n_lines];
		const struct closed_file *other = line_find(now ? &c->before : &c->after, f);
		if (!now && other)
			continue;
		int sheets = now ? f->sheets - (other ? other->sheets : 0) : -f->sheets;
		int blank =
		    now ? f->blank_sheets - (other ? other->blank_sheets : 0) : -f->blank_sheets;
		int files = file_set_add(&said, f->key, 1) > 0
		    ? 0
		    : (file_set_count(&c->basis->files, f->key) > 0) -
			(file_set_count(c->was, f->key) > 0);
		if (sheets == 0 && blank == 0 && files == 0)
			continue;
		csv_text(csv, c->batch);
		csv_text(csv, f->file_number);
		csv_number(csv, f->volume);
		csv_number(csv, sheets);
		csv_number(csv, blank);
		csv_number(csv, files);
		csv_text(csv, c->correction ? "correction" : "");
		csv_end(csv);
	}
	file_set_release(&said);
	return true;
}

char *claim_annex(struct workspace *w, const struct claim_book *book, int number, struct error *err)
{
	static const char *const head[] = {
	    "batch", "file_number", "volume", "sheets", "blank_sheets", "files", "note"};
	struct csv_writer *csv = csv_writer_open();

	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
		csv_text(csv, head[i]);
	csv_end(csv);
	bool ok = changes_walk(w, book, number, annex_visit, csv, err);
	char *text = csv_writer_close(csv);
	if (ok)
		return text;
	free(text);
	return NULL;
}
