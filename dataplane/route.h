/*
 * A route: where media goes that comes over a link with a tag. The table of routes is all that the
 * media path knows of trust, interest, hop limits and call bindings: the entry exists, or the
 * packet is dropped.
 */
#ifndef CHAPPE_DATAPLANE_ROUTE_H
#define CHAPPE_DATAPLANE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fingerprint.h"
#include "dataplane/hop.h"
#include "dataplane/link.h"
#include "dataplane/quota.h"
#include "dataplane/room.h"
#include "dataplane/table.h"

struct route {
    struct table_node node; /* in the table of routes, by link and tag */
    struct link *link;      /* one reference */
    struct room *room;      /* one reference; NULL = no members here */
    struct hops onward;
    struct quota *quota;    /* one reference; shared with the other routes of this link and room */
    uint32_t origin_number; /* stands for the origin in dedup */
    bool legacy;            /* the origin is an original, for dedup */
    bool seen;              /* its first packet has been told */
    uint8_t tag[IPC_TAG_SIZE];

    uint32_t pps;
    struct fingerprint_tls origin; /* as the command said; zeros: the link's own */
};

/* NULL = drop the packet. `tag`: IPC_TAG_SIZE bytes. */
struct route *route_find(const struct table *routes, const struct link *link, const uint8_t *tag);

/* What routes refer to. */
struct route_tables {
    struct table *links;
    struct table *rooms;
    struct table *quotas;
};

/* A route that is in no table, with references to its link, room, quota and hops. The tables gain
   what is missing; `room_id` names a new room. 0, ERR_MEMORY, ERR_FULL. */
int route_new(struct route **out, const struct route_tables *tables, uint64_t room_id,
              const struct ipc_route_put *from);
/* Gives the references back. The route is in no table. NULL is fine. */
void route_free(struct route *route, const struct route_tables *tables);

/* 0, ERR_MEMORY, ERR_FULL; it cannot fail after table_reserve(). */
int route_insert(struct table *routes, struct route *route);
/* A route that takes the place of `old`: what was told of it is not told again. */
void route_inherit(struct route *route, const struct route *old);

#endif
