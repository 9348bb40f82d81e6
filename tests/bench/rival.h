/*
 * The same pages by OCRmyPDF and unpaper: bytes, characters wrong, processor time. Ours are written
 * as a PDF/A with its text, as a bundle has it, so that like is held against like.
 *
 * Both are tools of this measurement only (apt-get install ocrmypdf unpaper); no test needs them.
 */
#ifndef ALTAKT_TESTS_BENCH_RIVAL_H
#define ALTAKT_TESTS_BENCH_RIVAL_H

#include <stdbool.h>

#include "scan/encode.h"

struct Pix;

#define RIVAL_GROUPS 24
#define RIVAL_PAGES  24

struct rival_group { /* pages of one class that were encoded alike */
	char name[64];
	enum page_kind kind;
	bool scan_bitonal;
	int n_pages;
	char *texts[RIVAL_PAGES];			 /* NULL where unknown */
	struct pdf *pdf;				 /* ours */
	double ours_bytes, plain_bytes, optimised_bytes; /* whole PDFs; 0: it failed */
	double ours_wrong, plain_wrong, optimised_wrong, characters;
	double ours_ms, plain_ms, unpaper_ms; /* processor time of all pages; ours: clean, encode */
	int unpapered;
};

struct rival {
	char folder[64];
	struct rival_group groups[RIVAL_GROUPS];
	int n_groups;
};

/* False where OCRmyPDF, unpaper or img2pdf are not installed. */
bool rival_open(struct rival *rival);

/*
 * One page of a class (set).
 *
 * raw      as the scanner delivered it; text: what is written on it, or NULL
 * alto     of ours, recognised from the cleaned page
 * wrong    characters wrong in it, of n_characters
 */
void rival_add(struct rival *rival, const char *set, struct Pix *raw, double dpi, const char *text,
    const struct encoded_page *page, const char *alto, int wrong, int n_characters, double ours_ms);

/* Runs the others over every group; prints a line for each. */
void rival_run(struct rival *rival);
void rival_close(struct rival *rival);

#endif
