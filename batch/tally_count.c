/* What the events add up to: sheets, pages and images of a batch and of one case file. */
#include "batch/tally.h"

#include <stdlib.h>
#include <string.h>

bool tally_sheet_blank(const struct tally_sheet *s)
{
	for (int i = 0; i < s->n_sides; i++)
		if (!s->sides[i].done || !s->sides[i].blank)
			return false;
	return s->n_sides > 0;
}

enum fate {
	FATE_VOIDED,
	FATE_SUPERSEDED,
	FATE_SEPARATOR,
	FATE_BLANK_UNCOUNTED,
	FATE_COUNTED,
};

static enum fate sheet_fate(const struct tally *t, const struct tally_sheet *s)
{
	return s->voided				     ? FATE_VOIDED
	    : s->superseded				     ? FATE_SUPERSEDED
	    : s->separator				     ? FATE_SEPARATOR
	    : !t->count_blank_sheets && tally_sheet_blank(s) ? FATE_BLANK_UNCOUNTED
							     : FATE_COUNTED;
}

bool tally_sheet_counted(const struct tally *t, const struct tally_sheet *s)
{
	return sheet_fate(t, s) == FATE_COUNTED;
}

/* The sheet whose first side is kept because every side of its file is blank, or 0. */
static int file_kept_blank(const struct tally *t, int file)
{
	int first = 0;

	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (s->file != file || s->voided || s->superseded || s->separator ||
		    s->n_sides == 0)
			continue;
		if (!tally_sheet_blank(s))
			return 0;
		if (!first)
			first = s->n;
	}
	return first;
}

static void sheet_count(
    const struct tally *t, const struct tally_sheet *s, int kept_blank, struct tally_counts *c)
{
	enum fate fate = sheet_fate(t, s);
	bool blank = tally_sheet_blank(s);

	c->fed++;
	c->images += s->received;
	c->images_expected += s->expected;
	c->images_missing += s->missing;
	if (s->expected - s->missing != s->received)
		c->images_undecided += s->expected - s->missing - s->received;
	c->suspects += s->suspects > 0;
	for (int i = 0; i < s->n_sides; i++) {
		const struct tally_side *p = &s->sides[i];
		/* of a sheet that no bundle holds, only the proof image is missing then */
		bool forgone = p->failed && fate <= FATE_SEPARATOR;
		c->pages_todo += !p->done && fate != FATE_SEPARATOR && !forgone;
		c->pages_failed += !p->done && p->failed && !forgone;
	}
	c->voided += fate == FATE_VOIDED;
	c->superseded += fate == FATE_SUPERSEDED;
	c->separators += fate == FATE_SEPARATOR;
	c->blank_uncounted += fate == FATE_BLANK_UNCOUNTED;
	c->counted += fate == FATE_COUNTED;
	if (fate <= FATE_SEPARATOR)
		return;
	c->unassigned += s->file == 0;
	c->blank_sheets += blank;
	c->pages_uncounted += fate == FATE_BLANK_UNCOUNTED && s->n == kept_blank;
	if (fate != FATE_COUNTED)
		return;
	c->images_counted += s->received;
	for (int i = 0; i < s->n_sides; i++) {
		const struct tally_side *p = &s->sides[i];
		bool kept = !p->blank || (s->n == kept_blank && i == 0);
		c->pages += kept;
		c->blank_pages += !kept;
		c->ocr_failed += kept && p->ocr_failed;
	}
}

void tally_file_counts(const struct tally *t, int file, struct tally_counts *c)
{
	int kept_blank = file_kept_blank(t, file);

	*c = (struct tally_counts){0};
	for (int i = 0; i < t->n_sheets; i++)
		if (t->sheets[i].file == file)
			sheet_count(t, &t->sheets[i], kept_blank, c);
	c->sheets = c->counted;
	c->files = c->counted > 0;
	c->files_todo = t->files[file - 1].complete && !t->files[file - 1].bundled &&
	    c->counted + c->blank_uncounted > 0;
}

void tally_counts(const struct tally *t, struct tally_counts *c)
{
	int *kept_blank = calloc((size_t)t->n_files + 1, sizeof *kept_blank);
	int *sheets = calloc((size_t)t->n_files + 1, sizeof *sheets);
	bool *written = calloc((size_t)t->n_files + 1, sizeof *written);

	*c = (struct tally_counts){0};
	if (!kept_blank || !sheets || !written)
		abort(); /* a few bytes for each file of one batch */
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (s->voided || s->superseded || s->separator || s->n_sides == 0)
			continue;
		if (!tally_sheet_blank(s))
			written[s->file] = true;
		else if (!kept_blank[s->file])
			kept_blank[s->file] = s->n;
	}
	for (int f = 0; f <= t->n_files; f++)
		if (written[f] || f == 0)
			kept_blank[f] = 0;
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		enum fate fate = sheet_fate(t, s);
		sheet_count(t, s, kept_blank[s->file], c);
		sheets[s->file] += fate == FATE_COUNTED || fate == FATE_BLANK_UNCOUNTED;
		if (fate == FATE_COUNTED && s->file > 0 && !(sheets[s->file] & 1 << 30)) {
			sheets[s->file] |= 1 << 30;
			c->files++;
		}
	}
	for (int f = 1; f <= t->n_files; f++)
		c->files_todo +=
		    t->files[f - 1].complete && !t->files[f - 1].bundled && sheets[f] != 0;
	c->sheets = c->counted;
	free(kept_blank);
	free(sheets);
	free(written);
}

void tally_pages(const struct tally *t, int file,
    void (*visit)(void *self, const struct tally_sheet *sheet, const struct tally_side *side,
	bool kept_blank),
    void *self)
{
	int kept_blank = file_kept_blank(t, file);

	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (s->file != file || sheet_fate(t, s) <= FATE_SEPARATOR)
			continue;
		for (int k = 0; k < s->n_sides; k++) {
			bool kept = s->n == kept_blank && k == 0;
			if (!s->sides[k].blank || kept)
				visit(self, s, &s->sides[k], kept);
		}
	}
}
