#include "ocr/model.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"

#define LANGUAGE_LIMIT 40
#define ENTRIES_LIMIT  64 /* Tesseract 5.3 knows 24 */

/* Entries of a traineddata file that recognition by LSTM cannot do without. */
enum {
	ENTRY_LSTM = 17,
	ENTRY_LSTM_UNICHARSET = 21,
	ENTRY_LSTM_RECODER = 22,
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool model_folder(const char *setting, char *folder, size_t size, struct error *err)
{
	static const char *const places[] = {
	    "/usr/share/tesseract-ocr/5/tessdata", /* Debian 12 */
	    "/usr/share/tesseract-ocr/4.00/tessdata",
	    "/usr/share/tessdata",
	    "/usr/local/share/tessdata",
	};
	const char *prefix = getenv("TESSDATA_PREFIX");
	const char *taken = NULL;

	if (*setting) {
		if (!is_folder(setting))
			return error_set(err, ERROR_SETUP,
			    _("correct 'ocr.tessdata' in altakt.ini, or leave it empty"),
			    _("the folder '%s' of 'ocr.tessdata' does not exist"), setting);
		taken = setting;
	} else if (prefix && *prefix) {
		if (!is_folder(prefix))
			return error_set(err, ERROR_SETUP,
			    _("unset TESSDATA_PREFIX, or set 'ocr.tessdata' in altakt.ini"),
			    _("the folder '%s' of the environment's TESSDATA_PREFIX does not exist"),
			    prefix);
		taken = prefix;
	}
	for (size_t i = 0; !taken && i < sizeof places / sizeof *places; i++)
		if (is_folder(places[i]))
			taken = places[i];
	if (!taken)
		return error_set(err, ERROR_SETUP,
		    "apt install tesseract-ocr-deu tesseract-ocr-eng",
		    _("no language data for text recognition is installed"));
	if (strlen(taken) >= size)
		return error_set(err, ERROR_SETUP, NULL, _("the path '%s' is too long"), taken);
	strcpy(folder, taken);
	return true;
}

bool model_next(const char **rest, char *language, size_t size, bool *bad, struct error *err)
{
	size_t n = strcspn(*rest, "+");
	const char *name = *rest;

	*bad = false;
	if (!n && !**rest)
		return false;
	bool fine = n > 0 && n < size && n < LANGUAGE_LIMIT;
	for (size_t i = 0; i < n && fine; i++)
		fine = isalnum((unsigned char)name[i]) || name[i] == '_' ||
		    (name[i] == '/' && i == 6 && n > 7 && strncmp(name, "script", 6) == 0);
	*rest += n + (name[n] == '+');
	if (!fine || (name[n] == '+' && !**rest)) {
		*bad = true;
		return error_set(err, ERROR_SETUP,
		    _("write the names of language data with '+' between them: ocr.languages=deu+eng"),
		    _("'%.40s' is no language of text recognition"), name);
	}
	memcpy(language, name, n);
	language[n] = '\0';
	return true;
}

void model_package(const char *language, char *package, size_t size)
{
	/* Debian names script models by ISO 15924 */
	static const struct {
		const char *script, *code;
	} codes[] = {
	    {"Arabic", "arab"},
	    {"Armenian", "armn"},
	    {"Bengali", "beng"},
	    {"Cyrillic", "cyrl"},
	    {"Devanagari", "deva"},
	    {"Ethiopic", "ethi"},
	    {"Fraktur", "frak"},
	    {"Georgian", "geor"},
	    {"Greek", "grek"},
	    {"HanS", "hans"},
	    {"HanT", "hant"},
	    {"Hebrew", "hebr"},
	    {"Japanese", "jpan"},
	    {"Khmer", "khmr"},
	    {"Latin", "latn"},
	    {"Tamil", "taml"},
	    {"Thai", "thai"},
	    {"Vietnamese", "viet"},
	};
	bool script = strncmp(language, "script/", 7) == 0;
	const char *name = script ? language + 7 : language;

	for (size_t i = 0; script && i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].script, name) == 0)
			name = codes[i].code;
	snprintf(package, size, "tesseract-ocr-%s%s", script ? "script-" : "", name);
	for (char *p = package; *p; p++)
		*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
}

/* Fills there with the names of the models in a folder, as many as fit. */
static void list_models(const char *folder, char *there, size_t size)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, NULL, alphasort);
	size_t used = 0;

	*there = '\0';
	for (int i = 0; i < n; i++) {
		char *dot = strstr(entries[i]->d_name, ".traineddata");

		if (dot && !dot[12] && used + (size_t)(dot - entries[i]->d_name) + 3 < size)
			used += (size_t)snprintf(there + used, size - used, "%s%.*s",
			    used ? ", " : "", (int)(dot - entries[i]->d_name), entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!used)
		snprintf(there, size, "%s", _("none"));
}

/*
 * A traineddata file begins with the number of entries (32 bits) and the offset of each (64 bits,
 * -1 where it is absent), little-endian; entries lie one behind the other in this order.
 */
static bool contents_sound(int fd, int64_t size)
{
	int32_t n = 0;
	int64_t offsets[ENTRIES_LIMIT];
	int64_t last = 0;

	if (pread(fd, &n, sizeof n, 0) != (ssize_t)sizeof n || n <= ENTRY_LSTM_RECODER ||
	    n > ENTRIES_LIMIT)
		return false;
	ssize_t table = (ssize_t)n * 8;
	if (pread(fd, offsets, (size_t)table, sizeof n) != table)
		return false;
	last = (int64_t)sizeof n + table;
	for (int i = 0; i < n; i++) {
		if (offsets[i] == -1)
			continue;
		if (offsets[i] < last || offsets[i] >= size)
			return false;
		last = offsets[i];
	}
	return offsets[ENTRY_LSTM] > 0 && offsets[ENTRY_LSTM_UNICHARSET] > 0 &&
	    offsets[ENTRY_LSTM_RECODER] > 0;
}

bool model_there(const char *folder, const char *language, struct error *err)
{
	char package[128], there[256], todo[256];
	char *path = file_path("%s/%s.traineddata", folder, language);
	bool ok = access(path, F_OK) == 0;

	free(path);
	if (ok)
		return true;
	model_package(language, package, sizeof package);
	snprintf(todo, sizeof todo, "apt install %s", package);
	list_models(folder, there, sizeof there);
	return error_set(err, ERROR_SETUP, todo,
	    _("language data '%s' for text recognition is missing in '%s' (there: %s)"), language,
	    folder, there);
}

bool model_check(const char *folder, const char *language, struct error *err)
{
	char package[128], todo[256];
	char *path = file_path("%s/%s.traineddata", folder, language);
	struct stat st;
	bool ok = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	model_package(language, package, sizeof package);
	snprintf(todo, sizeof todo, "apt install %s", package);
	if (fd < 0 && errno == ENOENT) {
		model_there(folder, language, err);
		goto done;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		error_errno(err, NULL, _("cannot read the language data '%s'"), path);
		if (err)
			err->kind = ERROR_SETUP;
		goto done;
	}
	if (!S_ISREG(st.st_mode) || !contents_sound(fd, st.st_size)) {
		snprintf(todo, sizeof todo, "apt install --reinstall %s", package);
		error_set(err, ERROR_SETUP, todo,
		    _("the language data '%s' is damaged, or not for Tesseract 4 and 5"), path);
		goto done;
	}
	ok = true;
done:
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}
