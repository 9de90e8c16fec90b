/*
 * Log lines for operators: one event, one line, written to standard error with one write(2).
 *
 *   text  2026-11-22T15:04:05.123Z info call_ringing plane=control call_id=c1 alias="Bob B"
 *   json  {"ts":"2026-11-22T15:04:05.123Z","level":"info","event":"call_ringing","plane":...}
 *
 * A line is made from an event's name (a literal, snake_case) and typed fields (keys are literals
 * too):
 *
 *   log_event(LOG_INFO, "call_ringing", LOG_STR("call_id", id), LOG_U64("phones", n));
 *
 * Values may come from anywhere: control characters, line ends, invalid UTF-8 and characters that
 * turn the reading direction are escaped, so that nobody can forge a line; long ones are cut.
 * Secrets (seeds, keys, tokens) are never logged; that is the caller's duty. Nothing here belongs
 * on the media path.
 *
 * The configuration is the process's own and the one global here. Configure before the first
 * thread starts; log_level_set and log_event may be called from any thread.
 */
#ifndef CHAPPE_COMMON_LOG_H
#define CHAPPE_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum log_level {
    LOG_ERROR, /* an operator must act */
    LOG_WARN,  /* refused, failed or dropped; the program deals with it */
    LOG_INFO,  /* what happens: connections, calls, links */
    LOG_DEBUG,
};

enum log_format {
    LOG_TEXT,
    LOG_JSON,
};

#define LOG_LINE_MAX 4096  /* bytes of a line with its line end: a pipe takes it in one piece */
#define LOG_VALUE_MAX 1024 /* bytes of a value; what is longer is cut, and ends in "..." */

struct log_config {
    enum log_level level; /* this level and the graver ones are written */
    enum log_format format;
    int fd;            /* borrowed; 2 for standard error */
    const char *plane; /* value of the key `plane`; borrowed for ever; NULL: no such key */
};

/* Before the first call: level info, text, standard error, no plane. */
void log_configure(const struct log_config *config);
void log_level_set(enum log_level level);

bool log_enabled(enum log_level level);
/* Lines that could not be written (the reader of our standard error is slow or gone). */
uint64_t log_lost(void);

/* The name in the config and in the lines: "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);

enum log_field_type {
    LOG_FIELD_TEXT,
    LOG_FIELD_HEX,
    LOG_FIELD_U64,
    LOG_FIELD_I64,
    LOG_FIELD_BOOL,
};

struct log_field {
    const char *key;
    enum log_field_type type;
    union {
        struct bytes bytes; /* TEXT and HEX; BYTES_NONE is written as null */
        uint64_t u64;
        int64_t i64;
        bool boolean;
    } value;
};

/* One field. The text is read during the call only. */
#define LOG_BYTES(name, view) LOG_FIELD_(name, LOG_FIELD_TEXT, bytes, view)
#define LOG_STR(name, string) LOG_FIELD_(name, LOG_FIELD_TEXT, bytes, bytes_of_string(string))
#define LOG_HEX(name, view) LOG_FIELD_(name, LOG_FIELD_HEX, bytes, view)
#define LOG_U64(name, number) LOG_FIELD_(name, LOG_FIELD_U64, u64, number)
#define LOG_I64(name, number) LOG_FIELD_(name, LOG_FIELD_I64, i64, number)
#define LOG_BOOL(name, truth) LOG_FIELD_(name, LOG_FIELD_BOOL, boolean, truth)
/* error="the text of an error code of common/error.h" */
#define LOG_ERR(code) LOG_STR("error", error_text(code))

#define LOG_FIELD_(name, kind, member, what)                                                       \
    ((struct log_field){.key = "" name, .type = (kind), .value = {.member = (what)}})

/* log_event(level, "event", fields...): the fields are not evaluated if the level is off. */
#define log_event(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_write(level, "" event, LOG_FIELDS_(__VA_ARGS__));                                  \
    } while (0)

/* The fields as an array and its length. Its first element only keeps an empty list legal C. */
#define LOG_ARRAY_(...) ((const struct log_field[]){{.key = NULL} __VA_OPT__(, ) __VA_ARGS__})
#define LOG_FIELDS_(...)                                                                           \
    LOG_ARRAY_(__VA_ARGS__) + 1, sizeof(LOG_ARRAY_(__VA_ARGS__)) / sizeof(struct log_field) - 1

/* What log_event calls; for fields that a program collects at run time. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);

/*
 * The line itself, without the process's configuration: writes at most LOG_LINE_MAX bytes to `out`,
 * the line end included, no NUL, and returns how many. `unix_ms` is milliseconds since 1970, UTC.
 * Fields that no longer fit are left out and the line says truncated=true.
 */
size_t log_line(char *out, enum log_format format, uint64_t unix_ms, const char *plane,
                enum log_level level, const char *event, const struct log_field *fields,
                size_t count);

#endif
