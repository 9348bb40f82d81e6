/*
 * A pool of worker processes for page work: the program itself, started anew (posix_spawn), one
 * job at a time over a socket pair. The pool does not know what a job is: text in, text out. A
 * worker that dies, hangs or grows beyond its limit costs its job one try; a fresh worker takes
 * its place.
 *
 * One thread opens, uses and closes the pool, and must live as long as it does: the kernel kills
 * the workers when that thread ends, however it ends. Bounded: one job runs in each worker and as
 * many wait in the pool, so that a worker never stands still while its caller is busy.
 *
 *	caller ── submit ──► waiting ──► worker (runs one) ──► results ── next ──► caller
 *	                      (first come, first served; dealt out inside pool_next and pool_submit)
 */
#ifndef ALTAKT_OCR_POOL_H
#define ALTAKT_OCR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

#define POOL_MESSAGE_LIMIT_BYTES (256u << 20) /* one job or one answer */

struct pool;

struct pool_options {
	const char *const *argv; /* the worker's command line, NULL-terminated, borrowed until
				    close; the socket is its descriptor 3 */
	int workers;		 /* 0: as many as cores and memory allow */
	int waiters;		 /* further ones, which mostly wait for other machines */
	int timeout_ms;		 /* for one job; 0: none */
	int64_t memory_bytes; /* resident limit for one worker; 0: none; a job may ask for more */
	bool idle;	      /* lowest priority: beside a running feeder */
};

/* ERROR_SYSTEM: no process or socket to be had; ERROR_SETUP: the command cannot be started. */
bool pool_open(const struct pool_options *options, struct pool **out, struct error *err);

/*
 * Ends the workers: closes their sockets, upon which they end by themselves, and kills those that
 * are still there after a moment. Accepts NULL.
 */
void pool_close(struct pool *pool);

int pool_workers(const struct pool *pool);

/* Room for one more: pool_jobs() is below twice pool_workers(). */
bool pool_has_room(const struct pool *pool);

/* Jobs submitted whose result has not been taken yet. */
int pool_jobs(const struct pool *pool);

/*
 * Hands over a job. id comes back with the result; text is borrowed for the call. pool_has_room()
 * must hold. ERROR_INPUT: longer than POOL_MESSAGE_LIMIT_BYTES.
 *
 * memory_bytes  the worker's limit for this job where it is more than the pool's, which is taken
 *               for a quarter full as a rule: such a job waits until the machine has that quarter
 *               left, or nothing else runs; 0: the pool's
 */
bool pool_submit(struct pool *pool, uint64_t id, const char *text, size_t n_bytes,
    int64_t memory_bytes, struct error *err);

struct pool_result {
	uint64_t id;
	bool done;	   /* false: the worker died, hung or grew: failure says which */
	char failure[160]; /* English, for the journal: the same in every locale */
	char *text;	   /* the worker's answer and a NUL, yours; NULL where done is false */
	size_t n_bytes;	   /* without that NUL */
};

/*
 * The descriptors to poll() for, with their events; returns how many, never more than n_max
 * (pool_workers() + 1 hold all). One of them is a timer: a caller who polls and then calls
 * pool_next(…, 0, …) needs no timeout of its own for hanging workers.
 */
struct pollfd;
int pool_descriptors(const struct pool *pool, struct pollfd *fds, int n_max);

/*
 * Takes one result if there is one (waiting up to timeout_ms; 0: not at all, -1: until there is;
 * -1 returns without one when no job is in the pool). *got false: none yet. Deals out waiting jobs
 * and starts fresh workers for those that died. Call it again until *got is false.
 *
 * err  ERROR_SYSTEM: no fresh worker can be started, or they die as soon as they start
 */
bool pool_next(
    struct pool *pool, int timeout_ms, struct pool_result *result, bool *got, struct error *err);

/*
 * The worker's side: reads jobs from descriptor 3 and answers until the pool closes it. work gives
 * a malloc()ed answer; NULL ends the process and costs the job its try. Ignores SIGINT, SIGTERM
 * and SIGHUP (the pool's owner stops its workers in order), is killed when the owner dies, leaves
 * no core files. Returns the process's exit code.
 */
int pool_serve(
    char *(*work)(void *self, const char *job, size_t n_bytes, size_t *n_answer), void *self);

/* Whether this process is a worker that the pool has for waiting. */
bool pool_worker_waits(void);

#endif
