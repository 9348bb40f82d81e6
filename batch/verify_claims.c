#include "batch/verify_claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/claim.h"
#include "batch/foreign_claims.h"
#include "batch/verify_vouch.h"
#include "config/hash.h"
#include "config/text.h"

enum { CLAIM_LIMIT_BYTES = 256 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

void verify_claims_begin(struct verify_claims *out, const char *root, struct verify_report *report)
{
	*out = (struct verify_claims){.root = root,
	    .report = report,
	    .foreign = json_object(),
	    .elsewhere = json_object(),
	    .chains = json_object()};
}

void verify_claims_release(struct verify_claims *w)
{
	claim_book_release(&w->book);
	json_decref(w->foreign);
	json_decref(w->elsewhere);
	json_decref(w->chains);
	*w = (struct verify_claims){0};
}

bool verify_claims_event(struct verify_claims *w, const json_t *event, struct error *err)
{
	const char *name = text_of(event, "event");

	if (strcmp(name, "claims_collected") == 0) {
		json_object_set(
		    w->foreign, text_of(event, "workspace"), (json_t *)(uintptr_t)event);
		foreign_claims_event(w->elsewhere, event);
		return true;
	}
	if (claim_book_event(&w->book, event, err))
		return true;
	if (err->kind != ERROR_SYSTEM)
		err->kind = ERROR_CHECK;
	return false;
}

static void claim_timestamp_check(
    struct verify_claims *w, const struct claim_entry *c, const char *path)
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
static bool claim_files_compare(struct verify_claims *w, struct claim_entry *c, struct error *err)
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

static void chains_want(struct verify_claims *w, const json_t *claim)
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
static bool superfluous_find(
    struct verify_claims *w, const struct file_names *folders, struct error *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < folders->n; i++) {
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
			struct file_names inside = {0};
			ok = file_names_read(path, &inside, err);
			for (size_t k = 0; ok && k < inside.n; k++) {
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
			file_names_release(&inside);
		}
		free(path);
	}
	return ok;
}

bool verify_claims_files(
    struct verify_claims *w, const struct file_names *folders, struct error *err)
{
	for (int i = 0; i < w->book.n; i++) {
		struct claim_entry *c = &w->book.claims[i];
		if (!claim_files_compare(w, c, err))
			return false;
		if (c->json)
			chains_want(w, c->json);
	}
	return superfluous_find(w, folders, err);
}

static bool replay_find(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	struct verify_claims *w = self;

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
	struct verify_claims *w = self;

	verify_find(w->report, w->where, "%s", text);
}

static const struct verify_batch *batch_find(const struct verify_claims *w, const char *name)
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
static void claimed_check(struct verify_claims *w, const struct claim_entry *c)
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

bool verify_claims_replay(
    struct verify_claims *w, const struct verify_batch *batches, int n_batches, struct error *err)
{
	struct claim_basis basis = {0};
	int64_t earlier = 0;
	bool ok = true;

	w->batches = batches;
	w->n_batches = n_batches;
	for (int i = 0; ok && i < w->book.n; i++) {
		struct claim_entry *c = &w->book.claims[i];
		struct error bad = {0};
		int differences = 0;
		int64_t amount, total;
		char text[MONEY_SIZE];
		if (!c->json)
			continue;
		char *path = claim_file(w->root, c->number, "claim.json");
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

bool verify_claim_alone(const char *folder, struct verify_report *report, struct error *err)
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
