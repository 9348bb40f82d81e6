/*
 * Page work: what a worker process does with one side of a sheet (clean, encode, recognise, make
 * the small proof image) or with one finished case file (make its bundle). Jobs and answers are
 * JSON, so that they travel over the pool's sockets and the farm alike.
 *
 *   {"kind":"page","raw":"/w/spool/b/1f.tif","base":"/w/spool/b/1f","proof":false,"tries":0,
 *    "languages":"rus+deu"}          languages: the register's for this file; "": the setting's
 *   {"kind":"bundle","spec":"/w/spool/b/1.bundle.json"}
 *
 * The answer to a page has the fields of the ledger's page_done; files are durable before it is
 * sent. A page that cannot be recognised is kept with its image and "ocr_failed":true; on the last
 * try ("tries":2) neither cleaning nor recognition is tried.
 */
#ifndef ALTAKT_BATCH_PAGE_H
#define ALTAKT_BATCH_PAGE_H

#include <stdbool.h>

#include "config/error.h"
#include "config/settings.h"

/* The worker process: serves jobs from descriptor 3 until its owner closes it. Gives the exit code.
 */
int page_serve(const struct settings *settings);

/* Its command line: program -w workspace --set … page-worker. sets NULL-terminated, borrowed. */
const char **page_worker_argv(
    const char *program, const char *workspace, const char *const *sets); /* free() */

/* The small proof image of a raw one, durable. ERROR_INPUT: not an image. Any process. */
bool page_thumbnail(const char *raw_path, const char *path, struct error *err);

/* The farm of the settings; texts are lent from them. */
struct farm_options;
void farm_options_read(const struct settings *s, const char *models, struct farm_options *out);

#endif
