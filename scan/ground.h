/*
 * The ground: how bright the bare paper is at each place of a page. Dividing by it takes away
 * shadows, yellowed edges and coloured paper, so that one threshold fits the whole page.
 *
 * Method: the page is laid out in square tiles; a tile's level is the 75th percentile of its pixels
 * that are paper; small dark tiles (bold type, punch holes) are closed over, bare ones are filled
 * from their neighbours, and between the middles of tiles it is interpolated.
 */
#ifndef ALTAKT_SCAN_GROUND_H
#define ALTAKT_SCAN_GROUND_H

#include "scan/plane.h"

#define GROUND_PAPER \
	230 /* what bare paper becomes in a normalised plane; brighter than it saturates at 255 */

struct ground {	     /* {0} is empty */
	int tile_px; /* in the plane that was measured */
	int columns, rows;
	uint8_t *level;
	uint8_t mean; /* over the page's paper */
};

/*
 * outside   255 where the page is not paper (scanner background, holes), of the plane's size or
 *           any smaller one that covers it; may be NULL
 */
bool ground_measure(const struct plane *plane, const struct plane *outside, int tile_px,
    struct ground *out, struct error *err);
/* The ground of a page that is black and white from the start: white. */
bool ground_white(struct ground *out, struct error *err);
void ground_release(struct ground *ground); /* leaves {0} */

/* The levels along row y of a plane `scale` times as large as the one measured. row has width_px +
 * 16 bytes. */
void ground_row(const struct ground *ground, double scale, int y, int width_px, uint8_t *row);

/* plane / ground * GROUND_PAPER. */
bool ground_normalise(
    const struct ground *ground, const struct plane *plane, struct plane *out, struct error *err);

/* Otsu's threshold (IEEE Trans. SMC 9, 1979) over a normalised plane, kept within low..high. */
int ground_otsu(const struct plane *normal, int low, int high);

#endif
