#include "batch/timestamp.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/file.h"
#include "config/settings.h"
#include "config/text.h"

enum { ANSWER_LIMIT_BYTES = 1 << 20, NONCE_BYTES = 8 };

/* OpenSSL's own word for what went wrong: the first, which names the cause. */
static const char *why(char text[200])
{
	const char *data = NULL;
	int flags = 0;
	unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);

	if (code == 0)
		snprintf(text, 200, "%s", _("no answer"));
	else if (ERR_SYSTEM_ERROR(code))
		snprintf(text, 200, "%s", strerror(ERR_GET_REASON(code)));
	else if (ERR_reason_error_string(code))
		snprintf(text, 200, "%s%s%.120s", ERR_reason_error_string(code),
		    data && *data && (flags & ERR_TXT_STRING) ? ": " : "",
		    data && (flags & ERR_TXT_STRING) ? data : "");
	else
		ERR_error_string_n(code, text, 200);
	ERR_clear_error();
	return text;
}

bool timestamp_wanted(const struct settings *settings)
{
	return settings_text(settings, "timestamp.url")[0] != '\0';
}

static TS_REQ *request_make(const unsigned char digest[32])
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_INTEGER *nonce = ASN1_INTEGER_new();
	unsigned char random[NONCE_BYTES];
	BIGNUM *number =
	    RAND_bytes(random, sizeof random) == 1 ? BN_bin2bn(random, sizeof random, NULL) : NULL;
	bool ok = request && imprint && algorithm && nonce && number &&
	    BN_to_ASN1_INTEGER(number, nonce) &&
	    X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
	    TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	    TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)digest, 32) == 1 &&
	    TS_REQ_set_version(request, 1) == 1 && TS_REQ_set_msg_imprint(request, imprint) == 1 &&
	    TS_REQ_set_nonce(request, nonce) == 1 && TS_REQ_set_cert_req(request, 1) == 1;

	if (!ok) {
		TS_REQ_free(request);
		request = NULL;
	}
	TS_MSG_IMPRINT_free(imprint);
	X509_ALGOR_free(algorithm);
	ASN1_INTEGER_free(nonce);
	BN_free(number);
	return request;
}

struct tls { /* for an address with https */
	SSL_CTX *context;
	const char *host;
	BIO *wrapped; /* lent: over the connection, once there is one */
};

/*
 * Connects; NULL if it is refused, at once, or if the time is over. The library's own way tries a
 * refused connection again until then.
 */
static BIO *connection(const char *host, const char *port, int timeout_s)
{
	BIO *bio = BIO_new(BIO_s_connect());
	time_t end = time(NULL) + timeout_s;
	bool ok = bio && BIO_set_conn_hostname(bio, host) == 1 && BIO_set_conn_port(bio, port) == 1;

	if (ok) {
		BIO_set_nbio(bio, 1);
		while (!(ok = BIO_do_connect(bio) > 0))
			if (!BIO_should_retry(bio) || BIO_wait(bio, end, 50) <= 0)
				break;
	}
	if (!ok) {
		BIO_free_all(bio);
		bio = NULL;
	}
	return bio;
}

static BIO *tls_put(BIO *bio, void *self, int connecting, int detail)
{
	struct tls *tls = self;
	SSL *ssl = NULL;

	if (!connecting || !tls->context)
		return bio;
	BIO *wrapped = BIO_new_ssl(tls->context, 1);
	if (!wrapped || BIO_get_ssl(wrapped, &ssl) != 1 ||
	    SSL_set_tlsext_host_name(ssl, tls->host) != 1 || SSL_set1_host(ssl, tls->host) != 1) {
		BIO_free(wrapped);
		return NULL;
	}
	tls->wrapped = BIO_push(wrapped, bio);
	return tls->wrapped;
}

/* The service's answer to a request, as it came; NULL with err filled. Gives. */
static BIO *ask(const struct settings *settings, const TS_REQ *request, struct error *err)
{
	const char *url = settings_text(settings, "timestamp.url");
	int timeout = (int)settings_int(settings, "timestamp.timeout"), use_tls = 0;
	char *host = NULL, *port = NULL, *path = NULL, *query = NULL, *full = NULL, text[200];
	struct tls tls = {0};
	BIO *body = BIO_new(BIO_s_mem()), *answer = NULL, *own = NULL;

	ERR_clear_error();
	if (OSSL_HTTP_parse_url(url, &use_tls, NULL, &host, &port, NULL, &path, &query, NULL) !=
	    1) {
		error_set(err, ERROR_SETUP, _("write it as http://HOST/PATH or https://HOST/PATH"),
		    _("timestamp.url is no address: '%s'"), url);
		goto done;
	}
	full = query && query[0] ? file_path("%s?%s", path, query) : file_path("%s", path);
	tls.host = host;
	if (use_tls) {
		tls.context = SSL_CTX_new(TLS_client_method());
		if (!tls.context || SSL_CTX_set_default_verify_paths(tls.context) != 1)
			goto failed;
		SSL_CTX_set_verify(tls.context, SSL_VERIFY_PEER, NULL);
	}
	if (!body || i2d_TS_REQ_bio(body, (TS_REQ *)request) != 1)
		goto failed;
	if (!OSSL_HTTP_adapt_proxy(NULL, NULL, host, use_tls)) {
		own = connection(host, port, timeout);
		if (!own)
			goto failed;
	}
	answer = OSSL_HTTP_transfer(NULL, host, port, full, use_tls, NULL, NULL, own, NULL, tls_put,
	    &tls, 0, NULL, "application/timestamp-query", body, "application/timestamp-reply", 1,
	    ANSWER_LIMIT_BYTES, timeout, 0);
	if (answer)
		goto done;
failed:
	error_set(err, ERROR_SYSTEM, _("look whether the service at timestamp.url is there"),
	    _("the timestamp service '%s' gave no timestamp: %s"), url, why(text));
done:
	BIO_free(body);
	if (own)
		BIO_free_all(tls.wrapped ? tls.wrapped : own);
	SSL_CTX_free(tls.context);
	OPENSSL_free(host);
	OPENSSL_free(port);
	OPENSSL_free(path);
	OPENSSL_free(query);
	free(full);
	return answer;
}

/* That the service granted it: else its own words. */
static bool granted(TS_RESP *response, struct error *err)
{
	const TS_STATUS_INFO *status = TS_RESP_get_status_info(response);
	const STACK_OF(ASN1_UTF8STRING) *words = TS_STATUS_INFO_get0_text(status);
	long code = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status));
	const ASN1_UTF8STRING *first =
	    words && sk_ASN1_UTF8STRING_num(words) > 0 ? sk_ASN1_UTF8STRING_value(words, 0) : NULL;

	if ((code == TS_STATUS_GRANTED || code == TS_STATUS_GRANTED_WITH_MODS) &&
	    TS_RESP_get_tst_info(response))
		return true;
	return error_set(err, ERROR_SYSTEM, NULL,
	    _("the timestamp service refused: status %ld %.*s"), code,
	    first ? ASN1_STRING_length(first) : 0,
	    first ? (const char *)ASN1_STRING_get0_data(first) : "");
}

/* The signature by the certificate inside the token, whoever that is; signer is filled. */
static bool signature_check(PKCS7 *token, char signer[256])
{
	STACK_OF(X509) *signers = NULL;
	bool ok = token && PKCS7_verify(token, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1 &&
	    (signers = PKCS7_get0_signers(token, NULL, 0)) && sk_X509_num(signers) == 1;

	signer[0] = '\0';
	if (ok)
		X509_NAME_oneline(X509_get_subject_name(sk_X509_value(signers, 0)), signer, 256);
	sk_X509_free(signers);
	return ok;
}

static bool time_read(TS_RESP *response, char at[25])
{
	const TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	struct tm tm;

	return info && ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) == 1 &&
	    strftime(at, 25, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}

/* Nonce, hash and policy by OpenSSL; the chain of certificates where timestamp.ca names one. */
static bool answer_check(const struct settings *settings, TS_REQ *request, TS_RESP *response,
    struct timestamp *out, struct error *err)
{
	const char *ca = settings_text(settings, "timestamp.ca");
	TS_VERIFY_CTX *context = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
	X509_STORE *store = ca[0] ? X509_STORE_new() : NULL;
	char text[200];
	bool ok = false;

	ERR_clear_error();
	if (store && X509_STORE_load_file(store, ca) != 1) {
		error_set(err, ERROR_SETUP, _("timestamp.ca names a PEM file of certificates"),
		    _("cannot read '%s': %s"), ca, why(text));
		goto done;
	}
	if (context && store) {
		TS_VERIFY_CTX_add_flags(context, TS_VFY_SIGNATURE);
		TS_VERIFY_CTX_set_store(context, store); /* takes it */
		store = NULL;
	}
	if (!context || TS_RESP_verify_response(context, response) != 1 ||
	    !signature_check(TS_RESP_get_token(response), out->signer) ||
	    !time_read(response, out->at)) {
		error_set(err, ERROR_CHECK,
		    _("look whether timestamp.url and timestamp.ca belong together"),
		    _("the timestamp service's answer is not good: %s"), why(text));
		goto done;
	}
	ok = true;
done:
	TS_VERIFY_CTX_free(context);
	X509_STORE_free(store);
	return ok;
}

static bool digest_of(
    const char *path, char hex[HASH_SIZE], unsigned char digest[32], struct error *err)
{
	if (!hash_file(HASH_SHA256, path, hex, NULL, err))
		return false;
	for (int i = 0; i < 32; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
		digest[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	return true;
}

bool timestamp_get(
    const struct settings *settings, const char *path, struct timestamp *out, struct error *err)
{
	char *beside = file_path("%s.tsr", path), hex[HASH_SIZE], text[200];
	unsigned char digest[32], *der = NULL;
	TS_REQ *request = NULL;
	TS_RESP *response = NULL;
	BIO *answer = NULL;
	bool ok = false;
	int n_der = 0;

	*out = (struct timestamp){0};
	if (!digest_of(path, hex, digest, err))
		goto done;
	request = request_make(digest);
	if (!request) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot ask for a timestamp: %s"), why(text));
		goto done;
	}
	if (!(answer = ask(settings, request, err)))
		goto done;
	response = d2i_TS_RESP_bio(answer, NULL);
	if (!response) {
		error_set(err, ERROR_SYSTEM, NULL,
		    _("the timestamp service's answer is not good: %s"), why(text));
		goto done;
	}
	if (!granted(response, err) || !answer_check(settings, request, response, out, err))
		goto done;
	n_der = i2d_TS_RESP(response, &der);
	if (n_der <= 0) {
		error_set(err, ERROR_SYSTEM, NULL, _("cannot keep the timestamp: %s"), why(text));
		goto done;
	}
	hash_bytes(HASH_SHA256, der, (size_t)n_der, out->sha256);
	ok = file_write(beside, der, (size_t)n_der, err);
done:
	OPENSSL_free(der);
	TS_REQ_free(request);
	TS_RESP_free(response);
	BIO_free(answer);
	free(beside);
	return ok;
}

bool timestamp_check(const char *path, struct timestamp *out, struct error *err)
{
	char *beside = file_path("%s.tsr", path), *der = NULL, hex[HASH_SIZE], text[200];
	unsigned char digest[32];
	TS_RESP *response = NULL;
	bool ok = false;
	size_t n;

	*out = (struct timestamp){0};
	if (!digest_of(path, hex, digest, err) ||
	    !(der = file_read(beside, ANSWER_LIMIT_BYTES, &n, err)))
		goto done;
	hash_bytes(HASH_SHA256, der, n, out->sha256);
	ERR_clear_error();
	const unsigned char *at = (const unsigned char *)der;
	response = d2i_TS_RESP(NULL, &at, (long)n);
	TS_TST_INFO *info = response && (size_t)(at - (const unsigned char *)der) == n
	    ? TS_RESP_get_tst_info(response)
	    : NULL;
	TS_MSG_IMPRINT *imprint = info ? TS_TST_INFO_get_msg_imprint(info) : NULL;
	const ASN1_OBJECT *algorithm = NULL;
	if (imprint)
		X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	ASN1_OCTET_STRING *stamped = imprint ? TS_MSG_IMPRINT_get_msg(imprint) : NULL;
	if (!stamped || OBJ_obj2nid(algorithm) != NID_sha256 || ASN1_STRING_length(stamped) != 32 ||
	    memcmp(ASN1_STRING_get0_data(stamped), digest, 32) != 0) {
		error_set(err, ERROR_CHECK, NULL, _("it is no timestamp of '%s'"), path);
		goto done;
	}
	if (!signature_check(TS_RESP_get_token(response), out->signer) ||
	    !time_read(response, out->at)) {
		error_set(err, ERROR_CHECK, NULL, _("its signature is not good: %s"), why(text));
		goto done;
	}
	ok = true;
done:
	TS_RESP_free(response);
	free(der);
	free(beside);
	return ok;
}
