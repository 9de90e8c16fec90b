#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "channel.h"
#include "common/error.h"
#include "directory.h"
#include "ipc/note.h"

static const struct ipc_note_entry entry = {1700000000000, 1700000000001, 7, 3};

static struct ipc_note *open_note(void **state)
{
    struct ipc_note *note;
    assert_int_equal(ipc_note_open(&note, *state), 0);
    return note;
}

static void assert_entry(const struct ipc_note *note)
{
    struct ipc_note_entry read;
    assert_true(ipc_note_read(note, &read));
    assert_int_equal(read.data_epoch, entry.data_epoch);
    assert_int_equal(read.control_epoch, entry.control_epoch);
    assert_int_equal(read.connection, entry.connection);
    assert_int_equal(read.input, entry.input);
}

static void set_read_clear(void **state)
{
    struct ipc_note_entry read;
    struct ipc_note *note = open_note(state);
    assert_false(ipc_note_read(note, &read));
    ipc_note_set(note, &entry);
    assert_entry(note);
    ipc_note_close(note);
    note = open_note(state);
    assert_entry(note);
    ipc_note_clear(note);
    assert_false(ipc_note_read(note, &read));
    ipc_note_close(note);
}

/* A process that is killed while it handles an input, or between two. */
static void kill_child(void **state, bool handling)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct ipc_note *note;
        if (ipc_note_open(&note, *state) != 0)
            _exit(1);
        ipc_note_set(note, &entry);
        if (!handling)
            ipc_note_clear(note);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void it_outlives_a_killed_process(void **state)
{
    struct ipc_note_entry read;
    kill_child(state, true);
    struct ipc_note *note = open_note(state);
    assert_entry(note);
    ipc_note_close(note);
    kill_child(state, false);
    note = open_note(state);
    assert_false(ipc_note_read(note, &read));
    ipc_note_close(note);
}

static void write_file(void **state, const void *data, size_t len)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/control.note", (const char *)*state);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static void garbage_is_no_note(void **state)
{
    uint64_t rng = 5;
    for (int i = 0; i < 200; i++) {
        uint64_t words[6];
        struct ipc_note_entry read;
        for (size_t w = 0; w < 6; w++)
            words[w] = rng_next(&rng);
        write_file(state, words, rng_next(&rng) % (sizeof(words) + 1));
        struct ipc_note *note = open_note(state);
        assert_false(ipc_note_read(note, &read));
        ipc_note_close(note);
    }
}

static void a_missing_directory_is_an_error(void **state)
{
    struct ipc_note *note;
    (void)state;
    assert_int_equal(ipc_note_open(&note, "/nonexistent/chappe"), ERR_SYSTEM);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(set_read_clear),
        RUN(it_outlives_a_killed_process),
        RUN(garbage_is_no_note),
        RUN(a_missing_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
