#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "batch/acceptance.h"
#include "batch/claim_book.h"
#include "batch/claim_making.h"
#include "batch/review.h"
#include "batch/sign.h"
#include "batch/verify.h"
#include "tests/desk.h"

static const char ini[] = "[station]\nname = st1\n[claim]\nauthority = Amt Musterhausen\n"
			  "[grant]\napplicant = Stadt Musterhausen\n";

static void accept_batch(struct desk *d, const char *batch)
{
	struct error err = {0};

	desk_check(review_seen(&d->workspace, batch, "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d->workspace, batch, "l.lead", NULL, &err), &err);
}

/* Two batches with real bundles, one corrected after its claim, two claims; then closed for good.
 */
static void desk_fill(struct desk *d)
{
	struct error err = {0};
	json_t *claim = NULL;

	desk_open(d, ini);
	d->bundles = true;
	desk_batch(d, "b1");
	desk_file(d, "b1", "33/1", 1, 3);
	desk_file(d, "b1", "33/2", 1, 11);
	desk_close_batch(d, "b1");
	accept_batch(d, "b1");
	desk_check(claim_make(&d->workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	desk_batch(d, "b2");
	desk_file(d, "b2", "33/2", 2, 2);
	desk_file(d, "b2", "33/1", 1, 1);
	desk_close_batch(d, "b2");
	accept_batch(d, "b2");
	desk_begin(d);
	desk_event(d, "b1", json_pack("{s:s, s:s}", "event", "reopened", "reason", "zu viel"));
	desk_event(d, "b1",
	    json_pack(
		"{s:s, s:s, s:s}", "event", "sheet_voided", "sheet", "b1/2", "reason", "fremd"));
	desk_bundle(d, "b1", 1);
	desk_commit(d);
	desk_close_batch(d, "b1");
	accept_batch(d, "b1");
	desk_check(claim_make(&d->workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
}

/* Verifies and gives all findings as text, one a line; "" where everything agrees. */
static char *verified(const char *path)
{
	struct verify_report report = {0};
	struct error err = {0};
	char *text = NULL;
	json_t *finding;
	size_t n, i;

	desk_check(verify_path(path, &report, &err), &err);
	FILE *f = open_memstream(&text, &n);
	json_array_foreach(report.findings, i, finding)
	    fprintf(f, "%s: %s\n", json_string_value(json_object_get(finding, "path")),
		json_string_value(json_object_get(finding, "what")));
	fclose(f);
	verify_report_release(&report);
	return text;
}

static void assert_agrees(const char *path)
{
	char *text = verified(path);

	assert_string_equal(text, "");
	free(text);
}

static void assert_finding(const char *path, const char *piece)
{
	char *text = verified(path);

	if (!strstr(text, piece))
		fail_msg("no finding says '%s', but:\n%s", piece, text);
	free(text);
}

static void assert_no_finding(const char *path, const char *piece)
{
	char *text = verified(path);

	if (strstr(text, piece))
		fail_msg("a finding says '%s':\n%s", piece, text);
	free(text);
}

static void test_verify_path_agrees(void **state)
{
	struct desk d;

	desk_fill(&d);
	assert_agrees(d.folder);
	static const char *const parts[] = {"batches/b1", "batches/b2", "batches/b1/manifest.json",
	    "files/33=2F1", "claims/0001", "claims/0002/claim.pdf", "files"};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char *path = file_path("%s/%s", d.folder, parts[i]);
		assert_agrees(path);
		free(path);
	}
	/* A copy without the journal. */
	char *journal = file_path("%s/journal.sqlite", d.folder);
	workspace_close(&d.workspace);
	assert_int_equal(unlink(journal), 0);
	free(journal);
	assert_agrees(d.folder);
	desk_close(&d);
}

struct flipping {
	const char *root;
	int n, missed;
};

static bool flip(void *self, const char *relative, const char *path, struct error *err)
{
	struct flipping *f = self;
	const char *base = strrchr(relative, '/') ? strrchr(relative, '/') + 1 : relative;
	size_t n;
	char *data;

	if (strncmp(relative, "spool/", 6) == 0 || strcmp(base, "altakt.ini") == 0 ||
	    strcmp(base, "altakt.log") == 0 || strncmp(base, "journal.sqlite", 14) == 0)
		return true;
	data = file_read(path, 1 << 26, &n, err);
	assert_non_null(data);
	/* The middle, and the last byte but one: in a ledger that is its last line. */
	for (int k = 0; k < 2 && n > 2; k++) {
		size_t at = k == 0 ? n / 2 : n - 3;
		data[at] ^= 1;
		chmod(path, 0600);
		FILE *out = fopen(path, "wb");
		assert_non_null(out);
		assert_int_equal(fwrite(data, 1, n, out), n);
		fclose(out);
		char *text = verified(f->root);
		if (!strstr(text, base)) {
			print_message(
			    "a change of %s, byte %zu, was not found: '%s'\n", relative, at, text);
			f->missed++;
		}
		free(text);
		data[at] ^= 1;
		out = fopen(path, "wb");
		fwrite(data, 1, n, out);
		fclose(out);
		f->n++;
	}
	free(data);
	return true;
}

static void test_verify_path_one_changed_byte_anywhere(void **state)
{
	struct desk d;
	struct flipping f = {0};
	struct error err = {0};

	desk_fill(&d);
	f.root = d.folder;
	desk_check(file_walk(d.folder, flip, &f, &err), &err);
	assert_true(f.n > 60);
	assert_int_equal(f.missed, 0);
	assert_agrees(d.folder);
	desk_close(&d);
}

/* Replaces all of a file's text by what change makes of it. */
static void rewrite(const char *path, const char *from, const char *to)
{
	size_t n;
	char *text = file_read(path, 1 << 26, &n, NULL), *at;

	assert_non_null(text);
	at = strstr(text, from);
	if (!at)
		fail_msg("'%s' has no '%s'", path, from);
	chmod(path, 0600);
	FILE *f = fopen(path, "w");
	fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(f);
	free(text);
}

/* Computes every later "prev" and ledger.head again, as somebody would who knows the format. */
static void rechain(const char *folder)
{
	char *path = file_path("%s/ledger.jsonl", folder),
	     *head_path = file_path("%s/ledger.head", folder);
	size_t n;
	char *text = file_read(path, 1 << 26, &n, NULL), hash[HASH_SIZE];
	FILE *f = fopen(path, "w");
	int lines = 0;

	snprintf(hash, sizeof hash, "%s", hash_zero);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *prev = strstr(line, "\"prev\":\"");
		assert_non_null(prev);
		memcpy(prev + 8, hash, 64);
		fprintf(f, "%s\n", line);
		hash_bytes(HASH_SHA256, line, strlen(line), hash);
		lines++;
	}
	fclose(f);
	f = fopen(head_path, "w");
	fprintf(f, "%s %d\n", hash, lines);
	fclose(f);
	free(text);
	free(path);
	free(head_path);
}

static void test_verify_path_kinds_of_tampering(void **state)
{
	struct desk d;

	desk_fill(&d);
	char *journal = file_path("%s/journal.sqlite", d.folder);
	workspace_close(&d.workspace);
	unlink(journal);
	free(journal);

	/* A chain rewritten with all later hashes: a sheet less in the newest batch. */
	char *batch = file_path("%s/batches/b2", d.folder);
	char *ledger = file_path("%s/ledger.jsonl", batch), *kept = file_path("%s/kept", d.folder);
	char *head = file_path("%s/ledger.head", batch),
	     *kept_head = file_path("%s/kept.head", d.folder);
	assert_true(file_copy(ledger, kept, NULL) && file_copy(head, kept_head, NULL));
	rewrite(ledger, "\"sheet\":\"b2/3\",\"side\":\"f\",\"blank\":false",
	    "\"sheet\":\"b2/3\",\"side\":\"f\",\"blank\":true");
	rechain(batch);
	assert_finding(d.folder, "b2/manifest.json");
	assert_finding(d.folder, "the one that a claim rests on");
	assert_true(file_move(kept, ledger, NULL) && file_move(kept_head, head, NULL));
	assert_agrees(d.folder);

	/* An older manifest in the place of the newest. */
	char *old = file_path("%s/batches/b1/manifest.1.json", d.folder);
	char *new = file_path("%s/batches/b1/manifest.json", d.folder);
	assert_true(file_copy(new, kept, NULL) && file_copy(old, new, NULL));
	assert_finding(d.folder, "b1/manifest.json");
	assert_true(file_move(kept, new, NULL));

	/* A batch left out, with its line in the workspace's chain still there. */
	char *away = file_path("%s/b2.away", d.folder);
	assert_int_equal(rename(batch, away), 0);
	assert_finding(d.folder, "b2: the batch is missing");
	assert_finding(d.folder, "a batch was left out");
	assert_int_equal(rename(away, batch), 0);

	/* A claim that was made larger, its hash in the chain changed as well. */
	char *claim = file_path("%s/claims/0002/claim.json", d.folder);
	rewrite(claim, "\"amount\": \"", "\"amount\": \"9");
	assert_finding(d.folder, "0002/claim.json: it is not the file that the ledger knows");
	char hash[HASH_SIZE], *own = file_path("%s/ledger.jsonl", d.folder);
	char was[80], now[80];
	size_t n;
	assert_true(hash_file(HASH_SHA256, claim, hash, NULL, NULL));
	char *text = file_read(own, 1 << 26, &n, NULL), *at = strstr(text, "\"claim\":2,");
	at = strstr(at, "\"sha256\":\"");
	snprintf(was, sizeof was, "%.74s", at);
	snprintf(now, sizeof now, "\"sha256\":\"%.64s", hash);
	rewrite(own, was, now);
	rechain(d.folder);
	assert_finding(d.folder, "0002/claim.json: ");
	free(text);

	/* A bundle that nobody knows, a file that does not belong. */
	char *more = file_path("%s/files/33=2F9", d.folder);
	char *beside = file_path("%s/batches/b1/notes.txt", d.folder);
	assert_true(file_make_folder(more, NULL) && file_write(beside, "x", 1, NULL));
	assert_finding(d.folder, "33=2F9: no batch knows this bundle");
	assert_finding(d.folder, "notes.txt: it does not belong here");

	free(batch);
	free(ledger);
	free(kept);
	free(head);
	free(kept_head);
	free(old);
	free(new);
	free(away);
	free(claim);
	free(own);
	free(more);
	free(beside);
	desk_close(&d);
}

__attribute__((format(printf, 1, 2))) static void command(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	assert_int_equal(system(text), 0);
}

enum forgery { SHEET_REMOVED, SHEET_ADDED, SHEET_MOVED, LINES_SWAPPED, N_FORGERIES };

/* One line of the chain as the forgery has it: nothing, itself, or itself and another. */
static void forged_line(FILE *to, const char *line, enum forgery how, int sheet)
{
	char name[24];

	snprintf(name, sizeof name, "\"b1/%d\"", sheet);
	const char *of = strstr(line, name);
	if (of && how == SHEET_REMOVED)
		return;
	if (of && how == SHEET_MOVED && strstr(line, "\"sheet_fed\"")) {
		const char *file = strstr(line, "\"file\":2");
		assert_non_null(file);
		fprintf(to, "%.*s\"file\":1%s\n", (int)(file - line), line, file + 8);
		return;
	}
	fprintf(to, "%s\n", line);
	if (of && how == SHEET_ADDED) /* the next number, which is free */
		fprintf(
		    to, "%.*s\"b1/%d\"%s\n", (int)(of - line), line, sheet + 1, of + strlen(name));
}

/*
 * Rewrites a closed batch so that nothing within it gives it away: events, their numbers, the
 * manifest that follows from them with its hash in the chain, and every later hash.
 */
static void forge(const struct desk *d, enum forgery how, int sheet)
{
	char *folder = file_path("%s/batches/b1", d->folder);
	char *ledger = file_path("%s/ledger.jsonl", folder), *made = NULL, *text,
	     hash[HASH_SIZE] = "";
	struct tally t = {0};
	struct error err = {0};
	size_t n, n_made;
	FILE *f = open_memstream(&made, &n_made);

	text = file_read(ledger, 1 << 26, &n, NULL);
	assert_non_null(text);
	char *held = NULL;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (how == LINES_SWAPPED && !held && strstr(line, "\"page_done\"")) {
			held = line;
			continue;
		}
		forged_line(f, line, how, sheet);
		if (held && held[0]) {
			forged_line(f, held, how, sheet);
			held = (char *)"";
		}
	}
	fclose(f);
	free(text);
	f = fopen(ledger, "w");
	int64_t k = 0;
	for (char *line = strtok(made, "\n"); line; line = strtok(NULL, "\n")) {
		char *at = strstr(line, ",\"at\"");
		char *numbered = file_path("{\"n\":%lld%s", (long long)++k, at);
		fprintf(f, "%s\n", numbered);
		free(numbered);
	}
	fclose(f);
	free(made);
	rechain(folder);
	text = file_read(ledger, 1 << 26, &n, NULL);
	f = fopen(ledger, "w");
	t = (struct tally){0};
	k = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *sha;
		if (hash[0] && strstr(line, "\"manifest_written\"") &&
		    (sha = strstr(line, "\"sha256\":\"")))
			memcpy(sha + 10, hash, 64);
		fprintf(f, "%s\n", line);
		if (hash[0])
			continue;
		desk_check(tally_add(&t, ++k, line, strlen(line), &err), &err);
		if (!strstr(line, "\"event\":\"closed\""))
			continue;
		char *json = manifest_text(&t), *csv = manifest_csv(&t);
		char *path = file_path("%s/manifest.json", folder);
		char *csv_path = file_path("%s/manifest.csv", folder);
		hash_bytes(HASH_SHA256, json, strlen(json), hash);
		assert_true(file_write(path, json, strlen(json), NULL) &&
		    file_write(csv_path, csv, strlen(csv), NULL));
		free(json);
		free(csv);
		free(path);
		free(csv_path);
	}
	fclose(f);
	free(text);
	tally_release(&t);
	rechain(folder);
	free(ledger);
	free(folder);
}

/* Who fed accepts, then makes the acceptance, its hash in the chain and the chain say four eyes. */
static void test_verify_path_four_eyes_that_were_two(void **state)
{
	struct desk d;
	char hash[HASH_SIZE], was[HASH_SIZE];

	desk_open(&d, ini);
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 2);
	desk_close_batch(&d, "b1");
	accept_batch(&d, "b1");
	char *journal = file_path("%s/journal.sqlite", d.folder);
	char *batch = file_path("%s/batches/b1", d.folder);
	char *acceptance = file_path("%s/acceptance.json", batch);
	char *ledger = file_path("%s/ledger.jsonl", batch);
	workspace_close(&d.workspace);
	unlink(journal);
	assert_no_finding(d.folder, "acceptance.json");
	assert_true(hash_file(HASH_SHA256, acceptance, was, NULL, NULL));
	rewrite(acceptance, "\"four_eyes\": false", "\"four_eyes\": true");
	assert_finding(d.folder, "acceptance.json: it is not the acceptance that the ledger knows");
	assert_true(hash_file(HASH_SHA256, acceptance, hash, NULL, NULL));
	rewrite(ledger, was, hash);
	rechain(batch);
	assert_no_finding(d.folder, "it is not the acceptance that the ledger knows");
	assert_finding(d.folder, "acceptance.json: it says four eyes, but the account");
	free(journal);
	free(batch);
	free(acceptance);
	free(ledger);
	file_remove(d.folder, NULL);
}

/* Nothing inside the batch shows it: the station's next manifest, and the signature, do. */
static void test_verify_path_a_batch_rewritten_whole(void **state)
{
	char keys[] = "/tmp/altakt-keys-XXXXXX", text[600];

	assert_non_null(mkdtemp(keys));
	command("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Amt Musterhausen' "
		"-keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
	    keys, keys);
	snprintf(text, sizeof text, "%s[sign]\ncertificate = %s/cert.pem\nkey = %s/key.pem\n", ini,
	    keys, keys);
	for (int how = 0; how < N_FORGERIES; how++) {
		for (int is_signed = 0; is_signed < 2; is_signed++) {
			struct error err = {0};
			struct desk d;
			desk_open(&d, is_signed ? text : ini);
			desk_batch(&d, "b1");
			desk_file(&d, "b1", "33/1", 1, 3);
			desk_file(&d, "b1", "33/2", 1, 2);
			desk_close_batch(&d, "b1");
			if (is_signed) {
				char *path = file_path("%s/batches/b1/manifest.json", d.folder);
				desk_check(sign_file(d.workspace.settings, path, &err), &err);
				free(path);
			} else {
				desk_batch(&d, "b2");
				desk_file(&d, "b2", "33/3", 1, 1);
				desk_close_batch(&d, "b2");
			}
			char *journal = file_path("%s/journal.sqlite", d.folder);
			workspace_close(&d.workspace);
			unlink(journal);
			free(journal);
			forge(&d, how, how == SHEET_MOVED ? 4 : 5);
			assert_finding(d.folder,
			    is_signed
				? "b1/manifest.json.p7s: it does not sign"
				: "b2/manifest.json: revision 1: the station's manifest before it");
			assert_no_finding(d.folder, "b1/manifest.json: it is not what");
			assert_no_finding(d.folder, "b1/ledger.jsonl");
			file_remove(d.folder, NULL);
		}
	}
	file_remove(keys, NULL);
}

static void test_verify_path_signed(void **state)
{
	static const char *const signed_files[] = {
	    "batches/b1/acceptance.json", "claims/0001/claim.json"};
	char keys[] = "/tmp/altakt-keys-XXXXXX", text[600];
	struct error err = {0};
	json_t *claim = NULL;
	struct desk d;

	assert_non_null(mkdtemp(keys));
	command("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Amt Musterhausen' "
		"-keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
	    keys, keys);
	snprintf(text, sizeof text, "%s[sign]\ncertificate = %s/cert.pem\nkey = %s/key.pem\n", ini,
	    keys, keys);
	desk_open(&d, text);
	d.bundles = true;
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 1);
	desk_close_batch(&d, "b1");
	accept_batch(&d, "b1");
	desk_check(claim_make(&d.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	assert_agrees(d.folder);
	for (size_t i = 0; i < 2; i++) {
		char *path = file_path("%s/%s", d.folder, signed_files[i]);
		char *signature = file_path("%s.p7s", path);
		command(
		    "openssl cms -verify -binary -inform DER -in %s -content %s -CAfile %s/cert.pem "
		    "-purpose any >/dev/null 2>&1",
		    signature, path, keys);
		size_t n;
		char *der = file_read(signature, 1 << 20, &n, NULL);
		der[n - 20] ^= 1;
		assert_true(file_write(signature, der, n, NULL));
		assert_finding(d.folder, strrchr(signature, '/') + 1);
		der[n - 20] ^= 1;
		assert_true(file_write(signature, der, n, NULL));
		free(der);
		free(path);
		free(signature);
	}
	assert_agrees(d.folder);
	desk_close(&d);

	/* Expired, and a key that is not the certificate's. */
	command(
	    "openssl req -x509 -newkey rsa:2048 -nodes -days -1 -subj /CN=alt "
	    "-keyout %s/old.key -out %s/old.pem 2>/dev/null || openssl x509 -in %s/cert.pem -signkey %s/key.pem "
	    "-days -1 -out %s/old.pem 2>/dev/null && cp %s/key.pem %s/old.key",
	    keys, keys, keys, keys, keys, keys, keys);
	static const char *const pairs[][3] = {
	    {"old.pem", "old.key", ""}, {"cert.pem", "absent.pem", "key"}};
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof text, "[sign]\ncertificate = %s/%s\nkey = %s/%s\n", keys,
		    pairs[i][0], keys, pairs[i][1]);
		desk_open(&d, text);
		err = (struct error){0};
		assert_false(sign_ready(d.workspace.settings, &err));
		assert_int_equal(err.kind, ERROR_SETUP);
		assert_non_null(strstr(err.what, pairs[i][2]));
		desk_close(&d);
	}
	file_remove(keys, NULL);
}

/* Each way to name a key signs what `openssl cms -verify` accepts; what cannot be read is said. */
static void test_sign_file_with_each_kind_of_key(void **state)
{
	char keys[] = "/tmp/altakt-keys-XXXXXX", text[600];
	struct error err = {0};
	struct desk d;

	assert_non_null(mkdtemp(keys));
	command(
	    "cd %s && { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Amt Musterhausen' "
	    "-keyout key.pem -out cert.pem; cat cert.pem key.pem >both.pem; "
	    "openssl rsa -aes256 -in key.pem -passout pass:geheim -out locked.pem; "
	    "openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass: -out open.p12; "
	    "openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass:geheim -out locked.p12; "
	    "printf 'geheim\\n' >word; printf 'falsch' >wrong; : >empty; } 2>/dev/null",
	    keys);
	static const struct {
		const char *certificate, *key, *passphrase, *fails;
	} table[] = {{"cert.pem", "key.pem", NULL, NULL}, {"both.pem", NULL, NULL, NULL},
	    {"cert.pem", "locked.pem", "word", NULL}, {"open.p12", NULL, NULL, NULL},
	    {"locked.p12", NULL, "word", NULL},
	    {"cert.pem", "locked.pem", NULL, "cannot read the key"},
	    {"cert.pem", "locked.pem", "wrong", "cannot read the key"},
	    {"locked.p12", NULL, NULL, "cannot read the certificate"},
	    {"locked.p12", NULL, "wrong", "cannot read the certificate"},
	    {"locked.p12", NULL, "empty", "passphrase"},
	    {"cert.pem", "key.pem", "absent", "passphrase"}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char key[128] = "", passphrase[128] = "";
		if (table[i].key)
			snprintf(key, sizeof key, "key = %s/%s\n", keys, table[i].key);
		if (table[i].passphrase)
			snprintf(passphrase, sizeof passphrase, "passphrase_file = %s/%s\n", keys,
			    table[i].passphrase);
		snprintf(text, sizeof text, "[sign]\ncertificate = %s/%s\n%s%s", keys,
		    table[i].certificate, key, passphrase);
		desk_open(&d, text);
		char *path = file_path("%s/paper.json", d.folder);
		assert_true(file_write(path, "{}\n", 3, NULL));
		err = (struct error){0};
		if (table[i].fails) {
			assert_false(sign_ready(d.workspace.settings, &err));
			assert_false(sign_file(d.workspace.settings, path, &err));
			assert_int_equal(err.kind, ERROR_SETUP);
			if (!strstr(err.what, table[i].fails))
				fail_msg("'%s' is not in '%s'", table[i].fails, err.what);
		} else {
			desk_check(sign_file(d.workspace.settings, path, &err), &err);
			command("openssl cms -verify -binary -inform DER -in %s.p7s -content %s "
				"-CAfile %s/cert.pem -purpose any >/dev/null 2>&1",
			    path, path, keys);
		}
		free(path);
		desk_close(&d);
	}
	file_remove(keys, NULL);
}

static void test_verify_path_of_nothing(void **state)
{
	struct verify_report report = {0};
	struct error err = {0};

	assert_false(verify_path("/nonexistent/path", &report, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	verify_report_release(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verify_path_agrees),
	    cmocka_unit_test(test_verify_path_one_changed_byte_anywhere),
	    cmocka_unit_test(test_verify_path_kinds_of_tampering),
	    cmocka_unit_test(test_verify_path_four_eyes_that_were_two),
	    cmocka_unit_test(test_verify_path_a_batch_rewritten_whole),
	    cmocka_unit_test(test_verify_path_signed),
	    cmocka_unit_test(test_sign_file_with_each_kind_of_key),
	    cmocka_unit_test(test_verify_path_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
