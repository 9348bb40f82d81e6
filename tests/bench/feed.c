/*
 * Feeding speed: a stack of colour pages A4 300 dpi (JPEG) through the simulator at full speed,
 * duplex, into a spool on a real disk.
 *
 *	feed [--images N] [--folder DIR] [--workers N] [--scanimage]
 *
 * --workers N   N processes burn the processor beside it at idle priority, as page workers do
 * --scanimage   the same stack by `scanimage --batch --format=tiff` and `sync`, in the same run
 *
 * Prints images/s, bytes/s, the longest wait of the feeder for its queue, and the peak memory after
 * 100 images and at the end. Exit 1 where less than 280 images/min came, or memory grew by 10 %.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <allheaders.h>

#include "config/file.h"
#include "scan/feeder.h"
#include "scan/sample.h"

enum { KINDS = 6 };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void die(const struct error *err)
{
	char text[1024];

	fprintf(stderr, "feed: %s\n", error_text(err, text, sizeof text));
	exit(1);
}

/* A few different pages, drawn in a child (its memory is not what is measured), then linked. */
static void stack_make(const char *stack, int n_images)
{
	static const enum sample_kind kinds[KINDS] = {
	    SAMPLE_LETTER, SAMPLE_FORM, SAMPLE_MINUTES, SAMPLE_COLOUR, SAMPLE_PHOTO, SAMPLE_BLANK};
	struct error err = {0};

	if (!file_make_folder(stack, &err))
		die(&err);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < KINDS; i++) {
			struct sample_page page = {.kind = kinds[i],
			    .seed = (uint32_t)i,
			    .dpi = 300,
			    .skew_deg = 0.5,
			    .background_black = true,
			    .noise = true,
			    .holes = true};
			char *path = file_path("%s/../kind%d.jpg", stack, i);
			PIX *pix = NULL;
			if (!sample_draw(&page, &pix, NULL, &err))
				die(&err);
			pixSetResolution(pix, 300, 300);
			if (pixWriteJpeg(path, pix, 85, 0) != 0)
				_exit(1);
			pixDestroy(&pix);
			free(path);
		}
		_exit(0);
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		exit(1);
	for (int i = 0; i < n_images; i++) {
		char *from = file_path("%s/../kind%d.jpg", stack, i % KINDS);
		char *to = file_path("%s/%06d.jpg", stack, i + 1);
		if (link(from, to) != 0) {
			perror(to);
			exit(1);
		}
		free(from);
		free(to);
	}
}

static void worker_burn(void)
{
	struct sched_param param = {0};

	sched_setscheduler(0, SCHED_IDLE, &param);
	for (volatile uint64_t n = 0;; n++)
		;
}

static double feed_run(const char *stack, const char *spool, int n_images, bool *flat)
{
	char *device = file_path("paper:%s", stack);
	struct feeder_options options = {
	    .scanner = {.device = device, .mode = "Color", .resolution_dpi = 300},
	    .spool_folder = spool,
	    .compression = "zstd",
	    .first_n = 1,
	    .overlap = true}; /* as the program does by default */
	struct feeder *feeder = NULL;
	struct feeder_figures figures;
	struct error err = {0};
	long early_kib = 0;
	int images = 0, alarms = 0;
	bool ended = false;

	if (!feeder_open(&options, &feeder, &err))
		die(&err);
	double since = now_s();
	while (!ended) {
		struct feeder_event e = {0};
		bool got = false;
		if (!feeder_next(feeder, &e, &got, &err))
			die(&err);
		if (!got) {
			struct pollfd fd = {.fd = feeder_descriptor(feeder), .events = POLLIN};
			poll(&fd, 1, 60000);
			continue;
		}
		if (e.kind == FEEDER_ERROR || e.kind == FEEDER_DISK)
			die(&e.error);
		ended = e.kind != FEEDER_SHEET;
		images += e.sheet.n_images;
		if (images >= 100 && !early_kib)
			early_kib = peak_kib();
		/* what is measured is the feeding, not the size of this disk */
		for (int i = 0; i < e.sheet.n_images; i++) {
			alarms += e.sheet.images[i].lapped;
			if (images > 200)
				unlink(e.sheet.images[i].path);
		}
		feeder_event_release(&e);
	}
	double s = now_s() - since;
	feeder_figures(feeder, &figures);
	feeder_close(feeder);
	if (alarms > 0) {
		fprintf(stderr, "feed: %d images of one sheet are taken for two\n", alarms);
		exit(1);
	}
	if (images != n_images) {
		fprintf(stderr, "feed: %d images came, %d were laid\n", images, n_images);
		exit(1);
	}
	*flat = early_kib == 0 || peak_kib() <= early_kib + early_kib / 10;
	printf("altakt      %6.2f images/s  %5.0f images/min  %6.1f MB/s raw  %6.1f MB/s written  "
	       "wait longest %llu ms  in all %.1f s\n",
	    images / s, 60 * images / s, (double)figures.raw_bytes / s / 1e6,
	    (double)figures.spool_bytes / s / 1e6, (unsigned long long)figures.wait_longest_ms,
	    (double)figures.wait_ms / 1000);
	printf("memory      %.0f MiB peak after 100 images, %.0f MiB at the end\n",
	    (double)early_kib / 1024, (double)peak_kib() / 1024);
	free(device);
	return images / s;
}

/* scanimage needs the backend's folder in its environment. */
static double scanimage_run(const char *stack, const char *folder, int n_images)
{
	char *command =
	    file_path("rm -f %s/.fed; cd %s && LD_LIBRARY_PATH=%s/sane scanimage -d paper:%s "
		      "--source 'ADF Duplex' --mode Color --resolution 300 "
		      "--batch=out%%d.tiff --format=tiff >said 2>&1; sync; rm -f out*.tiff",
		stack, folder, ALTAKT_BUILD_DIR, stack);
	double since = now_s();
	int rc = system(command);
	double s = now_s() - since;

	free(command);
	printf("scanimage   %6.2f images/s  (exit %d)\n", n_images / s, rc);
	return n_images / s;
}

int main(int argc, char **argv)
{
	int n_images = 2000, n_workers = 0;
	const char *at = "/var/tmp";
	bool compare = false, flat = true;
	struct error err = {0};
	uint64_t free_bytes = 0, total_bytes = 0;
	pid_t workers[64];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--images") == 0 && i + 1 < argc)
			n_images = atoi(argv[++i]);
		else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc)
			at = argv[++i];
		else if (strcmp(argv[i], "--workers") == 0 && i + 1 < argc)
			n_workers = atoi(argv[++i]);
		else if (strcmp(argv[i], "--scanimage") == 0)
			compare = true;
	}
	if (n_workers > 64)
		n_workers = 64;
	if (!file_disk_free(at, &free_bytes, &total_bytes, &err))
		die(&err);
	uint64_t need = (uint64_t)n_images * (compare ? 27 : 3) * 1000000 + 8000000000u;
	if (free_bytes < need) {
		fprintf(stderr, "feed: %s has %llu MB free, %llu are needed\n", at,
		    (unsigned long long)(free_bytes / 1000000),
		    (unsigned long long)(need / 1000000));
		return 1;
	}
	char *folder = file_path("%s/altakt-feed-XXXXXX", at);
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	char *stack = file_path("%s/stack", folder), *spool = file_path("%s/spool", folder);
	stack_make(stack, n_images);
	if (!file_make_folder(spool, &err))
		die(&err);
	for (int i = 0; i < n_workers; i++)
		if ((workers[i] = fork()) == 0)
			worker_burn();
	double ours = feed_run(stack, spool, n_images, &flat), theirs = 0;
	for (int i = 0; i < n_workers; i++) {
		kill(workers[i], SIGKILL);
		waitpid(workers[i], NULL, 0);
	}
	if (compare && n_workers == 0) {
		theirs = scanimage_run(stack, folder, n_images);
		printf("ratio       %.2f of scanimage and sync\n", ours / theirs);
	}
	file_remove(folder, NULL);
	free(folder);
	free(stack);
	free(spool);
	bool ok = ours * 60 >= 280 && flat && (theirs <= 0 || ours / theirs >= 0.6);
	printf("%s\n", ok ? "reached" : "NOT REACHED");
	return ok ? 0 : 1;
}
