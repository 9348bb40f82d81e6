#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/acceptance.h"
#include "batch/release.h"
#include "batch/review.h"
#include "batch/verify.h"
#include "tests/desk.h"

static int findings(const char *path, int *notes)
{
	struct verify_report report = {0};
	struct error err = {0};

	desk_check(verify_path(path, &report, &err), &err);
	int n = (int)json_array_size(report.findings);
	*notes = (int)json_array_size(report.notes);
	verify_report_release(&report);
	return n;
}

static void test_release_file_leaves_a_tombstone(void **state)
{
	struct desk d;
	struct error err = {0};
	int bundles, notes;

	desk_open(&d, "[station]\nname = st1\n");
	d.bundles = true;
	desk_batch(&d, "b1");
	desk_file(&d, "b1", "33/1", 1, 2);
	desk_file(&d, "b1", "33/1", 2, 1);
	desk_file(&d, "b1", "33/2", 1, 1);
	desk_close_batch(&d, "b1");
	assert_false(release_file(&d.workspace, "33/1", 0, "l.lead", "Löschung", &bundles, &err));
	assert_int_equal(err.kind, ERROR_DECIDE);
	desk_check(review_seen(&d.workspace, "b1", "l.lead", NULL, true, &err), &err);
	desk_check(acceptance_accept(&d.workspace, "b1", "l.lead", NULL, &err), &err);
	err = (struct error){0};
	assert_false(release_file(&d.workspace, "33/9", 0, "l.lead", "Löschung", &bundles, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	desk_check(
	    release_file(&d.workspace, "33 / 1", 2, "l.lead", "Löschung", &bundles, &err), &err);
	assert_int_equal(bundles, 1);
	desk_check(
	    release_file(&d.workspace, "33/1", 0, "l.lead", "Löschung", &bundles, &err), &err);
	assert_int_equal(bundles, 2);
	char *gone = file_path("%s/files/33=2F1", d.folder),
	     *stays = file_path("%s/files/33=2F2", d.folder);
	assert_false(file_exists(gone));
	assert_true(file_exists(stays));
	assert_int_equal(findings(d.folder, &notes), 0);
	assert_int_equal(notes, 2);
	/* What is put back there is found. */
	assert_true(file_make_folder(gone, NULL));
	assert_int_equal(findings(d.folder, &notes), 1);
	free(gone);
	free(stays);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_release_file_leaves_a_tombstone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
