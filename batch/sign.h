/*
 * Signatures of manifests, acceptances and claims: CMS, detached, DER, beside the file as
 * "<file>.p7s", with key and certificate that the settings name (sign.certificate, sign.key: PEM,
 * or both from one PKCS#12 file; sign.passphrase_file where the key has one). `openssl cms -verify`
 * checks them.
 */
#ifndef ALTAKT_BATCH_SIGN_H
#define ALTAKT_BATCH_SIGN_H

#include <stdbool.h>

#include "config/error.h"

struct settings;

/* True where the settings name a certificate. */
bool sign_wanted(const struct settings *settings);

/* Tells beforehand whether sign_file() would work: its errors; true where nothing is to be signed.
 */
bool sign_ready(const struct settings *settings, struct error *err);

/*
 * Signs a file, durable; does nothing where no certificate is set.
 *
 * err  ERROR_SETUP: certificate or key cannot be read, do not belong together, are expired or not
 *      valid yet
 */
bool sign_file(const struct settings *settings, const char *path, struct error *err);

/*
 * Checks "<path>.p7s" against the file: that the signature is the certificate's inside it. Whether
 * that certificate is to be trusted, whoever checks decides by signer.
 *
 * signer  filled with its subject, "" where there is no signature
 * err     ERROR_CHECK: there is one and it is not of this file
 */
bool sign_check(const char *path, char signer[256], struct error *err);

/*
 * Checks that "<path>.p7s" is there, is of the file, and comes from a certificate that the PEM file
 * `certificates` holds, or that one of those has issued. Whether it has expired since is not asked:
 * it signed when it was valid.
 *
 * err  ERROR_CHECK  no signature, not of this file, or of a key that nobody named
 *      ERROR_SETUP  certificates cannot be read
 */
bool sign_trusted(const char *path, const char *certificates, struct error *err);

#endif
