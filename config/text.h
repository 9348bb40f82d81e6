/*
 * The texts that people read, in German or English by locale (gettext, domain "altakt",
 * catalogues in config/po). JSON, CSV headers, codes and the log's structure are never translated.
 */
#ifndef ALTAKT_CONFIG_TEXT_H
#define ALTAKT_CONFIG_TEXT_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>

#define _(s)		gettext(s)
#define N_(s)		s
#define PLURAL(s, p, n) ngettext(s, p, (unsigned long)(n))

/* Sets the locale from the environment and finds the catalogues, installed or in the build tree. */
void text_open(void);

/* True where messages are German: numbers and dates for people are then written the German way. */
bool text_german(void);

/* Things that a person reads a number of: "1 sheet", "2 sheets". */
enum text_things {
	TEXT_FILES, /* case files */
	TEXT_SHEETS,
	TEXT_PAGES,
	TEXT_IMAGES,
	TEXT_BATCHES,
	TEXT_COVERS,
	TEXT_BUNDLES,
	TEXT_TIMESTAMPS,
	TEXT_SEALS,
};

enum { TEXT_COUNT = 64 };

/* Writes n of these into buf, in the locale's language, and gives buf. */
const char *text_count(enum text_things what, long long n, char buf[TEXT_COUNT]);

/* True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_utf8(const char *s, size_t n);

/*
 * Ends text at or before n_bytes, at a whole UTF-8 character, and gives its new length. text must
 * have room for a NUL at n_bytes.
 */
size_t text_cut(char *text, size_t n_bytes);

/*
 * The width to give to printf's "%-*s" or "%*s", which count bytes, so that text fills this many
 * columns of a terminal. Text that is longer stands as it is; a byte that is no UTF-8 is a column.
 */
int text_width(const char *text, int columns);

/*
 * Appends text at buf[n] for a terminal or a log, gives the new length. Control characters become
 * \xNN: those of ASCII, and U+0080 to U+009F, which some terminals obey; so does every byte that
 * is no UTF-8. What does not fit is left out, never half a character or half an escape.
 */
size_t text_escape(char *buf, size_t size, size_t n, const char *text);

#endif
