/*
 * A quota: how much media one link may bring into one room, whatever the number of origins and
 * tags that it comes with (federation.md, "Media": a token bucket per peer and room). All routes of
 * the link and room hold the same one, so that a packet costs no search. A route without a room,
 * which only passes a call on, has a quota by its tag.
 */
#ifndef CHAPPE_DATAPLANE_QUOTA_H
#define CHAPPE_DATAPLANE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/bucket.h"
#include "dataplane/table.h"
#include "ipc/catalogue.h"

struct quota_key {
    uint64_t room;             /* its id; 0 = none */
    uint64_t link;             /* its number */
    uint8_t tag[IPC_TAG_SIZE]; /* zeros if there is a room */
};

struct quota {
    struct bucket bucket;
    uint64_t interval; /* ns between two packets; 0 = unlimited */

    struct table_node node; /* in the table of quotas, by key */
    struct quota_key key;
    uint32_t references; /* of routes, also of such that are not installed yet */

    /* The bookkeeping of exchange.c; nothing here looks at it. */
    uint32_t installed;   /* routes that are */
    uint64_t counted_pps; /* what it adds to the rate that dedup is made for */
};

/* The quota, made (full and unlimited) if it is not there, with one more reference. 0, ERR_MEMORY,
   ERR_FULL. */
int quota_obtain(struct table *quotas, const struct quota_key *key, struct quota **out);
/* Takes a reference back; the last one frees the quota. */
void quota_release(struct table *quotas, struct quota *quota);

/* From now on this is the rate, in packets/s; 0 = unlimited. The bucket stays as full as it is. */
void quota_set_rate(struct quota *quota, uint32_t pps);
/* True if a packet may pass at `now`; it then counts. */
bool quota_take(struct quota *quota, uint64_t now);

#endif
