#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    int value;
    const char *text;
} table[] = {
#define X(name, value, text) {name, text},
    ERROR_TABLE(X)
#undef X
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

static void each_error_has_its_own_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TABLE_LEN; i++) {
        assert_string_equal(error_text(table[i].value), table[i].text);
        assert_true(strlen(table[i].text) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(table[j].text, table[i].text);
    }
}

static void errors_are_negative_and_distinct(void **state)
{
    (void)state;
    assert_int_equal(table[0].value, 0);
    for (size_t i = 1; i < TABLE_LEN; i++) {
        assert_true(table[i].value < 0);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(table[j].value, table[i].value);
    }
}

static void unknown_values_have_a_text(void **state)
{
    (void)state;
    assert_string_equal(error_text(1), "unknown error");
    assert_string_equal(error_text(-9999), "unknown error");
    assert_string_equal(error_text(INT32_MIN), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_own_text),
        cmocka_unit_test(errors_are_negative_and_distinct),
        cmocka_unit_test(unknown_values_have_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
