#include "scan/paper_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_NAME "paper.conf"

static char **folders;
static int n_folders;
static SANE_Device *devices;
static const SANE_Device **list;

bool paper_devices_add(const char *folder)
{
	for (int i = 0; i < n_folders; i++)
		if (strcmp(folders[i], folder) == 0)
			return true;
	char **grown = realloc(folders, (size_t)(n_folders + 1) * sizeof *grown);
	if (!grown)
		return false;
	folders = grown;
	folders[n_folders] = strdup(folder);
	return folders[n_folders] && ++n_folders;
}

const char *paper_devices_first(void)
{
	return n_folders > 0 ? folders[0] : NULL;
}

static void list_add(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	char *rest = copy, *folder;

	while (rest && (folder = strsep(&rest, ":")))
		if (*folder)
			paper_devices_add(folder);
	free(copy);
}

static FILE *config_open(void)
{
	const char *variable = getenv("SANE_CONFIG_DIR");
	size_t n = variable ? strlen(variable) : 0;
	char *places = NULL;
	FILE *f = NULL;

	/* As SANE does: a list that ends in a colon goes on with the usual places. */
	if (asprintf(&places, "%s%s", n ? variable : "",
		!n || variable[n - 1] == ':' ? ".:/etc/sane.d" : "") < 0)
		return NULL;
	char *rest = places, *folder;
	while (!f && (folder = strsep(&rest, ":"))) {
		char *path = NULL;
		if (asprintf(&path, "%s/%s", folder, CONFIG_NAME) < 0)
			break;
		f = fopen(path, "re");
		free(path);
	}
	free(places);
	return f;
}

static void config_add(void)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = config_open();

	if (!f)
		return;
	while (getline(&line, &room, f) > 0) {
		char *from = line + strspn(line, " \t");
		char *end = from + strcspn(from, "\r\n");
		while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
		if (*from && *from != '#')
			paper_devices_add(from);
	}
	free(line);
	fclose(f);
}

void paper_devices_find(void)
{
	list_add(getenv("ALTAKT_PAPER"));
	config_add();
}

static void list_release(void)
{
	free(devices);
	free(list);
	devices = NULL;
	list = NULL;
}

const SANE_Device **paper_devices_list(void)
{
	list_release();
	devices = calloc((size_t)n_folders + 1, sizeof *devices);
	list = calloc((size_t)n_folders + 1, sizeof *list);
	if (!devices || !list) {
		list_release();
		return NULL;
	}
	int n = 0;
	for (int i = 0; i < n_folders; i++) {
		if (access(folders[i], R_OK | X_OK) != 0)
			continue;
		devices[n] = (SANE_Device){folders[i], "altakt", "paper stack", "virtual device"};
		list[n] = &devices[n];
		n++;
	}
	return list;
}

void paper_devices_release(void)
{
	list_release();
	for (int i = 0; i < n_folders; i++)
		free(folders[i]);
	free(folders);
	folders = NULL;
	n_folders = 0;
}
