/*
 * The simulator's stack of paper: a folder with one image for each side, its position, its faults.
 *
 *	DIR/0001.jpg 0002.jpg …   the sides, fed in byte order of their names (.jpg .jpeg .png .tif
 *	                          .tiff, any case; of a TIFF its first page); hidden files and all
 *	                          other names are no paper
 *	DIR/stack.ini             faults and speed, optional, written by whoever lays the stack
 *	DIR/.fed                  what went through, written by the backend alone; without it the
 *	                          stack is freshly laid
 *
 * With two sides to a sheet images 1 and 2 are sheet 1, with one side image 1 is. Sheets that are
 * laid on later need later names: they are seen when the feeder is empty and when it is opened.
 *
 * stack.ini:
 *	[stack]
 *	speed = 60             sheets a minute; 0 (default): as fast as it can
 *	dpi = 300              of images that do not say; default 300
 *	[open]                 a fault of sane_open(); keys as below but side and after_lines
 *	fault = busy
 *	[sheet 5]              the fifth sheet of the folder, however often the feeder stopped
 *	fault = jam            begins a fault; a second "fault =" in the section is the next to come
 *	times = 1              how often it happens, then it is cleared; "always": never cleared
 *	side = front           or back; only where the source reads that side; default front
 *	after_lines = 500      in the middle of that side, once so many lines were read; default:
 *	                       before the side begins, from sane_start()
 *	detect = yes           double-feed only: the sensors see it; default yes
 *
 *	fault          SANE_STATUS_…   what happens
 *	jam            JAMMED
 *	cover-open     COVER_OPEN
 *	io-error       IO_ERROR
 *	no-docs        NO_DOCS         though there is paper; before the back: the sheet
 *	                               went through, its back is lost
 *	busy           DEVICE_BUSY     before a side: nothing moved, the next sane_start()
 *	                               is that side
 *	no-mem         NO_MEM
 *	access-denied  ACCESS_DENIED
 *	cancelled      CANCELLED       somebody pressed stop at the device
 *	inval          INVAL
 *	disconnect     IO_ERROR        and from every call until the device is opened again
 *	hang           CANCELLED       blocks until sane_cancel(); reading without blocking
 *	                               gives no bytes
 *	double-feed    GOOD, JAMMED    this sheet and the next go through as one: the first
 *	                               one's sides are delivered; if the sensors saw it,
 *	                               the following sane_start() is JAMMED, once, with
 *	                               both sheets in the tray
 *
 * A sheet that met any other fault lies at the front of the stack again, from its front
 * side. How often each fault has happened is in .fed, by "<sheet>.<which of that sheet>".
 *
 * .fed is written beside and renamed, not synced: it plays the paper, which a killed process
 * does not put back; the kernel keeps what was renamed. (A power cut may lose it, where the whole
 * experiment is lost anyway.) A sheet's feeding costs one such rename.
 *
 * One stack has one holder, as a feeder has one user: an flock() on the folder, which dies with
 * the process. One thread at a time.
 */
#ifndef ALTAKT_SCAN_STACK_H
#define ALTAKT_SCAN_STACK_H

#include <stdbool.h>

#include "config/error.h"

struct stack;

enum stack_side {
	STACK_FRONT,
	STACK_BACK,
};

enum fault_kind {
	FAULT_JAM,
	FAULT_COVER_OPEN,
	FAULT_IO_ERROR,
	FAULT_NO_DOCS,
	FAULT_BUSY,
	FAULT_NO_MEM,
	FAULT_ACCESS_DENIED,
	FAULT_CANCELLED,
	FAULT_INVAL,
	FAULT_DISCONNECT,
	FAULT_HANG,
	FAULT_DOUBLE_FEED,
};

struct stack_fault {
	enum fault_kind kind;
	long sheet; /* from 1; 0: [open] */
	int nth;    /* of that sheet, from 1 */
	long times; /* 0: always */
	long fired; /* so far */
	enum stack_side side;
	long after_lines; /* -1: before the side begins */
	bool detect;
};

/*
 * Reads the folder, stack.ini and .fed, and holds the folder. ERROR_SETUP: no such folder, a line
 * of stack.ini ("stack.ini:12: unknown key 'falt'"), a damaged .fed. ERROR_BUSY: somebody holds
 * it. ERROR_SYSTEM: rights, disk.
 */
bool stack_open(const char *folder, struct stack **out, struct error *err);
void stack_close(struct stack *stack); /* accepts NULL */

/* How many sides a sheet has from now on, 1 or 2. Fresh: 1. */
void stack_set_sides(struct stack *stack, int n_sides);

double stack_speed(const struct stack *stack);	  /* sheets a minute, 0: unlimited */
int stack_dpi(const struct stack *stack);	  /* of images that do not say */
bool stack_loaded(const struct stack *stack);	  /* there is a sheet at the front */
long stack_sheet(const struct stack *stack);	  /* its number, from 1 */
long stack_feed_count(const struct stack *stack); /* feeds since the stack was laid; never falls */
long stack_in_tray(const struct stack *stack); /* sheets that went through and were not put back */

/* The front sheet's image of a side, lent until the next call on this stack; NULL: it has none. */
const char *stack_image(struct stack *stack, enum stack_side side);

/* Looks into the folder again for sheets that were laid on. ERROR_SYSTEM. */
bool stack_look(struct stack *stack, struct error *err);

/*
 * The next fault of the front sheet on a side, lent until the stack is closed, or NULL: before the
 * side begins, within it (the earliest after_lines), at sane_open(). Never a double feed.
 */
struct stack_fault *stack_fault_before(struct stack *stack, enum stack_side side);
struct stack_fault *stack_fault_within(struct stack *stack, enum stack_side side);
struct stack_fault *stack_fault_open(struct stack *stack);

/* Records that a fault has happened once more. ERROR_SYSTEM: disk. */
bool stack_fault_fire(struct stack *stack, struct stack_fault *fault, struct error *err);

/*
 * The front sheet went through; with a double-feed fault due, the next one with it. detection: the
 * sensors are on; then stack_double_fed() is true until stack_double_clear(), also for the next
 * process. ERROR_SYSTEM: disk, and then the sheet is where it was.
 */
bool stack_sheet_through(struct stack *stack, bool detection, struct error *err);
bool stack_double_fed(const struct stack *stack);
bool stack_double_clear(struct stack *stack, struct error *err);

/*
 * The imprinter, behind the sensors: it prints its counter on each sheet that goes through while it
 * is on (a double feed is printed once, what is put back and fed again a second time). The counter
 * is on disk and begins with 1. stack_imprint(): what it printed last, 0: nothing yet.
 */
void stack_set_imprinter(struct stack *stack, bool on);
long stack_imprint(const struct stack *stack);
long stack_imprint_next(const struct stack *stack);
bool stack_imprint_set(struct stack *stack, long next, struct error *err);

/*
 * The operator's hand: the last n_sheets of the tray (both of a double feed singly) lie at the
 * front again. *n_back: how many there were. ERROR_SYSTEM: disk, and nothing was moved.
 */
bool stack_put_back(struct stack *stack, long n_sheets, long *n_back, struct error *err);

#endif
