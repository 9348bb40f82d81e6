#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/claim_pdf.h"
#include "config/file.h"
#include "config/text.h"

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static char folder[] = "/tmp/altakt-claim-XXXXXX";

static json_t *claim_make(int n_batches)
{
	json_error_t wrong;
	json_t *claim = json_loads(
	    "{\"format\":\"altakt-claim/1\",\"number\":3,\"workspace\":\"5f0c6f1e-0000-4000-8000-000000000001\","
	    "\"made\":\"2026-11-23T11:30:00Z\",\"by\":\"e.beispiel\",\"until\":\"2026-10-31\","
	    "\"period\":{\"from\":\"2026-01-01\",\"to\":\"2026-12-31\"},"
	    "\"applicant\":\"Stadt Musterhausen\",\"authority\":\"Regierungspräsidium Beispielstadt\","
	    "\"reference\":\"II 23 – 19a 04/01\",\"rules\":{\"name\":\"hessen-2020\",\"version\":1,"
	    "\"hash\":\"" HASH "\"},\"rates\":{\"file\":\"0.75\",\"sheet\":\"0.01\","
	    "\"rounding\":\"half-up\"},\"currency\":\"EUR\",\"files\":21000,\"sheets\":3000000,"
	    "\"amount_files\":\"15750.00\",\"amount_sheets\":\"30000.00\","
	    "\"amount_corrections\":\"-0.77\",\"amount\":\"45749.23\","
	    "\"blank_sheets\":{\"sheets\":1200,\"amount\":\"12.00\"},\"batches\":[],"
	    "\"left_out\":[{\"batch\":\"2026-11-02-st1-001\",\"reason\":\"not_accepted\",\"files\":12,"
	    "\"sheets\":900},{\"batch\":\"2026-11-02-st1-002\",\"file_number\":\"33/99999-01\","
	    "\"reason\":\"unregistered\",\"files\":1,\"sheets\":40},{\"batch\":\"2026-11-02-st1-002\","
	    "\"file_number\":\"33/99999-02\",\"reason\":\"unregistered\",\"files\":1,\"sheets\":2}],"
	    "\"corrections\":[{\"claim\":2,\"batch\":\"2026-03-01-st1-001\",\"files\":-1,\"sheets\":-2,"
	    "\"amount\":\"-0.77\",\"reason\":\"Blatt doppelt erfasst\"}],"
	    "\"earlier\":[{\"number\":1,\"amount\":\"1000.00\",\"state\":\"cancelled\"},{\"number\":2,\"state\":\"settled\",\"granted\":\"2400.00\",\"amount\":\"2500.50\"}],"
	    "\"total\":\"49249.73\",\"ceiling\":\"100000.00\",\"remaining\":\"50750.27\","
	    "\"chains\":[{\"chain\":\"\",\"events\":1234,\"head\":\"" HASH "\"}]}",
	    0, &wrong);

	assert_non_null(claim);
	for (int i = 0; i < n_batches; i++) {
		char name[64];
		snprintf(name, sizeof name, "2026-%02d-%02d-st%d-%03d", 1 + i % 10, 1 + i % 28,
		    1 + i % 3, i);
		json_t *batch = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:i,s:b}", "batch", name,
		    "station", "st1", "closed", "2026-05-04T10:00:00Z", "accepted",
		    "2026-05-05T10:00:00Z", "files", 7, "sheets", 1000, "manifest_sha256", HASH,
		    "revision", i == 2 ? 2 : 1, "not_opened_one_by_one", i == 1);
		json_array_append_new(json_object_get(claim, "batches"), batch);
	}
	return claim;
}

/* The text of the PDF, blanks and breaks as one blank. Yours. */
static char *pdf_words(const char *path)
{
	struct error err = {0};
	char *out = file_path("%s.txt", path), *text;
	char *command = file_path("pdftotext -layout %s - | tr -s ' \\n\\f' ' ' > %s", path, out);

	assert_int_equal(system(command), 0);
	text = file_read(out, 10000000, NULL, &err);
	assert_non_null(text);
	free(command);
	free(out);
	return text;
}

static void assert_words(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("'%s' is not in '%s'", words, text);
}

static void test_claim_pdf_write_says_every_figure(void **state)
{
	static const char *const english[] = {"Statement of expenditure", "claim no. 3", "21,000",
	    "3,000,000", "15,750.00 €", "30,000.00 €", "-0.77 €", "45,749.23 €", "1,200", "12.00 €",
	    "Stadt Musterhausen", "Regierungspräsidium Beispielstadt", "II 23 – 19a 04/01",
	    "hessen-2020", "not accepted yet", "900", "not in the register",
	    "Blatt doppelt erfasst", "49,249.73 €", "100,000.00 €", "50,750.27 €",
	    "Factually correct", "Arithmetically correct", "page 1 of", "revision 2",
	    "not opened one by one", "1,234", "Claim no. 1 (cancelled)", "(granted: 2,400.00 €)",
	    "by the day it was accepted"};
	struct error err = {0};
	char *path = file_path("%s/claim.pdf", folder);
	json_t *claim = claim_make(3);

	assert_true(claim_pdf_write(claim, "c1a1" HASH, path, &err));
	char *text = pdf_words(path);
	for (size_t i = 0; i < sizeof english / sizeof *english; i++)
		assert_words(text, english[i]);
	assert_words(text, "claim.json SHA-256 c1a1" HASH);
	assert_null(strstr(text, "33/99999")); /* a file number of a person */
	free(text);
	char *drawn = file_path("%s.drawn", path);
	assert_false(file_exists(drawn));
	free(drawn);
	json_decref(claim);
	free(path);
}

static void test_claim_pdf_write_says_who_else_counted(void **state)
{
	static const char *const words[] = {"-000 †", "-001 *†‡", "-002, revision 2 ‡",
	    "before accepting: 1 of 3.", "which a lead settled: 1.",
	    "a lead settled it: case files 2, sheets 30.",
	    "operator, imprinter or hand: case files 1, sheets 1,040.", "† No case file",
	    "‡ Counts differed", "Above the ceiling by 250.27 €",
	    "Claim no. 3: case files 21,000, sheets 3,000,000, amount 45,749.23 €."};
	struct error err = {0};
	char *path = file_path("%s/counted.pdf", folder);
	json_t *claim = claim_make(3);

	for (int i = 0; i < 3; i++) {
		json_t *batch = json_array_get(json_object_get(claim, "batches"), (size_t)i);
		json_object_set_new(batch, "hand_counted", json_boolean(i == 2));
		json_object_set_new(batch, "hand_settled", json_boolean(i == 2));
		json_object_set_new(batch, "witnesses",
		    json_pack("{s{sisi}s{sisi}}", "settled", "files", i == 1 ? 2 : 0, "sheets",
			i == 1 ? 30 : 0, "none", "files", i == 0, "sheets", i == 0 ? 1040 : 0));
	}
	json_object_set_new(claim, "remaining", json_string("-250.27"));
	assert_true(claim_pdf_write(claim, HASH, path, &err));
	char *text = pdf_words(path);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_words(text, words[i]);
	assert_null(strstr(text, "Still available"));
	free(text);

	/* Nobody counted by hand: said once, not at each batch. */
	json_object_set_new(
	    json_array_get(json_object_get(claim, "batches"), 2), "hand_counted", json_false());
	assert_true(claim_pdf_write(claim, HASH, path, &err));
	text = pdf_words(path);
	assert_words(text, "before accepting: 0 of 3.");
	assert_null(strstr(text, "†"));
	free(text);
	json_decref(claim);
	free(path);
}

static void test_claim_pdf_write_is_archivable(void **state)
{
	char *path = file_path("%s/claim.pdf", folder);
	char *command = file_path("qpdf --check %s >/dev/null", path);

	assert_int_equal(system(command), 0);
	free(command);
	command = file_path(ALTAKT_SOURCE_DIR "/tests/tools/verapdf %s", path);
	int status = system(command);
	free(command);
	free(path);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		return;
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_claim_pdf_write_many_batches(void **state)
{
	struct error err = {0};
	struct timespec from, to;
	char *path = file_path("%s/many.pdf", folder);
	json_t *claim = claim_make(800);

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_true(claim_pdf_write(claim, HASH, path, &err));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	print_message("800 batches: %.0f ms of processor time\n",
	    (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6);
	char *text = pdf_words(path);
	const char *last = text;
	for (const char *p = text; (p = strstr(p + 1, "page "));)
		last = p;
	int page = 0, n = 0; /* what the last page says of itself is true */
	assert_int_equal(sscanf(last, "page %d of %d", &page, &n), 2);
	assert_int_equal(page, n);
	assert_true(n > 15);
	assert_words(text, "2026-10-16-st2-799");
	free(text);
	json_decref(claim);
	free(path);
}

static void test_claim_pdf_write_without_anything(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/empty.pdf", folder);
	json_t *claim = json_pack(
	    "{s:i,s:s,s:s}", "number", 1, "amount", "0.00", "made", "2026-11-23T11:30:00Z");

	assert_true(claim_pdf_write(claim, HASH, path, &err));
	char *text = pdf_words(path);
	assert_words(text, "claim no. 1");
	assert_words(text, "0.00 €");
	assert_words(text, "Nothing was left out");
	free(text);
	json_decref(claim);
	free(path);
}

static void test_claim_pdf_write_refuses_a_bad_amount(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/bad.pdf", folder);
	json_t *claim = claim_make(1);

	json_object_set_new(claim, "amount_files", json_string("much"));
	assert_false(claim_pdf_write(claim, HASH, path, &err));
	assert_int_not_equal(err.kind, 0);
	assert_non_null(strstr(err.where, "amount_files"));
	assert_non_null(strstr(err.what, "much"));
	assert_false(file_exists(path));
	free(path);

	memset(&err, 0, sizeof err);
	json_object_set_new(claim, "amount_files", json_string("1.00"));
	path = file_path("%s/absent/claim.pdf", folder);
	assert_false(claim_pdf_write(claim, HASH, path, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "absent/claim.pdf"));
	free(path);
	json_decref(claim);
}

/* The last one: the locale stays. Whether this machine generated de_DE.UTF-8 makes no difference.
 */
static void test_claim_pdf_write_in_german(void **state)
{
	static const char *const german[] = {"Verwendungsnachweis: zahlenmäßiger Nachweis",
	    "Abrechnung Nr. 3", "21.000", "3.000.000", "15.750,00 €", "-0,77 €", "45.749,23 €",
	    "0,75 €", "01.01.2026 bis 31.12.2026", "31.10.2026", "noch nicht abgenommen",
	    "nicht im Register", "(storniert)", "Sachlich richtig", "Rechnerisch richtig",
	    "Seite 1 von", "50.750,27 €"};
	struct error err = {0};
	char *path = file_path("%s/german.pdf", folder);
	json_t *claim = claim_make(2);

	setenv("LC_ALL", "de_DE.UTF-8", 1);
	unsetenv("LANGUAGE");
	text_open();
	assert_true(text_german());
	assert_true(claim_pdf_write(claim, HASH, path, &err));
	char *text = pdf_words(path);
	for (size_t i = 0; i < sizeof german / sizeof *german; i++)
		assert_words(text, german[i]);
	free(text);
	json_decref(claim);
	free(path);
}

static int folder_make(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	struct error err = {0};

	return file_remove(folder, &err) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_claim_pdf_write_says_every_figure),
	    cmocka_unit_test(test_claim_pdf_write_says_who_else_counted),
	    cmocka_unit_test(test_claim_pdf_write_is_archivable),
	    cmocka_unit_test(test_claim_pdf_write_many_batches),
	    cmocka_unit_test(test_claim_pdf_write_without_anything),
	    cmocka_unit_test(test_claim_pdf_write_refuses_a_bad_amount),
	    cmocka_unit_test(test_claim_pdf_write_in_german),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
