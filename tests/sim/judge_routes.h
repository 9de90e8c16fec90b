/*
 * Ways to phones, as operators ask for them (`chappectl route`): what presence knows, and beyond
 * its reach what relays find that ask each other.
 */
#ifndef CHAPPE_TESTS_SIM_JUDGE_ROUTES_H
#define CHAPPE_TESTS_SIM_JUDGE_ROUTES_H

#include "tests/sim/ways.h"

/*
 * Relays are asked for phones, each a few that are somewhere and one that is nowhere. What is found
 * is a way that can be, no longer than presence has it; what can be found is found; no query is
 * left over.
 */
void judge_routes(struct world *w, const struct views *v);
/* Asks the relay, and waits for the answer. False: it found none. */
bool judge_ask(struct world *w, int relay, const char *phone, struct way *out);

#endif
