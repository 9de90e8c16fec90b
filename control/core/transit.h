/*
 * Calls for which we are only on the way: neither party is here (federation.md, "Calls"). Once the
 * callee has accepted, the data plane holds two routes: what comes over the one link with the call
 * room's tag goes out on the other with the same tag, and the other way round. No room, no members,
 * no dedup: a call's media has one path.
 *
 * The routes go with the call. A call that lost a link has 30 s, as everywhere (call_room_watch);
 * one that still rings is ended by the relays of its phones, and by us only if they never do.
 */
#ifndef CHAPPE_CONTROL_CORE_TRANSIT_H
#define CHAPPE_CONTROL_CORE_TRANSIT_H

#include "control/core/calls.h"
#include "ipc/catalogue.h"

#define TRANSIT_EXTRA_NS (60 * CLOCK_SECOND) /* that it may ring longer than at its ends */
#define TRANSIT_CALLS_MAX (CALLS_MAX / 2)    /* with more calls than that, none is carried */

/* The routes of an active call. */
struct transit {
    struct ipc_tag tag;
    struct call *call;
    UT_hash_handle hh;
};

/* A call between others that is active now: its routes. Nothing for any other call. */
void transit_open(struct core *c, struct call *call);
void transit_close(struct core *c, struct call *call);
/* Tells the data plane its rates anew, if it has routes. */
void transit_put(struct core *c, const struct call *call);
/* Adoption: the data plane has its routes. */
void transit_restore(struct core *c, struct call *call);
void transit_free(struct core *c, struct call *call); /* memory only */
/* True if a route that was found installed is one of a call in transit. */
bool transit_claims(const struct core *c, const struct fingerprint_tls *link,
                    const struct ipc_tag *tag);

#endif
