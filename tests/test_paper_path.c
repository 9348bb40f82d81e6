#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "scan/paper_path.h"

static void test_paper_path_find_names_a_folder_with_the_backend(void **state)
{
	struct error err = {0};
	char *folder = paper_path_find(&err);

	assert_non_null(folder);
	assert_int_equal(folder[0], '/');
	char *module = file_path("%s/libsane-paper.so.1", folder);
	assert_true(file_exists(module));
	free(module);
	free(folder);
}

static void test_paper_path_set_and_clear_leave_the_environment_as_it_was(void **state)
{
	struct error err = {0};
	char *folder = paper_path_find(&err);
	assert_non_null(folder);

	unsetenv("LD_LIBRARY_PATH");
	assert_true(paper_path_set(&err));
	assert_string_equal(getenv("LD_LIBRARY_PATH"), folder);
	paper_path_clear();
	assert_null(getenv("LD_LIBRARY_PATH"));
	paper_path_clear();
	assert_null(getenv("LD_LIBRARY_PATH"));
	free(folder);
}

static void test_paper_path_set_goes_before_what_was_there(void **state)
{
	struct error err = {0};
	char *folder = paper_path_find(&err);
	char *wanted = file_path("%s:/nowhere/lib", folder);

	setenv("LD_LIBRARY_PATH", "/nowhere/lib", 1);
	assert_true(paper_path_set(&err));
	assert_true(paper_path_set(&err));
	assert_string_equal(getenv("LD_LIBRARY_PATH"), wanted);
	paper_path_clear();
	assert_string_equal(getenv("LD_LIBRARY_PATH"), "/nowhere/lib");
	unsetenv("LD_LIBRARY_PATH");
	free(wanted);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paper_path_find_names_a_folder_with_the_backend),
	    cmocka_unit_test(test_paper_path_set_and_clear_leave_the_environment_as_it_was),
	    cmocka_unit_test(test_paper_path_set_goes_before_what_was_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
