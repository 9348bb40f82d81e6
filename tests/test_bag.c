#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/bag.h"
#include "batch/bag_tag.h"
#include "config/file.h"

#define SUITE ALTAKT_SOURCE_DIR "/../shared/standards/bagit-conformance"

static char folder[] = "/tmp/altakt-bag-XXXXXX";

static void put(const char *name, const char *text)
{
	char *path = file_path("%s/bag/%s", folder, name);
	struct error err = {0};

	if (!file_write(path, text, strlen(text), &err))
		fail_msg("%s", err.what);
	free(path);
}

static const struct bag_label labels[] = {
    {(char *)"External-Identifier", (char *)"33/12345-04"},
    {(char *)"Bagging-Date", (char *)"2026-11-23"},
    {(char *)"Sheets", (char *)"20"},
};

/* A fresh bag in folder/bag. */
static void make(char sha512[HASH_SIZE])
{
	struct error err = {0};
	char *path = file_path("%s/bag", folder), *data = file_path("%s/bag/data/alto", folder);

	assert_true(file_remove(path, &err));
	assert_true(file_make_folder(data, &err));
	put("data/a.pdf", "one");
	put("data/alto/0001.xml", "two");
	put("data/100% ä\n.txt", "three");
	put("data/alto.txt", ""); /* sorts before alto/ by bytes, after it by folders */
	if (!bag_write(path, labels, 3, sha512, &err))
		fail_msg("%s", err.what);
	free(path);
	free(data);
}

static bool verify(struct bag_report *report, struct error *err)
{
	char *path = file_path("%s/bag", folder);
	bool ok = bag_verify(path, report, err);

	free(path);
	return ok;
}

static void assert_refused(const char *part)
{
	struct bag_report report = {0};
	struct error err = {0};

	if (verify(&report, &err))
		fail_msg("accepted, though %s", part);
	assert_int_equal(err.kind, ERROR_CHECK);
	if (!strstr(err.what, part))
		fail_msg("'%s' does not say '%s'", err.what, part);
	bag_report_release(&report);
}

static void test_bag_write_reads_back(void **state)
{
	char sha512[HASH_SIZE];
	struct bag_report report = {0};
	struct error err = {0};

	make(sha512);
	if (!verify(&report, &err))
		fail_msg("%s", err.what);
	assert_string_equal(report.version, "1.0");
	assert_int_equal(report.payload_files, 4);
	assert_int_equal(report.payload_bytes, 11);
	assert_string_equal(report.tagmanifest_sha512, sha512);
	assert_int_equal(report.n_warnings, 0);
	assert_string_equal(bag_report_find(&report, "sheets"), "20");
	assert_string_equal(bag_report_find(&report, "Payload-Oxum"), "11.4");
	assert_null(bag_report_find(&report, "Pages"));
	bag_report_release(&report);
}

static void test_bag_write_is_sorted_and_encoded(void **state)
{
	char sha512[HASH_SIZE], *path = file_path("%s/bag/manifest-sha512.txt", folder), *text;
	static const char *const order[] = {"  data/100%25 ä%0A.txt\n", "  data/a.pdf\n",
	    "  data/alto.txt\n", "  data/alto/0001.xml\n"};

	make(sha512);
	text = file_read(path, 1 << 20, NULL, NULL);
	for (const char *p = text, **o = (const char **)(uintptr_t)order;
	     p && o < (const char **)(uintptr_t)order + 4; o++)
		assert_non_null(p = strstr(p, *o));
	free(text);
	free(path);
}

static void test_bag_verify_each_changed_byte(void **state)
{
	static const char *const names[] = {"bagit.txt", "bag-info.txt", "manifest-sha512.txt",
	    "tagmanifest-sha512.txt", "data/a.pdf", "data/alto/0001.xml"};
	char sha512[HASH_SIZE];

	make(sha512);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = file_path("%s/bag/%s", folder, names[i]);
		size_t n = 0;
		char *text = file_read(path, 1 << 20, &n, NULL);
		for (size_t k = 0; k < n; k += 1 + n / 97) {
			struct bag_report report = {0};
			struct error err = {0};
			text[k] ^= 0x11;
			assert_true(file_write(path, text, n, NULL));
			text[k] ^= 0x11;
			/* The tag manifest itself is known by its hash alone. */
			if (verify(&report, &err) && strcmp(report.tagmanifest_sha512, sha512) == 0)
				fail_msg(
				    "byte %zu of '%s' changed, and nobody noticed", k, names[i]);
			bag_report_release(&report);
		}
		assert_true(file_write(path, text, n, NULL));
		free(text);
		free(path);
	}
}

static void test_bag_verify_damage_names_the_file(void **state)
{
	char sha512[HASH_SIZE], *path;

	make(sha512);
	put("data/a.pdf", "eno");
	assert_refused("data/a.pdf");
	make(sha512);
	put("data/extra", "x");
	assert_refused("'data/extra' is in the bag, but in no manifest");
	make(sha512);
	path = file_path("%s/bag/data/alto/0001.xml", folder);
	unlink(path);
	assert_refused("'data/alto/0001.xml' is missing");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_refused("0001.xml");
	free(path);
	make(sha512);
	put("manifest-sha3.txt", "");
	assert_refused("a hash that is not known");
	make(sha512);
	put("bag-info.txt", "Sheets 20\n");
	assert_refused("bag-info.txt");
	make(sha512);
	put("bagit.txt", "BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n");
	assert_refused("'2.0'");
	put("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: KLINGON\n");
	assert_refused("'KLINGON'");
}

static void test_bag_verify_names_that_leave_the_bag(void **state)
{
	static const char *const names[] = {"../x", "data/../../x", "/etc/passwd", "~/x", "C:\\x",
	    "data\\..\\..\\x", "data//x", "data/./x", "bag-info.txt", "data/"};
	char sha512[HASH_SIZE];

	make(sha512);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *line = file_path(
		    "2d8d5f26d853d9b2b46f9d9e715366fe02bac71bec75175445aaf42a143649a1930d9c277ac127"
		    "dec54653ecf148205db7f4dd9513f55b28e440c59d8b249d47  %s\n",
		    names[i]);
		put("manifest-sha512.txt", line);
		assert_refused("manifest-sha512.txt");
		free(line);
		line = file_path("https://altakt.example/x 3 %s\n", names[i]);
		make(sha512);
		put("fetch.txt", line);
		assert_refused("fetch.txt");
		free(line);
	}
}

static void test_bag_verify_fetch(void **state)
{
	char sha512[HASH_SIZE];
	struct bag_report report = {0};
	struct error err = {0};

	make(sha512);
	put("fetch.txt",
	    "https://altakt.example/a 3 data/a.pdf\nhttps://altakt.example/b - data/alto/0001.xml\n");
	assert_true(verify(&report, &err));
	bag_report_release(&report);
	put("fetch.txt", "https://altakt.example/a 4 data/a.pdf\n");
	assert_refused("another length");
	put("fetch.txt", "https://altakt.example/a 4 data/b.pdf\n");
	assert_refused("'data/b.pdf' is missing");
	put("fetch.txt", "https://altakt.example/a\n");
	assert_refused("'fetch.txt', line 1");
}

static void test_bag_verify_nothing_there(void **state)
{
	struct bag_report report = {0};
	struct error err = {0};

	assert_false(bag_verify("/nonexistent/bag", &report, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "/nonexistent/bag"));
	bag_report_release(&report);
}

/* True where the suite is there; otherwise says so. */
static bool suite_there(void)
{
	if (file_exists(SUITE))
		return true;
	print_message("skipped: no BagIt conformance suite at %s\n", SUITE);
	return false;
}

static int run_suite(const char *version, const char *kind, bool valid)
{
	char *path = file_path(SUITE "/%s/%s", version, kind);
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char *bag = file_path("%s/%s", path, e->d_name);
		struct bag_report report = {0};
		struct error err = {0};
		struct stat st;
		char *hidden = file_path("%s/data/.DS_Store", bag);
		/* Copies of the suite tend to lose that one, and then it is no valid bag. */
		bool torn = strcmp(e->d_name, "special-system-files") == 0 && !file_exists(hidden);
		free(hidden);
		if (e->d_name[0] != '.' && !torn && stat(bag, &st) == 0 && S_ISDIR(st.st_mode)) {
			bool ok = bag_verify(bag, &report, &err);
			if (ok != valid)
				fail_msg("%s should%s be valid: %s", bag, valid ? "" : " not",
				    ok ? "accepted" : err.what);
			if (!ok)
				assert_int_equal(err.kind, ERROR_CHECK);
			if (strcmp(kind, "warning") == 0 && report.n_warnings == 0)
				fail_msg("%s should be warned of", bag);
			n++;
		}
		bag_report_release(&report);
		free(bag);
	}
	closedir(dir);
	free(path);
	return n;
}

static void test_bag_verify_conformance_suite(void **state)
{
	if (!suite_there())
		skip();
	assert_true(run_suite("v0.97", "valid", true) >= 10);
	assert_true(run_suite("v1.0", "valid", true) >= 1);
	assert_true(run_suite("v0.97", "warning", true) >= 5);
	assert_true(run_suite("v0.97", "invalid", false) >= 8);
	assert_true(run_suite("v0.97", "linux-only", false) >= 6);
	assert_true(run_suite("v0.97", "windows-only", false) >= 5);
	assert_true(run_suite("v1.0", "invalid", false) >= 4);
}

static void test_bag_write_bagit_py_agrees(void **state)
{
	char sha512[HASH_SIZE], *command, *path;

	/* A name with a percent sign is where it and the RFC part ways; a bundle never has one. */
	make(sha512);
	path = file_path("%s/bag/data/100%% ä\n.txt", folder);
	assert_int_equal(unlink(path), 0);
	free(path);
	path = file_path("%s/bag", folder);
	assert_true(bag_write(path, labels, 3, sha512, NULL));
	command = file_path(ALTAKT_SOURCE_DIR "/tests/tools/bagit %s", path);
	int status = system(command);
	free(command);
	free(path);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int begin(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bag_write_reads_back),
	    cmocka_unit_test(test_bag_write_is_sorted_and_encoded),
	    cmocka_unit_test(test_bag_verify_each_changed_byte),
	    cmocka_unit_test(test_bag_verify_damage_names_the_file),
	    cmocka_unit_test(test_bag_verify_names_that_leave_the_bag),
	    cmocka_unit_test(test_bag_verify_fetch),
	    cmocka_unit_test(test_bag_verify_nothing_there),
	    cmocka_unit_test(test_bag_verify_conformance_suite),
	    cmocka_unit_test(test_bag_write_bagit_py_agrees),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
