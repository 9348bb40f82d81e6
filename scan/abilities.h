/* What an open device can do, and what is set, as JSON for `altakt devices`. The SANE thread only.
 */
#ifndef ALTAKT_SCAN_ABILITIES_H
#define ALTAKT_SCAN_ABILITIES_H

#include <sane/sane.h>

#include "scan/device_option.h"
#include "scan/device_source.h"

struct abilities { /* what is known of the device beside its options; all lent */
	const char *name, *model, *type;
	const struct device_source *source;
	const struct device_settings *settings;
	double dpi;
};

/*
 * {"device", "model", "type", "source", "duplex", "flatbed", "resolution",
 *  "sources": [], "modes": [], "resolutions": [] or {"min","max"},
 *  "double_feed": {"options": [], "on": true, false or null where it cannot be told},
 *  "imprinter": [], "feed_count": true,
 *  "settings": [{"option","wanted","got","exact","lacking"}],
 *  "options": [{"name","type","unit","value","choices","active","settable"}]}
 *
 * Gives; NULL without memory.
 */
char *abilities_text(SANE_Handle handle, const struct abilities *abilities);

#endif
