#include "tests/phone/talker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/media.h"
#include "tests/phone/stamp.h"
#include "tests/unit/phone/scratch.h"
#include "tests/unit/phone/tone.h"

#define START (1000 * CLOCK_SECOND)

/* The next packet, which must be due, and what is in it. */
static struct stamp next_stamp(struct talker *t, uint64_t now, struct media_packet *media)
{
    static uint8_t packet[TALKER_PACKET_MAX];
    struct stamp stamp;
    size_t len = talker_next(t, now, packet);
    assert_int_equal(len, t->bytes);
    assert_int_equal(media_packet_parse((struct bytes){packet, len}, media), 0);
    assert_true(stamp_read(media->payload, &stamp));
    return stamp;
}

static void says_nothing_before_it_starts(void **state)
{
    (void)state;
    struct talker t;
    uint8_t packet[TALKER_PACKET_MAX];
    talker_init(&t, 50, 120, 1, 7);
    assert_true(talker_deadline(&t) == UINT64_MAX);
    assert_int_equal(talker_next(&t, START, packet), 0);
    assert_false(talker_done(&t));
    talker_free(&t);
}

static void packets_are_due_at_even_distances(void **state)
{
    (void)state;
    struct talker t;
    uint8_t packet[TALKER_PACKET_MAX];
    talker_init(&t, 50, 120, 2, 7);
    talker_start(&t, START);
    for (uint32_t i = 0; i < 100; i++) {
        struct media_packet media;
        uint64_t due = START + i * 20 * CLOCK_MS;
        assert_true(talker_deadline(&t) == due);
        assert_int_equal(talker_next(&t, due - 1, packet), 0);
        assert_false(talker_done(&t));
        struct stamp stamp = next_stamp(&t, due, &media);
        assert_int_equal(stamp.sequence, i);
        assert_int_equal(stamp.total, 100);
        assert_int_equal(stamp.sender, 7);
        assert_true(stamp.sent == due);
        assert_int_equal(media.header.sequence, i);
        assert_int_equal(media.header.timestamp, i * 20);
        assert_int_equal(media.header.codec, MEDIA_OPUS_24K);
    }
    assert_true(talker_done(&t));
    assert_true(talker_deadline(&t) == UINT64_MAX);
    assert_int_equal(talker_next(&t, START + 60 * CLOCK_SECOND, packet), 0);
    talker_free(&t);
}

/* 7 does not divide a second: rounding must not add up. */
static void no_rate_drifts(void **state)
{
    (void)state;
    struct talker t;
    struct media_packet media;
    talker_init(&t, 7, STAMP_PACKET_MIN, 3600, 1);
    talker_start(&t, START);
    for (uint32_t i = 0; i < 7 * 3599; i++)
        next_stamp(&t, talker_deadline(&t), &media);
    assert_true(talker_deadline(&t) == START + 3599 * CLOCK_SECOND);
    talker_free(&t);
}

static void late_packets_are_caught_up(void **state)
{
    (void)state;
    struct talker t;
    struct media_packet media;
    uint8_t packet[TALKER_PACKET_MAX];
    talker_init(&t, 50, 120, 1, 7);
    talker_start(&t, START);
    for (uint32_t i = 0; i < 6; i++) /* 0, 20, ... 100 ms */
        assert_int_equal(next_stamp(&t, START + 100 * CLOCK_MS, &media).sequence, i);
    assert_int_equal(talker_next(&t, START + 100 * CLOCK_MS, packet), 0);
    talker_free(&t);
}

static void starting_twice_changes_nothing(void **state)
{
    (void)state;
    struct talker t;
    talker_init(&t, 50, 120, 1, 7);
    talker_start(&t, START);
    talker_start(&t, START + CLOCK_SECOND);
    assert_true(talker_deadline(&t) == START);
    talker_free(&t);
}

static void the_next_call_is_another_sender(void **state)
{
    (void)state;
    struct talker t;
    struct media_packet media;
    talker_init(&t, 50, 120, 1, 7);
    talker_start(&t, START);
    next_stamp(&t, START, &media);
    talker_rewind(&t);
    assert_true(talker_deadline(&t) == UINT64_MAX);
    talker_start(&t, START + CLOCK_SECOND);
    struct stamp stamp = next_stamp(&t, START + CLOCK_SECOND, &media);
    assert_int_equal(stamp.sequence, 0);
    assert_int_equal(stamp.sender, 8);
    talker_free(&t);
}

static void an_early_end_is_told_by_the_last_packets(void **state)
{
    (void)state;
    struct talker t;
    struct media_packet media;
    talker_init(&t, 50, 120, 100, 7);
    talker_start(&t, START);
    assert_int_equal(next_stamp(&t, START, &media).total, 5000);
    talker_conclude(&t);
    for (uint32_t i = 1; i <= TALKER_LAST; i++) {
        assert_false(talker_done(&t));
        struct stamp stamp = next_stamp(&t, talker_deadline(&t), &media);
        assert_int_equal(stamp.sequence, i);
        assert_int_equal(stamp.total, 1 + TALKER_LAST);
    }
    assert_true(talker_done(&t));
    talker_conclude(&t); /* it is not to say more */
    assert_true(talker_done(&t));
    talker_free(&t);
}

static void no_seconds_is_nothing_to_say(void **state)
{
    (void)state;
    struct talker t;
    talker_init(&t, 50, 120, 0, 7);
    talker_start(&t, START);
    assert_true(talker_done(&t));
    assert_true(talker_deadline(&t) == UINT64_MAX);
    talker_free(&t);
}

static void a_voice_is_50_packets_a_second(void **state)
{
    char path[SCRATCH_PATH];
    struct talker t;
    uint8_t packet[TALKER_PACKET_MAX];
    struct wav wav = tone_make(440, 0.99, 16000);
    scratch_path(state, "voice.wav", path);
    assert_int_equal(wav_write(path, &wav), 0);
    wav_free(&wav);
    assert_int_equal(talker_init_voice(&t, path), 0);
    assert_int_equal(t.total, 50); /* the last frame is filled with silence */
    talker_start(&t, START);
    for (uint32_t i = 0; i < 50; i++) {
        struct media_packet media;
        assert_true(talker_deadline(&t) == START + i * 20 * CLOCK_MS);
        size_t len = talker_next(&t, talker_deadline(&t), packet);
        assert_int_equal(media_packet_parse((struct bytes){packet, len}, &media), 0);
        assert_int_equal(media.header.sequence, i);
        assert_in_range(media.payload.len, 1, VOICE_PACKET_MAX);
    }
    assert_true(talker_done(&t));
    talker_free(&t);
}

static void a_voice_that_cannot_be_read(void **state)
{
    char path[SCRATCH_PATH];
    struct talker t;
    scratch_path(state, "absent.wav", path);
    assert_int_equal(talker_init_voice(&t, path), ERR_SYSTEM);
    scratch_write(state, "bad.wav", BYTES_LITERAL("this is no sound at all"));
    scratch_path(state, "bad.wav", path);
    assert_int_equal(talker_init_voice(&t, path), ERR_SYNTAX);
    talker_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_before_it_starts),
        cmocka_unit_test(packets_are_due_at_even_distances),
        cmocka_unit_test(no_rate_drifts),
        cmocka_unit_test(late_packets_are_caught_up),
        cmocka_unit_test(starting_twice_changes_nothing),
        cmocka_unit_test(the_next_call_is_another_sender),
        cmocka_unit_test(an_early_end_is_told_by_the_last_packets),
        cmocka_unit_test(no_seconds_is_nothing_to_say),
        cmocka_unit_test_setup_teardown(a_voice_is_50_packets_a_second, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_voice_that_cannot_be_read, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
