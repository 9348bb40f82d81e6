/*
 * Pages of other shapes than letters: landscape tables, columns at steep angles, slips, receipts,
 * passport pages, A3, and marks (pencil, stamps, marker, photographs, coloured paper) on text.
 */
#ifndef ALTAKT_TESTS_BENCH_LAYOUTS_H
#define ALTAKT_TESTS_BENCH_LAYOUTS_H

#include <stdbool.h>

#include "tests/bench/fixtures.h"

/* Names number n and says its class; false after the last one. */
bool layout_name(int n, bool quick, struct fixture *out);

/* Draws what layout_name() named, with all that is known of it. */
void layout_draw(int n, bool quick, struct fixture *out);

#endif
