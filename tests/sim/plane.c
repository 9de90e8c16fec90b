#include "tests/sim/plane.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/error.h"
#include "dataplane/commit.h"
#include "dataplane/exchange.h"
#include "dataplane/media.h"
#include "dataplane/snapshot.h"
#include "tests/sim/net_connection.h"

/* An input that is not acknowledged. */
struct pending {
    uint64_t number;
    struct ipc_item item;
    char *text; /* of its body or sni, owned */
    struct pending *prev, *next;
};

/* The inputs of one connection. */
struct ledger {
    uint64_t connection;
    uint64_t last;
    struct pending *pending; /* utlist */
    UT_hash_handle hh;
};

struct plane {
    struct net *net;
    struct quic_endpoint *endpoint;
    struct exchange exchange;
    struct ledger *ledgers; /* by connection, in the order of their making */
    struct plane_callbacks callbacks;
    void *context;
    struct net_timer repeats;
    bool runs;
};

/* ---- inputs ---- */

static struct ledger *ledger_of(struct plane *p, uint64_t connection)
{
    struct ledger *ledger = NULL;
    HASH_FIND(hh, p->ledgers, &connection, sizeof(connection), ledger);
    if (ledger != NULL)
        return ledger;
    ledger = sim_alloc(sizeof(*ledger));
    ledger->connection = connection;
    HASH_ADD(hh, p->ledgers, connection, sizeof(ledger->connection), ledger);
    return ledger;
}

static struct bytes keep(struct pending *pending, struct bytes view)
{
    pending->text = sim_alloc(view.len + 1);
    if (view.len > 0)
        memcpy(pending->text, view.data, view.len);
    return (struct bytes){(const uint8_t *)pending->text, view.len};
}

static void drop(struct ledger *ledger, struct pending *pending)
{
    DL_DELETE(ledger->pending, pending);
    free(pending->text);
    free(pending);
}

static void drop_ledger(struct plane *p, struct ledger *ledger)
{
    while (ledger->pending != NULL)
        drop(ledger, ledger->pending);
    HASH_DEL(p->ledgers, ledger);
    free(ledger);
}

static void number(struct pending *pending, uint64_t n)
{
    struct ipc_item *item = &pending->item;
    pending->number = n;
    if (item->type == IPC_opened) {
        item->u.opened.input = n;
        item->u.opened.sni = keep(pending, item->u.opened.sni);
    } else if (item->type == IPC_signal) {
        item->u.signal.input = n;
        item->u.signal.body = keep(pending, item->u.signal.body);
    } else {
        item->u.closed.input = n;
        item->u.closed.reason = keep(pending, item->u.closed.reason);
    }
}

static void input(struct plane *p, uint64_t connection, const struct ipc_item *item)
{
    struct ledger *ledger = ledger_of(p, connection);
    struct pending *pending = sim_alloc(sizeof(*pending));
    pending->item = *item;
    number(pending, ++ledger->last);
    DL_APPEND(ledger->pending, pending);
    p->callbacks.input(p->context, &pending->item);
}

/* By name, because what one input does may acknowledge others. */
struct name {
    uint64_t connection, number;
};

static size_t name_all(const struct plane *p, struct name **out)
{
    const struct pending *pending;
    size_t count = 0, n = 0;
    for (const struct ledger *l = p->ledgers; l != NULL; l = l->hh.next) {
        DL_FOREACH(l->pending, pending)
        count++;
    }
    *out = sim_alloc((count + 1) * sizeof(**out));
    for (const struct ledger *l = p->ledgers; l != NULL; l = l->hh.next) {
        DL_FOREACH(l->pending, pending)
        (*out)[n++] = (struct name){l->connection, pending->number};
    }
    return n;
}

static const struct pending *named(const struct plane *p, const struct name *name)
{
    struct ledger *ledger = NULL;
    HASH_FIND(hh, p->ledgers, &name->connection, sizeof(name->connection), ledger);
    const struct pending *pending = ledger == NULL ? NULL : ledger->pending;
    while (pending != NULL && pending->number != name->number)
        pending = pending->next;
    return pending;
}

void plane_resend(struct plane *p)
{
    struct name *names;
    size_t count = name_all(p, &names);
    for (size_t i = 0; i < count; i++) {
        const struct pending *pending = named(p, &names[i]);
        if (pending != NULL)
            p->callbacks.input(p->context, &pending->item);
    }
    free(names);
}

/* ---- QUIC's callbacks, as dataplane/worker.c and uplink.c have them ---- */

static void tell_opened(struct plane *p, const struct session *c)
{
    struct ipc_item item;
    session_opened(c, &item);
    input(p, c->number, &item);
}

static void on_established(void *context, struct quic_connection *quic,
                           const struct quic_peer *peer)
{
    struct plane *p = context;
    struct session *c = quic_connection_user(quic);
    if (!peer->dialed) {
        c = exchange_accept(&p->exchange, quic, peer);
        quic_connection_set_user(quic, c);
    } else if (session_establish(c, quic, peer) != 0) {
        abort();
    }
    tell_opened(p, c);
}

static void on_message(void *context, struct quic_connection *quic, struct bytes body)
{
    struct plane *p = context;
    const struct session *c = quic_connection_user(quic);
    struct ipc_item item = {.type = IPC_signal,
                            .u.signal = {.connection = c->number, .body = body}};
    session_remote(c, &item.u.signal.remote);
    input(p, c->number, &item);
}

static void on_datagram(void *context, struct quic_connection *quic, struct bytes data)
{
    struct plane *p = context;
    media_datagram(&p->exchange, quic_connection_user(quic), data, p->net->now);
}

static void on_closed(void *context, struct quic_connection *quic, const struct quic_close *why)
{
    struct plane *p = context;
    struct session *c = quic_connection_user(quic);
    exchange_retire(&p->exchange, c);
    struct ipc_item item = {
        .type = IPC_closed,
        .u.closed = {.connection = c->number,
                     .dialed = c->dialed,
                     .dial = c->dial,
                     .error = (uint32_t)-why->error,
                     .by_peer = why->by_peer,
                     .reason = bytes_of_string(why->reason),
                     .has_certificate = why->has_certificate,
                     .fingerprint = why->fingerprint},
    };
    input(p, c->number, &item);
}

static const struct quic_callbacks quic_callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

/* ---- making and freeing ---- */

static void set_repeats(struct plane *p)
{
    uint64_t next = exchange_next_repeat(&p->exchange);
    if (next == UINT64_MAX)
        net_timer_stop(p->net, &p->repeats);
    else
        net_timer_set(p->net, &p->repeats, next);
}

static void repeat(struct net_timer *timer)
{
    struct plane *p = heap_entry(timer, struct plane, repeats);
    exchange_run_repeats(&p->exchange, p->net->now, UINT_MAX);
    set_repeats(p);
}

void plane_start(struct plane *p)
{
    uint8_t secret[16] = {1};
    memcpy(secret + 1, &p->net->table_key, sizeof(p->net->table_key));
    if (exchange_init(&p->exchange, 0, secret, &p->endpoint->certificate) != 0)
        abort();
    p->exchange.endpoint = p->endpoint;
    p->runs = true;
    net_revive(p->endpoint);
}

void plane_stop(struct plane *p)
{
    if (!p->runs)
        return;
    p->runs = false;
    net_kill(p->endpoint);
    while (p->ledgers != NULL)
        drop_ledger(p, p->ledgers);
    net_timer_stop(p->net, &p->repeats);
    exchange_free(&p->exchange);
}

struct plane *plane_new(struct net *net, const struct address *address,
                        const struct fingerprint_tls *certificate,
                        const struct plane_callbacks *callbacks, void *context)
{
    struct plane *p = sim_alloc(sizeof(*p));
    p->net = net;
    p->callbacks = *callbacks;
    p->context = context;
    p->repeats.due = repeat;
    p->endpoint = net_endpoint(net, address, certificate, &quic_callbacks, p);
    p->endpoint->asks = true;
    plane_start(p);
    return p;
}

void plane_free(struct plane *p)
{
    plane_stop(p);
    free(p);
}

struct quic_endpoint *plane_endpoint(const struct plane *p)
{
    return p->endpoint;
}

/* ---- commands ---- */

static void released(struct plane *p, struct ledger *ledger, struct pending *pending)
{
    struct session *c = session_find(&p->exchange.sessions, ledger->connection);
    enum ipc_type type = pending->item.type;
    drop(ledger, pending);
    if (type == IPC_opened)
        exchange_acknowledge(&p->exchange, c);
    else if (type == IPC_signal && c->quic != NULL)
        quic_connection_release_message(c->quic);
    else if (type == IPC_closed) {
        exchange_forget(&p->exchange, c);
        drop_ledger(p, ledger);
    }
}

static void acknowledge(struct plane *p, const struct ipc_ack *ack)
{
    struct ledger *ledger = NULL;
    HASH_FIND(hh, p->ledgers, &ack->connection, sizeof(ack->connection), ledger);
    if (ledger == NULL || ack->input > ledger->last)
        sim_broken("an acknowledgement of an input that did not come");
    while (ledger->pending != NULL && ledger->pending->number <= ack->input) {
        bool last = ledger->pending->item.type == IPC_closed;
        released(p, ledger, ledger->pending);
        if (last)
            return;
    }
}

void plane_commit(struct plane *p, struct bytes row)
{
    struct ipc_items items = {0};
    struct commit commit = {0};
    if (ipc_items_decode(&items, row) != 0 || commit_prepare(&commit, &p->exchange, &items) != 0)
        sim_broken("a transaction that the data plane refuses");
    commit_apply(&commit, &p->exchange, &items, p->net->now);
    quic_endpoint_refuse_new(p->endpoint, p->exchange.refuse_new);
    for (size_t i = 0; i < items.count; i++) {
        if (items.list[i].type == IPC_ack)
            acknowledge(p, &items.list[i].u.ack);
    }
    ipc_items_free(&items);
    buffer_clear(&p->exchange.notices);
    set_repeats(p);
}

/* ---- what is installed ---- */

void plane_snapshot(struct plane *p, void (*installed)(void *context, const struct ipc_item *item),
                    void *context)
{
    struct buffer slice = {0};
    struct ipc_items items = {0};
    uint64_t cursor = 0;
    for (bool last = false; !last;) {
        buffer_clear(&slice);
        last = snapshot_slice(&p->exchange, &cursor, &slice);
        if (ipc_items_decode(&items, buffer_view(&slice)) != 0)
            sim_broken("a snapshot that cannot be read");
        for (size_t i = 0; i < items.count; i++)
            installed(context, &items.list[i]);
    }
    ipc_items_free(&items);
    buffer_free(&slice);
}

struct plane_census plane_census(const struct plane *p)
{
    const struct exchange *x = &p->exchange;
    const struct counters *n = &x->counters;
    const struct pending *pending;
    struct plane_census census = {
        .connections = x->sessions.count,
        .rooms = x->rooms.count,
        .routes = x->routes.count,
        .records = x->records.table.count,
        .copies = n->drop_copy,
        .dropped = n->drop_no_role + n->drop_malformed + n->drop_unknown_tag +
                   n->drop_participant_rate + n->drop_route_rate + n->drop_link_down +
                   n->drop_too_large + n->drop_send,
        .record_bytes = x->records.bytes,
    };
    for (const struct ledger *l = p->ledgers; l != NULL; l = l->hh.next) {
        DL_FOREACH(l->pending, pending)
        census.unacknowledged++;
    }
    return census;
}

size_t plane_records_of(const struct plane *p, const char *kind)
{
    size_t count = 0, len = strlen(kind);
    uint64_t slot = 0;
    for (struct table_node *node; (node = table_walk(&p->exchange.records.table, &slot));) {
        struct bytes key = record_key(table_entry(node, struct record, node));
        count += key.len >= len && memcmp(key.data, kind, len) == 0;
    }
    return count;
}
