#include "batch/feed.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/clock.h"
#include "batch/feed_sheet.h"
#include "batch/person.h"
#include "batch/pipeline.h"
#include "batch/refed.h"
#include "batch/register.h"
#include "batch/resume.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "scan/feeder.h"

/* While a person is awaited, page work goes on. */
static void work_on(void *self)
{
	struct feed *feed = self;
	struct error said_later = {0};
	bool busy = false;

	if (feed->options->pipeline && feed->opened)
		pipeline_turn(feed->options->pipeline, &feed->batch, &busy, &said_later);
}

/* Ask on a terminal, wait for Enter; false: nobody is there to ask. */
static bool person_mends(struct feed *feed, const struct error *why)
{
	char text[1100], answer[PERSON_ANSWER_SIZE];

	return person_ask(error_text(why, text, sizeof text),
	    _("Press Enter to go on, Ctrl-C to stop: "), work_on, feed, feed->options->stop,
	    answer);
}

/* Whether the open file has as many sheets as somebody counted: the second witness of its end. */
static bool count_agrees(const struct feed *feed)
{
	const struct tally *t = &feed->batch.tally;
	struct tally_counts c;

	if (!t->open_file)
		return false;
	tally_file_counts(t, t->open_file, &c);
	const struct tally_file *f = &t->files[t->open_file - 1];
	int slip = f->given >= 0 ? f->given : f->prepared;
	return slip >= 0 && slip == c.counted + c.blank_uncounted && c.suspects == 0;
}

/*
 * A feeder that says that it is empty is no proof that the stack is through. Where the batch is
 * closed next and no count agrees, the operator's word is asked for. True: there is more to feed.
 */
static bool more_to_feed(struct feed *feed)
{
	const struct feed_options *o = feed->options;
	char text[512], answer[PERSON_ANSWER_SIZE];

	if (!o->closes || o->imports || !feed->opened || !feed->started || feed->stopping ||
	    count_agrees(feed))
		return false;
	const struct tally *t = &feed->batch.tally;
	const char *file = t->open_file ? t->files[t->open_file - 1].file_number : "-";
	snprintf(text, sizeof text,
	    _("The feeder says that it is empty. Last sheet: %s/%d, file %s. Nobody has counted this file."),
	    feed->batch.name, t->n_sheets, file);
	while (person_ask(text,
	    _("Was that the whole stack? y: close the batch; Enter: more paper is in the feeder: "),
	    work_on, feed, o->stop, answer)) {
		if (!*answer)
			return true;
		if (strchr("yYjJ", *answer)) {
			feed->whole_stack = true;
			return false;
		}
	}
	if (person_there()) { /* Ctrl-C, or the end of input: nobody said that it was all */
		feed->stopping = true;
		feed->result->end = FEED_STOPPED;
		return false;
	}
	fprintf(stderr,
	    _("note: the feeder said that it is empty, and nobody has counted file %s: a register with the column sheets, or --sheets, would prove that it is whole\n"),
	    file);
	return false;
}

/* After the last sheet: what ended it, as an event; and the open file, where its count is right. */
static bool feeding_end(struct feed *feed, const char *reason, struct error *err)
{
	if (!feed->started)
		return true;
	if (!batch_begin(&feed->batch, err))
		return false;
	json_t *e = json_pack("{ssss}", "event", "feeding_stopped", "reason", reason);
	if (e && feed->whole_stack)
		json_object_set_new(e, "whole_stack", json_true());
	bool ok = feed_event(feed, e, err);
	if (ok && feed->result->end == FEED_EMPTY && count_agrees(feed))
		ok = feed_file_complete(feed, "count", err);
	if (!ok) {
		batch_rollback(&feed->batch);
		return false;
	}
	return batch_commit(&feed->batch, err);
}

static void progress_show(const struct feed *feed)
{
	const struct tally *t = &feed->batch.tally;

	fprintf(stderr,
	    PLURAL("\r%s: %d sheet recorded, file %s \033[K",
		"\r%s: %d sheets recorded, file %s \033[K", t->n_sheets),
	    feed->batch.name, t->n_sheets,
	    t->open_file ? t->files[t->open_file - 1].file_number : "-");
}

/* *ended true: feeding is over, feed->result says how. */
static bool event_take(struct feed *feed, struct feeder_event *e, bool *ended, struct error *err)
{
	switch (e->kind) {
	case FEEDER_SHEET:
		if (!feed_sheet_record(feed, &e->sheet, err))
			return false;
		if (isatty(STDERR_FILENO))
			progress_show(feed);
		return true;
	case FEEDER_EMPTY:
		if (more_to_feed(feed)) {
			feeder_resume(feed->feeder);
			return true;
		}
		*ended = true;
		if (!feed->stopping)
			feed->result->end = FEED_EMPTY;
		return true;
	case FEEDER_PAUSED:
	case FEEDER_STOPPED:
		*ended = true;
		if (!feed->stopping)
			feed->result->end = FEED_STOPPED;
		return true;
	case FEEDER_DISK:
		*ended = true;
		feed->result->end = FEED_DISK;
		feed->result->why = e->error;
		return true;
	case FEEDER_ERROR: break;
	}
	/* A jam, an open cover, or a device that failed or went away: a person acts, the state is
	 * kept. */
	if (e->error.kind != ERROR_PAPER && e->error.kind != ERROR_SETUP) {
		*err = e->error;
		return false;
	}
	if (e->unrecorded > 0)
		fprintf(stderr,
		    PLURAL(
			"%d sheet went through without being recorded: take it out and put it back on top, after the last recorded one\n",
			"%d sheets went through without being recorded: take them out and put them back on top, after the last recorded one\n",
			e->unrecorded),
		    e->unrecorded);
	if (feed->opened)
		resume_sheet_print(&feed->batch);
	if (person_mends(feed, &e->error)) {
		refed_close(feed->refed);
		feed->refed = feed->opened ? refed_open(&feed->batch) : NULL;
		feeder_resume(feed->feeder);
		return true;
	}
	*ended = true;
	feed->result->end = FEED_PAPER;
	feed->result->why = e->error;
	return true;
}

static bool loop(struct feed *feed, struct error *err)
{
	struct pipeline *pipeline = feed->options->pipeline;
	bool ended = false, told = false;
	struct pollfd fds[260];

	while (!ended) {
		for (bool got = true; got && !ended;) {
			struct feeder_event e = {0};
			if (!feeder_next(feed->feeder, &e, &got, err))
				return false;
			bool ok = !got || event_take(feed, &e, &ended, err);
			feeder_event_release(&e);
			if (!ok)
				return false;
		}
		if (ended)
			break;
		if (*feed->options->stop && !told) {
			told = true;
			fprintf(stderr, "%s", _("\nStopping after this sheet\n"));
			feeder_stop(feed->feeder);
		}
		bool busy = false;
		if (pipeline && feed->opened && !pipeline_turn(pipeline, &feed->batch, &busy, err))
			return false;
		fds[0] = (struct pollfd){.fd = feeder_descriptor(feed->feeder), .events = POLLIN};
		int n = 1;
		if (pipeline)
			n += pipeline_descriptors(pipeline, fds + 1, 259);
		if (poll(fds, (nfds_t)n, 250) < 0 && errno != EINTR)
			return error_errno(err, NULL, _("cannot wait for the scanner"));
	}
	return true;
}

static uint64_t reserve_bytes(const struct workspace *w)
{
	uint64_t free_bytes = 0, total = 0;
	struct error ignored = {0};

	if (settings_text(w->settings, "spool.reserve")[0])
		return settings_bytes(w->settings, "spool.reserve");
	uint64_t five = 5ull << 30;
	if (file_disk_free(w->path, &free_bytes, &total, &ignored) && total / 10 < five)
		return total / 10;
	return five;
}

static const char *const reasons[] = {"empty", "stop", "decide", "paper", "disk"};

bool feed_run(
    struct workspace *w, const struct feed_options *o, struct feed_result *out, struct error *err)
{
	struct feed feed = {.workspace = w, .options = o, .result = out};
	struct feeder_options fo = *o->feeder;
	char *spool = NULL;
	bool ok = false;

	*out = (struct feed_result){0};
	if (!batch_choose(w, o->batch, o->command, &feed.choice, err))
		goto done;
	if (!feed.choice.is_new) {
		if (!batch_open(w, feed.choice.name, &feed.batch, err))
			goto done;
		feed.opened = true;
		snprintf(out->batch, sizeof out->batch, "%s", feed.batch.name);
		if (!o->quiet) {
			fprintf(stderr, _("Going on with batch %s\n"), feed.batch.name);
			resume_sheet_print(&feed.batch);
			resume_asked_print(&feed.batch);
		}
		feed.refed = o->imports || o->same_sheet || feed.batch.tally.rescan_next
		    ? NULL
		    : refed_open(&feed.batch);
	}
	const struct tally *t = &feed.batch.tally;
	if (o->same_sheet && (t->n_sheets == 0 || t->sheets[t->n_sheets - 1].separator)) {
		error_set(err, ERROR_USAGE, _("feed the sheet first, without --same-sheet"),
		    _("there is no sheet yet of which these could be further views"));
		goto done;
	}
	if (!clock_check(w->journal, err) || !register_any(w->journal, &feed.register_any, err))
		goto done;
	feed.file_asked = o->file_number != NULL;
	spool = file_path("%s/spool/%s", w->path, feed.choice.name);
	fo.spool_folder = spool;
	fo.compression = settings_text(w->settings, "spool.compression");
	fo.first_n = feed.batch.tally.n_sheets + 1;
	fo.reserve_bytes = reserve_bytes(w);
	if (o->imports ? !feeder_open_import(&fo, o->imports, o->duplex, &feed.feeder, err)
		       : !feeder_open(&fo, &feed.feeder, err))
		goto done;
	if (feed.opened)
		resume_count_print(
		    &feed.batch, feeder_device(feed.feeder), feeder_device_count(feed.feeder));
	struct error why = {0};
	bool fed = loop(&feed, &why);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	/* What is recorded stays; how the feeding ended is recorded even where it failed. */
	struct error late = {0};
	bool noted = feeding_end(&feed, fed ? reasons[out->end] : "device", &late);
	if (!fed)
		*err = why;
	else if (!noted)
		*err = late;
	ok = fed && noted;
	if (feed.opened && (!ok || out->end != FEED_EMPTY))
		resume_sheet_print(&feed.batch);
done:
	feeder_close(feed.feeder);
	refed_close(feed.refed);
	lock_close(feed.choice.lock);
	batch_release(&feed.batch);
	free(spool);
	return ok;
}
