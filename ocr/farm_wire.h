/*
 * What owners and workers of the farm agree on: names, headers, connection. NATS is included here
 * and in the two sources beside it only.
 */
#ifndef ALTAKT_OCR_FARM_WIRE_H
#define ALTAKT_OCR_FARM_WIRE_H

#include <nats/nats.h>

#include "ocr/farm.h"

#define FARM_PAGES "ALTAKT_PAGES"
#define FARM_TEXTS "ALTAKT_TEXTS"

/* Headers of a page and of its answer. */
#define FARM_JOB     "Altakt-Job"     /* both */
#define FARM_IMAGE   "Altakt-Image"   /* both: SHA-256 of the image */
#define FARM_OWNER   "Altakt-Owner"   /* page: who waits for the answer */
#define FARM_PAGE    "Altakt-Page"    /* page: what struct farm_page holds besides the image */
#define FARM_FIGURES "Altakt-Figures" /* answer: words, confidence, processor time */
#define FARM_FAILURE "Altakt-Failure" /* answer: why there is no text */

#define FARM_MODELS_SIZE 17
#define FARM_ID_SIZE	 33

struct farm_link { /* a connection and JetStream over it */
	natsConnection *connection;
	jsCtx *js;
	char models[FARM_MODELS_SIZE]; /* as they stand in the subject */
	int64_t ack_wait_ms;
	bool on_disk;
	int replicas;
};

/* Connects; what is needed on the broker is farm_link_prepare()'s. */
bool farm_link_open(const struct farm_options *options, const char *name, struct farm_link *link,
    struct error *err);
void farm_link_close(struct farm_link *link);

uint64_t farm_link_reconnects(const struct farm_link *link); /* so far */

/* Makes streams and the workers' consumer where they are not there. */
bool farm_link_prepare(struct farm_link *link, struct error *err);

/* Names of the workers' consumer and of the subjects; fill buf. */
const char *farm_consumer(const struct farm_link *link, char *buf, size_t size);

/* 32 random hexadecimal digits. */
void farm_id(char id[FARM_ID_SIZE]);

bool farm_id_check(const char *id);

#endif
