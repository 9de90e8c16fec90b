/*
 * Rules of the contract that take both sides to show. The random schedules are in model_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "planes.h"

static int setup(void **state)
{
    struct planes *p = malloc(sizeof(*p));
    assert_non_null(p);
    planes_init(p, 7);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    planes_free(*state);
    free(*state);
    return 0;
}

static void start(struct planes *p)
{
    assert_true(planes_settle(p));
}

static void assert_settled(struct planes *p)
{
    assert_true(planes_settle(p));
    assert_true(planes_agree(p));
}

static uint64_t open_with_signals(struct planes *p, int signals)
{
    uint64_t id = planes_open(p);
    for (int i = 0; i < signals; i++)
        planes_signal(p, id);
    return id;
}

static void rule_headless_inputs_wait(void **state)
{
    struct planes *p = *state;
    planes_start_data(p);
    open_with_signals(p, 10);
    planes_close(p, open_with_signals(p, 3));
    for (int i = 0; i < 50; i++) {
        planes_tick(p);
        planes_deliver_all(p);
    }
    assert_int_equal(ipc_data_side_pending(p->data.side), 16);
    assert_settled(p);
    assert_int_equal(p->data.answers, 16);
}

static void rule_records_outlive_the_control_plane(void **state)
{
    struct planes *p = *state;
    start(p);
    uint64_t id = open_with_signals(p, 5);
    assert_settled(p);
    uint64_t record = planes_connection(p, id)->record;
    planes_kill_control(p);
    assert_settled(p);
    assert_int_equal(p->control.total, 6);
    assert_int_equal(p->control.connections[0].record, record);
    assert_int_equal(p->data.answers, 6);
}

static void rule_records_stay_until_closed_is_acknowledged(void **state)
{
    struct planes *p = *state;
    start(p);
    uint64_t id = open_with_signals(p, 2);
    assert_settled(p);
    planes_kill_control(p);
    planes_close(p, id);
    planes_start_control(p);
    planes_tick(p);
    planes_deliver(p, &p->requests, 9);
    planes_deliver(p, &p->replies, 9); /* the snapshot alone */
    assert_int_equal(p->control.connections[0].id, id);
    assert_true(p->control.connections[0].record != 0);
    assert_settled(p);
    assert_int_equal(p->control.connections[0].id, 0);
}

/* A killed process's last messages arrive after its death. */
static void rule_fence_messages_of_the_dead(void **state)
{
    struct planes *p = *state;
    struct channel late = {.rng = &p->rng};
    struct buffer message;
    start(p);
    open_with_signals(p, 5);
    planes_deliver(p, &p->events, SIZE_MAX);
    assert_int_equal(p->commands.count, 6);
    while (channel_pop(&p->commands, &message)) {
        channel_push(&late, buffer_view(&message));
        buffer_free(&message);
    }
    planes_kill_control(p);
    assert_settled(p);
    uint64_t commits = p->data.commits;
    while (channel_pop(&late, &message)) {
        channel_push(&p->commands, buffer_view(&message));
        buffer_free(&message);
    }
    planes_deliver_all(p);
    channel_free(&late);
    assert_int_equal(p->data.commits, commits);
    assert_int_equal(ipc_data_side_counters(p->data.side)->commands_refused_epoch, 6);
    assert_settled(p);
}

static void rule_fence_a_dead_control_planes_request(void **state)
{
    struct planes *p = *state;
    planes_start_data(p);
    planes_start_control(p);
    planes_tick(p); /* its request waits in the channel */
    planes_kill_control(p);
    planes_start_control(p);
    planes_tick(p);
    assert_int_equal(p->requests.count, 2);
    assert_settled(p);
    assert_int_equal(ipc_data_side_counters(p->data.side)->snapshots, 2);
}

static void rule_fence_a_new_data_plane_is_adopted(void **state)
{
    struct planes *p = *state;
    start(p);
    open_with_signals(p, 5);
    assert_settled(p);
    planes_kill_data(p);
    planes_start_data(p);
    open_with_signals(p, 2);
    assert_settled(p);
    assert_int_equal(p->data.answers, 3);
    assert_int_equal(p->control.lost, 1);
}

static void rule_ack_a_busy_connection_holds_up_only_itself(void **state)
{
    struct planes *p = *state;
    start(p);
    p->control.busy = 1000;
    uint64_t slow = planes_open(p);
    planes_deliver(p, &p->events, SIZE_MAX);
    p->control.busy = 0;
    planes_signal(p, slow);
    planes_signal(p, slow);
    open_with_signals(p, 4);
    for (int i = 0; i < 20; i++) {
        planes_tick(p);
        planes_deliver_all(p);
    }
    assert_int_equal(p->data.answers, 5);
    assert_int_equal(ipc_data_side_pending(p->data.side), 3);
    assert_int_equal(ipc_data_side_counters(p->data.side)->inputs_resent, 0);
    assert_settled(p);
}

/* What the killed one had done but not said is done anew; what it had said is not. */
static void rule_ack_a_busy_input_comes_again(void **state)
{
    struct planes *p = *state;
    start(p);
    p->control.busy = 1000;
    uint64_t id = open_with_signals(p, 3);
    planes_deliver_all(p);
    planes_kill_control(p);
    p->control.busy = 0;
    assert_settled(p);
    assert_int_equal(planes_connection(p, id)->answered, 4);
}

static void rule_ack_a_kill_from_outside_blames_nobody(void **state)
{
    struct planes *p = *state;
    planes_start_data(p);
    open_with_signals(p, 3);
    for (int i = 0; i < 2 * IPC_POISON_REPORTS; i++) {
        planes_start_control(p);
        planes_tick(p);
        planes_deliver(p, &p->requests, 9);
        planes_deliver(p, &p->replies, 9);
        planes_kill_control(p); /* with inputs in the channel that it never saw */
    }
    assert_settled(p);
    assert_int_equal(p->data.poisoned, 0);
    assert_int_equal(p->data.answers, 4);
}

static void rule_ack_a_poisonous_message_is_no_crash_loop(void **state)
{
    struct planes *p = *state;
    start(p);
    uint64_t good = open_with_signals(p, 2);
    uint64_t bad = open_with_signals(p, 1);
    planes_signal_poison(p, bad);
    planes_signal(p, bad);
    planes_signal(p, good);
    assert_settled(p);
    assert_int_equal(p->control.deaths, IPC_POISON_REPORTS);
    assert_int_equal(p->data.poisoned, 1);
    assert_false(planes_connection(p, bad)->open);
    assert_true(planes_connection(p, good)->open);
    assert_int_equal(planes_connection(p, good)->answered, 4);
}

/* The last of each way is lost, and nothing follows it. */
static void rule_gap_at_the_end_closes(void **state)
{
    struct planes *p = *state;
    start(p);
    p->events.cut = true;
    uint64_t id = planes_open(p);
    p->events.cut = false;
    planes_tick(p);
    planes_deliver_all(p);
    assert_int_equal(p->data.answers, 0);
    p->commands.cut = true;
    planes_signal(p, id);
    planes_deliver_all(p);
    p->commands.cut = false;
    for (int i = 0; i < 4; i++) {
        planes_tick(p);
        planes_deliver_all(p);
    }
    assert_int_equal(p->data.answers, 2);
    assert_settled(p);
}

static void rule_gap_nothing_is_sent_again_in_peace(void **state)
{
    struct planes *p = *state;
    start(p);
    for (int i = 0; i < 20; i++) {
        open_with_signals(p, 10);
        planes_tick(p);
        planes_deliver_all(p);
    }
    assert_int_equal(ipc_data_side_counters(p->data.side)->inputs_resent, 0);
    assert_int_equal(ipc_control_side_counters(p->control.side)->commands_resent, 0);
    assert_settled(p);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_headless_inputs_wait),
        RULE(rule_records_outlive_the_control_plane),
        RULE(rule_records_stay_until_closed_is_acknowledged),
        RULE(rule_fence_messages_of_the_dead),
        RULE(rule_fence_a_dead_control_planes_request),
        RULE(rule_fence_a_new_data_plane_is_adopted),
        RULE(rule_ack_a_busy_connection_holds_up_only_itself),
        RULE(rule_ack_a_busy_input_comes_again),
        RULE(rule_ack_a_kill_from_outside_blames_nobody),
        RULE(rule_ack_a_poisonous_message_is_no_crash_loop),
        RULE(rule_gap_at_the_end_closes),
        RULE(rule_gap_nothing_is_sent_again_in_peace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
