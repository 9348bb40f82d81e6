/*
 * Driving SANE: its own `test` backend, held against what `scanimage` delivers, in every kind of
 * frame and with every status that it can be told to answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>

#include "config/file.h"
#include "scan/scanner.h"

/* Backends stay loaded, so that the leak checker can tell whose leaks it found. */
int dlclose(void *handle);
int dlclose(void *handle)
{
	return 0;
}

/*
 * The test backend's reader has itself cancelled at any instruction, in malloc() too, which then
 * never gives its lock back: one scan in some thousand hangs, in scanimage as well. Its reader may
 * be cancelled in write() and usleep() alone, here.
 */
int pthread_setcanceltype(int type, int *before);
int pthread_setcanceltype(int type, int *before)
{
	if (before)
		*before = PTHREAD_CANCEL_DEFERRED;
	return 0;
}

static char folder[] = "/tmp/altakt-scanner-XXXXXX";
static bool test_backend_there;

static int folder_make(void **state)
{
	struct device_list list = {0};
	struct error err = {0};

	if (!mkdtemp(folder))
		return -1;
	char *conf = file_path("%s/dll.conf", folder);
	assert_true(file_write(conf, "test\n", 5, &err));
	free(conf);
	setenv("SANE_CONFIG_DIR", folder, 1);
	assert_true(device_list_open(&list, &err));
	for (int i = 0; i < list.n; i++)
		test_backend_there =
		    test_backend_there || strcmp(list.devices[i].name, "test:0") == 0;
	device_list_release(&list);
	return 0;
}

static int folder_drop(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

#define NEED_TEST_BACKEND()                                                               \
	do {                                                                              \
		if (!test_backend_there) {                                                \
			print_message("skipped: SANE's test backend is not installed\n"); \
			skip();                                                           \
		}                                                                         \
	} while (0)

static struct scanner_options options_for(const char *mode, const char *const *extra)
{
	return (struct scanner_options){.device = "test:0",
	    .mode = mode,
	    .resolution_dpi = 75,
	    .page_width_mm = 40,
	    .page_height_mm = 30,
	    .timeout_ms = 20000,
	    .source = "Flatbed",
	    .extra = extra};
}

/* What scanimage writes (PNM), parsed. */
struct pnm {
	char kind;
	int w, h, most;
	uint8_t *data;
	size_t n;
	char *file;
};

static bool pnm_read(const char *arguments, struct pnm *out)
{
	char *path = file_path("%s/out.pnm", folder), *command;
	struct error err = {0};
	size_t n = 0;
	int at = 0;

	command = file_path("timeout 10 scanimage -d test:0 --format=pnm %s > %s 2> %s/said",
	    arguments, path, folder);
	int rc = system(command);
	free(command);
	if (rc != 0) {
		free(path);
		return false;
	}
	out->file = file_read(path, 1 << 28, &n, &err);
	free(path);
	assert_non_null(out->file);
	if (sscanf(out->file, "P%c # SANE data follows %d %d%n", &out->kind, &out->w, &out->h,
		&at) != 3)
		return false;
	if (out->kind != '4') {
		int more = 0;
		if (sscanf(out->file + at, " %d%n", &out->most, &more) != 1)
			return false;
		at += more;
	}
	out->data = (uint8_t *)out->file + at + 1;
	out->n = n - (size_t)at - 1;
	return true;
}

/* Bytes of an image as PNM stores them; 16 bits most significant first. */
static void image_compare(const char *name, const struct raw_image *image, const struct pnm *pnm)
{
	size_t samples = (size_t)image->width_px * (size_t)image->channels;
	size_t line =
	    image->depth_bits == 1 ? (samples + 7) / 8 : samples * (size_t)image->depth_bits / 8;

	if (image->width_px != pnm->w || image->height_px != pnm->h)
		fail_msg("%s: %d x %d, scanimage %d x %d", name, image->width_px, image->height_px,
		    pnm->w, pnm->h);
	/* scanimage writes the padding at the ends of lines into its picture */
	size_t step = pnm->n / (size_t)pnm->h;
	assert_int_equal(pnm->n % (size_t)pnm->h, 0);
	assert_true(step >= line);
	for (int y = 0; y < image->height_px; y++) {
		const uint8_t *ours = image->data + (size_t)y * image->line_bytes;
		const uint8_t *theirs = pnm->data + (size_t)y * step;
		for (size_t i = 0; i < line; i++) {
			uint8_t v = ours[image->depth_bits == 16 ? i ^ 1 : i];
			if (v != theirs[i] &&
			    !(image->depth_bits == 1 && i == line - 1 && image->width_px % 8))
				fail_msg("%s: line %d, byte %zu is %02x, scanimage %02x", name, y,
				    i, v, theirs[i]);
		}
	}
}

static void test_scanner_feed_as_scanimage(void **state)
{
	static const struct {
		const char *name, *mode;
		const char *extra[5];
		const char *arguments;
	} rows[] = {
	    {"grey 8", "Gray", {"test-picture=Color pattern"},
		"--mode Gray --depth 8 --test-picture 'Color pattern'"},
	    {"grey 8 grid", "Gray", {"test-picture=Grid"},
		"--mode Gray --depth 8 --test-picture Grid"},
	    {"grey 16", "Gray", {"test-picture=Color pattern", "depth=16"},
		"--mode Gray --depth 16 --test-picture 'Color pattern'"},
	    {"lineart", "Lineart", {"test-picture=Grid"},
		"--mode Gray --depth 1 --test-picture Grid"},
	    {"colour 8", "Color", {"test-picture=Color pattern"},
		"--mode Color --depth 8 --test-picture 'Color pattern'"},
	    {"colour 16", "Color", {"test-picture=Color pattern", "depth=16"},
		"--mode Color --depth 16 --test-picture 'Color pattern'"},
	    {"three pass", "Color", {"test-picture=Color pattern", "three-pass=yes"},
		"--mode Color --depth 8 --three-pass=yes --test-picture 'Color pattern'"},
	    {"three pass BRG", "Color",
		{"test-picture=Color pattern", "three-pass=yes", "three-pass-order=BRG"},
		"--mode Color --depth 8 --test-picture 'Color pattern'"},
	    {"three pass 16", "Color", {"test-picture=Color pattern", "three-pass=yes", "depth=16"},
		"--mode Color --depth 16 --test-picture 'Color pattern'"},
	    {"hand scanner", "Color", {"test-picture=Color pattern", "hand-scanner=yes"},
		"--mode Color --depth 8 --hand-scanner=yes --test-picture 'Color pattern'"},
	    {"hand scanner, lineart", "Lineart", {"test-picture=Grid", "hand-scanner=yes"},
		"--mode Gray --depth 1 --hand-scanner=yes --test-picture Grid"},
	    {"read limit", "Color",
		{"test-picture=Color pattern", "read-limit=yes", "read-limit-size=7"},
		"--mode Color --depth 8 --test-picture 'Color pattern'"},
	    {"read limit 1, 16 bit", "Gray",
		{"test-picture=Color pattern", "depth=16", "read-limit=yes", "read-limit-size=1"},
		"--mode Gray --depth 16 --test-picture 'Color pattern'"},
	    {"ppl loss", "Color", {"test-picture=Color pattern", "ppl-loss=11"},
		"--mode Color --depth 8 --ppl-loss 11 --test-picture 'Color pattern'"},
	    {"ppl loss, lineart", "Lineart", {"test-picture=Grid", "ppl-loss=11"},
		"--mode Gray --depth 1 --ppl-loss 11 --test-picture Grid"},
	    {"fuzzy parameters", "Color", {"test-picture=Color pattern", "fuzzy-parameters=yes"},
		"--mode Color --depth 8 --test-picture 'Color pattern'"},
	    {"non-blocking", "Color", {"test-picture=Color pattern", "non-blocking=yes"},
		"--mode Color --depth 8 --test-picture 'Color pattern'"},
	    {"select", "Gray", {"test-picture=Color pattern", "select-fd=yes", "read-delay=yes"},
		"--mode Gray --depth 8 --test-picture 'Color pattern'"},
	    {"inverted bytes", "Gray",
		{"test-picture=Color pattern", "depth=16", "invert-endianess=yes"},
		"--mode Gray --depth 16 --invert-endianess=yes --test-picture 'Color pattern'"},
	};
	int compared = 0;

	NEED_TEST_BACKEND();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *extra[6] = {0};
		struct scanner *scanner = NULL;
		struct error err = {0};
		struct sheet sheet = {0};
		struct pnm pnm = {0};
		bool fed = false;

		memcpy(extra, rows[i].extra, sizeof rows[i].extra);
		struct scanner_options options = options_for(rows[i].mode, extra);
		if (!scanner_open(&options, &scanner, &err))
			fail_msg("%s: %s; %s", rows[i].name, err.what, err.todo);
		assert_false(scanner_duplex(scanner));
		assert_true(scanner_is_flatbed(scanner));
		if (!scanner_feed(scanner, &sheet, &fed, &err))
			fail_msg("%s: %s", rows[i].name, err.what);
		assert_true(fed);
		assert_int_equal(sheet.n_images, 1);
		assert_int_equal(sheet.n_expected, 1);
		assert_true(sheet.images[0].dpi == 75);
		char *arguments =
		    file_path("--resolution 75 -l 0 -t 0 -x 40 -y 30 %s", rows[i].arguments);
		if (pnm_read(arguments, &pnm)) {
			image_compare(rows[i].name, &sheet.images[0], &pnm);
			compared++;
		} else {
			print_message("skipped: scanimage does not deliver '%s'\n", rows[i].name);
		}
		free(arguments);
		free(pnm.file);
		sheet_release(&sheet);
		scanner_close(scanner);
	}
	if (system("command -v scanimage > /dev/null") == 0)
		assert_true(compared >= 15);
}

/* Colour with one bit: each byte holds eight pixels of one channel. */
static void test_scanner_feed_colour_of_one_bit(void **state)
{
	static const char *const passes[] = {"three-pass=no", "three-pass=yes"};
	struct raw_image first = {0};

	NEED_TEST_BACKEND();
	for (size_t i = 0; i < 2; i++) {
		const char *extra[] = {"depth=1", "test-picture=Color pattern", passes[i], NULL};
		struct scanner_options options = options_for("Color", extra);
		struct scanner *scanner = NULL;
		struct error err = {0};
		struct sheet sheet = {0};
		bool fed = false;
		assert_true(scanner_open(&options, &scanner, &err));
		if (!scanner_feed(scanner, &sheet, &fed, &err))
			fail_msg("%s: %s", passes[i], err.what);
		assert_int_equal(sheet.images[0].channels, 3);
		assert_int_equal(sheet.images[0].depth_bits, 8);
		for (size_t k = 0;
		     k < sheet.images[0].line_bytes * (size_t)sheet.images[0].height_px; k++)
			assert_true(sheet.images[0].data[k] == 0 || sheet.images[0].data[k] == 255);
		if (i == 0)
			raw_image_move(&first, &sheet.images[0]);
		else
			assert_memory_equal(first.data, sheet.images[0].data,
			    first.line_bytes * (size_t)first.height_px);
		sheet_release(&sheet);
		scanner_close(scanner);
	}
	raw_image_release(&first);
}

static void test_scanner_feed_until_empty(void **state)
{
	struct scanner_options options = options_for("Gray", NULL);
	struct scanner *scanner = NULL;
	struct error err = {0};
	struct sheet sheet = {0};
	bool fed = true;
	int n = 0;

	NEED_TEST_BACKEND();
	options.source = NULL; /* found by itself */
	assert_true(scanner_open(&options, &scanner, &err));
	assert_string_equal(scanner_source(scanner), "Automatic Document Feeder");
	assert_false(scanner_is_flatbed(scanner));
	assert_string_equal(scanner_device(scanner), "test:0");
	assert_non_null(strstr(scanner_model(scanner), "frontend-tester"));
	for (;;) {
		if (!scanner_feed(scanner, &sheet, &fed, &err))
			fail_msg("sheet %d: %s", n + 1, err.what);
		if (!fed)
			break;
		assert_int_equal(sheet.device_count, -1);
		assert_null(sheet.images[1].data);
		sheet_release(&sheet);
		n++;
	}
	assert_int_equal(n, 10);
	assert_null(sheet.images[0].data);
	scanner_close(scanner);
}

static void test_scanner_feed_every_status(void **state)
{
	static const struct {
		const char *status;
		enum error_kind kind;
		const char *piece;
	} rows[] = {
	    {"SANE_STATUS_UNSUPPORTED", ERROR_SETUP, "cannot do this"},
	    {"SANE_STATUS_CANCELLED", ERROR_PAPER, "stopped"},
	    {"SANE_STATUS_DEVICE_BUSY", ERROR_SETUP, "busy"},
	    {"SANE_STATUS_INVAL", ERROR_SETUP, "invalid"},
	    {"SANE_STATUS_EOF", ERROR_SETUP, "without a line"},
	    {"SANE_STATUS_JAMMED", ERROR_PAPER, "jam"},
	    {"SANE_STATUS_NO_DOCS", ERROR_PAPER, "empty"},
	    {"SANE_STATUS_COVER_OPEN", ERROR_PAPER, "cover is open"},
	    {"SANE_STATUS_IO_ERROR", ERROR_SETUP, "connection"},
	    {"SANE_STATUS_NO_MEM", ERROR_SYSTEM, "memory"},
	    {"SANE_STATUS_ACCESS_DENIED", ERROR_SETUP, "denied"},
	};

	NEED_TEST_BACKEND();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *value = file_path("read-return-value=%s", rows[i].status);
		const char *extra[] = {value, NULL};
		struct scanner_options options = options_for("Gray", extra);
		struct scanner *scanner = NULL;
		struct error err = {0};
		struct sheet sheet = {0};
		bool fed = true;
		assert_true(scanner_open(&options, &scanner, &err));
		assert_false(scanner_feed(scanner, &sheet, &fed, &err));
		if (err.kind != rows[i].kind || !strstr(err.what, rows[i].piece))
			fail_msg("%s: kind %d, '%s'", rows[i].status, err.kind, err.what);
		assert_non_null(strstr(err.what, "test:0"));
		assert_true(err.todo[0] != '\0');
		assert_false(fed);
		assert_null(sheet.images[0].data);
		scanner_close(scanner);
		free(value);
	}
}

static void refused(
    struct scanner_options options, enum error_kind kind, const char *what, const char *todo)
{
	struct scanner *scanner = NULL;
	struct error err = {0};

	assert_false(scanner_open(&options, &scanner, &err));
	assert_null(scanner);
	assert_int_equal(err.kind, kind);
	if (!strstr(err.what, what) || !strstr(err.todo, todo))
		fail_msg("'%s' / '%s' is not about '%s' / '%s'", err.what, err.todo, what, todo);
}

static void test_scanner_open_refusals(void **state)
{
	const char *const lacking[] = {"no-such-thing=1", NULL}, *const bad[] = {"depth=7", NULL};
	const char *const word[] = {"test-picture=Mona Lisa", NULL},
			  *const inactive[] = {"three-pass=yes", NULL};
	const char *const shape[] = {"nothing", NULL};
	struct scanner_options options = options_for("Gray", NULL);

	NEED_TEST_BACKEND();
	options.device = "test:77";
	refused(options, ERROR_SETUP, "test:77", "test:0");
	options = options_for("Gray", NULL);
	options.source = "Card Reader";
	refused(options, ERROR_SETUP, "Card Reader", "Automatic Document Feeder");
	options = options_for("Sepia", NULL);
	refused(options, ERROR_SETUP, "Sepia", "Color");
	options = options_for("Gray", NULL);
	options.resolution_dpi = 4800;
	refused(options, ERROR_SETUP, "4800 dpi", "1 to 1200");
	refused(
	    options_for("Gray", lacking), ERROR_SETUP, "no option 'no-such-thing'", "resolution");
	refused(options_for("Gray", bad), ERROR_SETUP, "'7' is not a value", "1, 8, 16");
	refused(options_for("Gray", word), ERROR_SETUP, "Mona Lisa", "Solid white");
	refused(options_for("Gray", inactive), ERROR_SETUP, "not active", "");
	refused(options_for("Gray", shape), ERROR_SETUP, "'nothing'", "option.name");
	options = options_for("Gray", NULL);
	options.device = "paper:/nonexistent/stack";
	refused(options, ERROR_SETUP, "/nonexistent/stack", "");
}

static void test_scanner_open_reports_what_was_rounded(void **state)
{
	const char *const extra[] = {"enable-test-options=yes", "int-inexact=7",
	    "fixed-constraint-word-list=12.1",
	    "int-constraint-array-constraint-range=4,6,8,10,12,14",
	    "string-constraint-string-list=second entry", NULL};
	struct scanner_options options = options_for("Color", extra);
	struct scanner *scanner = NULL;
	struct error err = {0};
	bool inexact = false, wide = false;

	NEED_TEST_BACKEND();
	options.page_width_mm = 1000; /* wider than the device */
	if (!scanner_open(&options, &scanner, &err))
		fail_msg("%s; %s", err.what, err.todo);
	char *text = scanner_abilities(scanner);
	json_t *root = json_loads(text, 0, NULL), *o;
	size_t i;
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "device")), "test:0");
	assert_int_equal(json_array_size(json_object_get(root, "sources")), 2);
	assert_true(json_is_null(json_object_get(json_object_get(root, "double_feed"), "on")));
	json_array_foreach(json_object_get(root, "settings"), i, o)
	{
		const char *name = json_string_value(json_object_get(o, "option"));
		bool exact = json_boolean_value(json_object_get(o, "exact"));
		if (strcmp(name, "int-inexact") == 0)
			inexact = !exact;
		if (strcmp(name, "br-x") == 0)
			wide = !exact &&
			    strcmp(json_string_value(json_object_get(o, "got")), "200") == 0;
		if (strcmp(name, "string-constraint-string-list") == 0)
			assert_string_equal(
			    json_string_value(json_object_get(o, "got")), "Second entry");
	}
	assert_true(inexact);
	assert_true(wide);
	json_decref(root);
	free(text);
	scanner_close(scanner);
}

static void *cancel_soon(void *scanner)
{
	usleep(150000);
	scanner_cancel(scanner);
	return NULL;
}

static void test_scanner_cancel_breaks_off(void **state)
{
	const char *const extra[] = {"read-delay=yes", "read-delay-duration=200000",
	    "read-limit=yes", "read-limit-size=50", NULL};
	struct scanner_options options = options_for("Color", extra);
	struct scanner *scanner = NULL;
	struct error err = {0};
	struct sheet sheet = {0};
	pthread_t thread;
	bool fed = true;

	NEED_TEST_BACKEND();
	options.resolution_dpi = 600;
	options.page_width_mm = options.page_height_mm = 200;
	assert_true(scanner_open(&options, &scanner, &err));
	pthread_create(&thread, NULL, cancel_soon, scanner);
	assert_false(scanner_feed(scanner, &sheet, &fed, &err));
	assert_int_equal(err.kind, ERROR_PAPER);
	assert_non_null(strstr(err.what, "stopped"));
	pthread_join(thread, NULL);
	scanner_close(scanner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scanner_feed_as_scanimage),
	    cmocka_unit_test(test_scanner_feed_colour_of_one_bit),
	    cmocka_unit_test(test_scanner_feed_until_empty),
	    cmocka_unit_test(test_scanner_feed_every_status),
	    cmocka_unit_test(test_scanner_open_refusals),
	    cmocka_unit_test(test_scanner_open_reports_what_was_rounded),
	    cmocka_unit_test(test_scanner_cancel_breaks_off),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
