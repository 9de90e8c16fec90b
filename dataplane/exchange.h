/*
 * The exchange: everything that commands install in one worker, and what moves media by it. Tables
 * of connections, rooms, links, routes and records; dedup; repeats; counters. It knows no sockets
 * and no contract; the worker feeds it.
 *
 *   media.h     datagrams in, datagrams out
 *   commit.h    a transaction of commands
 *   snapshot.h  what is installed, in slices
 *
 * Caps beyond which a transaction is refused (commit.h); nothing that a peer does grows these
 * tables by itself but for connections, which QUIC limits.
 */
#ifndef CHAPPE_DATAPLANE_EXCHANGE_H
#define CHAPPE_DATAPLANE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/fingerprint.h"
#include "common/heap.h"
#include "dataplane/session.h"
#include "dataplane/counters.h"
#include "dataplane/dedup.h"
#include "dataplane/event_log.h"
#include "dataplane/link.h"
#include "dataplane/quic/quic.h"
#include "dataplane/record.h"
#include "dataplane/repeat.h"
#include "dataplane/room.h"
#include "dataplane/route.h"
#include "dataplane/table.h"
#include "ipc/catalogue.h"

#define EXCHANGE_ROOMS_MAX (1u << 20)
#define EXCHANGE_ROUTES_MAX (1u << 20)
#define EXCHANGE_RECORDS_MAX (1u << 22)
#define EXCHANGE_DIALS_MAX 8192 /* unfinished, and finished ones not yet acknowledged */

struct exchange {
    struct quic_endpoint *endpoint; /* borrowed; set before the first dial or datagram */
    struct event_log *event_log;    /* borrowed; NULL: there is none */
    struct event_ring *events;      /* the log's; NULL: it is off */
    struct table sessions;          /* open, dialing and closed ones */
    struct table rooms;
    struct table links;
    struct table routes;
    struct table quotas; /* of the routes */
    struct records records;
    struct heap repeats;
    struct dedup dedup;
    struct counters counters;
    struct buffer notices;      /* encoded, to be published and cleared by the worker */
    struct session *unreported; /* closed, but that could not be told yet */
    uint64_t last_number;       /* of a connection */
    uint64_t last_room;
    uint64_t route_pps;   /* of all quotas together, for dedup's size */
    uint32_t self_number; /* stands for our own phones' media in dedup */
    uint32_t dials;
    bool refuse_new; /* by command */
    bool stop;       /* by command: the worker ends */
    bool adopted;    /* a control plane has everything: the next flush tells it all notices */
};

/*
 * `worker` goes into the connections' numbers. `secret` keys the tables and dedup; `self` is our
 * own TLS fingerprint. 0 or ERR_MEMORY.
 */
int exchange_init(struct exchange *x, uint8_t worker, const uint8_t secret[16],
                  const struct fingerprint_tls *self);
void exchange_free(struct exchange *x);

/* A connection whose handshake we accepted. NULL = out of memory. */
struct session *exchange_accept(struct exchange *x, struct quic_connection *quic,
                                const struct quic_peer *peer);
/* A connection to dial, in no table. NULL = out of memory. */
struct session *exchange_new_dial(struct exchange *x, const struct ipc_dial *dial);
/* Its QUIC connection is gone: no media, no repeat; the facts stay. */
void exchange_retire(struct exchange *x, struct session *c);
/* `closed` could not be told: it is kept in x->unreported with the reason. */
void exchange_keep_unreported(struct exchange *x, struct session *c, int error);
/* `opened` was acknowledged: the connection is part of snapshots now. */
void exchange_acknowledge(struct exchange *x, struct session *c);
/* `closed` was acknowledged: facts and owned records go, and `c` is freed. */
void exchange_forget(struct exchange *x, struct session *c);

/* Takes the connection out of its room or link. */
void exchange_leave(struct exchange *x, struct session *c);
/* All members leave, the room is not installed any more. */
void exchange_delete_room(struct exchange *x, struct room *room);
/* A route as the command wants it, in no table. 0, ERR_MEMORY, ERR_FULL. */
int exchange_new_route(struct exchange *x, const struct ipc_route_put *from, struct route **out);
/* Frees one that is in no table. NULL is fine. */
void exchange_free_route(struct exchange *x, struct route *route);
/* Puts the route in, in place of the one of the same link and tag. Cannot fail after
   table_reserve(). */
void exchange_put_route(struct exchange *x, struct route *route, uint64_t now);
/* Takes the route out and frees it. */
void exchange_delete_route(struct exchange *x, struct route *route);

/* Queues a message, or closes the connection that does not keep up; the connection is open. */
void exchange_send(struct exchange *x, struct session *c, struct quic_body *body,
                   uint64_t replace_key);
/* Sends the repeats that are due, at most `max` of them. */
void exchange_run_repeats(struct exchange *x, uint64_t now, unsigned max);
/* UINT64_MAX = none. */
uint64_t exchange_next_repeat(const struct exchange *x);

/* The event log's file from now on; empty: none. */
void exchange_use_event_log(struct exchange *x, struct bytes path);
/* Appends a `first_media` notice, unless that of the link, room and direction was told before. A
   route or a hop asks once; `room` may be NULL. */
void exchange_tell_first_media(struct exchange *x, const struct link *link, struct room *room,
                               bool inbound);

#endif
