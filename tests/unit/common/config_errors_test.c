#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/config_errors.h"

static void test_names_file_line_and_key(void **state)
{
    (void)state;
    struct config_errors errors = {0};
    assert_false(config_errors_any(&errors));
    config_errors_add(&errors, "relay.yaml", 12, "relay.listen", "not an address: \"%s\"", "foo");
    config_errors_add(&errors, "relay.yaml", 3, NULL, "nested too deeply");
    config_errors_add(&errors, "relay.yaml", 0, NULL, "cannot be read");
    assert_true(config_errors_any(&errors));
    assert_int_equal(errors.count, 3);
    assert_string_equal(errors.lines[0], "relay.yaml:12: relay.listen: not an address: \"foo\"");
    assert_string_equal(errors.lines[1], "relay.yaml:3: nested too deeply");
    assert_string_equal(errors.lines[2], "relay.yaml: cannot be read");
    config_errors_free(&errors);
    assert_false(config_errors_any(&errors));
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char file[2 * CONFIG_ERROR_TEXT_MAX];
    memset(file, 'f', sizeof(file) - 1);
    file[sizeof(file) - 1] = '\0';
    struct config_errors errors = {0};
    config_errors_add(&errors, file, 1, "key", "what");
    config_errors_add(&errors, "f", 1, "key", "%s", file);
    assert_int_equal(strlen(errors.lines[0]), CONFIG_ERROR_TEXT_MAX - 1);
    assert_int_equal(strlen(errors.lines[1]), CONFIG_ERROR_TEXT_MAX - 1);
    config_errors_free(&errors);
}

static void test_keeps_twenty_and_counts_the_rest(void **state)
{
    (void)state;
    struct config_errors errors = {0};
    for (size_t i = 1; i <= CONFIG_ERRORS_MAX + 3; i++)
        config_errors_add(&errors, "f", i, "key", "wrong");
    assert_int_equal(errors.count, 20);
    assert_int_equal(errors.more, 3);

    char text[1024] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    config_errors_print(&errors, out);
    fclose(out);
    assert_int_equal(strncmp(text, "f:1: key: wrong\nf:2: key: wrong\n", 32), 0);
    const char *end = "f:20: key: wrong\nand 3 more errors\n";
    assert_string_equal(text + strlen(text) - strlen(end), end);
    config_errors_free(&errors);
}

static void test_quotes_values(void **state)
{
    (void)state;
    const struct {
        struct bytes value;
        const char *quoted;
    } cases[] = {
        {BYTES_LITERAL("foo"), "\"foo\""},
        {BYTES_NONE, "\"\""},
        {BYTES_LITERAL("a\nb\0"), "\"a\\x0ab\\x00\""},
        {BYTES_LITERAL("\"\\"), "\"\\\"\\\\\""},
        {BYTES_LITERAL("Zo\xc3\xab \xff"), "\"Zo\xc3\xab \\xff\""},
        {BYTES_LITERAL("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"),
         "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff\""},
        {BYTES_LITERAL("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff\xc3\xab!"),
         "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff\xc3\xab...\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[CONFIG_ERROR_VALUE_MAX];
        assert_string_equal(config_errors_quote(cases[i].value, out), cases[i].quoted);
    }
}

static void test_the_longest_quoted_value_fits(void **state)
{
    (void)state;
    uint8_t value[100];
    char out[CONFIG_ERROR_VALUE_MAX];
    memset(value, 0xff, sizeof(value));
    config_errors_quote((struct bytes){value, sizeof(value)}, out);
    assert_int_equal(strlen(out), 60 * 4 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_file_line_and_key),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_keeps_twenty_and_counts_the_rest),
        cmocka_unit_test(test_quotes_values),
        cmocka_unit_test(test_the_longest_quoted_value_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
