/*
 * Files that are shipped to be configured: altakt.ini, rules, scanner profiles. In the build tree
 * they are those of config/, else the installed ones.
 */
#ifndef ALTAKT_CONFIG_SHIPPED_H
#define ALTAKT_CONFIG_SHIPPED_H

#include "config/error.h"

/* The folder that the program was installed below, wherever that was moved: its own is …/bin.
 * Gives. */
char *shipped_prefix(void);

/*
 * Gives the path of a shipped file such as "altakt.ini" or "rules/hessen-2020.ini". name comes from
 * the program, or has passed batch_name_check(). ERROR_SETUP: it is nowhere.
 */
char *shipped_path(const char *name, struct error *err);

#endif
