#include "scan/profile.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/file.h"
#include "config/file_number.h"
#include "config/shipped.h"
#include "config/text.h"
#include "scan/scanner.h"

enum {
	FILE_MOST_BYTES = 256 << 10,
	OPTIONS_MOST = 500,
};

void profile_release(struct profile *profile)
{
	for (int i = 0; i < profile->n_extra; i++)
		free(profile->extra[i]);
	free(profile->extra);
	free(profile->path);
	free(profile->match);
	free(profile->source);
	free(profile->source_simplex);
	*profile = (struct profile){0};
}

static void extra_add(
    struct profile *profile, const char *mark, const char *name, const char *value)
{
	char **extra = realloc(profile->extra, sizeof *extra * (size_t)(profile->n_extra + 2));

	if (!extra)
		abort(); /* not even room for a pointer */
	profile->extra = extra;
	extra[profile->n_extra++] = file_path("%s%s=%s", mark, name, value);
	extra[profile->n_extra] = NULL;
}

void profile_option_add(struct profile *profile, const char *name, const char *value)
{
	extra_add(profile, "", name, value);
}

/* --- reading ----------------------------------------------------------------- */

struct reader {
	struct profile *profile;
	struct hash *hash;
	char why[200]; /* the first refusal, "" while there is none */
};

/* inih tells the line of the first refusal. */
static int refuse(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof r->why, fmt, ap);
	va_end(ap);
	return 0;
}

static bool number_read(const char *value, double most, double *number)
{
	char *end;

	*number = strtod(value, &end);
	return end != value && *end == '\0' && *number >= 0 && *number <= most;
}

static void text_take(char **to, const char *value)
{
	free(*to);
	*to = file_path("%s", value);
}

static int line_read(void *self, const char *section, const char *key, const char *value)
{
	struct reader *r = self;
	struct profile *p = r->profile;
	char text[160];
	double number = 0;

	if (r->why[0])
		return 0;
	snprintf(text, sizeof text, "%s.%s", section, key);
	if (strcmp(text, "profile.name") == 0) {
		if (strlen(value) >= sizeof p->name || !batch_name_check(value, NULL))
			return refuse(r, _("'%s' is not a name: '%s'"), key, value);
		snprintf(p->name, sizeof p->name, "%s", value);
	} else if (strcmp(text, "profile.version") == 0) {
		if (!number_read(value, 1e6, &number))
			return refuse(r, _("'%s' wants a number, not '%s'"), key, value);
		p->version = (int)number;
	} else if (strcmp(text, "profile.match") == 0) {
		text_take(&p->match, value);
		return 1; /* which devices it is meant for changes nothing that it does */
	} else if (strcmp(text, "scan.source") == 0) {
		text_take(&p->source, value);
	} else if (strcmp(text, "scan.source_simplex") == 0) {
		text_take(&p->source_simplex, value);
	} else if (strcmp(text, "scan.page_width_mm") == 0) {
		if (!number_read(value, 10000, &p->page_width_mm))
			return refuse(r, _("'%s' wants a number, not '%s'"), key, value);
	} else if (strcmp(text, "scan.page_height_mm") == 0) {
		if (!number_read(value, 10000, &p->page_height_mm))
			return refuse(r, _("'%s' wants a number, not '%s'"), key, value);
	} else if (strcmp(text, "scan.timeout") == 0) {
		if (!number_read(value, 3600, &number))
			return refuse(r, _("'%s' wants a number, not '%s'"), key, value);
		p->timeout_ms = (int)(number * 1000);
	} else if (strcmp(text, "scan.double_feed") == 0) {
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return refuse(r, _("'%s' wants yes or no, not '%s'"), key, value);
		p->double_feed = value[0] == 'y';
	} else if (strcmp(section, "scan") == 0 && p->n_extra < OPTIONS_MOST &&
	    strncmp(key, "option.", 7) == 0 && key[7]) {
		extra_add(p, "", key + 7, value);
	} else if (strcmp(section, "scan") == 0 && p->n_extra < OPTIONS_MOST &&
	    strncmp(key, "maybe.", 6) == 0 && key[6]) {
		extra_add(p, "?", key + 6, value);
	} else {
		return refuse(r, _("unknown key '%s' (%s)"), text, value);
	}
	hash_add(r->hash, text, strlen(text));
	hash_add(r->hash, "=", 1);
	hash_add(r->hash, value, strlen(value));
	hash_add(r->hash, "\n", 1);
	return 1;
}

static bool profile_read(const char *path, struct profile *out, struct error *err)
{
	struct profile profile = {.path = file_path("%s", path)};
	struct reader reader = {.profile = &profile, .hash = hash_open(HASH_SHA256)};
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	char *text = NULL;
	bool ok = false;

	text = file_read(path, FILE_MOST_BYTES, NULL, err);
	if (!text)
		goto done;
	int bad = ini_parse_string(text, line_read, &reader);
	hash_close(reader.hash, profile.sha256);
	reader.hash = NULL;
	if (bad || reader.why[0]) {
		error_set(err, ERROR_SETUP, _("correct the profile"), "%s:%d: %s", file, bad,
		    reader.why[0] ? reader.why : _("not 'key = value'"));
		goto done;
	}
	if (!profile.name[0]) {
		error_set(
		    err, ERROR_SETUP, _("correct the profile"), _("%s: it has no name"), file);
		goto done;
	}
	*out = profile;
	profile = (struct profile){0};
	ok = true;
done:
	hash_close(reader.hash, NULL);
	free(text);
	profile_release(&profile);
	return ok;
}

/* --- finding -------------------------------------------------------------------- */

static char *shipped_folder(struct error *err)
{
	char *path = shipped_path("profiles/generic.ini", err);

	if (path)
		*strrchr(path, '/') = '\0';
	return path;
}

static int is_ini(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".ini") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool fits(const char *match, const char *device)
{
	char *words = file_path("%s", match ? match : ""), *at = NULL;
	bool yes = false;

	for (char *w = strtok_r(words, " \t", &at); w && !yes; w = strtok_r(NULL, " \t", &at))
		yes = fnmatch(w, device, 0) == 0;
	free(words);
	return yes;
}

/* The first profile of a folder that is meant for device; an unreadable one is an error. */
static bool folder_match(
    const char *folder, const char *device, struct profile *out, bool *found, struct error *err)
{
	struct dirent **names = NULL;
	bool ok = true;
	int n = folder ? scandir(folder, &names, is_ini, by_bytes) : 0;

	for (int i = 0; i < n; i++) {
		if (ok && !*found) {
			struct profile profile = {0};
			char *path = file_path("%s/%s", folder, names[i]->d_name);
			ok = profile_read(path, &profile, err);
			if (ok && fits(profile.match, device)) {
				*out = profile;
				profile = (struct profile){0};
				*found = true;
			}
			profile_release(&profile);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return ok;
}

static bool not_found(const char *name, const char *folder, const char *shipped, struct error *err)
{
	const char *const folders[] = {folder, shipped};
	char list[200] = "", todo[256];
	size_t at = 0;

	for (int k = 0; k < 2; k++) {
		struct dirent **names = NULL;
		int n = folders[k] ? scandir(folders[k], &names, is_ini, by_bytes) : 0;
		for (int i = 0; i < n; i++) {
			int length = (int)strlen(names[i]->d_name) - 4;
			if (at + (size_t)length + 3 < sizeof list)
				at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s",
				    at ? ", " : "", length, names[i]->d_name);
			free(names[i]);
		}
		free(names);
	}
	snprintf(todo, sizeof todo, _("there are: %s"), list);
	return error_set(err, ERROR_SETUP, todo, _("there is no scanner profile '%s'"), name);
}

bool profile_open(const char *name, const char *device, const char *folder, struct profile *out,
    struct error *err)
{
	char *shipped = shipped_folder(err), *own = NULL, *path = NULL;
	bool ok = false, found = false, automatic = !name || !name[0] || strcmp(name, "auto") == 0;

	if (!shipped)
		goto done;
	if (automatic) {
		if (!folder_match(folder, device ? device : "", out, &found, err) ||
		    (!found && !folder_match(shipped, device ? device : "", out, &found, err)))
			goto done;
		if (found) {
			ok = true;
			goto done;
		}
		name = "generic";
	}
	if (!batch_name_check(name, NULL)) {
		not_found(name, folder, shipped, err);
		goto done;
	}
	own = file_path("%s/%s.ini", folder ? folder : "", name);
	path = file_path("%s/%s.ini", shipped, name);
	if (folder && file_exists(own))
		ok = profile_read(own, out, err);
	else if (file_exists(path))
		ok = profile_read(path, out, err);
	else
		not_found(name, folder, shipped, err);
done:
	free(shipped);
	free(own);
	free(path);
	return ok;
}

/* --- using it --------------------------------------------------------------------- */

void profile_apply(const struct profile *profile, struct scanner_options *options)
{
	const char *source = options->simplex ? profile->source_simplex : profile->source;

	if ((!options->source || !options->source[0]) && source && source[0])
		options->source = source;
	if (options->page_width_mm <= 0)
		options->page_width_mm = profile->page_width_mm;
	if (options->page_height_mm <= 0)
		options->page_height_mm = profile->page_height_mm;
	if (profile->timeout_ms > options->timeout_ms)
		options->timeout_ms = profile->timeout_ms;
	if (!options->extra)
		options->extra = (const char *const *)profile->extra;
}

bool profile_approved(const struct profile *profile, const char *approved)
{
	char *words = file_path("%s", approved ? approved : ""), *at = NULL;
	bool yes = false;

	for (char *w = strtok_r(words, " \t,", &at); w && !yes; w = strtok_r(NULL, " \t,", &at))
		yes = strcmp(w, profile->name) == 0 || strcasecmp(w, profile->sha256) == 0;
	free(words);
	return yes;
}
