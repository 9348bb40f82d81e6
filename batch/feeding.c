#include "batch/feeding.h"

#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "batch/clock.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { SECRET_BYTES = 16 };

struct session {			   /* one run of the feeder */
	char secret[2 * SECRET_BYTES + 1]; /* of the pseudonyms */
	const char *station;
	json_t *by_scanner, *by_operator; /* {"key": {sheets, ms}} */
	char scanner[160], operator_name[160];
	char from[25], last[25];
	int64_t sheets;
	bool running;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void add(json_t *all, const char *key, const struct session *s, const char *to)
{
	json_t *e = json_object_get(all, key);
	long long ms = clock_between_ms(s->from, to);

	if (!e) {
		e = json_pack("{ss ss si si}", "station", s->station, "scanner", s->scanner,
		    "sheets", 0, "ms", 0);
		json_object_set_new(all, key, e);
	}
	json_object_set_new(e, "sheets",
	    json_integer(json_integer_value(json_object_get(e, "sheets")) + s->sheets));
	json_object_set_new(e, "ms",
	    json_integer(json_integer_value(json_object_get(e, "ms")) + (ms > 0 ? ms : 0)));
}

/* Drawn once and kept in the journal: without it nobody can hold a list of names against pseudonyms. */
static bool secret_read(
    const struct workspace *w, char secret[2 * SECRET_BYTES + 1], struct error *err)
{
	static const char key[] = "pseudonym_secret";
	unsigned char random[SECRET_BYTES];

	if (!journal_meta_get(w->journal, key, secret, 2 * SECRET_BYTES + 1, err))
		return false;
	if (secret[0])
		return true;
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return error_errno(err, NULL, _("cannot draw a random number"));
	bool ok = journal_begin(w->journal, err) &&
	    journal_meta_get(w->journal, key, secret, 2 * SECRET_BYTES + 1, err);
	if (ok && !secret[0]) {
		for (int i = 0; i < SECRET_BYTES; i++)
			snprintf(secret + 2 * i, 3, "%02x", random[i]);
		ok = journal_meta_set(w->journal, key, secret, err) &&
		    journal_commit(w->journal, err);
	}
	journal_rollback(w->journal);
	return ok;
}

/* A name that tells people apart and names nobody. */
static void pseudonym(const char *secret, const char *name, char out[16])
{
	char *text = file_path("%s %s", secret, name), hex[HASH_SIZE];

	hash_bytes(HASH_SHA256, text, strlen(text), hex);
	snprintf(out, 16, "P-%.8s", hex);
	free(text);
}

static void session_end(struct session *s, const char *to)
{
	char key[330], who[16];

	if (!s->running)
		return;
	s->running = false;
	if (s->sheets == 0)
		return;
	snprintf(key, sizeof key, "%s\n%s", s->station, s->scanner);
	add(s->by_scanner, key, s, to);
	if (s->by_operator) {
		pseudonym(s->secret, s->operator_name, who);
		add(s->by_operator, who, s, to);
	}
}

/* Most lines are looked at, not parsed: a workspace has millions. */
static bool visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct session *s = self;
	const char *event = strstr(line, "\"event\":\""), *at = strstr(line, "\"at\":\"");
	char time[25];

	if (!event || !at)
		return true;
	event += strlen("\"event\":\"");
	snprintf(time, sizeof time, "%.24s", at + strlen("\"at\":\""));
	if (strncmp(event, "sheet_fed\"", 10) == 0) {
		s->sheets += s->running && strstr(line, "\"separator\":false");
		snprintf(s->last, sizeof s->last, "%s", time);
		return true;
	}
	bool begins = strncmp(event, "feeding_started\"", 16) == 0;
	bool hands_over = strncmp(event, "operator\"", 9) == 0;
	if (!begins && !hands_over && strncmp(event, "feeding_stopped\"", 16) != 0)
		return true;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	bool was = s->running;
	/* One that was killed ends with its last sheet. */
	session_end(s, begins ? s->last : time);
	if (hands_over)
		snprintf(
		    s->operator_name, sizeof s->operator_name, "%.159s", text_of(e, "operator"));
	if (begins)
		snprintf(s->scanner, sizeof s->scanner, "%.159s",
		    text_of(e, "model")[0] ? text_of(e, "model") : text_of(e, "device"));
	if (begins || (hands_over && was)) {
		s->running = true;
		s->sheets = 0;
		snprintf(s->from, sizeof s->from, "%s", time);
		snprintf(s->last, sizeof s->last, "%s", time);
	}
	json_decref(e);
	return true;
}

/* In the order of their names, with the speed. */
static json_t *listed(json_t *all, bool operators)
{
	json_t *out = json_array(), *e;
	const char *key;

	json_object_foreach(all, key, e)
	{
		int64_t sheets = json_integer_value(json_object_get(e, "sheets"));
		int64_t ms = json_integer_value(json_object_get(e, "ms"));
		json_t *line = json_object();
		size_t at = json_array_size(out);
		if (operators)
			json_object_set_new(line, "operator", json_string(key));
		else
			json_object_update(line, e);
		json_object_del(line, "ms");
		json_object_set_new(line, "sheets", json_integer(sheets));
		json_object_set_new(line, "seconds", json_integer(ms / 1000));
		json_object_set_new(
		    line, "sheets_per_hour", json_integer(ms > 0 ? sheets * 3600000 / ms : 0));
		while (at > 0 &&
		    strcmp(text_of(json_array_get(out, at - 1), operators ? "operator" : "station"),
			text_of(line, operators ? "operator" : "station")) > 0)
			at--;
		json_array_insert_new(out, at, line);
	}
	return out;
}

bool feeding_read(struct workspace *w, const struct closed_list *batches, json_t **scanners,
    json_t **operators, struct error *err)
{
	bool by_operator = settings_bool(w->settings, "report.by_operator");
	struct session s = {
	    .by_scanner = json_object(), .by_operator = by_operator ? json_object() : NULL};
	bool ok = !by_operator || secret_read(w, s.secret, err);

	for (int i = 0; ok && i < batches->n; i++) {
		const struct closed_batch *b = &batches->batches[i];
		if (b->revision == 0 || b->state == CLOSED_ABANDONED)
			continue;
		s.station = b->station;
		s.running = false;
		if (b->collected) {
			char *path = file_path("%s/collected/%s/ledger.jsonl", w->path, b->name);
			ok = ledger_file_read(path, visit, &s, NULL, NULL, err);
			free(path);
		} else {
			ok = ledger_read(w->journal, b->name, 1, b->events, visit, &s, err);
		}
		session_end(&s, s.last);
	}
	if (ok) {
		*scanners = listed(s.by_scanner, false);
		*operators = s.by_operator ? listed(s.by_operator, true) : json_array();
	}
	json_decref(s.by_scanner);
	json_decref(s.by_operator);
	return ok;
}
