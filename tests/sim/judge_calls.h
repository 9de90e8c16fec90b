/*
 * Presence and calls of a federation in which nothing has happened for a while.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_CALLS_H
#define CHAPPE_TESTS_SIM_JUDGE_CALLS_H

#include "tests/sim/views.h"

/* Every relay knows of exactly the phones that it should, how far away they are. */
void judge_presence(struct world *w, const struct views *v);
/* Who was called in trouble, and still is: nobody is alone in a call, and both hear each other. */
void judge_kept_calls(struct world *w);
/*
 * Some phones call others, near and far: it rings, is answered, each hears the other's packets
 * once, and when one hangs up the other is told. Where no way can be the caller is told so.
 */
void judge_calls(struct world *w, const struct views *v);

#endif
