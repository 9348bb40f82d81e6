/*
 * The report: how far the work is against the register, how fast it goes, when it will be done
 * against the deadline of the grant, and what it is worth. Figures come from closed manifests,
 * speeds from the ledgers; persons are in it only where report.by_operator is on.
 */
#ifndef ALTAKT_BATCH_REPORT_H
#define ALTAKT_BATCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/workspace.h"
#include "config/error.h"

/*
 * The report as JSON: files{registered done missing unregistered} (case files, whatever their
 * volumes; unregistered are those of done that the register does not know), currency, sheets,
 * days[{day files sheets}], stations[{station batches sheets voided superseded ocr_failed
 * sheets_per_hour}], forecast{files_per_day done_on deadline late}, cost{station_days spent
 * expected budget over}, scanners and operators as batch/feeding.h has them, money{claimed accepted
 * closed expected ceiling over_ceiling} in decimal strings at today's rates. Gives, or NULL.
 */
json_t *report_make(struct workspace *workspace, struct error *err);

/* The part "forecast" of it alone: reads the manifests, not the ledgers. Gives. */
bool report_forecast(struct workspace *workspace, json_t **out, struct error *err);

/* The report as one HTML page that needs nothing else: plots are drawn in it as SVG. Gives. */
char *report_html(const json_t *report, const struct workspace *workspace);

#endif
