/* The sample paper of `altakt demo`: what is drawn, and what its counts must come to. */
#ifndef ALTAKT_BATCH_DEMO_H
#define ALTAKT_BATCH_DEMO_H

#include <stdbool.h>

#include "config/error.h"

struct demo_counts { /* of the paper, before anybody scans it */
	int files, sheets, sides, written_sides, blank_sheets, covers;
};

/*
 * Draws three invented case files with a cover sheet each into folder/stack, what was written into
 * folder/words, the register into folder/register.csv and the settings into
 * folder/workspace/altakt.ini.
 */
bool demo_draw(const char *folder, struct demo_counts *counts, struct error *err);

#endif
