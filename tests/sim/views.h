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
    int originals;    /* the last of them */
    int *distance;    /* see views_distance; of relays where somebody is, and of originals */
    bool *over_links; /* see views_overhears: by origin, then original */
};

void views_init(struct views *v, const struct world *w);
void views_free(struct views *v);
/* How many links away the viewer sees the origin; VIEWS_FAR: it does not. */
int views_distance(const struct views *v, int origin, int viewer);
/*
 * Whether the viewer may hear the origin by way of originals, though it need not see it. An
 * original sends what one of its links brings on to all others (protocol.md 5.12, defect 45), and
 * its datagrams name nobody: to us all of it is the original's own, for everybody who sees the
 * original (federation.md, "Media": neither `delegate` nor the hop limit can hold there).
 */
bool views_overhears(const struct views *v, int origin, int viewer);

#endif
