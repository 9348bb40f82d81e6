#include "scan/ground.h"

#include <stdlib.h>
#include <string.h>

#include "config/text.h"

void ground_release(struct ground *ground)
{
	free(ground->level);
	*ground = (struct ground){0};
}

/* The 75th percentile of a tile's paper, 0 where less than an eighth of it is paper. */
static uint8_t tile_level(
    const struct plane *plane, const struct plane *outside, int x0, int y0, int size)
{
	uint32_t counts[256] = {0}, n = 0;
	int by = outside && outside->width_px < plane->width_px
	    ? plane->width_px / outside->width_px
	    : 1;
	int x1 = x0 + size < plane->width_px ? x0 + size : plane->width_px;
	int y1 = y0 + size < plane->height_px ? y0 + size : plane->height_px;

	for (int y = y0; y < y1; y++) {
		const uint8_t *row = plane_row(plane, y);
		const uint8_t *out = NULL;
		if (outside) {
			int oy = y / by < outside->height_px ? y / by : outside->height_px - 1;
			out = plane_row(outside, oy);
		}
		if (!out) {
			for (int x = x0; x < x1; x++)
				counts[row[x]]++;
			n += (uint32_t)(x1 - x0);
		} else if (outside->width_px == plane->width_px) {
			for (int x = x0; x < x1; x++)
				if (!out[x]) {
					counts[row[x]]++;
					n++;
				}
		} else {
			for (int x = x0; x < x1; x++)
				if (!out[x / by < outside->width_px ? x / by
								    : outside->width_px - 1]) {
					counts[row[x]]++;
					n++;
				}
		}
	}
	if (n * 8 < (uint32_t)((x1 - x0) * (y1 - y0)) || !n)
		return 0;
	uint32_t above = 0;
	for (int v = 255; v > 0; v--) {
		above += counts[v];
		if (above * 4 > n)
			return (uint8_t)v;
	}
	return 1;
}

/* Grey dilation (largest) or erosion (smallest, of those known) over 3 x 3 tiles. */
static void tiles_extreme(const uint8_t *in, uint8_t *out, int columns, int rows, bool largest)
{
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < columns; c++) {
			int best = largest ? 0 : 256;
			for (int i = r > 0 ? r - 1 : 0; i <= r + 1 && i < rows; i++)
				for (int k = c > 0 ? c - 1 : 0; k <= c + 1 && k < columns; k++) {
					int v = in[i * columns + k];
					if (v && (largest ? v > best : v < best))
						best = v;
				}
			out[r * columns + c] = (uint8_t)(best == 256 ? 0 : best);
		}
}

/* Fills unknown tiles from known neighbours until none is left. */
static void tiles_fill(uint8_t *level, uint8_t *scratch, int columns, int rows)
{
	bool missing = true;
	for (int round = 0; missing && round < columns + rows; round++) {
		missing = false;
		memcpy(scratch, level, (size_t)columns * (size_t)rows);
		for (int r = 0; r < rows; r++)
			for (int c = 0; c < columns; c++) {
				if (scratch[r * columns + c])
					continue;
				int sum = 0, n = 0;
				for (int i = r > 0 ? r - 1 : 0; i <= r + 1 && i < rows; i++)
					for (int k = c > 0 ? c - 1 : 0; k <= c + 1 && k < columns;
					     k++)
						if (scratch[i * columns + k]) {
							sum += scratch[i * columns + k];
							n++;
						}
				if (n)
					level[r * columns + c] = (uint8_t)(sum / n);
				else
					missing = true;
			}
	}
	for (int i = 0; i < columns * rows; i++)
		if (!level[i])
			level[i] = 255;
}

static void tiles_smooth(const uint8_t *in, uint8_t *out, int columns, int rows)
{
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < columns; c++) {
			int sum = 0, n = 0;
			for (int i = r > 0 ? r - 1 : 0; i <= r + 1 && i < rows; i++)
				for (int k = c > 0 ? c - 1 : 0; k <= c + 1 && k < columns; k++) {
					sum += in[i * columns + k];
					n++;
				}
			out[r * columns + c] = (uint8_t)(sum / n);
		}
}

bool ground_measure(const struct plane *plane, const struct plane *outside, int tile_px,
    struct ground *out, struct error *err)
{
	int columns = (plane->width_px + tile_px - 1) / tile_px;
	int rows = (plane->height_px + tile_px - 1) / tile_px;
	size_t n = (size_t)columns * (size_t)rows;
	uint8_t *level = calloc(n, 1), *scratch = calloc(n, 1);

	if (!level || !scratch) {
		free(level);
		free(scratch);
		return error_set(err, ERROR_SYSTEM, NULL,
		    _("no memory for an image of %d x %d pixels"), plane->width_px,
		    plane->height_px);
	}
	uint64_t sum = 0, known = 0;
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < columns; c++) {
			uint8_t v = tile_level(plane, outside, c * tile_px, r * tile_px, tile_px);
			level[r * columns + c] = v;
			sum += v;
			known += v > 0;
		}
	tiles_extreme(level, scratch, columns, rows, true);
	tiles_extreme(scratch, level, columns, rows, false);
	/* single bright ones too: a hole through which the scanner's white lid is seen */
	tiles_extreme(level, scratch, columns, rows, false);
	tiles_extreme(scratch, level, columns, rows, true);
	tiles_fill(level, scratch, columns, rows);
	tiles_smooth(level, scratch, columns, rows);
	free(level);
	*out =
	    (struct ground){tile_px, columns, rows, scratch, (uint8_t)(known ? sum / known : 255)};
	return true;
}

bool ground_white(struct ground *out, struct error *err)
{
	uint8_t *level = malloc(1);
	if (!level)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"), 1, 1);
	level[0] = 255;
	*out = (struct ground){1 << 20, 1, 1, level, 255};
	return true;
}

void ground_row(const struct ground *ground, double scale, int y, int width_px, uint8_t *row)
{
	double tile = ground->tile_px * scale;
	double at = (y + 0.5) / tile - 0.5;
	at = at < 0 ? 0 : at > ground->rows - 1 ? ground->rows - 1 : at;
	int top = (int)at;
	int low = (int)((at - top) * 256);
	const uint8_t *a = ground->level + (size_t)top * (size_t)ground->columns;
	const uint8_t *b = top + 1 < ground->rows ? a + ground->columns : a;

	/* between the middles of two tiles a straight line, in 16.16 */
	int x = 0;
	for (int c = -1; c < ground->columns && x < width_px; c++) {
		int left = c < 0 ? 0 : c,
		    right = c + 1 < ground->columns ? c + 1 : ground->columns - 1;
		int from = a[left] * (256 - low) + b[left] * low,
		    to = a[right] * (256 - low) + b[right] * low;
		int end = c + 1 < ground->columns ? (int)((c + 1.5) * tile) : width_px;
		if (end > width_px)
			end = width_px;
		double begin = (c + 0.5) * tile;
		int step = (int)((to - from) * 256 / tile);
		int value = from * 256 + (int)(step * (x + 0.5 - begin));
		int n = end - x;
		for (int i = 0; i < n; i++)
			row[x + i] = (uint8_t)((value + i * step) >> 16);
		x = end > x ? end : x;
	}
	for (; x < width_px; x++)
		row[x] = b[ground->columns - 1];
}

bool ground_normalise(
    const struct ground *ground, const struct plane *plane, struct plane *out, struct error *err)
{
	struct plane normal = {0};
	uint8_t *row = malloc((size_t)plane->width_px + 32);
	if (!row)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"),
		    plane->width_px);
	if (!plane_open(&normal, plane->width_px, plane->height_px, err)) {
		free(row);
		return false;
	}
	uint16_t inverse[256];
	for (int v = 0; v < 256; v++) {
		int k = GROUND_PAPER * 256 / (v ? v : 1);
		inverse[v] = (uint16_t)(k > 65535 ? 65535 : k);
	}
	for (int y = 0; y < plane->height_px; y++) {
		const uint8_t *in = plane_row(plane, y);
		uint8_t *to = plane_row(&normal, y);
		ground_row(ground, 1, y, plane->width_px, row);
		for (int x = 0; x < plane->width_px; x++) {
			uint32_t v = (uint32_t)in[x] * inverse[row[x]] >> 8;
			to[x] = (uint8_t)(v > 255 ? 255 : v);
		}
	}
	free(row);
	plane_move(out, &normal);
	return true;
}

int ground_otsu(const struct plane *normal, int low, int high)
{
	uint64_t counts[256] = {0}, n = 0;
	double sum = 0;
	for (int y = 0; y < normal->height_px; y += 2) {
		const uint8_t *row = plane_row(normal, y);
		for (int x = 0; x < normal->width_px; x++)
			counts[row[x]]++;
	}
	for (int v = 0; v < 256; v++) {
		n += counts[v];
		sum += (double)v * (double)counts[v];
	}
	double below = 0, sum_below = 0, best = -1;
	int threshold = (low + high) / 2;
	for (int v = 0; v < 255; v++) {
		below += (double)counts[v];
		sum_below += (double)v * (double)counts[v];
		double above = (double)n - below;
		if (below < 1 || above < 1)
			continue;
		double difference = sum_below / below - (sum - sum_below) / above;
		double between = below * above * difference * difference;
		if (between > best) {
			best = between;
			threshold = v + 1;
		}
	}
	return threshold < low ? low : threshold > high ? high : threshold;
}
