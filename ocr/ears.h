/*
 * What libraries print on descriptor 2 meanwhile goes to memory, and from there to the log.
 * Processes of one thread.
 */
#ifndef ALTAKT_OCR_EARS_H
#define ALTAKT_OCR_EARS_H

#include <stddef.h>

struct ears {
	int kept_fd, said_fd;
};

struct ears ears_open(void); /* without memory for it: nothing is caught, and nothing breaks */

/*
 * where  whose words these are in the log; may be NULL
 * said   filled with the first line that was printed, "" where none was; may be NULL
 */
void ears_close(struct ears ears, const char *where, char *said, size_t size);

#endif
