#include "scan/sight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "config/text.h"
#include "scan/blank.h"

#define WORK_DPI  150
#define TILE_MM	  4.0
#define OTSU_LOW  100
#define OTSU_HIGH 170

void sight_release(struct sight *sight)
{
	plane_release(&sight->luma);
	plane_release(&sight->reduced);
	plane_release(&sight->normal);
	ground_release(&sight->paper);
	ink_release(&sight->ink);
	*sight = (struct sight){0};
}

bool sight_open(const struct Pix *page, double dpi, struct sight *out, struct error *err)
{
	struct sight sight = {.dpi = dpi};
	sight.reduction = plane_reduction(dpi, WORK_DPI, pixGetWidth((PIX *)(uintptr_t)page),
	    pixGetHeight((PIX *)(uintptr_t)page));
	bool ok = false;

	if (!plane_luma(page, 1, &sight.luma, err) ||
	    !plane_reduce(&sight.luma, sight.reduction, &sight.reduced, err))
		goto done;
	/* a page thinner than the reduction is reduced less */
	sight.reduction = sight.luma.width_px / sight.reduced.width_px;
	sight.reduced_dpi = dpi / sight.reduction;
	int tile = (int)(TILE_MM / 25.4 * sight.reduced_dpi + 0.5);
	if (!ground_measure(&sight.reduced, NULL, tile < 8 ? 8 : tile, &sight.paper, err) ||
	    !ground_normalise(&sight.paper, &sight.reduced, &sight.normal, err))
		goto done;
	sight.grain = ink_grain(&sight.normal);
	sight.threshold = ground_otsu(&sight.normal, OTSU_LOW, OTSU_HIGH);
	if (!ink_find(&sight.normal, blank_threshold(sight.grain), NULL, &sight.ink, err))
		goto done;
	*out = sight;
	sight = (struct sight){0};
	ok = true;
done:
	sight_release(&sight);
	return ok;
}

/* Sets bit x where in[x] < limit[x]. */
static void row_compare(const uint8_t *restrict in, const uint8_t *restrict limit, int w,
    uint8_t *restrict less, uint32_t *to)
{
	for (int x = 0; x < w; x++)
		less[x] = in[x] < limit[x];
	for (int x = w; x < w + 8; x++)
		less[x] = 0;
	for (int x = 0; x < w; x += 8) {
		/* eight bytes of 0 or 1 become eight bits, the first one highest */
		uint64_t bytes;
		memcpy(&bytes, less + x, 8);
		uint32_t bits = (uint32_t)((bytes * 0x8040201008040201ull) >> 56);
		to[x >> 5] |= bits << (24 - (x & 31));
	}
}

bool sight_bits(const struct sight *sight, int threshold, const struct plane *faint,
    int faint_threshold, struct Pix **out, struct error *err)
{
	int w = sight->luma.width_px, h = sight->luma.height_px, by = sight->reduction;
	PIX *bits = pixCreate(w, h, 1);
	uint8_t *ground = malloc((size_t)w + 32), *limit = malloc((size_t)w + 32),
		*less = malloc((size_t)w + 32);
	uint8_t scale[256], scale_faint[256];
	bool ok = bits && ground && limit && less;

	if (!ok) {
		error_set(
		    err, ERROR_SYSTEM, NULL, _("no memory for an image of %d x %d pixels"), w, h);
		goto done;
	}
	for (int v = 0; v < 256; v++) {
		scale[v] = (uint8_t)((v * threshold + GROUND_PAPER / 2) / GROUND_PAPER);
		int f = (v * faint_threshold + GROUND_PAPER / 2) / GROUND_PAPER;
		scale_faint[v] = (uint8_t)(f > 255 ? 255 : f);
	}
	for (int y = 0; y < h; y++) {
		if (y % (faint ? by : 4) ==
		    0) { /* the ground hardly changes in a third of a millimetre */
			ground_row(&sight->paper, by, y, w, ground);
			for (int x = 0; x < w; x++)
				limit[x] = scale[ground[x]];
			const uint8_t *mark =
			    faint && y / by < faint->height_px ? plane_row(faint, y / by) : NULL;
			for (int i = 0; mark && i < faint->width_px; i++)
				for (int k = 0; mark[i] && k < by && i * by + k < w; k++)
					limit[i * by + k] = scale_faint[ground[i * by + k]];
		}
		row_compare(plane_row(&sight->luma, y), limit, w, less,
		    pixGetData(bits) + (size_t)y * (size_t)pixGetWpl(bits));
	}
	*out = bits;
	bits = NULL;
done:
	pixDestroy(&bits);
	free(ground);
	free(limit);
	free(less);
	return ok;
}
