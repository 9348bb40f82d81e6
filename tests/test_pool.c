/* The pool against real worker processes: this program itself, started with --worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/error.h"
#include "ocr/pool.h"

static const char *const worker_argv[] = {"/proc/self/exe", "--worker", NULL};

static char *work(void *self, const char *job, size_t n_bytes, size_t *n_answer)
{
	char *text = NULL;

	if (strncmp(job, "echo ", 5) == 0) {
		*n_answer = n_bytes - 5;
		text = malloc(n_bytes);
		if (text)
			memcpy(text, job + 5, n_bytes - 5);
	} else if (strncmp(job, "big ", 4) == 0) {
		*n_answer = strtoul(job + 4, NULL, 10);
		text = malloc(*n_answer);
		if (text)
			memset(text, 'x', *n_answer);
	} else if (strncmp(job, "sleep ", 6) == 0) {
		struct timespec time = {0, strtol(job + 6, NULL, 10) * 1000000};

		nanosleep(&time, NULL);
		*n_answer = 0;
		text = malloc(1);
	} else if (strcmp(job, "die") == 0) {
		raise(SIGKILL);
	} else if (strcmp(job, "exit") == 0) {
		_exit(7);
	} else if (strcmp(job, "hang") == 0) {
		for (;;)
			pause();
	} else if (strcmp(job, "grow") == 0) {
		for (size_t i = 0; i < 4000; i++) {
			/* volatile: a compiler may leave out memory that nobody reads */
			volatile char *more = malloc(1 << 20);

			for (size_t k = 0; more && k < 1 << 20; k += 4096)
				more[k] = 1;
			nanosleep(&(struct timespec){0, 1000000}, NULL);
		}
		pause();
	} else if (strcmp(job, "rubbish") == 0) {
		char junk[200];

		memset(junk, 0x5A, sizeof junk);
		if (write(3, junk, sizeof junk) < 0)
			_exit(1);
		pause();
	} else if (strcmp(job, "facts") == 0) {
		int open_fds = 0;

		for (int fd = 0; fd < 256; fd++)
			open_fds += fcntl(fd, F_GETFD) >= 0;
		text = malloc(200);
		if (text)
			*n_answer = (size_t)snprintf(text, 200,
			    "%d fds, policy %d, sane %s, omp %s, pid %ld", open_fds,
			    sched_getscheduler(0), getenv("SANE_CONFIG_DIR") ? "set" : "unset",
			    getenv("OMP_THREAD_LIMIT"), (long)getpid());
	}
	return text;
}

static struct pool *open_pool(int workers, int timeout_ms, int64_t memory_bytes, bool idle)
{
	struct pool_options options = {.argv = worker_argv,
	    .workers = workers,
	    .timeout_ms = timeout_ms,
	    .memory_bytes = memory_bytes,
	    .idle = idle};
	struct pool *pool = NULL;
	struct error err = {0};

	if (!pool_open(&options, &pool, &err))
		fail_msg("%s", err.what);
	return pool;
}

static void submit(struct pool *pool, uint64_t id, const char *job)
{
	struct error err = {0};

	assert_true(pool_has_room(pool));
	assert_true(pool_submit(pool, id, job, strlen(job), 0, &err));
}

static struct pool_result next(struct pool *pool)
{
	struct pool_result result = {0};
	struct error err = {0};
	bool got = false;

	if (!pool_next(pool, 30000, &result, &got, &err))
		fail_msg("%s", err.what);
	assert_true(got);
	return result;
}

static void assert_failed(struct pool *pool, uint64_t id, const char *why)
{
	struct pool_result result = next(pool);

	assert_int_equal(result.id, id);
	assert_false(result.done);
	assert_null(result.text);
	if (!strstr(result.failure, why))
		fail_msg("'%s' instead of '%s'", result.failure, why);
}

static void assert_echo(struct pool *pool, uint64_t id, const char *text)
{
	struct pool_result result = next(pool);

	assert_int_equal(result.id, id);
	if (!result.done)
		fail_msg("%s", result.failure);
	assert_string_equal(result.text, text);
	assert_int_equal(result.n_bytes, strlen(text));
	free(result.text);
}

static void test_submit_a_thousand_jobs(void **state)
{
	enum { JOBS = 1000 };
	struct pool *pool = open_pool(2, 30000, 0, false);
	bool seen[JOBS] = {false};
	uint64_t sent = 0;
	char job[64];

	for (int taken = 0; taken < JOBS; taken++) {
		while (sent < JOBS && pool_has_room(pool)) {
			snprintf(job, sizeof job, "echo page %llu", (unsigned long long)sent);
			submit(pool, sent++, job);
		}
		assert_true(pool_jobs(pool) <= 2 * pool_workers(pool));
		struct pool_result result = next(pool);
		assert_true(result.done && result.id < JOBS && !seen[result.id]);
		seen[result.id] = true;
		snprintf(job, sizeof job, "page %llu", (unsigned long long)result.id);
		assert_string_equal(result.text, job);
		free(result.text);
	}
	assert_int_equal(pool_jobs(pool), 0);
	pool_close(pool);
}

static void test_next_without_jobs(void **state)
{
	struct pool *pool = open_pool(1, 0, 0, false);
	struct pool_result result = {0};
	struct error err = {0};
	bool got = true;

	assert_true(pool_next(pool, -1, &result, &got, &err));
	assert_false(got);
	got = true;
	assert_true(pool_next(pool, 0, &result, &got, &err));
	assert_false(got);
	pool_close(pool);
}

static void test_worker_dies(void **state)
{
	struct pool *pool = open_pool(1, 30000, 0, false);

	submit(pool, 1, "die");
	submit(pool, 2, "echo after");
	assert_failed(pool, 1, "signal 9");
	assert_echo(pool, 2, "after"); /* the one that waited paid nothing */
	submit(pool, 3, "exit");
	assert_failed(pool, 3, "exit code 7");
	submit(pool, 4, "what");
	assert_failed(pool, 4, "exit code 1");
	submit(pool, 5, "echo still here");
	assert_echo(pool, 5, "still here");
	pool_close(pool);
}

static void test_worker_hangs(void **state)
{
	struct pool *pool = open_pool(2, 300, 0, false);

	submit(pool, 1, "hang");
	assert_failed(pool, 1, "longer than 0.3 s");
	submit(pool, 2, "echo x");
	assert_echo(pool, 2, "x");
	pool_close(pool);
}

static void test_worker_grows(void **state)
{
	struct pool *pool = open_pool(1, 60000, 200 << 20, false);

	submit(pool, 1, "grow");
	assert_failed(pool, 1, "grew beyond 200 MiB");
	pool_close(pool);
}

/* A larger page may take more than the usual one; the next job has the usual limit again. */
static void test_worker_grows_as_its_job_may(void **state)
{
	struct pool *pool = open_pool(1, 60000, 200 << 20, false);
	struct error err = {0};

	assert_true(pool_submit(pool, 1, "grow", 4, 400 << 20, &err));
	assert_failed(pool, 1, "grew beyond 400 MiB");
	submit(pool, 2, "grow");
	assert_failed(pool, 2, "grew beyond 200 MiB");
	pool_close(pool);
}

static void test_worker_answers_rubbish(void **state)
{
	struct pool *pool = open_pool(1, 30000, 0, false);

	submit(pool, 1, "rubbish");
	assert_failed(pool, 1, "garbled");
	submit(pool, 2, "echo x");
	assert_echo(pool, 2, "x");
	pool_close(pool);
}

static void test_submit_large_messages(void **state)
{
	const size_t n = 20u << 20;
	struct pool *pool = open_pool(1, 30000, 0, false);
	struct error err = {0};
	char *job = malloc(n + 1);

	assert_non_null(job);
	memset(job, 'y', n);
	memcpy(job, "echo ", 5);
	job[n] = '\0';
	assert_true(pool_submit(pool, 1, job, n, 0, &err));
	struct pool_result result = next(pool);
	assert_true(result.done);
	assert_int_equal(result.n_bytes, n - 5);
	assert_memory_equal(result.text, job + 5, n - 5);
	free(result.text);
	submit(pool, 2, "big 20000000");
	result = next(pool);
	assert_true(result.done);
	assert_int_equal(result.n_bytes, 20000000);
	free(result.text);
	assert_false(pool_submit(pool, 3, job, (size_t)POOL_MESSAGE_LIMIT_BYTES + 1, 0, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "too long"));
	free(job);
	pool_close(pool);
}

static void test_worker_environment(void **state)
{
	setenv("SANE_CONFIG_DIR", "/nowhere", 1);
	struct pool *pool = open_pool(2, 30000, 0, true);
	unsetenv("SANE_CONFIG_DIR");
	char want[100];

	/* 0, 1, 2 and the socket; nothing of the other worker */
	snprintf(want, sizeof want, "4 fds, policy %d, sane unset, omp 1, pid", SCHED_IDLE);
	submit(pool, 1, "facts");
	struct pool_result result = next(pool);
	assert_true(result.done);
	assert_memory_equal(result.text, want, strlen(want));
	free(result.text);
	pool_close(pool);
}

static void test_worker_ignores_stop_signals(void **state)
{
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
	struct pool *pool = open_pool(1, 30000, 0, false);

	submit(pool, 1, "facts");
	struct pool_result result = next(pool);
	assert_true(result.done);
	const char *pid = strstr(result.text, "pid ");
	assert_non_null(pid);
	for (size_t i = 0; i < 3; i++)
		kill((pid_t)atol(pid + 4), stops[i]);
	free(result.text);
	submit(pool, 2, "echo x");
	assert_echo(pool, 2, "x");
	pool_close(pool);
}

/* Workers end when their owner is killed: here a process in between. */
static void test_worker_ends_with_its_owner(void **state)
{
	int out[2];
	long pids[2] = {0};

	assert_int_equal(pipe(out), 0);
	pid_t owner = fork();
	assert_true(owner >= 0);
	if (owner == 0) {
		struct pool *pool = open_pool(2, 30000, 0, false);
		char say[64];

		close(out[0]);
		submit(pool, 1, "facts");
		struct pool_result result = next(pool);
		submit(pool, 2, "hang"); /* busy: does not read its socket */
		int n = snprintf(say, sizeof say, "%s\n", strstr(result.text, "pid ") + 4);
		if (write(out[1], say, (size_t)n) != n)
			_exit(1);
		for (;;)
			pause();
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &pids[0]), 1);
	kill(owner, SIGKILL);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	for (int i = 0; i < 5000 && kill((pid_t)pids[0], 0) == 0; i++) {
		char path[64], state_of = 0;

		snprintf(path, sizeof path, "/proc/%ld/stat", pids[0]);
		FILE *stat = fopen(path, "r");
		if (stat && fscanf(stat, "%*d %*s %c", &state_of) == 1 && state_of == 'Z') {
			fclose(stat);
			break; /* dead; who inherited it has not looked yet */
		}
		if (stat)
			fclose(stat);
		assert_true(i < 4999);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	fclose(f);
}

static void test_open_command_missing(void **state)
{
	static const char *const argv[] = {"/no/such/program", NULL};
	struct pool_options options = {.argv = argv, .workers = 1};
	struct pool *pool = NULL;
	struct error err = {0};

	assert_false(pool_open(&options, &pool, &err));
	assert_null(pool);
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "/no/such/program"));
}

static void test_open_command_ends_at_once(void **state)
{
	static const char *const argv[] = {"false", NULL};
	struct pool_options options = {.argv = argv, .workers = 1};
	struct pool *pool = NULL;
	struct pool_result result;
	struct error err = {0};
	bool got;

	assert_true(pool_open(&options, &pool, &err));
	submit(pool, 1, "echo x");
	assert_false(pool_next(pool, 30000, &result, &got, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "ends as soon as"));
	pool_close(pool);
}

static void test_descriptors_wake_the_caller(void **state)
{
	struct pool *pool = open_pool(2, 300, 0, false);
	struct pollfd fds[3];
	struct pool_result result = {0};
	struct error err = {0};
	bool got = false;

	submit(pool, 1, "hang");
	/* never a timeout here: the pool's own timer ends the hanging worker */
	while (!got) {
		int n = pool_descriptors(pool, fds, 3);

		assert_true(poll(fds, (nfds_t)n, 10000) > 0);
		assert_true(pool_next(pool, 0, &result, &got, &err));
	}
	assert_false(result.done);
	pool_close(pool);
}

static void test_workers_by_machine(void **state)
{
	struct pool *pool = open_pool(0, 0, 0, false);

	assert_true(pool_workers(pool) >= 1);
	assert_true(pool_workers(pool) <= (int)sysconf(_SC_NPROCESSORS_ONLN));
	pool_close(pool);
}

static void test_close_with_jobs(void **state)
{
	struct pool *pool = open_pool(2, 0, 0, false);

	for (uint64_t i = 0; i < 4; i++)
		submit(pool, i, "hang");
	pool_close(pool);
	pool_close(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_submit_a_thousand_jobs),
	    cmocka_unit_test(test_next_without_jobs),
	    cmocka_unit_test(test_worker_dies),
	    cmocka_unit_test(test_worker_hangs),
	    cmocka_unit_test(test_worker_grows),
	    cmocka_unit_test(test_worker_grows_as_its_job_may),
	    cmocka_unit_test(test_worker_answers_rubbish),
	    cmocka_unit_test(test_submit_large_messages),
	    cmocka_unit_test(test_worker_environment),
	    cmocka_unit_test(test_worker_ignores_stop_signals),
	    cmocka_unit_test(test_worker_ends_with_its_owner),
	    cmocka_unit_test(test_open_command_missing),
	    cmocka_unit_test(test_open_command_ends_at_once),
	    cmocka_unit_test(test_descriptors_wake_the_caller),
	    cmocka_unit_test(test_workers_by_machine),
	    cmocka_unit_test(test_close_with_jobs),
	};

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return pool_serve(work, NULL);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
