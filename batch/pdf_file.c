#include "batch/pdf_file.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

enum {
	GROUP_OBJECTS = 100, /* in an object stream: a reader unpacks all of them for one */
	ENTRY_BYTES = 1 + 5 + 2,
};

/* Where an object is: by itself, or within the object stream number at, as its index-th. */
struct entry {
	uint64_t at;
	uint16_t index;
	uint8_t type; /* 7.5.8.3: 1 by itself, 2 in a stream; 0 not put yet */
};

struct pdf_file {
	char *path, *part;
	FILE *out;
	struct hash *hash;
	uint64_t offset; /* bytes written */
	struct entry *entries;
	int n_entries, room;
	/* the object stream in the making: its table of numbers and offsets, and its objects */
	char *group_head, *group_text;
	size_t n_head, n_text;
	FILE *head, *text;
	int group, n_grouped;
	bool finished;
};

static bool failed(const struct pdf_file *file, struct error *err)
{
	return error_errno(err, NULL, _("cannot write '%s'"), file->path);
}

static bool put(struct pdf_file *file, const void *data, size_t n, struct error *err)
{
	if (n > 0 && fwrite(data, 1, n, file->out) != n)
		return failed(file, err);
	hash_add(file->hash, data, n);
	file->offset += n;
	return true;
}

bool pdf_file_open(const char *path, struct pdf_file **out, struct error *err)
{
	struct pdf_file *file = calloc(1, sizeof *file);
	/* 7.5.2: a second line of bytes above 127 tells that the file is binary */
	static const char header[] = "%PDF-1.7\n%\xbf\xf7\xa2\xfe\n";

	if (!file)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), path);
	file->path = file_path("%s", path);
	file->part = file_path("%s.part", path);
	file->hash = hash_open(HASH_SHA256);
	file->n_entries = 1; /* object 0 heads the list of free ones */
	file->out = fopen(file->part, "wbe");
	if (!file->out) {
		failed(file, err);
		pdf_file_close(file);
		return false;
	}
	if (!put(file, header, sizeof header - 1, err)) {
		pdf_file_close(file);
		return false;
	}
	*out = file;
	return true;
}

static void group_release(struct pdf_file *file)
{
	if (file->head)
		fclose(file->head);
	if (file->text)
		fclose(file->text);
	free(file->group_head);
	free(file->group_text);
	file->head = file->text = NULL;
	file->group_head = file->group_text = NULL;
	file->group = file->n_grouped = 0;
}

void pdf_file_close(struct pdf_file *file)
{
	if (!file)
		return;
	group_release(file);
	if (file->out)
		fclose(file->out);
	if (!file->finished)
		unlink(file->part);
	hash_close(file->hash, NULL);
	free(file->entries);
	free(file->path);
	free(file->part);
	free(file);
}

bool pdf_file_number(struct pdf_file *file, int *number, struct error *err)
{
	if (file->n_entries >= file->room) {
		int room = file->room ? 2 * file->room : 256;
		struct entry *more = realloc(file->entries, (size_t)room * sizeof *more);
		if (!more)
			return error_set(err, ERROR_SYSTEM, NULL,
			    _("cannot make '%s': out of memory"), file->path);
		memset(more + file->room, 0, (size_t)(room - file->room) * sizeof *more);
		file->entries = more;
		file->room = room;
	}
	*number = file->n_entries++;
	return true;
}

/* The entry of an object that is put now. */
static struct entry *entry_new(struct pdf_file *file, int number)
{
	assert(number > 0 && number < file->n_entries && file->entries[number].type == 0);
	return &file->entries[number];
}

bool pdf_file_stream(struct pdf_file *file, int number, const char *entries, const void *data,
    size_t n_bytes, enum pdf_stream how, struct error *err)
{
	struct entry *entry = entry_new(file, number);
	uint8_t *packed = NULL;
	char *head;
	bool ok;

	if (how == PDF_STREAM_DEFLATE) {
		uLongf n_packed = compressBound(n_bytes);
		packed = malloc(n_packed);
		if (!packed || compress(packed, &n_packed, data, n_bytes) != Z_OK) {
			free(packed);
			return error_set(err, ERROR_SYSTEM, NULL,
			    _("cannot make '%s': out of memory"), file->path);
		}
		data = packed;
		n_bytes = n_packed;
	}
	*entry = (struct entry){.at = file->offset, .type = 1};
	head = file_path("%d 0 obj\n<< %s%s /Length %zu >>\nstream\n", number, entries,
	    packed ? " /Filter /FlateDecode" : "", n_bytes);
	ok = put(file, head, strlen(head), err) && put(file, data, n_bytes, err) &&
	    put(file, "\nendstream\nendobj\n", 18, err);
	free(head);
	free(packed);
	return ok;
}

static bool group_end(struct pdf_file *file, struct error *err)
{
	char entries[80];
	char *whole = NULL;
	bool written, ok = false;

	if (!file->group)
		return true;
	written = !ferror(file->head) && !ferror(file->text);
	written = fclose(file->head) == 0 && written;
	written = fclose(file->text) == 0 && written;
	file->head = file->text = NULL;
	if (written)
		whole = malloc(file->n_head + file->n_text);
	if (!whole) {
		error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), file->path);
		goto done;
	}
	memcpy(whole, file->group_head, file->n_head);
	memcpy(whole + file->n_head, file->group_text, file->n_text);
	snprintf(entries, sizeof entries, "/Type /ObjStm /N %d /First %zu", file->n_grouped,
	    file->n_head);
	ok = pdf_file_stream(file, file->group, entries, whole, file->n_head + file->n_text,
	    PDF_STREAM_DEFLATE, err);
done:
	free(whole);
	group_release(file);
	return ok;
}

bool pdf_file_object(struct pdf_file *file, int number, const char *text, struct error *err)
{
	long at;

	if (!file->group) {
		if (!pdf_file_number(file, &file->group, err))
			return false;
		file->head = open_memstream(&file->group_head, &file->n_head);
		file->text = open_memstream(&file->group_text, &file->n_text);
		if (!file->head || !file->text) {
			group_release(file);
			return error_set(err, ERROR_SYSTEM, NULL,
			    _("cannot make '%s': out of memory"), file->path);
		}
	}
	at = ftell(file->text);
	*entry_new(file, number) = (struct entry){
	    .at = (uint64_t)file->group, .index = (uint16_t)file->n_grouped, .type = 2};
	fprintf(file->head, "%d %ld ", number, at);
	fprintf(file->text, "%s\n", text);
	return ++file->n_grouped < GROUP_OBJECTS || group_end(file, err);
}

/* The cross-reference table as a stream, and where it begins. */
static bool table_put(struct pdf_file *file, int root, int info, struct error *err)
{
	uint64_t begin = file->offset;
	char id[HASH_SIZE], entries[256], tail[64];
	uint8_t *table, *at;
	int number;
	bool ok;

	if (!pdf_file_number(file, &number, err))
		return false;
	file->entries[number] = (struct entry){.at = begin, .type = 1}; /* it lists itself */
	table = at = malloc((size_t)file->n_entries * ENTRY_BYTES);
	if (!table)
		return error_set(
		    err, ERROR_SYSTEM, NULL, _("cannot make '%s': out of memory"), file->path);
	for (int i = 0; i < file->n_entries; i++) {
		const struct entry *e = &file->entries[i];
		*at++ = e->type;
		for (int shift = 32; shift >= 0; shift -= 8)
			*at++ = (uint8_t)(e->at >> shift);
		/* the next generation of object 0, which is never used again, is 65535 */
		int last = i == 0 ? 65535 : e->index;
		*at++ = (uint8_t)(last >> 8);
		*at++ = (uint8_t)last;
	}
	hash_close(file->hash, id);
	file->hash = hash_open(HASH_SHA256);
	snprintf(entries, sizeof entries,
	    "/Type /XRef /Size %d /W [1 5 2] /Root %d 0 R /Info %d 0 R /ID [<%.32s> <%.32s>]",
	    file->n_entries, root, info, id, id);
	file->entries[number].type = 0;
	ok = pdf_file_stream(file, number, entries, table, (size_t)file->n_entries * ENTRY_BYTES,
	    PDF_STREAM_DEFLATE, err);
	free(table);
	snprintf(tail, sizeof tail, "startxref\n%ju\n%%%%EOF\n", (uintmax_t)begin);
	return ok && put(file, tail, strlen(tail), err);
}

bool pdf_file_finish(struct pdf_file *file, int root, int info, struct error *err)
{
	int closed;

	assert(!file->finished);
	if (!group_end(file, err) || !table_put(file, root, info, err))
		return false;
	closed = fclose(file->out);
	file->out = NULL;
	if (closed != 0)
		return failed(file, err);
	if (!file_sync(file->part, err) || !file_move(file->part, file->path, err))
		return false;
	file->finished = true;
	return true;
}
