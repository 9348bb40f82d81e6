#include "scan/paper_page.h"
#include "tests/fuzz/fuzz_file.h"

/* The first two bytes choose mode, resolution and area; the rest is the image file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int resolutions[] = {300, 150, 200, 600};
	struct paper_page *page = NULL;
	struct paper_size size = {0};
	struct error err = {0};
	char path[64];

	if (n < 2)
		return 0;
	struct paper_settings settings = {
	    .mode = (enum paper_mode)(data[0] % 3),
	    .resolution_dpi = resolutions[data[0] >> 2 & 3],
	    .left_mm = data[1] & 1 ? 1 : 0,
	    .top_mm = data[1] & 2 ? 2 : 0,
	    .right_mm = data[1] & 4 ? 10 : 5080,
	    .bottom_mm = data[1] & 8 ? 10 : 5080,
	    .threshold = 128,
	    .assumed_dpi = 300,
	};
	int fd = fuzz_file(data + 2, n - 2, path);
	bool ok = paper_page_open(path, &settings, &page, &size, &err);
	if (ok) {
		uint8_t *line = malloc(size.line_bytes);
		if (!line || size.width_px <= 0 || size.height_px <= 0)
			abort();
		for (int y = 0; ok && y < size.height_px && y < 3000; y++)
			ok = paper_page_line(page, line, &err);
		free(line);
	}
	if (!ok && err.kind == ERROR_NONE)
		abort();
	paper_page_close(page);
	close(fd);
	return 0;
}
