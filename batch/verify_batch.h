/* The part of the verifier that takes one batch: its chain, and everything in its folder. */
#ifndef ALTAKT_BATCH_VERIFY_BATCH_H
#define ALTAKT_BATCH_VERIFY_BATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/tally.h"
#include "batch/verify.h"
#include "config/error.h"

struct journal;

struct verify_revision { /* of a manifest, made again from the events */
	int revision;
	int sheets;    /* that it counts */
	int epoch;     /* of its workspace: above 1 once that was restored from a backup */
	int64_t event; /* the "closed" that it ends with */
	char closed[25], previous[65], supersedes[65];
	char sha256[65];
	char *text, *csv;
};

struct verify_batch { /* {0} is empty; what verify_batch_read() has found out */
	char name[65], station[65], workspace[64];
	int64_t n;	      /* lines of its chain */
	bool carries_bundles; /* a collected batch has them in its own folder */
	bool chain_good;      /* the rest can be trusted */
	struct tally tally;   /* while it is read */
	struct verify_revision *revisions;
	int n_revisions;
	json_t *evidence; /* path: sha256 */
	json_t *accepted; /* events, in order */
	json_t *released; /* folders of bundles that were: {"files/…": true} */
	json_t *bundles;  /* folders below the root that it names */
	json_t *stamps;	  /* by revision: the newest event about its timestamp */
	json_t *seals;	  /* path: sha256 */
	json_t *claims;	  /* numbers of the claims that hold it, as text keys */
	char head[65];
};

/*
 * Reads the chain of a batch's folder, checks it, and compares everything in the folder with it.
 *
 * root     folder of the workspace or copy, whose files/ has the bundles; NULL: they are not there
 * journal  may be NULL
 * chains   what claims say of chains: {"batch": {"17": "head"}}, may be NULL
 */
bool verify_batch_read(const char *folder, const char *root, struct journal *journal,
    json_t *chains, struct verify_report *report, struct verify_batch *out, struct error *err);
void verify_batch_release(struct verify_batch *batch); /* leaves {0} */

#endif
