/*
 * Lists as spreadsheets write and read them (RFC 4180 with the liberties that people take).
 *
 * Reading: semicolon, comma or tab, told by the first line, or named by it ("sep=;", as some
 * spreadsheets write); UTF-8 (with or without BOM) or
 * Windows-1252, told by the whole file; fields in quotes may hold line breaks. Memory is bounded
 * whatever the file's size. Writing: UTF-8 with BOM, semicolons, CRLF, so that a German
 * spreadsheet opens it; a field is never written so that a spreadsheet takes it for a formula.
 */
#ifndef ALTAKT_BATCH_CSV_H
#define ALTAKT_BATCH_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/error.h"

enum {
	CSV_COLUMNS = 512,	 /* more in one line is an error of that line */
	CSV_ROW_BYTES = 1 << 20, /* and so is a longer row */
};

struct csv; /* a list that is being read */

struct csv_row {
	int64_t line;  /* where it begins, from 1 */
	int n;	       /* fields; 0 for an empty line, which csv_next() skips */
	char **fields; /* UTF-8, lent until the next csv_next() */
};

/*
 * Opens a list for reading and looks through all of it once: for its encoding and its hash.
 *
 * err   ERROR_INPUT   binary (NUL bytes), above 256 MiB, or not a file
 *       ERROR_SYSTEM  cannot be read
 */
bool csv_open(const char *path, struct csv **out, struct error *err);
void csv_close(struct csv *csv); /* accepts NULL */

const char *csv_sha256(const struct csv *csv); /* of the file as it was opened, lent */
bool csv_windows(const struct csv *csv);       /* it is Windows-1252 */

/*
 * The next row that has any field.
 *
 * more  false at the end, row is then untouched
 * err   ERROR_INPUT  this row is bad (its line is in row->line): a quote that is never closed,
 *                    too many columns, too long; call again for the row after it
 */
bool csv_next(struct csv *csv, struct csv_row *row, bool *more, struct error *err);

struct csv_writer; /* a list that is being written, in memory */

struct csv_writer *csv_writer_open(void);	   /* gives; never NULL */
char *csv_writer_close(struct csv_writer *writer); /* takes; gives its text */

void csv_text(struct csv_writer *writer, const char *text); /* NULL is an empty field */
void csv_number(struct csv_writer *writer, int64_t number);
/* A decimal that the program itself has written: digits, one sign in front, points and commas. */
void csv_decimal(struct csv_writer *writer, const char *decimal);
void csv_end(struct csv_writer *writer); /* of the row */

#endif
