/* A workspace: its folder, settings, journal and log, opened for one command. */
#ifndef ALTAKT_BATCH_WORKSPACE_H
#define ALTAKT_BATCH_WORKSPACE_H

#include <stdbool.h>

#include "config/error.h"
#include "config/settings.h"

struct journal;

struct workspace {
	char *path; /* absolute */
	char uuid[37];
	struct settings *settings;
	struct journal *journal;
};

/* `altakt init`: makes the folders (0700), altakt.ini, journal.sqlite. ERROR_USAGE: there is one
 * already. */
bool workspace_init(const char *path, struct error *err);

/*
 * Opens it: settings with sets ("section.key=value", NULL-terminated, may be NULL) over
 * altakt.ini, the log, the journal; what changed in the settings since last time is an event.
 */
bool workspace_open(
    const char *path, const char *const *sets, struct workspace *out, struct error *err);
void workspace_close(struct workspace *workspace); /* leaves {0} */

#endif
