#include "batch/collect.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/collected_batch.h"
#include "batch/collected_findings.h"
#include "batch/foreign_claims.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/sign.h"
#include "batch/tally.h"
#include "batch/verify.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/hash.h"
#include "config/text.h"

struct incoming { /* a batch at the source, read once */
	struct tally tally;
	int64_t n;
	char head[65], manifest[65];
	json_t *manifests; /* hashes of all its revisions */
	/* While reading: the head of the first so many lines is wanted, too. */
	int64_t wanted;
	char wanted_head[65];
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool incoming_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct incoming *in = self;
	char hex[HASH_SIZE];

	if (n == in->wanted) {
		hash_bytes(HASH_SHA256, line, n_bytes, hex);
		snprintf(in->wanted_head, sizeof in->wanted_head, "%.64s", hex);
	}
	if (strstr(line, "\"event\":\"manifest_written\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		json_array_append(in->manifests, json_object_get(e, "sha256"));
		json_decref(e);
	}
	return tally_add(&in->tally, n, line, n_bytes, err);
}

static void incoming_release(struct incoming *in)
{
	tally_release(&in->tally);
	json_decref(in->manifests);
	in->manifests = NULL;
}

static bool incoming_read(
    const char *folder, int64_t wanted, struct incoming *in, struct error *err)
{
	char *ledger = file_path("%s/ledger.jsonl", folder);
	char *manifest = file_path("%s/manifest.json", folder), hex[HASH_SIZE];
	bool ok;

	*in = (struct incoming){.wanted = wanted, .manifests = json_array()};
	ok = ledger_file_read(ledger, incoming_visit, in, &in->n, in->head, err);
	if (ok && in->tally.revision > 0) {
		ok = hash_file(HASH_SHA256, manifest, hex, NULL, err);
		snprintf(in->manifest, sizeof in->manifest, "%.64s", ok ? hex : "");
	}
	free(ledger);
	free(manifest);
	return ok;
}

struct known {
	json_t *collected; /* the newest event of each batch */
	json_t *manifests; /* every manifest that was collected, or is of this batch: hashes */
};

static void hashes_add(struct known *known, const json_t *hashes)
{
	const json_t *hash;
	size_t i;

	json_array_foreach(hashes, i, hash)
	    json_object_set_new(known->manifests, json_string_value(hash), json_true());
}

static bool known_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct known *known = self;

	if (strstr(line, "\"event\":\"collected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		json_object_set(known->collected, text_of(e, "batch"), e);
		hashes_add(known, json_object_get(e, "manifests"));
		json_decref(e);
	}
	return true;
}

static bool visit_copy(void *self, const char *relative, const char *path, struct error *err)
{
	char *to = file_path("%s/%s", (const char *)self, relative), *slash = strrchr(to, '/');
	bool ok;

	*slash = '\0';
	ok = file_make_folder(to, err);
	*slash = '/';
	ok = ok && file_copy(path, to, err);
	free(to);
	return ok;
}

static bool folder_verify(const char *folder, struct error *err)
{
	struct verify_report report = {0};
	bool ok = verify_path(folder, &report, err);
	const json_t *first = json_array_get(report.findings, 0);

	if (ok && first)
		ok = error_set(err, ERROR_CHECK,
		    _("nothing was taken; copy it again if the copy was torn, then 'altakt verify' it"),
		    _("'%s': %s"), text_of(first, "path"), text_of(first, "what"));
	verify_report_release(&report);
	return ok;
}

/* The batch's folder and its bundles, verified once more where they lie now, then named. */
static bool bring(
    struct workspace *w, const char *root, const struct incoming *in, struct error *err)
{
	const char *name = in->tally.batch;
	char *from = file_path("%s/batches/%s", root, name);
	char *part = file_path("%s/collected/.%s.part/%s", w->path, name, name);
	char *part_folder = file_path("%s/collected/.%s.part", w->path, name);
	char *to = file_path("%s/collected/%s", w->path, name);
	char *old = file_path("%s/collected/.%s.old", w->path, name);
	char *files = file_path("%s/files", part); /* there even where all bundles were released */
	bool ok = file_remove(part_folder, err) && file_remove(old, err) &&
	    file_make_folder(files, err) && file_walk(from, visit_copy, part, err);

	for (int i = 0; ok && i < in->tally.n_files; i++) {
		const struct tally_file *f = &in->tally.files[i];
		char *bundle = file_path("%s/%s", root, f->bundle);
		char *bundle_to = file_path("%s/%s", part, f->bundle);
		if (f->bundle[0] && file_exists(bundle))
			ok = file_make_folder(bundle_to, err) &&
			    file_walk(bundle, visit_copy, bundle_to, err);
		free(bundle);
		free(bundle_to);
	}
	ok = ok && folder_verify(part, err) && (!file_exists(to) || file_move(to, old, err)) &&
	    file_move(part, to, err) && file_remove(part_folder, err) && file_remove(old, err);
	free(from);
	free(part);
	free(part_folder);
	free(to);
	free(old);
	free(files);
	return ok;
}

/* Where stations' keys are named: manifest and acceptance are signed by one of them. */
static bool keys_check(
    const struct workspace *w, const char *root, const struct incoming *in, struct error *err)
{
	static const char *const names[] = {"manifest.json", "acceptance.json"};
	const char *certificates = settings_text(w->settings, "collect.certificates");
	bool ok = true;

	for (int i = 0; certificates[0] && ok && i < 2; i++) {
		char *path = file_path("%s/batches/%s/%s", root, in->tally.batch, names[i]);
		ok = (i == 1 && !file_exists(path)) || sign_trusted(path, certificates, err);
		free(path);
	}
	return ok;
}

/* What speaks against taking this batch. *what: 0 nothing new, 1 new, 2 grown. */
static bool judge(struct workspace *w, const struct incoming *in, const struct known *known,
    int *what, struct error *err)
{
	const char *name = in->tally.batch;
	const json_t *here = json_object_get(known->collected, name);
	char *own = file_path("%s/batches/%s", w->path, name);
	bool is_own = file_exists(own);

	free(own);
	if (strcmp(in->tally.workspace, w->uuid) == 0)
		return error_set(err, ERROR_CHECK,
		    _("where one was restored from a backup, only one of the two can go on"),
		    _("the batch '%s' is from a copy of this very workspace"), name);
	if (is_own)
		return error_set(err, ERROR_CHECK,
		    _("two stations must not have the same station.name"),
		    _("this workspace has a batch '%s' of its own"), name);
	if (here && json_integer_value(json_object_get(here, "events")) == in->n &&
	    strcmp(text_of(here, "head"), in->head) == 0) {
		*what = 0;
		return true;
	}
	if (here && strcmp(text_of(here, "head"), in->wanted_head) != 0)
		return error_set(err, ERROR_CHECK,
		    _("one of the two was changed, or restored from a backup; 'altakt verify' both"),
		    _("the batch '%s' was collected before, with other content"), name);
	if (in->tally.claim > 0)
		return error_set(err, ERROR_CHECK,
		    _("one workspace claims: cancel it there, and take claim.authority away there"),
		    _("the batch '%s' is in claim %d of the other workspace"), name,
		    in->tally.claim);
	if (strcmp(in->tally.previous, hash_zero) != 0 &&
	    !json_object_get(known->manifests, in->tally.previous))
		return error_set(err, ERROR_CHECK, _("collect the whole workspace of that station"),
		    _("the batch '%s': the station's batch before it is missing"), name);
	*what = here ? 2 : 1;
	return true;
}

static int by_closed(const void *a, const void *b)
{
	const struct incoming *x = a, *y = b;
	int order = strcmp(x->tally.closed, y->tally.closed);

	return order ? order : strcmp(x->tally.batch, y->tally.batch);
}

struct incomings {
	struct incoming *all;
	int n;
};

static bool all_read(const char *root, const struct known *known, struct incomings *list,
    struct collect_result *out, struct error *err)
{
	char *folder = file_path("%s/batches", root);
	struct file_names names = {0};
	bool ok = file_names_read(folder, &names, err);

	for (size_t i = 0; ok && i < names.n; i++) {
		const char *name = names.names[i];
		if (!batch_name_check(name, NULL))
			continue;
		struct incoming *more = realloc(list->all, (size_t)(list->n + 1) * sizeof *more);
		if (!more)
			abort(); /* a few bytes for each batch */
		list->all = more;
		char *path = file_path("%s/%s", folder, name);
		struct incoming *in = &list->all[list->n];
		const json_t *here = json_object_get(known->collected, name);
		ok = incoming_read(
		    path, json_integer_value(json_object_get(here, "events")), in, err);
		bool closed = in->tally.revision > 0 && in->tally.state != BATCH_OPEN &&
		    in->tally.state != BATCH_ABANDONED;
		if (ok && closed) {
			list->n++;
		} else {
			out->left += ok && in->tally.state == BATCH_OPEN;
			incoming_release(in);
		}
		free(path);
	}
	file_names_release(&names);
	free(folder);
	if (ok && list->n > 1)
		qsort(list->all, (size_t)list->n, sizeof *list->all, by_closed);
	return ok;
}

void collect_result_release(struct collect_result *result)
{
	json_decref(result->findings);
	*result = (struct collect_result){0};
}

bool collect_folder(struct workspace *w, const char *folder, const char *by,
    struct collect_result *out, struct error *err)
{
	struct known known = {json_object(), json_object()};
	struct incomings list = {0};
	char *root = realpath(folder, NULL);
	bool ok = false, begun = false;

	if (!root) {
		error_set(err, ERROR_USAGE, NULL, _("there is nothing at '%s'"), folder);
		goto done;
	}
	/* The lock keeps a claim and another collect away until this one is whole. */
	if (strcmp(root, w->path) == 0) {
		error_set(err, ERROR_USAGE, NULL, _("'%s' is this workspace itself"), root);
		goto done;
	}
	/* What the source has claimed is known here before anything else: also where a batch is
	 * refused. */
	if (!folder_verify(root, err) || !foreign_claims_take(w, root, by, err) ||
	    !(begun = journal_begin(w->journal, err)) ||
	    !ledger_read(w->journal, LEDGER_WORKSPACE, 1, 0, known_visit, &known, err) ||
	    !all_read(root, &known, &list, out, err))
		goto done;
	for (int i = 0; i < list.n; i++)
		hashes_add(&known, list.all[i].manifests);
	for (int i = 0; i < list.n; i++) {
		struct incoming *in = &list.all[i];
		int what = 0;
		if (!judge(w, in, &known, &what, err))
			goto done;
		out->same += what == 0;
		out->taken += what == 1;
		out->renewed += what == 2;
		if (!collected_batch_note(w->journal, &in->tally, err))
			goto done;
		if (what == 0)
			continue;
		if (!keys_check(w, root, in, err) || !bring(w, root, in, err) ||
		    !collected_batch_images(w, root, in->tally.batch, &out->without_image, err) ||
		    !ledger_append(w->journal, LEDGER_WORKSPACE, by,
			json_pack("{ss ss ss ss ss sO sI ss}", "event", "collected", "batch",
			    in->tally.batch, "workspace", in->tally.workspace, "station",
			    in->tally.station, "manifest", in->manifest, "manifests", in->manifests,
			    "events", (json_int_t)in->n, "head", in->head),
			err))
			goto done;
	}
	if (!journal_commit(w->journal, err))
		goto done;
	begun = false;
	json_t *found = json_array();
	ok = collected_findings_search(w, by, found, err);
	if (!out->findings && json_array_size(found) > 0)
		out->findings = json_array();
	json_array_extend(out->findings, found);
	json_decref(found);
done:
	if (begun)
		journal_rollback(w->journal);
	for (int i = 0; i < list.n; i++)
		incoming_release(&list.all[i]);
	free(list.all);
	json_decref(known.collected);
	json_decref(known.manifests);
	free(root);
	return ok;
}
