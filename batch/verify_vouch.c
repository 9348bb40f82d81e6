#include "batch/verify_vouch.h"

#include <stdlib.h>
#include <string.h>

#include "batch/timestamp.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

void verify_timestamp(const char *path, const json_t *event, struct verify_report *report)
{
	char *beside = file_path("%s.tsr", path);
	bool there = file_exists(beside), stamped = text_of(event, "sha256")[0] != '\0';
	struct timestamp stamp;
	struct error bad = {0};

	if (!stamped && there)
		verify_find(report, beside, _("the ledger does not know this timestamp"));
	else if (!stamped && event)
		verify_note(report, _("'%s' has no timestamp: %s"), path, text_of(event, "why"));
	else if (stamped && !there)
		verify_find(report, beside, _("it is missing"));
	else if (stamped && !timestamp_check(path, &stamp, &bad))
		verify_find(report, beside, "%s", bad.what);
	else if (stamped && strcmp(stamp.sha256, text_of(event, "sha256")) != 0)
		verify_find(report, beside, _("it is not the timestamp that the ledger knows"));
	else if (stamped && strcmp(stamp.at, text_of(event, "time")) != 0)
		verify_find(report, beside, _("its time is not the one that the ledger has"));
	else if (stamped)
		verify_note(
		    report, _("'%s' was there at %s, says %s"), path, stamp.at, stamp.signer);
	free(beside);
}

struct seals {
	const json_t *known;
	struct verify_report *report;
};

static bool seal_visit(void *self, const char *relative, const char *path, struct error *err)
{
	struct seals *s = self;
	char *key = file_path("seals/%s", relative);

	if (!json_object_get(s->known, key))
		verify_find(s->report, path, _("the ledger does not know it"));
	free(key);
	return true;
}

bool verify_seals(
    const char *folder, const json_t *seals, struct verify_report *report, struct error *err)
{
	struct seals s = {seals, report};
	char *all = file_path("%s/seals", folder), hex[HASH_SIZE];
	const char *relative;
	json_t *sha256;
	bool ok = true;

	json_object_foreach((json_t *)seals, relative, sha256)
	{
		char *path = file_path("%s/%s", folder, relative);
		if (strncmp(relative, "seals/", 6) != 0 || strchr(relative + 6, '/'))
			verify_find(
			    report, path, _("the ledger names a path that leaves the batch"));
		else if (!file_exists(path))
			verify_find(report, path, _("it is missing"));
		else if (ok && (ok = hash_file(HASH_SHA256, path, hex, NULL, err)) &&
		    strcmp(hex, json_string_value(sha256)) != 0)
			verify_find(report, path, _("it is not the seal that the ledger knows"));
		free(path);
	}
	ok = ok && (!file_exists(all) || file_walk(all, seal_visit, &s, err));
	free(all);
	return ok;
}
