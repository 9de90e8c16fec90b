/*
 * Against floods of log lines: one limiter for one event (the caller keeps it, per process or per
 * connection, and uses it from one thread). At most `max` lines in 10 s; the first line after that
 * says suppressed=N.
 *
 *   struct log_limiter limiter = LOG_LIMITER(5);
 *   log_limited(&limiter, now, LOG_WARN, "unknown_tag", LOG_U64("link", link));
 */
#ifndef CHAPPE_COMMON_LOG_LIMITER_H
#define CHAPPE_COMMON_LOG_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"

#define LOG_LIMITER_WINDOW_NS (10 * UINT64_C(1000000000))
#define LOG_LIMITER(lines)                                                                         \
    {                                                                                              \
        .max = (lines)                                                                             \
    }

struct log_limiter {
    uint32_t max;          /* lines in a window */
    uint32_t passed;       /* lines in this window */
    uint64_t window_start; /* ns; meaningless while passed == 0 */
    uint64_t suppressed;   /* since log_limiter_take was last asked */
};

/* True if a line may be written now (ns, CLOCK_MONOTONIC); counts it either way. */
bool log_limiter_pass(struct log_limiter *limiter, uint64_t now);

/*
 * How many were suppressed since this was last asked. Whoever frees a limiter may ask, and tell
 * the rest in a line of its own.
 */
uint64_t log_limiter_take(struct log_limiter *limiter);

/* log_limited(&limiter, now, level, "event", fields...): log_event under the limiter. */
#define log_limited(limiter, now, level, event, ...)                                               \
    do {                                                                                           \
        if (log_enabled(level) && log_limiter_pass(limiter, now))                                  \
            log_write_limited(limiter, level, "" event, LOG_FIELDS_(__VA_ARGS__));                 \
    } while (0)

/* At most this many fields are written; the limit is for the stack's sake. */
#define LOG_LIMITED_FIELDS_MAX 16

/* log_write with suppressed=N as last field if there is something to tell. */
void log_write_limited(struct log_limiter *limiter, enum log_level level, const char *event,
                       const struct log_field *fields, size_t count);

#endif
