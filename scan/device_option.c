#include "scan/device_option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/log.h"
#include "config/text.h"

enum {
	OPTIONS_MOST = 4096,
	CHOICES_MOST = 4096,
	VALUE_MOST_BYTES = 1 << 20,
};

void device_settings_release(struct device_settings *settings)
{
	free(settings->list);
	*settings = (struct device_settings){0};
}

static struct device_setting *settings_note(struct device_settings *settings, const char *name,
    const char *wanted, const char *got, bool exact)
{
	struct device_setting *s = NULL;

	if (!settings)
		return NULL;
	for (int i = 0; i < settings->n; i++)
		if (strcmp(settings->list[i].name, name) == 0)
			s = &settings->list[i];
	if (!s) {
		void *list = realloc(settings->list, sizeof *s * (size_t)(settings->n + 1));
		if (!list)
			return NULL; /* a note less */
		settings->list = list;
		s = &settings->list[settings->n++];
	}
	snprintf(s->name, sizeof s->name, "%s", name);
	snprintf(s->wanted, sizeof s->wanted, "%s", wanted);
	snprintf(s->got, sizeof s->got, "%s", got);
	s->exact = exact;
	s->lacking = false;
	return s;
}

void device_option_leave(const char *name, const char *value, struct device_settings *settings)
{
	struct device_setting *s = settings_note(settings, name, value, "", false);

	if (s)
		s->lacking = true;
}

/* --- finding --------------------------------------------------------------- */

static SANE_Int options_count(SANE_Handle handle)
{
	SANE_Int n = 0;

	if (!sane_get_option_descriptor(handle, 0) ||
	    sane_control_option(handle, 0, SANE_ACTION_GET_VALUE, &n, NULL) != SANE_STATUS_GOOD)
		return 0;
	return n < 0 ? 0 : n > OPTIONS_MOST ? OPTIONS_MOST : n;
}

void device_options_each(SANE_Handle handle,
    void (*visit)(void *self, SANE_Int index, const SANE_Option_Descriptor *option), void *self)
{
	SANE_Int n = options_count(handle);

	for (SANE_Int i = 1; i < n; i++) {
		const SANE_Option_Descriptor *d = sane_get_option_descriptor(handle, i);
		if (d && d->name && d->name[0] && d->type != SANE_TYPE_GROUP)
			visit(self, i, d);
	}
}

const SANE_Option_Descriptor *device_option_find(
    SANE_Handle handle, const char *name, SANE_Int *index)
{
	SANE_Int n = options_count(handle);

	for (SANE_Int i = 1; i < n; i++) {
		const SANE_Option_Descriptor *d = sane_get_option_descriptor(handle, i);
		if (d && d->name && d->type != SANE_TYPE_GROUP && strcmp(d->name, name) == 0) {
			if (index)
				*index = i;
			return d;
		}
	}
	return NULL;
}

bool device_option_settable(SANE_Handle handle, const char *name)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, name, NULL);

	return d && SANE_OPTION_IS_ACTIVE(d->cap) && SANE_OPTION_IS_SETTABLE(d->cap);
}

/* --- texts ------------------------------------------------------------------- */

static void text_add(char *text, size_t size, const char *piece, bool *full)
{
	size_t n = strlen(text), k = strlen(piece), sep = n ? 2 : 0;

	if (*full)
		return;
	if (n + sep + k + 5 > size) {
		if (n + 5 < size)
			memcpy(text + n, ", …", sizeof ", …");
		*full = true;
		return;
	}
	if (sep)
		memcpy(text + n, ", ", 2);
	memcpy(text + n + sep, piece, k + 1);
}

static double word_number(const SANE_Option_Descriptor *d, SANE_Word w)
{
	return d->type == SANE_TYPE_FIXED ? SANE_UNFIX(w) : w;
}

static void number_print(char *buf, size_t size, double v)
{
	snprintf(buf, size, "%.10g", round(v * 10000) / 10000);
}

void device_option_choices(const SANE_Option_Descriptor *d, char *text, unsigned long size)
{
	char a[40], b[40], range[100];
	bool full = false;

	text[0] = '\0';
	if (d->type == SANE_TYPE_BOOL) {
		text_add(text, size, "yes", &full);
		text_add(text, size, "no", &full);
	} else if (d->constraint_type == SANE_CONSTRAINT_STRING_LIST && d->constraint.string_list) {
		for (int i = 0; i < CHOICES_MOST && d->constraint.string_list[i] && !full; i++)
			text_add(text, size, d->constraint.string_list[i], &full);
	} else if (d->constraint_type == SANE_CONSTRAINT_WORD_LIST && d->constraint.word_list) {
		for (int i = 1; i <= d->constraint.word_list[0] && i < CHOICES_MOST && !full; i++) {
			number_print(a, sizeof a, word_number(d, d->constraint.word_list[i]));
			text_add(text, size, a, &full);
		}
	} else if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range) {
		number_print(a, sizeof a, word_number(d, d->constraint.range->min));
		number_print(b, sizeof b, word_number(d, d->constraint.range->max));
		snprintf(range, sizeof range, _("%s to %s"), a, b);
		text_add(text, size, range, &full);
	} else {
		text_add(text, size,
		    d->type == SANE_TYPE_STRING	      ? _("any text")
			: d->type == SANE_TYPE_BUTTON ? _("nothing: it is a button")
						      : _("any number"),
		    &full);
	}
}

struct names {
	char *text;
	size_t size;
	bool full;
};

static void name_add(void *self, SANE_Int index, const SANE_Option_Descriptor *d)
{
	struct names *names = self;

	if (SANE_OPTION_IS_SETTABLE(d->cap))
		text_add(names->text, names->size, d->name, &names->full);
}

/* --- errors -------------------------------------------------------------------- */

bool device_status_error(
    SANE_Status status, const char *failed, const char *device, struct error *err)
{
	enum error_kind kind = ERROR_SETUP;
	const char *why, *todo;

	switch ((int)status) {
	case SANE_STATUS_JAMMED:
		kind = ERROR_PAPER;
		why = _("paper jam");
		todo = _(
		    "open the scanner, take out the jammed sheets, smooth them, and lay them back on "
		    "the stack in their order, beginning with the first one not recorded");
		break;
	case SANE_STATUS_COVER_OPEN:
		kind = ERROR_PAPER;
		why = _("the scanner's cover is open");
		todo = _(
		    "close the cover; sheets that lie inside go back on the stack, beginning with the "
		    "first one not recorded");
		break;
	case SANE_STATUS_NO_DOCS:
		kind = ERROR_PAPER;
		why = _("the feeder says that it is empty, in the middle of a sheet");
		todo = _("lay the sheet back on the stack and go on");
		break;
	case SANE_STATUS_CANCELLED:
		kind = ERROR_PAPER;
		why = _("the scan was stopped");
		todo = _("lay back the first sheet that is not recorded, and go on");
		break;
	case SANE_STATUS_DEVICE_BUSY:
		why = _("the device is busy");
		todo = _("end the other program that uses the scanner, or wait until it is ready");
		break;
	case SANE_STATUS_NO_MEM:
		kind = ERROR_SYSTEM;
		why = _("no memory");
		todo = _("close other programs, or choose a smaller page or a lower resolution");
		break;
	case SANE_STATUS_ACCESS_DENIED:
		why = _("access to the device is denied");
		todo = _("give this account the right to use the scanner (group 'scanner')");
		break;
	case SANE_STATUS_IO_ERROR:
		why = _("the connection to the device failed");
		todo = _(
		    "check cable and power, switch the scanner off and on, then go on with the first "
		    "sheet not recorded");
		break;
	case SANE_STATUS_UNSUPPORTED:
		why = _("the device cannot do this");
		todo = _("see 'altakt devices' for what it can do");
		break;
	case SANE_STATUS_INVAL:
		why = _("the device refuses it as invalid");
		todo = _("see 'altakt devices' for its name and what it can do");
		break;
	case SANE_STATUS_EOF:
		why = _("the device says that there are no data");
		todo = _("switch the scanner off and on, then go on");
		break;
	default:
		why = sane_strstatus(status);
		todo = _("switch the scanner off and on, then go on");
	}
	return error_set(err, kind, todo, "%s '%s': %s", failed, device, why ? why : "?");
}

/* --- reading ---------------------------------------------------------------------- */

/* Gives the option's value in memory of its size (zeroed beyond), or NULL. */
static void *value_read(SANE_Handle handle, const SANE_Option_Descriptor *d, SANE_Int index)
{
	if (!SANE_OPTION_IS_ACTIVE(d->cap) || d->type == SANE_TYPE_BUTTON ||
	    d->type == SANE_TYPE_GROUP || d->size <= 0 || d->size > VALUE_MOST_BYTES)
		return NULL;
	void *value = calloc(1, (size_t)d->size + sizeof(SANE_Word));
	if (value &&
	    sane_control_option(handle, index, SANE_ACTION_GET_VALUE, value, NULL) !=
		SANE_STATUS_GOOD) {
		free(value);
		value = NULL;
	}
	return value;
}

static bool number_type(const SANE_Option_Descriptor *d)
{
	return (d->type == SANE_TYPE_INT || d->type == SANE_TYPE_FIXED ||
		   d->type == SANE_TYPE_BOOL) &&
	    d->size >= (SANE_Int)sizeof(SANE_Word);
}

bool device_option_number(SANE_Handle handle, const char *name, double *value)
{
	SANE_Int index = 0;
	const SANE_Option_Descriptor *d = device_option_find(handle, name, &index);

	if (!d || !number_type(d))
		return false;
	SANE_Word *w = value_read(handle, d, index);
	if (!w)
		return false;
	*value = word_number(d, w[0]);
	free(w);
	return true;
}

bool device_option_text(SANE_Handle handle, const char *name, char value[DEVICE_VALUE_SIZE])
{
	SANE_Int index = 0;
	const SANE_Option_Descriptor *d = device_option_find(handle, name, &index);
	bool full = false;

	value[0] = '\0';
	if (!d || (d->type != SANE_TYPE_STRING && !number_type(d)))
		return false;
	void *v = value_read(handle, d, index);
	if (!v)
		return false;
	if (d->type == SANE_TYPE_STRING) {
		snprintf(value, DEVICE_VALUE_SIZE, "%s", (char *)v);
	} else if (d->type == SANE_TYPE_BOOL) {
		snprintf(value, DEVICE_VALUE_SIZE, "%s", *(SANE_Word *)v ? "yes" : "no");
	} else {
		for (size_t i = 0; i < (size_t)d->size / sizeof(SANE_Word) && !full; i++) {
			char number[40];
			number_print(number, sizeof number, word_number(d, ((SANE_Word *)v)[i]));
			text_add(value, DEVICE_VALUE_SIZE, number, &full);
		}
	}
	free(v);
	return true;
}

/* --- setting ------------------------------------------------------------------------ */

static bool value_refuse(
    const SANE_Option_Descriptor *d, const char *name, const char *value, struct error *err)
{
	char choices[180], todo[256];

	device_option_choices(d, choices, sizeof choices);
	snprintf(todo, sizeof todo, _("it takes: %s"), choices);
	return error_set(err, ERROR_SETUP, todo,
	    _("'%s' is not a value for the device's option '%s'"), value, name);
}

static bool number_parse(const char **at, double *number)
{
	char *end;

	errno = 0;
	*number = strtod(*at, &end);
	if (end == *at || errno || !isfinite(*number))
		return false;
	while (isspace((unsigned char)*end))
		end++;
	*at = end;
	return true;
}

static bool word_make(const SANE_Option_Descriptor *d, double number, SANE_Word *word)
{
	double w = d->type == SANE_TYPE_FIXED ? number * (1 << SANE_FIXED_SCALE_SHIFT) : number;

	if (w < -2147483648.0 || w > 2147483647.0)
		return false;
	*word = (SANE_Word)lround(w);
	if (d->type == SANE_TYPE_INT && (double)*word != number)
		return false;
	if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range)
		return *word >= d->constraint.range->min && *word <= d->constraint.range->max;
	if (d->constraint_type == SANE_CONSTRAINT_WORD_LIST && d->constraint.word_list) {
		for (int i = 1; i <= d->constraint.word_list[0] && i < CHOICES_MOST; i++)
			/* SANE_FIX() cuts where we round */
			if (fabs((double)d->constraint.word_list[i] - *word) <=
			    (d->type == SANE_TYPE_FIXED ? 2 : 0)) {
				*word = d->constraint.word_list[i];
				return true;
			}
		return false;
	}
	return true;
}

/* The word of the list that is meant: exactly, else the only one that differs in case alone. */
static const char *choice_find(const SANE_Option_Descriptor *d, const char *value)
{
	const char *found = NULL;

	if (d->constraint_type != SANE_CONSTRAINT_STRING_LIST || !d->constraint.string_list)
		return value;
	for (int i = 0; i < CHOICES_MOST && d->constraint.string_list[i]; i++) {
		const char *s = d->constraint.string_list[i];
		if (strcmp(s, value) == 0)
			return s;
		if (strcasecmp(s, value) == 0)
			found = s;
	}
	return found;
}

static bool bool_parse(const char *value, SANE_Word *word)
{
	static const char *const yes[] = {"yes", "true", "on", "1"},
				 *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*word = strcasecmp(value, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* Gives memory of the option's size with the value in it; NULL: not a value for this option. */
static void *value_make(const SANE_Option_Descriptor *d, const char *value)
{
	if (d->size < 0 || d->size > VALUE_MOST_BYTES)
		return NULL;
	SANE_Word *words = calloc(1, (size_t)d->size + sizeof(SANE_Word));
	bool ok = words != NULL;

	if (ok && d->type == SANE_TYPE_STRING) {
		const char *s = choice_find(d, value);
		ok = s && strlen(s) < (size_t)d->size;
		if (ok)
			memcpy(words, s, strlen(s) + 1);
	} else if (ok && d->type == SANE_TYPE_BOOL) {
		ok = bool_parse(value, words);
	} else if (ok && (d->type == SANE_TYPE_INT || d->type == SANE_TYPE_FIXED)) {
		size_t n = (size_t)d->size / sizeof *words;
		ok = n > 0;
		for (size_t i = 0; ok && i < n; i++) {
			double number;
			ok = number_parse(&value, &number) && word_make(d, number, &words[i]);
			if (ok && i + 1 < n)
				ok = *value++ == ',';
		}
		ok = ok && *value == '\0';
	}
	if (!ok) {
		free(words);
		words = NULL;
	}
	return words;
}

static bool option_check(SANE_Handle handle, const char *name, const SANE_Option_Descriptor **d,
    SANE_Int *index, struct error *err)
{
	*d = device_option_find(handle, name, index);
	if (!*d) {
		char list[200] = "", todo[256];
		struct names names = {list, sizeof list, false};
		device_options_each(handle, name_add, &names);
		snprintf(todo, sizeof todo, _("it has: %s"), list);
		return error_set(err, ERROR_SETUP, todo, _("the device has no option '%s'"), name);
	}
	if (!SANE_OPTION_IS_SETTABLE((*d)->cap))
		return error_set(err, ERROR_SETUP, _("leave it out of profile and settings"),
		    _("the device's option '%s' can be read but not set"), name);
	if (!SANE_OPTION_IS_ACTIVE((*d)->cap))
		return error_set(err, ERROR_SETUP,
		    _("leave it out, or choose another source or mode"),
		    _("the device's option '%s' is not active with source, mode and what else is set"),
		    name);
	return true;
}

/* Sends a value that fits; reads back what became of it. */
static bool value_send(SANE_Handle handle, SANE_Int index, const char *name, const char *wanted,
    void *value, bool exact, struct device_settings *settings, struct error *err)
{
	char got[DEVICE_VALUE_SIZE], failed[160];
	SANE_Int info = 0;
	SANE_Status status =
	    sane_control_option(handle, index, SANE_ACTION_SET_VALUE, value, &info);

	if (status != SANE_STATUS_GOOD) {
		snprintf(failed, sizeof failed, _("cannot set the option '%s' to"), name);
		device_status_error(status, failed, wanted, err);
		settings_note(settings, name, wanted, "", false);
		return false;
	}
	/* info's RELOAD_OPTIONS needs nothing more: no descriptor outlives this call */
	if (!device_option_text(handle, name, got))
		snprintf(got, sizeof got, "%s", wanted);
	exact = exact && !(info & SANE_INFO_INEXACT);
	settings_note(settings, name, wanted, got, exact);
	if (!exact)
		log_put(LOG_NOTE, "scanner", "option '%s': wanted '%s', the device took '%s'", name,
		    wanted, got);
	return true;
}

bool device_option_set(SANE_Handle handle, const char *name, const char *value,
    struct device_settings *settings, struct error *err)
{
	const SANE_Option_Descriptor *d = NULL;
	SANE_Int index = 0;

	if (!option_check(handle, name, &d, &index, err)) {
		settings_note(settings, name, value, "", false);
		return false;
	}
	void *v = value_make(d, value);
	if (!v) {
		settings_note(settings, name, value, "", false);
		return value_refuse(d, name, value, err);
	}
	bool ok = value_send(handle, index, name, value, v, true, settings, err);
	free(v);
	return ok;
}

bool device_option_set_number(SANE_Handle handle, const char *name, double value,
    struct device_settings *settings, struct error *err)
{
	const SANE_Option_Descriptor *d = NULL;
	char wanted[40];
	SANE_Int index = 0;
	double v = value;

	number_print(wanted, sizeof wanted, value);
	if (!option_check(handle, name, &d, &index, err)) {
		settings_note(settings, name, wanted, "", false);
		return false;
	}
	if ((d->type != SANE_TYPE_INT && d->type != SANE_TYPE_FIXED) ||
	    d->size < (SANE_Int)sizeof(SANE_Word) || d->size > VALUE_MOST_BYTES) {
		settings_note(settings, name, wanted, "", false);
		return value_refuse(d, name, wanted, err);
	}
	if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range) {
		v = fmax(v, word_number(d, d->constraint.range->min));
		v = fmin(v, word_number(d, d->constraint.range->max));
	}
	double w = d->type == SANE_TYPE_FIXED ? v * (1 << SANE_FIXED_SCALE_SHIFT) : v;
	SANE_Word *words = calloc(1, (size_t)d->size + sizeof *words);
	if (!words)
		return error_errno(err, NULL, _("cannot set the option '%s'"), name);
	words[0] = w >= 2147483647.0 ? 2147483647
	    : w <= -2147483647.0     ? -2147483647
				     : (SANE_Word)lround(w);
	bool ok = value_send(handle, index, name, wanted, words,
	    fabs(word_number(d, words[0]) - value) < 0.01, settings, err);
	free(words);
	return ok;
}
