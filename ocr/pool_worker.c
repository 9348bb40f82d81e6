/* The worker's side of the pool. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/log.h"
#include "ocr/pool.h"
#include "ocr/pool_wire.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
	IOPRIO_WHO_PROCESS = 1,
	IOPRIO_CLASS_IDLE = 3 << 13,
};

/* 1 whole, 0 the pool closed the socket, -1 broken. */
static int receive(void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(POOL_FD, (char *)to + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == ECONNRESET ? 0 : -1;
		if (got == 0)
			return done ? -1 : 0;
		done += (size_t)got;
	}
	return 1;
}

static bool answer(const void *from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t sent = send(POOL_FD, (const char *)from + done, n - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false; /* the pool is gone: so is the reason to be here */
		done += (size_t)sent;
	}
	return true;
}

static bool waiter;

bool pool_worker_waits(void)
{
	return waiter;
}

/*
 * The pool looks at resident memory; this stops one huge request before it is touched. Only the
 * soft limit is set: the next job may be a larger page.
 */
static void memory_limit(int64_t bytes)
{
	struct rlimit limit;

	if (!bytes || SANITIZED || getrlimit(RLIMIT_DATA, &limit) != 0)
		return;
	limit.rlim_cur = (rlim_t)bytes * 2;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_DATA, &limit);
}

/* False: the owner died before it could be watched. */
static bool greeting_obey(const struct pool_frame *greeting)
{
	const struct rlimit no_core = {0, 0};

	waiter = greeting->waiter;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != (pid_t)greeting->owner)
		return false;
	setrlimit(RLIMIT_CORE, &no_core); /* a core file would hold a page */
	memory_limit(greeting->memory_bytes);
	if (greeting->idle) {
		sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
		syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
	}
	return true;
}

int pool_serve(
    char *(*work)(void *self, const char *job, size_t n_bytes, size_t *n_answer), void *self)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct pool_frame frame;
	int state;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	state = receive(&frame, sizeof frame);
	if (state == 0)
		return 0;
	if (state < 0 || frame.magic != POOL_MAGIC || frame.kind != POOL_GREETING) {
		log_put(LOG_ERROR, NULL,
		    "this command is started by altakt itself, with a socket as descriptor 3");
		return 2;
	}
	if (!greeting_obey(&frame) ||
	    !answer(&(struct pool_frame){.magic = POOL_MAGIC, .kind = POOL_READY}, sizeof frame))
		return 0;
	while ((state = receive(&frame, sizeof frame)) == 1) {
		struct pool_frame back = {.magic = POOL_MAGIC, .kind = POOL_ANSWER, .id = frame.id};
		size_t n_answer = 0;

		if (frame.magic != POOL_MAGIC || frame.kind != POOL_JOB ||
		    frame.n_bytes > POOL_MESSAGE_LIMIT_BYTES)
			return 1;
		memory_limit(frame.memory_bytes);
		char *job = malloc(frame.n_bytes + 1);
		if (!job || receive(job, frame.n_bytes) != 1) {
			free(job);
			return 1;
		}
		job[frame.n_bytes] = '\0';
		char *text = work(self, job, frame.n_bytes, &n_answer);
		free(job);
		if (!text)
			return 1;
		back.n_bytes = n_answer;
		bool sent = answer(&back, sizeof back) && answer(text, n_answer);
		free(text);
		if (!sent)
			return 0;
	}
	return state == 0 ? 0 : 1;
}
