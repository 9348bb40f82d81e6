#include "batch/money.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/text.h"

enum { RATE_DIGITS = 15 };

__extension__ typedef __int128 wide; /* 15 digits of a rate times 19 of a count */

static wide power_of_ten(int n)
{
	wide p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

/* Digits, at most one point or comma between digits. decimals is filled. */
static bool decimal_read(const char *text, int64_t *units, int *decimals)
{
	int digits = 0, behind = -1;
	int64_t n = 0;

	for (const char *p = text; *p; p++) {
		if (isdigit((unsigned char)*p)) {
			if (++digits > RATE_DIGITS)
				return false;
			n = n * 10 + (*p - '0');
			if (behind >= 0)
				behind++;
		} else if ((*p == '.' || *p == ',') && behind < 0 && digits > 0) {
			behind = 0;
		} else {
			return false;
		}
	}
	if (digits == 0 || behind == 0)
		return false;
	*units = n;
	*decimals = behind < 0 ? 0 : behind;
	return true;
}

bool money_rate_read(const char *text, struct money_rate *out, struct error *err)
{
	struct money_rate rate = {0};

	if (!decimal_read(text, &rate.units, &rate.digits))
		return error_set(err, ERROR_SETUP,
		    _("write a rate such as 0.75 or 0,75, at most 15 digits"), _("'%s' is no rate"),
		    text);
	*out = rate;
	return true;
}

void money_rate_text(struct money_rate rate, char buf[MONEY_SIZE])
{
	int64_t p = (int64_t)power_of_ten(rate.digits);

	if (rate.digits == 0)
		snprintf(buf, MONEY_SIZE, "%lld", (long long)rate.units);
	else
		snprintf(buf, MONEY_SIZE, "%lld.%0*lld", (long long)(rate.units / p), rate.digits,
		    (long long)(rate.units % p));
}

static const char *const roundings[] = {"half-up", "half-even", "down"};

bool money_rounding_read(const char *text, enum money_rounding *out, struct error *err)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(roundings[i], text) == 0) {
			*out = (enum money_rounding)i;
			return true;
		}
	}
	return error_set(err, ERROR_SETUP, _("claim.rounding is half-up, half-even or down"),
	    _("'%s' is no way of rounding"), text);
}

const char *money_rounding_text(enum money_rounding rounding)
{
	return roundings[rounding];
}

bool money_times(struct money_rate rate, int64_t count, enum money_rounding rounding,
    int64_t *cents, struct error *err)
{
	bool negative = count < 0;
	wide product = (wide)rate.units * (negative ? -(wide)count : (wide)count) * 100;
	wide unit = power_of_ten(rate.digits);
	wide whole = product / unit, rest = product % unit;

	if (rounding == MONEY_HALF_UP && rest * 2 >= unit)
		whole++;
	else if (rounding == MONEY_HALF_EVEN &&
	    (rest * 2 > unit || (rest * 2 == unit && whole % 2 == 1)))
		whole++;
	if (whole > INT64_MAX)
		return error_set(err, ERROR_INPUT, _("check the rates and the counts"),
		    _("the amount is too large to be real"));
	*cents = negative ? -(int64_t)whole : (int64_t)whole;
	return true;
}

bool money_add(int64_t a, int64_t b, int64_t *cents, struct error *err)
{
	if (__builtin_add_overflow(a, b, cents))
		return error_set(err, ERROR_INPUT, _("check the rates and the counts"),
		    _("the amount is too large to be real"));
	return true;
}

bool money_cents_read(const char *text, int64_t *cents, struct error *err)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	int64_t units;
	int decimals;

	if (!decimal_read(digits, &units, &decimals) || decimals > 2)
		return error_set(err, ERROR_INPUT,
		    _("write an amount such as 27000.00 or 27000,00"), _("'%s' is no amount"),
		    text);
	units *= decimals == 0 ? 100 : decimals == 1 ? 10 : 1;
	*cents = text[0] == '-' ? -units : units;
	return true;
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

void money_plain(int64_t cents, char buf[MONEY_SIZE])
{
	uint64_t n = magnitude(cents);

	snprintf(buf, MONEY_SIZE, "%s%llu.%02llu", cents < 0 ? "-" : "",
	    (unsigned long long)(n / 100), (unsigned long long)(n % 100));
}

/* Digits in groups of three. */
static void group(uint64_t n, char separator, char buf[MONEY_SIZE])
{
	char digits[24];
	int k = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	size_t at = 0;

	for (int i = 0; i < k; i++) {
		if (i > 0 && (k - i) % 3 == 0)
			buf[at++] = separator;
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
}

static const char *sign_of(const char *currency)
{
	return strcmp(currency, "EUR") == 0 ? "€" : currency;
}

void money_show(int64_t cents, const char *currency, bool german, char buf[MONEY_SIZE])
{
	uint64_t n = magnitude(cents);
	char whole[MONEY_SIZE];

	group(n / 100, german ? '.' : ',', whole);
	snprintf(buf, MONEY_SIZE, "%s%.30s%c%02u %.8s", cents < 0 ? "-" : "", whole,
	    german ? ',' : '.', (unsigned)(n % 100), sign_of(currency));
}

void money_count(int64_t count, bool german, char buf[MONEY_SIZE])
{
	char whole[MONEY_SIZE];

	group(magnitude(count), german ? '.' : ',', whole);
	snprintf(buf, MONEY_SIZE, "%s%.40s", count < 0 ? "-" : "", whole);
}

void money_rate_show(
    struct money_rate rate, const char *currency, bool german, char buf[MONEY_SIZE])
{
	char text[MONEY_SIZE];

	money_rate_text(rate, text);
	char *point = strchr(text, '.');
	if (point && german)
		*point = ',';
	snprintf(buf, MONEY_SIZE, "%.36s %.8s", text, sign_of(currency));
}
