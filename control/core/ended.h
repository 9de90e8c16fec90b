/*
 * Ended calls, remembered by id for the ring timeout plus 60 s: an offer that its hang-up overtook
 * does not ring, an id is not used again, and relays of ours that may not have heard are told once
 * more at the next link-up. Capped; the oldest go first. In records.
 */
#ifndef CHAPPE_CONTROL_CORE_ENDED_H
#define CHAPPE_CONTROL_CORE_ENDED_H

#include "control/core/calls.h"
#include "control/core/peers.h"

#define ENDED_EXTRA_NS (60 * CLOCK_SECOND)
#define ENDED_MAX 65536

struct ended {
    char id[ROOM_CALL_ID_SIZE];
    char spelling[ROOM_CALL_ID_SIZE];
    enum signal_hangup_reason reason;
    uint64_t order;
    uint64_t expires;
    struct fingerprint_tls *relays; /* to be told again */
    size_t relay_count;
    UT_hash_handle hh;
};

bool ended_knows(const struct core *c, const char *id);
/* The call's relays are to be told again, all but the one that told us (or NULL). */
void ended_add(struct core *c, const struct call *call, enum signal_hangup_reason reason,
               const struct fingerprint_tls *told_by);
/* A call that we never knew and will not take any more. */
void ended_add_unknown(struct core *c, const char *id, struct signal_text spelling);
/* Answers a word about a call that we do not have: it is over, or we have lost it. */
void ended_say(struct core *c, struct peer *peer, struct signal_text call_id);
/* Says Hangup for each call that this peer may still believe in. */
void ended_repeat(struct core *c, struct peer *peer);
/* When the call ended; 0 if it is not remembered. */
uint64_t ended_since(const struct core *c, const char *id);

int ended_restore(struct core *c, struct bytes id, struct bytes value);
void ended_restored(struct core *c);
void ended_init(struct core *c);
void ended_free(struct core *c);

#endif
