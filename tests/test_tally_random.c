/*
 * Random sequences of everything that can happen to sheets, batches and claims, against a model of
 * a few dozen lines that knows nothing of events: balance, counts and the sum of all claims agree
 * to the cent, always. ALTAKT_RANDOM_SEQUENCES says how many (100,000 before a release).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/claim.h"
#include "batch/manifest.h"
#include "batch/tally.h"
#include "config/hash.h"

enum { BATCHES = 3, SHEETS = 60, FILES = 8, NUMBERS = 4, STEPS = 45, HISTORY = 64 };

static uint64_t state; /* SplitMix64 */

static int draw(int n)
{
	uint64_t z = (state += 0x9E3779B97F4A7C15u);

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return (int)((z ^ z >> 31) % (uint64_t)n);
}

/* ---- the model ---- */

struct model_sheet {
	int file, sides, views, views_blank;
	bool front_blank, back_blank, cover, gone, replaced;
};

struct model_batch {
	struct model_sheet sheets[SHEETS];
	int n_sheets;
	int numbers[FILES]; /* of each file: which of NUMBERS it is */
	int n_files;
	int waiting; /* images of no sheet yet */
};

struct model_sum {
	int fed, counted, blank_uncounted, covers, replaced, gone, pages, removed, blank;
	int file_sheets[FILES + 1];
};

static bool empty(const struct model_sheet *s)
{
	return s->front_blank && (s->sides == 1 || s->back_blank) && s->views == s->views_blank;
}

static struct model_sum model_count(const struct model_batch *b, bool count_blank)
{
	struct model_sum sum = {.fed = b->n_sheets};
	bool written[FILES + 1] = {false}, kept[FILES + 1] = {false};

	for (int i = 0; i < b->n_sheets; i++) {
		const struct model_sheet *s = &b->sheets[i];
		if (!s->gone && !s->replaced && !s->cover && !empty(s))
			written[s->file] = true;
	}
	for (int i = 0; i < b->n_sheets; i++) {
		const struct model_sheet *s = &b->sheets[i];
		int images = s->sides + s->views;
		int blank = s->front_blank + (s->sides == 2 && s->back_blank) + s->views_blank;
		if (s->gone)
			sum.gone++;
		else if (s->replaced)
			sum.replaced++;
		else if (s->cover)
			sum.covers++;
		if (s->gone || s->replaced || s->cover)
			continue;
		sum.blank += empty(s);
		if (empty(s) && !count_blank) {
			sum.blank_uncounted++;
			continue;
		}
		sum.counted++;
		sum.file_sheets[s->file]++;
		if (!written[s->file] && !kept[s->file]) { /* the first side of a file all blank */
			kept[s->file] = true;
			blank--;
		}
		sum.pages += images - blank;
		sum.removed += blank;
	}
	return sum;
}

/* ---- the same through the program's events ---- */

struct run_batch {
	struct model_batch model;
	struct tally tally;
	char name[16];
	bool open, accepted;
	char *text;					     /* manifest of the newest close */
	int file_sheets[FILES + 1], numbers[FILES], n_files; /* the model as it was then */
};

static bool count_blank;
static uint64_t seed;

#define HOLD(condition)                                                                   \
	do {                                                                              \
		if (!(condition))                                                         \
			fail_msg("sequence %llu: " #condition, (unsigned long long)seed); \
	} while (0)

__attribute__((format(printf, 2, 3))) static void event(struct run_batch *b, const char *fmt, ...)
{
	char body[600], line[800];
	struct error err = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	for (char *p = body; *p; p++)
		if (*p == '\'')
			*p = '"';
	int n = snprintf(line, sizeof line, "{\"n\":%lld,\"at\":\"2026-11-23T08:00:00.000Z\",%s}",
	    (long long)b->tally.events + 1, body);
	if (!tally_add(&b->tally, b->tally.events + 1, line, (size_t)n, &err))
		fail_msg("sequence %llu: %s: %s", (unsigned long long)seed, err.what, line);
}

static const char *const numbers[NUMBERS] = {"33/1", "33/2", "33/3", "33/00815-Ü"};

static void batch_begin(struct run_batch *b, int i)
{
	*b = (struct run_batch){.open = true};
	snprintf(b->name, sizeof b->name, "b%d", i);
	event(b,
	    "'event':'batch_opened','batch':'%s','workspace':'w','station':'s','source':'scan','rules':{'name':'r','version':1,'count_blank_sheets':%s}",
	    b->name, count_blank ? "true" : "false");
}

static void file_add(struct run_batch *b)
{
	if (b->model.n_files == FILES)
		return;
	int number = draw(NUMBERS), n = ++b->model.n_files;
	b->model.numbers[n - 1] = number;
	/* The same number twice in a batch is another volume. */
	event(b,
	    "'event':'file_opened','file':%d,'file_number':'%s','volume':%d,'prepared':-1,'from':'cover'",
	    n, numbers[number], n);
}

static void feed(struct run_batch *b, int file, int supersedes, int after)
{
	static const char *const one = "{'side':'f'}", *const two = "{'side':'f'},{'side':'b'}";
	char more[64] = "";

	if (b->model.n_sheets == SHEETS || file < 1)
		return;
	struct model_sheet *s = &b->model.sheets[b->model.n_sheets++];
	*s = (struct model_sheet){.file = file,
	    .sides = 1 + (draw(4) > 0),
	    .front_blank = draw(5) == 0,
	    .back_blank = draw(2) == 0,
	    .cover = supersedes == 0 && after == 0 && draw(8) == 0};
	if (supersedes > 0) {
		b->model.sheets[supersedes - 1].replaced = true;
		snprintf(more, sizeof more, ",'supersedes':'%s/%d'", b->name, supersedes);
	} else if (after > 0) {
		snprintf(more, sizeof more, ",'after':'%s/%d'", b->name, after);
	}
	if (b->model.waiting >= s->sides && draw(2)) {
		b->model.waiting -= s->sides;
		snprintf(
		    more + strlen(more), sizeof more - strlen(more), ",'assigned':%d", s->sides);
	}
	event(b,
	    "'event':'sheet_fed','sheet':'%s/%d','file':%d,'expected':%d,'separator':%s,'images':[%s],'suspects':[]%s",
	    b->name, b->model.n_sheets, file, s->sides, s->cover ? "true" : "false",
	    s->sides == 2 ? two : one, more);
	for (int side = 0; side < s->sides && !s->cover; side++)
		event(b,
		    "'event':'page_done','sheet':'%s/%d','side':'%c','blank':%s,'words':1,'flags':[]",
		    b->name, b->model.n_sheets, side ? 'b' : 'f',
		    (side ? s->back_blank : s->front_blank) ? "true" : "false");
}

/* A note lifted, a flap opened: the sheet has one more image, and no count changes. */
static void view(struct run_batch *b, int sheet)
{
	static const char letters[] = "cde";
	struct model_sheet *s = &b->model.sheets[sheet - 1];
	bool blank = draw(3) == 0;

	if (s->cover || s->views == (int)strlen(letters))
		return;
	char side = letters[s->views++];
	s->views_blank += blank;
	event(b, "'event':'view_fed','sheet':'%s/%d','expected':1,'images':[{'side':'%c'}]",
	    b->name, sheet, side);
	event(b, "'event':'page_done','sheet':'%s/%d','side':'%c','blank':%s,'words':1,'flags':[]",
	    b->name, sheet, side, blank ? "true" : "false");
}

/* A double feed: the sheet goes, what it was is fed again in its place, one or several. */
static void refeed(struct run_batch *b, int sheet)
{
	struct model_sheet *s = &b->model.sheets[sheet - 1];
	int after = sheet;

	if (s->cover || s->replaced || s->gone)
		return;
	s->gone = true;
	event(
	    b, "'event':'sheet_voided','sheet':'%s/%d','reason':'x','refeed':true", b->name, sheet);
	for (int i = 1 + draw(3); i > 0 && b->model.n_sheets < SHEETS; i--) {
		feed(b, s->file, 0, after);
		after = b->model.n_sheets;
	}
	event(b, "'event':'refeed_done','sheet':'%s/%d'", b->name, sheet);
}

/* --blanks-dropped: images that are of no sheet until somebody makes them the sides of one. */
static void images_take(struct run_batch *b)
{
	b->model.waiting++;
	event(b, "'event':'image_taken','image':%d,'images':[{'side':'w'}]",
	    b->tally.images_taken + 1);
}

static int any_sheet(const struct run_batch *b)
{
	return b->model.n_sheets ? 1 + draw(b->model.n_sheets) : 0;
}

static int any_file(const struct run_batch *b)
{
	return b->model.n_files ? 1 + draw(b->model.n_files) : 0;
}

static void correct(struct run_batch *b)
{
	int sheet = any_sheet(b), file = any_file(b);

	switch (draw(12)) {
	case 0: file_add(b); break;
	case 1:
	case 2:
	case 3: feed(b, file, 0, 0); break;
	case 4:
		if (sheet && !b->model.sheets[sheet - 1].cover)
			feed(b, b->model.sheets[sheet - 1].file, sheet, 0);
		break;
	case 5:
		if (sheet)
			feed(b, b->model.sheets[sheet - 1].file, 0, sheet);
		break;
	case 6:
		if (!sheet)
			break;
		b->model.sheets[sheet - 1].gone = true;
		if (draw(2))
			event(b, "'event':'sheet_voided','sheet':'%s/%d','reason':'x'", b->name,
			    sheet);
		else
			event(b, "'event':'decided','sheet':'%s/%d','decision':'void','reason':'x'",
			    b->name, sheet);
		break;
	case 7:
		if (!sheet || !file)
			break;
		b->model.sheets[sheet - 1].file = file;
		event(b,
		    "'event':'sheet_moved','sheet':'%s/%d','file':%d,'after':'%s','reason':'x'",
		    b->name, sheet, file, "");
		break;
	case 8:
		if (!file)
			break;
		b->model.numbers[file - 1] = draw(NUMBERS);
		event(b,
		    "'event':'file_renumbered','file':%d,'file_number':'%s','volume':%d,'reason':'x'",
		    file, numbers[b->model.numbers[file - 1]], file);
		break;
	case 9:
		if (sheet)
			view(b, sheet);
		break;
	case 10:
		if (sheet)
			refeed(b, sheet);
		break;
	case 11: images_take(b); break;
	}
}

static void compare(const struct run_batch *b)
{
	struct model_sum m = model_count(&b->model, count_blank);
	struct tally_counts c;

	tally_counts(&b->tally, &c);
	HOLD(c.fed == m.fed);
	HOLD(c.counted == m.counted && c.sheets == m.counted);
	HOLD(c.blank_uncounted == m.blank_uncounted);
	HOLD(c.separators == m.covers);
	HOLD(c.superseded == m.replaced);
	HOLD(c.voided == m.gone);
	HOLD(c.blank_sheets == m.blank);
	HOLD(c.pages == m.pages);
	HOLD(c.blank_pages == m.removed);
	HOLD(c.fed == c.counted + c.blank_uncounted + c.separators + c.superseded + c.voided);
	HOLD(c.pages + c.blank_pages == c.images_counted);
	HOLD(b->tally.images_taken - b->tally.images_assigned == b->model.waiting);
	int files = 0;
	for (int f = 1; f <= b->model.n_files; f++)
		files += m.file_sheets[f] > 0;
	HOLD(c.files == files);
	for (int f = 1; f <= b->model.n_files; f++) {
		struct tally_counts one;
		tally_file_counts(&b->tally, f, &one);
		HOLD(one.sheets == m.file_sheets[f]);
	}
}

static void close_batch(struct run_batch *b)
{
	struct model_sum m = model_count(&b->model, count_blank);
	struct closed_batch read = {0};
	struct error err = {0};

	for (int f = 1; f <= b->model.n_files; f++)
		if (m.file_sheets[f] > 0)
			event(b,
			    "'event':'bundle_made','file':%d,'bundle':'files/%d','pages':1,'bytes':1,'mean_confidence':90.0,'sha512':'00','flags':[]",
			    f, f);
	event(
	    b, "'event':'closed','revision':%d,'previous':'%s'", b->tally.revision + 1, hash_zero);
	free(b->text);
	b->text = manifest_text(&b->tally);
	if (!closed_parse("manifest.json", b->text, strlen(b->text), &read, &err))
		fail_msg("sequence %llu: %s", (unsigned long long)seed, err.what);
	HOLD(read.sheets == m.counted);
	closed_release(&read);
	memcpy(b->file_sheets, m.file_sheets, sizeof m.file_sheets);
	memcpy(b->numbers, b->model.numbers, sizeof b->numbers);
	b->n_files = b->model.n_files;
	b->open = false;
	b->accepted = false;
}

/* ---- claims ---- */

struct step { /* of a claim: this manifest of this batch, with the model's sheets of that time */
	int claim, batch;
	char *text;
	int64_t cents;		    /* of this line */
	int unknown;		    /* bits of the numbers that the register did not know */
	int number_sheets[NUMBERS]; /* but for those */
};

struct claims {
	struct step steps[HISTORY];
	int n_steps, last; /* the last claim's number */
	int unknown;	   /* now; nothing that a claim holds becomes so */
	struct claim_basis basis;
	struct claim_rates rates;
};

static int64_t step_take(
    struct claims *c, int claim, const char *name, const char *text, int unknown)
{
	struct closed_batch manifest = {0};
	struct claim_line line;
	struct error err = {0};
	int64_t files, sheets;

	assert_true(closed_parse("manifest.json", text, strlen(text), &manifest, &err));
	for (int i = 0; i < manifest.n_lines; i++)
		for (int k = 0; k < NUMBERS; k++)
			if (unknown & 1 << k &&
			    strcmp(manifest.lines[i].file_number, numbers[k]) == 0)
				manifest.lines[i].unregistered = true;
	if (claim_basis_find(&c->basis, name))
		claim_correct(&c->basis, name, &manifest, &line);
	else
		claim_take(&c->basis, &manifest, claim, &c->rates, &line);
	assert_true(claim_amount(&c->rates, &line, &files, &sheets, &err));
	return files + sheets;
}

static void claim_all(struct claims *c, struct run_batch *batches)
{
	bool any = false;

	for (int i = 0; i < BATCHES; i++) {
		struct run_batch *b = &batches[i];
		const struct claim_held *held = claim_basis_find(&c->basis, b->name);
		char hash[HASH_SIZE];
		if (!b->text || b->open || !b->accepted || c->n_steps == HISTORY)
			continue;
		hash_bytes(HASH_SHA256, b->text, strlen(b->text), hash);
		const struct step *before = NULL;
		for (int k = 0; k < c->n_steps; k++)
			if (c->steps[k].batch == i)
				before = &c->steps[k];
		if (held && strcmp(held->manifest.manifest_sha256, hash) == 0 &&
		    before->unknown == c->unknown)
			continue;
		if (!any)
			c->last++;
		any = true;
		struct step *s = &c->steps[c->n_steps++];
		*s = (struct step){
		    .claim = c->last, .batch = i, .text = strdup(b->text), .unknown = c->unknown};
		for (int f = 1; f <= b->n_files; f++)
			if (!(c->unknown & 1 << b->numbers[f - 1]))
				s->number_sheets[b->numbers[f - 1]] += b->file_sheets[f];
		s->cents = step_take(c, c->last, b->name, b->text, c->unknown);
	}
}

/* The newest claim that is not cancelled goes; the rest is taken again. */
static void claim_undo(struct claims *c, struct run_batch *batches)
{
	if (c->n_steps == 0)
		return;
	int gone = c->steps[c->n_steps - 1].claim;
	while (c->n_steps > 0 && c->steps[c->n_steps - 1].claim == gone)
		free(c->steps[--c->n_steps].text);
	claim_basis_release(&c->basis);
	for (int i = 0; i < c->n_steps; i++) {
		struct step *s = &c->steps[i];
		HOLD(step_take(c, s->claim, batches[s->batch].name, s->text, s->unknown) ==
		    s->cents);
	}
}

static void claims_compare(const struct claims *c)
{
	const struct step *newest[BATCHES] = {NULL};
	int64_t cents = 0, sheets = 0, files = 0;
	int all[NUMBERS] = {0};

	for (int i = 0; i < c->n_steps; i++) {
		newest[c->steps[i].batch] = &c->steps[i];
		cents += c->steps[i].cents;
	}
	for (int i = 0; i < BATCHES; i++)
		for (int k = 0; newest[i] && k < NUMBERS; k++)
			all[k] += newest[i]->number_sheets[k];
	for (int k = 0; k < NUMBERS; k++) {
		files += all[k] > 0;
		sheets += all[k];
	}
	HOLD(cents == 75 * files + 1 * sheets);
	HOLD((int64_t)c->basis.files.n_files == files);
}

static void sequence(void)
{
	struct run_batch batches[BATCHES];
	struct claims c = {0};
	struct error err = {0};

	assert_true(money_rate_read("0.75", &c.rates.file, &err));
	assert_true(money_rate_read("0,01", &c.rates.sheet, &err));
	count_blank = draw(2);
	c.unknown = draw(1 << NUMBERS);
	for (int i = 0; i < BATCHES; i++)
		batch_begin(&batches[i], i);
	for (int k = 0; k < STEPS; k++) {
		struct run_batch *b = &batches[draw(BATCHES)];
		int what = draw(20);
		if (what < 14 && b->open) {
			correct(b);
			if (draw(4) == 0)
				compare(b);
		} else if (what < 14 && draw(4) == 0) { /* a correction after the close */
			event(b, "'event':'reopened','reason':'x'");
			b->open = true;
			b->accepted = false;
			correct(b);
		} else if (what < 16 && b->open) {
			compare(b);
			close_batch(b);
		} else if (what < 18 && !b->open && b->text) {
			b->accepted = draw(4) > 0;
			event(b, "'event':'%s','lead':'l'", b->accepted ? "accepted" : "rejected");
		} else if (what == 18) {
			claim_all(&c, batches);
		} else if (what == 19 && draw(4) == 0) {
			claim_undo(&c, batches);
		} else if (what == 19) { /* a lead lets a file in */
			c.unknown &= ~(1 << draw(NUMBERS));
		}
		claims_compare(&c);
	}
	for (int i = 0; i < BATCHES; i++) {
		compare(&batches[i]);
		if (batches[i].open)
			close_batch(&batches[i]);
		batches[i].accepted = true;
	}
	claim_all(&c, batches);
	claims_compare(&c);
	claim_basis_release(&c.basis);
	for (int i = 0; i < c.n_steps; i++)
		free(c.steps[i].text);
	for (int i = 0; i < BATCHES; i++) {
		tally_release(&batches[i].tally);
		free(batches[i].text);
	}
}

static void test_tally_and_claims_like_the_model(void **unused)
{
	const char *wanted = getenv("ALTAKT_RANDOM_SEQUENCES");
	long n = wanted ? atol(wanted) : 1000;

	for (long i = 0; i < n; i++) {
		seed = (uint64_t)i;
		state = seed * 0xD1342543DE82EF95u + 1;
		sequence();
	}
	print_message("%ld sequences agree\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tally_and_claims_like_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
