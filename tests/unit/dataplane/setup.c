#include "setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/error.h"

int setup_begin(void **state)
{
    const uint8_t secret[16] = {1, 2, 3};
    const struct fingerprint_tls self = setup_fingerprint(0xee);
    struct setup *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->now = 1000 * CLOCK_SECOND;
    assert_int_equal(exchange_init(&s->exchange, 0, secret, &self), 0);
    *state = s;
    return 0;
}

int setup_end(void **state)
{
    struct setup *s = *state;

    exchange_free(&s->exchange);
    free(s);
    fake_quic_free();
    assert_int_equal(fake_quic_living(), 0);
    return 0;
}

struct session *setup_session(struct setup *s)
{
    struct quic_connection *quic = fake_quic_accept();
    const struct quic_peer peer = {.sni = "kitchen"};
    struct session *c = exchange_accept(&s->exchange, quic, &peer);

    assert_non_null(c);
    quic->user = c;
    exchange_acknowledge(&s->exchange, c);
    return c;
}

void setup_close(struct setup *s, struct session *c)
{
    exchange_retire(&s->exchange, c);
}

int setup_commit(struct setup *s, const struct ipc_item *items, size_t count)
{
    struct ipc_item *copy = calloc(count ? count : 1, sizeof(*copy));
    struct ipc_items row = {.list = copy, .count = count};
    struct commit commit = {0};

    assert_non_null(copy);
    if (count)
        memcpy(copy, items, count * sizeof(*copy));
    int err = commit_prepare(&commit, &s->exchange, &row);
    if (!err)
        commit_apply(&commit, &s->exchange, &row, s->now);
    free(copy);
    return err;
}

void setup_apply(struct setup *s, const struct ipc_item *items, size_t count)
{
    assert_int_equal(setup_commit(s, items, count), 0);
}

struct ipc_item setup_room(const char *name, const struct ipc_hop *hops, size_t count)
{
    return (struct ipc_item){
        .type = IPC_room_put,
        .u.room_put = {.room = bytes_of_string(name), .egress = {.list = hops, .count = count}},
    };
}

struct ipc_item setup_join(const struct session *c, const char *room)
{
    return (struct ipc_item){
        .type = IPC_join,
        .u.join = {.connection = c->number, .room = bytes_of_string(room)},
    };
}

struct ipc_item setup_link_join(const struct session *c, uint8_t link, bool legacy)
{
    return (struct ipc_item){
        .type = IPC_link_join,
        .u.link_join = {.connection = c->number,
                        .link = setup_fingerprint(link),
                        .legacy = legacy,
                        .ping_after_ms = 500,
                        .dead_after_ms = 2000},
    };
}

struct ipc_item setup_route(uint8_t link, uint8_t tag, const char *room)
{
    struct ipc_item item = {
        .type = IPC_route_put,
        .u.route_put = {.link = setup_fingerprint(link), .room = bytes_of_string(room)},
    };

    memset(item.u.route_put.tag.bytes, tag, IPC_TAG_SIZE);
    return item;
}

struct ipc_item setup_route_delete(uint8_t link, uint8_t tag)
{
    struct ipc_item item = {.type = IPC_route_delete,
                            .u.route_delete = {.link = setup_fingerprint(link)}};

    memset(item.u.route_delete.tag.bytes, tag, IPC_TAG_SIZE);
    return item;
}

struct ipc_item setup_record(const char *key, const char *value, uint64_t owner)
{
    return (struct ipc_item){
        .type = IPC_record_put,
        .u.record_put = {.key = bytes_of_string(key),
                         .owner = owner,
                         .value = bytes_of_string(value)},
    };
}

struct fingerprint_tls setup_fingerprint(uint8_t which)
{
    struct fingerprint_tls fingerprint;

    memset(fingerprint.bytes, which, sizeof(fingerprint.bytes));
    return fingerprint;
}

struct ipc_hop setup_hop(uint8_t link, uint8_t tag)
{
    struct ipc_hop hop = {.link = setup_fingerprint(link)};

    memset(hop.tag, tag, sizeof(hop.tag));
    return hop;
}

struct bytes setup_packet(uint8_t mark)
{
    static uint8_t packet[20];

    memset(packet, 0, sizeof(packet));
    packet[3] = mark;
    packet[19] = mark;
    return (struct bytes){packet, sizeof(packet)};
}

struct bytes setup_tagged(uint8_t tag, uint8_t mark)
{
    static uint8_t datagram[28];

    memset(datagram, tag, IPC_TAG_SIZE);
    memcpy(datagram + IPC_TAG_SIZE, setup_packet(mark).data, 20);
    return (struct bytes){datagram, sizeof(datagram)};
}
