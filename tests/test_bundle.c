#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/bag.h"
#include "batch/bundle.h"
#include "batch/page_file.h"
#include "batch/pdf.h"
#include "config/file.h"
#include "ocr/recogniser.h"
#include "tests/encoded_pages.h"

static char folder[] = "/tmp/altakt-bundle-XXXXXX";

static const struct drawn_word words[] = {{"Äußerst", 100, 100, 200, 60, false},
    {"geheim", 320, 100, 180, 60, false}, {"Ende", 100, 200, 120, 50, false}};

static char *path_of(const char *name)
{
	return file_path("%s/%s", folder, name);
}

static void put_file(const char *name, const void *data, size_t n)
{
	char *path = path_of(name);

	assert_true(file_write(path, data, n, NULL));
	free(path);
}

/* spool/b/<n>f.page and .xml */
static void put_page(int n, enum page_kind kind, bool text)
{
	struct encoded_page page = page_drawn(kind, 827, 1170, 100, words, 3);
	struct alto_page alto = alto_drawn(827, 1170, words, 3, 90);
	char name[64], *path, hash[HASH_SIZE], *xml;
	uint64_t n_bytes;
	size_t n_xml = 0;

	snprintf(name, sizeof name, "spool/b/%df.page", n);
	path = path_of(name);
	assert_true(page_file_write(&page, path, hash, &n_bytes, NULL));
	snprintf(name, sizeof name, "spool/b/%df.xml", n);
	/* 0.91, 0.92, 0.94: a mean of 92.333… */
	for (int i = 0, k = 0; i < alto.n_lines; i++)
		for (int j = 0; j < alto.lines[i].n_words; j++, k++) {
			alto.lines[i].block = 0;
			alto.lines[i].w_px = 500;
			alto.lines[i].words[j].confidence = k == 0 ? 0.91 : k == 1 ? 0.92 : 0.94;
		}
	xml = text ? alto_page_write(&alto, "P1", "none 1.0", &n_xml, NULL)
		   : recognition_empty_alto(827, 1170, 100, "P1");
	assert_non_null(xml);
	put_file(name, xml, strlen(xml));
	free(xml);
	free(path);
	encoded_page_release(&page);
	alto_page_release(&alto);
}

/* n sheets, duplex, all backs removed as blank but that of sheet 1. */
static json_t *spec_json(int n, const char *number)
{
	json_t *pages = json_array(), *sheets = json_array();
	char escaped[FILE_ESCAPED_SIZE], *bundle;

	file_number_escape(number, escaped);
	bundle = file_path("files/%s", escaped);
	for (int i = 1; i <= n; i++) {
		char sheet[32], front[32], back[32], page[32], alto[32];
		snprintf(sheet, sizeof sheet, "b/%d", i);
		snprintf(front, sizeof front, "b/%df", i);
		snprintf(back, sizeof back, "b/%db", i);
		snprintf(page, sizeof page, "spool/b/%df.page", i);
		snprintf(alto, sizeof alto, "spool/b/%df.xml", i);
		json_array_append_new(pages,
		    json_pack("{s:s, s:s, s:s, s:s}", "page", page, "alto", alto, "sheet", sheet,
			"side", "f"));
		json_array_append_new(sheets,
		    json_pack("{s:s, s:[{s:s, s:s, s:i}, {s:s, s:s, s:b, s:f}]}", "sheet", sheet,
			"images", "image", front, "sha256",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "page",
			i, "image", back, "sha256",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "blank",
			1, "blank_score", 0.1));
	}
	/* A sheet that was fed again counts nowhere. */
	json_array_append_new(
	    sheets, json_pack("{s:s, s:b, s:[]}", "sheet", "b/99", "counted", 0, "images"));
	json_t *spec = json_pack(
	    "{s:s, s:s, s:s, s:b, s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i, "
	    "s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:o, s:{s:s, s:i, s:s, s:o}}",
	    "format", "altakt-bundle-spec/1", "workspace", folder, "bundle", bundle, "replaces", 0,
	    "file_number", number, "volume", 1, "batch", "b", "created", "2026-11-23T11:30:00Z",
	    "sheets", n, "pages", n, "images", 2 * n, "blank_pages", n, "blank_sheets", 0, "note",
	    "creator", "m.muster", "organisation", "Amt für Beispiele", "captured_from",
	    "2026-11-23T08:00:00.123Z", "captured_to", "2026-11-23T09:00:00.123Z", "quality",
	    "vollständig", "statement", "stimmt überein", "page_list", pages, "provenance",
	    "file_number", number, "volume", 1, "batch", "b", "sheets", sheets);
	free(bundle);
	assert_non_null(spec);
	return spec;
}

static bool make(json_t *spec, struct bundle_result *result, struct error *err)
{
	char *path = path_of("spec.json");
	bool ok;

	assert_int_equal(json_dump_file(spec, path, 0), 0);
	ok = bundle_make(path, result, err);
	free(path);
	return ok;
}

static void make_or_fail(json_t *spec, struct bundle_result *result)
{
	struct error err = {0};

	if (!make(spec, result, &err))
		fail_msg("%s: %s", err.where, err.what);
}

static char *bag_of(const json_t *spec)
{
	return path_of(json_string_value(json_object_get(spec, "bundle")));
}

static void test_bundle_make_reads_back(void **state)
{
	json_t *spec = spec_json(4, "33/12345-04");
	char *bag = bag_of(spec), *part = path_of("files/.33=2F12345-04.part");
	struct bundle_result r = {0};
	struct bundle_facts f = {0};
	struct error err = {0};

	make_or_fail(spec, &r);
	assert_int_equal(r.pages, 4);
	assert_int_equal(r.words, 9); /* one page is without */
	assert_int_equal(r.mean_confidence_tenths, 923);
	if (!bundle_inspect(bag, &f, &err))
		fail_msg("%s", err.what);
	assert_memory_equal(&f.result, &r, sizeof r);
	assert_string_equal(f.file_number, "33/12345-04");
	assert_string_equal(f.batch, "b");
	assert_int_equal(f.volume, 1);
	assert_int_equal(f.sheets, 4);
	assert_int_equal(f.images, 8);
	assert_int_equal(f.pdf_pages, 4);
	assert_int_equal(f.alto_files, 4);
	assert_int_equal(f.provenance_sheets, 4);
	assert_int_equal(f.blank_pages, 4);
	assert_int_equal(f.blank_sheets, 0);
	assert_false(file_exists(part));
	free(part);
	free(bag);
	json_decref(spec);
}

static void test_bundle_make_is_a_pure_function(void **state)
{
	json_t *spec = spec_json(4, "33/12345-04");
	struct bundle_result a = {0}, b = {0};

	json_object_set_new(spec, "replaces", json_true());
	make_or_fail(spec, &a);
	sleep(1);
	make_or_fail(spec, &b);
	assert_string_equal(a.sha512, b.sha512);
	assert_int_equal(a.bytes, b.bytes);
	json_decref(spec);
}

static void test_bundle_make_replaces_only_when_told(void **state)
{
	json_t *spec = spec_json(4, "33/12345-04");
	char *bag = bag_of(spec), *part = path_of("files/.33=2F12345-04.part");
	struct bundle_result r = {0}, was = {0};
	struct bundle_facts f = {0};
	struct error err = {0};

	json_object_set_new(spec, "replaces", json_true());
	make_or_fail(spec, &was);
	json_object_set_new(spec, "replaces", json_false());
	assert_false(make(spec, &r, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "File exists"));
	json_decref(spec);

	spec = spec_json(2, "33/12345-04");
	json_object_set_new(spec, "replaces", json_true());
	make_or_fail(spec, &r);
	assert_true(bundle_inspect(bag, &f, NULL));
	assert_int_equal(f.pages, 2);
	assert_string_not_equal(r.sha512, was.sha512);
	assert_false(file_exists(part));
	free(part);
	free(bag);
	json_decref(spec);
}

static void test_bundle_make_failure_keeps_the_old_one(void **state)
{
	json_t *spec = spec_json(2, "33/12345-04");
	char *bag = bag_of(spec), *part = path_of("files/.33=2F12345-04.part"),
	     *page = path_of("spool/b/2f.page");
	struct bundle_result r = {0};
	struct bundle_facts before = {0}, after = {0};
	struct error err = {0};

	assert_true(bundle_inspect(bag, &before, NULL));
	assert_true(file_write(page, "rubbish\n", 8, NULL));
	json_object_set_new(spec, "replaces", json_true());
	assert_false(make(spec, &r, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "2f.page"));
	assert_true(bundle_inspect(bag, &after, NULL));
	assert_string_equal(before.result.sha512, after.result.sha512);
	assert_false(file_exists(part));
	put_page(2, PAGE_GREY, true);
	free(page);
	free(part);
	free(bag);
	json_decref(spec);
}

static void test_bundle_make_removes_a_stale_part(void **state)
{
	json_t *spec = spec_json(1, "stale");
	struct bundle_result r = {0};
	char *old = path_of("files/.stale.part/data");

	assert_true(file_make_folder(old, NULL));
	put_file("files/.stale.part/data/left.txt", "x", 1);
	make_or_fail(spec, &r);
	assert_false(file_exists(old));
	free(old);
	json_decref(spec);
}

static void test_bundle_make_hostile_numbers(void **state)
{
	static const char *const numbers[] = {
	    "../../etc/passwd", ".", "a b%c\\d\"e", "ЖΩ中/1", "~1", "-"};
	struct bundle_result r = {0};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		json_t *spec = spec_json(1, numbers[i]);
		char *bag = bag_of(spec);
		struct bundle_facts f = {0};
		struct error err = {0};
		make_or_fail(spec, &r);
		if (!bundle_inspect(bag, &f, &err))
			fail_msg("%s", err.what);
		assert_string_equal(f.file_number, numbers[i]);
		free(bag);
		json_decref(spec);
	}
}

static void assert_spec_refused(json_t *spec, const char *part)
{
	struct bundle_result r = {0};
	struct error err = {0};

	assert_false(make(spec, &r, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	if (!strstr(err.what, part))
		fail_msg("'%s' does not say '%s'", err.what, part);
	json_decref(spec);
}

static void test_bundle_make_bad_spec(void **state)
{
	json_t *spec = spec_json(2, "bad");

	json_object_set_new(spec, "sheets", json_integer(3));
	assert_spec_refused(spec, "counts");
	spec = spec_json(2, "bad");
	json_object_set_new(spec, "pages", json_integer(3));
	assert_spec_refused(spec, "page_list");
	spec = spec_json(2, "bad");
	json_object_set_new(spec, "bundle", json_string("files/../../x"));
	assert_spec_refused(spec, "'files/'");
	spec = spec_json(2, "bad");
	json_object_set_new(spec, "created", json_string("gestern"));
	assert_spec_refused(spec, "time");
	spec = spec_json(2, "bad");
	json_object_set_new(spec, "format", json_string("altakt-bundle-spec/2"));
	assert_spec_refused(spec, "format");
	spec = spec_json(2, "bad");
	json_object_set_new(spec, "file_number", json_string("a\tb"));
	assert_spec_refused(spec, "a");
	spec = spec_json(2, "bad");
	json_object_set_new(json_array_get(json_object_get(spec, "page_list"), 1), "page",
	    json_string("spool/../../x.page"));
	assert_spec_refused(spec, "page 2");
	spec = spec_json(2, "bad");
	json_object_del(spec, "workspace");
	assert_spec_refused(spec, "workspace");
}

static void test_bundle_inspect_each_file_damaged(void **state)
{
	static const char *const names[] = {"bagit.txt", "bag-info.txt", "manifest-sha512.txt",
	    "tagmanifest-sha512.txt", "data/bad=2F1.pdf", "data/alto/0001.xml",
	    "data/provenance.json"};
	json_t *spec = spec_json(1, "bad/1");
	char *bag = bag_of(spec);
	struct bundle_result r = {0};

	make_or_fail(spec, &r);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = file_path("%s/%s", bag, names[i]);
		size_t n = 0;
		char *data = file_read(path, 1 << 24, &n, NULL);
		const char *last = strrchr(names[i], '/');
		assert_non_null(data);
		for (int k = 0; k < 9; k++) {
			size_t at = n * (size_t)k / 9;
			struct bundle_facts f = {0};
			struct error err = {0};
			data[at] ^= 1;
			assert_true(file_write(path, data, n, NULL));
			data[at] ^= 1;
			if (bundle_inspect(bag, &f, &err)) {
				/* nothing but the hash itself tells of a tag manifest */
				if (strcmp(f.result.sha512, r.sha512) == 0)
					fail_msg("'%s', byte %zu: nobody noticed", names[i], at);
				continue;
			}
			assert_int_equal(err.kind, ERROR_CHECK);
			if (!strstr(err.what, last ? last + 1 : names[i]) &&
			    !strstr(err.what, "manifest"))
				fail_msg("'%s' does not name '%s'", err.what, names[i]);
		}
		assert_true(file_write(path, data, n, NULL));
		free(data);
		free(path);
	}
	free(bag);
	json_decref(spec);
}

/* A bag that is valid as a bag, but lies: somebody made all hashes anew. */
static void rebag(const char *bag, const char *sheets)
{
	char sha512[HASH_SIZE];
	const struct bag_label labels[] = {{(char *)"External-Identifier", (char *)"lie"},
	    {(char *)"Bag-Group-Identifier", (char *)"b"}, {(char *)"Volume", (char *)"1"},
	    {(char *)"Sheets", (char *)(uintptr_t)sheets}, {(char *)"Pages", (char *)"2"},
	    {(char *)"Images", (char *)"4"}};

	assert_true(bag_write(bag, labels, 6, sha512, NULL));
}

static void test_bundle_inspect_bag_at_odds_with_itself(void **state)
{
	json_t *spec = spec_json(2, "lie");
	char *bag = bag_of(spec), *path;
	struct bundle_result r = {0};
	struct bundle_facts f = {0};
	struct error err = {0};

	make_or_fail(spec, &r);
	rebag(bag, "2");
	assert_true(bundle_inspect(bag, &f, &err));
	rebag(bag, "3");
	assert_false(bundle_inspect(bag, &f, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_non_null(strstr(err.what, "provenance.json"));
	rebag(bag, "zwei");
	assert_false(bundle_inspect(bag, &f, &err));
	assert_non_null(strstr(err.what, "'Sheets'"));
	path = file_path("%s/data/alto/0002.xml", bag);
	unlink(path);
	free(path);
	rebag(bag, "2");
	assert_false(bundle_inspect(bag, &f, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_non_null(strstr(err.what, "wants 4"));
	free(bag);
	json_decref(spec);
}

static void test_bundle_inspect_nothing_there(void **state)
{
	struct bundle_facts f = {0};
	struct error err = {0};

	assert_false(bundle_inspect("/nonexistent/bag", &f, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
}

static void judge(const char *tool, const char *what)
{
	char *command =
	    file_path(ALTAKT_SOURCE_DIR "/tests/tools/%s %s/files/%s", tool, folder, what);
	int status = system(command);

	free(command);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_bundle_make_bagit_py_agrees(void **state)
{
	judge("bagit", "33=2F12345-04");
}

static void test_bundle_make_verapdf_agrees(void **state)
{
	judge("verapdf", "33=2F12345-04/data/*.pdf");
}

static int begin(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	char *spool = path_of("spool/b"), *files = path_of("files");
	bool ok = file_make_folder(spool, NULL) && file_make_folder(files, NULL);
	free(spool);
	free(files);
	for (int i = 1; i <= 4; i++)
		put_page(i, (enum page_kind)(i % 4), i != 3);
	return ok ? 0 : -1;
}

static int end(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bundle_make_reads_back),
	    cmocka_unit_test(test_bundle_make_bagit_py_agrees),
	    cmocka_unit_test(test_bundle_make_verapdf_agrees),
	    cmocka_unit_test(test_bundle_make_is_a_pure_function),
	    cmocka_unit_test(test_bundle_make_replaces_only_when_told),
	    cmocka_unit_test(test_bundle_make_failure_keeps_the_old_one),
	    cmocka_unit_test(test_bundle_make_removes_a_stale_part),
	    cmocka_unit_test(test_bundle_make_hostile_numbers),
	    cmocka_unit_test(test_bundle_make_bad_spec),
	    cmocka_unit_test(test_bundle_inspect_each_file_damaged),
	    cmocka_unit_test(test_bundle_inspect_bag_at_odds_with_itself),
	    cmocka_unit_test(test_bundle_inspect_nothing_there),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
