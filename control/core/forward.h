/*
 * What peer relays say about calls: the inside of a FederatedSignalForward (protocol.md 5.9).
 *
 * The envelope must name the relay that sends it (defect 11). A relay may offer calls to our
 * phones, and speak about calls that it offered or was offered (defect 12); the first that accepts
 * has the call, the others get a Hangup. What a relay of ours says about a call that we do not know
 * (any more) is answered with Hangup{call_id}; a Hangup never is.
 */
#ifndef CHAPPE_CONTROL_CORE_FORWARD_H
#define CHAPPE_CONTROL_CORE_FORWARD_H

#include "control/core/peers.h"

void forward_message(struct core *c, struct peer *peer,
                     const struct signal_federated_signal_forward *forward);

#endif
