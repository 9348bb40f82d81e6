#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"

static char folder[] = "/tmp/altakt-file-XXXXXX";

static int set_up(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

static void assert_holds(const char *path, const char *text)
{
	struct error err = {0};
	size_t n = 0;
	char *data = file_read(path, 1 << 20, &n, &err);

	if (!data)
		fail_msg("%s", err.what);
	assert_int_equal(n, strlen(text));
	assert_string_equal(data, text);
	free(data);
}

static void test_file_write_and_replace(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/a.txt", folder), *part = file_path("%s.part", path);
	struct stat st;

	umask(0);
	assert_false(file_exists(path));
	assert_int_equal(file_size_bytes(path), -1);
	assert_true(file_write(path, "one", 3, &err));
	assert_holds(path, "one");
	/* What a crash left beside does not matter. */
	assert_true(file_write(part, "rubbish that is longer", 22, &err));
	assert_true(file_write(path, "two!", 4, &err));
	assert_holds(path, "two!");
	assert_false(file_exists(part));
	assert_int_equal(file_size_bytes(path), 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(file_write(path, "", 0, &err));
	assert_holds(path, "");
	assert_int_equal(err.kind, ERROR_NONE);
	free(path);
	free(part);
}

static void test_file_write_without_a_folder(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/absent/a.txt", folder);

	assert_false(file_write(path, "x", 1, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, path));
	assert_non_null(strstr(err.what, "No such file"));
	assert_true(err.todo[0]);
	free(path);
}

/* Never writes through a link that somebody laid where the half-written file goes. */
static void test_file_write_follows_no_link(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/a.txt", folder), *part = file_path("%s.part", path);
	char *other = file_path("%s/other", folder);

	assert_true(file_write(other, "mine", 4, &err));
	assert_int_equal(symlink(other, part), 0);
	assert_false(file_write(path, "x", 1, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_holds(other, "mine");
	free(path);
	free(part);
	free(other);
}

/* A disk with room for limit_bytes a file: runs work in a child, and gives what it returns. */
static bool with_limit(rlim_t limit_bytes, bool (*work)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = {limit_bytes, limit_bytes};
		signal(SIGXFSZ, SIG_IGN);
		_exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 && work() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool write_too_much(void)
{
	static char data[100000];
	struct error err = {0};
	char *path = file_path("%s/a.txt", folder), *part = file_path("%s.part", path);
	bool ok = !file_write(path, data, sizeof data, &err) && err.kind == ERROR_SYSTEM &&
	    strstr(err.what, "File too large") && strstr(err.todo, "free space") &&
	    !file_exists(part) && file_size_bytes(path) == 3;

	free(path);
	free(part);
	return ok;
}

static bool copy_too_much(void)
{
	struct error err = {0};
	char *from = file_path("%s/large", folder), *to = file_path("%s/a.txt", folder);
	char *part = file_path("%s.part", to);
	bool ok = !file_copy(from, to, &err) && err.kind == ERROR_SYSTEM && strstr(err.what, to) &&
	    !file_exists(part) && file_size_bytes(to) == 3;

	free(from);
	free(to);
	free(part);
	return ok;
}

static void test_file_write_on_a_full_disk_keeps_the_old_one(void **state)
{
	static char data[100000];
	struct error err = {0};
	char *path = file_path("%s/a.txt", folder), *large = file_path("%s/large", folder);

	assert_true(file_write(path, "old", 3, &err));
	assert_true(file_write(large, data, sizeof data, &err));
	assert_true(with_limit(50000, write_too_much));
	assert_true(with_limit(50000, copy_too_much));
	assert_holds(path, "old");
	free(path);
	free(large);
}

static void test_file_move_and_copy(void **state)
{
	struct error err = {0};
	char *a = file_path("%s/a", folder), *b = file_path("%s/b", folder);
	char *in_folder = file_path("%s/d/b", folder), *d = file_path("%s/d", folder);

	assert_true(file_write(a, "text", 4, &err));
	assert_true(file_copy(a, b, &err));
	assert_holds(a, "text");
	assert_holds(b, "text");
	assert_true(file_make_folder(d, &err));
	assert_true(file_move(b, in_folder, &err));
	assert_false(file_exists(b));
	assert_holds(in_folder, "text");
	assert_false(file_move(b, in_folder, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, in_folder));
	err = (struct error){0};
	assert_false(file_copy(b, a, &err));
	assert_non_null(strstr(err.what, "cannot read"));
	assert_holds(a, "text");
	free(a);
	free(b);
	free(in_folder);
	free(d);
}

static void test_file_make_folder_and_those_above(void **state)
{
	struct error err = {0};
	char *deep = file_path("%s/x/y//z/", folder), *top = file_path("%s/x", folder);
	char *blocked = file_path("%s/x/f/sub", folder), *f = file_path("%s/x/f", folder);
	struct stat st;

	umask(0);
	assert_true(file_make_folder(deep, &err));
	assert_true(file_make_folder(deep, &err));
	assert_int_equal(stat(top, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(file_write(f, "", 0, &err));
	assert_false(file_make_folder(blocked, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "cannot make the folder"));
	assert_false(file_make_folder(f, &err));
	assert_non_null(strstr(err.what, "Not a directory"));
	assert_false(file_make_folder("", &err));
	assert_true(file_make_folder("/", &err));
	free(deep);
	free(top);
	free(blocked);
	free(f);
}

static void test_file_remove_never_through_links(void **state)
{
	struct error err = {0};
	char *keep = file_path("%s/keep/file", folder), *keep_folder = file_path("%s/keep", folder);
	char *gone = file_path("%s/gone", folder), *deep = file_path("%s/gone/a/b/c", folder);
	char *link = file_path("%s/gone/a/link", folder),
	     *file = file_path("%s/gone/a/b/f", folder);

	assert_true(file_make_folder(keep_folder, &err));
	assert_true(file_write(keep, "kept", 4, &err));
	assert_true(file_make_folder(deep, &err));
	assert_true(file_write(file, "x", 1, &err));
	assert_int_equal(symlink(keep_folder, link), 0);
	assert_true(file_remove(gone, &err));
	assert_false(file_exists(gone));
	assert_holds(keep, "kept");
	assert_true(file_remove(gone, &err)); /* absent: no error */
	assert_int_equal(symlink(keep_folder, gone), 0);
	assert_true(file_remove(gone, &err));
	assert_holds(keep, "kept");
	assert_int_equal(err.kind, ERROR_NONE);
	free(keep);
	free(keep_folder);
	free(gone);
	free(deep);
	free(link);
	free(file);
}

static void test_file_read_limits_and_special_files(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/a", folder), *fifo = file_path("%s/fifo", folder);
	size_t n = 99;

	assert_true(file_write(path, "a\0b", 3, &err));
	char *data = file_read(path, 3, &n, &err);
	assert_non_null(data);
	assert_int_equal(n, 3);
	assert_memory_equal(data, "a\0b", 4);
	free(data);
	assert_null(file_read(path, 2, &n, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "3 bytes, at most 2"));
	assert_null(file_read(folder, 100, &n, &err));
	assert_non_null(strstr(err.what, "not a file"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(file_read(fifo, 100, &n, &err)); /* must not wait for a writer */
	assert_non_null(strstr(err.what, "not a file"));
	free(path);
	free(fifo);
}

static void test_file_disk_free_of_a_folder(void **state)
{
	struct error err = {0};
	uint64_t free_bytes = 0, total_bytes = 0;

	assert_true(file_disk_free(folder, &free_bytes, &total_bytes, &err));
	assert_true(total_bytes > 0 && free_bytes <= total_bytes);
	assert_true(file_disk_free(folder, &free_bytes, NULL, &err));
	assert_false(file_disk_free("/no/such/folder", &free_bytes, NULL, &err));
	assert_non_null(strstr(err.what, "/no/such/folder"));
}

struct seen {
	char text[1000];
	int stop_after;
};

static bool note_file(void *self, const char *relative, const char *path, struct error *err)
{
	struct seen *seen = self;

	assert_true(file_exists(path));
	assert_string_equal(path + strlen(path) - strlen(relative), relative);
	strcat(seen->text, relative);
	strcat(seen->text, " ");
	if (seen->stop_after && --seen->stop_after == 0)
		return error_set(err, ERROR_CHECK, NULL, "enough");
	return true;
}

static void test_file_walk_in_byte_order_of_the_whole_path(void **state)
{
	static const char *const made[] = {"a/x", "a-b", "a.txt", "a/b/c", "Z", "z/1", "ä/q", "a0"};
	struct seen seen = {0};
	struct error err = {0};
	char *with_slash = file_path("%s/", folder), *link = file_path("%s/link", folder);

	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		char *path = file_path("%s/%s", folder, made[i]), *slash = strrchr(path, '/');
		*slash = '\0';
		assert_true(file_make_folder(path, &err));
		*slash = '/';
		assert_true(file_write(path, "", 0, &err));
		free(path);
	}
	/* As `find -type f | LC_ALL=C sort` writes them: '-' and '.' stand before '/', '0' behind
	 * it. */
	assert_true(file_walk(folder, note_file, &seen, &err));
	assert_string_equal(seen.text, "Z a-b a.txt a/b/c a/x a0 z/1 ä/q ");
	seen = (struct seen){0};
	assert_true(file_walk(with_slash, note_file, &seen, &err));
	assert_string_equal(seen.text, "Z a-b a.txt a/b/c a/x a0 z/1 ä/q ");

	seen = (struct seen){.stop_after = 2};
	assert_false(file_walk(folder, note_file, &seen, &err));
	assert_int_equal(err.kind, ERROR_CHECK);
	assert_string_equal(seen.text, "Z a-b ");

	assert_int_equal(symlink("/etc/passwd", link), 0);
	seen = (struct seen){0};
	assert_false(file_walk(folder, note_file, &seen, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "link"));
	assert_false(file_walk("/no/such/folder", note_file, &seen, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	free(with_slash);
	free(link);
}

static void test_file_names_in_byte_order(void **state)
{
	static const char *const made[] = {"b", "B", "a.txt", ".hidden"};
	static const char *const expected[] = {".hidden", "B", "a.txt", "b"};
	struct file_names names = {0};
	struct error err = {0};

	for (size_t i = 0; i < 4; i++) {
		char *path = file_path("%s/%s", folder, made[i]);
		assert_true(i ? file_write(path, "", 0, &err) : file_make_folder(path, &err));
		free(path);
	}
	assert_true(file_names_read(folder, &names, &err));
	assert_int_equal(names.n, 4);
	for (size_t i = 0; i < names.n; i++)
		assert_string_equal(names.names[i], expected[i]);
	file_names_release(&names);

	char *absent = file_path("%s/absent", folder), *file = file_path("%s/a.txt", folder);
	assert_true(file_names_read(absent, &names, &err));
	assert_int_equal(names.n, 0);
	assert_false(file_names_read(file, &names, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, file));
	free(absent);
	free(file);
}

static void test_file_sync_of_files_and_folders(void **state)
{
	struct error err = {0};
	char *path = file_path("%s/a", folder);

	assert_true(file_write(path, "x", 1, &err));
	assert_true(file_sync(path, &err));
	assert_true(file_sync(folder, &err));
	assert_true(file_sync_parent(path, &err));
	assert_true(file_sync_parent("/tmp", &err));
	assert_true(file_sync_parent("name-without-a-folder", &err));
	assert_false(file_sync("/no/such/file", &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	free(path);
}

int main(void)
{
#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    FILE_TEST(test_file_write_and_replace),
	    FILE_TEST(test_file_write_without_a_folder),
	    FILE_TEST(test_file_write_follows_no_link),
	    FILE_TEST(test_file_write_on_a_full_disk_keeps_the_old_one),
	    FILE_TEST(test_file_move_and_copy),
	    FILE_TEST(test_file_make_folder_and_those_above),
	    FILE_TEST(test_file_remove_never_through_links),
	    FILE_TEST(test_file_read_limits_and_special_files),
	    FILE_TEST(test_file_disk_free_of_a_folder),
	    FILE_TEST(test_file_walk_in_byte_order_of_the_whole_path),
	    FILE_TEST(test_file_names_in_byte_order),
	    FILE_TEST(test_file_sync_of_files_and_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
