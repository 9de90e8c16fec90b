#include "dataplane/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/text.h"

/* Repeated messages of one connection replace each other while none of them could be sent. */
#define REPEAT_KEY UINT64_MAX
#define WORKER_SHIFT 56

int exchange_init(struct exchange *x, uint8_t worker, const uint8_t secret[16],
                  const struct fingerprint_tls *self)
{
    struct siphash_key key;

    memcpy(&key.k0, secret, sizeof(key.k0));
    memcpy(&key.k1, secret + sizeof(key.k0), sizeof(key.k1));
    *x = (struct exchange){.last_number = (uint64_t)worker << WORKER_SHIFT};
    table_init(&x->sessions, &key);
    table_init(&x->rooms, &key);
    table_init(&x->links, &key);
    table_init(&x->routes, &key);
    table_init(&x->quotas, &key);
    table_init(&x->records.table, &key);
    heap_init(&x->repeats);
    buffer_init(&x->notices);
    x->self_number =
        (uint32_t)table_hash(&x->links, (struct bytes){self->bytes, sizeof(self->bytes)});
    return dedup_init(&x->dedup, &key);
}

static void free_connections(struct exchange *x)
{
    uint64_t slot = 0;

    for (struct table_node *node; (node = table_walk(&x->sessions, &slot));)
        exchange_forget(x, table_entry(node, struct session, node));
}

void exchange_free(struct exchange *x)
{
    uint64_t slot = 0;

    free_connections(x);
    for (struct table_node *node; (node = table_walk(&x->routes, &slot));)
        exchange_delete_route(x, table_entry(node, struct route, node));
    slot = 0;
    for (struct table_node *node; (node = table_walk(&x->rooms, &slot));)
        exchange_delete_room(x, table_entry(node, struct room, node));
    slot = 0;
    for (struct table_node *node; (node = table_walk(&x->records.table, &slot));)
        records_delete(&x->records, table_entry(node, struct record, node));
    table_free(&x->sessions);
    table_free(&x->rooms);
    table_free(&x->links);
    table_free(&x->routes);
    table_free(&x->quotas);
    table_free(&x->records.table);
    heap_free(&x->repeats);
    dedup_free(&x->dedup);
    buffer_free(&x->notices);
}

struct session *exchange_accept(struct exchange *x, struct quic_connection *quic,
                                const struct quic_peer *peer)
{
    struct session *c = session_new(++x->last_number);

    if (!c)
        return NULL;
    if (session_establish(c, quic, peer) || session_insert(&x->sessions, c)) {
        session_free(c);
        return NULL;
    }
    return c;
}

struct session *exchange_new_dial(struct exchange *x, const struct ipc_dial *dial)
{
    struct session *c = session_new(++x->last_number);

    if (!c)
        return NULL;
    c->sni = text_copy(dial->sni);
    if (!c->sni) {
        session_free(c);
        return NULL;
    }
    c->state = SESSION_DIALING;
    c->dialed = true;
    c->dial = dial->dial;
    c->remote = dial->remote;
    c->pinned = dial->pinned;
    c->pin = dial->pin;
    c->present_certificate = dial->present_certificate;
    return c;
}

void exchange_retire(struct exchange *x, struct session *c)
{
    session_remote(c, &c->remote);
    c->datagrams_lost = session_lost(c);
    c->quic = NULL;
    c->state = SESSION_CLOSED;
    repeat_stop(&x->repeats, c);
    if (c->room)
        room_retire(c);
    if (c->link)
        link_retire(c);
}

void exchange_keep_unreported(struct exchange *x, struct session *c, int error)
{
    c->unreported = true;
    c->close_error = error;
    c->next = x->unreported;
    x->unreported = c;
}

void exchange_acknowledge(struct exchange *x, struct session *c)
{
    if (c->dialed && !c->acknowledged)
        x->dials--;
    c->acknowledged = true;
}

static void drop_unreported(struct exchange *x, struct session *c)
{
    struct session **at = &x->unreported;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

void exchange_forget(struct exchange *x, struct session *c)
{
    exchange_acknowledge(x, c);
    if (c->unreported)
        drop_unreported(x, c);
    repeat_stop(&x->repeats, c);
    exchange_leave(x, c);
    records_forget_owner(&x->records, c);
    table_remove(&x->sessions, &c->node);
    session_free(c);
}

void exchange_leave(struct exchange *x, struct session *c)
{
    if (c->room)
        room_leave(c);
    if (c->link)
        link_leave(&x->links, c);
}

void exchange_delete_room(struct exchange *x, struct room *room)
{
    if (!room->installed)
        return;
    while (room->count)
        room_leave(room->members[room->count - 1]);
    hops_free(&room->egress, &x->links);
    room->installed = false;
    room_release(&x->rooms, room);
}

static struct route_tables tables_of(struct exchange *x)
{
    return (struct route_tables){.links = &x->links, .rooms = &x->rooms, .quotas = &x->quotas};
}

int exchange_new_route(struct exchange *x, const struct ipc_route_put *from, struct route **out)
{
    const struct route_tables tables = tables_of(x);

    return route_new(out, &tables, ++x->last_room, from);
}

void exchange_free_route(struct exchange *x, struct route *route)
{
    const struct route_tables tables = tables_of(x);

    route_free(route, &tables);
}

/* What its quota may let through, as far as it makes dedup grow. */
static uint64_t counted_pps(const struct route *route)
{
    const uint64_t unlimited = 4000;

    if (!route->room)
        return 0; /* not looked at there */
    return route->pps ? route->pps : unlimited;
}

/* One route more; the newest of a link and room says what all of them together may bring. */
static void count_installed(struct exchange *x, const struct route *route)
{
    struct quota *quota = route->quota;

    x->route_pps -= quota->counted_pps;
    quota->counted_pps = counted_pps(route);
    x->route_pps += quota->counted_pps;
    quota->installed++;
    quota_set_rate(quota, route->pps);
}

void exchange_put_route(struct exchange *x, struct route *route, uint64_t now)
{
    struct route *old = route_find(&x->routes, route->link, route->tag);

    if (old) {
        route_inherit(route, old);
        exchange_delete_route(x, old);
    }
    if (route_insert(&x->routes, route) != ERR_OK)
        abort(); /* the caller has reserved the place */
    count_installed(x, route);
    dedup_reserve(&x->dedup, x->route_pps, now); /* without memory it stays as large as it is */
}

void exchange_delete_route(struct exchange *x, struct route *route)
{
    struct quota *quota = route->quota;

    if (--quota->installed == 0) {
        x->route_pps -= quota->counted_pps;
        quota->counted_pps = 0;
    }
    table_remove(&x->routes, &route->node);
    exchange_free_route(x, route);
}

void exchange_send(struct exchange *x, struct session *c, struct quic_body *body,
                   uint64_t replace_key)
{
    int err = quic_connection_send_message(c->quic, body, replace_key);

    if (err == ERR_OK) {
        x->counters.signals_out++;
    } else if (err == ERR_FULL) {
        x->counters.closed_too_slow++;
        quic_connection_close(c->quic, "too slow", false);
    } else if (err == ERR_CLOSED) {
        x->counters.skipped_closed++;
    } else {
        x->counters.closed_no_memory++;
        quic_connection_close(c->quic, "out of memory", false);
    }
}

void exchange_run_repeats(struct exchange *x, uint64_t now, unsigned max)
{
    struct heap_node *node;

    for (; max && (node = heap_pop_due(&x->repeats, now)); max--) {
        struct repeat *repeat = heap_entry(node, struct repeat, due);
        repeat_again(&x->repeats, repeat, now);
        exchange_send(x, repeat->session, repeat->body, REPEAT_KEY);
        x->counters.repeats_sent++;
    }
}

uint64_t exchange_next_repeat(const struct exchange *x)
{
    const struct heap_node *node = heap_first(&x->repeats);

    return node ? node->key : UINT64_MAX;
}

void exchange_use_event_log(struct exchange *x, struct bytes path)
{
    x->events = x->event_log ? event_log_use(x->event_log, path) : NULL;
}

void exchange_tell_first_media(struct exchange *x, const struct link *link, struct room *room,
                               bool inbound)
{
    if (room && !room_first_media(room, link->number, inbound))
        return;
    struct ipc_item item = {
        .type = IPC_first_media,
        .u.first_media = {.link = link->fingerprint,
                          .room = room ? room_name(room) : BYTES_LITERAL(""),
                          .inbound = inbound},
    };

    const struct media_event_facts facts = {
        .kind = inbound ? MEDIA_EVENT_first_media_in : MEDIA_EVENT_first_media_out,
        .link = link,
        .room = room,
    };
    ipc_item_encode(&x->notices, &item);
    event_ring_put(x->events, &facts);
}
