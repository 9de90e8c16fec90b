/*
 * How often which latency was seen, in memory that does not grow: below 64 ns exact, above within
 * 1/32 of the value.
 */
#ifndef CHAPPE_BENCH_HISTOGRAM_H
#define CHAPPE_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 2048

/* Zero-initialised is valid and empty. */
struct histogram {
    uint64_t total;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
/* The value that `share` (0 to 1) of all values do not exceed; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif
