/*
 * The ways to a phone: along which relays an offer goes to those of the federation that have it
 * registered (presence.h).
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_WAY_H
#define CHAPPE_CONTROL_CORE_CALL_WAY_H

#include "control/core/federation.h"

/* The nearest first; each from a linked relay to the one that has the phone. At most `max`. */
size_t call_ways(struct core *c, const char *name, struct path *out, size_t max);

#endif
