/*
 * Images that another device wrote into a folder, as sheets: files in byte order of their names,
 * a multi-page file pairs within itself.
 */
#ifndef ALTAKT_SCAN_IMPORT_H
#define ALTAKT_SCAN_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "scan/raw.h"

struct import_image {
	char *path;
	int page;	 /* in the file, from 0 */
	uint64_t file_bytes;
	int64_t mtime_ns;
	char sha256[129]; /* of the whole file */
};

struct import_list { /* {0} is empty */
	struct import_image *images;
	int n;
};

/*
 * Lists every image in paths (files, or folders not recursively), in order. A file that is no
 * image is ERROR_INPUT with its name; nothing is listed then.
 */
bool import_list_open(const char *const *paths, int n_paths, struct import_list *out, struct error *err);
void import_list_release(struct import_list *list);

#endif
