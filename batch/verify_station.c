#include "batch/verify_station.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/verify_batch.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

struct link {
	const struct verify_batch *batch;
	const struct verify_revision *revision;
	bool used;
};

/* Stations of different workspaces may have the same name. */
static void station_name(const struct verify_batch *b, char name[160])
{
	snprintf(name, 160, "%s/%s", b->workspace, b->station);
}

/* The one that names this manifest as the one before; of several that of the earliest epoch. */
static struct link *link_next(struct link *links, int n, const char *sha256)
{
	struct link *next = NULL;

	for (int i = 0; i < n; i++)
		if (!links[i].used && strcmp(links[i].revision->previous, sha256) == 0 &&
		    (!next || links[i].revision->epoch < next->revision->epoch))
			next = &links[i];
	return next;
}

/*
 * Where a workspace that was restored from a backup went on: a later epoch, behind any manifest
 * that was seen. What its lost predecessor made after the backup lies here beside it.
 */
static struct link *link_restored(struct link *links, int n, int epoch)
{
	struct link *next = NULL;

	for (int i = 0; i < n; i++) {
		struct link *l = &links[i];
		bool known = strcmp(l->revision->previous, hash_zero) == 0;
		if (l->used || l->revision->epoch <= epoch ||
		    (next && next->revision->epoch <= l->revision->epoch))
			continue;
		for (int k = 0; k < n && !known; k++)
			known = links[k].used &&
			    strcmp(l->revision->previous, links[k].revision->sha256) == 0;
		if (known)
			next = l;
	}
	return next;
}

/*
 * A station's manifests are one chain: each but the first names the one before. It forks where the
 * workspace was restored from a backup, and nowhere else.
 */
static void station_walk(const char *root, const char *station, const struct verify_batch *batches,
    int n_batches, struct verify_report *report)
{
	struct link *links = NULL;
	int n = 0, visited = 0;
	int epoch = 0;
	char at[65], name[160];

	for (int i = 0; i < n_batches; i++)
		n += batches[i].n_revisions;
	links = calloc((size_t)n + 1, sizeof *links);
	if (!links)
		abort(); /* a few bytes for each manifest */
	n = 0;
	for (int i = 0; i < n_batches; i++)
		for (int k = 0; k < batches[i].n_revisions; k++)
			if (station_name(&batches[i], name), strcmp(name, station) == 0)
				links[n++] =
				    (struct link){&batches[i], &batches[i].revisions[k], false};
	memcpy(at, hash_zero, sizeof at);
	for (struct link *l; (l = link_next(links, n, at)) ||
	     (visited > 0 && (l = link_restored(links, n, epoch)));) {
		if (strcmp(l->revision->previous, at) != 0)
			verify_note(report,
			    _("batch '%s': its station was restored from a backup; batches that it had made since the backup are here beside it"),
			    l->batch->name);
		l->used = true;
		visited++;
		epoch = l->revision->epoch > epoch ? l->revision->epoch : epoch;
		memcpy(at, l->revision->sha256, sizeof at);
	}
	for (int i = 0; visited < n && i < n; i++) {
		if (links[i].used)
			continue;
		char *path = file_path("%s/%s/%s/manifest.json", root,
		    links[i].batch->carries_bundles ? "collected" : "batches",
		    links[i].batch->name);
		verify_find(report, path,
		    _("revision %d: the station's manifest before it (%.16s…) is not here, or another names it too: a batch was left out, or manifests were swapped"),
		    links[i].revision->revision, links[i].revision->previous);
		free(path);
	}
	free(links);
}

void verify_stations(const char *root, const struct verify_batch *batches, int n_batches,
    struct verify_report *report)
{
	json_t *stations = json_object(), *unused;
	const char *station;

	for (int i = 0; i < n_batches; i++)
		if (batches[i].n_revisions > 0) {
			char name[160];
			station_name(&batches[i], name);
			json_object_set_new(stations, name, json_true());
		}
	json_object_foreach(stations, station, unused)
	    station_walk(root, station, batches, n_batches, report);
	json_decref(stations);
}
