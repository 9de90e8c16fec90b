#include "common/log_limiter.h"

#include <string.h>

bool log_limiter_pass(struct log_limiter *limiter, uint64_t now)
{
    if (limiter->passed == 0 || now - limiter->window_start >= LOG_LIMITER_WINDOW_NS) {
        limiter->window_start = now;
        limiter->passed = 0;
    }
    if (limiter->passed >= limiter->max) {
        limiter->suppressed++;
        return false;
    }
    limiter->passed++;
    return true;
}

uint64_t log_limiter_take(struct log_limiter *limiter)
{
    uint64_t suppressed = limiter->suppressed;
    limiter->suppressed = 0;
    return suppressed;
}

void log_write_limited(struct log_limiter *limiter, enum log_level level, const char *event,
                       const struct log_field *fields, size_t count)
{
    struct log_field all[LOG_LIMITED_FIELDS_MAX + 1];
    if (count > LOG_LIMITED_FIELDS_MAX)
        count = LOG_LIMITED_FIELDS_MAX;
    memcpy(all, fields, count * sizeof(*fields));
    uint64_t suppressed = log_limiter_take(limiter);
    if (suppressed > 0)
        all[count++] = LOG_U64("suppressed", suppressed);
    log_write(level, event, all, count);
}
