/* What an endpoint does about strangers: limits, Retry, resets, versions, garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"
#include "dataplane/quic/connection_id.h"
#include "dataplane/quic/endpoint.h"
#include "tests/unit/quic/pair.h"

static const struct quic_counters *counters(const struct pair_node *node)
{
    return quic_endpoint_counters(node->endpoint);
}

static void test_retry(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.retry_threshold = 0;
    pair_open(p, server, "127.0.0.1:0");
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    assert_int_equal(counters(server)->retries_sent, 1);
    assert_int_equal(pair_send(c, BYTES_LITERAL("hello"), 0), ERR_OK);
    pair_settle(p);
    assert_int_equal(s->message_count, 1);
}

/* Handshakes that never finish: from the threshold on, strangers must show their address. */
static void test_retry_under_load(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.retry_threshold = 5;
    pair_open(p, server, "127.0.0.1:0");
    for (int i = 0; i < 12; i++) {
        struct pair_node *client = pair_add(p, 0);
        pair_open(p, client, "127.0.0.1:0");
        struct quic_dial dial = {.remote = server->address};
        struct quic_connection *c;
        assert_int_equal(quic_endpoint_dial(client->endpoint, &dial, p->now, &c), ERR_OK);
        quic_endpoint_flush(client->endpoint, p->now);
        pair_kill(client);
        free(p->nodes[--p->count]);
    }
    pair_settle(p);
    assert_int_equal(counters(server)->retries_sent, 7);
    assert_int_equal(quic_endpoint_connections(server->endpoint), 5);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    assert_int_equal(counters(server)->retries_sent, 8);
    /* The unfinished ones are given up. */
    pair_run_for(p, 11 * CLOCK_SECOND);
    assert_int_equal(quic_endpoint_connections(server->endpoint), 1);
    assert_int_equal(counters(server)->handshakes_failed, 5);
}

static void test_address_limit(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.address_connections = 2;
    pair_open(p, server, "127.0.0.1:0");
    struct pair_node *near = pair_add_open(p, 0);
    struct pair_node *far = pair_add(p, 0);
    pair_open(p, far, "127.0.0.2:0");
    struct pair_end *a, *b, *s;
    pair_connect(p, near, server, &a, &s);
    pair_connect(p, near, server, &b, &s);
    struct pair_end *refused = pair_dial(p, near, server, "x");
    assert_true(pair_run(p, pair_is_closed, refused, 5 * CLOCK_SECOND));
    assert_int_equal(refused->why.error, ERR_FULL);
    assert_true(refused->why.by_peer);
    assert_int_equal(counters(server)->refused_address_limit, 1);
    struct pair_end *other;
    pair_connect(p, far, server, &other, &s);
    quic_connection_close(a->connection, "", false);
    pair_run_for(p, CLOCK_SECOND);
    pair_connect(p, near, server, &a, &s);
    const struct quic_limits limits = {.address_connections = 3, .message_max = 1000};
    quic_endpoint_set_limits(server->endpoint, &limits);
    pair_connect(p, near, server, &a, &s);
}

static void test_total_limit_and_refusing(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.connections_max = 1;
    pair_open(p, server, "127.0.0.1:0");
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    struct pair_end *refused = pair_dial(p, client, server, "x");
    assert_true(pair_run(p, pair_is_closed, refused, 5 * CLOCK_SECOND));
    assert_int_equal(refused->why.error, ERR_FULL);
    quic_connection_close(c->connection, "", false);
    pair_run_for(p, CLOCK_SECOND);
    quic_endpoint_refuse_new(server->endpoint, true);
    refused = pair_dial(p, client, server, "x");
    assert_true(pair_run(p, pair_is_closed, refused, 5 * CLOCK_SECOND));
    quic_endpoint_refuse_new(server->endpoint, false);
    assert_int_equal(counters(server)->refused_total_limit, 2);
    pair_connect(p, client, server, &c, &s);
}

static void test_close_all(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c[5], *s;
    for (size_t i = 0; i < 5; i++)
        pair_connect(p, client, server, &c[i], &s);
    quic_endpoint_close_all(server->endpoint, "shutdown", p->now);
    pair_settle(p);
    for (size_t i = 0; i < 5; i++) {
        assert_true(server->ends[i].closed);
        assert_true(c[i]->closed);
        assert_string_equal(c[i]->why.reason, "shutdown");
    }
    assert_int_equal(quic_endpoint_connections(server->endpoint), 0);
}

/* ---- stateless resets ---- */

/* A relay dies and comes back on the same port with the same secret. */
static void test_restarted_server_resets(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    char text[ADDRESS_TEXT];
    pair_connect(p, client, server, &c, &s);
    pair_run_for(p, CLOCK_SECOND);
    pair_kill(server);
    address_text(&server->address, text);
    pair_open(p, server, text);
    uint64_t before = p->now;
    assert_int_equal(pair_send(c, BYTES_LITERAL("anybody there?"), 0), ERR_OK);
    assert_true(pair_run(p, pair_is_closed, c, 5 * CLOCK_SECOND));
    assert_int_equal(p->now, before);
    assert_true(c->why.reset);
    assert_true(c->why.by_peer);
    assert_int_equal(c->why.error, ERR_CLOSED);
    assert_int_equal(counters(server)->resets_sent, 1);
}

/* Dialed from a socket that listens, like the originals' links. */
static void test_reset_of_a_link(void **state)
{
    struct pair *p = *state;
    struct pair_node *a = pair_add_open(p, 1);
    struct pair_node *b = pair_add_open(p, 2);
    struct pair_end *dialed, *accepted, *s;
    char text[ADDRESS_TEXT];
    pair_connect(p, b, a, &accepted, &s);
    pair_connect(p, a, b, &dialed, &s);
    assert_true(address_equal(&s->peer.remote, &a->address));
    pair_kill(b);
    address_text(&b->address, text);
    pair_open(p, b, text);
    pair_run_for(p, 6 * CLOCK_SECOND);
    assert_true(dialed->closed);
    assert_true(dialed->why.reset);
    assert_string_equal(dialed->why.reason, "reset: the peer was restarted");
    assert_int_equal(counters(a)->drop_malformed, 0);
}

static void test_other_secret_cannot_reset(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    char text[ADDRESS_TEXT];
    pair_connect(p, client, server, &c, &s);
    pair_kill(server);
    address_text(&server->address, text);
    memset(server->config.reset_secret, 99, sizeof(server->config.reset_secret));
    pair_open(p, server, text);
    assert_int_equal(pair_send(c, BYTES_LITERAL("anybody there?"), 0), ERR_OK);
    pair_run_for(p, 20 * CLOCK_SECOND);
    assert_false(c->closed);
    pair_run_for(p, 60 * CLOCK_SECOND);
    assert_int_equal(c->why.error, ERR_TIMEOUT);
}

/* ---- strangers with a socket ---- */

static int stranger(const struct pair_node *server)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &server->address.u.any, server->address.len), 0);
    return fd;
}

static void test_version_negotiation(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    uint8_t packet[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 9, 9};
    uint8_t answer[1500];
    int fd = stranger(server);
    assert_int_equal(write(fd, packet, sizeof(packet)), sizeof(packet));
    assert_int_equal(write(fd, packet, 100), 100);
    pair_settle(p);
    ssize_t n = read(fd, answer, sizeof(answer));
    assert_true(n > 7);
    assert_true(answer[0] & 0x80);
    static const uint8_t expected[] = {0, 0, 0, 0, 2, 9, 9, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1};
    assert_int_equal(n, 1 + sizeof(expected));
    assert_memory_equal(answer + 1, expected, sizeof(expected));
    assert_true(read(fd, answer, sizeof(answer)) < 0); /* the short one got no answer */
    assert_int_equal(counters(server)->refused_version, 1);
    close(fd);
}

static void test_resets_are_smaller_and_limited(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    uint8_t packet[100] = {0x40, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t answer[1500];
    int fd = stranger(server);
    assert_int_equal(write(fd, packet, 21), 21);
    pair_settle(p);
    assert_true(read(fd, answer, sizeof(answer)) < 0);
    assert_int_equal(write(fd, packet, 30), 30);
    pair_settle(p);
    assert_int_equal(read(fd, answer, sizeof(answer)), 29);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(write(fd, packet, sizeof(packet)), sizeof(packet));
        if (i % 50 == 0)
            pair_settle(p);
    }
    pair_settle(p);
    assert_in_range(counters(server)->resets_sent, 100, 200);
    close(fd);
}

/* An Initial whose id is shorter than RFC 9000, 7.2 allows starts nothing, whatever its token. */
static void test_an_initial_without_id(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    for (uint8_t len = 0; len < 8; len++) {
        int fd = stranger(server);
        uint8_t packet[1200] = {0xc0, 0, 0, 0, 1, len};
        memcpy(packet + 6 + len, "\0\4tokn\x44\x80", 8); /* no id of its own; token; length */
        for (int i = 0; i < 2; i++)
            assert_int_equal(write(fd, packet, sizeof(packet)), sizeof(packet));
        pair_settle(p);
        close(fd);
    }
    assert_int_equal(counters(server)->handshakes_failed, 0);
    assert_int_equal(counters(server)->drop_unknown_connection, 16);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void test_garbage(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    uint32_t seed = 4711;
    pair_connect(p, client, server, &c, &s);
    int fd = stranger(server);
    for (int i = 0; i < 20000; i++) {
        uint8_t packet[1500];
        size_t len = next_random(&seed) % (i % 2 ? 64 : sizeof(packet));
        for (size_t k = 0; k < len; k++)
            packet[k] = (uint8_t)next_random(&seed);
        if (len > 20 && i % 3 == 0)
            memcpy(packet + 1, "\0\0\0\1\10", 5); /* version 1 and an id of 8 bytes */
        if (len > 0 && i % 3 == 0)
            packet[0] |= 0xc0;
        (void)!write(fd, packet, len);
        if (i % 64 == 0)
            pair_step(p);
    }
    pair_settle(p);
    assert_false(s->closed);
    assert_int_equal(pair_send(c, BYTES_LITERAL("still here"), 0), ERR_OK);
    pair_settle(p);
    assert_int_equal(s->message_count, 1);
    close(fd);
}

static void test_ids_carry_worker_and_generation(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.worker = 7;
    server->config.generation = 0xabcd;
    pair_open(p, server, "127.0.0.1:0");
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c, *s;
    pair_connect(p, client, server, &c, &s);
    uint8_t worker;
    uint16_t generation;
    const ngtcp2_cid *id = ngtcp2_conn_get_dcid(c->connection->qc);
    assert_int_equal(connection_id_read(connection_id_view(id), &worker, &generation), ERR_OK);
    assert_int_equal(worker, 7);
    assert_int_equal(generation, 0xabcd);
}

static void test_both_families_on_one_socket(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    pair_open(p, server, "[::]:0");
    struct pair_node *client = pair_add_open(p, 2);
    struct pair_end *c, *s;
    char text[ADDRESS_TEXT];
    uint16_t port = address_port(&server->address);
    assert_int_equal(address_parse_ip(BYTES_LITERAL("127.0.0.1"), &server->address), ERR_OK);
    address_set_port(&server->address, port);
    pair_connect(p, client, server, &c, &s);
    address_text(&s->peer.remote, text);
    assert_memory_equal(text, "127.0.0.1:", 10);
    assert_true(address_equal(&s->peer.local, &server->address));
    /* And the other way round: dialing IPv4 from it. */
    struct pair_end *back;
    pair_connect(p, server, client, &back, &s);
    assert_true(address_equal(&s->peer.remote, &server->address));
}

/* Everything is freed: by the sanitizer's account, and in the tables. */
static void test_nothing_is_left(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    for (int i = 0; i < 20; i++) {
        struct pair_end *c, *s;
        pair_connect(p, client, server, &c, &s);
        assert_int_equal(pair_send(c, BYTES_LITERAL("x"), 0), ERR_OK);
        quic_connection_close(i % 2 ? c->connection : s->connection, "bye", i % 3 == 0);
        pair_run_for(p, 10 * CLOCK_SECOND);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct quic_endpoint *e = p->nodes[i]->endpoint;
        assert_int_equal(e->ids.count, 0);
        assert_int_equal(e->tokens.count, 0);
        assert_int_equal(e->addresses.count, 0);
        assert_int_equal(e->timers.count, 0);
        assert_int_equal(e->count, 0);
        assert_int_equal(e->total, 0);
        assert_int_equal(e->unfinished, 0);
        assert_null(e->dirty);
        assert_null(e->connections);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_retry),
        TEST(test_retry_under_load),
        TEST(test_address_limit),
        TEST(test_total_limit_and_refusing),
        TEST(test_close_all),
        TEST(test_restarted_server_resets),
        TEST(test_reset_of_a_link),
        TEST(test_other_secret_cannot_reset),
        TEST(test_version_negotiation),
        TEST(test_resets_are_smaller_and_limited),
        TEST(test_an_initial_without_id),
        TEST(test_garbage),
        TEST(test_ids_carry_worker_and_generation),
        TEST(test_both_families_on_one_socket),
        TEST(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
