/*
 * Backup: a consistent, verified copy of a workspace in a folder, brought up to date when it is
 * made again; and a workspace made from one. While it is made, scanning goes on but for the last
 * moment.
 *
 *   first pass    everything that differs, without a lock
 *   second pass   what came in between, with the journal's write lock, and the journal itself
 *   then          ledgers written from the copied journal, the copy verified, backup.json last
 *
 * A folder without backup.json is no backup.
 */
#ifndef ALTAKT_BATCH_BACKUP_H
#define ALTAKT_BATCH_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/workspace.h"
#include "config/error.h"

struct backup_result {
	int64_t files, bytes; /* copied this time */
	int64_t events;	      /* that the copy's ledgers have */
};

/*
 * Makes or renews the backup in folder, and notes it in the workspace's chain.
 *
 * err  ERROR_USAGE  folder holds something else, or lies in the workspace
 *      ERROR_CHECK  the copy does not verify
 */
bool backup_make(struct workspace *workspace, const char *folder, const char *by,
    struct backup_result *out, struct error *err);

/*
 * Makes a workspace at path from a backup, verified first. It begins a new epoch, which is part of
 * the names of its new batches, so that they never meet those of the one that was lost.
 *
 * err  ERROR_USAGE  there is something at path, or no backup at folder
 *      ERROR_CHECK  the backup does not verify
 */
bool backup_restore(
    const char *folder, const char *path, const char *by, int *epoch, struct error *err);

#endif
