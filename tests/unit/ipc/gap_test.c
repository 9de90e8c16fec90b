#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/gap.h"

static void a_gap_that_was_seen(void **state)
{
    struct gap g = {0};
    (void)state;
    assert_true(gap_report(&g, 3, true, 9));
    assert_false(gap_report(&g, 3, true, 9)); /* once a tick */
    gap_tick(&g);
    assert_true(gap_report(&g, 3, true, 9));
    gap_tick(&g);
    assert_false(gap_report(&g, 9, true, 9)); /* nothing is missing */
}

static void what_is_on_its_way_is_no_gap(void **state)
{
    struct gap g = {0};
    (void)state;
    for (uint64_t i = 1; i < 10; i++) {
        assert_false(gap_report(&g, i, false, i + 5));
        gap_tick(&g);
    }
}

static void what_does_not_come_is_one(void **state)
{
    struct gap g = {0};
    (void)state;
    assert_false(gap_report(&g, 5, false, 5));
    assert_false(gap_report(&g, 5, false, 7)); /* sent since the last report */
    assert_true(gap_report(&g, 5, false, 7));
}

static void old_and_impossible_reports_count_for_nothing(void **state)
{
    struct gap g = {0};
    (void)state;
    gap_reset(&g, 5);
    assert_false(gap_report(&g, 4, true, 9));
    assert_false(gap_report(&g, 10, true, 9));
    assert_true(gap_report(&g, 5, true, 9));
    gap_reset(&g, 20);
    assert_true(gap_report(&g, 20, true, 21)); /* a new count of ticks, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_that_was_seen),
        cmocka_unit_test(what_is_on_its_way_is_no_gap),
        cmocka_unit_test(what_does_not_come_is_one),
        cmocka_unit_test(old_and_impossible_reports_count_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
