#include "scan/backdrop.h"

#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"

bool backdrop_covered(const struct Pix *ink, int reduction, int width_px, int height_px,
    struct plane *out, struct error *err)
{
	PIX *lent = (PIX *)(uintptr_t)ink;
	int words = pixGetWpl(lent), h = pixGetHeight(lent), w = pixGetWidth(lent);
	struct plane covered = {0};
	uint32_t *any = malloc(((size_t)words + 1) * sizeof *any);
	if (!any)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for a row of %d pixels"), w);
	if (!plane_open(&covered, width_px, height_px, err)) {
		free(any);
		return false;
	}
	for (int y = 0; y < height_px; y++) {
		memset(any, 0, ((size_t)words + 1) * sizeof *any);
		uint32_t whole = 0;
		for (int k = 0; k < reduction && y * reduction + k < h; k++) {
			const uint32_t *row = pixGetData(lent) +
			    ((size_t)y * (size_t)reduction + (size_t)k) * (size_t)words;
			for (int i = 0; i < words; i++) {
				any[i] |= row[i];
				whole |= row[i];
			}
		}
		uint8_t *to = plane_row(&covered, y);
		for (int x = 0; whole && x < width_px; x++) {
			int at = x * reduction, end = at + reduction < w ? at + reduction : w;
			for (; at < end && !to[x]; at++)
				to[x] = any[at >> 5] >> (31 - (at & 31)) & 1 ? 255 : 0;
		}
	}
	free(any);
	plane_move(out, &covered);
	return true;
}

/* Halves a plane over its known pixels; an unknown one is where all four were. */
static bool pull(const struct plane *in, const struct plane *unknown, struct plane *out,
    struct plane *out_unknown, bool *any_unknown, struct error *err)
{
	int w = (in->width_px + 1) / 2, h = (in->height_px + 1) / 2;
	if (!plane_open(out, w, h, err) || !plane_open(out_unknown, w, h, err))
		return false;
	*any_unknown = false;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			int sum = 0, n = 0;
			for (int k = 0; k < 4; k++) {
				int ix = 2 * x + (k & 1), iy = 2 * y + (k >> 1);
				if (ix < in->width_px && iy < in->height_px &&
				    !plane_row(unknown, iy)[ix]) {
					sum += plane_row(in, iy)[ix];
					n++;
				}
			}
			plane_row(out, y)[x] = (uint8_t)(n ? (sum + n / 2) / n : 0);
			plane_row(out_unknown, y)[x] = n ? 0 : 255;
			*any_unknown |= !n;
		}
	return true;
}

static bool fill(struct plane *plane, const struct plane *unknown, int depth, struct error *err)
{
	struct plane half = {0}, half_unknown = {0}, back = {0};
	bool more = false, ok = false;

	if (plane->width_px < 2 && plane->height_px < 2)
		return true;
	if (!pull(plane, unknown, &half, &half_unknown, &more, err))
		goto done;
	if (more && depth < 16 && !fill(&half, &half_unknown, depth + 1, err))
		goto done;
	if (!plane_scale(&half, plane->width_px, plane->height_px, &back, err))
		goto done;
	for (int y = 0; y < plane->height_px; y++) {
		uint8_t *to = plane_row(plane, y);
		const uint8_t *from = plane_row(&back, y), *mark = plane_row(unknown, y);
		for (int x = 0; x < plane->width_px; x++)
			to[x] = mark[x] ? from[x] : to[x];
	}
	ok = true;
done:
	plane_release(&half);
	plane_release(&half_unknown);
	plane_release(&back);
	return ok;
}

bool backdrop_fill(
    struct plane *planes, int n_channels, int reduction, const struct Pix *ink, struct error *err)
{
	struct plane covered = {0};
	/* letters are blurred at their edges: two pixels more each way */
	PIX *wide = pixDilateBrick(NULL, (PIX *)(uintptr_t)ink, 5, 5);
	bool ok = false;
	if (!wide)
		return error_set(err, ERROR_SYSTEM, NULL, _("no memory for the layers of a page"));
	if (!backdrop_covered(
		wide, reduction, planes[0].width_px, planes[0].height_px, &covered, err))
		goto done;
	for (int c = 0; c < n_channels; c++)
		if (!fill(&planes[c], &covered, 0, err))
			goto done;
	ok = true;
done:
	plane_release(&covered);
	pixDestroy(&wide);
	return ok;
}

bool backdrop_calm(struct plane *plane, int limit, struct error *err)
{
	struct plane once = {0}, twice = {0};
	bool ok = plane_smooth(plane, &once, err) && plane_smooth(&once, &twice, err);
	for (int y = 0; ok && y < plane->height_px; y++) {
		uint8_t *to = plane_row(plane, y);
		const uint8_t *mean = plane_row(&twice, y);
		for (int x = 0; x < plane->width_px; x++) {
			int away = to[x] - mean[x];
			to[x] = away <= limit && away >= -limit ? mean[x] : to[x];
		}
	}
	plane_release(&once);
	plane_release(&twice);
	return ok;
}
