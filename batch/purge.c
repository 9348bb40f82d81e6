#include "batch/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batch/batch.h"
#include "batch/closed.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/verify.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool time_read(const char *at, time_t *out)
{
	struct tm tm = {0};

	if (!strptime(at, "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

/* Accepted, and for long enough. */
static bool due(struct workspace *w, const struct closed_batch *b, struct error *err)
{
	int64_t days = settings_int(w->settings, "retention.raw_days");
	time_t accepted, until;
	struct timespec now;
	char day[32];
	struct tm tm;

	if (b->state != CLOSED_ACCEPTED || !time_read(b->accepted, &accepted))
		return error_set(err, ERROR_DECIDE,
		    _("raw images live until a lead accepts the batch"),
		    _("the batch '%s' is not accepted as it is"), b->name);
	until = accepted + days * 86400;
	/* The ledger's own clock: time() may lag behind it by a tick. */
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec >= until)
		return true;
	gmtime_r(&until, &tm);
	strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", &tm);
	return error_set(err, ERROR_DECIDE, _("retention.raw_days says how long they are kept"),
	    _("the raw images of batch '%s' are kept until %s"), b->name, day);
}

static bool verifies(struct workspace *w, const char *batch, struct error *err)
{
	char *folder = file_path("%s/batches/%s", w->path, batch);
	struct verify_report report = {0};
	bool ok = verify_path(folder, &report, err);
	const json_t *first = json_array_get(report.findings, 0);

	if (ok && first)
		ok = error_set(err, ERROR_CHECK,
		    _("nothing was deleted; run 'altakt verify' and clear up what it finds"),
		    _("'%s': %s"), text_of(first, "path"), text_of(first, "what"));
	verify_report_release(&report);
	free(folder);
	return ok;
}

struct images {
	struct workspace *workspace;
	const char *batch;
	struct hash *hash;
	int64_t images, gone, bytes;
};

/* A raw image lies in its batch's spool; whatever else an event names stays. */
static bool path_fits(const char *batch, const char *path)
{
	size_t n = strlen(batch);

	return strncmp(path, "spool/", 6) == 0 && strncmp(path + 6, batch, n) == 0 &&
	    path[6 + n] == '/' && !strchr(path + 7 + n, '/') && path[7 + n] != '.' && path[7 + n];
}

static bool image_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct images *all = self;
	json_t *e, *image;
	bool ok = true;
	size_t i;

	if (!strstr(line, "\"event\":\"sheet_fed\"") && !strstr(line, "\"event\":\"view_fed\""))
		return true;
	e = json_loadb(line, n_bytes, 0, NULL);
	json_array_foreach(json_object_get(e, "images"), i, image)
	{
		const char *relative = text_of(image, "path"), *sha256 = text_of(image, "sha256");
		char *path = file_path("%s/%s", all->workspace->path, relative);
		if (ok && path_fits(all->batch, relative)) {
			int64_t bytes = file_size_bytes(path);
			hash_add(all->hash, sha256, strlen(sha256));
			hash_add(all->hash, "  ", 2);
			hash_add(all->hash, relative, strlen(relative));
			hash_add(all->hash, "\n", 1);
			all->images++;
			if (bytes >= 0) {
				ok = file_remove(path, err);
				if (ok && file_exists(path))
					ok = error_set(err, ERROR_SYSTEM, NULL,
					    _("'%s' is still there after it was deleted"), path);
				all->gone++;
				all->bytes += bytes;
			}
		}
		free(path);
	}
	json_decref(e);
	return ok;
}

bool purge_batch(struct workspace *w, const char *batch, const char *by, struct purge_result *out,
    struct error *err)
{
	struct closed_batch b = {0};
	struct images all = {.workspace = w, .batch = batch, .hash = hash_open(HASH_SHA256)};
	char hash[HASH_SIZE], head[65], *folder = file_path("%s/spool/%s", w->path, batch);
	bool ok = false, begun = false;
	int64_t n;

	if (!batch_name_check(batch, err) || !ledger_head(w->journal, batch, &n, head, err))
		goto done;
	if (n == 0) {
		batch_not_here(w, batch, err);
		goto done;
	}
	if (!closed_read(w->journal, batch, &b, err) || !due(w, &b, err) ||
	    !verifies(w, batch, err))
		goto done;
	/* Inside the transaction nobody corrects the batch; a crash leaves fewer images and no
	 * event, and the next call goes on. */
	if (!(begun = journal_begin(w->journal, err)) ||
	    !ledger_read(w->journal, batch, 1, 0, image_visit, &all, err) ||
	    (file_exists(folder) && !file_sync(folder, err)))
		goto done;
	hash_close(all.hash, hash);
	all.hash = NULL;
	*out = (struct purge_result){all.images, all.bytes, all.gone == 0};
	if (all.gone > 0 &&
	    (!ledger_append(w->journal, batch, by,
		 json_pack("{ss sI sI sI ss}", "event", "purged", "images", (json_int_t)all.images,
		     "deleted", (json_int_t)all.gone, "bytes", (json_int_t)all.bytes, "sha256",
		     hash),
		 err) ||
		!journal_commit(w->journal, err)))
		goto done;
	if (all.gone > 0)
		begun = false;
	ok = true;
done:
	if (begun)
		journal_rollback(w->journal);
	if (all.hash)
		hash_close(all.hash, NULL);
	closed_release(&b);
	free(folder);
	return ok;
}

json_t *purge_destruction_list(struct workspace *w, struct error *err)
{
	struct closed_list list = {0};
	json_t *out = NULL;

	if (!closed_all(w->journal, &list, err))
		return NULL;
	out = json_array();
	for (int i = 0; i < list.n; i++) {
		const struct closed_batch *b = &list.batches[i];
		struct batch own = {0}; /* a collected one has its paper elsewhere */
		if (b->state != CLOSED_ACCEPTED)
			continue;
		if (!b->collected && !batch_open(w, b->name, &own, err)) {
			json_decref(out);
			out = NULL;
			break;
		}
		for (int k = 0; k < b->n_lines; k++) {
			const struct closed_file *line = &b->lines[k];
			const struct tally_file *f =
			    tally_file_find(&own.tally, line->file_number, line->volume);
			json_array_append_new(out,
			    json_pack("{ss ss si si ss ss ss}", "batch", b->name, "file_number",
				line->file_number, "volume", line->volume, "sheets", line->sheets,
				"accepted", b->accepted, "accepted_by", b->accepted_by, "box",
				f ? f->box : ""));
		}
		batch_release(&own);
	}
	closed_list_release(&list);
	return out;
}
