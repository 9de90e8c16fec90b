/*
 * Is anything left over that belongs to nothing? Everybody stays where they are, and all relays
 * start anew from nothing, both planes: what they make then is what is needed, and each must have
 * held as much before, after all that had happened to it.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_ORPHANS_H
#define CHAPPE_TESTS_SIM_JUDGE_ORPHANS_H

#include "tests/sim/world.h"

/* Only without originals, whose past counts (federation.md, "What an original says"). */
void judge_orphans(struct world *w);

#endif
