#include "batch/verify_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/acceptance.h"
#include "batch/bundle.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/review.h"
#include "batch/sign.h"
#include "batch/verify_chain.h"
#include "batch/verify_vouch.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { TEXT_LIMIT_BYTES = 256 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* What an event is, without parsing it: inside JSON text a quote has a backslash before it. */
static const char *event_is(const char *line, const char *names[])
{
	const char *at = strstr(line, "\"event\":\"");

	for (int i = 0; at && names[i]; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(at + 9, names[i], n) == 0 && at[9 + n] == '"')
			return names[i];
	}
	return NULL;
}

struct reading {
	struct verify_batch *batch;
	struct verify_report *report;
	const char *path; /* of the ledger */
};

static void revision_add(struct verify_batch *b, int64_t n)
{
	struct tally_counts c;
	struct verify_revision *more =
	    realloc(b->revisions, (size_t)(b->n_revisions + 1) * sizeof *more);

	if (!more)
		abort(); /* a few bytes for each close of one batch */
	b->revisions = more;
	struct verify_revision *r = &more[b->n_revisions++];
	*r = (struct verify_revision){
	    .revision = b->tally.revision, .epoch = b->tally.epoch, .event = n};
	snprintf(r->closed, sizeof r->closed, "%s", b->tally.closed);
	snprintf(r->previous, sizeof r->previous, "%s", b->tally.previous);
	snprintf(r->supersedes, sizeof r->supersedes, "%s", b->tally.supersedes);
	tally_counts(&b->tally, &c);
	r->sheets = c.sheets;
	r->text = manifest_text(&b->tally);
	r->csv = manifest_csv(&b->tally);
	char hex[HASH_SIZE];
	hash_bytes(HASH_SHA256, r->text, strlen(r->text), hex);
	snprintf(r->sha256, sizeof r->sha256, "%.64s", hex);
}

static void manifest_event(struct reading *r, int64_t n, const json_t *e)
{
	struct verify_batch *b = r->batch;
	const struct verify_revision *newest =
	    b->n_revisions ? &b->revisions[b->n_revisions - 1] : NULL;

	if (!newest || strcmp(newest->sha256, text_of(e, "sha256")) != 0)
		verify_find(r->report, r->path,
		    _("line %lld: the manifest that was written is not the one that the events before give"),
		    (long long)n);
}

/* DESIGN's three equations, on what the events give. */
static void balance_check(struct reading *r, int64_t n)
{
	const struct tally *t = &r->batch->tally;
	struct tally_counts c;

	tally_counts(t, &c);
	if (c.fed != c.counted + c.blank_uncounted + c.separators + c.superseded + c.voided)
		verify_find(r->report, r->path,
		    _("line %lld: sheets fed %d = counted %d + blank %d + separators %d + superseded %d + voided %d does not hold"),
		    (long long)n, c.fed, c.counted, c.blank_uncounted, c.separators, c.superseded,
		    c.voided);
	/* What a voided or replaced sheet lacks needed no decision. */
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (!s->voided && !s->superseded && s->received != s->expected - s->missing)
			verify_find(r->report, r->path,
			    _("line %lld: sheet %d: images received %d = expected %d - missing %d does not hold"),
			    (long long)n, s->n, s->received, s->expected, s->missing);
	}
	if (c.pages + c.blank_pages != c.images_counted)
		verify_find(r->report, r->path,
		    _("line %lld: pages %d + blank pages %d = images of counted sheets %d does not hold"),
		    (long long)n, c.pages, c.blank_pages, c.images_counted);
}

/* A tombstone: the bundle is gone, and so are the proof images of its sheets. */
static void released_event(struct verify_batch *b, const json_t *e)
{
	json_t *sheet;
	size_t i;

	json_object_set_new(b->released, text_of(e, "bundle"), json_true());
	json_array_foreach(json_object_get(e, "sheets"), i, sheet)
	{
		const char *name = json_string_value(sheet), *n = name ? strrchr(name, '/') : NULL;
		for (char side = 'a'; n && side <= 'z'; side++) {
			char key[64];
			snprintf(key, sizeof key, "evidence/%.20s%c.jpg", n + 1, side);
			json_object_del(b->evidence, key);
		}
	}
}

static bool batch_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	static const char *names[] = {"closed", "manifest_written", "accepted", "rejected",
	    "evidence_kept", "claimed", "correction_claimed", "released", "purged",
	    "evidence_purged", "timestamped", "timestamp_missing", "sealed", NULL};
	struct reading *r = self;
	struct verify_batch *b = r->batch;

	if (!tally_add(&b->tally, n, line, n_bytes, err))
		return false;
	const char *event = event_is(line, names);
	if (!event)
		return true;
	if (strcmp(event, "closed") == 0) {
		revision_add(b, n);
		balance_check(r, n);
		return true;
	}
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	if (strcmp(event, "manifest_written") == 0) {
		manifest_event(r, n, e);
	} else if (strcmp(event, "accepted") == 0 ||
	    (strcmp(event, "rejected") == 0 && json_object_get(e, "acceptance_sha256"))) {
		json_object_set_new(e, "n", json_integer(n));
		json_array_append(b->accepted, e);
		if (!b->n_revisions ||
		    strcmp(text_of(e, "manifest"), b->revisions[b->n_revisions - 1].sha256) != 0)
			verify_find(r->report, r->path,
			    _("line %lld: what was accepted or rejected is not the manifest of that time"),
			    (long long)n);
	} else if (strcmp(event, "evidence_kept") == 0) {
		json_object_set(b->evidence, text_of(e, "path"), json_object_get(e, "sha256"));
	} else if (strcmp(event, "released") == 0) {
		released_event(b, e);
	} else if (strcmp(event, "evidence_purged") == 0) {
		json_object_clear(b->evidence);
	} else if (strncmp(event, "timestamp", 9) == 0) {
		char key[24];
		snprintf(key, sizeof key, "%lld",
		    (long long)json_integer_value(json_object_get(e, "revision")));
		json_object_set(b->stamps, key, e);
	} else if (strcmp(event, "sealed") == 0) {
		if (text_of(e, "seal")[0])
			json_object_set(
			    b->seals, text_of(e, "seal"), json_object_get(e, "seal_sha256"));
	} else {
		char key[24];
		snprintf(key, sizeof key, "%lld",
		    (long long)json_integer_value(json_object_get(e, "claim")));
		json_object_set_new(b->claims, key, json_true());
	}
	json_decref(e);
	return true;
}

/* A file whose content is known. */
static bool text_compare(const char *path, const char *expected, const char *why,
    struct verify_report *report, struct error *err)
{
	size_t n;
	char *text;

	if (!file_exists(path)) {
		verify_find(report, path, _("it is missing"));
		return true;
	}
	text = file_read(path, TEXT_LIMIT_BYTES, &n, err);
	if (!text)
		return false;
	if (n != strlen(expected) || memcmp(text, expected, n) != 0) {
		size_t at = 0;
		int line = 1;
		while (at < n && expected[at] && text[at] == expected[at])
			line += text[at++] == '\n';
		verify_find(report, path, _("%s (first difference in line %d)"), why, line);
	}
	free(text);
	return true;
}

static bool hash_compare(const char *path, const char *sha256, const char *why,
    struct verify_report *report, struct error *err)
{
	char hex[HASH_SIZE];

	if (!file_exists(path)) {
		verify_find(report, path, _("it is missing"));
		return true;
	}
	if (!hash_file(HASH_SHA256, path, hex, NULL, err))
		return false;
	if (strcmp(hex, sha256) != 0)
		verify_find(report, path, "%s", why);
	return true;
}

void verify_signature(const char *path, struct verify_report *report)
{
	struct error bad = {0};
	char signer[256], *signature = file_path("%s.p7s", path);

	if (file_exists(path) && !sign_check(path, signer, &bad))
		verify_find(report, signature, "%s", bad.what);
	else if (file_exists(path) && signer[0])
		verify_note(report, _("'%s' is signed by %s"), path, signer);
	free(signature);
}

static bool manifests_compare(const char *folder, const struct verify_batch *b,
    struct verify_report *report, struct error *err)
{
	const char *why = _("it is not what the events give");

	for (int i = 0; i < b->n_revisions; i++) {
		const struct verify_revision *r = &b->revisions[i];
		bool newest = i + 1 == b->n_revisions;
		char *path = newest ? file_path("%s/manifest.json", folder)
				    : file_path("%s/manifest.%d.json", folder, r->revision);
		char *csv = file_path("%s/manifest.csv", folder);
		bool ok = text_compare(path, r->text, why, report, err) &&
		    (!newest || text_compare(csv, r->csv, why, report, err));
		if (ok && i > 0 && strcmp(r->supersedes, b->revisions[i - 1].sha256) != 0)
			verify_find(report, path,
			    _("it supersedes another manifest than revision %d"),
			    b->revisions[i - 1].revision);
		verify_signature(path, report);
		char key[24];
		snprintf(key, sizeof key, "%d", r->revision);
		verify_timestamp(path, json_object_get(b->stamps, key), report);
		free(path);
		free(csv);
		if (!ok)
			return false;
		report->manifests++;
	}
	return true;
}

static bool review_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	return review_add(self, n, line, n_bytes, err);
}

struct until {
	struct review review;
	int64_t last;
};

static bool until_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct until *u = self;

	return n > u->last || review_line(&u->review, n, line, n_bytes, err);
}

/* What an acceptance says of decisions and of the count by hand. Older ones say nothing. */
static void word_compare(const struct review *r, const char *path, const json_t *acceptance,
    const json_t *event, struct verify_report *report)
{
	const json_t *undecided = json_object_get(acceptance, "near_equal_undecided");
	const json_t *hand = json_object_get(acceptance, "hand_count");
	const struct tally_file *f = r->hand_file ? &r->tally.files[r->hand_file - 1] : NULL;
	const json_t *first = json_object_get(hand, "first");
	bool counted = f && f->hand >= 0;
	const json_t *settled = json_object_get(event, "hand_settled");

	if (undecided && json_integer_value(undecided) != r->n_near_equal)
		verify_find(report, path, _("it hides sheets that are nearly equal to others"));
	if (hand &&
	    (json_is_object(hand) != counted ||
		json_is_true(json_object_get(event, "hand_counted")) != counted ||
		(counted &&
		    (json_integer_value(json_object_get(hand, "sheets")) != f->hand ||
			json_integer_value(json_object_get(hand, "fed")) != r->hand_fed ||
			(first ? json_integer_value(first) : f->hand) != f->hand_first ||
			strcmp(text_of(hand, "file_number"), f->file_number) != 0))))
		verify_find(report, path, _("its count by hand is not the one of the ledger"));
	if (settled && json_is_true(settled) != (counted && f->hand != r->hand_fed))
		verify_find(report, path,
		    _("the ledger says another thing of the difference to the count by hand"));
	if (hand && r->hand_differs)
		verify_find(report, path,
		    _("the count by hand differs, and nobody has settled the difference"));
}

/* Who gave it: the account that the ledger names, which with four eyes did nothing else in it. */
static void account_compare(const struct review *r, const char *path, const json_t *acceptance,
    const json_t *event, struct verify_report *report)
{
	const char *account = text_of(event, "account");

	if (strcmp(account, text_of(acceptance, "account")) != 0)
		verify_find(report, path, _("the ledger names another account that gave it"));
	else if (strcmp(text_of(event, "event"), "accepted") == 0 &&
	    json_is_true(json_object_get(acceptance, "four_eyes")) &&
	    json_object_get(r->accounts, account))
		verify_find(report, path,
		    _("it says four eyes, but the account '%s' fed, corrected or decided in the batch"),
		    account);
}

/* Draws the sample of the newest acceptance again. */
static bool sample_compare(const char *folder, const char *path, const json_t *acceptance,
    const json_t *event, struct verify_report *report, struct error *err)
{
	struct until u = {.last = json_integer_value(json_object_get(event, "n")) - 1};
	char *ledger = file_path("%s/ledger.jsonl", folder);
	json_t *sample = json_array();
	struct error bad = {0};
	bool ok = true;

	review_begin(&u.review, text_of(acceptance, "sample_percent"),
	    strcmp(text_of(acceptance, "mode"), "full") == 0);
	if (!ledger_file_read(ledger, until_line, &u, NULL, NULL, &bad) ||
	    !review_end(&u.review, &bad)) {
		if (bad.kind == ERROR_SYSTEM) {
			*err = bad;
			ok = false;
		} else {
			verify_find(
			    report, path, _("its sample cannot be drawn again: %s"), bad.what);
		}
		goto done;
	}
	const struct tally *t = &u.review.tally;
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (u.review.drawn[i] && !s->voided && !s->superseded && !s->separator)
			json_array_append_new(sample, json_sprintf("%s/%d", t->batch, i + 1));
	}
	if (strcmp(u.review.seed, text_of(acceptance, "seed")) != 0 ||
	    strcmp(u.review.seed, text_of(event, "seed")) != 0)
		verify_find(report, path, _("its seed is not the hash of the first close"));
	else if (!json_equal(sample, json_object_get(acceptance, "sample")) ||
	    !json_equal(sample, json_object_get(event, "sample")))
		verify_find(report, path, _("its sample is not the one that the seed draws"));
	if (strcmp(text_of(event, "event"), "accepted") == 0)
		word_compare(&u.review, path, acceptance, event, report);
	if (u.review.n_unseen > 0 && strcmp(text_of(event, "event"), "accepted") == 0)
		verify_find(report, path,
		    PLURAL("%d page had not been looked at", "%d pages had not been looked at",
			u.review.n_unseen),
		    u.review.n_unseen);
	account_compare(&u.review, path, acceptance, event, report);
	if (u.review.not_opened_one_by_one !=
	    json_is_true(json_object_get(acceptance, "not_opened_one_by_one")))
		verify_find(report, path, _("it hides how the pages were looked at"));
done:
	review_release(&u.review);
	json_decref(sample);
	free(ledger);
	return ok;
}

/* Each acceptance lies in acceptance.json, or under its revision once a newer one came. */
static bool acceptances_compare(const char *folder, const struct verify_batch *b,
    struct verify_report *report, struct error *err)
{
	json_t *e;
	size_t i, n = json_array_size(b->accepted);
	bool ok = true;

	json_array_foreach(b->accepted, i, e)
	{
		int revision = (int)json_integer_value(json_object_get(e, "revision")), k = 1;
		for (size_t m = 0; m < i; m++)
			k += json_integer_value(json_object_get(
				 json_array_get(b->accepted, m), "revision")) == revision;
		char *path = i + 1 == n ? file_path("%s/acceptance.json", folder)
					: acceptance_kept_path(folder, revision, k);
		size_t before = json_array_size(report->findings), n_bytes;
		ok = ok &&
		    hash_compare(path, text_of(e, "acceptance_sha256"),
			_("it is not the acceptance that the ledger knows"), report, err);
		char *text = ok && json_array_size(report->findings) == before
		    ? file_read(path, TEXT_LIMIT_BYTES, &n_bytes, NULL)
		    : NULL;
		json_t *acceptance = text ? json_loadb(text, n_bytes, 0, NULL) : NULL;
		if (acceptance)
			ok = sample_compare(folder, path, acceptance, e, report, err);
		verify_signature(path, report);
		json_decref(acceptance);
		free(text);
		free(path);
	}
	return ok;
}

static bool evidence_compare(const char *folder, const struct verify_batch *b,
    struct verify_report *report, struct error *err)
{
	const char *relative;
	json_t *sha256;
	bool ok = true;

	json_object_foreach(b->evidence, relative, sha256)
	{
		char *path = file_path("%s/%s", folder, relative);
		if (strstr(relative, "..") || relative[0] == '/')
			verify_find(
			    report, path, _("the ledger names a path that leaves the batch"));
		else
			ok = ok &&
			    hash_compare(path, json_string_value(sha256),
				_("it is not the image that the ledger knows"), report, err);
		free(path);
	}
	return ok;
}

static bool bundle_read(const char *path, struct bundle_facts *facts, bool *good,
    struct verify_report *report, struct error *err)
{
	struct error bad = {0};

	*good = bundle_inspect(path, facts, &bad);
	if (*good)
		return true;
	if (bad.kind == ERROR_SYSTEM) {
		*err = bad;
		return false;
	}
	size_t before = json_array_size(report->findings);
	if (!verify_bag(path, report, err))
		return false;
	if (json_array_size(report->findings) == before)
		verify_find(report, path, "%s", bad.what);
	return true;
}

bool verify_bundle_alone(const char *path, struct verify_report *report, struct error *err)
{
	struct bundle_facts facts;
	bool good;

	report->bundles++;
	return bundle_read(path, &facts, &good, report, err);
}

static void fact_compare(struct verify_report *report, const char *path, const char *what,
    int64_t found, int64_t expected)
{
	if (found != expected)
		verify_find(report, path, _("%s: the bundle has %lld, the ledger %lld"), what,
		    (long long)found, (long long)expected);
}

static bool bundle_compare(const char *root, const struct verify_batch *b,
    const struct tally_file *f, struct verify_report *report, struct error *err)
{
	char *path = file_path("%s/%s", root, f->bundle);
	struct bundle_facts facts;
	struct tally_counts c;
	bool good, ok = true;

	tally_file_counts(&b->tally, f->file, &c);
	/* One folder below files/; an escaped number may well have ".." within it. */
	if (strncmp(f->bundle, "files/", 6) != 0 || !f->bundle[6] || f->bundle[6] == '.' ||
	    strchr(f->bundle + 6, '/')) {
		verify_find(report, path, _("the ledger names a bundle that is not in files/"));
		goto done;
	}
	if (json_object_get(b->released, f->bundle)) {
		if (file_exists(path))
			verify_find(report, path,
			    _("it was released, but is still there: 'altakt release' again"));
		else
			verify_note(
			    report, _("'%s' was released: its tombstone is in the ledger"), path);
		goto done;
	}
	if (!file_exists(path)) {
		verify_find(report, path, _("the bundle is missing"));
		goto done;
	}
	report->bundles++;
	ok = bundle_read(path, &facts, &good, report, err);
	if (!ok || !good)
		goto done;
	if (strcmp(facts.result.sha512, f->sha512) != 0)
		verify_find(
		    report, path, _("its tag manifest is not the one that the ledger knows"));
	if (!f->bundled) /* corrected since: the next `process` makes it again */
		goto done;
	if (strcmp(facts.file_number, f->file_number) != 0)
		verify_find(report, path, _("it says that it is file '%s', the ledger says '%s'"),
		    facts.file_number, f->file_number);
	if (strcmp(facts.batch, b->name) != 0)
		verify_find(report, path, _("it says that it is of batch '%s'"), facts.batch);
	fact_compare(report, path, _("volume"), facts.volume, f->volume);
	fact_compare(report, path, _("sheets"), facts.sheets, c.sheets);
	fact_compare(
	    report, path, _("sheets in the provenance"), facts.provenance_sheets, c.sheets);
	fact_compare(report, path, _("images"), facts.images, c.images_counted);
	int pages = c.pages + c.pages_uncounted;
	fact_compare(report, path, _("pages"), facts.pages, pages);
	fact_compare(report, path, _("pages of the PDF"), facts.pdf_pages, pages);
	fact_compare(report, path, _("page texts"), facts.alto_files, pages);
	fact_compare(report, path, _("blank pages"), facts.blank_pages, c.blank_pages);
	fact_compare(report, path, _("blank sheets"), facts.blank_sheets, c.blank_sheets);
	fact_compare(report, path, _("bytes"), (int64_t)facts.result.bytes, f->bytes);
	fact_compare(report, path, _("mean confidence in tenths"),
	    facts.result.mean_confidence_tenths, (int64_t)(f->mean_confidence * 10 + 0.5));
done:
	free(path);
	return ok;
}

static bool bundles_compare(
    const char *root, const struct verify_batch *b, struct verify_report *report, struct error *err)
{
	char *files = file_path("%s/files", root);
	bool there = file_exists(files), ok = true;
	int named = 0;

	for (int i = 0; ok && i < b->tally.n_files; i++) {
		const struct tally_file *f = &b->tally.files[i];
		struct tally_counts c;
		tally_file_counts(&b->tally, f->file, &c);
		if (f->bundle[0] && b->tally.state != BATCH_ABANDONED)
			json_array_append_new(b->bundles, json_string(f->bundle));
		if (!f->bundle[0] || b->tally.state == BATCH_ABANDONED ||
		    (!f->bundled && c.counted + c.blank_uncounted == 0))
			continue;
		bool released = json_object_get(b->released, f->bundle) != NULL;
		named += !released;
		if (there || released)
			ok = bundle_compare(root, b, f, report, err);
	}
	if (named > 0 && !there)
		verify_find(report, files,
		    _("it is missing: %d bundles of batch %s cannot be checked"), named, b->name);
	free(files);
	return ok;
}

/* Nothing else may lie in a batch's folder. */
static bool name_belongs(const struct verify_batch *b, const char *name)
{
	static const char *const plain[] = {"ledger.jsonl", "ledger.head", "manifest.json",
	    "manifest.csv", "acceptance.json", "evidence", "manifest.json.p7s", "manifest.json.tsr",
	    "acceptance.json.p7s", "seals"};
	int n, used = 0;

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (strcmp(name, plain[i]) == 0)
			return strncmp(name, "manifest", 8) != 0 || b->n_revisions > 0;
	if (strcmp(name, "files") == 0)
		return b->carries_bundles;
	if (sscanf(name, "manifest.%d.json%n", &n, &used) == 1 && used > 0 &&
	    (!name[used] || strcmp(name + used, ".p7s") == 0 || strcmp(name + used, ".tsr") == 0))
		return n >= 1 && n < b->n_revisions;
	used = 0;
	int k;
	if (sscanf(name, "acceptance.%d.%d.json%n", &n, &k, &used) == 2 && used > 0)
		return (!name[used] || strcmp(name + used, ".p7s") == 0) && n >= 1 &&
		    n <= b->n_revisions && k > 1;
	return sscanf(name, "acceptance.%d.json%n", &n, &used) == 1 && used > 0 &&
	    (!name[used] || strcmp(name + used, ".p7s") == 0) && n >= 1 && n <= b->n_revisions;
}

static bool evidence_visit(void *self, const char *relative, const char *path, struct error *err)
{
	struct reading *r = self;
	char *key = file_path("evidence/%s", relative);

	if (!json_object_get(r->batch->evidence, key) && !strstr(relative, ".part"))
		verify_find(r->report, path, _("the ledger does not know it"));
	free(key);
	return true;
}

static bool superfluous_find(
    const char *folder, struct verify_batch *b, struct verify_report *report, struct error *err)
{
	struct file_names names = {0};

	if (!file_names_read(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.names[i];
		if (name_belongs(b, name))
			continue;
		char *path = file_path("%s/%s", folder, name);
		if (strncmp(name, ".acceptance.json", strlen(".acceptance.json")) == 0)
			verify_find(report, path,
			    _("an acceptance was interrupted: 'altakt review %s' finishes it"),
			    b->name);
		else
			verify_find(report, path, _("it does not belong here"));
		free(path);
	}
	file_names_release(&names);
	struct reading r = {.batch = b, .report = report};
	char *evidence = file_path("%s/evidence", folder);
	bool ok = !file_exists(evidence) || file_walk(evidence, evidence_visit, &r, err);
	free(evidence);
	return ok;
}

static const char *base_name(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash ? slash + 1 : folder;
}

bool verify_batch_read(const char *folder, const char *root, struct journal *journal,
    json_t *chains, struct verify_report *report, struct verify_batch *out, struct error *err)
{
	char *ledger = file_path("%s/ledger.jsonl", folder);
	struct reading r = {.batch = out, .report = report, .path = ledger};
	int64_t n;
	bool ok = false;

	*out = (struct verify_batch){.evidence = json_object(),
	    .accepted = json_array(),
	    .bundles = json_array(),
	    .released = json_object(),
	    .stamps = json_object(),
	    .seals = json_object(),
	    .claims = json_object()};
	snprintf(out->name, sizeof out->name, "%.64s", base_name(folder));
	out->carries_bundles = root && strcmp(root, folder) == 0;
	report->batches++;
	if (!verify_chain(folder, out->name, journal, json_object_get(chains, out->name),
		batch_line, &r, report, &n, out->head, &out->chain_good, err))
		goto done;
	out->n = n;
	snprintf(out->station, sizeof out->station, "%s", out->tally.station);
	snprintf(out->workspace, sizeof out->workspace, "%s", out->tally.workspace);
	if (n == 0 || out->tally.events == 0) {
		ok = true;
		goto done;
	}
	if (strcmp(out->tally.batch, out->name) != 0)
		verify_find(report, ledger, _("it is the ledger of batch '%s'"), out->tally.batch);
	/* A broken chain still says which bundles there were: they are checked as far as it goes.
	 */
	if (out->chain_good &&
	    (!manifests_compare(folder, out, report, err) ||
		!acceptances_compare(folder, out, report, err) ||
		!evidence_compare(folder, out, report, err) ||
		!verify_seals(folder, out->seals, report, err)))
		goto done;
	if (root && !bundles_compare(root, out, report, err))
		goto done;
	if (out->chain_good && !superfluous_find(folder, out, report, err))
		goto done;
	/* What the newest manifest counts: what was corrected since counts when it is closed again.
	 */
	if (out->n_revisions > 0 && out->tally.state != BATCH_ABANDONED)
		report->sheets += out->revisions[out->n_revisions - 1].sheets;
	ok = true;
done:
	/* Only what the whole needs is kept: a workspace has hundreds of batches. */
	tally_release(&out->tally);
	for (int i = 0; i < out->n_revisions; i++) {
		free(out->revisions[i].text);
		free(out->revisions[i].csv);
		out->revisions[i].text = out->revisions[i].csv = NULL;
	}
	free(ledger);
	return ok;
}

void verify_batch_release(struct verify_batch *b)
{
	for (int i = 0; i < b->n_revisions; i++) {
		free(b->revisions[i].text);
		free(b->revisions[i].csv);
	}
	free(b->revisions);
	tally_release(&b->tally);
	json_decref(b->evidence);
	json_decref(b->accepted);
	json_decref(b->claims);
	json_decref(b->bundles);
	json_decref(b->released);
	json_decref(b->stamps);
	json_decref(b->seals);
	*b = (struct verify_batch){0};
}
