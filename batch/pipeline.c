#include "batch/pipeline.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batch/page.h"
#include "batch/provenance.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/pool.h"
#include "ocr/recogniser.h"

enum { TRIES_MAX = 4 }; /* of a page; batch/page.c says what each of them leaves out */

struct flight {	     /* a job in the pool */
	uint64_t id; /* 0: free */
	char batch[65];
	int sheet, side; /* a page: running number and index of its side */
	int file;	 /* or a case file, from 1 */
	int tries;
	int64_t changed; /* tally_file.changed when its bundle was begun */
	char bundle[256];
};

struct pipeline {
	struct workspace *workspace;
	struct pipeline_options options;
	struct lock *lock;
	struct pool *pool;
	const char **argv;
	struct flight *flights;
	int n_flights, in_flight;
	struct flight again[64]; /* pages whose worker died: tried once more */
	int n_again;
	uint64_t next_id;
	char cursor_batch[65];
	int cursor; /* all sheets before it are done */
	struct pipeline_work work;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool pipeline_open(struct workspace *w, const struct pipeline_options *options,
    struct pipeline **out, struct error *err)
{
	const struct settings *s = w->settings;
	struct pipeline *p = calloc(1, sizeof *p);
	char *lock = file_path("%s/process.lock", w->path);
	bool ok = false;

	if (!p) {
		error_errno(err, NULL, _("cannot start page work"));
		goto done;
	}
	p->workspace = w;
	p->options = *options;
	p->next_id = 1;
	p->work.began_ms = now_ms();
	if (!recogniser_check(
		settings_text(s, "ocr.languages"), settings_text(s, "ocr.tessdata"), err))
		goto done;
	if (!lock_open(lock, options->command ? options->command : "altakt process", &p->lock, err))
		goto done;
	p->argv = page_worker_argv(options->program, w->path, options->sets);
	struct pool_options pool = {.argv = (const char *const *)p->argv,
	    .workers = options->jobs ? options->jobs : (int)settings_int(s, "ocr.jobs"),
	    .waiters = *settings_text(s, "farm.url") ? (int)settings_int(s, "farm.jobs") : 0,
	    .timeout_ms = (int)settings_int(s, "ocr.timeout") *
		    (*settings_text(s, "farm.url") ? 2 : 1) * 1000 +
		60000,
	    .memory_bytes = settings_int(s, "ocr.memory_mib") << 20,
	    .idle = options->idle};
	if (!pool_open(&pool, &p->pool, err))
		goto done;
	p->n_flights = 2 * pool_workers(p->pool) + 2;
	p->flights = calloc((size_t)p->n_flights, sizeof *p->flights);
	if (!p->flights) {
		error_errno(err, NULL, _("cannot start page work"));
		goto done;
	}
	*out = p;
	p = NULL;
	ok = true;
done:
	free(lock);
	pipeline_close(p);
	return ok;
}

void pipeline_close(struct pipeline *p)
{
	if (!p)
		return;
	pool_close(p->pool);
	lock_close(p->lock);
	free(p->argv);
	free(p->flights);
	free(p);
}

int pipeline_descriptors(const struct pipeline *p, struct pollfd *fds, int n_max)
{
	return pool_descriptors(p->pool, fds, n_max);
}

int pipeline_workers(const struct pipeline *p)
{
	return pool_workers(p->pool);
}

const struct pipeline_work *pipeline_work(const struct pipeline *p)
{
	return &p->work;
}

static struct flight *flight_free(struct pipeline *p)
{
	for (int i = 0; i < p->n_flights; i++)
		if (p->flights[i].id == 0)
			return &p->flights[i];
	return NULL;
}

static bool page_in_flight(const struct pipeline *p, const char *batch, int sheet, int side)
{
	for (int i = 0; i < p->n_flights; i++) {
		const struct flight *f = &p->flights[i];
		if (f->id && f->file == 0 && f->sheet == sheet && f->side == side &&
		    strcmp(f->batch, batch) == 0)
			return true;
	}
	return false;
}

static bool bundle_in_flight(const struct pipeline *p, const char *batch, int file)
{
	for (int i = 0; i < p->n_flights; i++)
		if (p->flights[i].id && p->flights[i].file == file &&
		    strcmp(p->flights[i].batch, batch) == 0)
			return true;
	return false;
}

static bool submit(struct pipeline *p, struct flight *f, json_t *job, struct error *err)
{
	char *text = job ? json_dumps(job, JSON_COMPACT) : NULL;
	bool ok = false;

	json_decref(job);
	if (!text)
		return error_set(err, ERROR_SYSTEM, NULL, _("not enough memory for a job"));
	f->id = p->next_id++;
	ok = pool_submit(p->pool, f->id, text, strlen(text), err);
	if (ok)
		p->in_flight++;
	else
		f->id = 0;
	free(text);
	return ok;
}

static bool page_submit(struct pipeline *p, struct batch *b, const struct tally_sheet *s, int side,
    int tries, struct error *err)
{
	struct flight *f = flight_free(p);
	char *base =
	    file_path("%s/spool/%s/%d%c", p->workspace->path, b->name, s->n, s->sides[side].side);
	char *raw = file_path("%s.tif", base);
	bool ok = false;

	*f = (struct flight){.sheet = s->n, .side = side, .tries = tries};
	snprintf(f->batch, sizeof f->batch, "%s", b->name);
	ok = submit(p, f,
	    json_pack("{ss ss ss sb si}", "kind", "page", "raw", raw, "base", base, "proof",
		s->voided || s->superseded, "tries", tries),
	    err);
	free(base);
	free(raw);
	return ok;
}

static bool bundle_submit(struct pipeline *p, struct batch *b, int file, struct error *err)
{
	struct flight *f = flight_free(p);
	char *spec = file_path("%s/spool/%s/%d.bundle.json", p->workspace->path, b->name, file);
	bool ok = false;

	*f = (struct flight){.file = file, .changed = b->tally.files[file - 1].changed};
	snprintf(f->batch, sizeof f->batch, "%s", b->name);
	if (provenance_spec_write(b, file, spec, f->bundle, err))
		ok = submit(p, f, json_pack("{ssss}", "kind", "bundle", "spec", spec), err);
	free(spec);
	return ok;
}

static void settings_copy(json_t *to, const json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)from, key, value)
	{
		if (strcmp(key, "ok") != 0 && strcmp(key, "error") != 0)
			json_object_set(to, key, value);
	}
}

/* What a worker said went wrong, as an error of ours. */
static bool answer_error(const json_t *answer, struct error *err)
{
	const json_t *e = json_object_get(answer, "error");
	const char *where = json_string_value(json_object_get(e, "where"));
	const char *what = json_string_value(json_object_get(e, "what"));
	const char *todo = json_string_value(json_object_get(e, "todo"));
	int kind = (int)json_integer_value(json_object_get(e, "kind"));

	error_set(err,
	    kind > ERROR_NONE && kind <= ERROR_CHECK ? (enum error_kind)kind : ERROR_SYSTEM,
	    todo && todo[0] ? todo : NULL, "%s", what ? what : _("a worker gave no reason"));
	if (where && where[0])
		error_where(err, "%s", where);
	return false;
}

static bool page_record(struct pipeline *p, struct batch *b, const struct flight *f,
    const json_t *answer, struct error *err)
{
	const struct tally_sheet *s = &b->tally.sheets[f->sheet - 1];
	char name[96], side[2] = {s->sides[f->side].side, 0};
	json_t *event;

	batch_sheet_name(b, f->sheet, name);
	event = json_pack("{ss ss ss}", "event", "page_done", "sheet", name, "side", side);
	settings_copy(event, answer);
	if (!batch_begin(b, err)) {
		json_decref(event);
		return false;
	}
	if (!batch_event(b, p->options.by, event, err)) {
		batch_rollback(b);
		return false;
	}
	if (!batch_commit(b, err))
		return false;
	p->work.pages++;
	p->work.ocr_failed += json_is_true(json_object_get(answer, "ocr_failed"));
	return true;
}

/* A page that no worker can do is kept all the same: its record says so, its raw image stays. */
static bool page_give_up(
    struct batch *b, const struct flight *f, const char *why, struct error *err)
{
	char name[96];

	batch_sheet_name(b, f->sheet, name);
	return error_set(err, ERROR_SYSTEM,
	    _("look into altakt.log; void or rescan the sheet, then run 'altakt process'"),
	    _("page work on sheet %s failed %d times: %s"), name, TRIES_MAX, why);
}

static bool bundle_record(struct pipeline *p, struct batch *b, const struct flight *f,
    const json_t *answer, struct error *err)
{
	struct tally_counts c;
	json_t *flags = NULL;
	char old[256];
	bool ok = false;

	if (!batch_begin(b, err))
		return false;
	const struct tally_file *file = &b->tally.files[f->file - 1];
	if (file->changed != f->changed) { /* it changed meanwhile: it is due again */
		batch_rollback(b);
		return true;
	}
	snprintf(old, sizeof old, "%s", file->bundle);
	tally_file_counts(&b->tally, f->file, &c);
	flags = provenance_flags(b, f->file, err);
	if (!flags)
		goto done;
	if (!batch_event(b, p->options.by,
		json_pack("{ss si ss si si si si si sO sO ss sO}", "event", "bundle_made", "file",
		    f->file, "bundle", f->bundle, "sheets", c.sheets, "pages",
		    (int)json_integer_value(json_object_get(answer, "pages")), "images",
		    c.images_counted, "blank_pages", c.blank_pages, "blank_sheets", c.blank_sheets,
		    "bytes", json_object_get(answer, "bytes"), "mean_confidence",
		    json_object_get(answer, "mean_confidence"), "sha512",
		    json_string_value(json_object_get(answer, "sha512")), "flags", flags),
		err) ||
	    !batch_commit(b, err))
		goto done;
	p->work.bundles++;
	ok = true;
	/* A file that was renumbered leaves its old bundle behind. */
	if (old[0] && strcmp(old, f->bundle) != 0) {
		char *folder = file_path("%s/%s", p->workspace->path, old);
		ok = file_remove(folder, err);
		free(folder);
	}
done:
	json_decref(flags);
	if (!ok)
		batch_rollback(b);
	return ok;
}

static bool result_take(
    struct pipeline *p, struct batch *b, struct pool_result *r, struct error *err)
{
	struct flight *f = NULL;
	json_t *answer = NULL;
	bool ok = false;

	for (int i = 0; i < p->n_flights; i++)
		if (p->flights[i].id == r->id)
			f = &p->flights[i];
	if (!f)
		return true;
	struct flight done = *f;
	f->id = 0;
	p->in_flight--;
	if (strcmp(done.batch, b->name) != 0)
		return true; /* of a batch that is not worked on any more: due again when it is */
	if (!batch_refresh(b, err))
		goto done;
	answer = r->done ? json_loadb(r->text, r->n_bytes, 0, NULL) : NULL;
	bool said_ok = json_is_true(json_object_get(answer, "ok"));
	if (said_ok) {
		ok = done.file ? bundle_record(p, b, &done, answer, err)
			       : page_record(p, b, &done, answer, err);
		goto done;
	}
	struct error why = {0};
	if (r->done)
		answer_error(answer, &why);
	else
		error_set(&why, ERROR_INPUT, NULL, "%s", r->failure);
	log_put(LOG_WARNING, done.batch, "%s %d%s: %s", done.file ? "file" : "sheet",
	    done.file ? done.file : done.sheet,
	    done.file							       ? ""
		: b->tally.sheets[done.sheet - 1].sides[done.side].side == 'f' ? "f"
									       : "b",
	    why.what);
	if (r->done && (why.kind == ERROR_SYSTEM || why.kind == ERROR_SETUP)) {
		*err = why; /* disk, memory, language data: no other try helps */
		goto done;
	}
	if (done.tries + 1 >= TRIES_MAX || (done.file && done.tries >= 1)) {
		if (done.file) {
			*err = why;
			error_where(err, _("batch %s, file %s"), b->name,
			    b->tally.files[done.file - 1].file_number);
		} else {
			page_give_up(b, &done, why.what, err);
		}
		goto done;
	}
	done.tries++;
	if (p->n_again == (int)(sizeof p->again / sizeof p->again[0])) {
		*err = why;
		goto done;
	}
	p->again[p->n_again++] = done;
	ok = true;
done:
	json_decref(answer);
	return ok;
}

static bool again_submit(struct pipeline *p, struct batch *b, struct error *err)
{
	for (int i = 0; i < p->n_again;) {
		struct flight f = p->again[i];
		if (!pool_has_room(p->pool) || !flight_free(p))
			return true;
		p->again[i] = p->again[--p->n_again];
		if (strcmp(f.batch, b->name) != 0)
			continue;
		if (f.file == 0) {
			if (!page_submit(p, b, &b->tally.sheets[f.sheet - 1], f.side, f.tries, err))
				return false;
			continue;
		}
		if (!b->tally.files[f.file - 1].bundled && !bundle_in_flight(p, b->name, f.file) &&
		    !bundle_submit(p, b, f.file, err))
			return false;
		for (int k = 0; k < p->n_flights; k++)
			if (p->flights[k].id && p->flights[k].file == f.file)
				p->flights[k].tries = f.tries;
	}
	return true;
}

static bool page_again(const struct pipeline *p, const char *batch, int sheet, int side)
{
	for (int i = 0; i < p->n_again; i++)
		if (p->again[i].file == 0 && p->again[i].sheet == sheet &&
		    p->again[i].side == side && strcmp(p->again[i].batch, batch) == 0)
			return true;
	return false;
}

static bool pages_submit(struct pipeline *p, struct batch *b, struct error *err)
{
	const struct tally *t = &b->tally;

	if (strcmp(p->cursor_batch, b->name) != 0) {
		snprintf(p->cursor_batch, sizeof p->cursor_batch, "%s", b->name);
		p->cursor = 0;
	}
	bool all_before_done = true;
	for (int i = p->cursor; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		bool sheet_done = true;
		for (int k = 0; k < s->n_sides; k++) {
			if (s->sides[k].done || (s->separator && !s->voided && !s->superseded))
				continue;
			sheet_done = false;
			if (page_in_flight(p, b->name, s->n, k) || page_again(p, b->name, s->n, k))
				continue;
			if (!pool_has_room(p->pool) || !flight_free(p))
				return true;
			if (!page_submit(p, b, s, k, 0, err))
				return false;
		}
		all_before_done = all_before_done && sheet_done;
		if (all_before_done)
			p->cursor = i + 1;
	}
	return true;
}

static bool bundles_submit(struct pipeline *p, struct batch *b, struct error *err)
{
	struct tally_counts c;

	for (int i = 0; i < b->tally.n_files; i++) {
		const struct tally_file *f = &b->tally.files[i];
		if (!f->complete || f->bundled || bundle_in_flight(p, b->name, f->file))
			continue;
		tally_file_counts(&b->tally, f->file, &c);
		if (c.counted + c.blank_uncounted == 0 || c.pages_todo > 0 || c.suspects > 0)
			continue;
		bool waits = false;
		for (int k = 0; k < p->n_again; k++)
			waits = waits ||
			    (p->again[k].file == f->file &&
				strcmp(p->again[k].batch, b->name) == 0);
		if (waits)
			continue;
		if (!pool_has_room(p->pool) || !flight_free(p))
			return true;
		if (!bundle_submit(p, b, f->file, err))
			return false;
	}
	return true;
}

bool pipeline_turn(struct pipeline *p, struct batch *b, bool *busy, struct error *err)
{
	for (;;) {
		struct pool_result r = {0};
		bool got = false;
		if (!pool_next(p->pool, 0, &r, &got, err))
			return false;
		if (!got)
			break;
		bool ok = result_take(p, b, &r, err);
		free(r.text);
		if (!ok)
			return false;
	}
	if (!batch_refresh(b, err))
		return false;
	/* A decision may have made a page of what was a cover sheet: look at all of them again. */
	if (p->in_flight == 0)
		p->cursor = 0;
	if (!again_submit(p, b, err) || !bundles_submit(p, b, err) || !pages_submit(p, b, err))
		return false;
	*busy = p->in_flight > 0 || p->n_again > 0;
	return true;
}

static void progress_show(const struct pipeline *p, const struct batch *b)
{
	struct tally_counts c;

	tally_counts(&b->tally, &c);
	int64_t ms = now_ms() - p->work.began_ms;
	fprintf(stderr,
	    _("\r%s: %d sheets, %d pages to do, %d files to bundle, %.0f pages/min \033[K"),
	    b->name, c.fed - c.separators, c.pages_todo, c.files_todo,
	    ms > 0 ? p->work.pages * 60000.0 / (double)ms : 0.0);
	fflush(stderr);
}

bool pipeline_drain(
    struct pipeline *p, struct batch *b, const volatile bool *stop, struct error *err)
{
	struct pollfd fds[260];
	bool busy = true, terminal = isatty(STDERR_FILENO);
	int64_t shown = 0;

	while (busy && !*stop) {
		if (!pipeline_turn(p, b, &busy, err))
			return false;
		if (!busy)
			break;
		if (terminal && now_ms() - shown > 500) {
			progress_show(p, b);
			shown = now_ms();
		}
		int n = pipeline_descriptors(p, fds, 260);
		poll(fds, (nfds_t)n, 500);
	}
	if (terminal && shown)
		fprintf(stderr, "\r\033[K");
	return true;
}
