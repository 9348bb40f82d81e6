#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "batch/page_file.h"
#include "config/file.h"
#include "tests/encoded_pages.h"

static char folder[] = "/tmp/altakt-page-file-XXXXXX";

static const struct drawn_word word = {"Wort", 100, 100, 200, 60, false};

static char *path_of(const char *name)
{
	return file_path("%s/%s", folder, name);
}

static void test_page_file_read_is_what_was_written(void **state)
{
	char *path = path_of("a.page"), hash[HASH_SIZE], file_hash[HASH_SIZE];
	struct error err = {0};

	for (int kind = PAGE_BITONAL; kind <= PAGE_MIXED; kind++) {
		struct encoded_page in = page_drawn(
					(enum page_kind)kind, 827, 1170, 100.25, &word, 1),
				    out = {0};
		uint64_t n = 0;
		in.ink_lost = 0.0625;
		in.fell_back = kind == PAGE_GREY;
		if (!page_file_write(&in, path, hash, &n, &err) ||
		    !page_file_read(path, &out, &err))
			fail_msg("%s", err.what);
		assert_int_equal((int64_t)n, file_size_bytes(path));
		assert_true(hash_file(HASH_SHA256, path, file_hash, NULL, &err));
		assert_string_equal(hash, file_hash);
		assert_int_equal(out.kind, in.kind);
		assert_int_equal(out.width_px, 827);
		assert_int_equal(out.height_px, 1170);
		assert_true(out.dpi == in.dpi && out.ink_lost == in.ink_lost);
		assert_int_equal(out.fell_back, in.fell_back);
		assert_int_equal(out.n_layers, in.n_layers);
		for (int i = 0; i < in.n_layers; i++) {
			const struct layer *a = &in.layers[i], *b = &out.layers[i];
			assert_int_equal(a->kind, b->kind);
			assert_int_equal(a->width_px, b->width_px);
			assert_int_equal(a->height_px, b->height_px);
			assert_true(a->x_px == b->x_px && a->y_px == b->y_px &&
			    a->w_px == b->w_px && a->h_px == b->h_px);
			if (a->kind == LAYER_JPEG)
				assert_int_equal(a->channels, b->channels);
			if (a->kind == LAYER_STENCIL)
				assert_memory_equal(a->rgb, b->rgb, 3);
			assert_int_equal(a->n_bytes, b->n_bytes);
			assert_memory_equal(a->data, b->data, a->n_bytes);
		}
		encoded_page_release(&in);
		encoded_page_release(&out);
	}
	free(path);
}

static void test_page_file_write_refuses_what_is_no_page(void **state)
{
	char *path = path_of("bad.page"), hash[HASH_SIZE];
	struct layer layer = {
	    LAYER_JPEG, 10, 10, 4, 0, 0, 10, 10, {0}, (uint8_t *)(uintptr_t) "x", 1};
	struct encoded_page page = {PAGE_COLOUR, 10, 10, 300, &layer, 1, 0, false};
	struct error err = {0};
	uint64_t n;

	assert_false(page_file_write(&page, path, hash, &n, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "channels"));
	layer.channels = 3;
	layer.data = NULL;
	err = (struct error){0};
	assert_false(page_file_write(&page, path, hash, &n, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "no bytes"));
	page.dpi = 0;
	err = (struct error){0};
	assert_false(page_file_write(&page, path, hash, &n, &err));
	assert_non_null(strstr(err.what, "resolution"));
	assert_false(file_exists(path));
	free(path);
}

static void test_page_file_write_no_folder(void **state)
{
	struct encoded_page page = page_drawn(PAGE_BITONAL, 40, 40, 100, NULL, 0);
	char *path = path_of("none/a.page"), hash[HASH_SIZE];
	struct error err = {0};
	uint64_t n;

	assert_false(page_file_write(&page, path, hash, &n, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, "none/a.page"));
	encoded_page_release(&page);
	free(path);
}

#define LAYER(fields) \
	"{\"kind\":\"g4\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,0,8,8]," fields "}"
#define HEAD(layers)                                                                         \
	"{\"format\":\"altakt-page/1\",\"kind\":\"bitonal\",\"width_px\":8,\"height_px\":8," \
	"\"dpi\":300,\"layers\":[" layers "]}\n"

static void test_page_file_read_hostile(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
	    {"", "no first line"},
	    {"{}", "no first line"},
	    {"{}\n", "does not describe a page"},
	    {"[]\n", "does not describe a page"},
	    {"\x89PNG\r\n", "does not describe a page"},
	    {HEAD(""), "number of layers"},
	    {HEAD("1") "x", "does not describe a layer"},
	    {HEAD(LAYER("\"bytes\":4")) "abc", "cut off"},
	    {HEAD(LAYER("\"bytes\":2")) "abc", "more bytes"},
	    {HEAD(LAYER("\"bytes\":0")), "does not describe a layer"},
	    {HEAD(LAYER("\"bytes\":-1")) "x", "does not describe a layer"},
	    {HEAD(LAYER("\"bytes\":9223372036854775807")) "x", "does not describe a layer"},
	    {HEAD(LAYER("\"bytes\":1073741824") "," LAYER("\"bytes\":1073741824")) "x", "cut off"},
	    {HEAD("{\"kind\":\"g4\",\"width_px\":4294967304,\"height_px\":8,\"box_px\":[0,0,8,8],"
		  "\"bytes\":1}") "x",
		"does not describe a layer"},
	    {HEAD("{\"kind\":\"g4\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,0,0,8],"
		  "\"bytes\":1}") "x",
		"place"},
	    {HEAD("{\"kind\":\"g4\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,1e300,8,8],"
		  "\"bytes\":1}") "x",
		"place"},
	    {HEAD("{\"kind\":\"jpeg\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,0,8,8],"
		  "\"bytes\":1}") "x",
		"channels"},
	    {HEAD("{\"kind\":\"jbig2\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,0,8,8],"
		  "\"bytes\":1}") "x",
		"does not describe a layer"},
	    {HEAD("{\"kind\":\"stencil\",\"width_px\":8,\"height_px\":8,\"box_px\":[0,0,8,8],"
		  "\"rgb\":[0,0,256],\"bytes\":1}") "x",
		"does not describe a layer"},
	    {"{\"format\":\"altakt-page/2\",\"kind\":\"bitonal\",\"width_px\":8,\"height_px\":8,"
	     "\"dpi\":300,\"layers\":[]}\n",
		"does not describe a page"},
	    {"{\"format\":\"altakt-page/1\",\"kind\":\"bitonal\",\"width_px\":-8,\"height_px\":8,"
	     "\"dpi\":300,\"layers\":[" LAYER("\"bytes\":1") "]}\nx",
		"size is out of range"},
	};
	char *path = path_of("hostile.page");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct encoded_page page = {0};
		struct error err = {0};
		assert_true(file_write(path, cases[i].text, strlen(cases[i].text), &err));
		if (page_file_read(path, &page, &err))
			fail_msg("case %zu was accepted", i);
		assert_int_equal(err.kind, ERROR_INPUT);
		if (!strstr(err.what, cases[i].what) || !strstr(err.what, "hostile.page"))
			fail_msg("case %zu: '%s' does not say '%s'", i, err.what, cases[i].what);
		assert_null(page.layers);
	}
	free(path);
}

static void test_page_file_read_cut_anywhere(void **state)
{
	struct encoded_page in = page_drawn(PAGE_MIXED, 200, 200, 100, NULL, 0), out = {0};
	char *path = path_of("cut.page"), hash[HASH_SIZE], *data;
	struct error err = {0};
	uint64_t n_written;
	size_t n = 0;

	assert_true(page_file_write(&in, path, hash, &n_written, &err));
	data = file_read(path, 1 << 20, &n, &err);
	assert_non_null(data);
	for (size_t k = 0; k < n; k += 1 + n / 50) {
		err = (struct error){0};
		assert_true(file_write(path, data, k, &err));
		assert_false(page_file_read(path, &out, &err));
		assert_int_equal(err.kind, ERROR_INPUT);
	}
	free(data);
	free(path);
	encoded_page_release(&in);
}

static void test_page_file_read_not_there(void **state)
{
	struct encoded_page page = {0};
	struct error err = {0};

	assert_false(page_file_read("/nonexistent/x.page", &page, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	err = (struct error){0};
	assert_false(page_file_read(folder, &page, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "not a file"));
}

static int begin(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	return file_remove(folder, NULL) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_page_file_read_is_what_was_written),
	    cmocka_unit_test(test_page_file_write_refuses_what_is_no_page),
	    cmocka_unit_test(test_page_file_write_no_folder),
	    cmocka_unit_test(test_page_file_read_hostile),
	    cmocka_unit_test(test_page_file_read_cut_anywhere),
	    cmocka_unit_test(test_page_file_read_not_there),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
