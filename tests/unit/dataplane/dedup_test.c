#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/dedup.h"

#define ROOM 5
#define A 1
#define B 2
#define C 3

static const struct siphash_key secret = {11, 13};
static const struct dedup_source self = {0, 77, false};
static const uint64_t start = 5000 * CLOCK_SECOND;

static int begin(void **state)
{
    static struct dedup d;
    assert_int_equal(dedup_init(&d, &secret), 0);
    *state = &d;
    return 0;
}

static int end(void **state)
{
    dedup_free(*state);
    return 0;
}

static struct bytes packet(uint32_t number)
{
    static uint8_t bytes[40];
    memcpy(bytes, &number, sizeof(number));
    return (struct bytes){bytes, sizeof(bytes)};
}

static enum dedup_verdict look(struct dedup *d, uint32_t number, uint32_t link, uint32_t origin,
                               bool legacy, uint64_t now)
{
    const struct dedup_source source = {link, origin, legacy};
    return dedup_look(d, ROOM, packet(number), &source, now);
}

static bool copy(struct dedup *d, uint32_t number, uint32_t link, uint32_t origin, bool legacy,
                 uint64_t now)
{
    return look(d, number, link, origin, legacy, now) == DEDUP_COPY;
}

static void test_same_origin_over_another_link_is_a_copy(void **state)
{
    struct dedup *d = *state;
    assert_false(copy(d, 1, A, 9, false, start));
    assert_true(copy(d, 1, B, 9, false, start));
    assert_true(copy(d, 1, C, 9, false, start));
}

static void test_the_same_link_may_repeat_itself(void **state)
{
    struct dedup *d = *state;
    assert_false(copy(d, 1, A, 9, false, start));
    assert_false(copy(d, 1, A, 9, false, start)); /* one who starts anew at sequence 0 */
    assert_true(copy(d, 1, B, 9, false, start));
}

static void defect_42_identical_talkers_of_two_origins_both_pass(void **state)
{
    struct dedup *d = *state;
    assert_false(copy(d, 1, A, 9, false, start));
    assert_false(copy(d, 1, B, 10, false, start));
    /* and the copies of both are known */
    assert_true(copy(d, 1, C, 9, false, start));
    assert_true(copy(d, 1, C, 10, false, start));
}

static void test_over_a_legacy_link_the_origin_does_not_count(void **state)
{
    struct dedup *d = *state;
    assert_false(copy(d, 1, A, 9, false, start));
    assert_true(copy(d, 1, B, 10, true, start));
}

/* Those behind us who want the origin get it from us, whatever an original passed on before. */
static void test_an_echo_may_come_first(void **state)
{
    struct dedup *d = *state;
    assert_int_equal(look(d, 2, B, 10, true, start), DEDUP_NEW);
    assert_int_equal(look(d, 2, A, 9, false, start), DEDUP_ECHOED);
    assert_int_equal(look(d, 2, C, 9, false, start), DEDUP_COPY);
    assert_int_equal(look(d, 2, C, 11, true, start), DEDUP_COPY);
    assert_int_equal(look(d, 2, B, 10, true, start), DEDUP_COPY);
}

/* In a chain both ways lead over one link. */
static void test_an_echo_comes_over_the_same_link(void **state)
{
    struct dedup *d = *state;
    assert_int_equal(look(d, 1, A, 9, false, start), DEDUP_NEW);
    assert_int_equal(look(d, 1, A, 10, true, start), DEDUP_COPY);
    assert_int_equal(look(d, 2, A, 10, true, start), DEDUP_NEW);
    assert_int_equal(look(d, 2, A, 9, false, start), DEDUP_ECHOED);
    assert_int_equal(look(d, 3, A, 10, true, start), DEDUP_NEW);
    assert_int_equal(look(d, 3, A, 10, true, start), DEDUP_NEW);
}

static void test_our_own_media_comes_back_as_a_copy(void **state)
{
    struct dedup *d = *state;
    assert_int_equal(dedup_look(d, ROOM, packet(1), &self, start), DEDUP_NEW);
    assert_int_equal(dedup_look(d, ROOM, packet(1), &self, start),
                     DEDUP_NEW); /* two phones alike */
    assert_true(copy(d, 1, B, 10, true, start));
    assert_false(copy(d, 1, C, 10, false, start)); /* someone else's */
}

static void test_rooms_are_apart(void **state)
{
    struct dedup *d = *state;
    const struct dedup_source a = {A, 9, false};
    const struct dedup_source b = {B, 9, false};
    assert_int_equal(dedup_look(d, 1, packet(1), &a, start), DEDUP_NEW);
    assert_int_equal(dedup_look(d, 2, packet(1), &b, start), DEDUP_NEW);
    assert_int_equal(dedup_look(d, 1, packet(1), &b, start), DEDUP_COPY);
}

static void test_remembers_two_seconds_and_not_four(void **state)
{
    struct dedup *d = *state;
    for (uint32_t i = 0; i < 20; i++) {
        uint64_t at = start + i * CLOCK_SECOND / 5;
        assert_false(copy(d, 2 * i, A, 9, false, at));
        assert_true(copy(d, 2 * i, B, 9, false, at + DEDUP_GENERATION));
        assert_false(copy(d, 2 * i + 1, A, 9, false, at));
        assert_false(copy(d, 2 * i + 1, B, 9, false, at + 2 * DEDUP_GENERATION));
    }
}

static void test_growing_keeps_what_is_known(void **state)
{
    struct dedup *d = *state;
    const uint32_t packets = 200;
    const size_t before = d->count;
    for (uint32_t i = 0; i < packets; i++)
        assert_false(copy(d, i, A, 9, false, start));
    assert_int_equal(dedup_reserve(d, 40000, start), 0);
    assert_true(d->count > before);
    for (uint32_t i = 0; i < packets; i++)
        assert_true(copy(d, i, B, 9, false, start));
    assert_int_equal(d->evicted, 0);
    assert_int_equal(dedup_reserve(d, UINT64_MAX, start), 0);
    assert_int_equal(d->count, DEDUP_ENTRIES_MAX);
}

/* At the rate that it was sized for it forgets next to nothing; beyond, it stays in bounds. */
static void defect_44_holds_the_reserved_rate_in_bounds(void **state)
{
    struct dedup *d = *state;
    const uint32_t rate = 4000;
    unsigned missed = 0;
    assert_int_equal(dedup_reserve(d, rate, start), 0);
    for (uint32_t i = 0; i < 10 * rate; i++) {
        uint64_t at = start + (uint64_t)i * CLOCK_SECOND / rate;
        assert_false(copy(d, i, A, 9, false, at));
        if (i >= 2 * rate)
            missed += !copy(d, i - 2 * rate, B, 9, false, at);
    }
    assert_true(missed < 10 * rate / 1000);
    for (uint32_t i = 0; i < 50 * rate; i++)
        copy(d, 1000000 + i, A, 9, false, start);
    assert_true(d->evicted > 0);
    assert_true(copy(d, 1000000 + 50 * rate - 1, B, 9, false, start));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_same_origin_over_another_link_is_a_copy),
        TEST(test_the_same_link_may_repeat_itself),
        TEST(defect_42_identical_talkers_of_two_origins_both_pass),
        TEST(test_over_a_legacy_link_the_origin_does_not_count),
        TEST(test_an_echo_may_come_first),
        TEST(test_an_echo_comes_over_the_same_link),
        TEST(test_our_own_media_comes_back_as_a_copy),
        TEST(test_rooms_are_apart),
        TEST(test_remembers_two_seconds_and_not_four),
        TEST(test_growing_keeps_what_is_known),
        TEST(defect_44_holds_the_reserved_rate_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
