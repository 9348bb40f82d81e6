/* Figures: percentiles, edit distance, the words of an ALTO. */
#ifndef ALTAKT_TESTS_BENCH_SCORE_H
#define ALTAKT_TESTS_BENCH_SCORE_H

#include <stdbool.h>
#include <stddef.h>

struct series { /* {0} is empty */
	double *values;
	int n, room;
};

void series_add(struct series *series, double value);
double series_percentile(const struct series *series, double percent); /* 0 where empty */
double series_sum(const struct series *series);
void series_release(struct series *series);

/* The words of an ALTO in its order, single spaces between them. Yours. */
char *alto_words(const char *alto);

/* Edit distance in characters, white space taken as single spaces; n_characters is that of
 * expected. */
int characters_wrong(const char *expected, const char *found, int *n_characters);

#endif
