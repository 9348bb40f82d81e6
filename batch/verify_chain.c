#include "batch/verify_chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

struct chain {
	verify_visit *visit;
	void *self;
	json_t *wanted;
	const char *path;
	struct verify_report *report;
	struct hash *all; /* of the lines read, as the file has them */
	char latest[25];  /* the latest time of a line so far */
};

static void wanted_compare(const struct chain *c, int64_t n, const char *head)
{
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long)n);
	const char *expected = json_string_value(json_object_get(c->wanted, key));
	if (!expected)
		return;
	if (strcmp(expected, head) != 0)
		verify_find(c->report, c->path, _("line %lld is not the one that a claim rests on"),
		    (long long)n);
	json_object_del(c->wanted, key);
}

/* A time before that of an earlier event is said by the event itself, but for a time server's step.
 */
static void time_compare(struct chain *c, int64_t n, const char *at)
{
	enum { STEP_MS = 60000 }; /* the most that station.clock_tolerance can be */
	char text[25];

	snprintf(text, sizeof text, "%.24s", at);
	if (strcmp(text, c->latest) >= 0)
		memcpy(c->latest, text, sizeof text);
	else if (clock_between_ms(text, c->latest) > STEP_MS && !strstr(at, "\"clock_back\":true"))
		verify_find(c->report, c->path,
		    _("line %lld: its time is before that of an earlier line, and it does not say so"),
		    (long long)n);
}

/*
 * The lines of a ledger.jsonl, each with its number in front and the hash of the line before at its
 * end, exactly as they are written; visit parses them. False in *whole and a finding where the
 * chain ends early.
 */
static bool chain_walk(struct chain *c, int64_t *n, char head[65], bool *whole, struct error *err)
{
	FILE *f = fopen(c->path, "re");
	char *line = NULL, hash[HASH_SIZE], start[48], end[96];
	size_t size = 0;
	bool ok = true;
	ssize_t len;

	*whole = false;
	if (!f)
		return error_errno(err, NULL, _("cannot read '%s'"), c->path);
	snprintf(hash, sizeof hash, "%s", hash_zero);
	while (ok && (len = getline(&line, &size, f)) > 0) {
		struct error bad = {0};
		int n_start =
		    snprintf(start, sizeof start, "{\"n\":%lld,\"at\":\"", (long long)*n + 1);
		int n_end = snprintf(end, sizeof end, ",\"prev\":\"%.64s\"}\n", hash);
		if (line[len - 1] != '\n') {
			verify_find(c->report, c->path, _("line %lld is cut"), (long long)*n + 1);
			goto done;
		}
		if (len <= n_start + n_end || memcmp(line, start, (size_t)n_start) != 0) {
			verify_find(c->report, c->path,
			    _("line %lld does not have this number: lines were removed, added or moved"),
			    (long long)*n + 1);
			goto done;
		}
		if (memcmp(line + len - n_end, end, (size_t)n_end) != 0) {
			verify_find(c->report, c->path,
			    _("line %lld: the chain breaks: line %lld is not the one that this event was written after"),
			    (long long)*n + 1, (long long)*n);
			goto done;
		}
		hash_add(c->all, line, (size_t)len);
		line[--len] = '\0';
		time_compare(c, *n + 1, line + n_start);
		hash_bytes(HASH_SHA256, line, (size_t)len, hash);
		++*n;
		if (c->wanted)
			wanted_compare(c, *n, hash);
		if (memchr(line, '\0', (size_t)len))
			error_set(&bad, ERROR_CHECK, NULL, _("not an event"));
		else if (!c->visit || c->visit(c->self, *n, line, (size_t)len, &bad))
			continue;
		if (bad.kind != ERROR_CHECK) {
			*err = bad;
			ok = false;
		} else {
			verify_find(
			    c->report, c->path, _("line %lld: %s"), (long long)*n, bad.what);
		}
		goto done;
	}
	if (ferror(f))
		ok = error_errno(err, NULL, _("cannot read '%s'"), c->path);
	*whole = ok;
done:
	memcpy(head, hash, 64);
	head[64] = '\0';
	free(line);
	fclose(f);
	return ok;
}

static bool journal_line(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	hash_add(self, line, n_bytes);
	hash_add(self, "\n", 1);
	return true;
}

/* The journal's lines 1..n must be the file's. */
static bool journal_compare(struct journal *journal, const char *chain, const char *path, int64_t n,
    const char *all, struct verify_report *report, struct error *err)
{
	struct hash *hash = hash_open(HASH_SHA256);
	char hex[HASH_SIZE], head[65];
	int64_t there;
	bool ok = ledger_head(journal, chain, &there, head, err) &&
	    ledger_read(journal, chain, 1, n > 0 ? n : -1, journal_line, hash, err);

	hash_close(hash, hex);
	if (ok && there < n)
		verify_find(report, path, _("it has %lld lines, the journal has %lld"),
		    (long long)n, (long long)there);
	else if (ok && n > 0 && strcmp(hex, all) != 0)
		verify_find(report, path, _("its lines are not those of the journal"));
	return ok;
}

static bool head_compare(const char *folder, int64_t n, const char *head,
    struct verify_report *report, struct error *err)
{
	char *path = file_path("%s/ledger.head", folder), expected[128];
	char *text = NULL;
	size_t n_bytes;
	bool ok = true;

	int k = snprintf(expected, sizeof expected, "%s %lld\n", head, (long long)n);
	if (!file_exists(path)) {
		verify_find(
		    report, path, _("it is missing: nothing vouches for the ledger's last line"));
	} else if (!(text = file_read(path, 4096, &n_bytes, err))) {
		ok = false;
	} else if (n_bytes != (size_t)k || memcmp(text, expected, n_bytes) != 0) {
		char *ledger = file_path("%s/ledger.jsonl", folder);
		verify_find(
		    report, path, _("it does not agree with the last line of '%s'"), ledger);
		free(ledger);
	}
	free(text);
	free(path);
	return ok;
}

bool verify_chain(const char *folder, const char *chain, struct journal *journal, json_t *wanted,
    verify_visit *visit, void *self, struct verify_report *report, int64_t *n, char head[65],
    bool *good, struct error *err)
{
	char *path = file_path("%s/ledger.jsonl", folder), all[HASH_SIZE];
	struct chain c = {.visit = visit,
	    .self = self,
	    .wanted = wanted,
	    .path = path,
	    .report = report,
	    .all = hash_open(HASH_SHA256)};
	size_t before = json_array_size(report->findings);
	bool ok = true, whole = false;
	/* The program appends under this lock: neither line nor head is ever seen half written. */
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*n = 0;
	memcpy(head, hash_zero, sizeof hash_zero);
	if (fd >= 0)
		flock(fd, LOCK_SH);
	if (!file_exists(path)) {
		verify_find(report, path, _("it is missing"));
	} else {
		ok = chain_walk(&c, n, head, &whole, err) &&
		    (!whole || head_compare(folder, *n, head, report, err));
	}
	hash_close(c.all, all);
	report->events += *n;
	if (ok && journal && json_array_size(report->findings) == before)
		ok = journal_compare(journal, chain, path, *n, all, report, err);
	const char *line;
	json_t *value;
	if (ok && wanted && json_array_size(report->findings) == before)
		json_object_foreach(wanted, line, value) verify_find(
		    report, path, _("a claim rests on its line %s, which is not there"), line);
	*good = ok && whole;
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}
