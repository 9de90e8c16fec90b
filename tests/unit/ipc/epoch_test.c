#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"
#include "directory.h"
#include "ipc/epoch.h"

static uint64_t next(void **state, const char *plane, uint64_t wall_ms)
{
    uint64_t epoch = 0;
    assert_int_equal(ipc_epoch_next(*state, plane, wall_ms, &epoch), 0);
    return epoch;
}

static void it_grows_with_the_clock(void **state)
{
    assert_int_equal(next(state, "data", 1000), 1000);
    assert_int_equal(next(state, "data", 1500), 1500);
    assert_int_equal(next(state, "control", 1200), 1200);
}

static void it_grows_against_the_clock(void **state)
{
    assert_int_equal(next(state, "data", 1000), 1000);
    assert_int_equal(next(state, "data", 1000), 1001);
    assert_int_equal(next(state, "data", 3), 1002);
    assert_int_equal(next(state, "data", 0), 1003);
}

static void it_is_never_zero(void **state)
{
    assert_int_equal(next(state, "data", 0), 1);
    assert_int_equal(next(state, "control", UINT64_MAX), 1); /* no clock says that */
}

static void a_damaged_file_counts_as_absent(void **state)
{
    const char *contents[] = {"", "12", "9999999999999999999999\n", "00000000000000000x17\n",
                              "000000000000000000017 "};
    char path[600];
    snprintf(path, sizeof(path), "%s/data.epoch", (const char *)*state);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, contents[i], strlen(contents[i])), strlen(contents[i]));
        close(fd);
        assert_int_equal(next(state, "data", 5), 5);
        assert_int_equal(next(state, "data", 5), 6);
    }
}

static void a_missing_directory_is_an_error(void **state)
{
    uint64_t epoch;
    (void)state;
    assert_int_equal(ipc_epoch_next("/nonexistent/chappe", "data", 5, &epoch), ERR_SYSTEM);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(it_grows_with_the_clock),
        RUN(it_grows_against_the_clock),
        RUN(it_is_never_zero),
        RUN(a_damaged_file_counts_as_absent),
        RUN(a_missing_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
