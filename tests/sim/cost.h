/*
 * What things cost: messages and bytes between relays until nothing is said any more.
 */
#ifndef CHAPPE_TESTS_SIM_COST_H
#define CHAPPE_TESTS_SIM_COST_H

#include "tests/sim/world.h"

/* Prints a table for a federation in which nothing has happened yet. */
void cost_report(struct world *w);

#endif
