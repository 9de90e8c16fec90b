/*
 * Presence and calls of a federation in which nothing has happened for a while.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_CALLS_H
#define CHAPPE_TESTS_SIM_JUDGE_CALLS_H

#include "tests/sim/views.h"

/* Every relay knows of exactly the phones that it should, how far away they are. */
void judge_presence(struct world *w, const struct views *v);
/*
 * Some phones call others: it rings, is answered, each hears the other's packets once, and when one
 * hangs up the other is told. Only where all have delegate, else what is admitted one way may be
 * refused the other way.
 */
void judge_calls(struct world *w, const struct views *v);

#endif
