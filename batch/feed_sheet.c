#include "batch/feed_sheet.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "batch/refed.h"
#include "batch/register.h"
#include "batch/witness.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "scan/feeder.h"

#define SAME_SIZE 0.02 /* of neighbours that are one kind of paper */
#define LONGER	  1.15 /* than they: two sheets, one lapping over the other */

/* What one sheet is, before it is recorded. */
struct finding {
	const struct cover *cover; /* a valid one, or NULL */
	bool unreadable;
	const char *double_feed; /* by what it is seen, or NULL */
	int like;		 /* the recorded sheet that it looks like, 0: none */
	double likeness;
	json_t *suspects;
};

static void finding_make(const struct fed_sheet *s, struct finding *f)
{
	*f = (struct finding){.suspects = json_array()};
	for (int i = 0; i < s->n_images; i++) {
		const struct fed_image *image = &s->images[i];
		if (image->cover_answer == COVER_UNREADABLE)
			f->unreadable = true;
		if (image->cover_answer != COVER_VALID)
			continue;
		if (f->cover &&
		    (strcmp(f->cover->file_number, image->cover.file_number) != 0 ||
			f->cover->volume != image->cover.volume))
			f->unreadable = true; /* its sides contradict each other */
		f->cover = &image->cover;
	}
	/* One readable side is enough: that is why the code is on both. */
	if (f->cover && f->unreadable) {
		bool contradict = false;
		for (int i = 0; i < s->n_images; i++)
			contradict = contradict ||
			    (s->images[i].cover_answer == COVER_VALID &&
				(strcmp(s->images[i].cover.file_number, f->cover->file_number) !=
					0 ||
				    s->images[i].cover.volume != f->cover->volume));
		if (contradict)
			f->cover = NULL;
		else
			f->unreadable = false;
	}
	if (f->unreadable)
		json_array_append_new(f->suspects, json_string("unreadable_cover"));
	f->double_feed = s->double_feed			 ? "device"
	    : s->images[0].lapped || s->images[1].lapped ? "overlap"
							 : NULL;
	if (s->n_images < s->n_expected)
		json_array_append_new(f->suspects, json_string("odd_image"));
}

/*
 * Whether a sheet is as wide as its neighbours, which are all of one size, and longer: what two
 * sheets look like that went through one upon the other. In a mixed stack nothing is told, and
 * nothing where the device cuts every image to one length.
 */
static bool longer_than_neighbours(struct feed *feed, const struct fed_sheet *s)
{
	const struct fed_image *image = &s->images[0];
	struct size_mm size;
	bool longer = feed->n_sizes >= FEED_NEIGHBOURS;

	if (s->n_images < 1 || image->dpi <= 0)
		return false;
	size = (struct size_mm){
	    image->width_px / image->dpi * 25.4, image->height_px / image->dpi * 25.4};
	const struct size_mm *first = &feed->sizes[0];
	for (int i = 0; longer && i < FEED_NEIGHBOURS; i++) {
		const struct size_mm *n = &feed->sizes[i];
		longer = fabs(n->width - first->width) <= SAME_SIZE * first->width &&
		    fabs(n->length - first->length) <= SAME_SIZE * first->length &&
		    fabs(size.width - n->width) <= SAME_SIZE * n->width &&
		    size.length > LONGER * n->length;
	}
	if (!longer)
		feed->sizes[feed->n_sizes++ % FEED_NEIGHBOURS] = size;
	return longer;
}

static bool serial_seen(struct feed *feed, const char *serial, bool *seen, struct error *err)
{
	struct journal *j = feed->workspace->journal;
	sqlite3_stmt *stmt = NULL;

	if (!journal_prepare(j, "SELECT 1 FROM serial WHERE serial = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, serial, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, seen, err))
		return false;
	sqlite3_reset(stmt);
	return true;
}

bool feed_event(struct feed *feed, json_t *e, struct error *err)
{
	return batch_event(&feed->batch, feed->options->operator_name, e, err);
}

bool feed_file_complete(struct feed *feed, const char *why, struct error *err)
{
	int open = feed->batch.tally.open_file;

	return open == 0 ||
	    feed_event(feed,
		json_pack("{ss si ss}", "event", "file_completed", "file", open, "why", why), err);
}

/* Opens a file, or one that the batch has already, for the sheets that follow. */
static bool file_open(struct feed *feed, const char *number, int volume, const char *from,
    const char *serial, json_t *suspects, int *file, struct error *err)
{
	struct tally *t = &feed->batch.tally;
	struct tally_file *known = tally_file_find(t, number, volume);
	struct register_entry entry;
	bool found = false, cover = strcmp(from, "cover") == 0;

	if (feed->register_any &&
	    !register_find(feed->workspace->journal, number, volume, &entry, &found, err))
		return false;
	if (feed->register_any && !found && suspects)
		json_array_append_new(suspects, json_string("unknown_file"));
	if (known && known->file == t->open_file) {
		if (cover && suspects)
			json_array_append_new(suspects, json_string("cover_repeated"));
		*file = known->file;
		return true;
	}
	if (cover && suspects && t->n_sheets > 0 && tally_cover_alone(t, t->n_sheets))
		json_array_append_new(suspects, json_string("cover_after_cover"));
	if (!feed_file_complete(feed, cover ? "cover" : "option", err))
		return false;
	if (known) {
		/* The same number again, and not next to itself: somebody decides. */
		if (cover && suspects)
			json_array_append_new(suspects, json_string("file_again"));
		*file = known->file;
		return feed_event(feed,
		    json_pack(
			"{ss si ss}", "event", "file_reopened", "file", known->file, "why", from),
		    err);
	}
	*file = t->n_files + 1;
	json_t *e = json_pack("{ss si ss si si ss}", "event", "file_opened", "file", *file,
	    "file_number", number, "volume", volume, "prepared",
	    witness_slip(t, number, volume, found ? entry.sheets : -1), "from", from);
	if (e && serial)
		json_object_set_new(e, "serial", json_string(serial));
	return feed_event(feed, e, err);
}

/* The same content under another path, imported before: said and noted, no more (blank sides may be
 * alike). */
static bool same_as_put(
    const struct feed *feed, const struct import_image *image, json_t *source, struct error *err)
{
	struct journal *j = feed->workspace->journal;
	sqlite3_stmt *stmt = NULL;
	bool found = false;

	if (!journal_prepare(j,
		"SELECT path FROM source WHERE sha256 = ? AND path <> ? ORDER BY path LIMIT 1",
		&stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, image->sha256, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, image->path, -1, SQLITE_TRANSIENT);
	if (!journal_step(j, stmt, &found, err))
		return false;
	if (found) {
		const char *other = (const char *)sqlite3_column_text(stmt, 0);
		fprintf(stderr, _("note: '%s' has the same content as '%s'\n"), image->path, other);
		json_object_set_new(source, "same_as", json_string(other));
	}
	sqlite3_reset(stmt);
	return true;
}

/*
 * The images of sheet n, sides named by letters. The feeder names files as the paper comes; where
 * views of an earlier sheet came before, they move to the names that the ledger gives them.
 */
static json_t *images_json(const struct feed *feed, const struct fed_sheet *s, int n,
    const char *letters, struct error *err)
{
	json_t *images = json_array();

	for (int i = 0; i < s->n_images; i++) {
		const struct fed_image *image = &s->images[i];
		char side[2] = {letters[i], 0};
		char *name = file_path("spool/%s/%d%s.tif", feed->batch.name, n, side);
		char *path = file_path("%s/%s", feed->workspace->path, name);
		bool there = strcmp(path, image->path) == 0 ||
		    (feed->assigned ? file_copy(image->path, path, err) /* it goes once recorded */
				    : file_move(image->path, path, err));
		json_t *one = json_pack("{ss ss ss sI si si sf si si}", "side", side, "path", name,
		    "sha256", image->sha256, "bytes", (json_int_t)image->n_bytes, "width_px",
		    image->width_px, "height_px", image->height_px, "dpi", image->dpi, "depth",
		    image->depth_bits, "channels", image->channels);
		free(name);
		free(path);
		if (!there) {
			json_decref(one);
			json_decref(images);
			return NULL;
		}
		if (one && image->source.path)
			json_object_set_new(one, "source",
			    json_pack("{ss si sI sI ss}", "path", image->source.path, "page",
				image->source.page, "bytes", (json_int_t)image->source.file_bytes,
				"mtime_ns", (json_int_t)image->source.mtime_ns, "sha256",
				image->source.sha256));
		if (one && image->source.path &&
		    !same_as_put(feed, &image->source, json_object_get(one, "source"), err)) {
			json_decref(one);
			json_decref(images);
			return NULL;
		}
		json_array_append_new(images, one);
	}
	return images;
}

static bool batch_start(struct feed *feed, struct error *err)
{
	const struct feed_options *o = feed->options;

	if (!feed->opened) {
		if (!batch_create(feed->workspace, feed->choice.name, o->operator_name,
			o->imports ? "import" : "scan", o->expect, &feed->batch, err))
			return false;
	} else {
		/* Another operator on an open batch: the handover is an event. */
		if (strncmp(feed->batch.tally.operator_now, o->operator_name,
			sizeof feed->batch.tally.operator_now - 1) != 0 &&
		    !feed_event(feed,
			json_pack("{ssss}", "event", "operator", "operator", o->operator_name),
			err))
			return false;
	}
	if (o->box && strcmp(feed->batch.tally.box, o->box) != 0 &&
	    !feed_event(feed, json_pack("{ssss}", "event", "box", "box", o->box), err))
		return false;
	if (!feed->started &&
	    !feed_event(feed,
		json_pack("{ss ss ss ss ss ss ss sb}", "event", "feeding_started", "device",
		    feeder_device(feed->feeder), "model", feeder_model(feed->feeder), "source",
		    feeder_source(feed->feeder), "mode",
		    o->feeder->scanner.mode ? o->feeder->scanner.mode : "", "profile",
		    o->profile ? o->profile : "", "profile_sha256",
		    o->profile_sha256 ? o->profile_sha256 : "", "duplex",
		    feeder_duplex(feed->feeder)),
		err))
		return false;
	return true;
}

/* The sheet that the images are further views of, or NULL: they are a sheet of their own. */
static const struct tally_sheet *view_of(
    const struct feed *feed, const struct fed_sheet *s, const struct finding *f)
{
	const struct tally *t = &feed->batch.tally;
	const struct tally_sheet *last = t->n_sheets ? &t->sheets[t->n_sheets - 1] : NULL;

	if (!feed->options->same_sheet || f->cover || f->unreadable || !last || last->separator ||
	    last->voided || last->superseded || last->n_sides + s->n_images > TALLY_SIDES)
		return NULL;
	return last;
}

static bool view_put(
    struct feed *feed, const struct fed_sheet *s, const struct tally_sheet *last, struct error *err)
{
	struct tally_sheet more = *last;
	char letters[TALLY_SIDES + 1] = "", name[96];

	for (int i = 0; i < s->n_images; i++) {
		letters[i] = tally_view_letter(&more);
		more.sides[more.n_sides++].side = letters[i];
	}
	batch_sheet_name(&feed->batch, last->n, name);
	json_t *images = images_json(feed, s, last->n, letters, err);
	if (!images)
		return false;
	json_t *e = json_pack("{ss ss si so}", "event", "view_fed", "sheet", name, "expected",
	    s->n_expected, "images", images);
	if (e && s->device_count >= 0)
		json_object_set_new(e, "device_count", json_integer(s->device_count));
	return feed_event(feed, e, err);
}

static bool suspect_has(const struct finding *f, const char *name)
{
	size_t i;
	const json_t *one;

	json_array_foreach(f->suspects, i, one)
	{
		if (strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

/* --blanks-dropped: it is recorded, and of no sheet until somebody assigns it. */
static bool image_take(
    struct feed *feed, const struct fed_sheet *s, const struct finding *f, struct error *err)
{
	int k = feed->batch.tally.images_taken + 1;
	json_t *images = images_json(feed, s, k, "w", err);

	if (!images)
		return false;
	json_t *e = json_pack("{ss si so}", "event", "image_taken", "image", k, "images", images);
	if (e && f->cover)
		json_object_set_new(e, "cover_read",
		    json_pack("{ss si ss}", "file_number", f->cover->file_number, "volume",
			f->cover->volume, "serial", f->cover->serial));
	if (e && f->unreadable)
		json_object_set_new(e, "unreadable", json_true());
	if (e && !f->cover && suspect_has(f, "unknown_file"))
		json_object_set_new(e, "unknown_file", json_true());
	if (e && s->images[0].lapped)
		json_object_set_new(e, "lapped", json_true());
	return feed_event(feed, e, err);
}

static bool sheet_put(
    struct feed *feed, const struct fed_sheet *s, struct finding *f, struct error *err)
{
	struct tally *t = &feed->batch.tally;
	const struct feed_options *o = feed->options;
	char name[96], text[96];
	int file = 0;
	bool seen = false;

	if (feed->feeder && !batch_start(feed, err))
		return false;
	const struct tally_sheet *viewed = view_of(feed, s, f);
	if (viewed)
		return view_put(feed, s, viewed, err);
	if (feed->unknown && !f->cover)
		json_array_append_new(f->suspects, json_string("unknown_file"));
	if (o->same_sheet && !f->cover && !f->unreadable)
		json_array_append_new(f->suspects, json_string("no_view"));
	if (feed->file_asked) {
		if (!file_open(
			feed, o->file_number, o->volume, "option", NULL, f->suspects, &file, err))
			return false;
		if (o->sheets >= 0 &&
		    !feed_event(feed,
			json_pack("{ss si si}", "event", "count_given", "file", file, "sheets",
			    o->sheets),
			err))
			return false;
	}
	if (o->blanks_dropped)
		return image_take(feed, s, f, err);
	if (f->cover) {
		if (f->cover->serial[0] && !serial_seen(feed, f->cover->serial, &seen, err))
			return false;
		if (seen)
			json_array_append_new(f->suspects, json_string("serial_seen"));
		if (!file_open(feed, f->cover->file_number, f->cover->volume, "cover",
			f->cover->serial, f->suspects, &file, err))
			return false;
	} else if (!f->unreadable) {
		file = t->open_file;
		int most = (int)settings_int(feed->workspace->settings, "scan.max_sheets_per_file");
		struct tally_counts c = {0};
		if (file && most > 0)
			tally_file_counts(t, file, &c);
		if (file && most > 0 && c.fed - c.separators == most)
			json_array_append_new(f->suspects, json_string("too_many"));
	} else if (!feed_file_complete(feed, "cover", err)) {
		return false; /* whatever it says, it ends the file before it */
	}
	int rescan = f->cover || f->unreadable ? 0 : t->rescan_next;
	int insert = f->cover || f->unreadable ? 0
	    : t->insert_next		       ? t->insert_next
					       : t->refeed_last;
	if (rescan)
		file = t->sheets[rescan - 1].file;
	else if (insert)
		file = t->sheets[(t->insert_next ? insert : t->refeed) - 1].file;
	batch_sheet_name(&feed->batch, t->n_sheets + 1, name);
	json_t *images = images_json(feed, s, t->n_sheets + 1, "fb", err);
	if (!images)
		return false;
	json_t *e = json_pack("{ss ss si si sb so}", "event", "sheet_fed", "sheet", name, "file",
	    file, "expected", s->n_expected, "separator", f->cover != NULL, "images", images);
	if (!e)
		return error_set(err, ERROR_SYSTEM, NULL, _("not enough memory for a sheet"));
	if (f->cover)
		json_object_set_new(e, "cover",
		    json_pack("{ss si ss}", "file_number", f->cover->file_number, "volume",
			f->cover->volume, "serial", f->cover->serial));
	if (json_array_size(f->suspects) > 0)
		json_object_set(e, "suspects", f->suspects);
	if (f->double_feed)
		json_object_set_new(e, "double_feed_by", json_string(f->double_feed));
	if (f->like) {
		batch_sheet_name(&feed->batch, f->like, text);
		json_object_set_new(e, "like", json_string(text));
		json_object_set_new(e, "likeness", json_real(f->likeness));
	}
	if (rescan) {
		batch_sheet_name(&feed->batch, rescan, text);
		json_object_set_new(e, "supersedes", json_string(text));
	}
	if (insert && !rescan) {
		batch_sheet_name(&feed->batch, insert, text);
		json_object_set_new(e, "after", json_string(text));
	}
	if (feed->assigned)
		json_object_set_new(e, "assigned", json_integer(feed->assigned));
	if (s->imprint[0])
		json_object_set_new(e, "imprint", json_string(s->imprint));
	if (s->device_count >= 0)
		json_object_set_new(e, "device_count", json_integer(s->device_count));
	return feed_event(feed, e, err);
}

static void feeding_stop(struct feed *feed)
{
	if (feed->feeder)
		feeder_stop(feed->feeder);
}

/* Told at once, while the paper is at hand; the decision may wait. */
static void double_feed_print(const struct feed *feed, int n, const char *by)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (strcmp(by, "device") == 0)
		fprintf(stderr,
		    _("sheet %s/%d waits for a decision: the device reports that two sheets went through as one\n"),
		    feed->batch.name, n);
	else if (strcmp(by, "length") == 0)
		fprintf(stderr,
		    _("sheet %s/%d waits for a decision: it is longer than those before it, as two sheets are that went through as one\n"),
		    feed->batch.name, n);
	else
		fprintf(stderr,
		    _("sheet %s/%d waits for a decision: its image shows two sheets, one upon the other\n"),
		    feed->batch.name, n);
}

bool feed_sheet_record(struct feed *feed, const struct fed_sheet *s, struct error *err)
{
	struct finding f;
	bool was_open = feed->opened, ok = false;
	int n_before = feed->batch.tally.n_sheets, taken = feed->batch.tally.images_taken;

	finding_make(s, &f);
	if (!feed->options->imports && longer_than_neighbours(feed, s) && !f.double_feed)
		f.double_feed = "length";
	if (f.double_feed)
		json_array_append_new(f.suspects, json_string("double_feed"));
	if (!f.cover && !f.unreadable)
		f.like = refed_find(feed->refed, s, &f.likeness);
	if (f.like)
		json_array_append_new(f.suspects, json_string("fed_again"));
	if (!feed->opened) {
		if (!journal_begin(feed->workspace->journal, err))
			goto done;
	} else if (!batch_begin(&feed->batch, err)) {
		goto done;
	}
	if (!sheet_put(feed, s, &f, err) || !batch_commit(&feed->batch, err)) {
		journal_rollback(feed->workspace->journal);
		if (was_open)
			batch_rollback(&feed->batch);
		goto done;
	}
	feed->opened = feed->started = true;
	feed->file_asked = false;
	feed->result->sheets += feed->batch.tally.n_sheets - n_before;
	feed->result->images += feed->batch.tally.images_taken - taken;
	feed->result->suspects +=
	    feed->batch.tally.images_taken == taken && json_array_size(f.suspects) > 0;
	snprintf(feed->result->batch, sizeof feed->result->batch, "%s", feed->batch.name);
	const struct tally_sheet *now = feed->batch.tally.images_taken == taken
	    ? &feed->batch.tally.sheets[feed->batch.tally.n_sheets - 1]
	    : NULL;
	if (now && f.double_feed)
		double_feed_print(feed, now->n, f.double_feed);
	if (!feed->stopping && now && (f.unreadable || (now->file == 0 && !now->separator))) {
		char name[96];
		batch_sheet_name(&feed->batch, now->n, name);
		feed->stopping = true;
		feed->result->end = FEED_DECIDE;
		if (f.unreadable)
			error_set(&feed->result->why, ERROR_DECIDE,
			    _("say what it is: altakt decide SHEET cover --file NO --by NAME --reason TEXT, or keep, or void"),
			    _("sheet %s looks like a cover sheet, but its code cannot be read"),
			    name);
		else
			error_set(&feed->result->why, ERROR_DECIDE,
			    _("altakt sheet move SHEET..SHEET --file NO --by NAME --reason TEXT, or sheet void; a cover sheet or --file begins a file"),
			    _("sheet %s belongs to no file: no cover sheet came before it"), name);
		feeding_stop(feed);
	}
	if (!feed->stopping && now && f.like) {
		feed->stopping = true;
		feed->result->end = FEED_DECIDE;
		error_set(&feed->result->why, ERROR_DECIDE,
		    _("compare the two: altakt decide SHEET void where it is the same paper, keep where it is not, with --by NAME --reason TEXT"),
		    _("sheet %s/%d looks like %s/%d, which is recorded already: was it fed twice?"),
		    feed->batch.name, now->n, feed->batch.name, f.like);
		feeding_stop(feed);
	}
	/* Set back while paper was moving: what went through is recorded, no more is fed. */
	if (!feed->stopping && feed->batch.tally.clock_back &&
	    !clock_check(feed->workspace->journal, &feed->result->why)) {
		feed->stopping = true;
		feed->result->end = FEED_DECIDE;
		feeding_stop(feed);
	}
	ok = true;
done:
	json_decref(f.suspects);
	return ok;
}
