#include "config/account.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/text.h"

const char *account_name(void)
{
	static char name[64];

	if (!name[0]) {
		struct passwd *pw = getpwuid(geteuid());
		if (pw && text_utf8(pw->pw_name, strlen(pw->pw_name)))
			snprintf(name, sizeof name, "%s", pw->pw_name);
		else
			snprintf(name, sizeof name, "uid %u", (unsigned)geteuid());
	}
	return name;
}
