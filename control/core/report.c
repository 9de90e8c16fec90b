#include "control/core/report.h"

#include <string.h>

#include "control/core/state.h"

#define LINES_PER_WINDOW 100

void report_limits_init(struct report_limits *limits)
{
    *limits = (struct report_limits){0};
    for (size_t i = 0; i < REPORT_KINDS; i++)
        limits->of[i].max = LINES_PER_WINDOW;
}

static void write_log(struct core *c, enum log_level level, const char *event,
                      const struct log_field *fields, size_t count)
{
    if (c->settings.effects.log != NULL)
        c->settings.effects.log(c->settings.context, level, event, fields, count);
}

static void write_event(struct core *c, const char *event, const struct log_field *fields,
                        size_t count)
{
    if (c->settings.effects.event != NULL)
        c->settings.effects.event(c->settings.context, event, fields, count);
}

void report_write(struct core *c, enum log_level level, const char *event,
                  const struct log_field *fields, size_t count)
{
    write_log(c, level, event, fields, count);
    write_event(c, event, fields, count);
}

void report_write_limited(struct core *c, enum report_kind kind, enum log_level level,
                          const char *event, const struct log_field *fields, size_t count)
{
    struct log_limiter *limiter = &c->report_limits.of[kind];
    write_event(c, event, fields, count);
    if (!log_limiter_pass(limiter, c->now))
        return;
    struct log_field all[LOG_LIMITED_FIELDS_MAX + 1];
    if (count > LOG_LIMITED_FIELDS_MAX)
        count = LOG_LIMITED_FIELDS_MAX;
    memcpy(all, fields, count * sizeof(*fields));
    uint64_t suppressed = log_limiter_take(limiter);
    if (suppressed > 0)
        all[count++] = LOG_U64("suppressed", suppressed);
    write_log(c, level, event, all, count);
}
