/*
 * A batch as claims, the register and reports see it: the file lines of its newest manifest, which
 * must have the hash that the ledger has of it, and what happened to the batch since. Nothing is
 * counted here: batch/tally.h counts.
 */
#ifndef ALTAKT_BATCH_CLOSED_H
#define ALTAKT_BATCH_CLOSED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct journal;

enum closed_state {
	CLOSED_OPEN,	/* no manifest yet: no file lines but what the tally has so far */
	CLOSED_WAITING, /* closed, neither accepted nor rejected */
	CLOSED_ACCEPTED,
	CLOSED_REJECTED,
	CLOSED_CHANGED, /* corrected since: has to be closed again */
	CLOSED_ABANDONED,
};

struct closed_file {
	char *file_number, *key; /* key: file_number_key() */
	int volume, sheets, blank_sheets;
	bool unregistered; /* a claim leaves it out: batch/claimable.h */
	bool settled;	   /* a lead settled that its counts differ */
	bool unwitnessed;  /* neither slip, operator, imprinter nor a hand counted it */
};

struct closed_batch { /* {0} is empty */
	char name[65], station[65], workspace[64];
	char opened[25], closed[25], accepted[25]; /* UTC; "" where it has not happened */
	char accepted_by[128];
	bool not_opened_one_by_one; /* whoever accepted had said "seen --all" */
	bool hand_counted;	    /* a drawn file's paper was counted by hand before */
	bool hand_settled;	    /* that count differed, and a lead settled it */
	enum closed_state state;
	int revision;			 /* 0: never closed */
	char manifest_sha256[65];	 /* of manifest.json */
	int64_t events;			 /* lines of the chain that the manifest covers */
	char head[65];			 /* hash of the last of them */
	int claim;			 /* the newest that holds it, 0 none */
	int files, sheets, blank_sheets; /* blank ones that count, part of sheets */
	int pages, voided, superseded, ocr_failed;
	bool count_blank_sheets;
	char rules[128]; /* "hessen-2020/1" */
	char *frozen;	 /* all of them as JSON (batch/rules.h); NULL: it was never closed */
	/* From another station: it lies in collected/, its chain is not the journal's. */
	bool collected;
	int64_t chain_events; /* all of its chain, as it was collected */
	char chain_head[65];
	struct closed_file *lines;
	int n_lines;
};

/*
 * Reads one batch of the journal's workspace.
 *
 * out  must be empty; filled, yours to release
 * err  ERROR_CHECK  manifest.json is not the one that the ledger knows: what names it
 */
bool closed_read(
    struct journal *journal, const char *batch, struct closed_batch *out, struct error *err);

/*
 * Fills counts and file lines from a manifest's text, and its hash. Knows nothing of the ledger:
 * for whoever has checked the hash by other ways.
 */
bool closed_parse(const char *path, const char *text, size_t n_bytes, struct closed_batch *out,
    struct error *err);

/* Folds in an event that stands behind those that the manifest covers. */
void closed_event(struct closed_batch *batch, const json_t *event);

void closed_release(struct closed_batch *batch); /* leaves {0} */

struct closed_list { /* {0} is empty */
	struct closed_batch *batches;
	int n;
};

/*
 * A batch that was collected: from collected/<batch>/ alone. chain_events and chain_head are
 * filled; the caller compares them with the event "collected".
 */
bool closed_read_collected(
    const char *workspace, const char *batch, struct closed_batch *out, struct error *err);

/* Every batch of the journal, and every one that was collected, by name. */
bool closed_all(struct journal *journal, struct closed_list *out, struct error *err);
void closed_list_release(struct closed_list *list); /* leaves {0} */

#endif
