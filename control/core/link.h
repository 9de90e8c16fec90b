/*
 * Connections with SNI `_federation`: one logical link per peer, of one or more connections
 * (federation.md, "How two of ours know each other"; protocol.md 5.10).
 *
 * Signals go over the oldest connection; they are taken from all. A relay of ours proves itself by
 * its certificate and says hello with a `chappe` field within 5 s. An original (legacy: true) is
 * linked at once when we dial it, and after its hello, from its configured address, when it dials
 * us; it gets a Ping every 5 s, else it purges us (defect 25).
 *
 * A hello of ours says when its data plane started. Connections of an earlier start are dead,
 * though nothing may have said so: they are ended when the first hello of a later one comes, before
 * anything is sent over them again.
 *
 * An original's two ends share one entry for all connections (defect 21): none of them is closed as
 * redundant, and when one of several is lost it is dialed again, or if we cannot dial, the rest is
 * closed so that it dials. What else an old connection may do to a new one: renewal.h.
 *
 * A relay older than the seed ends the link at the first forwarded signal: a legacy link that
 * closes within 1 s of that, twice in a row, gets none for a day.
 */
#ifndef CHAPPE_CONTROL_CORE_LINK_H
#define CHAPPE_CONTROL_CORE_LINK_H

#include "control/core/peers.h"

#define LINK_CONNECTIONS_MAX 16 /* of one peer */
#define LINK_PING_AFTER_MS 500  /* relays of ours */
#define LINK_DEAD_AFTER_MS 2000
#define LINK_REPEAT_MS 5000 /* Ping to originals */
#define LINK_STRIKE_NS CLOCK_SECOND
#define LINK_STRIKES 2
#define LINK_SILENT_NS (24 * 3600 * CLOCK_SECOND)

struct link_connection {
    struct connection *connection;
    struct peer *peer;      /* NULL: it has not said who it is */
    bool live;              /* part of the link */
    bool ours;              /* a relay of ours, proven */
    uint64_t order;         /* grows with every live connection */
    uint64_t spoke;         /* legacy: when it got its first forward; 0: none yet */
    uint32_t hops;          /* as its hello said: the longest path that it takes */
    bool accepts_forwarded; /* likewise: more than first-hand */
    uint64_t start;         /* likewise: of its data plane, ms since 1970; 0: not said */
    struct link_connection *prev;
    struct link_connection *next; /* in peer->links */
};

/* The connection that speaks for the link, or NULL. */
struct connection *link_oldest(const struct peer *peer);
/* The same for forwarded signals: NULL also for a peer that cannot take them. */
struct connection *link_speaker(struct core *c, struct peer *peer);
/* Our hello, with marks of what comes with it (common/EXTENSION.md). */
enum { LINK_HELLO_BEGIN = 1, LINK_HELLO_END = 2, LINK_HELLO_RESYNC = 4 };
void link_say_hello(struct core *c, const struct connection *conn, unsigned marks);
/* Says something to the peer relay itself. */
void link_say(struct core *c, const struct peer *peer, const struct signal *message);
/* Tells the data plane anew what the connections of the link are, after a change of terms. */
void link_put_roles(struct core *c, const struct peer *peer);

#endif
