#include "batch/waiting_image.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/clock.h"
#include "batch/feed_sheet.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/register.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "scan/feeder.h"

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

json_t *waiting_images(const struct batch *b, struct error *err)
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
static void image_again(const struct workspace *w, const json_t *e, struct fed_image *image)
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

bool waiting_image_assign(struct workspace *w, const struct feed_options *o, const int *sides,
    int n_sheets, struct feed_result *out, struct error *err)
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
	waiting = waiting_images(&feed.batch, err);
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
			image_again(w, e, &sheet.images[k]);
			feed.unknown =
			    feed.unknown || json_is_true(json_object_get(e, "unknown_file"));
			taken[k] = file_path("%s", sheet.images[k].path);
		}
		at += (size_t)sides[i];
		feed.assigned = sides[i];
		bool recorded = feed_sheet_record(&feed, &sheet, err);
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
