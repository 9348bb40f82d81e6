/* Every subcommand; main.c lists them in the order in which --help shows them. */
#ifndef ALTAKT_BATCH_COMMANDS_H
#define ALTAKT_BATCH_COMMANDS_H

#include "batch/command.h"

extern const struct command command_abandon;
extern const struct command command_accept;
extern const struct command command_backup;
extern const struct command command_claim;
extern const struct command command_clock;
extern const struct command command_close;
extern const struct command command_collect;
extern const struct command command_covers;
extern const struct command command_decide;
extern const struct command command_demo;
extern const struct command command_destruction;
extern const struct command command_devices;
extern const struct command command_file;
extern const struct command command_images; /* sheet images, sheet assign */
extern const struct command command_import;
extern const struct command command_init;
extern const struct command command_page_worker;
extern const struct command command_process;
extern const struct command command_purge;
extern const struct command command_register;
extern const struct command command_rules;
extern const struct command command_reject;
extern const struct command command_release;
extern const struct command command_report;
extern const struct command command_restore;
extern const struct command command_review;
extern const struct command command_run;
extern const struct command command_scan;
extern const struct command command_seal;
extern const struct command command_seen;
extern const struct command command_settle;
extern const struct command command_count;
extern const struct command command_sheet;
extern const struct command command_status;
extern const struct command command_verify;
extern const struct command command_worker;

#endif
