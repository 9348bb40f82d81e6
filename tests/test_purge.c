#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/acceptance.h"
#include "batch/purge.h"
#include "batch/review.h"
#include "tests/desk.h"

static void fill(struct desk *d, const char *ini)
{
	desk_open(d, ini);
	d->bundles = true;
	desk_batch(d, "b1");
	desk_file(d, "b1", "33/1", 1, 2);
	desk_close_batch(d, "b1");
	char *folder = file_path("%s/spool/b1", d->folder);
	assert_true(file_make_folder(folder, NULL));
	for (int i = 0; i < 4; i++) {
		char *path = file_path("%s/%d%c.tif", folder, 1 + i / 2, i % 2 ? 'b' : 'f');
		assert_true(file_write(path, "raw", 3, NULL));
		free(path);
	}
	free(folder);
}

static void accept_batch(struct desk *d)
{
	struct error err = {0};

	desk_check(review_seen(&d->workspace, "b1", "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d->workspace, "b1", "l.lead", NULL, &err), &err);
}

static bool raw_there(struct desk *d)
{
	char *path = file_path("%s/spool/b1/1f.tif", d->folder);
	bool there = file_exists(path);

	free(path);
	return there;
}

static void test_purge_batch_after_acceptance_only(void **state)
{
	struct desk d;
	struct error err = {0};
	struct purge_result done;
	json_t *list;

	fill(&d, "[retention]\nraw_days = 0\n");
	assert_false(purge_batch(&d.workspace, "b1", "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	list = purge_destruction_list(&d.workspace, &err);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	accept_batch(&d);
	desk_check(purge_batch(&d.workspace, "b1", "a.admin", &done, &err), &err);
	assert_int_equal(done.images, 4);
	assert_int_equal(done.bytes, 12);
	assert_false(raw_there(&d));
	desk_check(purge_batch(&d.workspace, "b1", "a.admin", &done, &err), &err);
	assert_true(done.already);
	list = purge_destruction_list(&d.workspace, &err);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "sheets")), 2);
	json_decref(list);
	desk_close(&d);
}

static void test_purge_batch_within_retention(void **state)
{
	struct desk d;
	struct error err = {0};
	struct purge_result done;

	fill(&d, "[retention]\nraw_days = 30\n");
	accept_batch(&d);
	assert_false(purge_batch(&d.workspace, "b1", "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	assert_non_null(strstr(err.what, "kept until"));
	assert_true(raw_there(&d));
	desk_close(&d);
}

static void test_purge_batch_damaged_deletes_nothing(void **state)
{
	struct desk d;
	struct error err = {0};
	struct purge_result done;

	fill(&d, "[retention]\nraw_days = 0\n");
	accept_batch(&d);
	char *path = file_path("%s/files/33=2F1/data/33=2F1.pdf", d.folder);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fputs("x", f);
	fclose(f);
	assert_false(purge_batch(&d.workspace, "b1", "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_true(raw_there(&d));
	free(path);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_purge_batch_after_acceptance_only),
	    cmocka_unit_test(test_purge_batch_within_retention),
	    cmocka_unit_test(test_purge_batch_damaged_deletes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
