/* Days of a time zone, for what counts "until" a date. Not for threads: it sets TZ for a moment. */
#ifndef ALTAKT_BATCH_LOCAL_DAY_H
#define ALTAKT_BATCH_LOCAL_DAY_H

#include <stdbool.h>

#include "config/error.h"

/*
 * The day ("2026-12-31") that a UTC time of the ledger ("2026-12-31T23:30:00.000Z") falls on.
 * ERROR_SETUP: there is no such time zone; ERROR_CHECK: at is no time.
 */
bool local_day(const char *at, const char *zone, char day[11], struct error *err);

/* "2026-12-31" or "31.12.2026", a day that exists. ERROR_USAGE. */
bool day_read(const char *text, char day[11], struct error *err);

#endif
