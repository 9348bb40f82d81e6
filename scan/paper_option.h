/*
 * The options of the simulator's SANE backend: what a program can set and ask, as SANE describes
 * it. Their values are kept here; what they mean for the paper is the backend's affair.
 *
 *	source resolution mode               Flatbed, ADF Front, ADF Duplex; 50 to 1200 dpi
 *	tl-x tl-y br-x br-y                  mm; cut to the paper; automatic: the whole paper
 *	threshold                            of lineart; inactive in other modes
 *	double-feed-detection                the sensors stop the feeder (default yes)
 *	endorser                             an imprinter behind the sensors prints a number on each
 *	                                     sheet (default no); endorser-val: the next one; imprint
 *	                                     (read only): the one on the last sheet, "" without
 *	put-back                             set to N: the operator's hand lays the last N sheets of
 *	                                     the output tray onto the feeder again; reads as 0
 *	feed-count page-loaded cover-open double-feed      sensors, read only. feed-count is the
 *	                                     device's own count since the stack was laid: a double
 *	                                     feed is one, a sheet put back and fed again is two.
 *	                                     double-feed stands from the end of the sheet, through
 *	                                     the sane_start() that is JAMMED for it, to the next
 */
#ifndef ALTAKT_SCAN_PAPER_OPTION_H
#define ALTAKT_SCAN_PAPER_OPTION_H

#include <sane/sane.h>
#include <stdbool.h>

enum paper_option {
	PAPER_NUM,
	PAPER_GROUP_MODE,
	PAPER_SOURCE,
	PAPER_MODE,
	PAPER_RESOLUTION,
	PAPER_GROUP_GEOMETRY,
	PAPER_TL_X,
	PAPER_TL_Y,
	PAPER_BR_X,
	PAPER_BR_Y,
	PAPER_GROUP_ENHANCEMENT,
	PAPER_THRESHOLD,
	PAPER_GROUP_FEEDER,
	PAPER_DETECTION,
	PAPER_ENDORSER,
	PAPER_ENDORSER_VAL,
	PAPER_PUT_BACK,
	PAPER_GROUP_SENSORS,
	PAPER_FEED_COUNT,
	PAPER_IMPRINT,
	PAPER_PAGE_LOADED,
	PAPER_COVER_OPEN,
	PAPER_DOUBLE_FEED,
	PAPER_N_OPTIONS,
};

enum paper_source {
	PAPER_FLATBED,
	PAPER_ADF_FRONT,
	PAPER_ADF_DUPLEX,
};

struct paper_options {
	SANE_Option_Descriptor descriptors[PAPER_N_OPTIONS];
	char imprint[32];
	SANE_Word values[PAPER_N_OPTIONS]; /* words as SANE has them; source, mode: their place in
					      the list */
};

#define PAPER_DPI_MIN 50
#define PAPER_DPI_MAX 1200

void paper_options_fill(struct paper_options *options, int resolution_dpi);

/*
 * Fits value to the option's type and constraint, in place: INEXACT in *info where it was changed,
 * SANE_STATUS_INVAL where nothing fits. Changes no option.
 */
SANE_Status paper_option_fit(
    const struct paper_options *options, SANE_Int option, void *value, SANE_Int *info);

/* Copies the option's value out, and in (fitted before); adds what must be asked anew to *info. */
void paper_option_get(const struct paper_options *options, SANE_Int option, void *value);
void paper_option_set(
    struct paper_options *options, SANE_Int option, const void *value, SANE_Int *info);

/* The same for a word, without *info: sensors and automatic values. */
void paper_option_put(struct paper_options *options, enum paper_option option, SANE_Word value);

#endif
