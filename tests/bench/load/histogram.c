#include "tests/bench/load/histogram.h"

#include <string.h>

#define STEPS 32 /* buckets for each power of two */
#define STEPS_LOG2 5

static unsigned bucket_of(uint64_t value)
{
    if (value < 2 * STEPS)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEPS_LOG2;
    return shift * STEPS + (unsigned)(value >> shift);
}

/* The largest value in a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    unsigned shift = bucket / STEPS - 1;
    uint64_t step = bucket % STEPS + STEPS + 1;
    return (step << shift) - 1;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[bucket_of(value)]++;
    h->total++;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    double wanted = share * (double)h->total;
    uint64_t seen = 0;
    for (unsigned i = 0; h->total > 0 && i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (h->buckets[i] > 0 && (double)seen >= wanted)
            return bucket_end(i);
    }
    return 0;
}
