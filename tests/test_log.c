#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"
#include "config/log.h"
#include "config/text.h"

static char folder[] = "/tmp/altakt-log-XXXXXX";
static char *path;

static int set_up(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path = file_path("%s/altakt.log", folder);
	return 0;
}

static int tear_down(void **state)
{
	log_close();
	free(path);
	return file_remove(folder, NULL) ? 0 : -1;
}

static char *log_text(void)
{
	struct error err = {0};
	char *text = file_read(path, 1 << 24, NULL, &err);

	assert_non_null(text);
	return text;
}

static void test_log_put_writes_a_line(void **state)
{
	struct error err = {0};
	char level[16] = "", pid[16];
	int year = 0;

	assert_true(log_open(path, &err));
	errno = ENOENT;
	log_put(LOG_WARNING, "batch b1, sheet 12", "skew of %d degrees", 7);
	assert_int_equal(errno, ENOENT);
	log_put(LOG_NOTE, NULL, "done");
	char *text = log_text();
	snprintf(pid, sizeof pid, "Z %ld ", (long)getpid());
	assert_int_equal(sscanf(text, "%d-%*d-%*dT%*d:%*d:%*d.%*dZ %*d %15s", &year, level), 2);
	assert_in_range(year, 2020, 9999);
	assert_string_equal(level, "warning");
	assert_non_null(strstr(text, pid));
	assert_non_null(strstr(text, " warning batch b1, sheet 12: skew of 7 degrees\n"));
	assert_non_null(strstr(text, " note done\n"));
	free(text);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_log_put_is_one_line_whatever_is_said(void **state)
{
	static char wide[6000];
	char *place = malloc(3000);
	struct error err = {0};

	for (size_t i = 0; i + 3 < sizeof wide; i += 3)
		memcpy(wide + i, "\xE2\x82\xAC", 3);
	memset(place, '\x01', 2999);
	place[2999] = '\0';
	assert_true(log_open(path, &err));
	log_put(LOG_NOTE, "a\nb", "forged\n2026-01-01T00:00:00.000Z 1 error: no\x1b[2J \xC2\x9B");
	log_put(LOG_NOTE, wide, "%s", wide);
	log_put(LOG_NOTE, place, "and the text is still %s", "there");
	log_put(LOG_NOTE, NULL, "%s", "\xFF\xFE");
	char *text = log_text();
	int lines = 0;
	for (const char *p = text; *p; p++) {
		lines += *p == '\n';
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	}
	assert_int_equal(lines, 4);
	assert_true(text_utf8(text, strlen(text)));
	assert_non_null(strstr(text, "note a\\x0ab: forged\\x0a2026"));
	assert_non_null(strstr(text, ": and the text is still there\n"));
	assert_non_null(strstr(text, "\\xff\\xfe\n"));
	free(text);
	free(place);
}

static void test_log_put_from_several_processes(void **state)
{
	enum { CHILDREN = 4, ENTRIES = 500 };
	struct error err = {0};
	int lines = 0;

	assert_true(log_open(path, &err));
	for (int c = 0; c < CHILDREN; c++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < ENTRIES; i++)
			log_put(LOG_NOTE, "a process", "entry %d of child %d and its end", i, c);
		_exit(0);
	}
	for (int c = 0; c < CHILDREN; c++)
		wait(NULL);
	char *text = log_text(), *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
		assert_non_null(strstr(line, " note a process: entry "));
		assert_string_equal(line + strlen(line) - 12, " and its end");
	}
	assert_int_equal(lines, CHILDREN * ENTRIES);
	free(text);
}

static void test_log_open_fails(void **state)
{
	struct error err = {0};
	char *absent = file_path("%s/no/altakt.log", folder);

	assert_false(log_open(absent, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "cannot open the log"));
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(log_open(path, &err));
	free(absent);
}

/* A full disk must not stop, or fill, anything. */
static void test_log_put_on_a_full_disk(void **state)
{
	struct error err = {0};

	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_true(log_open("/dev/full", &err));
	log_put(LOG_ERROR, NULL, "nobody will read it");
}

static void test_log_take_stderr_catches_libraries(void **state)
{
	struct error err = {0};
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		bool ok = log_open(path, &err) && log_take_stderr(&err);
		fprintf(stderr, "what a library prints\n");
		_exit(ok ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	char *text = log_text();
	assert_non_null(strstr(text, "what a library prints\n"));
	free(text);
}

int main(void)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    LOG_TEST(test_log_put_writes_a_line),
	    LOG_TEST(test_log_put_is_one_line_whatever_is_said),
	    LOG_TEST(test_log_put_from_several_processes),
	    LOG_TEST(test_log_open_fails),
	    LOG_TEST(test_log_put_on_a_full_disk),
	    LOG_TEST(test_log_take_stderr_catches_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
