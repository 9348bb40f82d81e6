#include <string.h>
#include <sys/stat.h>

#include "scan/stack.h"
#include "tests/fuzz/fuzz_file.h"

static char folder[] = "/tmp/altakt-fuzz-stack-XXXXXX";

static void folder_remove(void)
{
	static const char *const names[] = {"stack.ini", ".fed", "1.png", "2.png", "3.png"};
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void put(const char *name, const uint8_t *data, size_t n)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		abort();
}

/* Up to the first NUL it is stack.ini, after it .fed: what is read must also be fed from. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool made;
	const uint8_t *nul = memchr(data, 0, n);
	size_t n_ini = nul ? (size_t)(nul - data) : n;
	struct stack *stack = NULL;
	struct error err = {0};
	long n_back = 0;

	if (!made) {
		if (!mkdtemp(folder))
			abort();
		atexit(folder_remove);
		put("1.png", data, 0);
		put("2.png", data, 0);
		put("3.png", data, 0);
		made = true;
	}
	put("stack.ini", data, n_ini);
	put(".fed", nul ? nul + 1 : data, nul ? n - n_ini - 1 : 0);
	if (!nul) {
		char path[128];
		snprintf(path, sizeof path, "%s/.fed", folder);
		unlink(path);
	}
	if (stack_open(folder, &stack, &err)) {
		stack_set_sides(stack, 2);
		struct stack_fault *fault = stack_fault_before(stack, STACK_FRONT);
		if (fault && !stack_fault_fire(stack, fault, &err))
			abort();
		stack_fault_within(stack, STACK_BACK);
		if (!stack_sheet_through(stack, true, &err) ||
		    !stack_put_back(stack, 2, &n_back, &err))
			abort();
		stack_close(stack);
		stack = NULL;
		/* what was written must be readable */
		if (!stack_open(folder, &stack, &err))
			abort();
	} else if (err.kind != ERROR_SETUP) {
		abort();
	}
	stack_close(stack);
	return 0;
}
