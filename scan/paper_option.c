#include "scan/paper_option.h"

#include <sane/saneopts.h>
#include <string.h>
#include <strings.h>

#define MM_MAX \
	5080 /* 60,000 pixels at 300 dpi: wider than any paper, so that none is cut unasked */

static const SANE_String_Const sources[] = {"Flatbed", "ADF Front", "ADF Duplex", NULL};
static const SANE_String_Const modes[] = {
    SANE_VALUE_SCAN_MODE_LINEART, SANE_VALUE_SCAN_MODE_GRAY, SANE_VALUE_SCAN_MODE_COLOR, NULL};
static const SANE_Range resolutions = {PAPER_DPI_MIN, PAPER_DPI_MAX, 1};
static const SANE_Range lengths = {SANE_FIX(0), SANE_FIX(MM_MAX), 0};
static const SANE_Range thresholds = {0, 255, 1};
static const SANE_Range numbers = {0, 99999999, 1};
static const SANE_Range sheets = {0, 1000000, 1};

#define SETTABLE (SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT)
#define SENSOR	 SANE_CAP_SOFT_DETECT

static SANE_Option_Descriptor group(SANE_String_Const name, SANE_String_Const title)
{
	return (SANE_Option_Descriptor){
	    .name = name, .title = title, .desc = "", .type = SANE_TYPE_GROUP};
}

static SANE_Option_Descriptor word(SANE_String_Const name, SANE_String_Const title,
    SANE_String_Const desc, SANE_Value_Type type, SANE_Unit unit, SANE_Int cap,
    const SANE_Range *range)
{
	SANE_Option_Descriptor d = {.name = name,
	    .title = title,
	    .desc = desc,
	    .type = type,
	    .unit = unit,
	    .size = sizeof(SANE_Word),
	    .cap = cap};

	if (range) {
		d.constraint_type = SANE_CONSTRAINT_RANGE;
		d.constraint.range = range;
	}
	return d;
}

static SANE_Option_Descriptor choice(SANE_String_Const name, SANE_String_Const title,
    SANE_String_Const desc, const SANE_String_Const *list)
{
	SANE_Option_Descriptor d = {.name = name,
	    .title = title,
	    .desc = desc,
	    .type = SANE_TYPE_STRING,
	    .cap = SETTABLE,
	    .constraint_type = SANE_CONSTRAINT_STRING_LIST};

	d.constraint.string_list = list;
	for (int i = 0; list[i]; i++)
		if ((SANE_Int)strlen(list[i]) + 1 > d.size)
			d.size = (SANE_Int)strlen(list[i]) + 1;
	return d;
}

static SANE_Option_Descriptor length(
    SANE_String_Const name, SANE_String_Const title, SANE_String_Const desc)
{
	return word(name, title, desc, SANE_TYPE_FIXED, SANE_UNIT_MM, SETTABLE | SANE_CAP_AUTOMATIC,
	    &lengths);
}

void paper_options_fill(struct paper_options *options, int resolution_dpi)
{
	*options = (struct paper_options){0};
	SANE_Option_Descriptor *d = options->descriptors;
	SANE_Word *v = options->values;

	d[PAPER_NUM] = word(SANE_NAME_NUM_OPTIONS, SANE_TITLE_NUM_OPTIONS, SANE_DESC_NUM_OPTIONS,
	    SANE_TYPE_INT, SANE_UNIT_NONE, SENSOR, NULL);
	v[PAPER_NUM] = PAPER_N_OPTIONS;

	d[PAPER_GROUP_MODE] = group(SANE_NAME_STANDARD, SANE_TITLE_STANDARD);
	d[PAPER_SOURCE] =
	    choice(SANE_NAME_SCAN_SOURCE, SANE_TITLE_SCAN_SOURCE, SANE_DESC_SCAN_SOURCE, sources);
	v[PAPER_SOURCE] = PAPER_ADF_FRONT;
	d[PAPER_MODE] =
	    choice(SANE_NAME_SCAN_MODE, SANE_TITLE_SCAN_MODE, SANE_DESC_SCAN_MODE, modes);
	v[PAPER_MODE] = 2;
	d[PAPER_RESOLUTION] =
	    word(SANE_NAME_SCAN_RESOLUTION, SANE_TITLE_SCAN_RESOLUTION, SANE_DESC_SCAN_RESOLUTION,
		SANE_TYPE_INT, SANE_UNIT_DPI, SETTABLE | SANE_CAP_AUTOMATIC, &resolutions);
	v[PAPER_RESOLUTION] = resolution_dpi;

	d[PAPER_GROUP_GEOMETRY] = group(SANE_NAME_GEOMETRY, SANE_TITLE_GEOMETRY);
	d[PAPER_TL_X] = length(SANE_NAME_SCAN_TL_X, SANE_TITLE_SCAN_TL_X, SANE_DESC_SCAN_TL_X);
	d[PAPER_TL_Y] = length(SANE_NAME_SCAN_TL_Y, SANE_TITLE_SCAN_TL_Y, SANE_DESC_SCAN_TL_Y);
	d[PAPER_BR_X] = length(SANE_NAME_SCAN_BR_X, SANE_TITLE_SCAN_BR_X, SANE_DESC_SCAN_BR_X);
	d[PAPER_BR_Y] = length(SANE_NAME_SCAN_BR_Y, SANE_TITLE_SCAN_BR_Y, SANE_DESC_SCAN_BR_Y);
	v[PAPER_BR_X] = v[PAPER_BR_Y] = lengths.max;

	d[PAPER_GROUP_ENHANCEMENT] = group(SANE_NAME_ENHANCEMENT, SANE_TITLE_ENHANCEMENT);
	d[PAPER_THRESHOLD] = word(SANE_NAME_THRESHOLD, SANE_TITLE_THRESHOLD, SANE_DESC_THRESHOLD,
	    SANE_TYPE_INT, SANE_UNIT_NONE, SETTABLE | SANE_CAP_INACTIVE, &thresholds);
	v[PAPER_THRESHOLD] = 128;

	d[PAPER_GROUP_FEEDER] = group(SANE_NAME_ADVANCED, "Feeder");
	d[PAPER_DETECTION] = word("double-feed-detection", "Double feed detection",
	    "Stop when two sheets go through as one", SANE_TYPE_BOOL, SANE_UNIT_NONE, SETTABLE,
	    NULL);
	v[PAPER_DETECTION] = SANE_TRUE;
	d[PAPER_ENDORSER] = word("endorser", "Endorser", "Print a number on each sheet",
	    SANE_TYPE_BOOL, SANE_UNIT_NONE, SETTABLE, NULL);
	d[PAPER_ENDORSER_VAL] = word("endorser-val", "Endorser counter", "The next number",
	    SANE_TYPE_INT, SANE_UNIT_NONE, SETTABLE, &numbers);
	d[PAPER_PUT_BACK] = word("put-back", "Put back",
	    "Lays the last sheets of the output tray onto the feeder again: so many", SANE_TYPE_INT,
	    SANE_UNIT_NONE, SETTABLE, &sheets);

	d[PAPER_GROUP_SENSORS] = group(SANE_NAME_SENSORS, SANE_TITLE_SENSORS);
	d[PAPER_FEED_COUNT] = word("feed-count", "Feed count",
	    "Sheets fed since the stack was laid", SANE_TYPE_INT, SANE_UNIT_NONE, SENSOR, NULL);
	d[PAPER_IMPRINT] = (SANE_Option_Descriptor){.name = "imprint",
	    .title = "Imprint",
	    .desc = "The number on the last sheet",
	    .type = SANE_TYPE_STRING,
	    .size = sizeof options->imprint,
	    .cap = SENSOR};
	d[PAPER_PAGE_LOADED] = word("page-loaded", "Page loaded", "There is a sheet in the feeder",
	    SANE_TYPE_BOOL, SANE_UNIT_NONE, SENSOR, NULL);
	d[PAPER_COVER_OPEN] = word("cover-open", "Cover open", "The cover is open", SANE_TYPE_BOOL,
	    SANE_UNIT_NONE, SENSOR, NULL);
	d[PAPER_DOUBLE_FEED] = word("double-feed", "Double feed",
	    "The last sheet was a double feed", SANE_TYPE_BOOL, SANE_UNIT_NONE, SENSOR, NULL);
}

static int choice_find(const SANE_String_Const *list, const char *value)
{
	for (int i = 0; list[i]; i++)
		if (strcasecmp(list[i], value) == 0)
			return i;
	return -1;
}

static SANE_Word range_fit(const SANE_Range *range, SANE_Word v)
{
	if (v < range->min)
		return range->min;
	if (v > range->max)
		return range->max;
	return v; /* quant is 1 or none */
}

SANE_Status paper_option_fit(
    const struct paper_options *options, SANE_Int option, void *value, SANE_Int *info)
{
	const SANE_Option_Descriptor *d = &options->descriptors[option];
	SANE_Word *v = value;

	switch (d->type) {
	case SANE_TYPE_STRING: {
		if (!memchr(value, '\0', (size_t)d->size))
			return SANE_STATUS_INVAL;
		int i = choice_find(d->constraint.string_list, value);
		if (i < 0)
			return SANE_STATUS_INVAL;
		memcpy(
		    value, d->constraint.string_list[i], strlen(d->constraint.string_list[i]) + 1);
		return SANE_STATUS_GOOD;
	}
	case SANE_TYPE_BOOL:
		return *v == SANE_TRUE || *v == SANE_FALSE ? SANE_STATUS_GOOD : SANE_STATUS_INVAL;
	case SANE_TYPE_INT:
	case SANE_TYPE_FIXED: {
		SANE_Word fitted = d->constraint.range ? range_fit(d->constraint.range, *v) : *v;
		if (fitted != *v)
			*info |= SANE_INFO_INEXACT;
		*v = fitted;
		return SANE_STATUS_GOOD;
	}
	default: return SANE_STATUS_INVAL;
	}
}

void paper_option_get(const struct paper_options *options, SANE_Int option, void *value)
{
	const SANE_Option_Descriptor *d = &options->descriptors[option];

	if (option == PAPER_IMPRINT) {
		memcpy(value, options->imprint, strlen(options->imprint) + 1);
	} else if (d->type == SANE_TYPE_STRING) {
		const char *text = d->constraint.string_list[options->values[option]];
		memcpy(value, text, strlen(text) + 1);
	} else {
		memcpy(value, &options->values[option], sizeof(SANE_Word));
	}
}

void paper_option_put(struct paper_options *options, enum paper_option option, SANE_Word value)
{
	options->values[option] = value;
}

void paper_option_set(
    struct paper_options *options, SANE_Int option, const void *value, SANE_Int *info)
{
	SANE_Option_Descriptor *d = options->descriptors;
	SANE_Word before = options->values[option];

	if (d[option].type == SANE_TYPE_STRING)
		options->values[option] = choice_find(d[option].constraint.string_list, value);
	else
		memcpy(&options->values[option], value, sizeof(SANE_Word));

	switch (option) {
	case PAPER_MODE:
		if (options->values[PAPER_MODE] == 0)
			d[PAPER_THRESHOLD].cap &= ~SANE_CAP_INACTIVE;
		else
			d[PAPER_THRESHOLD].cap |= SANE_CAP_INACTIVE;
		if (options->values[option] != before)
			*info |= SANE_INFO_RELOAD_OPTIONS;
		*info |= SANE_INFO_RELOAD_PARAMS;
		break;
	case PAPER_SOURCE:
	case PAPER_RESOLUTION:
	case PAPER_TL_X:
	case PAPER_TL_Y:
	case PAPER_BR_X:
	case PAPER_BR_Y: *info |= SANE_INFO_RELOAD_PARAMS; break;
	default: break;
	}
}
