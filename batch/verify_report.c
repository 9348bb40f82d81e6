#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/bag.h"
#include "batch/verify.h"
#include "config/text.h"

void verify_report_begin(struct verify_report *report)
{
	if (!report->findings)
		report->findings = json_array();
	if (!report->notes)
		report->notes = json_array();
}

void verify_report_release(struct verify_report *report)
{
	json_decref(report->findings);
	json_decref(report->notes);
	*report = (struct verify_report){0};
}

/* Text that may hold anything, as JSON text. */
static json_t *text_json(const char *text)
{
	json_t *out = json_string(text);

	if (out)
		return out;
	char *copy = strdup(text);
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	out = json_string(copy ? copy : "");
	free(copy);
	return out;
}

void verify_find(struct verify_report *report, const char *path, const char *what, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, what);
	if (vasprintf(&text, what, ap) < 0)
		abort(); /* not even room for a sentence */
	va_end(ap);
	json_t *finding = json_object();
	json_object_set_new(finding, "path", text_json(path));
	json_object_set_new(finding, "what", text_json(text));
	/* The same said twice in a row of findings helps nobody. */
	size_t n = json_array_size(report->findings);
	bool twice = false;
	for (size_t i = n > 64 ? n - 64 : 0; i < n; i++)
		twice = twice || json_equal(json_array_get(report->findings, i), finding);
	if (!twice)
		json_array_append(report->findings, finding);
	json_decref(finding);
	free(text);
}

void verify_note(struct verify_report *report, const char *what, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, what);
	if (vasprintf(&text, what, ap) < 0)
		abort(); /* not even room for a sentence */
	va_end(ap);
	json_array_append_new(report->notes, text_json(text));
	free(text);
}

bool verify_bag(const char *path, struct verify_report *report, struct error *err)
{
	struct bag_report bag = {0};
	struct error bad = {0};
	bool ok = true;

	verify_report_begin(report);
	report->bags++;
	if (!bag_verify(path, &bag, &bad)) {
		if (bad.kind == ERROR_CHECK && bag.n_problems > 0) {
			for (size_t i = 0; i < bag.n_problems; i++)
				verify_find(report, path, "%s", bag.problems[i]);
		} else if (bad.kind == ERROR_CHECK) {
			verify_find(report, path, "%s", bad.what);
		} else {
			*err = bad;
			ok = false;
		}
	}
	for (size_t i = 0; i < bag.n_warnings; i++)
		verify_note(report, "%s: %s", path, bag.warnings[i]);
	bag_report_release(&bag);
	return ok;
}
