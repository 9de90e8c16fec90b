#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/core/reconnect.h"

#define SECOND UINT64_C(1000000000)
#define START (100 * SECOND)

static void test_dials_at_once_and_says_so_once(void **state)
{
    (void)state;
    struct reconnect r;
    reconnect_init(&r, START);
    assert_int_equal(reconnect_deadline(&r), START);
    assert_false(reconnect_due(&r, START - 1));
    assert_true(reconnect_due(&r, START));
    assert_false(reconnect_due(&r, START + 60 * SECOND));
    assert_true(reconnect_deadline(&r) == UINT64_MAX);
}

/* Fails at `at`; returns how long it waits then. */
static uint64_t wait_after_failure(struct reconnect *r, uint64_t *at, uint64_t random)
{
    reconnect_failed(r, *at, random);
    uint64_t wait = reconnect_deadline(r) - *at;
    *at += wait;
    assert_false(reconnect_due(r, *at - 1));
    assert_true(reconnect_due(r, *at));
    return wait;
}

static void test_waits_double_from_one_second_to_sixty(void **state)
{
    (void)state;
    static const uint64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    for (int extreme = 0; extreme < 2; extreme++) {
        struct reconnect r;
        uint64_t at = START;
        reconnect_init(&r, at);
        assert_true(reconnect_due(&r, at));
        for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
            uint64_t full = seconds[i] * SECOND;
            /* The smallest jitter and the largest. */
            uint64_t random = extreme == 0 ? 0 : full / 2;
            uint64_t wait = wait_after_failure(&r, &at, random);
            assert_int_equal(wait, extreme == 0 ? full / 2 : full);
        }
    }
}

static void defect_41_every_jitter_lies_between_half_and_whole(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 10000; i++) {
        struct reconnect r;
        random = random * UINT64_C(6364136223846793005) + 1;
        reconnect_init(&r, START);
        assert_true(reconnect_due(&r, START));
        reconnect_failed(&r, START, random);
        uint64_t wait = reconnect_deadline(&r) - START;
        assert_in_range(wait, SECOND / 2, SECOND);
    }
}

static void test_nothing_is_dialed_while_linked(void **state)
{
    (void)state;
    struct reconnect r;
    reconnect_init(&r, START);
    assert_true(reconnect_due(&r, START));
    reconnect_linked(&r, START);
    assert_true(reconnect_deadline(&r) == UINT64_MAX);
    reconnect_failed(&r, START + 1, 0); /* the dial, while the peer had dialed us */
    reconnect_at(&r, START + 2);
    assert_false(reconnect_due(&r, START + 3600 * SECOND));
}

static void defect_41_only_a_stable_link_resets_the_wait(void **state)
{
    (void)state;
    struct reconnect r;
    uint64_t at = START;
    reconnect_init(&r, at);
    assert_true(reconnect_due(&r, at));
    wait_after_failure(&r, &at, 0);
    wait_after_failure(&r, &at, 0);
    reconnect_linked(&r, at);
    at += RECONNECT_STABLE_NS - 1; /* defect 41: a peer that accepts and then refuses */
    reconnect_lost(&r, at, 0);
    assert_int_equal(reconnect_deadline(&r) - at, 2 * SECOND);

    at = reconnect_deadline(&r);
    assert_true(reconnect_due(&r, at));
    reconnect_linked(&r, at);
    at += RECONNECT_STABLE_NS;
    reconnect_lost(&r, at, 0);
    assert_int_equal(reconnect_deadline(&r) - at, SECOND / 2);
}

static void test_an_operator_can_hurry_it(void **state)
{
    (void)state;
    struct reconnect r;
    uint64_t at = START;
    reconnect_init(&r, at);
    assert_true(reconnect_due(&r, at));
    for (int i = 0; i < 6; i++)
        wait_after_failure(&r, &at, 0);
    reconnect_failed(&r, at, 0);
    reconnect_at(&r, at + 1);
    assert_true(reconnect_due(&r, at + 1));
    reconnect_failed(&r, at + 1, 0);
    assert_int_equal(reconnect_deadline(&r) - (at + 1), SECOND / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dials_at_once_and_says_so_once),
        cmocka_unit_test(test_waits_double_from_one_second_to_sixty),
        cmocka_unit_test(defect_41_every_jitter_lies_between_half_and_whole),
        cmocka_unit_test(test_nothing_is_dialed_while_linked),
        cmocka_unit_test(defect_41_only_a_stable_link_resets_the_wait),
        cmocka_unit_test(test_an_operator_can_hurry_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
