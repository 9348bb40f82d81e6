#include "config/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/shipped.h"
#include "config/text.h"

enum key_type {
	KEY_TEXT,
	KEY_INT,
	KEY_NUMBER,
	KEY_BOOL,
	KEY_DECIMAL,  /* money and rates: text that only batch/money.c turns into a number */
	KEY_CHOICE,   /* one of the words in choices */
	KEY_NAME,     /* a batch or station name */
	KEY_DATE,     /* YYYY-MM-DD, or nothing */
	KEY_BYTES,    /* a number with MiB, GiB or TiB, or nothing */
	KEY_ZONE,     /* a time zone of /usr/share/zoneinfo */
	KEY_PATTERN,  /* a POSIX extended regular expression, or nothing */
	KEY_CURRENCY, /* three capital letters, as ISO 4217 has them */
};

struct key {
	const char *name;
	enum key_type type;
	const char *standard;
	double least, most;
	const char *choices; /* "a|b|c" */
	bool guarded;	     /* counting, rates, review, roles, retention: not for --set */
};

/* Every setting there is. altakt.ini explains each; keep the two in the same order. */
static const struct key keys[] = {
    {"station.name", KEY_NAME, "st1"},
    {"station.operator", KEY_TEXT, ""},
    {"station.organisation", KEY_TEXT, ""},
    {"station.clock_tolerance", KEY_INT, "5", 0, 60, .guarded = true},

    {"scan.device", KEY_TEXT, ""},
    {"scan.profile", KEY_TEXT, "auto"},
    {"scan.source", KEY_TEXT, ""},
    {"scan.mode", KEY_CHOICE, "Color", 0, 0, "Color|Gray|Lineart"},
    {"scan.resolution", KEY_INT, "300", 75, 1200},
    {"scan.page_width_mm", KEY_NUMBER, "0", 0, 2000},
    {"scan.page_height_mm", KEY_NUMBER, "0", 0, 10000},
    {"scan.timeout", KEY_INT, "60", 1, 3600},
    {"scan.max_sheets_per_file", KEY_INT, "0", 0, 100000},
    {"scan.overlap", KEY_BOOL, "yes"},
    {"scan.productive", KEY_BOOL, "no", .guarded = true},
    {"scan.approved_profiles", KEY_TEXT, "", .guarded = true},

    {"spool.reserve", KEY_BYTES, ""},
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

    {"farm.url", KEY_TEXT, ""},
    {"farm.jobs", KEY_INT, "8", 1, 128},
    {"farm.ca", KEY_TEXT, ""},
    {"farm.certificate", KEY_TEXT, ""},
    {"farm.key", KEY_TEXT, ""},
    {"farm.credentials", KEY_TEXT, ""},
    {"farm.storage", KEY_TEXT, "memory"},
    {"farm.replicas", KEY_INT, "1", 1, 5},
    {"farm.silence", KEY_INT, "30", 1, 600},

    {"rules.name", KEY_NAME, "hessen-2020", .guarded = true},
    {"rules.version", KEY_INT, "1", 1, 1000000, .guarded = true},
    {"rules.count_blank_sheets", KEY_BOOL, "yes", .guarded = true},
    {"rules.file_covers", KEY_CHOICE, "count", 0, 0, "count|operator", .guarded = true},
    {"rules.notes", KEY_CHOICE, "operator", 0, 0, "count|operator", .guarded = true},
    {"rules.photos", KEY_CHOICE, "count", 0, 0, "count|operator", .guarded = true},
    {"rules.passports", KEY_CHOICE, "count", 0, 0, "count|operator", .guarded = true},
    {"rules.oversize", KEY_CHOICE, "count", 0, 0, "count|operator", .guarded = true},
    {"rules.volumes", KEY_CHOICE, "one-file", 0, 0, "one-file", .guarded = true},

    {"register.pattern", KEY_PATTERN, "", .guarded = true},

    {"review.sample_percent", KEY_NUMBER, "4", 0, 100, .guarded = true},
    {"review.mode", KEY_CHOICE, "sample", 0, 0, "sample|full", .guarded = true},
    {"review.four_eyes", KEY_BOOL, "no", .guarded = true},
    {"review.near_equal", KEY_CHOICE, "ask", 0, 0, "ask|require", .guarded = true},
    {"review.hand_count", KEY_CHOICE, "ask", 0, 0, "off|ask|require", .guarded = true},
    {"review.leads", KEY_TEXT, "", .guarded = true},

    {"retention.raw_days", KEY_INT, "30", 0, 36500, .guarded = true},
    {"retention.evidence_days", KEY_INT, "3650", 0, 36500, .guarded = true},

    {"claim.authority", KEY_TEXT, "", .guarded = true},
    {"claim.timezone", KEY_ZONE, "Europe/Berlin", .guarded = true},
    {"claim.cutoff", KEY_CHOICE, "accepted", 0, 0, "accepted|closed|fed", .guarded = true},
    {"claim.rate_file", KEY_DECIMAL, "0.75", .guarded = true},
    {"claim.rate_sheet", KEY_DECIMAL, "0.01", .guarded = true},
    {"claim.currency", KEY_CURRENCY, "EUR", .guarded = true},
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
    {"sign.passphrase_file", KEY_TEXT, "", .guarded = true},
    {"timestamp.url", KEY_TEXT, "", .guarded = true},
    {"timestamp.ca", KEY_TEXT, "", .guarded = true},
    {"timestamp.timeout", KEY_INT, "15", 1, 300},
    {"seal.command", KEY_TEXT, "", .guarded = true},
    {"seal.timeout", KEY_INT, "60", 1, 3600},
    {"collect.certificates", KEY_TEXT, "", .guarded = true},
    {"report.by_operator", KEY_BOOL, "no", .guarded = true},
    {"report.budget", KEY_DECIMAL, ""},
    {"report.cost_fixed", KEY_DECIMAL, ""},
    {"report.cost_station_day", KEY_DECIMAL, ""},
    {"status.backup_days", KEY_INT, "7", 1, 3650},
};

enum { N_KEYS = sizeof keys / sizeof keys[0] };

/* Sections in which people name the keys. */
static const char *const free_sections[] = {"columns", "option", "payments"};

struct pair {
	char *key, *value;
	int line;
};

struct settings {
	char *values[N_KEYS]; /* NULL: the standard */
	int lines[N_KEYS];    /* where they stand in altakt.ini, 0: nowhere */
	char rules_hash[HASH_SIZE];
	struct pair *pairs; /* free sections, in the order of the file */
	size_t n_pairs;
};

/* While altakt.ini is read. */
struct reading {
	struct settings *settings;
	const char *name; /* "altakt.ini" */
	bool rules;	  /* a file of counting rules, which fills what altakt.ini leaves open */
	const char *text; /* what is not read yet */
	int line;	  /* the last one handed out, from 1 */
	bool failed;	  /* err says why */
	struct error *err;
};

static int key_index(const char *name)
{
	for (int i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

/*
 * A decimal number as people write it: a sign, digits, one point or comma, digits. No exponent, no
 * hexadecimal, no blanks, no words such as "inf"; not above 15 digits, so that a double holds it.
 */
static bool number_read(const char *value, bool whole, double *number)
{
	const char *p = value + (*value == '-' || *value == '+');
	double result = 0, unit = 1;
	int digits = 0;
	bool point = false;

	for (; *p; p++) {
		if ((*p == '.' || *p == ',') && digits > 0 && !point && !whole && p[1]) {
			point = true;
		} else if (*p >= '0' && *p <= '9') {
			result = result * 10 + (*p - '0');
			unit *= point ? 10 : 1;
			digits++;
		} else {
			return false;
		}
	}
	*number = (*value == '-' ? -1 : 1) * result / unit;
	return digits > 0 && digits <= 15;
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

static bool bytes_read(const char *value, uint64_t *bytes)
{
	static const char units[][4] = {"MiB", "GiB", "TiB"};
	size_t n = strcspn(value, " MGT");
	char figure[24];
	double number;

	*bytes = 0;
	if (!value[0])
		return true;
	snprintf(figure, sizeof figure, "%.*s", (int)n, value);
	if (n >= sizeof figure || !isdigit((unsigned char)figure[0]) ||
	    !number_read(figure, false, &number))
		return false;
	value += n;
	value += strspn(value, " ");
	for (int i = 0; i < 3; i++) {
		if (strcmp(value, units[i]) == 0 && number <= 1e6) {
			*bytes = (uint64_t)(number * (double)(1ull << (20 + 10 * i)));
			return true;
		}
	}
	return false;
}

/* A date that is in the calendar. */
static bool date_like(const char *value)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	static const char form[] = "dddd-dd-dd";

	if (strlen(value) != sizeof form - 1)
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? value[i] < '0' || value[i] > '9' : value[i] != form[i])
			return false;
	int y = atoi(value), m = atoi(value + 5), d = atoi(value + 8);
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return y >= 1900 && m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

/* UTF-8 without control characters but tabs. */
static bool text_like(const char *value)
{
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7F || (*p == 0xC2 && p[1] < 0xA0))
			return false;
	return text_utf8(value, strlen(value));
}

/* A folder of zones, such as Europe. */
static bool section_like(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || S_ISDIR(st.st_mode);
}

static bool zone_like(const char *value)
{
	char *path = file_path("/usr/share/zoneinfo/%s", value);
	bool there = value[0] && value[0] != '/' && !strstr(value, "..") && text_like(value) &&
	    file_size_bytes(path) > 0 && !section_like(path);

	free(path);
	return there || strcmp(value, "UTC") == 0;
}

static bool pattern_like(const char *value)
{
	regex_t regex;
	bool is = !value[0] || regcomp(&regex, value, REG_EXTENDED | REG_NOSUB) == 0;

	if (value[0] && is)
		regfree(&regex);
	return is;
}

/* wanted is filled with what the key accepts when the value is bad. */
static bool value_check(const struct key *key, const char *value, char *wanted, size_t size)
{
	double number;
	uint64_t bytes;
	bool flag;

	wanted[0] = '\0';
	switch (key->type) {
	case KEY_TEXT: snprintf(wanted, size, "%s", _("UTF-8 text")); return text_like(value);
	case KEY_NAME:
		snprintf(wanted, size, "%s", _("1 to 64 of A-Z a-z 0-9 . _ -"));
		return value[0] &&
		    strspn(value,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789._-") == strlen(value) &&
		    isalnum((unsigned char)value[0]) && strlen(value) <= 64;
	case KEY_INT:
		snprintf(
		    wanted, size, _("a whole number from %.0f to %.0f"), key->least, key->most);
		return number_read(value, true, &number) && number >= key->least &&
		    number <= key->most;
	case KEY_NUMBER:
		snprintf(wanted, size, _("a number from %g to %g"), key->least, key->most);
		return number_read(value, false, &number) && number >= key->least &&
		    number <= key->most;
	case KEY_BOOL: snprintf(wanted, size, "%s", _("yes or no")); return bool_read(value, &flag);
	case KEY_CHOICE:
		snprintf(wanted, size, _("one of %s"), key->choices);
		return choice_has(key->choices, value);
	case KEY_DECIMAL:
		snprintf(wanted, size, "%s", _("a decimal number such as 0.75"));
		return (!value[0] && !key->standard[0]) ||
		    (isdigit((unsigned char)value[0]) && number_read(value, false, &number));
	case KEY_BYTES:
		snprintf(wanted, size, "%s", _("a size such as 5 GiB or 500 MiB"));
		return bytes_read(value, &bytes);
	case KEY_ZONE:
		snprintf(
		    wanted, size, "%s", _("a time zone such as Europe/Berlin (package tzdata)"));
		return zone_like(value);
	case KEY_PATTERN:
		snprintf(wanted, size, "%s", _("a POSIX extended regular expression"));
		return text_like(value) && pattern_like(value);
	case KEY_CURRENCY:
		snprintf(wanted, size, "%s", _("three capital letters such as EUR"));
		return strlen(value) == 3 && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
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
		return error_set(
		    err, ERROR_SETUP, todo, _("%s'%s' is no value for '%s'"), where, value, name);
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

enum {
	LINE_BYTES = 198, /* inih's room for a line without its newline */
	NAME_BYTES = 49,  /* and for a section's or key's name: longer ones it cuts */
};

static void reading_fail(struct reading *r, const char *todo, const char *what)
{
	if (r->failed)
		return;
	r->failed = true;
	error_set(r->err, ERROR_SETUP, todo, "%s:%d: %s", r->name, r->line, what);
}

/*
 * Hands inih one line after the other, and so knows which line an entry stands in. Without the
 * blanks before it: to inih they would make it part of the value above.
 */
static char *line_next(char *buf, int size, void *self)
{
	struct reading *r = self;

	if (!*r->text || r->failed)
		return NULL;
	r->line++;
	r->text += strspn(r->text, " \t");
	size_t n = strcspn(r->text, "\n"), kept = n;
	if (n && (r->text[0] == '#' || r->text[0] == ';'))
		kept = 0;
	if (kept > LINE_BYTES || kept + 2 > (size_t)size) {
		reading_fail(r, _("a line has at most 198 bytes"), _("the line is too long"));
		return NULL;
	}
	memcpy(buf, r->text, kept);
	memcpy(buf + kept, "\n", 2);
	r->text += n + (r->text[n] == '\n');
	return buf;
}

static bool pair_put(
    struct settings *s, const char *key, const char *value, int line, struct error *err)
{
	struct pair pair = {strdup(key), strdup(value), line};
	struct pair *more = realloc(s->pairs, (s->n_pairs + 1) * sizeof *more);

	if (more)
		s->pairs = more;
	if (!more || !pair.key || !pair.value) {
		free(pair.key);
		free(pair.value);
		return error_errno(err, NULL, _("cannot read the settings"));
	}
	s->pairs[s->n_pairs++] = pair;
	return true;
}

/* What a file of counting rules may say. */
static bool counting_rule(const char *key)
{
	static const char *const others[] = {"claim.rate_file", "claim.rate_sheet",
	    "claim.currency", "claim.rounding", "grant.period_from", "grant.period_to",
	    "grant.deadline"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(key, others[i]) == 0)
			return true;
	return strncmp(key, "rules.", 6) == 0;
}

static int entry_read(void *self, const char *section, const char *name, const char *value)
{
	struct reading *r = self;
	struct settings *s = r->settings;
	char full[2 * NAME_BYTES + 2], where[300], said[300];
	int before = 0;

	if (r->failed)
		return 0;
	if (!section[0]) {
		reading_fail(r, _("put '[section]' before it"), _("a setting outside any section"));
		return 0;
	}
	if (strlen(section) >= NAME_BYTES || strlen(name) >= NAME_BYTES) {
		reading_fail(
		    r, _("a section or key has at most 48 bytes"), _("the name is too long"));
		return 0;
	}
	snprintf(full, sizeof full, "%s.%s", section, name);
	snprintf(where, sizeof where, "%s:%d: ", r->name, r->line);
	int i = key_index(full);
	if (r->rules) {
		if (i < 0 || !counting_rule(full)) {
			snprintf(said, sizeof said, _("'%s' is no counting rule"), full);
			reading_fail(r,
			    _("rules have [rules], rates, currency and rounding of [claim], period and deadline of [grant]"),
			    said);
			return 0;
		}
		if (i == key_index("rules.name") &&
		    strcmp(value, settings_text(s, "rules.name")) != 0) {
			snprintf(said, sizeof said, _("these are the rules '%s', not '%s'"), value,
			    settings_text(s, "rules.name"));
			reading_fail(r, _("give the file the name of its rules"), said);
			return 0;
		}
		if (s->lines[i] == 0)
			r->failed = !value_put(s, where, full, value, r->err);
		return !r->failed;
	}
	if (i >= 0)
		before = s->lines[i];
	for (size_t k = 0; k < s->n_pairs; k++)
		if (strcmp(s->pairs[k].key, full) == 0)
			before = s->pairs[k].line;
	if (before) {
		snprintf(
		    said, sizeof said, _("'%s' is given twice, first in line %d"), full, before);
		reading_fail(r, _("remove one of the two lines"), said);
		return 0;
	}
	if (strcmp(section, "payments") == 0) {
		static const struct key amount = {"payments", KEY_DECIMAL, "0"};
		if (!date_like(name) || !value_check(&amount, value, where, sizeof where)) {
			snprintf(said, sizeof said, _("'%s = %s' is no payment"), name, value);
			reading_fail(r, _("write 2026-12-31 = 1000.00, a line each"), said);
			return 0;
		}
	}
	if (section_free(section) && !text_like(value)) {
		reading_fail(r, NULL, _("a control character in the value"));
		return 0;
	}
	r->failed = section_free(section) ? !pair_put(s, full, value, r->line, r->err)
					  : !value_put(s, where, full, value, r->err);
	if (r->failed)
		return 0;
	if (i >= 0)
		s->lines[i] = r->line;
	return 1;
}

static bool file_parse(struct settings *s, const char *path, bool rules, struct error *err)
{
	const char *slash = strrchr(path, '/');
	struct error first = {0};
	struct reading r = {
	    .settings = s, .name = slash ? slash + 1 : path, .rules = rules, .err = &first};
	size_t n;
	char *text = file_read(path, 1 << 20, &n, err);
	bool ok = false;

	if (!text)
		return false;
	const char *line = text;
	for (r.line = 1; line < text + n; r.line++) {
		const char *end = memchr(line, '\n', (size_t)(text + n - line));
		size_t length = (size_t)((end ? end : text + n) - line);
		if (memchr(line, '\0', length) || !text_utf8(line, length)) {
			error_set(err, ERROR_SETUP, _("save it as UTF-8 text"),
			    _("%s:%d: not UTF-8 text"), r.name, r.line);
			goto done;
		}
		line += length + 1;
	}
	r.line = 0;
	r.text = text;
	/* The first line that is wrong, for whatever reason: 0 for none. */
	int bad = ini_parse_stream(line_next, &r, entry_read, &r);
	if (r.failed && (bad <= 0 || bad >= r.line)) {
		if (err)
			*err = first;
		goto done;
	}
	if (bad != 0) {
		error_set(err, ERROR_SETUP, _("a line is '[section]', 'key = value' or a comment"),
		    _("%s:%d: not a setting"), r.name, bad);
		goto done;
	}
	ok = true;
done:
	free(text);
	return ok;
}

/* The counting rules that are named: beside altakt.ini, or shipped. */
static bool rules_read(struct settings *s, const char *path, struct error *err)
{
	const char *name = settings_text(s, "rules.name");
	const char *slash = path ? strrchr(path, '/') : NULL;
	char *shipped = file_path("rules/%s.ini", name), *file = NULL;
	char *own = !path ? NULL
	    : slash	  ? file_path("%.*s/rules/%s.ini", (int)(slash - path), path, name)
			  : file_path("rules/%s.ini", name);
	bool ok = false;

	if (own && file_exists(own)) {
		file = own;
		own = NULL;
	} else if (!(file = shipped_path(shipped, NULL))) {
		char todo[256];
		snprintf(todo, sizeof todo, _("write '%s', or take the rules 'hessen-2020'"),
		    own ? own : shipped);
		error_set(err, ERROR_SETUP, todo, _("%s:%d: there are no counting rules '%s'"),
		    slash      ? slash + 1
			: path ? path
			       : "altakt.ini",
		    s->lines[key_index("rules.name")], name);
		goto done;
	}
	ok = file_parse(s, file, true, err) &&
	    hash_file(HASH_SHA256, file, s->rules_hash, NULL, err);
done:
	free(shipped);
	free(own);
	free(file);
	return ok;
}

bool settings_open(const char *path, struct settings **out, struct error *err)
{
	struct settings *s = calloc(1, sizeof *s);

	if (!s)
		return error_errno(err, NULL, _("cannot read the settings"));
	if ((path && !file_parse(s, path, false, err)) || !rules_read(s, path, err)) {
		settings_close(s);
		return false;
	}
	*out = s;
	return true;
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
	const char *dot = strchr(name, '.');
	char section[sizeof name];
	snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - name) : 0, name);
	if (strcmp(section, "payments") == 0)
		return error_set(err, ERROR_USAGE, _("change it in altakt.ini"),
		    _("'%s' touches counting, rates, review, roles or retention and cannot be set for one call"),
		    name);
	if (section_free(section) && dot[1] && text_like(eq + 1))
		return pair_put(s, name, eq + 1, 0, err);
	if (!value_put(s, "", name, eq + 1, err)) {
		if (err && err->kind == ERROR_SETUP)
			err->kind = ERROR_USAGE;
		return false;
	}
	return true;
}

void settings_keys(
    void (*visit)(void *self, const char *key, const char *standard, const char *takes), void *self)
{
	char takes[128];

	for (int i = 0; i < N_KEYS; i++) {
		value_check(&keys[i], keys[i].standard, takes, sizeof takes);
		visit(self, keys[i].name, keys[i].standard, takes);
	}
}

const char *settings_text(const struct settings *s, const char *key)
{
	int i = key_index(key);

	assert(i >= 0);
	if (i < 0)
		abort();
	return s->values[i] ? s->values[i] : keys[i].standard;
}

int64_t settings_int(const struct settings *s, const char *key)
{
	return (int64_t)settings_number(s, key);
}

double settings_number(const struct settings *s, const char *key)
{
	double number = 0;

	number_read(settings_text(s, key), false, &number);
	return number;
}

bool settings_own(const struct settings *s, const char *key)
{
	int i = key_index(key);

	assert(i >= 0);
	return i >= 0 && s->lines[i] > 0;
}

bool settings_bool(const struct settings *s, const char *key)
{
	bool out = false;

	bool_read(settings_text(s, key), &out);
	return out;
}

uint64_t settings_bytes(const struct settings *s, const char *key)
{
	uint64_t bytes = 0;

	bytes_read(settings_text(s, key), &bytes);
	return bytes;
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

const char *settings_rules_hash(const struct settings *s)
{
	return s->rules_hash;
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
