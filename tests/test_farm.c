/*
 * The farm against a real nats-server and real worker processes: this program itself, started with
 * --work URL MODELS. What the stand-in recogniser does is told by the image's width.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <leptonica/allheaders.h>
#include <nats/nats.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/error.h"
#include "config/file.h"
#include "ocr/alto.h"
#include "ocr/farm.h"

enum { /* widths, and what happens */
	PLAIN = 100,
	DIES = 101,
	RUBBISH = 102,
	SLOW = 103, /* three times the time after which a silent worker counts as dead */
	FAILS = 104,
	STUCK = 105, /* until it is killed */
	OTHER_PAGE = 106,
};

#define ACK_WAIT_MS 1000
#define MODELS	    "stand-in 1"

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The worker */

static bool stand_in(
    void *self, const struct farm_page *page, struct recognition *out, struct error *err)
{
	const char *marker = self;
	int width = pixGetWidth((PIX *)(uintptr_t)page->image);
	char *mark;

	switch (width) {
	case DIES: raise(SIGKILL); break;
	case STUCK:
		mark = file_path("%s/stuck", marker);
		if (file_exists(mark)) { /* the next worker does it */
			free(mark);
			break;
		}
		file_write(mark, "", 0, NULL);
		for (;;)
			pause();
	case SLOW: sleep_ms(3 * ACK_WAIT_MS); break;
	case FAILS: return error_set(err, ERROR_INPUT, NULL, "the stand-in\nfails");
	default: sleep_ms(5);
	}
	out->alto = width == RUBBISH
	    ? strdup("<html>no ALTO</html>")
	    : recognition_empty_alto(page->page_width_px + (width == OTHER_PAGE),
		  page->page_height_px, page->page_dpi, "P1");
	out->alto_bytes = strlen(out->alto);
	out->seconds_ms = 7;
	return true;
}

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	stop = 1;
}

static int work(const char *url, const char *models, const char *folder)
{
	struct farm_options options = {.url = url, .models = models, .ack_wait_ms = ACK_WAIT_MS};
	struct error err = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, on_stop);
	if (strcmp(models, MODELS) != 0 && strncmp(models, "tesseract", 9) == 0) {
		struct recogniser *recogniser = NULL;

		if (!recogniser_open("deu", "", &recogniser, &err) ||
		    !farm_work(&options, farm_recognise_page, recogniser, &stop, &err)) {
			fprintf(stderr, "%s\n", err.what);
			return 1;
		}
		recogniser_close(recogniser);
		return 0;
	}
	if (!farm_work(&options, stand_in, (void *)(uintptr_t)folder, &stop, &err)) {
		fprintf(stderr, "%s\n", err.what);
		return 1;
	}
	return 0;
}

/* The broker */

struct yard { /* a broker in a folder of its own, and its workers */
	char folder[40], url[64];
	int port;
	bool locked; /* its broker wants a password, which nobody here knows */
	pid_t broker, workers[8];
	int n_workers;
};

static bool broker_there(void)
{
	if (system("command -v nats-server >/dev/null") == 0)
		return true;
	print_message("skipped: no nats-server here\n");
	return false;
}

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static pid_t start(const char *const *argv)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives the test */
		if (getppid() == parent)
			execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static void broker_start(struct yard *yard)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)yard->port)};
	char port[12];

	snprintf(port, sizeof port, "%d", yard->port);
	const char *argv[] = {"nats-server", "-js", "-a", "127.0.0.1", "-p", port, "-sd",
	    yard->folder, "-l", "/dev/null", yard->locked ? "--user" : NULL, "max", "--pass",
	    "geheim", NULL};
	yard->broker = start(argv);
	for (int i = 0; i < 500; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

		close(fd);
		if (up)
			return;
		sleep_ms(20);
	}
	fail_msg("the broker does not start");
}

static void end(pid_t *pid, int number)
{
	if (!*pid)
		return;
	kill(*pid, number);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void worker_start(struct yard *yard, const char *models)
{
	const char *argv[] = {"/proc/self/exe", "--work", yard->url, models, yard->folder, NULL};

	yard->workers[yard->n_workers++] = start(argv);
}

static struct yard yard_open(int workers)
{
	struct yard yard = {.folder = "/tmp/altakt-farm-XXXXXX"};

	assert_non_null(mkdtemp(yard.folder));
	yard.port = free_port();
	snprintf(yard.url, sizeof yard.url, "nats://127.0.0.1:%d", yard.port);
	broker_start(&yard);
	for (int i = 0; i < workers; i++)
		worker_start(&yard, MODELS);
	return yard;
}

static void yard_close(struct yard *yard)
{
	struct error err = {0};

	for (int i = 0; i < yard->n_workers; i++)
		end(&yard->workers[i], SIGKILL);
	end(&yard->broker, SIGKILL);
	assert_true(file_remove(yard->folder, &err));
}

static struct farm *farm_of(
    const struct yard *yard, const char *models, int patience_ms, bool on_disk)
{
	struct farm_options options = {.url = yard->url,
	    .models = models,
	    .ack_wait_ms = ACK_WAIT_MS,
	    .patience_ms = patience_ms,
	    .on_disk = on_disk};
	struct farm *farm = NULL;
	struct error err = {0};

	if (!farm_open(&options, &farm, &err))
		fail_msg("%s", err.what);
	return farm;
}

static void submit(struct farm *farm, uint64_t id, int width)
{
	PIX *image = pixCreate(width, 60, 1);
	struct farm_page page = {image, 1.5, 200, 2 * width, 120, 300, 0};
	struct error err = {0};

	pixSetPixel(image, (l_int32)id % width, 5, 1);
	if (!farm_submit(farm, id, &page, &err))
		fail_msg("%s", err.what);
	pixDestroy(&image);
}

static struct farm_result next(struct farm *farm)
{
	struct farm_result result = {0};
	struct error err = {0};
	bool got = false;

	assert_true(farm_next(farm, 40000, &result, &got, &err));
	assert_true(got);
	return result;
}

static void assert_outcome(
    struct farm *farm, uint64_t id, enum farm_outcome outcome, const char *failure)
{
	struct farm_result result = next(farm);

	if (result.outcome != outcome || !strstr(result.failure, failure))
		fail_msg("outcome %d: %s", result.outcome, result.failure);
	assert_int_equal(result.id, id);
	if (outcome == FARM_DONE)
		assert_non_null(result.recognition.alto);
	else
		assert_null(result.recognition.alto);
	recognition_release(&result.recognition);
}

/* Messages that a stream holds. */
static int64_t held(const struct yard *yard, const char *stream)
{
	natsConnection *connection = NULL;
	jsStreamInfo *info = NULL;
	jsCtx *js = NULL;
	int64_t n;

	assert_int_equal(natsConnection_ConnectTo(&connection, yard->url), NATS_OK);
	assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
	assert_int_equal(js_GetStreamInfo(&info, js, stream, NULL, NULL), NATS_OK);
	n = (int64_t)info->State.Msgs;
	jsStreamInfo_Destroy(info);
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	return n;
}

static void test_submit_each_page_once(void **state)
{
	enum { PAGES = 60 };
	bool seen[PAGES] = {false};

	if (!broker_there())
		return;
	struct yard yard = yard_open(3);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	for (uint64_t i = 0; i < PAGES; i++)
		submit(farm, i, PLAIN);
	assert_int_equal(farm_jobs(farm), PAGES);
	for (int i = 0; i < PAGES; i++) {
		struct farm_result result = next(farm);

		assert_int_equal(result.outcome, FARM_DONE);
		assert_true(result.id < PAGES && !seen[result.id]);
		seen[result.id] = true;
		assert_int_equal(result.recognition.seconds_ms, 7);
		recognition_release(&result.recognition);
	}
	assert_int_equal(farm_jobs(farm), 0);
	for (int i = 0; i < 100 && held(&yard, "ALTAKT_PAGES") + held(&yard, "ALTAKT_TEXTS"); i++)
		sleep_ms(20);
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	assert_int_equal(held(&yard, "ALTAKT_TEXTS"), 0);
	farm_close(farm);
	yard_close(&yard);
}

static void test_answers_that_are_none(void **state)
{
	if (!broker_there())
		return;
	struct yard yard = yard_open(1);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, RUBBISH);
	assert_outcome(farm, 1, FARM_RUBBISH, "no usable ALTO");
	submit(farm, 2, OTHER_PAGE);
	assert_outcome(farm, 2, FARM_RUBBISH, "another page");
	submit(farm, 3, FAILS);
	assert_outcome(farm, 3, FARM_FAILED, "the stand-in fails");
	submit(farm, 4, PLAIN);
	assert_outcome(farm, 4, FARM_DONE, "");
	farm_close(farm);
	yard_close(&yard);
}

static void test_page_that_kills_two_workers(void **state)
{
	if (!broker_there())
		return;
	struct yard yard = yard_open(3);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, DIES);
	assert_outcome(farm, 1, FARM_ASIDE, "two workers");
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	submit(farm, 2, PLAIN); /* the third lives */
	assert_outcome(farm, 2, FARM_DONE, "");
	farm_close(farm);
	yard_close(&yard);
}

static void test_worker_killed_at_work(void **state)
{
	if (!broker_there())
		return;
	struct yard yard = yard_open(1);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	char *mark = file_path("%s/stuck", yard.folder);
	submit(farm, 1, STUCK);
	for (int i = 0; i < 500 && !file_exists(mark); i++)
		sleep_ms(20);
	assert_true(file_exists(mark));
	end(&yard.workers[0], SIGKILL);
	worker_start(&yard, MODELS);
	assert_outcome(farm, 1, FARM_DONE, "");
	free(mark);
	farm_close(farm);
	yard_close(&yard);
}

static void test_slow_page_is_done_once(void **state)
{
	struct farm_result result = {0};
	struct error err = {0};
	bool got = true;

	if (!broker_there())
		return;
	struct yard yard = yard_open(2);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, SLOW);
	assert_outcome(farm, 1, FARM_DONE, "");
	assert_true(farm_next(farm, ACK_WAIT_MS, &result, &got, &err));
	assert_false(got);
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	farm_close(farm);
	yard_close(&yard);
}

static void test_broker_killed(void **state)
{
	if (!broker_there())
		return;
	for (int on_disk = 0; on_disk < 2; on_disk++) {
		struct yard yard = yard_open(2);
		struct farm *farm = farm_of(&yard, MODELS, 0, on_disk);
		bool seen[20] = {false};

		for (uint64_t i = 0; i < 20; i++)
			submit(farm, i, PLAIN);
		end(&yard.broker, SIGKILL);
		broker_start(&yard);
		for (int i = 0; i < 20; i++) {
			struct farm_result result = next(farm);

			if (result.outcome != FARM_DONE)
				fail_msg(
				    "page %llu: %s", (unsigned long long)result.id, result.failure);
			assert_true(result.id < 20 && !seen[result.id]);
			seen[result.id] = true;
			recognition_release(&result.recognition);
		}
		farm_close(farm);
		yard_close(&yard);
	}
}

static void test_page_that_the_broker_has_lost(void **state)
{
	natsConnection *connection = NULL;
	jsCtx *js = NULL;

	if (!broker_there())
		return;
	struct yard yard = yard_open(0);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, PLAIN);
	assert_int_equal(natsConnection_ConnectTo(&connection, yard.url), NATS_OK);
	assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
	assert_int_equal(js_PurgeStream(js, "ALTAKT_PAGES", NULL, NULL), NATS_OK);
	worker_start(&yard, MODELS);
	assert_outcome(farm, 1, FARM_DONE, "");
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	farm_close(farm);
	yard_close(&yard);
}

static void test_broker_gone_and_back(void **state)
{
	PIX *image = pixCreate(PLAIN, 60, 1);
	struct farm_page page = {image, 1, 300, PLAIN, 60, 300, 0};
	struct error err = {0};

	if (!broker_there())
		return;
	struct yard yard = yard_open(0);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, PLAIN);
	end(&yard.broker, SIGKILL);
	assert_outcome(farm, 1, FARM_LOST, "broker is gone");
	assert_false(farm_submit(farm, 2, &page, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	broker_start(&yard);
	worker_start(&yard, MODELS);
	for (int i = 0; i < 500; i++) {
		struct farm_result result = {0};
		bool got;

		assert_true(farm_next(farm, 20, &result, &got, &err));
		if (farm_submit(farm, 3, &page, &err))
			break;
	}
	assert_outcome(farm, 3, FARM_DONE, "");
	pixDestroy(&image);
	farm_close(farm);
	yard_close(&yard);
}

/* What was good at first is withdrawn: it is told why no page goes out any more. */
static void test_broker_takes_us_no_more(void **state)
{
	PIX *image = pixCreate(PLAIN, 60, 1);
	struct farm_page page = {image, 1, 300, PLAIN, 60, 300, 0};
	struct farm_result result = {0};
	struct error err = {0};
	bool got;

	if (!broker_there())
		return;
	struct yard yard = yard_open(0);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	submit(farm, 1, PLAIN);
	end(&yard.broker, SIGKILL);
	yard.locked = true;
	broker_start(&yard);
	assert_outcome(farm, 1, FARM_LOST, "the farm's broker");
	for (int i = 0; i < 1000 && !farm_refused(farm); i++)
		assert_true(farm_next(farm, 20, &result, &got, &err));
	assert_true(farm_refused(farm));
	assert_false(farm_submit(farm, 2, &page, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_non_null(strstr(err.what, "does not take us any more: see 'farm.credentials'"));
	pixDestroy(&image);
	farm_close(farm);
	yard_close(&yard);
}

static void test_worker_with_other_models(void **state)
{
	if (!broker_there())
		return;
	struct yard yard = yard_open(0);
	worker_start(&yard, "stand-in 2");
	struct farm *farm = farm_of(&yard, MODELS, 1500, false);
	submit(farm, 1, PLAIN);
	assert_outcome(farm, 1, FARM_LOST, "in time");
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	farm_close(farm);
	farm = farm_of(&yard, MODELS, 0, false); /* patient, but it sees that nobody is there */
	submit(farm, 2, PLAIN);
	assert_outcome(farm, 2, FARM_LOST, "no worker with these models");
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	worker_start(&yard, MODELS);
	submit(farm, 3, PLAIN);
	assert_outcome(farm, 3, FARM_DONE, "");
	farm_close(farm);
	yard_close(&yard);
}

/* Answers of an owner that died fill their stream: no worker is to blame, and no page pays for it.
 */
static void test_no_room_for_answers(void **state)
{
	static const char *subject = "altakt.text.>";
	static const char filler[1500] = "an answer that nobody fetches";
	natsConnection *connection = NULL;
	jsStreamConfig config;
	jsCtx *js = NULL;

	if (!broker_there())
		return;
	struct yard yard = yard_open(0);
	assert_int_equal(natsConnection_ConnectTo(&connection, yard.url), NATS_OK);
	assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
	jsStreamConfig_Init(&config);
	config.Name = "ALTAKT_TEXTS";
	config.Subjects = &subject;
	config.SubjectsLen = 1;
	config.Retention = js_WorkQueuePolicy;
	config.Storage = js_MemoryStorage;
	config.Discard = js_DiscardNew;
	config.MaxBytes = 2000;
	assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
	assert_int_equal(
	    js_Publish(NULL, js, "altakt.text.dead", filler, sizeof filler, NULL, NULL), NATS_OK);
	worker_start(&yard, MODELS);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	for (uint64_t i = 1; i <= 3; i++)
		submit(farm, i, PLAIN);
	bool seen[4] = {false};
	for (int i = 0; i < 3; i++) {
		struct farm_result result = next(farm);

		if (result.outcome != FARM_LOST || !strstr(result.failure, "no room"))
			fail_msg("outcome %d: %s", result.outcome, result.failure);
		assert_true(result.id >= 1 && result.id <= 3 && !seen[result.id]);
		seen[result.id] = true;
	}
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	assert_int_equal(held(&yard, "ALTAKT_TEXTS"), 1);
	assert_int_equal(js_PurgeStream(js, "ALTAKT_TEXTS", NULL, NULL), NATS_OK);
	submit(farm, 4, PLAIN); /* the same worker, the same owner */
	assert_outcome(farm, 4, FARM_DONE, "");
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	farm_close(farm);
	yard_close(&yard);
}

/* A message that no owner sent, and answers that nobody waits for. */
static void test_strangers(void **state)
{
	natsConnection *connection = NULL;
	natsMsg *msg = NULL;
	jsCtx *js = NULL;

	if (!broker_there())
		return;
	struct yard yard = yard_open(1);
	struct farm *farm = farm_of(&yard, MODELS, 0, false);
	assert_int_equal(natsConnection_ConnectTo(&connection, yard.url), NATS_OK);
	assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
	/* SHA-256 of "stand-in 1", as sha256sum gives it, begins the subject: found by asking the
	 * consumer */
	jsConsumerNamesList *names = NULL;
	assert_int_equal(js_ConsumerNames(&names, js, "ALTAKT_PAGES", NULL, NULL), NATS_OK);
	char subject[128];
	snprintf(subject, sizeof subject, "altakt.page.%s.x", names->List[0] + strlen("workers-"));
	jsConsumerNamesList_Destroy(names);
	assert_int_equal(js_Publish(NULL, js, subject, "rubbish", 7, NULL, NULL), NATS_OK);
	assert_int_equal(natsMsg_Create(&msg, subject, NULL, "II*", 3), NATS_OK);
	natsMsgHeader_Set(msg, "Altakt-Job", "../../x");
	natsMsgHeader_Set(msg, "Altakt-Image", "0");
	natsMsgHeader_Set(msg, "Altakt-Page", "9999999999999 -1 0 0 0 0");
	assert_int_equal(js_PublishMsg(NULL, js, msg, NULL, NULL), NATS_OK);
	natsMsg_Destroy(msg);
	submit(farm, 1, PLAIN);
	assert_outcome(farm, 1, FARM_DONE, "");
	for (int i = 0; i < 100 && held(&yard, "ALTAKT_PAGES"); i++)
		sleep_ms(20);
	assert_int_equal(held(&yard, "ALTAKT_PAGES"), 0);
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	farm_close(farm);
	yard_close(&yard);
}

static void test_same_text_as_here(void **state)
{
	struct recogniser *recogniser = NULL;
	struct recognition here = {0};
	struct farm_result there = {0};
	struct error err = {0};
	char *models = NULL;

	if (!broker_there() || !file_exists("/usr/share/tesseract-ocr/5/tessdata/deu.traineddata"))
		return;
	assert_true(recogniser_models("deu", "", &models, &err));
	assert_true(recogniser_open("deu", "", &recogniser, &err));
	assert_string_equal(models, recogniser_version(recogniser));
	L_BMF *font = bmfCreate(NULL, 20);
	PIX *image = pixCreate(900, 200, 1),
	    *text = pixAddSingleTextblock(
		image, font, "Sehr geehrte Damen und Herren", 1, L_ADD_ABOVE, NULL);
	struct farm_page page = {
	    text, 1.5, 200, pixGetWidth(text) * 3 / 2, pixGetHeight(text) * 3 / 2, 300, 60000};
	assert_true(farm_recognise_page(recogniser, &page, &here, &err));
	assert_true(here.words >= 4);
	struct yard yard = yard_open(0);
	worker_start(&yard, models);
	struct farm *farm = farm_of(&yard, models, 0, false);
	assert_true(farm_recognise(farm, &page, &there, &err));
	assert_int_equal(there.outcome, FARM_DONE);
	assert_string_equal(here.alto, there.recognition.alto);
	assert_int_equal(here.words, there.recognition.words);
	recognition_release(&here);
	recognition_release(&there.recognition);
	pixDestroy(&image);
	pixDestroy(&text);
	bmfDestroy(&font);
	recogniser_close(recogniser);
	free(models);
	farm_close(farm);
	yard_close(&yard);
}

static void test_address_check(void **state)
{
	static const struct {
		const char *url, *certificate,
		    *what; /* certificate: or .creds; what NULL: accepted */
	} cases[] = {
	    {"nats://127.0.0.1:4222", "", NULL},
	    {"nats://localhost", "", NULL},
	    {"localhost:4222", "", NULL},
	    {"nats://[::1]:4222,nats://127.0.0.1:4223", "", NULL},
	    {"tls://farm.example:4222", "me.pem", NULL},
	    {"tls://farm.example:4222", "me.creds", NULL},
	    {"", "", "no address"},
	    {"nats://farm.example:4222", "", "on the network"},
	    {"nats://farm.example:4222", "me.pem", "on the network"},
	    {"tls://farm.example:4222", "", "on the network"},
	    {"nats://127.0.0.1:4222,nats://10.0.0.1:4222", "", "'nats://10.0.0.1:4222'"},
	    {"nats://127.0.0.1.example.org:4222", "", "on the network"},
	    {"nats://localhost@farm.example:4222", "", "on the network"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct farm_options options = {.url = cases[i].url};
		bool creds = strstr(cases[i].certificate, ".creds") != NULL;
		struct error err = {0};

		*(creds ? &options.credentials : &options.certificate) = cases[i].certificate;
		bool ok = farm_address_check(&options, &err);

		if (ok != !cases[i].what)
			fail_msg("'%s': %s", cases[i].url, err.what);
		if (cases[i].what) {
			assert_int_equal(err.kind, ERROR_SETUP);
			assert_non_null(strstr(err.what, cases[i].what));
		}
	}
}

static void test_open_without_broker(void **state)
{
	char url[64];
	struct farm_options options = {.url = url, .models = MODELS};
	struct farm *farm = NULL;
	struct error err = {0};

	snprintf(url, sizeof url, "nats://127.0.0.1:%d", free_port());
	assert_false(farm_open(&options, &farm, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_non_null(strstr(err.what, "cannot be reached"));
	options.certificate = "/no/such.pem";
	err = (struct error){0};
	assert_false(farm_open(&options, &farm, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
	assert_non_null(strstr(err.what, "'/no/such.pem' of 'farm.certificate' cannot be read"));
	assert_null(farm);
}

/* A broker that is cut off in the middle of the TLS handshake. */
static void *silent_broker(void *self)
{
	static const char hello[] =
	    "INFO {\"server_id\":\"silent\",\"version\":\"2.9.10\",\"proto\":1,"
	    "\"max_payload\":1048576,\"tls_required\":true}\r\n";
	int fd = accept(*(int *)self, NULL, NULL);

	if (fd >= 0 && send(fd, hello, sizeof hello - 1, MSG_NOSIGNAL) < 0)
		close(fd);
	return NULL;
}

static void test_open_with_a_broker_that_is_cut_off(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof address;
	char url[64];
	struct farm_options options = {.url = url, .models = MODELS};
	struct farm *farm = NULL;
	struct error err = {0};
	pthread_t thread;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	assert_int_equal(pthread_create(&thread, NULL, silent_broker, &fd), 0);
	snprintf(url, sizeof url, "tls://127.0.0.1:%d", ntohs(address.sin_port));
	assert_false(farm_open(&options, &farm, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_non_null(strstr(err.what, "cannot be reached"));
	pthread_join(thread, NULL);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open_with_a_broker_that_is_cut_off),
	    cmocka_unit_test(test_submit_each_page_once),
	    cmocka_unit_test(test_answers_that_are_none),
	    cmocka_unit_test(test_page_that_kills_two_workers),
	    cmocka_unit_test(test_worker_killed_at_work),
	    cmocka_unit_test(test_slow_page_is_done_once),
	    cmocka_unit_test(test_broker_killed),
	    cmocka_unit_test(test_page_that_the_broker_has_lost),
	    cmocka_unit_test(test_broker_gone_and_back),
	    cmocka_unit_test(test_broker_takes_us_no_more),
	    cmocka_unit_test(test_worker_with_other_models),
	    cmocka_unit_test(test_no_room_for_answers),
	    cmocka_unit_test(test_strangers),
	    cmocka_unit_test(test_same_text_as_here),
	    cmocka_unit_test(test_address_check),
	    cmocka_unit_test(test_open_without_broker),
	};

	if (argc == 5 && strcmp(argv[1], "--work") == 0)
		return work(argv[2], argv[3], argv[4]);
	return cmocka_run_group_tests_name("farm", tests, NULL, NULL);
}
