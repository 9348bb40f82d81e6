#include "batch/sign.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/settings.h"
#include "config/text.h"

enum { SIGNED_LIMIT_BYTES = 256 << 20, PASSPHRASE_SIZE = 256 };

struct signer {
	X509 *certificate;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
};

static void signer_release(struct signer *s)
{
	X509_free(s->certificate);
	EVP_PKEY_free(s->key);
	sk_X509_pop_free(s->chain, X509_free);
	*s = (struct signer){0};
}

/* OpenSSL's own word for what went wrong, once. */
static const char *why(char text[200])
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	if (code == 0)
		return _("unreadable");
	ERR_error_string_n(code, text, 200);
	return text;
}

bool sign_wanted(const struct settings *settings)
{
	return settings_text(settings, "sign.certificate")[0] != '\0';
}

/* No question is ever asked on a terminal: "" refuses a key that wants a passphrase. */
static int passphrase_give(char *buf, int size, int writing, void *self)
{
	const char *passphrase = self;
	int n = passphrase ? (int)strlen(passphrase) : 0;

	if (n == 0 || n > size)
		return -1;
	memcpy(buf, passphrase, (size_t)n);
	return n;
}

/* The first line of the file that the settings name; "" where they name none. */
static bool passphrase_read(
    const struct settings *settings, char passphrase[PASSPHRASE_SIZE], struct error *err)
{
	const char *path = settings_text(settings, "sign.passphrase_file");

	passphrase[0] = '\0';
	if (!path[0])
		return true;
	FILE *f = fopen(path, "re");
	bool read = f && fgets(passphrase, PASSPHRASE_SIZE, f);
	if (f)
		fclose(f);
	size_t n = strcspn(passphrase, "\r\n");
	if (read && n > 0 && n < PASSPHRASE_SIZE - 1) {
		passphrase[n] = '\0';
		return true;
	}
	return error_set(err, ERROR_SETUP,
	    _("its first line is the passphrase of the key, and this account may read it"),
	    _("cannot read a passphrase from '%s', which 'sign.passphrase_file' names"), path);
}

static bool pkcs12_read(const char *path, const char *passphrase, struct signer *s)
{
	FILE *f = fopen(path, "rbe");
	PKCS12 *p12 = f ? d2i_PKCS12_fp(f, NULL) : NULL;
	bool ok = p12 && PKCS12_parse(p12, passphrase, &s->key, &s->certificate, &s->chain) == 1 &&
	    s->key && s->certificate;

	PKCS12_free(p12);
	if (f)
		fclose(f);
	return ok;
}

static bool pem_read(const char *certificate, const char *key, char *passphrase, struct signer *s)
{
	BIO *bio = BIO_new_file(certificate, "r");

	s->certificate = bio ? PEM_read_bio_X509(bio, NULL, passphrase_give, NULL) : NULL;
	s->chain = sk_X509_new_null();
	for (X509 *more; s->certificate && s->chain &&
	     (more = PEM_read_bio_X509(bio, NULL, passphrase_give, NULL));)
		sk_X509_push(s->chain, more);
	ERR_clear_error();
	BIO_free(bio);
	bio = s->certificate ? BIO_new_file(key, "r") : NULL;
	s->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, passphrase_give, passphrase) : NULL;
	BIO_free(bio);
	return s->certificate && s->key;
}

static bool signer_read(const struct settings *settings, struct signer *s, struct error *err)
{
	const char *certificate = settings_text(settings, "sign.certificate");
	const char *key = settings_text(settings, "sign.key");
	char text[200], passphrase[PASSPHRASE_SIZE];

	*s = (struct signer){0};
	ERR_clear_error();
	if (!passphrase_read(settings, passphrase, err))
		return false;
	bool pem = pem_read(certificate, key[0] ? key : certificate, passphrase, s);
	bool read = pem || s->certificate || pkcs12_read(certificate, passphrase, s);
	OPENSSL_cleanse(passphrase, sizeof passphrase);
	if (!read) {
		error_set(err, ERROR_SETUP,
		    _("sign.certificate and sign.key name PEM files, or the first one PKCS#12 file; sign.passphrase_file a file with its passphrase"),
		    _("cannot read the certificate '%s': %s"), certificate, why(text));
		goto fail;
	}
	if (!s->key) {
		error_set(err, ERROR_SETUP,
		    _("sign.key names a PEM file, sign.passphrase_file one with its passphrase"),
		    _("cannot read the key '%s': %s"), key[0] ? key : certificate, why(text));
		goto fail;
	}
	if (X509_check_private_key(s->certificate, s->key) != 1) {
		ERR_clear_error();
		error_set(err, ERROR_SETUP, NULL,
		    _("the key '%s' is not that of the certificate '%s'"), key, certificate);
		goto fail;
	}
	if (X509_cmp_current_time(X509_get0_notAfter(s->certificate)) < 0) {
		error_set(err, ERROR_SETUP,
		    _("set a valid one in altakt.ini: sign.certificate, sign.key"),
		    _("the certificate '%s' is expired"), certificate);
		goto fail;
	}
	if (X509_cmp_current_time(X509_get0_notBefore(s->certificate)) > 0) {
		error_set(err, ERROR_SETUP, _("check the clock, or wait"),
		    _("the certificate '%s' is not valid yet"), certificate);
		goto fail;
	}
	return true;
fail:
	signer_release(s);
	return false;
}

bool sign_ready(const struct settings *settings, struct error *err)
{
	struct signer s = {0};

	if (!sign_wanted(settings))
		return true;
	if (!signer_read(settings, &s, err))
		return false;
	signer_release(&s);
	return true;
}

bool sign_file(const struct settings *settings, const char *path, struct error *err)
{
	struct signer s = {0};
	char *signature = file_path("%s.p7s", path), *data = NULL, text[200];
	CMS_ContentInfo *cms = NULL;
	BIO *content = NULL, *out = NULL;
	char *der = NULL;
	bool ok = false;
	size_t n;

	if (!sign_wanted(settings)) {
		ok = true;
		goto done;
	}
	if (!signer_read(settings, &s, err) ||
	    !(data = file_read(path, SIGNED_LIMIT_BYTES, &n, err)))
		goto done;
	content = BIO_new_mem_buf(data, (int)n);
	out = BIO_new(BIO_s_mem());
	cms = content && out
	    ? CMS_sign(s.certificate, s.key, s.chain, content, CMS_BINARY | CMS_DETACHED)
	    : NULL;
	if (!cms || i2d_CMS_bio(out, cms) != 1) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot sign '%s': %s"), path, why(text));
		goto done;
	}
	long n_der = BIO_get_mem_data(out, &der);
	ok = file_write(signature, der, (size_t)n_der, err);
done:
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(out);
	signer_release(&s);
	free(data);
	free(signature);
	return ok;
}

bool sign_check(const char *path, char signer[256], struct error *err)
{
	char *signature = file_path("%s.p7s", path), *data = NULL, *der = NULL, text[200];
	CMS_ContentInfo *cms = NULL;
	BIO *content = NULL, *in = NULL;
	STACK_OF(X509) *signers = NULL;
	bool ok = false;
	size_t n, n_der;

	signer[0] = '\0';
	if (!file_exists(signature)) {
		ok = true;
		goto done;
	}
	if (!(data = file_read(path, SIGNED_LIMIT_BYTES, &n, err)) ||
	    !(der = file_read(signature, SIGNED_LIMIT_BYTES, &n_der, err)))
		goto done;
	ERR_clear_error();
	in = BIO_new_mem_buf(der, (int)n_der);
	content = BIO_new_mem_buf(data, (int)n);
	cms = in ? d2i_CMS_bio(in, NULL) : NULL;
	if (!cms || BIO_pending(in) != 0 ||
	    CMS_verify(cms, NULL, NULL, content, NULL,
		CMS_BINARY | CMS_DETACHED | CMS_NO_SIGNER_CERT_VERIFY) != 1) {
		error_set(err, ERROR_CHECK, NULL, _("it does not sign '%s': %s"), path, why(text));
		goto done;
	}
	signers = CMS_get0_signers(cms);
	if (signers && sk_X509_num(signers) > 0)
		X509_NAME_oneline(X509_get_subject_name(sk_X509_value(signers, 0)), signer, 256);
	ok = true;
done:
	sk_X509_free(signers);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(in);
	free(data);
	free(der);
	free(signature);
	return ok;
}

bool sign_trusted(const char *path, const char *certificates, struct error *err)
{
	char *signature = file_path("%s.p7s", path), *data = NULL, *der = NULL, text[200];
	X509_STORE *store = X509_STORE_new();
	CMS_ContentInfo *cms = NULL;
	BIO *content = NULL, *in = NULL;
	bool ok = false;
	size_t n, n_der;

	ERR_clear_error();
	if (!store || X509_STORE_load_file(store, certificates) != 1) {
		error_set(err, ERROR_SETUP, _("collect.certificates names a PEM file"),
		    _("cannot read '%s': %s"), certificates, why(text));
		goto done;
	}
	if (!file_exists(signature)) {
		error_set(err, ERROR_CHECK, NULL, _("'%s' is not signed"), path);
		goto done;
	}
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
	X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
	if (!(data = file_read(path, SIGNED_LIMIT_BYTES, &n, err)) ||
	    !(der = file_read(signature, SIGNED_LIMIT_BYTES, &n_der, err)))
		goto done;
	in = BIO_new_mem_buf(der, (int)n_der);
	content = BIO_new_mem_buf(data, (int)n);
	cms = in ? d2i_CMS_bio(in, NULL) : NULL;
	if (!cms || CMS_verify(cms, NULL, store, content, NULL, CMS_BINARY | CMS_DETACHED) != 1) {
		error_set(err, ERROR_CHECK,
		    _("collect.certificates names the stations' certificates"),
		    _("'%s' is signed by a key that is not known here: %s"), path, why(text));
		goto done;
	}
	ok = true;
done:
	CMS_ContentInfo_free(cms);
	X509_STORE_free(store);
	BIO_free(content);
	BIO_free(in);
	free(data);
	free(der);
	free(signature);
	return ok;
}
