/* process and close: what is done after the paper. */
#include "batch/commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "batch/close.h"
#include "batch/due.h"
#include "batch/page.h"
#include "batch/pipeline.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/text.h"
#include "ocr/farm.h"

struct processing {
	struct workspace *workspace;
	const char *by;
	char (*names)[65]; /* of the batches, in the order of work */
	int n_names, next;
	bool all; /* names has them all */
	int retried, failed;
};

/* Pages whose recognition failed become due again, in every batch that is not given up. */
static bool batch_retry(void *self, const char *name, struct error *err)
{
	struct processing *p = self;
	struct batch b = {0};
	bool ok = batch_open(p->workspace, name, &b, err), begun = false;

	for (int i = 0; ok && i < b.tally.n_sheets; i++) {
		for (int k = 0; ok && k < b.tally.sheets[i].n_sides; k++) {
			char sheet[96], side[2] = {b.tally.sheets[i].sides[k].side, 0};
			if ((!b.tally.sheets[i].sides[k].ocr_failed &&
				!b.tally.sheets[i].sides[k].failed) ||
			    b.tally.state == BATCH_ABANDONED)
				continue;
			if (!begun) {
				begun = batch_begin(&b, err);
				ok = begun &&
				    (b.tally.state == BATCH_OPEN ||
					batch_event(&b, p->by,
					    json_pack(
						"{ssss}", "event", "reopened", "reason", "retry"),
					    err));
			}
			batch_sheet_name(&b, i + 1, sheet);
			ok = ok &&
			    batch_event(&b, p->by,
				json_pack("{ssssss}", "event", "page_retry", "sheet", sheet, "side",
				    side),
				err);
			p->retried += ok;
		}
	}
	bool reopened = begun && b.tally.revision > 0;
	ok = ok && (!begun || batch_commit(&b, err));
	if (ok && reopened)
		fprintf(stderr, _("batch %s is open again: 'altakt close %s' ends it anew\n"), name,
		    name);
	if (begun && !ok)
		batch_rollback(&b);
	batch_release(&b);
	return ok;
}

static bool name_add(void *self, const char *name, struct error *err)
{
	struct processing *p = self;

	for (int i = 0; i < p->n_names; i++)
		if (strcmp(p->names[i], name) == 0)
			return true;
	void *more = realloc(p->names, (size_t)(p->n_names + 1) * sizeof *p->names);
	if (!more)
		return error_errno(err, NULL, _("cannot list the batches"));
	p->names = more;
	snprintf(p->names[p->n_names++], sizeof p->names[0], "%s", name);
	return true;
}

static bool name_add_urgent(void *self, const char *name, struct error *err)
{
	struct processing *p = self;
	struct batch b = {0};
	struct due due = {.batch = &b};
	bool urgent = false;
	bool ok = batch_open(p->workspace, name, &b, err) && due_urgent(&due, &urgent, err) &&
	    (!urgent || name_add(p, name, err));

	due_release(&due);
	batch_release(&b);
	return ok;
}

/* Those that the caller named, or those with urgent files and then all that are open. */
static bool batch_next(void *self, struct batch **out, struct error *err)
{
	struct processing *p = self;

	if (p->next == p->n_names && !p->all) {
		p->all = true;
		if (!batch_each(p->workspace, "open", name_add, p, err))
			return false;
	}
	*out = NULL;
	if (p->next == p->n_names)
		return true;
	struct batch *b = calloc(1, sizeof *b);
	if (!b)
		return error_errno(err, NULL, _("cannot go on with page work"));
	if (!batch_open(p->workspace, p->names[p->next++], b, err)) {
		free(b);
		return false;
	}
	*out = b;
	return true;
}

static void batch_done(void *self, struct batch *b)
{
	struct processing *p = self;
	struct tally_counts c;

	tally_counts(&b->tally, &c);
	p->failed += c.pages_failed;
	batch_release(b);
	free(b);
}

static int run_process(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *by = NULL;
	long jobs = 0;
	bool retry = false;
	const char *farm = NULL;
	const char **sets = NULL;
	char *farm_set = NULL;
	size_t n_sets = 0;
	const struct option_spec options[] = {
	    {"retry", OPTION_FLAG, &retry, NULL, N_("recognise once more what failed")},
	    {"jobs", OPTION_NUMBER, &jobs, "N",
		N_("workers; 0: as many as cores and memory allow")},
	    {"farm", OPTION_TEXT, &farm, "URL",
		N_("recognise on other machines, too: nats:// or tls://")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("who is named in the ledger")}, {0}};
	struct workspace w = {0};
	struct pipeline *pipeline = NULL;
	struct error err = {0};
	int n, code;

	if (!options_read(&command_process, options, argc, argv, args, &n, &code))
		return code;
	if (jobs < 0 || jobs > 256)
		return command_usage(&command_process, _("--jobs is from 0 to 256"));
	while (call->sets[n_sets])
		n_sets++;
	sets = calloc(n_sets + 2, sizeof *sets);
	if (!sets)
		return EXIT_FAILED;
	memcpy(sets, call->sets, n_sets * sizeof *sets);
	if (farm)
		sets[n_sets] = farm_set = file_path("farm.url=%s", farm);
	if (!workspace_open(call->workspace, sets, &w, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct farm_options fo;
	farm_options_read(w.settings, "", &fo);
	if (*fo.url && !farm_address_check(&fo, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct pipeline_options po = {.program = call->program,
	    .sets = sets,
	    .jobs = (int)jobs,
	    .by = command_person(by, w.settings)};
	if (!pipeline_open(&w, &po, &pipeline, &err)) {
		code = command_fail(&err);
		goto done;
	}
	struct processing p = {.workspace = &w, .by = po.by, .all = n > 0};
	const struct pipeline_source source = {.self = &p, .next = batch_next, .done = batch_done};
	bool ok = true;
	for (int i = 0; retry && ok && i < n; i++)
		ok = batch_retry(&p, args[i], &err);
	if (retry && ok && n == 0)
		ok = batch_each(&w, NULL, batch_retry, &p, &err);
	for (int i = 0; ok && i < n; i++)
		ok = batch_name_check(args[i], &err) && name_add(&p, args[i], &err);
	if (ok && n == 0)
		ok = batch_each(&w, "open", name_add_urgent, &p, &err);
	ok = ok && pipeline_drain_each(pipeline, &source, command_stop(), &err);
	free(p.names);
	const struct pipeline_work *work = pipeline_work(pipeline);
	char counts[3][TEXT_COUNT];
	printf(_("%s and %s done, %s without text\n"),
	    text_count(TEXT_PAGES, work->pages, counts[0]),
	    text_count(TEXT_BUNDLES, work->bundles, counts[1]),
	    text_count(TEXT_PAGES, work->ocr_failed, counts[2]));
	if (p.failed > 0)
		fprintf(stderr,
		    PLURAL("%d page waits for a person: 'altakt status' names it\n",
			"%d pages wait for a person: 'altakt status' names them\n", p.failed),
		    p.failed);
	code = !ok			      ? command_fail(&err)
	    : *command_stop() || p.failed > 0 ? EXIT_WAITING
					      : EXIT_DONE;
done:
	pipeline_close(pipeline);
	workspace_close(&w);
	free(farm_set);
	free(sets);
	return code;
}

const struct command command_process = {"process", "[BATCH...] [OPTIONS]",
    N_("Does every page and file that is due: clean, encode, recognise, bundle."), run_process};

static int run_close(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *by = NULL;
	long jobs = 0;
	const struct option_spec options[] = {{"by", OPTION_TEXT, &by, "NAME", N_("who closes it")},
	    {"jobs", OPTION_NUMBER, &jobs, "N", N_("workers for what is still due")}, {0}};
	struct workspace w = {0};
	struct batch b = {0};
	struct lock *lock = NULL;
	struct pipeline *pipeline = NULL;
	struct error err = {0};
	enum close_answer answer = CLOSE_STOPPED;
	int n, code;

	if (!options_read(&command_close, options, argc, argv, args, &n, &code))
		return code;
	if (n != 1)
		return command_usage(&command_close, _("name one batch"));
	if (!workspace_open(call->workspace, call->sets, &w, &err) ||
	    !batch_open(&w, args[0], &b, &err) ||
	    !batch_lock(&w, b.name, "altakt close", &lock, &err))
		goto failed;
	if (b.tally.state == BATCH_OPEN) {
		struct pipeline_options po = {.program = call->program,
		    .sets = call->sets,
		    .jobs = (int)jobs,
		    .by = command_person(by, w.settings),
		    .command = "altakt close"};
		if (!pipeline_open(&w, &po, &pipeline, &err))
			goto failed;
	}
	if (!close_batch(
		&b, pipeline, command_person(by, w.settings), command_stop(), &answer, &err))
		goto failed;
	code = close_answer_say(&b, answer);
	goto done;
failed:
	code = command_fail(&err);
done:
	pipeline_close(pipeline);
	lock_close(lock);
	batch_release(&b);
	workspace_close(&w);
	return code;
}

const struct command command_close = {"close", "BATCH",
    N_("Holds all witnesses against each other and writes the manifest."), run_close};
