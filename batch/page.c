#include "batch/page.h"

#include <allheaders.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/bundle.h"
#include "batch/page_file.h"
#include "config/file.h"
#include "config/hash.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/farm.h"
#include "ocr/layout.h"
#include "ocr/pool.h"
#include "ocr/recogniser.h"
#include "ocr/script.h"
#include "scan/clean.h"
#include "scan/encode.h"
#include "scan/fingerprint.h"
#include "scan/look.h"
#include "scan/raw.h"

enum {
	THUMBNAIL_SIDE_PX = 900,
	FURTHER_WORDS = 5, /* with fewer, confidence says nothing about the language */
	FURTHER_MOST = 4,
};
#define FURTHER_CONFIDENCE 94.0 /* a page in a language of its models has more, as a rule */
#define FURTHER_GAIN	   2.0
#define BLANK_DPI	   150.0 /* of the page that is kept of a blank side */
#define TURN_CONFIDENCE	   8.0	 /* of the detector, for a page to be turned on its word */

struct worker {
	const struct settings *settings;
	struct farm *farm;	       /* opened with the first page for it */
	long farm_again_ms;	       /* not before, after it could not be opened */
	struct recogniser *recogniser; /* opened with the first page that has something to read */
	char languages[SCRIPT_LANGUAGES_SIZE]; /* its own */
	struct script_detector *detector; /* opened with the first page that it is asked about */
	bool no_detector;		  /* its model is not installed */
};

/* A page on its way to its text: how it is looked at, and what with. */
struct reading {
	const char *wanted; /* languages: the register's, or the setting's */
	PIX *prepared;
	double scale, dpi;
	bool prepared_well;
	struct error why; /* where it is not */
	bool looked;
	struct script_found script; /* where it was looked at */
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct encode_options options_encode(const struct settings *s)
{
	struct encode_options o = encode_options_standard;
	const char *keep = settings_text(s, "encode.keep");

	o.keep = strcmp(keep, "colour") == 0 ? KEEP_COLOUR
	    : strcmp(keep, "grey") == 0	     ? KEEP_GREY
	    : strcmp(keep, "bitonal") == 0   ? KEEP_BITONAL
					     : KEEP_AUTO;
	o.mixed = settings_bool(s, "encode.mixed");
	o.background_dpi = (int)settings_int(s, "encode.background_dpi");
	o.jpeg_quality = (int)settings_int(s, "encode.jpeg_quality");
	o.ink_loss_limit = settings_number(s, "encode.ink_loss_limit");
	return o;
}

static void flag_add(json_t *answer, const char *flag)
{
	json_array_append_new(json_object_get(answer, "flags"), json_string(flag));
}

static void real_put(json_t *answer, const char *key, double value, double step)
{
	double steps = value / step;
	long long whole = (long long)(steps < 0 ? steps - 0.5 : steps + 0.5);

	json_object_set_new(answer, key, json_real((double)whole * step));
}

void farm_options_read(const struct settings *s, const char *models, struct farm_options *out)
{
	*out = (struct farm_options){.url = settings_text(s, "farm.url"),
	    .ca = settings_text(s, "farm.ca"),
	    .certificate = settings_text(s, "farm.certificate"),
	    .key = settings_text(s, "farm.key"),
	    .credentials = settings_text(s, "farm.credentials"),
	    .models = models,
	    .on_disk = strcmp(settings_text(s, "farm.storage"), "disk") == 0,
	    .replicas = (int)settings_int(s, "farm.replicas"),
	    .ack_wait_ms = (int)settings_int(s, "farm.silence") * 1000};
}

static bool wants_script(const struct reading *r)
{
	return strcmp(r->wanted, SCRIPT_AUTO) == 0;
}

static void reading_prepare(struct reading *r, const PIX *page, double dpi)
{
	pixDestroy(&r->prepared);
	r->scale = 1;
	r->why = (struct error){0};
	r->prepared_well = clean_for_recognition(page, dpi, 0, &r->prepared, &r->scale, &r->why);
	r->dpi = dpi / r->scale;
}

/* Asks the detector about the prepared page. False: there is none. */
static bool reading_look(struct worker *w, struct reading *r)
{
	struct error err = {0};

	if (!w->detector && !w->no_detector &&
	    !script_detector_open(settings_text(w->settings, "ocr.tessdata"), &w->detector, &err)) {
		log_put(LOG_WARNING, "osd", "%s", err.what);
		w->no_detector = true;
	}
	if (!w->detector || !r->prepared_well)
		return false;
	script_detect(w->detector, r->prepared, r->dpi, &r->script);
	r->looked = true;
	return true;
}

/*
 * Cleaning tells up from down by what stands out above and below lines of Latin print, which other
 * scripts do the other way round. A page that it turned is held against the detector, and so is
 * each one whose script is asked for.
 */
static bool page_upright(
    struct worker *w, struct reading *r, struct clean_result *c, struct error *err)
{
	reading_prepare(r, c->page, c->dpi);
	if (!settings_bool(w->settings, "clean.orient") ||
	    (c->rotated_deg == 0 && !wants_script(r)) || !reading_look(w, r) ||
	    r->script.turn_deg == 0 || r->script.turn_confidence < TURN_CONFIDENCE)
		return true;
	PIX *turned = pixRotateOrth(c->page, r->script.turn_deg / 90);
	if (!turned)
		return error_set(err, ERROR_SYSTEM, NULL, _("not enough memory for the page"));
	pixDestroy(&c->page);
	c->page = turned;
	pixSetResolution(turned, (int)(c->dpi + 0.5), (int)(c->dpi + 0.5));
	if (r->script.turn_deg != 180) {
		double width_mm = c->width_mm;
		c->width_mm = c->height_mm;
		c->height_mm = width_mm;
	}
	c->rotated_deg = (c->rotated_deg + r->script.turn_deg) % 360;
	c->orient_confidence = r->script.turn_confidence;
	c->orient_unsure = false;
	reading_prepare(r, c->page, c->dpi);
	return true;
}

static void missing_flag(json_t *answer, const char *package)
{
	char flag[SCRIPT_PACKAGE_SIZE + 32];

	snprintf(flag, sizeof flag, "language_missing:%s", package);
	flag_add(answer, flag);
}

/* Which models the page is read with: those of its script, of the register, or of the setting. */
static bool reading_languages(struct worker *w, struct reading *r, json_t *answer,
    char languages[SCRIPT_LANGUAGES_SIZE], struct error *err)
{
	const char *tessdata = settings_text(w->settings, "ocr.tessdata");
	char package[SCRIPT_PACKAGE_SIZE] = "";

	if (wants_script(r)) {
		if (!r->looked)
			reading_look(w, r);
		if (!script_languages(tessdata, r->script.name, languages, package, err))
			return false;
		if (r->looked) {
			json_object_set_new(answer, "script", json_string(r->script.name));
			real_put(answer, "script_confidence", r->script.confidence, 0.01);
		}
	} else if (strcmp(r->wanted, settings_text(w->settings, "ocr.languages")) == 0) {
		snprintf(languages, SCRIPT_LANGUAGES_SIZE, "%s", r->wanted);
	} else {
		if (!script_installed(tessdata, r->wanted, languages, package, err))
			return false;
		if (!*languages) { /* none of the register's: the setting's, which are there */
			struct reading usual = *r;
			usual.wanted = settings_text(w->settings, "ocr.languages");
			missing_flag(answer, package);
			return reading_languages(w, &usual, answer, languages, err);
		}
	}
	if (*package)
		missing_flag(answer, package);
	return true;
}

static bool recogniser_for(struct worker *w, const char *languages, struct error *err)
{
	if (w->recogniser && strcmp(w->languages, languages) == 0)
		return true;
	recogniser_close(w->recogniser);
	w->recogniser = NULL;
	if (!recogniser_open(
		languages, settings_text(w->settings, "ocr.tessdata"), &w->recogniser, err))
		return false;
	snprintf(w->languages, sizeof w->languages, "%s", languages);
	return true;
}

/*
 * A page of Latin script that was read badly may be in another language than the usual ones: the
 * others that are installed are tried, and the surest reading is kept.
 */
static bool page_read_further(struct worker *w, const struct farm_page *page,
    char languages[SCRIPT_LANGUAGES_SIZE], struct recognition *best, struct error *err)
{
	char other[SCRIPT_LANGUAGES_SIZE];

	if (best->words < FURTHER_WORDS || best->mean_confidence >= FURTHER_CONFIDENCE)
		return true;
	for (int n = 0; n < FURTHER_MOST &&
	     script_further(settings_text(w->settings, "ocr.tessdata"), n, other);
	     n++) {
		struct recognition r = {0};
		struct error ignored = {0};
		if (!recogniser_for(w, other, err))
			return false;
		if (!farm_recognise_page(w->recogniser, page, &r, &ignored))
			continue;
		if (r.mean_confidence > best->mean_confidence + FURTHER_GAIN) {
			snprintf(languages, SCRIPT_LANGUAGES_SIZE, "%s", other);
			recognition_release(best);
			*best = r;
		} else {
			recognition_release(&r);
		}
	}
	return true;
}

/*
 * The pool's waiters give their pages to the farm. False with why empty: recognise it here, be it
 * that this worker is none of them, that the farm is away or that nobody gave a usable answer.
 * False with why set: two workers died of the page, and nobody else shall.
 */
static bool page_to_farm(struct worker *w, const struct farm_page *page, const char *languages,
    struct recognition *r, char **models, struct error *why)
{
	const char *tessdata = settings_text(w->settings, "ocr.tessdata");
	char usual[SCRIPT_LANGUAGES_SIZE], package[SCRIPT_PACKAGE_SIZE];
	struct farm_result result = {0};
	struct farm_options options;
	struct error err = {0};
	bool ok = false;

	if (!*settings_text(w->settings, "farm.url") || !pool_worker_waits())
		return false;
	/* the farm's workers have the usual models; a page in other languages is read here */
	snprintf(usual, sizeof usual, "%s", settings_text(w->settings, "ocr.languages"));
	if (strcmp(usual, SCRIPT_AUTO) == 0 &&
	    !script_languages(tessdata, "", usual, package, &err))
		return false;
	if (strcmp(usual, languages) != 0 || !recogniser_models(languages, tessdata, models, &err))
		return false;
	farm_options_read(w->settings, *models, &options);
	options.patience_ms = (int)settings_int(w->settings, "ocr.timeout") * 1000;
	if (now_ms() < w->farm_again_ms)
		goto here;
	ok = w->farm || farm_open(&options, &w->farm, &err);
	if (!ok)
		w->farm_again_ms = now_ms() + 30000;
	ok = ok && farm_recognise(w->farm, page, &result, &err);
	if (ok && result.outcome == FARM_DONE) {
		*r = result.recognition;
		return true;
	}
	if (ok && result.outcome == FARM_ASIDE) {
		error_set(why, ERROR_INPUT, NULL, "%s", result.failure);
		goto here;
	}
	if (ok && result.outcome == FARM_LOST)
		w->farm_again_ms = now_ms() + 10000;
	if (w->farm && farm_refused(w->farm)) {
		farm_close(w->farm);
		w->farm = NULL;
	}
	log_put(
	    LOG_WARNING, "farm", "%s; the page is recognised here", ok ? result.failure : err.what);
here:
	free(*models);
	*models = NULL;
	return false;
}

/*
 * Recognises; a page that cannot be is kept without text and says so. One of which a worker died is
 * read here: on the farm it might cost two workers more.
 */
static bool page_recognise(struct worker *w, struct reading *reading, const struct clean_result *c,
    int tries, json_t *answer, char **alto, struct error *err)
{
	char text[1100], *models = NULL, languages[SCRIPT_LANGUAGES_SIZE];
	struct recognition r = {0};
	struct error why = reading->why;
	bool ok = false;

	if (!reading_languages(w, reading, answer, languages, err))
		return false;
	struct farm_page to_read = {reading->prepared, reading->scale, reading->dpi,
	    pixGetWidth(c->page), pixGetHeight(c->page), c->dpi,
	    (int)settings_int(w->settings, "ocr.timeout") * 1000};
	if (reading->prepared_well) {
		json_object_set_new(answer, "languages", json_string(languages));
		real_put(answer, "ocr_dpi", reading->dpi, 0.01);
		json_object_set_new(answer, "segmentation",
		    json_string(layout_find(reading->prepared, reading->dpi, NULL) == LAYOUT_BLOCK
			    ? "block"
			    : "any"));
		ok = tries == 0 && page_to_farm(w, &to_read, languages, &r, &models, &why);
		bool aside = !ok && why.kind;
		if (!ok && !aside && !recogniser_for(w, languages, err))
			return false;
		ok = ok || (!aside && farm_recognise_page(w->recogniser, &to_read, &r, &why));
		char first[SCRIPT_LANGUAGES_SIZE];
		memcpy(first, languages, sizeof first);
		if (ok && wants_script(reading) &&
		    (!*reading->script.name || strcmp(reading->script.name, "Latin") == 0) &&
		    !page_read_further(w, &to_read, languages, &r, err)) {
			recognition_release(&r);
			free(models);
			return false;
		}
		if (strcmp(first, languages) != 0) {
			free(models);
			models = NULL;
			if (!recogniser_models(languages,
				settings_text(w->settings, "ocr.tessdata"), &models, err)) {
				recognition_release(&r);
				return false;
			}
			json_object_set_new(answer, "languages", json_string(languages));
		} else if (!models && ok && !recogniser_for(w, languages, err)) {
			recognition_release(&r);
			return false;
		}
	}
	if (ok) {
		json_object_set_new(answer, "words", json_integer(r.words));
		real_put(answer, "confidence", r.mean_confidence, 0.1);
		json_object_set_new(answer, "recogniser",
		    json_string(models ? models : recogniser_version(w->recogniser)));
		*alto = r.alto;
		r.alto = NULL;
	} else {
		log_put(LOG_WARNING, json_string_value(json_object_get(answer, "base")), "%s",
		    error_text(&why, text, sizeof text));
		json_object_set_new(answer, "ocr_failed", json_true());
		json_object_set_new(answer, "ocr_error", json_string(why.what));
		flag_add(answer, "ocr_failed");
	}
	recognition_release(&r);
	free(models);
	return true;
}

/* When cleaning fails: the image as it came, straight into the encoder. */
static bool page_as_it_is(const PIX *raw, double dpi, struct clean_result *c, struct error *err)
{
	*c = (struct clean_result){.dpi = dpi > 0 ? dpi : 300, .kind = PAGE_COLOUR};
	c->page = pixClone((PIX *)raw);
	if (pixGetDepth(raw) == 1)
		c->kind = PAGE_BITONAL;
	else if (pixGetDepth(raw) == 8)
		c->kind = PAGE_GREY;
	c->crop_w_px = pixGetWidth(raw);
	c->crop_h_px = pixGetHeight(raw);
	c->width_mm = c->crop_w_px / c->dpi * 25.4;
	c->height_mm = c->crop_h_px / c->dpi * 25.4;
	return c->page || error_set(err, ERROR_SYSTEM, NULL, _("not enough memory for the page"));
}

/*
 * A blank side has no cleaned page. It is kept as it came, at BLANK_DPI, which is plenty for what
 * is empty; what was measured of it stays.
 */
static bool page_of_blank(const PIX *raw, double dpi, struct clean_result *c, struct error *err)
{
	const bool blank = c->blank;
	const double score = c->blank_score;
	float scale = dpi > BLANK_DPI ? (float)(BLANK_DPI / dpi) : 1;
	PIX *small = NULL;

	if (scale < 1 && pixGetDepth(raw) >= 8)
		small = pixScale((PIX *)raw, scale, scale);
	bool ok = small ? page_as_it_is(small, dpi * (double)scale, c, err)
			: page_as_it_is(raw, dpi, c, err);
	pixDestroy(&small);
	c->blank = blank;
	c->blank_score = score;
	return ok;
}

static bool thumbnail_write(const PIX *pix, const char *path, json_t *answer, struct error *err)
{
	uint8_t *data = NULL;
	size_t n = 0;
	char sha256[HASH_SIZE];
	bool ok = encode_thumbnail(pix, THUMBNAIL_SIDE_PX, &data, &n, err) &&
	    file_write(path, data, n, err);

	if (ok) {
		hash_bytes(HASH_SHA256, data, n, sha256);
		json_object_set_new(answer, "thumb_sha256", json_string(sha256));
	}
	free(data);
	return ok;
}

bool page_thumbnail(const char *raw_path, const char *path, struct error *err)
{
	json_t *ignored = json_object();
	PIX *raw = NULL;
	double dpi = 0;
	bool ok = raw_image_read(raw_path, 0, RAW_LIMIT_PIXELS, &raw, &dpi, err) &&
	    thumbnail_write(raw, path, ignored, err);

	pixDestroy(&raw);
	json_decref(ignored);
	return ok;
}

static void result_put(json_t *a, const struct clean_result *c)
{
	json_object_set_new(a, "blank", json_boolean(c->blank));
	real_put(a, "blank_score", c->blank_score, 0.001);
	real_put(a, "dpi", c->dpi, 0.01);
	json_object_set_new(a, "rotated_deg", json_integer(c->rotated_deg));
	real_put(a, "orient_confidence", c->orient_confidence, 0.01);
	real_put(a, "skew_deg", c->skew_deg, 0.001);
	real_put(a, "skew_confidence", c->skew_confidence, 0.01);
	json_object_set_new(a, "deskewed", json_boolean(c->deskewed));
	json_object_set_new(a, "crop_px",
	    json_pack("[iiii]", c->crop_x_px, c->crop_y_px, c->crop_w_px, c->crop_h_px));
	real_put(a, "width_mm", c->width_mm, 0.01);
	real_put(a, "height_mm", c->height_mm, 0.01);
	real_put(a, "kind_confidence", c->kind_confidence, 0.001);
	if (c->orient_unsure)
		flag_add(a, "orientation_unsure");
}

/* A page that cannot be compared (too small, too large) has none, and is otherwise as good. */
static void fingerprint_put(json_t *answer, const struct clean_result *c)
{
	struct fingerprint fingerprint = {0};
	struct look look = {0};
	struct error why = {0};
	char text[FINGERPRINT_TEXT];

	if (!look_take(c->page, c->dpi, &look, &why)) {
		log_put(LOG_WARNING, json_string_value(json_object_get(answer, "base")), "%s",
		    why.what);
		return;
	}
	if (look.ink_mm2 >= LOOK_ENOUGH_MM2)
		fingerprint_take(&look, &fingerprint);
	fingerprint_text(&fingerprint, text);
	if (text[0])
		json_object_set_new(answer, "fingerprint", json_string(text));
	look_release(&look);
}

static bool page_encode_write(struct worker *w, const struct clean_result *c, const char *base,
    json_t *answer, struct error *err)
{
	struct encode_options options = options_encode(w->settings);
	struct encoded_page encoded = {0};
	char *path = file_path("%s.page", base), sha256[HASH_SIZE];
	uint64_t n_bytes = 0;

	if (c->blank)
		options.mixed = false; /* there is no text to lift off */
	bool ok = encode_page(c->page, c->dpi, c->kind, &options, &encoded, err) &&
	    page_file_write(&encoded, path, sha256, &n_bytes, err);

	if (ok) {
		json_object_set_new(answer, "kind", json_string(page_kind_name(encoded.kind)));
		json_object_set_new(answer, "width_px", json_integer(encoded.width_px));
		json_object_set_new(answer, "height_px", json_integer(encoded.height_px));
		real_put(answer, "ink_lost", encoded.ink_lost, 0.0001);
		if (encoded.fell_back && !c->blank)
			flag_add(answer, "encoding_fell_back");
		json_object_set_new(answer, "page_sha256", json_string(sha256));
		json_object_set_new(answer, "page_bytes", json_integer((json_int_t)n_bytes));
	}
	encoded_page_release(&encoded);
	free(path);
	return ok;
}

static bool page_work(struct worker *w, const json_t *job, json_t *answer, struct error *err)
{
	const char *raw_path = json_string_value(json_object_get(job, "raw"));
	const char *base = json_string_value(json_object_get(job, "base"));
	bool proof = json_is_true(json_object_get(job, "proof"));
	int tries = (int)json_integer_value(json_object_get(job, "tries"));
	struct clean_options clean = {.orient = settings_bool(w->settings, "clean.orient"),
	    .deskew = settings_bool(w->settings, "clean.deskew"),
	    .crop = settings_bool(w->settings, "clean.crop"),
	    .blank = settings_bool(w->settings, "clean.blank")};
	const char *languages = json_string_value(json_object_get(job, "languages"));
	struct reading reading = {.wanted = languages && *languages
		? languages
		: settings_text(w->settings, "ocr.languages")};
	struct clean_result c = {0};
	struct error why = {0};
	char *thumb = file_path("%s.jpg", base ? base : ""),
	     *alto_path = file_path("%s.xml", base ? base : ""), *alto = NULL, sha256[HASH_SIZE],
	     text[1100];
	PIX *raw = NULL;
	double dpi = 0;
	bool ok = false;
	long began = now_ms();

	if (!raw_path || !base) {
		error_set(err, ERROR_INPUT, NULL, "a page job lacks its paths");
		goto done;
	}
	if (!raw_image_read(raw_path, 0, RAW_LIMIT_PIXELS, &raw, &dpi, err))
		goto done;
	double known_dpi = json_number_value(json_object_get(job, "dpi"));
	if (known_dpi > 0)
		dpi = known_dpi;
	if (proof) { /* a sheet that no bundle holds: its proof image is all */
		ok = thumbnail_write(raw, thumb, answer, err);
		json_object_set_new(answer, "proof", json_true());
		goto done;
	}
	/* In a fresh worker once more as it was; then without recognition, then as it came. */
	if (tries >= 3 || !clean_page(raw, dpi, &clean, &c, &why)) {
		if (tries < 3)
			log_put(LOG_WARNING, base, "%s", error_text(&why, text, sizeof text));
		flag_add(answer, "not_cleaned");
		if (!page_as_it_is(raw, dpi, &c, err))
			goto done;
	}
	if (!c.blank && tries < 2 && !page_upright(w, &reading, &c, err))
		goto done;
	if (!c.page && !page_of_blank(raw, c.dpi, &c, err))
		goto done;
	result_put(answer, &c);
	long cleaned = now_ms();
	if (!thumbnail_write(c.blank ? raw : c.page, thumb, answer, err))
		goto done;
	pixDestroy(&raw);
	if (!c.blank)
		fingerprint_put(answer, &c);
	/* A blank side is encoded, too: it may be kept, when it is all that its file has. */
	if (!page_encode_write(w, &c, base, answer, err))
		goto done;
	long encoded = now_ms();
	if (!c.blank && tries < 2) {
		if (!page_recognise(w, &reading, &c, tries, answer, &alto, err))
			goto done;
	} else if (!c.blank) {
		json_object_set_new(answer, "ocr_failed", json_true());
		json_object_set_new(
		    answer, "ocr_error", json_string("the worker died on this page"));
		flag_add(answer, "ocr_failed");
	}
	if (!alto)
		alto =
		    recognition_empty_alto(pixGetWidth(c.page), pixGetHeight(c.page), c.dpi, "P1");
	if (!alto || !file_write(alto_path, alto, strlen(alto), err))
		goto done;
	hash_bytes(HASH_SHA256, alto, strlen(alto), sha256);
	json_object_set_new(answer, "alto_sha256", json_string(sha256));
	json_object_set_new(answer, "ms",
	    json_pack("{sIsIsI}", "clean", (json_int_t)(cleaned - began), "encode",
		(json_int_t)(encoded - cleaned), "recognise", (json_int_t)(now_ms() - encoded)));
	ok = true;
done:
	clean_result_release(&c);
	pixDestroy(&raw);
	pixDestroy(&reading.prepared);
	free(alto);
	free(alto_path);
	free(thumb);
	return ok;
}

static bool bundle_work(const json_t *job, json_t *answer, struct error *err)
{
	const char *spec = json_string_value(json_object_get(job, "spec"));
	struct bundle_result r = {0};

	if (!spec)
		return error_set(err, ERROR_INPUT, NULL, "a bundle job lacks its spec");
	if (!bundle_make(spec, &r, err))
		return false;
	json_object_set_new(answer, "sha512", json_string(r.sha512));
	json_object_set_new(answer, "bytes", json_integer((json_int_t)r.bytes));
	json_object_set_new(answer, "pages", json_integer(r.pages));
	real_put(answer, "mean_confidence", r.mean_confidence_tenths / 10.0, 0.1);
	return true;
}

static char *work(void *self, const char *text, size_t n_bytes, size_t *n_answer)
{
	struct worker *w = self;
	json_t *job = json_loadb(text, n_bytes, 0, NULL);
	json_t *answer = json_pack("{s[]}", "flags");
	const char *kind = json_string_value(json_object_get(job, "kind"));
	struct error err = {0};
	bool ok = false;

	if (kind && strcmp(kind, "page") == 0)
		ok = page_work(w, job, answer, &err);
	else if (kind && strcmp(kind, "bundle") == 0)
		ok = bundle_work(job, answer, &err);
	else
		error_set(&err, ERROR_INPUT, NULL, "a job of an unknown kind");
	json_object_set_new(answer, "ok", json_boolean(ok));
	if (!ok)
		json_object_set_new(answer, "error",
		    json_pack("{si ss ss ss}", "kind", (int)err.kind, "where", err.where, "what",
			err.what, "todo", err.todo));
	char *said = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(10));
	*n_answer = said ? strlen(said) : 0;
	json_decref(job);
	json_decref(answer);
	return said;
}

int page_serve(const struct settings *settings)
{
	struct worker w = {.settings = settings};

	setMsgSeverity(L_SEVERITY_ERROR);
	int code = pool_serve(work, &w);
	recogniser_close(w.recogniser);
	script_detector_close(w.detector);
	farm_close(w.farm);
	return code;
}

const char **page_worker_argv(const char *program, const char *workspace, const char *const *sets)
{
	size_t n = 0, k = 0;

	while (sets && sets[n])
		n++;
	const char **argv = calloc(2 * n + 5, sizeof *argv);
	if (!argv)
		abort();
	argv[k++] = program;
	argv[k++] = "-w";
	argv[k++] = workspace;
	for (size_t i = 0; i < n; i++) {
		argv[k++] = "--set";
		argv[k++] = sets[i];
	}
	argv[k++] = "page-worker";
	return argv;
}
