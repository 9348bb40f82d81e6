#include "batch/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/ledger.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/text.h"

/* The newest feeding_started before event n: which device, source and profile. */
struct feeding {
	int64_t n;
	json_t *event;
};

static bool feeding_keep(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	json_t *list = self;
	json_t *e;

	if (!strstr(line, "\"event\":\"feeding_started\""))
		return true;
	e = json_loadb(line, n_bytes, 0, NULL);
	return json_array_append_new(list, e) == 0;
}

static const json_t *feeding_before(const json_t *feedings, int64_t n)
{
	const json_t *found = NULL;
	size_t i;
	json_t *e;

	json_array_foreach(feedings, i, e)
	{
		if (json_integer_value(json_object_get(e, "n")) < n)
			found = e;
	}
	return found;
}

static void take(json_t *to, const char *key, const json_t *from, const char *from_key)
{
	json_t *value = json_object_get(from, from_key);

	if (value && !json_is_null(value) &&
	    !(json_is_string(value) && !json_string_value(value)[0]))
		json_object_set(to, key, value);
}

struct maker {
	struct batch *batch;
	const json_t *feedings;
	int file;
	json_t *sheets, *pages, *people, *flags, *devices;
	char from[25], to[25];
	char *recogniser; /* Tesseract and every model that a page was read with */
	int kept_blank;
	int page;
	int blank_pages, blank_sheets, blank_uncounted, images, counted;
	int failed, unsure, missing;
	struct error *err;
	bool ok;
};

static void set_add(json_t *array, const char *text)
{
	size_t i;
	json_t *known;

	json_array_foreach(array, i, known)
	{
		if (strcmp(json_string_value(known), text) == 0)
			return;
	}
	json_array_append_new(array, json_string(text));
}

/* Joins "tesseract 5.3.0; deu sha256:…; rus sha256:…" of pages that were read with other models. */
static void recogniser_add(struct maker *m, const char *said)
{
	char *copy = said ? strdup(said) : NULL, *rest = copy;

	for (char *part; (part = strsep(&rest, ";"));) {
		part += strspn(part, " ");
		if (m->recogniser && strstr(m->recogniser, part))
			continue;
		char *more = file_path(
		    "%s%s%s", m->recogniser ? m->recogniser : "", m->recogniser ? "; " : "", part);
		free(m->recogniser);
		m->recogniser = more;
	}
	free(copy);
}

static json_t *image_json(struct maker *m, const struct tally_sheet *s, const struct tally_side *p,
    const json_t *fed, bool counted)
{
	static const char *const same[] = {"blank", "blank_score", "rotated_deg",
	    "orient_confidence", "skew_deg", "skew_confidence", "deskewed", "crop_px", "width_mm",
	    "height_mm", "kind", "kind_confidence", "ink_lost", "words", "ocr_failed", "languages",
	    "script", "script_confidence", "ocr_dpi", "segmentation"};
	char name[120], letter[2] = {p->side, 0}, path[200];
	json_t *image = json_object(), *raw = NULL, *one, *done = NULL;
	size_t i;

	json_array_foreach(json_object_get(fed, "images"), i, one)
	{
		const char *side = json_string_value(json_object_get(one, "side"));
		if (side && side[0] == p->side)
			raw = one;
	}
	snprintf(name, sizeof name, "%s/%d%s", m->batch->name, s->n, letter);
	json_object_set_new(image, "image", json_string(name));
	take(image, "sha256", raw, "sha256");
	take(image, "bytes", raw, "bytes");
	take(image, "origin", json_object_get(raw, "source"), "path");
	take(image, "width_px", raw, "width_px");
	take(image, "height_px", raw, "height_px");
	if (json_number_value(json_object_get(raw, "dpi")) > 0)
		take(image, "dpi", raw, "dpi");
	if (!p->done)
		return image;
	done = batch_event_read(m->batch, p->done_event, m->err);
	if (!done) {
		json_decref(image);
		return NULL;
	}
	for (i = 0; i < sizeof same / sizeof same[0]; i++)
		take(image, same[i], done, same[i]);
	take(image, "ocr_confidence", done, "confidence");
	take(image, "flags", done, "flags");
	bool kept = s->n == m->kept_blank && p == &s->sides[0];
	if (kept || (counted && !p->blank)) {
		json_object_set_new(image, "page", json_integer(++m->page));
		snprintf(path, sizeof path, "spool/%s/%d%s", m->batch->name, s->n, letter);
		char *page = file_path("%s.page", path), *alto = file_path("%s.xml", path);
		char sheet[96];
		batch_sheet_name(m->batch, s->n, sheet);
		json_array_append_new(m->pages,
		    json_pack(
			"{ssssssss}", "page", page, "alto", alto, "sheet", sheet, "side", letter));
		free(page);
		free(alto);
		json_array_foreach(json_object_get(done, "flags"), i, one)
		{
			set_add(m->flags, json_string_value(one));
		}
		m->failed += p->ocr_failed;
		if (json_object_get(done, "recogniser")) {
			recogniser_add(m, json_string_value(json_object_get(done, "recogniser")));
		}
	} else if (counted) {
		m->blank_pages++;
	}
	m->images += counted;
	json_decref(done);
	return image;
}

static bool sheet_put(struct maker *m, const struct tally_sheet *s)
{
	json_t *fed = batch_event_read(m->batch, s->sides[0].fed_event, m->err);
	bool counted = tally_sheet_counted(&m->batch->tally, s), ok = false;
	bool blank = !s->voided && !s->superseded && tally_sheet_blank(s);
	json_t *sheet = json_object(), *images = json_array();
	char name[96];

	if (!fed)
		goto done;
	const json_t *feeding = feeding_before(m->feedings, s->sides[0].fed_event);
	const char *at = json_string_value(json_object_get(fed, "at"));
	batch_sheet_name(m->batch, s->n, name);
	json_object_set_new(sheet, "sheet", json_string(name));
	json_object_set_new(sheet, "counted", json_boolean(counted));
	if (blank)
		json_object_set_new(sheet, "blank", json_true());
	take(sheet, "source", feeding, "source");
	take(sheet, "device", feeding, "device");
	take(sheet, "profile", feeding, "profile");
	take(sheet, "profile_sha256", feeding, "profile_sha256");
	take(sheet, "by", fed, "by");
	take(sheet, "at", fed, "at");
	json_t *flags = json_array();
	if (s->missing > 0) {
		json_array_append_new(flags, json_string("images_missing"));
		set_add(m->flags, "images_missing");
		m->missing += s->missing;
	}
	if (s->voided)
		json_array_append_new(flags, json_string("voided"));
	if (s->superseded)
		json_array_append_new(flags, json_string("superseded"));
	if (blank && !counted)
		json_array_append_new(flags, json_string("blank_uncounted"));
	if (json_array_size(flags) > 0)
		json_object_set(sheet, "flags", flags);
	json_decref(flags);
	for (int i = 0; i < s->n_sides; i++) {
		bool view = s->sides[i].fed_event != s->sides[0].fed_event;
		json_t *own =
		    view ? batch_event_read(m->batch, s->sides[i].fed_event, m->err) : fed;
		json_t *image = own ? image_json(m, s, &s->sides[i], own, counted) : NULL;
		if (view)
			json_decref(own);
		if (!image)
			goto done;
		json_array_append_new(images, image);
	}
	json_object_set(sheet, "images", images);
	json_array_append(m->sheets, sheet);
	m->blank_sheets += blank;
	m->blank_uncounted += blank && !counted;
	m->counted += counted;
	if ((counted || blank) && at) {
		if (!m->from[0] || strcmp(at, m->from) < 0)
			snprintf(m->from, sizeof m->from, "%s", at);
		if (strcmp(at, m->to) > 0)
			snprintf(m->to, sizeof m->to, "%s", at);
		set_add(m->people, json_string_value(json_object_get(fed, "by")));
		const char *model = json_string_value(json_object_get(feeding, "model"));
		const char *device = json_string_value(json_object_get(feeding, "device"));
		if (model || device)
			set_add(m->devices, model && model[0] ? model : device);
	}
	ok = true;
done:
	json_decref(fed);
	json_decref(sheet);
	json_decref(images);
	return ok;
}

static char *joined(const json_t *array)
{
	char *text = file_path("%s", "");
	size_t i;
	json_t *one;

	json_array_foreach(array, i, one)
	{
		char *more = file_path("%s%s%s", text, i ? ", " : "", json_string_value(one));
		free(text);
		text = more;
	}
	return text;
}

/* The sentences of the note are German: the note belongs to a German file, whoever made it. */
static json_t *note_json(struct maker *m)
{
	const struct settings *s = m->batch->workspace->settings;
	char *people = joined(m->people), *flags = joined(m->flags), *devices = joined(m->devices);
	char *environment = file_path("altakt %s; %s; Station %s; Gerät: %s", ALTAKT_VERSION,
	    m->recogniser ? m->recogniser : "ohne Texterkennung", m->batch->tally.station,
	    devices[0] ? devices : "Import");
	char *anomalies = file_path("%s%s%s", flags[0] ? "Auffälligkeiten: " : "keine", flags, "");
	char *uncounted = m->blank_uncounted
	    ? file_path(" Beidseitig leere Blätter, die nach den Zählregeln nicht zählen: %d.",
		  m->blank_uncounted)
	    : file_path("%s", "");
	char *quality = file_path(
	    "Automatische Prüfungen bestanden: Prüfsummen aller Abbilder, Druckfarbenvergleich nach der "
	    "Kodierung. Vollständigkeit: %d Blatt, %d Abbilder, %d leere Seiten entfernt, %d Seiten "
	    "enthalten.%s Stichprobenkontrolle: siehe Abnahme des Loses %s.",
	    m->counted, m->images, m->blank_pages, m->page, uncounted, m->batch->name);
	json_t *note = json_pack("{ss ss ss ss ss ss ss ss}", "creator", people[0] ? people : "-",
	    "organisation", settings_text(s, "station.organisation"), "environment", environment,
	    "anomalies", anomalies, "captured_from", m->from, "captured_to", m->to, "quality",
	    quality, "statement",
	    "Das Scanprodukt stimmt mit dem Original bildlich und inhaltlich überein.");

	free(people);
	free(flags);
	free(devices);
	free(environment);
	free(anomalies);
	free(quality);
	free(uncounted);
	return note;
}

static bool maker_run(struct maker *m)
{
	const struct tally *t = &m->batch->tally;
	bool all_blank = true;
	int first = 0;

	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (s->file != m->file || s->separator || s->voided || s->superseded)
			continue;
		all_blank = all_blank && tally_sheet_blank(s);
		first = first ? first : s->n;
	}
	m->kept_blank = all_blank ? first : 0;
	for (int i = 0; i < t->n_sheets; i++) {
		const struct tally_sheet *s = &t->sheets[t->order[i] - 1];
		if (s->file != m->file || (s->separator && !s->voided && !s->superseded) ||
		    s->n_sides == 0)
			continue;
		if (s->separator)
			continue;
		if (!sheet_put(m, s))
			return false;
	}
	if (m->kept_blank)
		set_add(m->flags, "blank_file");
	return true;
}

static bool maker_open(struct maker *m, struct batch *b, int file, struct error *err)
{
	json_t *feedings = json_array();

	*m = (struct maker){.batch = b,
	    .feedings = feedings,
	    .file = file,
	    .sheets = json_array(),
	    .pages = json_array(),
	    .people = json_array(),
	    .flags = json_array(),
	    .devices = json_array(),
	    .err = err};
	if (!ledger_read(b->workspace->journal, b->name, 1, 0, feeding_keep, feedings, err))
		return false;
	return maker_run(m);
}

static void maker_release(struct maker *m)
{
	json_decref((json_t *)m->feedings);
	json_decref(m->sheets);
	json_decref(m->pages);
	json_decref(m->people);
	json_decref(m->flags);
	json_decref(m->devices);
	free(m->recogniser);
}

/* The batch that a bundle's folder belongs to, by its bag-info.txt; "" where it has none. */
static void bundle_owner(const char *folder, char owner[65])
{
	char *path = file_path("%s/bag-info.txt", folder), line[1024];
	FILE *f = fopen(path, "re");

	owner[0] = '\0';
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Bag-Group-Identifier: %64s", owner) == 1)
			break;
	if (f)
		fclose(f);
	free(path);
}

static bool bundle_name(
    struct batch *b, int file, char bundle[256], bool *replaces, struct error *err)
{
	const struct tally_file *f = &b->tally.files[file - 1];
	char escaped[FILE_ESCAPED_SIZE], owner[65], volume[16] = "";
	bool ok = false;

	file_number_escape(f->file_number, escaped);
	if (f->volume > 1)
		snprintf(volume, sizeof volume, "~%d", f->volume);
	for (int further = 0; further < 2 && !ok; further++) {
		const char *batch = further ? b->name : "";
		char hash[HASH_SIZE];
		/* A file system takes 255 bytes: then the batch is named by its hash. */
		if (further && strlen(escaped) + strlen(volume) + strlen(batch) > 240) {
			hash_bytes(HASH_SHA256, batch, strlen(batch), hash);
			hash[32] = '\0';
			batch = hash;
		}
		int n = snprintf(
		    bundle, 256, "files/%s%s%s%s", escaped, volume, further ? "+" : "", batch);
		if (n >= 250)
			return error_set(err, ERROR_INPUT,
			    _("give the file a shorter number with 'altakt file renumber'"),
			    _("the name of the bundle '%.40s…' would be too long"), bundle);
		char *folder = file_path("%s/%s", b->workspace->path, bundle);
		*replaces = file_exists(folder);
		if (*replaces)
			bundle_owner(folder, owner);
		ok = !*replaces || strcmp(owner, b->name) == 0;
		free(folder);
	}
	return ok ||
	    error_set(
		err, ERROR_SYSTEM, _("look what lies there"), _("'%s' is in the way"), bundle);
}

bool provenance_spec_write(
    struct batch *b, int file, const char *path, char bundle[256], struct error *err)
{
	const struct tally_file *f = &b->tally.files[file - 1];
	struct maker m = {0};
	json_t *spec = NULL, *provenance = NULL;
	char *text = NULL, now[25], hash[129];
	bool ok = false, replaces;

	if (!maker_open(&m, b, file, err) || !bundle_name(b, file, bundle, &replaces, err))
		goto done;
	settings_hash(b->workspace->settings, hash);
	provenance = json_pack("{ss si ss ss ss ss sO sO}", "file_number", f->file_number, "volume",
	    f->volume, "batch", b->name, "station", b->tally.station, "program",
	    "altakt " ALTAKT_VERSION, "settings_sha256", hash, "rules", b->tally.rules, "sheets",
	    m.sheets);
	if (m.recogniser)
		json_object_set_new(provenance, "recogniser", json_string(m.recogniser));
	ledger_now(now);
	spec = json_pack("{ss ss ss sb ss si ss ss si si si si si so sO sO}", "format",
	    "altakt-bundle-spec/1", "workspace", b->workspace->path, "bundle", bundle, "replaces",
	    replaces, "file_number", f->file_number, "volume", f->volume, "batch", b->name,
	    "created", now, "sheets", m.counted, "pages", m.page, "images", m.images, "blank_pages",
	    m.blank_pages, "blank_sheets", m.blank_sheets, "note", note_json(&m), "page_list",
	    m.pages, "provenance", provenance);
	text = spec ? json_dumps(spec, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	if (!text) {
		error_set(
		    err, ERROR_SYSTEM, NULL, _("not enough memory for the bundle's provenance"));
		goto done;
	}
	ok = file_write(path, text, strlen(text), err);
done:
	json_decref(spec);
	json_decref(provenance);
	free(text);
	maker_release(&m);
	return ok;
}

static int flag_order(const void *a, const void *b)
{
	return strcmp(
	    json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

json_t *provenance_flags(struct batch *b, int file, struct error *err)
{
	struct maker m = {0};
	json_t *sorted = NULL;

	if (maker_open(&m, b, file, err)) {
		size_t n = json_array_size(m.flags);
		json_t **list = calloc(n + 1, sizeof(json_t *));
		sorted = json_array();
		for (size_t i = 0; list && i < n; i++)
			list[i] = json_array_get(m.flags, i);
		if (list)
			qsort(list, n, sizeof *list, flag_order);
		for (size_t i = 0; list && i < n; i++)
			json_array_append(sorted, list[i]);
		free(list);
	}
	maker_release(&m);
	return sorted;
}
