/* claim.csv: the same as claim.json, for the spreadsheet. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "batch/claim_book.h"
#include "batch/csv.h"

enum { NOTE_SIZE = 256 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void row(struct csv_writer *csv, const char *kind, const json_t *line, const char *note,
    const char *amount, bool german)
{
	char shown[MONEY_SIZE] = "";
	int64_t cents;

	if (amount && amount[0] && money_cents_read(amount, &cents, NULL)) {
		money_show(cents, "", german, shown);
		shown[strcspn(shown, " ")] = '\0';
	}
	csv_text(csv, kind);
	csv_text(csv, text_of(line, "batch"));
	csv_text(csv, text_of(line, "station"));
	csv_text(csv, text_of(line, "closed"));
	csv_text(csv, text_of(line, "accepted"));
	if (json_object_get(line, "revision"))
		csv_number(csv, int_of(line, "revision"));
	else
		csv_text(csv, "");
	csv_number(csv, int_of(line, "files"));
	csv_number(csv, int_of(line, "sheets"));
	csv_decimal(csv, shown);
	csv_text(csv, note);
	csv_end(csv);
}

static size_t note_add(char note[NOTE_SIZE], size_t n, const char *text)
{
	if (n < NOTE_SIZE)
		n += (size_t)snprintf(note + n, NOTE_SIZE - n, "%s%s", n ? ", " : "", text);
	return n;
}

/* How the batch was looked at and counted by others: the same words in every locale. */
static const char *note_of(const json_t *batch, char note[NOTE_SIZE])
{
	const json_t *witnesses = json_object_get(batch, "witnesses");
	int64_t settled = int_of(json_object_get(witnesses, "settled"), "files");
	int64_t none = int_of(json_object_get(witnesses, "none"), "files");
	char text[64];
	size_t n = 0;

	note[0] = '\0';
	if (json_is_true(json_object_get(batch, "not_opened_one_by_one")))
		n = note_add(note, n, "not opened one by one");
	if (json_is_false(json_object_get(batch, "hand_counted")))
		n = note_add(note, n, "not counted by hand");
	if (json_is_true(json_object_get(batch, "hand_settled")))
		n = note_add(note, n, "count by hand settled");
	if (settled > 0) {
		snprintf(text, sizeof text, "differences settled: %" PRId64, settled);
		n = note_add(note, n, text);
	}
	if (none > 0) {
		snprintf(text, sizeof text, "files without another count: %" PRId64, none);
		note_add(note, n, text);
	}
	return note;
}

char *claim_csv(const json_t *claim, bool german)
{
	static const char *const head[] = {"line", "batch", "station", "closed", "accepted",
	    "revision", "files", "sheets", "amount", "note"};
	struct csv_writer *csv = csv_writer_open();
	struct claim_rates rates;
	char amount[MONEY_SIZE];
	json_t *line;
	size_t i;

	for (size_t k = 0; k < sizeof head / sizeof head[0]; k++)
		csv_text(csv, head[k]);
	csv_end(csv);
	bool known = claim_rates_of(claim, &rates, NULL);
	json_array_foreach(json_object_get(claim, "batches"), i, line)
	{
		struct claim_line l = {
		    .files = int_of(line, "files"), .sheets = int_of(line, "sheets")};
		int64_t files_cents, sheets_cents;
		amount[0] = '\0';
		/* A line's own amount is for reading; the claim's is rounded once, from its sums.
		 */
		if (known && claim_amount(&rates, &l, &files_cents, &sheets_cents, NULL))
			money_plain(files_cents + sheets_cents, amount);
		char note[NOTE_SIZE];
		row(csv, "batch", line, note_of(line, note), amount, german);
	}
	json_array_foreach(json_object_get(claim, "corrections"), i, line)
	    row(csv, "correction", line, text_of(line, "reason"), text_of(line, "amount"), german);
	json_array_foreach(json_object_get(claim, "left_out"), i, line)
	    row(csv, "left_out", line, text_of(line, "reason"), "", german);
	row(csv, "claim", claim, "", text_of(claim, "amount"), german);
	return csv_writer_close(csv);
}
