#include "batch/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/page.h"
#include "config/file.h"
#include "config/text.h"

void resume_asked_print(const struct batch *b)
{
	const struct tally *t = &b->tally;

	if (t->rescan_next)
		fprintf(stderr, _("The next sheet takes the place of %s/%d\n"), b->name,
		    t->rescan_next);
	else if (t->insert_next)
		fprintf(stderr, _("The next sheet comes behind %s/%d\n"), b->name, t->insert_next);
	else if (t->refeed)
		fprintf(stderr,
		    _("The sheets that follow take the place of %s/%d, until 'altakt sheet done %s/%d' or a cover sheet\n"),
		    b->name, t->refeed, b->name, t->refeed);
}

/* What a person can hold beside the paper: the small image, and what was imprinted. */
static void sheet_show(const struct batch *b, const struct tally_sheet *s)
{
	struct error ignored = {0};
	char *base = file_path("%s/spool/%s/%df", b->workspace->path, b->name, s->n);
	char *raw = file_path("%s.tif", base), *small = file_path("%s.jpg", base);
	json_t *fed = s->n_sides ? batch_event_read(b, s->sides[0].fed_event, &ignored) : NULL;
	const char *imprint = json_string_value(json_object_get(fed, "imprint"));

	if (imprint)
		fprintf(stderr, _("        imprinted: %s\n"), imprint);
	bool there = file_exists(small) || page_thumbnail(raw, small, &ignored);
	fprintf(stderr, _("        its image: %s\n"), there ? small : raw);
	json_decref(fed);
	free(base);
	free(raw);
	free(small);
}

void resume_sheet_print(const struct batch *b)
{
	const struct tally *t = &b->tally;

	if (t->n_sheets == 0)
		return;
	const struct tally_sheet *s = &t->sheets[t->n_sheets - 1];
	int of_file = 0;
	for (int i = 0; i < t->n_sheets; i++)
		of_file += s->file && t->sheets[i].file == s->file && !t->sheets[i].separator;
	if (s->separator && s->file)
		fprintf(stderr,
		    _("Last sheet recorded: %s/%d, the cover sheet of file %s. Feed next: the sheet that lies after it.\n"),
		    b->name, s->n, t->files[s->file - 1].file_number);
	else if (s->file)
		fprintf(stderr,
		    _("Last sheet recorded: %s/%d, number %d of file %s. Feed next: the sheet that lies after it.\n"),
		    b->name, s->n, of_file, t->files[s->file - 1].file_number);
	else
		fprintf(stderr,
		    _("Last sheet recorded: %s/%d, of no file. Feed next: the sheet that lies after it.\n"),
		    b->name, s->n);
	sheet_show(b, s);
}

/* On resume: what the device itself has fed since the last sheet that is recorded. */
void resume_count_print(const struct batch *batch, const char *device, long device_count)
{
	const struct tally *t = &batch->tally;
	long gone = device_count - t->device_count;

	if (device_count < 0 || t->device_count < 0 || gone <= 0 || strcmp(t->device, device) != 0)
		return;
	fprintf(stderr,
	    PLURAL(
		"The scanner's own count says that %ld sheet went through after it and is not recorded: it has to lie on top again\n",
		"The scanner's own count says that %ld sheets went through after it and are not recorded: they have to lie on top again\n",
		gone),
	    gone);
}
