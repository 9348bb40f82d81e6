#include "batch/verify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/verify_batch.h"
#include "batch/verify_chain.h"
#include "batch/verify_claims.h"
#include "batch/verify_station.h"
#include "batch/verify_vouch.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

enum { THREADS_MAX = 15 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has(const char *folder, const char *name)
{
	char *path = file_path("%s/%s", folder, name);
	bool there = file_exists(path);

	free(path);
	return there;
}

struct whole { /* a workspace, or a copy of one */
	const char *root;
	struct verify_report *report;
	struct journal *journal;
	struct listing { /* read before the chain: what comes meanwhile is none of this check */
		struct file_names batches, collected, files, claims;
	} there;
	struct verify_claims claims;
	json_t *collected; /* events, by batch: the newest of each */
	json_t *opened;	   /* batches that the workspace's chain knows */
	json_t *bundles;   /* folders below root that a batch names */
	struct verify_batch *batches;
	int n_batches;
	bool own_good; /* the workspace's own chain */
};

static bool own_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct whole *w = self;

	if (!strstr(line, "\"event\":\"batch_opened\"") &&
	    !strstr(line, "\"event\":\"collected\"") && !strstr(line, "\"event\":\"claim"))
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	const char *event = text_of(e, "event");
	bool ok = true;
	if (strcmp(event, "batch_opened") == 0)
		json_object_set_new(w->opened, text_of(e, "batch"), json_true());
	else if (strcmp(event, "collected") == 0)
		json_object_set(w->collected, text_of(e, "batch"), e);
	else
		ok = verify_claims_event(&w->claims, e, err);
	json_decref(e);
	return ok;
}

static bool names_of(const char *root, const char *part, struct file_names *out, struct error *err)
{
	char *folder = file_path("%s/%s", root, part);
	bool ok = file_names_read(folder, out, err);

	free(folder);
	return ok;
}

static bool listing_read(const char *root, struct listing *out, struct error *err)
{
	return names_of(root, "batches", &out->batches, err) &&
	    names_of(root, "collected", &out->collected, err) &&
	    names_of(root, "files", &out->files, err) &&
	    names_of(root, "claims", &out->claims, err);
}

static void listing_release(struct listing *listing)
{
	file_names_release(&listing->batches);
	file_names_release(&listing->collected);
	file_names_release(&listing->files);
	file_names_release(&listing->claims);
}

static bool own_chain(struct whole *w, struct error *err)
{
	char head[65];
	int64_t n;
	bool ok = verify_chain(w->root, LEDGER_WORKSPACE, w->journal, NULL, own_line, w, w->report,
		      &n, head, &w->own_good, err) &&
	    verify_claims_files(&w->claims, &w->there.claims, err);

	/* What claims say of the workspace's own chain is known only now: once more, for these
	 * lines. */
	json_t *wanted = json_object_get(w->claims.chains, LEDGER_WORKSPACE);
	if (ok && w->own_good && json_object_size(wanted) > 0) {
		int64_t events = w->report->events;
		ok = verify_chain(w->root, LEDGER_WORKSPACE, NULL, wanted, NULL, NULL, w->report,
		    &n, head, &w->own_good, err);
		w->report->events = events;
	}
	return ok;
}

/* Batches are checked side by side: each has a report of its own, joined in their order. */
struct task {
	char *path;
	bool collected;
	struct verify_batch *batch;
	struct verify_report report;
	struct error err;
	bool ok;
};

struct tasks {
	const struct whole *whole;
	struct task *tasks;
	int n;
	atomic_int next;
};

/*
 * What is found while others write is looked at once more while nobody does: a lead's word or a
 * manifest that is just taking its place is no finding.
 */
static void task_run(const struct whole *w, struct journal *journal, struct task *t)
{
	int64_t version = journal ? journal_version(journal) : 0;

	for (bool again = false;; again = true) {
		verify_report_begin(&t->report);
		t->ok = verify_batch_read(t->path, t->collected ? t->path : w->root,
		    t->collected ? NULL : journal, w->claims.chains, &t->report, t->batch, &t->err);
		if ((t->ok && json_array_size(t->report.findings) == 0) || again || !journal ||
		    !journal_begin(journal, NULL) || journal_version(journal) == version)
			break;
		verify_batch_release(t->batch);
		verify_report_release(&t->report);
		t->err = (struct error){0};
	}
	journal_rollback(journal);
}

static void *tasks_run(void *self)
{
	struct tasks *all = self;
	struct journal *journal = NULL; /* a handle belongs to one thread */
	int i;

	if (all->whole->journal)
		journal_open(all->whole->root, &journal, NULL);
	while ((i = atomic_fetch_add(&all->next, 1)) < all->n)
		task_run(all->whole, journal, &all->tasks[i]);
	journal_close(journal);
	return NULL;
}

static void tasks_start(struct tasks *all)
{
	pthread_t threads[THREADS_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int n = 0;

	while (n + 1 < cores && n + 1 < all->n && n < THREADS_MAX &&
	    pthread_create(&threads[n], NULL, tasks_run, all) == 0)
		n++;
	tasks_run(all);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static void report_join(struct verify_report *to, struct verify_report *from)
{
	json_array_extend(to->findings, from->findings);
	json_array_extend(to->notes, from->notes);
	to->batches += from->batches;
	to->manifests += from->manifests;
	to->bundles += from->bundles;
	to->bags += from->bags;
	to->events += from->events;
	to->sheets += from->sheets;
	verify_report_release(from);
}

static bool task_end(struct whole *w, struct task *t, struct error *err)
{
	json_t *bundle;
	size_t k;

	report_join(w->report, &t->report);
	if (!t->ok) {
		*err = t->err;
		return false;
	}
	if (t->collected) {
		const json_t *e = json_object_get(w->collected, t->batch->name);
		if (w->own_good && !e)
			verify_find(w->report, t->path,
			    _("the workspace's ledger does not know that it was collected"));
		else if (w->own_good &&
		    (strcmp(text_of(e, "head"), t->batch->head) != 0 ||
			json_integer_value(json_object_get(e, "events")) != t->batch->n))
			verify_find(w->report, t->path,
			    _("its ledger.jsonl is not the one that was collected"));
		return true;
	}
	if (w->own_good && !json_object_get(w->opened, t->batch->name))
		verify_find(
		    w->report, t->path, _("the workspace's ledger does not know this batch"));
	json_array_foreach(t->batch->bundles, k, bundle)
	    json_object_set_new(w->bundles, json_string_value(bundle), json_true());
	return true;
}

/* Each folder of batches/ or collected/ becomes a task. */
static void tasks_add(struct whole *w, struct tasks *all, bool collected)
{
	const struct file_names *names = collected ? &w->there.collected : &w->there.batches;
	size_t room = (size_t)all->n + names->n + 1;
	struct task *more = realloc(all->tasks, room * sizeof *more);

	if (!more)
		abort(); /* a few bytes for each batch */
	all->tasks = more;
	for (size_t i = 0; i < names->n; i++) {
		char *path = file_path(
		    "%s/%s/%s", w->root, collected ? "collected" : "batches", names->names[i]);
		if (is_folder(path) && batch_name_check(names->names[i], NULL)) {
			all->tasks[all->n++] = (struct task){.path = path, .collected = collected};
		} else if (collected && names->names[i][0] == '.' && w->journal) {
			verify_note(w->report,
			    _("'%s' is of a collect that is under way or was interrupted: the next one takes it away"),
			    path);
			free(path);
		} else {
			verify_find(w->report, path, _("it does not belong here"));
			free(path);
		}
	}
}

static void missing_find(struct whole *w, const char *part, json_t *known)
{
	const char *batch;
	json_t *unused;

	json_object_foreach(known, batch, unused)
	{
		char *path = file_path("%s/%s/%s", w->root, part, batch);
		if (!file_exists(path))
			verify_find(w->report, path, _("the batch is missing"));
		free(path);
	}
}

static bool batches_read(struct whole *w, struct error *err)
{
	struct tasks all = {.whole = w};
	bool ok = true;

	tasks_add(w, &all, false);
	tasks_add(w, &all, true);
	w->batches = calloc((size_t)all.n + 1, sizeof *w->batches);
	if (!w->batches)
		abort(); /* a few bytes for each batch */
	for (int i = 0; i < all.n; i++)
		all.tasks[i].batch = &w->batches[w->n_batches++];
	tasks_start(&all);
	for (int i = 0; i < all.n; i++) {
		if (ok)
			ok = task_end(w, &all.tasks[i], err);
		verify_report_release(&all.tasks[i].report);
		free(all.tasks[i].path);
	}
	free(all.tasks);
	if (ok) {
		missing_find(w, "batches", w->opened);
		missing_find(w, "collected", w->collected);
	}
	return ok;
}

static void bundles_superfluous(struct whole *w)
{
	for (size_t i = 0; i < w->there.files.n; i++) {
		const char *name = w->there.files.names[i];
		char *relative = file_path("files/%s", name);
		char *path = file_path("%s/files/%s", w->root, name);
		/* A name with a dot in front is a bundle in the making, gone with the next
		 * `process`. */
		if (name[0] == '.' && w->journal)
			verify_note(w->report, _("'%s' is a bundle in the making"), path);
		else if (!json_object_get(w->bundles, relative))
			verify_find(w->report, path, _("no batch knows this bundle"));
		free(relative);
		free(path);
	}
}

static bool whole_check(const char *root, struct verify_report *report, struct error *err)
{
	struct whole w = {.root = root,
	    .report = report,
	    .opened = json_object(),
	    .collected = json_object(),
	    .bundles = json_object()};
	bool ok = false;

	verify_claims_begin(&w.claims, root, report);
	if (has(root, "journal.sqlite")) {
		struct error why = {0};
		if (!journal_open(root, &w.journal, &why))
			verify_note(report, _("the journal was not compared: %s"), why.what);
	}
	if (!listing_read(root, &w.there, err) || !own_chain(&w, err) || !batches_read(&w, err))
		goto done;
	bundles_superfluous(&w);
	verify_stations(root, w.batches, w.n_batches, report);
	ok = verify_claims_replay(&w.claims, w.batches, w.n_batches, err);
done:
	for (int i = 0; i < w.n_batches; i++)
		verify_batch_release(&w.batches[i]);
	free(w.batches);
	listing_release(&w.there);
	verify_claims_release(&w.claims);
	json_decref(w.opened);
	json_decref(w.collected);
	json_decref(w.bundles);
	journal_close(w.journal);
	return ok;
}

/* The folder n levels above, gives. */
static char *above(const char *path, int levels)
{
	char *up = file_path("%s", path);

	for (int i = 0; i < levels; i++) {
		char *slash = strrchr(up, '/');
		if (slash && slash != up)
			*slash = '\0';
		else
			strcpy(up, slash ? "/" : ".");
	}
	return up;
}

static bool batch_check(const char *folder, struct verify_report *report, struct error *err)
{
	char *root = above(folder, 2);
	bool own = has(folder, "files"); /* as collected batches have them */
	bool bundles = own || has(root, "files");
	struct verify_batch batch;
	bool ok = verify_batch_read(folder,
	    own		  ? folder
		: bundles ? root
			  : NULL,
	    NULL, NULL, report, &batch, err);

	if (ok && !bundles)
		verify_note(report, _("bundles are not beside '%s' and were not checked"), folder);
	verify_batch_release(&batch);
	free(root);
	return ok;
}

static bool folder_check(const char *path, struct verify_report *report, struct error *err)
{
	if (has(path, "bagit.txt"))
		return verify_bundle_alone(path, report, err);
	if (has(path, "batches") || has(path, "journal.sqlite"))
		return whole_check(path, report, err);
	if (has(path, "claim.json")) {
		char *root = above(path, 2);
		bool whole = has(root, "ledger.jsonl") && has(root, "batches");
		bool ok =
		    whole ? whole_check(root, report, err) : verify_claim_alone(path, report, err);
		free(root);
		return ok;
	}
	if (has(path, "ledger.jsonl") || has(path, "manifest.json"))
		return batch_check(path, report, err);
	char *root = above(path, 1);
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	bool ok = true;
	if (has(root, "batches") && (strcmp(base, "files") == 0 || strcmp(base, "claims") == 0))
		ok = whole_check(root, report, err);
	else
		verify_find(report, path,
		    _("nothing here can be verified: no workspace, batch, bundle or claim"));
	free(root);
	return ok;
}

bool verify_path(const char *path, struct verify_report *report, struct error *err)
{
	char *real = realpath(path, NULL);
	bool ok;

	verify_report_begin(report);
	if (!real)
		return error_set(err, ERROR_USAGE, NULL, _("there is nothing at '%s'"), path);
	if (is_folder(real)) {
		ok = folder_check(real, report, err);
	} else {
		char *folder = above(real, 1);
		ok = folder_check(folder, report, err);
		free(folder);
	}
	free(real);
	return ok;
}
