/*
 * What the bench compares with: a bare loop around Tesseract's C API, as anybody would write it
 * (read, pixFindSkew, rotate, grey at 300 dpi, recognise), and the judge of texts.
 *
 *	ocr_bare read OUT LANGUAGES IMAGE…   OUT/<n>.txt for each image
 *	ocr_bare score REFERENCE TEXT        prints wrong characters, all of them, and the text
 */
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "config/file.h"
#include "tests/bench/score.h"

static PIX *prepare(const char *path)
{
	PIX *raw = pixRead(path), *grey = NULL, *bits = NULL, *straight = NULL;
	l_float32 angle = 0, confidence = 0;

	if (!raw)
		return NULL;
	grey = pixGetDepth(raw) == 1 ? pixClone(raw) : pixConvertTo8(raw, 0);
	bits = pixGetDepth(grey) == 1 ? pixClone(grey) : pixThresholdToBinary(grey, 130);
	if (pixFindSkew(bits, &angle, &confidence) == 0 && confidence > 3)
		straight = pixRotate(grey, angle * 3.14159265f / 180,
		    pixGetDepth(grey) == 1 ? L_ROTATE_SAMPLING : L_ROTATE_AREA_MAP,
		    L_BRING_IN_WHITE, 0, 0);
	else
		straight = pixClone(grey);
	pixDestroy(&raw);
	pixDestroy(&grey);
	pixDestroy(&bits);
	return straight;
}

static int read_all(const char *folder, const char *languages, int n, char **images)
{
	TessBaseAPI *api = TessBaseAPICreate();

	if (TessBaseAPIInit3(api, NULL, languages) != 0)
		return 1;
	for (int i = 0; i < n; i++) {
		const char *name =
		    strrchr(images[i], '/') ? strrchr(images[i], '/') + 1 : images[i];
		char *path = file_path("%s/%.*s.txt", folder, (int)strcspn(name, "."), name);
		PIX *pix = prepare(images[i]);

		if (!pix)
			return 1;
		TessBaseAPISetImage2(api, pix);
		TessBaseAPISetSourceResolution(api, 300);
		char *text = TessBaseAPIGetUTF8Text(api);
		if (!text || !file_write(path, text, strlen(text), NULL))
			return 1;
		TessDeleteText(text);
		pixDestroy(&pix);
		free(path);
	}
	TessBaseAPIEnd(api);
	TessBaseAPIDelete(api);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[1], "read") == 0)
		return read_all(argv[2], argv[3], argc - 4, argv + 4);
	if (argc == 4 && strcmp(argv[1], "score") == 0) {
		size_t n;
		char *reference = file_read(argv[2], 1 << 20, &n, NULL),
		     *text = file_read(argv[3], 4 << 20, &n, NULL);
		int characters = 0;

		if (!reference || !text)
			return 1;
		if (strstr(argv[3], ".xml")) {
			char *words = alto_words(text);

			free(text);
			text = words;
		}
		int wrong = characters_wrong(reference, text, &characters);
		printf("%d %d\n%s\n", wrong, characters, text);
		free(reference);
		free(text);
		return 0;
	}
	fprintf(stderr, "usage: ocr_bare read OUT LANGUAGES IMAGE... | score REFERENCE TEXT\n");
	return 2;
}
