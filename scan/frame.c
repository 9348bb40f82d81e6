#include "scan/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/text.h"

enum {
	LINE_MOST_BYTES = 64 << 20,
	WIDTH_MOST_PX = 1000000,
	HEIGHT_MOST_PX = 1000000,
	CHUNK_BYTES = 1 << 20,
};

struct frame {
	SANE_Parameters p;
	uint8_t *data;
	size_t room, n;
	int height_px; /* of what was received */
};

long long frame_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool wrong(const struct frame_source *source, const char *why, struct error *err)
{
	return error_set(err, ERROR_SETUP,
	    _("switch the scanner off and on, then go on with the first sheet not recorded; if it comes "
	      "again, try another mode or source"),
	    _("the device '%s' is at fault: %s"), source->device, why);
}

/* Bytes of a line that carry pixels. */
static size_t line_used(const SANE_Parameters *p)
{
	size_t w = (size_t)p->pixels_per_line;

	if (p->depth == 1)
		return (w + 7) / 8 * (p->format == SANE_FRAME_RGB ? 3 : 1);
	return w * (size_t)(p->depth / 8) * (p->format == SANE_FRAME_RGB ? 3 : 1);
}

static bool parameters_check(
    const struct frame_source *source, const SANE_Parameters *p, struct error *err)
{
	char why[160];

	if (p->format != SANE_FRAME_GRAY && p->format != SANE_FRAME_RGB &&
	    p->format != SANE_FRAME_RED && p->format != SANE_FRAME_GREEN &&
	    p->format != SANE_FRAME_BLUE) {
		snprintf(why, sizeof why, _("it announces frames of an unknown kind (%d)"),
		    (int)p->format);
		return wrong(source, why, err);
	}
	if (p->depth != 1 && p->depth != 8 && p->depth != 16) {
		snprintf(why, sizeof why, _("it announces %d bits for each sample"), p->depth);
		return wrong(source, why, err);
	}
	if (p->pixels_per_line <= 0 || p->pixels_per_line > WIDTH_MOST_PX ||
	    p->bytes_per_line <= 0 || p->bytes_per_line > LINE_MOST_BYTES ||
	    (size_t)p->bytes_per_line < line_used(p)) {
		snprintf(why, sizeof why, _("it announces lines of %d pixels in %d bytes"),
		    p->pixels_per_line, p->bytes_per_line);
		return wrong(source, why, err);
	}
	if (p->lines == 0 || p->lines < -1 || p->lines > HEIGHT_MOST_PX ||
	    (p->lines > 0 && (size_t)p->lines > FRAME_MOST_BYTES / (size_t)p->bytes_per_line)) {
		snprintf(why, sizeof why, _("it announces %d lines of %d bytes"), p->lines,
		    p->bytes_per_line);
		return wrong(source, why, err);
	}
	return true;
}

static bool room_make(struct frame *f, size_t wanted, struct error *err)
{
	if (wanted <= f->room)
		return true;
	size_t room =
	    f->p.lines > 0 ? (size_t)f->p.lines * (size_t)f->p.bytes_per_line : f->room * 2;
	if (room < wanted)
		room = wanted;
	if (room > FRAME_MOST_BYTES)
		room = FRAME_MOST_BYTES;
	uint8_t *data = realloc(f->data, room);
	if (!data)
		return error_set(err, ERROR_SYSTEM,
		    _("close other programs, or choose a smaller page or a lower resolution"),
		    _("no memory for an image of %zu bytes"), room);
	f->data = data;
	f->room = room;
	return true;
}

/* A backend that has nothing yet must not cost a whole core; the watchdog counts the time. */
static void wait_briefly(int empty)
{
	struct timespec t = {.tv_nsec = 2000000};

	if (empty > 16)
		nanosleep(&t, NULL);
}

/* Lines must stay as they were announced. (After the end backends may say anything.) */
static bool line_check(const struct frame_source *source, const struct frame *f, struct error *err)
{
	SANE_Parameters now = f->p;
	char why[160];

	if (sane_get_parameters(source->handle, &now) != SANE_STATUS_GOOD ||
	    (now.bytes_per_line == f->p.bytes_per_line &&
		now.pixels_per_line == f->p.pixels_per_line && now.depth == f->p.depth))
		return true;
	snprintf(why, sizeof why,
	    _("its lines changed from %d to %d bytes in the middle of the image"),
	    f->p.bytes_per_line, now.bytes_per_line);
	return wrong(source, why, err);
}

/* Reads one frame to its end. false with *status GOOD: err is set. */
static bool frame_read(
    const struct frame_source *source, struct frame *f, SANE_Status *status, struct error *err)
{
	int empty = 0;
	size_t most =
	    f->p.lines > 0 ? (size_t)f->p.lines * (size_t)f->p.bytes_per_line : FRAME_MOST_BYTES;

	for (;;) {
		size_t left = most - f->n;
		/* one byte more than announced may be asked for: to see that there is none */
		size_t want = left == 0 ? 1 : left < CHUNK_BYTES ? left : CHUNK_BYTES;
		uint8_t spare[1];
		SANE_Int got = 0;
		if (atomic_load(source->stop)) {
			*status = SANE_STATUS_CANCELLED;
			return false;
		}
		if (left > 0 && !room_make(f, f->n + want, err))
			return false;
		*status = sane_read(
		    source->handle, left == 0 ? spare : f->data + f->n, (SANE_Int)want, &got);
		if (*status == SANE_STATUS_EOF)
			break;
		if (*status != SANE_STATUS_GOOD)
			return false;
		if (got < 0 || (size_t)got > want)
			return wrong(
			    source, _("it says it delivered more than it was asked for"), err);
		if (got == 0) {
			wait_briefly(++empty);
			continue;
		}
		empty = 0;
		atomic_store(source->alive_ms, frame_now_ms());
		if (left == 0)
			return wrong(source,
			    f->p.lines > 0 ? _("it delivers more lines than it announced")
					   : _("its image has no end"),
			    err);
		bool first_half = f->n < most / 2;
		f->n += (size_t)got;
		if (first_half && f->n >= most / 2 && f->n < most && !line_check(source, f, err))
			return false;
		if (f->n / (size_t)f->p.bytes_per_line > HEIGHT_MOST_PX)
			return wrong(source, _("its image has no end"), err);
	}
	*status = SANE_STATUS_GOOD;
	return true;
}

/* Holds what was delivered against what is announced, before and after. */
static bool frame_check(const struct frame_source *source, struct frame *f, struct error *err)
{
	size_t line_bytes = (size_t)f->p.bytes_per_line;
	SANE_Parameters after = f->p;
	char why[160];

	if (f->n == 0)
		return wrong(source, _("it delivered an image without a line"), err);
	/* a backend that finds the end of the paper by itself knows the height only now */
	if (sane_get_parameters(source->handle, &after) != SANE_STATUS_GOOD)
		after = f->p;
	if (f->n % line_bytes != 0) {
		snprintf(why, sizeof why, _("%zu bytes are no whole number of lines of %zu bytes"),
		    f->n, line_bytes);
		return wrong(source, why, err);
	}
	f->height_px = (int)(f->n / line_bytes);
	if (f->p.lines > 0 && f->height_px != f->p.lines && f->height_px != after.lines) {
		snprintf(why, sizeof why, _("it announced %d lines and delivered %d"), f->p.lines,
		    f->height_px);
		return wrong(source, why, err);
	}
	return true;
}

static uint8_t bit_level(const uint8_t *line, int x, bool light)
{
	bool set = line[x / 8] & (0x80 >> (x % 8));

	return set == light ? 255 : 0;
}

/*
 * SANE standard 3.2.1: with depth 1 and three channels each byte holds eight pixels of one
 * channel, bytes of red, green and blue in turn; a set bit is full intensity there (and black only
 * where there is one channel). Raw images keep one bit only for lineart: this becomes 8 bits.
 */
static bool bits_widen(
    struct raw_image *image, const struct frame *planes, int n, struct error *err)
{
	size_t line_bytes = (size_t)image->width_px * 3;
	uint8_t *data = malloc(line_bytes * (size_t)image->height_px);

	if (!data)
		return error_errno(err, NULL, _("no memory for an image"));
	for (int y = 0; y < image->height_px; y++)
		for (int c = 0; c < 3; c++) {
			const struct frame *f = &planes[n == 3 ? c : 0];
			const uint8_t *line = f->data + (size_t)y * (size_t)f->p.bytes_per_line;
			uint8_t *to = data + (size_t)y * line_bytes + c;
			for (int x = 0; x < image->width_px; x++)
				to[3 * x] = n == 3 ? bit_level(line, x, true)
				    : line[x / 8 * 3 + c] & (0x80 >> (x % 8)) ? 255
									      : 0;
		}
	image->data = data;
	image->line_bytes = line_bytes;
	image->depth_bits = 8;
	return true;
}

static bool planes_join(struct raw_image *image, const struct frame *planes, struct error *err)
{
	size_t bytes = (size_t)image->depth_bits / 8,
	       line_bytes = (size_t)image->width_px * 3 * bytes;
	uint8_t *data = malloc(line_bytes * (size_t)image->height_px);

	if (!data)
		return error_errno(err, NULL, _("no memory for an image"));
	for (int y = 0; y < image->height_px; y++)
		for (int c = 0; c < 3; c++) {
			const uint8_t *from =
			    planes[c].data + (size_t)y * (size_t)planes[c].p.bytes_per_line;
			uint8_t *to = data + (size_t)y * line_bytes + (size_t)c * bytes;
			for (int x = 0; x < image->width_px; x++, to += 3 * bytes, from += bytes)
				memcpy(to, from, bytes);
		}
	image->data = data;
	image->line_bytes = line_bytes;
	return true;
}

static bool image_make(const struct frame_source *source, struct frame *planes, int n,
    struct raw_image *out, struct error *err)
{
	struct raw_image image = {.width_px = planes[0].p.pixels_per_line,
	    .height_px = planes[0].height_px,
	    .channels = n == 3 || planes[0].p.format == SANE_FRAME_RGB ? 3 : 1,
	    .depth_bits = planes[0].p.depth,
	    .dpi = source->dpi,
	    .line_bytes = (size_t)planes[0].p.bytes_per_line};

	if (image.channels == 3 && image.depth_bits == 1) {
		if (!bits_widen(&image, planes, n, err))
			return false;
	} else if (n == 3) {
		if (!planes_join(&image, planes, err))
			return false;
	} else {
		image.data = planes[0].data;
		planes[0].data = NULL;
		/* what was reserved for a height that nobody knew goes back */
		if (planes[0].room > planes[0].n + CHUNK_BYTES) {
			uint8_t *less = realloc(image.data, planes[0].n);
			if (less)
				image.data = less;
		}
	}
	raw_image_move(out, &image);
	return true;
}

static int plane_number(SANE_Frame format)
{
	return format == SANE_FRAME_RED	 ? 0
	    : format == SANE_FRAME_GREEN ? 1
	    : format == SANE_FRAME_BLUE	 ? 2
					 : -1;
}

bool frame_read_image(const struct frame_source *source, struct raw_image *out, SANE_Status *status,
    struct error *err)
{
	struct frame planes[3] = {0};
	int n_read = 0, n_wanted = 1;
	bool ok = false;

	for (;;) {
		SANE_Parameters p = {0};
		*status = sane_get_parameters(source->handle, &p);
		if (*status != SANE_STATUS_GOOD || !parameters_check(source, &p, err))
			goto done;
		int plane = plane_number(p.format);
		n_wanted = plane < 0 ? 1 : 3;
		if (plane < 0)
			plane = 0;
		if (planes[plane].data || (n_read > 0 && n_wanted == 1)) {
			wrong(source, _("it delivers the same colour twice"), err);
			goto done;
		}
		planes[plane].p = p;
		if (!frame_read(source, &planes[plane], status, err) ||
		    !frame_check(source, &planes[plane], err))
			goto done;
		if (++n_read == n_wanted)
			break;
		*status = sane_start(source->handle);
		if (*status != SANE_STATUS_GOOD)
			goto done;
		atomic_store(source->alive_ms, frame_now_ms());
	}
	for (int i = 1; i < n_wanted; i++)
		if (planes[i].p.pixels_per_line != planes[0].p.pixels_per_line ||
		    planes[i].height_px != planes[0].height_px ||
		    planes[i].p.depth != planes[0].p.depth) {
			wrong(source, _("its three passes differ in size"), err);
			goto done;
		}
	ok = image_make(source, planes, n_wanted, out, err);
done:
	for (int i = 0; i < 3; i++)
		free(planes[i].data);
	return ok;
}
