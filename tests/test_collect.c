#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/acceptance.h"
#include "batch/claim_book.h"
#include "batch/claim_making.h"
#include "batch/collect.h"
#include "batch/review.h"
#include "batch/sign.h"
#include "batch/verify.h"
#include "tests/desk.h"

static void accept_batch(struct desk *d, const char *batch)
{
	struct error err = {0};

	desk_check(review_seen(&d->workspace, batch, "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d->workspace, batch, "l.lead", NULL, &err), &err);
}

static void station(struct desk *d, const char *name)
{
	char ini[128];

	snprintf(ini, sizeof ini, "[station]\nname = %s\n", name);
	desk_open(d, ini);
	d->bundles = true;
}

static void office(struct desk *d)
{
	desk_open(d, "[station]\nname = st1\n[claim]\nauthority = Amt Musterhausen\n");
	d->bundles = true;
}

static void assert_agrees(const char *path)
{
	struct verify_report report = {0};
	struct error err = {0};

	desk_check(verify_path(path, &report, &err), &err);
	if (json_array_size(report.findings) > 0)
		fail_msg("%s", json_dumps(report.findings, JSON_INDENT(1)));
	verify_report_release(&report);
}

static void batch_of(struct desk *d, const char *name, const char *file, int sheets)
{
	desk_batch(d, name);
	desk_file(d, name, file, 1, sheets);
	desk_close_batch(d, name);
}

static void test_collect_and_claim_across_stations(void **state)
{
	struct desk one, two;
	struct collect_result done = {0};
	struct error err = {0};
	json_t *claim = NULL;

	office(&one);
	station(&two, "st2");
	batch_of(&one, "a1", "33/1", 4);
	accept_batch(&one, "a1");
	batch_of(&two, "c1", "33/1", 3);
	batch_of(&two, "c2", "33/2", 5);
	accept_batch(&two, "c1");
	desk_batch(&two, "c3");
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	assert_int_equal(done.taken, 2);
	assert_int_equal(done.left, 1);
	assert_agrees(one.folder);
	/* c2 is not accepted where its raw images are: it is not claimed. */
	desk_check(claim_make(&one.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(claim, "files")), 1);
	assert_int_equal(json_integer_value(json_object_get(claim, "sheets")), 7);
	json_decref(claim);
	assert_agrees(one.folder);
	/* Accepted meanwhile: the same batch has grown. */
	accept_batch(&two, "c2");
	done = (struct collect_result){0};
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	assert_int_equal(done.renewed, 1);
	assert_int_equal(done.same, 1);
	desk_check(claim_make(&one.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(claim, "files")), 1);
	assert_int_equal(json_integer_value(json_object_get(claim, "sheets")), 5);
	json_decref(claim);
	assert_agrees(one.folder);
	/* The independent check agrees. */
	char *check = file_path("python3 -B '%s/config/verify-manifest' '%s' >/dev/null",
	    ALTAKT_SOURCE_DIR, one.folder);
	assert_int_equal(system(check), 0);
	free(check);
	desk_check(claim_cancel(&one.workspace, 2, "f.finanz", "falsch", &err), &err);
	assert_agrees(one.folder);
	desk_close(&two);
	desk_close(&one);
}

static void refused(struct desk *to, const char *from, const char *why)
{
	struct collect_result done = {0};
	struct error err = {0};

	assert_false(collect_folder(&to->workspace, from, "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	if (!strstr(err.what, why))
		fail_msg("'%s' is not in '%s'", why, err.what);
	assert_agrees(to->folder);
}

static void test_collect_refuses(void **state)
{
	struct desk one, two, three;
	struct error err = {0};
	struct collect_result done = {0};
	json_t *claim = NULL;

	office(&one);
	batch_of(&one, "same", "33/1", 1);
	station(&two, "st2");
	batch_of(&two, "same", "33/9", 1);
	refused(&one, two.folder, "of its own");
	desk_close(&two);

	/* A changed byte, and a claim that was made elsewhere. */
	office(&three);
	batch_of(&three, "c1", "33/7", 2);
	accept_batch(&three, "c1");
	char *path = file_path("%s/files/33=2F7/data/33=2F7.pdf", three.folder);
	size_t n;
	char *pdf = file_read(path, 1 << 26, &n, NULL);
	pdf[n / 2] ^= 1;
	assert_true(file_write(path, pdf, n, NULL));
	refused(&one, three.folder, "33=2F7.pdf");
	pdf[n / 2] ^= 1;
	assert_true(file_write(path, pdf, n, NULL));
	free(pdf);
	free(path);
	desk_check(claim_make(&three.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	refused(&one, three.folder, "in claim 1 of the other");
	/* Its claim came along, and is known: also a changed byte in it. */
	char *there = file_path("%s/claims/%s/0001/claim.json", one.folder, three.workspace.uuid);
	char *text = file_read(there, 1 << 20, &n, &err);
	assert_non_null(text);
	text[n / 2] ^= 1;
	assert_true(file_write(there, text, n, NULL));
	struct verify_report report = {0};
	desk_check(verify_path(one.folder, &report, &err), &err);
	assert_int_equal(json_array_size(report.findings), 1);
	verify_report_release(&report);
	text[n / 2] ^= 1;
	assert_true(file_write(there, text, n, NULL));
	free(text);
	free(there);
	/* Cancelled there, it may be claimed here. */
	desk_check(claim_cancel(&three.workspace, 1, "f.finanz", "falsch", &err), &err);
	desk_check(collect_folder(&one.workspace, three.folder, "a.admin", &done, &err), &err);
	assert_int_equal(done.taken, 1);
	assert_agrees(one.folder);
	desk_close(&three);

	/* The same name with other content, as after a restore that went on. */
	station(&two, "st2");
	batch_of(&two, "d1", "33/3", 1);
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	desk_close(&two);
	station(&two, "st2");
	batch_of(&two, "d1", "33/3", 2);
	refused(&one, two.folder, "with other content");
	desk_close(&two);
	desk_close(&one);
}

static void key_make(const char *folder, const char *name)
{
	char *command =
	    file_path("openssl req -x509 -newkey rsa:2048 -nodes -keyout '%s/%s.key' -out "
		      "'%s/%s.pem' -days 30 -subj '/CN=%s' 2>/dev/null",
		folder, name, folder, name, name);

	assert_int_equal(system(command), 0);
	free(command);
}

static void test_collect_knows_the_keys_of_its_stations(void **state)
{
	char keys[] = "/tmp/altakt-keys-XXXXXX";
	struct desk one, two;
	struct collect_result done = {0};
	struct error err = {0};

	assert_non_null(mkdtemp(keys));
	key_make(keys, "st2");
	key_make(keys, "stranger");
	char *ini =
	    file_path("[station]\nname = st1\n[collect]\ncertificates = %s/st2.pem\n", keys);
	desk_open(&one, ini);
	free(ini);
	ini =
	    file_path("[station]\nname = st2\n[sign]\ncertificate = %s/st2.pem\nkey = %s/st2.key\n",
		keys, keys);
	desk_open(&two, ini);
	free(ini);
	two.bundles = true;
	batch_of(&two, "s1", "33/1", 1);
	refused(&one, two.folder, "is not signed"); /* the desk signs nothing by itself */
	char *path = file_path("%s/batches/s1/manifest.json", two.folder);
	desk_check(sign_file(two.workspace.settings, path, &err), &err);
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	assert_int_equal(done.taken, 1);
	free(path);
	desk_close(&two);
	/* The same station's name, another key. */
	ini = file_path("[station]\nname = st3\n[sign]\ncertificate = %s/stranger.pem\n"
			"key = %s/stranger.key\n",
	    keys, keys);
	desk_open(&two, ini);
	free(ini);
	two.bundles = true;
	batch_of(&two, "s2", "33/2", 1);
	path = file_path("%s/batches/s2/manifest.json", two.folder);
	desk_check(sign_file(two.workspace.settings, path, &err), &err);
	refused(&one, two.folder, "a key that is not known here");
	free(path);
	desk_close(&two);
	desk_close(&one);
	assert_true(file_remove(keys, NULL));
}

static void test_collect_of_a_torn_copy(void **state)
{
	static const char *const gone[] = {"batches/t1/ledger.jsonl", "batches/t1/manifest.csv",
	    "files/33=2F1/data/provenance.json", "files/33=2F1"};
	struct desk one, two;

	office(&one);
	station(&two, "st2");
	batch_of(&two, "t1", "33/1", 2);
	for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
		char *copy = file_path("%s-copy", two.folder);
		char *command = file_path("cp -r '%s' '%s'", two.folder, copy);
		char *path = file_path("%s/%s", copy, gone[i]);
		assert_int_equal(system(command), 0);
		if (i == 0)
			assert_int_equal(truncate(path, file_size_bytes(path) - 40), 0);
		else
			assert_true(file_remove(path, NULL));
		refused(&one, copy, "");
		assert_true(file_remove(copy, NULL));
		free(path);
		free(command);
		free(copy);
	}
	/* A batch is left out of the station's chain. */
	batch_of(&two, "t2", "33/2", 1);
	char *path = file_path("%s/batches/t1", two.folder);
	assert_true(file_remove(path, NULL));
	free(path);
	refused(&one, two.folder, "");
	desk_close(&two);
	desk_close(&one);
}

/* Collected, then claimed where it came from: here it is claimed no more. */
static void test_collect_then_claimed_elsewhere(void **state)
{
	struct desk one, two;
	struct collect_result done = {0};
	struct error err = {0};
	json_t *claim = NULL;

	office(&one);
	desk_open(&two, "[station]\nname = st2\n[claim]\nauthority = Amt Musterdorf\n");
	two.bundles = true;
	batch_of(&two, "e1", "33/5", 2);
	accept_batch(&two, "e1");
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	desk_check(claim_make(&two.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	refused(&one, two.folder, "in claim 1 of the other");
	desk_check(claim_make(&one.workspace, NULL, true, "f.finanz", &claim, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(claim, "sheets")), 0);
	const json_t *left = json_array_get(json_object_get(claim, "left_out"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(left, "reason")), "claimed_elsewhere");
	json_decref(claim);
	desk_close(&two);
	desk_close(&one);
}

/* Both had claimed before either knew of the other: verify names it. */
static void test_collect_claimed_twice(void **state)
{
	struct desk one, two;
	struct collect_result done = {0};
	struct verify_report report = {0};
	struct error err = {0};
	json_t *claim = NULL;

	office(&one);
	desk_open(&two, "[station]\nname = st2\n[claim]\nauthority = Amt Musterdorf\n");
	two.bundles = true;
	batch_of(&two, "e1", "33/5", 2);
	accept_batch(&two, "e1");
	desk_check(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err), &err);
	desk_check(claim_make(&one.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	desk_check(claim_make(&two.workspace, NULL, false, "f.finanz", &claim, &err), &err);
	json_decref(claim);
	assert_false(collect_folder(&one.workspace, two.folder, "a.admin", &done, &err));
	desk_check(verify_path(one.folder, &report, &err), &err);
	assert_int_equal(json_array_size(report.findings), 1);
	const char *what =
	    json_string_value(json_object_get(json_array_get(report.findings, 0), "what"));
	assert_non_null(strstr(what, "claimed twice"));
	verify_report_release(&report);
	desk_close(&two);
	desk_close(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_collect_and_claim_across_stations),
	    cmocka_unit_test(test_collect_refuses),
	    cmocka_unit_test(test_collect_knows_the_keys_of_its_stations),
	    cmocka_unit_test(test_collect_of_a_torn_copy),
	    cmocka_unit_test(test_collect_then_claimed_elsewhere),
	    cmocka_unit_test(test_collect_claimed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
