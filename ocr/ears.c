#include "ocr/ears.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/log.h"

#define SAID_LIMIT 4096 /* of what libraries print about one page */

struct ears ears_open(void)
{
	struct ears ears = {-1, memfd_create("said", MFD_CLOEXEC)};

	if (ears.said_fd < 0)
		return ears;
	fflush(stderr);
	ears.kept_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(ears.said_fd, STDERR_FILENO);
	return ears;
}

void ears_close(struct ears ears, const char *where, char *said, size_t size)
{
	char text[SAID_LIMIT];
	ssize_t n;

	if (said)
		*said = '\0';
	if (ears.said_fd < 0)
		return;
	fflush(stderr);
	if (ears.kept_fd >= 0) {
		dup2(ears.kept_fd, STDERR_FILENO);
		close(ears.kept_fd);
	} else {
		close(STDERR_FILENO); /* it was closed before, and is again */
	}
	n = pread(ears.said_fd, text, sizeof text - 1, 0);
	close(ears.said_fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!*line)
			continue;
		log_put(LOG_NOTE, where, "%s", line);
		if (said && !*said)
			snprintf(said, size, "%s", line);
	}
}
