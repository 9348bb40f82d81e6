#include "batch/rules.h"

#include <string.h>

#include "config/settings.h"
#include "config/text.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* Kinds of paper that a rule set says something of, and what it says in words. */
static const struct kind {
	const char *key, *count, *operator_decides;
} kinds[] = {
    {"file_covers", N_("The cover of a paper file counts as a sheet where it is fed."),
	N_("Whether the cover of a paper file counts, whoever feeds decides.")},
    {"notes", N_("A sticky note on a page of its own counts as a sheet."),
	N_("Whether a sticky note on a page of its own counts, whoever feeds decides.")},
    {"photos", N_("A photo counts as a sheet."),
	N_("Whether a photo counts, whoever feeds decides.")},
    {"passports", N_("A passport page that is fed or laid on the glass counts as a sheet."),
	N_("Whether a passport page counts, whoever feeds decides.")},
    {"oversize", N_("A sheet larger than A3 counts 1, like any other."),
	N_("Whether a sheet larger than A3 counts, whoever feeds decides.")},
    {"volumes", N_("Several volumes or batches of one file number are one file."), NULL},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

json_t *rules_make(const struct settings *s)
{
	struct claim_rates rates;
	char file[MONEY_SIZE] = "", sheet[MONEY_SIZE] = "";
	json_t *said = json_object();

	for (int i = 0; i < N_KINDS; i++) {
		char key[32];
		snprintf(key, sizeof key, "rules.%s", kinds[i].key);
		json_object_set_new(said, kinds[i].key, json_string(settings_text(s, key)));
	}
	if (rules_rates(s, &rates, NULL)) { /* the settings were checked when they were read */
		money_rate_text(rates.file, file);
		money_rate_text(rates.sheet, sheet);
	}
	return json_pack("{ss si sb ss so s{ss ss ss ss}}", "name", settings_text(s, "rules.name"),
	    "version", (int)settings_int(s, "rules.version"), "count_blank_sheets",
	    settings_bool(s, "rules.count_blank_sheets"), "hash", settings_rules_hash(s), "kinds",
	    said, "rates", "file", file, "sheet", sheet, "rounding",
	    settings_text(s, "claim.rounding"), "currency", settings_text(s, "claim.currency"));
}

static bool rates_read(const char *file, const char *sheet, const char *rounding,
    const char *currency, struct claim_rates *out, struct error *err)
{
	*out = (struct claim_rates){0};
	snprintf(out->currency, sizeof out->currency, "%s", currency);
	if (!money_rate_read(file, &out->file, err)) {
		error_where(err, "claim.rate_file");
		return false;
	}
	if (!money_rate_read(sheet, &out->sheet, err)) {
		error_where(err, "claim.rate_sheet");
		return false;
	}
	return money_rounding_read(rounding, &out->rounding, err);
}

bool rules_rates(const struct settings *s, struct claim_rates *out, struct error *err)
{
	return rates_read(settings_text(s, "claim.rate_file"), settings_text(s, "claim.rate_sheet"),
	    settings_text(s, "claim.rounding"), settings_text(s, "claim.currency"), out, err);
}

bool rules_rates_own(const struct settings *s)
{
	return settings_own(s, "claim.rate_file") || settings_own(s, "claim.rate_sheet") ||
	    settings_own(s, "claim.rounding") || settings_own(s, "claim.currency");
}

bool rules_rates_of(const json_t *rules, struct claim_rates *out, bool *known, struct error *err)
{
	const json_t *rates = json_object_get(rules, "rates");

	*known = rates != NULL;
	if (!rates ||
	    rates_read(text_of(rates, "file"), text_of(rates, "sheet"), text_of(rates, "rounding"),
		text_of(rates, "currency"), out, err))
		return true;
	if (err)
		err->kind = ERROR_CHECK;
	return false;
}

static struct money_rate shortest(struct money_rate rate)
{
	while (rate.digits > 0 && rate.units % 10 == 0) {
		rate.units /= 10;
		rate.digits--;
	}
	return rate;
}

static bool rate_same(struct money_rate a, struct money_rate b)
{
	a = shortest(a);
	b = shortest(b);
	return a.units == b.units && a.digits == b.digits;
}

bool rules_rates_same(const struct claim_rates *a, const struct claim_rates *b)
{
	return rate_same(a->file, b->file) && rate_same(a->sheet, b->sheet) &&
	    a->rounding == b->rounding && strcmp(a->currency, b->currency) == 0;
}

void rules_say(const json_t *rules, void (*say)(void *self, const char *clause), void *self)
{
	const json_t *said = json_object_get(rules, "kinds");

	say(self, _("Each sheet counts 1, however many of its sides are printed."));
	say(self,
	    json_is_true(json_object_get(rules, "count_blank_sheets"))
		? _("A sheet that is blank on both sides counts, and is shown apart.")
		: _("A sheet that is blank on both sides does not count."));
	say(self,
	    _("Printed cover sheets, sheets that were scanned again or voided, and further views of a sheet count 0."));
	for (int i = 0; said && i < N_KINDS; i++) {
		bool decides = strcmp(text_of(said, kinds[i].key), "operator") == 0;
		say(self,
		    decides && kinds[i].operator_decides ? _(kinds[i].operator_decides)
							 : _(kinds[i].count));
	}
	say(self, _("A file counts only with at least one counted sheet."));
}
