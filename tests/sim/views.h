/*
 * Who should see whom: a breadth-first search over links, hop limits and delegate flags, which
 * knows nothing of how relays find it out.
 */
#ifndef CHAPPE_TESTS_SIM_VIEWS_H
#define CHAPPE_TESTS_SIM_VIEWS_H

#include <limits.h>

#include "tests/sim/world.h"

#define VIEWS_FAR INT_MAX

struct views {
    int relays;
    int *distance; /* see views_distance; of relays where somebody is */
};

void views_init(struct views *v, const struct world *w);
void views_free(struct views *v);
/* How many links away the viewer sees the origin; VIEWS_FAR: it does not. */
int views_distance(const struct views *v, int origin, int viewer);

#endif
