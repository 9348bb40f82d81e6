/*
 * A folder into which another device writes images, watched. A file is taken when it is complete,
 * and completeness is never guessed from time alone:
 *
 *   renamed into the folder                      complete at once
 *   written in the folder and closed again       complete when its size has stayed the same, too
 *   there before the watch began                 likewise
 *
 * Whether somebody still has a file open for writing is asked of the kernel (a read lease, fcntl(2)
 * F_SETLEASE, fails then). Where the file system knows no leases, only what was seen to be renamed
 * or closed counts. Files come in the byte order of their names; one that is not complete yet holds
 * back those after it, so that fronts and backs keep their order. Only names that `import` takes
 * from a folder: no hidden ones, no "*.part".
 *
 * One thread.
 */
#ifndef ALTAKT_SCAN_WATCH_H
#define ALTAKT_SCAN_WATCH_H

#include <stdbool.h>

#include "config/error.h"

struct watch;

/* ERROR_USAGE: not a folder; ERROR_SYSTEM: no watches to be had. */
bool watch_open(const char *folder, struct watch **out, struct error *err);
void watch_close(struct watch *watch); /* accepts NULL */

/* Waits until something happened in the folder, timeout_ms at the most. */
void watch_wait(struct watch *watch, int timeout_ms);

/*
 * The complete files that were not taken yet, up to the first that is not complete: *paths are lent
 * until the next call. *waiting: how many others there are. Ask again after watch_wait(): a size
 * has to be seen twice.
 */
bool watch_ready(
    struct watch *watch, const char *const **paths, int *n, int *waiting, struct error *err);

/* They are imported: never given again, whatever happens to them. */
void watch_take(struct watch *watch, const char *path);

#endif
