#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"
#include "directory.h"
#include "ipc/runtime_dir.h"

static void it_is_made_for_its_owner_alone(void **state)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof(path), "%s/run", (const char *)*state);
    assert_int_equal(ipc_runtime_dir_make(path), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(path, 0750), 0);
    assert_int_equal(ipc_runtime_dir_make(path), 0); /* there: stays as it is */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
}

static void what_cannot_be_made_is_an_error(void **state)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/file", (const char *)*state);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(ipc_runtime_dir_make(path), ERR_SYSTEM);
    assert_int_equal(errno, ENOTDIR);
    snprintf(path, sizeof(path), "%s/no/parent", (const char *)*state);
    assert_int_equal(ipc_runtime_dir_make(path), ERR_SYSTEM);
    assert_int_equal(errno, ENOENT);
}

static void names_of_files(void **state)
{
    char path[IPC_PATH_MAX];
    static char too_long[IPC_PATH_MAX];
    (void)state;
    assert_int_equal(ipc_runtime_dir_path(path, "/run/chappe", "data", IPC_LOCK_SUFFIX), 0);
    assert_string_equal(path, "/run/chappe/data.lock");
    assert_int_equal(ipc_runtime_dir_path(path, "/run/chappe", "events", NULL), 0);
    assert_string_equal(path, "/run/chappe/events");
    memset(too_long, 'x', sizeof(too_long) - 1);
    assert_int_equal(ipc_runtime_dir_path(path, too_long, "data", NULL), ERR_TOO_LARGE);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(it_is_made_for_its_owner_alone),
        RUN(what_cannot_be_made_is_an_error),
        RUN(names_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
