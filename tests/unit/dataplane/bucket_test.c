#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "dataplane/bucket.h"

static unsigned passed(struct bucket *b, uint64_t interval, uint64_t now, unsigned packets)
{
    unsigned count = 0;
    for (unsigned i = 0; i < packets; i++)
        count += bucket_take(b, interval, now);
    return count;
}

static void test_burst_is_one_second(void **state)
{
    (void)state;
    struct bucket b = {0};
    const uint64_t interval = bucket_interval(50);
    uint64_t now = 100 * CLOCK_SECOND;
    assert_int_equal(passed(&b, interval, now, 200), 50);
    assert_int_equal(passed(&b, interval, now + CLOCK_SECOND / 2, 200), 25);
    assert_int_equal(passed(&b, interval, now + 100 * CLOCK_SECOND, 200), 50);
}

static void test_the_rate_itself_always_passes(void **state)
{
    (void)state;
    struct bucket b = {0};
    const uint64_t interval = bucket_interval(3);
    for (uint64_t i = 0; i < 300; i++)
        assert_true(bucket_take(&b, interval, CLOCK_SECOND + i * CLOCK_SECOND / 3));
}

static void test_zero_is_unlimited(void **state)
{
    (void)state;
    struct bucket b = {0};
    assert_int_equal(passed(&b, bucket_interval(0), 5, 100000), 100000);
}

static void test_one_a_second(void **state)
{
    (void)state;
    struct bucket b = {0};
    const uint64_t interval = bucket_interval(1);
    assert_int_equal(passed(&b, interval, CLOCK_SECOND, 5), 1);
    assert_int_equal(passed(&b, interval, 2 * CLOCK_SECOND - 1, 5), 0);
    assert_int_equal(passed(&b, interval, 2 * CLOCK_SECOND, 5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_is_one_second),
        cmocka_unit_test(test_the_rate_itself_always_passes),
        cmocka_unit_test(test_zero_is_unlimited),
        cmocka_unit_test(test_one_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
