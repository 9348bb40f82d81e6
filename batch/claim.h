/*
 * The arithmetic of claims: which files and sheets are new, what a correction changes, and what
 * they amount to. Pure: `claim` makes claims with it, `verify` makes them again from the manifests.
 *
 *   basis = what all claims so far hold: the set of case files, and for each batch its manifest
 *
 * A case file counts once over all claims ever, in the first batch that holds a counted sheet of
 * it; sheets add. Lines are taken in the order of the claim's own list.
 */
#ifndef ALTAKT_BATCH_CLAIM_H
#define ALTAKT_BATCH_CLAIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "batch/closed.h"
#include "batch/file_set.h"
#include "batch/money.h"
#include "config/error.h"

struct claim_rates {
	struct money_rate file, sheet;
	enum money_rounding rounding;
	char currency[4];
};

struct claim_held { /* a batch that a claim holds */
	char name[65];
	int claim;
	struct claim_rates rates; /* of that claim: a correction is worth what was claimed */
	struct closed_batch manifest;
};

struct claim_basis { /* {0} is empty */
	struct file_set files;
	struct claim_held *held; /* by name */
	int n_held;
};

struct claim_line {
	int64_t files;	/* new ones, or the change */
	int64_t sheets; /* likewise */
	int64_t blank_sheets;
	int64_t files_again; /* files of a new batch that were counted before */
};

void claim_basis_release(struct claim_basis *basis); /* leaves {0} */

/* The batch as claims hold it, or NULL. Lent until the basis changes. */
struct claim_held *claim_basis_find(const struct claim_basis *basis, const char *batch);

/* Takes a batch that no claim holds into the basis; takes manifest. line is filled. */
void claim_take(struct claim_basis *basis, struct closed_batch *manifest, int claim,
    const struct claim_rates *rates, struct claim_line *line);

/*
 * Puts a newer manifest in the place of the one that a claim holds; takes it. An empty one (no
 * name) takes everything back. line is filled with the change.
 */
void claim_correct(struct claim_basis *basis, const char *batch, struct closed_batch *manifest,
    struct claim_line *line);

/* What a line amounts to, files and sheets each rounded once. */
bool claim_amount(const struct claim_rates *rates, const struct claim_line *line,
    int64_t *files_cents, int64_t *sheets_cents, struct error *err);

/* The rates that a claim.json names. ERROR_CHECK. */
bool claim_rates_of(const json_t *claim, struct claim_rates *out, struct error *err);

/*
 * Takes a whole claim into the basis, line by line, and compares everything that follows from the
 * manifests with what the claim says.
 *
 * find   gives the manifest with that hash and revision
 * say    is told each difference; *differences counts them
 * err    find's
 */
typedef bool claim_find(void *self, const char *batch, int revision, const char *sha256,
    struct closed_batch *out, struct error *err);
typedef void claim_say(void *self, const char *text);
bool claim_replay(struct claim_basis *basis, const json_t *claim, claim_find *find, claim_say *say,
    void *self, int *differences, struct error *err);

/* Marks the lines of a manifest that a claim's entry leaves out ("unregistered": {"lines": […]}).
 * ERROR_CHECK: it names one that the manifest does not have. */
bool claim_unregistered(const json_t *entry, struct closed_batch *manifest, struct error *err);

/*
 * What the manifest says of counts from outside, over the lines that a claim counts:
 *
 *   {"settled": {"files": n, "sheets": n}, "none": {"files": n, "sheets": n}}
 *
 * settled  a lead settled that counts differ; none: nobody counted but the feeder. Gives.
 */
json_t *claim_witnesses(const struct closed_batch *manifest);

/*
 * Finds a manifest below a batch's folder: manifest.json, or manifest.<revision>.json where a newer
 * one superseded it. ERROR_CHECK: neither has this hash.
 */
bool claim_manifest_find(const char *folder, int revision, const char *sha256,
    struct closed_batch *out, struct error *err);

#endif
