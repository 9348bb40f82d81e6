/*
 * One side of a sheet as the simulator's sensor sees it: an image file, cut to the scan area,
 * brought to the scan's resolution and mode, line by line.
 *
 * The page ends where the paper ends: an area that is larger is cut to it, so that the largest
 * area delivers every pixel of the file. At the file's own resolution (rounded to whole dpi)
 * pixels are passed through as they are; else each is the average of what it covers (box filter).
 */
#ifndef ALTAKT_SCAN_PAPER_PAGE_H
#define ALTAKT_SCAN_PAPER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/error.h"

enum paper_mode {
	PAPER_LINEART, /* 1 bit, 1 is black, MSB first, spare bits 0 */
	PAPER_GRAY,
	PAPER_COLOR,
};

struct paper_settings {
	enum paper_mode mode;
	int resolution_dpi;
	double left_mm, top_mm, right_mm, bottom_mm;
	int threshold;	 /* lineart: below is black, 0..255 */
	int assumed_dpi; /* of a file that does not say, or says nonsense */
};

struct paper_page;

struct paper_size {
	int width_px, height_px;
	size_t line_bytes;
	int original_dpi;	    /* of the file, horizontally */
	double width_mm, height_mm; /* of the paper */
};

/*
 * Opens a page; size is filled. ERROR_INPUT: the file is none that can be scanned, or the page
 * would have more than PAPER_LIMIT_PIXELS. ERROR_SETUP: the scan area lies beside the paper.
 * ERROR_SYSTEM: memory, disk.
 */
bool paper_page_open(const char *path, const struct paper_settings *settings,
    struct paper_page **out, struct paper_size *size, struct error *err);

/* Fills the next line_bytes bytes; at most height_px times. ERROR_INPUT, ERROR_SYSTEM. */
bool paper_page_line(struct paper_page *page, uint8_t *line, struct error *err);

void paper_page_close(struct paper_page *page); /* accepts NULL */

#endif
