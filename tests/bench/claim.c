/*
 * How claims and verification grow: makes a workspace of many closed and accepted batches, then
 * times the program on it and takes its greatest memory.
 *
 *	bench_claim PROGRAM [FILES SHEETS]
 *		register and claim; 36000 files, 5000000 sheets
 *	bench_claim PROGRAM --verify FILES SHEETS
 *		with every event of every sheet: verify too
 *	bench_claim PROGRAM --growth
 *		claim at 1/10, 1 and 10 times, verify at 1/100 and 1/10: processor time of each
 *
 * Without --verify the chains hold only what `claim` reads (opened, closed, accepted), so that five
 * million sheets need no 5 GB of events; manifests are whole in both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "batch/batch.h"
#include "batch/journal.h"
#include "batch/ledger.h"
#include "batch/manifest.h"
#include "batch/tally.h"
#include "batch/workspace.h"
#include "config/file.h"
#include "config/hash.h"

enum { FILES_OF_A_BATCH = 100 };

static const char ini[] = "[station]\nname = st1\n[claim]\nauthority = Amt Musterhausen\n"
			  "[grant]\napplicant = Stadt Musterhausen\n";

struct bench {
	struct workspace workspace;
	char folder[64], previous[65];
	bool events;
	long files, sheets;
};

static void must(bool ok, const struct error *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", err->where, err->what);
	exit(1);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put(struct bench *b, const char *chain, json_t *event)
{
	struct error err = {0};

	must(event != NULL, &err);
	must(ledger_append(b->workspace.journal, chain, "m.muster", event, &err), &err);
}

static bool fold(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	return tally_add(self, n, line, n_bytes, err);
}

/* Sheets of file k of a batch, so that all of them come out at b->sheets. */
static long sheets_of(const struct bench *b, long file)
{
	return b->sheets / b->files + (file < b->sheets % b->files);
}

static void sheet_events(struct bench *b, const char *name, long n, int file)
{
	static const char hash[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	bool blank = n % 50 == 0;

	put(b, name,
	    json_pack("{s:s, s:o, s:i, s:i, s:b, s:[{s:s, s:s}, {s:s, s:s}], s:[]}", "event",
		"sheet_fed", "sheet", json_sprintf("%s/%ld", name, n), "file", file, "expected", 2,
		"separator", 0, "images", "side", "f", "sha256", hash, "side", "b", "sha256", hash,
		"suspects"));
	for (int side = 0; side < 2; side++)
		put(b, name,
		    json_pack(
			"{s:s, s:o, s:s, s:b, s:f, s:s, s:i, s:i, s:i, s:f, s:i, s:f, s:s, s:[]}",
			"event", "page_done", "sheet", json_sprintf("%s/%ld", name, n), "side",
			side ? "b" : "f", "blank", side || blank, "blank_score", 0.5, "kind",
			"bitonal", "dpi", 300, "width_px", 2480, "height_px", 3508, "skew_deg",
			0.25, "words", 300, "confidence", 93.1, "page_sha256", hash, "flags"));
}

/* The lines of a manifest for a batch whose events are left out. */
static char *manifest_plain(
    struct bench *b, const char *name, long first, long n, int64_t events, const char *head)
{
	json_t *files = json_array();
	long sheets = 0;
	char *text, *out;

	for (long k = 0; k < n; k++) {
		char number[32], bundle[64];
		long s = sheets_of(b, first + k);
		snprintf(number, sizeof number, "33/%05ld-%02ld", first + k, k % 97);
		snprintf(bundle, sizeof bundle, "files/33=2F%05ld-%02ld", first + k, k % 97);
		sheets += s;
		json_array_append_new(files,
		    json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:s, s:[]}",
			"file_number", number, "volume", 1, "bundle", bundle, "sheets", (int)s,
			"pages", (int)s, "images", (int)(2 * s), "blank_pages", (int)s,
			"blank_sheets", (int)(s / 50), "bytes", 1048576, "mean_confidence", 93.1,
			"sha512",
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff831"
			"8d2877eec2f63b931bd47417a81a538327af927da3e",
			"flags"));
	}
	json_t *m = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:i, s:b}, s:{s:i, s:i, s:i}, s:o, s:i, s:{s:I, s:s}, s:s}",
	    "format", "altakt-manifest/1", "batch", name, "workspace", b->workspace.uuid, "station",
	    "st1", "opened", "2026-11-23T08:00:00.000Z", "closed", "2026-11-23T09:00:00.000Z",
	    "rules", "name", "hessen-2020", "version", 1, "count_blank_sheets", 1, "counts",
	    "files", (int)n, "sheets", (int)sheets, "blank_sheets", 0, "files", files, "revision",
	    1, "ledger", "events", (json_int_t)events, "head", head, "previous", b->previous);
	text = json_dumps(m, JSON_INDENT(1));
	out = file_path("%s\n", text);
	free(text);
	json_decref(m);
	return out;
}

static void batch_make(struct bench *b, long first, long n)
{
	struct error err = {0};
	struct batch batch = {0};
	struct tally t = {0};
	char name[32], hash[HASH_SIZE], head[65], *text, *csv = NULL;
	int64_t events;

	snprintf(name, sizeof name, "b%06ld", first / FILES_OF_A_BATCH);
	must(journal_begin(b->workspace.journal, &err), &err);
	must(batch_create(&b->workspace, name, "m.muster", "scan", NULL, &batch, &err), &err);
	batch_release(&batch);
	for (long k = 0, sheet = 0; b->events && k < n; k++) {
		char number[32];
		snprintf(number, sizeof number, "33/%05ld-%02ld", first + k, k % 97);
		put(b, name,
		    json_pack("{s:s, s:i, s:s, s:i, s:i, s:s}", "event", "file_opened", "file",
			(int)k + 1, "file_number", number, "volume", 1, "prepared", -1, "from",
			"cover"));
		long s = sheets_of(b, first + k);
		for (long i = 0; i < s; i++)
			sheet_events(b, name, ++sheet, (int)k + 1);
		char bundle[64];
		snprintf(bundle, sizeof bundle, "files/33=2F%05ld-%02ld", first + k, k % 97);
		put(b, name,
		    json_pack("{s:s, s:i, s:s, s:i, s:i, s:f, s:s, s:[]}", "event", "bundle_made",
			"file", (int)k + 1, "bundle", bundle, "pages", (int)s, "bytes", 1048576,
			"mean_confidence", 93.1, "sha512", "00", "flags"));
	}
	put(b, name,
	    json_pack(
		"{s:s, s:i, s:s}", "event", "closed", "revision", 1, "previous", b->previous));
	must(ledger_head(b->workspace.journal, name, &events, head, &err), &err);
	if (b->events) {
		must(ledger_read(b->workspace.journal, name, 1, 0, fold, &t, &err), &err);
		text = manifest_text(&t);
		csv = manifest_csv(&t);
		tally_release(&t);
	} else {
		text = manifest_plain(b, name, first, n, events, head);
	}
	hash_bytes(HASH_SHA256, text, strlen(text), hash);
	snprintf(b->previous, sizeof b->previous, "%.64s", hash);
	put(b, name,
	    json_pack(
		"{s:s, s:i, s:s}", "event", "manifest_written", "revision", 1, "sha256", hash));
	put(b, name,
	    json_pack("{s:s, s:s, s:s, s:s, s:[], s:s}", "event", "accepted", "lead", "l.lead",
		"manifest", hash, "seed", head, "sample", "acceptance_sha256", hash));
	must(journal_commit(b->workspace.journal, &err), &err);
	char *path = manifest_path(b->folder, name, 0);
	FILE *f = fopen(path, "w");
	must(f && fputs(text, f) >= 0 && fclose(f) == 0, &err);
	free(path);
	path = file_path("%s/batches/%s/manifest.csv", b->folder, name);
	f = fopen(path, "w");
	must(f && fputs(csv ? csv : "", f) >= 0 && fclose(f) == 0, &err);
	free(path);
	free(text);
	free(csv);
}

static double program_time(
    const char *program, const char *folder, const char *what, const char *const *words)
{
	const char *argv[16] = {program, "-w", folder};
	int n = 3, status = 0;
	struct rusage usage;
	double from = seconds();

	while (*words)
		argv[n++] = *words++;
	fflush(stdout);
	pid_t pid = fork(); /* one thread only */
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execv(program, (char *const *)argv);
		_exit(127);
	}
	wait4(pid, &status, 0, &usage);
	double processor = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
	    (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	printf("  %-28s %8.2f s  %7.1f s of processor  %6ld MiB  exit %d\n", what, seconds() - from,
	    processor, usage.ru_maxrss / 1024, WEXITSTATUS(status));
	return processor;
}

static void register_make(struct bench *b)
{
	char *path = file_path("%s/register.csv", b->folder);
	FILE *f = fopen(path, "w");

	fprintf(f, "file_number;volume;sheets\n");
	for (long k = 0; k < b->files; k++)
		fprintf(f, "33/%05ld-%02ld;1;%ld\n", k, k % FILES_OF_A_BATCH % 97, sheets_of(b, k));
	for (long k = 0; k < b->files / 10; k++)
		fprintf(f, "44/%05ld;1;\n", k);
	fclose(f);
	free(path);
}

/* Makes it, times it, takes it away; gives the processor time of what grows: verify, or claim. */
static double run(const char *program, bool events, long files, long sheets)
{
	struct bench b = {.folder = "/tmp/altakt-bench-XXXXXX",
	    .events = events,
	    .files = files,
	    .sheets = sheets};
	struct error err = {0};

	memcpy(b.previous, hash_zero, sizeof b.previous);
	must(mkdtemp(b.folder) != NULL, &err);
	char *path = file_path("%s/altakt.ini", b.folder);
	must(file_write(path, ini, strlen(ini), &err), &err);
	free(path);
	must(workspace_init(b.folder, &err), &err);
	must(workspace_open(b.folder, NULL, &b.workspace, &err), &err);
	double from = seconds(), taken;
	for (long first = 0; first < b.files; first += FILES_OF_A_BATCH)
		batch_make(&b, first,
		    b.files - first < FILES_OF_A_BATCH ? b.files - first : FILES_OF_A_BATCH);
	register_make(&b);
	workspace_close(&b.workspace);
	printf("%ld files, %ld sheets (made in %.0f s)\n", b.files, b.sheets, seconds() - from);
	path = file_path("%s/register.csv", b.folder);
	program_time(program, b.folder, "register import",
	    (const char *[]){"register", "import", path, NULL});
	free(path);
	program_time(program, b.folder, "register list --missing",
	    (const char *[]){"register", "list", "--missing", NULL});
	program_time(program, b.folder, "claim --dry-run",
	    (const char *[]){"claim", "--dry-run", "--json", NULL});
	taken = program_time(program, b.folder, "claim", (const char *[]){"claim", NULL});
	if (b.events) /* bundles are not there, so it finds something: the time counts */
		taken = program_time(program, b.folder, "verify", (const char *[]){"verify", NULL});
	char *claim = file_path("%s/claims/0001/claim.json", b.folder);
	json_t *json = json_load_file(claim, 0, NULL);
	printf("  files %lld, amount of files %s, sheets %lld, amount %s\n",
	    json_integer_value(json_object_get(json, "files")),
	    json_string_value(json_object_get(json, "amount_files")),
	    json_integer_value(json_object_get(json, "sheets")),
	    json_string_value(json_object_get(json, "amount")));
	json_decref(json);
	free(claim);
	file_remove(b.folder, NULL);
	return taken;
}

int main(int argc, char **argv)
{
	bool growth = argc > 2 && strcmp(argv[2], "--growth") == 0;
	bool events = argc > 2 && strcmp(argv[2], "--verify") == 0;
	long files = 36000, sheets = 5000000;

	if (argc > 3 + events) {
		files = atol(argv[2 + events]);
		sheets = atol(argv[3 + events]);
	}
	if (argc < 2 || files < 1 || sheets < files) {
		fprintf(stderr, "bench_claim PROGRAM [--growth | [--verify] [FILES SHEETS]]\n");
		return 2;
	}
	if (!growth) {
		run(argv[1], events, files, sheets);
		return 0;
	}
	double claim[3], verify[2];
	for (int i = 0; i < 3; i++)
		claim[i] = run(argv[1], false, (long[]){3600, 36000, 360000}[i],
		    (long[]){500000, 5000000, 50000000}[i]);
	for (int i = 0; i < 2; i++)
		verify[i] = run(argv[1], true, (long[]){360, 3600}[i], (long[]){50000, 500000}[i]);
	printf("claim, for each file: %.1f us at 1/10, %.1f us, %.1f us at 10 times\n",
	    claim[0] / 3600 * 1e6, claim[1] / 36000 * 1e6, claim[2] / 360000 * 1e6);
	printf("verify, for each sheet: %.1f us at 1/100, %.1f us at 1/10\n",
	    verify[0] / 50000 * 1e6, verify[1] / 500000 * 1e6);
	return 0;
}
