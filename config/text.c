#include "config/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#ifndef ALTAKT_LOCALE_BUILD
#define ALTAKT_LOCALE_BUILD ""
#endif
#ifndef ALTAKT_LOCALE_DIR
#define ALTAKT_LOCALE_DIR "/usr/local/share/locale"
#endif

void text_open(void)
{
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* figures are written by our own code */
	const char *dir = ALTAKT_LOCALE_DIR;
	if (ALTAKT_LOCALE_BUILD[0] && access(ALTAKT_LOCALE_BUILD, R_OK) == 0)
		dir = ALTAKT_LOCALE_BUILD;
	bindtextdomain("altakt", dir);
	bind_textdomain_codeset("altakt", "UTF-8");
	textdomain("altakt");
}

bool text_german(void)
{
	return strcmp(gettext("language-code"), "de") == 0;
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
