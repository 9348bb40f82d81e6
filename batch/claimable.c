#include "batch/claimable.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/register.h"
#include "batch/review.h"
#include "config/file.h"
#include "config/file_number.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool register_visit(
    void *self, const char *key, const struct register_entry *entry, struct error *err)
{
	file_set_add(self, key, 1);
	return true;
}

static bool own_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	char key[FILE_KEY_SIZE];

	if (strstr(line, "\"event\":\"file_allowed\"")) {
		json_t *e = json_loadb(line, n_bytes, 0, NULL);
		file_number_key(text_of(e, "file_number"), key);
		file_set_add(self, key, 1);
		json_decref(e);
	}
	return true;
}

bool claimable_open(struct workspace *w, struct claimable *out, struct error *err)
{
	*out = (struct claimable){.workspace = w};
	return register_any(w->journal, &out->any, err) &&
	    (!out->any ||
		(register_each(w->journal, register_visit, &out->known, err) &&
		    ledger_read(
			w->journal, LEDGER_WORKSPACE, 1, 0, own_visit, &out->allowed, err)));
}

void claimable_close(struct claimable *c)
{
	file_set_release(&c->known);
	file_set_release(&c->allowed);
	*c = (struct claimable){0};
}

struct decisions { /* of leads, in one batch */
	const struct workspace *workspace;
	json_t *numbers;      /* of its files, by running number */
	json_t *suspects;     /* sheets of files that the register did not know: running number */
	struct file_set kept; /* keys */
};

static bool suspicious(const json_t *e)
{
	json_t *one;
	size_t i;

	if (strcmp(text_of(e, "reason"), "unknown_file") == 0)
		return true;
	json_array_foreach(json_object_get(e, "suspects"), i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), "unknown_file") == 0)
			return true;
	}
	return false;
}

static bool batch_visit(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	struct decisions *d = self;
	char file[24], key[FILE_KEY_SIZE];
	json_t *e;

	if (!strstr(line, "unknown_file") && !strstr(line, "\"event\":\"file_") &&
	    !strstr(line, "\"event\":\"decided\""))
		return true;
	e = json_loadb(line, n_bytes, 0, NULL);
	const char *event = text_of(e, "event"), *sheet = text_of(e, "sheet");
	const json_t *number = json_object_get(e, "file");
	snprintf(file, sizeof file, "%lld", (long long)json_integer_value(number));
	if (strcmp(event, "file_opened") == 0 || strcmp(event, "file_renumbered") == 0) {
		json_object_set(d->numbers, file, json_object_get(e, "file_number"));
	} else if ((strcmp(event, "sheet_fed") == 0 || strcmp(event, "suspect") == 0) &&
	    suspicious(e)) {
		json_object_set_new(d->suspects, sheet, json_string(number ? file : ""));
	} else if (strcmp(event, "decided") == 0 && strcmp(text_of(e, "decision"), "keep") == 0 &&
	    json_object_get(d->suspects, sheet) &&
	    review_lead_check(d->workspace, text_of(e, "by"), NULL)) {
		file_number_key(text_of(d->numbers, text_of(d->suspects, sheet)), key);
		file_set_add(&d->kept, key, 1);
	}
	json_decref(e);
	return true;
}

static bool decisions_read(
    struct claimable *c, const struct closed_batch *b, struct decisions *d, struct error *err)
{
	*d = (struct decisions){
	    .workspace = c->workspace, .numbers = json_object(), .suspects = json_object()};
	if (!b->collected)
		return ledger_read(c->workspace->journal, b->name, 1, 0, batch_visit, d, err);
	char *path = file_path("%s/collected/%s/ledger.jsonl", c->workspace->path, b->name);
	bool ok = ledger_file_read(path, batch_visit, d, NULL, NULL, err);
	free(path);
	return ok;
}

static void decisions_release(struct decisions *d)
{
	json_decref(d->numbers);
	json_decref(d->suspects);
	file_set_release(&d->kept);
}

/* Whether an earlier claim holds this file of the batch. */
static bool held_before(const struct closed_batch *held, const char *key)
{
	for (int i = 0; held && i < held->n_lines; i++)
		if (!held->lines[i].unregistered && held->lines[i].sheets > 0 &&
		    strcmp(held->lines[i].key, key) == 0)
			return true;
	return false;
}

static void count_add(struct file_set *seen, struct claimable_count *c, const struct closed_file *f)
{
	c->files += f->sheets > 0 && file_set_add(seen, f->key, 1) == 0;
	c->sheets += f->sheets;
}

bool claimable_mark(struct claimable *c, struct closed_batch *b, const struct closed_batch *held,
    struct claimable_count *out, struct claimable_count *let_in, struct error *err)
{
	struct file_set seen = {0};
	struct decisions d = {0};
	bool read = false, ok = true;

	*out = *let_in = (struct claimable_count){0};
	for (int i = 0; c->any && ok && i < b->n_lines; i++) {
		struct closed_file *f = &b->lines[i];
		f->unregistered = false;
		if (file_set_count(&c->known, f->key) > 0 || f->sheets < 1)
			continue;
		bool allowed = file_set_count(&c->allowed, f->key) > 0 || held_before(held, f->key);
		if (!allowed && !read) {
			ok = decisions_read(c, b, &d, err);
			read = true;
		}
		allowed = allowed || file_set_count(&d.kept, f->key) > 0;
		f->unregistered = !allowed;
		count_add(&seen, allowed ? let_in : out, f);
	}
	if (read)
		decisions_release(&d);
	file_set_release(&seen);
	return ok;
}

bool claimable_allow(struct workspace *w, const char *file_number, const char *by,
    const char *reason, struct error *err)
{
	struct claimable c = {0};
	char key[FILE_KEY_SIZE];
	bool ok = false;

	if (!review_lead_check(w, by, err) || !file_number_check(file_number, err) ||
	    !journal_begin(w->journal, err))
		return false;
	file_number_key(file_number, key);
	if (!claimable_open(w, &c, err))
		goto done;
	if (file_set_count(&c.known, key) > 0 || file_set_count(&c.allowed, key) > 0) {
		error_set(err, ERROR_USAGE, NULL,
		    file_set_count(&c.known, key) > 0
			? _("the register knows '%s': there is nothing to decide")
			: _("'%s' was let in before"),
		    file_number);
		goto done;
	}
	ok = ledger_append(w->journal, LEDGER_WORKSPACE, by,
		 json_pack("{ss ss ss}", "event", "file_allowed", "file_number", file_number,
		     "reason", reason),
		 err) &&
	    journal_commit(w->journal, err);
done:
	if (!ok)
		journal_rollback(w->journal);
	claimable_close(&c);
	return ok;
}
