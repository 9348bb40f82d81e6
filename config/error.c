#include "config/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_put(char *dst, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* Cuts at a whole UTF-8 character. */
static void text_cut(char *text, size_t size, size_t wanted)
{
	if (wanted < size)
		return;
	size_t n = size - 1;
	while (n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0xC0)
		n--;
	text[n] = '\0';
}

static void text_put(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);
	if (n < 0)
		dst[0] = '\0';
	else
		text_cut(dst, size, (size_t)n);
}

static void todo_put(struct error *err, const char *todo)
{
	snprintf(err->todo, sizeof err->todo, "%s", todo ? todo : "");
	if (todo)
		text_cut(err->todo, sizeof err->todo, strlen(todo));
}

bool error_set(struct error *err, enum error_kind kind, const char *todo, const char *what, ...)
{
	va_list ap;

	if (!err)
		return false;
	err->kind = kind;
	err->where[0] = '\0';
	va_start(ap, what);
	text_put(err->what, sizeof err->what, what, ap);
	va_end(ap);
	todo_put(err, todo);
	return false;
}

bool error_errno(struct error *err, const char *todo, const char *what, ...)
{
	int code = errno;
	va_list ap;

	if (!err)
		return false;
	err->kind = ERROR_SYSTEM;
	err->where[0] = '\0';
	va_start(ap, what);
	text_put(err->what, sizeof err->what, what, ap);
	va_end(ap);
	size_t n = strlen(err->what);
	snprintf(err->what + n, sizeof err->what - n, ": %s", strerror(code));
	todo_put(err, todo);
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
	text_put(err->where, sizeof err->where, where, ap);
	va_end(ap);
	size_t n = strlen(err->where);
	if (old[0])
		snprintf(err->where + n, sizeof err->where - n, ", %s", old);
	return false;
}

static size_t text_escape(char *buf, size_t size, size_t n, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 < size; p++) {
		if (*p < 0x20 || *p == 0x7F)
			n += (size_t)snprintf(buf + n, size - n, "\\x%02x", *p);
		else
			buf[n++] = (char)*p;
	}
	buf[n] = '\0';
	return n;
}

const char *error_text(const struct error *err, char *buf, unsigned long size)
{
	size_t n = 0;

	buf[0] = '\0';
	if (err->where[0]) {
		n = text_escape(buf, size, n, err->where);
		n = text_escape(buf, size, n, ": ");
	}
	n = text_escape(buf, size, n, err->what);
	if (err->todo[0] && n + 4 < size) {
		buf[n++] = '\n';
		text_escape(buf, size, n, err->todo);
	}
	return buf;
}
