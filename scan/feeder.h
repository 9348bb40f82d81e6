/*
 * Feeding that never waits for anything later in the line. Sheets come from a scanner or from
 * imported files; each becomes raw images in the spool, durable, hashed, and looked at for a cover
 * sheet's code, before its owner hears of it:
 *
 *	scanner, or files ──► queue (4 sheets, 400 MB) ──► writers ──► events ──► the owner
 *	  feeding thread                                   2 threads   in order    records the sheet
 *
 * The owner (one thread, with an event loop) polls feeder_descriptor() and takes events with
 * feeder_next(). A sheet exists once the owner has recorded it; a sheet that was fed but never
 * delivered as an event does not, and leaves no file in the spool but after a crash: then files
 * from the first unrecorded number on are leftovers, and may be removed before feeder_open().
 *
 * However slow disk and owner are, no more than FEEDER_UNRECORDED_MOST sheets have gone through the
 * device and are not recorded: the queue, those written but not taken, and the one that the owner
 * has taken and is recording. So many are laid back at most after a crash.
 *
 * Sheets arrive in the order in which they were fed, without a gap in their numbers. Reading codes
 * lags behind the scanner by as many sheets as are queued: when the owner answers an event with
 * feeder_pause() or feeder_stop() (an unreadable cover sheet, a sheet before the first cover), the
 * sheets that the scanner has taken meanwhile are real paper that went through: they still arrive,
 * in order, each as an event, and the owner records them as sheets that wait for a decision.
 *
 * An event that is no sheet comes after all sheets fed before it. Then the feeding thread rests,
 * nothing more arrives, and the owner decides: feeder_resume() goes on with the same device (which
 * is opened again first if it went away), or feeder_close().
 */
#ifndef ALTAKT_SCAN_FEEDER_H
#define ALTAKT_SCAN_FEEDER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "scan/cover.h"
#include "scan/import.h"
#include "scan/scanner.h"

struct feeder;

enum { FEEDER_UNRECORDED_MOST = 8 }; /* sheets */

struct feeder_options {			/* lent until feeder_open() returns */
	struct scanner_options scanner; /* not for imports */
	const char *spool_folder;	/* this batch's, which is there: "<n>f.tif", "<n>b.tif" */
	const char *compression;	/* "zstd" "lzw" "deflate" "none" */
	long first_n;			/* number of the next sheet; they count on from it */
	uint64_t reserve_bytes;		/* free bytes that feeding leaves on the spool's disk */
	int writers;			/* threads; 0: two */
	bool overlap;			/* look for two sheets in one image */
};

struct fed_image {
	char *path;	  /* in the spool; always "….tif", whatever kind of file was imported */
	char sha256[129]; /* of that file */
	uint64_t n_bytes;
	int width_px, height_px, channels, depth_bits; /* as stored, before any turning */
	double dpi;				       /* 0 where an imported file says none */
	bool lapped;				       /* shows two sheets (scan/overlap.h) */
	enum cover_answer cover_answer;
	struct cover cover;	    /* filled where cover_answer is COVER_VALID */
	struct import_image source; /* source.path is NULL where it was scanned */
};

struct fed_sheet { /* {0} is empty */
	long n;
	struct fed_image images[2]; /* front, back */
	int n_images;		    /* received: 1 or 2 */
	int n_expected;		    /* more than n_images: one is missing, somebody decides */
	bool double_feed;	    /* the device reported one */
	char imprint[64];	    /* "" without an imprinter */
	long device_count;	    /* the device's own count, -1 where it has none */
};

void fed_sheet_release(struct fed_sheet *sheet); /* leaves {0}; the files stay */

enum feeder_event_kind {
	FEEDER_SHEET,	/* sheet is filled; everything else ends or interrupts the feeding: */
	FEEDER_EMPTY,	/* the feeder says that it is empty (on a flatbed: turn the page), or all
			   files   are imported; no proof of completeness */
	FEEDER_PAUSED,	/* feeder_pause() */
	FEEDER_STOPPED, /* feeder_stop() */
	FEEDER_DISK,	/* the spool's disk is down to its reserve: error says how much is free */
	FEEDER_ERROR, /* error is filled: ERROR_PAPER the operator clears it, then feeder_resume();
			 ERROR_SETUP the device went away or refuses; ERROR_SYSTEM the disk;
			 ERROR_INPUT an imported file is bad: where names it */
};

struct feeder_event { /* {0} is empty */
	enum feeder_event_kind kind;
	struct fed_sheet sheet;
	struct error error;
	int unrecorded; /* with an error: sheets that went through the device, wholly or in part,
			   but are not delivered: they are to be fed again, after the last recorded
			   one */
};

void feeder_event_release(struct feeder_event *event); /* leaves {0} */

/*
 * Opens the scanner and starts feeding at once.
 *
 * err   as scanner_open(), or ERROR_SYSTEM
 *
 * Sets and restores environment variables while it opens a simulator: no other thread of the
 * program may read the environment during the call. Child processes inherit nothing of it.
 */
bool feeder_open(const struct feeder_options *options, struct feeder **out, struct error *err);

/*
 * The same events from images that lie in files. A file with one page is copied into the spool
 * byte by byte; pages of longer TIFFs are written anew, without loss. Images whose files changed
 * since the list was made are ERROR_INPUT.
 *
 * list    borrowed until feeder_close()
 * duplex  two images are one sheet: two single-page files, or two pages of one file
 */
bool feeder_open_import(const struct feeder_options *options, const struct import_list *list,
    bool duplex, struct feeder **out, struct error *err);

/* Readable while feeder_next() has an event. The feeder's own: only poll() it. */
int feeder_descriptor(const struct feeder *feeder);

/* Takes the next event, if there is one; never waits. event must be empty; filled and yours. */
bool feeder_next(struct feeder *feeder, struct feeder_event *event, bool *got, struct error *err);

/* Feeds no further sheet until feeder_resume(); FEEDER_PAUSED tells when all are delivered. */
void feeder_pause(struct feeder *feeder);

/* Goes on after any event that is no sheet, FEEDER_STOPPED included; else takes back
 * feeder_pause(). */
void feeder_resume(struct feeder *feeder);

/* Finishes the sheet that is under way, delivers it and all before it, then FEEDER_STOPPED. */
void feeder_stop(struct feeder *feeder);

/*
 * Ends the threads and closes the device. A sheet that is under way is broken off, events that
 * were not taken are dropped together with their files. Accepts NULL.
 */
void feeder_close(struct feeder *feeder);

/* What is fed from, lent until feeder_close(); of an import "import", "", "", duplex. */
const char *feeder_device(const struct feeder *feeder);
const char *feeder_model(const struct feeder *feeder);
const char *feeder_source(const struct feeder *feeder);
bool feeder_duplex(const struct feeder *feeder);
long feeder_device_count(const struct feeder *feeder); /* sheets fed before, -1 unknown */
bool feeder_is_flatbed(const struct feeder *feeder);   /* FEEDER_EMPTY after each sheet */

struct feeder_figures {
	uint64_t images, raw_bytes, spool_bytes;
	uint64_t wait_longest_ms; /* that the feeding thread waited for room in the queue */
	uint64_t wait_ms;	  /* in all */
};
void feeder_figures(struct feeder *feeder, struct feeder_figures *out);

#endif
