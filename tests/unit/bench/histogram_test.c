#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/bench/load/histogram.h"

static struct histogram h;

static void test_empty(void **state)
{
    (void)state;
    histogram_clear(&h);
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    histogram_clear(&h);
    for (uint64_t v = 1; v <= 60; v++)
        histogram_add(&h, v);
    assert_int_equal(histogram_quantile(&h, 0.5), 30);
    assert_int_equal(histogram_quantile(&h, 1), 60);
}

static void test_quantiles_of_many(void **state)
{
    (void)state;
    histogram_clear(&h);
    for (uint64_t v = 1; v <= 100000; v++)
        histogram_add(&h, v * 1000);
    for (unsigned percent = 1; percent <= 100; percent++) {
        uint64_t exact = percent * 1000000u;
        uint64_t got = histogram_quantile(&h, percent / 100.0);
        assert_true(got >= exact && got - exact <= exact / 32 + 1);
    }
}

/* Every value lands in a bucket that holds it, up to the largest. */
static void test_whole_range(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t add = 0; add < 3; add++) {
            uint64_t value = (1ull << bit) + add - 1;
            histogram_clear(&h);
            histogram_add(&h, value);
            uint64_t got = histogram_quantile(&h, 1);
            assert_true(got >= value && got - value <= value / 32);
        }
    }
    histogram_clear(&h);
    histogram_add(&h, UINT64_MAX);
    assert_int_equal(histogram_quantile(&h, 0.99), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_quantiles_of_many),
        cmocka_unit_test(test_whole_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
