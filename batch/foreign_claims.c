#include "batch/foreign_claims.h"

#include <stdlib.h>
#include <string.h>

#include "batch/claim_book.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { CLAIM_LIMIT_BYTES = 256 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* A UUID as batch/workspace.c makes it: nothing else becomes a folder's name. */
static bool uuid_like(const char *text)
{
	return strlen(text) == 36 && strspn(text, "0123456789abcdef-") == 36;
}

struct source {
	char workspace[64];
	struct claim_book book;
};

static bool source_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct source *s = self;
	bool ok = true;

	if (strstr(line, "\"event\":\"workspace_made\"") || strstr(line, "\"event\":\"claim_")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		if (strcmp(text_of(e, "event"), "workspace_made") == 0)
			snprintf(s->workspace, sizeof s->workspace, "%s", text_of(e, "workspace"));
		else
			ok = claim_book_event(&s->book, e, err);
		json_decref(e);
	}
	return ok;
}

static bool visit_copy(void *self, const char *relative, const char *path, struct error *err)
{
	char *to = file_path("%s/%s", (const char *)self, relative);
	bool ok = file_copy(path, to, err);

	free(to);
	return ok;
}

/* Whole or not at all; what a killed collect left there goes. */
static bool claim_copy(struct workspace *w, const char *root, const char *uuid, int number,
    const char *sha256, struct error *err)
{
	char *from = file_path("%s/claims/%04d", root, number);
	char *to = file_path("%s/claims/%s/%04d", w->path, uuid, number);
	char *part = file_path("%s/claims/%s/.%04d.part", w->path, uuid, number);
	char *claim = file_path("%s/claim.json", to), hex[HASH_SIZE] = "";
	bool there = file_exists(claim) && hash_file(HASH_SHA256, claim, hex, NULL, NULL) &&
	    strcmp(hex, sha256) == 0;
	bool ok = there ||
	    (file_remove(part, err) && file_make_folder(part, err) &&
		file_walk(from, visit_copy, part, err) && file_remove(to, err) &&
		file_move(part, to, err));

	free(from);
	free(to);
	free(part);
	free(claim);
	return ok;
}

/* Which batches a claim holds: read from its claim.json, which must have the ledger's hash. */
static json_t *claim_line(const char *root, const struct claim_entry *c, struct error *err)
{
	char *path = file_path("%s/claims/%04d/claim.json", root, c->number), hex[HASH_SIZE];
	json_t *claim = NULL, *batches = json_array(), *line, *out = NULL;
	size_t n, i;
	char *text = file_read(path, CLAIM_LIMIT_BYTES, &n, err);

	if (!text)
		goto done;
	hash_bytes(HASH_SHA256, text, n, hex);
	claim = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!claim || strcmp(hex, c->sha256) != 0) {
		error_set(
		    err, ERROR_CHECK, NULL, _("'%s' is not the claim that the ledger knows"), path);
		goto done;
	}
	json_array_foreach(json_object_get(claim, "batches"), i, line)
	    json_array_append(batches, json_object_get(line, "batch"));
	out = json_pack("{si ss sb sO}", "claim", c->number, "sha256", c->sha256, "cancelled",
	    c->cancelled, "batches", batches);
done:
	json_decref(claim);
	json_decref(batches);
	free(text);
	free(path);
	return out;
}

struct newest {
	const char *workspace;
	json_t *claims;
};

static bool newest_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct newest *newest = self;

	if (strstr(line, "\"event\":\"claims_collected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		if (strcmp(text_of(e, "workspace"), newest->workspace) == 0) {
			json_decref(newest->claims);
			newest->claims = json_incref(json_object_get(e, "claims"));
		}
		json_decref(e);
	}
	return true;
}

static bool claim_same(const json_t *a, const json_t *b)
{
	return strcmp(text_of(a, "sha256"), text_of(b, "sha256")) == 0;
}

/*
 * The source's claims against those that were taken from it before. *older: it is a copy from
 * before then, and says nothing new. ERROR_CHECK: each has what the other has not, as where a
 * restored workspace and the one that it was restored from both went on.
 */
static bool claims_follow(const struct source *s, const json_t *before, const json_t *claims,
    bool *older, struct error *err)
{
	size_t n = json_array_size(before), m = json_array_size(claims);
	bool less = n > m, more = m > n, fork = false;

	for (size_t i = 0; i < n && i < m; i++) {
		const json_t *a = json_array_get(before, i), *b = json_array_get(claims, i);
		bool was = json_is_true(json_object_get(a, "cancelled"));
		bool is = json_is_true(json_object_get(b, "cancelled"));
		fork = fork || !claim_same(a, b);
		less = less || (was && !is);
		more = more || (is && !was);
	}
	*older = less;
	if (!fork && !(less && more))
		return true;
	return error_set(err, ERROR_CHECK,
	    _("one of the two was restored from a backup, and both went on: one of them has to end"),
	    _("the claims of workspace %s are not those that were collected before"), s->workspace);
}

bool foreign_claims_take(struct workspace *w, const char *root, const char *by, struct error *err)
{
	char *ledger = file_path("%s/ledger.jsonl", root);
	struct source s = {0};
	struct newest newest = {.workspace = s.workspace};
	json_t *claims = json_array();
	bool ok = false, begun = false, older = false;

	if (!file_exists(ledger)) {
		ok = true;
		goto done;
	}
	if (!ledger_file_read(ledger, source_visit, &s, NULL, NULL, err))
		goto done;
	if (strcmp(s.workspace, w->uuid) == 0) {
		error_set(err, ERROR_CHECK,
		    _("where one was restored from a backup, only one of the two can go on"),
		    _("'%s' is a copy of this very workspace"), root);
		goto done;
	}
	if (s.book.n == 0 || !uuid_like(s.workspace)) {
		ok = true;
		goto done;
	}
	for (int i = 0; i < s.book.n; i++) {
		json_t *line = claim_line(root, &s.book.claims[i], err);
		if (!line)
			goto done;
		json_array_append_new(claims, line);
	}
	if (!(begun = journal_begin(w->journal, err)) ||
	    !ledger_read(w->journal, LEDGER_WORKSPACE, 1, 0, newest_visit, &newest, err) ||
	    !claims_follow(&s, newest.claims, claims, &older, err))
		goto done;
	for (int i = 0; !older && i < s.book.n; i++)
		if (!claim_copy(w, root, s.workspace, i + 1, s.book.claims[i].sha256, err))
			goto done;
	ok = older || json_equal(newest.claims, claims) ||
	    (ledger_append(w->journal, LEDGER_WORKSPACE, by,
		 json_pack("{ss ss sO}", "event", "claims_collected", "workspace", s.workspace,
		     "claims", claims),
		 err) &&
		journal_commit(w->journal, err));
	begun = false;
done:
	if (begun || !ok || newest.claims)
		journal_rollback(w->journal);
	claim_book_release(&s.book);
	json_decref(newest.claims);
	json_decref(claims);
	free(ledger);
	return ok;
}

void foreign_claims_event(json_t *batches, const json_t *event)
{
	const char *workspace = text_of(event, "workspace"), *name;
	json_t *claim, *batch, *held;
	void *next;
	size_t i, k;

	/* The event tells all of that workspace's claims anew. */
	json_object_foreach_safe(batches, next, name, held)
	{
		if (strcmp(text_of(held, "workspace"), workspace) == 0)
			json_object_del(batches, name);
	}
	json_array_foreach(json_object_get(event, "claims"), i, claim)
	{
		if (json_is_true(json_object_get(claim, "cancelled")))
			continue;
		json_array_foreach(json_object_get(claim, "batches"), k, batch)
		    json_object_set_new(batches, json_string_value(batch),
			json_pack("{ss sO}", "workspace", workspace, "claim",
			    json_object_get(claim, "claim")));
	}
}

static bool all_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	if (strstr(line, "\"event\":\"claims_collected\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		foreign_claims_event(self, e);
		json_decref(e);
	}
	return true;
}

bool foreign_claims_read(struct journal *journal, json_t **batches, struct error *err)
{
	json_t *all = json_object();

	if (!ledger_read(journal, LEDGER_WORKSPACE, 1, 0, all_visit, all, err)) {
		json_decref(all);
		return false;
	}
	*batches = all;
	return true;
}

bool foreign_claims_verify(
    const char *folder, const json_t *event, struct verify_report *report, struct error *err)
{
	const char *uuid = text_of(event, "workspace");
	char hex[HASH_SIZE];
	json_t *claim;
	bool ok = true;
	size_t i;

	if (!uuid_like(uuid)) {
		verify_find(
		    report, folder, _("the ledger names a workspace that is none: '%s'"), uuid);
		return true;
	}
	json_array_foreach(json_object_get(event, "claims"), i, claim)
	{
		char *path = file_path("%s/claims/%s/%04d/claim.json", folder, uuid,
		    (int)json_integer_value(json_object_get(claim, "claim")));
		if (!file_exists(path))
			verify_find(report, path, _("it is missing"));
		else if (ok && (ok = hash_file(HASH_SHA256, path, hex, NULL, err)) &&
		    strcmp(hex, text_of(claim, "sha256")) != 0)
			verify_find(report, path, _("it is not the file that the ledger knows"));
		else if (ok)
			verify_signature(path, report);
		free(path);
	}
	return ok;
}
