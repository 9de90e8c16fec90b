#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/core/record.h"

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct buffer b = {0};
    struct fingerprint_tls written = {{1, 2, 3}}, read;
    buffer_append_u8(&b, 2);
    record_put_text(&b, "name");
    record_put_text(&b, NULL);
    record_put_text(&b, "copied");
    record_put_body(&b, BYTES_LITERAL("{\"a\":1}"));
    record_put_tls(&b, &written);
    buffer_append_u8(&b, 1);

    struct reader r;
    char name[5], none[1];
    reader_init(&r, buffer_view(&b));
    assert_true(record_get_version(&r, 3));
    record_get_text(&r, name, sizeof(name));
    assert_string_equal(name, "name");
    record_get_text(&r, none, sizeof(none));
    assert_string_equal(none, "");
    char *copy = record_get_copy(&r, 6);
    assert_string_equal(copy, "copied");
    free(copy);
    assert_true(bytes_equal_string(record_get_body(&r), "{\"a\":1}"));
    record_get_tls(&r, &read);
    assert_true(fingerprint_tls_equal(&written, &read));
    assert_true(record_get_bool(&r));
    assert_int_equal(reader_finish(&r), 0);
    buffer_free(&b);
}

static void test_older_versions_are_read_and_newer_ones_not(void **state)
{
    (void)state;
    static const uint8_t versions[] = {0, 1, 2, 3, 4, 255};
    for (size_t i = 0; i < sizeof(versions); i++) {
        struct reader r;
        reader_init(&r, (struct bytes){&versions[i], 1});
        assert_int_equal(record_get_version(&r, 3), versions[i] <= 3 ? versions[i] : 0);
    }
    struct reader empty;
    reader_init(&empty, BYTES_NONE);
    assert_false(record_get_version(&empty, 3));
}

static void test_texts_that_do_not_fit_fail(void **state)
{
    (void)state;
    struct buffer b = {0};
    record_put_text(&b, "12345");
    struct reader r;
    char four[5];
    reader_init(&r, buffer_view(&b));
    record_get_text(&r, four, sizeof(four));
    assert_true(r.failed);
    assert_string_equal(four, "");
    reader_init(&r, buffer_view(&b));
    assert_null(record_get_copy(&r, 4));
    assert_true(r.failed);
    for (size_t cut = 0; cut < b.len; cut++) {
        char six[6];
        reader_init(&r, (struct bytes){b.data, cut});
        record_get_text(&r, six, sizeof(six));
        assert_true(r.failed);
    }
    buffer_free(&b);
}

static void test_keys_tell_their_kind(void **state)
{
    (void)state;
    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_CALL, "c1");
    assert_string_equal(key, "call/c1");
    assert_true(bytes_equal_string(record_key_name(bytes_of_string(key), RECORD_CALL), "c1"));
    assert_null(record_key_name(bytes_of_string(key), RECORD_ENDED).data);
    assert_null(record_key_name(BYTES_LITERAL("cal"), RECORD_CALL).data);
    record_key_u64(key, RECORD_CONNECTION, 0x1f);
    assert_string_equal(key, "connection/000000000000001f");
    record_key_hex(key, RECORD_PEER, BYTES_LITERAL("\x01\xfe"));
    assert_string_equal(key, "peer/01fe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_older_versions_are_read_and_newer_ones_not),
        cmocka_unit_test(test_texts_that_do_not_fit_fail),
        cmocka_unit_test(test_keys_tell_their_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
