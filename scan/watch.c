#include "scan/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/import.h"

struct entry {
	char *path;
	long long bytes, mtime_ns;
	bool renamed, closed, same, taken, there;
};

struct watch {
	char *folder;
	int fd;
	struct entry *entries; /* in byte order of their paths */
	int n;
	const char **ready;
};

bool watch_open(const char *folder, struct watch **out, struct error *err)
{
	struct watch *w = calloc(1, sizeof *w);
	char full[PATH_MAX];

	if (!w)
		return error_errno(err, NULL, _("cannot watch '%s'"), folder);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!realpath(folder, full) || w->fd < 0 ||
	    inotify_add_watch(w->fd, full,
		IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_ONLYDIR) < 0) {
		bool usage = errno == ENOENT || errno == ENOTDIR;
		error_errno(err, _("name a folder that is there"), _("cannot watch '%s'"), folder);
		if (usage)
			err->kind = ERROR_USAGE;
		watch_close(w);
		return false;
	}
	w->folder = file_path("%s", full);
	*out = w;
	return true;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	for (int i = 0; i < w->n; i++)
		free(w->entries[i].path);
	if (w->fd >= 0)
		close(w->fd);
	free(w->entries);
	free(w->ready);
	free(w->folder);
	free(w);
}

/* The entry of a name, made where there is none; NULL: no memory. */
static struct entry *entry_need(struct watch *w, const char *name)
{
	char *path = file_path("%s/%s", w->folder, name);
	int at = 0;

	while (at < w->n && strcmp(w->entries[at].path, path) < 0)
		at++;
	if (at < w->n && strcmp(w->entries[at].path, path) == 0) {
		free(path);
		return &w->entries[at];
	}
	struct entry *more = realloc(w->entries, (size_t)(w->n + 1) * sizeof *more);
	if (!more) {
		free(path);
		return NULL;
	}
	w->entries = more;
	memmove(&more[at + 1], &more[at], (size_t)(w->n - at) * sizeof *more);
	w->n++;
	more[at] = (struct entry){.path = path, .bytes = -1};
	return &more[at];
}

static void events_read(struct watch *w)
{
	_Alignas(struct inotify_event) char buf[16384];
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof buf)) > 0)
		for (char *at = buf; at < buf + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(void *)at;
			at += sizeof *e + e->len;
			if (e->len == 0 || !import_name_wanted(e->name))
				continue;
			struct entry *entry = entry_need(w, e->name);
			if (!entry)
				continue;
			if (e->mask & (IN_CREATE | IN_MODIFY))
				entry->renamed = entry->closed = false;
			if (e->mask & IN_MOVED_TO)
				entry->renamed = true;
			if (e->mask & IN_CLOSE_WRITE)
				entry->closed = true;
		}
}

void watch_wait(struct watch *w, int timeout_ms)
{
	struct pollfd fd = {.fd = w->fd, .events = POLLIN};

	poll(&fd, 1, timeout_ms);
}

enum writers { WRITERS_NONE, WRITERS_SOME, WRITERS_UNKNOWN };

/* Whether anybody has it open for writing. */
static enum writers writers_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum writers found = WRITERS_UNKNOWN;

	if (fd < 0)
		return WRITERS_SOME; /* cannot be read yet */
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		found = WRITERS_NONE;
	} else if (errno == EAGAIN) {
		found = WRITERS_SOME;
	}
	close(fd);
	return found;
}

static bool complete(const struct entry *e)
{
	switch (writers_of(e->path)) {
	case WRITERS_SOME: return false;
	case WRITERS_NONE: return e->renamed || e->same;
	case WRITERS_UNKNOWN: break;
	}
	return e->renamed || (e->closed && e->same);
}

/* What lies in the folder now, and whether each file is as it was at the last look. */
static bool look(struct watch *w, struct error *err)
{
	DIR *dir = opendir(w->folder);
	struct dirent *d;

	if (!dir)
		return error_errno(err, NULL, _("cannot read '%s'"), w->folder);
	for (int i = 0; i < w->n; i++)
		w->entries[i].there = false;
	while ((d = readdir(dir)) != NULL) {
		struct stat st;
		if (!import_name_wanted(d->d_name))
			continue;
		if (fstatat(dirfd(dir), d->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
			continue;
		struct entry *e = entry_need(w, d->d_name);
		if (!e) {
			closedir(dir);
			return error_errno(err, NULL, _("cannot watch '%s'"), w->folder);
		}
		long long mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
		e->there = true;
		e->same =
		    e->bytes == (long long)st.st_size && e->mtime_ns == mtime_ns && st.st_size > 0;
		e->bytes = st.st_size;
		e->mtime_ns = mtime_ns;
	}
	closedir(dir);
	return true;
}

bool watch_ready(
    struct watch *w, const char *const **paths, int *n, int *waiting, struct error *err)
{
	int open = 0;
	bool held = false;

	events_read(w);
	if (!look(w, err))
		return false;
	free(w->ready);
	w->ready = calloc((size_t)w->n + 1, sizeof *w->ready);
	if (!w->ready)
		return error_errno(err, NULL, _("cannot watch '%s'"), w->folder);
	*n = 0;
	for (int i = 0; i < w->n; i++) {
		const struct entry *e = &w->entries[i];
		if (!e->there || e->taken)
			continue;
		held = held || !complete(e);
		if (held)
			open++;
		else
			w->ready[(*n)++] = e->path;
	}
	*paths = w->ready;
	*waiting = open;
	return true;
}

void watch_take(struct watch *w, const char *path)
{
	for (int i = 0; i < w->n; i++)
		if (strcmp(w->entries[i].path, path) == 0)
			w->entries[i].taken = true;
}
