#include "common/clock.h"

#include <time.h>

static uint64_t clock_read(clockid_t id)
{
    struct timespec t = {0};
    clock_gettime(id, &t); /* cannot fail for these two clocks */
    return (uint64_t)t.tv_sec * CLOCK_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return clock_read(CLOCK_REALTIME) / CLOCK_MS;
}
