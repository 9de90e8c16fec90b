#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/hex.h"

static void encodes_lower_case(void **state)
{
    (void)state;
    char text[9];
    hex_encode("\x00\x9f\xab\xff", 4, text);
    assert_string_equal(text, "009fabff");
    hex_encode("", 0, text);
    assert_string_equal(text, "");
}

static void decodes_either_case(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_int_equal(hex_decode("009fABfF rest", out, 4), 0);
    assert_memory_equal(out, "\x00\x9f\xab\xff", 4);
}

static void refuses_what_is_no_digit(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_int_equal(hex_decode("0g00", out, 2), ERR_SYNTAX);
    assert_int_equal(hex_decode("g000", out, 2), ERR_SYNTAX);
    assert_int_equal(hex_decode("00", out, 2), ERR_SYNTAX); /* stops at the NUL */
    assert_int_equal(hex_value('/'), -1);
    assert_int_equal(hex_value(':'), -1);
    assert_int_equal(hex_value('@'), -1);
    assert_int_equal(hex_value('`'), -1);
    assert_int_equal(hex_value('\xe9'), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_lower_case),
        cmocka_unit_test(decodes_either_case),
        cmocka_unit_test(refuses_what_is_no_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
