/*
 * What goes over the socket between a pool and its workers: a frame, then its n_bytes of text.
 * Both ends are the same program on the same machine.
 */
#ifndef ALTAKT_OCR_POOL_WIRE_H
#define ALTAKT_OCR_POOL_WIRE_H

#include <stdint.h>

#define POOL_FD	   3
#define POOL_MAGIC 0x414B5431u /* "AKT1" */

enum pool_frame_kind {
	POOL_GREETING = 1, /* to the worker, once: whose it is and its limits */
	POOL_READY,	   /* from the worker, once: it obeyed */
	POOL_JOB,
	POOL_ANSWER,
};

struct pool_frame {
	uint32_t magic;
	uint32_t kind;
	uint64_t id;
	uint64_t n_bytes;
	int64_t memory_bytes; /* greeting and job */
	int32_t owner;	      /* greeting only, as the next two */
	int32_t idle;
	int32_t waiter;
	int32_t unused;
};

#endif
