/* Bytes as a file that has a path: what readers of files are given by a fuzzer. */
#ifndef ALTAKT_TESTS_FUZZ_FILE_H
#define ALTAKT_TESTS_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* path is filled; the descriptor is yours to close. */
static inline int fuzz_file(const uint8_t *data, size_t n, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
