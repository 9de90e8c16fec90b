/*
 * Every number that either side of the contract counts has a case here that makes exactly this one
 * move: the tables' completeness is checked by code. What must move with it is said in the case
 * (`with`).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "ipc/control_side.h"
#include "ipc/data_side.h"
#include "ipc/gap.h"
#include "script.h"
#include "tests/unit/counters.h"

#define DATA 100    /* epochs */
#define CONTROL 200 /* the first one */
#define TICK 100000000u

struct world {
    struct ipc_data_side *data;
    struct ipc_control_side *control;
    struct ipc_data_counters data_before;
    struct ipc_control_counters control_before;
    struct buffer reply;
    uint64_t epoch; /* of the control side */
    uint64_t now;
};

/* ---- callbacks: nothing is done, all is agreed to ---- */

static void on_publish(void *context, struct bytes message)
{
    (void)context;
    (void)message;
}

static void on_commit(void *context, const struct ipc_items *items)
{
    (void)context;
    (void)items;
}

static void on_released(void *context, uint64_t connection, enum ipc_type type)
{
    (void)context;
    (void)connection;
    (void)type;
}

static bool on_snapshot(void *context, uint64_t *cursor, struct buffer *out)
{
    struct ipc_item item = script_record("k", "v");
    (void)context;
    ipc_item_encode(out, &item);
    return ++*cursor == 2; /* in two slices */
}

static void on_poisoned(void *context, uint64_t connection, uint64_t input)
{
    (void)context;
    (void)connection;
    (void)input;
}

static void on_note(void *context, const char *event, int error, uint64_t theirs)
{
    (void)context;
    (void)event;
    (void)error;
    (void)theirs;
}

static uint64_t on_new_epoch(void *context)
{
    struct world *w = context;
    return w->epoch = CONTROL;
}

static void on_epoch(void *context, uint64_t epoch)
{
    (void)context;
    (void)epoch;
}

static void on_item(void *context, const struct ipc_item *item)
{
    (void)context;
    (void)item;
}

static void on_nothing(void *context)
{
    (void)context;
}

static void on_error(void *context, int error)
{
    (void)context;
    (void)error;
}

static void on_versions(void *context, unsigned ours, unsigned theirs)
{
    (void)context;
    (void)ours;
    (void)theirs;
}

static void begin(struct world *w)
{
    const struct ipc_data_callbacks data = {
        .publish = on_publish,
        .commit = on_commit,
        .released = on_released,
        .snapshot = on_snapshot,
        .poisoned = on_poisoned,
        .note = on_note,
    };
    const struct ipc_control_callbacks control = {
        .publish = on_publish,
        .request = on_publish,
        .new_epoch = on_new_epoch,
        .adopting = on_epoch,
        .installed = on_item,
        .adopted = on_nothing,
        .input = on_item,
        .notice = on_item,
        .lost = on_error,
        .version_mismatch = on_versions,
    };
    *w = (struct world){0};
    assert_int_equal(ipc_data_side_init(&w->data, DATA, &data, w), 0);
    assert_int_equal(ipc_control_side_init(&w->control, &control, w), 0);
}

static void end(struct world *w)
{
    ipc_data_side_free(w->data);
    ipc_control_side_free(w->control);
    buffer_free(&w->reply);
}

static void mark(struct world *w)
{
    w->data_before = *ipc_data_side_counters(w->data);
    w->control_before = *ipc_control_side_counters(w->control);
}

/* ---- the data plane's side ---- */

static void ask(struct world *w, uint64_t to, uint64_t cursor)
{
    struct ipc_item request = script_request(cursor);
    ipc_data_side_request(w->data, script_message(IPC_KIND_request, CONTROL, to, 0, &request, 1),
                          &w->reply);
}

static void give(struct world *w, enum ipc_kind kind, uint64_t from, uint64_t sequence,
                 struct ipc_item item)
{
    ipc_data_side_receive(w->data, script_message(kind, from, DATA, sequence, &item, 1));
}

/* Obeys CONTROL; the first command was committed. */
static void obey(struct world *w)
{
    ask(w, 0, 0);
    give(w, IPC_KIND_command, CONTROL, 1, script_record("a", "b"));
    mark(w);
}

static void data_take(struct world *w)
{
    struct ipc_item item = script_opened(7);
    assert_int_equal(ipc_data_side_input(w->data, &item), 0);
}

static void data_inputs(struct world *w)
{
    obey(w);
    data_take(w);
}

static void data_inputs_resent(struct world *w)
{
    obey(w);
    data_take(w);
    mark(w);
    give(w, IPC_KIND_position, CONTROL, 1, script_control_position(true, 0, true));
}

static void data_notices(struct world *w)
{
    obey(w);
    ipc_data_side_notice(w->data, BYTES_LITERAL("row"));
}

static void data_commands(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL, 2, script_record("a", "b"));
}

static void data_commands_repeated(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL, 1, script_record("a", "b"));
}

static void data_commands_beyond_gap(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL, 3, script_record("a", "b"));
}

static void data_commands_refused_epoch(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL - 1, 2, script_record("a", "b"));
}

static void data_commands_refused_malformed(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL, 2, script_opened(1)); /* no command */
}

static void data_commands_refused_version(struct world *w)
{
    const uint8_t message[] = {0x43, 0x48, 0x49, 0x50, 0, IPC_VERSION + 1};
    obey(w);
    ipc_data_side_receive(w->data, (struct bytes){message, sizeof(message)});
}

static void data_snapshots(struct world *w)
{
    mark(w);
    ask(w, 0, 0);
}

static void data_slices(struct world *w)
{
    obey(w);
    ask(w, DATA, 1); /* the second one */
}

static void data_requests_refused(struct world *w)
{
    obey(w);
    struct ipc_item request = script_request(0);
    ipc_data_side_request(w->data, script_message(IPC_KIND_request, CONTROL - 1, 0, 0, &request, 1),
                          &w->reply);
}

static void data_malformed(struct world *w)
{
    obey(w);
    ipc_data_side_receive(w->data, BYTES_LITERAL("nonsense"));
}

static void data_acks_of_nothing(struct world *w)
{
    obey(w);
    give(w, IPC_KIND_command, CONTROL, 2, script_ack(7, 1));
}

/* ---- the control plane's side ---- */

static void tell(struct world *w, enum ipc_kind kind, uint64_t to, uint64_t sequence,
                 struct ipc_item item)
{
    ipc_control_side_receive(w->control, script_message(kind, DATA, to, sequence, &item, 1));
}

/* The first slice, which is the last, at sequence 10. */
static void answer(struct world *w, struct ipc_item item)
{
    ipc_control_side_reply(w->control, script_message(IPC_KIND_reply, DATA, CONTROL, 10, &item, 1));
}

static void live(struct world *w)
{
    ipc_control_side_tick(w->control, w->now += TICK);
    answer(w, script_slice(0, 1, true, 0));
    assert_int_equal(ipc_control_side_state(w->control), IPC_CONTROL_LIVE);
    mark(w);
}

static void transact(struct world *w)
{
    struct buffer row = {0};
    struct ipc_item item = script_record("a", "b");
    ipc_item_encode(&row, &item);
    assert_int_equal(ipc_control_side_transact(w->control, buffer_view(&row)), 0);
    buffer_free(&row);
}

static void control_inputs(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_input, CONTROL, 11, script_opened(1));
}

static void control_inputs_repeated(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_input, CONTROL, 10, script_opened(1));
}

static void control_inputs_beyond_gap(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_input, CONTROL, 12, script_opened(1));
}

static void control_notices(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_notice, CONTROL, 0,
         (struct ipc_item){.type = IPC_counter, .u.counter = {.name = BYTES_LITERAL("x")}});
}

static void control_malformed(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_input, CONTROL, 11, script_record("a", "b")); /* no input */
}

static void control_foreign_epoch(struct world *w)
{
    live(w);
    tell(w, IPC_KIND_input, CONTROL - 1, 11, script_opened(1));
}

static void control_commands(struct world *w)
{
    live(w);
    transact(w);
}

static void control_commands_resent(struct world *w)
{
    live(w);
    transact(w);
    mark(w);
    tell(w, IPC_KIND_position, CONTROL, 10, script_data_position(0, true, 0, 0));
}

static void control_adoptions(struct world *w)
{
    ipc_control_side_tick(w->control, w->now += TICK);
    mark(w);
    answer(w, script_slice(0, 1, true, 0));
}

static void control_requests_refused(struct world *w)
{
    ipc_control_side_tick(w->control, w->now += TICK);
    mark(w);
    answer(w, (struct ipc_item){.type = IPC_refusal,
                                .u.refusal = {.error = 1, .control_epoch = CONTROL + 5}});
}

/* ---- the tables ---- */

#define CASE(side, name)                                                                           \
    {                                                                                              \
#name, side##_##name, ""                                                                   \
    }
#define CASE_WITH(side, name, others)                                                              \
    {                                                                                              \
#name, side##_##name, " " others " "                                                       \
    }

static const struct counter_case data_cases[] = {
    CASE(data, inputs),
    CASE(data, inputs_resent),
    CASE(data, notices),
    CASE(data, commands),
    CASE(data, commands_repeated),
    CASE(data, commands_beyond_gap),
    CASE(data, commands_refused_epoch),
    CASE(data, commands_refused_malformed),
    CASE(data, commands_refused_version),
    CASE_WITH(data, snapshots, "slices"),
    CASE(data, slices),
    CASE(data, requests_refused),
    CASE(data, malformed),
    CASE_WITH(data, acks_of_nothing, "commands"),
};

static const struct counter_case control_cases[] = {
    CASE(control, inputs),
    CASE(control, inputs_repeated),
    CASE(control, inputs_beyond_gap),
    CASE(control, notices),
    CASE(control, malformed),
    CASE(control, foreign_epoch),
    CASE(control, commands),
    CASE(control, commands_resent),
    CASE(control, adoptions),
    CASE(control, requests_refused),
};

static const struct counter data_counters[] = {
#define X(name, help) COUNTER(struct ipc_data_counters, name)
    IPC_DATA_COUNTERS(X)
#undef X
};

static const struct counter control_counters[] = {
#define X(name, help) COUNTER(struct ipc_control_counters, name)
    IPC_CONTROL_COUNTERS(X)
#undef X
};

static void test_the_data_planes_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTER_COUNT(data_cases); i++) {
        struct world w;
        begin(&w);
        data_cases[i].run(&w);
        counters_judge(&data_cases[i], "", data_counters, COUNTER_COUNT(data_counters),
                       ipc_data_side_counters(w.data), &w.data_before);
        end(&w);
    }
}

static void test_the_control_planes_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTER_COUNT(control_cases); i++) {
        struct world w;
        begin(&w);
        control_cases[i].run(&w);
        counters_judge(&control_cases[i], "", control_counters, COUNTER_COUNT(control_counters),
                       ipc_control_side_counters(w.control), &w.control_before);
        end(&w);
    }
}

static void test_each_number_has_a_case(void **state)
{
    (void)state;
    counters_expect_cases(data_counters, COUNTER_COUNT(data_counters), data_cases,
                          COUNTER_COUNT(data_cases));
    counters_expect_cases(control_counters, COUNTER_COUNT(control_counters), control_cases,
                          COUNTER_COUNT(control_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_number_has_a_case),
        cmocka_unit_test(test_the_data_planes_numbers),
        cmocka_unit_test(test_the_control_planes_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
