#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "batch/money.h"

static int64_t times(const char *rate, int64_t count, enum money_rounding rounding)
{
	struct money_rate r;
	struct error err = {0};
	int64_t cents = -1;

	assert_true(money_rate_read(rate, &r, &err));
	assert_true(money_times(r, count, rounding, &cents, &err));
	return cents;
}

static void test_money_times_seed(void **state)
{
	assert_int_equal(times("0.75", 36000, MONEY_HALF_UP), 2700000);
	assert_int_equal(times("0,75", 21000, MONEY_HALF_UP), 1575000);
	assert_int_equal(times("0.01", 3000000, MONEY_HALF_UP), 3000000);
	assert_int_equal(times("0.01", 5000000, MONEY_DOWN), 5000000);
}

static void test_money_times_rounding(void **state)
{
	static const struct {
		const char *rate;
		int64_t count, half_up, half_even, down;
	} table[] = {
	    {"0.005", 1, 1, 0, 0},
	    {"0.005", 2, 1, 1, 1},
	    {"0.005", 3, 2, 2, 1},
	    {"0.005", -1, -1, 0, 0},
	    {"0.005", -3, -2, -2, -1},
	    {"1.335", 1, 134, 134, 133},
	    {"1.345", 1, 135, 134, 134},
	    {"1.335", 3, 401, 400, 400},
	    {"0.0049", 1, 0, 0, 0},
	    {"0.0051", 1, 1, 1, 0},
	    {"0.75", 0, 0, 0, 0},
	    {"0.00000000000001", 500000000000000, 500, 500, 500},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		assert_int_equal(
		    times(table[i].rate, table[i].count, MONEY_HALF_UP), table[i].half_up);
		assert_int_equal(
		    times(table[i].rate, table[i].count, MONEY_HALF_EVEN), table[i].half_even);
		assert_int_equal(times(table[i].rate, table[i].count, MONEY_DOWN), table[i].down);
	}
}

static void test_money_times_too_large(void **state)
{
	struct money_rate rate;
	struct error err = {0};
	int64_t cents;

	assert_true(money_rate_read("999999999999999", &rate, &err));
	assert_false(money_times(rate, INT64_MAX, MONEY_DOWN, &cents, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.what, "too large"));
	assert_false(money_add(INT64_MAX, 1, &cents, &err));
}

static void test_money_rate_read_nonsense(void **state)
{
	static const char *const bad[] = {"", "abc", "0.7.5", "-0.75", "+1", ".75", "1.", "1e3",
	    " 1", "0.75 ", "1234567890123456", "0,7.5", "٣"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct money_rate rate = {7, 7};
		struct error err = {0};
		assert_false(money_rate_read(bad[i], &rate, &err));
		assert_int_equal(err.kind, ERROR_SETUP);
		assert_non_null(strstr(err.what, "is no rate"));
		assert_int_equal(rate.units, 7);
	}
}

static void test_money_rate_text_keeps_digits(void **state)
{
	static const char *const table[][2] = {{"0.75", "0.75"}, {"0,750", "0.750"}, {"12", "12"},
	    {"00.01", "0.01"}, {"1.005", "1.005"}};
	char buf[MONEY_SIZE];

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct money_rate rate;
		struct error err = {0};
		assert_true(money_rate_read(table[i][0], &rate, &err));
		money_rate_text(rate, buf);
		assert_string_equal(buf, table[i][1]);
	}
}

static void test_money_show_both_ways(void **state)
{
	char buf[MONEY_SIZE];
	struct money_rate rate;
	struct error err = {0};

	money_show(2700000, "EUR", true, buf);
	assert_string_equal(buf, "27.000,00 €");
	money_show(2700000, "EUR", false, buf);
	assert_string_equal(buf, "27,000.00 €");
	money_show(-75, "CHF", true, buf);
	assert_string_equal(buf, "-0,75 CHF");
	money_show(INT64_MIN, "EUR", true, buf);
	assert_string_equal(buf, "-92.233.720.368.547.758,08 €");
	money_plain(2700000, buf);
	assert_string_equal(buf, "27000.00");
	money_plain(-5, buf);
	assert_string_equal(buf, "-0.05");
	money_count(5000000, true, buf);
	assert_string_equal(buf, "5.000.000");
	money_count(-999, true, buf);
	assert_string_equal(buf, "-999");
	assert_true(money_rate_read("0.005", &rate, &err));
	money_rate_show(rate, "EUR", true, buf);
	assert_string_equal(buf, "0,005 €");
}

static void test_money_cents_read(void **state)
{
	static const struct {
		const char *text;
		int64_t cents;
	} table[] = {
	    {"27000", 2700000}, {"27000.5", 2700050}, {"27000,05", 2700005}, {"-0.75", -75}};
	struct error err = {0};
	int64_t cents;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		assert_true(money_cents_read(table[i].text, &cents, &err));
		assert_int_equal(cents, table[i].cents);
	}
	assert_false(money_cents_read("27.000,00", &cents, &err));
	assert_false(money_cents_read("1.005", &cents, &err));
	assert_false(money_cents_read("--1", &cents, &err));
	assert_int_equal(err.kind, ERROR_INPUT);
}

static void test_money_rounding_read(void **state)
{
	enum money_rounding r;
	struct error err = {0};

	assert_true(money_rounding_read("half-even", &r, &err));
	assert_int_equal(r, MONEY_HALF_EVEN);
	assert_string_equal(money_rounding_text(r), "half-even");
	assert_false(money_rounding_read("up", &r, &err));
	assert_int_equal(err.kind, ERROR_SETUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_money_times_seed),
	    cmocka_unit_test(test_money_times_rounding),
	    cmocka_unit_test(test_money_times_too_large),
	    cmocka_unit_test(test_money_rate_read_nonsense),
	    cmocka_unit_test(test_money_rate_text_keeps_digits),
	    cmocka_unit_test(test_money_show_both_ways),
	    cmocka_unit_test(test_money_cents_read),
	    cmocka_unit_test(test_money_rounding_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
