/*
 * BagIt bags (RFC 8493): written as 1.0 with SHA-512; read and checked as 0.93 to 1.0 with every
 * hash that OpenSSL knows of those BagIt names.
 *
 *     bag/  bagit.txt  bag-info.txt  manifest-<hash>.txt  tagmanifest-<hash>.txt  [fetch.txt]
 *           data/…      what the bag carries
 */
#ifndef ALTAKT_BATCH_BAG_H
#define ALTAKT_BATCH_BAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"
#include "config/hash.h"

struct bag_label { /* one line of bag-info.txt */
	char *label;
	char *value;
};

/*
 * Makes a bag of a folder whose data/ is filled: writes bagit.txt, bag-info.txt (labels in the
 * order given, then Payload-Oxum), manifest-sha512.txt, tagmanifest-sha512.txt. Every file and
 * folder of the bag is synced when true.
 *
 * labels  borrowed; a label with a colon or a value with a newline is an assert
 * sha512  filled with the hash of tagmanifest-sha512.txt
 * err     ERROR_SYSTEM: disk; ERROR_INPUT: a symbolic link or special file below data/
 */
bool bag_write(const char *path, const struct bag_label *labels, size_t n_labels,
    char sha512[HASH_SIZE], struct error *err);

struct bag_report {		  /* {0} is empty */
	char version[8];	  /* "1.0" */
	char encoding[32];	  /* of the tag files */
	struct bag_label *labels; /* bag-info.txt, in UTF-8, in its order */
	size_t n_labels;
	uint64_t payload_files, payload_bytes;
	uint64_t bytes;			    /* all files of the bag together, tag files included */
	char tagmanifest_sha512[HASH_SIZE]; /* of tagmanifest-sha512.txt; "" where there is none */
	char **problems; /* each a sentence that names the file; the first is also in err */
	size_t n_problems;
	char **warnings; /* the bag is valid, but somebody should know */
	size_t n_warnings;
};

/*
 * Checks everything: declaration, manifests, completeness both ways, every hash of every manifest,
 * Payload-Oxum, names that leave the bag, symbolic links, fetch.txt (whose files must be there:
 * nothing is ever fetched).
 *
 * report  must be empty; filled whether the bag is valid or not: bag_report_release()
 * err     ERROR_CHECK  the bag is not valid; what names the file
 *         ERROR_USAGE  nothing is at path
 *         ERROR_SYSTEM it cannot be read
 */
bool bag_verify(const char *path, struct bag_report *report, struct error *err);
void bag_report_release(struct bag_report *report); /* leaves {0} */

/* The first value of a label of bag-info.txt (compared without case), or NULL. Lent. */
const char *bag_report_find(const struct bag_report *report, const char *label);

#endif
