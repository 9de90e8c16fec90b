#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/commit.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "dataplane/limits.h"
#include "setup.h"

static struct ipc_item send_to(const uint64_t *to, size_t count, uint64_t key, const char *body)
{
    return (struct ipc_item){
        .type = IPC_send,
        .u.send = {.to = {.list = to, .count = count},
                   .replace_key = key,
                   .body = bytes_of_string(body)},
    };
}

static struct ipc_item dial(uint64_t id, const char *sni)
{
    return (struct ipc_item){
        .type = IPC_dial,
        .u.dial = {.dial = id,
                   .sni = bytes_of_string(sni),
                   .pinned = true,
                   .pin = setup_fingerprint(3),
                   .present_certificate = true},
    };
}

static struct ipc_item repeat(const struct session *c, uint32_t interval_ms, const char *body)
{
    return (struct ipc_item){
        .type = IPC_repeat,
        .u.repeat = {.connection = c->number,
                     .interval_ms = interval_ms,
                     .body = bytes_of_string(body)},
    };
}

static void test_one_message_goes_to_many(void **state)
{
    struct setup *s = *state;
    struct session *c[3] = {setup_session(s), setup_session(s), setup_session(s)};
    const uint64_t to[] = {c[0]->number, c[1]->number, c[2]->number, 4711};
    struct quic_connection *closed = c[1]->quic;
    setup_close(s, c[1]);
    SETUP_APPLY(s, send_to(to, 4, 9, "hello"));
    assert_true(bytes_equal_string(buffer_view(&c[0]->quic->notes[0].content), "hello"));
    assert_int_equal(c[2]->quic->notes[0].replace_key, 9);
    assert_int_equal(closed->count, 0);
    assert_int_equal(s->exchange.counters.signals_out, 2);
    assert_int_equal(s->exchange.counters.skipped_closed, 1);
    assert_int_equal(s->exchange.counters.skipped_unknown, 1);
}

/* Defects 34 and 35: who does not read is closed and holds up nobody. */
static void test_defect_34_who_is_too_slow_is_closed(void **state)
{
    struct setup *s = *state;
    struct session *slow = setup_session(s);
    struct session *other = setup_session(s);
    const uint64_t to[] = {slow->number, other->number};
    slow->quic->refuse = ERR_FULL;
    SETUP_APPLY(s, send_to(to, 2, 0, "hello"));
    assert_true(slow->quic->closing);
    assert_string_equal(slow->quic->reason, "too slow");
    assert_int_equal(s->exchange.counters.closed_too_slow, 1);
    assert_int_equal(other->quic->count, 1);
}

static void test_close_says_why(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    struct ipc_item close = {.type = IPC_close,
                             .u.close = {.connection = c->number,
                                         .after_sent = true,
                                         .reason = BYTES_LITERAL("normal close")}};
    SETUP_APPLY(s, close);
    assert_true(c->quic->closing && c->quic->after_sent);
    assert_string_equal(c->quic->reason, "normal close");
    setup_close(s, c);
    SETUP_APPLY(s, close);
    assert_int_equal(s->exchange.counters.skipped_closed, 1);
}

static void test_a_dial_hands_on_what_it_was_told(void **state)
{
    struct setup *s = *state;
    SETUP_APPLY(s, dial(77, "_federation"));
    struct quic_connection *quic = fake_quic_dialed();
    struct session *c = quic->user;
    assert_string_equal(quic->sni, "_federation");
    assert_true(quic->pinned && quic->present_certificate);
    assert_int_equal(quic->pin.bytes[0], 3);
    assert_int_equal(c->dial, 77);
    assert_int_equal(c->state, SESSION_DIALING);
    assert_ptr_equal(session_find(&s->exchange.sessions, c->number), c);
    assert_int_equal(s->exchange.dials, 1);
    exchange_acknowledge(&s->exchange, c);
    assert_int_equal(s->exchange.dials, 0);
}

static void test_a_dial_that_fails_at_once_is_kept_to_be_told(void **state)
{
    struct setup *s = *state;
    fake_quic_refuse_dials(ERR_TLS);
    SETUP_APPLY(s, dial(77, "_federation"), dial(78, "_federation"));
    unsigned kept = 0;
    for (const struct session *c = s->exchange.unreported; c; c = c->next) {
        assert_int_equal(c->close_error, ERR_TLS);
        kept++;
    }
    assert_int_equal(kept, 2);
    exchange_forget(&s->exchange, s->exchange.unreported->next);
    assert_non_null(s->exchange.unreported);
    assert_null(s->exchange.unreported->next);
}

static void test_too_many_dials_are_refused(void **state)
{
    struct setup *s = *state;
    struct ipc_item *items = calloc(EXCHANGE_DIALS_MAX + 1, sizeof(*items));
    for (int i = 0; i <= EXCHANGE_DIALS_MAX; i++)
        items[i] = dial((uint64_t)i + 1, "_federation");
    assert_int_equal(setup_commit(s, items, EXCHANGE_DIALS_MAX + 1), ERR_FULL);
    assert_int_equal(s->exchange.sessions.count, 0);
    free(items);
}

static void test_a_refused_transaction_changes_nothing(void **state)
{
    struct setup *s = *state;
    const struct ipc_hop hop = setup_hop(1, 1);
    struct session *c = setup_session(s);
    const uint64_t to = c->number;
    struct ipc_item items[] = {
        setup_room(ROOM, &hop, 1),
        setup_join(c, ROOM),
        setup_route(2, 1, ROOM),
        setup_link_join(c, 3, false),
        dial(1, "x"),
        repeat(c, 100, "ping"),
        send_to(&to, 1, 0, "hello"),
        setup_record("big", "x", c->number),
    };
    c->record_bytes = RECORDS_OWNER_MAX;
    assert_int_equal(setup_commit(s, items, 8), ERR_TOO_LARGE);
    c->record_bytes = 0;
    assert_int_equal(s->exchange.rooms.count, 0);
    assert_int_equal(s->exchange.links.count, 0);
    assert_int_equal(s->exchange.routes.count, 0);
    assert_int_equal(s->exchange.sessions.count, 1);
    assert_int_equal(s->exchange.repeats.count, 0);
    assert_int_equal(c->quic->count, 0);
    assert_null(fake_quic_dialed());
    assert_int_equal(fake_quic_living(), 0);
}

static void test_a_role_comes_before_the_message_of_the_same_transaction(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    const uint64_t to = c->number;
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(c, ROOM), send_to(&to, 1, 0, "answer"));
    assert_non_null(c->room);
    assert_int_equal(c->quic->count, 1);
}

static void test_a_join_to_a_room_that_nobody_put_is_skipped(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_join(c, ROOM));
    assert_null(c->room);
    assert_int_equal(s->exchange.counters.skipped_unknown, 1);
    assert_int_equal(s->exchange.rooms.count, 0);
}

/* A new control plane adopts the facts and then hears `closed`: both must fit. */
static void test_the_facts_of_a_closed_connection_change(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    setup_close(s, c);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(c, ROOM));
    assert_non_null(c->room);
    assert_int_equal(c->room->living, 0);
    assert_int_equal(s->exchange.counters.skipped_closed, 1);
}

static void test_repeats_go_out_at_their_interval(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, repeat(c, 5000, "ping"));
    assert_int_equal(exchange_next_repeat(&s->exchange), s->now + 5 * CLOCK_SECOND);
    exchange_run_repeats(&s->exchange, s->now + 5 * CLOCK_SECOND - 1, 10);
    assert_int_equal(c->quic->count, 0);
    exchange_run_repeats(&s->exchange, s->now + 5 * CLOCK_SECOND, 10);
    exchange_run_repeats(&s->exchange, s->now + 10 * CLOCK_SECOND, 10);
    assert_int_equal(c->quic->count, 2);
    assert_true(c->quic->notes[0].replace_key != 0);
    SETUP_APPLY(s, repeat(c, 1000, "pong"));
    exchange_run_repeats(&s->exchange, s->now + CLOCK_SECOND, 10);
    assert_true(bytes_equal_string(buffer_view(&c->quic->notes[2].content), "pong"));
    SETUP_APPLY(s, repeat(c, 0, ""));
    assert_true(exchange_next_repeat(&s->exchange) == UINT64_MAX);
}

static void test_a_repeat_ends_with_its_connection(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, repeat(c, 5000, "ping"));
    setup_close(s, c);
    assert_true(exchange_next_repeat(&s->exchange) == UINT64_MAX);
    SETUP_APPLY(s, repeat(c, 5000, "ping"));
    assert_true(exchange_next_repeat(&s->exchange) == UINT64_MAX);
}

static void test_repeats_of_one_turn_are_limited(void **state)
{
    struct setup *s = *state;
    for (int i = 0; i < 10; i++)
        SETUP_APPLY(s, repeat(setup_session(s), 1000, "ping"));
    exchange_run_repeats(&s->exchange, s->now + CLOCK_SECOND, 4);
    assert_int_equal(s->exchange.counters.repeats_sent, 4);
    exchange_run_repeats(&s->exchange, s->now + CLOCK_SECOND, 100);
    assert_int_equal(s->exchange.counters.repeats_sent, 10);
}

static void test_a_message_on_a_unidirectional_stream(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_send_unidirectional,
                                     .u.send_unidirectional = {.connection = c->number,
                                                               .body = BYTES_LITERAL("0.1.0")}});
    assert_true(bytes_equal_string(buffer_view(&c->quic->notes[0].content), "0.1.0"));
}

static void test_settings_reach_quic_and_the_log(void **state)
{
    struct setup *s = *state;
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_settings,
                                     .u.settings = {.max_sessions = 20,
                                                    .max_phones = 30,
                                                    .address_connections = 7,
                                                    .signal_bytes = 16u * 1024 * 1024,
                                                    .log_level = LOG_DEBUG}});
    const struct quic_limits *limits = fake_quic_limits();
    assert_int_equal(limits->connections_max, 20 + 30 + LIMITS_OTHER_CONNECTIONS);
    assert_int_equal(limits->address_connections, 7);
    assert_int_equal(limits->message_max, IPC_BODY_MAX); /* what the contract can carry */
    assert_true(log_enabled(LOG_DEBUG));
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_settings,
                                     .u.settings = {.signal_bytes = 4096, .log_level = 4711}});
    assert_int_equal(limits->message_max, 4096);
    assert_true(log_enabled(LOG_DEBUG)); /* an unknown level changes nothing */
    log_level_set(LOG_INFO);
}

static void test_stop_is_noted_for_the_worker(void **state)
{
    struct setup *s = *state;
    assert_false(s->exchange.stop);
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_stop, .u.stop.reason = BYTES_LITERAL("drained")});
    assert_true(s->exchange.stop);
}

static void test_a_connection_costs_little(void **state)
{
    (void)state;
    assert_true(sizeof(struct session) <= 512);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_one_message_goes_to_many),
        TEST(test_defect_34_who_is_too_slow_is_closed),
        TEST(test_close_says_why),
        TEST(test_a_dial_hands_on_what_it_was_told),
        TEST(test_a_dial_that_fails_at_once_is_kept_to_be_told),
        TEST(test_too_many_dials_are_refused),
        TEST(test_a_refused_transaction_changes_nothing),
        TEST(test_a_role_comes_before_the_message_of_the_same_transaction),
        TEST(test_a_join_to_a_room_that_nobody_put_is_skipped),
        TEST(test_the_facts_of_a_closed_connection_change),
        TEST(test_repeats_go_out_at_their_interval),
        TEST(test_a_repeat_ends_with_its_connection),
        TEST(test_repeats_of_one_turn_are_limited),
        TEST(test_a_message_on_a_unidirectional_stream),
        TEST(test_settings_reach_quic_and_the_log),
        TEST(test_stop_is_noted_for_the_worker),
        cmocka_unit_test(test_a_connection_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
