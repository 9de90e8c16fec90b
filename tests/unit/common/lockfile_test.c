#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/lockfile.h"

static char directory[] = "/tmp/chappe-lockfile-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/lock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* A process that holds the lock until `release` is closed; returns when it has the lock. */
static pid_t start_holder(int *release)
{
    int ready[2];
    int stop[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct lockfile lock;
        close(stop[1]);
        if (lockfile_acquire(&lock, path, 0) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(stop[0], &byte, 1) == 0 ? 0 : 1); /* the kernel gives the lock back */
    }
    close(ready[1]);
    close(stop[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *release = stop[1];
    return child;
}

static void wait_for(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void one_holder_at_a_time(void **state)
{
    (void)state;
    struct lockfile first;
    struct lockfile second;
    struct stat st;
    assert_int_equal(lockfile_acquire(&first, path, 0), 0);
    assert_true(lockfile_held(&first));
    assert_int_equal(lockfile_owner(path), getpid());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(lockfile_acquire(&second, path, 0), ERR_LOCKED);
    assert_false(lockfile_held(&second));
    assert_int_equal(lockfile_acquire(&second, path, 50 * CLOCK_MS), ERR_LOCKED);
    lockfile_release(&first);
    assert_int_equal(lockfile_acquire(&second, path, 0), 0);
    lockfile_release(&second);
    lockfile_release(&second);
}

static void another_process_keeps_it_until_it_ends(void **state)
{
    (void)state;
    struct lockfile lock;
    int release;
    pid_t child = start_holder(&release);
    assert_int_equal(lockfile_acquire(&lock, path, 0), ERR_LOCKED);
    assert_int_equal(lockfile_owner(path), child);
    close(release);
    assert_int_equal(lockfile_acquire(&lock, path, 60 * CLOCK_SECOND), 0);
    assert_int_equal(lockfile_owner(path), getpid());
    lockfile_release(&lock);
    wait_for(child);
}

static void a_child_of_the_holder_does_not_keep_it(void **state)
{
    (void)state;
    struct lockfile lock;
    int stop[2];
    char byte;
    assert_int_equal(lockfile_acquire(&lock, path, 0), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(stop[1]);
        _exit(read(stop[0], &byte, 1) == 0 ? 0 : 1);
    }
    lockfile_release(&lock);
    assert_int_equal(lockfile_acquire(&lock, path, 0), 0);
    lockfile_release(&lock);
    close(stop[0]);
    close(stop[1]);
    wait_for(child);
}

static void a_file_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct lockfile lock;
    assert_int_equal(lockfile_acquire(&lock, "/tmp/no/such/directory/lock", 0), ERR_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_false(lockfile_held(&lock));
    assert_int_equal(lockfile_acquire(&lock, directory, 0), ERR_SYSTEM);
}

static void an_owner_that_is_not_written_is_unknown(void **state)
{
    (void)state;
    static const char *texts[] = {"", "\n", "x\n", "-5\n", "0\n", "99999999999999999999999999\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(lockfile_owner(path), 0);
    }
    assert_int_equal(lockfile_owner("/tmp/no/such/directory/lock"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(another_process_keeps_it_until_it_ends),
        cmocka_unit_test(a_child_of_the_holder_does_not_keep_it),
        cmocka_unit_test(a_file_that_cannot_be_made_is_an_error),
        cmocka_unit_test(an_owner_that_is_not_written_is_unknown),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
