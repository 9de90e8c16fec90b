/*
 * Direct calls, between two phones here or one here and one behind a peer relay (protocol.md 5.8,
 * 5.9).
 *
 *   RINGING ---> ACTIVE ---> gone (ended.h remembers its id for a while)
 *
 * A call has two sides. A side with a phone is here; one without is behind a relay: of an offer
 * that we passed on, any of the relays asked, until one of them accepts and is bound; of an offer
 * that came over a link, that link's. Who answers and who starts calls: call_flow.c for phones,
 * forward.c for relays.
 *
 * Each call has a record; it lives until the call ends, whoever's connection closes.
 */
#ifndef CHAPPE_CONTROL_CORE_CALLS_H
#define CHAPPE_CONTROL_CORE_CALLS_H

#include "control/core/phone.h"

#define CALLS_MAX 65536
#define CALL_BODY_MAX                                                                              \
    (32u * 1024)           /* bytes of an offer or answer: they are kept while they matter */
#define CALL_REMOTE_MAX 4  /* participants that a peer may show in a call room */
#define CALL_ALIAS_SIZE 65 /* an alias is cut to 64 bytes */
#define CALL_LINK_NS (30 * CLOCK_SECOND) /* an active call whose media needs a lost link */

enum call_state { CALL_RINGING, CALL_ACTIVE };

struct call_side {
    struct call *call;
    char name[CONNECTION_NAME_SIZE];
    struct phone *phone; /* NULL: behind a relay */
    struct call_side *prev;
    struct call_side *next; /* in phone->sides */
};

/* A relay that was asked for the callee. */
struct call_asked {
    struct fingerprint_tls relay;
    bool not_here; /* it said so */
};

/* Somebody in the peer's half of the call room. */
struct call_remote {
    char name[CONNECTION_NAME_SIZE];
    char alias[CALL_ALIAS_SIZE];
};

struct call {
    char id[ROOM_CALL_ID_SIZE];       /* as it is looked up: lower case */
    char spelling[ROOM_CALL_ID_SIZE]; /* as the caller wrote it */
    uint64_t order;                   /* grows with every call */
    enum call_state state;
    struct call_side caller;
    struct call_side callee;
    bool rung;  /* the caller got its CallRinging */
    bool bound; /* the side that is not here is behind `relay` */
    struct fingerprint_tls relay;
    struct call_asked *asked; /* RINGING, the callee is not here, not bound */
    size_t asked_count;
    uint64_t ring_deadline;
    uint64_t link_deadline; /* UINT64_MAX: its media does not wait for a lost link */
    struct buffer offer;    /* as it came: for CallSetup, and to be repeated */
    struct buffer answer;   /* ACTIVE, the caller is behind the relay: to be repeated */
    struct call_remote remote[CALL_REMOTE_MAX];
    size_t remote_count;
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
struct call_side *call_other(struct call_side *side);
/* The side of this phone, or NULL. */
struct call_side *call_side_of(struct call *call, const struct phone *phone);
/* The side that is here, if the other is behind a relay; NULL for a call between two phones here.
 */
struct call_side *call_side_bridged(struct call *call);
/* True if this relay may speak for the side that is not here. */
bool call_speaks(const struct call *call, const struct fingerprint_tls *relay);

/* ---- the end ---- */
struct call_ending {
    enum signal_hangup_reason reason;
    const char *why;            /* for the log */
    bool by_relay;              /* nobody hung up: we do */
    struct bytes raw;           /* the Hangup as it came, to be passed on; may be absent */
    const struct call_side *by; /* the side that ended it and needs no telling, or NULL */
    const struct fingerprint_tls *by_relay_of; /* the relay that told us, or NULL */
    struct bytes answer;                       /* a Reject as it came: for the caller's relay */
};
/* Tells everybody who does not know yet, remembers the id, closes the call room, frees the call. */
void call_end(struct core *c, struct call *call, const struct call_ending *ending);

/* A phone is gone: its calls end. */
void calls_phone_lost(struct core *c, struct phone *phone);
/* The same user came back on another connection: calls go on there, offers ring there. */
void calls_move(struct core *c, struct phone *from, struct phone *to);

#endif
