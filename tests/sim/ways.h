/*
 * Ways through a federation as its shape and its delegate flags allow them: what relays answer when
 * they are asked for the way to a phone, and along which ways a call may go. Like views.h it knows
 * nothing of how relays find it out. Originals are on no way.
 */
#ifndef CHAPPE_TESTS_SIM_WAYS_H
#define CHAPPE_TESTS_SIM_WAYS_H

#include "tests/sim/views.h"

#define WAYS_MAX 16 /* relays on one */

/* From a relay that is not named: the next one first, the phone's last. */
struct way {
    int relays[WAYS_MAX];
    int count;
};

/* They are linked. */
bool ways_linked(const struct world *w, int a, int b);
/* They are linked, and `a` accepts what `b` forwards. */
bool ways_trusts(const struct world *w, int a, int b);
/* The links are there, nobody is twice on it, and all believe what it was learned from. */
bool ways_is_sound(const struct world *w, int from, const struct way *way);
/* Nobody on it refuses an offer that comes along it. */
bool ways_carries_offer(const struct world *w, int from, const struct way *way);
/*
 * How many links from `from` to the phone's relay a query finds at best: it goes from relay to
 * relay that is trusted, until one sees the phone's relay. VIEWS_FAR: none.
 */
int ways_asked(const struct world *w, const struct views *v, int from, int to);
/* How many links the shortest way has that can be learned and carries an offer; VIEWS_FAR: none. */
int ways_of_call(const struct world *w, int from, int to);

#endif
