/*
 * Hops: over which links media goes on, and with which tag in front. A list of them belongs to a
 * room (egress) or to a route (onward); it names links, never connections, so that a link's
 * connections may come and go.
 */
#ifndef CHAPPE_DATAPLANE_HOP_H
#define CHAPPE_DATAPLANE_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/table.h"
#include "ipc/catalogue.h"

struct link;

struct hop {
    struct link *link; /* one reference */
    uint8_t tag[IPC_TAG_SIZE];
    bool seen; /* the first packet over this hop has been told */
};

/* Zero-initialised is valid and empty. */
struct hops {
    struct hop *list;
    uint32_t count;
};

/* Takes references to the links, which are made as needed. 0, ERR_MEMORY, ERR_FULL. */
int hops_init(struct hops *hops, struct table *links, const struct ipc_hops *from);
void hops_free(struct hops *hops, struct table *links);
/* A list that takes the place of `old`: what was told of a link is not told again. */
void hops_inherit(struct hops *hops, const struct hops *old);

#endif
