#include "config/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/text.h"

static int log_fd = -1;

bool log_open(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err, _("make the workspace writable for this account"),
		    _("cannot open the log '%s'"), path);
	log_close();
	log_fd = fd;
	return true;
}

void log_close(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

void log_put(enum log_level level, const char *where, const char *text, ...)
{
	static const char *const names[] = {"note", "warning", "error"};
	int fd = log_fd >= 0 ? log_fd : STDERR_FILENO;
	int code = errno;
	char said[1024], line[2048], stamp[32];
	struct timespec now;
	struct tm tm;
	va_list ap;

	if (log_fd < 0 && level == LOG_NOTE)
		return;
	va_start(ap, text);
	int wanted = vsnprintf(said, sizeof said, text, ap);
	va_end(ap);
	if (wanted < 0)
		said[0] = '\0';
	else if ((size_t)wanted >= sizeof said)
		text_cut(said, sizeof said - 1);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	size_t n = (size_t)snprintf(line, sizeof line, "%s.%03ldZ %ld %s ", stamp,
	    now.tv_nsec / 1000000, (long)getpid(), names[level]);
	if (where) {
		/* A place that is too long must not push the text out. */
		n = text_escape(line, sizeof line / 2, n, where);
		n = text_escape(line, sizeof line, n, ": ");
	}
	n = text_escape(line, sizeof line - 1, n, said);
	line[n++] = '\n';
	/* Once, and whole: entries of several processes do not mix. Nowhere left to say a failure.
	 */
	ssize_t done = write(fd, line, n);
	(void)done;
	errno = code;
}

bool log_take_stderr(struct error *err)
{
	int fd = log_fd >= 0 ? log_fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && dup2(fd, STDERR_FILENO) >= 0;

	if (!ok)
		error_errno(err, NULL, _("cannot redirect standard error"));
	if (fd >= 0 && fd != log_fd && fd != STDERR_FILENO)
		close(fd);
	return ok;
}
