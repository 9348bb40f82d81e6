#include "config/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum key_type {
	KEY_TEXT,
	KEY_INT,
	KEY_NUMBER,
	KEY_BOOL,
	KEY_DECIMAL, /* money and rates: text that only batch/money.c turns into a number */
	KEY_CHOICE,  /* one of the words in choices */
	KEY_NAME,    /* a batch or station name */
	KEY_DATE,    /* YYYY-MM-DD, or nothing */
};

struct key {
	const char *name;
	enum key_type type;
	const char *standard;
	double least, most;
	const char *choices; /* "a|b|c" */
	bool guarded;        /* counting, rates, review, roles, retention: not for --set */
};

/* Every setting there is. altakt.ini explains each; keep the two in the same order. */
static const struct key keys[] = {
    {"station.name", KEY_NAME, "st1"},
    {"station.operator", KEY_TEXT, ""},
    {"station.organisation", KEY_TEXT, ""},

    {"scan.device", KEY_TEXT, ""},
    {"scan.profile", KEY_TEXT, "generic"},
    {"scan.source", KEY_TEXT, ""},
    {"scan.mode", KEY_CHOICE, "Color", 0, 0, "Color|Gray|Lineart"},
    {"scan.resolution", KEY_INT, "300", 75, 1200},
    {"scan.page_width_mm", KEY_NUMBER, "0", 0, 2000},
    {"scan.page_height_mm", KEY_NUMBER, "0", 0, 10000},
    {"scan.timeout", KEY_INT, "60", 1, 3600},
    {"scan.max_sheets_per_file", KEY_INT, "0", 0, 100000},
    {"scan.productive", KEY_BOOL, "no", .guarded = true},
    {"scan.approved_profiles", KEY_TEXT, "", .guarded = true},

    {"spool.reserve", KEY_TEXT, ""},
    {"spool.compression", KEY_CHOICE, "zstd", 0, 0, "zstd|lzw|deflate|none"},

    {"clean.orient", KEY_BOOL, "yes"},
    {"clean.deskew", KEY_BOOL, "yes"},
    {"clean.crop", KEY_BOOL, "yes"},
    {"clean.blank", KEY_BOOL, "yes"},
    {"encode.keep", KEY_CHOICE, "auto", 0, 0, "auto|colour|grey|bitonal"},
    {"encode.mixed", KEY_BOOL, "yes"},
    {"encode.background_dpi", KEY_INT, "120", 50, 300},
    {"encode.jpeg_quality", KEY_INT, "60", 20, 95},
    {"encode.ink_loss_limit", KEY_NUMBER, "0.02", 0, 1},

    {"ocr.languages", KEY_TEXT, "deu+eng"},
    {"ocr.tessdata", KEY_TEXT, ""},
    {"ocr.jobs", KEY_INT, "0", 0, 256},
    {"ocr.timeout", KEY_INT, "120", 1, 3600},
    {"ocr.memory_mib", KEY_INT, "600", 100, 8192},

    {"rules.name", KEY_TEXT, "hessen-2020", .guarded = true},
    {"rules.version", KEY_INT, "1", 1, 1000000, .guarded = true},
    {"rules.count_blank_sheets", KEY_BOOL, "yes", .guarded = true},

    {"register.pattern", KEY_TEXT, "", .guarded = true},

    {"review.sample_percent", KEY_NUMBER, "4", 0, 100, .guarded = true},
    {"review.mode", KEY_CHOICE, "sample", 0, 0, "sample|full", .guarded = true},
    {"review.four_eyes", KEY_BOOL, "no", .guarded = true},
    {"review.leads", KEY_TEXT, "", .guarded = true},

    {"retention.raw_days", KEY_INT, "30", 0, 36500, .guarded = true},
    {"retention.evidence_days", KEY_INT, "3650", 0, 36500, .guarded = true},

    {"claim.authority", KEY_TEXT, "", .guarded = true},
    {"claim.timezone", KEY_TEXT, "Europe/Berlin", .guarded = true},
    {"claim.cutoff", KEY_CHOICE, "accepted", 0, 0, "accepted|closed|fed", .guarded = true},
    {"claim.rate_file", KEY_DECIMAL, "0.75", .guarded = true},
    {"claim.rate_sheet", KEY_DECIMAL, "0.01", .guarded = true},
    {"claim.rounding", KEY_CHOICE, "half-up", 0, 0, "half-up|half-even|down", .guarded = true},

    {"grant.applicant", KEY_TEXT, "", .guarded = true},
    {"grant.authority", KEY_TEXT, "", .guarded = true},
    {"grant.reference", KEY_TEXT, "", .guarded = true},
    {"grant.notice_date", KEY_DATE, "", .guarded = true},
    {"grant.period_from", KEY_DATE, "", .guarded = true},
    {"grant.period_to", KEY_DATE, "", .guarded = true},
    {"grant.deadline", KEY_DATE, "", .guarded = true},
    {"grant.ceiling", KEY_DECIMAL, "", .guarded = true},

    {"sign.certificate", KEY_TEXT, "", .guarded = true},
    {"sign.key", KEY_TEXT, "", .guarded = true},
    {"status.backup_days", KEY_INT, "7", 1, 3650},
};

enum { N_KEYS = sizeof keys / sizeof keys[0] };

/* Sections in which people name the keys. */
static const char *const free_sections[] = {"columns", "option"};

struct pair {
	char *key, *value;
};

struct settings {
	char *values[N_KEYS]; /* NULL: the standard */
	struct pair *pairs;   /* free sections, in the order of the file */
	size_t n_pairs;
	const char *path;
	/* While reading: */
	struct error *err;
	const char *text; /* what is not read yet */
	int line;
	int bad_line;
};

static int key_index(const char *name)
{
	for (int i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

static bool number_read(const char *value, double *number)
{
	char *end;

	errno = 0;
	*number = strtod(value, &end);
	return end != value && *end == '\0' && errno == 0 && *number == *number;
}

static bool bool_read(const char *value, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on", "1", "ja"};
	static const char *const no[] = {"no", "false", "off", "0", "nein"};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*out = strcasecmp(value, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool choice_has(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (n && strncmp(p, value, n) == 0 && (p[n] == '|' || p[n] == '\0'))
			return true;
	return false;
}

/* A decimal as people write it: digits, one point or comma, digits. */
static bool decimal_like(const char *value)
{
	int points = 0, digits = 0;

	for (const char *p = value; *p; p++) {
		if (isdigit((unsigned char)*p))
			digits++;
		else if ((*p == '.' || *p == ',') && p != value && p[1])
			points++;
		else
			return false;
	}
	return digits > 0 && digits <= 15 && points <= 1;
}

static bool date_like(const char *value)
{
	int y, m, d, n = 0;

	return sscanf(value, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && n == 10 && !value[10] && m >= 1 &&
	       m <= 12 && d >= 1 && d <= 31;
}

/* wanted is filled with what the key accepts when the value is bad. */
static bool value_check(const struct key *key, const char *value, char *wanted, size_t size)
{
	double number;
	bool flag;

	wanted[0] = '\0';
	switch (key->type) {
	case KEY_TEXT:
		snprintf(wanted, size, "%s", _("UTF-8 text"));
		return text_utf8(value, strlen(value));
	case KEY_NAME:
		snprintf(wanted, size, "%s", _("1 to 64 of A-Z a-z 0-9 . _ -"));
		return value[0] && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		                                 "0123456789._-") == strlen(value) &&
		       isalnum((unsigned char)value[0]) && strlen(value) <= 64;
	case KEY_INT:
		snprintf(wanted, size, _("a whole number from %.0f to %.0f"), key->least, key->most);
		return number_read(value, &number) && number >= key->least && number <= key->most &&
		       number == (double)(int64_t)number;
	case KEY_NUMBER:
		snprintf(wanted, size, _("a number from %g to %g"), key->least, key->most);
		return number_read(value, &number) && number >= key->least && number <= key->most;
	case KEY_BOOL: snprintf(wanted, size, "%s", _("yes or no")); return bool_read(value, &flag);
	case KEY_CHOICE:
		snprintf(wanted, size, _("one of %s"), key->choices);
		return choice_has(key->choices, value);
	case KEY_DECIMAL:
		snprintf(wanted, size, "%s", _("a decimal number such as 0.75"));
		return (!value[0] && !key->standard[0]) || decimal_like(value);
	case KEY_DATE:
		snprintf(wanted, size, "%s", _("a date such as 2026-12-31"));
		return !value[0] || date_like(value);
	}
	return false;
}

/* where: "altakt.ini:12: " or "". */
static bool value_put(
    struct settings *s, const char *where, const char *name, const char *value, struct error *err)
{
	char wanted[128];
	int i = key_index(name);

	if (i < 0)
		return error_set(err, ERROR_SETUP,
		    _("the file altakt.ini that 'altakt init' writes lists every key there is"),
		    _("%sunknown key '%s'"), where, name);
	if (!value_check(&keys[i], value, wanted, sizeof wanted)) {
		char todo[256];
		snprintf(todo, sizeof todo, _("'%s' takes %s"), name, wanted);
		return error_set(err, ERROR_SETUP, todo, _("%s'%s' is no value for '%s'"), where, value,
		    name);
	}
	char *copy = strdup(value);
	if (!copy)
		return error_errno(err, NULL, _("cannot read the settings"));
	free(s->values[i]);
	s->values[i] = copy;
	return true;
}

static bool section_free(const char *section)
{
	for (size_t i = 0; i < sizeof free_sections / sizeof free_sections[0]; i++)
		if (strcmp(section, free_sections[i]) == 0)
			return true;
	return false;
}

/* Hands inih one line after the other, and so knows which line an entry stands in. */
static char *line_next(char *buf, int size, void *self)
{
	struct settings *s = self;
	size_t n = strcspn(s->text, "\n");

	if (!*s->text)
		return NULL;
	n += s->text[n] == '\n';
	if (n > (size_t)size - 1)
		n = (size_t)size - 1;
	memcpy(buf, s->text, n);
	buf[n] = '\0';
	s->line += n > 0 && (buf[n - 1] == '\n' || !s->text[n]);
	s->text += n;
	return buf;
}

static int entry_read(void *self, const char *section, const char *name, const char *value)
{
	struct settings *s = self;
	char full[256], where[300];
	const char *slash = strrchr(s->path, '/');

	if (s->bad_line)
		return 0;
	snprintf(full, sizeof full, "%s.%s", section, name);
	snprintf(where, sizeof where, "%s:%d: ", slash ? slash + 1 : s->path, s->line);
	if (section_free(section)) {
		struct pair *more = realloc(s->pairs, (s->n_pairs + 1) * sizeof *more);
		if (!more)
			return 0;
		s->pairs = more;
		s->pairs[s->n_pairs++] = (struct pair){strdup(full), strdup(value)};
		return 1;
	}
	if (!value_put(s, where, full, value, s->err)) {
		s->bad_line = s->line;
		return 0;
	}
	return 1;
}

bool settings_open(const char *path, struct settings **out, struct error *err)
{
	struct settings *s = calloc(1, sizeof *s);
	struct error first = {0};
	char *text = NULL;
	bool ok = false;

	if (!s)
		return error_errno(err, NULL, _("cannot read the settings"));
	if (path) {
		size_t n;
		text = file_read(path, 1 << 20, &n, err);
		if (!text)
			goto done;
		if (!text_utf8(text, n) || strlen(text) != n) {
			error_set(err, ERROR_SETUP, _("save it as UTF-8 text"),
			    _("'%s' is not UTF-8 text"), path);
			goto done;
		}
		s->path = path;
		s->err = &first;
		s->text = text;
		int line = ini_parse_stream(line_next, s, entry_read, s);
		s->err = NULL;
		s->path = s->text = NULL;
		if (s->bad_line) {
			if (err)
				*err = first;
			goto done;
		}
		if (line != 0) {
			const char *slash = strrchr(path, '/');
			error_set(err, ERROR_SETUP, _("a line is '[section]', 'key = value' or a comment"),
			    _("%s:%d: not a setting"), slash ? slash + 1 : path, line);
			goto done;
		}
	}
	*out = s;
	s = NULL;
	ok = true;
done:
	free(text);
	settings_close(s);
	return ok;
}

void settings_close(struct settings *s)
{
	if (!s)
		return;
	for (int i = 0; i < N_KEYS; i++)
		free(s->values[i]);
	for (size_t i = 0; i < s->n_pairs; i++) {
		free(s->pairs[i].key);
		free(s->pairs[i].value);
	}
	free(s->pairs);
	free(s);
}

bool settings_set(struct settings *s, const char *assignment, struct error *err)
{
	const char *eq = strchr(assignment, '=');
	char name[128];

	if (!eq || eq == assignment || (size_t)(eq - assignment) >= sizeof name)
		return error_set(err, ERROR_USAGE, _("write --set section.key=value"),
		    _("'%s' is no setting"), assignment);
	snprintf(name, sizeof name, "%.*s", (int)(eq - assignment), assignment);
	int i = key_index(name);
	if (i >= 0 && keys[i].guarded)
		return error_set(err, ERROR_USAGE, _("change it in altakt.ini"),
		    _("'%s' touches counting, rates, review, roles or retention and cannot be set for one call"),
		    name);
	if (!value_put(s, "", name, eq + 1, err)) {
		if (err && err->kind == ERROR_SETUP)
			err->kind = ERROR_USAGE;
		return false;
	}
	return true;
}

const char *settings_text(const struct settings *s, const char *key)
{
	int i = key_index(key);

	assert(i >= 0);
	return s->values[i] ? s->values[i] : keys[i].standard;
}

int64_t settings_int(const struct settings *s, const char *key)
{
	return strtoll(settings_text(s, key), NULL, 10);
}

double settings_number(const struct settings *s, const char *key)
{
	return strtod(settings_text(s, key), NULL);
}

bool settings_bool(const struct settings *s, const char *key)
{
	bool out = false;

	bool_read(settings_text(s, key), &out);
	return out;
}

const char *settings_free(const struct settings *s, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < s->n_pairs; i++)
		if (strcmp(s->pairs[i].key, key) == 0)
			value = s->pairs[i].value;
	return value;
}

void settings_each(const struct settings *s, const char *section,
    void (*visit)(void *self, const char *key, const char *value), void *self)
{
	size_t n = strlen(section);

	for (size_t i = 0; i < s->n_pairs; i++)
		if (strncmp(s->pairs[i].key, section, n) == 0 && s->pairs[i].key[n] == '.')
			visit(self, s->pairs[i].key + n + 1, s->pairs[i].value);
}

void settings_hash(const struct settings *s, char hex[129])
{
	struct hash *hash = hash_open(HASH_SHA256);

	for (int i = 0; i < N_KEYS; i++) {
		const char *value = settings_text(s, keys[i].name);
		hash_add(hash, keys[i].name, strlen(keys[i].name));
		hash_add(hash, "=", 1);
		hash_add(hash, value, strlen(value));
		hash_add(hash, "\n", 1);
	}
	for (size_t i = 0; i < s->n_pairs; i++) {
		hash_add(hash, s->pairs[i].key, strlen(s->pairs[i].key));
		hash_add(hash, "=", 1);
		hash_add(hash, s->pairs[i].value, strlen(s->pairs[i].value));
		hash_add(hash, "\n", 1);
	}
	hash_close(hash, hex);
}
