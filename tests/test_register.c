#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "batch/register.h"
#include "tests/desk.h"

static const char plain_ini[] = "[station]\nname = st1\n";

static char *list_put(struct desk *d, const char *text)
{
	char *path = file_path("%s/list.csv", d->folder);

	assert_true(file_write(path, text, strlen(text), NULL));
	return path;
}

static bool take(struct desk *d, const char *text, bool replace, struct register_import *done,
    char **said, struct error *err)
{
	char *path = list_put(d, text), *words = NULL;
	size_t n;
	FILE *say = open_memstream(&words, &n);
	bool ok = register_import(
	    d->workspace.journal, d->workspace.settings, path, replace, "m.muster", say, done, err);

	fclose(say);
	if (said)
		*said = words;
	else
		free(words);
	free(path);
	return ok;
}

static void test_register_import_and_find(void **state)
{
	struct desk d;
	struct register_import done;
	struct register_entry entry;
	struct error err = {0};
	bool found, any;

	desk_open(&d, plain_ini);
	assert_true(register_any(d.workspace.journal, &any, &err));
	assert_false(any);
	assert_true(register_find(d.workspace.journal, "33/1", 1, &entry, &found, &err));
	assert_false(found);
	desk_check(take(&d,
		       "file_number;volume;sheets;urgent;Name\n33/1;1;20;ja;Max Muster\n33/1;2;;;\n"
		       "33/00815-Ü;;7;nein;\n;;;;\n",
		       false, &done, NULL, &err),
	    &err);
	assert_int_equal(done.lines, 3);
	assert_int_equal(done.added, 3);
	assert_true(register_any(d.workspace.journal, &any, &err));
	assert_true(any);
	assert_true(register_find(d.workspace.journal, " 33/1 ", 1, &entry, &found, &err));
	assert_true(found);
	assert_int_equal(entry.sheets, 20);
	assert_true(entry.urgent);
	assert_true(register_find(d.workspace.journal, "33/1", 2, &entry, &found, &err));
	assert_true(found);
	assert_int_equal(entry.sheets, -1);
	assert_true(register_find(d.workspace.journal, "33/1", 3, &entry, &found, &err));
	assert_false(found);
	assert_true(register_find(d.workspace.journal, "33/00815-ü", 1, &entry, &found, &err));
	assert_true(found);
	assert_string_equal(entry.file_number, "33/00815-Ü");
	desk_close(&d);
}

static void test_register_find_any_volume(void **state)
{
	struct desk d;
	struct register_import done;
	struct register_entry entry;
	struct error err = {0};
	bool found;

	desk_open(&d, "[columns]\nfile_number = Aktenzeichen\nsheets = Blatt\n");
	desk_check(take(&d, "Aktenzeichen,Blatt\n33/1,12\n", false, &done, NULL, &err), &err);
	assert_true(register_find(d.workspace.journal, "33/1", 1, &entry, &found, &err));
	assert_true(found);
	assert_int_equal(entry.sheets, 12);
	assert_true(register_find(d.workspace.journal, "33/1", 2, &entry, &found, &err));
	assert_true(found);
	assert_int_equal(entry.sheets, -1);
	desk_close(&d);
}

static void test_register_import_bad_lines_import_nothing(void **state)
{
	static const char list[] = "file_number;volume;sheets;azr;urgent\n"
				   "33/1;1;5;;\n"
				   "33/2;0;5;;\n"
				   "44/3;1;5;;\n"
				   "33/4;1;viele;;\n"
				   "33/5;1;5;12345;\n"
				   "33/6;1;5;;vielleicht\n"
				   "33/1 ;1;5;;\n"
				   ";1;5;;\n"
				   "33/7;1;5;123456789012;\n"
				   "33/8;\"1;5\n";
	static const char *const expected[] = {"line 3: '0' is no volume",
	    "line 4: '44/3' does not fit", "line 5: 'viele' is no number",
	    "line 6: '12345' is no AZR", "line 7: 'vielleicht'",
	    "line 8: '33/1' stands in line 2 already", "line 9: ", "line 11 has a quote"};
	struct desk d;
	struct register_import done;
	struct error err = {0};
	char *said;
	bool any;

	desk_open(&d, "[register]\npattern = 33/[0-9]+\n");
	assert_false(take(&d, list, false, &done, &said, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "8 of 10 lines"));
	assert_int_equal(done.bad, 8);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		if (!strstr(said, expected[i]))
			fail_msg("'%s' is not in:\n%s", expected[i], said);
	free(said);
	assert_true(register_any(d.workspace.journal, &any, &err));
	assert_false(any);
	desk_close(&d);
}

static void test_register_import_no_such_column(void **state)
{
	struct desk d;
	struct register_import done;
	struct error err = {0};

	desk_open(&d, plain_ini);
	assert_false(take(&d, "Nummer;Blatt\n33/1;5\n", false, &done, NULL, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "has no column 'file_number'"));
	desk_close(&d);
}

static void test_register_import_again(void **state)
{
	struct desk d;
	struct register_import done;
	struct register_entry entry;
	struct error err = {0};
	bool found;

	desk_open(&d, plain_ini);
	desk_check(take(&d, "file_number;sheets\na;1\nb;2\n", false, &done, NULL, &err), &err);
	desk_check(take(&d, "file_number;sheets\nb;3\nc;4\n", false, &done, NULL, &err), &err);
	assert_int_equal(done.added, 1);
	assert_int_equal(done.changed, 1);
	assert_int_equal(done.removed, 0);
	assert_true(register_find(d.workspace.journal, "a", 1, &entry, &found, &err));
	assert_true(found);
	desk_check(take(&d, "file_number;sheets\nb;3\n", true, &done, NULL, &err), &err);
	assert_int_equal(done.removed, 2);
	assert_true(register_find(d.workspace.journal, "a", 1, &entry, &found, &err));
	assert_false(found);
	assert_true(register_urgent(d.workspace.journal, "B", true, "m.muster", &found, &err));
	assert_true(found);
	assert_true(register_find(d.workspace.journal, "b", 1, &entry, &found, &err));
	assert_true(entry.urgent);
	assert_true(register_urgent(d.workspace.journal, "a", true, "m.muster", &found, &err));
	assert_false(found);
	desk_close(&d);
}

static void test_register_import_as_spreadsheets_write(void **state)
{
	/* Windows-1252, CRLF, the separator named, a line break in quotes, columns by other names.
	 */
	static const char list[] =
	    "sep=;\r\nAktenzeichen;Band;Blattzahl;Bemerkung;Eilt;AZR-Nr;Sprache\r\n"
	    "33/1-\xDC;1;12;\"zwei\r\nZeilen \"\"x\"\" \x80\";ja;000000000017;deu, rus\r\n"
	    "=1+1;2;;@SUM(A1);;;\r\n";
	static const char bad[] = "Aktenzeichen;Band;Blattzahl;Bemerkung\r\n"
				  "33/2;1;12;\"zwei\r\nZeilen\"\r\n"
				  "33/3;1;zw\xF6lf;\r\n";
	struct desk d;
	struct register_import done;
	struct register_entry entry;
	struct error err = {0};
	char *said;
	bool found;

	desk_open(&d,
	    "[columns]\nfile_number = Aktenzeichen\nvolume = Band\nsheets = Blattzahl\n"
	    "urgent = Eilt\nazr = AZR-Nr\nlanguages = Sprache\n");
	desk_check(take(&d, list, false, &done, NULL, &err), &err);
	assert_true(done.windows);
	assert_int_equal(done.added, 2);
	assert_true(register_find(d.workspace.journal, "33/1-\u00dc", 1, &entry, &found, &err));
	assert_true(found && entry.urgent);
	assert_int_equal(entry.sheets, 12);
	assert_string_equal(entry.languages, "deu+rus");
	assert_true(register_find(d.workspace.journal, "=1+1", 2, &entry, &found, &err));
	assert_true(found);
	assert_string_equal(entry.file_number, "=1+1");
	/* A row's line is where it begins, in whatever encoding; and nothing of the list is taken.
	 */
	assert_false(take(&d, bad, false, &done, &said, &err));
	assert_string_equal(said, "line 4: 'zw\u00f6lf' is no number of sheets\n");
	free(said);
	assert_true(register_find(d.workspace.journal, "33/2", 1, &entry, &found, &err));
	assert_false(found);
	desk_close(&d);
}

/* Of what a later list has no column for, it says nothing. */
static void test_register_import_keeps_what_the_list_does_not_say(void **state)
{
	struct desk d;
	struct register_import done;
	struct register_entry entry;
	struct error err = {0};
	bool found;

	desk_open(&d, plain_ini);
	desk_check(
	    take(&d, "file_number;sheets;languages\na;7;rus\nb;8;\n", false, &done, NULL, &err),
	    &err);
	assert_true(register_urgent(d.workspace.journal, "a", true, "m.muster", &found, &err));
	for (int replace = 0; replace < 2; replace++) {
		desk_check(take(&d, "file_number\na\nb\n", replace, &done, NULL, &err), &err);
		assert_int_equal(done.changed, 0);
		assert_true(register_find(d.workspace.journal, "a", 1, &entry, &found, &err));
		assert_true(found && entry.urgent);
		assert_int_equal(entry.sheets, 7);
		assert_string_equal(entry.languages, "rus");
		assert_true(register_find(d.workspace.journal, "b", 1, &entry, &found, &err));
		assert_true(found && !entry.urgent);
		assert_int_equal(entry.sheets, 8);
		assert_string_equal(entry.languages, "");
	}
	/* Where it has the column, an empty field is an answer. */
	desk_check(take(&d, "file_number;sheets;urgent\na;;\n", false, &done, NULL, &err), &err);
	assert_true(register_find(d.workspace.journal, "a", 1, &entry, &found, &err));
	assert_true(found && !entry.urgent);
	assert_int_equal(entry.sheets, -1);
	desk_close(&d);
}

static void test_register_import_36000_lines(void **state)
{
	struct desk d;
	struct register_import done;
	struct error err = {0};
	struct timespec from, to;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fprintf(f, "file_number;volume;sheets;Name\n");
	for (int i = 0; i < 36000; i++)
		fprintf(f, "33/%05d-%02d;1;%d;Muster %d\n", i, i % 97, i % 180, i);
	fclose(f);
	desk_open(&d, plain_ini);
	clock_gettime(CLOCK_MONOTONIC, &from);
	desk_check(take(&d, text, false, &done, NULL, &err), &err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_int_equal(done.added, 36000);
	print_message("36,000 lines in %.2f s\n",
	    (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	free(text);
	desk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_register_import_and_find),
	    cmocka_unit_test(test_register_find_any_volume),
	    cmocka_unit_test(test_register_import_bad_lines_import_nothing),
	    cmocka_unit_test(test_register_import_no_such_column),
	    cmocka_unit_test(test_register_import_again),
	    cmocka_unit_test(test_register_import_as_spreadsheets_write),
	    cmocka_unit_test(test_register_import_keeps_what_the_list_does_not_say),
	    cmocka_unit_test(test_register_import_36000_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
