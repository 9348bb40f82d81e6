#include <string.h>

#include "batch/bag_tag.h"
#include "tests/fuzz/fuzz_file.h"

/* No name that passes may leave the bag. */
static void check_name(char *name)
{
	bool dotted;

	if (!bag_name_check(&name, &dotted))
		return;
	if (name[0] == '/' || name[0] == '\0' || strncmp(name, "../", 3) == 0 ||
	    strstr(name, "/../") || strcmp(name, "..") == 0)
		abort();
	char *decoded = bag_name_decode(name, true);
	if (decoded && strlen(decoded) > strlen(name))
		abort();
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const encodings[] = {"UTF-8", "UTF-16", "ISO-8859-1", "UTF-7"};
	struct bag_report report = {0};
	struct bag_text text = {0};
	struct error err = {0};
	char path[64], version[8], encoding[32];
	int fd;

	if (n == 0)
		return 0;
	fd = fuzz_file(data + 1, n - 1, path);
	bag_declaration_read(path, version, encoding, &err);
	strcpy(report.encoding, encodings[data[0] % 4]);
	bag_info_read(path, &report, &err);
	bag_report_release(&report);
	if (bag_text_read(path, encodings[data[0] % 4], &text, &err)) {
		for (size_t i = 0; i < text.n_lines; i++) {
			char *hash, *name;
			bool star;
			if (bag_line_split(text.lines[i], &hash, &name, &star))
				check_name(name);
		}
		bag_text_release(&text);
	}
	close(fd);
	return 0;
}
