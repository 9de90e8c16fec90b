#include "control/core/transit.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/call_room.h"

static void put_route(struct core *c, const struct transit *transit, const struct call_side *from,
                      const struct call_side *to)
{
    struct ipc_hop hop = {.link = to->relay};
    struct ipc_item item = {.type = IPC_route_put};
    memcpy(hop.tag, transit->tag.bytes, sizeof(hop.tag));
    item.u.route_put.link = from->relay;
    item.u.route_put.tag = transit->tag;
    item.u.route_put.pps = c->settings.config->limits.federation_room_pps;
    item.u.route_put.onward = (struct ipc_hops){&hop, 1};
    transaction_add(&c->transaction, &item);
}

static void delete_route(struct core *c, const struct transit *transit,
                         const struct call_side *from)
{
    struct ipc_item item = {.type = IPC_route_delete};
    item.u.route_delete.link = from->relay;
    item.u.route_delete.tag = transit->tag;
    transaction_add(&c->transaction, &item);
}

void transit_restore(struct core *c, struct call *call)
{
    char name[ROOM_NAME_SIZE];
    if (!call_is_transit(call) || call->state != CALL_ACTIVE || call->transit != NULL)
        return;
    struct transit *transit = calloc(1, sizeof(*transit));
    if (transit == NULL) {
        c->failed = true;
        return;
    }
    room_of_call(call->id, name);
    transit->tag = call_room_tag(c, name);
    transit->call = call;
    call->transit = transit;
    HASH_ADD(hh, c->transits, tag, sizeof(transit->tag), transit);
}

void transit_put(struct core *c, const struct call *call)
{
    if (call->transit == NULL)
        return;
    put_route(c, call->transit, &call->caller, &call->callee);
    put_route(c, call->transit, &call->callee, &call->caller);
}

void transit_open(struct core *c, struct call *call)
{
    transit_restore(c, call);
    transit_put(c, call);
    call_room_watch(c, call);
}

void transit_free(struct core *c, struct call *call)
{
    if (call->transit == NULL)
        return;
    HASH_DEL(c->transits, call->transit);
    free(call->transit);
    call->transit = NULL;
}

void transit_close(struct core *c, struct call *call)
{
    if (call->transit == NULL)
        return;
    delete_route(c, call->transit, &call->caller);
    delete_route(c, call->transit, &call->callee);
    transit_free(c, call);
}

bool transit_claims(const struct core *c, const struct fingerprint_tls *link,
                    const struct ipc_tag *tag)
{
    struct transit *transit = NULL;
    HASH_FIND(hh, c->transits, tag, sizeof(*tag), transit);
    return transit != NULL && (fingerprint_tls_equal(&transit->call->caller.relay, link) ||
                               fingerprint_tls_equal(&transit->call->callee.relay, link));
}
