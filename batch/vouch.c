#include "batch/vouch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "batch/claim_book.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/seal.h"
#include "batch/tally.h"
#include "batch/timestamp.h"
#include "config/file.h"
#include "config/text.h"

struct vouching {
	struct workspace *workspace;
	const char *by;
	FILE *say;
	struct vouch_result *out;
};

struct reading { /* of a batch's chain */
	struct tally tally;
	int stamped,
	    said;	/* revisions with a timestamp, and with its absence recorded; the newest */
	json_t *sealed; /* bundles, by the hash of their tag manifest */
	json_t *released; /* by their folder */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	static const char *const events[] = {
	    "\"event\":\"timestamp", "\"event\":\"sealed\"", "\"event\":\"released\""};
	struct reading *r = self;
	bool ours = false;

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		ours = ours || strstr(line, events[i]);
	if (ours) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		const char *event = text_of(e, "event");
		int revision = (int)json_integer_value(json_object_get(e, "revision"));
		if (strcmp(event, "timestamped") == 0)
			r->stamped = revision;
		else if (strcmp(event, "timestamp_missing") == 0)
			r->said = revision;
		else if (strcmp(event, "sealed") == 0)
			json_object_set_new(r->sealed, text_of(e, "sha512"), json_true());
		else if (strcmp(event, "released") == 0)
			json_object_set_new(r->released, text_of(e, "bundle"), json_true());
		json_decref(e);
	}
	return tally_add(&r->tally, n, line, n_bytes, err);
}

/* One event, in a transaction of its own. Takes it. */
static bool record(struct vouching *v, const char *chain, json_t *event, struct error *err)
{
	struct journal *j = v->workspace->journal;

	if (!journal_begin(j, err)) {
		json_decref(event);
		return false;
	}
	if (ledger_append(j, chain, v->by, event, err) && journal_commit(j, err))
		return true;
	journal_rollback(j);
	return false;
}

static void failed(struct vouching *v, const char *what, const struct error *why)
{
	char text[1100];

	v->out->failed++;
	error_text(why, text, sizeof text);
	text[strcspn(text, "\n")] = '\0';
	fprintf(v->say, _("warning: %s: %s; 'altakt seal' asks again\n"), what, text);
}

static bool manifest_stamp(
    struct vouching *v, const char *batch, const struct reading *r, struct error *err)
{
	char *path = manifest_path(v->workspace->path, batch, 0);
	struct timestamp stamp;
	struct error why = {0};
	bool ok = true;

	if (timestamp_get(v->workspace->settings, path, &stamp, &why)) {
		v->out->timestamps++;
		ok = record(v, batch,
		    json_pack("{ss si ss ss ss}", "event", "timestamped", "revision",
			r->tally.revision, "time", stamp.at, "signer", stamp.signer, "sha256",
			stamp.sha256),
		    err);
	} else {
		char *what = file_path(_("the manifest of batch %s has no timestamp"), batch);
		failed(v, what, &why);
		free(what);
		if (r->said != r->tally.revision)
			ok = record(v, batch,
			    json_pack("{ss si ss}", "event", "timestamp_missing", "revision",
				r->tally.revision, "why", why.what),
			    err);
	}
	free(path);
	return ok;
}

static bool bundle_seal(
    struct vouching *v, const char *batch, const struct tally_file *f, struct error *err)
{
	char *bundle = file_path("%s/%s", v->workspace->path, f->bundle);
	char *relative = file_path("seals/%.32s.seal", f->sha512);
	char *path = file_path("%s/batches/%s/%s", v->workspace->path, batch, relative);
	struct error why = {0};
	struct seal seal;
	json_t *event;

	bool got = seal_bundle(v->workspace->settings, bundle, path, &seal, &why);
	event = json_pack("{ss si ss ss si}", "event", got ? "sealed" : "seal_failed", "file",
	    f->file, "bundle", f->bundle, "sha512", f->sha512, "exit", seal.exit_code);
	if (got && seal.sha256[0]) {
		json_object_set_new(event, "seal", json_string(relative));
		json_object_set_new(event, "seal_sha256", json_string(seal.sha256));
	}
	if (got) {
		v->out->seals++;
	} else {
		char *what = file_path(_("the bundle '%s' is not sealed"), f->bundle);
		json_object_set_new(event, "why", json_string(why.what));
		failed(v, what, &why);
		free(what);
	}
	free(bundle);
	free(relative);
	free(path);
	return record(v, batch, event, err);
}

bool vouch_batch(struct workspace *w, const char *batch, const char *by, FILE *say,
    struct vouch_result *out, struct error *err)
{
	struct vouching v = {w, by, say, out};
	struct reading r = {.sealed = json_object(), .released = json_object()};
	bool stamps = timestamp_wanted(w->settings), seals = seal_wanted(w->settings);
	bool ok = false;

	if (!stamps && !seals) {
		ok = true;
		goto done;
	}
	if (!ledger_read(w->journal, batch, 1, 0, visit, &r, err))
		goto done;
	const struct tally *t = &r.tally;
	if (t->revision == 0 || t->state == BATCH_OPEN || t->state == BATCH_ABANDONED) {
		ok = true;
		goto done;
	}
	if (stamps && r.stamped != t->revision && !manifest_stamp(&v, batch, &r, err))
		goto done;
	for (int i = 0; seals && i < t->n_files; i++) {
		const struct tally_file *f = &t->files[i];
		if (f->bundled && f->bundle[0] && !json_object_get(r.sealed, f->sha512) &&
		    !json_object_get(r.released, f->bundle) && !bundle_seal(&v, batch, f, err))
			goto done;
	}
	ok = true;
done:
	tally_release(&r.tally);
	json_decref(r.sealed);
	json_decref(r.released);
	return ok;
}

static bool claim_stamp(struct vouching *v, const struct claim_entry *c, struct error *err)
{
	char *path = file_path("%s/claims/%04d/claim.json", v->workspace->path, c->number);
	struct timestamp stamp;
	struct error why = {0};
	bool ok = true;

	if (timestamp_get(v->workspace->settings, path, &stamp, &why)) {
		v->out->timestamps++;
		ok = record(v, LEDGER_WORKSPACE,
		    json_pack("{ss si ss ss ss}", "event", "claim_timestamped", "claim", c->number,
			"time", stamp.at, "signer", stamp.signer, "sha256", stamp.sha256),
		    err);
	} else {
		char *what = file_path(_("claim %d has no timestamp"), c->number);
		failed(v, what, &why);
		free(what);
		if (!c->timestamp_missing[0])
			ok = record(v, LEDGER_WORKSPACE,
			    json_pack("{ss si ss}", "event", "claim_timestamp_missing", "claim",
				c->number, "why", why.what),
			    err);
	}
	free(path);
	return ok;
}

bool vouch_claims(
    struct workspace *w, const char *by, FILE *say, struct vouch_result *out, struct error *err)
{
	struct vouching v = {w, by, say, out};
	struct claim_book book = {0};
	bool ok;

	if (!timestamp_wanted(w->settings))
		return true;
	ok = claim_book_read(w, &book, err);
	for (int i = 0; ok && i < book.n; i++)
		if (!book.claims[i].cancelled && !book.claims[i].tsr_sha256[0])
			ok = claim_stamp(&v, &book.claims[i], err);
	claim_book_release(&book);
	return ok;
}
