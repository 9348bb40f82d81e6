#include "config/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text.h"

struct lock {
	int fd;
};

/* The whole file, by an open file description lock: asking for it never takes it. */
static struct flock whole(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

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
	struct flock range = whole();
	char who[256];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err,
		    _("make the workspace writable for this account, then give the command again"),
		    _("cannot open the lock '%s'"), path);
	if (fcntl(fd, F_OFD_SETLK, &range) != 0) {
		bool busy = errno == EAGAIN || errno == EACCES;
		if (busy) {
			const char *todo = _("wait until it is done, or stop it");
			holder_read(fd, who);
			if (who[0])
				error_set(err, ERROR_BUSY, todo,
				    _("another process is at work here: pid %s"), who);
			else /* it has only just begun, or its disk is full */
				error_set(
				    err, ERROR_BUSY, todo, _("another process is at work here"));
		} else {
			error_errno(err, NULL, _("cannot lock '%s'"), path);
		}
		close(fd);
		return false;
	}
	int n = snprintf(who, sizeof who, "%ld %s\n", (long)getpid(), command);
	if (n >= (int)sizeof who)
		n = (int)text_cut(who, sizeof who - 1);
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
	struct flock range = whole();
	bool held = fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
	if (held && who)
		holder_read(fd, who);
	close(fd);
	return held;
}
