#include "batch/bundle.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/bag.h"
#include "batch/page_file.h"
#include "batch/pdf.h"
#include "config/file.h"
#include "config/text.h"
#include "ocr/alto.h"
#include "ocr/recogniser.h"

enum {
	SPEC_BYTES_MAX = 256 << 20,
	ALTO_BYTES_MAX = ALTO_LIMIT_BYTES,
	PAGES_MAX = 100000,
};

static const char spec_format[] = "altakt-bundle-spec/1";
static const char provenance_format[] = "altakt-provenance/1";

/* Words and their confidence, by integers: see bundle_result */

struct confidence {
	int64_t words, sum_millionths;
};

static void confidence_add(struct confidence *c, const struct alto_page *page)
{
	for (int i = 0; i < page->n_lines; i++)
		for (int k = 0; k < page->lines[i].n_words; k++) {
			c->words++;
			c->sum_millionths += llround(page->lines[i].words[k].confidence * 1e6);
		}
}

static int confidence_tenths(const struct confidence *c)
{
	int64_t whole = c->words * 1000000;

	return c->words ? (int)((1000 * c->sum_millionths + whole / 2) / whole) : 0;
}

/* What provenance.json counts */

struct provenance_counts {
	int sheets, images, pages, blank_pages, blank_sheets;
	int page_highest;
};

/* NULL, or what is wrong with it. */
static const char *provenance_count(const json_t *provenance, struct provenance_counts *out)
{
	const json_t *sheets = json_object_get(provenance, "sheets"), *sheet, *image;
	struct provenance_counts c = {0};
	bool *seen = NULL;
	const char *fault = NULL;
	size_t i, k, n_images = 0;

	if (!json_is_array(sheets) || json_array_size(sheets) > PAGES_MAX)
		return _("it has no list of sheets");
	json_array_foreach(sheets, i, sheet) n_images +=
	    json_array_size(json_object_get(sheet, "images"));
	seen = calloc(n_images + 1, sizeof *seen);
	if (!seen)
		return _("out of memory");
	json_array_foreach(sheets, i, sheet)
	{
		const json_t *images = json_object_get(sheet, "images");
		if (!json_is_string(json_object_get(sheet, "sheet")) || !json_is_array(images)) {
			fault = _("a sheet has no name or no images");
			goto done;
		}
		/* Of a file of blank sheets that do not count, one page is kept all the same. */
		bool counted = !json_is_false(json_object_get(sheet, "counted"));
		c.sheets += counted;
		c.blank_sheets += json_is_true(json_object_get(sheet, "blank"));
		json_array_foreach(images, k, image)
		{
			const json_t *page = json_object_get(image, "page");
			json_int_t n = json_integer_value(page);
			c.images += counted;
			if (!page) {
				c.blank_pages += counted;
				continue;
			}
			if (!json_is_integer(page) || n < 1 || (size_t)n > n_images || seen[n]) {
				fault = _("a page is given to two images, or to none");
				goto done;
			}
			seen[n] = true;
			c.pages++;
			c.page_highest = n > c.page_highest ? (int)n : c.page_highest;
		}
	}
	if (c.page_highest != c.pages)
		fault = _("a page is given to two images, or to none");
	*out = c;
done:
	free(seen);
	return fault;
}

/* Making */

struct spec {
	json_t *json;
	const char *workspace, *bundle, *file_number, *batch, *created;
	int volume, sheets, pages, images, blank_pages, blank_sheets;
	bool replaces;
	struct note note;
	json_t *page_list, *provenance;
	char *name;	    /* of the bundle's folder, in bundle; lent */
	char *place, *part; /* absolute paths */
};

static void spec_release(struct spec *s)
{
	json_decref(s->json);
	free(s->place);
	free(s->part);
	*s = (struct spec){0};
}

/* A path that stays below the workspace. */
static bool path_is_inside(const char *path)
{
	if (path[0] == '/' || path[0] == '\0')
		return false;
	for (const char *part = path; part;) {
		size_t n = strcspn(part, "/");
		if (n == 0 || (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part = part[n] ? part + n + 1 : NULL;
	}
	return true;
}

static const char *spec_fault(const struct spec *s)
{
	struct provenance_counts c = {0};
	const char *fault;

	if (s->workspace[0] != '/')
		return _("the workspace is no absolute path");
	if (strncmp(s->bundle, "files/", 6) != 0 || s->bundle[6] == '.' || !s->bundle[6] ||
	    strchr(s->bundle + 6, '/'))
		return _("the bundle does not lie in 'files/'");
	if (!note_time_check(s->created))
		return _("'created' is no time");
	if (s->volume < 1 || s->pages < 1 || s->sheets < 0)
		return _("volume or pages are below 1");
	if ((size_t)s->pages != json_array_size(s->page_list) || s->pages > PAGES_MAX)
		return _("'pages' is not the length of 'page_list'");
	fault = provenance_count(s->provenance, &c);
	if (fault)
		return fault;
	if (c.sheets != s->sheets || c.images != s->images || c.pages != s->pages ||
	    c.blank_pages != s->blank_pages || c.blank_sheets != s->blank_sheets)
		return _("its counts are not those of the provenance");
	return NULL;
}

static bool spec_read(const char *path, struct spec *s, struct error *err)
{
	size_t n = 0;
	char *text = file_read(path, SPEC_BYTES_MAX, &n, err);
	const char *format = NULL, *fault = NULL;
	json_error_t where;
	int replaces = 0;

	if (!text)
		return false;
	s->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	free(text);
	if (!s->json)
		return error_set(err, ERROR_INPUT, NULL, _("'%s' is not JSON: line %d: %s"), path,
		    where.line, where.text);
	if (json_unpack_ex(s->json, &where, 0,
		"{s:s, s:s, s:s, s?b, s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, "
		"s:{s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?s}}",
		"format", &format, "workspace", &s->workspace, "bundle", &s->bundle, "replaces",
		&replaces, "file_number", &s->file_number, "volume", &s->volume, "batch", &s->batch,
		"created", &s->created, "sheets", &s->sheets, "pages", &s->pages, "images",
		&s->images, "blank_pages", &s->blank_pages, "blank_sheets", &s->blank_sheets,
		"page_list", &s->page_list, "provenance", &s->provenance, "note", "creator",
		&s->note.creator, "organisation", &s->note.organisation, "environment",
		&s->note.environment, "anomalies", &s->note.anomalies, "captured_from",
		&s->note.captured_from, "captured_to", &s->note.captured_to, "quality",
		&s->note.quality, "statement", &s->note.statement) != 0)
		fault = where.text;
	else if (strcmp(format, spec_format) != 0)
		fault = _("it is of another format");
	else if (!file_number_check(s->file_number, err) || !batch_name_check(s->batch, err))
		return false;
	else
		fault = spec_fault(s);
	if (fault)
		return error_set(
		    err, ERROR_INPUT, NULL, _("no bundle can be made from '%s': %s"), path, fault);
	s->replaces = replaces != 0;
	s->place = file_path("%s/%s", s->workspace, s->bundle);
	s->part = file_path("%s/files/.%s.part", s->workspace, s->bundle + 6);
	return true;
}

/* Written without a sync of its own: bag_write() syncs all at once. */
static bool text_write(const char *path, const char *text, size_t n, struct error *err)
{
	FILE *out = fopen(path, "wbex");
	bool ok = out && fwrite(text, 1, n, out) == n;

	if (out && fclose(out) != 0)
		ok = false;
	return ok || error_errno(err, NULL, _("cannot write '%s'"), path);
}

/* Reads one page's image and text, adds both to the PDF and keeps the text as data/alto/NNNN.xml.
 */
static bool page_add(
    const struct spec *s, struct pdf *pdf, int number, json_t *entry, struct error *err)
{
	const char *page_name = NULL, *alto_name = NULL;
	char *page_path = NULL, *alto_path = NULL, *copy = NULL, *alto = NULL;
	struct encoded_page page = {0};
	struct alto_page text = {0};
	size_t n = 0;
	bool ok = false;

	if (json_unpack(entry, "{s:s, s?s}", "page", &page_name, "alto", &alto_name) != 0 ||
	    !path_is_inside(page_name) || (alto_name && !path_is_inside(alto_name))) {
		error_set(err, ERROR_INPUT, NULL, _("the spec's page %d names no files"), number);
		goto done;
	}
	page_path = file_path("%s/%s", s->workspace, page_name);
	if (!page_file_read(page_path, &page, err))
		goto done;
	if (alto_name) {
		alto_path = file_path("%s/%s", s->workspace, alto_name);
		alto = file_read(alto_path, ALTO_BYTES_MAX, &n, err);
	} else {
		alto = recognition_empty_alto(page.width_px, page.height_px, page.dpi, "P1");
		n = alto ? strlen(alto) : 0;
		if (!alto)
			error_set(err, ERROR_SYSTEM, NULL, _("out of memory"));
	}
	if (!alto)
		goto done;
	if (!alto_page_parse(alto, n, &text, err)) {
		error_where(err, "%s", alto_name ? alto_name : page_name);
		goto done;
	}
	if (!pdf_add(pdf, &page, &text, err)) {
		error_where(err, "%s", page_name);
		goto done;
	}
	copy = file_path("%s/data/alto/%04d.xml", s->part, number);
	ok = text_write(copy, alto, n, err);
done:
	encoded_page_release(&page);
	alto_page_release(&text);
	free(page_path);
	free(alto_path);
	free(copy);
	free(alto);
	return ok;
}

static bool document_make(const struct spec *s, struct error *err)
{
	char escaped[FILE_ESCAPED_SIZE], *path, *title;
	struct pdf *pdf = NULL;
	struct note_document document = {.author = s->note.creator,
	    .file_number = s->file_number,
	    .volume = s->volume,
	    .batch = s->batch,
	    .created = s->created,
	    .language = "de-DE",
	    .sheets = s->sheets,
	    .pages = s->pages,
	    .images = s->images};
	json_t *entry;
	size_t i;
	bool ok = false;

	file_number_escape(s->file_number, escaped);
	path = file_path("%s/data/%s.pdf", s->part, escaped);
	/* The bundle is the same in every locale. */
	title = s->volume > 1 ? file_path("Akte %s, Band %d", s->file_number, s->volume)
			      : file_path("Akte %s", s->file_number);
	document.title = title;
	if (!pdf_open(path, &pdf, err))
		goto done;
	json_array_foreach(s->page_list, i, entry)
	{
		if (!page_add(s, pdf, (int)i + 1, entry, err))
			goto done;
	}
	ok = pdf_finish(pdf, &s->note, &document, err);
done:
	pdf_close(pdf);
	free(path);
	free(title);
	return ok;
}

static bool provenance_make(const struct spec *s, struct error *err)
{
	char *path = file_path("%s/data/provenance.json", s->part), *text = NULL;
	json_t *json = json_pack("{s:s}", "format", provenance_format);
	bool ok = false;

	if (json && json_object_update(json, s->provenance) == 0 &&
	    json_object_set_new(json, "format", json_string(provenance_format)) == 0)
		text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
	ok = text ? text_write(path, text, strlen(text), err)
		  : error_set(err, ERROR_SYSTEM, NULL, _("cannot write '%s': out of memory"), path);
	json_decref(json);
	free(text);
	free(path);
	return ok;
}

static bool bag_make(const struct spec *s, char sha512[HASH_SIZE], struct error *err)
{
	char date[11], volume[16], sheets[16], pages[16], images[16];
	struct bag_label labels[] = {
	    {(char *)"Bag-Software-Agent", (char *)NOTE_PRODUCER},
	    {(char *)"Bagging-Date", date},
	    {(char *)"External-Identifier", (char *)(uintptr_t)s->file_number},
	    {(char *)"Bag-Group-Identifier", (char *)(uintptr_t)s->batch},
	    {(char *)"Volume", volume},
	    {(char *)"Sheets", sheets},
	    {(char *)"Pages", pages},
	    {(char *)"Images", images},
	};

	snprintf(date, sizeof date, "%.10s", s->created);
	snprintf(volume, sizeof volume, "%d", s->volume);
	snprintf(sheets, sizeof sheets, "%d", s->sheets);
	snprintf(pages, sizeof pages, "%d", s->pages);
	snprintf(images, sizeof images, "%d", s->images);
	return bag_write(s->part, labels, sizeof labels / sizeof *labels, sha512, err);
}

/* So that what is read next comes from the disk and not from memory. */
static bool forget(void *self, const char *relative, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return true;
}

static bool check_written(
    const struct spec *s, const char *sha512, struct bundle_result *out, struct error *err)
{
	struct bundle_facts f = {0};
	struct error why = {0};

	if (!file_walk(s->part, forget, NULL, err))
		return false;
	if (!bundle_inspect(s->part, &f, &why)) {
		error_set(err, why.kind == ERROR_SYSTEM ? ERROR_SYSTEM : ERROR_CHECK,
		    _("check the disk, then process the file again"),
		    _("the bundle '%s' does not read back: %s"), s->bundle, why.what);
		return false;
	}
	if (strcmp(f.result.sha512, sha512) != 0 || f.pages != s->pages || f.sheets != s->sheets ||
	    f.images != s->images || strcmp(f.file_number, s->file_number) != 0 ||
	    strcmp(f.batch, s->batch) != 0 || f.volume != s->volume)
		return error_set(err, ERROR_CHECK, _("check the disk, then process the file again"),
		    _("the bundle '%s' reads back with other content"), s->bundle);
	*out = f.result;
	return true;
}

/* Moves the finished bag to its place, atomically; an older one is then at part, and goes. */
static bool put_in_place(const struct spec *s, struct error *err)
{
	const char *todo = _("look what lies there, move it away, then process the file again");
	bool there = file_exists(s->place);

	if (there && !s->replaces) {
		errno = EEXIST;
		return error_errno(err, todo, _("cannot make the bundle '%s'"), s->bundle);
	}
	if (renameat2(AT_FDCWD, s->part, AT_FDCWD, s->place,
		there ? RENAME_EXCHANGE : RENAME_NOREPLACE) != 0) {
		/* Not every file system can do either; the first is then two steps. */
		if (errno != EINVAL && errno != ENOSYS)
			return error_errno(err, todo, _("cannot make the bundle '%s'"), s->bundle);
		char *old = file_path("%s.old", s->part);
		bool ok = file_remove(old, err) && (!there || rename(s->place, old) == 0) &&
		    rename(s->part, s->place) == 0;
		if (!ok && err->kind == ERROR_NONE)
			error_errno(err, todo, _("cannot make the bundle '%s'"), s->bundle);
		if (!ok && there && !file_exists(s->place))
			rename(old, s->place);
		ok = ok && file_sync_parent(s->place, err) && file_remove(old, err);
		free(old);
		return ok;
	}
	return file_sync_parent(s->place, err) && (!there || file_remove(s->part, err));
}

bool bundle_make(const char *spec_path, struct bundle_result *out, struct error *err)
{
	struct spec s = {0};
	struct bundle_result result = {0};
	struct error why = {0};
	char sha512[HASH_SIZE], *folder = NULL;
	bool ok = false;

	if (!spec_read(spec_path, &s, &why))
		goto done;
	if (file_exists(s.place) && !s.replaces) {
		put_in_place(&s, &why); /* says so before the work is done, not after it */
		goto done;
	}
	folder = file_path("%s/data/alto", s.part);
	ok = file_remove(s.part, &why) && file_make_folder(folder, &why) &&
	    document_make(&s, &why) && provenance_make(&s, &why) && bag_make(&s, sha512, &why) &&
	    check_written(&s, sha512, &result, &why) && put_in_place(&s, &why);
	if (ok)
		*out = result;
	else
		file_remove(s.part, NULL);
done:
	if (!ok && err)
		*err = why;
	free(folder);
	spec_release(&s);
	return ok;
}

/* Reading back */

static bool label_count(const struct bag_report *report, const char *path, const char *label,
    int *out, struct error *err)
{
	const char *value = bag_report_find(report, label);
	char *end = NULL;
	long n = value && value[0] >= '0' && value[0] <= '9' ? strtol(value, &end, 10) : -1;

	if (n < 0 || n > 1000000000 || *end)
		return error_set(err, ERROR_CHECK, NULL,
		    _("'%s/bag-info.txt' has no number for '%s'"), path, label);
	*out = (int)n;
	return true;
}

static bool label_text(const struct bag_report *report, const char *path, const char *label,
    char *out, size_t size, struct error *err)
{
	const char *value = bag_report_find(report, label);

	if (!value || strlen(value) >= size)
		return error_set(
		    err, ERROR_CHECK, NULL, _("'%s/bag-info.txt' has no '%s'"), path, label);
	strcpy(out, value);
	return true;
}

/* Damage and disk are two things: what cannot be opened for lack of it is damage. */
static bool read_whole(const char *path, size_t limit, char **text, size_t *n, struct error *err)
{
	if (!file_exists(path))
		return error_set(err, ERROR_CHECK, NULL, _("'%s' is missing"), path);
	*text = file_read(path, limit, n, err);
	if (!*text && err->kind == ERROR_INPUT)
		err->kind = ERROR_CHECK;
	return *text != NULL;
}

static bool altos_inspect(
    const char *bag_path, uint64_t payload_files, struct bundle_facts *f, struct error *err)
{
	struct confidence confidence = {0};

	/* The bag's files are the PDF, the provenance and these. */
	if (payload_files < 3 || payload_files - 2 != (uint64_t)f->pdf_pages)
		return error_set(err, ERROR_CHECK, NULL,
		    _("'%s/data' holds %llu files, where a PDF of %d pages wants %d"), bag_path,
		    (unsigned long long)payload_files, f->pdf_pages, f->pdf_pages + 2);
	for (int i = 1; i <= f->pdf_pages; i++) {
		char *path = file_path("%s/data/alto/%04d.xml", bag_path, i), *text = NULL;
		struct alto_page page = {0};
		struct error why = {0};
		size_t n = 0;
		bool ok = read_whole(path, ALTO_BYTES_MAX, &text, &n, err);
		if (ok && !alto_page_parse(text, n, &page, &why))
			ok = error_set(err, why.kind == ERROR_INPUT ? ERROR_CHECK : why.kind, NULL,
			    "'%s': %s", path, why.what);
		confidence_add(&confidence, &page);
		alto_page_release(&page);
		free(text);
		free(path);
		if (!ok)
			return false;
		f->alto_files++;
	}
	f->result.words = confidence.words;
	f->result.mean_confidence_tenths = confidence_tenths(&confidence);
	return true;
}

static bool provenance_inspect(const char *bag_path, struct bundle_facts *f, struct error *err)
{
	char *path = file_path("%s/data/provenance.json", bag_path), *text = NULL;
	const char *format = NULL, *number = NULL, *batch = NULL, *fault = NULL;
	struct provenance_counts c = {0};
	json_t *json = NULL;
	size_t n = 0;
	int volume = 0;
	bool ok = false;

	if (!read_whole(path, SPEC_BYTES_MAX, &text, &n, err))
		goto done;
	json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json ||
	    json_unpack(json, "{s:s, s:s, s:i, s:s}", "format", &format, "file_number", &number,
		"volume", &volume, "batch", &batch) != 0 ||
	    strcmp(format, provenance_format) != 0)
		fault = _("it is no provenance");
	else if (strcmp(number, f->file_number) != 0 || volume != f->volume ||
	    strcmp(batch, f->batch) != 0)
		fault = _("it speaks of another file, volume or batch than bag-info.txt");
	else
		fault = provenance_count(json, &c);
	if (!fault && (c.sheets != f->sheets || c.images != f->images || c.pages != f->pages))
		fault = _("its sheets, pages or images are not those of bag-info.txt");
	if (fault) {
		error_set(err, ERROR_CHECK, NULL, "'%s': %s", path, fault);
		goto done;
	}
	f->provenance_sheets = c.sheets;
	f->provenance_images = c.images;
	f->provenance_pages = c.pages;
	f->blank_pages = c.blank_pages;
	f->blank_sheets = c.blank_sheets;
	ok = true;
done:
	json_decref(json);
	free(text);
	free(path);
	return ok;
}

static bool info_inspect(
    const struct bag_report *report, const char *path, struct bundle_facts *f, struct error *err)
{
	struct error why = {0};

	if (!label_text(
		report, path, "External-Identifier", f->file_number, sizeof f->file_number, err) ||
	    !label_text(report, path, "Bag-Group-Identifier", f->batch, sizeof f->batch, err) ||
	    !label_count(report, path, "Volume", &f->volume, err) ||
	    !label_count(report, path, "Sheets", &f->sheets, err) ||
	    !label_count(report, path, "Pages", &f->pages, err) ||
	    !label_count(report, path, "Images", &f->images, err))
		return false;
	if (!file_number_check(f->file_number, &why) || !batch_name_check(f->batch, &why))
		return error_set(err, ERROR_CHECK, NULL, "'%s/bag-info.txt': %s", path, why.what);
	return true;
}

bool bundle_inspect(const char *bag_path, struct bundle_facts *out, struct error *err)
{
	struct bag_report report = {0};
	struct bundle_facts f = {0};
	struct error why = {0};
	char escaped[FILE_ESCAPED_SIZE], *pdf = NULL;
	bool ok = false;

	if (!bag_verify(bag_path, &report, &why) || !info_inspect(&report, bag_path, &f, &why))
		goto done;
	if (report.n_warnings > 0 || strcmp(report.version, "1.0") != 0 ||
	    !report.tagmanifest_sha512[0]) {
		error_set(&why, ERROR_CHECK, NULL, _("'%s' is a bag, but no bundle: %s"), bag_path,
		    report.n_warnings ? report.warnings[0] : _("it has no tagmanifest-sha512.txt"));
		goto done;
	}
	strcpy(f.result.sha512, report.tagmanifest_sha512);
	f.result.bytes = report.bytes;
	file_number_escape(f.file_number, escaped);
	pdf = file_path("%s/data/%s.pdf", bag_path, escaped);
	if (!file_exists(pdf)) {
		error_set(&why, ERROR_CHECK, NULL, _("'%s' is missing"), pdf);
		goto done;
	}
	if (!pdf_pages(pdf, &f.pdf_pages, &why))
		goto done;
	if (f.pdf_pages != f.pages) {
		error_set(&why, ERROR_CHECK, NULL, _("'%s' has %d pages, bag-info.txt says %d"),
		    pdf, f.pdf_pages, f.pages);
		goto done;
	}
	f.result.pages = f.pdf_pages;
	if (!altos_inspect(bag_path, report.payload_files, &f, &why) ||
	    !provenance_inspect(bag_path, &f, &why))
		goto done;
	*out = f;
	ok = true;
done:
	if (!ok && err)
		*err = why;
	bag_report_release(&report);
	free(pdf);
	return ok;
}
