/*
 * The way to the simulator's backend, libsane-paper.so.1, for SANE's dll backend.
 *
 * dll looks for libsane-<name>.so.1 in the folders of LD_LIBRARY_PATH, read by getenv() at the
 * moment when it first needs that backend, and then in the system's folder. A device "paper:DIR"
 * needs no dll.conf: sane_open() loads a backend that no dll.conf names by its name alone, and
 * from then on sane_get_devices() asks it too. SANE_CONFIG_DIR is therefore left as it is, and the
 * system's scanners stay what its administrator made them.
 *
 *	sane_init(...);
 *	paper_path_set(err);
 *	sane_open("paper:DIR", ...);		loads the backend
 *	paper_path_clear();
 *
 * glibc itself read the variable when the program began, so nothing else of this process changes;
 * child programs would inherit it, hence paper_path_clear() before the first of them is started.
 * Both change the environment: call them while no other thread reads or changes it.
 */
#ifndef ALTAKT_SCAN_PAPER_PATH_H
#define ALTAKT_SCAN_PAPER_PATH_H

#include <stdbool.h>

#include "config/error.h"

/*
 * Finds the backend's folder beside this program (../sane in the build tree, ../lib/…/altakt where
 * it is installed) and puts it in front of LD_LIBRARY_PATH. Twice is the same as once.
 * ERROR_SETUP: the backend is in none of the folders that what and todo name.
 */
bool paper_path_set(struct error *err);

/* Makes LD_LIBRARY_PATH what it was. Without paper_path_set() before: does nothing. */
void paper_path_clear(void);

/* The folder itself (free() it), or NULL with err as paper_path_set(). */
char *paper_path_find(struct error *err);

#endif
