/*
 * The relays that were asked for a callee who is not here. Until presence exists that is every
 * linked one; the first that accepts is bound, the others get a Hangup.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_ASKED_H
#define CHAPPE_CONTROL_CORE_CALL_ASKED_H

#include "control/core/calls.h"
#include "control/core/peers.h"

/* Offers the call to every linked peer; how many that were. */
size_t call_asked_all(struct core *c, struct call *call);
/* Offers it to this one, again if it was asked before. */
void call_asked_offer(struct core *c, struct call *call, struct peer *peer);
struct call_asked *call_asked_find(const struct call *call, const struct fingerprint_tls *relay);
/* True if all that were asked said that the callee is not with them. */
bool call_asked_nowhere(const struct call *call);
/* This relay has the callee: binds the call to it and hangs up at the others. */
void call_asked_bind(struct core *c, struct call *call, const struct fingerprint_tls *relay);

#endif
