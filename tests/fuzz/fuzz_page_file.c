#include "batch/page_file.h"
#include "tests/fuzz/fuzz_file.h"

/* Whatever is read must be a page that can be written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct encoded_page page = {0};
	struct error err = {0};
	char path[64];
	int fd = fuzz_file(data, n, path);

	if (page_file_read(path, &page, &err)) {
		for (int i = 0; i < page.n_layers; i++)
			if (!page.layers[i].data || page.layers[i].n_bytes == 0)
				abort();
	} else if (err.kind != ERROR_INPUT || page.layers) {
		abort();
	}
	encoded_page_release(&page);
	close(fd);
	return 0;
}
