#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/backup.h"
#include "batch/verify.h"
#include "config/lock.h"
#include "tests/desk.h"

static void fill(struct desk *d, char to[64])
{
	desk_open(d, "[station]\nname = st1\n");
	d->bundles = true;
	desk_batch(d, "b1");
	desk_file(d, "b1", "33/1", 1, 2);
	desk_close_batch(d, "b1");
	strcpy(to, "/tmp/altakt-backup-XXXXXX");
	assert_non_null(mkdtemp(to));
}

static void assert_verifies(const char *path)
{
	struct verify_report report = {0};
	struct error err = {0};

	desk_check(verify_path(path, &report, &err), &err);
	if (json_array_size(report.findings) > 0)
		fail_msg("%s", json_dumps(report.findings, 0));
	verify_report_release(&report);
}

static void test_backup_make_and_restore(void **state)
{
	struct desk d;
	struct workspace restored = {0};
	struct error err = {0};
	struct backup_result done;
	struct batch_choice choice;
	char to[64], *path;
	int epoch;

	fill(&d, to);
	desk_check(backup_make(&d.workspace, to, "a.admin", &done, &err), &err);
	assert_true(done.files > 8);
	assert_verifies(to);
	/* Again: only what is new is copied, what went goes. */
	desk_batch(&d, "b2");
	desk_file(&d, "b2", "33/2", 1, 1);
	desk_close_batch(&d, "b2");
	desk_check(backup_make(&d.workspace, to, "a.admin", &done, &err), &err);
	assert_verifies(to);
	path = file_path("%s/files/33=2F2/bagit.txt", to);
	assert_true(file_exists(path));
	free(path);
	desk_check(backup_make(&d.workspace, to, "a.admin", &done, &err), &err);
	assert_int_equal(done.files, 0);

	path = file_path("%s.restored", d.folder);
	desk_check(backup_restore(to, path, "a.admin", &epoch, &err), &err);
	assert_int_equal(epoch, 2);
	assert_verifies(path);
	assert_false(backup_restore(to, path, "a.admin", &epoch, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	err = (struct error){0};
	desk_check(workspace_open(path, NULL, &restored, &err), &err);
	desk_check(batch_choose(&restored, NULL, "test", &choice, &err), &err);
	assert_true(choice.is_new);
	assert_non_null(strstr(choice.name, "-st1-r2-001"));
	lock_close(choice.lock);
	workspace_close(&restored);
	file_remove(path, NULL);
	file_remove(to, NULL);
	free(path);
	desk_close(&d);
}

static void test_backup_refuses(void **state)
{
	struct desk d;
	struct error err = {0};
	struct backup_result done;
	char to[64], *path;
	int epoch;

	fill(&d, to);
	path = file_path("%s/spool/backup", d.folder);
	assert_true(file_make_folder(path, NULL));
	assert_false(backup_make(&d.workspace, path, "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "in the workspace itself"));
	free(path);
	path = file_path("%s/letter.txt", to);
	assert_true(file_write(path, "x", 1, NULL));
	err = (struct error){0};
	assert_false(backup_make(&d.workspace, to, "a.admin", &done, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_true(file_exists(path));
	err = (struct error){0};
	assert_false(backup_restore(to, "/tmp/altakt-never", "a.admin", &epoch, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_true(file_remove(path, NULL));
	free(path);

	/* A damaged backup restores nothing. */
	err = (struct error){0};
	desk_check(backup_make(&d.workspace, to, "a.admin", &done, &err), &err);
	path = file_path("%s/batches/b1/manifest.json", to);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fputs(" ", f);
	fclose(f);
	assert_false(backup_restore(to, "/tmp/altakt-never", "a.admin", &epoch, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_false(file_exists("/tmp/altakt-never"));
	free(path);
	file_remove(to, NULL);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_backup_make_and_restore),
	    cmocka_unit_test(test_backup_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
