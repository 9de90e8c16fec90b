/* Handshake, messages and datagrams between two endpoints. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/quic/pair.h"

static void test_handshake(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    assert_true(c->peer.dialed);
    assert_false(s->peer.dialed);
    assert_string_equal(s->peer.sni, "test");
    assert_false(s->peer.has_certificate);
    assert_true(c->peer.has_certificate);
    assert_true(fingerprint_tls_equal(&c->peer.fingerprint, &server->fingerprint));
    assert_memory_equal(c->peer.exporter, s->peer.exporter, QUIC_EXPORTER_SIZE);
    assert_true(address_equal(&c->peer.remote, &server->address));
    assert_true(address_equal(&s->peer.remote, &client->address));
    assert_true(address_equal(&s->peer.local, &server->address));
    assert_int_equal(quic_endpoint_connections(server->endpoint), 1);
}

static void test_messages_both_ways(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    for (int i = 0; i < 500; i++) {
        char text[32];
        snprintf(text, sizeof(text), "message %d", i);
        assert_int_equal(pair_send(c, bytes_of_string(text), 0), ERR_OK);
        assert_int_equal(pair_send(s, bytes_of_string(text), 0), ERR_OK);
        if (i % 100 == 99)
            pair_settle(p);
    }
    pair_run_for(p, CLOCK_SECOND);
    assert_int_equal(s->message_count, 500);
    assert_int_equal(c->message_count, 500);
    for (size_t i = 0; i < 500; i++) {
        char text[32];
        snprintf(text, sizeof(text), "message %d", (int)i);
        assert_true(bytes_equal_string(s->messages[i], text));
        assert_true(bytes_equal_string(c->messages[i], text));
    }
}

static void test_datagrams(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    static const uint8_t tag[8] = "ABCDEFGH";
    for (int i = 0; i < 10; i++) {
        uint8_t data[120];
        memset(data, i, sizeof(data));
        assert_int_equal(pair_send_datagram(c, (struct bytes){data, sizeof(data)}, NULL), ERR_OK);
        assert_int_equal(pair_send_datagram(s, (struct bytes){data, sizeof(data)}, tag), ERR_OK);
    }
    pair_run_for(p, CLOCK_SECOND);
    assert_int_equal(s->datagram_count, 10);
    assert_int_equal(c->datagram_count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(s->datagrams[i].len, 120);
        assert_int_equal(s->datagrams[i].data[119], i);
        assert_int_equal(c->datagrams[i].len, 128);
        assert_memory_equal(c->datagrams[i].data, tag, 8);
        assert_int_equal(c->datagrams[i].data[127], i);
    }
}

static void test_close_by_client(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    quic_connection_close(c->connection, "hangup", false);
    assert_true(pair_run(p, pair_is_closed, s, CLOCK_SECOND));
    assert_true(c->closed);
    assert_int_equal(c->why.error, ERR_CLOSED);
    assert_false(c->why.by_peer);
    assert_int_equal(s->why.error, ERR_CLOSED);
    assert_true(s->why.by_peer);
    assert_int_equal(s->why.code, 0);
    assert_string_equal(s->why.reason, "hangup");
    assert_int_equal(quic_endpoint_connections(server->endpoint), 0);
    pair_run_for(p, 10 * CLOCK_SECOND);
    assert_int_equal(quic_endpoint_deadline(server->endpoint), UINT64_MAX);
    assert_int_equal(quic_endpoint_deadline(client->endpoint), UINT64_MAX);
}

/* ngtcp2 aborts when time goes backwards; the endpoint does not let it. */
static void test_time_going_backwards(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    p->now = 100 * CLOCK_SECOND;
    pair_connect(p, client, server, &c, &s);
    for (int i = 0; i < 5; i++) {
        p->now -= 10 * CLOCK_SECOND;
        assert_int_equal(pair_send(c, BYTES_LITERAL("earlier"), 0), ERR_OK);
        pair_settle(p);
    }
    p->now = 101 * CLOCK_SECOND;
    pair_run_for(p, CLOCK_SECOND);
    assert_int_equal(s->message_count, 5);
}

static void on_message_close_all(struct pair_end *end, struct bytes body)
{
    (void)body;
    quic_endpoint_close_all(end->node->endpoint, "all", CLOCK_SECOND);
}

/* Callbacks may do what they like: here end everything, themselves included. */
static void test_close_all_in_a_callback(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c[3], *s;
    server->on_message = on_message_close_all;
    for (size_t i = 0; i < 3; i++)
        pair_connect(p, client, server, &c[i], &s);
    assert_int_equal(pair_send(c[1], BYTES_LITERAL("end"), 0), ERR_OK);
    pair_settle(p);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(c[i]->why.reason, "all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handshake, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_messages_both_ways, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_datagrams, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_close_by_client, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_time_going_backwards, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_close_all_in_a_callback, pair_setup, pair_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
