#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"
#include "config/settings.h"

static char folder[] = "/tmp/altakt-settings-XXXXXX";
static char *path;

static int set_up(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path = file_path("%s/altakt.ini", folder);
	return 0;
}

static int tear_down(void **state)
{
	free(path);
	return file_remove(folder, NULL) ? 0 : -1;
}

static struct settings *settings_of(const char *text, struct error *err)
{
	struct settings *settings = NULL;

	assert_true(file_write(path, text, strlen(text), err));
	return settings_open(path, &settings, err) ? settings : NULL;
}

static void test_settings_open_gives_the_defaults(void **state)
{
	struct settings *settings = NULL;
	struct error err = {0};

	assert_true(settings_open(NULL, &settings, &err));
	assert_string_equal(settings_text(settings, "station.name"), "st1");
	assert_string_equal(settings_text(settings, "station.operator"), "");
	assert_int_equal(settings_int(settings, "scan.resolution"), 300);
	assert_true(settings_bool(settings, "clean.deskew"));
	assert_string_equal(settings_text(settings, "claim.rate_file"), "0.75");
	assert_string_equal(settings_text(settings, "claim.rate_sheet"), "0.01");
	assert_null(settings_free(settings, "columns.file_number"));
	settings_close(settings);
	settings_close(NULL);
}

static void test_settings_open_reads_a_file(void **state)
{
	struct error err = {0};
	struct settings *settings = settings_of(
	    "\xEF\xBB\xBF# comment\r\n"
	    "\r\n"
	    "[station]\r\n"
	    "name = st2\r\n"
	    "  operator = Erika Mustermann ; behind a blank: a comment\r\n"
	    "\torganisation: Amt f\xC3\xBCr Muster;Zwecke\r\n"
	    "[review]\n"
	    "sample_percent = 2,5\n"
	    "four_eyes = Ja\n"
	    "; a comment that is much longer than what inih has room for in one of its lines, "
	    "namely two hundred bytes, and that goes on and on and on and on and on and on and "
	    "on and on and on and on and on\n"
	    "[columns]\n"
	    "file_number = Aktenzeichen\n"
	    "sheets = Blattzahl\n"
	    "[scan]\n"
	    "resolution = 200",
	    &err);

	if (!settings)
		fail_msg("%s", err.what);
	assert_string_equal(settings_text(settings, "station.name"), "st2");
	assert_string_equal(settings_text(settings, "station.operator"), "Erika Mustermann");
	assert_string_equal(
	    settings_text(settings, "station.organisation"), "Amt für Muster;Zwecke");
	assert_true(settings_number(settings, "review.sample_percent") == 2.5);
	assert_true(settings_bool(settings, "review.four_eyes"));
	assert_string_equal(settings_free(settings, "columns.file_number"), "Aktenzeichen");
	assert_int_equal(settings_int(settings, "scan.resolution"), 200);
	settings_close(settings);
}

static void test_settings_open_names_file_and_line_of_a_mistake(void **state)
{
	static const struct {
		const char *text, *what, *todo;
	} table[] = {
	    {"[scan]\nmode = Gray\n\ndip = 300\n", "altakt.ini:4: unknown key 'scan.dip'",
		"altakt init"},
	    {"[scann]\nmode = Gray\n", "altakt.ini:2: unknown key 'scann.mode'", ""},
	    {"mode = Gray\n", "altakt.ini:1: a setting outside any section", "[section]"},
	    {"[scan]\nmode = Grey\n", "altakt.ini:2: 'Grey' is no value for 'scan.mode'",
		"Color|Gray|Lineart"},
	    {"[scan]\nmode =\n", "altakt.ini:2: '' is no value for 'scan.mode'", "one of"},
	    {"[scan]\nresolution = 5\n", "altakt.ini:2: '5' is no value", "from 75 to 1200"},
	    {"[scan]\nresolution = 0x12C\n", "altakt.ini:2: '0x12C' is no value", "a whole number"},
	    {"[scan]\nresolution = 3e2\n", "'3e2' is no value", "a whole number"},
	    {"[scan]\nresolution = 300.5\n", "'300.5' is no value", "a whole number"},
	    {"[scan]\nresolution = 300 dpi\n", "'300 dpi' is no value", "a whole number"},
	    {"[scan]\nresolution = 99999999999999999999\n", "is no value", "a whole number"},
	    {"[scan]\nresolution = nan\n", "'nan' is no value", "a whole number"},
	    {"[review]\nsample_percent = inf\n", "'inf' is no value", "from 0 to 100"},
	    {"[review]\nsample_percent = 101\n", "'101' is no value", "from 0 to 100"},
	    {"[review]\nsample_percent = -1\n", "'-1' is no value", "from 0 to 100"},
	    {"[review]\nsample_percent = 1.2.3\n", "'1.2.3' is no value", "from 0 to 100"},
	    {"[review]\nsample_percent = .\n", "'.' is no value", "from 0 to 100"},
	    {"[clean]\ndeskew = maybe\n", "'maybe' is no value for 'clean.deskew'", "yes or no"},
	    {"[station]\nname = a/b\n", "'a/b' is no value for 'station.name'", "A-Z"},
	    {"[station]\nname =\n", "'' is no value for 'station.name'", "A-Z"},
	    {"[claim]\nrate_file = abc\n", "'abc' is no value for 'claim.rate_file'", "0.75"},
	    {"[claim]\nrate_file = -1\n", "'-1' is no value", "0.75"},
	    {"[claim]\nrate_file =\n", "'' is no value", "0.75"},
	    {"[claim]\nrate_file = 1.000,00\n", "'1.000,00' is no value", "0.75"},
	    {"[grant]\ndeadline = 2026-02-29\n", "'2026-02-29' is no value", "2026-12-31"},
	    {"[grant]\ndeadline = 31.12.2026\n", "'31.12.2026' is no value", "2026-12-31"},
	    {"[grant]\ndeadline = +026-12-31\n", "'+026-12-31' is no value", "2026-12-31"},
	    {"[grant]\ndeadline = 2026-13-01\n", "is no value", "2026-12-31"},
	    {"[spool]\nreserve = 5 bananas\n", "'5 bananas' is no value", "GiB"},
	    {"[spool]\nreserve = GiB\n", "'GiB' is no value", "GiB"},
	    {"[spool]\nreserve = -5 GiB\n", "'-5 GiB' is no value", "GiB"},
	    {"[spool]\nreserve = 99999999999999 TiB\n", "is no value", "GiB"},
	    {"[station]\noperator = a\x1b[2J\n", "is no value for 'station.operator'", "text"},
	    {"[columns]\na = x\x01y\n", "altakt.ini:2: a control character", ""},
	    {"[scan\nmode = Gray\n", "altakt.ini:1: not a setting", "[section]"},
	    {"[scan]\nmode\n", "altakt.ini:2: not a setting", "key = value"},
	    {"[scan]\nrubbish\nmode = Grey\n", "altakt.ini:2: not a setting", ""},
	    {"[scan]\nmode = Grey\nrubbish\n", "altakt.ini:2: 'Grey'", ""},
	    {"[scan]\nmode = Gray\n[station]\nname = a\n[scan]\nmode = Gray\n",
		"altakt.ini:6: 'scan.mode' is given twice, first in line 2", "remove"},
	    {"[columns]\na = 1\na = 2\n",
		"altakt.ini:3: 'columns.a' is given twice, first in line 2", "remove"},
	    {"[station]\noperator = \xC3\n", "altakt.ini:2: not UTF-8 text", "UTF-8"},
	    {"[columns]\na123456789012345678901234567890123456789012345678901234567890 = 1\n",
		"altakt.ini:2: the name is too long", "48 bytes"},
	    {"[a123456789012345678901234567890123456789012345678901234567890]\nb = 1\n",
		"altakt.ini:2: the name is too long", "48 bytes"},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct error err = {0};
		struct settings *settings = settings_of(table[i].text, &err);
		if (settings)
			fail_msg("line %zu of the table was accepted: %s", i, table[i].text);
		assert_int_equal(err.kind, ERROR_SETUP);
		if (!strstr(err.what, table[i].what) || !strstr(err.todo, table[i].todo))
			fail_msg("line %zu of the table: '%s' '%s'", i, err.what, err.todo);
	}
}

static void test_settings_open_long_lines(void **state)
{
	char text[400];
	struct error err = {0};

	/* 198 bytes are read whole, 199 are refused, not cut. */
	for (int n = 180; n < 300; n++) {
		int head = snprintf(text, sizeof text, "[station]\nname = st9\noperator = ");
		memset(text + head, 'x', (size_t)n);
		snprintf(text + head + n, sizeof text - (size_t)(head + n),
		    "\n[scan]\nresolution = 200\n");
		struct settings *settings = settings_of(text, &err);
		if ((int)strlen("operator = ") + n <= 198) {
			assert_non_null(settings);
			assert_int_equal(strlen(settings_text(settings, "station.operator")), n);
			assert_int_equal(settings_int(settings, "scan.resolution"), 200);
			settings_close(settings);
		} else {
			assert_null(settings);
			assert_non_null(strstr(err.what, "altakt.ini:3: the line is too long"));
			assert_non_null(strstr(err.todo, "198"));
		}
	}
}

static void test_settings_open_no_file_and_rubbish(void **state)
{
	struct settings *settings = NULL;
	struct error err = {0};

	assert_false(settings_open("/no/such/altakt.ini", &settings, &err));
	assert_non_null(strstr(err.what, "/no/such/altakt.ini"));
	assert_false(settings_open(folder, &settings, &err));
	assert_true(file_write(path, "[scan]\nmode = Gray\0\n", 20, &err));
	assert_false(settings_open(path, &settings, &err));
	assert_non_null(strstr(err.what, "altakt.ini:2: not UTF-8 text"));
	for (int round = 0; round < 3000; round++) {
		static const char letters[] = "[]=:;# \t\n\r\nascn.mode0\xC3\xA4\x01";
		char text[120];
		size_t n = (size_t)rand() % sizeof text;
		for (size_t i = 0; i < n; i++)
			text[i] = letters[(size_t)rand() % (sizeof letters - 1)];
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(text, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
		err = (struct error){0};
		if (settings_open(path, &settings, &err))
			settings_close(settings);
		else
			assert_true(err.what[0]);
	}
}

static void put(const char *name, const char *text)
{
	struct error err = {0};
	char *file = file_path("%s/%s", folder, name), *slash = strrchr(file, '/');

	*slash = '\0';
	assert_true(file_make_folder(file, &err));
	*slash = '/';
	assert_true(file_write(file, text, strlen(text), &err));
	free(file);
}

static void test_settings_open_with_rules_of_ones_own(void **state)
{
	struct error err = {0};
	char shipped[129];
	struct settings *settings = settings_of("", &err);

	assert_non_null(settings);
	snprintf(shipped, sizeof shipped, "%s", settings_rules_hash(settings));
	assert_int_equal(strlen(shipped), 64);
	settings_close(settings);

	put("rules/ours.ini",
	    "[rules]\nname = ours\nversion = 3\ncount_blank_sheets = no\n"
	    "[claim]\nrate_file = 1.335\nrate_sheet = 0.005\n");
	settings = settings_of("[rules]\nname = ours\n[claim]\nrate_sheet = 0,02\n", &err);
	if (!settings)
		fail_msg("%s", err.what);
	assert_int_equal(settings_int(settings, "rules.version"), 3);
	assert_false(settings_bool(settings, "rules.count_blank_sheets"));
	assert_string_equal(settings_text(settings, "claim.rate_file"), "1.335");
	assert_string_equal(settings_text(settings, "claim.rate_sheet"), "0,02");
	assert_string_equal(settings_text(settings, "claim.rounding"), "half-up");
	assert_string_not_equal(settings_rules_hash(settings), shipped);
	settings_close(settings);
}

static void test_settings_open_with_rules_that_are_wrong(void **state)
{
	static const struct {
		const char *rules, *what;
	} table[] = {
	    {"[rules]\nname = theirs\n", "ours.ini:2: these are the rules 'theirs', not 'ours'"},
	    {"[rules]\nversion = x\n", "ours.ini:2: 'x' is no value for 'rules.version'"},
	    {"[scan]\nmode = Gray\n", "ours.ini:2: 'scan.mode' is no counting rule"},
	    {"[claim]\nauthority = x\n", "ours.ini:2: 'claim.authority' is no counting rule"},
	    {"[rules]\nrubbish\n", "ours.ini:2: not a setting"},
	};
	struct error err = {0};

	assert_null(settings_of("\n[rules]\nname = absent\n", &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "altakt.ini:3: there are no counting rules 'absent'"));
	assert_null(settings_of("[rules]\nname = ../../etc/x\n", &err));
	assert_non_null(strstr(err.what, "is no value for 'rules.name'"));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		put("rules/ours.ini", table[i].rules);
		assert_null(settings_of("[rules]\nname = ours\n", &err));
		assert_int_equal(err.kind, ERROR_SETUP);
		if (!strstr(err.what, table[i].what))
			fail_msg("%s", err.what);
	}
}

static void test_settings_set_for_one_call(void **state)
{
	struct settings *settings = NULL;
	struct error err = {0};

	assert_true(settings_open(NULL, &settings, &err));
	assert_true(settings_set(settings, "ocr.languages=deu", &err));
	assert_string_equal(settings_text(settings, "ocr.languages"), "deu");
	assert_true(settings_set(settings, "ocr.languages=", &err));
	assert_string_equal(settings_text(settings, "ocr.languages"), "");
	assert_true(settings_set(settings, "option.swcrop=a=b", &err));
	assert_string_equal(settings_free(settings, "option.swcrop"), "a=b");
	assert_true(settings_set(settings, "option.swcrop=c", &err));
	assert_string_equal(settings_free(settings, "option.swcrop"), "c");

	static const char *const bad[][2] = {
	    {"ocr.languages", "is no setting"},
	    {"=x", "is no setting"},
	    {"", "is no setting"},
	    {"ocr.langs=deu", "unknown key 'ocr.langs'"},
	    {"scan.resolution=abc", "'abc' is no value"},
	    {"claim.rate_file=100", "touches counting"},
	    {"rules.count_blank_sheets=no", "touches counting"},
	    {"review.sample_percent=0", "touches counting"},
	    {"retention.raw_days=0", "touches counting"},
	    {"option.=x", "unknown key"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err = (struct error){0};
		assert_false(settings_set(settings, bad[i][0], &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		if (!strstr(err.what, bad[i][1]))
			fail_msg("'%s': %s", bad[i][0], err.what);
	}
	assert_string_equal(settings_text(settings, "claim.rate_file"), "0.75");
	settings_close(settings);
}

static void test_settings_bytes_with_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} table[] = {
	    {"spool.reserve=", 0},
	    {"spool.reserve=5 GiB", 5ull << 30},
	    {"spool.reserve=5GiB", 5ull << 30},
	    {"spool.reserve=0,5 GiB", 1ull << 29},
	    {"spool.reserve=500 MiB", 500ull << 20},
	    {"spool.reserve=2 TiB", 2ull << 40},
	    {"spool.reserve=0 MiB", 0},
	};
	struct settings *settings = NULL;
	struct error err = {0};

	assert_true(settings_open(NULL, &settings, &err));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (!settings_set(settings, table[i].text, &err))
			fail_msg("%s", err.what);
		assert_int_equal(settings_bytes(settings, "spool.reserve"), table[i].bytes);
	}
	settings_close(settings);
}

static void gather(void *self, const char *key, const char *value)
{
	char *text = self;

	strcat(strcat(strcat(strcat(text, key), "="), value), " ");
}

static void test_settings_each_in_the_order_of_the_file(void **state)
{
	struct error err = {0};
	char text[200] = "";
	struct settings *settings =
	    settings_of("[columns]\nz = 1\n[option]\nb = 2\n[columns]\na = 3\n", &err);

	assert_non_null(settings);
	settings_each(settings, "columns", gather, text);
	assert_string_equal(text, "z=1 a=3 ");
	settings_close(settings);
}

static void test_settings_hash_changes_with_what_is_in_force(void **state)
{
	struct error err = {0};
	char standard[129], same[129], other[129], pair[129];
	struct settings *settings = settings_of("", &err);

	assert_non_null(settings);
	settings_hash(settings, standard);
	settings_close(settings);
	settings = settings_of("# the default, spelled out\n[scan]\nresolution = 300\n", &err);
	settings_hash(settings, same);
	assert_string_equal(same, standard);
	assert_true(settings_set(settings, "scan.resolution=200", &err));
	settings_hash(settings, other);
	assert_string_not_equal(other, standard);
	assert_true(settings_set(settings, "scan.resolution=300", &err));
	assert_true(settings_set(settings, "option.a=b", &err));
	settings_hash(settings, pair);
	assert_string_not_equal(pair, standard);
	settings_close(settings);
}

/* What config/altakt.ini says of its keys, and what the table says, one line each. */
struct listing {
	char text[20000], shown[20000];
	char section[64];
};

static void list_key(void *self, const char *key, const char *standard, const char *takes)
{
	struct listing *listing = self;
	size_t n = strlen(listing->text);

	assert_true(takes[0]);
	snprintf(listing->text + n, sizeof listing->text - n, "%s = %s\n", key, standard);
}

static void test_settings_keys_are_those_of_the_shipped_file(void **state)
{
	static struct listing listing, active;
	struct error err = {0};
	char *shipped = file_read(ALTAKT_SOURCE_DIR "/config/altakt.ini", 1 << 20, NULL, &err);
	bool explained = false;
	size_t n = 0, m = 0;

	assert_non_null(shipped);
	settings_keys(list_key, &listing);
	for (char *rest = shipped, *line; (line = strsep(&rest, "\n"));) {
		char *equals = strstr(line, " =");
		if (!line[0]) {
			explained = false;
		} else if (line[0] == '[') {
			snprintf(listing.section, sizeof listing.section, "%.*s",
			    (int)strcspn(line + 1, "]"), line + 1);
			m +=
			    (size_t)snprintf(active.text + m, sizeof active.text - m, "%s\n", line);
			explained = false;
		} else if (line[0] == '#') {
			explained = true;
		} else if (line[0] == ';' && equals) {
			if (!explained)
				fail_msg("no comment in the block above '%s'", line);
			*equals = '\0';
			m += (size_t)snprintf(active.text + m, sizeof active.text - m, "%s =%s\n",
			    line + 1, equals + 2);
			if (strcmp(listing.section, "columns") != 0 &&
			    strcmp(listing.section, "option") != 0)
				n += (size_t)snprintf(listing.shown + n, sizeof listing.shown - n,
				    "%s.%s = %s\n", listing.section, line + 1,
				    equals[2] == ' ' ? equals + 3 : "");
		} else {
			fail_msg(
			    "neither a section, a comment nor a key that is commented out: '%s'",
			    line);
		}
	}
	/* Each key with its default, in the order of the table. */
	assert_string_equal(listing.shown, listing.text);
	free(shipped);

	/* As it is shipped, and with every line made active, it is what is in force anyway. */
	char standard[129], hash[129];
	struct settings *settings = NULL;
	assert_true(settings_open(NULL, &settings, &err));
	settings_hash(settings, standard);
	settings_close(settings);
	if (!settings_open(ALTAKT_SOURCE_DIR "/config/altakt.ini", &settings, &err))
		fail_msg("%s", err.what);
	settings_hash(settings, hash);
	settings_close(settings);
	assert_string_equal(hash, standard);
	settings = settings_of(active.text, &err);
	if (!settings)
		fail_msg("%s", err.what);
	settings_close(settings);
}

int main(void)
{
#define SETTINGS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    SETTINGS_TEST(test_settings_open_gives_the_defaults),
	    SETTINGS_TEST(test_settings_open_reads_a_file),
	    SETTINGS_TEST(test_settings_open_names_file_and_line_of_a_mistake),
	    SETTINGS_TEST(test_settings_open_long_lines),
	    SETTINGS_TEST(test_settings_open_no_file_and_rubbish),
	    SETTINGS_TEST(test_settings_open_with_rules_of_ones_own),
	    SETTINGS_TEST(test_settings_open_with_rules_that_are_wrong),
	    SETTINGS_TEST(test_settings_set_for_one_call),
	    SETTINGS_TEST(test_settings_bytes_with_units),
	    SETTINGS_TEST(test_settings_each_in_the_order_of_the_file),
	    SETTINGS_TEST(test_settings_hash_changes_with_what_is_in_force),
	    SETTINGS_TEST(test_settings_keys_are_those_of_the_shipped_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
