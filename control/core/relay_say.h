/*
 * What we say to peer relays about calls: a signal message in a FederatedSignalForward, over the
 * oldest connection of the link. A link that is down swallows it; what matters is repeated at the
 * next link-up (repeat.h).
 */
#ifndef CHAPPE_CONTROL_CORE_RELAY_SAY_H
#define CHAPPE_CONTROL_CORE_RELAY_SAY_H

#include "control/core/peers.h"

/* Passes on a message as it came. True if there was a connection to send it on; false also for no
   peer (NULL: the config no longer has it). */
bool relay_pass(struct core *c, struct peer *peer, struct bytes inner);
/* Says something of our own. */
bool relay_say(struct core *c, struct peer *peer, const struct signal *inner);
/* Hangup{reason, call_id} by us; not_here: the callee is not registered here. */
void relay_hang_up(struct core *c, struct peer *peer, enum signal_hangup_reason reason,
                   struct signal_text call_id, bool not_here);

#endif
