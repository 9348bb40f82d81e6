#include "tests/bench/score.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void series_add(struct series *series, double value)
{
	if (series->n == series->room) {
		int room = series->room ? 2 * series->room : 64;
		double *values = realloc(series->values, (size_t)room * sizeof *values);
		if (!values)
			return;
		series->values = values;
		series->room = room;
	}
	series->values[series->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double series_percentile(const struct series *series, double percent)
{
	if (!series->n)
		return 0;
	qsort(series->values, (size_t)series->n, sizeof *series->values, compare);
	int at = (int)(percent / 100 * series->n);
	return series->values[at < series->n ? at : series->n - 1];
}

double series_sum(const struct series *series)
{
	double sum = 0;
	for (int i = 0; i < series->n; i++)
		sum += series->values[i];
	return sum;
}

void series_release(struct series *series)
{
	free(series->values);
	*series = (struct series){0};
}

char *alto_words(const char *alto)
{
	char *words = calloc(1, strlen(alto) + 1);
	size_t n = 0;
	for (const char *at = alto; words && (at = strstr(at, "<String ")) != NULL;) {
		const char *end = strchr(at, '>'), *content = strstr(at, " CONTENT=\"");
		at += 8;
		if (!content || !end || content > end)
			continue;
		if (n)
			words[n++] = ' ';
		for (const char *p = content + 10; *p && *p != '"'; p++) {
			static const struct {
				const char *name;
				char value;
			} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'},
			    {"&quot;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}};
			char value = *p;
			for (size_t i = 0; *p == '&' && i < sizeof entities / sizeof *entities; i++)
				if (!strncmp(p, entities[i].name, strlen(entities[i].name))) {
					value = entities[i].value;
					p += strlen(entities[i].name) - 1;
					break;
				}
			words[n++] = value;
		}
	}
	return words;
}

/* UTF-8 as characters, runs of white space as one space. */
static uint32_t *characters(const char *text, int *n)
{
	uint32_t *out = calloc(strlen(text) + 1, sizeof *out);
	*n = 0;
	for (const unsigned char *p = (const unsigned char *)text; out && *p;) {
		uint32_t c = *p++;
		int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
		c &= more == 3 ? 7 : more == 2 ? 15 : more == 1 ? 31 : 255;
		while (more-- > 0 && (*p & 0xc0) == 0x80)
			c = c << 6 | (*p++ & 63);
		bool space =
		    c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == 0xa0;
		if (space && (!*n || out[*n - 1] == ' '))
			continue;
		out[(*n)++] = space ? ' ' : c;
	}
	while (out && *n && out[*n - 1] == ' ')
		(*n)--;
	return out;
}

int characters_wrong(const char *expected, const char *found, int *n_characters)
{
	int na, nb, wrong = 0;
	uint32_t *a = characters(expected, &na), *b = characters(found, &nb);
	int *row = calloc((size_t)nb + 1, sizeof *row);
	*n_characters = na;
	for (int j = 0; row && j <= nb; j++)
		row[j] = j;
	for (int i = 1; a && b && row && i <= na; i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= nb; j++) {
			int up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
			best = up + 1 < best ? up + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = up;
			row[j] = best;
		}
	}
	wrong = row ? row[nb] : na;
	free(a);
	free(b);
	free(row);
	return wrong;
}
