#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/json_reader.h"
#include "common/json_string.h"

static struct json_string string_of(const char *json)
{
    struct json_reader r;
    struct json_string s;
    json_reader_init(&r, bytes_of_string(json));
    assert_int_equal(json_reader_string(&r, &s), 0);
    assert_int_equal(json_reader_finish(&r), 0);
    return s;
}

static void check(const char *json, const char *meant, size_t len)
{
    char out[64];
    struct json_string s = string_of(json);
    assert_int_equal(s.len, len);
    json_string_copy(&s, out);
    assert_memory_equal(out, meant, len);
}

static void resolves_escapes(void **state)
{
    (void)state;
    check("\"\"", "", 0);
    check("\"plain\"", "plain", 5);
    check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    check("\"a\\u0000b\"", "a\0b", 3);
    check("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6);
    check("\"\\ud83d\\udcde!\"", "\xf0\x9f\x93\x9e!", 5);
    check("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    check("\"Zo\xc3\xab\"", "Zo\xc3\xab", 4);
}

static void compares_what_is_meant(void **state)
{
    (void)state;
    struct json_string escaped = string_of("\"Pi\\u006eg\"");
    struct json_string plain = string_of("\"Ping\"");
    struct json_string with_nul = string_of("\"Ping\\u0000\"");
    assert_true(json_string_equal(&plain, "Ping"));
    assert_true(json_string_equal(&escaped, "Ping"));
    assert_false(json_string_equal(&escaped, "Pong"));
    assert_false(json_string_equal(&plain, "ping"));
    assert_false(json_string_equal(&plain, "Pin"));
    assert_false(json_string_equal(&with_nul, "Ping"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_escapes),
        cmocka_unit_test(compares_what_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
