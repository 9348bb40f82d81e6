#include "batch/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/csv.h"
#include "batch/witness.h"
#include "config/file.h"

char *manifest_path(const char *workspace, const char *batch, int revision)
{
	return revision > 0
	    ? file_path("%s/batches/%s/manifest.%d.json", workspace, batch, revision)
	    : file_path("%s/batches/%s/manifest.json", workspace, batch);
}

/* Which counts from outside stood beside the feeder's. */
static json_t *witnesses(const struct tally *t, const struct tally_file *f)
{
	json_t *list = json_array();

	if (!t->imported)
		json_array_append_new(list, json_string("feed"));
	if (f->prepared >= 0)
		json_array_append_new(list, json_string("slip"));
	if (f->given >= 0)
		json_array_append_new(list, json_string("operator"));
	if (f->imprinted > 0)
		json_array_append_new(list, json_string("imprinter"));
	if (f->hand >= 0)
		json_array_append_new(list, json_string("hand"));
	return list;
}

/* The bundle's flags, and whether a lead settled a difference between its witnesses. Gives. */
static json_t *flags_json(
    const struct tally *t, const struct tally_file *f, const struct tally_counts *c)
{
	bool open = false, kept = false;
	json_t *flags = f->flags ? json_copy(f->flags) : json_array();

	if (tally_file_settled(f, c->counted + c->blank_uncounted))
		json_array_append_new(flags, json_string("difference_settled"));
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (s->file != f->file || s->voided || s->superseded || s->separator)
			continue;
		open = open || s->near_equal == NEAR_EQUAL_OPEN;
		kept = kept || s->near_equal == NEAR_EQUAL_KEPT;
	}
	if (open)
		json_array_append_new(flags, json_string("near_equal"));
	if (kept)
		json_array_append_new(flags, json_string("near_equal_kept"));
	return flags;
}

static json_t *file_json(const struct tally *t, const struct tally_file *f)
{
	struct tally_counts c;

	tally_file_counts(t, f->file, &c);
	json_t *flags = flags_json(t, f, &c);
	json_t *file = json_pack("{ss si ss si si si si si sI sf ss so so}", "file_number",
	    f->file_number, "volume", f->volume, "bundle", f->bundle, "sheets", c.sheets, "pages",
	    c.pages, "images", c.images_counted, "blank_pages", c.blank_pages, "blank_sheets",
	    c.blank_sheets, "bytes", (json_int_t)f->bytes, "mean_confidence", f->mean_confidence,
	    "sha512", f->sha512, "flags", flags, "witnesses", witnesses(t, f));
	if (file)
		json_object_set_new(file, "witness_counts", witness_figures(t, f));
	/* Who settled a difference between witnesses, and why: for ever. */
	if (file && f->settlements)
		json_object_set(file, "settled", f->settlements);
	return file;
}

json_t *manifest_counts(const struct tally *t)
{
	struct tally_counts c;

	tally_counts(t, &c);
	return json_pack("{si si si si si si si si si si}", "files", c.files, "sheets", c.sheets,
	    "pages", c.pages, "images", c.images, "blank_pages", c.blank_pages, "blank_sheets",
	    c.blank_sheets, "separators", c.separators, "superseded", c.superseded, "voided",
	    c.voided, "ocr_failed", c.ocr_failed);
}

static json_t *manifest_json(const struct tally *t)
{
	struct tally_counts c;
	json_t *m = json_object(), *files = json_array(), *absent = json_array(), *entry;
	size_t k;

	tally_counts(t, &c);
	for (int i = 0; i < t->n_files; i++)
		if (t->files[i].bundled)
			json_array_append_new(files, file_json(t, &t->files[i]));
	json_array_foreach(t->expect, k, entry)
	{
		if (json_object_get(entry, "settled"))
			json_array_append(absent, entry);
	}
	json_object_set_new(m, "format", json_string("altakt-manifest/1"));
	json_object_set_new(m, "batch", json_string(t->batch));
	json_object_set_new(m, "workspace", json_string(t->workspace));
	json_object_set_new(m, "station", json_string(t->station));
	json_object_set(m, "operators", t->operators);
	json_object_set_new(m, "opened", json_string(t->opened));
	json_object_set_new(m, "closed", json_string(t->closed));
	json_object_set(m, "rules", t->rules);
	json_object_set_new(m, "counts", manifest_counts(t));
	json_object_set_new(m, "files", files);
	/* Listed files without a sheet that a lead settled, and leads' words on earlier revisions: for
	 * ever. */
	if (json_array_size(absent) > 0)
		json_object_set(m, "absent", absent);
	json_decref(absent);
	if (t->reviews)
		json_object_set(m, "reviews", t->reviews);
	json_object_set_new(m, "revision", json_integer(t->revision));
	if (t->supersedes[0])
		json_object_set_new(m, "supersedes", json_string(t->supersedes));
	json_object_set_new(m, "balance",
	    json_pack("{si si si si si si si si}", "fed", c.fed, "images_expected",
		c.images_expected, "images_missing", c.images_missing, "counted", c.counted,
		"blank_uncounted", c.blank_uncounted, "separators", c.separators, "superseded",
		c.superseded, "voided", c.voided));
	if (t->clock_back)
		json_object_set_new(m, "flags", json_pack("[s]", "clock_back"));
	json_object_set_new(
	    m, "ledger", json_pack("{sIss}", "events", (json_int_t)t->events, "head", t->head));
	json_object_set_new(m, "previous", json_string(t->previous));
	return m;
}

char *manifest_text(const struct tally *t)
{
	json_t *m = manifest_json(t);
	char *text = json_dumps(m, JSON_INDENT(1) | JSON_REAL_PRECISION(6));

	json_decref(m);
	if (!text)
		abort(); /* no memory for one manifest */
	char *line = file_path("%s\n", text);
	free(text);
	return line;
}

/* The words of an array with blanks between them; takes the array. */
static void words_join(json_t *words, char *text, size_t size)
{
	size_t n = 0, i;
	json_t *word;

	text[0] = '\0';
	json_array_foreach(words, i, word)
	{
		if (n < size)
			n += (size_t)snprintf(
			    text + n, size - n, "%s%s", i ? " " : "", json_string_value(word));
	}
	json_decref(words);
}

char *manifest_csv(const struct tally *t)
{
	struct csv_writer *csv = csv_writer_open();
	struct tally_counts c;
	static const char *const head[] = {"batch", "file_number", "volume", "sheets", "pages",
	    "images", "blank_pages", "blank_sheets", "bytes", "mean_confidence", "bundle", "sha512",
	    "flags", "witnesses"};

	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
		csv_text(csv, head[i]);
	csv_end(csv);
	for (int i = 0; i < t->n_files; i++) {
		const struct tally_file *f = &t->files[i];
		char flags[512], seen_by[128], confidence[32];
		if (!f->bundled)
			continue;
		tally_file_counts(t, f->file, &c);
		words_join(flags_json(t, f, &c), flags, sizeof flags);
		words_join(witnesses(t, f), seen_by, sizeof seen_by);
		snprintf(confidence, sizeof confidence, "%.1f", f->mean_confidence);
		csv_text(csv, t->batch);
		csv_text(csv, f->file_number);
		csv_number(csv, f->volume);
		csv_number(csv, c.sheets);
		csv_number(csv, c.pages);
		csv_number(csv, c.images_counted);
		csv_number(csv, c.blank_pages);
		csv_number(csv, c.blank_sheets);
		csv_number(csv, f->bytes);
		csv_text(csv, confidence);
		csv_text(csv, f->bundle);
		csv_text(csv, f->sha512);
		csv_text(csv, flags);
		csv_text(csv, seen_by);
		csv_end(csv);
	}
	return csv_writer_close(csv);
}
