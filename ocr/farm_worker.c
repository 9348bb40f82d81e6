/* The farm's other side: takes a page, recognises it, answers. */
#include <leptonica/allheaders.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/farm.h"
#include "ocr/farm_image.h"
#include "ocr/farm_wire.h"

#define FETCH_MS     1000
#define AGAIN_MS     500
#define ANSWER_TRIES 20 /* a cluster that elects its leader takes no answer for some seconds */

/* While a page takes long, the broker hears that somebody is at it. */
struct keeper {
	natsMsg *msg;
	int64_t every_ms;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool end;
};

static void *keep(void *self)
{
	struct keeper *keeper = self;
	struct timespec until;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->end) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += keeper->every_ms / 1000;
		until.tv_nsec += keeper->every_ms % 1000 * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&keeper->ended, &keeper->lock, &until) != 0 &&
		    !keeper->end)
			natsMsg_InProgress(keeper->msg, NULL);
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

/* What came from the broker, checked: false where no owner of ours would have sent it. */
static bool page_read(natsMsg *msg, struct farm_page *page, PIX **image)
{
	const char *sha256 = NULL, *figures = NULL, *data = natsMsg_GetData(msg);
	size_t n_bytes = (size_t)natsMsg_GetDataLength(msg);
	int width, height, depth;
	long scale, image_dpi, page_dpi;
	char hex[HASH_SIZE];

	if (n_bytes == 0 || n_bytes > FARM_IMAGE_LIMIT_BYTES ||
	    natsMsgHeader_Get(msg, FARM_IMAGE, &sha256) != NATS_OK ||
	    natsMsgHeader_Get(msg, FARM_PAGE, &figures) != NATS_OK ||
	    sscanf(figures, "%ld %ld %d %d %ld %d %d %d %d", &scale, &image_dpi,
		&page->page_width_px, &page->page_height_px, &page_dpi, &page->timeout_ms, &width,
		&height, &depth) != 9)
		return false;
	if (scale < 1 || scale > 100000000 || image_dpi < 0 || page_dpi < 0 ||
	    page->page_width_px < 1 || page->page_height_px < 1 || page->page_width_px > 1000000 ||
	    page->page_height_px > 1000000 || page->timeout_ms < 0)
		return false;
	page->scale = (double)scale / 1e6;
	page->image_dpi = (double)image_dpi / 100.0;
	page->page_dpi = (double)page_dpi / 100.0;
	hash_bytes(HASH_SHA256, data, n_bytes, hex);
	if (strcmp(hex, sha256) != 0 ||
	    !farm_image_unpack(data, n_bytes, width, height, depth, image, NULL))
		return false;
	page->image = *image;
	return true;
}

/* Whether the broker is there and has no room for the answer: another worker would fare alike. */
static bool no_room(natsStatus s, jsErrCode code)
{
	return s == NATS_MAX_PAYLOAD ||
	    (s != NATS_OK &&
		(code == JSStreamStoreFailedErr || code == JSInsufficientResourcesErr ||
		    code == JSStreamMessageExceedsMaximumErr ||
		    code == JSAccountResourcesExceededErr || code == JSMemoryResourcesExceededErr ||
		    code == JSStorageResourcesExceededErr));
}

static natsStatus answer_send(struct farm_link *link, natsMsg *asked,
    const struct recognition *recognition, const char *failure, bool *full)
{
	const char *job = NULL, *image = NULL, *owner = NULL;
	char subject[128], figures[64], id[FARM_ID_SIZE + 8];
	jsPubOptions options;
	jsErrCode code = 0;
	natsMsg *msg = NULL;
	natsStatus s;

	*full = false;
	if (natsMsgHeader_Get(asked, FARM_JOB, &job) != NATS_OK ||
	    natsMsgHeader_Get(asked, FARM_IMAGE, &image) != NATS_OK ||
	    natsMsgHeader_Get(asked, FARM_OWNER, &owner) != NATS_OK || !farm_id_check(owner) ||
	    !farm_id_check(job))
		return NATS_INVALID_ARG;
	snprintf(subject, sizeof subject, "altakt.text.%s", owner);
	s = natsMsg_Create(&msg, subject, NULL, recognition ? recognition->alto : "",
	    recognition ? (int)recognition->alto_bytes : 0);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_JOB, job);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_IMAGE, image);
	if (recognition)
		snprintf(figures, sizeof figures, "%d %d %d", recognition->words,
		    (int)lround(recognition->mean_confidence * 100), recognition->seconds_ms);
	if (s == NATS_OK)
		s = recognition ? natsMsgHeader_Set(msg, FARM_FIGURES, figures)
				: natsMsgHeader_Set(msg, FARM_FAILURE, failure);
	jsPubOptions_Init(&options);
	snprintf(id, sizeof id, "text-%s", job);
	options.MsgId = id; /* two workers that did the same page answer once */
	if (s == NATS_OK)
		s = js_PublishMsg(NULL, link->js, msg, &options, &code);
	*full = no_room(s, code);
	natsMsg_Destroy(msg);
	return s;
}

static void page_do(struct farm_link *link, natsMsg *msg, farm_recogniser recognise, void *self)
{
	struct keeper keeper = {.msg = msg, .every_ms = link->ack_wait_ms / 3};
	struct recognition recognition = {0};
	struct farm_page page = {0};
	struct error err = {0};
	PIX *image = NULL;
	pthread_t thread;
	uint64_t reconnects = farm_link_reconnects(link);
	bool done, kept, full = false;

	if (!page_read(msg, &page, &image)) {
		log_put(LOG_WARNING, "farm", "a message that is no page of ours is deleted");
		natsMsg_Term(msg, NULL);
		return;
	}
	pthread_mutex_init(&keeper.lock, NULL);
	pthread_cond_init(&keeper.ended, NULL);
	kept = pthread_create(&thread, NULL, keep, &keeper) == 0;
	done = recognise(self, &page, &recognition, &err);
	if (kept) {
		pthread_mutex_lock(&keeper.lock);
		keeper.end = true;
		pthread_cond_signal(&keeper.ended);
		pthread_mutex_unlock(&keeper.lock);
		pthread_join(thread, NULL);
	}
	pthread_cond_destroy(&keeper.ended);
	pthread_mutex_destroy(&keeper.lock);
	for (char *p = err.what; *p; p++) /* a header is one line */
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	natsStatus s = answer_send(link, msg, done ? &recognition : NULL, err.what, &full);
	int64_t full_ms = 0;
	for (int i = 1; i < ANSWER_TRIES && full_ms < link->ack_wait_ms / 3 && s != NATS_OK &&
	     s != NATS_INVALID_ARG;
	     i++) {
		natsMsg_InProgress(msg, NULL);
		nats_Sleep(AGAIN_MS);
		s = answer_send(link, msg, done ? &recognition : NULL, err.what, &full);
		full_ms = full ? full_ms + AGAIN_MS : 0;
	}
	/* A broker that came back with empty streams counts from one again: this acknowledgement
	 * could delete another page. The owner withdraws its page when it has the answer. */
	if (farm_link_reconnects(link) == reconnects) {
		if (s == NATS_OK)
			natsMsg_AckSync(msg, NULL, NULL);
		else if (s == NATS_INVALID_ARG || full) /* its owner hears it */
			natsMsg_Term(msg, NULL);
	}
	if (full)
		log_put(LOG_WARNING, "farm",
		    "the broker has no room for an answer; the page's owner reads it");
	else if (s != NATS_OK)
		log_put(LOG_WARNING, "farm", "cannot answer: %s; the page goes to another worker",
		    natsStatus_GetText(s));
	recognition_release(&recognition);
	pixDestroy(&image);
}

static natsStatus queue_join(struct farm_link *link, natsSubscription **queue)
{
	char durable[64];
	jsSubOptions options;

	jsSubOptions_Init(&options);
	options.Stream = FARM_PAGES;
	options.Consumer = farm_consumer(link, durable, sizeof durable);
	return js_PullSubscribe(queue, link->js, NULL, durable, NULL, &options, NULL);
}

/* Until the broker is there or *stop is set; false where it is there and does not take us. */
static bool link_await(const struct farm_options *options, struct farm_link *link,
    const volatile sig_atomic_t *stop, struct error *err)
{
	bool said = false;

	for (struct error why = {0}; !farm_link_open(options, "altakt worker", link, &why);) {
		if (why.kind != ERROR_BUSY) {
			*err = why;
			return false;
		}
		if (!said)
			log_put(LOG_WARNING, "farm", "%s; waiting for it", why.what);
		said = true;
		if (*stop)
			return true;
		nats_Sleep(AGAIN_MS);
	}
	return true;
}

bool farm_work(const struct farm_options *options, farm_recogniser recognise, void *self,
    const volatile sig_atomic_t *stop, struct error *err)
{
	natsSubscription *queue = NULL;
	struct farm_link link = {0};

	if (!link_await(options, &link, stop, err))
		return false;
	while (!*stop) {
		natsMsgList list = {0};
		natsStatus s = NATS_OK;

		if (natsConnection_IsClosed(link.connection)) { /* for good: it did not take us */
			natsSubscription_Destroy(queue);
			queue = NULL;
			farm_link_close(&link);
			if (!link_await(options, &link, stop, err))
				return false;
			continue;
		}
		if (!queue &&
		    (!farm_link_prepare(&link, NULL) || queue_join(&link, &queue) != NATS_OK)) {
			nats_Sleep(
			    AGAIN_MS); /* the broker is away, or a cluster elects its leader */
			continue;
		}
		s = natsSubscription_Fetch(&list, queue, 1, FETCH_MS, NULL);
		if (s == NATS_OK) {
			for (int i = 0; i < list.Count; i++)
				page_do(&link, list.Msgs[i], recognise, self);
			natsMsgList_Destroy(&list);
		} else if (s != NATS_TIMEOUT) {
			natsSubscription_Destroy(queue);
			queue = NULL;
			nats_Sleep(AGAIN_MS);
		}
	}
	natsSubscription_Destroy(queue);
	farm_link_close(&link);
	return true;
}

bool farm_recognise_page(
    void *self, const struct farm_page *page, struct recognition *out, struct error *err)
{
	return recogniser_page(self, page->image, page->scale, page->image_dpi, page->page_width_px,
	    page->page_height_px, page->page_dpi, "P1", page->timeout_ms, out, err);
}
