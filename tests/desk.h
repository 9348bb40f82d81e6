/*
 * A desk where tests make batches: a workspace on disk whose events, manifests and (where asked)
 * bundles are written as the program writes them, without scanner and recogniser.
 */
#ifndef ALTAKT_TESTS_DESK_H
#define ALTAKT_TESTS_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "batch/bundle.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/page_file.h"
#include "batch/tally.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "config/hash.h"
#include "tests/encoded_pages.h"

struct desk {
	char folder[64];
	struct workspace workspace;
	bool bundles; /* real bags, of one small page drawn once */
	char previous[65];
};

static inline void desk_check(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s", err->where, err->what);
}

static inline void desk_open(struct desk *d, const char *ini)
{
	struct error err = {0};
	char *path;

	*d = (struct desk){.folder = "/tmp/altakt-desk-XXXXXX"};
	memcpy(d->previous, hash_zero, sizeof d->previous);
	assert_non_null(mkdtemp(d->folder));
	path = file_path("%s/altakt.ini", d->folder);
	assert_true(file_write(path, ini, strlen(ini), NULL));
	free(path);
	desk_check(workspace_init(d->folder, &err), &err);
	desk_check(workspace_open(d->folder, NULL, &d->workspace, &err), &err);
}

static inline void desk_close(struct desk *d)
{
	workspace_close(&d->workspace);
	file_remove(d->folder, NULL);
}

static inline void desk_event(struct desk *d, const char *chain, json_t *event)
{
	struct error err = {0};

	assert_non_null(event);
	desk_check(ledger_append(d->workspace.journal, chain, "m.muster", event, &err), &err);
}

static inline void desk_begin(struct desk *d)
{
	struct error err = {0};

	desk_check(journal_begin(d->workspace.journal, &err), &err);
}

static inline void desk_commit(struct desk *d)
{
	struct error err = {0};

	desk_check(journal_commit(d->workspace.journal, &err), &err);
}

static inline void desk_batch(struct desk *d, const char *name)
{
	struct batch batch = {0};
	struct error err = {0};

	desk_begin(d);
	desk_check(batch_create(&d->workspace, name, "m.muster", "scan", NULL, &batch, &err), &err);
	desk_commit(d);
	batch_release(&batch);
}

static inline void desk_tally(struct desk *d, const char *batch, struct tally *t)
{
	struct error err = {0};

	*t = (struct tally){0};
	desk_check(ledger_read(d->workspace.journal, batch, 1, 0, tally_visit, t, &err), &err);
}

/* One sheet into a file (0: none): front written, back blank; or blank on both sides. Its number.
 */
static inline int desk_sheet(struct desk *d, const char *batch, int n, int file, bool blank)
{
	static const char hash[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

	desk_event(d, batch,
	    json_pack("{s:s, s:o, s:i, s:i, s:b, s:[{s:s, s:o, s:s}, {s:s, s:o, s:s}], s:[]}",
		"event", "sheet_fed", "sheet", json_sprintf("%s/%d", batch, n), "file", file,
		"expected", 2, "separator", 0, "images", "side", "f", "path",
		json_sprintf("spool/%s/%df.tif", batch, n), "sha256", hash, "side", "b", "path",
		json_sprintf("spool/%s/%db.tif", batch, n), "sha256", hash, "suspects"));
	desk_event(d, batch,
	    json_pack("{s:s, s:o, s:s, s:b, s:i, s:[]}", "event", "page_done", "sheet",
		json_sprintf("%s/%d", batch, n), "side", "f", "blank", blank, "words", 3, "flags"));
	desk_event(d, batch,
	    json_pack("{s:s, s:o, s:s, s:b, s:i, s:[]}", "event", "page_done", "sheet",
		json_sprintf("%s/%d", batch, n), "side", "b", "blank", 1, "words", 0, "flags"));
	return n;
}

/* A bundle of the newest state of a file; the event only, where the desk makes none. */
static inline void desk_bundle(struct desk *d, const char *batch, int file)
{
	static const struct drawn_word words[] = {{"Muster", 20, 20, 60, 20, false}};
	struct tally t;
	struct tally_counts c;
	struct bundle_result result = {.bytes = 1, .mean_confidence_tenths = 900};
	char escaped[FILE_ESCAPED_SIZE], *bundle;
	struct error err = {0};

	desk_tally(d, batch, &t);
	tally_file_counts(&t, file, &c);
	const struct tally_file *f = &t.files[file - 1];
	file_number_escape(f->file_number, escaped);
	bundle = f->volume > 1 ? file_path("files/%s~%d", escaped, f->volume)
			       : file_path("files/%s", escaped);
	snprintf(result.sha512, sizeof result.sha512, "%0128d", file);
	char *there = file_path("%s/%s", d->folder, bundle);
	if (!f->bundle[0] && file_exists(there)) {
		char *more = file_path("%s+%s", bundle, batch);
		free(bundle);
		bundle = more;
	}
	free(there);
	if (d->bundles) {
		json_t *pages = json_array(), *sheets = json_array();
		char *page = file_path("%s/spool/desk.page", d->folder), hash[HASH_SIZE];
		char *spec_path = file_path("%s/spool/spec.json", d->folder);
		uint64_t n_bytes;
		struct encoded_page drawn = page_drawn(PAGE_BITONAL, 200, 280, 100, words, 1);
		desk_check(page_file_write(&drawn, page, hash, &n_bytes, &err), &err);
		encoded_page_release(&drawn);
		for (int i = 0, k = 0; i < t.n_sheets; i++) {
			const struct tally_sheet *s = &t.sheets[t.order[i] - 1];
			json_t *images = json_array(), *sheet;
			char name[96];
			if (s->file != file || s->voided || s->superseded || s->separator) {
				json_decref(images);
				continue;
			}
			snprintf(name, sizeof name, "%s/%d", batch, s->n);
			sheet = json_pack("{s:s, s:o}", "sheet", name, "images", images);
			if (tally_sheet_blank(s))
				json_object_set_new(sheet, "blank", json_true());
			for (int j = 0; j < s->n_sides; j++) {
				bool kept = !s->sides[j].blank;
				json_t *image = json_pack("{s:o, s:s}", "image",
				    json_sprintf("%s%c", name, s->sides[j].side), "sha256",
				    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
				json_object_set_new(image, kept ? "page" : "blank",
				    kept ? json_integer(++k) : json_true());
				json_array_append_new(images, image);
				if (kept)
					json_array_append_new(pages,
					    json_pack("{s:s, s:s, s:o}", "page", "spool/desk.page",
						"sheet", name, "side",
						json_sprintf("%c", s->sides[j].side)));
			}
			json_array_append_new(sheets, sheet);
		}
		json_t *spec = json_pack(
		    "{s:s, s:s, s:s, s:b, s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i,"
		    " s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:o, s:{s:s, s:i, s:s, s:o}}",
		    "format", "altakt-bundle-spec/1", "workspace", d->folder, "bundle", bundle,
		    "replaces", f->bundle[0] != '\0', "file_number", f->file_number, "volume",
		    f->volume, "batch", batch, "created", "2026-11-23T11:30:00Z", "sheets",
		    c.sheets, "pages", c.pages, "images", c.images_counted, "blank_pages",
		    c.blank_pages, "blank_sheets", c.blank_sheets, "note", "creator", "m.muster",
		    "organisation", "Amt", "captured_from", "2026-11-23T08:00:00.123Z",
		    "captured_to", "2026-11-23T09:00:00.123Z", "quality", "gut", "statement",
		    "stimmt", "page_list", pages, "provenance", "file_number", f->file_number,
		    "volume", f->volume, "batch", batch, "sheets", sheets);
		assert_non_null(spec);
		assert_int_equal(json_dump_file(spec, spec_path, 0), 0);
		desk_check(bundle_make(spec_path, &result, &err), &err);
		json_decref(spec);
		free(page);
		free(spec_path);
	}
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:I, s:f, s:s, s:[]}", "event",
		"bundle_made", "file", file, "bundle", bundle, "sheets", c.sheets, "pages", c.pages,
		"images", c.images_counted, "blank_pages", c.blank_pages, "blank_sheets",
		c.blank_sheets, "bytes", (json_int_t)result.bytes, "mean_confidence",
		result.mean_confidence_tenths / 10.0, "sha512", result.sha512, "flags"));
	free(bundle);
	tally_release(&t);
}

/* A case file of so many sheets, every tenth of them blank; complete and bundled. */
static inline void desk_file(
    struct desk *d, const char *batch, const char *file_number, int volume, int sheets)
{
	struct tally t;

	desk_tally(d, batch, &t);
	int file = t.n_files + 1, n = t.n_sheets;
	tally_release(&t);
	desk_begin(d);
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s, s:i, s:i, s:s}", "event", "file_opened", "file", file,
		"file_number", file_number, "volume", volume, "prepared", -1, "from", "cover"));
	for (int i = 1; i <= sheets; i++)
		desk_sheet(d, batch, n + i, file, i % 10 == 0);
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s}", "event", "file_completed", "file", file, "why", "cover"));
	desk_bundle(d, batch, file);
	desk_commit(d);
}

/* Closes it as the program does, with the next revision. */
static inline void desk_close_batch(struct desk *d, const char *batch)
{
	char *path = manifest_path(d->folder, batch, 0), *text, *csv, hash[HASH_SIZE];
	char *csv_path = file_path("%s/batches/%s/manifest.csv", d->folder, batch);
	char old_hash[HASH_SIZE] = "";
	struct tally t;

	desk_tally(d, batch, &t);
	int revision = t.revision + 1;
	tally_release(&t);
	if (revision > 1) {
		char *kept = manifest_path(d->folder, batch, revision - 1);
		assert_true(hash_file(HASH_SHA256, path, old_hash, NULL, NULL));
		assert_true(file_copy(path, kept, NULL));
		free(kept);
	}
	desk_begin(d);
	json_t *event = json_pack(
	    "{s:s, s:i, s:s}", "event", "closed", "revision", revision, "previous", d->previous);
	if (revision > 1)
		json_object_set_new(event, "supersedes", json_string(old_hash));
	desk_event(d, batch, event);
	desk_tally(d, batch, &t);
	text = manifest_text(&t);
	csv = manifest_csv(&t);
	tally_release(&t);
	hash_bytes(HASH_SHA256, text, strlen(text), hash);
	snprintf(d->previous, sizeof d->previous, "%.64s", hash);
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s}", "event", "manifest_written", "revision", revision,
		"sha256", hash));
	desk_commit(d);
	assert_true(file_write(path, text, strlen(text), NULL));
	assert_true(file_write(csv_path, csv, strlen(csv), NULL));
	free(path);
	free(csv_path);
	free(text);
	free(csv);
}

#endif
