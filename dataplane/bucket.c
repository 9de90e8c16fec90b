#include "dataplane/bucket.h"

#include "common/clock.h"

#define BURST CLOCK_SECOND

uint64_t bucket_interval(uint32_t packets_per_second)
{
    return packets_per_second ? CLOCK_SECOND / packets_per_second : 0;
}

bool bucket_take(struct bucket *b, uint64_t interval, uint64_t now)
{
    uint64_t used = b->used_until > now ? b->used_until : now;

    if (interval == 0)
        return true;
    if (used - now + interval > BURST)
        return false;
    b->used_until = used + interval;
    return true;
}
