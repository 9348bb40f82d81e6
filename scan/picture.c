#include "scan/picture.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

#define CELL_DPI       38
#define OPEN_MM	       2.5
#define DARK_PERCENT   84 /* of the paper's level */
#define BRIGHT_PERCENT 95
#define MOST_GROWTH    2.5 /* of a picture's box */
#define LEAST_MM       8.0
#define SPREAD	       13.0 /* standard deviation of luminance in a picture, beyond the grain */

void picture_list_release(struct picture_list *list)
{
	free(list->pictures);
	*list = (struct picture_list){0};
}

/* The page's paper as one level: the 70th percentile of its tiles. */
static int page_level(const struct ground *paper)
{
	int counts[256] = {0}, n = paper->columns * paper->rows, above = 0;
	for (int i = 0; i < n; i++)
		counts[paper->level[i]]++;
	for (int v = 255; v > 0; v--) {
		above += counts[v];
		if (above * 10 > n * 3)
			return v;
	}
	return 255;
}

/* A set bit where even the brightest pixel of a cell is dark. */
static PIX *dark_cells(const struct plane *luma, int by, int limit)
{
	int w = luma->width_px / by, h = luma->height_px / by;
	PIX *cells = w > 0 && h > 0 ? pixCreate(w, h, 1) : NULL;
	for (int y = 0; cells && y < h; y++)
		for (int x = 0; x < w; x++) {
			uint8_t most = 0;
			for (int i = 0; i < by; i++) {
				const uint8_t *row = plane_row(luma, y * by + i) + x * by;
				for (int k = 0; k < by; k++)
					most = row[k] > most ? row[k] : most;
			}
			if (most < limit)
				pixSetPixel(cells, x, y, 1);
		}
	return cells;
}

static void measure(const struct plane *luma, PIX *piece, int by, struct picture *picture)
{
	double n = 0, sum = 0, squares = 0;
	for (int y = 0; y < pixGetHeight(piece); y++)
		for (int x = 0; x < pixGetWidth(piece); x++) {
			uint32_t bit;
			pixGetPixel(piece, x, y, &bit);
			if (!bit)
				continue;
			double cell = 0;
			for (int i = 0; i < by; i++)
				for (int k = 0; k < by; k++)
					cell += plane_row(
					    luma, picture->y + y * by + i)[picture->x + x * by + k];
			cell /= by * by; /* means of cells: the paper's grain is gone */
			n += 1;
			sum += cell;
			squares += cell * cell;
		}
	if (n < 1)
		return;
	picture->level = (int)(sum / n);
	picture->textured = sqrt(fmax(0, squares / n - sum / n * (sum / n))) > SPREAD;
}

/*
 * A photograph's bright parts belong to it: grows the box over what is joined to it and only a
 * little darker than paper, unless that runs away over shaded paper.
 */
static bool bright_parts_add(PIX *bright, PIX *piece, int by, struct picture *picture)
{
	PIX *seed = pixCreateTemplate(bright), *grown = NULL;
	BOX *box = NULL;
	int x, y, w, h;
	if (seed) {
		pixRasterop(seed, picture->x / by, picture->y / by, pixGetWidth(piece),
		    pixGetHeight(piece), PIX_SRC, piece, 0, 0);
		pixAnd(seed, seed, bright);
		grown = pixSeedfillBinary(NULL, seed, bright, 8);
	}
	if (grown && !pixClipToForeground(grown, NULL, &box) && box) {
		boxGetGeometry(box, &x, &y, &w, &h);
		int left = x * by < picture->x ? x * by : picture->x,
		    top = y * by < picture->y ? y * by : picture->y;
		int right = picture->x + picture->w, bottom = picture->y + picture->h;
		right = (x + w) * by > right ? (x + w) * by : right;
		bottom = (y + h) * by > bottom ? (y + h) * by : bottom;
		if ((double)(right - left) * (bottom - top) <
		    MOST_GROWTH * picture->w * picture->h) {
			picture->x = left;
			picture->y = top;
			picture->w = right - left;
			picture->h = bottom - top;
		}
	}
	bool ok = grown != NULL;
	boxDestroy(&box);
	pixDestroy(&seed);
	pixDestroy(&grown);
	return ok;
}

bool picture_list_find(const struct plane *luma, double dpi, const struct ground *paper,
    struct picture_list *out, struct error *err)
{
	struct picture_list list = {0};
	int by = (int)(dpi / CELL_DPI + 0.5);
	by = by < 1 ? 1 : by;
	double mm = dpi / by / 25.4;
	int paper_level = page_level(paper);
	PIX *cells = dark_cells(luma, by, paper_level * DARK_PERCENT / 100), *opened = NULL,
	    *closed = NULL;
	PIX *pale = NULL, *bright = NULL;
	PIXA *pieces = NULL;
	BOXA *boxes = NULL;
	bool ok = false;

	if (!cells) { /* smaller than a cell: there is no picture */
		*out = list;
		return true;
	}
	int open = (int)(OPEN_MM * mm + 0.5), close = (int)(2 * mm + 0.5);
	open = open < 2 ? 2 : open;
	opened = pixOpenBrick(NULL, cells, open, open);
	closed = opened
	    ? pixCloseSafeBrick(NULL, opened, close < 2 ? 2 : close, close < 2 ? 2 : close)
	    : NULL;
	pale = dark_cells(luma, by, paper_level * BRIGHT_PERCENT / 100);
	bright = pale ? pixOpenBrick(NULL, pale, open, open) : NULL;
	boxes = closed && bright ? pixConnComp(closed, &pieces, 8) : NULL;
	int n = boxes ? boxaGetCount(boxes) : 0;
	list.pictures = calloc((size_t)n + 1, sizeof *list.pictures);
	if (!boxes || !list.pictures) {
		error_set(err, ERROR_SYSTEM, NULL, _("no memory to look for pictures"));
		goto done;
	}
	for (int i = 0; i < n; i++) {
		int x, y, w, h, area = 0;
		boxaGetBoxGeometry(boxes, i, &x, &y, &w, &h);
		PIX *piece = pixaGetPix(pieces, i, L_CLONE);
		struct picture picture = {x * by, y * by, w * by, h * by, 0, false, 0};
		pixCountPixels(piece, &area, NULL);
		picture.mm2 = area / (mm * mm);
		measure(luma, piece, by, &picture);
		if (picture.textured && !bright_parts_add(bright, piece, by, &picture)) {
			pixDestroy(&piece);
			error_set(err, ERROR_SYSTEM, NULL, _("no memory to look for pictures"));
			goto done;
		}
		pixDestroy(&piece);
		if (picture.textured && (w < LEAST_MM * mm || h < LEAST_MM * mm))
			picture.textured = false;
		if (picture.textured)
			list.textured_mm2 += picture.mm2;
		else if (picture.level < paper_level * 3 / 4 &&
		    picture.level > paper_level * 3 / 10)
			list.flat_mm2 += picture.mm2;
		list.pictures[list.n++] = picture;
	}
	*out = list;
	list = (struct picture_list){0};
	ok = true;
done:
	pixDestroy(&pale);
	pixDestroy(&bright);
	pixDestroy(&cells);
	pixDestroy(&opened);
	pixDestroy(&closed);
	boxaDestroy(&boxes);
	pixaDestroy(&pieces);
	picture_list_release(&list);
	return ok;
}
