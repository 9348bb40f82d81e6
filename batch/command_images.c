/*
 * sheet images, sheet assign: what a device that removes blank sides delivered (--blanks-dropped)
 * becomes sheets by a person's word. Each word of assign is one sheet, in order, from the first
 * image that waits: "7" an image alone, "8+9" front and back, "10..14" five sheets of one image.
 */
#include "batch/commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "batch/feed.h"
#include "batch/waiting_image.h"
#include "config/file_number.h"
#include "config/text.h"

enum { SHEETS_MOST = 100000 };

struct words { /* of assign, as numbers of images for each sheet */
	int *sides;
	int n, next; /* next: the image that has to be named now */
};

static bool image_read(const char **at, long *number)
{
	char *end;

	*number = strtol(*at, &end, 10);
	if (end == *at || *number < 1 || *number > 100000000)
		return false;
	*at = end;
	return true;
}

/* False: it is no sheet of images, or not the one whose turn it is. */
static bool word_read(struct words *words, const char *word)
{
	long first, last;
	int sides = 1;

	if (!image_read(&word, &first) || first != words->next)
		return false;
	last = first;
	if (*word == '+') {
		word++;
		if (!image_read(&word, &last) || last != first + 1)
			return false;
		sides = 2;
	} else if (strncmp(word, "..", 2) == 0) {
		word += 2;
		if (!image_read(&word, &last) || last < first)
			return false;
	}
	long sheets = sides == 2 ? 1 : last - first + 1;
	if (*word || words->n + sheets > SHEETS_MOST)
		return false;
	for (long i = 0; i < sheets; i++)
		words->sides[words->n++] = sides;
	words->next = (int)last + 1;
	return true;
}

static void image_print(const json_t *e)
{
	const json_t *one = json_array_get(json_object_get(e, "images"), 0);
	const json_t *cover = json_object_get(e, "cover_read");
	const json_t *source = json_object_get(one, "source");

	printf("%lld  %s", (long long)json_integer_value(json_object_get(e, "image")),
	    json_string_value(json_object_get(one, "path")));
	if (source)
		printf("  %s [%lld]", json_string_value(json_object_get(source, "path")),
		    (long long)json_integer_value(json_object_get(source, "page")) + 1);
	if (cover)
		printf(_("  cover sheet of file %s"),
		    json_string_value(json_object_get(cover, "file_number")));
	else if (json_is_true(json_object_get(e, "unreadable")))
		printf("%s", _("  unreadable cover sheet"));
	printf("\n");
}

static int images_list(struct workspace *w, const char *name, bool json)
{
	struct batch b = {0};
	struct error err = {0};
	json_t *waiting = NULL, *e;
	size_t i;

	if (!batch_open(w, name, &b, &err) || !(waiting = waiting_images(&b, &err))) {
		batch_release(&b);
		return command_fail(&err);
	}
	if (json) {
		char *text = json_dumps(waiting, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		printf("%s\n", text ? text : "[]");
		free(text);
	} else {
		json_array_foreach(waiting, i, e) image_print(e);
		if (json_array_size(waiting) == 0)
			printf(_("%s: no image waits\n"), b.name);
	}
	json_decref(waiting);
	batch_release(&b);
	return EXIT_DONE;
}

static int images_assign(
    struct workspace *w, const struct feed_options *o, const char *const *args, int n, bool all)
{
	struct feed_result result = {0};
	struct words words = {.sides = calloc(SHEETS_MOST, sizeof *words.sides)};
	struct batch b = {0};
	struct error err = {0};
	int code = EXIT_DONE;

	if (!words.sides || !batch_open(w, o->batch, &b, &err)) {
		code = command_fail(&err);
		goto done;
	}
	words.next = b.tally.images_assigned + 1;
	int images = b.tally.images_taken - b.tally.images_assigned;
	for (int i = 0; i < n; i++) {
		if (word_read(&words, args[i]))
			continue;
		code = command_usage(&command_images,
		    _("'%s' is not the next sheet: image %d comes next, as %d (alone), %d+%d (front and back) or %d..%d"),
		    args[i], words.next, words.next, words.next, words.next + 1, words.next,
		    b.tally.images_taken);
		goto done;
	}
	for (int i = 0; all && i < images && words.n < SHEETS_MOST; i++)
		words.sides[words.n++] = 1;
	if (!waiting_image_assign(w, o, words.sides, words.n, &result, &err)) {
		code = command_fail(&err);
		goto done;
	}
	printf(PLURAL("%s: %d sheet\n", "%s: %d sheets\n", result.sheets), o->batch, result.sheets);
	if (result.end == FEED_DECIDE && result.why.kind) {
		code = command_fail(&result.why);
	} else if (result.suspects > 0) {
		fprintf(stderr,
		    PLURAL("%d sheet waits for a decision: 'altakt status' names it\n",
			"%d sheets wait for a decision: 'altakt status' names them\n",
			result.suspects),
		    result.suspects);
		code = EXIT_WAITING;
	}
done:
	free(words.sides);
	batch_release(&b);
	return code;
}

static int run_images(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *by = NULL, *file = NULL;
	bool json = false, single = false, assign = strcmp(argv[0], "assign") == 0;
	long volume = 1, sheets = -1;
	const struct option_spec options[] = {{"json", OPTION_FLAG, &json, NULL, N_("as JSON")},
	    {"by", OPTION_TEXT, &by, "NAME", N_("who decides")},
	    {"single", OPTION_FLAG, &single, NULL,
		N_("assign: each image that waits is one sheet, printed on one side")},
	    {"file", OPTION_TEXT, &file, N_("NO"),
		N_("file number for the sheets up to the first cover sheet")},
	    {"volume", OPTION_NUMBER, &volume, "V", N_("its volume, from 1")},
	    {"sheets", OPTION_NUMBER, &sheets, "N",
		N_("the operator's own count of the sheets of --file")},
	    {0}};
	struct workspace w = {0};
	struct error err = {0};
	int n, code;

	if (!options_read(&command_images, options, argc, argv, args, &n, &code))
		return code;
	if (n == 0 || (!assign && n > 1))
		return command_usage(&command_images, _("name one batch"));
	if (assign && (n > 1) == single)
		return command_usage(&command_images,
		    _("name the sheets by their images (1 2+3 4..9), or say --single"));
	if (volume < 1 || volume > 9999)
		return command_usage(&command_images, _("--volume is from 1 to 9999"));
	if (sheets >= 0 && !file)
		return command_usage(&command_images, _("--sheets goes with --file"));
	if (file && !file_number_check(file, &err)) {
		err.kind = ERROR_USAGE;
		return command_fail(&err);
	}
	if (!workspace_open(call->workspace, call->sets, &w, &err))
		return command_fail(&err);
	struct feed_options o = {.command = "altakt sheet assign",
	    .batch = args[0],
	    .operator_name = command_person(by, w.settings),
	    .file_number = file,
	    .volume = (int)volume,
	    .sheets = (int)sheets};
	code = assign ? images_assign(&w, &o, args + 1, n - 1, single)
		      : images_list(&w, args[0], json);
	workspace_close(&w);
	return code;
}

const struct command command_images = {"sheet",
    "images BATCH [--json] | assign BATCH 1 2+3 4..9 --by NAME",
    N_("Lists images that are of no sheet yet (--blanks-dropped), and makes sheets of them."),
    run_images};
