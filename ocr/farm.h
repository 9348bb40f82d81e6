/*
 * Recognition on other machines, over NATS with JetStream. A page's image (thresholded or grey, as
 * small as recognition wants it) goes out, ALTO comes back; neither carries a name or a number.
 *
 *	owner ── altakt.page.<models>.<owner> ──► stream ALTAKT_PAGES ──► a worker with these models
 *	owner ◄── stream ALTAKT_TEXTS ◄── altakt.text.<owner> ──────────────┘
 *
 * Both are work-queue streams: what is acknowledged is deleted. A page is handed out twice at most;
 * if no worker answers then, it is set aside. Answers count once, for the image that was sent, and
 * only where they are sound ALTO of that page. One thread uses a farm. It has the pool's shape, but
 * for room, which is counted in bytes.
 */
#ifndef ALTAKT_OCR_FARM_H
#define ALTAKT_OCR_FARM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"
#include "ocr/recogniser.h"

struct Pix;
struct farm;

#define FARM_IMAGE_LIMIT_BYTES (8u << 20)

struct farm_options {		 /* texts are borrowed for the call; NULL and "" are the same */
	const char *url;	 /* "tls://a:4222,tls://b:4222"; nats:// on loopback only */
	const char *ca;		 /* TLS: whom to trust, PEM */
	const char *certificate; /* TLS: who we are, PEM */
	const char *key;	 /* TLS: its key, PEM */
	const char *credentials; /* NATS's own, a .creds file */
	const char *models; /* recogniser_models(): part of the subject, as is altakt's version */
	int64_t in_flight_bytes; /* 0: 64 MiB */
	int ack_wait_ms;	 /* after which a silent worker counts as dead; 0: 30 s */
	int patience_ms;	 /* for one page, the queue included; 0: 10 minutes */
	bool on_disk;		 /* streams on the broker's (encrypted) disk, not in its memory */
	int replicas;		 /* 0: 1 */
};

/*
 * ERROR_SETUP: an address that is not on loopback without tls:// and credentials or certificate, a
 * certificate that cannot be read, a broker that does not take us; ERROR_BUSY: the broker cannot be
 * reached.
 */
bool farm_open(const struct farm_options *options, struct farm **out, struct error *err);
bool farm_refused(const struct farm *farm); /* the broker takes us no more: close it, open anew */
void farm_close(struct farm *farm);	    /* accepts NULL */

/* Whether an address may be used (see farm_open()), without connecting. */
bool farm_address_check(const struct farm_options *options, struct error *err);

struct farm_page {
	const struct Pix *image; /* depth 1 or 8, as recogniser_page() takes it; borrowed */
	double scale, image_dpi;
	int page_width_px, page_height_px;
	double page_dpi;
	int timeout_ms;
};

bool farm_has_room(const struct farm *farm); /* bytes in flight are below the limit */
int farm_jobs(const struct farm *farm);

/*
 * Sends a page. ERROR_BUSY: the broker is gone or its stream full: recognise it here. ERROR_INPUT:
 * too large for the broker.
 */
bool farm_submit(struct farm *farm, uint64_t id, const struct farm_page *page, struct error *err);

enum farm_outcome {
	FARM_DONE,
	FARM_FAILED,  /* a worker's word on this page; try it here, workers may be wrong */
	FARM_ASIDE,   /* two workers died or went silent on this page: do not try it again */
	FARM_RUBBISH, /* the answer was no sound ALTO of this page: recognise it here */
	FARM_LOST,    /* broker gone, shaken or full, nobody there or too late: recognise it here */
};

struct farm_result {
	uint64_t id;
	enum farm_outcome outcome;
	char failure[160];
	struct recognition recognition; /* FARM_DONE: yours */
};

/* As pool_next(); timeout_ms -1 waits until there is one or no job is in flight. */
bool farm_next(
    struct farm *farm, int timeout_ms, struct farm_result *result, bool *got, struct error *err);

/* One page, waiting for it: submit and next in one. */
bool farm_recognise(
    struct farm *farm, const struct farm_page *page, struct farm_result *result, struct error *err);

/* The worker's side */

typedef bool (*farm_recogniser)(
    void *self, const struct farm_page *page, struct recognition *out, struct error *err);

/*
 * Takes pages and answers them until *stop is set. Waits for a broker that is not there, at the
 * start as later. Says in-progress while a page takes long. ERROR_SETUP as farm_open().
 */
bool farm_work(const struct farm_options *options, farm_recogniser recognise, void *self,
    const volatile sig_atomic_t *stop, struct error *err);

/* A farm_recogniser; self is a struct recogniser. */
bool farm_recognise_page(
    void *self, const struct farm_page *page, struct recognition *out, struct error *err);

#endif
