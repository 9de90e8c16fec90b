/*
 * What is said again when a link comes up, and when it loses the connection that spoke for it
 * (design: "Calls"). To a relay of ours: unanswered offers, answers that we gave, who is in our
 * half of each call room (also nobody), Hangup for calls that ended meanwhile. It knows repeats by
 * their call id, and answers what it does not know any more with a Hangup. An original is told
 * nothing twice; it only gets the offers that it was not asked about before.
 */
#ifndef CHAPPE_CONTROL_CORE_REPEAT_H
#define CHAPPE_CONTROL_CORE_REPEAT_H

#include "control/core/peers.h"

void repeat_all(struct core *c, struct peer *peer);

#endif
