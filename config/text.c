#include "config/text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#include "config/file.h"
#include "config/shipped.h"

#ifndef ALTAKT_LOCALE_BUILD
#define ALTAKT_LOCALE_BUILD ""
#endif
#ifndef ALTAKT_LOCALE_DIR
#define ALTAKT_LOCALE_DIR "/usr/local/share/locale"
#endif

/*
 * A German locale is asked for that this machine has not generated, as on small installations: the
 * texts are German all the same, which gettext does under any locale but "C".
 */
static void locale_stand_in(void)
{
	const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (!value || !value[0])
			continue;
		if (strncmp(value, "de_", 3) == 0 && setlocale(LC_ALL, "C.UTF-8"))
			setenv("LANGUAGE", "de", 0);
		return;
	}
}

void text_open(void)
{
	if (!setlocale(LC_ALL, ""))
		locale_stand_in();
	setlocale(LC_NUMERIC, "C"); /* figures are written by our own code */
	char *prefix = shipped_prefix(), *moved = file_path("%s/share/locale", prefix);
	char *there = file_path("%s/de/LC_MESSAGES/altakt.mo", moved);
	const char *dir = ALTAKT_LOCALE_DIR;
	if (access(there, R_OK) == 0)
		dir = moved;
	else if (ALTAKT_LOCALE_BUILD[0] && access(ALTAKT_LOCALE_BUILD, R_OK) == 0)
		dir = ALTAKT_LOCALE_BUILD;
	bindtextdomain("altakt", dir);
	free(there);
	free(moved);
	free(prefix);
	bind_textdomain_codeset("altakt", "UTF-8");
	textdomain("altakt");
}

bool text_german(void)
{
	return strcmp(gettext("language-code"), "de") == 0;
}

const char *text_count(enum text_things what, long long n, char buf[TEXT_COUNT])
{
	buf[0] = '\0';
	switch (what) {
	case TEXT_FILES: snprintf(buf, TEXT_COUNT, PLURAL("%lld file", "%lld files", n), n); break;
	case TEXT_SHEETS:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld sheet", "%lld sheets", n), n);
		break;
	case TEXT_PAGES: snprintf(buf, TEXT_COUNT, PLURAL("%lld page", "%lld pages", n), n); break;
	case TEXT_IMAGES:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld image", "%lld images", n), n);
		break;
	case TEXT_BATCHES:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld batch", "%lld batches", n), n);
		break;
	case TEXT_COVERS:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld cover sheet", "%lld cover sheets", n), n);
		break;
	case TEXT_BUNDLES:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld bundle", "%lld bundles", n), n);
		break;
	case TEXT_TIMESTAMPS:
		snprintf(buf, TEXT_COUNT, PLURAL("%lld timestamp", "%lld timestamps", n), n);
		break;
	case TEXT_SEALS: snprintf(buf, TEXT_COUNT, PLURAL("%lld seal", "%lld seals", n), n); break;
	}
	return buf;
}

bool text_utf8(const char *s, size_t n)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;

	while (n > 0) {
		utf8proc_int32_t c;
		utf8proc_ssize_t k = utf8proc_iterate(p, (utf8proc_ssize_t)n, &c);
		if (k <= 0 || c < 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

size_t text_cut(char *text, size_t n_bytes)
{
	size_t lead = n_bytes;

	while (lead > 0 && n_bytes - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
		lead--;
	if (lead > 0) {
		unsigned char c = (unsigned char)text[lead - 1];
		size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
		if (n_bytes - (lead - 1) < length)
			n_bytes = lead - 1;
	}
	text[n_bytes] = '\0';
	return n_bytes;
}

int text_width(const char *text, int columns)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
	int bytes = 0, used = 0;

	while (*p) {
		utf8proc_int32_t c;
		utf8proc_ssize_t k = utf8proc_iterate(p, -1, &c);
		used += k > 0 ? utf8proc_charwidth(c) : 1;
		k = k > 0 ? k : 1;
		bytes += (int)k;
		p += k;
	}
	return columns + bytes - used;
}

size_t text_escape(char *buf, size_t size, size_t n, const char *text)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;

	while (*p) {
		utf8proc_int32_t c;
		utf8proc_ssize_t k = utf8proc_iterate(p, -1, &c);
		size_t length = k > 0 ? (size_t)k : 1;
		bool escaped = k <= 0 || c < 0x20 || (c >= 0x7F && c < 0xA0);
		if (n + (escaped ? 4 * length : length) >= size)
			break;
		for (size_t i = 0; i < length; i++) {
			if (escaped)
				n += (size_t)snprintf(buf + n, size - n, "\\x%02x", p[i]);
			else
				buf[n++] = (char)p[i];
		}
		p += length;
	}
	buf[n] = '\0';
	return n;
}
