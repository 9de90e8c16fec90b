/*
 * What must be true when nothing has happened for a while. What people should see and hear comes
 * from a breadth-first search over links, hop limits and delegate flags that knows nothing of how
 * relays find it out.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_H
#define CHAPPE_TESTS_SIM_JUDGE_H

#include "tests/sim/world.h"

/*
 * Everybody who is in a room is in it; sees exactly those who should be seen; hears every packet of
 * everybody else there once, and nothing else; no message circulates; nothing is left over. What is
 * wrong goes to world_wrong. At most `talkers` of the people talk.
 */
void judge(struct world *w, int talkers);

/* Everybody goes: no room, call, route or phone is left, and no record of one, but for originals
   that count as listening (leftover.h). */
void judge_emptiness(struct world *w);

#endif
