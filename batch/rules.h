/*
 * The counting rules of a batch: what is counted, and what the state pays for it. They come from
 * the settings (rules/NAME.ini, under what altakt.ini says itself), are frozen in the event
 * batch_opened and stand in the manifest:
 *
 *   rules{name version count_blank_sheets hash
 *         kinds{file_covers notes photos passports oversize volumes}
 *         rates{file sheet rounding currency}}
 *
 * hash is the SHA-256 of the file of counting rules. Batches of older versions lack kinds and
 * rates.
 */
#ifndef ALTAKT_BATCH_RULES_H
#define ALTAKT_BATCH_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "batch/claim.h"
#include "config/error.h"

struct settings;

/* The rules in force. Gives, or NULL where there is no memory. */
json_t *rules_make(const struct settings *settings);

/* The rates in force. ERROR_SETUP: one is none. where names the key. */
bool rules_rates(const struct settings *settings, struct claim_rates *out, struct error *err);

/* True where altakt.ini itself says a rate: then it is that of each claim. */
bool rules_rates_own(const struct settings *settings);

/*
 * The rates that frozen rules have. *known is false for those of older versions, which have none.
 * ERROR_CHECK: what they have is no rate.
 */
bool rules_rates_of(const json_t *rules, struct claim_rates *out, bool *known, struct error *err);

/* 0.75 and 0.750 are the same rate; the way of rounding and the currency count. */
bool rules_rates_same(const struct claim_rates *a, const struct claim_rates *b);

/* What the rules say, in words, one clause a call of say. */
void rules_say(const json_t *rules, void (*say)(void *self, const char *clause), void *self);

#endif
