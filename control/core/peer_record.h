/*
 * The record of a peer: its backoff and the dial that is under way, so that both go on over a
 * restart, and what was learned about it.
 */
#ifndef CHAPPE_CONTROL_CORE_PEER_RECORD_H
#define CHAPPE_CONTROL_CORE_PEER_RECORD_H

#include "control/core/peers.h"

/* peer->record.run */
void peer_record_write(struct core *c, struct deferred *work);
int peer_record_read(struct peer *peer, struct bytes value); /* 0, ERR_SYNTAX */

#endif
