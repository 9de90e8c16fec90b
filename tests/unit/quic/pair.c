#include "tests/unit/quic/pair.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/keys.h"

/* ---- what the endpoints report ---- */

static struct pair_end *new_end(struct pair_node *node)
{
    assert_true(node->end_count < PAIR_ENDS);
    struct pair_end *end = &node->ends[node->end_count++];
    end->node = node;
    return end;
}

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    struct pair_end *end = quic_connection_user(c);
    if (!end) {
        end = new_end(context);
        end->connection = c;
        quic_connection_set_user(c, end);
    }
    assert_false(end->established);
    end->established = true;
    end->peer = *peer;
}

static void record(struct bytes **list, size_t *count, struct bytes content)
{
    uint8_t *copy = malloc(content.len + 1);
    assert_non_null(copy);
    memcpy(copy, content.data, content.len);
    if (!*list)
        *list = calloc(PAIR_RECORDS, sizeof(**list));
    assert_non_null(*list);
    assert_true(*count < PAIR_RECORDS);
    (*list)[(*count)++] = (struct bytes){copy, content.len};
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    struct pair_end *end = quic_connection_user(c);
    assert_true(end && end->established && !end->closed);
    record(&end->messages, &end->message_count, body);
    if (end->node->on_message)
        end->node->on_message(end, body);
    if (!end->node->hold)
        quic_connection_release_message(c);
    (void)context;
}

static void on_datagram(void *context, struct quic_connection *c, struct bytes data)
{
    struct pair_end *end = quic_connection_user(c);
    (void)context;
    assert_true(end && end->established && !end->closed);
    record(&end->datagrams, &end->datagram_count, data);
    if (end->node->on_datagram)
        end->node->on_datagram(end, data);
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    struct pair_end *end = quic_connection_user(c);
    (void)context;
    assert_non_null(end);
    assert_false(end->closed);
    assert_int_equal(why->established, end->established);
    end->closed = true;
    end->why = *why;
    end->connection = NULL;
}

/* ---- making ---- */

void pair_init(struct pair *p)
{
    *p = (struct pair){.now = CLOCK_SECOND};
}

static void free_records(struct bytes *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].data);
    free(list);
}

void pair_kill(struct pair_node *node)
{
    quic_endpoint_free(node->endpoint);
    node->endpoint = NULL;
    for (size_t i = 0; i < node->end_count; i++)
        node->ends[i].connection = NULL;
}

void pair_free(struct pair *p)
{
    for (size_t n = 0; n < p->count; n++) {
        struct pair_node *node = p->nodes[n];
        pair_kill(node);
        for (size_t i = 0; i < node->end_count; i++) {
            free_records(node->ends[i].messages, node->ends[i].message_count);
            free_records(node->ends[i].datagrams, node->ends[i].datagram_count);
        }
        free(node);
    }
    p->count = 0;
}

int pair_setup(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    pair_init(p);
    *state = p;
    return 0;
}

int pair_teardown(void **state)
{
    pair_free(*state);
    free(*state);
    return 0;
}

static void make_certificate(struct pair_node *node, uint8_t seed)
{
    uint8_t bytes[KEYS_SIZE];
    struct keys_ed25519 key;
    memset(bytes, seed, sizeof(bytes));
    assert_int_equal(keys_ed25519_from_seed(bytes, &key), ERR_OK);
    assert_int_equal(certificate_make(&key, &node->certificate), ERR_OK);
    certificate_private_key_der(&key, node->key);
    node->config.certificate_der = certificate_view(&node->certificate);
    node->config.private_key_der = (struct bytes){node->key, sizeof(node->key)};
    assert_int_equal(fingerprint_tls_of_der(node->config.certificate_der, &node->fingerprint),
                     ERR_OK);
}

struct pair_node *pair_add(struct pair *p, uint8_t seed)
{
    struct pair_node *node = calloc(1, sizeof(*node));
    assert_non_null(node);
    assert_true(p->count < PAIR_NODES);
    p->nodes[p->count++] = node;
    quic_config_init(&node->config);
    memset(node->config.reset_secret, seed, sizeof(node->config.reset_secret));
    memset(node->config.token_secret, seed, sizeof(node->config.token_secret));
    if (seed)
        make_certificate(node, seed);
    return node;
}

void pair_open(struct pair *p, struct pair_node *node, const char *text)
{
    static const struct quic_callbacks callbacks = {on_established, on_message, on_datagram,
                                                    on_closed};
    struct address local;
    (void)p;
    assert_int_equal(address_parse_listen(bytes_of_string(text), &local), ERR_OK);
    assert_int_equal(
        quic_endpoint_init(&node->endpoint, &node->config, &local, false, &callbacks, node),
        ERR_OK);
    quic_endpoint_local(node->endpoint, &node->address);
}

struct pair_node *pair_add_open(struct pair *p, uint8_t seed)
{
    struct pair_node *node = pair_add(p, seed);
    pair_open(p, node, "127.0.0.1:0");
    return node;
}

struct pair_end *pair_dial_with(struct pair *p, struct pair_node *from,
                                const struct quic_dial *dial)
{
    struct pair_end *end = new_end(from);
    struct quic_dial copy = *dial;
    copy.user = end;
    assert_int_equal(quic_endpoint_dial(from->endpoint, &copy, p->now, &end->connection), ERR_OK);
    return end;
}

struct pair_end *pair_dial(struct pair *p, struct pair_node *from, struct pair_node *to,
                           const char *sni)
{
    struct quic_dial dial = {.remote = to->address, .sni = sni};
    return pair_dial_with(p, from, &dial);
}

void pair_connect(struct pair *p, struct pair_node *from, struct pair_node *to,
                  struct pair_end **client, struct pair_end **server)
{
    size_t before = to->end_count;
    *client = pair_dial(p, from, to, "test");
    assert_true(pair_run(p, pair_is_established, *client, 5 * CLOCK_SECOND));
    assert_int_equal(to->end_count, before + 1);
    *server = &to->ends[before];
}

/* ---- running ---- */

bool pair_step(struct pair *p)
{
    bool moved = p->wire && wire_pump(p->wire);
    for (size_t i = 0; i < p->count; i++) {
        struct quic_endpoint *e = p->nodes[i]->endpoint;
        if (!e)
            continue;
        uint64_t before = quic_endpoint_counters(e)->packets_received;
        while (quic_endpoint_receive(e, p->now) == ERR_AGAIN)
            ;
        quic_endpoint_expire(e, p->now);
        quic_endpoint_flush(e, p->now);
        moved = moved || quic_endpoint_counters(e)->packets_received != before;
    }
    return moved;
}

static uint64_t next_deadline(const struct pair *p)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < p->count; i++) {
        if (!p->nodes[i]->endpoint)
            continue;
        uint64_t deadline = quic_endpoint_deadline(p->nodes[i]->endpoint);
        if (deadline < at)
            at = deadline;
    }
    return at;
}

void pair_settle(struct pair *p)
{
    for (int idle = 0; idle < 2;)
        idle = pair_step(p) ? 0 : idle + 1;
}

bool pair_run(struct pair *p, pair_condition *done, void *argument, uint64_t limit)
{
    uint64_t end = p->now + limit;
    for (;;) {
        pair_settle(p);
        if (done(argument))
            return true;
        uint64_t next = next_deadline(p);
        if (next > end) {
            p->now = end;
            pair_settle(p);
            return done(argument);
        }
        if (next > p->now)
            p->now = next;
    }
}

static bool never(void *argument)
{
    (void)argument;
    return false;
}

void pair_run_for(struct pair *p, uint64_t ns)
{
    (void)pair_run(p, never, NULL, ns);
}

bool pair_is_established(void *end)
{
    return ((struct pair_end *)end)->established;
}

bool pair_is_closed(void *end)
{
    return ((struct pair_end *)end)->closed;
}

/* ---- sending ---- */

int pair_send(struct pair_end *end, struct bytes body, uint64_t replace_key)
{
    struct quic_body *b = quic_body_new(body);
    assert_non_null(b);
    int rv = quic_connection_send_message(end->connection, b, replace_key);
    quic_body_release(b);
    return rv;
}

int pair_send_datagram(struct pair_end *end, struct bytes data, const uint8_t *tag)
{
    struct quic_payload *p = quic_payload_new(end->node->endpoint, data);
    assert_non_null(p);
    int rv = quic_connection_send_datagram(end->connection, p, tag);
    quic_payload_release(p);
    return rv;
}
