/* demo: the main job from paper to claim, on paper that is drawn for it. */
#include "batch/commands.h"

#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "batch/batch.h"
#include "batch/demo.h"
#include "config/file.h"
#include "config/text.h"

extern char **environ;

struct demo {
	const struct call *call;
	char *folder, *workspace;
	char batch[65];
};

/* Runs the program itself with the words given, as a person would type them. */
static bool step(const struct demo *d, int *code, ...) __attribute__((sentinel));

static bool step(const struct demo *d, int *code, ...)
{
	const char *argv[24] = {"altakt", "-w", d->workspace};
	int n = 3, status = 0;
	va_list ap;
	pid_t pid;

	va_start(ap, code);
	for (const char *word; n < 23 && (word = va_arg(ap, const char *));)
		argv[n++] = word;
	va_end(ap);
	printf("\n$");
	for (int i = 0; i < n; i++)
		printf(strchr(argv[i], ' ') ? " '%s'" : " %s", argv[i]);
	printf("\n");
	fflush(stdout);
	int failed = posix_spawn(&pid, d->call->program, NULL, NULL, (char *const *)argv, environ);
	if (failed != 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, _("altakt: cannot start '%s': %s\n"), d->call->program,
		    strerror(failed ? failed : errno));
		*code = EXIT_FAILED;
		return false;
	}
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
	return *code == EXIT_DONE;
}

static bool name_keep(void *self, const char *name, struct error *err)
{
	snprintf(((struct demo *)self)->batch, sizeof((struct demo *)self)->batch, "%s", name);
	return true;
}

static bool batch_find(struct demo *d, struct error *err)
{
	struct workspace w = {0};
	bool ok =
	    workspace_open(d->workspace, NULL, &w, err) && batch_each(&w, NULL, name_keep, d, err);

	workspace_close(&w);
	return ok && d->batch[0];
}

static json_t *json_of(const struct demo *d, const char *part)
{
	char *path = file_path("%s/%s", d->workspace, part);
	json_t *o = json_load_file(path, 0, NULL);

	free(path);
	return o;
}

static bool row(const char *name, int drawn, int counted)
{
	printf("  %-*s %8d %8d   %s\n", text_width(name, 28), name, drawn, counted,
	    drawn == counted ? _("agrees") : _("DIFFERS"));
	return drawn == counted;
}

static int int_at(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

/* The counts of manifest and claim against the paper that was drawn. */
static int table_print(const struct demo *d, const struct demo_counts *drawn)
{
	char *part = file_path("batches/%s/manifest.json", d->batch);
	json_t *manifest = json_of(d, part), *claim = json_of(d, "claims/0001/claim.json");
	json_t *counts = json_object_get(manifest, "counts"), *file;
	size_t i;
	int code = EXIT_FAILED;

	free(part);
	if (!manifest || !claim) {
		fprintf(stderr, "%s",
		    _("altakt: manifest or claim of the demonstration cannot be read\n"));
		goto done;
	}
	printf("\n  %-28s %8s %8s\n", "", _("paper"), _("manifest"));
	bool same = row(_("case files"), drawn->files, int_at(counts, "files"));
	same = row(_("sheets"), drawn->sheets, int_at(counts, "sheets")) && same;
	same = row(_("of them blank on both sides"), drawn->blank_sheets,
		   int_at(counts, "blank_sheets")) &&
	    same;
	same = row(_("pages kept"), drawn->written_sides, int_at(counts, "pages")) && same;
	same = row(_("blank sides removed"), drawn->sides - drawn->written_sides,
		   int_at(counts, "blank_pages")) &&
	    same;
	same =
	    row(_("images received"), drawn->sides + 2 * drawn->covers, int_at(counts, "images")) &&
	    same;
	same = row(_("cover sheets"), drawn->covers, int_at(counts, "separators")) && same;
	printf("\n");
	json_array_foreach(json_object_get(manifest, "files"), i, file)
	{
		const char *number = json_string_value(json_object_get(file, "file_number"));
		char *bundle = file_path(
		    "%s/%s", d->workspace, json_string_value(json_object_get(file, "bundle")));
		printf(_("  %-*s %3d sheets %3d pages  %s\n"), text_width(number, 20), number,
		    int_at(file, "sheets"), int_at(file, "pages"), bundle);
		free(bundle);
	}
	printf(_("\n  %d files x %s EUR + %d sheets x %s EUR = %s EUR\n"), int_at(claim, "files"),
	    json_string_value(json_object_get(json_object_get(claim, "rates"), "file")),
	    int_at(claim, "sheets"),
	    json_string_value(json_object_get(json_object_get(claim, "rates"), "sheet")),
	    json_string_value(json_object_get(claim, "amount")));
	printf(
	    _("\n  manifest  %s/batches/%s/manifest.json\n  ledger    %s/batches/%s/ledger.jsonl\n  claim     %s/claims/0001/claim.pdf\n"),
	    d->workspace, d->batch, d->workspace, d->batch, d->workspace);
	code = same ? EXIT_DONE : EXIT_CHECK;
done:
	json_decref(manifest);
	json_decref(claim);
	return code;
}

static int run_demo(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv;
	struct demo d = {.call = call};
	struct demo_counts drawn;
	struct error err = {0};
	time_t began = time(NULL);
	int n, code;

	if (!options_read(&command_demo, NULL, argc, argv, args, &n, &code))
		return code;
	if (n > 1)
		return command_usage(&command_demo, _("one folder at most"));
	d.folder = file_path("%s", n == 1 ? args[0] : "altakt-demo");
	d.workspace = file_path("%s/workspace", d.folder);
	char *device = file_path("paper:%s/stack", d.folder),
	     *list = file_path("%s/register.csv", d.folder);
	if (file_exists(d.folder) && rmdir(d.folder) != 0) {
		error_set(&err, ERROR_USAGE, _("name another folder: altakt demo DIR"),
		    _("'%s' is there already"), d.folder);
		code = command_fail(&err);
		goto done;
	}
	printf(_("Drawing sample paper into %s/stack\n"), d.folder);
	fflush(stdout);
	if (!demo_draw(d.folder, &drawn, &err)) {
		code = command_fail(&err);
		goto done;
	}
	char counts[3][TEXT_COUNT];
	printf("%s, %s, %s\n", text_count(TEXT_FILES, drawn.files, counts[0]),
	    text_count(TEXT_SHEETS, drawn.sheets, counts[1]),
	    text_count(TEXT_COVERS, drawn.covers, counts[2]));
	if (!step(&d, &code, "init", NULL) || !step(&d, &code, "register", "import", list, NULL) ||
	    !step(&d, &code, "run", "--device", device, "--operator", "m.mustermann", NULL))
		goto done;
	if (!batch_find(&d, &err)) {
		code = command_fail(&err);
		goto done;
	}
	if (!step(&d, &code, "seen", d.batch, "--by", "l.beispiel", "--all", NULL) ||
	    !step(&d, &code, "accept", d.batch, "--by", "l.beispiel", NULL) ||
	    !step(&d, &code, "verify", NULL) || !step(&d, &code, "claim", NULL))
		goto done;
	code = table_print(&d, &drawn);
	printf(_("\nThe whole way took %ld s.\n"), (long)(time(NULL) - began));
done:
	free(device);
	free(list);
	free(d.folder);
	free(d.workspace);
	return code;
}

const struct command command_demo = {"demo", "[DIR]",
    N_("Makes sample paper and does the main job on it with the simulator."), run_demo};
