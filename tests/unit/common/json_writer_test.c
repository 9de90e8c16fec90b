#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/json_writer.h"

static void check(struct buffer *out, const char *expected)
{
    if (!bytes_equal_string(buffer_view(out), expected))
        fail_msg("%.*s, not %s", (int)out->len, (const char *)out->data, expected);
    buffer_free(out);
}

static void sets_commas(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_begin_object(&w);
    json_writer_key(&w, "a");
    json_writer_begin_array(&w);
    json_writer_u64(&w, UINT64_MAX);
    json_writer_i64(&w, INT64_MIN);
    json_writer_begin_object(&w);
    json_writer_end_object(&w);
    json_writer_begin_array(&w);
    json_writer_end_array(&w);
    json_writer_bool(&w, true);
    json_writer_null(&w);
    json_writer_end_array(&w);
    json_writer_key(&w, "b");
    json_writer_raw(&w, BYTES_LITERAL("{ \"x\" : 1 }"));
    json_writer_key(&w, "c\"");
    json_writer_string(&w, NULL);
    json_writer_key(&w, "d");
    json_writer_bool(&w, false);
    json_writer_key(&w, "e");
    json_writer_u64(&w, 0);
    json_writer_end_object(&w);
    check(&out, "{\"a\":[18446744073709551615,-9223372036854775808,{},[],true,null],"
                "\"b\":{ \"x\" : 1 },\"c\\\"\":null,\"d\":false,\"e\":0}");
}

static void escapes_as_serde_does(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_text(&w, BYTES_LITERAL("\0\x01\b\t\n\v\f\r\x1f \"/\\\x7fZo\xc3\xab"));
    check(&out, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"/\\\\\x7fZo\xc3\xab\"");
}

static void output_is_always_utf8(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_string(&w, "a\xff\xc3");
    check(&out, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void floats_are_shortest(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0.0f, "0.0"},
        {-0.0f, "-0.0"},
        {1.0f, "1.0"},
        {0.2f, "0.2"},
        {-0.1f, "-0.1"},
        {100.0f, "100.0"},
        {123456.79f, "123456.79"},
        {0.001f, "0.001"},
        {1e-6f, "0.000001"},
        {1.5e-7f, "1.5e-7"},
        {1e-7f, "1e-7"},
        {1e12f, "1000000000000.0"},
        {1e13f, "1e13"},
        {16777216.0f, "16777216.0"},
        {3.4028235e38f, "3.4028235e38"},
        {1e-45f, "1e-45"},
        {0.3333333433f, "0.33333334"},
        {INFINITY, "null"},
        {NAN, "null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out = {0};
        struct json_writer w;
        json_writer_init(&w, &out);
        json_writer_f32(&w, cases[i].value);
        check(&out, cases[i].text);
    }
}

static void decimals_are_fixed(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_begin_array(&w);
    json_writer_decimal(&w, 1.0 / 3.0, 3);
    json_writer_decimal(&w, 2.0, 0);
    json_writer_decimal(&w, INFINITY, 3);
    json_writer_end_array(&w);
    check(&out, "[0.333,2,null]");
}

static void a_full_buffer_shows_it(void **state)
{
    (void)state;
    struct buffer out = {.failed = true};
    struct json_writer w;
    json_writer_init(&w, &out);
    json_writer_begin_array(&w);
    json_writer_string(&w, "a");
    json_writer_end_array(&w);
    assert_int_equal(out.len, 0);
    assert_true(out.failed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_commas),           cmocka_unit_test(escapes_as_serde_does),
        cmocka_unit_test(output_is_always_utf8), cmocka_unit_test(floats_are_shortest),
        cmocka_unit_test(decimals_are_fixed),    cmocka_unit_test(a_full_buffer_shows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
