/*
 * Timestamps of RFC 3161: an outside service (timestamp.url) says that a file was there at a time
 * that is not this computer's own. The whole answer lies beside the file as "<file>.tsr", as
 * `openssl ts -verify -in FILE.tsr -data FILE -CAfile …` takes it. Only the file's SHA-256 leaves
 * the house.
 */
#ifndef ALTAKT_BATCH_TIMESTAMP_H
#define ALTAKT_BATCH_TIMESTAMP_H

#include <stdbool.h>

#include "config/error.h"
#include "config/hash.h"

struct settings;

struct timestamp {
	char at[25];		/* the service's time, UTC: "2026-11-23T11:30:00Z" */
	char signer[256];	/* subject of the certificate that signed it */
	char sha256[HASH_SIZE]; /* of the .tsr file */
};

/* True where the settings name a service. */
bool timestamp_wanted(const struct settings *settings);

/*
 * Asks the service for a timestamp of the file at path, checks the answer (nonce, hash, signature;
 * with timestamp.ca, too, that the signer is one of those) and keeps it, durable.
 *
 * err  ERROR_SYSTEM  the service cannot be reached, or gave no timestamp
 *      ERROR_CHECK   its answer is not a timestamp of this file, or not signed as it should be
 *      ERROR_SETUP   timestamp.ca cannot be read
 *
 * Blocks up to timestamp.timeout seconds.
 */
bool timestamp_get(
    const struct settings *settings, const char *path, struct timestamp *out, struct error *err);

/*
 * Checks "<path>.tsr" against the file: that it is a timestamp of it, signed by the certificate
 * inside. Whether that certificate is to be trusted, whoever checks decides by signer. ERROR_CHECK.
 */
bool timestamp_check(const char *path, struct timestamp *out, struct error *err);

#endif
