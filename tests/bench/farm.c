/*
 * How much the farm's queue carries: a real nats-server on loopback, owners that send pages and
 * wait, as `process --farm` does, and workers with a stand-in recogniser that only waits.
 *
 *	farm [--workers N] [--waiters N] [--owners N] [--pages N] [--wait MS] [--disk] [--url URL]
 *
 * --workers N   processes that answer, 64
 * --waiters N   pages that are out at a time, 96
 * --owners N    processes that share them, 0: one for each page that is out, as `process` does
 * --pages N     in all, 4000
 * --wait MS     what the stand-in takes for a page, 200
 * --disk        streams on the broker's disk instead of in its memory
 * --url URL     a broker that is there already, with whatever configuration
 *
 * Pages are thresholded, A4 at 200 dpi and full of text, answers are ALTO of some 350 words. Prints
 * pages/s, what a page costs each side in processor time, and how long a page takes beyond the
 * stand-in's wait. Exit 1 where less than 200 pages/s came.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/error.h"
#include "config/file.h"
#include "ocr/alto.h"
#include "ocr/farm.h"

#define MODELS "stand-in 1"

enum {
	PAGES_PER_S = 200, /* what is to be reached */
	IMAGE_W_PX = 1650,
	IMAGE_H_PX = 2340,
	PAGE_W_PX = 2475,
	PAGE_H_PX = 3510,
	LINES = 44,
	WORDS = 8, /* in a line */
};

struct settings {
	int workers, waiters, owners, pages, wait_ms;
	bool on_disk;
	const char *url;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const struct error *err)
{
	char text[1024];

	fprintf(stderr, "farm: %s\n", error_text(err, text, sizeof text));
	exit(2);
}

/* The stand-in */

struct stand_in {
	char *alto;
	size_t n_bytes;
	int wait_ms;
};

static void stand_in_make(struct stand_in *stand_in)
{
	char word[] = "Aufenthalt";
	struct alto_word words[LINES][WORDS] = {0};
	struct alto_line lines[LINES] = {0};
	struct alto_page page = {PAGE_W_PX, PAGE_H_PX, 300, lines, LINES};
	struct error err = {0};

	for (int i = 0; i < LINES; i++) {
		int y = 200 + 70 * i;

		for (int k = 0; k < WORDS; k++)
			words[i][k] =
			    (struct alto_word){word, 250 + 240 * k, y, 220, 44, 0.93, false, "deu"};
		lines[i] = (struct alto_line){.words = words[i],
		    .n_words = WORDS,
		    .x_px = 250,
		    .y_px = y,
		    .w_px = 1900,
		    .h_px = 44,
		    .baseline_px = y + 36,
		    .block = i / 6};
	}
	stand_in->alto = alto_page_write(&page, "P1", "tesseract 5.3.0", &stand_in->n_bytes, &err);
	if (!stand_in->alto)
		die(&err);
}

static bool recognise(
    void *self, const struct farm_page *page, struct recognition *out, struct error *err)
{
	const struct stand_in *stand_in = self;

	nanosleep(
	    &(struct timespec){stand_in->wait_ms / 1000, stand_in->wait_ms % 1000 * 1000000}, NULL);
	out->alto = strdup(stand_in->alto);
	out->alto_bytes = stand_in->n_bytes;
	out->words = LINES * WORDS;
	out->mean_confidence = 93;
	return true;
}

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	stop = 1;
}

static int work(const char *url, int wait_ms)
{
	struct farm_options options = {.url = url, .models = MODELS};
	struct stand_in stand_in = {.wait_ms = wait_ms};
	struct error err = {0};

	signal(SIGTERM, on_stop);
	stand_in_make(&stand_in);
	if (!farm_work(&options, recognise, &stand_in, &stop, &err))
		die(&err);
	free(stand_in.alto);
	return 0;
}

/* The owner */

static PIX *page_draw(void)
{
	L_BMF *font = bmfCreate(NULL, 14);
	PIX *page = pixCreate(IMAGE_W_PX, IMAGE_H_PX, 1);
	char text[LINES * WORDS * 12] = "";
	l_int32 width;

	for (int i = 0; i < LINES * WORDS; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "Wort%c%c%d ",
		    'a' + i * 7 % 26, 'k' + i % 11, i);
	for (int y = 120; y < IMAGE_H_PX - 120; y += 46) {
		int from = (y * 3) % 400;

		pixSetTextline(page, font, text + from, 1, 120, y, &width, NULL);
		text[from + 90] = '\0';
		pixSetTextline(page, font, text + from, 1, 120, y, &width, NULL);
		text[from + 90] = 'x';
	}
	bmfDestroy(&font);
	return page;
}

/* Sends n pages, `out` at a time, once the parent closes the gate; a line for each latency. */
static int own(const struct settings *s, int n, int out, int gate, int report)
{
	struct farm_options options = {.url = s->url, .models = MODELS, .on_disk = s->on_disk};
	struct error err = {0};
	struct farm *farm = NULL;
	PIX *image = page_draw();
	double *sent_s = calloc((size_t)n, sizeof *sent_s);
	float *took_ms = calloc((size_t)n, sizeof *took_ms);
	int sent = 0, done = 0;
	char byte;

	if (!sent_s || !took_ms || !farm_open(&options, &farm, &err))
		die(&err);
	if (write(report, "r", 1) != 1 || read(gate, &byte, 1) < 0)
		exit(2);
	while (done < n) {
		struct farm_result result = {0};
		bool got = false;

		while (sent < n && sent - done < out) {
			struct farm_page page = {image, 1.5, 200, PAGE_W_PX, PAGE_H_PX, 300, 60000};

			pixSetPixel(image, sent % IMAGE_W_PX, sent / IMAGE_W_PX, 1);
			sent_s[sent] = now_s();
			if (!farm_submit(farm, (uint64_t)sent, &page, &err))
				die(&err);
			sent++;
		}
		if (!farm_next(farm, -1, &result, &got, &err))
			die(&err);
		if (!got || result.outcome != FARM_DONE) {
			fprintf(stderr, "farm: a page came back with '%s'\n", result.failure);
			exit(2);
		}
		took_ms[result.id] = (float)((now_s() - sent_s[result.id]) * 1000);
		recognition_release(&result.recognition);
		done++;
	}
	for (size_t at = 0, all = (size_t)n * sizeof *took_ms; at < all;) {
		ssize_t k = write(report, (char *)took_ms + at, all - at);

		if (k <= 0)
			exit(2);
		at += (size_t)k;
	}
	farm_close(farm);
	pixDestroy(&image);
	free(sent_s);
	free(took_ms);
	return 0;
}

/* All of them */

static pid_t broker_start(const char *folder, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)port)};
	char port_text[12];
	pid_t pid = fork();

	snprintf(port_text, sizeof port_text, "%d", port);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("nats-server", "nats-server", "-js", "-a", "127.0.0.1", "-p", port_text,
		    "-sd", folder, "-l", "/dev/null", NULL);
		fprintf(stderr, "farm: no nats-server here\n");
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

		close(fd);
		if (up)
			return pid;
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	}
	fprintf(stderr, "farm: the broker does not start\n");
	exit(2);
}

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, n) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) != 0)
		exit(2);
	close(fd);
	return ntohs(address.sin_port);
}

static double ended_cpu_s(pid_t pid, int number)
{
	struct rusage usage = {0};
	int status = 0;

	if (number)
		kill(pid, number);
	if (wait4(pid, &status, 0, &usage) != pid ||
	    (!number && WIFEXITED(status) && WEXITSTATUS(status)))
		exit(2);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int run(struct settings *s, const char *self)
{
	int owners = s->owners ? s->owners : s->waiters, gate[2], n_latencies = 0;
	char folder[] = "/tmp/altakt-bench-farm-XXXXXX", url[64], wait_ms[12];
	float *latencies = calloc((size_t)s->pages, sizeof *latencies);
	pid_t broker = 0, *pids = calloc((size_t)(owners + s->workers), sizeof *pids);
	int *reports = calloc((size_t)owners, sizeof *reports);
	struct error err = {0};

	if (!latencies || !pids || !reports || !mkdtemp(folder) || pipe2(gate, O_CLOEXEC) != 0)
		return 2;
	if (!s->url) {
		int port = free_port();

		snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
		s->url = url;
		broker = broker_start(folder, port);
	}
	snprintf(wait_ms, sizeof wait_ms, "%d", s->wait_ms);
	for (int i = 0; i < s->workers; i++) {
		pid_t pid = pids[owners + i] = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			execl("/proc/self/exe", self, "--work", s->url, wait_ms, NULL);
			_exit(127);
		}
	}
	for (int i = 0; i < owners; i++) {
		int report[2], pages = s->pages / owners + (i < s->pages % owners);
		int out = s->waiters / owners + (i < s->waiters % owners);

		if (pipe(report) != 0)
			return 2;
		reports[i] = report[0];
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(gate[1]);
			exit(own(s, pages, out, gate[0], report[1]));
		}
		close(report[1]);
	}
	for (int i = 0; i < owners; i++) { /* all are there */
		char byte;

		if (read(reports[i], &byte, 1) != 1)
			return 2;
	}
	double began_s = now_s();
	close(gate[1]);
	for (int i = 0; i < owners; i++) {
		size_t at = 0,
		       all = (size_t)(s->pages / owners + (i < s->pages % owners)) *
		    sizeof *latencies;

		while (at < all) {
			ssize_t k =
			    read(reports[i], (char *)(latencies + n_latencies) + at, all - at);

			if (k <= 0)
				return 2;
			at += (size_t)k;
		}
		n_latencies += (int)(all / sizeof *latencies);
	}
	double took_s = now_s() - began_s, owners_s = 0, workers_s = 0, broker_s = 0;
	for (int i = 0; i < owners; i++)
		owners_s += ended_cpu_s(pids[i], 0);
	for (int i = 0; i < s->workers; i++) /* each ends when its present wait for a page does */
		kill(pids[owners + i], SIGTERM);
	for (int i = 0; i < s->workers; i++)
		workers_s += ended_cpu_s(pids[owners + i], SIGTERM);
	if (broker)
		broker_s = ended_cpu_s(broker, SIGTERM);
	qsort(latencies, (size_t)n_latencies, sizeof *latencies, by_size);
	double rate = s->pages / took_s, each = 1000.0 / s->pages;
	printf("%d pages, %d workers that wait %d ms, %d pages out by %d owners\n", s->pages,
	    s->workers, s->wait_ms, s->waiters, owners);
	printf("%.0f pages/s; the workers alone would do %.0f\n", rate,
	    1000.0 * s->workers / s->wait_ms);
	printf(
	    "a page from sent to answered: median %.0f ms, 99 %% below %.0f ms, longest %.0f ms\n",
	    (double)latencies[n_latencies / 2], (double)latencies[n_latencies * 99 / 100],
	    (double)latencies[n_latencies - 1]);
	printf("processor time a page: owners %.2f ms, workers %.2f ms, broker %.2f ms\n",
	    owners_s * each, workers_s * each, broker_s * each);
	printf("%d pages/s: %s\n", PAGES_PER_S, rate >= PAGES_PER_S ? "reached" : "not reached");
	if (!file_remove(folder, &err))
		die(&err);
	free(latencies);
	free(pids);
	free(reports);
	return rate >= PAGES_PER_S ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct settings s = {.workers = 64, .waiters = 96, .pages = 4000, .wait_ms = 200};

	if (argc == 4 && strcmp(argv[1], "--work") == 0)
		return work(argv[2], atoi(argv[3]));
	for (int i = 1; i < argc; i++) {
		const struct {
			const char *name;
			int *value;
		} numbers[] = {{"--workers", &s.workers}, {"--waiters", &s.waiters},
		    {"--owners", &s.owners}, {"--pages", &s.pages}, {"--wait", &s.wait_ms}};
		bool known = strcmp(argv[i], "--disk") == 0;

		s.on_disk |= known;
		if (i + 1 < argc && strcmp(argv[i], "--url") == 0) {
			s.url = argv[++i];
			continue;
		}
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers && !known; k++)
			if (i + 1 < argc && strcmp(argv[i], numbers[k].name) == 0) {
				known = true;
				*numbers[k].value = atoi(argv[++i]);
			}
		if (!known ||
		    (i + 1 == argc &&
			(s.workers < 1 || s.pages < s.waiters || s.waiters < 1 || s.owners < 0 ||
			    s.owners > s.waiters || s.wait_ms < 1))) {
			fprintf(stderr,
			    "usage: farm [--workers N] [--waiters N] [--owners N] "
			    "[--pages N] [--wait MS] [--disk] [--url URL]\n");
			return 2;
		}
	}
	return run(&s, argv[0]);
}
