/*
 * Batches of drawn sheets, put into a workspace as page work does it, without a scanner and without
 * recognition.
 */
#ifndef ALTAKT_TESTS_SCANNED_BATCH_H
#define ALTAKT_TESTS_SCANNED_BATCH_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch/batch.h"
#include "batch/duplicate_index.h"
#include "batch/duplicates.h"
#include "batch/journal.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "scan/clean.h"
#include "scan/encode.h"
#include "scan/look.h"
#include "tests/scanned_sheets.h"

enum { SCANNED_SIDE_PX = 900 }; /* of the small image, as page work makes it */

static inline void scanned_must(bool ok, const struct error *err)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", err->what);
	exit(1);
}

/* Page work as it was before there were fingerprints: pages have none, and are in no index. */
static bool scanned_long_ago;

/* Puts one scan of a drawn sheet into a batch as page work does. */
static inline void scanned_sheet_put(
    struct batch *b, enum sheet_kind kind, uint32_t sheet, uint32_t scan, bool upside_down, int n)
{
	struct clean_options options = clean_options_standard;
	struct clean_result c = {0};
	struct fingerprint f = {0};
	struct look look = {0};
	struct error err = {0};
	char text[FINGERPRINT_TEXT], name[96], page[24];
	uint8_t *small = NULL;
	size_t n_bytes = 0;
	PIX *raw = sheet_scan(sheet_draw(kind, sheet), scan);

	options.orient = false; /* it lies as it was fed: orientation is not what is measured */
	if (upside_down)
		pixRotate180(raw, raw);
	scanned_must(clean_page(raw, 150, &options, &c, &err), &err);
	if (!c.page)
		scanned_must(
		    error_set(&err, ERROR_INPUT, NULL, "a sheet was taken for blank"), &err);
	scanned_must(look_take(c.page, c.dpi, &look, &err), &err);
	fingerprint_take(&look, &f);
	fingerprint_text(&f, text);
	scanned_must(encode_thumbnail(c.page, SCANNED_SIDE_PX, &small, &n_bytes, &err), &err);
	char *path = file_path("%s/spool/%s/%df.jpg", b->workspace->path, b->name, n);
	scanned_must(file_write(path, small, n_bytes, &err), &err);
	snprintf(name, sizeof name, "%s/%d", b->name, n);
	snprintf(page, sizeof page, "%df", n);
	json_t *done = json_pack("{ss ss ss sb si sf s[]}", "event", "page_done", "sheet", name,
	    "side", "f", "blank", 0, "words", 3, "width_mm", c.width_mm, "flags");
	if (!scanned_long_ago)
		json_object_set_new(done, "fingerprint", json_string(text));
	scanned_must(batch_begin(b, &err) &&
		batch_event(b, "bench",
		    json_pack("{ss ss si si sb s[{ss ss ss}] s[]}", "event", "sheet_fed", "sheet",
			name, "file", 1, "expected", 1, "separator", 0, "images", "side", "f",
			"path", "", "sha256", "", "suspects"),
		    &err) &&
		batch_event(b, "bench", done, &err) &&
		(scanned_long_ago ||
		    duplicate_index_note(
			b->workspace->journal, b->name, page, c.width_mm, text, &err)) &&
		batch_commit(b, &err),
	    &err);
	free(path);
	free(small);
	look_release(&look);
	clean_result_release(&c);
	pixDestroy(&raw);
}

static inline void scanned_batch_open(struct workspace *w, const char *name, struct batch *b)
{
	struct error err = {0};
	char *folder = file_path("%s/spool/%s", w->path, name);

	scanned_must(file_make_folder(folder, &err) && journal_begin(w->journal, &err) &&
		batch_create(w, name, "bench", "scan", NULL, b, &err) &&
		batch_event(b, "bench",
		    json_pack("{ss si ss si si ss}", "event", "file_opened", "file", 1,
			"file_number", name, "volume", 1, "prepared", -1, "from", "option"),
		    &err) &&
		batch_commit(b, &err),
	    &err);
	free(folder);
}

#endif
