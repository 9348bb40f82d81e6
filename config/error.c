#include "config/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/text.h"

static size_t text_put(char *dst, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static size_t text_put(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);

	if (n < 0) {
		dst[0] = '\0';
		return 0;
	}
	return (size_t)n < size ? (size_t)n : text_cut(dst, size - 1);
}

static void todo_put(struct error *err, const char *todo)
{
	snprintf(err->todo, sizeof err->todo, "%s", todo ? todo : "");
	if (todo && strlen(todo) >= sizeof err->todo)
		text_cut(err->todo, sizeof err->todo - 1);
}

/* The arguments may be texts of the very error that is filled: so it is filled at the end. */
bool error_set(struct error *err, enum error_kind kind, const char *todo, const char *what, ...)
{
	struct error made = {.kind = kind};
	va_list ap;

	if (!err)
		return false;
	va_start(ap, what);
	text_put(made.what, sizeof made.what, what, ap);
	va_end(ap);
	todo_put(&made, todo);
	*err = made;
	return false;
}

bool error_errno(struct error *err, const char *todo, const char *what, ...)
{
	int code = errno;
	struct error made = {.kind = ERROR_SYSTEM};
	char reason[128];
	va_list ap;

	if (!err)
		return false;
	/* The reason is what helps: what comes before it makes room. */
	snprintf(reason, sizeof reason, ": %s", strerror(code));
	va_start(ap, what);
	size_t n = text_put(made.what, sizeof made.what - strlen(reason), what, ap);
	va_end(ap);
	memcpy(made.what + n, reason, strlen(reason) + 1);
	todo_put(&made, todo);
	*err = made;
	return false;
}

bool error_where(struct error *err, const char *where, ...)
{
	char old[sizeof err->where];
	va_list ap;

	if (!err)
		return false;
	memcpy(old, err->where, sizeof old);
	va_start(ap, where);
	size_t n = text_put(err->where, sizeof err->where, where, ap);
	va_end(ap);
	if (old[0]) {
		int more = snprintf(err->where + n, sizeof err->where - n, ", %s", old);
		if (n + (size_t)more >= sizeof err->where)
			text_cut(err->where, sizeof err->where - 1);
	}
	return false;
}

const char *error_text(const struct error *err, char *buf, unsigned long size)
{
	size_t n = 0;

	assert(size > 0);
	buf[0] = '\0';
	if (err->where[0]) {
		n = text_escape(buf, size, n, err->where);
		n = text_escape(buf, size, n, ": ");
	}
	n = text_escape(buf, size, n, err->what);
	if (err->todo[0] && n + 2 < size) {
		buf[n++] = '\n';
		text_escape(buf, size, n, err->todo);
	}
	return buf;
}
