/* What the network does: loss, repetition, falsified packets, other addresses, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/quic/couple.h"

static int setup(void **state)
{
    struct couple *f = couple_new();
    wire_init(&f->wire, &f->server->address);
    f->pair.wire = &f->wire;
    *state = f;
    return 0;
}

static void connect_through_wire(struct couple *f)
{
    struct quic_dial dial = {.remote = f->wire.address, .sni = "test"};
    f->c = pair_dial_with(&f->pair, f->client, &dial);
    assert_true(pair_run(&f->pair, pair_is_established, f->c, 30 * CLOCK_SECOND));
    f->s = &f->server->ends[0];
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static enum wire_action lose_some(struct wire *w, bool to_server, uint8_t *packet, size_t len)
{
    uint32_t *seed = w->argument;
    (void)to_server;
    (void)packet;
    (void)len;
    switch (next_random(seed) % 8) {
    case 0:
        return WIRE_DROP;
    case 1:
        return WIRE_TWICE;
    case 2:
        if (w->held_count < WIRE_HELD)
            return WIRE_HOLD;
        wire_release(w);
        return WIRE_PASS;
    default:
        return WIRE_PASS;
    }
}

static void test_loss_and_reordering(void **state)
{
    struct couple *f = *state;
    for (uint32_t seed = 1; seed <= 5; seed++) {
        uint32_t random = seed;
        size_t base = 200 * (seed - 1);
        f->wire.hook = lose_some;
        f->wire.argument = &random;
        if (seed == 1)
            connect_through_wire(f);
        for (int i = 0; i < 200; i++) {
            char text[16];
            snprintf(text, sizeof(text), "%u.%d", (unsigned)seed, i);
            assert_int_equal(pair_send(f->c, bytes_of_string(text), 0), ERR_OK);
            pair_run_for(&f->pair, 10 * CLOCK_MS);
            if (i % 8 == 0)
                wire_release(&f->wire);
        }
        f->wire.hook = NULL;
        wire_release(&f->wire);
        pair_run_for(&f->pair, 5 * CLOCK_SECOND);
        assert_false(f->s->closed);
        assert_int_equal(f->s->message_count, base + 200);
        for (size_t i = 0; i < 200; i++) {
            char text[16];
            snprintf(text, sizeof(text), "%u.%d", (unsigned)seed, (int)i);
            assert_true(bytes_equal_string(f->s->messages[base + i], text));
        }
    }
}

static enum wire_action falsify(struct wire *w, bool to_server, uint8_t *packet, size_t len)
{
    uint32_t *seed = w->argument;
    (void)to_server;
    if (next_random(seed) % 3 == 0)
        packet[next_random(seed) % len] ^= (uint8_t)(1 + next_random(seed) % 255);
    return WIRE_PASS;
}

/* A third of all packets is false from the first one on. Nobody crashes or believes them. */
static void test_falsified_packets(void **state)
{
    struct couple *f = *state;
    uint32_t seed = 3;
    f->wire.hook = falsify;
    f->wire.argument = &seed;
    for (int i = 0; i < 20; i++) {
        struct quic_dial dial = {.remote = f->wire.address, .sni = "test"};
        struct pair_end *c = pair_dial_with(&f->pair, f->client, &dial);
        pair_run_for(&f->pair, 2 * CLOCK_SECOND);
        for (int k = 0; k < 20 && c->connection && c->established; k++) {
            (void)pair_send(c, BYTES_LITERAL("true"), 0);
            pair_run_for(&f->pair, 100 * CLOCK_MS);
        }
        if (c->connection)
            quic_connection_close(c->connection, "", false);
        pair_run_for(&f->pair, CLOCK_SECOND);
    }
    f->wire.hook = NULL;
    pair_run_for(&f->pair, 30 * CLOCK_SECOND);
    size_t messages = 0;
    for (size_t i = 0; i < f->server->end_count; i++) {
        const struct pair_end *s = &f->server->ends[i];
        messages += s->message_count;
        for (size_t k = 0; k < s->message_count; k++)
            assert_true(bytes_equal_string(s->messages[k], "true"));
    }
    assert_true(messages > 50);
}

static void test_nat_rebinding(void **state)
{
    struct couple *f = *state;
    struct address before, after;
    connect_through_wire(f);
    pair_run_for(&f->pair, CLOCK_SECOND);
    quic_connection_remote(f->s->connection, &before);
    assert_true(address_equal(&before, &f->s->peer.remote));
    for (int i = 0; i < 4; i++) {
        struct address outer;
        wire_rebind(&f->wire);
        wire_outer_address(&f->wire, &outer);
        assert_int_equal(pair_send(f->c, BYTES_LITERAL("from elsewhere"), 0), ERR_OK);
        pair_run_for(&f->pair, 10 * CLOCK_SECOND);
        assert_false(f->s->closed);
        assert_false(f->c->closed);
        quic_connection_remote(f->s->connection, &after);
        assert_true(address_equal(&after, &outer));
        assert_int_equal(f->s->message_count, i + 1);
        assert_int_equal(pair_send(f->s, BYTES_LITERAL("back"), 0), ERR_OK);
        pair_run_for(&f->pair, CLOCK_SECOND);
        assert_int_equal(f->c->message_count, i + 1);
    }
}

static enum wire_action drop_all(struct wire *w, bool to_server, uint8_t *packet, size_t len)
{
    (void)w;
    (void)to_server;
    (void)packet;
    (void)len;
    return WIRE_DROP;
}

static void test_idle_timeout(void **state)
{
    struct couple *f = *state;
    connect_through_wire(f);
    /* Alive for as long as keep-alives get through. */
    pair_run_for(&f->pair, 300 * CLOCK_SECOND);
    assert_false(f->c->closed);
    f->wire.hook = drop_all;
    pair_run_for(&f->pair, 25 * CLOCK_SECOND);
    assert_false(f->s->closed);
    pair_run_for(&f->pair, 15 * CLOCK_SECOND);
    assert_true(f->c->closed);
    assert_true(f->s->closed);
    assert_int_equal(f->c->why.error, ERR_TIMEOUT);
    assert_int_equal(f->s->why.error, ERR_TIMEOUT);
    assert_false(f->s->why.by_peer);
    assert_int_equal(quic_endpoint_connections(f->server->endpoint), 0);
}

static void test_liveness(void **state)
{
    struct couple *f = *state;
    connect_through_wire(f);
    quic_connection_set_liveness(f->c->connection, 500 * CLOCK_MS, 2 * CLOCK_SECOND);
    pair_run_for(&f->pair, 60 * CLOCK_SECOND);
    assert_false(f->c->closed);
    f->wire.hook = drop_all;
    uint64_t before = f->pair.now;
    assert_true(pair_run(&f->pair, pair_is_closed, f->c, 10 * CLOCK_SECOND));
    assert_int_equal(f->c->why.error, ERR_TIMEOUT);
    assert_in_range(f->pair.now - before, 1500 * CLOCK_MS, 2500 * CLOCK_MS);
    assert_false(f->s->closed);
}

static void test_nobody_answers(void **state)
{
    struct couple *f = *state;
    f->wire.hook = drop_all;
    struct quic_dial dial = {.remote = f->wire.address};
    struct pair_end *c = pair_dial_with(&f->pair, f->client, &dial);
    uint64_t before = f->pair.now;
    assert_true(pair_run(&f->pair, pair_is_closed, c, 30 * CLOCK_SECOND));
    assert_int_equal(c->why.error, ERR_TIMEOUT);
    assert_false(c->why.established);
    assert_in_range(f->pair.now - before, 9 * CLOCK_SECOND, 11 * CLOCK_SECOND);
}

static enum wire_action drop_to_client(struct wire *w, bool to_server, uint8_t *packet, size_t len)
{
    (void)w;
    (void)packet;
    (void)len;
    return to_server ? WIRE_PASS : WIRE_DROP;
}

/* Our close is lost: the peer's next packet brings it again. */
static void test_lost_close_is_repeated(void **state)
{
    struct couple *f = *state;
    connect_through_wire(f);
    pair_run_for(&f->pair, CLOCK_SECOND);
    f->wire.hook = drop_to_client;
    quic_connection_close(f->s->connection, "gone", false);
    pair_settle(&f->pair);
    assert_true(f->s->closed);
    f->wire.hook = NULL;
    assert_int_equal(pair_send(f->c, BYTES_LITERAL("x"), 0), ERR_OK);
    pair_settle(&f->pair);
    assert_true(f->c->closed);
    assert_string_equal(f->c->why.reason, "gone");
    assert_false(f->c->why.reset);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, couple_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loss_and_reordering),    TEST(test_falsified_packets), TEST(test_nat_rebinding),
        TEST(test_idle_timeout),           TEST(test_liveness),          TEST(test_nobody_answers),
        TEST(test_lost_close_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
