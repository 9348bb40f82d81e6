#include "batch/bag.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"

/* Writing */

static void put_name(FILE *out, const char *name)
{
	for (; *name; name++)
		switch (*name) {
		case '%': fputs("%25", out); break;
		case '\n': fputs("%0A", out); break;
		case '\r': fputs("%0D", out); break;
		default: putc(*name, out);
		}
}

struct names {
	char **names;
	size_t n, room;
};

static bool name_add(void *self, const char *relative, const char *path, struct error *err)
{
	struct names *list = self;

	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		char **names = realloc(list->names, room * sizeof *names);
		if (!names)
			return error_set(
			    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
		list->names = names;
		list->room = room;
	}
	list->names[list->n++] = file_path("%s", relative);
	return true;
}

static void names_release(struct names *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
}

/* Everything written to the disk that holds path: one call for however many files. */
static bool sync_disk(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && syncfs(fd) == 0;

	if (!ok)
		error_errno(err, NULL, _("cannot make '%s' durable"), path);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Closes a stream over memory and writes what it holds to folder/name. */
static bool text_put(
    const char *folder, const char *name, FILE *out, char **text, size_t *n, struct error *err)
{
	char *path = file_path("%s/%s", folder, name);
	bool ok = !ferror(out);

	ok = fclose(out) == 0 && ok;
	ok = ok ? file_write(path, *text, *n, err)
		: error_set(err, ERROR_SYSTEM, NULL, _("cannot write '%s': out of memory"), path);
	free(*text);
	*text = NULL;
	free(path);
	return ok;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool payload_manifest_write(
    const char *path, uint64_t *octets, uint64_t *files, struct error *err)
{
	char *data = file_path("%s/data", path), *text = NULL;
	struct names list = {0};
	size_t n = 0;
	FILE *out = NULL;
	bool ok = false;

	if (!file_walk(data, name_add, &list, err))
		goto done;
	if (list.n > 0)
		qsort(list.names, list.n, sizeof *list.names, by_text);
	out = open_memstream(&text, &n);
	if (!out) {
		error_errno(err, NULL, _("cannot write '%s'"), path);
		goto done;
	}
	*octets = 0;
	*files = list.n;
	ok = true;
	for (size_t i = 0; ok && i < list.n; i++) {
		char hex[HASH_SIZE], *file = file_path("%s/%s", data, list.names[i]);
		uint64_t bytes = 0;
		ok = hash_file(HASH_SHA512, file, hex, &bytes, err);
		free(file);
		if (!ok)
			break;
		*octets += bytes;
		fprintf(out, "%s  data/", hex);
		put_name(out, list.names[i]);
		putc('\n', out);
	}
	if (ok) {
		ok = text_put(path, "manifest-sha512.txt", out, &text, &n, err);
	} else {
		fclose(out);
		free(text);
	}
done:
	names_release(&list);
	free(data);
	return ok;
}

static bool info_write(const char *path, const struct bag_label *labels, size_t n_labels,
    uint64_t octets, uint64_t files, struct error *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return error_errno(err, NULL, _("cannot write '%s'"), path);
	for (size_t i = 0; i < n_labels; i++) {
		assert(!strchr(labels[i].label, ':') && !strpbrk(labels[i].value, "\r\n"));
		fprintf(out, "%s: %s\n", labels[i].label, labels[i].value);
	}
	fprintf(out, "Payload-Oxum: %llu.%llu\n", (unsigned long long)octets,
	    (unsigned long long)files);
	return text_put(path, "bag-info.txt", out, &text, &n, err);
}

static bool tag_manifest_write(const char *path, char sha512[HASH_SIZE], struct error *err)
{
	static const char *const names[] = {"bag-info.txt", "bagit.txt", "manifest-sha512.txt"};
	char *text = NULL, *file;
	size_t n = 0;
	bool ok = true;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return error_errno(err, NULL, _("cannot write '%s'"), path);
	for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
		char hex[HASH_SIZE];
		file = file_path("%s/%s", path, names[i]);
		ok = hash_file(HASH_SHA512, file, hex, NULL, err);
		if (ok)
			fprintf(out, "%s  %s\n", hex, names[i]);
		free(file);
	}
	if (!ok) {
		fclose(out);
		free(text);
		return false;
	}
	file = file_path("%s/tagmanifest-sha512.txt", path);
	ok = text_put(path, "tagmanifest-sha512.txt", out, &text, &n, err) &&
	    hash_file(HASH_SHA512, file, sha512, NULL, err);
	free(file);
	return ok;
}

bool bag_write(const char *path, const struct bag_label *labels, size_t n_labels,
    char sha512[HASH_SIZE], struct error *err)
{
	static const char declaration[] =
	    "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
	char *bagit = file_path("%s/bagit.txt", path);
	uint64_t octets = 0, files = 0;
	bool ok = payload_manifest_write(path, &octets, &files, err) &&
	    info_write(path, labels, n_labels, octets, files, err) &&
	    file_write(bagit, declaration, sizeof declaration - 1, err) &&
	    tag_manifest_write(path, sha512, err) && sync_disk(path, err);

	free(bagit);
	return ok;
}

/* The report */

void bag_report_release(struct bag_report *report)
{
	for (size_t i = 0; i < report->n_labels; i++) {
		free(report->labels[i].label);
		free(report->labels[i].value);
	}
	for (size_t i = 0; i < report->n_problems; i++)
		free(report->problems[i]);
	for (size_t i = 0; i < report->n_warnings; i++)
		free(report->warnings[i]);
	free(report->labels);
	free(report->problems);
	free(report->warnings);
	*report = (struct bag_report){0};
}

const char *bag_report_find(const struct bag_report *report, const char *label)
{
	for (size_t i = 0; i < report->n_labels; i++)
		if (strcasecmp(report->labels[i].label, label) == 0)
			return report->labels[i].value;
	return NULL;
}
