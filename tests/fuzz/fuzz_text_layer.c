#include <string.h>

#include "batch/pdf_font.h"
#include "batch/pdf_text.h"
#include "ocr/alto.h"
#include "tests/fuzz/fuzz_file.h"

/* Any ALTO that parses becomes operators without NaN, infinity or a name that is not there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct alto_page page = {0};
	struct pdf_font *font;
	char *text = NULL;
	size_t n_text = 0;
	FILE *out;

	if (!alto_page_parse((const char *)data, n, &page, NULL))
		return 0;
	font = pdf_font_open();
	out = open_memstream(&text, &n_text);
	if (!font || !out)
		abort();
	pdf_text_put(out, &page, 595.0 / page.width_px, 842.0 / page.height_px, 842, font);
	fclose(out);
	if (strstr(text, "nan") || strstr(text, "inf") || strstr(text, "/F-1"))
		abort();
	free(text);
	pdf_font_close(font);
	alto_page_release(&page);
	return 0;
}
