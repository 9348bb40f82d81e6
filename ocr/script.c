#include "ocr/script.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "config/file.h"
#include "config/text.h"
#include "ocr/ears.h"
#include "ocr/engine.h"
#include "ocr/model.h"

#define LEAST_CONFIDENCE 0.3 /* of the detector: below, it is a guess */
enum { MOST = 2 };	     /* models at once, each costs a fifth more time */

/* Scripts as the detector calls them, and models for each, the likeliest in an office first. */
static const struct {
	const char *script, *models;
} scripts[] = {
    {"Latin",
	"deu eng pol tur fra ita spa ron hrv sqi bos nld por ces slk slv hun lit lav est dan "
	"nor swe fin isl vie aze uzb kmr ind som swa script/Latin"},
    {"Cyrillic", "rus ukr bul srp bel mkd kaz kir tgk mon script/Cyrillic"},
    {"Arabic", "ara fas urd pus snd uig script/Arabic"},
    {"Greek", "ell grc script/Greek"},
    {"Hebrew", "heb yid script/Hebrew"},
    {"Georgian", "kat script/Georgian"},
    {"Armenian", "hye script/Armenian"},
    {"Ethiopic", "amh tir script/Ethiopic"},
    {"Devanagari", "hin nep mar script/Devanagari"},
    {"Bengali", "ben asm script/Bengali"},
    {"Tamil", "tam script/Tamil"},
    {"Telugu", "tel script/Telugu"},
    {"Gurmukhi", "pan script/Gurmukhi"},
    {"Gujarati", "guj script/Gujarati"},
    {"Kannada", "kan script/Kannada"},
    {"Malayalam", "mal script/Malayalam"},
    {"Sinhala", "sin script/Sinhala"},
    {"Thai", "tha script/Thai"},
    {"Lao", "lao script/Lao"},
    {"Khmer", "khm script/Khmer"},
    {"Myanmar", "mya script/Myanmar"},
    {"Tibetan", "bod script/Tibetan"},
    {"Han", "chi_sim chi_tra script/HanS script/HanT"},
    {"Japanese", "jpn script/Japanese"},
    {"Hiragana", "jpn script/Japanese"},
    {"Katakana", "jpn script/Japanese"},
    {"Korean", "kor script/Hangul"},
    {"Hangul", "kor script/Hangul"},
    {"Fraktur", "script/Fraktur frk deu_frak"},
};

struct script_detector {
	TessBaseAPI *api;
};

bool script_detector_open(const char *tessdata, struct script_detector **out, struct error *err)
{
	char folder[4096], said[160];
	struct script_detector *d = NULL;
	bool ok = false;

	if (!model_folder(tessdata, folder, sizeof folder, err) || !model_there(folder, "osd", err))
		return false;
	d = calloc(1, sizeof *d);
	if (!d)
		return error_errno(err, NULL, _("cannot open text recognition"));
	struct ears ears = ears_open();
	d->api = TessBaseAPICreate();
	bool usable;
	ok = engine_load(d->api, folder, "osd", OEM_DEFAULT, &usable);
	ears_close(ears, "tesseract", said, sizeof said);
	if (!usable)
		d->api = NULL;
	if (!ok) {
		error_set(err, ERROR_SETUP, "apt install --reinstall tesseract-ocr-osd",
		    _("Tesseract cannot load the language data '%s' of '%s'%s%s"), "osd", folder,
		    *said ? ": " : "", said);
		script_detector_close(d);
		return false;
	}
	*out = d;
	return true;
}

void script_detector_close(struct script_detector *d)
{
	if (!d)
		return;
	if (d->api) {
		TessBaseAPIEnd(d->api);
		TessBaseAPIDelete(d->api);
	}
	free(d);
}

void script_detect(
    struct script_detector *d, const PIX *image, double image_dpi, struct script_found *out)
{
	const char *name = NULL;
	float turn_confidence = 0, confidence = 0;
	int deg = 0;

	*out = (struct script_found){0};
	struct ears ears = ears_open();
	TessBaseAPISetImage2(d->api, (PIX *)(uintptr_t)image);
	if (image_dpi > 0)
		TessBaseAPISetSourceResolution(d->api, (int)lround(image_dpi));
	if (TessBaseAPIDetectOrientationScript(
		d->api, &deg, &turn_confidence, &name, &confidence)) {
		out->turn_deg = (360 - deg) % 360;
		out->turn_confidence = (double)turn_confidence;
		if (name && (double)confidence >= LEAST_CONFIDENCE) {
			snprintf(out->name, sizeof out->name, "%s", name);
			out->confidence = (double)confidence;
		}
	}
	TessBaseAPIClear(d->api);
	ears_close(ears, "osd", NULL, 0);
}

/* Adds a model's name to a list of them, unless it is there or does not fit. */
static void language_add(char languages[SCRIPT_LANGUAGES_SIZE], const char *language)
{
	size_t n = strlen(languages), k = strlen(language);

	for (const char *p = languages; (p = strstr(p, language)); p += k)
		if ((p == languages || p[-1] == '+') && (!p[k] || p[k] == '+'))
			return;
	if (n + k + 2 <= SCRIPT_LANGUAGES_SIZE)
		snprintf(languages + n, SCRIPT_LANGUAGES_SIZE - n, "%s%s", n ? "+" : "", language);
}

/* Adds those of a list of models that are installed, most of them at most; how many. */
static int installed_add(
    const char *folder, const char *models, int most, char languages[SCRIPT_LANGUAGES_SIZE])
{
	char list[512], *rest = list;
	int n = 0;

	snprintf(list, sizeof list, "%s", models);
	for (char *model; n < most && (model = strsep(&rest, " "));) {
		if ((n > 0 && strncmp(model, "script/", 7) == 0) ||
		    !model_there(folder, model, NULL))
			continue;
		language_add(languages, model);
		n++;
	}
	return n;
}

bool script_languages(const char *tessdata, const char *script,
    char languages[SCRIPT_LANGUAGES_SIZE], char package[SCRIPT_PACKAGE_SIZE], struct error *err)
{
	const size_t n = sizeof scripts / sizeof *scripts;
	char folder[4096], first[40];
	size_t at = 0;

	languages[0] = package[0] = '\0';
	if (!model_folder(tessdata, folder, sizeof folder, err))
		return false;
	for (size_t i = 1; i < n && *script; i++)
		if (strcmp(scripts[i].script, script) == 0)
			at = i;
	if (at > 0 && installed_add(folder, scripts[at].models, MOST, languages) == 0) {
		snprintf(first, sizeof first, "%.*s", (int)strcspn(scripts[at].models, " "),
		    scripts[at].models);
		model_package(first, package, SCRIPT_PACKAGE_SIZE);
	}
	if (at == 0 || *package)
		installed_add(folder, scripts[0].models, MOST, languages);
	else /* numbers, names and a translation's words stand on such pages, too */
		installed_add(folder, "deu eng", 1, languages);
	return *languages ||
	    error_set(err, ERROR_SETUP, "apt install tesseract-ocr-deu tesseract-ocr-eng",
		_("no language data for text recognition is installed"));
}

bool script_further(const char *tessdata, int n, char languages[SCRIPT_LANGUAGES_SIZE])
{
	char folder[4096], list[512], first[40] = "", *rest = list;
	int seen = 0;

	languages[0] = '\0';
	if (!model_folder(tessdata, folder, sizeof folder, NULL))
		return false;
	snprintf(list, sizeof list, "%s", scripts[0].models);
	for (char *model; (model = strsep(&rest, " "));) {
		if (strncmp(model, "script/", 7) == 0 || !model_there(folder, model, NULL))
			continue;
		if (!*first)
			snprintf(first, sizeof first, "%s", model);
		if (seen++ < MOST + n)
			continue;
		language_add(languages, model);
		language_add(languages, first);
		return true;
	}
	return false;
}

bool script_installed(const char *tessdata, const char *wanted,
    char languages[SCRIPT_LANGUAGES_SIZE], char package[SCRIPT_PACKAGE_SIZE], struct error *err)
{
	char folder[4096], language[64];
	bool bad;

	languages[0] = package[0] = '\0';
	if (!model_folder(tessdata, folder, sizeof folder, err))
		return false;
	while (model_next(&wanted, language, sizeof language, &bad, err)) {
		if (model_there(folder, language, NULL))
			language_add(languages, language);
		else if (!*package)
			model_package(language, package, SCRIPT_PACKAGE_SIZE);
	}
	return !bad;
}
