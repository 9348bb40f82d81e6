/*
 * The verifier: makes everything again from bundles, ledgers and manifests alone, on any copy, and
 * compares. It needs no journal; where there is one, its lines must be those of the ledgers.
 *
 *   ledger.jsonl ─► chain, tally ─► manifest.json and .csv of each revision, byte for byte
 *                                ─► each bundle's facts, evidence, acceptance (the sample drawn again)
 *   workspace's ledger.jsonl     ─► claims: hashes, lines, amounts, heads of every chain
 *
 * Every finding names its file; all are gathered, not only the first.
 */
#ifndef ALTAKT_BATCH_VERIFY_H
#define ALTAKT_BATCH_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct verify_report {	  /* {0} is empty */
	json_t *findings; /* array of {"path", "what"} */
	json_t *notes;	  /* array of text: what could not be checked here, which is no finding */
	int batches, manifests, bundles, claims, bags;
	int64_t events, sheets;
};

/*
 * path: a workspace or a copy of one, a batch's folder, a bundle, a manifest.json, a ledger.jsonl,
 * a claim's folder.
 *
 * err  ERROR_USAGE: there is nothing at path; ERROR_SYSTEM: it cannot be read
 */
bool verify_path(const char *path, struct verify_report *report, struct error *err);

/* Any BagIt bag. */
bool verify_bag(const char *path, struct verify_report *report, struct error *err);

void verify_report_release(struct verify_report *report); /* leaves {0} */

/* For the parts of the verifier. */
void verify_report_begin(struct verify_report *report); /* {0} becomes empty lists */
void verify_find(struct verify_report *report, const char *path, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
void verify_note(struct verify_report *report, const char *what, ...)
    __attribute__((format(printf, 2, 3)));
/* The signature beside path, where there is one. */
void verify_signature(const char *path, struct verify_report *report);

/* The findings of bundle at path, its facts not compared with anything. */
bool verify_bundle_alone(const char *path, struct verify_report *report, struct error *err);

#endif
