#include "config/file_number.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "config/text.h"

static void quote(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (n + 12 > size) {
			n += (size_t)snprintf(buf + n, size - n, "...");
			break;
		}
		if (*p < 0x20 || *p >= 0x7F)
			n += (size_t)snprintf(buf + n, size - n, "\\x%02x", *p);
		else
			buf[n++] = (char)*p;
	}
	buf[n] = '\0';
}

bool file_number_check(const char *number, struct error *err)
{
	const char *todo = _("a file number has 1 to 64 bytes of UTF-8 without control characters");
	size_t n = strlen(number);
	char shown[64];

	quote(number, shown, sizeof shown);
	if (n == 0)
		return error_set(err, ERROR_INPUT, todo, _("the file number is empty"));
	if (n > FILE_NUMBER_SIZE - 1)
		return error_set(
		    err, ERROR_INPUT, todo, _("the file number '%s' has %zu bytes"), shown, n);
	if (!text_utf8(number, n))
		return error_set(
		    err, ERROR_INPUT, todo, _("the file number '%s' is not UTF-8"), shown);
	bool blank = true;
	for (size_t i = 0; i < n;) {
		utf8proc_int32_t c;
		i += (size_t)utf8proc_iterate((const utf8proc_uint8_t *)number + i, -1, &c);
		utf8proc_category_t cat = utf8proc_category(c);
		if (cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_ZL ||
		    cat == UTF8PROC_CATEGORY_ZP)
			return error_set(err, ERROR_INPUT, todo,
			    _("the file number '%s' has a control character"), shown);
		blank = blank && cat == UTF8PROC_CATEGORY_ZS;
	}
	if (blank)
		return error_set(err, ERROR_INPUT, todo, _("the file number is only blanks"));
	return true;
}

static bool plain(unsigned char c, bool first)
{
	return (c < 0x80 && isalnum(c)) || c == '-' || c == '_' || (c == '.' && !first);
}

void file_number_escape(const char *number, char escaped[FILE_ESCAPED_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; number[i] && n + 4 <= FILE_ESCAPED_SIZE; i++) {
		unsigned char c = (unsigned char)number[i];
		if (plain(c, i == 0))
			escaped[n++] = (char)c;
		else
			n += (size_t)snprintf(escaped + n, FILE_ESCAPED_SIZE - n, "=%02X", c);
	}
	escaped[n] = '\0';
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool file_number_unescape(const char *escaped, char number[FILE_NUMBER_SIZE])
{
	char back[FILE_ESCAPED_SIZE];
	size_t n = 0;

	for (const char *p = escaped; *p; n++) {
		if (n + 1 >= FILE_NUMBER_SIZE)
			return false;
		if (*p != '=') {
			number[n] = *p++;
			continue;
		}
		int high = nibble(p[1]), low = high < 0 ? -1 : nibble(p[2]);
		if (low < 0 || (high | low) == 0)
			return false;
		number[n] = (char)(high << 4 | low);
		p += 3;
	}
	number[n] = '\0';
	if (!file_number_check(number, NULL))
		return false;
	file_number_escape(number, back);
	return strcmp(back, escaped) == 0;
}

void file_number_key(const char *number, char key[FILE_KEY_SIZE])
{
	utf8proc_uint8_t *folded = NULL;
	size_t n = 0;

	utf8proc_ssize_t k = utf8proc_map((const utf8proc_uint8_t *)number, 0, &folded,
	    UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
	const utf8proc_uint8_t *p = k >= 0 ? folded : (const utf8proc_uint8_t *)number;
	while (*p) {
		utf8proc_int32_t c;
		utf8proc_ssize_t len = utf8proc_iterate(p, -1, &c);
		if (len <= 0)
			break;
		if (utf8proc_category(c) != UTF8PROC_CATEGORY_ZS && c != '\t') {
			if (n + (size_t)len >= FILE_KEY_SIZE)
				break;
			memcpy(key + n, p, (size_t)len);
			n += (size_t)len;
		}
		p += len;
	}
	key[n] = '\0';
	free(folded);
}

bool batch_name_check(const char *name, struct error *err)
{
	size_t n = strlen(name);
	bool ok = n >= 1 && n <= 64 && (unsigned char)name[0] < 0x80 && isalnum((unsigned char)name[0]);
	char shown[64];

	for (size_t i = 0; ok && i < n; i++)
		ok = (unsigned char)name[i] < 0x80 &&
		     (isalnum((unsigned char)name[i]) || strchr("._-", name[i]));
	if (ok)
		return true;
	quote(name, shown, sizeof shown);
	return error_set(err, ERROR_USAGE,
	    _("a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit"),
	    _("'%s' is no name for a batch or station"), shown);
}
