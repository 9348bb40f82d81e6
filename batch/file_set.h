/*
 * A set of case files by key, each with how often it is in it: what makes several volumes and
 * batches of one file number count as one file. Open addressing; keys are copied.
 */
#ifndef ALTAKT_BATCH_FILE_SET_H
#define ALTAKT_BATCH_FILE_SET_H

#include <stdbool.h>
#include <stddef.h>

struct file_set { /* {0} is empty */
	struct file_set_slot {
		char *key;
		int count;
	} * slots;
	size_t n_slots, n_keys;
	size_t n_files; /* keys whose count is above 0 */
};

/* Adds by (which may be negative) to a key's count, which never falls below 0; gives the count
 * before. */
int file_set_add(struct file_set *set, const char *key, int by);

int file_set_count(const struct file_set *set, const char *key);

void file_set_release(struct file_set *set); /* leaves {0} */

#endif
