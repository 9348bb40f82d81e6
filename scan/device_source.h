/*
 * Which source of a device to feed from, and the settings of a page: mode, resolution, geometry.
 * Backends name the same things differently; here their words are brought together.
 *
 * The thread that speaks to the device only.
 */
#ifndef ALTAKT_SCAN_DEVICE_SOURCE_H
#define ALTAKT_SCAN_DEVICE_SOURCE_H

#include <sane/sane.h>
#include <stdbool.h>

#include "config/error.h"
#include "scan/device_option.h"
#include "scan/scanner.h"

struct device_source {
	char name[128]; /* of the source, "" where the device has only one */
	bool duplex;
	bool flatbed; /* one image, then a person turns the page */
};

/*
 * Sets source (and what else turns duplex on: "adf-mode", "duplex"), mode, resolution, the
 * options' extra ones, page size, in this order; then reads back.
 *
 * type     of the device as its backend calls it ("sheetfed scanner"); may be ""
 * dpi      filled with the resolution that the device took
 * err      ERROR_SETUP: the device lacks what is asked for (todo lists what it has)
 */
bool device_source_set(SANE_Handle handle, const struct scanner_options *options, const char *type,
    struct device_source *source, double *dpi, struct device_settings *settings, struct error *err);

/* "Color", "Gray" or "Lineart" for a mode's name in a backend's words; NULL where it is none. */
const char *device_mode_kind(const char *name);

#endif
