#include "batch/refed.h"

#include <allheaders.h>
#include <stdlib.h>

#include "config/file.h"
#include "scan/clean.h"
#include "scan/feeder.h"
#include "scan/look.h"
#include "scan/raw.h"

#define LOOK_DPI    100.0
#define WRITTEN_MM2 15.0 /* of ink; less is dust, or a word too small to tell sheets apart */

enum { SIDES = 2 };

struct looks {
	int n; /* of the sheet */
	int n_sides;
	struct look sides[SIDES];
};

struct refed {
	const struct batch *batch; /* borrowed */
	int last;		   /* sheets up to here were there before */
	int watched;
	struct looks recent[REFED_RECENT];
	int n_recent;
	bool read;
};

struct refed *refed_open(const struct batch *batch)
{
	struct refed *r = calloc(1, sizeof *r);

	if (r) {
		r->batch = batch;
		r->last = batch->tally.n_sheets;
	}
	return r;
}

static void looks_release(struct looks *looks)
{
	for (int i = 0; i < SIDES; i++)
		look_release(&looks->sides[i]);
	*looks = (struct looks){0};
}

void refed_close(struct refed *r)
{
	for (int i = 0; r && i < r->n_recent; i++)
		looks_release(&r->recent[i]);
	free(r);
}

/* The small, straight, cropped page of a raw image; an empty look where there is none. */
static void look_of(const char *path, struct look *out)
{
	const struct clean_options plain = {.deskew = true, .crop = true};
	struct clean_result clean = {0};
	struct error ignored = {0};
	PIX *raw = NULL, *grey = NULL, *small = NULL;
	double dpi = 0;

	if (!raw_image_read(path, 0, RAW_LIMIT_PIXELS, &raw, &dpi, &ignored))
		return;
	if (dpi <= 0)
		dpi = 300;
	grey = pixConvertTo8(raw, 0);
	pixDestroy(&raw);
	float scale = (float)(LOOK_DPI / dpi);
	small =
	    grey && scale < 0.7f ? pixScale(grey, scale, scale) : (grey ? pixClone(grey) : NULL);
	dpi = scale < 0.7f ? LOOK_DPI : dpi;
	pixDestroy(&grey);
	if (small && clean_page(small, dpi, &plain, &clean, &ignored) && clean.page)
		look_take(clean.page, clean.dpi, out, &ignored);
	clean_result_release(&clean);
	pixDestroy(&small);
}

static void recent_read(struct refed *r)
{
	const struct tally *t = &r->batch->tally;

	r->read = true;
	for (int n = r->last; n >= 1 && r->n_recent < REFED_RECENT; n--) {
		const struct tally_sheet *s = &t->sheets[n - 1];
		struct looks *looks = &r->recent[r->n_recent];
		if (s->separator || s->superseded || s->voided)
			continue;
		looks->n = n;
		for (int i = 0; i < s->n_sides && i < SIDES; i++) {
			char *path = file_path("%s/spool/%s/%d%c.tif", r->batch->workspace->path,
			    r->batch->name, n, s->sides[i].side);
			look_of(path, &looks->sides[looks->n_sides++]);
			free(path);
		}
		r->n_recent++;
	}
}

static bool written(const struct look *look)
{
	return look->ink_mm2 >= WRITTEN_MM2;
}

/* Every written side of one has its equal on the other; 0: not so, or nothing is written. */
static double likeness_of(const struct looks *a, const struct looks *b)
{
	double worst = 0;
	int n_sides = a->n_sides < b->n_sides ? a->n_sides : b->n_sides;

	for (int i = 0; i < n_sides; i++) {
		struct likeness l = {0};
		struct error ignored = {0};
		if (!written(&a->sides[i]) && !written(&b->sides[i]))
			continue;
		if (!look_compare(&a->sides[i], &b->sides[i], &l, &ignored) || !l.equal)
			return 0;
		worst = worst == 0 || l.likeness < worst ? l.likeness : worst;
	}
	return worst;
}

int refed_find(struct refed *r, const struct fed_sheet *sheet, double *likeness)
{
	struct looks now = {0};
	int found = 0, n_alike = 0;

	if (!r || r->watched >= REFED_WATCHED || r->last == 0)
		return 0;
	r->watched++;
	if (!r->read)
		recent_read(r);
	for (int i = 0; i < sheet->n_images && i < SIDES; i++)
		look_of(sheet->images[i].path, &now.sides[now.n_sides++]);
	for (int i = 0; i < r->n_recent; i++) {
		double alike = likeness_of(&now, &r->recent[i]);
		if (alike <= 0)
			continue;
		n_alike++;
		*likeness = alike;
		found = r->recent[i].n;
	}
	looks_release(&now);
	return n_alike == 1 ? found : 0;
}
