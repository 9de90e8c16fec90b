#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "control/rim/events.h"

#include "common/clock.h"

#define NOW (1000 * CLOCK_SECOND)

struct fixture {
    char path[64];
    struct events events;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->path, sizeof(f->path), "/tmp/rim_events_XXXXXX");
    close(mkstemp(f->path));
    events_init(&f->events);
    events_use(&f->events, f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    events_free(&f->events);
    unlink(f->path);
    free(f);
    return 0;
}

#define EVENT(f, now, name, ...) events_write(&(f)->events, now, name, LOG_FIELDS_(__VA_ARGS__))

static void test_fields_become_json(void **state)
{
    struct fixture *f = *state;
    char text[512] = "";
    EVENT(f, NOW, "joined", LOG_STR("room", "a \"b\""), LOG_U64("n", 7), LOG_I64("i", -1),
          LOG_BOOL("yes", true), LOG_STR("none", NULL), LOG_HEX("h", BYTES_LITERAL("\x01\xff")));
    FILE *in = fopen(f->path, "r");
    assert_non_null(fgets(text, sizeof(text), in));
    fclose(in);
    assert_memory_equal(text, "{\"ts\":\"20", 9);
    assert_string_equal(strstr(text, "Z\",") + 3,
                        "\"event\":\"joined\",\"room\":\"a \\\"b\\\"\",\"n\":7,\"i\":-1,"
                        "\"yes\":true,\"none\":null,\"h\":\"01ff\"}\n");
}

static void test_only_events_of_the_table_are_written(void **state)
{
    struct fixture *f = *state;
#define X(name) EVENT(f, NOW, #name, LOG_U64("n", 1));
    EVENTS_TABLE(X)
#undef X
    uint64_t all = f->events.file.lines;
    assert_true(all > 10);
    EVENT(f, NOW, "token_refused", LOG_U64("n", 1));
    assert_int_equal(f->events.file.lines, all);
    events_use(&f->events, NULL);
    EVENT(f, NOW, "joined", LOG_U64("n", 1));
    assert_int_equal(f->events.file.lines, all);
    assert_int_equal(f->events.file.lost, 0);
}

static void test_a_flood_is_cut(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < EVENTS_PER_SECOND + 5; i++)
        EVENT(f, NOW, "left", LOG_U64("n", 1));
    assert_int_equal(f->events.file.lines, EVENTS_PER_SECOND);
    assert_int_equal(f->events.file.lost, 5);
    EVENT(f, NOW + CLOCK_SECOND, "left", LOG_U64("n", 1));
    assert_int_equal(f->events.file.lines, EVENTS_PER_SECOND + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fields_become_json),
        TEST(test_only_events_of_the_table_are_written),
        TEST(test_a_flood_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
