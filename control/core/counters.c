#include "control/core/counters.h"

static const uint64_t bounds[CORE_JOIN_BUCKET_COUNT] = {
#define X(ns, text) UINT64_C(ns),
    CORE_JOIN_BUCKETS(X)
#undef X
};

void core_join_times_add(struct core_join_times *times, uint64_t ns)
{
    times->count++;
    times->sum += ns;
    for (size_t i = 0; i < CORE_JOIN_BUCKET_COUNT; i++) {
        if (ns <= bounds[i]) {
            times->buckets[i]++;
            return;
        }
    }
}
