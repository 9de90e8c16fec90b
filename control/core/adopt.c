#include "control/core/adopt.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/call_record.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/federation.h"
#include "control/core/federation_terms.h"
#include "control/core/original_record.h"
#include "control/core/peers.h"
#include "control/core/presence_record.h"
#include "control/core/probe.h"
#include "control/core/record.h"
#include "control/core/reload.h"
#include "control/core/replay.h"
#include "control/core/route.h"
#include "control/core/transit.h"

/* One installed thing, copied: a record, a room or a route. */
struct installed {
    struct installed *next;
    enum ipc_type type;
    struct fingerprint_tls link, origin;
    struct ipc_tag tag;
    bool claimed;
    struct bytes name; /* a record's key, a room */
    struct bytes value;
    uint8_t memory[]; /* of both; the name ends in a NUL */
};

struct adoption {
    struct installed *list;
    uint64_t swept;
    bool other_rates; /* the config was another one when some of it was installed */
};

void adopt_begin(struct core *c)
{
    c->adoption = calloc(1, sizeof(*c->adoption));
    if (c->adoption == NULL)
        c->failed = true;
}

void adopt_free(struct core *c)
{
    if (c->adoption == NULL)
        return;
    while (c->adoption->list != NULL) {
        struct installed *next = c->adoption->list->next;
        free(c->adoption->list);
        c->adoption->list = next;
    }
    free(c->adoption);
    c->adoption = NULL;
}

/* ---- what is installed ---- */

static struct installed *keep(struct core *c, enum ipc_type type, struct bytes name,
                              struct bytes value)
{
    struct installed *x = calloc(1, sizeof(*x) + name.len + 1 + value.len);
    if (x == NULL) {
        c->failed = true;
        return NULL;
    }
    x->type = type;
    x->name = (struct bytes){x->memory, name.len};
    x->value = (struct bytes){x->memory + name.len + 1, value.len};
    if (name.len > 0)
        memcpy(x->memory, name.data, name.len);
    if (value.len > 0)
        memcpy(x->memory + name.len + 1, value.data, value.len);
    LL_PREPEND(c->adoption->list, x);
    return x;
}

static void keep_route(struct core *c, const struct ipc_route_put *route)
{
    struct installed *x = keep(c, IPC_route_put, route->room, BYTES_NONE);
    if (x == NULL)
        return;
    x->link = route->link;
    x->origin = route->origin;
    x->tag = route->tag;
}

void adopt_item(struct core *c, const struct ipc_item *item)
{
    const struct config_limits *limits = &c->settings.config->limits;
    if (c->adoption == NULL)
        return;
    switch (item->type) {
    case IPC_opened:
        if (connection_find(c, item->u.opened.connection) == NULL &&
            connection_new(c, &item->u.opened) == NULL)
            c->failed = true;
        break;
    case IPC_record_put:
        keep(c, item->type, item->u.record_put.key, item->u.record_put.value);
        break;
    case IPC_room_put:
        if (item->u.room_put.participant_pps != limits->participant_pps)
            c->adoption->other_rates = true;
        keep(c, item->type, item->u.room_put.room, BYTES_NONE);
        break;
    case IPC_route_put:
        if (item->u.route_put.pps != limits->federation_room_pps)
            c->adoption->other_rates = true;
        keep_route(c, &item->u.route_put);
        break;
    default:
        break; /* roles, dials and repeats follow from the records of their connections and peers */
    }
}

/* ---- records become objects ---- */

static int restore_connection(struct core *c, struct bytes name, struct bytes value)
{
    char digits[17];
    if (!signal_text_copy(signal_text_of_bytes(name), digits, sizeof(digits)))
        return ERR_SYNTAX;
    struct connection *conn = connection_find(c, strtoull(digits, NULL, 16));
    return conn == NULL ? ERR_NOT_FOUND : connection_restore(c, conn, value);
}

static void report_unclaimed(struct core *c, const struct installed *x, int err)
{
    if (err == ERR_NOT_FOUND) {
        report(c, LOG_INFO, "record_dropped", LOG_BYTES("key", x->name),
               LOG_STR("why", "what it belongs to is gone, or not in the config any more"));
        return;
    }
    c->counters.records_unreadable++;
    report(c, LOG_WARN, "record_unreadable", LOG_BYTES("key", x->name), LOG_ERR(err));
}

static void restore(struct core *c, const char *kind,
                    int (*read)(struct core *, struct bytes, struct bytes))
{
    for (struct installed *x = c->adoption->list; x != NULL; x = x->next) {
        struct bytes name = record_key_name(x->name, kind);
        if (x->type != IPC_record_put || name.data == NULL)
            continue;
        int err = read(c, name, x->value);
        x->claimed = err == 0;
        if (err == 0)
            continue;
        report_unclaimed(c, x, err);
    }
}

static int by_order(const struct call *a, const struct call *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

static int side_by_order(const struct call_side *a, const struct call_side *b)
{
    return by_order(a->call, b->call);
}

static void restore_all(struct core *c)
{
    restore(c, RECORD_PEER, peers_restore);
    restore(c, RECORD_CONNECTION, restore_connection);
    restore(c, RECORD_ENDED, ended_restore);
    restore(c, RECORD_REPLAY, replay_restore);
    restore(c, RECORD_CALL, call_record_restore);
    restore(c, RECORD_DRAIN, drain_restore);
    federation_adopt_links(c);
    restore(c, RECORD_TERMS, federation_terms_restore);
    restore(c, RECORD_TOPIC, federation_restore_topic);
    restore(c, RECORD_ORIGINAL, original_record_restore);
    restore(c, RECORD_NAMES, presence_restore_names);
    restore(c, RECORD_PRESENCE, presence_restore);
    restore(c, RECORD_ENTRY, federation_restore_entry);
    restore(c, RECORD_DEMAND, federation_restore_demand);
    restore(c, RECORD_QUEUE, federation_restore_queue);
    restore(c, RECORD_ROUTE, route_restore);
    restore(c, RECORD_PROBE, probe_target_restore);
    restore(c, RECORD_SAID, probe_said_restore);
    ended_restored(c);
    replay_restored(c);
    HASH_SRT(hh, c->calls, by_order);
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        call_room_restore(c, call);
        transit_restore(c, call);
    }
    federation_adopted(c);
    for (struct phone *phone = c->phones; phone != NULL; phone = phone->hh.next)
        DL_SORT(phone->sides, side_by_order);
}

/* ---- what is left ---- */

/* Connections that our predecessor was closing (twice is no harm), or without a usable record. */
static void close_unclaimed(struct core *c)
{
    struct connection *conn, *next;
    HASH_ITER(hh, c->connections, conn, next)
    {
        if (conn->stage != CONNECTION_CLOSING)
            continue;
        transaction_close(&c->transaction, conn->id, "not adopted", true);
        core_split(c, ADOPT_ROW_MAX);
    }
}

static void delete_route(struct core *c, const struct installed *x)
{
    struct ipc_item item = {.type = IPC_route_delete};
    item.u.route_delete.link = x->link;
    item.u.route_delete.tag = x->tag;
    transaction_add(&c->transaction, &item);
}

static void delete_room(struct core *c, const struct installed *x)
{
    struct ipc_item item = {.type = IPC_room_delete};
    item.u.room_delete.room = x->name;
    transaction_add(&c->transaction, &item);
}

static bool is_claimed(struct core *c, const struct installed *x)
{
    if (x->type == IPC_route_put)
        return call_room_claims(c, &x->link, (const char *)x->name.data) ||
               transit_claims(c, &x->link, &x->tag) ||
               federation_claims(c, &x->link, &x->tag, &x->origin, (const char *)x->name.data);
    if (x->type == IPC_room_put)
        return rooms_find(c, (const char *)x->name.data) != NULL;
    return x->claimed;
}

static void sweep(struct core *c)
{
    close_unclaimed(c);
    for (const struct installed *x = c->adoption->list; x != NULL; x = x->next) {
        if (is_claimed(c, x))
            continue;
        c->adoption->swept++;
        if (x->type == IPC_route_put)
            delete_route(c, x);
        else if (x->type == IPC_room_put)
            delete_room(c, x);
        else
            transaction_record_delete(&c->transaction, (const char *)x->name.data);
        core_split(c, ADOPT_ROW_MAX);
    }
}

/* ---- time goes on ---- */

static void start_stages(struct core *c)
{
    for (struct connection *conn = c->connections; conn != NULL; conn = conn->hh.next) {
        uint64_t limit = connection_stage_limit(conn);
        if (limit != UINT64_MAX)
            timer_set(c, &conn->timer, c->now + limit);
    }
}

/* Call rooms whose call is over: their grace goes on from its end. */
static void start_graces(struct core *c)
{
    for (struct room *room = c->rooms; room != NULL; room = room->hh.next) {
        struct bytes id = room_call_id(bytes_of_string(room->name));
        if (id.data != NULL && calls_find_text(c, signal_text_of_bytes(id)) == NULL)
            room_expire(c, room, ended_since(c, (const char *)id.data));
    }
}

void adopt_finish(struct core *c)
{
    if (c->adoption == NULL)
        return;
    restore_all(c);
    sweep(c);
    reload_settings(c);
    reload_global_rooms(c);
    reload_calls(c);
    if (c->adoption->other_rates)
        reload_rates(c);
    start_stages(c);
    start_graces(c);
    peers_start(c);
    probe_targets_start(c);
    drain_adopted(c);
    route_adopted(c);
    struct ipc_item complete = {.type = IPC_complete, .u.complete = {c->adoption->swept}};
    transaction_add(&c->transaction, &complete);
    report(c, LOG_INFO, "adopted", LOG_U64("connections", HASH_COUNT(c->connections)),
           LOG_U64("phones", HASH_COUNT(c->phones)), LOG_U64("rooms", HASH_COUNT(c->rooms)),
           LOG_U64("calls", HASH_COUNT(c->calls)), LOG_U64("swept", c->adoption->swept));
    adopt_free(c);
}
