/*
 * The pages that page work is measured on: drawn ones, of which everything is known, and those of
 * the corpus where it is there. One at a time, since each is 35 MiB.
 */
#ifndef ALTAKT_TESTS_BENCH_FIXTURES_H
#define ALTAKT_TESTS_BENCH_FIXTURES_H

#include <stdbool.h>

#include "scan/encode.h"

struct Pix;

struct fixture { /* {0} is empty */
	char name[64];
	const char *set; /* the class it is counted in */
	struct Pix *raw;
	double dpi;
	char *text; /* NULL where unknown */
	bool skew_known, orient_known, blank_known, kind_known, size_known;
	double skew_deg; /* clockwise */
	int rotate_deg;	 /* clockwise; what cleaning has to undo */
	bool blank;
	enum page_kind kind;
	double width_mm, height_mm;
	bool read, rival; /* among those that are recognised, and that others are measured on */
	int mark_px[4];	  /* x, y, width, height of what must be seen afterwards; width 0: none */
};

/*
 * Number n of the fixtures; false after the last one. quick leaves most of the drawn ones out;
 * those whose set and name do not contain only and name (NULL: any) are not drawn: raw stays NULL.
 */
bool fixture_open(
    int n, bool quick, const char *corpus, const char *only, const char *name, struct fixture *out);
void fixture_release(struct fixture *fixture);

#endif
