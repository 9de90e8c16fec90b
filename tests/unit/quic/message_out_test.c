/* Outgoing messages: the queue, replace keys, peers that give no credit or stop reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "dataplane/quic/endpoint.h"
#include "tests/unit/quic/couple.h"

static int setup(void **state)
{
    struct couple *f = calloc(1, sizeof(*f));
    pair_init(&f->pair);
    f->server = pair_add(&f->pair, 1);
    f->client = pair_add(&f->pair, 0);
    f->server->config.streams_max = 4;
    f->client->config.send_queue_messages = 10;
    f->client->config.send_queue_bytes = 5000;
    pair_open(&f->pair, f->server, "127.0.0.1:0");
    pair_open(&f->pair, f->client, "127.0.0.1:0");
    couple_connect(f);
    *state = f;
    return 0;
}

static int send_number(struct pair_end *end, int number, uint64_t key)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", number);
    return pair_send(end, bytes_of_string(text), key);
}

static int received(const struct pair_end *end, size_t index)
{
    assert_true(index < end->message_count);
    char text[16] = {0};
    memcpy(text, end->messages[index].data, end->messages[index].len);
    return atoi(text);
}

static void test_waits_for_streams(void **state)
{
    struct couple *f = *state;
    f->server->hold = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 4);
    for (size_t i = 0; i < 10; i++) {
        quic_connection_release_message(f->s->connection);
        pair_run_for(&f->pair, CLOCK_SECOND);
    }
    assert_int_equal(f->s->message_count, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(received(f->s, i), i);
}

static void test_full_queue(void **state)
{
    struct couple *f = *state;
    static const uint8_t half[2500];
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
    assert_int_equal(send_number(f->c, 10, 0), ERR_FULL);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 10);
    /* What is on its way does not count any more. */
    assert_int_equal(pair_send(f->c, (struct bytes){half, sizeof(half)}, 0), ERR_OK);
    assert_int_equal(pair_send(f->c, (struct bytes){half, sizeof(half)}, 0), ERR_OK);
    assert_int_equal(send_number(f->c, 0, 0), ERR_FULL);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 12);
}

static void test_replace_keys(void **state)
{
    struct couple *f = *state;
    f->server->hold = true;
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
    pair_run_for(&f->pair, CLOCK_SECOND);
    /* 4 waits; these queue behind it, and take each other's place. */
    assert_int_equal(send_number(f->c, 50, 7), ERR_OK);
    assert_int_equal(send_number(f->c, 60, 8), ERR_OK);
    for (int i = 51; i < 100; i++)
        assert_int_equal(send_number(f->c, i, 7), ERR_OK);
    for (size_t i = 0; i < 7; i++) {
        quic_connection_release_message(f->s->connection);
        pair_run_for(&f->pair, CLOCK_SECOND);
    }
    assert_int_equal(f->s->message_count, 7);
    assert_int_equal(received(f->s, 4), 4);
    assert_int_equal(received(f->s, 5), 99);
    assert_int_equal(received(f->s, 6), 60);
}

static void test_sent_is_not_replaced(void **state)
{
    struct couple *f = *state;
    assert_int_equal(send_number(f->c, 1, 7), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(send_number(f->c, 2, 7), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 2);
}

/* A body of many receivers is freed with the last of them. */
static void test_shared_body(void **state)
{
    struct couple *f = *state;
    struct quic_body *body = quic_body_new(BYTES_LITERAL("shared"));
    assert_int_equal(quic_connection_send_message(f->c->connection, body, 0), ERR_OK);
    assert_int_equal(quic_connection_send_message(f->s->connection, body, 0), ERR_OK);
    assert_int_equal(body->references, 3);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_int_equal(body->references, 1);
    assert_true(bytes_equal_string(f->s->messages[0], "shared"));
    assert_true(bytes_equal_string(f->c->messages[0], "shared"));
    quic_body_release(body);
}

/* Streams end on both sides: nothing stays behind after many messages. */
static void test_streams_are_forgotten(void **state)
{
    struct couple *f = *state;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
        assert_int_equal(send_number(f->s, i, 0), ERR_OK);
        pair_run_for(&f->pair, 100 * CLOCK_MS);
    }
    assert_int_equal(f->s->message_count, 500);
    assert_int_equal(f->c->message_count, 500);
    assert_true(message_out_idle(&f->c->connection->out));
    assert_true(message_out_idle(&f->s->connection->out));
    assert_null(f->c->connection->in.streams);
    assert_null(f->s->connection->in.streams);
}

/* The originals say STOP_SENDING for the half that they do not read: that is ours to tolerate. */
static void test_stop_sending_on_the_reverse_half(void **state)
{
    struct couple *f = *state;
    for (int i = 0; i < 20; i++) {
        struct quic_connection *c = f->c->connection;
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
        quic_endpoint_flush(f->client->endpoint, f->pair.now);
        assert_non_null(c->out.sent);
        int64_t stream = (int64_t)i * 4;
        assert_int_equal(ngtcp2_conn_shutdown_stream_read(c->qc, 0, stream, 0), 0);
        connection_mark(c);
        pair_run_for(&f->pair, 100 * CLOCK_MS);
    }
    assert_int_equal(f->s->message_count, 20);
    assert_null(f->s->connection->in.streams);
    assert_false(f->s->closed);
    assert_false(f->c->closed);
}

/* The peer does not want a message that is still on its way: it is dropped, the next one follows.
 */
static void test_stop_sending_on_the_forward_half(void **state)
{
    struct couple *f = *state;
    static const uint8_t long_text[4000];
    f->client->config.send_queue_bytes = 100000;
    assert_int_equal(pair_send(f->c, (struct bytes){long_text, sizeof(long_text)}, 0), ERR_OK);
    quic_endpoint_flush(f->client->endpoint, f->pair.now);
    while (quic_endpoint_receive(f->server->endpoint, f->pair.now) == ERR_AGAIN)
        ;
    ngtcp2_conn_shutdown_stream_read(f->s->connection->qc, 0, 0, 0);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_int_equal(send_number(f->c, 5, 0), ERR_OK);
    pair_run_for(&f->pair, CLOCK_SECOND);
    assert_false(f->s->closed);
    assert_int_equal(received(f->s, f->s->message_count - 1), 5);
    assert_true(message_out_idle(&f->c->connection->out));
}

static void test_close_after_sent(void **state)
{
    struct couple *f = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
    quic_connection_close(f->c->connection, "done", true);
    assert_int_equal(send_number(f->c, 11, 0), ERR_CLOSED);
    assert_true(pair_run(&f->pair, pair_is_closed, f->s, 5 * CLOCK_SECOND));
    assert_int_equal(f->s->message_count, 10);
    assert_string_equal(f->s->why.reason, "done");
}

/* If the peer never reads, the close does not wait for ever. */
static void test_close_after_sent_is_bounded(void **state)
{
    struct couple *f = *state;
    f->server->hold = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_number(f->c, i, 0), ERR_OK);
    quic_connection_close(f->c->connection, "done", true);
    uint64_t before = f->pair.now;
    assert_true(pair_run(&f->pair, pair_is_closed, f->c, 5 * CLOCK_SECOND));
    assert_in_range(f->pair.now - before, 900 * CLOCK_MS, 1100 * CLOCK_MS);
    assert_int_equal(f->s->message_count, 4);
}

/* `version`: bytes on a unidirectional stream, then the close, but not at once. */
static void test_unidirectional(void **state)
{
    struct couple *f = *state;
    uint64_t before = f->pair.now;
    assert_int_equal(
        quic_connection_send_unidirectional(f->s->connection, BYTES_LITERAL("abcdef0")), ERR_OK);
    quic_connection_close(f->s->connection, "", true);
    assert_true(pair_run(&f->pair, pair_is_closed, f->c, 5 * CLOCK_SECOND));
    assert_in_range(f->pair.now - before, 100 * CLOCK_MS, 300 * CLOCK_MS);
    assert_int_equal(f->c->why.error, ERR_CLOSED);
    assert_string_equal(f->c->why.reason, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, couple_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_waits_for_streams),
        TEST(test_full_queue),
        TEST(test_replace_keys),
        TEST(test_sent_is_not_replaced),
        TEST(test_shared_body),
        TEST(test_streams_are_forgotten),
        TEST(test_stop_sending_on_the_reverse_half),
        TEST(test_stop_sending_on_the_forward_half),
        TEST(test_close_after_sent),
        TEST(test_close_after_sent_is_bounded),
        TEST(test_unidirectional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
