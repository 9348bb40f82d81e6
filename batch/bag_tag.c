#include "batch/bag_tag.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/file.h"
#include "config/text.h"

enum {
	TAG_FILE_BYTES_MAX = 256 << 20,
	LABELS_MAX = 10000,
};

void bag_text_release(struct bag_text *text)
{
	free(text->data);
	free(text->lines);
	*text = (struct bag_text){0};
}

/* From encoding to UTF-8 by iconv. Takes data; NULL where it is not of that encoding. */
static char *decode(char *data, size_t *n_bytes, const char *encoding)
{
	iconv_t cd = iconv_open("UTF-8", encoding);
	size_t left = *n_bytes, room = 4 * *n_bytes + 16, space = room;
	char *out = NULL, *from = data, *to;

	if (cd == (iconv_t)-1)
		goto done;
	out = to = malloc(room + 1);
	if (!out)
		goto done;
	if (iconv(cd, &from, &left, &to, &space) == (size_t)-1 ||
	    iconv(cd, NULL, NULL, &to, &space) == (size_t)-1) {
		free(out);
		out = NULL;
		goto done;
	}
	*n_bytes = room - space;
	out[*n_bytes] = '\0';
done:
	if (cd != (iconv_t)-1)
		iconv_close(cd);
	free(data);
	return out;
}

static bool split(struct bag_text *text, size_t n)
{
	size_t lines = 1;
	char *p = text->data, *end = p + n;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n' || p[i] == '\r';
	text->lines = calloc(lines, sizeof *text->lines);
	if (!text->lines)
		return false;
	while (p < end) {
		char *stop = p + strcspn(p, "\r\n");
		text->lines[text->n_lines++] = p;
		p = stop + 1 + (stop < end && stop[0] == '\r' && stop[1] == '\n');
		*stop = '\0';
	}
	return true;
}

bool bag_text_read(const char *path, const char *encoding, struct bag_text *out, struct error *err)
{
	struct bag_text text = {0};
	struct error why = {0};
	size_t n = 0;
	bool utf8 = strcasecmp(encoding, "UTF-8") == 0 || strcasecmp(encoding, "UTF8") == 0;

	text.data = file_read(path, TAG_FILE_BYTES_MAX, &n, &why);
	if (!text.data)
		return error_set(
		    err, why.kind == ERROR_INPUT ? ERROR_CHECK : why.kind, NULL, "%s", why.what);
	if (!utf8)
		text.data = decode(text.data, &n, encoding);
	if (!text.data || !text_utf8(text.data, n) || memchr(text.data, '\0', n)) {
		error_set(err, ERROR_CHECK, NULL, _("'%s' is not text in %s"), path, encoding);
		goto done;
	}
	/* A mark at the beginning is not part of the first line. */
	if (n >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
		n -= 3;
		memmove(text.data, text.data + 3, n + 1);
	}
	if (!split(&text, n)) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
		goto done;
	}
	*out = text;
	return true;
done:
	bag_text_release(&text);
	return false;
}

bool bag_declaration_read(const char *path, char version[8], char encoding[32], struct error *err)
{
	static const char *const versions[] = {"0.93", "0.94", "0.95", "0.96", "0.97", "1.0"};
	static const char first[] = "BagIt-Version: ", second[] = "Tag-File-Character-Encoding: ";
	struct bag_text text = {0};
	size_t n = 0;
	bool ok = false;
	char *raw = file_read(path, 4096, &n, err);

	if (!raw) {
		if (err)
			err->kind = ERROR_CHECK;
		return false;
	}
	bool mark = n >= 3 && memcmp(raw, "\xef\xbb\xbf", 3) == 0;
	free(raw);
	if (mark)
		return error_set(
		    err, ERROR_CHECK, NULL, _("'%s' begins with a byte order mark"), path);
	if (!bag_text_read(path, "UTF-8", &text, err))
		return false;
	if (text.n_lines != 2 || strncmp(text.lines[0], first, sizeof first - 1) != 0 ||
	    strncmp(text.lines[1], second, sizeof second - 1) != 0) {
		error_set(err, ERROR_CHECK, NULL,
		    _("'%s' does not hold the two lines that declare a bag"), path);
		goto done;
	}
	const char *v = text.lines[0] + sizeof first - 1, *e = text.lines[1] + sizeof second - 1;
	size_t i = 0;
	while (i < sizeof versions / sizeof *versions && strcmp(v, versions[i]) != 0)
		i++;
	if (i == sizeof versions / sizeof *versions) {
		error_set(
		    err, ERROR_CHECK, NULL, _("'%s' names no version of BagIt: '%s'"), path, v);
		goto done;
	}
	if (e[0] == '\0' || strlen(e) > 31 ||
	    e[strspn(e,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_.:")]) {
		error_set(err, ERROR_CHECK, NULL, _("'%s' names no encoding: '%s'"), path, e);
		goto done;
	}
	iconv_t cd = iconv_open("UTF-8", e);
	if (cd == (iconv_t)-1) {
		error_set(err, ERROR_CHECK, NULL, _("'%s' names no known encoding: '%s'"), path, e);
		goto done;
	}
	iconv_close(cd);
	strcpy(version, v);
	strcpy(encoding, e);
	ok = true;
done:
	bag_text_release(&text);
	return ok;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t');)
		s[--n] = '\0';
	return s;
}

static bool label_add(struct bag_report *report, const char *label, const char *value)
{
	if (report->n_labels % 32 == 0) {
		struct bag_label *more =
		    realloc(report->labels, (report->n_labels + 32) * sizeof *more);
		if (!more)
			return false;
		report->labels = more;
	}
	struct bag_label *l = &report->labels[report->n_labels];
	l->label = strdup(label);
	l->value = strdup(value);
	if (!l->label || !l->value) {
		free(l->label);
		free(l->value);
		return false;
	}
	report->n_labels++;
	return true;
}

bool bag_info_read(const char *path, struct bag_report *report, struct error *err)
{
	struct bag_text text = {0};
	bool ok = false;

	if (!bag_text_read(path, report->encoding, &text, err))
		return false;
	for (size_t i = 0; i < text.n_lines; i++) {
		char *line = text.lines[i], *colon;
		bool added;
		if (line[strspn(line, " \t")] == '\0')
			continue;
		if ((line[0] == ' ' || line[0] == '\t') && report->n_labels > 0) {
			struct bag_label *l = &report->labels[report->n_labels - 1];
			char *whole = file_path("%s %s", l->value, trim(line));
			free(l->value);
			l->value = whole;
			continue;
		}
		colon = strchr(line, ':');
		if (!colon || colon == line || report->n_labels >= LABELS_MAX) {
			error_set(err, ERROR_CHECK, NULL,
			    _("'%s', line %zu is not of the form 'Label: value'"), path, i + 1);
			goto done;
		}
		*colon = '\0';
		added = label_add(report, trim(line), trim(colon + 1));
		if (!added) {
			error_set(
			    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
			goto done;
		}
	}
	ok = true;
done:
	bag_text_release(&text);
	return ok;
}

bool bag_line_split(char *line, char **hash, char **name, bool *star)
{
	size_t n = strcspn(line, " \t");

	if (n == 0 || line[n] == '\0')
		return false;
	*hash = line;
	line[n] = '\0';
	*name = line + n + 1;
	*name += strspn(*name, " \t");
	/* md5sum marks what it read as binary */
	*star = **name == '*';
	*name += *star;
	return **name != '\0';
}

bool bag_name_check(char **name, bool *dotted)
{
	char *n = *name;

	*dotted = false;
	while (n[0] == '.' && n[1] == '/') {
		*dotted = true;
		n += 2;
	}
	*name = n;
	if (n[0] == '/' || n[0] == '~' || n[0] == '\\' || n[0] == '\0')
		return false;
	if (isalpha((unsigned char)n[0]) && n[1] == ':')
		return false;
	for (const char *part = n; part;) {
		size_t length = strcspn(part, "/\\");
		if (length == 0 || (length == 1 && part[0] == '.') ||
		    (length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part = part[length] ? part + length + 1 : NULL;
	}
	return true;
}

char *bag_name_decode(const char *name, bool percent)
{
	char *out = strdup(name), *to = out;

	if (!out)
		return NULL;
	for (const char *p = name; *p;) {
		if (strncasecmp(p, "%0a", 3) == 0 || strncasecmp(p, "%0d", 3) == 0) {
			*to++ = (p[2] | 0x20) == 'a' ? '\n' : '\r';
			p += 3;
		} else if (percent && strncmp(p, "%25", 3) == 0) {
			*to++ = '%';
			p += 3;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	return out;
}
