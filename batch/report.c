#include "batch/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/claim_book.h"
#include "batch/closed.h"
#include "batch/feeding.h"
#include "batch/file_set.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/local_day.h"
#include "batch/money.h"
#include "batch/register.h"
#include "batch/rules.h"
#include "config/file.h"
#include "config/settings.h"
#include "config/text.h"

enum { RATE_DAYS = 20 }; /* working days that a forecast looks back on */

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

struct gathering {
	struct workspace *workspace;
	struct closed_list list;
	struct file_set files;	 /* that some batch holds */
	json_t *days, *stations; /* by day, by station, while they are summed */
	json_t *station_days;	 /* on which a station closed a batch */
	int64_t sheets, registered, missing;
	char key[FILE_KEY_SIZE]; /* of the register's entry before */
	struct claim_line accepted,
	    closed; /* files and sheets of accepted, and of all closed batches */
};

static void add(json_t *object, const char *key, int64_t by)
{
	json_object_set_new(object, key, json_integer(int_of(object, key) + by));
}

static json_t *entry(json_t *of, const char *key)
{
	json_t *e = json_object_get(of, key);

	if (!e) {
		e = json_object();
		json_object_set_new(of, key, e);
	}
	return e;
}

/* Files count on the day when the first batch that holds them was closed. */
static bool batch_add(struct gathering *g, const struct closed_batch *b, struct error *err)
{
	char day[11];
	int64_t files = 0;

	if (b->revision == 0 || b->state == CLOSED_ABANDONED)
		return true;
	if (!local_day(
		b->closed, settings_text(g->workspace->settings, "claim.timezone"), day, err))
		return false;
	for (int i = 0; i < b->n_lines; i++)
		if (b->lines[i].sheets > 0)
			files += file_set_add(&g->files, b->lines[i].key, 1) == 0;
	json_t *d = entry(g->days, day), *s = entry(g->stations, b->station);
	add(d, "files", files);
	add(d, "sheets", b->sheets);
	add(s, "batches", 1);
	add(s, "files", files);
	add(s, "sheets", b->sheets);
	add(s, "voided", b->voided);
	add(s, "superseded", b->superseded);
	add(s, "ocr_failed", b->ocr_failed);
	add(s, "pages", b->pages);
	char *pair = file_path("%s %s", day, b->station);
	json_object_set_new(g->station_days, pair, json_true());
	free(pair);
	g->sheets += b->sheets;
	g->closed.files += files;
	g->closed.sheets += b->sheets;
	if (b->state == CLOSED_ACCEPTED) {
		g->accepted.files += files;
		g->accepted.sheets += b->sheets;
	}
	return true;
}

static int by_closed(const void *a, const void *b)
{
	const struct closed_batch *x = a, *y = b;
	int order = strcmp(x->closed, y->closed);

	return order ? order : strcmp(x->name, y->name);
}

static bool register_visit(
    void *self, const char *key, const struct register_entry *e, struct error *err)
{
	struct gathering *g = self;

	if (strcmp(g->key, key) == 0)
		return true; /* a further volume of the same file */
	snprintf(g->key, sizeof g->key, "%s", key);
	g->registered++;
	g->missing += file_set_count(&g->files, key) == 0;
	return true;
}

/* {"2026-11-23": {…}} as [{"day": "2026-11-23", …}], in order. */
static json_t *listed(const json_t *by_key, const char *name)
{
	json_t *out = json_array(), *value;
	const char *key;
	const char **keys = calloc(json_object_size(by_key) + 1, sizeof *keys);
	size_t n = 0;

	if (!keys)
		abort(); /* a few bytes for each day */
	json_object_foreach((json_t *)by_key, key, value)
	{
		size_t at = n++;
		for (; at > 0 && strcmp(keys[at - 1], key) > 0; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
	for (size_t i = 0; i < n; i++) {
		json_t *line = json_pack("{ss}", name, keys[i]);
		json_object_update(line, json_object_get(by_key, keys[i]));
		json_array_append_new(out, line);
	}
	free(keys);
	return out;
}

static time_t day_time(const char *day)
{
	struct tm tm = {0};

	if (!strptime(day, "%Y-%m-%d", &tm))
		return 0;
	return timegm(&tm);
}

/* The day that lies so many working days behind one: Saturdays and Sundays are none. */
static time_t working_days_on(time_t day, int64_t n)
{
	struct tm tm;

	gmtime_r(&day, &tm);
	day -= (tm.tm_wday == 6 ? 1 : tm.tm_wday == 0 ? 2 : 0) * 86400; /* from Friday on */
	day += n / 5 * 7 * 86400;
	for (n %= 5; n > 0;) {
		day += 86400;
		gmtime_r(&day, &tm);
		n -= tm.tm_wday != 0 && tm.tm_wday != 6;
	}
	return day;
}

/* Files a working day over the last days on which anything was closed; days off are not counted. */
static json_t *forecast(const struct gathering *g, const json_t *days, const char *now)
{
	const char *deadline = settings_text(g->workspace->settings, "grant.deadline");
	size_t n = json_array_size(days), from = n > RATE_DAYS ? n - RATE_DAYS : 0;
	int64_t files = 0;
	char done_on[16] = "";

	for (size_t i = from; i < n; i++)
		files += int_of(json_array_get(days, i), "files");
	int64_t tenths = n > from ? files * 10 / (int64_t)(n - from) : 0;
	if (tenths > 0) {
		int64_t left = (g->missing * 10 + tenths - 1) / tenths; /* working days */
		struct tm tm;
		if (left < 1000000) {
			time_t t = left > 0 ? working_days_on(day_time(now), left) : day_time(now);
			gmtime_r(&t, &tm);
			strftime(done_on, sizeof done_on, "%Y-%m-%d", &tm);
		}
	}
	json_t *f = json_pack("{sI ss ss}", "files_per_day_tenths", (json_int_t)tenths, "done_on",
	    done_on, "deadline", deadline);
	if (deadline[0] && done_on[0])
		json_object_set_new(f, "late", json_boolean(strcmp(done_on, deadline) > 0));
	return f;
}

static bool worth(const struct claim_rates *rates, int64_t files, int64_t sheets, json_t *out,
    const char *key, struct error *err)
{
	struct claim_line line = {.files = files, .sheets = sheets};
	int64_t a, b, sum;
	char text[MONEY_SIZE];

	if (!claim_amount(rates, &line, &a, &b, err) || !money_add(a, b, &sum, err))
		return false;
	money_plain(sum, text);
	return json_object_set_new(out, key, json_string(text)) == 0;
}

static bool money_report(struct gathering *g, json_t *out, struct error *err)
{
	const struct settings *s = g->workspace->settings;
	struct claim_book book = {0};
	struct claim_rates rates;
	int64_t claimed = 0, cents;
	char text[MONEY_SIZE];
	int64_t done = (int64_t)g->files.n_files;
	bool ok = false;

	if (!rules_rates(s, &rates, err) || !claim_book_read(g->workspace, &book, err))
		goto done;
	for (int i = 0; i < book.n; i++)
		if (!book.claims[i].cancelled &&
		    money_cents_read(text_of(book.claims[i].json, "amount"), &cents, NULL))
			claimed += cents;
	money_plain(claimed, text);
	json_object_set_new(out, "claimed", json_string(text));
	/* What is missing will have as many sheets a file as what is done. */
	int64_t expected_files = done + g->missing;
	int64_t expected_sheets = done > 0 ? g->sheets + g->missing * g->sheets / done : 0;
	ok = worth(&rates, g->accepted.files, g->accepted.sheets, out, "accepted", err) &&
	    worth(&rates, g->closed.files, g->closed.sheets, out, "closed", err) &&
	    worth(&rates, expected_files, expected_sheets, out, "expected", err);
	const char *ceiling = settings_text(s, "grant.ceiling");
	int64_t in_the_end;
	json_object_set_new(out, "ceiling", json_string(ceiling));
	if (ok && ceiling[0] && money_cents_read(ceiling, &cents, NULL) &&
	    money_cents_read(text_of(out, "expected"), &in_the_end, NULL))
		json_object_set_new(out, "over_ceiling", json_boolean(in_the_end > cents));
done:
	claim_book_release(&book);
	return ok;
}

/* What the work cost so far, and will have cost: each day of a station as it was up to now. */
static bool cost_report(const struct gathering *g, json_t *out, struct error *err)
{
	const struct settings *s = g->workspace->settings;
	const char *keys[] = {"report.budget", "report.cost_fixed", "report.cost_station_day"};
	int64_t cents[3] = {0}, days = (int64_t)json_object_size(g->station_days), spent, expected;
	int64_t done = (int64_t)g->files.n_files, all = done + g->missing;
	char text[MONEY_SIZE];
	bool any = false;

	for (int i = 0; i < 3; i++) {
		const char *set = settings_text(s, keys[i]);
		any = any || set[0];
		if (set[0] && !money_cents_read(set, &cents[i], err)) {
			error_where(err, "%s", keys[i]);
			return false;
		}
	}
	if (!any)
		return true;
	if (done > 0 && all > INT64_MAX / (days + 1))
		all = done; /* a register beyond all measure */
	int64_t in_the_end = done > 0 ? (days * all + done - 1) / done : days;
	if (__builtin_mul_overflow(cents[2], days, &spent) ||
	    __builtin_mul_overflow(cents[2], in_the_end, &expected) ||
	    !money_add(spent, cents[1], &spent, err) ||
	    !money_add(expected, cents[1], &expected, err))
		return error_set(err, ERROR_SETUP, NULL, _("the costs in [report] are too large"));
	json_object_set_new(out, "station_days", json_integer(days));
	money_plain(spent, text);
	json_object_set_new(out, "spent", json_string(text));
	money_plain(expected, text);
	json_object_set_new(out, "expected", json_string(text));
	if (settings_text(s, keys[0])[0]) {
		money_plain(cents[0], text);
		json_object_set_new(out, "budget", json_string(text));
		json_object_set_new(out, "over", json_boolean(expected > cents[0]));
	}
	return true;
}

/* A station's speed is that of its scanners together. */
static void speeds_add(json_t *stations, const json_t *scanners)
{
	json_t *line, *s;
	const char *name;
	size_t i;

	json_object_foreach(stations, name, s)
	{
		int64_t sheets = 0, ms = 0;
		json_array_foreach(scanners, i, line)
		{
			if (strcmp(text_of(line, "station"), name) != 0)
				continue;
			int64_t speed = int_of(line, "sheets_per_hour");
			sheets += int_of(line, "sheets");
			ms += speed > 0 ? int_of(line, "sheets") * 3600000 / speed : 0;
		}
		add(s, "sheets_per_hour", ms > 0 ? sheets * 3600000 / ms : 0);
	}
}

/* g has its workspace; release it in any case. */
static bool gathering_read(struct gathering *g, struct error *err)
{
	struct workspace *w = g->workspace;

	g->days = json_object();
	g->stations = json_object();
	g->station_days = json_object();
	bool ok = closed_all(w->journal, &g->list, err);
	if (ok && g->list.n > 1)
		qsort(g->list.batches, (size_t)g->list.n, sizeof *g->list.batches, by_closed);
	for (int i = 0; ok && i < g->list.n; i++)
		ok = batch_add(g, &g->list.batches[i], err);
	return ok && register_each(w->journal, register_visit, g, err);
}

static void gathering_release(struct gathering *g)
{
	json_decref(g->station_days);
	json_decref(g->days);
	json_decref(g->stations);
	file_set_release(&g->files);
	closed_list_release(&g->list);
}

bool report_forecast(struct workspace *w, json_t **out, struct error *err)
{
	struct gathering g = {.workspace = w};
	char now[25];
	bool ok = gathering_read(&g, err);

	if (ok) {
		ledger_now(now);
		json_t *days = listed(g.days, "day");
		*out = forecast(&g, days, now);
		json_decref(days);
	}
	gathering_release(&g);
	return ok;
}

json_t *report_make(struct workspace *w, struct error *err)
{
	struct gathering g = {.workspace = w};
	json_t *out = NULL, *money = json_object(), *cost = json_object(), *days;
	json_t *scanners = NULL, *operators = NULL;
	char now[25];
	bool ok = gathering_read(&g, err) && money_report(&g, money, err) &&
	    cost_report(&g, cost, err) && feeding_read(w, &g.list, &scanners, &operators, err);
	if (ok) {
		ledger_now(now);
		int64_t done = (int64_t)g.files.n_files;
		days = listed(g.days, "day");
		speeds_add(g.stations, scanners);
		out = json_pack("{ss ss s{sI sI sI sI} sI so sO so ss sO}", "format",
		    "altakt-report/1", "made", now, "files", "registered", (json_int_t)g.registered,
		    "done", (json_int_t)done, "missing", (json_int_t)g.missing, "unregistered",
		    (json_int_t)(g.registered > 0 ? done - (g.registered - g.missing) : 0),
		    "sheets", (json_int_t)g.sheets, "forecast", forecast(&g, days, now), "days",
		    days, "stations", listed(g.stations, "station"), "currency",
		    settings_text(w->settings, "claim.currency"), "money", money);
		json_decref(days);
		json_object_set(out, "cost", cost);
		json_object_set(out, "scanners", scanners);
		json_object_set(out, "operators", operators);
	}
	json_decref(cost);
	json_decref(scanners);
	json_decref(operators);
	json_decref(money);
	gathering_release(&g);
	return out;
}

static void escaped(FILE *f, const char *text)
{
	for (const char *p = text; *p; p++)
		switch (*p) {
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '&': fputs("&amp;", f); break;
		case '"': fputs("&quot;", f); break;
		default: putc(*p, f);
		}
}

static void figure(FILE *f, const char *what, const char *value)
{
	fputs("<div class=\"figure\"><b>", f);
	escaped(f, value);
	fputs("</b><span>", f);
	escaped(f, what);
	fputs("</span></div>\n", f);
}

static void count_figure(FILE *f, const char *what, int64_t n)
{
	char text[MONEY_SIZE];

	money_count(n, text_german(), text);
	figure(f, what, text);
}

static void money_figure(
    FILE *f, const char *currency, const char *what, const json_t *money, const char *key)
{
	char text[MONEY_SIZE];
	int64_t cents;

	if (!text_of(money, key)[0] || !money_cents_read(text_of(money, key), &cents, NULL))
		return;
	money_show(cents, currency, text_german(), text);
	figure(f, what, text);
}

static const char *day_show(const char *day, char buf[16])
{
	int y, m, d;

	if (text_german() && sscanf(day, "%4d-%2d-%2d", &y, &m, &d) == 3)
		snprintf(buf, 16, "%02d.%02d.%04d", d % 100, m % 100, y % 10000);
	else
		snprintf(buf, 16, "%.10s", day);
	return buf;
}

/* One bar a day: as wide as its share of the days, as high as its share of the best one. */
static void bars(FILE *f, const json_t *days, const char *key, const char *title)
{
	enum { WIDTH = 900, HEIGHT = 180 };
	size_t n = json_array_size(days), i;
	int64_t most = 1;
	json_t *d;
	char number[MONEY_SIZE], day[16];
	int64_t first = n > 0 ? day_time(text_of(json_array_get(days, 0), "day")) / 86400 : 0;
	int64_t last = n > 0 ? day_time(text_of(json_array_get(days, n - 1), "day")) / 86400 : 0;
	int64_t span = last > first ? last - first + 1 : 1; /* days without work have their place */

	json_array_foreach(days, i, d) most = int_of(d, key) > most ? int_of(d, key) : most;
	money_count(most, text_german(), number);
	fprintf(f, "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", title,
	    WIDTH, HEIGHT + 40);
	escaped(f, title);
	fprintf(f, "\"><text x=\"0\" y=\"12\">%s</text>\n", number);
	json_array_foreach(days, i, d)
	{
		int64_t height = int_of(d, key) * HEIGHT / most;
		int64_t at = day_time(text_of(d, "day")) / 86400 - first;
		int x = (int)(at * WIDTH / span), wide = (int)((at + 1) * WIDTH / span) - x;
		money_count(int_of(d, key), text_german(), number);
		fprintf(f,
		    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%s: %s</title></rect>\n",
		    x, 16 + HEIGHT - (int)height, wide > 2 ? wide - 1 : 1, (int)height,
		    day_show(text_of(d, "day"), day), number);
	}
	if (n > 0) {
		fprintf(f, "<text x=\"0\" y=\"%d\">%s</text>", HEIGHT + 34,
		    day_show(text_of(json_array_get(days, 0), "day"), day));
		fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", WIDTH,
		    HEIGHT + 34, day_show(text_of(json_array_get(days, n - 1), "day"), day));
	}
	fputs("</svg>\n", f);
}

/* All files over time, against those that should exist; where that leads to, and the deadline. */
static void growth(FILE *f, const json_t *days, const json_t *forecast_of, int64_t all)
{
	enum { WIDTH = 900, HEIGHT = 220, TOP = 16, FOOT = TOP + HEIGHT };
	const char *done_on = text_of(forecast_of, "done_on"),
		   *deadline = text_of(forecast_of, "deadline");
	size_t n = json_array_size(days), i;
	int64_t sum = 0, first, last, today;
	json_t *d;
	char number[MONEY_SIZE], day[16];

	json_array_foreach(days, i, d) sum += int_of(d, "files");
	if (all < sum)
		all = sum;
	if (n == 0 || all == 0)
		return;
	first = day_time(text_of(json_array_get(days, 0), "day")) - 86400;
	today = last = day_time(text_of(json_array_get(days, n - 1), "day"));
	/* What lies years ahead would press the days together. */
	int64_t far = today + 4 * (today - first) + 30 * 86400;
	int64_t aim = done_on[0] && sum < all ? day_time(done_on) : 0;
	int64_t limit = deadline[0] ? day_time(deadline) : 0;
	last = aim > last && aim <= far ? aim : last;
	last = limit > last && limit <= far ? limit : last;
#define ACROSS(t) ((int)(((t)-first) * WIDTH / (last - first)))
	money_count(all, text_german(), number);
	fprintf(f,
	    "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
	    "<line class=\"aim\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/><text x=\"0\" y=\"12\">%s</text>"
	    "<line class=\"base\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n<polyline points=\"0,%d",
	    _("Case files done"), WIDTH, HEIGHT + 40, _("Case files done"), TOP, WIDTH, TOP, number,
	    FOOT, WIDTH, FOOT, FOOT);
	sum = 0;
	json_array_foreach(days, i, d)
	{
		sum += int_of(d, "files");
		fprintf(f, " %d,%d", ACROSS(day_time(text_of(d, "day"))),
		    FOOT - (int)(sum * HEIGHT / all));
	}
	fputs("\"/>\n", f);
	int x = ACROSS(today), y = FOOT - (int)(sum * HEIGHT / all);
	money_count(sum, text_german(), number);
	fprintf(f,
	    "<circle cx=\"%d\" cy=\"%d\" r=\"4\"/><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
	    x, y, x - 8, y > TOP + 20 ? y - 8 : y + 18, number);
	if (aim > today && aim <= last)
		fprintf(f, "<line class=\"ahead\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", x,
		    y, ACROSS(aim), TOP);
	if (limit > first && limit <= last)
		fprintf(f,
		    "<line class=\"deadline\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
		    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s %s</text>\n",
		    ACROSS(limit), TOP, ACROSS(limit), FOOT, ACROSS(limit) - 6, FOOT - 8,
		    _("Deadline"), day_show(deadline, day));
	fprintf(f, "<text x=\"0\" y=\"%d\">%s</text>", FOOT + 18,
	    day_show(text_of(json_array_get(days, 0), "day"), day));
	if (x > 200 && x < WIDTH - 200)
		fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>", x, FOOT + 18,
		    day_show(text_of(json_array_get(days, n - 1), "day"), day));
	fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text></svg>\n", WIDTH,
	    FOOT + 18,
	    last == limit     ? day_show(deadline, day)
		: last == aim ? day_show(done_on, day)
			      : day_show(text_of(json_array_get(days, n - 1), "day"), day));
#undef ACROSS
}

struct column {
	const char *key, *head;
	bool text;
	const char *share_of; /* a percentage of that column, or NULL; "fed": of all sheets fed */
};

/* A percentage with one decimal, rounded down. */
static void share(FILE *f, int64_t part, int64_t whole)
{
	int64_t permille = whole > 0 ? part * 1000 / whole : 0;

	fprintf(f, "<td>%lld%c%lld %%</td>", (long long)(permille / 10), text_german() ? ',' : '.',
	    (long long)(permille % 10));
}

static void table(FILE *f, const char *title, const json_t *list, const struct column *columns)
{
	json_t *line;
	size_t i;
	char number[MONEY_SIZE];

	if (json_array_size(list) == 0)
		return;
	fprintf(f, "<h2>%s</h2>\n<table><tr>", title);
	for (const struct column *c = columns; c->key; c++)
		fprintf(f, "<th%s>%s</th>", c->text ? " class=\"t\"" : "", c->head);
	fputs("</tr>\n", f);
	json_array_foreach(list, i, line)
	{
		fputs("<tr>", f);
		for (const struct column *c = columns; c->key; c++) {
			if (c->text) {
				fputs("<td class=\"t\">", f);
				escaped(f, text_of(line, c->key));
				fputs("</td>", f);
			} else if (c->share_of) {
				share(f, int_of(line, c->key),
				    strcmp(c->share_of, "fed") == 0 ? int_of(line, "sheets") +
					    int_of(line, "voided") + int_of(line, "superseded")
								    : int_of(line, c->share_of));
			} else {
				money_count(int_of(line, c->key), text_german(), number);
				fprintf(f, "<td>%s</td>", number);
			}
		}
		fputs("</tr>\n", f);
	}
	fputs("</table>\n", f);
}

static void tables(FILE *f, const json_t *r)
{
	const struct column stations[] = {{"station", _("Station"), .text = true},
	    {"batches", _("Batches")}, {"files", _("Files")}, {"sheets", _("Sheets")},
	    {"pages", _("Pages")}, {"sheets_per_hour", _("Sheets an hour")},
	    {"voided", _("Voided"), .share_of = "fed"},
	    {"superseded", _("Scanned again"), .share_of = "fed"},
	    {"ocr_failed", _("Not recognised"), .share_of = "pages"}, {0}};
	const struct column scanners[] = {{"station", _("Station"), .text = true},
	    {"scanner", _("Scanner"), .text = true}, {"sheets", _("Sheets")},
	    {"sheets_per_hour", _("Sheets an hour")}, {0}};
	const struct column operators[] = {{"operator", _("Operator"), .text = true},
	    {"sheets", _("Sheets")}, {"sheets_per_hour", _("Sheets an hour")}, {0}};

	table(f, _("Stations"), json_object_get(r, "stations"), stations);
	table(f, _("Speed of feeding"), json_object_get(r, "scanners"), scanners);
	table(f, _("Operators"), json_object_get(r, "operators"), operators);
}

char *report_html(const json_t *r, const struct workspace *w)
{
	const json_t *files = json_object_get(r, "files"), *money = json_object_get(r, "money");
	const json_t *forecast_of = json_object_get(r, "forecast"),
		     *days = json_object_get(r, "days");
	const char *currency = text_of(r, "currency");
	char *text = NULL, day[16];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		abort(); /* no memory for one page */
	fprintf(f,
	    "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>\n<style>"
	    "body{font:16px/1.4 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
	    ".figures{display:flex;flex-wrap:wrap;gap:1rem}.figure{border:1px solid #bbb;border-radius:6px;padding:.6rem 1rem}"
	    ".figure b{display:block;font-size:1.6rem}.figure span{color:#555}"
	    "svg{width:100%%}svg rect{fill:#2b6cb0}svg polyline{fill:none;stroke:#2b6cb0;stroke-width:3}"
	    "svg .aim{stroke:#888;stroke-dasharray:6 4}svg .base{stroke:#bbb}svg .ahead{stroke:#2b6cb0;stroke-width:2;stroke-dasharray:3 5}"
	    "svg .deadline{stroke:#b00020;stroke-width:1.5}svg circle{fill:#2b6cb0}svg text{font-size:13px;fill:#444}"
	    "table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.3rem .8rem;text-align:right}"
	    "td:first-child,th:first-child{text-align:left}.t{text-align:left}.late{color:#b00020;font-weight:bold}</style></head><body>\n",
	    text_german() ? "de" : "en", _("Progress of the digitisation"));
	fprintf(f, "<h1>%s</h1>\n<p>", _("Progress of the digitisation"));
	escaped(f, settings_text(w->settings, "grant.applicant"));
	fprintf(f, " · %s</p>\n<h2>%s</h2>\n<div class=\"figures\">\n",
	    day_show(text_of(r, "made"), day), _("Progress"));
	count_figure(f, _("case files done"), int_of(files, "done"));
	if (int_of(files, "registered") > 0) {
		count_figure(f, _("case files in the register"), int_of(files, "registered"));
		count_figure(f, _("still missing"), int_of(files, "missing"));
	}
	if (int_of(files, "unregistered") > 0)
		count_figure(f, _("done and not in the register"), int_of(files, "unregistered"));
	count_figure(f, _("sheets counted"), int_of(r, "sheets"));
	fprintf(f, "</div>\n<h2>%s</h2>\n<div class=\"figures\">\n", _("Subsidy"));
	money_figure(f, currency, _("claimed so far"), money, "claimed");
	money_figure(f, currency, _("worth of what is accepted"), money, "accepted");
	money_figure(f, currency, _("worth of what is closed"), money, "closed");
	money_figure(f, currency, _("expected in the end"), money, "expected");
	money_figure(f, currency, _("ceiling of the grant"), money, "ceiling");
	const json_t *cost = json_object_get(r, "cost");
	if (json_object_size(cost) > 0)
		fprintf(f, "</div>\n<h2>%s</h2>\n<div class=\"figures\">\n", _("Cost"));
	money_figure(f, currency, _("cost so far"), cost, "spent");
	money_figure(f, currency, _("cost in the end"), cost, "expected");
	money_figure(f, currency, _("budget"), cost, "budget");
	fputs("</div>\n<p", f);
	if (json_is_true(json_object_get(forecast_of, "late")))
		fputs(" class=\"late\"", f);
	fputs(">", f);
	if (int_of(files, "registered") > 0 && int_of(files, "missing") == 0) {
		fputs(_("Every case file of the register is done."), f);
	} else if (text_of(forecast_of, "done_on")[0]) {
		int64_t tenths = int_of(forecast_of, "files_per_day_tenths");
		char until[16];
		fprintf(f, _("At %lld%c%lld files a working day the register will be done on %s."),
		    (long long)(tenths / 10), text_german() ? ',' : '.', (long long)(tenths % 10),
		    day_show(text_of(forecast_of, "done_on"), until));
	}
	if (text_of(forecast_of, "deadline")[0])
		fprintf(
		    f, _(" The deadline is %s."), day_show(text_of(forecast_of, "deadline"), day));
	fputs("</p>\n", f);
	if (json_is_true(json_object_get(cost, "over")))
		fprintf(f, "<p class=\"late\">%s</p>\n",
		    _("At this rate the work will cost more than the budget."));
	if (json_is_true(json_object_get(money, "over_ceiling")))
		fprintf(f, "<p class=\"late\">%s</p>\n",
		    _("The subsidy that is expected is above the ceiling of the grant."));
	growth(f, days, forecast_of, int_of(files, "done") + int_of(files, "missing"));
	bars(f, days, "sheets", _("Sheets a day"));
	tables(f, r);
	fputs("</body></html>\n", f);
	fclose(f);
	return text;
}
