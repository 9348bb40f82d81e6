#include "batch/close.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/clock.h"
#include "batch/command.h"
#include "batch/duplicate_index.h"
#include "batch/duplicates.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/pipeline.h"
#include "batch/sign.h"
#include "batch/vouch.h"
#include "batch/witness.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"

static void say(bool print, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(bool print, const char *fmt, ...)
{
	va_list ap;

	if (!print)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void close_suspects_text(int kinds, char text[256])
{
	static const char *const names[] = {N_("double feed"), N_("an image is missing"),
	    N_("unreadable cover sheet"), N_("this cover sheet was fed before"),
	    N_("the same file number again"), N_("belongs to no file"),
	    N_("the register does not know this file"), N_("cover sheet of the file that was open"),
	    N_("more sheets than a file may have"), N_("nearly equal to another page"),
	    N_("the device counts more sheets"), N_("looks like a sheet recorded before"),
	    N_("no sheet that it could be a further view of"),
	    N_("cover sheet right after another one, whose file has no sheets")};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (kinds & 1 << i)
			n +=
			    (size_t)snprintf(text + n, 256 - n, "%s%s", n ? ", " : "", _(names[i]));
}

void close_failed_page(
    struct batch *b, const struct tally_sheet *s, int side, char page[112], char why[256])
{
	struct error ignored = {0};
	json_t *event = batch_event_read(b, s->sides[side].done_event, &ignored);
	const char *reason = json_string_value(json_object_get(event, "reason"));
	char name[96];

	batch_sheet_name(b, s->n, name);
	snprintf(page, 112, "%s%c", name, s->sides[side].side);
	snprintf(why, 256, "%s", reason ? reason : "?");
	json_decref(event);
}

static void undecided_check(struct batch *b, bool print, int *decide)
{
	const struct tally *t = &b->tally;
	char kinds[256];

	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		bool gone = s->voided || s->superseded;
		if (s->suspects > 0 && !gone) {
			close_suspects_text(s->suspect_kinds, kinds);
			say(print,
			    _("sheet %s/%d waits for a decision: %s\n        altakt decide %s/%d keep|void|cover --by NAME --reason TEXT"),
			    b->name, s->n, kinds, b->name, s->n);
			++*decide;
		} else if (s->rejected && !gone) {
			say(print,
			    _("sheet %s/%d was rejected: it waits for a new scan\n        altakt sheet rescan %s/%d --by NAME --reason TEXT, then feed it; or sheet void, or decide keep"),
			    b->name, s->n, b->name, s->n);
			++*decide;
		} else if (s->file == 0 && !gone && !s->separator) {
			say(print,
			    _("sheet %s/%d belongs to no file\n        altakt sheet move %s/%d --file NO --by NAME --reason TEXT, or sheet void"),
			    b->name, s->n, b->name, s->n);
			++*decide;
		} else if (s->expected - s->missing != s->received && !gone) {
			say(print,
			    PLURAL(
				"sheet %s/%d: %d image came, %d were expected\n        altakt decide %s/%d keep|void --by NAME --reason TEXT",
				"sheet %s/%d: %d images came, %d were expected\n        altakt decide %s/%d keep|void --by NAME --reason TEXT",
				s->received),
			    b->name, s->n, s->received, s->expected - s->missing, b->name, s->n);
			++*decide;
		}
	}
}

/* Pages that page work gave up on: the first of them by name. */
static void failed_pages_check(struct batch *b, bool print, int *decide)
{
	enum { NAMED = 20 };
	struct tally_counts c;
	char page[112], why[256];
	int said = 0;

	tally_counts(&b->tally, &c);
	*decide += c.pages_failed;
	for (int i = 0; c.pages_failed > 0 && said < NAMED && i < b->tally.n_sheets; i++) {
		const struct tally_sheet *s = &b->tally.sheets[i];
		for (int k = 0; k < s->n_sides && !s->voided && !s->superseded; k++) {
			if (!s->sides[k].failed || s->sides[k].done)
				continue;
			close_failed_page(b, s, k, page, why);
			say(print,
			    _("page %s cannot be worked on: %s\n        altakt sheet rescan %s/%d --by NAME --reason TEXT, or sheet void; once the cause is mended: altakt process --retry"),
			    page, why, b->name, s->n);
			said++;
		}
	}
}

/* A sheet that was asked for and never came. */
static void pending_check(struct batch *b, bool print, int *decide)
{
	int pending = b->tally.rescan_next ? b->tally.rescan_next : b->tally.insert_next;
	int images = b->tally.images_taken - b->tally.images_assigned;

	if (images > 0) {
		say(print,
		    PLURAL(
			"%d image waits to be assigned to a sheet\n        altakt sheet images %s lists it; then altakt sheet assign %s 1 --by NAME",
			"%d images wait to be assigned to sheets\n        altakt sheet images %s lists them; then altakt sheet assign %s 1 2+3 4 ... --by NAME",
			images),
		    images, b->name, b->name);
		++*decide;
	}

	if (b->tally.refeed) {
		say(print,
		    _("sheets are fed in the place of %s/%d, and nobody has said that all are\n        feed them: altakt scan --batch %s; then: altakt sheet done %s/%d"),
		    b->name, b->tally.refeed, b->name, b->name, b->tally.refeed);
		++*decide;
	}
	int last = b->tally.n_sheets;
	while (last > 0 && b->tally.sheets[last - 1].voided)
		last--;
	if (tally_cover_alone(&b->tally, last)) {
		say(print,
		    _("the cover sheet %s/%d of file %s was the last sheet fed: nothing came after it\n        feed the file's sheets: altakt scan --batch %s; or altakt sheet void %s/%d --by NAME --reason TEXT"),
		    b->name, last, b->tally.files[b->tally.sheets[last - 1].file - 1].file_number,
		    b->name, b->name, last);
		++*decide;
	}
	if (!pending)
		return;
	say(print,
	    _("sheet %s/%d waits for the sheet that takes its place or comes behind it\n        feed it: altakt scan --batch %s; or take it back: altakt decide %s/%d keep --by NAME --reason TEXT"),
	    b->name, pending, b->name, b->name, pending);
	++*decide;
}

bool close_check(struct batch *b, bool print, int *decide, int *differ, struct error *err)
{
	*decide = *differ = 0;
	if (!batch_refresh(b, err))
		return false;
	undecided_check(b, print, decide);
	pending_check(b, print, decide);
	witness_hold(&b->tally, print ? stderr : NULL, decide, differ);
	return true;
}

/* The balance holds by construction; if it ever did not, nothing may be closed on it. */
static bool balance_hold(const struct batch *b, struct error *err)
{
	struct tally_counts c;

	tally_counts(&b->tally, &c);
	bool ok = c.fed == c.counted + c.blank_uncounted + c.separators + c.superseded + c.voided &&
	    c.pages + c.blank_pages == c.images_counted;
	return ok ||
	    error_set(err, ERROR_CHECK, _("keep everything as it is and report it"),
		_("batch %s: the balance does not hold"), b->name);
}

/* The one that was written last: by the journal's order, whatever the clock said. */
static bool previous_read(struct batch *b, char previous[65], struct error *err)
{
	char *key = file_path("manifest %s", b->tally.station);
	bool ok = journal_meta_get(b->workspace->journal, key, previous, 65, err);

	if (ok && !previous[0])
		snprintf(previous, 65, "%s", hash_zero);
	free(key);
	return ok;
}

static bool manifest_hash_read(struct batch *b, char hash[65], struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool row;

	hash[0] = '\0';
	if (!journal_prepare(
		b->workspace->journal, "SELECT manifest FROM batch WHERE name = ?", &stmt, err))
		return false;
	sqlite3_bind_text(stmt, 1, b->name, -1, SQLITE_TRANSIENT);
	if (!journal_step(b->workspace->journal, stmt, &row, err))
		return false;
	if (row)
		snprintf(hash, 65, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_reset(stmt);
	return true;
}

/* A proof image of every side that no PDF shows, but of cover sheets: copied, then one event each.
 */
static bool evidence_copy(struct batch *b, json_t *events, struct error *err)
{
	const struct tally *t = &b->tally;
	char *folder = file_path("%s/batches/%s/evidence", b->workspace->path, b->name);
	bool ok = false;

	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[i];
		if (s->separator && !s->voided && !s->superseded)
			continue;
		for (int k = 0; k < s->n_sides; k++) {
			const struct tally_side *p = &s->sides[k];
			if (!p->blank && !s->voided && !s->superseded)
				continue;
			if (p->evidence || (p->failed && !p->done)) /* nothing shows it */
				continue;
			char *from = file_path(
			    "%s/spool/%s/%d%c.jpg", b->workspace->path, b->name, s->n, p->side);
			char *to = file_path("%s/%d%c.jpg", folder, s->n, p->side);
			char sha256[HASH_SIZE], name[96], side[2] = {p->side, 0};
			char path[64];
			bool copied = file_make_folder(folder, err) && file_copy(from, to, err) &&
			    hash_file(HASH_SHA256, to, sha256, NULL, err);
			free(from);
			free(to);
			if (!copied)
				goto done;
			batch_sheet_name(b, s->n, name);
			snprintf(path, sizeof path, "evidence/%d%c.jpg", s->n, p->side);
			json_array_append_new(events,
			    json_pack("{ss ss ss ss ss}", "event", "evidence_kept", "sheet", name,
				"side", side, "path", path, "sha256", sha256));
		}
	}
	ok = true;
done:
	free(folder);
	return ok;
}

static bool manifest_write(struct batch *b, struct error *err)
{
	char *text = manifest_text(&b->tally), *csv = manifest_csv(&b->tally);
	char *path = manifest_path(b->workspace->path, b->name, 0);
	char *csv_path = file_path("%s/batches/%s/manifest.csv", b->workspace->path, b->name);
	bool ok = file_write(path, text, strlen(text), err) &&
	    file_write(csv_path, csv, strlen(csv), err) &&
	    sign_file(b->workspace->settings, path, err);

	free(text);
	free(csv);
	free(path);
	free(csv_path);
	return ok;
}

struct last_closed {
	int64_t n;
};

static bool closed_find(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct last_closed *last = self;

	if (strstr(line, "\"event\":\"closed\""))
		last->n = n;
	return true;
}

bool close_finish(struct batch *b, struct error *err)
{
	char *path = manifest_path(b->workspace->path, b->name, 0);
	char *csv = file_path("%s/batches/%s/manifest.csv", b->workspace->path, b->name);
	struct last_closed last = {0};
	struct batch closed = {.workspace = b->workspace};
	bool ok = false;

	if (b->tally.revision == 0 || (file_exists(path) && file_exists(csv))) {
		char *signature = file_path("%s.p7s", path);
		ok = b->tally.revision == 0 || file_exists(signature) ||
		    sign_file(b->workspace->settings, path, err);
		free(signature);
		goto done;
	}
	memcpy(closed.name, b->name, sizeof closed.name);
	if (!ledger_read(b->workspace->journal, b->name, 1, 0, closed_find, &last, err) ||
	    !ledger_read(
		b->workspace->journal, b->name, 1, last.n, tally_visit, &closed.tally, err))
		goto done;
	ok = manifest_write(&closed, err);
done:
	batch_release(&closed);
	free(path);
	free(csv);
	return ok;
}

/* The old manifest stays beside, under its revision. */
static bool manifest_keep(struct batch *b, int revision, struct error *err)
{
	char *old = manifest_path(b->workspace->path, b->name, 0);
	char *kept = manifest_path(b->workspace->path, b->name, revision);
	bool ok = file_exists(kept) || file_copy(old, kept, err);
	static const char *const beside[] = {"p7s", "tsr"};

	for (int i = 0; ok && i < 2; i++) {
		char *from = file_path("%s.%s", old, beside[i]);
		char *to = file_path("%s.%s", kept, beside[i]);
		ok = !file_exists(from) || file_copy(from, to, err);
		free(from);
		free(to);
	}
	free(old);
	free(kept);
	return ok;
}

static bool close_record(
    struct batch *b, json_t *evidence, json_t *equal, const char *by, struct error *err)
{
	char previous[65], supersedes[65] = "", hash[HASH_SIZE];
	json_t *event, *one;
	bool ok = false;
	char *text;
	size_t i;
	int epoch;

	if (!sign_ready(b->workspace->settings, err) || !previous_read(b, previous, err) ||
	    !batch_epoch(b->workspace, &epoch, err))
		return false;
	int revision = b->tally.revision + 1;
	if (revision > 1 &&
	    (!manifest_hash_read(b, supersedes, err) || !manifest_keep(b, revision - 1, err)))
		return false;
	json_array_foreach(evidence, i, one)
	{
		if (!batch_event(b, by, json_incref(one), err))
			return false;
	}
	json_array_foreach(equal, i, one)
	{
		if (!duplicates_remember(b->workspace->journal, one, err) ||
		    !batch_event(b, by, json_incref(one), err))
			return false;
	}
	event =
	    json_pack("{ss si ss}", "event", "closed", "revision", revision, "previous", previous);
	if (event && epoch > 1)
		json_object_set_new(event, "epoch", json_integer(epoch));
	if (event && supersedes[0])
		json_object_set_new(event, "supersedes", json_string(supersedes));
	if (!batch_event(b, by, event, err) || !balance_hold(b, err))
		return false;
	text = manifest_text(&b->tally);
	hash_bytes(HASH_SHA256, text, strlen(text), hash);
	char *path = manifest_path(b->workspace->path, b->name, 0);
	char *csv_path = file_path("%s/batches/%s/manifest.csv", b->workspace->path, b->name);
	char *csv = manifest_csv(&b->tally);
	char *signature = file_path("%s.p7s", path), *stamp = file_path("%s.tsr", path);
	if (revision > 1)
		ok = file_remove(path, err) && file_remove(csv_path, err) &&
		    file_remove(signature, err) && file_remove(stamp, err);
	else
		ok = true;
	ok = ok &&
	    batch_event(b, by,
		json_pack("{ss si ss so}", "event", "manifest_written", "revision", revision,
		    "sha256", hash, "counts", manifest_counts(&b->tally)),
		err) &&
	    batch_commit(b, err) && file_write(path, text, strlen(text), err) &&
	    file_write(csv_path, csv, strlen(csv), err) &&
	    sign_file(b->workspace->settings, path, err);
	free(text);
	free(csv);
	free(path);
	free(csv_path);
	free(signature);
	free(stamp);
	return ok;
}

/* Files whose sheets were all voided or moved away leave no bundle. */
static bool bundles_prune(struct batch *b, struct error *err)
{
	for (int i = 0; i < b->tally.n_files; i++) {
		const struct tally_file *f = &b->tally.files[i];
		struct tally_counts c;
		tally_file_counts(&b->tally, f->file, &c);
		if (f->bundle[0] && !f->bundled && c.counted + c.blank_uncounted == 0) {
			char *folder = file_path("%s/%s", b->workspace->path, f->bundle);
			bool ok = file_remove(folder, err);
			free(folder);
			if (!ok)
				return false;
		}
	}
	return true;
}

static bool files_complete(struct batch *b, const char *by, struct error *err)
{
	if (!batch_begin(b, err))
		return false;
	for (int i = 0; i < b->tally.n_files; i++) {
		if (b->tally.files[i].complete)
			continue;
		if (!batch_event(b, by,
			json_pack(
			    "{ss si ss}", "event", "file_completed", "file", i + 1, "why", "close"),
			err)) {
			batch_rollback(b);
			return false;
		}
	}
	return batch_commit(b, err);
}

/* Timestamp and seals come when the batch is closed, and cannot keep it open. */
static bool vouched(struct batch *b, const char *by, struct error *err)
{
	struct vouch_result result = {0};

	return vouch_batch(b->workspace, b->name, by, stderr, &result, err) &&
	    batch_refresh(b, err);
}

bool close_batch(struct batch *b, struct pipeline *pipeline, const char *by,
    const volatile bool *stop, enum close_answer *answer, struct error *err)
{
	json_t *evidence = NULL, *equal = NULL;
	struct tally_counts c;
	int decide, differ;
	bool ok = false;

	if (!batch_recount(b, err)) /* what is proved rests on the events alone */
		return false;
	if (b->tally.state == BATCH_ABANDONED)
		return error_set(err, ERROR_USAGE, NULL, _("batch %s is abandoned"), b->name);
	if (b->tally.state != BATCH_OPEN) {
		*answer = CLOSE_ALREADY;
		return close_finish(b, err) && vouched(b, by, err);
	}
	if (!clock_check(b->workspace->journal, err))
		return false;
	undecided_check(b, true, (decide = 0, &decide));
	pending_check(b, true, &decide);
	if (decide > 0) {
		*answer = CLOSE_DECIDE;
		return true;
	}
	if (!files_complete(b, by, err) || !pipeline_drain(pipeline, b, stop, err))
		return false;
	failed_pages_check(b, true, &decide);
	if (decide > 0) {
		*answer = CLOSE_DECIDE;
		return true;
	}
	tally_counts(&b->tally, &c);
	if (c.pages_todo > 0 || c.files_todo > 0) {
		*answer = CLOSE_STOPPED;
		return true;
	}
	if (!close_check(b, true, &decide, &differ, err))
		return false;
	if (decide > 0 || differ > 0) {
		*answer = differ > 0 ? CLOSE_DIFFERS : CLOSE_DECIDE;
		return true;
	}
	evidence = json_array();
	equal = json_array();
	if (!evidence_copy(b, evidence, err) || !bundles_prune(b, err) ||
	    !duplicate_index_catch_up(b->workspace, err) || !duplicates_find(b, equal, err) ||
	    !batch_begin(b, err))
		goto done;
	/* Somebody may have decided or fed since: then the next call closes what is there now. */
	tally_counts(&b->tally, &c);
	if (c.pages_todo > 0 || c.files_todo > 0 || c.suspects > 0 || c.unassigned > 0) {
		batch_rollback(b);
		*answer = CLOSE_DECIDE;
		ok = error_set(err, ERROR_BUSY, _("give the command again"),
		    _("batch %s changed while it was being closed"), b->name);
		goto done;
	}
	if (!close_record(b, evidence, equal, by, err)) {
		batch_rollback(b);
		goto done;
	}
	*answer = CLOSE_DONE;
	ok = vouched(b, by, err);
done:
	json_decref(evidence);
	json_decref(equal);
	return ok;
}

/* Sheets that look like others do not keep a batch open: a lead decides in the review. */
static void near_equal_say(const struct batch *b)
{
	int n = duplicates_open(&b->tally);

	if (n > 0)
		fprintf(stderr,
		    PLURAL(
			"warning: %d sheet is nearly equal to another one: was it scanned twice? 'altakt review %s' names it\n",
			"warning: %d sheets are nearly equal to others: were they scanned twice? 'altakt review %s' names them\n",
			n),
		    n, b->name);
}

static void receipt_print(const struct batch *b)
{
	struct tally_counts c;
	char n[4][TEXT_COUNT];

	tally_counts(&b->tally, &c);
	if (c.ocr_failed > 0)
		fprintf(stderr,
		    PLURAL("warning: %d page has no text: recognition failed; its image is kept\n",
			"warning: %d pages have no text: recognition failed; their images are kept\n",
			c.ocr_failed),
		    c.ocr_failed);
	near_equal_say(b);
	printf(_("%s: %s, %s, %s, %s (revision %d, ledger %s)\n"), b->name,
	    text_count(TEXT_FILES, c.files, n[0]), text_count(TEXT_SHEETS, c.sheets, n[1]),
	    text_count(TEXT_PAGES, c.pages, n[2]), text_count(TEXT_IMAGES, c.images, n[3]),
	    b->tally.revision, b->tally.head);
	if (b->tally.box[0])
		printf(_("  its paper lies in: %s\n"), b->tally.box);
}

int close_answer_say(const struct batch *b, enum close_answer answer)
{
	switch (answer) {
	case CLOSE_ALREADY:
		fprintf(stderr, _("batch %s was closed already\n"), b->name);
		receipt_print(b);
		return EXIT_DONE;
	case CLOSE_DONE: receipt_print(b); return EXIT_DONE;
	case CLOSE_DIFFERS:
		fprintf(
		    stderr, _("altakt: batch %s stays open: its witnesses disagree\n"), b->name);
		return EXIT_CHECK;
	case CLOSE_DECIDE:
		fprintf(
		    stderr, _("altakt: batch %s stays open until somebody has decided\n"), b->name);
		return EXIT_WAITING;
	case CLOSE_STOPPED:
		fprintf(stderr, _("altakt: stopped; 'altakt close %s' goes on\n"), b->name);
		return EXIT_WAITING;
	}
	return EXIT_FAILED;
}
