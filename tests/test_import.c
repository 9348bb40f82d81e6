/* What a scan-to-folder device left, as a list: order, pages, identity, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <tiffio.h>

#include "config/file.h"
#include "config/hash.h"
#include "scan/import.h"

struct room {
	char folder[64];
};

static int room_make(void **state)
{
	struct room *room = calloc(1, sizeof *room);

	strcpy(room->folder, "/tmp/altakt-import-XXXXXX");
	assert_non_null(mkdtemp(room->folder));
	*state = room;
	return 0;
}

static int room_drop(void **state)
{
	struct room *room = *state;

	file_remove(room->folder, NULL);
	free(room);
	return 0;
}

static char *tiff_put(const struct room *room, const char *name, int pages)
{
	char *path = file_path("%s/%s", room->folder, name);
	TIFF *tif = TIFFOpen(path, "w");
	uint8_t line[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	assert_non_null(tif);
	for (int p = 0; p < pages; p++) {
		TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 8);
		TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
		TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 8);
		TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
		TIFFWriteScanline(tif, line, 0, 0);
		TIFFWriteDirectory(tif);
	}
	TIFFClose(tif);
	return path;
}

static void bytes_put(const struct room *room, const char *name, const char *bytes)
{
	char *path = file_path("%s/%s", room->folder, name);
	struct error err = {0};

	assert_true(file_write(path, bytes, strlen(bytes), &err));
	free(path);
}

static void test_import_list_open_in_byte_order(void **state)
{
	static const char *const wanted[] = {
	    "B.tif", "a10.tif", "a9.tif", "a9.tif", "a9.tif", "\xc3\xa4.tif"};
	struct room *room = *state;
	const char *paths[] = {room->folder};
	struct import_list list = {0};
	struct error err = {0};

	free(tiff_put(room, "a9.tif", 3));
	free(tiff_put(room, "a10.tif", 1));
	free(tiff_put(room, "\xc3\xa4.tif", 1));
	free(tiff_put(room, "B.tif", 1));
	bytes_put(room, ".hidden", "no image");
	bytes_put(room, "c.tif.part", "not yet an image");
	char *below = file_path("%s/below", room->folder);
	assert_true(file_make_folder(below, &err));
	free(below);
	if (!import_list_open(paths, 1, &list, &err))
		fail_msg("%s", err.what);
	assert_int_equal(list.n, 6);
	for (int i = 0; i < list.n; i++) {
		char hex[HASH_SIZE];
		uint64_t n = 0;
		assert_string_equal(strrchr(list.images[i].path, '/') + 1, wanted[i]);
		assert_int_equal(list.images[i].path[0], '/');
		assert_true(hash_file(HASH_SHA256, list.images[i].path, hex, &n, &err));
		assert_string_equal(hex, list.images[i].sha256);
		assert_int_equal(n, list.images[i].file_bytes);
		assert_true(list.images[i].mtime_ns > 0);
	}
	for (int page = 0; page < 3; page++) {
		assert_int_equal(list.images[2 + page].page, page);
		assert_int_equal(list.images[2 + page].n_pages, 3);
	}
	import_list_release(&list);
	assert_null(list.images);
}

static void test_import_list_open_the_same_file_once(void **state)
{
	struct room *room = *state;
	char *one = tiff_put(room, "one.tif", 2),
	     *link_path =
		 file_path("%s/../%s/one.tif", room->folder, strrchr(room->folder, '/') + 1);
	const char *paths[] = {one, link_path, room->folder};
	struct import_list list = {0};
	struct error err = {0};

	assert_true(import_list_open(paths, 3, &list, &err));
	assert_int_equal(list.n, 2);
	import_list_release(&list);
	free(one);
	free(link_path);
}

static void test_import_list_open_refuses(void **state)
{
	struct room *room = *state;
	const char *paths[] = {room->folder}, *nowhere[] = {"/nonexistent/scan.tif"};
	struct import_list list = {0};
	struct error err = {0};

	assert_false(import_list_open(nowhere, 1, &list, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "/nonexistent/scan.tif"));
	free(tiff_put(room, "a.tif", 1));
	bytes_put(room, "b.docx", "PK: a letter, but no image");
	err = (struct error){0};
	assert_false(import_list_open(paths, 1, &list, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "b.docx"));
	assert_null(list.images);
	assert_int_equal(list.n, 0);
}

static bool keep_pages_from_one(void *self, const struct import_image *image)
{
	++*(int *)self;
	return image->page >= 1;
}

static void test_import_list_filter_keeps_order(void **state)
{
	struct room *room = *state;
	char *three = tiff_put(room, "three.tif", 3);
	const char *paths[] = {three};
	struct import_list list = {0};
	struct import_image copy;
	struct error err = {0};
	int asked = 0;

	assert_true(import_list_open(paths, 1, &list, &err));
	import_list_filter(&list, keep_pages_from_one, &asked);
	assert_int_equal(asked, 3);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.images[0].page, 1);
	import_image_copy(&copy, &list.images[1]);
	assert_ptr_not_equal(copy.path, list.images[1].path);
	assert_string_equal(copy.path, list.images[1].path);
	free(copy.path);
	import_list_release(&list);
	free(three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_import_list_open_in_byte_order, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_import_list_open_the_same_file_once, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(test_import_list_open_refuses, room_make, room_drop),
	    cmocka_unit_test_setup_teardown(
		test_import_list_filter_keeps_order, room_make, room_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
