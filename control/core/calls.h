/*
 * Direct calls: between two phones here, one here and one behind a peer relay, or two behind two of
 * them, for which we are in transit (protocol.md 5.8, 5.9; federation.md, "Calls").
 *
 *   RINGING ---> ACTIVE ---> gone (ended.h remembers its id for a while)
 *
 * A call has two sides. A side with a phone is here; one that is bound is behind a relay: the next
 * one on the way, not necessarily the phone's. Until somebody accepts, the callee may be in several
 * places: here, and behind each of the relays that were asked; who accepts first has the call. Who
 * answers and who starts calls: call_flow.c for phones, forward.c and incoming.c for relays.
 *
 * Each call has a record; it lives until the call ends, whoever's connection closes.
 */
#ifndef CHAPPE_CONTROL_CORE_CALLS_H
#define CHAPPE_CONTROL_CORE_CALLS_H

#include "control/core/phone.h"

struct envelope;
struct transit;

#define CALLS_MAX 65536
#define CALL_BODY_MAX                                                                              \
    (32u * 1024)           /* bytes of an offer or answer: they are kept while they matter */
#define CALL_REMOTE_MAX 4  /* participants that a peer may show in a call room */
#define CALL_ALIAS_SIZE 65 /* an alias is cut to 64 bytes */
#define CALL_LINK_NS (30 * CLOCK_SECOND) /* an active call whose way is cut */

enum call_state { CALL_RINGING, CALL_ACTIVE };

/* Somebody in a relay's half of the call room. */
struct call_remote {
    char name[CONNECTION_NAME_SIZE];
    char alias[CALL_ALIAS_SIZE];
    char label[CALL_ALIAS_SIZE]; /* of the relay where he is */
};

struct call_side {
    struct call *call;
    char name[CONNECTION_NAME_SIZE];
    struct phone *phone; /* NULL: not here */
    bool bound;          /* behind `relay` */
    struct fingerprint_tls relay;
    struct fingerprint_tls origin; /* bound: the relay where the phone is, as far as we were told */
    struct call_remote remote[CALL_REMOTE_MAX]; /* bound: who is in the call room there */
    size_t remote_count;
    struct call_side *prev;
    struct call_side *next; /* in phone->sides */
};

/* A relay that was asked for the callee, and the way there. */
struct call_asked {
    struct fingerprint_tls relay; /* the first on the way; it is linked with us */
    struct fingerprint_tls *way;  /* those after it; the last is the one that is asked */
    size_t way_count;             /* 0: `relay` itself is */
    bool not_here;                /* it said so, or it cannot be reached */
};

struct call {
    char id[ROOM_CALL_ID_SIZE];       /* as it is looked up: lower case */
    char spelling[ROOM_CALL_ID_SIZE]; /* as the caller wrote it */
    uint64_t order;                   /* grows with every call */
    enum call_state state;
    struct call_side caller;
    struct call_side callee;
    bool rung;                /* the caller, or his relay, got the CallRinging */
    struct call_asked *asked; /* RINGING: where the callee may be besides; ACTIVE: another way */
    size_t asked_count;
    bool everybody;        /* nobody knew where: whoever gets linked is asked too */
    uint64_t search_until; /* 0: not yet; until when presence is asked again, and again */
    uint64_t search_next;  /* when it is; UINT64_MAX: not at all */
    uint32_t round;        /* of its way: 0 the offer's, other ways have a higher one (reroute.h) */
    bool severed;          /* ACTIVE: somebody on the way has said that it is cut */
    uint32_t said;         /* messages of ours to relays about it: makes their ids */
    uint64_t ring_deadline;
    uint64_t link_deadline;  /* UINT64_MAX: its way is not cut, as far as it matters */
    struct buffer offer;     /* RINGING or on another way; as it came: for CallSetup, and repeats */
    struct buffer answer;    /* ACTIVE, the caller is behind a relay: to be repeated */
    struct transit *transit; /* its routes through us, or NULL */
    struct timer timer;
    struct deferred record;
    UT_hash_handle hh;
};

/* ---- the table ---- */
struct call *calls_find(const struct core *c, const char *id);
/* By an id as it came, in any spelling; NULL also for one that no call can have. */
struct call *calls_find_text(const struct core *c, struct signal_text id);
/* NULL without memory or beyond CALLS_MAX. Rings until the timeout. */
struct call *calls_add(struct core *c, const char *id, struct signal_text spelling,
                       struct bytes offer);
/* An empty call of that name, for a record to fill. */
struct call *calls_restore(struct core *c, const char *id, struct signal_text spelling);
void calls_free(struct core *c, struct call *call);   /* memory only */
void call_changed(struct core *c, struct call *call); /* its record, its deadline */

/* ---- sides ---- */
void call_side_here(struct call_side *side, struct phone *phone);
/* Its phone is no longer part of the call. */
void call_side_leave(struct call_side *side);
void call_side_bind(struct call_side *side, const struct fingerprint_tls *relay,
                    const struct fingerprint_tls *origin);
struct call_side *call_other(struct call_side *side);
/* The side of this phone, or NULL. */
struct call_side *call_side_of(struct call *call, const struct phone *phone);
/* The side for which this relay may speak, or NULL. */
struct call_side *call_side_of_relay(struct call *call, const struct fingerprint_tls *relay);
/* ACTIVE: the side behind a relay whose other side is here; NULL for all other calls. */
struct call_side *call_side_far(struct call *call);
bool call_is_transit(const struct call *call); /* neither side is here */

/* ---- the end ---- */
struct call_ending {
    enum signal_hangup_reason reason;
    const char *why;            /* for the log */
    bool by_relay;              /* nobody hung up: we do */
    struct bytes raw;           /* the Hangup as it came, to be passed on; may be absent */
    const struct call_side *by; /* the side that ended it and needs no telling, or NULL */
    const struct fingerprint_tls *by_relay_of; /* the relay that told us, or NULL */
    struct bytes answer;                       /* a Reject as it came: for the caller's relay */
    const struct envelope *envelope;           /* of what is passed on; NULL: it is ours */
};
/* Tells everybody who does not know yet, remembers the id, closes the call room, frees the call. */
void call_end(struct core *c, struct call *call, const struct call_ending *ending);
/* Neither here nor behind those that we asked: we are not in the way of this call. No word. */
void call_forget(struct core *c, struct call *call);

/* A phone is gone: its calls end. */
void calls_phone_lost(struct core *c, struct phone *phone);
/* The same user came back on another connection: calls go on there, offers ring there. */
void calls_move(struct core *c, struct phone *from, struct phone *to);

#endif
