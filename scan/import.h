/*
 * Images that another device wrote into a folder, as a list: files in byte order of their names,
 * a multi-page file page by page. feeder_open_import() makes sheets of it.
 */
#ifndef ALTAKT_SCAN_IMPORT_H
#define ALTAKT_SCAN_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "scan/raw.h"

struct import_image {
	char *path;  /* absolute */
	int page;    /* in the file, from 0 */
	int n_pages; /* of the file */
	uint64_t file_bytes;
	int64_t mtime_ns;
	char sha256[129]; /* of the whole file */
};

struct import_list { /* {0} is empty */
	struct import_image *images;
	int n;
};

/*
 * Lists every image in paths (files, or folders not recursively; hidden files and "*.part" of a
 * folder are left out), in order. A file that is no image is ERROR_INPUT with its name; nothing is
 * listed then. The same file twice is listed once.
 */
bool import_list_open(
    const char *const *paths, int n_paths, struct import_list *out, struct error *err);
void import_list_release(struct import_list *list);

/* Whether an import of a folder takes a file of that name: no hidden ones, no "*.part". */
bool import_name_wanted(const char *name);

/* Leaves out the images for which keep answers false (already in the batch). */
void import_list_filter(struct import_list *list,
    bool (*keep)(void *self, const struct import_image *image), void *self);

/* Copies an image's line, path included (yours). */
void import_image_copy(struct import_image *to, const struct import_image *from);

#endif
