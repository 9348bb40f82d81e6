#include "config/file_number.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "config/text.h"

/* For messages: escaped, and cut where it is long. */
static void quote(const char *s, char *buf, size_t size)
{
	size_t n = text_escape(buf, size - 3, 0, s);

	if (n + 8 > size && n < strlen(s))
		memcpy(buf + n, "...", 4);
}

bool file_number_check(const char *number, struct error *err)
{
	const char *todo = _("a file number has 1 to 64 bytes of UTF-8 without control characters");
	size_t n = strlen(number);
	char shown[64], key[FILE_KEY_SIZE];

	quote(number, shown, sizeof shown);
	if (n == 0)
		return error_set(err, ERROR_INPUT, todo, _("the file number is empty"));
	if (n > FILE_NUMBER_SIZE - 1)
		return error_set(
		    err, ERROR_INPUT, todo, _("the file number '%s' has %zu bytes"), shown, n);
	if (!text_utf8(number, n))
		return error_set(
		    err, ERROR_INPUT, todo, _("the file number '%s' is not UTF-8"), shown);
	for (size_t i = 0; i < n;) {
		utf8proc_int32_t c;
		i += (size_t)utf8proc_iterate((const utf8proc_uint8_t *)number + i, -1, &c);
		utf8proc_category_t cat = utf8proc_category(c);
		if (cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_ZL ||
		    cat == UTF8PROC_CATEGORY_ZP)
			return error_set(err, ERROR_INPUT, todo,
			    _("the file number '%s' has a control character"), shown);
	}
	file_number_key(number, key);
	if (!key[0])
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

/* In place: leaves out blanks. True where one was there. */
static bool blanks_remove(utf8proc_uint8_t *text)
{
	utf8proc_uint8_t *to = text;
	bool found = false;

	for (const utf8proc_uint8_t *p = text; *p;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(p, -1, &c);
		if (n <= 0)
			break;
		if (utf8proc_category(c) == UTF8PROC_CATEGORY_ZS || c == '\t') {
			found = true;
		} else {
			memmove(to, p, (size_t)n);
			to += n;
		}
		p += n;
	}
	*to = '\0';
	return found;
}

void file_number_key(const char *number, char key[FILE_KEY_SIZE])
{
	const utf8proc_option_t options = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE |
	    UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
	utf8proc_uint8_t *folded = NULL, *again = NULL;

	key[0] = '\0';
	if (utf8proc_map((const utf8proc_uint8_t *)number, 0, &folded, options) < 0)
		goto done; /* not UTF-8: was not checked */
	/* Characters that a blank kept apart may compose now. */
	if (blanks_remove(folded) && utf8proc_map(folded, 0, &again, options) >= 0) {
		free(folded);
		folded = again;
	}
	if (strlen((char *)folded) < FILE_KEY_SIZE)
		strcpy(key, (char *)folded);
done:
	free(folded);
}

bool batch_name_check(const char *name, struct error *err)
{
	size_t n = strlen(name);
	bool ok =
	    n >= 1 && n <= 64 && (unsigned char)name[0] < 0x80 && isalnum((unsigned char)name[0]);
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
