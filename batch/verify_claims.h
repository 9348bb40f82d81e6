/*
 * The part of the verifier that takes claims: their files by the hashes of the workspace's chain,
 * and each made again from the manifests that it names.
 */
#ifndef ALTAKT_BATCH_VERIFY_CLAIMS_H
#define ALTAKT_BATCH_VERIFY_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/claim_book.h"
#include "batch/verify.h"
#include "batch/verify_batch.h"
#include "config/error.h"
#include "config/file.h"

struct verify_claims {
	const char *root; /* folder of the workspace or copy; lent, as report */
	struct verify_report *report;
	struct claim_book book;
	json_t *foreign;   /* events claims_collected, by workspace: the newest of each */
	json_t *elsewhere; /* batches that those claims hold */
	json_t *chains;	   /* {"batch": {"17": "head"}} that claims rest on */
	/* while claims are made again */
	const struct verify_batch *batches;
	int n_batches;
	const char *where;
};

void verify_claims_begin(struct verify_claims *out, const char *root, struct verify_report *report);
void verify_claims_release(struct verify_claims *claims); /* leaves {0} */

/* Folds in an event of the workspace's chain. ERROR_CHECK: no claim can follow from it. */
bool verify_claims_event(struct verify_claims *claims, const json_t *event, struct error *err);

/*
 * The files of all claims; fills chains.
 *
 * folders  the names in claims/, read before the chain was, so that a claim made meanwhile is none
 */
bool verify_claims_files(
    struct verify_claims *claims, const struct file_names *folders, struct error *err);

/* Makes each claim again from the batches, which were read; lent. */
bool verify_claims_replay(struct verify_claims *claims, const struct verify_batch *batches,
    int n_batches, struct error *err);

/* A claim away from its workspace: its own sums and amounts. */
bool verify_claim_alone(const char *folder, struct verify_report *report, struct error *err);

#endif
