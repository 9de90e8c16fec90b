/*
 * Another way for a call that is on, between relays of ours, when its way is cut (federation.md,
 * "Calls").
 *
 * The caller's relay looks for it, nobody else. It knows that the way is cut by the loss of its own
 * link; each relay on the way that loses its link toward the callee tells those before it ("not
 * here"). The caller's relay says the offer again, numbered (EXTENSION.md, `again`), along the way
 * that presence has to the callee's relay: at once, and every REROUTE_STEP_NS while none is found.
 * Relays that meet it for the first time carry it like any offer; those that have the call take its
 * caller's side to where it came from; the callee's relay answers as it did. The answer makes the
 * new way, from relay to relay: until then everything stays as it was, and phones learn nothing.
 *
 * Each relay whose caller's side moves hangs up at the relay where that was before, and so do those
 * before it. A caller's relay that this reaches over the way that it has looks for another one: an
 * offer may come so late that the way which it makes is not tried any more, and both ends must
 * agree. A relay of the old way that this does not reach has lost a link, and ends the call at its
 * deadline, as does everybody when there is no other way: CALL_LINK_NS after it was cut. The same
 * for a relay in between that has lost the call (its data plane died): that ends the call only if
 * no way is found.
 */
#ifndef CHAPPE_CONTROL_CORE_REROUTE_H
#define CHAPPE_CONTROL_CORE_REROUTE_H

#include "control/core/envelope.h"

#define REROUTE_STEP_NS (CLOCK_SECOND / 2)

/* The way is cut: the caller's relay starts to search, a relay in between tells it. */
void reroute_start(struct core *c, struct call *call);
/* The time for another attempt (call->search_next). */
void reroute_search(struct core *c, struct call *call);
/* Somebody on the way has lost the call, or the way on: waits for another way. */
void reroute_lost(struct core *c, struct call *call, struct call_side *side,
                  const struct peer *peer);
/* A relay in between whose way on is cut says so to the relay of the caller's side: at once, and
   when the link with that one comes up. */
void reroute_tell_cut(struct core *c, struct call *call);

/* True if this offer of another way is news to this call. */
bool reroute_is_new(const struct call *call, const struct envelope *e);
/* Takes the caller's side to the relay that offers it. */
void reroute_from(struct core *c, struct call *call, struct peer *peer, uint32_t round);
/* The callee's relay: answers as it did. */
void reroute_answer(struct core *c, struct call *call, struct peer *peer);
/* An answer for a call that is on: takes the callee's side to there. False: not asked for. */
bool reroute_answered(struct core *c, struct call *call, const struct peer *peer,
                      const struct envelope *e);

#endif
