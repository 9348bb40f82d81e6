#include "scan/device_source.h"

#include <math.h>
#include <sane/saneopts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/log.h"
#include "config/text.h"

enum { CHOICES_MOST = 4096 };

static bool has(const char *text, const char *piece)
{
	return strcasestr(text, piece) != NULL;
}

static const SANE_String_Const *choices(const SANE_Option_Descriptor *d)
{
	static const SANE_String_Const none[] = {NULL};

	return d && d->type == SANE_TYPE_STRING &&
		d->constraint_type == SANE_CONSTRAINT_STRING_LIST && d->constraint.string_list
	    ? d->constraint.string_list
	    : none;
}

/* --- source ------------------------------------------------------------------- */

static bool names_duplex(const char *name)
{
	return has(name, "duplex") || has(name, "both");
}

static bool names_feeder(const char *name)
{
	return has(name, "adf") || has(name, "feeder") || has(name, "sheet") ||
	    has(name, "document") || has(name, "automatic") || names_duplex(name);
}

/* How well a source fits: the highest is taken, the first among equals. */
static int source_score(const char *name, bool simplex)
{
	int score = 0;

	if (has(name, "manual") || has(name, "card") || has(name, "negative") ||
	    has(name, "slide") || has(name, "transparency") || has(name, "film"))
		return 1; /* not for stacks of paper */
	if (names_feeder(name))
		score += 20;
	if (names_duplex(name))
		score += simplex ? -15 : 10;
	if (has(name, "back") && !has(name, "front"))
		score -= 5;
	return 5 + score;
}

static bool source_choose(SANE_Handle handle, const struct scanner_options *options,
    struct device_source *source, struct device_settings *settings, struct error *err)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, SANE_NAME_SCAN_SOURCE, NULL);
	const char *best = NULL;
	char name[DEVICE_VALUE_SIZE];
	int best_score = -100;

	if (options->source && options->source[0]) {
		snprintf(name, sizeof name, "%s", options->source);
		best = name;
	} else {
		const SANE_String_Const *list = choices(d);
		for (int i = 0; i < CHOICES_MOST && list[i]; i++) {
			int score = source_score(list[i], options->simplex);
			if (score > best_score) {
				best_score = score;
				snprintf(name, sizeof name, "%s", list[i]);
				best = name;
			}
		}
	}
	if (best &&
	    (device_option_settable(handle, SANE_NAME_SCAN_SOURCE) ||
		(options->source && options->source[0])) &&
	    !device_option_set(handle, SANE_NAME_SCAN_SOURCE, best, settings, err))
		return false;
	if (!device_option_text(handle, SANE_NAME_SCAN_SOURCE, name))
		name[0] = '\0';
	snprintf(source->name, sizeof source->name, "%.127s", name);
	return true;
}

/* Backends whose source says nothing of sides: epsonds (adf-mode), hp and kvs (duplex). */
static bool sides_choose(SANE_Handle handle, const struct scanner_options *options,
    const char *type, struct device_source *source, struct device_settings *settings,
    struct error *err)
{
	bool named = options->source && options->source[0];
	bool wanted = !options->simplex && (!named || names_duplex(source->name));
	char value[DEVICE_VALUE_SIZE];
	double number = 0;

	source->duplex = names_duplex(source->name);
	source->flatbed =
	    !names_feeder(source->name) && !(source->name[0] == '\0' && has(type, "sheet"));
	if (source->flatbed && !source->duplex &&
	    (source->name[0] || !device_option_settable(handle, "duplex")))
		return true;
	if (device_option_settable(handle, "adf-mode")) {
		const SANE_String_Const *list =
		    choices(device_option_find(handle, "adf-mode", NULL));
		for (int i = 0; i < CHOICES_MOST && list[i]; i++)
			if (names_duplex(list[i]) == (wanted || source->duplex)) {
				snprintf(value, sizeof value, "%s", list[i]);
				if (!device_option_set(handle, "adf-mode", value, settings, err))
					return false;
				break;
			}
		source->duplex =
		    device_option_text(handle, "adf-mode", value) && names_duplex(value);
	}
	const SANE_Option_Descriptor *d = device_option_find(handle, "duplex", NULL);
	if (d && d->type == SANE_TYPE_BOOL && device_option_settable(handle, "duplex")) {
		if (!device_option_set(
			handle, "duplex", wanted || source->duplex ? "yes" : "no", settings, err))
			return false;
		if (device_option_number(handle, "duplex", &number))
			source->duplex = number != 0;
		if (source->duplex)
			source->flatbed = false;
	}
	return true;
}

static bool in_list(const SANE_Option_Descriptor *d, double value)
{
	double unit = d->type == SANE_TYPE_FIXED ? 1 << SANE_FIXED_SCALE_SHIFT : 1;

	if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range)
		return value * unit >= d->constraint.range->min &&
		    value * unit <= d->constraint.range->max;
	if (d->constraint_type != SANE_CONSTRAINT_WORD_LIST || !d->constraint.word_list)
		return true;
	for (int i = 1; i <= d->constraint.word_list[0] && i < CHOICES_MOST; i++)
		if (fabs(d->constraint.word_list[i] / unit - value) < 0.01)
			return true;
	return false;
}

static bool extra_has(const struct scanner_options *options, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *e = options->extra; e && *e; e++) {
		const char *text = **e == '?' ? *e + 1 : *e;
		if (strncmp(text, name, n) == 0 && text[n] == '=')
			return true;
	}
	return false;
}

/* --- mode ------------------------------------------------------------------------ */

const char *device_mode_kind(const char *name)
{
	if (has(name, "color") || has(name, "colour"))
		return "Color";
	if (has(name, "gray") || has(name, "grey"))
		return "Gray";
	if (has(name, "lineart") || has(name, "binary") || has(name, "black") ||
	    has(name, "monochrome") || has(name, "b&w") || strcasecmp(name, "bw") == 0 ||
	    strcasecmp(name, "text") == 0)
		return "Lineart";
	return NULL;
}

static bool depth_settable(SANE_Handle handle, int depth)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, SANE_NAME_BIT_DEPTH, NULL);

	return d && SANE_OPTION_IS_ACTIVE(d->cap) && SANE_OPTION_IS_SETTABLE(d->cap) &&
	    in_list(d, depth);
}

/* The device's own word for "Color", "Gray" or "Lineart"; false: it has none. */
static bool mode_find(SANE_Handle handle, const char *mode, char name[DEVICE_VALUE_SIZE])
{
	const SANE_String_Const *list =
	    choices(device_option_find(handle, SANE_NAME_SCAN_MODE, NULL));

	name[0] = '\0';
	for (int i = 0; i < CHOICES_MOST && list[i]; i++) {
		if (strcasecmp(list[i], mode) == 0) {
			snprintf(name, DEVICE_VALUE_SIZE, "%s", list[i]);
			break;
		}
		const char *kind = device_mode_kind(list[i]);
		/* dithered grey is no grey; the plainest name of a kind is the shortest */
		if (kind && strcasecmp(kind, mode) == 0 && !has(list[i], "halftone") &&
		    !has(list[i], "dither") && (!name[0] || strlen(list[i]) < strlen(name)))
			snprintf(name, DEVICE_VALUE_SIZE, "%s", list[i]);
	}
	return name[0] != '\0';
}

/* Sets mode and, where that is an option of its own, depth. */
static bool mode_choose(SANE_Handle handle, const struct scanner_options *options,
    struct device_settings *settings, struct error *err)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, SANE_NAME_SCAN_MODE, NULL);
	char name[DEVICE_VALUE_SIZE];
	const char *mode = options->mode;
	int depth = 8; /* 16 bits are of no use to paper */

	if (!mode || !mode[0] || !d || !SANE_OPTION_IS_ACTIVE(d->cap))
		return true;
	if (strcasecmp(mode, "Lineart") == 0)
		depth = 1;
	/* lineart may be grey with one bit */
	if (!mode_find(handle, mode, name) &&
	    !(depth == 1 && depth_settable(handle, 1) && mode_find(handle, "Gray", name)))
		snprintf(name, sizeof name, "%s", mode);
	if (!device_option_set(handle, SANE_NAME_SCAN_MODE, name, settings, err))
		return false;
	if (extra_has(options, SANE_NAME_BIT_DEPTH) || !depth_settable(handle, depth))
		return true;
	return device_option_set_number(handle, SANE_NAME_BIT_DEPTH, depth, settings, err);
}

/* --- resolution -------------------------------------------------------------------- */

static bool resolution_choose(SANE_Handle handle, int wanted_dpi, double *dpi,
    struct device_settings *settings, struct error *err)
{
	static const char *const names[] = {
	    SANE_NAME_SCAN_RESOLUTION, SANE_NAME_SCAN_X_RESOLUTION, SANE_NAME_SCAN_Y_RESOLUTION};
	double got[3] = {0};

	for (int i = 0; i < 3; i++) {
		const SANE_Option_Descriptor *d = device_option_find(handle, names[i], NULL);
		if (!d || !SANE_OPTION_IS_ACTIVE(d->cap))
			continue;
		if (wanted_dpi > 0 && device_option_settable(handle, names[i])) {
			if (!in_list(d, wanted_dpi)) {
				char list[180], todo[256];
				device_option_choices(d, list, sizeof list);
				snprintf(todo, sizeof todo, _("it has: %s"), list);
				return error_set(err, ERROR_SETUP, todo,
				    _("the device cannot scan with %d dpi"), wanted_dpi);
			}
			if (!device_option_set_number(handle, names[i], wanted_dpi, settings, err))
				return false;
		}
		device_option_number(handle, names[i], &got[i]);
		if (i == 0 && got[0] > 0)
			break; /* the two others only repeat it, or refine it on request */
	}
	*dpi = got[0] > 0 ? got[0] : got[1] > 0 ? got[1] : got[2];
	if (got[1] > 0 && got[2] > 0 && fabs(got[1] - got[2]) > 0.01 * got[1])
		return error_set(err, ERROR_SETUP,
		    _("choose a resolution that the device has in both directions"),
		    _("the device took %g dpi across and %g dpi along"), got[1], got[2]);
	if (*dpi <= 0)
		*dpi = wanted_dpi; /* a device with one fixed resolution that it does not tell */
	return true;
}

/* --- geometry ------------------------------------------------------------------------ */

/* Sets one edge; wanted_mm 0 means as far as the device can (far) or its beginning. */
static bool edge_set(SANE_Handle handle, const char *name, double wanted_mm, bool far, double dpi,
    struct device_settings *settings, struct error *err)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, name, NULL);
	double value = wanted_mm;

	if (!d || !device_option_settable(handle, name))
		return true; /* the device decides */
	if (d->type != SANE_TYPE_INT && d->type != SANE_TYPE_FIXED)
		return true;
	if (wanted_mm > 0) {
		if (d->unit == SANE_UNIT_PIXEL)
			value = floor(wanted_mm / 25.4 * dpi);
	} else if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range) {
		SANE_Word w = far ? d->constraint.range->max : d->constraint.range->min;
		value = d->type == SANE_TYPE_FIXED ? SANE_UNFIX(w) : w;
	} else if (far) {
		return true;
	}
	return device_option_set_number(handle, name, value, settings, err);
}

static bool geometry_set(SANE_Handle handle, const struct scanner_options *options, double dpi,
    struct device_settings *settings, struct error *err)
{
	double w = options->page_width_mm, h = options->page_height_mm;

	/* fujitsu and canon_dr limit the edges to the page they were told of */
	if (w > 0 && !edge_set(handle, SANE_NAME_PAGE_WIDTH, w, true, dpi, settings, err))
		return false;
	if (h > 0 && !edge_set(handle, SANE_NAME_PAGE_HEIGHT, h, true, dpi, settings, err))
		return false;
	return edge_set(handle, SANE_NAME_SCAN_TL_X, 0, false, dpi, settings, err) &&
	    edge_set(handle, SANE_NAME_SCAN_TL_Y, 0, false, dpi, settings, err) &&
	    edge_set(handle, SANE_NAME_SCAN_BR_X, w, true, dpi, settings, err) &&
	    edge_set(handle, SANE_NAME_SCAN_BR_Y, h, true, dpi, settings, err);
}

/* --- all of it -------------------------------------------------------------------------- */

/* Options that a profile asks for only where the device has them may be missing or refused. */
static bool extra_set(
    SANE_Handle handle, const char *extra, struct device_settings *settings, struct error *err)
{
	struct error ignored = {0};
	bool maybe = extra[0] == '?';
	const char *eq = strchr(extra, '=');
	char name[128];

	if (maybe)
		extra++;
	if (!eq || eq == extra || (size_t)(eq - extra) >= sizeof name)
		return error_set(err, ERROR_SETUP, _("write it as option.name = value"),
		    _("'%s' is not an option with its value"), extra);
	memcpy(name, extra, (size_t)(eq - extra));
	name[eq - extra] = '\0';
	if (!maybe)
		return device_option_set(handle, name, eq + 1, settings, err);
	if (!device_option_settable(handle, name))
		device_option_leave(name, eq + 1, settings);
	else if (!device_option_set(handle, name, eq + 1, settings, &ignored))
		log_put(LOG_NOTE, "scanner", "%s; %s", ignored.what, ignored.todo);
	return true;
}

static bool extras_set(SANE_Handle handle, const struct scanner_options *options,
    struct device_settings *settings, struct error *err)
{
	for (const char *const *e = options->extra; e && *e; e++)
		if (!extra_set(handle, *e, settings, err))
			return false;
	return true;
}

/* A value that came from the command line is wrong usage where the device refuses it. */
static bool asked_refuse(bool asked, struct error *err)
{
	if (asked && err && err->kind == ERROR_SETUP)
		err->kind = ERROR_USAGE;
	return false;
}

bool device_source_set(SANE_Handle handle, const struct scanner_options *options, const char *type,
    struct device_source *source, double *dpi, struct device_settings *settings, struct error *err)
{
	*source = (struct device_source){0};
	if (!source_choose(handle, options, source, settings, err))
		return asked_refuse(options->source_asked, err);
	if (!sides_choose(handle, options, type, source, settings, err))
		return false;
	if (!mode_choose(handle, options, settings, err))
		return asked_refuse(options->mode_asked, err);
	if (!resolution_choose(handle, options->resolution_dpi, dpi, settings, err))
		return asked_refuse(options->resolution_asked, err);
	if (!extras_set(handle, options, settings, err) ||
	    !geometry_set(handle, options, *dpi, settings, err))
		return false;
	/* a later option may have moved an earlier one */
	char now[DEVICE_VALUE_SIZE];
	double dpi_now = 0;
	if (device_option_text(handle, SANE_NAME_SCAN_SOURCE, now) &&
	    strcmp(now, source->name) != 0)
		return error_set(err, ERROR_SETUP,
		    _("leave out the options that do not go with this source"),
		    _("the device changed its source from '%s' to '%s' by itself"), source->name,
		    now);
	if (device_option_number(handle, SANE_NAME_SCAN_RESOLUTION, &dpi_now) && dpi_now > 0)
		*dpi = dpi_now;
	if (options->resolution_dpi > 0 && fabs(*dpi - options->resolution_dpi) > 0.5)
		log_put(LOG_WARNING, "scanner", "the device scans with %g dpi, not %d", *dpi,
		    options->resolution_dpi);
	return true;
}
