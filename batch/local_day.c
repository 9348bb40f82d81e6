#include "batch/local_day.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/file.h"
#include "config/text.h"

static bool zone_exists(const char *zone)
{
	char *path = file_path("/usr/share/zoneinfo/%s", zone);
	bool exists = zone[0] && zone[0] != '/' && !strstr(zone, "..") && file_exists(path);

	free(path);
	return exists || strcmp(zone, "UTC") == 0;
}

static bool day_exists(int y, int m, int d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return y >= 1900 && y <= 9999 && m >= 1 && m <= 12 && d >= 1 &&
	    d <= days[m - 1] + (m == 2 && leap);
}

bool local_day(const char *at, const char *zone, char day[11], struct error *err)
{
	struct tm tm = {0};
	int n = 0;

	if (!zone_exists(zone))
		return error_set(err, ERROR_SETUP,
		    _("set claim.timezone to a name such as Europe/Berlin; the Debian package tzdata has them"),
		    _("there is no time zone '%s'"), zone);
	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    !day_exists(tm.tm_year, tm.tm_mon, tm.tm_mday))
		return error_set(err, ERROR_CHECK, NULL, _("'%s' is no time"), at);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time_t seconds = timegm(&tm);
	char *was = getenv("TZ") ? strdup(getenv("TZ")) : NULL;
	setenv("TZ", zone, 1);
	tzset();
	localtime_r(&seconds, &tm);
	if (was)
		setenv("TZ", was, 1);
	else
		unsetenv("TZ");
	tzset();
	free(was);
	strftime(day, 11, "%Y-%m-%d", &tm);
	return true;
}

bool day_read(const char *text, char day[11], struct error *err)
{
	int y, m, d, n = 0;

	if ((sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || text[n]) &&
	    (sscanf(text, "%2d.%2d.%4d%n", &d, &m, &y, &n) != 3 || text[n]))
		y = 0;
	if (!day_exists(y, m, d))
		return error_set(err, ERROR_USAGE, _("write it as 2026-12-31 or 31.12.2026"),
		    _("'%s' is no date"), text);
	snprintf(
	    day, 11, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100, (unsigned)d % 100);
	return true;
}
