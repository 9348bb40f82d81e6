#include "batch/due.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/text.h"

#define MARKED_MS 5000 /* how often the register is asked again */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void due_release(struct due *d)
{
	free(d->marks);
	*d = (struct due){0};
}

bool due_marks_read(struct due *d, struct error *err)
{
	const struct tally *t = &d->batch->tally;
	int n = t->n_files;

	if (d->marks && d->n_marks == n && now_ms() - d->marked_ms < MARKED_MS)
		return true;
	struct due_mark *more = realloc(d->marks, ((size_t)n + 1) * sizeof *more);
	if (!more)
		return error_errno(err, NULL, _("cannot go on with page work"));
	d->marks = more;
	d->n_marks = d->urgent_files = 0;
	for (int i = 0; i < n; i++) {
		struct register_entry entry = {0};
		bool found = false;
		if (!register_find(d->batch->workspace->journal, t->files[i].file_number,
			t->files[i].volume, &entry, &found, err))
			return false;
		d->marks[i] = (struct due_mark){.urgent = found && entry.urgent};
		if (found)
			memcpy(
			    d->marks[i].languages, entry.languages, sizeof d->marks[i].languages);
		d->urgent_files += d->marks[i].urgent;
	}
	d->n_marks = n;
	d->marked_ms = now_ms();
	return true;
}

static bool marked_urgent(const struct due *d, int file)
{
	return file >= 1 && file <= d->n_marks && d->marks[file - 1].urgent;
}

bool due_urgent(struct due *d, bool *urgent, struct error *err)
{
	struct tally_counts c;

	*urgent = false;
	if (!due_marks_read(d, err))
		return false;
	for (int file = 1; file <= d->n_marks && !*urgent; file++) {
		if (!marked_urgent(d, file))
			continue;
		tally_file_counts(&d->batch->tally, file, &c);
		*urgent = c.pages_todo > 0 || c.files_todo > 0;
	}
	return true;
}

const char *due_languages(const struct due *d, int file)
{
	return file >= 1 && file <= d->n_marks ? d->marks[file - 1].languages : "";
}

void due_rewind(struct due *d)
{
	d->cursor = 0;
}

static bool side_due(const struct tally_sheet *s, int side)
{
	return !s->sides[side].done && !s->sides[side].failed &&
	    (!s->separator || s->voided || s->superseded);
}

static bool sheet_due(const struct tally_sheet *s)
{
	bool due = false;

	for (int i = 0; i < s->n_sides; i++)
		due = due || side_due(s, i);
	return due;
}

bool due_page_next(struct due *d, bool urgent, struct due_page *page)
{
	const struct tally *t = &d->batch->tally;

	if (page->sheet == 0) {
		while (d->cursor < t->n_sheets && !sheet_due(&t->sheets[d->cursor]))
			d->cursor++;
		*page = (struct due_page){.sheet = d->cursor + 1, .side = -1};
	}
	for (; page->sheet <= t->n_sheets; page->sheet++, page->side = -1) {
		const struct tally_sheet *s = &t->sheets[page->sheet - 1];
		if (urgent && !marked_urgent(d, s->file))
			continue;
		while (++page->side < s->n_sides)
			if (side_due(s, page->side))
				return true;
	}
	return false;
}

int due_bundle_next(const struct due *d, bool urgent, int file)
{
	const struct tally *t = &d->batch->tally;
	struct tally_counts c;

	while (++file <= t->n_files) {
		const struct tally_file *f = &t->files[file - 1];
		if (!f->complete || f->bundled || (urgent && !marked_urgent(d, file)))
			continue;
		tally_file_counts(t, file, &c);
		if (c.counted + c.blank_uncounted > 0 && c.pages_todo == 0 && c.suspects == 0)
			return file;
	}
	return 0;
}
