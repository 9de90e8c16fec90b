#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/event_file.h"

#include "common/clock.h"
#include "common/log.h"

struct fixture {
    char directory[64];
    char path[128];
    struct event_file file;
};

static void use(struct event_file *file, const char *path)
{
    assert_int_equal(event_file_use(file, bytes_of_string(path)), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->directory, sizeof(f->directory), "/tmp/event_file_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/events.jsonl", f->directory);
    log_configure(&(struct log_config){.level = LOG_ERROR, .fd = open("/dev/null", O_WRONLY)});
    event_file_init(&f->file);
    use(&f->file, f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    event_file_free(&f->file);
    snprintf(command, sizeof(command), "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void add(struct event_file *file, const char *line)
{
    event_file_add(file, bytes_of_string(line));
    event_file_flush(file);
}

static void put_raw(const char *path, const char *text)
{
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void assert_content(const char *path, const char *wanted)
{
    char text[4096] = "";
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    assert_string_equal(text, wanted);
}

static void test_lines_are_appended(void **state)
{
    struct fixture *f = *state;
    put_raw(f->path, "before\n");
    add(&f->file, "one\n");
    event_file_add(&f->file, BYTES_LITERAL("two\n"));
    event_file_add(&f->file, BYTES_LITERAL("three\n"));
    event_file_flush(&f->file);
    assert_content(f->path, "before\none\ntwo\nthree\n");
    assert_int_equal(f->file.lines, 3);
    assert_int_equal(f->file.lost, 0);
}

static void test_what_another_writer_left_of_a_line_goes(void **state)
{
    struct fixture *f = *state;
    put_raw(f->path, "whole\n{\"ts\":\"20");
    add(&f->file, "one\n");
    assert_content(f->path, "whole\none\n");
    put_raw(f->path, "{\"half");
    add(&f->file, "two\n");
    assert_content(f->path, "whole\none\ntwo\n");
}

static void test_a_file_that_holds_no_lines_is_left_alone(void **state)
{
    struct fixture *f = *state;
    FILE *out = fopen(f->path, "w");
    for (int i = 0; i < 2 * (int)EVENT_FILE_LINE_MAX; i++)
        fputc('x', out);
    fclose(out);
    add(&f->file, "one\n");
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_size, 2 * EVENT_FILE_LINE_MAX + 4);
}

static void test_a_rotated_file_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char old[160];
    snprintf(old, sizeof(old), "%s.1", f->path);
    add(&f->file, "one\n");
    assert_int_equal(rename(f->path, old), 0);
    add(&f->file, "two\n");
    assert_content(old, "one\n");
    assert_content(f->path, "two\n");
    event_file_reopen(&f->file);
    add(&f->file, "three\n");
    assert_content(f->path, "two\nthree\n");
}

static void test_who_holds_the_lock_delays_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    add(&f->file, "one\n");
    int other = open(f->path, O_WRONLY);
    assert_int_equal(flock(other, LOCK_EX), 0);
    uint64_t before = clock_monotonic();
    add(&f->file, "two\n");
    assert_true(clock_monotonic() - before < 2 * CLOCK_SECOND);
    assert_content(f->path, "one\n");
    close(other);
    event_file_flush(&f->file);
    assert_content(f->path, "one\ntwo\n");
    assert_int_equal(f->file.errors, 0);
}

/* As on a full disk: part of the write succeeds. */
static void test_a_full_disk_leaves_no_part_of_a_line(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, tight;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    add(&f->file, "one\n");
    tight = (struct rlimit){.rlim_cur = 7, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    add(&f->file, "a long one\n");
    assert_content(f->path, "one\n");
    assert_int_equal(f->file.errors, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    event_file_flush(&f->file);
    assert_content(f->path, "one\na long one\n");
    assert_int_equal(f->file.lost, 0);
}

static void test_what_cannot_be_kept_is_counted(void **state)
{
    struct fixture *f = *state;
    char line[1024];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    use(&f->file, "/nowhere/at/all");
    size_t fit = EVENT_FILE_WAITING_MAX / sizeof(line);
    for (size_t i = 0; i < fit + 3; i++)
        event_file_add(&f->file, (struct bytes){(const uint8_t *)line, sizeof(line)});
    event_file_flush(&f->file);
    event_file_flush(&f->file);
    assert_int_equal(f->file.lost, 3);
    assert_int_equal(f->file.errors, 2);
    assert_int_equal(f->file.lines, 0);
    use(&f->file, f->path); /* what waited is not lost */
    event_file_flush(&f->file);
    assert_int_equal(f->file.lines, fit);
    event_file_lost(&f->file, 5);
    assert_int_equal(f->file.lost, 8);
}

static void test_off_writes_nothing(void **state)
{
    struct fixture *f = *state;
    use(&f->file, "");
    assert_false(event_file_on(&f->file));
    add(&f->file, "one\n");
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(f->file.lost, 0);
}

static void test_a_pipe_gets_whole_lines(void **state)
{
    struct fixture *f = *state;
    char path[160], text[64] = "";
    snprintf(path, sizeof(path), "%s.fifo", f->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    use(&f->file, path);
    event_file_add(&f->file, BYTES_LITERAL("one\n"));
    add(&f->file, "two\n");
    assert_int_equal(read(reader, text, sizeof(text) - 1), 8);
    assert_string_equal(text, "one\ntwo\n");
    close(reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lines_are_appended),
        TEST(test_what_another_writer_left_of_a_line_goes),
        TEST(test_a_file_that_holds_no_lines_is_left_alone),
        TEST(test_a_rotated_file_is_made_anew),
        TEST(test_who_holds_the_lock_delays_and_loses_nothing),
        TEST(test_a_full_disk_leaves_no_part_of_a_line),
        TEST(test_what_cannot_be_kept_is_counted),
        TEST(test_off_writes_nothing),
        TEST(test_a_pipe_gets_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
