/*
 * The log: what libraries say and what the program did, for the administrator. One line an entry:
 * UTC time, process id, level, where, text; control characters escaped. Never to standard output.
 * Until log_open() is called, warnings and errors go to standard error, notes nowhere.
 * Safe from any thread and, since each entry is one write of an O_APPEND file, from any process.
 */
#ifndef ALTAKT_CONFIG_LOG_H
#define ALTAKT_CONFIG_LOG_H

#include <stdbool.h>

#include "config/error.h"

enum log_level {
	LOG_NOTE,
	LOG_WARNING,
	LOG_ERROR,
};

bool log_open(const char *path, struct error *err);
void log_close(void);

/* where: what the entry is about ("batch b1, sheet 12, back"), may be NULL. */
void log_put(enum log_level level, const char *where, const char *text, ...)
    __attribute__((format(printf, 3, 4)));

/* Points file descriptor 2 to the log, for a worker process whose libraries print. */
bool log_take_stderr(struct error *err);

#endif
