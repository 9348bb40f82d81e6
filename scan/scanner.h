/*
 * A document scanner, by SANE. One thread opens, feeds and closes it; scanner_cancel() alone may
 * be called from another.
 */
#ifndef ALTAKT_SCAN_SCANNER_H
#define ALTAKT_SCAN_SCANNER_H

#include <stdbool.h>

#include "config/error.h"
#include "scan/sheet.h"

struct scanner;

struct scanner_options {
	const char *
	    device; /* SANE's name; "paper:DIR" is the simulator; NULL or "": the first one found */
	const char *source; /* SANE's name of a source; NULL or "": duplex feeder if there, else
			       feeder, else what is there */
	bool simplex;	    /* wants a one-sided source */
	const char *mode;   /* "Color" "Gray" "Lineart" */
	int resolution_dpi;
	/* Given on the command line: what the device has not is ERROR_USAGE then, not ERROR_SETUP.
	 */
	bool source_asked, mode_asked, resolution_asked;
	double page_width_mm, page_height_mm; /* 0: as large as the device can */
	int timeout_ms;
	const char *const *extra; /* "name=value" of further backend options, "?name=value" where
				     the device has it; NULL-terminated; may be NULL */
};

struct device { /* as `altakt devices` shows it */
	char *name, *vendor, *model, *type;
};

struct device_list {
	struct device *devices;
	int n;
};

/* Asks SANE which scanners there are (simulators are not asked). May take seconds on a network. */
bool device_list_open(struct device_list *out, struct error *err);
void device_list_release(struct device_list *list);

/* Gives the name of the device that scanner_open() takes where none is named; ERROR_SETUP: none. */
char *device_first(struct error *err);

/*
 * Opens a device and sets it. ERROR_SETUP: no such device (todo lists those that are there), a
 * value that it lacks (todo lists those that it has).
 */
bool scanner_open(const struct scanner_options *options, struct scanner **out, struct error *err);
void scanner_close(struct scanner *scanner); /* accepts NULL */

/*
 * Feeds one sheet and reads its sides.
 *
 * sheet   must be empty; filled and given to you when *fed is true:
 *         one image (simplex) or two (duplex, front first)
 * fed     false: the feeder says that it is empty, which is no error
 * err     ERROR_PAPER  jam, open cover, double feed: call again once it is cleared
 *         ERROR_SETUP  the device went away: close it and open it again
 *         ERROR_SYSTEM no memory
 *
 * Blocks up to the options' timeout_ms without data.
 */
bool scanner_feed(struct scanner *scanner, struct sheet *sheet, bool *fed, struct error *err);

/* Makes a scanner_feed() that is under way in another thread stop soon. Async-signal-safe. */
void scanner_cancel(struct scanner *scanner);

/* What is set: for provenance and the log. Lent until scanner_close(). */
const char *scanner_device(const struct scanner *scanner);
const char *scanner_model(const struct scanner *scanner); /* "vendor model" */
const char *scanner_source(const struct scanner *scanner);
bool scanner_duplex(const struct scanner *scanner);
long scanner_feed_count(const struct scanner *scanner); /* the device's own, at open; -1 unknown */
bool scanner_is_flatbed(
    const struct scanner *scanner); /* feeds one image, then a person turns the page */

/* What the device can do and what is set, as JSON text (yours); scan/abilities.h describes it. */
char *scanner_abilities(struct scanner *scanner);

#endif
