/*
 * Probes (SNI `_probe`): each fourth relay measures another one, linked with it or not.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_PROBES_H
#define CHAPPE_TESTS_SIM_JUDGE_PROBES_H

#include "tests/sim/world.h"

/* Each target answers, in the time that its line takes, and is known if it is in the config. */
void judge_probes(struct world *w);

#endif
