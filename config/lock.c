#include "config/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "config/text.h"

struct lock {
	int fd;
};

static void holder_read(int fd, char who[256])
{
	ssize_t n = pread(fd, who, 255, 0);

	who[n > 0 ? n : 0] = '\0';
	for (char *p = who; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = p[1] ? ' ' : '\0';
}

bool lock_open(const char *path, const char *command, struct lock **out, struct error *err)
{
	char who[256];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err,
		    _("make the workspace writable for this account, then give the command again"),
		    _("cannot open the lock '%s'"), path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool busy = errno == EWOULDBLOCK;
		if (busy) {
			holder_read(fd, who);
			error_set(err, ERROR_BUSY, _("wait until it is done, or stop it"),
			    _("another process is at work here: pid %s"), who);
		} else {
			error_errno(err, NULL, _("cannot lock '%s'"), path);
		}
		close(fd);
		return false;
	}
	int n = snprintf(who, sizeof who, "%ld %s\n", (long)getpid(), command);
	if (n >= (int)sizeof who)
		n = sizeof who - 1;
	/* The note is for people only; a full disk does not stop the lock from holding. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, who, (size_t)n, 0) < 0)
		errno = 0;
	struct lock *lock = calloc(1, sizeof *lock);
	if (!lock) {
		close(fd);
		return error_errno(err, NULL, _("cannot lock '%s'"), path);
	}
	lock->fd = fd;
	*out = lock;
	return true;
}

void lock_close(struct lock *lock)
{
	if (!lock)
		return;
	if (ftruncate(lock->fd, 0) != 0)
		errno = 0;
	close(lock->fd);
	free(lock);
}

bool lock_held(const char *path, char who[256])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (held && who)
		holder_read(fd, who);
	close(fd);
	return held;
}
