#include "batch/commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/settings.h"
#include "config/text.h"
#include "scan/profile.h"
#include "scan/scanner.h"

static json_t *device_json(const struct device *d, bool abilities)
{
	json_t *one =
	    json_pack("{ss ss ss ss}", "name", d->name, "vendor", d->vendor ? d->vendor : "",
		"model", d->model ? d->model : "", "type", d->type ? d->type : "");

	if (!abilities)
		return one;
	struct scanner_options options = {
	    .device = d->name, .mode = "Gray", .resolution_dpi = 300, .timeout_ms = 20000};
	struct scanner *scanner = NULL;
	struct error err = {0};
	if (scanner_open(&options, &scanner, &err)) {
		char *text = scanner_abilities(scanner);
		json_t *can = text ? json_loads(text, 0, NULL) : NULL;
		if (can)
			json_object_set_new(one, "abilities", can);
		free(text);
		scanner_close(scanner);
	} else {
		json_object_set_new(one, "error", json_string(err.what));
	}
	return one;
}

static void words_print(const char *title, const json_t *list)
{
	size_t i;
	json_t *word;

	if (json_array_size(list) == 0)
		return;
	printf("    %s", title);
	json_array_foreach(list, i, word)
	{
		if (json_is_string(word))
			printf("%s%s", i ? ", " : "", json_string_value(word));
		else
			printf("%s%g", i ? ", " : "", json_number_value(word));
	}
	printf("\n");
}

static void device_print(const json_t *d)
{
	const json_t *can = json_object_get(d, "abilities");

	printf("%s  (%s %s, %s)\n", json_string_value(json_object_get(d, "name")),
	    json_string_value(json_object_get(d, "vendor")),
	    json_string_value(json_object_get(d, "model")),
	    json_string_value(json_object_get(d, "type")));
	if (json_object_get(d, "error"))
		printf("    %s\n", json_string_value(json_object_get(d, "error")));
	if (!can)
		return;
	words_print(_("sources: "), json_object_get(can, "sources"));
	words_print(_("modes: "), json_object_get(can, "modes"));
	words_print(_("resolutions: "), json_object_get(can, "resolutions"));
	printf(_("    duplex: %s, double-feed detection: %s, imprinter: %s\n"),
	    json_is_true(json_object_get(can, "duplex")) ? _("yes") : _("no"),
	    json_array_size(json_object_get(json_object_get(can, "double_feed"), "options")) > 0
		? _("yes")
		: _("no"),
	    json_array_size(json_object_get(can, "imprinter")) > 0 ? _("yes") : _("no"));
}

/* What was asked of the device, what it took, and whether double feeds are found. */
static void check_print(
    const struct profile *profile, const struct settings *settings, const json_t *can)
{
	const json_t *on = json_object_get(json_object_get(can, "double_feed"), "on"), *o;
	size_t i;

	printf(_("%s with profile '%s', version %d (%.12s)\n"),
	    json_string_value(json_object_get(can, "device")), profile->name, profile->version,
	    profile->sha256);
	json_array_foreach(json_object_get(can, "settings"), i, o)
	{
		const char *got = json_string_value(json_object_get(o, "got"));
		printf("    %-24s %s", json_string_value(json_object_get(o, "option")),
		    json_string_value(json_object_get(o, "wanted")));
		if (json_is_true(json_object_get(o, "lacking")))
			printf("%s",
			    _("   left out: the device does not have it, or not with this source and mode"));
		else if (json_is_false(json_object_get(o, "exact")))
			printf(got[0] ? _("   the device took: %s") : _("   refused%s"), got);
		printf("\n");
	}
	if (settings_bool(settings, "scan.productive"))
		printf("%s",
		    profile_approved(profile, settings_text(settings, "scan.approved_profiles"))
			? _("the profile is approved for productive scanning\n")
			: _("WARNING: the profile is not approved, and scanning here is productive: it would be refused\n"));
	if (json_is_true(on))
		printf("%s", _("double-feed detection is on\n"));
	else if (json_is_false(on))
		printf("%s",
		    _("WARNING: double-feed detection is off: sheets that stick together are lost\n"));
	else
		printf("%s",
		    _("WARNING: the device does not say whether it detects double feeds: have the sheets of each file counted on the preparation slip\n"));
}

static void option_take(void *self, const char *key, const char *value)
{
	profile_option_add(self, key, value);
}

/* The workspace's settings, if this is one; else the defaults. */
static bool settings_here(const struct call *call, struct settings **out, struct error *err)
{
	char *ini = file_path("%s/altakt.ini", call->workspace ? call->workspace : ".");
	bool ok = settings_open(file_exists(ini) ? ini : NULL, out, err);

	for (size_t i = 0; ok && call->sets && call->sets[i]; i++)
		ok = settings_set(*out, call->sets[i], err);
	free(ini);
	return ok;
}

/* `devices --check`: opens the device as scanning would, and feeds nothing. */
static int check(const struct call *call, const char *device, const char *name, bool json)
{
	struct settings *s = NULL;
	char *own = file_path("%s/profiles", call->workspace ? call->workspace : ".");
	struct scanner *scanner = NULL;
	struct profile profile = {0};
	struct error err = {0};
	json_t *can = NULL;
	char *text = NULL;
	int code = EXIT_DONE;

	if (!settings_here(call, &s, &err) ||
	    !profile_open(
		name ? name : settings_text(s, "scan.profile"), device, own, &profile, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct scanner_options options = {.device = device,
	    .source = settings_text(s, "scan.source"),
	    .mode = settings_text(s, "scan.mode"),
	    .resolution_dpi = (int)settings_int(s, "scan.resolution"),
	    .page_width_mm = settings_number(s, "scan.page_width_mm"),
	    .page_height_mm = settings_number(s, "scan.page_height_mm"),
	    .timeout_ms = (int)settings_int(s, "scan.timeout") * 1000};
	settings_each(s, "option", option_take, &profile);
	profile_apply(&profile, &options);
	if (!scanner_open(&options, &scanner, &err)) {
		code = command_fail(&err);
		goto done;
	}
	text = scanner_abilities(scanner);
	can = json_loads(text, 0, NULL);
	if (!can)
		can = json_object();
	if (json) {
		json_object_set_new(can, "profile", json_string(profile.name));
		json_object_set_new(can, "profile_version", json_integer(profile.version));
		json_object_set_new(can, "profile_sha256", json_string(profile.sha256));
		free(text);
		text = json_dumps(can, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		printf("%s\n", text ? text : "{}");
	} else {
		check_print(&profile, s, can);
	}
done:
	scanner_close(scanner);
	profile_release(&profile);
	settings_close(s);
	json_decref(can);
	free(text);
	free(own);
	return code;
}

static int run_devices(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *device = NULL, *checked = NULL, *profile = NULL;
	bool json = false;
	const struct option_spec options[] = {{"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {"device", OPTION_TEXT, &device, N_("NAME"),
		N_("this one, such as paper:DIR, instead of those that SANE finds")},
	    {"check", OPTION_TEXT, &checked, "NAME",
		N_("what a profile would set there, what the device rounds or refuses, and whether double feeds are detected")},
	    {"profile", OPTION_TEXT, &profile, "P",
		N_("with --check: this one instead of the one that fits")},
	    {0}};
	struct device_list list = {0};
	struct error err = {0};
	int n, code = EXIT_DONE;

	if (!options_read(&command_devices, options, argc, argv, args, &n, &code))
		return code;
	if (checked)
		return check(call, checked, profile, json);
	if (profile)
		return command_usage(&command_devices, _("--profile goes with --check"));
	json_t *all = json_array();
	if (device) {
		struct device one = {.name = (char *)device};
		json_array_append_new(all, device_json(&one, true));
		if (json_object_get(json_array_get(all, 0), "error"))
			code = EXIT_FAILED;
	} else if (!device_list_open(&list, &err)) {
		json_decref(all);
		return command_fail(&err);
	}
	for (int i = 0; i < list.n; i++)
		json_array_append_new(all, device_json(&list.devices[i], true));
	if (json) {
		char *text = json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		printf("%s\n", text ? text : "[]");
		free(text);
	} else {
		size_t i;
		json_t *d;
		json_array_foreach(all, i, d)
		{
			device_print(d);
		}
		if (json_array_size(all) == 0)
			printf("%s",
			    _("SANE sees no scanner. Is it switched on and plugged in? May this account use it (group 'scanner')?\nThe simulator is --device paper:DIR, with images in DIR\n"));
	}
	json_decref(all);
	device_list_release(&list);
	return code;
}

const struct command command_devices = {"devices",
    "[--json] [--device NAME | --check NAME [--profile P]]",
    N_("Lists the scanners that SANE sees, and what they can do."), run_devices};
