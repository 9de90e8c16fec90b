/*
 * Everything that calls and rooms can go through, as scripts that wait for what they react to. A
 * flow can be played while control planes die: it then takes longer and must look the same.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_FLOWS_H
#define CHAPPE_TESTS_UNIT_CONTROL_FLOWS_H

#include "steps.h"

struct flow {
    const char *name;
    void (*play)(struct flow_world *w);
    bool one;   /* makes sense on one relay */
    bool two;   /* ... and across two */
    bool chain; /* ... and over three links */
};

extern const struct flow flows[];
extern const size_t flow_count;

/* Is it about a room of both relays? What is announced of it and when is coalesced, so that all is
   the same only if a successor adopts at once. */
bool flow_federates(const struct flow *flow);

/* On one relay, across two or at the ends of a chain of four, with these deaths of each. */
struct flow_run {
    const struct flow *flow;
    int relays;
    uint64_t rest;
    struct deaths deaths[HARNESS_RELAYS_MAX];
};
/* What was seen: NUL-terminated lines, freed by the caller with buffer_free. `steps`: how many each
   control plane took; `died`: how often they did. */
void flow_play(const struct flow_run *run, struct buffer *seen, size_t steps[HARNESS_RELAYS_MAX],
               size_t *died);

#endif
