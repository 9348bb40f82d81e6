#include "batch/verify.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/claim.h"
#include "batch/claim_book.h"
#include "batch/foreign_claims.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/verify_batch.h"
#include "batch/verify_chain.h"
#include "batch/verify_station.h"
#include "batch/verify_vouch.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

enum { CLAIM_LIMIT_BYTES = 256 << 20, THREADS_MAX = 15 };

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

struct names {
	char **names;
	int n;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of a folder that is there or not, but . and .. */
static bool names_read(const char *folder, struct names *out, struct error *err)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	*out = (struct names){0};
	if (!dir && errno == ENOENT)
		return true;
	if (!dir)
		return error_errno(err, NULL, _("cannot read the folder '%s'"), folder);
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char **more = realloc(out->names, (size_t)(out->n + 1) * sizeof *more);
		if (!more)
			abort(); /* a few bytes for each name */
		out->names = more;
		out->names[out->n++] = file_path("%s", e->d_name);
	}
	closedir(dir);
	if (out->n > 1)
		qsort(out->names, (size_t)out->n, sizeof *out->names, by_name);
	return true;
}

static void names_release(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct names){0};
}

struct whole { /* a workspace, or a copy of one */
	const char *root;
	struct verify_report *report;
	struct journal *journal;
	struct claim_book book;
	json_t *collected; /* events, by batch: the newest of each */
	json_t *foreign;   /* events claims_collected, by workspace: the newest of each */
	json_t *elsewhere; /* batches that those claims hold */
	json_t *opened;	   /* batches that the workspace's chain knows */
	json_t *bundles;   /* folders below root that a batch names */
	json_t *chains;	   /* {"batch": {"17": "head"}} that claims rest on */
	struct verify_batch *batches;
	int n_batches;
	const char *where; /* for claim_replay's word */
	bool own_good;	   /* the workspace's own chain */
};

static bool own_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct whole *w = self;
	json_t *e;
	bool ok = true;

	if (strstr(line, "\"event\":\"collected\"")) {
		e = json_loadb(line, n_bytes, 0, NULL);
		json_object_set(w->collected, text_of(e, "batch"), e);
		json_decref(e);
		return true;
	}
	if (strstr(line, "\"event\":\"claims_collected\"")) {
		e = json_loadb(line, n_bytes, 0, NULL);
		json_object_set(w->foreign, text_of(e, "workspace"), e);
		foreign_claims_event(w->elsewhere, e);
		json_decref(e);
		return true;
	}
	if (!strstr(line, "\"event\":\"batch_opened\"") && !strstr(line, "\"event\":\"claim_"))
		return true;
	e = json_loadb(line, n_bytes, 0, NULL);
	if (strcmp(text_of(e, "event"), "batch_opened") == 0)
		json_object_set_new(w->opened, text_of(e, "batch"), json_true());
	else
		ok = claim_book_event(&w->book, e, err);
	if (!ok && err->kind != ERROR_SYSTEM)
		err->kind = ERROR_CHECK;
	json_decref(e);
	return ok;
}

static void claim_timestamp_check(struct whole *w, const struct claim_entry *c, const char *path)
{
	json_t *event = c->tsr_sha256[0]
	    ? json_pack("{ss ss}", "sha256", c->tsr_sha256, "time", c->tsr_time)
	    : c->timestamp_missing[0] ? json_pack("{ss}", "why", c->timestamp_missing)
				      : NULL;

	verify_timestamp(path, event, w->report);
	json_decref(event);
}

/* Between its commit and its name, and after a crash there, a claim's folder is still the part. */
static char *claim_file(const char *root, int number, const char *name)
{
	char *path = file_path("%s/claims/%04d/%s", root, number, name);

	if (file_exists(path))
		return path;
	char *part = file_path("%s/claims/.%04d.part/%s", root, number, name);
	if (file_exists(part)) {
		free(path);
		return part;
	}
	free(part);
	return path;
}

/* claim.json, .csv and .pdf by the hashes of the workspace's chain; the parsed one is kept. */
static bool claim_files_compare(struct whole *w, struct claim_entry *c, struct error *err)
{
	static const char *const names[] = {"claim.json", "claim.csv", "claim.pdf"};
	const char *hashes[] = {c->sha256, c->csv_sha256, c->pdf_sha256};

	w->report->claims++;
	for (int i = 0; i < 3; i++) {
		char *path = claim_file(w->root, c->number, names[i]);
		char hex[HASH_SIZE];
		bool ok = true;
		if (!file_exists(path)) {
			verify_find(w->report, path, _("it is missing"));
		} else if (!(ok = hash_file(HASH_SHA256, path, hex, NULL, err))) {
			;
		} else if (strcmp(hex, hashes[i]) != 0) {
			verify_find(w->report, path, _("it is not the file that the ledger knows"));
		} else if (i == 0) {
			size_t n;
			char *text = file_read(path, CLAIM_LIMIT_BYTES, &n, err);
			ok = text != NULL;
			c->json = text ? json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
			if (text && !c->json)
				verify_find(w->report, path, _("it is no JSON"));
			verify_signature(path, w->report);
			claim_timestamp_check(w, c, path);
			free(text);
		}
		free(path);
		if (!ok)
			return false;
	}
	return true;
}

static void chains_want(struct whole *w, const json_t *claim)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(claim, "chains"), i, one)
	{
		const char *chain = text_of(one, "chain");
		json_t *of = json_object_get(w->chains, chain);
		char key[24];
		if (!of) {
			of = json_object();
			json_object_set_new(w->chains, chain, of);
		}
		snprintf(key, sizeof key, "%lld",
		    (long long)json_integer_value(json_object_get(one, "events")));
		json_object_set(of, key, json_object_get(one, "head"));
	}
}

/* folders: in claims/, before the ledger was read, so that a claim made meanwhile is none here. */
static bool claims_superfluous(struct whole *w, const struct names *folders, struct error *err)
{
	bool ok = true;

	for (int i = 0; ok && i < folders->n; i++) {
		const char *name = folders->names[i];
		char *path = file_path("%s/claims/%s", w->root, name), *end;
		long number = strtol(name, &end, 10);
		char expected[16];
		snprintf(expected, sizeof expected, "%04ld", number);
		const json_t *foreign = json_object_get(w->foreign, name);
		if (foreign) {
			ok = foreign_claims_verify(w->root, foreign, w->report, err);
		} else if (name[0] == '.') {
			verify_note(w->report,
			    _("'%s' is a claim in the making, or an interrupted one: 'altakt claim list' finishes it or takes it away"),
			    path);
		} else if (*end || number < 1 || number > w->book.n ||
		    strcmp(expected, name) != 0) {
			verify_find(w->report, path, _("the ledger does not know this claim"));
		} else {
			struct names inside;
			ok = names_read(path, &inside, err);
			for (int k = 0; ok && k < inside.n; k++) {
				const char *n = inside.names[k];
				if (strcmp(n, "claim.json") != 0 && strcmp(n, "claim.csv") != 0 &&
				    strcmp(n, "claim.pdf") != 0 &&
				    strcmp(n, "claim.json.p7s") != 0 &&
				    strcmp(n, "claim.json.tsr") != 0) {
					char *more = file_path("%s/%s", path, n);
					verify_find(w->report, more, _("it does not belong here"));
					free(more);
				}
			}
			names_release(&inside);
		}
		free(path);
	}
	return ok;
}

static bool own_chain(struct whole *w, struct error *err)
{
	char head[65];
	int64_t n;
	char *claims = file_path("%s/claims", w->root);
	struct names folders;
	bool ok = names_read(claims, &folders, err) &&
	    verify_chain(w->root, LEDGER_WORKSPACE, w->journal, NULL, own_line, w, w->report, &n,
		head, &w->own_good, err);

	for (int i = 0; ok && i < w->book.n; i++) {
		ok = claim_files_compare(w, &w->book.claims[i], err);
		if (ok && w->book.claims[i].json)
			chains_want(w, w->book.claims[i].json);
	}
	/* What claims say of the workspace's own chain is known only now: once more, for these
	 * lines. */
	json_t *wanted = json_object_get(w->chains, LEDGER_WORKSPACE);
	if (ok && w->own_good && json_object_size(wanted) > 0) {
		int64_t events = w->report->events;
		ok = verify_chain(w->root, LEDGER_WORKSPACE, NULL, wanted, NULL, NULL, w->report,
		    &n, head, &w->own_good, err);
		w->report->events = events;
	}
	ok = ok && claims_superfluous(w, &folders, err);
	names_release(&folders);
	free(claims);
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
		    t->collected ? NULL : journal, w->chains, &t->report, t->batch, &t->err);
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
static bool tasks_add(
    struct whole *w, struct tasks *all, const char *part, bool collected, struct error *err)
{
	char *folder = file_path("%s/%s", w->root, part);
	struct names names;
	bool ok = names_read(folder, &names, err);
	size_t room = (size_t)(all->n + names.n + 1);
	struct task *more = realloc(all->tasks, room * sizeof *more);

	if (!more)
		abort(); /* a few bytes for each batch */
	all->tasks = more;
	for (int i = 0; i < names.n; i++) {
		char *path = file_path("%s/%s", folder, names.names[i]);
		if (is_folder(path) && batch_name_check(names.names[i], NULL)) {
			all->tasks[all->n++] = (struct task){.path = path, .collected = collected};
		} else if (collected && names.names[i][0] == '.' && w->journal) {
			verify_note(w->report,
			    _("'%s' is of a collect that is under way or was interrupted: the next one takes it away"),
			    path);
			free(path);
		} else {
			verify_find(w->report, path, _("it does not belong here"));
			free(path);
		}
	}
	names_release(&names);
	free(folder);
	return ok;
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
	bool ok =
	    tasks_add(w, &all, "batches", false, err) && tasks_add(w, &all, "collected", true, err);

	w->batches = calloc((size_t)all.n + 1, sizeof *w->batches);
	if (!w->batches)
		abort(); /* a few bytes for each batch */
	for (int i = 0; i < all.n; i++)
		all.tasks[i].batch = &w->batches[w->n_batches++];
	if (ok)
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

static bool bundles_superfluous(struct whole *w, struct error *err)
{
	char *folder = file_path("%s/files", w->root);
	struct names names;
	bool ok = names_read(folder, &names, err);

	for (int i = 0; ok && i < names.n; i++) {
		char *relative = file_path("files/%s", names.names[i]);
		char *path = file_path("%s/%s", folder, names.names[i]);
		/* A name with a dot in front is a bundle in the making, gone with the next
		 * `process`. */
		if (names.names[i][0] == '.' && w->journal)
			verify_note(w->report, _("'%s' is a bundle in the making"), path);
		else if (!json_object_get(w->bundles, relative))
			verify_find(w->report, path, _("no batch knows this bundle"));
		free(relative);
		free(path);
	}
	names_release(&names);
	free(folder);
	return ok;
}

static bool replay_find(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	struct whole *w = self;

	if (!batch_name_check(batch, err))
		return false;
	char *folder = file_path("%s/batches/%s", w->root, batch);
	if (!file_exists(folder)) {
		free(folder);
		folder = file_path("%s/collected/%s", w->root, batch);
	}
	bool ok = claim_manifest_find(folder, revision, sha256, out, err);
	free(folder);
	return ok;
}

static void replay_say(void *self, const char *text)
{
	struct whole *w = self;

	verify_find(w->report, w->where, "%s", text);
}

static const struct verify_batch *batch_find(const struct whole *w, const char *name)
{
	for (int i = 0; i < w->n_batches; i++)
		if (strcmp(w->batches[i].name, name) == 0)
			return &w->batches[i];
	return NULL;
}

/* True where a lead accepted the very manifest, and as the claim says. Older claims say less. */
static bool accepted_as(const struct verify_batch *b, const json_t *line)
{
	static const char *const flags[] = {
	    "not_opened_one_by_one", "hand_counted", "hand_settled"};
	const json_t *e;
	size_t i;

	json_array_foreach(b->accepted, i, e)
	{
		bool same = strcmp(text_of(e, "event"), "accepted") == 0 &&
		    strcmp(text_of(e, "manifest"), text_of(line, "manifest_sha256")) == 0;
		for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
			const json_t *stated = json_object_get(line, flags[k]);
			same = same &&
			    (!stated ||
				json_is_true(stated) == json_is_true(json_object_get(e, flags[k])));
		}
		if (same)
			return true;
	}
	return false;
}

/* Each batch that a claim names must say so itself, in its own chain, and be accepted. */
static void claimed_check(struct whole *w, const struct claim_entry *c)
{
	static const char *const lists[] = {"batches", "corrections"};
	char key[24];
	json_t *line;
	size_t i;

	snprintf(key, sizeof key, "%d", c->number);
	for (int k = 0; k < 2; k++)
		json_array_foreach(json_object_get(c->json, lists[k]), i, line)
		{
			const struct verify_batch *b = batch_find(w, text_of(line, "batch"));
			if (!b)
				verify_find(w->report, w->where, _("its batch '%s' is not here"),
				    text_of(line, "batch"));
			else if (!c->cancelled && k == 0 && json_object_get(w->elsewhere, b->name))
				verify_find(w->report, w->where,
				    _("batch '%s' is claimed twice: workspace %s claims it, too"),
				    b->name,
				    text_of(json_object_get(w->elsewhere, b->name), "workspace"));
			else if (b->chain_good && !json_object_get(line, "collected") &&
			    !json_object_get(b->claims, key))
				verify_find(w->report, w->where,
				    _("the ledger of batch '%s' does not know that claim %d holds it"),
				    b->name, c->number);
			if (b && b->chain_good && text_of(line, "manifest_sha256")[0] &&
			    !accepted_as(b, line))
				verify_find(w->report, w->where,
				    _("no lead accepted the manifest of batch '%s' in the way that the claim says"),
				    b->name);
		}
}

static bool claims_replay(struct whole *w, struct error *err)
{
	struct claim_basis basis = {0};
	int64_t earlier = 0;
	bool ok = true;

	for (int i = 0; ok && i < w->book.n; i++) {
		struct claim_entry *c = &w->book.claims[i];
		struct error bad = {0};
		int differences = 0;
		int64_t amount, total;
		char text[MONEY_SIZE];
		if (!c->json)
			continue;
		char *path = file_path("%s/claims/%04d/claim.json", w->root, c->number);
		w->where = path;
		claimed_check(w, c);
		if (!c->cancelled &&
		    !claim_replay(
			&basis, c->json, replay_find, replay_say, w, &differences, &bad)) {
			ok = bad.kind != ERROR_SYSTEM;
			if (ok)
				verify_find(w->report, path, "%s", bad.what);
			else
				*err = bad;
		}
		if (money_cents_read(text_of(c->json, "amount"), &amount, NULL) &&
		    money_add(earlier, amount, &total, NULL)) {
			money_plain(total, text);
			if (strcmp(text, text_of(c->json, "total")) != 0 && !c->cancelled)
				verify_find(w->report, path,
				    _("its total is '%s', the claims give '%s'"),
				    text_of(c->json, "total"), text);
			if (!c->cancelled)
				earlier = total;
		}
		w->where = NULL;
		free(path);
	}
	claim_basis_release(&basis);
	return ok;
}

static bool whole_check(const char *root, struct verify_report *report, struct error *err)
{
	struct whole w = {.root = root,
	    .report = report,
	    .opened = json_object(),
	    .collected = json_object(),
	    .foreign = json_object(),
	    .elsewhere = json_object(),
	    .bundles = json_object(),
	    .chains = json_object()};
	bool ok = false;

	if (has(root, "journal.sqlite")) {
		struct error why = {0};
		if (!journal_open(root, &w.journal, &why))
			verify_note(report, _("the journal was not compared: %s"), why.what);
	}
	if (!own_chain(&w, err) || !batches_read(&w, err) || !bundles_superfluous(&w, err))
		goto done;
	verify_stations(root, w.batches, w.n_batches, report);
	ok = claims_replay(&w, err);
done:
	for (int i = 0; i < w.n_batches; i++)
		verify_batch_release(&w.batches[i]);
	free(w.batches);
	claim_book_release(&w.book);
	json_decref(w.opened);
	json_decref(w.collected);
	json_decref(w.foreign);
	json_decref(w.elsewhere);
	json_decref(w.bundles);
	json_decref(w.chains);
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

/* A claim away from its workspace: its own sums and amounts. */
static bool claim_alone_check(const char *folder, struct verify_report *report, struct error *err)
{
	char *path = file_path("%s/claim.json", folder);
	struct claim_rates rates;
	struct claim_line sum = {0};
	int64_t files_cents, sheets_cents, corrections = 0, amount, cents;
	struct error bad = {0};
	json_t *line;
	size_t n, i;
	char *text = file_read(path, CLAIM_LIMIT_BYTES, &n, err), plain[MONEY_SIZE];
	json_t *claim = text ? json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool ok = text != NULL;

	report->claims++;
	if (!ok)
		goto done;
	if (!claim || !claim_rates_of(claim, &rates, &bad)) {
		verify_find(report, path, _("it is no claim"));
		goto done;
	}
	json_array_foreach(json_object_get(claim, "batches"), i, line)
	{
		sum.files += json_integer_value(json_object_get(line, "files"));
		sum.sheets += json_integer_value(json_object_get(line, "sheets"));
	}
	json_array_foreach(json_object_get(claim, "corrections"), i, line)
	{
		if (money_cents_read(text_of(line, "amount"), &cents, NULL))
			corrections += cents;
	}
	if (sum.files != json_integer_value(json_object_get(claim, "files")) ||
	    sum.sheets != json_integer_value(json_object_get(claim, "sheets")))
		verify_find(report, path, _("its batches do not add up to its files and sheets"));
	if (claim_amount(&rates, &sum, &files_cents, &sheets_cents, NULL)) {
		amount = files_cents + sheets_cents + corrections;
		money_plain(amount, plain);
		if (strcmp(plain, text_of(claim, "amount")) != 0)
			verify_find(report, path, _("its amount is '%s', its counts give '%s'"),
			    text_of(claim, "amount"), plain);
	}
	verify_note(
	    report, _("'%s' is away from its workspace: only its own sums were checked"), path);
done:
	json_decref(claim);
	free(text);
	free(path);
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
		    whole ? whole_check(root, report, err) : claim_alone_check(path, report, err);
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
