#include "ocr/engine.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <tesseract/capi.h>

/*
 * Threads inside of Tesseract make a page several times slower where every core has a worker.
 * Through dlsym() since OpenMP's runtime is Tesseract's affair and its header the compiler's.
 */
static void openmp_off(void)
{
	void (*set_levels)(int) = NULL;
	void *symbol = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");

	memcpy(&set_levels, &symbol, sizeof set_levels);
	if (set_levels)
		set_levels(0);
}

/*
 * Tesseract checks a model by assertions, and a damaged one ends the process. Caught here so that
 * somebody hears why; the handle is in an unknown state then and is left alone.
 */
static sigjmp_buf model_damaged;

static void on_model_damaged(int number)
{
	siglongjmp(model_damaged, number);
}

bool engine_load(
    TessBaseAPI *api, const char *folder, const char *languages, int engine, bool *usable)
{
	static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
	enum { FATAL = sizeof fatal / sizeof *fatal };
	struct sigaction action = {.sa_handler = on_model_damaged}, before[FATAL];
	volatile bool loaded = false;

	openmp_off();
	*usable = false;
	for (int i = 0; i < FATAL; i++)
		sigaction(fatal[i], &action, &before[i]);
	if (sigsetjmp(model_damaged, 1) == 0) {
		loaded = TessBaseAPIInit2(api, folder, languages, (TessOcrEngineMode)engine) == 0;
		*usable = true;
	}
	for (int i = 0; i < FATAL; i++)
		sigaction(fatal[i], &before[i], NULL);
	return loaded;
}
