/*
 * libsane-paper.so.1: a scanner whose paper is a folder of images (scan/stack.h). A whole SANE
 * backend: whatever speaks SANE can scan from it, through SANE's dll backend or saned.
 *
 * Devices are "paper:DIR", DIR absolute or relative; scan/paper_device.h says which are listed.
 * SANE_DEBUG_PAPER sets how much is said on standard error: 1 failures, 3 sheets and faults, 5 each
 * sane_start() too.
 *
 * A sheet's way, as a feeder would have it:
 *   - the sheet begins with the sane_start() of its first side and went through when the end of its
 *     last side was read (SANE_STATUS_EOF). A side whose image is missing, as of an odd last one,
 *     does not exist: the sheet ends with its front;
 *   - sane_cancel() or sane_close() after it began and before it ended: the feeder ejects it, it
 *     lies in the tray, what was not read is lost. On the flatbed it stays;
 *   - a fault, and an image that cannot be read, leave it at the front: the next sane_start()
 * begins with its front side, also after a hang that was cancelled;
 *   - a process that dies in the middle leaves it at the front as well: the position is written
 *     when the sheet is through (scan/stack.h), not before. So a sheet whose last data was read is
 *     never fed again by itself, and feed-count tells a program about sheets that went through
 *     without it having recorded them.
 *
 * Threads: one uses a handle, sane_cancel() alone may come from another or from a signal handler.
 * What is under way then ends at its next step and does what cancelling means itself.
 */
#include <sane/sane.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scan/paper_device.h"
#include "scan/paper_option.h"
#include "scan/paper_page.h"
#include "scan/stack.h"

#define DEFAULT_DPI  300
#define WAIT_STEP_MS 5

enum scan_state {
	SCAN_NONE,	/* nothing started since the device was opened or a fault */
	SCAN_READING,	/* page is open */
	SCAN_ENDED,	/* SANE_STATUS_EOF was given */
	SCAN_CANCELLED, /* by sane_cancel() */
};

struct paper {
	struct paper *next;
	struct stack *stack;
	struct paper_options options;

	atomic_bool busy;      /* a call is at work on what follows */
	atomic_bool cancelled; /* since the last sane_start() */
	atomic_bool eject;     /* sane_cancel() came, nobody has acted on it yet */

	bool gone;	 /* disconnected */
	bool double_fed; /* the last sane_start() said so */
	bool hung;	 /* reads without blocking give nothing, for ever */
	bool non_blocking;
	bool feeding; /* a sheet began and is not through */
	enum stack_side side;
	enum scan_state state;
	struct paper_page *page;
	struct paper_size size;
	bool size_stands;	   /* of the page begun last, with the options as they are now */
	struct stack_fault *fault; /* the next within this side */
	uint8_t *line;
	size_t line_at_bytes; /* what of line was delivered; line_bytes: all */
	int n_lines;	      /* taken from the page */
	double due_ms;	      /* earliest begin of the next sheet */
};

static struct paper *papers;

static void debug(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void debug(int level, const char *fmt, ...)
{
	const char *wanted = getenv("SANE_DEBUG_PAPER");
	va_list ap;

	if (!wanted || atoi(wanted) < level)
		return;
	fputs("[paper] ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static SANE_Status status_of(const struct error *err)
{
	char text[1024];

	debug(1, "%s", error_text(err, text, sizeof text));
	switch (err->kind) {
	case ERROR_BUSY: return SANE_STATUS_DEVICE_BUSY;
	case ERROR_SETUP: return SANE_STATUS_INVAL;
	default: return SANE_STATUS_IO_ERROR;
	}
}

/* --- devices --- */

SANE_Status sane_paper_init(SANE_Int *version, SANE_Auth_Callback authorize);
SANE_Status sane_paper_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	if (version)
		*version = SANE_VERSION_CODE(SANE_CURRENT_MAJOR, SANE_CURRENT_MINOR, 1);
	paper_devices_find();
	debug(5, "init");
	return SANE_STATUS_GOOD;
}

SANE_Status sane_paper_get_devices(const SANE_Device ***list, SANE_Bool local_only);
SANE_Status sane_paper_get_devices(const SANE_Device ***list, SANE_Bool local_only)
{
	*list = paper_devices_list();
	return *list ? SANE_STATUS_GOOD : SANE_STATUS_NO_MEM;
}

/* --- a call at work, and cancelling --- */

static bool call_enter(struct paper *p)
{
	return !atomic_exchange(&p->busy, true);
}

static void page_close(struct paper *p)
{
	paper_page_close(p->page);
	free(p->line);
	p->page = NULL;
	p->line = NULL;
	p->fault = NULL;
}

static SANE_Status sheet_through(struct paper *p)
{
	struct error err = {0};
	long sheet = stack_sheet(p->stack);

	p->feeding = false;
	if (!stack_sheet_through(p->stack, p->options.values[PAPER_DETECTION], &err))
		return status_of(&err);
	debug(3, "sheet %ld went through%s", sheet,
	    stack_double_fed(p->stack) ? ", and another with it" : "");
	return SANE_STATUS_GOOD;
}

/* What sane_cancel() means, done by whoever is at work on the handle. */
static void cancel_finish(struct paper *p)
{
	page_close(p);
	if (p->feeding && p->options.values[PAPER_SOURCE] != PAPER_FLATBED)
		sheet_through(p); /* ejected; the disk's failure was logged */
	p->feeding = false;
	p->hung = false;
	p->state = SCAN_CANCELLED;
}

static void call_leave(struct paper *p)
{
	do {
		if (atomic_exchange(&p->eject, false))
			cancel_finish(p);
		atomic_store(&p->busy, false);
		/* A cancel that found us busy between the two lines left its wish behind. */
	} while (atomic_load(&p->eject) && call_enter(p));
}

void sane_paper_cancel(SANE_Handle handle);
void sane_paper_cancel(SANE_Handle handle)
{
	struct paper *p = handle;

	atomic_store(&p->cancelled, true);
	atomic_store(&p->eject, true);
	if (call_enter(p))
		call_leave(p);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Waits, for ever with until_ms below 0. False when cancelled. */
static bool wait_until(struct paper *p, double until_ms)
{
	while (!atomic_load(&p->cancelled)) {
		double left = until_ms < 0 ? WAIT_STEP_MS : until_ms - now_ms();
		if (left <= 0)
			return true;
		if (left > WAIT_STEP_MS)
			left = WAIT_STEP_MS;
		struct timespec t = {0, (long)(left * 1e6)};
		nanosleep(&t, NULL);
	}
	return false;
}

/* --- life --- */

static void paper_close(struct paper *p)
{
	if (p->feeding || p->page)
		cancel_finish(p);
	stack_close(p->stack);
	free(p);
}

static SANE_Status fault_status(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_JAM: return SANE_STATUS_JAMMED;
	case FAULT_COVER_OPEN: return SANE_STATUS_COVER_OPEN;
	case FAULT_NO_DOCS: return SANE_STATUS_NO_DOCS;
	case FAULT_BUSY: return SANE_STATUS_DEVICE_BUSY;
	case FAULT_NO_MEM: return SANE_STATUS_NO_MEM;
	case FAULT_ACCESS_DENIED: return SANE_STATUS_ACCESS_DENIED;
	case FAULT_CANCELLED:
	case FAULT_HANG: return SANE_STATUS_CANCELLED;
	case FAULT_INVAL: return SANE_STATUS_INVAL;
	default: return SANE_STATUS_IO_ERROR;
	}
}

static enum paper_mode page_mode(const struct paper_options *options)
{
	static const enum paper_mode modes[] = {PAPER_LINEART, PAPER_GRAY, PAPER_COLOR};

	return modes[options->values[PAPER_MODE]];
}

static struct paper_settings settings_of(const struct paper *p)
{
	const SANE_Word *v = p->options.values;

	return (struct paper_settings){
	    .mode = page_mode(&p->options),
	    .resolution_dpi = v[PAPER_RESOLUTION],
	    .left_mm = SANE_UNFIX(v[PAPER_TL_X]),
	    .top_mm = SANE_UNFIX(v[PAPER_TL_Y]),
	    .right_mm = SANE_UNFIX(v[PAPER_BR_X]),
	    .bottom_mm = SANE_UNFIX(v[PAPER_BR_Y]),
	    .threshold = v[PAPER_THRESHOLD],
	    .assumed_dpi = stack_dpi(p->stack),
	};
}

/* The front sheet's size as it would be scanned now. False: none, or none that can be. */
static bool page_peek(struct paper *p, enum stack_side side, struct paper_size *size)
{
	struct paper_settings settings = settings_of(p);
	struct paper_page *page = NULL;
	struct error err = {0};
	const char *path = stack_image(p->stack, side);

	if (!path || !paper_page_open(path, &settings, &page, size, &err))
		return false;
	paper_page_close(page);
	return true;
}

/* The resolution of the paper at the front: at it, pixels pass as they are. */
static int front_dpi(struct paper *p)
{
	struct paper_size size;

	if (!page_peek(p, STACK_FRONT, &size) || size.original_dpi < PAPER_DPI_MIN ||
	    size.original_dpi > PAPER_DPI_MAX)
		return DEFAULT_DPI;
	return size.original_dpi;
}

SANE_Status sane_paper_open(SANE_String_Const name, SANE_Handle *handle);
SANE_Status sane_paper_open(SANE_String_Const name, SANE_Handle *handle)
{
	struct error err = {0};
	SANE_Status status = SANE_STATUS_NO_MEM;
	struct paper *p = calloc(1, sizeof *p);

	if (!p)
		goto done;
	status = SANE_STATUS_INVAL;
	if (!*name && !(name = paper_devices_first()))
		goto done;
	status = SANE_STATUS_ACCESS_DENIED;
	if (access(name, F_OK) == 0 && access(name, R_OK | W_OK | X_OK) != 0) {
		debug(1, "%s: not readable and writable", name);
		goto done;
	}
	if (!stack_open(name, &p->stack, &err)) {
		status = status_of(&err);
		goto done;
	}
	struct stack_fault *fault = stack_fault_open(p->stack);
	if (fault) {
		status = stack_fault_fire(p->stack, fault, &err) ? fault_status(fault->kind)
								 : status_of(&err);
		goto done;
	}
	status = SANE_STATUS_NO_MEM;
	if (!paper_devices_add(name))
		goto done;
	paper_options_fill(&p->options, DEFAULT_DPI);
	paper_option_put(&p->options, PAPER_RESOLUTION, front_dpi(p));
	debug(3, "opened '%s' at sheet %ld", name, stack_sheet(p->stack));
	p->next = papers;
	papers = p;
	*handle = p;
	return SANE_STATUS_GOOD;
done:
	if (p)
		stack_close(p->stack);
	free(p);
	return status;
}

void sane_paper_close(SANE_Handle handle);
void sane_paper_close(SANE_Handle handle)
{
	for (struct paper **at = &papers; *at; at = &(*at)->next)
		if (*at == handle) {
			*at = (*at)->next;
			paper_close(handle);
			return;
		}
}

void sane_paper_exit(void);
void sane_paper_exit(void)
{
	while (papers)
		sane_paper_close(papers);
	paper_devices_release();
}

/* --- options --- */

const SANE_Option_Descriptor *sane_paper_get_option_descriptor(SANE_Handle handle, SANE_Int option);
const SANE_Option_Descriptor *sane_paper_get_option_descriptor(SANE_Handle handle, SANE_Int option)
{
	struct paper *p = handle;

	return option < 0 || option >= PAPER_N_OPTIONS ? NULL : &p->options.descriptors[option];
}

static void sensors_read(struct paper *p)
{
	struct stack_fault *fault = stack_fault_before(p->stack, STACK_FRONT);

	paper_option_put(&p->options, PAPER_FEED_COUNT, (SANE_Word)stack_feed_count(p->stack));
	paper_option_put(&p->options, PAPER_PAGE_LOADED, stack_loaded(p->stack));
	paper_option_put(&p->options, PAPER_COVER_OPEN, fault && fault->kind == FAULT_COVER_OPEN);
	paper_option_put(
	    &p->options, PAPER_DOUBLE_FEED, p->double_fed || stack_double_fed(p->stack));
	paper_option_put(&p->options, PAPER_ENDORSER_VAL, (SANE_Word)stack_imprint_next(p->stack));
	if (stack_imprint(p->stack) > 0)
		snprintf(p->options.imprint, sizeof p->options.imprint, "%08ld",
		    stack_imprint(p->stack));
}

static SANE_Status put_back(struct paper *p, SANE_Word n_sheets, SANE_Int *info)
{
	struct error err = {0};
	long n_back = 0;

	if (!stack_put_back(p->stack, n_sheets, &n_back, &err))
		return status_of(&err);
	debug(3, "%ld sheets put back", n_back);
	*info |= SANE_INFO_RELOAD_PARAMS | SANE_INFO_RELOAD_OPTIONS;
	if (n_back != n_sheets)
		*info |= SANE_INFO_INEXACT;
	return SANE_STATUS_GOOD;
}

static SANE_Status option_set(struct paper *p, SANE_Int option, void *value, SANE_Int *info)
{
	SANE_Status status = paper_option_fit(&p->options, option, value, info);

	if (status != SANE_STATUS_GOOD)
		return status;
	if (option == PAPER_PUT_BACK)
		return put_back(p, *(SANE_Word *)value, info);
	if (option == PAPER_ENDORSER_VAL) {
		struct error err = {0};
		return stack_imprint_set(p->stack, *(SANE_Word *)value, &err) ? SANE_STATUS_GOOD
									      : status_of(&err);
	}
	paper_option_set(&p->options, option, value, info);
	if (option == PAPER_ENDORSER)
		stack_set_imprinter(p->stack, p->options.values[PAPER_ENDORSER]);
	if (option == PAPER_SOURCE)
		stack_set_sides(
		    p->stack, p->options.values[PAPER_SOURCE] == PAPER_ADF_DUPLEX ? 2 : 1);
	return SANE_STATUS_GOOD;
}

static SANE_Status option_auto(struct paper *p, SANE_Int option, SANE_Int *info)
{
	const SANE_Option_Descriptor *d = &p->options.descriptors[option];
	SANE_Word v = 0;

	if (option == PAPER_RESOLUTION)
		v = front_dpi(p);
	else if (option == PAPER_BR_X || option == PAPER_BR_Y)
		v = d->constraint.range->max;
	paper_option_set(&p->options, option, &v, info);
	return SANE_STATUS_GOOD;
}

static SANE_Status option_control(
    struct paper *p, SANE_Int option, SANE_Action action, void *value, SANE_Int *info)
{
	const SANE_Option_Descriptor *d = sane_paper_get_option_descriptor(p, option);

	if (!d || d->type == SANE_TYPE_GROUP || !SANE_OPTION_IS_ACTIVE(d->cap))
		return SANE_STATUS_INVAL;
	if (p->gone)
		return SANE_STATUS_IO_ERROR;
	if (action == SANE_ACTION_GET_VALUE) {
		if (!value)
			return SANE_STATUS_INVAL;
		sensors_read(p);
		paper_option_get(&p->options, option, value);
		return SANE_STATUS_GOOD;
	}
	if (!SANE_OPTION_IS_SETTABLE(d->cap))
		return SANE_STATUS_INVAL;
	/* Also between the sides of a sheet: both are scanned with the same settings. */
	if (p->page || p->feeding)
		return SANE_STATUS_DEVICE_BUSY;
	p->size_stands = false;
	if (action == SANE_ACTION_SET_VALUE && value)
		return option_set(p, option, value, info);
	if (action == SANE_ACTION_SET_AUTO && (d->cap & SANE_CAP_AUTOMATIC))
		return option_auto(p, option, info);
	return SANE_STATUS_INVAL;
}

SANE_Status sane_paper_control_option(
    SANE_Handle handle, SANE_Int option, SANE_Action action, void *value, SANE_Int *info);
SANE_Status sane_paper_control_option(
    SANE_Handle handle, SANE_Int option, SANE_Action action, void *value, SANE_Int *info)
{
	struct paper *p = handle;
	SANE_Int changed = 0;

	if (!call_enter(p))
		return SANE_STATUS_DEVICE_BUSY;
	SANE_Status status = option_control(p, option, action, value, &changed);
	call_leave(p);
	if (info)
		*info = changed;
	return status;
}

/* --- scanning --- */

SANE_Status sane_paper_get_parameters(SANE_Handle handle, SANE_Parameters *parameters);
SANE_Status sane_paper_get_parameters(SANE_Handle handle, SANE_Parameters *parameters)
{
	struct paper *p = handle;

	if (!call_enter(p))
		return SANE_STATUS_DEVICE_BUSY;
	struct paper_size size = p->size;
	enum paper_mode mode = page_mode(&p->options);
	bool gone = p->gone;
	/*
	 * The last page's still stand when it has ended: saned reads ahead, and by the time its
	 * client asks for them the page may be through.
	 */
	if (!p->size_stands && !gone && !page_peek(p, STACK_FRONT, &size)) {
		/* No paper to ask: A4 then. What sane_start() finds is what counts. */
		size.width_px = (int)(210 / 25.4 * p->options.values[PAPER_RESOLUTION]);
		size.height_px = (int)(297 / 25.4 * p->options.values[PAPER_RESOLUTION]);
		size.line_bytes = mode == PAPER_LINEART
		    ? ((size_t)size.width_px + 7) / 8
		    : (size_t)size.width_px * (mode == PAPER_COLOR ? 3 : 1);
	}
	call_leave(p);
	if (gone)
		return SANE_STATUS_IO_ERROR;
	if (parameters)
		*parameters = (SANE_Parameters){
		    .format = mode == PAPER_COLOR ? SANE_FRAME_RGB : SANE_FRAME_GRAY,
		    .last_frame = SANE_TRUE,
		    .bytes_per_line = (SANE_Int)size.line_bytes,
		    .pixels_per_line = size.width_px,
		    .lines = size.height_px,
		    .depth = mode == PAPER_LINEART ? 1 : 8,
		};
	return SANE_STATUS_GOOD;
}

/* The sheet lies at the front again; what was read of it is void. */
static void sheet_stays(struct paper *p)
{
	page_close(p);
	p->feeding = false;
	p->state = SCAN_NONE;
}

static SANE_Status fault_meet(struct paper *p, struct stack_fault *fault, bool reading)
{
	struct error err = {0};

	debug(3, "sheet %ld: fault %d", stack_sheet(p->stack), (int)fault->kind);
	if (!stack_fault_fire(p->stack, fault, &err)) {
		sheet_stays(p);
		return status_of(&err);
	}
	if (fault->kind == FAULT_BUSY && !reading)
		return SANE_STATUS_DEVICE_BUSY; /* nothing moved: the same side is next */
	if (fault->kind == FAULT_NO_DOCS && !reading && p->feeding) {
		SANE_Status moved = sheet_through(p);
		return moved == SANE_STATUS_GOOD ? SANE_STATUS_NO_DOCS : moved;
	}
	if (fault->kind == FAULT_HANG && reading && p->non_blocking) {
		p->feeding = false;
		p->hung = true;
		return SANE_STATUS_GOOD;
	}
	sheet_stays(p);
	if (fault->kind == FAULT_DISCONNECT)
		p->gone = true;
	if (fault->kind == FAULT_HANG)
		wait_until(p, -1);
	return fault_status(fault->kind);
}

/* Before the first side of a sheet: is there one, and may it go? */
static SANE_Status sheet_begin(struct paper *p)
{
	struct error err = {0};

	if (stack_double_fed(p->stack)) {
		if (!stack_double_clear(p->stack, &err))
			return status_of(&err);
		p->double_fed = true;
		return SANE_STATUS_JAMMED;
	}
	if (!stack_loaded(p->stack) && !stack_look(p->stack, &err))
		return status_of(&err);
	if (!stack_loaded(p->stack))
		return SANE_STATUS_NO_DOCS;
	if (!wait_until(p, p->due_ms))
		return SANE_STATUS_CANCELLED;
	return SANE_STATUS_GOOD;
}

static SANE_Status page_begin(struct paper *p, enum stack_side side)
{
	struct paper_settings settings = settings_of(p);
	struct error err = {0};

	struct stack_fault *fault = stack_fault_before(p->stack, side);
	if (fault)
		return fault_meet(p, fault, false);
	const char *path = stack_image(p->stack, side);
	debug(3, "sheet %ld, side %d: '%s'", stack_sheet(p->stack), (int)side, path);
	if (!paper_page_open(path, &settings, &p->page, &p->size, &err)) {
		sheet_stays(p);
		return status_of(&err);
	}
	p->line = malloc(p->size.line_bytes);
	if (!p->line) {
		sheet_stays(p);
		return SANE_STATUS_NO_MEM;
	}
	p->size_stands = true;
	p->line_at_bytes = p->size.line_bytes;
	p->n_lines = 0;
	p->side = side;
	p->feeding = true;
	p->state = SCAN_READING;
	p->fault = stack_fault_within(p->stack, side);
	return SANE_STATUS_GOOD;
}

static SANE_Status start(struct paper *p)
{
	if (p->gone)
		return SANE_STATUS_IO_ERROR;
	if (p->page)
		return SANE_STATUS_DEVICE_BUSY;
	atomic_store(&p->cancelled, false);
	p->non_blocking = false;
	p->size_stands = false;
	p->double_fed = false;
	p->state = SCAN_NONE;
	if (p->feeding)
		return page_begin(p, STACK_BACK);

	SANE_Status status = sheet_begin(p);
	if (status != SANE_STATUS_GOOD)
		return status;
	double began_ms = now_ms();
	status = page_begin(p, STACK_FRONT);
	if (status == SANE_STATUS_GOOD && stack_speed(p->stack) > 0)
		p->due_ms = began_ms + 60e3 / stack_speed(p->stack);
	return status;
}

SANE_Status sane_paper_start(SANE_Handle handle);
SANE_Status sane_paper_start(SANE_Handle handle)
{
	struct paper *p = handle;

	if (!call_enter(p))
		return SANE_STATUS_DEVICE_BUSY;
	SANE_Status status = start(p);
	call_leave(p);
	debug(5, "start: %d", (int)status);
	return status;
}

static SANE_Status page_end(struct paper *p)
{
	SANE_Status status = SANE_STATUS_EOF;

	page_close(p);
	p->state = SCAN_ENDED;
	if (p->side == STACK_BACK || !stack_image(p->stack, STACK_BACK)) {
		SANE_Status moved = sheet_through(p);
		if (moved != SANE_STATUS_GOOD)
			status = moved;
	}
	return status;
}

/* Fills at most room_bytes of data; *n_bytes 0 with GOOD: nothing yet. */
static SANE_Status read_lines(struct paper *p, SANE_Byte *data, size_t room_bytes, size_t *n_bytes)
{
	size_t line_bytes = p->size.line_bytes, n = 0;
	struct error err = {0};

	while (n < room_bytes && !atomic_load(&p->cancelled)) {
		if (p->line_at_bytes < line_bytes) {
			size_t k = line_bytes - p->line_at_bytes;
			if (k > room_bytes - n)
				k = room_bytes - n;
			memcpy(data + n, p->line + p->line_at_bytes, k);
			p->line_at_bytes += k;
			n += k;
			continue;
		}
		/* What is already in data goes out first; faults and the end are the next call's.
		 */
		if (p->fault && p->n_lines >= p->fault->after_lines) {
			if (n > 0)
				break;
			return fault_meet(p, p->fault, true);
		}
		if (p->n_lines == p->size.height_px) {
			if (n > 0)
				break;
			return page_end(p);
		}
		bool whole = room_bytes - n >= line_bytes;
		if (!paper_page_line(p->page, whole ? data + n : p->line, &err)) {
			sheet_stays(p);
			return status_of(&err);
		}
		p->n_lines++;
		if (whole)
			n += line_bytes;
		else
			p->line_at_bytes = 0;
	}
	*n_bytes = n;
	return SANE_STATUS_GOOD;
}

static SANE_Status read_state(struct paper *p, SANE_Byte *data, size_t room_bytes, size_t *n_bytes)
{
	if (p->gone)
		return SANE_STATUS_IO_ERROR;
	if (p->hung) { /* a short wait, so that a program that polls for ever is no burden */
		wait_until(p, now_ms() + WAIT_STEP_MS);
		return SANE_STATUS_GOOD;
	}
	switch (p->state) {
	case SCAN_READING: return read_lines(p, data, room_bytes, n_bytes);
	case SCAN_ENDED: return SANE_STATUS_EOF;
	case SCAN_CANCELLED: return SANE_STATUS_CANCELLED;
	default: return SANE_STATUS_INVAL;
	}
}

SANE_Status sane_paper_read(SANE_Handle handle, SANE_Byte *data, SANE_Int room, SANE_Int *length);
SANE_Status sane_paper_read(SANE_Handle handle, SANE_Byte *data, SANE_Int room, SANE_Int *length)
{
	struct paper *p = handle;
	size_t n = 0;

	*length = 0;
	if (room < 0)
		return SANE_STATUS_INVAL;
	if (!call_enter(p))
		return SANE_STATUS_DEVICE_BUSY;
	SANE_Status status = read_state(p, data, (size_t)room, &n);
	if (status == SANE_STATUS_GOOD && atomic_load(&p->cancelled))
		status = SANE_STATUS_CANCELLED;
	call_leave(p);
	if (status == SANE_STATUS_GOOD)
		*length = (SANE_Int)n;
	return status;
}

SANE_Status sane_paper_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking);
SANE_Status sane_paper_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking)
{
	struct paper *p = handle;

	if (!call_enter(p))
		return SANE_STATUS_DEVICE_BUSY;
	SANE_Status status = p->state == SCAN_READING ? SANE_STATUS_GOOD : SANE_STATUS_INVAL;
	if (status == SANE_STATUS_GOOD)
		p->non_blocking = non_blocking;
	call_leave(p);
	return status;
}

/* There is no descriptor to wait for: lines are made when they are read. */
SANE_Status sane_paper_get_select_fd(SANE_Handle handle, SANE_Int *fd);
SANE_Status sane_paper_get_select_fd(SANE_Handle handle, SANE_Int *fd)
{
	struct paper *p = handle;

	return p->state == SCAN_READING ? SANE_STATUS_UNSUPPORTED : SANE_STATUS_INVAL;
}

/* --- the same under the names of a library that a program links itself --- */

#define ALSO(name) __attribute__((alias(#name)))

SANE_Status sane_init(SANE_Int *version, SANE_Auth_Callback authorize) ALSO(sane_paper_init);
void sane_exit(void) ALSO(sane_paper_exit);
SANE_Status sane_get_devices(const SANE_Device ***list, SANE_Bool local_only)
    ALSO(sane_paper_get_devices);
SANE_Status sane_open(SANE_String_Const name, SANE_Handle *handle) ALSO(sane_paper_open);
void sane_close(SANE_Handle handle) ALSO(sane_paper_close);
const SANE_Option_Descriptor *sane_get_option_descriptor(SANE_Handle handle, SANE_Int option)
    ALSO(sane_paper_get_option_descriptor);
SANE_Status sane_control_option(SANE_Handle handle, SANE_Int option, SANE_Action action,
    void *value, SANE_Int *info) ALSO(sane_paper_control_option);
SANE_Status sane_get_parameters(SANE_Handle handle, SANE_Parameters *parameters)
    ALSO(sane_paper_get_parameters);
SANE_Status sane_start(SANE_Handle handle) ALSO(sane_paper_start);
SANE_Status sane_read(SANE_Handle handle, SANE_Byte *data, SANE_Int room, SANE_Int *length)
    ALSO(sane_paper_read);
void sane_cancel(SANE_Handle handle) ALSO(sane_paper_cancel);
SANE_Status sane_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking)
    ALSO(sane_paper_set_io_mode);
SANE_Status sane_get_select_fd(SANE_Handle handle, SANE_Int *fd) ALSO(sane_paper_get_select_fd);
