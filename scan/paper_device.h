/*
 * The simulator's devices that sane_get_devices() lists: the stacks that this process opened, those
 * of the environment's ALTAKT_PAPER (separated by colons), and those of paper.conf (one a line, '#'
 * comments), which is found as SANE finds its files: in the folders of SANE_CONFIG_DIR, else in the
 * current one and in /etc/sane.d. A folder that is not there is not listed: a scanner switched off.
 *
 * One list for the process, as SANE has it; one thread.
 */
#ifndef ALTAKT_SCAN_PAPER_DEVICE_H
#define ALTAKT_SCAN_PAPER_DEVICE_H

#include <sane/sane.h>
#include <stdbool.h>

/* Reads ALTAKT_PAPER and paper.conf. */
void paper_devices_find(void);

/* Adds a folder, once. False: no memory. */
bool paper_devices_add(const char *folder);

/* The first one's folder, or NULL. Lent. */
const char *paper_devices_first(void);

/* NULL-terminated, lent until the next call; NULL: no memory. */
const SANE_Device **paper_devices_list(void);

void paper_devices_release(void);

#endif
