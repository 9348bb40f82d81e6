/*
 * Measures page work: what it finds, what it loses, what it costs. Prints a table for each class of
 * pages, and at the end for each target whether it was reached. Not part of the tests: it takes
 * minutes.
 *
 *     pages --all                      everything: about seven minutes on two cores
 *     pages --all --contact out.png    and a sheet of all pages before and after, to be looked at
 *     pages --quick                    a few pages, without recognition: seconds
 *
 * The comparison needs tools that nothing else here does: apt-get install ocrmypdf unpaper. Times
 * are processor time, the least of three rounds where a page is among those timed. Exit 1 where a
 * target was not reached.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <leptonica/allheaders.h>

#include "ocr/recogniser.h"
#include "scan/clean.h"
#include "scan/guard.h"
#include "tests/bench/fixtures.h"
#include "tests/bench/render.h"
#include "tests/bench/rival.h"
#include "tests/bench/score.h"

#define SETS	   16
#define TILE_PX	   620 /* of the contact sheet */
#define MOST_TILES 400
#define ROUNDS	   3

struct total { /* of one class */
	const char *name;
	int pages, skews, orients, orient_wrong, orient_unsure, blanks, blank_missed, written,
	    written_called_blank;
	int kinds, kind_wrong, sizes, size_wrong, fell_back, marks, mark_lost;
	struct series skew_error, bytes, lost, clean_ms, encode_ms, guard_ms, prepare_ms,
	    recognise_ms;
	double wrong[3], characters[3]; /* raw, cleaned, encoded */
};

struct bench {
	bool quick, recognise, compare, verbose;
	double dpi_wanted;
	const char *only, *corpus, *contact, *dump, *name;
	struct total totals[SETS];
	int n_totals;
	struct series speed[3]; /* bitonal, grey, colour as mixed: A4 300 dpi, clean + encode */
	struct recogniser *recogniser;
	struct rival rival;
	PIXA *tiles;
	int missed; /* targets */
};

static double now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct total *total_of(struct bench *bench, const char *set)
{
	for (int i = 0; i < bench->n_totals; i++)
		if (!strcmp(bench->totals[i].name, set))
			return &bench->totals[i];
	bench->totals[bench->n_totals].name = set;
	return &bench->totals[bench->n_totals < SETS - 1 ? bench->n_totals++ : SETS - 1];
}

/* Prepares and recognises; adds what is wrong to the total. *alto (may be NULL) is yours. */
static double recognise(struct bench *bench, const struct Pix *page, double dpi, const char *text,
    struct total *total, int stage, char **alto, int *n_wrong, int *n_characters)
{
	struct error err = {0};
	PIX *bits = NULL;
	double scale = 1, begin = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	struct recognition recognition = {0};
	if (!clean_for_recognition(page, dpi, bench->dpi_wanted, &bits, &scale, &err)) {
		printf("  cannot prepare: %s\n", err.what);
		return 1;
	}
	double prepared = now_ms(CLOCK_PROCESS_CPUTIME_ID), rate = 1;
	if (recogniser_page(bench->recogniser, bits, scale, dpi / scale,
		pixGetWidth((PIX *)(uintptr_t)page), pixGetHeight((PIX *)(uintptr_t)page), dpi,
		"P1", 60000, &recognition, &err)) {
		char *words = alto_words(recognition.alto);
		int n = 0, wrong = characters_wrong(text, words, &n);
		if (stage == 1) {
			series_add(&total->prepare_ms, prepared - begin);
			series_add(
			    &total->recognise_ms, now_ms(CLOCK_PROCESS_CPUTIME_ID) - prepared);
		}
		total->wrong[stage] += wrong;
		total->characters[stage] += n;
		rate = n ? (double)wrong / n : 0;
		free(words);
		if (alto) {
			*alto = recognition.alto;
			recognition.alto = NULL;
			*n_wrong = wrong;
			*n_characters = n;
		}
		recognition_release(&recognition);
	} else {
		printf("  cannot recognise: %s\n", err.what);
	}
	pixDestroy(&bits);
	return rate;
}

static PIX *tile_of(const struct Pix *pix)
{
	PIX *whole = pixConvertTo32((PIX *)(uintptr_t)pix);
	int longest =
	    pixGetWidth(whole) > pixGetHeight(whole) ? pixGetWidth(whole) : pixGetHeight(whole);
	PIX *small =
	    pixScale(whole, (float)TILE_PX / (float)longest, (float)TILE_PX / (float)longest);
	pixDestroy(&whole);
	PIX *framed = pixAddBorder(small, 3, 0x3060a000);
	pixDestroy(&small);
	return framed;
}

/* Before and after, side by side. */
static void contact_add(struct bench *bench, const struct Pix *raw, PIX *after)
{
	if (pixaGetCount(bench->tiles) >= MOST_TILES)
		return;
	PIX *left = tile_of(raw),
	    *right = after ? tile_of(after) : pixCreate(60, pixGetHeight(left), 32);
	PIX *both = pixCreate(pixGetWidth(left) + pixGetWidth(right), TILE_PX + 6, 32);
	pixSetAllArbitrary(both, 0xffffff00);
	pixRasterop(both, 0, 0, pixGetWidth(left), pixGetHeight(left), PIX_SRC, left, 0, 0);
	pixRasterop(both, pixGetWidth(left), 0, pixGetWidth(right), pixGetHeight(right), PIX_SRC,
	    right, 0, 0);
	pixDestroy(&left);
	pixDestroy(&right);
	pixaAddPix(bench->tiles, both, L_INSERT);
}

/* Both in full size, for a closer look. */
static void dump(struct bench *bench, const struct fixture *fixture, PIX *after)
{
	char path[1200];
	for (int k = 0; k < 2; k++) {
		snprintf(path, sizeof path, "%s/%s-%s.png", bench->dump, fixture->name,
		    k ? "after" : "before");
		if (pixWrite(path, k ? after : fixture->raw, IFF_PNG))
			printf("  cannot write %s\n", path);
	}
}

static void judge(
    const struct fixture *fixture, const struct clean_result *result, struct total *total)
{
	if (fixture->blank_known && fixture->blank) {
		total->blanks++;
		total->blank_missed += !result->blank;
		if (!result->blank)
			printf("  %s: blank, but kept (score %.2f)\n", fixture->name,
			    result->blank_score);
	} else if (fixture->blank_known) {
		total->written++;
		total->written_called_blank += result->blank;
		if (result->blank)
			printf("  %s: WRITTEN, BUT CALLED BLANK (score %.2f)\n", fixture->name,
			    result->blank_score);
	}
	if (fixture->skew_known) {
		total->skews++;
		double error = fabs(result->skew_deg - fixture->skew_deg);
		series_add(&total->skew_error, error);
		if (error > 0.1)
			printf("  %s: skew %.2f, found %.2f (confidence %.1f)\n", fixture->name,
			    fixture->skew_deg, result->skew_deg, result->skew_confidence);
	}
	if (fixture->orient_known) {
		total->orients++;
		total->orient_wrong += result->rotated_deg != fixture->rotate_deg;
		total->orient_unsure +=
		    result->orient_unsure && result->rotated_deg != fixture->rotate_deg;
		if (result->rotated_deg != fixture->rotate_deg)
			printf("  %s: to be turned by %d, turned by %d%s\n", fixture->name,
			    fixture->rotate_deg, result->rotated_deg,
			    result->orient_unsure ? " (unsure)" : "");
	}
	if (fixture->kind_known) {
		total->kinds++;
		total->kind_wrong += result->kind != fixture->kind;
		if (result->kind != fixture->kind)
			printf("  %s: %s, classified as %s\n", fixture->name,
			    page_kind_name(fixture->kind), page_kind_name(result->kind));
	}
	if (fixture->size_known && result->rotated_deg == fixture->rotate_deg) {
		total->sizes++;
		bool wrong = fabs(result->width_mm / fixture->width_mm - 1) > 0.01 ||
		    fabs(result->height_mm / fixture->height_mm - 1) > 0.01;
		total->size_wrong += wrong;
		if (wrong)
			printf("  %s: %.1f x %.1f mm instead of %.0f x %.0f\n", fixture->name,
			    result->width_mm, result->height_mm, fixture->width_mm,
			    fixture->height_mm);
	}
}

/* What a box of a page absorbs of its paper's light, for each channel. */
static void absorbed(PIX *page, int left, int top, int w, int h, double out[3])
{
	for (int c = 0; c < 3; c++) {
		uint32_t counts[256] = {0}, seen = 0, n = 0;
		double sum = 0;
		for (int y = top; y < top + h; y++)
			for (int x = left; x < left + w; x++) {
				uint32_t v = 0;
				if (pixGetPixel(page, x, y, &v))
					continue; /* outside */
				v = v >> (24 - 8 * c) & 255;
				counts[v]++;
				sum += v;
				n++;
			}
		int paper = 255;
		while (paper > 0 && (seen += counts[paper]) * 10 < n)
			paper--;
		out[c] = n ? paper - sum / n : 0;
	}
}

/* Does the mark look as it did: as strong, and of the same colour? */
static void judge_mark(const struct fixture *fixture, const struct clean_result *result, PIX *shown,
    struct total *total)
{
	const int *at = fixture->mark_px;
	double before[3], after[3];
	absorbed(fixture->raw, at[0], at[1], at[2], at[3], before);
	absorbed(shown, at[0] - result->crop_x_px, at[1] - result->crop_y_px, at[2], at[3], after);
	bool lost = false;
	for (int c = 0; c < 3; c++)
		lost |= fabs(after[c] - before[c]) > 0.35 * before[c] + 2.5;
	total->marks++;
	total->mark_lost += lost;
	if (lost)
		printf(
		    "  %s: the mark absorbed %.1f %.1f %.1f (red, green, blue), afterwards %.1f %.1f %.1f\n",
		    fixture->name, before[0], before[1], before[2], after[0], after[1], after[2]);
}

/* The same page lying in the three other ways: is each turned upright? */
static void judge_quarters(
    const struct fixture *fixture, const struct clean_options *options, struct total *total)
{
	for (int quarter = 1; quarter < 4; quarter++) {
		PIX *turned = pixRotateOrth(fixture->raw, quarter);
		struct clean_result result = {0};
		struct error err = {0};
		total->orients++;
		if (!clean_page(turned, fixture->dpi, options, &result, &err) ||
		    result.rotated_deg != 360 - 90 * quarter) {
			total->orient_wrong++;
			total->orient_unsure += result.orient_unsure;
			printf("  %s: lay turned by %d, turned back by %d%s\n", fixture->name,
			    quarter * 90, result.rotated_deg,
			    result.orient_unsure ? " (unsure)" : "");
		}
		clean_result_release(&result);
		pixDestroy(&turned);
	}
}

/* The guard alone, on a page that it was asked about already. */
static double guard_ms(const struct encoded_page *page, const struct clean_result *result)
{
	struct sight sight = {0};
	struct error err = {0};
	double lost = 0, begin;
	bool same = false;
	if (pixGetDepth(result->page) == 1) {
		begin = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		if (!guard_same(page, result->page, &same, &err))
			return 0;
		return now_ms(CLOCK_PROCESS_CPUTIME_ID) - begin;
	}
	if (!sight_open(result->page, result->dpi, &sight, &err))
		return 0;
	begin = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	bool ok = guard_measure(page, &sight, &lost, &err);
	double took = now_ms(CLOCK_PROCESS_CPUTIME_ID) - begin;
	sight_release(&sight);
	return ok ? took : 0;
}

static void measure(struct bench *bench, const struct fixture *fixture)
{
	struct total *total = total_of(bench, fixture->set);
	struct clean_options options = clean_options_standard;
	struct clean_result result = {0};
	struct encoded_page page = {0};
	struct error err = {0};
	double clean_ms = 0, encode_ms = 0;
	int depth = pixGetDepth(fixture->raw);

	options.blank = fixture->blank_known && fixture->blank;
	for (int round = 0; round < (fixture->read ? ROUNDS : 1); round++) {
		encoded_page_release(&page);
		clean_result_release(&result);
		double begin = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		if (!clean_page(fixture->raw, fixture->dpi, &options, &result, &err)) {
			printf("  %s: %s\n", fixture->name, err.what);
			return;
		}
		double cleaned = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		if (result.page &&
		    !encode_page(result.page, result.dpi, result.kind, &encode_options_standard,
			&page, &err))
			printf("  %s: %s\n", fixture->name, err.what);
		double encoded = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		clean_ms = round ? fmin(clean_ms, cleaned - begin) : cleaned - begin;
		encode_ms = round ? fmin(encode_ms, encoded - cleaned) : encoded - cleaned;
	}
	total->pages++;
	judge(fixture, &result, total);
	if (fixture->read && fixture->orient_known && !fixture->rotate_deg && fixture->dpi == 300)
		judge_quarters(fixture, &options, total);
	series_add(&total->clean_ms, clean_ms);
	if (fixture->read && fixture->dpi == 300 && depth == 1)
		series_add(&bench->speed[0], clean_ms + encode_ms);
	if (fixture->read && fixture->dpi == 300 && depth == 8)
		series_add(&bench->speed[1], clean_ms + encode_ms);
	if (fixture->read && fixture->dpi == 300 && depth == 32 && page.kind == PAGE_MIXED)
		series_add(&bench->speed[2], clean_ms + encode_ms);
	if (result.page) {
		double bytes = 0;
		for (int i = 0; i < page.n_layers; i++)
			bytes += (double)page.layers[i].n_bytes;
		series_add(&total->encode_ms, encode_ms);
		series_add(&total->guard_ms, guard_ms(&page, &result));
		series_add(&total->bytes, bytes);
		series_add(&total->lost, page.ink_lost);
		total->fell_back += page.fell_back;
		double rates[3] = {0};
		bool readable = bench->recognise && fixture->read && fixture->text &&
		    result.rotated_deg == fixture->rotate_deg;
		PIX *shown =
		    readable || bench->contact || fixture->mark_px[2] ? render_page(&page) : NULL;
		char *alto = NULL;
		int wrong = 0, characters = 0;
		if (readable) {
			rates[0] = recognise(bench, fixture->raw, fixture->dpi, fixture->text,
			    total, 0, NULL, NULL, NULL);
			rates[1] = recognise(bench, result.page, result.dpi, fixture->text, total,
			    1, &alto, &wrong, &characters);
			rates[2] = recognise(
			    bench, shown, result.dpi, fixture->text, total, 2, NULL, NULL, NULL);
		}
		if (shown && fixture->mark_px[2])
			judge_mark(fixture, &result, shown, total);
		if (bench->verbose)
			printf(
			    "  %-22s %-8s as %-8s %2d layers %7.1f kB, ink lost %.4f%s, skew %6.2f, clean %.0f encode %.0f ms, wrong %.2f %.2f %.2f %%\n",
			    fixture->name, page_kind_name(result.kind), page_kind_name(page.kind),
			    page.n_layers, bytes / 1e3, page.ink_lost,
			    page.fell_back ? " FELL BACK" : "", result.skew_deg, clean_ms,
			    encode_ms, rates[0] * 100, rates[1] * 100, rates[2] * 100);
		if (bench->compare && alto && fixture->rival && bytes > 0)
			rival_add(&bench->rival, fixture->set, fixture->raw, fixture->dpi,
			    fixture->text, &page, alto, wrong, characters, clean_ms + encode_ms);
		if (bench->dump)
			dump(bench, fixture, shown);
		if (bench->contact)
			contact_add(bench, fixture->raw, shown);
		free(alto);
		pixDestroy(&shown);
	} else if (bench->contact) {
		contact_add(bench, fixture->raw, NULL);
	}
	fflush(stdout);
	encoded_page_release(&page);
	clean_result_release(&result);
}

/* The same paper under a grey and a black-and-white scanner. */
static void measure_modes(struct bench *bench, struct fixture *fixture)
{
	bool corpus = !strcmp(fixture->set, "corpus/drawn");
	if (pixGetDepth(fixture->raw) != 32 || !fixture->text ||
	    (!corpus && strcmp(fixture->set, "drawn, clean")))
		return;
	PIX *grey = pixConvertTo8(fixture->raw, 0), *bits = pixThresholdToBinary(grey, 140);
	PIX *colour = fixture->raw;
	enum page_kind kind = fixture->kind;
	fixture->kind_known = fixture->kind_known && kind == PAGE_BITONAL;
	fixture->read = fixture->rival;
	fixture->set = corpus ? "corpus, grey scan" : "drawn, grey scan";
	fixture->raw = grey;
	measure(bench, fixture);
	fixture->set = "drawn, bitonal scan";
	fixture->raw = bits;
	fixture->kind = PAGE_BITONAL;
	if (!corpus)
		measure(bench, fixture);
	pixDestroy(&grey);
	pixDestroy(&bits);
	fixture->raw = colour;
}

static void report(struct bench *bench)
{
	printf("\n%-20s %5s  %-15s %-9s %-15s %-7s %-6s %-6s %-16s %-10s  %-22s %s\n", "class",
	    "pages", "skew 95% / max", "turned", "blank errors", "kind", "size", "marks",
	    "kB median/mean", "ink lost", "ms clean+encode(guard)",
	    "characters wrong: raw, cleaned, encoded");
	for (int i = 0; i < bench->n_totals; i++) {
		struct total *t = &bench->totals[i];
		printf("%-20s %5d  ", t->name, t->pages);
		if (t->skews)
			printf("%.3f / %.3f   ", series_percentile(&t->skew_error, 95),
			    series_percentile(&t->skew_error, 100));
		else
			printf("%-15s ", "-");
		printf("%d/%-7d ", t->orient_wrong, t->orients);
		printf("%d/%d + %d/%-7d ", t->written_called_blank, t->written, t->blank_missed,
		    t->blanks);
		printf("%d/%-5d %d/%-4d %d/%-4d ", t->kind_wrong, t->kinds, t->size_wrong, t->sizes,
		    t->mark_lost, t->marks);
		printf("%6.1f / %-7.1f %.4f %d   ", series_percentile(&t->bytes, 50) / 1e3,
		    t->bytes.n ? series_sum(&t->bytes) / t->bytes.n / 1e3 : 0,
		    t->lost.n ? series_sum(&t->lost) / t->lost.n : 0, t->fell_back);
		printf("%4.0f + %-4.0f (%.0f) = %-4.0f ", series_percentile(&t->clean_ms, 50),
		    series_percentile(&t->encode_ms, 50), series_percentile(&t->guard_ms, 50),
		    series_percentile(&t->clean_ms, 50) + series_percentile(&t->encode_ms, 50));
		for (int k = 0; k < 3 && t->characters[0] > 0; k++)
			printf(" %.2f %%", t->wrong[k] / t->characters[k] * 100);
		if (t->recognise_ms.n)
			printf(" (prepare %.0f, recognise %.0f ms)",
			    series_percentile(&t->prepare_ms, 50),
			    series_percentile(&t->recognise_ms, 50));
		printf("\n");
	}
	printf(
	    "turned, kind, size, marks: errors of all; blank errors: written sides called blank + blank sides kept; ink lost: mean share of pieces, pages that fell back\n");
}

static void target(struct bench *bench, bool reached, const char *what, const char *figure)
{
	printf("%-12s %-66s %s\n", reached ? "reached" : "NOT REACHED", what, figure);
	bench->missed += !reached;
}

/* Sizes, error rates and times against the others. */
static void verdict_rival(struct bench *bench)
{
	char figure[160], what[96];
	double mixed = 0, mixed_plain = 0, mixed_best = 0, bits = 0, bits_plain = 0, ours_wrong = 0,
	       plain_wrong = 0, all = 0;
	for (int g = 0; g < bench->rival.n_groups; g++) {
		const struct rival_group *group = &bench->rival.groups[g];
		if (group->plain_bytes <= 0) {
			printf("  %s: OCRmyPDF failed, left out\n", group->name);
			continue;
		}
		if (group->kind == PAGE_MIXED) {
			mixed += group->ours_bytes;
			mixed_plain += group->plain_bytes;
			mixed_best += group->optimised_bytes;
			snprintf(what, sizeof what, "%s: 12 x smaller than OCRmyPDF", group->name);
			snprintf(figure, sizeof figure, "%.1f x (--optimize 3: %.1f x)",
			    group->plain_bytes / group->ours_bytes,
			    group->optimised_bytes / group->ours_bytes);
			target(bench, group->plain_bytes >= 12 * group->ours_bytes, what, figure);
		}
		if (group->scan_bitonal) {
			bits += group->ours_bytes;
			bits_plain += group->plain_bytes;
		}
		ours_wrong += group->ours_wrong;
		plain_wrong += group->plain_wrong;
		all += group->characters;
	}
	if (mixed > 0) {
		snprintf(figure, sizeof figure, "%.1f x (--optimize 3: %.1f x)",
		    mixed_plain / mixed, mixed_best / mixed);
		target(bench, mixed_plain >= 12 * mixed,
		    "all mixed raster pages: 12 x smaller than OCRmyPDF", figure);
	}
	if (bits > 0) {
		snprintf(figure, sizeof figure, "%.2f of it", bits / bits_plain);
		target(
		    bench, bits <= bits_plain, "bitonal scans: not larger than OCRmyPDF's", figure);
	}
	if (all > 0) {
		snprintf(figure, sizeof figure, "%.2f %% against %.2f %%", ours_wrong / all * 100,
		    plain_wrong / all * 100);
		target(bench, ours_wrong <= plain_wrong, "characters wrong: not more than OCRmyPDF",
		    figure);
	}
}

static void verdict(struct bench *bench)
{
	struct series skew = {0};
	struct total sum = {0};
	double most_lost = 0, wrong[3] = {0}, characters = 0;
	char figure[160];
	for (int i = 0; i < bench->n_totals; i++) {
		const struct total *t = &bench->totals[i];
		for (int k = 0; k < t->skew_error.n; k++)
			series_add(&skew, t->skew_error.values[k]);
		sum.orients += t->orients;
		sum.orient_wrong += t->orient_wrong;
		sum.orient_unsure += t->orient_unsure;
		sum.written += t->written;
		sum.written_called_blank += t->written_called_blank;
		sum.blanks += t->blanks;
		sum.blank_missed += t->blank_missed;
		sum.kinds += t->kinds;
		sum.kind_wrong += t->kind_wrong;
		sum.sizes += t->sizes;
		sum.size_wrong += t->size_wrong;
		sum.marks += t->marks;
		sum.mark_lost += t->mark_lost;
		most_lost = fmax(most_lost, series_percentile(&t->lost, 100));
		for (int k = 0; k < 3; k++)
			wrong[k] += t->wrong[k];
		characters += t->characters[1];
	}
	printf("\n");
	snprintf(figure, sizeof figure, "%.3f deg (worst %.3f, %d pages)",
	    series_percentile(&skew, 95), series_percentile(&skew, 100), skew.n);
	target(bench, series_percentile(&skew, 95) <= 0.1, "skew: 95 % within 0.1 deg", figure);
	snprintf(figure, sizeof figure, "%d of %d (%d of them left as they lay, flagged)",
	    sum.orient_wrong, sum.orients, sum.orient_unsure);
	target(bench, !sum.orient_wrong, "orientation: no error", figure);
	snprintf(figure, sizeof figure, "%d of %d", sum.written_called_blank, sum.written);
	target(bench, !sum.written_called_blank, "blank: no written side called blank", figure);
	snprintf(figure, sizeof figure, "%d of %d", sum.blank_missed, sum.blanks);
	target(bench, sum.blank_missed * 50 <= sum.blanks, "blank: at most 2 % kept", figure);
	snprintf(figure, sizeof figure, "%d of %d", sum.kind_wrong, sum.kinds);
	target(bench, !sum.kind_wrong, "classification: no error", figure);
	snprintf(figure, sizeof figure, "%d of %d", sum.size_wrong, sum.sizes);
	target(bench, !sum.size_wrong, "paper size: within 1 %", figure);
	snprintf(figure, sizeof figure, "%d of %d", sum.mark_lost, sum.marks);
	target(bench, !sum.mark_lost,
	    "pencil, stamp, marker, photo: as strong and of the same colour", figure);
	snprintf(figure, sizeof figure, "at most %.4f on any page", most_lost);
	target(bench, most_lost <= encode_options_standard.ink_loss_limit,
	    "ink lost: not above the guard's limit", figure);
	if (characters > 0) {
		snprintf(figure, sizeof figure, "raw %.2f, cleaned %.2f, encoded %.2f %%",
		    wrong[0] / characters * 100, wrong[1] / characters * 100,
		    wrong[2] / characters * 100);
		target(bench, wrong[1] <= wrong[0] && wrong[2] <= wrong[0],
		    "characters wrong: cleaned and encoded not more than raw", figure);
	}
	static const char *const speeds[] = {"ms for a bitonal page: 60", "ms for a grey page: 250",
	    "ms for a colour page as mixed raster: 500"};
	static const double limits[] = {60, 250, 500};
	double unpaper = 0;
	int n_unpaper = 0;
	for (int g = 0; g < bench->rival.n_groups; g++) {
		unpaper += bench->rival.groups[g].unpaper_ms;
		n_unpaper += bench->rival.groups[g].unpapered;
	}
	for (int k = 0; k < 3; k++) {
		double ms = series_percentile(&bench->speed[k], 50);
		int n = snprintf(
		    figure, sizeof figure, "%.0f ms (median of %d)", ms, bench->speed[k].n);
		if (n_unpaper && ms > 0)
			snprintf(figure + n, sizeof figure - (size_t)n,
			    ", unpaper alone %.0f ms, %.0f x", unpaper / n_unpaper,
			    unpaper / n_unpaper / ms);
		if (bench->speed[k].n)
			target(bench, ms <= limits[k], speeds[k], figure);
	}
	if (bench->compare)
		verdict_rival(bench);
	series_release(&skew);
}

static void totals_release(struct bench *bench)
{
	for (int i = 0; i < bench->n_totals; i++) {
		struct total *t = &bench->totals[i];
		struct series *all[] = {&t->skew_error, &t->bytes, &t->lost, &t->clean_ms,
		    &t->encode_ms, &t->guard_ms, &t->prepare_ms, &t->recognise_ms};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			series_release(all[k]);
	}
	for (int k = 0; k < 3; k++)
		series_release(&bench->speed[k]);
}

static const struct option long_options[] = {{"quick", no_argument, NULL, 'q'},
    {"all", no_argument, NULL, 'a'}, {"ocr", no_argument, NULL, 'o'},
    {"compare", no_argument, NULL, 'c'}, {"only", required_argument, NULL, 's'},
    {"name", required_argument, NULL, 'n'}, {"corpus", required_argument, NULL, 'd'},
    {"contact", required_argument, NULL, 'p'}, {"dump", required_argument, NULL, 'w'},
    {"dpi", required_argument, NULL, 'r'}, {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'}, {0}};

static bool options_read(int argc, char **argv, struct bench *bench)
{
	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
		switch (c) {
		case 'q': bench->quick = true; break;
		case 'a': bench->recognise = bench->compare = true; break;
		case 'o': bench->recognise = true; break;
		case 'c': bench->recognise = bench->compare = true; break;
		case 'v': bench->verbose = true; break;
		case 's': bench->only = optarg; break;
		case 'n': bench->name = optarg; break;
		case 'd': bench->corpus = optarg; break;
		case 'w': bench->dump = optarg; break;
		case 'p': bench->contact = optarg; break;
		case 'r': bench->dpi_wanted = atof(optarg); break;
		default:
			printf(
			    "pages [--all] [--quick] [--only CLASS] [--name PART] [--ocr] [--compare] [--contact OUT.png] [--dump DIR] [--corpus DIR] [--dpi N] [--verbose]\n"
			    "  --all      --ocr and --compare: what the targets are judged by\n"
			    "  --ocr      recognises the raw, the cleaned and the encoded page where the text is known\n"
			    "  --compare  sizes, errors and times of OCRmyPDF and unpaper on the pages that are recognised\n"
			    "  --dump     writes each page before and after into a folder, in full size\n"
			    "  --contact  writes a sheet of all pages before and after, to be looked at\n");
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	struct bench bench = {.corpus = ALTAKT_SOURCE_DIR "/../shared/corpus", .dpi_wanted = 0};
	struct error err = {0};
	struct fixture fixture;

	setMsgSeverity(L_SEVERITY_NONE);
	if (!options_read(argc, argv, &bench))
		return 2;
	if (access(bench.corpus, R_OK))
		printf("skipped: the corpus is not at %s\n", bench.corpus);
	if (bench.compare && !rival_open(&bench.rival)) {
		printf("skipped: the comparison, since OCRmyPDF and unpaper are not installed\n");
		bench.compare = false;
	}
	if (bench.recognise && !recogniser_open("deu", "", &bench.recogniser, &err)) {
		fprintf(stderr, "%s\n", err.what);
		return 1;
	}
	bool scans = bench.only && strstr("drawn, grey scan drawn, bitonal scan", bench.only) &&
	    strcmp(bench.only, "drawn");
	bench.tiles = pixaCreate(100);
	for (int n = 0; fixture_open(n, bench.quick, bench.corpus,
		 scans ? "drawn, clean" : bench.only, bench.name, &fixture);
	     n++) {
		bool wanted = (!bench.only || (fixture.set && strstr(fixture.set, bench.only))) &&
		    (!bench.name || strstr(fixture.name, bench.name));
		if (fixture.raw && wanted)
			measure(&bench, &fixture);
		if (fixture.raw &&
		    (!bench.only || scans || strstr("drawn corpus/drawn", bench.only)))
			measure_modes(&bench, &fixture);
		fixture_release(&fixture);
	}
	report(&bench);
	if (bench.compare)
		rival_run(&bench.rival);
	verdict(&bench);
	if (bench.contact) {
		PIX *sheet = pixaDisplayTiledInColumns(bench.tiles, 6, 1.0f, 8, 0);
		if (!sheet || pixWrite(bench.contact, sheet, IFF_PNG))
			fprintf(stderr, "cannot write %s\n", bench.contact);
		pixDestroy(&sheet);
	}
	pixaDestroy(&bench.tiles);
	recogniser_close(bench.recogniser);
	rival_close(&bench.rival);
	totals_release(&bench);
	return bench.missed > 0;
}
