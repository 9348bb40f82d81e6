#include "batch/claim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/rules.h"
#include "config/file.h"
#include "config/text.h"

enum { MANIFEST_LIMIT_BYTES = 256 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static json_int_t int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void claim_basis_release(struct claim_basis *basis)
{
	for (int i = 0; i < basis->n_held; i++)
		closed_release(&basis->held[i].manifest);
	free(basis->held);
	file_set_release(&basis->files);
	*basis = (struct claim_basis){0};
}

/* The first place whose name is not before batch. */
static int held_place(const struct claim_basis *basis, const char *batch)
{
	int low = 0, high = basis->n_held;

	while (low < high) {
		int middle = low + (high - low) / 2;
		if (strcmp(basis->held[middle].name, batch) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct claim_held *claim_basis_find(const struct claim_basis *basis, const char *batch)
{
	int i = held_place(basis, batch);

	return i < basis->n_held && strcmp(basis->held[i].name, batch) == 0 ? &basis->held[i]
									    : NULL;
}

/* Puts the file lines of a manifest in (by 1) or out (by -1). */
static void lines_add(
    struct claim_basis *basis, const struct closed_batch *m, int by, struct claim_line *line)
{
	for (int i = 0; i < m->n_lines; i++) {
		const struct closed_file *f = &m->lines[i];
		if (f->unregistered)
			continue;
		line->sheets += (int64_t)by * f->sheets;
		line->blank_sheets += m->count_blank_sheets ? (int64_t)by * f->blank_sheets : 0;
		if (f->sheets < 1)
			continue;
		int before = file_set_add(&basis->files, f->key, by);
		if (by > 0 && before == 0)
			line->files++;
		else if (by > 0)
			line->files_again++;
		else if (before == 1)
			line->files--;
	}
}

void claim_take(struct claim_basis *basis, struct closed_batch *manifest, int claim,
    const struct claim_rates *rates, struct claim_line *line)
{
	int place = held_place(basis, manifest->name);
	struct claim_held *more = realloc(basis->held, (size_t)(basis->n_held + 1) * sizeof *more);

	if (!more)
		abort(); /* a few bytes for each batch */
	basis->held = more;
	memmove(&more[place + 1], &more[place], (size_t)(basis->n_held - place) * sizeof *more);
	basis->n_held++;
	more[place] = (struct claim_held){.claim = claim, .rates = *rates, .manifest = *manifest};
	snprintf(more[place].name, sizeof more[place].name, "%s", manifest->name);
	*manifest = (struct closed_batch){0};
	*line = (struct claim_line){0};
	/* Two volumes of one file in one batch: counted there once, and not "again". */
	lines_add(basis, &more[place].manifest, 1, line);
	struct file_set own = {0};
	int volumes = 0;
	for (int i = 0; i < more[place].manifest.n_lines; i++)
		if (more[place].manifest.lines[i].sheets > 0 &&
		    !more[place].manifest.lines[i].unregistered)
			volumes += file_set_add(&own, more[place].manifest.lines[i].key, 1) > 0;
	line->files_again -= volumes;
	file_set_release(&own);
}

void claim_correct(struct claim_basis *basis, const char *batch, struct closed_batch *manifest,
    struct claim_line *line)
{
	struct claim_held *held = claim_basis_find(basis, batch);

	*line = (struct claim_line){0};
	if (!held) {
		closed_release(manifest);
		return;
	}
	lines_add(basis, &held->manifest, -1, line);
	lines_add(basis, manifest, 1, line);
	line->files_again = 0;
	closed_release(&held->manifest);
	held->manifest = *manifest;
	*manifest = (struct closed_batch){0};
}

bool claim_amount(const struct claim_rates *rates, const struct claim_line *line,
    int64_t *files_cents, int64_t *sheets_cents, struct error *err)
{
	return money_times(rates->file, line->files, rates->rounding, files_cents, err) &&
	    money_times(rates->sheet, line->sheets, rates->rounding, sheets_cents, err);
}

bool claim_rates_of(const json_t *claim, struct claim_rates *out, struct error *err)
{
	const json_t *rates = json_object_get(claim, "rates");

	snprintf(out->currency, sizeof out->currency, "%s", text_of(claim, "currency"));
	if (money_rate_read(text_of(rates, "file"), &out->file, err) &&
	    money_rate_read(text_of(rates, "sheet"), &out->sheet, err) &&
	    money_rounding_read(text_of(rates, "rounding"), &out->rounding, err))
		return true;
	if (err)
		err->kind = ERROR_CHECK;
	return false;
}

struct replay {
	claim_say *say;
	void *self;
	int *differences;
};

static void differ(struct replay *r, const char *what, ...) __attribute__((format(printf, 2, 3)));

static void differ(struct replay *r, const char *what, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, what);
	vsnprintf(text, sizeof text, what, ap);
	va_end(ap);
	++*r->differences;
	r->say(r->self, text);
}

static void compare_int(
    struct replay *r, const json_t *object, const char *where, const char *key, int64_t expected)
{
	if (!json_is_integer(json_object_get(object, key)) || int_of(object, key) != expected)
		differ(r, _("%s: '%s' is %lld, the manifests give %lld"), where, key,
		    (long long)int_of(object, key), (long long)expected);
}

static void compare_money(
    struct replay *r, const json_t *object, const char *where, const char *key, int64_t cents)
{
	char expected[MONEY_SIZE];

	money_plain(cents, expected);
	if (strcmp(text_of(object, key), expected) != 0)
		differ(r, _("%s: '%s' is '%s', the manifests give '%s'"), where, key,
		    text_of(object, key), expected);
}

/* Claims of older versions say nothing of it. */
static void compare_witnesses(
    struct replay *r, const json_t *entry, const char *where, const struct closed_batch *m)
{
	const json_t *stated = json_object_get(entry, "witnesses");
	json_t *expected = claim_witnesses(m);

	if (stated && !json_equal(stated, expected))
		differ(
		    r, _("%s: 'witnesses' is not what the manifest says of other counts"), where);
	json_decref(expected);
}

/* Where a claim says that its rates are those of its batches' rules, they are. */
static void replay_rates(struct replay *r, const json_t *claim, const struct claim_rates *rates,
    const struct closed_batch *manifest)
{
	const char *of = text_of(json_object_get(claim, "rates"), "of");
	json_t *rules = manifest->frozen ? json_loads(manifest->frozen, 0, NULL) : NULL;
	struct claim_rates own;
	bool known = false;

	if (strcmp(of, "rules") == 0 &&
	    (!rules_rates_of(rules, &own, &known, NULL) || !known ||
		!rules_rates_same(&own, rates)))
		differ(
		    r, _("batch '%s' was opened at other rates than the claim's"), manifest->name);
	json_decref(rules);
}

static bool replay_corrections(struct claim_basis *basis, const json_t *claim, claim_find *find,
    struct replay *r, int64_t *cents, struct error *err)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(claim, "corrections"), i, c)
	{
		const char *batch = text_of(c, "batch");
		struct claim_held *held = claim_basis_find(basis, batch);
		struct closed_batch manifest = {0};
		struct claim_line line;
		int64_t files_cents, sheets_cents, amount;
		if (!held) {
			differ(
			    r, _("correction of '%s': no earlier claim holds this batch"), batch);
			continue;
		}
		struct claim_rates rates = held->rates;
		compare_int(r, c, batch, "claim", held->claim);
		if (int_of(c, "revision") > 0 &&
		    !find(r->self, batch, (int)int_of(c, "revision"), text_of(c, "manifest_sha256"),
			&manifest, err))
			return false;
		if (!claim_unregistered(c, &manifest, err)) {
			closed_release(&manifest);
			return false;
		}
		compare_witnesses(r, c, batch, &manifest);
		claim_correct(basis, batch, &manifest, &line);
		compare_int(r, c, batch, "files", line.files);
		compare_int(r, c, batch, "sheets", line.sheets);
		if (!claim_amount(&rates, &line, &files_cents, &sheets_cents, err) ||
		    !money_add(files_cents, sheets_cents, &amount, err) ||
		    !money_add(*cents, amount, cents, err))
			return false;
		compare_money(r, c, batch, "amount", amount);
	}
	return true;
}

bool claim_replay(struct claim_basis *basis, const json_t *claim, claim_find *find, claim_say *say,
    void *self, int *differences, struct error *err)
{
	struct replay r = {say, self, differences};
	struct claim_line sum = {0};
	struct claim_rates rates;
	int64_t corrections = 0, files_cents, sheets_cents, blank_cents, amount;
	json_t *b;
	size_t i;

	if (!claim_rates_of(claim, &rates, err) ||
	    !replay_corrections(basis, claim, find, &r, &corrections, err))
		return false;
	json_array_foreach(json_object_get(claim, "batches"), i, b)
	{
		const char *batch = text_of(b, "batch");
		struct closed_batch manifest = {0};
		struct claim_line line;
		if (claim_basis_find(basis, batch)) {
			differ(&r, _("batch '%s' is claimed already"), batch);
			continue;
		}
		if (!find(self, batch, (int)int_of(b, "revision"), text_of(b, "manifest_sha256"),
			&manifest, err))
			return false;
		if (!claim_unregistered(b, &manifest, err)) {
			closed_release(&manifest);
			return false;
		}
		if (strcmp(manifest.name, batch) != 0)
			differ(&r, _("the manifest named for batch '%s' is that of '%s'"), batch,
			    manifest.name);
		if (strcmp(manifest.head, text_of(json_object_get(b, "ledger"), "head")) != 0)
			differ(&r, _("%s: the ledger's head is not that of the manifest"), batch);
		compare_int(&r, json_object_get(b, "ledger"), batch, "events", manifest.events);
		compare_witnesses(&r, b, batch, &manifest);
		replay_rates(&r, claim, &rates, &manifest);
		claim_take(basis, &manifest, (int)int_of(claim, "number"), &rates, &line);
		compare_int(&r, b, batch, "files", line.files);
		compare_int(&r, b, batch, "sheets", line.sheets);
		sum.files += line.files;
		sum.sheets += line.sheets;
		sum.blank_sheets += line.blank_sheets;
	}
	compare_int(&r, claim, "claim", "files", sum.files);
	compare_int(&r, claim, "claim", "sheets", sum.sheets);
	if (!claim_amount(&rates, &sum, &files_cents, &sheets_cents, err) ||
	    !money_times(rates.sheet, sum.blank_sheets, rates.rounding, &blank_cents, err) ||
	    !money_add(files_cents, sheets_cents, &amount, err) ||
	    !money_add(amount, corrections, &amount, err))
		return false;
	compare_money(&r, claim, "claim", "amount_files", files_cents);
	compare_money(&r, claim, "claim", "amount_sheets", sheets_cents);
	compare_money(&r, claim, "claim", "amount_corrections", corrections);
	compare_money(&r, claim, "claim", "amount", amount);
	const json_t *blank = json_object_get(claim, "blank_sheets");
	compare_int(&r, blank, "blank_sheets", "sheets", sum.blank_sheets);
	compare_money(&r, blank, "blank_sheets", "amount", blank_cents);
	return true;
}

json_t *claim_witnesses(const struct closed_batch *m)
{
	int files[2] = {0}, sheets[2] = {0};

	for (int i = 0; i < m->n_lines; i++) {
		const struct closed_file *f = &m->lines[i];
		const bool is[2] = {f->settled, f->unwitnessed};
		for (int k = 0; k < 2; k++) {
			bool counts = is[k] && !f->unregistered && f->sheets > 0;
			files[k] += counts;
			sheets[k] += counts ? f->sheets : 0;
		}
	}
	return json_pack("{s{sisi} s{sisi}}", "settled", "files", files[0], "sheets", sheets[0],
	    "none", "files", files[1], "sheets", sheets[1]);
}

bool claim_unregistered(const json_t *entry, struct closed_batch *m, struct error *err)
{
	json_t *lines = json_object_get(json_object_get(entry, "unregistered"), "lines"), *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		json_int_t k = json_integer_value(line);
		if (!json_is_integer(line) || k < 0 || k >= m->n_lines)
			return error_set(err, ERROR_CHECK, NULL,
			    _("batch '%s' has no such file as the claim leaves out"), m->name);
		m->lines[k].unregistered = true;
	}
	return true;
}

bool claim_manifest_find(const char *folder, int revision, const char *sha256,
    struct closed_batch *out, struct error *err)
{
	char *paths[2] = {file_path("%s/manifest.json", folder),
	    file_path("%s/manifest.%d.json", folder, revision)};
	bool ok = false;

	for (int i = 0; i < 2 && !ok; i++) {
		size_t n;
		char *text = file_exists(paths[i])
		    ? file_read(paths[i], MANIFEST_LIMIT_BYTES, &n, NULL)
		    : NULL;
		if (text && closed_parse(paths[i], text, n, out, NULL))
			ok = strcmp(out->manifest_sha256, sha256) == 0;
		if (!ok)
			closed_release(out);
		free(text);
	}
	if (!ok)
		error_set(err, ERROR_CHECK, NULL,
		    _("no manifest of revision %d in '%s' has the hash %.16s…"), revision, folder,
		    sha256);
	free(paths[0]);
	free(paths[1]);
	return ok;
}
