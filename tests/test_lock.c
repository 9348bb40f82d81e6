#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"
#include "config/lock.h"

static char folder[] = "/tmp/altakt-lock-XXXXXX";
static char *path;

static int set_up(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path = file_path("%s/feeder.lock", folder);
	return 0;
}

static int tear_down(void **state)
{
	free(path);
	return file_remove(folder, NULL) ? 0 : -1;
}

/* A child that holds the lock until it is told, or killed: reads from *quit, closes *ready when it
 * holds. */
static pid_t child_holds(const char *command, int *quit)
{
	int ready[2], stop[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct lock *lock = NULL;
		close(ready[0]);
		close(stop[1]);
		if (!lock_open(path, command, &lock, NULL))
			_exit(1);
		if (write(ready[1], "h", 1) != 1)
			_exit(2);
		while (read(stop[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(0); /* without lock_close(): the kernel has to release it */
	}
	close(ready[1]);
	close(stop[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*quit = stop[1];
	return pid;
}

static void test_lock_open_is_refused_while_another_holds(void **state)
{
	struct lock *lock = NULL;
	struct error err = {0};
	char who[256], pid_text[64];
	int quit;
	pid_t pid = child_holds("altakt scan --batch b1", &quit);

	snprintf(pid_text, sizeof pid_text, "pid %ld altakt scan --batch b1", (long)pid);
	assert_false(lock_open(path, "altakt scan", &lock, &err));
	assert_null(lock);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_non_null(strstr(err.what, pid_text));
	assert_true(err.todo[0]);
	assert_true(lock_held(path, who));
	assert_non_null(strstr(pid_text, who));
	assert_true(lock_held(path, NULL));

	close(quit);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(lock_held(path, who));
	assert_true(lock_open(path, "altakt scan", &lock, &err));
	lock_close(lock);
}

static void test_lock_open_after_the_holder_was_killed(void **state)
{
	struct lock *lock = NULL;
	struct error err = {0};
	int quit;
	pid_t pid = child_holds("altakt process", &quit);

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(quit);
	assert_false(lock_held(path, NULL));
	assert_true(lock_open(path, "altakt process", &lock, &err));
	lock_close(lock);
}

static void test_lock_open_twice_in_one_process(void **state)
{
	struct lock *lock = NULL, *second = NULL;
	struct error err = {0};

	assert_true(lock_open(path, "first", &lock, &err));
	assert_false(lock_open(path, "second", &second, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_true(lock_held(path, NULL));
	lock_close(lock);
	assert_false(lock_held(path, NULL));
	lock_close(NULL);
}

/* `altakt status` asks all the time: it must never make a holder-to-be fail. */
static void test_lock_held_never_gets_in_the_way(void **state)
{
	struct lock *lock = NULL;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			lock_held(path, NULL);
	for (int i = 0; i < 20000; i++) {
		struct error err = {0};
		if (!lock_open(path, "altakt process", &lock, &err)) {
			kill(pid, SIGKILL);
			fail_msg("round %d: %s", i, err.what);
		}
		lock_close(lock);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A program that was started anew while the lock was held does not keep it alive. */
static void test_lock_close_frees_though_children_live(void **state)
{
	struct lock *lock = NULL;
	int gate[2];

	assert_int_equal(pipe(gate), 0);
	assert_true(lock_open(path, "first", &lock, NULL));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(gate[0], 0);
		close(gate[1]);
		execlp("cat", "cat", (char *)NULL);
		_exit(1);
	}
	close(gate[0]);
	lock_close(lock);
	/* Between fork and exec the child shares it for a moment. */
	for (int i = 0; i < 500 && lock_held(path, NULL); i++)
		usleep(10000);
	assert_false(lock_held(path, NULL));
	close(gate[1]);
	waitpid(pid, NULL, 0);
}

static void test_lock_open_where_nothing_can_be_written(void **state)
{
	struct lock *lock = NULL;
	struct error err = {0};
	char *absent = file_path("%s/no/such/folder.lock", folder);

	assert_false(lock_open(absent, "x", &lock, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, absent));
	assert_non_null(strstr(err.todo, "writable"));
	assert_false(lock_held(absent, NULL));
	free(absent);
	/* A symbolic link is not followed: it could lead to another's file. */
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(lock_open(path, "x", &lock, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void test_lock_held_with_a_hostile_note(void **state)
{
	struct lock *lock = NULL;
	char who[256], command[600];

	memset(command, 'c', sizeof command);
	memcpy(command, "a\nb\x1b[31m", 8);
	command[sizeof command - 1] = '\0';
	assert_true(lock_open(path, command, &lock, NULL));
	assert_true(lock_held(path, who));
	assert_true(strlen(who) < sizeof who);
	for (const char *p = who; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
	lock_close(lock);
}

int main(void)
{
#define LOCK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    LOCK_TEST(test_lock_open_is_refused_while_another_holds),
	    LOCK_TEST(test_lock_open_after_the_holder_was_killed),
	    LOCK_TEST(test_lock_open_twice_in_one_process),
	    LOCK_TEST(test_lock_held_never_gets_in_the_way),
	    LOCK_TEST(test_lock_close_frees_though_children_live),
	    LOCK_TEST(test_lock_open_where_nothing_can_be_written),
	    LOCK_TEST(test_lock_held_with_a_hostile_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
