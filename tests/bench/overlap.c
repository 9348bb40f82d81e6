/*
 * How often one sheet is taken for two (scan/overlap.h), over all pages that page work is measured
 * on, those of the corpus where it is there, and what the unit test draws; how many of drawn pairs
 * are found; and what a look costs. Not part of the tests: about two minutes.
 *
 *     overlap [CORPUS]
 *
 * Exit 1 where there was a false alarm. Times are processor time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scan/overlap.h"
#include "scan/sample.h"
#include "tests/bench/fixtures.h"
#include "tests/lapped.h"

enum { SETS = 64 };

struct set {
	char name[64];
	int pages, told;
	double ms;
};

struct table {
	struct set sets[SETS];
	int n;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void look(struct table *table, const char *set, const PIX *pix, double dpi)
{
	enum overlap out = OVERLAP_NONE;
	struct error err = {0};
	int i = 0;

	while (i < table->n && strcmp(table->sets[i].name, set) != 0)
		i++;
	if (i == SETS) {
		fprintf(stderr, "more than %d classes\n", SETS);
		exit(1);
	}
	if (i == table->n)
		snprintf(table->sets[table->n++].name, sizeof table->sets[i].name, "%s", set);
	double from = now_ms();
	if (!overlap_find(pix, dpi, &out, &err)) {
		fprintf(stderr, "%s\n", err.what);
		exit(1);
	}
	table->sets[i].ms += now_ms() - from;
	table->sets[i].pages++;
	table->sets[i].told += out != OVERLAP_NONE;
}

static int print(const struct table *table, const char *told)
{
	int pages = 0, all = 0;

	printf("%-48s %6s %8s %8s\n", "", "pages", told, "ms each");
	for (int i = 0; i < table->n; i++) {
		const struct set *s = &table->sets[i];
		printf("%-48s %6d %8d %8.1f\n", s->name, s->pages, s->told, s->ms / s->pages);
		pages += s->pages;
		all += s->told;
	}
	printf("%-48s %6d %8d\n\n", "all", pages, all);
	return all;
}

/* As the feeder looks at a page: grey, 150 dpi. */
static PIX *glance(PIX *raw, double dpi)
{
	PIX *grey = pixConvertTo8(raw, 0), *small = NULL;
	float scale = (float)(150 / dpi);

	if (dpi < 250)
		return grey;
	small = pixScaleAreaMap(grey, scale, scale);
	pixDestroy(&grey);
	return small;
}

static PIX *sheet(int n)
{
	static const enum sample_kind kinds[] = {SAMPLE_LETTER, SAMPLE_FORM, SAMPLE_MINUTES,
	    SAMPLE_COLOUR, SAMPLE_PHOTO, SAMPLE_FEW_WORDS};
	struct sample_page page = {
	    .kind = kinds[n % 6], .seed = (uint32_t)n, .noise = n % 4 == 0, .dpi = 150};
	struct error err = {0};
	PIX *pix = NULL, *grey;
	char *text = NULL;

	if (!sample_draw(&page, &pix, &text, &err)) {
		fprintf(stderr, "%s\n", err.what);
		exit(1);
	}
	free(text);
	grey = pixConvertTo8(pix, 0);
	pixDestroy(&pix);
	return grey;
}

static void pairs(struct table *table)
{
	static const struct {
		const char *name;
		struct lap lap;
	} rows[] = {
	    {"shifted 2.5 and 10 mm", {2.5, 10, 0, 0, 0.2}},
	    {"shifted 5 and 20 mm", {5, 20, 0, 0, 0.2}},
	    {"shifted 5 and 20 mm, no shadow", {5, 20, 0, 0, 0}},
	    {"shifted 5 and 20 mm, half a degree", {5, 20, 0.5, 0, 0.2}},
	    {"shifted 5 and 20 mm, two degrees", {5, 20, 2, 0, 0.2}},
	    {"shifted 12 and 90 mm", {12, 90, 0, 0, 0.2}},
	    {"shifted 20 mm in length only", {0, 20, 0, 0, 0.2}},
	    {"shifted 20 mm in length only, weak shadow", {0, 20, 0, 0, 0.08}},
	    {"shifted 90 mm in length only", {0, 90, 0, 0, 0.2}},
	    {"shifted 20 mm in length only, half a degree", {0, 20, 0.5, 0, 0.2}},
	    {"shifted 2 mm in length only", {0, 2, 0, 0, 0.2}},
	};
	static const double skews[] = {0, 0.9, -1.6};

	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (int n = 0; n < 12; n++) {
			struct lap lap = rows[r].lap;
			PIX *upper = sheet(n), *lower = sheet(n + 1);
			lap.dx_mm *= n & 1 ? -1 : 1;
			lap.dy_mm *= n & 2 ? -1 : 1;
			lap.skew_deg = skews[n % 3];
			PIX *pix = lapped(upper, lower, &lap, (uint32_t)n);
			look(table, rows[r].name, pix, 150);
			pixDestroy(&pix);
			pixDestroy(&upper);
			pixDestroy(&lower);
		}
}

int main(int argc, char **argv)
{
	struct table alone = {0}, two = {0};
	struct fixture fixture = {0};
	const char *name = NULL;
	PIX *pix = NULL;

	for (int n = 0; fixture_open(n, false, argc > 1 ? argv[1] : NULL, NULL, NULL, &fixture);
	     n++) {
		if (fixture.raw) {
			pix = glance(fixture.raw, fixture.dpi);
			look(&alone, fixture.set, pix, fixture.dpi < 250 ? fixture.dpi : 150);
			pixDestroy(&pix);
			PIX *grey = pixConvertTo8(fixture.raw, 0);
			PIX *bits = pixThresholdToBinary(grey, 150);
			look(&alone, "all of these, bitonal", bits, fixture.dpi);
			pixDestroy(&grey);
			pixDestroy(&bits);
		}
		fixture_release(&fixture);
	}
	for (int n = 0; lapped_single(n, &name, &pix); n++) {
		look(&alone, name, pix, 150);
		pixDestroy(&pix);
	}
	int false_alarms = print(&alone, "alarms");
	pairs(&two);
	print(&two, "found");
	printf("false alarms: %d\n", false_alarms);
	return false_alarms > 0;
}
