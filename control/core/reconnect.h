/*
 * When to dial a peer: a pure state machine. A dial that failed is repeated after 1 s, doubling to
 * 60 s, each wait 50 to 100 % of that; back to 1 s after a link that lived 30 s. Nothing is dialed
 * while the peer is linked, whoever dialed.
 *
 *              reconnect_due            reconnect_linked
 *   WAITING ----------------> DIALING ------------------> LINKED
 *      ^                         | reconnect_failed          | reconnect_lost
 *      +-------------------------+---------------------------+
 *
 * Times are ns of CLOCK_MONOTONIC. `random` is any number; the same number gives the same wait.
 */
#ifndef CHAPPE_CONTROL_CORE_RECONNECT_H
#define CHAPPE_CONTROL_CORE_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

#define RECONNECT_FIRST_NS (UINT64_C(1000000000))
#define RECONNECT_MAX_NS (60 * UINT64_C(1000000000))
#define RECONNECT_STABLE_NS (30 * UINT64_C(1000000000)) /* a link that lived so long was good */

enum reconnect_state { RECONNECT_WAITING, RECONNECT_DIALING, RECONNECT_LINKED };

struct reconnect {
    enum reconnect_state state;
    uint64_t delay; /* the next wait is 50 to 100 % of this */
    uint64_t at;    /* WAITING: when to dial; LINKED: since when */
};

/* Waiting, and due at once. */
void reconnect_init(struct reconnect *r, uint64_t now);
/* When reconnect_due will say yes; UINT64_MAX = not before something else happens. */
uint64_t reconnect_deadline(const struct reconnect *r);
/* True once, when it is time: the caller dials, the state is DIALING. */
bool reconnect_due(struct reconnect *r, uint64_t now);
/* A dial, or what follows it until the link is up, failed. Nothing happens while linked. */
void reconnect_failed(struct reconnect *r, uint64_t now, uint64_t random);
/* The link is up (its first connection). */
void reconnect_linked(struct reconnect *r, uint64_t now);
/* Its last connection is gone. */
void reconnect_lost(struct reconnect *r, uint64_t now, uint64_t random);
/* Dial at `at` and as if for the first time, unless linked: the operator's wish, or a link that we
   have closed ourselves. */
void reconnect_at(struct reconnect *r, uint64_t at);

#endif
