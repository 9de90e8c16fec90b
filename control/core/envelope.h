/*
 * What a FederatedSignalForward says of itself, besides the message inside (common/EXTENSION.md):
 * whose it is, how far it may still go, and its id. Originals say none of it: their messages are
 * their own and have no id.
 *
 * Ids and hops are there for messages that go round in a circle. They should not exist: a message
 * about a call follows the call's path, and an offer the way that it names. An id that came before
 * is dropped; those of the last messages are remembered, for a while, and not in a record.
 */
#ifndef CHAPPE_CONTROL_CORE_ENVELOPE_H
#define CHAPPE_CONTROL_CORE_ENVELOPE_H

#include "control/core/calls.h"
#include "control/core/federation.h"
#include "control/core/peers.h"

#define ENVELOPE_HOPS_MAX (FEDERATION_PATH_MAX - 1) /* links after the first */
#define ENVELOPE_ID_SIZE 33
#define ENVELOPE_SEEN_MAX 1024
#define ENVELOPE_SEEN_NS (30 * CLOCK_SECOND) /* less than an ended call's id is remembered */

struct envelope {
    struct fingerprint_tls origin; /* the relay that made the message */
    char id[ENVELOPE_ID_SIZE];     /* "": none */
    uint32_t hops;                 /* links that it may go beyond the receiver */
    /* Offers: the relays to go through after the receiver; the last is the one that is meant.
       Empty: the receiver itself. Of another message nothing. */
    struct fingerprint_tls way[FEDERATION_PATH_MAX];
    size_t way_count;
    uint32_t again; /* not 0: about another way of a call that is on (reroute.h) */
};

/* A message of ours about this call, with an id of its own. */
struct envelope envelope_own(struct core *c, struct call *call);
/* A message of ours on somebody else's behalf: what is repeated, and a relay that cannot be
   reached. */
struct envelope envelope_for(const struct fingerprint_tls *origin);

/* What came over the link; false if it makes no sense. */
bool envelope_read(const struct peer *peer, const struct signal_federated_signal_forward *m,
                   struct envelope *out);
/* The same for the next link; false if it has gone far enough. */
bool envelope_onward(const struct envelope *in, struct envelope *out);
/* True if it came from another relay than the one that sends it. */
bool envelope_is_forwarded(const struct envelope *e, const struct peer *peer);
/* True if a message with this id came before. */
bool envelope_seen(struct core *c, const struct envelope *e);

/* The ids of the last messages. */
struct envelope_slot {
    uint64_t digest;
    uint64_t when;
};
struct envelope_seen {
    struct envelope_slot slots[ENVELOPE_SEEN_MAX];
};
struct envelope_seen *envelope_seen_new(void); /* freed with free() */

#endif
