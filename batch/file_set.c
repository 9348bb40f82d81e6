#include "batch/file_set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t key_hash(const char *key)
{
	uint64_t h = 0xCBF29CE484222325u; /* FNV-1a */

	for (const unsigned char *p = (const unsigned char *)key; *p; p++)
		h = (h ^ *p) * 0x100000001B3u;
	return h ^ h >> 29;
}

/* Where the key is, or would be. */
static struct file_set_slot *slot_find(const struct file_set *set, const char *key)
{
	size_t i = key_hash(key) & (set->n_slots - 1);

	while (set->slots[i].key && strcmp(set->slots[i].key, key) != 0)
		i = (i + 1) & (set->n_slots - 1);
	return &set->slots[i];
}

static void grow(struct file_set *set)
{
	struct file_set more = *set;

	more.n_slots = set->n_slots ? set->n_slots * 2 : 64;
	more.slots = calloc(more.n_slots, sizeof *more.slots);
	if (!more.slots)
		abort(); /* a few bytes for each case file */
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i].key)
			*slot_find(&more, set->slots[i].key) = set->slots[i];
	free(set->slots);
	*set = more;
}

int file_set_add(struct file_set *set, const char *key, int by)
{
	if (set->n_keys * 2 >= set->n_slots)
		grow(set);
	struct file_set_slot *slot = slot_find(set, key);
	if (!slot->key) {
		slot->key = strdup(key);
		if (!slot->key)
			abort(); /* a few bytes for each case file */
		set->n_keys++;
	}
	int before = slot->count;
	slot->count = before + by < 0 ? 0 : before + by;
	if (before == 0 && slot->count > 0)
		set->n_files++;
	if (before > 0 && slot->count == 0)
		set->n_files--;
	return before;
}

int file_set_count(const struct file_set *set, const char *key)
{
	return set->n_slots ? slot_find(set, key)->count : 0;
}

void file_set_release(struct file_set *set)
{
	for (size_t i = 0; i < set->n_slots; i++)
		free(set->slots[i].key);
	free(set->slots);
	*set = (struct file_set){0};
}
