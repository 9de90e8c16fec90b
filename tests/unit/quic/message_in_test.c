/* Incoming messages: order, credit, deadlines, and peers that do not keep to the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/quic/raw_stream.h"

#define BIG 1048576

struct fixture {
    struct pair pair;
    struct pair_node *server;
    struct pair_node *client;
    struct pair_end *c;
    struct pair_end *s;
    uint8_t *big; /* head and body of a message of BIG bytes */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    pair_init(&f->pair);
    f->server = pair_add_open(&f->pair, 1);
    f->client = pair_add_open(&f->pair, 0);
    pair_connect(&f->pair, f->client, f->server, &f->c, &f->s);
    f->big = malloc(4 + BIG);
    f->big[0] = 0;
    f->big[1] = BIG >> 16;
    f->big[2] = f->big[3] = 0;
    for (size_t i = 0; i < BIG; i++)
        f->big[4 + i] = (uint8_t)(i * 7 + (i >> 8));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pair_free(&f->pair);
    free(f->big);
    free(f);
    return 0;
}

static const struct quic_counters *counters(struct fixture *f)
{
    return quic_endpoint_counters(f->server->endpoint);
}

#define MESSAGE(n, text)                                                                           \
    ((struct bytes){(const uint8_t *)"\0\0\0" n text, sizeof("\0\0\0" n text) - 1})

static bool write_part(struct fixture *f, int64_t stream, struct bytes data, bool fin)
{
    return raw_stream_write(&f->pair, f->c, stream, data, fin) == data.len;
}

static void test_later_streams_wait(void **state)
{
    struct fixture *f = *state;
    int64_t first = raw_stream_open(f->c, true);
    int64_t second = raw_stream_open(f->c, true);
    int64_t third = raw_stream_open(f->c, true);
    write_part(f, third, MESSAGE("\5", "three"), true);
    write_part(f, second, MESSAGE("\3", "two"), true);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 0);
    write_part(f, first, MESSAGE("\3", "one"), true);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 3);
    assert_true(bytes_equal_string(f->s->messages[0], "one"));
    assert_true(bytes_equal_string(f->s->messages[1], "two"));
    assert_true(bytes_equal_string(f->s->messages[2], "three"));
}

static void test_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    int64_t stream = raw_stream_open(f->c, true);
    static const uint8_t message[] = {0, 0, 0, 3, 'a', 'b', 'c'};
    for (size_t i = 0; i < sizeof(message); i++) {
        assert_true(write_part(f, stream, (struct bytes){message + i, 1}, false));
        pair_settle(&f->pair);
        assert_int_equal(f->s->message_count, i + 1 == sizeof(message));
    }
    assert_true(bytes_equal_string(f->s->messages[0], "abc"));
    /* It did not wait for the FIN; that may come whenever it likes. */
    assert_true(write_part(f, stream, BYTES_NONE, true));
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
}

static void test_empty_message(void **state)
{
    struct fixture *f = *state;
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\0", ""), true);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
    assert_int_equal(f->s->messages[0].len, 0);
}

static void test_ended_too_early_is_skipped(void **state)
{
    struct fixture *f = *state;
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\5", "abc"), true);
    write_part(f, raw_stream_open(f->c, true), BYTES_LITERAL("\0\0"), true);
    write_part(f, raw_stream_open(f->c, true), BYTES_NONE, true);
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\2", "ok"), true);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
    assert_true(bytes_equal_string(f->s->messages[0], "ok"));
    assert_int_equal(counters(f)->message_malformed, 3);
    assert_false(f->s->closed);
}

static void test_reset_is_skipped(void **state)
{
    struct fixture *f = *state;
    int64_t with_data = raw_stream_open(f->c, true);
    int64_t without = raw_stream_open(f->c, true);
    write_part(f, with_data, MESSAGE("\5", "abc"), false);
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\2", "ok"), true);
    pair_settle(&f->pair);
    raw_stream_reset(f->c, with_data);
    raw_stream_reset(f->c, without);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
    assert_int_equal(counters(f)->message_malformed, 2);
    assert_false(f->s->closed);
}

static void test_rest_is_ignored(void **state)
{
    struct fixture *f = *state;
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\2", "okrest"), false);
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\2", "ko"), true);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 2);
    assert_true(bytes_equal_string(f->s->messages[0], "ok"));
    assert_int_equal(counters(f)->message_trailing, 1);
    assert_false(f->s->closed);
}

static void test_too_large_closes(void **state)
{
    struct fixture *f = *state;
    write_part(f, raw_stream_open(f->c, true), BYTES_LITERAL("\0\x10\0\1"), false);
    pair_settle(&f->pair);
    assert_true(f->s->closed);
    assert_int_equal(f->s->why.error, ERR_TOO_LARGE);
    assert_false(f->s->why.by_peer);
    assert_int_equal(counters(f)->message_too_large, 1);
    assert_true(f->c->closed);
    assert_string_equal(f->c->why.reason, "message too large");
}

static void test_big_message(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pair_send(f->c, (struct bytes){f->big + 4, BIG}, 0), ERR_OK);
        assert_int_equal(pair_send(f->c, BYTES_LITERAL("small"), 0), ERR_OK);
    }
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 6);
    for (size_t i = 0; i < 6; i += 2) {
        assert_int_equal(f->s->messages[i].len, BIG);
        assert_memory_equal(f->s->messages[i].data, f->big + 4, BIG);
        assert_true(bytes_equal_string(f->s->messages[i + 1], "small"));
    }
}

static void test_big_message_while_others_are_held(void **state)
{
    struct fixture *f = *state;
    f->server->hold = true;
    /* 240,000 bytes that are not released: less than the big one needs is left of the window. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(pair_send(f->c, (struct bytes){f->big, 60000}, 0), ERR_OK);
    assert_int_equal(pair_send(f->c, (struct bytes){f->big + 4, BIG}, 0), ERR_OK);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 5);
    assert_memory_equal(f->s->messages[4].data, f->big + 4, BIG);
}

static void test_held_bytes_hold_the_sender(void **state)
{
    struct fixture *f = *state;
    f->server->hold = true;
    for (int i = 0; i < 60; i++)
        assert_int_equal(pair_send(f->c, (struct bytes){f->big, 60000}, 0), ERR_OK);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    size_t held = f->s->message_count;
    assert_in_range(held, 4, 8);
    /* Nothing is lost when they are let go, and nothing but the released comes. */
    for (size_t done = 0; done < 60; done++) {
        assert_in_range(f->s->message_count, done, done + 8);
        quic_connection_release_message(f->s->connection);
        pair_run_for(&f->pair, 200 * CLOCK_MS);
    }
    assert_int_equal(f->s->message_count, 60);
}

static void test_held_streams_hold_the_sender(void **state)
{
    struct fixture *f = *state;
    f->server->hold = true;
    for (int i = 0; i < 150; i++)
        assert_int_equal(pair_send(f->c, BYTES_LITERAL("x"), 0), ERR_OK);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 100);
    for (int i = 0; i < 30; i++)
        quic_connection_release_message(f->s->connection);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 130);
    for (int i = 0; i < 200; i++)
        quic_connection_release_message(f->s->connection);
    pair_run_for(&f->pair, 5 * CLOCK_SECOND);
    assert_int_equal(f->s->message_count, 150);
}

/* Seven streams at once, each up to its window; only the first can go on, and must. */
static void test_interleaved_big_messages(void **state)
{
    struct fixture *f = *state;
    enum { STREAMS = 7, LEN = 100000 };
    static uint8_t message[4 + LEN] = {0, LEN >> 16, (LEN >> 8) & 0xff, LEN & 0xff};
    int64_t streams[STREAMS];
    size_t sent[STREAMS] = {0};
    for (size_t i = 0; i < STREAMS; i++)
        streams[i] = raw_stream_open(f->c, true);
    for (int round = 0; round < 2000 && f->s->message_count < STREAMS; round++) {
        for (size_t i = 0; i < STREAMS; i++) {
            size_t left = sizeof(message) - sent[i];
            size_t n = left < 1000 ? left : 1000;
            if (n > 0)
                sent[i] += raw_stream_write(&f->pair, f->c, streams[i],
                                            (struct bytes){message + sent[i], n}, n == left);
        }
        pair_run_for(&f->pair, 5 * CLOCK_MS);
        assert_false(f->s->closed);
    }
    assert_int_equal(f->s->message_count, STREAMS);
}

/* Defect 38: such a message blocked the original for ever. */
static void test_defect_38_an_unfinished_message_times_out(void **state)
{
    struct fixture *f = *state;
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\5", "abc"), false);
    pair_run_for(&f->pair, 9 * CLOCK_SECOND);
    assert_false(f->s->closed);
    pair_run_for(&f->pair, 2 * CLOCK_SECOND);
    assert_true(f->s->closed);
    assert_int_equal(f->s->why.error, ERR_TIMEOUT);
    assert_int_equal(counters(f)->message_timeout, 1);
}

static void test_defect_38_a_missing_stream_times_out(void **state)
{
    struct fixture *f = *state;
    (void)raw_stream_open(f->c, true);
    write_part(f, raw_stream_open(f->c, true), MESSAGE("\2", "ok"), true);
    pair_run_for(&f->pair, 11 * CLOCK_SECOND);
    assert_true(f->s->closed);
    assert_int_equal(counters(f)->message_timeout, 1);
}

/* The deadline of one that had to wait begins with its turn. */
static void test_deadline_begins_with_the_turn(void **state)
{
    struct fixture *f = *state;
    int64_t first = raw_stream_open(f->c, true);
    int64_t second = raw_stream_open(f->c, true);
    write_part(f, second, MESSAGE("\2", "o"), false);
    write_part(f, first, MESSAGE("\2", "o"), false);
    pair_run_for(&f->pair, 8 * CLOCK_SECOND);
    write_part(f, first, BYTES_LITERAL("k"), true);
    pair_run_for(&f->pair, 8 * CLOCK_SECOND);
    assert_false(f->s->closed);
    write_part(f, second, BYTES_LITERAL("k"), true);
    pair_run_for(&f->pair, 20 * CLOCK_SECOND);
    assert_false(f->s->closed);
    assert_int_equal(f->s->message_count, 2);
}

static void test_unidirectional_streams_are_declined(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        int64_t stream = raw_stream_open(f->c, false);
        assert_true(stream >= 0);
        write_part(f, stream, (struct bytes){f->big, 20000}, true);
        pair_run_for(&f->pair, CLOCK_SECOND);
    }
    assert_false(f->s->closed);
    assert_int_equal(f->s->message_count, 0);
    assert_int_equal(pair_send(f->c, BYTES_LITERAL("ok"), 0), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
}

static void close_on_message(struct pair_end *end, struct bytes body)
{
    (void)body;
    quic_connection_close(end->connection, "enough", false);
}

static void test_nothing_after_close(void **state)
{
    struct fixture *f = *state;
    f->server->on_message = close_on_message;
    for (int i = 0; i < 10; i++)
        assert_int_equal(pair_send(f->c, BYTES_LITERAL("x"), 0), ERR_OK);
    pair_settle(&f->pair);
    assert_int_equal(f->s->message_count, 1);
    assert_true(f->s->closed);
    assert_true(f->c->closed);
    assert_string_equal(f->c->why.reason, "enough");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_later_streams_wait),
        TEST(test_byte_by_byte),
        TEST(test_empty_message),
        TEST(test_ended_too_early_is_skipped),
        TEST(test_reset_is_skipped),
        TEST(test_rest_is_ignored),
        TEST(test_too_large_closes),
        TEST(test_big_message),
        TEST(test_big_message_while_others_are_held),
        TEST(test_held_bytes_hold_the_sender),
        TEST(test_held_streams_hold_the_sender),
        TEST(test_interleaved_big_messages),
        TEST(test_defect_38_an_unfinished_message_times_out),
        TEST(test_defect_38_a_missing_stream_times_out),
        TEST(test_deadline_begins_with_the_turn),
        TEST(test_unidirectional_streams_are_declined),
        TEST(test_nothing_after_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
