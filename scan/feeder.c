/*
 * All sheets and ends are entries of one list, in the order of feeding:
 *
 *	 head                                                    tail
 *	  │ DONE ── DONE ── TAKEN ── TAKEN ── QUEUED ── DONE(end) │
 *	  ▲                 writer 1  writer 2                    ▲
 *	feeder_next()                                       feeding thread
 *
 * The owner gets the head once it is DONE. Raw pixels live from the feeding thread to the writer,
 * and their bytes are what is bounded; finished entries are small.
 *
 * When writing a sheet fails, the sheets behind it went through the device as well, but cannot be
 * recorded before it: they are dropped with their files, and fed again by a person. So the failed
 * entry is delivered only once the feeding thread rests and nobody works on a later one.
 */
#include "scan/feeder.h"

#include <allheaders.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "scan/frame.h"
#include "scan/overlap.h"

enum {
	WRITERS_MOST = 8,
	SHEETS_MOST = 4, /* with pixels, queued or being written */
	/* All that went through and is not taken; one more is the owner's, not yet recorded. */
	ENTRIES_MOST = FEEDER_UNRECORDED_MOST - 1,
};

/* Raw pixels, the sheet being read included: 1.5 colour sheets A4 at 300 dpi, or one of any size.
 * The whole program then stays below 200 MiB.
 */
static const uint64_t pixels_most_bytes = (uint64_t)80 << 20;

enum entry_state {
	ENTRY_QUEUED,
	ENTRY_TAKEN,
	ENTRY_DONE,
};

struct entry {
	struct entry *next;
	enum entry_state state;
	struct feeder_event event;
	struct sheet raw; /* scanned */
	int first;	  /* imported: index of the front's image in the list */
	bool failed;
};

struct feeder {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything: there are few threads, and a sheet takes its time */
	pthread_t feeding;
	pthread_t writers[WRITERS_MOST];
	int n_writers;
	bool feeding_runs;
	int event_fd;

	/* const while the threads run */
	struct scanner_options options; /* device, source, mode, extra: copies */
	char *spool_folder, *compression;
	uint64_t reserve_bytes;
	bool overlap;
	const struct import_list *list; /* NULL: a scanner */
	bool pairs;
	char *device, *model, *source;
	bool duplex, flatbed;
	long device_count; /* when the device was opened, -1 unknown */

	/* under the lock */
	struct scanner *scanner;
	struct entry *head, *tail;
	int n_entries, n_pixels;	   /* entries with pixels */
	uint64_t pixel_bytes, sheet_bytes; /* alive; of the last sheet */
	long next_n;
	int next_image;
	bool opened, open_failed;
	struct error open_error;
	bool paused, stopping, closing, resting, resume;
	bool broken; /* an entry failed: no further sheets */
	struct feeder_figures figures;
};

void fed_sheet_release(struct fed_sheet *sheet)
{
	for (int i = 0; i < 2; i++) {
		free(sheet->images[i].path);
		free(sheet->images[i].source.path);
	}
	*sheet = (struct fed_sheet){0};
}

void feeder_event_release(struct feeder_event *event)
{
	fed_sheet_release(&event->sheet);
	*event = (struct feeder_event){0};
}

static void wake(struct feeder *f)
{
	uint64_t one = 1;
	ssize_t n = write(f->event_fd, &one, sizeof one);

	(void)n; /* full: it is readable */
}

/* --- entries (all under the lock) ------------------------------------------------ */

static void entry_append_locked(struct feeder *f, struct entry *entry)
{
	if (f->tail)
		f->tail->next = entry;
	else
		f->head = entry;
	f->tail = entry;
	f->n_entries++;
	pthread_cond_broadcast(&f->changed);
}

static struct entry *entry_pop_locked(struct feeder *f)
{
	struct entry *entry = f->head;

	f->head = entry->next;
	if (!f->head)
		f->tail = NULL;
	f->n_entries--;
	pthread_cond_broadcast(&f->changed);
	return entry;
}

/* Forgets an entry that was never delivered, together with its files. */
static void entry_drop(struct entry *entry)
{
	for (int i = 0; i < entry->event.sheet.n_images; i++)
		if (entry->event.sheet.images[i].path)
			file_remove(entry->event.sheet.images[i].path, NULL);
	feeder_event_release(&entry->event);
	sheet_release(&entry->raw);
	free(entry);
}

static void pixels_released_locked(struct feeder *f, uint64_t bytes)
{
	f->pixel_bytes -= bytes;
	pthread_cond_broadcast(&f->changed);
}

static uint64_t image_bytes(const struct raw_image *image)
{
	return image->data ? (uint64_t)image->line_bytes * (uint64_t)image->height_px : 0;
}

/* --- writing -------------------------------------------------------------------------- */

static bool lapped_look(const PIX *pix, double dpi, struct fed_image *fed, struct error *err)
{
	enum overlap overlap = OVERLAP_NONE;

	if (!overlap_find(pix, dpi, &overlap, err))
		return false;
	fed->lapped = overlap != OVERLAP_NONE;
	return true;
}

/* What must be known of an image before its sheet is recorded. */
static bool raw_look(
    const struct raw_image *image, bool overlap, struct fed_image *fed, struct error *err)
{
	PIX *pix = NULL;
	double dpi = 0;

	/* small first: a page in full colour is 35 MB more */
	if (!raw_image_glance(image, 150, &pix, &dpi, err))
		return false;
	bool ok = !overlap || lapped_look(pix, dpi, fed, err);
	fed->cover_answer = cover_read(pix, dpi, &fed->cover);
	if (ok && fed->cover_answer == COVER_UNREADABLE && image->depth_bits != 1) {
		pixDestroy(&pix);
		ok = raw_image_pix(image, &pix, err);
		if (ok)
			fed->cover_answer = cover_read(pix, image->dpi, &fed->cover);
	}
	pixDestroy(&pix);
	return ok;
}

static char *spool_path(const struct feeder *f, long n, int side)
{
	return file_path("%s/%ld%c.tif", f->spool_folder, n, side ? 'b' : 'f');
}

/* Looks at, writes and forgets one scanned image. */
static bool image_write(
    struct feeder *f, struct raw_image *raw, struct fed_image *fed, struct error *err)
{
	uint64_t bytes = image_bytes(raw);

	fed->width_px = raw->width_px;
	fed->height_px = raw->height_px;
	fed->channels = raw->channels;
	fed->depth_bits = raw->depth_bits;
	fed->dpi = raw->dpi;
	if (!raw_look(raw, f->overlap, fed, err))
		return false;
	if (!raw_image_write(raw, fed->path, f->compression, fed->sha256, &fed->n_bytes, err))
		return false;
	raw_image_release(raw);
	pthread_mutex_lock(&f->lock);
	pixels_released_locked(f, bytes);
	f->figures.images++;
	f->figures.raw_bytes += bytes;
	f->figures.spool_bytes += fed->n_bytes;
	pthread_mutex_unlock(&f->lock);
	return true;
}

static bool unchanged(const struct import_image *image, struct error *err)
{
	struct stat st;

	if (stat(image->path, &st) == 0 && (uint64_t)st.st_size == image->file_bytes &&
	    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == image->mtime_ns)
		return true;
	return error_set(err, ERROR_INPUT, _("give the command again once nobody writes to it"),
	    _("the file '%s' changed while it was imported"), image->path);
}

static bool image_import(
    struct feeder *f, const struct import_image *image, struct fed_image *fed, struct error *err)
{
	struct raw_image raw = {0};
	PIX *pix = NULL;
	bool ok = false;

	import_image_copy(&fed->source, image);
	if (!unchanged(image, err) ||
	    !raw_image_read(image->path, image->page, RAW_LIMIT_PIXELS, &pix, &fed->dpi, err))
		goto done;
	fed->width_px = pixGetWidth(pix);
	fed->height_px = pixGetHeight(pix);
	fed->channels = pixGetDepth(pix) == 32 ? 3 : 1;
	fed->depth_bits = pixGetDepth(pix) == 32 ? 8 : pixGetDepth(pix);
	fed->cover_answer = cover_read(pix, fed->dpi, &fed->cover);
	if (f->overlap && !lapped_look(pix, fed->dpi, fed, err))
		goto done;
	if (image->n_pages == 1) {
		if (!file_copy(image->path, fed->path, err) ||
		    !hash_file(HASH_SHA256, fed->path, fed->sha256, &fed->n_bytes, err))
			goto done;
		if (strcmp(fed->sha256, image->sha256) != 0) {
			error_set(err, ERROR_INPUT,
			    _("give the command again once nobody writes to it"),
			    _("the file '%s' changed while it was imported"), image->path);
			goto done;
		}
	} else {
		if (!raw_image_from_pix(pix, fed->dpi, &raw, err))
			goto done;
		pixDestroy(&pix);
		if (!raw_image_write(
			&raw, fed->path, f->compression, fed->sha256, &fed->n_bytes, err) ||
		    !unchanged(image, err))
			goto done;
	}
	pthread_mutex_lock(&f->lock);
	f->figures.images++;
	f->figures.raw_bytes += image_bytes(&raw);
	f->figures.spool_bytes += fed->n_bytes;
	pthread_mutex_unlock(&f->lock);
	ok = true;
done:
	pixDestroy(&pix);
	raw_image_release(&raw);
	return ok;
}

static bool entry_write(struct feeder *f, struct entry *entry)
{
	struct fed_sheet *sheet = &entry->event.sheet;
	struct error *err = &entry->event.error;

	for (int side = 0; side < sheet->n_images; side++) {
		struct fed_image *fed = &sheet->images[side];
		fed->path = spool_path(f, sheet->n, side);
		bool ok = f->list ? image_import(f, &f->list->images[entry->first + side], fed, err)
				  : image_write(f, &entry->raw.images[side], fed, err);
		if (ok)
			continue;
		if (f->list)
			error_where(err, _("file '%s', page %d"),
			    f->list->images[entry->first + side].path,
			    f->list->images[entry->first + side].page + 1);
		else
			error_where(err, _("sheet %ld, %s"), sheet->n,
			    side ? _("back side") : _("front side"));
		return false;
	}
	return true;
}

static struct entry *entry_queued_locked(struct feeder *f)
{
	for (struct entry *e = f->head; e; e = e->next) {
		if (e->failed)
			return NULL; /* what comes behind it is lost anyway */
		if (e->state == ENTRY_QUEUED)
			return e;
	}
	return NULL;
}

static void *writer_thread(void *self)
{
	struct feeder *f = self;

	pthread_mutex_lock(&f->lock);
	while (!f->closing) {
		struct entry *entry = entry_queued_locked(f);
		if (!entry) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		entry->state = ENTRY_TAKEN;
		pthread_mutex_unlock(&f->lock);
		bool ok = entry_write(f, entry);
		uint64_t left =
		    image_bytes(&entry->raw.images[0]) + image_bytes(&entry->raw.images[1]);
		sheet_release(&entry->raw);
		pthread_mutex_lock(&f->lock);
		pixels_released_locked(f, left);
		f->n_pixels--;
		entry->state = ENTRY_DONE;
		if (!ok) {
			entry->failed = true;
			f->broken = true;
		}
		pthread_cond_broadcast(&f->changed);
		wake(f);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* --- feeding ---------------------------------------------------------------------------- */

static bool room_locked(const struct feeder *f)
{
	if (f->n_entries >= ENTRIES_MOST)
		return false; /* a slow disk: no more paper than a person lays back by hand */
	return f->n_pixels == 0 ||
	    (f->n_pixels < SHEETS_MOST && f->pixel_bytes + f->sheet_bytes <= pixels_most_bytes);
}

static void end_append_locked(
    struct feeder *f, enum feeder_event_kind kind, const struct error *err, int unrecorded)
{
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		abort(); /* not even room for the word that there is none */
	entry->state = ENTRY_DONE;
	entry->event.kind = kind;
	entry->event.unrecorded = unrecorded;
	if (err)
		entry->event.error = *err;
	entry_append_locked(f, entry);
	wake(f);
}

/* Until feeder_resume(); false: feeder_close(). */
static bool rest_locked(struct feeder *f)
{
	f->resting = true;
	pthread_cond_broadcast(&f->changed);
	wake(f);
	while (!f->resume && !f->closing)
		pthread_cond_wait(&f->changed, &f->lock);
	f->resting = f->resume = false;
	return !f->closing;
}

static bool disk_check_locked(struct feeder *f, struct error *err)
{
	enum { MIB = 1 << 20 };
	uint64_t free_bytes = 0, total_bytes = 0;

	if (!file_disk_free(f->spool_folder, &free_bytes, &total_bytes, err))
		return false;
	if (free_bytes >= f->reserve_bytes + f->pixel_bytes + f->sheet_bytes)
		return true;
	return error_set(err, ERROR_SYSTEM,
	    _("accept batches and purge their raw images ('altakt purge'), or free space on this disk, "
	      "then go on"),
	    _("feeding stopped: %llu MiB are free for the spool '%s', of which %llu MiB are kept in reserve"),
	    (unsigned long long)(free_bytes / MIB), f->spool_folder,
	    (unsigned long long)(f->reserve_bytes / MIB));
}

static void scanner_take(struct feeder *f, struct scanner *scanner)
{
	pthread_mutex_lock(&f->lock);
	f->scanner = scanner;
	pthread_mutex_unlock(&f->lock);
}

/*
 * The next sheet from the scanner as an entry; NULL: none, *err says why or is empty, and *moved
 * whether a sheet may have moved all the same.
 */
static struct entry *sheet_scan(struct feeder *f, bool *moved, struct error *err)
{
	struct scanner *scanner = f->scanner;
	struct entry *entry = calloc(1, sizeof *entry);
	bool fed = false;

	if (!entry) {
		error_errno(err, NULL, _("cannot feed"));
		return NULL;
	}
	if (!scanner) { /* it went away; the person says that it is back */
		if (!scanner_open(&f->options, &scanner, err))
			goto none;
		scanner_take(f, scanner);
	}
	if (!scanner_feed(scanner, &entry->raw, &fed, err)) {
		*moved = true;
		if (err->kind == ERROR_SETUP) {
			scanner_take(f, NULL);
			scanner_close(scanner);
		}
		goto none;
	}
	if (!fed)
		goto none;
	struct fed_sheet *sheet = &entry->event.sheet;
	sheet->n_images = entry->raw.n_images;
	sheet->n_expected = entry->raw.n_expected;
	sheet->double_feed = entry->raw.double_feed;
	sheet->device_count = entry->raw.device_count;
	memcpy(sheet->imprint, entry->raw.imprint, sizeof sheet->imprint);
	return entry;
none:
	free(entry);
	return NULL;
}

/* Two images are one sheet: single files next to each other, or an even page and the one behind it.
 */
static int images_paired(const struct feeder *f, int at)
{
	const struct import_image *a = &f->list->images[at], *b = a + 1;

	if (!f->pairs || at + 1 >= f->list->n)
		return 1;
	if (a->n_pages == 1)
		return b->n_pages == 1 ? 2 : 1;
	return a->page % 2 == 0 && b->page == a->page + 1 && strcmp(a->path, b->path) == 0 ? 2 : 1;
}

static struct entry *sheet_import(struct feeder *f, struct error *err)
{
	if (f->next_image >= f->list->n)
		return NULL;
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry) {
		error_errno(err, NULL, _("cannot import"));
		return NULL;
	}
	entry->first = f->next_image;
	entry->event.sheet.n_images = images_paired(f, f->next_image);
	entry->event.sheet.n_expected = f->pairs ? 2 : 1;
	entry->event.sheet.device_count = -1;
	f->next_image += entry->event.sheet.n_images;
	return entry;
}

static void wait_for_room_locked(struct feeder *f)
{
	if (room_locked(f))
		return;
	long long since = frame_now_ms();
	while (!room_locked(f) && !f->closing && !f->broken)
		pthread_cond_wait(&f->changed, &f->lock);
	uint64_t waited = (uint64_t)(frame_now_ms() - since);
	f->figures.wait_ms += waited;
	if (waited > f->figures.wait_longest_ms)
		f->figures.wait_longest_ms = waited;
}

/* Feeds one sheet, or appends the reason why not. True: go on; false: rest. */
static bool step_locked(struct feeder *f)
{
	struct error err = {0};
	bool moved = false;

	if (f->stopping || f->paused) {
		end_append_locked(f, f->stopping ? FEEDER_STOPPED : FEEDER_PAUSED, NULL, 0);
		return false;
	}
	if (!disk_check_locked(f, &err)) {
		end_append_locked(f, FEEDER_DISK, &err, 0);
		return false;
	}
	pthread_mutex_unlock(&f->lock);
	struct entry *entry = f->list ? sheet_import(f, &err) : sheet_scan(f, &moved, &err);
	pthread_mutex_lock(&f->lock);
	if (!entry) {
		if (f->closing)
			return false;
		end_append_locked(f, err.kind ? FEEDER_ERROR : FEEDER_EMPTY, err.kind ? &err : NULL,
		    moved ? 1 : 0);
		return false;
	}
	entry->event.kind = FEEDER_SHEET;
	entry->event.sheet.n = f->next_n++;
	f->sheet_bytes = image_bytes(&entry->raw.images[0]) + image_bytes(&entry->raw.images[1]);
	f->pixel_bytes += f->sheet_bytes;
	f->n_pixels++;
	entry_append_locked(f, entry);
	if (f->flatbed) {
		end_append_locked(f, FEEDER_EMPTY, NULL, 0);
		return false;
	}
	return true;
}

static void open_locked(struct feeder *f)
{
	struct scanner *scanner = NULL;
	struct error err = {0};

	pthread_mutex_unlock(&f->lock);
	bool ok = f->list || scanner_open(&f->options, &scanner, &err);
	if (ok && !f->list) {
		f->device = file_path("%s", scanner_device(scanner));
		f->model = file_path("%s", scanner_model(scanner));
		f->source = file_path("%s", scanner_source(scanner));
		f->duplex = scanner_duplex(scanner);
		f->flatbed = scanner_is_flatbed(scanner);
		f->device_count = scanner_feed_count(scanner);
	}
	pthread_mutex_lock(&f->lock);
	f->scanner = scanner;
	f->opened = ok;
	f->open_failed = !ok;
	f->open_error = err;
	pthread_cond_broadcast(&f->changed);
}

static void *feeding_thread(void *self)
{
	struct feeder *f = self;

	pthread_mutex_lock(&f->lock);
	open_locked(f);
	while (f->opened && !f->closing) {
		wait_for_room_locked(f);
		if (f->closing)
			break;
		if ((f->broken || !step_locked(f)) && !rest_locked(f))
			break;
	}
	struct scanner *scanner = f->scanner;
	f->scanner = NULL;
	pthread_mutex_unlock(&f->lock);
	scanner_close(scanner);
	return NULL;
}

/* --- the owner's side ---------------------------------------------------------------------- */

static void options_take(struct feeder *f, const struct feeder_options *from)
{
	const struct scanner_options *s = &from->scanner;
	size_t n = 0;

	f->options = *s;
	f->options.device = s->device ? file_path("%s", s->device) : NULL;
	f->options.source = s->source ? file_path("%s", s->source) : NULL;
	f->options.mode = s->mode ? file_path("%s", s->mode) : NULL;
	while (s->extra && s->extra[n])
		n++;
	const char **extra = calloc(n + 1, sizeof *extra);
	for (size_t i = 0; extra && i < n; i++)
		extra[i] = file_path("%s", s->extra[i]);
	f->options.extra = extra;
	f->spool_folder = file_path("%s", from->spool_folder);
	f->compression = file_path("%s", from->compression ? from->compression : "zstd");
	f->reserve_bytes = from->reserve_bytes;
	f->overlap = from->overlap;
	f->next_n = from->first_n;
}

static void options_drop(struct feeder *f)
{
	for (const char *const *e = f->options.extra; e && *e; e++)
		free((void *)(uintptr_t)*e);
	free((void *)(uintptr_t)f->options.extra);
	free((void *)(uintptr_t)f->options.device);
	free((void *)(uintptr_t)f->options.source);
	free((void *)(uintptr_t)f->options.mode);
	free(f->spool_folder);
	free(f->compression);
	free(f->device);
	free(f->model);
	free(f->source);
}

static bool start(const struct feeder_options *options, const struct import_list *list, bool duplex,
    struct feeder **out, struct error *err)
{
	struct feeder *f = calloc(1, sizeof *f);
	int writers = options->writers > 0 ? options->writers : 2;
	sigset_t all, before;
	bool ok = true;

	if (!f)
		return error_errno(err, NULL, _("cannot start feeding"));
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	options_take(f, options);
	f->list = list;
	f->device_count = -1;
	f->pairs = f->duplex = duplex;
	if (list) {
		f->device = file_path("import");
		f->model = file_path("%s", "");
		f->source = file_path("%s", "");
	}
	f->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = f->event_fd >= 0 && pthread_create(&f->feeding, NULL, feeding_thread, f) == 0;
	f->feeding_runs = ok;
	for (int i = 0; ok && i < writers && i < WRITERS_MOST; i++) {
		ok = pthread_create(&f->writers[i], NULL, writer_thread, f) == 0;
		f->n_writers += ok;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!ok) {
		error_errno(err, NULL, _("cannot start feeding"));
		feeder_close(f);
		return false;
	}
	pthread_mutex_lock(&f->lock);
	while (!f->opened && !f->open_failed)
		pthread_cond_wait(&f->changed, &f->lock);
	if (f->open_failed && err)
		*err = f->open_error;
	ok = f->opened;
	pthread_mutex_unlock(&f->lock);
	if (!ok) {
		feeder_close(f);
		return false;
	}
	*out = f;
	return true;
}

bool feeder_open(const struct feeder_options *options, struct feeder **out, struct error *err)
{
	return start(options, NULL, false, out, err);
}

bool feeder_open_import(const struct feeder_options *options, const struct import_list *list,
    bool duplex, struct feeder **out, struct error *err)
{
	return start(options, list, duplex, out, err);
}

int feeder_descriptor(const struct feeder *feeder)
{
	return feeder->event_fd;
}

/* The head can be delivered: done, and if it failed, nobody works on anything behind it. */
static bool head_ready_locked(const struct feeder *f)
{
	if (!f->head || f->head->state != ENTRY_DONE)
		return false;
	if (!f->head->failed)
		return true;
	for (const struct entry *e = f->head->next; e; e = e->next)
		if (e->state == ENTRY_TAKEN)
			return false;
	return f->resting;
}

/* The head failed and is ready: what is behind it is dropped and counted. */
static void failure_settle_locked(struct feeder *f)
{
	struct entry *head = f->head;
	int dropped = 0;

	while (head->next) {
		struct entry *e = head->next;
		head->next = e->next;
		f->n_entries--;
		if (e->state == ENTRY_QUEUED) {
			f->pixel_bytes -=
			    image_bytes(&e->raw.images[0]) + image_bytes(&e->raw.images[1]);
			f->n_pixels--;
		}
		dropped += e->event.sheet.n_images > 0;
		entry_drop(e);
	}
	f->tail = head;
	f->next_n = head->event.sheet.n;
	f->next_image = head->first;
	for (int i = 0; i < head->event.sheet.n_images; i++)
		if (head->event.sheet.images[i].path)
			file_remove(head->event.sheet.images[i].path, NULL);
	fed_sheet_release(&head->event.sheet);
	head->event.kind = FEEDER_ERROR;
	head->event.unrecorded = f->list ? 0 : dropped + 1;
	f->broken = false;
}

bool feeder_next(struct feeder *f, struct feeder_event *event, bool *got, struct error *err)
{
	struct entry *entry = NULL;
	uint64_t n;

	assert(!event->sheet.images[0].path);
	pthread_mutex_lock(&f->lock);
	ssize_t k = read(f->event_fd, &n, sizeof n);
	(void)k;
	if (head_ready_locked(f)) {
		if (f->head->failed)
			failure_settle_locked(f);
		entry = entry_pop_locked(f);
	}
	if (head_ready_locked(f))
		wake(f);
	pthread_mutex_unlock(&f->lock);
	*got = entry != NULL;
	if (entry) {
		*event = entry->event;
		free(entry);
	}
	return true;
}

void feeder_pause(struct feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->paused = true;
	pthread_mutex_unlock(&f->lock);
}

void feeder_resume(struct feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->paused = f->stopping = false;
	if (f->resting)
		f->resume = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void feeder_stop(struct feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
}

void feeder_close(struct feeder *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->closing = true;
	if (f->scanner)
		scanner_cancel(f->scanner);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (f->feeding_runs)
		pthread_join(f->feeding, NULL);
	for (int i = 0; i < f->n_writers; i++)
		pthread_join(f->writers[i], NULL);
	while (f->head)
		entry_drop(entry_pop_locked(f));
	if (f->event_fd >= 0)
		close(f->event_fd);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	options_drop(f);
	free(f);
}

const char *feeder_device(const struct feeder *feeder)
{
	return feeder->device;
}

const char *feeder_model(const struct feeder *feeder)
{
	return feeder->model;
}

const char *feeder_source(const struct feeder *feeder)
{
	return feeder->source;
}

bool feeder_duplex(const struct feeder *feeder)
{
	return feeder->duplex;
}

long feeder_device_count(const struct feeder *feeder)
{
	return feeder->device_count;
}

bool feeder_is_flatbed(const struct feeder *feeder)
{
	return feeder->flatbed;
}

void feeder_figures(struct feeder *feeder, struct feeder_figures *out)
{
	pthread_mutex_lock(&feeder->lock);
	*out = feeder->figures;
	pthread_mutex_unlock(&feeder->lock);
}
