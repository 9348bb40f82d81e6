#include "batch/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/closed.h"
#include "batch/duplicate_index.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/tally.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/text.h"

/* Every image of a sheet: raw, page, text, thumbnail, proof. */
static bool images_remove(
    const struct workspace *w, const char *batch, const struct tally_sheet *s, struct error *err)
{
	static const char *const ends[] = {"tif", "page", "xml", "jpg"};
	bool ok = true;

	for (int i = 0; ok && i < s->n_sides; i++) {
		for (size_t k = 0; ok && k < sizeof ends / sizeof ends[0]; k++) {
			char *path = file_path(
			    "%s/spool/%s/%d%c.%s", w->path, batch, s->n, s->sides[i].side, ends[k]);
			ok = file_remove(path, err);
			free(path);
		}
		char *proof = file_path(
		    "%s/batches/%s/evidence/%d%c.jpg", w->path, batch, s->n, s->sides[i].side);
		ok = ok && file_remove(proof, err);
		free(proof);
	}
	return ok;
}

struct before {
	int file;
	bool released;
};

static bool before_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct before *b = self;

	if (strstr(line, "\"event\":\"released\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		b->released =
		    b->released || json_integer_value(json_object_get(e, "file")) == b->file;
		json_decref(e);
	}
	return true;
}

static json_t *sheets_of(const struct batch *b, int file)
{
	json_t *sheets = json_array();

	for (int i = 0; i < b->tally.n_sheets; i++)
		if (b->tally.sheets[i].file == file)
			json_array_append_new(sheets, json_sprintf("%s/%d", b->name, i + 1));
	return sheets;
}

static bool tombstone(struct batch *b, const struct tally_file *f, const char *by,
    const char *reason, struct error *err)
{
	struct tally_counts c;

	tally_file_counts(&b->tally, f->file, &c);
	return batch_event(b, by,
	    json_pack("{ss si ss ss si si so ss}", "event", "released", "file", f->file, "bundle",
		f->bundle, "sha512", f->sha512, "counted", c.sheets, "pages", c.pages, "sheets",
		sheets_of(b, f->file), "reason", reason),
	    err);
}

static bool one_release(struct workspace *w, const char *batch, int file, const char *by,
    const char *reason, struct error *err)
{
	struct batch b = {0};
	struct before before = {.file = file};
	json_t *sheets = NULL;
	char *bundle = NULL;
	bool ok = batch_open(w, batch, &b, err) && batch_begin(&b, err);

	if (!ok)
		goto done;
	sheets = sheets_of(&b, file);
	ok = ledger_read(w->journal, batch, 1, 0, before_visit, &before, err) &&
	    duplicate_index_forget(w, batch, sheets, err) &&
	    (before.released || tombstone(&b, &b.tally.files[file - 1], by, reason, err)) &&
	    batch_commit(&b, err);
	if (!ok) {
		batch_rollback(&b);
		goto done;
	}
	const struct tally_file *f = &b.tally.files[file - 1];
	bundle = file_path("%s/%s", w->path, f->bundle);
	ok = strncmp(f->bundle, "files/", 6) == 0 && f->bundle[6] && file_remove(bundle, err);
	for (int i = 0; ok && i < b.tally.n_sheets; i++)
		if (b.tally.sheets[i].file == file)
			ok = images_remove(w, batch, &b.tally.sheets[i], err);
	journal_scrub(w->journal);
done:
	json_decref(sheets);
	free(bundle);
	batch_release(&b);
	return ok;
}

/* The files of a batch with this key; *bundles counts them. */
static bool batch_files_release(struct workspace *w, const struct closed_batch *c, const char *key,
    int volume, const char *by, const char *reason, int *bundles, struct error *err)
{
	struct batch b = {0};
	bool ok = batch_open(w, c->name, &b, err);
	char other[FILE_KEY_SIZE];

	for (int i = 0; ok && i < b.tally.n_files; i++) {
		file_number_key(b.tally.files[i].file_number, other);
		if (strcmp(other, key) != 0 || !b.tally.files[i].bundle[0] ||
		    (volume > 0 && b.tally.files[i].volume != volume))
			continue;
		ok = one_release(w, c->name, i + 1, by, reason, err);
		*bundles += ok;
	}
	batch_release(&b);
	return ok;
}

static bool holds(const struct closed_batch *c, const char *key, int volume)
{
	for (int i = 0; i < c->n_lines; i++)
		if (strcmp(c->lines[i].key, key) == 0 &&
		    (volume == 0 || c->lines[i].volume == volume))
			return true;
	return false;
}

struct copy { /* of a case file, in a batch that was collected */
	const struct workspace *workspace;
	const char *batch, *key;
	int volume;
	bool found;
	struct tally tally;
};

static bool copy_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct copy *c = self;

	return tally_add(&c->tally, n, line, n_bytes, err);
}

/* Whether a collected batch still has a bundle of the file. */
static bool copy_find(struct copy *c, struct error *err)
{
	char *ledger = file_path("%s/collected/%s/ledger.jsonl", c->workspace->path, c->batch);
	char other[FILE_KEY_SIZE];
	bool ok = ledger_file_read(ledger, copy_visit, c, NULL, NULL, err);

	for (int i = 0; ok && i < c->tally.n_files; i++) {
		const struct tally_file *f = &c->tally.files[i];
		file_number_key(f->file_number, other);
		if (strcmp(other, c->key) != 0 || !f->bundle[0] ||
		    (c->volume > 0 && f->volume != c->volume))
			continue;
		char *bundle =
		    file_path("%s/collected/%s/%s", c->workspace->path, c->batch, f->bundle);
		c->found = c->found || file_exists(bundle);
		free(bundle);
	}
	tally_release(&c->tally);
	free(ledger);
	return ok;
}

/* Batches that were collected stay as they are: their files are released where they came from. */
static bool copies_check(const struct workspace *w, const struct closed_list *list, const char *key,
    int volume, const char *file_number, struct error *err)
{
	for (int i = 0; i < list->n; i++) {
		const struct closed_batch *b = &list->batches[i];
		struct copy c = {.workspace = w, .batch = b->name, .key = key, .volume = volume};
		char todo[256];
		if (!b->collected || !holds(b, key, volume))
			continue;
		if (!copy_find(&c, err))
			return false;
		snprintf(todo, sizeof todo,
		    _("'altakt release' it at station '%s', then 'altakt collect' again"),
		    b->station);
		if (c.found)
			return error_set(err, ERROR_DECIDE, todo,
			    _("file '%s' is still in the collected batch '%s'"), file_number,
			    b->name);
	}
	return true;
}

bool release_file(struct workspace *w, const char *file_number, int volume, const char *by,
    const char *reason, int *bundles, struct error *err)
{
	struct closed_list list = {0};
	char key[FILE_KEY_SIZE];
	bool ok = file_number_check(file_number, err) && closed_all(w->journal, &list, err);

	*bundles = 0;
	if (ok)
		file_number_key(file_number, key);
	for (int i = 0; ok && i < list.n; i++)
		if (!list.batches[i].collected && holds(&list.batches[i], key, volume) &&
		    list.batches[i].state != CLOSED_ACCEPTED &&
		    list.batches[i].state != CLOSED_ABANDONED)
			ok = error_set(err, ERROR_DECIDE,
			    _("close and accept it, or void its sheets there"),
			    _("the batch '%s' holds file '%s' and is not accepted as it is"),
			    list.batches[i].name, file_number);
	for (int i = 0; ok && i < list.n; i++)
		if (!list.batches[i].collected && list.batches[i].state == CLOSED_ACCEPTED &&
		    holds(&list.batches[i], key, volume))
			ok = batch_files_release(
			    w, &list.batches[i], key, volume, by, reason, bundles, err);
	ok = ok && copies_check(w, &list, key, volume, file_number, err);
	if (ok && *bundles == 0)
		ok = error_set(err, ERROR_USAGE, _("'altakt register list' shows where files are"),
		    _("no batch of this workspace holds file '%s'"), file_number);
	closed_list_release(&list);
	return ok;
}
