/* The cover sheet's code as text. How it is drawn and read: cover_draw.c, cover_read.c. */
#include "scan/cover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/hash.h"

#define CHECK_DIGITS 8

static bool serial_ok(const char *s, size_t n)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-";

	if (n < 1 || n >= sizeof(((struct cover *)0)->serial))
		return false;
	return strspn(s, allowed) >= n;
}

static void check_digits(const char *text, size_t n, char digits[CHECK_DIGITS + 1])
{
	char hex[HASH_SIZE];

	hash_bytes(HASH_SHA256, text, n, hex);
	memcpy(digits, hex, CHECK_DIGITS);
	digits[CHECK_DIGITS] = '\0';
}

void cover_text(const struct cover *cover, char text[COVER_TEXT_SIZE])
{
	char escaped[FILE_ESCAPED_SIZE], digits[CHECK_DIGITS + 1];

	assert(file_number_check(cover->file_number, NULL));
	assert(cover->volume >= 1 && cover->volume <= COVER_VOLUME_MAX);
	assert(serial_ok(cover->serial, strlen(cover->serial)));
	file_number_escape(cover->file_number, escaped);
	int n = snprintf(
	    text, COVER_TEXT_SIZE, COVER_PREFIX "%s:%d:%s", escaped, cover->volume, cover->serial);
	assert(n > 0 && n + 1 + CHECK_DIGITS < COVER_TEXT_SIZE);
	check_digits(text, (size_t)n, digits);
	snprintf(text + n, COVER_TEXT_SIZE - (size_t)n, ":%s", digits);
}

/* One field up to the next colon or the end; *next is behind the colon, NULL at the end. */
static size_t field(const char *s, const char **next)
{
	size_t n = strcspn(s, ":");

	*next = s[n] ? s + n + 1 : NULL;
	return n;
}

static bool volume_parse(const char *s, size_t n, int *volume)
{
	int v = 0;

	if (n < 1 || n > 5 || s[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*volume = v;
	return true;
}

bool cover_parse(const char *text, struct cover *cover)
{
	struct cover found = {.prepared = -1};
	char escaped[FILE_ESCAPED_SIZE], digits[CHECK_DIGITS + 1];
	const char *number, *volume, *serial, *check, *end;
	size_t n_prefix = strlen(COVER_PREFIX), n, n_serial;

	if (strlen(text) >= COVER_TEXT_SIZE || strncmp(text, COVER_PREFIX, n_prefix) != 0)
		return false;
	number = text + n_prefix;
	n = field(number, &volume);
	if (!volume || n < 1 || n >= sizeof escaped)
		return false;
	memcpy(escaped, number, n);
	escaped[n] = '\0';
	if (!file_number_unescape(escaped, found.file_number))
		return false;
	n = field(volume, &serial);
	if (!serial || !volume_parse(volume, n, &found.volume))
		return false;
	n_serial = field(serial, &check);
	if (!check || !serial_ok(serial, n_serial))
		return false;
	memcpy(found.serial, serial, n_serial);
	n = field(check, &end);
	if (end || n != CHECK_DIGITS)
		return false;
	check_digits(text, (size_t)(check - 1 - text), digits);
	if (strcmp(check, digits) != 0)
		return false;
	*cover = found;
	return true;
}
