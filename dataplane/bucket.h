/*
 * A token bucket in eight bytes: so many packets a second, with a burst of one second. (It keeps
 * the time until which the past packets have used up the rate: the generic cell rate algorithm.)
 */
#ifndef CHAPPE_DATAPLANE_BUCKET_H
#define CHAPPE_DATAPLANE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised is a full bucket. */
struct bucket {
    uint64_t used_until; /* ns, CLOCK_MONOTONIC */
};

/* Nanoseconds between two packets at this rate; 0 packets/s = unlimited gives 0. */
uint64_t bucket_interval(uint32_t packets_per_second);
/* True if a packet may pass at `now`; it then counts. Interval 0 lets everything pass. */
bool bucket_take(struct bucket *b, uint64_t interval, uint64_t now);

#endif
