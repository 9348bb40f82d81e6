/*
 * Who calls whom: all of SANE but sane_cancel() happens in one thread of the scanner's own, which
 * works off one call at a time. The thread that uses the scanner hands it the call and waits, with
 * an eye on the clock: when nothing has arrived for timeout_ms, or when scanner_cancel() asks for
 * it, it has sane_cancel() called (from a third, short-lived thread, since even that may hang), and
 * if the backend does not come back from that either, the scanner is given up: its thread is left
 * behind with all it may still touch, and the caller goes on. So nobody waits for ever.
 *
 *	user: scanner_feed() ──job──► SANE thread: sane_start, sane_read …
 *	        waits on wake_fd ◄──── done, alive_ms
 *	        on timeout ─────────► cancel thread: sane_cancel
 */
#include "scan/scanner.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sane/sane.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "config/file.h"
#include "config/log.h"
#include "config/text.h"
#include "scan/abilities.h"
#include "scan/device_option.h"
#include "scan/device_source.h"
#include "scan/frame.h"
#include "scan/paper_path.h"

enum {
	TIMEOUT_MS = 60000, /* where the options say none */
	GRACE_MS = 5000,    /* for a backend to come back from sane_cancel() */
};

struct scanner {
	/* the SANE thread and its one job */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t job_there;
	void (*job)(struct scanner *scanner);
	bool quit;
	bool thread_runs;
	int wake_fd;
	atomic_bool job_done;
	atomic_llong alive_ms;
	atomic_bool cancel_asked; /* by scanner_cancel() */
	atomic_bool stop;	  /* frames: break off */
	atomic_bool scanning;	  /* sane_cancel() makes sense */
	atomic_bool cancelling;	  /* the cancel thread is inside sane_cancel() */
	bool timed_out;
	bool lost; /* given up: the SANE thread never came back */

	/* what the job works with; the user's only while no job runs */
	struct scanner_options
	    options; /* a copy of everything: a lost thread may look at it late */
	struct sheet sheet;
	bool fed, ok;
	struct error error;

	SANE_Handle handle;
	bool inited;
	bool gone;	    /* the device does not answer any more */
	bool empty_pending; /* the feeder was found empty between front and back */
	char *name;
	char model[200], type[64];
	struct device_source source;
	struct device_settings settings;
	double dpi;
	int timeout_ms;
	char *abilities;
	long feed_count; /* when it was opened, -1 unknown */
};

/* --- SANE as a whole ------------------------------------------------------------ */

static pthread_mutex_t sane_lock = PTHREAD_MUTEX_INITIALIZER;
static int sane_users;
/*
 * The simulator's backend is loaded. From then on SANE stays initialised: opening a simulator again
 * must not touch the environment, since by then other threads read it.
 */
static bool paper_loaded;

static bool sane_enter(struct error *err)
{
	SANE_Status status = SANE_STATUS_GOOD;

	pthread_mutex_lock(&sane_lock);
	if (sane_users == 0)
		status = sane_init(NULL, NULL);
	if (status == SANE_STATUS_GOOD)
		sane_users++;
	pthread_mutex_unlock(&sane_lock);
	return status == SANE_STATUS_GOOD ||
	    device_status_error(status, _("cannot start"), "SANE", err);
}

static void sane_leave(void)
{
	pthread_mutex_lock(&sane_lock);
	if (--sane_users == 0)
		sane_exit();
	pthread_mutex_unlock(&sane_lock);
}

static char *copy(const char *s)
{
	return file_path("%s", s ? s : "");
}

/* Fills list with what SANE sees now; sane_init() must have been called. */
static SANE_Status devices_ask(struct device_list *list, bool local)
{
	const SANE_Device **found = NULL;
	SANE_Status status = sane_get_devices(&found, local ? SANE_TRUE : SANE_FALSE);

	for (int i = 0; status == SANE_STATUS_GOOD && found && found[i] && i < 1000; i++) {
		struct device *devices =
		    realloc(list->devices, sizeof *devices * (size_t)(list->n + 1));
		if (!devices)
			return SANE_STATUS_NO_MEM;
		list->devices = devices;
		devices[list->n++] = (struct device){copy(found[i]->name), copy(found[i]->vendor),
		    copy(found[i]->model), copy(found[i]->type)};
	}
	return status;
}

bool device_list_open(struct device_list *out, struct error *err)
{
	struct device_list list = {0};

	if (!sane_enter(err))
		return false;
	SANE_Status status = devices_ask(&list, false);
	sane_leave();
	if (status != SANE_STATUS_GOOD) {
		device_list_release(&list);
		return device_status_error(status, _("cannot list the devices of"), "SANE", err);
	}
	*out = list;
	return true;
}

void device_list_release(struct device_list *list)
{
	for (int i = 0; i < list->n; i++) {
		free(list->devices[i].name);
		free(list->devices[i].vendor);
		free(list->devices[i].model);
		free(list->devices[i].type);
	}
	free(list->devices);
	*list = (struct device_list){0};
}

/* --- the SANE thread --------------------------------------------------------------- */

static void wake(struct scanner *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->wake_fd, &one, sizeof one);

	(void)n; /* full: it is awake */
}

static void *sane_thread(void *self)
{
	struct scanner *s = self;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->job && !s->quit)
			pthread_cond_wait(&s->job_there, &s->lock);
		if (!s->job)
			break;
		void (*job)(struct scanner *) = s->job;
		s->job = NULL;
		pthread_mutex_unlock(&s->lock);
		job(s);
		atomic_store(&s->job_done, true);
		wake(s);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void *cancel_thread(void *self)
{
	struct scanner *s = self;

	sane_cancel(s->handle);
	atomic_store(&s->cancelling, false);
	wake(s);
	return NULL;
}

/* Signals belong to the program's main thread; a dead network peer must not end the program. */
static bool thread_start(pthread_t *thread, void *(*run)(void *), void *self)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool ok = pthread_create(thread, NULL, run, self) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static void cancel_start(struct scanner *s)
{
	pthread_t thread;

	atomic_store(&s->stop, true);
	if (!atomic_load(&s->scanning))
		return;
	atomic_store(&s->cancelling, true);
	if (thread_start(&thread, cancel_thread, s))
		pthread_detach(thread);
	else
		atomic_store(&s->cancelling, false);
}

/* Has job run in the SANE thread. False: it never came back, the scanner is lost. */
static bool call(struct scanner *s, void (*job)(struct scanner *))
{
	long long cancelled_ms = 0;

	atomic_store(&s->job_done, false);
	atomic_store(&s->stop, false);
	atomic_store(&s->alive_ms, frame_now_ms());
	s->timed_out = false;
	pthread_mutex_lock(&s->lock);
	s->job = job;
	pthread_cond_signal(&s->job_there);
	pthread_mutex_unlock(&s->lock);
	for (;;) {
		long long now = frame_now_ms(), until;
		if (atomic_load(&s->job_done) && !atomic_load(&s->cancelling))
			return true;
		bool asked = atomic_load(&s->cancel_asked);
		if (!cancelled_ms && (asked || now >= atomic_load(&s->alive_ms) + s->timeout_ms)) {
			s->timed_out = !asked;
			cancelled_ms = now;
			cancel_start(s);
		}
		until = cancelled_ms ? cancelled_ms + GRACE_MS
				     : atomic_load(&s->alive_ms) + s->timeout_ms;
		if (cancelled_ms && now >= until) {
			s->lost = true;
			return false;
		}
		struct pollfd fd = {.fd = s->wake_fd, .events = POLLIN};
		long long wait_ms = until - now;
		if (poll(&fd, 1, wait_ms > 60000 ? 60000 : wait_ms < 1 ? 1 : (int)wait_ms) > 0) {
			uint64_t n;
			ssize_t k = read(s->wake_fd, &n, sizeof n);
			(void)k;
		}
	}
}

static bool hang_error(const struct scanner *s, struct error *err)
{
	return error_set(err, ERROR_SETUP,
	    _("switch the scanner off and on, then go on with the first sheet not recorded"),
	    _("the device '%s' does not answer (nothing came for %d seconds)"), s->name,
	    (s->timeout_ms + 999) / 1000);
}

static void options_copy(struct scanner_options *to, const struct scanner_options *from)
{
	size_t n = 0;

	*to = *from;
	to->device = copy(from->device);
	to->source = copy(from->source);
	to->mode = copy(from->mode);
	while (from->extra && from->extra[n])
		n++;
	char **extra = calloc(n + 1, sizeof *extra);
	for (size_t i = 0; extra && i < n; i++)
		extra[i] = copy(from->extra[i]);
	to->extra = (const char *const *)extra;
}

static void options_release(struct scanner_options *options)
{
	for (const char *const *e = options->extra; e && *e; e++)
		free((char *)(uintptr_t)*e);
	free((void *)(uintptr_t)options->extra);
	free((char *)(uintptr_t)options->device);
	free((char *)(uintptr_t)options->source);
	free((char *)(uintptr_t)options->mode);
}

/* --- opening -------------------------------------------------------------------------- */

static void names_list(const struct device_list *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < list->n && n + 1 < size; i++)
		n += (size_t)snprintf(
		    text + n, size - n, "%s%s", i ? ", " : "", list->devices[i].name);
}

static bool not_found(const char *name, const struct device_list *list, struct error *err)
{
	char names[200], todo[256];

	if (list->n == 0)
		return error_set(err, ERROR_SETUP,
		    _("switch the scanner on and check its cable; no scanner is there now"),
		    _("the scanner '%s' was not found"), name);
	names_list(list, names, sizeof names);
	snprintf(todo, sizeof todo, _("there are: %s"), names);
	return error_set(err, ERROR_SETUP, todo, _("the scanner '%s' was not found"), name);
}

/* Cameras answer SANE too, and nobody means them. */
static const char *first_scanner(const struct device_list *list)
{
	for (int i = 0; i < list->n; i++)
		if (strncmp(list->devices[i].name, "v4l:", 4) != 0)
			return list->devices[i].name;
	return NULL;
}

static bool none_found(struct error *err)
{
	return error_set(err, ERROR_SETUP,
	    _("switch the scanner on and check its cable, or name it with --device"),
	    _("no scanner was found"));
}

char *device_first(struct error *err)
{
	struct device_list list = {0};
	char *name = NULL;

	if (!device_list_open(&list, err))
		return NULL;
	if (first_scanner(&list))
		name = copy(first_scanner(&list));
	else
		none_found(err);
	device_list_release(&list);
	return name;
}

static void model_find(struct scanner *s, const struct device_list *list)
{
	for (int i = 0; i < list->n; i++) {
		const struct device *d = &list->devices[i];
		if (strcmp(d->name, s->name) != 0)
			continue;
		snprintf(s->model, sizeof s->model, "%s%s%s", d->vendor, d->vendor[0] ? " " : "",
		    d->model);
		snprintf(s->type, sizeof s->type, "%s", d->type);
	}
}

/* "paper:" with an absolute folder: the backend may run in another working directory. */
static bool paper_name(const char *device, char **name, struct error *err)
{
	char *folder = realpath(device + 6, NULL);

	if (!folder) {
		error_errno(err, _("name a folder with one image for each side"),
		    _("cannot open the simulator's stack '%s'"), device + 6);
		if (err)
			err->kind = ERROR_SETUP;
		return false;
	}
	*name = file_path("paper:%s", folder);
	free(folder);
	return true;
}

static bool is_local(const char *device)
{
	static const char *const nets[] = {
	    "airscan:", "escl:", "net:", "epsonds:net", "epson2:net", "hpaio:/net"};

	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (strncmp(device, nets[i], strlen(nets[i])) == 0)
			return false;
	return true;
}

static bool device_open(struct scanner *s, struct error *err)
{
	const char *device = s->options.device;
	struct device_list list = {0};
	bool ok = false, paper = device && strncmp(device, "paper:", 6) == 0, path_set = false;
	SANE_Status status;

	if (paper) {
		if (!paper_name(device, &s->name, err))
			goto done;
		pthread_mutex_lock(&sane_lock);
		path_set = !paper_loaded;
		pthread_mutex_unlock(&sane_lock);
		if (path_set && !paper_path_set(err)) {
			path_set = false;
			goto done;
		}
	} else if (!device || !device[0]) {
		devices_ask(&list, false);
		if (!first_scanner(&list)) {
			none_found(err);
			goto done;
		}
		s->name = copy(first_scanner(&list));
	} else {
		s->name = copy(device);
		devices_ask(&list, is_local(device));
	}
	for (int tries = 0;; tries++) {
		status = sane_open(s->name, &s->handle);
		if (status != SANE_STATUS_DEVICE_BUSY || tries >= 3)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	}
	if (path_set) {
		paper_path_clear();
		path_set = false;
		if (status == SANE_STATUS_GOOD) {
			pthread_mutex_lock(&sane_lock);
			paper_loaded = true;
			sane_users++; /* for good */
			pthread_mutex_unlock(&sane_lock);
		}
	}
	if (paper)
		devices_ask(&list, true); /* the backend is there only now */
	if (status != SANE_STATUS_GOOD) {
		s->handle = NULL;
		bool listed = false;
		for (int i = 0; i < list.n; i++)
			listed = listed || strcmp(list.devices[i].name, s->name) == 0;
		if (status == SANE_STATUS_INVAL && !listed && !paper) {
			if (list.n == 0 && is_local(s->name))
				devices_ask(&list, false);
			not_found(s->name, &list, err);
		} else {
			device_status_error(status, _("cannot open the scanner"), s->name, err);
		}
		goto done;
	}
	model_find(s, &list);
	ok = true;
done:
	if (path_set)
		paper_path_clear();
	device_list_release(&list);
	return ok;
}

static void job_open(struct scanner *s)
{
	s->ok = false;
	if (!sane_enter(&s->error))
		return;
	s->inited = true;
	if (!device_open(s, &s->error))
		return;
	s->ok = device_source_set(
	    s->handle, &s->options, s->type, &s->source, &s->dpi, &s->settings, &s->error);
	if (!s->ok)
		error_where(&s->error, _("device '%s'"), s->name);
	double count = 0;
	s->feed_count =
	    s->ok && device_option_number(s->handle, "feed-count", &count) ? (long)count : -1;
}

static void job_close(struct scanner *s)
{
	if (s->handle) {
		sane_cancel(s->handle);
		sane_close(s->handle);
	}
	if (s->inited)
		sane_leave();
	s->handle = NULL;
	s->inited = false;
}

bool scanner_open(const struct scanner_options *options, struct scanner **out, struct error *err)
{
	struct scanner *s = calloc(1, sizeof *s);

	if (!s)
		return error_errno(err, NULL, _("cannot open a scanner"));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->job_there, NULL);
	s->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
	options_copy(&s->options, options);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0 || !thread_start(&s->thread, sane_thread, s)) {
		error_errno(err, NULL, _("cannot open a scanner"));
		goto failed;
	}
	s->thread_runs = true;
	if (!call(s, job_open)) {
		/* s->name is the lost thread's */
		error_set(err, ERROR_SETUP,
		    _("check the network and switch the scanner off and on"),
		    _("the device '%s' does not answer"), options->device ? options->device : "");
		goto failed;
	}
	if (!s->ok) {
		if (err)
			*err = s->error;
		goto failed;
	}
	*out = s;
	return true;
failed:
	scanner_close(s);
	return false;
}

void scanner_close(struct scanner *s)
{
	if (!s)
		return;
	atomic_store(&s->cancel_asked, false);
	if (s->thread_runs && !s->lost)
		call(s, job_close);
	if (s->lost) { /* its thread may still touch everything */
		log_put(LOG_WARNING, s->name, "the device's backend hangs; left behind");
		pthread_detach(s->thread);
		return;
	}
	if (s->thread_runs) {
		pthread_mutex_lock(&s->lock);
		s->quit = true;
		pthread_cond_signal(&s->job_there);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_cond_destroy(&s->job_there);
	pthread_mutex_destroy(&s->lock);
	device_settings_release(&s->settings);
	options_release(&s->options);
	sheet_release(&s->sheet);
	free(s->abilities);
	free(s->name);
	free(s);
}

/* --- feeding --------------------------------------------------------------------------- */

/* Starts one side; busy devices and cold lamps are given time. */
static SANE_Status side_start(struct scanner *s)
{
	enum { WARMING_UP = 12 }; /* some backends' own */
	SANE_Status status;

	long long since = frame_now_ms();
	for (;;) {
		if (atomic_load(&s->stop)) /* before a sheet moves, not after */
			return SANE_STATUS_CANCELLED;
		status = sane_start(s->handle);
		if (((int)status != SANE_STATUS_DEVICE_BUSY && (int)status != WARMING_UP) ||
		    frame_now_ms() - since > s->timeout_ms / 2)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
	}
	atomic_store(&s->alive_ms, frame_now_ms());
	return status;
}

static bool number_is_set(const struct scanner *s, const char *option)
{
	double value = 0;

	return device_option_number(s->handle, option, &value) && value != 0;
}

/* What a status means for the sheet that is under way; always false. */
static bool status_judge(struct scanner *s, SANE_Status status, bool back, struct error *err)
{
	bool asked = atomic_load(&s->cancel_asked);

	if (s->timed_out || (status == SANE_STATUS_CANCELLED && atomic_load(&s->stop) && !asked)) {
		s->gone = true;
		hang_error(s, err);
	} else if (status == SANE_STATUS_JAMMED && number_is_set(s, "double-feed")) {
		error_set(err, ERROR_PAPER,
		    _("take out the sheets that went through together; lay them back singly, beginning "
		      "with the first one not recorded"),
		    _("cannot feed from '%s': two sheets were drawn in at once"), s->name);
	} else {
		s->gone = status == SANE_STATUS_IO_ERROR || status == SANE_STATUS_INVAL ||
		    status == SANE_STATUS_ACCESS_DENIED;
		device_status_error(status, _("cannot feed from"), s->name, err);
	}
	return error_where(err, "%s", back ? _("back side") : _("front side"));
}

static void sheet_finish(struct scanner *s, struct sheet *sheet)
{
	double count = 0;
	char imprint[DEVICE_VALUE_SIZE];

	sheet->device_count =
	    device_option_number(s->handle, "feed-count", &count) ? (long)count : -1;
	sheet->double_feed = !s->source.flatbed && number_is_set(s, "double-feed");
	if (device_option_text(s->handle, "imprint", imprint))
		snprintf(sheet->imprint, sizeof sheet->imprint, "%.63s", imprint);
}

static bool sheet_feed(struct scanner *s, struct sheet *sheet, bool *fed, struct error *err)
{
	struct frame_source source = {.handle = s->handle,
	    .device = s->name,
	    .dpi = s->dpi,
	    .alive_ms = &s->alive_ms,
	    .stop = &s->stop};

	sheet->n_expected = s->source.duplex ? 2 : 1;
	sheet->device_count = -1;
	for (int side = 0; side < sheet->n_expected; side++) {
		SANE_Status status = side_start(s);
		if (status == SANE_STATUS_NO_DOCS) {
			/* between front and back: an odd image, for a person to decide */
			s->empty_pending = side == 1;
			break;
		}
		if (status != SANE_STATUS_GOOD)
			return status_judge(s, status, side == 1, err);
		sane_set_io_mode(
		    s->handle, SANE_FALSE); /* the default; many say that they know no other */
		if (!frame_read_image(&source, &sheet->images[side], &status, err)) {
			if (status != SANE_STATUS_GOOD)
				return status_judge(s, status, side == 1, err);
			return error_where(err, "%s", side ? _("back side") : _("front side"));
		}
		sheet->n_images++;
	}
	*fed = sheet->n_images > 0;
	if (*fed)
		sheet_finish(s, sheet);
	return true;
}

static void job_feed(struct scanner *s)
{
	atomic_store(&s->scanning, true);
	s->fed = false;
	s->ok = sheet_feed(s, &s->sheet, &s->fed, &s->error);
	/* between the sheets of a stack the device stays at it; else it must come to rest */
	if (!s->ok || !s->fed || s->empty_pending || s->source.flatbed)
		sane_cancel(s->handle);
	atomic_store(&s->scanning, false);
}

bool scanner_feed(struct scanner *s, struct sheet *sheet, bool *fed, struct error *err)
{
	assert(!sheet->images[0].data);
	*fed = false;
	if (s->lost || s->gone)
		return error_set(err, ERROR_SETUP, _("close the scanner and open it again"),
		    _("the device '%s' went away"), s->name);
	if (s->empty_pending) {
		s->empty_pending = false;
		return true;
	}
	s->error = (struct error){0};
	if (!call(s, job_feed)) {
		log_put(LOG_ERROR, s->name,
		    "the device's backend does not come back from sane_cancel()");
		return hang_error(s, err);
	}
	bool asked = atomic_exchange(&s->cancel_asked, false);
	if (!s->ok) {
		sheet_release(&s->sheet);
		if (asked)
			return error_set(err, ERROR_PAPER,
			    _("lay back the first sheet that is not recorded, and go on"),
			    _("the scan was stopped"));
		if (err)
			*err = s->error;
		return false;
	}
	*fed = s->fed;
	if (s->fed)
		sheet_move(sheet, &s->sheet);
	else
		sheet_release(&s->sheet);
	return true;
}

void scanner_cancel(struct scanner *s)
{
	atomic_store(&s->cancel_asked, true);
	wake(s);
}

/* --- what is set ------------------------------------------------------------------------ */

const char *scanner_device(const struct scanner *scanner)
{
	return scanner->name;
}

const char *scanner_model(const struct scanner *scanner)
{
	return scanner->model;
}

const char *scanner_source(const struct scanner *scanner)
{
	return scanner->source.name;
}

bool scanner_duplex(const struct scanner *scanner)
{
	return scanner->source.duplex;
}

long scanner_feed_count(const struct scanner *scanner)
{
	return scanner->feed_count;
}

bool scanner_is_flatbed(const struct scanner *scanner)
{
	return scanner->source.flatbed;
}

static void job_abilities(struct scanner *s)
{
	s->abilities = abilities_text(s->handle,
	    &(struct abilities){.name = s->name,
		.model = s->model,
		.type = s->type,
		.source = &s->source,
		.settings = &s->settings,
		.dpi = s->dpi});
}

char *scanner_abilities(struct scanner *s)
{
	char *text = NULL;

	if (!s->lost && call(s, job_abilities)) {
		text = s->abilities;
		s->abilities = NULL;
	}
	return text ? text : copy("{}");
}
