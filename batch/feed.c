#include "batch/feed.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/person.h"
#include "batch/pipeline.h"
#include "batch/refed.h"
#include "batch/register.h"
#include "batch/resume.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "scan/feeder.h"

enum { NEIGHBOURS = 4 };
#define SAME_SIZE 0.02 /* of neighbours that are one kind of paper */
#define LONGER	  1.15 /* than they: two sheets, one lapping over the other */

struct feed {
	struct workspace *workspace;
	const struct feed_options *options;
	struct feed_result *result;
	struct batch_choice choice;
	struct batch batch;
	bool opened;	 /* the batch has its events */
	bool started;	 /* feeding_started is recorded */
	bool file_asked; /* --file is still to be opened */
	int assigned;	 /* images that waited and are sides of this sheet */
	bool unknown;	 /* the register did not know the file named when they were taken */
	bool register_any;
	struct feeder *feeder;
	struct refed *refed; /* after a stop: whether paper is fed a second time */
	struct size_mm {
		double width, length;
	} sizes[NEIGHBOURS]; /* of the sheets that came last, in a ring */
	int n_sizes;
	bool stopping;
	bool whole_stack; /* the operator's word for it */
};

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
	bool longer = feed->n_sizes >= NEIGHBOURS;

	if (s->n_images < 1 || image->dpi <= 0)
		return false;
	size = (struct size_mm){
	    image->width_px / image->dpi * 25.4, image->height_px / image->dpi * 25.4};
	const struct size_mm *first = &feed->sizes[0];
	for (int i = 0; longer && i < NEIGHBOURS; i++) {
		const struct size_mm *n = &feed->sizes[i];
		longer = fabs(n->width - first->width) <= SAME_SIZE * first->width &&
		    fabs(n->length - first->length) <= SAME_SIZE * first->length &&
		    fabs(size.width - n->width) <= SAME_SIZE * n->width &&
		    size.length > LONGER * n->length;
	}
	if (!longer)
		feed->sizes[feed->n_sizes++ % NEIGHBOURS] = size;
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

static bool event(struct feed *feed, json_t *e, struct error *err)
{
	return batch_event(&feed->batch, feed->options->operator_name, e, err);
}

static bool file_complete(struct feed *feed, const char *why, struct error *err)
{
	int open = feed->batch.tally.open_file;

	return open == 0 ||
	    event(feed,
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
	if (!file_complete(feed, cover ? "cover" : "option", err))
		return false;
	if (known) {
		/* The same number again, and not next to itself: somebody decides. */
		if (cover && suspects)
			json_array_append_new(suspects, json_string("file_again"));
		*file = known->file;
		return event(feed,
		    json_pack(
			"{ss si ss}", "event", "file_reopened", "file", known->file, "why", from),
		    err);
	}
	*file = t->n_files + 1;
	json_t *e =
	    json_pack("{ss si ss si si ss}", "event", "file_opened", "file", *file, "file_number",
		number, "volume", volume, "prepared", found ? entry.sheets : -1, "from", from);
	if (e && serial)
		json_object_set_new(e, "serial", json_string(serial));
	return event(feed, e, err);
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
		    !event(feed,
			json_pack("{ssss}", "event", "operator", "operator", o->operator_name),
			err))
			return false;
	}
	if (o->box && strcmp(feed->batch.tally.box, o->box) != 0 &&
	    !event(feed, json_pack("{ssss}", "event", "box", "box", o->box), err))
		return false;
	if (!feed->started &&
	    !event(feed,
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
	return event(feed, e, err);
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
	return event(feed, e, err);
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
		    !event(feed,
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
	} else if (!file_complete(feed, "cover", err)) {
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
	return event(feed, e, err);
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

/* Records a sheet; the transaction holds all that follows from it. */
static bool sheet_record(struct feed *feed, const struct fed_sheet *s, struct error *err)
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

/* While a person is awaited, page work goes on. */
static void work_on(void *self)
{
	struct feed *feed = self;
	struct error said_later = {0};
	bool busy = false;

	if (feed->options->pipeline && feed->opened)
		pipeline_turn(feed->options->pipeline, &feed->batch, &busy, &said_later);
}

/* Ask on a terminal, wait for Enter; false: nobody is there to ask. */
static bool person_mends(struct feed *feed, const struct error *why)
{
	char text[1100], answer[PERSON_ANSWER_SIZE];

	return person_ask(error_text(why, text, sizeof text),
	    _("Press Enter to go on, Ctrl-C to stop: "), work_on, feed, feed->options->stop,
	    answer);
}

/* Whether the open file has as many sheets as somebody counted: the second witness of its end. */
static bool count_agrees(const struct feed *feed)
{
	const struct tally *t = &feed->batch.tally;
	struct tally_counts c;

	if (!t->open_file)
		return false;
	tally_file_counts(t, t->open_file, &c);
	const struct tally_file *f = &t->files[t->open_file - 1];
	int slip = f->given >= 0 ? f->given : f->prepared;
	return slip >= 0 && slip == c.counted + c.blank_uncounted && c.suspects == 0;
}

/*
 * A feeder that says that it is empty is no proof that the stack is through. Where the batch is
 * closed next and no count agrees, the operator's word is asked for. True: there is more to feed.
 */
static bool more_to_feed(struct feed *feed)
{
	const struct feed_options *o = feed->options;
	char text[512], answer[PERSON_ANSWER_SIZE];

	if (!o->closes || o->imports || !feed->opened || !feed->started || feed->stopping ||
	    count_agrees(feed))
		return false;
	const struct tally *t = &feed->batch.tally;
	const char *file = t->open_file ? t->files[t->open_file - 1].file_number : "-";
	snprintf(text, sizeof text,
	    _("The feeder says that it is empty. Last sheet: %s/%d, file %s. Nobody has counted this file."),
	    feed->batch.name, t->n_sheets, file);
	while (person_ask(text,
	    _("Was that the whole stack? y: close the batch; Enter: more paper is in the feeder: "),
	    work_on, feed, o->stop, answer)) {
		if (!*answer)
			return true;
		if (strchr("yYjJ", *answer)) {
			feed->whole_stack = true;
			return false;
		}
	}
	if (!*o->stop && !isatty(STDIN_FILENO))
		fprintf(stderr,
		    _("note: the feeder said that it is empty, and nobody has counted file %s: a register with the column sheets, or --sheets, would prove that it is whole\n"),
		    file);
	return false;
}

/* After the last sheet: what ended it, as an event; and the open file, where its count is right. */
static bool feeding_end(struct feed *feed, const char *reason, struct error *err)
{
	if (!feed->started)
		return true;
	if (!batch_begin(&feed->batch, err))
		return false;
	json_t *e = json_pack("{ssss}", "event", "feeding_stopped", "reason", reason);
	if (e && feed->whole_stack)
		json_object_set_new(e, "whole_stack", json_true());
	bool ok = event(feed, e, err);
	if (ok && feed->result->end == FEED_EMPTY && count_agrees(feed))
		ok = file_complete(feed, "count", err);
	if (!ok) {
		batch_rollback(&feed->batch);
		return false;
	}
	return batch_commit(&feed->batch, err);
}

static void progress_show(const struct feed *feed)
{
	const struct tally *t = &feed->batch.tally;

	fprintf(stderr, _("\r%s: %d sheets recorded, file %s \033[K"), feed->batch.name,
	    t->n_sheets, t->open_file ? t->files[t->open_file - 1].file_number : "-");
}

/* *ended true: feeding is over, feed->result says how. */
static bool event_take(struct feed *feed, struct feeder_event *e, bool *ended, struct error *err)
{
	switch (e->kind) {
	case FEEDER_SHEET:
		if (!sheet_record(feed, &e->sheet, err))
			return false;
		if (isatty(STDERR_FILENO))
			progress_show(feed);
		return true;
	case FEEDER_EMPTY:
		if (more_to_feed(feed)) {
			feeder_resume(feed->feeder);
			return true;
		}
		*ended = true;
		if (*feed->options->stop)
			feed->result->end = FEED_STOPPED;
		else if (!feed->stopping)
			feed->result->end = FEED_EMPTY;
		return true;
	case FEEDER_PAUSED:
	case FEEDER_STOPPED:
		*ended = true;
		if (!feed->stopping)
			feed->result->end = FEED_STOPPED;
		return true;
	case FEEDER_DISK:
		*ended = true;
		feed->result->end = FEED_DISK;
		feed->result->why = e->error;
		return true;
	case FEEDER_ERROR: break;
	}
	/* A jam, an open cover, or a device that failed or went away: a person acts, the state is
	 * kept. */
	if (e->error.kind != ERROR_PAPER && e->error.kind != ERROR_SETUP) {
		*err = e->error;
		return false;
	}
	if (e->unrecorded > 0)
		fprintf(stderr,
		    _("%d sheets went through without being recorded: take them out and put them back on top, after the last recorded one\n"),
		    e->unrecorded);
	if (feed->opened)
		resume_sheet_print(&feed->batch);
	if (person_mends(feed, &e->error)) {
		refed_close(feed->refed);
		feed->refed = feed->opened ? refed_open(&feed->batch) : NULL;
		feeder_resume(feed->feeder);
		return true;
	}
	*ended = true;
	feed->result->end = FEED_PAPER;
	feed->result->why = e->error;
	return true;
}

static bool loop(struct feed *feed, struct error *err)
{
	struct pipeline *pipeline = feed->options->pipeline;
	bool ended = false, told = false;
	struct pollfd fds[260];

	while (!ended) {
		for (bool got = true; got && !ended;) {
			struct feeder_event e = {0};
			if (!feeder_next(feed->feeder, &e, &got, err))
				return false;
			bool ok = !got || event_take(feed, &e, &ended, err);
			feeder_event_release(&e);
			if (!ok)
				return false;
		}
		if (ended)
			break;
		if (*feed->options->stop && !told) {
			told = true;
			fprintf(stderr, "%s", _("\nStopping after this sheet\n"));
			feeder_stop(feed->feeder);
		}
		bool busy = false;
		if (pipeline && feed->opened && !pipeline_turn(pipeline, &feed->batch, &busy, err))
			return false;
		fds[0] = (struct pollfd){.fd = feeder_descriptor(feed->feeder), .events = POLLIN};
		int n = 1;
		if (pipeline)
			n += pipeline_descriptors(pipeline, fds + 1, 259);
		if (poll(fds, (nfds_t)n, 250) < 0 && errno != EINTR)
			return error_errno(err, NULL, _("cannot wait for the scanner"));
	}
	return true;
}

static uint64_t reserve_bytes(const struct workspace *w)
{
	uint64_t free_bytes = 0, total = 0;
	struct error ignored = {0};

	if (settings_text(w->settings, "spool.reserve")[0])
		return settings_bytes(w->settings, "spool.reserve");
	uint64_t five = 5ull << 30;
	if (file_disk_free(w->path, &free_bytes, &total, &ignored) && total / 10 < five)
		return total / 10;
	return five;
}

static const char *const reasons[] = {"empty", "stop", "decide", "paper", "disk"};

bool feed_run(
    struct workspace *w, const struct feed_options *o, struct feed_result *out, struct error *err)
{
	struct feed feed = {.workspace = w, .options = o, .result = out};
	struct feeder_options fo = *o->feeder;
	char *spool = NULL;
	bool ok = false;

	*out = (struct feed_result){0};
	if (!batch_choose(w, o->batch, o->command, &feed.choice, err))
		goto done;
	if (!feed.choice.is_new) {
		if (!batch_open(w, feed.choice.name, &feed.batch, err))
			goto done;
		feed.opened = true;
		snprintf(out->batch, sizeof out->batch, "%s", feed.batch.name);
		if (!o->quiet) {
			fprintf(stderr, _("Going on with batch %s\n"), feed.batch.name);
			resume_sheet_print(&feed.batch);
			resume_asked_print(&feed.batch);
		}
		feed.refed = o->imports || o->same_sheet || feed.batch.tally.rescan_next
		    ? NULL
		    : refed_open(&feed.batch);
	}
	const struct tally *t = &feed.batch.tally;
	if (o->same_sheet && (t->n_sheets == 0 || t->sheets[t->n_sheets - 1].separator)) {
		error_set(err, ERROR_USAGE, _("feed the sheet first, without --same-sheet"),
		    _("there is no sheet yet of which these could be further views"));
		goto done;
	}
	if (!clock_check(w->journal, err) || !register_any(w->journal, &feed.register_any, err))
		goto done;
	feed.file_asked = o->file_number != NULL;
	spool = file_path("%s/spool/%s", w->path, feed.choice.name);
	fo.spool_folder = spool;
	fo.compression = settings_text(w->settings, "spool.compression");
	fo.first_n = feed.batch.tally.n_sheets + 1;
	fo.reserve_bytes = reserve_bytes(w);
	if (o->imports ? !feeder_open_import(&fo, o->imports, o->duplex, &feed.feeder, err)
		       : !feeder_open(&fo, &feed.feeder, err))
		goto done;
	if (feed.opened)
		resume_count_print(
		    &feed.batch, feeder_device(feed.feeder), feeder_device_count(feed.feeder));
	struct error why = {0};
	bool fed = loop(&feed, &why);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	/* What is recorded stays; how the feeding ended is recorded even where it failed. */
	struct error late = {0};
	bool noted = feeding_end(&feed, fed ? reasons[out->end] : "device", &late);
	if (!fed)
		*err = why;
	else if (!noted)
		*err = late;
	ok = fed && noted;
	if (feed.opened && (!ok || out->end != FEED_EMPTY))
		resume_sheet_print(&feed.batch);
done:
	feeder_close(feed.feeder);
	refed_close(feed.refed);
	lock_close(feed.choice.lock);
	batch_release(&feed.batch);
	free(spool);
	return ok;
}

/* --- images that wait ------------------------------------------------------------ */

struct waiting {
	int first;	/* image number of the first that waits */
	json_t *events; /* their image_taken, in order */
};

static bool waiting_keep(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct waiting *waiting = self;

	if (!strstr(line, "\"event\":\"image_taken\""))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	if (json_integer_value(json_object_get(e, "image")) >= waiting->first)
		json_array_append(waiting->events, e);
	json_decref(e);
	return true;
}

json_t *feed_waiting(const struct batch *b, struct error *err)
{
	struct waiting waiting = {b->tally.images_assigned + 1, json_array()};

	if (ledger_read(b->workspace->journal, b->name, 1, 0, waiting_keep, &waiting, err))
		return waiting.events;
	json_decref(waiting.events);
	return NULL;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The image as it was when it was taken. */
static void waiting_image(const struct workspace *w, const json_t *e, struct fed_image *image)
{
	const json_t *one = json_array_get(json_object_get(e, "images"), 0);
	const json_t *source = json_object_get(one, "source");
	const json_t *cover = json_object_get(e, "cover_read");

	*image = (struct fed_image){.path = file_path("%s/%s", w->path, text_at(one, "path")),
	    .n_bytes = (uint64_t)json_integer_value(json_object_get(one, "bytes")),
	    .width_px = (int)json_integer_value(json_object_get(one, "width_px")),
	    .height_px = (int)json_integer_value(json_object_get(one, "height_px")),
	    .channels = (int)json_integer_value(json_object_get(one, "channels")),
	    .depth_bits = (int)json_integer_value(json_object_get(one, "depth")),
	    .dpi = json_number_value(json_object_get(one, "dpi")),
	    .lapped = json_is_true(json_object_get(e, "lapped")),
	    .cover_answer = cover				 ? COVER_VALID
		: json_is_true(json_object_get(e, "unreadable")) ? COVER_UNREADABLE
								 : COVER_NONE};
	snprintf(image->sha256, sizeof image->sha256, "%s", text_at(one, "sha256"));
	if (source) {
		image->source.path = file_path("%s", text_at(source, "path"));
		image->source.page = (int)json_integer_value(json_object_get(source, "page"));
		image->source.file_bytes =
		    (uint64_t)json_integer_value(json_object_get(source, "bytes"));
		image->source.mtime_ns = json_integer_value(json_object_get(source, "mtime_ns"));
		snprintf(image->source.sha256, sizeof image->source.sha256, "%s",
		    text_at(source, "sha256"));
	}
	if (!cover)
		return;
	image->cover.prepared = -1;
	image->cover.volume = (int)json_integer_value(json_object_get(cover, "volume"));
	snprintf(image->cover.file_number, sizeof image->cover.file_number, "%s",
	    text_at(cover, "file_number"));
	snprintf(image->cover.serial, sizeof image->cover.serial, "%s", text_at(cover, "serial"));
}

bool feed_assign(struct workspace *w, const struct feed_options *o, const int *sides, int n_sheets,
    struct feed_result *out, struct error *err)
{
	struct feed feed = {.workspace = w, .options = o, .result = out, .opened = true};
	json_t *waiting = NULL;
	struct lock *lock = NULL;
	size_t at = 0, wanted = 0;
	bool ok = false;

	*out = (struct feed_result){0};
	if (!batch_open(w, o->batch, &feed.batch, err) ||
	    !batch_lock(w, feed.batch.name, o->command, &lock, err) ||
	    !batch_refresh(&feed.batch, err) || !clock_check(w->journal, err) ||
	    !register_any(w->journal, &feed.register_any, err))
		goto done;
	if (feed.batch.tally.state != BATCH_OPEN) {
		error_set(err, ERROR_USAGE, NULL, _("the batch '%s' is closed"), feed.batch.name);
		goto done;
	}
	waiting = feed_waiting(&feed.batch, err);
	if (!waiting)
		goto done;
	for (int i = 0; i < n_sheets; i++)
		wanted += (size_t)sides[i];
	if (wanted > json_array_size(waiting)) {
		error_set(err, ERROR_USAGE, _("'altakt sheet images' lists them"),
		    _("%d images are named, %d wait in batch %s"), (int)wanted,
		    (int)json_array_size(waiting), feed.batch.name);
		goto done;
	}
	feed.file_asked = o->file_number != NULL;
	for (int i = 0; i < n_sheets && !feed.stopping; i++) {
		struct fed_sheet sheet = {
		    .n_images = sides[i], .n_expected = sides[i], .device_count = -1};
		char *taken[2] = {NULL, NULL};
		feed.unknown = false;
		for (int k = 0; k < sides[i]; k++) {
			const json_t *e = json_array_get(waiting, at + (size_t)k);
			waiting_image(w, e, &sheet.images[k]);
			feed.unknown =
			    feed.unknown || json_is_true(json_object_get(e, "unknown_file"));
			taken[k] = file_path("%s", sheet.images[k].path);
		}
		at += (size_t)sides[i];
		feed.assigned = sides[i];
		bool recorded = sheet_record(&feed, &sheet, err);
		for (int k = 0; k < sides[i]; k++) {
			recorded = recorded && file_remove(taken[k], err);
			free(taken[k]);
		}
		fed_sheet_release(&sheet);
		if (!recorded)
			goto done;
	}
	ok = true;
done:
	json_decref(waiting);
	lock_close(lock);
	batch_release(&feed.batch);
	return ok;
}
