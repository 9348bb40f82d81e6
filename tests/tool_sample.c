/*
 * Draws sample paper for the end-to-end tests. Reads lines of fields with tabs between them:
 *
 *   page   OUT KIND SEED SKEW_DEG ROTATE_DEG FLAGS DPI WORDS
 *   cover  OUT NUMBER VOLUME SERIAL DPI
 *   torn   OUT NUMBER VOLUME SERIAL DPI     the codes and the number are torn off, the frame is
 * there
 *
 * KIND is letter, form, minutes, colour, photo, few or blank; FLAGS any of b (black background),
 * h (holes), s (show-through), n (noise), or -. The words that were drawn go to OUT.txt.
 */
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/cover.h"
#include "scan/sample.h"

static void fail(const char *what)
{
	fprintf(stderr, "tool_sample: %s\n", what);
	exit(1);
}

static enum sample_kind kind_of(const char *name)
{
	static const struct {
		const char *name;
		enum sample_kind kind;
	} kinds[] = {{"letter", SAMPLE_LETTER}, {"form", SAMPLE_FORM}, {"minutes", SAMPLE_MINUTES},
	    {"colour", SAMPLE_COLOUR}, {"photo", SAMPLE_PHOTO}, {"few", SAMPLE_FEW_WORDS},
	    {"blank", SAMPLE_BLANK}};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	fail("no such kind");
	return SAMPLE_BLANK;
}

static void image_write(const char *path, PIX *pix, int dpi)
{
	const char *dot = strrchr(path, '.');
	int bad;

	pixSetResolution(pix, dpi, dpi);
	if (dot && strcmp(dot, ".png") == 0)
		bad = pixWrite(path, pix, IFF_PNG);
	else if (dot && strcmp(dot, ".tif") == 0)
		bad = pixWrite(path, pix, IFF_TIFF_ZIP);
	else
		bad = pixWriteJpeg(path, pix, 90, 0);
	if (bad)
		fail("cannot write an image");
}

/* Everything but the frame at the paper's edge becomes white. */
static void tear(PIX *pix)
{
	int w = pixGetWidth(pix), h = pixGetHeight(pix);
	BOX *inside = boxCreate(w / 8, h / 10, w - w / 4, h - h / 5);

	pixSetInRect(pix, inside);
	boxDestroy(&inside);
}

int main(void)
{
	char line[4096];

	setMsgSeverity(L_SEVERITY_ERROR);
	while (fgets(line, sizeof line, stdin)) {
		char *fields[10] = {NULL}, *rest = line;
		struct error err = {0};
		PIX *pix = NULL;
		int n = 0;
		line[strcspn(line, "\n")] = '\0';
		while (n < 10 && (fields[n] = strsep(&rest, "\t")))
			n++;
		if (n >= 8 && strcmp(fields[0], "page") == 0) {
			struct sample_page page = {.kind = kind_of(fields[2]),
			    .seed = (uint32_t)strtoul(fields[3], NULL, 10),
			    .skew_deg = strtod(fields[4], NULL),
			    .rotate_deg = atoi(fields[5]),
			    .background_black = strchr(fields[6], 'b'),
			    .holes = strchr(fields[6], 'h'),
			    .show_through = strchr(fields[6], 's'),
			    .noise = strchr(fields[6], 'n'),
			    .dpi = atoi(fields[7]),
			    .words = n > 8 && fields[8][0] ? fields[8] : NULL};
			char *text = NULL, path[4200];
			if (!sample_draw(&page, &pix, &text, &err))
				fail(err.what);
			snprintf(path, sizeof path, "%s.txt", fields[1]);
			FILE *f = fopen(path, "w");
			if (!f || fputs(text ? text : "", f) < 0 || fclose(f) != 0)
				fail("cannot write the words");
			free(text);
			image_write(fields[1], pix, page.dpi);
		} else if (n == 6 &&
		    (strcmp(fields[0], "cover") == 0 || strcmp(fields[0], "torn") == 0)) {
			struct sample_page page = {.dpi = atoi(fields[5]), .skew_deg = 0.6};
			struct cover cover = {.volume = atoi(fields[3]), .prepared = -1};
			snprintf(cover.file_number, sizeof cover.file_number, "%s", fields[2]);
			snprintf(cover.serial, sizeof cover.serial, "%s", fields[4]);
			if (!sample_cover(&cover, &page, &pix, &err))
				fail(err.what);
			if (fields[0][0] == 't')
				tear(pix);
			image_write(fields[1], pix, page.dpi);
		} else {
			fail("a line that is neither a page nor a cover");
		}
		pixDestroy(&pix);
	}
	return 0;
}
