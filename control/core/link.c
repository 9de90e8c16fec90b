#include "control/core/link.h"

#include <stdlib.h>
#include <utlist.h>

#include "control/core/call_room.h"
#include "control/core/federation.h"
#include "control/core/forward.h"
#include "control/core/heard.h"
#include "control/core/presence_heard.h"
#include "control/core/purpose.h"
#include "control/core/record.h"
#include "control/core/repeat.h"
#include "control/core/route.h"
#include "control/core/trust.h"

/* ---- speaking ---- */

struct connection *link_oldest(const struct peer *peer)
{
    return peer->links == NULL ? NULL : peer->links->connection;
}

struct connection *link_speaker(struct core *c, struct peer *peer)
{
    struct link_connection *l = peer->links;
    if (l == NULL || c->now < peer->silent_until)
        return NULL;
    if (!l->ours && l->spoke == 0) {
        l->spoke = c->now;
        connection_changed(c, l->connection);
    }
    return l->connection;
}

void link_say(struct core *c, const struct peer *peer, const struct signal *message)
{
    if (peer->links != NULL)
        transaction_say(&c->transaction, peer->links->connection->id, message);
}

struct original_texts {
    char texts[FEDERATION_ORIGINALS_MAX][FINGERPRINT_TLS_TEXT];
    struct signal_text items[FEDERATION_ORIGINALS_MAX];
    size_t count;
};

static void list_originals(const struct core *c, struct original_texts *out)
{
    out->count = 0;
    for (const struct federation_link *link = c->federation->links;
         link != NULL && out->count < FEDERATION_ORIGINALS_MAX; link = link->next) {
        if (!link->legacy)
            continue;
        fingerprint_tls_text(&link->fingerprint, out->texts[out->count]);
        out->items[out->count] = signal_text_of(out->texts[out->count]);
        out->count++;
    }
}

void link_say_hello(struct core *c, const struct connection *conn, unsigned marks)
{
    static const bool yes = true;
    const struct peer *peer = conn->link == NULL ? NULL : conn->link->peer;
    bool accepts_forwarded = peer != NULL && peer->delegate;
    struct signal_hello_extension extension = {
        .v = 1,
        .hops = &c->settings.config->limits.federation_hops,
        .accepts_forwarded = &accepts_forwarded,
        .resync = (marks & LINK_HELLO_RESYNC) != 0 ? &yes : NULL,
        .begin = (marks & LINK_HELLO_BEGIN) != 0 ? &yes : NULL,
        .end = (marks & LINK_HELLO_END) != 0 ? &yes : NULL,
        .start = &c->federation->start};
    struct original_texts originals;
    list_originals(c, &originals);
    extension.originals = (struct signal_texts){originals.items, originals.count};
    struct signal hello = {.type = SIGNAL_FEDERATION_HELLO};
    hello.federation_hello.tls_fingerprint = signal_text_of(c->tls_text);
    hello.federation_hello.chappe = &extension;
    transaction_say(&c->transaction, conn->id, &hello);
}

/* ---- up and down ---- */

static void watch_calls(struct core *c)
{
    for (struct call *call = c->calls; call != NULL; call = call->hh.next)
        call_room_watch(c, call);
}

static void set_repeat(struct core *c, const struct connection *conn, uint32_t interval_ms)
{
    struct ipc_item item = {.type = IPC_repeat};
    item.u.repeat.connection = conn->id;
    item.u.repeat.interval_ms = interval_ms;
    item.u.repeat.body = BYTES_LITERAL("{\"Ping\":{\"timestamp_ms\":0}}");
    transaction_add(&c->transaction, &item);
}

static void put_role(struct core *c, const struct link_connection *l)
{
    struct ipc_item item = {.type = IPC_link_join};
    item.u.link_join.connection = l->connection->id;
    item.u.link_join.link = l->peer->fingerprint;
    item.u.link_join.label = bytes_of_string(l->peer->label);
    if (item.u.link_join.label.len > IPC_NAME_MAX)
        item.u.link_join.label.len = IPC_NAME_MAX;
    item.u.link_join.legacy = !l->ours;
    item.u.link_join.ping_after_ms = l->ours ? LINK_PING_AFTER_MS : 0;
    item.u.link_join.dead_after_ms = l->ours ? LINK_DEAD_AFTER_MS : 0;
    transaction_add(&c->transaction, &item);
}

void link_put_roles(struct core *c, const struct peer *peer)
{
    for (const struct link_connection *l = peer->links; l != NULL; l = l->next)
        put_role(c, l);
}

static size_t count_links(const struct peer *peer)
{
    size_t n = 0;
    for (const struct link_connection *l = peer->links; l != NULL; l = l->next)
        n++;
    return n;
}

static int by_order(const struct link_connection *a, const struct link_connection *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

static void insert(struct link_connection *l)
{
    DL_INSERT_INORDER(l->peer->links, l, by_order);
}

static void report_up(struct core *c, const struct link_connection *l)
{
    char address[ADDRESS_TEXT];
    address_text(&l->connection->remote, address);
    report_limited(c, REPORT_LINK, LOG_INFO, "link_connection_up", LOG_STR("peer", l->peer->label),
                   LOG_STR("remote", address), LOG_BOOL("dialed", l->connection->dialed),
                   LOG_BOOL("legacy", !l->ours), LOG_U64("connections", count_links(l->peer)));
}

/* The connection becomes part of its peer's link. */
static void go_live(struct core *c, struct link_connection *l, bool ours)
{
    struct peer *peer = l->peer;
    if (count_links(peer) >= LINK_CONNECTIONS_MAX) {
        trust_refuse(c, l->connection, "too many connections of this peer");
        return;
    }
    if (drain_refuses_peer(c, peer)) {
        connection_close(c, l->connection, DRAIN_REASON);
        return;
    }
    bool first = !peer_linked(peer);
    peer_dial_over(c, peer, l->connection->dial);
    l->live = true;
    l->ours = ours;
    l->order = core_order(c);
    insert(l);
    put_role(c, l);
    if (!ours)
        set_repeat(c, l->connection, LINK_REPEAT_MS);
    connection_enter(c, l->connection, CONNECTION_LIVE, UINT64_MAX);
    report_up(c, l);
    if (!first && !ours)
        federation_link_repeat(c, peer); /* its end of this connection has forgotten all of it */
    if (!first)
        return;
    c->counters.links_up++;
    peer_link_up(c, peer);
    federation_link_up(c, peer);
    watch_calls(c);
    repeat_all(c, peer);
}

/* An original that turns out to be one of ours. */
static void upgrade(struct core *c, struct link_connection *l)
{
    l->ours = true;
    put_role(c, l);
    set_repeat(c, l->connection, 0);
    connection_changed(c, l->connection);
    report_up(c, l);
    if (l != l->peer->links)
        return;
    federation_link_up(c, l->peer);
    repeat_all(c, l->peer);
}

static void count_strike(struct core *c, const struct link_connection *l)
{
    struct peer *peer = l->peer;
    if (l->ours || l->spoke == 0)
        return;
    peer->strikes = c->now - l->spoke < LINK_STRIKE_NS ? (uint8_t)(peer->strikes + 1) : 0;
    if (peer->strikes >= LINK_STRIKES) {
        peer->strikes = 0;
        peer->silent_until = c->now + LINK_SILENT_NS;
        report(c, LOG_WARN, "peer_too_old_for_calls", LOG_STR("peer", peer->label),
               LOG_STR("why", "it ends the link when it is sent a call; none for a day"));
    }
    peer_changed(c, peer);
}

/* One of several connections is gone; the link stays. */
static void lost_one(struct core *c, struct peer *peer, bool ours, bool oldest)
{
    if (ours && oldest) {
        repeat_all(c, peer);
        federation_link_repeat(c, peer);
        /* Perhaps it has died and what is left of the link is its next life's, which has not said
           what no longer holds. */
        link_say_hello(c, link_oldest(peer), LINK_HELLO_RESYNC);
    } else if (!ours && peer->address != NULL) {
        peer_redial(c, peer);
    } else if (!ours) {
        while (peer->links != NULL)
            connection_close(c, peer->links->connection, "dial again");
    }
}

static void lost(struct core *c, struct link_connection *l, const char *reason)
{
    struct peer *peer = l->peer;
    bool oldest = peer->links == l;
    DL_DELETE(peer->links, l);
    report_limited(c, REPORT_LINK, LOG_WARN, "link_connection_lost", LOG_STR("peer", peer->label),
                   LOG_STR("reason", reason), LOG_U64("connections", count_links(peer)));
    count_strike(c, l);
    if (!l->ours)
        renewal_lost(c, peer, l->connection);
    if (peer_linked(peer)) {
        federation_link_up(c, peer);
        lost_one(c, peer, l->ours, oldest);
        return;
    }
    c->counters.links_lost++;
    federation_link_down(c, peer);
    peer_error(c, peer, reason[0] == '\0' ? "the link was lost" : reason);
    peer_link_lost(c, peer);
    watch_calls(c);
}

/* ---- opened and gone ---- */

static struct link_connection *make(struct core *c, struct connection *conn, struct peer *peer)
{
    struct link_connection *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        c->failed = true;
        return NULL;
    }
    l->connection = conn;
    l->peer = peer;
    conn->link = l;
    return l;
}

static void opened_dialed(struct core *c, struct connection *conn)
{
    struct peer *peer = peers_of_dial(c, conn->dial);
    if (peer == NULL) {
        connection_close(c, conn, "nobody wants this connection any more");
        return;
    }
    struct link_connection *l = make(c, conn, peer);
    if (l == NULL)
        return;
    link_say_hello(c, conn, 0);
    if (peer->legacy)
        go_live(c, l, false);
    else
        connection_enter(c, conn, CONNECTION_GREETING, CONNECTION_HELLO_NS);
}

static void link_opened(struct core *c, struct connection *conn)
{
    if (conn->dialed) {
        opened_dialed(c, conn);
        return;
    }
    struct peer *peer = NULL;
    if (conn->has_certificate && (peer = trust_certificate(c, conn)) == NULL)
        return;
    struct link_connection *l = make(c, conn, peer);
    if (l == NULL)
        return;
    if (peer != NULL)
        link_say_hello(c, conn, 0);
    if (peer != NULL && peer->legacy)
        go_live(c, l, false);
    else
        connection_enter(c, conn, CONNECTION_GREETING, CONNECTION_HELLO_NS);
}

static void link_gone(struct core *c, struct connection *conn, const char *reason)
{
    struct link_connection *l = conn->link;
    if (l == NULL)
        return;
    conn->link = NULL;
    if (l->live) {
        lost(c, l, reason);
    } else if (conn->dialed && l->peer != NULL) {
        peer_error(c, l->peer, reason);
        peer_dial_wasted(c, l->peer, conn->dial);
    }
    free(l);
}

/* ---- messages ---- */

static void note_extension(struct core *c, struct link_connection *l,
                           const struct signal_hello_extension *m)
{
    l->hops = m->hops == NULL ? 1 : *m->hops;
    l->accepts_forwarded = m->accepts_forwarded != NULL && *m->accepts_forwarded;
    l->start = m->start == NULL ? 0 : *m->start;
    connection_changed(c, l->connection);
}

/*
 * What the peer's last life left of the link goes. One whose clock went back gets no such help:
 * that cannot be told from a hello that was long on its way, and the dead connection falls silent
 * anyhow.
 */
static void end_last_life(struct core *c, const struct link_connection *newest)
{
    struct link_connection *next;
    for (struct link_connection *l = newest->peer->links; l != NULL; l = next) {
        next = l->next;
        if (l->start != 0 && l->start < newest->start)
            connection_end(c, l->connection, "the peer was restarted");
    }
}

static void take_hello(struct core *c, struct connection *conn,
                       const struct signal_federation_hello *hello)
{
    struct link_connection *l = conn->link;
    struct peer *peer = trust_hello(c, conn, l->peer, hello);
    if (peer == NULL)
        return;
    if (l->live && peer != l->peer) {
        trust_refuse(c, conn, "a second hello in another name");
        return;
    }
    l->peer = peer;
    bool ours = hello->chappe != NULL && conn->has_certificate;
    if (ours)
        note_extension(c, l, hello->chappe);
    if (!l->live) {
        go_live(c, l, ours);
        if (ours)
            federation_originals(c, peer, hello->chappe);
    } else if (ours && !l->ours) {
        upgrade(c, l);
        federation_originals(c, peer, hello->chappe);
    } else if (ours) {
        if (hello->chappe->resync != NULL && *hello->chappe->resync)
            repeat_all(c, peer);
        federation_originals(c, peer, hello->chappe);
        federation_hello(c, peer, hello->chappe);
    }
    if (conn->link != NULL && conn->link->live)
        end_last_life(c, conn->link);
}

static void live_message(struct core *c, struct connection *conn, const struct signal *message)
{
    static const struct signal_participants nobody = {NULL, 0};
    struct peer *peer = conn->link->peer;
    switch (message->type) {
    case SIGNAL_PING:
        break; /* it only says that the peer is alive */
    case SIGNAL_FEDERATED_SIGNAL_FORWARD:
        forward_message(c, peer, &message->federated_signal_forward);
        break;
    case SIGNAL_GLOBAL_ROOM_ACTIVE:
        if (room_is_call(signal_text_bytes(message->global_room_active.room)))
            call_room_heard(c, peer, message->global_room_active.room,
                            &message->global_room_active.participants);
        else
            heard_active(c, peer, &message->global_room_active);
        break;
    case SIGNAL_GLOBAL_ROOM_INACTIVE:
        if (room_is_call(signal_text_bytes(message->global_room_inactive.room)))
            call_room_heard(c, peer, message->global_room_inactive.room, &nobody);
        else
            heard_inactive(c, peer, &message->global_room_inactive);
        break;
    case SIGNAL_PRESENCE_UPDATE:
        presence_heard(c, peer, &message->presence_update);
        break;
    case SIGNAL_ROUTE_QUERY:
        route_asked_by_link(c, peer, &message->route_query);
        break;
    case SIGNAL_ROUTE_RESPONSE:
        route_answered(c, peer, &message->route_response);
        break;
    default:
        connection_unexpected(c, conn, message);
    }
}

static void link_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                         const struct signal *message)
{
    (void)raw;
    if (message->type == SIGNAL_FEDERATION_HELLO) {
        take_hello(c, conn, &message->federation_hello);
        return;
    }
    if (conn->stage != CONNECTION_LIVE) {
        connection_unexpected(c, conn, message);
        return;
    }
    struct peer *peer = conn->link->peer;
    if (message->later && !peer->later) {
        peer->later = true;
        peer_changed(c, peer);
    }
    live_message(c, conn, message);
}

/* ---- record ---- */

static void link_save(const struct connection *conn, struct buffer *out)
{
    const struct link_connection *l = conn->link;
    static const struct fingerprint_tls nobody;
    record_put_tls(out, l->peer == NULL ? &nobody : &l->peer->fingerprint);
    buffer_append_u8(out, l->peer != NULL);
    buffer_append_u8(out, l->live);
    buffer_append_u8(out, l->ours);
    buffer_append_u64(out, l->order);
    buffer_append_u64(out, l->spoke);
    buffer_append_u32(out, l->hops);
    buffer_append_u8(out, l->accepts_forwarded);
    buffer_append_u64(out, l->start);
}

static int link_restore(struct core *c, struct connection *conn, unsigned version, struct reader *r)
{
    struct fingerprint_tls fingerprint;
    record_get_tls(r, &fingerprint);
    bool known = record_get_bool(r);
    struct peer *peer = known ? peer_find(c, &fingerprint) : NULL;
    if (known && peer == NULL)
        return ERR_NOT_FOUND;
    struct link_connection *l = make(c, conn, peer);
    if (l == NULL)
        return ERR_MEMORY;
    l->live = record_get_bool(r);
    l->ours = record_get_bool(r);
    l->order = reader_u64(r);
    l->spoke = reader_u64(r);
    l->hops = version < 2 ? 1 : reader_u32(r); /* its next hello says it */
    l->accepts_forwarded = version >= 2 && record_get_bool(r);
    l->start = version < 3 ? 0 : reader_u64(r);
    if (r->failed || l->live != (conn->stage == CONNECTION_LIVE) || (l->live && peer == NULL)) {
        l->live = false;
        return ERR_SYNTAX;
    }
    if (l->live)
        insert(l);
    return 0;
}

const struct purpose purpose_link = {"link",    link_opened, link_message,
                                     link_gone, link_save,   link_restore};
