/*
 * The two shapes of traffic. In both, the first members of each room talk, and all others hear
 * them.
 */
#ifndef CHAPPE_BENCH_TALK_H
#define CHAPPE_BENCH_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load/swarm.h"

struct talk {
    struct swarm *swarm;
    size_t rooms, members; /* members of each room; members of a room lie side by side */
    size_t talkers;        /* of each room; flat out: 1 */
    size_t bytes;          /* of a packet */
    uint64_t period;       /* ns between two packets of one talker; 0: as fast as it goes */
    uint64_t start;        /* ns, CLOCK_MONOTONIC */
    uint64_t turns;        /* packets that were due so far, of all talkers */
    uint64_t sent;         /* packets queued so far */
};

/* Talks until `until`. The talkers' packets are spread evenly over the period. 0 or an error. */
int talk_run(struct talk *t, uint64_t until);

#endif
