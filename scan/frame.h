/*
 * From SANE's frames to one raw image: one pass or three (in any order), 1, 8 or 16 bits, known
 * height or not, with padding at the ends of lines. What a backend announces is held against what
 * it delivers; memory is bounded whatever it says.
 */
#ifndef ALTAKT_SCAN_FRAME_H
#define ALTAKT_SCAN_FRAME_H

#include <sane/sane.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "config/error.h"
#include "scan/raw.h"

#define FRAME_MOST_BYTES (1u << 30) /* A3 at 1200 dpi in colour is 835 MB */

struct frame_source {
	SANE_Handle handle;
	const char *device; /* for messages */
	double dpi;
	atomic_llong *alive_ms;	 /* set to the monotonic time whenever something arrived */
	const atomic_bool *stop; /* true: break off, as if the device had been cancelled */
};

/*
 * Reads the image for which sane_start() has just succeeded, starting further passes as needed.
 *
 * out     must be empty; filled
 * status  SANE_STATUS_GOOD, or what sane_start() or sane_read() answered: then the result is false
 *         and err untouched, it is the caller's to judge. GOOD with false: err says what the
 *         backend did wrong (ERROR_SETUP), or ERROR_SYSTEM
 */
bool frame_read_image(const struct frame_source *source, struct raw_image *out, SANE_Status *status,
    struct error *err);

long long frame_now_ms(void); /* CLOCK_MONOTONIC */

#endif
