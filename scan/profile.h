/*
 * Scanner profiles: what a kind of scanner is set to beyond source, mode and resolution, above all
 * its double-feed sensors. Files of config/profiles, or of a workspace's own folder "profiles":
 *
 *	[profile]
 *	name = fujitsu
 *	version = 1
 *	match = fujitsu:*             devices by SANE's name, shell patterns with blanks between
 *	[scan]
 *	source = ADF Duplex           empty: found by itself
 *	source_simplex = ADF Front
 *	page_width_mm = 216           0: as large as the device can
 *	page_height_mm = 356
 *	timeout = 90                  seconds
 *	double_feed = yes             detection is expected: its absence is warned of
 *	option.df-action = Stop       an option of the backend; an error where it is lacking
 *	maybe.df-skew = yes           the same, but left out where the device lacks it
 *
 * Options are set in the order of the file. A profile is known by its hash: of name, version and
 * what it sets, not of its comments.
 */
#ifndef ALTAKT_SCAN_PROFILE_H
#define ALTAKT_SCAN_PROFILE_H

#include <stdbool.h>

#include "config/error.h"
#include "config/hash.h"

struct scanner_options;

struct profile { /* {0} is empty; all text is the profile's */
	char name[65];
	int version;
	char sha256[HASH_SIZE];
	char *path, *match, *source, *source_simplex;
	double page_width_mm, page_height_mm;
	int timeout_ms;
	bool double_feed;
	char **extra; /* "name=value" or "?name=value", NULL-terminated */
	int n_extra;
};

/*
 * name    "auto" or "": the first one that fits device, else "generic"
 * device  SANE's name; only for "auto"
 * folder  where a workspace keeps its own, looked into first; may be NULL
 * err     ERROR_SETUP: no such profile (todo lists those that are there), or a line that is none
 */
bool profile_open(const char *name, const char *device, const char *folder, struct profile *out,
    struct error *err);
void profile_release(struct profile *profile); /* leaves {0} */

/* One more option of the backend, from the settings; not part of the hash. */
void profile_option_add(struct profile *profile, const char *name, const char *value);

/* Fills what options leave open; borrows the profile's text until the scanner is open. */
void profile_apply(const struct profile *profile, struct scanner_options *options);

/* True where name is one of the words of approved (blanks between), or approved lists its hash. */
bool profile_approved(const struct profile *profile, const char *approved);

#endif
