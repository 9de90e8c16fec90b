/*
 * Log lines of the core. What a stranger can cause at will goes through a limiter, but for the
 * event log, which has its own.
 */
#ifndef CHAPPE_CONTROL_CORE_REPORT_H
#define CHAPPE_CONTROL_CORE_REPORT_H

#include "common/log.h"
#include "common/log_limiter.h"
#include "control/core/counters.h"

struct core;

/* report(c, level, "event", fields...) */
#define report(c, level, event, ...) report_write(c, level, "" event, LOG_FIELDS_(__VA_ARGS__))
void report_write(struct core *c, enum log_level level, const char *event,
                  const struct log_field *fields, size_t count);

/* Kinds of lines that have one limiter each. */
enum report_kind {
    REPORT_SIGNAL,     /* a message that makes no sense */
    REPORT_CONNECTION, /* a connection that comes, goes, or is refused */
    REPORT_JOIN,       /* a media join refused */
    REPORT_CALL,       /* a call or an attempt at one */
    REPORT_FORWARD,    /* what a peer relay may not say */
    REPORT_LINK,       /* a link with a peer of the config that comes or goes */
    REPORT_STRANGER,   /* a relay that is refused: whoever knocks can make these */
    REPORT_KINDS,
};

struct report_limits {
    struct log_limiter of[REPORT_KINDS];
};
void report_limits_init(struct report_limits *limits);

/* report_limited(c, kind, level, "event", fields...) */
#define report_limited(c, kind, level, event, ...)                                                 \
    report_write_limited(c, kind, level, "" event, LOG_FIELDS_(__VA_ARGS__))
void report_write_limited(struct core *c, enum report_kind kind, enum log_level level,
                          const char *event, const struct log_field *fields, size_t count);

#endif
