#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/error.h"
#include "ipc/data_side.h"
#include "ipc/gap.h"
#include "script.h"

#define DATA 100    /* epoch of the data plane */
#define CONTROL 200 /* of its first control plane */

struct fixture {
    uint64_t rng;
    struct ipc_data_side *side;
    struct channel published;
    struct buffer log;
    struct buffer reply;
    size_t records; /* in the snapshot, 1000 bytes each */
    int check;      /* what the data plane says to a transaction */
};

static void on_publish(void *context, struct bytes message)
{
    struct fixture *f = context;
    channel_push(&f->published, message);
}

static int on_check(void *context, const struct ipc_items *items)
{
    struct fixture *f = context;
    assert_true(items->count > 0);
    return f->check;
}

static void on_commit(void *context, const struct ipc_items *items)
{
    struct fixture *f = context;
    script_log(&f->log, "commit %zu, %zu pending", items->count, ipc_data_side_pending(f->side));
}

static void on_released(void *context, uint64_t connection, enum ipc_type type)
{
    struct fixture *f = context;
    script_log(&f->log, "released %d %s", (int)connection, ipc_type_name(type));
}

static bool on_snapshot(void *context, uint64_t *cursor, struct buffer *out)
{
    static const char value[1001];
    struct fixture *f = context;
    struct ipc_item item = {.type = IPC_record_put};
    item.u.record_put =
        (struct ipc_record_put){.key = BYTES_LITERAL("k"), .value = {(const uint8_t *)value, 1000}};
    for (; *cursor < f->records && out->len < IPC_SLICE_SIZE; (*cursor)++)
        ipc_item_encode(out, &item);
    return *cursor == f->records;
}

static void on_poisoned(void *context, uint64_t connection, uint64_t input)
{
    struct fixture *f = context;
    script_log(&f->log, "poisoned %d/%d", (int)connection, (int)input);
}

static void on_note(void *context, const char *event, int error, uint64_t theirs)
{
    struct fixture *f = context;
    if (error != 0)
        script_log(&f->log, "%s: %s %d", event, error_text(error), (int)theirs);
}

static const struct ipc_data_callbacks callbacks = {
    .publish = on_publish,
    .check = on_check,
    .commit = on_commit,
    .released = on_released,
    .snapshot = on_snapshot,
    .poisoned = on_poisoned,
    .note = on_note,
};

/* Asks for a slice; the reply is in `seen`. */
static void ask(struct fixture *f, uint64_t from, uint64_t to, uint64_t cursor,
                struct script_seen *seen)
{
    struct ipc_item request = script_request(cursor);
    struct channel replies = {.rng = &f->rng};
    ipc_data_side_request(f->side, script_message(IPC_KIND_request, from, to, 0, &request, 1),
                          &f->reply);
    channel_push(&replies, buffer_view(&f->reply));
    script_take(&replies, seen);
    channel_free(&replies);
}

static enum ipc_type ask_type(struct fixture *f, uint64_t from, uint64_t to, uint64_t cursor)
{
    struct script_seen seen;
    ask(f, from, to, cursor, &seen);
    enum ipc_type type = seen.items.list[0].type;
    script_seen_free(&seen);
    return type;
}

static void adopt(struct fixture *f, uint64_t epoch)
{
    assert_int_equal(ask_type(f, epoch, 0, 0), IPC_slice);
}

static void adopt_with_report(struct fixture *f, uint64_t epoch, struct ipc_item report)
{
    struct ipc_item items[] = {script_request(0), report};
    ipc_data_side_request(f->side, script_message(IPC_KIND_request, epoch, 0, 0, items, 2),
                          &f->reply);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->published.rng = &f->rng;
    assert_int_equal(ipc_data_side_init(&f->side, DATA, &callbacks, f), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ipc_data_side_free(f->side);
    channel_free(&f->published);
    buffer_free(&f->log);
    buffer_free(&f->reply);
    free(f);
    return 0;
}

static void give(struct fixture *f, struct ipc_item item)
{
    assert_int_equal(ipc_data_side_input(f->side, &item), 0);
}

static int command(struct fixture *f, uint64_t from, uint64_t sequence,
                   const struct ipc_item *items, size_t count)
{
    return ipc_data_side_receive(
        f->side, script_message(IPC_KIND_command, from, DATA, sequence, items, count));
}

static int command_ack(struct fixture *f, uint64_t sequence, uint64_t connection, uint64_t input)
{
    struct ipc_item item = script_ack(connection, input);
    return command(f, CONTROL, sequence, &item, 1);
}

static void control_says(struct fixture *f, uint64_t received, bool gap)
{
    struct ipc_item item = script_control_position(true, received, gap);
    assert_int_equal(ipc_data_side_receive(
                         f->side, script_message(IPC_KIND_position, CONTROL, DATA, 0, &item, 1)),
                     0);
}

/* ---- transaction ---- */

static void rule_transaction_all_or_none(void **state)
{
    struct fixture *f = *state;
    struct ipc_item record = script_record("call/1", "ringing");
    struct buffer row = {0};
    adopt(f, CONTROL);
    ipc_item_encode(&row, &record);
    ipc_item_encode(&row, &record);
    row.len--;
    struct bytes message = script_raw(IPC_KIND_command, CONTROL, DATA, 1, buffer_view(&row));
    assert_int_equal(ipc_data_side_receive(f->side, message), ERR_TRUNCATED);
    script_assert_log(&f->log, "command refused: input ends too early 1;");
    assert_int_equal(ipc_data_side_counters(f->side)->commands, 0);
    assert_int_equal(ipc_data_side_counters(f->side)->commands_refused_malformed, 1);
    buffer_free(&row);
}

static void rule_transaction_once_and_in_sequence(void **state)
{
    struct fixture *f = *state;
    struct ipc_item record = script_record("call/1", "ringing");
    adopt(f, CONTROL);
    assert_int_equal(command(f, CONTROL, 2, &record, 1), ERR_GAP);
    script_assert_log(&f->log, "");
    assert_int_equal(command(f, CONTROL, 1, &record, 1), 0);
    assert_int_equal(command(f, CONTROL, 1, &record, 1), ERR_REPEAT);
    assert_int_equal(command(f, CONTROL, 2, &record, 1), 0);
    script_assert_log(&f->log, "commit 1, 0 pending;commit 1, 0 pending;");
    assert_int_equal(ipc_data_side_counters(f->side)->commands_repeated, 1);
    assert_int_equal(ipc_data_side_counters(f->side)->commands_beyond_gap, 1);
}

static void rule_transaction_effects_before_acknowledgement(void **state)
{
    struct fixture *f = *state;
    struct ipc_item items[] = {script_ack(7, 1), script_record("a", "1"), script_record("b", "2")};
    give(f, script_opened(7));
    adopt(f, CONTROL);
    assert_int_equal(command(f, CONTROL, 1, items, 3), 0);
    script_assert_log(&f->log, "commit 2, 1 pending;released 7 opened;");
}

static void rule_transaction_holds_only_commands(void **state)
{
    struct fixture *f = *state;
    struct ipc_item items[] = {script_record("a", "1"), script_opened(3)};
    adopt(f, CONTROL);
    assert_int_equal(command(f, CONTROL, 1, items, 2), ERR_TYPE);
    script_assert_log(&f->log, "command refused: value of the wrong type 1;");
}

static void rule_transaction_refusal_is_told_until_adoption(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    struct ipc_item wrong = script_opened(3);
    struct ipc_item right = script_record("a", "1");
    adopt(f, CONTROL);
    assert_int_equal(command(f, CONTROL, 1, &wrong, 1), ERR_TYPE);
    assert_int_equal(command(f, CONTROL, 1, &right, 1), ERR_TYPE);
    for (int i = 0; i < 3; i++) {
        script_take(&f->published, &seen);
        assert_int_equal(seen.items.list[0].u.data_position.refused, 1);
        assert_int_equal(seen.items.list[0].u.data_position.refused_error, -ERR_TYPE);
        script_seen_free(&seen);
        ipc_data_side_tick(f->side);
    }
    adopt(f, CONTROL + 1);
    assert_int_equal(command(f, CONTROL + 1, 1, &right, 1), 0);
    assert_int_equal(ipc_data_side_counters(f->side)->commands, 1);
}

static void rule_transaction_the_data_plane_has_the_last_word(void **state)
{
    struct fixture *f = *state;
    struct ipc_item items[] = {script_record("a", "1"), script_ack(7, 1)};
    give(f, script_opened(7));
    adopt(f, CONTROL);
    f->check = ERR_MEMORY; /* not now: comes again */
    assert_int_equal(command(f, CONTROL, 1, items, 2), ERR_MEMORY);
    script_assert_log(&f->log, "");
    f->check = 0;
    assert_int_equal(command(f, CONTROL, 1, items, 1), 0);
    f->check = ERR_FULL; /* never */
    assert_int_equal(command(f, CONTROL, 2, items, 2), ERR_FULL);
    assert_int_equal(ipc_data_side_pending(f->side), 1);
    script_assert_log(&f->log, "commit 1, 1 pending;command refused: full 2;");
}

/* ---- acknowledgement ---- */

static void rule_ack_numbers_of_a_connection(void **state)
{
    struct fixture *f = *state;
    uint64_t expected[] = {1, 1, 2, 2, 3};
    struct ipc_item items[] = {script_opened(7), script_opened(8), script_signal(7, "a"),
                               script_signal(8, "b"), script_closed(7)};
    for (size_t i = 0; i < 5; i++) {
        give(f, items[i]);
        assert_int_equal(ipc_data_side_pending(f->side), i + 1);
    }
    adopt(f, CONTROL);
    control_says(f, 5, true);
    for (size_t i = 0; i < 5; i++) {
        struct script_seen seen;
        script_take(&f->published, &seen);
        assert_int_equal(seen.items.list[0].u.signal.input, expected[i]);
        script_seen_free(&seen);
    }
}

static void rule_ack_of_one_connection(void **state)
{
    struct fixture *f = *state;
    give(f, script_opened(7));
    give(f, script_opened(8));
    give(f, script_signal(7, "a"));
    adopt(f, CONTROL);
    assert_int_equal(command_ack(f, 1, 7, 2), 0);
    script_assert_log(&f->log, "released 7 opened;released 7 signal;");
    assert_int_equal(ipc_data_side_pending(f->side), 1);
    assert_int_equal(command_ack(f, 2, 7, 2), 0);
    assert_int_equal(ipc_data_side_counters(f->side)->acks_of_nothing, 1);
}

static void rule_ack_not_beyond_what_was_sent(void **state)
{
    struct fixture *f = *state;
    give(f, script_opened(7));
    adopt(f, CONTROL);
    assert_int_equal(command_ack(f, 1, 7, 2), ERR_RANGE);
    assert_int_equal(ipc_data_side_pending(f->side), 1);
}

static void rule_ack_of_closed_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct ipc_item late = script_signal(7, "late");
    give(f, script_opened(7));
    give(f, script_closed(7));
    assert_int_equal(ipc_data_side_input(f->side, &late), ERR_CLOSED);
    adopt(f, CONTROL);
    assert_int_equal(command_ack(f, 1, 7, 2), 0);
    script_assert_log(&f->log, "released 7 opened;released 7 closed;");
    assert_int_equal(command_ack(f, 2, 7, 99), 0); /* of nobody: skipped */
    assert_int_equal(ipc_data_side_pending(f->side), 0);
    assert_int_equal(ipc_data_side_pending_bytes(f->side), 0);
}

static void rule_ack_missing_comes_again_after_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    give(f, script_opened(7));
    adopt(f, CONTROL);
    give(f, script_signal(7, "a"));
    give(f, script_signal(7, "b"));
    assert_int_equal(command_ack(f, 1, 7, 1), 0);
    channel_clear(&f->published);
    ask(f, CONTROL + 1, 0, 0, &seen);
    uint64_t before = seen.frame.sequence;
    script_seen_free(&seen);
    struct ipc_item report = script_control_position(true, before, true);
    ipc_data_side_receive(f->side,
                          script_message(IPC_KIND_position, CONTROL + 1, DATA, 0, &report, 1));
    for (unsigned i = 0; i < 2; i++) {
        script_take(&f->published, &seen);
        assert_int_equal(seen.frame.sequence, before + 1 + i);
        assert_int_equal(seen.frame.to, CONTROL + 1);
        assert_int_equal(seen.items.list[0].u.signal.input, 2 + i);
        script_seen_free(&seen);
    }
    assert_int_equal(f->published.count, 0);
}

static void rule_ack_poison_at_the_third_report(void **state)
{
    struct fixture *f = *state;
    give(f, script_opened(7));
    give(f, script_signal(7, "poison"));
    adopt_with_report(f, 201, script_report(DATA, 50, 7, 2));
    adopt_with_report(f, 202, script_report(DATA, 50, 7, 2));     /* the same death */
    adopt_with_report(f, 203, script_report(DATA - 1, 51, 7, 2)); /* of another connection 7 */
    adopt_with_report(f, 204, script_report(DATA, 52, 7, 2));
    adopt_with_report(f, 204, script_report(DATA, 53, 7, 2)); /* the request again */
    script_assert_log(&f->log, "");
    adopt_with_report(f, 205, script_report(DATA, 54, 7, 2));
    script_assert_log(&f->log, "released 7 signal;poisoned 7/2;");
    assert_int_equal(ipc_data_side_pending(f->side), 1);
    adopt_with_report(f, 206, script_report(DATA, 55, 7, 2));
    script_assert_log(&f->log, "");
}

static void rule_ack_poisonous_closed_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    give(f, script_opened(7));
    give(f, script_closed(7));
    for (unsigned i = 0; i < IPC_POISON_REPORTS; i++)
        adopt_with_report(f, CONTROL + i, script_report(DATA, 50 + i, 7, 2));
    script_assert_log(&f->log, "released 7 opened;released 7 closed;poisoned 7/2;");
    assert_int_equal(ipc_data_side_pending(f->side), 0);
}

/* ---- fence ---- */

static void rule_fence_only_the_adopting_epoch_commands(void **state)
{
    struct fixture *f = *state;
    struct ipc_item record = script_record("a", "1");
    assert_int_equal(command(f, CONTROL, 1, &record, 1), ERR_EPOCH);
    adopt(f, CONTROL);
    assert_int_equal(command(f, CONTROL, 1, &record, 1), 0);
    f->records = 200;
    adopt(f, CONTROL + 1); /* the first slice of many is enough */
    assert_int_equal(ipc_data_side_control_epoch(f->side), CONTROL + 1);
    assert_int_equal(command(f, CONTROL, 2, &record, 1), ERR_EPOCH);
    assert_int_equal(command(f, CONTROL + 1, 2, &record, 1), 0);
    assert_int_equal(ipc_data_side_receive(f->side, script_message(IPC_KIND_command, CONTROL + 1,
                                                                   DATA - 1, 3, &record, 1)),
                     ERR_EPOCH);
    assert_int_equal(ipc_data_side_counters(f->side)->commands_refused_epoch, 3);
}

static void rule_fence_epochs_grow(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    adopt(f, CONTROL);
    ask(f, CONTROL - 1, 0, 0, &seen);
    assert_int_equal(seen.items.list[0].type, IPC_refusal);
    assert_int_equal(seen.items.list[0].u.refusal.error, -ERR_EPOCH);
    assert_int_equal(seen.items.list[0].u.refusal.control_epoch, CONTROL);
    script_seen_free(&seen);
    assert_int_equal(ipc_data_side_control_epoch(f->side), CONTROL);
    assert_int_equal(ask_type(f, CONTROL + 1, DATA - 1, 0), IPC_refusal);
    assert_int_equal(ask_type(f, CONTROL + 1, DATA, 0), IPC_slice);
}

static void rule_fence_a_repeated_request_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct script_seen first;
    struct script_seen second;
    give(f, script_opened(7));
    ask(f, CONTROL, 0, 0, &first);
    ask(f, CONTROL, 0, 0, &second);
    assert_true(bytes_equal(buffer_view(&first.message), buffer_view(&second.message)));
    assert_int_equal(ipc_data_side_counters(f->side)->snapshots, 1);
    script_seen_free(&first);
    script_seen_free(&second);
}

static void rule_fence_inputs_are_addressed(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    give(f, script_opened(7));
    assert_int_equal(f->published.count, 0); /* nobody is there to take it */
    adopt(f, CONTROL);
    give(f, script_signal(7, "a"));
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.from, DATA);
    assert_int_equal(seen.frame.to, CONTROL);
    script_seen_free(&seen);
}

/* ---- gaps ---- */

static void rule_gap_position_with_every_tick(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    struct ipc_item record = script_record("a", "1");
    adopt(f, CONTROL);
    give(f, script_opened(7));
    command(f, CONTROL, 1, &record, 1);
    command(f, CONTROL, 3, &record, 1);
    channel_clear(&f->published);
    ipc_data_side_tick(f->side);
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.kind, IPC_KIND_position);
    assert_int_equal(seen.frame.sequence, 1);
    assert_int_equal(seen.items.list[0].u.data_position.committed, 1);
    assert_true(seen.items.list[0].u.data_position.gap);
    script_seen_free(&seen);
}

/* The last command was lost, and no other follows it. */
static void rule_gap_shows_in_the_others_position(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    struct ipc_item position = script_control_position(true, 0, false);
    adopt(f, CONTROL);
    ipc_data_side_receive(f->side,
                          script_message(IPC_KIND_position, CONTROL, DATA, 1, &position, 1));
    ipc_data_side_tick(f->side);
    script_take(&f->published, &seen);
    assert_true(seen.items.list[0].u.data_position.gap);
    script_seen_free(&seen);
}

static void rule_gap_is_sent_again(void **state)
{
    struct fixture *f = *state;
    adopt(f, CONTROL);
    give(f, script_opened(7));
    give(f, script_signal(7, "a"));
    give(f, script_signal(7, "b"));
    channel_clear(&f->published);
    control_says(f, 1, true);
    struct script_seen seen;
    script_take(&f->published, &seen);
    assert_int_equal(seen.frame.sequence, 2);
    script_seen_free(&seen);
    assert_int_equal(script_count(&f->published, IPC_KIND_input), 1);
    control_says(f, 1, true); /* once a tick */
    assert_int_equal(f->published.count, 0);
    ipc_data_side_tick(f->side);
    control_says(f, 1, true);
    assert_int_equal(script_count(&f->published, IPC_KIND_input), 2);
}

static void rule_gap_being_behind_is_none(void **state)
{
    struct fixture *f = *state;
    adopt(f, CONTROL);
    for (int i = 0; i < 10; i++) {
        give(f, script_signal(7, "a"));
        channel_clear(&f->published);
        ipc_data_side_tick(f->side);
        control_says(f, (uint64_t)i, false);
        assert_int_equal(script_count(&f->published, IPC_KIND_input), 0);
    }
    ipc_data_side_tick(f->side);
    control_says(f, 9, false); /* no progress since the last report: lost after all */
    assert_int_equal(script_count(&f->published, IPC_KIND_input), 1);
}

static void rule_gap_a_burst_is_bounded(void **state)
{
    struct fixture *f = *state;
    adopt(f, CONTROL);
    for (int i = 0; i < GAP_RESEND_MESSAGES + 100; i++)
        give(f, script_signal(7, "a"));
    channel_clear(&f->published);
    control_says(f, 0, true);
    assert_int_equal(script_count(&f->published, IPC_KIND_input), GAP_RESEND_MESSAGES);
    ipc_data_side_tick(f->side);
    control_says(f, GAP_RESEND_MESSAGES, true);
    assert_int_equal(script_count(&f->published, IPC_KIND_input), 100);
}

static void rule_gap_notices_may_be_lost(void **state)
{
    struct fixture *f = *state;
    struct buffer row = {0};
    struct ipc_item item = {.type = IPC_counter,
                            .u.counter = {.name = BYTES_LITERAL("drops"), .value = 3}};
    ipc_item_encode(&row, &item);
    adopt(f, CONTROL);
    ipc_data_side_notice(f->side, buffer_view(&row));
    assert_int_equal(script_count(&f->published, IPC_KIND_notice), 1);
    assert_int_equal(ipc_data_side_pending(f->side), 0);
    control_says(f, 0, true);
    assert_int_equal(f->published.count, 0);
    buffer_free(&row);
}

/* A control plane that has not adopted yet takes no inputs. */
static void rule_gap_nothing_for_who_is_not_live(void **state)
{
    struct fixture *f = *state;
    struct ipc_item item = script_control_position(false, 1, true);
    give(f, script_opened(7));
    adopt(f, CONTROL);
    ipc_data_side_receive(f->side, script_message(IPC_KIND_position, CONTROL, DATA, 0, &item, 1));
    assert_int_equal(f->published.count, 0);
}

/* ---- back pressure ---- */

static void rule_pressure_what_is_pending_is_counted(void **state)
{
    struct fixture *f = *state;
    char body[1001] = {0};
    for (int i = 0; i < 1000; i++)
        body[i] = 'x';
    adopt(f, CONTROL);
    for (int i = 0; i < 10; i++)
        give(f, script_signal(7, body));
    assert_int_equal(ipc_data_side_pending(f->side), 10);
    assert_in_range(ipc_data_side_pending_bytes(f->side), 10000, 11000);
    assert_int_equal(command_ack(f, 1, 7, 10), 0);
    assert_int_equal(ipc_data_side_pending_bytes(f->side), 0);
}

static void rule_pressure_an_input_over_its_cap_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t *body = calloc(1, IPC_BODY_MAX + 1);
    struct ipc_item item = {.type = IPC_signal,
                            .u.signal = {.connection = 7, .body = {body, IPC_BODY_MAX + 1}}};
    assert_int_equal(ipc_data_side_input(f->side, &item), ERR_TOO_LARGE);
    assert_int_equal(ipc_data_side_pending(f->side), 0);
    item.u.signal.body.len--;
    assert_int_equal(ipc_data_side_input(f->side, &item), 0);
    assert_int_equal(item.u.signal.input, 1);
    free(body);
}

/* ---- snapshots ---- */

static void rule_snapshot_in_slices(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    uint64_t cursor = 0;
    size_t records = 0;
    size_t slices = 0;
    bool last = false;
    f->records = 300;
    while (!last) {
        ask(f, CONTROL, cursor == 0 ? 0 : DATA, cursor, &seen);
        assert_int_equal(seen.items.list[0].type, IPC_slice);
        assert_in_range(seen.message.len, 1, IPC_SLICE_SIZE + 2048);
        assert_int_equal(seen.items.list[0].u.slice.cursor, cursor);
        cursor = seen.items.list[0].u.slice.next;
        last = seen.items.list[0].u.slice.last;
        records += seen.items.count - 1;
        slices++;
        script_seen_free(&seen);
    }
    assert_int_equal(records, 300);
    assert_int_equal(slices, 5);
    assert_int_equal(ipc_data_side_counters(f->side)->slices, 5);
}

static void rule_snapshot_a_cursor_works_again(void **state)
{
    struct fixture *f = *state;
    struct script_seen first;
    struct script_seen second;
    f->records = 300;
    adopt(f, CONTROL);
    ask(f, CONTROL, DATA, 65, &first);
    ask(f, CONTROL, DATA, 65, &second);
    assert_true(bytes_equal(buffer_view(&first.message), buffer_view(&second.message)));
    script_seen_free(&first);
    script_seen_free(&second);
    assert_int_equal(ask_type(f, CONTROL + 1, DATA, 65), IPC_refusal);
    assert_int_equal(ask_type(f, CONTROL, DATA - 1, 65), IPC_refusal);
}

static void rule_snapshot_sequence_is_the_first_slices(void **state)
{
    struct fixture *f = *state;
    struct script_seen seen;
    f->records = 300;
    give(f, script_opened(7));
    ask(f, CONTROL, 0, 0, &seen);
    assert_int_equal(seen.frame.sequence, 1);
    script_seen_free(&seen);
    give(f, script_signal(7, "a"));
    ask(f, CONTROL, DATA, 65, &seen);
    assert_int_equal(seen.frame.sequence, 1);
    script_seen_free(&seen);
    control_says(f, 1, true);
    assert_int_equal(script_count(&f->published, IPC_KIND_input), 3); /* one as it came */
}

/* ---- version ---- */

static void rule_version_is_named_and_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t message[] = {0x43, 0x48, 0x49, 0x50, 0, IPC_VERSION + 1, 0xff};
    struct bytes view = {message, sizeof(message)};
    struct ipc_frame frame;
    assert_int_equal(ipc_data_side_receive(f->side, view), ERR_VERSION);
    assert_int_equal(ipc_data_side_receive(f->side, view), ERR_VERSION);
    ipc_data_side_request(f->side, view, &f->reply);
    char wanted[100];
    snprintf(wanted, sizeof(wanted),
             "another version of the contract: another version of the contract %d;",
             IPC_VERSION + 1);
    script_assert_log(&f->log, wanted);
    assert_int_equal(ipc_frame_read(&frame, buffer_view(&f->reply)), 0);
    assert_int_equal(frame.version, IPC_VERSION);
    assert_int_equal(ipc_data_side_counters(f->side)->commands_refused_version, 3);
    assert_int_equal(ipc_data_side_control_epoch(f->side), 0);
}

/* ---- garbage ---- */

static void wrong_items_are_counted(void **state)
{
    struct fixture *f = *state;
    struct ipc_item item = script_ack(1, 1);
    adopt(f, CONTROL);
    const enum ipc_kind kinds[] = {IPC_KIND_position, IPC_KIND_input, IPC_KIND_reply};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            ipc_data_side_receive(f->side, script_message(kinds[i], CONTROL, DATA, 0, &item, 1)),
            ERR_TYPE);
    assert_int_equal(ipc_data_side_counters(f->side)->malformed, 3);
    ipc_data_side_request(f->side, script_message(IPC_KIND_request, CONTROL, DATA, 0, &item, 1),
                          &f->reply);
    assert_int_equal(ipc_data_side_counters(f->side)->requests_refused, 1);
}

static void garbage_is_counted(void **state)
{
    struct fixture *f = *state;
    struct buffer message = {0};
    f->rng = 42;
    adopt(f, CONTROL);
    for (uint64_t i = 0; i < 100000; i++) {
        struct ipc_item items[] = {script_ack(7, 1), script_record("a", "b"), script_request(i % 3),
                                   script_control_position(true, i, true)};
        enum ipc_kind kind = (enum ipc_kind)(1 + i % 6);
        struct bytes whole = script_message(kind, CONTROL, DATA, i % 5, items + i % 4, 1);
        buffer_clear(&message);
        buffer_append_bytes(&message, whole);
        script_damage(&f->rng, &message);
        ipc_data_side_receive(f->side, buffer_view(&message));
        ipc_data_side_request(f->side, buffer_view(&message), &f->reply);
        assert_true(f->reply.len >= IPC_FRAME_SIZE);
        channel_clear(&f->published);
        buffer_clear(&f->log);
    }
    buffer_free(&message);
    assert_true(ipc_data_side_counters(f->side)->malformed > 1000);
    assert_true(ipc_data_side_counters(f->side)->requests_refused > 1000);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_transaction_all_or_none),
        RULE(rule_transaction_once_and_in_sequence),
        RULE(rule_transaction_effects_before_acknowledgement),
        RULE(rule_transaction_holds_only_commands),
        RULE(rule_transaction_the_data_plane_has_the_last_word),
        RULE(rule_transaction_refusal_is_told_until_adoption),
        RULE(rule_ack_numbers_of_a_connection),
        RULE(rule_ack_of_one_connection),
        RULE(rule_ack_not_beyond_what_was_sent),
        RULE(rule_ack_of_closed_ends_the_connection),
        RULE(rule_ack_missing_comes_again_after_a_snapshot),
        RULE(rule_ack_poison_at_the_third_report),
        RULE(rule_ack_poisonous_closed_ends_the_connection),
        RULE(rule_fence_only_the_adopting_epoch_commands),
        RULE(rule_fence_epochs_grow),
        RULE(rule_fence_a_repeated_request_changes_nothing),
        RULE(rule_fence_inputs_are_addressed),
        RULE(rule_gap_position_with_every_tick),
        RULE(rule_gap_shows_in_the_others_position),
        RULE(rule_gap_is_sent_again),
        RULE(rule_gap_being_behind_is_none),
        RULE(rule_gap_a_burst_is_bounded),
        RULE(rule_gap_notices_may_be_lost),
        RULE(rule_gap_nothing_for_who_is_not_live),
        RULE(rule_pressure_what_is_pending_is_counted),
        RULE(rule_pressure_an_input_over_its_cap_is_refused),
        RULE(rule_snapshot_in_slices),
        RULE(rule_snapshot_a_cursor_works_again),
        RULE(rule_snapshot_sequence_is_the_first_slices),
        RULE(rule_version_is_named_and_refused),
        RULE(wrong_items_are_counted),
        RULE(garbage_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
