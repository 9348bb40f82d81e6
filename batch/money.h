/*
 * Money and rates: decimal arithmetic in integers, never floating point. Amounts are whole cents
 * in an int64_t; rates are decimals of up to 15 digits, read with point or comma.
 */
#ifndef ALTAKT_BATCH_MONEY_H
#define ALTAKT_BATCH_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

enum { MONEY_SIZE = 48 }; /* room for any text that these functions fill */

enum money_rounding {
	MONEY_HALF_UP,	 /* 0.5 cent away from zero, as a German cash register does */
	MONEY_HALF_EVEN, /* 0.5 cent to the even cent */
	MONEY_DOWN,	 /* towards zero */
};

struct money_rate { /* units / 10^digits */
	int64_t units;
	int digits; /* behind the point, 0..15 */
};

/* "0.75", "0,75", "12": ERROR_SETUP for anything else, more than 15 digits, or a sign. */
bool money_rate_read(const char *text, struct money_rate *out, struct error *err);

/* The rate with a point, as it was written: "0.750" stays "0.750". */
void money_rate_text(struct money_rate rate, char buf[MONEY_SIZE]);

/* "half-up", "half-even" or "down", as the setting claim.rounding has it. */
bool money_rounding_read(const char *text, enum money_rounding *out, struct error *err);
const char *money_rounding_text(enum money_rounding rounding); /* lent */

/* rate × count (which may be negative) in cents, rounded once. ERROR_INPUT: beyond an int64_t. */
bool money_times(struct money_rate rate, int64_t count, enum money_rounding rounding,
    int64_t *cents, struct error *err);

/* a + b in cents. ERROR_INPUT: beyond an int64_t. */
bool money_add(int64_t a, int64_t b, int64_t *cents, struct error *err);

/* An amount with at most two decimals ("27000", "27000.5", "27.000,00" is refused: no grouping). */
bool money_cents_read(const char *text, int64_t *cents, struct error *err);

/* "27000.00", "-0.75": for JSON. */
void money_plain(int64_t cents, char buf[MONEY_SIZE]);

/* "27.000,00 €" where german, else "27,000.00 €"; EUR is written as its sign. */
void money_show(int64_t cents, const char *currency, bool german, char buf[MONEY_SIZE]);

/* A whole number for people: "5.000.000" or "5,000,000". */
void money_count(int64_t count, bool german, char buf[MONEY_SIZE]);

/* A rate for people: "0,75 €". */
void money_rate_show(
    struct money_rate rate, const char *currency, bool german, char buf[MONEY_SIZE]);

#endif
