#include "common/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"

static void assert_content(const struct buffer *b, const void *want, size_t len)
{
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, want, len);
}

static void views_compare_by_content(void **state)
{
    (void)state;
    const struct bytes abc = BYTES_LITERAL("abc");
    assert_int_equal(abc.len, 3);
    assert_true(bytes_equal(abc, bytes_of_string("abc")));
    assert_true(bytes_equal_string(abc, "abc"));
    assert_false(bytes_equal_string(abc, "abd"));
    assert_false(bytes_equal_string(abc, "ab"));
    assert_false(bytes_equal_string(abc, "abcd"));
    assert_true(bytes_equal(BYTES_LITERAL("a\0b"), (struct bytes){(const uint8_t *)"a\0b", 3}));
}

static void absent_and_empty_views(void **state)
{
    (void)state;
    assert_null(bytes_of_string(NULL).data);
    assert_int_equal(bytes_of_string(NULL).len, 0);
    assert_non_null(bytes_of_string("").data);
    assert_true(bytes_equal(BYTES_NONE, bytes_of_string("")));
    assert_false(bytes_equal(BYTES_NONE, bytes_of_string("a")));
}

static void integers_are_big_endian(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_int_equal(buffer_append_u8(&b, 0x01), 0);
    assert_int_equal(buffer_append_u16(&b, 0x0203), 0);
    assert_int_equal(buffer_append_u32(&b, 0x04050607), 0);
    assert_int_equal(buffer_append_u64(&b, 0x08090a0b0c0d0e0f), 0);
    assert_content(&b, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 15);
    buffer_free(&b);
}

static void appends_follow_each_other(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(buffer_append(&b, "ab", 2), 0);
    assert_int_equal(buffer_append(&b, NULL, 0), 0);
    assert_int_equal(buffer_append_bytes(&b, BYTES_LITERAL("cd")), 0);
    assert_int_equal(buffer_append_string(&b, "ef"), 0);
    assert_int_equal(buffer_printf(&b, "%d-%s", 42, "g"), 0);
    assert_content(&b, "abcdef42-g", 10);
    assert_true(bytes_equal_string(buffer_view(&b), "abcdef42-g"));
    buffer_free(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
}

static void a_buffer_grows_and_keeps_its_content(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(buffer_append_u32(&b, i), 0);
    assert_int_equal(b.len, 40000);
    struct reader r;
    reader_init(&r, buffer_view(&b));
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(reader_u32(&r), i);
    assert_int_equal(reader_finish(&r), 0);
    buffer_free(&b);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_int_equal(buffer_append_string(&b, "abc"), 0);
    const uint8_t *data = b.data;
    buffer_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(buffer_append_string(&b, "x"), 0);
    assert_ptr_equal(b.data, data);
    assert_content(&b, "x", 1);
    buffer_free(&b);
}

static void too_much_leaves_the_content_and_fails_until_cleared(void **state)
{
    (void)state;
    struct buffer b = {0};
    const uint8_t one = 1;
    assert_int_equal(buffer_append_string(&b, "abc"), 0);
    assert_int_equal(buffer_append(&b, &one, BUFFER_MAX), ERR_MEMORY);
    assert_int_equal(buffer_append(&b, &one, SIZE_MAX), ERR_MEMORY);
    assert_true(b.failed);
    assert_content(&b, "abc", 3);
    assert_int_equal(buffer_append_u8(&b, 1), ERR_MEMORY);
    assert_int_equal(buffer_printf(&b, "x"), ERR_MEMORY);
    buffer_clear(&b);
    assert_int_equal(buffer_append_string(&b, "d"), 0);
    assert_content(&b, "d", 1);
    buffer_free(&b);
}

static void printf_of_any_length(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (size_t len = 0; len < 600; len++) {
        buffer_clear(&b);
        assert_int_equal(buffer_printf(&b, "%*s", (int)len, ""), 0);
        assert_int_equal(b.len, len);
    }
    buffer_free(&b);
}

static void a_reader_reads_what_was_written(void **state)
{
    (void)state;
    struct reader r;
    char copy[2];
    reader_init(&r, BYTES_LITERAL("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17xyz"));
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_u64(&r) == 0x08090a0b0c0d0e0f);
    assert_int_equal(reader_left(&r), 3);
    assert_int_equal(reader_finish(&r), ERR_TRAILING);
    reader_copy(&r, copy, 2);
    assert_memory_equal(copy, "xy", 2);
    assert_true(bytes_equal_string(reader_bytes(&r, 1), "z"));
    assert_int_equal(reader_finish(&r), 0);
}

static void reading_beyond_the_end_fails_for_good(void **state)
{
    (void)state;
    struct reader r;
    char copy[4] = "full";
    reader_init(&r, BYTES_LITERAL("\1\2\3"));
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(reader_u8(&r), 0);
    assert_null(reader_bytes(&r, 1).data);
    assert_null(reader_bytes(&r, SIZE_MAX).data);
    reader_copy(&r, copy, sizeof(copy));
    assert_memory_equal(copy, "\0\0\0\0", 4);
    assert_int_equal(reader_finish(&r), ERR_TRUNCATED);
}

static void an_absent_view_reads_as_empty(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, BYTES_NONE);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_bytes(&r, 0).len, 0);
    assert_int_equal(reader_finish(&r), 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_finish(&r), ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_content),
        cmocka_unit_test(absent_and_empty_views),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_content),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(too_much_leaves_the_content_and_fails_until_cleared),
        cmocka_unit_test(printf_of_any_length),
        cmocka_unit_test(a_reader_reads_what_was_written),
        cmocka_unit_test(reading_beyond_the_end_fails_for_good),
        cmocka_unit_test(an_absent_view_reads_as_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
