/* SHA-256 and SHA-512 (FIPS 180-4, by OpenSSL), as lower-case hexadecimal text. Any thread. */
#ifndef ALTAKT_CONFIG_HASH_H
#define ALTAKT_CONFIG_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

enum hash_kind {
	HASH_SHA256,
	HASH_SHA512,
};

#define HASH_SIZE 129 /* room for the longest of them and its NUL */

extern const char hash_zero[65]; /* 64 zeros: what stands before the first line of a chain */

struct hash; /* a sum in the making */

struct hash *hash_open(enum hash_kind kind); /* gives; never NULL */
void hash_add(struct hash *hash, const void *data, size_t n_bytes);
void hash_close(struct hash *hash, char hex[HASH_SIZE]); /* fills hex, which may be NULL; frees */

void hash_bytes(enum hash_kind kind, const void *data, size_t n_bytes, char hex[HASH_SIZE]);

/* n_bytes (may be NULL) is filled with the file's size. ERROR_SYSTEM where it cannot be read. */
bool hash_file(enum hash_kind kind, const char *path, char hex[HASH_SIZE], uint64_t *n_bytes,
    struct error *err);

#endif
