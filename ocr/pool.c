#include "ocr/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/log.h"
#include "config/text.h"
#include "ocr/pool_wire.h"

#define WATCH_MS	  200  /* how often time and memory of running jobs are looked at */
#define EXIT_MS		  2000 /* for a worker whose socket closed to become a status */
#define CLOSE_IDLE_MS	  5000 /* for a worker without a job to end by itself */
#define CLOSE_BUSY_MS	  300
#define START_MS	  60000 /* to become ready */
#define EARLY_DEATHS	  5	/* workers that ended without a job, one after the other */
#define WORKER_NEED_BYTES (256ll << 20)
#define WORKERS_LIMIT	  256
#define NEED_PART	  4 /* a job takes this part of its limit, as a rule */

struct job {
	uint64_t id;
	char *text;
	size_t n_bytes;
	int64_t memory_bytes; /* limit of its worker; 0: none */
	struct job *next;
};

struct worker {
	pid_t pid; /* 0: none */
	int fd;
	bool ready;	 /* has answered the greeting: a death before that costs no job a try */
	struct job *job; /* NULL: idle */
	int64_t due_ms;	 /* of the job, or to become ready; 0: none */

	struct pool_frame head; /* of what is being sent */
	const char *body;	/* lent from the job, NULL for a greeting */
	size_t sent;		/* of head and body together */

	struct pool_frame answer; /* what is being received */
	char *text;
	size_t received; /* of answer and text together */
};

struct outcome {
	struct pool_result result;
	struct outcome *next;
};

struct pool {
	const char *const *argv;
	char **env;
	int timeout_ms;
	int64_t memory_bytes;
	bool idle;
	int waiters; /* the last ones of the workers: they are dealt to when no other is free */
	int timer_fd;
	int n_workers;
	struct worker *workers;
	struct job *waiting, **waiting_end;
	int n_waiting, n_running, n_outcomes;
	struct outcome *outcomes, **outcomes_end;
	int early_deaths;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void job_free(struct job *job)
{
	if (job)
		free(job->text);
	free(job);
}

/* Cores this process may use, less where a control group's quota says so. */
static int cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
	long quota, period;

	if (f) {
		if (fscanf(f, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0 &&
		    (quota + period - 1) / period < n)
			n = (int)((quota + period - 1) / period);
		fclose(f);
	}
	return n < 1 ? 1 : n;
}

static int64_t memory_available_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long long kb = -1;

	if (!f)
		return INT64_MAX;
	while (kb < 0 && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %lld kB", &kb) != 1)
			kb = -1;
	fclose(f);
	return kb < 0 ? INT64_MAX : kb * 1024;
}

static int workers_that_fit(void)
{
	int64_t by_memory = memory_available_bytes() / WORKER_NEED_BYTES;
	int n = cores();

	if (by_memory < n)
		n = (int)by_memory;
	return n < 1 ? 1 : n;
}

/*
 * The workers' environment: without the search paths that the scanner's side sets for SANE, and
 * with one OpenMP thread, before any library could start more.
 */
static char **worker_environment(void)
{
	static const char *const left_out[] = {
	    "SANE_CONFIG_DIR=", "LD_LIBRARY_PATH=", "OMP_THREAD_LIMIT="};
	size_t n = 0, kept = 0;

	while (environ[n])
		n++;
	char **env = calloc(n + 2, sizeof *env);
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool out = false;

		for (size_t k = 0; k < sizeof left_out / sizeof *left_out; k++)
			out |= strncmp(environ[i], left_out[k], strlen(left_out[k])) == 0;
		if (!out)
			env[kept++] = strdup(environ[i]);
	}
	env[kept] = strdup("OMP_THREAD_LIMIT=1");
	return env;
}

/* Sends what is left to be sent, as far as the socket takes it. False: the worker is gone. */
static bool worker_send(struct worker *worker)
{
	size_t head = sizeof worker->head, all = head + worker->head.n_bytes;

	while (worker->sent < all) {
		bool in_head = worker->sent < head;
		const char *from = in_head ? (const char *)&worker->head + worker->sent
					   : worker->body + (worker->sent - head);
		size_t n = in_head ? head - worker->sent : all - worker->sent;
		ssize_t done = send(worker->fd, from, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		worker->sent += (size_t)done;
	}
	return true;
}

static bool worker_sending(const struct worker *worker)
{
	return worker->pid && worker->sent < sizeof worker->head + worker->head.n_bytes;
}

static bool worker_start(struct pool *pool, struct worker *worker, struct error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, blocked;
	int pair[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_errno(err, NULL, _("cannot make a socket for a worker"));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pair[1], POOL_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, POOL_FD + 1);
	/* Stop signals stay blocked: Ctrl-C reaches the whole group, but only the owner acts on it.
	 */
	sigfillset(&all);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &blocked);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(
	    &pid, pool->argv[0], &actions, &attr, (char *const *)pool->argv, pool->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	if (rc != 0) {
		close(pair[0]);
		return error_set(err, rc == ENOENT || rc == EACCES ? ERROR_SETUP : ERROR_SYSTEM,
		    rc == EAGAIN || rc == ENOMEM ? _("end other programs or lower 'ocr.jobs'")
						 : NULL,
		    _("cannot start the worker '%s': %s"), pool->argv[0], strerror(rc));
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*worker = (struct worker){.pid = pid, .fd = pair[0], .due_ms = now_ms() + START_MS};
	worker->head = (struct pool_frame){
	    .magic = POOL_MAGIC,
	    .kind = POOL_GREETING,
	    .owner = (int32_t)getpid(),
	    .idle = pool->idle,
	    .waiter = worker - pool->workers >= pool->n_workers - pool->waiters,
	    .memory_bytes = pool->memory_bytes,
	};
	worker_send(worker); /* a worker that is gone already shows when its socket is read */
	return true;
}

/* Waits up to limit_ms for the process to end by itself, then kills it; returns its status. */
static int worker_reap(pid_t pid, int limit_ms)
{
	int status = 0, fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t until = now_ms() + limit_ms;
		int64_t left = limit_ms;

		while (left > 0 && poll(&wait, 1, (int)left) < 0 && errno == EINTR)
			left = until - now_ms();
		close(fd);
	}
	if (waitpid(pid, &status, WNOHANG) != pid) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return status;
}

/* Takes place for one outcome; its job is no longer running. */
static void outcome_add(struct pool *pool, const struct pool_result *result)
{
	struct outcome *outcome = calloc(1, sizeof *outcome);

	if (!outcome)
		abort(); /* a few bytes: the machine is at its end, the journal is not */
	outcome->result = *result;
	*pool->outcomes_end = outcome;
	pool->outcomes_end = &outcome->next;
	pool->n_outcomes++;
}

/* failure NULL: the worker ended by itself, and its status says how. */
static void worker_lost(struct pool *pool, struct worker *worker, const char *failure)
{
	struct pool_result result = {0};
	pid_t pid = worker->pid;
	int status;

	close(worker->fd);
	if (failure)
		kill(pid, SIGKILL);
	status = worker_reap(pid, EXIT_MS);
	if (failure)
		snprintf(result.failure, sizeof result.failure, "%s", failure);
	else if (WIFSIGNALED(status))
		snprintf(result.failure, sizeof result.failure, "the worker died (signal %d, %s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(result.failure, sizeof result.failure,
		    "the worker ended early (exit code %d)",
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	log_put(LOG_WARNING, NULL, "worker %ld: %s", (long)pid, result.failure);
	if (worker->job) {
		result.id = worker->job->id;
		outcome_add(pool, &result);
		job_free(worker->job);
		pool->n_running--;
	} else {
		pool->early_deaths++;
	}
	free(worker->text);
	*worker = (struct worker){0};
}

static int64_t resident_bytes(pid_t pid)
{
	char path[64];
	long pages = 0;

	snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Whether a job that needs more than others may begin beside those that run. */
static bool memory_left_for(const struct pool *pool, const struct job *job)
{
	if (job->memory_bytes <= pool->memory_bytes || pool->n_running == 0)
		return true;
	int64_t left = memory_available_bytes();
	for (int i = 0; i < pool->n_workers; i++) {
		const struct worker *worker = &pool->workers[i];
		if (!worker->job)
			continue;
		int64_t to_come =
		    worker->job->memory_bytes / NEED_PART - resident_bytes(worker->pid);
		left -= to_come > 0 ? to_come : 0;
	}
	return left > job->memory_bytes / NEED_PART;
}

/* Gives the oldest waiting job to a free worker, as long as there are both. */
static void deal(struct pool *pool)
{
	for (int i = 0; i < pool->n_workers && pool->waiting; i++) {
		struct worker *worker = &pool->workers[i];
		struct job *job = pool->waiting;

		if (!worker->ready || worker->job)
			continue;
		if (!memory_left_for(pool, job))
			return;
		pool->waiting = job->next;
		if (!pool->waiting)
			pool->waiting_end = &pool->waiting;
		pool->n_waiting--;
		pool->n_running++;
		worker->job = job;
		worker->due_ms = pool->timeout_ms ? now_ms() + pool->timeout_ms : 0;
		worker->head = (struct pool_frame){.magic = POOL_MAGIC,
		    .kind = POOL_JOB,
		    .id = job->id,
		    .n_bytes = job->n_bytes,
		    .memory_bytes = job->memory_bytes};
		worker->body = job->text;
		worker->sent = 0;
		worker->received = 0;
		worker_send(worker); /* a failure shows when its socket is read */
	}
}

/* Reads what is there. Puts a complete answer among the outcomes. */
static void worker_receive(struct pool *pool, struct worker *worker)
{
	const size_t head = sizeof worker->answer;

	for (;;) {
		bool in_head = worker->received < head;
		char *to = in_head ? (char *)&worker->answer + worker->received
				   : worker->text + (worker->received - head);
		size_t n = in_head ? head - worker->received
				   : head + worker->answer.n_bytes - worker->received;
		ssize_t got = n ? read(worker->fd, to, n) : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n && got <= 0) {
			worker_lost(pool, worker, NULL);
			return;
		}
		worker->received += (size_t)got;
		if (worker->received < head)
			continue;
		if (!worker->text) {
			const struct pool_frame *answer = &worker->answer;

			if (!worker->ready && answer->magic == POOL_MAGIC &&
			    answer->kind == POOL_READY) {
				worker->ready = true;
				worker->received = 0;
				worker->due_ms = 0;
				continue;
			}
			if (answer->magic != POOL_MAGIC || answer->kind != POOL_ANSWER ||
			    !worker->job || answer->id != worker->job->id ||
			    answer->n_bytes > POOL_MESSAGE_LIMIT_BYTES) {
				worker_lost(pool, worker, "the worker's answer is garbled");
				return;
			}
			worker->text = malloc(answer->n_bytes + 1);
			if (!worker->text) {
				worker_lost(pool, worker, "no memory for the worker's answer");
				return;
			}
		}
		if (worker->received < head + worker->answer.n_bytes)
			continue;
		worker->text[worker->answer.n_bytes] = '\0';
		outcome_add(pool,
		    &(struct pool_result){.id = worker->job->id,
			.done = true,
			.text = worker->text,
			.n_bytes = worker->answer.n_bytes});
		job_free(worker->job);
		worker->job = NULL;
		worker->body = NULL;
		worker->text = NULL;
		worker->received = 0;
		worker->due_ms = 0;
		pool->n_running--;
		pool->early_deaths = 0;
		return;
	}
}

static void watch(struct pool *pool)
{
	uint64_t expirations;
	char failure[160];

	if (read(pool->timer_fd, &expirations, sizeof expirations) != (ssize_t)sizeof expirations)
		return;
	for (int i = 0; i < pool->n_workers; i++) {
		struct worker *worker = &pool->workers[i];

		if (!worker->pid || (worker->ready && !worker->job))
			continue;
		if (worker->due_ms && now_ms() >= worker->due_ms) {
			snprintf(failure, sizeof failure, "the worker took longer than %g s",
			    (worker->ready ? pool->timeout_ms : START_MS) / 1000.0);
			worker_lost(pool, worker, failure);
		} else {
			int64_t limit =
			    worker->job ? worker->job->memory_bytes : pool->memory_bytes;

			if (!limit || resident_bytes(worker->pid) <= limit)
				continue;
			snprintf(failure, sizeof failure, "the worker grew beyond %lld MiB",
			    (long long)(limit >> 20));
			worker_lost(pool, worker, failure);
		}
	}
}

/* Everything that can be done without waiting. */
static bool pump(struct pool *pool, struct error *err)
{
	for (int i = 0; i < pool->n_workers; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->pid && worker_sending(worker))
			worker_send(worker);
		if (worker->pid)
			worker_receive(pool, worker);
	}
	watch(pool);
	for (int i = 0; i < pool->n_workers; i++) {
		if (pool->workers[i].pid)
			continue;
		if (pool->early_deaths >= EARLY_DEATHS)
			return error_set(err, ERROR_SYSTEM,
			    _("look into the log, then run it again"),
			    _("the worker '%s' ends as soon as it is started"), pool->argv[0]);
		if (!worker_start(pool, &pool->workers[i], err))
			return false;
	}
	deal(pool);
	return true;
}

bool pool_open(const struct pool_options *options, struct pool **out, struct error *err)
{
	const struct itimerspec every = {{0, WATCH_MS * 1000000}, {0, WATCH_MS * 1000000}};
	struct pool *pool = calloc(1, sizeof *pool);
	bool ok = false;

	assert(options->argv && options->argv[0] && options->workers >= 0);
	if (!pool)
		return error_errno(err, NULL, _("cannot start the workers"));
	pool->argv = options->argv;
	pool->timeout_ms = options->timeout_ms;
	pool->memory_bytes = options->memory_bytes;
	pool->idle = options->idle;
	pool->waiting_end = &pool->waiting;
	pool->outcomes_end = &pool->outcomes;
	pool->n_workers = options->workers ? options->workers : workers_that_fit();
	pool->waiters = options->waiters;
	pool->n_workers += options->waiters;
	if (pool->n_workers > WORKERS_LIMIT)
		pool->n_workers = WORKERS_LIMIT;
	pool->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	pool->workers = calloc((size_t)pool->n_workers, sizeof *pool->workers);
	pool->env = worker_environment();
	if (pool->timer_fd < 0 || !pool->workers || !pool->env) {
		error_errno(err, NULL, _("cannot start the workers"));
		goto done;
	}
	timerfd_settime(pool->timer_fd, 0, &every, NULL);
	for (int i = 0; i < pool->n_workers; i++)
		if (!worker_start(pool, &pool->workers[i], err))
			goto done;
	ok = true;
	*out = pool;
done:
	if (!ok)
		pool_close(pool);
	return ok;
}

void pool_close(struct pool *pool)
{
	if (!pool)
		return;
	for (int i = 0; pool->workers && i < pool->n_workers; i++)
		if (pool->workers[i].pid)
			close(pool->workers[i].fd);
	int64_t start = now_ms();
	for (int i = 0; pool->workers && i < pool->n_workers; i++) {
		struct worker *worker = &pool->workers[i];
		int64_t left = start + (worker->job ? CLOSE_BUSY_MS : CLOSE_IDLE_MS) - now_ms();

		if (worker->pid)
			worker_reap(worker->pid, left > 0 ? (int)left : 0);
		job_free(worker->job);
		free(worker->text);
	}
	for (struct job *job = pool->waiting, *next; job; job = next) {
		next = job->next;
		job_free(job);
	}
	for (struct outcome *outcome = pool->outcomes, *next; outcome; outcome = next) {
		next = outcome->next;
		free(outcome->result.text);
		free(outcome);
	}
	for (char **e = pool->env; e && *e; e++)
		free(*e);
	free(pool->env);
	free(pool->workers);
	if (pool->timer_fd >= 0)
		close(pool->timer_fd);
	free(pool);
}

int pool_workers(const struct pool *pool)
{
	return pool->n_workers;
}

bool pool_has_room(const struct pool *pool)
{
	return pool_jobs(pool) < 2 * pool->n_workers;
}

int pool_jobs(const struct pool *pool)
{
	return pool->n_waiting + pool->n_running + pool->n_outcomes;
}

bool pool_submit(struct pool *pool, uint64_t id, const char *text, size_t n_bytes,
    int64_t memory_bytes, struct error *err)
{
	struct job *job = NULL;

	assert(pool_has_room(pool));
	if (n_bytes > POOL_MESSAGE_LIMIT_BYTES)
		return error_set(err, ERROR_INPUT, NULL,
		    _("a job of %zu bytes is too long for a worker"), n_bytes);
	job = calloc(1, sizeof *job);
	if (!job || !(job->text = malloc(n_bytes + 1))) {
		free(job);
		return error_errno(err, NULL, _("cannot hand a job to a worker"));
	}
	job->id = id;
	job->n_bytes = n_bytes;
	job->memory_bytes = memory_bytes > pool->memory_bytes && pool->memory_bytes
	    ? memory_bytes
	    : pool->memory_bytes;
	memcpy(job->text, text, n_bytes);
	job->text[n_bytes] = '\0';
	*pool->waiting_end = job;
	pool->waiting_end = &job->next;
	pool->n_waiting++;
	deal(pool);
	return true;
}

int pool_descriptors(const struct pool *pool, struct pollfd *fds, int n_max)
{
	int n = 0;

	if (n < n_max)
		fds[n++] = (struct pollfd){.fd = pool->timer_fd, .events = POLLIN};
	for (int i = 0; i < pool->n_workers && n < n_max; i++) {
		const struct worker *worker = &pool->workers[i];
		short events = POLLIN;

		if (!worker->pid)
			continue;
		if (worker_sending(worker))
			events |= POLLOUT;
		fds[n++] = (struct pollfd){.fd = worker->fd, .events = events};
	}
	return n;
}

bool pool_next(
    struct pool *pool, int timeout_ms, struct pool_result *result, bool *got, struct error *err)
{
	int64_t until = now_ms() + timeout_ms;
	struct pollfd fds[WORKERS_LIMIT + 1];

	*got = false;
	for (;;) {
		if (!pump(pool, err))
			return false;
		if (pool->outcomes) {
			struct outcome *outcome = pool->outcomes;

			pool->outcomes = outcome->next;
			if (!pool->outcomes)
				pool->outcomes_end = &pool->outcomes;
			pool->n_outcomes--;
			*result = outcome->result;
			free(outcome);
			*got = true;
			return true;
		}
		int64_t left = timeout_ms < 0 ? -1 : until - now_ms();
		if (timeout_ms == 0 || (timeout_ms > 0 && left <= 0) ||
		    (timeout_ms < 0 && !pool_jobs(pool)))
			return true;
		int n = pool_descriptors(pool, fds, WORKERS_LIMIT + 1);
		if (poll(fds, (nfds_t)n, (int)left) < 0 && errno != EINTR)
			return error_errno(err, NULL, _("cannot wait for the workers"));
	}
}
