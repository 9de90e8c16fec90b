/*
 * Every number that an endpoint counts has a case here that makes exactly this one move. Packets do
 * with nearly everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "dataplane/quic/datagram_queue.h"
#include "dataplane/quic/endpoint.h"
#include "tests/unit/counters.h"
#include "tests/unit/quic/raw_stream.h"

/* A server and a client, connected or not; `counted` is the one whose numbers count. */
struct world {
    struct pair pair;
    struct pair_node *server, *client, *counted;
    struct pair_end *c, *s;
    struct quic_counters before;
    struct wire wire;
    int stranger; /* a socket; 0: none */
};

static void mark(struct world *w, struct pair_node *counted)
{
    w->counted = counted;
    w->before = *quic_endpoint_counters(counted->endpoint);
}

static void add(struct world *w)
{
    w->server = pair_add(&w->pair, 1);
    w->client = pair_add(&w->pair, 0);
}

static void open_both(struct world *w)
{
    pair_open(&w->pair, w->server, "127.0.0.1:0");
    pair_open(&w->pair, w->client, "127.0.0.1:0");
    mark(w, w->server);
}

static void start(struct world *w)
{
    add(w);
    open_both(w);
}

/* The server's numbers count, unless another is marked. */
static void connect_both(struct world *w)
{
    start(w);
    pair_connect(&w->pair, w->client, w->server, &w->c, &w->s);
    pair_run_for(&w->pair, CLOCK_SECOND);
    mark(w, w->server);
}

static void settle(struct world *w)
{
    pair_settle(&w->pair);
}

/* ---- packets and datagrams ---- */

static void packets_received(struct world *w)
{
    connect_both(w);
    assert_int_equal(pair_send(w->c, BYTES_LITERAL("hello"), 0), ERR_OK);
    settle(w);
}

static void packets_sent(struct world *w)
{
    connect_both(w);
    assert_int_equal(pair_send(w->s, BYTES_LITERAL("hello"), 0), ERR_OK);
    settle(w);
}

static void datagrams_received(struct world *w)
{
    connect_both(w);
    assert_int_equal(pair_send_datagram(w->c, BYTES_LITERAL("x"), NULL), ERR_OK);
    settle(w);
}

static void datagrams_sent(struct world *w)
{
    connect_both(w);
    assert_int_equal(pair_send_datagram(w->s, BYTES_LITERAL("x"), NULL), ERR_OK);
    settle(w);
}

static void drop_queue_full(struct world *w)
{
    connect_both(w);
    for (int i = 0; i <= QUIC_DATAGRAM_QUEUE + DATAGRAM_QUEUE_BURST; i++)
        assert_int_equal(pair_send_datagram(w->s, BYTES_LITERAL("x"), NULL), ERR_OK);
}

static void drop_too_large(struct world *w)
{
    static const uint8_t data[2000];
    connect_both(w);
    assert_int_equal(pair_send_datagram(w->s, (struct bytes){data, sizeof(data)}, NULL),
                     ERR_TOO_LARGE);
}

/* It comes while the connection only sends what is left. */
static void drop_not_open(struct world *w)
{
    connect_both(w);
    assert_int_equal(pair_send_datagram(w->c, BYTES_LITERAL("x"), NULL), ERR_OK);
    quic_endpoint_flush(w->client->endpoint, w->pair.now);
    assert_int_equal(pair_send(w->s, BYTES_LITERAL("last words"), 0), ERR_OK);
    quic_connection_close(w->s->connection, "bye", true);
    settle(w);
}

struct block {
    struct block *next;
};

/* All that the allocator has left, once it gets no more. */
static struct block *take_all(void)
{
    struct block *all = NULL;
    for (size_t size = 65536; size >= sizeof(struct block); size /= 2) {
        for (struct block *b; (b = malloc(size)) != NULL; all = b)
            b->next = all;
    }
    return all;
}

static void give_back(struct block *all)
{
    for (struct block *next; all != NULL; all = next) {
        next = all->next;
        free(all);
    }
}

/* The queue is made with the first datagram. */
static void drop_no_memory(struct world *w)
{
    struct rlimit old, none;
    connect_both(w);
    struct quic_payload *payload = quic_payload_new(w->server->endpoint, BYTES_LITERAL("x"));
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    struct block *all = take_all();
    int err = quic_connection_send_datagram(w->s->connection, payload, NULL);
    give_back(all);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(err, ERR_MEMORY);
    quic_payload_release(payload);
}

/* ---- strangers ---- */

static void throw(struct world * w, const uint8_t *packet, size_t len)
{
    start(w);
    w->stranger = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(w->stranger, &w->server->address.u.any, w->server->address.len), 0);
    assert_int_equal(write(w->stranger, packet, len), (ssize_t)len);
    settle(w);
}

static void drop_malformed(struct world *w)
{
    const uint8_t packet[] = {0x40, 1};
    throw(w, packet, sizeof(packet));
}

static void drop_unknown_connection(struct world *w)
{
    const uint8_t packet[21] = {0x40, 1, 2, 3}; /* too short for a reset as an answer */
    throw(w, packet, sizeof(packet));
}

static void resets_sent(struct world *w)
{
    const uint8_t packet[40] = {0x40, 1, 2, 3};
    throw(w, packet, sizeof(packet));
}

static void refused_version(struct world *w)
{
    const uint8_t packet[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 9, 9};
    throw(w, packet, sizeof(packet));
}

static enum wire_action damage_one(struct wire *w, bool to_server, uint8_t *packet, size_t len)
{
    bool *done = w->argument;
    if (to_server && !*done)
        packet[len - 1] ^= 1;
    *done |= to_server;
    return WIRE_PASS;
}

static void drop_decrypt(struct world *w)
{
    bool done = false;
    start(w);
    wire_init(&w->wire, &w->server->address);
    w->pair.wire = &w->wire;
    const struct quic_dial dial = {.remote = w->wire.address, .sni = "test"};
    w->c = pair_dial_with(&w->pair, w->client, &dial);
    assert_true(pair_run(&w->pair, pair_is_established, w->c, 5 * CLOCK_SECOND));
    pair_run_for(&w->pair, CLOCK_SECOND);
    w->wire.argument = &done;
    w->wire.hook = damage_one;
    mark(w, w->server);
    assert_int_equal(pair_send_datagram(w->c, BYTES_LITERAL("x"), NULL), ERR_OK);
    settle(w);
    assert_true(done);
    w->wire.hook = NULL;
}

/* ---- connections ---- */

/* Nothing can be sent to port 0. */
static void drop_send_error(struct world *w)
{
    start(w);
    struct quic_dial dial = {.sni = "test"};
    assert_int_equal(address_from_ip(BYTES_LITERAL("\x7f\0\0\1"), 0, &dial.remote), 0);
    mark(w, w->client);
    pair_dial_with(&w->pair, w->client, &dial);
    quic_endpoint_flush(w->client->endpoint, w->pair.now);
}

static void dial_in_vain(struct world *w)
{
    struct pair_end *refused = pair_dial(&w->pair, w->client, w->server, "x");
    assert_true(pair_run(&w->pair, pair_is_closed, refused, 5 * CLOCK_SECOND));
}

static void refused_address_limit(struct world *w)
{
    add(w);
    w->server->config.address_connections = 1;
    open_both(w);
    pair_connect(&w->pair, w->client, w->server, &w->c, &w->s);
    mark(w, w->server);
    dial_in_vain(w);
}

static void refused_total_limit(struct world *w)
{
    start(w);
    quic_endpoint_refuse_new(w->server->endpoint, true);
    dial_in_vain(w);
}

static void retries_sent(struct world *w)
{
    add(w);
    w->server->config.retry_threshold = 0;
    open_both(w);
    pair_connect(&w->pair, w->client, w->server, &w->c, &w->s);
}

static void handshakes_completed(struct world *w)
{
    start(w);
    pair_connect(&w->pair, w->client, w->server, &w->c, &w->s);
}

static void handshakes_failed(struct world *w)
{
    add(w);
    w->client->config.alpn = "h3";
    open_both(w);
    dial_in_vain(w);
    pair_run_for(&w->pair, 20 * CLOCK_SECOND);
}

/* ---- messages ---- */

static void write_message(struct world *w, struct bytes data, bool fin)
{
    connect_both(w);
    raw_stream_write(&w->pair, w->c, raw_stream_open(w->c, true), data, fin);
    settle(w);
}

static void message_too_large(struct world *w)
{
    write_message(w, BYTES_LITERAL("\0\x10\0\1"), false);
}

static void message_timeout(struct world *w)
{
    write_message(w, BYTES_LITERAL("\0\0\0\5abc"), false);
    pair_run_for(&w->pair, 11 * CLOCK_SECOND);
}

static void message_malformed(struct world *w)
{
    write_message(w, BYTES_LITERAL("\0\0\0\5abc"), true);
}

static void message_trailing(struct world *w)
{
    write_message(w, BYTES_LITERAL("\0\0\0\2okrest"), false);
}

/* ---- the table ---- */

static const struct counter_case cases[] = {
#define CASE(name) COUNTER_CASE(name, name, "packets_received packets_sent")
#define CASE_WITH(name, others) COUNTER_CASE(name, name, "packets_received packets_sent " others)
    CASE(packets_received),
    CASE(packets_sent),
    CASE(datagrams_received),
    CASE(datagrams_sent),
    CASE(drop_queue_full),
    CASE(drop_too_large),
    CASE(drop_not_open),
    CASE(drop_no_memory),
    CASE(drop_malformed),
    CASE(drop_unknown_connection),
    CASE(drop_decrypt),
    CASE(drop_send_error),
    CASE(refused_address_limit),
    CASE(refused_total_limit),
    CASE(refused_version),
    CASE_WITH(retries_sent, "handshakes_completed"),
    CASE_WITH(resets_sent, "drop_unknown_connection"),
    CASE(handshakes_completed),
    CASE(handshakes_failed),
    CASE(message_too_large),
    CASE(message_timeout),
    CASE(message_malformed),
    CASE(message_trailing),
};

static const struct counter counters[] = {
#define X(name, help) COUNTER(struct quic_counters, name)
    QUIC_COUNTER_TABLE(X)
#undef X
};

/* A sanitizer's allocator does not return without memory. */
static bool can_run(const struct counter_case *t)
{
#ifdef __SANITIZE_ADDRESS__
    return strcmp(t->name, "drop_no_memory") != 0;
#else
    (void)t;
    return true;
#endif
}

static void run_case(const struct counter_case *t)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    pair_init(&w->pair);
    t->run(w);
    counters_judge(t, "", counters, COUNTER_COUNT(counters),
                   quic_endpoint_counters(w->counted->endpoint), &w->before);
    if (w->stranger > 0)
        close(w->stranger);
    pair_free(&w->pair);
    if (w->pair.wire != NULL)
        wire_free(&w->wire);
    free(w);
}

static void test_each_case_moves_its_number_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTER_COUNT(cases); i++) {
        if (can_run(&cases[i]))
            run_case(&cases[i]);
    }
}

static void test_each_number_has_a_case(void **state)
{
    (void)state;
    counters_expect_cases(counters, COUNTER_COUNT(counters), cases, COUNTER_COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_number_has_a_case),
        cmocka_unit_test(test_each_case_moves_its_number_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
