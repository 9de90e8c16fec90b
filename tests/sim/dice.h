/*
 * Random numbers of a simulation (splitmix64): the same seed gives the same numbers everywhere.
 */
#ifndef CHAPPE_TESTS_SIM_DICE_H
#define CHAPPE_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state; /* the seed */
};

static inline uint64_t dice_next(struct dice *d)
{
    uint64_t x = d->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* 0 to n - 1; n > 0. */
static inline uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_next(d) % n;
}

static inline bool dice_one_in(struct dice *d, uint64_t n)
{
    return dice_below(d, n) == 0;
}

#endif
