/*
 * libsane-hostile.so.1, for tests: a scanner that lies. A device name is "hostile:" and words
 * separated by commas; without a word it behaves. Never installed; built beside the simulator, so
 * that paper_path_set() makes SANE find it.
 *
 * The page: byte i of line y of side s (0 front, 1 back) is hostile_byte(s, y, i).
 *
 *	sheets=N         in the feeder (default 2); -1: never ends
 *	w=N h=N          pixels announced (default 60 x 40); any number, INT_MAX and negative too
 *	bpl=N            bytes a line announced, whatever w says
 *	depth=N format=N announced as they are; format as SANE_Frame
 *	pad=N            N more bytes at each line's end than w needs (allowed)
 *	unknown          announces -1 lines (allowed)
 *	three-pass       red, green, blue frames one after the other (allowed)
 *	frames-forever   each frame is red, none is the last
 *	send=N           delivers N lines, whatever was announced; -1: endless
 *	tail=N           and N bytes of a further line
 *	step=N           at most N bytes a call (allowed)
 *	zero             sane_read() says GOOD with no bytes, for ever, after send lines
 *	too-long         says that it delivered more than there was room for
 *	negative         says that it delivered -5 bytes
 *	changing         every sane_get_parameters() announces another width
 *	changing-back    the back is wider than the front (allowed)
 *	start=N read=N   the status that sane_start(), sane_read() end with, after send
 *	                 lines; any number
 *	slow=N           each sane_read() takes N ms
 *	hang             sane_read() blocks until sane_cancel()
 *	hang-hard        sane_read() blocks, whatever is done, for 20 s
 *	options=empty    no option but their number
 *	options=null     descriptors that are NULL
 *	options=rubbish  nameless, of unknown type, without their lists, of negative size
 *	options=many     their number is a million, all but the first few NULL
 *	refuse=NAME      an option that cannot be set
 *	rounds           resolution becomes 99 when set
 */
#include <sane/sane.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/hostile.h"

enum { OPTION_NUM, OPTION_GROUP, OPTION_SOURCE, OPTION_MODE, OPTION_RESOLUTION, N_OPTIONS };

struct hostile {
	char words[512];
	SANE_Option_Descriptor options[N_OPTIONS];
	char mode[16];
	SANE_Word resolution;
	long n_sheets, sheet;
	int side, frame, n_asked;
	bool scanning, between; /* front done, back due */
	long line;
	size_t at;
	atomic_bool cancelled;
};

static const SANE_String_Const sources[] = {"ADF Front", "ADF Duplex", NULL};
static const SANE_String_Const modes[] = {"Lineart", "Gray", "Color", NULL};
static const SANE_Word resolutions[] = {3, 150, 300, 600};
static bool duplex = true;

/* The word's value, "" for a word alone, NULL where it is not there. Filled into buf. */
static const char *word(const struct hostile *h, const char *name, char buf[64])
{
	size_t n = strlen(name);

	for (const char *p = h->words; *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, name, n) != 0 || (p[n] && p[n] != ',' && p[n] != '='))
			continue;
		p += n + (p[n] == '=');
		snprintf(buf, 64, "%.*s", (int)strcspn(p, ","), p);
		return buf;
	}
	return NULL;
}

static bool has(const struct hostile *h, const char *name)
{
	char buf[64];

	return word(h, name, buf) != NULL;
}

static long number(const struct hostile *h, const char *name, long otherwise)
{
	char buf[64];
	const char *value = word(h, name, buf);

	return value && *value ? strtol(value, NULL, 10) : otherwise;
}

static void wait_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* --- what is announced --- */

static int channels(const struct hostile *h)
{
	return strcmp(h->mode, "Color") == 0 && !has(h, "three-pass") ? 3 : 1;
}

static int depth(const struct hostile *h)
{
	return strcmp(h->mode, "Lineart") == 0 ? 1 : 8;
}

static long width(const struct hostile *h)
{
	return number(h, "w", 60) + (h->side && has(h, "changing-back") ? 10 : 0);
}

static long line_bytes(const struct hostile *h)
{
	long w = width(h), n = depth(h) == 1 ? (w + 7) / 8 : w * channels(h);

	n = number(h, "bpl", n + number(h, "pad", 0));
	return n > INT_MAX ? INT_MAX : n;
}

static SANE_Parameters announced(struct hostile *h)
{
	SANE_Frame frame = channels(h) == 3 ? SANE_FRAME_RGB : SANE_FRAME_GRAY;
	bool last = true;
	long wider = has(h, "changing") ? 8L * h->n_asked++ : 0;

	if (has(h, "three-pass") || has(h, "frames-forever")) {
		bool forever = has(h, "frames-forever");
		frame = forever ? SANE_FRAME_RED : (SANE_Frame)(SANE_FRAME_RED + h->frame % 3);
		last = h->frame == 2 && !forever;
	}
	return (SANE_Parameters){
	    .format = (SANE_Frame)number(h, "format", (long)frame),
	    .last_frame = last,
	    .bytes_per_line = (SANE_Int)(line_bytes(h) + wider),
	    .pixels_per_line = (SANE_Int)(width(h) + wider),
	    .lines = has(h, "unknown") ? -1 : (SANE_Int)number(h, "h", 40),
	    .depth = (SANE_Int)number(h, "depth", depth(h)),
	};
}

/* --- options --- */

static void options_fill(struct hostile *h)
{
	SANE_Option_Descriptor *o = h->options;

	o[OPTION_NUM] = (SANE_Option_Descriptor){.name = "",
	    .title = "Number of options",
	    .desc = "",
	    .type = SANE_TYPE_INT,
	    .size = sizeof(SANE_Word),
	    .cap = SANE_CAP_SOFT_DETECT};
	o[OPTION_GROUP] = (SANE_Option_Descriptor){
	    .name = "", .title = "Scan", .desc = "", .type = SANE_TYPE_GROUP};
	o[OPTION_SOURCE] = (SANE_Option_Descriptor){.name = "source",
	    .title = "Source",
	    .desc = "",
	    .type = SANE_TYPE_STRING,
	    .size = 16,
	    .cap = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
	    .constraint_type = SANE_CONSTRAINT_STRING_LIST,
	    .constraint.string_list = sources};
	o[OPTION_MODE] = (SANE_Option_Descriptor){.name = "mode",
	    .title = "Mode",
	    .desc = "",
	    .type = SANE_TYPE_STRING,
	    .size = 16,
	    .cap = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
	    .constraint_type = SANE_CONSTRAINT_STRING_LIST,
	    .constraint.string_list = modes};
	o[OPTION_RESOLUTION] = (SANE_Option_Descriptor){.name = "resolution",
	    .title = "Resolution",
	    .desc = "",
	    .type = SANE_TYPE_INT,
	    .unit = SANE_UNIT_DPI,
	    .size = sizeof(SANE_Word),
	    .cap = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
	    .constraint_type = SANE_CONSTRAINT_WORD_LIST,
	    .constraint.word_list = resolutions};

	char buf[64];
	const char *how = word(h, "options", buf);
	if (how && strcmp(how, "rubbish") == 0) {
		o[OPTION_GROUP].title = NULL;
		o[OPTION_GROUP].name = NULL;
		o[OPTION_SOURCE].constraint.string_list = NULL;
		o[OPTION_MODE].type = (SANE_Value_Type)77;
		o[OPTION_MODE].size = -16;
		o[OPTION_RESOLUTION].name = NULL;
		o[OPTION_RESOLUTION].constraint.word_list = NULL;
	}
}

static SANE_Word option_count(const struct hostile *h)
{
	char buf[64];
	const char *how = word(h, "options", buf);

	if (how && strcmp(how, "empty") == 0)
		return 1;
	return how && strcmp(how, "many") == 0 ? 1000000 : N_OPTIONS;
}

const SANE_Option_Descriptor *sane_hostile_get_option_descriptor(
    SANE_Handle handle, SANE_Int option);
const SANE_Option_Descriptor *sane_hostile_get_option_descriptor(
    SANE_Handle handle, SANE_Int option)
{
	struct hostile *h = handle;
	char buf[64];
	const char *how = word(h, "options", buf);

	if (how && strcmp(how, "null") == 0 && option > 0)
		return NULL;
	if (option < 0 || option >= N_OPTIONS || option >= option_count(h))
		return NULL;
	return &h->options[option];
}

static SANE_Status option_set(struct hostile *h, SANE_Int option, void *value, SANE_Int *info)
{
	char buf[64];
	const char *refused = word(h, "refuse", buf);

	if (refused && h->options[option].name && strcmp(refused, h->options[option].name) == 0)
		return SANE_STATUS_INVAL;
	if (info)
		*info = SANE_INFO_RELOAD_PARAMS;
	if (option == OPTION_SOURCE)
		duplex = strcasecmp(value, "ADF Duplex") == 0;
	else if (option == OPTION_MODE)
		snprintf(h->mode, sizeof h->mode, "%s", (char *)value);
	else if (has(h, "rounds"))
		h->resolution = *(SANE_Word *)value = 99;
	else
		h->resolution = *(SANE_Word *)value;
	if (option == OPTION_RESOLUTION && has(h, "rounds") && info)
		*info |= SANE_INFO_INEXACT;
	return SANE_STATUS_GOOD;
}

SANE_Status sane_hostile_control_option(
    SANE_Handle handle, SANE_Int option, SANE_Action action, void *value, SANE_Int *info);
SANE_Status sane_hostile_control_option(
    SANE_Handle handle, SANE_Int option, SANE_Action action, void *value, SANE_Int *info)
{
	struct hostile *h = handle;

	if (info)
		*info = 0;
	if (option < 0 || option >= N_OPTIONS || option == OPTION_GROUP)
		return SANE_STATUS_INVAL;
	if (action == SANE_ACTION_SET_VALUE && option != OPTION_NUM)
		return option_set(h, option, value, info);
	if (action != SANE_ACTION_GET_VALUE)
		return SANE_STATUS_INVAL;
	switch (option) {
	case OPTION_NUM: *(SANE_Word *)value = option_count(h); break;
	case OPTION_SOURCE: strcpy(value, duplex ? "ADF Duplex" : "ADF Front"); break;
	case OPTION_MODE: strcpy(value, h->mode); break;
	default: *(SANE_Word *)value = h->resolution; break;
	}
	return SANE_STATUS_GOOD;
}

/* --- life --- */

SANE_Status sane_hostile_init(SANE_Int *version, SANE_Auth_Callback authorize);
SANE_Status sane_hostile_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	if (version)
		*version = SANE_VERSION_CODE(SANE_CURRENT_MAJOR, 0, 1);
	return SANE_STATUS_GOOD;
}

void sane_hostile_exit(void);
void sane_hostile_exit(void)
{
}

SANE_Status sane_hostile_get_devices(const SANE_Device ***list, SANE_Bool local_only);
SANE_Status sane_hostile_get_devices(const SANE_Device ***list, SANE_Bool local_only)
{
	static const SANE_Device *none[] = {NULL};

	*list = none;
	return SANE_STATUS_GOOD;
}

SANE_Status sane_hostile_open(SANE_String_Const name, SANE_Handle *handle);
SANE_Status sane_hostile_open(SANE_String_Const name, SANE_Handle *handle)
{
	struct hostile *h = calloc(1, sizeof *h);

	if (!h || strlen(name) >= sizeof h->words) {
		free(h);
		return SANE_STATUS_INVAL;
	}
	strcpy(h->words, name);
	strcpy(h->mode, "Gray");
	h->resolution = 300;
	h->n_sheets = number(h, "sheets", 2);
	duplex = true;
	options_fill(h);
	*handle = h;
	return SANE_STATUS_GOOD;
}

void sane_hostile_close(SANE_Handle handle);
void sane_hostile_close(SANE_Handle handle)
{
	free(handle);
}

/* --- scanning --- */

SANE_Status sane_hostile_get_parameters(SANE_Handle handle, SANE_Parameters *parameters);
SANE_Status sane_hostile_get_parameters(SANE_Handle handle, SANE_Parameters *parameters)
{
	*parameters = announced(handle);
	return SANE_STATUS_GOOD;
}

SANE_Status sane_hostile_start(SANE_Handle handle);
SANE_Status sane_hostile_start(SANE_Handle handle)
{
	struct hostile *h = handle;

	if (atomic_exchange(&h->cancelled, false)) {
		h->sheet += h->scanning || h->between || h->frame;
		h->scanning = h->between = false;
		h->frame = 0;
	}
	if (!h->between && h->frame == 0 && h->n_sheets >= 0 && h->sheet >= h->n_sheets)
		return SANE_STATUS_NO_DOCS;
	if (has(h, "start"))
		return (SANE_Status)number(h, "start", 0);
	if (h->frame == 0)
		h->side = h->between;
	h->scanning = true;
	h->line = 0;
	h->at = 0;
	return SANE_STATUS_GOOD;
}

/* The frame is over: the next one, the back, or the next sheet. */
static void frame_end(struct hostile *h)
{
	bool more = has(h, "frames-forever") || (has(h, "three-pass") && h->frame < 2);

	h->scanning = false;
	h->frame = more ? h->frame + 1 : 0;
	if (more)
		return;
	if (duplex && h->side == 0) {
		h->between = true;
	} else {
		h->between = false;
		h->sheet++;
	}
}

static SANE_Status sent_all(struct hostile *h, SANE_Int *length)
{
	*length = 0;
	if (has(h, "zero"))
		return SANE_STATUS_GOOD;
	if (has(h, "hang-hard"))
		wait_ms(20000);
	while (has(h, "hang") && !atomic_load(&h->cancelled))
		wait_ms(2);
	if (atomic_load(&h->cancelled))
		return SANE_STATUS_CANCELLED;
	frame_end(h);
	return has(h, "read") ? (SANE_Status)number(h, "read", 0) : SANE_STATUS_EOF;
}

SANE_Status sane_hostile_read(SANE_Handle handle, SANE_Byte *data, SANE_Int room, SANE_Int *length);
SANE_Status sane_hostile_read(SANE_Handle handle, SANE_Byte *data, SANE_Int room, SANE_Int *length)
{
	struct hostile *h = handle;
	long n_line = line_bytes(h), n_lines = number(h, "send", number(h, "h", 40));
	long tail = number(h, "tail", 0), step = number(h, "step", room), n = 0;

	*length = 0;
	if (!h->scanning)
		return SANE_STATUS_EOF;
	wait_ms(number(h, "slow", 0));
	if (n_line <= 0)
		n_line = 1;
	while (n < room && n < step) {
		long bytes = n_lines < 0 || h->line < n_lines ? n_line
		    : h->line == n_lines		      ? tail
							      : 0;
		if ((long)h->at >= bytes) {
			if (bytes < n_line)
				break;
			h->line++;
			h->at = 0;
			continue;
		}
		data[n++] = hostile_byte(h->side, h->line, (long)h->at++);
	}
	if (n == 0)
		return sent_all(h, length);
	*length = (SANE_Int)n;
	if (has(h, "too-long"))
		*length = room + 1000;
	if (has(h, "negative"))
		*length = -5;
	return SANE_STATUS_GOOD;
}

void sane_hostile_cancel(SANE_Handle handle);
void sane_hostile_cancel(SANE_Handle handle)
{
	struct hostile *h = handle;

	atomic_store(&h->cancelled, true);
}

SANE_Status sane_hostile_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking);
SANE_Status sane_hostile_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking)
{
	return non_blocking ? SANE_STATUS_UNSUPPORTED : SANE_STATUS_GOOD;
}

SANE_Status sane_hostile_get_select_fd(SANE_Handle handle, SANE_Int *fd);
SANE_Status sane_hostile_get_select_fd(SANE_Handle handle, SANE_Int *fd)
{
	return SANE_STATUS_UNSUPPORTED;
}
