#include "batch/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/text.h"
#include "scan/cover.h"
#include "scan/sample.h"

static const enum sample_kind NOTHING = SAMPLE_BLANK;

struct drawn_sheet {
	enum sample_kind front, back;
};

struct drawn_file {
	const char *number;
	int n;
	struct drawn_sheet sheets[8];
};

/* Three files, fourteen sheets; among them a blank back here and there, a blank front with a
 * written back, and one sheet with nothing on it at all. */
static const struct drawn_file files[] = {
    {"33/12345-04", 5,
	{{SAMPLE_LETTER, NOTHING}, {SAMPLE_FORM, SAMPLE_FEW_WORDS}, {SAMPLE_COLOUR, NOTHING},
	    {SAMPLE_LETTER, SAMPLE_LETTER}, {SAMPLE_PHOTO, NOTHING}}},
    {"33/00815-Ü", 5,
	{{SAMPLE_COLOUR, NOTHING}, {NOTHING, SAMPLE_LETTER}, {NOTHING, NOTHING},
	    {SAMPLE_MINUTES, SAMPLE_MINUTES}, {SAMPLE_FORM, NOTHING}}},
    {"33/4711 (Muster)", 4,
	{{SAMPLE_LETTER, NOTHING}, {SAMPLE_LETTER, SAMPLE_FEW_WORDS}, {SAMPLE_FORM, SAMPLE_FORM},
	    {SAMPLE_FEW_WORDS, NOTHING}}},
};

enum { N_FILES = sizeof files / sizeof files[0], SHEETS_MAX = 40 };

static const char settings[] =
    "# Settings of the demonstration; 'altakt init' writes a full altakt.ini with every key explained.\n"
    "[station]\n"
    "name = st1\n"
    "operator = m.mustermann\n"
    "organisation = Stadt Musterhausen, Ausländerbehörde\n"
    "\n"
    "[claim]\n"
    "authority = Regierungspräsidium Beispielstadt\n"
    "rate_file = 0.75\n"
    "rate_sheet = 0.01\n"
    "\n"
    "[grant]\n"
    "applicant = Stadt Musterhausen\n"
    "authority = Regierungspräsidium Beispielstadt\n"
    "reference = MUSTER 12/2026\n"
    "notice_date = 2026-01-15\n"
    "period_from = 2026-02-01\n"
    "period_to = 2027-12-31\n"
    "deadline = 2028-03-31\n"
    "ceiling = 45750.00\n";

static struct sample_page side_of(enum sample_kind kind, int k, bool back, bool show_through)
{
	/* Skews as a feeder makes them, a little different for each sheet, alike for its two sides.
	 */
	static const double skews[] = {0.6, -1.1, 0.0, 1.8, -0.4, 1.2, -1.9, 0.3};
	double skew = skews[k % 8];

	return (struct sample_page){.kind = kind,
	    .seed = (uint32_t)(2 * k + back + 1),
	    .skew_deg = back ? -skew : skew,
	    .background_black = k % 3 != 2,
	    .holes = k % 2 == 0,
	    .show_through = show_through,
	    .noise = true,
	    .dpi = 300};
}

static int sheets_fill(struct sample_sheet *sheets, struct cover *covers, struct demo_counts *c)
{
	int n = 0;

	for (int f = 0; f < N_FILES; f++) {
		covers[f] = (struct cover){.volume = 1, .prepared = files[f].n};
		snprintf(
		    covers[f].file_number, sizeof covers[f].file_number, "%s", files[f].number);
		snprintf(covers[f].serial, sizeof covers[f].serial, "DEMO-%d", f + 1);
		sheets[n] = (struct sample_sheet){side_of(NOTHING, n, false, false),
		    side_of(NOTHING, n, true, false), &covers[f]};
		n++;
		c->files++;
		c->covers++;
		for (int k = 0; k < files[f].n; k++, n++) {
			struct drawn_sheet s = files[f].sheets[k];
			/* What is written on one side shines through to a blank other one. */
			sheets[n] = (struct sample_sheet){
			    side_of(s.front, n, false, s.front == NOTHING && s.back != NOTHING),
			    side_of(s.back, n, true,
				s.back == NOTHING && s.front != NOTHING && k % 2 == 0),
			    NULL};
			c->sheets++;
			c->sides += 2;
			c->written_sides += (s.front != NOTHING) + (s.back != NOTHING);
			c->blank_sheets += s.front == NOTHING && s.back == NOTHING;
		}
	}
	return n;
}

bool demo_draw(const char *folder, struct demo_counts *counts, struct error *err)
{
	struct sample_sheet sheets[SHEETS_MAX];
	struct cover covers[N_FILES];
	char *stack = file_path("%s/stack", folder), *words = file_path("%s/words", folder),
	     *workspace = file_path("%s/workspace", folder),
	     *ini = file_path("%s/altakt.ini", workspace),
	     *list = file_path("%s/register.csv", folder),
	     *csv = file_path("%s", "file_number;volume;sheets\r\n");
	bool ok = false;

	*counts = (struct demo_counts){0};
	int n = sheets_fill(sheets, covers, counts);
	for (int f = 0; f < N_FILES; f++) {
		char *more = file_path("%s%s;1;%d\r\n", csv, files[f].number, files[f].n);
		free(csv);
		csv = more;
	}
	ok = file_make_folder(workspace, err) &&
	    file_write(ini, settings, sizeof settings - 1, err) &&
	    file_write(list, csv, strlen(csv), err) &&
	    sample_stack_write(stack, sheets, n, 1, false, words, err);
	free(stack);
	free(words);
	free(workspace);
	free(ini);
	free(list);
	free(csv);
	return ok;
}
