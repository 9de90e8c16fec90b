/* Datagrams: sizes, tags, full queues, sharing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "dataplane/quic/endpoint.h"
#include "tests/unit/quic/couple.h"

static const uint8_t tag[QUIC_DATAGRAM_TAG] = {1, 2, 3, 4, 5, 6, 7, 8};

static void test_oldest_is_dropped(void **state)
{
    struct couple *f = *state;
    const size_t most = QUIC_DATAGRAM_QUEUE + DATAGRAM_QUEUE_BURST;
    for (uint8_t i = 0; i < most + 10; i++)
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){&i, 1}, NULL), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(f->s->datagram_count, most);
    for (size_t i = 0; i < most; i++)
        assert_int_equal(f->s->datagrams[i].data[0], i + 10);
    assert_int_equal(quic_endpoint_counters(f->client->endpoint)->drop_queue_full, 10);
    assert_int_equal(quic_endpoint_counters(f->client->endpoint)->datagrams_sent, most);
    assert_int_equal(quic_endpoint_counters(f->server->endpoint)->datagrams_received, most);
}

/* Only a receiver that cannot take more loses any: when all that may leave has left. */
static void test_the_oldest_of_too_many_go_when_none_may_leave(void **state)
{
    struct couple *f = *state;
    static uint8_t data[1000];
    const uint8_t sent = 100; /* nobody reads them: the congestion window fills */
    for (data[0] = 0; data[0] < sent; data[0]++) {
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, sizeof(data)}, NULL),
                         ERR_OK);
        quic_endpoint_flush(f->client->endpoint, f->pair.now);
    }
    const struct quic_counters *counters = quic_endpoint_counters(f->client->endpoint);
    assert_int_equal(quic_connection_datagrams_waiting(f->c->connection), QUIC_DATAGRAM_QUEUE);
    assert_int_equal(counters->drop_queue_full,
                     sent - QUIC_DATAGRAM_QUEUE - counters->datagrams_sent);
    assert_true(counters->drop_queue_full > 0);
    pair_settle(&f->pair);
    assert_int_equal(f->s->datagrams[f->s->datagram_count - 1].data[0], sent - 1);
}

static void test_a_longer_queue(void **state)
{
    struct couple *f = *state;
    const size_t most = QUIC_DATAGRAM_QUEUE + 10 + DATAGRAM_QUEUE_BURST;
    quic_connection_set_datagram_queue(f->c->connection, QUIC_DATAGRAM_QUEUE + 10);
    for (uint8_t i = 0; i < most + 1; i++)
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){&i, 1}, NULL), ERR_OK);
    assert_int_equal(quic_connection_datagrams_waiting(f->c->connection), most);
    pair_settle(&f->pair);
    assert_int_equal(quic_connection_datagrams_waiting(f->c->connection), 0);
    assert_int_equal(f->s->datagram_count, most);
    assert_int_equal(f->s->datagrams[0].data[0], 1);
}

/* Every size up to the limit arrives, with and without a tag; beyond it is told at once. */
static void test_sizes(void **state)
{
    struct couple *f = *state;
    static uint8_t data[2000];
    size_t max = quic_connection_datagram_max(f->c->connection);
    assert_in_range(max, 1162, 1452); /* at least what the originals send at the smallest MTU */
    for (size_t len = max - 40; len <= max; len++) {
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, len}, NULL), ERR_OK);
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, len - 8}, tag), ERR_OK);
        pair_settle(&f->pair);
    }
    assert_int_equal(f->s->datagram_count, 82);
    assert_int_equal(f->s->datagrams[81].len, max);
    assert_memory_equal(f->s->datagrams[81].data, tag, sizeof(tag));
    assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, 1453}, NULL), ERR_TOO_LARGE);
    assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, 1446}, tag), ERR_TOO_LARGE);
    assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, sizeof(data)}, NULL),
                     ERR_TOO_LARGE);
    assert_int_equal(quic_endpoint_counters(f->client->endpoint)->drop_too_large, 3);
    assert_int_equal(pair_send_datagram(f->c, BYTES_LITERAL(""), NULL), ERR_OK);
    assert_int_equal(pair_send_datagram(f->c, BYTES_LITERAL(""), tag), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(f->s->datagram_count, 84);
    assert_int_equal(f->s->datagrams[82].len, 0);
    assert_int_equal(f->s->datagrams[83].len, 8);
}

/* Several for one receiver share a packet. */
static void test_packing(void **state)
{
    struct couple *f = *state;
    static const uint8_t data[120];
    pair_run_for(&f->pair, CLOCK_SECOND);
    uint64_t before = quic_endpoint_counters(f->client->endpoint)->packets_sent;
    for (int i = 0; i < 30; i++)
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, sizeof(data)}, NULL),
                         ERR_OK);
    quic_endpoint_flush(f->client->endpoint, f->pair.now);
    assert_in_range(quic_endpoint_counters(f->client->endpoint)->packets_sent - before, 3, 4);
    pair_settle(&f->pair);
    assert_int_equal(f->s->datagram_count, 30);
}

static void test_one_payload_for_many(void **state)
{
    struct couple *f = *state;
    struct quic_endpoint *e = f->server->endpoint;
    struct pair_end *clients[6] = {f->c};
    struct pair_end *servers[6] = {f->s};
    for (size_t i = 1; i < 6; i++)
        pair_connect(&f->pair, f->client, f->server, &clients[i], &servers[i]);
    struct quic_payload *payload = quic_payload_new(e, BYTES_LITERAL("to all"));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(
            quic_connection_send_datagram(servers[i]->connection, payload, i % 2 ? tag : NULL),
            ERR_OK);
    assert_int_equal(payload->references, 7);
    quic_payload_release(payload);
    pair_settle(&f->pair);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(clients[i]->datagram_count, 1);
        assert_int_equal(clients[i]->datagrams[0].len, i % 2 ? 14 : 6);
    }
    assert_int_equal(e->payloads.idle_count, 1);
    struct quic_payload *again = quic_payload_new(e, BYTES_LITERAL("x"));
    assert_ptr_equal(again, payload);
    quic_payload_release(again);
}

/* The receiver is gone while datagrams wait for it. */
static void test_queue_is_freed_on_close(void **state)
{
    struct couple *f = *state;
    struct quic_payload *payload = quic_payload_new(f->client->endpoint, BYTES_LITERAL("x"));
    struct quic_connection *c = f->c->connection;
    assert_int_equal(quic_connection_send_datagram(c, payload, NULL), ERR_OK);
    quic_connection_close(c, "", false);
    assert_int_equal(quic_connection_send_datagram(c, payload, NULL), ERR_CLOSED);
    pair_settle(&f->pair);
    assert_true(f->c->closed);
    assert_int_equal(payload->references, 1);
    quic_payload_release(payload);
}

/* A peer that acknowledges nothing: the congestion window fills, then the queue, then the oldest
 * go. */
static void test_slow_receiver(void **state)
{
    struct couple *f = *state;
    static const uint8_t data[1000];
    const struct quic_counters *counters = quic_endpoint_counters(f->client->endpoint);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, sizeof(data)}, NULL),
                         ERR_OK);
        quic_endpoint_flush(f->client->endpoint, f->pair.now);
    }
    assert_true(counters->datagrams_sent < 500);
    assert_int_equal(counters->datagrams_sent + counters->drop_queue_full, 2000 - 32);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(counters->datagrams_sent + counters->drop_queue_full, 2000);
}

/* Passes it on to the connection that was accepted next. */
static void pass_on(struct pair_end *end, struct bytes data)
{
    assert_int_equal(pair_send_datagram(end + 1, data, NULL), ERR_OK);
}

/* More arrives at once for one receiver than its queue holds, which is not the receiver's fault. */
static void test_batch_does_not_overflow(void **state)
{
    struct couple *f = *state;
    struct pair_end *client;
    struct pair_end *server;
    static const uint8_t data[120];
    pair_connect(&f->pair, f->client, f->server, &client, &server);
    assert_ptr_equal(server, f->s + 1);
    f->server->on_datagram = pass_on;
    for (int packet = 0; packet < 6; packet++) {
        for (int i = 0; i < 11; i++)
            assert_int_equal(pair_send_datagram(f->c, (struct bytes){data, sizeof(data)}, NULL),
                             ERR_OK);
        quic_endpoint_flush(f->client->endpoint, f->pair.now);
    }
    quic_endpoint_receive(f->server->endpoint, f->pair.now);
    assert_int_equal(f->s->datagram_count, 66);
    assert_int_equal(quic_endpoint_counters(f->server->endpoint)->drop_queue_full, 0);
    pair_settle(&f->pair);
    assert_int_equal(client->datagram_count, 66);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, couple_setup, couple_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_oldest_is_dropped),
        TEST(test_the_oldest_of_too_many_go_when_none_may_leave),
        TEST(test_a_longer_queue),
        TEST(test_sizes),
        TEST(test_packing),
        TEST(test_one_payload_for_many),
        TEST(test_queue_is_freed_on_close),
        TEST(test_slow_receiver),
        TEST(test_batch_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
