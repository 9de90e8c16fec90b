/*
 * Where a callee may be who is not here, and the relays that are asked for him (federation.md,
 * "Calls").
 *
 * If presence knows relays that have him, these are asked, each along its path. If it knows none,
 * everybody is: all that are linked, and the originals beyond, each through the one relay of ours
 * that speaks with it; and the way to a relay beyond the reach of presence is looked for (route.h).
 * Relays of ours answer "not here", originals say nothing. The first that accepts is bound, the
 * others get a Hangup.
 *
 * When all have said that he is not there, the call ends, unless presence had promised him: he may
 * be on the move, and news of it under way. Then presence is asked again for a second, and after
 * that everybody is.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_ASKED_H
#define CHAPPE_CONTROL_CORE_CALL_ASKED_H

#include "control/core/calls.h"
#include "control/core/peers.h"

#define CALL_ASKED_MAX 16 /* places of one call in transit */
#define CALL_SEARCH_NS CLOCK_SECOND
#define CALL_SEARCH_STEP_NS (CLOCK_SECOND / 20)

/* Asks whoever may have the callee; how many relays that were. */
size_t call_asked_start(struct core *c, struct call *call);
/* All have said that he is not there: asks anew, now or a little later, or ends the call. */
void call_asked_exhausted(struct core *c, struct call *call);
/* The time for a look at what is known by now (call->search_next). */
void call_asked_search(struct core *c, struct call *call);
/*
 * Offers it to a linked relay, or by it to the last one of the way. `envelope`: of the offer that
 * is passed on, NULL if it is ours or a repeat. False: it cannot be reached.
 */
bool call_asked_by(struct core *c, struct call *call, struct peer *peer,
                   const struct fingerprint_tls *way, size_t way_count,
                   const struct envelope *envelope);
/* A link is up: what its peer is to be asked (again). */
void call_asked_repeat(struct core *c, struct call *call, struct peer *peer);

/* The relay that is asked. */
const struct fingerprint_tls *call_asked_place(const struct call_asked *asked);
/* `place` asked by way of `relay`, or NULL. */
struct call_asked *call_asked_find(struct call *call, const struct fingerprint_tls *relay,
                                   const struct fingerprint_tls *place);
/* This relay is not to be asked any more. True if it was. */
bool call_asked_withdraw(struct core *c, struct call *call, const struct peer *peer);
/* True if all that were asked said that the callee is not with them. */
bool call_asked_nowhere(const struct call *call);
/* True for one of those that wait behind the same relay: it is owed one word for all. */
bool call_asked_is_owed(const struct call *call, size_t asked);
/* Somebody has accepted, behind this relay (NULL: here): hangs up at the others. */
void call_asked_settle(struct core *c, struct call *call, const struct fingerprint_tls *relay);
void call_asked_free(struct call *call); /* memory only */

#endif
