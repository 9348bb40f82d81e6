#include "ocr/farm_wire.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

#define MAX_DELIVER	   2
#define ACK_WAIT_MS	   30000
#define STREAM_LIMIT_BYTES (512ll << 20)
#define SECOND_NS	   1000000000ll
#define AGE_S		   1800 /* longer than any owner waits: what nobody fetches is gone then */
#define CONNECT_TIMEOUT_MS 3000
#define HANDSHAKE_S	   5
#define RECONNECT_WAIT_MS  500
#define PING_MS		   5000 /* three without an answer: the broker is gone */
#define JETSTREAM_WAIT_MS  5000
#define USER_JWT	   "-----BEGIN NATS USER JWT"
#define USER_SEED	   "-----BEGIN USER NKEY SEED"
#define LOGIN_LIMIT_BYTES  (1u << 16)

static pthread_once_t handshakes = PTHREAD_ONCE_INIT;

static const char *text_of(const char *text)
{
	return text ? text : "";
}

/* One address of the list. */
static bool address_safe(const char *address, size_t n, bool identified)
{
	static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
	bool tls = n > 6 && strncmp(address, "tls://", 6) == 0;
	const char *host = address, *end = address + n;

	for (const char *p = address; p + 2 < end; p++)
		if (strncmp(p, "://", 3) == 0) {
			host = p + 3;
			break;
		}
	for (const char *p = host; p < end; p++)
		if (*p == '@')
			host = p + 1;
	for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
		size_t k = strlen(loopback[i]);

		if ((size_t)(end - host) >= k && strncmp(host, loopback[i], k) == 0 &&
		    (host + k == end || host[k] == ':' || host[k] == '/'))
			return true;
	}
	return tls && identified;
}

bool farm_address_check(const struct farm_options *options, struct error *err)
{
	bool identified = *text_of(options->certificate) || *text_of(options->credentials);
	const char *rest = text_of(options->url);

	if (!*rest)
		return error_set(err, ERROR_SETUP, "--farm tls://…", _("the farm has no address"));
	while (*rest) {
		size_t n = strcspn(rest, ",");

		if (!address_safe(rest, n, identified))
			return error_set(err, ERROR_SETUP,
			    _("write tls:// and set 'farm.ca' with 'farm.certificate' and 'farm.key', or "
			      "'farm.credentials'"),
			    _("the farm's address '%.*s' is on the network, and pages go there only encrypted and "
			      "to whom we know"),
			    (int)n, rest);
		rest += n + (rest[n] == ',');
	}
	return true;
}

static bool failed(natsStatus status, struct error *err, enum error_kind kind, const char *what)
{
	return error_set(err, kind, NULL, "%s: %s", what, natsStatus_GetText(status));
}

/* NATS would only say "Invalid Argument". */
static bool files_readable(const struct farm_options *options, struct error *err)
{
	const struct {
		const char *key, *path;
	} files[] = {{"farm.ca", options->ca}, {"farm.certificate", options->certificate},
	    {"farm.key", options->key}, {"farm.credentials", options->credentials}};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (*text_of(files[i].path) && access(files[i].path, R_OK) != 0)
			return error_set(err, ERROR_SETUP, NULL,
			    _("the file '%s' of '%s' cannot be read: %s"), files[i].path,
			    files[i].key, strerror(errno));
	return true;
}

/* That the key in them signs; NATS would only say "Error", and only once it is connected. */
static bool credentials_sound(const struct farm_options *options, struct error *err)
{
	size_t n_bytes = 0;
	unsigned char *signature = NULL;
	int n_signature = 0;
	bool sound = false;

	if (!*text_of(options->credentials))
		return true;
	char *file = file_read(options->credentials, LOGIN_LIMIT_BYTES, &n_bytes, NULL);
	char *seed = file ? strstr(file, USER_SEED) : NULL;

	if (seed && strstr(file, USER_JWT)) {
		seed += strlen(USER_SEED);
		seed += strspn(seed, "-\r\n\t ");
		seed[strcspn(seed, "-\r\n\t ")] = '\0';
		sound = nats_Open(-1) == NATS_OK &&
		    nats_Sign(seed, "altakt", &signature, &n_signature) == NATS_OK;
	}
	free(signature);
	if (file)
		OPENSSL_cleanse(file, n_bytes);
	free(file);
	return sound ||
	    error_set(err, ERROR_SETUP, _("get it anew from who runs the broker"),
		_("the file '%s' of 'farm.credentials' holds no sound NATS credentials"),
		options->credentials);
}

static void certificate_name(const char *path, char *name, size_t size)
{
	FILE *f = fopen(path, "re");
	X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (!certificate ||
	    X509_NAME_get_text_by_NID(
		X509_get_subject_name(certificate), NID_commonName, name, (int)size) < 1)
		*name = '\0';
	X509_free(certificate);
	if (f)
		fclose(f);
}

/* Of a .creds file: the name in its JWT's claims, the second of three parts in URL's base 64. */
static void credentials_name(const char *path, char *name, size_t size)
{
	size_t n_bytes = 0, n = 0, padding = 0;
	char *file = file_read(path, LOGIN_LIMIT_BYTES, &n_bytes, NULL);
	const char *jwt = file ? strstr(file, USER_JWT) : NULL;
	const char *claims = jwt ? strchr(jwt, '.') : NULL, *found = NULL;
	unsigned char *base64 = malloc(n_bytes + 4), *json = malloc(n_bytes + 4);
	json_t *root = NULL;

	for (; claims && base64 && claims[1] &&
	     (isalnum((unsigned char)claims[1]) || strchr("-_", claims[1]));
	     claims++)
		base64[n++] = claims[1] == '-' ? '+'
		    : claims[1] == '_'	       ? '/'
					       : (unsigned char)claims[1];
	for (; base64 && n % 4; padding++)
		base64[n++] = '=';
	int decoded = base64 && json ? EVP_DecodeBlock(json, base64, (int)n) : -1;
	if (decoded > (int)padding)
		root = json_loadb((char *)json, (size_t)decoded - padding, 0, NULL);
	found = json_string_value(json_object_get(root, "name"));
	snprintf(name, size, "%s", found ? found : "");
	json_decref(root);
	free(json);
	free(base64);
	free(file);
}

/*
 * Where answers of the broker come to, page images among them: each client has a subject of its
 * own, by the name in its credentials or its certificate's common name (what is no letter, digit or
 * - becomes -) or else its role, so that the broker can keep clients from each other's. The files
 * have been found readable.
 */
static void inbox_of(const struct farm_options *options, const char *role, char *buf, size_t size)
{
	char name[128] = "";

	if (*text_of(options->credentials))
		credentials_name(options->credentials, name, sizeof name);
	else if (*text_of(options->certificate))
		certificate_name(options->certificate, name, sizeof name);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			*p = '-';
	snprintf(buf, size, "altakt.inbox.%s", *name ? name : role);
}

/*
 * libnats waits for the other side of a TLS handshake without end (its issue 906), and
 * for room to write into: a network that is cut in that moment would hold whoever connects, or
 * connects again, for ever. So each handshake begins by giving its socket limits: how long a call
 * waits (libnats asks again, but not for a handshake), and how long what was written may stay
 * without an answer before the connection counts as lost.
 */
static void handshake_limit(const SSL *ssl, int where, int ret)
{
	const struct timeval limit = {.tv_sec = HANDSHAKE_S};
	const unsigned unanswered_ms = 3 * PING_MS;
	int fd = where & SSL_CB_HANDSHAKE_START ? SSL_get_fd(ssl) : -1;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
}

/* libnats shows its SSL objects to nobody; OpenSSL tells of each that is made. */
static void ssl_made(
    void *ssl, void *data, CRYPTO_EX_DATA *all, int index, long number, void *pointer)
{
	SSL_set_info_callback(ssl, handshake_limit);
}

static void handshakes_limit(void)
{
	SSL_get_ex_new_index(0, NULL, ssl_made, NULL, NULL);
}

static natsStatus options_make(
    const struct farm_options *options, const char *name, natsOptions **out)
{
	const char *servers[16];
	char inbox[160];
	int n = 0;
	char *url = strdup(options->url), *rest = url;
	natsOptions *o = NULL;
	natsStatus s = url ? natsOptions_Create(&o) : NATS_NO_MEMORY;

	for (char *one; s == NATS_OK && n < 16 && (one = strsep(&rest, ","));)
		if (*one)
			servers[n++] = one;
	if (s == NATS_OK)
		s = natsOptions_SetServers(o, servers, n);
	if (s == NATS_OK)
		s = natsOptions_SetName(o, name);
	inbox_of(options, strcmp(name, "altakt") == 0 ? "station" : "worker", inbox, sizeof inbox);
	if (s == NATS_OK)
		s = natsOptions_SetCustomInboxPrefix(o, inbox);
	if (s == NATS_OK)
		s = natsOptions_SetTimeout(o, CONNECT_TIMEOUT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(o, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(o, RECONNECT_WAIT_MS);
	if (s == NATS_OK) /* a cut cable says nothing */
		s = natsOptions_SetPingInterval(o, PING_MS);
	if (s == NATS_OK) /* what is not sent must be known as not sent */
		s = natsOptions_SetReconnectBufSize(o, 0);
	if (s == NATS_OK)
		s = natsOptions_SetFailRequestsOnDisconnect(o, true);
	if (s == NATS_OK && strstr(options->url, "tls://"))
		s = natsOptions_SetSecure(o, true);
	if (s == NATS_OK && *text_of(options->ca))
		s = natsOptions_LoadCATrustedCertificates(o, options->ca);
	if (s == NATS_OK && *text_of(options->certificate))
		s = natsOptions_LoadCertificatesChain(
		    o, options->certificate, text_of(options->key));
	if (s == NATS_OK && *text_of(options->credentials))
		s = natsOptions_SetUserCredentialsFromFiles(o, options->credentials, NULL);
	free(url);
	if (s != NATS_OK) {
		natsOptions_Destroy(o);
		o = NULL;
	}
	*out = o;
	return s;
}

bool farm_link_open(
    const struct farm_options *options, const char *name, struct farm_link *link, struct error *err)
{
	natsOptions *o = NULL;
	char hex[HASH_SIZE];
	jsOptions js;
	natsStatus s;
	bool ok = false;

	*link = (struct farm_link){0};
	if (!farm_address_check(options, err) || !files_readable(options, err) ||
	    !credentials_sound(options, err))
		return false;
	/* another version of altakt may cut lines or write ALTO otherwise: it is another recogniser
	 */
	char *recogniser = file_path("altakt %s; %s", ALTAKT_VERSION, text_of(options->models));
	hash_bytes(HASH_SHA256, recogniser, strlen(recogniser), hex);
	free(recogniser);
	snprintf(link->models, sizeof link->models, "%.16s", hex);
	link->ack_wait_ms = options->ack_wait_ms ? options->ack_wait_ms : ACK_WAIT_MS;
	link->on_disk = options->on_disk;
	link->replicas = options->replicas ? options->replicas : 1;
	pthread_once(&handshakes, handshakes_limit);
	s = options_make(options, name, &o);
	if (s != NATS_OK) {
		failed(s, err, ERROR_SETUP,
		    _("the farm's address, certificate or credentials are not usable"));
		goto done;
	}
	s = natsConnection_Connect(&link->connection, o);
	if (s == NATS_CONNECTION_AUTH_FAILED || s == NATS_SECURE_CONNECTION_REQUIRED ||
	    s == NATS_SECURE_CONNECTION_WANTED) {
		error_set(err, ERROR_SETUP,
		    _("see 'farm.url', 'farm.credentials', 'farm.ca', 'farm.certificate' and 'farm.key'"),
		    _("the farm's broker '%s' does not take us: %s"), options->url,
		    natsStatus_GetText(s));
		goto done;
	}
	if (s != NATS_OK) {
		error_set(err, ERROR_BUSY, _("start the broker (nats-server), or leave out --farm"),
		    _("the farm's broker '%s' cannot be reached: %s"), options->url,
		    natsStatus_GetText(s));
		goto done;
	}
	jsOptions_Init(&js);
	js.Wait = JETSTREAM_WAIT_MS;
	s = natsConnection_JetStream(&link->js, link->connection, &js);
	if (s != NATS_OK) {
		failed(s, err, ERROR_SETUP, _("the farm's broker has no JetStream"));
		goto done;
	}
	ok = true;
done:
	natsOptions_Destroy(o);
	if (!ok)
		farm_link_close(link);
	return ok;
}

void farm_link_close(struct farm_link *link)
{
	jsCtx_Destroy(link->js);
	natsConnection_Close(link->connection);
	natsConnection_Destroy(link->connection);
	link->js = NULL;
	link->connection = NULL;
}

uint64_t farm_link_reconnects(const struct farm_link *link)
{
	natsStatistics *stats = NULL;
	uint64_t n = 0;

	if (natsStatistics_Create(&stats) == NATS_OK &&
	    natsConnection_GetStats(link->connection, stats) == NATS_OK)
		natsStatistics_GetCounts(stats, NULL, NULL, NULL, NULL, &n);
	natsStatistics_Destroy(stats);
	return n;
}

const char *farm_consumer(const struct farm_link *link, char *buf, size_t size)
{
	snprintf(buf, size, "workers-%s", link->models);
	return buf;
}

static natsStatus stream_make(
    struct farm_link *link, const char *name, const char *subject, int64_t age_ns)
{
	jsStreamConfig config;
	jsStreamInfo *info = NULL;
	natsStatus s = js_GetStreamInfo(&info, link->js, name, NULL, NULL);

	jsStreamInfo_Destroy(info);
	if (s != NATS_NOT_FOUND)
		return s;
	jsStreamConfig_Init(&config);
	config.Name = name;
	config.Subjects = &subject;
	config.SubjectsLen = 1;
	config.Retention = js_WorkQueuePolicy;
	config.Storage = link->on_disk ? js_FileStorage : js_MemoryStorage;
	config.Discard = js_DiscardNew;
	config.MaxBytes = STREAM_LIMIT_BYTES;
	config.MaxMsgSize = FARM_IMAGE_LIMIT_BYTES + 65536;
	config.MaxAge = age_ns;
	config.Replicas = link->replicas;
	return js_AddStream(NULL, link->js, &config, NULL, NULL);
}

bool farm_link_prepare(struct farm_link *link, struct error *err)
{
	char durable[64], filter[64];
	jsConsumerConfig config;
	natsStatus s;

	s = stream_make(link, FARM_PAGES, "altakt.page.>", AGE_S * SECOND_NS);
	if (s == NATS_OK)
		s = stream_make(link, FARM_TEXTS, "altakt.text.>", AGE_S * SECOND_NS);
	if (s != NATS_OK)
		return failed(s, err, ERROR_BUSY, _("the farm's streams cannot be made"));
	jsConsumerConfig_Init(&config);
	snprintf(filter, sizeof filter, "altakt.page.%s.>", link->models);
	config.Durable = farm_consumer(link, durable, sizeof durable);
	config.FilterSubject = filter;
	config.AckPolicy = js_AckExplicit;
	config.AckWait = link->ack_wait_ms * 1000000;
	config.MaxDeliver = MAX_DELIVER;
	config.MaxAckPending = 4096;
	s = js_AddConsumer(NULL, link->js, FARM_PAGES, &config, NULL, NULL);
	if (s != NATS_OK) { /* there with other figures, which the administrator may have set */
		jsConsumerInfo *info = NULL;

		s = js_GetConsumerInfo(&info, link->js, FARM_PAGES, durable, NULL, NULL);
		jsConsumerInfo_Destroy(info);
	}
	return s == NATS_OK || failed(s, err, ERROR_BUSY, _("the farm's queue cannot be made"));
}

void farm_id(char id[FARM_ID_SIZE])
{
	unsigned char random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		abort(); /* the kernel promises this for so few bytes */
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
}

bool farm_id_check(const char *id)
{
	size_t n = 0;

	while (isxdigit((unsigned char)id[n]) && n < FARM_ID_SIZE)
		n++;
	return n == FARM_ID_SIZE - 1 && !id[n];
}
