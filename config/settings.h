/*
 * The settings: altakt.ini (read by inih), over the defaults that config/settings.c lists, under
 * "--set section.key=value" of one call. Constant once loaded; what differs from page to page is a
 * local of whoever works on it. Any thread may read.
 */
#ifndef ALTAKT_CONFIG_SETTINGS_H
#define ALTAKT_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct settings;

/*
 * Reads an altakt.ini; path NULL gives the defaults. An unknown key, a value outside its range, a
 * key given twice or a line that is none is ERROR_SETUP: "altakt.ini:12: unknown key 'scan.dip'".
 * Sections whose keys are free ([columns], [option]) accept any key.
 *
 * The counting rules that rules.name names are read below it, as rules/NAME.ini beside altakt.ini
 * or as shipped: [rules], rates, currency and rounding of [claim], period and deadline of [grant].
 * What altakt.ini itself says goes before those.
 *
 * A line has at most 198 bytes. Blanks before a key mean nothing; " ;" begins a comment. Numbers
 * are decimal, with a point or a German comma.
 */
bool settings_open(const char *path, struct settings **out, struct error *err);
void settings_close(struct settings *settings);

/*
 * One "section.key=value" of the command line. ERROR_USAGE for an unknown key, a bad value, or a
 * key that touches counting, rates, review, roles or retention.
 */
bool settings_set(struct settings *settings, const char *assignment, struct error *err);

/* Calls visit for each key of the table; takes is for people: "a whole number from 75 to 1200". */
void settings_keys(
    void (*visit)(void *self, const char *key, const char *standard, const char *takes),
    void *self);

/* Keys must exist in the table (assert). Text is lent, "" where nothing is set. */
const char *settings_text(const struct settings *settings, const char *key);
int64_t settings_int(const struct settings *settings, const char *key);
double settings_number(const struct settings *settings, const char *key);
uint64_t settings_bytes(const struct settings *settings, const char *key); /* "5 GiB"; "" is 0 */
bool settings_bool(const struct settings *settings, const char *key);

/* True where altakt.ini itself says it, and not a file of counting rules or the standard. */
bool settings_own(const struct settings *settings, const char *key);

/* A key of a free section ("columns.file_number"), or NULL. Lent. */
const char *settings_free(const struct settings *settings, const char *key);

/* Calls visit for each key of a free section, in the order of the file. */
void settings_each(const struct settings *settings, const char *section,
    void (*visit)(void *self, const char *key, const char *value), void *self);

/* SHA-256 of the file of counting rules in force; of the shipped one without an altakt.ini. */
const char *settings_rules_hash(const struct settings *settings);

/* The hash of everything in force, SHA-256 over "key=value" lines in the order of the table. */
void settings_hash(const struct settings *settings, char hex[129]);

#endif
