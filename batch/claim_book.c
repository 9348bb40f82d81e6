#include "batch/claim_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { CLAIM_LIMIT_BYTES = 256 << 20, CHAINS_MANY = 400 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

struct claim_entry *claim_book_find(const struct claim_book *book, int number)
{
	return number >= 1 && number <= book->n ? &book->claims[number - 1] : NULL;
}

bool claim_book_event(struct claim_book *book, const json_t *e, struct error *err)
{
	const char *event = text_of(e, "event");
	int number = (int)int_of(e, "claim");

	if (strcmp(event, "claim_made") == 0) {
		struct claim_entry *more =
		    realloc(book->claims, (size_t)(book->n + 1) * sizeof *more);
		if (!more)
			return error_errno(err, NULL, _("cannot read the claims"));
		book->claims = more;
		struct claim_entry *c = &more[book->n];
		*c = (struct claim_entry){.number = number};
		snprintf(c->made, sizeof c->made, "%s", text_of(e, "at"));
		snprintf(c->by, sizeof c->by, "%s", text_of(e, "by"));
		snprintf(c->sha256, sizeof c->sha256, "%s", text_of(e, "sha256"));
		snprintf(c->csv_sha256, sizeof c->csv_sha256, "%s", text_of(e, "csv_sha256"));
		snprintf(c->pdf_sha256, sizeof c->pdf_sha256, "%s", text_of(e, "pdf_sha256"));
		if (number != ++book->n)
			return error_set(err, ERROR_CHECK, NULL,
			    _("the claim's number %d does not follow %d"), number, book->n - 1);
		return true;
	}
	if (strncmp(event, "claim_", 6) != 0)
		return true;
	struct claim_entry *c = claim_book_find(book, number);
	if (!c)
		return error_set(err, ERROR_CHECK, NULL, _("there is no claim %d"), number);
	if (strcmp(event, "claim_timestamped") == 0) {
		snprintf(c->tsr_sha256, sizeof c->tsr_sha256, "%s", text_of(e, "sha256"));
		snprintf(c->tsr_time, sizeof c->tsr_time, "%s", text_of(e, "time"));
	}
	if (strcmp(event, "claim_timestamp_missing") == 0)
		snprintf(
		    c->timestamp_missing, sizeof c->timestamp_missing, "%.255s", text_of(e, "why"));
	if (strncmp(event, "claim_timestamp", 15) == 0)
		return true;
	if (strcmp(event, "claim_cancelled") == 0) {
		c->cancelled = true;
		snprintf(c->reason, sizeof c->reason, "%.255s", text_of(e, "reason"));
		return true;
	}
	c->settled = true;
	return money_cents_read(text_of(e, "amount"), &c->settled_cents, err);
}

static bool event_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	json_t *e = strstr(line, "\"claim_") ? json_loadb(line, n_bytes, 0, NULL) : NULL;
	bool ok = !e || claim_book_event(self, e, err);

	json_decref(e);
	return ok;
}

static bool entry_load(const char *workspace, struct claim_entry *c, struct error *err)
{
	char *path = file_path("%s/claims/%04d/claim.json", workspace, c->number), hex[HASH_SIZE];
	size_t n;
	char *text = file_read(path, CLAIM_LIMIT_BYTES, &n, err);
	bool ok = false;

	if (!text)
		goto done;
	hash_bytes(HASH_SHA256, text, n, hex);
	c->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (strcmp(hex, c->sha256) != 0 || !c->json) {
		error_set(err, ERROR_CHECK, _("run 'altakt verify' and look for who changed it"),
		    _("'%s' is not the claim that the ledger knows"), path);
		goto done;
	}
	ok = true;
done:
	free(text);
	free(path);
	return ok;
}

/* Under the journal's lock: what claim_make() is about to name is not taken for a crash's. */
static bool folders_settle(struct workspace *w, const struct claim_book *book, struct error *err)
{
	for (int number = 1; number <= book->n + 1; number++) {
		char *part = file_path("%s/claims/.%04d.part", w->path, number);
		char *folder = file_path("%s/claims/%04d", w->path, number);
		bool ok = true;
		if (file_exists(part))
			ok = number <= book->n && !file_exists(folder)
			    ? file_move(part, folder, err)
			    : file_remove(part, err);
		free(part);
		free(folder);
		if (!ok)
			return false;
	}
	return true;
}

static bool book_read(struct workspace *w, bool load, struct claim_book *out, struct error *err)
{
	struct claim_book book = {0};
	bool locked = journal_is_open(w->journal);
	bool ok = (locked || journal_begin(w->journal, err)) &&
	    ledger_read(w->journal, LEDGER_WORKSPACE, 1, 0, event_visit, &book, err) &&
	    folders_settle(w, &book, err);

	for (int i = 0; ok && load && i < book.n; i++)
		ok = entry_load(w->path, &book.claims[i], err);
	if (!locked)
		journal_rollback(w->journal);
	if (ok)
		*out = book;
	else
		claim_book_release(&book);
	return ok;
}

bool claim_book_read(struct workspace *w, struct claim_book *out, struct error *err)
{
	return book_read(w, true, out, err);
}

void claim_book_release(struct claim_book *book)
{
	for (int i = 0; i < book->n; i++)
		json_decref(book->claims[i].json);
	free(book->claims);
	*book = (struct claim_book){0};
}

bool claim_folders_name(struct workspace *w, struct error *err)
{
	struct claim_book book = {0};
	bool ok = book_read(w, false, &book, err);

	claim_book_release(&book);
	return ok;
}

bool claim_chains_publish(struct workspace *w, const json_t *claim, struct error *err)
{
	json_t *one;
	size_t i;

	if (json_array_size(json_object_get(claim, "chains")) < CHAINS_MANY)
		return true;
	json_array_foreach(json_object_get(claim, "chains"), i, one)
	{
		const char *chain = text_of(one, "chain");
		char *foreign = file_path("%s/collected/%s", w->path, chain);
		bool own = !chain[0] || !file_exists(foreign);
		free(foreign);
		if (own && !ledger_publish(w->journal, chain, err))
			return false;
	}
	return true;
}

static bool lines_cancel(struct workspace *w, const json_t *claim, const char *list,
    const char *event, int number, const char *by, struct error *err)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(claim, list), i, line)
	{
		if (!json_object_get(line, "collected") &&
		    !ledger_append(w->journal, text_of(line, "batch"), by,
			json_pack("{sssi}", "event", event, "claim", number), err))
			return false;
	}
	return true;
}

bool claim_cancel(
    struct workspace *w, int number, const char *by, const char *reason, struct error *err)
{
	struct claim_book book = {0};
	bool ok = false;

	if (!journal_begin(w->journal, err))
		return false;
	if (!claim_book_read(w, &book, err))
		goto done;
	const struct claim_entry *c = claim_book_find(&book, number);
	if (!c || c->cancelled) {
		error_set(err, ERROR_USAGE, _("'altakt claim list' shows them"),
		    c ? _("claim %d is cancelled already") : _("there is no claim %d"), number);
		goto done;
	}
	if (c->settled) {
		error_set(err, ERROR_USAGE,
		    _("correct the batches: the next claim carries the difference"),
		    _("claim %d is settled"), number);
		goto done;
	}
	for (int i = number; i < book.n; i++) {
		if (book.claims[i].cancelled)
			continue;
		error_set(err, ERROR_USAGE, _("cancel that one first, it builds on this one"),
		    _("claim %d is followed by claim %d"), number, i + 1);
		goto done;
	}
	const json_t *cancelled = c->json;
	ok = lines_cancel(w, c->json, "batches", "claim_cancelled", number, by, err) &&
	    lines_cancel(w, c->json, "corrections", "correction_cancelled", number, by, err) &&
	    ledger_append(w->journal, LEDGER_WORKSPACE, by,
		json_pack(
		    "{ss si ss}", "event", "claim_cancelled", "claim", number, "reason", reason),
		err) &&
	    journal_commit(w->journal, err) && claim_chains_publish(w, cancelled, err);
done:
	if (!ok)
		journal_rollback(w->journal);
	claim_book_release(&book);
	return ok;
}

bool claim_settle(
    struct workspace *w, int number, const char *amount, const char *by, struct error *err)
{
	struct claim_book book = {0};
	char text[MONEY_SIZE];
	int64_t cents;
	bool ok = false;

	if (!money_cents_read(amount, &cents, err)) {
		if (err)
			err->kind = ERROR_USAGE;
		return false;
	}
	if (cents < 0)
		return error_set(err, ERROR_USAGE,
		    _("write what was granted for the whole claim, 0 for nothing"),
		    _("'%s' is below zero"), amount);
	money_plain(cents, text);
	if (!journal_begin(w->journal, err))
		return false;
	if (!claim_book_read(w, &book, err))
		goto done;
	const struct claim_entry *c = claim_book_find(&book, number);
	if (!c || c->cancelled) {
		error_set(err, ERROR_USAGE, _("'altakt claim list' shows them"),
		    c ? _("claim %d is cancelled") : _("there is no claim %d"), number);
		goto done;
	}
	ok = ledger_append(w->journal, LEDGER_WORKSPACE, by,
		 json_pack("{ss si ss}", "event", "claim_settled", "claim", number, "amount", text),
		 err) &&
	    journal_commit(w->journal, err);
done:
	if (!ok)
		journal_rollback(w->journal);
	claim_book_release(&book);
	return ok;
}
