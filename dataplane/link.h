/*
 * A link: the logical connection to one peer relay, named by its TLS fingerprint, over any number
 * of QUIC connections. Media leaves over the oldest that lives; when that one closes, over the next
 * one, without a command. A link exists as long as a hop, a route or a connection names it.
 */
#ifndef CHAPPE_DATAPLANE_LINK_H
#define CHAPPE_DATAPLANE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fingerprint.h"
#include "dataplane/session.h"
#include "dataplane/table.h"

/* Datagrams that may wait for a link: a quarter of a second of the limit on one room's packets.
   What is too long for one receiver is a moment's standstill here, where many calls share a
   connection. */
#define LINK_DATAGRAMS 1024

/* What went over a link. */
struct link_traffic {
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t datagrams_lost; /* of those that went out */
};

struct link {
    struct session *active; /* the oldest that lives, or NULL */
    uint32_t number;        /* for dedup: 1 to DEDUP_LINK_MAX */
    struct fingerprint_tls fingerprint;
    char *label; /* the peer's, owned; NULL until somebody joins */

    struct table_node node;    /* in the table of links, by fingerprint */
    struct session **sessions; /* in the order of their joining, closed ones included */
    uint32_t count;
    uint32_t capacity;
    uint32_t promised;        /* places kept for joins to come */
    uint32_t references;      /* of hops, routes, connections, commands in the making */
    struct link_traffic past; /* of the connections that have left */
    bool told;                /* for hops_inherit only */
};

struct link *link_find(const struct table *links, const struct fingerprint_tls *fingerprint);
/* The link, made if it is not there, with one more reference. 0, ERR_MEMORY, ERR_FULL. */
int link_obtain(struct table *links, const struct fingerprint_tls *fingerprint, struct link **out);
void link_retain(struct link *link);
/* Takes a reference back; the last one frees the link. */
void link_release(struct table *links, struct link *link);

/* Keeps a place for one join; taken back with link_unpromise, in any case. 0 or ERR_MEMORY. */
int link_promise(struct link *link);
void link_unpromise(struct link *link);

/* The connection, which is in no link, becomes part of this one; it takes a reference. */
void link_join(struct link *link, struct session *c);
/* It leaves its link, which may be freed. */
void link_leave(struct table *links, struct session *c);
/* It has closed: the next one takes over, but the fact stays. */
void link_retire(struct session *c);

/* Over all its connections, gone ones too, since the link is known. */
struct link_traffic link_traffic(const struct link *link);
/* Connections that live. */
uint32_t link_living(const struct link *link);

#endif
