#include "scan/paper_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"

#ifndef ALTAKT_PAPER_FROM_BIN
#define ALTAKT_PAPER_FROM_BIN "../lib/altakt"
#endif
#ifndef ALTAKT_PAPER_DIR
#define ALTAKT_PAPER_DIR "/usr/local/lib/altakt"
#endif

#define PATH_VARIABLE "LD_LIBRARY_PATH"
#define MODULE_NAME   "libsane-paper.so.1"

static struct {
	bool set;
	char *before; /* NULL: there was none */
} path;

static char *folder_of_program(struct error *err)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n < 0) {
		error_errno(err, NULL, _("cannot find the folder of this program"));
		return NULL;
	}
	exe[n] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	return file_path("%s", exe);
}

char *paper_path_find(struct error *err)
{
	char *program = folder_of_program(err);

	if (!program)
		return NULL;

	char *places[] = {
	    file_path("%s/sane", program), /* the build tree: the program, then its tests */
	    file_path("%s/../sane", program),
	    file_path("%s/%s", program, ALTAKT_PAPER_FROM_BIN),
	    file_path("%s", ALTAKT_PAPER_DIR),
	};
	char *found = NULL;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char *module = file_path("%s/%s", places[i], MODULE_NAME);
		if (!found && access(module, R_OK) == 0)
			found = realpath(places[i], NULL);
		free(module);
	}
	if (!found)
		error_set(err, ERROR_SETUP,
		    _("install altakt again, or name a real scanner with --device"),
		    _("cannot find the simulator's SANE backend '%s': looked in %s, %s, %s and %s"),
		    MODULE_NAME, places[0], places[1], places[2], places[3]);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		free(places[i]);
	free(program);
	return found;
}

bool paper_path_set(struct error *err)
{
	char *folder = NULL, *value = NULL, *before = NULL;
	bool ok = false;

	if (path.set)
		return true;
	folder = paper_path_find(err);
	if (!folder)
		goto done;
	const char *old = getenv(PATH_VARIABLE);
	if (old)
		before = file_path("%s", old);
	value = old && *old ? file_path("%s:%s", folder, old) : file_path("%s", folder);
	if (setenv(PATH_VARIABLE, value, 1) != 0) {
		error_errno(err, NULL, _("cannot set %s"), PATH_VARIABLE);
		goto done;
	}
	path.before = before;
	before = NULL;
	path.set = true;
	ok = true;
done:
	free(before);
	free(value);
	free(folder);
	return ok;
}

void paper_path_clear(void)
{
	if (!path.set)
		return;
	if (path.before)
		setenv(PATH_VARIABLE, path.before, 1);
	else
		unsetenv(PATH_VARIABLE);
	free(path.before);
	path.before = NULL;
	path.set = false;
}
