/*
 * The options of an open SANE device, always found by name: their numbers, and even whether they
 * are there, change whenever another one is set. Nothing that a backend says about an option is
 * trusted further than it can be checked.
 *
 * The thread that speaks to the device only.
 */
#ifndef ALTAKT_SCAN_DEVICE_OPTION_H
#define ALTAKT_SCAN_DEVICE_OPTION_H

#include <sane/sane.h>
#include <stdbool.h>

#include "config/error.h"

#define DEVICE_VALUE_SIZE 256 /* room for an option's value as text, cut */

/* What was asked of an option and what the device made of it. */
struct device_setting {
	char name[64];
	char wanted[DEVICE_VALUE_SIZE];
	char got[DEVICE_VALUE_SIZE];
	bool exact;   /* false: rounded, or not taken (got is "") */
	bool lacking; /* the device has no such option, or not now; it was left out */
};

struct device_settings { /* {0} is empty; the last for each name counts */
	struct device_setting *list;
	int n;
};
void device_settings_release(struct device_settings *settings);

/* The descriptor of an option, or NULL; lent until the next option is set. index may be NULL. */
const SANE_Option_Descriptor *device_option_find(
    SANE_Handle handle, const char *name, SANE_Int *index);

/* The option is there, active, and can be set by a program. */
bool device_option_settable(SANE_Handle handle, const char *name);

/*
 * Sets an option from text: "yes", "300", "8.5", a word of its list (case does not matter where
 * it is unambiguous), numbers with commas for a table. Notes in settings what became of it.
 *
 * ERROR_SETUP: no such option (todo names those that are there), inactive, not a value for it
 * (todo names those that it takes), refused.
 */
bool device_option_set(SANE_Handle handle, const char *name, const char *value,
    struct device_settings *settings, struct error *err);

/* Notes that an option was left out, since the device lacks it. */
void device_option_leave(const char *name, const char *value, struct device_settings *settings);

/* A number in the option's own unit (SANE_Fixed or whole); clamped to its range, noted. */
bool device_option_set_number(SANE_Handle handle, const char *name, double value,
    struct device_settings *settings, struct error *err);

/* The value as text, or as number (bool: 0 or 1). False: not there, not readable. */
bool device_option_text(SANE_Handle handle, const char *name, char value[DEVICE_VALUE_SIZE]);
bool device_option_number(SANE_Handle handle, const char *name, double *value);

/* What an option accepts: "Flatbed, ADF Front, ADF Duplex", "50 to 1200", "yes, no"; at most size
 * bytes. */
void device_option_choices(const SANE_Option_Descriptor *option, char *text, unsigned long size);

/* Calls visit for each option that has a name and is no group, in the device's order. */
void device_options_each(SANE_Handle handle,
    void (*visit)(void *self, SANE_Int index, const SANE_Option_Descriptor *option), void *self);

/* SANE's status as an error of ours: what failed ("cannot set 'mode'"), on which device. */
bool device_status_error(
    SANE_Status status, const char *failed, const char *device, struct error *err);

#endif
