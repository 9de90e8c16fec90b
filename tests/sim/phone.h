/*
 * A phone: registers at a relay, and again when the connection is lost; calls, answers every call,
 * and joins the room of the call at its own relay. A call that it was in when the connection was
 * lost is over for it, and it says so once it is registered again: the relay may not have noticed.
 */
#ifndef CHAPPE_TESTS_SIM_PHONE_H
#define CHAPPE_TESTS_SIM_PHONE_H

#include "tests/sim/person.h"

#define PHONE_CALL_ID 24

enum phone_call {
    PHONE_FREE,
    PHONE_CALLING, /* it has offered */
    PHONE_RINGS,   /* CallRinging came */
    PHONE_TALKS,   /* CallSetup came */
};

struct phone {
    struct net *net;
    struct person *media; /* its number, key and name; joins the call's room */
    struct quic_endpoint *endpoint, *at;
    struct quic_connection *conn;
    int relay;       /* -1: nowhere */
    bool registered; /* RegisterPresenceAck came */
    struct net_timer again;
    enum phone_call call;
    char call_id[PHONE_CALL_ID];
    char lost_id[PHONE_CALL_ID]; /* of the call that it lost; "": none */
    uint64_t ended;              /* calls that ended by a Hangup that came */
};

/* `number` and `people` as of persons; they share the names. */
struct phone *phone_new(struct net *net, int number, int people);
void phone_free(struct phone *p);
void phone_register(struct phone *p, int relay, struct quic_endpoint *at);
void phone_unregister(struct phone *p);
void phone_call(struct phone *p, const char *name, const char *call_id);
/* Nothing happens if it is free. */
void phone_hang_up(struct phone *p);

#endif
