#include "tests/phone/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/media.h"
#include "tests/phone/stamp.h"

#define SENDER 77

static struct meter meter;

static int setup(void **state)
{
    (void)state;
    meter_init(&meter);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    meter_free(&meter);
    return 0;
}

static void take_payload(uint16_t sequence, struct bytes payload, uint64_t now)
{
    uint8_t packet[128];
    const struct media_header header = {.codec = MEDIA_OPUS_24K, .sequence = sequence};
    media_header_write(&header, packet);
    assert_true(payload.len <= sizeof packet - MEDIA_HEADER_SIZE);
    memcpy(packet + MEDIA_HEADER_SIZE, payload.data, payload.len);
    meter_take(&meter, (struct bytes){packet, MEDIA_HEADER_SIZE + payload.len}, now);
}

static void take_stamped(uint32_t sender, uint32_t sequence, uint32_t total, uint64_t sent,
                         uint64_t now)
{
    uint8_t raw[STAMP_SIZE];
    const struct stamp stamp = {
        .sender = sender, .sequence = sequence, .total = total, .sent = sent};
    stamp_write(&stamp, raw);
    take_payload((uint16_t)sequence, (struct bytes){raw, sizeof raw}, now);
}

/* Packets of one sender that means to send ten. */
static void take_ten(const uint32_t *sequences, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_stamped(SENDER, sequences[i], 10, CLOCK_SECOND, CLOCK_SECOND + i * CLOCK_MS);
}

static void take_plain(uint16_t sequence)
{
    take_payload(sequence, BYTES_LITERAL("opus"), CLOCK_SECOND);
}

static void assert_counts(uint64_t received, uint64_t lost, uint64_t duplicated, uint64_t reordered)
{
    assert_int_equal(meter.received, received);
    assert_int_equal(meter_lost(&meter), lost);
    assert_int_equal(meter.duplicated, duplicated);
    assert_int_equal(meter.reordered, reordered);
    assert_int_equal(meter.refused, 0);
}

#define TAKE_TEN(...)                                                                              \
    take_ten((const uint32_t[]){__VA_ARGS__}, sizeof(uint32_t[]){__VA_ARGS__} / sizeof(uint32_t))

static void nothing_came(void **state)
{
    (void)state;
    assert_counts(0, 0, 0, 0);
    assert_false(meter_latency(&meter).known);
}

static void everything_came(void **state)
{
    (void)state;
    TAKE_TEN(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    assert_counts(10, 0, 0, 0);
    assert_int_equal(meter.max_gap, CLOCK_MS);
}

static void gaps_are_lost(void **state)
{
    (void)state;
    TAKE_TEN(0, 1, 4, 5, 9);
    assert_counts(5, 5, 0, 0);
}

static void the_tail_counts_by_the_stamped_total(void **state)
{
    (void)state;
    TAKE_TEN(0, 1, 2);
    assert_counts(3, 7, 0, 0);
}

static void the_head_counts_too(void **state)
{
    (void)state;
    TAKE_TEN(9);
    assert_counts(1, 9, 0, 0);
}

static void what_is_missing_comes_in_runs(void **state)
{
    (void)state;
    uint32_t first, last;
    TAKE_TEN(1, 2, 5, 6);
    const struct meter_sender *s = &meter.senders[0];
    const uint32_t runs[][3] = {{0, 0, 0}, {1, 3, 4}, {3, 3, 4}, {4, 4, 4}, {5, 7, 9}, {9, 9, 9}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        assert_true(meter_sender_missing(s, runs[i][0], &first, &last));
        assert_int_equal(first, runs[i][1]);
        assert_int_equal(last, runs[i][2]);
    }
    assert_false(meter_sender_missing(s, 10, &first, &last));
    TAKE_TEN(0, 3, 4, 7, 8, 9);
    assert_false(meter_sender_missing(s, 0, &first, &last));
}

static void a_duplicate_is_received_but_not_distinct(void **state)
{
    (void)state;
    TAKE_TEN(0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8);
    assert_counts(12, 1, 3, 0);
}

static void a_late_packet_is_reordered_not_lost(void **state)
{
    (void)state;
    TAKE_TEN(0, 2, 1, 3, 7, 4, 5, 6, 8, 9);
    assert_counts(10, 0, 0, 4);
}

static void senders_are_told_apart(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        take_stamped(1, i, 4, CLOCK_SECOND, CLOCK_SECOND);
        if (i != 2)
            take_stamped(2, i, 5, CLOCK_SECOND, CLOCK_SECOND);
    }
    assert_int_equal(meter.sender_count, 2);
    assert_counts(7, 2, 0, 0);
}

static void more_senders_than_fit_are_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < METER_SENDERS_MAX + 3; i++)
        take_stamped(i, 0, 1, CLOCK_SECOND, CLOCK_SECOND);
    assert_int_equal(meter.received, METER_SENDERS_MAX);
    assert_int_equal(meter.refused, 3);
    assert_int_equal(meter_lost(&meter), 0);
}

static void plain_sequence_numbers_are_unwrapped(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000 + 100; i++)
        if (i != 0xfffe && i != 0x10002)
            take_plain((uint16_t)i);
    assert_counts(0x10000 + 98, 2, 0, 0);
    assert_int_equal(meter.senders[0].highest, 0x10000 + 99);
}

static void reordered_around_the_wrap(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0xffff; i++)
        take_plain((uint16_t)i);
    take_plain(0);
    take_plain(0xffff);
    take_plain(1);
    take_plain(0); /* the second one: a duplicate */
    assert_counts(0x10000 + 3, 0, 1, 1);
}

static void before_the_first_packet_there_is_nothing_to_unwrap(void **state)
{
    (void)state;
    take_plain(0);
    take_plain(0xffff); /* cannot be -1 */
    assert_int_equal(meter.senders[0].highest, 0xffff);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    uint8_t bad_codec[MEDIA_HEADER_SIZE] = {15 << 2};
    meter_take(&meter, BYTES_NONE, CLOCK_SECOND);
    meter_take(&meter, BYTES_LITERAL("short"), CLOCK_SECOND);
    meter_take(&meter, (struct bytes){bad_codec, sizeof bad_codec}, CLOCK_SECOND);
    take_stamped(SENDER, METER_SEQUENCE_MAX, 0, CLOCK_SECOND, CLOCK_SECOND);
    take_stamped(SENDER, UINT32_MAX, 0, CLOCK_SECOND, CLOCK_SECOND);
    assert_int_equal(meter.refused, 5);
    assert_int_equal(meter.received, 0);
}

static void latencies_have_their_percentiles(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 101; i++) { /* 0 to 100 ms, out of order */
        uint64_t ms = (i * 37) % 101;
        take_stamped(SENDER, i, 101, CLOCK_SECOND, CLOCK_SECOND + ms * CLOCK_MS);
    }
    struct meter_latency latency = meter_latency(&meter);
    assert_true(latency.known);
    assert_int_equal(latency.p50, 50000);
    assert_int_equal(latency.p99, 99000);
    assert_int_equal(latency.max, 100000);
}

static void a_stamp_from_the_future_took_no_time(void **state)
{
    (void)state;
    take_stamped(SENDER, 0, 1, 2 * CLOCK_SECOND, CLOCK_SECOND);
    assert_true(meter_latency(&meter).known);
    assert_int_equal(meter_latency(&meter).max, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_came),
        CASE(everything_came),
        CASE(gaps_are_lost),
        CASE(the_tail_counts_by_the_stamped_total),
        CASE(the_head_counts_too),
        CASE(what_is_missing_comes_in_runs),
        CASE(a_duplicate_is_received_but_not_distinct),
        CASE(a_late_packet_is_reordered_not_lost),
        CASE(senders_are_told_apart),
        CASE(more_senders_than_fit_are_refused),
        CASE(plain_sequence_numbers_are_unwrapped),
        CASE(reordered_around_the_wrap),
        CASE(before_the_first_packet_there_is_nothing_to_unwrap),
        CASE(garbage_is_refused),
        CASE(latencies_have_their_percentiles),
        CASE(a_stamp_from_the_future_took_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
