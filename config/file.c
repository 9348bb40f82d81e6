#include "config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "config/text.h"

static const char *todo_disk(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: return _("free space on this disk, then give the same command again");
	case EROFS:
	case EACCES:
	case EPERM:
		return _(
		    "make the folder writable for this account, then give the same command again");
	default:
		return _(
		    "check the disk and the rights of this account, then give the command again");
	}
}

char *file_path(const char *fmt, ...)
{
	char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		abort(); /* not even room for a path */
	va_end(ap);
	return path;
}

static bool write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, data, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return false;
		data += k;
		n -= (size_t)k;
	}
	return true;
}

bool file_write(const char *path, const void *data, size_t n_bytes, struct error *err)
{
	char *part = file_path("%s.part", path);
	bool ok = false;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || !write_all(fd, data, n_bytes) || fsync(fd) != 0) {
		error_errno(err, todo_disk(), _("cannot write '%s'"), path);
		goto done;
	}
	if (close(fd) != 0) {
		fd = -1;
		error_errno(err, todo_disk(), _("cannot write '%s'"), path);
		goto done;
	}
	fd = -1;
	if (rename(part, path) != 0) {
		error_errno(err, todo_disk(), _("cannot write '%s'"), path);
		goto done;
	}
	ok = file_sync_parent(path, err);
done:
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlink(part);
	free(part);
	return ok;
}

bool file_sync(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		error_errno(err, todo_disk(), _("cannot make '%s' durable"), path);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool file_sync_parent(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == path ? strdup("/")
	    : slash		     ? strndup(path, (size_t)(slash - path))
				     : strdup(".");
	bool ok = folder && file_sync(folder, err);

	free(folder);
	return ok;
}

bool file_move(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) != 0)
		return error_errno(err, todo_disk(), _("cannot move '%s' to '%s'"), from, to);
	return file_sync_parent(to, err) && file_sync_parent(from, err);
}

bool file_copy(const char *from, const char *to, struct error *err)
{
	enum { CHUNK_BYTES = 256 * 1024 };
	char *buf = malloc(CHUNK_BYTES), *part = file_path("%s.part", to);
	int in = -1, out = -1;
	bool ok = false;

	in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in < 0 || !buf) {
		error_errno(err, NULL, _("cannot read '%s'"), from);
		goto done;
	}
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0) {
		error_errno(err, todo_disk(), _("cannot write '%s'"), to);
		goto done;
	}
	for (;;) {
		ssize_t n = read(in, buf, CHUNK_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_errno(err, NULL, _("cannot read '%s'"), from);
			goto done;
		}
		if (n == 0)
			break;
		if (!write_all(out, buf, (size_t)n)) {
			error_errno(err, todo_disk(), _("cannot write '%s'"), to);
			goto done;
		}
	}
	int synced = fsync(out);
	int closed = close(out);
	out = -1;
	if (synced != 0 || closed != 0 || rename(part, to) != 0) {
		error_errno(err, todo_disk(), _("cannot write '%s'"), to);
		goto done;
	}
	ok = file_sync_parent(to, err);
done:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (!ok)
		unlink(part);
	free(part);
	free(buf);
	return ok;
}

bool file_make_folder(const char *path, struct error *err)
{
	char *copy = file_path("%s", path);
	bool ok = true;

	for (char *p = copy[0] ? copy + 1 : copy; ok; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(copy, 0700) == 0)
			ok = file_sync_parent(copy, err);
		else if (errno != EEXIST)
			ok = error_errno(err, todo_disk(), _("cannot make the folder '%s'"), copy);
		*p = was;
		if (was == '\0')
			break;
	}
	struct stat st;
	if (ok && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
		errno = ENOTDIR;
		ok = error_errno(err, todo_disk(), _("cannot make the folder '%s'"), path);
	}
	free(copy);
	return ok;
}

static bool remove_at(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return false;
	}
	bool ok = true;
	struct dirent *e;
	while (ok && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = remove_at(dirfd(d), e->d_name);
	closedir(d);
	return ok && unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

bool file_remove(const char *path, struct error *err)
{
	if (!remove_at(AT_FDCWD, path))
		return error_errno(err, todo_disk(), _("cannot remove '%s'"), path);
	return true;
}

char *file_read(const char *path, size_t limit_bytes, size_t *n_bytes, struct error *err)
{
	char *data = NULL, *out = NULL;
	struct stat st;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for ever */

	if (fd < 0 || fstat(fd, &st) != 0) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERROR_INPUT, NULL, _("cannot read '%s': not a file"), path);
		goto done;
	}
	if ((uint64_t)st.st_size > limit_bytes) {
		error_set(err, ERROR_INPUT, NULL,
		    _("cannot read '%s': %lld bytes, at most %zu are read"), path,
		    (long long)st.st_size, limit_bytes);
		goto done;
	}
	data = malloc((size_t)st.st_size + 1);
	if (!data) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	while (n < (size_t)st.st_size) {
		ssize_t k = read(fd, data + n, (size_t)st.st_size - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			error_errno(err, NULL, _("cannot read '%s'"), path);
			goto done;
		}
		if (k == 0)
			break;
		n += (size_t)k;
	}
	data[n] = '\0';
	if (n_bytes)
		*n_bytes = n;
	out = data;
	data = NULL;
done:
	if (fd >= 0)
		close(fd);
	free(data);
	return out;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int64_t file_size_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

bool file_disk_free(
    const char *path, uint64_t *free_bytes, uint64_t *total_bytes, struct error *err)
{
	struct statvfs v;

	if (statvfs(path, &v) != 0)
		return error_errno(err, NULL, _("cannot tell the free space of '%s'"), path);
	*free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	if (total_bytes)
		*total_bytes = (uint64_t)v.f_blocks * v.f_frsize;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool file_names_read(const char *folder, struct file_names *out, struct error *err)
{
	DIR *d = opendir(folder);
	size_t room = 0;
	struct dirent *e;

	if (!d && errno == ENOENT)
		return true;
	while (d && (errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (out->n == room) {
			room = room ? 2 * room : 64;
			char **more = realloc(out->names, room * sizeof *more);
			if (!more)
				break;
			out->names = more;
		}
		out->names[out->n++] = file_path("%s", e->d_name);
	}
	bool ok = d && errno == 0;
	if (!ok)
		error_errno(err, NULL, _("cannot read the folder '%s'"), folder);
	if (d)
		closedir(d);
	if (ok && out->n > 1)
		qsort(out->names, out->n, sizeof *out->names, by_name);
	if (!ok)
		file_names_release(out);
	return ok;
}

void file_names_release(struct file_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct file_names){0};
}

struct entry {
	char *name; /* of a folder with "/" at its end: that is how its files sort */
	bool folder;
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void entries_release(struct entry *entries, size_t n)
{
	for (size_t i = 0; entries && i < n; i++)
		free(entries[i].name);
	free(entries);
}

static bool entries_read(const char *folder, struct entry **out, size_t *n_out, struct error *err)
{
	struct entry *entries = NULL;
	size_t n = 0, room = 0;
	bool ok = false;
	struct dirent *e;
	DIR *d = opendir(folder);

	while (d && (errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		struct stat st;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			error_errno(err, NULL, _("cannot read '%s/%s'"), folder, e->d_name);
			goto done;
		}
		if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
			error_set(err, ERROR_INPUT, NULL,
			    _("'%s/%s' is neither a file nor a folder"), folder, e->d_name);
			goto done;
		}
		if (n == room) {
			room = room ? 2 * room : 64;
			struct entry *more = realloc(entries, room * sizeof *more);
			if (!more) {
				error_errno(err, NULL, _("cannot read the folder '%s'"), folder);
				goto done;
			}
			entries = more;
		}
		entries[n].folder = S_ISDIR(st.st_mode);
		entries[n].name = file_path("%s%s", e->d_name, entries[n].folder ? "/" : "");
		n++;
	}
	if (!d || errno) {
		error_errno(err, NULL, _("cannot read the folder '%s'"), folder);
		goto done;
	}
	if (n)
		qsort(entries, n, sizeof *entries, by_bytes);
	*out = entries;
	*n_out = n;
	entries = NULL;
	ok = true;
done:
	if (d)
		closedir(d);
	entries_release(entries, n);
	return ok;
}

/* folder and prefix end in "/", or prefix is "". */
static bool walk(const char *folder, const char *prefix,
    bool (*visit)(void *self, const char *relative, const char *path, struct error *err),
    void *self, struct error *err)
{
	struct entry *entries = NULL;
	size_t n = 0;
	bool ok = entries_read(folder, &entries, &n, err);

	for (size_t i = 0; ok && i < n; i++) {
		char *path = file_path("%s%s", folder, entries[i].name);
		char *relative = file_path("%s%s", prefix, entries[i].name);
		ok = entries[i].folder ? walk(path, relative, visit, self, err)
				       : visit(self, relative, path, err);
		free(path);
		free(relative);
	}
	entries_release(entries, n);
	return ok;
}

bool file_walk(const char *folder,
    bool (*visit)(void *self, const char *relative, const char *path, struct error *err),
    void *self, struct error *err)
{
	size_t n = strlen(folder);
	char *start = file_path("%s%s", folder, n && folder[n - 1] == '/' ? "" : "/");
	bool ok = walk(start, "", visit, self, err);

	free(start);
	return ok;
}
