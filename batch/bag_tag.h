/*
 * The tag files of a bag as text: decoded to UTF-8, split into lines, names made safe. What comes
 * from a bag is hostile until it has passed here.
 */
#ifndef ALTAKT_BATCH_BAG_TAG_H
#define ALTAKT_BATCH_BAG_TAG_H

#include <stdbool.h>
#include <stddef.h>

#include "batch/bag.h"
#include "config/error.h"

struct bag_text {     /* {0} is empty */
	char *data;   /* UTF-8, newlines replaced by NULs */
	char **lines; /* into data, without line ends (LF, CR, CRLF) */
	size_t n_lines;
};

/*
 * Reads a tag file. encoding as bagit.txt names it ("UTF-8", "ISO-8859-1", "UTF-16", …).
 * ERROR_CHECK: not text of that encoding, a NUL in it, too large; what names the file.
 */
bool bag_text_read(const char *path, const char *encoding, struct bag_text *out, struct error *err);
void bag_text_release(struct bag_text *text); /* leaves {0} */

/*
 * bagit.txt: exactly its two lines. version and encoding are filled. ERROR_CHECK says what is
 * wrong.
 */
bool bag_declaration_read(const char *path, char version[8], char encoding[32], struct error *err);

/*
 * bag-info.txt: "Label: value", continued by lines that begin with a blank. Labels are added to the
 * report in their order. ERROR_CHECK for a line that is neither.
 */
bool bag_info_read(const char *path, struct bag_report *report, struct error *err);

/* A line "hash  name" of a manifest, split in place. False where it is none. */
bool bag_line_split(char *line, char **hash, char **name, bool *star);

/*
 * True for a name that stays in the bag on every system: relative, no "..", no "~" at the
 * beginning, no drive letter, no empty part; a backslash separates too. A "./" at the beginning is
 * taken off (and *dotted set).
 */
bool bag_name_check(char **name, bool *dotted);

/* A copy of name with %0A and %0D, and where percent is true also %25, turned back. Gives. */
char *bag_name_decode(const char *name, bool percent);

#endif
