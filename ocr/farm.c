#include "ocr/farm.h"

#include <jansson.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/alto.h"
#include "ocr/farm_image.h"
#include "ocr/farm_wire.h"

#define IN_FLIGHT_BYTES (64ll << 20)
#define PATIENCE_MS	600000
#define GONE_MS		3000 /* a broker that is away so long: its pages are done here */
#define FETCH_MS	100
#define FETCH_MOST	64
#define LOOK_MS		1000 /* how often it is asked whether anybody takes pages */
#define NOBODY_MS	5000 /* that nobody waits for pages, has one or took one: there is nobody */

struct sent { /* a page that is out */
	uint64_t id;
	char job[FARM_ID_SIZE];
	char image_sha256[HASH_SIZE];
	uint64_t sequence; /* in the pages' stream, 0 while it has to be sent (again) */
	uint8_t *data;
	size_t n_bytes;
	struct farm_page page; /* without its image */
	int width_px, height_px, depth;
	int64_t sent_ms, due_ms;
	int64_t seen_ms; /* when it was last known to be in the stream */
	bool missed;	 /* once it was not */
	struct sent *next;
};

struct ready {
	struct farm_result result;
	struct ready *next;
};

struct farm {
	struct farm_link link;
	char owner[FARM_ID_SIZE];
	natsSubscription *texts, *given_up, *terminated;
	uint64_t reconnects;
	bool away;
	int64_t away_since_ms;
	int64_t shaken_ms;	   /* when the broker last went away or its cluster elected anew */
	int64_t look_ms, taken_ms; /* the next look at the queue; when somebody was last there */
	char leader[64];	   /* of the workers' consumer; empty where there is no cluster */
	int64_t in_flight_bytes, limit_bytes;
	int patience_ms, n_sent, n_ready;
	struct sent *sent;
	struct ready *ready, **ready_end;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void unsubscribe(struct farm *farm)
{
	natsSubscription_Destroy(farm->texts);
	natsSubscription_Destroy(farm->given_up);
	natsSubscription_Destroy(farm->terminated);
	farm->texts = farm->given_up = farm->terminated = NULL;
}

/* Which broker of the cluster hands pages out; another one than before may have lost deliveries. */
static void leader_look(struct farm *farm)
{
	jsConsumerInfo *info = NULL;
	char durable[64];

	if (js_GetConsumerInfo(&info, farm->link.js, FARM_PAGES,
		farm_consumer(&farm->link, durable, sizeof durable), NULL, NULL) != NATS_OK) {
		farm->shaken_ms = now_ms();
		return;
	}
	const char *leader = info->Cluster && info->Cluster->Leader ? info->Cluster->Leader : "";
	if (strcmp(leader, farm->leader) != 0) {
		farm->shaken_ms = now_ms();
		snprintf(farm->leader, sizeof farm->leader, "%s", leader);
	}
	jsConsumerInfo_Destroy(info);
}

/* Everything on the broker's side that a restart of it may have taken. */
static bool subscribe(struct farm *farm, struct error *err)
{
	char subject[128], durable[64];
	jsSubOptions options;
	natsStatus s;

	unsubscribe(farm);
	if (!farm_link_prepare(&farm->link, err))
		return false;
	jsSubOptions_Init(&options);
	options.Stream = FARM_TEXTS;
	options.Config.AckPolicy = js_AckExplicit;
	options.Config.AckWait = farm->link.ack_wait_ms * 1000000;
	options.Config.InactiveThreshold = 3600ll * 1000000000;
	snprintf(subject, sizeof subject, "altakt.text.%s", farm->owner);
	snprintf(durable, sizeof durable, "owner-%s", farm->owner);
	s = js_PullSubscribe(&farm->texts, farm->link.js, subject, durable, NULL, &options, NULL);
	if (s == NATS_OK)
		s = natsConnection_SubscribeSync(&farm->given_up, farm->link.connection,
		    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." FARM_PAGES ".>");
	if (s == NATS_OK)
		s = natsConnection_SubscribeSync(&farm->terminated, farm->link.connection,
		    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." FARM_PAGES ".>");
	if (s != NATS_OK)
		return error_set(err, ERROR_BUSY, NULL,
		    _("the farm's answers cannot be awaited: %s"), natsStatus_GetText(s));
	leader_look(farm);
	farm->shaken_ms = now_ms();
	return true;
}

bool farm_open(const struct farm_options *options, struct farm **out, struct error *err)
{
	struct farm *farm = calloc(1, sizeof *farm);
	bool ok = false;

	if (!farm)
		return error_errno(err, NULL, _("cannot open the farm"));
	farm_id(farm->owner);
	farm->ready_end = &farm->ready;
	farm->limit_bytes = options->in_flight_bytes ? options->in_flight_bytes : IN_FLIGHT_BYTES;
	farm->patience_ms = options->patience_ms ? options->patience_ms : PATIENCE_MS;
	if (!farm_link_open(options, "altakt", &farm->link, err) || !subscribe(farm, err))
		goto done;
	farm->reconnects = farm_link_reconnects(&farm->link);
	*out = farm;
	ok = true;
done:
	if (!ok)
		farm_close(farm);
	return ok;
}

static void sent_free(struct sent *sent)
{
	free(sent->data);
	free(sent);
}

void farm_close(struct farm *farm)
{
	char durable[64];

	if (!farm)
		return;
	for (struct sent *sent = farm->sent, *next; sent; sent = next) {
		next = sent->next;
		if (sent->sequence && !farm->away) /* nobody waits for it any more */
			js_DeleteMsg(farm->link.js, FARM_PAGES, sent->sequence, NULL, NULL);
		sent_free(sent);
	}
	for (struct ready *ready = farm->ready, *next; ready; ready = next) {
		next = ready->next;
		recognition_release(&ready->result.recognition);
		free(ready);
	}
	unsubscribe(farm);
	if (farm->link.js && !farm->away) {
		snprintf(durable, sizeof durable, "owner-%s", farm->owner);
		js_DeleteConsumer(farm->link.js, FARM_TEXTS, durable, NULL, NULL);
	}
	farm_link_close(&farm->link);
	free(farm);
}

bool farm_refused(const struct farm *farm)
{
	return natsConnection_IsClosed(farm->link.connection);
}

static const char *refusal(void)
{
	return _("the farm's broker does not take us any more: see 'farm.credentials' and "
		 "'farm.certificate'");
}

bool farm_has_room(const struct farm *farm)
{
	return farm->in_flight_bytes < farm->limit_bytes;
}

int farm_jobs(const struct farm *farm)
{
	return farm->n_sent + farm->n_ready;
}

static natsStatus publish(struct farm *farm, struct sent *sent)
{
	char subject[128], page[256];
	jsPubOptions options;
	jsPubAck *ack = NULL;
	natsMsg *msg = NULL;
	natsStatus s;

	snprintf(subject, sizeof subject, "altakt.page.%s.%s", farm->link.models, farm->owner);
	/* whole numbers in hundredths: the same in every locale */
	snprintf(page, sizeof page, "%ld %ld %d %d %ld %d %d %d %d", lround(sent->page.scale * 1e6),
	    lround(sent->page.image_dpi * 100), sent->page.page_width_px, sent->page.page_height_px,
	    lround(sent->page.page_dpi * 100), sent->page.timeout_ms, sent->width_px,
	    sent->height_px, sent->depth);
	s = natsMsg_Create(&msg, subject, NULL, (const char *)sent->data, (int)sent->n_bytes);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_JOB, sent->job);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_IMAGE, sent->image_sha256);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_OWNER, farm->owner);
	if (s == NATS_OK)
		s = natsMsgHeader_Set(msg, FARM_PAGE, page);
	jsPubOptions_Init(&options);
	options.MsgId = sent->job; /* sent again after a doubt, it is in the stream once */
	if (s == NATS_OK)
		s = js_PublishMsg(&ack, farm->link.js, msg, &options, NULL);
	if (s == NATS_OK) {
		sent->sequence = ack->Sequence;
		sent->seen_ms = now_ms();
	}
	jsPubAck_Destroy(ack);
	natsMsg_Destroy(msg);
	return s;
}

bool farm_submit(struct farm *farm, uint64_t id, const struct farm_page *page, struct error *err)
{
	struct sent *sent = calloc(1, sizeof *sent);
	PIX *image = (PIX *)(uintptr_t)page->image;
	natsStatus s;
	bool ok = false;

	if (!sent)
		return error_errno(err, NULL, _("cannot send the page to the farm"));
	if (!farm_image_pack(image, &sent->data, &sent->n_bytes, err))
		goto done;
	if (sent->n_bytes > FARM_IMAGE_LIMIT_BYTES ||
	    (int64_t)sent->n_bytes + 4096 > natsConnection_GetMaxPayload(farm->link.connection)) {
		error_set(err, ERROR_INPUT, _("raise 'max_payload' in the broker's settings"),
		    _("an image of %zu bytes is too large for the farm"), sent->n_bytes);
		goto done;
	}
	farm_id(sent->job);
	hash_bytes(HASH_SHA256, sent->data, sent->n_bytes, sent->image_sha256);
	sent->id = id;
	sent->page = *page;
	sent->page.image = NULL;
	sent->width_px = pixGetWidth(image);
	sent->height_px = pixGetHeight(image);
	sent->depth = pixGetDepth(image);
	sent->sent_ms = now_ms();
	sent->due_ms = sent->sent_ms + farm->patience_ms;
	s = natsConnection_Status(farm->link.connection) == NATS_CONN_STATUS_CONNECTED
	    ? publish(farm, sent)
	    : NATS_NOT_YET_CONNECTED;
	if (s != NATS_OK && farm_refused(farm)) {
		error_set(err, ERROR_BUSY, NULL, "%s", refusal());
		goto done;
	}
	if (s != NATS_OK) {
		error_set(err, ERROR_BUSY, NULL, _("the farm takes no page now: %s"),
		    natsStatus_GetText(s));
		goto done;
	}
	if (!farm->sent)
		farm->taken_ms = sent->sent_ms;
	farm->in_flight_bytes += (int64_t)sent->n_bytes;
	farm->n_sent++;
	sent->next = farm->sent;
	farm->sent = sent;
	sent = NULL;
	ok = true;
done:
	if (sent)
		sent_free(sent);
	return ok;
}

/* Takes a page off the list of those that are out, with its result. */
static void settle(struct farm *farm, struct sent *sent, enum farm_outcome outcome,
    const char *failure, struct recognition *recognition)
{
	struct ready *ready = calloc(1, sizeof *ready);

	if (!ready)
		abort(); /* a few bytes: the machine is at its end, the journal is not */
	for (struct sent **at = &farm->sent; *at; at = &(*at)->next)
		if (*at == sent) {
			*at = sent->next;
			break;
		}
	ready->result.id = sent->id;
	ready->result.outcome = outcome;
	if (failure)
		snprintf(ready->result.failure, sizeof ready->result.failure, "%.159s", failure);
	if (recognition) {
		ready->result.recognition = *recognition;
		*recognition = (struct recognition){0};
	}
	*farm->ready_end = ready;
	farm->ready_end = &ready->next;
	farm->n_ready++;
	farm->n_sent--;
	farm->in_flight_bytes -= (int64_t)sent->n_bytes;
	sent_free(sent);
}

static void withdraw(struct farm *farm, const struct sent *sent)
{
	if (sent->sequence)
		js_DeleteMsg(farm->link.js, FARM_PAGES, sent->sequence, NULL, NULL);
}

/* An answer is believed only where it is sound ALTO of the page that was sent. */
static bool answer_read(
    const struct sent *sent, natsMsg *msg, struct recognition *out, struct error *err)
{
	const char *data = natsMsg_GetData(msg), *figures = NULL;
	int n_bytes = natsMsg_GetDataLength(msg), confidence = 0;
	struct alto_page page = {0};
	bool ok = false;

	if (natsMsgHeader_Get(msg, FARM_FIGURES, &figures) != NATS_OK ||
	    sscanf(figures, "%d %d %d", &out->words, &confidence, &out->seconds_ms) != 3 ||
	    out->words < 0 || confidence < 0 || confidence > 10000 || out->seconds_ms < 0) {
		error_set(err, ERROR_INPUT, NULL, "a worker's answer has no figures");
		goto done;
	}
	out->mean_confidence = confidence / 100.0;
	if (!alto_page_parse(data, (size_t)n_bytes, &page, err))
		goto done;
	int words = 0;
	for (int i = 0; i < page.n_lines; i++)
		words += page.lines[i].n_words;
	if (page.width_px != sent->page.page_width_px ||
	    page.height_px != sent->page.page_height_px || words != out->words) {
		error_set(err, ERROR_INPUT, NULL, "a worker's answer is of another page");
		goto done;
	}
	out->alto = malloc((size_t)n_bytes + 1);
	if (!out->alto) {
		error_errno(err, NULL, _("no memory for the page's text"));
		goto done;
	}
	memcpy(out->alto, data, (size_t)n_bytes);
	out->alto[n_bytes] = '\0';
	out->alto_bytes = (size_t)n_bytes;
	ok = true;
done:
	alto_page_release(&page);
	return ok;
}

static void answer_take(struct farm *farm, natsMsg *msg)
{
	const char *job = NULL, *image = NULL, *failure = NULL;
	struct recognition recognition = {0};
	struct error err = {0};
	struct sent *sent = NULL;

	if (natsMsgHeader_Get(msg, FARM_JOB, &job) == NATS_OK &&
	    natsMsgHeader_Get(msg, FARM_IMAGE, &image) == NATS_OK)
		for (sent = farm->sent; sent; sent = sent->next)
			if (strcmp(sent->job, job) == 0 && strcmp(sent->image_sha256, image) == 0)
				break;
	if (sent && sent->sent_ms < farm->shaken_ms)
		withdraw(farm, sent); /* its worker may not have acknowledged what is out anew */
	if (sent) {		      /* else it came twice, or for a page that has changed since */
		if (natsMsgHeader_Get(msg, FARM_FAILURE, &failure) == NATS_OK) {
			settle(farm, sent, FARM_FAILED, failure, NULL);
		} else if (answer_read(sent, msg, &recognition, &err)) {
			settle(farm, sent, FARM_DONE, NULL, &recognition);
		} else {
			log_put(LOG_WARNING, "farm", "%s", err.what);
			settle(farm, sent, FARM_RUBBISH, err.what, NULL);
		}
	}
	natsMsg_Ack(msg, NULL);
}

/* The next of our pages that the broker speaks of; false when it has said all. */
static bool advisory_next(struct farm *farm, natsSubscription *from, struct sent **of)
{
	natsMsg *msg = NULL;

	*of = NULL;
	while (!*of && from && natsSubscription_NextMsg(&msg, from, 0) == NATS_OK) {
		json_t *advisory =
		    json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
		uint64_t sequence =
		    (uint64_t)json_integer_value(json_object_get(advisory, "stream_seq"));

		for (*of = farm->sent; *of && (!sequence || (*of)->sequence != sequence);)
			*of = (*of)->next;
		json_decref(advisory);
		natsMsg_Destroy(msg);
		msg = NULL;
	}
	return *of != NULL;
}

/*
 * The broker says which messages it has handed out for the last time, and which of them a worker
 * has ended without an answer: the broker had no room for it.
 */
static void given_up_take(struct farm *farm)
{
	struct sent *sent;

	while (advisory_next(farm, farm->given_up, &sent)) {
		withdraw(farm, sent); /* a work queue keeps it otherwise */
		leader_look(farm);
		if (sent->sent_ms < farm->shaken_ms) /* no word about workers */
			settle(farm, sent, FARM_LOST, "the farm's broker failed while it was out",
			    NULL);
		else
			settle(farm, sent, FARM_ASIDE,
			    "two workers of the farm died or went silent on this page", NULL);
	}
	while (advisory_next(farm, farm->terminated, &sent))
		settle(farm, sent, FARM_LOST,
		    "a worker could not answer: the broker has no room, or the page came damaged",
		    NULL);
}

/* After the broker was away: what it lost is made anew, and pages it does not know are sent again.
 */
static void come_back(struct farm *farm)
{
	struct error err = {0};

	if (natsConnection_Status(farm->link.connection) != NATS_CONN_STATUS_CONNECTED) {
		if (!farm->away)
			farm->away_since_ms = now_ms();
		farm->away = true;
		return;
	}
	uint64_t reconnects = farm_link_reconnects(&farm->link);
	if (farm->away || reconnects != farm->reconnects || !farm->texts) {
		if (!subscribe(farm, &err)) { /* up, but not ready: a cluster elects its leader */
			if (!farm->away)
				farm->away_since_ms = now_ms();
			farm->away = true;
			return;
		}
		farm->away = false;
		farm->reconnects = reconnects;
		for (struct sent *sent = farm->sent; sent; sent = sent->next)
			sent->sequence = 0;
	}
	for (struct sent *sent = farm->sent; sent; sent = sent->next)
		if (!sent->sequence && publish(farm, sent) != NATS_OK)
			break; /* the next time round */
}

/* Whether no worker with these models is there: none waits for a page, and none has one. */
static bool nobody_there(struct farm *farm)
{
	jsConsumerInfo *info = NULL;
	int64_t now = now_ms();
	char durable[64];

	if (!farm->sent || farm->away) {
		farm->taken_ms = now;
		return false;
	}
	if (now < farm->look_ms)
		return false;
	farm->look_ms = now + LOOK_MS;
	if (js_GetConsumerInfo(&info, farm->link.js, FARM_PAGES,
		farm_consumer(&farm->link, durable, sizeof durable), NULL, NULL) != NATS_OK ||
	    info->NumWaiting > 0 || info->NumAckPending > 0 || info->NumPending == 0)
		farm->taken_ms = now;
	jsConsumerInfo_Destroy(info);
	return now - farm->taken_ms > NOBODY_MS;
}

/*
 * Whether the broker has done with all pages up to this one. It can pass one over: after a restart,
 * where pages are deleted while it hands others out (nats-server 2.9).
 */
static bool passed_over(struct farm *farm, uint64_t sequence)
{
	jsConsumerInfo *info = NULL;
	char durable[64];
	bool passed =
	    js_GetConsumerInfo(&info, farm->link.js, FARM_PAGES,
		farm_consumer(&farm->link, durable, sizeof durable), NULL, NULL) == NATS_OK &&
	    ((info->NumPending == 0 && info->NumAckPending == 0) ||
		info->AckFloor.Stream >= sequence);

	jsConsumerInfo_Destroy(info);
	return passed;
}

/*
 * A page whose answer does not come and that the stream does not hold any more, or that its queue
 * does not hand out, was lost with its broker, or by the acknowledgement of another page that had
 * its number before: it is sent anew, under a new name, since the broker takes each name once.
 */
static void missing_look(struct farm *farm, struct sent *sent)
{
	natsMsg *msg = NULL;
	const char *job = NULL;
	natsStatus s = js_GetMsg(&msg, farm->link.js, FARM_PAGES, sent->sequence, NULL, NULL);
	bool here = s == NATS_OK && natsMsgHeader_Get(msg, FARM_JOB, &job) == NATS_OK &&
	    strcmp(job, sent->job) == 0;

	natsMsg_Destroy(msg);
	sent->seen_ms = now_ms();
	if (s != NATS_OK && s != NATS_NOT_FOUND)
		return; /* the broker is away: come_back() asks it */
	bool missing = !here || passed_over(farm, sent->sequence);
	if (missing && sent->missed) { /* twice: its answer is not just under way */
		log_put(LOG_WARNING, "farm", "a page that the broker has lost is sent again");
		if (here)
			withdraw(farm, sent);
		farm_id(sent->job);
		sent->sequence = 0;
	}
	sent->missed = missing && !sent->missed;
}

static void overdue(struct farm *farm)
{
	bool refused = farm_refused(farm); /* credentials withdrawn while we were at it, say */
	bool gone = refused || (farm->away && now_ms() - farm->away_since_ms > GONE_MS);
	bool nobody = nobody_there(farm);

	for (struct sent *sent = farm->sent, *next; sent; sent = next) {
		next = sent->next;
		if (gone) {
			settle(farm, sent, FARM_LOST,
			    refused ? refusal() : "the farm's broker is gone", NULL);
		} else if (nobody) {
			withdraw(farm, sent);
			settle(farm, sent, FARM_LOST,
			    "the farm has no worker with these models now", NULL);
		} else if (sent->sequence && !farm->away &&
		    now_ms() - sent->seen_ms > farm->link.ack_wait_ms) {
			missing_look(farm, sent);
		} else if (now_ms() >= sent->due_ms) {
			withdraw(farm, sent);
			settle(
			    farm, sent, FARM_LOST, "no worker of the farm answered in time", NULL);
		}
	}
}

bool farm_next(
    struct farm *farm, int timeout_ms, struct farm_result *result, bool *got, struct error *err)
{
	int64_t until = now_ms() + timeout_ms;

	*got = false;
	for (;;) {
		come_back(farm);
		given_up_take(farm);
		overdue(farm);
		if (farm->ready) {
			struct ready *ready = farm->ready;

			farm->ready = ready->next;
			if (!farm->ready)
				farm->ready_end = &farm->ready;
			farm->n_ready--;
			*result = ready->result;
			free(ready);
			*got = true;
			return true;
		}
		int64_t left = timeout_ms < 0 ? FETCH_MS : until - now_ms();
		if (!farm->n_sent && timeout_ms < 0)
			return true;
		if (!farm->away && farm->texts) {
			natsMsgList list = {0};
			int64_t wait_ms = left < 1 ? 1 : left < FETCH_MS ? left : FETCH_MS;

			natsStatus s =
			    natsSubscription_Fetch(&list, farm->texts, FETCH_MOST, wait_ms, NULL);

			if (s == NATS_OK) {
				for (int i = 0; i < list.Count; i++)
					answer_take(farm, list.Msgs[i]);
				natsMsgList_Destroy(&list);
				continue;
			}
			if (s != NATS_TIMEOUT) { /* the broker forgot us */
				unsubscribe(farm);
				nats_Sleep(wait_ms);
			}
		} else {
			nats_Sleep(left < 1 ? 1 : left < FETCH_MS ? left : FETCH_MS);
		}
		if (timeout_ms >= 0 && now_ms() >= until)
			return true;
	}
}

bool farm_recognise(
    struct farm *farm, const struct farm_page *page, struct farm_result *result, struct error *err)
{
	bool got = false;

	if (!farm_submit(farm, 0, page, err))
		return false;
	return farm_next(farm, -1, result, &got, err);
}
