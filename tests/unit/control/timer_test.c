/* Deadlines of the core that are due at one time, and have much to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/core/federation.h"
#include "control/core/global_room.h"
#include "control/core/hold.h"
#include "control/core/state.h"
#include "control/core/topic.h"
#include "idle.h"

#define TIMERS 64
#define BODY (512u * 1024)

#define LISTED 16 /* in each topic */

struct row_log {
    size_t rows, bytes, longest, said, records;
};

struct speaker {
    struct timer timer;
    uint64_t connection;
};

static void note(void *context, struct bytes row)
{
    struct row_log *log = context;
    struct ipc_items items = {0};
    assert_int_equal(ipc_items_decode(&items, row), 0);
    for (size_t i = 0; i < items.count; i++) {
        log->said += items.list[i].type == IPC_send;
        log->records += items.list[i].type == IPC_record_put;
    }
    ipc_items_free(&items);
    log->rows++;
    log->bytes += row.len;
    log->longest = row.len > log->longest ? row.len : log->longest;
}

static void speak(struct core *c, struct timer *timer)
{
    static uint8_t text[BODY];
    const struct speaker *s = heap_entry(timer, struct speaker, timer);
    transaction_send(&c->transaction, s->connection, (struct bytes){text, sizeof(text)});
}

static struct core *begin(struct config *config, struct row_log *log)
{
    struct config_errors errors = {0};
    struct core *c;
    assert_int_equal(
        config_load_text(bytes_of_string("global_rooms: [general]\n"), "t", config, &errors), 0);
    const struct core_settings settings = {.config = config,
                                           .build = "test",
                                           .effects = {note, idle_ignore_question, idle_ignore_log},
                                           .context = log};
    assert_int_equal(core_init(&c, &settings, CLOCK_SECOND), 0);
    core_adopting(c, 1);
    core_adopted(c, CLOCK_SECOND);
    memset(log, 0, sizeof(*log));
    return c;
}

/* 32 MiB at once: no row is longer than the data plane takes, and nothing is left out. */
static void test_much_at_one_time(void **state)
{
    (void)state;
    struct row_log log;
    struct config config;
    struct speaker speakers[TIMERS];
    struct core *c = begin(&config, &log);
    for (size_t i = 0; i < TIMERS; i++) {
        speakers[i] = (struct speaker){.timer.due = speak, .connection = i + 1};
        timer_set(c, &speakers[i].timer, 2 * CLOCK_SECOND);
    }
    core_expire(c, 2 * CLOCK_SECOND);
    assert_int_equal(log.said, TIMERS);
    assert_true(log.bytes > IPC_ROW_MAX);
    assert_in_range(log.longest, 1, TIMER_ROW_MAX + BODY + 1024);
    core_free(c);
    config_free(&config);
}

/* What fits into one is one transaction. */
static void test_little_at_one_time(void **state)
{
    (void)state;
    struct row_log log;
    struct config config;
    struct speaker speakers[2];
    struct core *c = begin(&config, &log);
    for (size_t i = 0; i < 2; i++) {
        speakers[i] = (struct speaker){.timer.due = speak, .connection = i + 1};
        timer_set(c, &speakers[i].timer, 2 * CLOCK_SECOND);
    }
    core_expire(c, 2 * CLOCK_SECOND);
    assert_int_equal(log.rows, 1);
    assert_int_equal(log.said, 2);
    core_free(c);
    config_free(&config);
}

static void hold(struct core *c, struct topic *topic)
{
    struct buffer record = {0};
    struct reader r;
    buffer_append_u64(&record, 2 * CLOCK_SECOND);
    buffer_append_u8(&record, 1);
    reader_init(&r, buffer_view(&record));
    hold_get(c, &r, topic);
    buffer_free(&record);
}

/* One of ours, with a list, that is held. */
static void add_held(struct core *c, uint32_t number)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.room = global_room_find(c, BYTES_LITERAL("general"));
    memcpy(key.origin.bytes, &number, sizeof(number));
    struct topic *topic = topic_obtain(c, &key);
    assert_non_null(topic);
    topic->list.items = calloc(LISTED, sizeof(*topic->list.items));
    assert_non_null(topic->list.items);
    for (; topic->list.count < LISTED; topic->list.count++) {
        struct participant *p = &topic->list.items[topic->list.count];
        snprintf(p->name, sizeof(p->name), "%032zx", topic->list.count);
        memset(p->alias, 'a', sizeof(p->alias) - 1);
    }
    hold(c, topic);
}

/* As many topics as can be held end with one timer, and each writes its record. */
static void test_one_with_much_deferred(void **state)
{
    (void)state;
    struct row_log log;
    struct config config;
    struct core *c = begin(&config, &log);
    for (uint32_t i = 1; i <= HOLD_MAX; i++)
        add_held(c, i);
    core_expire(c, 2 * CLOCK_SECOND);
    assert_int_equal(c->federation->held_count, 0);
    assert_int_equal(log.records, HOLD_MAX);
    assert_true(log.bytes > IPC_ROW_MAX);
    assert_in_range(log.longest, 1, DEFERRED_ROW_MAX + 64 * 1024);
    core_free(c);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_much_at_one_time),
        cmocka_unit_test(test_little_at_one_time),
        cmocka_unit_test(test_one_with_much_deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
