#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/json_reader.h"

static struct json_reader reader_of(const char *json)
{
    struct json_reader r;
    json_reader_init(&r, bytes_of_string(json));
    return r;
}

static void tells_the_type(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum json_type type;
    } cases[] = {
        {"", JSON_NOTHING},
        {"  ", JSON_NOTHING},
        {"x", JSON_NOTHING},
        {"+1", JSON_NOTHING},
        {" null", JSON_NULL},
        {"\ttrue", JSON_BOOL},
        {"\nfalse", JSON_BOOL},
        {"\r0", JSON_NUMBER},
        {"-1", JSON_NUMBER},
        {"\"\"", JSON_STRING},
        {"[", JSON_ARRAY},
        {"{", JSON_OBJECT},
        {"\xef\xbb\xbf{", JSON_NOTHING},
        {"\v1", JSON_NOTHING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_reader r = reader_of(cases[i].json);
        assert_int_equal(json_reader_peek(&r), cases[i].type);
    }
}

static void reads_words(void **state)
{
    (void)state;
    bool b = false;
    struct json_reader r = reader_of("true false null");
    assert_int_equal(json_reader_bool(&r, &b), 0);
    assert_true(b);
    assert_int_equal(json_reader_bool(&r, &b), 0);
    assert_false(b);
    assert_int_equal(json_reader_null(&r), 0);
    assert_int_equal(json_reader_finish(&r), 0);
    r = reader_of("nul");
    assert_int_equal(json_reader_null(&r), ERR_TRUNCATED);
    r = reader_of("nulx");
    assert_int_equal(json_reader_null(&r), ERR_SYNTAX);
    assert_int_equal(r.offset, 3);
    r = reader_of(" 1");
    assert_int_equal(json_reader_null(&r), ERR_TYPE);
    assert_int_equal(r.offset, 1);
}

static int read_u64(const char *json, uint64_t max, size_t *offset)
{
    uint64_t v;
    struct json_reader r = reader_of(json);
    int rc = json_reader_u64(&r, max, &v);
    *offset = r.offset;
    return rc;
}

static void bounds_whole_numbers(void **state)
{
    (void)state;
    size_t offset;
    assert_int_equal(read_u64("255", 255, &offset), 0);
    assert_int_equal(read_u64("  256", 255, &offset), ERR_RANGE);
    assert_int_equal(offset, 2);
    assert_int_equal(read_u64("-1", 255, &offset), ERR_RANGE);
    assert_int_equal(read_u64("18446744073709551615", UINT64_MAX, &offset), 0);
    assert_int_equal(read_u64("18446744073709551616", UINT64_MAX, &offset), ERR_RANGE);
    assert_int_equal(read_u64("1.0", 255, &offset), ERR_TYPE);
    assert_int_equal(read_u64("1e2", 255, &offset), ERR_TYPE);
    assert_int_equal(read_u64("\"1\"", 255, &offset), ERR_TYPE);
    assert_int_equal(read_u64("NaN", 255, &offset), ERR_SYNTAX);
    assert_int_equal(read_u64("01", 255, &offset), ERR_SYNTAX);
    assert_int_equal(read_u64("", 255, &offset), ERR_TRUNCATED);
}

static float read_f32(const char *json)
{
    float v = 0;
    struct json_reader r = reader_of(json);
    assert_int_equal(json_reader_f32(&r, &v), 0);
    return v;
}

static void narrows_floats(void **state)
{
    (void)state;
    assert_true(read_f32("1") == 1.0f);
    assert_true(read_f32("-3") == -3.0f);
    assert_true(read_f32("0.2") == 0.2f);
    assert_true(read_f32("18446744073709551615") == 18446744073709551615.0f);
    assert_true(isinf(read_f32("1e39")));
    assert_true(signbit(read_f32("-0")));
}

static int read_string(struct bytes json, size_t *offset)
{
    struct json_reader r;
    struct json_string s;
    json_reader_init(&r, json);
    int rc = json_reader_string(&r, &s);
    *offset = r.offset;
    return rc;
}

static void refuses_bad_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
        size_t offset;
    } cases[] = {
        {"\"a", ERR_TRUNCATED, 2},
        {"\"a\\", ERR_TRUNCATED, 3},
        {"\"a\tb\"", ERR_SYNTAX, 2},
        {"\"a\x1f\"", ERR_SYNTAX, 2},
        {"\"\\x41\"", ERR_SYNTAX, 2},
        {"\"\\u12g4\"", ERR_SYNTAX, 5},
        {"\"\\u12", ERR_TRUNCATED, 5},
        {"\"\\ud83d\"", ERR_SYNTAX, 7}, /* the other half is missing */
        {"\"\\ud83dx\"", ERR_SYNTAX, 7},
        {"\"\\ud83d\\n\"", ERR_SYNTAX, 8},
        {"\"\\ud83d\\u0041\"", ERR_SYNTAX, 7}, /* is no other half */
        {"\"\\udcde\"", ERR_SYNTAX, 1},        /* a second half alone */
        {"\"\xff\"", ERR_SYNTAX, 1},
        {"\"\xc3\"", ERR_SYNTAX, 1},             /* cut */
        {"\"\xc0\xaf\"", ERR_SYNTAX, 1},         /* overlong */
        {"\"\xed\xa0\x80\"", ERR_SYNTAX, 1},     /* a surrogate */
        {"\"\xf4\x90\x80\x80\"", ERR_SYNTAX, 1}, /* above U+10FFFF */
        {"'a'", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t offset;
        assert_int_equal(read_string(bytes_of_string(cases[i].json), &offset), cases[i].code);
        assert_int_equal(offset, cases[i].offset);
    }
    size_t offset;
    assert_int_equal(read_string(BYTES_LITERAL("\"a\0b\""), &offset), ERR_SYNTAX);
    assert_int_equal(offset, 2);
}

static void takes_what_is_allowed_in_strings(void **state)
{
    (void)state;
    size_t offset;
    assert_int_equal(read_string(BYTES_LITERAL("\"\x7f\""), &offset), 0);
    assert_int_equal(read_string(BYTES_LITERAL("\"\xf4\x8f\xbf\xbf\""), &offset), 0);
    assert_int_equal(read_string(BYTES_LITERAL("\"\\u0000\""), &offset), 0);
}

static void walks_containers(void **state)
{
    (void)state;
    struct json_reader r = reader_of(" { \"a\" : [ 1 , [] , 2 ] , \"b\" : { } } ");
    struct json_string key;
    uint64_t v;
    assert_int_equal(json_reader_begin_object(&r), 0);
    assert_int_equal(json_reader_next_key(&r, &key), 1);
    assert_true(json_string_equal(&key, "a"));
    assert_int_equal(json_reader_begin_array(&r), 0);
    assert_int_equal(json_reader_next_element(&r), 1);
    assert_int_equal(json_reader_u64(&r, 9, &v), 0);
    assert_int_equal(json_reader_next_element(&r), 1);
    assert_int_equal(json_reader_begin_array(&r), 0);
    assert_int_equal(r.depth, 3);
    assert_int_equal(json_reader_next_element(&r), 0);
    assert_int_equal(json_reader_next_element(&r), 1);
    assert_int_equal(json_reader_u64(&r, 9, &v), 0);
    assert_int_equal(v, 2);
    assert_int_equal(json_reader_next_element(&r), 0);
    assert_int_equal(json_reader_next_key(&r, &key), 1);
    assert_int_equal(json_reader_begin_object(&r), 0);
    assert_int_equal(json_reader_next_key(&r, &key), 0);
    assert_int_equal(json_reader_next_key(&r, &key), 0);
    assert_int_equal(r.depth, 0);
    assert_int_equal(json_reader_finish(&r), 0);
}

static int skip_all(const char *json)
{
    struct json_reader r = reader_of(json);
    int rc = json_reader_skip(&r, NULL);
    return rc == 0 ? json_reader_finish(&r) : rc;
}

static void refuses_bad_containers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
    } cases[] = {
        {"[", ERR_TRUNCATED},        {"[1", ERR_TRUNCATED},
        {"[1,", ERR_TRUNCATED},      {"{", ERR_TRUNCATED},
        {"{\"a\"", ERR_TRUNCATED},   {"{\"a\":", ERR_TRUNCATED},
        {"{\"a\":1", ERR_TRUNCATED}, {"{\"a\":1,", ERR_TRUNCATED},
        {"[1,]", ERR_SYNTAX},        {"[,1]", ERR_SYNTAX},
        {"[1 2]", ERR_SYNTAX},       {"[1}", ERR_SYNTAX},
        {"{\"a\":1]", ERR_SYNTAX},   {"{\"a\" 1}", ERR_SYNTAX},
        {"{a:1}", ERR_SYNTAX},       {"{\"a\":1,}", ERR_SYNTAX},
        {"{1:1}", ERR_SYNTAX},       {"{\"a\":}", ERR_SYNTAX},
        {"{,}", ERR_SYNTAX},         {"]", ERR_SYNTAX},
        {"[[1}]", ERR_SYNTAX},       {"[{\"a\":[]]}", ERR_SYNTAX},
        {"[1]]", ERR_TRAILING},      {"1 /* */", ERR_TRAILING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(skip_all(cases[i].json), cases[i].code);
}

static void limits_depth_as_serde_does(void **state)
{
    (void)state;
    char json[JSON_READER_MAX_DEPTH + 2];
    memset(json, '[', sizeof(json));
    struct json_reader r;
    json_reader_init(&r, (struct bytes){(const uint8_t *)json, sizeof(json)});
    for (int i = 0; i < JSON_READER_MAX_DEPTH; i++) {
        assert_int_equal(json_reader_begin_array(&r), 0);
        assert_int_equal(json_reader_next_element(&r), 1);
    }
    assert_int_equal(json_reader_begin_array(&r), ERR_DEPTH);
    assert_int_equal(r.offset, JSON_READER_MAX_DEPTH);
}

/* `depth` opening brackets, of both kinds in turn where `mixed`, and those that close them. */
static char *nest(size_t depth, bool mixed, size_t *len)
{
    char *json = malloc(depth * 7 + 1), *p = json;
    assert_non_null(json);
    for (size_t i = 0; i < depth; i++)
        p = stpcpy(p, mixed && i % 3 == 1 ? "{\"a\":" : "[");
    for (size_t i = depth; i-- > 0;)
        *p++ = mixed && i % 3 == 1 ? '}' : ']';
    *len = (size_t)(p - json);
    return json;
}

static void skips_at_any_depth(void **state)
{
    (void)state;
    static const size_t depths[] = {1, 127, 128, 1023, 1024, 1025, 2048, 2049, 300000};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        size_t len;
        char *json = nest(depths[i], true, &len);
        struct json_reader r;
        struct bytes raw;
        json_reader_init(&r, (struct bytes){(const uint8_t *)json, len});
        /* innermost: an array is empty, an object's value is missing */
        bool valid = (depths[i] - 1) % 3 != 1;
        assert_int_equal(json_reader_skip(&r, &raw), valid ? 0 : ERR_SYNTAX);
        if (valid)
            assert_int_equal(raw.len, len);
        json[len - 1] = '}'; /* closes an array */
        json_reader_init(&r, (struct bytes){(const uint8_t *)json, len});
        assert_int_equal(json_reader_skip(&r, &raw), ERR_SYNTAX);
        free(json);
    }
}

static void skipped_text_is_exact(void **state)
{
    (void)state;
    struct json_reader r = reader_of("[ {\"a\": [1, \"]\"]} , 2]");
    struct bytes raw;
    assert_int_equal(json_reader_begin_array(&r), 0);
    assert_int_equal(json_reader_next_element(&r), 1);
    assert_int_equal(json_reader_skip(&r, &raw), 0);
    assert_true(bytes_equal_string(raw, "{\"a\": [1, \"]\"]}"));
    assert_int_equal(json_reader_next_element(&r), 1);
    assert_int_equal(json_reader_skip(&r, &raw), 0);
    assert_true(bytes_equal_string(raw, "2"));
    assert_int_equal(json_reader_next_element(&r), 0);
    assert_int_equal(json_reader_finish(&r), 0);
}

static void skipped_values_are_not_judged(void **state)
{
    (void)state;
    assert_int_equal(skip_all("\"\\ud83d\""), 0);
    assert_int_equal(skip_all("\"\xff\""), 0);
    assert_int_equal(skip_all("1e999"), 0);
    assert_int_equal(skip_all("{\"a\":1,\"a\":2}"), 0);
    assert_int_equal(skip_all("\"\t\""), ERR_SYNTAX);
    assert_int_equal(skip_all("\"\\x\""), ERR_SYNTAX);
    assert_int_equal(skip_all("01"), ERR_SYNTAX);
    assert_int_equal(skip_all("tru"), ERR_TRUNCATED);
    assert_int_equal(skip_all(""), ERR_TRUNCATED);
}

static void an_absent_input_is_an_empty_one(void **state)
{
    (void)state;
    struct json_reader r;
    json_reader_init(&r, BYTES_NONE);
    assert_int_equal(json_reader_peek(&r), JSON_NOTHING);
    assert_int_equal(json_reader_position(&r), 0);
    assert_int_equal(json_reader_skip(&r, NULL), ERR_TRUNCATED);
    assert_int_equal(json_reader_finish(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_type),
        cmocka_unit_test(reads_words),
        cmocka_unit_test(bounds_whole_numbers),
        cmocka_unit_test(narrows_floats),
        cmocka_unit_test(refuses_bad_strings),
        cmocka_unit_test(takes_what_is_allowed_in_strings),
        cmocka_unit_test(walks_containers),
        cmocka_unit_test(refuses_bad_containers),
        cmocka_unit_test(limits_depth_as_serde_does),
        cmocka_unit_test(skips_at_any_depth),
        cmocka_unit_test(skipped_text_is_exact),
        cmocka_unit_test(skipped_values_are_not_judged),
        cmocka_unit_test(an_absent_input_is_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
