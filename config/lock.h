/*
 * Locks between processes: an open file description lock (fcntl(2), F_OFD_SETLK) on a small file
 * that says who holds it. The kernel releases it when the holder dies, however that happens. A
 * child that was forked shares it as long as it lives; one that was started anew does not.
 */
#ifndef ALTAKT_CONFIG_LOCK_H
#define ALTAKT_CONFIG_LOCK_H

#include <stdbool.h>

#include "config/error.h"

struct lock; /* opaque; held from open to close */

/*
 * Takes the lock at path (made if absent) for this process, noting pid and command in it.
 * ERROR_BUSY where another process holds it: what names its pid and command. Never waits.
 */
bool lock_open(const char *path, const char *command, struct lock **out, struct error *err);
void lock_close(struct lock *lock); /* accepts NULL */

/* True while another process (or this one) holds it; asking never gets in its way. who (may be
 * NULL) is filled: "123 altakt scan". */
bool lock_held(const char *path, char who[256]);

#endif
