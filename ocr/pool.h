/*
 * A pool of worker processes for page work: the program itself, started anew (posix_spawn), one
 * job at a time over a socket pair. The pool does not know what a job is: text in, text out. A
 * worker that dies, hangs or grows beyond its limit costs its job one try; a fresh worker takes
 * its place.
 *
 * One thread owns the pool. Bounded: at most as many jobs are in it as there are workers.
 */
#ifndef ALTAKT_OCR_POOL_H
#define ALTAKT_OCR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

struct pool;

struct pool_options {
	const char *const *argv; /* the worker's command line, NULL-terminated; the socket is its descriptor 3 */
	int workers;	     /* 0: as many as cores and memory allow */
	int timeout_ms;	     /* for one job; 0: none */
	int64_t memory_bytes; /* address space or resident limit for one worker; 0: none */
	bool idle;	     /* lowest priority: beside a running feeder */
};

bool pool_open(const struct pool_options *options, struct pool **out, struct error *err);
void pool_close(struct pool *pool); /* ends the workers: closes their sockets, then kills; accepts NULL */

int pool_workers(const struct pool *pool);
bool pool_has_room(const struct pool *pool);

/* Hands a job to a free worker. id comes back with the result. text is borrowed. pool_has_room() must hold. */
bool pool_submit(struct pool *pool, uint64_t id, const char *text, size_t n_bytes, struct error *err);

struct pool_result {
	uint64_t id;
	bool done;	/* false: the worker died, hung or grew: failure says which */
	char failure[160];
	char *text; /* the worker's answer, yours; NULL where done is false */
	size_t n_bytes;
};

/* The descriptors to poll() for, at most n_max; returns how many. */
struct pollfd;
int pool_descriptors(const struct pool *pool, struct pollfd *fds, int n_max);

/*
 * Takes one result if there is one (waiting up to timeout_ms; 0: not at all, -1: until there is).
 * *got false: none yet. Starts fresh workers for those that died.
 */
bool pool_next(struct pool *pool, int timeout_ms, struct pool_result *result, bool *got, struct error *err);

/*
 * The worker's side: reads jobs from descriptor 3 and answers until the pool closes it. work gives
 * a malloc()ed answer. Returns the process's exit code.
 */
int pool_serve(char *(*work)(void *self, const char *job, size_t n_bytes, size_t *n_answer), void *self);

#endif
