/*
 * Measures page work: what it finds, what it loses, what it costs. Prints a table for each class of
 * pages. Not part of the tests: it takes minutes.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leptonica/allheaders.h>

#include "ocr/recogniser.h"
#include "scan/clean.h"
#include "tests/bench/fixtures.h"
#include "tests/bench/render.h"
#include "tests/bench/score.h"

#define SETS	   16
#define OTHERS	   3   /* of OCRmyPDF's figures: plain, --optimize 3, unpaper's time */
#define TILE_PX	   620 /* of the contact sheet */
#define MOST_TILES 400

struct total { /* of one class */
	const char *name;
	int pages, skews, orients, orient_wrong, orient_unsure, blanks, blank_missed, written,
	    written_called_blank;
	int kinds, kind_wrong, sizes, size_wrong, fell_back;
	struct series skew_error, bytes, lost, clean_ms, encode_ms, prepare_ms, recognise_ms;
	double wrong[3], characters[3]; /* raw, cleaned, encoded */
	double ours_bytes, plain_bytes, optimised_bytes, unpaper_ms;
	int compared;
};

struct bench {
	bool quick, recognise, compare, verbose;
	double dpi_wanted;
	const char *only, *corpus, *contact, *name;
	struct total totals[SETS];
	int n_totals;
	struct recogniser *recogniser;
	PIXA *tiles;
	char folder[64];
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

/* Prepares and recognises; adds what is wrong to the total. */
static double recognise(struct bench *bench, const struct Pix *page, double dpi, const char *text,
    struct total *total, int stage)
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
		recognition_release(&recognition);
	} else {
		printf("  cannot recognise: %s\n", err.what);
	}
	pixDestroy(&bits);
	return rate;
}

static double file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (double)st.st_size;
}

/* OCRmyPDF and unpaper on the same raw page. */
static void compare_others(
    struct bench *bench, const struct fixture *fixture, double ours, struct total *total)
{
	char raw[128], plain[128], optimised[128], pnm[128], command[1024];
	snprintf(raw, sizeof raw, "%s/raw.png", bench->folder);
	snprintf(plain, sizeof plain, "%s/plain.pdf", bench->folder);
	snprintf(optimised, sizeof optimised, "%s/optimised.pdf", bench->folder);
	snprintf(pnm, sizeof pnm, "%s/raw.pnm", bench->folder);
	bool jpeg = pixGetDepth(fixture->raw) > 1; /* as a scanner delivers it */
	if (jpeg)
		snprintf(raw, sizeof raw, "%s/raw.jpg", bench->folder);
	pixSetResolution(fixture->raw, (int)fixture->dpi, (int)fixture->dpi);
	if (jpeg ? pixWriteJpeg(raw, fixture->raw, 75, 0) : pixWrite(raw, fixture->raw, IFF_PNG))
		return;
	static const char common[] =
	    "ocrmypdf -q --deskew --clean --rotate-pages -l deu --output-type pdfa --jobs 1 --image-dpi 300";
	snprintf(command, sizeof command, "%s %s %s >/dev/null 2>&1", common, raw, plain);
	if (system(command)) {
		printf("  %s: OCRmyPDF failed\n", fixture->name);
		return;
	}
	snprintf(command, sizeof command, "%s --optimize 3 %s %s >/dev/null 2>&1", common, raw,
	    optimised);
	double best = system(command) ? 0 : file_bytes(optimised);
	pixWrite(pnm, fixture->raw, IFF_PNM);
	snprintf(command, sizeof command, "unpaper --overwrite %s %s/clean.pnm >/dev/null 2>&1",
	    pnm, bench->folder);
	double begin = now_ms(CLOCK_MONOTONIC);
	if (!system(command))
		total->unpaper_ms += now_ms(CLOCK_MONOTONIC) - begin;
	total->compared++;
	total->ours_bytes += ours;
	total->plain_bytes += file_bytes(plain);
	total->optimised_bytes += best;
	printf(
	    "  %-22s ours %.0f kB, OCRmyPDF %.0f kB (%.1f x), --optimize 3 %.0f kB (%.1f x; 0: it failed)\n",
	    fixture->name, ours / 1e3, file_bytes(plain) / 1e3, file_bytes(plain) / ours,
	    best / 1e3, best / ours);
	fflush(stdout);
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

static void judge(const struct fixture *fixture, const struct clean_result *result,
    struct total *total, bool verbose)
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
		total->orient_unsure += result->orient_unsure;
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

static void measure(struct bench *bench, const struct fixture *fixture)
{
	struct total *total = total_of(bench, fixture->set);
	struct clean_options options = clean_options_standard;
	struct clean_result result = {0};
	struct encoded_page page = {0};
	struct error err = {0};
	double begin = now_ms(CLOCK_PROCESS_CPUTIME_ID);

	options.blank = fixture->blank_known && fixture->blank;
	if (!clean_page(fixture->raw, fixture->dpi, &options, &result, &err)) {
		printf("  %s: %s\n", fixture->name, err.what);
		return;
	}
	double cleaned = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	total->pages++;
	judge(fixture, &result, total, bench->verbose);
	series_add(&total->clean_ms, cleaned - begin);
	if (result.page) {
		if (!encode_page(result.page, result.dpi, result.kind, &encode_options_standard,
			&page, &err))
			printf("  %s: %s\n", fixture->name, err.what);
		double bytes = 0;
		for (int i = 0; i < page.n_layers; i++)
			bytes += (double)page.layers[i].n_bytes;
		series_add(&total->encode_ms, now_ms(CLOCK_PROCESS_CPUTIME_ID) - cleaned);
		series_add(&total->bytes, bytes);
		series_add(&total->lost, page.ink_lost);
		total->fell_back += page.fell_back;
		double rates[3] = {0};
		bool readable =
		    bench->recognise && fixture->text && result.rotated_deg == fixture->rotate_deg;
		PIX *shown = readable || bench->contact ? render_page(&page) : NULL;
		if (readable) {
			rates[0] =
			    recognise(bench, fixture->raw, fixture->dpi, fixture->text, total, 0);
			rates[1] =
			    recognise(bench, result.page, result.dpi, fixture->text, total, 1);
			rates[2] = recognise(bench, shown, result.dpi, fixture->text, total, 2);
		}
		if (bench->verbose)
			printf(
			    "  %-22s %-8s as %-8s %2d layers %7.1f kB, ink lost %.4f%s, skew %6.2f, clean %.0f encode %.0f ms, wrong %.2f %.2f %.2f %%\n",
			    fixture->name, page_kind_name(result.kind), page_kind_name(page.kind),
			    page.n_layers, bytes / 1e3, page.ink_lost,
			    page.fell_back ? " FELL BACK" : "", result.skew_deg, cleaned - begin,
			    now_ms(CLOCK_PROCESS_CPUTIME_ID) - cleaned, rates[0] * 100,
			    rates[1] * 100, rates[2] * 100);
		if (bench->compare && bytes > 0)
			compare_others(bench, fixture, bytes, total);
		if (bench->contact)
			contact_add(bench, fixture->raw, shown);
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
	if (pixGetDepth(fixture->raw) != 32 || !fixture->text ||
	    strcmp(fixture->set, "drawn, clean"))
		return;
	PIX *grey = pixConvertTo8(fixture->raw, 0), *bits = pixThresholdToBinary(grey, 140);
	PIX *colour = fixture->raw;
	enum page_kind kind = fixture->kind;
	fixture->kind_known = kind == PAGE_BITONAL;
	fixture->set = "drawn, grey scan";
	fixture->raw = grey;
	measure(bench, fixture);
	fixture->set = "drawn, bitonal scan";
	fixture->raw = bits;
	fixture->kind = PAGE_BITONAL;
	measure(bench, fixture);
	pixDestroy(&grey);
	pixDestroy(&bits);
	fixture->raw = colour;
}

static void report(struct bench *bench)
{
	printf("\n%-20s %5s  %-15s %-9s %-15s %-7s %-6s  %-14s %-10s  %-16s %s\n", "class", "pages",
	    "skew 95% / max", "turned", "blank errors", "kind", "size", "kB median/mean",
	    "ink lost", "ms clean+encode", "characters wrong: raw, cleaned, encoded");
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
		printf("%d/%-5d %d/%-4d  ", t->kind_wrong, t->kinds, t->size_wrong, t->sizes);
		printf("%5.1f / %-6.1f %.4f %d   ", series_percentile(&t->bytes, 50) / 1e3,
		    t->bytes.n ? series_sum(&t->bytes) / t->bytes.n / 1e3 : 0,
		    t->lost.n ? series_sum(&t->lost) / t->lost.n : 0, t->fell_back);
		printf("%4.0f + %-4.0f = %-4.0f ", series_percentile(&t->clean_ms, 50),
		    series_percentile(&t->encode_ms, 50),
		    series_percentile(&t->clean_ms, 50) + series_percentile(&t->encode_ms, 50));
		for (int k = 0; k < 3 && t->characters[0] > 0; k++)
			printf(" %.2f %%", t->wrong[k] / t->characters[k] * 100);
		if (t->recognise_ms.n)
			printf(" (prepare %.0f, recognise %.0f ms)",
			    series_percentile(&t->prepare_ms, 50),
			    series_percentile(&t->recognise_ms, 50));
		printf("\n");
		if (t->compared)
			printf(
			    "%-20s        %d pages: OCRmyPDF %.0f kB a page, %.1f x ours; --optimize 3 %.0f kB, %.1f x; unpaper %.0f ms, %.1f x our clean + encode\n",
			    "", t->compared, t->plain_bytes / t->compared / 1e3,
			    t->plain_bytes / t->ours_bytes, t->optimised_bytes / t->compared / 1e3,
			    t->optimised_bytes / t->ours_bytes, t->unpaper_ms / t->compared,
			    t->unpaper_ms / t->compared /
				(series_percentile(&t->clean_ms, 50) +
				    series_percentile(&t->encode_ms, 50)));
		series_release(&t->skew_error);
		series_release(&t->bytes);
		series_release(&t->lost);
		series_release(&t->clean_ms);
		series_release(&t->encode_ms);
		series_release(&t->prepare_ms);
		series_release(&t->recognise_ms);
	}
	printf(
	    "blank errors: written sides called blank + blank sides kept; ink lost: mean share of pieces, pages that fell back\n");
}

static const struct option long_options[] = {{"quick", no_argument, NULL, 'q'},
    {"ocr", no_argument, NULL, 'o'}, {"compare", no_argument, NULL, 'c'},
    {"only", required_argument, NULL, 's'}, {"name", required_argument, NULL, 'n'},
    {"corpus", required_argument, NULL, 'd'}, {"contact", required_argument, NULL, 'p'},
    {"dpi", required_argument, NULL, 'r'}, {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'}, {0}};

static bool options_read(int argc, char **argv, struct bench *bench)
{
	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
		switch (c) {
		case 'q': bench->quick = true; break;
		case 'o': bench->recognise = true; break;
		case 'c': bench->compare = true; break;
		case 'v': bench->verbose = true; break;
		case 's': bench->only = optarg; break;
		case 'n': bench->name = optarg; break;
		case 'd': bench->corpus = optarg; break;
		case 'p': bench->contact = optarg; break;
		case 'r': bench->dpi_wanted = atof(optarg); break;
		default:
			printf(
			    "pages [--quick] [--only CLASS] [--name PART] [--ocr] [--compare] [--contact OUT.png] [--corpus DIR] [--dpi N] [--verbose]\n"
			    "  --ocr      recognises the raw, the cleaned and the encoded page where the text is known\n"
			    "  --compare  sizes and times of OCRmyPDF and unpaper on the same pages, where they are installed\n"
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
	if (bench.compare &&
	    (system("ocrmypdf --version >/dev/null 2>&1") ||
		system("unpaper --version >/dev/null 2>&1"))) {
		printf("skipped: the comparison, since OCRmyPDF and unpaper are not installed\n");
		bench.compare = false;
	}
	strcpy(bench.folder, "/tmp/altakt-pages-XXXXXX");
	if (!mkdtemp(bench.folder))
		return 1;
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
		if (fixture.raw && (!bench.only || scans || !strcmp(bench.only, "drawn")))
			measure_modes(&bench, &fixture);
		fixture_release(&fixture);
	}
	report(&bench);
	if (bench.contact) {
		PIX *sheet = pixaDisplayTiledInColumns(bench.tiles, 6, 1.0f, 8, 0);
		if (!sheet || pixWrite(bench.contact, sheet, IFF_PNG))
			fprintf(stderr, "cannot write %s\n", bench.contact);
		pixDestroy(&sheet);
	}
	pixaDestroy(&bench.tiles);
	recogniser_close(bench.recogniser);
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", bench.folder);
	return system(command) ? 1 : 0;
}
