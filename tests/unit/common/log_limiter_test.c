#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log_limiter.h"

#define SECOND UINT64_C(1000000000)

static void test_passes_a_burst_per_window(void **state)
{
    (void)state;
    struct log_limiter limiter = LOG_LIMITER(2);
    uint64_t now = 100 * SECOND;
    assert_true(log_limiter_pass(&limiter, now));
    assert_true(log_limiter_pass(&limiter, now + SECOND));
    assert_false(log_limiter_pass(&limiter, now + 2 * SECOND));
    assert_false(log_limiter_pass(&limiter, now + 10 * SECOND - 1));
    assert_true(log_limiter_pass(&limiter, now + 10 * SECOND));
    assert_int_equal(log_limiter_take(&limiter), 2);
    assert_int_equal(log_limiter_take(&limiter), 0);
}

static void test_a_limit_of_none_passes_nothing(void **state)
{
    (void)state;
    struct log_limiter limiter = LOG_LIMITER(0);
    assert_false(log_limiter_pass(&limiter, 0));
    assert_false(log_limiter_pass(&limiter, 100 * SECOND));
    assert_int_equal(log_limiter_take(&limiter), 2);
}

static void test_lines_tell_what_was_suppressed(void **state)
{
    (void)state;
    int ends[2];
    char out[1024] = {0};
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, ends[1], NULL});

    struct log_limiter limiter = LOG_LIMITER(1);
    for (uint64_t second = 0; second <= 20; second++)
        log_limited(&limiter, second * SECOND, LOG_WARN, "flood", LOG_U64("second", second));
    log_limited(&limiter, 40 * SECOND, LOG_DEBUG, "not_counted");
    log_limited(&limiter, 40 * SECOND, LOG_INFO, "bare");

    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, STDERR_FILENO, NULL});
    assert_true(read(ends[0], out, sizeof(out) - 1) > 0);
    close(ends[0]);
    close(ends[1]);

    static const char *const expected[] = {
        " warn flood second=0",
        " warn flood second=10 suppressed=9",
        " warn flood second=20 suppressed=9",
        " info bare",
    };
    char *rest = NULL;
    char *line = strtok_r(out, "\n", &rest);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_non_null(line);
        assert_string_equal(line + strlen("2026-11-22T15:04:05.123Z"), expected[i]);
        line = strtok_r(NULL, "\n", &rest);
    }
    assert_null(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_a_burst_per_window),
        cmocka_unit_test(test_a_limit_of_none_passes_nothing),
        cmocka_unit_test(test_lines_tell_what_was_suppressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
