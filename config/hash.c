#include "config/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text.h"

const char hash_zero[65] = "0000000000000000000000000000000000000000000000000000000000000000";

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_open(enum hash_kind kind)
{
	struct hash *hash = calloc(1, sizeof *hash);

	if (!hash || !(hash->ctx = EVP_MD_CTX_new()) ||
	    EVP_DigestInit_ex(hash->ctx, kind == HASH_SHA256 ? EVP_sha256() : EVP_sha512(), NULL) !=
		1)
		abort(); /* out of memory within the first hundred bytes, or a broken library */
	return hash;
}

void hash_add(struct hash *hash, const void *data, size_t n_bytes)
{
	if (EVP_DigestUpdate(hash->ctx, data, n_bytes) != 1)
		abort();
}

void hash_close(struct hash *hash, char hex[HASH_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!hash)
		return;
	if (EVP_DigestFinal_ex(hash->ctx, sum, &n) != 1)
		abort();
	if (hex)
		for (unsigned int i = 0; i < n; i++)
			snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(hash->ctx);
	free(hash);
}

void hash_bytes(enum hash_kind kind, const void *data, size_t n_bytes, char hex[HASH_SIZE])
{
	struct hash *hash = hash_open(kind);

	hash_add(hash, data, n_bytes);
	hash_close(hash, hex);
}

bool hash_file(enum hash_kind kind, const char *path, char hex[HASH_SIZE], uint64_t *n_bytes,
    struct error *err)
{
	enum { CHUNK_BYTES = 256 * 1024 };
	struct hash *hash = NULL;
	unsigned char *buf = NULL;
	uint64_t total = 0;
	bool ok = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for ever */

	if (fd < 0) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	buf = malloc(CHUNK_BYTES);
	if (!buf) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	hash = hash_open(kind);
	for (;;) {
		ssize_t n = read(fd, buf, CHUNK_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_errno(err, NULL, _("cannot read '%s'"), path);
			goto done;
		}
		if (n == 0)
			break;
		hash_add(hash, buf, (size_t)n);
		total += (uint64_t)n;
	}
	hash_close(hash, hex);
	hash = NULL;
	if (n_bytes)
		*n_bytes = total;
	ok = true;
done:
	hash_close(hash, NULL);
	free(buf);
	if (fd >= 0)
		close(fd);
	return ok;
}
