/*
 * A printed statement on A4 pages (pangocairo): title, facts, tables that go on over pages, lines
 * to sign on. Everything flows from top to bottom; each page carries head, foot and number.
 *
 * How many pages there are is known at the end only: fill a form with path NULL to count them, then
 * fill it again with that number.
 *
 * Failures are kept and told by form_close(). One thread for each form.
 */
#ifndef ALTAKT_BATCH_FORM_H
#define ALTAKT_BATCH_FORM_H

#include <stdbool.h>

#include "config/error.h"

#define FORM_WIDTH_MM 170.0 /* between the margins */

struct form;

struct form_options {	   /* lent until form_close() */
	const char *path;  /* of the PDF; NULL: nothing is drawn, pages are counted */
	const char *title; /* of the document */
	const char *head;  /* small, on every page but the first */
	const char *foot;  /* small, on every page beside its number */
	int n_pages;	   /* "page 1 of n_pages" */
};

enum form_style {
	FORM_PLAIN,
	FORM_BOLD,
	FORM_SMALL,
	FORM_CODE, /* hashes: a fixed width, broken in two lines */
};

struct form_column {
	const char *head;
	double width_mm;
	enum form_style style;
	bool right; /* figures */
};

bool form_open(const struct form_options *options, struct form **out, struct error *err);

/* Ends it; *n_pages (may be NULL) is filled. ERROR_SYSTEM: it could not be written. form is gone.
 */
bool form_close(struct form *form, int *n_pages, struct error *err);

void form_title(struct form *form, const char *text, const char *below);
void form_heading(struct form *form, const char *text);
void form_text(struct form *form, const char *text, enum form_style style);
void form_fact(struct form *form, const char *name, const char *value); /* NULL value: a dash */
void form_gap(struct form *form, double height_mm);

/* Goes to a new page where less than height_mm is left. */
void form_need(struct form *form, double height_mm);

/* A table until form_table_end(). columns is lent until then; cells NULL are empty. */
void form_table(struct form *form, const struct form_column *columns, int n_columns);
void form_row(struct form *form, const char *const *cells);
void form_row_bold(struct form *form, const char *const *cells); /* a sum: a line above it */
void form_table_end(struct form *form);

/*
 * A box with a title and lines to write on, n_boxes side by side in one row; lines[] (n_lines
 * names) stand below the lines. The boxes stay together on a page.
 */
void form_boxes(struct form *form, const char *const *titles, int n_boxes, const char *const *lines,
    int n_lines);

#endif
