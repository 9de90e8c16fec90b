#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/text.h"

static void test_reads_utf8(void **state)
{
    (void)state;
    const struct {
        struct bytes input;
        size_t len;
        uint32_t code_point;
    } cases[] = {
        {BYTES_LITERAL("A"), 1, 'A'},
        {BYTES_LITERAL("\0"), 1, 0},
        {BYTES_LITERAL("\xc3\xabrest"), 2, 0xeb},
        {BYTES_LITERAL("\xe2\x82\xac"), 3, 0x20ac},
        {BYTES_LITERAL("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
        {BYTES_LITERAL(""), 0, 0},
        {BYTES_LITERAL("\x80"), 0, 0},             /* continuation alone */
        {BYTES_LITERAL("\xc0\x80"), 0, 0},         /* overlong */
        {BYTES_LITERAL("\xe0\x9f\xbf"), 0, 0},     /* overlong */
        {BYTES_LITERAL("\xed\xa0\x80"), 0, 0},     /* surrogate */
        {BYTES_LITERAL("\xf4\x90\x80\x80"), 0, 0}, /* beyond the last */
        {BYTES_LITERAL("\xe2\x82"), 0, 0},         /* too short */
        {BYTES_LITERAL("\xe2(\xac"), 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t code_point = 0;
        assert_int_equal(text_utf8(cases[i].input, &code_point), cases[i].len);
        assert_int_equal(code_point, cases[i].code_point);
    }
}

static void test_knows_clean_text(void **state)
{
    (void)state;
    assert_true(text_is_clean(BYTES_NONE));
    assert_true(text_is_clean(BYTES_LITERAL("relay-a, Zo\xc3\xab")));
    assert_false(text_is_clean(BYTES_LITERAL("a\nb")));
    assert_false(text_is_clean(BYTES_LITERAL("a\0b")));
    assert_false(text_is_clean(BYTES_LITERAL("\xc2\x9b")));
    assert_false(text_is_clean(BYTES_LITERAL("\xe2\x80\xae")));
    assert_false(text_is_clean(BYTES_LITERAL("\xff")));
}

static void test_parses_numbers(void **state)
{
    (void)state;
    const struct {
        const char *input;
        int rc;
        uint64_t value;
    } cases[] = {
        {"5", 0, 5},           {"100", 0, 100},
        {"007", 0, 7},         {"4", ERR_RANGE, 0},
        {"101", ERR_RANGE, 0}, {"18446744073709551621", ERR_RANGE, 0}, /* 2^64 + 5 */
        {"", ERR_SYNTAX, 0},   {"-5", ERR_SYNTAX, 0},
        {"+5", ERR_SYNTAX, 0}, {" 5", ERR_SYNTAX, 0},
        {"5s", ERR_SYNTAX, 0}, {"0x10", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 0;
        assert_int_equal(text_parse_u64(bytes_of_string(cases[i].input), 5, 100, &value),
                         cases[i].rc);
        assert_int_equal(value, cases[i].value);
    }
    uint64_t value = 0;
    assert_int_equal(text_parse_u64(BYTES_LITERAL("18446744073709551615"), 0, UINT64_MAX, &value),
                     0);
    assert_true(value == UINT64_MAX);
}

static void test_copies(void **state)
{
    (void)state;
    char *copy = text_copy(BYTES_LITERAL("abc"));
    assert_string_equal(copy, "abc");
    free(copy);
    copy = text_copy(BYTES_NONE);
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_utf8),
        cmocka_unit_test(test_knows_clean_text),
        cmocka_unit_test(test_parses_numbers),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
