/*
 * The register: the case files that should exist, from the list that the authority's own system
 * gives out (`register import`). It lives in a table of the journal of its own:
 *
 *   register_file   key, volume, file_number, sheets, urgent, line, more
 *
 * key is file_number_key(); volume 0 stands for "any": the list had no column of volumes. more
 * holds the other columns as JSON. An empty register knows nothing: then no file is unknown.
 */
#ifndef ALTAKT_BATCH_REGISTER_H
#define ALTAKT_BATCH_REGISTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/error.h"
#include "config/file_number.h"

#define REGISTER_LANGUAGES_SIZE 128

struct journal;
struct settings;

struct register_entry {
	char file_number[FILE_NUMBER_SIZE];	 /* as the list writes it */
	int volume;				 /* 0: any */
	int sheets;				 /* the preparation slip's count, -1 unknown */
	bool urgent;				 /* scan on demand: bundled first */
	char languages[REGISTER_LANGUAGES_SIZE]; /* "rus+deu", "auto"; "": the setting's */
};

/*
 * Looks a case file up, by key. A list without volumes knows each volume of its numbers, and the
 * count that it gives is volume 1's.
 */
bool register_find(struct journal *journal, const char *file_number, int volume,
    struct register_entry *out, bool *found, struct error *err);

/* *any is false while nothing was imported. */
bool register_any(struct journal *journal, bool *any, struct error *err);

/* Calls visit for each entry in the order of key and volume. visit returns false to stop. */
bool register_each(struct journal *journal,
    bool (*visit)(
	void *self, const char *key, const struct register_entry *entry, struct error *err),
    void *self, struct error *err);

struct register_import {
	int64_t lines; /* rows of the list, without its first */
	int64_t added, changed, removed;
	int64_t bad;  /* rows with something wrong: then nothing was imported */
	bool windows; /* the list was Windows-1252 */
};

/*
 * Takes a list into the register, in one transaction with its event register_imported: all of it,
 * or nothing where any row is bad. Numbers that are there already are brought up to date; what the
 * list has no column for (sheets, urgent, languages) stays as it was.
 *
 * replace  true: entries that the list does not have are removed
 * by       who does it
 * say      each bad row is written there, by its line number: the first 100, then their number
 * err      ERROR_INPUT  the list is bad (out->bad tells), ERROR_SETUP columns or pattern are
 */
bool register_import(struct journal *journal, const struct settings *settings, const char *path,
    bool replace, const char *by, FILE *say, struct register_import *out, struct error *err);

/* Marks a file as urgent, or no longer. *found false: the register does not have it. */
bool register_urgent(struct journal *journal, const char *file_number, bool urgent, const char *by,
    bool *found, struct error *err);

/*
 * True where number fits the setting register.pattern (POSIX extended regular expression, all of
 * the number), or none is set. ERROR_SETUP: the pattern is none.
 */
bool register_pattern_fits(
    const struct settings *settings, const char *number, bool *fits, struct error *err);

#endif
