/*
 * Page work on several batches, with real worker processes: this program itself. It does no page
 * work; files beside a job's say what it does instead:
 *
 *	<job>.hold   a FIFO: the job waits until somebody has opened it for writing
 *	<job>.die    the worker dies, once
 *	<job>.bad    the answer is an error
 *
 * where <job> is spool/<batch>/<sheet><side> or spool/<batch>/<file>.bundle.json. Every job adds a
 * line to the file "served". Where a job that is held keeps the others from their turn, nothing
 * goes on, and alarm() ends the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/pipeline.h"
#include "config/text.h"
#include "ocr/pool.h"
#include "tests/desk.h"

enum { PATIENCE_S = 240, NAMES_MAX = 100 };

/* The worker. */

static bool beside(const char *job, const char *what)
{
	char *path = file_path("%s.%s", job, what);
	bool there = file_exists(path);

	free(path);
	return there;
}

static void wait_for_release(const char *job)
{
	char *path = file_path("%s.hold", job);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	if (fd >= 0)
		close(fd);
}

static void die_once(const char *job)
{
	char *path = file_path("%s.die", job);

	file_remove(path, NULL);
	raise(SIGKILL);
}

static void note_served(const char *workspace, const char *job)
{
	char *path = file_path("%s/served", workspace), line[512];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int n = snprintf(line, sizeof line, "%s\n", job);

	free(path);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(1);
	close(fd);
}

/* The folder of a bundle, as far as others look at it: that it is there, and whose it is. */
static bool bundle_lay(const json_t *spec)
{
	char *place = file_path("%s/%s", json_string_value(json_object_get(spec, "workspace")),
	    json_string_value(json_object_get(spec, "bundle")));
	char *info = file_path("%s/bag-info.txt", place);
	char *text = file_path(
	    "Bag-Group-Identifier: %s\n", json_string_value(json_object_get(spec, "batch")));
	bool there = file_exists(place);
	bool ok = (!there || json_is_true(json_object_get(spec, "replaces"))) &&
	    (there || file_make_folder(place, NULL)) && file_write(info, text, strlen(text), NULL);

	free(place);
	free(info);
	free(text);
	return ok;
}

static char *work(void *self, const char *text, size_t n_bytes, size_t *n_answer)
{
	json_t *job = json_loadb(text, n_bytes, 0, NULL), *answer = NULL, *spec = NULL;
	const char *path = json_string_value(json_object_get(job, "base"));
	bool bad = false;

	if (!path) {
		path = json_string_value(json_object_get(job, "spec"));
		spec = json_load_file(path, 0, NULL);
	}
	note_served(self, path);
	if (beside(path, "hold"))
		wait_for_release(path);
	if (beside(path, "die"))
		die_once(path);
	bad = beside(path, "bad") || (spec && !bundle_lay(spec));
	if (bad)
		answer = json_pack("{s:b, s:{s:i, s:s, s:s, s:s}}", "ok", 0, "error", "kind",
		    (int)ERROR_INPUT, "where", "", "what", "this one is bad", "todo", "");
	else if (spec)
		answer = json_pack("{s:b, s:i, s:i, s:f, s:s}", "ok", 1, "pages", 1, "bytes", 1,
		    "mean_confidence", 90.0, "sha512",
		    "0000000000000000000000000000000000000000000000000000000000000000"
		    "0000000000000000000000000000000000000000000000000000000000000000");
	else
		answer = json_pack("{s:b, s:b, s:i, s:[]}", "ok", 1, "blank",
		    path[strlen(path) - 1] == 'b', "words", 3, "flags");
	char *said = json_dumps(answer, JSON_COMPACT);
	*n_answer = said ? strlen(said) : 0;
	json_decref(job);
	json_decref(spec);
	json_decref(answer);
	return said;
}

/* Its owner's side. */

static char *job_path(const struct desk *d, const char *job, const char *what)
{
	return file_path("%s/spool/%s.%s", d->folder, job, what);
}

static void job_set(const struct desk *d, const char *job, const char *what)
{
	char *path = job_path(d, job, what);

	assert_true(file_write(path, "", 0, NULL));
	free(path);
}

static void job_hold(const struct desk *d, const char *job)
{
	char *path = job_path(d, job, "hold");

	assert_int_equal(mkfifo(path, 0600), 0);
	free(path);
}

/* Waits until a worker is at it. */
static void job_release(const struct desk *d, const char *job)
{
	char *path = job_path(d, job, "hold");
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	assert_true(file_remove(path, NULL));
	free(path);
}

/* A batch of one complete case file: so many sheets, two sides each. */
static void feed(struct desk *d, const char *batch, const char *file_number, int sheets)
{
	static const char hash[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	char *spool = file_path("%s/spool/%s", d->folder, batch);

	assert_true(file_make_folder(spool, NULL));
	free(spool);
	desk_batch(d, batch);
	desk_begin(d);
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s, s:i, s:i, s:s}", "event", "file_opened", "file", 1,
		"file_number", file_number, "volume", 1, "prepared", -1, "from", "cover"));
	for (int n = 1; n <= sheets; n++)
		desk_event(d, batch,
		    json_pack(
			"{s:s, s:o, s:i, s:i, s:b, s:[{s:s, s:o, s:s}, {s:s, s:o, s:s}], s:[]}",
			"event", "sheet_fed", "sheet", json_sprintf("%s/%d", batch, n), "file", 1,
			"expected", 2, "separator", 0, "images", "side", "f", "path",
			json_sprintf("spool/%s/%df.tif", batch, n), "sha256", hash, "side", "b",
			"path", json_sprintf("spool/%s/%db.tif", batch, n), "sha256", hash,
			"suspects"));
	desk_event(d, batch,
	    json_pack("{s:s, s:i, s:s}", "event", "file_completed", "file", 1, "why", "cover"));
	desk_commit(d);
}

static void pipeline_start(struct desk *d, struct pipeline **out)
{
	const struct pipeline_options options = {
	    .program = "/proc/self/exe", .jobs = 2, .by = "m.muster"};
	struct error err = {0};

	if (access("/usr/share/tesseract-ocr/5/tessdata/deu.traineddata", R_OK) != 0)
		skip();
	desk_check(pipeline_open(&d->workspace, &options, out, &err), &err);
}

struct line { /* the source of batches, and what happened to them */
	struct desk *desk;
	char names[NAMES_MAX][65], done[NAMES_MAX][65];
	int n_names, next, n_done;
	const char *release_at, *release; /* when this batch is done, this job goes on */
	const char *stop_at;
	volatile bool stop;
	struct tally_counts held; /* of batch "b1" at that moment */
};

static void line_add(struct line *line, const char *name)
{
	snprintf(line->names[line->n_names++], sizeof line->names[0], "%s", name);
}

static bool line_next(void *self, struct batch **out, struct error *err)
{
	struct line *line = self;

	*out = NULL;
	if (line->next == line->n_names)
		return true;
	struct batch *b = calloc(1, sizeof *b);
	if (!batch_open(&line->desk->workspace, line->names[line->next++], b, err)) {
		free(b);
		return false;
	}
	*out = b;
	return true;
}

static void counts(struct desk *d, const char *batch, struct tally_counts *out)
{
	struct tally t;

	desk_tally(d, batch, &t);
	tally_counts(&t, out);
	tally_release(&t);
}

static void line_done(void *self, struct batch *b)
{
	struct line *line = self;

	snprintf(line->done[line->n_done++], sizeof line->done[0], "%s", b->name);
	if (line->release_at && strcmp(line->release_at, b->name) == 0) {
		counts(line->desk, "b1", &line->held);
		job_release(line->desk, line->release);
	}
	if (line->stop_at && strcmp(line->stop_at, b->name) == 0) {
		counts(line->desk, "b1", &line->held);
		line->stop = true;
	}
	batch_release(b);
	free(b);
}

static bool drain(struct pipeline *p, struct line *line, struct error *err)
{
	const struct pipeline_source source = {.self = line, .next = line_next, .done = line_done};

	alarm(PATIENCE_S);
	bool ok = pipeline_drain_each(p, &source, &line->stop, err);
	alarm(0);
	return ok;
}

static bool event_count(void *self, int64_t n, const char *line, size_t n_bytes, struct error *err)
{
	int *found = self;
	json_t *e = json_loadb(line, n_bytes, 0, NULL);
	const char *event = json_string_value(json_object_get(e, "event"));

	(void)n;
	(void)err;
	found[0] += strcmp(event, "page_done") == 0;
	found[1] += strcmp(event, "bundle_made") == 0;
	json_decref(e);
	return true;
}

/* Every page and the bundle recorded, each of them once. */
static void assert_worked(struct desk *d, const char *batch, int sheets)
{
	struct tally_counts c;
	struct error err = {0};
	int found[2] = {0};

	counts(d, batch, &c);
	assert_int_equal(c.sheets, sheets);
	assert_int_equal(c.pages_todo, 0);
	assert_int_equal(c.files_todo, 0);
	desk_check(ledger_read(d->workspace.journal, batch, 1, 0, event_count, found, &err), &err);
	assert_int_equal(found[0], 2 * sheets);
	assert_int_equal(found[1], 1);
}

static int served(const struct desk *d)
{
	char *path = file_path("%s/served", d->folder), line[512];
	FILE *f = fopen(path, "re");
	int n = 0;

	while (f && fgets(line, sizeof line, f))
		n++;
	if (f)
		fclose(f);
	free(path);
	return n;
}

/* The last page of the first batch is held: all others are done meanwhile, more than are kept open.
 */
static void test_drain_each_at_the_end_of_a_batch(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};
	char number[16];

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d, .release_at = "b70", .release = "b1/2b"};
	for (int i = 1; i <= 70; i++) {
		char name[16];
		snprintf(name, sizeof name, "b%d", i);
		snprintf(number, sizeof number, "33/%d", i);
		feed(&d, name, number, i == 1 ? 2 : 1);
		line_add(&line, name);
	}
	job_hold(&d, "b1/2b");
	pipeline_start(&d, &p);
	desk_check(drain(p, &line, &err), &err);
	assert_int_equal(line.held.pages_todo, 1);
	assert_int_equal(line.n_done, 70);
	assert_string_equal(line.done[69], "b1");
	for (int i = 0; i < 70; i++)
		assert_worked(&d, line.names[i], i == 0 ? 2 : 1);
	assert_int_equal(served(&d), 2 * 71 + 70);
	assert_int_equal(pipeline_work(p)->pages, 2 * 71);
	assert_int_equal(pipeline_work(p)->bundles, 70);
	pipeline_close(p);
	desk_close(&d);
}

/*
 * Two batches hold the same file, so both want the same folder: the second bundle is not begun
 * while the first is being made, and has another name then. A third batch goes on meanwhile.
 */
static void test_drain_each_one_number_in_two_batches(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};
	struct tally t;

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d, .release_at = "b3", .release = "b1/1.bundle.json"};
	feed(&d, "b1", "33/1", 1);
	feed(&d, "b2", "33/1", 1);
	feed(&d, "b3", "33/3", 2);
	for (int i = 1; i <= 3; i++)
		line_add(&line, (char[]){'b', (char)('0' + i), '\0'});
	job_hold(&d, line.release);
	pipeline_start(&d, &p);
	desk_check(drain(p, &line, &err), &err);
	assert_int_equal(line.held.files_todo, 1);
	assert_int_equal(line.n_done, 3);
	assert_string_equal(line.done[0], "b3");
	for (int i = 1; i <= 3; i++)
		assert_worked(&d, line.names[i - 1], i == 3 ? 2 : 1);
	assert_int_equal(served(&d), 2 * 4 + 3);
	desk_tally(&d, "b1", &t);
	assert_string_equal(t.files[0].bundle, "files/33=2F1");
	tally_release(&t);
	desk_tally(&d, "b2", &t);
	assert_string_equal(t.files[0].bundle, "files/33=2F1+b2");
	tally_release(&t);
	pipeline_close(p);
	desk_close(&d);
}

static void test_drain_each_no_such_batch(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d};
	feed(&d, "b1", "33/1", 3);
	line_add(&line, "b1");
	line_add(&line, "nowhere");
	pipeline_start(&d, &p);
	assert_false(drain(p, &line, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.what, "nowhere"));
	assert_int_equal(line.n_done, 1);
	assert_worked(&d, "b1", 3); /* what was before it is ended */
	pipeline_close(p);
	desk_close(&d);
}

/* A bundle that cannot be made is told at the end; the other batches are done. */
static void test_drain_each_bundle_fails(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};
	struct tally_counts c;

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d};
	feed(&d, "b1", "33/1", 1);
	feed(&d, "b2", "33/2", 3);
	line_add(&line, "b1");
	line_add(&line, "b2");
	job_set(&d, "b1/1.bundle.json", "bad");
	pipeline_start(&d, &p);
	assert_false(drain(p, &line, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "this one is bad"));
	assert_non_null(strstr(err.where, "b1"));
	assert_worked(&d, "b2", 3);
	counts(&d, "b1", &c);
	assert_int_equal(c.pages_todo, 0);
	assert_int_equal(c.files_todo, 1);
	assert_int_equal(served(&d), 2 * 4 + 2 + 1); /* two tries */
	pipeline_close(p);
	desk_close(&d);
}

/* Workers die on pages of two batches that have the same numbers: each is tried again in its own.
 */
static void test_drain_each_workers_die(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d};
	for (int i = 1; i <= 3; i++) {
		char name[16], number[16];
		snprintf(name, sizeof name, "b%d", i);
		snprintf(number, sizeof number, "33/%d", i);
		feed(&d, name, number, 1);
		line_add(&line, name);
	}
	job_set(&d, "b1/1f", "die");
	job_set(&d, "b2/1f", "die");
	job_set(&d, "b1/1.bundle.json", "die");
	job_set(&d, "b2/1.bundle.json", "die");
	pipeline_start(&d, &p);
	desk_check(drain(p, &line, &err), &err);
	for (int i = 0; i < 3; i++)
		assert_worked(&d, line.names[i], 1);
	assert_int_equal(served(&d), 2 * 3 + 3 + 4);
	pipeline_close(p);
	desk_close(&d);
}

/* Stopped with a page of the first batch under way: it is done when work goes on, and once only. */
static void test_drain_each_stopped(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct error err = {0};

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	struct line line = {.desk = &d, .stop_at = "b2"};
	feed(&d, "b1", "33/1", 1);
	feed(&d, "b2", "33/2", 2);
	feed(&d, "b3", "33/3", 9);
	for (int i = 1; i <= 3; i++)
		line_add(&line, (char[]){'b', (char)('0' + i), '\0'});
	job_hold(&d, "b1/1f");
	pipeline_start(&d, &p);
	desk_check(drain(p, &line, &err), &err);
	assert_true(line.n_done >= 2); /* all that were taken are given back */
	assert_int_equal(line.n_done, line.next);
	assert_int_equal(line.held.pages_todo, 1);
	assert_worked(&d, "b2", 2);
	pipeline_close(p);
	char *hold = job_path(&d, "b1/1f", "hold");
	assert_true(file_remove(hold, NULL));
	free(hold);
	struct line rest = {.desk = &d};
	for (int i = 0; i < 3; i++)
		line_add(&rest, line.names[i]);
	pipeline_start(&d, &p);
	desk_check(drain(p, &rest, &err), &err);
	assert_worked(&d, "b1", 1);
	assert_worked(&d, "b2", 2);
	assert_worked(&d, "b3", 9);
	pipeline_close(p);
	desk_close(&d);
}

/* What pipeline_turn() handed out while paper was fed is not handed out again behind it. */
static void test_drain_after_turns(void **state)
{
	struct desk d;
	struct pipeline *p = NULL;
	struct batch b = {0};
	struct error err = {0};
	bool busy = false, stop = false;
	struct pollfd fds[8];
	int n;

	(void)state;
	desk_open(&d, "[ocr]\nlanguages = deu\n");
	feed(&d, "b1", "33/1", 5);
	pipeline_start(&d, &p);
	desk_check(batch_open(&d.workspace, "b1", &b, &err), &err);
	alarm(PATIENCE_S);
	while (pipeline_work(p)->pages < 2) {
		desk_check(pipeline_turn(p, &b, &busy, &err), &err);
		assert_true(busy);
		n = pipeline_descriptors(p, fds, 8);
		poll(fds, (nfds_t)n, -1);
	}
	n = pipeline_descriptors(p, fds, 8);
	poll(fds + 1, (nfds_t)n - 1,
	    -1); /* the next answer is there, not taken yet; 0 is the timer */
	batch_release(&b);
	desk_check(batch_open(&d.workspace, "b1", &b, &err), &err);
	desk_check(pipeline_drain(p, &b, &stop, &err), &err);
	alarm(0);
	batch_release(&b);
	assert_worked(&d, "b1", 5);
	assert_int_equal(served(&d), 2 * 5 + 1);
	pipeline_close(p);
	desk_close(&d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_drain_each_at_the_end_of_a_batch),
	    cmocka_unit_test(test_drain_each_one_number_in_two_batches),
	    cmocka_unit_test(test_drain_each_no_such_batch),
	    cmocka_unit_test(test_drain_each_bundle_fails),
	    cmocka_unit_test(test_drain_each_workers_die),
	    cmocka_unit_test(test_drain_each_stopped),
	    cmocka_unit_test(test_drain_after_turns),
	};

	/* program -w WORKSPACE page-worker */
	if (argc > 3 && strcmp(argv[argc - 1], "page-worker") == 0)
		return pool_serve(work, argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
