#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "common/clock.h"

static void monotonic_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = clock_monotonic();
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t now = clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
}

/* The unit: what the system's own call says lies between two readings. */
static void units_are_those_of_the_names(void **state)
{
    (void)state;
    struct timespec t;
    uint64_t before = clock_monotonic();
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    uint64_t between = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    uint64_t after = clock_monotonic();
    assert_true(before <= between && between <= after);
    assert_true(clock_wall_ms() > 1767225600000u);  /* 2026 */
    assert_true(clock_wall_ms() < 10000000000000u); /* 2286 */
    assert_true(CLOCK_SECOND == 1000 * CLOCK_MS && CLOCK_MS == 1000 * CLOCK_US);
}

static void times_of_day_as_text(void **state)
{
    (void)state;
    char text[CLOCK_TEXT];
    clock_text(1795360523007, text);
    assert_string_equal(text, "2026-11-22T15:15:23.007Z");
    clock_text_us(1795360523007089, text);
    assert_string_equal(text, "2026-11-22T15:15:23.007089Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_never_goes_back),
        cmocka_unit_test(units_are_those_of_the_names),
        cmocka_unit_test(times_of_day_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
