/*
 * A claim as finance signs it: the figures part (zahlenmäßiger Nachweis) of a German
 * Verwendungsnachweis, PDF/A-2u, in the language of the locale. It names batches, never the file
 * numbers of persons.
 */
#ifndef ALTAKT_BATCH_CLAIM_PDF_H
#define ALTAKT_BATCH_CLAIM_PDF_H

#include <jansson.h>
#include <stdbool.h>

#include "config/error.h"

/*
 * claim   a claim.json as parsed, borrowed: nothing else is asked, so that a frozen claim prints
 *         the same again; what an older claim lacks is printed as a dash
 * sha256  of the file claim.json: stands at the foot of every page; lent
 * path    of the PDF; durable when true, never half there
 * err     ERROR_INPUT: an amount that is none; ERROR_SYSTEM: disk or memory
 */
bool claim_pdf_write(const json_t *claim, const char *sha256, const char *path, struct error *err);

#endif
