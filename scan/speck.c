#include "scan/speck.h"

#include <leptonica/allheaders.h>
#include <stdlib.h>

#define COMPONENTS_LIMIT 60000
#define CELL_PX		 32
#define SPECK_LIMIT_PX	 10    /* a side of a component that may be one */
#define SHARE		 0.012 /* of the squared height of letters: a full stop has twice as much */
#define LETTER_PX	 7
#define LETTER_LIMIT_PX	 80

struct piece {
	int x, y, w, h;
	int ink; /* pixels, where it may be a speck; else 0 */
};

struct map { /* pieces by the cells that their boxes touch */
	struct piece *pieces;
	int n;
	int columns, rows;
	int *first; /* index into links of each cell, -1: none */
	struct link {
		int piece, next;
	} * links;
	int n_links, links_size;
};

static int ink_in(const PIX *bits, const struct piece *p)
{
	const l_uint32 *data = pixGetData((PIX *)bits);
	int wpl = pixGetWpl(bits), ink = 0;

	for (int y = p->y; y < p->y + p->h; y++)
		for (int x = p->x; x < p->x + p->w; x++)
			ink += GET_DATA_BIT(data + (size_t)y * (size_t)wpl, x);
	return ink;
}

static bool map_add(struct map *map, int piece)
{
	const struct piece *p = &map->pieces[piece];

	for (int r = p->y / CELL_PX; r <= (p->y + p->h - 1) / CELL_PX; r++)
		for (int c = p->x / CELL_PX; c <= (p->x + p->w - 1) / CELL_PX; c++) {
			if (map->n_links == map->links_size) {
				int size = map->links_size ? 2 * map->links_size : 4096;
				struct link *more =
				    realloc(map->links, (size_t)size * sizeof *more);

				if (!more)
					return false;
				map->links = more;
				map->links_size = size;
			}
			map->links[map->n_links] =
			    (struct link){piece, map->first[r * map->columns + c]};
			map->first[r * map->columns + c] = map->n_links++;
		}
	return true;
}

static bool map_open(const PIX *bits, BOXA *boxes, struct map *map)
{
	map->n = boxaGetCount(boxes);
	map->columns = pixGetWidth(bits) / CELL_PX + 1;
	map->rows = pixGetHeight(bits) / CELL_PX + 1;
	size_t cells = (size_t)map->columns * (size_t)map->rows;
	map->pieces = calloc((size_t)map->n + 1, sizeof *map->pieces);
	map->first = malloc(cells * sizeof *map->first);
	if (!map->pieces || !map->first)
		return false;
	for (size_t i = 0; i < cells; i++)
		map->first[i] = -1;
	for (int i = 0; i < map->n; i++) {
		struct piece *p = &map->pieces[i];

		boxaGetBoxGeometry(boxes, i, &p->x, &p->y, &p->w, &p->h);
		if (p->w <= SPECK_LIMIT_PX && p->h <= SPECK_LIMIT_PX)
			p->ink = ink_in(bits, p);
		if (p->w <= 3 * LETTER_LIMIT_PX && p->h <= 2 * LETTER_LIMIT_PX && !map_add(map, i))
			return false;
	}
	return true;
}

static void map_release(struct map *map)
{
	free(map->pieces);
	free(map->first);
	free(map->links);
}

/* Whether p stands to q as small things of writing do. height: of the letters around. */
static bool belongs(const struct piece *p, const struct piece *q, double height, double limit)
{
	int right = p->x + p->w < q->x + q->w ? p->x + p->w : q->x + q->w;
	int overlap = right - (p->x > q->x ? p->x : q->x);
	int below = q->y - (p->y + p->h), behind = p->x - (q->x + q->w);
	int foot = abs(q->y + q->h - p->y - p->h);

	if (q->ink && q->ink <= limit) { /* its like */
		if (2 * abs(q->ink - p->ink) > p->ink)
			return false;
		return (2 * overlap >= p->w && below >= 0.15 * height && below <= 0.5 * height) ||
		    (foot <= 1 && abs(p->x - q->x) <= 0.6 * height);
	}
	if (q->h < 0.4 * height)
		return false;
	return (behind >= -2 && behind <= 0.35 * height && foot <= 0.12 * height + 1) ||
	    (overlap >= 0.7 * p->w && below >= 0 && below <= 0.3 * height && q->w <= 1.2 * height);
}

static bool is_speck(const struct map *map, int piece)
{
	const struct piece *p = &map->pieces[piece];
	int column = (p->x + p->w / 2) / CELL_PX, row = (p->y + p->h / 2) / CELL_PX;
	int height = 0;
	bool kept = false;

	for (int pass = 0; pass < 2; pass++) { /* first the letters' height, then their places */
		double limit = SHARE * height * height;

		if (pass && height && p->ink > limit)
			return false;
		for (int r = row - 1; r <= row + 1; r++)
			for (int c = column - 1; c <= column + 1; c++) {
				if (r < 0 || c < 0 || r >= map->rows || c >= map->columns)
					continue;
				for (int l = map->first[r * map->columns + c]; l >= 0;
				     l = map->links[l].next) {
					const struct piece *q = &map->pieces[map->links[l].piece];

					if (q == p)
						continue;
					if (!pass && q->h > height && q->h <= LETTER_LIMIT_PX &&
					    q->h >= LETTER_PX)
						height = q->h;
					if (pass && height)
						kept |= belongs(p, q, height, limit);
				}
			}
	}
	return !kept && (height || p->ink <= 9);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static double letter_height(const struct map *map, bool *ok)
{
	int *heights = malloc(((size_t)map->n + 1) * sizeof *heights), n = 0;
	double height;

	*ok = heights != NULL;
	if (!heights)
		return 0;
	for (int i = 0; i < map->n; i++) {
		const struct piece *p = &map->pieces[i];

		if (p->h >= 5 && p->h <= LETTER_LIMIT_PX && p->w >= 2 && p->w <= 3 * p->h)
			heights[n++] = p->h;
	}
	qsort(heights, (size_t)n, sizeof *heights, by_value);
	height = n < 20 ? 0 : heights[n / 2];
	free(heights);
	return height;
}

bool speck_remove(struct Pix *bits, double *text_height_px)
{
	BOXA *boxes = pixConnCompBB(bits, 8);
	struct map map = {0};
	bool ok = false;

	*text_height_px = 0;
	if (!boxes)
		return true; /* an empty page has none */
	if (boxaGetCount(boxes) > COMPONENTS_LIMIT) {
		ok = true;
		goto done;
	}
	if (!map_open(bits, boxes, &map))
		goto done;
	*text_height_px = letter_height(&map, &ok);
	for (int i = 0; ok && i < map.n; i++) {
		const struct piece *p = &map.pieces[i];
		BOX *box;

		if (!p->ink || !is_speck(&map, i))
			continue;
		box = boxCreate(p->x, p->y, p->w, p->h);
		pixClearInRect(bits, box);
		boxDestroy(&box);
	}
done:
	map_release(&map);
	boxaDestroy(&boxes);
	return ok;
}
