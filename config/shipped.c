#include "config/shipped.h"

#include <stdlib.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"

char *shipped_prefix(void)
{
	char program[4096];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

	for (int i = 0; i < 2; i++) /* …/bin/altakt */
		while (n > 0 && program[--n] != '/')
			;
	return file_path("%.*s", (int)(n > 0 ? n : 0), program);
}

char *shipped_path(const char *name, struct error *err)
{
	char *prefix = shipped_prefix(), *moved = file_path("%s/share/altakt", prefix);
	const char *const folders[] = {moved, ALTAKT_SHARE_BUILD, ALTAKT_SHARE_DIR};
	char *found = NULL;

	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !found; i++) {
		char *path = file_path("%s/%s", folders[i], name);
		if (file_exists(path))
			found = path;
		else
			free(path);
	}
	if (!found)
		error_set(err, ERROR_SETUP, _("install altakt again, completely"),
		    _("the shipped file '%s' is neither in '%s' nor in '%s'"), name, moved,
		    ALTAKT_SHARE_DIR);
	free(moved);
	free(prefix);
	return found;
}
