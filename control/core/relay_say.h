/*
 * What we say to peer relays about calls: a signal message in a FederatedSignalForward, over the
 * oldest connection of the link. A link that is down swallows it; what matters is repeated at the
 * next link-up (repeat.h). The envelope is told to relays of ours only.
 */
#ifndef CHAPPE_CONTROL_CORE_RELAY_SAY_H
#define CHAPPE_CONTROL_CORE_RELAY_SAY_H

#include "control/core/envelope.h"

/* Passes on a message as it came. True if there was a connection to send it on; false also for no
   peer (NULL: the config no longer has it). */
bool relay_pass(struct core *c, struct peer *peer, struct bytes inner, const struct envelope *e);
/* Says something of our own. */
bool relay_say(struct core *c, struct peer *peer, const struct signal *inner,
               const struct envelope *e);
/* Hangup{reason, call_id} by us. */
void relay_hang_up(struct core *c, struct peer *peer, enum signal_hangup_reason reason,
                   struct signal_text call_id);
/* The same about a call that we know nothing of, and may have lost. */
void relay_lost(struct core *c, struct peer *peer, struct signal_text call_id);
/* The same to a relay that is not on the way of the call, or not any more (reroute.h). */
void relay_end_way(struct core *c, struct peer *peer, const struct call *call);
/* The callee is not registered at this relay: ourselves, or one that we cannot reach. */
void relay_not_here(struct core *c, struct peer *peer, const struct fingerprint_tls *relay,
                    struct signal_text call_id);

#endif
