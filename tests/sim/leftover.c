#include "tests/sim/leftover.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/names.h"
#include "tests/sim/net_connection.h"

struct left_hop {
    int to; /* relay */
    uint8_t tag[IPC_TAG_SIZE];
};

/* A route of a data plane. */
struct left_route {
    int relay, from; /* where it is, and of which link */
    struct ipc_tag tag;
    char room[ROOM_NAME_SIZE];
    struct left_hop *hops; /* owned */
    size_t hop_count;
    bool excused; /* it leads to an original that listens */
};

struct left {
    struct world *world;
    int relay; /* that is looked at */
    struct left_route *routes;
    size_t count, max;
};

/* ---- what is there ---- */

static int number_of(const struct world *w, const struct fingerprint_tls *fingerprint)
{
    for (int i = 0; i < w->shape.relays; i++) {
        struct fingerprint_tls relay = name_relay(i);
        if (fingerprint_tls_equal(&relay, fingerprint))
            return i;
    }
    sim_broken("a route of no relay");
    return -1;
}

static struct left_route *add_route(struct left *left)
{
    if (left->count == left->max) {
        left->max = left->max * 2 + 64;
        left->routes = realloc(left->routes, left->max * sizeof(*left->routes));
        if (left->routes == NULL)
            sim_broken("no memory");
    }
    return &left->routes[left->count++];
}

static void take(void *context, const struct ipc_item *item)
{
    struct left *left = context;
    const struct ipc_route_put *m = &item->u.route_put;
    if (item->type != IPC_route_put)
        return;
    struct left_route *route = add_route(left);
    *route = (struct left_route){.relay = left->relay,
                                 .from = number_of(left->world, &m->link),
                                 .tag = m->tag,
                                 .hops = sim_alloc((m->onward.count + 1) * sizeof(*route->hops)),
                                 .hop_count = m->onward.count};
    memcpy(route->room, m->room.data, m->room.len < ROOM_NAME_SIZE ? m->room.len : 0);
    for (size_t i = 0; i < m->onward.count; i++) {
        route->hops[i].to = number_of(left->world, &m->onward.list[i].link);
        memcpy(route->hops[i].tag, m->onward.list[i].tag, IPC_TAG_SIZE);
    }
}

static void free_all(struct left *left)
{
    for (size_t i = 0; i < left->count; i++)
        free(left->routes[i].hops);
    free(left->routes);
}

/* ---- what excuses it ---- */

static bool listens(const struct world *w, int relay, int original, const char *room)
{
    struct fingerprint_tls told = name_relay(relay);
    return world_is_original(w, original) && legacy_may_listen(w->originals[original], &told, room);
}

/* The next relay's route for what comes over this hop; NULL: it has none. */
static const struct left_route *next_of(const struct left *left, const struct left_route *route,
                                        const struct left_hop *hop)
{
    for (size_t i = 0; i < left->count; i++) {
        const struct left_route *next = &left->routes[i];
        if (next->relay == hop->to && next->from == route->relay &&
            memcmp(next->tag.bytes, hop->tag, IPC_TAG_SIZE) == 0)
            return next;
    }
    return NULL;
}

/* What an original that listens says itself is to be known, too (media_route.c). */
static bool is_excused(const struct left *left, const struct left_route *route)
{
    bool excused = listens(left->world, route->relay, route->from, route->room);
    for (size_t i = 0; i < route->hop_count && !excused; i++) {
        const struct left_route *next = next_of(left, route, &route->hops[i]);
        excused = next != NULL ? next->excused
                               : listens(left->world, route->relay, route->hops[i].to, route->room);
    }
    return excused;
}

static void excuse(struct left *left)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < left->count; i++) {
            struct left_route *route = &left->routes[i];
            if (!route->excused && is_excused(left, route))
                route->excused = more = true;
        }
    }
}

/* Somebody else still wants this relay's media, or an original would hear it. */
static bool is_wanted(const struct left *left, int relay)
{
    for (size_t i = 0; i < left->count; i++) {
        if (left->routes[i].relay == relay || left->routes[i].from == relay)
            return true;
    }
    for (int o = left->world->options.relays; o < left->world->shape.relays; o++) {
        for (int room = 0; room < WORLD_ROOMS; room++) {
            if (listens(left->world, relay, o, world_rooms[room]))
                return true;
        }
    }
    return false;
}

/* ---- judging ---- */

static void judge_routes(const struct left *left)
{
    for (size_t i = 0; i < left->count; i++) {
        const struct left_route *route = &left->routes[i];
        if (!route->excused)
            world_wrong(left->world, "relay %d: a route from relay %d in %s is left", route->relay,
                        route->from, route->room);
    }
}

static void judge_relay(const struct left *left, const struct relay *r)
{
    static const char *const kinds[] = {"call/", "transit/", "asked/"};
    struct world *w = left->world;
    struct core_gauges gauges = core_gauges(r->core);
    bool wanted = is_wanted(left, r->number);
    if (gauges.phones > 0 || gauges.sessions > 0 || gauges.calls > 0)
        world_wrong(w, "relay %d: phones, members or calls are left", r->number);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (plane_records_of(r->plane, kinds[i]) > 0)
            world_wrong(w, "relay %d: records %s are left", r->number, kinds[i]);
    }
    if (!wanted && (plane_records_of(r->plane, "demand/") > 0 || plane_census(r->plane).rooms > 0))
        world_wrong(w, "relay %d: wants or rooms are left", r->number);
}

void leftover_judge(struct world *w)
{
    struct left left = {.world = w};
    for (int i = 0; i < w->options.relays; i++) {
        left.relay = i;
        plane_snapshot(w->relays[i]->plane, take, &left);
    }
    excuse(&left);
    judge_routes(&left);
    for (int i = 0; i < w->options.relays; i++)
        judge_relay(&left, w->relays[i]);
    free_all(&left);
}
