/*
 * The looks of sides (scan/look.h) that are compared with each other again and again, while
 * duplicates are looked for: read from the small images of the spool once.
 */
#ifndef ALTAKT_BATCH_LOOK_SHELF_H
#define ALTAKT_BATCH_LOOK_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/look.h"

enum { LOOK_SHELF = 64 }; /* 16 MB of A4 */

struct look_shelf {	       /* {0} but for workspace is empty */
	const char *workspace; /* its folder; lent */
	struct look_on_shelf {
		char batch[65], side;
		int sheet;
		bool turned;
		int64_t lent; /* the count of loans then: the least is the oldest */
		struct look look;
	} looks[LOOK_SHELF];
	int64_t lent;
};

/*
 * Lends the look of a side, upside down where turned, until LOOK_SHELF others were lent. NULL:
 * there is no small image any more, or it is damaged.
 */
const struct look *look_shelf_lend(struct look_shelf *shelf, const char *batch, int sheet,
    char side, bool turned, double width_mm);
void look_shelf_release(struct look_shelf *shelf);

#endif
