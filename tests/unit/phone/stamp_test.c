#include "tests/phone/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct stamp sample = {
    .sender = 0x01020304, .sequence = 0x05060708, .total = 0x090a0b0c, .sent = 0x0d0e0f1011121314};

static void assert_sample(const struct stamp *stamp)
{
    assert_int_equal(stamp->sender, sample.sender);
    assert_int_equal(stamp->sequence, sample.sequence);
    assert_int_equal(stamp->total, sample.total);
    assert_true(stamp->sent == sample.sent);
}

static void a_stamp_has_these_bytes(void **state)
{
    (void)state;
    uint8_t raw[STAMP_SIZE];
    stamp_write(&sample, raw);
    const uint8_t want[STAMP_SIZE] = {'C',  'H',  'P',  'S',  0x01, 0x02, 0x03, 0x04,
                                      0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
                                      0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14};
    assert_memory_equal(raw, want, sizeof want);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    uint8_t raw[STAMP_SIZE + 10] = {0};
    struct stamp back;
    stamp_write(&sample, raw);
    assert_true(stamp_read((struct bytes){raw, STAMP_SIZE}, &back));
    assert_sample(&back);
    assert_true(stamp_read((struct bytes){raw, sizeof raw}, &back)); /* filling behind it */
    assert_sample(&back);
}

static void other_payloads_are_not_stamped(void **state)
{
    (void)state;
    uint8_t raw[STAMP_SIZE];
    struct stamp back;
    stamp_write(&sample, raw);
    assert_false(stamp_read((struct bytes){raw, STAMP_SIZE - 1}, &back));
    assert_false(stamp_read(BYTES_NONE, &back));
    raw[3] = 'X';
    assert_false(stamp_read((struct bytes){raw, STAMP_SIZE}, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_has_these_bytes),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(other_payloads_are_not_stamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
