/* Scanner profiles: the shipped ones, one's own, and what a profile makes of a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"
#include "scan/profile.h"
#include "scan/scanner.h"

static char folder[] = "/tmp/altakt-profile-XXXXXX";

static int folder_make(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

static void put(const char *name, const char *text)
{
	char *path = file_path("%s/%s.ini", folder, name);
	struct error err = {0};

	assert_true(file_write(path, text, strlen(text), &err));
	free(path);
}

static void test_profile_open_shipped(void **state)
{
	static const char *const names[] = {"generic", "fujitsu", "epsonds", "canon_dr", "kvs40xx",
	    "avision", "hp", "airscan", "escl", "test", "paper"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct profile profile = {0};
		struct error err = {0};
		if (!profile_open(names[i], NULL, NULL, &profile, &err))
			fail_msg("%s: %s", names[i], err.what);
		assert_string_equal(profile.name, names[i]);
		assert_int_equal(strlen(profile.sha256), 64);
		assert_int_equal(profile.version, 1);
		profile_release(&profile);
		assert_null(profile.path);
	}
}

static void test_profile_open_matches_the_device(void **state)
{
	static const struct {
		const char *device, *name;
	} rows[] = {
	    {"fujitsu:fi-7160:123456", "fujitsu"},
	    {"airscan:e0:HP OfficeJet", "airscan"},
	    {"paper:/var/stack", "paper"},
	    {"test:0", "test"},
	    {"pixma:04A91234", "generic"},
	    {"", "generic"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct profile profile = {0};
		struct error err = {0};
		assert_true(profile_open("auto", rows[i].device, NULL, &profile, &err));
		assert_string_equal(profile.name, rows[i].name);
		profile_release(&profile);
	}
}

static void test_profile_open_own_before_shipped(void **state)
{
	struct profile own = {0}, shipped = {0}, again = {0};
	struct error err = {0};

	put("fujitsu",
	    "; ours\n[profile]\nname = fujitsu\nversion = 2\nmatch = fujitsu:fi-7*\n[scan]\n"
	    "timeout = 120\npage_width_mm = 305\noption.df-action = Stop\nmaybe.df-skew = no\n");
	assert_true(profile_open("fujitsu", NULL, folder, &own, &err));
	assert_true(profile_open("fujitsu", NULL, NULL, &shipped, &err));
	assert_int_equal(own.version, 2);
	assert_int_equal(own.timeout_ms, 120000);
	assert_true(own.page_width_mm == 305);
	assert_int_equal(own.n_extra, 2);
	assert_string_equal(own.extra[0], "df-action=Stop");
	assert_string_equal(own.extra[1], "?df-skew=no");
	assert_null(own.extra[2]);
	assert_string_not_equal(own.sha256, shipped.sha256);
	/* comments and the list of devices are not part of what it does */
	put("fujitsu",
	    "[profile]\nname = fujitsu\nversion = 2\nmatch = other:*\n[scan]\n"
	    "timeout = 120\n\npage_width_mm = 305\noption.df-action = Stop\nmaybe.df-skew = no\n");
	assert_true(profile_open("fujitsu", NULL, folder, &again, &err));
	assert_string_equal(own.sha256, again.sha256);
	assert_true(profile_approved(&own, "generic fujitsu"));
	assert_true(profile_approved(&own, own.sha256));
	assert_false(profile_approved(&own, "generic fujitsu2"));
	assert_false(profile_approved(&own, ""));
	profile_release(&own);
	profile_release(&shipped);
	profile_release(&again);
}

static void test_profile_open_refuses(void **state)
{
	static const struct {
		const char *text, *piece;
	} rows[] = {
	    {"[profile]\nname = x\n[scan]\nsauce = ADF\n", "bad.ini:4: unknown key 'scan.sauce'"},
	    {"[profile]\nname = x\n[scan]\ntimeout = soon\n",
		"bad.ini:4: 'timeout' wants a number"},
	    {"[profile]\nname = ../x\n", "bad.ini:2"},
	    {"[profile]\nname = x\nrubbish\n", "bad.ini:3"},
	    {"[scan]\ntimeout = 5\n", "no name"},
	    {"[profile]\nname = x\n[scan]\ndouble_feed = perhaps\n", "yes or no"},
	};
	struct profile profile = {0};
	struct error err = {0};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put("bad", rows[i].text);
		assert_false(profile_open("bad", NULL, folder, &profile, &err));
		assert_int_equal(err.kind, ERROR_SETUP);
		if (!strstr(err.what, rows[i].piece))
			fail_msg("'%s' does not say '%s'", err.what, rows[i].piece);
	}
	assert_false(profile_open("nosuch", NULL, folder, &profile, &err));
	assert_non_null(strstr(err.what, "'nosuch'"));
	assert_non_null(strstr(err.todo, "fujitsu"));
	assert_false(profile_open("../../etc/passwd", NULL, folder, &profile, &err));
	assert_null(profile.path);
}

static void test_profile_apply_fills_what_is_open(void **state)
{
	struct scanner_options options = {.timeout_ms = 5000, .page_width_mm = 100};
	struct profile profile = {0};
	struct error err = {0};

	assert_true(profile_open("canon_dr", NULL, NULL, &profile, &err));
	profile_option_add(&profile, "threshold", "90");
	profile_apply(&profile, &options);
	assert_string_equal(options.source, "ADF Duplex");
	assert_true(options.page_width_mm == 100);
	assert_true(options.page_height_mm == 356);
	assert_int_equal(options.timeout_ms, 60000);
	assert_string_equal(options.extra[0], "?df-thickness=yes");
	assert_string_equal(options.extra[profile.n_extra - 1], "threshold=90");
	options = (struct scanner_options){.simplex = true};
	profile_apply(&profile, &options);
	assert_string_equal(options.source, "ADF Front");
	profile_release(&profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_profile_open_shipped),
	    cmocka_unit_test(test_profile_open_matches_the_device),
	    cmocka_unit_test(test_profile_open_own_before_shipped),
	    cmocka_unit_test(test_profile_open_refuses),
	    cmocka_unit_test(test_profile_apply_fills_what_is_open),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
