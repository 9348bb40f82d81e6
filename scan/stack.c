#include "scan/stack.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "config/text.h"

#define FED_LIMIT_BYTES (4u << 20)
#define IMAGES_LIMIT	2000000
#define FAULTS_LIMIT	10000
#define RUNS_LIMIT	20000
#define FED_HEAD	"altakt-fed/1"
#define INI_LIMIT_BYTES (16u << 20)

/* Sheets in the tray, oldest first, packed: "40 sheets of 2 images, then 4 of 1". */
struct run {
	long n_sheets;
	int n_images;
};

struct stack {
	char *folder;
	int fd; /* of the folder: carries the lock */
	int n_sides;
	char **names;
	long n_names;
	char *lent;

	double speed;
	int dpi;
	struct stack_fault *faults;
	long n_faults;

	long position; /* images that are no longer at the front */
	long feeds;
	bool double_fed;
	bool imprinter;
	long imprint_next;
	long imprint_last; /* 0: nothing was printed */
	struct run *runs;
	long n_runs;
};

static const struct {
	const char *name;
	enum fault_kind kind;
	bool at_open; /* makes sense for sane_open() */
} fault_names[] = {
    {"jam", FAULT_JAM, false},
    {"cover-open", FAULT_COVER_OPEN, true},
    {"io-error", FAULT_IO_ERROR, true},
    {"no-docs", FAULT_NO_DOCS, false},
    {"busy", FAULT_BUSY, true},
    {"no-mem", FAULT_NO_MEM, true},
    {"access-denied", FAULT_ACCESS_DENIED, true},
    {"cancelled", FAULT_CANCELLED, false},
    {"inval", FAULT_INVAL, true},
    {"disconnect", FAULT_DISCONNECT, false},
    {"hang", FAULT_HANG, false},
    {"double-feed", FAULT_DOUBLE_FEED, false},
};

/* --- the folder --- */

static bool is_image_name(const char *name)
{
	static const char *const endings[] = {".jpg", ".jpeg", ".png", ".tif", ".tiff"};
	const char *dot = strrchr(name, '.');

	if (name[0] == '.' || !dot)
		return false;
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		if (strcasecmp(dot, endings[i]) == 0)
			return true;
	return false;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_release(char **names, long n)
{
	for (long i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

bool stack_look(struct stack *stack, struct error *err)
{
	char **names = NULL;
	long n = 0, room = 0;
	bool ok = false;
	struct dirent *entry;
	DIR *dir = opendir(stack->folder);

	if (!dir)
		return error_errno(err, NULL, _("cannot read the stack '%s'"), stack->folder);
	while (errno = 0, (entry = readdir(dir))) {
		if (!is_image_name(entry->d_name))
			continue;
		if (n == IMAGES_LIMIT) {
			error_set(err, ERROR_SETUP, NULL,
			    _("the stack '%s' has more than %d images"), stack->folder,
			    IMAGES_LIMIT);
			goto done;
		}
		if (n == room) {
			long more = room ? room * 2 : 256;
			char **grown = realloc(names, (size_t)more * sizeof *names);
			if (!grown) {
				error_errno(err, NULL, _("cannot list the stack"));
				goto done;
			}
			names = grown;
			room = more;
		}
		names[n] = strdup(entry->d_name);
		if (!names[n]) {
			error_errno(err, NULL, _("cannot list the stack"));
			goto done;
		}
		n++;
	}
	if (errno) {
		error_errno(err, NULL, _("cannot read the stack '%s'"), stack->folder);
		goto done;
	}
	if (n > 0)
		qsort(names, (size_t)n, sizeof *names, name_compare);
	names_release(stack->names, stack->n_names);
	stack->names = names;
	stack->n_names = n;
	names = NULL;
	n = 0;
	ok = true;
done:
	closedir(dir);
	names_release(names, n);
	return ok;
}

/* --- stack.ini --- */

struct ini_reading {
	struct stack *stack;
	struct error *err;
	bool failed;
	bool known_section;
	long sheet; /* of the section; 0 [open], -1 [stack] */
	char section[128];
};

static bool long_parse(const char *text, long low, long high, long *out)
{
	char *end;

	errno = 0;
	long v = strtol(text, &end, 10);
	if (errno || end == text || *end || v < low || v > high)
		return false;
	*out = v;
	return true;
}

static bool bool_parse(const char *text, bool *out)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*out = i & 1;
			return true;
		}
	return false;
}

static int ini_fail(struct ini_reading *in, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

static int ini_fail(struct ini_reading *in, const char *what, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, what);
	vsnprintf(text, sizeof text, what, ap);
	va_end(ap);
	if (!in->failed)
		error_set(in->err, ERROR_SETUP, _("correct the stack's stack.ini"), "%s", text);
	in->failed = true;
	return 0;
}

static int ini_stack_key(struct ini_reading *in, const char *key, const char *value)
{
	long v;

	if (strcmp(key, "speed") == 0) {
		if (!long_parse(value, 0, 100000, &v))
			return ini_fail(
			    in, _("speed '%s' is not 0 to 100000 sheets a minute"), value);
		in->stack->speed = (double)v;
	} else if (strcmp(key, "dpi") == 0) {
		if (!long_parse(value, 20, 9600, &v))
			return ini_fail(in, _("dpi '%s' is not 20 to 9600"), value);
		in->stack->dpi = (int)v;
	} else {
		return ini_fail(in, _("unknown key '%s'"), key);
	}
	return 1;
}

static int ini_fault_begin(struct ini_reading *in, const char *name)
{
	struct stack *stack = in->stack;
	size_t i = 0;

	while (
	    i < sizeof fault_names / sizeof *fault_names && strcmp(fault_names[i].name, name) != 0)
		i++;
	if (i == sizeof fault_names / sizeof *fault_names)
		return ini_fail(in, _("unknown fault '%s'"), name);
	if (in->sheet == 0 && !fault_names[i].at_open)
		return ini_fail(in, _("fault '%s' does not happen at [open]"), name);
	if (stack->n_faults == FAULTS_LIMIT)
		return ini_fail(in, _("too many faults, at '%s'"), name);

	struct stack_fault *grown =
	    realloc(stack->faults, (size_t)(stack->n_faults + 1) * sizeof *grown);
	if (!grown)
		return ini_fail(in, _("no memory for fault '%s'"), name);
	stack->faults = grown;
	int nth = 1;
	for (long k = 0; k < stack->n_faults; k++)
		if (grown[k].sheet == in->sheet)
			nth++;
	grown[stack->n_faults++] = (struct stack_fault){
	    .kind = fault_names[i].kind,
	    .sheet = in->sheet,
	    .nth = nth,
	    .times = 1,
	    .side = STACK_FRONT,
	    .after_lines = -1,
	    .detect = true,
	};
	return 1;
}

static int ini_fault_key(struct ini_reading *in, const char *key, const char *value)
{
	struct stack *stack = in->stack;

	if (strcmp(key, "fault") == 0)
		return ini_fault_begin(in, value);
	struct stack_fault *fault = stack->n_faults ? &stack->faults[stack->n_faults - 1] : NULL;
	if (!fault || fault->sheet != in->sheet)
		return ini_fail(in, _("'%s' comes before any fault"), key);

	if (strcmp(key, "times") == 0) {
		if (strcmp(value, "always") == 0)
			fault->times = 0;
		else if (!long_parse(value, 1, LONG_MAX, &fault->times))
			return ini_fail(in, _("times '%s' is not 1 or more, or always"), value);
	} else if (strcmp(key, "detect") == 0) {
		if (!bool_parse(value, &fault->detect))
			return ini_fail(in, _("detect '%s' is not yes or no"), value);
	} else if (strcmp(key, "side") == 0 && in->sheet > 0) {
		if (strcmp(value, "back") != 0 && strcmp(value, "front") != 0)
			return ini_fail(in, _("side '%s' is not front or back"), value);
		fault->side = strcmp(value, "back") == 0 ? STACK_BACK : STACK_FRONT;
	} else if (strcmp(key, "after_lines") == 0 && in->sheet > 0) {
		if (!long_parse(value, 0, INT_MAX, &fault->after_lines))
			return ini_fail(in, _("after_lines '%s' is not 0 or more"), value);
	} else {
		return ini_fail(in, _("unknown key '%s'"), key);
	}
	return 1;
}

static void ini_section(struct ini_reading *in, const char *section)
{
	snprintf(in->section, sizeof in->section, "%s", section);
	in->known_section = true;
	if (strcmp(section, "stack") == 0)
		in->sheet = -1;
	else if (strcmp(section, "open") == 0)
		in->sheet = 0;
	else if (strncmp(section, "sheet ", 6) != 0 ||
	    !long_parse(section + 6, 1, LONG_MAX, &in->sheet))
		in->known_section = false;
}

static int ini_line(void *self, const char *section, const char *key, const char *value)
{
	struct ini_reading *in = self;

	if (in->failed)
		return 0;
	if (strcmp(in->section, section) != 0 || !*section)
		ini_section(in, section);
	if (!in->known_section)
		return ini_fail(in, _("unknown section '[%s]'"), section);
	return in->sheet < 0 ? ini_stack_key(in, key, value) : ini_fault_key(in, key, value);
}

static bool ini_read(struct stack *stack, struct error *err)
{
	struct error here = {0};
	struct ini_reading in = {.stack = stack, .err = &here};
	char *path = file_path("%s/stack.ini", stack->folder);
	bool ok = false;

	int64_t n_bytes = file_size_bytes(path);
	if (n_bytes < 0) {
		ok = true;
		goto done;
	}
	if (n_bytes > INI_LIMIT_BYTES) {
		error_set(err, ERROR_SETUP, NULL, _("'%s' is too large"), path);
		goto done;
	}
	int line = ini_parse(path, ini_line, &in);
	if (line < 0) {
		error_errno(err, NULL, _("cannot read '%s'"), path);
	} else if (line > 0 || in.failed) {
		error_set(err, ERROR_SETUP, here.todo[0] ? here.todo : NULL, "stack.ini:%d: %s",
		    line, in.failed ? here.what : _("not a key = value"));
		error_where(err, "%s", stack->folder);
	} else {
		ok = true;
	}
done:
	free(path);
	return ok;
}

/* --- .fed --- */

static struct stack_fault *fault_find(const struct stack *stack, long sheet, long nth)
{
	for (long i = 0; i < stack->n_faults; i++)
		if (stack->faults[i].sheet == sheet && stack->faults[i].nth == nth)
			return &stack->faults[i];
	return NULL;
}

static bool run_push(struct stack *stack, long n_sheets, int n_images)
{
	if (stack->n_runs > 0 && stack->runs[stack->n_runs - 1].n_images == n_images) {
		stack->runs[stack->n_runs - 1].n_sheets += n_sheets;
		return true;
	}
	if (stack->n_runs == RUNS_LIMIT) { /* the bottom of the tray is forgotten */
		memmove(stack->runs, stack->runs + 1, (RUNS_LIMIT - 1) * sizeof *stack->runs);
		stack->n_runs--;
	}
	struct run *grown = realloc(stack->runs, (size_t)(stack->n_runs + 1) * sizeof *grown);
	if (!grown)
		return false;
	stack->runs = grown;
	grown[stack->n_runs++] = (struct run){n_sheets, n_images};
	return true;
}

/* Sums of a few of these stay far from the end of a long. */
static bool number_good(long v)
{
	return v >= 0 && v <= 1000000000;
}

static bool fed_line(struct stack *stack, const char *line)
{
	long v[3] = {0};
	int end = 0;

	if (sscanf(line, "images %ld%n", &v[0], &end) == 1 && !line[end] && number_good(v[0])) {
		stack->position = v[0];
	} else if (sscanf(line, "feeds %ld%n", &v[0], &end) == 1 && !line[end] &&
	    number_good(v[0])) {
		stack->feeds = v[0];
	} else if (sscanf(line, "tray %ld sheets of %ld%n", &v[0], &v[1], &end) == 2 &&
	    !line[end] && v[0] > 0 && number_good(v[0]) && (v[1] == 1 || v[1] == 2)) {
		return run_push(stack, v[0], (int)v[1]);
	} else if (sscanf(line, "fired %ld.%ld %ld%n", &v[0], &v[1], &v[2], &end) == 3 &&
	    !line[end] && number_good(v[2])) {
		struct stack_fault *fault = fault_find(stack, v[0], v[1]);
		if (fault) /* one that left stack.ini is forgotten */
			fault->fired = v[2];
	} else if (sscanf(line, "imprint %ld next %ld%n", &v[0], &v[1], &end) == 2 && !line[end] &&
	    number_good(v[0]) && number_good(v[1])) {
		stack->imprint_last = v[0];
		stack->imprint_next = v[1];
	} else if (strcmp(line, "double-fed") == 0) {
		stack->double_fed = true;
	} else {
		return false;
	}
	return true;
}

static bool fed_read(struct stack *stack, struct error *err)
{
	char *path = file_path("%s/.fed", stack->folder);
	char *text = NULL, *rest = NULL;
	size_t n_bytes = 0;
	bool ok = false;

	if (!file_exists(path)) {
		ok = true;
		goto done;
	}
	text = file_read(path, FED_LIMIT_BYTES, &n_bytes, err);
	if (!text)
		goto done;
	char *line = strtok_r(text, "\n", &rest);
	bool good = strlen(text) <= n_bytes && line && strcmp(line, FED_HEAD) == 0;
	while (good && (line = strtok_r(NULL, "\n", &rest)))
		good = fed_line(stack, line);
	if (!good) {
		error_set(err, ERROR_SETUP, _("delete it to lay the stack anew"),
		    _("'%s' is damaged"), path);
		goto done;
	}
	ok = true;
done:
	free(text);
	free(path);
	return ok;
}

static bool fed_write(const struct stack *stack, struct error *err)
{
	char *path = file_path("%s/.fed", stack->folder);
	char *part = file_path("%s/.fed.part", stack->folder);
	bool ok = false;

	FILE *f = fopen(part, "we");
	if (!f)
		goto done;
	fprintf(f, "%s\nimages %ld\nfeeds %ld\n", FED_HEAD, stack->position, stack->feeds);
	for (long i = 0; i < stack->n_runs; i++)
		fprintf(
		    f, "tray %ld sheets of %d\n", stack->runs[i].n_sheets, stack->runs[i].n_images);
	if (stack->double_fed)
		fputs("double-fed\n", f);
	if (stack->imprint_next != 1 || stack->imprint_last != 0)
		fprintf(f, "imprint %ld next %ld\n", stack->imprint_last, stack->imprint_next);
	for (long i = 0; i < stack->n_faults; i++)
		if (stack->faults[i].fired > 0)
			fprintf(f, "fired %ld.%d %ld\n", stack->faults[i].sheet,
			    stack->faults[i].nth, stack->faults[i].fired);
	bool written = !ferror(f);
	if (fclose(f) != 0)
		written = false;
	ok = written && rename(part, path) == 0;
done:
	if (!ok)
		error_errno(
		    err, _("the stack's folder must be writable"), _("cannot write '%s'"), path);
	free(part);
	free(path);
	return ok;
}

/* --- life --- */

bool stack_open(const char *folder, struct stack **out, struct error *err)
{
	struct stack *stack = calloc(1, sizeof *stack);
	bool ok = false;

	if (!stack)
		return error_errno(err, NULL, _("cannot open the stack"));
	stack->fd = -1;
	stack->n_sides = 1;
	stack->imprint_next = 1;
	stack->dpi = 300;
	stack->folder = file_path("%s", folder);
	stack->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stack->fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			error_set(err, ERROR_SETUP, _("name a folder with one image for each side"),
			    _("there is no stack '%s'"), folder);
		else
			error_errno(err, NULL, _("cannot open the stack '%s'"), folder);
		goto done;
	}
	if (flock(stack->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			error_set(err, ERROR_BUSY, NULL, _("the stack '%s' is in use"), folder);
		else
			error_errno(err, NULL, _("cannot lock the stack '%s'"), folder);
		goto done;
	}
	if (faccessat(stack->fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
		error_errno(err, _("the backend keeps the stack's position in it"),
		    _("cannot write into the stack '%s'"), folder);
		goto done;
	}
	if (!stack_look(stack, err) || !ini_read(stack, err) || !fed_read(stack, err))
		goto done;
	*out = stack;
	stack = NULL;
	ok = true;
done:
	stack_close(stack);
	return ok;
}

void stack_close(struct stack *stack)
{
	if (!stack)
		return;
	if (stack->fd >= 0)
		close(stack->fd);
	names_release(stack->names, stack->n_names);
	free(stack->lent);
	free(stack->faults);
	free(stack->runs);
	free(stack->folder);
	free(stack);
}

/* --- the sheet at the front --- */

void stack_set_sides(struct stack *stack, int n_sides)
{
	stack->n_sides = n_sides == 2 ? 2 : 1;
}

double stack_speed(const struct stack *stack)
{
	return stack->speed;
}

int stack_dpi(const struct stack *stack)
{
	return stack->dpi;
}

bool stack_loaded(const struct stack *stack)
{
	return stack->position < stack->n_names;
}

long stack_sheet(const struct stack *stack)
{
	return stack->position / stack->n_sides + 1;
}

long stack_feed_count(const struct stack *stack)
{
	return stack->feeds;
}

long stack_in_tray(const struct stack *stack)
{
	long n = 0;

	for (long i = 0; i < stack->n_runs; i++)
		n += stack->runs[i].n_sheets;
	return n;
}

const char *stack_image(struct stack *stack, enum stack_side side)
{
	long i = stack->position + (side == STACK_BACK);

	if ((side == STACK_BACK && stack->n_sides < 2) || i >= stack->n_names)
		return NULL;
	free(stack->lent);
	stack->lent = file_path("%s/%s", stack->folder, stack->names[i]);
	return stack->lent;
}

static bool fault_waits(const struct stack_fault *fault, long sheet)
{
	return fault->sheet == sheet && (fault->times == 0 || fault->fired < fault->times);
}

struct stack_fault *stack_fault_before(struct stack *stack, enum stack_side side)
{
	long sheet = stack_sheet(stack);

	for (long i = 0; i < stack->n_faults; i++) {
		struct stack_fault *fault = &stack->faults[i];
		if (fault_waits(fault, sheet) && fault->kind != FAULT_DOUBLE_FEED &&
		    fault->side == side && fault->after_lines < 0)
			return fault;
	}
	return NULL;
}

struct stack_fault *stack_fault_within(struct stack *stack, enum stack_side side)
{
	struct stack_fault *first = NULL;
	long sheet = stack_sheet(stack);

	for (long i = 0; i < stack->n_faults; i++) {
		struct stack_fault *fault = &stack->faults[i];
		if (fault_waits(fault, sheet) && fault->kind != FAULT_DOUBLE_FEED &&
		    fault->side == side && fault->after_lines >= 0 &&
		    (!first || fault->after_lines < first->after_lines))
			first = fault;
	}
	return first;
}

struct stack_fault *stack_fault_open(struct stack *stack)
{
	for (long i = 0; i < stack->n_faults; i++)
		if (fault_waits(&stack->faults[i], 0))
			return &stack->faults[i];
	return NULL;
}

bool stack_fault_fire(struct stack *stack, struct stack_fault *fault, struct error *err)
{
	fault->fired++;
	if (fed_write(stack, err))
		return true;
	fault->fired--;
	return false;
}

static struct stack_fault *double_feed_due(struct stack *stack)
{
	for (long i = 0; i < stack->n_faults; i++)
		if (stack->faults[i].kind == FAULT_DOUBLE_FEED &&
		    fault_waits(&stack->faults[i], stack_sheet(stack)))
			return &stack->faults[i];
	return NULL;
}

static int sheet_images(const struct stack *stack, long position)
{
	long left = stack->n_names - position;

	return left < stack->n_sides ? (int)left : stack->n_sides;
}

bool stack_sheet_through(struct stack *stack, bool detection, struct error *err)
{
	if (!stack_loaded(stack))
		return true;

	int n_images = sheet_images(stack, stack->position);
	int n_second = 0;
	struct stack_fault *fault = double_feed_due(stack);
	if (fault)
		n_second = sheet_images(stack, stack->position + n_images);
	if (n_second == 0)
		fault = NULL; /* the last sheet takes none along */

	/* Room first, so that what was before can be had back. */
	struct run *runs_before = calloc((size_t)stack->n_runs + 1, sizeof *runs_before);
	if (!runs_before)
		return error_errno(err, NULL, _("cannot move the stack"));
	long n_runs_before = stack->n_runs, position_before = stack->position;
	bool double_before = stack->double_fed;
	long last_before = stack->imprint_last, next_before = stack->imprint_next;
	if (n_runs_before > 0)
		memcpy(runs_before, stack->runs, (size_t)n_runs_before * sizeof *runs_before);

	bool ok = run_push(stack, 1, n_images) && (!fault || run_push(stack, 1, n_second));
	stack->position += n_images + n_second;
	stack->feeds++;
	if (stack->imprinter)
		stack->imprint_last = stack->imprint_next++;
	if (fault) {
		fault->fired++;
		if (detection && fault->detect)
			stack->double_fed = true;
	}
	if (!ok)
		error_errno(err, NULL, _("cannot move the stack"));
	else
		ok = fed_write(stack, err);
	if (!ok) {
		free(stack->runs);
		stack->runs = runs_before;
		runs_before = NULL;
		stack->n_runs = n_runs_before;
		stack->position = position_before;
		stack->feeds--;
		stack->double_fed = double_before;
		stack->imprint_last = last_before;
		stack->imprint_next = next_before;
		if (fault)
			fault->fired--;
	}
	free(runs_before);
	return ok;
}

bool stack_double_fed(const struct stack *stack)
{
	return stack->double_fed;
}

bool stack_double_clear(struct stack *stack, struct error *err)
{
	stack->double_fed = false;
	if (fed_write(stack, err))
		return true;
	stack->double_fed = true;
	return false;
}

void stack_set_imprinter(struct stack *stack, bool on)
{
	stack->imprinter = on;
}

long stack_imprint(const struct stack *stack)
{
	return stack->imprint_last;
}

long stack_imprint_next(const struct stack *stack)
{
	return stack->imprint_next;
}

bool stack_imprint_set(struct stack *stack, long next, struct error *err)
{
	long before = stack->imprint_next;

	stack->imprint_next = next;
	if (fed_write(stack, err))
		return true;
	stack->imprint_next = before;
	return false;
}

bool stack_put_back(struct stack *stack, long n_sheets, long *n_back, struct error *err)
{
	struct run *before = calloc((size_t)stack->n_runs + 1, sizeof *before);
	long n_runs_before = stack->n_runs, position_before = stack->position, n = 0;

	if (!before)
		return error_errno(err, NULL, _("cannot move the stack"));
	if (n_runs_before > 0)
		memcpy(before, stack->runs, (size_t)n_runs_before * sizeof *before);
	while (n < n_sheets && stack->n_runs > 0) {
		struct run *last = &stack->runs[stack->n_runs - 1];
		long k = n_sheets - n < last->n_sheets ? n_sheets - n : last->n_sheets;
		n += k;
		stack->position -= k * last->n_images;
		last->n_sheets -= k;
		if (last->n_sheets == 0)
			stack->n_runs--;
	}
	if (stack->position < 0)
		stack->position = 0;
	bool ok = n == 0 || fed_write(stack, err);
	if (ok) {
		*n_back = n;
	} else {
		free(stack->runs);
		stack->runs = before;
		before = NULL;
		stack->n_runs = n_runs_before;
		stack->position = position_before;
	}
	free(before);
	return ok;
}
