/*
 * The tally of a batch: what its events add up to. A pure fold, one event after the other; the
 * journal's process, the manifest and the verifier all use it, so there is one place that counts.
 *
 *   events ──► tally_add() ──► sheets (one struct each), files, order ──► tally_counts()
 *
 * Rules of counting: DESIGN: a sheet is exactly one of voided, superseded, separator, blank, or
 * ordinary, in this order of precedence.
 */
#ifndef ALTAKT_BATCH_TALLY_H
#define ALTAKT_BATCH_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "config/file_number.h"

enum { TALLY_SIDES = 8 }; /* front, back, and up to six further views */

struct tally_side {
	char side; /* 'f', 'b', 'c' … */
	bool done; /* page work is recorded */
	bool blank, ocr_failed, flagged;
	bool failed;   /* page work gave up on it (event done_event): a person has to act */
	bool evidence; /* its proof image is kept */
	int words;
	int64_t pixels;		       /* of the image as it was fed */
	int64_t fed_event, done_event; /* their numbers in the chain */
};

enum near_equal { /* to a sheet of this batch or of another */
	NEAR_EQUAL_NONE,
	NEAR_EQUAL_OPEN, /* nobody has decided */
	NEAR_EQUAL_KEPT, /* somebody said that it is another sheet */
};

struct tally_sheet {
	int n;				 /* running number in the batch */
	int file;			 /* 0: none */
	int expected, received, missing; /* images; missing ones that somebody decided */
	bool separator, voided, superseded;
	int suspects;	   /* not decided yet */
	int suspect_kinds; /* bit set of enum suspect ever raised */
	bool seen;
	struct tally_side sides[TALLY_SIDES];
	int n_sides;
	int rescan_of; /* 0, or the sheet it supersedes */
	enum near_equal near_equal;
	bool rejected; /* by a lead: it waits for a new scan */
};

struct tally_file {
	int file; /* from 1 */
	char file_number[FILE_NUMBER_SIZE];
	int volume;
	int prepared;  /* the slip's count, -1 unknown */
	int given;     /* the operator's own count, -1 none */
	char box[128]; /* where its paper lies now, "" unknown; several: "K-1, K-2" */
	bool from_cover, complete, settled;
	int settled_fed, settled_prepared, settled_given; /* the figures that were settled */
	json_t *settlements; /* {by, at, reason, witness} of each settled difference, or NULL */
	int imprinted;	     /* sheets with a number of the imprinter, covers left out */
	int imprint_gap;     /* numbers that are missing before one of them */
	int hand;	     /* a lead's count of the paper, -1 none */
	int hand_first;	     /* the first one, before the program's figure was seen; -1 none */
	int settled_hand, settled_hand_fed;
	int64_t changed; /* the event that last changed what its bundle holds */
	/* The newest bundle, where one was made since the file's last change: */
	bool bundled;
	char bundle[256], sha512[129];
	int64_t bytes;
	int pages;
	double mean_confidence;
	json_t *flags; /* array of the bundle's, borrowed by nobody else */
};

enum batch_state {
	BATCH_OPEN,
	BATCH_CLOSED,
	BATCH_ACCEPTED,
	BATCH_REJECTED,
	BATCH_ABANDONED,
};

struct tally { /* {0} is empty; batch/tally_snapshot.c knows every pointer in it */
	char batch[65], workspace[64], station[65], opened[25], closed[25];
	enum batch_state state;
	int revision; /* of the newest close, 0 before */
	int epoch;    /* of the workspace then: above 1 where it had been restored from a backup */
	char previous[65], supersedes[65];
	json_t *rules, *operators;
	json_t *expect;	 /* the batch's list: {file_number, volume, sheets, settled}, or NULL */
	json_t *reviews; /* leads' words: {revision, result, by, at, …}, or NULL */
	bool count_blank_sheets, imported, clock_back;
	struct tally_sheet *sheets; /* by n - 1 */
	int n_sheets;
	int *order; /* sheet numbers in the order of the bundles */
	struct tally_file *files;
	int n_files;
	char operator_now[128];		   /* who fed last; operators are all that ever did */
	int images_taken, images_assigned; /* --blanks-dropped: 1..taken; how many are of sheets */
	int open_file;			   /* the file that the next sheet joins, 0: none */
	int rescan_next;		   /* sheet that the next fed one supersedes, 0: none */
	int insert_next;		   /* sheet behind which the next fed one comes, 0: none */
	int refeed;	 /* voided sheet whose place the fed ones take, in order, 0: none */
	int refeed_last; /* the one behind which the next of them comes */
	char box[65];	 /* where sheets are put now, "" unknown */
	bool feeding;
	int device_count; /* the device's own count at the last sheet, -1 unknown */
	char device[128]; /* that fed it */
	int64_t imprint;  /* the imprinter's last number, -1 none */
	int64_t events;
	char head[65]; /* hash of the last line */
	char last_at[25];
	int claim; /* 0, or the number of the claim it is in */
	bool seen_all;
};

/* The letter of a sheet's next further view: 'c' and on; 0: it has all that a sheet can have. */
char tally_view_letter(const struct tally_sheet *sheet);

/* True while the difference that a lead settled is the one that there is: sheets valid ones. */
bool tally_file_settled(const struct tally_file *file, int sheets);

/* True where a lead counted another number of sheets by hand, and nobody has settled that. */
bool tally_file_hand_differs(const struct tally_file *file, int sheets);

/* True where sheet n is a cover sheet that counts as one and nothing was ever fed into its file. */
bool tally_cover_alone(const struct tally *tally, int n);

/* Folds in one event: line is its text. ERROR_CHECK: not an event, or one that cannot follow. */
bool tally_add(struct tally *tally, int64_t n, const char *line, size_t n_bytes, struct error *err);

/* The same as a ledger_visit: tally is a struct tally. */
bool tally_visit(void *tally, int64_t n, const char *line, size_t n_bytes, struct error *err);

void tally_release(struct tally *tally); /* leaves {0} */

struct tally_counts {
	int files, sheets, pages, images, blank_pages, blank_sheets;
	int separators, superseded, voided, ocr_failed;
	int fed, images_expected, images_missing, counted, blank_uncounted;
	int images_counted;   /* images of counted sheets */
	int pages_uncounted;  /* the one page of a file whose sheets are blank and do not count */
	int suspects;	      /* sheets that nobody has decided */
	int unassigned;	      /* sheets of no file, neither voided nor separators */
	int pages_todo;	      /* images whose page work is not recorded */
	int pages_failed;     /* of these, those that page work gave up on */
	int files_todo;	      /* complete files without a bundle */
	int images_undecided; /* missing ones that nobody has decided */
};

void tally_counts(const struct tally *tally, struct tally_counts *out);

/* The same for one case file: files is 1 where it has a counted sheet. */
void tally_file_counts(const struct tally *tally, int file, struct tally_counts *out);

/* True where the sheet is blank on every side that is done, and all are. */
bool tally_sheet_blank(const struct tally_sheet *sheet);

/* By the batch's rules: neither voided, superseded, a separator nor blank where these do not count.
 */
bool tally_sheet_counted(const struct tally *tally, const struct tally_sheet *sheet);

/*
 * Calls visit for each kept page of a file in the order of its bundle. Of a file whose every side
 * is blank, the first side is kept: *kept_blank tells.
 */
void tally_pages(const struct tally *tally, int file,
    void (*visit)(void *self, const struct tally_sheet *sheet, const struct tally_side *side,
	bool kept_blank),
    void *self);

/* The file of that number (compared by key) and volume, or NULL. Lent. */
struct tally_file *tally_file_find(const struct tally *tally, const char *file_number, int volume);

#endif
