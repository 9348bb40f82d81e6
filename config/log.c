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

static size_t escape(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)src; *p && n + 5 < size; p++) {
		if (*p < 0x20 || *p == 0x7F)
			n += (size_t)snprintf(dst + n, size - n, "\\x%02x", *p);
		else
			dst[n++] = (char)*p;
	}
	dst[n] = '\0';
	return n;
}

void log_put(enum log_level level, const char *where, const char *text, ...)
{
	static const char *const names[] = {"note", "warning", "error"};
	char said[1024], line[2048], part[1400], stamp[32];
	struct timespec now;
	struct tm tm;
	va_list ap;

	va_start(ap, text);
	vsnprintf(said, sizeof said, text, ap);
	va_end(ap);
	if (log_fd < 0 && level == LOG_NOTE)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	size_t n = (size_t)snprintf(line, sizeof line, "%s.%03ldZ %ld %s ", stamp,
	    now.tv_nsec / 1000000, (long)getpid(), names[level]);
	if (where) {
		escape(part, sizeof part / 2, where);
		n += (size_t)snprintf(line + n, sizeof line - n, "%s: ", part);
	}
	escape(part, sizeof part, said);
	n += (size_t)snprintf(line + n, sizeof line - n, "%s\n", part);
	if (n >= sizeof line) {
		n = sizeof line - 1;
		line[n - 1] = '\n';
	}
	int fd = log_fd >= 0 ? log_fd : STDERR_FILENO;
	ssize_t done = write(fd, line, n);
	(void)done; /* nowhere left to say it */
}

bool log_take_stderr(struct error *err)
{
	int fd = log_fd >= 0 ? log_fd : open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return error_errno(err, NULL, _("cannot redirect standard error"));
	return true;
}
