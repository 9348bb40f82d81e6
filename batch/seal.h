/*
 * The outside seal of a bundle: a program of the authority's own (seal.command), called with the
 * bundle's folder and a path at which it may leave a detached seal:
 *
 *	COMMAND… BUNDLE SEAL		exit 0: sealed
 *
 * No shell takes part: the setting's words, parted by blanks, are program and first arguments.
 */
#ifndef ALTAKT_BATCH_SEAL_H
#define ALTAKT_BATCH_SEAL_H

#include <stdbool.h>

#include "config/error.h"
#include "config/hash.h"

struct settings;

struct seal {
	int exit_code;		/* of the program; 128 + the signal that ended it */
	char sha256[HASH_SIZE]; /* of what it left at the path, "" for nothing */
};

/* True where the settings name a program. */
bool seal_wanted(const struct settings *settings);

/*
 * Has a bundle sealed. out is filled as far as it came, also where it failed.
 *
 * path  where a detached seal may be left; its folder is made; what is left of a failure is removed
 * err   ERROR_SETUP   the program cannot be started
 *       ERROR_SYSTEM  it failed, or took longer than seal.timeout seconds and was ended
 */
bool seal_bundle(const struct settings *settings, const char *bundle, const char *path,
    struct seal *out, struct error *err);

#endif
