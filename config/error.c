#include "config/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ends text after at most size - 1 bytes, at a whole UTF-8 character; wanted is its full length. */
static size_t text_cut(char *text, size_t size, size_t wanted)
{
	if (wanted < size)
		return wanted;
	size_t n = size - 1, lead = n;
	while (lead > 0 && n - lead < 4 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
		lead--;
	if (lead > 0) {
		unsigned char c = (unsigned char)text[lead - 1];
		size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
		if (c >= 0xC0 && n - (lead - 1) < length)
			n = lead - 1;
	}
	text[n] = '\0';
	return n;
}

static size_t text_put(char *dst, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static size_t text_put(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);

	if (n < 0) {
		dst[0] = '\0';
		return 0;
	}
	return text_cut(dst, size, (size_t)n);
}

static void todo_put(struct error *err, const char *todo)
{
	snprintf(err->todo, sizeof err->todo, "%s", todo ? todo : "");
	if (todo)
		text_cut(err->todo, sizeof err->todo, strlen(todo));
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
		text_cut(err->where, sizeof err->where, n + (size_t)more);
	}
	return false;
}

/*
 * Appends text at n with control characters as \xNN: those of ASCII, and U+0080 to U+009F, which
 * some terminals obey. Never half a character or half an escape.
 */
static size_t text_escape(char *buf, size_t size, size_t n, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t length = 1;
		bool control = *p < 0x20 || *p == 0x7F;
		if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) {
			control = true;
			length = 2;
		} else if (*p >= 0xC0) {
			while (length < 4 && (p[length] & 0xC0) == 0x80)
				length++;
		}
		if (n + (control ? 4 * length : length) >= size)
			break;
		for (size_t i = 0; i < length; i++) {
			if (control)
				n += (size_t)snprintf(buf + n, size - n, "\\x%02x", p[i]);
			else
				buf[n++] = (char)p[i];
		}
		p += length;
	}
	buf[n] = '\0';
	return n;
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
