/*
 * Invented German office language for sample paper: who could be meant does not exist. The same
 * state gives the same text. One owner at a time.
 */
#ifndef ALTAKT_SCAN_SAMPLE_TEXT_H
#define ALTAKT_SCAN_SAMPLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct sample_random { /* SplitMix64 (Steele, Lea, Flood 2014) */
	uint64_t state;
};

uint64_t sample_random_next(struct sample_random *random);
int sample_random_below(struct sample_random *random, int n); /* 0 .. n-1 */
double sample_random_between(struct sample_random *random, double from, double to);

struct sample_text { /* text that grows; {0} is empty */
	char *text;
	size_t n_bytes, room_bytes;
	int failed; /* no memory: text is what there was */
};

void sample_text_add(struct sample_text *text, const char *more); /* a new line follows it */
void sample_text_release(struct sample_text *text);

/* Each gives text that the caller frees, NULL without memory. */
char *sample_name(struct sample_random *random);
char *sample_address(struct sample_random *random);   /* three lines */
char *sample_date(struct sample_random *random);      /* "12. März 1998" */
char *sample_reference(struct sample_random *random); /* "33.1-2041/98" */
char *sample_subject(struct sample_random *random);
char *sample_paragraph(struct sample_random *random, int sentences);

#endif
