#include "batch/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hash.h"
#include "config/text.h"

/* What an event may refer to; each reader is given the event as JSON. */
typedef bool event_reader(struct tally *t, const json_t *e, int64_t n, struct error *err);

static bool bad(struct error *err, int64_t n, const char *why)
{
	return error_set(err, ERROR_CHECK, NULL, _("event %lld: %s"), (long long)n, why);
}

static const char *text_of(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "";
}

static int int_of(const json_t *e, const char *key, int standard)
{
	const json_t *v = json_object_get(e, key);

	return json_is_integer(v) && json_integer_value(v) >= -1000000000 &&
		json_integer_value(v) <= 1000000000
	    ? (int)json_integer_value(v)
	    : standard;
}

/* The sheet that "<batch>/<n>" names in this batch, or NULL. */
static struct tally_sheet *sheet_named(struct tally *t, const char *name)
{
	size_t k = strlen(t->batch);
	char *end;

	if (strncmp(name, t->batch, k) != 0 || name[k] != '/')
		return NULL;
	long n = strtol(name + k + 1, &end, 10);
	return *end == '\0' && n >= 1 && n <= t->n_sheets ? &t->sheets[n - 1] : NULL;
}

static struct tally_sheet *sheet_of(struct tally *t, const json_t *e)
{
	return sheet_named(t, text_of(e, "sheet"));
}

static struct tally_file *file_of(struct tally *t, const json_t *e)
{
	int file = int_of(e, "file", 0);

	return file >= 1 && file <= t->n_files ? &t->files[file - 1] : NULL;
}

/* Anything that changes what a bundle holds makes the one that is there stale. */
static void file_stale(struct tally *t, int file)
{
	if (file >= 1 && file <= t->n_files) {
		t->files[file - 1].bundled = false;
		t->files[file - 1].changed = t->events + 1; /* the event that is being read */
	}
}

static bool read_opened(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	if (n != 1)
		return bad(err, n, _("a batch is opened once, at the start"));
	snprintf(t->batch, sizeof t->batch, "%s", text_of(e, "batch"));
	snprintf(t->workspace, sizeof t->workspace, "%s", text_of(e, "workspace"));
	snprintf(t->station, sizeof t->station, "%s", text_of(e, "station"));
	snprintf(t->opened, sizeof t->opened, "%s", text_of(e, "at"));
	json_t *rules = json_object_get(e, "rules");
	t->rules = json_deep_copy(rules);
	t->count_blank_sheets = json_is_true(json_object_get(rules, "count_blank_sheets"));
	t->imported = strcmp(text_of(e, "source"), "import") == 0;
	t->device_count = -1;
	t->imprint = -1;
	t->expect = json_deep_copy(json_object_get(e, "expect"));
	t->operators = json_array();
	return (t->batch[0] && t->rules && t->operators) || bad(err, n, _("a field is missing"));
}

static bool read_operator(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	const char *name = text_of(e, "operator");
	size_t i;
	json_t *known;

	snprintf(t->operator_now, sizeof t->operator_now, "%.127s", name);
	json_array_foreach(t->operators, i, known)
	{
		if (strcmp(json_string_value(known), name) == 0)
			return true;
	}
	return json_array_append_new(t->operators, json_string(name)) == 0 ||
	    bad(err, n, _("a field is missing"));
}

static bool read_feeding(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	t->feeding = strcmp(text_of(e, "event"), "feeding_started") == 0;
	if (t->feeding) {
		snprintf(t->device, sizeof t->device, "%s", text_of(e, "device"));
		t->imprint = -1; /* others may have used the imprinter since */
	}
	return true;
}

/* Names the box that the sheets of a file go into, beside those that it has already. */
static void file_box(struct tally *t, int file)
{
	if (!file || !t->box[0])
		return;
	struct tally_file *f = &t->files[file - 1];
	size_t k = strlen(t->box), used = strlen(f->box);
	for (const char *at = f->box; *at; at = strchr(at, ',') ? strchr(at, ',') + 2 : "")
		if (strncmp(at, t->box, k) == 0 && (at[k] == '\0' || at[k] == ','))
			return;
	snprintf(f->box + used, sizeof f->box - used, "%s%s", used ? ", " : "", t->box);
}

static bool read_box(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	(void)n;
	(void)err;
	snprintf(t->box, sizeof t->box, "%s", text_of(e, "box"));
	return true;
}

static bool read_file_opened(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	if (int_of(e, "file", 0) != t->n_files + 1)
		return bad(err, n, _("the file's number does not follow"));
	struct tally_file *more = realloc(t->files, (size_t)(t->n_files + 1) * sizeof *more);
	if (!more)
		return error_errno(err, NULL, _("cannot count the batch"));
	t->files = more;
	struct tally_file *f = &t->files[t->n_files++];
	*f = (struct tally_file){.file = t->n_files,
	    .volume = int_of(e, "volume", 1),
	    .given = -1,
	    .hand = -1,
	    .hand_first = -1,
	    .settled_hand = -1};
	snprintf(f->file_number, sizeof f->file_number, "%s", text_of(e, "file_number"));
	f->prepared = int_of(e, "prepared", -1);
	f->from_cover = strcmp(text_of(e, "from"), "cover") == 0;
	if (strcmp(text_of(e, "from"), "move") != 0)
		t->open_file = f->file;
	return true;
}

static bool side_add(struct tally_sheet *s, const json_t *image, int64_t n, struct error *err)
{
	const char *side = text_of(image, "side");

	if (s->n_sides == TALLY_SIDES || !side[0])
		return bad(err, n, _("too many images for one sheet"));
	s->sides[s->n_sides++] = (struct tally_side){.side = side[0],
	    .fed_event = n,
	    .pixels =
		(int64_t)int_of(image, "width_px", 0) * (int64_t)int_of(image, "height_px", 0)};
	s->received++;
	return true;
}

char tally_view_letter(const struct tally_sheet *s)
{
	static const char letters[] = "cdeghi"; /* f and b are front and back */
	int views = 0;

	for (int i = 0; i < s->n_sides; i++)
		views += s->sides[i].side != 'f' && s->sides[i].side != 'b';
	return s->n_sides < TALLY_SIDES ? letters[views] : 0;
}

static int suspect_bit(const char *name)
{
	static const char *const names[] = {"double_feed", "odd_image", "unreadable_cover",
	    "serial_seen", "file_again", "unassigned", "unknown_file", "cover_repeated", "too_many",
	    "near_equal", "feed_gap", "fed_again", "no_view", "cover_after_cover"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return 1 << i;
	return 1 << 30;
}

static void order_place(struct tally *t, int n, int after)
{
	int at = t->n_sheets - 1;

	/* Take it out, then put it behind `after` (0: where it is, -1: first of its file is not
	 * needed). */
	for (int i = 0; i < t->n_sheets; i++)
		if (t->order[i] == n)
			at = i;
	memmove(
	    &t->order[at], &t->order[at + 1], (size_t)(t->n_sheets - 1 - at) * sizeof *t->order);
	for (int i = 0; i < t->n_sheets - 1; i++) {
		if (t->order[i] == after) {
			memmove(&t->order[i + 2], &t->order[i + 1],
			    (size_t)(t->n_sheets - 2 - i) * sizeof *t->order);
			t->order[i + 1] = n;
			return;
		}
	}
	memmove(
	    &t->order[at + 1], &t->order[at], (size_t)(t->n_sheets - 1 - at) * sizeof *t->order);
	t->order[at] = n;
}

/* Room for one more, doubling: a batch of 10,000 sheets copies each of them about twice. */
static bool sheets_grow(struct tally *t, struct error *err)
{
	if ((t->n_sheets & (t->n_sheets - 1)) != 0 && t->n_sheets != 0)
		return true;
	size_t room = t->n_sheets ? (size_t)t->n_sheets * 2 : 1;
	struct tally_sheet *sheets = realloc(t->sheets, room * sizeof *sheets);
	if (sheets)
		t->sheets = sheets;
	int *order = realloc(t->order, room * sizeof *order);
	if (order)
		t->order = order;
	return (sheets && order) || error_errno(err, NULL, _("cannot count the batch"));
}

/* What is wanted of a sheet is another thing from now on: page work that gave up tries again. */
static void sheet_due(struct tally_sheet *s)
{
	for (int i = 0; i < s->n_sides; i++)
		s->sides[i].failed = false;
}

/* The number at the end of what the imprinter put on a sheet, -1 where there is none. */
static int64_t imprint_number(const char *imprint)
{
	size_t n = strlen(imprint), at = n;

	while (at > 0 && n - at < 15 && imprint[at - 1] >= '0' && imprint[at - 1] <= '9')
		at--;
	return at < n ? strtoll(imprint + at, NULL, 10) : -1;
}

/*
 * An imprinter counts each sheet that goes through: a number that is missing is a sheet that was
 * not recorded. One that is not higher than the last began anew.
 */
static void imprint_read(struct tally *t, const json_t *e, int file)
{
	int64_t number = imprint_number(text_of(e, "imprint"));

	if (number < 0)
		return;
	if (file > 0) {
		int64_t gap = t->imprint >= 0 && number > t->imprint ? number - t->imprint - 1 : 0;
		t->files[file - 1].imprinted += !json_is_true(json_object_get(e, "separator"));
		t->files[file - 1].imprint_gap += gap < 1000000 ? (int)gap : 1000000;
	}
	t->imprint = number;
}

static bool read_fed(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	json_t *images = json_object_get(e, "images"), *suspects = json_object_get(e, "suspects");
	const char *name = text_of(e, "sheet");
	size_t k = strlen(t->batch), i;
	json_t *item;

	if (strncmp(name, t->batch, k) != 0 || name[k] != '/' ||
	    atoi(name + k + 1) != t->n_sheets + 1)
		return bad(err, n, _("the sheet's number does not follow"));
	int file = int_of(e, "file", 0);
	if (file < 0 || file > t->n_files)
		return bad(err, n, _("there is no such file"));
	if (!sheets_grow(t, err))
		return false;
	struct tally_sheet *s = &t->sheets[t->n_sheets];
	*s = (struct tally_sheet){.n = t->n_sheets + 1, .file = file};
	t->order[t->n_sheets++] = s->n;
	s->expected = int_of(e, "expected", 1);
	t->device_count = int_of(e, "device_count", -1);
	imprint_read(t, e, file);
	int assigned = int_of(e, "assigned", 0);
	if (assigned < 0 || assigned > t->images_taken - t->images_assigned)
		return bad(err, n, _("there is no such image"));
	t->images_assigned += assigned;
	s->separator = json_is_true(json_object_get(e, "separator"));
	json_array_foreach(images, i, item)
	{
		if (!side_add(s, item, n, err))
			return false;
	}
	json_array_foreach(suspects, i, item)
	{
		s->suspect_kinds |=
		    suspect_bit(json_is_string(item) ? json_string_value(item) : "");
		s->suspects++;
	}
	struct tally_sheet *old = sheet_named(t, text_of(e, "supersedes"));
	if (old) {
		old->superseded = true;
		sheet_due(old);
		s->rescan_of = old->n;
		file_stale(t, old->file);
		order_place(t, s->n, old->n);
		t->rescan_next = 0;
	}
	struct tally_sheet *after = sheet_named(t, text_of(e, "after"));
	if (after) {
		order_place(t, s->n, after->n);
		t->insert_next = 0;
		if (t->refeed)
			t->refeed_last = s->n;
	}
	if (s->separator) {
		t->open_file = file;
		t->refeed = t->refeed_last = 0;
	}
	file_box(t, file);
	if (file > 0 && file == t->open_file)
		t->files[file - 1].complete = false;
	file_stale(t, file);
	return true;
}

/* Further views of a sheet: a note lifted, a flap opened, part of a fold-out. They count 0. */
static bool read_view(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);
	size_t i;
	json_t *item;

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	s->expected += int_of(e, "expected", 1);
	t->device_count = int_of(e, "device_count", -1);
	json_array_foreach(json_object_get(e, "images"), i, item)
	{
		if (!side_add(s, item, n, err))
			return false;
	}
	file_stale(t, s->file);
	return true;
}

/* An image that nobody has made a side of a sheet yet (--blanks-dropped). */
static bool read_taken(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	if (int_of(e, "image", 0) != t->images_taken + 1)
		return bad(err, n, _("the image's number does not follow"));
	t->images_taken++;
	return true;
}

static bool read_suspect(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	s->suspects++;
	s->suspect_kinds |= suspect_bit(text_of(e, "reason"));
	return true;
}

static bool read_decided(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);
	const char *decision = text_of(e, "decision");

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	s->suspects = 0;
	s->rejected = false;
	if (t->rescan_next == s->n)
		t->rescan_next = 0;
	if (t->insert_next == s->n)
		t->insert_next = 0;
	if (strcmp(decision, "void") == 0) {
		s->voided = true;
		sheet_due(s);
	}
	if (strcmp(decision, "cover") == 0) {
		s->separator = true;
		file_stale(t, s->file);
		int file = int_of(e, "file", 0);
		if (file > t->n_files || file < 0)
			return bad(err, n, _("there is no such file"));
		s->file = file;
	}
	file_stale(t, s->file);
	return true;
}

static bool read_voided(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	s->voided = true;
	s->suspects = 0;
	if (json_is_true(json_object_get(e, "refeed")))
		t->refeed = t->refeed_last = s->n;
	sheet_due(s);
	file_stale(t, s->file);
	return true;
}

static bool read_refeed_done(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	if (!s || s->n != t->refeed)
		return bad(err, n, _("there is no such sheet"));
	t->refeed = t->refeed_last = 0;
	return true;
}

static bool read_moved(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e), *after = sheet_named(t, text_of(e, "after"));
	int file = int_of(e, "file", -1);

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	if (file < 0 || file > t->n_files)
		return bad(err, n, _("there is no such file"));
	file_stale(t, s->file);
	s->file = file;
	if (after && after != s)
		order_place(t, s->n, after->n);
	file_stale(t, file);
	return true;
}

static bool read_rescan(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	if (!s)
		return bad(err, n, _("there is no such sheet"));
	if (strcmp(text_of(e, "event"), "insert_asked") == 0)
		t->insert_next = s->n;
	else
		t->rescan_next = s->n;
	return true;
}

static bool read_missing(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);
	int missing = int_of(e, "missing", 0);

	if (!s || missing < 0 || missing > s->expected)
		return bad(err, n, _("there is no such sheet"));
	s->missing = missing;
	return true;
}

static bool read_complete(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return bad(err, n, _("there is no such file"));
	const char *why = text_of(e, "why");
	f->complete = strcmp(text_of(e, "event"), "file_completed") == 0;
	/* Only paper ends a file for good: after an attempt to close, or a count that came out
	 * right, sheets that follow without a cover sheet still belong to it. */
	if (f->complete && t->open_file == f->file && strcmp(why, "close") != 0 &&
	    strcmp(why, "count") != 0)
		t->open_file = 0;
	if (!f->complete)
		t->open_file = f->file;
	return true;
}

static bool read_renumbered(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return bad(err, n, _("there is no such file"));
	snprintf(f->file_number, sizeof f->file_number, "%s", text_of(e, "file_number"));
	f->volume = int_of(e, "volume", f->volume);
	f->prepared = int_of(e, "prepared", f->prepared);
	file_stale(t, f->file);
	return true;
}

static bool read_given(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return bad(err, n, _("there is no such file"));
	f->given = int_of(e, "sheets", -1);
	return true;
}

static bool read_hand(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return bad(err, n, _("there is no such file"));
	f->hand = int_of(e, "sheets", -1);
	if (f->hand_first < 0)
		f->hand_first = f->hand;
	return true;
}

/* A file of the batch's list that a lead settled without a sheet of it. */
static bool read_settled_absent(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	json_t *entry;
	size_t i;

	json_array_foreach(t->expect, i, entry)
	{
		int volume = int_of(entry, "volume", 1);
		if (strcmp(text_of(entry, "file_number"), text_of(e, "file_number")) != 0 ||
		    volume != int_of(e, "volume", 1))
			continue;
		if (!json_object_get(entry, "settled"))
			json_object_set_new(entry, "settled", json_array());
		json_array_append_new(json_object_get(entry, "settled"),
		    json_pack("{ss ss ss}", "by", text_of(e, "by"), "at", text_of(e, "at"),
			"reason", text_of(e, "reason")));
		return true;
	}
	return bad(err, n, _("there is no such file"));
}

static bool read_settled(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return !json_object_get(e, "file") && json_object_get(e, "file_number")
		    ? read_settled_absent(t, e, n, err)
		    : bad(err, n, _("there is no such file"));
	f->settled = true;
	f->settled_fed = int_of(json_object_get(e, "witness"), "fed", -1);
	f->settled_prepared = f->prepared;
	f->settled_given = f->given;
	if (!f->settlements)
		f->settlements = json_array();
	json_array_append_new(f->settlements,
	    json_pack("{ss ss ss sO?}", "by", text_of(e, "by"), "at", text_of(e, "at"), "reason",
		text_of(e, "reason"), "witness", json_object_get(e, "witness")));
	f->settled_hand = f->hand;
	f->settled_hand_fed = f->settled_fed;
	return true;
}

static bool read_page(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);
	const char *side = text_of(e, "side");

	for (int i = 0; s && i < s->n_sides; i++) {
		struct tally_side *p = &s->sides[i];
		if (p->side != side[0])
			continue;
		p->done = true;
		p->failed = false;
		p->done_event = n;
		p->blank = json_is_true(json_object_get(e, "blank"));
		p->ocr_failed = json_is_true(json_object_get(e, "ocr_failed"));
		p->flagged = json_array_size(json_object_get(e, "flags")) > 0;
		p->words = int_of(e, "words", 0);
		file_stale(t, s->file);
		return true;
	}
	return bad(err, n, _("there is no such page"));
}

/* Every try on a page ended its worker or could not read it: it waits for a person. */
static bool read_page_failed(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);
	const char *side = text_of(e, "side");

	for (int i = 0; s && i < s->n_sides; i++) {
		if (s->sides[i].side != side[0])
			continue;
		s->sides[i].failed = !s->sides[i].done;
		s->sides[i].done_event = n;
		return true;
	}
	return bad(err, n, _("there is no such page"));
}

static bool read_evidence(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	for (int i = 0; s && i < s->n_sides; i++)
		if (s->sides[i].side == text_of(e, "side")[0])
			s->sides[i].evidence = true;
	return s || bad(err, n, _("there is no such sheet"));
}

static bool read_reopened(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	t->state = BATCH_OPEN;
	return true;
}

/* The page is due again; what it said stays in the chain. */
static bool read_retry(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_sheet *s = sheet_of(t, e);

	for (int i = 0; s && i < s->n_sides; i++)
		if (s->sides[i].side == text_of(e, "side")[0])
			s->sides[i].done = s->sides[i].blank = s->sides[i].ocr_failed =
			    s->sides[i].failed = false;
	if (s)
		file_stale(t, s->file);
	return s || bad(err, n, _("there is no such sheet"));
}

static bool read_bundle(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	struct tally_file *f = file_of(t, e);

	if (!f)
		return bad(err, n, _("there is no such file"));
	f->bundled = true;
	snprintf(f->bundle, sizeof f->bundle, "%s", text_of(e, "bundle"));
	snprintf(f->sha512, sizeof f->sha512, "%s", text_of(e, "sha512"));
	f->bytes = json_integer_value(json_object_get(e, "bytes"));
	f->pages = int_of(e, "pages", 0);
	f->mean_confidence = json_number_value(json_object_get(e, "mean_confidence"));
	json_decref(f->flags);
	f->flags = json_deep_copy(json_object_get(e, "flags"));
	return true;
}

static bool read_closed(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	int revision = int_of(e, "revision", 0);

	if (revision != t->revision + 1)
		return bad(err, n, _("the revision does not follow"));
	t->revision = revision;
	t->state = BATCH_CLOSED;
	t->open_file = 0;
	snprintf(t->closed, sizeof t->closed, "%s", text_of(e, "at"));
	t->epoch = int_of(e, "epoch", 1);
	snprintf(t->previous, sizeof t->previous, "%s", text_of(e, "previous"));
	snprintf(t->supersedes, sizeof t->supersedes, "%s", text_of(e, "supersedes"));
	return true;
}

static bool read_seen(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	if (json_is_true(json_object_get(e, "all")))
		t->seen_all = true;
	return true;
}

/* "near_equal" and "near_equal_kept" name sheets in a list. */
static bool read_near_equal(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	bool kept = strcmp(text_of(e, "event"), "near_equal_kept") == 0;
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(e, "sheets"), i, name)
	{
		struct tally_sheet *s =
		    sheet_named(t, json_is_string(name) ? json_string_value(name) : "");
		if (!s)
			return bad(err, n, _("there is no such sheet"));
		s->near_equal = kept ? NEAR_EQUAL_KEPT : NEAR_EQUAL_OPEN;
	}
	return true;
}

static bool read_state(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	const char *event = text_of(e, "event");
	json_t *name;
	size_t i;

	for (int k = 0; k < t->n_sheets && strcmp(event, "accepted") == 0; k++)
		t->sheets[k].rejected = false;
	json_array_foreach(
	    strcmp(event, "rejected") == 0 ? json_object_get(e, "sheets") : NULL, i, name)
	{
		struct tally_sheet *s =
		    sheet_named(t, json_is_string(name) ? json_string_value(name) : "");
		if (s) /* older versions took names without looking */
			s->rejected = true;
	}
	if (strcmp(event, "abandoned") != 0) {
		json_t *word = json_pack("{si ss ss ss}", "revision", int_of(e, "revision", 0),
		    "result", event, "by", text_of(e, "lead"), "at", text_of(e, "at"));
		const char *reason = text_of(e, event[0] == 'r' ? "reason" : "takes_back");
		if (word && reason[0])
			json_object_set_new(word, "reason", json_string(reason));
		if (word && event[0] == 'a')
			json_object_set_new(word, "not_opened_one_by_one",
			    json_boolean(
				json_is_true(json_object_get(e, "not_opened_one_by_one"))));
		if (!t->reviews)
			t->reviews = json_array();
		json_array_append_new(t->reviews, word);
	}
	t->state = strcmp(event, "accepted") == 0 ? BATCH_ACCEPTED
	    : strcmp(event, "rejected") == 0	  ? BATCH_REJECTED
						  : BATCH_ABANDONED;
	return true;
}

static bool read_claimed(struct tally *t, const json_t *e, int64_t n, struct error *err)
{
	t->claim = strcmp(text_of(e, "event"), "claimed") == 0 ? int_of(e, "claim", 0) : 0;
	return true;
}

static const struct {
	const char *event;
	event_reader *read;
} readers[] = {
    {"batch_opened", read_opened},
    {"operator", read_operator},
    {"feeding_started", read_feeding},
    {"feeding_stopped", read_feeding},
    {"file_opened", read_file_opened},
    {"sheet_fed", read_fed},
    {"view_fed", read_view},
    {"box", read_box},
    {"refeed_done", read_refeed_done},
    {"suspect", read_suspect},
    {"decided", read_decided},
    {"sheet_voided", read_voided},
    {"sheet_moved", read_moved},
    {"rescan_asked", read_rescan},
    {"insert_asked", read_rescan},
    {"image_taken", read_taken},
    {"image_missing", read_missing},
    {"file_completed", read_complete},
    {"file_reopened", read_complete},
    {"file_renumbered", read_renumbered},
    {"count_given", read_given},
    {"hand_counted", read_hand},
    {"settled", read_settled},
    {"page_done", read_page},
    {"page_failed", read_page_failed},
    {"page_retry", read_retry},
    {"bundle_made", read_bundle},
    {"evidence_kept", read_evidence},
    {"near_equal", read_near_equal},
    {"near_equal_kept", read_near_equal},
    {"closed", read_closed},
    {"reopened", read_reopened},
    {"seen", read_seen},
    {"accepted", read_state},
    {"rejected", read_state},
    {"abandoned", read_state},
    {"claimed", read_claimed},
    {"claim_cancelled", read_claimed},
};

bool tally_add(struct tally *t, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	json_error_t why;
	json_t *e = json_loadb(line, n_bytes, 0, &why);
	const char *event = text_of(e, "event");
	char head[HASH_SIZE];
	bool ok = false;

	if (!json_is_object(e)) {
		bad(err, n, _("not an event"));
		goto done;
	}
	if (n != t->events + 1) {
		bad(err, n, _("the number does not follow"));
		goto done;
	}
	if (n > 1 && !t->batch[0]) {
		bad(err, n, _("the batch is not opened"));
		goto done;
	}
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
		if (strcmp(readers[i].event, event) == 0 && !readers[i].read(t, e, n, err))
			goto done;
	if (json_is_true(json_object_get(e, "clock_back")))
		t->clock_back = true;
	t->events = n;
	hash_bytes(HASH_SHA256, line, n_bytes, head);
	memcpy(t->head, head, sizeof t->head);
	snprintf(t->last_at, sizeof t->last_at, "%s", text_of(e, "at"));
	ok = true;
done:
	json_decref(e);
	return ok;
}

bool tally_visit(void *tally, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	return tally_add(tally, n, line, n_bytes, err);
}

bool tally_cover_alone(const struct tally *t, int n)
{
	const struct tally_sheet *cover = n > 0 && n <= t->n_sheets ? &t->sheets[n - 1] : NULL;

	if (!cover || !cover->separator || cover->voided || cover->superseded || !cover->file)
		return false;
	for (int i = 0; i < t->n_sheets; i++)
		if (t->sheets[i].file == cover->file && !t->sheets[i].separator)
			return false;
	return true;
}

bool tally_file_hand_differs(const struct tally_file *f, int sheets)
{
	return f->hand >= 0 && f->hand != sheets &&
	    !(f->settled && f->settled_hand == f->hand && f->settled_hand_fed == sheets);
}

bool tally_file_settled(const struct tally_file *f, int sheets)
{
	return f->settled && f->settled_fed == sheets && f->settled_prepared == f->prepared &&
	    f->settled_given == f->given;
}

void tally_release(struct tally *t)
{
	json_decref(t->rules);
	json_decref(t->operators);
	json_decref(t->expect);
	json_decref(t->reviews);
	for (int i = 0; i < t->n_files; i++) {
		json_decref(t->files[i].flags);
		json_decref(t->files[i].settlements);
	}
	free(t->sheets);
	free(t->order);
	free(t->files);
	*t = (struct tally){0};
}

struct tally_file *tally_file_find(const struct tally *t, const char *file_number, int volume)
{
	char key[FILE_KEY_SIZE], other[FILE_KEY_SIZE];

	file_number_key(file_number, key);
	for (int i = 0; i < t->n_files; i++) {
		file_number_key(t->files[i].file_number, other);
		if (t->files[i].volume == volume && strcmp(key, other) == 0)
			return &t->files[i];
	}
	return NULL;
}
