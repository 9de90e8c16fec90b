#include "deaths.h"

static void try(struct deaths_of *d, const struct deaths of[HARNESS_RELAYS_MAX])
{
    d->died += d->try(d->context, of);
    d->tried++;
}

static void try_at(struct deaths_of *d, int relay, size_t first, size_t second)
{
    struct deaths of[HARNESS_RELAYS_MAX] = {0};
    of[relay] = (struct deaths){.at = {first, second}, .headless = d->headless};
    try(d, of);
}

/* The first of the steps taken: another one from time to time. */
static size_t first(const struct deaths_of *d)
{
    return 1 + d->tried % d->thin;
}

void deaths_once(struct deaths_of *d)
{
    for (int i = 0; i < d->relays; i++) {
        for (size_t at = first(d); at <= d->steps[i]; at += d->thin)
            try_at(d, i, at, 0);
    }
}

void deaths_twice(struct deaths_of *d, size_t apart)
{
    for (int i = 0; i < d->relays; i++) {
        for (size_t at = first(d); at <= d->steps[i]; at += d->thin) {
            for (size_t k = 1; k <= apart; k++)
                try_at(d, i, at, at + k);
        }
    }
}

void deaths_at_random(struct deaths_of *d, unsigned seeds)
{
    static const unsigned one_in[] = {2, 3, 5, 8, 13};
    static const uint64_t primes[] = {7919, 104729, 15485863, 49979687};
    struct deaths of[HARNESS_RELAYS_MAX] = {0};
    unsigned rarer = d->headless > 0 ? 3 : 1; /* each costs time */
    for (unsigned seed = 1; seed <= seeds; seed++) {
        for (int i = 0; i < d->relays; i++)
            of[i] = (struct deaths){.one_in = one_in[seed % 5] * rarer,
                                    .random = seed * primes[i % 4],
                                    .headless = d->headless};
        try(d, of);
    }
}

void deaths_describe(const struct deaths of[HARNESS_RELAYS_MAX])
{
    for (int i = 0; i < HARNESS_RELAYS_MAX; i++) {
        for (size_t k = 0; k < HARNESS_DEATHS_MAX && of[i].at[k] != 0; k++)
            print_error(" relay %d dies at step %zu", i, of[i].at[k]);
        if (of[i].one_in != 0)
            print_error(" relay %d dies at one in %u steps (%llu)", i, of[i].one_in,
                        (unsigned long long)of[i].random);
        if (of[i].headless != 0)
            print_error(" and is headless");
    }
    print_error("\n");
}
