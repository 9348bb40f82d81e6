#include "scan/abilities.h"

#include <jansson.h>
#include <sane/saneopts.h>
#include <string.h>
#include <strings.h>

enum { CHOICES_MOST = 4096 };

/* What a backend says may be in any encoding. */
static json_t *text(const char *s)
{
	json_t *value = json_string(s ? s : "");

	if (value)
		return value;
	char safe[256];
	size_t n = 0;
	for (; s[n] && n + 1 < sizeof safe; n++)
		safe[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
	safe[n] = '\0';
	return json_string(safe);
}

static json_t *choices(const SANE_Option_Descriptor *d)
{
	double unit = d->type == SANE_TYPE_FIXED ? 1 << SANE_FIXED_SCALE_SHIFT : 1;
	json_t *list;

	if (d->constraint_type == SANE_CONSTRAINT_STRING_LIST && d->constraint.string_list) {
		list = json_array();
		for (int i = 0; i < CHOICES_MOST && d->constraint.string_list[i]; i++)
			json_array_append_new(list, text(d->constraint.string_list[i]));
		return list;
	}
	if (d->constraint_type == SANE_CONSTRAINT_WORD_LIST && d->constraint.word_list) {
		list = json_array();
		for (int i = 1; i <= d->constraint.word_list[0] && i < CHOICES_MOST; i++)
			json_array_append_new(list, json_real(d->constraint.word_list[i] / unit));
		return list;
	}
	if (d->constraint_type == SANE_CONSTRAINT_RANGE && d->constraint.range)
		return json_pack("{s:f, s:f, s:f}", "min", d->constraint.range->min / unit, "max",
		    d->constraint.range->max / unit, "step", d->constraint.range->quant / unit);
	return json_null();
}

static json_t *choices_of(SANE_Handle handle, const char *name)
{
	const SANE_Option_Descriptor *d = device_option_find(handle, name, NULL);

	return d ? choices(d) : json_array();
}

static bool about_double_feed(const char *name)
{
	return strncmp(name, "df-", 3) == 0 || strcasestr(name, "double-feed") ||
	    strcasestr(name, "doublefeed") || strcasestr(name, "multi-feed") ||
	    strcasestr(name, "ultrasonic") || strcasestr(name, "dfeed");
}

static bool about_imprinter(const char *name)
{
	return strncmp(name, "endorser", 8) == 0 || strncmp(name, "imprint", 7) == 0;
}

struct lists {
	SANE_Handle handle;
	json_t *options, *double_feed, *imprinter;
	int df_switches;		   /* sensors that can be switched */
	bool df_on, df_action, df_ignored; /* one is on; there is an action; it does nothing */
};

static void option_add(void *self, SANE_Int index, const SANE_Option_Descriptor *d)
{
	static const char *const types[] = {"bool", "int", "fixed", "text", "button", "group"};
	static const char *const units[] = {
	    "", "pixel", "bit", "mm", "dpi", "percent", "microsecond"};
	struct lists *l = self;
	char value[DEVICE_VALUE_SIZE];
	bool settable = SANE_OPTION_IS_SETTABLE(d->cap), active = SANE_OPTION_IS_ACTIVE(d->cap);

	json_t *o = json_object();
	json_object_set_new(o, "name", text(d->name));
	json_object_set_new(o, "type", text((unsigned int)d->type < 6 ? types[d->type] : "?"));
	json_object_set_new(o, "unit", text((unsigned int)d->unit < 7 ? units[d->unit] : "?"));
	bool readable = device_option_text(l->handle, d->name, value);
	json_object_set_new(o, "value", readable ? text(value) : json_null());
	json_object_set_new(o, "choices", choices(d));
	json_object_set_new(o, "active", json_boolean(active));
	json_object_set_new(o, "settable", json_boolean(settable));
	json_array_append_new(l->options, o);
	if (about_imprinter(d->name))
		json_array_append_new(l->imprinter, text(d->name));
	if (about_double_feed(d->name) && settable) {
		json_array_append_new(l->double_feed, text(d->name));
		/* kvs40xx: dfeed_l, _c, _r switch single sensors off */
		if (readable && d->type == SANE_TYPE_BOOL && !strchr(d->name, '_')) {
			l->df_switches++;
			l->df_on = l->df_on || (active && strcmp(value, "yes") == 0);
		}
		if (readable && d->type == SANE_TYPE_STRING && strstr(d->name, "action")) {
			l->df_action = true;
			l->df_ignored = strcasecmp(value, "stop") != 0;
		}
	}
}

/* Null: the device does not tell. */
static json_t *double_feed_on(const struct lists *l)
{
	if (l->df_switches == 0 && !l->df_action)
		return json_null();
	return json_boolean((l->df_switches == 0 || l->df_on) && !l->df_ignored);
}

static json_t *settings_list(const struct device_settings *settings)
{
	json_t *list = json_array();

	for (int i = 0; i < settings->n; i++) {
		const struct device_setting *s = &settings->list[i];
		json_t *o = json_object();
		json_object_set_new(o, "option", text(s->name));
		json_object_set_new(o, "wanted", text(s->wanted));
		json_object_set_new(o, "got", text(s->got));
		json_object_set_new(o, "exact", json_boolean(s->exact));
		json_object_set_new(o, "lacking", json_boolean(s->lacking));
		json_array_append_new(list, o);
	}
	return list;
}

char *abilities_text(SANE_Handle handle, const struct abilities *a)
{
	struct lists lists = {.handle = handle,
	    .options = json_array(),
	    .double_feed = json_array(),
	    .imprinter = json_array()};
	json_t *root = json_object(), *df = json_object();

	device_options_each(handle, option_add, &lists);
	json_object_set_new(root, "device", text(a->name));
	json_object_set_new(root, "model", text(a->model));
	json_object_set_new(root, "type", text(a->type));
	json_object_set_new(root, "source", text(a->source->name));
	json_object_set_new(root, "duplex", json_boolean(a->source->duplex));
	json_object_set_new(root, "flatbed", json_boolean(a->source->flatbed));
	json_object_set_new(root, "resolution", json_real(a->dpi));
	json_object_set_new(root, "sources", choices_of(handle, SANE_NAME_SCAN_SOURCE));
	json_object_set_new(root, "modes", choices_of(handle, SANE_NAME_SCAN_MODE));
	json_object_set_new(root, "resolutions", choices_of(handle, SANE_NAME_SCAN_RESOLUTION));
	json_object_set_new(df, "options", lists.double_feed);
	json_object_set_new(df, "on", double_feed_on(&lists));
	json_object_set_new(root, "double_feed", df);
	json_object_set_new(root, "imprinter", lists.imprinter);
	json_object_set_new(root, "feed_count",
	    json_boolean(device_option_find(handle, "feed-count", NULL) != NULL));
	json_object_set_new(root, "settings", settings_list(a->settings));
	json_object_set_new(root, "options", lists.options);
	char *out = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return out;
}
