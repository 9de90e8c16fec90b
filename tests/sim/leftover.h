/*
 * What is left at relays of ours when everybody has gone. Nothing, without originals. An original
 * that has ever announced somebody with a label counts as listening from then on (federation.md,
 * "Interest toward an original"): its Inactive says nothing of those behind it. So the ways of
 * media to such an original stay, and each route must lead to one.
 */
#ifndef CHAPPE_TESTS_SIM_LEFTOVER_H
#define CHAPPE_TESTS_SIM_LEFTOVER_H

#include "tests/sim/world.h"

/* No member, phone, call or transit; no room, route or want but for originals that listen. */
void leftover_judge(struct world *w);

#endif
