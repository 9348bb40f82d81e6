#include "scan/import.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

void import_image_copy(struct import_image *to, const struct import_image *from)
{
	*to = *from;
	to->path = from->path ? file_path("%s", from->path) : NULL;
}

void import_list_release(struct import_list *list)
{
	for (int i = 0; i < list->n; i++)
		free(list->images[i].path);
	free(list->images);
	*list = (struct import_list){0};
}

void import_list_filter(struct import_list *list,
    bool (*keep)(void *self, const struct import_image *image), void *self)
{
	int kept = 0;

	for (int i = 0; i < list->n; i++) {
		if (keep(self, &list->images[i]))
			list->images[kept++] = list->images[i];
		else
			free(list->images[i].path);
	}
	list->n = kept;
}

static bool list_has(const struct import_list *list, const char *path)
{
	/* the same folder twice is rare, the same file twice in it is not to be found: look from
	 * behind */
	for (int i = list->n - 1; i >= 0; i--)
		if (strcmp(list->images[i].path, path) == 0)
			return true;
	return false;
}

static bool file_add(
    struct import_list *list, const char *path, bool look_for_it, struct error *err)
{
	struct import_image image = {0};
	char *absolute = realpath(path, NULL);
	struct stat st;
	int n_pages = 0;
	bool ok = false;

	if (!absolute || stat(absolute, &st) != 0) {
		error_errno(err, _("check the name"), _("cannot read '%s'"), path);
		if (err)
			err->kind = ERROR_INPUT;
		goto done;
	}
	if (look_for_it && list_has(list, absolute)) {
		ok = true;
		goto done;
	}
	if (!raw_image_pages(absolute, &n_pages, err) ||
	    !hash_file(HASH_SHA256, absolute, image.sha256, &image.file_bytes, err))
		goto done;
	image.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	image.n_pages = n_pages;
	void *images = realloc(list->images, sizeof image * (size_t)(list->n + n_pages));
	if (!images) {
		error_errno(err, NULL, _("cannot list '%s'"), path);
		goto done;
	}
	list->images = images;
	for (int page = 0; page < n_pages; page++) {
		image.page = page;
		image.path = file_path("%s", absolute);
		list->images[list->n++] = image;
	}
	ok = true;
done:
	free(absolute);
	return ok;
}

bool import_name_wanted(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && !(n > 5 && strcmp(name + n - 5, ".part") == 0);
}

static int wanted(const struct dirent *e)
{
	return import_name_wanted(e->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool folder_add(
    struct import_list *list, const char *path, bool look_for_it, struct error *err)
{
	struct dirent **names = NULL;
	bool ok = true;
	int n = scandir(path, &names, wanted, by_bytes);

	if (n < 0)
		return error_errno(err, NULL, _("cannot read the folder '%s'"), path);
	for (int i = 0; i < n; i++) {
		char *file = file_path("%s/%s", path, names[i]->d_name);
		struct stat st;
		/* folders are left alone; what else is no image is said to be none */
		if (ok && !(stat(file, &st) == 0 && S_ISDIR(st.st_mode)))
			ok = file_add(list, file, look_for_it, err);
		free(file);
		free(names[i]);
	}
	free(names);
	return ok;
}

bool import_list_open(
    const char *const *paths, int n_paths, struct import_list *out, struct error *err)
{
	struct import_list list = {0};

	for (int i = 0; i < n_paths; i++) {
		struct stat st;
		bool ok = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode)
		    ? folder_add(&list, paths[i], i > 0, err)
		    : file_add(&list, paths[i], i > 0, err);
		if (!ok) {
			import_list_release(&list);
			return false;
		}
	}
	*out = list;
	return true;
}
