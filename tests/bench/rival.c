#include "tests/bench/rival.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <leptonica/allheaders.h>

#include "batch/pdf.h"
#include "tests/bench/score.h"

#define SCANNED_QUALITY 75
#define IMG2PDF		"/usr/bin/python3 -c 'import sys,img2pdf; img2pdf.main()'"
#define OCRMYPDF	"ocrmypdf -q --deskew --clean --rotate-pages -l deu --output-type pdfa --jobs 2"

static double file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (double)st.st_size;
}

static double children_ms(void)
{
	struct rusage use;
	getrusage(RUSAGE_CHILDREN, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

bool rival_open(struct rival *rival)
{
	*rival = (struct rival){0};
	if (system("ocrmypdf --version >/dev/null 2>&1") ||
	    system("unpaper --version >/dev/null 2>&1") ||
	    system("/usr/bin/python3 -c 'import img2pdf' >/dev/null 2>&1"))
		return false;
	strcpy(rival->folder, "/tmp/altakt-pages-XXXXXX");
	return mkdtemp(rival->folder) != NULL;
}

static struct rival_group *group_of(
    struct rival *rival, const char *set, const struct encoded_page *page, bool bits)
{
	char name[64], path[160];
	struct error err = {0};
	snprintf(name, sizeof name, "%s: %s", set, page_kind_name(page->kind));
	for (int i = 0; i < rival->n_groups; i++)
		if (!strcmp(rival->groups[i].name, name))
			return &rival->groups[i];
	if (rival->n_groups == RIVAL_GROUPS)
		return NULL;
	struct rival_group *group = &rival->groups[rival->n_groups];
	snprintf(path, sizeof path, "%s/ours-%d.pdf", rival->folder, rival->n_groups);
	if (!pdf_open(path, &group->pdf, &err)) {
		printf("  %s\n", err.what);
		return NULL;
	}
	snprintf(group->name, sizeof group->name, "%s", name);
	group->kind = page->kind;
	group->scan_bitonal = bits;
	rival->n_groups++;
	return group;
}

void rival_add(struct rival *rival, const char *set, struct Pix *raw, double dpi, const char *text,
    const struct encoded_page *page, const char *alto, int wrong, int n_characters, double ours_ms)
{
	bool bits = pixGetDepth(raw) == 1;
	struct rival_group *group = group_of(rival, set, page, bits);
	struct alto_page words = {0};
	struct error err = {0};
	char path[160], command[512];
	if (!group || group->n_pages == RIVAL_PAGES)
		return;
	int g = (int)(group - rival->groups), n = group->n_pages;
	snprintf(path, sizeof path, "%s/raw-%d-%03d.%s", rival->folder, g, n, bits ? "png" : "jpg");
	pixSetResolution(raw, (int)dpi, (int)dpi);
	if (bits ? pixWrite(path, raw, IFF_PNG) : pixWriteJpeg(path, raw, SCANNED_QUALITY, 0))
		return;
	if (!alto_page_parse(alto, strlen(alto), &words, &err) ||
	    !pdf_add(group->pdf, page, &words, &err)) {
		printf("  %s: %s\n", set, err.what);
		alto_page_release(&words);
		return;
	}
	alto_page_release(&words);
	group->texts[group->n_pages++] = text ? strdup(text) : NULL;
	group->ours_wrong += text ? wrong : 0;
	group->characters += text ? n_characters : 0;
	group->ours_ms += ours_ms;
	if (n)
		return; /* unpaper once for each group: it takes seconds */
	snprintf(path, sizeof path, "%s/raw.pnm", rival->folder);
	if (pixWrite(path, raw, IFF_PNM))
		return;
	snprintf(command, sizeof command, "unpaper --overwrite %s %s/clean.pnm >/dev/null 2>&1",
	    path, rival->folder);
	double begin = children_ms();
	if (!system(command)) {
		group->unpaper_ms += children_ms() - begin;
		group->unpapered++;
	}
}

/* The texts of a sidecar, a form feed between pages, against what was written. */
static double sidecar_wrong(const struct rival_group *group, const char *path)
{
	FILE *file = fopen(path, "r");
	char *all = calloc(1, 4000001);
	double wrong = 0;
	size_t n = file && all ? fread(all, 1, 4000000, file) : 0;
	(void)n;
	char *at = all;
	for (int i = 0; all && i < group->n_pages; i++) {
		char *end = at ? strchr(at, '\f') : NULL;
		if (end)
			*end = 0;
		int count = 0;
		if (group->texts[i])
			wrong += characters_wrong(group->texts[i], at ? at : "", &count);
		at = end ? end + 1 : NULL;
	}
	if (file)
		fclose(file);
	free(all);
	return wrong;
}

static double run(
    const struct rival *rival, struct rival_group *group, int g, const char *option, double *wrong)
{
	char command[1024], out[160], words[160];
	snprintf(out, sizeof out, "%s/out.pdf", rival->folder);
	snprintf(words, sizeof words, "%s/out.txt", rival->folder);
	snprintf(command, sizeof command,
	    OCRMYPDF " %s --sidecar %s %s/in-%d.pdf %s >/dev/null 2>&1", option, words,
	    rival->folder, g, out);
	remove(words);
	if (system(command))
		return 0;
	*wrong = sidecar_wrong(group, words);
	return file_bytes(out);
}

void rival_run(struct rival *rival)
{
	printf(
	    "\nthe same pages by OCRmyPDF (--deskew --clean --rotate-pages --output-type pdfa), whole PDFs with their text, a page\n");
	printf("%-32s %5s  %8s %16s %24s  %-30s %s\n", "class: encoded as", "pages", "ours kB",
	    "OCRmyPDF kB", "with --optimize 3 kB", "characters wrong (same order)",
	    "processor ms: ours / unpaper / OCRmyPDF");
	for (int g = 0; g < rival->n_groups; g++) {
		struct rival_group *group = &rival->groups[g];
		struct error err = {0};
		char command[1024], path[160];
		struct note_document document = {.title = "bench",
		    .created = "2026-11-23T08:00:00Z",
		    .language = "de-DE",
		    .pages = group->n_pages};
		snprintf(path, sizeof path, "%s/ours-%d.pdf", rival->folder, g);
		if (!pdf_finish(group->pdf, NULL, &document, &err))
			printf("  %s: %s\n", group->name, err.what);
		group->ours_bytes = file_bytes(path);
		snprintf(command, sizeof command,
		    IMG2PDF " %s/raw-%d-* -o %s/in-%d.pdf >/dev/null 2>&1", rival->folder, g,
		    rival->folder, g);
		if (system(command))
			printf("  %s: img2pdf failed\n", group->name);
		double begin = children_ms();
		group->plain_bytes = run(rival, group, g, "", &group->plain_wrong);
		group->plain_ms = children_ms() - begin;
		group->optimised_bytes =
		    run(rival, group, g, "--optimize 3", &group->optimised_wrong);
		int n = group->n_pages;
		double all = group->characters > 0 ? group->characters / 100 : 1;
		char rates[64] = "-";
		if (group->characters > 0)
			snprintf(rates, sizeof rates, "%.2f / %.2f / %.2f %%",
			    group->ours_wrong / all, group->plain_wrong / all,
			    group->optimised_wrong / all);
		printf("%-32s %5d  %8.1f %8.1f %5.1f x %13.1f %5.1f x   %-30s %.0f / %.0f / %.0f\n",
		    group->name, n, group->ours_bytes / n / 1e3, group->plain_bytes / n / 1e3,
		    group->plain_bytes / group->ours_bytes, group->optimised_bytes / n / 1e3,
		    group->optimised_bytes / group->ours_bytes, rates, group->ours_ms / n,
		    group->unpapered ? group->unpaper_ms / group->unpapered : 0,
		    group->plain_ms / n);
		fflush(stdout);
	}
}

void rival_close(struct rival *rival)
{
	char command[128];
	for (int g = 0; g < rival->n_groups; g++) {
		pdf_close(rival->groups[g].pdf);
		for (int i = 0; i < rival->groups[g].n_pages; i++)
			free(rival->groups[g].texts[i]);
	}
	if (!rival->folder[0])
		return;
	snprintf(command, sizeof command, "rm -rf '%s'", rival->folder);
	if (system(command))
		printf("  cannot remove %s\n", rival->folder);
}
