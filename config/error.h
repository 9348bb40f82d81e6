/*
 * One way to fail: every function that can fail returns bool and takes a caller-owned
 * struct error last. True is success and leaves the error untouched.
 *
 * Who detects a failure writes what and todo; the layer that knows file and page adds where;
 * nobody rewords. Messages begin with the failure, quote names and carry no full stop.
 */
#ifndef ALTAKT_CONFIG_ERROR_H
#define ALTAKT_CONFIG_ERROR_H

#include <stdbool.h>

enum error_kind {
	ERROR_NONE = 0,
	ERROR_PAPER,  /* the operator, at the device: jam, cover, feeder */
	ERROR_INPUT,  /* this page or file is bad: set it aside and go on */
	ERROR_SETUP,  /* the administrator: settings, device, language data */
	ERROR_SYSTEM, /* the administrator: disk, memory, database */
	ERROR_BUSY,   /* another process holds what is asked for */
	ERROR_USAGE,  /* the command line asks for what cannot be: exit 2 */
	ERROR_DECIDE, /* a person has to decide first: exit 3 */
	ERROR_CHECK,  /* a check found something wrong: exit 4 */
};

struct error { /* the caller's; {0} is "none" */
	enum error_kind kind;
	char where[256];
	char what[512];
	char todo[256];
};

/*
 * Fills kind, what and todo (todo may be NULL); texts are cut, never overflowed. Returns false,
 * so that "return error_set(...)" reads well. err may be NULL: then nothing is kept.
 */
bool error_set(struct error *err, enum error_kind kind, const char *todo, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* As error_set() for a failed system call: appends ": " and the text of errno. ERROR_SYSTEM. */
bool error_errno(struct error *err, const char *todo, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a place before what is already in where: "batch b1, " + "sheet 12". Returns false. */
bool error_where(struct error *err, const char *where, ...) __attribute__((format(printf, 2, 3)));

/*
 * One line, or two with todo, as a person reads it: "where: what" and, after a newline, todo.
 * Control characters are escaped. buf is filled with at most size bytes.
 */
const char *error_text(const struct error *err, char *buf, unsigned long size);

#endif
