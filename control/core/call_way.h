/*
 * The ways to a phone: along which relays an offer goes to those of the federation that have it
 * registered (presence.h), or may have it because they are originals, who say nothing of that.
 * Each way is from a linked relay to the one that is asked.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_WAY_H
#define CHAPPE_CONTROL_CORE_CALL_WAY_H

#include "control/core/federation.h"

#define CALL_WAYS_MAX 16

/* To where presence has it, the nearest first; at most `max`, and CALL_WAYS_MAX. */
size_t call_ways(const struct core *c, const char *name, struct path *out, size_t max);
/*
 * To each original that is not linked with us, by the one relay of ours that speaks with it: of
 * those that publish it in a global room, the one with the lowest fingerprint.
 */
size_t call_ways_to_originals(const struct core *c, struct path *out, size_t max);

#endif
