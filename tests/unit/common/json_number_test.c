#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/json_number.h"

/* Parses all of `text`; returns the result, or ERR_TRAILING if something is left. */
static int parse(const char *text, struct json_number *out)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    int rc = json_number_parse(&at, end, out);
    return rc == 0 && at != end ? ERR_TRAILING : rc;
}

static double parse_f64(const char *text)
{
    struct json_number n;
    assert_int_equal(parse(text, &n), 0);
    assert_int_equal(n.kind, JSON_NUMBER_F64);
    return n.f64;
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"9007199254740993", UINT64_C(9007199254740993)}, /* no double */
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_number n;
        assert_int_equal(parse(cases[i].text, &n), 0);
        assert_int_equal(n.kind, JSON_NUMBER_U64);
        assert_true(n.whole);
        assert_true(n.u64 == cases[i].value);
    }
}

static void below_zero_is_signed(void **state)
{
    (void)state;
    struct json_number n;
    assert_int_equal(parse("-1", &n), 0);
    assert_int_equal(n.kind, JSON_NUMBER_I64);
    assert_int_equal(n.i64, -1);
    assert_int_equal(parse("-9223372036854775808", &n), 0);
    assert_true(n.i64 == INT64_MIN);
}

static void beyond_the_integers_is_double(void **state)
{
    (void)state;
    struct json_number n;
    assert_true(parse_f64("18446744073709551616") == 18446744073709551616.0);
    assert_true(parse_f64("-9223372036854775809") == -9223372036854775809.0);
    assert_int_equal(parse("18446744073709551616", &n), 0);
    assert_true(n.whole);
    assert_true(signbit(parse_f64("-0")));
}

static void points_and_exponents(void **state)
{
    (void)state;
    struct json_number n;
    assert_true(parse_f64("0.2") == 0.2);
    assert_true(parse_f64("-1.5") == -1.5);
    assert_true(parse_f64("5e-1") == 0.5);
    assert_true(parse_f64("1E+3") == 1000.0);
    assert_true(parse_f64("1.25e2") == 125.0);
    assert_true(parse_f64("1e-400") == 0.0);
    assert_true(parse_f64("0e999999999999") == 0.0);
    assert_true(parse_f64("1e-999999999999") == 0.0);
    assert_true(parse_f64("2.5e-320") == 2.5e-320);
    assert_true(fabs(parse_f64("123456789012345678901234567890.5") - 1.2345678901234568e29) < 1e14);
    assert_int_equal(parse("1.0", &n), 0);
    assert_false(n.whole);
}

static void beyond_double_is_refused(void **state)
{
    (void)state;
    struct json_number n;
    assert_int_equal(parse("1e309", &n), ERR_RANGE);
    assert_int_equal(parse("-1e309", &n), ERR_RANGE);
    assert_int_equal(parse("1e999999999999999999999", &n), ERR_RANGE);
    const uint8_t *at = (const uint8_t *)"1e309";
    assert_int_equal(json_number_skip(&at, at + 5), 0);
}

static void malformed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        size_t offset;
    } cases[] = {
        {"", ERR_TRUNCATED, 0},   {"-", ERR_TRUNCATED, 1},   {"1.", ERR_TRUNCATED, 2},
        {"1e", ERR_TRUNCATED, 2}, {"1e+", ERR_TRUNCATED, 3}, {"01", ERR_SYNTAX, 0},
        {"-01", ERR_SYNTAX, 1},   {"+1", ERR_SYNTAX, 0},     {".5", ERR_SYNTAX, 0},
        {"1.e", ERR_SYNTAX, 2},   {"1ex", ERR_SYNTAX, 2},    {"--1", ERR_SYNTAX, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_number n;
        const uint8_t *start = (const uint8_t *)cases[i].text;
        const uint8_t *end = start + strlen(cases[i].text);
        const uint8_t *parsed = start, *skipped = start;
        assert_int_equal(json_number_parse(&parsed, end, &n), cases[i].code);
        assert_int_equal(parsed - start, cases[i].offset);
        assert_int_equal(json_number_skip(&skipped, end), cases[i].code);
        assert_int_equal(skipped - start, cases[i].offset);
    }
}

static void takes_no_more_than_the_number(void **state)
{
    (void)state;
    struct json_number n;
    assert_int_equal(parse("1,", &n), ERR_TRAILING);
    assert_int_equal(parse("0x10", &n), ERR_TRAILING);
    assert_int_equal(n.u64, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),       cmocka_unit_test(below_zero_is_signed),
        cmocka_unit_test(beyond_the_integers_is_double), cmocka_unit_test(points_and_exponents),
        cmocka_unit_test(beyond_double_is_refused),      cmocka_unit_test(malformed_is_refused),
        cmocka_unit_test(takes_no_more_than_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
