/*
 * Every number that a worker counts has a case here that makes exactly this one move: the table's
 * completeness is checked by code. What must move with it is said in the case (`with`).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "dataplane/counters.h"
#include "dataplane/media.h"
#include "dataplane/uplink.h"
#include "ipc/control_side.h"
#include "setup.h"
#include "tests/unit/counters.h"

#define MIB ((size_t)1024 * 1024)

/* A room with one member and a link (1, tag 9) into it; what was counted at `mark`. */
struct world {
    struct setup *s;
    struct counters before;
    struct session *member, *link;
    struct uplink uplink; /* once begin_uplink was called */
    struct ipc_control_side *control;
    struct buffer reply;
    uint64_t control_epoch;
    char directory[64];
};

static void mark(struct world *w)
{
    w->before = w->s->exchange.counters;
}

static void receive(struct world *w, struct session *c, struct bytes data)
{
    media_datagram(&w->s->exchange, c, data, w->s->now);
}

static void make_room(struct world *w)
{
    w->member = setup_session(w->s);
    w->link = setup_session(w->s);
    SETUP_APPLY(w->s, setup_room(ROOM, NULL, 0), setup_join(w->member, ROOM),
                setup_link_join(w->link, 1, false), setup_route(1, 9, ROOM));
    mark(w);
}

static struct session *another_member(struct world *w)
{
    struct session *c = setup_session(w->s);
    SETUP_APPLY(w->s, setup_join(c, ROOM));
    return c;
}

/* The members' media goes over link 1. */
static void make_egress(struct world *w)
{
    const struct ipc_hop hop = setup_hop(1, 9);
    SETUP_APPLY(w->s, setup_room(ROOM, &hop, 1));
}

/* ---- media ---- */

static void media_from_members(struct world *w)
{
    make_room(w);
    receive(w, w->member, setup_packet(1));
}

static void media_from_links(struct world *w)
{
    make_room(w);
    SETUP_APPLY(w->s,
                (struct ipc_item){.type = IPC_leave, .u.leave = {.connection = w->member->number}});
    receive(w, w->link, setup_tagged(9, 1));
}

static void media_to_members(struct world *w)
{
    make_room(w);
    another_member(w);
    receive(w, w->member, setup_packet(1));
}

static void media_to_links(struct world *w)
{
    make_room(w);
    make_egress(w);
    receive(w, w->member, setup_packet(1));
}

/* ---- drops ---- */

static void drop_no_role(struct world *w)
{
    make_room(w);
    receive(w, setup_session(w->s), setup_packet(1));
}

static void drop_malformed(struct world *w)
{
    make_room(w);
    receive(w, w->member, BYTES_LITERAL("x"));
}

static void drop_unknown_tag(struct world *w)
{
    make_room(w);
    receive(w, w->link, setup_tagged(8, 1));
}

static void drop_participant_rate(struct world *w)
{
    make_room(w);
    struct ipc_item room = setup_room(ROOM, NULL, 0);
    room.u.room_put.participant_pps = 1;
    SETUP_APPLY(w->s, room);
    receive(w, w->member, setup_packet(1));
    mark(w);
    receive(w, w->member, setup_packet(2));
}

static void drop_route_rate(struct world *w)
{
    make_room(w);
    struct ipc_item route = setup_route(1, 9, ROOM);
    route.u.route_put.pps = 1;
    SETUP_APPLY(w->s, route);
    receive(w, w->link, setup_tagged(9, 1));
    mark(w);
    receive(w, w->link, setup_tagged(9, 2));
}

static void drop_copy(struct world *w)
{
    make_room(w);
    struct session *other = setup_session(w->s);
    SETUP_APPLY(w->s, setup_link_join(other, 2, true), setup_route(2, 8, ROOM));
    receive(w, w->link, setup_tagged(9, 1));
    mark(w);
    receive(w, other, setup_tagged(8, 1));
}

static void drop_link_down(struct world *w)
{
    make_room(w);
    make_egress(w);
    setup_close(w->s, w->link);
    mark(w);
    receive(w, w->member, setup_packet(1));
}

static void drop_too_large(struct world *w)
{
    make_room(w);
    another_member(w)->quic->refuse_datagrams = ERR_TOO_LARGE;
    receive(w, w->member, setup_packet(1));
}

static void drop_send(struct world *w)
{
    make_room(w);
    another_member(w)->quic->refuse_datagrams = ERR_CLOSED;
    receive(w, w->member, setup_packet(1));
}

static void drop_no_memory(struct world *w)
{
    make_room(w);
    fake_quic_refuse_payloads();
    receive(w, w->member, setup_packet(1));
}

/* ---- messages ---- */

static struct ipc_item send_to(const uint64_t *number)
{
    return (struct ipc_item){
        .type = IPC_send,
        .u.send = {.to = {.list = number, .count = 1}, .body = BYTES_LITERAL("{}")},
    };
}

static void signals_out(struct world *w)
{
    make_room(w);
    SETUP_APPLY(w->s, send_to(&w->member->number));
}

static void repeats_sent(struct world *w)
{
    make_room(w);
    SETUP_APPLY(w->s, (struct ipc_item){.type = IPC_repeat,
                                        .u.repeat = {.connection = w->link->number,
                                                     .interval_ms = 1000,
                                                     .body = BYTES_LITERAL("{}")}});
    mark(w);
    exchange_run_repeats(&w->s->exchange, w->s->now + CLOCK_SECOND, 1);
}

static void closed_too_slow(struct world *w)
{
    make_room(w);
    w->member->quic->refuse = ERR_FULL;
    SETUP_APPLY(w->s, send_to(&w->member->number));
}

static void closed_no_memory(struct world *w)
{
    make_room(w);
    w->member->quic->refuse = ERR_MEMORY;
    SETUP_APPLY(w->s, send_to(&w->member->number));
}

static void skipped_closed(struct world *w)
{
    make_room(w);
    setup_close(w->s, w->member);
    SETUP_APPLY(w->s, send_to(&w->member->number));
}

static void skipped_unknown(struct world *w)
{
    const uint64_t nobody = 12345;
    make_room(w);
    SETUP_APPLY(w->s, send_to(&nobody));
}

/* ---- the line to the control plane ---- */

static void to_data(void *context, struct bytes message)
{
    struct world *w = context;
    ipc_data_side_receive(w->uplink.side, message);
}

static void ask_data(void *context, struct bytes message)
{
    struct world *w = context;
    buffer_clear(&w->reply);
    ipc_data_side_request(w->uplink.side, message, &w->reply);
}

static uint64_t new_epoch(void *context)
{
    struct world *w = context;
    return ++w->control_epoch;
}

static void ignore_epoch(void *context, uint64_t epoch)
{
    (void)context;
    (void)epoch;
}

static void ignore_item(void *context, const struct ipc_item *item)
{
    (void)context;
    (void)item;
}

static void ignore(void *context)
{
    (void)context;
}

static void ignore_error(void *context, int error)
{
    (void)context;
    (void)error;
}

static void ignore_versions(void *context, unsigned ours, unsigned theirs)
{
    (void)context;
    (void)ours;
    (void)theirs;
}

static void begin_uplink(struct world *w)
{
    struct ipc_sockets *sockets;
    char why[256];
    snprintf(w->directory, sizeof(w->directory), "/tmp/counters_XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    assert_int_equal(ipc_sockets_open_data(&sockets, w->directory, why, sizeof(why)), 0);
    assert_int_equal(uplink_init(&w->uplink, &w->s->exchange, sockets, 1, 1), 0);
    w->uplink.now = w->s->now;
    make_room(w);
}

static void end_uplink(struct world *w)
{
    char command[128];
    if (w->control != NULL)
        ipc_control_side_free(w->control);
    buffer_free(&w->reply);
    if (w->uplink.side == NULL)
        return;
    struct ipc_sockets *sockets = w->uplink.sockets;
    uplink_free(&w->uplink);
    ipc_sockets_close(sockets);
    snprintf(command, sizeof(command), "rm -r %s", w->directory);
    assert_int_equal(system(command), 0);
}

/* A control plane that has adopted; with the note of a death, if there was one. */
static void adopt(struct world *w, const struct ipc_note_entry *note)
{
    const struct ipc_control_callbacks callbacks = {
        .publish = to_data,
        .request = ask_data,
        .new_epoch = new_epoch,
        .adopting = ignore_epoch,
        .installed = ignore_item,
        .adopted = ignore,
        .input = ignore_item,
        .notice = ignore_item,
        .lost = ignore_error,
        .version_mismatch = ignore_versions,
    };
    if (w->control != NULL)
        ipc_control_side_free(w->control);
    assert_int_equal(ipc_control_side_init(&w->control, &callbacks, w), 0);
    if (note != NULL)
        ipc_control_side_report(w->control, note);
    ipc_control_side_tick(w->control, w->s->now);
    ipc_control_side_reply(w->control, buffer_view(&w->reply));
    assert_int_equal(ipc_control_side_state(w->control), IPC_CONTROL_LIVE);
}

static void signals_in(struct world *w)
{
    begin_uplink(w);
    assert_int_equal(uplink_opened(&w->uplink, w->member), 0);
    mark(w);
    assert_int_equal(uplink_signal(&w->uplink, w->member, BYTES_LITERAL("{}")), 0);
}

/* So many bytes of messages that nobody acknowledges. */
static void flood(struct world *w, size_t bytes)
{
    const struct bytes body = {calloc(1, MIB), MIB};
    assert_int_equal(uplink_opened(&w->uplink, w->member), 0);
    while (ipc_data_side_pending_bytes(w->uplink.side) <= bytes)
        assert_int_equal(uplink_signal(&w->uplink, w->member, body), 0);
    free((void *)(uintptr_t)body.data);
}

static void pressure_refusals(struct world *w)
{
    begin_uplink(w);
    flood(w, PRESSURE_REFUSE);
    mark(w);
    uplink_flush(&w->uplink);
}

static void closed_pressure(struct world *w)
{
    begin_uplink(w);
    flood(w, PRESSURE_CLOSE);
    mark(w);
    assert_int_equal(uplink_signal(&w->uplink, w->member, BYTES_LITERAL("{}")), ERR_FULL);
}

static void closed_poisoned(struct world *w)
{
    begin_uplink(w);
    assert_int_equal(uplink_opened(&w->uplink, w->member), 0);
    adopt(w, NULL);
    mark(w);
    for (int i = 0; i < IPC_POISON_REPORTS; i++) { /* whoever handled it has died of it */
        const struct ipc_note_entry note = {.data_epoch = 1,
                                            .control_epoch = w->control_epoch,
                                            .connection = w->member->number,
                                            .input = 1};
        adopt(w, &note);
    }
}

static void commands_over_cap(struct world *w)
{
    struct buffer row = {0}, value = {0};
    begin_uplink(w);
    adopt(w, NULL);
    for (size_t i = 0; i < IPC_VALUE_MAX / 8; i++)
        buffer_append_u64(&value, i);
    for (int i = 0; i < 8; i++) { /* of one owner: the last is over RECORDS_OWNER_MAX */
        char key[32];
        snprintf(key, sizeof(key), "key/%d", i);
        struct ipc_item item = {.type = IPC_record_put,
                                .u.record_put = {.key = bytes_of_string(key),
                                                 .owner = w->member->number,
                                                 .value = buffer_view(&value)}};
        buffer_clear(&row);
        ipc_item_encode(&row, &item);
        mark(w);
        assert_int_equal(ipc_control_side_transact(w->control, buffer_view(&row)), 0);
    }
    buffer_free(&row);
    buffer_free(&value);
}

static void dedup_evicted(struct world *w)
{
    uint8_t packet[20] = {0};
    begin_uplink(w);
    make_egress(w);
    w->link->quic->refuse_datagrams = ERR_FULL; /* it need not keep them */
    for (uint32_t i = 0; i < DEDUP_ENTRIES_MAX && w->s->exchange.dedup.evicted == 0; i++) {
        memcpy(packet + 12, &i, sizeof(i));
        receive(w, w->member, (struct bytes){packet, sizeof(packet)});
    }
    mark(w);
    uplink_notices(&w->uplink);
}

/* ---- the table ---- */

static const struct counter_case cases[] = {
#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name, ""                                                                            \
    }
#define CASE_WITH(name, others)                                                                    \
    {                                                                                              \
#name, name, " " others " "                                                                \
    }
    CASE(media_from_members),
    CASE(media_from_links),
    CASE_WITH(media_to_members, "media_from_members media_bytes_to_members"),
    CASE_WITH(media_to_links, "media_from_members media_bytes_to_links"),
    COUNTER_CASE(media_bytes_to_members, media_to_members, "media_from_members media_to_members"),
    COUNTER_CASE(media_bytes_to_links, media_to_links, "media_from_members media_to_links"),
    CASE(drop_no_role),
    CASE(drop_malformed),
    CASE(drop_unknown_tag),
    CASE(drop_participant_rate),
    CASE(drop_route_rate),
    CASE_WITH(drop_copy, "media_from_links"),
    CASE_WITH(drop_link_down, "media_from_members"),
    CASE_WITH(drop_too_large, "media_from_members"),
    CASE_WITH(drop_send, "media_from_members"),
    CASE_WITH(drop_no_memory, "media_from_members"),
    CASE(dedup_evicted),
    CASE(signals_in),
    CASE(signals_out),
    CASE_WITH(repeats_sent, "signals_out"),
    CASE(closed_too_slow),
    CASE(closed_no_memory),
    CASE(closed_pressure),
    CASE(closed_poisoned),
    CASE(skipped_closed),
    CASE(skipped_unknown),
    CASE(commands_over_cap),
    CASE(pressure_refusals),
};

static const struct counter counters[] = {
#define X(name, help) COUNTER(struct counters, name)
    COUNTERS_TABLE(X)
#undef X
};
#define COUNTERS COUNTER_COUNT(counters)

static void test_each_case_moves_its_number_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTER_COUNT(cases); i++) {
        void *setup;
        struct world w = {0};
        assert_int_equal(setup_begin(&setup), 0);
        w.s = setup;
        cases[i].run(&w);
        counters_judge(&cases[i], "", counters, COUNTERS, &w.s->exchange.counters, &w.before);
        end_uplink(&w);
        setup_end(&setup);
    }
}

static void test_each_number_has_a_case(void **state)
{
    (void)state;
    counters_expect_cases(counters, COUNTERS, cases, COUNTER_COUNT(cases));
}

/* They travel under their names, with their help. */
static void test_each_number_is_told(void **state)
{
    (void)state;
    struct counters c = {.drop_copy = 7};
    struct buffer row = {0};
    struct ipc_items items = {0};
    counters_encode(&c, &row);
    assert_int_equal(ipc_items_decode(&items, buffer_view(&row)), 0);
    assert_int_equal(items.count, COUNTERS);
    for (size_t i = 0; i < COUNTERS; i++) {
        const struct ipc_counter *told = &items.list[i].u.counter;
        assert_true(bytes_equal_string(told->name, counters[i].name));
        assert_true(told->help.len > 0);
        assert_int_equal(told->value, strcmp(counters[i].name, "drop_copy") == 0 ? 7 : 0);
    }
    ipc_items_free(&items);
    buffer_free(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_number_has_a_case),
        cmocka_unit_test(test_each_case_moves_its_number_alone),
        cmocka_unit_test(test_each_number_is_told),
    };
    log_level_set(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
