#include "batch/csv.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum { LIST_LIMIT_BYTES = 256 << 20 };

struct csv {
	FILE *file;
	char separator;
	bool windows;
	iconv_t to_utf8; /* (iconv_t)-1 unless windows */
	int64_t line;	 /* that is being read */
	char sha256[HASH_SIZE];
	char *row; /* the fields of a row, NUL-terminated one after the other */
	size_t n_row;
	size_t starts[CSV_COLUMNS];
	char *fields[CSV_COLUMNS];
	int n_fields;
};

/* Reads UTF-8 across chunks: what state is in the middle of a character. */
struct utf8_state {
	int left;
	unsigned char least, most; /* bounds of the next continuation byte */
};

static bool utf8_feed(struct utf8_state *state, unsigned char c)
{
	if (state->left > 0) {
		if (c < state->least || c > state->most)
			return false;
		state->left--;
		state->least = 0x80;
		state->most = 0xBF;
		return true;
	}
	state->least = 0x80;
	state->most = 0xBF;
	if (c < 0x80)
		return true;
	if (c >= 0xC2 && c <= 0xDF) {
		state->left = 1;
	} else if (c >= 0xE0 && c <= 0xEF) {
		state->left = 2;
		if (c == 0xE0)
			state->least = 0xA0;
		if (c == 0xED)
			state->most = 0x9F;
	} else if (c >= 0xF0 && c <= 0xF4) {
		state->left = 3;
		if (c == 0xF0)
			state->least = 0x90;
		if (c == 0xF4)
			state->most = 0x8F;
	} else {
		return false;
	}
	return true;
}

/* One look through all of it: hash, encoding, NUL bytes. */
static bool look_through(struct csv *csv, const char *path, struct error *err)
{
	enum { CHUNK_BYTES = 1 << 18 };
	unsigned char *chunk = malloc(CHUNK_BYTES);
	struct hash *hash = hash_open(HASH_SHA256);
	struct utf8_state state = {0};
	bool utf8 = true, ok = false;
	size_t n;

	if (!chunk) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	while ((n = fread(chunk, 1, CHUNK_BYTES, csv->file)) > 0) {
		hash_add(hash, chunk, n);
		if (memchr(chunk, '\0', n)) {
			error_set(err, ERROR_INPUT,
			    _("save the list as CSV from the spreadsheet program"),
			    _("'%s' is binary, not a CSV list"), path);
			goto done;
		}
		for (size_t i = 0; utf8 && i < n; i++)
			utf8 = utf8_feed(&state, chunk[i]);
	}
	if (ferror(csv->file)) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	csv->windows = !utf8 || state.left > 0;
	rewind(csv->file);
	ok = true;
done:
	hash_close(hash, csv->sha256);
	free(chunk);
	return ok;
}

/* "sep=;": the first line names the separator, and is no row. True where it does. */
static bool separator_named(struct csv *csv)
{
	char line[8] = "";
	size_t n = fread(line, 1, sizeof line - 1, csv->file);
	size_t end = strcspn(line, "\r\n");

	line[n] = '\0';
	if (strncasecmp(line, "sep=", 4) != 0 || end != 5 || !line[end])
		return false;
	csv->separator = line[4];
	fseek(csv->file,
	    (long)(end + (line[end] == '\r' && line[end + 1] == '\n' ? 2 : 1)) - (long)n, SEEK_CUR);
	csv->line = 2;
	return true;
}

/* The separator is the one of ; , and tab that the first line has most of, outside quotes. */
static void find_separator(struct csv *csv)
{
	static const char candidates[] = ";,\t";
	int found[3] = {0}, best = 0, c;
	bool quoted = false;

	while ((c = getc(csv->file)) != EOF && (quoted || (c != '\n' && c != '\r'))) {
		const char *at = c ? strchr(candidates, c) : NULL;
		if (c == '"')
			quoted = !quoted;
		else if (at && !quoted)
			found[at - candidates]++;
	}
	for (int i = 1; i < 3; i++)
		if (found[i] > found[best])
			best = i;
	csv->separator = candidates[best];
}

bool csv_open(const char *path, struct csv **out, struct error *err)
{
	struct csv *csv = calloc(1, sizeof *csv);
	bool ok = false;

	if (!csv)
		return error_errno(err, NULL, _("cannot read '%s'"), path);
	csv->to_utf8 = (iconv_t)-1;
	csv->line = 1;
	csv->file = fopen(path, "rbe");
	csv->row = malloc(CSV_ROW_BYTES + 4);
	if (!csv->file || !csv->row) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	/* A register of a million files has some 30 MiB: this is something else. */
	int64_t size = file_size_bytes(path);
	if (size > LIST_LIMIT_BYTES) {
		error_set(err, ERROR_INPUT,
		    _("name the list of files, as the authority's own system gives it out"),
		    _("'%s' has %lld MiB: that is no list of files"), path,
		    (long long)(size >> 20));
		goto done;
	}
	if (!look_through(csv, path, err))
		goto done;
	if (csv->windows) {
		csv->to_utf8 = iconv_open("UTF-8", "WINDOWS-1252");
		if (csv->to_utf8 == (iconv_t)-1) {
			error_errno(err, NULL, _("cannot convert '%s' from Windows-1252"), path);
			goto done;
		}
	}
	unsigned char bom[3];
	long from = fread(bom, 1, 3, csv->file) == 3 && memcmp(bom, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	fseek(csv->file, from, SEEK_SET);
	if (!separator_named(csv)) {
		fseek(csv->file, from, SEEK_SET);
		find_separator(csv);
		fseek(csv->file, from, SEEK_SET);
	}
	*out = csv;
	csv = NULL;
	ok = true;
done:
	csv_close(csv);
	return ok;
}

void csv_close(struct csv *csv)
{
	if (!csv)
		return;
	if (csv->file)
		fclose(csv->file);
	if (csv->to_utf8 != (iconv_t)-1)
		iconv_close(csv->to_utf8);
	free(csv->row);
	free(csv);
}

const char *csv_sha256(const struct csv *csv)
{
	return csv->sha256;
}

bool csv_windows(const struct csv *csv)
{
	return csv->windows;
}

/* One byte of the file as UTF-8 into the row. The five bytes that Windows-1252 leaves open become
 * U+FFFD. */
static bool put(struct csv *csv, int c)
{
	char in = (char)c, *from = &in, *to = csv->row + csv->n_row;
	size_t n_in = 1, room = CSV_ROW_BYTES - csv->n_row;

	if (room < 4)
		return false;
	if (!csv->windows || c < 0x80) {
		csv->row[csv->n_row++] = in;
		return true;
	}
	if (iconv(csv->to_utf8, &from, &n_in, &to, &room) == (size_t)-1) {
		memcpy(csv->row + csv->n_row, "\xEF\xBF\xBD", 3);
		csv->n_row += 3;
	} else {
		csv->n_row = (size_t)(to - csv->row);
	}
	return true;
}

/* Counts lines: LF, CRLF and CR alone each end one. */
static int get(struct csv *csv)
{
	int c = getc(csv->file);

	if (c == '\r') {
		int next = getc(csv->file);
		if (next != '\n' && next != EOF)
			ungetc(next, csv->file);
		c = '\n';
	}
	if (c == '\n')
		csv->line++;
	return c;
}

enum row_fault {
	ROW_FINE,
	ROW_LONG,
	ROW_WIDE,
	ROW_UNCLOSED,
};

/* Reads one row into csv->row. Of a bad one the rest of its line is passed over. */
static enum row_fault row_read(struct csv *csv, bool *end)
{
	enum row_fault fault = ROW_FINE;
	bool quoted = false, first = true;
	int c;

	csv->n_row = 0;
	csv->n_fields = 0;
	*end = false;
	while (true) {
		c = get(csv);
		if (c == EOF && csv->n_fields == 0 && first) {
			*end = true;
			return ROW_FINE;
		}
		if (first) {
			if (csv->n_fields == CSV_COLUMNS)
				fault = ROW_WIDE;
			else
				csv->starts[csv->n_fields++] = csv->n_row;
			first = false;
			if (c == '"') {
				quoted = true;
				continue;
			}
		}
		if (quoted) {
			if (c == EOF)
				return ROW_UNCLOSED;
			if (c == '"') {
				c = get(csv);
				if (c != '"')
					quoted = false;
			}
			if (quoted) {
				if (fault == ROW_FINE && !put(csv, c))
					fault = ROW_LONG;
				continue;
			}
		}
		if (c == csv->separator || c == '\n' || c == EOF) {
			if (csv->n_row >= CSV_ROW_BYTES && fault == ROW_FINE)
				fault = ROW_LONG;
			if (fault == ROW_FINE)
				csv->row[csv->n_row++] = '\0';
			if (c != csv->separator)
				return fault;
			first = true;
			continue;
		}
		if (fault == ROW_FINE && !put(csv, c))
			fault = ROW_LONG;
	}
}

bool csv_next(struct csv *csv, struct csv_row *row, bool *more, struct error *err)
{
	for (;;) {
		int64_t line = csv->line;
		bool end;
		enum row_fault fault = row_read(csv, &end);

		if (end) {
			if (ferror(csv->file))
				return error_errno(err, NULL, _("cannot read the list"));
			*more = false;
			return true;
		}
		row->line = line;
		*more = true;
		switch (fault) {
		case ROW_LONG:
			return error_set(err, ERROR_INPUT,
			    _("look for a quote that is never closed"),
			    _("line %lld is longer than 1 MiB"), (long long)line);
		case ROW_WIDE:
			return error_set(err, ERROR_INPUT, NULL,
			    _("line %lld has more than %d columns"), (long long)line, CSV_COLUMNS);
		case ROW_UNCLOSED:
			return error_set(err, ERROR_INPUT, _("close the quote"),
			    _("line %lld has a quote that is never closed"), (long long)line);
		case ROW_FINE: break;
		}
		if (csv->n_fields == 1 && csv->row[0] == '\0')
			continue; /* an empty line */
		for (int i = 0; i < csv->n_fields; i++)
			csv->fields[i] = csv->row + csv->starts[i];
		row->n = csv->n_fields;
		row->fields = csv->fields;
		return true;
	}
}

/* What a spreadsheet would take for a formula, also behind blanks, also in its full-width form. */
static bool formula_like(const char *text)
{
	static const char *const wide_forms[] = {"＝", "＋", "－", "＠"};
	const char *p = text;

	if (*p == '\t' || *p == '\r' || *p == '\n')
		return true;
	while (*p == ' ' || strncmp(p, "\xC2\xA0", 2) == 0)
		p += *p == ' ' ? 1 : 2;
	for (int i = 0; i < 4; i++)
		if (strncmp(p, wide_forms[i], strlen(wide_forms[i])) == 0)
			return true;
	return *p && strchr("=+-@\t\r\n", *p) != NULL;
}

struct csv_writer {
	FILE *file;
	char *text;
	size_t n_bytes;
	int column;
};

struct csv_writer *csv_writer_open(void)
{
	struct csv_writer *out = calloc(1, sizeof *out);

	if (!out || !(out->file = open_memstream(&out->text, &out->n_bytes)))
		abort(); /* not even room for a list's first line */
	fputs("\xEF\xBB\xBF", out->file);
	return out;
}

char *csv_writer_close(struct csv_writer *out)
{
	char *text;

	if (ferror(out->file) || fclose(out->file) != 0)
		abort(); /* no memory for one list */
	text = out->text;
	free(out);
	return text;
}

void csv_text(struct csv_writer *out, const char *text)
{
	bool formula, quote;

	if (out->column++ > 0)
		putc(';', out->file);
	if (!text || !*text)
		return;
	formula = formula_like(text);
	quote = formula || strpbrk(text, ";,\"\r\n\t") != NULL || text[0] == ' ';
	if (!quote) {
		fputs(text, out->file);
		return;
	}
	putc('"', out->file);
	if (formula)
		putc('\'', out->file); /* the spreadsheet's own mark for "this is text" */
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			putc('"', out->file);
		putc(*p, out->file);
	}
	putc('"', out->file);
}

void csv_number(struct csv_writer *out, int64_t number)
{
	if (out->column++ > 0)
		putc(';', out->file);
	fprintf(out->file, "%lld", (long long)number);
}

void csv_decimal(struct csv_writer *out, const char *decimal)
{
	assert(strspn(decimal, "-0123456789.,") == strlen(decimal));
	if (out->column++ > 0)
		putc(';', out->file);
	fputs(decimal, out->file);
}

void csv_end(struct csv_writer *out)
{
	fputs("\r\n", out->file);
	out->column = 0;
}
