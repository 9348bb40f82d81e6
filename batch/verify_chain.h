/*
 * The part of the verifier that takes one chain, a batch's or the workspace's own: the hashes from
 * line to line, the times, ledger.head, and the journal where there is one.
 */
#ifndef ALTAKT_BATCH_VERIFY_CHAIN_H
#define ALTAKT_BATCH_VERIFY_CHAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch/verify.h"
#include "config/error.h"

struct journal;

/*
 * Reads any chain's ledger.jsonl with its ledger.head: the chain itself, and the heads that claims
 * name. visit may be NULL. *good is true where the chain is whole, whatever else was found.
 */
typedef bool verify_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err);
bool verify_chain(const char *folder, const char *chain, struct journal *journal, json_t *wanted,
    verify_visit *visit, void *self, struct verify_report *report, int64_t *n, char head[65],
    bool *good, struct error *err);

#endif
