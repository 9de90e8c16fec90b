/*
 * Offers that come over a link (protocol.md 5.9; federation.md, "Calls"): for phones here, and on
 * their way to another relay.
 *
 * The same offer (call id, caller, callee) may come more than once: over the same link because it
 * is repeated, or is to go another way too; over another one it is ignored, and relays of ours are
 * told that nobody is to be found by this way. One that says something else under the id of a call
 * is refused. What a relay forwards from others counts only with `delegate: true`.
 *
 * An offer that names a way goes to the first relay of it, if that is linked, lets us speak for
 * others (`accepts_forwarded`), and the message may go so far; else the answer is "not here". An
 * original names no way: its offers go where presence has the callee.
 */
#ifndef CHAPPE_CONTROL_CORE_INCOMING_H
#define CHAPPE_CONTROL_CORE_INCOMING_H

#include "control/core/envelope.h"

void incoming_offer(struct core *c, struct peer *peer, const struct signal_direct_call_offer *m,
                    struct bytes raw, const struct envelope *envelope);

#endif
