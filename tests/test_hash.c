#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/file.h"
#include "config/hash.h"

/* The examples of FIPS 180-4 (NIST's example values). */
static const struct {
	const char *text, *sha256, *sha512;
} examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	"204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
	"96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
};

static void test_hash_bytes_of_the_standards_examples(void **state)
{
	char hex[HASH_SIZE];

	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		hash_bytes(HASH_SHA256, examples[i].text, strlen(examples[i].text), hex);
		assert_string_equal(hex, examples[i].sha256);
		hash_bytes(HASH_SHA512, examples[i].text, strlen(examples[i].text), hex);
		assert_string_equal(hex, examples[i].sha512);
	}
}

static void test_hash_add_in_pieces(void **state)
{
	char data[5000], whole[HASH_SIZE], pieces[HASH_SIZE];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)rand();
	hash_bytes(HASH_SHA256, data, sizeof data, whole);
	struct hash *hash = hash_open(HASH_SHA256);
	for (size_t at = 0, step = 0; at < sizeof data; at += step) {
		step = at + at / 2 % 97 < sizeof data ? at / 2 % 97 + 1 : sizeof data - at;
		if (at + step > sizeof data)
			step = sizeof data - at;
		hash_add(hash, data + at, step);
	}
	hash_close(hash, pieces);
	assert_string_equal(pieces, whole);
	hash_close(hash_open(HASH_SHA512), NULL);
	hash_close(NULL, NULL);
}

static void test_hash_file_and_its_size(void **state)
{
	char folder[] = "/tmp/altakt-hash-XXXXXX", hex[HASH_SIZE], expected[HASH_SIZE];
	struct error err = {0};
	uint64_t n_bytes = 0;
	size_t n = 600000; /* more than one chunk */
	char *data = malloc(n);

	assert_non_null(mkdtemp(folder));
	char *path = file_path("%s/data", folder), *fifo = file_path("%s/fifo", folder);
	memset(data, 'x', n);
	assert_true(file_write(path, data, n, &err));
	assert_true(hash_file(HASH_SHA512, path, hex, &n_bytes, &err));
	hash_bytes(HASH_SHA512, data, n, expected);
	assert_string_equal(hex, expected);
	assert_int_equal(n_bytes, n);
	assert_true(hash_file(HASH_SHA256, path, hex, NULL, &err));
	assert_true(file_write(path, "", 0, &err));
	assert_true(hash_file(HASH_SHA256, path, hex, &n_bytes, &err));
	assert_string_equal(hex, examples[0].sha256);

	char *absent = file_path("%s/absent", folder);
	assert_false(hash_file(HASH_SHA256, absent, hex, NULL, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.what, absent));
	assert_non_null(strstr(err.what, "No such file"));
	assert_false(hash_file(HASH_SHA256, folder, hex, NULL, &err));
	assert_non_null(strstr(err.what, "Is a directory"));
	assert_int_equal(mkfifo(fifo, 0600), 0); /* nobody writes: must not wait */
	hash_file(HASH_SHA256, fifo, hex, NULL, &err);
	assert_true(file_remove(folder, &err));
	free(data);
	free(path);
	free(fifo);
	free(absent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hash_bytes_of_the_standards_examples),
	    cmocka_unit_test(test_hash_add_in_pieces),
	    cmocka_unit_test(test_hash_file_and_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
