#include "common/clock.h"

#include <stdio.h>
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

uint64_t clock_wall_us(void)
{
    return clock_read(CLOCK_REALTIME) / CLOCK_US;
}

static size_t seconds_text(uint64_t unix_seconds, char out[CLOCK_TEXT])
{
    time_t seconds = (time_t)unix_seconds;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    return strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
}

void clock_text(uint64_t unix_ms, char out[CLOCK_TEXT])
{
    size_t len = seconds_text(unix_ms / 1000, out);
    snprintf(out + len, CLOCK_TEXT - len, ".%03uZ", (unsigned)(unix_ms % 1000));
}

void clock_text_us(uint64_t unix_us, char out[CLOCK_TEXT])
{
    size_t len = seconds_text(unix_us / 1000000, out);
    snprintf(out + len, CLOCK_TEXT - len, ".%06uZ", (unsigned)(unix_us % 1000000));
}
