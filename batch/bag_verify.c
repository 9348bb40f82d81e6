#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <utf8proc.h>

#include "batch/bag.h"
#include "batch/bag_tag.h"
#include "config/file.h"
#include "config/text.h"

/*
 * How a bag is checked:
 *
 *     the folders on disk ──► files, sorted by name ◄── found by name ── entries (file, manifest,
 *                                   │                                     hash expected)
 *                                   └─► each file is read once, with all hashes anybody expects
 *                                                                              ▲
 *     manifest-<hash>.txt, tagmanifest-<hash>.txt ─────────────────────────────┘
 */

enum {
	FINDINGS_MAX = 200, /* of each kind; a bag that is wrong everywhere says no more */
	MANIFESTS_MAX = 32,
	ENTRIES_MAX = 20000000,
	CHUNK_BYTES = 256 * 1024,
};

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
	int n_bytes;
} hashes[] = {
    {"md5", EVP_md5, 16},
    {"sha1", EVP_sha1, 20},
    {"sha224", EVP_sha224, 28},
    {"sha256", EVP_sha256, 32},
    {"sha384", EVP_sha384, 48},
    {"sha512", EVP_sha512, 64},
};
enum { N_HASHES = sizeof hashes / sizeof *hashes };

struct bag_file {
	char *name; /* below the bag, as it is on disk */
	char *key;  /* NFC and case folded */
	uint64_t bytes;
	unsigned manifests; /* bit for each manifest that lists it */
	bool payload;
};

struct manifest {
	const char *name; /* of its file; lent */
	int hash;
	bool tag;
};

struct entry {
	size_t file;
	int manifest;
	uint8_t expected[64];
};

struct check {
	const char *path;
	struct bag_report *report;
	bool strict; /* version 1.0 */
	struct bag_file *files;
	size_t n_files, files_room;
	size_t *by_key; /* files in the order of their keys */
	struct manifest manifests[MANIFESTS_MAX];
	int n_manifests;
	struct entry *entries;
	size_t n_entries, entries_room;
};

static void finding_add(char ***list, size_t *n, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void finding_add(char ***list, size_t *n, const char *fmt, va_list ap)
{
	char **more = *n < FINDINGS_MAX ? realloc(*list, (*n + 1) * sizeof *more) : NULL;

	if (!more)
		return;
	*list = more;
	if (vasprintf(&more[*n], fmt, ap) >= 0)
		(*n)++;
}

__attribute__((format(printf, 2, 3))) static void problem(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finding_add(&c->report->problems, &c->report->n_problems, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void warning(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finding_add(&c->report->warnings, &c->report->n_warnings, fmt, ap);
	va_end(ap);
}

/* Files */

static char *key_of(const char *name)
{
	utf8proc_uint8_t *key = NULL;

	if (utf8proc_map((const utf8proc_uint8_t *)name, 0, &key,
		UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD) < 0)
		return strdup(name);
	return (char *)key;
}

static bool file_add(void *self, const char *relative, const char *path, struct error *err)
{
	struct check *c = self;

	if (c->n_files == c->files_room) {
		size_t room = c->files_room ? 2 * c->files_room : 64;
		struct bag_file *more = realloc(c->files, room * sizeof *more);
		if (!more)
			return error_set(
			    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
		c->files = more;
		c->files_room = room;
	}
	int64_t bytes = file_size_bytes(path);
	struct bag_file *f = &c->files[c->n_files];
	*f = (struct bag_file){.name = strdup(relative),
	    .key = key_of(relative),
	    .bytes = bytes > 0 ? (uint64_t)bytes : 0,
	    .payload = strncmp(relative, "data/", 5) == 0};
	if (!f->name || !f->key) {
		free(f->name);
		free(f->key);
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
	}
	c->n_files++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct bag_file *)a)->name, ((const struct bag_file *)b)->name);
}

static int by_file_key(const void *a, const void *b, void *files)
{
	const struct bag_file *f = files;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	int order = strcmp(f[i].key, f[k].key);

	return order ? order : i < k ? -1 : i > k;
}

static bool files_read(struct check *c, struct error *err)
{
	struct error why = {0};

	if (!file_walk(c->path, file_add, c, &why)) {
		if (why.kind != ERROR_INPUT) {
			*err = why;
			return false;
		}
		problem(c, "%s", why.what); /* a symbolic link, a pipe */
	}
	if (c->n_files > 0)
		qsort(c->files, c->n_files, sizeof *c->files, by_name);
	c->by_key = calloc(c->n_files + 1, sizeof *c->by_key);
	if (!c->by_key)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), c->path);
	for (size_t i = 0; i < c->n_files; i++) {
		struct bag_file *f = &c->files[i];
		const char *last = strrchr(f->name, '/');
		last = last ? last + 1 : f->name;
		c->by_key[i] = i;
		c->report->bytes += f->bytes;
		if (f->payload) {
			c->report->payload_files++;
			c->report->payload_bytes += f->bytes;
		}
		if (strcmp(last, ".DS_Store") == 0 || strcasecmp(last, "Thumbs.db") == 0 ||
		    strcasecmp(last, "desktop.ini") == 0)
			warning(c, _("'%s' was left by an operating system"), f->name);
	}
	qsort_r(c->by_key, c->n_files, sizeof *c->by_key, by_file_key, c->files);
	for (size_t i = 1; i < c->n_files; i++)
		if (strcmp(c->files[c->by_key[i - 1]].key, c->files[c->by_key[i]].key) == 0)
			warning(c, _("'%s' and '%s' differ by case or normalisation alone"),
			    c->files[c->by_key[i - 1]].name, c->files[c->by_key[i]].name);
	return true;
}

static struct bag_file *file_find(struct check *c, const char *name)
{
	struct bag_file key = {.name = (char *)(uintptr_t)name};

	return c->n_files ? bsearch(&key, c->files, c->n_files, sizeof *c->files, by_name) : NULL;
}

/* A file that is called nearly so: normalised in another way, or (before 1.0) in another case. */
static struct bag_file *file_find_alike(struct check *c, const char *name)
{
	char *key = key_of(name);
	struct bag_file *found = NULL;
	size_t low = 0, high = c->n_files;

	while (key && low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(c->files[c->by_key[middle]].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (key && low < c->n_files && strcmp(c->files[c->by_key[low]].key, key) == 0)
		found = &c->files[c->by_key[low]];
	if (found && c->strict) {
		utf8proc_uint8_t *a = utf8proc_NFC((const utf8proc_uint8_t *)name),
				 *b = utf8proc_NFC((const utf8proc_uint8_t *)found->name);
		if (!a || !b || strcmp((const char *)a, (const char *)b) != 0)
			found = NULL;
		free(a);
		free(b);
	}
	free(key);
	if (found)
		warning(c, _("'%s' is listed as '%s'"), found->name, name);
	return found;
}

/*
 * The file that a line of a manifest or of fetch.txt means. Percent signs are an old quarrel among
 * tools: taken as written, and as RFC 8493 has it; 1.0 tries the RFC's way first.
 */
static struct bag_file *file_meant(struct check *c, const char *name)
{
	char *decoded = bag_name_decode(name, c->strict);
	struct bag_file *found = NULL;

	if (decoded) {
		const char *first = c->strict ? decoded : name,
			   *second = c->strict ? name : decoded;
		found = file_find(c, first);
		if (!found && strcmp(first, second) != 0 && (found = file_find(c, second)) &&
		    c->strict)
			warning(c, _("'%s' should be percent-encoded in the manifest"), name);
		if (!found)
			found = file_find_alike(c, decoded);
	}
	free(decoded);
	return found;
}

/* Manifests */

static bool manifests_find(struct check *c)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const char *name = c->files[i].name, *rest;
		size_t n = strlen(name);
		bool tag = strncasecmp(name, "tagmanifest-", 12) == 0;
		if (strchr(name, '/') || n < 5 || strcasecmp(name + n - 4, ".txt") != 0 ||
		    !(tag || strncasecmp(name, "manifest-", 9) == 0))
			continue;
		rest = name + (tag ? 12 : 9);
		int hash = 0;
		while (hash < N_HASHES &&
		    !(strlen(hashes[hash].name) == strlen(rest) - 4 &&
			strncasecmp(rest, hashes[hash].name, strlen(rest) - 4) == 0))
			hash++;
		if (hash == N_HASHES) {
			problem(c, _("'%s' uses a hash that is not known here"), name);
			continue;
		}
		if (c->n_manifests == MANIFESTS_MAX) {
			problem(c, _("the bag has too many manifests"));
			return false;
		}
		c->manifests[c->n_manifests++] = (struct manifest){name, hash, tag};
	}
	for (int i = 0; i < c->n_manifests; i++)
		if (!c->manifests[i].tag)
			return true;
	problem(c, _("the bag has no payload manifest"));
	return true;
}

static bool hex_read(const char *hex, uint8_t *to, int n_bytes)
{
	if (strlen(hex) != 2 * (size_t)n_bytes)
		return false;
	for (int i = 0; i < 2 * n_bytes; i++) {
		int c = (unsigned char)hex[i], d;
		if (c >= '0' && c <= '9')
			d = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (c | 0x20) - 'a' + 10;
		else
			return false;
		to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | d : d << 4);
	}
	return true;
}

static struct entry *entry_find(struct check *c, size_t file, int manifest, size_t from)
{
	for (size_t i = from; i < c->n_entries; i++)
		if (c->entries[i].file == file && c->entries[i].manifest == manifest)
			return &c->entries[i];
	return NULL;
}

/* One line of manifest m. False without memory. */
static bool entry_read(struct check *c, int m, size_t first, size_t line_number, char *line)
{
	const struct manifest *manifest = &c->manifests[m];
	char *hash, *name;
	bool star, dotted;
	struct entry e = {.manifest = m};

	if (line[strspn(line, " \t")] == '\0')
		return true;
	if (!bag_line_split(line, &hash, &name, &star) ||
	    !hex_read(hash, e.expected, hashes[manifest->hash].n_bytes)) {
		problem(c, _("'%s', line %zu is not of the form 'hash  name'"), manifest->name,
		    line_number);
		return true;
	}
	if (star)
		warning(c, _("'%s', line %zu has an asterisk before the name"), manifest->name,
		    line_number);
	if (!bag_name_check(&name, &dotted)) {
		problem(c, _("'%s', line %zu names a file outside of the bag: '%s'"),
		    manifest->name, line_number, name);
		return true;
	}
	if (dotted)
		warning(
		    c, _("'%s', line %zu has './' before the name"), manifest->name, line_number);
	if (!manifest->tag && strncmp(name, "data/", 5) != 0) {
		problem(c, _("'%s', line %zu names a file that is not payload: '%s'"),
		    manifest->name, line_number, name);
		return true;
	}
	struct bag_file *file = file_meant(c, name);
	if (!file) {
		problem(c, _("'%s' is missing; '%s' lists it"), name, manifest->name);
		return true;
	}
	e.file = (size_t)(file - c->files);
	if (file->manifests & 1u << m) {
		/* Looking it up is slow: somebody who lists everything twice is not waited for. */
		const struct entry *before = c->strict || c->report->n_warnings == FINDINGS_MAX
		    ? NULL
		    : entry_find(c, e.file, m, first);
		if (!before || memcmp(before->expected, e.expected, sizeof e.expected) != 0)
			problem(c, _("'%s' lists '%s' twice"), manifest->name, name);
		else
			warning(c, _("'%s' lists '%s' twice"), manifest->name, name);
		return true;
	}
	file->manifests |= 1u << m;
	if (c->n_entries == c->entries_room) {
		size_t room = c->entries_room ? 2 * c->entries_room : 256;
		struct entry *more =
		    room <= ENTRIES_MAX ? realloc(c->entries, room * sizeof *more) : NULL;
		if (!more)
			return false;
		c->entries = more;
		c->entries_room = room;
	}
	c->entries[c->n_entries++] = e;
	return true;
}

static bool manifest_read(struct check *c, int m, struct error *err)
{
	char *path = file_path("%s/%s", c->path, c->manifests[m].name);
	struct bag_text text = {0};
	struct error why = {0};
	size_t first = c->n_entries;
	bool ok = false;

	if (!bag_text_read(path, c->report->encoding, &text, &why)) {
		ok = why.kind == ERROR_CHECK;
		if (ok)
			problem(c, "%s", why.what);
		else
			*err = why;
		goto done;
	}
	for (size_t i = 0; i < text.n_lines; i++)
		if (!entry_read(c, m, first, i + 1, text.lines[i])) {
			error_set(
			    err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), path);
			goto done;
		}
	ok = true;
done:
	bag_text_release(&text);
	free(path);
	return ok;
}

/* Which files are listed where: everything that can be said without reading them. */
static void completeness_check(struct check *c)
{
	unsigned payload = 0, tags = 0;

	for (int m = 0; m < c->n_manifests; m++) {
		payload |= c->manifests[m].tag ? 0 : 1u << m;
		tags |= c->manifests[m].tag ? 1u << m : 0;
	}
	for (size_t i = 0; i < c->n_files; i++) {
		const struct bag_file *f = &c->files[i];
		bool tag_manifest = strncasecmp(f->name, "tagmanifest-", 12) == 0;
		if (f->payload && (f->manifests & payload) == 0)
			problem(c, _("'%s' is in the bag, but in no manifest"), f->name);
		else if (f->payload && (f->manifests & payload) != payload && c->strict)
			problem(c, _("'%s' is not in all manifests"), f->name);
		else if (!f->payload && !tag_manifest && tags && !(f->manifests & tags))
			warning(c, _("'%s' is in no tag manifest"), f->name);
	}
	for (int m = 0; m < c->n_manifests; m++) {
		const struct bag_file *f = file_find(c, c->manifests[m].name);
		if (!c->manifests[m].tag && tags && (f->manifests & tags) != tags)
			(c->strict ? problem : warning)(
			    c, _("'%s' is not in all tag manifests"), f->name);
		if (c->manifests[m].tag && (f->manifests & tags))
			warning(c, _("'%s' is listed by a tag manifest"), f->name);
	}
}

/* Hashes */

static int by_entry_file(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->file < y->file ? -1 : x->file > y->file ? 1 : x->manifest - y->manifest;
}

/* Reads a file once and compares it with n entries that are all its. */
static bool file_check(
    struct check *c, const struct entry *entries, size_t n, uint8_t *chunk, struct error *err)
{
	const struct bag_file *f = &c->files[entries->file];
	EVP_MD_CTX *contexts[N_HASHES] = {NULL};
	uint8_t digests[N_HASHES][EVP_MAX_MD_SIZE];
	char *path = file_path("%s/%s", c->path, f->name);
	bool ok = false;
	FILE *in = fopen(path, "rbe");

	if (!in) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	for (size_t i = 0; i < n; i++) {
		int h = c->manifests[entries[i].manifest].hash;
		if (contexts[h])
			continue;
		contexts[h] = EVP_MD_CTX_new();
		if (!contexts[h] || EVP_DigestInit_ex(contexts[h], hashes[h].md(), NULL) != 1) {
			error_set(
			    err, ERROR_SYSTEM, NULL, _("cannot compute a hash of '%s'"), path);
			goto done;
		}
	}
	for (size_t got; (got = fread(chunk, 1, CHUNK_BYTES, in)) > 0;)
		for (int h = 0; h < N_HASHES; h++)
			if (contexts[h])
				EVP_DigestUpdate(contexts[h], chunk, got);
	if (ferror(in)) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
		goto done;
	}
	for (int h = 0; h < N_HASHES; h++)
		if (contexts[h])
			EVP_DigestFinal_ex(contexts[h], digests[h], NULL);
	for (size_t i = 0; i < n; i++) {
		const struct manifest *m = &c->manifests[entries[i].manifest];
		if (memcmp(digests[m->hash], entries[i].expected,
			(size_t)hashes[m->hash].n_bytes) != 0)
			problem(c, _("'%s' is not what '%s' says: its content has changed"),
			    f->name, m->name);
	}
	ok = true;
done:
	for (int h = 0; h < N_HASHES; h++)
		EVP_MD_CTX_free(contexts[h]);
	if (in)
		fclose(in);
	free(path);
	return ok;
}

static bool hashes_check(struct check *c, struct error *err)
{
	uint8_t *chunk = malloc(CHUNK_BYTES);
	bool ok = chunk != NULL;

	if (!ok)
		error_set(err, ERROR_SYSTEM, NULL, _("cannot read '%s': out of memory"), c->path);
	if (c->n_entries > 0)
		qsort(c->entries, c->n_entries, sizeof *c->entries, by_entry_file);
	for (size_t i = 0, n; ok && i < c->n_entries; i += n) {
		for (n = 1; i + n < c->n_entries && c->entries[i + n].file == c->entries[i].file;)
			n++;
		ok = file_check(c, &c->entries[i], n, chunk, err);
	}
	free(chunk);
	return ok;
}

/* The other tag files */

static void oxum_check(struct check *c)
{
	const struct bag_report *r = c->report;
	int seen = 0;

	for (size_t i = 0; i < r->n_labels; i++) {
		unsigned long long octets, files;
		int end = 0;
		if (strcasecmp(r->labels[i].label, "Payload-Oxum") != 0)
			continue;
		const char *v = r->labels[i].value;
		if (sscanf(v, "%20llu.%20llu%n", &octets, &files, &end) != 2 || v[end] ||
		    v[0] == '-' || v[0] == '+')
			problem(c, _("'bag-info.txt': the Payload-Oxum '%s' is none"), v);
		else if (octets != r->payload_bytes || files != r->payload_files)
			problem(c,
			    _("'bag-info.txt': the Payload-Oxum is %s, but data holds %llu.%llu"),
			    v, (unsigned long long)r->payload_bytes,
			    (unsigned long long)r->payload_files);
		if (++seen == 2)
			(c->strict ? problem : warning)(
			    c, _("'bag-info.txt' has more than one Payload-Oxum"));
	}
}

/* fetch.txt: "url length name" a line; what it names must be there by now, and be payload. */
static bool fetch_check(struct check *c, struct error *err)
{
	char *path = file_path("%s/fetch.txt", c->path);
	struct bag_text text = {0};
	struct error why = {0};
	bool ok = true;

	if (!file_find(c, "fetch.txt"))
		goto done;
	if (!bag_text_read(path, c->report->encoding, &text, &why)) {
		ok = why.kind == ERROR_CHECK;
		if (ok)
			problem(c, "%s", why.what);
		else
			*err = why;
		goto done;
	}
	for (size_t i = 0; i < text.n_lines; i++) {
		char *save = NULL, *line = text.lines[i], *url, *length, *name;
		bool dotted;
		if (line[strspn(line, " \t")] == '\0')
			continue;
		url = strtok_r(line, " \t", &save);
		length = url ? strtok_r(NULL, " \t", &save) : NULL;
		name = length ? save + strspn(save, " \t") : NULL;
		if (!name || !*name ||
		    (strcmp(length, "-") != 0 && length[strspn(length, "0123456789")])) {
			problem(c, _("'fetch.txt', line %zu is not of the form 'url length name'"),
			    i + 1);
			continue;
		}
		if (!bag_name_check(&name, &dotted)) {
			problem(c, _("'fetch.txt', line %zu names a file outside of the bag: '%s'"),
			    i + 1, name);
			continue;
		}
		const struct bag_file *file = file_meant(c, name);
		if (strncmp(name, "data/", 5) != 0)
			problem(c,
			    _("'fetch.txt', line %zu names a file that is not payload: '%s'"),
			    i + 1, name);
		else if (!file)
			problem(c, _("'%s' is missing: fetch it as 'fetch.txt' says"), name);
		else if (strcmp(length, "-") != 0 && strtoull(length, NULL, 10) != file->bytes)
			problem(c, _("'%s' has another length than 'fetch.txt' says"), name);
	}
done:
	bag_text_release(&text);
	free(path);
	return ok;
}

static bool declaration_check(struct check *c, struct error *err)
{
	char *path = file_path("%s/bagit.txt", c->path), *data = file_path("%s/data", c->path);
	struct error why = {0};
	struct stat st;
	bool ok;

	ok = bag_declaration_read(path, c->report->version, c->report->encoding, &why);
	if (!ok && why.kind == ERROR_CHECK)
		problem(c, "%s", why.what);
	else if (!ok)
		*err = why;
	else if (lstat(data, &st) != 0 || !S_ISDIR(st.st_mode))
		problem(c, _("'%s' is missing: the bag has no payload"), data);
	c->strict = strcmp(c->report->version, "1.0") == 0;
	free(path);
	free(data);
	return ok || why.kind == ERROR_CHECK;
}

static bool everything_check(struct check *c, struct error *err)
{
	const char *info = "bag-info.txt";
	struct error why = {0};

	if (!declaration_check(c, err))
		return false;
	if (c->report->version[0] == '\0')
		return true; /* not a bag: nothing else means anything */
	if (!files_read(c, err))
		return false;
	if (file_find(c, info)) {
		char *path = file_path("%s/%s", c->path, info);
		bool ok = bag_info_read(path, c->report, &why);
		free(path);
		if (!ok && why.kind == ERROR_CHECK) {
			problem(c, "%s", why.what);
		} else if (!ok) {
			*err = why;
			return false;
		}
	}
	if (!manifests_find(c))
		return true;
	for (int m = 0; m < c->n_manifests; m++)
		if (!manifest_read(c, m, err))
			return false;
	completeness_check(c);
	oxum_check(c);
	return fetch_check(c, err) && hashes_check(c, err);
}

bool bag_verify(const char *path, struct bag_report *report, struct error *err)
{
	struct check c = {.path = path, .report = report};
	struct stat st;
	bool ok = false;

	assert(report->n_problems == 0 && report->n_labels == 0);
	if (stat(path, &st) != 0)
		return error_set(err, ERROR_USAGE, NULL, _("there is no bag '%s'"), path);
	if (!S_ISDIR(st.st_mode))
		problem(&c, _("'%s' is not a folder"), path);
	else if (!everything_check(&c, err))
		goto done;
	char *tagmanifest = file_path("%s/tagmanifest-sha512.txt", path);
	if (c.n_files > 0 && file_find(&c, "tagmanifest-sha512.txt"))
		hash_file(HASH_SHA512, tagmanifest, report->tagmanifest_sha512, NULL, NULL);
	free(tagmanifest);
	if (report->n_problems > 0)
		error_set(err, ERROR_CHECK, NULL, _("the bag '%s' is not valid: %s"), path,
		    report->problems[0]);
	ok = report->n_problems == 0;
done:
	for (size_t i = 0; i < c.n_files; i++) {
		free(c.files[i].name);
		free(c.files[i].key);
	}
	free(c.files);
	free(c.by_key);
	free(c.entries);
	return ok;
}
