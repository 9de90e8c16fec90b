#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/error.h"
#include "ipc/control_side.h"
#include "script.h"

#define DATA 100
#define TICK 100000000u

struct fixture {
    uint64_t rng;
    uint64_t now;
    uint64_t wall; /* of the epochs */
    struct ipc_control_side *side;
    struct channel published;
    struct channel requests;
    struct buffer log;
};

static void on_publish(void *context, struct bytes message)
{
    struct fixture *f = context;
    channel_push(&f->published, message);
}

static void on_request(void *context, struct bytes message)
{
    struct fixture *f = context;
    channel_push(&f->requests, message);
}

static uint64_t on_new_epoch(void *context)
{
    struct fixture *f = context;
    return ++f->wall;
}

static void on_adopting(void *context, uint64_t data_epoch)
{
    struct fixture *f = context;
    script_log(&f->log, "adopting %d", (int)data_epoch);
}

static void on_installed(void *context, const struct ipc_item *item)
{
    struct fixture *f = context;
    script_log(&f->log, "installed %s", ipc_type_name(item->type));
}

static void on_adopted(void *context)
{
    struct fixture *f = context;
    script_log(&f->log, "adopted");
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct fixture *f = context;
    script_log(&f->log, "%s %d/%d", ipc_type_name(item->type), (int)item->u.signal.connection,
               (int)item->u.signal.input);
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct fixture *f = context;
    script_log(&f->log, "notice %s", ipc_type_name(item->type));
}

static void on_lost(void *context, int error)
{
    struct fixture *f = context;
    script_log(&f->log, "lost: %s", error_text(error));
}

static void on_silent(void *context, bool silent)
{
    struct fixture *f = context;
    script_log(&f->log, silent ? "silent" : "heard");
}

static void on_version_mismatch(void *context, unsigned ours, unsigned theirs)
{
    struct fixture *f = context;
    script_log(&f->log, "version %u, theirs %u", ours, theirs);
}

static const struct ipc_control_callbacks callbacks = {
    .publish = on_publish,
    .request = on_request,
    .new_epoch = on_new_epoch,
    .adopting = on_adopting,
    .installed = on_installed,
    .adopted = on_adopted,
    .input = on_input,
    .notice = on_notice,
    .lost = on_lost,
    .silent = on_silent,
    .version_mismatch = on_version_mismatch,
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->published.rng = f->requests.rng = &f->rng;
    f->wall = 200;
    assert_int_equal(ipc_control_side_init(&f->side, &callbacks, f), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ipc_control_side_free(f->side);
    channel_free(&f->published);
    channel_free(&f->requests);
    buffer_free(&f->log);
    free(f);
    return 0;
}

static void tick(struct fixture *f)
{
    f->now += TICK;
    ipc_control_side_tick(f->side, f->now);
}

/* The data plane of the given life answers the last request. */
static int reply_from(struct fixture *f, uint64_t data, uint64_t sequence, struct ipc_item slice)
{
    struct ipc_item items[] = {slice, script_opened(7), script_record("a", "1")};
    return ipc_control_side_reply(
        f->side,
        script_message(IPC_KIND_reply, data, ipc_control_side_epoch(f->side), sequence, items, 3));
}

static int reply(struct fixture *f, uint64_t sequence, struct ipc_item slice)
{
    return reply_from(f, DATA, sequence, slice);
}

/* Adopts in one slice: inputs begin with 11, commands with 6. */
static void adopt(struct fixture *f)
{
    tick(f);
    assert_int_equal(reply(f, 10, script_slice(0, 9, true, 5)), 0);
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_LIVE);
    channel_clear(&f->published);
    channel_clear(&f->requests);
    buffer_clear(&f->log);
}

static int receive(struct fixture *f, enum ipc_kind kind, uint64_t sequence, struct ipc_item item)
{
    return ipc_control_side_receive(
        f->side, script_message(kind, DATA, ipc_control_side_epoch(f->side), sequence, &item, 1));
}

static int receive_input(struct fixture *f, uint64_t sequence)
{
    return receive(f, IPC_KIND_input, sequence, script_signal(7, "{}"));
}

static int data_says(struct fixture *f, uint64_t committed, bool gap)
{
    return receive(f, IPC_KIND_position, 10, script_data_position(committed, gap, 0, 0));
}

static int transact(struct fixture *f)
{
    struct buffer row = {0};
    struct ipc_item item = script_record("a", "1");
    ipc_item_encode(&row, &item);
    int rc = ipc_control_side_transact(f->side, buffer_view(&row));
    buffer_free(&row);
    return rc;
}

static void assert_position(struct fixture *f, bool live, uint64_t received, bool gap)
{
    struct script_seen seen;
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.kind, IPC_KIND_position);
    assert_int_equal(seen.items.list[0].u.control_position.live, live);
    assert_int_equal(seen.items.list[0].u.control_position.received, received);
    assert_int_equal(seen.items.list[0].u.control_position.gap, gap);
    script_seen_free(&seen);
}

static void assert_request(struct fixture *f, uint64_t from, uint64_t to, uint64_t cursor,
                           size_t items)
{
    struct script_seen seen;
    script_take(&f->requests, &seen);
    assert_int_equal(seen.frame.kind, IPC_KIND_request);
    assert_int_equal(seen.frame.from, from);
    assert_int_equal(seen.frame.to, to);
    assert_int_equal(seen.items.list[0].u.request.cursor, cursor);
    assert_int_equal(seen.items.count, items);
    script_seen_free(&seen);
}

/* ---- snapshots ---- */

static void rule_snapshot_slice_by_slice(void **state)
{
    struct fixture *f = *state;
    tick(f);
    assert_request(f, 201, 0, 0, 1);
    assert_int_equal(reply(f, 10, script_slice(0, 9, false, 5)), 0);
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_ADOPTING);
    assert_request(f, 201, DATA, 9, 1);
    assert_int_equal(receive_input(f, 11), 0); /* comes again */
    assert_int_equal(reply(f, 10, script_slice(9, 12, true, 5)), 0);
    script_assert_log(&f->log, "adopting 100;installed opened;installed record_put;"
                               "installed opened;installed record_put;adopted;");
    assert_int_equal(ipc_control_side_data_epoch(f->side), DATA);
}

static void rule_snapshot_says_at_once_that_it_is_live(void **state)
{
    struct fixture *f = *state;
    tick(f);
    channel_clear(&f->published);
    reply(f, 10, script_slice(0, 9, true, 5));
    assert_position(f, true, 10, true);
}

static void rule_snapshot_is_asked_for_until_it_comes(void **state)
{
    struct fixture *f = *state;
    tick(f);
    assert_request(f, 201, 0, 0, 1);
    for (int i = 0; i < 9; i++)
        tick(f);
    assert_int_equal(f->requests.count, 0);
    tick(f);
    assert_request(f, 201, 0, 0, 1); /* the same adoption */
    ipc_control_side_reply(f->side, BYTES_NONE);
    tick(f);
    assert_request(f, 201, 0, 0, 1);
}

static void rule_snapshot_takes_each_slice_once(void **state)
{
    struct fixture *f = *state;
    tick(f);
    assert_int_equal(reply(f, 10, script_slice(0, 9, false, 5)), 0);
    assert_int_equal(reply(f, 10, script_slice(0, 9, false, 5)), ERR_REPEAT);
    assert_int_equal(reply(f, 10, script_slice(9, 12, true, 5)), 0);
    assert_int_equal(reply(f, 10, script_slice(9, 12, true, 5)), ERR_REPEAT);
    assert_int_equal(ipc_control_side_counters(f->side)->adoptions, 1);
}

static void rule_snapshot_of_another_life_in_between(void **state)
{
    struct fixture *f = *state;
    tick(f);
    assert_int_equal(reply(f, 10, script_slice(0, 9, false, 5)), 0);
    assert_int_equal(reply_from(f, DATA + 1, 3, script_slice(9, 12, true, 5)), ERR_EPOCH);
    script_assert_log(&f->log, "adopting 100;installed opened;installed record_put;"
                               "lost: meant for another life of a process;");
    channel_clear(&f->requests);
    tick(f);
    assert_request(f, 202, 0, 0, 1);
}

/* ---- acknowledgement ---- */

static void rule_ack_inputs_once_and_in_sequence(void **state)
{
    struct fixture *f = *state;

    adopt(f);
    assert_int_equal(receive_input(f, 10), ERR_REPEAT);
    assert_int_equal(receive_input(f, 12), ERR_GAP);
    assert_int_equal(receive_input(f, 11), 0);
    assert_int_equal(receive_input(f, 11), ERR_REPEAT);
    assert_int_equal(receive_input(f, 12), 0);
    script_assert_log(&f->log, "signal 7/0;signal 7/0;");
    assert_int_equal(ipc_control_side_counters(f->side)->inputs, 2);
    assert_int_equal(ipc_control_side_counters(f->side)->inputs_repeated, 2);
    assert_int_equal(ipc_control_side_counters(f->side)->inputs_beyond_gap, 1);
}

static void rule_ack_a_note_is_reported_until_adoption(void **state)
{
    struct fixture *f = *state;
    ipc_control_side_report(f->side, &(struct ipc_note_entry){DATA, 150, 7, 2});
    tick(f);
    struct script_seen seen;
    script_take(&f->requests, &seen);
    assert_int_equal(seen.items.count, 2);
    assert_int_equal(seen.items.list[1].u.report.data_epoch, DATA);
    assert_int_equal(seen.items.list[1].u.report.control_epoch, 150);
    assert_int_equal(seen.items.list[1].u.report.connection, 7);
    assert_int_equal(seen.items.list[1].u.report.input, 2);
    script_seen_free(&seen);
    ipc_control_side_reply(f->side, BYTES_NONE);
    tick(f);
    assert_request(f, 201, 0, 0, 2);
    reply(f, 10, script_slice(0, 9, true, 5));
    receive(f, IPC_KIND_position, 10, script_data_position(5, false, 6, 20)); /* adopt anew */
    tick(f);
    assert_request(f, 202, 0, 0, 1);
}

/* ---- transaction ---- */

static void rule_transaction_numbers_follow_the_snapshots(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    assert_int_equal(transact(f), ERR_CLOSED);
    adopt(f);
    assert_int_equal(transact(f), 0);
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.kind, IPC_KIND_command);
    assert_int_equal(seen.frame.from, 201);
    assert_int_equal(seen.frame.to, DATA);
    assert_int_equal(seen.frame.sequence, 6);
    script_seen_free(&seen);
    assert_int_equal(ipc_control_side_uncommitted(f->side), 1);
    assert_int_equal(data_says(f, 6, false), 0);
    assert_int_equal(ipc_control_side_uncommitted(f->side), 0);
}

static void rule_transaction_refused_means_a_new_adoption(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    transact(f);
    receive(f, IPC_KIND_position, 10, script_data_position(5, false, 6, (uint32_t)-ERR_TOO_LARGE));
    script_assert_log(&f->log, "lost: larger than its limit;");
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_SEEKING);
    assert_int_equal(ipc_control_side_uncommitted(f->side), 0);
    assert_int_equal(transact(f), ERR_CLOSED);
    tick(f);
    assert_request(f, 202, 0, 0, 1);
}

static void rule_transaction_empty_is_not_sent(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    assert_int_equal(ipc_control_side_transact(f->side, BYTES_NONE), 0);
    assert_int_equal(f->published.count, 0);
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_LIVE);
}

/* The data plane will never have what it says: only a new adoption makes both agree. */
static void rule_transaction_too_large_means_a_new_adoption(void **state)
{
    struct fixture *f = *state;
    uint8_t *row = calloc(1, IPC_ROW_MAX + 1);
    adopt(f);
    assert_int_equal(ipc_control_side_transact(f->side, (struct bytes){row, IPC_ROW_MAX + 1}),
                     ERR_TOO_LARGE);
    assert_int_equal(f->published.count, 0);
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_SEEKING);
    assert_int_equal(transact(f), ERR_CLOSED);
    script_assert_log(&f->log, ""); /* not inside the caller's own call */
    tick(f);
    script_assert_log(&f->log, "lost: larger than its limit;");
    assert_request(f, 202, 0, 0, 1);
    free(row);
}

/* ---- gaps ---- */

static void rule_gap_is_told(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    tick(f);
    assert_position(f, true, 10, false);
    receive_input(f, 12);
    tick(f);
    assert_position(f, true, 10, true);
    receive_input(f, 11);
    tick(f);
    assert_position(f, true, 11, false);
}

/* The last input was lost, and no other follows it. */
static void rule_gap_shows_in_the_others_position(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    receive(f, IPC_KIND_position, 12, script_data_position(5, false, 0, 0));
    tick(f);
    assert_position(f, true, 10, true);
}

static void rule_gap_commands_are_sent_again(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    for (int i = 0; i < 3; i++)
        transact(f);
    channel_clear(&f->published);
    data_says(f, 6, true);
    struct script_seen seen;
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.sequence, 7);
    script_seen_free(&seen);
    assert_int_equal(script_count(&f->published, IPC_KIND_command), 1);
    tick(f);
    channel_clear(&f->published);
    data_says(f, 7, false); /* it goes on */
    assert_int_equal(script_count(&f->published, IPC_KIND_command), 0);
    tick(f);
    channel_clear(&f->published);
    data_says(f, 7, false); /* it does not */
    assert_int_equal(script_count(&f->published, IPC_KIND_command), 1);
    assert_int_equal(ipc_control_side_counters(f->side)->commands_resent, 3);
}

static void rule_gap_notices_are_taken_as_they_come(void **state)
{
    struct fixture *f = *state;
    struct ipc_item item = {.type = IPC_counter,
                            .u.counter = {.name = BYTES_LITERAL("drops"), .value = 3}};
    adopt(f);
    assert_int_equal(receive(f, IPC_KIND_notice, 0, item), 0);
    assert_int_equal(receive(f, IPC_KIND_notice, 0, script_opened(7)), ERR_TYPE);
    script_assert_log(&f->log, "notice counter;");
}

/* ---- back pressure ---- */

static void rule_pressure_overflow_means_a_new_adoption(void **state)
{
    struct fixture *f = *state;
    uint8_t *row = calloc(1, IPC_ROW_MAX);
    struct bytes view = {row, IPC_ROW_MAX - IPC_FRAME_SIZE};
    adopt(f);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ipc_control_side_transact(f->side, view), 0);
    assert_int_equal(ipc_control_side_transact(f->side, view), ERR_FULL);
    assert_int_equal(ipc_control_side_transact(f->side, view), ERR_CLOSED);
    script_assert_log(&f->log, ""); /* not inside the caller's own call */
    tick(f);
    script_assert_log(&f->log, "lost: full;");
    assert_request(f, 202, 0, 0, 1);
    free(row);
}

/* ---- fence ---- */

static void rule_fence_a_new_data_plane_is_adopted(void **state)
{
    struct fixture *f = *state;
    struct ipc_item position = script_data_position(0, false, 0, 0);
    adopt(f);
    transact(f);
    assert_int_equal(ipc_control_side_receive(
                         f->side, script_message(IPC_KIND_position, DATA + 1, 0, 0, &position, 1)),
                     ERR_EPOCH);
    script_assert_log(&f->log, "lost: meant for another life of a process;");
    tick(f);
    assert_request(f, 202, 0, 0, 1);
    assert_int_equal(reply_from(f, DATA + 1, 3, script_slice(0, 9, true, 0)), 0);
    assert_int_equal(ipc_control_side_data_epoch(f->side), DATA + 1);
}

static void rule_fence_what_was_meant_for_others_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct ipc_item input = script_signal(7, "{}");
    adopt(f);
    assert_int_equal(
        ipc_control_side_receive(f->side, script_message(IPC_KIND_input, DATA, 150, 11, &input, 1)),
        ERR_EPOCH);
    assert_int_equal(ipc_control_side_receive(
                         f->side, script_message(IPC_KIND_input, DATA - 1, 201, 11, &input, 1)),
                     ERR_EPOCH);
    script_assert_log(&f->log, "");
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_LIVE);
    assert_int_equal(ipc_control_side_counters(f->side)->foreign_epoch, 2);
}

/* Of the same life, but of an adoption that was given up. */
static void rule_fence_a_late_reply_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct ipc_item slice = script_slice(0, 9, true, 5);
    tick(f);
    assert_int_equal(
        ipc_control_side_reply(f->side, script_message(IPC_KIND_reply, DATA, 150, 10, &slice, 1)),
        ERR_REPEAT);
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_SEEKING);
}

static void rule_fence_a_new_epoch_exceeds_the_one_that_refused(void **state)
{
    struct fixture *f = *state;
    struct ipc_item refusal = {.type = IPC_refusal,
                               .u.refusal = {.error = -ERR_EPOCH, .control_epoch = 5000}};
    tick(f);
    assert_request(f, 201, 0, 0, 1);
    assert_int_equal(reply(f, 0, refusal), ERR_EPOCH);
    script_assert_log(&f->log, ""); /* nothing was adopted, so nothing is lost */
    tick(f);
    assert_request(f, 5001, 0, 0, 1);
}

static void rule_fence_another_control_plane_took_over(void **state)
{
    struct fixture *f = *state;
    struct ipc_item position = script_data_position(5, false, 0, 0);
    adopt(f);
    assert_int_equal(ipc_control_side_receive(
                         f->side, script_message(IPC_KIND_position, DATA, 300, 10, &position, 1)),
                     ERR_EPOCH);
    script_assert_log(&f->log, "lost: meant for another life of a process;");
    tick(f);
    assert_request(f, 301, 0, 0, 1);
}

/* The clock has jumped back and the epoch's file is lost. */
static void rule_fence_after_silence_a_lower_epoch_counts(void **state)
{
    struct fixture *f = *state;
    struct ipc_item position = script_data_position(0, false, 0, 0);
    adopt(f);
    for (int i = 0; i < 21; i++)
        tick(f);
    script_assert_log(&f->log, "silent;");
    assert_int_equal(ipc_control_side_receive(
                         f->side, script_message(IPC_KIND_position, 50, 0, 0, &position, 1)),
                     ERR_EPOCH);
    tick(f);
    assert_request(f, 202, 0, 0, 1);
}

static void rule_headless_silence_alone_changes_nothing(void **state)
{
    struct fixture *f = *state;
    adopt(f);
    for (int i = 0; i < 30; i++)
        tick(f);
    script_assert_log(&f->log, "silent;");
    assert_int_equal(transact(f), 0);
    assert_int_equal(data_says(f, 6, false), 0);
    tick(f);
    script_assert_log(&f->log, "heard;");
    assert_int_equal(ipc_control_side_state(f->side), IPC_CONTROL_LIVE);
    assert_int_equal(ipc_control_side_uncommitted(f->side), 0);
}

/* ---- version ---- */

static struct bytes foreign_message(void)
{
    static uint8_t message[] = {0x43, 0x48, 0x49, 0x50, 0, IPC_VERSION + 1};
    return (struct bytes){message, sizeof(message)};
}

static void assert_mismatch(struct fixture *f)
{
    char wanted[100];
    snprintf(wanted, sizeof(wanted), "version %d, theirs %d;", IPC_VERSION, IPC_VERSION + 1);
    script_assert_log(&f->log, wanted);
}

static void rule_version_is_named(void **state)
{
    struct fixture *f = *state;
    tick(f);
    assert_int_equal(ipc_control_side_reply(f->side, foreign_message()), ERR_VERSION);
    assert_mismatch(f);
}

/* The data plane learns of us by our request, so that one goes out before we give up. */
static void rule_version_of_a_publication_waits_for_the_reply(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ipc_control_side_receive(f->side, foreign_message()), ERR_VERSION);
    int ticks = 0;
    for (; f->log.len == 0 && ticks < 100; ticks++) {
        tick(f);
        assert_int_equal(ipc_control_side_receive(f->side, foreign_message()), ERR_VERSION);
    }
    assert_true(ticks > 1);
    assert_int_not_equal(f->requests.count, 0);
    assert_mismatch(f);
}

/* ---- garbage ---- */

static void garbage_is_counted(void **state)
{
    struct fixture *f = *state;
    struct buffer message = {0};
    f->rng = 43;
    for (uint64_t i = 0; i < 100000; i++) {
        struct ipc_item items[] = {script_signal(7, "{}"), script_opened(7),
                                   script_slice(0, 9, true, 5),
                                   script_data_position(i % 9, true, i % 50 == 0, 20)};
        enum ipc_kind kind = (enum ipc_kind)(1 + rng_next(&f->rng) % 6);
        struct bytes whole = script_message(kind, DATA, ipc_control_side_epoch(f->side), i % 20,
                                            items + rng_next(&f->rng) % 4, 1);
        buffer_clear(&message);
        buffer_append_bytes(&message, whole);
        script_damage(&f->rng, &message);
        ipc_control_side_receive(f->side, buffer_view(&message));
        ipc_control_side_reply(f->side, buffer_view(&message));
        if (i % 16 == 0)
            tick(f);
        channel_clear(&f->published);
        channel_clear(&f->requests);
        buffer_clear(&f->log);
    }
    buffer_free(&message);
    assert_true(ipc_control_side_counters(f->side)->malformed > 1000);
    assert_true(ipc_control_side_counters(f->side)->adoptions > 100);
    assert_true(ipc_control_side_counters(f->side)->inputs > 0);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_snapshot_slice_by_slice),
        RULE(rule_snapshot_says_at_once_that_it_is_live),
        RULE(rule_snapshot_is_asked_for_until_it_comes),
        RULE(rule_snapshot_takes_each_slice_once),
        RULE(rule_snapshot_of_another_life_in_between),
        RULE(rule_ack_inputs_once_and_in_sequence),
        RULE(rule_ack_a_note_is_reported_until_adoption),
        RULE(rule_transaction_numbers_follow_the_snapshots),
        RULE(rule_transaction_refused_means_a_new_adoption),
        RULE(rule_transaction_empty_is_not_sent),
        RULE(rule_transaction_too_large_means_a_new_adoption),
        RULE(rule_gap_is_told),
        RULE(rule_gap_shows_in_the_others_position),
        RULE(rule_gap_commands_are_sent_again),
        RULE(rule_gap_notices_are_taken_as_they_come),
        RULE(rule_pressure_overflow_means_a_new_adoption),
        RULE(rule_fence_a_new_data_plane_is_adopted),
        RULE(rule_fence_what_was_meant_for_others_is_ignored),
        RULE(rule_fence_a_late_reply_is_ignored),
        RULE(rule_fence_a_new_epoch_exceeds_the_one_that_refused),
        RULE(rule_fence_another_control_plane_took_over),
        RULE(rule_fence_after_silence_a_lower_epoch_counts),
        RULE(rule_headless_silence_alone_changes_nothing),
        RULE(rule_version_is_named),
        RULE(rule_version_of_a_publication_waits_for_the_reply),
        RULE(garbage_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
