/*
 * Preloaded into the program under test: its clock goes SHIFTED_CLOCK_S seconds ahead (or back).
 * Where SHIFTED_CLOCK_FILE names a file, only once that file is there.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	static int (*real)(clockid_t, struct timespec *);
	const char *shift = getenv("SHIFTED_CLOCK_S"), *file = getenv("SHIFTED_CLOCK_FILE");

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(clock, now);
	if (result == 0 && clock == CLOCK_REALTIME && shift && (!file || access(file, F_OK) == 0))
		now->tv_sec += atol(shift);
	return result;
}
