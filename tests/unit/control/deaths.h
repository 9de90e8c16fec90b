/*
 * Deaths of control planes, in all variations: at each step of each relay, and at random. Whoever
 * tries them knows from a run without deaths how many steps each relay takes.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_DEATHS_H
#define CHAPPE_TESTS_UNIT_CONTROL_DEATHS_H

#include "harness.h"

/* Tries these deaths, one of each relay; how many there were. */
typedef size_t deaths_try(void *context, const struct deaths of[HARNESS_RELAYS_MAX]);

struct deaths_of {
    int relays;
    size_t steps[HARNESS_RELAYS_MAX]; /* that each takes */
    uint64_t headless;                /* ns until a successor adopts */
    size_t thin;                      /* of the steps one in so many is taken */
    deaths_try *try;
    void *context;
    size_t tried, died; /* so far */
};

/* One control plane dies once. */
void deaths_once(struct deaths_of *d);
/* It dies again, at one of the next `apart` steps. */
void deaths_twice(struct deaths_of *d, size_t apart);
/* All die again and again; each seed is another chance. */
void deaths_at_random(struct deaths_of *d, unsigned seeds);
/* For a message about what failed. */
void deaths_describe(const struct deaths of[HARNESS_RELAYS_MAX]);

#endif
