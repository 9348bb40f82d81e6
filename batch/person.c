#include "batch/person.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BESIDE_MS 100

bool person_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool person_ask(const char *text, const char *question, void (*beside)(void *self), void *self,
    const volatile bool *stop, char answer[PERSON_ANSWER_SIZE])
{
	struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[256];

	if (!person_there())
		return false;
	fprintf(stderr, "\n%s\n%s", text, question);
	for (;;) {
		if (*stop)
			return false;
		int ready = poll(&terminal, 1, BESIDE_MS);
		if (ready < 0 && errno != EINTR)
			return false;
		if (ready > 0)
			break;
		if (beside)
			beside(self);
	}
	ssize_t n = read(STDIN_FILENO, line, sizeof line); /* a terminal gives a line at a time */
	if (n <= 0 || *stop)
		return false;
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	const char *from = line;
	while (n > 0 && isspace((unsigned char)*from)) {
		from++;
		n--;
	}
	snprintf(answer, PERSON_ANSWER_SIZE, "%.*s", (int)n, from);
	return true;
}
