/*
 * Files that survive a power cut: written beside, synced, renamed, the folder synced. Everything
 * is made for this account alone (0600, folders 0700). Any thread.
 */
#ifndef ALTAKT_CONFIG_FILE_H
#define ALTAKT_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

/* Writes n_bytes to path by way of "<path>.part", durable when true. Replaces what is there. */
bool file_write(const char *path, const void *data, size_t n_bytes, struct error *err);

/* Moves a finished file or folder into place, durable when true: syncs both parent folders. */
bool file_move(const char *from, const char *to, struct error *err);

/* fsync of one file, or of one folder's entries. */
bool file_sync(const char *path, struct error *err);

/* The folder that path lies in, synced. */
bool file_sync_parent(const char *path, struct error *err);

/* Copies a file, durable when true. */
bool file_copy(const char *from, const char *to, struct error *err);

/* Makes a folder and those above it; one that is there is no error. */
bool file_make_folder(const char *path, struct error *err);

/* Removes a file or a folder with all below it, never through a symbolic link. Absent: no error. */
bool file_remove(const char *path, struct error *err);

/*
 * Gives the whole of a file with a NUL behind it, *n_bytes without that NUL. A file above
 * limit_bytes is refused (ERROR_INPUT).
 */
char *file_read(const char *path, size_t limit_bytes, size_t *n_bytes, struct error *err);

bool file_exists(const char *path);

/* Size in bytes, or -1 where there is none. */
int64_t file_size_bytes(const char *path);

/* Free bytes for this account on the disk that holds path. */
bool file_disk_free(
    const char *path, uint64_t *free_bytes, uint64_t *total_bytes, struct error *err);

struct file_names { /* {0} is empty */
	char **names;
	size_t n;
};

/*
 * The names in a folder but "." and "..", in byte order. out must be empty; yours to release. A
 * folder that is not there has none.
 */
bool file_names_read(const char *folder, struct file_names *out, struct error *err);
void file_names_release(struct file_names *names); /* leaves {0} */

/*
 * Calls visit for every regular file below folder, in byte order of the relative path. visit
 * returns false to stop, and says why in err. Symbolic links and special files are ERROR_INPUT.
 */
bool file_walk(const char *folder,
    bool (*visit)(void *self, const char *relative, const char *path, struct error *err),
    void *self, struct error *err);

/* printf into memory that the caller frees; never NULL. */
char *file_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
