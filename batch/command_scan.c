/* scan, import and run: three ways to feed a batch. */
#include "batch/commands.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/close.h"
#include "batch/csv.h"
#include "batch/feed.h"
#include "batch/journal.h"
#include "batch/pipeline.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "scan/feeder.h"
#include "scan/import.h"
#include "scan/profile.h"
#include "scan/scanner.h"
#include "scan/watch.h"

struct feed_words { /* the options that the three share */
	const char *batch, *profile, *file, *operator_name, *device, *source, *mode, *expect, *box;
	const char *watch;
	long volume, sheets, resolution, jobs, idle;
	bool simplex, duplex, again, import, same_sheet, blanks_dropped;
};

enum { N_WORDS = 19 };

static void words_options(struct feed_words *w, struct option_spec o[N_WORDS])
{
	const struct option_spec all[N_WORDS] = {
	    {"batch", OPTION_TEXT, &w->batch, "NAME",
		N_("the batch; else the interrupted one, else a new one")},
	    {"file", OPTION_TEXT, &w->file, N_("NO"),
		N_("file number for the sheets up to the first cover sheet")},
	    {"volume", OPTION_NUMBER, &w->volume, "V", N_("its volume, from 1")},
	    {"sheets", OPTION_NUMBER, &w->sheets, "N",
		N_("the operator's own count of the sheets of --file")},
	    {"operator", OPTION_TEXT, &w->operator_name, "NAME", N_("who feeds")},
	    {"box", OPTION_TEXT, &w->box, "NAME",
		N_("where the paper is put afterwards; on receipt and destruction list")},
	    {"same-sheet", OPTION_FLAG, &w->same_sheet, NULL,
		N_("further views of the last sheet: a note lifted, a flap opened; they count 0")},
	    {"expect", OPTION_TEXT, &w->expect, N_("LIST"),
		N_("a list of the file numbers that this batch should have, with the slip's counts if it has a column sheets")},
	    {"device", OPTION_TEXT, &w->device, "NAME",
		N_("the scanner; paper:DIR is the simulator")},
	    {"profile", OPTION_TEXT, &w->profile, "P", N_("the scanner profile")},
	    {"source", OPTION_TEXT, &w->source, "NAME", N_("the scanner's name of a source")},
	    {"mode", OPTION_TEXT, &w->mode, "NAME", N_("Color, Gray or Lineart")},
	    {"resolution", OPTION_NUMBER, &w->resolution, "DPI", N_("dots per inch")},
	    {"simplex", OPTION_FLAG, &w->simplex, NULL, N_("one image is one sheet")},
	    {"duplex", OPTION_FLAG, &w->duplex, NULL,
		N_("two images are one sheet, front and back")},
	    {"jobs", OPTION_NUMBER, &w->jobs, "N",
		N_("workers for page work; 0: as many as there are cores")},
	    {"again", OPTION_FLAG, &w->again, NULL,
		N_("import images that another batch has already")},
	    {"blanks-dropped", OPTION_FLAG, &w->blanks_dropped, NULL,
		N_("import from a device that removed blank sides itself: 'altakt sheet assign' makes sheets of the images")},
	    {0}};

	memcpy(o, all, sizeof all);
}

/* A list's count of sheets: a plain number from 0, or nothing. */
static bool expect_sheets_read(const char *text, json_t *entry, struct error *err)
{
	char *end;
	long n;

	while (*text == ' ')
		text++;
	if (!*text)
		return true;
	n = strtol(text, &end, 10);
	while (*end == ' ')
		end++;
	if (*end || n < 0 || n > 1000000 || *text == '+')
		return error_set(err, ERROR_INPUT, _("write whole numbers, or leave it empty"),
		    _("'%s' is no number of sheets"), text);
	json_object_set_new(entry, "sheets", json_integer(n));
	return true;
}

/* One file number a line, or a list with the column file_number and, if there, volume and sheets,
 * the preparation slip's count. */
static json_t *expect_read(const char *path, struct error *err)
{
	struct csv *csv = NULL;
	struct csv_row row = {0};
	json_t *list = json_array();
	int number_column = 0, volume_column = -1, sheets_column = -1;
	bool more = true, first = true;

	if (!csv_open(path, &csv, err))
		goto failed;
	while (csv_next(csv, &row, &more, err)) {
		if (!more) {
			csv_close(csv);
			return list;
		}
		bool header = false;
		for (int i = 0; first && i < row.n; i++) {
			if (strcasecmp(row.fields[i], "file_number") == 0 ||
			    strcasecmp(row.fields[i], "Aktenzeichen") == 0) {
				number_column = i;
				header = true;
			}
			if (strcasecmp(row.fields[i], "volume") == 0 ||
			    strcasecmp(row.fields[i], "Band") == 0)
				volume_column = i;
			if (strcasecmp(row.fields[i], "sheets") == 0 ||
			    strcasecmp(row.fields[i], "Blatt") == 0)
				sheets_column = i;
		}
		first = false;
		if (header || number_column >= row.n || !row.fields[number_column][0])
			continue;
		if (!file_number_check(row.fields[number_column], err)) {
			error_where(err, "%s:%lld", path, (long long)row.line);
			goto failed;
		}
		int volume = volume_column >= 0 && volume_column < row.n
		    ? atoi(row.fields[volume_column])
		    : 1;
		json_t *entry = json_pack("{sssi}", "file_number", row.fields[number_column],
		    "volume", volume > 0 ? volume : 1);
		json_array_append_new(list, entry);
		if (sheets_column >= 0 && sheets_column < row.n &&
		    !expect_sheets_read(row.fields[sheets_column], entry, err)) {
			error_where(err, "%s:%lld", path, (long long)row.line);
			goto failed;
		}
	}
failed:
	csv_close(csv);
	json_decref(list);
	return NULL;
}

static bool box_name_check(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 32 || name[i] == 127 || name[i] == ',')
			return false;
	return n >= 1 && n <= 64 && text_utf8(name, n);
}

static int words_check(const struct command *command, const struct feed_words *w, struct error *err)
{
	if (w->simplex && w->duplex)
		return command_usage(command, _("either --simplex or --duplex"));
	if (w->volume < 1 || w->volume > 9999)
		return command_usage(command, _("--volume is from 1 to 9999"));
	if (w->sheets != -1 && (w->sheets < 0 || w->sheets > 1000000))
		return command_usage(command, _("--sheets is a number of sheets"));
	if (w->sheets >= 0 && !w->file)
		return command_usage(command, _("--sheets goes with --file"));
	if (w->box && !box_name_check(w->box))
		return command_usage(command,
		    _("--box is a name of 1 to 64 bytes, without commas and control characters"));
	if (w->blanks_dropped && (!w->import || w->same_sheet))
		return command_usage(command,
		    _("--blanks-dropped is for images of another device, and goes without --same-sheet"));
	if (w->blanks_dropped && (w->simplex || w->duplex))
		return command_usage(command,
		    _("--blanks-dropped says that nobody knows the pairs: leave --simplex and --duplex out"));
	if (w->jobs < 0 || w->jobs > 256)
		return command_usage(command, _("--jobs is from 0 to 256"));
	if (w->expect && !file_exists(w->expect))
		return command_usage(command, _("there is no list '%s'"), w->expect);
	if (w->batch && !batch_name_check(w->batch, err))
		return command_fail(err);
	if (w->file && !file_number_check(w->file, err)) {
		err->kind = ERROR_USAGE;
		return command_fail(err);
	}
	return EXIT_DONE;
}

/* Names the first path that is not there; EXIT_DONE where all are. */
static int paths_check(const struct command *command, const char *const *paths, int n)
{
	for (int i = 0; i < n; i++)
		if (!file_exists(paths[i]))
			return command_usage(command, _("'%s' is not there"), paths[i]);
	return EXIT_DONE;
}

/* Images that this batch has already are skipped, those of another are refused unless --again. */
static bool imports_filter(struct workspace *w, const struct feed_words *words, const char *batch,
    const struct import_list *all, struct import_list *left, int *skipped, struct error *err)
{
	left->images = calloc((size_t)all->n + 1, sizeof *left->images);
	if (!left->images)
		return error_errno(err, NULL, _("cannot list the images"));
	for (int i = 0; i < all->n; i++) {
		const struct import_image *image = &all->images[i];
		sqlite3_stmt *stmt = NULL;
		bool row, here = false, there = false;
		char other[65] = "";
		if (!journal_prepare(w->journal,
			"SELECT batch FROM source WHERE path = ? AND page = ? AND bytes = ? AND mtime_ns = ? AND sha256 = ?",
			&stmt, err))
			return false;
		sqlite3_bind_text(stmt, 1, image->path, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int(stmt, 2, image->page);
		sqlite3_bind_int64(stmt, 3, (int64_t)image->file_bytes);
		sqlite3_bind_int64(stmt, 4, image->mtime_ns);
		sqlite3_bind_text(stmt, 5, image->sha256, -1, SQLITE_TRANSIENT);
		do {
			if (!journal_step(w->journal, stmt, &row, err))
				return false;
			if (row && strcmp((const char *)sqlite3_column_text(stmt, 0), batch) == 0)
				here = true;
			else if (row) {
				there = true;
				snprintf(other, sizeof other, "%s",
				    (const char *)sqlite3_column_text(stmt, 0));
			}
		} while (row);
		if (here) {
			++*skipped;
			continue;
		}
		if (there && !words->again)
			return error_set(err, ERROR_USAGE,
			    _("leave it out, or give --again where it really is to be counted anew"),
			    _("'%s' is in batch %s already"), image->path, other);
		left->images[left->n++] = *image;
	}
	return true;
}

struct feed_job {
	struct workspace workspace;
	bool more_come;	  /* watching: a front at the end waits for its back */
	char *held;	  /* its path; yours */
	char watched[65]; /* the batch that it goes into */
	struct feed_words words;
	struct feed_result result;
	json_t *expect;
	struct import_list imports;
	struct profile profile;
	char *device; /* found, where none was named */
};

static void option_take(void *self, const char *key, const char *value)
{
	profile_option_add(self, key, value);
}

/* The scanner's profile, the settings' own options of the backend over it. */
static bool profile_take(struct feed_job *job, struct scanner_options *scanner, struct error *err)
{
	const struct settings *s = job->workspace.settings;
	const char *name =
	    job->words.profile ? job->words.profile : settings_text(s, "scan.profile");
	char *own = NULL;
	bool ok = false;

	if (!scanner->device || !scanner->device[0]) {
		scanner->device = job->device = device_first(err);
		if (!job->device)
			goto done;
	}
	own = file_path("%s/profiles", job->workspace.path);
	if (!profile_open(name, scanner->device, own, &job->profile, err))
		goto done;
	if (settings_bool(s, "scan.productive") &&
	    !profile_approved(&job->profile, settings_text(s, "scan.approved_profiles"))) {
		error_set(err, ERROR_SETUP,
		    _("choose an approved profile, or have this one approved (scan.approved_profiles)"),
		    _("the scanner profile '%s' is not approved, and scanning here is productive"),
		    job->profile.name);
		goto done;
	}
	settings_each(s, "option", option_take, &job->profile);
	profile_apply(&job->profile, scanner);
	ok = true;
done:
	free(own);
	return ok;
}

/* Whether the last image is a front whose back has still to come. */
static bool front_waits(const struct feed_words *w, const struct import_list *list)
{
	int fronts = 0;

	for (int i = list->n - 1; i >= 0 && list->images[i].n_pages == 1; i--)
		fronts++;
	return w->duplex && fronts % 2 == 1;
}

static bool feed_do(struct feed_job *job, const char *command, const char *const *paths,
    int n_paths, struct pipeline *pipeline, struct error *err)
{
	const struct settings *s = job->workspace.settings;
	const struct feed_words *w = &job->words;
	struct import_list left = {0};
	int skipped = 0;
	bool ok = false;
	struct feeder_options feeder = {
	    .scanner = {.device = w->device ? w->device : settings_text(s, "scan.device"),
		.source = w->source ? w->source : settings_text(s, "scan.source"),
		.simplex = w->simplex,
		.mode = w->mode ? w->mode : settings_text(s, "scan.mode"),
		.resolution_dpi =
		    (int)(w->resolution ? w->resolution : settings_int(s, "scan.resolution")),
		.source_asked = w->source != NULL,
		.mode_asked = w->mode != NULL,
		.resolution_asked = w->resolution != 0,
		.page_width_mm = settings_number(s, "scan.page_width_mm"),
		.page_height_mm = settings_number(s, "scan.page_height_mm"),
		.timeout_ms = (int)settings_int(s, "scan.timeout") * 1000},
	    .overlap = settings_bool(s, "scan.overlap")};
	struct feed_options options = {.command = command,
	    .batch = w->batch,
	    .operator_name = command_person(w->operator_name, s),
	    .file_number = w->file,
	    .volume = (int)w->volume,
	    .sheets = (int)w->sheets,
	    .expect = job->expect,
	    .box = w->box,
	    .same_sheet = w->same_sheet,
	    .feeder = &feeder,
	    .duplex = w->duplex,
	    .blanks_dropped = w->blanks_dropped,
	    .pipeline = pipeline,
	    .closes = pipeline != NULL,
	    .stop = command_stop()};

	if (!w->import && !profile_take(job, &feeder.scanner, err))
		goto done;
	options.profile = job->profile.name;
	options.profile_sha256 = job->profile.sha256;
	if (w->import) {
		if (!import_list_open(paths, n_paths, &job->imports, err))
			goto done;
		/* Which batch it will be is needed to tell what it has already. */
		struct batch_choice choice = {0};
		if (!batch_choose(&job->workspace, w->batch, command, &choice, err))
			goto done;
		lock_close(choice.lock);
		if (!imports_filter(
			&job->workspace, w, choice.name, &job->imports, &left, &skipped, err))
			goto done;
		if (skipped > 0)
			fprintf(stderr,
			    PLURAL("%d image is in batch %s already and is skipped\n",
				"%d images are in batch %s already and are skipped\n", skipped),
			    skipped, choice.name);
		options.imports = &left;
		options.quiet = job->watched[0];
		if (job->more_come && front_waits(w, &left))
			job->held = file_path("%s", left.images[--left.n].path);
		if (job->more_come && left.n == 0) {
			ok = true;
			goto done;
		}
	}
	ok = feed_run(&job->workspace, &options, &job->result, err);
done:
	free(left.images); /* what it points to is the list's */
	return ok;
}

/* Between two imports of one watch. */
static void watch_release(struct feed_job *job)
{
	import_list_release(&job->imports);
	free(job->held);
	job->held = NULL;
	job->result = (struct feed_result){0};
}

static void job_release(struct feed_job *job)
{
	import_list_release(&job->imports);
	json_decref(job->expect);
	profile_release(&job->profile);
	free(job->device);
	free(job->held);
	workspace_close(&job->workspace);
}

/* What the end of feeding means for the exit code; says it. */
static int feed_end_say(const struct feed_job *job)
{
	const struct feed_result *r = &job->result;

	switch (r->end) {
	case FEED_EMPTY:
		if (r->sheets == 0 && !r->batch[0]) {
			fprintf(stderr, "%s",
			    job->words.import
				? _("altakt: there is nothing to import\n")
				: _("altakt: the feeder is empty: nothing was fed\n        put paper in, then give the command again\n"));
			return EXIT_WAITING;
		}
		if (r->suspects > 0) {
			fprintf(stderr,
			    PLURAL("%d sheet waits for a decision: 'altakt status' names it\n",
				"%d sheets wait for a decision: 'altakt status' names them\n",
				r->suspects),
			    r->suspects);
			return EXIT_WAITING;
		}
		return EXIT_DONE;
	case FEED_STOPPED:
		fprintf(stderr, "%s", _("altakt: stopped; what is recorded is kept\n"));
		return EXIT_WAITING;
	case FEED_DECIDE:
	case FEED_PAPER:
	case FEED_DISK: command_fail(&r->why); return EXIT_WAITING;
	}
	return EXIT_FAILED;
}

static bool job_open(const struct call *call, struct feed_job *job, struct error *err)
{
	if (!workspace_open(call->workspace, call->sets, &job->workspace, err))
		return false;
	if (job->words.expect && !(job->expect = expect_read(job->words.expect, err)))
		return false;
	return true;
}

static int run_scan(const struct call *call, int argc, char **argv)
{
	struct feed_job job = {.words = {.volume = 1, .sheets = -1}};
	const char **args = (const char **)argv;
	struct option_spec options[N_WORDS];
	struct error err = {0};
	int n, code;

	words_options(&job.words, options);
	if (!options_read(&command_scan, options, argc, argv, args, &n, &code))
		return code;
	if (n > 0)
		return command_usage(&command_scan, _("'%s' is too much"), args[0]);
	if ((code = words_check(&command_scan, &job.words, &err)) != EXIT_DONE)
		return code;
	if (!job_open(call, &job, &err) || !feed_do(&job, "altakt scan", NULL, 0, NULL, &err))
		code = command_fail(&err);
	else
		code = feed_end_say(&job);
	if (job.result.batch[0])
		printf(PLURAL("%s: %d sheet recorded in this call\n",
			   "%s: %d sheets recorded in this call\n", job.result.sheets),
		    job.result.batch, job.result.sheets);
	job_release(&job);
	return code;
}

const struct command command_scan = {
    "scan", "[OPTIONS]", N_("Feeds paper into a batch."), run_scan};

/* `import --batch B --file NO --sheets N` without images: only the operator's count. */
static int count_give(struct feed_job *job)
{
	const struct feed_words *w = &job->words;
	struct batch b = {0};
	struct error err = {0};
	int code = EXIT_FAILED;

	if (!batch_open(&job->workspace, w->batch, &b, &err) || !batch_begin(&b, &err)) {
		code = command_fail(&err);
		goto done;
	}
	const struct tally_file *f = tally_file_find(&b.tally, w->file, (int)w->volume);
	if (!f) {
		error_set(&err, ERROR_USAGE, NULL, _("batch %s has no file '%s' volume %ld"),
		    b.name, w->file, w->volume);
		code = command_fail(&err);
	} else if (!batch_event(&b, command_person(w->operator_name, job->workspace.settings),
		       json_pack("{sssisi}", "event", "count_given", "file", f->file, "sheets",
			   (int)w->sheets),
		       &err) ||
	    !batch_commit(&b, &err)) {
		code = command_fail(&err);
	} else {
		printf(PLURAL("%s: file %s: the operator counted %ld sheet\n",
			   "%s: file %s: the operator counted %ld sheets\n", w->sheets),
		    b.name, w->file, w->sheets);
		code = EXIT_DONE;
	}
	batch_rollback(&b);
done:
	batch_release(&b);
	return code;
}

/* --blanks-dropped: what was taken is of no sheet yet. */
static void images_say(FILE *to, const char *batch, int images)
{
	if (images > 0)
		fprintf(to,
		    PLURAL("%s: %d image waits to be assigned to a sheet: altakt sheet images %s\n",
			"%s: %d images wait to be assigned to sheets: altakt sheet images %s\n",
			images),
		    batch, images, batch);
}

/* Imports what is complete, again and again, until it is stopped or nothing has come for --idle. */
static int watch_do(struct feed_job *job)
{
	struct feed_words *w = &job->words;
	const volatile bool *stop = command_stop();
	struct watch *watch = NULL;
	struct error err = {0};
	const char *const *paths;
	int n = 0, waiting = 0, sheets = 0, images = 0, suspects = 0, code = EXIT_DONE;
	time_t last = time(NULL);
	bool over = false;

	if (!watch_open(w->watch, &watch, &err))
		return command_fail(&err);
	fprintf(stderr, _("Watching '%s'; Ctrl-C ends it\n"), w->watch);
	while (!over && code == EXIT_DONE) {
		over = *stop || (w->idle > 0 && time(NULL) - last >= w->idle);
		if (!watch_ready(watch, &paths, &n, &waiting, &err)) {
			code = command_fail(&err);
			break;
		}
		/* At the end a front without a back is what it is: an odd image. */
		job->more_come = !over || *stop;
		if (n > 0 && !(*stop)) {
			if (!feed_do(job, "altakt import", paths, n, NULL, &err)) {
				code = command_fail(&err);
				break;
			}
			for (int i = 0; i < n; i++)
				if (!job->held || strcmp(paths[i], job->held) != 0)
					watch_take(watch, paths[i]);
			sheets += job->result.sheets;
			images += job->result.images; /* --blanks-dropped: of no sheet yet */
			suspects += job->result.suspects;
			if (job->result.sheets > 0 || job->result.images > 0) {
				last = time(NULL);
				if (job->result.sheets > 0)
					fprintf(stderr,
					    PLURAL("%s: %d sheet recorded in this call\n",
						"%s: %d sheets recorded in this call\n", sheets),
					    job->result.batch, sheets);
				images_say(stderr, job->result.batch, images);
				snprintf(
				    job->watched, sizeof job->watched, "%s", job->result.batch);
				w->batch = job->watched;
				w->file = NULL; /* given once: from now on cover sheets say */
				w->sheets = -1;
			}
			if (job->result.end != FEED_EMPTY && job->result.end != FEED_STOPPED)
				code = feed_end_say(job);
			watch_release(job);
		}
		if (!over && code == EXIT_DONE)
			watch_wait(watch, 500);
	}
	if (waiting > 0)
		fprintf(stderr,
		    PLURAL("%d file is not complete and was left\n",
			"%d files are not complete and were left\n", waiting),
		    waiting);
	if (code == EXIT_DONE && suspects > 0) {
		fprintf(stderr,
		    PLURAL("%d sheet waits for a decision: 'altakt status' names it\n",
			"%d sheets wait for a decision: 'altakt status' names them\n", suspects),
		    suspects);
		code = EXIT_WAITING;
	}
	job->result.sheets = sheets;
	job->result.images = images;
	snprintf(job->result.batch, sizeof job->result.batch, "%s", job->watched);
	watch_close(watch);
	return code;
}

static int run_import(const struct call *call, int argc, char **argv)
{
	struct feed_job job = {.words = {.volume = 1, .sheets = -1, .import = true}};
	const char **args = (const char **)argv;
	struct option_spec options[N_WORDS + 2];
	struct error err = {0};
	int n, code;

	words_options(&job.words, options);
	options[N_WORDS - 1] = (struct option_spec){"watch", OPTION_TEXT, &job.words.watch,
	    N_("DIR"), N_("go on importing what comes complete into this folder, until Ctrl-C")};
	options[N_WORDS] = (struct option_spec){"idle", OPTION_NUMBER, &job.words.idle, "SECONDS",
	    N_("with --watch: end when nothing has come for so long")};
	options[N_WORDS + 1] = (struct option_spec){0};
	if (!options_read(&command_import, options, argc, argv, args, &n, &code))
		return code;
	if ((code = words_check(&command_import, &job.words, &err)) != EXIT_DONE ||
	    (code = paths_check(&command_import, args, n)) != EXIT_DONE)
		return code;
	bool only_count = n == 0 && !job.words.watch && job.words.batch && job.words.file &&
	    job.words.sheets >= 0;
	if (n == 0 && !only_count && !job.words.watch)
		return command_usage(&command_import, _("name images or folders"));
	if (n > 0 && job.words.watch)
		return command_usage(&command_import, _("either images or --watch"));
	if (job.words.idle < 0 || (job.words.idle > 0 && !job.words.watch))
		return command_usage(&command_import, _("--idle SECONDS goes with --watch"));
	if (!only_count && !job.words.simplex && !job.words.duplex && !job.words.blanks_dropped)
		return command_usage(
		    &command_import, _("say --duplex (two images are one sheet) or --simplex"));
	if (!job_open(call, &job, &err)) {
		code = command_fail(&err);
	} else if (only_count) {
		code = count_give(&job);
	} else if (job.words.watch) {
		code = watch_do(&job);
	} else {
		if (!feed_do(&job, "altakt import", args, n, NULL, &err))
			code = command_fail(&err);
		else
			code = feed_end_say(&job);
	}
	if (job.result.batch[0] && !only_count) {
		printf(PLURAL("%s: %d sheet recorded in this call\n",
			   "%s: %d sheets recorded in this call\n", job.result.sheets),
		    job.result.batch, job.result.sheets);
		images_say(stdout, job.result.batch, job.result.images);
	}
	job_release(&job);
	return code;
}

const struct command command_import = {"import", "PATH...|--watch DIR --duplex|--simplex [OPTIONS]",
    N_("Takes images that another device wrote into a batch."), run_import};

/* The gravest of two exit codes, in the order 1, 4, 3, 0. */
static int graver(int a, int b)
{
	static const int rank[] = {[EXIT_DONE] = 0,
	    [EXIT_WAITING] = 1,
	    [EXIT_CHECK] = 2,
	    [EXIT_USAGE] = 3,
	    [EXIT_FAILED] = 4};

	return rank[a] >= rank[b] ? a : b;
}

static int close_do(struct feed_job *job, struct pipeline *pipeline)
{
	struct batch b = {0};
	struct lock *lock = NULL;
	struct error err = {0};
	enum close_answer answer = CLOSE_STOPPED;
	int code;

	if (!batch_open(&job->workspace, job->result.batch, &b, &err) ||
	    !batch_lock(&job->workspace, b.name, "altakt run", &lock, &err) ||
	    !close_batch(&b, pipeline,
		command_person(job->words.operator_name, job->workspace.settings), command_stop(),
		&answer, &err)) {
		code = command_fail(&err);
		goto done;
	}
	code = close_answer_say(&b, answer);
done:
	lock_close(lock);
	batch_release(&b);
	return code;
}

static int run_run(const struct call *call, int argc, char **argv)
{
	struct feed_job job = {.words = {.volume = 1, .sheets = -1}};
	const char **args = (const char **)argv;
	struct option_spec options[N_WORDS + 1];
	struct pipeline *pipeline = NULL;
	struct batch b = {0};
	struct error err = {0};
	int n, code;

	words_options(&job.words, options);
	options[N_WORDS - 1] = (struct option_spec){"import", OPTION_FLAG, &job.words.import, NULL,
	    N_("import the images named instead of scanning")};
	options[N_WORDS] = (struct option_spec){0};
	if (!options_read(&command_run, options, argc, argv, args, &n, &code))
		return code;
	if (n > 0 && !job.words.import)
		return command_usage(&command_run, _("'%s' is too much"), args[0]);
	if (job.words.import && n == 0)
		return command_usage(&command_run, _("name images or folders"));
	if (job.words.import && !job.words.simplex && !job.words.duplex &&
	    !job.words.blanks_dropped)
		return command_usage(
		    &command_run, _("say --duplex (two images are one sheet) or --simplex"));
	if ((code = words_check(&command_run, &job.words, &err)) != EXIT_DONE ||
	    (code = paths_check(&command_run, args, n)) != EXIT_DONE)
		return code;
	if (!job_open(call, &job, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct pipeline_options po = {.program = call->program,
	    .sets = call->sets,
	    .jobs = (int)job.words.jobs,
	    .idle = true,
	    .by = command_person(job.words.operator_name, job.workspace.settings),
	    .command = "altakt run"};
	if (!pipeline_open(&job.workspace, &po, &pipeline, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (!feed_do(&job, "altakt run", args, n, pipeline, &err))
		code = command_fail(&err);
	else
		code = feed_end_say(&job);
	if (!job.result.batch[0] || *command_stop())
		goto done;
	/* Whatever ended the feeding, the pages that are there are worked on. */
	if (!batch_open(&job.workspace, job.result.batch, &b, &err) ||
	    !pipeline_drain(pipeline, &b, command_stop(), &err)) {
		code = graver(code, command_fail(&err));
		goto done;
	}
	if (job.result.end == FEED_EMPTY && code != EXIT_FAILED && !*command_stop())
		code = graver(code, close_do(&job, pipeline));
done:
	batch_release(&b);
	pipeline_close(pipeline);
	job_release(&job);
	return code;
}

const struct command command_run = {"run", "[--import PATH... --duplex|--simplex] [OPTIONS]",
    N_("Scans, does the page work and closes the batch: the main job."), run_run};
