#include "batch/pipeline.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batch/due.h"
#include "batch/duplicate_index.h"
#include "batch/page.h"
#include "batch/provenance.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/pool.h"
#include "ocr/recogniser.h"

enum {
	TRIES_MAX = 4,	/* of a page; batch/page.c says what each of them leaves out */
	VIEWS_MAX = 64, /* batches at a time: as many tallies are in memory */
};
#define PAGE_PIXELS	 8700000ll /* A4 at 300 dpi, which ocr.memory_mib is meant for */
#define DISK_LEAST_BYTES (64ull << 20)

struct flight {	     /* a job in the pool */
	uint64_t id; /* 0: free */
	char batch[65];
	int sheet, side; /* a page: running number and index of its side */
	int file;	 /* or a case file, from 1 */
	int tries;
	int64_t changed; /* tally_file.changed when its bundle was begun */
	char bundle[256];
};

struct view { /* of a batch that is worked on */
	struct due due;
	bool cut; /* more may be due than was handed out: the pool was full, or a name taken */
};

struct pipeline {
	struct workspace *workspace;
	struct pipeline_options options;
	struct lock *lock;
	struct pool *pool;
	const char **argv;
	struct flight *flights;
	int n_flights, in_flight;
	struct flight *again; /* those whose worker died: tried once more */
	int n_again;
	struct flight *held; /* case files whose bundle failed: not again in this run */
	int n_held;
	struct error held_why; /* the first of them */
	uint64_t next_id;
	struct view views[VIEWS_MAX]; /* in the order in which they are handed out from */
	int n_views;
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
	p->again = calloc((size_t)p->n_flights, sizeof *p->again);
	if (!p->flights || !p->again) {
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
	free(p->again);
	free(p->held);
	for (int i = 0; i < p->n_views; i++)
		due_release(&p->views[i].due);
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

static bool same_page(const struct flight *f, const char *batch, int sheet, int side)
{
	return f->file == 0 && f->sheet == sheet && f->side == side && strcmp(f->batch, batch) == 0;
}

static bool same_bundle(const struct flight *f, const char *batch, int file)
{
	return f->file == file && strcmp(f->batch, batch) == 0;
}

/* In the pool, or to be tried again. */
static bool page_under_way(const struct pipeline *p, const char *batch, int sheet, int side)
{
	bool found = false;

	for (int i = 0; i < p->n_flights && !found; i++)
		found = p->flights[i].id && same_page(&p->flights[i], batch, sheet, side);
	for (int i = 0; i < p->n_again && !found; i++)
		found = same_page(&p->again[i], batch, sheet, side);
	return found;
}

static bool bundle_under_way(const struct pipeline *p, const char *batch, int file)
{
	bool found = false;

	for (int i = 0; i < p->n_flights && !found; i++)
		found = p->flights[i].id && same_bundle(&p->flights[i], batch, file);
	for (int i = 0; i < p->n_again && !found; i++)
		found = same_bundle(&p->again[i], batch, file);
	return found;
}

/* Anything of the batch. */
static bool under_way(const struct pipeline *p, const char *batch)
{
	bool found = false;

	for (int i = 0; i < p->n_flights && !found; i++)
		found = p->flights[i].id && strcmp(p->flights[i].batch, batch) == 0;
	for (int i = 0; i < p->n_again && !found; i++)
		found = strcmp(p->again[i].batch, batch) == 0;
	return found;
}

static bool submit(
    struct pipeline *p, struct flight *f, json_t *job, int64_t memory_bytes, struct error *err)
{
	char *text = job ? json_dumps(job, JSON_COMPACT) : NULL;
	bool ok = false;

	json_decref(job);
	if (!text)
		return error_set(err, ERROR_SYSTEM, NULL, _("not enough memory for a job"));
	f->id = p->next_id++;
	ok = pool_submit(p->pool, f->id, text, strlen(text), memory_bytes, err);
	if (ok)
		p->in_flight++;
	else
		f->id = 0;
	free(text);
	return ok;
}

/* A worker's limit grows with the page above A4 at 300 dpi. */
static int64_t page_memory_bytes(const struct pipeline *p, const struct tally_side *side)
{
	int64_t usual = settings_int(p->workspace->settings, "ocr.memory_mib") << 20;

	return side->pixels <= PAGE_PIXELS
	    ? usual
	    : (int64_t)((double)usual * ((double)side->pixels / PAGE_PIXELS));
}

static bool page_submit(
    struct pipeline *p, const struct due *due, int sheet, int side, int tries, struct error *err)
{
	const struct batch *b = due->batch;
	const struct tally_sheet *s = &b->tally.sheets[sheet - 1];
	struct flight *f = flight_free(p);
	char *base =
	    file_path("%s/spool/%s/%d%c", p->workspace->path, b->name, s->n, s->sides[side].side);
	char *raw = file_path("%s.tif", base);
	bool ok = false;

	*f = (struct flight){.sheet = s->n, .side = side, .tries = tries};
	snprintf(f->batch, sizeof f->batch, "%s", b->name);
	ok = submit(p, f,
	    json_pack("{ss ss ss sb si ss}", "kind", "page", "raw", raw, "base", base, "proof",
		s->voided || s->superseded, "tries", tries, "languages",
		due_languages(due, s->file)),
	    page_memory_bytes(p, &s->sides[side]), err);
	free(base);
	free(raw);
	return ok;
}

/*
 * Files of one number in two batches want the same name until the first of their bundles lies
 * there: they are made one after the other. *later  true: not now
 */
static bool bundle_submit(
    struct pipeline *p, struct batch *b, int file, int tries, bool *later, struct error *err)
{
	struct flight *f = flight_free(p);
	char *spec = file_path("%s/spool/%s/%d.bundle.json", p->workspace->path, b->name, file);
	bool ok = false;

	*f = (struct flight){
	    .file = file, .tries = tries, .changed = b->tally.files[file - 1].changed};
	snprintf(f->batch, sizeof f->batch, "%s", b->name);
	if (!provenance_spec_write(b, file, spec, f->bundle, err))
		goto done;
	*later = false;
	for (int i = 0; i < p->n_flights; i++)
		*later = *later ||
		    (p->flights[i].id && p->flights[i].file &&
			strcmp(p->flights[i].bundle, f->bundle) == 0);
	ok = *later || submit(p, f, json_pack("{ssss}", "kind", "bundle", "spec", spec), 0, err);
done:
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
	char page[24];
	const char *fingerprint = json_string_value(json_object_get(answer, "fingerprint"));
	snprintf(page, sizeof page, "%d%s", f->sheet, side);
	if (!batch_event(b, p->options.by, event, err) ||
	    (fingerprint &&
		!duplicate_index_note(p->workspace->journal, b->name, page,
		    json_number_value(json_object_get(answer, "width_mm")), fingerprint, err))) {
		batch_rollback(b);
		return false;
	}
	if (!batch_commit(b, err))
		return false;
	p->work.pages++;
	p->work.ocr_failed += json_is_true(json_object_get(answer, "ocr_failed"));
	return true;
}

/*
 * A page that no worker can do, not even as it came: its raw image stays, its case file waits for a
 * person, everything else goes on.
 */
static bool page_give_up(
    struct pipeline *p, struct batch *b, const struct flight *f, const char *why, struct error *err)
{
	char name[96], side[2] = {b->tally.sheets[f->sheet - 1].sides[f->side].side, 0};

	batch_sheet_name(b, f->sheet, name);
	if (!batch_begin(b, err))
		return false;
	if (!batch_event(b, p->options.by,
		json_pack("{ss ss ss ss si}", "event", "page_failed", "sheet", name, "side", side,
		    "reason", why, "tries", f->tries + 1),
		err)) {
		batch_rollback(b);
		return false;
	}
	if (!batch_commit(b, err))
		return false;
	p->work.failed++;
	return true;
}

/* A case file whose bundle cannot be made is left out until the next run; the others go on. */
static bool bundle_hold(struct pipeline *p, const struct batch *b, const struct flight *f,
    const struct error *why, struct error *err)
{
	struct flight *more = realloc(p->held, (size_t)(p->n_held + 1) * sizeof *more);

	if (!more)
		return error_errno(err, NULL, _("cannot go on with page work"));
	p->held = more;
	if (p->n_held == 0) {
		p->held_why = *why;
		error_where(&p->held_why, _("batch %s, file %s"), b->name,
		    b->tally.files[f->file - 1].file_number);
	}
	p->held[p->n_held++] = *f;
	return true;
}

static bool bundle_held(const struct pipeline *p, const struct batch *b, int file)
{
	const struct tally_file *f = &b->tally.files[file - 1];

	for (int i = 0; i < p->n_held; i++)
		if (p->held[i].file == f->file && p->held[i].changed == f->changed &&
		    strcmp(p->held[i].batch, b->name) == 0)
			return true;
	return false;
}

/*
 * Whether what a worker failed with is the machine's matter, so that no other page would fare
 * better. Memory is the page's: its worker has a limit.
 */
static bool machine_ill(const struct pipeline *p, const struct error *why)
{
	uint64_t free_bytes = 0, total = 0;
	struct error probe = {0};

	if (why->kind == ERROR_SETUP)
		return true;
	if (why->kind != ERROR_SYSTEM)
		return false;
	char *path = file_path("%s/spool/.probe", p->workspace->path);
	bool well = file_disk_free(p->workspace->path, &free_bytes, &total, &probe) &&
	    free_bytes >= DISK_LEAST_BYTES && file_write(path, "probe", 5, &probe) &&
	    file_remove(path, &probe);
	free(path);
	return !well;
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

static struct view *view_find(struct pipeline *p, const char *batch)
{
	for (int i = 0; i < p->n_views; i++)
		if (strcmp(p->views[i].due.batch->name, batch) == 0)
			return &p->views[i];
	return NULL;
}

static bool result_take(struct pipeline *p, struct pool_result *r, struct error *err)
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
	struct view *view = view_find(p, done.batch);
	if (!view)
		return true; /* of a batch that is not worked on any more: due again when it is */
	struct batch *b = view->due.batch;
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
	if (r->done && machine_ill(p, &why)) {
		*err = why;
		goto done;
	}
	if (done.file && done.tries >= 1) {
		ok = bundle_hold(p, b, &done, &why, err);
		goto done;
	}
	if (done.tries + 1 >= TRIES_MAX) {
		ok = page_give_up(p, b, &done, why.what, err);
		goto done;
	}
	done.tries++;
	if (p->n_again == p->n_flights) { /* none would be left: it is due again as it is */
		ok = true;
		goto done;
	}
	p->again[p->n_again++] = done;
	ok = true;
done:
	json_decref(answer);
	return ok;
}

static bool results_take(struct pipeline *p, struct error *err)
{
	for (;;) {
		struct pool_result r = {0};
		bool got = false;
		if (!pool_next(p->pool, 0, &r, &got, err))
			return false;
		if (!got)
			return true;
		bool ok = result_take(p, &r, err);
		free(r.text);
		if (!ok)
			return false;
	}
}

static bool room(struct pipeline *p)
{
	return pool_has_room(p->pool) && flight_free(p);
}

static bool again_submit(struct pipeline *p, struct error *err)
{
	for (int i = 0; i < p->n_again && room(p);) {
		struct flight f = p->again[i];
		struct view *view = view_find(p, f.batch);
		bool later = false;
		p->again[i] = p->again[--p->n_again];
		if (!view)
			continue;
		struct batch *b = view->due.batch;
		if (f.file == 0) {
			if (!page_submit(p, &view->due, f.sheet, f.side, f.tries, err))
				return false;
		} else if (!b->tally.files[f.file - 1].bundled &&
		    !bundle_under_way(p, b->name, f.file) &&
		    !bundle_submit(p, b, f.file, f.tries, &later, err)) {
			return false;
		}
		if (later) {
			p->again[p->n_again++] = p->again[i];
			p->again[i++] = f;
		}
	}
	return true;
}

static bool pages_submit(struct pipeline *p, struct due *due, bool urgent, struct error *err)
{
	const char *batch = due->batch->name;
	struct due_page at = {0};

	while (room(p) && due_page_next(due, urgent, &at)) {
		if (page_under_way(p, batch, at.sheet, at.side))
			continue;
		if (!page_submit(p, due, at.sheet, at.side, 0, err))
			return false;
	}
	return true;
}

static bool bundles_submit(struct pipeline *p, struct view *view, bool urgent, struct error *err)
{
	struct due *due = &view->due;

	for (int file = 0; room(p) && (file = due_bundle_next(due, urgent, file)) != 0;) {
		if (bundle_under_way(p, due->batch->name, file) || bundle_held(p, due->batch, file))
			continue;
		bool later = false;
		if (!bundle_submit(p, due->batch, file, 0, &later, err))
			return false;
		view->cut = view->cut || later;
	}
	return true;
}

/* Hands out what is due: of urgent files first, then of the batches as they come. */
static bool hand_out(struct pipeline *p, struct error *err)
{
	for (int i = 0; i < p->n_views; i++) {
		struct view *view = &p->views[i];
		if (!batch_refresh(view->due.batch, err) || !due_marks_read(&view->due, err))
			return false;
		if (!under_way(p, view->due.batch->name))
			due_rewind(&view->due);
		view->cut = false;
	}
	if (!again_submit(p, err))
		return false;
	for (int i = 0; i < p->n_views; i++) {
		struct view *view = &p->views[i];
		if (view->due.urgent_files > 0 &&
		    (!bundles_submit(p, view, true, err) ||
			!pages_submit(p, &view->due, true, err)))
			return false;
	}
	for (int i = 0; i < p->n_views; i++) {
		struct view *view = &p->views[i];
		if (!bundles_submit(p, view, false, err) ||
		    !pages_submit(p, &view->due, false, err))
			return false;
		view->cut = view->cut || !room(p);
	}
	return true;
}

static bool view_busy(const struct pipeline *p, const struct view *view)
{
	return view->cut || under_way(p, view->due.batch->name);
}

static void view_add(struct pipeline *p, struct batch *b)
{
	p->views[p->n_views++] = (struct view){.due = {.batch = b}};
}

/* Gives the batch back. */
static struct batch *view_leave(struct pipeline *p, int at)
{
	struct batch *b = p->views[at].due.batch;

	due_release(&p->views[at].due);
	memmove(&p->views[at], &p->views[at + 1], (size_t)(--p->n_views - at) * sizeof p->views[0]);
	return b;
}

bool pipeline_turn(struct pipeline *p, struct batch *b, bool *busy, struct error *err)
{
	if (p->n_views != 1 || p->views[0].due.batch != b) {
		while (p->n_views > 0)
			view_leave(p, p->n_views - 1);
		view_add(p, b);
	}
	if (!results_take(p, err) || !hand_out(p, err))
		return false;
	*busy = view_busy(p, &p->views[0]);
	return true;
}

static void progress_show(const struct pipeline *p, const struct batch *b)
{
	struct tally_counts c;
	char n[3][TEXT_COUNT];

	tally_counts(&b->tally, &c);
	int64_t ms = now_ms() - p->work.began_ms;
	fprintf(stderr, _("\r%s: %s, %s to do, %s to bundle, %.0f pages/min \033[K"), b->name,
	    text_count(TEXT_SHEETS, c.fed - c.separators, n[0]),
	    text_count(TEXT_PAGES, c.pages_todo, n[1]), text_count(TEXT_FILES, c.files_todo, n[2]),
	    ms > 0 ? p->work.pages * 60000.0 / (double)ms : 0.0);
	fflush(stderr);
}

/* Gives back the batches in which nothing is left, and takes in others while the pool has room. */
static bool batches_move(struct pipeline *p, const struct pipeline_source *source, bool *more,
    struct error *why, struct error *err)
{
	for (;;) {
		if (!hand_out(p, err))
			return false;
		for (int i = p->n_views - 1; i >= 0; i--)
			if (!view_busy(p, &p->views[i]))
				source->done(source->self, view_leave(p, i));
		if (!*more || p->n_views == VIEWS_MAX || (p->n_views > 0 && !room(p)))
			return true;
		struct batch *b = NULL;
		if (!source->next(source->self, &b, why) || !b)
			*more = false;
		else
			view_add(p, b);
	}
}

bool pipeline_drain_each(struct pipeline *p, const struct pipeline_source *source,
    const volatile bool *stop, struct error *err)
{
	struct pollfd fds[260];
	struct error why = {0}; /* that there is no next batch; those before it are ended first */
	bool more = true, ok = true, terminal = isatty(STDERR_FILENO);
	int64_t shown = 0;

	while (p->n_views > 0)
		view_leave(p, p->n_views - 1);
	while (ok && !*stop) {
		/* The pool may hold the first batch's pages since pipeline_turn(). */
		ok = (p->n_views == 0 || results_take(p, err)) &&
		    batches_move(p, source, &more, &why, err);
		if (!ok || p->n_views == 0)
			break;
		if (terminal && now_ms() - shown > 500) {
			progress_show(p, p->views[0].due.batch);
			shown = now_ms();
		}
		int n = pipeline_descriptors(p, fds, 260);
		poll(fds, (nfds_t)n, 500);
	}
	if (terminal && shown)
		fprintf(stderr, "\r\033[K");
	while (p->n_views > 0)
		source->done(source->self, view_leave(p, p->n_views - 1));
	if (ok && why.kind != ERROR_NONE) {
		*err = why;
		ok = false;
	} else if (ok && !*stop && p->n_held > 0) {
		*err = p->held_why;
		ok = false;
	}
	return ok;
}

static bool one_next(void *self, struct batch **out, struct error *err)
{
	struct batch **one = self;

	(void)err;
	*out = *one;
	*one = NULL;
	return true;
}

static void one_done(void *self, struct batch *batch)
{
	(void)self;
	(void)batch;
}

bool pipeline_drain(
    struct pipeline *p, struct batch *b, const volatile bool *stop, struct error *err)
{
	const struct pipeline_source one = {.self = &b, .next = one_next, .done = one_done};

	return pipeline_drain_each(p, &one, stop, err);
}
