#include "dataplane/route.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

static uint64_t hash_of(const struct table *routes, const struct link *link, const uint8_t *tag)
{
    uint8_t key[sizeof(link->number) + IPC_TAG_SIZE];

    memcpy(key, &link->number, sizeof(link->number));
    memcpy(key + sizeof(link->number), tag, IPC_TAG_SIZE);
    return table_hash(routes, (struct bytes){key, sizeof(key)});
}

struct route *route_find(const struct table *routes, const struct link *link, const uint8_t *tag)
{
    struct table_node *node = table_first(routes, hash_of(routes, link, tag));

    for (; node; node = table_next(node)) {
        struct route *route = table_entry(node, struct route, node);
        if (route->link == link && memcmp(route->tag, tag, IPC_TAG_SIZE) == 0)
            return route;
    }
    return NULL;
}

/* The relay whose media it is, as a number for dedup. */
static uint32_t origin_number(const struct table *links, const struct link *link,
                              const struct fingerprint_tls *origin)
{
    const struct fingerprint_tls none = {0};

    if (fingerprint_tls_equal(origin, &none))
        origin = &link->fingerprint;
    return (uint32_t)table_hash(links, (struct bytes){origin->bytes, sizeof(origin->bytes)});
}

static int obtain_quota(struct route *route, struct table *quotas)
{
    struct quota_key key = {.room = route->room ? route->room->id : 0, .link = route->link->number};

    if (!route->room)
        memcpy(key.tag, route->tag, sizeof(key.tag));
    return quota_obtain(quotas, &key, &route->quota);
}

/* What it refers to. */
static int obtain(struct route *route, const struct route_tables *tables, uint64_t room_id,
                  const struct ipc_route_put *from)
{
    int err = link_obtain(tables->links, &from->link, &route->link);

    if (!err && from->room.len)
        err = room_obtain(tables->rooms, from->room, room_id, &route->room);
    if (!err)
        err = obtain_quota(route, tables->quotas);
    if (!err)
        err = hops_init(&route->onward, tables->links, &from->onward);
    return err;
}

int route_new(struct route **out, const struct route_tables *tables, uint64_t room_id,
              const struct ipc_route_put *from)
{
    struct route *route = calloc(1, sizeof(*route));

    if (!route)
        return ERR_MEMORY;
    memcpy(route->tag, from->tag.bytes, sizeof(route->tag));
    int err = obtain(route, tables, room_id, from);
    if (err) {
        route_free(route, tables);
        return err;
    }
    route->pps = from->pps;
    route->origin = from->origin;
    route->legacy = from->legacy;
    route->origin_number = origin_number(tables->links, route->link, &from->origin);
    *out = route;
    return 0;
}

void route_free(struct route *route, const struct route_tables *tables)
{
    if (!route)
        return;
    hops_free(&route->onward, tables->links);
    if (route->quota)
        quota_release(tables->quotas, route->quota);
    if (route->room)
        room_release(tables->rooms, route->room);
    if (route->link)
        link_release(tables->links, route->link);
    free(route);
}

int route_insert(struct table *routes, struct route *route)
{
    return table_insert(routes, &route->node, hash_of(routes, route->link, route->tag));
}

void route_inherit(struct route *route, const struct route *old)
{
    route->seen = old->seen && route->room == old->room;
    hops_inherit(&route->onward, &old->onward);
}
