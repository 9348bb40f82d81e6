#include "config/shipped.h"

#include <stdlib.h>

#include "config/file.h"
#include "config/text.h"

char *shipped_path(const char *name, struct error *err)
{
	static const char *const folders[] = {ALTAKT_SHARE_BUILD, ALTAKT_SHARE_DIR};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		char *path = file_path("%s/%s", folders[i], name);
		if (file_exists(path))
			return path;
		free(path);
	}
	error_set(err, ERROR_SETUP, _("install altakt again, completely"),
	    _("the shipped file '%s' is neither in '%s' nor in '%s'"), name, folders[0],
	    folders[1]);
	return NULL;
}
