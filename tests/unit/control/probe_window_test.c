#include "control/core/probe_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/clock.h"

static void expect_near(double a, double b)
{
    assert_true(a > b - 0.001 && a < b + 0.001);
}

static void test_figures(void **state)
{
    (void)state;
    struct probe_window w = {0};
    uint64_t now = 5 * CLOCK_SECOND;
    struct probe_figures f = probe_window_figures(&w, now);
    assert_false(f.answered);
    expect_near(f.loss_pct, 0);
    probe_window_sent(&w, 1, now);
    probe_window_answered(&w, 1, now + 10 * CLOCK_MS);
    probe_window_sent(&w, 2, now + CLOCK_SECOND);
    probe_window_answered(&w, 2, now + CLOCK_SECOND + 30 * CLOCK_MS);
    probe_window_answered(&w, 2, now + CLOCK_SECOND + 90 * CLOCK_MS); /* it has its answer */
    probe_window_answered(&w, 77, now + CLOCK_SECOND);                /* nobody's */
    probe_window_sent(&w, 3, now + 2 * CLOCK_SECOND);
    f = probe_window_figures(&w, now + 2 * CLOCK_SECOND); /* the third may still come */
    assert_true(f.answered);
    expect_near(f.rtt_ms, 30);
    expect_near(f.jitter_ms, 10);
    expect_near(f.loss_pct, 0);
    f = probe_window_figures(&w, now + 3 * CLOCK_SECOND);
    expect_near(f.loss_pct, 100.0 / 3);
}

static void test_only_the_last_sixty_count(void **state)
{
    (void)state;
    struct probe_window w = {0};
    for (uint64_t i = 0; i < 200; i++) {
        probe_window_sent(&w, i, i * CLOCK_SECOND);
        if (i >= 140)
            probe_window_answered(&w, i, i * CLOCK_SECOND + CLOCK_MS);
    }
    struct probe_figures f = probe_window_figures(&w, 300 * CLOCK_SECOND);
    expect_near(f.loss_pct, 0);
    expect_near(f.rtt_ms, 1);
    expect_near(f.jitter_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_only_the_last_sixty_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
